"""What only stands in the graph, and what all kinds with a body share."""

from __future__ import annotations

import pytest

from kinds import good, rows, status
from seeknal_nb.errors import ManifestError


@pytest.mark.parametrize("kind", ["semantic_model", "metric"])
def test_a_declaration_is_shown_and_does_not_run(project, kind):
    project.transform("t", sql="SELECT 1 AS x")
    project.node(kind, "d", inputs=["t"], measures=[{"name": "revenue", "expr": "sum(x)"}])
    summary = good(project)
    assert summary[f"{kind}.d"].row_count is None
    assert "declaration" in summary[f"{kind}.d"].metadata["note"]
    assert f"{kind}.d" in str(project.ls())
    assert set(status(good(project)).values()) == {"cached"}


def test_a_second_order_aggregation_reads_the_first(project):
    project.transform("e", sql="SELECT * FROM (VALUES (1, 'n', 2), (1, 'n', 3), (2, 'n', 7)) t(u, region, v)")
    project.node("aggregation", "a", id_col="u", group_by="region", inputs=["e"], features=[{"name": "v", "basic": ["sum"]}])
    project.node("second_order_aggregation", "b", id_col="region", inputs=["aggregation.a"],
                 features=[{"name": "v_sum", "basic": ["mean"]}])  # fmt: skip
    good(project)
    assert rows(project, "second_order_aggregation.b") == [("n", 6.0)]


@pytest.mark.parametrize("kind", ["transform", "feature_group", "aggregation"])
def test_a_kind_with_a_body_needs_one_and_only_one(project, kind):
    keyed = {"key": "x"} if kind == "feature_group" else {}
    with pytest.raises(ManifestError, match="no body"):
        project.node(kind, "n", **keyed)
    with pytest.raises(ManifestError, match="two bodies"):
        project.node(kind, "n", sql="SELECT 1 AS x", python="result = 1", **keyed)
    assert not project.manifest.nodes


def test_kinds_that_were_written_for_the_first_version_are_found():
    from seeknal_nb.kinds import task
    from seeknal_nb.workflow.kinds.task import Kind, result_of

    assert (Kind, result_of) == (task.Kind, task.result_of)
