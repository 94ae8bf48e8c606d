"""A table that is read once, and cost something, could be a view: the summary says so, with what it cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seeknal_nb.project import Project
from seeknal_nb.workflow import advice

ONCE = "transform.big is read once, and cost "


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Where every second counts, however short, and every byte."""
    monkeypatch.setattr(advice, "SECONDS", 0.0)
    monkeypatch.setattr(advice, "SHARE", 0.0)
    monkeypatch.setattr(advice, "BYTES", 0)
    project = Project(tmp_path, namespace={})
    project.source("rows", sql="SELECT range AS i FROM range(1000)")
    project.transform("big", "SELECT i, i * 2 AS j FROM source.rows")
    project.aggregation("total", "SELECT sum(j) AS j FROM transform.big")
    return project


def said(project: Project, **options: Any) -> str:
    return "\n".join(line for line in project.run(progress=False, **options).advice if "big" in line)


def test_a_table_that_is_read_once_is_told_of_with_what_it_cost(project: Project) -> None:
    summary = project.run(progress=False)
    [line] = summary.advice
    assert line.startswith(ONCE)
    assert line.endswith(": --materialized view would do")
    assert "kB" in line or "bytes" in line
    assert line in str(summary)
    assert line in summary._repr_mimebundle_()["text/html"]
    assert summary.to_dict()["advice"] == [line]


def test_what_it_says_would_do_does(project: Project) -> None:
    project.run(progress=False)
    before = project["total"]
    project.transform("big", "SELECT i, i * 2 AS j FROM source.rows", materialized="view")
    assert said(project) == ""
    assert project["total"].equals(before)


def test_nothing_is_said_of_what_did_not_run(project: Project) -> None:
    project.run(progress=False)
    assert said(project) == ""


def test_nothing_is_said_of_what_is_read_twice_or_by_nobody_or_checked(project: Project) -> None:
    project.transform("other", "SELECT count(*) AS n FROM transform.big")
    assert said(project) == ""
    project.remove("other")
    project.rule("sound", "SELECT * FROM transform.big WHERE i < 0")
    assert said(project, full=True) == ""
    project.remove("sound")
    assert ONCE in said(project, full=True)
    project.remove("total")
    assert said(project, full=True) == ""


@pytest.mark.parametrize("sql", ["SELECT i, now() AS j FROM source.rows", "SELECT 1 AS k; SELECT i, 1 AS j FROM source.rows"], ids=["now", "two statements"])
def test_nothing_is_said_of_what_cannot_be_a_view(project: Project, sql: str) -> None:
    project.transform("big", sql)
    project.aggregation("total", "SELECT count(j) AS j FROM transform.big")
    assert said(project) == ""


def test_nothing_is_said_of_a_small_table_however_long_it_took(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(advice, "BYTES", 1_000_000)
    assert said(project) == ""


def test_nothing_is_said_of_what_cost_next_to_nothing(tmp_path: Path) -> None:
    project = Project(tmp_path, namespace={})
    project.transform("small", "SELECT 1 AS x")
    project.transform("after", "SELECT x FROM transform.small")
    assert project.run(progress=False).advice == ()
