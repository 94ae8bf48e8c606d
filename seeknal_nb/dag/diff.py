"""What changed between two manifests: SPEC.md § Change Detection. Pure; knows nothing of state or data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.keys import config_parts
from seeknal_nb.declaration import declaration_of
from seeknal_nb.markup import Markup, changed_lines, cut, esc_html, esc_term, table
from seeknal_nb.secrets import names_credential

if TYPE_CHECKING:
    import pandas as pd

    from seeknal_nb.dag.manifest import Edge, Manifest, Node

__all__ = ["ManifestDiff", "NodeChange"]

BODIES = ("sql", "transform", "python")
LONGEST = 200


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

    def lines(self) -> list[str]:
        """The lines of the body that differ, and other values, old against new, as far as their names let them be shown."""
        return [line for name in self.changed_fields for line in self._of(name)]

    def _of(self, name: str) -> list[str]:
        where, dot, key = name.partition(".")
        old, new = (node.config.get(key, "") if dot else getattr(node, where) for node in (self.old, self.new))
        if dot and key in BODIES and isinstance(old, str) and isinstance(new, str):
            return changed_lines(old, new)
        if names_credential(key or where):
            return []
        return [f"{key or where}: {cut(str(old), LONGEST) or '(none)'} -> {cut(str(new), LONGEST) or '(none)'}"]


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
        lines = []
        for change, what, details in self.rows():
            lines.append(f"{signs[change.split()[0]]} {what}{f'  ({details})' if details else ''}")
            lines += [f"    {line}" for line in self.modified_nodes[what].lines()] if change == "modified" else []
        return esc_term("\n".join(lines)) or "No differences."

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        lines = {what: "\n".join(change.lines()) for what, change in self.modified_nodes.items()}
        rows = [(*row, Markup(f"<pre>{esc_html(lines.get(row[1], ''))}</pre>")) for row in self.rows()]
        return {"text/plain": str(self), "text/html": table(["change", "what", "details", "lines"], rows)}


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
