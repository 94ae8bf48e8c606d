"""A document that was read, with the place of all that stands in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from seeknal_nb.storage.scalars import offset_in_file, offset_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal_nb.errors import Place, Spot
    from seeknal_nb.storage.text import SourceText

__all__ = ["Document", "KeyPath", "Offsets"]

KeyPath: TypeAlias = tuple[str | int, ...]


class Offsets(NamedTuple):
    """The offsets of a value and of its key, the spots of what it holds, and whether it holds a ``<<``."""

    at: int
    key: int
    inside: Any = None
    merged: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """Plain dicts with text keys, lists and scalars; ``positions`` has the place of each value, ``()`` being all.

    What an alias repeats is one object, as in PyYAML (do not change it in place), and stands where its anchor stands.
    ``end`` is the offset behind the last character of the document.
    """

    value: Any
    place: Place
    positions: Mapping[KeyPath, Place]
    end: int
    _source: SourceText = field(repr=False)
    _spots: Mapping[KeyPath, Offsets] = field(repr=False)

    def key_place(self, path: KeyPath) -> Place:
        """The place of the key itself, or of an item in its list; KeyError for a path that is not there."""
        return self._source.place(self._spots[path].key)

    def alone(self) -> str:
        """Its own text, from the beginning of the line in which it begins."""
        return self._source.text[self._source.starts[(self.place.line or 1) - 1] : self.end]

    def place_of(self, spot: Spot) -> Place:
        """The place of what an error is about: a line of a text, or a key or an item, or the nearest one that is there."""
        path = next(spot.path[:size] for size in range(len(spot.path), -1, -1) if spot.path[:size] in self._spots)
        value, found = reduce(lambda value, step: value[step], path, self.value), self._spots[path]
        at = offset_of(spot, value) if path == spot.path and isinstance(value, str) else None
        return self._source.place(found.key if at is None else offset_in_file(self._source.text, found.at, value, at))
