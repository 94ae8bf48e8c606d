"""What a project's own files say of it."""

from __future__ import annotations

import pytest

from seeknal_nb import Project
from seeknal_nb.errors import SeeknalError
from seeknal_nb.settings import settings_of

CASES = [
    ({}, "", {}),
    ({"seeknal_project.yml": "name: a\nversion: 1.0.0\nprofile: default\n"}, "a", {}),
    ({"seeknal_project.yml": "name: a\nparams: {x: 1, y: two}\n"}, "a", {"x": 1, "y": "two"}),
    ({"seeknal_project.yml": "name: a\nparams: {x: 1, y: 2}\n", "pyproject.toml": "[tool.seeknal_nb]\nname = 'b'\n[tool.seeknal_nb.params]\ny = 3\n"}, "b", {"x": 1, "y": 3}),
    ({"seeknal_project.yml": "# nothing\n"}, "", {}),
    ({"pyproject.toml": "[tool.other]\n"}, "", {}),
]  # fmt: skip


@pytest.mark.parametrize(("files", "name", "params"), CASES)
def test_pyproject_comes_before_the_peers_settings(tmp_path, files, name, params):
    for file, text in files.items():
        (tmp_path / file).write_text(text)
    assert settings_of(tmp_path).get("name", "") == name
    project = Project(tmp_path)
    assert project.manifest.metadata.project == (name or tmp_path.name)
    assert project.params == params


@pytest.mark.parametrize("text", ["- a\n", "name: [a\n", "params: [a]\n", "params: 3\n"])
def test_broken_settings_are_refused_with_their_file(tmp_path, text):
    (tmp_path / "seeknal_project.yml").write_text(text)
    with pytest.raises(SeeknalError) as error:
        Project(tmp_path)
    assert "seeknal_project.yml" in str(error.value)
    assert error.value.remedy
