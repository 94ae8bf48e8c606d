"""Where a node's work runs: ``concurrent.futures.Executor`` is the protocol, this module has its inline form."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import UsageError, text_of
from seeknal_nb.version import host

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DaemonExecutor", "InlineExecutor", "checked", "executor_for", "machine_memory", "where", "works_here"]


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


def where() -> str:
    """This process: host and number."""
    return f"{host()}:{os.getpid()}"


def works_here(executor: Executor) -> bool:
    """Whether what is submitted runs in this process; an executor that is not of the standard library is asked.

    Raises:
        UsageError: It does not answer.
    """
    if isinstance(executor, ThreadPoolExecutor) or _is_of_processes(executor):
        return isinstance(executor, ThreadPoolExecutor)
    try:
        return bool(executor.submit(where).result() == where())
    except Exception as error:
        raise UsageError(
            f"the executor {type(executor).__name__} does no work",
            why=f"{type(error).__name__}: {text_of(error)}",
            remedy="take one that is open, and whose processes can import seeknal_nb",
        ) from error


def _is_of_processes(executor: Executor | None) -> bool:
    """Whether it is the standard library's pool of processes; who has one has imported it, and here it would take 8 ms."""
    module = sys.modules.get("concurrent.futures.process")
    return module is not None and isinstance(executor, module.ProcessPoolExecutor)


def checked(executor: Executor | None) -> Executor | None:
    """The executor; what is none is refused, and a pool whose processes are forks.

    In a fork, locks of DuckDB's threads are taken, and never given back.
    """
    if executor is not None and (isinstance(executor, type) or not callable(getattr(executor, "submit", None))):
        raise UsageError(
            f"{executor!r:.100} is no executor",
            why="it has no submit()",
            remedy='ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")), or another that is open',
        )
    context = getattr(executor, "_mp_context", None)
    if _is_of_processes(executor) and context is not None and context.get_start_method() == "fork":
        raise UsageError(
            "the executor is a ProcessPoolExecutor that forks",
            why="a fork of a process with threads may wait for ever",
            remedy='ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn"))',
        )
    return executor


def machine_memory() -> int:
    """Bytes that this process may have, as the machine or its container says; 0 where neither tells."""
    try:
        whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows
        return 0
    try:
        return min(whole, int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    except (OSError, ValueError):  # no container, or "max"
        return whole
