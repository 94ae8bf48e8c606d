"""How a project's own modules are imported while one of its files is read: as they are now, and never another project's.

It knows no node and no decorator.
"""

from __future__ import annotations

import ast
import importlib
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from seeknal_nb.errors import ManifestError, Place
from seeknal_nb.python.body import imports_of
from seeknal_nb.python.imported import READ, Reading
from seeknal_nb.python.objects import found_at

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from types import ModuleType

__all__ = ["Kept", "importing"]


@contextmanager
def importing(folders: list[Path], root: Path, path: Path, tree: ast.Module) -> Iterator[None]:
    """Let a file import modules that lie beside it, or in the project's directory, as they are now.

    What is installed comes first: a file that is called ``calendar.py`` after its node must not stand for another module.
    The folders stay on ``sys.path`` where such a module was imported: its body imports it again when it runs.

    Raises:
        ManifestError: It imports a module whose name another module of the project has.
    """
    base, kept = [p for p in sys.path if not isinstance(p, Kept)], [p for p in sys.path if isinstance(p, Kept)]
    places = [Kept(place) for place in dict.fromkeys(str(folder.resolve()) for folder in folders) if place not in base]
    sys.path[:] = [*base, *places, *(place for place in kept if place not in places)]
    importlib.invalidate_caches()
    former = _without_old()
    known, writes = set(sys.modules), sys.dont_write_bytecode
    sys.dont_write_bytecode = True  # a file that is edited twice in a second would be taken for the one in the cache
    clashing: list[tuple[str, Path, str]] = []
    try:
        yield
    finally:
        sys.dont_write_bytecode = writes
        new = {name: _file_of(sys.modules[name]) for name in set(sys.modules) - known}
        own = {name: file for name, file in new.items() if file and any(file.is_relative_to(place) for place in places)}
        for name, file in own.items():
            module = sys.modules[name]
            vars(module)[READ] = Reading(_content(file), module.__spec__, root.resolve())
        clashing += _clashing({*map(_top, own)}, former, root.resolve())
        refused = {_top(name) for name, _, _ in clashing}
        _put_back(former, {*map(_top, own)} - refused, refused)
        own = {name: file for name, file in own.items() if _top(name) not in refused}
        unused = [place for place in places if place not in kept and not any(f.is_relative_to(place) for f in own.values())]
        sys.path[:] = [place for place in sys.path if not (isinstance(place, Kept) and place in unused)]
    if clashing:
        raise _clash(*clashing[0], root, path, tree)


def _without_old() -> dict[str, ModuleType]:
    """Take those modules out that an import would now find elsewhere, or otherwise; gives them."""
    old = {_top(name) for name, module in list(sys.modules.items()) if _is_old(name, module)}
    return {name: sys.modules.pop(name) for name in list(sys.modules) if _top(name) in old}


def _clashing(own: Collection[str], former: Mapping[str, ModuleType], root: Path) -> Iterator[tuple[str, Path, str]]:
    """Modules of which other files of the project know another one by that name, which is still what it was."""
    for name, module in sorted(former.items()):
        file, now = _file_of(module), found_at(name)
        if file and now and str(file) != now and _top(name) in own and _is_current(module, root):
            yield name, file, now


def _is_current(module: ModuleType, root: Path | None = None) -> bool:
    """Whether a project's module is still what its file says; of this project, where one is named."""
    read, file = vars(module).get(READ), _file_of(module)
    if not isinstance(read, Reading):
        return True
    return file is not None and read.content == _content(file) and root in (None, read.root)


def _put_back(former: Mapping[str, ModuleType], taken: Collection[str], refused: Collection[str]) -> None:
    """Those that the file did not import stay what they were for the files that did; so do those of a refused name."""
    for name in [name for name in sys.modules if _top(name) in refused]:
        del sys.modules[name]
    gone = {_top(name) for name, module in former.items() if not _is_current(module)}.union(taken)
    sys.modules.update({name: module for name, module in former.items() if _top(name) not in gone})


def _clash(name: str, other: Path, file: str, root: Path, path: Path, tree: ast.Module) -> ManifestError:
    files = " and ".join(Path(os.path.relpath(one, root.resolve())).as_posix() for one in (other, file))
    imports = (node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom)))
    lines = (node.lineno for node in imports if _top(name) in map(_top, imports_of(node)))
    return ManifestError(
        f"two modules are called {name}",
        why=f"{files}: a body that imports it would get either",
        remedy="rename one of them, or take away the one that no file needs any more",
        place=Place(path.relative_to(root).as_posix(), min(lines, default=None)),
    )


def _top(name: str) -> str:
    return name.partition(".")[0]


class Kept(str):
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
    if READ not in getattr(module, "__dict__", ()):  # nobody's project, or what the user imported himself
        return False
    file = _file_of(module)
    if file is None or not _is_current(module):
        return True
    return found_at(name) not in (None, str(file))
