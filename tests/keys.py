"""What the keys of a project's nodes are made from, to compare two projects by."""

from __future__ import annotations

from typing import Any

from seeknal_nb.dag.graph import Graph
from seeknal_nb.project import Project

__all__ = ["keys"]


def keys(project: Project) -> dict[str, Any]:
    """All that a node's key is made from."""
    graph = Graph(project.manifest)
    facts = project.runner().look(graph).facts
    return {node_id: (dict(facts[node_id].parts), facts[node_id].probe, graph.inputs(node_id)) for node_id in graph.ids}
