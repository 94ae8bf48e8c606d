"""Transforms: several statements, names of inputs, parameters, views, volatile SQL, rows for each row of an input."""

from __future__ import annotations

from typing import Any

import pytest

from kinds import good, rows, run
from seeknal_nb import Project
from seeknal_nb.errors import ManifestError
from seeknal_nb.sql.names import multiplies, volatile_in

ORDERS = "SELECT * FROM (VALUES (1, 10), (2, 20), (2, 30), (4, 40)) AS t(user_id, amount)"
USERS = "SELECT * FROM (VALUES (1, 'ann'), (2, 'bob'), (3, 'eve')) AS t(id, name)"


@pytest.fixture
def shop(project: Project) -> Project:
    project.source("users", USERS)
    project.source("orders", ORDERS)
    return project


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("SELECT now() AS at", ["now()"]),
        ("SELECT NOW ( ) AS at, random()", ["now()", "random()"]),
        ("SELECT current_date - day FROM t", ["current_date"]),
        ("SELECT CURRENT_TIMESTAMP", ["current_timestamp"]),
        ("SELECT uuid(), gen_random_uuid(), nextval('s')", ["uuid()", "gen_random_uuid()", "nextval()"]),
        ("FROM t USING SAMPLE 10%", ["using sample"]),
        ("FROM t TABLESAMPLE reservoir(3)", ["tablesample"]),
        ("SELECT today() FROM t -- now()", ["today()"]),
        ("SELECT 'now()' AS text, \"random\" FROM t /* uuid() */", []),
        ("SELECT t.random, random AS r, known(x), unow() FROM t", []),
        ("SELECT date_trunc('day', at) FROM t", []),
    ],
)
def test_what_gives_another_result_each_time_is_found(sql: str, found: list[str]) -> None:
    assert list(volatile_in(sql)) == found


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("FROM a LEFT JOIN b USING (x)", True),
        ("FROM a left\nouter join b USING (x)", True),
        ("FROM a JOIN b USING (x) -- LEFT JOIN", False),
        ("FROM a SEMI JOIN b USING (x)", False),
    ],
)
def test_a_left_join_is_found(sql: str, found: bool) -> None:
    assert multiplies(sql) is found


def test_volatile_sql_is_told_and_shown(shop: Project) -> None:
    shop.transform("stamped", sql="SELECT *, now() AS at FROM users")
    assert good(shop)["transform.stamped"].metadata["volatile"] == ["now()"]
    assert good(shop)["transform.stamped"].status == "cached"
    assert dict(shop.details("stamped").facts)["volatile"].startswith("now(): ")
    marks = {mark.id: mark.detail for mark in shop.graph().picture.marks}
    assert "volatile" in marks["transform.stamped"]
    assert "volatile" not in marks["source.users"]


def test_rows_for_each_row_of_an_input_are_told(shop: Project) -> None:
    shop.transform("joined", sql="SELECT * FROM users JOIN orders ON id = user_id")
    shop.transform("few", sql="SELECT * FROM orders WHERE amount > 20")
    summary = good(shop)
    assert summary["transform.joined"].metadata["metrics"] == {"rows_per_row": {"source.users": 1.0, "source.orders": 0.75}}
    frame = summary.metrics
    assert frame[frame.node_id == "transform.few"].to_numpy().tolist() == [["transform.few", "rows_per_row.source.orders", 0.5]]


def test_a_left_join_that_multiplies_rows_leaves_a_warning(shop: Project) -> None:
    shop.transform("joined", sql="SELECT * FROM users LEFT JOIN orders ON id = user_id")
    shop.transform("whole", sql="SELECT * FROM users LEFT JOIN (SELECT user_id, sum(amount) FROM orders GROUP BY 1) ON id = user_id")
    summary = good(shop)
    assert summary["transform.joined"].warnings == (
        "3 rows of source.users became 4: a LEFT JOIN finds several rows for one; is its key unique?",
    )
    assert summary["transform.whole"].warnings == ()


def test_all_statements_but_the_last_come_first_and_leave_nothing(shop: Project) -> None:
    shop.transform("sums", sql="""
        CREATE TEMP TABLE one AS SELECT user_id, sum(amount) AS total FROM orders GROUP BY ALL;
        CREATE TEMP MACRO twice(x) AS 2 * x;
        SELECT user_id, twice(total) AS total FROM one ORDER BY user_id;
    """)
    shop.transform("other", sql="CREATE TEMP TABLE one AS SELECT 1 AS x; SELECT * FROM one")
    good(shop)
    assert rows(shop, "transform.sums") == [(1, 20), (2, 100), (4, 80)]
    assert rows(shop, "transform.other") == [(1,)]


def test_a_sequence_begins_where_it_says(project: Project) -> None:
    """To look at the columns of a result uses no numbers up."""
    project.transform("n", sql="CREATE TEMP SEQUENCE q START 5; SELECT nextval('q') AS n, r FROM range(3) t(r) ORDER BY r")
    good(project)
    assert rows(project, "transform.n") == [(5, 0), (6, 1), (7, 2)]


@pytest.mark.parametrize("name", ["source.orders", "orders", "input_0", "__THIS__", "ref('source.orders')", "ref('orders')"])
def test_an_input_has_many_names(shop: Project, name: str) -> None:
    shop.transform("most", inputs=["source.orders"], sql=f"SELECT max(amount) AS most FROM {name}")
    good(shop)
    assert rows(shop, "transform.most") == [(40,)]


