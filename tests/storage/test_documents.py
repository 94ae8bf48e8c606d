"""Laws and tables of reading untrusted YAML and JSON."""

from __future__ import annotations

import gc
import json
import os
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from seeknal_nb.errors import ManifestError, ManyErrors, Place, SeeknalError
from seeknal_nb.storage import documents, text
from seeknal_nb.storage.documents import read_json, read_yaml
from seeknal_nb.storage.text import read_text

if TYPE_CHECKING:
    from pathlib import Path

GOOD_YAML = """\
# a comment
name: clean
kind: transform
tags: [daily, "on"]
retry: 3
ratio: 1.5
inputs:
  - ref: source.users
  - ref: source.orders
transform: |
  select *

  from users
checks: {rows: true, owner: ~}
"""
GOOD_JSON = json.dumps(
    {"name": "clean", "nodes": [{"id": "a.b", "tags": [], "retry": 3, "ratio": 1.5}], "on": None}, indent=1
)


def bomb(levels: int, width: int) -> str:
    first = f"a0: &a0 [{', '.join('x' * width)}]\n"
    return first + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * width)}]\n" for i in range(1, levels))


def merges(levels: int) -> str:
    return "a0: &a0 {x: 1}\n" + "".join(f"a{i}: &a{i}\n  <<: *a{i - 1}\n  k{i}: 1\n" for i in range(1, levels))


