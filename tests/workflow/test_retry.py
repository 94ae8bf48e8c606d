"""A retry is the run that failed once more; a look shows what the last run left, and one table a node: the one up to date."""

from __future__ import annotations

import datetime as dt
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from seeknal_nb import Project
from seeknal_nb.cli import main
from seeknal_nb.errors import SeeknalError, UsageError
from seeknal_nb.workflow.asked import last_request
from seeknal_nb.workflow.options import RunOptions
from seeknal_nb.workflow.request import Request

FAILS_AT_FIRST = "import os\nif not os.path.exists('ok'):\n    raise ValueError('not yet')\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A node of a parameter, and one that reads it and the parameter, and fails until there is a file."""
    monkeypatch.chdir(tmp_path)
    made = Project(tmp_path, namespace={"day": 1})
    made.transform("n", "SELECT {{ day }} AS d")
    made.transform("m", python=f"{FAILS_AT_FIRST}ref('n').assign(p=ctx.params['day'])")
    return made


def rows(project: Project, name: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in project[name].itertuples(index=False)]


def again(project: Project, **options: Any) -> dict[str, str]:
    """What a retry does, by the nodes' names, now that nothing need fail."""
    Path("ok").touch()
    summary = project.run(progress=False, again=True, **options)
    assert not summary.failed, summary.failed[0].error_message
    return {r.node_id.partition(".")[2]: str(r.status) for r in summary.results}


# Parameters and the day


@pytest.mark.parametrize("params", [{"day": 7}, {"day": "x'y"}, {"day": 1.5}, {"day": True}, {}], ids=str)
def test_a_retry_has_the_parameters_of_the_run_that_failed(project: Project, params: dict[str, Any]) -> None:
    project.run(progress=False, params=params)
    assert again(project) == {"n": "skipped", "m": "success"}
    day = params.get("day", 1)
    assert rows(project, "m") == [(day, day)]


def test_a_retry_in_a_new_process_finds_them_too(project: Project) -> None:
    project.run(progress=False, params={"day": 7})
    other = Project(project.directory, namespace={"day": 1})
    other.manifest = project.manifest
    again(other)
    assert rows(other, "m") == [(7, 7)]


def test_a_retry_of_a_retry_and_of_a_run_before_others_has_them_too(project: Project) -> None:
    project.run(progress=False, params={"day": 7})
    project.run(progress=False, again=True)
    project.transform("alone", "SELECT 1 AS x")
    project.run(progress=False, nodes=["alone"], only=True)
    again(project)
    assert rows(project, "m") == [(7, 7)]


def test_the_same_parameters_may_be_said_again_and_others_are_refused(project: Project) -> None:
    project.run(progress=False, params={"day": 7})
    for params in ({"day": 8}, {"day": "7"}, {"day": 7, "more": 1}, {"day": True}):
        with pytest.raises(UsageError, match=f"{'more' if 'more' in params else 'day'} is another.*it had day=7"):
            project.run(progress=False, again=True, params=params)
    again(project, params={"day": 7})
    assert rows(project, "m") == [(7, 7)]


