"""Feature groups: a row a key, keys that are there, times that are times."""

from __future__ import annotations

from typing import Any

import pytest

from kinds import failure, good, run
from seeknal_nb.errors import ManifestError

KEYED: dict[str, tuple[str, dict[str, Any], str | None]] = {
    "one row a key": ("(1, 'a', 5), (2, 'b', 6)", {"key": "k"}, None),
    "the peer's entity": ("(1, 'a', 5), (2, 'b', 6)", {"entity": {"name": "user", "join_keys": ["k"]}}, None),
    "two keys": ("(1, 'a', 5), (1, 'b', 6)", {"key": ["k", "l"]}, None),
    "a null key": ("(1, 'a', 5), (NULL, 'b', 6)", {"key": "k"}, "1 row breaks: key k is never null"),
    "a null in one of two keys": ("(1, NULL, 5), (2, 'b', 6)", {"key": ["k", "l"]}, "1 row breaks: key k, l is never null"),
    "a doubled key": ("(1, 'a', 5), (1, 'b', 6), (1, 'c', 7)", {"key": "k"}, "2 rows break: one row for each"),
    "a doubled pair": ("(1, 'a', 5), (1, 'a', 6)", {"key": ["k", "l"]}, "1 row breaks: one row for each"),
    "no such column": ("(1, 'a', 5)", {"key": "kk"}, "did you mean k"),
    "no rows": ("(1, 'a', 5) LIMIT 0", {"key": "k"}, None),
}


@pytest.mark.parametrize(("data", "config", "broken"), KEYED.values(), ids=KEYED)
def test_a_feature_group_has_one_row_a_key_and_no_key_is_null(project, data, config, broken):
    limit = " LIMIT 0" if "LIMIT" in data else ""
    project.feature_group("f", sql=f"SELECT * FROM (VALUES {data.replace(' LIMIT 0', '')}) t(k, l, v){limit}", **config)
    result = run(project)["feature_group.f"]
    if broken is None:
        assert result.status == "success", result.error_message
        assert set(result.metadata["keys"]).isdisjoint(result.metadata["features"])
    else:
        assert result.status == "failed"
        assert broken in result.error_message


def test_a_null_key_is_not_counted_as_a_doubled_one(project):
    project.feature_group("f", sql="SELECT * FROM (VALUES (1), (NULL), (2)) t(k)", key="k")
    message = failure(project, "feature_group.f").error_message
    assert "is never null" in message
    assert "one row for each" not in message


TIMES: dict[str, tuple[str, str | None]] = {
    "a timestamp": ("TIMESTAMP '2024-01-01'", None),
    "a date": ("DATE '2024-01-01'", None),
    "a timestamp with a zone": ("TIMESTAMPTZ '2024-01-01 00:00:00+00'", None),
    "a text": ("'2024-01-01'", "not a time"),
    "a number": ("20240101", "not a time"),
}


@pytest.mark.parametrize(("value", "broken"), TIMES.values(), ids=TIMES)
def test_an_event_time_is_a_time(project, value, broken):
    project.feature_group("f", sql=f"SELECT 1 AS k, {value} AS ts, 5 AS v", key="k", event_time="ts")
    result = run(project)["feature_group.f"]
    assert (result.status == "success") == (broken is None), result.error_message
    assert broken is None or broken in result.error_message


def test_a_feature_group_keeps_the_time_line(project):
    data = "(1, TIMESTAMP '2024-01-01', 5), (1, TIMESTAMP '2024-01-02', 6), (2, TIMESTAMP '2024-01-01', 7)"
    project.feature_group("f", sql=f"SELECT * FROM (VALUES {data}) t(k, ts, v)", entity={"join_keys": ["k"]},
                          materialization={"event_time_col": "ts"})  # fmt: skip
    result = good(project)["feature_group.f"]
    assert (result.row_count, result.metadata["features"], result.metadata["event_time"]) == (3, ["v"], "ts")
    project.feature_group("f", sql=f"SELECT * FROM (VALUES {data}, (2, TIMESTAMP '2024-01-01', 8)) t(k, ts, v)", key="k",
                          event_time="ts")  # fmt: skip
    assert "1 row breaks" in failure(project, "feature_group.f").error_message


def test_a_feature_group_in_python_is_held_to_the_same(project):
    project.feature_group("f", python="result = [{'k': 1, 'v': 2}, {'k': None, 'v': 3}]", key="k")
    assert "never null" in failure(project, "feature_group.f").error_message


def test_a_feature_group_needs_a_key(project):
    with pytest.raises(ManifestError, match="no key"):
        project.feature_group("f", sql="SELECT 1 AS k")
