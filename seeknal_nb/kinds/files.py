"""Files that a body reads itself: they are inputs like tables, known by their content."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeknal_nb.declaration import declaration_of
from seeknal_nb.errors import NodeError
from seeknal_nb.kinds.paths import matches
from seeknal_nb.kinds.task import UNSEEING, Probe, Seen, Surroundings
from seeknal_nb.markup import plural
from seeknal_nb.sql.names import files_in
from seeknal_nb.storage.files import digest_file, signature
from seeknal_nb.storage.looks import each, looking

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seeknal_nb.dag.manifest import Node

__all__ = ["changes", "files_of", "files_probe", "lacking", "look_at", "unsettled"]

MISSING = ("missing",)
"""What stands for a file that is not there."""


def files_probe(node: Node, around: Surroundings, seen: Seen) -> Probe:
    """What the files of a node's SQL hold now."""
    named = _named(node, around)
    return look_at(_matching(named, around), seen, around.root) if named else UNSEEING


def files_of(node: Node, around: Surroundings) -> list[Path]:
    """The files that a node's SQL names, in its body and in its conditions, in this order."""
    return _matching(_named(node, around), around)


def _named(node: Node, around: Surroundings) -> list[str]:
    statements = declaration_of(node.node_type, around.kinds).statements(node.config)
    return [one.text for sql in statements for one in files_in(sql)]


def _matching(named: Iterable[str], around: Surroundings) -> list[Path]:
    return list(dict.fromkeys(path for text in named for path in matches(around.root, text)))


def look_at(paths: Iterable[Path], seen: Seen, root: Path) -> Probe:
    """Paths and digests; a file whose stat signature is as it was is not read again.

    The path from ``root`` counts too: folders may name values (``year=2024/``), and readers may give the file's name.
    """
    found = {str(path): _look(path, seen.get(str(path))) for path in paths}
    root = root.absolute()
    told = [f"{_below(Path(path).absolute(), root)}={look[-1]}" for path, look in found.items()]
    return Probe(" ".join(told) or None, found)


def unsettled(path: str = "") -> NodeError:
    """The error of files that are others than when they were looked at: nobody could tell what was read."""
    return NodeError("a file changed while it was read", why=path, remedy="run again when it is complete")


def changes(before: Seen, now: Seen) -> str:
    """How many of several files are others than before: ``1 added, 2 changed of 1,002 files``; empty for one file."""
    added, gone = now.keys() - before.keys(), before.keys() - now.keys()
    changed = [path for path, look in now.items() if path in before and tuple(before[path])[-1] != look[-1]]
    counts = {"added": len(added), "changed": len(changed), "removed": len(gone)}
    told = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
    return f"{told} of {plural(len(now), 'file')}" if told and len(now) > 1 else ""


def lacking(seen: Seen, root: Path) -> str:
    """Which of these files are not there, each with the nearest names beside it; empty where all are."""
    return "; ".join([_lacking(Path(path), root) for path, look in seen.items() if tuple(look) == MISSING]) if seen else ""


def _lacking(path: Path, root: Path) -> str:
    with looking(path.parent):
        beside = [one.name for one in each(path.parent.iterdir())] if path.parent.is_dir() else []
    close = get_close_matches(path.name, beside, n=2)
    shown = path.relative_to(root) if path.is_relative_to(root) else path
    return f"{shown.as_posix()} is missing" + (f": did you mean {' or '.join(close)}?" if close else "")


def _below(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def _look(path: Path, before: tuple[Any, ...] | None) -> tuple[Any, ...]:
    stat = signature(path)
    if stat is None:
        return MISSING
    if before and before[:-1] == stat:
        return before
    try:
        return *stat, digest_file(path)
    except OSError as error:
        raise NodeError(f"{path} cannot be read", why=error.strerror or str(error), remedy="mend its permissions") from error
