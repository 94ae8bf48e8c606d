"""What the content of one file of a source tells, as it is kept from run to run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seeknal_nb.engines import Schema

__all__ = ["FileFacts"]


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What the content of one file tells.

    Attributes:
        schema: Its columns, of the types that they have where it is read alone.
        rows: How many.
        fits: By column of text, in small letters, the places of all ``Spelling.meanings`` that its texts fit.
        silent: Columns, in small letters, that hold nothing, and so do not say of which type they are.
        held: By column, in small letters, how many values it holds, and how many of these are numbers.
        kind: As what the column of the partition was taken for ``values``: its type, and the place of its meaning.
        values: The partitions that it holds.
    """

    schema: Schema
    rows: int
    fits: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    silent: tuple[str, ...] = ()
    held: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    kind: str = ""
    values: tuple[str | None, ...] = ()

    def told(self) -> list[Any]:
        """It as JSON has it."""
        return [self.schema, self.rows, self.fits, self.silent, self.held, self.kind, self.values]

    @classmethod
    def of(cls, told: Sequence[Any]) -> FileFacts:
        """What somebody has told."""
        schema, rows, fits, silent, held, kind, values = told
        known = {str(name): tuple(map(int, places)) for name, places in fits.items()}
        own = tuple((str(name), str(one)) for name, one in schema)
        counts = {str(name): (int(all_), int(numbers)) for name, (all_, numbers) in held.items()}
        return cls(own, int(rows), known, tuple(silent), counts, str(kind), tuple(values))

    @property
    def types(self) -> dict[str, str]:
        """The types of its columns that say of which type they are, by their names in small letters."""
        return {name.casefold(): kind for name, kind in self.schema if name.casefold() not in self.silent}
