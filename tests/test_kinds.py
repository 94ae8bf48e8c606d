"""What each node kind does, by tables of real cases; expected values are worked out by hand, by pandas or by pyarrow."""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import sqlite3
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kinds import arrow, build_of, failure, good, rows, run, status
from seeknal_nb import Project
from seeknal_nb.errors import ManifestError, SeeknalError

UTC = dt.UTC


@pytest.fixture
def project(tmp_path: Path):
    made = Project(tmp_path, namespace={})
    yield made
    made.close()


def types(project: Project, node_id: str) -> list[str]:
    con = duckdb.connect()
    found = con.execute(f"DESCRIBE SELECT * FROM read_parquet('{build_of(project, node_id)}')").fetchall()
    con.close()
    return [row[1] for row in found]


# Sources

SOURCES: dict[str, tuple[str, str, dict[str, Any], list[str], list[tuple[Any, ...]]]] = {
    "csv": ("a.csv", "a,b\n1,x\n2,y\n", {}, ["BIGINT", "VARCHAR"], [(1, "x"), (2, "y")]),
    "csv, CRLF and a byte order mark": ("a.csv", "\ufeffa,b\r\n1,x\r\n", {}, ["BIGINT", "VARCHAR"], [(1, "x")]),
    "csv, quotes, commas, line breaks": (
        "a.csv", 'a,b\n1,"x, ""y""\nz"\n2,q\n', {}, ["BIGINT", "VARCHAR"], [(1, 'x, "y"\nz'), (2, "q")],
    ),
    "csv, an empty field is null": ("a.csv", "a,b\n1,\n,2\n", {}, ["BIGINT", "BIGINT"], [(1, None), (None, 2)]),
    "csv, NA is null where it is said": (
        "a.csv", "a,b\n1,NA\n2,2.5\n", {"params": {"nullstr": "NA"}}, ["BIGINT", "DOUBLE"], [(1, None), (2, 2.5)],
    ),
    "csv, the peer's spelling null": (
        "a.csv", "a,b\n1,NA\n2,3\n", {"params": {"null": "NA"}}, ["BIGINT", "BIGINT"], [(1, None), (2, 3)],
    ),
    "csv, another delimiter": ("a.csv", "a;b\n1;2,5\n", {"params": {"delimiter": ";"}}, ["BIGINT", "VARCHAR"], [(1, "2,5")]),
    "csv, no header": ("a.csv", "1,x\n2,y\n", {"params": {"header": False}}, ["BIGINT", "VARCHAR"], [(1, "x"), (2, "y")]),
    "csv, dates and times": (
        "a.csv", "d,t\n2024-02-29,2024-02-29 12:30:45\n", {}, ["DATE", "TIMESTAMP"],
        [(dt.date(2024, 2, 29), dt.datetime(2024, 2, 29, 12, 30, 45))],
    ),
    "csv, a name that holds a quote": ("it's.csv", "a\n1\n", {}, ["BIGINT"], [(1,)]),
    "csv, named by the peer's keys": ("a.txt", "a\n1\n", {"source": "csv"}, ["BIGINT"], [(1,)]),
    "tsv": ("a.tsv", "a\tb\n1\tx,y\n", {}, ["BIGINT", "VARCHAR"], [(1, "x,y")]),
    "json": ("a.json", '[{"a": 1, "b": "x"}, {"a": 2, "b": null}]', {}, ["BIGINT", "VARCHAR"], [(1, "x"), (2, None)]),
    "json, nested": ("a.json", '[{"a": [1, null], "s": {"k": "v"}}]', {}, ["BIGINT[]", "STRUCT(k VARCHAR)"],
                     [([1, None], {"k": "v"})]),
    "jsonl": ("a.jsonl", '{"a": 1}\n{"a": 2}\n', {}, ["BIGINT"], [(1,), (2,)]),
    "ndjson is jsonl": ("a.ndjson", '{"a": 1}\n{"a": 2}\n', {}, ["BIGINT"], [(1,), (2,)]),
    "a schema casts": (
        "a.csv", "id,z\n1,007\n", {"schema": [{"name": "z", "data_type": "string"}, {"name": "id", "data_type": "DOUBLE"}]},
        ["DOUBLE", "VARCHAR"], [(1.0, "007")],
    ),
    "a schema casts to a decimal": (
        "a.csv", "p\n1.10\n", {"schema": [{"name": "p", "data_type": "DECIMAL(10,2)"}]}, ["DECIMAL(10,2)"],
        [(Decimal("1.10"),)],
    ),
    "no rows": ("a.csv", "a,b\n", {}, ["VARCHAR", "VARCHAR"], []),
}  # fmt: skip


@pytest.mark.parametrize(("file", "text", "config", "kinds", "expected"), SOURCES.values(), ids=SOURCES)
def test_a_source_reads_what_the_file_says(project, tmp_path, file, text, config, kinds, expected):
    (tmp_path / file).write_bytes(text.encode())
    project.source("s", path=file, **config)
    summary = good(project)
    assert (types(project, "source.s"), rows(project, "source.s")) == (kinds, expected)
    assert summary["source.s"].row_count == len(expected)


def test_a_parquet_source_keeps_every_type(project, tmp_path):
    table = pa.table({
        "d": pa.array([Decimal("1.50"), None], pa.decimal128(9, 2)), "t": pa.array([dt.date(2020, 1, 2), None]),
        "l": pa.array([[1, None], None], pa.list_(pa.int32())), "u": pa.array([2**64 - 1, 0], pa.uint64()),
    })  # fmt: skip
    pq.write_table(table, tmp_path / "a.parquet")
    project.source("s", path="a.parquet")
    good(project)
    assert arrow(project, "source.s").to_pylist() == table.to_pylist()
    assert types(project, "source.s") == ["DECIMAL(9,2)", "DATE", "INTEGER[]", "UBIGINT"]


@pytest.mark.parametrize(("params", "expected"), [
    ({"table": "t"}, [(1, "x", 1.5), (2, None, None)]),
    ({"query": "SELECT a * 10 AS a FROM t ORDER BY a DESC"}, [(20,), (10,)]),
])  # fmt: skip
def test_a_sqlite_source_reads_a_table_or_a_query(project, tmp_path, params, expected):
    con = sqlite3.connect(tmp_path / "a.sqlite")
    con.executescript("CREATE TABLE t (a INTEGER, b TEXT, c REAL); INSERT INTO t VALUES (1, 'x', 1.5), (2, NULL, NULL)")
    con.close()
    project.source("s", source="sqlite", path="a.sqlite", params=params)
    good(project)
    assert rows(project, "source.s") == expected


@pytest.mark.parametrize("params", [{"table": "nope"}, {"query": "SELEC 1"}, {"table": 't"; DROP TABLE t; --'}])
def test_a_sqlite_source_that_cannot_be_read_says_so_and_leaves_the_file(project, tmp_path, params):
    con = sqlite3.connect(tmp_path / "a.sqlite")
    con.executescript("CREATE TABLE t (a INTEGER)")
    con.close()
    before = (tmp_path / "a.sqlite").read_bytes()
    project.source("s", source="sqlite", path="a.sqlite", params=params)
    assert failure(project, "source.s").error_message
    assert (tmp_path / "a.sqlite").read_bytes() == before


@pytest.mark.parametrize("path", ["parts/*.csv", "parts", "parts/"])
def test_a_pattern_or_a_folder_is_all_its_files_in_order_and_a_new_file_is_a_change(project, tmp_path, path):
    (tmp_path / "parts").mkdir()
    for name, value in (("b", 2), ("a", 1)):
        (tmp_path / "parts" / f"{name}.csv").write_text(f"x\n{value}\n")
    project.source("s", source="csv", path=path)
    good(project)
    assert rows(project, "source.s") == [(1,), (2,)]
    assert status(good(project)) == {"source.s": "cached"}
    (tmp_path / "parts" / "c.csv").write_text("x\n3\n")
    assert good(project)["source.s"].reason == "source data changed"
    assert rows(project, "source.s") == [(1,), (2,), (3,)]
    (tmp_path / "parts" / "a.csv").unlink()
    good(project)
    assert rows(project, "source.s") == [(2,), (3,)]


def test_a_cast_that_fails_is_loud(project, tmp_path):
    """A value that is no number must not become null: sums would be wrong and green."""
    (tmp_path / "a.csv").write_text("n\n1\nabc\n")
    project.source("s", path="a.csv", schema=[{"name": "n", "data_type": "INTEGER"}])
    assert "abc" in failure(project, "source.s").error_message


def test_a_schema_that_names_a_missing_column_says_which(project, tmp_path):
    (tmp_path / "a.csv").write_text("amount\n1\n")
    project.source("s", path="a.csv", schema=[{"name": "amuont", "data_type": "INTEGER"}])
    assert "amuont" in failure(project, "source.s").error_message


def test_a_type_in_a_schema_is_never_sql(project, tmp_path):
    (tmp_path / "a.csv").write_text("n\n1\n")
    with pytest.raises(ManifestError, match="no data type"):
        project.node("source", "s", path="a.csv", schema=[{"name": "n", "data_type": "INT) AS n); DROP TABLE x; --"}])


def test_text_that_is_mostly_numbers_is_pointed_out(project, tmp_path):
    """DuckDB knows no NA, and the column silently arrives as text."""
    (tmp_path / "a.csv").write_text("n\n" + "1\n" * 99 + "NA\n")
    project.source("s", path="a.csv")
    (warning,) = good(project)["source.s"].metadata["warnings"]
    assert "n is text" in warning
    assert "--null NA" in warning


READING = {
    "read_csv": "SELECT * FROM read_csv('a.csv')",
    "read_csv with options": "SELECT * FROM read_csv('a.csv', header = true, nullstr = 'NA')",
    "a file as a table": "FROM 'a.csv'",
    "a list": "SELECT * FROM read_csv(['a.csv'])",
    "a pattern": "SELECT * FROM read_csv('a*.csv')",
    "auto": "SELECT x FROM read_csv_auto('a.csv')",
}


@pytest.mark.parametrize("kind", ["source", "transform"])
@pytest.mark.parametrize("sql", READING.values(), ids=READING)
def test_a_file_that_sql_names_lies_in_the_project_and_is_watched(project, tmp_path, kind, sql):
    """KINDS § 1.1: files named in SQL are inputs of that node too; relative ones start at the project's folder."""
    (tmp_path / "a.csv").write_text("x\n1\n")
    project.node(kind, "s", sql)
    good(project)
    assert rows(project, f"{kind}.s") == [(1,)]
    assert status(good(project)) == {f"{kind}.s": "cached"}
    (tmp_path / "a.csv").write_text("x\n12\n")
    assert status(good(project)) == {f"{kind}.s": "success"}
    assert rows(project, f"{kind}.s") == [(12,)]


def test_a_touched_file_with_the_same_content_is_no_change(project, tmp_path):
    (tmp_path / "a.csv").write_text("x\n1\n")
    project.source("s", path="a.csv")
    good(project)
    (tmp_path / "a.csv").write_text("x\n1\n")
    os.utime(tmp_path / "a.csv", (1, 1))
    assert status(good(project)) == {"source.s": "cached"}


def test_a_change_of_the_same_size_under_the_old_time_is_seen(project, tmp_path):
    """``touch -r`` and cp -p keep mtime; the stat signature has ctime and inode too."""
    (tmp_path / "a.csv").write_text("x\n1\n")
    os.utime(tmp_path / "a.csv", ns=(10**18, 10**18))
    project.source("s", path="a.csv")
    good(project)
    (tmp_path / "a.csv").write_text("x\n2\n")
    os.utime(tmp_path / "a.csv", ns=(10**18, 10**18))
    good(project)
    assert rows(project, "source.s") == [(2,)]


