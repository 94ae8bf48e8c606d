"""A frozen index over a manifest: order, neighbours, closures, cycles; no clock, no disk, no engine.

Everything here is iterative, so a chain may be as deep as memory allows, and takes time linear in nodes and edges.
"""

from __future__ import annotations

import unicodedata
from copy import copy
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.order import adjacency, find_cycle, kahn
from seeknal_nb.dag.waits import waits_of
from seeknal_nb.declaration import declaration_of
from seeknal_nb.errors import CycleError, ManifestError, SeeknalError, near, one_or_many
from seeknal_nb.sql.text import NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from seeknal_nb.dag.manifest import Manifest, Node

__all__ = ["Graph", "check_name"]

_RESERVED = frozenset(["con", "prn", "aux", "nul", *(f"com{i}" for i in range(1, 10)), *(f"lpt{i}" for i in range(1, 10))])
"""Names that Windows keeps for devices: a directory cannot be called so there."""


class Graph:
    """The nodes of a manifest by number, in its order of registration.

    Args:
        manifest: What there is.
        kinds: The caller's own kinds by name, as ``DAGRunner`` takes them.

    Attributes:
        ids: Node ids by number.
        nodes: The nodes, likewise.
        index: The number of an id.
        types: The types of the nodes.
        parents: Per node the numbers of its inputs, in the order of their edges.
        children: Per node the numbers of its consumers.
        gates: Per node the numbers of the rules that it waits for, besides its inputs.
        gated: Per rule the numbers of the nodes that wait for it.
        sorted_ids: The ids in topological order.
        order: All numbers in topological order, gates included: Kahn's algorithm (SPEC.md § Topological Ordering), ties
            in the order of registration, so it is the same in every process.

    Raises:
        CycleError: The edges form a cycle.
        ManifestError: An edge leads nowhere, or a name cannot be a table's name, or two names collide.
    """

    __slots__ = (
        "_by_name", "_followers", "_inputs", "_places", "children", "gated", "gates", "ids", "index", "nodes", "order",
        "parents", "sorted_ids", "types",
    )  # fmt: skip

    def __init__(self, manifest: Manifest, kinds: Mapping[str, Any] | None = None) -> None:
        self.nodes: tuple[Node, ...] = tuple(manifest.nodes.values())
        self.ids: tuple[str, ...] = tuple(manifest.nodes)
        self.index: dict[str, int] = {node_id: number for number, node_id in enumerate(self.ids)}
        self.types: frozenset[str] = frozenset([str(kind) for kind in {node.node_type for node in self.nodes}])
        problems = _problems(self.nodes)
        self.parents, self.children, dangling = adjacency(self.index, ((e.from_node, e.to_node) for e in manifest.edges))
        problems += [_dangling(source, target, manifest) for source, target in dangling]
        if problems:
            raise one_or_many(problems)
        self.order: tuple[int, ...] = tuple(kahn(self.parents, self.children))
        if len(self.order) < len(self.ids):
            raise CycleError([self.ids[number] for number in find_cycle(self.parents, self.children)])
        declared = {kind: declaration_of(kind, kinds) for kind in self.types}
        self.gates = waits_of(self.nodes, declared, self.parents, self.children)
        self.gated: list[list[int]] = [[] for _ in self.nodes]
        for number, rules in enumerate(self.gates):
            for rule in rules:
                self.gated[rule].append(number)
        self._followers: Sequence[Sequence[int]] = self.children
        if any(self.gates):
            self._followers = _joined(self.children, self.gated)
            self.order = tuple(kahn(_joined(self.parents, self.gates), self._followers))
        ids = self.ids
        self.sorted_ids: tuple[str, ...] = tuple([ids[number] for number in self.order])
        self._inputs = {i: tuple([ids[p] for p in found]) for i, found in zip(ids, self.parents, strict=True)}
        self._places = {ids[number]: at for at, number in enumerate(self.order)}
        self._by_name: dict[str, list[int]] = {}
        for number, node in enumerate(self.nodes):
            self._by_name.setdefault(node.name.casefold(), []).append(number)

    def with_nodes(self, manifest: Manifest, kinds: Mapping[str, Any] | None = None) -> Graph | None:
        """The graph of a manifest with these ids and edges, whose nodes may say other things; None where it is another."""
        nodes = tuple(manifest.nodes.values())
        if tuple(manifest.nodes) != self.ids or _problems(nodes):
            return None
        declared = {kind: declaration_of(kind, kinds) for kind in self.types}
        if waits_of(nodes, declared, self.parents, self.children) != self.gates:
            return None
        found = copy(self)
        found.nodes = nodes
        return found

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, node_id: object) -> bool:
        return node_id in self.index

    def __iter__(self) -> Iterator[Node]:
        """The nodes in topological order."""
        return (self.nodes[number] for number in self.order)

    def ordered(self, ids: Iterable[str]) -> list[str]:
        """These ids in topological order."""
        return sorted(ids, key=self._places.__getitem__)

    def named(self, name: str) -> list[str]:
        """The ids that have this bare name, ignoring case."""
        return [self.ids[number] for number in self._by_name.get(name.casefold(), ())]

    def inputs(self, node_id: str) -> tuple[str, ...]:
        """The ids that the node reads, in the order of their edges."""
        return self._inputs[node_id]

    def before(self, node_id: str) -> tuple[str, ...]:
        """The ids that must have come out well before the node runs: its inputs, then the rules that it waits for."""
        return (*self._inputs[node_id], *self.rules(node_id))

    def rules(self, node_id: str) -> tuple[str, ...]:
        """The ids of the rules that the node waits for: they check what it reads."""
        return tuple([self.ids[number] for number in self.gates[self.index[node_id]]])

    def waiting(self, rule: str) -> tuple[str, ...]:
        """The ids of the nodes that wait for the rule."""
        return tuple([self.ids[number] for number in self.gated[self.index[rule]]])

    def consumers(self, node_id: str) -> tuple[str, ...]:
        """The ids that read the node."""
        return tuple(self.ids[child] for child in self.children[self.index[node_id]])

    def upstream(self, node_ids: Iterable[str], *, depth: int | None = None) -> set[str]:
        """All ancestors, without the nodes themselves unless one is another's ancestor; ``depth`` bounds the steps."""
        return self._closure(node_ids, self.parents, depth)

    def downstream(self, node_ids: Iterable[str], *, depth: int | None = None) -> set[str]:
        """All descendants, likewise."""
        return self._closure(node_ids, self.children, depth)

    def following(self, node_ids: Iterable[str]) -> set[str]:
        """All that must come after one of these: what reads it, what waits for it, and so on."""
        return self._closure(node_ids, self._followers, None)

    def after(self, node_id: str) -> tuple[str, ...]:
        """The ids that read the node, then those that wait for it."""
        return tuple([self.ids[one] for one in self._followers[self.index[node_id]]])

    def place(self, node_id: str) -> int:
        """Where the node stands in the topological order, from 0."""
        return self._places[node_id]

    def _closure(self, node_ids: Iterable[str], step: Sequence[Sequence[int]], depth: int | None) -> set[str]:
        found: set[int] = set()
        front = [self.index[node_id] for node_id in node_ids]
        while front and depth != 0:
            front = [n for n in dict.fromkeys(n for number in front for n in step[number]) if n not in found]
            found.update(front)
            depth = None if depth is None else depth - 1
        return {self.ids[number] for number in found}


