"""``ctx.features`` of an entity: its newest features, a row a key, of one group or of several."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from kinds import arrow, failure, good, rows
from seeknal_nb.errors import ManifestError
from seeknal_nb.python.wanted import Wanted, read_wanted

if TYPE_CHECKING:
    from seeknal_nb import Project

LINE = "(1, TIMESTAMP '2024-01-01', 5), (1, TIMESTAMP '2024-01-03', 6), (2, TIMESTAMP '2024-01-01', 7)"
FIRST, SECOND = datetime(2024, 1, 1), datetime(2024, 1, 3)
DAY = datetime(2024, 1, 2)


@pytest.fixture
def user(project: Project) -> Project:
    """Three groups of the entity user: two with times, one without; and one of another entity."""
    user: Any = {"name": "user", "join_keys": ["k"]}
    project.feature_group("f", sql=f"SELECT * FROM (VALUES {LINE}) t(k, ts, v)", entity=user, event_time="ts")
    project.feature_group("g", sql="SELECT * FROM (VALUES (1, DATE '2024-01-02', 'a'), (3, DATE '2024-01-02', 'b')) t(k, day, w)",
                          entity=user, event_time="day")  # fmt: skip
    project.feature_group("h", sql="SELECT 4 AS k, true AS x", entity=user)
    project.feature_group("shop", sql="SELECT 1 AS k, 9 AS v", entity={"name": "shop", "join_keys": ["k"]})
    project.feature_group("nobody", sql="SELECT 1 AS k, 9 AS v", key="k")
    return project


def asked(project: Project, call: str) -> list[dict[str, Any]]:
    """The rows that a body gives; what has no value is None."""
    project.transform("t", python=call, **{"as": "arrow"})
    good(project)
    return arrow(project, "transform.t").to_pylist()


ONE = [{"k": 1, "event_time": SECOND, "v": 6}, {"k": 2, "event_time": FIRST, "v": 7}]
PEERS = [{"k": row["k"], "event_time": row["event_time"], "f__v": row["v"]} for row in ONE]
CALLS: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "a group": ("ctx.features('user', ['f'])", ONE),
    "a group as a text": ("ctx.features('user', 'feature_group.f')", ONE),
    "a feature": ("ctx.features('user', ['f:v'])", ONE),
    "a feature as the peer writes it": ("ctx.features('user', ['f.v'])", PEERS),
    "with the kind": ("ctx.features('user', ['feature_group.f.v'])", PEERS),
    "as the peer writes it, with a name": ("ctx.features('user', ['f.v AS v'])", ONE),
    "by keywords, whatever the case": ("ctx.features(features=('F:v',), spine='USER')", ONE),
    "a day": ("ctx.features('user', ['f:v'], as_of='2024-01-02')", [{"k": 1, "event_time": FIRST, "v": 5}, ONE[1]]),
    "the day itself": ("from datetime import date\nctx.features('user', ['f:v'], as_of=date(2024, 1, 3))", ONE),
    "before all": ("ctx.features('user', ['f:v'], as_of='2023-01-01')", []),
    "no times": ("ctx.features('user', ['h'])", [{"k": 4, "x": True}]),
    "several groups": ("ctx.features('user', ['f.v', 'g', 'h:x'])", [
        {"k": 1, "event_time": SECOND, "f__v": 6, "w": "a", "x": None},
        {"k": 2, "event_time": FIRST, "f__v": 7, "w": None, "x": None},
        {"k": 3, "event_time": DAY, "f__v": None, "w": "b", "x": None},
        {"k": 4, "event_time": None, "f__v": None, "w": None, "x": True},
    ]),
    "a feature that is called event_time": ("ctx.features('user', ['f:v AS Event_Time'])", [{"k": 1, "Event_Time": 6}, {"k": 2, "Event_Time": 7}]),
    "another form": ("ctx.features('user', ['f:v'], as_='pandas').v.tolist() and ctx.features('user', ['f:v'])", ONE),
}  # fmt: skip


@pytest.mark.parametrize(("call", "expected"), CALLS.values(), ids=CALLS)
def test_an_entitys_features_are_the_newest_of_each_key(user: Project, call: str, expected: list[dict[str, Any]]) -> None:
    assert asked(user, call) == expected


def test_an_entity_is_as_latest_has_it_where_creation_tells_rows_apart(user: Project) -> None:
    body = "SELECT 1 AS k, TIMESTAMP '2024-01-01' AS ts, TIMESTAMP '2024-01-01' + to_days(i::INTEGER) AS made, i AS v FROM range(4) r(i)"
    user.feature_group("f", sql=body, entity={"name": "user", "join_keys": ["k"]}, event_time="ts", created_time="made")
    user.transform("one", python="[{'a': ctx.latest('f').v[0], 'b': ctx.features('user', ['f:v']).v[0]}]")
    user.transform("known", python="ctx.features('user', ['f:v'], as_of='2024-01-01')")
    good(user)
    assert rows(user, "transform.one") == [(3, 3)]
    assert rows(user, "transform.known")[0][-1] == 3


def test_two_keys_join_whatever_their_order(project: Project) -> None:
    for name, keys in (("a", ["k", "l"]), ("b", ["l", "k"])):
        project.feature_group(name, sql=f"SELECT i % 2 AS k, i % 3 AS l, i AS {name}1 FROM range(6) r(i)", entity={"name": "pair", "join_keys": keys})
    project.transform("t", python="ctx.features('pair', ['a', 'b'])")
    good(project)
    found = rows(project, "transform.t")
    assert len(found) == 6
    assert all(row[2] == row[3] for row in found)


def test_an_entitys_groups_are_the_nodes_edges_and_a_node_of_its_name_is_a_spine(user: Project) -> None:
    user.transform("t", python="def t(ctx):\n    return ctx.features('user', ['f.v', 'feature_group.g'])")
    assert user.manifest.get_upstream_nodes("transform.t") == {"feature_group.f", "feature_group.g"}
    user.transform("user", python="ctx.features('user', ['h'])")
    assert user.manifest.get_upstream_nodes("transform.user") == {"feature_group.h"}
    user.transform("user", sql="SELECT 4 AS k, 'row' AS name")
    user.transform("joined", python="ctx.features('user', ['h'])")
    assert user.manifest.get_upstream_nodes("transform.joined") == {"feature_group.h", "transform.user"}
    good(user)
    assert rows(user, "transform.joined") == [(4, "row", True)]


def test_a_retrieval_takes_the_peers_spelling_under_the_features_own_name(user: Project) -> None:
    user.transform("labels", sql="SELECT 1 AS k, TIMESTAMP '2024-01-02' AS due")
    user.transform("t", spine="labels", label_time="due", features=["f.v"])
    good(user)
    assert rows(user, "transform.t") == [(1, DAY, 5)]


REFUSED: dict[str, tuple[str, str]] = {
    "an entity that is misspelt": ("ctx.features('usr', ['f:v'])", "did you mean user"),
    "neither an input nor an entity": ("ctx.features('xyzzy', ['f:v'])", "unknown input or entity 'xyzzy'"),
    "a group that is misspelt": ("ctx.features('user', ['ff.v'])", "did you mean feature_group.f"),
    "a group of another kind": ("ctx.features('user', ['transform.f.v'])", "no feature group"),
}


@pytest.mark.parametrize(("call", "expected"), REFUSED.values(), ids=REFUSED)
def test_a_wrong_name_is_refused_at_definition_with_the_nearest(user: Project, call: str, expected: str) -> None:
    with pytest.raises(ManifestError) as caught:
        user.transform("t", python=call)
    assert expected in str(caught.value)


FAILING: dict[str, tuple[str, str]] = {
    "a feature that is misspelt": ("ctx.features('user', ['f.vv'])", "did you mean v"),
    "another entity's group": ("ctx.features('user', ['f.v', 'shop.v'])", "feature_group.shop describes shop"),
    "an entity that nothing tells": ("ctx.features('user', ['nobody.v'])", "does not say whom it describes"),
    "a name that is put together": ("ctx.features('u' + 'sr', ['f.v'])", "did you mean user"),
    "two columns of one name": ("ctx.features('user', ['f', 'f:v'])", "two columns are called 'v'"),
    "a time": ("ctx.features('user', ['f:v'], time='ts')", "time and mode are of a spine"),
    "a mode": ("ctx.features('user', ['f:v'], mode='known')", "as_of"),
    "a day of a spine": ("ctx.features([{'k': 1}], ['h'], as_of='2024-01-01')", "as_of is of an entity"),
    "a day that is none": ("ctx.features('user', ['f:v'], as_of='soon')", "soon"),
}


@pytest.mark.parametrize(("call", "expected"), FAILING.values(), ids=FAILING)
def test_a_call_that_does_not_fit_fails(user: Project, call: str, expected: str) -> None:
    user.transform("t", python=call)
    assert expected in str(failure(user, "transform.t").error_message)


def test_groups_whose_keys_differ_are_not_joined(user: Project) -> None:
    user.feature_group("h", sql="SELECT '4' AS k, true AS x", entity={"name": "user", "join_keys": ["k"]})
    user.transform("t", python="ctx.features('user', ['f', 'h'])")
    assert "feature_group.f has k INTEGER, feature_group.h has k VARCHAR" in str(failure(user, "transform.t").error_message)


WANTED = {
    "f.v": Wanted("feature_group.f", "v", dotted=True), "f.v as w": Wanted("feature_group.f", "v", "w", dotted=True),
    "feature_group.f": Wanted("feature_group.f"), "feature_group.f.v": Wanted("feature_group.f", "v", dotted=True),
    "f.v.w": Wanted("feature_group.f", "v.w", dotted=True), "f:v.w": Wanted("feature_group.f", "v.w"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), WANTED.items(), ids=WANTED)
def test_a_dot_stands_for_a_colon_behind_what_is_no_kind(text: str, expected: Wanted) -> None:
    assert read_wanted(text) == expected

