"""DuckDB in this process: each statement on a cursor of its own, its result straight to Parquet.

Facts that shaped this: a connection is not for two threads; the main thread does not see Ctrl-C while it is inside
DuckDB; an interrupt that comes before the statement begins is lost; Parquet has no HUGEINT, and COPY would write it
as DOUBLE, losing digits.
"""

from __future__ import annotations

import contextlib
import re
import threading
import warnings
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb

from seeknal_nb.dag.sqltext import Statement, column, literal, parquet, quote, statements
from seeknal_nb.engines import Interrupted, Relation, Table
from seeknal_nb.engines.frames import to_arrow
from seeknal_nb.errors import NodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["DuckDB"]

T = TypeVar("T")
_TEMPORARY = re.compile(
    r"\s*create\s+(or\s+replace\s+)?temp(orary)?\s+(table|view|macro|function|sequence|type)\b", re.IGNORECASE
)
_QUERY = re.compile(r"\s*(pivot(_wider)?\b|select\b|from\b|with\b|\()", re.IGNORECASE)
_WIDE = re.compile(r"\bU?HUGEINT\b")
_COMMENTS = re.compile(r"\s*(--[^\n]*\n|/\*.*?\*/)", re.DOTALL)
_LINE = re.compile(r"\n\nLINE (\d+): ")
_STEP = 0.05
_QUIET = threading.Lock()
"""Warnings are the process's: two threads that silence them for a while would leave them silent."""
_SETTINGS = {
    "python_enable_replacements": "false",  # else `FROM df` reads a notebook's variable, unseen by any key
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "enable_external_file_cache": "false",  # 1.5 served stale bytes of a file that was replaced within a second
}


