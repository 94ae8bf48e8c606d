"""How a run tells of nodes that its project goes without: as warnings of its plan, and as skipped ones in its summary."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from seeknal_nb.status import ExecutionStatus
from seeknal_nb.workflow.events import ExecutionSummary, NodeResult, RunFinished, RunStarted
from seeknal_nb.workflow.reasons import Reason, Why

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal_nb.workflow.events import Event
    from seeknal_nb.workflow.plan import Plan

__all__ = ["event_with", "plan_with", "summary_with"]


def plan_with(plan: Plan, left: Mapping[str, str]) -> Plan:
    """The plan, with a warning for each node that is left out."""
    told = tuple(f"{node_id} is left out: {why}" for node_id, why in left.items())
    return replace(plan, warnings=(*told, *plan.warnings)) if told else plan


def summary_with(summary: ExecutionSummary, left: Mapping[str, str]) -> ExecutionSummary:
    """The summary, in which they are skipped, behind the nodes of the run."""
    skipped = [NodeResult(node_id, ExecutionStatus.SKIPPED, reason=Reason(Why.TOLD, why)) for node_id, why in left.items()]
    return replace(
        summary,
        total_nodes=summary.total_nodes + len(skipped),
        skipped_nodes=summary.skipped_nodes + len(skipped),
        results=[*summary.results, *skipped],
    )


def event_with(event: Event, left: Mapping[str, str]) -> Event:
    """The event of a run, whose begin and end tell of them."""
    if left and isinstance(event, RunStarted):
        return replace(event, plan=plan_with(event.plan, left))
    if left and isinstance(event, RunFinished):
        return replace(event, summary=summary_with(event.summary, left))
    return event
