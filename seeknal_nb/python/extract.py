"""The part of a Python file that one of its functions needs, at the lines where it stands; knows no node, runs nothing."""

from __future__ import annotations

import ast
import copy
import datetime as dt
import decimal
import logging
import re
import types
from collections import defaultdict
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from seeknal_nb.python.scope import DEFS, Scope, block, bound_by
from seeknal_nb.python.trees import bound_within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["SourceFile", "has_work"]

_IMPORTS = (ast.Import, ast.ImportFrom)
_PLAIN = (
    *(type(None), bool, int, float, complex, str, bytes, range, re.Pattern, decimal.Decimal, PurePath, logging.Logger),
    *(dt.date, dt.time, dt.timedelta, types.ModuleType),
)
"""What no call changes so that a node would see it."""
_HARMLESS = frozenset({
    "abs", "all", "any", "bool", "dict", "enumerate", "float", "frozenset", "int", "isinstance", "len", "list", "max", "min",
    "print", "range", "repr", "round", "set", "sorted", "str", "sum", "tuple", "type", "zip",
})  # fmt: skip
"""Builtins that change nothing of what they are given."""


@dataclass(frozen=True, slots=True)
class _Part:
    """One statement of the file.

    ``touches`` are names whose objects it changes for all to see, ``calls`` those of what it calls, and gives to calls;
    ``inside`` are names that its functions bind or change when they are called.
    """

    node: ast.stmt
    binds: frozenset[str]
    reads: frozenset[str]
    touches: frozenset[str]
    calls: frozenset[str]
    inside: frozenset[str]


class SourceFile:
    """A file whose functions are taken out one by one, each with the imports, helpers and constants that it uses.

    Args:
        text: The file.
        tree: The file, parsed.
        ours: Whether a decorator is one of those that make a node, which a slice is without.
        modules: Modules to import instead of others, by name.
        values: What the file's names stand for, once it was executed.
    """

    def __init__(
        self,
        text: str,
        tree: ast.Module,
        *,
        ours: Callable[[ast.expr], bool],
        modules: Mapping[str, str],
        values: Mapping[str, object],
    ) -> None:
        self._lines = text.splitlines()
        self._ours, self._modules, self._values = ours, modules, values
        self._harmless = _HARMLESS - bound_by(tree.body)
        self._parts = [self._part(node) for node in tree.body if not _is_script(node)]
        self._binding = defaultdict[str, list[_Part]](list)
        for part in self._parts:
            for name in part.binds:
                self._binding[name].append(part)
        self._changed = {id(part.node): self._changed_by(part) for part in self._parts}
        self.functions = {self._first_line(part.node): part.node for part in self._parts if isinstance(part.node, DEFS)}

    @staticmethod
    def _first_line(node: ast.stmt) -> int:
        marks: list[ast.expr] = getattr(node, "decorator_list", [])
        return min([node.lineno, *(mark.lineno for mark in marks)])

    def function(self, line: int) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """The function at the top of the file that begins, with its decorators, in that line."""
        return self.functions.get(line)

    def slice_of(self, function: ast.FunctionDef | ast.AsyncFunctionDef, *, name: str) -> str:
        """The function, called ``name``, with all that it uses; the other lines are empty."""
        first = next(part for part in self._parts if part.node is function)
        kept, needed = {id(first.node)}, set(first.reads)
        while added := [part for part in self._parts if id(part.node) not in kept and self._is_needed(part, needed)]:
            kept |= {id(part.node) for part in added}
            needed |= {read for part in added for read in part.reads}
        written = [""] * len(self._lines)
        for part in self._parts:
            if id(part.node) in kept:
                self._write(written, part.node, needed)
        if name != function.name:
            line = function.lineno - 1
            written[line] = re.sub(rf"def\s+{function.name}\b", f"def {name}", written[line], count=1)
            written = _renamed(written, function.name, name)
        return "\n".join(written).rstrip() + "\n"

    def _is_needed(self, part: _Part, needed: set[str]) -> bool:
        # What a star brings nobody knows; a body with one is refused by whoever reads it, and a future holds for all.
        always = isinstance(part.node, ast.ImportFrom) and (part.node.module == "__future__" or "*" in part.binds)
        return always or not needed.isdisjoint(part.binds | self._changed[id(part.node)])

    def _part(self, node: ast.stmt) -> _Part:
        bare = self._bare(node)
        scope = Scope([bare])
        scope.finish()
        reads, touches = frozenset(scope.reads), frozenset(_touched([node]))
        calls, inside = frozenset(_called(bare, self._harmless)), frozenset(_inside(node))
        return _Part(node, bound_by([node]), reads, touches, calls, inside)

    def _changed_by(self, part: _Part) -> frozenset[str]:
        """The names that may stand for something else after the statement: rather too many than one too few.

        A call may change whatever it is given, and whatever the functions of the file that it calls read: so may a name
        that was made from another one stand for the same object.
        """
        found, seen, todo = set(part.touches), set[str](), [*part.touches, *part.calls]
        while todo:
            name = todo.pop()
            if name in seen or name not in self._binding or self._is(name, _is_plain):
                continue
            seen.add(name)
            if not self._is(name, _is_code):
                found.add(name)
            for one in self._binding[name]:
                found |= one.inside
                todo += one.reads
        return frozenset(found)

    def _is(self, name: str, what: Callable[[object], bool]) -> bool:
        """Whether the name was bound once, to such an object."""
        return len(self._binding[name]) == 1 and what(self._values.get(name, self))

    def _bare(self, node: ast.stmt) -> ast.stmt:
        """The statement without our decorators, whose arguments no slice reads."""
        if not isinstance(node, DEFS):
            return node
        bare = copy.copy(node)
        bare.decorator_list = [mark for mark in node.decorator_list if not self._ours(mark)]
        return bare

    def _write(self, written: list[str], node: ast.stmt, needed: set[str]) -> None:
        start, end = self._first_line(node) - 1, node.end_lineno or node.lineno
        if isinstance(node, _IMPORTS):
            text = self._import(node, needed)
            written[start] = f"{written[start]}; {text}" if written[start] else text
        elif written[start] or self._shared(node):
            written[start] = "; ".join(filter(None, [written[start], ast.unparse(node)]))
        else:
            written[start:end] = self._lines[start:end]
            for mark in getattr(node, "decorator_list", ()):
                if isinstance(node, DEFS) and self._ours(mark):
                    last = mark.end_lineno or mark.lineno
                    written[mark.lineno - 1 : last] = [""] * (last - mark.lineno + 1)

    def _shared(self, node: ast.stmt) -> bool:
        """Whether another statement stands in one of its lines."""
        lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
        return any(other.node is not node and other.node.lineno in lines for other in self._parts)

    def _import(self, node: ast.Import | ast.ImportFrom, needed: set[str]) -> str:
        """The import of what is needed of it."""
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        names = [
            alias
            for alias in node.names
            if future or alias.name == "*" or (alias.asname or alias.name.partition(".")[0]) in needed
        ]
        if isinstance(node, ast.ImportFrom):
            return ast.unparse(ast.ImportFrom(self._modules.get(node.module or "", node.module), names, node.level))
        return ast.unparse(
            ast.Import([ast.alias(self._modules.get(a.name, a.name) if a.asname else a.name, a.asname) for a in names])
        )


