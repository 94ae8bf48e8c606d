"""Which partitions of each node a run of some of them needs: what is asked for, and what lookbacks and wider units read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from seeknal_nb.dag.partitions import CALENDAR, KEY
from seeknal_nb.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal_nb.dag.graph import Graph
    from seeknal_nb.dag.partitions import Span
    from seeknal_nb.kinds.cuts import Cut, Cuts

__all__ = ["spans_of"]


def spans_of(graph: Graph, cuts: Cuts, asked: Span) -> Mapping[str, Span]:
    """By id, what is built of the nodes that a span narrows: those of a calendar; of a sample sources, and who looks back.

    Raises:
        UsageError: There is none.
    """
    cut = {node.id: one for node in graph if KEY in node.config and (one := cuts.of(node.id)) is not None}
    if asked.last:
        found = _of_sample(graph, cuts, cut, asked)
    else:
        found = {node_id: asked.whole(one.by.grain) for node_id, one in cut.items() if one.by.grain in CALENDAR}
    if not found:
        what = "partitions" if asked.last else "partitions of a calendar"
        raise UsageError(f"no node has {what}", remedy="give a source --partition-by day(ts), or run all of it")
    for node_id in reversed(graph.ordered(found)) if asked.dated else ():
        need = found[node_id]
        if cut[node_id].lookback:
            need = need.reaching_back(cut[node_id].by.grain, cut[node_id].lookback)
        for read in cuts.read(node_id):
            if read in found:
                found[read] = found[read].with_other(need).whole(cut[read].by.grain)
    return found


def _of_sample(graph: Graph, cuts: Cuts, cut: Mapping[str, Cut], asked: Span) -> dict[str, Span]:
    """The last partitions of sources, and before them those that lookbacks of the same unit read for the sample's own."""
    found: dict[str, Span] = {}
    most = dict.fromkeys(cut, asked.last)
    for node_id in reversed(graph.ordered(cut)):
        own = cut[node_id]
        if own.lookback or node_id.startswith("source."):
            found[node_id] = replace(asked, last=most[node_id])
        for read, its in cuts.read(node_id).items():
            if its.by.grain == own.by.grain:
                most[read] = max(most[read], most[node_id] + own.lookback)
    return found
