"""Rows to a table of SQLite, in one transaction, and what deliveries to every database have in common.

Readers see the former table or the new one. Appending remembers each delivery in the table ``seeknal_deliveries``
beside, so that the same delivery, made again after a failure or by force, adds nothing twice.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from seeknal_nb.dag.sqltext import column
from seeknal_nb.engines import Interrupted
from seeknal_nb.errors import NodeError
from seeknal_nb.workflow.kinds.exposures.writers import Rows, alone, batches, projected
from seeknal_nb.workflow.kinds.types import is_decimal, is_integer, is_nested

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seeknal_nb.workflow.kinds.exposures.targets import Target
    from seeknal_nb.workflow.kinds.task import Task

__all__ = ["DELIVERIES", "KEPT", "decimal_digits", "go_on", "sqlite_state", "to_sqlite"]

DELIVERIES = "seeknal_deliveries"
KEPT = '("table" TEXT, "delivery" TEXT, "rows" BIGINT, PRIMARY KEY ("table", "delivery"))'
PATIENCE = 10.0
"""Seconds to wait for another writer of an SQLite file."""
EXACT = 15
"""Digits that SQLite's NUMERIC keeps."""


def decimal_digits(kind: str) -> int:
    """How many digits a DECIMAL has; 0 for another type."""
    return int(kind[8:].partition(",")[0]) if is_decimal(kind) else 0


def to_sqlite(task: Task, rows: Rows, path: Path, target: Target, delivery: str) -> tuple[tuple[str, ...], bool]:
    """Deliver to a table of a file, which is made where there is none.

    Gives what ``sqlite_state`` tells of it now, and whether the rows were added there before.

    Raises:
        NodeError: SQLite refuses; the file is as it was.
    """
    rows = projected(task, rows, _as_sqlite)
    path.parent.mkdir(parents=True, exist_ok=True)
    with alone(path.parent), _removed_unless_filled(path), _opened(path) as database, _transaction(database):
        again = target.append and not _append_sqlite(task, database, rows, target.table, delivery)
        if not target.append:
            _replace_sqlite(task, database, rows, target.table)
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


def _replace_sqlite(task: Task, database: sqlite3.Connection, rows: Rows, table: str) -> None:
    """A new table; indexes and triggers of the former one are made again."""
    query = "SELECT sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND lower(tbl_name) = lower(?)"
    kept = [sql for (sql,) in database.execute(query, (table,)) if sql]
    database.execute(f"DROP TABLE IF EXISTS {column(table)}")
    database.execute(f"CREATE TABLE {column(table)} ({_columns(rows)})")
    _insert(task, database, rows, table)
    for sql in kept:
        database.execute(sql)
    if _exists(database, DELIVERIES):
        database.execute(f'DELETE FROM {DELIVERIES} WHERE "table" = ?', (table.casefold(),))


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
        _insert(task, database, rows, table)
    return bool(noted.rowcount)


def _insert(task: Task, database: sqlite3.Connection, rows: Rows, table: str) -> None:
    names = ", ".join(column(name) for name, _ in rows.schema)
    marks = ", ".join("?" for _ in rows.schema)
    statement = f"INSERT INTO {column(table)} ({names}) VALUES ({marks})"
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
    if kind in ("FLOAT", "DOUBLE"):
        return "REAL"
    if kind == "BLOB":
        return "BLOB"
    return "NUMERIC" if 0 < decimal_digits(kind) <= EXACT else "TEXT"


def _as_sqlite(kind: str) -> str:
    """SQLite has five types: times are ISO texts, values within values are JSON, long decimals exact texts."""
    if kind in ("UBIGINT", "BOOLEAN"):
        return "CAST({} AS BIGINT)"
    if is_integer(kind, huge=False) or kind in ("FLOAT", "DOUBLE", "BLOB", "VARCHAR"):
        return "{}"
    return "CAST(to_json({}) AS VARCHAR)" if is_nested(kind) else "CAST({} AS VARCHAR)"


def sqlite_state(path: Path, table: str, delivery: str) -> tuple[str, ...] | None:
    """What a table holds: its rows' count and digest, or, of an appended one, whether it has the delivery; None without."""
    import xxhash  # noqa: PLC0415 - not needed to show a help text

    if not path.exists():
        return None
    with _opened(path, read=True) as database:
        if not _exists(database, table):
            return None
        if delivery:
            query = f'SELECT count(*) FROM {DELIVERIES} WHERE "table" = ? AND "delivery" = ?'
            found = database.execute(query, (table.casefold(), delivery)).fetchone()[0]
            return (str(found),) if found else None
        hasher, count = xxhash.xxh3_128(), 0
        for row in database.execute(f"SELECT * FROM {column(table)}"):
            hasher.update(repr(row).encode("utf-8", "surrogatepass"))
            count += 1
        return str(count), str(hasher.hexdigest())
