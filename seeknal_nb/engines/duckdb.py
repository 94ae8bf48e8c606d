"""DuckDB in this process: each statement on a cursor of its own, its result straight to Parquet.

Facts that shaped this: a connection is not for two threads; the main thread does not see Ctrl-C while it is inside
DuckDB; an interrupt that comes before the statement begins is lost.
"""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb

from seeknal_nb.dag.sqltext import quote
from seeknal_nb.engines import Interrupted, Relation, Schema, Table
from seeknal_nb.engines.fetched import fetched
from seeknal_nb.engines.frames import taken
from seeknal_nb.engines.interrupts import attended
from seeknal_nb.engines.parquet import same_rows, stored, written, written_exactly
from seeknal_nb.engines.statements import explained, last, only_select, schema_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["DuckDB"]

T = TypeVar("T")
_SETTINGS = {
    "python_enable_replacements": "false",  # else `FROM df` reads a notebook's variable, unseen by any key
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "enable_external_file_cache": "false",  # 1.5 served stale bytes of a file that was replaced within a second
}


class DuckDB:
    """One in-memory database with a schema a kind and a view a bound input."""

    name = "duckdb"
    version = duckdb.__version__

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
        body = only_select(relation.sql) if relation.sql else stored(relation)
        cursor = self._connection.cursor()
        if schema not in self._schemas:
            cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}")
            self._schemas.add(schema)
        try:
            cursor.execute(f"CREATE OR REPLACE VIEW {quote(node_id)} AS {body}")
        except duckdb.Error as error:
            raise explained(error).at(node=node_id) from error

    def build(self, sql: str, to: Path) -> Table:
        """See ``Engine.build``."""
        return self._attended(lambda cursor: self._build(cursor, sql, to))

    def describe(self, sql: str) -> Schema:
        """See ``Engine.describe``."""
        return self._attended(lambda cursor: schema_of(cursor, last(cursor, sql)))

    def query(self, sql: str, *, form: str = "pandas") -> Any:
        """See ``Engine.query``."""
        return self._attended(lambda cursor: fetched(cursor.sql(last(cursor, sql).text), form))

    def take(self, value: object, to: Path) -> Table:
        """See ``Engine.take``; frames reach DuckDB through Arrow only, which is exact or fails."""
        frame, warnings = taken(value)

        def work(cursor: duckdb.DuckDBPyConnection) -> Table:
            cursor.register("seeknal_frame", frame)
            return replace(self._build(cursor, "SELECT * FROM seeknal_frame", to), warnings=warnings)

        return self._attended(work)

    def export(self, sql: str, to: Path, options: str) -> int:
        """See ``Engine.export``."""
        return self._attended(lambda cursor: written(cursor, last(cursor, sql), to, options).rows)

    def same_rows(self, one: Relation, other: Relation) -> bool:
        """See ``Engine.same_rows``."""
        try:
            return one.schema == other.schema and self._attended(partial(same_rows, one=one, other=other))
        except Interrupted:
            return False

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
        return written_exactly(cursor, last(cursor, sql), to)

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
            raise explained(error) from error
        finally:
            self._running.discard(cursor)
            cursor.close()

    def _watched(self, cursor: duckdb.DuckDBPyConnection, work: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        if self._helper is None:
            self._helper = ThreadPoolExecutor(1, thread_name_prefix="seeknal-sql")
        return attended(self._helper.submit(work, cursor), cursor.interrupt)
