"""Read what nodes stored, without computing: frames, previews. Needs a runner's manifest, state and engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.fingerprint import written
from seeknal_nb.dag.graph import Graph
from seeknal_nb.dag.select import resolve
from seeknal_nb.dag.sql import quote
from seeknal_nb.engines import Relation
from seeknal_nb.errors import SelectionError
from seeknal_nb.showing import Preview
from seeknal_nb.workflow.kinds.tables import is_view, view_sql

if TYPE_CHECKING:
    from seeknal_nb.workflow.runner import DAGRunner

__all__ = ["Reader"]


class Reader:
    """The last good builds of a pipeline's nodes."""

    def __init__(self, runner: DAGRunner) -> None:
        self.runner, self.graph, self.states = runner, Graph(runner.manifest), runner.states()

    def resolve(self, name: str) -> str:
        """The id that a name means."""
        return resolve(self.graph, name)

    def query(self, node_id: str, *, limit: int | None = None, form: str = "pandas") -> Any:
        """The rows of a node's table.

        Raises:
            SelectionError: It has no table yet.
        """
        engine = self.runner.engine
        engine.bind(self._relations(node_id))
        most = "" if limit is None else f" LIMIT {int(limit)}"
        return engine.query(f"SELECT * FROM {quote(node_id)}{most}", form=form)

    def preview(self, node_id: str, *, limit: int) -> Preview:
        """The first rows, the schema, and the counts of this build and of the one before."""
        frame = self.query(node_id, limit=limit)
        schema = self.runner.engine.describe(f"SELECT * FROM {quote(node_id)}")
        state = self.states.get(node_id)
        build = state and state.built and self.runner.outputs.find(node_id, state.built, state.files)
        if not build:
            return Preview(node_id, frame, schema, None)
        before = self.runner.outputs.before(node_id, build.key)
        return Preview(node_id, frame, schema, build.row_count, before.row_count if before else None, dict(build.metadata))

    def _relations(self, node_id: str) -> dict[str, Relation]:
        """What must be bound to read the node, in the order in which it must be."""
        found: dict[str, Relation] = {}
        front = [node_id]
        while front:
            name = front.pop()
            if name not in found:
                found[name] = self._relation(name)
                front += self.graph.inputs(name) if found[name].sql else ()
        return dict(reversed(found.items()))

    def _relation(self, node_id: str) -> Relation:
        node = self.graph.nodes[self.graph.index[node_id]]
        if is_view(node):
            return Relation(sql=view_sql(written(node, self.runner.around.params)[1], self.graph.inputs(node_id)))
        state = self.states.get(node_id)
        build = state and state.built and self.runner.outputs.find(node_id, state.built, state.files)
        if not build or build.data is None:
            why = "it has no table of its own" if state and state.good else "it was never built"
            raise SelectionError(f"{node_id} has nothing to show", why=why, remedy=f"run --nodes {node_id}")
        return Relation(file=build.data.absolute())
