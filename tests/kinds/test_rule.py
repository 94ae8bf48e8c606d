"""What rules and checks find: against counts that pandas or a hand gave, in every spelling."""

from __future__ import annotations

import importlib.util
import json
import math
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinds import arrow, failure, good, run, status
from seeknal_nb import Project
from seeknal_nb.authoring.cell import define
from seeknal_nb.engines.duckdb import DuckDBSession
from seeknal_nb.errors import ManifestError, UsageError
from seeknal_nb.kinds.checks.forms import specs_of, threshold
from seeknal_nb.kinds.checks.outcome import conclude

NOW = datetime.now(UTC).replace(tzinfo=None)
NAN = float("nan")
# Nulls, NaN, infinities, an empty text, another case, a quote, old and young dates.
FRAME = {
    "id": pa.array([1, 2, 2, None, 5, None], pa.int64()),
    "code": pa.array(["a", "B", "b", None, "", "it's"]),
    "amount": pa.array([5.0, -1.0, None, NAN, math.inf, -math.inf], pa.float64()),
    "price": pa.array([100, -250, None, 700, 0, 300], pa.int64()),
    "flag": pa.array([True, False, None, True, True, False]),
    "day": pa.array([d and d.date() for d in (NOW, NOW - timedelta(9), None, NOW, NOW - timedelta(99), NOW)], pa.date32()),
    "at": pa.array([NOW, NOW - timedelta(9), None, NOW - timedelta(hours=30), NOW - timedelta(99), NOW], pa.timestamp("us")),
    "select": pa.array([1, 1, 1, 1, 1, 2], pa.int32()),
}
ROWS = 6


@pytest.fixture
def table(project: Project):
    """``transform.t`` with those rows, and ``transform.codes``."""
    pq.write_table(pa.table(FRAME), project.directory / "t.parquet")
    project.transform("t", sql="SELECT * FROM 't.parquet'")
    project.transform("codes", sql="SELECT * FROM (VALUES ('a', 1), ('b', 2), (NULL, 5)) v(code, \"number\")")
    return project


def found(project: Project, *, severity: str | None = "warn", **config: Any) -> list[dict[str, Any]]:
    """The rule's rows."""
    project.node("rule", "r", severity=severity, **{"inputs": ["t", "codes"], **config})
    good(project)
    return arrow(project, "rule.r").to_pylist()


def counts(rows: list[dict[str, Any]]) -> list[tuple[bool, int]]:
    return [(row["passed"], row["failed_rows"]) for row in rows]


# Each check, by hand

CHECKS: dict[str, tuple[dict[str, Any], list[tuple[bool, int]]]] = {
    "not_null": ({"not_null": "id"}, [(False, 2)]),
    "not_null of several": ({"not_null": ["id", "amount", "select"]}, [(False, 2), (False, 2), (True, 0)]),
    "not_null: NaN is as missing as null": ({"not_null": {"column": "amount"}}, [(False, 2)]),
    "not_null: an empty text is no null": ({"not_null": "code"}, [(False, 1)]),
    "unique: nulls are no doubles": ({"unique": "id"}, [(False, 1)]),
    "unique: nulls as the same": ({"unique": {"column": "id", "nulls": "same"}}, [(False, 2)]),
    "unique: rows beyond the first": ({"unique": {"columns": ["select"]}}, [(False, 4)]),
    "unique of a pair": ({"unique": ["id", "code"]}, [(True, 0)]),
    "unique of a pair that is doubled": ({"unique": ["flag", "select"]}, [(False, 2)]),
    "unique of a pair with nulls as the same": ({"unique": ["select", "flag"], "nulls": "same"}, [(False, 2)]),
    "unique: case counts": ({"unique": "code"}, [(True, 0)]),
    "accepted_values": ({"accepted_values": {"column": "code", "values": ["a", "b", ""]}}, [(False, 2)]),
    "accepted_values with a quote": ({"accepted_values": {"column": "code", "values": ["a", "b", "B", "", "it's"]}}, [(True, 0)]),
    "accepted_values of numbers": ({"accepted_values": {"column": "id", "values": [1, 2, None]}}, [(False, 1)]),
    "accepted_values of bools": ({"accepted_values": {"column": "flag", "values": [True]}}, [(False, 2)]),
    "accepted_values: numbers for a text": ({"accepted_values": {"column": "code", "values": [1, True]}}, [(False, 5)]),
    "accepted_values: nothing but null": ({"accepted_values": {"column": "id", "values": [None]}}, [(False, 4)]),
    "accepted_values: NaN is a value": ({"accepted_values": {"column": "amount", "values": [5, -1]}}, [(False, 3)]),
    "accepted_values beside": ({"accepted_values": "code", "values": ["a", "b", "B", ""]}, [(False, 1)]),
    "range: NaN lies in none": ({"range": {"column": "amount", "min": 0}}, [(False, 3)]),
    "range to": ({"range": {"column": "amount", "max": 5}}, [(False, 2)]),
    "range of both": ({"range": {"column": "amount", "min": -1, "max": 5}}, [(False, 3)]),
    "range exclusive": ({"range": {"column": "amount", "min": -1, "max": 5, "exclusive": True}}, [(False, 5)]),
    "range of integers": ({"range": {"column": "price", "min": 0, "max": 300}}, [(False, 2)]),
    "range of fractions": ({"range": {"column": "price", "min": -0.5, "max": 300.5}}, [(False, 2)]),
    "range of two columns": ({"range": ["price", "select"], "min": 1}, [(False, 2), (True, 0)]),
    "range of dates": ({"range": {"column": "at", "min": str(NOW - timedelta(20)), "max": str(NOW)}}, [(False, 1)]),
    "range of texts": ({"range": {"column": "code", "min": "a"}}, [(False, 2)]),
    "range that a parameter gave as text": ({"range": {"column": "price", "max": "300"}}, [(False, 1)]),
    "regex is of the whole text": ({"regex": {"column": "code", "pattern": "[a-z]"}}, [(False, 3)]),
    "regex with a quote": ({"regex": {"column": "code", "pattern": "[a-zB]?|it's"}}, [(True, 0)]),
    "regex of a number": ({"regex": {"column": "price", "pattern": "-?\\d+"}}, [(True, 0)]),
    "null_rate that holds": ({"null_rate": {"column": "id", "max": 0.34}}, [(True, 2)]),
    "null_rate that does not": ({"null_rate": {"column": "id", "max": 0.33}}, [(False, 2)]),
    "null_rate of two": ({"null_rate": ["id", "code"], "max": 0.2}, [(False, 2), (True, 1)]),
    "row_count": ({"row_count": {"min": 6, "max": 6}}, [(True, 0)]),
    "row_count too small": ({"row_count": {"min": 7}}, [(False, 1)]),
    "row_count too large": ({"row_count": {"max": 5}}, [(False, 1)]),
    "freshness": ({"freshness": {"column": "at", "max_age": "1h"}}, [(True, 0)]),
    "freshness of each row": ({"freshness": {"column": "at", "max_age": "24h", "each": True}}, [(False, 3)]),
    "freshness of each row, wider": ({"freshness": {"column": "at", "max_age": "10 days", "each": True}}, [(False, 1)]),
    "freshness in seconds": ({"freshness": {"column": "at", "max_age": 864000, "each": True}}, [(False, 1)]),
    "freshness of dates": ({"freshness": {"column": "day", "max_age": "2d"}}, [(True, 0)]),
    "freshness of another time": ({"freshness": {"column": "at", "max_age": "1d", "now": str(NOW + timedelta(3))}}, [(False, 1)]),
    "expression": ({"expression": {"name": "positive", "sql": "price > 0"}}, [(False, 2)]),
    "expression as text": ({"expression": "price >= -250 AND \"select\" < 3"}, [(True, 0)]),
    "expression that reads a table": ({"expression": "code IN (SELECT code FROM codes WHERE code IS NOT NULL)"}, [(False, 3)]),
    "expression with a comment": ({"expression": "price > 0 -- or not"}, [(False, 2)]),
    "relationships": ({"relationships": {"column": "code", "to": "transform.codes", "field": "code"}}, [(False, 3)]),
    "relationships beside": ({"relationships": "id", "to": "codes", "field": "number"}, [(True, 0)]),
    "a reserved word": ({"range": {"column": "select", "max": 1}}, [(False, 1)]),
    "another case of the column": ({"not_null": "ID"}, [(False, 2)]),
    # where
    "where": ({"not_null": "id", "where": "code IS NULL OR code = 'a'"}, [(False, 1)]),
    "where inside": ({"range": {"column": "price", "min": 0, "where": "flag"}}, [(True, 0)]),
    "where of unique": ({"unique": "id", "where": "code <> 'b'"}, [(True, 0)]),
    "where of row_count": ({"row_count": {"max": 2}, "where": "flag"}, [(False, 1)]),
    "where of relationships": ({"relationships": "code", "to": "codes", "field": "code", "where": "price < 0"}, [(False, 1)]),
    "where of freshness": ({"freshness": "at", "max_age": "1d", "where": "NOT flag AND price < 0"}, [(False, 1)]),
    "where of nothing": ({"freshness": "at", "max_age": "1d", "where": "price > 9999"}, [(False, 1)]),
    # tolerance and thresholds
    "tolerance that is kept": ({"not_null": "id", "tolerance": 0.34}, [(True, 2)]),
    "tolerance that is not": ({"not_null": "id", "tolerance": 0.33}, [(False, 2)]),
    "tolerance of unique": ({"unique": "id", "tolerance": 0.2}, [(True, 1)]),
    "tolerance that is just kept": ({"regex": {"column": "code", "pattern": "[a-z]", "tolerance": 0.5}}, [(True, 3)]),
    "a threshold that is not reached": ({"not_null": "id", "warn_if": "> 2"}, [(True, 2)]),
    "a threshold that is": ({"not_null": "id", "warn_if": ">= 2"}, [(False, 2)]),
    "a threshold between": ({"not_null": "id", "warn_if": "between 3 and 9"}, [(True, 2)]),
}  # fmt: skip


