"""Where a live Python object comes from: its module, version and file, its source and what it reads; knows no body."""

from __future__ import annotations

import _abc
import abc
import ast
import dis
import enum
import importlib.metadata
import importlib.util
import inspect
import linecache
import operator
import os
import re
import sys
import sysconfig
import types
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from importlib.machinery import PathFinder, SourceFileLoader
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xxhash

from seeknal_nb.dag.names import DEFS, bound_by
from seeknal_nb.dag.python import OF_THE_FACE, compile_tree, imports_of, parse, without_docstrings
from seeknal_nb.dag.texts import names_in_texts
from seeknal_nb.errors import ManifestError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "OF_CLASSES",
    "READ",
    "Reading",
    "annotations_of",
    "closure_of",
    "defaults_of",
    "code_text",
    "file_text",
    "found_at",
    "globals_of",
    "home_of",
    "imported_by",
    "is_generated",
    "members_of",
    "module_of",
    "nodes_of",
    "own_file",
    "registered_of",
    "sentinel_of",
    "version_of",
]

_INSTALLED = tuple(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib"))
# Only to be quick: to look through all distributions for one that is named otherwise takes half a second.
_DISTRIBUTIONS = {
    "PIL": "pillow",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "dateutil": "python-dateutil",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}
# What Python itself writes into a class; none of it is the user's code.
OF_CLASSES = frozenset(
    {
        *("__module__", "__qualname__", "__doc__", "__dict__", "__weakref__", "__annotations__", "__annotate__"),
        *("__annotate_func__", "__annotations_cache__", "__firstlineno__", "__static_attributes__", "__slotnames__"),
        "_abc_impl",
    }
)
_MADE = 1 << 9
"""Py_TPFLAGS_HEAPTYPE, among the flags of a class that a ``class`` statement made."""
READ = "__seeknal_read__"
"""Where a module of a project keeps what it was imported from."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a module of a project was imported from: the file's content, its import's spec, and the project's folder."""

    content: bytes | None
    spec: object
    root: Path


def home_of(value: object) -> tuple[types.ModuleType, str] | None:
    """The imported module in which the object stands under its own name, or a package's class anyway; never the notebook."""
    if isinstance(value, type) and _is_packaged(value):
        return sys.modules[value.__module__], value.__qualname__
    owner = getattr(value, "__self__", None)
    modules = (getattr(value, "__module__", None), type(value).__module__.partition(".")[0], type(owner).__module__)
    names = (getattr(value, "__qualname__", None), getattr(value, "__name__", None))
    places = [sys.modules.get(name) for name in modules if isinstance(name, str) and name != "__main__"]
    for module in filter(None, places):
        for name in (name for name in names if isinstance(name, str)):
            try:
                if operator.attrgetter(name)(module) is value:
                    return module, name
            except AttributeError:
                continue
    return None


def _is_packaged(cls: type) -> bool:
    """Whether no notebook made the class: it is Python's own, or of a module that is installed."""
    name = cls.__module__
    if name not in sys.modules or name == "__main__":
        return False
    return not cls.__flags__ & _MADE if name == "builtins" else own_file(name) is None


def sentinel_of(value: object) -> tuple[types.ModuleType, str] | None:
    """The package's module in which an object stands that is known by being that one, as ``pandas.NA``; and its name."""
    home = home_of(type(value))
    if home is None or own_file(home[0].__name__) is not None:
        return None
    return next(((home[0], name) for name, one in vars(home[0]).items() if one is value), None)


def module_of(function: types.FunctionType) -> types.ModuleType | None:
    """The imported module in which the function was written; None for the notebook, and for an exec'd namespace."""
    name = function.__globals__.get("__name__", "__main__")
    module = sys.modules.get(name) if name != "__main__" else None
    return module if module is not None and vars(module) is function.__globals__ else None


def own_file(module: str) -> Path | None:
    """The file of a module that the user wrote, imported or not; None for an installed one, or where there is none."""
    file = getattr(sys.modules[module], "__file__", None) if module in sys.modules else found_at(module)
    if not file or module.partition(".")[0] in (*sys.stdlib_module_names, "seeknal_nb"):  # ours is no user's
        return None
    return _unless_installed(os.path.abspath(file))


@lru_cache(maxsize=2048)
def _unless_installed(file: str) -> Path | None:
    path = Path(file).resolve()
    installed = any(path.is_relative_to(folder) for folder in _INSTALLED)
    return None if installed or {"site-packages", "dist-packages"} & {*path.parts} else path


def found_at(module: str) -> str | None:
    """Where an import would find the module; imports nothing, and not its packages either."""
    path: list[str] | None = None
    spec = None
    for end in [match.start() for match in re.finditer(r"\.|$", module)]:
        try:
            spec = PathFinder.find_spec(module[:end], path)
            path = list(spec.submodule_search_locations or ()) if spec else []
        except KeyError:  # a namespace package inside one that is not imported
            return None
    return spec.origin if spec else None


def file_text(module: str, file: Path) -> tuple[str, tuple[str, ...]]:
    """A digest of the file of a module that the user wrote, and the modules that it imports.

    Raises ManifestError where the file is gone, or says something else than what was imported from it.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        remedy = "restart the kernel, or import it from where it is now"
        raise ManifestError(f"the module {module} cannot be read", why=str(error), remedy=remedy) from None
    try:
        source = importlib.util.decode_source(content)
    except (SyntaxError, UnicodeDecodeError):  # a compiled module
        source = ""
    if module in sys.modules:
        _refuse_stale(sys.modules[module], content, source)
    package = module if file.stem == "__init__" else module.rpartition(".")[0]
    return xxhash.xxh3_128_hexdigest(content), _imports_in(source, package)


@lru_cache(maxsize=512)
def _imports_in(source: str, package: str) -> tuple[str, ...]:
    try:
        return imports_of(parse(source), package=package)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()


def _refuse_stale(module: types.ModuleType, content: bytes, source: str) -> None:
    """What the old code makes would be kept under the new file's key."""
    read = vars(module).get(READ)
    if isinstance(read, Reading) and read.spec is module.__spec__:  # else somebody has reloaded it
        if read.content != content:
            why, remedy = "its file is not what it was", "load the project again, which imports it again"
            raise ManifestError(f"the module {module.__name__} changed after it was imported", why=why, remedy=remedy)
        return
    if type(getattr(module, "__loader__", None)) is not SourceFileLoader:  # others may change the code, as pytest does
        return
    differing = next(chain(_other_functions(module, source), _other_constants(module, source)), None)
    if differing:
        raise ManifestError(
            f"the module {module.__name__} changed after it was imported",
            why=f"its {differing} is not what the file says now",
            remedy=f"importlib.reload({module.__name__}), or %autoreload 2, or restart the kernel",
        )


def _other_functions(module: types.ModuleType, source: str) -> Iterator[str]:
    codes = _sources(source)
    for function in (value for value in vars(module).values() if isinstance(value, types.FunctionType)):
        code = function.__code__
        if codes and code not in codes and code.co_filename == module.__file__ and not is_generated(code):
            yield f"function '{function.__name__}'"


def _other_constants(module: types.ModuleType, source: str) -> Iterator[str]:
    for name, value in _constants_in(source).items():
        found = vars(module).get(name, NotImplemented)
        if (type(found), repr(found)) != (type(value), repr(value)):
            yield f"constant '{name}'"


@lru_cache(maxsize=512)
def _constants_in(source: str) -> Mapping[str, object]:
    """What a module binds once, to something that nothing but another binding changes; no global of its functions."""
    try:
        tree = parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    bound = Counter(name for node in tree.body for name in bound_by([node]))
    bound.update(name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names)
    found: dict[str, object] = {}
    for node in tree.body if "*" not in bound else ():
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        names = [target.id for target in targets if isinstance(target, ast.Name) and bound[target.id] == 1]
        value: Any = getattr(node, "value", None)
        if names and _is_constant(value):
            found |= dict.fromkeys(names, ast.literal_eval(value))
    return found


def _is_constant(node: ast.expr | None) -> bool:
    match node:
        case ast.Tuple(elts=parts):
            return all(map(_is_constant, parts))
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float())):
            return True
    return isinstance(node, ast.Constant)


