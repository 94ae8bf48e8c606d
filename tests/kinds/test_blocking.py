"""A rule that fails stops who reads what it checks, until the data are mended; its checks come back as a frame."""

from __future__ import annotations

import pytest

from kinds import good, run, status
from seeknal_nb import Project

VALUES = "SELECT * FROM (VALUES (1), (2), ({})) AS t(x)"


@pytest.fixture
def checked(project: Project) -> Project:
    project.transform("a", sql=VALUES.format(-3))
    project.transform("b", sql="SELECT sum(x) AS s FROM a")
    project.exposure("c", inputs=["b"], to="c.csv")
    project.transform("other", sql="SELECT 1 AS x")
    project.rule("positive", on="a", checks=[{"range": {"column": "x", "min": 0}}])
    return project


def test_readers_of_what_failed_are_skipped_and_others_run(checked: Project) -> None:
    found = run(checked, continue_on_error=True)
    assert status(found) == {
        "transform.a": "success", "transform.other": "success", "rule.positive": "failed",
        "transform.b": "skipped", "exposure.c": "skipped",
    }  # fmt: skip
    assert found["transform.b"].reason == found["exposure.c"].reason == "upstream failed: rule.positive"
    assert not (checked.directory / "c.csv").exists()


def test_mended_data_let_them_run(checked: Project) -> None:
    run(checked)
    checked.transform("a", sql=VALUES.format(3))
    found = good(checked)
    assert found["transform.b"].status == "success"
    assert (checked.directory / "c.csv").read_text() == "s\n6\n"


@pytest.mark.parametrize("workers", [1, 2])
def test_a_rule_that_fails_stops_readers_that_were_up_to_date(checked: Project, workers: int) -> None:
    checked.transform("a", sql=VALUES.format(3))
    good(checked)
    checked.rule("positive", on="a", checks=[{"range": {"column": "x", "min": 2}}])
    found = run(checked, workers=workers, continue_on_error=True)
    assert (found["transform.b"].status, found["transform.b"].reason) == ("skipped", "upstream failed: rule.positive")


@pytest.mark.parametrize("config", [{"severity": "warn"}, {"blocking": False}])
def test_a_rule_that_does_not_block_stops_nobody(checked: Project, config: dict[str, object]) -> None:
    checked.rule("positive", on="a", checks=[{"range": {"column": "x", "min": 0}}], **config)
    found = run(checked, continue_on_error=True)
    assert found["transform.b"].status == found["exposure.c"].status == "success"


def test_a_reader_that_is_named_does_not_get_past_a_rule_that_failed(checked: Project) -> None:
    run(checked)
    found = run(checked, nodes=["b"])
    assert (found["transform.b"].status, found["transform.b"].reason) == (
        "skipped", "rule.positive failed: it checks what this node reads")  # fmt: skip
    left = run(checked, exclude=["rule.positive"])
    assert left["transform.b"].status == "success", "whoever leaves the rule out knows it"


def test_the_plan_shows_the_rule_before_its_readers(checked: Project) -> None:
    steps = [step.node_id for step in checked.plan()]
    assert steps.index("rule.positive") < steps.index("transform.b")


def test_the_checks_of_a_run_are_a_frame_and_stay_when_nothing_runs(checked: Project) -> None:
    checked.transform("a", sql=VALUES.format(3))
    checked.rule("mild", on="a", severity="warn", checks=[{"range": {"column": "x", "max": 2}}, {"not_null": ["x"]}])
    columns = ["node_id", "check", "severity", "passed", "failed_rows", "rows"]
    wanted = [
        ["rule.positive", "range x", "error", True, 0, 3],
        ["rule.mild", "range x", "warn", False, 1, 3],
        ["rule.mild", "not_null x", "warn", True, 0, 3],
    ]
    for found in (good(checked), good(checked)):
        frame = found.checks
        assert frame[columns].to_numpy().tolist() == wanted
        assert list(frame.columns) == [*columns, "tolerance", "sample"]
    assert found["rule.mild"].status == "cached"


def test_a_run_without_checks_gives_an_empty_frame(project: Project) -> None:
    project.transform("a", sql="SELECT 1 AS x")
    assert good(project).checks.empty


def test_a_metric_of_a_build_that_was_made_before_is_checked(project: Project) -> None:
    """The rule alone runs again: the model's numbers come from the record of its build."""
    project.model("m", sql="SELECT i AS id, i % 7 AS a, i % 7 > 3 AS y FROM range(200) r(i)",
                  training={"algorithm": "logistic_regression", "target": "y", "key": ["id"]})  # fmt: skip
    project.rule("q", on="model.m", checks=[{"metric": {"name": "accuracy", "max": 0.1}}])
    told = []
    for _ in range(2):
        found = run(project)["rule.q"]
        assert found.status == "failed"
        told.append(found.error_message)
    assert told[0] == told[1]
    assert 'metric accuracy: {"accuracy": 1.0, "max": 0.1}' in told[0]
    project.rule("q", on="model.m", checks=[{"metric": {"name": "accuracy", "min": 0.1}}])
    summary = good(project)
    assert (summary["model.m"].status, summary["rule.q"].status) == ("cached", "success")
    frame = summary.metrics.set_index(["node_id", "metric"])["value"]
    assert frame["model.m", "accuracy"] == 1.0


def test_all_views_tell_checks_and_rows_alike(project: Project) -> None:
    project.transform("t", sql=VALUES.format(3))
    project.feature_group("g", sql="SELECT x FROM t", key="x", tests=[{"not_null": ["x"]}])
    project.rule("r", on="t", severity="warn", checks=[{"range": {"column": "x", "max": 2}}, {"not_null": ["x"]}])
    summary = good(project)
    for drawing in (project.drawing({r.node_id: r for r in summary.results}), project.graph()):
        details = {mark.id: mark.detail.split(" · ")[0] for mark in drawing.picture.marks}
        assert details == {"transform.t": "3 rows", "feature_group.g": "3 rows", "rule.r": "1 of 2 checks"}
