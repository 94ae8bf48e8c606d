"""What is told of a build from several sides stands side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kinds import good
from seeknal_nb.kinds.metadata import merged

if TYPE_CHECKING:
    from seeknal_nb import Project

LOUD = "from fractions import Fraction\nctx.save_model({'x': Fraction(1, 2)})\nctx.log_metrics(own=7)\n"
ROWS = LOUD + "result = [{'k': 1, 'ts': datetime.datetime(2024, 1, 1), 'v': 5}]"
SPINE = LOUD + "result = [{'k': 2, 'due': datetime.datetime(2024, 1, 2)}]"
"""Bodies whose kinds warn too."""
KINDS: dict[str, tuple[str, dict[str, Any], str]] = {
    "a feature group": ("feature_group", {"python": ROWS, "key": "k", "event_time": "ts", "online": True}, "online"),
    "a profile": ("profile", {"python": ROWS, "profile": {"columns": ["v", "w"]}}, "'w' to profile"),
    "a retrieval": ("transform", {"python": SPINE, "features": ["f"], "label_time": "due"}, "no row found features"),
    "an aggregation": (
        "aggregation",
        {"python": ROWS.replace("1, 1)", "1, 1), 'd': None"), "id_col": "k", "feature_date_col": "ts", "application_date_col": "d",
         "features": [{"name": "v", "basic": ["sum"]}]}, "ask for no features",
    ),
    "an exposure": ("exposure", {"python": LOUD + "result = f.head(0)", "to": "x.csv"}, "no rows"),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "config", "own"), KINDS.values(), ids=KINDS)
def test_neither_warnings_nor_metrics_of_a_body_are_lost_where_its_kind_tells_some(
    project: Project, kind: str, config: dict[str, Any], own: str
) -> None:
    project.namespace = {"datetime": __import__("datetime")}
    project.feature_group("f", sql="SELECT 1 AS k, TIMESTAMP '2024-01-01' AS ts, 5 AS v", key="k", event_time="ts")
    project.node(kind, "n", **config)
    metadata = good(project)[f"{kind}.n"].metadata
    assert any("reading it runs its code" in text for text in metadata["warnings"])
    assert any(own in text for text in metadata["warnings"])
    assert metadata["metrics"]["own"] == 7
    assert len(metadata["metrics"]) > 1


def test_of_two_that_tell_the_same_the_last_counts_but_for_metrics_and_warnings() -> None:
    one, two = {"a": 1, "metrics": {"x": 1, "y": 1}, "warnings": ["w"]}, {"a": 2, "metrics": {"y": 2}, "warnings": ("v",)}
    assert merged(one, two, {}) == {"a": 2, "metrics": {"x": 1, "y": 2}, "warnings": ["w", "v"]}
    assert merged({"metrics": {}, "warnings": []}) == {}
