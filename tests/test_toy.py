"""Another distribution brings a kind, an engine, a store and a command by entry points alone (CONTRIBUTING's example)."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TOY = Path(__file__).parent / "toy"
PROJECT = {
    "seeknal/orders.yml": """\
kind: transform
name: orders
sql: SELECT * FROM (VALUES (1, 10), (1, 20), (2, 5)) AS t(id, day)
---
kind: snapshot
name: last
of: transform.orders
unique_key: id
newest_by: day
""",
    "seeknal/read.py": """\
from seeknal_nb import snapshot, transform

@snapshot(of="orders", unique_key="id")
def first(): ...

@transform
def copied(ctx, last):
    return [{"rows": len(ctx.newest("snapshot.last"))}]
""",
    "pyproject.toml": """\
[tool.seeknal_nb]
name = "toys"
engine = "toy"
state = "toy:///kept"
""",
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The distribution, built as a wheel and installed in a folder of its own."""
    folder = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target", str(folder)]
    subprocess.run([*command, str(TOY)], check=True)
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name, text in PROJECT.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def told(installed: Path, home: Path, *words: str, code: str = "") -> str:
    """What a fresh process says that finds the distribution."""
    program = ["-c", code] if code else ["-m", "seeknal_nb", *words]
    path = os.pathsep.join([str(installed), *filter(None, [os.environ.get("PYTHONPATH")])])
    ran = subprocess.run(
        [sys.executable, *program], cwd=home, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_nothing_here_knows_the_distribution():
    package = Path(__file__).parents[1] / "seeknal_nb"
    assert [path for path in package.rglob("*.py") if re.search(r"seeknal_toy|kind.{0,5}snapshot", path.read_text("utf-8"))] == []


def test_its_kind_runs_on_its_engine_and_is_kept_in_its_store(installed, home):
    summary = json.loads(told(installed, home, "run", "--format", "json"))
    assert (summary["successful_nodes"], summary["failed_nodes"]) == (4, 0)
    rows = json.loads(told(installed, home, "show", "snapshot.last", "--format", "json"))["rows"]
    assert sorted(map(dict.items, rows), key=str) == sorted(map(dict.items, [{"id": 1, "day": 20}, {"id": 2, "day": 5}]), key=str)
    assert json.loads(told(installed, home, "show", "transform.copied", "--format", "json"))["rows"] == [{"rows": 2}]
    kept = sorted(path.stem for path in (home / "kept" / "toys").glob("*.json"))
    assert kept == ["snapshot.first", "snapshot.last", "transform.copied", "transform.orders"]
    assert json.loads(told(installed, home, "run", "--format", "json"))["cached_nodes"] == 4


def test_another_engine_is_another_key(installed, home):
    told(installed, home, "run")
    settings = (home / "pyproject.toml").read_text(encoding="utf-8")
    (home / "pyproject.toml").write_text(settings.replace('engine = "toy"\n', ""), encoding="utf-8")
    plan = json.loads(told(installed, home, "plan", "--format", "json"))
    assert {step["reason"] for step in plan["steps"] if step["certain"]} == {"engine changed"}


def test_its_edge_follows_from_its_declaration(installed, home):
    told(installed, home, "parse")
    edges = json.loads((home / "target/manifest.json").read_text(encoding="utf-8"))["edges"]
    assert {(e["from"], e["to"]) for e in edges} >= {("transform.orders", "snapshot.last"), ("transform.orders", "snapshot.first")}


def test_its_key_is_known_in_yaml_and_a_misspelt_one_is_refused(installed, home):
    text = (home / "seeknal/orders.yml").read_text(encoding="utf-8")
    (home / "seeknal/orders.yml").write_text(text.replace("unique_key", "uniqe_key"), encoding="utf-8")
    with pytest.raises(AssertionError, match=r"unknown key 'uniqe_key' of a snapshot.*orders.yml:8.*did you mean unique_key"):
        told(installed, home, "parse")


def test_its_command_is_there_with_help(installed, home):
    told(installed, home, "parse")
    shown = told(installed, home, "names", "--upper")
    assert [name for name in ("ORDERS", "LAST", "FIRST", "COPIED") if name not in shown] == []
    assert "list the bare names" in told(installed, home, "-h")


def test_its_schema_describes_its_keys(installed, home):
    schema = json.loads(told(installed, home, "schema"))
    [mine] = [rule["then"] for rule in schema["allOf"] if rule["if"]["properties"]["kind"]["const"] == "snapshot"]
    assert mine["properties"]["unique_key"]["description"] == "the column that names a row"
    assert mine["additionalProperties"] is False


CELLS = """
from IPython.testing.globalipapp import start_ipython
shell = start_ipython()
shell.run_line_magic("load_ext", "seeknal_nb")
shell.run_cell_magic("seeknal", "transform orders", "SELECT 1 AS id, 2 AS day")
try:
    shell.run_line_magic("seeknal", "snapshot -h")
except Exception as error:
    print(error)
shell.run_line_magic("seeknal", "snapshot mine --of orders --unique-key id")
project = shell.user_ns["seeknal"]
project.snapshot("other", of="orders", unique_key="id")
_, found = shell.Completer.complete(line_buffer="%seeknal snapshot x --uni", cursor_pos=25)
print("COMPLETED", found)
print("NODES", project.manifest.nodes["snapshot.mine"].config == project.manifest.nodes["snapshot.other"].config)
project.run(progress=False)
print("ROWS", len(project["snapshot.mine"]))
"""


def test_a_notebook_has_its_option_help_completion_and_method(installed, home):
    shown = told(installed, home, code=CELLS)
    assert "--unique-key COLUMN" in shown
    assert "the column that names a row" in shown
    assert "--unique-key" in shown.partition("COMPLETED")[2]
    assert "NODES True" in shown
    assert "ROWS 1" in shown