# id: text, what the error starts with, line, column, a part of the whole message
BAD_YAML: dict[str, tuple[str | bytes, str, int | None, int | None, str]] = {
    "empty": ("", "the file is empty", 1, 1, "write"),
    "blank": (" \n\n", "the file is empty", 1, 1, ""),
    "only comments": ("# x\n# y\n", "the file is empty", 1, 1, ""),
    "only a marker": ("---\n", "the file is empty", 1, 1, ""),
    "only markers": ("---\n---\n...\n", "the file is empty", 1, 1, ""),
    "only a bom": ("\ufeff", "the file is empty", 1, 1, ""),
    "latin-1": (b"a: 1\nb: caf\xe9\n", "not UTF-8", 2, 7, "byte 0xe9 at offset 11"),
    "latin-1 after a bom": (b"\xef\xbb\xbfa: \xe9\n", "not UTF-8", 1, 4, "save as UTF-8"),
    "utf-16": ("a: 1".encode("utf-16"), "not UTF-8", 1, 1, "at offset 0"),
    "cut character": (b"a: \xe2\x82", "not UTF-8", 1, 4, "unexpected end"),
    "surrogate in a str": ("a: b\nc: \ud800", "not UTF-8", 2, 4, ""),
    "nul": ("a: 1\nb: x\0y\n", "NUL byte", 2, 5, ""),
    "bell": ("a: 1\nb: x\x07y\n", "control character U+0007", 2, 5, ""),
    "delete": ("a: \x7f\n", "control character U+007F", 1, 4, ""),
    "noncharacter": ("a: \uffff\n", "control character U+FFFF", 1, 4, ""),
    "duplicate": ("a: 1\nb: 2\na: 3\n", 'duplicate key "a"', 3, 1, "it stands first at f.yml:1:1"),
    "duplicate deep": ("x:\n  - a: 1\n    a: 2\n", 'duplicate key "a"', 3, 5, "f.yml:2:5"),
    "duplicate flow": ("{a: 1, 'a': 2}", 'duplicate key "a"', 1, 8, "f.yml:1:2"),
    "duplicate by alias": ("&k a: 1\n*k : 2\n", 'duplicate key "a"', 2, 1, "f.yml:1:1"),
    "duplicate in document 2": ("a: 1\n---\nb: 1\nb: 1\n", 'duplicate key "b"', 4, 1, "f.yml:3:1"),
    "infinity": ("a:\n  b: .inf\n", ".inf is not a finite number", 2, 6, "in a.b"),
    "minus infinity": ("a: -.INF\n", "-.INF is not a finite number", 1, 4, "in a"),
    "nan": ("a: [1, .nan]\n", ".nan is not a finite number", 1, 8, "in a[1]"),
    "overflow": ("a: 1e400\n", "1e400 is not a finite number", 1, 4, "in a"),
    "overflow by digits": ("a: " + "9" * 400 + ".0\n", "9999", 1, 4, "is not a finite number"),
    "huge integer": ("a: 1\nb: " + "9" * 4301, "integer longer than 4,300 digits", 2, 4, "in b"),
    "huge negative integer": ("- -" + "9" * 4301, "integer longer than 4,300 digits", 1, 3, "in [0]"),
    "deep flow": ("a: " + "[" * 64 + "]" * 64, "nested deeper than 64", 1, 67, ""),
    "deep block": ("- " * 65 + "x", "nested deeper than 64", 1, 129, ""),
    "deep and open": ("[" * 100_000, "nested deeper than 64", 1, None, ""),  # or where PyYAML itself stops
    "deep flow maps": ("{a: " * 100_000, "nested deeper than 64", 1, 257, ""),
    "deep key": ("? " * 100 + "x", "nested deeper than 64", 1, 129, ""),
    "very deep key": ("? " * 100_000 + "x", "nested deeper than 64", 1, 129, ""),
    "deep by aliases": (
        "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 66)),
        "nested deeper",
        1,
        5,
        "",
    ),
    "alias bomb": (bomb(9, 9), "aliases expand to 4.9e8 nodes; limit 100,000", 6, 10, "repeat less"),
    "endless alias bomb": (bomb(5_000, 2), "aliases expand to 1e18 nodes", 15, 18, ""),
    "alias bomb in a key": (bomb(9, 9) + "? *a8\n: x\n", "2 errors", None, None, "aliases expand to 9.3e8 nodes"),
    "merge bomb": (
        "a: &a {" + ",".join(f"k{i}: 1" for i in range(400)) + "}\nb:\n" + "- <<: *a\n" * 400,
        "aliases expand to 3.2e5 nodes",
        127,
        7,
        "",
    ),
    "recursive alias": ("a: &a [*a]\n", "recursive alias *a", 1, 8, ""),
    "recursive alias in a map": ("a: &a\n  b:\n    c: *a\n", "recursive alias *a", 3, 8, ""),
    "recursive merge": ("a: &a\n  <<: *a\n", "recursive alias *a", 2, 7, ""),
    "unknown alias": ("a: *b\n", "unknown alias *b", 1, 4, ""),
    "alias of another document": ("a: &x 1\n---\nb: *x\n", "unknown alias *x", 3, 4, ""),
    "merge of a merge": (merges(3), '"<<" takes one mapping', 6, 3, "in a2.<<"),
    "many merges of merges": (merges(8), "3 errors", None, None, "f.yml:18:3: in a6.<<"),
    "merge of a merge inline": ("<<: {<<: {a: 1}}\n", '"<<" takes one mapping', 1, 1, ""),
    "two merges": ("<<: {a: 1}\n<<: {b: 1}\n", '"<<" takes one mapping', 2, 1, ""),
    "merge of a list": ("<<: [{a: 1}, {b: 1}]\n", '"<<" takes one mapping', 1, 1, ""),
    "merge of a number": ("<<: 1\n", '"<<" takes one mapping', 1, 1, ""),
    "python tag": ("a: 1\nb: !!python/object/apply:os.system ['exit 1']\n", "tag !!python/object/apply:os.system", 2, 4, ""),
    "own tag": ("a: !Custom 1\n", "tag !Custom", 1, 4, "remove the tag"),
    "tag alone": ("!Custom\n", "tag !Custom", 1, 1, ""),
    "tag on a map": ("!!python/object:os.x\na: 1\n", "tag !!python/object:os.x", 1, 1, ""),
    "tag on a key": ("!!str a: 1\n", "tag !!str", 1, 1, ""),
    "tag of nothing": ("a: ! 12\n", "tag !", 1, 4, ""),
    "tag by handle": ("%TAG ! tag:x,1:\n---\na: !b 1\n", "tag tag:x,1:b", 3, 4, ""),
    "unknown handle": ("a: !x!b 1\n", "YAML syntax: found undefined tag handle", 1, 4, ""),
    "tab": ("a:\n\tb: 1\n", "tab in the indentation", 2, 1, "indent with spaces"),
    "tab after spaces": ("a:\n  - x\n  \t- y\n", "tab in the indentation", 3, 3, ""),
    "tab in a list": ("- a\n\t- b\n", "tab in the indentation", 2, 1, ""),
    "tab in a block text": ("a: |\n\tx\n", "tab in the indentation", 2, 1, ""),
    "list as key": ("a: 1\n? [b]\n: 1\n", "key ... is not text", 2, 3, "quote it"),
    "map as key": ("{? {b: 1} : 1}\n", "key ... is not text", 1, 4, ""),
    "number as key": ("a:\n  1: x\n", "key 1 is not text", 2, 3, "in a.?"),
    "float as key": ("1.5: x\n", "key 1.5 is not text", 1, 1, ""),
    "truth as key": ("true: x\n", "key true is not text", 1, 1, ""),
    "null as key": ("~: x\n", "key ~ is not text", 1, 1, ""),
    "colon in a text": ("a: b: c\n", "YAML syntax: mapping values", 1, 5, "quote"),
    "open quote": ("a: 'x\n", "YAML syntax: found unexpected end", 2, 1, ""),
    "open flow": ("a: [1, 2\nb: 3\n", "YAML syntax", 2, 2, ""),
    "dedent": ("a:\n    b: 1\n  c: 2\n", "YAML syntax", 3, 3, ""),
    "at sign": ("a: @x\n", "YAML syntax: found character", 1, 4, ""),
    "bad escape": ('a: "\\q"\n', "YAML syntax: found unknown escape", 1, 5, ""),
    "surrogate escape": ('a: "\\ud800"\n', "YAML syntax: found invalid Unicode", 1, 7, ""),
    "trailing text": ("{a: 1} b\n", "YAML syntax", 1, 8, ""),
    "wrong version": ("%YAML 2.0\n---\na: 1\n", "YAML syntax: found incompatible", 1, 1, ""),
    "two problems": ("a: 1\na: 2\nb: !x 1\n", "2 errors", None, None, "f.yml:2:1: it stands first"),
    "problem, then syntax": ("a: 1\na: 2\nb: c: d\n", "2 errors", None, None, "f.yml:3:5"),
    "problem, then the end": ("a: 1\na: 2\nb: &b [*b]\n", "2 errors", None, None, "keep one of them\nrecursive alias"),
    "old line ends": ("a: 1\rb: 1\rb: 2\r", 'duplicate key "b"', 3, 1, "f.yml:2:1"),
    "in the order of the text": (
        "a: 1\na: {b: .inf}\n",
        "2 errors",
        None,
        None,
        "at f.yml:1:1. Fix: keep one of them\n.inf",
    ),
    "too many problems": ("k: 1\n" * 200, "51 errors", None, None, ""),
}
BAD_JSON: dict[str, tuple[str | bytes, str, int | None, int | None, str]] = {
    "empty": ("", "the file is empty", 1, 1, "write"),
    "blank": (" \n\t", "the file is empty", 1, 1, ""),
    "latin-1": (b'{"a":\n "caf\xe9"}', "not UTF-8", 2, 6, "byte 0xe9 at offset 11"),
    "utf-16": ("[]".encode("utf-16"), "not UTF-8", 1, 1, "save as UTF-8"),
    "nul": ('{"a":\n "x\0"}', "NUL byte", 2, 4, ""),
    "duplicate": ('{"a": 1,\n "a": 2}', 'duplicate key "a"', 2, 2, "it stands first at f.json:1:2"),
    "duplicate deep": ('{"x": [{"a": 1, "\\u0061": 2}]}', 'duplicate key "a"', 1, 17, "f.json:1:9"),
    "nan": ('{"a": {"b": NaN}}', "NaN is not a finite number", 1, 13, "in a.b"),
    "infinity": ("[Infinity]", "Infinity is not a finite number", 1, 2, "in [0]"),
    "minus infinity": ("-Infinity", "-Infinity is not a finite number", 1, 1, ""),
    "overflow": ('{"a":\n1e400}', "1e400 is not a finite number", 2, 1, "in a"),
    "huge integer": ('{"a": ' + "9" * 5000 + "}", "integer longer than 4,300 digits", 1, 7, "in a"),
    "half a pair": ('["x", "\\ud800"]', "half a surrogate pair", 1, 7, "in [1]"),
    "other half": ('{"a": "\\udc00x"}', "half a surrogate pair", 1, 7, "in a"),
    "half a pair as key": ('{"\\ud800": 1}', "half a surrogate pair", 1, 2, ""),
    "half a pair after a backslash": ('["\\\\ud83d\\ude00"]', "half a surrogate pair", 1, 2, ""),
    "deep": ("[" * 65 + "]" * 65, "nested deeper than 64", 1, 65, ""),
    "deep maps": ('{"a":' * 65 + "{}" + "}" * 65, "nested deeper than 64", 1, 321, ""),
    "deep, hidden by brackets in texts": ('["]]]]",' * 65 + "1" + "]" * 65, "nested deeper than 64", 1, 513, ""),
    "very deep": ("[" * 1_000_000, "nested deeper than 64", 1, 65, ""),
    "very deep maps": ('{"a":' * 1_000_000, "nested deeper than 64", 1, 321, ""),
    "too many values": ("[" + "0," * 1_000_000 + "0]", "more than 1,000,000 values", 1, 2_000_000, "split the file"),
    "too many lists": ("[" + "[]," * 3_000_000 + "0]", "more than 1,000,000 values", 1, 2_999_999, ""),
    "no value": ('{"a":\n}', "JSON syntax: Expecting value", 2, 1, ""),
    "no comma": ('["a"\n "b"]', "JSON syntax: Expecting ',' delimiter", 2, 2, ""),
    "no colon": ('{"a" 1}', "JSON syntax: Expecting ':' delimiter", 1, 6, ""),
    "bare key": ("{a: 1}", "JSON syntax: Expecting property name", 1, 2, ""),
    "trailing comma": ("[1,]", "JSON syntax", 1, None, ""),
    "two values": ("[1]\n[2]", "JSON syntax: Extra data", 2, 1, ""),
    "open list": ("[1, 2", "JSON syntax", 1, 6, ""),
    "open text": ('["a', "JSON syntax: Unterminated string", 1, 2, ""),
    "raw line break": ('["a\nb"]', "JSON syntax: Invalid control character", 1, 4, ""),
    "bad escape": ('["\\q"]', "JSON syntax: Invalid \\escape", 1, None, ""),
    "leading zero": ("[01]", "JSON syntax", 1, 3, ""),
    "comment": ("[1] // x", "JSON syntax: Extra data", 1, 5, ""),
    "YAML": ("a: 1", "JSON syntax: Expecting value", 1, 1, ""),
}


