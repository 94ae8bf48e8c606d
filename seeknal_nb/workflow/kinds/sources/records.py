"""Rows of Python values, as SQLite and workbooks give them, as an Arrow table: exact, or text with a warning."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.sqltext import column
from seeknal_nb.errors import NodeError, near

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["Records", "of_sqlite", "of_workbook", "to_table"]

Records = tuple[list[str], list[Sequence[Any]]]
"""Names, and rows that may be shorter."""
EXACT = 2**53
"""Whole numbers up to here are exact as a float."""


def to_table(parts: Sequence[Records]) -> tuple[Any, list[str]]:
    """One Arrow table of all files' rows, joined by name, and what was not as it should be."""
    import pyarrow as pa  # noqa: PLC0415 - 0.2 s

    names = list(dict.fromkeys(name for own, _ in parts for name in own))
    columns, warned = [], []
    for name in names:
        values = [value for own, rows in parts for value in _values(own, rows, name)]
        kinds = {type(value) for value in values if value is not None}
        if not _alike(kinds, values):
            told = " and ".join(sorted(kind.__name__ for kind in kinds))
            warned.append(f"column {name!r} holds {told}: all of it is taken as text")
            values, kinds = [_text(value) for value in values], {str}
        columns.append(pa.array(values, pa.float64() if kinds == {int, float} else None))
    return pa.Table.from_arrays(columns, names=names), warned


def _values(names: Sequence[str], rows: Iterable[Sequence[Any]], name: str) -> list[Any]:
    if name not in names:
        return [None for _ in rows]
    at = names.index(name)
    return [row[at] if at < len(row) else None for row in rows]


def _alike(kinds: set[type], values: Iterable[Any]) -> bool:
    """Whether the values fit one column as they are."""
    if len(kinds) < 2:  # noqa: PLR2004 - one kind, or none
        return kinds != {int} or all(value is None or -(2**63) <= value < 2**63 for value in values)
    return kinds == {int, float} and all(abs(value) <= EXACT for value in values if isinstance(value, int))


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if isinstance(value, (dt.date, dt.time)) else str(value)


def of_sqlite(path: Path, *, table: str | None, query: str | None) -> Records:
    """A table or a query of a SQLite file, read by the standard library: DuckDB's reader is a download."""
    sql = query or f"SELECT * FROM {column(str(table))}"
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            if table and not query:
                _known_table(connection, table)
            connection.set_authorizer(_reading_only)
            cursor = connection.execute(sql)
            return [d[0] for d in cursor.description or ()], cursor.fetchall()
    except sqlite3.Error as error:
        raise NodeError("SQLite refuses", why=f"{error} in {path}", remedy="mend the table's name or the query") from error


def _known_table(connection: sqlite3.Connection, table: str) -> None:
    """SQLite takes a quoted name that it does not know for a text in some places; and knows no nearest name."""
    found = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")]
    if table.casefold() not in map(str.casefold, found):
        raise NodeError(f"there is no table {table!r}", remedy=near(table, found, what="table"))


def _reading_only(action: int, *_: object) -> int:
    reads = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)
    return sqlite3.SQLITE_OK if action in reads else sqlite3.SQLITE_DENY


def of_workbook(path: Path, options: Mapping[str, Any]) -> Records:
    """The rows of one sheet (``sheet``: a name or a number from 1; default the first), its values as last calculated."""
    rows = _sheet_rows(path, options.get("sheet"))[int(options.get("skip") or 0) :]
    while rows and all(value is None for value in rows[-1]):
        rows.pop()
    if not rows:
        raise NodeError("the sheet is empty", why=str(path), remedy="name another one: sheet: NAME")
    width = max(_filled(row) for row in rows)
    named = options.get("header", True)
    first = rows[0] if named else ()
    names = [_name(first[at] if at < len(first) else None, at) for at in range(width)]
    nulls = options.get("nullstr")
    words = {str(word) for word in (nulls if isinstance(nulls, (list, tuple)) else [nulls])} if nulls is not None else set()
    body: list[Sequence[Any]] = [
        [None if value in words else value for value in row[:width]] for row in rows[1 if named else 0 :]
    ]
    return names, body


def _sheet_rows(path: Path, sheet: Any) -> list[Sequence[Any]]:
    try:
        from openpyxl import load_workbook  # noqa: PLC0415 - an extra, and 0.2 s
        from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415
    except ImportError as error:
        raise NodeError("workbooks need a reader", why=str(error), remedy="pip install 'seeknal_nb[xlsx]'") from error
    from zipfile import BadZipFile  # noqa: PLC0415

    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (BadZipFile, InvalidFileException, KeyError, OSError, ValueError) as error:
        raise NodeError("the workbook cannot be read", why=f"{path}: {error}", remedy="save it as .xlsx") from error
    with closing(book):
        found = book[_sheet_name(book.sheetnames, sheet)]
        if not hasattr(found, "iter_rows"):
            raise NodeError(f"{found.title!r} is a chart, not a table", remedy=near("", book.sheetnames, what="sheet"))
        found.reset_dimensions()  # writers leave wrong ones, and rows beyond them would be lost
        return list(found.iter_rows(values_only=True))


def _sheet_name(names: Sequence[str], sheet: Any) -> str:
    if sheet is None:
        return names[0]
    if str(sheet) in names:
        return str(sheet)
    if isinstance(sheet, int) and 1 <= sheet <= len(names):
        return names[sheet - 1]
    raise NodeError(f"there is no sheet {sheet!r}", remedy=near(str(sheet), names, what="sheet"))


def _filled(row: Sequence[Any]) -> int:
    return max((at + 1 for at, value in enumerate(row) if value is not None), default=0)


def _name(value: Any, at: int) -> str:
    return f"column{at}" if value is None or not str(value).strip() else str(value).strip()
