"""What a run has learned of its own cost: tables that were made to be read once. Says so; changes nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seeknal_nb.declaration import declaration_of
from seeknal_nb.durations import duration_text
from seeknal_nb.errors import ManifestError
from seeknal_nb.kinds import check_node, kind_of
from seeknal_nb.kinds.body import sql_of
from seeknal_nb.markup import size_text
from seeknal_nb.sql.names import volatile_in
from seeknal_nb.workflow.events import ExecutionStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from seeknal_nb.dag.graph import Graph
    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.storage.builds import Build
    from seeknal_nb.workflow.events import NodeResult

__all__ = ["advice"]

MOST = 3
"""So many are told of, the dearest first."""
SECONDS, SHARE = 1.0, 0.05
"""What a node must have taken at least, and of the whole run, so that it is worth a word."""
BYTES = 1_000_000
"""What its table must hold at least: a small one costs nothing to store, however long its SQL takes."""


def advice(
    graph: Graph, results: Iterable[NodeResult], builds: Mapping[str, Build], kinds: Mapping[str, Any]
) -> tuple[str, ...]:
    """A line for each table that only one node reads, was made in this run and cost something: a view would do.

    Args:
        graph: The nodes.
        results: How they came out.
        builds: What the run made, by node id.
        kinds: The caller's own kinds.
    """
    ran = [result for result in results if result.status is ExecutionStatus.SUCCESS and result.node_id in builds]
    least = max(SECONDS, SHARE * sum(result.duration for result in ran))
    dear = sorted((one for one in ran if one.duration >= least), key=lambda one: one.duration, reverse=True)
    told = []
    for result in dear:
        node_id, build = result.node_id, builds[result.node_id]
        size = sum(file.size for file in build.files)
        if build.path is not None and size >= BYTES and _could_be_view(graph, graph.nodes[graph.index[node_id]], kinds):
            cost = f"{duration_text(result.duration)} and {size_text(size)}"
            told.append(f"{node_id} is read once, and cost {cost}: --materialized view would do")
    return tuple(told[:MOST])


def _could_be_view(graph: Graph, node: Node, kinds: Mapping[str, Any]) -> bool:
    """Whether it could be one, whose rows are the same whenever it is computed, and which one table reads."""
    readers, sql = graph.after(node.id), sql_of(node)
    if sql is None or volatile_in(sql) or len(readers) != 1:
        return False
    reader = graph.nodes[graph.index[readers[0]]].node_type
    if declaration_of(reader, kinds).blocks is not None or not kind_of(reader, kinds).addressed:  # it is looked at itself
        return False
    try:
        check_node(replace(node, config={**node.config, "materialized": "view"}), kinds)
    except ManifestError:
        return False
    return True
