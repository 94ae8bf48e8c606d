"""Nodes that are not supported here: refused by name, or, where somebody asks for that, left out with what reads them."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from shells import Notebook

from seeknal_nb import Project
from seeknal_nb.errors import ManifestError, ManyErrors, Unsupported, UsageError

if TYPE_CHECKING:
    from pathlib import Path

GOOD = "kind: source\nname: users\ntable: u.csv\n---\nkind: transform\nname: t\ntransform: SELECT id FROM users\n"
LEFT: dict[str, tuple[str, str]] = {
    "a kind": ("kind: dashboard_page\nname: x\n", "unknown kind 'dashboard_page'"),
    "a kind with keys of its own": ("kind: kubernetes\nname: x\nreplicas: {a: [1, 2]}\n", "unknown kind 'kubernetes'"),
    "a key": ("kind: transform\nname: x\ntransform: SELECT 1 AS a\nbackfill_window: 7d\n", "unknown key 'backfill_window'"),
    "a key that another kind has": ("kind: transform\nname: x\ntransform: SELECT 1 AS a\naudits: [{type: unique}]\n", "unknown key 'audits'"),
    "a catalog": ("kind: transform\nname: x\ntransform: SELECT 1 AS a\nmaterialization: {enabled: true, table: w.n.t}\n", "materialization of a transform"),
    "a source's format": ("kind: source\nname: x\nsource: iceberg\ntable: w.n.t\n", "unknown format 'iceberg'"),
    "a report of a model": ("kind: exposure\nname: x\ntype: report\ninputs: [users]\nsections: [{title: a}]\n", "unknown key 'sections'"),
    "an exposure of a program that serves": ("kind: exposure\nname: x\ntype: api\ninputs: [users]\nparams: {method: POST}\n", "type api is not delivered"),
    "an engine": ("kind: feature_group\nname: x\nentity: user\nengine: spark\ntransform: SELECT 1 AS user_id\n", "engine 'spark'"),
}  # fmt: skip
WRONG: dict[str, tuple[str, str]] = {
    "a kind that is misspelt": ("kind: tranform\nname: x\ntransform: SELECT 1 AS a\n", "did you mean transform"),
    "a key that is misspelt": ("kind: transform\nname: x\ntransfrom: SELECT 1 AS a\n", "did you mean transform"),
    "a format that is misspelt": ("kind: source\nname: x\nsource: parqet\ntable: u.csv\n", "did you mean parquet"),
    "a table that is not there": ("kind: transform\nname: x\ntransform: SELECT * FROM usrs\n", "did you mean"),
    "SQL that is none": ("kind: transform\nname: x\ntransform: SELEC 1\n", "transform.x"),
    "no body": ("kind: transform\nname: x\n", "no body"),
    "a name that no table has": ("kind: transform\nname: 'a b'\ntransform: SELECT 1 AS a\n", "a b"),
}


def folder(root: Path, *texts: str) -> Path:
    (root / "seeknal").mkdir(parents=True, exist_ok=True)
    (root / "u.csv").write_text("id,name\n1,ann\n2,bob\n")
    for number, text in enumerate((GOOD, *texts)):
        (root / "seeknal" / f"{number}.yml").write_text(text)
    return root


@pytest.mark.parametrize(("text", "why"), LEFT.values(), ids=LEFT)
def test_what_is_not_supported_is_refused_and_the_remedy_names_the_option(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(Unsupported) as error:
        Project.open(folder(tmp_path, text), namespace={})
    assert why in str(error.value)
    assert "--skip-unsupported" in error.value.remedy
    assert str(error.value.place).startswith("seeknal/1.yml")


@pytest.mark.parametrize(("text", "why"), LEFT.values(), ids=LEFT)
def test_a_project_runs_without_what_is_not_supported(tmp_path: Path, text: str, why: str) -> None:
    project = Project.open(folder(tmp_path, text), namespace={}, skip_unsupported=True)
    kind = text.partition("\n")[0].removeprefix("kind: ")
    assert project.left_out.keys() == {f"{kind}.x"}
    assert any(why in warning and f"{kind}.x" in warning for warning in project.plan().warnings)
    summary = project.run(progress=False)
    assert (summary.successful_nodes, summary.skipped_nodes, summary.total_nodes) == (2, 1, 3)
    left = summary[f"{kind}.x"]
    assert (left.status, why in left.reason) == ("skipped", True)
    assert project["t"].id.tolist() == [1, 2]
    project.close()


@pytest.mark.parametrize(("text", "why"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_an_error_all_the_same(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(ManifestError) as error:
        Project.open(folder(tmp_path, text), namespace={}, skip_unsupported=True)
    assert not isinstance(error.value, Unsupported)
    assert why in str(error.value)
    assert "--skip-unsupported" not in str(error.value)


READERS = """\
kind: source
name: lake
source: iceberg
table: w.n.t
---
{kind: transform, name: clean, transform: SELECT * FROM lake}
---
{kind: transform, name: both, transform: SELECT * FROM clean JOIN users USING (id)}
---
{kind: rule, name: sound, on: both, checks: [{not_null: id}]}
---
{kind: exposure, name: file, inputs: [both], to: out.csv}
"""


def test_what_reads_it_is_left_out_with_it_and_says_whom_it_reads(tmp_path: Path) -> None:
    project = Project.open(folder(tmp_path, READERS), namespace={}, skip_unsupported=True)
    assert list(project.manifest.nodes) == ["source.users", "transform.t"]
    assert project.left_out["transform.clean"] == "it reads source.lake, which is left out"
    assert project.left_out["rule.sound"] == project.left_out["exposure.file"] == "it reads transform.both, which is left out"
    summary = project.run(progress=False)
    assert (summary.skipped_nodes, summary.failed_nodes) == (5, 0)
    assert not (tmp_path / "out.csv").exists()
    assert project.run(progress=False).cached_nodes == 2
    project.close()


def test_a_python_body_that_reads_it_is_left_out_too(tmp_path: Path) -> None:
    folder(tmp_path, READERS)
    (tmp_path / "seeknal" / "p.py").write_text(
        "from seeknal.pipeline import transform\n\n@transform(inputs=['source.lake'])\ndef p(ctx):\n    return ctx.ref('source.lake')\n\n"
        "@transform(backfill_window='7d', materialization={'enabled': True})\ndef q(ctx):\n    return ctx.ref('source.users')\n"
    )
    project = Project.open(tmp_path, namespace={}, skip_unsupported=True)
    assert {"transform.p", "transform.q"} <= project.left_out.keys()


def test_with_wrong_nodes_all_errors_are_told_and_only_the_unsupported_name_the_option(tmp_path: Path) -> None:
    with pytest.raises(ManyErrors) as error:
        Project.open(folder(tmp_path, LEFT["a kind"][0], WRONG["SQL that is none"][0].replace("x", "y", 1)), namespace={})
    assert [("--skip-unsupported" in one.remedy) for one in error.value.errors] == [True, False]


def cli(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "seeknal_nb", *words, "--project", str(root)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_line_runs_the_others_and_names_what_it_left_out(tmp_path: Path) -> None:
    folder(tmp_path, READERS)
    refused = cli(tmp_path, "run")
    assert (refused.returncode, "--skip-unsupported" in refused.stderr) == (2, True)
    plan = cli(tmp_path, "plan", "--skip-unsupported")
    assert plan.returncode == 0, plan.stderr
    assert "source.lake is left out: not supported here: unknown format 'iceberg'" in plan.stdout + plan.stderr
    ran = cli(tmp_path, "run", "--skip-unsupported")
    assert ran.returncode == 0, ran.stderr
    assert "transform.both is left out: it reads transform.clean" in ran.stdout + ran.stderr
    told: dict[str, Any] = json.loads(cli(tmp_path, "run", "--skip-unsupported", "--format", "json").stdout)
    assert {one["node_id"]: one["status"] for one in told["results"]}["source.lake"] == "skipped"
    assert cli(tmp_path, "show", "t", "--skip-unsupported").returncode == 0


def test_a_project_of_which_nothing_is_left_says_why(tmp_path: Path) -> None:
    (tmp_path / "seeknal").mkdir()
    (tmp_path / "seeknal" / "x.yml").write_text(LEFT["a kind"][0])
    ran = cli(tmp_path, "run", "--skip-unsupported")
    assert ran.returncode == 2
    assert "unknown kind 'dashboard_page'" in ran.stderr


def test_the_magics_take_a_folder_without_it(nb: Notebook, tmp_path: Path) -> None:
    folder(tmp_path, READERS)
    nb.error("%seeknal run --skip-unsupportd", UsageError)
    summary = nb("%seeknal run --skip-unsupported")
    assert summary["source.lake"].status == "skipped"
    assert summary["transform.t"].status == "success"
