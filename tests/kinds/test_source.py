"""A source reads what is there, as it is, or says why it cannot; what is secret stays so."""

from __future__ import annotations

import contextlib
import datetime as dt
import gzip
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from waiting import END, eventually

from kinds import arrow, failure, good, rows, run, status
from kinds.postgres import Server, free_port
from seeknal_nb import Project
from seeknal_nb.authoring.cell import define
from seeknal_nb.authoring.node import make_node
from seeknal_nb.durations import duration_text, seconds_of
from seeknal_nb.errors import ManifestError, NodeError, UsageError
from seeknal_nb.kinds.connections import connect, place_of
from seeknal_nb.kinds.sources.postgres import read_postgres
from seeknal_nb.kinds.task import Surroundings
from seeknal_nb.secrets import Secrets

UTC = dt.UTC
NOW = dt.datetime.now(UTC).replace(tzinfo=None)


def source(project: Project, name: str = "s", **config: Any) -> None:
    """Define a source; its errors are raised."""
    project.node("source", name, **config)


def schema(**types: str) -> list[dict[str, str]]:
    return [{"name": name, "data_type": kind} for name, kind in types.items()]


def types(project: Project, node_id: str = "source.s") -> dict[str, str]:
    return {field.name: str(field.type) for field in arrow(project, node_id).schema}


def metadata(project: Project, **options: Any) -> dict[str, Any]:
    return good(project, **options)["source.s"].metadata


# Lengths of time

LENGTHS = {
    "90s": 90, "30m": 1800, "24h": 86400, "7d": 604800, "1w": 604800, "3 days": 259200, "1h 30m": 5400, "1h30m": 5400,
    "0.5h": 1800, " 2 Weeks ": 1209600, "1 minute": 60, "0s": 0, "12 hrs": 43200,
}  # fmt: skip


@pytest.mark.parametrize(("text", "seconds"), LENGTHS.items())
def test_a_length_of_time_is_so_many_seconds(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "24", "h", "1y", "-1h", "1h x", "1 month", None, "1.h", "always", 24])
def test_what_is_no_length_of_time_is_refused(text: object) -> None:
    with pytest.raises(ManifestError, match="no length of time"):
        seconds_of(text)


@given(st.integers(0, 10**6), st.sampled_from([("s", 1), ("m", 60), ("h", 3600), ("d", 86400), ("w", 604800)]))
def test_a_length_is_its_number_times_its_unit(number: int, unit: tuple[str, int]) -> None:
    assert seconds_of(f"{number}{unit[0]}") == seconds_of(f"{number} {unit[0]}") == number * unit[1]


def test_an_age_is_written_for_a_reader() -> None:
    assert [duration_text(s) for s in (5, 3600, 50 * 3600, 12 * 86400)] == ["5s", "60m", "50h", "12d"]


# Formats

TABLE = [(1, "x", 1.5), (2, None, -2.0)]


