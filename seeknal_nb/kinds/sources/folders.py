"""Folders that name values (``day=2024-01-01/``): columns of all files alike, and of none itself. Reads nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import NodeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["check_folders", "folder_keys"]


def folder_keys(paths: Sequence[Path], root: Path, options: Mapping[str, Any]) -> tuple[str, ...]:
    """The names in the folders of all files, below the project's own; none where an option says what folders are.

    Raises:
        NodeError: Some files lie in folders that name values, and others do not, or in folders of other names; or the
            project itself lies below such a folder, which the engine would take for a column of theirs.
    """
    if "hive_partitioning" in options:
        return ()
    found = {path: _keys(path, root) for path in paths}
    kinds = {keys: path for path, keys in found.items()}
    if len(kinds) > 1:
        told = [f"{path} has {', '.join(keys) or 'none'}" for keys, path in kinds.items()]
        raise NodeError(
            "folders name values of some files, and not of others",
            why="; ".join(told[:3]),
            remedy="move the files, or leave the folders out: hive_partitioning: false",
        )
    keys = next(iter(found.values()), ())
    above = _keys(root.absolute() / "_", Path())
    if keys and above:
        raise NodeError(
            f"folders name values, and so does one above the project: {above[0]}=",
            why="a project that is moved must keep its columns",
            remedy="hive_partitioning: true takes all of them, hive_partitioning: false none",
        )
    return keys


def _keys(path: Path, root: Path) -> tuple[str, ...]:
    parts = (path.relative_to(root) if path.is_relative_to(root) else path).parent.parts
    return tuple(part.partition("=")[0] for part in parts if "=" in part[1:])


def check_folders(keys: Iterable[str], columns: Iterable[str]) -> None:
    """Refuse a folder's name that is a column of the files too, which DuckDB would put in the column's place."""
    own = {name.casefold() for name in columns}
    both = [key for key in keys if key.casefold() in own]
    if both:
        raise NodeError(
            f"{both[0]!r} is a column of the files and a name in their folders",
            why="only one of them can be the column",
            remedy="hive_partitioning: false keeps the files', hive_partitioning: true the folders'",
        )
