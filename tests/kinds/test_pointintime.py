"""Point-in-time retrieval: a table worked out by hand, a brute force in loops, and laws over random time lines."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinds import good, rows
from seeknal_nb.kinds.features.groups import Group
from seeknal_nb.kinds.features.pointintime import Part, Spine, latest_sql, retrieval_sql, with_latest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seeknal_nb import Project

TTL = timedelta(days=2)
US = timedelta(microseconds=1)


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2024, 1, day, hour)


FEATURES: list[tuple[str, datetime, datetime, int | None]] = [
    ("u1", at(1), at(1), 10),
    ("u1", at(3), at(3, 6), 11),
    ("u1", at(5), at(5), 12),
    ("u1", at(5), at(5, 12), 13),  # a correction of the row above
    ("u1", at(4), at(7), 14),  # an older event that arrives late
    ("u2", at(2), at(2), 20),
    ("u2", at(2), at(4), 21),
    ("u2", at(10), at(9), 22),  # announced before it was true
    ("u3", at(1, 12), at(1, 12), None),
    ("u3", at(1, 18), at(1, 18), 31),
    ("u4", at(6), at(6), 40),
    ("u4", at(6), at(6) + US, 41),
    ("u5", at(8), at(20), 50),
    ("u5", at(7), at(7), 51),
    ("u6", at(15), at(15), 60),
]
# Key, label time; expected by event and by known time without a TTL, then with one of two days.
HAND: list[tuple[str | None, datetime | None, int | None, int | None, int | None, int | None]] = [
    ("u1", datetime(2023, 12, 31), None, None, None, None),  # before the first
    ("u1", at(1), 10, 10, 10, 10),  # at the very time
    ("u1", at(3), 11, 10, 11, 10),  # true, not known; what was known is exactly as old as the TTL
    ("u1", at(3) + US, 11, 10, 11, None),  # just past it
    ("u1", at(3, 6), 11, 11, 11, 11),
    ("u1", at(5), 13, 12, 13, 12),  # of two with one event time the one created last
    ("u1", at(5, 12), 13, 13, 13, 13),
    ("u1", at(7), 13, 13, 13, 13),  # the late arrival displaces nothing
    ("u1", at(7) + US, 13, 13, None, None),
    ("u1", at(4, 12), 14, 11, 14, 11),
    ("u1", at(4, 12), 14, 11, 14, 11),  # a label that stands twice
    ("u2", at(3), 21, 20, 21, 20),
    ("u2", at(4), 21, 21, 21, 21),
    ("u2", at(9, 12), 21, 21, None, None),
    ("u2", at(10), 22, 22, 22, 22),
    ("u3", at(1, 12), None, None, None, None),  # a null feature is one
    ("u3", at(1, 20), 31, 31, 31, 31),
    ("u4", at(6), 41, 40, 41, 40),
    ("u5", at(9), 50, 51, 50, 51),
    ("u5", at(20), 50, 50, None, None),
    (None, at(5), None, None, None, None),
    ("u1", None, None, None, None, None),
    ("u9", at(5), None, None, None, None),
    ("u6", at(14), None, None, None, None),
    ("u6", at(15), 60, 60, 60, 60),
]
WAYS = [("event", None), ("known", None), ("event", TTL), ("known", TTL)]
NAMED = dict(zip(("by event", "by known time", "by event, with a TTL", "by known time, with a TTL"), enumerate(WAYS), strict=True))


def brute_force(
    labels: Sequence[tuple[tuple[Any, ...], datetime | None]],
    features: Sequence[tuple[tuple[Any, ...], datetime, datetime, Any]],
    *,
    mode: str,
    ttl: timedelta | None,
) -> list[Any]:
    """What each label sees, by looking at every row; written from KINDS.md, not from the SQL."""
    found = []
    for key, label in labels:
        best: tuple[datetime, datetime, Any] | None = None
        for other, event, created, value in features:
            if label is None or None in key or other != key or event > label or (mode == "known" and created > label):
                continue
            if best is None or (event, created) > best[:2]:
                best = (event, created, value)
        fresh = best is not None and label is not None and (ttl is None or label - best[0] <= ttl)
        found.append(best[2] if fresh and best is not None else None)
    return found


@pytest.mark.parametrize(("number", "way"), NAMED.values(), ids=NAMED)
def test_the_brute_force_agrees_with_what_was_worked_out_by_hand(number: int, way: tuple[str, timedelta | None]) -> None:
    labels = [((row[0],), row[1]) for row in HAND]
    found = brute_force(labels, [((k,), e, c, v) for k, e, c, v in FEATURES], mode=way[0], ttl=way[1])
    assert found == [row[2 + number] for row in HAND]


def _values(listed: Sequence[Sequence[Any]]) -> str:
    return ", ".join("(" + ", ".join("NULL" if v is None else f"'{v}'" if not isinstance(v, int) else str(v) for v in row) + ")"
                     for row in listed)  # fmt: skip


def _hand(project: Project, ttl: timedelta | None, **more: Any) -> None:
    project.source("raw", sql=f"SELECT k, e::TIMESTAMP AS e, c::TIMESTAMP AS c, v FROM (VALUES {_values(FEATURES)}) t(k, e, c, v)")
    labels = _values([(n, *row[:2]) for n, row in enumerate(HAND)])
    project.source("labels", sql=f"SELECT n, k, ts::TIMESTAMP AS ts FROM (VALUES {labels}) t(n, k, ts)")
    project.feature_group("f", sql="FROM raw", key="k", event_time="e", created_time="c", ttl=None if ttl is None else "2d", **more)


@pytest.mark.parametrize(("number", "way"), NAMED.values(), ids=NAMED)
def test_a_transform_gives_what_was_worked_out_by_hand(project: Project, number: int, way: tuple[str, timedelta | None]) -> None:
    _hand(project, way[1])
    project.transform("joined", spine="labels", label_time="ts", features=["f"], mode=way[0])
    project.transform("called", python=f"result = ctx.features(labels, ['f:v'], time='ts', mode={way[0]!r})", **{"as": "arrow"})
    project.transform("body", sql="SELECT * FROM labels", label_time="ts", features="f:v AS w", mode=way[0])
    good(project)
    expected = [(n, *row[:2], row[2 + number]) for n, row in enumerate(HAND)]
    for node_id in ("transform.joined", "transform.called", "transform.body"):
        assert rows(project, node_id) == expected


# Laws

_KEYS = st.sampled_from(["a", "b", "c"])
_TIMES = st.integers(0, 12).map(lambda hours: datetime(2024, 1, 1) + timedelta(hours=hours))


@st.composite
def cases(draw: st.DrawFn) -> tuple[Any, ...]:
    """Labels, feature rows, mode and TTL; narrow ranges, so that ties and exact bounds are common."""
    width = draw(st.integers(1, 2))
    key, maybe = st.tuples(*[_KEYS] * width), st.tuples(*[st.none() | _KEYS] * width)
    labels = draw(st.lists(st.tuples(maybe, st.none() | _TIMES), max_size=12))
    drawn = draw(st.lists(st.tuples(key, _TIMES, _TIMES, st.none() | st.integers(0, 9)), max_size=25))
    features = list({row[:3]: row for row in drawn}.values())
    ttl = draw(st.none() | st.integers(1, 5).map(lambda hours: timedelta(hours=hours)))
    return labels, features, draw(st.sampled_from(["event", "known"])), ttl


_KEY_COLUMNS = ("at", "k0")
"""Names that the SQL uses for its own ends, too."""


def _tables(labels: Sequence[Any], features: Sequence[Any], width: int) -> tuple[pa.Table, pa.Table]:
    text, time, number = pa.string(), pa.timestamp("us"), pa.int64()
    keys = [pa.array([row[0][at] for row in labels], text) for at in range(width)]
    spine = {**dict(zip(_KEY_COLUMNS, keys, strict=False)), "s": pa.array([row[1] for row in labels], time),
             "n": pa.array(range(len(labels)), number)}  # fmt: skip
    keys = [pa.array([row[0][at] for row in features], text) for at in range(width)]
    group = {**dict(zip(_KEY_COLUMNS, keys, strict=False)), "e": pa.array([row[1] for row in features], time),
             "f0": pa.array([row[2] for row in features], time), "v": pa.array([row[3] for row in features], number)}  # fmt: skip
    return pa.table(spine), pa.table(group)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    made = duckdb.connect()
    yield made
    made.close()


def retrieved(
    connection: duckdb.DuckDBPyConnection, labels: Any, features: Any, *, mode: str, ttl: timedelta | None, ties: bool = True
) -> list[tuple[Any, ...]]:
    width = len(labels[0][0]) if labels else len(features[0][0]) if features else 1
    spine, group = _tables(labels, features, width)
    connection.register("spine", spine)
    connection.register("line", group)
    us = None if ttl is None else ttl // US
    declared = Group("feature_group.line", _KEY_COLUMNS[:width], ("v",), "e", "f0", us, ties)
    types = {name: str(kind) for name, kind in connection.execute("SELECT column_name, column_type FROM (DESCRIBE line)").fetchall()}
    part = Part(declared, "line", (("v", "v"),), types)
    asked = Spine("spine", dict.fromkeys(spine.column_names, ""), "s")
    return connection.execute(retrieval_sql(asked, [part], mode=mode)).fetchall()


@settings(max_examples=250)
@given(case=cases())
def test_random_time_lines_agree_with_the_brute_force_and_every_label_stays_in_its_place(
    connection: duckdb.DuckDBPyConnection, case: Any
) -> None:
    labels, features, mode, ttl = case
    expected = brute_force(labels, features, mode=mode, ttl=ttl)
    found = retrieved(connection, labels, features, mode=mode, ttl=ttl)
    assert found == [(*key, time, n, value) for n, ((key, time), value) in enumerate(zip(labels, expected, strict=True))]


@settings(max_examples=60)
@given(case=cases())
def test_what_lies_after_a_label_never_changes_it(connection: duckdb.DuckDBPyConnection, case: Any) -> None:
    labels, features, mode, ttl = case
    whole = retrieved(connection, labels, features, mode=mode, ttl=ttl)
    for number, (key, label) in enumerate(labels):
        before = [row for row in features if label is None or (row[1] if mode == "event" else max(row[1:3])) <= label]
        assert retrieved(connection, [(key, label)], before, mode=mode, ttl=ttl)[0][-1] == whole[number][-1]


@settings(max_examples=60)
@given(case=cases(), late=st.lists(st.tuples(_KEYS, _TIMES, st.integers(0, 9)), max_size=8))
def test_late_rows_never_change_what_earlier_labels_knew(connection: duckdb.DuckDBPyConnection, case: Any, late: Any) -> None:
    labels, features, _, ttl = case
    width = len(labels[0][0]) if labels else len(features[0][0]) if features else 1
    after = datetime(2024, 2, 1)
    more = [((key,) * width, event, after + number * US, value) for number, (key, event, value) in enumerate(late)]
    before = retrieved(connection, labels, features, mode="known", ttl=ttl)
    assert retrieved(connection, labels, [*features, *more], mode="known", ttl=ttl) == before


def test_many_rows_agree_with_merge_asof(connection: duckdb.DuckDBPyConnection) -> None:
    """The engine joins few and many rows by different means."""
    start = datetime(2024, 1, 1)
    labels = [((f"k{n * 7919 % 97}",), start + timedelta(minutes=n * 104_729 % 50_000)) for n in range(20_000)]
    unique = {(f"k{n * 31 % 101}", start + timedelta(minutes=n * 15_485 % 49_999)): n for n in range(15_000)}
    features = [((key,), event, event, value) for (key, event), value in unique.items()]
    ttl = timedelta(hours=5)
    left = pd.DataFrame({"k": [k for (k,), _ in labels], "t": [t for _, t in labels], "n": range(len(labels))}).sort_values("t")
    right = pd.DataFrame({"k": [k for k, _ in unique], "t": [t for _, t in unique], "v": list(unique.values())}).sort_values("t")
    expected = pd.merge_asof(left, right, on="t", by="k", tolerance=pd.Timedelta(ttl)).sort_values("n")["v"]
    for mode in ("event", "known"):
        found = retrieved(connection, labels, features, mode=mode, ttl=ttl, ties=False)
        assert [row[-2] for row in found] == list(range(len(labels)))
        assert [row[-1] for row in found] == [None if pd.isna(value) else int(value) for value in expected]


def test_infinite_label_times_see_the_newest_row_and_no_row_with_a_ttl(connection: duckdb.DuckDBPyConnection) -> None:
    group = Group("feature_group.line", ("k",), ("v",), "e")
    line = "(SELECT * FROM (VALUES (1, TIMESTAMP '2024-01-01', 5), (1, TIMESTAMP '2024-01-02', 6)) t(k, e, v))"
    spine = Spine("(SELECT 1 AS k, 'infinity'::TIMESTAMP AS s)", {"k": "", "s": ""}, "s")
    for ttl, expected in ((None, 6), (86_400_000_000, None)):
        part = Part(Group(group.node_id, group.keys, group.features, "e", None, ttl), line, (("v", "v"),), {})
        assert connection.execute(f"SELECT v FROM ({retrieval_sql(spine, [part])})").fetchall() == [(expected,)]


def test_nanoseconds_of_a_label_see_no_later_microsecond(connection: duckdb.DuckDBPyConnection) -> None:
    line = "(SELECT * FROM (VALUES (1, TIMESTAMP '2024-01-01', 5), (1, TIMESTAMP '2024-01-01 00:00:00.000001', 6)) t(k, e, v))"
    part = Part(Group("feature_group.line", ("k",), ("v",), "e"), line, (("v", "v"),), {"e": "TIMESTAMP"})
    spine = Spine("(SELECT 1 AS k, '2024-01-01 00:00:00.000000900'::TIMESTAMP_NS AS s)", {"k": "", "s": "TIMESTAMP_NS"}, "s")
    assert connection.execute(f"SELECT v FROM ({retrieval_sql(spine, [part])})").fetchall() == [(5,)]


LATEST = {
    "a table function": ('SELECT * FROM latest("feature_group"."f")', "SELECT * FROM (SELECT * FROM \"feature_group\".\"f\")"),
    "a join, with an alias": ('FROM x JOIN latest( "feature_group"."f" ) AS y', "FROM x JOIN (SELECT * FROM \"feature_group\".\"f\") AS y"),
    "a comment": ('SELECT 1 -- FROM latest("feature_group"."f")', 'SELECT 1 -- FROM latest("feature_group"."f")'),
    "a text": ("SELECT 'from latest(f)'", "SELECT 'from latest(f)'"),
    "a column": ("SELECT latest FROM x", "SELECT latest FROM x"),
}


@pytest.mark.parametrize(("text", "expected"), LATEST.values(), ids=LATEST)
def test_latest_is_written_where_a_table_stands(text: str, expected: str) -> None:
    assert with_latest(text, lambda name: Group(name, ("k",), ("v",))) == expected


@settings(max_examples=60)
@given(case=cases())
def test_latest_is_the_newest_row_of_each_key(connection: duckdb.DuckDBPyConnection, case: Any) -> None:
    _, features, _, _ = case
    width = len(features[0][0]) if features else 1
    _, line = _tables([], features, width)
    connection.execute("CREATE SCHEMA IF NOT EXISTS feature_group")
    connection.register("line", line)
    connection.execute("CREATE OR REPLACE TEMP TABLE stored AS FROM line")
    sql = latest_sql(Group("stored", _KEY_COLUMNS[:width], ("v",), "e", "f0"))
    newest: dict[Any, Any] = {}
    for key, event, created, value in features:
        if key not in newest or (event, created) > newest[key][:2]:
            newest[key] = (event, created, value)
    assert connection.execute(sql).fetchall() == [(*key, *newest[key]) for key in sorted(newest)]
