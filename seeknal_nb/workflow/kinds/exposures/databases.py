"""Rows to a table of SQLite or PostgreSQL, in one transaction: readers see the former table or the new one.

Appending remembers each delivery in the table ``seeknal_deliveries`` beside, so that the same delivery, made again after
a failure or by force, adds nothing twice.
"""

from __future__ import annotations

import secrets as random_text
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.sqltext import column
from seeknal_nb.engines import Interrupted
from seeknal_nb.errors import NodeError
from seeknal_nb.workflow.kinds.connections import connect
from seeknal_nb.workflow.kinds.exposures.writers import Rows, alone, batches, nested, projected

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seeknal_nb.workflow.kinds.exposures.targets import Target
    from seeknal_nb.workflow.kinds.task import Task

__all__ = ["sqlite_state", "to_postgres", "to_sqlite"]

DELIVERIES = "seeknal_deliveries"
_KEPT = '("table" TEXT, "delivery" TEXT, "rows" BIGINT, PRIMARY KEY ("table", "delivery"))'
PATIENCE = 10.0
"""Seconds to wait for another writer of an SQLite file."""
EXACT = 15
"""Digits that SQLite's NUMERIC keeps."""
INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "BOOLEAN")
UNSIGNED = {"UTINYINT": "SMALLINT", "USMALLINT": "INTEGER", "UINTEGER": "BIGINT", "UBIGINT": "DECIMAL(20,0)"}
"""What PostgreSQL has in place of integers without a sign."""
PLAIN = frozenset(
    {"BOOLEAN", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "VARCHAR", "BLOB", "DATE", "TIME", "TIMESTAMP",
     "TIMESTAMP WITH TIME ZONE"}
)  # fmt: skip
"""What ADBC gives PostgreSQL as it is."""


def _decimal(kind: str) -> int:
    """How many digits a DECIMAL has; 0 for another type."""
    return int(kind[8:].partition(",")[0]) if kind.startswith("DECIMAL(") and not kind.endswith("]") else 0


# SQLite


def to_sqlite(task: Task, rows: Rows, path: Path, target: Target, delivery: str) -> tuple[str, ...]:
    """Deliver to a table of a file, which is made where there is none; gives what ``sqlite_state`` tells of it now.

    Raises:
        NodeError: SQLite refuses; the file is as it was.
    """
    rows = projected(task, rows, _as_sqlite)
    path.parent.mkdir(parents=True, exist_ok=True)
    with alone(path.parent), _removed_unless_filled(path), _opened(path) as database, _transaction(database):
        if target.append:
            _append_sqlite(task, database, rows, target.table, delivery)
        else:
            _replace_sqlite(task, database, rows, target.table)
        _go_on(task)
    return sqlite_state(path, target.table, delivery if target.append else "") or ()


def _go_on(task: Task) -> None:
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


def _append_sqlite(task: Task, database: sqlite3.Connection, rows: Rows, table: str, delivery: str) -> None:
    database.execute(f"CREATE TABLE IF NOT EXISTS {DELIVERIES} {_KEPT}")
    if not _exists(database, table):
        database.execute(f'DELETE FROM {DELIVERIES} WHERE "table" = ?', (table.casefold(),))
        database.execute(f"CREATE TABLE {column(table)} ({_columns(rows)})")
    noted = database.execute(
        f"INSERT INTO {DELIVERIES} VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (table.casefold(), delivery, rows.count)
    )
    if noted.rowcount:
        _insert(task, database, rows, table)


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
    if kind in INTEGERS:
        return "INTEGER"
    if kind in ("FLOAT", "DOUBLE"):
        return "REAL"
    if kind == "BLOB":
        return "BLOB"
    return "NUMERIC" if 0 < _decimal(kind) <= EXACT else "TEXT"


def _as_sqlite(kind: str) -> str:
    """SQLite has five types: times are ISO texts, values within values are JSON, long decimals exact texts."""
    if kind in ("UBIGINT", "BOOLEAN"):
        return "CAST({} AS BIGINT)"
    if kind in (*INTEGERS, "FLOAT", "DOUBLE", "BLOB", "VARCHAR"):
        return "{}"
    return "CAST(to_json({}) AS VARCHAR)" if nested(kind) else "CAST({} AS VARCHAR)"


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


# PostgreSQL


