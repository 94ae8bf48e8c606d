"""SQL as text: its pieces and statements are those of DuckDB, and a value in a quoted text or a comment does not end it."""

from __future__ import annotations

import contextlib

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seeknal_nb.errors import ManifestError
from seeknal_nb.sql.holes import render
from seeknal_nb.sql.text import pieces, statements, unquoted

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


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("SELECT x -- c\nFROM a", "SELECT x [-- c] FROM a"),
        ("SELECT x -- c\rFROM a", "SELECT x [-- c] FROM a"),
        ("a /* b /* c */ d */ e", "a [/* b /* c */ d */] e"),
        ("a /* b", "a [/* b]"),
        ("SELECT 'it''s' \"a \"\"b\"", "SELECT 'it''s' \"a \"\"b\""),
        ("e'a\\'b' E'\\\\' x'41'", "e'a\\'b' E'\\\\' x'41'"),
        ("n'a' $$b$$ $t$ $$ $t$ $é$c$é$", "n 'a' $$b$$ $t$ $$ $t$ $é$c$é$"),
        ("a$b$c", "a$b$c"),
        ("1.5e-3 .5 5. 1_000 1e x", "1.5e-3 .5 5. 1_000 1 e x"),
        ("🦆x 漢字 é_1 ٣ =🦆", "🦆x 漢字 é_1 ٣ = 🦆"),
        ("a\u00a0b\u3000c", "a b c"),
        ("a<=-1 b @-1 c->>'d' e::f", "a <= - 1 b @- 1 c ->> 'd' e :: f"),
        ("[a,{b:1}];", "[ a , { b : 1 } ] ;"),
        ("a*/**/b", "a * [/**/] b"),
    ],
)
def test_the_pieces_of_a_text(sql, found):
    """Comments are in brackets here. To DuckDB whatever is no ASCII is a letter, and a carriage return ends a comment."""
    texts = [sql[piece.start : piece.end] for piece in pieces(sql)]
    shown = [f"[{text}]" if piece.kind == "comment" else text for piece, text in zip(pieces(sql), texts, strict=True)]
    assert " ".join(shown) == found


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("SELECT 1", [("SELECT 1", 1)]),
        (";; SELECT 1;\n\nSELECT 2 -- end;\n;", [("SELECT 1", 1), ("SELECT 2", 3)]),
        ("/* a; b */ SELECT ';' AS x; -- c;", [("SELECT ';' AS x", 1)]),
        ("SELECT $$;$$, e'\\';', \";\"", [("SELECT $$;$$, e'\\';', \";\"", 1)]),
        ("-- c;\rSELECT 1; SELECT 2", [("SELECT 1", 1), ("SELECT 2", 1)]),
        ("-- nothing", []),
    ],
)
def test_the_statements_of_a_body(sql, found):
    assert [(one.text, one.line) for one in statements(sql)] == found
    assert all(sql[one.start :].startswith(one.text) for one in statements(sql))
    assert len(duckdb.extract_statements(sql)) == len(found)


QUOTED = st.text(alphabet="ab'\"\\né漢🦆$ ", max_size=8)


@given(QUOTED)
def test_a_quoted_text_says_what_duckdb_says(text):
    quoted = [f"'{text.replace(chr(39), chr(39) * 2)}'", f"$t${text}$t$"]
    for one in quoted:
        if len(pieces(one)) == 1:
            assert [(unquoted(one),)] == duckdb.sql(f"SELECT {one} AS v").fetchall() == [(text,)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("'it''s'", "it's"), ('"a ""b"""', 'a "b"'), ("$$it's$$", "it's"), ("$q$ $$ $q$", " $$ "), ("e'a\\n\\'b'", "a\n'b"), ("E'it''s'", "it's"),
        ("e'\\\\'", "\\"), ("e'\\t\\q'", "\tq"), ("e'é'", "é"), ("word", "word"), ("x'41'", "x'41'"), ("e", "e"),
    ],
)  # fmt: skip
def test_what_a_quoted_text_says(text, says):
    assert unquoted(text) == says


@pytest.mark.skipif(duckdb.__version__ < "2", reason="before version 2 DuckDB refuses numbers behind a backslash")
@pytest.mark.parametrize("text", [r"e'\xc3\xa9'", r"e'\303\251'", r"e'\u00e9'", r"e'\x41b\101'", r"e'\7'"])
def test_numbers_behind_a_backslash_are_bytes(text):
    assert [(unquoted(text),)] == duckdb.sql(f"SELECT {text} AS v").fetchall()
