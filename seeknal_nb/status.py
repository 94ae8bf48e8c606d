"""How a node stands: the six statuses, and the one table of how each looks. Knows no node and no run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LOOKS", "NUMBERS", "Colours", "ExecutionStatus", "Look", "Sign"]


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
    """``text`` is legible on ``fill``, and ``stroke`` stands out from the ground round the box."""

    fill: str
    stroke: str
    text: str


@dataclass(frozen=True, slots=True)
class Look:
    """How a status looks: in ``light`` on a white ground, in ``dark`` on a black one.

    Attributes:
        icon: The sign in a text.
        sign: The sign in a drawing.
        light: The colours of its box.
        dark: Likewise.
        ink: The colour of its word in HTML whose ground is not known.
        ansi: The colour of its icon in a terminal, as the number of ``ESC[...m``; empty where it has none.
        ascii: What stands for the icon where a text must be ASCII.
        border: How thick the box's is.
        dash: Of the border, an SVG dash array; empty for a whole line.
        bold: Whether the name is.
        italic: Whether the name is.
        unreached: Whether edges to it are dashed: no data came that way.
        hollow: Whether its fill is that of the ground, so that its border alone shows it.
    """

    icon: str
    sign: Sign
    light: Colours
    dark: Colours
    ink: str = "inherit"
    ansi: str = ""
    ascii: str = "?"
    border: float = 1
    dash: str = ""
    bold: bool = False
    italic: bool = False
    unreached: bool = False
    hollow: bool = False


# Any two fills of a theme differ by CIE76 >= 23 under normal, protan, deutan and tritan vision, and every text has a
# WCAG contrast of >= 4.5 on its fill (tests/test_status.py). The order is the legend's; the worst comes first.
LOOKS: Mapping[str, Look] = MappingProxyType(
    {
        ExecutionStatus.FAILED: Look(
            "✗",
            Sign("M-4.5-4.5L4.5 4.5M4.5-4.5L-4.5 4.5", 3),
            Colours("#B03A00", "#6B2300", "#FFFFFF"),
            Colours("#D9541E", "#FFB08F", "#0A0300"),
            ink="#B03A00",
            ansi="31",
            ascii="x",
            border=3,
            bold=True,
        ),
        ExecutionStatus.RUNNING: Look(
            "▶",
            Sign("M-3.5-5.5L5.5 0L-3.5 5.5Z", 1, filled=True),
            Colours("#F0C000", "#8A6A00", "#1A1A1A"),
            Colours("#F5D130", "#FFF0A8", "#1A1A1A"),
            ink="#8A6D00",
            border=2.5,
        ),
        ExecutionStatus.PENDING: Look(
            "○",
            Sign("M4.8 0A4.8 4.8 0 1 1-4.8 0A4.8 4.8 0 1 1 4.8 0Z", 1.8),
            Colours("#FFFFFF", "#6B7785", "#36404A"),
            Colours("#111111", "#98A2AE", "#DDE2E8"),
            border=1.5,
            dash="6 4",
            unreached=True,
            hollow=True,
        ),
        ExecutionStatus.SKIPPED: Look(
            "»",
            Sign("M-5-4.5L-.5 0L-5 4.5M1-4.5L5.5 0L1 4.5", 1.8),
            Colours("#BDBDBD", "#5E5E5E", "#1F1F1F"),
            Colours("#5B5B5B", "#BDBDBD", "#FFFFFF"),
            ink="#6A6A6A",
            ansi="90",
            ascii=">",
            border=1.5,
            dash="1.5 3",
            italic=True,
            unreached=True,
        ),
        ExecutionStatus.SUCCESS: Look(
            "✓",
            Sign("M-5.5.5L-1.8 4.3L5.5-4.3", 2.4),
            Colours("#00795A", "#00543F", "#FFFFFF"),
            Colours("#339A63", "#84DCAA", "#00120C"),
            ink="#00795A",
            ansi="32",
            ascii="+",
        ),
        ExecutionStatus.CACHED: Look(
            "⚡",
            Sign("M1.5-7L-4.5 1.2L-.6 1.2L-1.5 7L4.5-1.2L.6-1.2Z", 0.6, filled=True),
            Colours("#8CC5EE", "#2F6E9C", "#10222E"),
            Colours("#8AC6F9", "#D3EAFF", "#0B1C28"),
            ink="#2A6F9E",
        ),
    }
)

NUMBERS: Mapping[str, int] = MappingProxyType({status: number for number, status in enumerate(LOOKS)})
"""Each status as one byte, for the browser: its place in the table."""
