"""The pipeline as a document that its users edit, save and load; it may be wrong while somebody types."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from seeknal_nb.dag.order import adjacency, find_cycle
from seeknal_nb.errors import ManifestError, Place, SeeknalError
from seeknal_nb.storage.documents import read_json
from seeknal_nb.storage.files import write_changed
from seeknal_nb.storage.text import read_text
from seeknal_nb.uncollected import uncollected
from seeknal_nb.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from seeknal_nb.dag.written import Written

__all__ = ["Edge", "Manifest", "ManifestMetadata", "Node", "NodeType", "node_type"]

E = TypeVar("E", bound=SeeknalError)
FORMAT = 1
_encode = json.JSONEncoder(allow_nan=False).encode
_text = json.encoder.encode_basestring_ascii  # a text alone, without looking what it is


class NodeType(StrEnum):
    """The kinds of SPEC.md, then those that the peer's projects use besides."""

    SOURCE = "source"
    TRANSFORM = "transform"
    FEATURE_GROUP = "feature_group"
    MODEL = "model"
    AGGREGATION = "aggregation"
    RULE = "rule"
    EXPOSURE = "exposure"
    PROFILE = "profile"
    SECOND_ORDER_AGGREGATION = "second_order_aggregation"
    SEMANTIC_MODEL = "semantic_model"
    METRIC = "metric"


def node_type(kind: str) -> str:
    """The enum's member where there is one; a custom kind stays the text that it is."""
    return NodeType._value2member_map_.get(kind, kind)  # type: ignore[return-value]


