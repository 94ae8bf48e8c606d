"""The drawing of a graph, with how its nodes stand in it, and what its page shows of each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from seeknal_nb.kinds.body import sql_of
from seeknal_nb.kinds.tables import is_view
from seeknal_nb.sql.names import volatile_in
from seeknal_nb.views.brief import cause_of
from seeknal_nb.views.values import Drawing
from seeknal_nb.workflow.events import ExecutionStatus, NodeResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from seeknal_nb.dag.graph import Graph
    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.draw import Mark
    from seeknal_nb.views.look import Look

__all__ = ["drawing_of", "stand"]

VOLATILE: Final = "volatile"


def drawing_of(graph: Graph, title: str, results: Mapping[str, NodeResult], look: Callable[[], Look]) -> Drawing:
    """The graph with these results in it, its nodes in topological order; a node that has none is pending.

    Args:
        graph: The nodes and edges.
        title: Stands above it.
        results: By id.
        look: Looks at the nodes, which only a page does.
    """
    from seeknal_nb.draw import Picture  # noqa: PLC0415 - only who draws needs it

    numbers = {node.id: number for number, node in enumerate(graph)}
    unknown = NodeResult("", ExecutionStatus.PENDING)
    marks = [_mark(node, results.get(node.id, unknown)) for node in graph]
    edges = [(numbers[parent], child) for child, node in enumerate(graph) for parent in graph.inputs(node.id)]
    picture = Picture(tuple(marks), tuple(edges))
    return Drawing(picture, title, lambda: _panels(look(), numbers, results))


def stand(mark: Mark, result: NodeResult) -> Mark:
    """The mark of a node that stands so; its detail has rows and seconds, and whether SQL gives another result each time."""
    return replace(mark, **_standing(mark.kind, mark.kept, result))


def _mark(node: Node, result: NodeResult) -> Mark:
    from seeknal_nb.draw import Mark  # noqa: PLC0415 - only who draws needs it

    kind, kept = str(node.node_type), tuple(_kept(node))
    folder = Path(node.file_path).parent.as_posix() if node.file_path else ""
    return Mark(node.id, kind, node.name, tags=tuple(node.tags), folder=folder, kept=kept, **_standing(kind, kept, result))


def _standing(kind: str, kept: tuple[str, ...], result: NodeResult) -> dict[str, Any]:
    """What a mark has of how its node stands."""
    checks = (sum(bool(check.get("passed")) for check in result.checks), len(result.checks)) if result.checks else None
    volatile = [VOLATILE] if VOLATILE in kept else []
    return {
        "status": str(result.status),
        "detail": " · ".join(filter(None, (result.detail(), *volatile))),
        "rows": result.row_count,
        "seconds": result.duration or None,
        "checks": checks if checks and (kind == "rule" or checks[0] < checks[1]) else None,
        "parts": result.counts,
        "warns": len(result.warnings),
        "built": bool(result.attempts or result.duration or result.row_count is not None),
        "why": cause_of(result),
    }


def _kept(node: Node) -> Iterator[str]:
    """How it is kept, where that is not as a table, and whether its SQL gives another result each time."""
    if is_view(node):
        yield "view"
    ending = Path(str(node.config.get("to") or "")).suffix[1:]
    if node.node_type == "exposure" and (kept := str(node.config.get("format") or ending)):
        yield kept
    if volatile_in(sql_of(node) or ""):
        yield VOLATILE


def _panels(look: Look, numbers: Mapping[str, int], results: Mapping[str, NodeResult]) -> dict[int, dict[str, Any]]:
    """What a page shows of each node, by number; no rows, no output and nothing of before, for pages are passed on."""
    return {
        number: {
            **_unsampled(look.details(node_id, rows=0, why=False).to_dict(numbers)),
            "reason": results[node_id].reason if node_id in results else "",
            "log": "",
        }
        for node_id, number in numbers.items()
    }


def _unsampled(told: dict[str, Any]) -> dict[str, Any]:
    """Without the rows that break checks."""
    return {**told, "checks": [{**check, "columns": [], "rows": []} for check in told["checks"]]}