def check(error: SeeknalError, file: str, row: tuple[str | bytes, str, int | None, int | None, str]) -> None:
    _, what, line, column, part = row
    assert error.what.startswith(what)
    assert part in str(error)
    for one in error.errors if isinstance(error, ManyErrors) else [error]:
        assert one.remedy
        assert one.place is not None
        assert one.place.file == file
    if line is not None:
        assert error.place is not None
        assert error.place.line == line
        assert column in (None, error.place.column)


@pytest.mark.parametrize("row", BAD_YAML.values(), ids=BAD_YAML)
def test_bad_yaml_is_refused_with_its_place(row: tuple[Any, ...]) -> None:
    """One error of ours, with file, line, column and remedy."""
    with pytest.raises(ManifestError) as caught:
        read_yaml(row[0], file="f.yml")
    check(caught.value, "f.yml", row)


@pytest.mark.parametrize("positions", [False, True])
@pytest.mark.parametrize("row", BAD_JSON.values(), ids=BAD_JSON)
def test_bad_json_is_refused_with_its_place(row: tuple[Any, ...], *, positions: bool) -> None:
    """The quick pass and the slow one refuse the same."""
    with pytest.raises(ManifestError) as caught:
        read_json(row[0], file="f.json", positions=positions)
    check(caught.value, "f.json", row)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((text, text) for text in ("on", "off", "yes", "no", "y", "n", "True", "FALSE", "Null", "NULL", "None")),
        *((text, text) for text in ("012", "-01", "0x1f", "0o17", "0b1", "12:30:45", "1_000", "+1", "2024-01-01", "1.2.3")),
        *(
            (text, text)
            for text in (".", "-.", "e5", "1e", "inf", "nan", "NaN", "Infinity", "<<", "=", "2024-01-01T10:00:00Z")
        ),
        *((f'"{text}"', text) for text in ("true", "1", "1.5", "", "~", "null", ".inf", "1e400", "9" * 5000)),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-0", 0),
        ("-12", -12),
        ("9" * 4300, int("9" * 4300)),
        ("1.10", 1.1),
        ("-1.5", -1.5),
        ("1.", 1.0),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1.5E-3", 0.0015),
        ("1e-400", 0.0),
    ],
)
def test_a_plain_scalar_has_the_type_of_the_core_schema(text: str, value: object) -> None:
    """YAML 1.1 would read ``on`` as true and ``012`` as ten; the type must be the same too, for True == 1 == 1.0."""
    (document,) = read_yaml(f"k: {text}\n", file="f.yml")
    assert document.value == {"k": value}
    assert type(document.value["k"]) is type(value)