@dataclass(slots=True)
class Node:
    """One step of the pipeline. ``id`` is ``kind.name``; ``config`` holds what the kind needs, as its YAML has it."""

    id: str
    name: str
    node_type: str
    description: str | None = None
    owner: str | None = None
    tags: list[str] = field(default_factory=list)
    columns: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    file_path: str | None = None
    written: Written | None = field(default=None, compare=False, repr=False)

    @property
    def place(self) -> Place | None:
        """Where the node was written, as far as the document knows."""
        if self.written is not None:
            return self.written.place
        return Place(self.file_path) if self.file_path else None

    def blamed(self, error: E) -> E:
        """Say in an error that it is this node's, and at which line of its file it stands; gives the same error back."""
        place = self.written.place_of(error.spot) if self.written is not None else self.place
        error.at(node=self.id, place=place)
        return error

    def to_dict(self) -> dict[str, Any]:
        """The node as JSON has it: ``node_type`` is called ``type`` there."""
        return {
            "id": self.id, "name": self.name, "type": str(self.node_type), "description": self.description,
            "owner": self.owner, "tags": self.tags, "columns": self.columns, "config": self.config,
            "file_path": self.file_path,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Node:
        """A node from JSON; raises ``ManifestError`` for a missing key or one of the wrong type."""
        try:
            node = cls(
                data["id"],
                data["name"],
                node_type(data["type"]),
                data.get("description"),
                data.get("owner"),
                data.get("tags") or [],
                data.get("columns") or {},
                data.get("config") or {},
                data.get("file_path"),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ManifestError(
                "broken node", why=f"it lacks {error}", remedy="a node needs id, name and type", node=_id_of(data)
            ) from error
        if not (
            type(node.id) is type(node.name) is str
            and isinstance(node.node_type, str)
            and type(node.config) is type(node.columns) is dict
            and type(node.tags) is list
        ) or any(type(tag) is not str for tag in node.tags):
            _refuse_types(node)
        if any(text is not None and type(text) is not str for text in (node.description, node.owner, node.file_path)):
            _refuse_types(node)
        return node


def _id_of(data: object) -> str | None:
    return str(data.get("id")) if isinstance(data, dict) and "id" in data else None


def _refuse_types(node: Node) -> None:
    expected = {
        **dict.fromkeys(("id", "name", "node_type", "description", "owner", "file_path"), (str, "text")),
        **dict.fromkeys(("config", "columns"), (dict, "an object")),
        "tags": (list, "a list of text"),
    }
    for name, (kind, word) in expected.items():
        value = getattr(node, name)
        optional = value is None and name in ("description", "owner", "file_path")
        good = isinstance(value, kind) and (name != "tags" or all(isinstance(tag, str) for tag in value))
        if not good and not optional:
            remedy = f"write {name.removeprefix('node_')} as {word}"
            raise ManifestError(f"{name.removeprefix('node_')} must be {word}", why=f"it is {value!r:.100}", remedy=remedy,
                                node=str(node.id))  # fmt: skip


class Edge(NamedTuple):  # there are tens of thousands, and a tuple is made and compared in a third of the time
    """``to_node`` depends on ``from_node``."""

    from_node: str
    to_node: str
    edge_type: str = "dependency"

    def to_dict(self) -> dict[str, str]:
        """The edge as JSON has it."""
        return {"from": self.from_node, "to": self.to_node, "type": self.edge_type}

    @classmethod
    def from_dict(cls, data: Mapping[str, str]) -> Edge:
        """An edge from JSON; raises ``ManifestError`` where an end is missing."""
        try:
            edge = cls(data["from"], data["to"], data.get("type", "dependency"))
        except (KeyError, TypeError, AttributeError) as error:
            raise ManifestError("broken edge", why=f"it lacks {error}", remedy="an edge needs from and to") from error
        if not (type(edge.from_node) is type(edge.to_node) is type(edge.edge_type) is str):
            raise ManifestError("broken edge", why=f"its ends must be text: {dict(data)!r:.200}", remedy="write node ids")
        return edge


@dataclass(slots=True)
class ManifestMetadata:
    """Whose manifest it is and who wrote it when (ISO 8601, UTC)."""

    project: str = ""
    seeknal_version: str = __version__
    generated_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def to_dict(self) -> dict[str, str]:
        """The metadata as JSON has it."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


class Manifest:
    """Nodes in the order of their registration, and the edges between them.

    A cycle or a dangling edge is allowed here; ``Graph`` refuses both.
    """

    __slots__ = ("_edges", "metadata", "nodes")

    def __init__(self, project: str = "", seeknal_version: str = __version__) -> None:
        self.metadata = ManifestMetadata(project, seeknal_version)
        self.nodes: dict[str, Node] = {}
        self._edges: dict[Edge, None] = {}

    def __repr__(self) -> str:
        return f"Manifest({self.metadata.project!r}, {len(self.nodes)} nodes, {len(self.edges)} edges)"

    @property
    def edges(self) -> list[Edge]:
        """A copy of the edges, in the order in which they were added, each once; ``add_edge`` adds one."""
        return list(self._edges)

    @edges.setter
    def edges(self, edges: Iterable[Edge]) -> None:
        self._edges = dict.fromkeys(edges)

    def add_node(self, node: Node) -> None:
        """Add the node, or put it in the place of the one with its id."""
        self.nodes[node.id] = node

    def add_edge(self, from_node: str, to_node: str, edge_type: str = "dependency") -> None:
        """Add a dependency; one that is there already stays one."""
        self._edges[Edge(from_node, to_node, edge_type)] = None

    def remove_node(self, node_id: str) -> None:
        """Take a node away, with its edges; one that is not there is no error."""
        self.nodes.pop(node_id, None)
        self.edges = (e for e in self._edges if node_id not in (e.from_node, e.to_node))

    def get_node(self, node_id: str) -> Node | None:
        """The node of that id, or None."""
        return self.nodes.get(node_id)

    def get_upstream_nodes(self, node_id: str) -> set[str]:
        """The ids that the node depends on directly."""
        return {e.from_node for e in self.edges if e.to_node == node_id}

    def get_downstream_nodes(self, node_id: str) -> set[str]:
        """The ids that depend directly on the node."""
        return {e.to_node for e in self.edges if e.from_node == node_id}

    def detect_cycles(self) -> tuple[bool, list[str]]:
        """Whether there is a cycle, and one of them: its nodes, the first one again at the end."""
        ids = list(self.nodes)
        index = {node_id: number for number, node_id in enumerate(ids)}
        parents, children, _ = adjacency(index, ((e.from_node, e.to_node) for e in self.edges))
        cycle = [ids[number] for number in find_cycle(parents, children)]
        return bool(cycle), cycle

    def to_dict(self) -> dict[str, Any]:
        """``{"metadata": ..., "nodes": {id: node}, "edges": [...]}``."""
        return {
            "metadata": self.metadata.to_dict(),
            "nodes": {node_id: node.to_dict() for node_id, node in self.nodes.items()},
            "edges": [edge.to_dict() for edge in self._edges],
        }

    def to_json(self, indent: int | None = 2) -> str:
        """The document as JSON text.

        Raises:
            ManifestError: A config holds something that JSON has no form for.
        """
        try:
            return json.dumps(self.to_dict(), indent=indent, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise _no_json(error) from error

    def to_bytes(self) -> bytes:
        """JSON with the metadata on the first line, then a line a node and a line an edge: quick, and easy to compare."""
        try:
            nodes = ",\n".join([f"{_text(node_id)}: {_encode(node.to_dict())}" for node_id, node in self.nodes.items()])
            edges = ",\n".join([_edge_line(edge) for edge in self._edges])
            head = _encode(self.metadata.to_dict())
        except (TypeError, ValueError) as error:
            raise _no_json(error) from error
        return f'{{"metadata": {head},\n"nodes": {{\n{nodes}\n}},\n"edges": [\n{edges}\n]}}\n'.encode()

    def save(self, path: str | Path, *, keep_old: bool = True) -> None:
        """Write the document, atomically, unless the file says the same; ``keep_old`` leaves that as ``<name>.old``."""
        write_changed(Path(path), self.to_bytes(), keep_old=keep_old)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, file: str = "manifest") -> Manifest:
        """A manifest from its JSON form.

        Raises:
            ManifestError: The structure is not a manifest's, or a newer program wrote it.
        """
        metadata = _section(data, "metadata", dict, file)
        version = metadata.get("manifest_version", FORMAT)
        if not isinstance(version, int) or version > FORMAT:
            raise ManifestError(
                "the manifest is of a newer form",
                why=f"it has manifest_version {version!r}, this program reads {FORMAT}",
                remedy="install a newer seeknal_nb",
                place=Place(file),
            )
        manifest = cls(str(metadata.get("project", "")), str(metadata.get("seeknal_version", __version__)))
        manifest.metadata.generated_at = str(metadata.get("generated_at", manifest.metadata.generated_at))
        try:
            manifest.nodes = {key: Node.from_dict(node) for key, node in _section(data, "nodes", dict, file).items()}
            manifest.edges = (Edge.from_dict(edge) for edge in _section(data, "edges", list, file))
        except ManifestError as error:
            raise error.at(place=Place(file)) from None
        _check_keys(manifest, file)
        return manifest

    @classmethod
    def from_json(cls, text: str | bytes, *, file: str = "manifest") -> Manifest:
        """A manifest from JSON text."""
        return cls.from_dict(_mapping(read_json(text, file=file), file), file=file)

    @classmethod
    def load(cls, path: str | Path) -> Manifest:
        """A manifest from a file.

        Raises:
            ManifestError: There is no such file, or it is not a manifest; the error says where and why.
        """
        with uncollected():
            return cls.from_json(read_text(Path(path)), file=str(path))


def _mapping(data: object, file: str) -> dict[str, Any]:
    if isinstance(data, dict):
        return data
    why = f"it is {type(data).__name__}, not an object"
    raise ManifestError("not a manifest", why=why, remedy="`seeknal parse` writes one", place=Place(file))


def _section(data: Mapping[str, Any], name: str, kind: type, file: str) -> Any:
    section = data.get(name, kind()) if name != "metadata" else data.get(name)
    if isinstance(section, kind):
        return section
    raise ManifestError(
        f"not a manifest: {name!r} is missing or not {'a list' if kind is list else 'an object'}",
        remedy="`seeknal parse` writes one",
        place=Place(file),
    )


def _check_keys(manifest: Manifest, file: str) -> None:
    for key, node in manifest.nodes.items():
        if key != node.id:
            raise ManifestError(
                "broken node",
                why=f"it stands under the key {key!r}",
                remedy="key and id are the same text",
                node=node.id,
                place=Place(file),
            )


def _edge_line(edge: Edge) -> str:
    return f'{{"from": {_text(edge.from_node)}, "to": {_text(edge.to_node)}, "type": {_text(edge.edge_type)}}}'


def _no_json(error: Exception) -> ManifestError:
    return ManifestError(
        "the manifest cannot be written as JSON",
        why=str(error),
        remedy="keep text, numbers, true, false, null, lists and mappings in config",
    )
