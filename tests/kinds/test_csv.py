"""One reading of CSV: no line is left out and no value is changed without a word, and options say what is meant."""

from __future__ import annotations

import contextlib
import datetime as dt
import gzip
from decimal import Decimal
from typing import Any

import pytest

from kinds import arrow, failure, good, rows
from seeknal_nb import Project

UTC = dt.UTC


def read(project, text, *, name="a.csv", **config):
    """The source's warnings; the text stands in a file of its own."""
    path = project.directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    project.source("s", **{"path": name, **config})
    return good(project)["source.s"].metadata.get("warnings", [])


def column(project, name="v"):
    return arrow(project, "source.s")[name].to_pylist()


# Types: of all rows, of all files

LATE = 3000
MEANT: dict[str, tuple[list[str], list[Any]]] = {
    "whole numbers": (["1", "-2", "0"], [1, -2, 0]),
    "a half among whole numbers": (["1", "1.5"], [1.0, 1.5]),
    "a leading zero": (["94107", "01220"], ["94107", "01220"]),
    "a sign": (["1", "+5"], ["1", "+5"]),
    "beyond 64 bits": (["1", "9223372036854775808"], [Decimal(1), Decimal(2**63)]),
    "beyond a DOUBLE, with a half": (["1.5", "9007199254740993"], ["1.5", "9007199254740993"]),
    "a DOUBLE of many digits": (["1.5", "9007199254740992"], [1.5, 9007199254740992.0]),
    "an exponent": (["1", "1e3"], [1.0, 1000.0]),
    "beyond any DOUBLE": (["1", "1e400"], ["1", "1e400"]),
    "beyond any number": (["1", "1" * 40], ["1", "1" * 40]),
    "an underscore": (["1", "1_000"], ["1", "1_000"]),
    "hexadecimal": (["1", "0x1F"], ["1", "0x1F"]),
    "blanks round numbers": ([" 1", "2 "], [1, 2]),
    "blanks round texts": ([" x", "y "], [" x", "y "]),
    "true and false": (["true", "FALSE"], [True, False]),
    "t and f": (["t", "f"], ["t", "f"]),
    "yes and no": (["yes", "no"], ["yes", "no"]),
    "Y and N": (["Y", "N"], ["Y", "N"]),
    "true and a number": (["true", "1"], ["true", "1"]),
    "days": (["2024-01-31", "2024/02/01"], [dt.date(2024, 1, 31), dt.date(2024, 2, 1)]),
    "no day": (["2024-01-31", "2024-02-30"], ["2024-01-31", "2024-02-30"]),
    "a time among days": (["2024-01-31", "2024-01-31 10:00"], [dt.datetime(2024, 1, 31), dt.datetime(2024, 1, 31, 10)]),
    "an offset among times": (["2024-01-01 00:00:00", "2024-01-02 23:30:00-05:00"], ["2024-01-01 00:00:00", "2024-01-02 23:30:00-05:00"]),
    "offsets": (["2024-01-01T00:00:00Z", "2024-01-01T00:00:00+02:00"], [dt.datetime(2024, 1, 1, tzinfo=UTC), dt.datetime(2023, 12, 31, 22, tzinfo=UTC)]),
    "finer than microseconds": (["2024-01-01 00:00:00", "2024-01-01 00:00:00.123456789"], ["2024-01-01 00:00:00", "2024-01-01 00:00:00.123456789"]),
    "hours of a day": (["10:00:00", "23:59:59"], [dt.time(10), dt.time(23, 59, 59)]),
    "an hour beyond the day": (["10:00:00", "25:00:00"], ["10:00:00", "25:00:00"]),
    "a day beyond the twelfth": (["02/03/2024", "13/03/2024"], [dt.date(2024, 3, 2), dt.date(2024, 3, 13)]),
    "a month first": (["02/03/2024", "03/13/2024"], [dt.date(2024, 2, 3), dt.date(2024, 3, 13)]),
    "days and months with dots": (["2.3.2024", "13.3.2024"], [dt.date(2024, 3, 2), dt.date(2024, 3, 13)]),
    "a time after them": (["02/03/2024 1:05 PM", "13/03/2024 1:05 AM"], [dt.datetime(2024, 3, 2, 13, 5), dt.datetime(2024, 3, 13, 1, 5)]),
    "years of two digits": (["13/03/24", "14/03/24"], ["13/03/24", "14/03/24"]),
    "neither order": (["02/03/2024", "03/02/2024"], ["02/03/2024", "03/02/2024"]),
    "two orders": (["13/03/2024", "03/13/2024"], ["13/03/2024", "03/13/2024"]),
}  # fmt: skip
TOLD = {
    "beyond a DOUBLE, with a half": "beyond DOUBLE", "beyond any DOUBLE": "beyond DOUBLE", "beyond any number": "beyond DOUBLE", "an offset among times": "with and without an offset",
    "finer than microseconds": "finer than microseconds", "neither order": "whether the day or the month is first", "two orders": "of two orders",
}  # fmt: skip


