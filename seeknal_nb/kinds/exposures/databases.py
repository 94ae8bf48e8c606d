"""Rows to a table of SQLite, in one transaction, and what deliveries to every database have in common.

Readers see the former table or the new one. Appending remembers each delivery in the table ``seeknal_deliveries``
beside, so that the same delivery, made again after a failure or by force, adds nothing twice.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from seeknal_nb.engines import Interrupted
from seeknal_nb.errors import NodeError
from seeknal_nb.kinds.exposures.finite import as_json, no_nan
from seeknal_nb.kinds.exposures.writers import Rows, alone, batches, projected
from seeknal_nb.markup import plural
from seeknal_nb.sql.text import column, shown
from seeknal_nb.sql.types import is_decimal, is_float, is_integer, is_nested

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seeknal_nb.kinds.exposures.targets import Target
    from seeknal_nb.kinds.task import Task

__all__ = ["DELIVERIES", "KEPT", "decimal_digits", "go_on", "not_ours", "sqlite_state", "to_sqlite", "would_change"]

DELIVERIES = "seeknal_deliveries"
KEPT = '("table" TEXT, "delivery" TEXT, "rows" BIGINT, PRIMARY KEY ("table", "delivery"))'
PATIENCE = 10.0
"""Seconds to wait for another writer of an SQLite file."""
THERE, BACK = " seeknal there", " seeknal back"
"""After the names of columns that a proof needs beside those that are delivered."""
EXACT = 15
"""Digits that SQLite's NUMERIC keeps."""


def decimal_digits(kind: str) -> int:
    """How many digits a DECIMAL has; 0 for another type."""
    return int(kind[8:].partition(",")[0]) if is_decimal(kind) else 0


def to_sqlite(
    task: Task, rows: Rows, path: Path, target: Target, delivery: str, before: tuple[str, ...]
) -> tuple[tuple[str, ...], bool]:
    """Deliver to a table of a file, which is made where there is none.

    Gives what ``sqlite_state`` tells of it now, and whether the rows were added there before. ``before`` is what it told of
    the node's last delivery.

    Raises:
        NodeError: SQLite refuses, or what is there would be lost; the file is as it was.
    """
    rows = projected(task, rows, _as_sqlite)
    path.parent.mkdir(parents=True, exist_ok=True)
    with alone(path.parent), _removed_unless_filled(path), _opened(path) as database, _transaction(database):
        again = target.append and not _append_sqlite(task, database, rows, target.table, delivery)
        if not target.append:
            _replace_sqlite(task, database, rows, target.table, before)
        go_on(task)
    return sqlite_state(path, target.table, delivery if target.append else "") or (), again


def go_on(task: Task) -> None:
    """Nothing is delivered where nobody waits for it any more."""
    if task.cancelled.is_set():
        raise Interrupted


@contextmanager
def _removed_unless_filled(path: Path) -> Iterator[None]:
    """Take the file away that a failed delivery made and left empty."""
    fresh = not path.exists()
    try:
        yield
    finally:
        if fresh and path.exists() and not path.stat().st_size:
            path.unlink()


@contextmanager
def _opened(path: Path, *, read: bool = False) -> Iterator[sqlite3.Connection]:
    uri = f"{path.absolute().as_uri()}?mode={'ro' if read else 'rwc'}"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=PATIENCE, isolation_level=None)) as database:
            yield database
    except (sqlite3.Error, OverflowError, UnicodeEncodeError) as error:
        raise NodeError(f"SQLite refuses: {path.name}", why=str(error), remedy="mend the table or the rows") from error


@contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        database.rollback()
        raise
    database.commit()


