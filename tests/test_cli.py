"""The command line: the forms of SPEC.md, exit codes, signals, what goes to which stream, and what a terminal is spared."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from waiting import MINUTES, eventually

from seeknal_nb.cli import _listen, main
from seeknal_nb.commands import COMMANDS
from seeknal_nb.workflow.stores import open_store

ROOT = Path(__file__).parents[1]
USERS = "id,name\n1,ann\n2,bob\n"
PIPELINE = """
kind: source
name: users
source: csv
table: data/users.csv
description: all of them
---
kind: transform
name: clean_users
tags: [core]
transform: SELECT * FROM source.users WHERE name IS NOT NULL
---
kind: feature_group
name: user_features
entity: {name: user, join_keys: [id]}
transform: SELECT id, length(name) AS letters FROM transform.clean_users
---
kind: feature_group
name: order_features
tags: [expensive]
key: id
transform: SELECT id, 2 * id AS orders FROM transform.clean_users
---
kind: exposure
name: report
tags: [experimental]
inputs: [feature_group.user_features]
to: out/report.csv
"""
IDS = ["source.users", "transform.clean_users", "feature_group.user_features", "feature_group.order_features", "exposure.report"]
FAILING = "---\nkind: transform\nname: bad\nsql: SELECT error('broken') AS x\n---\nkind: transform\nname: below\nsql: SELECT * FROM bad\n"


@pytest.fixture
def home(tmp_path, monkeypatch):
    folder = tmp_path / "home"
    write(folder, PIPELINE)
    monkeypatch.chdir(folder)
    return folder


def write(folder: Path, text: str) -> None:
    (folder / "seeknal").mkdir(parents=True, exist_ok=True)
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data" / "users.csv").write_text(USERS)
    (folder / "seeknal" / "pipeline.yml").write_text(text)


def tree(folder: Path) -> dict[str, bytes | None]:
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in sorted(folder.rglob("*"))}


def shell(words: list[str], cwd: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}
    return subprocess.run(
        [sys.executable, "-m", "seeknal_nb", *words], cwd=cwd, env=env, capture_output=True, encoding="utf-8",
        errors="replace", stdin=subprocess.DEVNULL, **options,
    )  # fmt: skip


def document(capsys: Any, words: list[str], code: int = 0) -> Any:
    """The one JSON document on standard output."""
    assert main([*words, "--format", "json"]) == code
    return json.loads(capsys.readouterr().out)


def status(summary: dict[str, Any]) -> dict[str, str]:
    return {result["node_id"].partition(".")[2]: result["status"] for result in summary["results"]}


ALL = {"users": "success", "clean_users": "success", "user_features": "success", "order_features": "success", "report": "success"}
FORMS: dict[str, tuple[list[str], str, dict[str, str]]] = {
    "run": (["run"], "", ALL),
    "run, again": (["run"], "run", dict.fromkeys(ALL, "cached")),
    "run --full": (["run", "--full"], "run", ALL),
    "run --dry-run": (["run", "--dry-run"], "", dict.fromkeys(ALL, "pending")),
    "run --types": (["run", "--types", "feature_group"], "", dict.fromkeys(ALL, "skipped")),
    "run --full --types": (["run", "--full", "--types", "feature_group"], "run",
                           {**dict.fromkeys(ALL, "skipped"), "user_features": "success", "order_features": "success"}),
    "run --types of several": (["run", "--full", "--types", "source,transform"], "run",
                               {**dict.fromkeys(ALL, "skipped"), "users": "success", "clean_users": "success"}),
    "run --nodes": (["run", "--nodes", "user_features,order_features"], "", ALL),
    "run --nodes, built before": (["run", "--nodes", "user_features,order_features"], "run",
                                  {**ALL, "users": "cached", "clean_users": "cached"}),
    "run --nodes, by id and repeated": (["run", "--nodes", "feature_group.order_features", "--nodes", "report"], "run",
                                        {**dict.fromkeys(ALL, "cached"), "order_features": "success", "report": "success"}),
    "run --exclude-tags": (["run", "--exclude-tags", "expensive,experimental"], "",
                           {**ALL, "order_features": "skipped", "report": "skipped"}),
    "run --continue-on-error": (["run", "--continue-on-error"], "", ALL),
    "run --retry": (["run", "--retry", "3"], "", ALL),
    "run with =": (["run", "--full", "--types=source", "--retry=1"], "run", {**dict.fromkeys(ALL, "skipped"), "users": "success"}),
}  # fmt: skip


@pytest.mark.parametrize(("words", "before", "expected"), FORMS.values(), ids=FORMS)
def test_every_form_of_the_spec_does_what_it_says(home, capsys, words, before, expected):
    """SPEC.md § CLI Integration."""
    if before:
        assert main([before]) == 0
        capsys.readouterr()
    nothing = tree(home)
    summary = document(capsys, words)
    found = status(summary)
    if "--nodes" in words and not before:
        assert found == expected
    elif "--nodes" in words:
        assert {name: what for name, what in found.items() if what == "success"} == {n: w for n, w in expected.items() if w == "success"}
        assert set(found.values()) <= {"success", "cached", "skipped"}
    else:
        assert found == expected
    if "--dry-run" in words:
        assert tree(home) == nothing


def test_a_run_prints_what_the_spec_shows(home, capsys):
    assert main(["run"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "ℹ 1/5: source.users [RUNNING]"
    assert out[1].startswith("✓ users completed in 0.")
    assert "ℹ Execution Summary" in out
    assert "  Total nodes:     5" in out
    assert main(["run"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "ℹ No changes detected. Nothing to run."
    assert main(["run", "--full", "--dry-run"]) == 0
    plan = capsys.readouterr().out.splitlines()
    assert plan[0] == "ℹ Execution Plan:"
    assert any(line.startswith("   1. RUN source.users") for line in plan)


def test_a_failure_is_exit_1_and_goes_on_only_where_it_may(home, capsys):
    write(home, PIPELINE.replace("WHERE name", "WHERE nope") + FAILING)
    summary = document(capsys, ["run"], 1)
    assert status(summary)["clean_users"] == "failed"
    assert status(summary)["user_features"] == "skipped"
    assert status(summary)["bad"] in ("pending", "failed")
    summary = document(capsys, ["run", "--continue-on-error", "--retry", "3"], 1)
    found = {r["node_id"]: r for r in summary["results"]}
    assert found["transform.bad"]["attempts"] == 4
    assert found["transform.below"]["reason"] == "upstream failed: transform.bad"
    assert (summary["failed_nodes"], summary["skipped_nodes"]) == (2, 4)


def test_retry_runs_what_failed_and_what_follows(home, capsys):
    write(home, PIPELINE + FAILING)
    assert main(["run", "--continue-on-error"]) == 1
    write(home, PIPELINE + FAILING.replace("error('broken')", "1"))
    capsys.readouterr()
    found = status(document(capsys, ["retry"]))
    assert {name for name, what in found.items() if what == "success"} == {"bad", "below"}


JSON = {
    "run": {"total_nodes", "changed_nodes", "cached_nodes", "successful_nodes", "failed_nodes", "skipped_nodes", "pending_nodes",
            "total_duration", "results"},
    "plan": {"steps"}, "ls": {"rows"}, "status": {"rows"}, "diff": set(), "history": {"rows"}, "show users": {"rows", "schema"},
    "clean --dry-run": {"rows"}, "parse": set(), "retry": {"results"},
}  # fmt: skip


@pytest.mark.parametrize("command", JSON)
def test_json_is_one_document_and_nothing_else(home, command):
    """Also where a body prints, and where standard output is a pipe."""
    write(home, PIPELINE + "---\nkind: transform\nname: loud\npython: |\n  print('noise')\n  result = [{'x': float('nan')}]\n")
    if command != "run":
        assert main(["run"]) == 0
    found = shell([*command.split(), "--format", "json"], home)
    assert found.returncode == 0, found.stderr
    assert found.stdout.count("\n") == 1
    data = json.loads(found.stdout, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert JSON[command] <= set(data)
    if command == "run":
        assert set(data["results"][0]) == {"node_id", "status", "reason", "duration", "row_count", "attempts", "where", "error_message", "metadata"}
    if command == "plan":
        assert {step["action"] for step in data["steps"]} == {"cached"}
        assert {"node_id", "action", "reason"} <= set(data["steps"][0])


def test_values_of_every_type_are_json(home, capsys):
    write(home, """
