"""What ``${NAME}`` stands for is put in at the last moment, and never comes back in a text."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinds import good, rows, run
from seeknal_nb import Project
from seeknal_nb.errors import NodeError
from seeknal_nb.secrets import Secrets


def quote_all(value: str) -> str:
    return quote(value, safe="")


def test_a_value_is_put_in_and_hidden_afterwards() -> None:
    secrets = Secrets({"PASSWORD": "hunter22", "LONGER": "hunter22 and more", "SHORT_KEY": "abc", "HOST": "db"})
    with pytest.warns(RuntimeWarning, match="the value of SHORT_KEY is too short or too plain to be hidden"):
        assert secrets.expand("user:${PASSWORD}@${HOST} ${SHORT_KEY} ${LONGER}") == "user:hunter22@db abc hunter22 and more"
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


SECRET = "-----BEGIN-----\nlineone-\"secret\"\\x"


@pytest.mark.parametrize("write", [str, repr, lambda v: str({"k": v}), json.dumps, quote_all, quote, quote_plus, lambda v: f"KeyError: {v.splitlines()[1]}"])
def test_a_value_is_hidden_however_a_message_writes_it(write) -> None:
    secrets = Secrets({"KEY": SECRET})
    secrets.value("KEY")
    hidden = secrets.hide(f"before {write(SECRET)} after")
    assert "secret" not in hidden
    assert hidden.startswith("before ")


def test_a_plain_word_is_hidden_as_a_word_and_never_as_a_key() -> None:
    secrets = Secrets({"PASSWORD": "customers"})
    secrets.value("PASSWORD")
    assert secrets.hide({"customers": ["newcustomers customers", 3]}) == {"customers": ["newcustomers ***", 3]}


def test_a_common_word_takes_no_word_out_of_other_texts() -> None:
    """And whoever has such a password is told that it stands where somebody writes it."""
    secrets = Secrets({"PASSWORD": "node"})
    with pytest.warns(RuntimeWarning, match="the value of PASSWORD is too short or too plain"):
        secrets.value("PASSWORD")
    assert secrets.hide('source.a: node "a"') == 'source.a: node "a"'


@settings(max_examples=60)
@given(st.text(st.characters(codec="utf-8"), min_size=8, max_size=40), st.binary(max_size=9), st.binary(max_size=9))
def test_a_secret_is_hidden_in_base64_whatever_stands_round_it(secret: str, before: bytes, behind: bytes) -> None:
    secrets = Secrets()
    secrets.hide_value(secret, "a text")
    for coded in (base64.b64encode, base64.urlsafe_b64encode):
        assert "***" in secrets.hide(coded(before + secret.encode() + behind).decode())


def test_no_error_object_tells_a_secret(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where only an error behind it would: a traceback prints them all."""
    monkeypatch.setenv("API_KEY", "hunter22-and-more")
    project.transform("a", python="v = ctx.secret('API_KEY')\ntry:\n    raise ValueError(v)\nexcept ValueError as e:\n    raise RuntimeError('boom') from e")
    (result,) = run(project).failed
    assert "hunter22" not in (result.error_message or "")
    assert result.error is None


def test_a_credential_of_the_environment_in_a_text_is_hidden(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", "hunter22-and-more")
    project.transform("a", sql="SELECT CAST('{{ env:MY_API_KEY }}' AS INTEGER) AS x")
    (result,) = run(project).failed
    assert "***" in (result.error_message or "")
    for path in project.directory.rglob("*"):
        assert not path.is_file() or b"hunter22" not in path.read_bytes(), path
