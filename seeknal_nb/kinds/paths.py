"""Which files a name means, and how an engine is told of them. A name that is there exactly is that file, not a pattern."""

from __future__ import annotations

import os
import re
import stat
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING

from seeknal_nb.errors import NodeError
from seeknal_nb.sql.text import exactly
from seeknal_nb.storage.looks import each, looking, said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

__all__ = ["as_engines_write", "as_told", "below", "matches"]

_KINDS = {stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}


def matches(root: Path, name: str) -> list[Path]:
    """The regular files that a path, a pattern or a folder means, sorted; the path itself where there are none.

    Folders that a pattern meets are left out, as DuckDB leaves them out, but where it meets nothing else.

    Raises:
        NodeError: It names a pipe, a socket or a device, which nobody could look at twice, or its pattern meets one.
    """
    with looking(root / name):
        return _matches(root, name)


def as_told(path: Path | str, root: Path) -> str:
    """A path as it goes on from the project's folder; whole where it lies elsewhere."""
    whole = str(path)
    inside = whole.removeprefix(os.path.join(root, ""))  # noqa: PTH118 - a year of files is asked at a time
    return whole if inside == whole else inside.replace(os.sep, "/")


def below(folder: Path) -> Iterator[Path]:
    """All that lies in a folder and in those in it, within a ``looking``: each that is listed is an answer."""
    return _met(folder, ["**", "*"])


def _matches(root: Path, name: str) -> list[Path]:
    path = root / name
    if path.is_dir():
        return sorted(_files(below(path)))
    above, pattern = _split(path.absolute())
    if not pattern:
        return list(_files([path])) or [path]
    if "\\" in pattern and os.sep == "/":
        why, remedy = "DuckDB takes a backslash in a pattern for a slash", "write slashes between folders"
        raise NodeError(f"the pattern {name!r} is not clear", why=why, remedy=remedy)
    found = sorted(set(_met(above, _parts(pattern))))
    files = list(_files(found))
    if found and not files and found[0].is_dir():
        raise NodeError("a pattern meets no file", why=f"{name!r} meets {found[0]}, a folder", remedy=f"{name}/*.csv, say")
    return files or [path]


def _split(path: Path) -> tuple[Path, str]:
    """The longest part of a path that is no pattern, as it has no such sign or is there exactly, and the pattern below."""
    if not _has_signs(path) or os.path.lexists(path):
        return path, ""
    above = next(parent for parent in path.parents if not _has_signs(parent) or parent.is_dir())
    return above, path.relative_to(above).as_posix()


def _has_signs(path: Path) -> bool:
    return exactly(str(path)) != str(path)


def _parts(pattern: str) -> list[str]:
    """``**`` at the end means files, too, and beside other letters it is one star."""
    parts = [part if part == "**" else re.sub(r"\*+", "*", part) for part in pattern.split("/") if part not in ("", ".")]
    return [*parts, *(["*"] if parts[-1] == "**" else [])]


def _met(folder: Path, parts: Sequence[str]) -> Iterator[Path]:
    """What a pattern meets below a folder; some may come twice. Each folder that is listed is an answer of its file system.

    ``**`` is any number of folders, none that is a link.
    """
    part, rest = parts[0], parts[1:]
    if part == "**":
        yield from _met(folder, rest)
    elif not any(sign in part for sign in "*?["):
        yield from _behind(folder / part, rest) if (folder / part).exists() else ()
        return
    for entry in _entries(folder):
        if part == "**":
            if entry.is_dir(follow_symlinks=False):
                yield from _met(folder / entry.name, parts)
        elif fnmatchcase(entry.name, part):
            yield from _behind(folder / entry.name, rest)


def _behind(path: Path, rest: Sequence[str]) -> Iterator[Path]:
    if not rest:
        yield path
    elif path.is_dir():
        yield from _met(path, rest)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    said(folder)
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _files(paths: Iterable[Path]) -> Iterable[Path]:
    for path in each(paths):
        try:
            mode = stat.S_IFMT(path.stat().st_mode)
        except OSError:
            continue
        if mode in _KINDS:
            why, remedy = f"it is {_KINDS[mode]}", "name a file, or a pattern that only meets files"
            raise NodeError(f"{path} cannot be read", why=why, remedy=remedy)
        if mode == stat.S_IFREG:
            yield path


def as_engines_write(root: Path) -> Callable[[str], str]:
    """How a name of a SQL text is written for an engine: from ``root``, and exactly where it is there exactly."""
    return partial(_written, root.absolute())


def _written(root: Path, name: str) -> str:
    above, pattern = _split(root / name)
    return f"{exactly(str(above))}{os.sep}{pattern}" if pattern else exactly(str(above))