kind: transform
name: t
sql: |
  SELECT DATE '2024-01-02' AS d, TIMESTAMP '2024-01-02 03:04:05' AS t, 1.5::DECIMAL(4,2) AS n, [1, NULL] AS l, MAP {'a': 1} AS m,
         'x'::BLOB AS b, 'NaN'::DOUBLE AS nan, 'infinity'::DOUBLE AS inf, NULL AS nothing, INTERVAL 1 DAY AS i, TRUE AS yes,
         TIMESTAMPTZ '2024-01-02 03:04:05+00' AS z, uuid() AS u, 9007199254740993 AS big, {'k': 1} AS s
""")  # fmt: skip
    assert main(["run"]) == 0
    capsys.readouterr()
    assert main(["show", "t", "--format", "json"]) == 0
    data = json.loads(capsys.readouterr().out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    (row,) = data["rows"]
    assert (row["big"], row["nothing"], row["yes"]) == (9007199254740993, None, True)
    assert str(row["d"]).startswith("2024-01-02")


@pytest.mark.parametrize("form", ["dot", "svg", "mermaid", "json", "text"])
def test_the_graph_is_drawn_in_every_format(home, capsys, form):
    assert main(["run"]) == 0
    capsys.readouterr()
    assert main(["graph", "--format", form]) == 0
    out = capsys.readouterr().out
    if form == "svg":
        words = "".join(ET.fromstring(out).itertext())
    elif form == "json":
        data = json.loads(out)
        assert len(data["edges"]) == 4
        words = out
    else:
        words = out
    if form == "text":
        assert "5 nodes, 4 edges" in words
    else:
        assert all(node_id.partition(".")[2] in words for node_id in IDS)
    if form == "dot":
        assert out.lstrip().startswith("digraph")
        assert out.rstrip().endswith("}")
        assert out.count("->") == 4
    if form == "mermaid":
        assert out.startswith("flowchart")
        assert out.count("-->") == 4


@pytest.mark.parametrize("name", ["g.svg", "g.dot", "g.gv", "g.mmd", "g.mermaid", "g.json"])
def test_the_graph_is_saved_as_the_name_says(home, name):
    assert main(["graph", "--save", name]) == 0
    assert (home / name).read_text().strip()


def test_a_graph_of_an_unknown_ending_is_wrong_use(home, capsys):
    before = tree(home)
    assert main(["graph", "--save", "g.bmp"]) == 2
    assert "png" in capsys.readouterr().err
    assert tree(home) == before


OTHERS: dict[str, tuple[list[str], list[str]]] = {
    "plan": (["plan", "--full"], ["RUN source.users", "RUN exposure.report"]),
    "ls": (["ls"], IDS), "ls of a tag": (["ls", "tag:core"], ["transform.clean_users"]),
    "ls of a selector": (["ls", "+user_features"], IDS[:3]),
    "show": (["show", "users"], ["source.users: 2 rows", "ann", "bob"]),
    "show a few": (["show", "feature_group.user_features", "--limit", "1"], ["2 rows"]),
    "status": (["status"], ["success", "up to date"]), "diff": (["diff"], ["No differences"]),
    "history": (["history"], ["run"]), "history of one": (["history", "--limit", "1"], ["1 run"]),
    "clean": (["clean"], ["removed"]), "parse": (["parse"], ["5 nodes", "target/manifest.json"]),
    "version": (["--version"], ["seeknal_nb "]),
}  # fmt: skip


@pytest.mark.parametrize(("words", "parts"), OTHERS.values(), ids=OTHERS)
def test_the_other_commands_answer(home, capsys, words, parts):
    assert main(["run"]) == 0
    capsys.readouterr()
    assert main(words) == 0
    out = capsys.readouterr().out
    for part in parts:
        assert part in out


@pytest.mark.parametrize("words", [["plan"], ["plan", "--full"], ["ls"], ["status"], ["diff"], ["graph", "--format", "svg"], ["history"],
                                   ["clean", "--dry-run"], ["run", "--dry-run"], ["run", "--full", "--dry-run"]])  # fmt: skip
@pytest.mark.parametrize("before", ["never run", "run"])
def test_looking_changes_nothing(home, words, before):
    """Not even the time of a file: whoever looks must not make the next run another one."""
    if before == "run":
        assert main(["run"]) == 0
        (home / "data" / "users.csv").write_text(USERS + "3,cyd\n")
    kept = tree(home)
    assert main(words) == 0
    assert tree(home) == kept


def test_parse_writes_the_manifest_and_a_run_can_start_from_it(home, capsys):
    assert main(["parse"]) == 0
    data = json.loads((home / "target" / "manifest.json").read_text())
    assert list(data["nodes"]) == IDS
    assert {"from", "to", "type"} == set(data["edges"][0])
    assert str(home) not in (home / "target" / "manifest.json").read_text()
    (home / "seeknal" / "pipeline.yml").unlink()
    (home / "seeknal").rmdir()
    capsys.readouterr()
    assert set(status(document(capsys, ["run"])).values()) == {"success"}


def test_a_manifest_that_is_given_narrows_the_run_to_what_differs(home, capsys):
    assert main(["run"]) == 0
    write(home, PIPELINE.replace("2 * id", "3 * id"))
    capsys.readouterr()
    found = status(document(capsys, ["run", "--old-manifest", "target/manifest.json"]))
    assert {name for name, what in found.items() if what == "success"} == {"order_features"}


def test_diff_names_what_changed_since_the_last_run(home, capsys):
    assert main(["run"]) == 0
    write(home, PIPELINE.replace("2 * id", "3 * id") + "---\nkind: transform\nname: added\nsql: SELECT 1 AS x\n")
    capsys.readouterr()
    assert main(["diff"]) == 0
    out = capsys.readouterr().out
    assert "transform.added" in out
    assert "feature_group.order_features" in out
    assert "source.users" not in out


def test_parameters_reach_bodies_and_looking_takes_them_too(home, capsys):
    write(home, "kind: transform\nname: t\nsql: SELECT {{ least }} AS least, {{ word }} AS word\n")
    assert main(["run", "--params", "least=3", "word=it's"]) == 0
    for words in (["plan"], ["status"], ["graph"]):
        capsys.readouterr()
        assert main([*words, "--params", "least=3", "word=it's"]) == 0, words
    capsys.readouterr()
    assert document(capsys, ["show", "t"])["rows"] == [{"least": 3, "word": "it's"}]
    assert main(["run"]) == 2
    assert "least" in capsys.readouterr().err


@pytest.mark.parametrize("where", ["elsewhere", "relative", "trailing slash"])
def test_project_names_the_folder_where_everything_is(home, tmp_path, monkeypatch, capsys, where):
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.chdir(other)
    given = {"elsewhere": str(home), "relative": "../home", "trailing slash": "../home/"}[where]
    assert main(["run", "--project", given]) == 0
    assert (home / "out" / "report.csv").read_text().startswith("id,letters")
    assert (home / "target" / "state" / "execution_state.json").is_file()
    assert not list(other.iterdir())
    capsys.readouterr()
    assert document(capsys, ["show", "users", "--project", given])["row_count"] == 2


def test_a_state_folder_of_ones_own_is_used(home):
    assert main(["run", "--state-dir", "elsewhere/state"]) == 0
    assert (home / "elsewhere" / "state" / "execution_state.json").is_file()
    assert not (home / "target" / "state").exists()


# Notebooks


def notebook(path: Path, *cells: str) -> Path:
    document = {
        "nbformat": 4, "nbformat_minor": 5, "metadata": {},
        "cells": [{"cell_type": "code", "id": f"c{n}", "metadata": {}, "outputs": [], "execution_count": None, "source": text.splitlines(True)}
                  for n, text in enumerate(cells)],
    }  # fmt: skip
    path.write_text(json.dumps(document))
    return path


CELLS = [
    "%load_ext seeknal_nb", "factor = 3", "%seeknal source users --csv data/users.csv", "%%seeknal transform t\nSELECT id * {{ factor }} AS x FROM users",
    "summary = %seeknal run", "summary.to_frame()", "%seeknal graph",
    "%%seeknal transform u\nresult = t.assign(y=factor)",
]  # fmt: skip


def test_a_notebook_runs_as_a_project_does(home):
    """Cells in order, lines that run or draw left out, then what the command says."""
    notebook(home / "n.ipynb", *CELLS)
    found = shell(["run", "n.ipynb", "--full", "--format", "json"], home)
    assert found.returncode == 0, found.stderr
    assert status(json.loads(found.stdout)) == {"users": "success", "t": "success", "u": "success"}
    again = shell(["run", "n.ipynb"], home)
    assert "No changes detected" in again.stdout
    assert "transform.u" in shell(["plan", "n.ipynb"], home).stdout
    assert "3 nodes, 2 edges" in shell(["graph", "n.ipynb"], home).stdout


def test_a_notebook_shares_its_state_under_the_name_that_its_settings_say(home):
    """Its own file's name would be another one than that which its kernel has."""
    notebook(home / "n.ipynb", *CELLS)
    words = ["run", "n.ipynb", "--state", "sqlite:///kept.db"]
    found = shell(words, home)
    assert found.returncode == 2
    assert "a project needs a name" in found.stderr
    (home / "pyproject.toml").write_text("[tool.seeknal_nb]\nname = 'orders'\n")
    found = shell(words, home)
    assert found.returncode == 0, found.stderr
    assert len(open_store("sqlite:///kept.db", root=home, project="orders").load()) == 3


