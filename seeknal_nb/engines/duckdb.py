"""DuckDB in this process: each statement on a cursor of its own, its result straight to Parquet.

Facts that shaped this: a connection is not for two threads; the main thread does not see Ctrl-C while it is inside
DuckDB; an interrupt that comes before the statement begins is lost; Parquet has no HUGEINT, and COPY would write it
as DOUBLE, losing digits.
"""

from __future__ import annotations

import re
import threading
import warnings
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb

from seeknal_nb.dag.sql import column, literal, quote
from seeknal_nb.engines import Interrupted, Relation, Table
from seeknal_nb.engines.frames import to_arrow
from seeknal_nb.errors import NodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["DuckDB"]

T = TypeVar("T")
_READS = frozenset({"SELECT", "EXPLAIN"})
_TEMPORARY = re.compile(r"\s*create\s+(or\s+replace\s+)?temp(orary)?\s", re.IGNORECASE)
_COMMENTS = re.compile(r"\s*(--[^\n]*\n|/\*.*?\*/)", re.DOTALL)
_LINE = re.compile(r"\n\nLINE (\d+): ")
_STEP = 0.05
PARQUET = "FORMAT parquet"
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
        self._lock = threading.Lock()
        self._running: set[duckdb.DuckDBPyConnection] = set()
        self._stopping = False
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
        body = f"SELECT * FROM read_parquet({literal(str(relation.file))})" if relation.file else relation.sql
        cursor = self._connection.cursor()
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}")
        cursor.execute(f"CREATE OR REPLACE VIEW {quote(node_id)} AS {body}")

    def build(self, sql: str, to: Path) -> Table:
        """See ``Engine.build``."""
        return self._attended(lambda cursor: self._build(cursor, sql, to))

    def describe(self, sql: str) -> tuple[tuple[str, str], ...]:
        """See ``Engine.describe``."""
        return self._attended(lambda cursor: _schema(cursor.sql(_last(cursor, sql))))

    def query(self, sql: str, *, form: str = "pandas") -> Any:
        """See ``Engine.query``."""
        return self._attended(lambda cursor: _fetch(cursor.sql(_last(cursor, sql)), form))

    def take(self, value: object, to: Path) -> Table:
        """See ``Engine.take``; frames reach DuckDB through Arrow only, which is exact or fails."""
        frame = to_arrow(value)

        def work(cursor: duckdb.DuckDBPyConnection) -> Table:
            cursor.register("seeknal_frame", frame)
            return self._build(cursor, "SELECT * FROM seeknal_frame", to)

        return self._attended(work)

    def export(self, sql: str, to: Path, options: str) -> int:
        """See ``Engine.export``."""
        return self._attended(lambda cursor: _copy(cursor, _last(cursor, sql), to, options))

    def interrupt(self) -> None:
        """See ``Engine.interrupt``."""
        for cursor in list(self._running):
            cursor.interrupt()

    def close(self) -> None:
        """See ``Engine.close``."""
        if self._helper is not None:
            self._helper.shutdown()
        self._connection.close()

    def _build(self, cursor: duckdb.DuckDBPyConnection, sql: str, to: Path) -> Table:
        select = _last(cursor, sql)
        schema = _schema(cursor.sql(select))
        wide = [name for name, kind in schema if kind in ("HUGEINT", "UHUGEINT")]
        if not wide:
            return Table(_copy(cursor, select, to, PARQUET), schema)
        try:
            return _build_narrow(cursor, select, to, schema, dict.fromkeys(wide, "BIGINT"))
        except duckdb.ConversionException:
            return _build_narrow(cursor, select, to, schema, dict.fromkeys(wide, "DECIMAL(38,0)"))

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
            while not wait([future], timeout=_STEP).done:
                pass
        except BaseException:
            while not wait([future], timeout=_STEP).done:
                cursor.interrupt()
            raise
        return future.result()


def _last(cursor: duckdb.DuckDBPyConnection, sql: str) -> str:
    """Run all statements but the last, and give the last one's text."""
    statements = duckdb.extract_statements(sql)
    texts = [s.query for s in statements]
    for statement in statements:
        _refuse(statement)
    if len(texts) > 1 and not texts[0].strip():  # PIVOT comes as two statements, and COPY would not count its rows
        cursor.execute(f"CREATE OR REPLACE TEMP TABLE seeknal_pivot AS {sql.strip().rstrip(';')}").fetchall()
        return "SELECT * FROM seeknal_pivot"
    for text in texts[:-1]:
        cursor.execute(text).fetchall()
    if not texts or statements[-1].type.name not in _READS:
        raise NodeError("the body gives no table", why="its last statement is no SELECT", remedy="end it with a SELECT")
    return str(texts[-1]).strip().rstrip(";")


def _refuse(statement: Any) -> None:
    kind = statement.type.name
    text = statement.query
    while match := _COMMENTS.match(text):
        text = text[match.end() :]
    if kind in _READS or (kind == "CREATE" and (not text.strip() or _TEMPORARY.match(text))):
        return
    raise NodeError(
        f"{kind} is not allowed in a node",
        why="a node's SQL reads, or makes temporary objects; this statement would change something else",
        remedy="use a source to read and an exposure to write",
    )


def _schema(relation: Any) -> tuple[tuple[str, str], ...]:
    return tuple(zip(relation.columns, map(str, relation.types), strict=True))


def _copy(cursor: duckdb.DuckDBPyConnection, select: str, to: Path, options: str) -> int:
    copied = cursor.execute(f"COPY (\n{select}\n) TO {literal(str(to))} ({options}, USE_TMP_FILE false)").fetchall()
    return int(copied[0][0])


def _build_narrow(
    cursor: duckdb.DuckDBPyConnection, select: str, to: Path, schema: tuple[tuple[str, str], ...], types: dict[str, str]
) -> Table:
    casts = ", ".join(f"CAST({column(name)} AS {kind}) AS {column(name)}" for name, kind in types.items())
    rows = _copy(cursor, f"SELECT * REPLACE ({casts}) FROM (\n{select}\n)", to, PARQUET)
    return Table(rows, tuple((name, types.get(name, kind)) for name, kind in schema))


def _fetch(relation: Any, form: str) -> Any:
    if form == "rows":
        return relation.fetchall()
    if form == "arrow":
        return relation.to_arrow_table()
    if form == "polars":
        return relation.pl()
    with warnings.catch_warnings():  # DuckDB makes TIMESTAMPTZ columns by a call that pandas 3.1 deprecates
        warnings.simplefilter("ignore")
        return relation.df()


def _explained(error: duckdb.Error) -> NodeError:
    text = str(error)
    line = _LINE.search(text)
    where = f"at line {line[1]} of its SQL: " if line else ""
    return NodeError("SQL failed", why=f"{where}{text.strip()}"[:4000], remedy="mend the SQL, then run again")
