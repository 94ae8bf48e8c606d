"""The normal form of SQL: texts that share one are one statement, and comments, layout and the letters of key words do not count."""

from __future__ import annotations

import contextlib
import random
from typing import TYPE_CHECKING

import duckdb
import pytest
from statements import STATEMENTS, database, files, rows_of

from seeknal_nb.sql.names import _KEYWORDS, canonical
from seeknal_nb.sql.text import words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from seeknal_nb.sql.text import Piece

ALL = [sql for name, section in STATEMENTS.items() if name != "refs" for sql in section]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("form")
    files(made)
    with contextlib.chdir(made):
        yield made


def rewritten(sql: str, word: Callable[[str], str] = str, gap: Callable[[str], str] = str) -> str:
    """The text with its words and what stands between its pieces written anew; not between two texts, where a line's end counts."""
    found = words(sql)
    written = []
    for number, piece in enumerate(found):
        before = found[number - 1] if number else None
        between = sql[before.end : piece.start] if before else ""
        written.append(between if not before or _are_texts(before, piece) else gap(between))
        text = sql[piece.start : piece.end]
        written.append(word(text) if piece.kind == "word" else text)
    return "".join(written)


def _are_texts(one: Piece, other: Piece) -> bool:
    return one.kind == other.kind == "text"


@pytest.mark.parametrize("gap", [" \n ", "\r", " -- it's; FROM x\n", "/* a /* b */ ; */", "\t-- c\r"])
def test_comments_and_layout_do_not_count(gap):
    changed = {sql: rewritten(sql, gap=lambda between: gap if between else "") for sql in ALL}
    assert {sql: text for sql, text in changed.items() if canonical(text) != canonical(sql)} == {}


@pytest.mark.parametrize("part", range(3))
def test_texts_of_one_normal_form_give_one_result(folder, part):
    """Otherwise an edit would go unseen: the node would be cached with the rows of the text before it."""
    chance = random.Random(part)
    ways = [
        {"word": str.upper},
        {"word": lambda text: text.swapcase() if chance.random() < 0.4 else text},
        {"gap": lambda between: "" if chance.random() < 0.3 else between},
        {"gap": lambda between: between or " "},
    ]
    found = {}
    with database() as plain:
        for sql in ALL[part::9]:
            right = rows_of(plain, sql)
            for other in {rewritten(sql, **way) for way in ways} - {sql}:
                if canonical(other) == canonical(sql) and not _same(right, rows_of(plain, other)):
                    found[other] = sql
    assert found == {}


def _same(one: object, other: object) -> bool:
    return one == other or (isinstance(one, str) and isinstance(other, str))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT 1 AS Date", "SELECT 1 AS date"),
        ("SELECT {Text: 1} AS s", "SELECT {text: 1} AS s"),
        ("SELECT x Left_ FROM a", "SELECT x left_ FROM a"),
        ("SELECT x AS Left FROM a", "SELECT x AS LEFT FROM a"),
        ("SELECT s.Left FROM a", "SELECT s.LEFT FROM a"),
        ("SELECT Left: x FROM a", "SELECT LEFT: x FROM a"),
        ("SELECT 1 -- c\r + 1", "SELECT 1 -- c\n"),
        ("SELECT 1 -- c\r + 1", "SELECT 1 -- c\r + 2"),
        ("SELECT 🦆x FROM t", "SELECT 🦆 x FROM t"),
        ("SELECT ٣x FROM t", "SELECT ٣ x FROM t"),
        ("SELECT n'a'", "SELECT n 'a'"),
        ("SELECT x'41'", "SELECT x '41'"),
        ("SELECT 'a'\n'b'", "SELECT 'a' 'b'"),
        ("SELECT 'a' -- c\n 'b'", "SELECT 'a' /* c */ 'b'"),
        ("SELECT 1.5", "SELECT 1 .5"),
        ("SELECT 1 <- 1", "SELECT 1 < - 1 -1"),
        ("SELECT 1e5", "SELECT 1 e5"),
        ("SELECT 'A'", "SELECT 'a'"),
        ('SELECT "A" FROM t', 'SELECT "a" FROM t'),
        ("SELECT 1; SELECT 2", "SELECT 1 SELECT 2"),
    ],
)
def test_texts_that_differ_have_two_forms(one, other):
    assert canonical(one) != canonical(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("select X from A", "SELECT X FROM A"),
        ("SELECT sum(x) FROM a", "SELECT SUM (x) FROM a"),
        ("SELECT x FROM a ORDER BY x", "SELECT x\nFROM a -- c\nORDER BY x;"),
        ("SELECT x FROM a ORDER BY x", "SELECT x FROM a -- c\rORDER BY x"),
        ("SELECT 1+1", "SELECT 1 + 1"),
        ("SELECT x::INT", "SELECT x :: INT"),
        ("SELECT date\n'2024-01-01'", "SELECT date '2024-01-01'"),
        ("SELECT 1;;", "SELECT 1"),
    ],
)
def test_texts_that_say_the_same_have_one_form(one, other):
    assert canonical(one) == canonical(other)


PLACES = {
    "a column": "SELECT {} FROM t",
    "an alias": "SELECT 1 {}",
    "a table": "SELECT 1 FROM {}",
    "a table's alias": "SELECT 1 FROM t {}",
    "a column's alias": "SELECT 1 FROM t x({})",
    "a CTE": "WITH {} AS (SELECT 1) SELECT 1",
    "a CTE's column": "WITH q({}) AS (SELECT 1) SELECT 1",
    "a field": "SELECT NULL::STRUCT(a INT, {} INT)",
    "a member": "SELECT NULL::UNION({} INT)",
    "a key": "SELECT {{{}: 1}}",
    "an argument": "SELECT f({} := 1)",
    "a lambda's": "SELECT f(lambda x, {}: 1)",
    "of a list": "SELECT [1 FOR {} IN [1]]",
    "a window": "SELECT 1 FROM t WINDOW {} AS ()",
    "a column that is made": "CREATE TEMP TABLE t({} INT)",
    "names of UNPIVOT": "UNPIVOT t ON x INTO NAME {} VALUE v",
    "values of UNPIVOT": "UNPIVOT t ON x INTO NAME n VALUE {}",
    "the other UNPIVOT": "FROM t UNPIVOT ({} FOR n IN (x))",
    "an alias of PIVOT": "PIVOT t ON k USING sum(x) {}",
    "a value of PIVOT": "FROM t PIVOT (sum(x) FOR k IN ('p' {}))",
    "USING": "SELECT 1 FROM t JOIN u USING ({})",
    "EXCLUDE": "SELECT * EXCLUDE ({}) FROM t",
    "RENAME": "SELECT * RENAME ({} AS y) FROM t",
    "a prefix": "SELECT {}: 1",
    "a table's prefix": "FROM {}: t",
    "a schema": "SELECT 1 FROM {}.t",
    "an option": "FROM read_csv('f', {} = 1)",
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_key_word_whose_letters_do_not_count_is_no_name(place):
    """DuckDB does not parse it there, or the normal form keeps its letters."""
    named = [word for word in _KEYWORDS if _parses(place.format(word))]
    assert [word for word in named if canonical(place.format(word)) == canonical(place.format(word.upper()))] == []


def _parses(sql: str) -> bool:
    try:
        return bool(duckdb.extract_statements(sql))
    except duckdb.Error:
        return False
