"""Runs side by side, and the tables as a run left them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seeknal_nb import Project
from seeknal_nb.cli import main
from seeknal_nb.errors import SelectionError


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Three runs: one row, two rows, one row again, which is taken from the first."""
    found = Project(tmp_path)
    for rows in ("SELECT 1 AS x", "SELECT 2 AS x UNION ALL SELECT 3", "SELECT 1 AS x"):
        found.transform("a", rows)
        found.rule("r", on="a", expression="x < 3", severity="warn")
        found.transform("v", "SELECT x FROM a", materialized="view")
        found.run(progress=False)
    return found


def rows(project: Project, *runs: str) -> dict[str, dict[str, Any]]:
    return {row["node_id"]: row for row in project.compare(*runs).to_dict()["rows"]}


def test_two_runs_stand_side_by_side(project: Project) -> None:
    found = rows(project, "-3", "-2")
    assert {name: row["build"] for name, row in found.items()} == {"transform.a": "another", "rule.r": "another", "transform.v": "another"}
    a, r = found["transform.a"], found["rule.r"]
    assert (a["status"], a["status_now"], a["rows"], a["rows_now"]) == ("success", "success", 1, 2)
    assert (r["checks"], r["checks_now"]) == ("1 of 1", "0 of 1")
    assert a["seconds"] > 0


def test_what_was_taken_up_again_has_the_rows_and_the_seconds_of_its_own_execution(project: Project) -> None:
    found = rows(project, "-3", "last")
    assert {row["build"] for row in found.values()} == {"same"}
    a = found["transform.a"]
    assert (a["status_now"], a["rows"], a["rows_now"]) == ("cached", 1, 1)
    assert a["seconds"] == a["seconds_now"]
    assert found["rule.r"]["checks_now"] == "1 of 1"
    assert rows(project) == rows(project, "-2", "-1")


def test_a_failure_shows_as_one_and_leaves_the_build_of_before(project: Project) -> None:
    project.transform("a", "SELECT error('no') AS x")
    project.run(progress=False)
    a = rows(project)["transform.a"]
    assert (a["status"], a["status_now"], a["rows_now"], a["build"]) == ("cached", "failed", None, "same")
    project.transform("a", "SELECT 1 AS x")
    project.run(progress=False)
    assert rows(project)["transform.a"]["status_now"] == "success"  # a node that failed runs again


def test_nodes_that_came_or_went_are_told(project: Project) -> None:
    project.transform("new", "SELECT 1 AS x")
    project.run(progress=False)
    assert rows(project)["transform.new"]["build"] == "new"
    assert rows(project)["transform.new"]["status"] == ""


def test_metrics_that_differ_are_told(tmp_path: Path) -> None:
    project = Project(tmp_path)
    for value in (0.5, 0.75):
        project.transform("m", python=f"def m(ctx):\n    ctx.log_metrics(score={value}, same=1)\n    return [{{'x': 1}}]")
        project.run(progress=False)
    assert rows(project)["transform.m"]["metrics"] == "score 0.5 -> 0.75"


def test_a_table_is_read_as_a_run_left_it(project: Project) -> None:
    assert project.at("-3")["a"].x.tolist() == [1]
    assert project.at("-2")["transform.a"].x.tolist() == [2, 3]
    assert project.at("last")["a"].x.tolist() == [1]
    assert project["a"].x.tolist() == [1]
    assert "transform.a" in repr(project.at("last"))


def test_what_is_not_there_any_more_is_said(project: Project) -> None:
    with pytest.raises(SelectionError, match="is a view"):
        project.at("last")["v"]
    with pytest.raises(SelectionError, match="nope"):
        project.at("last")["nope"]
    project.transform("late", "SELECT 1 AS x")
    with pytest.raises(SelectionError, match="had no build after the run"):
        project.at("last")["late"]
    project.clean()
    with pytest.raises(SelectionError, match="of then is not kept"):
        project.at("-2")["a"]
    assert project.at("-3")["a"].x.tolist() == [1]


