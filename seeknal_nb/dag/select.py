"""The selector grammar, as dbt's users know it: texts in, node ids out. Pure.

A term is ``name``, ``kind.name``, a glob, or ``method:value`` with a method of ``tag type path state result``; round
it ``+x`` adds what is upstream, ``x+`` what is downstream, ``2+x`` two steps of it, ``@x`` what ``x+`` needs. Terms in a
space or in repetition unite; a comma between terms with a method intersects, between plain names it unites.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from seeknal_nb.errors import SelectionError, near

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from seeknal_nb.dag.graph import Graph

__all__ = ["check_tags", "check_types", "resolve", "select", "split"]

_TERM = re.compile(r"(?P<at>@)?(?:(?P<up>\d*)\+)?(?P<body>[^+@\s]+)(?:\+(?P<down>\d*))?", re.ASCII)
METHODS = ("tag", "type", "path", "state", "result")


def split(values: Iterable[str] | str | None) -> list[str]:
    """The terms of an option: each value may hold several, a space apart; commas stay inside a term.

    Raises:
        SelectionError: A value is empty, or has an empty place between commas.
    """
    found: list[str] = []
    for value in [values] if isinstance(values, str) else values or ():
        terms = str(value).split()
        if not terms or str(value) != str(value).strip() or any(not part for term in terms for part in term.split(",")):
            raise SelectionError(
                f"an empty name in {value!r}", remedy="write names a comma apart, as in users,orders; no blanks between"
            )
        found += terms
    return found


def select(graph: Graph, terms: Iterable[str] | str | None, facts: Mapping[str, Callable[[str], set[str]]]) -> set[str]:
    """All nodes that the terms name.

    Args:
        graph: Where they are looked for.
        terms: Terms of the grammar.
        facts: What ``state:x`` and ``result:x`` mean now: the method's name to a function of its value.

    Raises:
        SelectionError: A term names nothing here; the nearest names are in it.
    """
    chosen: set[str] = set()
    for term in split(terms):
        parts = term.split(",")
        found = [_term(graph, part, facts) for part in parts]
        by_method = any(":" in part for part in parts)
        chosen |= set.intersection(*found) if by_method else set.union(*found)
    return chosen


def resolve(graph: Graph, name: str) -> str:
    """The id of a node that is named by its id or by its bare name, ignoring case.

    Raises:
        SelectionError: No node has that name, or several have.
    """
    if name in graph:
        return name
    found = [i for i in graph.named(name.rpartition(".")[2]) if "." not in name or i.casefold() == name.casefold()]
    if len(found) == 1:
        return found[0]
    if found:
        raise SelectionError(f"{name!r} is ambiguous", why=f"it may be {' or '.join(found)}", remedy="write the whole id")
    raise SelectionError(
        f"unknown node {name!r}", remedy=near(name, [*graph.ids, *(n.name for n in graph.nodes)], what="node")
    )


def check_types(kinds: Iterable[str], known: Iterable[str]) -> None:
    """Refuse a node type that neither this program nor this graph has."""
    known = list(known)
    for kind in kinds:
        if kind not in known:
            raise SelectionError(f"unknown node type {kind!r}", remedy=near(kind, known, what="type"))


def check_tags(graph: Graph, tags: Iterable[str]) -> None:
    """Refuse a tag that no node has."""
    tags = list(tags)
    known = {tag for node in graph.nodes for tag in node.tags} if tags else ()
    for tag in tags:
        if tag not in known:
            raise SelectionError(f"unknown tag {tag!r}", remedy=near(tag, known, what="tag"))


def _term(graph: Graph, term: str, facts: Mapping[str, Callable[[str], set[str]]]) -> set[str]:
    match = _TERM.fullmatch(term)
    if match is None:
        raise SelectionError(f"cannot read the selector {term!r}", remedy="write x, +x, x+, 2+x+1, @x or method:value")
    found = _body(graph, match["body"], facts)
    if match["at"]:
        below = found | graph.downstream(found)
        return below | graph.upstream(below)
    chosen = set(found)
    if match["up"] is not None:
        chosen |= graph.upstream(found, depth=int(match["up"]) if match["up"] else None)
    if match["down"] is not None:
        chosen |= graph.downstream(found, depth=int(match["down"]) if match["down"] else None)
    return chosen


def _body(graph: Graph, body: str, facts: Mapping[str, Callable[[str], set[str]]]) -> set[str]:
    method, colon, value = body.partition(":")
    if colon:
        return _by_method(graph, method, value, facts)
    if any(c in body for c in "*?["):
        found = {n.id for n in graph.nodes if fnmatchcase(n.id, body) or fnmatchcase(n.name, body)}
        if not found:
            raise SelectionError(f"{body!r} matches no node", remedy=near(body, graph.ids, what="node"))
        return found
    return {resolve(graph, body)}


def _by_method(graph: Graph, method: str, value: str, facts: Mapping[str, Callable[[str], set[str]]]) -> set[str]:
    if method == "tag":
        check_tags(graph, [value])
        return {n.id for n in graph.nodes if value in n.tags}
    if method == "type":
        check_types([value], {str(n.node_type) for n in graph.nodes})
        return {n.id for n in graph.nodes if n.node_type == value}
    if method == "path":
        found = {n.id for n in graph.nodes if n.file_path and _below(n.file_path, value)}
        if not found:
            paths = {n.file_path for n in graph.nodes if n.file_path}
            raise SelectionError(f"no node stands in {value!r}", remedy=near(value, paths, what="file"))
        return found
    if method in facts:
        return facts[method](value)
    raise SelectionError(f"unknown method {method!r}", remedy=near(method, METHODS, what="method"))


def _below(path: str, pattern: str) -> bool:
    return fnmatchcase(path, pattern) or path == pattern or path.startswith(pattern.rstrip("/") + "/")