def test_every_value_and_key_has_its_place() -> None:
    """Later checks name the line of any key."""
    (document,) = read_yaml(GOOD_YAML, file="f.yml")
    places = {path: (place.line, place.column) for path, place in document.positions.items()}
    assert places[()] == (document.place.line, document.place.column) == (2, 1)
    assert places["name",] == (2, 7)
    assert places["tags", 1] == (4, 15)
    assert places["inputs", 1, "ref"] == (9, 10)
    assert places["checks", "owner"] == (14, 29)
    assert len(places) == 17
    assert document.key_place(("inputs", 1, "ref")) == Place("f.yml", 9, 5)
    assert document.key_place(("checks", "owner")) == Place("f.yml", 14, 22)
    assert document.key_place(("inputs", 1)) == Place("f.yml", 9, 5)
    with pytest.raises(KeyError):
        document.key_place(("inputs", 2))


def test_columns_count_characters() -> None:
    """Not bytes, and not UTF-16 units; a byte order mark is no column."""
    (document,) = read_yaml("\ufeffé: [ü, 😀, x]\nü: y\n".encode(), file="f.yml")
    assert document.positions["é", 2] == Place("f.yml", 1, 11)
    assert document.positions["ü",] == Place("f.yml", 2, 4)
    assert read_json('\ufeff["😀", 1]', file="f.json", positions=True).positions[1,] == Place("f.json", 1, 7)


