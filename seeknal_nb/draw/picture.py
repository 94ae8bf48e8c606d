"""What the drawings are made from: marks, edges and the looks of a status; knows no node, no run and no notebook."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from seeknal_nb.markup import esc_term

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["LOOKS", "Edge", "Mark", "Picture", "StatusLook", "counts", "legend", "plain"]

Edge: TypeAlias = tuple[int, int]
"""From -> to, by index."""


@dataclass(frozen=True, slots=True)
class StatusLook:
    """How a status looks: ``text`` is legible on ``fill``; ``dash`` is an SVG dash array, empty for a whole line."""

    icon: str
    fill: str
    stroke: str
    text: str
    border: float = 1
    dash: str = ""
    bold: bool = False
    italic: bool = False


# Any two fills differ by CIE76 >= 23 under normal, protan, deutan and tritan vision, and every text has a WCAG contrast
# of >= 4.5 on its fill (tests/draw/test_picture.py). The order is the legend's; the worst comes first.
LOOKS: Mapping[str, StatusLook] = MappingProxyType(
    {
        "failed": StatusLook("✕", "#B03A00", "#6B2300", "#FFFFFF", border=3, bold=True),
        "running": StatusLook("▶", "#F0C000", "#8A6A00", "#1A1A1A", border=2.5),
        "pending": StatusLook("○", "#FFFFFF", "#6B7785", "#36404A", border=1.5, dash="6 4"),
        "skipped": StatusLook("»", "#BDBDBD", "#5E5E5E", "#1F1F1F", border=1.5, dash="1.5 3", italic=True),
        "success": StatusLook("✓", "#00795A", "#00543F", "#FFFFFF"),
        "cached": StatusLook("⚡", "#8CC5EE", "#2F6E9C", "#10222E"),
    }
)


@dataclass(frozen=True, slots=True)
class Mark:
    """One node of a picture; ``detail`` is a short line such as ``336,776 rows · 0.52 s``.

    A status that is not in ``LOOKS`` is a ``ValueError``.
    """

    id: str
    kind: str
    name: str
    status: str
    tags: tuple[str, ...] = ()
    detail: str = ""

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
