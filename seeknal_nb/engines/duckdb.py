"""DuckDB in this process: a catalog a session, each statement on a cursor of its own, its result straight to Parquet.

Facts that shaped this: a connection is not for two threads; the main thread does not see Ctrl-C while it is inside
DuckDB; an interrupt that comes before the statement begins is lost; a database of its own costs 29 ms a job, and temporary
views have no schema, so that no body could say ``kind.name.column``.
"""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb

from seeknal_nb.engines import Interrupted, Relation, Schema, Table
from seeknal_nb.engines.fetched import fetched
from seeknal_nb.engines.frames import taken
from seeknal_nb.engines.interrupts import attended
from seeknal_nb.engines.parquet import same_rows, stored, written, written_exactly
from seeknal_nb.engines.statements import explained, last, only_select, schema_of
from seeknal_nb.sql.text import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

__all__ = ["DuckDB"]

T = TypeVar("T")
_SETTINGS = {
    "python_enable_replacements": "false",  # else `FROM df` reads a notebook's variable, unseen by any key
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "enable_external_file_cache": "false",  # 1.5 served stale bytes of a file that was replaced within a second
}
MOST_ALIKE = 1_000
"""Statements whose columns a database knows at a time."""


@dataclass(slots=True)
class _Catalog:
    """A database in memory, which one session has at a time: a schema a kind, and a view a bound input.

    Another session finds its views: what stands for the same is not bound again, and what it does not read goes.
    """

    name: str
    cursor: duckdb.DuckDBPyConnection
    bound: dict[str, Relation] = field(default_factory=dict)
    schemas: set[str] = field(default_factory=set)

    def bind(self, inputs: Mapping[str, Relation]) -> None:
        for node_id in [one for one in self.bound if one not in inputs]:
            self.cursor.execute(f"DROP VIEW {quote(node_id)}")
            del self.bound[node_id]
        for node_id, relation in inputs.items():
            if self.bound.get(node_id) != relation:
                self._create_view(node_id, relation)
                self.bound[node_id] = relation

    def _create_view(self, node_id: str, relation: Relation) -> None:
        schema = node_id.partition(".")[0]
        body = only_select(relation.sql) if relation.sql else stored(relation)
        if schema not in self.schemas:
            self.cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}")
            self.schemas.add(schema)
        try:
            self.cursor.execute(f"CREATE OR REPLACE VIEW {quote(node_id)} AS {body}")
        except duckdb.Error as error:
            raise explained(error).at(node=node_id) from error


class DuckDB:
    """One in-memory database, and catalogs of its own for sessions that are open at the same time.

    Args:
        spill: A folder for what memory cannot hold.
        memory: How much it may take, as DuckDB writes it; empty for its own choice.
        threads: How many; 0 for its own choice.
    """

    name = "duckdb"
    version = duckdb.__version__

    def __init__(self, *, spill: Path | None = None, memory: str = "", threads: int = 0) -> None:
        own = {"temp_directory": str(spill) if spill else "", "memory_limit": memory, "threads": threads}
        settings = {**_SETTINGS, **{name: value for name, value in own.items() if value}}
        self._connection = duckdb.connect(":memory:", config=settings)
        self._connection.execute("SET GLOBAL TimeZone = 'UTC'")
        self._lock = threading.Lock()
        self._free = [_Catalog("", self._connection.cursor())]
        self._attached = 0
        self._open: set[DuckDBSession] = set()
        self._helper = ThreadPoolExecutor(1, thread_name_prefix="seeknal-sql")
        self._alike: dict[tuple[str, str], Schema] = {}

    @contextlib.contextmanager
    def session(self, inputs: Mapping[str, Relation]) -> Iterator[DuckDBSession]:
        """See ``Engine.session``."""
        with self._lock:
            catalog = self._free.pop() if self._free else self._attach()
        session = DuckDBSession(self._connection, catalog.name, self._helper, self._alike)
        self._open.add(session)
        try:
            catalog.bind(inputs)
            yield session
        finally:
            self._open.discard(session)
            with self._lock:
                self._free.append(catalog)

    def _attach(self) -> _Catalog:
        self._attached += 1
        catalog = _Catalog(f"seeknal_{self._attached}", self._connection.cursor())
        catalog.cursor.execute(f"ATTACH ':memory:' AS {catalog.name}; USE {catalog.name}")
        return catalog

    def same_rows(self, one: Relation, other: Relation) -> bool:
        """See ``Engine.same_rows``."""
        if one.schema != other.schema:
            return False
        try:
            with self.session({}) as session:
                return session.attended(partial(same_rows, one=one, other=other))
        except Interrupted:
            return False

    def interrupt(self) -> None:
        """See ``Engine.interrupt``."""
        for session in list(self._open):
            session.interrupt()

    def close(self) -> None:
        """See ``Engine.close``."""
        self._helper.shutdown()
        self._connection.close()


