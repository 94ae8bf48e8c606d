"""Builds: their record proves itself, equal rows keep their digest, old folders are read or built again."""

from __future__ import annotations

import itertools
import json
import os
import random
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from seeknal_nb import Project
from seeknal_nb.engines import Relation
from seeknal_nb.engines.duckdb import DuckDB
from seeknal_nb.errors import NodeError
from seeknal_nb.storage.builds import Build, File, Part, Partitioning, build_digest, read_record, record_of
from seeknal_nb.storage.outputs import OutputStore
from seeknal_nb.storage.proofs import Proofs

SCHEMA = (("id", "BIGINT"), ("ü", "DECIMAL(9,2)"))
WIDER = (*SCHEMA, ("new", "VARCHAR"))
BUILD = Build(
    "transform.t", "k" * 32, "d" * 32, 7, Path("/x") / ("k" * 32), WIDER, {"source.a": "e" * 32}, {"metrics": {"a": 1.5, "é": None}},
    (
        Part("2024-01-05", "p1", 3, "d1", SCHEMA, (File("parts/p1.parquet", 10, "f1"),)),
        Part(None, "p2", 4, "d2", WIDER, (File("parts/p2.parquet", 20, "f2"), File("parts/p3.parquet", 5, "f3"))),
    ),
    (File(f"{'k' * 32}/model.skops", 9, "f4"),),
    Partitioning("day", "ts", "Europe/Berlin"),
)  # fmt: skip


def test_a_record_is_read_as_it_was_written():
    assert read_record(record_of(BUILD, 1.5), BUILD.path) == BUILD


def test_no_byte_of_a_record_can_change_unnoticed():
    data = record_of(BUILD, 1.5)
    for at, bit in itertools.product(range(len(data)), range(8)):
        broken = bytearray(data)
        broken[at] ^= 1 << bit
        with pytest.raises(ValueError):  # noqa: PT011 - whichever part of the parser notices
            read_record(bytes(broken), BUILD.path)
    for end in range(len(data)):
        with pytest.raises(ValueError):  # noqa: PT011
            read_record(data[:end], BUILD.path)


@pytest.mark.parametrize("change", [
    {"schema": (*WIDER[:2], ("other", "VARCHAR"))}, {"schema": (*WIDER[:2], ("new", "BLOB"))},
    {"parts": BUILD.parts[::-1]}, {"parts": BUILD.parts[:1]}, {"parts": (replace(BUILD.parts[0], digest="x"), BUILD.parts[1])},
    {"parts": (replace(BUILD.parts[0], value="2024-01-06"), BUILD.parts[1])}, {"artefacts": ()},
    {"artefacts": (File("k/model.skops", 9, "f5"),)},
])  # fmt: skip
def test_the_digest_is_of_schema_parts_and_artefacts(change):
    def digest(build):
        return build_digest(build.schema, build.parts, build.artefacts)

    assert digest(replace(BUILD, **change)) != digest(BUILD)


def test_the_digest_is_the_same_wherever_the_files_lie():
    moved = replace(BUILD.parts[0], key="other", files=(File("other/data.parquet", 10, "f1"),))
    artefacts = (File("other/model.skops", 9, "f4"),)
    assert build_digest(WIDER, (moved, BUILD.parts[1]), artefacts) == build_digest(WIDER, BUILD.parts, BUILD.artefacts)


def test_files_of_equal_schema_are_one_group():
    assert BUILD.relation() == Relation(WIDER, (
        (SCHEMA, ("/x/parts/p1.parquet",)), (WIDER, ("/x/parts/p2.parquet", "/x/parts/p3.parquet")),
    ))  # fmt: skip


