"""How a file spells a node, kept for the places of errors that are told later, when the file may be another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeknal_nb.errors import Place
from seeknal_nb.storage.documents import read_yaml

if TYPE_CHECKING:
    from seeknal_nb.errors import Spot

__all__ = ["Written"]


@dataclass(frozen=True, slots=True)
class Written:
    """Where a node begins, and what stands there.

    Attributes:
        place: Its file and line.
        text: Its YAML, from the beginning of that line; empty where it is written otherwise.
        sql_file: The file of its SQL, where it has one of its own.
    """

    place: Place
    text: str = ""
    sql_file: str = ""

    def place_of(self, spot: Spot) -> Place:
        """The file's line of what an error is about; of the node itself where that cannot be told."""
        if self.sql_file and spot.path == ("sql",):
            return Place(self.sql_file, spot.line, spot.column)
        if not self.text or not spot.path:
            return self.place
        document = read_yaml(self.text, file=self.place.file)[0]
        found = document.place_of(spot)
        return Place(self.place.file, (self.place.line or 1) + (found.line or 1) - 1)
