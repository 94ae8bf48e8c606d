"""Where a node's work runs: ``concurrent.futures.Executor`` is the protocol, this module has its inline form."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import Executor, Future
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DaemonExecutor", "InlineExecutor", "executor_for"]


class InlineExecutor(Executor):
    """Runs a call at once, in the thread that submits it; Ctrl-C passes through."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """A future that is done already."""
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class DaemonExecutor(Executor):
    """Threads that the end of the program does not wait for, as it does for those of the standard library's pool.

    A statement that runs there would keep a kernel from restarting, because nobody could interrupt it any more.
    """

    def __init__(self, workers: int) -> None:
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        names = [f"seeknal_node_{number}" for number in range(workers)]
        self._threads = [threading.Thread(target=self._work, name=name, daemon=True) for name in names]
        for thread in self._threads:
            thread.start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """A future of the call, which a thread takes up when one is free."""
        future: Future[Any] = Future()
        self._calls.put((future, lambda: fn(*args, **kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002
        """Let the threads end; ``wait`` for it."""
        with contextlib.suppress(Empty):
            while cancel_futures:
                if call := self._calls.get_nowait():
                    call[0].cancel()
        for _ in self._threads:
            self._calls.put(None)
        for thread in self._threads if wait else ():
            thread.join()

    def _work(self) -> None:
        while call := self._calls.get():
            future, work = call
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work())
                except BaseException as error:  # noqa: BLE001 - whoever asks for the result gets it
                    future.set_exception(error)


def executor_for(workers: int) -> Executor:
    """Inline for one worker, else that many threads."""
    return InlineExecutor() if workers == 1 else DaemonExecutor(workers)