def test_a_notebook_from_another_folder_runs_in_its_own(home, tmp_path):
    notebook(home / "n.ipynb", *CELLS)
    other = tmp_path / "other"
    other.mkdir()
    found = shell(["run", "../home/n.ipynb"], other)
    assert found.returncode == 0, found.stderr
    assert (home / "target" / "state").is_dir()
    assert not list(other.iterdir())


@pytest.mark.parametrize(("cell", "fragment"), [
    ("1 / 0", "ZeroDivisionError"), ("%%seeknal transform x\nSELECT * FROM nowhere", "nowhere"), ("raise SystemExit(0)", ""),
    ("%seeknal rnu", "did you mean run"), ("def f(:\n  pass", "SyntaxError"), ("import nowhere_to_be_found", "nowhere_to_be_found"),
])  # fmt: skip
def test_a_cell_that_fails_is_exit_2_with_the_cell_and_nothing_runs(home, cell, fragment):
    notebook(home / "n.ipynb", *CELLS[:4], cell, *CELLS[4:])
    found = shell(["run", "n.ipynb"], home)
    assert found.returncode == 2, found
    assert fragment in found.stderr
    assert "cell 5" in found.stderr
    assert "Traceback" not in found.stderr
    assert not (home / "target").exists()


@pytest.mark.parametrize(("text", "fragment"), [("{", "n.ipynb"), ("[]", "n.ipynb"), ('{"cells": 3}', "n.ipynb"), (None, "n.ipynb"), ("", "n.ipynb")])
def test_what_is_no_notebook_is_exit_2(home, text, fragment):
    if text is not None:
        (home / "n.ipynb").write_text(text)
    found = shell(["run", "n.ipynb"], home)
    assert (found.returncode, found.stdout) == (2, "")
    assert fragment in found.stderr
    assert "Traceback" not in found.stderr