@lru_cache(maxsize=256)
def version_of(package: str) -> str:
    """The version of the distribution that holds the package; empty where there is none."""
    if package in sys.stdlib_module_names:
        return f"python {sys.version_info[0]}.{sys.version_info[1]}"
    try:
        return importlib.metadata.version(_DISTRIBUTIONS.get(package, package))
    except importlib.metadata.PackageNotFoundError:
        found = importlib.metadata.packages_distributions().get(package, ())
    return " ".join(sorted({importlib.metadata.version(name) for name in found}))


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
    return _sources("".join(linecache.getlines(code.co_filename, function.__globals__))).get(code, ())


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
def _sources(text: str) -> Mapping[types.CodeType, tuple[ast.AST, ...]]:
    """The code of each function in a source file, with the nodes that may stand for it.

    Lambdas that begin in one line and compile alike cannot be told apart.
    """
    try:
        tree = parse(text)
        module = compile_tree(tree, "<source>")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    places: dict[tuple[str, int], list[ast.AST]] = {}
    for node in ast.walk(tree):
        if isinstance(node, (*DEFS, ast.Lambda)):
            first = min([node.lineno, *(mark.lineno for mark in getattr(node, "decorator_list", ()))])
            places.setdefault((getattr(node, "name", "<lambda>"), first), []).append(node)
    return {code: tuple(places.get((code.co_name, code.co_firstlineno), ())) for code in _codes_in(module)}


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
        case ast.Dict(keys=[]) | ast.List(elts=[]) | ast.Call(func=ast.Name(id="dict" | "list" | "set"), args=[], keywords=[]):
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
    """What a class holds and somebody wrote; of an enum its members in order, with their attributes, and what is no member."""
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
    found = (ref() for ref in _abc._get_dump(cls)[0])  # type: ignore[attr-defined]  # noqa: SLF001 - nothing else tells
    return sorted((one for one in found if one is not None), key=lambda one: (one.__module__, one.__qualname__))
