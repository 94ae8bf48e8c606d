"""Values that are put into a quoted text or a comment of SQL: none of them ends it."""

from __future__ import annotations

import contextlib

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seeknal_nb.dag.sqltext import render
from seeknal_nb.errors import ManifestError

NASTY = st.text(alphabet="\\'\"$q-*/ \n;a", max_size=12)


@given(NASTY, st.sampled_from(["E'{}'", "e'{}'", "$${}$$", "$q${}$q$", "$q$ {} $q$", "$$ ${} $$"]))
@example("\\' AS v UNION ALL SELECT chr(73) --", "E'{}'")
@example("$$ AS v UNION ALL SELECT 'INJECTED' --", "$${}$$")
@example("q", "$q$ ${}$ $q$")
def test_a_value_within_a_text_is_that_text_or_refused(value, form):
    """Text between dollars knows no escape, so what would end it cannot be put in."""
    sql = f"SELECT {form.format('{{ v }}')} AS v"
    inside = form.partition("'")[2][:-1] if "'" in form else form.replace("$q$", "").removeprefix("$$").removesuffix("$$")
    expected = inside.format(value)
    if "'" in form:
        assert duckdb.sql(render(sql, {"v": value})).fetchall() == [(expected,)]
        return
    with contextlib.suppress(ManifestError):
        assert duckdb.sql(render(sql, {"v": value})).fetchall() == [(expected,)]


@pytest.mark.parametrize("value", ["$$ x", "a$", "$$"])
def test_a_value_that_would_end_a_text_between_dollars_is_refused(value):
    with pytest.raises(ManifestError, match="'v' holds") as error:
        render("SELECT $${{ v }}$$ AS v", {"v": value})
    assert error.value.remedy == "write {{ v }} without quotes"
    assert duckdb.sql(render("SELECT $q${{ v }}$q$ AS v", {"v": value})).fetchall() == [(value,)]


@given(NASTY, st.sampled_from(["/* {} */ SELECT 1 AS v", "SELECT 1 AS v -- {}", "SELECT /* a {} b */ 1 AS v /* c */"]))
@example("/*", "/* {} */ SELECT 1 AS v")
def test_a_value_within_a_comment_stays_there(value, form):
    assert duckdb.sql(render(form.format("{{ v }}"), {"v": value})).fetchall() == [(1,)]


def test_an_unknown_parameter_is_told_the_names_that_can_be_given():
    """What stands in for a day or the environment is no name that ``--params`` takes, and may hold a value."""
    with pytest.raises(ManifestError) as error:
        render("{{ dya }}", {"env:NOPE|secret": "secret", "today()": "2024-01-01", "limit": 3})
    assert error.value.remedy == "give it with --params dya=...; known parameters: limit"
