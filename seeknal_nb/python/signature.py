"""Which function of a Python body is the node's, and what its parameters ask for; by the syntax tree alone."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from seeknal_nb.python.scope import DEFS, bound_by

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Refused", "names_in", "node_function", "notes_of", "parameters", "results"]

_DEFINITIONS = (*DEFS, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Pass)
_BLOCKS = (ast.If, ast.Try, ast.With)


class Refused(SyntaxError):  # noqa: N818
    """Python that a body must not use; ``msg`` says what, ``text`` holds the remedy."""

    def __init__(self, what: str, node: ast.AST, *, remedy: str) -> None:
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1
        super().__init__(what, ("<body>", line, column, remedy))


def results(name: str) -> tuple[str, str]:
    """The variables of a body that may hold its result, the first that is there."""
    return "result", name


def node_function(tree: ast.Module, name: str) -> ast.FunctionDef | None:
    """The function of the node called ``name``, in a body without a last expression and without ``return``.

    It is the last ``def`` of that name. Where nothing has the name and the body only defines, it is the one function that
    the body itself does not use, whatever it is called: decorators and what constants are made with are helpers.
    """
    functions = {node.name: node for node in tree.body if isinstance(node, DEFS)}
    found = functions.get(name) or _only(tree, functions, name)
    if found is None or isinstance(found, ast.FunctionDef):
        return found
    raise Refused("the function of a node cannot be async", found, remedy="write def; use asyncio.run inside it")


def _only(
    tree: ast.Module, functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef], name: str
) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    if not all(map(_defines, tree.body)) or not bound_by(tree.body).isdisjoint(results(name)):
        return None
    used = {one.id for part in _at_once(tree.body) for one in ast.walk(part) if isinstance(one, ast.Name)}
    left = [function for one, function in functions.items() if one not in used]
    if len(left) > 1:
        what = f"the body has several functions, of which none is called {name}: {', '.join(one.name for one in left)}"
        raise Refused(what, left[1], remedy=f"call the node's function {name}, or end with what the node is")
    return left[0] if left else None


def _defines(part: ast.stmt) -> bool:
    """Whether a statement is there for what it binds, or for a reader."""
    if isinstance(part, _BLOCKS):
        return all(map(_defines, _within(part)))
    text = isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant)
    return text or isinstance(part, _DEFINITIONS) or type(part).__name__ == "TypeAlias"  # which came with 3.12


def _within(part: ast.stmt) -> Iterator[ast.stmt]:
    for inner in ast.iter_child_nodes(part):
        if isinstance(inner, ast.stmt):
            yield inner
        elif isinstance(inner, ast.ExceptHandler):
            yield from inner.body


def _at_once(body: Sequence[ast.stmt]) -> Iterator[ast.AST]:
    """What runs with the body itself: of its functions the decorators and the defaults."""
    for part in body:
        if isinstance(part, DEFS):
            yield from filter(None, (*part.decorator_list, *part.args.defaults, *part.args.kw_defaults))
        else:
            yield part


def parameters(function: ast.FunctionDef) -> tuple[tuple[str, ...], frozenset[str]]:
    """The parameters in order, and those with a default; raises ``Refused`` where one cannot be given by name."""
    args = function.args
    for odd in filter(None, (args.vararg, args.kwarg, *args.posonlyargs)):
        what = f'parameter "{odd.arg}" of {function.name} cannot be given by name'
        raise Refused(what, odd, remedy="name every node that it reads as an ordinary parameter")
    names = tuple(arg.arg for arg in (*args.args, *args.kwonlyargs))
    optional = {arg.arg for arg in args.args[len(args.args) - len(args.defaults) :]}
    optional |= {arg.arg for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True) if default}
    return names, frozenset(optional)


def notes_of(function: ast.FunctionDef) -> tuple[tuple[str, str], ...]:
    """The annotated parameters, each with its annotation's text; one that is written in quotes without them."""
    args = (*function.args.args, *function.args.kwonlyargs)
    return tuple((arg.arg, _text(arg.annotation)) for arg in args if arg.annotation)


def _text(note: ast.expr) -> str:
    quoted = isinstance(note, ast.Constant) and isinstance(note.value, str)
    return str(note.value) if quoted else ast.unparse(note)  # type: ignore[attr-defined]


def names_in(text: str) -> frozenset[str]:
    """The names that an annotation reads, those in its own quoted parts too; none where it is no expression."""
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError):
        return frozenset()
    quoted = [one.value for one in ast.walk(tree) if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    named = {one.id for one in ast.walk(tree) if isinstance(one, ast.Name)}
    return frozenset(named).union(*(names_in(one) for one in quoted if one != text))
