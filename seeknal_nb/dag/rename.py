"""A node under another name: how it, and what reads it, would be written then. Pure; builds and files are other rooms'."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.graph import Graph, check_name
from seeknal_nb.dag.links import Names, inputs_of
from seeknal_nb.dag.manifest import Edge, Manifest
from seeknal_nb.dag.select import resolve
from seeknal_nb.declaration import declaration_of
from seeknal_nb.errors import SeeknalError, SelectionError
from seeknal_nb.python.body import read_body
from seeknal_nb.python.renames import renamed as renamed_python
from seeknal_nb.sql.renames import renamed as renamed_sql

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.declaration import Declaration

__all__ = ["Renaming", "leaves", "rename"]

NAMED = frozenset({"inputs", "depends_on"})
"""What names nodes, of the keys that change no data."""
_BY_TEXT = re.compile(r"\b(?:locals|vars|dir|eval|exec)\s*\(")
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Renaming:
    """What a rename makes of a manifest.

    Attributes:
        old: The id that is given up.
        new: The id in its place.
        manifest: All nodes, as they will be.
        nodes: Those that are written otherwise then, by their former ids: the node itself, then its readers in order.
        unsure: By new id, why nobody can tell that a node still gives what it gave.
    """

    old: str
    new: str
    manifest: Manifest
    nodes: Mapping[str, Node]
    unsure: Mapping[str, str]


def rename(manifest: Manifest, old: str, new: str, *, kinds: Mapping[str, Any], params: Mapping[str, object]) -> Renaming:
    """The manifest with a node's name changed, and with it all that reads the node by that name.

    Args:
        manifest: What there is.
        old: The node's id or bare name.
        new: Its new bare name; with the kind before it, that has to be the node's.
        kinds: The caller's own kinds, by name.
        params: Values that the name of a table may need.

    Raises:
        SelectionError: There is no such node, or the new name cannot be one, or is another node's.
    """
    graph = Graph(manifest, kinds)
    node = manifest.nodes[resolve(graph, old)]
    work = _Renamer(manifest, node, _new_name(manifest, node, new), kinds, params)
    nodes = {one.id: work.renamed(one) for one in graph if one.id == node.id or node.id in graph.inputs(one.id)}
    after = Manifest(manifest.metadata.project)
    after.nodes = {made.id: made for made in (nodes.get(node_id, one) for node_id, one in manifest.nodes.items())}
    after.edges = (Edge(work.called(e.from_node), work.called(e.to_node), e.edge_type) for e in manifest.edges)
    unsure = {made.id: why for node_id, made in nodes.items() if (why := work.doubt(manifest.nodes[node_id], made))}
    nodes = {node.id: nodes[node.id], **{i: made for i, made in nodes.items() if made is not manifest.nodes[i]}}
    return Renaming(node.id, work.new_id, after, nodes, unsure)


def _new_name(manifest: Manifest, node: Node, new: str) -> str:
    kind, _, name = new.rpartition(".")
    if kind not in ("", node.node_type):
        raise SelectionError(f"{node.id} stays a {node.node_type}", remedy=f"rename {node.name} {name}")
    if why := check_name(name):
        raise SelectionError(f"bad name {name!r}", why=why, remedy="letters, digits and _, beginning with a letter")
    others = [one.id for one in manifest.nodes.values() if one.name.casefold() == name.casefold() and one is not node]
    if others or name == node.name:
        why = f"{(others or [node.id])[0]} is called so"
        raise SelectionError(f"{name!r} is not free", why=why, remedy="choose another")
    return name


class _Renamer:
    """One rename: from ``node`` to the bare name ``name``."""

    def __init__(
        self, manifest: Manifest, node: Node, name: str, kinds: Mapping[str, Any], params: Mapping[str, object]
    ) -> None:
        self.old, self.name, self.kinds, self.params = node, name, kinds, params
        self.new_id = f"{node.node_type}.{name}"
        made = replace(node, id=self.new_id, name=name)
        self.names = Names.of({**manifest.nodes, self.new_id: made})
        self.after = Names.of({**{i: n for i, n in manifest.nodes.items() if i != node.id}, self.new_id: made})
        self.word = re.compile(rf"(?<!\w){re.escape(node.name)}(?!\w)", re.IGNORECASE)

    def called(self, node_id: str) -> str:
        """What a node is called then."""
        return self.new_id if node_id == self.old.id else node_id

    def renamed(self, node: Node) -> Node:
        """The node itself, or a reader of it, as it is written then."""
        own, config = node.id == self.old.id, copy.deepcopy(node.config)
        declared = declaration_of(node.node_type, self.kinds)
        for path, text in leaves(node.config):
            if not self.word.search(text) or (path[0] in declared.documentation - NAMED):
                continue
            if path == ("python",):
                _put(config, path, renamed_python(text, name=node.name, old=self.old.name, new=self.name))
            elif not own:
                _put(config, path, self._text(node, declared, config, path, text))
        if own:
            return replace(node, id=self.new_id, name=self.name, config=config)
        return node if config == node.config else replace(node, config=config)

    def _text(self, node: Node, declared: Declaration, config: dict[str, Any], path: Path, text: str) -> str:
        if text in declared.statements(node.config):
            return renamed_sql(text, lambda name: self._find(name) == self.old.id, self.old.name, self.name)
        for number in reversed(range(len(self.word.findall(text)))):
            match = list(self.word.finditer(text))[number]
            trial = copy.deepcopy(config)
            _put(trial, path, f"{text[: match.start()]}{self.name}{text[match.end() :]}")
            if self.new_id in self._inputs(replace(node, config=trial), self.names):
                text = f"{text[: match.start()]}{self.name}{text[match.end() :]}"
        return text

    def _find(self, name: str) -> str | None:
        try:
            return self.names.find(name)
        except SeeknalError:
            return None

    def _inputs(self, node: Node, names: Names) -> list[str]:
        """What a node would read; nothing where it would be refused."""
        try:
            return inputs_of(node, declaration_of(node.node_type, self.kinds), names, self.params)
        except SeeknalError:
            return []

    def doubt(self, before: Node, after: Node) -> str:
        """Why it may give something else than before; empty where it cannot."""
        python = before.config.get("python")
        if self._inputs(after, self.after) != [self.called(one) for one in self._inputs(before, self.names)]:
            return f"it reads {self.old.id} in a way that is to be changed by hand"
        if isinstance(python, str) and before.config != after.config and _looks_up(python, before.name):
            return "its body looks names up while it runs"
        if before is self.old and isinstance(python, str) and "node_id" in python:
            return "its body asks for its own name"
        return ""


def _looks_up(python: str, name: str) -> bool:
    return bool(_BY_TEXT.search(python) or read_body(python, name=name).past)


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """The texts of a config, each with the keys and places that lead to it."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from leaves(one, (*path, name))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from leaves(one, (*path, number))


def _put(config: Any, path: Path, value: str) -> None:
    *above, last = path
    for name in above:
        config = config[name]
    config[last] = value
