"""What a run that died has left: its journal continues one snapshot, and counts for nothing beside any other."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from seeknal_nb import Project

TAKE = "import shutil\na\nshutil.copytree('target', 'copy')\n[{'x': 1}]"
"""The body of a node that sees what a kill would leave while it runs."""


@pytest.fixture
def left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose run was killed after a was built anew; its journal has that, its snapshot the build before."""
    monkeypatch.chdir(tmp_path)
    project = Project(tmp_path, namespace={})
    project.transform("a", "SELECT 1 AS x")
    project.run(progress=False)
    project.transform("a", "SELECT 2 AS x")
    project.transform("killed", python=TAKE)
    assert not project.run(progress=False).failed
    shutil.rmtree("target")
    Path("copy").rename("target")
    project.remove("killed")
    return project


def ran(project: Project) -> bool:
    return str(project.run(progress=False)["transform.a"].status) == "success"


def test_what_finished_before_the_kill_is_kept(left: Project) -> None:
    assert Path("target/state/journal.jsonl").exists()
    assert not ran(left)


def test_without_the_snapshot_that_it_continues_a_journal_is_forgotten(left: Project) -> None:
    """Deleting ``execution_state.json`` is enough to build everything again."""
    Path("target/state/execution_state.json").unlink()
    assert ran(left)


def test_beside_another_snapshot_a_journal_is_forgotten(left: Project) -> None:
    """Somebody has put a state back: what came after another one is no part of it."""
    Path("target/state/execution_state.json").write_text("{}")
    assert ran(left)
