"""Where a node's work runs: ``concurrent.futures.Executor`` is the protocol, this module has its inline form."""

from __future__ import annotations

from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["InlineExecutor", "executor_for"]


class InlineExecutor(Executor):
    """Runs a call at once, in the thread that submits it; Ctrl-C passes through."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """A future that is done already."""
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def executor_for(workers: int) -> Executor:
    """Inline for one worker, else that many threads."""
    return InlineExecutor() if workers == 1 else ThreadPoolExecutor(workers, thread_name_prefix="seeknal_node")