def test_a_failing_node_of_a_notebook_is_exit_1(home):
    notebook(home / "n.ipynb", "%load_ext seeknal_nb", "%%seeknal transform t\n1 / 0")
    assert shell(["run", "n.ipynb"], home).returncode == 1


# Wrong use

WRONG: dict[str, tuple[list[str], str]] = {
    "a command": (["rnu"], "did you mean run"), "a command far from all": (["xyzzy"], "run"), "an option": (["run", "--ful"], "--full"),
    "an abbreviation": (["run", "--dry"], "--dry-run"), "an option of another command": (["ls", "--full"], "--full"),
    "a node": (["run", "--nodes", "user_featurs"], "did you mean"), "a node of several": (["run", "--nodes", "users,nope"], "nope"),
    "a type": (["run", "--types", "fature_group"], "feature_group"), "a tag": (["run", "--exclude-tags", "expensiv"], "expensive"),
    "a tag to keep": (["run", "--tags", "cor"], "core"), "a node to show": (["show", "userz"], "users"), "a selector": (["ls", "tog:core"], "tog"),
    "an empty name between": (["run", "--nodes", "users,,report"], "empty name"), "an empty name at the end": (["run", "--nodes", "users,"], "empty"),
    "an empty name": (["run", "--nodes", ""], ""), "an empty tag": (["run", "--exclude-tags", "a,,b"], "empty"),
    "an empty type": (["run", "--types", ""], "empty"), "no value": (["run", "--nodes"], "--nodes"),
    "a retry that is a word": (["run", "--retry", "abc"], "no whole number"), "a negative retry": (["run", "--retry", "-1"], "--retry"),
    "a negative retry with =": (["run", "--retry=-1"], "no whole number"), "half a retry": (["run", "--retry", "1.5"], "no whole number"),
    "a retry in other digits": (["run", "--retry", "٣"], "no whole number"), "no workers": (["run", "--workers", "0"], "workers"),
    "workers that are a word": (["run", "--workers", "x"], "no whole number"), "a negative delay": (["run", "--retry-delay", "-1"], "retry-delay"),
    "a delay that is not finite": (["run", "--retry-delay", "nan"], "retry-delay"), "a format": (["run", "--format", "xml"], "json"),
    "a limit": (["show", "users", "--limit", "-1"], "limit"), "no node to show": (["show"], "NODE"), "no folder": (["run", "--project", "nope"], "nope"),
    "a file as folder": (["run", "--project", "data/users.csv"], "users.csv"), "an old manifest that is not there": (["run", "--old-manifest", "no.json"], "no.json"),
    "an old manifest that is none": (["run", "--old-manifest", "data/users.csv"], "users.csv"), "a diff with nothing": (["diff", "no.json"], "no.json"),
    "a parameter without a name": (["run", "--params", "=1"], "name=value"), "parameters that are no JSON": (["run", "--params", "{a}"], "JSON"),
    "JSON that is a list": (["run", "--params", "{]"], "JSON"), "a word too many": (["status", "a", "b"], "'b'"),
    "two commands": (["run", "plan"], "plan"),
}  # fmt: skip