def test_json_has_places_too() -> None:
    """A manifest.json is checked like a YAML file."""
    document = read_json('{"a": 1,\r\n "b": [\r\n  {"c": "x"}]}', file="f.json", positions=True)
    assert document.value == {"a": 1, "b": [{"c": "x"}]}
    assert document.positions["b", 0, "c"] == Place("f.json", 3, 9)
    assert document.key_place(("b", 0, "c")) == Place("f.json", 3, 4)


def test_each_document_has_its_own_place() -> None:
    """Empty documents do not count, an explicit null does."""
    found = read_yaml("# x\n---\na: 1\n---\n---\nb: 2\n--- ~\n...\n", file="f.yml")
    assert [(document.value, document.place.line) for document in found] == [({"a": 1}, 3), ({"b": 2}, 6), (None, 7)]


@pytest.mark.parametrize("text", ["", "# x\n", "---\n"])
def test_nothing_may_be_allowed(text: str) -> None:
    """A folder of pipelines may hold a file with all of it commented out."""
    assert read_yaml(text, file="f.yml", empty_ok=True) == []


def test_aliases_within_the_limit_are_values() -> None:
    """What an alias repeats stands at the anchor; its key stands where the alias is used."""
    (document,) = read_yaml("a: &a {x: 1}\nb: *a\nc: [*a]\n", file="f.yml")
    assert document.value == {"a": {"x": 1}, "b": {"x": 1}, "c": [{"x": 1}]}
    assert document.positions["b", "x"] == Place("f.yml", 1, 11)
    assert document.key_place(("b",)) == Place("f.yml", 2, 1)
    assert document.key_place(("c", 0)) == Place("f.yml", 3, 5)
    assert len(read_yaml("a: &a [" + "x," * 998 + "]\nb: [" + "*a," * 100 + "]\n", file="f.yml")) == 1