def test_a_missing_file_fails_with_its_path_and_the_old_build_stays(project, tmp_path):
    (tmp_path / "a.csv").write_text("x\n1\n")
    project.source("s", path="a.csv")
    project.transform("t", sql="SELECT * FROM source.s")
    good(project)
    (tmp_path / "a.csv").unlink()
    summary = run(project, continue_on_error=True)
    assert "a.csv" in summary["source.s"].error_message
    assert status(summary) == {"source.s": "failed", "transform.t": "skipped"}
    assert summary["transform.t"].reason == "upstream failed: source.s"
    assert rows(project, "source.s") == [(1,)]
    assert status(run(project))["source.s"] == "failed"  # not taken for fresh


def test_a_file_that_changes_while_it_is_read_is_never_taken_for_whole(project, tmp_path):
    """RELIABILITY rule 10: hash before and after; a snapshot of half a copy must not be remembered."""
    path = tmp_path / "a.csv"
    path.write_text("x\n" + "1\n" * 2_000_000)
    project.source("s", path="a.csv")
    over = threading.Event()

    def append() -> None:
        with path.open("a") as file:
            while not over.wait(0.001):
                file.write("1\n")
                file.flush()

    writer = threading.Thread(target=append)
    writer.start()
    try:
        message = failure(project, "source.s").error_message
    finally:
        over.set()
        writer.join()
    assert "changed while it was read" in message
    assert good(project)["source.s"].row_count == path.read_text().count("1")


FRAMES: dict[str, tuple[Any, list[str], list[tuple[Any, ...]]]] = {
    "numbers and text": (pd.DataFrame({"a": [1, 2], "b": ["x", None]}), ["BIGINT", "VARCHAR"], [(1, "x"), (2, None)]),
    "missing numbers": (pd.DataFrame({"a": [1.5, float("nan")]}), ["DOUBLE"], [(1.5,), (None,)]),
    "nullable integers": (pd.DataFrame({"a": pd.array([2**53 + 1, None], "Int64")}), ["BIGINT"], [(2**53 + 1,), (None,)]),
    "booleans": (pd.DataFrame({"a": [True, False]}), ["BOOLEAN"], [(True,), (False,)]),
    "times": (
        pd.DataFrame({"t": pd.to_datetime(["2024-01-02 03:04:05.000006", None])}), ["TIMESTAMP"],
        [(dt.datetime(2024, 1, 2, 3, 4, 5, 6),), (None,)],
    ),
    "times with a zone": (
        pd.DataFrame({"t": pd.to_datetime(["2024-07-01 12:00"]).tz_localize("Europe/Berlin")}),
        ["TIMESTAMP WITH TIME ZONE"], [(dt.datetime(2024, 7, 1, 10, tzinfo=UTC),)],
    ),
    "categories": (pd.DataFrame({"c": pd.Categorical(["b", "a", "b"])}), ["VARCHAR"], [("b",), ("a",), ("b",)]),
    "decimals": (pd.DataFrame({"d": [Decimal("1.10"), Decimal("22.05")]}), ["DECIMAL(4,2)"],
                 [(Decimal("1.10"),), (Decimal("22.05"),)]),
    "days": (pd.DataFrame({"d": [dt.date(2024, 2, 29)]}), ["DATE"], [(dt.date(2024, 2, 29),)]),
    "lists": (pd.DataFrame({"l": [[1, None, 3], []]}), ["BIGINT[]"], [([1, None, 3],), ([],)]),
    "mappings": (pd.DataFrame({"m": [{"k": 1}, {"k": None}]}), ["STRUCT(k BIGINT)"], [({"k": 1},), ({"k": None},)]),
    "bytes": (pd.DataFrame({"b": [b"\x00\xff"]}), ["BLOB"], [(b"\x00\xff",)]),
    "the widest unsigned integer": (pd.DataFrame({"u": pd.array([2**64 - 1], "uint64")}), ["UBIGINT"], [(2**64 - 1,)]),
    "numbers of mixed kinds": (
        pd.DataFrame({"o": pd.Series([1, 2.5, None, 3] * 1000, dtype="object")}), ["DOUBLE"],
        [(1.0,), (2.5,), (None,), (3.0,)] * 1000,
    ),
    "a column of nothing": (pd.DataFrame({"a": [1, 2], "n": pd.Series([None, None], dtype="object")}), ["BIGINT", "VARCHAR"],
                            [(1, None), (2, None)]),
    "no rows": (pd.DataFrame({"a": pd.Series([], dtype="int64"), "b": pd.Series([], dtype="str")}), ["BIGINT", "VARCHAR"], []),
    "an index without a name": (pd.DataFrame({"a": [1, 2]}, index=[7, 8]), ["BIGINT"], [(1,), (2,)]),
    "an index with a name": (pd.DataFrame({"a": [1]}, index=pd.Index([7], name="k")), ["BIGINT", "BIGINT"], [(7, 1)]),
    "an index of two levels": (
        pd.DataFrame({"a": [1]}, index=pd.MultiIndex.from_tuples([(7, "x")], names=["k", "l"])),
        ["BIGINT", "VARCHAR", "BIGINT"], [(7, "x", 1)],
    ),
    "reversed in memory": (pd.DataFrame({"a": [1, 2, 3]}).iloc[::-1], ["BIGINT"], [(3,), (2,), (1,)]),
    "a series": (pd.Series([1, 2], name="a"), ["BIGINT"], [(1,), (2,)]),
    "names that are numbers": (pd.DataFrame({0: [1], 1: [2]}), ["BIGINT", "BIGINT"], [(1, 2)]),
    "arrow": (pa.table({"a": [1, None]}), ["BIGINT"], [(1,), (None,)]),
    "a dict of columns": ({"a": [1, 2], "b": ["x", None]}, ["BIGINT", "VARCHAR"], [(1, "x"), (2, None)]),
    "records with other keys": ([{"a": 1}, {"b": "x"}, {"a": 3}], ["BIGINT", "VARCHAR"], [(1, None), (None, "x"), (3, None)]),
}  # fmt: skip


@pytest.mark.parametrize(("frame", "kinds", "expected"), FRAMES.values(), ids=FRAMES)
def test_a_frame_of_the_notebook_arrives_exactly(project, frame, kinds, expected):
    project.namespace = {"df": frame}
    project.source("s", input="df", source="dataframe")
    good(project)
    assert (types(project, "source.s"), rows(project, "source.s")) == (kinds, expected)


BAD_FRAMES: dict[str, tuple[Any, str]] = {
    "text among numbers": (pd.DataFrame({"ok": [1, 2], "mixed": pd.Series([1, "a"], dtype="object")}), "mixed"),
    "complex numbers": (pd.DataFrame({"ok": [1], "odd": [1 + 2j]}), "odd"),
    "objects": (pd.DataFrame({"odd": [object(), object()]}), "odd"),
    "integers beyond 64 bits": (pd.DataFrame({"huge": pd.Series([2**70, 1], dtype="object")}), "huge"),
    "doubled names": (pd.DataFrame([[1, 2]], columns=["a", "a"]), "a"),
    "names that differ in case": (pd.DataFrame([[1, 2]], columns=["a", "A"]), "a"),
    "1 and '1'": (pd.DataFrame([[1, 2]], columns=[1, "1"]), "1"),
    "columns of two levels": (pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])), "levels"),
    "an index named as a column": (pd.DataFrame({"k": [1]}, index=pd.Index([2], name="k")), "k"),
    "no columns": (pd.DataFrame(index=[1, 2]), "no columns"),
    "columns of other lengths": ({"a": [1], "b": [1, 2]}, ""),
    "nothing": (None, "nothing"),
    "a number": (7, "int"),
    "a text": ("abc", "str"),
    "a generator": ((i for i in range(3)), "generator"),
    "a list of numbers": ([1, 2], "list"),
}


@pytest.mark.parametrize(("value", "fragment"), BAD_FRAMES.values(), ids=BAD_FRAMES)
def test_what_is_no_table_or_cannot_be_stored_exactly_fails_and_names_the_column(project, tmp_path, value, fragment):
    """RELIABILITY O04: exact round-trip, or FAILED naming the column."""
    import sys
    import types as kinds_of_python

    module = kinds_of_python.ModuleType("values_of_this_test")
    module.value = value
    sys.modules[module.__name__] = module
    try:
        project.transform("t", python="import values_of_this_test\nresult = values_of_this_test.value")
        message = failure(project, "transform.t").error_message
    finally:
        del sys.modules[module.__name__]
    assert fragment in message
    assert not list((tmp_path / "target" / "outputs").rglob("data.parquet"))


@pytest.mark.parametrize("change", [
    lambda df: df.loc.__setitem__((0, "a"), 9), lambda df: df.rename(columns={"a": "z"}, inplace=True),
    lambda df: df.__setitem__("a", df["a"].astype("float64")), lambda df: df.__setitem__("c", 1),
], ids=["value", "name", "dtype", "column"])  # fmt: skip
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_frame_that_was_changed_in_place_is_a_change(project, change):
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    project.namespace = {"df": frame}
    project.source("s", input="df", source="dataframe")
    good(project)
    assert status(good(project)) == {"source.s": "cached"}
    change(frame)
    assert good(project)["source.s"].reason == "source data changed"


def test_a_copy_of_a_frame_is_no_change(project):
    frame = pd.DataFrame({"a": [1, 2, 3], "b": ["x", None, "y"]})
    project.namespace = {"df": frame}
    project.source("s", input="df", source="dataframe")
    good(project)
    project.namespace = {"df": pd.concat([frame[:1], frame[1:]])}
    assert status(good(project)) == {"source.s": "cached"}


def test_a_variable_that_is_not_there_is_named_with_the_nearest(project):
    project.namespace = {"labels": pd.DataFrame({"a": [1]})}
    project.source("s", input="lables", source="dataframe")
    with pytest.raises(ManifestError, match=r"lables.*did you mean labels"):
        run(project)


def test_a_python_source_gives_a_table(project):
    project.source("s", python="return [{'day': n, 'rate': n / 2} for n in range(3)]")
    good(project)
    assert rows(project, "source.s") == [(0, 0.0), (1, 0.5), (2, 1.0)]


# Types through Parquet

TYPES: dict[str, tuple[str, str, Any]] = {
    "a sum beyond 2^53": (
        "SELECT sum(x) FROM (VALUES (9007199254740993::BIGINT), (2::BIGINT)) t(x)", "BIGINT", 9007199254740995),
    "a sum beyond 2^63": (
        "SELECT sum(x) FROM (VALUES (9223372036854775807::BIGINT), (9223372036854775807::BIGINT)) t(x)", "DECIMAL(38,0)",
        Decimal(18446744073709551614)),
    "a negative sum beyond 2^63": (
        "SELECT sum(x) FROM (VALUES ((-9223372036854775808)::BIGINT), (-2::BIGINT)) t(x)", "DECIMAL(38,0)",
        Decimal(-9223372036854775810)),
    "a sum of nothing": ("SELECT sum(x) FROM (SELECT 1::BIGINT AS x WHERE false)", "BIGINT", None),
    "an unsigned hugeint": ("SELECT 12::UHUGEINT", "BIGINT", 12),
    "a date": ("SELECT DATE '2024-02-29'", "DATE", dt.date(2024, 2, 29)),
    "a date before 1970": ("SELECT DATE '1582-10-04'", "DATE", dt.date(1582, 10, 4)),
    "a decimal": ("SELECT 1234567890123456.78::DECIMAL(18,2)", "DECIMAL(18,2)", Decimal("1234567890123456.78")),
    "a wide decimal": ("SELECT '12345678901234567890.123'::DECIMAL(38,3)", "DECIMAL(38,3)", Decimal("12345678901234567890.123")),
    "a map": ("SELECT MAP {'a': 1, 'b': NULL}", "MAP(VARCHAR, INTEGER)", [("a", 1), ("b", None)]),
    "a list with a null": ("SELECT [1, NULL, 3]", "INTEGER[]", [1, None, 3]),
    "a struct of a list": ("SELECT {'k': [1, 2], 's': 'x'}", "STRUCT(k INTEGER[], s VARCHAR)", {"k": [1, 2], "s": "x"}),
    "a time": ("SELECT TIME '12:30:45.000001'", "TIME", dt.time(12, 30, 45, 1)),
    "a timestamp": ("SELECT TIMESTAMP '2024-07-01 12:00:00.000001'", "TIMESTAMP", dt.datetime(2024, 7, 1, 12, 0, 0, 1)),
    "a timestamp with a zone": (
        "SELECT TIMESTAMPTZ '2024-07-01 12:00:00+02'", "TIMESTAMP WITH TIME ZONE", dt.datetime(2024, 7, 1, 10, tzinfo=UTC)),
    "a blob": (r"SELECT '\x00\xFF'::BLOB", "BLOB", b"\x00\xff"),
    "an enum": ("SELECT 'x'::ENUM('x', 'y')", "VARCHAR", "x"),
    "the widest integer": ("SELECT 18446744073709551615::UBIGINT", "UBIGINT", 2**64 - 1),
    "a tiny integer": ("SELECT (-128)::TINYINT", "TINYINT", -128),
    "a float": ("SELECT 0.1::FLOAT", "FLOAT", 0.10000000149011612),
    "infinity": ("SELECT 'infinity'::DOUBLE", "DOUBLE", float("inf")),
    "an empty text is not null": ("SELECT ''", "VARCHAR", ""),
    "letters of other scripts": ("SELECT '漢字 é 🦆'", "VARCHAR", "漢字 é 🦆"),
}  # fmt: skip