class DuckDBSession:
    """Statements over one catalog.

    Args:
        connection: To the database.
        catalog: What to use; empty for the one that a cursor uses anyway.
        helper: A thread for the statements of the main thread.
        alike: Columns of statements, which the sessions of a database share; see ``build``.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, catalog: str, helper: ThreadPoolExecutor,
        alike: dict[tuple[str, str], Schema],
    ) -> None:  # fmt: skip
        self._connection, self._catalog, self._helper, self._alike = connection, catalog, helper, alike
        self._running: set[duckdb.DuckDBPyConnection] = set()

    def build(self, sql: str, to: Path, *, alike: str = "") -> Table:
        """See ``Session.build``."""
        return self.attended(partial(self._build, sql, to, alike))

    def _build(self, sql: str, to: Path, alike: str, cursor: duckdb.DuckDBPyConnection) -> Table:
        select = last(cursor, sql)
        schema = self._alike.get((alike, sql)) if alike else None
        if schema is None:
            schema = schema_of(cursor, select)
            if alike:
                if len(self._alike) >= MOST_ALIKE:
                    self._alike.clear()
                self._alike[alike, sql] = schema
        return written_exactly(cursor, select, to, schema)

    def describe(self, sql: str) -> Schema:
        """See ``Session.describe``."""
        return self.attended(lambda cursor: schema_of(cursor, last(cursor, sql)))

    def query(self, sql: str, *, form: str = "pandas") -> Any:
        """See ``Session.query``."""
        return self.attended(partial(self._query, sql, form))

    def _query(self, sql: str, form: str, cursor: duckdb.DuckDBPyConnection) -> Any:
        text = last(cursor, sql).text
        return cursor.execute(text).fetchall() if form == "rows" else fetched(cursor.sql(text), form)

    def take(self, value: object, to: Path) -> Table:
        """See ``Session.take``; frames reach DuckDB through Arrow only, which is exact or fails.

        What is in memory is soon written, and not interrupted: a body that ends after a stop has done its work.
        """
        frame, warnings = taken(value)

        def work(cursor: duckdb.DuckDBPyConnection) -> Table:
            cursor.register("seeknal_frame", frame)
            select = last(cursor, "SELECT * FROM seeknal_frame")
            table = written_exactly(cursor, select, to, schema_of(cursor, select))
            return replace(table, warnings=warnings)

        return self.attended(work, stops=False)

    def export(self, sql: str, to: Path, options: str) -> int:
        """See ``Session.export``."""
        return self.attended(partial(self._export, sql, to, options))

    def _export(self, sql: str, to: Path, options: str, cursor: duckdb.DuckDBPyConnection) -> int:
        select = last(cursor, sql)
        return written(cursor, select, to, options, schema_of(cursor, select)).rows

    def interrupt(self) -> None:
        """See ``Session.interrupt``."""
        for cursor in list(self._running):
            with contextlib.suppress(duckdb.ConnectionException):  # its statement has ended meanwhile
                cursor.interrupt()

    def attended(self, work: Callable[[duckdb.DuckDBPyConnection], T], *, stops: bool = True) -> T:
        """Run the work on a cursor: in this thread, or, for the main thread, in a helper that Ctrl-C can stop.

        Unless it ``stops``, ``interrupt`` does not reach it.

        Raises:
            NodeError, Interrupted: As ``Session.build`` says.
        """
        cursor = self._connection.cursor()
        if stops:
            self._running.add(cursor)
        try:
            if self._catalog:
                cursor.execute(f"USE {self._catalog}")
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
        return attended(self._helper.submit(work, cursor), cursor.interrupt)