def test_files_of_several_schemas_are_read_as_one_table(tmp_path: Path):
    """A column that a file lacks is NULL, and one of another type gets that of the whole."""
    engine, paths = DuckDB(), [str(tmp_path / f"[{n}]*.parquet") for n in range(3)]
    with engine.session({}) as session:
        for sql, path in zip(("SELECT 1 AS a", "SELECT 2::BIGINT AS a, 'x' AS b", "SELECT 3::BIGINT AS a, 'y' AS b"), paths, strict=True):
            session.build(sql, Path(path))
    whole = (("a", "BIGINT"), ("b", "VARCHAR"))
    groups = (((("a", "INTEGER"),), (paths[0],)), (whole, tuple(paths[1:])))
    with engine.session({"transform.t": Relation(whole, groups), "transform.none": Relation(whole)}) as session:
        assert session.query("SELECT * FROM transform.t", form="rows") == [(1, None), (2, "x"), (3, "y")]
        assert session.describe("SELECT * FROM transform.t") == session.describe("SELECT * FROM transform.none") == whole
        assert session.query("SELECT * FROM transform.none", form="rows") == []
    engine.close()


# equal rows -------------------------------------------------------------------------------------------------------------

DIFFERENT = [
    ("SELECT 1 AS a", "SELECT 2 AS a"),
    ("SELECT 1 AS a UNION ALL SELECT 2", "SELECT 1 AS a UNION ALL SELECT 1"),
    ("SELECT 1 AS a, 2 AS b", "SELECT 2 AS a, 1 AS b"),
    ("SELECT 1 AS a UNION ALL SELECT 1 UNION ALL SELECT 2", "SELECT 1 AS a UNION ALL SELECT 2 UNION ALL SELECT 2"),
    ("SELECT NULL::INT AS a", "SELECT 0 AS a"),
    ("SELECT NULL::INT[] AS a", "SELECT []::INT[] AS a"),
    ("SELECT [NULL]::INT[] AS a", "SELECT []::INT[] AS a"),
    ("SELECT {x: NULL::INT[]} AS a", "SELECT {x: []::INT[]} AS a"),
    ("SELECT [NULL::INT[]] AS a", "SELECT [[]::INT[]] AS a"),
    ("SELECT NULL::STRUCT(x INT) AS a", "SELECT {x: NULL::INT} AS a"),
    ("SELECT MAP {1: NULL::INT} AS a", "SELECT MAP {}::MAP(INT, INT) AS a"),
    ("SELECT INTERVAL 30 DAYS AS a", "SELECT INTERVAL 1 MONTH AS a"),
    ("SELECT [INTERVAL 30 DAYS] AS a", "SELECT [INTERVAL 1 MONTH] AS a"),
    ("SELECT 0.0::DOUBLE AS a", "SELECT -0.0::DOUBLE AS a"),
    ("SELECT 0.0::FLOAT AS a", "SELECT -0.0::FLOAT AS a"),
    ("SELECT [0.0::DOUBLE] AS a", "SELECT [-0.0::DOUBLE] AS a"),
    ("SELECT {x: 0.0::DOUBLE} AS a", "SELECT {x: -0.0::DOUBLE} AS a"),
    ("SELECT 'a' AS a", "SELECT 'a ' AS a"),
    ("SELECT 'a' AS a", "SELECT 'A' AS a"),
    ("SELECT '' AS a", "SELECT NULL::VARCHAR AS a"),
    ("SELECT 'NaN'::DOUBLE AS a", "SELECT NULL::DOUBLE AS a"),
    ("SELECT '\\x00'::BLOB AS a", "SELECT ''::BLOB AS a"),
    ("SELECT 1 AS a WHERE false", "SELECT 1 AS a"),
]
ROWS = """SELECT i % 5 AS a, (i % 3)::DOUBLE / 7 AS b, CASE WHEN i % 4 = 0 THEN NULL ELSE 'k' || i % 6 END AS c, [i % 2, NULL] AS d,
    {{x: i % 3, y: [i % 2]}} AS e, DATE '2024-01-01' + (i % 9)::INT AS f, (i % 8 || ' months')::INTERVAL AS g, i % 7 = 0 AS h,
    (i % 9)::DECIMAL(12, 3) AS j FROM range({n}) t(i) ORDER BY hash(i + {seed})"""