@pytest.mark.parametrize(("check", "expected"), CHECKS.values(), ids=CHECKS)
def test_a_check_counts_the_rows_that_break_it(table: Project, check: dict[str, Any], expected: list[tuple[bool, int]]) -> None:
    rows = found(table, checks=[check])
    assert counts(rows) == expected
    for row in rows:
        assert row["passed"] or row["sample"].startswith("[{") or not row["failed_rows"] > 1, "what fails shows rows"
        assert row["sample"] is None or not row["passed"]


def test_many_checks_at_once_find_what_each_finds_alone(table: Project) -> None:
    rows = found(table, checks=[check for check, _ in CHECKS.values()])
    assert counts(rows) == [one for _, expected in CHECKS.values() for one in expected]


def test_an_empty_table_passes_all_but_a_least_count_and_an_age(table: Project) -> None:
    table.transform("none", sql="SELECT * FROM t WHERE false")
    checks = [check for check, _ in CHECKS.values() if not {"row_count", "relationships", "freshness"} & set(check)]
    more = [{"row_count": {"min": 1}}, {"freshness": "at", "max_age": "1d"}, {"row_count": {"max": 1}}]
    rows = found(table, inputs=["none", "codes"], checks=[*checks, *more])
    assert [row["passed"] for row in rows[-3:]] == [False, False, True]
    assert all(row["passed"] and row["failed_rows"] == 0 for row in rows[:-3])
    assert all(row["rows"] == 0 for row in rows)


def test_a_time_that_is_nowhere_known_is_not_fresh(table: Project) -> None:
    table.transform("timeless", sql="SELECT NULL::TIMESTAMP AS at, 1 AS x")
    assert counts(found(table, inputs=["timeless"], checks=[{"freshness": "at", "max_age": "99w"}])) == [(False, 1)]


# Against pandas

BRUTE = {
    "not_null": (lambda c: {"not_null": c}, lambda s: s.isna()),
    "range": (lambda c: {"range": c, "min": -3, "max": 4}, lambda s: s.notna() & ((s < -3) | (s > 4))),
    "exclusive": (lambda c: {"range": c, "min": -3, "max": 4, "exclusive": True}, lambda s: s.notna() & ((s <= -3) | (s >= 4))),
    "accepted": (lambda c: {"accepted_values": c, "values": [0, 1, 5]}, lambda s: s.notna() & ~s.isin([0, 1, 5])),
    "unique": (lambda c: {"unique": c}, lambda s: s.notna() & s.duplicated()),
    "expression": (lambda c: {"expression": f"{c} % 2 = 0"}, lambda s: s.notna() & (s % 2 != 0)),
}
NUMBERS = st.lists(st.one_of(st.none(), st.integers(-9, 9)), max_size=30)


@settings(max_examples=20)
@given(values=NUMBERS, groups=st.lists(st.integers(0, 2), min_size=30, max_size=30))
def test_counts_are_those_of_pandas(tmp_path_factory: pytest.TempPathFactory, values: list[int | None], groups: list[int]) -> None:
    frame = pd.DataFrame({"x": pd.array(values, dtype="Int64"), "g": groups[: len(values)]})
    directory = tmp_path_factory.mktemp("brute")
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), directory / "t.parquet")
    with _closing(Project(directory, namespace={})) as project:
        project.transform("t", sql="SELECT x::BIGINT AS x, g::BIGINT AS g FROM 't.parquet'")
        checks = [{**make("x"), **where} for make, _ in BRUTE.values() for where in ({}, {"where": "g > 0"})]
        rows = found(project, inputs=["t"], checks=[*checks, {"unique": ["x", "g"]}])
    expected = []
    for _, bad in BRUTE.values():
        kept = frame[frame.g > 0]
        expected += [(int(bad(frame.x).fillna(value=False).sum()), len(frame)), (int(bad(kept.x).fillna(value=False).sum()), len(kept))]
    expected.append((int((frame.x.notna() & frame.duplicated(["x", "g"])).sum()), len(frame)))
    assert [(row["failed_rows"], row["rows"]) for row in rows] == expected


class _closing:  # noqa: N801
    def __init__(self, project: Project) -> None:
        self.project = project

    def __enter__(self) -> Project:
        return self.project

    def __exit__(self, *_: object) -> None:
        self.project.close()


# Severity and thresholds

