"""What a source reads: each file, each frame of the notebook, exactly as it is; and what it says where it cannot."""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
import threading
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kinds import arrow, failure, good, rows, run, status, types
from seeknal_nb.errors import ManifestError
from seeknal_nb.workflow.reasons import Why

UTC = dt.UTC


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
    assert good(project)["source.s"].reason.code is Why.SOURCE_CHANGED
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
    """Hash before and after; a snapshot of half a copy must not be remembered."""
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
        pd.DataFrame({"t": pd.to_datetime(["2024-01-02 03:04:05.000006", None]).as_unit("us")}), ["TIMESTAMP"],
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
    """Exact round-trip, or FAILED naming the column."""
    import sys
    import types as kinds_of_python

    module = kinds_of_python.ModuleType("values_of_this_test")
    vars(module)["value"] = value
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
    assert good(project)["source.s"].reason.code is Why.SOURCE_CHANGED


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