@pytest.mark.parametrize(("sql", "kind", "expected"), TYPES.values(), ids=TYPES)
def test_a_result_goes_to_parquet_and_on_unchanged(project, sql, kind, expected):
    """KINDS findings 4 and 5: not through pandas, and no HUGEINT as DOUBLE."""
    project.transform("t", sql=f"SELECT x FROM ({sql}) AS q(x)")
    project.transform("u", sql="SELECT x, typeof(x) AS kind FROM transform.t")
    good(project)
    assert (types(project, "transform.t"), rows(project, "transform.t")) == ([kind], [(expected,)])
    assert rows(project, "transform.u") == [(expected, kind)]
    assert dict(project.show("t").schema)["x"] == kind


NESTED = {
    "in a list": ("SELECT [9007199254740993::HUGEINT] AS x", [9007199254740993]),
    "in a struct": ("SELECT {'total': sum(v)} AS x FROM (VALUES (9007199254740993::BIGINT)) t(v)", {"total": 9007199254740993}),
    "in a map": ("SELECT MAP {'a': 9007199254740993::HUGEINT} AS x", [("a", 9007199254740993)]),
}


@pytest.mark.parametrize(("sql", "expected"), NESTED.values(), ids=NESTED)
def test_a_nested_hugeint_is_exact_or_refused(project, sql, expected):
    """COPY writes HUGEINT as DOUBLE at any depth: ...993 would silently be ...992."""
    project.transform("t", sql=sql)
    result = run(project)["transform.t"]
    assert result.status == "failed" or rows(project, "transform.t") == [(expected,)]


def test_a_number_too_wide_for_any_exact_type_is_refused(project):
    project.transform("t", sql="SELECT 170141183460469231731687303715884105727::HUGEINT AS x")
    assert "x" in failure(project, "transform.t").error_message


def test_sql_with_doubled_columns_fails_and_names_them(project):
    """COPY would write one of them under another name."""
    project.transform("t", sql="SELECT 1 AS amount, 2 AS amount, 3 AS b")
    assert "amount" in failure(project, "transform.t").error_message


# Transforms in SQL

USERS = "SELECT * FROM (VALUES (1, 'ann', 10), (2, 'bob', NULL), (3, 'cyd', 30)) t(id, name, amount)"
NAMES = {
    "id": "SELECT id FROM transform.users",
    "id in other case": "SELECT id FROM Transform.USERS",
    "quoted id": 'SELECT id FROM "transform"."users"',
    "bare name": "SELECT id FROM users",
    "quoted bare name": 'SELECT id FROM "users"',
    "ref of an id": "SELECT id FROM ref('transform.users')",
    "ref of a bare name": "SELECT id FROM ref('users')",
    "ref with blanks": "SELECT id FROM ref ( 'users' ) AS u",
    "an alias": "SELECT u.id FROM users u",
    "columns by the id": "SELECT users.id FROM transform.users",
    "from first": "FROM users SELECT id",
    "a subquery": "SELECT id FROM (SELECT * FROM users) WHERE id IN (SELECT id FROM ref('users'))",
    "a CTE over it": "WITH c AS (SELECT * FROM users) SELECT id FROM c",
    "a join of it": "SELECT a.id FROM users a JOIN transform.users b USING (id)",
    "a comma join": "SELECT a.id FROM users a, users b WHERE a.id = b.id",
    "a comment that names others": "SELECT id -- FROM nowhere\nFROM users /* JOIN ref('nothing') */",
    "a text that names others": "SELECT id FROM users WHERE 'FROM ref(''nothing'')' <> ''",
    "a last comment": "SELECT id FROM users -- that is all",
    "a semicolon and a comment": "SELECT id FROM users; -- that is all",
    "several statements": "CREATE TEMP TABLE a AS FROM users; CREATE OR REPLACE TEMP VIEW b AS FROM a; SELECT id FROM b",
    "a comment before a temporary table": "/* first */ CREATE TEMPORARY TABLE a AS FROM users; -- then\nSELECT id FROM a",
    "a macro": "CREATE TEMP MACRO plus(x) AS x + 0; SELECT plus(id) AS id FROM users",
    "union": "SELECT id FROM users WHERE id = 1 UNION ALL SELECT id FROM users WHERE id > 1",
    "recursion": "WITH RECURSIVE r(id) AS (SELECT min(id) FROM users UNION ALL SELECT id + 1 FROM r WHERE id < 3) SELECT id FROM r",
    "qualify": "SELECT id FROM users QUALIFY row_number() OVER (PARTITION BY id ORDER BY id) = 1",
    "exclude": "SELECT * EXCLUDE (name, amount) FROM users",
}  # fmt: skip


@pytest.mark.parametrize("sql", NAMES.values(), ids=NAMES)
def test_a_body_may_name_its_input_in_any_of_the_ways(project, sql):
    project.transform("users", sql=USERS)
    project.transform("t", sql=sql)
    assert project.manifest.get_upstream_nodes("transform.t") == {"transform.users"}
    good(project)
    assert sorted(rows(project, "transform.t")) == [(1,), (2,), (3,)]


@pytest.mark.parametrize("sql", [
    "SELECT id FROM input_0", "SELECT id FROM __THIS__", "SELECT i.id FROM INPUT_0 i", "SELECT input_0.id FROM input_0",
    "SELECT __THIS__.id FROM __THIS__",
])  # fmt: skip
def test_a_listed_input_may_be_named_by_its_place(project, sql):
    project.transform("users", sql=USERS)
    project.transform("t", sql=sql, inputs=["transform.users"])
    good(project)
    assert rows(project, "transform.t") == [(1,), (2,), (3,)]


def test_input_1_is_the_second_listed_input(project):
    project.transform("a", sql="SELECT 1 AS x")
    project.transform("b", sql="SELECT 2 AS x")
    project.transform("t", sql="SELECT input_1.x AS second, input_0.x AS first FROM input_0, input_1", inputs=["b", "a"])
    good(project)
    assert rows(project, "transform.t") == [(1, 2)]


def test_a_cte_hides_the_node_of_its_name(project):
    project.transform("users", sql=USERS)
    project.transform("t", sql="WITH users AS (SELECT 42 AS id) SELECT id FROM users")
    good(project)
    assert rows(project, "transform.t") == [(42,)]
    assert project.manifest.get_upstream_nodes("transform.t") == set()


@pytest.mark.parametrize("sql", [
    "PIVOT tall ON c USING sum(v) GROUP BY k ORDER BY k", "PIVOT transform.tall ON c USING sum(v) GROUP BY k ORDER BY k",
    "PIVOT (SELECT * FROM tall) ON c USING sum(v) GROUP BY k ORDER BY k",
    "SELECT * FROM (PIVOT tall ON c USING sum(v) GROUP BY k) ORDER BY k",
    "CREATE TEMP TABLE a AS FROM tall; PIVOT a ON c USING sum(v) GROUP BY k ORDER BY k",
])  # fmt: skip
def test_pivot_gives_a_table(project, sql):
    project.transform("tall", sql="SELECT * FROM (VALUES ('a', 'x', 1), ('a', 'y', 2), ('b', 'x', 3)) t(k, c, v)")
    project.transform("t", sql=sql)
    assert project.manifest.get_upstream_nodes("transform.t") == {"transform.tall"}
    good(project)
    assert rows(project, "transform.t") == [("a", 1, 2), ("b", 3, None)]


def test_the_order_that_a_body_asks_for_is_kept(project):
    project.transform("t", sql="SELECT range AS x FROM range(100000) ORDER BY x DESC")
    good(project)
    assert rows(project, "transform.t") == [(x,) for x in range(99_999, -1, -1)]


def test_no_rows_keep_their_types(project):
    project.transform("t", sql="SELECT 1::SMALLINT AS a, 'x' AS b WHERE false")
    assert good(project)["transform.t"].row_count == 0
    assert (types(project, "transform.t"), rows(project, "transform.t")) == (["SMALLINT", "VARCHAR"], [])


def test_a_temporary_table_dies_with_its_node(project):
    project.transform("a", sql="CREATE TEMP TABLE helper AS SELECT 1 AS x; SELECT * FROM helper")
    good(project)
    with project.runner().engine.get().session({}) as session:
        assert session.query("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'helper'", form="rows") == [(0,)]


VALUES = {
    "text": "plain", "a quote": "O'Brien", "two quotes": "''", "an injection": "'; DROP TABLE x; SELECT '", "a comment": "x -- y",
    "a hole": "{{ other }}", "a backslash": "a\\'b\\", "a line break": "a\nb\r\n", "nothing": "", "a dollar": "$1 $x ${HOME}",
    "a double quote": 'a"b', "other scripts": "漢字 🦆", "a percent": "%s %(a)s %", "a brace": "}} {x} {{",
    "a number": 7, "a negative number": -3, "a big number": 2**62, "a ratio": 1.5, "true": True, "false": False,
}  # fmt: skip


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_a_parameter_arrives_as_it_is(project, value):
    """UX 5: in SQL a value is quoted as a literal, whatever it holds."""
    project.transform("t", sql="SELECT {{ v }} AS v, {{v}} = {{ v }} AS same")
    good(project, params={"v": value})
    assert rows(project, "transform.t") == [(value, True)]


def test_a_parameter_may_be_null_or_a_list(project):
    project.transform("t", sql="SELECT {{ nothing }} IS NULL AS a, 2 IN (SELECT unnest({{ some }})) AS b, {{ words }}[2] AS c")
    good(project, params={"nothing": None, "some": [1, 2], "words": ["a", "b'c"]})
    assert rows(project, "transform.t") == [(True, True, "b'c")]


@pytest.mark.parametrize("name", ["plain", "with blank", 'quo"te', "select", "Ünïcode", "semi;colon", "x --"])
def test_ident_names_a_column_whatever_it_is_called(project, name):
    project.transform("a", sql="SELECT 5 AS {{ ident(c) }}")
    project.transform("t", sql="SELECT {{ ident(c) }} AS v FROM a")
    good(project, params={"c": name})
    assert rows(project, "transform.t") == [(5,)]
    assert arrow(project, "transform.a").column_names == [name]


def test_a_parameter_without_a_value_is_named_and_nothing_runs(project, tmp_path):
    project.transform("a", sql="SELECT 1 AS x")
    project.transform("t", sql="SELECT {{ cutof }} AS v")
    with pytest.raises(SeeknalError, match=r"cutof.*did you mean cutoff") as caught:
        run(project, params={"cutoff": 1})
    assert "transform.t" in str(caught.value)
    assert not list((tmp_path / "target").rglob("data.parquet"))


