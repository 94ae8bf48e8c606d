"""An export is meant to be committed: no credential goes into it, and what would is named."""

from __future__ import annotations

import pytest

from seeknal_nb import Project
from seeknal_nb.authoring.export import export
from seeknal_nb.errors import ManifestError

VALUE = "tok-very-s3cret\\'\"x"
BODY = "import pandas as pd\npd.DataFrame({'n': [len(%s)]})"


def notebook(path, monkeypatch, **variables) -> Project:
    monkeypatch.setenv("API_KEY", VALUE)
    return Project(path / "home", namespace={"__name__": "__main__", **variables})


CASES = [
    ({"mine": VALUE}, {"python": BODY % "mine"}, "mine"),
    ({"mine": f"https://x/?k={VALUE}"}, {"python": BODY % "mine"}, "mine"),
    ({"mine": {"headers": [VALUE]}}, {"python": BODY % "mine"}, "mine"),
    ({"mine": VALUE}, {"sql": "SELECT length({{ mine }}) AS n"}, "mine"),
    ({}, {"python": BODY % repr(VALUE)}, "seeknal/transforms/t.yml"),
]


@pytest.mark.parametrize(("variables", "body", "named"), CASES)
@pytest.mark.parametrize("force", [False, True])
def test_the_value_of_a_credential_of_the_environment_is_never_written(tmp_path, monkeypatch, variables, body, named, force):
    project = notebook(tmp_path, monkeypatch, **variables)
    project.transform("t", **body)
    with pytest.raises(ManifestError) as error:
        export(project, tmp_path / "out", force=force)
    assert named in error.value.what
    assert "API_KEY" in error.value.why
    assert 'ctx.secret("API_KEY")' in error.value.remedy
    assert "{{ env:API_KEY }}" in error.value.remedy
    assert "s3cret" not in f"{error.value} {error.value.remedy}"
    assert not (tmp_path / "out").exists()


def test_a_variable_whose_name_says_that_it_is_a_credential_is_written_by_force_alone(tmp_path, monkeypatch):
    project = notebook(tmp_path, monkeypatch, DB_PASSWORD="hunter22")
    project.transform("t", "SELECT length({{ DB_PASSWORD }}) AS n")
    with pytest.raises(ManifestError, match="DB_PASSWORD") as error:
        export(project, tmp_path / "out")
    assert "{{ env:DB_PASSWORD }}" in error.value.remedy
    assert "hunter22" not in str(error.value)
    assert not (tmp_path / "out").exists()
    export(project, tmp_path / "out", force=True)
    assert (tmp_path / "out" / "seeknal_project.yml").exists()


def test_a_password_within_an_address_is_refused(tmp_path, monkeypatch):
    project = notebook(tmp_path, monkeypatch, place="postgresql://me:hunter22@host/db")
    project.transform("t", "SELECT length({{ place }}) AS n")
    with pytest.raises(ManifestError, match="place") as error:
        export(project, tmp_path / "out")
    assert "hunter22" not in str(error.value)


def test_what_is_no_credential_is_written(tmp_path, monkeypatch):
    project = notebook(tmp_path, monkeypatch, key="user_id", author="Ann", tokens=3, place="https://host/db")
    project.transform(
        "t", "SELECT {{ key }} AS a, {{ author }} AS b, {{ tokens }} AS c, {{ place }} AS d, length({{ env:API_KEY }}) AS e"
    )
    project.transform("u", python="import pandas as pd\npd.DataFrame({'n': [len(ctx.secret('API_KEY'))], 'k': [key]})")
    export(project, tmp_path / "out")
    back = Project.open(tmp_path / "out")
    assert back.run(progress=False).failed_nodes == 0
    assert back["u"].n[0] == len(VALUE)
    back.close()
