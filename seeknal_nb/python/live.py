"""What a live function or class is made of: its source, what it reads, and what it holds; knows no body."""

from __future__ import annotations

import abc
import ast
import dis
import enum
import inspect
import linecache
import types
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from seeknal_nb.python.body import OF_THE_FACE, compile_tree, imports_of, parse, without_docstrings
from seeknal_nb.python.scope import DEFS
from seeknal_nb.python.texts import names_in_texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "OF_CLASSES",
    "annotations_of",
    "closure_of",
    "code_text",
    "defaults_of",
    "globals_of",
    "imported_by",
    "is_generated",
    "members_of",
    "nodes_of",
    "registered_of",
    "sources",
]

# What Python itself writes into a class; none of it is the user's code.
OF_CLASSES = frozenset(
    {
        *("__module__", "__qualname__", "__doc__", "__dict__", "__weakref__", "__annotations__", "__annotate__"),
        *("__annotate_func__", "__annotations_cache__", "__firstlineno__", "__static_attributes__", "__slotnames__"),
        "_abc_impl",
    }
)


def is_generated(code: types.CodeType) -> bool:
    """Whether ``dataclasses`` or attrs made it from the fields, which are written beside it."""
    return code.co_qualname.startswith("__create_fn__.") or code.co_filename.startswith("<attrs generated")


def code_text(function: types.FunctionType) -> str:
    """The canonical source where it is certain that the code was made from it, else the byte code."""
    nodes = nodes_of(function)
    return without_docstrings(nodes[0]) if len(nodes) == 1 else _bytes_text(function.__code__)


def nodes_of(function: types.FunctionType) -> tuple[ast.AST, ...]:
    """What stands in the source for its code: one node, several that compile alike, or none that is certain."""
    code = function.__code__
    linecache.checkcache(code.co_filename)
    return sources("".join(linecache.getlines(code.co_filename, function.__globals__))).get(code, ())


def _bytes_text(code: types.CodeType) -> str:
    head = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags, code.co_code.hex())
    names = (code.co_names, code.co_varnames, code.co_cellvars, code.co_freevars)
    return f"code{(*head, *names)}[{', '.join(map(_const_text, code.co_consts))}]"


def _const_text(const: object) -> str:
    match const:
        case types.CodeType():
            return _bytes_text(const)
        case tuple():
            return f"({', '.join(map(_const_text, const))})"
        case frozenset():
            return f"{{{', '.join(sorted(map(_const_text, const)))}}}"
    return repr(const)


@lru_cache(maxsize=512)
def sources(text: str) -> Mapping[types.CodeType, tuple[ast.AST, ...]]:
    """The code of each function in a source file, with the nodes that may stand for it.

    Lambdas that begin in one line and compile alike cannot be told apart. IPython compiles each statement of a cell alone,
    and Python compiles a call of what the same text imports otherwise.
    """
    try:
        tree = parse(text)
        alone = tree.body if any(isinstance(node, (ast.Import, ast.ImportFrom)) for node in tree.body) else ()
        modules = [compile_tree(one, "<source>") for one in (tree, *(ast.Module([node], []) for node in alone))]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    places: dict[tuple[str, int], list[ast.AST]] = {}
    for node in ast.walk(tree):
        if isinstance(node, (*DEFS, ast.Lambda)):
            first = min([node.lineno, *(mark.lineno for mark in getattr(node, "decorator_list", ()))])
            places.setdefault((getattr(node, "name", "<lambda>"), first), []).append(node)
    return {
        code: tuple(places.get((code.co_name, code.co_firstlineno), ())) for module in modules for code in _codes_in(module)
    }


def _codes_in(code: types.CodeType) -> Iterator[types.CodeType]:
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield const
            yield from _codes_in(const)


def defaults_of(function: types.FunctionType) -> tuple[tuple[object, ...] | None, dict[str, object] | None]:
    """Its defaults, and those of its keywords; one that is written as an empty container is empty, whatever it remembers."""
    values, named = function.__defaults__, function.__kwdefaults__
    nodes: Any = nodes_of(function)
    if len(nodes) == 1 and (values or named):
        args: ast.arguments = nodes[0].args
        written = {arg.arg: node for arg, node in zip(args.kwonlyargs, args.kw_defaults, strict=True)}
        named = {name: _as_written(written.get(name), value) for name, value in named.items()} if named else named
        if values and len(values) == len(args.defaults):
            values = tuple(map(_as_written, args.defaults, values))
    return values, named


