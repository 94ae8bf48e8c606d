"""An error in a node's text is told with the line of its file, however YAML spells the text."""

from __future__ import annotations

import pickle
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from seeknal_nb.dag.written import Written
from seeknal_nb.errors import ManifestError, Place, Spot, about
from seeknal_nb.storage.documents import read_yaml

ESCAPED = re.compile(r"\\(?:x..|u.{4}|U.{8}|.)")
WORD = st.text(alphabet="abcé中😀'\"\\:#-{}|>&*%\x07", min_size=1, max_size=5)
BLANKS = st.sampled_from([" ", "  ", "\n", "\n\n", "\n  ", "\t", "\u00a0"])


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Numbered words, so that each is there once, with blanks between."""
    words = [f"{draw(WORD)}{number}." for number in range(draw(st.integers(1, 12)))]
    return "".join(word + draw(BLANKS) for word in words).strip()


@given(texts(), st.sampled_from(["|", ">", '"', "'", None]), st.integers(10, 60), st.booleans())
def test_each_word_of_a_text_is_found_in_the_file(text: str, style: str | None, width: int, in_unicode: bool) -> None:
    """Literal, folded, quoted and plain: the characters that are no blanks come in the same order."""
    spelled = yaml.dump({"t": text}, default_style=style, width=width, allow_unicode=in_unicode)
    (document,) = read_yaml(f"# first\n---\n{spelled}", file="f.yml")
    assert document.value["t"] == text
    for number, line in enumerate(text.split("\n"), 1):
        for word in line.split():
            place = document.place_of(Spot(("t",), number, line.index(word) + 1))
            rest = spelled.split("\n")[(place.line or 0) - 3][(place.column or 0) - 1 :]
            assert word[0] == rest[0] or word[0] == yaml.safe_load(f'"{ESCAPED.match(rest)[0]}"')


SPELLED = {
    "literal": ("a: 1\nt: |\n  one\n  two\n", 2, 4),
    "literal, with a mark": ("t: |2- # why\n    one\n    two\n", 2, 3),
    "literal, below a blank line": ("t: |\n\n  one\n", 2, 3),
    "the mark on a line of its own": ("t:\n  |\n  one\n", 1, 3),
    "an anchor": ("t: &x |\n  one\n", 1, 2),
    "an anchor and a note": ("t: &x # why\n  |\n  one\n", 1, 3),
    "an alias": ("x: &x |\n  one\nt: *x\n", 1, 2),
    "folded: its paragraphs are its lines": ("t: >-\n  one\n  two\n\n  three\n", 2, 5),
    "plain": ("t: one\n  two\n\n  three\n", 2, 4),
    "plain, below its key": ("t:\n  one\n", 1, 2),
    "in double quotes": ('t: "one\n  two\\nthree\n  four"\n', 2, 2),
    "in double quotes, a line broken": ('t: "one\\\n  two\\n\\\n  three"\n', 2, 3),
    "in single quotes": ("t: '| it''s\n\n  two'\n", 2, 3),
    "CRLF": ("a: 1\r\nt: |\r\n  one\r\n  two\r\n", 2, 4),
    "a separator that is no line's end to an editor": ('a: "x\u2028y"\nt: |\n  one\n', 1, 3),
    "the last line, and beyond": ("t: |\n  one\nu: 1\n", 9, 2),
}


@pytest.mark.parametrize(("text", "line", "expected"), SPELLED.values(), ids=SPELLED)
def test_a_line_of_a_text_is_a_line_of_its_file(text: str, line: int, expected: int) -> None:
    """As an editor counts them."""
    (document,) = read_yaml(text, file="f.yml")
    assert document.place_of(Spot(("t",), line)).line == expected


NEAR = {
    "what is there once": ("nosuch AS z", 3),
    "its first word, where tables follow in other words": ('nosuch AS z FROM "source"."a"', 3),
    "several of it": ("x", 2),
    "nothing of it": ("gone", 2),
    "no text": ("", 2),
}


@pytest.mark.parametrize(("near", "line"), NEAR.values(), ids=NEAR)
def test_a_folded_line_is_told_by_what_stands_at_the_fault(near: str, line: int) -> None:
    """An engine says LINE 1 of three; what is not plain is told by the line with which it begins."""
    (document,) = read_yaml("sql: >\n  SELECT x, x,\n  nosuch AS z\n  FROM t\n", file="f.yml")
    assert document.place_of(Spot(("sql",), 1, near=near)).line == line


KEYS = {
    ("params",): 3, ("params", "a"): 4, ("params", "gone", "far"): 3, ("checks", 1): 7, ("checks", 1, "unique"): 8, ("gone",): 1,
    (): 1,
}  # fmt: skip


@pytest.mark.parametrize("path", KEYS)
def test_a_key_is_told_by_its_line_and_one_that_is_gone_by_what_it_was_in(path: tuple[str | int, ...]) -> None:
    """A kind may have filled in what the file does not say."""
    text = "kind: rule\nname: r\nparams:\n  a: 1\nchecks:\n  - not_null: [x]\n  - severity: warn\n    unique:\n      - x\n"
    (document,) = read_yaml(text, file="f.yml")
    assert document.place_of(Spot(path)).line == KEYS[path]


DOCUMENTS = "kind: a\nname: x\n--- # the second\nkind: b\nsql: |\n  one\n  two\n...\n%YAML 1.1\n---\n{kind: c, sql: 'one'}\n"


@pytest.mark.parametrize(("number", "line"), [(1, 7), (2, 11)])
def test_one_of_several_documents_is_kept_alone(number: int, line: int) -> None:
    """A file of a thousand nodes is not kept a thousand times, nor sent to a worker with each."""
    document = read_yaml(DOCUMENTS, file="f.yml")[number]
    written = pickle.loads(pickle.dumps(Written(Place("f.yml", document.place.line), document.alone())))
    assert len(written.text) < len(DOCUMENTS) / 2
    assert written.place_of(Spot(("sql",), 2 if number == 1 else 1)) == Place("f.yml", line)


def test_sql_in_a_file_of_its_own_is_told_by_that_file() -> None:
    """Other keys still stand in the YAML."""
    written = Written(Place("seeknal/n.yml", 3), "kind: a\nsql_file: q.sql\nas: x\n", "sql/q.sql")
    assert written.place_of(Spot(("sql",), 7)) == Place("sql/q.sql", 7)
    assert written.place_of(Spot(("as",))) == Place("seeknal/n.yml", 5)


def test_a_block_says_what_its_errors_are_about() -> None:
    """From the outside in, however deep it is raised."""
    with pytest.raises(ManifestError) as caught, about("checks", 2), about("range"):
        raise ManifestError("no number", spot=Spot(("min",)))
    assert caught.value.spot.path == ("checks", 2, "range", "min")
