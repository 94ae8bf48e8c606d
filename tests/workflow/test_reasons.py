"""A reason is read by its code and shown by its text; no part of the program reads the text."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path

import pytest

from seeknal_nb.dag.manifest import Manifest, Node
from seeknal_nb.project import Project
from seeknal_nb.workflow.events import ExecutionStatus, NodeResult
from seeknal_nb.workflow.reasons import Reason, Why
from seeknal_nb.workflow.runner import DAGRunner

SENTENCES = {
    "up to date": Reason(Why.UP_TO_DATE),
    "never built": Reason(Why.NEVER_BUILT),
    "input changed: source.a": Reason(Why.INPUT_CHANGED, "source.a"),
    "config changed: path, sql": Reason(Why.CONFIG_CHANGED, "path", "sql"),
    "parameter changed: day": Reason(Why.PARAMETER_CHANGED, "day"),
    "source data changed: 1 added, 1 changed of 1,002 files": Reason(
        Why.SOURCE_CHANGED, "1 added", "1 changed of 1,002 files"
    ),
    "downstream of source.a": Reason(Why.DOWNSTREAM, "source.a"),
    "not of type source or model": Reason(Why.OTHER_TYPE, "source", "model"),
    "excluded by tag {slow}": Reason(Why.EXCLUDED_TAG, "{slow}"),
    "not tagged a or b": Reason(Why.NOT_TAGGED, "a", "b"),
    "needs source.a, which is excluded and was never built": Reason(Why.INPUT_MISSING, "source.a"),
    "rule.r failed: it checks what this node reads": Reason(Why.RULE_FAILED, "rule.r"),
    "upstream failed: transform.b": Reason(Why.UPSTREAM_FAILED, "transform.b"),
    "refresh: 1h": Reason(Why.DUE, "refresh: 1h"),
    "target altered: out.csv": Reason(Why.TARGET_CHANGED, "target altered: out.csv"),
    "": Reason(Why.TOLD),
}


@pytest.mark.parametrize(("text", "reason"), SENTENCES.items(), ids=[str(reason.code) for reason in SENTENCES.values()])
def test_a_reason_is_one_text_for_readers(text: str, reason: Reason) -> None:
    """What users compare with, see in frames and JSON, and look up in dicts is the text itself."""
    assert (reason, str(reason), f"{reason}", json.dumps(reason)) == (text, text, text, json.dumps(text))
    assert {text: 1}[reason] == 1


@pytest.mark.parametrize("code", Why)
def test_every_code_has_a_text_with_and_without_a_subject(code: Why) -> None:
    """A new code is told before anybody has thought of its sentence."""
    assert "{" not in Reason(code) + Reason(code, "source.a")
    assert Reason(code, "source.a") == Reason(code) or "source.a" in Reason(code, "source.a")


def test_a_copy_of_a_reason_has_its_code() -> None:
    """A result goes to other processes and comes back."""
    reason = Reason(Why.CONFIG_CHANGED, "path", "sql")
    for found in (pickle.loads(pickle.dumps(reason)), copy.copy(reason), copy.deepcopy(reason)):
        assert (found, found.code, found.subject) == (reason, Why.CONFIG_CHANGED, ("path", "sql"))


def test_a_reason_does_not_change() -> None:
    """Its text would say another thing than its code."""
    with pytest.raises(AttributeError, match="does not change"):
        Reason(Why.NAMED).code = Why.DUE


def test_a_text_of_the_users_own_is_a_reason_in_its_own_words() -> None:
    """SPEC.md § Custom Node Executor: a subclass gives results of its own; whatever it says decides nothing here."""
    said = NodeResult("transform.t", ExecutionStatus.SUCCESS, reason="upstream failed: transform.x")  # type: ignore[arg-type]
    assert (said.reason, said.reason.code) == ("upstream failed: transform.x", Why.TOLD)


def test_what_json_and_frames_hold_is_plain_text(tmp_path: Path) -> None:
    """Other programs' writers, as YAML's, refuse a subclass of text."""
    project = Project(tmp_path)
    project.transform("t", sql="SELECT 1 AS x")
    plan, summary = project.plan(), project.run(progress=False)
    told = [plan.to_dict()["steps"][0]["reason"], plan.to_frame()["reason"][0], summary.to_dict()["results"][0]["reason"]]
    assert [(type(one), one) for one in (*told, summary.to_frame()["reason"][0])] == [(str, "never built")] * 4


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_failure_reaches_through_a_node_that_is_left_out(tmp_path: Path, goes_on: bool) -> None:
    """In a run that stops too: what is below would read what an older run left."""
    manifest = Manifest()
    for name, sql in {"a": "SELECT 1 AS x", "b": "SELECT * FROM transform.a", "c": "SELECT * FROM transform.b"}.items():
        manifest.add_node(Node(f"transform.{name}", name, "transform", config={"sql": sql}, tags=[name]))
    manifest.add_edge("transform.a", "transform.b")
    manifest.add_edge("transform.b", "transform.c")
    DAGRunner(manifest, root=tmp_path).run(progress=False)
    for name, sql in {"a": "SELECT error('no') AS x", "c": "SELECT x + 1 AS x FROM transform.b"}.items():
        manifest.nodes[f"transform.{name}"].config = {"sql": sql}
    summary = DAGRunner(manifest, root=tmp_path).run(progress=False, exclude_tags=["b"], continue_on_error=goes_on)
    found = summary["transform.c"]
    assert (found.status, found.reason.code, found.reason.subject) == (
        ExecutionStatus.SKIPPED, Why.UPSTREAM_FAILED, ("transform.a",)
    )  # fmt: skip
