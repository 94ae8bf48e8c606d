"""Feature groups: what they declare, prove and store, and how their features reach a spine."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pytest

from kinds import arrow, build_of, failure, good, rows, status, types
from seeknal_nb.authoring.cell import define
from seeknal_nb.errors import ManifestError
from seeknal_nb.python.wanted import Wanted, read_wanted

if TYPE_CHECKING:
    from seeknal_nb import Project

LINE = "(1, TIMESTAMP '2024-01-01', 5), (1, TIMESTAMP '2024-01-03', 6), (2, TIMESTAMP '2024-01-01', 7)"
BODY = f"SELECT * FROM (VALUES {LINE}) t(k, ts, v)"
LABELS = "SELECT * FROM (VALUES (2, TIMESTAMP '2024-01-02'), (1, TIMESTAMP '2024-01-03 12:00:00')) t(k, due)"


def _group(project: Project, name: str = "f", body: str = BODY, **config: Any) -> None:
    project.feature_group(name, sql=body, **{"key": "k", "event_time": "ts", **config})


# What a group stores

def test_keys_and_times_come_first_then_the_declared_features_with_their_dtypes(project: Project) -> None:
    body = "SELECT '3' AS n, 1.5 AS x, 9 AS unwanted, TIMESTAMP '2024-01-02' AS made, DATE '2024-01-01' AS ts, 1 AS k"
    _group(project, body=body, created_time="made", features={"x": {"dtype": "float", "description": "one"}, "n": {"dtype": "int"}})
    result = good(project)["feature_group.f"]
    table = arrow(project, "feature_group.f")
    assert table.schema.names == ["k", "ts", "made", "n", "x"]
    assert [str(kind) for kind in table.schema.types][1:] == ["date32[day]", "timestamp[us]", "int64", "double"]
    assert table.to_pylist() == [{"k": 1, "ts": date(2024, 1, 1), "made": datetime(2024, 1, 2), "x": 1.5, "n": 3}]
    assert result.metadata["features"] == ["n", "x"]


LISTED: dict[str, Any] = {
    "a mapping with dtypes": {"k": {"dtype": "string"}, "v": {"dtype": "float"}, "ts": {"dtype": "date"}},
    "a mapping of dtypes": {"ts": "date", "k": "string", "v": "float"},
    "a list of mappings": [{"name": "v", "dtype": "float"}, {"name": "ts", "dtype": "date"}, {"name": "k", "dtype": "string"}],
    "names, and mappings with a dtype": ["k", "ts", "v", *({"name": n, "dtype": d} for n, d in (("k", "str"), ("v", "double"), ("ts", "date")))],
}


@pytest.mark.parametrize("features", LISTED.values(), ids=LISTED)
def test_a_key_and_a_time_among_the_features_stand_once_and_have_their_dtype(project: Project, features: Any) -> None:
    _group(project, features=features)
    result = good(project)["feature_group.f"]
    assert arrow(project, "feature_group.f").schema.names == ["k", "ts", "v"]
    assert types(project, "feature_group.f") == ["VARCHAR", "DATE", "DOUBLE"]
    assert (result.metadata["keys"], result.metadata["features"]) == (["k"], ["v"])


def test_a_key_and_a_time_among_names_alone_stay_as_they_are(project: Project) -> None:
    _group(project, features=["ts", "v", "k"])
    good(project)
    assert types(project, "feature_group.f") == ["INTEGER", "TIMESTAMP", "INTEGER"]


def test_a_text_that_is_declared_a_time_is_one(project: Project) -> None:
    _group(project, body="SELECT 1 AS k, '2024-01-01 10:00:00' AS ts, 5 AS v", features={"ts": "timestamp", "v": None})
    good(project)
    assert rows(project, "feature_group.f") == [(1, datetime(2024, 1, 1, 10), 5)]


def test_a_time_with_a_zone_is_stored_as_utc(project: Project) -> None:
    _group(project, body="SELECT 1 AS k, TIMESTAMPTZ '2024-01-01 02:00:00+02' AS ts, 5 AS v")
    good(project)
    assert rows(project, "feature_group.f") == [(1, datetime(2024, 1, 1), 5)]


def test_the_order_of_the_body_is_kept(project: Project) -> None:
    _group(project, body="SELECT v, ts, k FROM (SELECT i % 50 AS k, TIMESTAMP '2024-01-01' + to_days(i::INTEGER) AS ts, i AS v"
           " FROM range(5000) r(i)) ORDER BY v DESC")  # fmt: skip
    good(project)
    assert [row[2] for row in rows(project, "feature_group.f")] == list(range(4999, -1, -1))


SPELLINGS: dict[str, dict[str, Any]] = {
    "options": {"key": ["k"], "event_time": "ts", "created_time": "made", "ttl": "36h"},
    "the peer's": {"entity": {"name": "user", "join_keys": ["k"], "description": "who"},
                   "materialization": {"event_time_col": "ts", "created_time_col": "made", "ttl": "1d 12h",
                                       "offline": {"enabled": True, "format": "parquet"}, "online": {"enabled": False, "ttl": "7d"}}},
    "both, alike": {"key": "k", "event_time": "ts", "materialization": {"event_time_col": "ts", "offline": True, "online": False},
                    "created_time": "made", "ttl": "1.5d"},
}  # fmt: skip


@pytest.mark.parametrize("config", SPELLINGS.values(), ids=SPELLINGS)
def test_every_spelling_declares_the_same_group(project: Project, config: dict[str, Any]) -> None:
    project.feature_group("f", sql="SELECT 1 AS k, TIMESTAMP '2024-01-01' AS ts, TIMESTAMP '2024-01-02' AS made, 5 AS v", **config)
    metadata = good(project)["feature_group.f"].metadata
    told = {key: metadata[key] for key in ("keys", "event_time", "created_time", "ttl_seconds", "features")}
    assert told == {"keys": ["k"], "event_time": "ts", "created_time": "made", "ttl_seconds": 129_600, "features": ["v"]}


def test_metadata_tells_entities_span_rows_and_nulls(project: Project) -> None:
    _group(project, body=f"SELECT *, CASE WHEN v = 6 THEN NULL ELSE 'x' END AS w, 1 AS full FROM ({BODY})")
    metadata = good(project)["feature_group.f"].metadata
    assert metadata["metrics"] | {"entities": 2, "rows_per_entity_max": 2, "rows_per_entity_mean": 1.5} == metadata["metrics"]
    assert (metadata["from"], metadata["until"]) == ("2024-01-01 00:00:00", "2024-01-03 00:00:00")
    assert metadata["null_share"] == {"w": pytest.approx(1 / 3, abs=1e-6)}


def test_an_empty_group_is_one(project: Project) -> None:
    _group(project, body=f"{BODY} LIMIT 0")
    project.transform("t", sql=LABELS, label_time="due", features="f")
    summary = good(project)
    assert summary["feature_group.f"].metadata["metrics"]["entities"] == 0
    assert rows(project, "transform.t") == [(2, datetime(2024, 1, 2), None), (1, datetime(2024, 1, 3, 12), None)]
    assert "no row found features of f" in summary["transform.t"].metadata["warnings"][0]


def test_a_group_of_python_is_the_same(project: Project) -> None:
    project.feature_group("f", python="import pandas as pd\npd.DataFrame({'v': [1], 'k': [2], 'ts': [pd.Timestamp('2024-01-01', tz='UTC')]})",
                          key="k", event_time="ts")  # fmt: skip
    good(project)
    assert rows(project, "feature_group.f") == [(2, datetime(2024, 1, 1), 1)]


BROKEN: dict[str, tuple[str, dict[str, Any], str]] = {
    "a null key": ("(NULL, TIMESTAMP '2024-01-01', 5)", {}, "1 row breaks: key k is never null"),
    "a null event time": ("(1, NULL::TIMESTAMP, 5)", {}, "1 row breaks: ts is never null"),
    "the same key and time": ("(1, TIMESTAMP '2024-01-01', 5), (1, TIMESTAMP '2024-01-01', 6)", {}, "1 row breaks: one row for each k, ts, as {\"k\": 1"),
    "no such key": (LINE, {"key": "kk"}, "did you mean k"),
    "no such event time": (LINE, {"event_time": "tss"}, "did you mean ts"),
    "no such created time": (LINE, {"created_time": "tz"}, "no column 'tz'"),
    "no such feature": (LINE, {"features": ["w"]}, "no column 'w'"),
    "an event time that is a list": ("(1, [TIMESTAMP '2024-01-01'], 5)", {}, "'ts' is TIMESTAMP[], not a time"),
    "an event time that is none": (LINE, {"event_time": "v"}, "'v' is INTEGER, not a time"),
    "a fraction as int": ("(1, TIMESTAMP '2024-01-01', 5.5), (1, TIMESTAMP '2024-01-02', 5)", {"features": {"v": "int"}},
                          "no BIGINT"),
    "a text with a fraction as int": ("(1, TIMESTAMP '2024-01-01', '5.5')", {"features": {"v": "int"}}, "no BIGINT"),
    "a key that does not fit its dtype": ("('one', TIMESTAMP '2024-01-01', 5)", {"features": {"k": "int", "v": "int"}}, "column 'k' is no BIGINT"),
    "a time that does not fit its dtype": ("(1, TIMESTAMP '2024-01-01 10:00:00', 5)", {"features": {"ts": "date"}}, "is no DATE"),
    "keys that are one after their dtype": ("('1', TIMESTAMP '2024-01-01', 5), ('01', TIMESTAMP '2024-01-01', 6)", {"features": {"k": "int"}}, "one row for each k, ts"),
    "a text as int": ("(1, TIMESTAMP '2024-01-01', 'five')", {"features": {"v": "int"}}, "five"),
    "a number too large": ("(1, TIMESTAMP '2024-01-01', 300)", {"features": {"v": "int8"}}, "no TINYINT"),
    "an hour as a date": ("(1, TIMESTAMP '2024-01-01', TIMESTAMP '2024-01-01 10:00:00')", {"features": {"v": "date"}}, "is no DATE, as '2024-01-01 10:00:00'"),
    "a test that fails": (LINE, {"tests": [{"range": {"column": "v", "max": 6}}]}, "range"),
    "a test of a column that is not there": (LINE, {"tests": [{"not_null": ["w"]}]}, "w"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "config", "expected"), BROKEN.values(), ids=BROKEN)
def test_a_group_that_is_not_what_it_declares_fails_and_stores_nothing(
    project: Project, data: str, config: dict[str, Any], expected: str
) -> None:
    _group(project, body=f"SELECT * FROM (VALUES {data}) t(k, ts, v)", **config)
    assert expected in str(failure(project, "feature_group.f").error_message)
    with pytest.raises(AssertionError, match="no build"):
        build_of(project, "feature_group.f")


def test_a_created_time_tells_rows_of_one_event_time_apart(project: Project) -> None:
    body = "SELECT 1 AS k, TIMESTAMP '2024-01-01' AS ts, TIMESTAMP '2024-01-01' + to_days(i::INTEGER % {}) AS made, i AS v FROM range(4) r(i)"
    _group(project, body=body.format(4), created_time="made")
    good(project)
    _group(project, body=body.format(3), created_time="made")
    assert "1 row breaks: one row for each k, ts, made, as" in str(failure(project, "feature_group.f").error_message)


def test_what_fails_is_told_with_its_first_rows(project: Project) -> None:
    _group(project, body=f"{BODY} UNION ALL SELECT NULL, TIMESTAMP '2024-05-05', 1")
    checks = {check["check"]: check for check in failure(project, "feature_group.f").metadata["checks"]}
    assert checks["key k is never null"]["failed_rows"] == 1
    assert "2024-05-05" in checks["key k is never null"]["sample"]
    assert checks["ts is never null"]["passed"]


def test_tests_that_hold_are_told(project: Project) -> None:
    _group(project, tests=[{"not_null": ["v"]}, {"range": {"column": "v", "max": 6}, "severity": "warn"}])
    metadata = good(project)["feature_group.f"].metadata
    assert sum(check["passed"] for check in metadata["checks"]) == len(metadata["checks"]) - 1
    assert metadata["warnings"]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no key": ({"key": None}, "no key"),
    "two keys that differ": ({"entity": {"join_keys": ["l"]}}, "key and entity.join_keys differ"),
    "two times that differ": ({"materialization": {"event_time_col": "t2"}}, "event_time and event_time_col differ"),
    "a ttl that is no time": ({"ttl": "7 moons"}, "7 moons"),
    "a ttl of nothing": ({"ttl": "0d"}, "hide every feature"),
    "a ttl without an event time": ({"event_time": None, "ttl": "7d"}, "ttl without event_time"),
    "a created time without an event time": ({"event_time": None, "created_time": "c"}, "created_time without event_time"),
    "an option that nobody reads": ({"keyy": "k"}, "did you mean key"),
    "one of the entity": ({"entity": {"join_key": ["k"]}}, "did you mean join_keys"),
    "one of the materialization": ({"materialization": {"event_time": "ts"}}, "did you mean event_time_col"),
    "one of a feature": ({"features": {"v": {"dtyp": "int"}}}, "did you mean dtype"),
    "a dtype that is none": ({"features": {"v": {"dtype": "flota"}}}, "did you mean float"),
    "a feature without a name": ({"features": [{"dtype": "int"}]}, "without a name"),
    "a time that is declared a text": ({"features": {"ts": "string"}}, "its dtype is VARCHAR. Fix: dtype: timestamp"),
    "two dtypes of one feature": ({"features": [{"name": "v", "dtype": "int"}, {"name": "v", "dtype": "float"}]}, "'v' has two dtypes"),
    "a key twice": ({"key": ["k", "k"]}, "'k' is named twice"),
    "a key that is a time": ({"key": ["ts"]}, "'ts' is named twice"),
    "no offline store": ({"materialization": {"offline": False}}, "always stored"),
    "another format": ({"materialization": {"offline": {"format": "delta"}}}, "delta"),
    "the peer's start time": ({"feature_start_time": "2024-01-01"}, "unknown key 'feature_start_time' of a feature group"),
    "a test that is none": ({"tests": [{"not_nul": ["v"]}]}, "not_null"),
    "tests that are no list": ({"tests": {"not_null": ["v"]}}, "tests"),
    "another engine": ({"engine": "spark"}, "engine 'spark'"),
    "no table": ({"materialized": "tabel"}, "materialized 'tabel'"),
    "a label time": ({"label_time": "ts"}, "unknown key 'label_time' of a feature group"),
    "a key that is a number": ({"key": [1]}, "no key"),
}


@pytest.mark.parametrize(("config", "expected"), REFUSED.values(), ids=REFUSED)
def test_what_a_group_cannot_be_is_refused_at_definition(project: Project, config: dict[str, Any], expected: str) -> None:
    with pytest.raises(ManifestError) as caught:
        _group(project, **config)
    assert expected in str(caught.value)
    assert "feature_group.f" not in project.manifest.nodes


def test_the_options_of_a_cell_are_the_keys_of_the_yaml(project: Project) -> None:
    group = define("feature_group", "f --entity user --key k,l --event-time ts --created made --ttl 7d --features a,b".split(), "SELECT 1")
    assert group.config == {
        "entity": {"name": "user", "join_keys": ["k", "l"]},
        "materialization": {"event_time_col": "ts", "created_time_col": "made", "ttl": "7d"},
        "features": ["a", "b"], "sql": "SELECT 1",
    }  # fmt: skip
    words = ["training", "--spine", "labels", "--label-time", "due", "--features", "f, g:v as w", "--mode", "known"]
    assert define("transform", words, "").config == {
        "spine": "labels", "label_time": "due", "features": ["f", "g:v as w"], "mode": "known",
    }  # fmt: skip


YAML = """
kind: feature_group
name: f
entity: {name: user, join_keys: [k]}
materialization: {event_time_col: ts, ttl: 1d}
features: {v: {dtype: float, description: how much}}
tests: [{not_null: [k, v]}]
transform: |
  SELECT * FROM (VALUES (1, TIMESTAMP '2024-01-01', 5)) t(k, ts, v)
