"""By what the nodes of a graph are cut into partitions, and why some cannot be; asks no file and no engine."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from seeknal_nb.dag.partitions import CALENDAR, FILE, INHERIT, OF_PARTITION, is_within, lookback_of, partitioning_of
from seeknal_nb.dag.positions import by_position
from seeknal_nb.declaration import declaration_of
from seeknal_nb.errors import ManifestError
from seeknal_nb.kinds.body import python_of, sql_of
from seeknal_nb.kinds.features.retrieval import retrieves
from seeknal_nb.kinds.tables import is_view
from seeknal_nb.sql.local import local
from seeknal_nb.sql.names import canonical, input_named, rewrite, volatile_in
from seeknal_nb.sql.telling import Columns
from seeknal_nb.storage.builds import Partitioning

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seeknal_nb.dag.graph import Graph
    from seeknal_nb.dag.manifest import Node

__all__ = ["Cut", "Cuts"]


@dataclass(frozen=True, slots=True)
class Cut:
    """How a node is cut.

    Attributes:
        by: By what; of a node that inherits, as what it reads is.
        tells: Its columns, in small letters, that tell in which partition a row lies.
        lookback: How many partitions before its own one of them reads.
        proved: Whether its rows lie in their partitions by what its statement is.
        why: Of a view, why it cannot be read part by part; else empty.
    """

    by: Partitioning
    tells: Mapping[str, str] = field(default_factory=dict)
    lookback: int = 0
    proved: bool = False
    why: str = ""


class Cuts:
    """How the nodes of a graph are cut, each looked at when somebody asks.

    Args:
        graph: The nodes.
        node: One of them with its parameters put in, by its id.
    """

    def __init__(self, graph: Graph, node: Callable[[str], Node]) -> None:
        self._graph, self._node = graph, node
        self._known: dict[str, Cut | None] = {}

    def of(self, node_id: str) -> Cut | None:
        """How a node is cut; None for one that is whole.

        Raises:
            ManifestError: It says how, and cannot be: the reason and the remedy.
        """
        if node_id not in self._known:
            for one in self._graph.ordered(self._asked(node_id)):  # no stack holds a long chain
                self._known[one] = self._look(self._node(one))
        return self._known[node_id]

    def _asked(self, node_id: str) -> set[str]:
        """The nodes that must be known for that one."""
        found, front = set[str](), [node_id]
        while front:
            one = front.pop()
            if one not in found and one not in self._known:
                found.add(one)
                node = self._node(one)
                front += self._graph.inputs(one) if is_view(node) or partitioning_of(node.config) is not None else ()
        return found

    def read(self, node_id: str) -> dict[str, Cut]:
        """What is cut of the tables that a node reads, by id; also those below the views among them."""
        found, front, reached = dict[str, Cut](), [*self._graph.inputs(node_id)], set[str]()
        while front:
            one = front.pop(0)
            if one in reached:
                continue
            reached.add(one)
            if is_view(self._node(one)):
                front += self._graph.inputs(one)
            elif (cut := self.of(one)) is not None:
                found[one] = cut
        return found

    def _look(self, node: Node) -> Cut | None:
        by = partitioning_of(node.config)
        if is_view(node):
            if by is not None:
                raise _refused("a view has no partitions", "it keeps no rows", "take partition_by or materialized away")
            return self._view(node)
        if by is None:
            return None
        if node.node_type == "source":
            return Cut(by, {} if by.grain == FILE else {by.column.casefold(): ""})
        if retrieves(node):
            raise _refused("features are joined as a whole", "each row looks back in time", "take partition_by away")
        read = self.read(node.id)
        if not read:
            named = self._graph.inputs(node.id)
            why = f"{', '.join(named)} {'has' if len(named) == 1 else 'have'} no partitions" if named else "it reads no node"
            raise _refused("it reads nothing that has partitions", why, "give its source partition_by, or take it away here")
        if by.grain == INHERIT:
            return self._inherited(node, read)
        self._check_declared(node, by, read)
        return Cut(by, {by.column.casefold(): ""} if by.column else {}, lookback_of(node.config))

    def _check_declared(self, node: Node, by: Partitioning, read: Mapping[str, Cut]) -> None:
        """Refuse partitions that are no whole ones of what the node reads, and views that mean something else in parts."""
        for one in self._graph.inputs(node.id):
            if (seen := self.of(one)) is not None and seen.why:
                remedy = "store it: leave materialized out there"
                raise _refused(f"{one} is a view that is not the same part by part", seen.why, remedy)
        for one, cut in read.items():
            within = cut.by.grain == by.grain or is_within(cut.by.grain, by.grain)
            if not within or cut.by.zone != by.zone:
                why = f"{node.id} is by {_said(by)}, and {one} by {_said(cut.by)}"
                fits = replace(cut.by, grain=by.grain if within else cut.by.grain)
                remedy = _written(fits, by.column) if cut.by.grain in CALENDAR else "cut both alike"
                raise _refused("its partitions are no whole ones of what it reads", why, remedy)

    def _view(self, node: Node) -> Cut | None:
        read = self.read(node.id)
        if not read:
            return None
        try:
            return self._inherited(node, read)
        except ManifestError as error:
            return Cut(next(iter(read.values())).by, why=error.why or error.what)

    def _inherited(self, node: Node, read: Mapping[str, Cut]) -> Cut:
        by = next(iter(read.values())).by
        own = f"{_written(by)} if each {by.grain} by itself is meant, else " if by.grain in CALENDAR else ""
        remedy = f"{own}leave it out: the node reads all of them as one table"
        for one, cut in read.items():
            if (cut.by.grain, cut.by.zone) != (by.grain, by.zone):
                why = f"{next(iter(read))} is by {_said(by)}, and {one} by {_said(cut.by)}"
                raise _refused("its inputs have other partitions", why, "cut them alike")
        sql = sql_of(node)
        if sql is None or python_of(node):
            raise _refused("of Python nothing can be proved", "it may read all rows at once", remedy)
        if any(one in canonical(sql) for one in OF_PARTITION.values()):
            raise _refused("it asks which partition it is", "so each of them by itself is meant", remedy)
        if found := volatile_in(sql):
            raise _refused("it gives another result each time", f"{found[0]} in its SQL", remedy)
        inputs = self._graph.inputs(node.id)
        places = by_position(node.config, declaration_of(node.node_type), inputs)

        def columns(name: str) -> Columns:
            cut = self.of(name) if name in inputs else None
            if cut is not None and cut.why:
                raise _refused(f"{name} cannot be read part by part", cut.why, remedy)
            return Columns() if cut is None else Columns(cut=True, tells=cut.tells)

        verdict = local(rewrite(sql, lambda name: input_named(name, inputs, places)), by.grain, columns, zone=by.zone)
        if not verdict.local:
            raise _refused("it is not the same part by part", verdict.why, remedy)
        return Cut(Partitioning(by.grain, next(iter(verdict.tells), ""), by.zone), verdict.tells, proved=True)


def _said(by: Partitioning) -> str:
    return f"{by.grain}{f' in {by.zone}' if by.zone else ''}"


def _written(by: Partitioning, column: str = "") -> str:
    zone = f", '{by.zone}'" if by.zone else ""
    return f"partition_by: {by.grain}({column or 'COLUMN'}{zone})"


def _refused(what: str, why: str, remedy: str) -> ManifestError:
    return ManifestError(f"partition_by: {what}", why=why, remedy=remedy)
