"""A manifest as a run takes it: its graph, and digests that tell whether another one says the same. Reads no file."""

from __future__ import annotations

import marshal
from dataclasses import dataclass
from operator import attrgetter, is_
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.graph import Graph
from seeknal_nb.dag.keys import holes_of
from seeknal_nb.storage.files import digest

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from seeknal_nb.dag.manifest import Edge, Manifest, Node

__all__ = ["Document", "document_of", "written_digests"]

_fields = attrgetter("id", "name", "description", "owner", "tags", "columns", "config", "file_path")


@dataclass(frozen=True, slots=True)
class Document:
    """One manifest.

    Attributes:
        graph: Its graph.
        edges: Its edges, in their order.
        kinds: The caller's own kinds.
        digest: Equal digests mean equal texts and values, of nodes and edges; empty where nothing can be told of a value.
        asking: The nodes that may ask for parameters.
    """

    graph: Graph
    edges: list[Edge]
    kinds: Mapping[str, Any]
    digest: str
    asking: tuple[Node, ...]


def document_of(manifest: Manifest, kinds: Mapping[str, Any], known: Document | None) -> Document:
    """The document of a manifest: the known one where all is as it was, else with as much of its graph as stays."""
    edges, nodes, graph = manifest.edges, tuple(manifest.nodes.values()), None
    data = _bytes_of(nodes, edges)
    found = "" if data is None else digest(data)
    if known is not None and (known.edges, known.kinds) == (edges, kinds):
        if found and found == known.digest and _same(known.graph.nodes, nodes):
            return known
        graph = known.graph.with_nodes(manifest, kinds)
    asks = data is None or b"{{" in data or b"ctx" in data
    asking = tuple([node for node in nodes if _asks(node)]) if asks else ()
    return Document(graph or Graph(manifest, kinds), edges, dict(kinds), found, asking)


def written_digests(graph: Graph) -> dict[str, str]:
    """By id, the digest of each node, of what it reads and of what it waits for, of a document that has a digest."""
    return {
        node_id: digest(_bytes([*_fields(node), str(node.node_type), graph.inputs(node_id), graph.rules(node_id)]))
        for node_id, node in zip(graph.ids, graph.nodes, strict=True)
    }


def _bytes_of(nodes: Collection[Node], edges: Collection[Edge]) -> bytes | None:
    try:
        return _bytes([*map(list, (map(_fields, nodes), (str(node.node_type) for node in nodes), zip(*edges, strict=True)))])
    except ValueError:
        return None


def _bytes(value: Any) -> bytes:
    """Of equal values equal bytes, in every process: version 2 knows no references and no interned texts."""
    return marshal.dumps(value, 2)


def _asks(node: Node) -> bool:
    return "ctx" in str(node.config.get("python")) or bool(holes_of(node.config))


def _same(some: Collection[object], others: Collection[object]) -> bool:
    return len(some) == len(others) and all(map(is_, some, others))
