"""What ``${NAME}`` stands for is put in at the last moment, and never comes back in a text."""

from __future__ import annotations

import pytest

from kinds import good, rows
from seeknal_nb import Project
from seeknal_nb.errors import NodeError
from seeknal_nb.workflow.kinds.secrets import Secrets


def test_a_value_is_put_in_and_hidden_afterwards() -> None:
    secrets = Secrets({"PASSWORD": "hunter22", "LONGER": "hunter22 and more", "SHORT": "abc"})
    assert secrets.expand("user:${PASSWORD}@host ${SHORT} ${LONGER}") == "user:hunter22@host abc hunter22 and more"
    assert secrets.hide({"why": ["no user:hunter22@host", ("hunter22 and more", 3)]}) == {"why": ["no user:***@host", ["***", 3]]}
    assert secrets.hide("abc") == "abc"


def test_a_variable_that_is_not_set_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(NodeError, match="the environment has no PASWORD") as caught:
        Secrets({"PASSWORD": "hunter22"}).expand("${PASWORD}")
    assert "PASSWORD" in str(caught.value)
    assert "hunter22" not in str(caught.value)


def test_the_fixtures_work(project: Project) -> None:
    project.transform("one", sql="SELECT 1 AS x")
    good(project)
    assert rows(project, "transform.one") == [(1,)]
