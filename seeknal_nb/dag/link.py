"""Find a node's inputs: what it lists, the tables of its SQL, the names and parameters of its Python. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.graph import check_name
from seeknal_nb.dag.parameters import scope
from seeknal_nb.dag.python import Body, read_body
from seeknal_nb.dag.sql import BEFORE, BEHIND, check_sql, position_of, tables_in
from seeknal_nb.dag.sqltext import render, statements
from seeknal_nb.dag.wanted import wanted_in
from seeknal_nb.errors import ManifestError, SeeknalError, near

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.dag.sql import Named

__all__ = ["Names", "inputs_of", "is_query", "sql_texts"]

_QUERY = re.compile(r"[(\s]*(select|with|from|values|create|pivot|unpivot|summarize|describe|table)\b", re.IGNORECASE)


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
        found += _from_aggregation(node, names)
        found += _from_sql(node, names, params, found)
        found += _from_python(node, names, found)
        found += _from_retrieval(node, names)
        found += _from_declaration(node, names)
        _needs_table(node, found)
    except SeeknalError as error:
        raise error.at(node=node.id, place=node.place) from None
    return list(dict.fromkeys(found))


def listed(config: Mapping[str, Any]) -> Iterator[str]:
    """Names under ``inputs``, ``depends_on`` and ``on``: texts, or mappings with ``ref``."""
    config = {**config, "relationships": _related(config)}
    training = config.get("training")
    if isinstance(training, dict) and training.get("label_source"):
        config = {**config, "label_source": training["label_source"]}
    for key in ("on", "inputs", "depends_on", "relationships", "label_source"):
        value = config.get(key) or ()
        for item in [value] if isinstance(value, (str, dict)) else value:
            name = (item.get("ref") or item.get("metric")) if isinstance(item, dict) else item
            if not isinstance(name, str) or not name:
                raise ManifestError(f"{key} must name nodes", why=f"it has {item!r}", remedy=f"{key}: [source.users]")
            yield _named(name)


def _named(text: str) -> str:
    """A name, or the one in ``ref('name')``."""
    return text.strip().removeprefix("ref('").removesuffix("')")


def _checks(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The entries of a rule's ``checks`` and ``rule``, and of a table's own ``tests``."""
    rules = config.get("rule") or ()
    for value in ([rules] if isinstance(rules, dict) else rules, config.get("checks") or (), config.get("tests") or ()):
        yield from (entry for entry in value if isinstance(entry, dict))


def _related(config: Mapping[str, Any]) -> list[Any]:
    """The tables that ``relationships`` checks compare with; ``to`` stands in their options or beside them."""
    found = [(entry.get("relationships"), entry) for entry in _checks(config) if "relationships" in entry]
    named = [(what if isinstance(what, dict) else entry).get("to") for what, entry in found]
    return [name for name in named if name]


def _statements(config: Mapping[str, Any]) -> Iterator[str]:
    """A rule's conditions, each as a statement, and its SELECTs besides its body: they may read tables too."""
    conditions = [config.get("expression")]
    for entry in _checks(config):
        expression = entry.get("expression")
        conditions += [entry.get("value"), expression, entry.get("where")]
        conditions += [what.get(key) for what in entry.values() if isinstance(what, dict) for key in ("where", "sql")]
        if isinstance(entry.get("sql"), str):
            yield entry["sql"]
    for text in conditions:
        if isinstance(text, str):
            yield f"{BEFORE}{text}{BEHIND}"


def is_query(sql: str) -> bool:
    """Whether a body is a SELECT, in any of its spellings, rather than a condition."""
    body = statements(sql)
    return len(body) != 1 or _QUERY.match(body[0].text) is not None


def _needs_table(node: Node, found: list[str]) -> None:
    """Refuse a rule whose conditions are about no table."""
    text = node.config.get("sql")
    conditions = [node.config.get(key) for key in ("checks", "rule", "expression")]
    conditions.append(isinstance(text, str) and bool(text.strip()) and not is_query(text))
    if node.node_type == "rule" and not found and any(conditions):
        raise ManifestError("no table to check", remedy="on: transform.x, or inputs")


def sql_texts(node: Node) -> list[str]:
    """The SQL of a node that is this project's own: its body, unless it is a database's, and its conditions."""
    text = None if _is_elsewhere(node) else node.config.get("sql") or node.config.get("transform")
    if isinstance(text, str) and node.node_type == "rule" and text.strip() and not is_query(text):
        text = f"{BEFORE}{text}{BEHIND}"
    return [*([text] if isinstance(text, str) else ()), *_statements(node.config)]


def _from_sql(node: Node, names: Names, params: Mapping[str, object], found: list[str]) -> Iterator[str]:
    for statement in sql_texts(node):
        yield from _tables(statement, node, names, params, found)