@pytest.fixture(scope="module")
def engine():
    made = DuckDB()
    yield made
    made.close()


@pytest.fixture
def session(engine: DuckDB):
    with engine.session({}) as made:
        yield made


def tables(engine: DuckDB, folder: Path, *statements: str) -> list[Relation]:
    found = []
    for number, sql in enumerate(statements):
        path = folder / f"{number}.parquet"
        path.unlink(missing_ok=True)
        with engine.session({}) as session:
            schema = session.build(sql, path).schema
        found.append(Relation(schema, ((schema, (str(path),)),)))
    return found


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_other_rows_are_never_taken_for_the_same(engine, tmp_path, one, other):
    first, second = tables(engine, tmp_path, one, other)
    assert not engine.same_rows(first, second)
    assert not engine.same_rows(second, first)


@pytest.mark.parametrize("n", [0, 1, 500, 5000])
def test_the_same_rows_in_another_order_are_the_same(engine, tmp_path, n):
    first, second = tables(engine, tmp_path, ROWS.format(n=n, seed=1), ROWS.format(n=n, seed=2))
    assert engine.same_rows(first, second)


def test_another_column_or_type_is_another_table(engine, tmp_path):
    one, other, third = tables(engine, tmp_path, "SELECT 1 AS a", "SELECT 1 AS b", "SELECT 1::BIGINT AS a")
    assert not engine.same_rows(one, other)
    assert not engine.same_rows(one, third)


def test_random_tables_are_the_same_where_their_bags_of_rows_are(engine, tmp_path):
    """Small integers: many pairs of tables are equal, and of the others many share the sum of their hashes."""
    chance = random.Random(7)
    for _ in range(150):
        size = chance.randrange(4)
        bags = [[(chance.randrange(3), chance.choice([0, 1, None])) for _ in range(size)] for _ in range(2)]
        values = [", ".join(f"({a}, {'NULL' if b is None else b})" for a, b in bag) or "(1, 1)" for bag in bags]
        where = "true" if size else "false"
        first, second = tables(engine, tmp_path, *(f"SELECT * FROM (VALUES {one}) t(a, b) WHERE {where}" for one in values))
        assert engine.same_rows(first, second) == (sorted(map(repr, bags[0])) == sorted(map(repr, bags[1])))


# what Parquet would change -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [
    "INTERVAL '1.123456 seconds'", "[INTERVAL '1.123456 seconds']", "{x: INTERVAL '1.123456 seconds'}", "INTERVAL '5000000 hours'",
    "'12:00:00+02'::TIMETZ", "['12:00:00+02'::TIMETZ]", "union_value(x := 1)",
])  # fmt: skip
def test_a_value_that_parquet_would_change_is_refused(session, tmp_path, value):
    with pytest.raises(NodeError, match="column v cannot be stored"):
        session.build(f"SELECT i, CASE WHEN i = 3 THEN {value} END AS v FROM range(5) t(i)", tmp_path / "x.parquet")


@pytest.mark.parametrize("value", [
    "INTERVAL '1 month 2 days 1.123 seconds'", "[INTERVAL 30 DAYS, NULL]", "'12:00:00+00'::TIMETZ", "'24:00:00'::TIME", "'infinity'::DATE",
    "'a'::ENUM('a','b')", "'101'::BIT", "[1,2]::INT[2]", "1.5::DECIMAL(38,10)", "'2024-01-01 00:00:01.123456789'::TIMESTAMP_NS",
    "170141183460469231731687303715884105::HUGEINT", "MAP {'a': NULL::INT}", "'-nan'::DOUBLE", "'0044-03-15 (BC)'::DATE",
    "123456789012345678901234567890123456789012345678901234567890::BIGNUM",
])  # fmt: skip
def test_what_is_stored_is_what_was_there(session, tmp_path, value):
    session.build(f"SELECT {value} AS v UNION ALL SELECT NULL", tmp_path / "x.parquet")
    stored = session.query(f"SELECT v::VARCHAR FROM '{tmp_path}/x.parquet'", form="rows")
    assert stored == session.query(f"SELECT ({value})::VARCHAR AS v UNION ALL SELECT NULL", form="rows")


