"""A Python body in which a node has another name, its own or an input's, and which does the same. Runs nothing.

Where that cannot be told from the text, it is left to the author: a name that is bound twice, a new name that the body has
for something else, a text that may be read for the name.
"""

from __future__ import annotations

import ast
import builtins
import re
from typing import TYPE_CHECKING

from seeknal_nb.markup import whole_word
from seeknal_nb.python.body import parse, read_body, without_docstrings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from seeknal_nb.python.body import Body

__all__ = ["renamed"]

_LOOKS_UP = re.compile(r"\b(?:locals|vars|dir|eval|exec|globals|__name__|__qualname__|co_name|node_id)\b")
"""Words by which a body may find a name, or its own."""


def renamed(source: str, means: Callable[[str], bool], *, name: str, old: str, new: str) -> str | None:
    """The text with the new name: as the function's, as its parameter and wherever that is read, and in ``ctx.ref("old")``.

    Args:
        source: The body of a node.
        means: Whether a text names the node whose name is given up.
        name: The bare name of the body's node.
        old: The name that is given up: its own, or that of one of its inputs.
        new: What stands for it.

    Returns:
        The text; None where nobody but its author can tell that it does the same.
    """
    body, word = read_body(source, name=name), whole_word(old)
    if _LOOKS_UP.search(source) or body.past or new in _names(parse(source)) or hasattr(builtins, new):
        return None
    spots = list(_spots(source, body, old))
    if _binds(parse(source), old) > 1 and (spots or old != name):
        return None
    lines = source.splitlines(keepends=True)
    for line, column in sorted(spots, reverse=True):
        text = lines[line - 1]
        lines[line - 1] = text[:column] + new + text[column + len(old) :]
    text = _in_texts("".join(lines), means, name, word, new)
    left = parse(text)
    without_docstrings(left)
    # SQL in a text reads a table by its name, and so may any other text that says it.
    return None if old != name and any(word.search(said) for _, said in _texts(left)) else text


def _names(tree: ast.Module) -> set[str]:
    """Every name that the body has for anything, but of attributes."""
    found = {one.id for one in ast.walk(tree) if isinstance(one, ast.Name)}
    found |= {one.arg for one in ast.walk(tree) if isinstance(one, (ast.arg, ast.keyword)) and one.arg}
    found |= {one.name for one in ast.walk(tree) if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))}
    return found | {one.asname or one.name.partition(".")[0] for one in ast.walk(tree) if isinstance(one, ast.alias)}


def _binds(tree: ast.Module, name: str) -> int:
    """How often a name is bound, wherever: a reference to one of several may be to another at another time."""

    def bound(node: ast.AST) -> bool:
        match node:
            case ast.Name(id=found, ctx=ast.Store() | ast.Del()) | ast.arg(arg=found):
                return found == name
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                return name in names
        return name in (getattr(node, "name", None), getattr(node, "asname", None), getattr(node, "rest", None))

    return sum(map(bound, ast.walk(tree)))


def _texts(tree: ast.Module) -> list[tuple[ast.Constant, str]]:
    return [(one, one.value) for one in ast.walk(tree) if isinstance(one, ast.Constant) and isinstance(one.value, str)]


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
        return min((_place(source, one) for one in found), default=None)
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
    from jedi.api.environment import InterpreterEnvironment  # noqa: PLC0415 - else it starts a process to ask for a version

    script = jedi.Script(source, environment=InterpreterEnvironment())
    return [(one.line, one.column) for one in script.get_references(line, column, scope="file")]


def _in_texts(source: str, means: Callable[[str], bool], name: str, old: re.Pattern[str], new: str) -> str:
    """The source with the name in those texts too by which the body asks for the node."""
    asked = _asked(source, name)
    for text, said in sorted(_texts(parse(source)), key=lambda one: (one[0].lineno, one[0].col_offset), reverse=True):
        parts = said.split(".")
        start, end = _span(source, text)
        trial = source[:start] + old.sub(new, source[start:end], count=1) + source[end:]
        if any(means(".".join(parts[:count])) for count in (1, 2, len(parts))) and (now := _asked(trial, name)) != asked:
            source, asked = trial, now
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
