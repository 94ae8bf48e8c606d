"""What a run says of itself: each node is counted once, and a warning is a state as long as its build is current."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from seeknal_nb import Project
from seeknal_nb.cli import main
from seeknal_nb.workflow.events import ExecutionSummary
from seeknal_nb.workflow.report import summary_lines


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Five numbers, a rule of severity warn that does not hold, and a reader."""
    found = Project(tmp_path)
    found.transform("b", "SELECT i AS v FROM range(5) t(i)")
    found.rule("w", severity="warn", on="b", expression="v < 1")
    found.transform("c", "SELECT max(v) AS most FROM b")
    return found


def run(project: Project, **options: Any) -> ExecutionSummary:
    return project.run(progress=False, **options)


def counted(summary: ExecutionSummary) -> int:
    """What the counts of the first line come to."""
    counts = str(summary).splitlines()[0].partition(": ")[2].partition(";")[0]
    return sum(int(number) for number in re.findall(r"\d+", counts))


def block(summary: ExecutionSummary) -> dict[str, int]:
    """The counts of the spec's block."""
    return {name: int(count) for name, count in re.findall(r"^ +(.+?): +(\d+)$", "\n".join(summary_lines(summary)), re.MULTILINE)}


def consistent(summary: ExecutionSummary) -> dict[str, int]:
    found = block(summary)
    assert counted(summary) == summary.total_nodes == found["Total nodes"]
    rest = found.get("Skipped", 0) + found.get("Pending", 0)
    assert found["Successful"] + found["Failed"] + found["Cached nodes"] + rest == found["Total nodes"]
    return found


def test_every_node_is_counted_once_in_each_sentence(project: Project) -> None:
    assert consistent(run(project)) == {
        "Total nodes": 3, "Changed nodes": 3, "Cached nodes": 0, "Successful": 3, "Failed": 0, "With warnings": 1,
    }  # fmt: skip
    assert consistent(run(project))["Changed nodes"] == 0
    project.transform("b", "SELECT i + 0 AS v FROM range(5) t(i)")
    found = consistent(run(project))
    assert (found["Changed nodes"], found["Cached nodes"], found["Successful"]) == (1, 2, 1)


def test_what_a_failure_blocked_or_left_counts_as_changed_and_how_to_go_on_is_said(project: Project) -> None:
    project.transform("bad", "SELECT error('no') AS x FROM c")
    project.transform("below", "SELECT x FROM bad")
    project.transform("other", "SELECT 1 AS x")
    project.transform("reader", "SELECT x FROM other", inputs=["bad"])
    project.transform("zz", "SELECT 1 AS x")
    summary = run(project, nodes=["bad", "zz"])
    found = consistent(summary)
    assert found["Changed nodes"] == len(summary.results) - summary.cached_nodes - 1  # other is left out
    left = [result.node_id for result in summary.results if result.status == "pending"]
    assert left
    assert f"{len(left)} node" in summary.left()
    assert "--continue-on-error" in str(summary)
    assert "--continue-on-error" in "\n".join(summary_lines(summary))
    assert "--continue-on-error" in summary._repr_mimebundle_()["text/html"]
    assert not run(project, continue_on_error=True).left()


def test_a_dry_run_counts_what_would_run(project: Project) -> None:
    summary = run(project, dry_run=True)
    assert (summary.changed_nodes, summary.pending_nodes, counted(summary)) == (3, 3, 3)
    assert not summary.left()


def test_no_nodes_are_none() -> None:
    assert str(ExecutionSummary()) == "0 nodes in 0.00s: none"


def test_a_warning_stands_as_long_as_its_build_is_current(project: Project) -> None:
    for _ in range(2):
        summary = run(project)
        assert [result.node_id for result in summary.warned] == ["rule.w"]
        assert str(summary).splitlines()[0].endswith("; 1 with warnings")
        assert "! rule.w: w: 4 rows of 5" in str(summary)
        told = summary.to_dict()
        assert [warning["node_id"] for warning in told["warnings"]] == ["rule.w"]
        assert [(check["node_id"], check["passed"]) for check in told["checks"]] == [("rule.w", False)]
        assert summary.to_frame().set_index("node_id").warnings.to_dict() == {"transform.b": 0, "rule.w": 1, "transform.c": 0}
        assert summary.totals()["warned"] == 1
        status = project.status()
        assert [row[2] for row in status.rows if row[0] == "rule.w"] == [1]
        assert "1 with warnings" in str(status)
        assert project.standing()["rule.w"].warnings
    again = Project(project.directory)
    again.manifest = project.manifest
    assert again.standing()["rule.w"].warnings
    assert again.standing()["rule.w"].detail().startswith("0 of 1 check")
    assert [row[10] for row in project.history().rows] == [1, 1]


def test_a_warning_goes_with_the_build_that_had_it_and_comes_back_with_it(project: Project) -> None:
    run(project)
    project.rule("w", severity="warn", on="b", expression="v < 9")
    assert not run(project).warned
    assert not project.standing()["rule.w"].warnings
    project.rule("w", severity="warn", on="b", expression="v < 1")
    assert project.standing()["rule.w"].warnings
    assert [result.node_id for result in run(project).warned] == ["rule.w"]
    assert [result.node_id for result in run(project).warned] == ["rule.w"]


