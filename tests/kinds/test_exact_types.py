"""A result goes to Parquet and on unchanged, or is refused."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from kinds import failure, good, rows, run, types

UTC = dt.UTC


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