# in a project -----------------------------------------------------------------------------------------------------------


def run(project: Project, **options):
    summary = project.run(progress=False, **options)
    assert not summary.failed_nodes, summary
    return {result.node_id: str(result.status) for result in summary.results}


def entry(project: Project, node_id: str) -> dict:
    return json.loads((project.directory / "target/state/execution_state.json").read_text())[node_id]


GROUPED = "SELECT k, count(*) AS n FROM source.f GROUP BY k"


def write(project: Project, rows) -> None:
    (project.directory / "f.csv").write_text("k,v\n" + "".join(f"{k},{v}\n" for k, v in rows))


def digest_after(project: Project, sql: str, after, **options) -> tuple[str, str]:
    project.source("f", csv="f.csv")
    project.transform("g", sql)
    run(project)
    first = entry(project, "transform.g")["digest"]
    after()
    run(project, **options)
    return first, entry(project, "transform.g")["digest"]


def test_equal_groups_in_another_order_keep_their_digest(project):
    """The rows come in the order of the file; another order of the file is another file, and other bytes of the groups."""
    write(project, [("a", 1), ("b", 2), ("b", 3)])
    project.source("f", csv="f.csv")
    project.transform("g", "SELECT k, count(*) AS n FROM source.f GROUP BY k UNION ALL SELECT 'z', 0 FROM source.f WHERE v = 9 UNION SELECT 'y', 1")
    project.transform("h", "SELECT sum(n) AS n FROM g")
    run(project)
    first = entry(project, "transform.g")["digest"]
    write(project, [("b", 3), ("b", 2), ("a", 1)])
    statuses = run(project)
    assert (statuses["transform.g"], statuses["transform.h"]) == ("success", "cached")
    assert entry(project, "transform.g")["digest"] == first


@pytest.mark.parametrize("sql", [
    "SELECT * FROM source.f", "SELECT k, v FROM source.f WHERE v > 0", "SELECT * FROM source.f ORDER BY v % 2",
    "SELECT DISTINCT k, v FROM source.f ORDER BY v", "SELECT k, v FROM source.f GROUP BY ALL ORDER BY v DESC",
    "SELECT * FROM source.f LIMIT 3",
])  # fmt: skip
def test_where_order_can_mean_something_bytes_count(project, sql):
    """A reader may take the first row."""
    write(project, [("a", 1), ("b", 2), ("c", 3)])
    first, second = digest_after(project, sql, lambda: write(project, [("c", 3), ("b", 4), ("a", 1)]))
    assert first != second
    order = [tuple(row) for row in project["g"].itertuples(index=False)]
    write(project, [("a", 1), ("b", 4), ("c", 3)])
    run(project)
    now = [tuple(row) for row in project["g"].itertuples(index=False)]
    assert sorted(now) == sorted(order)
    assert (entry(project, "transform.g")["digest"] == second) == (now == order)


def test_a_source_sorted_anew_is_another_source(project):
    write(project, [("a", 1), ("b", 2)])
    project.source("f", csv="f.csv")
    project.transform("first", "SELECT k FROM source.f LIMIT 1")
    run(project)
    write(project, [("b", 2), ("a", 1)])
    run(project)
    assert project["first"].k.tolist() == ["b"]