@pytest.mark.parametrize(("words", "fragment"), WRONG.values(), ids=WRONG)
def test_wrong_use_is_exit_2_one_error_a_remedy_and_nothing_on_disk(home, capsys, words, fragment):
    """On standard error, nothing executed, nothing changed."""
    before = tree(home)
    assert main(words) == 2
    seen = capsys.readouterr()
    assert seen.out == ""
    assert fragment in seen.err
    assert seen.err.startswith("Error: ")
    assert "Fix: " in seen.err
    assert "Traceback" not in seen.err
    assert tree(home) == before


def test_debug_shows_the_traceback(home):
    found = shell(["run", "--nodes", "nope", "--debug"], home)
    assert found.returncode != 0
    assert "Traceback" in found.stderr


def test_a_folder_without_a_pipeline_says_what_it_lacks(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for words in (["run"], ["plan"], ["ls"], ["graph"], ["status"]):
        assert main(words) == 2
        assert "seeknal/" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_is_everywhere_on_standard_output_and_is_exit_0(home, capsys, command):
    words = [command] if command else []
    texts = []
    for flag in ("-h", "--help"):
        assert main([*words, flag]) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]
    assert texts[0].startswith(f"usage: seeknal-nb {command}".rstrip())
    assert not command or COMMANDS[command].help in texts[0].replace("\n", " ")


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["--version"], ["rnu"]])
def test_help_imports_nothing_heavy(words):
    """A cold import of everything is seconds."""
    program = (
        f"import sys\nfrom seeknal_nb.cli import main\nmain({words!r})\n"
        "heavy = [m for m in ('duckdb', 'pandas', 'numpy', 'pyarrow', 'sqlglot', 'IPython', 'yaml', 'sklearn') if m in sys.modules]\n"
        "heavy = [m for m in heavy if m != 'yaml']\nassert not heavy, heavy"
    )
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize("name", ["seeknal-nb", "seeknal"])
def test_the_scripts_reach_the_program(home, tmp_path, name):
    target = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"][name]
    module, _, function = target.partition(":")
    script = tmp_path / name
    script.write_text(f"#!{sys.executable}\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n")
    script.chmod(0o755)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    found = subprocess.run([script, "ls", "--format", "json"], cwd=home, env=env, capture_output=True, text=True)
    assert [row["node_id"] for row in json.loads(found.stdout)["rows"]] == IDS
    found = subprocess.run([script, "run", "--help"], cwd=home, env=env, capture_output=True, text=True)
    assert found.stdout.startswith(f"usage: {name} run")


