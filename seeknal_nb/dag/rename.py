"""A node under another name: how it, and what reads it, would be written then. Pure; builds and files are other rooms'."""

from __future__ import annotations

import copy
import keyword
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.graph import Graph, check_name
from seeknal_nb.dag.links import Names, inputs_of
from seeknal_nb.dag.manifest import Edge, Manifest
from seeknal_nb.dag.select import resolve
from seeknal_nb.declaration import declaration_of
from seeknal_nb.errors import SeeknalError, SelectionError
from seeknal_nb.markup import whole_word
from seeknal_nb.python.renames import renamed as renamed_python
from seeknal_nb.sql.names import position_of, tables_in
from seeknal_nb.sql.renames import renamed as renamed_sql

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seeknal_nb.dag.manifest import Node

__all__ = ["Renaming", "leaves", "rename"]

NAMED = frozenset({"inputs", "depends_on"})
"""What names nodes, of the keys that change no data."""
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Renaming:
    """What a rename makes of a manifest.

    Attributes:
        old: The id that is given up.
        new: The id in its place.
        manifest: All nodes, as they will be.
        nodes: Those that are written otherwise then, by their former ids: the node itself, then its readers in order.
        unsure: By new id, why a node may give something else, or has to be changed by its author.
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
    if why := check_name(name) or _word_of_a_language(name):
        raise SelectionError(f"bad name {name!r}", why=why, remedy="letters, digits and _, beginning with a letter")
    others = [one.id for one in manifest.nodes.values() if one.name.casefold() == name.casefold() and one is not node]
    if others or name == node.name:
        why = f"{(others or [node.id])[0]} is called so"
        raise SelectionError(f"{name!r} is not free", why=why, remedy="choose another")
    return name


def _word_of_a_language(name: str) -> str:
    """Why neither SQL nor Python can have it for a name; empty where they can."""
    tables = [table.text for table in tables_in(f"SELECT {name}.x FROM {name}, other")]
    free = tables == [name, "other"] and position_of(name) is None and not keyword.iskeyword(name)
    return "" if free else f"{name} is a word of SQL or Python, or stands for an input"


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
        self.word = whole_word(node.name)
        self.by_hand: set[str] = set()

    def called(self, node_id: str) -> str:
        """What a node is called then."""
        return self.new_id if node_id == self.old.id else node_id

    def renamed(self, node: Node) -> Node:
        """The node itself, or a reader of it, as it is written then; what its author has to change is left as it is."""
        own, config = node.id == self.old.id, copy.deepcopy(node.config)
        declared = declaration_of(node.node_type, self.kinds)
        for path, text in leaves(node.config):
            if not self.word.search(text) or (path[0] in declared.documentation - NAMED):
                continue
            if path == ("python",):
                made = renamed_python(text, self._means, name=node.name, old=self.old.name, new=self.name)
            elif own:
                continue
            elif text in declared.statements(node.config):
                made = renamed_sql(text, self._means, self.old.id, self.name)
            else:
                made = self._text(replace(node, config=config), path, text)
            if made is None:
                self.by_hand.add(node.id)
            else:
                _put(config, path, made)
        if own:
            return replace(node, id=self.new_id, name=self.name, config=config)
        return node if config == node.config else replace(node, config=config)

    def _text(self, node: Node, path: Path, text: str) -> str:
        """The text with the new name wherever it names the node: where something else is read then."""
        for match in reversed(list(self.word.finditer(text))):
            now, trial = f"{text[: match.start()]}{self.name}{text[match.end() :]}", copy.deepcopy(node.config)
            _put(trial, path, now)
            read = self._inputs(replace(node, config=trial), self.names)
            if self.new_id in read and read != self._inputs(node, self.names):
                text = now
                _put(node.config, path, text)
        return text

    def _means(self, name: str) -> bool:
        return self._find(name) == self.old.id

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
        other = self._inputs(after, self.after) != [self.called(one) for one in self._inputs(before, self.names)]
        return f"what it says of {self.old.name} is to be changed by hand" if other or before.id in self.by_hand else ""


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
