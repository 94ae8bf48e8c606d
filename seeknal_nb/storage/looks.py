"""Looks at files that end: one at a file system that has gone, as a network's may, is given up. Knows no node.

The system cannot be asked for an answer in time, nor can a thread that waits for one be stopped. So whoever looks says at
what; a pass of many looks has a thread of its own, and who waits for it sees where it stands still.
"""

from __future__ import annotations

import contextvars
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from seeknal_nb.errors import NodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

__all__ = ["AT", "LIMIT", "each", "in_time", "looking", "said"]

T = TypeVar("T")
R = TypeVar("R")
LIMIT: Final = 10.0
"""Seconds without an answer: a disk that has to start takes five of them, and a server that is gone never answers."""
AT: dict[int, tuple[object]] = {}
"""What each thread looks at just now; a new tuple for every question, so that two of one path are not the same."""


def said(path: object) -> None:
    """The file system has answered; the next question, within a ``looking``, is about this path."""
    AT[threading.get_ident()] = (path,)


@contextmanager
def looking(path: object) -> Iterator[None]:
    """The file system is asked about this path inside."""
    said(path)
    try:
        yield
    finally:
        AT.pop(threading.get_ident(), None)


def each(paths: Iterable[Path]) -> Iterator[Path]:
    """The same paths, of which each is an answer, within a ``looking``."""
    for path in paths:
        said(path)
        yield path


class _Pass(Generic[T, R]):
    """One thread's looks, until it is through or stands still."""

    def __init__(self, look: Callable[[T], R], items: Sequence[T]) -> None:
        self._look, self._items = look, items
        self._found: list[R] = []
        self._error: BaseException | None = None
        self._ended, self._left = threading.Event(), False
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._go,), name="seeknal-look", daemon=True)
        self._thread.start()

    def _go(self) -> None:
        try:
            for item in self._items:
                if self._left:
                    return
                self._found.append(self._look(item))
        except BaseException as error:  # noqa: BLE001 - whoever waits raises it
            self._error = error
        finally:
            self._ended.set()

    def results(self, limit: float) -> tuple[list[R], object]:
        """What was found, and the path that it stands still at for so many seconds, or None; raises what a look raised."""
        at, since = None, time.monotonic()
        try:
            while not self._ended.wait(min(limit / 10, 0.5)):
                now = AT.get(self._thread.ident or 0)
                if now is None or now is not at:
                    at, since = now, time.monotonic()
                elif time.monotonic() - since > limit:
                    return [*self._found], now[0]
        finally:
            self._left = True
        if self._error is not None:
            raise self._error
        return self._found, None


def in_time(look: Callable[[T], R], items: Sequence[T]) -> list[R | NodeError]:
    """What ``look`` gives for each item; an error where a file system does not answer, of which the others know nothing."""
    found: list[R | NodeError] = []
    limit = LIMIT
    while len(found) < len(items):
        results, path = _Pass(look, items[len(found) :]).results(limit)
        found += results
        if path is not None:
            why = f"its file system has not answered for {limit:g} seconds"
            limit = LIMIT / 10  # there may be many on that disk
            found.append(NodeError(f"{path} cannot be read", why=why, remedy="mount it again, or take the node out"))
    return found
