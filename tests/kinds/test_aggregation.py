"""Aggregations against loops over plain Python values, by laws, and by a case worked out by hand."""

from __future__ import annotations

import datetime as dt
import math
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinds import arrow, failure, good, rows, status
from seeknal_nb import Project
from seeknal_nb.authoring.cell import define
from seeknal_nb.engines import Session
from seeknal_nb.engines.duckdb import DuckDB
from seeknal_nb.errors import ManifestError, UsageError
from seeknal_nb.kinds.aggregations.aggregation import grouping_of
from seeknal_nb.kinds.aggregations.windows import FUNCTIONS
from seeknal_nb.views.reading import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Row = dict[str, Any]
D = dt.date
JAN = [D(2024, 1, day) for day in range(1, 32)]

EVENTS = """SELECT * FROM (VALUES
    (1, 'n', DATE '2024-01-01', 10.0, 'a'), (1, 'n', DATE '2024-01-07', 20.0, 'b'), (1, 's', DATE '2024-01-09', 40.0, 'a'),
    (1, 's', DATE '2024-01-10', 80.0, 'a'), (2, 'n', DATE '2024-01-10', 5.0, 'a'), (1, 'n', NULL, 1000.0, 'a'),
    (2, 'n', DATE '2024-01-02', NULL, 'b')) t(u, region, d, v, what)"""


def aggregated(project: Project, *, kind: str = "aggregation", events: str = EVENTS, **config: Any) -> list[Row]:
    """The rows of one aggregation over one table."""
    project.transform("e", sql=events)
    project.node(kind, "a", **{"id_col": "u", "feature_date_col": "d", "inputs": ["e"], **config})
    good(project)
    return stored(project, f"{kind}.a")


def stored(project: Project, node_id: str) -> list[Row]:
    """A node's rows as they stand now; the newest build on the disk may be one that a cell went back from."""
    table: list[Row] = Reader(project.runner()).query(node_id, form="arrow").to_pylist()
    return table


def one(column: str = "v", **feature: Any) -> list[Row]:
    return [{"name": column, **feature}]


# Worked out by hand


def test_a_case_by_hand(project: Project) -> None:
    """User 1 as of January 10: 1, 7 and 9 January are 9, 3 and 1 days old; the 10th itself never counts unless asked for."""
    found = aggregated(project, application_dates=["2024-01-10"], features=one(
        basic=["sum", "count"],
        rolling=[{"window": "7d", "functions": ["sum", "mean"]}, {"window": [8, 30], "aggs": ["sum", "count"]},
                 {"window": [0, 1], "functions": ["sum"]}],
        ratio=[{"numerator": [1, 3], "denominator": [4, 9], "aggs": ["sum"]}],
        since=[{"condition": "what = 'a' AND v < 40"}, {"condition": "v >= 20", "aggs": ["count", "sum"]}],
    ))  # fmt: skip
    assert found == [
        {"u": 1, "application_date": D(2024, 1, 10), "v_sum": 70.0, "v_count": 3, "v_sum_7d": 60.0, "v_mean_7d": 30.0,
         "v_sum_8_30": 10.0, "v_count_8_30": 1, "v_sum_0_1": 120.0, "v_sum_ratio_1_3__4_9": 6.0, "v_days_since": 9,
         "v_count_if": 2, "v_sum_if": 60.0},
        {"u": 2, "application_date": D(2024, 1, 10), "v_sum": None, "v_count": 0, "v_sum_7d": None, "v_mean_7d": None,
         "v_sum_8_30": None, "v_count_8_30": 0, "v_sum_0_1": 5.0, "v_sum_ratio_1_3__4_9": None, "v_days_since": None,
         "v_count_if": 0, "v_sum_if": None},
    ]  # fmt: skip


def test_without_dates_the_features_are_of_the_whole_table(project: Project) -> None:
    """KINDS § 1.4: a row a group; an event without a date is an event."""
    found = aggregated(project, group_by=["region"], features=one(basic=["sum", "count", "last", "first"]))
    assert found == [
        {"u": 1, "region": "n", "v_sum": 1030.0, "v_count": 3, "v_last": 20.0, "v_first": 10.0},
        {"u": 1, "region": "s", "v_sum": 120.0, "v_count": 2, "v_last": 80.0, "v_first": 40.0},
        {"u": 2, "region": "n", "v_sum": 5.0, "v_count": 1, "v_last": 5.0, "v_first": 5.0},
    ]


def test_windows_without_dates_are_as_of_the_day_after_the_last_event(project: Project) -> None:
    found = aggregated(project, features=one(rolling=[{"window": "2d", "functions": ["sum"]}]))
    assert found == [{"u": 1, "application_date": D(2024, 1, 11), "v_sum_2d": 120.0},
                     {"u": 2, "application_date": D(2024, 1, 11), "v_sum_2d": 5.0}]  # fmt: skip


def test_the_peers_key_gives_a_row_for_each_date_in_the_table(project: Project) -> None:
    """Its documents: keys, the date, then ``group_by``; ``basic`` is of the rows of that date, windows of what came before."""
    features = one(basic=["sum", "count"], rolling=[{"window": "7d", "functions": ["sum"]}])
    found = aggregated(project, application_date_col="d", group_by=["region"], features=features)
    assert [tuple(row.values()) for row in found] == [
        (1, D(2024, 1, 1), "n", 10.0, 1, None), (1, D(2024, 1, 7), "n", 20.0, 1, 10.0), (1, D(2024, 1, 9), "s", 40.0, 1, None),
        (1, D(2024, 1, 10), "s", 80.0, 1, 40.0), (2, D(2024, 1, 2), "n", None, 0, None), (2, D(2024, 1, 10), "n", 5.0, 1, None),
    ]  # fmt: skip
    assert list(found[0]) == ["u", "d", "region", "v_sum", "v_count", "v_sum_7d"]


def test_the_peers_daily_table(project: Project) -> None:
    """Its tutorials' ``application_date_col: order_date``, without windows: sums of each day, no join."""
    found = aggregated(project, application_date_col="d", features=one(basic=["sum"]))
    assert [tuple(row.values()) for row in found] == [
        (1, D(2024, 1, 1), 10.0), (1, D(2024, 1, 7), 20.0), (1, D(2024, 1, 9), 40.0), (1, D(2024, 1, 10), 80.0),
        (2, D(2024, 1, 2), None), (2, D(2024, 1, 10), 5.0),
    ]  # fmt: skip
    project.aggregation("m", inputs=["e"], id_col="u", feature_date_col="d", application_date_col="to", features=one(basic=["sum"]))
    project.transform("e", sql=f"SELECT *, DATE '2024-01-09' AS to FROM ({EVENTS})")
    good(project)
    assert rows(project, "aggregation.m") == [(1, D(2024, 1, 9), 70.0), (2, D(2024, 1, 9), None)]  # nothing of the 10th