def test_the_day_and_the_run_are_those_of_the_run_that_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a retry on the next day would read what the day before has built."""
    monkeypatch.chdir(tmp_path)
    project = Project(tmp_path)
    stamp = "{{ today(-1) }} {{ run_date }} {{ run_id }}"
    project.transform("n", f"SELECT '{stamp}' AS a")
    project.transform("m", f"SELECT a, '{stamp}' AS b, error(b) AS c FROM n")
    project.run(progress=False)
    (record,) = Path("target/runs").glob("*T*.json")
    told = json.loads(record.read_text())
    assert told["asked"]["moment"][:10] == f"{dt.datetime.now():%Y-%m-%d}"
    project.transform("m", f"SELECT a, '{stamp}' AS b FROM n")
    assert again(project) == {"n": "skipped", "m": "success"}
    ((one, other),) = rows(project, "m")
    assert one == other


def test_a_date_that_was_given_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("seeknal").mkdir()
    text = "kind: transform\nname: t\ntransform: SELECT '{{ today(-1) }}' AS d"
    Path("seeknal", "t.yml").write_text(f"{text}, error('x') AS e\n")
    assert main(["run", "--date", "2024-03-01"]) == 1
    Path("seeknal", "t.yml").write_text(f"{text}\n")
    assert main(["retry"]) == 0
    assert main(["show", "t"]) == 0
    assert "2024-02-29" in capsys.readouterr().out


def test_of_runs_with_other_parameters_none_is_retried_for_all(project: Project) -> None:
    project.transform("other", python=f"{FAILS_AT_FIRST}[{{'x': ctx.params['day']}}]")
    project.run(progress=False, params={"day": 7}, nodes=["m"])
    project.run(progress=False, params={"day": 8}, nodes=["other"])
    with pytest.raises(UsageError, match=r"transform.*day.*transform.*day.*by their names"):
        project.run(progress=False, again=True)
    Path("ok").touch()
    project.run(progress=False, params={"day": 8}, nodes=["other"])
    again(project)
    assert rows(project, "m") == [(7, 7)]


def test_of_runs_that_were_asked_for_the_same_all_that_failed_is_retried(project: Project) -> None:
    project.transform("other", python=f"{FAILS_AT_FIRST}[{{'x': 1}}]")
    project.run(progress=False, params={"day": 7}, nodes=["m"])
    project.run(progress=False, params={"day": 7}, nodes=["other"])
    assert again(project) == {"n": "skipped", "m": "success", "other": "success"}


def test_what_no_record_tells_is_not_guessed(project: Project) -> None:
    project.run(progress=False, params={"day": 7})
    for record in Path("target/runs").glob("*T*.json"):
        record.unlink()
    with pytest.raises(UsageError, match=r"not known with which parameters transform.m failed.*run, which runs"):
        project.run(progress=False, again=True)


@pytest.mark.parametrize("asked", [None, 5, {}, {"params": {}}, {"params": 5, "options": {}, "moment": "x", "run_id": 1, "withheld": []}])
def test_a_record_that_somebody_changed_tells_nothing(project: Project, asked: Any) -> None:
    project.run(progress=False, params={"day": 7})
    (record,) = Path("target/runs").glob("*T*.json")
    record.write_text(json.dumps({**json.loads(record.read_text()), "asked": asked}))
    with pytest.raises(UsageError, match="not known"):
        project.run(progress=False, again=True)
    assert project.status().rows


def test_where_nothing_failed_nothing_runs(project: Project) -> None:
    Path("ok").touch()
    project.run(progress=False, params={"day": 7})
    assert set(again(project).values()) == {"skipped"}


WITHHELD: dict[str, Any] = {"day": dt.date(2024, 2, 29), "a tuple": (1, 2), "password": "hunter2", "key": "of the environment"}


@pytest.mark.parametrize("name", WITHHELD)
def test_credentials_and_what_json_cannot_hold_are_in_no_record_and_asked_for_again(
    project: Project, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "of the environment")
    value = WITHHELD[name]
    project.run(progress=False, params={"day": 7, name: value})
    (record,) = Path("target/runs").glob("*T*.json")
    assert str(value) not in record.read_text()
    with pytest.raises(UsageError, match=f"the value of {name} is not known.*--params"):
        project.run(progress=False, again=True)
    again(project, params={name: value})


# Options


@pytest.fixture
def wide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A node that fails at first, two that read it, and a tag."""
    monkeypatch.chdir(tmp_path)
    project = Project(tmp_path)
    project.transform("a", python=f"{FAILS_AT_FIRST}[{{'x': 1}}]")
    project.transform("b", "SELECT * FROM a", tags=["slow"])
    project.exposure("e", inputs=["a"], to="out.csv")
    return project


OPTIONS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, str]]] = {
    "none": ({}, {}, {"a": "success", "b": "success", "e": "success"}),
    "what it left out": ({"exclude": ["e"]}, {}, {"a": "success", "b": "success", "e": "skipped"}),
    "what it left out, as a text": ({"exclude": "e"}, {}, {"a": "success", "b": "success", "e": "skipped"}),
    "what it left out, as others list it": ({"exclude": ("e",)}, {}, {"a": "success", "b": "success", "e": "skipped"}),
    "a tag that it left out": ({"exclude_tags": ["slow"]}, {}, {"a": "success", "b": "skipped", "e": "success"}),
    "types": ({"node_types": ["transform"]}, {}, {"a": "success", "b": "success", "e": "skipped"}),
    "only": ({"nodes": ["a"], "only": True}, {}, {"a": "success", "b": "skipped", "e": "skipped"}),
    "named": ({"nodes": ["a"]}, {}, {"a": "success", "b": "success", "e": "success"}),
    "more left out": ({}, {"exclude": ["e"]}, {"a": "success", "b": "success", "e": "skipped"}),
}  # fmt: skip


