"""Which partitions of each node a run of some of them needs: what is asked for, and what lookbacks and wider units read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeknal_nb.dag.partitions import CALENDAR, KEY
from seeknal_nb.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal_nb.dag.graph import Graph
    from seeknal_nb.dag.partitions import Span
    from seeknal_nb.kinds.cuts import Cuts

__all__ = ["spans_of"]


def spans_of(graph: Graph, cuts: Cuts, asked: Span) -> Mapping[str, Span]:
    """By id, what is built of the nodes that a span narrows: all of a calendar; where it is a sample, the sources.

    Raises:
        UsageError: There is none.
    """
    cut = {node.id: one for node in graph if KEY in node.config and (one := cuts.of(node.id)) is not None}
    if asked.last:
        found = {node_id: asked for node_id in cut if node_id.startswith("source.")}
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
