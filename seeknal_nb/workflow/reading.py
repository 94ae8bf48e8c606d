"""Read what nodes stored, without computing: frames, previews. Needs a runner's manifest, state and engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.graph import Graph
from seeknal_nb.dag.select import resolve
from seeknal_nb.dag.sqltext import quote
from seeknal_nb.engines import Relation
from seeknal_nb.errors import SelectionError
from seeknal_nb.showing import Preview
from seeknal_nb.workflow.kinds.tables import view_sql
from seeknal_nb.workflow.planner import decide_all

if TYPE_CHECKING:
    from seeknal_nb.workflow.outputs import Build
    from seeknal_nb.workflow.runner import DAGRunner

__all__ = ["Reader"]


class Reader:
    """One node's stored table, as it is today where it is up to date, else its last good one.

    Raises:
        SelectionError: There is no such node.
    """

    def __init__(self, runner: DAGRunner, name: str) -> None:
        whole = Graph(runner.manifest)
        self.runner, self.node_id = runner, resolve(whole, name)
        self.graph = Graph(runner.manifest.only({self.node_id} | whole.upstream([self.node_id])))
        self.world = runner.look(self.graph)
        self.decisions = decide_all(self.graph, self.world)

    def query(self, *, limit: int | None = None, form: str = "pandas") -> Any:
        """The rows of the node's table.

        Raises:
            SelectionError: It has no table yet.
        """
        engine = self.runner.engine.get()
        engine.bind(self._relations())
        most = "" if limit is None else f" LIMIT {int(limit)}"
        return engine.query(f"SELECT * FROM {quote(self.node_id)}{most}", form=form)

    def preview(self, *, limit: int) -> Preview:
        """The first rows, the schema, and the counts of this build and of the one before."""
        frame = self.query(limit=limit)
        schema = self.runner.engine.get().describe(f"SELECT * FROM {quote(self.node_id)}")
        outputs, found = self.runner.outputs, self._build(self.node_id)
        build = found and outputs.find(self.node_id, found.key, found.signatures)
        if not build:
            return Preview(self.node_id, frame, schema, None)
        before = outputs.before(self.node_id, build.key)
        return Preview(
            self.node_id, frame, schema, build.row_count, before.row_count if before else None, dict(build.metadata)
        )  # fmt: skip

    def _relations(self) -> dict[str, Relation]:
        """What must be bound to read the node, in the order in which it must be."""
        found: dict[str, Relation] = {}
        front = [self.node_id]
        while front:
            name = front.pop()
            if name not in found:
                found[name] = self._relation(name)
                front += self.graph.inputs(name) if found[name].sql else ()
        return dict(reversed(found.items()))

    def _relation(self, node_id: str) -> Relation:
        if not self.world.facts[node_id].stored:
            return Relation(sql=view_sql(self.world.sights[node_id].node, self.graph.inputs(node_id), self.world.root))
        build = self._build(node_id)
        if build is None or build.data is None:
            why = "it was never built" if build is None else "it has no table of its own"
            raise SelectionError(f"{node_id} has nothing to show", why=why, remedy=f"run --nodes {node_id}")
        return Relation(file=build.data.absolute())

    def _build(self, node_id: str) -> Build | None:
        entry = self.world.facts[node_id].entry
        today = self.decisions[node_id].build
        return today or (self.world.find(node_id, entry.built) if entry and entry.built else None)
