"""Bad manifests and YAML are one clear error, exit 2, nothing executed, nothing changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from seeknal_nb import Manifest, Project
from seeknal_nb.cli import main
from seeknal_nb.errors import CycleError, ManyErrors, SeeknalError

ROOT = Path(__file__).parents[1]
COMMANDS = (["run"], ["run", "--full", "--continue-on-error"], ["plan"], ["ls"], ["parse"], ["status"], ["graph"], ["run", "--dry-run"])
OK = "kind: transform\nname: ok\npython: |\n  open('pwn', 'w').close()\n  result = [{'x': 1}]\n"


@pytest.fixture
def home(tmp_path, monkeypatch):
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def put(home: Path, files: dict[str, str | bytes]) -> None:
    for name, content in files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def tree(folder: Path) -> dict[str, bytes | None]:
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() and not p.is_symlink() else None for p in sorted(folder.rglob("*"))}


def refused(home: Path, capsys: Any, parts: list[str], commands: Any = COMMANDS) -> None:
    """Every command gives one error with all parts, and changes nothing, in the folder or beside it."""
    before = tree(home.parent)
    for words in commands:
        assert main(words) == 2, words
        seen = capsys.readouterr()
        assert seen.out == "", words
        assert seen.err.startswith("Error: ")
        assert "Traceback" not in seen.err
        assert "Fix: " in seen.err, seen.err
        for part in parts:
            assert part in seen.err, (words, part, seen.err)
        assert len(seen.err) < 20_000
        assert tree(home.parent) == before, words


def bomb(levels: int, width: int) -> str:
    first = f"a0: &a0 [{', '.join('x' * width)}]\n"
    return first + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * width)}]\n" for i in range(1, levels))


def node(**keys: Any) -> str:
    return "".join(f"{key}: {value}\n" for key, value in ({"kind": "transform", "name": "t", "sql": "SELECT 1 AS x"} | keys).items() if value)


YAML: dict[str, tuple[str | bytes, list[str]]] = {
    "empty": ("", ["seeknal/a.yml", "empty"]),
    "comments": ("# nothing\n", ["seeknal/a.yml", "empty"]),
    "a marker": ("---\n", ["seeknal/a.yml", "empty"]),
    "Latin-1": (b"kind: transform\nname: t\ndescription: caf\xe9\nsql: SELECT 1 AS x\n", ["seeknal/a.yml:3:", "UTF-8", "0xe9"]),
    "UTF-16": (node().encode("utf-16"), ["seeknal/a.yml", "UTF-8"]),
    "a NUL byte": (node() + "owner: a\0b\n", ["seeknal/a.yml:4:", "NUL"]),
    "a key twice": (node() + "tags: [a]\nsql: SELECT 2 AS x\n", ["seeknal/a.yml:5:1", "duplicate key", '"sql"', "seeknal/a.yml:3:1"]),
    "a nested key twice": (node() + "params: {a: 1, a: 2}\n", ["seeknal/a.yml:4:", "duplicate key"]),
    "NaN": (node(params="{a: .nan}"), ["seeknal/a.yml:4:", "finite", "params.a"]),
    "infinity": (node(params="{a: .inf}"), ["seeknal/a.yml:4:", "finite"]),
    "1e400": (node(params="{a: 1e400}"), ["seeknal/a.yml:4:", "finite"]),
    "deep": (node(params="[" * 100_000), ["seeknal/a.yml:4:", "nested deeper than 64"]),
    "an alias bomb": (bomb(9, 9) + node(), ["seeknal/a.yml:", "aliases expand", "limit 100,000"]),
    "a recursive alias": (node(tags="&a [*a]"), ["seeknal/a.yml:4:", "recursive alias"]),
    "an unknown alias": (node(tags="*nope"), ["seeknal/a.yml:4:", "unknown alias"]),
    "a tag of Python": (node(tags="!!python/object/apply:os.system ['touch pwn']"), ["seeknal/a.yml:4:", "!!python/object/apply:os.system"]),
    "a tag of one's own": (node(tags="!Custom x"), ["seeknal/a.yml:4:", "!Custom"]),
    "an endless integer": (node(params="{a: " + "9" * 5000 + "}"), ["seeknal/a.yml:4:", "params.a"]),
    "name 1.10": (node(name="1.10"), ["seeknal/a.yml:2:7", "text"]),
    "name true": (node(name="true"), ["seeknal/a.yml:2:7", "text"]),
    "name 7": (node(name="7"), ["seeknal/a.yml:2:7", "text"]),
    "name null": (node(name="null"), ["seeknal/a.yml:2:7"]),
    "name 012": (node(name="012"), ["seeknal/a.yml:2:7", "letters"]),
    "name 12:30:45": (node(name="12:30:45"), ["seeknal/a.yml:2:7", "letters"]),
    "name 2024-01-01": (node(name="2024-01-01"), ["seeknal/a.yml:2:7", "letters"]),
    "a list as name": (node(name="[a]"), ["seeknal/a.yml:2:", "text"]),
    "a broken second document": (node() + "---\nkind: nope\nname: u\nsql: SELECT 1 AS x\n", ["seeknal/a.yml:5:", "nope"]),
    "a tab": ("kind: transform\nname: t\nentity:\n\tname: u\n", ["seeknal/a.yml:4:1", "tab"]),
    "an unknown key": (node() + "depend_on: [ok]\n", ["seeknal/a.yml:4:1", "'depend_on'", "did you mean depends_on"]),
    "an unknown kind": (node(kind="transfrom"), ["seeknal/a.yml:1:7", "'transfrom'", "did you mean transform"]),
    "a kind far from all": (node(kind="zzz"), ["seeknal/a.yml:1:7", "'zzz'", "source", "exposure"]),
    "a kind that is no text": (node(kind="[a]"), ["seeknal/a.yml:1:", "kind"]),
    "no kind": (node(kind=None), ["seeknal/a.yml:1:1", "without kind"]),
    "no name": (node(name=None), ["seeknal/a.yml:1:1", "without name"]),
    "no body": (node(sql=None), ["seeknal/a.yml", "transform.t", "no body"]),
    "two bodies": (node() + "python: result = 1\n", ["seeknal/a.yml", "transform.t", "two bodies"]),
    "a body that is no text": (node(sql="[1, 2]"), ["seeknal/a.yml", "transform.t"]),
    "a loop of one": (node(sql="SELECT * FROM transform.t"), ["DAG contains cycle: transform.t -> transform.t"]),
    "a loop of two": (node(sql="SELECT * FROM u") + "---\n" + node(name="u", sql="SELECT * FROM t"),
                          ["DAG contains cycle: transform.t -> transform.u -> transform.t"]),
    "an unknown table": (node(sql="SELECT * FROM okk"), ["seeknal/a.yml", "transform.t", "'okk'", "did you mean ok"]),
    "an unknown input": (node(inputs="[{ref: transform.okk}]"), ["seeknal/a.yml", "transform.t", "'transform.okk'", "transform.ok"]),
    "an unknown dependency": (node(depends_on="[source.ok]"), ["seeknal/a.yml", "transform.t", "source.ok"]),
    "a rule on nothing": ("kind: rule\nname: r\non: transform.nope\nexpression: x > 0\n", ["seeknal/a.yml", "rule.r", "transform.nope"]),
    "an unknown parameter of a function": (node(sql=None, python='"def t(okk): return okk"'), ["seeknal/a.yml", "transform.t", "'okk'"]),
    "the same node again": (node(name="ok"), ["transform.ok", "seeknal/a.yml", "seeknal/ok.yml"]),
    "other case": (node(name="OK"), ["seeknal/", "OK", "transform.ok", "case"]),
    "a ligature": (node(name="ﬁle"), ["seeknal/a.yml:2:7", "file"]),
    "sql_file above": (node(sql=None, sql_file="../secret.sql"), ["seeknal/a.yml:3:", "outside the project"]),
    "sql_file far above": (node(sql=None, sql_file="../../../../../../etc/passwd"), ["seeknal/a.yml:3:", "outside the project"]),
    "sql_file absolute": (node(sql=None, sql_file="/etc/passwd"), ["seeknal/a.yml:3:", "outside the project"]),
    "sql_file through a link": (node(sql=None, sql_file="link/secret.sql"), ["seeknal/a.yml:3:", "outside the project"]),
    "sql_file that is not there": (node(sql=None, sql_file="nope.sql"), ["nope.sql"]),
    "sql_file that is a folder": (node(sql=None, sql_file="seeknal"), ["seeknal"]),
    "inputs of no names": (node(inputs="[1]"), ["seeknal/a.yml", "transform.t", "inputs"]),
    "tags that are no texts": (node(tags="7"), ["seeknal/a.yml", "tags"]),
    "columns that are no names": (node(columns="7"), ["seeknal/a.yml", "columns"]),
    "description that is a list": (node(description="[a]"), ["seeknal/a.yml:4:", "description must be text"]),
    "no mapping": ("- a\n- b\n", ["seeknal/a.yml:1:1", "mapping"]),
    "a text": ("hello\n", ["seeknal/a.yml:1:1", "mapping"]),
    "broken YAML": ("kind: transform\nname: [t\nsql: SELECT 1\n", ["seeknal/a.yml:", "YAML syntax"]),
    "a key that is no text": ("kind: transform\nname: t\n1: x\nsql: SELECT 1 AS x\n", ["seeknal/a.yml:3:1", "not text"]),
    "a kind's own option": ("kind: rule\nname: r\non: ok\nchecks: [{uniqe: [x]}]\n", ["seeknal/a.yml", "rule.r", "did you mean unique"]),
    "checks that are no list": ("kind: rule\nname: r\non: ok\nchecks: 7\n", ["seeknal/a.yml", "rule.r", "checks"]),
    "a check that is a word": ("kind: rule\nname: r\non: ok\nchecks: [unique]\n", ["seeknal/a.yml", "rule.r"]),
    "a model without a target": ("kind: model\nname: m\ninputs: [ok]\ntraining: {algorithm: random_forest}\n", ["seeknal/a.yml", "model.m", "no target"]),
    "training that is a word": ("kind: model\nname: m\ninputs: [ok]\ntraining: fast\n", ["seeknal/a.yml", "model.m", "training"]),
    "an unknown severity": ("kind: rule\nname: r\non: ok\nexpression: x > 0\nseverity: fatal\n", ["seeknal/a.yml", "rule.r", "severity"]),
    "an unknown format": ("kind: source\nname: s\nsource: cvs\ntable: a.cvs\n", ["seeknal/a.yml", "source.s", "csv"]),
    "a source of nothing": ("kind: source\nname: s\nsource: csv\n", ["seeknal/a.yml", "source.s", "no file"]),
    "params that are a word": ("kind: source\nname: s\nsource: csv\ntable: a.csv\nparams: x\n", ["seeknal/a.yml", "source.s", "params"]),
    "a schema that is a word": ("kind: source\nname: s\nsource: csv\ntable: a.csv\nschema: x\n", ["seeknal/a.yml", "source.s", "schema"]),
    "an aggregation without an id": ("kind: aggregation\nname: a\ninputs: [ok]\nfeatures: [{name: x, basic: [sum]}]\n",
                                     ["seeknal/a.yml", "aggregation.a", "id_col"]),
    "features that are a word": ("kind: aggregation\nname: a\nid_col: x\ninputs: [ok]\nfeatures: x\n", ["seeknal/a.yml", "aggregation.a", "features"]),
    "a feature group without a key": ("kind: feature_group\nname: f\nsql: SELECT 1 AS x\n", ["seeknal/a.yml", "feature_group.f", "no key"]),
    "materialized as nothing known": (node(materialized="veiw"), ["seeknal/a.yml", "transform.t", "materialized"]),
    "Python that is none": (node(sql=None, python="|\n  x = 1\n  def f(:\n    pass"), ["seeknal/a.yml", "transform.t", "Python", "def f(:"]),
    "a star import": (node(sql=None, python="|\n  from os import *\n  result = 1"), ["seeknal/a.yml", "transform.t", "import"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "parts"), YAML.values(), ids=YAML)
def test_bad_yaml_is_one_error_with_its_place_and_nothing_happens(home, capsys, text, parts):
    put(home, {"seeknal/ok.yml": OK, "seeknal/a.yml": text})
    (home.parent / "secret.sql").write_text("SELECT 'secret' AS x")
    (home / "link").symlink_to(home.parent)
    commands = COMMANDS if len(text) < 10_000 else COMMANDS[:1]
    refused(home, capsys, parts, commands)


NAMES = ["../../x", "/etc/x", "a/b", "a\\b", "C:x", ".", "..", "", "a.b", "a b", " a", "a ", "a-b", "a.", "nul.txt", "CON", "nul", "Lpt1", "é",
         "漢" * 100, "a" * 101, "a" * 300, "a\nb", "a\u202eb", "a\u200bb", "a\x1bb", "1a", "a;drop", 'a"b', "a'b", "<b>", "$x", "{{x}}", "*", "🦆"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=[ascii(name)[:24] for name in NAMES])
def test_a_name_that_is_no_identifier_is_refused_and_no_file_is_made(home, capsys, name):
    """A name is never a path, an injection or a device."""
    put(home, {"seeknal/ok.yml": OK, "seeknal/a.yml": node(name=json.dumps(name, ensure_ascii=max(name, default="") < "\U00010000"))})
    refused(home, capsys, ["seeknal/a.yml:2:7", "name"], (["run"], ["plan"], ["parse"]))


ACCEPTED: dict[str, tuple[str | bytes, dict[str, list[str]]]] = {
    "a byte order mark": ("\ufeff" + node(), {"transform.t": []}),
    "on and no are names": (node(name="on") + "---\n" + node(name="no", tags="[yes, off]"), {"transform.on": [], "transform.no": ["yes", "off"]}),
    "two documents": (node() + "---\n" + node(name="u") + "---\n", {"transform.t": [], "transform.u": []}),
    "CRLF and blanks": (node().replace("\n", "  \r\n"), {"transform.t": []}),
    "a tag as text": (node(tags="expensive"), {"transform.t": ["expensive"]}),
    "tags of nothing": (node(tags="null"), {"transform.t": []}),
    "an input as text": (node(depends_on="transform.ok"), {"transform.t": []}),
    "a doubled input": (node(inputs="[ok, transform.ok, ok]"), {"transform.t": []}),
    "a name of 100 letters": (node(name="a" * 100), {f"transform.{'a' * 100}": []}),
    "a name of underscores": (node(name="_1"), {"transform._1": []}),
    "names of SQL's own words": (node(name="select") + "---\n" + node(name="table", sql='SELECT * FROM transform."select"'),
                                 {"transform.select": [], "transform.table": []}),
    "the same name in two kinds": ("kind: source\nname: ok\nsql: SELECT 1 AS x\n", {"source.ok": []}),
    "an anchor": (node(tags="&t [a]") + "---\n" + node(name="u", tags="&t [a]"), {"transform.t": ["a"], "transform.u": ["a"]}),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), ACCEPTED.values(), ids=ACCEPTED)
def test_odd_yaml_that_means_something_is_taken(home, text, expected):
    put(home, {"seeknal/ok.yml": "kind: transform\nname: ok\nsql: SELECT 1 AS x\n", "seeknal/a.yml": text})
    assert main(["parse"]) == 0
    assert main(["run"]) == 0
    data = json.loads((home / "target" / "manifest.json").read_text())
    assert {node_id: entry["tags"] for node_id, entry in data["nodes"].items() if node_id != "transform.ok"} == expected
    pairs = [(edge["from"], edge["to"]) for edge in data["edges"]]
    assert len(pairs) == len(set(pairs))


def test_layout_comments_and_the_order_of_keys_are_no_change(home, capsys):
    """What says the same has the same key, and is taken from the cache."""
    put(home, {"seeknal/a.yml": "kind: transform\nname: t\nparams: {a: 1, b: 2}\nsql: |\n  SELECT 1 AS x\n"})
    assert main(["run"]) == 0
    put(home, {"seeknal/a.yml": "# note\r\nsql: |\r\n  SELECT 1   AS x -- note\r\n\r\nparams:\r\n  b: 2\r\n  a: 1\r\nname: t   \r\nkind: transform\r\n"})
    capsys.readouterr()
    assert main(["run", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["cached_nodes"] == 1


def test_all_errors_of_one_pass_are_listed_in_the_order_of_the_files(home, capsys):
    put(home, {
        "seeknal/a.yml": node(name="a") + "depend_on: [x]\n---\n" + node(name="a2", kind="nope"), "seeknal/b/b.yaml": "kind: [\n",
        "seeknal/c.yml": node(name="c"), "seeknal/d.yml": node(name="d", sql="SELECT * FROM nowhere"),
        "seeknal/e.yml": b"\xff", "seeknal/f.yml": node(name="c"),
    })  # fmt: skip
    refused(home, capsys, ["seeknal/a.yml:4:1", "seeknal/a.yml:6:7", "seeknal/b/b.yaml:", "seeknal/d.yml", "seeknal/e.yml", "seeknal/f.yml"])
    assert main(["run"]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 6
    with pytest.raises(ManyErrors) as caught:
        Project.open(home)
    assert len(caught.value.errors) == 6
    assert all(error.remedy and error.place for error in caught.value.errors)


def test_both_places_of_a_node_that_stands_twice_are_told(home, capsys):
    """Each as file:line."""
    put(home, {"seeknal/a.yml": node(name="x"), "seeknal/b.yml": "# note\n" + node(name="y") + "---\n" + node(name="x")})
    refused(home, capsys, ["seeknal/a.yml:1", "seeknal/b.yml:6"], (["run"],))


def test_a_long_cycle_is_shortened(home, capsys):
    """The text is that of SPEC.md § Troubleshooting; thousands of names would hide it."""
    count = 2000
    put(home, {"seeknal/a.yml": "---\n".join(node(name=f"n{i}", sql=None, python="result = 1", inputs=f"[n{(i + 1) % count}]") for i in range(count))})
    refused(home, capsys, ["DAG contains cycle: transform.n", "more ..."], (["run"],))
    with pytest.raises(ValueError, match="DAG contains cycle"):
        Project.open(home)


def test_a_pipe_or_a_folder_in_place_of_a_file_does_not_hang(home, capsys):
    put(home, {"seeknal/ok.yml": OK})
    os.mkfifo(home / "seeknal" / "a.yml")
    refused_folder = home / "seeknal" / "b.yml"
    refused_folder.mkdir()
    before = sorted(p.name for p in home.rglob("*"))
    assert main(["run"]) == 2
    err = capsys.readouterr().err
    assert "seeknal/a.yml" in err
    assert sorted(p.name for p in home.rglob("*")) == before


def test_a_yaml_file_that_is_a_link_out_of_the_project_is_refused(home, capsys):
    (home.parent / "outside.yml").write_text(node())
    put(home, {"seeknal/ok.yml": OK})
    (home / "seeknal" / "a.yml").symlink_to(home.parent / "outside.yml")
    refused(home, capsys, ["seeknal/a.yml", "outside the project"], (["run"], ["plan"]))


# Manifests

GOOD = {
    "metadata": {"project": "p"},
    "nodes": {"transform.a": {"id": "transform.a", "name": "a", "type": "transform", "config": {"sql": "SELECT 1 AS x"}},
              "transform.b": {"id": "transform.b", "name": "b", "type": "transform", "config": {"sql": "SELECT * FROM transform.a"}}},
    "edges": [{"from": "transform.a", "to": "transform.b"}],
}  # fmt: skip


def changed(**changes: Any) -> str:
    data = json.loads(json.dumps(GOOD))
    for path, value in changes.items():
        *parents, last = path.split("__")
        holder = data
        for part in parents:
            holder = holder[part.replace("_", ".") if part in ("transform_a", "transform_b") else part]
        if value is DROP:
            del holder[last]
        else:
            holder[last.replace("_", ".") if last in ("transform_a", "transform_b", "transform_c") else last] = value
    return json.dumps(data)


DROP = object()
MANIFESTS: dict[str, tuple[str | bytes, list[str]]] = {
    "empty": ("", ["manifest.json", "empty"]),
    "Latin-1": (json.dumps(GOOD).replace('"p"', '"\xe9"').encode("latin-1"), ["manifest.json:1:", "UTF-8"]),
    "a key twice": ('{"metadata": {}, "metadata": {}, "nodes": {}, "edges": []}', ["manifest.json:1:18", "duplicate key", "1:2"]),
    "a node twice": ('{"metadata": {}, "nodes": {"a.b": {}, "a.b": {}}, "edges": []}', ["manifest.json:1:", "duplicate key"]),
    "NaN": (json.dumps(GOOD).replace('"SELECT 1 AS x"', "NaN"), ["manifest.json:1:", "finite", "config.sql"]),
    "Infinity": (json.dumps(GOOD).replace('"SELECT 1 AS x"', "-Infinity"), ["manifest.json:1:", "finite"]),
    "1e400": (json.dumps(GOOD).replace('"SELECT 1 AS x"', "1e400"), ["manifest.json:1:", "finite"]),
    "deep": ("[" * 1_000_000, ["manifest.json:1:65", "nested deeper than 64"]),
    "an endless integer": (json.dumps(GOOD).replace('"SELECT 1 AS x"', "9" * 5000), ["manifest.json:1:", "config.sql"]),
    "cut off": (json.dumps(GOOD)[:-20], ["manifest.json:1:", "JSON"]),
    "half a surrogate": (json.dumps(GOOD).replace('"SELECT 1 AS x"', '"\\ud800"'), ["manifest.json:1:"]),
    "a list": ("[]", ["manifest.json", "not a manifest"]),
    "a number": ("3", ["manifest.json", "not a manifest"]),
    "no metadata": (changed(metadata=DROP), ["manifest.json", "metadata"]),
    "nodes in a list": (changed(nodes=[]), ["manifest.json", "nodes"]),
    "edges in an object": (changed(edges={}), ["manifest.json", "edges"]),
    "a node that is a text": (changed(nodes__transform_a="x"), ["manifest.json", "broken node"]),
    "a node without a name": (changed(nodes__transform_a__name=DROP), ["manifest.json", "transform.a", "name"]),
    "a node whose id is another": (changed(nodes__transform_a__id="transform.z"), ["manifest.json", "transform.z", "key"]),
    "a node whose id is no kind.name": (changed(nodes__transform_a__name="zz"), ["transform.a", "id"]),
    "a config that is a list": (changed(nodes__transform_a__config=[1]), ["manifest.json", "transform.a", "config"]),
    "tags that are a number": (changed(nodes__transform_a__tags=7), ["manifest.json", "transform.a", "tags"]),
    "tags of numbers": (changed(nodes__transform_a__tags=[7]), ["manifest.json", "transform.a", "tags"]),
    "columns that are a list": (changed(nodes__transform_a__columns=[7]), ["manifest.json", "transform.a", "columns"]),
    "a description that is a list": (changed(nodes__transform_a__description=[7]), ["manifest.json", "transform.a", "description"]),
    "a file path that is a number": (changed(nodes__transform_a__file_path=7), ["manifest.json", "transform.a", "file_path"]),
    "a type that is a list": (changed(nodes__transform_a__type=["x"]), ["manifest.json", "transform.a", "type"]),
    "an unknown type": (changed(nodes__transform_a={"id": "transfrom.a", "name": "a", "type": "transfrom", "config": {}}), ["transfrom"]),
    "an edge to nothing": (changed(edges=[{"from": "transform.a", "to": "transform.bb"}]), ["transform.bb", "transform.a", "did you mean transform.b"]),
    "an edge from nothing": (changed(edges=[{"from": "transform.aa", "to": "transform.b"}]), ["transform.aa", "did you mean transform.a"]),
    "an edge without an end": (changed(edges=[{"from": "transform.a"}]), ["manifest.json", "broken edge", "to"]),
    "an edge that is a list": (changed(edges=[["transform.a", "transform.b"]]), ["manifest.json", "broken edge"]),
    "an edge between numbers": (changed(edges=[{"from": 1, "to": 2}]), ["manifest.json", "edge"]),
    "an edge between lists": (changed(edges=[{"from": [1], "to": [2]}]), ["manifest.json", "edge"]),
    "a cycle": (changed(edges=[{"from": "transform.a", "to": "transform.b"}, {"from": "transform.b", "to": "transform.a"}]),
                    ["DAG contains cycle: transform.a -> transform.b -> transform.a"]),
    "a name that is a path": (changed(nodes={"transform.../x": {"id": "transform.../x", "name": "../x", "type": "transform",
                                                                   "config": {"sql": "SELECT 1 AS x"}}}, edges=[]), ["../x", "letters"]),
    "a newer form": (changed(metadata={"project": "p", "manifest_version": 99}), ["manifest.json", "newer", "99"]),
    "a version that is a word": (changed(metadata={"project": "p", "manifest_version": "new"}), ["manifest.json", "manifest_version"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "parts"), MANIFESTS.values(), ids=MANIFESTS)
def test_a_bad_manifest_is_one_error_and_nothing_happens(home, capsys, text, parts):
    put(home, {"target/manifest.json": text})
    refused(home, capsys, parts, (["run"], ["run", "--full", "--continue-on-error"], ["plan"], ["graph"], ["run", "--dry-run"]))


def test_a_bad_old_manifest_is_named_and_nothing_happens(home, capsys):
    put(home, {"seeknal/ok.yml": OK, "old.json": '{"metadata": 3}'})
    refused(home, capsys, ["old.json", "metadata"], (["run", "--old-manifest", "old.json"], ["plan", "--old-manifest", "old.json"], ["diff", "old.json"]))


@pytest.mark.parametrize("text", [json.dumps(GOOD), "\ufeff" + json.dumps(GOOD), json.dumps(GOOD, indent=3).replace("\n", "\r\n")])
def test_a_good_manifest_runs(home, text):
    """``json.loads`` would refuse the byte order mark."""
    put(home, {"target/manifest.json": text})
    assert main(["run"]) == 0


def test_a_manifest_of_the_peer_with_keys_of_its_own_is_read(home, tmp_path):
    data = json.loads(json.dumps(GOOD))
    data["metadata"]["seeknal_version"] = "2.0.0"
    data["nodes"]["transform.a"]["materialization"] = {"type": "table"}
    data["edges"][0]["type"] = "dependency"
    put(home, {"m.json": json.dumps(data)})
    assert list(Manifest.load(home / "m.json").nodes) == ["transform.a", "transform.b"]


def test_errors_in_python_are_of_one_tree_and_keep_their_parts(home):
    put(home, {"seeknal/a.yml": node() + "depend_on: [x]\n"})
    with pytest.raises(SeeknalError) as caught:
        Project.open(home)
    error = caught.value
    assert (str(error.place), error.exit_code) == ("seeknal/a.yml:4:1", 2)
    assert error.remedy == "did you mean depends_on?"
    assert issubclass(CycleError, ValueError)


def test_a_hostile_file_is_refused_in_little_memory(home):
    """At most 1.5 GB, and no signal (the C loader segfaults at 100,000 levels)."""
    corpus = {"deep.yml": node(params="[" * 1_000_000), "bomb.yml": bomb(9, 9) + node(),
              "merge.yml": "".join(f"m{i}: &m{i} {{<<: [{', '.join([f'*m{i - 1}'] * 9)}]}}\n" if i else "m0: &m0 {a: 1}\n" for i in range(8)),
              "flow.yml": "{" * 500_000, "quote.yml": "a: '" + "x" * 20_000_000}  # fmt: skip
    for name, text in corpus.items():
        put(home, {f"seeknal/{name}": text})
        program = "import resource, sys\nresource.setrlimit(resource.RLIMIT_AS, (1_500_000_000,) * 2)\nfrom seeknal_nb.cli import main\nsys.exit(main(['ls']))"
        found = subprocess.run([sys.executable, "-c", program], cwd=home, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True,
                               text=True)  # fmt: skip
        assert found.returncode == 2, (name, found.returncode, found.stderr[-500:])
        assert f"seeknal/{name}" in found.stderr
        (home / "seeknal" / name).unlink()


def test_who_reads_a_node_that_is_wrong_is_not_wrong_itself(home, capsys):
    """Its name is there, whatever is the matter with it; what is nowhere is told."""
    first = "kind: transform\nname: a\nsql: SELECT 1 AS x\nmaterialised: view\n---\nkind: rule\nname: r\non: a\nexpression: x > 0\n"
    second = "kind: transform\nname: b\nsql: SELECT * FROM a\n---\nkind: transform\nname: d\nsql: SELECT * FROM a JOIN nope USING (x)\n"
    put(home, {"seeknal/a.yml": first, "seeknal/b.yml": second})
    assert main(["plan"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(": seeknal")[0] for line in lines] == [
        "Error: unknown key 'materialised' of a transform", "Error: unknown table 'nope'",
    ]  # fmt: skip
