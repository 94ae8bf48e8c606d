"""Runs in a thread of their own, one after another, each with a handle. Knows no notebook and no widget."""

from __future__ import annotations

import atexit
import contextlib
import contextvars
import threading
import time
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, Protocol

from seeknal_nb.engines.interrupts import STEP, in_steps
from seeknal_nb.errors import UsageError
from seeknal_nb.workflow.events import RunFinished, RunStarted

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from seeknal_nb.workflow.events import Event, ExecutionSummary
    from seeknal_nb.workflow.request import Request

__all__ = ["Background", "BackgroundRun"]

LEAVE = 4.0
"""Seconds that leaving waits for a run to stop; Jupyter kills a kernel that takes five."""


class Stream(Protocol):
    """Begins a run and gives its events; who sets ``cancelled`` stops it."""

    def __call__(self, request: Request, /, *, cancelled: threading.Event) -> Generator[Event]: ...


class BackgroundRun:
    """The handle of a run that somebody started and did not wait for.

    Args:
        request: What it was asked for.
        interrupt: Stops the statement that the run is in; it is called again until the run has ended.

    Attributes:
        run_id: The run's own; empty until it has begun, and of a dry one.
    """

    def __init__(self, request: Request, interrupt: Callable[[], None]) -> None:
        self.request = request
        self._interrupt = interrupt
        self._future: Future[ExecutionSummary | None] = Future()
        self._context = contextvars.copy_context()  # a kernel sends a thread's output to the cell of its context
        self._cancelled, self._ended = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._stop: threading.Thread | None = None
        self._interrupted = False
        self.run_id = ""

    @property
    def command(self) -> str:
        """What was asked for, as a command line has it."""
        return self.request.command

    @property
    def state(self) -> str:
        """``queued``, ``running``, ``finished``, ``failed`` (a node did, or the run could not begin) or ``cancelled``."""
        if self._future.cancelled() or self._interrupted:
            return "cancelled"
        if not self._future.done():
            return "running" if self._future.running() else "queued"
        return "failed" if self.error is not None or (self.summary and self.summary.failed) else "finished"

    @property
    def done(self) -> bool:
        """Whether it has ended, however that was."""
        return self._future.done()

    @property
    def stopping(self) -> bool:
        """Whether somebody cancelled it, and it has not ended yet."""
        return self._stop is not None and not self._future.done()

    @property
    def summary(self) -> ExecutionSummary | None:
        """How it came out; None while it goes on, and where it could not begin."""
        over = self._future.done() and not self._future.cancelled() and self._future.exception() is None
        return self._future.result() if over else None

    @property
    def error(self) -> BaseException | None:
        """Why it could not begin, or broke off; None also where only nodes failed."""
        return self._future.exception() if self._future.done() and not self._future.cancelled() else None

    def wait(self, timeout: float | None = None) -> ExecutionSummary | None:
        """Wait until it has ended, at most ``timeout`` seconds; gives the summary. Interrupting this leaves the run alone.

        Raises:
            TimeoutError: It goes on.
            CancelledError: It was cancelled before it began.
            SeeknalError: It could not begin.
        """
        return self._future.result(timeout)

    def cancel(self) -> None:
        """Stop it: nothing more starts, SQL is interrupted, a Python body comes to its end, what is finished is kept."""
        self._cancelled.set()
        if self._future.cancel():  # not under the lock, for this calls who wants to be told
            return
        with self._lock:
            if self._ended.is_set() or self._stop is not None:
                return
            stop = threading.Thread(
                target=in_steps, args=(self._ended.wait, self._interrupt), name="seeknal-cancel", daemon=True
            )
            with contextlib.suppress(RuntimeError):  # from Python 3.12 on, a program that ends starts no thread
                stop.start()
                self._stop = stop

    def then(self, call: Callable[[BackgroundRun], None]) -> None:
        """Call with this handle once it has ended, in the run's thread."""
        self._future.add_done_callback(lambda _: call(self))

    def go(self, stream: Stream, free: Callable[[], None]) -> None:
        """Run, in this thread, unless it was cancelled before; ``free`` is called when it has ended, before who waits."""
        self._context.run(self._go, stream, free)

    def _go(self, stream: Stream, free: Callable[[], None]) -> None:
        if not self._future.set_running_or_notify_cancel():
            free()
            return
        found: ExecutionSummary | None = None
        error: BaseException | None = None
        try:
            found = self._follow(stream)
        except BaseException as raised:  # noqa: BLE001 - a thread has nobody to raise to; ``wait`` raises it
            error = raised
        with self._lock:
            self._ended.set()
        if self._stop is not None:
            self._stop.join()  # its last interrupt must not meet the next run
        free()
        self._future.set_result(found) if error is None else self._future.set_exception(error)

    def _follow(self, stream: Stream) -> ExecutionSummary | None:
        summary = None
        with contextlib.closing(stream(self.request, cancelled=self._cancelled)) as events:
            for event in events:
                if isinstance(event, RunStarted):
                    self.run_id = event.run_id
                elif isinstance(event, RunFinished):
                    summary, self._interrupted = event.summary, event.interrupted
        return summary

    def __repr__(self) -> str:
        told = f": {self.error}" if self.error is not None else f": {self.summary}" if self.summary else ""
        return f"{self.command} in the background, {self.state}{told}"


