"""What a project lists: how its nodes stand, what they are, its runs, its garbage; a row each. Reads nothing itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from seeknal_nb.markup import plural, size_text, some
from seeknal_nb.owner import is_known
from seeknal_nb.views.values import Rows
from seeknal_nb.workflow.events import ExecutionStatus, NodeResult
from seeknal_nb.workflow.plan import Action
from seeknal_nb.workflow.request import told

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from seeknal_nb.dag.graph import Graph
    from seeknal_nb.storage.builds import Build
    from seeknal_nb.storage.garbage import Garbage
    from seeknal_nb.workflow.plan import Plan, Step
    from seeknal_nb.workflow.state import NodeState

__all__ = ["garbage_rows", "history_rows", "node_rows", "partition_rows", "result_of", "status_rows"]

STATUS = ("node_id", "status", "warnings", "row_count", "duration", "last_run", "now", "reason")
PARTITIONS = ("partition", "rows", "bytes", "last_build")
NODES = ("node_id", "tags", "inputs", "file", "description")
MOST_OTHERS = 5
TOTALS = ("total", "successful", "failed", "cached", "skipped", "pending", "warned")


def status_rows(
    plan: Plan, states: Mapping[str, NodeState], left: Mapping[str, object], theirs: Mapping[str, NodeState], held: int
) -> Rows:
    """A row a node in topological order: how it last came out, and what a run would do now.

    Args:
        plan: What a run would do.
        states: What is remembered, by id.
        left: Parameters of the last run.
        theirs: What is remembered of nodes that others ran last in this folder.
        held: The bytes of all builds.
    """
    rows = []
    for step in plan.steps:
        state = states.get(step.node_id)
        warned = len(state.warnings) if state and state.good else 0
        rows.append((
            step.node_id, state.status if state else "never built", warned or None,
            state.row_count if state else None,
            round(state.duration, 3) if state else None, _when(state.last_run) if state else None,
            str(step.action), step.why,
        ))  # fmt: skip
    warned = sum(row[2] is not None for row in rows)
    warnings = f"; {warned} with warnings" if warned else ""
    given = f", as in the last run: {told(left)}" if left else ""
    others = f"; others here: {others_told(theirs)}" if theirs else ""
    size = f"; builds hold {size_text(held)}" if held else ""
    return Rows(f"{plan.headline()}{warnings}{given}{others}{size}", STATUS, tuple(rows))


def result_of(
    step: Step, state: NodeState | None, last: NodeResult | None, checks: Sequence[Mapping[str, Any]] = ()
) -> NodeResult:
    """How a node stands, by its step of a plan, what is remembered of it, its result in the last run, and its checks."""
    if step.action is Action.RUN:
        status = ExecutionStatus.PENDING if state is None or state.good else ExecutionStatus.FAILED
    else:
        good = last is not None and last.status is ExecutionStatus.SUCCESS
        status = ExecutionStatus.SUCCESS if good else ExecutionStatus.CACHED
    if state is None:
        return NodeResult(step.node_id, status, reason=step.reason)
    known = {"checks": list(checks), "warnings": state.warnings if state.good else []}
    return NodeResult(
        step.node_id, status, state.duration, state.row_count, state.error,
        {name: value for name, value in known.items() if value}, step.reason, state.attempts,
    )  # fmt: skip


def node_rows(graph: Graph, chosen: Collection[str]) -> Rows:
    """A row a node in topological order: what it is and what it reads."""
    rows = tuple(
        (n.id, ", ".join(n.tags), ", ".join(graph.inputs(n.id)), n.file_path or "", n.description or "")
        for n in graph
        if n.id in chosen
    )
    return Rows(plural(len(rows), "node"), NODES, rows)


def history_rows(records: Sequence[Mapping[str, Any]]) -> Rows:
    """A row a run, in the order given."""
    rows = []
    for record in records:
        totals = record["totals"]
        counts = (totals.get(name, 0) for name in TOTALS)
        told = record["number"], record["run_id"], _when(record["started"]), record["command"]
        rows.append((*told, *counts, totals["duration"]))
    return Rows(plural(len(rows), "run"), ("run", "run_id", "started", "command", *TOTALS, "seconds"), tuple(rows))


def partition_rows(build: Build, before: Build | None) -> Rows:
    """A row a partition of a build, in their order: what it is called, rows, bytes, and how it stood in the build before."""
    former = {part.value: part.digest for part in before.parts} if before is not None else {}
    rows = []
    for part in build.parts:
        now = "new" if part.value not in former else "kept" if former[part.value] == part.digest else "changed"
        rows.append((part.value, part.rows, sum(file.size for file in part.files), now if former else "new"))
    gone = len(former.keys() - {part.value for part in build.parts})
    by = "" if build.by is None else f" by {build.by.grain}{f' of {build.by.column}' if build.by.column else ''}"
    size = size_text(sum(row[2] for row in rows))
    left = f"; {plural(gone, 'partition')} of the build before {'is' if gone == 1 else 'are'} gone" if gone else ""
    title = f"{build.node_id}: {plural(len(rows), 'partition')}{by}, {plural(build.row_count or 0, 'row')}, {size}{left}"
    return Rows(title, PARTITIONS, tuple(rows))


def garbage_rows(found: Sequence[Garbage], root: Path, *, dry_run: bool, theirs: Mapping[str, NodeState]) -> Rows:
    """A row a directory, its path relative to ``root``; ``theirs`` are left to their owners."""
    size = sum(item.size for item in found)
    rows = tuple((item.path.relative_to(root).as_posix(), item.size, item.why) for item in found)
    what = "would be removed" if dry_run else "removed"
    left = f"; {others_told(theirs)} stay: --all takes them too" if theirs else ""
    return Rows(f"{plural(len(rows), 'build')}, {plural(size, 'byte')} {what}{left}", ("path", "bytes", "why"), rows)


def others_told(theirs: Mapping[str, NodeState]) -> str:
    """``transform.a of other.ipynb; transform.b of another session``."""
    told = [f"{node_id} of {s.owner if is_known(s.owner) else 'another session'}" for node_id, s in theirs.items()]
    return some(told, MOST_OTHERS)


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(sep=" ", timespec="seconds")
