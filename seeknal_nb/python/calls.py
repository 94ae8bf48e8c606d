"""What a Python body asks for, by its syntax tree: of ``ctx`` its inputs and its parameters, and functions. Pure."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from seeknal_nb.python.scope import DEFS
from seeknal_nb.python.trees import bound_within, parents_in
from seeknal_nb.python.wanted import group_id, read_wanted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["called_in", "params_in", "refs_in", "spines_in"]


def called_in(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """The names that a block calls, also as decorators, where no function binds them for itself: no table is one of them."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found.add(node.func.id)
        found.update(mark.id for mark in getattr(node, "decorator_list", ()) if isinstance(mark, ast.Name))
        inner = called_in(ast.iter_child_nodes(node))
        found |= inner - bound_within(node) if isinstance(node, (*DEFS, ast.Lambda)) else inner
    return frozenset(found)


def params_in(tree: ast.Module) -> frozenset[str] | None:
    """The parameters that a body asks for by literal names; None for any, as where ``ctx`` is handed on."""
    parents = parents_in(tree)
    found = [_asked(node, parents) for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "ctx"]
    return None if None in found else frozenset(name for name in found if name)


def _asked(ctx: ast.Name, parents: Mapping[int, ast.AST]) -> str | None:
    """The parameter that one mention of ``ctx`` asks for; empty for none, None for any."""
    used = parents[id(ctx)]
    if not isinstance(used, ast.Attribute) or used.attr.startswith("_"):
        return None
    if used.attr not in ("params", "get_param"):
        return ""
    call = parents[id(used)]
    if used.attr == "params" and isinstance(call, ast.Attribute) and call.attr == "get":
        call = parents[id(call)]
    match call:
        case ast.Call(args=[ast.Constant(value=str(name)), *_]) | ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
    return None


def refs_in(tree: ast.Module, bound: frozenset[str]) -> Iterator[str]:
    """The names of inputs that stand as text in a body; ``bound`` are the names that it binds itself."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="ref"), args=[ast.Constant(value=str(target)), *_]) if "ref" not in bound:
                yield target
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="ctx"), attr="ref" | "model" | "predict"),
                args=[ast.Constant(value=str(target)), *_],
            ) if "ctx" not in bound:
                yield target
            case ast.Call(func=ast.Attribute(value=ast.Name(id="ctx"), attr="features")) if "ctx" not in bound:
                yield from _features_refs(node)
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="ctx"), attr="latest"), args=[ast.Constant(value=str(target)), *_]
            ) if "ctx" not in bound:
                yield group_id(target)


def _features_refs(call: ast.Call) -> Iterator[str]:
    """The groups of ``ctx.features(spine, [...])`` that stand there as text."""
    listed = _features_args(call).get("features")
    for item in listed.elts if isinstance(listed, (ast.List, ast.Tuple)) else [listed]:
        match item:
            case ast.Constant(value=str(text)):
                yield read_wanted(text).group


def spines_in(tree: ast.Module, bound: frozenset[str]) -> Iterator[str]:
    """The spines of ``ctx.features`` that stand there as text: each names an input, or else an entity."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="ctx"), attr="features")) if "ctx" not in bound:
                match _features_args(node).get("spine"):
                    case ast.Constant(value=str(target)):
                        yield target


def _features_args(call: ast.Call) -> dict[str | None, ast.expr]:
    given: dict[str | None, ast.expr] = {one.arg: one.value for one in call.keywords}
    return given | dict(zip(("spine", "features"), call.args, strict=False))