class DuckDB:
    """One in-memory database with a schema a kind and a view a bound input."""

    name = "duckdb"

    def __init__(self, *, spill: Path | None = None) -> None:
        settings = {**_SETTINGS, **({"temp_directory": str(spill)} if spill else {})}
        self._connection = duckdb.connect(":memory:", config=settings)
        self._connection.execute("SET GLOBAL TimeZone = 'UTC'")
        self._bound: dict[str, Relation] = {}
        self._schemas: set[str] = set()
        self._lock = threading.Lock()
        self._running: set[duckdb.DuckDBPyConnection] = set()
        self._helper: ThreadPoolExecutor | None = None

    def bind(self, inputs: Mapping[str, Relation]) -> None:
        """Create the views that are not there yet, or stand for something else."""
        with self._lock:
            for node_id, relation in inputs.items():
                if self._bound.get(node_id) != relation:
                    self._create_view(node_id, relation)
                    self._bound[node_id] = relation

    def _create_view(self, node_id: str, relation: Relation) -> None:
        schema = node_id.partition(".")[0]
        body = f"SELECT * FROM {parquet(relation.file)}" if relation.file else _only_select(relation.sql or "")
        cursor = self._connection.cursor()
        if schema not in self._schemas:
            cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}")
            self._schemas.add(schema)
        try:
            cursor.execute(f"CREATE OR REPLACE VIEW {quote(node_id)} AS {body}")
        except duckdb.Error as error:
            raise _explained(error).at(node=node_id) from error

    def build(self, sql: str, to: Path) -> Table:
        """See ``Engine.build``."""
        return self._attended(lambda cursor: self._build(cursor, sql, to))

    def describe(self, sql: str) -> tuple[tuple[str, str], ...]:
        """See ``Engine.describe``."""
        return self._attended(lambda cursor: _schema(cursor, _last(cursor, sql)))

    def query(self, sql: str, *, form: str = "pandas") -> Any:
        """See ``Engine.query``."""
        return self._attended(lambda cursor: _fetch(cursor.sql(_last(cursor, sql).text), form))

    def take(self, value: object, to: Path) -> Table:
        """See ``Engine.take``; frames reach DuckDB through Arrow only, which is exact or fails."""
        frame = to_arrow(value)

        def work(cursor: duckdb.DuckDBPyConnection) -> Table:
            cursor.register("seeknal_frame", frame)
            return self._build(cursor, "SELECT * FROM seeknal_frame", to)

        return self._attended(work)

    def export(self, sql: str, to: Path, options: str) -> int:
        """See ``Engine.export``."""
        return self._attended(lambda cursor: _written(cursor, _last(cursor, sql), to, options).rows)

    def interrupt(self) -> None:
        """See ``Engine.interrupt``."""
        for cursor in list(self._running):
            with contextlib.suppress(duckdb.ConnectionException):  # its statement has ended meanwhile
                cursor.interrupt()

    def close(self) -> None:
        """See ``Engine.close``."""
        if self._helper is not None:
            self._helper.shutdown()
        self._connection.close()

    def _build(self, cursor: duckdb.DuckDBPyConnection, sql: str, to: Path) -> Table:
        return _written(cursor, _last(cursor, sql), to, "FORMAT parquet")

    def _attended(self, work: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """Run the work on a cursor: in this thread, or, for the main thread, in a helper that Ctrl-C can stop."""
        cursor = self._connection.cursor()
        self._running.add(cursor)
        try:
            if threading.current_thread() is threading.main_thread():
                return self._watched(cursor, work)
            return work(cursor)
        except duckdb.InterruptException as error:
            raise Interrupted from error
        except duckdb.Error as error:
            raise _explained(error) from error
        finally:
            self._running.discard(cursor)
            cursor.close()

    def _watched(self, cursor: duckdb.DuckDBPyConnection, work: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        if self._helper is None:
            self._helper = ThreadPoolExecutor(1, thread_name_prefix="seeknal-sql")
        future: Future[T] = self._helper.submit(work, cursor)
        try:
            while not future.done():
                with contextlib.suppress(TimeoutError):
                    future.exception(timeout=_STEP)
        except BaseException:
            while not wait([future], timeout=_STEP).done:
                cursor.interrupt()
            raise
        return future.result()


def _last(cursor: duckdb.DuckDBPyConnection, sql: str) -> Statement:
    """Run all statements but the last, and give the last one, which must be a SELECT."""
    body = statements(sql)
    kinds = [_allowed(statement) for statement in body]
    for statement in body[:-1]:
        _run(cursor, statement.text, statement)
    if not kinds or kinds[-1] == "CREATE":
        raise NodeError("the body gives no table", why="its last statement is no SELECT", remedy="end it with a SELECT")
    if kinds[-1] == "PIVOT":  # it is several statements to DuckDB, and COPY would not count its rows
        _run(cursor, f"CREATE OR REPLACE TEMP TABLE seeknal_pivot AS {body[-1].text}", body[-1])
        return Statement("SELECT * FROM seeknal_pivot", body[-1].line)
    return body[-1]


def _only_select(sql: str) -> str:
    """The one SELECT that a view is; raises ``NodeError`` for anything else, so that looking at a view runs nothing else."""
    body = statements(sql)
    if len(body) != 1 or _allowed(body[0]) != "SELECT":
        raise NodeError("a view is one SELECT", remedy="take materialized: view away, or write it as one SELECT")
    return body[0].text


def _allowed(statement: Statement) -> str:
    """What kind of statement it is: SELECT, CREATE or PIVOT; all others are refused."""
    try:
        found = duckdb.extract_statements(statement.text)
    except duckdb.Error as error:
        raise _explained(error, statement) from error
    kinds, text = [one.type.name for one in found], _uncommented(statement.text)
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


def _uncommented(text: str) -> str:
    while match := _COMMENTS.match(text):
        text = text[match.end() :]
    return text


def _run(cursor: duckdb.DuckDBPyConnection, text: str, statement: Statement, *, above: int = 0) -> Any:
    """Execute a text that holds the statement after ``above`` lines of ours; an error names the body's line."""
    try:
        return cursor.execute(text).fetchall()
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        raise _explained(error, statement, above=above) from error


def _schema(cursor: duckdb.DuckDBPyConnection, select: Statement) -> tuple[tuple[str, str], ...]:
    """(column, SQL type) in order; raises ``NodeError`` for doubled columns, of which Parquet would lose one."""
    if "nextval" in select.text.casefold():  # as a relation it would run at once, and use numbers up
        told = _run(cursor, f"DESCRIBE {select.text}", select)
        names, types = [row[0] for row in told], [row[1] for row in told]
    else:
        try:
            relation = cursor.sql(select.text)
        except duckdb.Error:
            _run(cursor, select.text, select)  # the same error, but with its line
            raise
        names, types = relation.columns, list(map(str, relation.types))
    doubled = sorted({n for n in names if sum(n.casefold() == other.casefold() for other in names) > 1})
    if doubled:
        raise NodeError(
            "the result has doubled columns", why=f"{', '.join(doubled)} (case is ignored)", remedy="rename them"
        )
    return tuple(zip(names, types, strict=True))


def _written(cursor: duckdb.DuckDBPyConnection, select: Statement, to: Path, options: str) -> Table:
    """Run the statement once, into a file; its HUGEINTs as BIGINT, or where one does not fit as DECIMAL(38, 0)."""
    schema = _schema(cursor, select)
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
    schema: tuple[tuple[str, str], ...],
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
    return int(_run(cursor, text, select, above=1)[0][0])


def _fetch(relation: Any, form: str) -> Any:
    if form == "rows":
        return relation.fetchall()
    if form == "arrow":
        return relation.to_arrow_table()
    if form == "polars":
        return relation.pl()
    with _QUIET, warnings.catch_warnings():  # DuckDB makes TIMESTAMPTZ columns by a call that pandas 3.1 deprecates
        warnings.simplefilter("ignore")
        return relation.df()


def _explained(error: duckdb.Error, statement: Statement | None = None, *, above: int = 0) -> NodeError:
    text, where = str(error).strip(), ""
    found = _LINE.search(text)
    if found and statement is not None:
        line = max(int(found[1]) - above + statement.line - 1, 1)
        text = f"{text[: found.start(1)]}{line}{text[found.end(1) :]}"
        where = f"at line {line} of its SQL: "
    return NodeError("SQL failed", why=f"{where}{text}"[:4000], remedy="mend the SQL, then run again")