def _as_written(node: ast.expr | None, value: object) -> object:
    match node:
        case ast.Dict(keys=[]) | ast.List(elts=[]) | ast.Call(func=ast.Name(), args=[], keywords=[]):
            return type(value)() if type(value) in (dict, list, set) else value
    return value


def closure_of(function: types.FunctionType) -> Iterator[tuple[str, object]]:
    """The variables of outer functions that it holds."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # a name that the outer function has not bound yet
            yield name, NotImplemented


def globals_of(function: types.FunctionType) -> Iterator[tuple[str, object]]:
    """The globals that the function and what is defined in it read, where they are; one may still come."""
    names = _globals_in(function.__code__).union(*map(names_in_texts, nodes_of(function)))
    known = function.__globals__
    yield from ((name, known[name]) for name in names - OF_THE_FACE if name in known)


@lru_cache(maxsize=2048)
def _globals_in(whole: types.CodeType) -> frozenset[str]:
    names: set[str] = set()
    for code in (whole, *_codes_in(whole)):
        steps = list(dis.get_instructions(code))
        stored = {step.argval for step in steps if step.opname == "STORE_NAME"}
        # In a function's byte code LOAD_NAME stands only in the block of an inner class.
        loads = {step.argval for step in steps if step.opname.startswith("LOAD_") and "GLOBAL" in step.opname}
        names |= loads | ({step.argval for step in steps if step.opname == "LOAD_NAME"} - stored)
    return frozenset(names)


def imported_by(function: types.FunctionType) -> tuple[str, ...]:
    """The modules that a function and what is defined in it import; ``a.b`` for ``from a import b``, module or not."""
    names = {name for node in nodes_of(function) for name in imports_of(node)}
    return tuple(sorted(names | _imports_of_code(function.__code__)))


@lru_cache(maxsize=2048)
def _imports_of_code(code: types.CodeType) -> frozenset[str]:
    names: set[str] = set()
    for part in (code, *_codes_in(code)):
        module = ""
        for step in dis.get_instructions(part):
            if step.opname == "IMPORT_NAME":
                module = step.argval
                names.add(module)
            elif step.opname == "IMPORT_FROM":
                names.add(f"{module}.{step.argval}")
    return frozenset(names)


def annotations_of(value: type | types.FunctionType) -> dict[str, object]:
    """The annotations of a class's own, or of a function, in order: a dataclass is made from that."""
    try:
        return inspect.get_annotations(value)
    except NameError:  # from 3.14 on an annotation is evaluated only now
        return {}


def members_of(cls: type) -> Iterator[tuple[str, object]]:
    """What a class holds and somebody wrote; of an enum its members in order, their attributes, and what is no member."""
    # Python puts object's own functions into some classes when they are first used.
    mine = {n: value for n, value in vars(cls).items() if n not in OF_CLASSES and value is not vars(object).get(n)}
    if issubclass(cls, enum.Enum):
        yield "its members", [(name, member.name, member.value) for name, member in cls.__members__.items()]
        for member in cls:
            yield from ((f"{member.name}.{name}", value) for name, value in vars(member).items() if not _is_sunder(name))
        mine = {name: value for name, value in mine.items() if name not in cls.__members__ and not _is_sunder(name)}
    if isinstance(cls, abc.ABCMeta):
        yield "its registered classes", registered_of(cls)
    yield from mine.items()


def _is_sunder(name: str) -> bool:
    """Whether ``enum`` itself keeps it: ``_value_``, ``__objclass__``."""
    return name.startswith("_") and name.endswith("_") and (not name.startswith("__") or name == "__objclass__")


def registered_of(cls: abc.ABCMeta) -> list[type]:
    """The classes that were registered with an abstract one."""
    found = (ref() for ref in abc._get_dump(cls)[0])  # type: ignore[attr-defined]  # noqa: SLF001 - nothing else tells
    return sorted((one for one in found if one is not None), key=lambda one: (one.__module__, one.__qualname__))