@pytest.mark.parametrize(("first", "then", "statuses"), OPTIONS.values(), ids=OPTIONS)
def test_a_retry_runs_what_the_run_would_have_run(
    wide: Project, first: dict[str, Any], then: dict[str, Any], statuses: dict[str, str]
) -> None:
    wide.run(progress=False, **first)
    assert again(wide, **then) == statuses


@pytest.mark.parametrize(("full", "status"), [(False, "cached"), (True, "success")])
def test_a_full_run_is_retried_as_one(wide: Project, full: bool, status: str) -> None:
    """What reads the node that failed runs though its input comes out the same."""
    Path("ok").touch()
    wide.run(progress=False)
    Path("ok").unlink()
    wide.run(progress=False, nodes=["a"], only=True)
    wide.run(progress=False, full=full)
    assert again(wide)["b"] == status


def test_options_that_are_given_count_more(wide: Project) -> None:
    for given in (dict[str, Any](), {"retry": 0}):
        wide.run(progress=False, retry=2, continue_on_error=True, workers=2)
        summary = wide.run(progress=False, again=True, **given)
        assert summary["transform.a"].attempts == (1 if given else 3)
    assert last_request(Path("target/runs")).workers == 2  # type: ignore[union-attr]


@pytest.mark.parametrize("options", [{"full": True}, {"nodes": ["a"]}], ids=str)
def test_a_retry_takes_no_nodes(wide: Project, options: dict[str, Any]) -> None:
    wide.run(progress=False)
    with pytest.raises(UsageError, match="a retry runs what failed"):
        wide.run(progress=False, again=True, **options)


def test_a_retry_in_the_background_is_of_the_run_before_it(project: Project) -> None:
    first = project.start(params={"day": 7})
    retry = project.start(again=True)
    first.wait()
    retry.wait()
    assert last_request(Path("target/runs")).params == {"day": 7}  # type: ignore[union-attr]
    again(project)
    assert rows(project, "m") == [(7, 7)]
    project.close()


def test_records_are_sorted_by_their_names_and_a_dry_run_leaves_none(project: Project) -> None:
    for day in range(5):
        project.run(progress=False, params={"day": day}, nodes=["n"], only=True)
    project.run(progress=False, params={"day": 9}, dry_run=True)
    names = sorted(path.name for path in Path("target/runs").glob("*T*.json"))
    days = [json.loads(Path("target/runs", name).read_text())["asked"]["params"]["day"] for name in names]
    assert days == [0, 1, 2, 3, 4]


def test_a_request_comes_back_from_its_record_as_it_was(project: Project) -> None:
    params = {"a": [1, {"b": None}], "c": "x", "d": 1.5, "e": True}
    project.run(progress=False, params={"day": 7, **params}, exclude=["m"], continue_on_error=True, cutoff=False)
    found = last_request(Path("target/runs"))
    assert found is not None
    assert found.params == {"day": 7, **params}
    again = RunOptions(nodes=("result:failed",), exclude=("m",), continue_on_error=True, cutoff=False, force=False)
    assert found.options == again, "a retry names what failed, and has the other options"
    assert found == Request(params=found.params, options=again, moment=found.moment, run_id=found.run_id)


# Looks


