"""A Python file of a project to nodes: it is executed once, and what its decorators declare is collected; starts no run.

The peer's files import ``seeknal.pipeline``: while one is executed, modules of these names stand for our decorators,
whether the peer is installed or not (DESIGN.md section 9).
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
import tomllib
import traceback
from contextlib import contextmanager
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from seeknal_nb import declare
from seeknal_nb.dag.declared import node_of
from seeknal_nb.dag.link import checked_name
from seeknal_nb.dag.python import compile_tree, parse
from seeknal_nb.dag.slices import SourceFile, has_work
from seeknal_nb.errors import ManifestError, Place, SeeknalError, text_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from seeknal_nb.dag.manifest import Node

__all__ = ["definitions_of", "nodes_of_python"]

HOME = "seeknal_nb.declare"
_NAMES = ("pipeline", "decorators", "materialization", "materialization_config", "context", "feature_frame")
STAND_INS = ("seeknal", "seeknal.pipeline", *(f"seeknal.pipeline.{name}" for name in _NAMES[1:]))
READ = "__seeknal_read__"
"""Where a module of a project keeps the text of the file that it was imported from."""
_HEADER = re.compile(r"^# /// script\s*$\n((?:^#(?: .*)?$\n)+?)^# ///\s*$", re.MULTILINE)


def nodes_of_python(
    text: str, *, path: Path, root: Path, kinds: Iterable[str], keys: Collection[str], problems: list[SeeknalError]
) -> Iterator[tuple[Node, Place]]:
    """The nodes that a file's decorators declare, in their order, each with the place of its function.

    Args:
        text: The file.
        path: Where it lies.
        root: The project's directory, from where modules are imported too.
        kinds: Kinds that a node may have.
        keys: What may stand in a node's YAML.
        problems: Where errors go.
    """
    file, known = path.relative_to(root).as_posix(), list(kinds)
    try:
        tree = parse(text)
        module, found = _executed(text, tree, path, root, file)
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        place = Place(file, line, getattr(error, "offset", None) if line else None)
        why = getattr(error, "msg", None) or str(error)
        problems.append(ManifestError("the file is not valid Python", why=why, remedy="mend that line", place=place))
        return
    except SeeknalError as error:
        problems.append(error)
        return
    ours = _Ours(module)
    source = SourceFile(text, tree, ours=ours, modules=dict.fromkeys(STAND_INS, HOME))
    for declared in found:
        line = declared.function.__code__.co_firstlineno if hasattr(declared.function, "__code__") else 1
        place = Place(file, line)
        try:
            checked_name(declared.kind, declared.name, known)
            node = node_of(declared, keys=keys, body=_body(source, declared, place))
        except SeeknalError as error:
            problems.append(error.at(place=place))
            continue
        node.file_path = file
        yield node, place


def _body(source: SourceFile, declared: declare.Declared, place: Place) -> str | None:
    function = source.function(inspect.unwrap(declared.function).__code__.co_firstlineno)
    if function is None:
        inner = ast.parse(inspect.cleandoc(_text_of(declared.function)) or "def f(): pass").body[0]
        if isinstance(inner, ast.FunctionDef) and not has_work(inner):
            return None
        raise ManifestError(
            f"the function of {declared.name!r} stands inside something else",
            why="a node's function is taken out of its file, with what it uses",
            remedy="write it at the top level of the file",
            place=place,
        )
    return source.slice_of(function, name=declared.name) if has_work(function) else None


def _text_of(function: Any) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return ""


class _Ours:
    """Whether a decorator in a file's text is one of those that make a node."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def __call__(self, mark: ast.expr) -> bool:
        names = []
        node = mark.func if isinstance(mark, ast.Call) else mark
        while isinstance(node, ast.Attribute):
            names.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return False
        found: Any = vars(self._module).get(node.id)
        for name in reversed(names):
            found = getattr(found, name, None)
        found = getattr(found, "func", found)  # a decorator that was kept is a partial
        return getattr(found, "__module__", None) == HOME


def _executed(text: str, tree: ast.Module, path: Path, root: Path, file: str) -> tuple[ModuleType, list[declare.Declared]]:
    name = f"_seeknal_file_{path.stem}"
    module = ModuleType(name)
    module.__file__ = str(path)
    with _importing([path.parent, root]), _standing_in(), declare.collecting() as found:
        sys.modules[name] = module  # dataclasses look up a class's module
        try:
            exec(compile_tree(tree, str(path)), vars(module))  # noqa: S102 - reading such a file is executing it
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise _failure(error, text, str(path), file) from error
        finally:
            sys.modules.pop(name, None)
    return module, found


