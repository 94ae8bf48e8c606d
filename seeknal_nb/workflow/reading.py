"""Read what nodes stored, without computing: frames, previews. Needs a runner's manifest, state and engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.fingerprint import written
from seeknal_nb.dag.graph import Graph
from seeknal_nb.dag.select import resolve
from seeknal_nb.dag.sqltext import quote
from seeknal_nb.engines import Relation
from seeknal_nb.errors import SelectionError
from seeknal_nb.showing import Preview
from seeknal_nb.workflow.kinds.tables import is_view, view_sql

if TYPE_CHECKING:
    from seeknal_nb.workflow.outputs import Build
    from seeknal_nb.workflow.runner import DAGRunner

__all__ = ["Reader"]


class Reader:
    """One node's stored table, as the last run left it.

    Raises:
        SelectionError: There is no such node.
    """

    def __init__(self, runner: DAGRunner, name: str) -> None:
        self.runner, self.graph, self.states = runner, Graph(runner.manifest), runner.states()
        self.node_id = resolve(self.graph, name)

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
        build = self._build(self.node_id)
        if build is None:
            return Preview(self.node_id, frame, schema, None)
        before = self.runner.outputs.before(self.node_id, build.key)
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
        node, around = self.graph.nodes[self.graph.index[node_id]], self.runner.around
        if is_view(node):
            return Relation(sql=view_sql(written(node, around.params)[1], self.graph.inputs(node_id), around.root))
        build = self._build(node_id)
        if build is None or build.data is None:
            state = self.states.get(node_id)
            why = "it has no table of its own" if state and state.good and not state.output else "it was never built"
            remedy = f"run --nodes {node_id}" if "never" in why else "show a node that it reads, or open what it delivered"
            raise SelectionError(f"{node_id} has nothing to show", why=why, remedy=remedy)
        return Relation(file=build.data.absolute())

    def _build(self, node_id: str) -> Build | None:
        state = self.states.get(node_id)
        return self.runner.outputs.find(node_id, state.built, state.files) if state and state.built else None