def test_any_node_that_warned_is_told_of_in_later_runs_too(tmp_path: Path) -> None:
    """Numbers that arrived as text, for one: the source's kind has no checks to look up."""
    (tmp_path / "a.csv").write_text("x\n" + "1\n" * 99 + "n/a\n")
    project = Project(tmp_path)
    project.source("a", csv="a.csv")
    first = run(project).warned
    assert [result.node_id for result in first] == ["source.a"]
    assert [result.warnings for result in run(project).warned] == [result.warnings for result in first]


SHOP = "kind: transform\nname: b\nsql: SELECT i AS v FROM range(5) t(i)\n---\nkind: rule\nname: w\non: b\nseverity: warn\nexpression: v < 1\n"


def test_the_shell_tells_of_warnings_and_exits_as_if_there_were_none(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "seeknal").mkdir()
    (tmp_path / "seeknal/a.yml").write_text(SHOP)
    for words in (["run"], ["run"]):
        assert main(words) == 0
        out = capsys.readouterr().out
        assert "! w: w: 4 rows of 5" in out
        assert "With warnings:   1" in out
    assert "Nothing to run" in out
    assert main(["run", "--format", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["warnings"]) == 1


# How long


def timed(project: Project, **seconds: list[float]) -> None:
    """Records of runs in which these nodes took so long, the oldest first; None stands for a failure."""
    folder = project.directory / "target/runs"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(max(map(len, seconds.values()))):
        results = [
            {"node_id": f"transform.{name}", "status": "success" if found[number] else "failed", "duration": found[number] or 9999}
            for name, found in seconds.items() if number < len(found)
        ]  # fmt: skip
        record = {"run_id": f"2024T{number}", "started": number, "command": "run", "totals": {"duration": 1}, "results": results}
        (folder / f"2024T{number}.json").write_text(json.dumps(record))


HOW_LONG = {
    "one worker: all of it": ({"b": [10.0], "c": [30.0]}, 1, 40),
    "two workers: the longest way": ({"b": [10.0], "c": [30.0]}, 2, 40),
    "what does not depend on each other is shared": ({"c": [30.0], "d": [30.0]}, 2, 30),
    "the median": ({"b": [1.0, 500.0, 3.0, 2.0]}, 1, 2.5),
    "of the last five good runs": ({"b": [900.0, 10.0, 10.0, 0, 10.0, 10.0, 10.0]}, 1, 10),
}


@pytest.mark.parametrize(("seconds", "workers", "expected"), HOW_LONG.values(), ids=HOW_LONG)
def test_a_plan_says_how_long_it_would_take_by_what_runs_took_before(
    project: Project, seconds: dict[str, list[float]], workers: int, expected: float
) -> None:
    project.transform("d", "SELECT 1 AS x")
    timed(project, **seconds)
    assert project.plan(workers=workers).seconds == expected
    assert "; about " in str(project.plan(workers=workers))


def test_nothing_is_said_of_what_never_ran_nor_of_moments(project: Project) -> None:
    assert project.plan().seconds is None
    run(project)
    assert "about" not in project.plan().headline()
    assert "about" not in project.plan(full=True).headline()


# A failure with warnings


def test_the_warnings_of_a_node_that_failed_are_counted_alike_everywhere(project: Project) -> None:
    checks = [{"expression": "v > 3", "severity": "warn"}, {"expression": "v >= 3"}]
    project.rule("w", on="b", checks=checks)
    summary = run(project)
    assert summary.failed_nodes == 1
    assert summary.totals()["warned"] == len(summary.warned) == 1
    assert summary.headline().endswith("; 1 with warnings")
    assert counted(summary) == summary.total_nodes


def test_a_failure_takes_the_warnings_of_the_build_before_with_it(project: Project) -> None:
    run(project)
    project.rule("w", severity="warn", on="b", expression="v > error('boom')")
    assert not run(project).warned
    assert "with warnings" not in project.status().title
    assert not project.standing()["rule.w"].warnings


def test_a_warning_stands_where_a_run_leaves_its_node_out(tmp_path: Path) -> None:
    """The graph shows it, too; a retry, ``--nodes`` and a run that stopped at a failure are no exception."""
    project = Project(tmp_path, namespace={})
    project.transform("t", "SELECT 1 AS x")
    project.rule("r", on="t", expression="x > 1", severity="warn")
    project.transform("bad", "SELECT error('no') AS x")
    project.transform("other", "SELECT 2 AS y")
    project.run(progress=False, continue_on_error=True)
    for asked in ({"nodes": ["other"], "only": True}, {"again": True}, {"nodes": ["bad"]}, {}):
        summary = project.run(progress=False, **asked)
        assert [result.node_id for result in summary.warned] == ["rule.r"], asked
        assert "1 with warnings" in str(summary)
        assert project.history(limit=1).to_dict()["rows"][0]["warned"] == 1
