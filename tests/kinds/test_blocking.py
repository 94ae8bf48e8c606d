"""A rule that fails stops who reads what it checks, until the data are mended; its checks come back as a frame."""

from __future__ import annotations

import pytest

from kinds import good, run, status
from seeknal_nb import Project
from seeknal_nb.errors import SelectionError

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
    assert (found["transform.b"].status, found["transform.b"].reason) == ("skipped", "upstream failed: rule.positive")
    left = run(checked, exclude=["rule.positive"])
    assert left["transform.b"].status == "success", "whoever names the rule to be left out knows it"


@pytest.mark.parametrize("filters", [{"node_types": ["transform", "exposure"]}, {"tags": ["kept"]}])
def test_a_filter_does_not_lead_past_a_rule_that_failed(checked: Project, filters: dict[str, list[str]]) -> None:
    checked.transform("b", sql="SELECT sum(x) AS s FROM a", tags=["kept"])
    run(checked)
    found = run(checked, **filters)
    assert (found["transform.b"].status, found["transform.b"].reason) == (
        "skipped", "rule.positive failed: it checks what this node reads")  # fmt: skip


def test_a_named_node_of_a_fresh_project_is_checked_too(checked: Project) -> None:
    found = run(checked, nodes=["b"])
    assert status(found)["rule.positive"] == "failed"
    assert status(found)["transform.b"] == "skipped"


def test_a_pass_of_other_data_is_no_pass(checked: Project) -> None:
    """The data go bad while the rule is not asked; then somebody runs its reader alone."""
    checked.transform("a", sql=VALUES.format(3))
    good(checked)
    checked.transform("a", sql=VALUES.format(-3))
    good(checked, nodes=["a"], only=True)
    found = run(checked, nodes=["b"])
    assert (status(found)["rule.positive"], status(found)["transform.b"]) == ("failed", "skipped")


def test_a_rule_that_is_up_to_date_does_not_run_for_a_named_node(checked: Project) -> None:
    checked.transform("a", sql=VALUES.format(3))
    good(checked)
    found = good(checked, nodes=["b"])
    assert (status(found)["rule.positive"], status(found)["transform.b"]) == ("cached", "success")


def test_a_retry_goes_on_with_what_waited(checked: Project) -> None:
    run(checked)
    checked.rule("positive", on="a", checks=[{"range": {"column": "x", "min": -9}}])
    found = good(checked, nodes=["result:failed"], force=False)
    assert {i: s for i, s in status(found).items() if s == "success"}.keys() == {
        "rule.positive",
        "transform.b",
        "exposure.c",
    }


def test_what_stands_behind_a_reader_is_held_back_too(project: Project) -> None:
    project.transform("a", sql=VALUES.format(-3))
    project.transform("b", sql="SELECT sum(x) AS s FROM a")
    good(project)
    project.rule("positive", on="a", checks=[{"range": {"column": "x", "min": 0}}])
    run(project)
    project.exposure("c", inputs=["b"], to="c.csv")
    found = run(project, nodes=["exposure.c"])
    assert (found["exposure.c"].status, found["exposure.c"].reason) == (
        "skipped", "rule.positive failed: it checks what this node reads")  # fmt: skip
    assert not (project.directory / "c.csv").exists()


def test_a_reader_whose_rule_is_filtered_out_says_that_nothing_was_checked(checked: Project) -> None:
    plan = checked.plan(node_types=["transform"])
    assert plan.warnings == ("rule.positive is left out (not of type transform): what transform.b reads is not checked",)


def test_metrics_are_part_of_what_was_built(project: Project) -> None:
    """The table came out the same, and the number that the rule is about did not."""
    project.node(
        "transform", "t", python="import pandas as pd\nctx.log_metrics(auc=ctx.params['m'])\npd.DataFrame({'x': [1]})"
    )
    project.rule("r", on="t", checks=[{"metric": {"name": "auc", "min": 0.5}}])
    assert status(run(project, params={"m": 0.9}))["rule.r"] == "success"
    assert status(run(project, params={"m": 0.1}))["rule.r"] == "failed"


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
    assert "metric accuracy: 1, at most 0.1" in told[0]
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


def test_a_rule_that_failed_shows_what_it_found(checked: Project) -> None:
    run(checked)
    shown = checked.show("positive")
    assert shown.to_frame()[["check", "passed", "failed_rows", "rows"]].to_numpy().tolist() == [["range x", False, 1, 3]]
    assert "failed last time" in shown.headline()
    checked.transform("a", sql=VALUES.format(3))
    good(checked)
    assert checked.show("positive").to_frame()["passed"].tolist() == [True]
    assert "failed" not in checked.show("positive").headline()


def test_a_table_that_failed_since_is_shown_with_a_note(project: Project) -> None:
    project.transform("a", sql="SELECT 1 AS x")
    good(project)
    project.transform("a", sql="SELECT nowhere AS x")
    run(project)
    assert "failed last time" in project.show("a").headline()
    assert project.show("a").to_frame()["x"].tolist() == [1]
    project.transform("never", sql="SELECT nowhere AS x")
    run(project, continue_on_error=True)
    with pytest.raises(SelectionError, match="it failed last time"):
        project.show("never")


def test_warnings_of_a_rule_stay_when_nothing_runs(checked: Project) -> None:
    checked.rule("positive", on="a", severity="warn", checks=[{"range": {"column": "x", "min": 0}}])
    assert good(checked)["rule.positive"].warnings == good(checked)["rule.positive"].warnings != ()
