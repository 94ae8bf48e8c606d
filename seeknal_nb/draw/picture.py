"""What the drawings are made from: marks and edges; knows no node, no run and no notebook."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from seeknal_nb.markup import esc_term
from seeknal_nb.status import LOOKS

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Edge", "Mark", "Picture", "counts", "legend", "plain"]

Edge: TypeAlias = tuple[int, int]
"""From -> to, by index."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One node of a picture; ``detail`` is a short line such as ``336,776 rows · 0.52 s``.

    ``folder`` is that of the file that defines the node; ``rows`` and ``seconds`` are those of its last build, None where
    there is none. A status that is none is a ``ValueError``.
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