def test_an_edited_order_runs_the_readers(project):
    write(project, [("a", 1), ("b", 2), ("b", 3)])
    project.source("f", csv="f.csv")
    project.transform("g", f"{GROUPED} ORDER BY k")
    project.transform("first", "SELECT k FROM g LIMIT 1")
    run(project)
    project.transform("g", f"{GROUPED} ORDER BY k DESC")
    run(project)
    assert project["first"].k.tolist() == ["b"]


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_a_full_run_keeps_digests_whatever_the_threads(project, threads):
    """GROUP BY writes equal rows in other orders; the readers' keys are as before, so that nothing runs after it."""
    project.transform("s", "SELECT hash(i) % 3000 AS k, i AS v FROM range(200000) t(i)")
    project.transform("g", "SELECT k, count(*) AS n, max(v) AS m FROM s GROUP BY k")
    project.transform("h", "SELECT sum(n) AS n FROM g")
    run(project)
    before = {node: entry(project, node)["digest"] for node in ("transform.s", "transform.g", "transform.h")}
    engine = project.runner().engine.get()
    engine._connection.execute(f"SET threads = {threads}")
    run(project, full=True)
    assert {node: entry(project, node)["digest"] for node in before} == before
    assert set(run(project).values()) == {"cached"}


# old folders ------------------------------------------------------------------------------------------------------------


def as_version_1(project: Project) -> None:
    """What a folder of the former version holds: records without parts, entries with stat signatures, no proofs."""
    target = project.directory / "target"
    state = json.loads((target / "state/execution_state.json").read_text())
    for found in state.values():
        found["version"] = 1
        found.pop("proof")
        if found.get("output") is None:
            continue
        path = target / "outputs" / found["output"]
        path = path.rename(path.with_name(former := path.name[::-1]))
        record = json.loads((path / "build.json").read_text())
        files = {name.rpartition("/")[2]: [size, xxh3] for part in record.pop("parts") for name, size, xxh3 in part[5]}
        for name in ("schemas", "by", "artefacts", "checksum"):
            record.pop(name)
        digest = files["data.parquet"][1]
        (path / "build.json").write_text(json.dumps({**record, "key": former, "version": 1, "files": files, "digest": digest}))
        output = path.relative_to(target / "outputs").as_posix()
        found.update(version=1, files={"data.parquet": [1, 2, 3, 4]}, digest=digest, built=former, fingerprint=former, output=output)
        found["parts"].pop("engine")
    (target / "state/execution_state.json").write_text(json.dumps(state))
    (target / "state/proofs").unlink()


def test_builds_of_the_former_version_are_shown_and_made_once_more_with_that_reason(project):
    project.transform("a", "SELECT 1 AS x")
    project.transform("b", "SELECT x + 1 AS x FROM a")
    run(project)
    as_version_1(project)
    assert project["b"].x.tolist() == [2]
    assert [(step.action, step.reason) for step in project.plan()] == [("run", "built by an earlier version of seeknal_nb")] * 2
    assert set(run(project).values()) == {"success"}
    assert set(run(project).values()) == {"cached"}


def test_what_an_earlier_version_appended_is_appended_again_only_if_it_is_named(project):
    project.transform("a", "SELECT 1 AS x")
    project.exposure("e", inputs=["a"], type="file", params={"path": "out", "format": "parquet", "mode": "append"})
    run(project)
    files = sorted((project.directory / "out").iterdir())
    as_version_1(project)
    assert run(project) == {"transform.a": "success", "exposure.e": "skipped"}
    assert "would be there twice" in project.plan()["exposure.e"].reason
    assert sorted((project.directory / "out").iterdir()) == files
    assert run(project, nodes=["exposure.e"])["exposure.e"] == "success"
    assert set(run(project).values()) == {"cached"}


@pytest.mark.parametrize("rest", ["", "x", "{}", '{"version": 1}', '{"version": 3}', "[]", '{"version": 2, "parts": 7}', "null"])
def test_a_record_that_is_none_is_no_build(tmp_path: Path, rest):
    store = OutputStore(tmp_path, Proofs(tmp_path / "proofs"))
    (tmp_path / "transform/t/k").mkdir(parents=True)
    (tmp_path / "transform/t/k/build.json").write_text(rest)
    assert store.find("transform.t", "k") is None


