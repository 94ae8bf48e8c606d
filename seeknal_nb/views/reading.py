"""Read what nodes stored, without computing: frames, previews. Needs a runner's manifest, state and engine."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.graph import Graph
from seeknal_nb.dag.keys import PARAMETER, written
from seeknal_nb.dag.partitions import CALENDAR
from seeknal_nb.dag.select import resolve
from seeknal_nb.declaration import declaration_of
from seeknal_nb.errors import NodeError, SeeknalError, SelectionError
from seeknal_nb.kinds.tables import is_view, relations
from seeknal_nb.markup import cut
from seeknal_nb.sql.text import quote
from seeknal_nb.storage.builds import told_of
from seeknal_nb.views.values import Preview
from seeknal_nb.workflow.history import read_history
from seeknal_nb.workflow.planner import decide_all

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.dag.partitions import Span
    from seeknal_nb.engines import Session
    from seeknal_nb.storage.builds import Build, File
    from seeknal_nb.workflow.observe import Observed
    from seeknal_nb.workflow.plan import Decision, Plan
    from seeknal_nb.workflow.runner import DAGRunner
    from seeknal_nb.workflow.state import NodeState

__all__ = ["Reader", "as_shown"]

LONGEST_NOTE = 300
ELSEWHERE = "up to date; the last run left another build"
"""Where a node, or what it reads, is again as it was before, or the last run was given other parameters."""
SQL_TYPES = {"b": "BOOLEAN", "i": "BIGINT", "f": "DOUBLE"}
"""By the kind of a pandas dtype: one vocabulary for whatever is shown."""
SEARCHED = 30
"""Runs whose records are searched for the checks of a rule."""


class Reader:
    """The stored tables of a pipeline, as the last run left them. Names are ids or bare names.

    Every method that takes a name raises ``SelectionError`` where no node has it. With a span, what it narrows is as a
    run of these partitions left it.
    """

    def __init__(self, runner: DAGRunner, span: Span | None = None) -> None:
        self.runner, self.graph, self._span = runner, Graph(runner.manifest, runner.kinds), span

    @cached_property
    def states(self) -> dict[str, NodeState]:
        """What is remembered of each node that the span, if there is one, does not narrow."""
        found = self.runner.states()
        if self._span is None:
            return found
        facts, there = self.runner.look(self.graph, self._span).facts, self.graph.index
        return {node_id: state for node_id, state in found.items() if node_id not in there or not facts[node_id].apart}

    def query(self, name: str, *, limit: int | None = None, form: str = "pandas") -> Any:
        """The rows of the node's table.

        Raises:
            SelectionError: It has no table yet.
        """
        node_id = resolve(self.graph, name)
        with self._session(node_id) as session:
            most = "" if limit is None else f" LIMIT {int(limit)}"
            return session.query(f"SELECT * FROM {quote(node_id)}{most}", form=form)

    def preview(self, name: str, *, limit: int) -> Preview:
        """The first rows, the schema, and the counts of this build and of the one before."""
        node_id = resolve(self.graph, name)
        state, note = self.states.get(node_id), self.failure(node_id) or self.note(node_id)
        failed = state is not None and not state.good
        is_rule = self.graph.nodes[self.graph.index[node_id]].node_type == "rule"
        checks = self._failed_checks(node_id) if failed and is_rule else []
        if checks:
            return _of_checks(node_id, checks, limit, note)
        with self._session(node_id) as session:
            frame = _first(session, node_id, limit)
            schema = session.describe(f"SELECT * FROM {quote(node_id)}")
        build, before = self.build(node_id), self.build_before(node_id)
        if build is None:
            return Preview(node_id, frame, schema, None, note=note)
        return Preview(
            node_id, frame, schema, build.row_count, before.row_count if before else None, dict(build.metadata), note
        )  # fmt: skip

    def checks(self, node_id: str) -> list[dict[str, Any]]:
        """What the checks of a node's data found, as ``NodeResult.checks`` has it: of its last build, or when it failed."""
        state, build = self.states.get(node_id), self.build(node_id)
        if state is not None and not state.good:
            return self._failed_checks(node_id)
        return [one for one in told_of(build).get("checks", ()) if isinstance(one, dict)]

    def _failed_checks(self, node_id: str) -> list[dict[str, Any]]:
        """What its checks found when it failed: that leaves no table, but the run's record."""
        for record in read_history(self.runner.target / "runs", most=SEARCHED):
            for result in record.get("results") or ():
                if isinstance(result, dict) and result.get("node_id") == node_id:
                    return [one for one in (result.get("metadata") or {}).get("checks") or () if isinstance(one, dict)]
        return []

    @cached_property
    def now(self) -> Observed | None:
        """How the nodes are defined now; None where that cannot be told."""
        try:
            return self.runner.look(self.graph, self._span)
        except SeeknalError:
            return None

    @cached_property
    def _decisions(self) -> dict[str, Decision]:
        """What a plan says of each node: whether it is up to date, and with which build."""
        return {} if self.now is None else decide_all(self.graph, self.now)

    def elsewhere(self, node_id: str) -> Build | None:
        """Of a node's id, the build that the plan calls up to date, where it is not the one that was made or taken last."""
        decision, state = self._decisions.get(node_id), self.states.get(node_id)
        build = decision.build if decision is not None else None
        apart = self._span is not None and state is None
        return build if build is not None and (apart or (state is not None and state.built != build.key)) else None

    def rewritten(self, node_id: str) -> bool:
        """Whether the node was written anew since it was last run; another parameter of a run is no new text."""
        state = self.states.get(node_id)
        return self.now is not None and state is not None and _text(self.now.facts[node_id].parts) != _text(state.parts)

    def build(self, name: str) -> Build | None:
        """The build that the plan calls up to date; where there is none, the last good one. Of a span what is asked for."""
        found = self._built(resolve(self.graph, name))
        return found if found is None or self._span is None else _within(found, self._span)

    def _built(self, node_id: str) -> Build | None:
        """The same with all that was built, as what reads it has read it."""
        state, elsewhere = self.states.get(node_id), self.elsewhere(node_id)
        if elsewhere is not None:
            return self.runner.outputs.find(node_id, elsewhere.key, strict=True)
        found = self.runner.outputs.find(node_id, state.built, strict=True) if state and state.built else None
        return found if found is None or state is None or found.digest == state.digest else None

    def failure(self, name: str) -> str:
        """How the node failed, where it did so last."""
        state = self.states.get(resolve(self.graph, name))
        return f"failed last time: {cut(state.error or '', LONGEST_NOTE)}" if state is not None and not state.good else ""

    def note(self, name: str) -> str:
        """What to know of the table that is shown: that it is not up to date, or not what the last run left."""
        node_id = resolve(self.graph, name)
        state, decision = self.states.get(node_id), self._decisions.get(node_id)
        if state is None or decision is None or not state.good:
            return ""
        if decision.build is None:
            return f"{'' if decision.certain else 'perhaps '}not up to date: {decision.reason}"
        return ELSEWHERE if self.elsewhere(node_id) and not self._same_as_last(node_id) else ""

    def _same_as_last(self, node_id: str) -> bool:
        """Whether the last run left the same rows, under another key: one of the two is that of a name it has not yet."""
        state, now = self.states[node_id], self._decisions[node_id].build
        last = self.runner.outputs.find(node_id, state.built or "")
        return last is not None and now is not None and last.identity == now.identity

    def build_before(self, name: str) -> Build | None:
        """The build before that one, where it is still there."""
        build = self.build(name) if self._span is None else None
        return self.runner.outputs.before(build.node_id, build.key) if build is not None and build.path else None

    def _session(self, node_id: str) -> AbstractContextManager[Session]:
        """A session that reads the node."""
        files: dict[Path, File] = {}

        def shown(one: str) -> Build:  # what a view reads as the run's readers have read it
            build = self._shown(one, self.build(one) if one == node_id else self._built(one))
            if build.path is not None:
                files.update({build.path.parent / file.name: file for part in build.parts for file in part.files})
            return build

        bound = relations(self.graph, [node_id], self._view, shown, self.runner.around.root)
        self.runner.outputs.bring(files)
        return self.runner.engine.get().session(bound)

    def _view(self, node_id: str) -> Node | None:
        node = self.graph.nodes[self.graph.index[node_id]]
        declared = declaration_of(node.node_type, self.runner.kinds)
        return written(node, declared, self.runner.around.params)[1] if is_view(node) else None

    def _shown(self, node_id: str, build: Build | None) -> Build:
        if build is None or build.path is None:
            if self._span is not None:
                remedy = f"run --nodes {node_id} with the same --from, --to or --sample"
                raise SelectionError(
                    f"{node_id} has nothing to show", why="no run has built these partitions", remedy=remedy
                )
            raise _nothing_to_show(node_id, self.states.get(node_id))
        return build