@pytest.mark.parametrize("name", MEANT)
@pytest.mark.parametrize("where", ["at once", "late", "in another file"])
def test_a_column_is_what_all_its_texts_are_written_as(project, name, where):
    (first, last), expected = (MEANT[name][0][0], MEANT[name][0][-1]), MEANT[name][1]
    many = LATE if where == "late" else 1
    (project.directory / "d").mkdir()
    if where == "in another file":
        (project.directory / "d" / "b.csv").write_text(f"n,v\n2,{last}\n")
        told = read(project, f"n,v\n1,{first}\n", name="d/a.csv", path="d/*.csv")
    else:
        told = read(project, f"n,v\n{f'1,{first}{chr(10)}' * many}2,{last}\n")
    got = column(project)
    assert (got[0], got[-1], len(got)) == (expected[0], expected[-1], many + 1)
    assert type(got[0]) is type(expected[0])
    assert [TOLD[name] in told[0]] == [True] if name in TOLD else not [text for text in told if "'v'" in text]


def test_a_word_for_true_is_one_where_the_schema_says_so(project):
    read(project, "v\nyes\nno\nY\nf\n", schema=[{"name": "v", "data_type": "BOOLEAN"}])
    assert column(project) == [True, False, True, False]


def test_nothing_is_null_and_two_quotes_are_an_empty_text(project):
    read(project, 'v,n\n"",1\n,""\nx,\n"NA",3\n', params={"nullstr": "NA"})
    assert rows(project, "source.s") == [("", 1), (None, None), ("x", None), (None, 3)]
    read(project, 'v,n\n"",1\n,2\n', params={"allow_quoted_nulls": True})
    assert column(project) == [None, None]


def test_null_and_empty_come_back_from_a_csv_of_our_own(project, tmp_path):
    project.source("s", sql="SELECT * FROM (VALUES ('', 1), (NULL, 2), ('a,\"b', 3), (' x ', NULL)) t(v, n)")
    project.node("exposure", "e", inputs=["source.s"], params={"path": "out.csv"})
    good(project)
    (tmp_path / "other").mkdir()
    with contextlib.closing(Project(tmp_path / "other", namespace={})) as other:
        other.source("s", path="../out.csv")
        good(other)
        assert rows(other, "source.s") == rows(project, "source.s")


# Rows: none is left out