def test_a_look_has_the_parameters_of_the_last_run(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.transform("n", "SELECT {{ day }} AS d")
    project.transform("v", "SELECT {{ day }} + d AS e FROM n", materialized="view")
    with pytest.raises(SeeknalError, match="'day' is not defined"):
        project.status()
    project.run(progress=False, params={"day": 5})
    for made in (project, _reopened(project)):
        status = made.status()
        assert [row[-2:] for row in status.rows] == [("cached", "up to date")] * 2
        assert "as in the last run: day=5" in status.title
        assert {r.reason for r in made.standing().values()} == {"up to date"}
        assert made.graph().picture.marks
        assert made["v"].e.tolist() == [10]
        assert made.show("n").note == ""
        assert made.ls(["state:changed"]).rows == ()
        assert made.details("n").rows == (("5",),)
        assert made.clean().rows == ()
    assert project.show("v", params={"day": 6}).frame.e.tolist() == [11]
    with pytest.raises(SeeknalError, match="'day' is not defined"):
        project.plan()


def _reopened(project: Project) -> Project:
    made = Project(project.directory)
    made.manifest = project.manifest
    return made


@pytest.mark.parametrize("look", [Project.status, Project.standing, lambda project: project.show("n")])
def test_a_look_reads_the_record_of_the_last_run_once(tmp_path: Path, look: Any) -> None:
    """Else its rows and what it says of them may be of two runs, where one ends meanwhile."""
    project = Project(tmp_path)
    project.transform("n", "SELECT {{ day }} AS d")
    project.run(progress=False, params={"day": 5})
    seen: list[str] = []
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, _: seen.append(event) if frame.f_code is last_request.__code__ else None)
    try:
        look(project)
    finally:
        sys.setprofile(before)
    assert seen.count("call") == 1


def test_after_a_run_without_parameters_looks_have_none(tmp_path: Path) -> None:
    project = Project(tmp_path, namespace={"day": 1})
    project.transform("n", "SELECT {{ day }} AS d")
    for params, shown in (({}, 1), ({"day": 7}, 7), ({}, 1), ({"day": 7}, 7)):
        project.run(progress=False, params=params)
        assert rows(project, "n") == [(shown,)]
        assert project.standing()["transform.n"].reason == "up to date"


# The table that is up to date


def edited_file(project: Project, value: int) -> None:
    (project.directory / "f.csv").write_text(f"v\n{value}\n" * 1)
    (project.directory / "f.csv").write_text("v\n" + "1\n" * value)
    project.source("f", csv="f.csv")


def edited_variable(project: Project, value: int) -> None:
    project.namespace = {"n": value}
    project.source("f", "SELECT 1 AS v FROM range({{ n }})")


def edited_text(project: Project, value: int) -> None:
    project.source("f", f"SELECT 1 AS v FROM range({value})")


def edited_helper(project: Project, value: int) -> None:
    project.namespace = {"K": value}
    project.source("f", python="[{'v': 1} for _ in range(K)]")


def edited_input(project: Project, value: int) -> None:
    project.source("below", f"SELECT 1 AS v FROM range({value})")
    project.source("f", "SELECT 1 AS v")
    project.transform("m", "SELECT v AS w FROM below")


EDITS = [edited_file, edited_variable, edited_text, edited_helper, edited_input]


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__.removeprefix("edited_"))
def test_what_is_shown_is_what_the_plan_calls_up_to_date(tmp_path: Path, edit: Any) -> None:
    """Edited, run, and put back: the rows and the counts of every look are those of before, without a run."""
    project = Project(tmp_path)
    edit(project, 1)
    project.transform("m", "SELECT v AS w FROM f") if edit is not edited_input else None
    project.run(progress=False)
    edit(project, 3)
    assert "not up to date: " in project.show("m").note
    project.run(progress=False)
    assert (project["m"].w.size, project.show("m").note) == (3, "")
    edit(project, 1)
    assert {step.reason for step in project.plan()} == {"up to date"}
    shown, panel, row = project.show("m"), project.details("m"), next(r for r in project.status().rows if r[0] == "transform.m")
    assert (project["m"].w.size, shown.row_count, len(panel.rows), panel.row_count) == (1, 1, 1, 1)
    assert (row[3], project.standing()["transform.m"].row_count) == (1, 1)
    assert shown.note == panel.note == "up to date; the last run left another build"
    project.run(progress=False)
    assert (project["m"].w.size, project.show("m").note) == (1, "")
    project.close()


def test_what_was_never_built_is_shown_as_of_an_earlier_version(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.transform("a", "SELECT 1 AS x")
    project.transform("b", "SELECT x FROM a")
    project.run(progress=False)
    project.transform("a", "SELECT 2 AS x")
    assert project.show("a").note == "not up to date: SQL changed"
    assert project.show("b").note == "perhaps not up to date: input changed: transform.a"
    assert rows(project, "a") == rows(project, "b") == [(1,)]
