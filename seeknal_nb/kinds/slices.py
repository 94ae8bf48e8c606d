"""One partition of a table: which rows lie in it, as SQL, and whether a staged table keeps to it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from seeknal_nb.dag.partitions import CALENDAR
from seeknal_nb.engines.names import find_column
from seeknal_nb.errors import NodeError
from seeknal_nb.markup import plural
from seeknal_nb.sql.text import column, literal, parquet
from seeknal_nb.sql.types import is_decimal, is_integer, is_time, is_zoned
from seeknal_nb.storage.builds import DATA

if TYPE_CHECKING:
    from seeknal_nb.dag.partitions import Slice
    from seeknal_nb.engines import Schema, Table
    from seeknal_nb.kinds.task import Task
    from seeknal_nb.storage.builds import Partitioning

__all__ = ["inside", "kept_inside", "partition_sql"]


def partition_sql(by: Partitioning, schema: Schema) -> str:
    """SQL of the partition in which a row lies: the time at which it begins, or its value as a text; NULL for none.

    Raises:
        NodeError: The column is not there, or its type makes no partitions.
    """
    types = dict(schema)
    own = find_column(by.column, types, why="partition_by names it")
    kind = types[own]
    if by.grain in CALENDAR:
        if not is_time(kind):
            raise NodeError(f"{own!r} is {kind}, not a time", remedy="cast it, or write --partition-by COLUMN")
        return f"date_trunc('{by.grain}', {_local(own, kind, by.zone)})"
    plain = kind in ("VARCHAR", "UUID", "BOOLEAN") or kind.startswith("ENUM") or is_integer(kind) or is_decimal(kind)
    if not (plain or kind == "DATE"):
        remedy = f"partition_by: day({own})" if is_time(kind) else "round it, or cast it to a text"
        raise NodeError(f"{own!r} is {kind}", why="its values make no partitions", remedy=remedy)
    return f"CAST({column(own)} AS VARCHAR)"


def inside(by: Partitioning, piece: Slice, schema: Schema) -> str:
    """SQL that is true of the rows that lie in a partition."""
    types = dict(schema)
    own = find_column(by.column, types, why="partition_by names it")
    if piece.value is None:
        return f"{column(own)} IS NULL"
    if by.grain in CALENDAR:
        time = _local(own, types[own], by.zone)
        return f"({time} >= TIMESTAMP '{piece.start}' AND {time} < TIMESTAMP '{piece.end}')"
    return f"{partition_sql(by, schema)} = {literal(piece.value)}"


def kept_inside(task: Task, table: Table, piece: Slice) -> Table:
    """The staged table, all of whose rows lie in the partition; those of what it reads before are taken away.

    Raises:
        NodeError: Some rows lie outside, or the column is not there.
    """
    by = piece.by
    if piece.proved or not by.column:
        return table
    condition, staged = inside(by, piece, table.schema), task.stage / DATA
    before = "false" if piece.since is None else inside(by, replace(piece, start=piece.since, end=piece.start), table.schema)
    asked = (f"count(*) FILTER (WHERE {one})" for one in (f"({condition}) IS NOT TRUE", before))
    [(outside, earlier)] = task.engine.query(f"SELECT {', '.join(asked)} FROM {parquet(staged)}", form="rows")
    outside -= earlier
    if not outside and not earlier:
        return table
    if outside:
        raise NodeError(
            f"{plural(outside, 'row')} of its table {'lies' if outside == 1 else 'lie'} in another partition",
            why=f"by {by.column}, of the partition {piece.shown}",
            remedy="give the column as what it reads has it, or name the one that says in which partition a row lies",
        )
    raw = staged.rename(task.stage / "wider.parquet")
    made = replace(task.engine.build(f"SELECT * FROM {parquet(raw)} WHERE {condition}", staged), warnings=table.warnings)
    raw.unlink()
    return made


def _local(name: str, kind: str, zone: str) -> str:
    """The time of a column as a clock in the zone shows it; without one, in UTC."""
    return f"timezone({literal(zone or 'UTC')}, {column(name)})" if is_zoned(kind) else f"CAST({column(name)} AS TIMESTAMP)"
