"""The Python body of a node: what it reads, its canonical text and how it runs; knows no node, no engine and no run."""

from __future__ import annotations

import ast
import builtins
import inspect
import linecache
import re
import warnings
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import ManifestError, NodeError, Spot, text_of
from seeknal_nb.python.calls import called_in, params_in, refs_in, spines_in
from seeknal_nb.python.scope import DEFS, Scope, block, bound_by
from seeknal_nb.python.signature import Refused, names_in, node_function, notes_of, parameters, results
from seeknal_nb.python.texts import imports_in_texts, names_in_texts, reads_past_names, searches_globals
from seeknal_nb.readings import READINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import CodeType

__all__ = [
    "BUILTINS",
    "OF_THE_FACE",
    "PROVIDED",
    "Body",
    "canonical",
    "compile_tree",
    "imports_of",
    "load",
    "params_read",
    "parse",
    "read_body",
    "without_docstrings",
]

PROVIDED = frozenset({"ctx", "ref"})
"""The names that every body finds in its namespace."""

# IPython adds and removes these while it runs, gettext adds "_": what a body reads must not depend on that.
OF_THE_FACE = frozenset({"display", "exit", "get_ipython", "quit"})
BUILTINS = (frozenset(dir(builtins)) | OF_THE_FACE) - {"_"}

_NOT_READS = BUILTINS | PROVIDED
_SHELL = re.compile(r"\s*(?:[\w.,\s]+=\s*)?[%!]|\s*\?|.*\?\s*$")


@dataclass(frozen=True, slots=True)
class Body:
    """What can be said about a body without running it.

    ``function`` is the node's, unless the body goes on to a last expression or a top-level ``return``: the ``def`` of the
    node's own name, else the only one of a body of definitions. ``params`` are its parameters in order, ``ctx`` included,
    ``optional`` those with a default, ``notes`` those with an annotation, and its text.
    ``reads`` are the names that the body reads before it has certainly assigned them, in order of first appearance,
    without builtins and ``PROVIDED``. Of these, ``perhaps`` are those that it may have assigned by then (in a loop,
    in one branch), or that stand in texts only: nobody need have them; ``called`` are those that it calls. ``assigns`` are
    all names that it may bind in its namespace, ``refs`` the literal arguments of ``ref("kind.name")``,
    ``ctx.ref("kind.name")``, ``ctx.features``, ``ctx.latest``, ``ctx.model`` and ``ctx.predict``, ``spines`` those of
    ``ctx.features`` that name an input or an entity, ``imports`` the modules that it imports. ``past`` says how it is
    written where it finds what no name in it says.
    """

    source: str
    name: str
    function: str | None
    params: tuple[str, ...]
    optional: frozenset[str]
    notes: tuple[tuple[str, str], ...]
    reads: tuple[str, ...]
    perhaps: frozenset[str]
    called: frozenset[str]
    assigns: frozenset[str]
    refs: tuple[str, ...]
    spines: tuple[str, ...]
    imports: tuple[str, ...]
    past: frozenset[str]


def read_body(source: str, *, name: str) -> Body:
    """Read the body of the node with the bare name ``name``.

    Raises ManifestError, with the line and column in ``spot``, for what is not Python, for IPython commands, for
    ``import *``, and for a node function whose parameters cannot all be given by name.
    """
    try:
        return _read(source, name)
    except SyntaxError as error:
        found = _not_python(source, error)
        found.spot = Spot(("python",), error.lineno or 1, error.offset or 1)
        found.why = ": ".join(filter(None, (f"at line {found.spot.line} of its body", found.why)))
        raise found from None
    except (ValueError, MemoryError, RecursionError) as error:
        why, remedy = str(error) or "it is nested too deeply", "write it in smaller steps, without control characters"
        what = "the body cannot be read as Python"
        raise ManifestError(what, why=why, remedy=remedy, spot=Spot(("python",), 1)) from None


def _not_python(source: str, error: SyntaxError) -> ManifestError:
    if isinstance(error, Refused):
        return ManifestError(error.msg, remedy=error.text or "")
    lines = source.splitlines()
    line = lines[error.lineno - 1].strip() if error.lineno and error.lineno <= len(lines) else ""
    if _SHELL.match(line):
        remedy = "move that line to a cell of its own: the body of a node is plain Python"
        return ManifestError("the body has an IPython command", why=f'"{line}" is not Python', remedy=remedy)
    why = f'{error.msg}: "{line}"' if line else error.msg
    return ManifestError("the body is not valid Python", why=why, remedy="correct that line; --lang sql if it is SQL")