def test_a_node_that_is_gone_can_still_be_read(project: Project) -> None:
    project.remove("r", "v", "a")
    assert project.at("-2")["a"].x.tolist() == [2, 3]
    assert project.at("-2")["transform.a"].x.tolist() == [2, 3]


def test_a_run_is_named_by_its_id_a_part_of_it_or_from_the_end(project: Project) -> None:
    ids = [row[1] for row in project.history().rows]
    assert [row[0] for row in project.history().rows] == [3, 2, 1]  # as the strip above an earlier graph calls them
    for name in (ids[1], ids[1][-6:], "-2", "2"):
        assert project.at(name).run_id == ids[1]
    assert project.at(2).run_id == ids[1]
    assert str(project.compare(1, 3)) == str(project.compare("1", "3"))
    for name in ("", "9", "-9", "-0", "x", ids[1][-3:], ids[1] + "0"):
        with pytest.raises(SelectionError, match="history lists them"):
            project.at(name)


def test_a_record_of_an_earlier_version_or_of_somebody_else_is_no_obstacle(project: Project) -> None:
    changes: list[dict[str, Any]] = [{"builds": 3}, {"results": "x", "builds": {}}, {"builds": {"a": 3, "b": ["x"]}, "results": [3, {}]}]
    folder = project.directory / "target/runs"
    for path, change in zip(sorted(folder.glob("*T*.json")), changes, strict=True):
        path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    assert project.compare("-3", "last")
    with pytest.raises(SelectionError):
        project.at("last")["a"]


def test_the_shell_and_the_notebook_have_it(project: Project, monkeypatch: Any, capsys: Any, nb: Any) -> None:
    nb("%%seeknal transform a\nSELECT 1 AS x")
    nb("%seeknal run")
    nb("%%seeknal transform a\nSELECT 2 AS x")
    nb("%seeknal run")
    for line in ("%seeknal compare", "%seeknal compare -2 -1"):
        assert {row["node_id"]: row["build"] for row in nb(line).to_dict()["rows"]}["transform.a"] == "another"
    assert nb("seeknal.at('-2')['a']").x.tolist() == [1]
    monkeypatch.chdir(project.directory)
    (project.directory / "seeknal").mkdir()
    (project.directory / "seeknal/a.yml").write_text("kind: transform\nname: a\nsql: SELECT 1 AS x\n")
    assert main(["compare", "-3", "-2", "--format", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["rows"]) == 3


def test_what_was_made_once_more_under_the_same_key_is_another_build(tmp_path: Path) -> None:
    """Its rows are gone, and nobody is shown those of the other run for them."""
    project = Project(tmp_path)
    project.transform("r", "SELECT random() AS z")
    project.run(progress=False)
    first = project["r"].z.tolist()
    project.run(progress=False, full=True)
    assert project["r"].z.tolist() != first
    assert rows(project)["transform.r"]["build"] == "another"
    assert project.at("last")["r"].z.tolist() == project["r"].z.tolist()
    with pytest.raises(SelectionError, match="of then is not kept"):
        project.at("-2")["r"]


@pytest.mark.parametrize("totals", ["duration", ["duration"], {"duration": "x"}, None])
def test_a_record_with_other_totals_is_passed_over(project: Project, totals: Any) -> None:
    path = max((project.directory / "target/runs").glob("*T*.json"))
    path.write_text(json.dumps({**json.loads(path.read_text()), "totals": totals}))
    assert len(project.history().rows) == 2
    assert rows(project, "-2", "last")


def test_a_metric_of_hundreds_of_digits_is_left_out(project: Project) -> None:
    path = max((project.directory / "target/runs").glob("*T*.json"))
    record = json.loads(path.read_text())
    record["results"] = [{"node_id": "transform.a", "status": "success", "metadata": {"metrics": {"m": 10**400, "n": 1}}}]
    path.write_text(json.dumps(record))
    assert rows(project)["transform.a"]["metrics"] == "n - -> 1"