REFUSED = {
    "a long row at the end": ("id,note\n" + "1,ok\n" * 50 + "2,good, but late\n", {}, "a row has 3 fields, and the table 2"),
    "a long row, late": ("id,note\n" + "1,ok\n" * LATE + "2,good, but late\n", {}, f"line {LATE + 2} of"),
    "a header that was named": ("a,b\n" + "1,2\n" * 50 + "3,4,5\n", {"header": True}, "null_padding"),
    "a short row": ("a,b\n1,2\n3\n4,5\n", {}, "a row has 1 field"),
    "names of fewer columns": ("a,b\n" + "1,2,3\n" * 50, {}, "a row has 3 fields, and the table 2"),
    "a line below": ("a,b\n1,2\n3,4\nTotal\n", {}, "'Total'"),
    "a comment": ("a,b\n1,2\n# a note\n3,4\n", {}, "comment: '#'"),
    "an open quote": ('a,b\n1,"x\n2,y\n', {}, "does not end as it must"),
    "text behind a quote": ('a,b\n1,"x" y\n', {}, "does not end as it must"),
    "a backslash before a quote": ('a,b\n"x \\" y",2\n', {}, "escape:"),
    "other quotes": ("a,b\n'x, y',2\n", {}, "quote"),
    "two kinds of line ends": (b"a,b\r\n1,2\n3,4\r\n", {}, "mixes line ends"),
    "another line end, late": (b"a,b\n" + b"1,2\n" * LATE + b"3,4\r\n", {}, "strict_mode: false"),
    "latin-1": ("a,b\né,1\n".encode("latin-1"), {}, "line 2 of"),
    "latin-1, late": (b"a,b\n" + b"x,1\n" * 30_000 + b"\xe9,1\n", {}, "encoding: latin-1"),
    "UTF-16": ("a,b\né,1\n".encode("utf-16"), {}, "encoding: utf-16"),
    "UTF-16 without a mark": ("a,b\né,1\n".encode("utf-16-le"), {}, "encoding: utf-16"),
    "UTF-16, the other way round": ("a,b\né,1\n".encode("utf-16-be"), {"encoding": "utf-16"}, "big-endian"),
    "UTF-8 that is called UTF-16": ("a,b\né,1\n", {"encoding": "utf-16"}, "is no UTF-16"),
    "an unknown encoding": ("a,b\né,1\n", {"encoding": "utf-7000"}, "unknown encoding"),
    "gzip under another name": (gzip.compress(b"a,b\n1,2\n"), {}, "compression: gzip"),
    "a zip": (b"PK\x03\x04 and so on", {}, "a zip or a workbook"),
    "more names than columns": ("a,b\n1,2\n", {"names": ["x", "y", "z"]}, "3 columns are named, and the file has 2"),
    "a type of no column": ("a,b\n1,2\n", {"types": {"c": "INTEGER"}}, "no column 'c'"),
    "a type that does not fit": ("a,b\n1.5,2\n", {"types": {"a": "INTEGER"}}, "'1.5' in row 1"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "params", "part"), REFUSED.values(), ids=REFUSED)
