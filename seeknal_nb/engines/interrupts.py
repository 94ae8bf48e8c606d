"""Waiting in short steps, and interrupting again and again. Knows no engine.

The main thread sees Ctrl-C between two steps only. An interrupt that comes before its statement begins is lost, so that it
is repeated until the work has ended.
"""

from __future__ import annotations

import contextlib
import re
import threading
from typing import TYPE_CHECKING, Final, TypeVar

from seeknal_nb.errors import text_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

__all__ = ["STEP", "attended", "in_steps", "program_ends"]

T = TypeVar("T")
STEP: Final = 0.05
"""Seconds of one step: so late may Ctrl-C be noticed."""
# What pools of threads say before the main thread counts as ended, for they are closed first.
_ENDS = re.compile(r"interpreter (is shutting down|shutdown)")


def in_steps(wait: Callable[[float], T | None], between: Callable[[], object] = lambda: None) -> T:
    """What ``wait(seconds)`` gives, once that is true; ``between`` is called after each step that gave nothing."""
    while not (found := wait(STEP)):
        between()
    return found


def attended(work: Future[T], interrupt: Callable[[], object], between: Callable[[], object] = lambda: None) -> T:
    """The result of work in another thread; an error of the waiting itself, as Ctrl-C is one, first brings it to its end.

    A second one is raised at once, and the work is still brought to its end, by a thread.

    Args:
        work: What is waited for.
        interrupt: Asks the work to end; called until it has.
        between: Called after each step; what it raises ends the waiting.
    """

    def ended(seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            work.exception(timeout=seconds)
        return work.done()

    try:
        in_steps(ended, between)
    except BaseException:
        try:
            in_steps(ended, interrupt)
        except BaseException:
            threading.Thread(target=in_steps, args=(ended, interrupt), name="seeknal-interrupt", daemon=True).start()
            raise
        raise
    return work.result()


def program_ends(error: BaseException) -> bool:
    """Whether the end of the program may have brought the error, whatever it says.

    The main thread counts as ended before anything registered with ``atexit`` is called. DuckDB registers later than
    ``Background`` does, so it is called first: its connections say that they are busy before anybody has cancelled the run.
    """
    return not threading.main_thread().is_alive() or bool(_ENDS.search(text_of(error)))
