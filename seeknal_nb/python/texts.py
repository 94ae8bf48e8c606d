"""What Python reads by names that stand in texts: ``df.query("v == @K")``, ``eval("K")``, ``import_module("m")``. Pure."""

from __future__ import annotations

import ast
import importlib.util
import re
import string
from functools import lru_cache
from typing import TYPE_CHECKING

from seeknal_nb.python.scope import DEFS, SCOPES, targets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["SUBCLASSES", "imports_in_texts", "names_filled", "names_in_texts", "reads_past_names", "searches_globals"]

_AT = re.compile(r"(?<![\w@.])@([A-Za-z_]\w*)")
_PERCENT = re.compile(r"%\((\w+)\)")
SUBCLASSES = "__subclasses__()"
_EVALUATED = frozenset({"eval", "exec"})
_SPACES = frozenset({"globals", "locals", "vars"})
_ASKED = frozenset({"get", "pop", "setdefault", "__getitem__", "__contains__"})
_IMPORTED = frozenset({"import_module", "__import__"})


@lru_cache(maxsize=2048)
def names_in_texts(scope: ast.AST) -> frozenset[str]:
    """Names that a body or a function reads through texts, but for its own."""
    own = list(_own(scope))
    found = {name for node in own for name in _names(node)}
    if any(_queries(node) for node in own):
        found.update(name for node in own for text in _text(node) for name in _AT.findall(text))
    for node in own:
        if isinstance(node, SCOPES):
            found |= names_in_texts(node)
    return frozenset(found - _bound(scope, own))


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """All that is in it, but not what is in its functions and classes."""
    waiting = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, SCOPES):
            waiting.extend(ast.iter_child_nodes(node))


def _bound(scope: ast.AST, own: Iterable[ast.AST]) -> set[str]:
    if isinstance(scope, ast.ClassDef):  # its functions do not see its names
        return set()
    args = ast.walk(scope.args) if isinstance(scope, (*DEFS, ast.Lambda)) else ()
    return {arg.arg for arg in args if isinstance(arg, ast.arg)} | {name for node in own for name in targets(node)}


def _names(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Call(func=ast.Name(id=called), args=[ast.Constant(value=str(text)), *_]) if called in _EVALUATED:
            yield from _evaluated(text)
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="pd" | "pandas" | "ne" | "numexpr"), attr="eval" | "evaluate"),
            args=[ast.Constant(value=str(text)), *_],
        ):
            yield from _evaluated(text.replace("@", ""))
        case ast.Subscript(value=space, slice=ast.Constant(value=str(name))) if _is_space(space):
            yield name
        case ast.Call(func=ast.Attribute(value=space, attr=asked), args=[ast.Constant(value=str(name)), *_]) if (
            asked in _ASKED and _is_space(space)
        ):
            yield name
        case ast.Compare(left=ast.Constant(value=str(name)), ops=[ast.In() | ast.NotIn()], comparators=[space]) if _is_space(
            space
        ):
            yield name
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format" | "format_map")) if _takes_space(
            node
        ):
            yield from _fields(text)
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod(), right=space) if _is_space(space):
            yield from _PERCENT.findall(text)


def _evaluated(text: str) -> Iterator[str]:
    try:
        tree = ast.parse(text.strip())
    except (SyntaxError, ValueError):
        return
    yield from (node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))


def _fields(text: str) -> Iterator[str]:
    try:
        fields = [field for _, field, _, _ in string.Formatter().parse(text) if field]
    except ValueError:
        return
    yield from (found.group() for found in (re.match(r"[A-Za-z_]\w*", field) for field in fields) if found)


def _queries(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in ("query", "eval")


def _text(node: ast.AST) -> tuple[str, ...]:
    return (node.value,) if isinstance(node, ast.Constant) and isinstance(node.value, str) else ()


def _is_space(node: ast.AST, *names: str) -> bool:
    """Whether it is ``globals()``, or another dict of variables."""
    match node:
        case ast.Call(func=ast.Name(id=name), args=[]):
            return name in (names or _SPACES)
    return False


def _takes_space(call: ast.Call) -> bool:
    return any(map(_is_space, [*call.args, *(one.value for one in call.keywords if one.arg is None)]))


def imports_in_texts(node: ast.AST) -> Iterator[str]:
    """The module that an expression imports by a text."""
    match node:
        case ast.Call(args=[ast.Constant(value=str(name)), *more]) if _imports(node):
            match [*more, *(one.value for one in node.keywords if one.arg == "package")]:
                case [ast.Constant(value=str(package)), *_] if name.startswith("."):
                    yield importlib.util.resolve_name(name, package)
                case _ if not name.startswith("."):
                    yield name
        case ast.Subscript(value=ast.Attribute(value=ast.Name("sys"), attr="modules"), slice=ast.Constant(value=str(name))):
            yield name


def _imports(call: ast.Call) -> bool:
    called = call.func
    return (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) in _IMPORTED


@lru_cache(maxsize=2048)
def names_filled(scope: ast.AST) -> frozenset[str]:
    """Names of containers that a function puts something into, and that are not its own."""
    own = list(_own(scope))
    found = {name for node in own for name in _filled(node)}
    return frozenset(found - _bound(scope, own)).union(*(names_filled(node) for node in own if isinstance(node, SCOPES)))


def _filled(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store()):
            yield name
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="setdefault")):
            yield name


@lru_cache(maxsize=2048)
def reads_past_names(tree: ast.AST) -> frozenset[str]:
    """How something is written that finds what no name and no text there says."""
    return frozenset(written for node in ast.walk(tree) for written in _past(node))


def _past(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Attribute(attr="__subclasses__"):
            yield SUBCLASSES
        case ast.Attribute(attr="user_ns" | "user_global_ns" as name):
            yield name
        case ast.Call() if _imports(node) and not list(imports_in_texts(node)):
            yield "import_module(...)"


@lru_cache(maxsize=2048)
def searches_globals(function: ast.AST) -> bool:
    """Whether it looks at ``globals()`` so that it would find less than all, and say nothing."""
    told = {id(inner) for node in ast.walk(function) for inner in _exact_lookups(node)}
    return any(_is_space(node, "globals") and id(node) not in told for node in ast.walk(function))


def _exact_lookups(node: ast.AST) -> Iterator[ast.AST]:
    """The ``globals()`` in an expression that fails where a name is not there, or that says which one it means."""
    match node:
        case ast.Subscript(value=space):
            yield space
        case ast.Call(func=ast.Attribute(value=space, attr=asked), args=[ast.Constant(), *_]) if asked in _ASKED:
            yield space
        case ast.Compare(left=ast.Constant(), comparators=[space]):
            yield space
        case ast.BinOp(op=ast.Mod(), right=space):
            yield space
        case ast.Call(func=ast.Attribute(attr="format" | "format_map") | ast.Name(id="eval" | "exec")):
            yield from [*node.args, *(one.value for one in node.keywords)]