SEVERITIES = {
    "error": ({"not_null": "id"}, "failed", None),
    "warn": ({"not_null": "id", "severity": "warn"}, "success", "warn"),
    "info": ({"not_null": {"column": "id", "severity": "info"}}, "success", "info"),
    "error_if reached": ({"not_null": "id", "error_if": "> 1"}, "failed", None),
    "error_if not reached warns, as in dbt": ({"not_null": "id", "error_if": "> 5"}, "success", "warn"),
    "neither reached": ({"not_null": "id", "error_if": "> 5", "warn_if": "> 3"}, "success", "error"),
    "warn_if alone leaves error_if at any row, as in dbt": ({"not_null": "id", "warn_if": "> 5"}, "failed", None),
    "a warning has no error_if": ({"not_null": "id", "severity": "warn", "error_if": "> 0", "warn_if": "> 0"}, "success", "warn"),
    "within the tolerance": ({"not_null": "id", "tolerance": 0.5}, "success", "error"),
}


@pytest.mark.parametrize(("check", "outcome", "severity"), SEVERITIES.values(), ids=SEVERITIES)
def test_severity_decides_what_a_failure_does(table: Project, check: dict[str, Any], outcome: str, severity: str | None) -> None:
    table.node("rule", "r", inputs=["t"], checks=[check, {"not_null": "select"}])
    summary = run(table, continue_on_error=True)
    assert status(summary)["rule.r"] == outcome
    result = summary["rule.r"]
    assert len(result.metadata["checks"]) == 2, "all of them, failed or not"
    assert bool(result.metadata.get("warnings")) == (severity == "warn")
    if outcome == "success":
        assert [row["severity"] for row in arrow(table, "rule.r").to_pylist()] == [severity, "error"]


def test_a_check_of_its_own_severity_stands_above_the_nodes(table: Project) -> None:
    table.node("rule", "r", inputs=["t"], severity="warn", checks=[{"not_null": "id", "severity": "error"}, {"not_null": "amount"}])
    result = failure(table, "rule.r")
    assert "not_null id: 2 rows of 6" in result.error_message
    assert "not_null amount" not in result.error_message
    assert "not_null amount: 2 rows of 6" in result.metadata["warnings"][0]
    numbers = {name: result.metadata["metrics"][name] for name in ("passed", "failed", "warned", "failed_rows")}
    assert numbers == {"passed": 0, "failed": 1, "warned": 1, "failed_rows": 4}


def test_thresholds_of_the_node_stand_for_all_that_have_none(table: Project) -> None:
    rows = found(table, severity=None, error_if="> 1", checks=[{"not_null": ["id", "code"], "tolerance": 0.9}, {"unique": "id"}])
    assert [(row["passed"], row["severity"]) for row in rows] == [(True, "error"), (True, "error"), (False, "warn")]
    rows = found(table, severity=None, tolerance=0.34, checks=[{"not_null": "id"}], sql="SELECT * FROM t WHERE id IS NULL", on="t")
    assert counts(rows) == [(True, 2), (True, 2)]
    assert [row["tolerance"] for row in rows] == [0.34, 0.34]


@pytest.mark.parametrize(("text", "value", "holds"), [
    ("> 10", 10, False), (">10", 11, True), (">= 10", 10, True), ("< 3", 2, True), ("<=3", 4, False), ("= 0", 0, True),
    ("== 0", 1, False), ("!= 0", 1, True), ("<> 0", 0, False), ("between 2 and 4", 4, True), ("BETWEEN 2 and 4", 5, False),
    ("> 0.5", 0.6, True), ("> -1", 0, True), ("> 1e3", 1001, True),
])  # fmt: skip
def test_a_threshold_compares(text: str, value: float, holds: bool) -> None:
    assert threshold(text).holds(value) is holds


# The table, the samples, one scan

def test_the_table_has_one_row_a_check_and_fixed_types(table: Project) -> None:
    found(table, checks=[{"not_null": "select", "name": "chosen"}])
    assert arrow(table, "rule.r").schema == pa.schema([
        ("check", pa.string()), ("severity", pa.string()), ("passed", pa.bool_()), ("failed_rows", pa.int64()),
        ("rows", pa.int64()), ("tolerance", pa.float64()), ("sample", pa.string()),
    ])  # fmt: skip
    assert arrow(table, "rule.r").to_pylist() == [
        {"check": "chosen", "severity": "warn", "passed": True, "failed_rows": 0, "rows": 6, "tolerance": 0.0, "sample": None}
    ]


def test_a_sample_is_the_first_five_rows_as_strict_json(project: Project) -> None:
    project.transform("t", sql="SELECT i AS b, 'nan'::DOUBLE AS x, repeat('y', 999) AS long, {'a': [i]} AS s FROM range(20) v(i)")
    (row,) = found(project, inputs=["t"], checks=[{"range": "b", "min": 3, "max": 12}])
    sample = json.loads(row["sample"], parse_constant=pytest.fail)
    assert [one["b"] for one in sample] == [0, 1, 2, 13, 14]
    assert sample[0]["x"] == "NaN"
    assert sample[0]["s"] == {"a": [0]}
    assert len(row["sample"]) < 2500


def test_samples_are_the_same_in_every_run(table: Project) -> None:
    """A build whose sample moved would look changed to all that reads it."""
    table.transform("many", sql="SELECT i % 7000 AS k, i FROM range(200000) v(i)")
    table.node("rule", "r", inputs=["many", "codes"], severity="warn", checks=[
        {"unique": "k"}, {"relationships": "k", "to": "codes", "field": "number"}, {"range": "i", "max": 150000},
    ])  # fmt: skip
    seen = set()
    for _ in range(3):
        good(table, full=True)
        seen.add(str(arrow(table, "rule.r").to_pylist()))
    assert len(seen) == 1