SPELLINGS: dict[str, list[Any]] = {
    "functions": [{"window": "7d", "functions": ["sum"]}],
    "aggs": [{"window": "7d", "aggs": ["sum"]}],
    "one function as text": [{"window": "7d", "functions": "sum"}],
    "no list": {"window": "7d", "functions": ["sum"]},  # type: ignore[dict-item]
    "a number": [{"window": 7, "functions": ["SUM"]}],
    "a list of windows": [{"window": ["7d"], "functions": ["sum"]}],
}


@pytest.mark.parametrize("rolling", SPELLINGS.values(), ids=SPELLINGS)
def test_every_spelling_of_a_window_means_the_same(rolling: Any) -> None:
    grouping = grouping_of(node(rolling=rolling))
    assert [(m.name, m.function, (m.spans[0].low, m.spans[0].high)) for m in grouping.measures] == [("v_sum_7d", "sum", (1, 7))]


WINDOWS = {
    "[8, 30]": ([8, 30], {"v_sum_8_30": (8, 30)}), "8-30": ("8-30", {"v_sum_8_30": (8, 30)}), "2w": ("2w", {"v_sum_2w": (1, 14)}),
    "several": (["7d", [8, 30], 90], {"v_sum_7d": (1, 7), "v_sum_8_30": (8, 30), "v_sum_90d": (1, 90)}),
    "two lists": ([[1, 7], [0, 0]], {"v_sum_1_7": (1, 7), "v_sum_0_0": (0, 0)}), "two texts": (["1d", "2d"], {"v_sum_1d": (1, 1), "v_sum_2d": (1, 2)}),
}  # fmt: skip


@pytest.mark.parametrize(("window", "expected"), WINDOWS.values(), ids=WINDOWS)
def test_what_a_window_means(window: Any, expected: dict[str, tuple[int, int]]) -> None:
    measures = grouping_of(node(rolling=[{"window": window, "functions": ["sum"]}])).measures
    assert {m.name: (m.spans[0].low, m.spans[0].high) for m in measures} == expected


FEATURES = {
    "documented for second order": ({"window": [1, 7], "basic": ["sum"]}, {"v_SUM_1_7"}),
    "functions of a window": ({"window": "7d", "functions": ["sum"]}, {"v_SUM_1_7"}),
    "the template's": ({"basic": ["sum"], "window": {"windows": [7, 30], "functions": ["mean"]}}, {"v_SUM", "v_MEAN_1_7", "v_MEAN_1_30"}),
    "a ratio": ({"ratio": {"numerator": [1, 7], "denominator": [8, 30], "aggs": ["sum", "avg"]}}, {"v_SUM1_7_SUM8_30", "v_AVG1_7_AVG8_30"}),
    "since": ({"since": {"condition": "v == 1", "aggs": ["count"]}}, {"SINCE_COUNT_v_GEO_D"}),
    "events": ({"source_feature": "*", "basic": ["count"]}, {"x_COUNT"}),
}  # fmt: skip


@pytest.mark.parametrize(("feature", "names"), FEATURES.values(), ids=FEATURES)
def test_columns_of_second_order_are_called_as_the_peer_documents(feature: Row, names: set[str]) -> None:
    made = node("second_order_aggregation", features={"x": {"source_feature": "v", **feature}}, application_date_col="to")
    assert {m.name for m in grouping_of(made).measures} == names


def node(kind: str = "aggregation", features: Any = None, **config: Any) -> Any:
    """A node that was not added anywhere; keys that are no config's are the one feature's."""
    from seeknal_nb.dag.manifest import Node, node_type

    own = ("id_col", "feature_date_col", "application_date_col", "application_dates", "group_by", "source", "window", "entity", "aggregations")
    whole = {key: value for key, value in config.items() if key in own}
    feature = {key: value for key, value in config.items() if key not in own}
    whole = {"id_col": "u", "feature_date_col": "d", "features": features or [{"name": "v", **feature}], **whole}
    return Node(f"{kind}.a", "a", node_type(kind), config=whole)


def test_a_ratio_to_nothing_or_to_zero_is_null(project: Project) -> None:
    """Not infinity, and not an error: there is no such ratio."""
    events = "SELECT * FROM (VALUES (1, DATE '2024-01-09', 4), (1, '2024-01-08', 3), (1, '2024-01-08', -3), (2, '2024-01-09', 1)) t(u, d, v)"
    ratio = [{"numerator": [1, 1], "denominator": [2, 2], "aggs": ["sum", "count"]}, {"numerator": [2, 2], "denominator": [1, 1]}]
    found = aggregated(project, events=events, application_dates=["2024-01-10"], features=one(ratio=ratio))
    assert [tuple(row.values())[2:] for row in found] == [(None, 0.5, 0.0), (None, None, None)]


# Application dates


CALENDARS = {
    "every day": ({"every": "day"}, [D(2024, 1, day) for day in range(2, 12)]),
    "every week": ({"every": "week"}, [D(2024, 1, 8)]),
    "on a day": ({"every": "week", "on": "Wednesday"}, [D(2024, 1, 3), D(2024, 1, 10)]),
    "until": ({"every": "week", "on": "wednesday", "until": "2024-01-19"}, [D(2024, 1, 3), D(2024, 1, 10), D(2024, 1, 17)]),
    "from": ({"every": "week", "on": "wednesday", "from": "2024-01-04"}, [D(2024, 1, 10)]),
    "every month": ({"every": "month", "until": "2024-03-05"}, [D(2024, 2, 1), D(2024, 3, 1)]),
    "on the 15th": ({"every": "month", "on": 15, "until": "2024-03-05"}, [D(2024, 1, 15), D(2024, 2, 15)]),
    "on the last": ({"every": "month", "on": "last", "until": "2024-03-05"}, [D(2024, 1, 31), D(2024, 2, 29)]),
    "dates": (["2024-02-01", "2024-01-05", "2024-02-01"], [D(2024, 1, 5), D(2024, 2, 1)]),
}


@pytest.mark.parametrize(("dates", "expected"), CALENDARS.values(), ids=CALENDARS)
def test_application_dates_by_a_calendar(project: Project, dates: Any, expected: list[D]) -> None:
    found = aggregated(project, application_dates=dates, features=one(basic=["count"]))
    assert [row["application_date"] for row in found if row["u"] == 1] == expected
    assert all(row["u"] == 1 or row["application_date"] > D(2024, 1, 2) for row in found)  # user 2 was not known before


