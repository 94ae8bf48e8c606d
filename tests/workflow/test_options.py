"""The options of a run are one value: whatever makes it, it is checked when it is made."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seeknal_nb import Manifest, Project
from seeknal_nb.arguments import parse_words, request_of
from seeknal_nb.commands import COMMANDS
from seeknal_nb.errors import SelectionError, UsageError
from seeknal_nb.notebook.commands import NOTEBOOK_COMMANDS
from seeknal_nb.workflow.options import RunOptions, Selection
from seeknal_nb.workflow.request import Request
from seeknal_nb.workflow.runner import DAGRunner

Door = Callable[..., object]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.transform("a", "SELECT 1 AS x")
    return made


DOORS: dict[str, Callable[[Project], Door]] = {
    "run": lambda p: p.run, "stream": lambda p: p.stream, "start": lambda p: p.start, "plan": lambda p: p.plan,
    "DAGRunner.run": lambda p: p.runner().run, "DAGRunner.stream": lambda p: p.runner().stream,
    "DAGRunner.plan": lambda p: p.runner().plan, "DAGRunner.print_plan": lambda p: p.runner().print_plan,
}  # fmt: skip
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a misspelt option": ({"nodse": ["a"]}, "unknown option 'nodse'.*did you mean nodes"),
    "an option of nothing": ({"sideways": 1}, "unknown option 'sideways'.*known options: "),
    "a text for a tick": ({"full": "no"}, "full must be True or False.*'no'"),
    "a number for a tick": ({"cutoff": 0}, "cutoff must be True or False"),
    "a number for names": ({"tags": 3}, "tags must be names"),
    "all, and some": ({"full": True, "nodes": ["a"]}, "exclude each other"),
    "only of no nodes": ({"only": True}, "only needs nodes"),
    "a selection of nothing": ({"nodes": []}, "nodes is empty"),
    "no text": ({"nodes": ""}, "nodes is empty"),
    "no types": ({"node_types": ()}, "node_types is empty"),
}


@pytest.mark.parametrize(("given", "told"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("door", DOORS)
def test_every_door_refuses_a_wrong_option_when_it_is_called(
    project: Project, door: str, given: dict[str, Any], told: str
) -> None:
    """Not when the first event is asked for, nor in the thread of a run that has a handle already."""
    with pytest.raises(UsageError, match=told):
        DOORS[door](project)(**given)
    assert not project.background.busy
    assert not (project.directory / "target").exists()


MANNERS: dict[str, tuple[dict[str, Any], str]] = {
    "a misspelt one": ({"retyr": 3}, "unknown option 'retyr'.*did you mean retry"),
    "a text for a tick": ({"dry_run": "no"}, "dry_run must be True or False"),
    "a negative number": ({"retry": -1}, "retry must be a whole number"),
    "a fraction": ({"retry": 1.5}, "retry must be a whole number"),
    "a time that has no end": ({"retry_delay": float("inf")}, "retry_delay must be a number of seconds"),
}


@pytest.mark.parametrize(("given", "told"), MANNERS.values(), ids=MANNERS)
@pytest.mark.parametrize("door", [name for name in DOORS if "plan" not in name])
def test_how_a_run_goes_is_checked_likewise(project: Project, door: str, given: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        DOORS[door](project)(**given)
    assert not project.background.busy


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"workers": 0}, "workers must be a whole number from 1"), ({"allow_outside": "yes"}, "allow_outside must be"),
        ({"again": 1}, "again must be"), ({"params": "day=1"}, "params must be names and values"),
        ({"params": {1: 2}}, "params must be names and values"), ({"old_manifest": 3}, "old_manifest must be"),
        ({"parms": {}}, "did you mean params"), ({"again": True, "nodes": ["a"]}, "a retry runs what failed, and no other"),
    ],
    ids=str,
)  # fmt: skip
def test_what_a_project_is_asked_for_besides_is_checked_likewise(project: Project, given: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        project.start(**given)
    assert not project.background.busy


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"workers": 0}, "workers must be a whole number from 1"), ({"workers": "2"}, "workers must be"),
        ({"params": {1: 2}}, "params must be names and values"), ({"kinds": {"a": 1}}, "kind 'a' must be"),
        ({"state": 3}, "3 is no store of state"), ({"state": {}}, "is no store of state"),
    ],
    ids=str,
)  # fmt: skip
def test_what_a_project_is_made_with_is_checked_when_it_is_made(tmp_path: Path, given: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        Project(tmp_path, **given)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"manifest": 3}, "manifest must be a Manifest"), ({"old_manifest": "a.json"}, "old_manifest must be a Manifest"),
        ({"workers": 0}, "workers must be"), ({"kinds": {"a": 1}}, "kind 'a' must be"), ({"state": 3}, "no store of state"),
        ({"params": "x"}, "params must be names and values"),
    ],
    ids=str,
)  # fmt: skip
def test_what_a_runner_is_made_with_likewise(tmp_path: Path, given: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        DAGRunner(**{"manifest": Manifest("p"), "root": tmp_path, **given})


def test_a_selection_takes_no_options_of_a_run() -> None:
    """A plan that took a number of retries would say that it has a meaning there."""
    with pytest.raises(UsageError, match="unknown option 'retry'"):
        Selection.of({"retry": 3})


NAMES = {"a text": "a b", "a list": ["a", "b"], "a tuple": ("a", "b"), "a text in a list": ["a b"], "an iterator": iter(["a", "b"])}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_names_are_kept_as_a_tuple_however_they_were_given(names: Any) -> None:
    assert RunOptions(nodes=names).nodes == ("a", "b")


def test_a_comma_is_kept_for_the_selector_grammar_and_separates_other_names() -> None:
    """``tag:x,type:y`` intersects; a type and a tag have no comma."""
    found = RunOptions.of({"nodes": "tag:x,type:y", "exclude": ["a,b"], "tags": "x,y", "node_types": ["source,model", "rule"]})
    assert (found.nodes, found.exclude, found.tags) == (("tag:x,type:y",), ("a,b",), ("x", "y"))
    assert found.node_types == ("source", "model", "rule")
    with pytest.raises(SelectionError, match="an empty name"):
        RunOptions.of({"tags": "a,,b"})


def test_none_is_an_option_that_was_not_given() -> None:
    assert Request.of(dict.fromkeys(Request.names())).options == RunOptions()
    assert Request.of(dict.fromkeys(Request.names())).options.given == frozenset()


def test_an_option_is_given_also_with_the_value_that_it_has_anyway() -> None:
    """Of a retry, it counts more than that of the run that failed."""
    assert RunOptions.of({"retry": 0}).given == {"retry"}
    assert RunOptions(retry=2, nodes=("a",)).given == {"retry", "nodes"}
    assert dataclasses.replace(RunOptions.of({"retry": 0}), cutoff=False).given == {"retry", "cutoff"}
    assert RunOptions.of({"retry": 0}) == RunOptions()


def test_what_was_asked_for_stays_as_it_was() -> None:
    """A run may wait for its turn, and who asked goes on to use his lists and dicts."""
    nodes, params = ["a"], {"day": 1}
    found = Request.of({"nodes": nodes, "params": params})
    nodes.append("b")
    params["day"] = 2
    assert (found.options.nodes, found.params) == (("a",), {"day": 1})


@pytest.mark.parametrize("request_", [Request(again=True), Request.of({"again": True}), Request.of({"again": True, "only": True})])
def test_a_retry_names_what_failed_however_it_was_made(request_: Request) -> None:
    assert request_.options.nodes == ("result:failed",)
    with pytest.raises(UsageError, match="a retry runs what failed"):
        Request(again=True, options=RunOptions(full=True))


def test_options_are_a_value_or_names_and_never_both(project: Project) -> None:
    """Else the names would be dropped in silence."""
    assert project.plan(Request.of({"full": True})) == project.plan(full=True)
    assert project.runner().plan(Selection(full=True)) == project.runner().plan(full=True)
    with pytest.raises(UsageError, match=r"given twice.*retry="):
        project.start(Request(), retry=3)
    with pytest.raises(UsageError, match="given twice"):
        project.runner().stream(RunOptions(), full=True)


def test_the_names_of_the_spec_are_those_of_the_options() -> None:
    """SPEC § run()."""
    spec = ["full", "dry_run", "node_types", "nodes", "exclude_tags", "continue_on_error", "retry"]
    signature = [name for name, one in inspect.signature(DAGRunner.run).parameters.items() if one.kind is one.POSITIONAL_OR_KEYWORD]
    assert signature == ["self", *spec]
    assert set(spec) <= set(RunOptions.names())


WORDS: dict[str, dict[str, Any]] = {
    "run": {},
    "run --full --dry-run --continue-on-error --verify": dict.fromkeys(("full", "dry_run", "continue_on_error", "verify"), True),
    "run --nodes a,b tag:x --only --no-cutoff": {"nodes": ["a,b", "tag:x"], "only": True, "cutoff": False},
    "run --types source,rule --tags x --exclude-tags y,z --exclude a": {
        "node_types": ["source", "rule"], "tags": ["x"], "exclude_tags": ["y", "z"], "exclude": ["a"],
    },
    "run --retry 0 --retry-delay 1.5 --workers 2 --allow-outside": {
        "retry": 0, "retry_delay": 1.5, "workers": 2, "allow_outside": True,
    },
    "run --params day=1 --date 2024-02-29 --old-manifest m.json": {
        "params": {"day": 1, "date": "2024-02-29"}, "old_manifest": "m.json",
    },
    "plan --full": {"full": True},
    "retry": {"again": True},
    "retry --retry 0 --continue-on-error": {"again": True, "retry": 0, "continue_on_error": True},
}  # fmt: skip


@pytest.mark.parametrize("commands", [COMMANDS, NOTEBOOK_COMMANDS], ids=["command line", "magics"])
@pytest.mark.parametrize(("words", "given"), WORDS.items(), ids=WORDS)
def test_words_make_the_value_that_python_makes(commands: Any, words: str, given: dict[str, Any]) -> None:
    found, right = request_of(parse_words(words.split(), commands, prog="x")), Request.of(given)
    assert dataclasses.replace(found, moment=right.moment, run_id=right.run_id, command=right.command) == right
    assert found.options.given == right.options.given, "what was not written was not given"
