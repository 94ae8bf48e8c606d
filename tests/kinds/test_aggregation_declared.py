"""Aggregations, declared and in SQL, beside pandas."""

from __future__ import annotations

import pandas as pd
import pytest

from kinds import arrow, failure, good, rows
from seeknal_nb.errors import ManifestError

EVENTS = pd.DataFrame({
    "user_id": [n * 7 % 5 for n in range(60)], "region": ["n" if n % 3 else "s" for n in range(60)],
    "amount": [None if n % 11 == 0 else n * 1.25 - 20 for n in range(60)], "big": [2**53 + n for n in range(60)],
})  # fmt: skip


def test_a_declared_aggregation_equals_pandas(project):
    project.namespace = {"events": EVENTS}
    project.source("events", input="events", source="dataframe")
    basics = ["count", "sum", "mean", "min", "max", "std"]
    project.node("aggregation", "a", id_col="user_id", group_by=["region"], inputs=["source.events"],
                 features=[{"name": "amount", "basic": basics}, {"name": "b", "column": "big", "basic": ["sum"]}])  # fmt: skip
    good(project)
    found = arrow(project, "aggregation.a").to_pandas()
    expected = EVENTS.groupby(["user_id", "region"], as_index=False).agg(
        **{f"amount_{name}": ("amount", name) for name in basics}, b_sum=("big", "sum")
    )
    assert list(found.columns) == list(expected.columns)
    assert found["b_sum"].tolist() == expected["b_sum"].tolist()  # exact, beyond 2^53
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, rtol=1e-12)


def test_an_aggregation_in_sql_equals_pandas(project):
    project.namespace = {"events": EVENTS}
    project.source("events", input="events", source="dataframe")
    project.aggregation("a", sql="SELECT region, count(amount) AS n, max(amount) AS m FROM source.events GROUP BY ALL ORDER BY 1")
    good(project)
    expected = EVENTS.groupby("region")["amount"].agg(["count", "max"]).reset_index()
    assert rows(project, "aggregation.a") == list(expected.itertuples(index=False, name=None))


def test_a_sum_of_nothing_is_null(project):
    """KINDS § 1.4: NULL in SQL and 0 in pandas; it stays NULL."""
    project.transform("e", sql="SELECT * FROM (VALUES (1, NULL::INTEGER), (2, 3)) t(k, v)")
    project.node("aggregation", "a", id_col="k", inputs=["e"], features=[{"name": "v", "basic": ["sum", "count"]}])
    good(project)
    assert rows(project, "aggregation.a") == [(1, None, 0), (2, 3, 1)]


@pytest.mark.parametrize(("config", "fragment"), [
    ({"features": [{"name": "nope", "basic": ["sum"]}]}, "nope"),
    ({"features": [{"name": "v", "column": 'v") FROM x; --', "basic": ["sum"]}]}, ""),
    ({"features": [{"name": "v", "basic": ["sum"]}], "group_by": "missing"}, "missing"),
])  # fmt: skip
def test_what_an_aggregation_cannot_do_fails_and_says_what(project, config, fragment):
    project.transform("e", sql="SELECT 1 AS k, 2 AS v")
    project.node("aggregation", "a", id_col="k", inputs=["e"], **config)
    assert fragment in failure(project, "aggregation.a").error_message


def test_a_declared_aggregation_needs_an_id_and_one_input(project):
    with pytest.raises(ManifestError, match="no id_col"):
        project.node("aggregation", "a", features=[{"name": "v", "basic": ["sum"]}])
    project.node("aggregation", "a", id_col="k", features=[{"name": "v", "basic": ["sum"]}])
    assert "exactly one input" in failure(project, "aggregation.a").error_message