def test_the_parameters_that_a_node_uses_are_part_of_its_key_and_others_are_not(project):
    project.transform("t", sql="SELECT {{ a }} AS v")
    good(project, params={"a": 1, "b": 1})
    assert status(good(project, params={"a": 1, "b": 2})) == {"transform.t": "cached"}
    assert status(good(project, params={"a": 2, "b": 2})) == {"transform.t": "success"}
    assert rows(project, "transform.t") == [(2,)]


def test_a_view_is_inlined_and_never_stored(project, tmp_path):
    project.transform("users", sql=USERS)
    project.transform("v", sql="SELECT id, amount * {{ k }} AS a FROM users WHERE amount IS NOT NULL", materialized="view")
    project.transform("w", sql="SELECT id, a + 1 AS a FROM ref('v')", materialized="view")
    project.transform("t", sql="SELECT w.id, w.a, v.a AS before FROM transform.w JOIN v USING (id) ORDER BY id")
    project.transform("p", python="return w[w.a > 100]")
    project.params["k"] = 5
    summary = good(project)
    assert rows(project, "transform.t") == [(1, 51, 50), (3, 151, 150)]
    assert rows(project, "transform.p") == [(3, 151)]
    assert (summary["transform.v"].row_count, summary["transform.t"].row_count) == (None, 2)
    assert not list((tmp_path / "target" / "outputs" / "transform").glob("[vw]/*/*.parquet"))
    assert list(project["w"]["a"]) == [51, 151]


def test_a_changed_view_reruns_what_reads_it_and_nothing_else(project):
    project.transform("users", sql=USERS)
    project.transform("v", sql="SELECT id FROM users", materialized="view")
    project.transform("w", sql="SELECT id FROM v", materialized="view")
    project.transform("t", sql="SELECT count(*) AS n FROM w")
    good(project)
    assert set(status(good(project)).values()) == {"cached"}
    project.transform("v", sql="SELECT id FROM users WHERE id > 1", materialized="view")
    found = status(good(project))
    assert (found["transform.users"], found["transform.t"]) == ("cached", "success")
    assert rows(project, "transform.t") == [(2,)]


def test_a_view_that_cannot_be_bound_fails_and_what_reads_it_is_skipped(project):
    project.transform("users", sql=USERS)
    project.transform("v", sql="SELECT nope FROM users", materialized="view")
    project.transform("t", sql="SELECT * FROM v")
    summary = run(project, continue_on_error=True)
    assert "nope" in summary["transform.v"].error_message
    assert summary["transform.t"].reason == "upstream failed: transform.v"


FORBIDDEN = {
    "COPY": "COPY (SELECT 1) TO '{out}'",
    "COPY before a SELECT": "COPY (SELECT 1) TO '{out}'; SELECT 1 AS x",
    "COPY explained": "EXPLAIN ANALYZE COPY (SELECT 1) TO '{out}'",
    "COPY explained before a SELECT": "EXPLAIN ANALYZE COPY (SELECT 1) TO '{out}'; SELECT 1 AS x",
    "COPY prepared": "PREPARE p AS COPY (SELECT 1) TO '{out}'; EXECUTE p; SELECT 1 AS x",
    "COPY FROM DATABASE": "ATTACH '{out}' AS o; COPY FROM DATABASE memory TO o; SELECT 1 AS x",
    "ATTACH": "ATTACH '{out}' AS other; SELECT 1 AS x",
    "DETACH": "DETACH memory; SELECT 1 AS x",
    "USE": "USE memory; SELECT 1 AS x",
    "INSTALL": "INSTALL httpfs; SELECT 1 AS x",
    "LOAD": "LOAD httpfs; SELECT 1 AS x",
    "SET": "SET memory_limit = '1GB'; SELECT 1 AS x",
    "SET GLOBAL": "SET GLOBAL python_enable_replacements = true; SELECT 1 AS x",
    "RESET": "RESET memory_limit; SELECT 1 AS x",
    "PRAGMA": "PRAGMA threads = 1; SELECT 1 AS x",
    "EXPORT": "EXPORT DATABASE '{out}'; SELECT 1 AS x",
    "IMPORT": "IMPORT DATABASE '{imported}'; SELECT 1 AS x",
    "CREATE SECRET": "CREATE SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b'); SELECT 1 AS x",
    "CREATE TEMPORARY SECRET": "CREATE TEMPORARY SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b'); SELECT 1 AS x",
    "CREATE TABLE": "CREATE TABLE a AS SELECT 1 AS x; SELECT * FROM a",
    "CREATE TABLE after a comment": "/* temp */ CREATE /* TEMP */ TABLE a AS SELECT 1 AS x; SELECT 1 AS x",
    "CREATE VIEW": "CREATE VIEW a AS SELECT 1 AS x; SELECT 1 AS x",
    "CREATE SCHEMA": "CREATE SCHEMA a; SELECT 1 AS x",
    "CREATE MACRO": "CREATE MACRO f(x) AS x; SELECT 1 AS x",
    "INSERT": "INSERT INTO transform.users VALUES (4, 'x', 1); SELECT 1 AS x",
    "UPDATE": "UPDATE transform.users SET id = 1; SELECT 1 AS x",
    "DELETE": "DELETE FROM transform.users; SELECT 1 AS x",
    "DROP": "DROP VIEW transform.users; SELECT 1 AS x",
    "ALTER": "ALTER VIEW transform.users RENAME TO x; SELECT 1 AS x",
    "CALL": "CALL force_checkpoint(); SELECT 1 AS x",
    "BEGIN": "BEGIN; SELECT 1 AS x",
    "CHECKPOINT": "CHECKPOINT; SELECT 1 AS x",
    "VACUUM": "VACUUM; SELECT 1 AS x",
}  # fmt: skip


@pytest.mark.parametrize("sql", FORBIDDEN.values(), ids=FORBIDDEN)
def test_a_statement_that_would_change_something_is_refused_and_the_next_node_works(project, tmp_path, sql):
    """RELIABILITY X23; the message says what is not allowed, and where to write instead."""
    out, imported = tmp_path / "out", tmp_path / "imported"
    imported.mkdir()
    (imported / "schema.sql").write_text("CREATE TABLE a AS SELECT 1 AS x;")
    (imported / "load.sql").write_text("")
    project.transform("users", sql=USERS)
    project.transform("after", sql="SELECT count(*) AS n FROM users")
    try:
        project.transform("t", sql=sql.format(out=out, imported=imported), inputs=["users"])
    except ManifestError:  # what it names is no table: nothing will run
        assert "transform.t" not in project.manifest.nodes
        good(project)
    else:
        summary = run(project, continue_on_error=True)
        assert summary["transform.t"].status == "failed"
        assert "not allowed" in summary["transform.t"].error_message
    assert not out.exists()
    assert rows(project, "transform.after") == [(3,)]


@pytest.mark.parametrize(("sql", "fragment"), {
    "only a comment": ("-- nothing", "no table"),
    "only a temporary table": ("CREATE TEMP TABLE a AS SELECT 1 AS x", "no SELECT"),
    "a syntax error": ("SELECT 1 AS x,\n  2 AS FROM users", "line 2"),
    "an unknown column": ("SELECT id,\n  nope FROM users", "line 2"),
    "an unknown column in the first line": ("SELECT nope\nFROM users", "line 1"),
    "an unknown column after other statements": ("CREATE TEMP TABLE a AS\nFROM users;\nSELECT\nnope FROM a", "line 4"),
    "a cast that fails": ("SELECT name::INTEGER AS n FROM users", "ann"),
    "a cast that fails, its line": ("SELECT id,\n name::INTEGER AS n\nFROM users", "line 2"),
    "a cast that fails, its line beside a sum": ("SELECT sum(id) AS s,\n max(name::INTEGER) AS n\nFROM users", "line 2"),
    "an unknown function": ("SELECT soundex_of(name) FROM users", "soundex_of"),
    "a division of texts": ("SELECT name / 2 FROM users", "/"),
}.values())  # fmt: skip
def test_an_error_in_sql_says_the_line_and_duckdbs_words_and_the_next_node_works(project, sql, fragment):
    """RELIABILITY X01, X21."""
    project.transform("users", sql=USERS)
    project.transform("t", sql=sql, inputs=["users"])
    project.transform("after", sql="SELECT count(*) AS n FROM users")
    summary = run(project, continue_on_error=True)
    assert summary["transform.t"].status == "failed"
    assert fragment in summary["transform.t"].error_message
    assert rows(project, "transform.after") == [(3,)]


def test_sql_cannot_read_a_notebook_variable(project):
    """RELIABILITY X24: an input that no key sees."""
    project.namespace = {"df": pd.DataFrame({"a": [1]})}
    df = project.namespace["df"]  # noqa: F841 - what a replacement scan would find
    with pytest.raises(ManifestError, match="unknown table 'df'"):
        project.transform("t", sql="SELECT * FROM df")
    with pytest.raises(ManifestError, match="query_table"):
        project.transform("t", sql="SELECT * FROM query_table('df')")
    project.transform("t", sql="SELECT current_setting('python_enable_replacements') AS x")
    good(project)
    assert rows(project, "transform.t") == [(False,)]


def test_an_unknown_table_is_an_error_at_definition_with_the_nearest_name(project):
    project.transform("clean_users", sql=USERS)
    with pytest.raises(ManifestError, match=r"clean_user.*did you mean .*clean_users"):
        project.transform("t", sql="SELECT * FROM clean_user")
    assert list(project.manifest.nodes) == ["transform.clean_users"]


def test_a_bare_name_that_two_nodes_have_is_ambiguous(project):
    project.source("users", sql=USERS)
    project.transform("users", sql="SELECT * FROM source.users")
    with pytest.raises(ManifestError, match=r"ambiguous.*source\.users or transform\.users"):
        project.transform("t", sql="SELECT * FROM users")


# Python bodies

BODIES: dict[str, tuple[str, list[tuple[Any, ...]]]] = {
    "function": ("def t(users):\n    return users[['id']]", [(1,), (2,), (3,)]),
    "function with ctx": ("def t(users, ctx):\n    return users[users.id >= ctx.params['least']][['id']]", [(2,), (3,)]),
    "function with a default": ("def t(users, n=2):\n    return users[['id']].head(n)", [(1,), (2,)]),
    "function with a helper": ("def first(f):\n    return f.head(1)\n\ndef t(users):\n    return first(users[['id']])", [(1,)]),
    "last expression": ("users[['id']]", [(1,), (2,), (3,)]),
    "statements and a last expression": ("keep = users.id != 2\nusers[keep][['id']]", [(1,), (3,)]),
    "result": ("result = users[['id']].head(1)", [(1,)]),
    "the node's own name": ("t = users[['id']].tail(1)", [(3,)]),
    "return": ("if len(users) > 2:\n    return users[['id']].head(1)\nreturn users", [(1,)]),
    "an input assigned again": ("users = users.assign(id=users.id * 10)\nusers = users[['id']]\nusers", [(10,), (20,), (30,)]),
    "import": ("import pandas as pd\nresult = pd.concat([users, users])[['id']]", [(1,), (2,), (3,), (1,), (2,), (3,)]),
    "ref": ("ref('transform.users')[['id']]", [(1,), (2,), (3,)]),
    "ctx.ref": ("result = ctx.ref('users')[['id']]", [(1,), (2,), (3,)]),
    "ctx.ref as arrow": ("import pyarrow as pa\nframe = ctx.ref('users', as_='arrow')\nassert isinstance(frame, pa.Table)\n"
                         "result = frame.select(['id'])", [(1,), (2,), (3,)]),
    "params": ("result = [{'v': ctx.params['least'] * 2}]", [(4,)]),
    "node id": ("result = [{'v': ctx.node_id}]", [("transform.t",)]),
    "a class": ("class A:\n    x = 5\nresult = [{'v': A.x}]", [(5,)]),
    "a closure": ("k = 3\ndef add(x):\n    return x + k\nresult = [{'v': add(1)}]", [(4,)]),
    "recursion": ("def f(n):\n    return 1 if n == 0 else n * f(n - 1)\nresult = [{'v': f(5)}]", [(120,)]),
    "a comprehension": ("names = [n for n in users.name if n != 'bob']\nresult = [{'v': n} for n in names]", [("ann",), ("cyd",)]),
    "a relation of duckdb": ("import duckdb\nresult = duckdb.sql('SELECT 7 AS v')", [(7,)]),
    "an arrow reader": ("result = ctx.ref('users', as_='arrow').select(['id']).to_reader()", [(1,), (2,), (3,)]),
    "a dataclass": ("from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\nresult = [{'v': A(2).x}]", [(2,)]),
    "walrus": ("if (n := len(users)) > 1:\n    result = [{'v': n}]", [(3,)]),
    "try": ("try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    word = str(error)\nresult = [{'v': word}]",
            [("division by zero",)]),
}  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), BODIES.values(), ids=BODIES)
def test_a_python_body_gives_its_table(project, body, expected):
    project.transform("users", sql=USERS)
    project.transform("t", python=body, inputs=["users"])
    good(project, params={"least": 2})
    assert rows(project, "transform.t") == expected