def test_a_table_lists_the_application_dates(project: Project) -> None:
    project.transform("dates", sql="SELECT unnest([TIMESTAMP '2024-01-08 13:00', '2024-01-11', NULL]) AS wanted")
    found = aggregated(project, application_dates={"ref": "dates", "column": "wanted"}, features=one(rolling=[{"window": "7d", "aggs": ["sum"]}]))
    assert [tuple(row.values()) for row in found] == [
        (1, D(2024, 1, 8), 30.0), (1, D(2024, 1, 11), 140.0), (2, D(2024, 1, 8), None), (2, D(2024, 1, 11), 5.0),
    ]  # fmt: skip
    assert list(found[0])[1] == "wanted"
    assert ("transform.dates", "aggregation.a") in {(edge.from_node, edge.to_node) for edge in project.manifest.edges}


def test_a_table_with_the_keys_is_taken_as_it_is(project: Project) -> None:
    """Whoever lists users and dates wants those rows, users without a past included."""
    project.transform("spine", sql="SELECT * FROM (VALUES (2, DATE '2024-01-01'), (9, '2024-01-05'), (1, '2024-01-08')) t(u, application_date)")
    found = aggregated(project, application_dates={"ref": "spine"}, features=one(rolling=[{"window": "7d", "aggs": ["sum", "count"]}]))
    assert [tuple(row.values()) for row in found] == [
        (1, D(2024, 1, 8), 30.0, 2), (2, D(2024, 1, 1), None, 0), (9, D(2024, 1, 5), None, 0)
    ]  # fmt: skip
    project.aggregation("g", inputs=["e"], id_col="u", group_by="region", feature_date_col="d", application_dates={"ref": "spine"},
                        features=one(basic=["count"]))  # fmt: skip
    good(project)
    assert rows(project, "aggregation.g") == [(1, D(2024, 1, 8), "n", 2)]  # the table has not all keys: groups that were known


def test_a_changed_table_of_dates_is_a_changed_input(project: Project) -> None:
    project.transform("dates", sql="SELECT DATE '2024-01-08' AS application_date")
    aggregated(project, application_dates={"ref": "dates"}, features=one(basic=["sum"]))
    project.transform("dates", sql="SELECT DATE '2024-01-09' AS application_date")
    assert status(good(project)) == {"transform.e": "cached", "transform.dates": "success", "aggregation.a": "success"}


# Brute force, written apart: loops over lists


def values_of(function: str, found: list[tuple[Any, Any]]) -> Any:
    """What an aggregate of (time, value) pairs is, in plain Python; None for none."""
    known = [value for _, value in found if value is not None]
    if function == "count":
        return len(known)
    if function in ("nunique", "count_distinct"):
        return len(set(known))
    if function in ("std", "stddev", "var", "variance"):
        found_variance = statistics.variance(known) if len(known) > 1 else None
        return found_variance if found_variance is None or function.startswith("var") else math.sqrt(found_variance)
    if not known:
        return None
    if function in ("first", "last"):
        timed = [(time, value) for time, value in found if value is not None and time is not None]
        return (min if function == "first" else max)(timed)[1] if timed else None
    if function == "p90":
        return float(pd.Series(known).quantile(0.9))
    plain: dict[str, Callable[[list[Any]], Any]] = {"sum": sum, "mean": statistics.fmean, "avg": statistics.fmean, "min": min, "max": max, "median": statistics.median}
    return plain[function](known)


def brute(events: list[Row], points: list[Row], keys: list[str], spec: Row, name: str) -> list[Row]:
    """Each point with its features, by looking at every event once for every number."""
    out = []
    for point in points:
        mine = [e for e in events if all(e[key] == point[key] for key in keys)]

        def aged(low: int, high: float, mine: list[Row] = mine, at: D = point["at"]) -> list[Row]:
            return [e for e in mine if e["d"] is not None and low <= (at - e["d"]).days <= high]

        row: Row = {keys[0]: point[keys[0]], "application_date": point["at"], **{key: point[key] for key in keys[1:]}}
        for function in spec["basic"]:
            row[f"{name}_{function}"] = values_of(function, [(e["d"], e[name]) for e in aged(1, math.inf)])
        for low, high in spec["windows"]:
            for function in spec["functions"]:
                row[f"{name}_{function}_{low}_{high}"] = values_of(function, [(e["d"], e[name]) for e in aged(low, high)])
        for over, under in spec["ratios"]:
            top, bottom = (values_of("sum", [(e["d"], e[name]) for e in aged(*span)]) for span in (over, under))
            label = f"{name}_sum_ratio_{over[0]}_{over[1]}__{under[0]}_{under[1]}"
            row[label] = None if top is None or not bottom else top / bottom
        met = [(point["at"] - e["d"]).days for e in aged(1, math.inf) if e[name] is not None and e[name] > 0]
        row[f"{name}_days_since"] = min(met, default=None)
        out.append(row)
    return out


def agree(found: list[Row], expected: list[Row]) -> None:
    assert len(found) == len(expected)
    for left, right in zip(found, expected, strict=True):
        assert list(left) == list(right)
        for key, value in right.items():
            if isinstance(left[key], float) and value is not None:
                assert left[key] == pytest.approx(value, rel=1e-9, abs=1e-9), (key, left, right)
            else:
                assert left[key] == value, (key, left, right)


def table_of(events: list[Row], kind: str = "INTEGER") -> str:
    """A SELECT that gives these rows."""
    text = ", ".join(
        f"({e['u']}, {'NULL' if e['g'] is None else repr(e['g'])}, "
        f"{'NULL' if e['d'] is None else repr(e['d'].isoformat())}::DATE, {'NULL' if e['v'] is None else e['v']}::{kind})"
        for e in events
    )
    empty = f"SELECT NULL::INTEGER AS u, NULL::VARCHAR AS g, NULL::DATE AS d, NULL::{kind} AS v WHERE FALSE"
    return f"SELECT * FROM (VALUES {text}) t(u, g, d, v)" if events else empty


SPEC = {"basic": ["sum", "nunique", "last"], "windows": [(1, 3), (0, 5), (4, 9)], "ratios": [((1, 3), (4, 9))],
        "functions": ["count", "sum", "mean", "min", "max", "std", "var", "median", "p90", "first", "count_distinct"]}  # fmt: skip


def features_of(spec: Row) -> list[Row]:
    return [{
        "name": "v", "basic": spec["basic"], "rolling": [{"window": list(map(list, spec["windows"])), "functions": spec["functions"]}],
        "ratio": [{"numerator": list(a), "denominator": list(b)} for a, b in spec["ratios"]], "since": [{"condition": "v > 0"}],
    }]  # fmt: skip


