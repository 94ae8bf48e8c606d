"""What a card says below its name; the browser says the same. Knows no markup, no colours and no room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from seeknal_nb.draw.picture import plain
from seeknal_nb.markup import plural
from seeknal_nb.status import CHANGED, ExecutionStatus, word_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeknal_nb.draw.picture import Mark

__all__ = ["BETWEEN", "second_line", "took"]

BETWEEN: Final = " · "
MINUTE: Final = 60


def took(seconds: float) -> str:
    """As people say it: ``0.04 s``, ``5.2 s``, ``3 min 20 s``."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 2 * MINUTE:
        return f"{seconds:.1f} s"
    return f"{int(seconds // MINUTE)} min {int(seconds % MINUTE)} s"


def second_line(mark: Mark) -> tuple[str, ...]:
    """The parts of the line below a node's name, what matters most first."""
    was = f"was {_count(mark)}" if mark.rows is not None else ""
    seconds = "" if mark.seconds is None else took(mark.seconds)
    match mark.look:
        case ExecutionStatus.FAILED:
            parts: Sequence[str] = (mark.why, f"after {seconds}" if seconds else "failed")
        case ExecutionStatus.SKIPPED:
            parts = (mark.why or "left out", was)
        case look if look == CHANGED:
            parts = (mark.why or "changed", was)
        case ExecutionStatus.PENDING:
            parts = (mark.why or word_of(mark.look),)
        case _:
            parts = (_portion(mark), _count(mark), seconds) if mark.counted else mark.detail.split(BETWEEN)
    return tuple(map(plain, filter(None, parts)))


def _portion(mark: Mark) -> str:
    """How many of its partitions were built; the card has no room for the whole word."""
    return f"{mark.parts[0]:,} of {plural(mark.parts[1], 'part')}" if mark.parts is not None else ""


def _count(mark: Mark) -> str:
    """Rows, or how many checks held of those of a rule."""
    if mark.checks is not None:
        passed, count = mark.checks
        return f"{passed:,} of {plural(count, 'check')}"
    return "" if mark.rows is None else plural(mark.rows, "row")
