"""One node of a picture with what it reads and what follows from it; knows no layout and no colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeknal_nb.draw.layers import followers
from seeknal_nb.draw.picture import Picture, plain
from seeknal_nb.markup import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Focused", "focus"]


@dataclass(frozen=True, slots=True)
class Focused:
    """A part of a picture.

    Attributes:
        picture: The part, in the order of the whole.
        nodes: The index in the whole of each of its nodes.
        note: What is hidden; empty where nothing is.
    """

    picture: Picture
    nodes: tuple[int, ...]
    note: str


def focus(picture: Picture, node: int, *, hops: int | None = None) -> Focused:
    """``node`` with its ancestors and descendants, all of them or those within ``hops`` edges, and the edges between.

    Raises:
        IndexError: There is no such node.
    """
    count = len(picture.marks)
    if not 0 <= node < count:
        raise IndexError(f"no node {node}: expected 0 .. {count - 1}")
    down = followers(count, picture.edges)
    up = followers(count, [(end, start) for start, end in picture.edges])
    nodes = sorted({*_reached(node, down, hops), *_reached(node, up, hops)})
    index = {old: new for new, old in enumerate(nodes)}
    inner = [(index[start], index[end]) for start, end in picture.edges if start in index and end in index]
    part = Picture(tuple(picture.marks[old] for old in nodes), tuple(inner))
    return Focused(part, tuple(nodes), _note(picture, node, len(nodes), hops))


def _reached(first: int, beside: Sequence[Sequence[int]], hops: int | None) -> list[int]:
    far = {first: 0}
    queue = [first]
    for node in queue:  # grows while it is read
        if hops is None or far[node] < hops:
            new = [other for other in dict.fromkeys(beside[node]) if other not in far]
            far.update(dict.fromkeys(new, far[node] + 1))
            queue += new
    return queue


def _note(picture: Picture, node: int, shown: int, hops: int | None) -> str:
    count = len(picture.marks)
    if shown == count:
        return ""
    near = "" if hops is None else f", within {plural(hops, 'edge')}"
    hidden = "1 is" if shown == count - 1 else f"{count - shown:,} are"
    what = f"what {plain(picture.marks[node].id)} reads and what follows from it{near}"
    return f"{shown:,} of {count:,} nodes: {what}; {hidden} hidden"
