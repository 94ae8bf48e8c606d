"""How a node stands: the six statuses, the eight looks that they have, and the one table of these. Knows no node and no run.

Six statuses are too few to read a graph by: a node that came out although a check of it did not is no plain success, and a
node that was never run is not one that has changed. Both are derived, by ``look_of``; what is kept and told to programs
are the statuses.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from seeknal_nb.markup import Markup

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CHANGED",
    "LOOKS",
    "NUMBERS",
    "WARNING",
    "Colours",
    "ExecutionStatus",
    "Look",
    "Sign",
    "badge",
    "look_of",
    "word_of",
]

WARNING = "warning"
CHANGED = "changed"


class ExecutionStatus(StrEnum):
    """SPEC.md § Node Status; the values are those of ``execution_state.json``, and the words that a reader sees."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    CACHED = "cached"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Sign:
    """SVG path data, about 12 x 12 round 0, and the width of its stroke.

    Drawn, not written: fonts differ in such signs, and some show them as coloured pictures.
    """

    d: str
    width: float
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Colours:
    """Of the band of a card, and of the whole box where it is too small for a card.

    Attributes:
        fill: Of the band.
        edge: Of the line round the box; it stands out from the ground.
        sign: What is legible on the fill.
        tint: How much of the fill is mixed into the ground of a card, in percent.
    """

    fill: str
    edge: str
    sign: str
    tint: int


@dataclass(frozen=True, slots=True)
class Look:
    """How a node looks: in ``light`` on a white ground, in ``dark`` on a black one.

    Attributes:
        icon: The sign in a text.
        sign: The sign in a drawing.
        light: The colours of its card.
        dark: Likewise.
        word: What a reader is told; empty where it is the look's own name.
        many: Likewise of several nodes; empty where the word is the same.
        ink: The colour of its word in HTML whose ground is not known.
        ansi: The colour of its icon in a terminal, as the number of ``ESC[...m``; empty where it has none.
        ascii: What stands for the icon where a text must be ASCII.
        border: How thick the box's is.
        dash: Of the border, an SVG dash array; empty for a whole line.
        bold: Whether the name is bolder than others.
        italic: Whether the name is slanted.
        unreached: Whether edges to it are dashed: no data came that way.
        hollow: Whether its fill is nearly that of the ground, so that as a dot it has the colour of its edge.
    """

    icon: str
    sign: Sign
    light: Colours
    dark: Colours
    word: str = ""
    many: str = ""
    ink: str = "inherit"
    ansi: str = ""
    ascii: str = "?"
    border: float = 1
    dash: str = ""
    bold: bool = False
    italic: bool = False
    unreached: bool = False
    hollow: bool = False


