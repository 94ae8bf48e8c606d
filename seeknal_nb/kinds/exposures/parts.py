"""A folder of Parquet that holds a table with partitions: those that are there are linked, the others are written."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeknal_nb.engines import Interrupted
from seeknal_nb.kinds.body import python_of, sql_of
from seeknal_nb.kinds.exposures.writers import Rows, folders_of, write_folders
from seeknal_nb.kinds.metadata import counted
from seeknal_nb.sql.text import parquet
from seeknal_nb.storage.files import digest, digest_file, io_errors, link, signature

if TYPE_CHECKING:
    from seeknal_nb.kinds.exposures.targets import Target
    from seeknal_nb.kinds.task import Seen, Task
    from seeknal_nb.storage.builds import Build, Part

__all__ = ["NAMED", "table_in_parts", "write_parts"]

NAMED = 16
"""Digits of a key in the names of a delivery's files."""


def table_in_parts(task: Task, target: Target) -> Build | None:
    """The build whose partitions are delivered each by itself; None where the folder has to be written as a whole.

    No folder may hold rows of two partitions: one of the folders' columns is that of the partitions.
    """
    if not target.partition_by or target.append or sql_of(task.node) or python_of(task.node) or len(task.inputs) != 1:
        return None
    [build] = [one.build for one in task.inputs.values()]
    if build is None or not build.lists or build.by is None or not build.row_count:
        return None
    alike = all(part.schema == build.schema for part in build.parts if part.rows)
    return build if alike and build.by.column.casefold() in map(str.casefold, target.partition_by) else None


def write_parts(task: Task, target: Target, build: Build, to: Path, there: Path) -> tuple[dict[str, Any], Seen]:
    """Write a delivery; gives how many partitions were written, and by name what is known of the files that were linked.

    Args:
        task: Knows by ``seen`` which files the last delivery left.
        target: What is delivered.
        build: Whose partitions.
        to: The directory that is made.
        there: Where the last delivery is.

    Raises:
        Interrupted: Nobody waits for it any more.
    """
    to.mkdir()
    folders = folders_of(task, f"SELECT * FROM {task.only_input()}", build.schema, target)
    linked, written = dict[str, tuple[Any, ...]](), 0
    parts = [part for part in build.parts if part.rows]
    for part in parts:
        if task.cancelled.is_set():
            raise Interrupted
        name = f"{task.node.name}-{_mark(build, part, target)}"
        files = _intact(task, name, there)
        for file in files:
            (to / file).parent.mkdir(parents=True, exist_ok=True)
            with io_errors("write", to / file):
                link(there / file, to / file)
        linked |= files
        if not files:
            rows = task.stage / "part.parquet"
            [(_, paths)] = build.relation((part,)).groups
            table = task.engine.build(f"SELECT * FROM {parquet(*paths)}", rows)
            write_folders(task, Rows(rows, table.rows, table.schema), to, folders, name, target)
            rows.unlink()
            written += 1
    grain = "" if build.by is None else build.by.grain
    return counted(grain, total=len(parts), built=written, kept=len(parts) - written), linked


def _mark(build: Build, part: Part, target: Target) -> str:
    """What the files of a partition are called by: rows, columns and options that are the same make the same files."""
    told = [part.value, part.digest, build.schema, target.partition_by, target.compression]
    return digest(json.dumps(told))[:NAMED]


def _intact(task: Task, name: str, there: Path) -> Seen:
    """The files of the last delivery that are called so, as they are now; none where one has other bytes by now."""
    ours, above = re.compile(re.escape(name) + r"-\d+\.parquet"), f"{there}{os.sep}"
    files = {file: seen for file, seen in task.seen.items() if file.startswith(above) and ours.fullmatch(Path(file).name)}
    now = {file: signature(file) for file in files}
    for file, seen in files.items():
        if now[file] is None or (now[file] != tuple(seen[:-1]) and digest_file(Path(file)) != seen[-1]):
            return {}
    return {file.removeprefix(above): (*(now[file] or ()), seen[-1]) for file, seen in files.items()}