def points_of(events: list[Row], keys: list[str], dates: list[D], low: int = 0) -> list[Row]:
    """Groups with an event at least ``low`` days before, by date, in the order of the output: NULL last."""
    groups = {tuple(e[key] for key in keys) for e in events if e["d"] is not None}
    found = [
        dict(zip(keys, group, strict=True)) | {"at": at} for group in groups for at in set(dates)
        if any(tuple(e[key] for key in keys) == group and e["d"] is not None and e["d"] <= at - dt.timedelta(low) for e in events)
    ]  # fmt: skip
    return sorted(found, key=lambda p: (p["u"], p["at"], p.get("g") is None, p.get("g") or ""))


event = st.fixed_dictionaries({
    "u": st.integers(1, 3), "g": st.sampled_from(["n", "s", None]), "d": st.sampled_from([*JAN[:14], None]),
    "v": st.one_of(st.none(), st.integers(-3, 3)),
})  # fmt: skip


@pytest.fixture(scope="module")
def engine() -> Iterator[Session]:
    made = DuckDB()
    with made.session({}) as session:
        yield session
    made.close()


def computed(engine: Session, events: list[Row], **config: Any) -> list[Row]:
    """What the generated SQL gives, without a project round it: hundreds of tables a second."""
    sql = grouping_of(node(**config)).sql(f"({table_of(events)})", {"v": "INTEGER"})
    found = engine.query(sql, form="arrow")
    shown: list[Row] = found.select([name for name in found.column_names if not name.startswith("seeknal")]).to_pylist()
    return shown


@settings(max_examples=60)
@given(events=st.lists(event, max_size=25), dates=st.lists(st.sampled_from(JAN[:20]), min_size=1, max_size=3), by_region=st.booleans())
def test_any_table_equals_brute_force(engine: Session, events: list[Row], dates: list[D], by_region: bool) -> None:
    """Ties, nulls, gaps, empty windows, groups that are null, dates before and after everything."""
    keys = ["u", "g"] if by_region else ["u"]
    found = computed(engine, events, application_dates=[str(at) for at in dates], group_by=keys[1:], features=features_of(SPEC))
    agree(found, brute(events, points_of(events, keys, dates), keys, SPEC, "v"))


@settings(max_examples=50)
@given(events=st.lists(event, max_size=20), later=st.lists(event, max_size=10), at=st.sampled_from(JAN[2:12]), by_region=st.booleans())
def test_what_happens_on_or_after_the_application_date_changes_nothing(
    engine: Session, events: list[Row], later: list[Row], at: D, by_region: bool
) -> None:
    """Past-only by construction (KINDS § 1.4): neither a number nor a row tells of the future."""
    features = one(basic=["sum", "count", "max", "last"], rolling=[{"window": ["3d", [4, 9]], "functions": ["sum", "count"]}],
                   ratio=[{"numerator": [1, 3], "denominator": [4, 9]}], since=[{"condition": "v > 0"}, {"condition": "v < 2", "aggs": ["count"]}])  # fmt: skip
    config = {"application_dates": [str(at)], "group_by": ["g"] if by_region else [], "features": features}
    future = [e | {"d": at + dt.timedelta((e["d"] or at).day)} for e in later] + [e | {"d": at} for e in later]
    before = computed(engine, events, **config)
    assert computed(engine, events + future, **config) == before


@settings(max_examples=60)
@given(events=st.lists(event, max_size=25))
def test_the_peers_key_equals_brute_force(engine: Session, events: list[Row]) -> None:
    """Each date of an entity is a row of it: windows are of all its events, ``basic`` of the rows of that date."""
    found = computed(engine, events, application_date_col="d",
                       features=one(basic=["sum", "count"], rolling=[{"window": [1, 4], "functions": ["sum", "count"]}]))  # fmt: skip
    expected = []
    for u, at in sorted({(e["u"], e["d"]) for e in events if e["d"] is not None}):
        day = [(e["d"], e["v"]) for e in events if e["u"] == u and e["d"] == at]
        past = [(e["d"], e["v"]) for e in events if e["u"] == u and e["d"] is not None and 1 <= (at - e["d"]).days <= 4]
        expected.append({"u": u, "d": at, "v_sum": values_of("sum", day), "v_count": values_of("count", day),
                         "v_sum_1_4": values_of("sum", past), "v_count_1_4": values_of("count", past)})  # fmt: skip
    assert found == expected


def test_every_function_equals_brute_force(project: Project) -> None:
    """On DECIMAL too, of which DuckDB 2 makes DECIMAL means and 1.5 DOUBLE ones."""
    events = [{"u": n % 3, "g": None, "d": JAN[n * 7 % 20], "v": None if n % 7 == 0 else n * 37 % 11 - 4} for n in range(60)]
    functions = [*FUNCTIONS, "p90"]
    for kind in ("INTEGER", "DOUBLE", "DECIMAL(9,2)"):
        found = aggregated(project, events=table_of(events, kind), features=one(basic=functions))
        expected = [{"u": u, **{f"v_{f}": values_of(f, [(e["d"], e["v"]) for e in events if e["u"] == u]) for f in functions}} for u in range(3)]
        agree([{key: value if value is None or key == "u" else float(value) for key, value in row.items()} for row in found],
              [{key: value if value is None or key == "u" else float(value) for key, value in row.items()} for row in expected])  # fmt: skip


# Second order


PEER = """
kind: transform
name: base
transform: |
  SELECT * FROM (VALUES (1, 'us', DATE '2024-03-01', 5.0, 'm1'), (1, 'us', DATE '2024-03-05', 7.0, 'm2'), (2, 'uk', DATE '2024-03-05', 9.0, 'm1'))
  t(user_id, country, paid, amount, merchant), (SELECT DATE '2024-03-06' AS prediction_date)
---
kind: aggregation
name: history
id_col: user_id
feature_date_col: paid
application_date_col: prediction_date
group_by: [country]
features:
  - name: spend
    basic: [count, sum, avg]
    column: amount
    rolling:
      - window: 3d
        functions: [sum, count]
      - window: 30d
        functions: [sum]
  - name: merchants
    basic: [count]
    column: merchant
inputs:
  - ref: transform.base
---
kind: second_order_aggregation
name: countries
id_col: country
feature_date_col: prediction_date
source: aggregation.history
inputs:
  - ref: aggregation.history
features:
  users:
    basic: [count]
    source_feature: user_id
  spend_sum:
    basic: [mean, max]
"""