EDITABLE = """
import sys
from importlib.machinery import ModuleSpec

class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return ModuleSpec(name, None) if name == "seeknal" else None

sys.meta_path.append(Finder)
"""


@pytest.mark.parametrize("editable", [False, True])
def test_the_script_seeknal_hands_over_to_the_distribution_of_that_name(home, tmp_path, editable):
    """Installers overwrite silently; theirs has the older right to the name, also where it is installed to be edited."""
    site = tmp_path / "site"
    (site / "seeknal-2.0.dist-info").mkdir(parents=True)
    (site / "seeknal-2.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: seeknal\nVersion: 2.0\n")
    (site / "seeknal-2.0.dist-info" / "entry_points.txt").write_text("[console_scripts]\nseeknal = their_cli:main\n")
    (site / "their_cli.py").write_text("import sys\ndef main():\n    print('theirs', sys.argv[1:])\n    return 7\n")
    if not editable:
        (site / "seeknal").mkdir()
        (site / "seeknal" / "__init__.py").touch()
    program = f"{EDITABLE if editable else ''}\nimport sys\nfrom seeknal_nb.cli import seeknal\nsys.exit(seeknal())"
    env = {**os.environ, "PYTHONPATH": f"{ROOT}:{site}"}
    found = subprocess.run([sys.executable, "-P", "-c", program, "run"], cwd=home, env=env, capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (7, "theirs ['run']\n")
    assert "seeknal-nb" in found.stderr
    assert found.stderr.count("\n") == 1


# Streams and terminals


def test_a_reader_that_goes_away_is_no_error(home):
    """``seeknal run | head -1`` ends the reading, not the run, and no traceback is written."""
    nodes = "".join(f"---\nkind: transform\nname: t{n}\nsql: SELECT {n} AS x\n" for n in range(30))
    write(home, PIPELINE + nodes)
    command = f"{sys.executable} -m seeknal_nb run | head -1; echo ${{PIPESTATUS[0]}}"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    found = subprocess.run(["bash", "-c", command], cwd=home, env=env, capture_output=True, text=True)
    assert found.stderr == ""
    assert "RUNNING" in found.stdout.splitlines()[0]
    again = shell(["run", "--format", "json"], home)
    assert set(status(json.loads(again.stdout)).values()) <= {"success", "cached"}
    for words in ("ls", "history", "ls --format json", "graph --format svg"):
        command = f"{sys.executable} -m seeknal_nb {words} | true; exit 0"
        found = subprocess.run(["bash", "-c", command], cwd=home, env=env, capture_output=True, text=True)
        assert found.stderr == ""


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_process_without_streams_runs(home, closed):
    """And none of its files takes the number of a stream, into which a library would write."""
    for words in ("plan", "run", "status --format json"):
        command = f"{sys.executable} -m seeknal_nb {words} {closed}"
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        found = subprocess.run(["bash", "-c", command], cwd=home, env=env, capture_output=True, text=True)
        assert (found.returncode, found.stderr) == (0, "")
    assert set(status(json.loads(shell(["run", "--format", "json"], home).stdout)).values()) == {"cached"}


def test_what_a_body_writes_past_python_is_no_part_of_the_document(home):
    write(home, PIPELINE + "---\nkind: transform\nname: loud\npython: |\n  import os\n  os.write(1, b'hello')\n  os.system('echo hello')\n"
                           "  def loud(users):\n      return users\ninputs: [users]\n")  # fmt: skip
    found = shell(["run", "--format", "json"], home)
    assert status(json.loads(found.stdout))["loud"] == "success"
    assert "hello" in found.stderr


@pytest.mark.parametrize("env", [
    {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}, {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    {"PYTHONIOENCODING": "latin-1"},
])  # fmt: skip
def test_a_stream_that_knows_only_ascii_gets_ascii(home, env):
    """Signs that a stream cannot encode must not end the command."""
    (home / "data" / "users.csv").write_text("id,name\n1,漢字 é\n", encoding="utf-8")
    for words in (["run"], ["show", "users"], ["plan", "--full"], ["status"], ["graph"], ["run", "--full", "--dry-run"]):
        found = subprocess.run(
            [sys.executable, "-m", "seeknal_nb", *words], cwd=home, env={**os.environ, "PYTHONPATH": str(ROOT), **env},
            capture_output=True,
        )  # fmt: skip
        assert found.returncode == 0, found.stderr
        assert found.stderr == b""
        if "ascii" in env.values() or "POSIX" in env.values():
            found.stdout.decode("ascii")
    wrong = shell(["run", "--nodes", "é漢"], home, env=env)
    assert wrong.returncode == 2
    assert "Traceback" not in wrong.stderr


def on_terminal(words: list[str], cwd: Path, **env: str) -> str:
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "seeknal_nb", *words], cwd=cwd, env={**os.environ, "PYTHONPATH": str(ROOT), **env}, stdout=follower,
        stderr=follower, stdin=follower,
    )  # fmt: skip
    os.close(follower)
    seen = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:
            break
        if not piece:
            break
        seen += piece
    os.close(leader)
    process.wait()
    return seen.decode()


