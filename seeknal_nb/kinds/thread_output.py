"""Keep what a body prints or logs with its node, also where several run in threads. Knows no node."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["caught", "followed", "printed_so_far"]


class _Router(io.TextIOBase):
    """Stands for ``sys.stdout`` or ``sys.stderr`` while bodies run: each thread's text goes to its own buffer."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.buffers: dict[int, io.StringIO] = {}

    def write(self, text: str) -> int:
        return int(self.buffers.get(threading.get_ident(), self.stream).write(text))

    def flush(self) -> None:
        with contextlib.suppress(ValueError):  # the stream that it stands for was closed by somebody
            self.stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


_SWAP = threading.Lock()


_GOING: dict[str, tuple[io.StringIO, Callable[[str], str]]] = {}


def printed_so_far(name: str) -> str:
    """What the body that runs under this name in this process has printed until now; empty where none does."""
    out, hide = _GOING.get(name, (None, str))
    return hide(out.getvalue()) if out is not None else ""


@contextlib.contextmanager
def caught(out: io.StringIO, name: str, hide: Callable[[str], str]) -> Iterator[None]:
    """Send what this thread prints and logs to ``out``; other threads' goes where it went.

    Args:
        out: Where it goes.
        name: Under which ``printed_so_far`` has it meanwhile.
        hide: Takes credentials out of it there.
    """
    thread, handler = threading.get_ident(), logging.StreamHandler(out)
    handler.addFilter(lambda record: record.thread == thread)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    try:  # an interrupt may come at any line, and must leave nothing redirected
        _GOING[name] = out, hide
        logging.getLogger().addHandler(handler)
        for stream in ("stdout", "stderr"):
            _enter(stream, out)
        yield
    finally:
        for stream in ("stdout", "stderr"):
            _leave(stream)
        logging.getLogger().removeHandler(handler)
        _GOING.pop(name, None)


@contextlib.contextmanager
def followed(name: str, hide: Callable[[str], str]) -> Iterator[Callable[[str], object]]:
    """What is called with all that a body has printed in another process, which ``printed_so_far`` has here too then."""

    def hear(text: str) -> None:
        _GOING[name] = io.StringIO(text), hide

    try:
        yield hear
    finally:
        _GOING.pop(name, None)


def _enter(name: str, out: io.StringIO) -> None:
    with _SWAP:
        stream = getattr(sys, name)
        if not isinstance(stream, _Router):
            stream = _Router(stream)
            setattr(sys, name, stream)
        stream.buffers[threading.get_ident()] = out


def _leave(name: str) -> None:
    with _SWAP:
        router = getattr(sys, name)
        if isinstance(router, _Router):
            router.buffers.pop(threading.get_ident(), None)
            if not router.buffers:
                setattr(sys, name, router.stream)
