"""The drawing of a graph, with how its nodes stand in it, and what its page shows of each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeknal_nb.kinds.body import sql_of
from seeknal_nb.sql.names import volatile_in
from seeknal_nb.views.values import Drawing
from seeknal_nb.workflow.events import ExecutionStatus, NodeResult

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seeknal_nb.dag.graph import Graph
    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.views.look import Look

__all__ = ["drawing_of"]


def drawing_of(graph: Graph, title: str, results: Mapping[str, NodeResult], look: Callable[[], Look]) -> Drawing:
    """The graph with these results in it, its nodes in topological order; a node that has none is pending.

    Args:
        graph: The nodes and edges.
        title: Stands above it.
        results: By id.
        look: Looks at the nodes, which only a page does.
    """
    from seeknal_nb.draw import Mark, Picture  # noqa: PLC0415 - only who draws needs it

    marks, numbers = [], {node.id: number for number, node in enumerate(graph)}
    for node in graph:
        result = results.get(node.id) or NodeResult(node.id, ExecutionStatus.PENDING)
        folder = Path(node.file_path).parent.as_posix() if node.file_path else ""
        marks.append(Mark(
            node.id, str(node.node_type), node.name, str(result.status), tuple(node.tags), _detail(node, result), folder,
            result.row_count, result.duration or None,
        ))  # fmt: skip
    edges = [(numbers[parent], child) for child, node in enumerate(graph) for parent in graph.inputs(node.id)]
    picture = Picture(tuple(marks), tuple(edges))
    return Drawing(picture, title, lambda: _panels(look(), numbers, results))


def _detail(node: Node, result: NodeResult) -> str:
    """What stands below the name of a node; SQL that gives another result each time is marked."""
    return " · ".join(filter(None, (result.detail(), "volatile" if volatile_in(sql_of(node) or "") else "")))


def _panels(look: Look, numbers: Mapping[str, int], results: Mapping[str, NodeResult]) -> dict[int, dict[str, Any]]:
    """What a page shows of each node, by number; no rows and no output, for pages are passed on."""
    return {
        number: {
            **look.details(node_id, rows=0).to_dict(numbers),
            "reason": results[node_id].reason if node_id in results else "",
            "log": "",
        }
        for node_id, number in numbers.items()
    }