def test_a_merge_fills_in_what_the_mapping_does_not_say() -> None:
    """As PyYAML does it, whichever comes first; a quoted "<<" is a key as any other."""
    text = "base: &b {x: 1, y: {z: 2}}\nn:\n  y: 3\n  <<: *b\nm: {<<: {p: 1}, q: 2}\n"
    (document,) = read_yaml(text, file="f.yml")
    assert document.value == yaml.safe_load(text)
    assert document.value["n"] == {"x": 1, "y": 3}
    assert document.positions["n", "y"] == Place("f.yml", 3, 6)
    assert document.positions["n", "x"] == Place("f.yml", 1, 14)
    assert set(document.positions) == {
        *((), ("base",), ("base", "x"), ("base", "y"), ("base", "y", "z"), ("n",), ("n", "x"), ("n", "y")),
        *(("m",), ("m", "p"), ("m", "q")),
    }
    assert read_yaml('"<<": 1\n', file="f.yml")[0].value == {"<<": 1}


def test_the_deepest_that_is_allowed() -> None:
    """64 containers, in both formats."""
    text = "[" * 64 + "]" * 64
    assert read_json(text, file="f") == read_yaml(text, file="f")[0].value == json.loads(text)


def test_brackets_and_commas_inside_texts_do_not_count() -> None:
    """A SQL body may hold a million of them."""
    text = json.dumps({"sql": "," * 9_000_000, "x": '[{\\"[' * 100})
    assert read_json(text, file="f") == json.loads(text)


def test_a_file_larger_than_the_limit_is_refused(tmp_path: Path) -> None:
    """Before it is decoded or parsed."""
    large = tmp_path / "large.yml"
    for size in (text.MAX_BYTES + 1, documents.MAX_BYTES * 3):
        with large.open("wb") as stream:
            stream.truncate(size)
        with pytest.raises(ManifestError, match="larger than 32 MB"):
            read_text(large)
    for reader in (read_yaml, read_json):
        with pytest.raises(ManifestError, match="larger than 32 MB"):
            reader(" " * (text.MAX_BYTES + 1), file="f")  # type: ignore[operator]


def test_text_is_read_as_it_stands(tmp_path: Path) -> None:
    """Line ends stay, for a place counts them; the byte order mark goes."""
    (tmp_path / "a.yml").write_bytes(b"\xef\xbb\xbfa: \xc3\xa9\r\nb: 1\n")
    assert read_text(tmp_path / "a.yml") == "a: é\r\nb: 1\n"
    assert read_text(str(tmp_path / "a.yml"), root=tmp_path) == "a: é\r\nb: 1\n"


