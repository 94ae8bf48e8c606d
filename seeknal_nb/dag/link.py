"""Find a node's inputs: what it lists, the tables of its SQL, the names and parameters of its Python. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.graph import check_name
from seeknal_nb.dag.python import read_body
from seeknal_nb.dag.sql import tables_in
from seeknal_nb.dag.sqltext import render
from seeknal_nb.errors import ManifestError, SeeknalError, near

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from seeknal_nb.dag.manifest import Node

__all__ = ["Names", "inputs_of"]


class Names:
    """The ids that a text may mean: by id, or by a bare name that one node has; case is ignored."""

    def __init__(self, node_ids: Iterable[str]) -> None:
        self._ids = {node_id.casefold(): node_id for node_id in node_ids}
        self._bare: dict[str, list[str]] = {}
        for node_id in self._ids.values():
            self._bare.setdefault(node_id.partition(".")[2].casefold(), []).append(node_id)

    def find(self, name: str) -> str | None:
        """The id that the name means, or None.

        Raises:
            ManifestError: Several nodes have that bare name.
        """
        if "." in name:
            return self._ids.get(name.casefold())
        found = self._bare.get(name.casefold(), [])
        if len(found) > 1:
            raise ManifestError(
                f"{name!r} is ambiguous", why=f"it may be {' or '.join(found)}", remedy="write the whole id, kind.name"
            )
        return found[0] if found else None

    def need(self, name: str, what: str, *, besides: str = "") -> str:
        """The id that the name means; else a ``ManifestError`` with the nearest names, ``besides`` left out."""
        found = self.find(name)
        if found is None:
            known = [*self._ids.values(), *(self._bare if "." not in name else ())]
            known = [one for one in known if one not in (besides, besides.partition(".")[2])]
            raise ManifestError(f"unknown {what} {name!r}", remedy=near(name, known, what="node"))
        return found


def inputs_of(node: Node, names: Names, params: Mapping[str, object]) -> list[str]:
    """The ids that a node reads: listed ones first, then in the order in which its body names them.

    Raises:
        ManifestError: It names a node that is not there, or itself.
    """
    try:
        found = [names.need(name, "input", besides=node.id) for name in listed(node.config)]
        found += _from_sql(node, names, params, found)
        found += _from_python(node, names, found)
    except SeeknalError as error:
        raise error.at(node=node.id, place=node.place) from None
    return list(dict.fromkeys(found))


def listed(config: Mapping[str, Any]) -> Iterator[str]:
    """Names under ``inputs``, ``depends_on`` and ``on``: texts, or mappings with ``ref``."""
    for check in config.get("checks") or ():
        related = check.get("relationships") if isinstance(check, dict) else None
        if isinstance(related, dict) and related.get("to"):
            config = {**config, "relationships": [related["to"]]}
    training = config.get("training")
    if isinstance(training, dict) and training.get("label_source"):
        config = {**config, "label_source": training["label_source"]}
    for key in ("on", "inputs", "depends_on", "relationships", "label_source"):
        value = config.get(key) or ()
        for item in [value] if isinstance(value, (str, dict)) else value:
            name = item.get("ref") if isinstance(item, dict) else item
            if not isinstance(name, str) or not name:
                raise ManifestError(f"{key} must name nodes", why=f"it has {item!r}", remedy=f"{key}: [source.users]")
            yield name.strip().removeprefix("ref('").removesuffix("')")


def _conditions(config: Mapping[str, Any]) -> Iterator[str]:
    """A rule's conditions, each as a statement: they may read tables too."""
    rules = config.get("rule") or ()
    values = [rule.get("value") for rule in ([rules] if isinstance(rules, dict) else rules)]
    checks = [
        check["expression"].get("sql") for check in config.get("checks") or () if isinstance(check.get("expression"), dict)
    ]
    for text in (config.get("expression"), *values, *checks):
        if isinstance(text, str):
            yield f"SELECT 1 WHERE ({text}\n)"


def _from_sql(node: Node, names: Names, params: Mapping[str, object], found: list[str]) -> Iterator[str]:
    text = node.config.get("sql") or node.config.get("transform")
    for statement in (*([text] if isinstance(text, str) else ()), *_conditions(node.config)):
        yield from _tables(statement, node, names, params, found)


def _tables(text: str, node: Node, names: Names, params: Mapping[str, object], found: list[str]) -> Iterator[str]:
    for table in tables_in(render(text, params, known=False)):
        lowered = table.text.casefold()
        if lowered == "__this__" or (lowered.startswith("input_") and lowered[6:].isdigit()):
            _check_position(lowered, found)
            continue
        yield names.need(table.text, "table", besides=node.id)


def _check_position(name: str, found: list[str]) -> None:
    number = 0 if name == "__this__" else int(name[6:])
    if number >= len(found):
        raise ManifestError(f"{name} is not there", why=f"{len(found)} inputs are listed", remedy="list it under inputs")


def _from_python(node: Node, names: Names, found: list[str]) -> Iterator[str]:
    text = node.config.get("python")
    if not isinstance(text, str):
        return
    body = read_body(text, name=node.name, place=node.place)
    listed_names = {node_id.partition(".")[2]: node_id for node_id in found}
    for name in body.refs:
        yield names.need(name, "input", besides=node.id)
    for name in body.params:
        if name == "ctx" or name in listed_names:
            continue
        if name not in body.optional:
            yield names.need(name, "input", besides=node.id)
    for name in body.reads:
        if name != node.name and name not in listed_names and name != body.function:
            node_id = names.find(name)
            if node_id is not None and node_id != node.id:
                yield node_id


def checked_name(kind: object, name: object, kinds: Iterable[str]) -> None:
    """Refuse a kind that is not known and a name that no table can have."""
    known = list(kinds)
    if not isinstance(kind, str) or kind not in known:
        raise ManifestError(f"unknown kind {kind!r}", remedy=near(str(kind), known, what="kind"))
    why = check_name(name)
    if why:
        raise ManifestError("bad name", why=why, remedy="rename the node")
