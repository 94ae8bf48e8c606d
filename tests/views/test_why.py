"""Why a node runs: each cue is told by its name, old against new, and nothing that is like a credential is shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seeknal_nb import Project
from seeknal_nb.cli import main
from seeknal_nb.workflow.evidence import KEPT, LONGEST, kept


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "a.csv").write_text("x\n1\n2\n")
    found = Project(tmp_path, params={"least": 0}, namespace={"K": 1, "h": helper("return x + K")})
    found.source("a", csv="a.csv")
    found.transform("b", "SELECT x\nFROM a\nWHERE x > {{ least }}", tags=["t"])
    found.transform("p", python="def p(b):\n    b['y'] = h(K)\n    return b")
    found.run(progress=False)
    return found


def helper(body: str) -> Callable[..., Any]:
    space: dict[str, Any] = {"K": 1}
    exec(f"def h(x):\n    {body}", space)
    return space["h"]


def causes(project: Project, name: str) -> dict[str, tuple[str, str]]:
    found = project.why(name)
    return {f"{one.what} {one.name}".strip(): (one.before, one.now) for one in found.causes}


def sql(project: Project) -> None:
    project.transform("b", "SELECT x\nFROM a\nWHERE x >= {{ least }}", tags=["t"])


def key(project: Project) -> None:
    project.transform("b", "SELECT x\nFROM a\nWHERE x > {{ least }}", tags=["t"], refresh="1h")


def parameter(project: Project) -> None:
    project.params["least"] = 1


def file(project: Project) -> None:
    (project.directory / "a.csv").write_text("x\n1\n2\n3\n")


def constant(project: Project) -> None:
    project.namespace["K"] = 2  # type: ignore[index]


def code(project: Project) -> None:
    project.transform("p", python="def p(b):\n    b['y'] = h(K) + 1\n    return b")


EDITS: dict[str, tuple[Callable[[Project], None], str, str, tuple[str, str]]] = {
    "its SQL": (sql, "b", "SQL sql", ("> {{ least }}", ">= {{ least }}")),
    "a key of its config": (key, "b", "config refresh", ("", "1h")),
    "a parameter": (parameter, "b", "parameter least", ("0", "1")),
    "a file": (file, "a", "file a.csv", ("6 bytes", "8 bytes")),
    "a constant of the notebook": (constant, "p", "notebook K", ("1", "2")),
    "its code": (code, "p", "code python", ("h(K)\n", "h(K) + 1\n")),
}


@pytest.mark.parametrize(("edit", "name", "what", "parts"), EDITS.values(), ids=EDITS)
def test_what_changed_is_named_with_its_old_and_its_new_value(
    project: Project, edit: Callable[[Project], None], name: str, what: str, parts: tuple[str, str]
) -> None:
    edit(project)
    found = causes(project, name)
    assert list(found) == [what]
    assert all(part in value for part, value in zip(parts, found[what], strict=True))
    assert "will run: " in project.why(name).headline
    assert project.why(name).to_frame().what.tolist() == [what.partition(" ")[0]]


def test_of_a_text_the_lines_are_told(project: Project) -> None:
    sql(project)
    lines = project.why("b").lines()
    assert lines[1:] == ["  SQL", "      FROM a", "    - WHERE x > {{ least }}", "    + WHERE x >= {{ least }}"]


def test_an_input_is_told_with_its_own_reason_before_and_after_it_ran(project: Project) -> None:
    sql(project)
    [cause] = project.why("p").causes
    assert (cause.what, cause.name, cause.now, cause.why) == ("input", "transform.b", "not known yet", "SQL changed")
    project.transform("b", "SELECT x + 1 AS x FROM a")
    project.run(progress=False, nodes=["b"], only=True)
    [cause] = project.why("p").causes
    assert len(cause.now) == 8
    assert cause.why == "named"


def test_of_a_node_that_is_up_to_date_it_is_told_what_its_last_run_was_for(project: Project) -> None:
    assert project.why("b").causes == ()
    sql(project)
    project.run(progress=False)
    found = project.why("b")
    assert found.headline == "transform.b is up to date; it last ran because of this: SQL changed"
    assert [one.what for one in found.causes] == ["SQL"]


def test_a_helper_of_the_notebook_is_told_by_its_lines(tmp_path: Path, nb: Any) -> None:
    nb("K = 1\ndef h(x):\n    return x + K")
    nb("%%seeknal transform p\nimport pandas as pd\n\ndef p():\n    return pd.DataFrame({'x': [h(1)]})")
    nb("%seeknal run")
    nb("K = 2\ndef h(x):\n    # said otherwise\n    return x - K")
    found = nb("%seeknal why p")
    assert [line.strip() for line in found.lines()] == [
        "transform.p will run: code changed", "notebook <function h>", "def h(x):", "-     return x + K", "-   K = 1",
        "+     return x - K", "+   K = 2",
    ]  # fmt: skip


def test_what_nobody_kept_is_said(project: Project) -> None:
    for path in (project.directory / "target/why").iterdir():
        path.unlink()
    sql(project)
    assert project.why("b").causes == ()
    assert "not known here" in project.why("b").note


@pytest.mark.parametrize("text", ["", "[]", "3", '{"k": 3}', '{"k": {"SQL": 3}}', '{"k": {"SQL": {"sql": 3}}}', "\0", "[" * 99_999])
def test_what_somebody_else_wrote_is_passed_over(project: Project, text: str) -> None:
    (project.directory / "target/why/transform.b.json").write_text(text)
    sql(project)
    assert project.why("b").causes == ()
    project.run(progress=False)
    assert len(kept(project.directory / "target/why", "transform.b")) == 1


def test_a_few_executions_are_kept_and_going_back_finds_its_own(project: Project) -> None:
    for number in range(KEPT + 3):
        project.transform("b", f"SELECT x FROM a WHERE x > {number}")
        project.run(progress=False)
    assert len(kept(project.directory / "target/why", "transform.b")) == KEPT
    project.transform("b", f"SELECT x FROM a WHERE x > {KEPT + 1}")
    project.run(progress=False)
    project.transform("b", "SELECT x FROM a WHERE x > 77")
    [cause] = project.why("b").causes
    assert cause.before.endswith(f"> {KEPT + 1}")


SECRETS = {
    "a constant": "API_KEY = 'hush-hush'\ndef h():\n    return API_KEY",
    "within a helper": "def h():\n    password = 'hush-hush'\n    return password",
    "in a mapping": "conf = {'token': 'hush-hush'}\napi_token = conf['token']\ndef h():\n    return api_token",
}


@pytest.mark.parametrize("source", SECRETS.values(), ids=SECRETS)
def test_what_is_called_like_a_credential_is_kept_as_a_digest_only(tmp_path: Path, nb: Any, source: str) -> None:
    nb(source)
    nb("%%seeknal transform p\nimport pandas as pd\n\ndef p():\n    return pd.DataFrame({'x': [len(h())]})")
    nb("%seeknal run")
    nb(source.replace("hush-hush", "quiet-now"))
    found = str(nb("%seeknal why p"))
    text = (tmp_path / "target/why/transform.p.json").read_text()
    for told in (found, text):
        assert "hush" not in told
        assert "quiet" not in told
    assert "digest" in found


def test_keys_that_are_columns_are_no_credentials(project: Project) -> None:
    for name in ("a_id", "b_id"):
        project.feature_group("g", "SELECT 1 AS a_id, 2 AS b_id, 3 AS v", key=name)
        found = project.why("g")
        project.run(progress=False)
    assert [(one.name, one.before, one.now) for one in found.causes] == [("key", "a_id", "b_id")]


def test_long_values_are_cut(project: Project) -> None:
    for letter in "ab":
        project.namespace["K"] = letter * 1000  # type: ignore[index]
        found = project.why("p")
        project.run(progress=False, continue_on_error=True)
    value = next(one for one in found.causes if one.name == "K")
    assert LONGEST < len(value.before) < LONGEST + 40
    assert value.before != value.now


def test_the_shell_has_it_for_one_node_for_all_and_below_the_plan(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "seeknal").mkdir()
    text = "kind: transform\nname: a\nsql: SELECT 1 AS x\n---\nkind: transform\nname: b\nsql: SELECT x FROM a\n"
    (tmp_path / "seeknal/n.yml").write_text(text)
    assert main(["run"]) == 0
    (tmp_path / "seeknal/n.yml").write_text(text.replace("1 AS", "2 AS"))
    capsys.readouterr()
    for words in (["why", "a"], ["why"], ["plan", "--why"], ["diff"]):
        assert main(words) == 0
        out = capsys.readouterr().out
        assert "- SELECT 1 AS x" in out
        assert "+ SELECT 2 AS x" in out
    assert main(["why", "--format", "json"]) == 0
    assert [one["node_id"] for one in json.loads(capsys.readouterr().out)["nodes"]] == ["transform.a", "transform.b"]
    assert main(["why", "c"]) == 2
    assert "Fix: " in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_stops_no_run(project: Project) -> None:
    folder = project.directory / "target/why"
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    folder.write_text("in the way")
    sql(project)
    assert project.run(progress=False).failed_nodes == 0
    assert project.why("b").causes == ()
    assert folder.is_file()
