"""What the drawings are made from: marks, edges and the looks of a status; knows no node, no run and no notebook."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from seeknal_nb.markup import esc_term

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["LOOKS", "Colours", "Edge", "Mark", "Picture", "Sign", "StatusLook", "counts", "legend", "plain"]

Edge: TypeAlias = tuple[int, int]
"""From -> to, by index."""


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
class StatusLook:
    """How a status looks: in ``light`` on a white ground, in ``dark`` on a black one.

    ``icon`` is for text and ``sign`` for drawings; ``dash`` is an SVG dash array, empty for a whole line.
    """

    icon: str
    sign: Sign
    light: Colours
    dark: Colours
    border: float = 1
    dash: str = ""
    bold: bool = False
    italic: bool = False


# Any two fills of a theme differ by CIE76 >= 23 under normal, protan, deutan and tritan vision, and every text has a
# WCAG contrast of >= 4.5 on its fill (tests/draw/test_picture.py). The order is the legend's; the worst comes first.
LOOKS: Mapping[str, StatusLook] = MappingProxyType(
    {
        "failed": StatusLook(
            "✕",
            Sign("M-4.5-4.5L4.5 4.5M4.5-4.5L-4.5 4.5", 3),
            Colours("#B03A00", "#6B2300", "#FFFFFF"),
            Colours("#D9541E", "#FFB08F", "#0A0300"),
            border=3,
            bold=True,
        ),
        "running": StatusLook(
            "▶",
            Sign("M-3.5-5.5L5.5 0L-3.5 5.5Z", 1, filled=True),
            Colours("#F0C000", "#8A6A00", "#1A1A1A"),
            Colours("#F5D130", "#FFF0A8", "#1A1A1A"),
            border=2.5,
        ),
        "pending": StatusLook(
            "○",
            Sign("M4.8 0A4.8 4.8 0 1 1-4.8 0A4.8 4.8 0 1 1 4.8 0Z", 1.8),
            Colours("#FFFFFF", "#6B7785", "#36404A"),
            Colours("#111111", "#98A2AE", "#DDE2E8"),
            border=1.5,
            dash="6 4",
        ),
        "skipped": StatusLook(
            "»",
            Sign("M-5-4.5L-.5 0L-5 4.5M1-4.5L5.5 0L1 4.5", 1.8),
            Colours("#BDBDBD", "#5E5E5E", "#1F1F1F"),
            Colours("#5B5B5B", "#BDBDBD", "#FFFFFF"),
            border=1.5,
            dash="1.5 3",
            italic=True,
        ),
        "success": StatusLook(
            "✓",
            Sign("M-5.5.5L-1.8 4.3L5.5-4.3", 2.4),
            Colours("#00795A", "#00543F", "#FFFFFF"),
            Colours("#339A63", "#84DCAA", "#00120C"),
        ),
        "cached": StatusLook(
            "⚡",
            Sign("M1.5-7L-4.5 1.2L-.6 1.2L-1.5 7L4.5-1.2L.6-1.2Z", 0.6, filled=True),
            Colours("#8CC5EE", "#2F6E9C", "#10222E"),
            Colours("#8AC6F9", "#D3EAFF", "#0B1C28"),
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Mark:
    """One node of a picture; ``detail`` is a short line such as ``336,776 rows · 0.52 s``.

    ``folder`` is that of the file that defines the node; ``rows`` and ``seconds`` are those of its last build, None where
    there is none. A status that is not in ``LOOKS`` is a ``ValueError``.
    """

    id: str
    kind: str
    name: str
    status: str
    tags: tuple[str, ...] = ()
    detail: str = ""
    folder: str = ""
    rows: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.status not in LOOKS:
            what = f"unknown status {self.status!r} of {self.id!r}: expected one of {', '.join(LOOKS)}"
            raise ValueError(what)


@dataclass(frozen=True, slots=True)
class Picture:
    """Marks, and edges between them by index, from -> to; the edges form no cycle."""

    marks: tuple[Mark, ...]
    edges: tuple[Edge, ...]


def counts(marks: Iterable[Mark]) -> tuple[tuple[str, int], ...]:
    """Each status that occurs with the number of its marks, in the order of ``LOOKS``."""
    found = Counter(mark.status for mark in marks)
    return tuple((status, found[status]) for status in LOOKS if found[status])


def legend(marks: Iterable[Mark]) -> str:
    """The counts as one line: ``1 failed · 2 skipped · 9 success``."""
    return " · ".join(f"{number:,} {status}" for status, number in counts(marks))


def plain(text: str) -> str:
    """One line in which nothing is hidden: control and bidirectional characters are spelled out."""
    shown = esc_term(text, one_line=True)
    # The two characters that XML 1.0 § 2.2 forbids beside the control characters and the surrogates.
    return shown.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")