def test_polars_frames_come_and_go(project):
    pytest.importorskip("polars")
    project.transform("users", sql=USERS)
    project.transform("t", python="import polars as pl\nresult = users.filter(pl.col('id') > 1).select('id')", **{"as": "polars"})
    project.transform("lazy", python="return ref('t').lazy().with_columns(b=1)", **{"as": "polars"})
    good(project)
    assert rows(project, "transform.t") == [(2,), (3,)]
    assert rows(project, "transform.lazy") == [(2, 1), (3, 1)]


def test_inputs_come_as_the_node_says(project):
    project.transform("users", sql=USERS)
    project.transform("t", python="result = [{'v': type(users).__module__ + '.' + type(users).__name__}]", **{"as": "arrow"})
    good(project)
    assert rows(project, "transform.t") == [("pyarrow.lib.Table",)]


def test_a_helper_of_the_notebook_is_taken_and_its_change_is_a_change(project):
    space: dict[str, Any] = {}
    exec("def double(x):\n    return x * 2\nFACTOR = 3", space)
    project.namespace = space
    project.transform("users", sql=USERS)
    project.transform("t", python="result = users.assign(v=double(users.id) * FACTOR)[['v']]")
    good(project)
    assert rows(project, "transform.t") == [(6,), (12,), (18,)]
    space["FACTOR"] = 4
    assert status(good(project)) == {"transform.users": "cached", "transform.t": "success"}
    exec("def double(x):\n    return x * 20", space)
    assert status(good(project)) == {"transform.users": "cached", "transform.t": "success"}
    assert rows(project, "transform.t") == [(80,), (160,), (240,)]


def test_a_frame_of_the_notebook_is_refused_with_the_way_to_pass_it(project):
    """KINDS § 5, Purity: an input that no key sees."""
    project.namespace = {"lookup": pd.DataFrame({"a": [1]})}
    with pytest.raises(ManifestError, match=r"lookup.*DataFrame.*--input"):
        project.transform("t", python="result = lookup")
        run(project)


def test_nothing_of_a_body_leaks_into_the_notebook(project):
    project.namespace = {"settings": {"a": [1]}}
    project.transform("t", python="settings['a'].append(2)\nleak = 1\nresult = [{'n': len(settings['a'])}]")
    good(project)
    assert rows(project, "transform.t") == [(2,)]
    assert project.namespace == {"settings": {"a": [1]}}


@pytest.mark.parametrize("workers", [1, 4])
def test_what_a_body_prints_and_logs_stays_with_its_node(project, capsys, workers):
    """UX 9: a print from a thread lands in whatever cell is running."""
    for number in range(6):
        project.transform(f"t{number}", python=(
            "import logging, sys, time\n"
            f"for _ in range(3):\n    print('out {number}')\n    time.sleep(0.01)\n"
            f"sys.stderr.write('err {number}\\n')\n"
            f"logging.getLogger('mine').warning('log %s', {number})\n"
            f"result = [{{'n': {number}}}]"
        ))  # fmt: skip
    summary = good(project, workers=workers)
    for number in range(6):
        output = summary[f"transform.t{number}"].metadata["output"]
        expected = [f"out {number}"] * 3 + [f"err {number}", f"WARNING mine: log {number}"]
        assert output.splitlines() == expected
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")
    assert not [h for h in logging.getLogger().handlers if type(h).__module__.startswith("seeknal_nb")]


RAISES = {
    "an exception": ("1 / 0", "ZeroDivisionError"),
    "its own exception": ("class Mine(Exception): ...\nraise Mine('why so')", "why so"),
    "sys.exit(0)": ("import sys\nsys.exit(0)", "SystemExit"),
    "sys.exit(text)": ("import sys\nsys.exit('enough')", "enough"),
    "exit()": ("raise SystemExit(3)", "SystemExit"),
    "KeyboardInterrupt": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "KeyboardInterrupt with a text": ("def f():\n    raise KeyboardInterrupt('mine')\nf()", "KeyboardInterrupt"),
    "GeneratorExit": ("raise GeneratorExit", "GeneratorExit"),
    "a BaseException": ("class Odd(BaseException): ...\nraise Odd('odd')", "Odd"),
    "a broken __str__": ("class E(Exception):\n    def __str__(self):\n        raise ValueError('no')\nraise E", "E"),
    "__str__ gives no text": ("class E(Exception):\n    def __str__(self):\n        return 3\nraise E", "E"),
    "a long text": ("raise ValueError('x' * 10_000_000)", "ValueError"),
    "half a surrogate": (r"raise ValueError('\ud800')", "ValueError"),
    "its own cause": ("e = ValueError('a')\ne.__cause__ = e\nraise e", "ValueError"),
    "a group": ("raise ExceptionGroup('many', [ValueError('a'), TypeError('b')])", "many"),
    "recursion": ("def f(n):\n    return f(n + 1)\nf(0)", "RecursionError"),
    "memory": ("raise MemoryError", "MemoryError"),
    "StopIteration": ("next(iter([]))", "StopIteration"),
    "an assertion": ("assert len([]) == 1, 'empty'", "empty"),
    "an escape": (r"raise ValueError('\x1b[31mred\x07')", "red"),
}


@pytest.mark.parametrize(("body", "fragment"), RAISES.values(), ids=RAISES)
def test_whatever_a_body_raises_is_that_nodes_failure_and_the_run_goes_on(project, tmp_path, body, fragment):
    """RELIABILITY X02, X03, X05, X06: FAILED, at most 4 kB kept, state valid."""
    project.transform("bad", python=f"{body}\nresult = [{{'n': 1}}]")
    project.transform("below", sql="SELECT * FROM bad")
    project.transform("other", sql="SELECT 1 AS x")
    summary = run(project, continue_on_error=True)
    assert status(summary) == {"transform.bad": "failed", "transform.below": "skipped", "transform.other": "success"}
    message = summary["transform.bad"].error_message
    assert fragment in message
    assert len(message) <= 4500
    state = json.loads((tmp_path / "target" / "state" / "execution_state.json").read_text())
    assert state["transform.bad"]["status"] == "failed"
    assert str(summary)
    assert summary._repr_mimebundle_()["text/html"]


def test_a_failure_names_the_line_of_the_body_and_keeps_the_users_own_error(project):
    project.transform("t", python="a = 1\nb = 0\nc = a / b\nresult = c")
    result = failure(project, "transform.t")
    assert "line 3" in result.error_message
    assert isinstance(result.error.__cause__, ZeroDivisionError)


def test_in_place_edits_of_an_input_reach_nobody_else(project):
    """RELIABILITY X12."""
    project.transform("users", sql=USERS)
    edit = "users.loc[:, 'id'] = 0\nusers['new'] = 1\nusers.drop(users.index[0], inplace=True)\nresult = users"
    project.transform("a", python=f"import warnings\nwarnings.simplefilter('ignore')\n{edit}")
    project.transform("b", python="result = users[['id']]")
    project.transform("c", sql="SELECT id FROM users")
    project.transform("twice", python="x = ref('users')\nx.loc[:, 'id'] = 0\nresult = ref('users')[['id']]")
    before_and_after = []
    for _ in range(2):
        good(project, full=True)
        before_and_after.append(build_of(project, "transform.users").read_bytes())
    for node_id in ("transform.b", "transform.c", "transform.twice", "transform.users"):
        assert [row[0] for row in rows(project, node_id)] == [1, 2, 3]
    assert before_and_after[0] == before_and_after[1]


def test_a_body_that_gives_nothing_says_what_it_may_give(project):
    project.transform("t", python="x = 1")
    assert "not a table" in failure(project, "transform.t").error_message


def test_a_parameter_of_a_function_that_is_no_node_is_an_error_at_definition(project):
    project.transform("users", sql=USERS)
    with pytest.raises(ManifestError, match=r"usrs.*did you mean .*users"):
        project.transform("t", python="def t(usrs):\n    return usrs")


# Feature groups

KEYED: dict[str, tuple[str, dict[str, Any], str | None]] = {
    "one row a key": ("(1, 'a', 5), (2, 'b', 6)", {"key": "k"}, None),
    "the peer's entity": ("(1, 'a', 5), (2, 'b', 6)", {"entity": {"name": "user", "join_keys": ["k"]}}, None),
    "two keys": ("(1, 'a', 5), (1, 'b', 6)", {"key": ["k", "l"]}, None),
    "a null key": ("(1, 'a', 5), (NULL, 'b', 6)", {"key": "k"}, "1 row breaks: key k is never null"),
    "a null in one of two keys": ("(1, NULL, 5), (2, 'b', 6)", {"key": ["k", "l"]}, "1 row breaks: key k, l is never null"),
    "a doubled key": ("(1, 'a', 5), (1, 'b', 6), (1, 'c', 7)", {"key": "k"}, "2 rows break: one row for each"),
    "a doubled pair": ("(1, 'a', 5), (1, 'a', 6)", {"key": ["k", "l"]}, "1 row breaks: one row for each"),
    "no such column": ("(1, 'a', 5)", {"key": "kk"}, "did you mean k"),
    "no rows": ("(1, 'a', 5) LIMIT 0", {"key": "k"}, None),
}


@pytest.mark.parametrize(("data", "config", "broken"), KEYED.values(), ids=KEYED)
def test_a_feature_group_has_one_row_a_key_and_no_key_is_null(project, data, config, broken):
    limit = " LIMIT 0" if "LIMIT" in data else ""
    project.feature_group("f", sql=f"SELECT * FROM (VALUES {data.replace(' LIMIT 0', '')}) t(k, l, v){limit}", **config)
    result = run(project)["feature_group.f"]
    if broken is None:
        assert result.status == "success", result.error_message
        assert set(result.metadata["keys"]).isdisjoint(result.metadata["features"])
    else:
        assert result.status == "failed"
        assert broken in result.error_message


def test_a_null_key_is_not_counted_as_a_doubled_one(project):
    project.feature_group("f", sql="SELECT * FROM (VALUES (1), (NULL), (2)) t(k)", key="k")
    message = failure(project, "feature_group.f").error_message
    assert "is never null" in message
    assert "one row for each" not in message


TIMES: dict[str, tuple[str, str | None]] = {
    "a timestamp": ("TIMESTAMP '2024-01-01'", None),
    "a date": ("DATE '2024-01-01'", None),
    "a timestamp with a zone": ("TIMESTAMPTZ '2024-01-01 00:00:00+00'", None),
    "a text": ("'2024-01-01'", "not a time"),
    "a number": ("20240101", "not a time"),
}


@pytest.mark.parametrize(("value", "broken"), TIMES.values(), ids=TIMES)
def test_an_event_time_is_a_time(project, value, broken):
    project.feature_group("f", sql=f"SELECT 1 AS k, {value} AS ts, 5 AS v", key="k", event_time="ts")
    result = run(project)["feature_group.f"]
    assert (result.status == "success") == (broken is None), result.error_message
    assert broken is None or broken in result.error_message


