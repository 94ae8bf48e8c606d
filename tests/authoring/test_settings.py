"""What a project's own files say of it."""

from __future__ import annotations

import pytest

from seeknal_nb import Project
from seeknal_nb.authoring.settings import settings_of
from seeknal_nb.errors import PluginError, SeeknalError

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


BROKEN = [
    ("tool = 3\n", "tool"),
    ("[tool]\nseeknal_nb = 3\n", "tool.seeknal_nb"),
    ("[tool.seeknal_nb]\nparams = 3\n", "params"),
    ("[tool.seeknal_nb]\nworkers = 'two'\n", "workers"),
    ("[tool.seeknal_nb]\nworkers = true\n", "workers"),
    ("[tool.seeknal_nb]\nworkers = 0\n", "workers"),
    ("[tool.seeknal_nb]\nname = 3\n", "name"),
    ("[tool.seeknal_nb]\nengine = 3\n", "engine"),
    ("[tool.seeknal_nb]\nstate = 3\n", "state"),
    ("[tool.seeknal_nb]\nwoorkers = 3\n", "did you mean workers"),
    ("[tool.seeknal_nb\n", "cannot be read"),
    ("x = '\xff'\n", "cannot be read"),
]


@pytest.mark.parametrize(("text", "said"), BROKEN)
def test_a_broken_pyproject_is_refused_with_its_place_and_a_remedy(tmp_path, text, said):
    (tmp_path / "pyproject.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(SeeknalError) as error:
        Project(tmp_path)
    assert said in f"{error.value} {error.value.remedy}"
    assert error.value.place.file == "pyproject.toml"
    assert error.value.remedy


TOLD = "[tool.seeknal_nb]\nworkers = 3\n[tool.seeknal_nb.params]\nday = 'left'\nonly = 'left'\n"
OWN = "[tool.seeknal_nb]\nworkers = 2\n[tool.seeknal_nb.params]\nday = 'own'\n"
MOVES = [
    ({}, {}, {"day": "own"}, 2),
    ({"params": {"day": "mine"}, "workers": 5}, {}, {"day": "mine"}, 5),
    ({"params": {"day": "left"}}, {}, {"day": "left"}, 2),
    ({}, {"day": "since"}, {"day": "since"}, 2),
]


@pytest.mark.parametrize(("options", "since", "params", "workers"), MOVES)
def test_a_loaded_project_has_its_own_settings_and_what_the_user_said(tmp_path, options, since, params, workers):
    (tmp_path / "pyproject.toml").write_text(TOLD)
    other = tmp_path / "other"
    (other / "seeknal" / "common").mkdir(parents=True)
    (other / "pyproject.toml").write_text(OWN)
    (other / "seeknal" / "t.yml").write_text("kind: transform\nname: t\ntransform: SELECT {{ day }} AS d\n")
    project = Project(tmp_path, **options)
    project.params |= since
    project.shared = {"left": 1}
    project.load(other)
    assert (project.params, project.means.workers, project.shared) == (params, workers, {})
    project.run(progress=False)
    assert project["t"].d[0] == params["day"]
    project.close()


def test_a_loaded_project_runs_on_its_own_engine(tmp_path):
    other = tmp_path / "other"
    (other / "seeknal").mkdir(parents=True)
    (other / "pyproject.toml").write_text("[tool.seeknal_nb]\nengine = 'nothing-of-the-kind'\n")
    (other / "seeknal" / "t.yml").write_text("kind: transform\nname: t\ntransform: SELECT 1 AS d\n")
    project = Project(tmp_path)
    project.load(other)
    with pytest.raises(PluginError, match="nothing-of-the-kind"):  # its name is in the keys
        project.run(progress=False)
    project.close()
    told = Project(tmp_path, engine="duckdb")
    told.load(other)
    assert told.run(progress=False).failed_nodes == 0
    told.close()


def test_a_bad_byte_in_the_shared_definitions_is_refused_with_its_file(tmp_path):
    (tmp_path / "seeknal" / "common").mkdir(parents=True)
    (tmp_path / "seeknal" / "common" / "notebook.py").write_bytes(b"x = '\xff'\n")
    (tmp_path / "seeknal" / "t.yml").write_text("kind: transform\nname: t\ntransform: SELECT 1 AS d\n")
    with pytest.raises(SeeknalError) as error:
        Project.open(tmp_path)
    assert error.value.place.file == "seeknal/common/notebook.py"
    assert error.value.remedy