def test_the_peers_yaml_gives_the_tables_of_its_documents(project: Project) -> None:
    """Its reference's spelling of windows, its column names of both orders."""
    project.add_yaml(PEER)
    good(project)
    assert arrow(project, "aggregation.history").to_pylist() == [
        {"user_id": 1, "prediction_date": D(2024, 3, 6), "country": "us", "spend_count": 2, "spend_sum": 12.0, "spend_avg": 6.0,
         "spend_sum_3d": 7.0, "spend_count_3d": 1, "spend_sum_30d": 12.0, "merchants_count": 2},
        {"user_id": 2, "prediction_date": D(2024, 3, 6), "country": "uk", "spend_count": 1, "spend_sum": 9.0, "spend_avg": 9.0,
         "spend_sum_3d": 9.0, "spend_count_3d": 1, "spend_sum_30d": 9.0, "merchants_count": 1},
    ]  # fmt: skip
    assert arrow(project, "second_order_aggregation.countries").to_pylist() == [
        {"country": "uk", "user_id_COUNT": 1, "spend_sum_MEAN": 9.0, "spend_sum_MAX": 9.0},
        {"country": "us", "user_id_COUNT": 1, "spend_sum_MEAN": 12.0, "spend_sum_MAX": 12.0},
    ]  # fmt: skip


def test_second_order_is_as_the_peer_documents_it(project: Project) -> None:
    """A row an id; each event's age is to the date in its own row; ages from 0 up count; upper-case names of the column."""
    project.transform("daily", sql="""SELECT * FROM (VALUES
        ('n', 1, DATE '2026-01-20', 10.0), ('n', 2, DATE '2026-01-14', 30.0), ('n', 1, DATE '2026-01-13', 20.0), ('n', 3, DATE '2026-01-22', 99.0),
        ('s', 4, DATE '2026-01-21', 7.0)) t(region, customer, order_date, amount), (SELECT DATE '2026-01-21' AS application_date)""")
    project.node("second_order_aggregation", "m", id_col="region", feature_date_col="order_date", application_date_col="application_date",
                 source="transform.daily", features={
                     "amount": {"basic": ["sum", "mean", "stddev"]},
                     "customers": {"basic": ["count"], "source_feature": "customer"},
                     "recent": {"window": [1, 7], "basic": ["sum"], "source_feature": "amount"},
                     "trend": {"ratio": {"numerator": [1, 7], "denominator": [8, 14], "aggs": ["sum"]}, "source_feature": "amount"},
                     "large": {"since": {"condition": "amount >= 20", "aggs": ["count"]}, "source_feature": "customer"},
                 })  # fmt: skip
    good(project)
    found = arrow(project, "second_order_aggregation.m").to_pylist()
    assert found == [
        {"region": "n", "amount_SUM": 60.0, "amount_MEAN": 20.0, "amount_STDDEV": 10.0, "customer_COUNT": 3, "amount_SUM_1_7": 40.0,
         "amount_SUM1_7_SUM8_14": 2.0, "SINCE_COUNT_customer_GEO_D": 2},
        {"region": "s", "amount_SUM": 7.0, "amount_MEAN": 7.0, "amount_STDDEV": None, "customer_COUNT": 1, "amount_SUM_1_7": None,
         "amount_SUM1_7_SUM8_14": None, "SINCE_COUNT_customer_GEO_D": 0},
    ]  # fmt: skip


def test_an_aggregation_of_an_aggregation(project: Project) -> None:
    """As a second-order node, and as an aggregation whose input is one."""
    aggregated(project, application_dates={"every": "day"}, features=[{"name": "n", "column": "v", "rolling": [{"window": "3d", "functions": "sum"}]}])
    project.aggregation("b", inputs=["aggregation.a"], id_col="application_date", features=[{"name": "s", "column": "n_sum_3d", "basic": ["max"]}])
    project.node("second_order_aggregation", "c", id_col="u", source="aggregation.a", features={"n_sum_3d": {"basic": ["max"]}})
    good(project)
    first = rows(project, "aggregation.a")
    best = {key: max((v for u, d, v in first if key in (u, d) and v is not None), default=None) for key in {x for u, d, _ in first for x in (u, d)}}
    assert dict(rows(project, "aggregation.b")) == {key: value for key, value in best.items() if isinstance(key, D)}
    assert dict(rows(project, "second_order_aggregation.c")) == {key: value for key, value in best.items() if isinstance(key, int)}


BODIES = {
    "python": "def a(e):\n    return e[e['v'].notna()].assign(w=lambda f: f['v'] * 2)",
    "sql": "SELECT *, v * 2 AS w FROM e WHERE v IS NOT NULL",
}


@pytest.mark.parametrize("kind", ["aggregation", "second_order_aggregation"])
@pytest.mark.parametrize("language", BODIES)
def test_a_body_gives_the_events_that_features_are_taken_of(project: Project, kind: str, language: str) -> None:
    """The peer's decorator: the function loads, the features are declared."""
    found = aggregated(project, kind=kind, **{language: BODIES[language]}, features=[{"name": "w", "basic": ["sum"]}])
    assert [tuple(row.values()) for row in found] == [(1, 2300.0), (2, 10.0)]
    files = sorted(path.name for path in (project.directory / "target" / "outputs" / kind / "a").glob("*/*"))
    assert files == ["build.json", "data.parquet"]


# What it costs, and what it tells


def test_the_sql_reads_its_input_once() -> None:
    """One scan for all windows, ratios and conditions (KINDS § 1.4); another relation would be another scan."""
    types = {"u": "INTEGER", "d": "DATE", "v": "DOUBLE"}
    for dates in ({"application_dates": {"every": "day"}}, {"application_date_col": "d"}, {}):
        grouping = grouping_of(node(features=features_of(SPEC), **dates))
        assert grouping.sql('"source"."e"', types).count('"source"."e"') == 1


def test_duckdb_scans_the_file_once(tmp_path: Path) -> None:
    """EXPLAIN, so that no optimiser inlines the events into each of their readers."""
    import duckdb

    file = tmp_path / "e.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({EVENTS}) TO '{file}' (FORMAT parquet)")
        grouping = grouping_of(node(features=features_of(SPEC), application_dates={"every": "day"}))
        sql = grouping.sql(f"read_parquet('{file}')", {"u": "INTEGER", "d": "DATE", "v": "DOUBLE"})
        plan = connection.execute(f"EXPLAIN (FORMAT json) {sql}").fetchall()[0][1]
    assert plan.upper().count('"NAME": "READ_PARQUET') + plan.upper().count('"NAME": "PARQUET_SCAN') == 1, plan


def test_events_before_the_longest_window_are_not_joined() -> None:
    types = {"u": "INTEGER", "d": "DATE", "v": "DOUBLE"}
    bounded = grouping_of(node(rolling=[{"window": ["7d", [8, 30]], "functions": ["sum"]}]))
    assert "events.day <= points.d - 1 AND events.day >= points.d - 30" in bounded.sql("e", types)
    assert "events.day >=" not in grouping_of(node(basic=["sum"], rolling=[{"window": "7d", "functions": ["sum"]}])).sql("e", types)