def test_colours_are_for_terminals_that_want_them(home, monkeypatch):
    """A file or a pipe would keep them as letters; NO_COLOR is for who wants none."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[32m✓\x1b[0m users completed" in on_terminal(["run"], home)
    assert "\x1b" not in on_terminal(["run", "--full"], home, NO_COLOR="1")
    assert "\x1b" not in shell(["run", "--full"], home).stdout
    assert "\x1b" not in on_terminal(["run", "--help"], home, NO_COLOR="1")


HOSTILE = "\x1b[31mred\x1b]0;title\x07 \x9b2J\r\u202etxt\u200b"


def test_escape_sequences_of_others_are_spelled_out(home, capsys):
    """ESC, OSC, BEL, CR, C1 and bidirectional characters in tags, descriptions, errors, data, paths."""
    quoted = json.dumps(HOSTILE)
    write(home, f"""
kind: transform
name: t
tags: [{quoted}]
description: {quoted}
owner: {quoted}
python: |
  result = [{{"x": {quoted}, {quoted}: 1}}]
---
kind: transform
name: bad
python: |
  print({quoted})
  raise ValueError({quoted})
---
kind: transform
name: worse
sql: SELECT error({{{{ word }}}}) AS x
---
kind: source
name: missing
source: csv
table: {quoted}
""")  # fmt: skip
    given = ["--params", f"word={HOSTILE}"]
    runs = [["run", "--continue-on-error", *given], ["run", "--continue-on-error", "--format", "json", *given], ["plan", "--full", *given],
            ["ls"], ["ls", "--format", "json"], ["show", "t"], ["show", "t", "--format", "json"], ["history"],
            ["run", "--nodes", HOSTILE, *given], ["run", "--tags", HOSTILE + "x", *given], ["show", HOSTILE], [HOSTILE], ["run", f"--{HOSTILE}"],
            ["run", "--project", HOSTILE], ["diff", HOSTILE], ["run", "--params", HOSTILE]]  # fmt: skip
    for words in runs:
        main(words)
        seen = capsys.readouterr()
        for text in (seen.out, seen.err):
            bad = [c for c in text if (ord(c) < 32 and c not in "\n\t") or 0x7F <= ord(c) < 0xA0 or c in "\u202e\u200b"]
            assert not bad, (words, bad, text)
    main(["show", "t"])
    assert r"\x1b[31mred" in capsys.readouterr().out


def test_one_event_is_one_line(home, capsys):
    write(home, "kind: transform\nname: t\npython: |\n  raise ValueError('first\\nℹ 9/9: transform.forged [RUNNING]')\n")
    assert main(["run"]) == 1
    assert not [line for line in capsys.readouterr().out.splitlines() if line.startswith("ℹ 9/9")]


def test_a_body_that_asks_for_input_fails_and_does_not_wait(home):
    """Nobody answers in a pipe, and a run that waits for ever is worse than a failure."""
    write(home, "kind: transform\nname: t\npython: |\n  x = input('? ')\n  result = [{'x': x}]\n")
    found = shell(["run"], home)
    assert found.returncode == 1
    assert "EOF" in found.stdout


# Locks and signals

SLOW = """
kind: transform
name: before
sql: SELECT 1 AS x
---
kind: transform
name: slow
inputs: [before]
{body}
---
kind: transform
name: below
sql: SELECT x FROM slow
"""
SQL = f"sql: SELECT n AS x FROM before, ({MINUTES})"
PYTHON = "python: |\n  import time\n  while True:\n      time.sleep(0.01)"
SWALLOWS = """python: |
  class Thing:
      def __del__(self):
          sum(range(1000))
  while True:
      Thing()"""
"""What a signal interrupts there it nearly always interrupts in ``__del__``, and no exception leaves that."""
STUBBORN = """python: |
  import time
  while True:
      try:
          time.sleep(0.01)
      except BaseException:
          open('caught', 'w').close()"""
GOOD = "sql: SELECT 7 AS x"


@contextlib.contextmanager
def started(home: Path, *words: str, ignored: bool = False) -> Iterator[subprocess.Popen[str]]:
    """A run that has come to its slow node; ``ignored``: as nohup starts it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "seeknal_nb", "run", *words], cwd=home, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=nohup if ignored else None,  # noqa: PLW1509 - it only ignores a signal
    )  # fmt: skip
    journal = home / "target" / "state" / "journal.jsonl"
    try:
        eventually(lambda: process.poll() is not None or (journal.exists() and "transform.before" in journal.read_text()))
        assert process.poll() is None, process.communicate()
        time.sleep(0.3)  # it is in the slow node by now, or about to be: both must do
        yield process
    finally:
        process.kill()
        process.communicate()


