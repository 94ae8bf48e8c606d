"""Which input stands at which place: ``input_1`` is the second a node lists, also where one is listed twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal_nb.declaration import FIRST
from seeknal_nb.sql.names import input_named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from seeknal_nb.declaration import Declaration

__all__ = ["by_position", "listed", "named", "repeats"]


def listed(config: Mapping[str, Any]) -> Iterator[tuple[str, int, object]]:
    """What stands under ``inputs`` and ``depends_on``, with the key and its place there: it names a node, if it is a text.

    An item is a text, or a mapping with ``ref``, or with the peer's ``metric``.
    """
    for key in ("inputs", "depends_on"):
        value = config.get(key) or ()
        for number, item in enumerate([value] if isinstance(value, (str, dict)) else value):
            yield key, number, (item.get("ref") or item.get("metric")) if isinstance(item, dict) else item


def named(text: str) -> str:
    """A name, or the one in ``ref('name')``."""
    return text.strip().removeprefix("ref('").removesuffix("')")


def repeats(config: Mapping[str, Any]) -> list[str]:
    """The listed names where two of them may be one node's, so that their places say more than the edges; else nothing."""
    names = [named(name) for _, _, name in listed(config) if isinstance(name, str)]
    return names if len({name.rpartition(".")[2].casefold() for name in names}) < len(names) else []


def by_position(config: Mapping[str, Any], declared: Declaration, inputs: Iterable[str]) -> Sequence[str]:
    """The inputs by position: those of the edges in their order, but one that is listed twice stands twice.

    Args:
        config: The node's.
        declared: What its kind says of itself; what it puts before the listed inputs stands before them.
        inputs: The ids that the node reads, in the order of its edges.
    """
    edges = list(inputs)
    names = repeats(config)
    if not names:
        return edges
    before = [input_named(one.name, edges) for one in declared.reads(config) if one.rank == FIRST]
    placed, left = list(dict.fromkeys(before)), [input_named(name, edges) for name in names]
    for node_id in placed:
        if node_id in left:
            left.remove(node_id)
    placed += left
    return [*filter(None, placed), *(node_id for node_id in edges if node_id not in placed)]
