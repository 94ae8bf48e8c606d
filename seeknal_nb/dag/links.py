"""Find a node's inputs: what it lists, what its kind declares, the tables of its SQL, the names of its Python. Pure."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from seeknal_nb.config import ConfigError
from seeknal_nb.dag.parameters import scope
from seeknal_nb.dag.positions import by_position, listed, named
from seeknal_nb.declaration import FIRST, LAST, LISTED
from seeknal_nb.errors import ManifestError, SeeknalError, Spot, about, near
from seeknal_nb.markup import plural
from seeknal_nb.python.body import Body, read_body
from seeknal_nb.sql.holes import render
from seeknal_nb.sql.names import check_sql, position_of, tables_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.declaration import Declaration, Reference
    from seeknal_nb.sql.names import Named

__all__ = ["Names", "inputs_of"]


class Names:
    """The ids that a text may mean: by id, or by a bare name that one node has; case is ignored.

    ``entities`` are the names of those whom feature groups describe.
    """

    def __init__(self, node_ids: Iterable[str], entities: Iterable[str] = ()) -> None:
        self._ids = {node_id.casefold(): node_id for node_id in node_ids}
        self._bare: dict[str, list[str]] = {}
        for node_id in self._ids.values():
            self._bare.setdefault(node_id.partition(".")[2].casefold(), []).append(node_id)
        self._entities = {name.casefold(): name for name in entities}

    @classmethod
    def of(cls, nodes: Mapping[str, Node], besides: Iterable[str] = ()) -> Names:
        """Those of a manifest's nodes, and other ids."""
        entities = (entity.get("name") for node in nodes.values() if isinstance(entity := node.config.get("entity"), dict))
        return cls([*nodes, *besides], (name for name in entities if isinstance(name, str)))

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
            raise ManifestError(f"unknown {what} {name!r}", remedy=near(name, self._known(name, besides), what="node"))
        return found

    def spine(self, name: str, *, besides: str) -> str | None:
        """The id that the name of a spine means, other than ``besides``; None where it names an entity.

        Raises:
            ManifestError: It names neither, or several nodes.
        """
        found = self.find(name)
        if found not in (None, besides) or name.casefold() in self._entities:
            return None if found == besides else found
        known = [*self._known(name, besides), *self._entities.values()]
        raise ManifestError(f"unknown input or entity {name!r}", remedy=near(name, known, what="name"))

    def _known(self, name: str, besides: str) -> list[str]:
        known = [*self._ids.values(), *(self._bare if "." not in name else ())]
        return [one for one in known if one not in (besides, besides.partition(".")[2])]


def inputs_of(node: Node, declared: Declaration, names: Names, params: Mapping[str, object]) -> list[str]:
    """The ids that a node reads: listed ones first, then in the order in which its body names them.

    Args:
        node: Whose inputs.
        declared: What its kind says of itself.
        names: The nodes that are there.
        params: Values that the name of a table may need.

    Raises:
        ManifestError: It names a node that is not there, or itself.
    """
    try:
        named = list(declared.reads(node.config))
        found = _referred(node, names, [one for one in named if one.rank == FIRST])
        found += _listed(node, names)
        found += _referred(node, names, [one for one in named if one.rank == LISTED])
        for statement in declared.statements(node.config):
            key = next((key for key in ("sql", "transform") if node.config.get(key) == statement), None)
            with about(key) if key else nullcontext():
                found += _tables(statement, node, declared, names, params, found)
        found += _from_python(node, declared, names, found)
        found += _referred(node, names, [one for one in named if one.rank == LAST])
        declared.linked(node.config, found)
    except SeeknalError as error:
        raise node.blamed(error) from None
    return list(dict.fromkeys(found))


def _referred(node: Node, names: Names, named: Iterable[Reference]) -> list[str]:
    found = []
    for one in named:
        name = _plain(one.name, one.what)
        if one.needed:
            found.append(names.need(name, one.what, besides=node.id))
        elif (node_id := names.find(name)) and node_id != node.id:
            found.append(node_id)
    return found


def _listed(node: Node, names: Names) -> Iterator[str]:
    """What stands under ``inputs`` and ``depends_on``."""
    for key, number, value in listed(node.config):
        name = _plain(value, key)
        with about(key, number):
            found = names.need(name, "input", besides=node.id)
        yield found


def _plain(name: object, key: str) -> str:
    if not isinstance(name, str) or not name:
        raise ConfigError(f"{key} must name nodes", why=f"it has {name!r}", remedy=f"{key}: [source.users]", path=(key,))
    return named(name)


def _tables(
    text: str, node: Node, declared: Declaration, names: Names, params: Mapping[str, object], found: list[str]
) -> Iterator[str]:
    values, own = scope(node.config, params)
    sql = render(text, values, known=False, texts=own)
    check_sql(sql, listed=bool(found))
    places = len(by_position(node.config, declared, dict.fromkeys(found)))
    for table in tables_in(sql):
        lowered, position = table.text.casefold(), position_of(table.text)
        if position is not None:
            if position >= places:
                why = f"{plural(places, 'input')} {'is' if places == 1 else 'are'} listed"
                raise ManifestError(f"{lowered} is not there", why=why, remedy="list it under inputs")
            continue
        if names.find(table.text) is None and lowered in declared.aliases(found):
            continue
        if lowered == "null":  # what stands for a parameter that nobody gave: say that, and not that NULL is no table
            render(text, values, texts=own)
        try:
            yield names.need(_meant(table, names), "table", besides=node.id)
        except SeeknalError as error:
            error.spot = Spot(line=sql.count("\n", 0, table.start) + 1, near=table.text)
            raise


def _meant(table: Named, names: Names) -> str:
    """What a table is called here; ``{{ source('a', 'b') }}`` is ``source.b``, or ``source.a_b``."""
    if not table.other:
        return table.text
    both = [name for name in (table.text, table.other) if names.find(name)]
    if len(both) == 1:
        return both[0]
    why = f"{' and '.join(both)} are both there" if both else f"neither {table.text} nor {table.other} is there"
    raise ManifestError("the source of {{ source(...) }} is not clear", why=why, remedy="write the whole id, source.name")


def _from_python(node: Node, declared: Declaration, names: Names, found: list[str]) -> Iterator[str]:
    text = node.config.get("python")
    if not isinstance(text, str):
        return
    body = read_body(text, name=node.name)
    listed_names = {node_id.partition(".")[2]: node_id for node_id in found}
    places = range(len(by_position(node.config, declared, dict.fromkeys(found))))
    placed = {name for name in (*body.refs, *body.spines, *body.params) if position_of(name) in places}
    spines = (names.spine(name, besides=node.id) for name in body.spines if name not in placed)
    asked = [spine for spine in spines if spine is not None]
    asked += [names.need(name, "input", besides=node.id) for name in body.refs if name not in placed]
    asked += [
        names.need(name, "input", besides=node.id)
        for name in body.params
        if name not in ("ctx", *listed_names, *placed, *body.optional)
    ]
    _check_called(body, {*listed_names.values(), *asked})
    yield from asked
    for name in body.reads:
        if name not in (node.name, body.function, *listed_names, *body.called):
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
