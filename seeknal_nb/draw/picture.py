"""What the drawings are made from: marks and edges; knows no node, no run and no notebook."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from seeknal_nb.markup import esc_term
from seeknal_nb.status import LOOKS, ExecutionStatus, look_of, word_of

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Edge", "Mark", "Picture", "counts", "legend", "plain"]

Edge: TypeAlias = tuple[int, int]
"""From -> to, by index."""
_STATUSES: Final = frozenset(ExecutionStatus)


@dataclass(frozen=True, slots=True)
class Mark:
    """One node of a picture; a status that is none is a ``ValueError``.

    Attributes:
        id: ``kind.name``.
        kind: Of any program.
        name: Stands on the card.
        status: An ``ExecutionStatus``.
        tags: In their order.
        detail: A short line such as ``336,776 rows · 0.52 s``.
        folder: That of the file that defines the node.
        rows: Of its last build; None where there is none.
        seconds: Likewise.
        checks: How many of its checks held, and how many there are.
        warns: How many warnings it came with.
        built: Whether there is a build of it, if an earlier one.
        why: The shortest cause of how it stands, as ``input failed``.
        kept: How it is kept, where that is not as a table, and the like: words for its upper edge.
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
    checks: tuple[int, int] | None = None
    parts: tuple[int, int] | None = None
    warns: int = 0
    built: bool = False
    why: str = ""
    kept: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.status not in _STATUSES:
            what = f"unknown status {self.status!r} of {self.id!r}: expected one of {', '.join(ExecutionStatus)}"
            raise ValueError(what)

    @property
    def look(self) -> str:
        """One of ``LOOKS``."""
        return look_of(self.status, warned=self.warns > 0, built=self.built)

    @property
    def counted(self) -> bool:
        """Whether there are numbers of it."""
        return self.rows is not None or self.seconds is not None or self.checks is not None


@dataclass(frozen=True, slots=True)
class Picture:
    """Marks, and edges between them by index, from -> to; the edges form no cycle."""

    marks: tuple[Mark, ...]
    edges: tuple[Edge, ...]


def counts(marks: Iterable[Mark]) -> tuple[tuple[str, int], ...]:
    """Each look that occurs with the number of its marks, the worst first."""
    found = Counter(mark.look for mark in marks)
    return tuple((look, found[look]) for look in LOOKS if found[look])


def legend(marks: Iterable[Mark]) -> str:
    """The counts as one line: ``1 failed · 2 skipped · 9 success``."""
    return " · ".join(f"{number:,} {word_of(look, number)}" for look, number in counts(marks))


def plain(text: str) -> str:
    """One line in which nothing is hidden: control and bidirectional characters are spelled out."""
    shown = esc_term(text, one_line=True)
    # The two characters that XML 1.0 § 2.2 forbids beside the control characters and the surrogates.
    return shown.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")
