"""The statements of a body as DuckDB runs them: which are allowed, what the last one gives, and what an error says."""

from __future__ import annotations

import errno
import os
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import duckdb

from seeknal_nb.engines.names import refuse_doubled
from seeknal_nb.errors import DiskRefuses, NodeError, Spot
from seeknal_nb.sql.faults import fault_of
from seeknal_nb.sql.text import Statement, statements, words

if TYPE_CHECKING:
    from seeknal_nb.engines import Schema

__all__ = ["explained", "last", "only_select", "run_statement", "schema_of"]

_TEMPORARY = re.compile(r"create (or replace )?temp(orary)? (table|view|macro|function|sequence|type)\b", re.IGNORECASE)
_QUERY = re.compile(r"(pivot(_wider)?\b|select\b|from\b|with\b|\()", re.IGNORECASE)
_ROOM = "make room on it, then run again; what was finished is kept"
_SOUND = "see whether it is sound and may be written, then run again; what was finished is kept"
DISK = {errno.ENOSPC: _ROOM, errno.EDQUOT: _ROOM, errno.EROFS: _SOUND, errno.EIO: _SOUND}
"""What the system says of a disk, and what to do."""
_TELLING = re.compile(r"(summarize|describe|desc)\b", re.IGNORECASE)


def last(cursor: duckdb.DuckDBPyConnection, sql: str) -> Statement:
    """Run all statements but the last, and give the last one, which must be a SELECT."""
    body = statements(sql)
    kinds = [_allowed(statement) for statement in body]
    for statement in body[:-1]:
        run_statement(cursor, statement.text, statement)
    if not kinds or kinds[-1] == "CREATE":
        raise NodeError("the body gives no table", why="its last statement is no SELECT", remedy="end it with a SELECT")
    if kinds[-1] == "PIVOT":  # it is several statements to DuckDB, and COPY would not count its rows
        run_statement(cursor, f"CREATE OR REPLACE TEMP TABLE seeknal_pivot AS {body[-1].text}", body[-1])
        return Statement("SELECT * FROM seeknal_pivot", body[-1].line)
    return _selected(body[-1])


def _selected(statement: Statement) -> Statement:
    """As a SELECT, which DuckDB 1.5 wants within COPY, DESCRIBE and CREATE VIEW."""
    if _TELLING.match(statement.text):
        return Statement(f"SELECT * FROM ({statement.text})", statement.line, statement.start)
    return statement


def only_select(sql: str) -> str:
    """The one SELECT that a view is; raises ``NodeError`` for anything else, so that looking at a view runs nothing else."""
    body = statements(sql)
    if len(body) != 1 or _allowed(body[0]) != "SELECT":
        raise NodeError("a view is one SELECT", remedy="take materialized: view away, or write it as one SELECT")
    return _selected(body[0]).text


@lru_cache(maxsize=1024)
def _allowed(statement: Statement) -> str:
    """What kind of statement it is: SELECT, CREATE or PIVOT; all others are refused."""
    try:
        found = duckdb.extract_statements(statement.text)
    except duckdb.Error as error:
        raise explained(error, statement) from error
    kinds = [one.type.name for one in found]
    text = " ".join(statement.text[piece.start : piece.end] for piece in words(statement.text)[:5])
    if kinds == ["MULTI"]:  # what DuckDB 2 says of any statement with a PIVOT whose columns it has to look up
        kinds = ["CREATE"] if _TEMPORARY.match(text) else kinds
        if _QUERY.match(text):
            return "PIVOT"
    # DuckDB takes a PIVOT apart into CREATE TYPEs of its own, without a text, and a SELECT.
    made = [one.type.name == "CREATE" and not one.query.strip() for one in found[:-1]]
    if made and all(made) and kinds[-1] == "SELECT":
        return "PIVOT"
    if kinds == ["SELECT"] or (kinds == ["CREATE"] and _TEMPORARY.match(text)):
        return str(kinds[0])
    raise NodeError(
        f"{kinds[0] if kinds else 'an empty statement'} is not allowed in a node",
        why="a node's SQL reads, or makes temporary objects; this statement would change something else",
        remedy="use a source to read and an exposure to write",
    )


def run_statement(cursor: duckdb.DuckDBPyConnection, text: str, statement: Statement, *, above: int = 0) -> Any:
    """Execute a text that holds the statement after ``above`` lines of ours; an error names the body's line."""
    try:
        return cursor.execute(text).fetchall()
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        raise explained(error, statement, above=above) from error


def schema_of(cursor: duckdb.DuckDBPyConnection, select: Statement) -> Schema:
    """(column, SQL type) in order; raises ``NodeError`` for doubled columns. Runs nothing: a relation calls nextval."""
    told = run_statement(cursor, f"DESCRIBE\n{select.text}", select, above=1)
    refuse_doubled([name for name, *_ in told])
    return tuple((name, kind) for name, kind, *_ in told)


def explained(error: duckdb.Error, statement: Statement | None = None, *, above: int = 0) -> NodeError:
    """DuckDB's error as a node's, with the line of the body where the engine tells one."""
    if isinstance(error, duckdb.IOException) and (told := _of_disk(str(error))):
        return told
    text, spot = str(error).strip(), Spot()
    if statement is not None:
        text, spot = fault_of(text, statement.line - above)
    return NodeError("SQL failed", why=text[:4000], remedy="mend the SQL, then run again", spot=spot)


def _of_disk(text: str) -> DiskRefuses | None:
    """What DuckDB says where a disk takes no more, however it wraps that up; no fault of the SQL."""
    found = next((code for code in DISK if f'"errno":"{code}"' in text or os.strerror(code) in text), None)
    if found is None:
        return None
    file = re.search(r'file \\?"([^"\\]+)', text)
    where = f" {file[1]}" if file else ""
    return DiskRefuses(f"the disk does not take{where or ' what is written'}", why=os.strerror(found), remedy=DISK[found])