def test_the_metrics_count_groups_dates_empty_windows_and_nulls(project: Project) -> None:
    """Three rows; of their nine windows, user 2 on the 3rd has one with an event, user 1 one on each day."""
    project.transform("e", sql="SELECT * FROM (VALUES (1, DATE '2024-01-01', 1), (1, '2024-01-02', 2), (2, '2024-01-02', NULL)) t(u, d, v)")
    project.aggregation("a", inputs=["e"], id_col="u", feature_date_col="d", application_dates=["2024-01-02", "2024-01-03"],
                        features=one(rolling=[{"window": [[1, 1], [2, 2], [3, 9]], "functions": ["sum"]}]))  # fmt: skip
    metrics = good(project)["aggregation.a"].metadata["metrics"]
    assert rows(project, "aggregation.a") == [
        (1, D(2024, 1, 2), 1, None, None), (1, D(2024, 1, 3), 2, 1, None), (2, D(2024, 1, 3), None, None, None)
    ]  # fmt: skip
    assert metrics == {"groups": 2, "application_dates": 2, "empty_share": round(5 / 9, 6), "null_share": round(6 / 9, 6)}


def test_a_table_that_was_joined_to_its_dates_is_warned_of(project: Project) -> None:
    joined = f"SELECT t.*, to_date FROM ({EVENTS}) t, (SELECT unnest([DATE '2024-01-10', '2024-01-11']) AS to_date)"
    project.transform("e", sql=joined)
    project.aggregation("a", inputs=["e"], id_col="u", feature_date_col="d", application_date_col="to_date",
                        features=one(rolling=[{"window": "7d", "functions": ["sum"]}]))  # fmt: skip
    [_, warning] = good(project)["aggregation.a"].metadata["warnings"]
    assert "more than once" in warning
    assert "to_date" in warning


@pytest.mark.parametrize("config", [
    {"application_dates": {"every": "day"}, "features": features_of(SPEC)}, {"features": features_of(SPEC)},
    {"features": one(basic=["sum"])}, {"application_date_col": "d", "features": features_of(SPEC)},
    {"application_date_col": "d", "features": one(basic=["sum"])}, {"application_dates": ["2024-01-09"], "features": one(basic=["last"])},
])  # fmt: skip
def test_no_events_give_no_rows_and_the_same_columns(project: Project, config: Row) -> None:
    full = aggregated(project, **config)
    assert full
    project.transform("e", sql=f"SELECT * FROM ({EVENTS}) WHERE FALSE")
    summary = good(project)
    empty = arrow(project, "aggregation.a")
    assert (empty.num_rows, empty.column_names) == (0, list(full[0]))
    assert summary["aggregation.a"].metadata["metrics"]["groups"] == 0


def test_sums_of_whole_numbers_are_exact_beyond_doubles(project: Project) -> None:
    found = aggregated(project, events="SELECT 1 AS u, DATE '2024-01-01' AS d, 9007199254740993 AS v", features=one(
        basic=["sum"], rolling=[{"window": "7d", "functions": ["sum", "max"]}]))  # fmt: skip
    assert [found[0][name] for name in ("v_sum", "v_sum_7d", "v_max_7d")] == [9007199254740993] * 3


def test_names_that_sql_would_misread_are_names(project: Project) -> None:
    events = """SELECT 1 AS "order", 'it''s' AS "a "" b", DATE '2024-01-01' AS "select", 3 AS "x; --" """
    found = aggregated(project, events=events, id_col="order", group_by=['a " b'], feature_date_col="select",
                       application_dates=["2024-01-02"], features=[{"name": 'n"', "column": "x; --", "rolling": {"window": "7d", "aggs": "sum"}}])  # fmt: skip
    assert found == [{"order": 1, "application_date": D(2024, 1, 2), 'a " b': "it's", 'n"_sum_7d': 3}]


@pytest.mark.parametrize("config", [{"application_dates": ["2024-01-02"]}, {"application_date_col": "own"}, {"application_date_col": "day"}])
def test_columns_may_be_called_as_the_sql_calls_its_own(project: Project, config: Row) -> None:
    events = "SELECT 7 AS d, 8 AS k0, DATE '2024-01-01' AS day, DATE '2024-01-02' AS own, 3 AS v0, true AS c0, 5 AS events"
    features = [{"name": "v0", "rolling": {"window": "7d", "aggs": "sum"}}, {"name": "events", "since": {"condition": "c0 AND v0 = 3", "aggs": "sum"}}]
    [row] = aggregated(project, events=events, id_col="d", group_by=["k0"], feature_date_col="day", features=features, **config)
    same_day = config.get("application_date_col") == "day"
    assert list(row.values()) == [7, D(2024, 1, 1) if same_day else D(2024, 1, 2), 8, None if same_day else 3, 5]


# What is refused


