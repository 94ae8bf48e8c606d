"""A large picture made small: one mark for many that are alike; knows no layout and no colours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from seeknal_nb.draw.layers import followers, topological
from seeknal_nb.draw.picture import Picture, counts, legend
from seeknal_nb.markup import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from seeknal_nb.draw.picture import Mark

__all__ = ["BY", "LIMIT", "Collapsed", "Key", "collapse", "group", "grouping", "whole"]

LIMIT: Final = 400
FEW: Final = 5
SLICES: Final = 40
"""More groups are no overview, and fewer than ``FEW`` say little."""
NONE: Final = MappingProxyType({"tag": "untagged", "folder": "no folder"})

Key: TypeAlias = tuple[int, str]
"""What the members of a group share: the depth, and the kind, tag or folder; it holds for one picture and one ``by``."""

BY: Final[Mapping[str, Callable[[Mark], str]]] = MappingProxyType(
    {
        "kind": lambda mark: mark.kind,
        "tag": lambda mark: mark.tags[0] if mark.tags else NONE["tag"],
        "folder": lambda mark: mark.folder or NONE["folder"],
    }
)
"""What nodes can be grouped by. Of several tags the first counts, as a node is in one group."""


@dataclass(frozen=True, slots=True)
class Collapsed:
    """A picture of units, each a group of nodes or one node; the kind of a group's mark is the name of the group.

    Attributes:
        picture: A mark for each unit.
        members: The marks of each unit.
        unit: The unit that shows each node, by node.
        keys: The key of each unit, by unit; None where it is a single node.
        note: What is hidden; empty where nothing is.
    """

    picture: Picture
    members: tuple[tuple[Mark, ...], ...]
    unit: tuple[int, ...]
    keys: tuple[Key | None, ...]
    note: str


def grouping(picture: Picture) -> str:
    """What to group a large picture by: tags or folders where most nodes have one and they make few groups, else kinds."""
    for by in ("tag", "folder"):
        names = [BY[by](mark) for mark in picture.marks]
        groups = len(set(zip(_depths(picture, names), names, strict=True)))
        if FEW <= groups <= SLICES and 2 * names.count(NONE[by]) <= len(names):
            return by
    return "kind"


def whole(picture: Picture) -> Collapsed:
    """The picture with nothing hidden."""
    count = len(picture.marks)
    return Collapsed(picture, tuple((mark,) for mark in picture.marks), tuple(range(count)), (None,) * count, "")


def collapse(picture: Picture, *, limit: int = LIMIT) -> Collapsed:
    """The picture itself up to ``limit`` nodes, else groups by kind."""
    return whole(picture) if len(picture.marks) <= limit else group(picture, by="kind", most=limit)


def group(picture: Picture, *, by: str, opened: frozenset[Key] = frozenset(), most: int = LIMIT) -> Collapsed:
    """Groups of one kind, tag or folder at one depth; the members of those in ``opened`` stand singly.

    Depth counts the changes of ``by`` on the longest way to a node, not its layer: no edge then goes back or to another
    group of its own depth, so that the groups form no cycle as those by kind or by tag alone would. Where these are
    more than ``most``, they are slices of the depth with all that is in them.

    Raises:
        ValueError: ``by`` is none of ``BY``.
    """
    if by not in BY:
        raise ValueError(f"unknown {by!r}: expected one of {', '.join(BY)}")
    names = [BY[by](mark) for mark in picture.marks]
    depth = _depths(picture, names)
    keys, what = list(zip(depth, names, strict=True)), f"of one {by} at one depth"
    if len(set(keys)) > most:
        keys, what = [(at * SLICES // (max(depth) + 1), "") for at in depth], "of nodes at like depths"
    return _grouped(picture, keys, opened, what)


def _depths(picture: Picture, names: Sequence[str]) -> list[int]:
    depth = [0] * len(names)
    after = followers(len(names), picture.edges)
    for node in topological(len(names), picture.edges):
        for end in after[node]:
            depth[end] = max(depth[end], depth[node] + (names[node] != names[end]))
    return depth


def _grouped(picture: Picture, keys: Sequence[Key], opened: frozenset[Key], what: str) -> Collapsed:
    own: list[Hashable] = [node if key in opened else key for node, key in enumerate(keys)]
    index = {key: at for at, key in enumerate(dict.fromkeys(own))}
    unit = [index[key] for key in own]
    members: list[list[int]] = [[] for _ in index]
    for node, at in enumerate(unit):
        members[at].append(node)
    joined = dict.fromkeys((unit[start], unit[end]) for start, end in picture.edges)
    marks = [tuple(picture.marks[node] for node in nodes) for nodes in members]
    shared = [keys[nodes[0]] if len(nodes) > 1 else None for nodes in members]
    small = Picture(
        tuple(_mark(key, many) if key else many[0] for key, many in zip(shared, marks, strict=True)),
        tuple((start, end) for start, end in joined if start != end),
    )
    return Collapsed(small, tuple(marks), tuple(unit), tuple(shared), _note(picture, shared, what))


def _mark(key: Key, marks: Sequence[Mark]) -> Mark:
    kinds = list(dict.fromkeys(mark.kind for mark in marks))
    name = key[1] or (kinds[0] if len(kinds) == 1 else f"{len(kinds)} kinds")
    size = f"{len(marks):,} nodes"
    worst = next(mark for mark in marks if mark.look == counts(marks)[0][0])
    return replace(worst, id=f"{name}: {size}", kind=name, name=size, tags=(), detail=legend(marks), why="", kept=())


def _note(picture: Picture, shared: Sequence[Key | None], what: str) -> str:
    alone = shared.count(None)
    if alone == len(shared):
        return ""
    single = f" and {plural(alone, 'single node')}" if alone else ""
    return (
        f"{plural(len(picture.marks), 'node')} and {plural(len(picture.edges), 'edge')} are shown as "
        f"{plural(len(shared) - alone, 'group')} {what}{single}: nodes and edges within a group are hidden"
    )