def test_all_checks_of_rows_are_one_scan(table: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """KINDS § 1.6: one SELECT with a FILTER a check, and one more for the samples of what failed."""
    asked: list[str] = []
    plain = DuckDBSession.query
    monkeypatch.setattr(DuckDBSession, "query", lambda self, sql, **options: asked.append(sql) or plain(self, sql, **options))
    together = [check for check, _ in CHECKS.values() if "relationships" not in check and "SELECT" not in str(check)]
    found(table, checks=together, rule=[{"type": "null", "columns": ["id", "code"]}], expression="price > 0")
    counting, *rest = [sql for sql in asked if '"transform"."t"' in sql]
    assert counting.count('"transform"."t"') == 1
    assert len(rest) == 1
    assert all("to_json" in sql for sql in rest)


# Bodies

@pytest.mark.parametrize(("config", "expected"), [
    ({"sql": "SELECT * FROM t WHERE price < 0"}, [("r", False, 1)]),
    ({"sql": "price > 0;", "on": "t"}, [("r", False, 2)]),
    ({"sql": "(price > 0) AND (id > 0) -- both", "on": "transform.t"}, [("r", False, 2)]),
    ({"sql": "selected IS NULL", "inputs": ["w"]}, [("r", True, 0)]),
    ({"expression": "price > 0", "rule": [{"value": "price < 600"}]}, [("r 1", False, 2), ("r 2", False, 1)]),
    ({"sql": "SELECT * FROM t WHERE price < 0", "checks": [{"not_null": "id"}]}, [("r", False, 1), ("not_null id", False, 2)]),
    ({"python": "return len(t) == 6", "checks": [{"not_null": "id"}]}, [("r", True, None), ("not_null id", False, 2)]),
    ({"sql": "SELECT a.*, b.* FROM t a JOIN t b USING (price) WHERE price < 0", "inputs": ["t"]}, [("r", False, 1)]),
    ({"sql": "SELECT * FROM t WHERE price < 0", "error_if": "> 1", "severity": None}, [("r", False, 1)]),
])  # fmt: skip
def test_a_rule_has_a_body_and_checks(table: Project, config: dict[str, Any], expected: list[Any]) -> None:
    table.transform("w", sql="SELECT NULL AS selected")
    rows = found(table, **config)
    assert [(row["check"], row["passed"], row["failed_rows"]) for row in rows] == expected


PYTHON: dict[str, tuple[str, list[tuple[Any, ...]]]] = {
    "a bool": ("return False", [(False, None, None)]),
    "a bool of numpy": ("import numpy\nreturn numpy.bool_(True)", [(True, None, None)]),
    "a bool a row": ("return ~(t.price < 0)", [(False, 1, 6)]),
    "a bool a row with nulls": ("return (t.price.astype('Int64') > 0)", [(False, 2, 6)]),
    "an array of bools": ("return t['select'].to_numpy() > 0", [(True, 0, 6)]),
    "a column of Arrow": ("import pyarrow.compute as pc\nreturn pc.greater(ctx.ref('t', as_='arrow')['price'], 0)", [(False, 2, 6)]),
    "a scalar of Arrow": ("import pyarrow.compute as pc\nreturn pc.all(pc.greater(ctx.ref('t', as_='arrow')['price'], 0))",
                          [(False, None, None)]),
    "a column of polars": ("return ctx.ref('t', as_='polars')['price'] > 0", [(False, 2, 6)]),
    "offending rows of polars": ("return ctx.ref('t', as_='polars').filter(ctx.ref('t', as_='polars')['price'] < 0)", [(False, 1, 6)]),
    "offending rows": ("return t[t.price < 0]", [(False, 1, 6)]),
    "no offending rows": ("return t[t.price < -999]", [(True, 0, 6)]),
    "an empty frame without columns": ("import pandas\nreturn pandas.DataFrame()", [(True, 0, 6)]),
    "arrow rows": ("return ctx.ref('t', as_='arrow').slice(0, 2)", [(False, 2, 6)]),
    "tuples": ("import numpy\nreturn [('a', True), ('b', numpy.False_, 'why'), ('c', True, '')]",
               [(True, None, None), (False, None, None), (True, None, None)]),
    "an assertion": ("ctx.log_metrics(seen=3)\nassert False, 'no'", [(False, None, None)]),
}  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), PYTHON.values(), ids=PYTHON)
def test_python_may_say_it_in_many_ways(table: Project, body: str, expected: list[tuple[Any, ...]]) -> None:
    if "polars" in body:
        pytest.importorskip("polars")
    rows = found(table, python=body, inputs=["t"])
    assert [(row["passed"], row["failed_rows"], row["rows"]) for row in rows] == expected


def test_what_a_body_logged_stays_beside_the_counts(table: Project) -> None:
    table.node("rule", "r", inputs=["t"], severity="warn", python="ctx.log_metrics(seen=3)\nassert False, 'no'")
    assert good(table)["rule.r"].metadata["metrics"] == {"seen": 3, "passed": 0, "failed": 0, "warned": 1, "failed_rows": 0}


@pytest.mark.parametrize("body", [
    "return 7", "return 'ok'", "return {1}", "return [('a', 'yes')]", "return [(1, True)]", "return [('a',)]", "return t.price", "return t.price.mean()",
])  # fmt: skip
def test_a_value_that_says_nothing_is_an_error(table: Project, body: str) -> None:
    """``bool('no')`` is true: what is no bool must not pass."""
    table.node("rule", "r", inputs=["t"], severity="warn", python=body)
    failure(table, "rule.r")


# The peer's forms

PEER = {
    "null": ({"type": "null", "columns": ["id", "code"]}, [("not_null id, code", False, 2)]),
    "an unquoted null": ({"type": None, "columns": ["id"]}, [("not_null id", False, 2)]),
    "null with a share": ({"type": "null", "columns": ["id"], "params": {"max_null_percentage": 0.4}}, [("not_null id", True, 2)]),
    "range": ({"type": "range", "column": "price", "params": {"min_val": 0, "max_val": 300}}, [("range price", False, 2)]),
    "range of columns": ({"type": "range", "columns": ["price"], "params": {"min": 0}}, [("range price", False, 1)]),
    "uniqueness": ({"type": "uniqueness", "columns": ["select"]}, [("unique select", False, 4)]),
    "uniqueness takes two nulls for a double": ({"type": "uniqueness", "columns": ["id"]}, [("unique id", False, 2)]),
    "freshness is of each row": ({"type": "freshness", "column": "at", "params": {"max_age": "2d"}}, [("freshness at", False, 2)]),
    "value": ({"value": "price > 0"}, [("r", False, 2)]),
    "sql_assertion": ({"type": "sql_assertion", "sql": "SELECT * FROM transform_t WHERE price < 0"}, [("r", False, 1)]),
    "sql_assertion of input_data": ({"type": "sql_assertion", "sql": "SELECT * FROM input_data, transform_codes"}, [("r", False, 18)]),
    "accepted_values of an audit": ({"type": "accepted_values", "columns": ["code"], "values": ["a"]}, [("accepted_values code", False, 4)]),
    "row_count of an audit": ({"type": "row_count", "min": 7, "severity": "warn"}, [("row_count", False, 1)]),
    "custom_sql of an audit": ({"type": "custom_sql", "sql": "SELECT * FROM __THIS__ WHERE id = 2"}, [("r", False, 2)]),
    "a list": ([{"type": "null", "columns": ["id"]}, {"value": "price < 800"}], [("r", True, 0), ("not_null id", False, 2)]),
}


@pytest.mark.parametrize(("rule", "expected"), PEER.values(), ids=PEER)
def test_the_peers_rules_find_what_they_find_there(table: Project, rule: Any, expected: list[Any]) -> None:
    rows = found(table, rule=rule)
    assert [(row["check"], row["passed"], row["failed_rows"]) for row in rows] == expected


def test_the_peers_severity_and_message_stand_under_params(table: Project) -> None:
    table.node("rule", "r", inputs=["t"], rule={"value": "price > 0"}, params={"severity": "warn"})
    assert good(table)["rule.r"].metadata["warnings"]
    table.node("rule", "r", inputs=["t"], rule={"value": "price > 0"}, params={"severity": "warn", "error_message": "call Bob"})
    assert good(table)["rule.r"].metadata["warnings"][0].startswith("call Bob: r: 2 rows of 6")
    table.node("rule", "r", inputs=["t"], rule={"value": "price > 0"}, params={"error_message": "prices are wrong"})
    assert "prices are wrong" in failure(table, "rule.r").error_message