BAD: dict[str, tuple[Row, str]] = {
    "no id": ({"id_col": None, "basic": ["sum"]}, "no id_col"),
    "an unknown function": ({"basic": ["summ"]}, "did you mean sum"),
    "a function of a window": ({"rolling": [{"window": "7d", "functions": ["meen"]}]}, "did you mean mean"),
    "an unknown key of a feature": ({"basics": ["sum"]}, "did you mean basic"),
    "an unknown key of rolling": ({"rolling": [{"windows": "7d", "functions": ["sum"]}]}, "did you mean window"),
    "an unknown key of a ratio": ({"ratio": [{"numerater": [1, 7], "denominator": [8, 30]}]}, "did you mean numerator"),
    "an unknown key of since": ({"since": [{"conditions": "v > 1"}]}, "did you mean condition"),
    "an unknown key of the calendar": ({"basic": ["sum"], "application_dates": {"evry": "day"}}, "did you mean every"),
    "an unknown interval": ({"basic": ["sum"], "application_dates": {"every": "weekly"}}, "did you mean week"),
    "an unknown weekday": ({"basic": ["sum"], "application_dates": {"every": "week", "on": "munday"}}, "monday"),
    "a day that some months lack": ({"basic": ["sum"], "application_dates": {"every": "month", "on": 31}}, "on: last"),
    "a day of every day": ({"basic": ["sum"], "application_dates": {"every": "day", "on": "monday"}}, "take on away"),
    "a date that is none": ({"basic": ["sum"], "application_dates": ["2024-02-30"]}, "no date"),
    "no dates": ({"basic": ["sum"], "application_dates": []}, "is empty"),
    "an end before the beginning": ({"basic": ["sum"], "application_dates": {"every": "day", "from": "2024-02-01", "until": "2024-01-01"}}, "turn them"),
    "both kinds of dates": ({"basic": ["sum"], "application_dates": ["2024-01-01"], "application_date_col": "d"}, "keep one"),
    "a window that is none": ({"rolling": [{"window": "7 moons", "functions": ["sum"]}]}, "no window"),
    "a window backwards": ({"rolling": [{"window": [7, 1], "functions": ["sum"]}]}, "no window"),
    "a window in the future": ({"rolling": [{"window": [-1, 7], "functions": ["sum"]}]}, "no window"),
    "a window of zero days": ({"rolling": [{"window": "0d", "functions": ["sum"]}]}, "no window"),
    "no window": ({"rolling": [{"functions": ["sum"]}]}, "has no window"),
    "no functions": ({"rolling": [{"window": "7d"}]}, "names no function"),
    "both lists of functions": ({"rolling": [{"window": "7d", "functions": ["sum"], "aggs": ["sum"]}]}, "functions and aggs"),
    "both lists of a ratio": ({"ratio": [{"numerator": "7d", "denominator": "30d", "functions": ["sum"], "aggs": ["sum"]}]}, "functions and aggs"),
    "both lists of since": ({"since": [{"condition": "v > 1", "functions": ["sum"], "aggs": ["sum"]}]}, "functions and aggs"),
    "rolling that is text": ({"rolling": "7d"}, "list of mappings"),
    "a ratio without a denominator": ({"ratio": [{"numerator": [1, 7]}]}, "no denominator"),
    "since without a condition": ({"since": [{"aggs": ["count"]}]}, "no condition"),
    "a condition that is more": ({"since": [{"condition": "v > 1; SELECT 2"}]}, "more than a row"),
    "a condition that reads a table": ({"since": [{"condition": "v IN (SELECT v FROM other)"}]}, "more than a row"),
    "a feature that asks nothing": ({"column": "v"}, "asks for nothing"),
    "functions without a window": ({"functions": ["sum"]}, "no window"),
    "two columns": ({"basic": ["sum"], "column": "v", "source_feature": "w"}, "keep one"),
    "a column of a name": ({"features": [{"name": "x", "basic": ["sum"]}, {"name": "X", "column": "y", "basic": ["sum"]}]}, "two columns"),
    "two conditions of a name": ({"since": [{"condition": "v > 1"}, {"condition": "v > 2"}]}, "two columns"),
    "a feature called as a key": ({"group_by": ["v_sum"], "basic": ["sum"]}, "two columns"),
    "a sum of events": ({"column": "*", "basic": ["sum"]}, "they can be counted"),
    "no date for windows": ({"feature_date_col": None, "rolling": [{"window": "7d", "functions": ["sum"]}]}, "no feature_date_col"),
    "no date for last": ({"feature_date_col": None, "basic": ["last"]}, "no feature_date_col"),
    "a key at the wrong place": ({"window": "7d", "basic": ["sum"]}, "write window in"),
    "a key of another kind": ({"basic": ["sum"], "entity": {"name": "user"}}, "unknown key 'entity' of an aggregation"),
    "a key of another spelling": ({"basic": ["sum"], "aggregations": {"n": {"expression": "count(*)"}}}, "known keys"),
    "features that are text": ({"features": "v"}, "features must be"),
    "features that are names": ({"features": ["v"]}, "features must be"),
}  # fmt: skip


@pytest.mark.parametrize(("config", "fragment"), BAD.values(), ids=BAD)
def test_what_has_no_meaning_is_refused_at_definition(project: Project, config: Row, fragment: str) -> None:
    project.transform("e", sql=EVENTS)
    with pytest.raises(ManifestError) as caught:
        project.node("aggregation", "a", inputs=["e"], **node(**config).config)
    assert fragment in str(caught.value)
    assert caught.value.remedy
    assert "aggregation.a" not in project.manifest.nodes


@pytest.mark.parametrize("key", ["id_col", "group_by", "feature_date_col", "application_date_col", "application_dates", "source"])
def test_a_key_that_a_body_makes_idle_is_refused(project: Project, key: str) -> None:
    project.transform("e", sql=EVENTS)
    with pytest.raises(ManifestError, match=f"{key} is not read"):
        project.aggregation("a", sql="SELECT 1 AS x", **{key: "e"})


WRONG_TABLES: dict[str, tuple[Row, str]] = {
    "no id": ({"id_col": "user"}, "there is no column 'user'"),
    "no group": ({"group_by": ["regoin"]}, "did you mean region"),
    "no date": ({"feature_date_col": "dd", "application_dates": ["2024-01-01"]}, "there is no column 'dd'"),
    "no application date": ({"application_date_col": "until"}, "application_date_col (--application-date) names it"),
    "no value": ({"features": one("vv", basic=["sum"])}, "there is no column 'vv'"),
    "a date that is none": ({"feature_date_col": "u", "application_dates": ["2024-01-01"]}, "'u' is INTEGER, not a date"),
    "text that is no date": ({"feature_date_col": "what", "application_dates": ["2024-01-01"]}, "'a' in 'what' is no date"),
    "a sum of text": ({"features": one("what", basic=["sum"])}, "what_sum needs numbers"),
    "a ratio of text": ({"features": one("what", ratio=[{"numerator": [1, 2], "denominator": [3, 4], "aggs": ["max"]}])}, "needs numbers"),
    "a condition that is a number": ({"features": one(since=[{"condition": "u"}])}, "not true or false"),
    "a condition of no column": ({"features": one(since=[{"condition": "nope > 1"}])}, "nope"),
    "a table of dates without them": ({"application_dates": {"ref": "e", "column": "day"}}, "application_dates (--dates-column) names it"),
}  # fmt: skip


@pytest.mark.parametrize(("config", "fragment"), WRONG_TABLES.values(), ids=WRONG_TABLES)
def test_what_the_table_does_not_have_fails_while_running(project: Project, config: Row, fragment: str) -> None:
    project.transform("e", sql=EVENTS)
    project.node("aggregation", "a", **{"inputs": ["e"], "id_col": "u", "feature_date_col": "d", "features": one(basic=["sum"]), **config})
    assert fragment in (failure(project, "aggregation.a").error_message or "")
    assert not list((project.directory / "target" / "outputs").glob("aggregation/a/*"))


def test_dates_as_text_are_dates(project: Project) -> None:
    """The peer casts; a table that a Python body made often has them so."""
    found = aggregated(project, events=f"SELECT * REPLACE (CAST(d AS VARCHAR) AS d) FROM ({EVENTS})", application_dates=["2024-01-10"],
                       features=one(rolling=[{"window": "7d", "functions": ["sum"]}]))  # fmt: skip
    assert [row["v_sum_7d"] for row in found] == [60.0, None]


