"""Parquet: files whose columns are of several types, and types that the reader has no room for. Reads no rows of a file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import NodeError
from seeknal_nb.sql.text import column, exactly, literal, parquet
from seeknal_nb.sql.types import is_integer, is_time, is_zoned
from seeknal_nb.storage.builds import DATA

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from seeknal_nb.kinds.task import Task

__all__ = ["check_alike", "mixed", "types_of_files"]

EXACT = {"DOUBLE": (2**53, 15), "FLOAT": (2**24, 6)}
"""Whole numbers up to here are exact, and decimals of so many digits."""
WIDEST = 38
"""Digits of a DECIMAL."""
Types = dict[str, dict[str, str]]
"""Types of each column, by their names in lower case; with a file that has it so."""


def types_of_files(task: Task, paths: Sequence[Path], options: Mapping[str, Any]) -> list[Types]:
    """The columns of each kind of file, as the files say them; nothing of those that are encrypted."""
    if "encryption_config" in options:
        return []
    files = literal([exactly(str(path)) for path in paths])
    told = "list((name, duckdb_type, num_children, precision) ORDER BY column_id)"
    each = f"SELECT file_name, {told} AS told FROM parquet_schema({files}) GROUP BY file_name"
    rows = task.engine.query(f"SELECT min(file_name), told FROM ({each}) GROUP BY told ORDER BY 1", form="rows")
    return [{name: {kind: file} for name, kind in _columns(told)} for file, told in rows]


def _columns(told: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """The columns of one file, of all its fields from the top, each before those within it."""
    at = 1
    while at < len(told):
        name, kind, _, precision = told[at]
        yield name.casefold(), f"DECIMAL of {precision} digits" if precision and precision > WIDEST else kind
        at = _after(told, at)


def _after(told: Sequence[Any], at: int) -> int:
    within, at = told[at][2] or 0, at + 1
    for _ in range(within):
        at = _after(told, at)
    return at


def check_alike(files: Sequence[Types]) -> None:
    """Refuse files unlike the first one: ``union_by_name: false`` would round their values, and leave columns out."""
    for one in files[1:]:
        odd = next((name for name, kinds in one.items() if kinds.keys() != files[0].get(name, {}).keys()), None)
        if odd is not None:
            ((kind, file),) = one[odd].items()
            raise NodeError(
                f"column {odd!r} is not the same in all files",
                why=f"it is {kind} in {file}, and {', '.join(files[0].get(odd, {})) or 'missing'} in another",
                remedy="take union_by_name: false away, or write the files alike",
            )


def mixed(task: Task, files: Sequence[Types], schema: Sequence[tuple[str, str]]) -> list[str]:
    """Warnings of what the staged table cannot hold as the files have it."""
    warned = []
    for name, kind in schema:
        kinds = {own: file for one in files for own, file in one.get(name.casefold(), {}).items()}
        several = " and ".join(f"{own} in {file.rpartition('/')[2]}" for own, file in kinds.items())
        if any(is_time(own) and not is_zoned(own) for own in kinds) and is_zoned(kind):
            warned.append(f"column {name!r} is {several}: times without a zone are taken for UTC")
        elif "BOOLEAN" in kinds and kind != "BOOLEAN":
            warned.append(f"column {name!r} is {several}: true stands as 1 or as text among the others")
        elif kind in EXACT and (wide := [own for own in kinds if _digits(own) > EXACT[kind][1]]):
            warned.append(f"column {name!r} is {several}: {wide[0]} is read as {kind}, which rounds")
        elif kind in EXACT and any(map(is_integer, kinds)) and (count := _beyond(task, name, kind)):
            warned.append(f"column {name!r} is {several}: {count:,} numbers are beyond what {kind} holds exactly")
    return warned


def _digits(kind: str) -> int:
    found = re.match(r"DECIMAL\D+(\d+)", kind)
    return int(found[1]) if found else 0


def _beyond(task: Task, name: str, kind: str) -> int:
    beyond = f"isfinite({column(name)}) AND abs({column(name)}) >= {EXACT[kind][0]}"
    rows = task.engine.query(f"SELECT count(*) FROM {parquet(task.stage / DATA)} WHERE {beyond}", form="rows")
    return int(rows[0][0])
