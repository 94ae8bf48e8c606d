"""What changed between two manifests: SPEC.md § Change Detection. Pure; knows nothing of state or data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.keys import config_parts
from seeknal_nb.declaration import declaration_of
from seeknal_nb.markup import esc_term, table

if TYPE_CHECKING:
    import pandas as pd

    from seeknal_nb.dag.manifest import Edge, Manifest, Node

__all__ = ["ManifestDiff", "NodeChange"]


@dataclass(frozen=True, slots=True)
class NodeChange:
    """A node that stands in both manifests, and the fields that differ, as ``config.sql`` or ``tags``.

    ``rebuilds`` is False where the change cannot change the data: documentation, or SQL that only looks different.
    """

    node_id: str
    changed_fields: tuple[str, ...]
    old: Node
    new: Node
    rebuilds: bool


@dataclass(frozen=True, slots=True)
class ManifestDiff:
    """Additions in the order of the new manifest, removals in that of the old one."""

    added_nodes: dict[str, Node] = field(default_factory=dict)
    removed_nodes: dict[str, Node] = field(default_factory=dict)
    modified_nodes: dict[str, NodeChange] = field(default_factory=dict)
    added_edges: list[Edge] = field(default_factory=list)
    removed_edges: list[Edge] = field(default_factory=list)

    @classmethod
    def compare(cls, old: Manifest, new: Manifest) -> ManifestDiff:
        """Compare by node id and by both ends of an edge."""
        old_edges, new_edges = dict.fromkeys(old.edges), dict.fromkeys(new.edges)
        changes = (_change(old.nodes[i], node) for i, node in new.nodes.items() if i in old.nodes)
        return cls(
            {i: node for i, node in new.nodes.items() if i not in old.nodes},
            {i: node for i, node in old.nodes.items() if i not in new.nodes},
            {change.node_id: change for change in changes if change.changed_fields},
            [edge for edge in new_edges if edge not in old_edges],
            [edge for edge in old_edges if edge not in new_edges],
        )

    def changed_ids(self) -> set[str]:
        """Nodes of the new manifest whose data may differ: new ones, modified ones, and where an edge leads to."""
        modified = {i for i, change in self.modified_nodes.items() if change.rebuilds}
        ends = {e.to_node for e in (*self.added_edges, *self.removed_edges)} - self.removed_nodes.keys()
        return modified | self.added_nodes.keys() | ends

    def rows(self) -> list[tuple[str, str, str]]:
        """(change, what, details), in the order added, removed, modified; nodes, then edges."""
        return [
            *(("added", i, "") for i in self.added_nodes),
            *(("removed", i, "") for i in self.removed_nodes),
            *(("modified", i, _details(change)) for i, change in self.modified_nodes.items()),
            *(("added edge", f"{e.from_node} -> {e.to_node}", "") for e in self.added_edges),
            *(("removed edge", f"{e.from_node} -> {e.to_node}", "") for e in self.removed_edges),
        ]

    def to_frame(self) -> pd.DataFrame:
        """Columns change, what, details (all text), a row a difference."""
        import pandas as pd  # noqa: PLC0415 - half a second, and only a notebook asks

        return pd.DataFrame(self.rows(), columns=["change", "what", "details"])

    def to_dict(self) -> dict[str, Any]:
        """The rows as JSON has them."""
        return {"changes": [{"change": c, "what": w, "details": d} for c, w, d in self.rows()]}

    def __str__(self) -> str:
        signs = {"added": "+", "removed": "-", "modified": "~"}
        lines = [f"{signs[c.split()[0]]} {w}{f'  ({d})' if d else ''}" for c, w, d in self.rows()]
        return esc_term("\n".join(lines)) or "No differences."

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": table(["change", "what", "details"], self.rows())}


def _details(change: NodeChange) -> str:
    return ", ".join(change.changed_fields) + ("" if change.rebuilds else "; data cannot change")


def _change(old: Node, new: Node) -> NodeChange:
    plain = ("name", "node_type", "description", "owner", "tags", "columns", "file_path")
    fields = [name for name in plain if getattr(old, name) != getattr(new, name)]
    declared = declaration_of(new.node_type)
    keys = dict.fromkeys([*old.config, *new.config])
    config = [k for k in keys if k not in declared.documentation and old.config.get(k) != new.config.get(k)]
    rebuilds = bool(config) and config_parts(old.config, declared) != config_parts(new.config, declared)
    return NodeChange(new.id, (*fields, *(f"config.{k}" for k in config)), old, new, rebuilds or "node_type" in fields)
