"""Rows of a SQLite file, with the types that it declares, by the standard library: DuckDB's reader is a download."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from seeknal_nb.engines.names import distinct, renamed
from seeknal_nb.errors import NodeError, near
from seeknal_nb.kinds.sources.records import Records
from seeknal_nb.sql.text import column

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["of_sqlite"]

AFFINITIES = (
    ("BOOL", "BOOLEAN"),
    ("DATETIME", "TIMESTAMP"),
    ("TIMESTAMP", "TIMESTAMP"),
    ("DATE", "DATE"),
    ("INT", "BIGINT"),
    *((word, "VARCHAR") for word in ("CHAR", "CLOB", "TEXT", "STRING")),
    ("BLOB", "BLOB"),
    *((word, "DOUBLE") for word in ("REAL", "FLOA", "DOUB", "DEC", "NUM")),
)
"""Words of declared types, as SQLite looks for them (sqlite.org/datatype3.html), with those that it has no type for."""


def of_sqlite(path: Path, *, table: str | None, query: str | None) -> Records:
    """The rows of a table or a query.

    Raises:
        NodeError: SQLite refuses, or there is no such table.
    """
    sql = query or f"SELECT * FROM {column(str(table))}"
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            if table and not query:
                _known_table(connection, table)
            kinds = _kinds(connection, sql)
            connection.set_authorizer(_reading_only)
            cursor = connection.execute(sql)
            given = [one[0] for one in cursor.description or ()]
            names = distinct(given)
            types = {name: kind for name, kind in zip(names, kinds, strict=False) if kind}
            return Records(names, cursor.fetchall(), types, renamed(given, names, path.name))
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise NodeError("SQLite refuses", why=f"{error} in {path}", remedy="mend the table's name or the query") from error


def _known_table(connection: sqlite3.Connection, table: str) -> None:
    """SQLite takes a quoted name that it does not know for a text in some places; and knows no nearest name."""
    found = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")]
    if table.casefold() not in map(str.casefold, found):
        raise NodeError(f"there is no table {table!r}", remedy=near(table, found, what="table"))


def _kinds(connection: sqlite3.Connection, sql: str) -> list[str]:
    """What the columns are declared as, empty where they are computed: a view knows, which ends with the connection."""
    with suppress(sqlite3.Error, sqlite3.Warning):  # whatever is no SELECT is told when it is run
        connection.execute(f"CREATE TEMP VIEW seeknal_view AS {sql.strip().rstrip(';')}")
        told = connection.execute("PRAGMA temp.table_info(seeknal_view)").fetchall()
        return [_kind(str(row[2]).upper()) for row in told]
    return []


def _kind(declared: str) -> str:
    return next((kind for word, kind in AFFINITIES if word in declared), "")


def _reading_only(action: int, *_: object) -> int:
    reads = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)
    return sqlite3.SQLITE_OK if action in reads else sqlite3.SQLITE_DENY