def _replace_sqlite(task: Task, database: sqlite3.Connection, rows: Rows, table: str, before: tuple[str, ...]) -> None:
    """Other rows in the table that is there, where it has the same columns; else another table with its indexes.

    Triggers are made again when the rows are there.
    """
    there = _held_columns(database, table)
    same = [name for name, _ in there] == [name for name, _ in rows.schema] and _keeps(there, rows)
    ours = same or not there or (bool(before) and _state(database, table) == before)
    lost = "'trigger'" if same else "'index', 'trigger'"
    query = f"SELECT type, name, sql FROM sqlite_master WHERE type IN ({lost}) AND lower(tbl_name) = lower(?)"
    kept = [found for found in database.execute(query, (table,)) if found[2]]
    for kind, name, _ in kept:
        database.execute(f"DROP {kind} {column(name)}")
    if same:
        database.execute(f"DELETE FROM {column(table)}")
    else:
        database.execute(f"DROP TABLE IF EXISTS {column(table)}")
        database.execute(f"CREATE TABLE {column(table)} ({_columns(rows)})")
    if not ours:
        raise not_ours(table, f"DROP TABLE {column(table)}")
    _insert(task, database, rows, column(table))
    for *_, sql in kept:
        database.execute(sql)
    if _exists(database, DELIVERIES):
        database.execute(f'DELETE FROM {DELIVERIES} WHERE "table" = ?', (table.casefold(),))


def _keeps(there: list[tuple[str, str]], rows: Rows) -> bool:
    """Whether columns that are there keep all values as they are: those of our type do, and those without a type."""
    held = {name.casefold(): affinity for name, affinity in there}
    return all(held.get(name.casefold()) in (_affinity(kind), "BLOB") for name, kind in rows.schema)


def not_ours(table: str, drop: str) -> NodeError:
    """Why a table is not dropped to make room for another."""
    return NodeError(
        f"the table {table} is not this node's to drop",
        why="its columns are others, or more belongs to it; and its rows are not those that the node delivered last",
        remedy=f"deliver the columns that it has, or to another table; or drop it yourself: {drop}",
    )


def _held_columns(database: sqlite3.Connection, table: str) -> list[tuple[str, str]]:
    """The columns of a table with the affinity that their types give them; those that are computed have none of ours."""
    found = database.execute("SELECT name, type, hidden FROM pragma_table_xinfo(?)", (table,))
    return [(name, "computed" if hidden else _affinity_of(kind)) for name, kind, hidden in found]


def _affinity_of(declared: str) -> str:
    """By the rules of https://sqlite.org/datatype3.html, section 3.1, in their order."""
    rules = (("INT", "INTEGER"), ("CHAR", "TEXT"), ("CLOB", "TEXT"), ("TEXT", "TEXT"), ("BLOB", "BLOB"),
             ("REAL", "REAL"), ("FLOA", "REAL"), ("DOUB", "REAL"))  # fmt: skip
    found = (affinity for part, affinity in rules if part in declared.upper())
    return next(found, "NUMERIC" if declared else "BLOB")


def _append_sqlite(task: Task, database: sqlite3.Connection, rows: Rows, table: str, delivery: str) -> bool:
    """Whether the rows were added: not where the same delivery was before."""
    database.execute(f"CREATE TABLE IF NOT EXISTS {DELIVERIES} {KEPT}")
    if not _exists(database, table):
        database.execute(f'DELETE FROM {DELIVERIES} WHERE "table" = ?', (table.casefold(),))
        database.execute(f"CREATE TABLE {column(table)} ({_columns(rows)})")
    noted = database.execute(
        f"INSERT INTO {DELIVERIES} VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (table.casefold(), delivery, rows.count)
    )
    if noted.rowcount:
        _prove_kept(task, database, rows, table)
        _insert(task, database, rows, column(table))
    return bool(noted.rowcount)