def test_a_line_that_is_not_as_the_others_fails_with_its_option(project, text, params, part):
    (project.directory / "a.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    project.source("s", path="a.csv", params=params)
    message = failure(project, "source.s").error_message
    assert part in message
    assert "Fix: " in message


def test_a_plain_file_that_is_called_packed_fails_with_its_option(project):
    (project.directory / "a.csv.gz").write_text("a,b\n1,2\n")
    project.source("s", path="a.csv.gz")
    assert "compression: none" in failure(project, "source.s").error_message


ASKED = {
    "short rows": ("a,b,c\n1\n2,3\n", {"null_padding": True}, [(1, None, None), (2, 3, None)]),
    "bad rows": ("a,b\n1\n2,3\n4,5,6\n", {"ignore_errors": True}, [(2, 3)]),
    "lines above": ("A report\n\na,b\n1,2\n", {"skip": 2}, [(1, 2)]),
    "comments": ("# made in May\n\n# by me\na,b\n1,2\n#3,4\n5,6\n", {"comment": "#"}, [(1, 2), (5, 6)]),
    "lines above and comments": ("x\n# y\na,b\n1,2\n", {"comment": "#", "skip": 1}, [(1, 2)]),
    "other quotes": ("a,b\n'x, y',2\n", {"quote": "'"}, [("x, y", 2)]),
    "no quotes": ('a,b\n"x,2\n', {"quote": ""}, [('"x', 2)]),
    "backslashes": ('a,b\n"x \\" y",2\n', {"escape": "\\"}, [('x " y', 2)]),
    "line ends": (b"a,b\r\n1,2\n3,4\r\n", {"strict_mode": False}, [(1, 2), (3, 4)]),
    "line ends that are not there": (b"a,b\r\n1,2\r\n", {"new_line": "\\n"}, [(1, 2)]),
    "latin-1": ("a,b\né,1\n".encode("latin-1"), {"encoding": "latin-1"}, [("é", 1)]),
    "UTF-16": ("a,b\né,1\n".encode("utf-16"), {"encoding": "utf-16"}, [("é", 1)]),
    "gzip": (gzip.compress(b"a,b\n1,2\n"), {"compression": "gzip"}, [(1, 2)]),
    "no header": ("x,y\nz,w\n", {"header": False}, [("x", "y"), ("z", "w")]),
    "names instead": ("a,b\n1,2\n", {"header": True, "names": ["x", "y"]}, [(1, 2)]),
    "columns": ("a,b\n1,02\n", {"columns": {"x": "DOUBLE", "y": "VARCHAR"}}, [(1.0, "02")]),
    "types by place": ("a,b\n1,02\n", {"dtypes": ["DOUBLE", "VARCHAR"]}, [(1.0, "02")]),
    "texts": ("a,b\n1,2\n", {"all_varchar": True}, [("1", "2")]),
    "types to choose from": ("a,b\n1,1.5\n", {"auto_type_candidates": ["INTEGER", "VARCHAR"]}, [(1, "1.5")]),
    "a sample of a row": ("a,b\n1,2\n3,4.5\n", {"sample_size": 1}, [(1, 2.0), (3, 4.5)]),
    "names made plain": ("A b,C-d\n1,2\n", {"normalize_names": True}, [(1, 2)]),
    "decimals and thousands": ("a;b\n1,5;1.234.567\n", {"decimal_separator": ",", "thousands": "."}, [(1.5, 1234567)]),
    "thousands at the wrong place": ("a;b\n1,5;1.5\n", {"decimal_separator": ",", "thousands": "."}, [(1.5, "1.5")]),
    "dates without signs": ("a,b\n20240302,1\n", {"dateformat": "%Y%m%d"}, [(dt.date(2024, 3, 2), 1)]),
    "dates of no clear order": ("a,b\n02/03/2024,1\n", {"dateformat": "%d/%m/%Y"}, [(dt.date(2024, 3, 2), 1)]),
    "times": ("a,b\n02/03/2024 10:00,1\n", {"timestampformat": "%m/%d/%Y %H:%M"}, [(dt.datetime(2024, 2, 3, 10), 1)]),
    "a delimiter of two signs": ("a||b\n1||2\n", {"delimiter": "||"}, [(1, 2)]),
    "no nulls": ("a,b\n1,\n", {"force_not_null": ["b"]}, [(1, "")]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "params", "expected"), ASKED.values(), ids=ASKED)
def test_an_option_says_what_is_meant(project, text, params, expected):
    told = read(project, text, params=params)
    assert rows(project, "source.s") == expected
    assert [warning for warning in told if "left out" in warning] == (
        ["2 rows could not be read, and are left out, as line 2 of a.csv: '1'"] if params == {"ignore_errors": True} else []
    )


AS_IT_STANDS = {
    "one column of texts with commas": ("txt\nhello\nhello, world\n", ["txt"], [("hello",), ("hello, world",)]),
    "one column of texts with semicolons": ("c0\nv0\na;b\n", ["c0"], [("v0",), ("a;b",)]),
    "a sign of comments in a key": ("id,n\n#1,2\n#2,3\n", ["id", "n"], [("#1", 2), ("#2", 3)]),
    "quotes within a text": ('a,b\n1,x "y" z\n', ["a", "b"], [(1, 'x "y" z')]),
    "a quoted line end": ('a,b\n1,"x\r\ny"\n', ["a", "b"], [(1, "x\r\ny")]),
    "quotes that come late": ("a,b\n" + "x,1\n" * LATE + '"y, z",2\n', ["a", "b"], None),
    "blank lines": ("\n\na,b\n\n1,2\n\n", ["a", "b"], [(1, 2)]),
    "blank lines of one column": ("a\n1\n\n2\n", ["a"], [(1,), (None,), (2,)]),
    "empty fields beyond the last column": ("a,b\n1,2,\n", ["a", "b"], [(1, 2)]),
    "decimal commas": ("a;b\n1,5;2\n2,5;3\n", ["a", "b"], [("1,5", 2), ("2,5", 3)]),
    "a byte order mark": ('\ufeff"a",b\n1,2\n', ["a", "b"], [(1, 2)]),
    "line ends of old": (b"a,b\r1,2\r", ["a", "b"], [(1, 2)]),
    "no end of the last line": ("a,b\n1,2", ["a", "b"], [(1, 2)]),
    "a tab": ("a\tb\n1\tx,y\n", ["a", "b"], [(1, "x,y")]),
    "nothing but names": ("a,b\n", ["a", "b"], []),
    "blanks round names": ("a , b\n1, 2\n", ["a", "b"], [(1, 2)]),
    "a field that is long": ("a,b\n1," + "x" * 200_000 + "\n", ["a", "b"], [(1, "x" * 200_000)]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "names", "expected"), AS_IT_STANDS.values(), ids=AS_IT_STANDS)
def test_a_file_is_read_as_it_stands(project, text, names, expected):
    assert read(project, text) == []
    assert arrow(project, "source.s").column_names == names
    assert expected is None or rows(project, "source.s") == expected


HEADS = {
    "lines above": ("A report\nmade in May\n\na,b\n1,2\n3,4\n5,6\n", ["a", "b"], "2 lines above the table in a.csv left out: 'A report', 'made in May' (skip: 3"),
    "numbers": ("1,2\n3,4\n", ["column0", "column1"], "taken for a row: '1,2'"),
    "texts and numbers": ("bob,12\nann,15\n", ["column0", "column1"], "taken for a row: 'bob,12'"),
    "years": ("country,2020\nde,1\n", ["column0", "column1"], "(header: true or false says what it is)"),
    "the file's names under others": ("a,b\n1,2\n", ["x", "y"], "taken for names, and others are given: 'a,b'"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "names", "part"), HEADS.values(), ids=HEADS)
def test_what_the_first_lines_are_taken_for_is_told_where_it_is_a_guess(project, text, names, part):
    (told,) = read(project, text, params={"names": ["x", "y"]} if names == ["x", "y"] else {})
    assert part in told
    assert arrow(project, "source.s").column_names == names


def test_a_first_line_that_holds_the_names_of_the_schema_is_no_row(project):
    assert read(project, "1,2\n3,4\n", schema=[{"name": "2", "data_type": "INTEGER"}]) == []
    assert rows(project, "source.s") == [(3, 4)]


def test_files_of_other_delimiters_and_names_are_joined_by_their_names(project):
    (project.directory / "d").mkdir()
    for name, text in {"b": "B;c\nx;1\n", "c": "a,b\n3,z\n"}.items():
        (project.directory / "d" / f"{name}.csv").write_text(text)
    (told,) = read(project, "a,b\n1,y\n", name="d/a.csv", path="d/*.csv")
    assert (
        told
        == "not all files have all columns, and null stands there: 'a' not in b.csv; 'c' not in a.csv, c.csv (union_by_name: true says so)"
    )
    assert rows(project, "source.s") == [(1, "y", None), (None, "x", 1), (3, "z", None)]
    assert read(project, "a,b\n1,y\n", name="d/a.csv", path="d/*.csv", params={"union_by_name": True}) == []
    read(project, "a,b\n1,y\n", name="d/a.csv", path="d/*.csv", params={"union_by_name": False})
    assert arrow(project, "source.s").column_names == ["a", "b"]
    assert rows(project, "source.s") == [("1", "y"), ("x", "1"), ("3", "z")]


def test_a_file_is_read_whose_name_looks_like_a_pattern(project):
    (project.directory / "a1.csv").write_text("a\n2\n")
    assert read(project, "a\n1\n", name="a[1].csv") == []
    assert rows(project, "source.s") == [(1,)]


def test_values_that_a_schema_refuses_are_left_out_and_counted_where_errors_are_to_be_ignored(project):
    told = read(
        project,
        "n,m\n1,2\n1.5,3\n4\nx,5\n6,7\n",
        schema=[{"name": "n", "data_type": "INTEGER"}],
        params={"ignore_errors": True},
    )
    assert rows(project, "source.s") == [(1, 2), (6, 7)]
    assert told == ["3 rows could not be read, and are left out, as line 4 of a.csv: '4'"]


@pytest.mark.parametrize(
    ("text", "told"), [("y,4\n", "b.csv has none of the columns of a.csv, but y, 4"), ("B,z\ny,4\n", "")]
)
def test_a_file_that_has_no_column_of_the_others_is_told(project, text, told):
    (project.directory / "a.csv").write_text("a,b\nx,2\n")
    (project.directory / "b.csv").write_text(text)
    project.source("s", path="*.csv")
    warnings = good(project)["source.s"].metadata.get("warnings", [])
    assert [one for one in warnings if "none of the columns" in one] == ([told] if told else [])