def test_a_profile_check_reads_the_profiles_numbers(project: Project) -> None:
    project.transform("stats", sql="""SELECT * FROM (VALUES ('_table_', 'row_count', 6.0), ('price', 'null_count', 1.0),
        ('price', 'avg', NULL)) v(column_name, metric, value)""")
    rows = found(project, inputs=["stats"], severity=None, rule={"type": "profile_check", "checks": [
        {"metric": "row_count", "fail": "< 5", "warn": "< 10"}, {"metric": "null_count", "column": "price", "fail": "> 1"},
        {"metric": "null_count", "column": "price", "warn": "between 1 and 2", "fail": "> 2"},
    ]})  # fmt: skip
    assert [(row["passed"], row["severity"]) for row in rows] == [(False, "warn"), (True, "error"), (False, "warn")]
    project.node("rule", "r", inputs=["stats"], rule={"type": "profile_check", "checks": [{"metric": "avg", "column": "price", "fail": "> 1"}]})
    assert "metric avg price: null or NaN, error if > 1" in failure(project, "rule.r").error_message
    project.node("rule", "r", inputs=["stats"], checks=[{"metric": "row_cuont", "min": 3}])
    assert "did you mean row_count" in failure(project, "rule.r").error_message


METRICS = [
    ({"metric": "auc", "min": 0.6}, True), ({"metric": {"name": "auc", "min": 0.9}}, False), ({"metric": "auc", "max": 0.7}, False),
    ({"metric": {"metric": "loss", "max": 0}}, False), ({"metric": "auc", "error_if": "< 0.5", "warn_if": "< 0.75"}, True),
    ({"metric": "auc", "warn_if": "< 0.9"}, False), ({"metric": "missing", "min": 0}, False),
]  # fmt: skip


@pytest.mark.parametrize(("check", "passes"), METRICS)
def test_a_metric_is_what_the_checked_node_logged(project: Project, check: dict[str, Any], passes: bool) -> None:
    project.transform("m", python="ctx.log_metrics(auc=0.8, loss=0.1, missing=float('nan'))\nresult = [{'x': 1}]")
    (row,) = found(project, inputs=["m"], checks=[check])
    assert row["passed"] is passes
    assert bool(row["sample"]) is not passes


TOLD: dict[str, tuple[dict[str, Any], str]] = {
    "too few rows": ({"row_count": {"min": 10}}, "row_count: 6 rows, at least 10"),
    "too many rows": ({"row_count": {"min": 1, "max": 5}}, "row_count: 6 rows, at least 1 and at most 5"),
    "one row": ({"row_count": {"min": 2}, "where": "id = 1"}, "row_count: 1 row, at least 2"),
    "an old table": ({"freshness": "at", "max_age": "1d", "now": "2030-01-01"}, "older than 24h at 2030-01-01"),
    "times that are all null": ({"freshness": "nul", "max_age": "1d"}, "freshness nul: no row has a time"),
    "a metric": ({"metric": "auc", "min": 0.9}, "metric auc: 0.8, at least 0.9"),
    "a whole number": ({"metric": "n", "max": 3}, "metric n: 1234567890, at most 3"),
    "a metric that is none": ({"metric": "missing", "min": 0}, "metric missing: null or NaN, at least 0"),
    "a threshold": ({"metric": "auc", "error_if": "< 0.85"}, "metric auc: 0.8, error if < 0.85"),
}  # fmt: skip


@pytest.mark.parametrize(("check", "expected"), TOLD.values(), ids=TOLD)
def test_a_check_of_the_whole_says_what_it_found_and_what_was_asked(table: Project, check: dict[str, Any], expected: str) -> None:
    """It has no offending rows, so none are counted, and no share of them could be tolerated."""
    table.transform("m", python="ctx.log_metrics(auc=0.8, n=1234567890, missing=float('nan'))\nimport pandas as pd\n"
                    "ref('t').assign(nul=pd.Series([pd.NaT] * 6, dtype='datetime64[ns]'))")  # fmt: skip
    table.node("rule", "r", inputs=["m"], checks=[check])
    message = failure(table, "rule.r").error_message or ""
    assert expected in message
    assert "row of" not in message
    assert message.endswith("Fix: mend the data, or give the check severity: warn")


def test_the_columns_that_a_check_is_about_come_first_in_what_it_shows(project: Project) -> None:
    """A message shows the beginning of a row, and a wide table's last column would not be seen."""
    project.transform("t", sql=f"SELECT {', '.join(f'{at} AS column_number_{at}' for at in range(40))}")
    project.node("rule", "r", inputs=["t"], expression="column_number_39 < 0")
    assert 'r: 1 row of 1, as {"column_number_39": 39, ' in (failure(project, "rule.r").error_message or "")
    project.node("rule", "r", inputs=["t"], checks=[{"range": {"column": "column_number_38", "max": 1}, "where": "column_number_2 = 2"}])
    assert 'as {"column_number_2": 2, "column_number_38": 38, ' in (failure(project, "rule.r").error_message or "")
    project.node("rule", "r", inputs=["t"], sql="SELECT * FROM t WHERE column_number_37 > 1")
    assert 'as {"column_number_37": 37, ' in (failure(project, "rule.r").error_message or "")


def test_a_bool_says_that_it_was_false_and_rows_may_be_tolerated(table: Project) -> None:
    table.node("rule", "r", inputs=["t"], severity="warn", python="False")
    assert good(table)["rule.r"].metadata["warnings"] == ["r: its body gave False"]
    table.node("rule", "r", inputs=["t"], checks=[{"not_null": "id"}])
    assert "severity: warn or a tolerance" in failure(table, "rule.r").error_message


def test_what_a_body_logged_is_not_replaced_by_a_count_of_checks(project: Project) -> None:
    project.node("model", "m", python="ctx.log_metrics(failed=7)\n[{'x': 1}]", tests=[{"not_null": "x"}])
    project.node("rule", "r", inputs=["model.m"], checks=[{"metric": "failed", "max": 5}])
    summary = run(project)
    metadata = summary["model.m"].metadata
    assert metadata["metrics"] == {"passed": 1, "failed": 7, "warned": 0, "failed_rows": 0}
    assert metadata["warnings"] == ["metrics called failed are what was logged, not the count of the checks; log another name"]
    assert status(summary)["rule.r"] == "failed"


# What cannot run, and what is refused

