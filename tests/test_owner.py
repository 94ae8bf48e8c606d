"""Several notebooks and a project's files in one folder: each cleans up after itself, and after who is gone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import ipykernel.kernelapp  # noqa: F401 - a kernel has it
import nbformat
import pytest

from seeknal_nb import Project
from seeknal_nb.cli import main
from seeknal_nb.owner import FILES, owner_here

ROOT = Path(__file__).parents[1]
ONE, TWO = "one.ipynb", "two.ipynb"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: Any) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in (ONE, TWO):
        (tmp_path / name).write_text("{}")
    return tmp_path


def opened(home: Path, notebook: str | None, **nodes: str) -> Project:
    """A project as a kernel of that notebook has it."""
    project = Project(home)
    if notebook is not None:
        project.owner = notebook
    for name, sql in nodes.items():
        project.transform(name, sql)
    return project


def ran(project: Project) -> Project:
    project.run(progress=False)
    return project


def up_to_date(project: Project) -> bool:
    return not project.plan().runs


@pytest.mark.parametrize("others", [ONE, None])
def test_clean_leaves_what_another_notebook_needs_and_says_so(home: Path, others: str | None) -> None:
    one = ran(opened(home, others, a="SELECT 1 AS x"))
    two = ran(opened(home, TWO, b="SELECT 2 AS x"))
    found = two.clean()
    assert found.rows == ()
    assert f"transform.a of {others or 'another session'} stay" in found.title
    assert up_to_date(one)
    assert [row[2] for row in two.clean(others=True, dry_run=True).rows] == ["its node is gone"]
    assert up_to_date(one)
    assert len(two.clean(others=True).rows) == 1
    assert not up_to_date(one)
    assert up_to_date(two)


def test_clean_takes_what_this_notebook_needs_no_more_and_what_vanished_ones_left(home: Path) -> None:
    ran(opened(home, ONE, a="SELECT 1 AS x"))
    two = ran(opened(home, TWO, b="SELECT 2 AS x", c="SELECT 3 AS x"))
    two.remove("c")
    assert [row[0] for row in two.clean(dry_run=True).rows if "/c/" in row[0]] != []
    (home / ONE).unlink()
    assert len(two.clean().rows) == 2
    assert up_to_date(two)


def test_of_a_node_that_both_have_the_other_one_s_build_stays(home: Path) -> None:
    two = ran(opened(home, TWO, a="SELECT 2 AS x"))
    one = ran(opened(home, ONE, a="SELECT 1 AS x"))
    two.clean()
    assert up_to_date(one)


def test_one_id_in_two_notebooks_is_warned_of_with_both_names(home: Path) -> None:
    ran(opened(home, ONE, a="SELECT 1 AS x"))
    two = opened(home, TWO, a="SELECT 2 AS x", b="SELECT 3 AS x")
    assert [text.partition(":")[0] for text in two.plan().warnings] == ["transform.a is a node of one.ipynb and of two.ipynb"]
    ran(two)
    assert two.plan().warnings == ()
    assert opened(home, ONE, a="SELECT 1 AS x").plan().warnings != ()
    (home / TWO).unlink()
    assert opened(home, ONE, a="SELECT 1 AS x").plan().warnings == ()


def test_another_session_of_the_same_front_end_is_no_other_owner_to_warn_of(home: Path) -> None:
    ran(opened(home, None, a="SELECT 1 AS x"))
    assert opened(home, None, a="SELECT 2 AS x").plan().warnings == ()


def test_status_names_what_others_have_here(home: Path) -> None:
    ran(opened(home, ONE, a="SELECT 1 AS x"))
    two = ran(opened(home, TWO, b="SELECT 2 AS x"))
    assert "others here: transform.a of one.ipynb" in two.status().title
    assert "others here" not in ran(opened(home, ONE, a="SELECT 1 AS x", b="SELECT 2 AS x")).status().title


def test_a_project_s_files_are_one_owner_in_the_shell_and_where_they_are_loaded(home: Path, capsys: Any) -> None:
    (home / "seeknal").mkdir()
    (home / "seeknal/a.yml").write_text("kind: transform\nname: a\nsql: SELECT 1 AS x\n---\nkind: transform\nname: g\nsql: SELECT 1 AS x\n")
    assert main(["run"]) == 0
    states = json.loads((home / "target/state/execution_state.json").read_text())
    assert {entry["owner"] for entry in states.values()} == {FILES}
    (home / "seeknal/a.yml").write_text("kind: transform\nname: a\nsql: SELECT 1 AS x\n")
    ran(opened(home, ONE, n="SELECT 1 AS x"))
    capsys.readouterr()
    assert main(["clean"]) == 0
    out = capsys.readouterr().out
    assert "1 build, " in out
    assert "transform.n of one.ipynb stay" in out
    loaded = opened(home, ONE)
    loaded.load(home)
    assert up_to_date(loaded)
    assert main(["clean", "--all"]) == 0
    assert "1 build, " in capsys.readouterr().out


def test_a_notebook_that_the_shell_runs_is_the_owner_that_jupyter_names(home: Path, monkeypatch: Any) -> None:
    cells = ["%load_ext seeknal_nb", "%%seeknal transform a\nSELECT 1 AS x"]
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells]), home / ONE)
    done = subprocess.run([sys.executable, "-m", "seeknal_nb", "run", ONE], cwd=home, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    assert done.returncode == 0
    states = json.loads((home / "target/state/execution_state.json").read_text())
    monkeypatch.setenv("JPY_SESSION_NAME", str(home / ONE))
    assert owner_here(home, {}) != ONE  # a program that a cell starts is no notebook
    monkeypatch.setattr("ipykernel.kernelapp.IPKernelApp.initialized", lambda: True)
    assert states["transform.a"]["owner"] == owner_here(home, {}) == Project(home).owner == ONE


@pytest.mark.parametrize("name", ["", "a-session", "gone.ipynb", "~/x.ipynb"])
def test_a_front_end_that_names_no_notebook_gives_a_name_for_the_session_alone(home: Path, monkeypatch: Any, name: str) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", name)
    monkeypatch.setattr("sys.modules", {})
    assert owner_here(home, {}) != owner_here(home, {})
    assert owner_here(home, {}).startswith("session ")


def test_vs_code_and_scripts_name_theirs(home: Path, monkeypatch: Any) -> None:
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    assert owner_here(home, {"__vsc_ipynb_file__": str(home / TWO)}) == TWO
    assert owner_here(home / "elsewhere", {"__vsc_ipynb_file__": str(home / TWO)}) == (home / TWO).as_posix()


def test_what_an_earlier_version_left_is_anybody_s(home: Path) -> None:
    two = ran(opened(home, "", a="SELECT 1 AS x", b="SELECT 2 AS x"))
    two.owner = TWO
    two.remove("a")
    assert len(two.clean().rows) == 1


def test_a_node_that_another_notebook_found_up_to_date_is_kept_for_it(home: Path) -> None:
    one = ran(opened(home, ONE, a="SELECT 1 AS x", b="SELECT 2 AS x"))
    two = ran(opened(home, TWO, a="SELECT 1 AS x"))
    one.remove("a")
    assert one.clean().rows == ()
    assert up_to_date(two)
    (home / TWO).unlink()
    assert len(one.clean().rows) == 1


def test_a_notebook_that_loaded_a_folder_leaves_what_the_folder_got_since(home: Path, capsys: Any) -> None:
    (home / "seeknal").mkdir()
    (home / "seeknal/a.yml").write_text("kind: transform\nname: a\nsql: SELECT 1 AS x\n")
    loaded = opened(home, ONE)
    loaded.load(home)
    ran(loaded)
    (home / "seeknal/b.yml").write_text("kind: transform\nname: b\nsql: SELECT 1 AS x\n")
    assert main(["run"]) == 0
    assert loaded.clean().rows == ()
    assert loaded.plan().warnings == ()


def test_an_owner_keeps_its_file_where_the_project_moves(home: Path) -> None:
    (home / "deep/seeknal").mkdir(parents=True)
    (home / "deep/seeknal/a.yml").write_text("kind: transform\nname: a\nsql: SELECT 1 AS x\n")
    project = opened(home, ONE)
    project.load(home / "deep")
    assert (home / "deep" / project.owner).resolve() == home / ONE