def test_a_feature_group_keeps_the_time_line(project):
    data = "(1, TIMESTAMP '2024-01-01', 5), (1, TIMESTAMP '2024-01-02', 6), (2, TIMESTAMP '2024-01-01', 7)"
    project.feature_group("f", sql=f"SELECT * FROM (VALUES {data}) t(k, ts, v)", entity={"join_keys": ["k"]},
                          materialization={"event_time_col": "ts"})  # fmt: skip
    result = good(project)["feature_group.f"]
    assert (result.row_count, result.metadata["features"], result.metadata["event_time"]) == (3, ["v"], "ts")
    project.feature_group("f", sql=f"SELECT * FROM (VALUES {data}, (2, TIMESTAMP '2024-01-01', 8)) t(k, ts, v)", key="k",
                          event_time="ts")  # fmt: skip
    assert "1 row breaks" in failure(project, "feature_group.f").error_message


def test_a_feature_group_in_python_is_held_to_the_same(project):
    project.feature_group("f", python="result = [{'k': 1, 'v': 2}, {'k': None, 'v': 3}]", key="k")
    assert "never null" in failure(project, "feature_group.f").error_message


def test_a_feature_group_needs_a_key(project):
    with pytest.raises(ManifestError, match="no key"):
        project.feature_group("f", sql="SELECT 1 AS k")


# Aggregations

EVENTS = pd.DataFrame({
    "user_id": [n * 7 % 5 for n in range(60)], "region": ["n" if n % 3 else "s" for n in range(60)],
    "amount": [None if n % 11 == 0 else n * 1.25 - 20 for n in range(60)], "big": [2**53 + n for n in range(60)],
})  # fmt: skip


def test_a_declared_aggregation_equals_pandas(project):
    project.namespace = {"events": EVENTS}
    project.source("events", input="events", source="dataframe")
    basics = ["count", "sum", "mean", "min", "max", "std"]
    project.node("aggregation", "a", id_col="user_id", group_by=["region"], inputs=["source.events"],
                 features=[{"name": "amount", "basic": basics}, {"name": "b", "column": "big", "basic": ["sum"]}])  # fmt: skip
    good(project)
    found = arrow(project, "aggregation.a").to_pandas()
    expected = EVENTS.groupby(["user_id", "region"], as_index=False).agg(
        **{f"amount_{name}": ("amount", name) for name in basics}, b_sum=("big", "sum")
    )
    assert list(found.columns) == list(expected.columns)
    assert found["b_sum"].tolist() == expected["b_sum"].tolist()  # exact, beyond 2^53
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, rtol=1e-12)


def test_an_aggregation_in_sql_equals_pandas(project):
    project.namespace = {"events": EVENTS}
    project.source("events", input="events", source="dataframe")
    project.aggregation("a", sql="SELECT region, count(amount) AS n, max(amount) AS m FROM source.events GROUP BY ALL ORDER BY 1")
    good(project)
    expected = EVENTS.groupby("region")["amount"].agg(["count", "max"]).reset_index()
    assert rows(project, "aggregation.a") == list(expected.itertuples(index=False, name=None))


def test_a_sum_of_nothing_is_null(project):
    """KINDS § 1.4: NULL in SQL and 0 in pandas; it stays NULL."""
    project.transform("e", sql="SELECT * FROM (VALUES (1, NULL::INTEGER), (2, 3)) t(k, v)")
    project.node("aggregation", "a", id_col="k", inputs=["e"], features=[{"name": "v", "basic": ["sum", "count"]}])
    good(project)
    assert rows(project, "aggregation.a") == [(1, None, 0), (2, 3, 1)]


@pytest.mark.parametrize(("config", "fragment"), [
    ({"features": [{"name": "nope", "basic": ["sum"]}]}, "nope"),
    ({"features": [{"name": "v", "column": 'v") FROM x; --', "basic": ["sum"]}]}, ""),
    ({"features": [{"name": "v", "basic": ["sum"]}], "group_by": "missing"}, "missing"),
])  # fmt: skip
def test_what_an_aggregation_cannot_do_fails_and_says_what(project, config, fragment):
    project.transform("e", sql="SELECT 1 AS k, 2 AS v")
    project.node("aggregation", "a", id_col="k", inputs=["e"], **config)
    assert fragment in failure(project, "aggregation.a").error_message


def test_a_declared_aggregation_needs_an_id_and_one_input(project):
    with pytest.raises(ManifestError, match="no id_col"):
        project.node("aggregation", "a", features=[{"name": "v", "basic": ["sum"]}])
    project.node("aggregation", "a", id_col="k", features=[{"name": "v", "basic": ["sum"]}])
    assert "exactly one input" in failure(project, "aggregation.a").error_message


# Models

SET = """
SELECT i AS id, (i * 37 % 101) / 101.0 AS x, (i * 53 % 97) / 97.0 AS y, ['red', 'blue', NULL][1 + i % 3] AS colour,
       DATE '2024-01-01' + CAST(i % 100 AS INTEGER) AS day, {target} AS churned
FROM range({rows}) t(i)
"""
SIGNAL = "((i * 37 % 101) / 101.0 + (i * 53 % 97) / 97.0 > 1)"


def training_set(project: Project, target: str = SIGNAL, size: int = 400) -> None:
    project.transform("training_set", sql=SET.format(target=target, rows=size))


def test_a_model_by_name_predicts_every_row_and_its_metrics_are_of_the_test_part(project):
    """KINDS § 1.5: the peer ignores test_size and measures on the training rows."""
    from sklearn import metrics

    training_set(project)
    project.model("churn", inputs=["training_set"], training={"algorithm": "logistic_regression", "target": "churned", "key": "id"})
    result = good(project)["model.churn"]
    table = arrow(project, "model.churn").to_pandas()
    assert table.columns.tolist() == ["id", "split", "target", "prediction", "probability"]
    assert table["id"].tolist() == list(range(400))
    test = table[table["split"] == "test"]
    found = result.metadata["metrics"]
    assert (found["n_test"], found["n_train"]) == (len(test), 400 - len(test))
    assert 40 < len(test) < 120  # 0.2 of 400, by a hash
    truth = test["target"].astype(int)
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(truth, test["prediction"]), abs=1e-6)
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(truth, test["probability"]), abs=1e-6)
    assert found["auc"] != pytest.approx(metrics.roc_auc_score(table["target"].astype(int), table["probability"]), abs=1e-9)
    assert found["auc"] > 0.95


@pytest.mark.parametrize("algorithm", ["logistic_regression", "random_forest", "gradient_boosting"])
def test_a_refit_gives_the_same_bytes(project, algorithm):
    training_set(project)
    project.model("m", inputs=["training_set"], training={"algorithm": algorithm, "target": "churned", "key": ["id"]})
    good(project)
    first = build_of(project, "model.m").read_bytes()
    good(project, full=True)
    assert build_of(project, "model.m").read_bytes() == first
    other = Project(project.directory, state_dir=project.directory / "elsewhere" / "state")
    training_set(other)
    other.model("m", inputs=["training_set"], training={"algorithm": algorithm, "target": "churned", "key": ["id"]})
    good(other)
    (again,) = (project.directory / "elsewhere" / "outputs" / "model" / "m").glob("*/data.parquet")
    assert again.read_bytes() == first
    other.close()


TARGETS = {
    "booleans": SIGNAL,
    "0 and 1": f"CASE WHEN {SIGNAL} THEN 1 ELSE 0 END",
    "words": f"CASE WHEN {SIGNAL} THEN 'yes' ELSE 'no' END",
    "three classes": "CASE WHEN i * 37 % 101 < 33 THEN 'low' WHEN i * 37 % 101 < 66 THEN 'mid' ELSE 'high' END",
    "three numbers": "CAST(floor((i * 37 % 101) / 34) AS INTEGER)",
    "booleans, some unknown": f"CASE WHEN i % 10 = 0 THEN NULL ELSE {SIGNAL} END",
    "0 and 1, some unknown": f"CASE WHEN i % 10 = 0 THEN NULL WHEN {SIGNAL} THEN 1 ELSE 0 END",
    "words, some unknown": f"CASE WHEN i % 10 = 0 THEN NULL WHEN {SIGNAL} THEN 'yes' ELSE 'no' END",
}


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_a_classifier_takes_labels_of_any_kind(project, target):
    training_set(project, target)
    project.model("m", inputs=["training_set"], training={"algorithm": "random_forest", "target": "churned", "key": "id"})
    found = good(project)["model.m"].metadata["metrics"]
    table = arrow(project, "model.m").to_pandas()
    known = table["target"].notna()
    test = table[known & (table["split"] == "test")]
    assert (found["n_test"], found["n_train"]) == (len(test), int(known.sum()) - len(test))
    same = [str(int(t) if isinstance(t, (bool, float, int)) else t) == str(int(p) if isinstance(p, (bool, float, int)) else p)
            for t, p in zip(test["target"].tolist(), test["prediction"].tolist(), strict=True)]  # fmt: skip
    assert found["accuracy"] == pytest.approx(sum(same) / len(same), abs=1e-6)
    assert found["accuracy"] > 0.8


def test_a_regressor_is_measured_by_its_errors(project):
    training_set(project, "3 * (i * 37 % 101) / 101.0 - (i * 53 % 97) / 97.0 + 1")
    project.model("m", inputs=["training_set"], training={"algorithm": "linear_regression", "target": "churned", "key": "id",
                                                          "features": ["x", "y"]})  # fmt: skip
    found = good(project)["model.m"].metadata["metrics"]
    assert found["rmse"] < 1e-6
    assert found["r2"] == pytest.approx(1)
    assert "accuracy" not in found


def test_a_split_by_time_tests_on_the_latest_rows(project):
    training_set(project)
    project.model("m", inputs=["training_set"], training={
        "algorithm": "logistic_regression", "target": "churned", "key": ["id", "day"],
        "split": {"time_column": "day", "train_until": "2024-03-15"},
    })  # fmt: skip
    good(project)
    table = arrow(project, "model.m").to_pandas()
    late = pd.to_datetime(table["day"]) > pd.Timestamp("2024-03-15")
    assert (table["split"] == "test").tolist() == late.tolist()
    assert late.any()


def test_a_row_stays_on_its_side_when_rows_are_added(project):
    """KINDS § 1.5: the split is stable under new rows."""
    sides = []
    for size in (300, 400):
        training_set(project, size=size)
        project.model("m", inputs=["training_set"], training={"algorithm": "logistic_regression", "target": "churned", "key": "id"})
        good(project)
        table = arrow(project, "model.m").to_pandas()
        sides.append(dict(zip(table["id"], table["split"], strict=True)))
    assert all(sides[1][key] == side for key, side in sides[0].items())


def test_a_model_in_sql_trains_on_its_own_query(project):
    training_set(project)
    project.model("m", sql="SELECT id, x, y, churned FROM training_set WHERE id < 200",
                  training={"algorithm": "logistic_regression", "target": "churned", "key": "id"})  # fmt: skip
    assert good(project)["model.m"].row_count == 200


def test_a_later_node_loads_the_artefact(project):
    training_set(project)
    project.model("churn", inputs=["training_set"], training={"algorithm": "logistic_regression", "target": "churned",
                                                              "key": "id", "features": ["x", "y"]})  # fmt: skip
    project.transform("scored", inputs=["churn", "training_set"], python=(
        "model = ctx.model('churn')\nframe = ref('training_set')\n"
        "result = frame[['id']].assign(again=model.predict(frame[['x', 'y']]))"
    ))  # fmt: skip
    good(project)
    predicted = arrow(project, "model.churn").to_pandas().set_index("id")["prediction"]
    again = arrow(project, "transform.scored").to_pandas().set_index("id")["again"]
    assert predicted.tolist() == again.loc[predicted.index].tolist()


