"""What a cell answers: that a node is registered, what it would do now; or which node of a run failed, in short."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeknal_nb.dag.graph import Graph
from seeknal_nb.errors import ManyErrors, Place, RunFailed, SeeknalError
from seeknal_nb.kinds.tables import volatile_of
from seeknal_nb.markup import esc_html, esc_term
from seeknal_nb.workflow.plan import Action

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeknal_nb.project import Project
    from seeknal_nb.workflow.events import ExecutionSummary
    from seeknal_nb.workflow.plan import Step

__all__ = ["Registered", "failure", "registered"]


@dataclass(frozen=True, slots=True)
class Registered:
    """The answer to a definition: a line a node."""

    node_ids: tuple[str, ...]
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(esc_term(line, one_line=True) for line in self.lines)

    __repr__ = __str__

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {
            "text/plain": str(self),
            "text/html": "".join(f"<div><code>{esc_html(line)}</code></div>" for line in self.lines),
        }


def registered(project: Project, node_ids: Sequence[str], *, notes: Sequence[str] = ()) -> Registered:
    """``transform.clean <- source.users · will run: SQL changed · 2 nodes downstream``, then what else there is to say."""
    graph = Graph(project.manifest, project.kinds)
    problems: list[str] = []
    try:
        steps = {step.node_id: step for step in project.runner().plan().steps}
    except SeeknalError as error:  # not yet: what it needs may come in a later cell
        errors = error.errors if isinstance(error, ManyErrors) else [error]
        steps, problems = {}, [f"! {_problem(one, node_ids)}" for one in errors]
    lines = [_line(graph, node_id, steps.get(node_id)) for node_id in node_ids]
    return Registered(tuple(node_ids), (*lines, *problems, *notes))


def _problem(error: SeeknalError, node_ids: Sequence[str]) -> str:
    """Why nothing can be run yet; of another cell's fault, which that cell has told of with its remedy, only what it is."""
    if error.node is None or error.node in node_ids:
        return f"not yet to be run: {error}"
    return f"nothing can be run yet, because of {error.node}, which another cell defines: {error.what}"


def _line(graph: Graph, node_id: str, step: Step | None) -> str:
    inputs = ", ".join(graph.inputs(node_id))
    below = len(graph.downstream([node_id]))
    parts = [f"{node_id} <- {inputs}" if inputs else node_id]
    if step is not None:
        verb = {Action.RUN: "will run" if step.certain else "may run", Action.CACHED: "up to date"}.get(
            step.action, "left out"
        )
        parts.append(verb if step.action is Action.CACHED else f"{verb}: {step.why}")
    if volatile := volatile_of(graph.nodes[graph.index[node_id]]):
        parts.append(f"{volatile}, what is stored stands until something changes")
    if below:
        parts.append(f"{below} node{'s' if below > 1 else ''} downstream")
    return " · ".join(parts)


def failure(summary: ExecutionSummary) -> RunFailed:
    """The error that a cell ends in: the first failed node, and how many others."""
    first = summary.failed[0]
    error = first.error
    more = f" and {len(summary.failed) - 1} more" if len(summary.failed) > 1 else ""
    what = f"{first.node_id} failed{more}"
    if isinstance(error, SeeknalError):
        place = error.place if isinstance(error.place, Place) else None
        why = ": ".join(part for part in (error.what, error.why) if part)
        remedy = f"{error.remedy or 'mend it, then run again'}; seeknal.summary tells about all nodes"
        return RunFailed(what, why=why, remedy=remedy, place=place, summary=summary)
    remedy = "see seeknal.summary.failed[0].error, mend it, then run again"
    return RunFailed(what, why=first.error_message or "", remedy=remedy, summary=summary)
