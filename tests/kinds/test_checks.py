"""Checks of the whole table, of rows among others, of NaN, of times ahead of the clock, and across types."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from kinds import arrow, failure, good, here, run
from seeknal_nb.errors import ManifestError

if TYPE_CHECKING:
    from seeknal_nb import Project

NOW = datetime.now(UTC).replace(tzinfo=None)
# v: 1, 2, 3 and a null; f holds NaN and infinity.
TABLE = """SELECT * FROM (VALUES
  (1, 1.0::DOUBLE, 'a', 1.0::DOUBLE), (2, 2.0, 'a', 'nan'), (3, 3.0, 'b', 'inf'), (4, NULL, 'b', NULL)
) t(id, v, k, f)"""


def outcome(
    project: Project, *checks: dict[str, Any], sql: str = TABLE, **config: Any
) -> tuple[list[dict[str, Any]], list[str]]:
    """The rule's rows, and its warnings."""
    project.transform("t", sql=sql)
    project.node("rule", "r", on="t", severity="warn", checks=list(checks), **config)
    result = good(project)["rule.r"]
    return arrow(project, "rule.r").to_pylist(), result.metadata.get("warnings", [])


def counts(rows: list[dict[str, Any]]) -> list[tuple[bool, int, int]]:
    return [(row["passed"], row["failed_rows"], row["rows"]) for row in rows]


# Conditions on more than a row

EXPRESSIONS: dict[str, tuple[str | dict[str, Any], tuple[bool, int, int]]] = {
    "a mean that holds": ("avg(v) < 5", (True, 0, 4)),
    "a mean that does not": ("avg(v) > 5", (False, 1, 4)),
    "a count": ("count(*) = 4", (True, 0, 4)),
    "a sum": ("sum(v) = 6 AND max(id) = 4", (True, 0, 4)),
    "a median in brackets": ("(median(v) = 2)", (True, 0, 4)),
    "a FILTER": ("count(*) FILTER (WHERE k = 'a') = 2", (True, 0, 4)),
    "distinct": ("count(DISTINCT k) > 2", (False, 1, 4)),
    "an aggregate against a table": ("max(id) > (SELECT min(id) FROM t)", (True, 0, 4)),
    "a list": ("list(k ORDER BY id) = ['a', 'a', 'b', 'b']", (True, 0, 4)),
    "a qualified name": ("avg(t.v) < 5 -- the mean", (True, 0, 4)),
    "NULL is no answer": ("avg(CASE WHEN id > 9 THEN v END) < 5", (False, 1, 4)),
    "where chooses the rows": ({"sql": "avg(v) = 1.5", "where": "k = 'a'"}, (True, 0, 2)),
    "where leaves no row": ({"sql": "avg(v) < 5", "where": "k = 'z'"}, (False, 1, 0)),
    "where leaves no row to count": ({"sql": "count(*) = 0", "where": "k = 'z'"}, (True, 0, 0)),
    "a window": ("row_number() OVER (ORDER BY id) <= 3", (False, 1, 4)),
    "each row beside the mean": ("v <= avg(v) OVER () * 1.2", (False, 1, 4)),
    "a row after the one before": ("coalesce(v > lag(v) OVER (ORDER BY id), true)", (True, 0, 4)),
    "a window of some rows": ({"sql": "count(*) OVER (PARTITION BY k) = 2", "where": "id < 4"}, (False, 1, 3)),
    "a row": ("v > 0", (True, 0, 4)),
    "a row beside a table": ("v < (SELECT avg(v) FROM t) * 1.2", (False, 1, 4)),
    "a constant": ("true", (True, 0, 4)),
}  # fmt: skip


