"""One look at a project as its last run left it: tables, listings, how each node stands. Knows no project, only a runner."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.graph import Graph
from seeknal_nb.errors import SeeknalError, SelectionError
from seeknal_nb.kinds import kind_of
from seeknal_nb.storage.builds import told_of
from seeknal_nb.storage.garbage import size
from seeknal_nb.views.details import Inspector
from seeknal_nb.views.listing import node_rows, partition_rows, result_of, status_rows
from seeknal_nb.views.parts import partition_causes
from seeknal_nb.views.reading import Reader, as_shown
from seeknal_nb.views.why import Explainer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

    from seeknal_nb.dag.partitions import Span
    from seeknal_nb.storage.builds import Build
    from seeknal_nb.views.details import Details
    from seeknal_nb.views.values import Preview, Rows
    from seeknal_nb.views.why import Causes, Whys
    from seeknal_nb.workflow.events import NodeResult
    from seeknal_nb.workflow.plan import Step
    from seeknal_nb.workflow.runner import DAGRunner

__all__ = ["Look"]


class Look:
    """What there is to see at one moment.

    Args:
        runner: Has the nodes, what is remembered of them, the parameters of the look, and an engine of its own: a run's
            bodies must not meet what looking binds.
        left: The parameters of the last run that the look has too, because nobody gave others.
        span: Of which partitions it is; None for all.
    """

    def __init__(self, runner: DAGRunner, left: Mapping[str, object], span: Span | None = None) -> None:
        self.runner, self._left, self._span = runner, left, span

    @cached_property
    def _reader(self) -> Reader:
        return Reader(self.runner, self._span)

    @cached_property
    def _inspector(self) -> Inspector:
        return Inspector(self._reader)

    def table(self, name: str) -> pd.DataFrame:
        """The stored table of a node as a pandas frame."""
        frame: pd.DataFrame = self._reader.query(name)
        return frame

    def preview(self, name: str, *, limit: int) -> Preview:
        """The first rows of a node's stored table, its schema and counts."""
        return self._reader.preview(name, limit=limit)

    def partitions(self, name: str) -> Rows:
        """A row a partition of the node's table.

        Raises:
            SelectionError: It has none, or was never built.
        """
        return partition_rows(self._parted(name), self._reader.build_before(name))

    def _parted(self, name: str) -> Build:
        """The build of a node that lists its partitions."""
        build = self._reader.build(name)
        if build is not None and build.lists:
            return build
        why, remedy = "it is built as a whole", "give it partition_by, and run it"
        if build is None:
            failed = self._reader.failure(name)
            why, remedy = failed or "there is no build of it", "mend it, and run again" if failed else "run it"
            remedy += " with the same --from, --to or --sample" if self._span is not None else ""
        raise SelectionError(f"{name} has no partitions to show", why=why, remedy=remedy)

    def details(self, name: str, *, rows: int, why: bool = True) -> Details:
        """All that is worth knowing of one node, with its first ``rows``; 0 reads no data. ``why``: also what changed."""
        found = self._inspector.details(name, rows=rows, alone=why)
        if not why:
            return found
        build = self._reader.build(found.node_id)
        try:
            causes = self.why(found.node_id)
        except SeeknalError:  # what cannot be planned has no reasons
            return found
        changed = self._explainer.since(found.node_id, build.key) if build is not None else ()
        return replace(found, causes=causes, changed=changed)

    @cached_property
    def _explainer(self) -> Explainer:
        return Explainer(self.runner, self._reader.now)

    def why(self, name: str, step: Step | None = None) -> Causes:
        """Why the node runs, by its step where a plan was made, or last ran: what changed, old against new."""
        return self._explainer.of(name, step)

    def why_partition(self, name: str, partition: str) -> Causes:
        """Why one partition of a node was built last: what it read, against what it had read before.

        Raises:
            SelectionError: The node has no partitions, or none of that name.
        """
        return partition_causes(self.runner.outputs, self._parted(name), partition, self._explainer.step(name))

    def whys(self) -> Whys:
        """The same of each node that would run."""
        return self._explainer.all()

    def select(self, terms: Iterable[str] | str) -> list[str]:
        """The ids that terms of the selector grammar name now, in topological order."""
        return self.runner.select(terms)

    def nodes(self, selectors: Iterable[str]) -> Rows:
        """A row a node in topological order: what it is and what it reads; all of them where there is no selector."""
        terms, graph = list(selectors), Graph(self.runner.manifest, self.runner.kinds)
        return node_rows(graph, self.select(terms) if terms else graph.ids)

    def status(self) -> Rows:
        """A row a node in topological order: how it last came out, and what a run would do now."""
        plan = self.runner.plan()
        return status_rows(plan, as_shown(self.runner, plan), self._left, self.runner.others(), size(self.runner.outputs))

    def standing(self, last: Iterable[NodeResult] = ()) -> dict[str, NodeResult]:
        """How each node stands now, by id in topological order: as it came out; PENDING, or FAILED, where it would run.

        Args:
            last: The results of the last run, where they are at hand.
        """
        plan, results = self.runner.plan(), {result.node_id: result for result in last}
        states = as_shown(self.runner, plan)
        found = {}
        for step in plan.steps:
            state, result = states.get(step.node_id), results.get(step.node_id)
            found[step.node_id] = result_of(step, state, result, self._checks(step, result))
        return found

    def _checks(self, step: Step, last: NodeResult | None) -> list[dict[str, Any]]:
        """What was checked when the build was made that is up to date; of another node, in the last run."""
        node = self.runner.manifest.nodes[step.node_id]
        if step.key is None or not kind_of(node.node_type, self.runner.kinds).measures(node):
            return last.checks if last is not None else []
        return list(told_of(self.runner.outputs.find(node.id, step.key)).get("checks", ()))
