"""What a target has no word for, and what it would change or drop: said, or refused; never done in silence."""

from __future__ import annotations

import importlib.util
import json
import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from kinds import failure, good, here, run

if TYPE_CHECKING:
    from pathlib import Path

    from kinds.postgres import Server
    from seeknal_nb import Project
    from seeknal_nb.workflow.events import NodeResult

xlsx = pytest.mark.skipif(not importlib.util.find_spec("xlsxwriter"), reason="without xlsxwriter")


def strict(text: str) -> Any:
    """JSON as a browser reads it: NaN and Infinity are none."""
    return json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


def said(result: NodeResult) -> list[str]:
    """The columns that a warning tells of."""
    return [column for text in result.metadata.get("warnings", ()) for column in re.findall(r"in column '(.*?)'", text)]


def ask(path: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(query).fetchall()


# JSON

WORDLESS = {
    "NaN": ("'nan'::DOUBLE", None, True),
    "infinity": ("'inf'::DOUBLE", None, True),
    "minus infinity": ("'-inf'::DOUBLE", None, True),
    "FLOAT": ("'nan'::FLOAT", None, True),
    "a number": ("1.5::DOUBLE", 1.5, False),
    "the largest number": ("1.7976931348623157e308::DOUBLE", 1.7976931348623157e308, False),
    "NULL": ("NULL::DOUBLE", None, False),
    "a list": ("['nan'::DOUBLE, 1, NULL]", [None, 1.0, None], True),
    "a list of numbers": ("[1.5::DOUBLE]", [1.5], False),
    "an empty list": ("[]::DOUBLE[]", [], False),
    "a list of lists": ("[['inf'::FLOAT], NULL, []]", [[None], None, []], True),
    "an array": ("['nan'::DOUBLE, 2]::DOUBLE[2]", [None, 2.0], True),
    "a struct": ("{'a b': '-inf'::DOUBLE, '{x}': 'y', 'it''s': 2}", {"a b": None, "{x}": "y", "it's": 2}, True),
    "a struct that is NULL": ("NULL::STRUCT(a DOUBLE)", None, False),
    "a struct in a struct": ("{'a': {'b': ['nan'::DOUBLE]}}", {"a": {"b": [None]}}, True),
    "a map": ("MAP {'k': 'nan'::DOUBLE, 'j': 2}", {"k": None, "j": 2.0}, True),
    "a map of texts": ("MAP {'k': 'NaN'}", {"k": "NaN"}, False),
    "a map in a list": ("[MAP {'k': {'v': 'inf'::DOUBLE}}]", [{"k": {"v": None}}], True),
    "a map that is NULL": ("NULL::MAP(VARCHAR, DOUBLE)", None, False),
    "a text": ("'NaN'", "NaN", False),
    "JSON with the word in a text": ("""'{"a": "NaN, \\"Infinity"}'::JSON""", {"a": 'NaN, "Infinity'}, False),
    "a DECIMAL": ("12345678901234567.89::DECIMAL(38,10)", 12345678901234567.89, False),
    "a HUGEINT": ("170141183460469231731687303715884105::HUGEINT", 170141183460469231731687303715884105, False),
    "an INTERVAL": ("INTERVAL '1 month 2 days 3 seconds'", "1 month 2 days 00:00:03", False),
    "a TIMESTAMPTZ": ("TIMESTAMPTZ '2024-01-01 07:00:00.000001+07'", "2024-01-01 00:00:00.000001+00", False),
    "a BLOB": ("'\\x00A\\x5C'::BLOB", "\\x00A\\x5C", False),
}  # fmt: skip


@pytest.mark.parametrize("form", ["json", "jsonl", "json.gz"])
def test_json_has_null_for_nan_and_infinity_and_says_so(project: Project, tmp_path: Path, form: str) -> None:
    columns = ", ".join(f"{sql} AS c{number}" for number, (sql, *_) in enumerate(WORDLESS.values()))
    project.exposure("e", sql=f"SELECT {columns}", to=f"x.{form}")
    result = good(project)["exposure.e"]
    content = (tmp_path / f"x.{form}").read_bytes()
    if form == "json.gz":
        import gzip

        content = gzip.decompress(content)
    found = strict(content.decode())
    row = found if isinstance(found, dict) else found[0]
    assert dict(zip(WORDLESS, row.values(), strict=True)) == {name: value for name, (_, value, _) in WORDLESS.items()}
    assert said(result) == [f"c{number}" for number, (*_, told) in enumerate(WORDLESS.values()) if told]
    assert result.row_count == 1


def test_json_of_numbers_has_no_warning_and_counts_what_it_lost(project: Project, tmp_path: Path) -> None:
    project.transform("t", sql="SELECT CASE WHEN i % 3 = 0 THEN 'nan'::DOUBLE ELSE i END AS v, i FROM range(10) r(i)")
    project.exposure("e", inputs=["t"], to="x.json")
    assert "4 of 10 rows hold a NaN" in good(project)["exposure.e"].metadata["warnings"][0]
    assert [row["i"] for row in strict((tmp_path / "x.json").read_text())] == list(range(10))
    project.transform("t", sql="SELECT i::DOUBLE AS v, i FROM range(10) r(i)")
    assert "warnings" not in good(project)["exposure.e"].metadata


def test_json_of_a_frame_is_as_strict(project: Project, tmp_path: Path) -> None:
    project.exposure("e", python="import pyarrow as pa\nreturn pa.table({'v': [float('nan'), 1.5], 'l': [[float('inf')], None]})", to="x.json")
    result = good(project)["exposure.e"]
    assert strict((tmp_path / "x.json").read_text()) == [{"v": None, "l": [None]}, {"v": 1.5, "l": None}]
    assert said(result) == ["v", "l"]


@pytest.mark.parametrize("value", ["""'{"a": NaN}'::JSON""", "['{\"a\": -Infinity}'::JSON]", "'nan'::DOUBLE::VARIANT"])
def test_what_no_null_can_be_put_into_is_refused(project: Project, tmp_path: Path, value: str) -> None:
    project.exposure("e", sql=f"SELECT {value} AS col", to="x.json")
    error = failure(project, "exposure.e").error_message
    assert "NaN or Infinity" in error
    assert "CAST" in error
    assert not (tmp_path / "x.json").exists()


def test_a_variant_is_json_and_no_text_of_it(project: Project, tmp_path: Path) -> None:
    """DuckDB 1.5 would write its own text of one, as its to_json gives it."""
    project.exposure("e", sql="SELECT {'a': 1, 'b': 'nan', 'c': NULL}::VARIANT AS v, NULL::VARIANT AS n, [1]::VARIANT AS l", to="x.json")
    good(project)
    assert strict((tmp_path / "x.json").read_text()) == [{"v": {"a": 1, "b": "nan", "c": None}, "n": None, "l": [1]}]


# Other forms with the same values

NESTED = "SELECT ['nan'::DOUBLE, 1] AS l, {'a': 'inf'::DOUBLE} AS s, 'nan'::DOUBLE AS v, '-inf'::DOUBLE AS w"


def test_sqlite_has_null_for_nan_and_says_so(project: Project, tmp_path: Path) -> None:
    project.exposure("e", sql=NESTED, params={"path": "a.db", "table": "t"})
    result = good(project)["exposure.e"]
    [(listed, struct, nan, infinite)] = ask(tmp_path / "a.db", "SELECT * FROM t")
    assert (strict(listed), strict(struct), nan, infinite) == ([None, 1.0], {"a": None}, None, float("-inf"))
    assert said(result) == ["l", "s", "v"]


@xlsx
def test_a_workbook_has_them_as_text_and_says_so(project: Project, tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    project.exposure("e", sql=NESTED, to="x.xlsx")
    result = good(project)["exposure.e"]
    assert [cell.value for cell in openpyxl.load_workbook(tmp_path / "x.xlsx").active[2]] == ["[null,1.0]", '{"a":null}', "nan", "-inf"]
    assert said(result) == ["l", "s"]
    assert "2 values that Excel cannot hold exactly" in result.metadata["warnings"][0]


@xlsx
def test_a_workbook_says_which_times_it_rounds(project: Project) -> None:
    project.exposure("e", sql="SELECT unnest([TIMESTAMP '2024-01-01 00:00:00.123', '2024-01-01 00:00:00.000001']) AS at", to="x.xlsx")
    assert good(project)["exposure.e"].metadata["warnings"] == ["1 times have digits below a millisecond, which Excel does not keep"]


def test_postgresql_has_them_as_numbers_but_not_in_json(project: Project, warehouse: Server) -> None:
    deliver = {"format": "postgresql", "connection": "wh", "table": "t"}
    project.exposure("e", sql=f"{NESTED}, ['inf'::DOUBLE, NULL] AS plain", params=deliver)
    result = good(project)["exposure.e"]
    assert warehouse.ask("SELECT l::text, s::text, v::text, w::text, plain::text FROM t") == [("{NaN,1}", '{"a": null}', "NaN", "-Infinity", "{Infinity,NULL}")]
    assert said(result) == ["s"]


@pytest.mark.parametrize("kind", here("TIMESTAMP_NS", "TIMESTAMPTZ_NS"))
def test_postgresql_refuses_what_is_finer_than_a_microsecond(project: Project, warehouse: Server, kind: str) -> None:
    deliver = {"format": "postgresql", "connection": "wh", "table": "t"}
    zone = "+00" if "TZ" in kind else ""
    project.exposure("e", sql=f"SELECT unnest([{kind} '2024-01-01 00:00:00.000001{zone}', NULL]) AS at", params=deliver)
    good(project)
    query = "SELECT extract(epoch FROM at)::text, pg_typeof(at)::text LIKE '%with time zone' FROM t WHERE at IS NOT NULL"
    assert warehouse.ask(query) == [("1704067200.000001", bool(zone))]
    project.exposure("e", sql=f"SELECT {kind} '2024-01-01 00:00:00.000001999{zone}' AS at", params=deliver)
    assert '"at" is TIMESTAMP' in failure(project, "exposure.e").error_message


@pytest.mark.parametrize("value", ["TIMESTAMP 'infinity'", "DATE '-infinity'", "TIMESTAMPTZ 'infinity'", "[NULL, DATE 'infinity']", "TIMESTAMP_NS 'infinity'"])
def test_postgresql_is_given_no_time_without_end(project: Project, warehouse: Server, value: str) -> None:
    """The driver would write the year 294247."""
    project.exposure("e", sql=f"SELECT {value} AS at, now() AS now", params={"format": "postgresql", "connection": "wh", "table": "t"})
    assert "column 'at' holds times without end" in failure(project, "exposure.e").error_message
    assert warehouse.ask("SELECT to_regclass('t')::text") == [(None,)]


# CSV

CSV = """SELECT * FROM (VALUES
  (1, '', NULL, 'a"b', 'x'), (2, NULL, 'NULL', ' lead', 'a,b'), (3, 'NA', '', 'é' || chr(10) || 'y', '#c'), (4, '""', '-', 'a;b|c', '\\N'), (NULL, 'nan', '''q''', 'x', 'y')
) t(id, empty, words, odd, more)"""


@pytest.mark.parametrize("sql", [
    CSV, "SELECT unnest(['a', NULL, '', 'b', NULL]) AS only", "SELECT unnest([NULL, 1, NULL]) AS only", "SELECT unnest([NULL, NULL]::VARCHAR[]) AS only",
    "SELECT 1 AS \"2\", 'x' AS \"c,d\"", "SELECT '01' AS zero, 'x' AS \"a\"\"b\"",
])  # fmt: skip
@pytest.mark.parametrize(("name", "options"), [("x.csv", ""), ("x.tsv", ", delim = '\t'"), ("x.csv.gz", "")])
def test_csv_tells_null_from_an_empty_text(project: Project, tmp_path: Path, sql: str, name: str, options: str) -> None:
    """A quoted field is a text, however empty, and an unquoted empty one is NULL: who reads it may tell them apart."""
    project.exposure("e", sql=sql, to=name)
    good(project)
    reader = f"read_csv('{tmp_path / name}', header = true, all_varchar = true, allow_quoted_nulls = false, quote = '\"'{options})"
    expected = duckdb.sql(f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({sql})")
    found = duckdb.sql(f"SELECT * FROM {reader}")
    assert (found.columns, found.fetchall()) == (expected.columns, expected.fetchall())


def test_csv_of_numbers_and_times_is_read_back_equal(project: Project, tmp_path: Path) -> None:
    sql = """SELECT * FROM (VALUES (1::BIGINT, 0.1 + 0.2::DOUBLE, true, DATE '2024-02-29', TIMESTAMP '2024-02-29 12:30:15.000001', TIMESTAMPTZ '2024-01-01 07:00:00+07'),
      (-9007199254740993, 'nan', false, NULL, NULL, NULL), (NULL, '-inf', NULL, '1999-12-31', '1999-12-31', '1999-12-31')) t(i, v, b, d, moment, z)"""
    project.exposure("e", sql=sql, to="x.csv")
    good(project)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        expected, found = connection.sql(sql), connection.sql(f"SELECT * FROM read_csv('{tmp_path / 'x.csv'}')")
        assert found.types == expected.types
        assert str(found.fetchall()) == str(expected.fetchall())


# Tables of others

PREPARED = {
    "other columns": ("(customer TEXT, secret TEXT)", "SELECT 1 AS a"),
    "one more column": ("(a INTEGER, b TEXT)", "SELECT 1 AS a"),
    "another order": ("(b TEXT, a INTEGER)", "SELECT 1 AS a, 'x' AS b"),
    "another type": ("(a TEXT)", "SELECT 1 AS a"),
    "another case": ("(\"A\" INTEGER)", "SELECT 1 AS a"),
}  # fmt: skip


@pytest.mark.parametrize(("columns", "sql"), PREPARED.values(), ids=PREPARED)
def test_a_table_of_others_with_other_columns_is_not_dropped(project: Project, warehouse: Server, tmp_path: Path, columns: str, sql: str) -> None:
    warehouse.execute(f"CREATE TABLE t {columns}", "INSERT INTO t VALUES ('7')" if "," not in columns else "SELECT 1")
    with closing(sqlite3.connect(tmp_path / "a.db")) as database, database:
        database.execute(f"CREATE TABLE t {columns}")
        database.execute("CREATE INDEX ix ON t (a)" if " a" in columns or "(a" in columns else "SELECT 1")
    project.exposure("p", sql=sql, params={"format": "postgresql", "connection": "wh", "table": "t"})
    project.exposure("s", sql=sql, params={"path": "a.db", "table": "t"})
    summary = run(project, continue_on_error=True)
    for node in ("exposure.p", "exposure.s"):
        assert re.search("not this node's to drop.*another table; or drop it yourself: DROP TABLE", summary[node].error_message or "")
    names = [name.split()[0].strip('"(') for name in columns.split(",")]
    assert [name for name, in warehouse.ask("SELECT attname::text FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0")] == names
    assert [name for name, in ask(tmp_path / "a.db", "SELECT name FROM pragma_table_info('t')")] == names
    warehouse.execute("DROP TABLE t")
    (tmp_path / "a.db").unlink()
    good(project)


def test_a_table_of_others_with_the_same_columns_is_filled(project: Project, warehouse: Server, tmp_path: Path) -> None:
    warehouse.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT NOT NULL)", "INSERT INTO t VALUES (7, 'x')")
    with closing(sqlite3.connect(tmp_path / "a.db")) as database, database:
        database.execute("CREATE TABLE t (a int PRIMARY KEY, b VARCHAR(9) NOT NULL)")
        database.execute("CREATE TABLE log (a)")
        database.execute("CREATE TRIGGER tr AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.a); END")
        database.execute("INSERT INTO t VALUES (7, 'x')")
    project.exposure("p", sql="SELECT 1 AS a, 'y' AS b", params={"format": "postgresql", "connection": "wh", "table": "t"})
    project.exposure("s", sql="SELECT 1 AS a, 'y' AS b", params={"path": "a.db", "table": "t"})
    good(project)
    assert warehouse.ask("SELECT a, b, (SELECT count(*) FROM pg_indexes WHERE tablename = 't') FROM t") == [(1, "y", 1)]
    assert ask(tmp_path / "a.db", "SELECT * FROM t") == [(1, "y")]
    assert ask(tmp_path / "a.db", "SELECT name, pk, \"notnull\" FROM pragma_table_info('t')") == [("a", 1, 0), ("b", 0, 1)]
    assert ask(tmp_path / "a.db", "SELECT name FROM sqlite_master WHERE type = 'trigger'") == [("tr",)]
    assert ask(tmp_path / "a.db", "SELECT * FROM log") == [(7,)]


def test_a_table_of_its_own_gets_other_columns(project: Project, warehouse: Server, tmp_path: Path) -> None:
    for sql in ("SELECT 1 AS a", "SELECT 1 AS a, 'x' AS b", "SELECT 'x' AS b WHERE false", "SELECT 2.5 AS b"):
        project.exposure("p", sql=sql, params={"format": "postgresql", "connection": "wh", "table": "t"})
        project.exposure("s", sql=sql, params={"path": "a.db", "table": "t"})
        good(project)
    assert warehouse.ask("SELECT b::text FROM t") == [("2.5",)]
    assert ask(tmp_path / "a.db", "SELECT * FROM t") == [(2.5,)]


@pytest.mark.parametrize("meanwhile", ["another row", "target/ is gone", "another table"])
def test_what_came_there_since_its_last_delivery_stays(project: Project, warehouse: Server, tmp_path: Path, meanwhile: str) -> None:
    import shutil

    nodes = {"p": {"format": "postgresql", "connection": "wh", "table": "t"}, "s": {"path": "a.db", "table": "t"}}
    for name, params in nodes.items():
        project.exposure(name, sql="SELECT 1 AS a", params=params)
    good(project)
    changes = {"another row": ["INSERT INTO t VALUES (2)"], "another table": ["DROP TABLE t", "CREATE TABLE t (c INTEGER)", "INSERT INTO t VALUES (1)"]}
    warehouse.execute(*changes.get(meanwhile, []))
    with closing(sqlite3.connect(tmp_path / "a.db")) as database, database:
        for change in changes.get(meanwhile, []):
            database.execute(change.replace("VALUES (1)", "VALUES (3)"))
    if meanwhile == "target/ is gone":
        shutil.rmtree(tmp_path / "target")
    before = warehouse.ask("SELECT * FROM t"), ask(tmp_path / "a.db", "SELECT * FROM t")
    for name, params in nodes.items():
        project.exposure(name, sql="SELECT 1 AS a, 'new' AS b", params=params)
    summary = run(project, continue_on_error=True)
    assert all("not this node's to drop" in (summary[f"exposure.{name}"].error_message or "") for name in nodes)
    assert (warehouse.ask("SELECT * FROM t"), ask(tmp_path / "a.db", "SELECT * FROM t")) == before
    if meanwhile == "another row":
        for name, params in nodes.items():
            project.exposure(name, sql="SELECT 5 AS a", params=params)
        good(project)
        assert (warehouse.ask("SELECT * FROM t"), ask(tmp_path / "a.db", "SELECT * FROM t")) == ([(5,)], [(5,)])


# Appends into columns of other types

FITS: dict[str, tuple[str, str, str | None]] = {
    "fractions into an integer": ("integer", "1.5::DOUBLE", None),
    "whole numbers into an integer": ("integer", "2::DOUBLE", "2"),
    "NaN into an integer": ("integer", "'nan'::DOUBLE", None),
    "a decimal into an integer": ("integer", "1.50::DECIMAL(5,2)", None),
    "too large for a smallint": ("smallint", "99999", None),
    "a bigint into a smallint": ("smallint", "7::BIGINT", "7"),
    "a third decimal": ("numeric(5,2)", "1.234", None),
    "two decimals": ("numeric(5,2)", "1.23::DOUBLE", "1.23"),
    "a number without limits": ("numeric", "0.30000000000000004::DOUBLE", None),
    "a text that is too long": ("varchar(3)", "'abcd'", None),
    "a text whose blanks are cut": ("varchar(3)", "'abc  '", None),
    "a text that fits": ("varchar(3)", "'abc'", "abc"),
    "a number as text": ("text", "12", "12"),
    "a time of day into a date": ("date", "TIMESTAMP '2024-01-01 10:00'", None),
    "a midnight into a date": ("date", "TIMESTAMP '2024-01-01'", "2024-01-01"),
    "a date into a timestamp": ("timestamp", "DATE '2024-01-01'", "2024-01-01 00:00:00"),
    "fractions of a second": ("timestamp(0)", "TIMESTAMP '2024-01-01 00:00:00.5'", None),
    "a zone is dropped": ("timestamp", "TIMESTAMPTZ '2024-01-01 00:00:00+00'", None),
    "a zone is guessed": ("timestamptz", "TIMESTAMP '2024-01-01'", None),
    "a zone of a date is guessed": ("timestamptz", "DATE '2024-01-01'", None),
    "a double into a real": ("real", "0.1::DOUBLE", None),
    "a half into a real": ("real", "0.5::DOUBLE", "0.5"),
    "a FLOAT into a double": ("double precision", "0.5::FLOAT", "0.5"),
    "a large integer into a double": ("double precision", "9007199254740993::BIGINT", None),
    "an integer into a double": ("double precision", "42", "42"),
    "a text into an integer": ("integer", "'02'", None),
    "a list of fractions": ("integer[]", "[1.5::DOUBLE]", None),
    "a list of whole numbers": ("integer[]", "[1::BIGINT, NULL]", "{1,NULL}"),
    "a struct into json": ("json", "{'a': 1}", '{"a": 1}'),
    "a bool into an integer": ("integer", "true", None),
    "NULL": ("integer", "NULL::DOUBLE", None),
}  # fmt: skip


def test_an_append_to_postgresql_changes_no_value(project: Project, warehouse: Server) -> None:
    """All cases in one run: a database for each would take half a minute."""
    tables = {name: f"t{number}" for number, name in enumerate(FITS)}
    warehouse.execute(*(f"CREATE TABLE {tables[name]} (x {kind}, at timestamptz DEFAULT now(), n integer)" for name, (kind, *_) in FITS.items()))
    for name, (_, value, _) in FITS.items():
        params = {"format": "postgresql", "connection": "wh", "table": tables[name], "mode": "append"}
        project.exposure(tables[name], sql=f"SELECT 1 AS n, {value} AS x", params=params)
    summary = run(project, continue_on_error=True)
    each = (f"SELECT '{table}', x::text FROM {table} WHERE at IS NOT NULL AND n = 1" for table in tables.values())
    rows = dict(warehouse.ask(" UNION ALL ".join(each)))
    noted = {table for table, in warehouse.ask('SELECT "table" FROM seeknal_deliveries')}
    for name, (_, value, stored) in FITS.items():
        told = summary[f"exposure.{tables[name]}"].error_message or ""
        refused = stored is None and "NULL" not in value
        assert bool(re.search(r"column .{0,2}x\b", told)) is refused, (name, told)
        assert rows.get(tables[name], "no row") == ("no row" if refused else stored), name
        assert (tables[name] in noted) is not refused, name


def test_an_append_that_is_there_already_is_proved_against_nothing(project: Project, warehouse: Server) -> None:
    params = {"format": "postgresql", "connection": "wh", "table": "t", "mode": "append"}
    project.exposure("e", sql="SELECT 1.5::DOUBLE AS x", params=params)
    good(project)
    warehouse.execute("ALTER TABLE t ALTER x TYPE integer")
    assert good(project, full=True)["exposure.e"].row_count == 0
    project.exposure("e", sql="SELECT 2.5::DOUBLE AS x", params=params)
    assert "double precision into integer, as 2.5 to 2" in failure(project, "exposure.e").error_message


@pytest.mark.parametrize(("sql", "told"), [
    ("SELECT 2 AS x, 'l' AS k", []), ("SELECT 2.5::DOUBLE AS x, 'k' AS k", ["x is int32 there and double here"]),
    ("SELECT 2 AS x, 3 AS y, 'k' AS k", ["y is not there and int32 here"]), ("SELECT 'k' AS k, 4 AS z", ["x is int32 there and not here, z is not there and int32 here"]),
])  # fmt: skip
@pytest.mark.parametrize("partition_by", [None, ["k"]])
def test_files_of_other_types_beside_are_told(project: Project, tmp_path: Path, sql: str, told: list[str], partition_by: list[str] | None) -> None:
    """A reader that goes by the first file reads 2.5 as 2."""
    params = {"path": "o", "format": "parquet", "mode": "append", "partition_by": partition_by}
    for query in ("SELECT 1 AS x, 'k' AS k", sql):
        project.exposure("e", sql=query, params={name: value for name, value in params.items() if value})
        warnings = good(project)["exposure.e"].metadata.get("warnings", [])
    assert [text.removeprefix("the files of o differ: ").partition(";")[0] for text in warnings] == told


IN_SQLITE: dict[str, tuple[str, str, Any]] = {
    "a zero before": ("INTEGER", "'007'", None),
    "a text that is a number": ("INTEGER", "'7'", 7),
    "a text that is none": ("INTEGER", "'abc'", "abc"),
    "an exponent": ("NUMERIC", "'1e3'", None),
    "fractions": ("INTEGER", "1.5::DOUBLE", 1.5),
    "a large integer among REAL": ("REAL", "9007199254740993", None),
    "an integer among REAL": ("REAL", "7", 7.0),
    "an integer as text": ("TEXT", "7", "7"),
    "a float as text": ("VARCHAR(9)", "0.30000000000000004::DOUBLE", None),
    "anything where there is no type": ("", "'007'", "007"),
    "a date among numbers": ("NUMERIC", "DATE '2024-01-01'", "2024-01-01"),
    "NULL": ("INTEGER", "NULL::VARCHAR", None),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "stored"), IN_SQLITE.values(), ids=IN_SQLITE)
def test_an_append_to_sqlite_changes_no_value(project: Project, tmp_path: Path, kind: str, value: str, stored: Any) -> None:
    with closing(sqlite3.connect(tmp_path / "a.db")) as database, database:
        database.execute(f"CREATE TABLE t (X {kind}, more TEXT DEFAULT 'd')")
    project.exposure("e", sql=f"SELECT {value} AS x", params={"path": "a.db", "table": "t", "mode": "append"})
    result = run(project)["exposure.e"]
    if stored is None and "NULL" not in value:
        assert "in column 'x'" in (result.error_message or "")
        assert ask(tmp_path / "a.db", "SELECT * FROM t") == []
    else:
        assert not result.error_message
        assert ask(tmp_path / "a.db", "SELECT * FROM t") == [(stored, "d")]