def _failure(error: BaseException, text: str, path: str, file: str) -> SeeknalError:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    place = Place(file, lines[-1] if lines else None)
    if isinstance(error, SeeknalError):
        return error.at(place=place)
    remedy = "mend that line"
    if isinstance(error, ImportError):
        packages = _packages(text)
        remedy = (
            f"pip install {' '.join(packages)}" if packages else f"install {error.name or 'it'}, or take the import away"
        )
        if (error.name or "").partition(".")[0] == "seeknal":
            remedy = "pip install seeknal, or write that part with pandas, DuckDB or SQL; its decorators are known here"
    return ManifestError(f"{type(error).__name__} in a file of the project", why=text_of(error), remedy=remedy, place=place)


def _packages(text: str) -> list[str]:
    """What the file's header asks for (PEP 723), but for the peer; nothing where there is none, or a broken one."""
    header = _HEADER.search(text)
    try:
        found = tomllib.loads(re.sub(r"^# ?", "", header[1], flags=re.MULTILINE)) if header else {}
    except tomllib.TOMLDecodeError:
        return []
    names = found.get("dependencies", [])
    return [f'"{name}"' if re.search(r"[<>=!~\[; ]", name) else name for name in map(str, names) if name != "seeknal"]


@contextmanager
def _standing_in() -> Iterator[None]:
    """Modules named as the peer's, for as long as a file is executed."""
    former = {name: module for name, module in sys.modules.items() if name == "seeknal" or name.startswith("seeknal.")}
    for name in former:
        del sys.modules[name]
    paths = _paths_of_peer()
    try:
        for name in STAND_INS:
            made = ModuleType(name)
            vars(made).update(
                {one: getattr(declare, one) for one in declare.__all__ if one not in ("Declared", "collecting")}
            )
            made.__path__ = paths if name == "seeknal" else []
            sys.modules[name] = made
            parent, _, short = name.rpartition(".")
            if parent:
                setattr(sys.modules[parent], short, made)
        yield
    finally:
        for name in [name for name in sys.modules if name == "seeknal" or name.startswith("seeknal.")]:
            del sys.modules[name]
        sys.modules.update(former)


def _paths_of_peer() -> list[str]:
    """Where the peer lies, where it is installed: what is no decorator is taken from there."""
    spec = PathFinder.find_spec("seeknal")
    return list(spec.submodule_search_locations or ()) if spec else []


@contextmanager
def _importing(folders: list[Path]) -> Iterator[None]:
    """Let the file import modules that lie beside it, or in the project's directory, as they are now.

    What is installed comes first: a file that is called ``calendar.py`` after its node must not stand for another module.
    The folders stay on ``sys.path`` where such a module was imported: its body imports it again when it runs.
    """
    base, kept = [p for p in sys.path if not isinstance(p, _Kept)], [p for p in sys.path if isinstance(p, _Kept)]
    places = [_Kept(place) for place in dict.fromkeys(str(folder.resolve()) for folder in folders) if place not in base]
    sys.path[:] = [*base, *places, *(place for place in kept if place not in places)]
    importlib.invalidate_caches()
    old = {name.partition(".")[0] for name, module in list(sys.modules.items()) if _is_old(name, module)}
    for name in [name for name in sys.modules if name.partition(".")[0] in old]:
        del sys.modules[name]
    known = set(sys.modules)
    try:
        yield
    finally:
        new = {name: _file_of(sys.modules[name]) for name in set(sys.modules) - known}
        own = {name: file for name, file in new.items() if file and any(file.is_relative_to(place) for place in places)}
        for name, file in own.items():
            vars(sys.modules[name])[READ] = _content(file)
        unused = [place for place in places if place not in kept and not any(f.is_relative_to(place) for f in own.values())]
        sys.path[:] = [place for place in sys.path if not (isinstance(place, _Kept) and place in unused)]


class _Kept(str):
    """A folder that stands on ``sys.path`` for a project's sake."""

    __slots__ = ()


def _file_of(module: ModuleType) -> Path | None:
    file = getattr(module, "__file__", None)
    return Path(file) if isinstance(file, str) else None


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError:
        return None


def _is_old(name: str, module: ModuleType) -> bool:
    """Whether an import here would find another file than the module came from, or its file has changed since."""
    file = _file_of(module)
    if READ not in getattr(module, "__dict__", ()):  # nobody's project, or what the user imported himself
        return False
    if file is None or vars(module)[READ] != _content(file):
        return True
    spec = None if "." in name else PathFinder.find_spec(name)
    return spec is not None and spec.origin is not None and str(file) != spec.origin


def definitions_of(path: Path, *, root: Path) -> dict[str, object]:
    """The names that a file defines, as a notebook's cells would: nothing where there is no such file.

    Raises:
        ManifestError: It raises one.
    """
    if not path.is_file():
        return {}
    text, file = path.read_text(encoding="utf-8"), path.relative_to(root).as_posix()
    namespace: dict[str, object] = {"__name__": "__main__", "__file__": str(path)}
    try:
        with _importing([path.parent]):
            exec(compile_tree(parse(text), str(path)), namespace)  # noqa: S102 - it says what bodies read
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise _failure(error, text, str(path), file) from error
    return {name: value for name, value in namespace.items() if not name.startswith("__")}
