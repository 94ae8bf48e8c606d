"""The lists, dicts and sets of a module that it only reads, found in its text: who changes them is somebody else. Pure."""

from __future__ import annotations

import ast
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

from seeknal_nb.dag.names import bound_by
from seeknal_nb.dag.python import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["tables_in"]

_METHODS = frozenset({"copy", "count", "difference", "get", "index", "intersection", "isdisjoint", "issubset", "issuperset"})
_METHODS |= {"items", "keys", "union", "values"}
_BUILTINS = frozenset(
    {"all", "any", "dict", "enumerate", "frozenset", "len", "list", "max", "min", "print", "set", "sorted"}
)
_BUILTINS |= {"str", "sum", "tuple", "zip"}


@lru_cache(maxsize=512)
def tables_in(source: str) -> Mapping[str, object]:
    """By name, what stands in the text for each container of plain values that is bound once, and then only read."""
    try:
        tree = parse(source)
        found = dict(_bound(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    parents = {id(child): node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in found and isinstance(node.ctx, ast.Load) and not _reads(node, parents):
            del found[node.id]
    return found


def _bound(tree: ast.Module) -> dict[str, object]:
    times = Counter(name for node in tree.body for name in bound_by([node]))
    times.update(name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names)
    found = {}
    for node in tree.body if "*" not in times else ():
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value) | ast.AnnAssign(target=ast.Name(id=name), value=value)
            ) if isinstance(value, (ast.List, ast.Dict, ast.Set)) and times[name] == 1 and _is_flat(value):
                found[name] = ast.literal_eval(value)
    return found


def _is_flat(node: ast.AST) -> bool:
    """Whether all that is in it stays as it is."""
    return all(isinstance(one, (ast.Constant, ast.Load, ast.UnaryOp, ast.USub, ast.Tuple)) for one in _inside(node))


def _inside(node: ast.AST) -> list[ast.AST]:
    return [one for one in ast.walk(node) if one is not node]


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