@pytest.mark.parametrize(("check", "expected"), EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_a_condition_is_on_rows_on_the_table_or_on_rows_among_others(
    project: Project, check: Any, expected: tuple[bool, int, int]
) -> None:
    rows, _ = outcome(project, {"expression": check})
    assert counts(rows) == [expected]
    assert bool(rows[0]["sample"]) is not expected[0]


@pytest.mark.parametrize("config", [{"expression": "avg(v) > 5"}, {"rule": {"value": "avg(v) > 5"}}, {"sql": "avg(v) > 5"}])
def test_a_condition_on_the_table_has_every_spelling(project: Project, config: dict[str, Any]) -> None:
    project.transform("t", sql=TABLE)
    project.node("rule", "r", on="t", **config)
    assert "r: avg(v) > 5 does not hold of 4 rows" in (failure(project, "rule.r").error_message or "")


def test_conditions_of_all_forms_stand_side_by_side(project: Project) -> None:
    rows, _ = outcome(
        project, *[{"expression": check} for check, _ in EXPRESSIONS.values()], {"not_null": "v"}, {"unique": "id"}
    )
    assert counts(rows) == [*(expected for _, expected in EXPRESSIONS.values()), (False, 1, 4), (True, 0, 4)]


def test_a_window_shows_the_rows_that_break_it(project: Project) -> None:
    rows, _ = outcome(project, {"expression": "v <= avg(v) OVER () * 1.2"})
    assert '"id": 3' in rows[0]["sample"]


ODD: dict[str, tuple[dict[str, Any], str]] = {
    "rows and the table in one": ({"expression": "avg(v) < 5 AND v > 0"}, "avg(x) OVER ()"),
    "a row and a mean": ({"expression": "v < avg(v)"}, "avg(x) OVER ()"),
    "a tolerance": ({"expression": "avg(v) < 5", "tolerance": 0.5}, "tolerance of a condition on the whole table"),
    "no condition": ({"expression": "avg(v)"}, "it is DOUBLE"),
    "no column": ({"expression": "avg(w) < 5"}, "w"),
}  # fmt: skip


@pytest.mark.parametrize(("check", "fragment"), ODD.values(), ids=ODD)
def test_what_is_no_one_condition_is_refused(project: Project, check: dict[str, Any], fragment: str) -> None:
    project.transform("t", sql=TABLE)
    project.node("rule", "r", on="t", checks=[{"not_null": "id"}, {**check, "name": "odd"}])
    message = failure(project, "rule.r").error_message or ""
    assert fragment in message
    assert "'odd'" in message


WRITTEN: dict[str, tuple[dict[str, Any], str, bool]] = {
    "a half among integers": ({"accepted_values": {"column": "a", "values": ["1.5"]}}, "2", False),
    "an integer": ({"accepted_values": {"column": "a", "values": ["2"]}}, "2", True),
    "a third decimal": ({"accepted_values": {"column": "a", "values": ["1.235"]}}, "1.24", False),
    "a time among days": (
        {"accepted_values": {"column": "a", "values": ["2024-01-01 10:00:00"]}},
        "DATE '2024-01-01'",
        False,
    ),
    "a day": ({"accepted_values": {"column": "a", "values": ["2024-01-01"]}}, "DATE '2024-01-01'", True),
    "a number of text": ({"accepted_values": {"column": "a", "values": ["07", 8]}}, "'7'", False),
    "from a time": ({"range": "a", "min": "2024-01-01 10:00:00"}, "DATE '2024-01-01'", False),
    "from a day": ({"range": "a", "min": "2024-01-01"}, "DATE '2024-01-01'", True),
    "up to a half": ({"range": "a", "max": "1.5"}, "2", False),
}


@pytest.mark.parametrize(("check", "value", "passes"), WRITTEN.values(), ids=WRITTEN)
def test_a_value_that_is_written_is_compared_as_it_is(
    project: Project, check: dict[str, Any], value: str, passes: bool
) -> None:
    rows, _ = outcome(project, check, sql=f"SELECT {value} AS a")
    assert counts(rows) == [(passes, int(not passes), 1)]


# NaN

NAN: dict[str, tuple[dict[str, Any], tuple[bool, int, int]]] = {
    "not_null": ({"not_null": "f"}, (False, 2, 4)),
    "null_rate": ({"null_rate": "f", "max": 0.3}, (False, 2, 4)),
    "range from": ({"range": "f", "min": 0}, (False, 1, 4)),
    "range to": ({"range": "f", "max": 9}, (False, 2, 4)),
    "accepted_values": ({"accepted_values": {"column": "f", "values": [1]}}, (False, 2, 4)),
    "regex": ({"regex": {"column": "f", "pattern": "[0-9.]+"}}, (False, 2, 4)),
    "unique": ({"unique": "twice"}, (True, 0, 4)),
    "unique with nulls": ({"unique": {"column": "twice", "nulls": "same"}}, (False, 1, 4)),
    "unique of a pair": ({"unique": ["one", "twice"]}, (True, 0, 4)),
    "relationships, with NaN there too": ({"relationships": "f", "to": "u", "field": "f"}, (False, 1, 4)),
    "relationships with integers": ({"relationships": "f", "to": "u", "field": "i"}, (False, 2, 4)),
    "expression": ({"expression": "f < 9"}, (False, 2, 4)),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["DOUBLE", "FLOAT"])
@pytest.mark.parametrize(("check", "expected"), NAN.values(), ids=NAN)
def test_nan_is_missing_and_is_no_number(
    project: Project, kind: str, check: dict[str, Any], expected: tuple[bool, int, int]
) -> None:
    project.transform("u", sql=f"SELECT unnest(['nan'::{kind}, 'inf', 1]) AS f, unnest([1, 2, 3]) AS i")
    typed = f"SELECT * REPLACE (f::{kind} AS f), CASE WHEN id > 2 THEN 'nan'::{kind} ELSE id END AS twice, 1 AS one FROM ({TABLE})"
    rows, _ = outcome(project, check, sql=typed, inputs=["u"])
    assert counts(rows) == [expected]


UNSURE = {
    "a comparison": ("f > 0", True),
    "a comparison in brackets": ("(F > 0) OR k = 'z'", True),
    "a mean": ("avg(f) > 0", True),
    "a window": ("f >= min(f) OVER ()", True),
    "where leaves it out": ({"sql": "f > 0", "where": "id <> 2"}, False),
    "it is asked for": ("isfinite(f) OR id IN (2, 3)", False),
    "it is asked for otherwise": ("f = 'nan'::DOUBLE OR f > 0", False),
    "another column": ("v > 0", False),
}  # fmt: skip


@pytest.mark.parametrize(("check", "warned"), UNSURE.values(), ids=UNSURE)
def test_a_comparison_that_nan_passes_is_told(project: Project, check: Any, warned: bool) -> None:
    """To the engine NaN is greater than every number; to pandas, and to IEEE 754, it is not."""
    rows, warnings = outcome(project, {"expression": check})
    assert rows[0]["passed"]
    assert [text for text in warnings if "NaN" in text] == (
        [
            "expression: 1 row with NaN among what holds: the engine takes it for greater than every number; write isfinite(...) too"
        ]
        if warned
        else []
    )


# Times ahead of the clock

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FRESH: dict[str, tuple[list[timedelta | None], str, bool]] = {
    "now": ([timedelta()], "TIMESTAMP", True),
    "an hour ago, and old ones": ([-HOUR, -99 * DAY, None], "TIMESTAMP", True),
    "old": ([-3 * DAY], "TIMESTAMP", False),
    "years ahead": ([400 * DAY], "TIMESTAMP", False),
    "old, and years ahead": ([-3 * DAY, 400 * DAY], "TIMESTAMP", False),
    "an hour ago, and years ahead": ([-HOUR, 400 * DAY], "TIMESTAMP", True),
    "half a day ahead, where no zone is known": ([12 * HOUR], "TIMESTAMP", True),
    "two days ahead": ([2 * DAY], "TIMESTAMP", False),
    "a minute ahead, with a zone": ([timedelta(minutes=1)], "TIMESTAMPTZ", True),
    "an hour ahead, with a zone": ([HOUR], "TIMESTAMPTZ", False),
    "an hour ago, with a zone": ([-HOUR], "TIMESTAMPTZ", True),
    "today": ([timedelta()], "DATE", True),
    "a day in two days": ([2 * DAY + HOUR], "DATE", False),
    "a text": ([-HOUR], "VARCHAR", True),
    "a text ahead": ([3 * DAY], "VARCHAR", False),
    "nanoseconds": ([-HOUR], "TIMESTAMP_NS", True),
    "null alone": ([None], "TIMESTAMP", False),
    "no rows": ([], "TIMESTAMP", False),
}  # fmt: skip


def times(ages: list[timedelta | None], kind: str) -> str:
    zone = "+00" if kind == "TIMESTAMPTZ" else ""
    listed = ", ".join("NULL" if age is None else f"'{NOW + age}{zone}'" for age in ages)
    return f"SELECT unnest([{listed}]::VARCHAR[])::{kind} AS at"


@pytest.mark.parametrize(("ages", "kind", "passes"), FRESH.values(), ids=FRESH)
def test_nothing_in_the_future_and_no_empty_table_is_fresh(
    project: Project, ages: list[timedelta | None], kind: str, passes: bool
) -> None:
    # A day is at midnight, a text of today may be read in any zone: two days are old enough for all.
    rows, warnings = outcome(project, {"freshness": "at", "max_age": "2d"}, sql=times(ages, kind))
    assert rows[0]["passed"] is passes
    later = [age for age in ages if age and age > (timedelta(minutes=5) if kind == "TIMESTAMPTZ" else DAY)]
    if passes:
        assert warnings == [f"freshness at: {len(later)} row in the future by at, not counted"] * bool(later)
    else:
        told = (
            "the newest is"
            if any(age and age < timedelta() for age in ages)
            else "lies in the future"
            if later
            else "no row has a time"
            if ages
            else "no rows"
        )
        assert told in rows[0]["sample"]


@pytest.mark.parametrize(("value", "passes"), [
    ("TIMESTAMP 'infinity'", False), ("DATE 'infinity'", False), ("TIMESTAMP '-infinity'", False), ("TIMESTAMPTZ 'infinity'", False),
])  # fmt: skip
def test_a_time_without_end_is_not_fresh(project: Project, value: str, passes: bool) -> None:
    rows, _ = outcome(
        project,
        {"freshness": "at", "max_age": "99w"},
        {"freshness": {"column": "at", "max_age": "99w", "each": True}},
        sql=f"SELECT {value} AS at",
    )
    assert [row["passed"] for row in rows] == [passes, passes]


def test_each_row_must_be_neither_old_nor_ahead(project: Project) -> None:
    check = {"freshness": {"column": "at", "max_age": "2d", "each": True}}
    rows, _ = outcome(project, check, sql=times([timedelta(), -9 * DAY, 9 * DAY, None], "TIMESTAMP"))
    assert counts(rows) == [(False, 2, 4)]


def test_the_offset_of_a_text_counts(project: Project) -> None:
    at = (NOW + 5 * HOUR).isoformat(timespec="seconds")  # in a zone seven hours ahead of UTC: two hours ago
    rows, _ = outcome(project, {"freshness": "at", "max_age": "1h"}, sql=f"SELECT '{at}+07:00' AS at")
    assert not rows[0]["passed"]


# Across types

RELATED: dict[str, tuple[str, str, int | None]] = {
    "a text and a number": ("'02'", "2", None),
    "a number and a text": ("2", "'02'", None),
    "texts": ("'02'", "'2'", 1),
    "a date and a text": ("DATE '2024-01-01'", "'2024-01-01'", None),
    "true and 1": ("true", "1", None),
    "integers of two sizes": ("2::TINYINT", "2::BIGINT", 0),
    "an unsigned one": ("18446744073709551615::UBIGINT", "-1::BIGINT", 1),
    "an integer and a decimal": ("2", "2.00::DECIMAL(5,2)", 0),
    "decimals": ("2.50::DECIMAL(5,2)", "2.5::DECIMAL(9,1)", 0),
    "a DOUBLE of whole numbers": ("2::DOUBLE", "2::BIGINT", 0),
    "an integer and a DOUBLE": ("2::BIGINT", "2::DOUBLE", 0),
    "a fraction and an integer": ("2.5::DOUBLE", "2", 1),
    "the next large integer": ("9007199254740993::BIGINT", "9007199254740992::DOUBLE", 1),
    "a FLOAT and the next integer": ("16777217", "16777216::FLOAT", 1),
    "infinity and an integer": ("'inf'::DOUBLE", "2", 1),
    "a DOUBLE and a decimal without fractions": ("2::DOUBLE", "2::DECIMAL(18,0)", 0),
    "a DOUBLE and a decimal": ("0.1::DOUBLE", "0.1::DECIMAL(3,1)", None),
    "a FLOAT and a DOUBLE": ("0.5::FLOAT", "0.5::DOUBLE", 0),
    "a day and a time": ("DATE '2024-01-01'", "TIMESTAMP '2024-01-01'", 0),
    "a day and a time of day": ("DATE '2024-01-01'", "TIMESTAMP '2024-01-01 01:00'", 1),
    "a zone and none": ("TIMESTAMPTZ '2024-01-01 00:00:00+00'", "TIMESTAMP '2024-01-01'", None),
    "times of two precisions": ("TIMESTAMP '2024-01-01'", "TIMESTAMP_NS '2024-01-01'", 0),
    "a word of a list and a text": ("'a'::ENUM('a', 'b')", "'a'", 0),
    "a UUID and a text": ("'b5a3cd5e-0000-4000-8000-000000000001'::UUID", "'b5a3cd5e-0000-4000-8000-000000000001'", 0),
    "lists": ("[1]", "[1]", 0),
    "lists of two types": ("[1]", "['1']", None),
}  # fmt: skip


@pytest.mark.parametrize(("mine", "theirs", "failed"), RELATED.values(), ids=RELATED)
def test_values_are_compared_only_where_none_is_changed(
    project: Project, mine: str, theirs: str, failed: int | None
) -> None:
    project.transform("u", sql=f"SELECT {theirs} AS there")
    project.transform("t", sql=f"SELECT {mine} AS here UNION ALL SELECT NULL")
    project.node(
        "rule", "r", on="t", severity="warn", checks=[{"relationships": {"column": "here", "to": "u", "field": "there"}}]
    )
    result = run(project)["rule.r"]
    if failed is None:
        assert "'here' is" in (result.error_message or "")
        assert "'there' of u is" in (result.error_message or "")
        assert "CAST" in (result.error_message or "")
    else:
        assert not result.error_message
        assert counts(arrow(project, "rule.r").to_pylist()) == [(not failed, failed, 2)]


def test_an_orphan_is_shown_where_there_is_a_where(project: Project) -> None:
    project.transform("u", sql="SELECT 1 AS id")
    rows, _ = outcome(project, {"relationships": "id", "to": "u", "field": "id", "where": "k = 'a' OR id = 3"})
    assert counts(rows) == [(False, 2, 3)]
    assert '"id": 2' in rows[0]["sample"]


# What checks nothing


@pytest.mark.parametrize(
    "config", [{"checks": []}, {"rule": []}, {"checks": [], "sql": "v > 0"}, {"checks": [], "python": "return True"}]
)
def test_an_empty_list_of_checks_is_refused(project: Project, config: dict[str, Any]) -> None:
    project.transform("t", sql=TABLE)
    with pytest.raises(ManifestError, match=r"of a rule is empty.*Fix: list what must hold"):
        project.node("rule", "r", on="t", **config)
        run(project)


@pytest.mark.parametrize(("kind", "fresh"), [("TIMESTAMP", True), ("TIMESTAMPTZ", False), *((kind, False) for kind in here("TIMESTAMPTZ_NS"))])
def test_a_source_reads_times_ahead_as_a_rule_does(project: Project, kind: str, fresh: bool) -> None:
    """Twelve hours ahead may be now where no zone is known; where one is, they are the future."""
    project.source(
        "s", sql=f"SELECT CAST(now() + INTERVAL 12 HOUR AS {kind}) AS at", freshness={"column": "at", "error_after": "48h"}
    )
    result = run(project)["source.s"]
    assert (result.error_message is None) is fresh
    assert fresh or "every at lies in the future" in (result.error_message or "")