def _is_elsewhere(node: Node) -> bool:
    """Whether the SQL of a source is a database's own, whose tables are no nodes."""
    config = node.config
    if node.node_type != "source":
        return False
    form = config.get("source") or config.get("format")
    return form in ("postgres", "postgresql") if form else bool(config.get("connection") or config.get("connection_string"))


def _tables(text: str, node: Node, names: Names, params: Mapping[str, object], found: list[str]) -> Iterator[str]:
    values, own = scope(node.config, params)
    sql = render(text, values, known=False, texts=own)
    check_sql(sql, listed=bool(found))
    for table in tables_in(sql):
        lowered, position = table.text.casefold(), position_of(table.text)
        if position is not None:
            if position >= len(found):
                why = f"{len(found)} inputs are listed"
                raise ManifestError(f"{lowered} is not there", why=why, remedy="list it under inputs")
            continue
        if node.node_type == "rule" and lowered in _peers(found) and names.find(table.text) is None:
            continue
        if lowered == "null":  # what stands for a parameter that nobody gave: say that, and not that NULL is no table
            render(text, values, texts=own)
        yield names.need(_meant(table, names), "table", besides=node.id)


def _meant(table: Named, names: Names) -> str:
    """What a table is called here; ``{{ source('a', 'b') }}`` is ``source.b``, or ``source.a_b``."""
    if not table.other:
        return table.text
    both = [name for name in (table.text, table.other) if names.find(name)]
    if len(both) == 1:
        return both[0]
    why = f"{' and '.join(both)} are both there" if both else f"neither {table.text} nor {table.other} is there"
    raise ManifestError("the source of {{ source(...) }} is not clear", why=why, remedy="write the whole id, source.name")


def _peers(found: list[str]) -> set[str]:
    """What the peer's rules call their inputs."""
    return {"input_data", *(node_id.replace(".", "_").casefold() for node_id in found)} if found else set()


def _from_aggregation(node: Node, names: Names) -> Iterator[str]:
    """An aggregation's ``source``, as the peer spells its input, and the node that lists its application dates."""
    if node.node_type not in ("aggregation", "second_order_aggregation"):
        return
    dates = node.config.get("application_dates")
    for name in (node.config.get("source"), dates.get("ref") if isinstance(dates, dict) else None):
        if isinstance(name, str):
            yield names.need(_named(name), "input", besides=node.id)


def _from_declaration(node: Node, names: Names) -> Iterator[str]:
    """What a semantic model or a metric is about, where it is a node here; it may be one of another project."""
    text = node.config.get("model")
    if node.node_type in ("semantic_model", "metric") and isinstance(text, str):
        found = names.find(_named(text))
        yield from [found] if found and found != node.id else []


def _from_retrieval(node: Node, names: Names) -> Iterator[str]:
    """The spine and the feature groups of a transform that joins them."""
    if node.node_type != "transform" or node.config.get("features") is None:
        return
    if isinstance(node.config.get("spine"), str):
        yield names.need(node.config["spine"], "spine", besides=node.id)
    for wanted in wanted_in(node.config["features"]):
        yield names.need(wanted.group, "feature group", besides=node.id)


def _from_python(node: Node, names: Names, found: list[str]) -> Iterator[str]:
    text = node.config.get("python")
    if not isinstance(text, str):
        return
    body = read_body(text, name=node.name, place=node.place)
    listed_names = {node_id.partition(".")[2]: node_id for node_id in found}
    asked = [names.need(name, "input", besides=node.id) for name in body.refs]
    asked += [
        names.need(name, "input", besides=node.id)
        for name in body.params
        if name != "ctx" and name not in listed_names and name not in body.optional
    ]
    _check_called(body, {*listed_names.values(), *asked})
    yield from asked
    for name in body.reads:
        if name not in (node.name, body.function) and name not in listed_names and name not in body.called:
            node_id = names.find(name)
            if node_id is not None and node_id != node.id:
                yield node_id


def _check_called(body: Body, inputs: set[str]) -> None:
    """Refuse a call of what is a table in this body: a function of the notebook of that name is out of its reach."""
    for node_id in sorted(inputs):
        name = node_id.partition(".")[2]
        if name in body.called:
            why = f"{name} is the input {node_id} here, and a table cannot be called"
            raise ManifestError(f"the body calls {name}", why=why, remedy="give the function another name")


def checked_name(kind: object, name: object, kinds: Iterable[str]) -> None:
    """Refuse a kind that is not known and a name that no table can have."""
    known = list(kinds)
    if not isinstance(kind, str) or kind not in known:
        raise ManifestError(f"unknown kind {kind!r}", remedy=near(str(kind), known, what="kind"))
    why = check_name(name)
    if why:
        raise ManifestError("bad name", why=why, remedy="rename the node")