def test_another_engine_is_a_reason(project):
    class Later(DuckDB):
        version = f"{int(DuckDB.version.partition('.')[0]) + 1}.0"

    project.transform("a", "SELECT 1 AS x")
    run(project)
    later = Project(project.directory, namespace={}, engine=Later())
    later.transform("a", "SELECT 1 AS x")
    assert [step.reason for step in later.plan()] == ["engine changed"]
    later.close()


# proofs -----------------------------------------------------------------------------------------------------------------


def test_proofs_may_be_deleted(project):
    project.transform("a", "SELECT 1 AS x")
    run(project)
    (project.directory / "target/state/proofs").unlink()
    assert set(run(project).values()) == {"cached"}


@pytest.mark.parametrize("rest", [b"", b"\n", b"\n[", b"\n\xff\n", b'\n["transform.a","k",{"data.parquet":[1,2,3,4]}', b'\n["transform.a"', b"\n7", b"\nnull"])
def test_a_torn_line_of_proofs_is_no_proof(tmp_path: Path, rest):
    proofs = Proofs(tmp_path / "proofs")
    proofs.note("transform.a", "k", {"data.parquet": (1, 2, 3, 4)})
    proofs.write()
    with (tmp_path / "proofs").open("ab") as file:
        file.write(rest)
    again = Proofs(tmp_path / "proofs")
    assert again.of("transform.a", "k") == {"data.parquet": (1, 2, 3, 4)}
    again.note("transform.b", "k", {"data.parquet": (5, 6, 7, 8)})
    again.write()
    assert Proofs(tmp_path / "proofs").of("transform.b", "k") == {"data.parquet": (5, 6, 7, 8)}


@pytest.mark.parametrize("told", [b"[1,2,3]", b"7", b'["a",2,3,4]', b"\xff", b"}"])
def test_a_damaged_line_of_proofs_proves_nothing(tmp_path: Path, told):
    (tmp_path / "proofs").write_bytes(b'\n["transform.a","k",{"data.parquet":' + told + b'}]\n["transform.b","k",{"data.parquet":[5,6,7,8]}]')
    proofs = Proofs(tmp_path / "proofs")
    assert proofs.of("transform.a", "k") == {}
    assert proofs.of("transform.b", "k") == {"data.parquet": (5, 6, 7, 8)}
    proofs.note("transform.a", "k", {"data.parquet": (1, 2, 3, 4)})
    proofs.write()
    assert Proofs(tmp_path / "proofs").of("transform.a", "k") == {"data.parquet": (1, 2, 3, 4)}


def test_who_asks_while_another_thread_reads_proofs_gets_all_or_waits(tmp_path: Path):
    """A plan in the notebook and a run behind it share them; what is half read would say that nothing is known."""
    proofs, over = Proofs(tmp_path / "proofs"), threading.Event()
    for number in range(2000):
        proofs.note(f"transform.n{number}", "k", {"data.parquet": (1, 2, 3, 4)})
    proofs.write()

    def look() -> None:
        while not over.is_set():
            os.utime(tmp_path / "proofs")
            proofs.look_again()
            proofs.of("transform.n0", "k")

    thread = threading.Thread(target=look)
    thread.start()
    try:
        assert all(proofs.of("transform.n1999", "k") for _ in range(1_000_000))
    finally:
        over.set()
        thread.join()


def test_proofs_do_not_grow_without_end(tmp_path: Path):
    proofs = Proofs(tmp_path / "proofs")
    for number in range(3000):
        proofs.note("transform.a", "k", {"data.parquet": (number, 2, 3, 4)})
        proofs.write()
    assert len((tmp_path / "proofs").read_bytes().splitlines()) < 2500
    assert Proofs(tmp_path / "proofs").of("transform.a", "k") == {"data.parquet": (2999, 2, 3, 4)}


def test_looking_writes_no_proof(project):
    project.transform("a", "SELECT 1 AS x")
    run(project)
    file = project.directory / "target/state/proofs"
    file.unlink()
    project.plan()
    assert project["a"].x.tolist() == [1]
    assert not file.exists()
