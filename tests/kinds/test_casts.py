"""Types that a ``schema`` may name: those that DuckDB has, and no others."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import duckdb
import pytest

from kinds import failure, good, here, rows
from seeknal_nb.errors import ManifestError
from seeknal_nb.sql.typenames import PEER, TYPES

NESTED = {"array", "enum", "list", "map", "null", "row", "struct", "tuple", "type", "union", "parquet_variant"}
"""Types that need arguments of their own, or that no column of a file has."""


def test_the_types_are_those_that_the_engine_has():
    names = {name.split()[0].casefold() for (name,) in duckdb.sql("SELECT DISTINCT type_name FROM duckdb_types()").fetchall()}
    later = {"timestamptz_ns"} - set(here("timestamptz_ns"))
    assert names - NESTED == TYPES - {"character", "national", "nchar"} - later
    for name in ["CHARACTER VARYING", "NATIONAL CHARACTER", "NCHAR", *(TYPES - {"national"} - later)]:
        duckdb.sql(f"SELECT CAST(NULL AS {name})")


@pytest.mark.parametrize(("kind", "remedy"), [("FLOOAT", "did you mean FLOAT"), ("timestmp(3)", "did you mean TIMESTAMP")])
def test_a_type_that_does_not_exist_is_refused_when_the_source_is_defined(project, kind, remedy):
    with pytest.raises(ManifestError, match="there is no data type") as error:
        project.source("s", path="a.csv", schema=[{"name": "amount", "data_type": kind}])
    assert "'amount'" in error.value.why
    assert remedy in error.value.remedy
    assert error.value.node == "source.s"


@pytest.mark.parametrize("kind", [*PEER, "DECIMAL(9, 2)", "timestamp with time zone", "double precision", "INTEGER[]", "VARCHAR(3)"])
def test_a_type_that_exists_is_taken(project, kind):
    project.source("s", path="a.csv", schema=[{"name": "amount", "data_type": kind}])


KEPT = {
    "midnight as a day": ("'2024-01-01 00:00:00'", "DATE", dt.date(2024, 1, 1)),
    "midnight in UTC": ("'2024-01-01T00:00:00Z'", "DATE", dt.date(2024, 1, 1)),
    "a timestamp at midnight": ("TIMESTAMP '2024-01-01'", "DATE", dt.date(2024, 1, 1)),
    "a day as a timestamp": ("DATE '2024-01-01'", "TIMESTAMP", dt.datetime(2024, 1, 1)),
    "zeros beyond the scale": ("'1.2500'", "DECIMAL(5,2)", Decimal("1.25")),
    "zeros of a DECIMAL": ("1.2500", "DECIMAL(5,2)", Decimal("1.25")),
    "a DOUBLE as a DECIMAL": ("0.1::DOUBLE", "DECIMAL(5,2)", Decimal("0.10")),
    "an exponent": ("'1.5e1'", "INTEGER", 15),
    "a whole DOUBLE": ("2.0::DOUBLE", "INTEGER", 2),
    "a decimal as a DOUBLE": ("'0.1'", "DOUBLE", 0.1),
    "a DOUBLE as a FLOAT": ("0.5::DOUBLE", "FLOAT", 0.5),
    "microseconds": ("'2024-01-01 00:00:00.123456000'", "TIMESTAMP", dt.datetime(2024, 1, 1, 0, 0, 0, 123456)),
    "milliseconds": ("'2024-01-01 00:00:00.123'", "TIMESTAMP_MS", dt.datetime(2024, 1, 1, 0, 0, 0, 123000)),
    "an offset, taken to UTC": ("'2024-01-01 00:00:00+02'", "TIMESTAMP", dt.datetime(2023, 12, 31, 22)),
    "an hour": ("'10:00'", "TIME", dt.time(10)),
    "one as true": ("1", "BOOLEAN", True),
    "words": ("'no'", "BOOLEAN", False),
    "infinity": ("'inf'", "DOUBLE", float("inf")),
    "a list": ("'[1, 2]'", "INTEGER[]", [1, 2]),
    "a list of numbers": ("[1.0, NULL]", "INTEGER[]", [1, None]),
    "a text": ("'007'", "VARCHAR", "007"),
    "null": ("NULL::VARCHAR", "DATE", None),
}  # fmt: skip


@pytest.mark.parametrize(("value", "kind", "expected"), KEPT.values(), ids=KEPT)
def test_a_cast_that_says_the_same_is_made(project, value, kind, expected):
    project.source("s", sql=f"SELECT {value} AS v", schema=[{"name": "v", "data_type": kind}])
    good(project)
    ((got,),) = rows(project, "source.s")
    assert (got, type(got)) == (expected, type(expected))


LOST = {
    "a time of day": ("'2024-01-01 23:30:00'", "DATE"), "a time of day of a timestamp": ("TIMESTAMP '2024-01-01 23:30:00'", "DATE"),
    "an offset": ("'2024-01-01T00:00:00+02:00'", "DATE"), "a zoned time": ("TIMESTAMPTZ '2024-01-01 10:00:00+00'", "DATE"),
    "a third decimal": ("'1.005'", "DECIMAL(5,2)"), "of a DECIMAL": ("1.005", "DECIMAL(5,2)"), "of a DOUBLE": ("1.005::DOUBLE", "DECIMAL(5,2)"),
    "of an exponent": ("'1.5e-2'", "DECIMAL(5,1)"), "a half": ("'1.5'", "INTEGER"), "a half of a DOUBLE": ("1.5::DOUBLE", "INTEGER"),
    "a half of a large number": ("'9007199254740993.5'", "BIGINT"), "a small power": ("'1e-4'", "INTEGER"),
    "a large power": ("'1e400'", "DOUBLE"), "too many digits of a number": ("9007199254740993::BIGINT", "DOUBLE"),
    "nanoseconds": ("'2024-01-01 00:00:00.123456789'", "TIMESTAMP"), "of a TIMESTAMP_NS": ("TIMESTAMP_NS '2024-01-01 00:00:00.123456789'", "TIMESTAMP"),
    "nanoseconds with an offset": ("'2024-01-01 00:00:00.1234567+00'", "TIMESTAMPTZ"),
    "milliseconds": ("'2024-01-01 00:00:00.5'", "TIMESTAMP_S"), "an offset of seconds": ("'2024-01-01 00:00:00+02'", "TIMESTAMP_S"),
    "a day": ("'2024-01-01 10:00:00'", "TIME"), "a day of a timestamp": ("TIMESTAMP '2024-01-01 10:00:00'", "TIME"), "an offset of an hour": ("'10:00:00+02'", "TIME"),
    "two": ("2", "BOOLEAN"), "a half in a list": ("[1.5]", "INTEGER[]"), "a half in a text of a list": ("'[1.5]'", "INTEGER[]"),
    "a third decimal in a list": ("['1.005']", "DECIMAL(5,2)[]"), "no number": ("'x'", "INTEGER"), "nothing": ("''", "INTEGER"),
    "not a number": ("'nan'::DOUBLE", "INTEGER"), "too large": ("300", "TINYINT"),
}  # fmt: skip


@pytest.mark.parametrize(("value", "kind"), LOST.values(), ids=LOST)
def test_a_cast_that_would_say_less_fails(project, value, kind):
    project.source("s", sql=f"SELECT {value} AS v UNION ALL SELECT NULL", schema=[{"name": "v", "data_type": kind}])
    message = failure(project, "source.s").error_message
    assert f"1 of 2 rows in column 'v' is no {kind}" in message
    assert ("dateformat" in message) == kind.startswith(("DATE", "TIMESTAMP"))