class Background:
    """The background runs of one project: one goes on, the others wait in the order in which they came.

    Args:
        stream: Begins a run and gives its events.
        interrupt: Stops the statements that are running; for another thread.
        handle: Makes the handle of a run, as ``BackgroundRun`` does.
    """

    def __init__(
        self,
        stream: Stream,
        interrupt: Callable[[], None],
        handle: Callable[[Request, Callable[[], None]], BackgroundRun] = BackgroundRun,
    ) -> None:
        self._stream, self._interrupt, self._handle = stream, interrupt, handle
        self._lock = threading.Lock()
        self._waiting: deque[BackgroundRun] = deque()
        self._thread: threading.Thread | None = None
        self._closed = False
        self.current: BackgroundRun | None = None

    def start(self, request: Request) -> BackgroundRun:
        """Run in the background, after those that were started before; gives the handle at once.

        Raises:
            UsageError: The project was closed.
        """
        if self._closed:
            raise UsageError("the project is closed", remedy="open it again: Project(...), or %load_ext seeknal_nb")
        run = self._handle(request, self._interrupt)
        with self._lock:
            self._waiting.append(run)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="seeknal-background", daemon=True)
                self._thread.start()
                atexit.register(self.close)
        return run

    @property
    def queued(self) -> int:
        """How many wait."""
        return sum(not run.done for run in list(self._waiting))

    @property
    def busy(self) -> bool:
        """Whether a run goes on or waits."""
        with self._lock:  # a run that is taken up is, for a moment, in neither place
            return self.current is not None or self.queued > 0

    @property
    def here(self) -> bool:
        """Whether this thread is the one of the background runs."""
        return threading.current_thread() is self._thread

    def cancel(self) -> list[BackgroundRun]:
        """Forget the runs that wait, and stop the one that goes on; gives them."""
        with self._lock:
            found = [*self._waiting, *([self.current] if self.current else [])]
        for run in found:
            run.cancel()
        return found

    def close(self) -> BackgroundRun | None:
        """Take no further runs, stop everything, and wait for it at most ``LEAVE`` seconds; gives what goes on even then."""
        self._closed = True
        self.cancel()
        thread, until = self._thread, time.monotonic() + LEAVE
        while thread is not None and not self.here and thread.is_alive() and time.monotonic() < until:
            if self.current is not None:
                self._interrupt()
            thread.join(STEP)
        atexit.unregister(self.close)
        return self.current

    def _work(self) -> None:
        while (run := self._next()) is not None:
            run.go(self._stream, self._free)

    def _next(self) -> BackgroundRun | None:
        with self._lock:
            self.current = self._waiting.popleft() if self._waiting else None
            if self.current is None:
                self._thread = None
                atexit.unregister(self.close)
            return self.current

    def _free(self) -> None:
        self.current = None