def test_parameters_are_put_in_before_anything_is_checked(project: Project) -> None:
    project.params = {"days": "7d"}  # type: ignore[misc]
    project.transform("e", sql=EVENTS)
    project.node("aggregation", "a", inputs=["e"], id_col="u", feature_date_col="d", application_dates=["2024-01-10"],
                 features=one(rolling=[{"window": "{{ days }}", "functions": ["sum"]}]))  # fmt: skip
    good(project)
    assert arrow(project, "aggregation.a").column_names[-1] == "v_sum_7d"


# The line of a cell


LINES = {
    "--id u --date d --column v --window 7d,8-30 --agg sum,mean": {
        "id_col": "u", "feature_date_col": "d",
        "features": [{"name": "v", "column": "v", "rolling": [{"window": ["7d", "8-30"], "functions": ["sum", "mean"]}]}],
    },
    "--id u --group-by g,h --column *,v": {
        "id_col": "u", "group_by": ["g", "h"],
        "features": [{"name": "events", "column": "*", "basic": ["count"]}, {"name": "v", "column": "v", "basic": ["count"]}],
    },
    "--id u --date d --column v --every week --on friday --from 2024-01-01": {
        "id_col": "u", "feature_date_col": "d", "features": [{"name": "v", "column": "v", "basic": ["count"]}],
        "application_dates": {"every": "week", "on": "friday", "from": "2024-01-01"},
    },
    "--id u --date d --column v --dates 2024-01-01,2024-02-01": {
        "id_col": "u", "feature_date_col": "d", "features": [{"name": "v", "column": "v", "basic": ["count"]}],
        "application_dates": ["2024-01-01", "2024-02-01"],
    },
    "--id u --date d --column v --dates-of transform.labels --dates-column at": {
        "id_col": "u", "feature_date_col": "d", "features": [{"name": "v", "column": "v", "basic": ["count"]}],
        "application_dates": {"ref": "transform.labels", "column": "at"},
    },
    "--id u --date d --column v --application-date at": {
        "id_col": "u", "feature_date_col": "d", "application_date_col": "at", "features": [{"name": "v", "column": "v", "basic": ["count"]}],
    },
}  # fmt: skip


@pytest.mark.parametrize(("line", "config"), LINES.items(), ids=LINES)
def test_a_line_says_what_yaml_says(line: str, config: Row) -> None:
    assert define("aggregation", ["a", *line.split()], "").config == config


@pytest.mark.parametrize("line", ["--agg sum", "--window 7d", "--column v --on monday", "--column v --every day --dates 2024-01-01", "--dates-column x"])
def test_a_line_that_says_half_is_refused(line: str) -> None:
    with pytest.raises(UsageError):
        define("aggregation", ["a", *line.split()], "")


def test_a_cells_line_alone_makes_features(project: Project) -> None:
    project.transform("e", sql=EVENTS)
    made = define("aggregation", "a --inputs e --id u --date d --column v,* --window 7d --agg count --dates 2024-01-10".split(), "")
    project.node(made.kind, made.name, **made.config)
    good(project)
    assert arrow(project, "aggregation.a").to_pylist() == [
        {"u": 1, "application_date": D(2024, 1, 10), "v_count_7d": 2, "events_count_7d": 2},
        {"u": 2, "application_date": D(2024, 1, 10), "v_count_7d": 0, "events_count_7d": 0},
    ]


# What a date that is null leaves out

DATELESS = """SELECT * FROM (VALUES
    (1, DATE '2024-01-01', 10.0, DATE '2024-01-05'), (1, NULL, 5.0, DATE '2024-01-05'), (1, DATE '2024-01-02', 7.0, NULL)) t(u, d, v, own)"""
SUMS = [{"name": "v", "basic": ["sum"]}]
WEEKS = [{"name": "v", "basic": ["sum"], "rolling": [{"window": "7d", "functions": ["sum"]}]}]
LEFT_OUT: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no date is asked for": ({"features": SUMS, "feature_date_col": None}, []),
    "a date that only says what there is": ({"features": SUMS}, []),
    "first and last": ({"features": [{"name": "v", "basic": ["sum", "last", "first"]}]}, ["no d, and do not count in v_last, v_first"]),
    "windows": ({"features": WEEKS}, ["no d, and do not count for any date"]),
    "given dates": ({"features": SUMS, "application_dates": ["2024-01-05"]}, ["no d, and do not count for any date"]),
    "every week": ({"features": SUMS, "application_dates": {"every": "week"}}, ["no d, and do not count for any date"]),
    "their own date": ({"features": SUMS, "application_date_col": "own"}, ["no d, and do not count for any date", "no own, and ask for no features"]),
    "their own date in windows": ({"features": WEEKS, "application_date_col": "own"}, ["no d, and do not count for any date", "no own, and ask for no features"]),
    "a table of dates": (
        {"features": SUMS, "application_dates": {"ref": "transform.days", "column": "day"}, "inputs": ["e", "days"]},
        ["no d, and do not count for any date", "no day, and are no application dates of transform.days"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("config", "told"), LEFT_OUT.values(), ids=LEFT_OUT)
@pytest.mark.parametrize("kind", ["DATE", "VARCHAR", "TIMESTAMP"])
def test_rows_that_a_null_date_leaves_out_are_counted_in_a_warning(project: Project, config: dict[str, Any], told: list[str], kind: str) -> None:
    project.transform("days", sql="SELECT unnest([DATE '2024-01-06', NULL]) AS day")
    aggregated(project, events=f"SELECT * REPLACE (d::{kind} AS d, own::{kind} AS own) FROM ({DATELESS})", **config)
    warnings = good(project, full=True)["aggregation.a"].metadata.get("warnings", [])
    assert warnings == [f"1 of {2 if 'no day' in text else 3} rows have {text}" for text in told]


def test_no_warning_stands_where_every_row_has_its_date(project: Project) -> None:
    aggregated(project, events=f"SELECT * FROM ({DATELESS}) WHERE d IS NOT NULL", features=WEEKS)
    assert "warnings" not in good(project, full=True)["aggregation.a"].metadata


@pytest.mark.parametrize(("config", "name"), [({"features": WEEKS}, "d"), ({"features": SUMS, "application_date_col": "own"}, "own")])
def test_a_date_without_end_is_no_date(project: Project, config: dict[str, Any], name: str) -> None:
    project.transform("e", sql=f"SELECT * REPLACE (DATE 'infinity' AS {name}) FROM ({DATELESS})")
    project.node("aggregation", "a", id_col="u", feature_date_col="d", inputs=["e"], **config)
    assert f"'{name}' holds dates without end" in (failure(project, "aggregation.a").error_message or "")