@pytest.mark.parametrize(("raw", "what", "line"), [(b"a\n\xff", "not UTF-8", 2), (b"a\n\0", "NUL byte", 2)])
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, raw: bytes, what: str, line: int) -> None:
    """Its name is the one relative to the project."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.yml").write_bytes(raw)
    with pytest.raises(ManifestError, match=what) as caught:
        read_text(tmp_path / "sub" / "a.yml", root=tmp_path)
    assert caught.value.place == Place("sub/a.yml", line, 1)


def test_paths_that_hold_no_project_file_are_refused(tmp_path: Path) -> None:
    """Nor is anything that could be waited for (a pipe) or read for ever (a device)."""
    project = tmp_path / "p"
    project.mkdir()
    (tmp_path / "p-secret").write_text("x")
    (project / "link").symlink_to(tmp_path / "p-secret")
    (project / "loop").symlink_to(project / "loop")
    os.mkfifo(project / "pipe")
    for path, what in {
        project / ".." / "p-secret": "outside the project",
        project / "link": "outside the project",
        "/dev/zero": "outside the project",
        project / "pipe": "not a regular file",
        project: "not a regular file",
        project / "loop": "cannot read",
        project / "none": "cannot read",
        f"{project}/a\0b": "cannot read",
    }.items():
        with pytest.raises(ManifestError, match=what) as caught:
            read_text(path, root=project)  # type: ignore[arg-type]
        assert caught.value.remedy
        assert caught.value.place is not None
    assert read_text(project / "link") == "x"


def test_reading_leaves_the_garbage_collector_as_it_was() -> None:
    """The quick pass stops it, also where it fails."""
    for enabled in (True, False):
        (gc.enable if enabled else gc.disable)()
        try:
            read_json("[1]", file="f")
            with pytest.raises(ManifestError):
                read_json("[", file="f")
            assert gc.isenabled() is enabled
        finally:
            gc.enable()


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=20
)
# YAML 1.1, which PyYAML writes, leaves the text 1e3 without quotes; in YAML 1.2 that is a number.
YAML_TEXTS = TEXTS.filter(lambda text: not re.fullmatch(r"-?[0-9.]+[eE][-+]?[0-9]+", text))
YAML_VALUES = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | YAML_TEXTS,
    lambda inner: st.lists(st.none() | inner, max_size=4) | st.dictionaries(YAML_TEXTS, st.none() | inner, max_size=4),
    max_leaves=20,
)


@given(VALUES, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_ordinary_json_is_what_json_reads(value: object, indent: int | str | None, ascii_only: bool) -> None:
    """In both passes."""
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert read_json(text, file="f") == read_json(text, file="f", positions=True).value == value
    assert read_json(text.encode(), file="f") == value


@given(YAML_VALUES, st.booleans())
def test_ordinary_yaml_is_what_pyyaml_reads(value: object, flow: bool) -> None:
    """What PyYAML writes comes back."""
    text = yaml.safe_dump(value, default_flow_style=flow, allow_unicode=True)
    (document,) = read_yaml(text, file="f")
    assert document.value == yaml.safe_load(text) == value


@given(VALUES)
def test_every_path_has_a_place_on_its_own_text(value: object) -> None:
    """The positions are the paths of the value, no more and no less."""
    document = read_json(json.dumps(value), file="f", positions=True)

    def paths(inner: Any, path: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
        steps = inner.items() if isinstance(inner, dict) else enumerate(inner) if isinstance(inner, list) else ()
        return {path}.union(*(paths(item, (*path, step)) for step, item in steps))

    assert set(document.positions) == paths(value)


PIECES = [
    "\t",
    "\n",
    " ",
    "- ",
    ": ",
    "? ",
    "[",
    "]",
    "{",
    "}",
    ",",
    '"',
    "'",
    "|",
    ">",
    "#",
    "&a ",
    "*a",
    "!x ",
    "<<: ",
    "---\n",
]
PIECES += [
    "a",
    "1e400",
    ".nan",
    "NaN",
    "\\ud800",
    "\\",
    "\0",
    "\ufeff",
    "é",
    "\x85",
    "\u2028",
    "%",
    "@",
    "`",
    "~",
    "9" * 4301,
]
EDITS = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 12), st.sampled_from(PIECES)), max_size=6)


def edited(text: str, edits: list[tuple[int, int, str]]) -> str:
    for at, cut, piece in edits:
        text = text[:at] + piece + text[at + cut :]
    return text


def survives(text: str | bytes) -> None:
    """A value or an error of ours; any other exception fails the test."""
    for reader in (read_yaml, read_json):
        try:
            reader(text, file="f")  # type: ignore[operator]
        except SeeknalError as error:
            assert str(error)


@given(st.binary(max_size=200) | st.lists(st.sampled_from(PIECES)).map("".join))
def test_any_bytes_give_a_value_or_our_error(text: str | bytes) -> None:
    """No unexpected exception type."""
    survives(text)


@given(st.sampled_from([GOOD_YAML, GOOD_JSON, bomb(4, 3), merges(3)]), EDITS)
def test_any_edit_gives_a_value_or_our_error(text: str, edits: list[tuple[int, int, str]]) -> None:
    """Texts near to what people write."""
    survives(edited(text, edits))


@given(EDITS)
def test_both_passes_of_json_agree(edits: list[tuple[int, int, str]]) -> None:
    """And neither takes what ``json`` refuses."""
    text = edited(GOOD_JSON, edits)
    try:
        value = read_json(text, file="f")
    except SeeknalError as error:
        with pytest.raises(SeeknalError) as caught:
            read_json(text, file="f", positions=True)
        assert str(caught.value) == str(error)
    else:
        assert read_json(text, file="f", positions=True).value == value == json.loads(text.removeprefix("\ufeff"))
