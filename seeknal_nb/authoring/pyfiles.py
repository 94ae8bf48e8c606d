"""A Python file of a project to nodes: it is executed once, and what its decorators declare is collected; starts no run.

The peer's files import ``seeknal.pipeline``: while one is executed, modules of these names stand for our decorators,
whether the peer is installed or not; no other thread sees them. A project's own modules are imported
as any others are: another project's body that imports one of the same name while it runs gets the one that was read last.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import sys
import threading
import tomllib
import traceback
from contextlib import contextmanager
from importlib.machinery import PathFinder
from types import ModuleType
from typing import TYPE_CHECKING, Any

from seeknal_nb.authoring import decorators
from seeknal_nb.authoring.decorators import Declared, node_of
from seeknal_nb.authoring.importing import Kept, importing
from seeknal_nb.authoring.node import check_id
from seeknal_nb.dag.written import Written
from seeknal_nb.errors import ManifestError, Place, SeeknalError, text_of
from seeknal_nb.kinds import kind_names
from seeknal_nb.python.body import compile_tree, parse
from seeknal_nb.python.extract import SourceFile, has_work
from seeknal_nb.python.source import HOME, Ours
from seeknal_nb.storage.text import read_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from seeknal_nb.dag.manifest import Node

__all__ = ["definitions_of", "nodes_of_python"]

_NAMES = ("pipeline", "decorators", "materialization", "materialization_config", "context", "feature_frame")
STAND_INS = ("seeknal", "seeknal.pipeline", *(f"seeknal.pipeline.{name}" for name in _NAMES[1:]))
_READING = threading.RLock()
"""One file is read at a time: what it may import is put right for the whole process meanwhile."""
_HEADER = re.compile(r"^# /// script\s*$\n((?:^#(?: .*)?$\n)+?)^# ///\s*$", re.MULTILINE)


def nodes_of_python(text: str, *, path: Path, root: Path, problems: list[SeeknalError]) -> Iterator[tuple[Node, Place]]:
    """The nodes that a file's decorators declare, in their order, each with the place of its function.

    Args:
        text: The file.
        path: Where it lies.
        root: The project's directory, from where modules are imported too.
        problems: Where errors go.
    """
    file = path.relative_to(root).as_posix()
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
    ours = Ours(vars(module))
    source = SourceFile(text, tree, ours=ours, modules=dict.fromkeys(STAND_INS, HOME), values=vars(module))
    for declared in found:
        line = declared.function.__code__.co_firstlineno if hasattr(declared.function, "__code__") else 1
        place = Place(file, line)
        try:
            check_id(declared.kind, declared.name, {})
            node = node_of(declared, root=root, body=_body(source, declared, place), file=file)
        except SeeknalError as error:
            problems.append(error.at(place=place))
            continue
        node.written = Written(place)
        yield node, place


def _body(source: SourceFile, declared: Declared, place: Place) -> str | None:
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


def _executed(text: str, tree: ast.Module, path: Path, root: Path, file: str) -> tuple[ModuleType, list[Declared]]:
    name = f"_seeknal_file_{path.stem}"
    module = ModuleType(name)
    module.__file__ = str(path)
    with _READING, importing([path.parent, root], root, path, tree), _standing_in(), decorators.collecting() as found:
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
    """Modules named as the peer's, for the import statements of this thread, for as long as a file is executed.

    They never stand in ``sys.modules``, where all threads would find them.
    """
    made, real, reader = _stand_ins(), builtins.__import__, threading.get_ident()

    def imported(
        name: str,
        globals: Any = None,  # noqa: A002 - as Python calls it
        locals: Any = None,  # noqa: A002 - as Python calls it
        fromlist: Any = (),
        level: int = 0,
    ) -> ModuleType:
        importer = str((globals or {}).get("__name__", ""))
        of_the_peer = name.partition(".")[0] == "seeknal" and importer.partition(".")[0] != "seeknal"
        if level or not of_the_peer or threading.get_ident() != reader:
            return real(name, globals, locals, fromlist, level)
        return _stand_in(made, name, tuple(fromlist or ()), real)

    builtins.__import__ = imported
    try:
        yield
    finally:
        builtins.__import__ = real


def _stand_ins() -> dict[str, ModuleType]:
    names = [*decorators.__all__, *kind_names({})]
    ours = {one: getattr(decorators, one) for one in names if one not in ("Declared", "collecting", "decorator", "node_of")}
    made = {name: ModuleType(name) for name in STAND_INS}
    for name, module in made.items():
        vars(module).update(ours)
        parent, _, short = name.rpartition(".")
        if parent:
            setattr(made[parent], short, module)
    return made


def _stand_in(made: dict[str, ModuleType], name: str, wanted: tuple[str, ...], real: Callable[..., Any]) -> ModuleType:
    """What an import of the peer's gives; what is no decorator comes from the peer itself, where it is installed."""
    top = made["seeknal"]
    if name.startswith("seeknal.pipeline.") and name not in made:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    if name not in made:
        _need_peer(name)
        found = real(name, {}, {}, wanted, 0)
        short = name.split(".")[1]
        setattr(top, short, sys.modules[f"seeknal.{short}"])
        return found if wanted else top
    for one in wanted if name == "seeknal" else ():
        if one != "*" and not hasattr(top, one):
            _need_peer("seeknal")
            found = real("seeknal", {}, {}, (one,), 0)
            vars(top).update({one: getattr(found, one)} if hasattr(found, one) else {})  # else Python says what is missing
    return made[name] if wanted else top


def _need_peer(name: str) -> None:
    """The project's own folder, which has the peer's name and no package in it, must not stand for the peer."""
    installed = [place for place in sys.path if not isinstance(place, Kept)]
    if "seeknal" not in sys.modules and not getattr(PathFinder.find_spec("seeknal", installed), "origin", None):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def definitions_of(path: Path, *, root: Path) -> dict[str, object]:
    """The names that a file defines, as a notebook's cells would.

    Raises:
        ManifestError: It raises one.
    """
    text, file = read_text(path, root=root), path.relative_to(root).as_posix()
    namespace: dict[str, object] = {"__name__": "__main__", "__file__": str(path)}
    try:
        tree = parse(text)
        with _READING, importing([path.parent], root, path, tree):
            exec(compile_tree(tree, str(path)), namespace)  # noqa: S102 - it says what bodies read
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise _failure(error, text, str(path), file) from error
    return {name: value for name, value in namespace.items() if not name.startswith("__")}