@lru_cache(maxsize=1024)
def _read(source: str, name: str) -> Body:
    def unpacked(told: list[Any]) -> Body:
        function, params, optional, notes, reads, perhaps, called, assigns, refs, spines, imports, past = told
        return Body(
            source, name, function, tuple(params), frozenset(optional), tuple((one, text) for one, text in notes),
            tuple(reads), frozenset(perhaps), frozenset(called), frozenset(assigns), tuple(refs), tuple(spines),
            tuple(imports), frozenset(past),
        )  # fmt: skip

    return READINGS.of("body", f"{name}\n{source}", lambda: _read_anew(source, name), pack=_packed, unpack=unpacked)


def _packed(body: Body) -> list[Any]:
    """All but the text and the name, as JSON has it."""
    told = [getattr(body, field.name) for field in fields(body)[2:]]
    return [sorted(value) if isinstance(value, (set, frozenset)) else value for value in told]


def _read_anew(source: str, name: str) -> Body:
    tree = parse(source)
    _refuse(tree)
    _codes(source, "<body>")  # finds what only the compiler refuses: `break` outside a loop, a parameter twice
    function = None if _ends_in_a_value(tree) else node_function(tree, name)
    params, optional = parameters(function) if function else ((), frozenset[str]())
    notes = notes_of(function) if function else ()
    scope = Scope(tree.body)
    scope.finish()
    # Python itself evaluates no quoted annotation, so it may well name what is not there.
    noted = {name for _, text in notes for name in names_in(text)} - scope.bound
    found = {**scope.reads, **{name: True for name in sorted(noted | names_in_texts(tree)) if name not in scope.reads}}
    reads = {read: perhaps for read, perhaps in found.items() if read not in _NOT_READS}
    return Body(
        source=source,
        name=name,
        function=function.name if function else None,
        params=params,
        optional=optional,
        notes=notes,
        reads=tuple(reads),
        perhaps=frozenset(read for read, perhaps in reads.items() if perhaps),
        called=called_in(tree.body) & reads.keys(),
        assigns=frozenset(scope.bound | scope.may),
        refs=tuple(dict.fromkeys(refs_in(tree, scope.bound))),
        spines=tuple(dict.fromkeys(spines_in(tree, scope.bound))),
        imports=imports_of(tree),
        past=reads_past_names(tree) | ({"globals()"} if searches_globals(tree) else set()),
    )


def parse(source: str) -> ast.Module:
    """The tree of a text, without the warnings that it may call for; raises SyntaxError and ValueError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a "\d" in the user's text is no business of ours
        return ast.parse(source)


def _refuse(tree: ast.Module) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            what = f'"from {node.module} import *" hides which names the body reads'
            raise Refused(what, node, remedy=f"import the names one by one, or: import {node.module}")
    for node in block(tree.body):
        if isinstance(node, (ast.Yield, ast.YieldFrom, ast.Await)):
            raise Refused("yield and await work only inside a function", node, remedy="write them inside a def")


@lru_cache(maxsize=1024)
def params_read(source: str) -> frozenset[str] | None:
    """The parameters that a body asks ``ctx`` for; None where that cannot be told. SyntaxError for what is not Python."""
    if "ctx" not in source:
        return frozenset()
    return READINGS.of(
        "params", source, lambda: params_in(parse(source)), pack=lambda found: [None if found is None else sorted(found)],
        unpack=lambda told: None if told[0] is None else frozenset(told[0]),
    )  # fmt: skip


def imports_of(tree: ast.AST, *, package: str = "") -> tuple[str, ...]:
    """The modules that a tree imports, sorted; ``a.b`` for ``from a import b``, whether that is a module or not."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*above, *filter(None, [node.module])])
            names.update([module, *(f"{module}.{alias.name}" for alias in node.names)])
        names.update(filter(_is_dotted, imports_in_texts(node)))
    return tuple(sorted(names))


def _is_dotted(name: str) -> bool:
    return all(map(str.isidentifier, name.split(".")))


@lru_cache(maxsize=1024)
def canonical(source: str) -> str:
    """The same text for the same code: layout, comments and docstrings do not show, annotations do.

    Raises SyntaxError for what is not Python; what ``read_body`` took never does.
    """
    return READINGS.of("python", source, lambda: without_docstrings(parse(source)), pack=str, unpack=str)


def without_docstrings(tree: ast.AST) -> str:
    """The canonical text of a tree; takes the docstrings out of the tree itself."""
    for node in ast.walk(tree):
        # A module of one string is a body whose result is that string.
        if isinstance(node, (*DEFS, ast.ClassDef)) or (isinstance(node, ast.Module) and len(node.body) > 1):
            match node.body:
                case [ast.Expr(value=ast.Constant(value=str())), *rest]:
                    node.body = rest or [ast.Pass()]
    try:
        return ast.unparse(tree)
    except ValueError:  # up to 3.11 some f-strings that hold line breaks cannot be written back
        return ast.dump(tree)