def test_a_model_in_python_keeps_its_estimator_and_its_numbers(project):
    training_set(project)
    project.model("m", python=(
        "from sklearn.linear_model import LogisticRegression\n"
        "def m(training_set, ctx):\n"
        "    model = LogisticRegression().fit(training_set[['x', 'y']], training_set['churned'])\n"
        "    ctx.save_model(model)\n    ctx.save_model(model, 'second')\n"
        "    ctx.log_metrics(score=model.score(training_set[['x', 'y']], training_set['churned']), n=3)\n"
        "    return training_set[['id']].assign(p=model.predict_proba(training_set[['x', 'y']])[:, 1])\n"
    ))  # fmt: skip
    project.transform("t", inputs=["m"], python="result = [{'a': float(ctx.model('m', 'second').coef_[0][0])}]")
    result = good(project)["model.m"]
    assert result.metadata["metrics"]["n"] == 3
    assert 0.9 < result.metadata["metrics"]["score"] <= 1
    assert rows(project, "transform.t")[0][0] > 0


BAD_MODELS: dict[str, tuple[dict[str, Any], str]] = {
    "a target that is not there": ({"algorithm": "logistic_regression", "target": "churnd"}, "did you mean churned"),
    "a key that is not there": ({"algorithm": "logistic_regression", "target": "churned", "key": "idd"}, "did you mean id"),
    "a feature that is not there": ({"algorithm": "logistic_regression", "target": "churned", "features": ["z"]}, "'z'"),
    "a parameter that it does not know": (
        {"algorithm": "logistic_regression", "target": "churned", "params": {"depth": 3}}, "depth"),
}  # fmt: skip


@pytest.mark.parametrize(("training", "fragment"), BAD_MODELS.values(), ids=BAD_MODELS)
def test_a_model_that_cannot_be_trained_says_why(project, training, fragment):
    training_set(project)
    project.model("m", inputs=["training_set"], training=training)
    assert fragment in failure(project, "model.m").error_message


@pytest.mark.parametrize(("training", "fragment"), [
    ({"target": "y"}, "no algorithm"), ({"algorithm": "logistic_regression"}, "no target"),
    ({"algorithm": "logistic_regresion", "target": "y"}, "did you mean logistic_regression"),
    ({"algorithm": "random_forest", "target": "y", "test_sise": 0.5}, "did you mean test_size"),
])  # fmt: skip
def test_a_model_that_is_not_whole_is_refused_at_definition(project, training, fragment):
    with pytest.raises(ManifestError, match=fragment):
        project.node("model", "m", training=training)


def test_a_training_set_without_labels_says_so(project):
    training_set(project, "NULL::INTEGER")
    project.model("m", inputs=["training_set"], training={"algorithm": "logistic_regression", "target": "churned"})
    assert "no labels" in failure(project, "model.m").error_message


# Rules

ORDERS = "SELECT * FROM (VALUES (1, 'a', 5.0), (2, 'b', -1.0), (3, 'b', NULL), (NULL, 'zz', 7.0)) t(id, code, amount)"
CHECKS: dict[str, tuple[dict[str, Any], list[tuple[bool, int]]]] = {
    "not_null of one": ({"not_null": "id"}, [(False, 1)]),
    "not_null of several": ({"not_null": ["id", "code"]}, [(False, 1), (True, 0)]),
    "not_null with options": ({"not_null": {"column": "code"}}, [(True, 0)]),
    "unique of one": ({"unique": "id"}, [(True, 0)]),
    "unique of a doubled": ({"unique": ["code"]}, [(False, 1)]),
    "unique of a pair": ({"unique": ["id", "code"]}, [(True, 0)]),
    "accepted_values": ({"accepted_values": {"column": "code", "values": ["a", "b"]}}, [(False, 1)]),
    "accepted_values that hold": ({"accepted_values": {"column": "code", "values": ["a", "b", "zz", "it's"]}}, [(True, 0)]),
    "accepted_values and a null": ({"accepted_values": {"column": "id", "values": [1, 2, 3]}}, [(True, 0)]),
    "range": ({"range": {"column": "amount", "min": 0, "max": 6}}, [(False, 2)]),
    "range from": ({"range": {"column": "amount", "min": 0}}, [(False, 1)]),
    "range to, and a null": ({"range": {"column": "amount", "max": 7}}, [(True, 0)]),
    "regex": ({"regex": {"column": "code", "pattern": "[a-z]"}}, [(False, 1)]),
    "regex that holds": ({"regex": {"column": "code", "pattern": "[a-z]+"}}, [(True, 0)]),
    "row_count": ({"row_count": {"min": 1, "max": 4}}, [(True, 0)]),
    "row_count too small": ({"row_count": {"min": 5}}, [(False, 1)]),
    "row_count too large": ({"row_count": {"max": 3}}, [(False, 1)]),
    "expression": ({"expression": {"name": "positive", "sql": "amount > 0"}}, [(False, 1)]),
    "expression that holds, and a null": ({"expression": {"name": "p", "sql": "amount > -2"}}, [(True, 0)]),
}  # fmt: skip


@pytest.mark.parametrize(("check", "expected"), CHECKS.values(), ids=CHECKS)
def test_a_check_counts_the_rows_that_break_it(project, check, expected):
    project.transform("orders", sql=ORDERS)
    project.node("rule", "r", inputs=["orders"], checks=[check], severity="warn")
    result = good(project)["rule.r"]
    table = arrow(project, "rule.r").to_pylist()
    assert [(row["passed"], row["failed_rows"]) for row in table] == expected
    assert all(row["rows"] == 4 for row in table)
    assert result.row_count == len(expected)
    assert len(result.metadata.get("warnings", [])) == sum(not passed for passed, _ in expected)


DOCUMENTED = {
    "relationships": {"checks": [{"relationships": {"column": "code", "to": "transform.codes", "field": "code"}}]},
    "null_rate": {"checks": [{"null_rate": {"column": "amount", "max": 0.5}}]},
    "freshness": {"checks": [{"freshness": {"column": "at", "max_age": "3650d"}}]},
    "the peer's null": {"rule": {"type": "null", "columns": ["code"]}},
    "the peer's range": {"rule": {"type": "range", "columns": ["amount"], "params": {"min": -5, "max": 10}}},
    "the peer's uniqueness": {"rule": {"type": "uniqueness", "columns": ["id"]}},
    "the peer's list": {"rule": [{"type": "null", "columns": ["code"]}]},
}


@pytest.mark.parametrize("config", DOCUMENTED.values(), ids=DOCUMENTED)
def test_every_documented_form_of_a_check_passes_where_the_data_is_good(project, config):
    """KINDS § 1.6 lists these forms."""
    project.transform("codes", sql="SELECT * FROM (VALUES ('a'), ('b'), ('zz')) t(code)")
    project.transform("orders", sql=f"SELECT *, now()::TIMESTAMP AS at FROM ({ORDERS})")
    project.node("rule", "r", inputs=["orders", "codes"], **config)
    assert good(project)["rule.r"].row_count == 1


def test_offending_rows_of_sql_are_counted_and_shown(project):
    project.transform("orders", sql=ORDERS)
    project.rule("no_negatives", sql="SELECT id, amount FROM orders WHERE amount < 0")
    result = failure(project, "rule.no_negatives")
    (check,) = result.metadata["checks"]
    assert (check["check"], check["passed"], check["failed_rows"], check["rows"]) == ("no_negatives", False, 1, 4)
    assert json.loads(check["sample"]) == [{"id": 2, "amount": -1.0}]
    assert "1 row of 4" in result.error_message


def test_no_offending_rows_pass(project):
    project.transform("orders", sql=ORDERS)
    project.rule("r", sql="SELECT * FROM orders WHERE amount < -100;")
    good(project)
    assert [(row["check"], row["passed"], row["failed_rows"]) for row in arrow(project, "rule.r").to_pylist()] == [("r", True, 0)]


@pytest.mark.parametrize("sql", [
    "WITH bad AS (SELECT * FROM orders WHERE amount < 0) SELECT * FROM bad",
    "FROM orders WHERE amount < 0",
    "-- which are wrong?\nSELECT * FROM orders WHERE amount < 0",
    "/* wrong */ SELECT * FROM orders WHERE amount < 0",
    "(SELECT * FROM orders WHERE amount < 0)",
    "SELECT * FROM orders WHERE amount < 0 -- wrong",
    "CREATE TEMP TABLE bad AS SELECT * FROM orders WHERE amount < 0; SELECT * FROM bad",
    "VALUES (1)",
])  # fmt: skip
def test_offending_rows_may_be_selected_in_any_way(project, sql):
    project.transform("orders", sql=ORDERS)
    project.rule("r", sql=sql, inputs=["orders"])
    (check,) = failure(project, "rule.r").metadata["checks"]
    assert check["failed_rows"] == 1


EXPRESSIONS = [
    ("amount > 0", 1), ("amount > -2", 0), ("(amount > 0)", 1), ("id IS NOT NULL", 1), ("amount BETWEEN 0 AND 6", 2),
    ("code IN ('a', 'b')", 1), ("amount > 0 OR code = 'b'", 0), ("NULL", 0), ("length(code) = 1 -- one letter", 1),
    ("false", 4),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "failing"), EXPRESSIONS)
def test_an_expression_holds_of_each_row_and_null_passes(project, expression, failing):
    """KINDS § 1.6: NULL passes, not_null is separate."""
    project.transform("orders", sql=ORDERS)
    project.node("rule", "a", sql=expression, on="transform.orders", severity="warn")
    project.node("rule", "b", rule={"value": expression}, inputs=["orders"], severity="warn")
    good(project)
    for node_id in ("rule.a", "rule.b"):
        assert [row["failed_rows"] for row in arrow(project, node_id).to_pylist()] == [failing]


PYTHON_RULES: dict[str, tuple[str, list[bool] | str]] = {
    "true": ("return True", [True]),
    "false": ("return False", [False]),
    "a bool of numpy": ("return (orders.amount > 0).all()", [False]),
    "nothing": ("assert len(orders) == 4", [True]),
    "an assertion": ("assert (orders.amount.dropna() >= 0).all(), 'some are negative'", "some are negative"),
    "an assertion without words": ("assert len(orders) == 5", [False]),
    "offending rows": ("return orders[orders.amount < 0]", [False]),
    "no offending rows": ("return orders[orders.amount < -5]", [True]),
    "a list": ("return [('first', True, ''), ('second', False, 'row 2'), ('third', True)]", [True, False, True]),
    "an empty list": ("return []", [True]),
    "records": ("return [{'id': 2}]", [False]),
    "arrow": ("return ctx.ref('orders', as_='arrow').slice(0, 1)", [False]),
}


@pytest.mark.parametrize(("body", "expected"), PYTHON_RULES.values(), ids=PYTHON_RULES)
def test_a_rule_in_python_may_say_it_in_any_of_the_ways(project, body, expected):
    project.transform("orders", sql=ORDERS)
    project.rule("r", python=body, inputs=["orders"], severity="warn")
    good(project)
    table = arrow(project, "rule.r").to_pylist()
    if isinstance(expected, str):
        assert (len(table), table[0]["passed"]) == (1, False)
        assert expected in str(table[0])
    elif body == "return []":
        assert all(row["passed"] for row in table)
    else:
        assert [row["passed"] for row in table] == expected


@pytest.mark.parametrize("body", ["return 7", "return 'ok'", "return {1, 2}", "1 / 0"])
def test_a_rule_that_gives_something_else_fails(project, body):
    project.transform("orders", sql=ORDERS)
    project.rule("r", python=body, inputs=["orders"], severity="warn")
    assert failure(project, "rule.r").error_message


@pytest.mark.parametrize(("severity", "rule", "below"), [
    ("error", "failed", "skipped"), ("warn", "success", "success"), ("info", "success", "success"), (None, "failed", "skipped"),
])  # fmt: skip
def test_a_failed_error_stops_what_follows_and_a_warning_does_not(project, severity, rule, below):
    project.transform("orders", sql=ORDERS)
    project.rule("r", sql="SELECT * FROM orders WHERE amount < 0", severity=severity)
    project.transform("report", sql="SELECT * FROM orders", inputs=["rule.r"])
    project.transform("other", sql="SELECT 1 AS x")
    summary = run(project, continue_on_error=True)
    assert (status(summary)["rule.r"], status(summary)["transform.report"]) == (rule, below)
    assert status(summary)["transform.other"] == "success"
    if below == "skipped":
        assert summary["transform.report"].reason == "upstream failed: rule.r"
    if severity == "warn":
        assert "1 row of 4" in summary["rule.r"].metadata["warnings"][0]