def _joined(some: Sequence[Sequence[int]], others: Sequence[Sequence[int]]) -> list[list[int]]:
    return [[*a, *b] for a, b in zip(some, others, strict=True)]


def _dangling(source: str, target: str, manifest: Manifest) -> ManifestError:
    missing = source if source not in manifest.nodes else target
    known = manifest.nodes.get(target) or manifest.nodes.get(source)
    return ManifestError(
        f"edge {source} -> {target} leads nowhere",
        why=f"there is no node {missing!r}",
        remedy=near(missing, manifest.nodes, what="node"),
        node=target if missing is source else source,
        place=known.place if known else None,
    )


def check_name(name: object) -> str:
    """Why a text cannot be a node's name; empty where it can."""
    if not isinstance(name, str):
        return f"name is {type(name).__name__}, it must be text; quote it"
    if not NAME.fullmatch(name):
        shown = "names start with a letter or _ and hold letters, digits and _, at most 100"
        folded = unicodedata.normalize("NFKC", name)
        return f"the name {name[:40]!r} cannot be a table's name: {shown}" + (
            "" if folded == name else f" (it reads like {folded[:40]!r})"
        )
    return f"the name {name!r} is a device on Windows" if name.casefold() in _RESERVED else ""


def _problems(nodes: Iterable[Node]) -> list[SeeknalError]:
    found: list[SeeknalError] = []
    seen: dict[str, Node] = {}
    for node in nodes:
        why = "" if NAME.fullmatch(node.name) and node.name.casefold() not in _RESERVED else check_name(node.name)
        if not why and node.id != f"{node.node_type}.{node.name}":
            why = f"its id is not {node.node_type}.{node.name}"
        first = seen.setdefault(node.id.casefold(), node)
        if not why and first is not node:
            where = f" in {first.file_path}" if first.file_path else ""
            why = f"it collides with {first.id!r}{where}: table names ignore case"
        if why:
            found.append(ManifestError("bad node", why=why, remedy="rename it", node=node.id[:120], place=node.place))
    return found
