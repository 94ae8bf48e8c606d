"""What a module's text says of the values that it binds once; who changes them is somebody else. Pure."""

from __future__ import annotations

import ast
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

from seeknal_nb.python.body import parse
from seeknal_nb.python.scope import bound_by
from seeknal_nb.python.trees import parents_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["assigned_in", "constants_in", "containers_in"]

_METHODS = frozenset({"copy", "count", "difference", "get", "index", "intersection", "isdisjoint", "issubset", "issuperset"})
_METHODS |= {"items", "keys", "union", "values"}
_BUILTINS = frozenset(
    {"all", "any", "dict", "enumerate", "frozenset", "len", "list", "max", "min", "print", "set", "sorted"}
)
_BUILTINS |= {"str", "sum", "tuple", "zip"}


@lru_cache(maxsize=512)
def constants_in(source: str) -> Mapping[str, object]:
    """By name, what a module binds once, to something that only another binding changes; no global of its functions."""
    return {name: ast.literal_eval(value) for name, value, _ in _bound_once(_tree(source)) if _is_constant(value)}


@lru_cache(maxsize=512)
def containers_in(source: str) -> Mapping[str, object]:
    """By name, what stands in the text for each list, dict and set of plain values that is bound once, then only read."""
    tree = _tree(source)
    found = {
        name: ast.literal_eval(value) for name, value, alone in _bound_once(tree) if alone and _is_flat_container(value)
    }
    parents = parents_in(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in found and isinstance(node.ctx, ast.Load) and not _reads(node, parents):
            del found[node.id]
    return found


@lru_cache(maxsize=512)
def assigned_in(source: str) -> frozenset[str]:
    """The names that a text assigns to, in whatever scope, and does not import."""
    nodes = [*ast.walk(_tree(source))]
    imported = {
        (alias.asname or alias.name).partition(".")[0]
        for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom)) for alias in node.names
    }  # fmt: skip
    return frozenset(n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)) - imported


def _tree(source: str) -> ast.Module:
    """The module's tree; an empty one where its source is no Python."""
    try:
        return parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


def _bound_once(tree: ast.Module) -> Iterator[tuple[str, ast.expr, bool]]:
    """The names that one assignment binds, and nothing else does; with what to, and whether it binds no other name."""
    times = Counter(name for node in tree.body for name in bound_by([node]))
    times.update(name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names)
    for node in tree.body if "*" not in times else ():
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [target.id for target in targets if isinstance(target, ast.Name) and times[target.id] == 1]
            yield from ((name, node.value, len(targets) == 1) for name in names)


def _is_constant(node: ast.expr) -> bool:
    match node:
        case ast.Tuple(elts=parts):
            return all(map(_is_constant, parts))
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float())):
            return True
    return isinstance(node, ast.Constant)


def _is_flat_container(node: ast.expr) -> bool:
    """Whether it is a list, a dict or a set, and all that is in it stays as it is."""
    match node:
        case ast.List(elts=parts) | ast.Set(elts=parts):
            return all(map(_is_constant, parts))
        case ast.Dict(keys=keys, values=values):
            return all(one is not None and _is_constant(one) for one in (*keys, *values))
    return False


def _reads(name: ast.Name, parents: Mapping[int, ast.AST]) -> bool:
    """Whether what is done with it there changes nothing of it, and gives it to nobody who might."""
    match parents[id(name)]:
        case ast.Subscript(value=value, ctx=ast.Load()):
            return value is name
        case ast.Attribute(attr=attr) as method:
            call = parents.get(id(method))
            return attr in _METHODS and isinstance(call, ast.Call) and call.func is method
        case ast.Call(func=ast.Name(id=called)):
            return called in _BUILTINS
    return isinstance(parents[id(name)], (ast.Compare, ast.For, ast.comprehension, ast.FormattedValue))
