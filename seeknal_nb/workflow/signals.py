"""Signals that interrupt, raised until they are heard: who is called back, as ``__del__`` is, loses the first. Knows no run.

An exception goes no further than a weak reference's callback, which each import has, and than a library's bare
``except``; and one that breaks off the import of a library in C may leave that broken for the life of the process.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # what ``signal`` wraps: a run of thousands of nodes asks it for each of them
import _thread
import signal
import sys
import threading
import time
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from types import FrameType

__all__ = ["NUMBERS", "heard", "insistent", "insistently", "interrupted"]

T = TypeVar("T")
STEP: Final = 0.1
"""Seconds after which a signal that nobody has heard is raised again."""
IMPORT: Final = 1.5
"""Seconds that an import may take to its end, of the two that a user waits; none where the process ends anyway."""
_IMPORT_SYSTEM = "<frozen importlib._bootstrap"
NUMBERS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""The signals that may interrupt; Windows has no SIGHUP."""


class _Signals:
    """The signals of this process while the main thread does work that they stop; what handled them before still does."""

    def __init__(self) -> None:
        self._former: dict[int, Any] = {}
        self._depth = 0
        self._lock = threading.Lock()  # between who raises it again, and who says that it was heard
        self._ours = False
        self._until = 0.0
        self.said: BaseException | None = None

    def __enter__(self) -> None:
        self._depth += 1
        try:
            for number in NUMBERS if self._depth == 1 else ():
                former = _signal.getsignal(number)
                if callable(former) and former != self._handle:
                    self._former[number] = former
                    _signal.signal(number, self._handle)
        except BaseException:  # what came before is raised here
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if not self._depth:
            self.heard()
            for number, former in self._former.items():
                if _signal.getsignal(number) == self._handle:  # else a body has put its own there
                    _signal.signal(number, former)

    def heard(self) -> BaseException | None:
        """It need not be raised again; gives it."""
        with self._lock:
            said, self.said = self.said, None
            return said

    def _handle(self, number: int, frame: FrameType | None) -> None:
        ours, self._ours = self._ours, False
        if not ours:
            self._hear(number, frame)
        if self.said is not None and not self._untimely(frame):
            raise self.said.with_traceback(None)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        """Somebody's signal, who may have raised an earlier one: then it is raised at once, whatever goes on.

        An exception with a ``code`` ends the process with it.
        """
        again = self.said is not None
        try:
            self._former[number](number, frame)
        except KeyboardInterrupt as error:
            if again or not self._depth:
                raise
            self.said, self._until = error, time.monotonic() + (0 if hasattr(error, "code") else IMPORT)
            with suppress(RuntimeError):  # there is no room for another thread
                _thread.start_new_thread(self._insist, (number, error))  # a Thread would be waited for, with locks

    def _untimely(self, frame: FrameType | None) -> bool:
        """Whether it is being handled already, as in a ``finally``, or an import is under way that may still end.

        Never is it raised in the import system itself, whose locks would stay taken: the next import would wait for ever.
        """
        if sys.exc_info()[1] is self.said or (frame is not None and _imports(frame)):
            return True
        while frame is not None and not _imports(frame):
            frame = frame.f_back
        return frame is not None and time.monotonic() < self._until

    def _insist(self, number: int, error: BaseException) -> None:
        main = threading.main_thread().ident
        while self.said is error:
            time.sleep(STEP)
            with self._lock:
                if self.said is error:
                    self._ours = True
                    if hasattr(signal, "pthread_kill") and main is not None:
                        signal.pthread_kill(main, number)  # which ends a sleep, too
                    else:
                        _thread.interrupt_main(signal.Signals(number))


def _imports(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_IMPORT_SYSTEM)


_SIGNALS = _Signals()
"""One a process, as what it stands for."""


def insistently(things: Generator[T]) -> Generator[T]:
    """The same, of which no signal is lost that comes while the main thread makes the next of them.

    Where it comes through in no other way, it is raised where the one before was yielded, or behind the last.
    """
    with closing(things):
        missed: BaseException | None = None
        while True:
            if threading.current_thread() is not threading.main_thread():
                thing = next(things, None)
            else:
                with _SIGNALS:
                    thing = next(things, None) if missed is None else things.throw(missed)
                    missed = _SIGNALS.heard()
            if thing is None:
                if missed is not None:
                    raise missed
                return
            yield thing


@contextmanager
def insistent() -> Iterator[None]:
    """Inside, no signal to the main thread is lost; where it comes through in no other way, it is raised at the end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with _SIGNALS:
        yield
        missed = _SIGNALS.heard()
    if missed is not None:
        raise missed


def heard() -> None:
    """Whoever stops because of a signal says so: it need not be raised again."""
    if threading.current_thread() is threading.main_thread():
        _SIGNALS.heard()


def interrupted() -> bool:
    """Whether a signal came while this thread, the main one, did its work, whatever became of its exception."""
    return _SIGNALS.said is not None and threading.current_thread() is threading.main_thread()
