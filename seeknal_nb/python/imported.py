"""The file of a module that the user wrote: what it imports, and whether it says what was imported from it; runs nothing."""

from __future__ import annotations

import importlib.util
import sys
import types
from dataclasses import dataclass
from functools import lru_cache
from importlib.machinery import SourceFileLoader
from itertools import chain
from typing import TYPE_CHECKING

import xxhash

from seeknal_nb.errors import ManifestError
from seeknal_nb.python.body import canonical, imports_of, parse
from seeknal_nb.python.constants import constants_in, containers_in
from seeknal_nb.python.live import is_generated, sources

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["READ", "Reading", "file_text"]

READ = "__seeknal_read__"
"""Where a module of a project keeps what it was imported from."""
SEEN = "__seeknal_seen__"
"""Where another module of the user's keeps what its file said when a body was first found to read it, and its spec then."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a module of a project was imported from: the file's content, its import's spec, and the project's folder."""

    content: bytes | None
    spec: object
    root: Path


def file_text(module: str, file: Path) -> tuple[str, tuple[str, ...], Mapping[str, object]]:
    """A digest of the file of a module that the user wrote, the modules that it imports, and what others changed in it.

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
    changed: Mapping[str, object] = {}
    if module in sys.modules:
        _refuse_stale(sys.modules[module], content, source)
        held = vars(sys.modules[module])
        changed = {n: held.get(n) for n, written in containers_in(source).items() if not _is(held.get(n), written)}
    package = module if file.stem == "__init__" else module.rpartition(".")[0]
    return xxhash.xxh3_128_hexdigest(content), _imports_in(source, package), changed


def _is(value: object, written: object) -> bool:
    if isinstance(value, set) and isinstance(written, set):
        return sorted(map(repr, value)) == sorted(map(repr, written))
    return type(value) is type(written) and repr(value) == repr(written)


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
    differing = next(
        chain(_other_functions(module, source), _other_constants(module, source), _other_code(module, source)), None
    )
    if differing:
        raise ManifestError(
            f"the module {module.__name__} changed after it was imported",
            why=f"its {differing} is not what the file says now",
            remedy=f"importlib.reload({module.__name__}), or %autoreload 2, or restart the kernel",
        )


def _other_functions(module: types.ModuleType, source: str) -> Iterator[str]:
    codes = sources(source)
    for function in (value for value in vars(module).values() if isinstance(value, types.FunctionType)):
        code = function.__code__
        if codes and code not in codes and code.co_filename == module.__file__ and not is_generated(code):
            yield f"function '{function.__name__}'"


def _other_code(module: types.ModuleType, source: str) -> Iterator[str]:
    """What else the file says since it was first looked at: the module was not imported again, or it has another spec."""
    spec, before = vars(module).setdefault(SEEN, (module.__spec__, source))
    if spec is not module.__spec__:
        vars(module)[SEEN] = module.__spec__, source
    elif before != source and _canonical(before) != _canonical(source):
        yield "code"


def _canonical(source: str) -> str:
    try:
        return canonical(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return source


def _other_constants(module: types.ModuleType, source: str) -> Iterator[str]:
    for name, value in constants_in(source).items():
        if not _is(vars(module).get(name, NotImplemented), value):
            yield f"constant '{name}'"