# What tests/test_status.py asks: a WCAG contrast of 4.5 for texts and of 3 for signs and edges, and a CIE76 distance of 20
# between any two looks of a theme under normal, protan, deutan and tritan vision.
LOOKS: Mapping[str, Look] = MappingProxyType(
    {
        ExecutionStatus.FAILED: Look(
            "✗",
            Sign("M-4.2-4.2L4.2 4.2M4.2-4.2L-4.2 4.2", 2.6),
            Colours("#C8401A", "#A32F0E", "#FFFFFF", 12),
            Colours("#FF6242", "#FF8B70", "#180400", 22),
            ink="#B03A00",
            ansi="31",
            ascii="x",
            border=2,
            bold=True,
        ),
        WARNING: Look(
            "!",
            Sign("M0-5.5V1M0 4.9V5", 2.8),
            Colours("#F5A300", "#9A6200", "#1F1400", 14),
            Colours("#FBC02D", "#FBC02D", "#1F1400", 18),
            many="warnings",
            ink="#8A6D00",
            ansi="33",
            ascii="!",
            border=1.5,
        ),
        ExecutionStatus.RUNNING: Look(
            "▶",
            Sign("M-3-5L5 0L-3 5Z", 1, filled=True),
            Colours("#1F4FE0", "#1F4FE0", "#FFFFFF", 12),
            Colours("#4A78FF", "#86A6FF", "#FFFFFF", 26),
            ink="#3F6BE8",
            border=2,
        ),
        CHANGED: Look(
            "↻",
            Sign("M3.9-3A4.9 4.9 0 1 0 4.9.8M4.3-6V-2.6H.9", 2),
            Colours("#7D4596", "#7D4596", "#FFFFFF", 6),
            Colours("#D08AE6", "#D08AE6", "#1A0620", 14),
            ink="#9A5CB4",
            ascii="~",
            border=1.3,
            dash="5 3",
            unreached=True,
        ),
        ExecutionStatus.PENDING: Look(
            "○",
            Sign("M4.2 0A4.2 4.2 0 1 1-4.2 0A4.2 4.2 0 1 1 4.2 0Z", 1.8),
            Colours("#F3F5F7", "#6C7784", "#5A6572", 0),
            Colours("#262C34", "#8A93A3", "#AEB6C2", 0),
            word="never run",
            border=1.3,
            dash="5 3",
            unreached=True,
            hollow=True,
        ),
        ExecutionStatus.SKIPPED: Look(
            "»",
            Sign("M-4.6-4.2L-.4 0L-4.6 4.2M.8-4.2L5 0L.8 4.2", 1.8),
            Colours("#C9CCD1", "#7A828C", "#2B3138", 22),
            Colours("#4D5157", "#8A9098", "#FFFFFF", 40),
            ink="#6A6A6A",
            ansi="90",
            ascii=">",
            border=1.3,
            dash="1.5 3",
            italic=True,
            unreached=True,
        ),
        ExecutionStatus.SUCCESS: Look(
            "✓",
            Sign("M-5 .4L-1.7 3.9L5-3.9", 2.4),
            Colours("#0F6B45", "#0F6B45", "#FFFFFF", 9),
            Colours("#2FC085", "#2FC085", "#04140C", 16),
            ink="#00795A",
            ansi="32",
            ascii="+",
        ),
        ExecutionStatus.CACHED: Look(
            "⚡",
            Sign("M1.4-6.4L-4.2 1.1L-.6 1.1L-1.4 6.4L4.2-1.1L.6-1.1Z", 0.6, filled=True),
            Colours("#62B0DE", "#3A7FA9", "#082030", 9),
            Colours("#A9D8EE", "#7FB4CE", "#0A2230", 10),
            ink="#2A6F9E",
        ),
    }
)
"""By status, and the two that are derived; the worst comes first, in every list of them."""

NUMBERS: Mapping[str, int] = MappingProxyType(
    {
        ExecutionStatus.FAILED: 0,
        ExecutionStatus.RUNNING: 1,
        ExecutionStatus.PENDING: 2,
        ExecutionStatus.SKIPPED: 3,
        ExecutionStatus.SUCCESS: 4,
        ExecutionStatus.CACHED: 5,
        WARNING: 6,
        CHANGED: 7,
    }
)
"""Each look as one byte, for the browser."""


def look_of(status: str, *, warned: bool = False, built: bool = False) -> str:
    """The look of a node that stands so: its status, or ``WARNING`` or ``CHANGED``.

    Args:
        status: An ``ExecutionStatus``.
        warned: Whether what it came out with should be looked at, as a check of severity ``warn`` that failed.
        built: Whether there is an earlier build of it.
    """
    if warned and status in (ExecutionStatus.SUCCESS, ExecutionStatus.CACHED):
        return WARNING
    return CHANGED if built and status == ExecutionStatus.PENDING else status


def word_of(look: str, count: int = 1) -> str:
    """What a reader is told of one node, or of several, that look so."""
    found = LOOKS[look]
    return (found.many if count > 1 else "") or found.word or str(look)


def badge(look: str) -> Markup:
    """A look as icon, word and colour, which leans towards that of the text: so it is legible on a dark ground, too."""
    found = LOOKS[look]
    return Markup(f'<span style="color:color-mix(in srgb,{found.ink} 60%,currentColor)">{found.icon} {look}</span>')