def _within(build: Build, span: Span) -> Build:
    """Of a build that lists its partitions those that were asked for; others were built for what reads them."""
    if not build.lists or build.by is None or (span.dated and build.by.grain not in CALENDAR):
        return build
    values = {*span.among(build.by.grain, [part.value for part in build.parts])}
    parts = tuple(part for part in build.parts if part.value in values)
    return replace(build, parts=parts, row_count=sum(part.rows for part in parts))


def _first(session: Session, node_id: str, limit: int) -> Any:
    """The first rows; as text, where a column has values that pandas has not, as an infinite time."""
    rows = f"SELECT * FROM {quote(node_id)} LIMIT {int(limit)}"
    try:
        return session.query(rows)
    except NodeError:
        return session.query(f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({rows})")


def as_shown(runner: DAGRunner, plan: Plan) -> dict[str, NodeState]:
    """What is remembered of each node, with the rows of the build that the plan calls up to date, as ``Reader`` shows it."""
    states = runner.states()
    for step in plan.steps:
        state = states.get(step.node_id)
        if state is None or step.key in (None, state.built):
            continue
        build = runner.outputs.find(step.node_id, step.key or "")
        rows = state.earlier.get(step.key or "") if build is None else build.row_count
        warnings = list(told_of(build).get("warnings", ()))
        states[step.node_id] = replace(state, built=step.key, row_count=rows, warnings=warnings)
    return states


def _nothing_to_show(node_id: str, state: NodeState | None) -> SelectionError:
    if state is not None and not state.good:
        told = (state.error or "").removesuffix(f". Fix: {state.remedy}")
        why, remedy = f"it failed last time: {cut(told, LONGEST_NOTE)}", cut(state.remedy or "", LONGEST_NOTE)
    elif state is not None and not state.output:
        why, remedy = "it has no table of its own", "show a node that it reads, or open what it delivered"
    elif state is not None and state.built:
        why, remedy = "its build is damaged, or somebody took it away", f"run --nodes {node_id} builds it again"
    else:
        why, remedy = "it was never built", f"run --nodes {node_id}"
    return SelectionError(f"{node_id} has nothing to show", why=why, remedy=remedy or "mend it, then run again")


def _of_checks(node_id: str, checks: list[dict[str, Any]], limit: int, note: str) -> Preview:
    import pandas as pd  # noqa: PLC0415 - half a second, and only who shows needs it

    frame = pd.DataFrame(checks)
    schema = tuple((str(name), SQL_TYPES.get(kind.kind, "VARCHAR")) for name, kind in frame.dtypes.items())
    return Preview(node_id, frame.head(limit), schema, len(checks), metadata={"checks": checks}, note=note)


def _text(parts: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in parts.items() if not name.startswith(PARAMETER)}
