"""Parquet as DuckDB reads and writes it: what Parquet cannot hold is kept otherwise, or refused; and when rows are equal.

Parquet has no HUGEINT, and COPY would write it as DOUBLE, losing digits; it cuts intervals to milliseconds.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

import duckdb

from seeknal_nb.engines import Relation, Schema, Table
from seeknal_nb.engines.statements import run_statement
from seeknal_nb.errors import NodeError
from seeknal_nb.sql.text import Statement, column, literal, parquet, shown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["same_rows", "stored", "written", "written_exactly"]

_INEXACT = re.compile(r"\b(FLOAT|DOUBLE|INTERVAL)\b")
_BENT = re.compile(r"\b(INTERVAL|TIME WITH TIME ZONE)\b")
"""Types whose values Parquet may change: milliseconds and whole days of an interval, the offset of a time."""
_WIDE = re.compile(r"\bU?HUGEINT\b")
_PARQUET = "FORMAT parquet"


def stored(relation: Relation) -> str:
    """The rows of files, those of each schema with the columns of the whole."""
    if not relation.groups:
        nothing = ", ".join(f"CAST(NULL AS {kind}) AS {column(name)}" for name, kind in relation.schema)
        return f"SELECT {nothing} WHERE false"
    return " UNION ALL ".join(_group(relation.schema, *group) for group in relation.groups)


def _group(whole: Schema, schema: Schema, files: tuple[str, ...]) -> str:
    if schema == whole:
        return f"SELECT * FROM {parquet(*files)}"
    known = dict(schema)
    columns = [column(name) if known.get(name) == kind else _cast(name, kind, known) for name, kind in whole]
    return f"SELECT {', '.join(columns)} FROM {parquet(*files)}"


def _cast(name: str, kind: str, known: Mapping[str, str]) -> str:
    return f"CAST({column(name) if name in known else 'NULL'} AS {kind}) AS {column(name)}"


def same_rows(cursor: duckdb.DuckDBPyConnection, *, one: Relation, other: Relation) -> bool:
    """Sums of the rows' hashes first: other sums mean other rows. Equal ones prove nothing, so then rows are counted.

    EXCEPT takes 0.0 for -0.0, and 1 month for 30 days: they are compared by their sign, and as texts. Where one is
    nested in another type nothing tells, and the tables count as different.
    """
    keys = [_exact(column(name), kind) for name, kind in one.schema]
    if None in keys:
        return False
    sums = [
        cursor.sql(f"SELECT sum(hash(seeknal_row)::HUGEINT) FROM ({stored(table)}) seeknal_row").fetchall()
        for table in (one, other)
    ]
    if sums[0] != sums[1]:
        return False
    names = ", ".join(key for key in keys if key)
    counted = [f"(SELECT {names}, count(*) FROM ({stored(table)}) GROUP BY ALL)" for table in (one, other)]
    return not any(
        cursor.sql(f"SELECT 1 FROM ({this} EXCEPT {that}) LIMIT 1").fetchall()
        for this, that in itertools.permutations(counted)
    )


def _exact(name: str, kind: str) -> str | None:
    """A column as it is compared, by expressions that are equal only where the values are; None where there are none."""
    if kind in ("FLOAT", "DOUBLE"):
        return f"{name}, signbit({name})"
    if kind == "INTERVAL":
        return f"{name}::VARCHAR"
    return None if _INEXACT.search(kind) else name


def written_exactly(cursor: duckdb.DuckDBPyConnection, select: Statement, to: Path, schema: Schema) -> Table:
    """Run the statement, which has these columns, once, into a Parquet file that holds its values as they are.

    Raises:
        NodeError: Parquet has no such values; the column is named, and one of them.
    """
    unions = [name for name, kind in schema if "UNION(" in kind]
    if unions:
        remedy = f"give its members columns of their own, or cast it: {shown(unions[0])}::VARCHAR"
        raise NodeError(f"the column {unions[0]} cannot be stored", why="Parquet has no UNION", remedy=remedy)
    bent = [name for name, kind in schema if _BENT.search(kind)]
    if not bent:
        return written(cursor, select, to, _PARQUET, schema)
    run_statement(cursor, f"CREATE OR REPLACE TEMP TABLE seeknal_exact AS\n{select.text}", select, above=1)
    table = written(cursor, Statement("SELECT * FROM seeknal_exact", select.line), to, _PARQUET, schema)
    for name in bent:
        was, now = (f"{side}.{column(name)}::VARCHAR" for side in ("a", "b"))
        pairs = f"seeknal_exact a POSITIONAL JOIN {parquet(to)} b"
        other = cursor.execute(f"SELECT {was}, {now} FROM {pairs} WHERE {was} IS DISTINCT FROM {now} LIMIT 1").fetchall()
        if other:
            lost = "Parquet keeps milliseconds of an interval, and no offset of a time"
            why = f"{other[0][0]} would become {other[0][1]}: {lost}"
            remedy = f"cast it: {shown(name)}::VARCHAR"
            raise NodeError(f"the column {name} cannot be stored as it is", why=why, remedy=remedy)
    return table


def written(cursor: duckdb.DuckDBPyConnection, select: Statement, to: Path, options: str, schema: Schema) -> Table:
    """Run the statement once, into a file; its HUGEINTs as BIGINT, or where one does not fit as DECIMAL(38, 0)."""
    wide = {name: kind for name, kind in schema if "HUGEINT" in kind}
    if not wide:
        return Table(_copy(cursor, select, to, options), schema)
    try:
        return _copy_narrow(cursor, select, to, options, schema, {n: _narrow(kind, "BIGINT") for n, kind in wide.items()})
    except _TooWideError:
        types = {name: _narrow(kind, "DECIMAL(38,0)") for name, kind in wide.items()}
        return _copy_narrow(cursor, select, to, options, schema, types)


class _TooWideError(Exception):
    """A value does not fit the narrower integer."""


def _narrow(kind: str, integer: str) -> str:
    return _WIDE.sub(integer, kind)


def _copy_narrow(
    cursor: duckdb.DuckDBPyConnection,
    select: Statement,
    to: Path,
    options: str,
    schema: Schema,
    types: dict[str, str],
) -> Table:
    casts = ", ".join(f"CAST({column(name)} AS {kind}) AS {column(name)}" for name, kind in types.items())
    outer = Statement(f"SELECT * REPLACE ({casts}) FROM (\n{select.text}\n)", select.line - 1)
    try:
        rows = _copy(cursor, outer, to, options)
    except NodeError as error:
        if isinstance(error.__cause__, duckdb.ConversionException) and "BIGINT" in casts:
            raise _TooWideError from error
        raise
    return Table(rows, tuple((name, types.get(name, kind)) for name, kind in schema))


def _copy(cursor: duckdb.DuckDBPyConnection, select: Statement, to: Path, options: str) -> int:
    text = f"COPY (\n{select.text}\n) TO {literal(str(to))} ({options}, USE_TMP_FILE false)"
    return int(run_statement(cursor, text, select, above=1)[0][0])
