"""Why a node runs: each cue is told by its name, old against new, and nothing that is like a credential is shown."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seeknal_nb import Project
from seeknal_nb.cli import main
from seeknal_nb.workflow.evidence import LONGEST


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


@pytest.mark.parametrize(("edit", "name", "what", "parts"), EDITS.values(), ids=EDITS)
def test_the_details_have_the_same_causes(
    project: Project, edit: Callable[[Project], None], name: str, what: str, parts: tuple[str, str]
) -> None:
    """Old against new, or the lines of a text; and what was written otherwise is told since the stored build."""
    edit(project)
    found = project.details(name).to_dict({})
    [cause] = found["why"]["causes"]
    told = [[line[2:] for line in cause["lines"] if line[0] == sign] for sign in "-+"]
    sides = cause["values"] if not cause["lines"] else ["".join(f"{line}\n" for line in lines) for lines in told]
    assert all(part in side for part, side in zip(parts, sides, strict=True))
    assert cause["title"].startswith(what.partition(" ")[0])
    assert found["changed"] == ([cause] if what.startswith(("SQL", "config", "code")) else [])
    project.run(progress=False)
    after = project.details(name).to_dict({})
    assert (after["why"]["causes"], after["changed"]) == ([cause], [])
    assert after["why"]["then"] == project.why(name).then != ""


def test_the_lines_that_changed_are_those_since_the_stored_build(project: Project) -> None:
    """Not since the version that failed, of which nothing is stored."""
    project.transform("b", "SELECT nothing\nFROM a")
    project.run(progress=False, continue_on_error=True)
    project.transform("b", "SELECT x\nFROM a")
    found = project.details("b").to_dict({})
    assert found["why"]["causes"][0]["lines"] == ["- SELECT nothing", "+ SELECT x", "  FROM a"]
    assert found["changed"][0]["lines"][-2:] == ["  FROM a", "- WHERE x > {{ least }}"]


def test_the_details_hide_what_is_like_a_credential_and_a_page_has_nothing_of_before(project: Project) -> None:
    project.namespace["K"] = 5  # type: ignore[index]
    project.transform("b", "SELECT x\nFROM a\nWHERE 'password' <> 'hunter22'\n -- password of the door")
    told = json.dumps([project.details("b").to_dict({})["why"], project.details("b").to_dict({})["changed"]])
    assert "password" in told
    assert "hunter22" not in told
    for found in project.graph().details().values():  # type: ignore[misc]
        assert (found["why"]["causes"], found["changed"]) == ([], [])


def test_what_cannot_be_planned_has_details_without_causes(project: Project) -> None:
    project.transform("b", "SELECT x FROM a WHERE x > {{ unknown }}")
    assert project.details("b").to_dict({})["why"] == {"then": "", "causes": [], "note": ""}


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
    assert cause.why == "SQL changed"


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


@pytest.mark.parametrize("text", ["", "[]", "3", '{"SQL": 3}', '{"SQL": {"sql": 3}}', "\0", "[" * 99_999, "torn"])
def test_what_somebody_else_wrote_is_passed_over(project: Project, text: str) -> None:
    [path] = (project.directory / "target/why").iterdir()
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    path.write_text("\n".join("\t".join([*parts[:3], text]) if text != "torn" else parts[0] for parts in lines))
    sql(project)
    assert project.why("b").causes == ()
    project.run(progress=False)
    assert project.plan().headline() == "3 nodes: 3 up to date"


def test_a_line_without_an_end_costs_the_others_nothing(project: Project) -> None:
    [path] = (project.directory / "target/why").iterdir()
    path.write_text(path.read_text() + "transform.x\tkey")
    sql(project)
    assert project.why("b").causes != ()


def test_going_back_finds_what_the_node_was_made_of_then(project: Project) -> None:
    for number in (1, 2, 3, 1):
        project.transform("b", f"SELECT x FROM a WHERE x > {number}")
        project.run(progress=False)
    project.transform("b", "SELECT x FROM a WHERE x > 77")
    [cause] = project.why("b").causes
    assert cause.before.endswith("> 1")
    project.run(progress=False)
    [cause] = project.why("b").causes
    assert (cause.before[-1], cause.now[-2:]) == ("1", "77")


def test_a_run_for_another_reason_tells_of_no_change(project: Project) -> None:
    sql(project)
    project.run(progress=False)
    project.run(progress=False, full=True)
    assert project.why("b").headline.endswith("it last ran because of this: full run")
    assert project.why("b").causes == ()
    key(project)
    assert [one.name for one in project.why("b").causes] == ["sql", "refresh"]


def test_a_file_whose_time_alone_is_another_is_no_cue(project: Project) -> None:
    for name in ("a", "b"):
        (project.directory / f"g_{name}.csv").write_text("x\n1\n")
    project.source("g", path="g_*.csv")
    project.run(progress=False)
    os.utime(project.directory / "g_a.csv", (1, 1))
    (project.directory / "g_c.csv").write_text("x\n1\n")
    assert [(one.what, one.name) for one in project.why("g").causes] == [("file", "g_c.csv")]


def test_helpers_of_one_name_are_told_apart(tmp_path: Path, nb: Any) -> None:
    nb("def make(n):\n    def f(x):\n        return x + n\n    return f\na, b = make(4), make(5)")
    nb("%%seeknal transform p\nimport pandas as pd\n\ndef p():\n    return pd.DataFrame({'x': [a(1) + b(1)]})")
    nb("%seeknal run")
    nb("a = make(44)")
    assert "+   n = 44" in str(nb("%seeknal why p"))


def test_packages_are_told_by_their_versions(project: Project, monkeypatch: Any) -> None:
    project.transform("q", python="import pandas\nfrom functools import partial\n\ndef q(b):\n    return pandas.DataFrame(b)")
    project.run(progress=False)
    [path] = sorted((project.directory / "target/why").iterdir())[-1:]
    packages = json.loads(path.read_text().split("\t", 3)[3])["package"]
    assert packages["pandas"][0].isdigit()
    assert packages["functools"].startswith("python 3.")
    assert "\x02" not in path.read_text()


SECRETS = {
    "in a mapping of a constant": "conf = {'user': 'bob', 'nested': {'token': 'hush-hush'}}\ndef h():\n    return conf",
    "a header": "headers = {'Authorization': 'Bearer hush-hush'}\ndef h():\n    return headers",
    "a URL": "conn = 'postgresql://bob:hush-hush@db/x'\ndef h():\n    return conn",
    "a DSN": "conn = 'host=db password=hush-hush'\ndef h():\n    return conn",
    "a default": "def h(password='hush-hush'):\n    return password",
    "an argument": "def g(x, **more): return x\ndef h():\n    return g('x', password='hush-hush')",
    "over several lines": "def h():\n    password = (\n        'hush-hush'\n    )\n    return password",
    "a partial": "from functools import partial\ndef g(token): return token\nh = partial(g, token='hush-hush')",
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
    text = "".join(path.read_text() for path in (tmp_path / "target/why").iterdir())
    for told in (found, text):
        assert "hush" not in told
        assert "quiet" not in told
    assert "digest" in found


@pytest.mark.parametrize("name", ["DATABASE_URL", "PGPASS", "DSN", "PLAIN"])
def test_what_comes_from_the_environment_is_kept_as_a_digest_only(tmp_path: Path, monkeypatch: Any, name: str) -> None:
    project = Project(tmp_path)
    project.transform("e", f"SELECT '{{{{ env:{name} }}}}' AS c")
    for value in ("postgresql://bob:hush-hush@db/x", "quiet-now"):
        monkeypatch.setenv(name, value)
        told = str(project.why("e"))
        project.run(progress=False)
    assert f"parameter env:{name}: (digest " in told
    for text in (told, *(path.read_text() for path in (tmp_path / "target/why").iterdir())):
        assert "hush" not in text
        assert "quiet" not in text


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
    assert main(["plan", "--why", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [one["node_id"] for one in document["whys"]] == [one["node_id"] for one in document["steps"]]
    assert main(["plan", "--why", "--nodes", "b", "--only"]) == 0
    assert "transform.b will run: named" in capsys.readouterr().out
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
