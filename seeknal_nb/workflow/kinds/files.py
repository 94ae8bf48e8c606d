"""Files that a body reads itself: they are inputs like tables, known by their content."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.sql import files_in
from seeknal_nb.files import digest_file, signature
from seeknal_nb.workflow.kinds.body import sql_of
from seeknal_nb.workflow.kinds.task import Probe, Seen, Surroundings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seeknal_nb.dag.manifest import Node

__all__ = ["files_of", "files_probe", "look_at", "matches"]


def files_probe(node: Node, around: Surroundings, seen: Seen) -> Probe:
    """What the files of a node's SQL hold now."""
    return look_at(files_of(node, around), seen, around.root)


def files_of(node: Node, around: Surroundings) -> list[Path]:
    """The files that a node's SQL names, in its order."""
    sql = sql_of(node)
    return [path for named in files_in(sql) for path in matches(around.root, named.text)] if sql else []


def look_at(paths: Iterable[Path], seen: Seen, root: Path) -> Probe:
    """Paths and digests; a file whose stat signature is as it was is not read again.

    The path from ``root`` counts too: folders may name values (``year=2024/``), and readers may give the file's name.
    """
    found = {str(path): _look(path, seen.get(str(path))) for path in paths}
    told = [f"{_below(Path(path), root)}={look[-1]}" for path, look in found.items()]
    return Probe(" ".join(told) or None, found)


def _below(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def _look(path: Path, before: tuple[Any, ...] | None) -> tuple[Any, ...]:
    stat = signature(path)
    if stat is None:
        return ("missing",)
    return before if before and before[:-1] == stat else (*stat, digest_file(path))


def matches(root: Path, name: str) -> list[Path]:
    """The files that a path, a glob or a folder means, sorted; the path itself where there are none."""
    path = root / name
    if any(c in name for c in "*?["):
        anchor = Path(path.absolute().anchor)
        return sorted(anchor.glob(str(path.absolute().relative_to(anchor)))) or [path]
    return sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