@pytest.fixture
def profiles(postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A profiles file of the project with a connection ``pg``, whose password is in the environment."""
    monkeypatch.setenv("PGSECRET", postgres.password)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    fields = {**postgres.fields, "type": "postgresql", "password": "${PGSECRET}"}
    (tmp_path / "profiles.yml").write_text(json.dumps({"connections": {"pg": fields}}))
    return postgres


def write(folder: Path, form: str, name: str | None = None) -> str:
    """``TABLE`` (columns a, b, c) as a file, by other libraries than the program's; gives its name."""
    name = name or f"t.{form}"
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    records = [dict(zip("abc", row, strict=True)) for row in TABLE]
    delimiter = "\t" if form == "tsv" else ","
    text = {
        "csv": lambda: "a,b,c\n1,x,1.5\n2,,-2.0\n",
        "tsv": lambda: f"a{delimiter}b{delimiter}c\n1\tx\t1.5\n2\t\t-2.0\n",
        "json": lambda: json.dumps(records),
        "jsonl": lambda: "\n".join(map(json.dumps, records)),
        "ndjson": lambda: "\n".join(map(json.dumps, records)),
    }
    if form in text:
        content = text[form]().encode()
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    elif form == "parquet":
        pq.write_table(pa.Table.from_pylist(records), path)
    elif form == "sqlite":
        with contextlib.closing(sqlite3.connect(path)) as con:
            con.execute("CREATE TABLE t (a INTEGER, b TEXT, c REAL)")
            con.executemany("INSERT INTO t VALUES (?, ?, ?)", TABLE)
            con.commit()
    else:
        import xlsxwriter

        with xlsxwriter.Workbook(path) as book:
            sheet = book.add_worksheet("data")
            for number, row in enumerate([("a", "b", "c"), *TABLE]):
                sheet.write_row(number, 0, row)
    return name


def of_table(form: str) -> dict[str, Any]:
    """What a source of ``TABLE`` must be told besides its path."""
    return {"params": {"table": "t"}} if form == "sqlite" else {}


FORMS = ["csv", "tsv", "json", "jsonl", "ndjson", "parquet", "sqlite", "xlsx", "csv.gz", "tsv.gz", "jsonl.gz", "json.gz"]


@pytest.mark.parametrize("ending", FORMS)
def test_every_format_gives_the_same_table(project: Project, tmp_path: Path, ending: str) -> None:
    name = write(tmp_path, ending.partition(".")[0], f"a.2024.{ending}")
    source(project, path=name, **of_table(ending))
    told = metadata(project)
    assert rows(project, "source.s") == TABLE
    assert types(project) == {"a": "int64", "b": "string", "c": "double"}
    assert told["metrics"]["files"] == 1
    assert told["metrics"]["bytes_read"] == (tmp_path / name).stat().st_size
    assert status(good(project)) == {"source.s": "cached"}


@pytest.mark.parametrize("ending", FORMS)
def test_every_format_casts_as_its_schema_says(project: Project, tmp_path: Path, ending: str) -> None:
    name = write(tmp_path, ending.partition(".")[0], f"a.{ending}")
    source(project, path=name, schema=schema(a="string", c="DECIMAL(9,2)"), **of_table(ending))
    good(project)
    assert rows(project, "source.s") == [("1", "x", Decimal("1.50")), ("2", None, Decimal("-2.00"))]


@pytest.mark.parametrize("ending", FORMS)
def test_every_format_fails_loudly_where_a_value_cannot_be_cast(project: Project, tmp_path: Path, ending: str) -> None:
    name = write(tmp_path, ending.partition(".")[0], f"a.{ending}")
    source(project, path=name, schema=schema(b="DATE"), **of_table(ending))
    message = failure(project, "source.s").error_message
    assert all(part in message for part in ("1 of 2 rows", "'b'", "DATE", "'x'")), message
    assert not list((tmp_path / "target" / "outputs").rglob("*.parquet"))


@pytest.mark.parametrize("ending", FORMS)
def test_every_format_names_the_columns_there_are_where_one_is_missing(
    project: Project, tmp_path: Path, ending: str
) -> None:
    name = write(tmp_path, ending.partition(".")[0], f"a.{ending}")
    source(project, path=name, schema=schema(bb="DATE"), **of_table(ending))
    message = failure(project, "source.s").error_message
    assert "'bb'" in message
    assert "a, b, c" in message


# Casts

CASTS = {
    "leading zeros stay": ("n\n007\n", "VARCHAR", ["007"]),
    "the peer's names": ("n\n1\n", "float", [1.0]),
    "an empty field is null": ('n\n1\n""\n', "INTEGER", [1, None]),
    "an offset is taken to UTC": ("n\n2024-01-01T00:00:00+02:00\n", "TIMESTAMP", [dt.datetime(2023, 12, 31, 22)]),
    "a time without zone is as it is": ("n\n2024-01-01 05:00:00\n", "TIMESTAMP", [dt.datetime(2024, 1, 1, 5)]),
    "a whole number with a point": ("n\n2.0\n", "INTEGER", [2]),
    "a decimal is exact": ("n\n0.1\n", "DECIMAL(20,10)", [Decimal("0.1000000000")]),
    "big integers": ("n\n9007199254740993\n", "BIGINT", [9007199254740993]),
    "booleans": ("n\ntrue\nfalse\n", "BOOLEAN", [True, False]),
}


@pytest.mark.parametrize(("text", "kind", "expected"), CASTS.values(), ids=CASTS)
def test_a_declared_type_is_taken_exactly(project: Project, tmp_path: Path, text: str, kind: str, expected: list) -> None:
    (tmp_path / "a.csv").write_text(text)
    source(project, path="a.csv", schema=schema(n=kind), params={"header": True, "sep": ","})
    good(project)
    assert [row[0] for row in rows(project, "source.s")] == expected


@pytest.mark.parametrize(
    ("value", "kind"),
    [("1.5", "INTEGER"), ("abc", "INTEGER"), ("300", "TINYINT"), ("2024-13-01", "DATE"), ("1e400", "BIGINT"), ("x", "BOOLEAN"),
     ("12345678.9", "DECIMAL(5,2)"), ("-1", "UINTEGER"), ("yesterday", "TIMESTAMP"), ("1,5", "DOUBLE")],
)  # fmt: skip
def test_what_does_not_fit_is_never_stored(project: Project, tmp_path: Path, value: str, kind: str) -> None:
    (tmp_path / "a.csv").write_text(f'm;n\n1;"{value}"\n1;\n')
    source(project, path="a.csv", schema=schema(n=kind))
    message = failure(project, "source.s").error_message
    assert "1 of 2 rows" in message
    assert repr(value) in message
    assert not list((tmp_path / "target" / "outputs").rglob("*.parquet"))


def test_a_fraction_in_a_column_of_numbers_is_not_rounded_to_a_declared_integer(project: Project, tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": [1.0, 2.5]}), tmp_path / "a.parquet")
    source(project, path="a.parquet", schema=schema(n="INTEGER"))
    assert "'2.5'" in failure(project, "source.s").error_message


def test_a_bad_value_is_told_with_its_file(project: Project, tmp_path: Path) -> None:
    for name, value in (("a", "1"), ("b", "abc"), ("c", "3")):
        (tmp_path / f"{name}.csv").write_text(f"n\n{value}\n")
    source(project, path="*.csv", schema=schema(n="INTEGER"), source="csv")
    message = failure(project, "source.s").error_message
    assert "1 of 3 rows" in message
    assert "b.csv" in message
    assert "a.csv" not in message


def test_text_in_json_that_looks_like_a_date_stays_as_it_is_where_the_schema_says_text(
    project: Project, tmp_path: Path
) -> None:
    (tmp_path / "a.json").write_text('[{"at": "2024-01-01T00:00:00Z", "n": {"d": [1]}}]')
    source(project, path="a.json", schema=schema(at="string"))
    good(project)
    assert rows(project, "source.s") == [("2024-01-01T00:00:00Z", {"d": [1]})]


def test_a_body_and_a_frame_are_cast_too(project: Project) -> None:
    source(project, "sql", sql="SELECT '007' AS n", schema=schema(n="INTEGER"))
    source(project, "py", python="return [{'n': '1.50'}]", schema=schema(n="DECIMAL(5,2)"))
    good(project)
    assert (rows(project, "source.sql"), rows(project, "source.py")) == ([(7,)], [(Decimal("1.50"),)])
    assert {p.name for p in (project.directory / "target" / "outputs").rglob("*.parquet")} == {"data.parquet"}


@settings(max_examples=25)
@given(st.lists(st.one_of(st.none(), st.integers(-(2**31), 2**31 - 1)), min_size=1, max_size=20))
def test_integers_come_through_a_csv_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, values: list[int | None]
) -> None:
    folder = tmp_path_factory.mktemp("csv")
    (folder / "a.csv").write_text("n,m\n" + "".join(f"{'NA' if v is None else v},x\n" for v in values))
    with contextlib.closing(Project(folder, namespace={})) as project:
        source(project, path="a.csv", schema=schema(n="INTEGER"), params={"nullstr": "NA"})
        good(project)
        assert [row[0] for row in rows(project, "source.s")] == values


# Options

READ = {
    "a word for null": ("a,b\nNA,1\n2,\n", {"nullstr": "NA"}, [(None, 1), (2, None)]),
    "several": ("a,b\nNA,1\n-,2\n3,4\n", {"nullstr": ["NA", "-"]}, [(None, 1), (None, 2), (3, 4)]),
    "pandas' name of it": ("a\nNA\n2\n", {"na": "NA"}, [(None,), (2,)]),
    "a delimiter": ("a;b\n1,5;2\n", {"delimiter": ";", "decimal_separator": ","}, [(1.5, 2)]),
    "no header": ("1,2\n3,4\n", {"header": False, "names": ["x", "y"]}, [(1, 2), (3, 4)]),
    "lines skipped": ("junk\nmore\na,b\n1,2\n", {"skip": 2}, [(1, 2)]),
    "types of one's own": ("a\n1\n", {"types": {"a": "VARCHAR"}}, [("1",)]),
    "a date's form": ("a\n31/01/2024\n", {"dateformat": "%d/%m/%Y"}, [(dt.date(2024, 1, 31),)]),
    "the file's name": ("a\n1\n", {"filename": "f"}, None),
}


@pytest.mark.parametrize(("text", "params", "expected"), READ.values(), ids=READ)
def test_options_reach_the_reader(project: Project, tmp_path: Path, text: str, params: dict, expected: list | None) -> None:
    (tmp_path / "a.csv").write_text(text)
    source(project, path="a.csv", params=params)
    good(project)
    assert rows(project, "source.s") == (expected or [(1, str(tmp_path / "a.csv"))])


def test_a_date_s_form_counts_for_declared_columns_too(project: Project, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("d;n\n02/01/2024;1.234\n")
    source(
        project,
        path="a.csv",
        schema=schema(d="DATE", n="INTEGER"),
        params={"dateformat": "%d/%m/%Y", "thousands": ".", "decimal_separator": ","},
    )
    good(project)
    assert rows(project, "source.s") == [(dt.date(2024, 1, 2), 1234)]


def test_rejected_rows_are_counted_and_told(project: Project, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("n,m\n1,2\nabc,3\n4,x\n5,6\n")
    source(project, path="a.csv", schema=schema(n="INTEGER", m="INTEGER"), params={"store_rejects": True})
    told = metadata(project)
    assert rows(project, "source.s") == [(1, 2), (5, 6)]
    assert told["metrics"]["rejected"] == 2
    assert "2 rows could not be read" in told["warnings"][0]


REFUSED = {
    "an unknown option": ({"path": "a.csv", "params": {"nulstr": "x"}}, "nullstr"),
    "an option of another format": ({"path": "a.parquet", "params": {"nullstr": "x"}}, "no option 'nullstr'"),
    "an unknown format": ({"path": "a.cvs"}, "did you mean csv"),
    "an unknown key": ({"path": "a.csv", "freshnes": {"column": "x"}}, "did you mean freshness"),
    "a key of another kind": ({"path": "a.csv", "entity": {"name": "x"}}, "entity"),
    "a file beside a body": ({"path": "a.csv", "sql": "SELECT 1 AS x"}, "path of a source with a body"),
    "reader options beside a body": ({"sql": "SELECT 1 AS x", "params": {"nullstr": "NA"}}, "write it in the SQL"),
    "two bodies": ({"sql": "SELECT 1 AS x", "python": "return []"}, "two bodies"),
    "a query of a csv": ({"path": "a.csv", "params": {"query": "SELECT 1"}}, "query"),
    "a sheet of a csv": ({"path": "a.csv", "params": {"sheet": "x"}}, "sheet"),
    "a watermark of a file": ({"path": "a.csv", "watermark": "SELECT 1"}, "watermark"),
    "a refresh that is no time": ({"path": "a.csv", "refresh": "often"}, "always, never"),
    "a freshness without a column": ({"path": "a.csv", "freshness": {"warn_after": "1h"}}, "needs one column"),
    "a freshness that is no time": ({"path": "a.csv", "freshness": {"column": "t", "warn_after": "soon"}}, "no length of time"),
    "an unknown key of freshness": ({"path": "a.csv", "freshness": {"column": "t", "warnafter": "1h"}}, "did you mean warn_after"),
    "limits the wrong way round": (
        {"path": "a.csv", "freshness": {"column": "t", "warn_after": "2d", "error_after": "1d"}}, "longer than"
    ),
    "a schema without a name": ({"path": "a.csv", "schema": [{"data_type": "DATE"}]}, "without a name"),
    "a schema with a column twice": ({"path": "a.csv", "schema": schema(a="DATE", A="DATE")}, "twice"),
    "an unknown key of schema": ({"path": "a.csv", "schema": [{"name": "a", "typ": "DATE"}]}, "did you mean type"),
    "a type that is no text": ({"path": "a.csv", "schema": [{"name": "a", "data_type": 3}]}, "no data type"),
    "a skip that is no number": ({"path": "a.csv", "params": {"skip": "x"}}, "skip"),
    "sqlite without a table": ({"path": "a.sqlite"}, "no table named"),
    "a variable and a file": ({"source": "dataframe", "input": "df", "path": "a.csv"}, "path"),
    "nothing": ({}, "unknown format"),
    "a database without a table": ({"connection": "pg"}, "one table or query"),
    "a database with both": ({"connection": "pg", "table": "t", "sql": "SELECT 1", "query": "SELECT 2"}, "one table or query"),
    "a database with a table beside": ({"connection": "pg", "table": "t", "sql": "SELECT 1"}, "one table or query"),
    "a database with a list": ({"connection": "pg", "table": ["t"]}, "one table or query"),
    "a watermark that is no text": ({"connection": "pg", "table": "t", "watermark": ["x"]}, "watermark must be text"),
    "a database without a connection": ({"source": "postgres", "table": "t"}, "no connection named"),
    "two connections": (
        {"connection": "pg", "connection_string": "postgresql://h/d", "table": "t"}, "connection_string and connection"
    ),
    "an unknown option of a database": ({"connection": "pg", "table": "t", "params": {"usr": "x"}}, "did you mean user"),
    "a password in a string": ({"connection_string": "postgresql://u:pw@h/d", "table": "t"}, "written out"),
    "in the peer's place": ({"source": "postgresql", "params": {"host": "h", "password": "pw", "table": "t"}}, "written out"),
    "among words": ({"connection_string": "host=h user=u password=pw", "table": "t"}, "written out"),
    "as the connection": ({"connection": "postgresql://u:pw@h/d", "table": "t"}, "written out"),
    "in a parameter": ({"connection_string": "postgresql://u:{{ env:PW }}@h/d", "table": "t"}, "written out"),
    "half of one": ({"connection_string": "postgresql://u:x${PW}@h/d", "table": "t"}, "written out"),
    "in the query of a URL": ({"connection_string": "postgresql://u@h/d?password=pw", "table": "t"}, "written out"),
}  # fmt: skip


@pytest.mark.parametrize(("config", "part"), REFUSED.values(), ids=REFUSED)
def test_what_would_not_be_read_is_refused_at_definition(project: Project, config: dict, part: str) -> None:
    with pytest.raises(ManifestError) as caught:
        source(project, **config)
    assert part in str(caught.value), caught.value
    assert "source.s" in str(caught.value)


# Folders and globs


@pytest.mark.parametrize(("form", "path"), [("csv", "d/*.csv"), ("csv", "d"), ("json", "d"), ("parquet", "d"), ("jsonl", "d/*.jsonl"), ("xlsx", "d")])  # fmt: skip
def test_files_are_joined_by_the_names_of_their_columns(project: Project, tmp_path: Path, form: str, path: str) -> None:
    from_rows = {"d/a": {"x": 1, "y": "p"}, "d/b": {"y": "q", "z": 2.5}}
    (tmp_path / "d").mkdir()
    for name, row in from_rows.items():
        write_rows(tmp_path / f"{name}.{form}", form, [row])
    (tmp_path / "d" / "notes.txt").write_text("not a table")
    (tmp_path / "d" / f"_hidden.{form}").write_text("not a table") if path == "d" else None
    source(project, path=path, source=form)
    told = metadata(project)
    assert rows(project, "source.s") == [(1, "p", None), (None, "q", 2.5)]
    assert told["metrics"]["files"] == 2


def write_rows(path: Path, form: str, records: list[dict[str, Any]]) -> None:
    names = list(records[0])
    if form == "csv":
        path.write_text("\n".join([",".join(names), *(",".join(str(v) for v in r.values()) for r in records)]) + "\n")
    elif form in ("json", "jsonl"):
        path.write_text("\n".join(json.dumps(r) for r in records))
    elif form == "parquet":
        pq.write_table(pa.Table.from_pylist(records), path)
    else:
        import xlsxwriter

        with xlsxwriter.Workbook(path) as book:
            sheet = book.add_worksheet()
            for number, row in enumerate([names, *(list(r.values()) for r in records)]):
                sheet.write_row(number, 0, row)


NOTHING = {
    "a glob": ("d/*.csv", "csv", "no file matches"),
    "a folder without the format": ("d", "csv", "no file of the format"),
    "a file": ("d/a.csv", "csv", "is missing"),
    "an empty csv": ("e.csv", "csv", "is empty"),
    "an empty json": ("e.json", "json", "is empty"),
    "an empty list": ("l.json", "json", "is empty"),
    "an empty parquet": ("e.parquet", "parquet", "is empty"),
    "no workbook": ("n.xlsx", "xlsx", "workbook cannot be read"),
    "no database": ("n.sqlite", "sqlite", "SQLite refuses"),
}


@pytest.mark.parametrize(("path", "form", "part"), NOTHING.values(), ids=NOTHING)
def test_where_there_is_nothing_to_read_the_error_says_so(
    project: Project, tmp_path: Path, path: str, form: str, part: str
) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "x.txt").write_text("x")
    (tmp_path / "l.json").write_text("[]")
    for name in ("e.csv", "e.json", "e.parquet"):
        (tmp_path / name).write_text("")
    for name in ("n.xlsx", "n.sqlite"):
        (tmp_path / name).write_text("no such thing, and long enough to be looked at" * 20)
    source(project, path=path, source=form, **of_table(form))
    message = failure(project, "source.s").error_message
    assert part in message
    assert Path(path).name in message


@pytest.mark.parametrize(("name", "text"), [("e.csv", ""), ("e.json", "[]"), ("e.jsonl", ""), ("h.csv", "a,b\n")])
def test_an_empty_file_with_a_schema_is_a_table_of_no_rows(project: Project, tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    source(project, path=name, schema=schema(a="INTEGER", b="DATE"))
    assert good(project)["source.s"].row_count == 0
    assert types(project) == {"a": "int32", "b": "date32[day]"}


def test_an_empty_file_among_others_adds_nothing_and_is_told(project: Project, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n")
    (tmp_path / "b.csv").write_text("")
    source(project, path="*.csv")
    assert metadata(project)["warnings"] == ["1 of 2 files are empty"]
    assert rows(project, "source.s") == [(1,)]
    assert types(project) == {"x": "int64"}


# Workbooks and SQLite


def workbook(path: Path, **sheets: list[list[Any]]) -> None:
    import xlsxwriter

    with xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd hh:mm"}) as book:
        for name, lines in sheets.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(lines):
                sheet.write_row(number, 0, row)


SHEETS = {
    "the first": ({}, [(1, "x")]),
    "by name": ({"sheet": "two"}, [(dt.datetime(2024, 1, 2, 3, 4), True)]),
    "by number": ({"sheet": 2}, [(dt.datetime(2024, 1, 2, 3, 4), True)]),
    "without a header": ({"header": False}, [("a", "b"), ("1", "x")]),
    "words for null": ({"nullstr": ["x"]}, [(1, None)]),
    "rows skipped": ({"sheet": "three", "skip": 2}, [(5,)]),
    "mixed": ({"sheet": "mixed"}, [("1", 1.5), ("x", 2.0)]),
}


@pytest.mark.parametrize(("params", "expected"), SHEETS.values(), ids=SHEETS)
def test_a_workbook_gives_the_sheet_that_is_asked_for(
    project: Project, tmp_path: Path, params: dict, expected: list
) -> None:
    workbook(
        tmp_path / "a.xlsx", one=[["a", "b"], [1, "x"]], two=[["t", "f"], [dt.datetime(2024, 1, 2, 3, 4), True]],
        three=[["a title"], [], ["n"], [5]], mixed=[["m", "n"], [1, 1.5], ["x", 2]],
    )  # fmt: skip
    source(project, path="a.xlsx", params=params)
    told = metadata(project)
    assert rows(project, "source.s") == expected
    assert ("taken as text" in str(told.get("warnings"))) == (
        params.get("sheet") == "mixed" or params.get("header") is False
    )
    assert ("column 'm' holds int (1) and str ('x')" in str(told.get("warnings"))) == (params.get("sheet") == "mixed")


def test_a_workbook_with_a_title_says_how_to_leave_it_out(project: Project, tmp_path: Path) -> None:
    workbook(tmp_path / "a.xlsx", one=[["a title"], ["a", "b"], [1, 2]])
    source(project, path="a.xlsx")
    assert metadata(project)["warnings"][0].startswith("the first row of a.xlsx names few of 2 columns (skip: N")


def test_an_unknown_sheet_is_told_with_those_there_are(project: Project, tmp_path: Path) -> None:
    workbook(tmp_path / "a.xlsx", orders=[["a"], [1]])
    source(project, path="a.xlsx", params={"sheet": "order"})
    assert "did you mean orders" in failure(project, "source.s").error_message


@pytest.mark.parametrize(("cell", "told"), [("=A2*2", True), ("=SUM(A2:A3)", True), (None, False), ("x", False)])
def test_formulas_that_were_never_calculated_are_told(
    project: Project, tmp_path: Path, cell: str | None, told: bool
) -> None:
    from openpyxl import Workbook

    book = Workbook()
    for row in (["a", "b"], [1, cell], [2, None], [3, "y"]):
        book.active.append(row)
    book.create_sheet("other").append(["=1+1"])
    book.save(tmp_path / "a.xlsx")
    source(project, path="a.xlsx")
    warnings = good(project)["source.s"].metadata.get("warnings", [])
    assert (
        warnings == ["1 formulas of a.xlsx have no value and are null: open it in a spreadsheet program and save it"] * told
    )


def test_sqlite_keeps_what_a_column_of_several_kinds_holds(project: Project, tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as con:
        con.execute("CREATE TABLE t (a, b, c)")
        con.executemany("INSERT INTO t VALUES (?, ?, ?)", [(1, 2**53 + 1, b"\x00"), ("x", 0.5, None)])
        con.commit()
    source(project, path="a.db", source="sqlite", params={"table": "T"})
    told = metadata(project)
    assert rows(project, "source.s") == [("1", str(2**53 + 1), b"\x00"), ("x", "0.5", None)]
    assert len(told["warnings"]) == 2


DECLARED = {
    "integer": ("INTEGER", 1, "int64"), "its words": ("bigint unsigned", 1, "int64"), "real": ("REAL", 2, "double"),
    "numeric": ("NUMERIC(10,2)", 3, "double"), "text": ("VARCHAR(5)", "5", "string"), "blob": ("BLOB", b"x", "binary"),
    "boolean": ("BOOLEAN", 1, "bool"), "date": ("DATE", "2024-01-01", "date32[day]"),
    "datetime": ("DATETIME", "2024-01-01 10:00:00", "timestamp[us]"), "nothing": ("", 4, "int64"),
}  # fmt: skip


@pytest.mark.parametrize("filled", [True, False])
def test_sqlite_keeps_the_types_that_it_declares_with_values_and_without(project, tmp_path, filled: bool) -> None:
    names = [f"c{at}" for at in range(len(DECLARED))]
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as con:
        con.execute(f"CREATE TABLE t ({', '.join(f'{name} {kind}' for name, (kind, *_) in zip(names, DECLARED.values(), strict=True))})")
        marks = ", ".join("?" for _ in names)
        con.execute(f"INSERT INTO t VALUES ({marks})", [None] * len(names))
        con.execute(
            f"INSERT INTO t VALUES ({marks})",
            [value for _, value, _ in DECLARED.values()] if filled else [None] * len(names),
        )
        con.commit()
    source(project, path="a.db", params={"table": "t"})
    source(project, "q", path="a.db", query="WITH u AS (SELECT * FROM t) SELECT * FROM u;")
    assert not [told for told in metadata(project).get("warnings", ()) if "declared" in told]
    known = [kind if filled or declared else "string" for declared, _, kind in DECLARED.values()]
    assert [*types(project).values()] == [*types(project, "source.q").values()] == known


SQLITE_ODD = {
    "text in a number": ("INTEGER", "x", "x"), "a day of another form": ("DATE", "01/02/2024", "01/02/2024"),
    "a time in a day": ("DATE", "2024-01-01 10:00:00", "2024-01-01 10:00:00"), "seconds in a time": ("DATETIME", 1700000000, 1700000000),
    "seven in a truth": ("BOOLEAN", 7, 7), "bytes in a text": ("TEXT", b"x", b"x"), "a large number": ("NUMERIC", 2**53 + 1, 2**53 + 1),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "stored"), SQLITE_ODD.values(), ids=SQLITE_ODD)
def test_a_value_that_is_not_of_its_declared_type_stays_as_it_is_and_is_told(project, tmp_path, kind, value, stored) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as con:
        con.execute(f"CREATE TABLE t (a {kind})")
        con.execute("INSERT INTO t VALUES (?)", [value])
        con.commit()
    source(project, path="a.db", params={"table": "t"})
    assert "'a' is declared as" in metadata(project)["warnings"][0]
    assert rows(project, "source.s") == [(stored,)]


def test_several_statements_are_refused_by_sqlite(project: Project, tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as con:
        con.execute("CREATE TABLE t (a)")
    source(project, path="a.db", query="SELECT 1; DROP TABLE t")
    assert "SQLite refuses" in failure(project, "source.s").error_message


# Names of columns

NAMES = {
    "doubled": (["a", "a", "A"], ["a", "a_1", "A_2"]), "doubled again": (["a", "a", "a_1"], ["a", "a_1", "a_1_1"]),
    "blank": (["a", "", None], ["a", "column1", "column2"]), "taken": (["column1", " "], ["column1", "column1_1"]),
}  # fmt: skip


@pytest.mark.parametrize(("given", "names"), NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("form", ["csv", "xlsx", "pandas", "arrow"])
def test_columns_of_one_name_or_none_are_told_apart_in_every_format(project, tmp_path, given, names, form) -> None:
    import duckdb
    import pandas as pd

    values = [*range(10, 10 + len(given))]
    if form == "csv":
        (tmp_path / "a.csv").write_text(f"{','.join(name or '' for name in given)}\n{','.join(map(str, values))}\n")
        assert duckdb.sql(f"FROM read_csv('{tmp_path}/a.csv', header = true, delim = ',')").columns == names
    elif form == "xlsx":
        workbook(tmp_path / "a.xlsx", one=[given, values])
    elif form == "pandas":
        project.namespace["df"] = pd.DataFrame([values], columns=given)
    else:
        project.namespace["df"] = pa.Table.from_arrays(
            [pa.array([value]) for value in values], names=[name or "" for name in given]
        )
    source(project, **({"path": f"a.{form}"} if form in ("csv", "xlsx") else {"source": "dataframe", "input": "df"}))
    told = metadata(project)
    assert arrow(project, "source.s").column_names == names
    assert rows(project, "source.s") == [tuple(values)]
    assert [warning for warning in told["warnings"] if "were renamed" in warning]
    assert status(good(project)) == {"source.s": "cached"}


def test_columns_of_one_name_in_a_query_of_sqlite_are_told_apart(project: Project, tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as con:
        con.executescript(
            "CREATE TABLE a (id INT, x TEXT); CREATE TABLE b (id REAL, a_id INT); INSERT INTO a VALUES (1, 'p'); INSERT INTO b VALUES (10, 1)"
        )
    source(project, path="a.db", query="SELECT a.*, b.* FROM a JOIN b ON b.a_id = a.id")
    assert "id_1 is column 3, another id" in metadata(project)["warnings"][0]
    assert rows(project, "source.s") == [(1, "p", 10.0, 1)]
    assert types(project) == {"id": "int64", "x": "string", "id_1": "double", "a_id": "int64"}


def test_an_unknown_table_of_sqlite_is_told_with_the_nearest(project: Project, tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as con:
        con.execute("CREATE TABLE orders (a)")
    source(project, path="a.db", params={"table": "order"})
    assert "did you mean orders" in failure(project, "source.s").error_message


# Folders that name values


def laid(folder: Path, *files: str, form: str = "csv") -> None:
    for name in files:
        path = folder / f"{name}.{form}"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_rows(path, form, [{"v": 1, "day": "07:04"}])


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_a_folder_that_names_a_column_of_the_files_is_refused_and_an_option_says_which_counts(
    project, tmp_path, form
) -> None:
    laid(tmp_path / "d", "day=2024-01-01/a", "day=2024-01-02/b", form=form)
    source(project, path="d", source=form)
    assert "'day' is a column of the files and a name in their folders" in failure(project, "source.s").error_message
    source(project, path="d", source=form, params={"hive_partitioning": False})
    good(project)
    assert {str(row[1]) for row in rows(project, "source.s")} <= {"07:04", "07:04:00"}
    source(project, path="d", source=form, params={"hive_partitioning": True})
    good(project)
    assert {row[1] for row in rows(project, "source.s")} == {dt.date(2024, 1, 1), dt.date(2024, 1, 2)}


@pytest.mark.parametrize("files", [("hour=1/a", "b"), ("hour=1/a", "minute=1/b"), ("hour=1/a", "hour=1/minute=2/b")])
@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_folders_that_name_values_of_some_files_only_are_refused(project, tmp_path, files, form) -> None:
    laid(tmp_path / "d", *files, form=form)
    source(project, path="d", source=form)
    assert "folders name values of some files" in failure(project, "source.s").error_message
    source(project, path="d", source=form, params={"hive_partitioning": False})
    good(project)
    assert arrow(project, "source.s").column_names == ["v", "day"]


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_folders_above_the_project_give_no_columns(tmp_path, form) -> None:
    """Beside folders of the source's own the engine would take them too: that is refused, until an option says which count."""
    laid(tmp_path / "x=1" / "p", "d/hour=1/a", "e/a", form=form)
    with contextlib.closing(Project(tmp_path / "x=1" / "p", namespace={})) as project:
        source(project, path="d", source=form)
        assert "so does one above the project: x=" in failure(project, "source.s").error_message
        source(project, path="d", source=form, params={"hive_partitioning": True})
        source(project, "e", path="e", source=form, schema=schema(v="DOUBLE"))
        project.transform("t", sql="SELECT * FROM source.e")
        good(project)
        assert arrow(project, "source.e").column_names == arrow(project, "transform.t").column_names == ["v", "day"]
        assert sorted(arrow(project, "source.s").column_names) == ["day", "hour", "v", "x"]


# Warnings


def test_a_text_column_that_is_mostly_numbers_is_told_unless_the_schema_names_it(project: Project, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("n,m\n" + "".join(f"{i},{i}\n" for i in range(19)) + "NA,NA\n")
    source(project, path="a.csv", schema=schema(m="VARCHAR"))
    (warning,) = metadata(project)["warnings"]
    assert warning.startswith("n is text, but 95% of it are numbers")


# Freshness


def stamps(*hours: float) -> str:
    """Times so many hours ago, in a CSV."""
    return "t\n" + "".join(f"{(dt.datetime.now(UTC) - dt.timedelta(hours=h)).isoformat()}\n" for h in hours)


FRESH = {"column": "t", "warn_after": "24h", "error_after": "48h"}


@pytest.mark.parametrize(("age", "passed"), [(1, [True, True]), (30, [False, True]), (50, [False, False])])
def test_the_age_of_the_newest_row_passes_warns_or_fails(
    project: Project, tmp_path: Path, age: float, passed: list[bool]
) -> None:
    (tmp_path / "a.csv").write_text(stamps(age, age + 100))
    source(project, path="a.csv", freshness=FRESH)
    result = run(project)["source.s"]
    assert result.status == ("failed" if not passed[1] else "success")
    assert [(c["severity"], c["passed"]) for c in result.metadata["checks"]] == list(
        zip(["warn", "error"], passed, strict=True)
    )
    assert result.metadata["metrics"]["age_seconds"] == pytest.approx(age * 3600, abs=END)
    assert ("warnings" in result.metadata) == (passed == [False, True])
    if not passed[1]:
        assert "50h" in result.error_message


@pytest.mark.parametrize("kind", ["TIMESTAMP", "DATE", "TIMESTAMPTZ"])
def test_any_time_has_an_age(project: Project, tmp_path: Path, kind: str) -> None:
    text = stamps(24 * 10)
    (tmp_path / "a.csv").write_text(text if kind != "DATE" else text.partition("T")[0])
    source(project, path="a.csv", freshness={"time_column": "T"}, schema=schema(t=kind))
    age = metadata(project)["metrics"]["age_seconds"]
    assert 864000 - 60 <= age <= 864000 + (86400 if kind == "DATE" else 60)


@pytest.mark.parametrize(("text", "part"), [("x\n1\n", "there is no column 't'"), ("t\nabc\n", "not a time")])
def test_freshness_needs_a_time(project: Project, tmp_path: Path, text: str, part: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    source(project, path="a.csv", freshness=FRESH)
    assert part in failure(project, "source.s").error_message


def test_no_rows_are_not_fresh(project: Project, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("t\n")
    source(project, path="a.csv", freshness=FRESH, schema=schema(t="TIMESTAMP"))
    assert "there are no rows" in failure(project, "source.s").error_message


def test_rows_without_a_time_are_not_fresh(project: Project, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("t,n\n,1\n,2\n")
    source(project, path="a.csv", freshness=FRESH, schema=schema(t="TIMESTAMP", n="INTEGER"))
    message = failure(project, "source.s").error_message
    assert "no row has a t" in message
    assert "no rows" not in message


def test_a_row_of_the_future_makes_nothing_fresh(project: Project, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(stamps(30, -24 * 365) + "infinity\n")
    source(project, path="a.csv", freshness=FRESH, schema=schema(t="TIMESTAMP"))
    told = metadata(project)
    assert told["metrics"]["age_seconds"] == pytest.approx(30 * 3600, abs=END)
    assert [check["passed"] for check in told["checks"]] == [False, True]
    assert "1 row lies in the future" in told["warnings"][1]
    (tmp_path / "a.csv").write_text(stamps(-24 * 365, -24 * 400))
    message = failure(project, "source.s").error_message
    assert "every t lies in the future" in message


def test_a_clock_that_is_hours_ahead_is_no_future(project: Project, tmp_path: Path) -> None:
    """A time without a zone is read as UTC; the one who wrote it may be half a day ahead."""
    (tmp_path / "a.csv").write_text(stamps(50, -13))
    source(project, path="a.csv", freshness=FRESH, schema=schema(t="TIMESTAMP"))
    told = metadata(project)
    assert [check["passed"] for check in told["checks"]] == [True, True]
    assert not told.get("warnings")


def test_a_list_of_times_is_no_time(project: Project) -> None:
    source(project, sql="SELECT [now()::TIMESTAMP] AS t", freshness=FRESH)
    assert "'t' is TIMESTAMP[], not a time" in failure(project, "source.s").error_message


def test_data_that_becomes_stale_is_told_although_nothing_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").write_text(stamps(1))
    real = time.time
    with contextlib.closing(Project(tmp_path, namespace={})) as project:
        source(project, path="a.csv", freshness=FRESH)
        project.transform("t", sql="SELECT * FROM source.s")
        good(project)
        assert status(good(project)) == {"source.s": "cached", "transform.t": "cached"}
        monkeypatch.setattr(time, "time", lambda: real() + 29 * 3600)
        summary = good(project)
        assert summary["source.s"].reason == "freshness: data is 30h old"
        assert "30h" in summary["source.s"].metadata["warnings"][0]
        assert status(summary) == {"source.s": "success", "transform.t": "cached"}
        assert status(good(project)) == {"source.s": "cached", "transform.t": "cached"}  # told once
        monkeypatch.setattr(time, "time", lambda: real() + 60 * 3600)
        assert failure(project, "source.s").reason == "freshness: data is 61h old"
        assert failure(project, "source.s").reason == "failed last time"


# Refresh

BODY = "import pathlib\nreturn [{'n': int(pathlib.Path(r'%s').read_text())}]"


def test_a_python_source_runs_again_when_its_time_has_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "n.txt").write_text("1")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    with contextlib.closing(Project(tmp_path, namespace={})) as project:
        source(project, python=BODY % (tmp_path / "n.txt"), refresh="1h")
        project.transform("t", sql="SELECT n + 1 AS n FROM source.s")
        good(project)
        (tmp_path / "n.txt").write_text("2")
        assert status(good(project))["source.s"] == "cached"
        monkeypatch.setattr(time, "time", lambda: now + 3599)
        assert status(good(project))["source.s"] == "cached"
        monkeypatch.setattr(time, "time", lambda: now + 3601)
        assert good(project)["source.s"].reason == "refresh: 1h"
        assert (rows(project, "source.s"), rows(project, "transform.t")) == ([(2,)], [(3,)])
        assert status(good(project))["source.s"] == "cached"


@pytest.mark.parametrize(("refresh", "expected"), [(None, "cached"), ("never", "cached"), ("always", "success")])
def test_a_python_source_runs_again_only_if_asked_to(project: Project, refresh: str | None, expected: str) -> None:
    source(project, python="return [{'n': 1}]", **({"refresh": refresh} if refresh else {}))
    project.transform("t", sql="SELECT * FROM source.s")
    good(project)
    assert status(good(project)) == {"source.s": expected, "transform.t": "cached"}  # what came out is the same


# YAML and the line of a cell

YAML = """
kind: source
name: s
connection: pg
watermark: SELECT count(*) FROM orders
schema: [{name: n, data_type: BIGINT}]
sql: |
  SELECT o.id AS n FROM orders AS o
---
kind: transform
name: t
transform: SELECT n + 1 AS n FROM source.s
"""


def test_a_folder_of_yaml_reads_a_database_whose_tables_are_no_nodes(profiles: Server, tmp_path: Path) -> None:
    profiles.execute("CREATE TABLE orders (id int)", "INSERT INTO orders VALUES (1)")
    (tmp_path / "seeknal").mkdir()
    (tmp_path / "seeknal" / "a.yml").write_text(YAML)
    with contextlib.closing(Project(tmp_path, namespace={})) as project:
        project.parse()
        good(project)
        assert rows(project, "transform.t") == [(2,)]
        assert status(good(project)) == {"source.s": "cached", "transform.t": "cached"}


LINES = {
    "a.csv --null NA --null - --delimiter ;": {"path": "a.csv", "params": {"nullstr": ["NA", "-"], "delimiter": ";"}},
    "--xlsx a.xlsx --sheet one": {"source": "xlsx", "path": "a.xlsx", "params": {"sheet": "one"}},
    "--connection pg --postgres public.t --refresh 1h": {
        "connection": "pg", "source": "postgres", "table": "public.t", "refresh": "1h"
    },
    "--connection pg --query 'SELECT 1' --watermark 'SELECT 2'": {
        "connection": "pg", "params": {"query": "SELECT 1"}, "watermark": "SELECT 2"
    },
    "a.csv --schema 'a:DECIMAL(9,2), b:DATE' --freshness b:24h:48h": {
        "path": "a.csv",
        "schema": [{"name": "a", "data_type": "DECIMAL(9,2)"}, {"name": "b", "data_type": "DATE"}],
        "freshness": {"column": "b", "warn_after": "24h", "error_after": "48h"},
    },
    "a.csv --freshness b::2d": {"path": "a.csv", "freshness": {"column": "b", "error_after": "2d"}},
    "a.csv --param skip=2": {"path": "a.csv", "params": {"skip": 2}},
}  # fmt: skip


@pytest.mark.parametrize(("line", "config"), LINES.items())
def test_the_line_of_a_cell_says_what_yaml_says(tmp_path: Path, line: str, config: dict) -> None:
    import shlex

    assert make_node("source", "s", define("source", ["s", *shlex.split(line)], "").config, root=tmp_path).config == config


@pytest.mark.parametrize(
    "line", ["a.csv --schema a", "a.csv --freshness a:1h:2h:3h", "a.csv --connection pg", "a.csv --schema :DATE"]
)
def test_a_line_that_cannot_be_read_is_refused(line: str) -> None:
    with pytest.raises(UsageError):
        define("source", ["s", *line.split()], "")


# Secrets


def test_a_python_source_is_given_a_secret_that_no_text_keeps(project: Project, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("API_TOKEN", "tok-4711-secret")
    source(project, python="print(ctx.secret('API_TOKEN'))\nreturn [{'n': len(ctx.secret('API_TOKEN'))}]")
    source(project, "bad", python="raise ValueError(ctx.secret('API_TOKEN'))")
    run(project)
    assert rows(project, "source.s") == [(15,)]
    assert_hidden("tok-4711-secret", tmp_path, capsys)


def test_a_secret_that_is_not_set_is_an_error(project: Project) -> None:
    source(project, python="return [{'n': ctx.secret('SEEKNAL_NO_SUCH_VARIABLE')}]")
    assert "SEEKNAL_NO_SUCH_VARIABLE" in failure(project, "source.s").error_message


def assert_hidden(secret: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The secret stands in no file below the folder's target, nor in what was printed."""
    files = [path for path in (folder / "target").rglob("*") if path.is_file()]
    assert files
    found = [path for path in files if secret.encode() in path.read_bytes()]
    assert not found
    printed = capsys.readouterr()
    assert secret not in printed.out + printed.err


# PostgreSQL

VALUES = {
    "smallint": ("1::smallint", 1, "int16"),
    "integer": ("-5", -5, "int32"),
    "bigint": ("9007199254740993::bigint", 2**53 + 1, "int64"),
    "a high oid": ("4294967295::oid", 4294967295, "int64"),
    "real": ("1.5::real", 1.5, "float"),
    "double": ("0.1::float8", 0.1, "double"),
    "numeric of a width": ("12.3::numeric(10,2)", Decimal("12.30"), "decimal128(10, 2)"),
    "numeric of no width": (
        "1.234567890123456789012345678::numeric",
        Decimal("1.234567890123456789012345678"),
        "decimal128(38, 27)",
    ),
    "numeric rounded before the point": ("1250::numeric(3,-1)", Decimal(1250), "decimal128(4, 0)"),
    "numeric that is no number": ("'NaN'::numeric(10,2)", "nan", "double"),
    "a numeric that is too long": ("1e50::numeric", 1e50, "double"),
    "numerics": ("ARRAY[1.50::numeric, NULL]", [Decimal("1.50"), None], "list<element: decimal128(38, 2)>"),
    "money": ("1.5::money", Decimal("1.50"), "decimal128(38, 2)"),
    "text": ("'a ''quoted'' x'::text", "a 'quoted' x", "string"),
    "date": ("'2024-02-29'::date", dt.date(2024, 2, 29), "date32[day]"),
    "timestamp": ("'2024-01-01 05:06:07.123456'::timestamp", dt.datetime(2024, 1, 1, 5, 6, 7, 123456), "timestamp[us]"),
    "timestamptz": ("'2024-01-01 07:00+07'::timestamptz", dt.datetime(2024, 1, 1, tzinfo=UTC), "timestamp[us, tz=UTC]"),
    "boolean": ("true", True, "bool"),
    "json": ("'{\"a\": [1, 2]}'::jsonb", '{"a": [1, 2]}', "string"),
    "bytes": (r"'\x00ff'::bytea", b"\x00\xff", "binary"),
    "integers": ("ARRAY[1, 2, NULL]", [1, 2, None], "list<element: int32>"),
    "an enumeration": ("'sad'::mood", "sad", "string"),
    "an address": ("'10.0.0.1'::inet", "10.0.0.1/32", "string"),
    "a range": ("int4range(1, 3)", "[1,3)", "string"),
    "a row": ("ROW(1, 'a')", "(1,a)", "string"),
    "a time with a zone": ("'12:00+02'::timetz", "12:00:00+02", "string"),
    "bits": ("B'101'", "101", "string"),
    "null": ("NULL::int", None, "int32"),
}


def test_every_type_of_postgresql_comes_as_it_is(project: Project, profiles: Server) -> None:
    profiles.execute("CREATE TYPE mood AS ENUM ('sad', 'happy')")
    columns = ", ".join(f'{sql} AS "{name}"' for name, (sql, _, _) in VALUES.items())
    source(project, connection="pg", query=f"SELECT {columns}")
    told = metadata(project)
    (row,) = rows(project, "source.s")
    got = {
        name: str(value) if name == "numeric that is no number" else value for name, value in zip(VALUES, row, strict=True)
    }
    assert got == {name: value for name, (_, value, _) in VALUES.items()}
    assert types(project) == {name: kind for name, (_, _, kind) in VALUES.items()}
    assert len(told["warnings"]) == 2, told["warnings"]


def test_arrays_of_arrays_are_refused_rather_than_made_one_list(project: Project, profiles: Server) -> None:
    source(project, connection="pg", query="SELECT ARRAY[[1, 2], [3, 4]] AS a, ARRAY[1] AS b")
    assert "'a' holds arrays of arrays" in failure(project, "source.s").error_message
    source(project, connection="pg", query="SELECT to_json(ARRAY[[1, 2], [3, 4]]) AS a, ARRAY[1] AS b")
    good(project)
    assert rows(project, "source.s") == [("[[1,2],[3,4]]", [1])]


@given(
    st.lists(
        st.one_of(
            st.none(), st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9)
        ),
        min_size=1,
        max_size=9,
    )
)
@settings(max_examples=15)
def test_numerics_come_exactly(profiles: Server, tmp_path: Path, values: list[Decimal | None]) -> None:
    around = Surroundings(tmp_path)
    texts = ", ".join(
        f"({'NULL' if v is None else f'{v:f}'}::numeric, {'NULL' if v is None else f'{v:f}'}::numeric(20,6))" for v in values
    )
    table, warned = read_postgres({"connection": "pg", "query": f"SELECT * FROM (VALUES {texts}) AS v(a, b)"}, around)
    assert not warned
    assert table["a"].to_pylist() == table["b"].to_pylist() == values


def test_an_error_of_the_driver_holds_no_secret_even_before_the_run_hides_it(profiles: Server, tmp_path: Path) -> None:
    around = Surroundings(tmp_path, secrets=Secrets({"PGSECRET": profiles.password}))
    with (
        pytest.raises(NodeError) as caught,
        connect({"connection": "pg"}, around) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(f'SELECT "{profiles.password}"')
    assert "***" in str(caught.value)
    assert profiles.password not in f"{caught.value} {caught.value!r} {caught.value.__cause__}"


def test_what_is_written_is_kept_only_where_it_is_committed(profiles: Server, tmp_path: Path) -> None:
    around = Surroundings(tmp_path)
    for name in ("lost", "kept"):
        with connect({"connection": "pg"}, around, write=True) as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE TABLE {name} (a int)")
            if name == "kept":
                connection.commit()
    found, _ = read_postgres(
        {"connection": "pg", "query": "SELECT tablename AS n FROM pg_tables WHERE schemaname = 'public'"}, around
    )
    assert found["n"].to_pylist() == ["kept"]


def test_the_peer_s_other_spelling_of_a_variable_is_read(project: Project, profiles: Server, tmp_path: Path) -> None:
    text = (tmp_path / "profiles.yml").read_text()
    (tmp_path / "profiles.yml").write_text(text.replace("${PGSECRET}", "$PGSECRET"))
    source(project, connection="pg", query="SELECT 1 AS n")
    good(project)


def test_columns_of_one_name_in_a_query_of_postgresql_are_told_apart(project: Project, profiles: Server) -> None:
    source(project, connection="pg", query='SELECT 1.50 AS x, ARRAY[2] AS x, 3 AS "X"')
    assert "x_1 is column 2, another x" in metadata(project)["warnings"][0]
    assert arrow(project, "source.s").column_names == ["x", "x_1", "X_2"]
    assert rows(project, "source.s") == [(Decimal("1.50"), [2], 3)]


def test_endless_times_stay_endless(project: Project, profiles: Server) -> None:
    source(project, connection="pg", query="SELECT 'infinity'::date a, '-infinity'::date b, 'infinity'::timestamp c, '-infinity'::timestamptz d, "
           "'4713-01-01 BC'::date e, '290000-12-31'::timestamp f")  # fmt: skip
    project.transform(
        "t", sql="SELECT a::VARCHAR a, b::VARCHAR b, c::VARCHAR c, d::VARCHAR d, year(e) e, year(f) f FROM source.s"
    )
    good(project)
    assert rows(project, "transform.t") == [("infinity", "-infinity", "infinity", "-infinity", -4712, 290000)]


@pytest.mark.parametrize(
    "asked",
    [{"table": "orders"}, {"table": "shop.orders"}, {"query": "SELECT * FROM shop.orders ORDER BY id;"},
     {"sql": "SELECT o.* FROM shop.orders AS o ORDER BY 1"}, {"params": {"table": "orders", "schema": "shop"}},
     {"source": "postgresql", "params": {"table": "shop.orders"}}],
)  # fmt: skip
def test_a_table_a_query_or_a_body_is_read(project: Project, profiles: Server, asked: dict, tmp_path: Path) -> None:
    profiles.execute("CREATE SCHEMA shop", "CREATE TABLE shop.orders (id int, price numeric(8,2))",
                     "INSERT INTO shop.orders VALUES (1, 9.99), (2, NULL)")  # fmt: skip
    if asked == {"table": "orders"}:
        found = json.loads((tmp_path / "profiles.yml").read_text())
        found["connections"]["pg"]["schema"] = "shop"
        (tmp_path / "profiles.yml").write_text(json.dumps(found))
    source(project, connection="pg", **asked)
    project.transform("t", sql="SELECT sum(price) AS total FROM source.s")
    good(project)
    assert rows(project, "source.s") == [(1, Decimal("9.99")), (2, None)]
    assert rows(project, "transform.t") == [(Decimal("9.99"),)]


def test_a_schema_casts_what_postgresql_gives(project: Project, profiles: Server) -> None:
    source(project, connection="pg", query="SELECT '7' AS n, 1.5 AS x", schema=schema(n="BIGINT", x="DOUBLE"))
    source(project, "bad", connection="pg", query="SELECT 'seven' AS n", schema=schema(n="BIGINT"))
    assert "'seven'" in failure(project, "source.bad").error_message
    assert rows(project, "source.s") == [(7, 1.5)]


@pytest.mark.parametrize(
    "query",
    ["DELETE FROM t RETURNING a", "WITH gone AS (DELETE FROM t RETURNING a) SELECT * FROM gone", "SELECT 1) TO STDOUT; DROP TABLE t; --",
     "SELECT 1; DROP TABLE t", "SELECT setval('q', 7)", "SELECT no_such FROM t", "SELECT 1/0 AS x FROM t"],
)  # fmt: skip
def test_what_a_query_would_change_or_cannot_do_fails_and_changes_nothing(
    project: Project, profiles: Server, query: str
) -> None:
    profiles.execute("CREATE TABLE t (a int)", "INSERT INTO t VALUES (1)", "CREATE SEQUENCE q")
    source(project, connection="pg", query=query)
    assert failure(project, "source.s").error_message
    source(project, connection="pg", query="SELECT a, (SELECT last_value FROM q) AS q FROM t")
    good(project)
    assert rows(project, "source.s") == [(1, 1)]


def test_a_database_is_read_at_each_run_unless_it_says_otherwise(project: Project, profiles: Server) -> None:
    profiles.execute("CREATE TABLE t (a int)", "INSERT INTO t VALUES (1)")
    source(project, connection="pg", table="t")
    source(project, "once", connection="pg", table="t", refresh="never")
    project.transform("u", sql="SELECT sum(a) AS a FROM source.s")
    good(project)
    summary = good(project)
    assert summary["source.s"].reason == "refresh: always"
    assert status(summary) == {"source.s": "success", "source.once": "cached", "transform.u": "cached"}
    profiles.execute("INSERT INTO t VALUES (2)")
    assert status(good(project)) == {"source.s": "success", "source.once": "cached", "transform.u": "success"}
    assert (rows(project, "transform.u"), rows(project, "source.once")) == ([(3,)], [(1,)])


def test_a_watermark_says_when_a_database_is_read_again(project: Project, profiles: Server) -> None:
    profiles.execute("CREATE TABLE t (a int, at timestamptz)", "INSERT INTO t VALUES (1, '2024-01-01')")
    source(project, connection="pg", table="t", watermark="SELECT max(at), count(*) FROM t;")
    good(project)
    assert status(good(project)) == {"source.s": "cached"}
    profiles.execute("UPDATE t SET a = 5")
    assert status(good(project)) == {"source.s": "cached"}
    profiles.execute("INSERT INTO t VALUES (2, '2024-01-02')")
    assert good(project)["source.s"].reason == "source data changed"
    assert [row[0] for row in rows(project, "source.s")] == [5, 2]
    assert status(good(project)) == {"source.s": "cached"}


def test_a_database_that_cannot_be_asked_is_due_and_fails_with_a_clear_text(
    project: Project, tmp_path: Path, monkeypatch
) -> None:
    pytest.importorskip("adbc_driver_postgresql")
    monkeypatch.setenv("PGSECRET", "open sesame")
    source(
        project,
        connection_string=f"postgresql://owner:${{PGSECRET}}@127.0.0.1:{free_port()}/db",
        table="t",
        watermark="SELECT 1",
    )
    result = failure(project, "source.s")
    assert "cannot be reached" in result.error_message
    assert "Connection refused" in result.error_message
    assert "open sesame" not in result.error_message


def test_what_was_read_before_stays_while_the_database_is_away(project: Project, profiles: Server, tmp_path: Path) -> None:
    source(project, connection="pg", query="SELECT 1 AS n", watermark="SELECT 1")
    good(project)
    text = (tmp_path / "profiles.yml").read_text()
    (tmp_path / "profiles.yml").write_text(text.replace(str(profiles.port), str(free_port())))
    assert failure(project, "source.s").reason == "watermark: the database cannot be reached"
    assert rows(project, "source.s") == [(1,)]
    (tmp_path / "profiles.yml").write_text(text)
    assert good(project)["source.s"].status == "success"


@pytest.mark.parametrize(
    ("package", "config", "extra"),
    [("openpyxl", {"path": "a.xlsx"}, "seeknal_nb[xlsx]"),
     ("adbc_driver_postgresql", {"connection_string": "postgresql://h/d", "table": "t"}, "seeknal_nb[postgres]")],
)  # fmt: skip
def test_without_the_extra_the_error_says_what_to_install(project, tmp_path, monkeypatch, package, config, extra) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # as Python has it where an import is to fail
    write(tmp_path, "xlsx", "a.xlsx")
    source(project, **config)
    assert extra in failure(project, "source.s").error_message


def test_to_define_a_source_needs_no_heavy_library() -> None:
    program = (
        "import sys; from seeknal_nb.kinds import check_node, kind_of; from seeknal_nb.dag.manifest import Node\n"
        "for config in ({'path': 'a.csv', 'schema': [{'name': 'a', 'data_type': 'DATE'}]}, {'path': 'a.xlsx'},"
        " {'connection': 'pg', 'table': 't', 'refresh': '1h'}):\n"
        "    check_node(Node('source.s', 's', 'source', config=config), {})\n"
        "print(sorted({'duckdb', 'pyarrow', 'pandas', 'openpyxl', 'adbc_driver_postgresql', 'sqlglot'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_ctrl_c_reaches_a_query_and_is_the_run_s(project: Project, profiles: Server, ctrl_c: None) -> None:
    source(project, connection="pg", query="SELECT 1 AS n FROM pg_sleep(100000)")

    def press() -> None:
        eventually(lambda: profiles.works("pg_sleep"))
        os.kill(os.getpid(), signal.SIGINT)

    somebody = threading.Thread(target=press)
    somebody.start()
    with pytest.raises(KeyboardInterrupt):
        run(project)
    somebody.join()
    assert not profiles.works("pg_sleep")


def test_a_query_of_a_cancelled_run_ends(project: Project, profiles: Server) -> None:
    source(project, connection="pg", query="SELECT 1 AS n FROM pg_sleep(100000)")
    handle = project.start()
    eventually(lambda: profiles.works("pg_sleep"))
    handle.cancel()
    summary = handle.wait()
    assert summary is not None
    assert status(summary) == {"source.s": "pending"}


STRINGS = {
    "a URL": lambda s: f"postgresql://{s.fields['user']}:${{PGSECRET}}@127.0.0.1:{s.port}/{s.database}",
    "words": lambda s: f"host=127.0.0.1 port={s.port} user=owner password=${{PGSECRET}} dbname={s.database}",
    "a whole one": lambda s: "${DATABASE_URL}",
}


@pytest.mark.parametrize(
    ("form", "place"),
    [*((form, place) for form in STRINGS for place in ("connection_string", "params")), ("a URL", "connection")],
)  # fmt: skip
def test_a_connection_string_takes_its_secret_from_the_environment(
    project, tmp_path, postgres, monkeypatch, capsys, form, place
) -> None:
    from urllib.parse import quote

    monkeypatch.setenv("PGSECRET", postgres.password)
    monkeypatch.setenv("DATABASE_URL", STRINGS["a URL"](postgres).replace("${PGSECRET}", quote(postgres.password, safe="")))
    text = STRINGS[form](postgres)
    where = {"params": {"connection_string": text}, "source": "postgres"} if place == "params" else {place: text}
    source(project, **where, query="SELECT 1 AS n")
    good(project)
    assert rows(project, "source.s") == [(1,)]
    assert_hidden(postgres.password, tmp_path, capsys)
    assert_hidden(quote(postgres.password, safe=""), tmp_path, capsys)


def test_the_peer_s_fields_among_params_are_read(project: Project, profiles: Server) -> None:
    fields = {**profiles.fields, "password": "${PGSECRET}"}
    source(project, source="postgresql", params={**fields, "query": "SELECT current_database() AS d"})
    source(
        project,
        "other",
        source="postgresql",
        connection="pg",
        params={"database": "postgres", "query": "SELECT current_database() AS d"},
    )
    good(project)
    assert rows(project, "source.s") == [(profiles.database,)]
    assert rows(project, "source.other") == [("postgres",)]  # fields of the node go before the profile's


def test_the_user_s_profiles_file_is_read_after_the_project_s(project, tmp_path, postgres, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home" / ".seeknal").mkdir(parents=True)
    both = {"mine": postgres.fields, "shared": {**postgres.fields, "port": 1}}
    (tmp_path / "home" / ".seeknal" / "profiles.yml").write_text(json.dumps({"connections": both}))
    (tmp_path / "profiles.yml").write_text(json.dumps({"connections": {"shared": postgres.fields}}))
    for name in ("mine", "shared"):
        source(project, name, connection=name, query="SELECT 1 AS n")
    good(project)
    assert rows(project, "source.mine") == rows(project, "source.shared") == [(1,)]


PROFILES = {
    "an unknown name": ({"connections": {"orders": {"host": "h"}}}, "order", "did you mean orders"),
    "an unknown field": ({"connections": {"pg": {"hots": "h"}}}, "pg", "did you mean host"),
    "another database": ({"connections": {"pg": {"type": "starrocks"}}}, "pg", "no PostgreSQL"),
    "no mapping": ({"connections": {"pg": "h"}}, "pg", "no mapping"),
    "no mapping of all": ({"connections": ["pg"]}, "pg", "no mapping"),
    "a variable that is not set": ({"connections": {"pg": {"password": "${SEEKNAL_NOT_SET}"}}}, "pg", "SEEKNAL_NOT_SET"),
}


@pytest.mark.parametrize(("text", "name", "part"), PROFILES.values(), ids=PROFILES)
def test_a_profile_that_cannot_be_used_says_why(project, tmp_path, monkeypatch, text, name, part) -> None:
    pytest.importorskip("adbc_driver_postgresql")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "profiles.yml").write_text(json.dumps(text))
    source(project, connection=name, table="t")
    assert part in failure(project, "source.s").error_message


def test_a_profiles_file_that_is_no_yaml_is_named_and_not_quoted(project, tmp_path, capsys) -> None:
    pytest.importorskip("adbc_driver_postgresql")
    (tmp_path / "profiles.yml").write_text("connections:\n  pg: {password: hunter2222, host: [\n")
    source(project, connection="pg", table="t")
    message = failure(project, "source.s").error_message
    assert "profiles.yml" in message
    assert_hidden("hunter2222", tmp_path, capsys)


def test_no_secret_is_kept_or_shown_after_success_or_failure(project, tmp_path, postgres, monkeypatch, capsys) -> None:
    """A password of a profiles file, as it is or from the environment; in the state, the manifest, history, logs and output."""
    monkeypatch.setenv("PGSECRET", postgres.password)
    given = {"env": "${PGSECRET}", "plain": postgres.password, "wrong": "not-the-password"}
    (tmp_path / "profiles.yml").write_text(
        json.dumps({"connections": {n: {**postgres.fields, "password": p} for n, p in given.items()}})
    )
    for name in given:
        source(project, name, connection=name, query="SELECT 1 AS n", watermark="SELECT 1")
    source(project, "told", connection="env", query=f"SELECT '{'${PGSECRET}'}' AS n, no_such_column")
    project.transform("t", sql="SELECT * FROM source.env")
    summary = project.run(continue_on_error=True)
    assert status(summary)["source.wrong"] == status(summary)["source.told"] == "failed"
    assert status(summary)["source.plain"] == status(summary)["source.env"] == "success"
    project.plan()
    project.run()
    print([str(r) for r in summary.results], repr(summary), [r.error for r in summary.failed])  # noqa: T201 - as users do
    for secret in (postgres.password, "not-the-password"):
        assert_hidden(secret, tmp_path, capsys)


# What a connection means, without asking it

HERE = {"host": "h", "dbname": "d", "port": "5432"}
MEANT = {
    "fields": ({"params": {"host": "H", "database": "d", "user": "secret-user", "password": "${PW}"}}, HERE, ""),
    "a profile": ({"connection": "w"}, HERE, "mart"),
    "a profile and a field": ({"connection": "w", "params": {"port": 5433, "schema": "s"}}, {**HERE, "port": "5433"}, "s"),
    "a profile with a URL": ({"connection": "url"}, HERE, ""),
    "a URL": ({"connection_string": "postgresql://secret-user:${PW}@h:5432/d?sslmode=require"}, HERE, ""),
    "a URL as connection": ({"connection": "postgres://secret-user:${PW}@${HOST_NOW}/d"}, HERE, ""),
    "a URL by its query": ({"connection_string": "postgresql:///d?host=h&user=secret-user&password=${PW}"}, HERE, ""),
    "a URL with quotes": ({"connection_string": "postgresql://h/a%20b"}, {**HERE, "dbname": "a b"}, ""),
    "a URL of two hosts": ({"connection_string": "postgresql://h:1,i/d"}, {"host": "h,i", "port": "1,", "dbname": "d"}, ""),
    "a URL of an address": ({"connection_string": "postgresql://[::1]:7/d"}, {"host": "::1", "port": "7", "dbname": "d"}, ""),
    "words": ({"connection_string": "host = h dbname='d' user=secret-user password=${PW}"}, HERE, ""),
    "words with quotes": ({"connection_string": r"host=h dbname='it\'s a d\''"}, {**HERE, "dbname": "it's a d'"}, ""),
    "a whole one of the environment": ({"connection_string": "${URL}"}, HERE, ""),
    "a variable that is not set": ({"connection_string": "postgresql://u:${PW}@${UNSET}/d"}, {**HERE, "host": "${unset}"}, ""),
    "options": ({"connection_string": "postgresql://h/d?options=-csearch_path%3Dx"}, {**HERE, "options": "-csearch_path=x"}, ""),
}  # fmt: skip


@pytest.fixture
def around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Surroundings:
    """Profiles, and an environment in which no variable is called PW or UNSET."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("PGHOST", "PGPORT", "PGDATABASE", "PGOPTIONS", "PGSERVICE", "PGHOSTADDR"):
        monkeypatch.delenv(name, raising=False)
    named = {
        "w": {
            "host": "$HOST_NOW",
            "database": "d",
            "user": "secret-user",
            "password": "hunter2222",
            "schema": "${SCHEMA_NOW}",
        },
        "url": {"url": "postgresql://secret-user:hunter2222@${HOST_NOW}/d", "host": "passed over"},
    }
    (tmp_path / "profiles.yml").write_text(json.dumps({"connections": named}))
    known = {"HOST_NOW": "h", "SCHEMA_NOW": "mart", "URL": "postgresql://secret-user:hunter2222#?@h/d"}
    return Surroundings(tmp_path, secrets=Secrets(known))


@pytest.mark.parametrize(("config", "server", "schema"), MEANT.values(), ids=MEANT)
def test_a_connection_means_a_database_whoever_logs_in(
    around: Surroundings, config: dict, server: dict, schema: str
) -> None:
    assert place_of(config, around) == (repr(sorted(server.items())), schema)


@pytest.mark.parametrize("string", [
    "postgresql://secret-user:hunter2222@h/d", "postgresql://secret-user:hunter/2222@h/d", "postgresql://secret-user:hunter2222@h",
    "postgresql://h?user=secret-user&password=hunter2222", "postgresql://[secret-user:hunter2222@h", "user=secret-user password=hunter2222 host=h",
    "user=secret-user password='hunter2222", "secret-user:hunter2222", "",
])  # fmt: skip
def test_what_a_connection_means_holds_no_user_and_no_password(tmp_path: Path, string: str) -> None:
    around = Surroundings(tmp_path, secrets=Secrets({"URL": string}))
    found = str(place_of({"connection_string": "${URL}"}, around))
    assert not [secret for secret in ("secret-user", "hunter", "2222") if secret in found]


def test_what_libpq_takes_from_the_environment_counts(around: Surroundings, monkeypatch: pytest.MonkeyPatch) -> None:
    before = place_of({"params": {"user": "u"}}, around)
    monkeypatch.setenv("PGHOST", "elsewhere")
    assert place_of({"params": {"user": "u"}}, around) != before
    assert place_of({"params": {"host": "h", "database": "d"}}, around) == (repr(sorted(HERE.items())), "")


def test_a_connection_that_nothing_tells_is_its_name(around: Surroundings, tmp_path: Path) -> None:
    assert place_of({"connection": "none"}, around) == ("connection none", "")
    (tmp_path / "profiles.yml").write_text("connections: [")
    assert place_of({"connection": "w"}, around) == ("connection w", "")


def test_a_source_reads_anew_what_its_connection_has_come_to_mean(
    project: Project, profiles: Server, tmp_path: Path, monkeypatch
) -> None:
    """Also where the watermark is the same at both places, and where a variable tells the place."""
    for name in ("one", "two"):
        profiles.execute(f"CREATE SCHEMA {name}", f"CREATE TABLE {name}.t AS SELECT '{name}' AS x")
    monkeypatch.setenv("MART_NOW", "one")
    fields = json.loads((tmp_path / "profiles.yml").read_text())["connections"]["pg"]
    (tmp_path / "profiles.yml").write_text(json.dumps({"connections": {"pg": {**fields, "schema": "${MART_NOW}"}}}))
    source(project, "never", connection="pg", table="t", refresh="never")
    source(project, "marked", connection="pg", table="t", watermark="SELECT 1")
    good(project)
    assert set(status(good(project)).values()) == {"cached"}
    monkeypatch.setenv("MART_NOW", "two")
    assert set(status(good(project)).values()) == {"success"}
    assert rows(project, "source.never") == rows(project, "source.marked") == [("two",)]
    (tmp_path / "profiles.yml").write_text(json.dumps({"connections": {"pg": {**fields, "schema": "one"}}}))
    good(project)
    assert [*project["never"]["x"], *project["marked"]["x"]] == ["one", "one"]


def test_a_new_password_is_no_other_place(project: Project, profiles: Server, tmp_path: Path, monkeypatch) -> None:
    source(project, connection="pg", query="SELECT 1 AS n", refresh="never")
    good(project)
    monkeypatch.setenv("PGSECRET", "another")
    text = (tmp_path / "profiles.yml").read_text()
    (tmp_path / "profiles.yml").write_text(text.replace("${PGSECRET}", "written out"))
    assert status(good(project)) == {"source.s": "cached"}


def test_a_source_is_planned_where_its_profiles_are_missing(project: Project, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    source(project, connection="none", table="t", refresh="never")
    assert len(project.plan().steps) == 1