---
kind: transform
name: t
label_time: due
mode: event
features: ["f:v AS amount"]
sql: SELECT 1 AS k, TIMESTAMP '2024-01-02' AS due
"""


def test_yaml_reads_alike(project: Project) -> None:
    project.add_yaml(YAML)
    good(project)
    assert arrow(project, "transform.t").to_pylist() == [{"k": 1, "due": datetime(2024, 1, 2), "amount": 5.0}]


# Retrieval

def _two_groups(project: Project) -> None:
    _group(project)
    project.feature_group("static", sql="SELECT * FROM (VALUES (1, 'x'), (3, 'z')) t(k, name)", key="k")
    project.source("labels", sql=LABELS)


def test_several_groups_are_joined_at_once_and_one_without_times_by_its_key(project: Project) -> None:
    _two_groups(project)
    project.transform("t", spine="labels", label_time="due", features=["static:name as who", "f:v", "feature_group.f:v AS again"])
    project.transform("plain", spine="labels", features=["static"])
    good(project)
    assert arrow(project, "transform.t").schema.names == ["k", "due", "who", "v", "again"]
    assert rows(project, "transform.t") == [(2, datetime(2024, 1, 2), None, 7, 7), (1, datetime(2024, 1, 3, 12), "x", 6, 6)]
    assert [row[2] for row in rows(project, "transform.plain")] == [None, "x"]


def test_a_retrieval_tells_what_matched_what_had_expired_and_how_old_it_was(project: Project) -> None:
    _group(project, ttl="13h")
    project.feature_group("static", sql="SELECT * FROM (VALUES (1, 'x'), (3, 'z')) t(k, name)", key="k")
    project.transform("t", sql=LABELS, label_time="due", features=["f", "static"])
    metrics = good(project)["transform.t"].metadata["metrics"]
    assert metrics == {"f_matched": 0.5, "f_expired": 0.5, "f_age_seconds_median": 43_200, "static_matched": 0.5}
    assert [row[2] for row in rows(project, "transform.t")] == [None, 6]
    assert sorted(path.name for path in build_of(project, "transform.t").parent.iterdir()) == ["build.json", "data.parquet"]


def test_a_date_is_its_midnight(project: Project) -> None:
    _group(project, body=f"SELECT k, ts::DATE AS ts, v FROM ({BODY})")
    project.transform("t", sql="SELECT k, DATE '2024-01-03' AS due FROM range(1, 3) r(k)", label_time="due", features="f")
    good(project)
    assert [row[2] for row in rows(project, "transform.t")] == [6, 7]


def test_a_changed_ttl_alone_runs_the_retrieval_again(project: Project) -> None:
    _group(project, ttl="3d")
    project.transform("t", sql=LABELS, label_time="due", features="f")
    good(project)
    _group(project, ttl="13h")
    assert status(good(project)) == {"feature_group.f": "success", "transform.t": "success"}
    assert [row[2] for row in rows(project, "transform.t")] == [None, 6]
    assert status(good(project)) == {"feature_group.f": "cached", "transform.t": "cached"}


def test_the_order_of_a_view_is_kept(project: Project) -> None:
    _group(project)
    project.source("labels", sql="SELECT i % 3 AS k, TIMESTAMP '2024-01-01' + to_hours(i) AS due, i FROM range(300000) r(i)")
    project.transform("v", sql="SELECT * FROM labels ORDER BY i * 7919 % 300007 DESC", materialized="view")
    project.transform("t", spine="v", label_time="due", features="f")
    good(project)
    assert [row[2] for row in rows(project, "transform.t")] == sorted(range(300_000), key=lambda i: -(i * 7919 % 300_007))


def test_latest_stands_wherever_a_table_may(project: Project) -> None:
    _two_groups(project)
    project.transform("c", sql="WITH a AS (SELECT * FROM latest(f)) SELECT sum(v)::BIGINT AS v FROM a WHERE EXISTS (FROM latest(static))")
    project.transform("m", sql="CREATE TEMP TABLE x AS FROM latest(f); SELECT count(*) AS n FROM x")
    project.exposure("e", sql="SELECT k, v FROM latest(f)", to="latest.csv")
    good(project)
    assert (rows(project, "transform.c"), rows(project, "transform.m")) == ([(13,)], [(2,)])
    assert (project.directory / "latest.csv").read_text().split() == ["k,v", "1,6", "2,7"]


def test_a_newer_row_reaches_latest_and_what_retrieves(project: Project) -> None:
    _group(project)
    project.transform("t", sql="SELECT v FROM latest(f) ORDER BY k")
    good(project)
    _group(project, body=f"{BODY} UNION ALL SELECT 2, TIMESTAMP '2024-02-01', 9")
    good(project)
    assert rows(project, "transform.t") == [(6,), (9,)]


def test_groups_of_two_keys_are_joined_by_both(project: Project) -> None:
    _group(project, body="SELECT i % 2 AS k, i % 3 AS l, TIMESTAMP '2024-01-01' AS ts, i AS v FROM range(6) r(i)", key=["k", "l"])
    project.transform("t", sql="SELECT 1 AS k, l, TIMESTAMP '2024-01-02' AS due FROM range(3) r(l) ORDER BY l", label_time="due", features="f")
    good(project)
    assert [row[3] for row in rows(project, "transform.t")] == [3, 1, 5]


def test_context_features_takes_a_frame_and_gives_the_nodes_form(project: Project) -> None:
    _two_groups(project)
    body = "import pandas as pd\nspine = pd.DataFrame({'k': [1, 1], 'due': pd.to_datetime(['2024-01-02', '2023-01-01'])}, index=[7, 8])\n"
    project.transform("p", python=body + "found = ctx.features(spine, ['f:v', 'static'], time='due')\nfound.assign(form=type(found).__module__)")
    project.transform("a", python=body + "found = ctx.features(spine, 'f', time='due')\nfound.append_column('n', [[len(found.schema)] * 2])",
                      **{"as": "arrow"})  # fmt: skip
    good(project)
    assert [(row[2], row[3], row[4].partition(".")[0]) for row in rows(project, "transform.p")] == [(5, "x", "pandas"), (None, "x", "pandas")]
    assert [row[2:] for row in rows(project, "transform.a")] == [(5, 3), (None, 3)]


def test_context_features_by_keywords_gives_edges(project: Project) -> None:
    _two_groups(project)
    project.transform("p", python="ctx.features(features=('f:v',), spine='labels', time='due')")
    project.transform("late", inputs=["f"], python="names = ['f:' + 'v']\nctx.features(ref('labels'), names, time='due')")
    good(project)
    edges = {(edge.from_node, edge.to_node) for edge in project.manifest.edges}
    assert {("feature_group.f", "transform.p"), ("source.labels", "transform.p")} <= edges
    assert rows(project, "transform.p") == rows(project, "transform.late")


def test_latest_reads_the_newest_row_of_each_key_in_sql_and_python(project: Project) -> None:
    _two_groups(project)
    project.transform("s", sql="SELECT k, v FROM latest(f)")
    project.transform("j", sql='SELECT x.k, x.v, y.name FROM latest("feature_group"."f") AS x LEFT JOIN latest(static) y USING (k) ORDER BY ALL')
    project.transform("p", python="ctx.latest('f')[['k', 'v']]")
    good(project)
    assert rows(project, "transform.s") == rows(project, "transform.p") == [(1, 6), (2, 7)]
    assert rows(project, "transform.j") == [(1, 6, "x"), (2, 7, None)]


SPINES: dict[str, tuple[str, dict[str, Any], str]] = {
    "a label time with a zone": ("SELECT 1 AS k, TIMESTAMPTZ '2024-01-02 00:00:00+00' AS due", {}, "AT TIME ZONE 'UTC'"),
    "a label time of text": ("SELECT 1 AS k, '2024-01-02' AS due", {}, "'due' is VARCHAR, not a time"),
    "no such label time": (LABELS, {"label_time": "duee"}, "did you mean due"),
    "no label time": (LABELS, {"label_time": None}, "no label time"),
    "no key": ("SELECT 1 AS kk, TIMESTAMP '2024-01-02' AS due", {}, "it is the key of feature_group.f"),
    "a key of another type": ("SELECT '1' AS k, TIMESTAMP '2024-01-02' AS due", {}, "VARCHAR in the spine, INTEGER in feature_group.f"),
    "a key with a fraction": ("SELECT 1.0::DOUBLE AS k, TIMESTAMP '2024-01-02' AS due", {}, "DOUBLE in the spine"),
    "no such feature": (LABELS, {"features": ["f:vv"]}, "did you mean v"),
    "a feature that the spine has": (f"SELECT *, 1 AS V FROM ({LABELS})", {}, "f:v AS another_name"),
    "a feature twice": (LABELS, {"features": ["f", "f:v"]}, "two columns are called 'v'"),
    "known, of a group that does not say": (LABELS, {"mode": "known"}, "when its features became known"),
}


@pytest.mark.parametrize(("spine", "config", "expected"), SPINES.values(), ids=SPINES)
def test_a_spine_that_does_not_fit_fails(project: Project, spine: str, config: dict[str, Any], expected: str) -> None:
    _group(project)
    project.transform("t", sql=spine, **{"label_time": "due", "features": ["f"], **config})
    assert expected in str(failure(project, "transform.t").error_message)


def test_keys_may_be_integers_of_another_width(project: Project) -> None:
    _group(project)
    project.transform("t", sql="SELECT 2::HUGEINT AS k, TIMESTAMP '2024-01-02' AS due", label_time="due", features="f")
    good(project)
    assert rows(project, "transform.t")[0][2] == 7


RETRIEVALS: dict[str, tuple[dict[str, Any], str]] = {
    "no features": ({"spine": "labels", "label_time": "due", "features": None}, "without features"),
    "no such group": ({"spine": "labels", "features": ["ff"]}, "did you mean feature_group.f"),
    "no such spine": ({"spine": "lables", "features": ["f"]}, "did you mean"),
    "a node of another kind": ({"spine": "labels", "features": ["source.labels:v"]}, "no feature group"),
    "two spines": ({"spine": "labels", "sql": "SELECT 1 AS k", "features": ["f"]}, "two spines"),
    "no spine": ({"features": ["f"]}, "no spine"),
    "another mode": ({"spine": "labels", "features": ["f"], "mode": "knwon"}, "did you mean known"),
    "an option that nobody reads": ({"spine": "labels", "features": ["f"], "label_tme": "due"}, "did you mean label_time"),
    "a view": ({"sql": "SELECT 1 AS k", "features": ["f"], "materialized": "view"}, "cannot be a view"),
    "a text that is no feature": ({"spine": "labels", "features": ["f:"]}, "names no feature"),
    "no names": ({"spine": "labels", "features": {"f": "v"}}, "list of text"),
    "none": ({"spine": "labels", "features": []}, "list of text"),
}


@pytest.mark.parametrize(("config", "expected"), RETRIEVALS.values(), ids=RETRIEVALS)
def test_a_retrieval_that_cannot_be_is_refused_at_definition(project: Project, config: dict[str, Any], expected: str) -> None:
    _two_groups(project)
    with pytest.raises(ManifestError) as caught:
        project.node("transform", "t", **config)
    assert expected in str(caught.value)


BODIES: dict[str, tuple[str, str]] = {
    "names that nobody can see": ("names = ['f:' + 'v']\nctx.features(ref('labels'), names, time='due')", "inputs: [feature_group.f]"),
    "another mode": ("ctx.features(ref('labels'), ['f'], time='due', mode='now')", "unknown mode"),
    "no time": ("ctx.features(ref('labels'), ['f'])", "no label time"),
    "no table": ("ctx.features(3, ['f'], time='due')", "int, not a table"),
    "latest of no group": ("x = 'lab' + 'els'\nref('labels')\nctx.latest(x)", "source.labels is no feature group"),
}


@pytest.mark.parametrize(("body", "expected"), BODIES.values(), ids=BODIES)
def test_a_call_that_does_not_fit_fails(project: Project, body: str, expected: str) -> None:
    _two_groups(project)
    project.transform("t", python=body)
    assert expected in str(failure(project, "transform.t").error_message)


def test_latest_of_what_is_no_group_or_in_a_view_is_refused(project: Project) -> None:
    _two_groups(project)
    with pytest.raises(ManifestError, match="a view cannot read latest"):
        project.transform("v", sql="SELECT * FROM latest(f)", materialized="view")
    project.transform("t", sql="SELECT * FROM latest(labels)")
    assert "source.labels is no feature group" in str(failure(project, "transform.t").error_message)


WANTED = {
    "f": Wanted("feature_group.f"), " feature_group.f ": Wanted("feature_group.f"), "f:v": Wanted("feature_group.f", "v"),
    "f : v as w": Wanted("feature_group.f", "v", "w"), "F:total amount AS sum of it": Wanted("feature_group.F", "total amount", "sum of it"),
    "f:as": Wanted("feature_group.f", "as"), "f:basis": Wanted("feature_group.f", "basis"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), WANTED.items(), ids=WANTED)
def test_a_feature_is_named_by_group_name_and_alias(text: str, expected: Wanted) -> None:
    assert read_wanted(text) == expected


def test_a_large_retrieval_keeps_the_order_of_the_spine(project: Project) -> None:
    frame = pd.DataFrame({"n": range(200_000), "k": [n * 7919 % 1000 for n in range(200_000)]})
    frame["due"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(frame["n"] * 104_729 % 100_000, unit="s")
    project.namespace = {"frame": pa.Table.from_pandas(frame)}
    project.source("labels", input="frame", source="dataframe")
    _group(project, body="SELECT i % 990 AS k, TIMESTAMP '2024-01-01' + to_seconds(i) AS ts, i AS v FROM range(0, 100000) r(i)")
    project.transform("t", spine="labels", label_time="due", features="f")
    good(project)
    table = arrow(project, "transform.t").to_pandas()
    assert table["n"].tolist() == list(range(200_000))
    second = (table["due"] - pd.Timestamp("2024-01-01")).dt.total_seconds().astype(int)
    newest = second - (second - table["k"]) % 990
    expected = newest.where((newest >= 0) & (table["k"] < 990))
    assert table["v"].astype("float64").equals(expected.astype("float64").rename("v"))


def test_an_online_store_is_told_not_to_be_there(project):
    project.feature_group("f", "SELECT 1 AS k", key="k", materialization={"online": {"enabled": True, "ttl": "7d"}})
    assert good(project)["feature_group.f"].warnings == ("there is no online store: an exposure of latest(...) serves the newest features elsewhere",)


def test_a_partition_of_the_offline_store_is_told_not_to_be_done(project):
    for place in ({"offline": {"partition_by": ["k"]}}, {"materialization": {"offline": {"enabled": True, "partition_by": "k"}}}):
        project.feature_group("f", "SELECT 1 AS k", key="k", **place)
        assert "partition_by is not done" in good(project)["feature_group.f"].warnings[0]


def test_the_words_of_the_peers_template_are_read(project):
    project.feature_group("f", "SELECT 1 AS k", key="k", offline={"enabled": "True", "format": "parquet"}, online={"enabled": "False", "ttl": "7d"})
    assert good(project)["feature_group.f"].warnings == ()


@pytest.mark.parametrize(("text", "meant"), [("latest('f')", "latest(feature_group.f)"), ("LATEST( 'feature_group.f' )", "latest(feature_group.f)")])
def test_a_group_named_as_text_is_told_how_latest_is_written(project: Project, text: str, meant: str) -> None:
    _group(project)
    with pytest.raises(ManifestError, match="no table") as error:
        project.transform("newest", f"SELECT * FROM {text}")
    assert error.value.remedy == f"write {meant}"


def test_a_macro_of_ones_own_may_be_called_latest(project: Project) -> None:
    project.transform("newest", "CREATE TEMP MACRO latest(x) AS TABLE SELECT x AS v; SELECT * FROM latest('f') -- from latest('g')")
    project.transform("other", "SELECT 'from latest(''f'')' AS v")
    good(project)
    assert rows(project, "transform.newest") == [("f",)]


def test_rows_of_one_event_time_are_told_what_would_make_them_lawful(project: Project) -> None:
    body = "SELECT 1 AS k, TIMESTAMP '2024-01-01' AS ts, i AS v, TIMESTAMP '2024-01-01' + to_days(i::INTEGER) AS made FROM range(3) r(i)"
    _group(project, body=body)
    message = str(failure(project, "feature_group.f").error_message)
    assert '2 rows break: one row for each k, ts, as {"k": 1, "ts": "2024-01-01' in message
    assert "give --created COLUMN" in message
    _group(project, body=body, created_time="made")
    good(project)


def test_a_ttl_that_is_no_time_says_how_it_is_written(project: Project) -> None:
    with pytest.raises(ManifestError, match="ttl: '7dd' is no length of time") as error:
        _group(project, ttl="7dd")
    assert "7d" in error.value.remedy
    assert ".:" not in str(error.value)


def test_without_a_body_the_rows_of_its_input_are_taken(project):
    """The peer's front page writes feature groups so: inputs, features, an entity."""
    project.source("s", "SELECT 1 AS k, 2.5 AS total, 'x' AS other")
    project.feature_group("f", inputs=[{"ref": "source.s"}], entity={"name": "c", "join_keys": ["k"]}, features={"total": {"dtype": "float"}})
    good(project)
    assert rows(project, "feature_group.f") == [(1, 2.5)]
