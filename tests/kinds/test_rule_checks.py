"""Rules: each check by the rows that break it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kinds import arrow, failure, good, run, status
from seeknal_nb.errors import ManifestError

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
    ("code IN ('a', 'b')", 1), ("amount > 0 OR code = 'b'", 0), ("NULL::BOOLEAN", 0), ("length(code) = 1 -- one letter", 1),
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