def test_parameters_are_literals_or_identifiers_and_change_the_key(shop: Project) -> None:
    shop.transform("above", sql="SELECT {{ ident(what) }} AS v FROM orders WHERE amount > {{ least }} ORDER BY ALL")
    assert rows_with(shop, what="user_id", least=10) == [(2,), (2,), (4,)]
    assert run(shop, params={"what": "user_id", "least": 10})["transform.above"].status == "cached"
    assert rows_with(shop, what="amount", least=25) == [(30,), (40,)]


def rows_with(project: Project, **params: object) -> list[tuple[object, ...]]:
    good(project, params=params)
    return rows(project, "transform.above")


def test_a_view_is_computed_where_it_is_read_and_leaves_no_file(shop: Project) -> None:
    shop.transform("large", sql="SELECT * FROM orders WHERE amount >= 20", materialized="view")
    shop.transform("counted", sql="SELECT count(*) AS n FROM large")
    assert good(shop)["transform.large"].row_count is None
    assert rows(shop, "transform.counted") == [(3,)]
    assert not list((shop.directory / "target/outputs/transform/large").rglob("*"))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "no body"),
        ({"sql": "SELECT 1", "python": "1"}, "two bodies"),
        ({"sql": "SELECT 1", "materialized": "vew"}, "unknown materialized"),
        ({"sql": "SELECT 1; SELECT 2", "materialized": "view"}, "a view is one SELECT"),
        ({"python": "[1]", "materialized": "view"}, "Python cannot be a view"),
        ({"sql": "SELECT * FROM nowhere"}, "unknown table 'nowhere'"),
        ({"sql": "SELECT 1", "severity": "warn"}, "severity"),
        ({"sql": "SELECT 1", "materialised": "view"}, "materialized"),
        ({"sql": "SELECT 1", "refresh": "often"}, "refresh"),
    ],
)
def test_what_no_transform_can_be_is_refused_and_nothing_is_written(project: Project, config: dict[str, Any], message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        project.node("transform", "bad", **config)
    assert not project.manifest.nodes
    assert not (project.directory / "target").exists()


def test_refresh_runs_a_node_again_although_nothing_changed(project: Project) -> None:
    project.transform("roll", sql="SELECT random() AS x", refresh="always")
    project.transform("below", sql="SELECT x FROM roll")
    good(project)
    assert project.plan()["transform.roll"].reason == "refresh: always"
    first = rows(project, "transform.roll")
    summary = good(project)
    assert [r.status for r in summary.results] == ["success", "success"]
    assert rows(project, "transform.roll") != first


def test_refresh_after_a_time_waits_for_it(project: Project) -> None:
    project.transform("roll", sql="SELECT random() AS x", refresh="1h")
    good(project)
    assert good(project)["transform.roll"].status == "cached"


HANDED = {
    "another name": "c = ctx\npd.DataFrame({'d': [c.params['day']]})",
    "a helper": "def day(c):\n    return c.params['day']\npd.DataFrame({'d': [day(ctx)]})",
    "all of them": "pd.DataFrame({'d': [dict(ctx.params)['day']]})",
    "a name of its own": "name = 'da' + 'y'\npd.DataFrame({'d': [ctx.params[name]]})",
    "get": "pd.DataFrame({'d': [ctx.params.get('day')]})",
}


@pytest.mark.parametrize("body", HANDED.values(), ids=HANDED)
def test_a_parameter_is_part_of_the_key_however_a_body_reads_it(project: Project, body: str) -> None:
    project.transform("a", python=f"import pandas as pd\n{body}")
    good(project, params={"day": "A"})
    good(project, params={"day": "B"})
    assert rows(project, "transform.a") == [("B",)]


def test_a_parameter_that_is_not_read_is_no_part_of_the_key(project: Project) -> None:
    project.transform("a", python="[{'d': ctx.params['day']}]")
    good(project, params={"day": "A", "other": 1})
    assert good(project, params={"day": "A", "other": 2})["transform.a"].status == "cached"


def test_a_variable_that_happens_to_be_called_date_stops_nothing(tmp_path) -> None:
    project = Project(tmp_path, namespace={"date": "hello", "today": 5})
    project.transform("a", sql="SELECT '{{ today(0) }}' < '9999' AS x")
    good(project)
    assert rows(project, "transform.a") == [(True,)]
    project.close()


@pytest.mark.parametrize("config", [
    {"expression": "name <> '{{ c }}' AND name <> 'bad'"}, {"rule": {"value": "name <> '{{ c }}' AND name <> 'bad'"}},
    {"checks": [{"expression": {"sql": "name <> '{{ c }}' AND name <> 'bad'"}}]},
    {"checks": [{"accepted_values": {"column": "name", "values": ["x"]}, "where": "name <> '{{ c }}'"}]},
])  # fmt: skip
def test_a_parameter_is_a_value_in_every_condition(project: Project, config: dict[str, object]) -> None:
    """``x' OR true`` would let every row pass."""
    project.transform("t", sql="SELECT 'bad' AS name")
    project.rule("r", on="t", **config)
    found = run(project, params={"c": "x' OR true OR name <> '"})
    assert found["rule.r"].status == "failed"
    assert "rows" in str(found["rule.r"].metadata["checks"])


def test_what_a_look_at_a_project_does_not_ask(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A watermark is a query, and its connection may hold a secret for a host that somebody else wrote down."""
    import socket

    monkeypatch.setenv("SOME_SECRET", "hunter22")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        port = server.getsockname()[1]
        project.node("source", "s", source="postgres", connection_string=f"postgresql://u:${{SOME_SECRET}}@127.0.0.1:{port}/d",
                     table="t", watermark="SELECT 1")  # fmt: skip
        project.plan(), project.status(), project.graph(), project.run(dry_run=True, progress=False)
        with pytest.raises(BlockingIOError):
            server.accept()
