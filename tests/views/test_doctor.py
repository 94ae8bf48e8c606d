"""The doctor says what runs use, and what is to be done where it is not there; it runs no node."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seeknal_nb import Project
from seeknal_nb.cli import main
from seeknal_nb.views.doctor import doctor
from seeknal_nb.workflow.places import dask


def test_all_is_there(tmp_path: Path) -> None:
    project = Project(tmp_path, namespace={}, workers=2, slots={"gpu": 1}, memory="2GB")
    project.transform("t", "SELECT 1 AS x")
    found = doctor(project)
    assert not found.bad
    assert "good  workers 2: 2 GB of memory, gpu 1" in str(found)
    assert {row[0] for row in found.rows} == {"seeknal_nb", "engine", "executor", "workers", "state", "builds"}
    assert not (tmp_path / "target/outputs").exists()


def test_what_is_not_there_is_told_whole_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(dask, "AWAY", 0.5)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[tool.seeknal_nb]\nexecutor = "dask://127.0.0.1:9"\n')
    assert main(["doctor"]) == 1
    told = capsys.readouterr().out
    assert "1 of 6 need mending" in told
    assert "start one: dask scheduler, or correct the address" in told
    assert main(["doctor", "--format", "json"]) == 1
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["what"] for row in rows if row["state"] == "BAD"] == ["executor"]
