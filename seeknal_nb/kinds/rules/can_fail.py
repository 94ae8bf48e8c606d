"""Whether a rule's Python that gives nothing could have objected: it asserts, raises, or calls what does. Runs nothing."""

from __future__ import annotations

import ast
import dis
import inspect
import sys
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, TypeGuard

from seeknal_nb.python.body import parse
from seeknal_nb.python.objects import own_file
from seeknal_nb.python.scope import DEFS

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

__all__ = ["may_object"]

SAYS_SO = ("assert", "raise", "validate", "check", "expect", "verify", "ensure", "require", "must")
"""How the names of functions begin that object to what they are given, as packages call them."""


def may_object(source: str, name: str, captured: Mapping[str, object]) -> bool:
    """Whether anything that the body comes to may raise on purpose.

    Args:
        source: The body.
        name: What the node's function is called.
        captured: What it reads of the notebook.
    """
    tree = parse(source)
    functions = {one.name: one for one in ast.walk(tree) if isinstance(one, DEFS)}
    parts = list(_live(tree, name, functions))
    known = {**captured, **_imported(parts)}
    read = {*functions, *(one for one, value in known.items() if _is_own(_plain(value)))}
    return any(_objects(part, known) or _says_so(part, read) for part in parts)


def _live(tree: ast.Module, name: str, functions: Mapping[str, ast.AST]) -> Iterator[ast.AST]:
    """The parts of a body without the functions that it never names; the node's own is called."""
    met: set[str] = set()
    waiting: list[ast.AST] = [tree, ast.Name(name)]
    while waiting:
        part = waiting.pop()
        yield part
        if isinstance(part, ast.Name) and part.id in functions and part.id not in met:
            met.add(part.id)
            waiting += _inside(functions[part.id])
        waiting += [] if isinstance(part, DEFS) else _inside(part)


def _inside(part: ast.AST) -> list[ast.AST]:
    """What stands in it, but for functions; those of a class are taken for called."""
    inside = [one for one in ast.iter_child_nodes(part) if isinstance(part, ast.ClassDef) or not isinstance(one, DEFS)]
    return [deep for one in inside for deep in (_inside(one) if isinstance(one, DEFS) else [one])]


def _imported(parts: list[ast.AST]) -> dict[str, object]:
    """What the body imports of the user's own modules, which are there since it ran."""
    found: dict[str, object] = {}
    for part in parts:
        if isinstance(part, ast.Import):
            found |= {one.asname or one.name: sys.modules.get(one.name) for one in part.names}
        elif isinstance(part, ast.ImportFrom) and part.module and not part.level:
            module = sys.modules.get(part.module)
            found |= {one.asname or one.name: getattr(module, one.name, None) for one in part.names}
    return found


def _objects(part: ast.AST, known: Mapping[str, object]) -> bool:
    if isinstance(part, (ast.Name, ast.Attribute)):
        return _raises(_value(part, known), set())
    return isinstance(part, (ast.Assert, ast.Raise))


def _says_so(part: ast.AST, read: Container[str]) -> bool:
    """Whether it calls what is named as one that objects, and whose code is not ``read``."""
    called = part.func if isinstance(part, ast.Call) else None
    name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
    return name not in read and name.strip("_").casefold().startswith(SAYS_SO)


def _value(part: ast.expr, known: Mapping[str, object]) -> object:
    """What a name, or a name in a module, stands for, where that is known."""
    if isinstance(part, ast.Name):
        return known.get(part.id)
    module = _value(part.value, known) if isinstance(part, ast.Attribute) else None
    return getattr(module, part.attr, None) if isinstance(module, ModuleType) and isinstance(part, ast.Attribute) else None


def _raises(value: object, met: set[object]) -> bool:
    """Whether a function of the user's own raises, or names one that does."""
    value = _plain(value)
    if value in met or not _is_own(value):
        return False
    met.add(value)
    codes = list(_codes(value.__code__))
    if any(step.opname == "RAISE_VARARGS" for code in codes for step in dis.get_instructions(code)):
        return True
    named: dict[str, Any] = {name: value.__globals__.get(name) for code in codes for name in code.co_names}
    return any(_raises(one, met) for one in named.values())


def _plain(value: object) -> object:
    """A function without what is wrapped around it."""
    return inspect.unwrap(value) if isinstance(value, FunctionType) else value


def _is_own(value: object) -> TypeGuard[FunctionType]:
    if not isinstance(value, FunctionType):
        return False
    module = value.__module__ or "__main__"
    return module not in sys.modules or module == "__main__" or own_file(module) is not None


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from _codes(const)