def _prove_kept(task: Task, database: sqlite3.Connection, rows: Rows, table: str) -> None:
    """Refuse rows that columns of other types would change, as 007 is 7 among integers: there and back must be the same."""
    there = _held_columns(database, table)
    held = {name.casefold(): affinity for name, affinity in there}
    types = [(name, _affinity(kind), held[name.casefold()]) for name, kind in rows.schema if name.casefold() in held]
    if len(types) < len(rows.schema) or _keeps(there, rows):
        return
    columns = [
        f"{column(name)} {ours}, {column(name + THERE)} {theirs}, {column(name + BACK)} {ours}"
        for name, ours, theirs in types
    ]
    database.execute(f"CREATE TEMP TABLE seeknal_sent ({', '.join(columns)})")
    _insert(task, database, rows, "temp.seeknal_sent")
    for to, of in ((THERE, ""), (BACK, THERE)):
        moved = ", ".join(f"{column(name + to)} = {column(name + of)}" for name, *_ in types)
        database.execute(f"UPDATE temp.seeknal_sent SET {moved}")
    for name, ours, theirs in types:
        sent, moved, back = (column(name + part) for part in ("", THERE, BACK))
        changed = f"FROM temp.seeknal_sent WHERE +{sent} IS NOT +{back}"  # with + no column's type takes part in it
        query = f"SELECT count(*) {changed} UNION ALL SELECT * FROM (SELECT {sent} || ' to ' || {moved} {changed} LIMIT 1)"
        (count,), *example = database.execute(query).fetchall()
        if count:
            raise would_change(table, name, count, f"{ours} into {theirs}, as {example[0][0]}")
    database.execute("DROP TABLE temp.seeknal_sent")


def would_change(table: str, name: str, count: int, how: str) -> NodeError:
    """Why rows are not added to a table."""
    return NodeError(
        f"the table {table} would change what is added to it",
        why=f"{plural(count, 'row')} in column {name!r}: {how}",
        remedy=f"CAST({shown(name)} AS ...) to the table's type where you mean it, or give its column another type",
    )


def _insert(task: Task, database: sqlite3.Connection, rows: Rows, into: str) -> None:
    names = ", ".join(column(name) for name, _ in rows.schema)
    marks = ", ".join("?" for _ in rows.schema)
    statement = f"INSERT INTO {into} ({names}) VALUES ({marks})"
    for batch in batches(task, rows):
        database.executemany(statement, zip(*(values.to_pylist() for values in batch.columns), strict=True))


def _exists(database: sqlite3.Connection, table: str) -> bool:
    query = "SELECT count(*) FROM sqlite_master WHERE type IN ('table', 'view') AND lower(name) = lower(?)"
    return bool(database.execute(query, (table,)).fetchone()[0])


def _columns(rows: Rows) -> str:
    return ", ".join(f"{column(name)} {_affinity(kind)}" for name, kind in rows.schema)


def _affinity(kind: str) -> str:
    if is_integer(kind, huge=False) or kind == "BOOLEAN":
        return "INTEGER"
    if is_float(kind):
        return "REAL"
    if kind == "BLOB":
        return "BLOB"
    return "NUMERIC" if 0 < decimal_digits(kind) <= EXACT else "TEXT"


def _as_sqlite(kind: str, value: str) -> str:
    """SQLite has five types: times are ISO texts, values within values are JSON, long decimals exact texts."""
    if kind in ("UBIGINT", "BOOLEAN"):
        return f"CAST({value} AS BIGINT)"
    if is_integer(kind, huge=False) or is_float(kind) or kind in ("BLOB", "VARCHAR"):
        return no_nan(kind, value)
    return as_json(kind, value) if is_nested(kind) else f"CAST({value} AS VARCHAR)"


def sqlite_state(path: Path, table: str, delivery: str) -> tuple[str, ...] | None:
    """What a table holds: its rows' count and digest, or, of an appended one, whether it has the delivery; None without."""
    if not path.exists():
        return None
    with _opened(path, read=True) as database:
        if not _exists(database, table):
            return None
        if delivery:
            query = f'SELECT count(*) FROM {DELIVERIES} WHERE "table" = ? AND "delivery" = ?'
            found = database.execute(query, (table.casefold(), delivery)).fetchone()[0]
            return (str(found),) if found else None
        return _state(database, table)


def _state(database: sqlite3.Connection, table: str) -> tuple[str, ...]:
    import xxhash  # noqa: PLC0415 - not needed to show a help text

    hasher, count = xxhash.xxh3_128(), 0
    for row in database.execute(f"SELECT * FROM {column(table)}"):
        hasher.update(repr(row).encode("utf-8", "surrogatepass"))
        count += 1
    return str(count), str(hasher.hexdigest())
