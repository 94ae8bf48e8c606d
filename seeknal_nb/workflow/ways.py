"""How long a plan takes, as far as its nodes ran before, and which way through it is the longest."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal_nb.dag.graph import Graph
    from seeknal_nb.workflow.plan import Plan, World

__all__ = ["longest_ways", "with_seconds"]


def with_seconds(plan: Plan, graph: Graph, usual: Mapping[str, float], workers: int) -> Plan:
    """The plan, and how long it would take: its longest way, or all of it, shared by the workers.

    Args:
        plan: Without it.
        graph: The nodes.
        usual: Seconds by node id.
        workers: How many nodes run at a time.
    """
    runs = [node_id for node_id in plan.runs if node_id in usual]
    ways: dict[str, float] = {}
    for node_id in runs:
        ways[node_id] = usual[node_id] + max((ways.get(one, 0.0) for one in graph.before(node_id)), default=0.0)
    seconds = max(*ways.values(), sum(usual[i] for i in runs) / workers) if runs else None
    return replace(plan, seconds=seconds)


def longest_ways(graph: Graph, plan: Plan, world: World) -> dict[str, float]:
    """By id, the seconds of the longest way from a node's begin to the end, through what runs, as far as that ran before."""
    ways, runs = dict[str, float](), frozenset(plan.runs)
    for step in reversed(plan.steps):
        entry = world.facts[step.node_id].entry if step.node_id in runs else None
        behind = max((ways[one] for one in graph.after(step.node_id)), default=0.0)
        ways[step.node_id] = behind + (entry.duration if entry is not None else 0.0)
    return ways