BROKEN = {
    "a missing column": ({"checks": [{"not_null": ["id", "cod"]}]}, ["check 'not_null cod'", "did you mean code"]),
    "a missing column of a key": ({"checks": [{"unique": ["id", "prise"]}]}, ["unique id, prise", "did you mean price"]),
    "a missing field": ({"checks": [{"relationships": "code", "to": "codes", "field": "cod"}]}, ["relationships code", "did you mean code"]),
    "a bad pattern": ({"checks": [{"regex": "code", "pattern": "[a-"}, {"not_null": "id"}]}, ["check 'regex code'"]),
    "a bad expression": ({"checks": [{"expression": "prise > 0", "name": "dear"}]}, ["check 'dear'", "prise"]),
    "an expression that is none": ({"checks": [{"expression": "price >"}]}, ["check 'expression'"]),
    "an expression that is a number": ({"expression": "price"}, ["check 'r'", "BIGINT"]),
    "a where that is none": ({"checks": [{"not_null": "id", "where": "price + 1"}]}, ["not_null id", "BIGINT"]),
    "a cast that fails": ({"checks": [{"expression": "code::INTEGER > 0", "name": "numeric"}, {"not_null": "id"}]}, ["check 'numeric'"]),
    "a number as a time": ({"checks": [{"freshness": "price", "max_age": "1d"}]}, ["freshness price", "BIGINT, not a time"]),
    "a bound of another type": ({"checks": [{"range": "code", "min": 0}]}, ["range code", "is text"]),
    "a date that is none": ({"checks": [{"range": "at", "min": "yesterday"}]}, ["range at", "yesterday"]),
    "a metric that nobody logged": ({"checks": [{"metric": "auc", "min": 0.5}]}, ["metric auc", "auc"]),
    "a profile's metric of no profile": ({"checks": [{"metric": {"name": "avg", "column": "price"}, "max": 1}]}, ["metric avg"]),
}


@pytest.mark.parametrize(("config", "fragments"), BROKEN.values(), ids=BROKEN)
def test_a_check_that_cannot_run_says_which_and_why(table: Project, config: dict[str, Any], fragments: list[str]) -> None:
    table.node("rule", "r", severity="warn", **{"inputs": ["t", "codes"], **config})
    message = failure(table, "rule.r").error_message
    assert all(fragment in message for fragment in fragments), message


REFUSED = {
    "an unknown check": ({"checks": [{"uniqe": "id"}]}, "did you mean unique"),
    "an unknown option": ({"checks": [{"range": {"column": "id", "mim": 0}}]}, "did you mean min"),
    "an unknown option beside": ({"checks": [{"not_null": "id", "severty": "warn"}]}, "did you mean severity"),
    "an option of another check": ({"checks": [{"not_null": {"column": "id", "min": 0}}]}, "unknown option 'min'"),
    "no check": ({"checks": [{}]}, "unknown check"),
    "a check that is a word": ({"checks": ["unique"]}, "checks"),
    "a missing option": ({"checks": [{"regex": {"column": "code"}}]}, "needs pattern"),
    "no bounds": ({"checks": [{"range": "id"}]}, "needs min or max"),
    "bounds the wrong way round": ({"checks": [{"range": "id", "min": 5, "max": 1}]}, "can never hold"),
    "a bound that is a list": ({"checks": [{"range": "id", "min": [1]}]}, "min of range"),
    "a bound that is not finite": ({"checks": [{"range": "id", "min": math.inf}]}, "a finite number"),
    "a column that is none": ({"checks": [{"not_null": 7}]}, "names no column"),
    "no columns": ({"checks": [{"unique": []}]}, "names no column"),
    "no values": ({"checks": [{"accepted_values": {"column": "id", "values": []}}]}, "lists no values"),
    "values that are a text": ({"checks": [{"accepted_values": {"column": "id", "values": "a"}}]}, "lists no values"),
    "a share above one": ({"checks": [{"null_rate": {"column": "id", "max": 5}}]}, "between 0 and 1"),
    "a tolerance below zero": ({"checks": [{"not_null": "id", "tolerance": -0.1}]}, "between 0 and 1"),
    "a count that is a fraction": ({"checks": [{"row_count": {"min": 1.5}}]}, "whole number"),
    "a row_count that is a number": ({"checks": [{"row_count": 5}]}, "needs options"),
    "an age that is none": ({"checks": [{"freshness": {"column": "at", "max_age": "soon"}}]}, "max_age of freshness"),
    "a severity that is none": ({"checks": [{"not_null": "id", "severity": "fatal"}]}, "unknown severity 'fatal'"),
    "a threshold that is none": ({"checks": [{"not_null": "id", "error_if": "lots"}]}, "error_if of not_null"),
    "a tolerance and a threshold": ({"checks": [{"not_null": "id", "error_if": "> 1", "tolerance": 0.1}]}, "keep one"),
    "a tolerance of a count": ({"checks": [{"row_count": {"min": 1}, "tolerance": 0.1}]}, "tolerance of row_count"),
    "a tolerance of the newest": ({"checks": [{"freshness": "at", "max_age": "1d", "tolerance": 0.1}]}, "tolerance of freshness"),
    "two conditions": ({"checks": [{"expression": "id > 0; price > 0"}]}, "no one condition"),
    "a bracket too many": ({"checks": [{"expression": "id > 0) OR (true"}]}, "no one condition"),
    "an exclusive that is a word": ({"checks": [{"range": "id", "min": 0, "exclusive": "yes"}]}, "neither true nor false"),
    "nulls that are neither": ({"checks": [{"unique": "id", "nulls": "first"}]}, "nulls of unique"),
    "the node's severity": ({"checks": [{"not_null": "id"}], "severity": "fatal"}, "severity"),
    "the node's threshold": ({"checks": [{"not_null": "id"}], "error_if": 10}, "10"),
    "the node's blocking": ({"checks": [{"not_null": "id"}], "blocking": "yes"}, "blocking"),
    "a key that is not read": ({"checks": [{"not_null": "id"}], "ttl": "7d"}, "unknown key 'ttl' of a rule"),
    "a key that is nearly read": ({"chekcs": [{"not_null": "id"}]}, "did you mean checks"),
    "audits": ({"checks": [{"not_null": "id"}], "audits": [{"type": "unique"}]}, "audits"),
    "nothing": ({}, "nothing to check"),
    "the peer's unknown type": ({"rule": {"type": "nulls", "columns": ["id"]}}, "did you mean null"),
    "the peer's missing type": ({"rule": {"columns": ["id"]}}, "unknown rule type"),
    "the peer's function": ({"rule": {"type": "custom", "params": {"func": "f"}}}, "as the node's body"),
    "the peer's unknown parameter": ({"rule": {"type": "range", "column": "id", "params": {"min_value": 0}}}, "did you mean min_val"),
    "the peer's null without columns": ({"rule": {"type": "null"}}, "names no column"),
    "the peer's assertion without sql": ({"rule": {"type": "sql_assertion"}}, "needs sql"),
    "the peer's profile check without thresholds": ({"rule": {"type": "profile_check", "checks": [{"metric": "a"}]}}, "min or max"),
    "the peer's severity": ({"rule": {"value": "id > 0"}, "params": {"severity": "fatal"}}, "severity"),
    "the peer's params, mistyped": ({"rule": {"value": "id > 0"}, "params": {"severty": "warn"}}, "did you mean severity"),
    "a value and a type": ({"rule": {"type": "null", "value": "id > 0"}}, "unknown key 'type'"),
}


