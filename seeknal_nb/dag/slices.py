"""The part of a Python file that one of its functions needs, at the lines where it stands; knows no node, runs nothing."""

from __future__ import annotations

import ast
import copy
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeknal_nb.dag.names import DEFS, Scope, block, bound_by

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["SourceFile", "has_work"]

_IMPORTS = (ast.Import, ast.ImportFrom)


@dataclass(frozen=True, slots=True)
class _Part:
    """One statement of the file: the names that it binds, reads, and changes what they stand for."""

    node: ast.stmt
    binds: frozenset[str]
    reads: frozenset[str]
    touches: frozenset[str]


class SourceFile:
    """A file whose functions are taken out one by one, each with the imports, helpers and constants that it uses.

    Args:
        text: The file.
        tree: The file, parsed.
        ours: Whether a decorator is one of those that make a node, which a slice is without.
        modules: Modules to import instead of others, by name.
    """

    def __init__(self, text: str, tree: ast.Module, *, ours: Callable[[ast.expr], bool], modules: Mapping[str, str]) -> None:
        self._lines = text.splitlines()
        self._ours, self._modules = ours, modules
        self._parts = [self._part(node) for node in tree.body if not _is_script(node)]
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
        return always or bool((part.binds | part.touches) & needed)

    def _part(self, node: ast.stmt) -> _Part:
        scope = Scope([self._bare(node)])
        scope.finish()
        return _Part(node, bound_by([node]), frozenset(scope.reads), frozenset(_touched(node)))

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
        if isinstance(node, (*DEFS, ast.Lambda)) and old in _variables(node)
        for inner in ast.walk(node)
    }
    found = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == old and id(n) not in own]
    for node in sorted(found, key=lambda n: (n.lineno, n.col_offset), reverse=True):
        line = lines[node.lineno - 1].encode()
        lines[node.lineno - 1] = (line[: node.col_offset] + new.encode() + line[node.end_col_offset :]).decode()
    return lines


def _variables(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> frozenset[str]:
    arguments = frozenset(inner.arg for inner in ast.walk(node.args) if isinstance(inner, ast.arg))
    return arguments if isinstance(node, ast.Lambda) else arguments | bound_by(node.body)


def _is_script(node: ast.stmt) -> bool:
    """What only a script does: ``if __name__ == "__main__":``."""
    names = ast.walk(node.test) if isinstance(node, ast.If) else ()
    return any(isinstance(one, ast.Name) and one.id == "__name__" for one in names)


def _touched(node: ast.stmt) -> Iterator[str]:
    """Names whose objects a statement changes, as ``pd.set_option(...)`` and ``RATES["a"] = 1`` do."""
    for inner in block([node]):
        if isinstance(inner, ast.Expr) and isinstance(inner.value, ast.Call):
            yield from _root(inner.value.func)
        elif isinstance(inner, (ast.Subscript, ast.Attribute)) and not isinstance(inner.ctx, ast.Load):
            yield from _root(inner.value)


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