def _renamed(lines: list[str], old: str, new: str) -> list[str]:
    """The lines with the reads of a name written as another one; a function that has a variable of that name keeps it."""
    tree = ast.parse("\n".join(lines))
    own = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, (*DEFS, ast.Lambda)) and old in bound_within(node)
        for inner in ast.walk(node)
    }
    found = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == old and id(n) not in own]
    for node in sorted(found, key=lambda n: (n.lineno, n.col_offset), reverse=True):
        line = lines[node.lineno - 1].encode()
        lines[node.lineno - 1] = (line[: node.col_offset] + new.encode() + line[node.end_col_offset :]).decode()
    return lines


def _is_script(node: ast.stmt) -> bool:
    """What only a script does: ``if __name__ == "__main__":``."""
    names = ast.walk(node.test) if isinstance(node, ast.If) else ()
    return any(isinstance(one, ast.Name) and one.id == "__name__" for one in names)


def _touched(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Names whose objects a block changes, as ``pd.set_option(...)`` and ``RATES["a"] = 1`` do."""
    for inner in block(nodes):
        if isinstance(inner, ast.Expr) and isinstance(inner.value, ast.Call):
            yield from _root(inner.value.func)
        elif isinstance(inner, (ast.Subscript, ast.Attribute)) and not isinstance(inner.ctx, ast.Load):
            yield from _root(inner.value)
        elif isinstance(inner, ast.AugAssign):
            yield from _root(inner.target)


def _inside(node: ast.stmt) -> Iterator[str]:
    """Names that the functions in a statement declare global, and those that their blocks change but for their own."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Global):
            yield from inner.names
        elif isinstance(inner, DEFS):
            own = bound_within(inner)
            yield from (name for name in _touched(inner.body) if name not in own)


def _called(node: ast.stmt, harmless: frozenset[str]) -> Iterator[str]:
    """Names of what a statement calls at once, with what it gives to calls: decorators, and the bases of a class, too."""
    for inner in _at_once(node):
        if isinstance(inner, ast.Call) and not _is_harmless(inner, harmless):
            yield from _names(inner)
        elif isinstance(inner, (*DEFS, ast.ClassDef)):
            bases = [*inner.bases, *inner.keywords] if isinstance(inner, ast.ClassDef) else []
            yield from (name for one in (*inner.decorator_list, *bases) for name in _names(one))


def _at_once(node: ast.AST) -> Iterator[ast.AST]:
    """What runs with a statement: nothing of what is in its functions."""
    yield node
    if isinstance(node, (*DEFS, ast.Lambda)):
        defaults = filter(None, [*node.args.defaults, *node.args.kw_defaults])
        inner: Iterable[ast.AST] = [*getattr(node, "decorator_list", []), *defaults]
    else:
        inner = ast.iter_child_nodes(node)
    for one in inner:
        yield from _at_once(one)


def _is_harmless(call: ast.Call, harmless: frozenset[str]) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id in harmless and not call.keywords  # as key=function


def _names(node: ast.AST) -> Iterator[str]:
    return (one.id for one in ast.walk(node) if isinstance(one, ast.Name))


def _is_plain(value: object) -> bool:
    if isinstance(value, (tuple, frozenset)):
        return all(map(_is_plain, value))
    return isinstance(value, _PLAIN)


def _is_code(value: object) -> bool:
    """Functions and classes, of whatever language."""
    return callable(value) and hasattr(value, "__name__")


def _root(node: ast.expr) -> Iterable[str]:
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return (node.id,) if isinstance(node, ast.Name) else ()


def has_work(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function does anything: not where it is its docstring, ``pass`` or ``...``."""
    constant = all(
        isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in function.body
    )
    return not constant