def load(
    body: Body,
    namespace: dict[str, Any],
    *,
    filename: str,
    arguments: Callable[[Mapping[str, Any]], Mapping[str, object]] | None = None,
) -> Callable[[Mapping[str, object]], object]:
    """Prepare the body to run in ``namespace``, a fresh dict that holds what ``captured`` gave; runs nothing yet.

    The callable takes the inputs by name (and ``ctx``, ``ref``), runs the body at module level and gives its result:
    what the node's function returns; else a top-level ``return``; else the last expression; and where that is None, or
    there is none, the variable ``result`` or the one named as the node, if the body assigned it; else None.
    ``arguments`` tells, by what the body has defined, what the node's function is given, instead of the inputs as they are.
    Tracebacks show the body's own lines under ``filename``, which is written like ``<seeknal transform.clean>``.
    """
    codes = _codes(body.source, filename)

    def run(inputs: Mapping[str, object]) -> object:
        # An mtime of None keeps the entry through linecache.checkcache.
        lines = body.source.splitlines(keepends=True)
        linecache.cache[filename] = (len(body.source), None, lines, filename)
        # "__main__", as in a notebook: dataclasses and typing look up a class's module.
        namespace.update({"__name__": "__main__", "__builtins__": builtins, **inputs})
        value: object = None
        for code in codes:
            value = eval(code, namespace)  # noqa: S307  # running the user's code is what this is for
        if body.function:
            given = {name: inputs[name] for name in body.params if name in inputs}
            return _called(namespace[body.function], arguments(namespace) if arguments else given)
        return _named_result(body, namespace) if value is None else value

    return run


def _called(function: Callable[..., object], given: Mapping[str, object]) -> object:
    """What the node's function gives for inputs by their names, which a decorator's wrapper has to take too."""
    if hasattr(function, "__wrapped__"):
        try:
            inspect.signature(function, follow_wrapped=False).bind(**given)
        except TypeError as error:
            remedy = "write it def wrapper(*args, **inputs), and give both to the function"
            raise NodeError("a decorator's wrapper takes no inputs by name", why=text_of(error), remedy=remedy) from error
    return function(**given)


def _named_result(body: Body, namespace: Mapping[str, object]) -> object:
    names = (name for name in results(body.name) if name in body.assigns and name in namespace)
    return next((namespace[name] for name in names), None)


@lru_cache(maxsize=1024)
def _codes(source: str, filename: str) -> tuple[CodeType, ...]:
    """The code objects to evaluate one after the other; the value of the last one is the body's."""
    tree = parse(source)
    if _returns(tree):
        return (_as_function(tree, filename),)
    match tree.body:
        case [*_, ast.Expr(value=last)]:
            tree.body.pop()
            return compile_tree(tree, filename), compile_tree(ast.Expression(last), filename, "eval")
    return (compile_tree(tree, filename),)


def compile_tree(tree: ast.Module | ast.Expression, filename: str, mode: str = "exec") -> CodeType:
    """The code of a tree, without the warnings that it may call for and without this module's ``__future__``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        code: CodeType = compile(tree, filename, mode, dont_inherit=True)
    return code


def _ends_in_a_value(tree: ast.Module) -> bool:
    """Whether the body has a result besides what its function gives: then its helpers may have any name."""
    return (bool(tree.body) and isinstance(tree.body[-1], ast.Expr)) or _returns(tree)


def _returns(tree: ast.Module) -> bool:
    return any(isinstance(node, ast.Return) for node in block(tree.body))


def _as_function(tree: ast.Module, filename: str) -> CodeType:
    """A function whose every name is global: module level, but for ``return``.

    An exception in place of ``return`` would roll back a transaction whose ``with`` block it leaves.
    """
    futures = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    stmts: list[ast.stmt] = [_Bare().visit(node) for node in tree.body if node not in futures]
    if isinstance(stmts[-1], ast.Expr):
        stmts[-1] = ast.copy_location(ast.Return(stmts[-1].value), stmts[-1])
    names = sorted(bound_by(stmts))
    wrapper = ast.parse("def body(): pass")
    wrapper.body[0].body = [ast.Global(names), *stmts] if names else stmts  # type: ignore[attr-defined]
    wrapper.body[:0] = futures
    module = compile_tree(ast.fix_missing_locations(wrapper), filename)
    code: CodeType = next(const for const in module.co_consts if hasattr(const, "co_code"))
    return code.replace(co_name="<module>", co_qualname="<module>")


class _Bare(ast.NodeTransformer):
    """Takes away what a function refuses for a global name: its annotation."""

    def visit(self, node: ast.AST) -> Any:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Lambda():
                return node
            case ast.AnnAssign(target=ast.Name() as target, value=value, annotation=annotation):
                bare = ast.Assign([target], value) if value else ast.Expr(annotation)
                return ast.fix_missing_locations(ast.copy_location(bare, node))
        return self.generic_visit(node)
