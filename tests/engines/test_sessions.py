"""Sessions: what a job binds, it alone reads, however many are open in one process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from waiting import MINUTES, eventually

from seeknal_nb.engines import EngineSpec, Interrupted, OnFirstUse, OpenedLater, Relation
from seeknal_nb.engines.duckdb import DuckDB
from seeknal_nb.engines.statements import explained
from seeknal_nb.errors import NodeError


@pytest.fixture
def engine() -> Iterator[DuckDB]:
    made = DuckDB()
    yield made
    made.close()


def stored(engine: DuckDB, folder: Path, number: int) -> Relation:
    path = folder / f"{number}.parquet"
    with engine.session({}) as session:
        schema = session.build(f"SELECT {number} AS v, 'x' AS w", path).schema
    return Relation(schema, ((schema, (str(path),)),))


READS = ("SELECT v FROM a.x", "SELECT a.x.v FROM a.x", "SELECT v FROM (PIVOT a.x ON w USING count(*) GROUP BY v)", "SELECT max::INT FROM (SUMMARIZE a.x) LIMIT 1")


@pytest.mark.parametrize("sql", READS)
def test_two_jobs_that_bind_one_id_to_other_files_never_mix(engine: DuckDB, tmp_path: Path, sql: str) -> None:
    """One catalog for all gave wrong rows, without an error."""
    relations = [stored(engine, tmp_path, number) for number in range(12)]

    def job(number: int) -> set[int]:
        with engine.session({"a.x": relations[number]}) as session:
            return {session.query(sql, form="rows")[0][0] for _ in range(5)}

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(job, range(12))) == [{number} for number in range(12)]


def test_a_session_reads_nothing_that_another_bound(engine: DuckDB) -> None:
    """Also not what the catalog that it takes over was used for: a view too many would be another answer each time."""
    with engine.session({"a.x": Relation(sql="SELECT 1 AS v"), "b.y": Relation(sql="SELECT * FROM a.x")}) as session:
        assert session.query("FROM b.y", form="rows") == [(1,)]
    with engine.session({"a.x": Relation(sql="SELECT 2 AS v")}) as session:
        assert session.query("FROM a.x", form="rows") == [(2,)]
        with pytest.raises(NodeError):
            session.query("FROM b.y")
        with engine.session({}) as other, pytest.raises(NodeError):
            other.query("FROM a.x")


def test_what_cannot_be_bound_leaves_the_engine_usable(engine: DuckDB) -> None:
    bad = {"a.x": Relation(sql="SELECT 1 AS v"), "a.y": Relation(sql="SELECT * FROM nowhere")}
    with pytest.raises(NodeError, match=r"a\.y"), engine.session(bad):
        pass
    with engine.session({"a.x": Relation(sql="SELECT 3 AS v")}) as session:
        assert session.query("FROM a.x", form="rows") == [(3,)]


def test_temporary_objects_are_of_one_statement(engine: DuckDB) -> None:
    """A body is described, then built: what its first statement makes must not be there already."""
    body = "CREATE TEMP TABLE t AS SELECT 1 AS v; SELECT * FROM t"
    with engine.session({}) as session, engine.session({}) as other:
        assert [one.query(body, form="rows") for one in (session, session, other)] == [[(1,)]] * 3


def test_what_is_in_memory_is_written_whatever_is_interrupted(engine: DuckDB, tmp_path: Path) -> None:
    """A body that ends after a stop has done its work."""
    frame, over = pa.table({"x": range(5_000_000)}), threading.Event()
    with engine.session({}) as session, ThreadPoolExecutor(1) as pool:

        def stop() -> None:
            while not over.is_set():
                engine.interrupt()

        stopping = pool.submit(stop)
        try:
            assert session.take(frame, tmp_path / "x.parquet").rows == len(frame)
        finally:
            over.set()
        stopping.result()


def test_an_interrupt_of_one_session_leaves_the_others(engine: DuckDB) -> None:
    found: list[object] = []
    with engine.session({}) as slow, engine.session({"a.x": Relation(sql="SELECT 1 AS v")}) as other:

        def ask() -> None:
            try:
                slow.query(MINUTES)
            except Interrupted as error:
                found.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        eventually(lambda: slow.interrupt() or (other.query("FROM a.x", form="rows") and found))
        thread.join()
    assert isinstance(found[0], Interrupted)


def test_a_session_is_opened_when_something_needs_it(engine: DuckDB) -> None:
    opener = OnFirstUse("duckdb")
    with OpenedLater(opener, {"a.x": Relation(sql="SELECT 1 AS v")}) as later:
        later.interrupt()
        assert opener.opened is None
        assert later.get() is later.get()
        assert later.get().query("FROM a.x", form="rows") == [(1,)]
    opener.close()


def test_another_process_takes_the_share_that_it_is_told(tmp_path: Path) -> None:
    opener = EngineSpec("duckdb", "512MiB", 1).opened_in(tmp_path / "spill")
    with opener.get().session({}) as session:
        found = session.query("SELECT current_setting('memory_limit'), current_setting('threads')", form="rows")
    assert found == [("512.0 MiB", 1)]
    opener.close()


def test_a_disk_that_is_full_is_no_fault_of_the_sql() -> None:
    """As DuckDB 2 says it of what its threads write, and as it says it of what it writes at once."""
    late = 'IO Error: Async write failed for range [offset=4, size=9]: {"exception_message":"Could not write file \\"o/data.parquet\\"","errno":"28"}'
    for text in (late, 'IO Error: Could not write file "o/data.parquet": No space left on device'):
        error = explained(duckdb.IOException(text))
        assert "the disk does not take o/data.parquet" in error.what
        assert error.why == "No space left on device"
        assert error.remedy.startswith("make room")
    assert "mend the SQL" in explained(duckdb.IOException('IO Error: Cannot open file "x.csv": No such file or directory')).remedy