def nohup() -> None:
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


@pytest.mark.parametrize("body", [SQL, PYTHON, SWALLOWS], ids=["SQL", "Python", "__del__"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=["INT", "TERM", "HUP"])
def test_a_signal_ends_the_run_in_order(home, body, number, code):
    """Its own exit code, finished nodes kept, the next run goes on."""
    write(home, SLOW.format(body=body))
    with started(home, "--retry", "2") as process:
        process.send_signal(number)
        out, err = process.communicate()
    assert process.returncode == code
    assert "Traceback" not in err
    assert "Pending:" in out
    state = json.loads((home / "target" / "state" / "execution_state.json").read_text())
    assert state["transform.before"]["status"] == "success"
    assert state.get("transform.slow", {}).get("status") != "failed"
    assert not list((home / "target").rglob("*.tmp*"))
    write(home, SLOW.format(body=GOOD))
    found = shell(["run", "--format", "json"], home)
    assert found.returncode == 0, found.stderr
    assert status(json.loads(found.stdout)) == {"before": "cached", "slow": "success", "below": "success"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["INT", "TERM"])
def test_a_second_signal_ends_a_run_at_once_whatever_its_body_does(home, number):
    """What was finished is on the disk, the lock is free, and the next run goes on."""
    write(home, SLOW.format(body=STUBBORN))
    with started(home) as process:
        process.send_signal(number)
        eventually((home / "caught").exists)
        process.send_signal(signal.SIGINT)
        process.wait()
    assert process.returncode == 130
    write(home, SLOW.format(body=GOOD))
    found = shell(["run", "--format", "json"], home)
    assert status(json.loads(found.stdout)) == {"before": "cached", "slow": "success", "below": "success"}


def test_a_second_signal_ends_no_process_that_calls_main_as_a_function():
    """A kernel would be gone with all that it holds."""
    with contextlib.ExitStack() as undo:
        for number, handler in _listen(ends=False).items():
            undo.callback(signal.signal, number, handler)
        for _ in range(3):
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)


def test_what_nohup_has_ignored_stays_ignored(home):
    """A run that was started to outlive its terminal does."""
    body = "python: |\n  import os, time\n  while not os.path.exists('go'):\n      time.sleep(0.01)\n  result = [{'x': 7}]"
    write(home, SLOW.format(body=body))
    with started(home, ignored=True) as process:
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGINT)
        (home / "go").touch()
        out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert "below completed" in out


def test_an_interrupted_run_in_json_is_still_one_document(home):
    write(home, SLOW.format(body=SQL))
    with started(home, "--format", "json") as process:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in err
    assert status(json.loads(out)) == {"before": "success", "slow": "pending", "below": "pending"}


def test_a_second_run_is_turned_away_with_exit_75_and_who_holds_the_lock(home):
    """Looking is allowed meanwhile."""
    write(home, SLOW.format(body=SQL))
    with started(home) as process:
        found = shell(["run"], home)
        assert (found.returncode, found.stdout) == (75, "")
        assert str(process.pid) in found.stderr
        assert "Traceback" not in found.stderr
        assert shell(["clean"], home).returncode == 75
        for words in (["plan"], ["status"], ["ls"], ["graph"], ["history"], ["run", "--dry-run"]):
            assert shell(words, home).returncode == 0
        assert process.poll() is None


def test_the_lock_of_a_killed_run_is_taken_over(home):
    """A process that is dead, by what the system says of it, will never give it back."""
    write(home, SLOW.format(body=SQL))
    with started(home) as process:
        process.kill()
        process.communicate()
    write(home, SLOW.format(body=GOOD))
    found = shell(["run", "--format", "json"], home)
    assert found.returncode == 0, found.stderr
    assert status(json.loads(found.stdout)) == {"before": "cached", "slow": "success", "below": "success"}
    assert not list((home / "target").rglob("*tmp*"))