def to_postgres(task: Task, rows: Rows, target: Target, delivery: str) -> None:
    """Deliver to a table of a server, whose schema must be there.

    Raises:
        NodeError: It cannot be reached, or refuses; without a secret in its text.
    """
    rows = projected(task, rows, _as_postgres)
    schema, _, name = target.table.rpartition(".")
    temporary = f"{name[:40]}__new_{random_text.token_hex(4)}"
    prefix = f"{column(schema)}." if schema else ""
    with connect(task.node.config, task.surroundings, write=True) as opened:
        with opened.cursor() as cursor:
            _ingest(task, cursor, rows, schema, temporary)
            _convert(cursor, rows, prefix + column(temporary))
            if target.append:
                _append_postgres(cursor, rows, prefix, name, temporary, delivery)
            else:
                _swap(cursor, prefix, name, temporary)
        _go_on(task)
        opened.commit()


def _ingest(task: Task, cursor: Any, rows: Rows, schema: str, table: str) -> None:
    import pyarrow as pa  # noqa: PLC0415 - 0.2 s
    from pyarrow import parquet  # noqa: PLC0415 - likewise

    reader = pa.RecordBatchReader.from_batches(parquet.read_schema(rows.file).remove_metadata(), _bare(task, rows))
    cursor.adbc_ingest(table, reader, mode="create", **({"db_schema_name": schema} if schema else {}))


def _bare(task: Task, rows: Rows) -> Iterator[Any]:
    for batch in batches(task, rows):
        yield batch.replace_schema_metadata(None)


def _convert(cursor: Any, rows: Rows, table: str) -> None:
    """Give columns that travelled as text the type that PostgreSQL has for them."""
    changes = [
        f"ALTER COLUMN {column(name)} TYPE {kind} USING {column(name)}::{kind}"
        for name, kind in ((name, _converted(kind)) for name, kind in rows.schema)
        if kind
    ]
    if changes:
        cursor.execute(f"ALTER TABLE {table} {', '.join(changes)}")


def _converted(kind: str) -> str:
    if _as_postgres(kind).startswith("CAST(to_json"):
        return "jsonb"
    if _decimal(kind):
        return f"numeric{kind.removeprefix('DECIMAL')}"
    return {"UUID": "uuid", "INTERVAL": "interval", "JSON": "jsonb", "TIME WITH TIME ZONE": "timetz"}.get(kind, "")


def _as_postgres(kind: str) -> str:
    if kind in UNSIGNED:
        return f"CAST({{}} AS {UNSIGNED[kind]})"
    if kind == "TINYINT":
        return "CAST({} AS SMALLINT)"
    if kind in PLAIN or _decimal(kind):
        return "{}"
    if kind.startswith("TIMESTAMP"):
        return "CAST({} AS TIMESTAMP)"
    if kind.endswith("[]") and kind[:-2] in PLAIN - {"TIME"}:
        return "{}"
    return "CAST(to_json({}) AS VARCHAR)" if nested(kind) else "CAST({} AS VARCHAR)"


def _swap(cursor: Any, prefix: str, name: str, temporary: str) -> None:
    cursor.execute(f"DROP TABLE IF EXISTS {prefix}{column(name)}")
    cursor.execute(f"ALTER TABLE {prefix}{column(temporary)} RENAME TO {column(name)}")
    if _there(cursor, prefix + DELIVERIES):
        cursor.execute(f'DELETE FROM {prefix}{DELIVERIES} WHERE "table" = {_text(name)}')


def _append_postgres(cursor: Any, rows: Rows, prefix: str, name: str, temporary: str, delivery: str) -> None:
    cursor.execute(f"CREATE TABLE IF NOT EXISTS {prefix}{DELIVERIES} {_KEPT}")
    if not _there(cursor, prefix + column(name)):
        cursor.execute(f'DELETE FROM {prefix}{DELIVERIES} WHERE "table" = {_text(name)}')
        cursor.execute(f"CREATE TABLE {prefix}{column(name)} (LIKE {prefix}{column(temporary)})")
    names = ", ".join(column(one) for one, _ in rows.schema)
    noted = f"INSERT INTO {prefix}{DELIVERIES} VALUES ({_text(name)}, {_text(delivery)}, {rows.count})"
    cursor.execute(
        f"WITH noted AS ({noted} ON CONFLICT DO NOTHING RETURNING 1) "
        f"INSERT INTO {prefix}{column(name)} ({names}) "
        f"SELECT {names} FROM {prefix}{column(temporary)} WHERE EXISTS (SELECT 1 FROM noted)"
    )
    cursor.execute(f"DROP TABLE {prefix}{column(temporary)}")


def _there(cursor: Any, table: str) -> bool:
    cursor.execute(f"SELECT to_regclass({_text(table)}) IS NOT NULL")
    return bool(cursor.fetchone()[0])


def _text(value: str) -> str:
    """A text as PostgreSQL writes it, whatever ``standard_conforming_strings`` is."""
    return "E'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