@pytest.mark.parametrize(("config", "fragment"), [
    ({"checks": [{"uniqe": ["id"]}]}, "did you mean unique"), ({"checks": [{"not_null": "id"}], "severity": "fatal"}, "severity"),
    ({}, "nothing to check"),
])  # fmt: skip
def test_a_rule_that_is_not_whole_is_refused_at_definition(project, config, fragment):
    project.transform("orders", sql=ORDERS)
    with pytest.raises(ManifestError, match=fragment):
        project.node("rule", "r", inputs=["orders"], **config)


def test_hostile_options_of_checks_stay_values(project):
    project.transform("orders", sql=ORDERS)
    hostile = "x'); DROP VIEW transform.orders; --"
    project.node("rule", "r", inputs=["orders"], severity="warn", checks=[
        {"accepted_values": {"column": "code", "values": [hostile]}}, {"regex": {"column": "code", "pattern": "it's|\"q\""}},
    ])  # fmt: skip
    good(project)
    assert [row["failed_rows"] for row in arrow(project, "rule.r").to_pylist()] == [4, 4]


# Exposures

TABLE = "SELECT * FROM (VALUES (2, 'x, \"y\"', 1.5), (1, NULL, NULL), (3, 'a' || chr(10) || 'b', -2.0)) t(id, name, v)"
RECORDS = [(2, 'x, "y"', 1.5), (1, None, None), (3, "a\nb", -2.0)]
FORMATS = {
    "csv": lambda path: pd.read_csv(path),
    "tsv": lambda path: pd.read_csv(path, sep="\t"),
    "parquet": lambda path: pq.read_table(path).to_pandas(),
    "json": lambda path: pd.DataFrame(json.loads(path.read_text())),
    "jsonl": lambda path: pd.DataFrame([json.loads(line) for line in path.read_text().splitlines()]),
}


def records(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    return [tuple(None if pd.isna(value) else value for value in row) for row in frame.itertuples(index=False, name=None)]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("how", ["the input", "SQL", "Python"])
def test_a_delivered_file_says_what_the_node_says(project, tmp_path, form, how):
    project.transform("t", sql=TABLE)
    body = {"the input": {"inputs": ["t"]}, "SQL": {"sql": "SELECT * FROM t"}, "Python": {"python": "return t"}}[how]
    project.node("exposure", "e", to=f"out/deep/x.{form}", **body)
    result = good(project)["exposure.e"]
    path = tmp_path / "out" / "deep" / f"x.{form}"
    assert records(FORMATS[form](path)) == RECORDS
    assert list(FORMATS[form](path).columns) == ["id", "name", "v"]
    assert (result.row_count, result.metadata["bytes"]) == (3, path.stat().st_size)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_the_peers_spelling_of_a_target_is_read(project, tmp_path):
    project.transform("t", sql=TABLE)
    project.node("exposure", "e", inputs=["t"], type="file", params={"format": "csv", "path": "x.data"})
    good(project)
    assert records(pd.read_csv(tmp_path / "x.data")) == RECORDS


def test_an_exposure_keeps_the_order_that_its_sql_asks_for(project, tmp_path):
    project.transform("t", sql="SELECT range AS x FROM range(50000)")
    project.exposure("e", sql="SELECT x FROM t ORDER BY x DESC", to="x.csv")
    good(project)
    assert pd.read_csv(tmp_path / "x.csv")["x"].tolist() == list(range(49_999, -1, -1))


@pytest.mark.parametrize("form", ["csv", "parquet", "json", "jsonl"])
def test_a_delivered_sum_is_exact(project, tmp_path, form):
    """KINDS finding 4 holds for what is delivered too."""
    project.transform("t", sql="SELECT 9007199254740993::BIGINT AS x")
    project.exposure("e", sql="SELECT sum(x) AS x FROM t", to=f"x.{form}")
    good(project)
    path = tmp_path / f"x.{form}"
    found = {
        "csv": lambda: path.read_text().split()[1], "parquet": lambda: pq.read_table(path).to_pylist()[0]["x"],
        "json": lambda: json.loads(path.read_text())[0]["x"], "jsonl": lambda: json.loads(path.read_text())["x"],
    }[form]()  # fmt: skip
    assert int(found) == 9007199254740993
    assert not isinstance(found, float)


@pytest.mark.parametrize(("value", "suffix", "content"), [
    ("'<h1>é</h1>'", "html", "<h1>é</h1>".encode()), ("'# title\\n'", "md", b"# title\n"), (r"b'\x00\xff'", "png", b"\x00\xff"),
    ("'plain'", "txt", b"plain"), ("__import__('pandas').DataFrame({'a': [1]})", "csv", b"a\n1\n"),
])  # fmt: skip
def test_python_delivers_text_bytes_or_a_frame(project, tmp_path, value, suffix, content):
    project.exposure("e", python=f"return {value}", to=f"x.{suffix}")
    good(project)
    assert (tmp_path / f"x.{suffix}").read_bytes() == content


def test_a_target_is_delivered_again_only_when_it_must_be(project, tmp_path):
    """DESIGN § 4: current only if its last delivery had today's key and its target is untouched."""
    project.transform("t", sql=TABLE)
    project.node("exposure", "e", inputs=["t"], to="x.csv")
    path = tmp_path / "x.csv"
    good(project)
    content, inode = path.read_bytes(), path.stat().st_ino
    assert status(good(project))["exposure.e"] == "cached"
    assert path.stat().st_ino == inode
    path.write_bytes(content)
    os.utime(path, (1, 1))
    assert status(good(project))["exposure.e"] == "cached"  # touched only
    path.write_bytes(content + b"4,z,\n")
    assert good(project)["exposure.e"].reason.startswith("target altered")
    assert path.read_bytes() == content
    path.unlink()
    assert good(project)["exposure.e"].reason.startswith("target missing")
    assert path.read_bytes() == content
    project.transform("t", sql=f"{TABLE} WHERE id > 1")
    assert status(good(project)) == {"transform.t": "success", "exposure.e": "success"}
    assert records(pd.read_csv(path)) == [RECORDS[0], RECORDS[2]]


def test_going_back_to_an_earlier_version_delivers_it_again(project, tmp_path):
    """A side effect is not content-addressed: the file holds the last version, not the asked one."""
    project.node("exposure", "e", sql="SELECT 1 AS x", to="x.csv")
    good(project)
    project.node("exposure", "e", sql="SELECT 2 AS x", to="x.csv")
    good(project)
    project.node("exposure", "e", sql="SELECT 1 AS x", to="x.csv")
    assert status(good(project)) == {"exposure.e": "success"}
    assert (tmp_path / "x.csv").read_text() == "x\n1\n"


def test_a_failed_delivery_leaves_the_old_file_and_nothing_else(project, tmp_path):
    project.exposure("e", sql="SELECT 1 AS x", to="out/x.csv")
    good(project)
    project.exposure("e", sql="SELECT CASE WHEN range > 100000 THEN error('stop') ELSE range::VARCHAR END AS x FROM range(200000)",
                     to="out/x.csv")  # fmt: skip
    assert "stop" in failure(project, "exposure.e").error_message
    assert [(p.name, p.read_text()) for p in (tmp_path / "out").iterdir()] == [("x.csv", "x\n1\n")]


OUTSIDE = ["../x.csv", "out/../../x.csv", "{other}/x.csv", "link/x.csv", "/dev/shm/seeknal-test-outside.csv"]


@pytest.mark.parametrize("target", OUTSIDE)
def test_an_exposure_writes_below_the_project_unless_it_is_allowed(tmp_path, target):
    home, other = tmp_path / "home", tmp_path / "other"
    home.mkdir()
    other.mkdir()
    (home / "link").symlink_to(other)
    project = Project(home)
    project.exposure("e", sql="SELECT 1 AS x", to=target.replace("{other}", str(other)))
    assert "outside the project" in failure(project, "exposure.e").error_message
    assert not list(tmp_path.rglob("x.csv"))
    assert not Path("/dev/shm/seeknal-test-outside.csv").exists()
    good(project, allow_outside=True)
    written = [*tmp_path.rglob("x.csv"), *Path("/dev/shm").glob("seeknal-test-outside.csv")]
    assert [path.read_text() for path in {p.resolve() for p in written}] == ["x\n1\n"]
    Path("/dev/shm/seeknal-test-outside.csv").unlink(missing_ok=True)
    project.close()


def test_a_file_where_a_folder_should_be_fails_with_the_path(project, tmp_path):
    (tmp_path / "out").write_text("a file")
    project.exposure("e", sql="SELECT 1 AS x", to="out/x.csv")
    assert "out" in failure(project, "exposure.e").error_message
    assert (tmp_path / "out").read_text() == "a file"


def test_a_declaration_delivers_nothing_and_is_good(project, tmp_path):
    project.transform("t", sql="SELECT 1 AS x")
    project.node("exposure", "dashboard", type="dashboard", url="https://example.org", owner="ann", inputs=["t"])
    result = good(project)["exposure.dashboard"]
    assert result.row_count is None
    assert "declaration" in result.metadata["note"]
    assert [p.name for p in tmp_path.iterdir()] == ["target"]


@pytest.mark.parametrize(("config", "fragment"), [
    ({"sql": "SELECT 1 AS x"}, "no target"), ({"to": "x.cvs"}, "did you mean csv"), ({"to": "noend"}, "unknown format"),
])  # fmt: skip
def test_an_exposure_that_is_not_whole_is_refused_at_definition(project, config, fragment):
    with pytest.raises(ManifestError, match=fragment):
        project.node("exposure", "e", **config)


def test_an_exposure_without_an_input_fails_and_writes_nothing(project, tmp_path):
    """KINDS § 1.7: the peer writes sample data."""
    project.node("exposure", "e", to="x.csv")
    assert "input" in failure(project, "exposure.e").error_message
    assert not (tmp_path / "x.csv").exists()


# Declarations


@pytest.mark.parametrize("kind", ["semantic_model", "metric"])
def test_a_declaration_is_shown_and_does_not_run(project, kind):
    project.transform("t", sql="SELECT 1 AS x")
    project.node(kind, "d", inputs=["t"], measures=[{"name": "revenue", "expr": "sum(x)"}])
    summary = good(project)
    assert summary[f"{kind}.d"].row_count is None
    assert "declaration" in summary[f"{kind}.d"].metadata["note"]
    assert f"{kind}.d" in str(project.ls())
    assert set(status(good(project)).values()) == {"cached"}


def test_a_second_order_aggregation_reads_the_first(project):
    project.transform("e", sql="SELECT * FROM (VALUES (1, 'n', 2), (1, 'n', 3), (2, 'n', 7)) t(u, region, v)")
    project.node("aggregation", "a", id_col="u", group_by="region", inputs=["e"], features=[{"name": "v", "basic": ["sum"]}])
    project.node("second_order_aggregation", "b", id_col="region", inputs=["aggregation.a"],
                 features=[{"name": "v_sum", "basic": ["mean"]}])  # fmt: skip
    good(project)
    assert rows(project, "second_order_aggregation.b") == [("n", 6.0)]


@pytest.mark.parametrize("kind", ["transform", "feature_group", "aggregation"])
def test_a_kind_with_a_body_needs_one_and_only_one(project, kind):
    keyed = {"key": "x"} if kind == "feature_group" else {}
    with pytest.raises(ManifestError, match="no body"):
        project.node(kind, "n", **keyed)
    with pytest.raises(ManifestError, match="two bodies"):
        project.node(kind, "n", sql="SELECT 1 AS x", python="result = 1", **keyed)
    assert not project.manifest.nodes
