"""A Python body in which a node has another name, its own or an input's; what it does stays the same. Runs nothing."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from seeknal_nb.python.body import parse, read_body

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from seeknal_nb.python.body import Body

__all__ = ["renamed"]


def renamed(source: str, *, name: str, old: str, new: str) -> str:
    """The text with the new name: as the function's, as its parameter and wherever that is read, and in ``ctx.ref("old")``.

    Args:
        source: The body of a node.
        name: The bare name of that node.
        old: The name that is given up: its own, or that of one of its inputs.
        new: What stands for it.
    """
    body = read_body(source, name=name)
    lines = source.splitlines(keepends=True)
    for line, column in sorted(_spots(source, body, old), reverse=True):
        text = lines[line - 1]
        lines[line - 1] = text[:column] + new + text[column + len(old) :]
    return _in_texts("".join(lines), name, re.compile(rf"(?<![\w]){re.escape(old)}(?!\w)"), new)


def _spots(source: str, body: Body, old: str) -> Iterable[tuple[int, int]]:
    """Where the name stands for the node, as (line, column): from 1, and from 0."""
    first = _defined(source, body, old)
    if first is not None:
        return _references(source, *first)
    if old in body.reads:
        return [(line - 1, column) for line, column in _references(f"{old} = None\n{source}", 1, 0) if line > 1]
    return ()


def _defined(source: str, body: Body, old: str) -> tuple[int, int] | None:
    """Where the body binds the node's name: as its function, as a parameter of that, or as its result."""
    tree = parse(source)
    function = next((one for one in _functions(tree) if one.name == body.function), None)
    if function is None:
        if old != body.name or old not in body.assigns:
            return None
        found = (one for one in ast.walk(tree) if isinstance(one, ast.Name) and one.id == old)
        return min(_place(source, one) for one in found)
    if function.name == old == body.name:
        line, column = _place(source, function)
        return line, source.splitlines()[line - 1].index(old, column + len("def "))
    args = (one for one in ast.walk(function.args) if isinstance(one, ast.arg) and one.arg == old)
    return next((_place(source, one) for one in args), None)


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (one for one in tree.body if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)))


def _place(source: str, node: ast.stmt | ast.expr | ast.arg) -> tuple[int, int]:
    """Line and column, which ``ast`` counts in bytes."""
    line = source.splitlines()[node.lineno - 1]
    return node.lineno, len(line.encode()[: node.col_offset].decode())


def _references(source: str, line: int, column: int) -> list[tuple[int, int]]:
    import jedi  # noqa: PLC0415 - a tenth of a second, and only a rename needs it

    return [(one.line, one.column) for one in jedi.Script(source).get_references(line, column, scope="file")]


def _in_texts(source: str, name: str, old: re.Pattern[str], new: str) -> str:
    """The source with the name in those texts too by which the body asks for an input."""
    texts = [one for one in ast.walk(parse(source)) if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    asked = _asked(source, name)
    for text in sorted(texts, key=lambda one: (one.lineno, one.col_offset), reverse=True):
        start, end = _span(source, text)
        trial = source[:start] + old.sub(new, source[start:end]) + source[end:]
        if trial != source and _asked(trial, name) != asked:
            source, asked = trial, _asked(trial, name)
    return source


def _asked(source: str, name: str) -> tuple[tuple[str, ...], ...]:
    body = read_body(source, name=name)
    return body.refs, body.spines, body.reads


def _span(source: str, node: ast.Constant) -> tuple[int, int]:
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    first, last = lines[node.lineno - 1], lines[(node.end_lineno or node.lineno) - 1]
    start = starts[node.lineno - 1] + len(first.encode()[: node.col_offset].decode())
    return start, starts[(node.end_lineno or node.lineno) - 1] + len(last.encode()[: node.end_col_offset].decode())
