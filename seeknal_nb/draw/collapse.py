"""A large picture made small: one mark for many of a kind at a depth; knows no layout and no colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from seeknal_nb.draw.layers import topological
from seeknal_nb.draw.picture import Mark, Picture, counts, legend

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

__all__ = ["LIMIT", "Collapsed", "collapse"]

LIMIT: Final = 400
SLICES: Final = 40


@dataclass(frozen=True, slots=True)
class Collapsed:
    """A picture of groups. ``members`` holds the marks of each, one of them where a mark stands for itself.

    ``note`` says what is hidden, and is empty where nothing is.
    """

    picture: Picture
    members: tuple[tuple[Mark, ...], ...]
    note: str


def collapse(picture: Picture, *, limit: int = LIMIT) -> Collapsed:
    """The picture itself up to ``limit`` nodes, else groups of one kind at one depth.

    Depth counts the changes of kind on the longest way to a node, not its layer: no edge then goes back or to another
    kind of its own depth, so that the groups form no cycle as those by kind or by tag would. Where even these are more
    than ``limit``, they are slices of the depth with all their kinds.
    """
    if len(picture.marks) <= limit:
        return Collapsed(picture, tuple((mark,) for mark in picture.marks), "")
    depth = _depths(picture)
    keys: list[Hashable] = [(at, mark.kind) for at, mark in zip(depth, picture.marks, strict=True)]
    what = "groups of one kind at one depth"
    if len(set(keys)) > limit:
        keys, what = [at * SLICES // (max(depth) + 1) for at in depth], "slices by depth"
    return _grouped(picture, keys, what)


def _depths(picture: Picture) -> list[int]:
    down: list[list[int]] = [[] for _ in picture.marks]
    for start, end in picture.edges:
        down[start].append(end)
    depth = [0] * len(picture.marks)
    for node in topological(len(picture.marks), picture.edges):
        for end in down[node]:
            change = picture.marks[node].kind != picture.marks[end].kind
            depth[end] = max(depth[end], depth[node] + change)
    return depth


def _grouped(picture: Picture, keys: Sequence[Hashable], what: str) -> Collapsed:
    index = {key: at for at, key in enumerate(dict.fromkeys(keys))}
    members: list[list[Mark]] = [[] for _ in index]
    for key, mark in zip(keys, picture.marks, strict=True):
        members[index[key]].append(mark)
    joined = dict.fromkeys((index[keys[start]], index[keys[end]]) for start, end in picture.edges)
    groups = tuple(tuple(marks) for marks in members)
    small = Picture(
        tuple(_group(marks) for marks in groups),
        tuple((start, end) for start, end in joined if start != end),
    )
    note = (
        f"{len(picture.marks):,} nodes and {len(picture.edges):,} edges are shown as {len(groups):,} {what}: "
        "single nodes, and edges within a group, are hidden"
    )
    return Collapsed(small, groups, note)


def _group(marks: Sequence[Mark]) -> Mark:
    if len(marks) == 1:
        return marks[0]
    kinds = list(dict.fromkeys(mark.kind for mark in marks))
    kind = kinds[0] if len(kinds) == 1 else f"{len(kinds)} kinds"
    name = f"{len(marks):,} nodes"
    return Mark(f"{kind}: {name}", kind, name, counts(marks)[0][0], detail=legend(marks))