@pytest.mark.parametrize(("config", "fragment"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_whole_is_refused_at_definition(table: Project, config: dict[str, Any], fragment: str) -> None:
    with pytest.raises(ManifestError) as caught:
        table.node("rule", "r", **{"inputs": ["t"], **config})
    assert fragment in str(caught.value)
    assert "rule.r" in str(caught.value)


@pytest.mark.parametrize("config", [{"checks": [{"not_null": "id"}]}, {"expression": "id > 0"}, {"rule": {"value": "id > 0"}}, {"sql": "id > 0"}])
def test_a_rule_about_no_table_is_refused(table: Project, config: dict[str, Any]) -> None:
    with pytest.raises(ManifestError, match="no table to check"):
        table.node("rule", "r", **config)


@pytest.mark.parametrize("check", [{"error_if": "> 1"}, {"blocking": True}, {"checks": [{"not_null": "x"}]}, {"tolerance": 0.5}])
def test_other_kinds_refuse_a_rules_keys(project: Project, check: dict[str, Any]) -> None:
    with pytest.raises(ManifestError, match="unknown key"):
        project.transform("x", sql="SELECT 1 AS x", **check)


def test_hostile_texts_stay_values(table: Project) -> None:
    hostile = "x'); DROP VIEW transform.t; --"
    rows = found(table, checks=[
        {"accepted_values": "code", "values": [hostile]}, {"regex": "code", "pattern": "it's|\"q\""}, {"not_null": "id", "name": hostile},
    ])  # fmt: skip
    assert counts(rows) == [(False, 5), (False, 4), (False, 2)]
    table.node("rule", "r", inputs=["t"], checks=[{"not_null": 'a" IS NULL) FROM x --'}])
    assert "there is no column" in failure(table, "rule.r").error_message


# When it runs again

def test_a_check_against_the_clock_is_made_again_and_others_are_not(table: Project) -> None:
    table.node("rule", "clock", inputs=["t"], checks=[{"freshness": "at", "max_age": "1d"}])
    table.node("rule", "fixed", inputs=["t"], checks=[{"freshness": "at", "max_age": "1d", "now": str(NOW)}, {"row_count": {"min": 1}}])
    good(table)
    again = good(table)
    assert (status(again)["rule.clock"], status(again)["rule.fixed"]) == ("success", "cached")
    assert "freshness" in again["rule.clock"].reason


def test_tables_that_conditions_name_are_inputs(table: Project) -> None:
    for name in ("one", "two", "three", "four"):
        table.transform(name, sql="SELECT 'a' AS code")
    table.node("rule", "r", inputs=["t"], severity="warn", checks=[
        {"relationships": {"column": "code", "to": "one", "field": "code"}}, {"relationships": "code", "to": "two", "field": "code"},
        {"not_null": "id", "where": "code IN (SELECT code FROM three)"}, {"expression": "code IN (FROM four)"},
    ])  # fmt: skip
    assert {edge.from_node for edge in table.manifest.edges if edge.to_node == "rule.r"} == {
        "transform.t", "transform.one", "transform.two", "transform.three", "transform.four"}  # fmt: skip
    good(table)
    assert counts(arrow(table, "rule.r").to_pylist()) == [(False, 4), (False, 4), (True, 0), (False, 4)]


def test_parameters_are_put_into_checks(table: Project) -> None:
    table.node("rule", "r", inputs=["t"], severity="warn", checks=[
        {"range": "price", "max": "{{ dear }}"}, {"null_rate": "id", "max": "{{ share }}"}, {"freshness": "at", "max_age": "{{ age }}"},
        {"expression": "price < {{ dear }}"}, {"row_count": {"min": "{{ least }}"}},
    ])  # fmt: skip
    good(table, params={"dear": 300, "share": 0.1, "age": "1d", "least": 7})
    assert counts(arrow(table, "rule.r").to_pylist()) == [(False, 1), (False, 2), (True, 0), (False, 2), (False, 1)]


# Lines, and what others call

def test_a_line_has_the_rules_options() -> None:
    made = define("rule", ["r", "--on", "t", "--severity", "warn", "--warn-if", "> 3", "--no-blocking"], "price > 0")
    assert made.config == {"on": "t", "severity": "warn", "warn_if": "> 3", "blocking": False, "sql": "price > 0"}
    assert define("rule", ["r", "--tolerance", "0.1", "--blocking"], "SELECT 1").config["blocking"] is True
    with pytest.raises(UsageError):
        define("rule", ["r", "--severty", "warn"], "SELECT 1")


def test_yaml_means_the_same(project: Project) -> None:
    folder = project.directory / "seeknal"
    folder.mkdir()
    (folder / "a.yml").write_text(
        "kind: transform\nname: t\nsql: SELECT * FROM (VALUES (1, 'a'), (NULL, 'b')) v(id, code)\n---\n"
        "kind: rule\nname: r\non: t\nblocking: false\ntolerance: 0.1\nchecks:\n  - not_null: [id, code]\n    severity: warn\n"
        "  - {accepted_values: {column: code, values: [a, b]}}\n  - unique: id\nrule:\n  type: null\n  columns: [code]\n"
    )
    with _closing(Project(project.directory, namespace={})) as loaded:
        loaded.load_folder()
        assert good(loaded)["rule.r"].metadata["warnings"] == ['not_null id: 1 row of 2, as {"id": null, "code": "b"}']
        assert counts(arrow(loaded, "rule.r").to_pylist()) == [(False, 1), (True, 0), (True, 0), (True, 0), (True, 0)]


def test_entries_are_read_the_same_in_each_spelling() -> None:
    for one, other in (
        ({"range": {"column": "x", "min": 0}}, {"range": "x", "min": 0}),
        ({"unique": ["a"]}, {"unique": {"column": "a"}}),
        ({"metric": "auc", "min": 0.5}, {"metric": {"name": "auc", "min": 0.5}}),
        ({"not_null": "x", "severity": "warn"}, {"not_null": {"column": ["x"], "severity": "warn"}}),
    ):
        assert specs_of([one]) == specs_of([other])
    assert len(specs_of([{"not_null": ["a", "b"], "unique": ["a", "b"]}])) == 3
    assert specs_of(None) == []


def test_nothing_checked_is_nothing_failed() -> None:
    assert conclude([], {"a": 1}) == {"a": 1, "checks": [], "metrics": {"passed": 0, "failed": 0, "warned": 0, "failed_rows": 0}}


# pandera and pointblank

@pytest.mark.skipif(importlib.util.find_spec("pandera") is None, reason="pandera is not installed")
@pytest.mark.parametrize(("body", "expected"), [
    ("import pandera.pandas as pa\nreturn pa.DataFrameSchema({'price': pa.Column(float, pa.Check.ge(0), nullable=True, coerce=True), 'select': pa.Column()})",
     [("price: greater_than_or_equal_to(0)", False, 1), ("select", True, 0)]),
    ("import pandera.pandas as pa\nreturn pa.DataFrameSchema({'select': pa.Column(), 'id': pa.Column(nullable=True)}, name='whole')",
     [("select", True, 0), ("id", True, 0)]),
    ("import pandera.pandas as pa\nreturn pa.DataFrameSchema({'nope': pa.Column()}, name='whole')",
     [("whole: column_in_dataframe", False, 1), ("nope", True, 0)]),
    ("import pandera.pandas as pa\nclass Orders(pa.DataFrameModel):\n    price: float = pa.Field(ge=0, le=500, nullable=True, coerce=True)\nresult = Orders",
     [("price: greater_than_or_equal_to(0)", False, 1), ("price: less_than_or_equal_to(500)", False, 1)]),
])  # fmt: skip
def test_a_schema_of_pandera_is_validated_on_the_table(table: Project, body: str, expected: list[Any]) -> None:
    rows = found(table, python=body, inputs=["t"])
    assert sorted((row["check"], row["passed"], row["failed_rows"]) for row in rows) == sorted(expected)
    assert all(row["rows"] == ROWS for row in rows)
    for row in rows:
        if "greater" in row["check"]:
            assert [one["price"] for one in json.loads(row["sample"])] == [-250.0]


@pytest.mark.skipif(importlib.util.find_spec("pointblank") is None, reason="pointblank is not installed")
def test_a_plan_of_pointblank_is_interrogated(table: Project) -> None:
    body = (
        "import pointblank as pb\nreturn pb.Validate(t).col_vals_gt('price', 0, na_pass=True).col_exists('id')"
        ".col_vals_not_null('code', thresholds=pb.Thresholds(warning=1, error=3)).col_vals_not_null('id', thresholds=3)"
    )
    rows = found(table, python=body, inputs=["t"], severity="info")
    assert [(row["check"], row["severity"], row["passed"], row["failed_rows"], row["rows"]) for row in rows] == [
        ("col_vals_gt price", "info", False, 2, 6), ("col_exists id", "info", True, 0, 1),
        ("col_vals_not_null code", "warn", False, 1, 6), ("col_vals_not_null id", "info", True, 2, 6),
    ]  # fmt: skip
    assert [one["price"] for one in json.loads(rows[0]["sample"])] == [-250.0, 0.0]
    table.node("rule", "r", inputs=["t"], python="import pointblank as pb\nreturn pb.Validate(t).col_vals_gt('prise', 0)")
    assert "cannot run" in failure(table, "rule.r").error_message


# A body that gives nothing

OWN = "def must_hold(t):\n    if not (t.n > 0).all():\n        raise AssertionError('n is not positive')\n"
HELPER = OWN + "\ndef must_be(t):\n    return (t.n > 0).all()\n\nfrom numpy.testing import assert_array_less\n"
SILENT: dict[str, str] = {
    "a forgotten return": "def r(t):\n    (t.n > 0).all()\n",
    "a comparison that nobody reads": "x = ref('transform.t')\nx.n.min() > 0\nNone\n",
    "nothing but a print": "print('looks well')\n",
    "an assertion in a function that nobody calls": "def r(t):\n    def never():\n        assert (t.n > 0).all()\n    (t.n > 0).all()\n",
    "a helper that sounds as if": "def check(t):\n    return (t.n > 0).all()\n\ndef r(t):\n    check(t)\n",
    "a helper of the notebook that only returns": "def r(t):\n    must_be(t)\n",
    "a helper that only returns": "def helper(t):\n    return (t.n > 0).all()\n\ndef r(t):\n    helper(t)\n",
}
OUTSPOKEN: dict[str, str] = {
    "an assertion": "def r(t):\n    assert (t.n > 0).all(), 'n is not positive'\n",
    "an assertion in a loop": "def r(t):\n    for n in t.n:\n        assert n > 0, 'n is not positive'\n",
    "a raise": "def r(t):\n    if not (t.n > 0).all():\n        raise AssertionError('n is not positive')\n",
    "a helper of the notebook": "def r(t):\n    must_hold(t)\n",
    "a helper of the body": OWN + "\ndef r(t):\n    must_hold(t)\n",
    "an assertion in a callback": "def r(t):\n    def one(n):\n        assert n > 0, 'n is not positive'\n    t.n.map(one)\n",
    "a function of a package": "from numpy.testing import assert_array_less\nassert_array_less(0, ref('transform.t').n, 'n is not positive')\n",
    "a function of a package that the notebook imported": "def r(t):\n    assert_array_less(0, t.n, 'n is not positive')\n",
    "an assertion of a package": "import numpy as np\nnp.testing.assert_array_less(0, ref('transform.t').n, 'n is not positive')\n",
}


def helped(project: Project, body: str, low: int) -> Project:
    project.namespace = {}
    exec(compile(HELPER, "<helper>", "exec"), project.namespace)
    project.transform("t", sql=f"SELECT unnest([1, 2, {low}]) AS n")
    project.node("rule", "r", python=body, inputs=["t"])
    return project


@pytest.mark.parametrize("body", SILENT.values(), ids=SILENT)
def test_a_body_that_can_tell_nothing_is_refused(project: Project, body: str) -> None:
    message = failure(helped(project, body, -1), "rule.r").error_message or ""
    assert "gives nothing" in message
    assert "return it, or assert it" in message


@pytest.mark.parametrize("body", OUTSPOKEN.values(), ids=OUTSPOKEN)
def test_a_body_that_asserts_may_give_nothing(project: Project, body: str) -> None:
    good(helped(project, body, 3))
    assert "n is not positive" in (failure(helped(project, body, -1), "rule.r").error_message or "")


# One reading


def test_counts_and_samples_of_a_view_are_of_one_reading(project: Project) -> None:
    """A view that draws: of a second draw, the sample would be empty every other time."""
    project.transform("v", sql="SELECT random() AS x", materialized="view")
    for number in range(16):
        project.rule(f"r{number}", "x > 0.5", on="transform.v", severity="warn")
    good(project)
    for number in range(16):
        [row] = arrow(project, f"rule.r{number}").to_pylist()
        assert row["passed"] == (row["sample"] is None)
        assert row["passed"] or json.loads(row["sample"])[0]["x"] <= 0.5
    assert not list((project.directory / "target" / "outputs").glob("rule/*/*/held*"))


# A profile's age is told by the clock


@pytest.mark.parametrize("check", [{"column": "ts", "metric": "freshness_hours"}, {"metric": "ts.freshness_hours"}])
def test_the_age_in_a_profile_grows_while_nothing_changes(project: Project, monkeypatch: pytest.MonkeyPatch, check: dict[str, Any]) -> None:
    real = time.time
    project.transform("t", sql=f"SELECT TIMESTAMP '{NOW.isoformat()}' AS ts")
    project.node("profile", "p", inputs=["t"])
    project.node("rule", "r", on="profile.p", checks=[{"metric": {**check, "error_if": "> 24"}}])
    good(project)
    monkeypatch.setattr(time, "time", lambda: real() + 23 * 3600)
    assert status(good(project)) == {"transform.t": "cached", "profile.p": "cached", "rule.r": "success"}
    monkeypatch.setattr(time, "time", lambda: real() + 25 * 3600)
    assert "25" in (failure(project, "rule.r").error_message or "")


@pytest.mark.parametrize(("ahead", "kind", "passes"), [
    ("INTERVAL 12 HOUR", "TIMESTAMP", True), ("INTERVAL 2 DAY", "TIMESTAMP", False), ("INTERVAL 12 HOUR", "TIMESTAMPTZ", False), ("INTERVAL '-1 hour'", "TIMESTAMPTZ", True),
])  # fmt: skip
def test_a_time_in_the_future_is_no_age_in_a_profile(project: Project, ahead: str, kind: str, passes: bool) -> None:
    project.transform("t", sql=f"SELECT CAST(now() + {ahead} AS {kind}) AS ts")
    project.node("profile", "p", inputs=["t"])
    (row,) = found(project, inputs=["p"], checks=[{"metric": "ts.freshness_hours", "max": 24}])
    assert row["passed"] is passes
