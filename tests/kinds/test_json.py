"""JSON has the types that all its records tell, declared types are given to the reader, and nothing is rounded without a word."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from kinds import arrow, failure, good, rows

LATE = 25_000


def read(project, text, *, name="a.jsonl", **config):
    """The source's warnings; the text stands in a file of its own."""
    (project.directory / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    project.source("s", **{"path": name, **config})
    return good(project)["source.s"].metadata.get("warnings", [])


def schema(kind):
    return [{"name": "v", "data_type": kind}]


def lines(*values):
    return "".join(f'{{"id": {at}, "v": {value}}}\n' for at, value in enumerate(values))


ALIKE: dict[str, tuple[list[str], list[Any]]] = {
    "a half among whole numbers": (["7", "1.5"], [7.0, 1.5]),
    "a text after nulls": (["null", '"boom"'], [None, "boom"]),
    "a text after days": (['"2024-01-01"', '"soon"'], ["2024-01-01", "soon"]),
    "a time after days": (['"2024-01-01"', '"2024-01-02 10:00:00"'], ["2024-01-01", "2024-01-02 10:00:00"]),
    "an offset after none": (['"2024-01-01T00:00:00"', '"2024-01-01T00:00:00Z"'], ["2024-01-01T00:00:00", "2024-01-01T00:00:00Z"]),
    "beyond 64 bits": (["1", "18446744073709551616"], [Decimal(1), Decimal(2**64)]),
    "beyond 128 bits": (["1", "9" * 38], [Decimal(1), Decimal("9" * 38)]),
    "a half, and beyond a DOUBLE": (["1.5", "9007199254740993"], ["1.5", "9007199254740993"]),
    "beyond any number": (["1", "1" * 40], ["1", "1" * 40]),
    "beyond any DOUBLE": (["1", "1e400"], ["1", "1e400"]),
    "days first": (['"01-02-2024"', '"13-02-2024"'], [dt.date(2024, 2, 1), dt.date(2024, 2, 13)]),
    "days and months": (['"01-02-2024"', '"03-04-2024"'], ["01-02-2024", "03-04-2024"]),
    "years of two digits": (['"01-02-24"', '"03-04-24"'], ["01-02-24", "03-04-24"]),
    "times after months": (['"01-02-2024 10:00:00"', '"03-04-2024 10:00:00"'], ["01-02-2024 10:00:00", "03-04-2024 10:00:00"]),
    "large powers": (["1.5", "1e300"], [1.5, 1e300]),
    "a new key": (["1", '2, "w": 3'], [1, 2]),
    "an object after a number": (["1", '{"a": 1}'], ["1", '{"a":1}']),
    "leading zeros": (['"007"', '"8"'], ["007", "8"]),
    "nothing but nulls": (["null", "null"], [None, None]),
}  # fmt: skip


TOLD = {"a half, and beyond a DOUBLE", "beyond any number", "beyond any DOUBLE", "days and months", "times after months"}


@pytest.mark.parametrize("name", ALIKE)
@pytest.mark.parametrize("late", [False, True])
def test_a_column_has_the_type_that_all_records_tell(project, name, late):
    (first, last), (one, other) = ALIKE[name]
    told = read(project, lines(*[first] * (LATE if late else 1), last))
    got = arrow(project, "source.s")["v"].to_pylist()
    assert (got[0], got[-1], len(got)) == (one, other, LATE + 1 if late else 2)
    assert type(got[-1]) is type(other)
    assert bool(told) == (name in TOLD)


def test_days_and_times_that_the_reader_mixes_up_are_texts_beside_numbers_that_stay_exact(project):
    told = read(project, '{"v": "2024-01-01", "n": 1.5}\n{"v": "2024-01-02 10:00:00", "n": 9007199254740993}\n')
    assert rows(project, "source.s") == [("2024-01-01", "1.5"), ("2024-01-02 10:00:00", "9007199254740993")]
    assert len(told) == 1


def test_numbers_within_values_that_no_double_holds_are_told(project):
    (told,) = read(project, '{"v": {"a": [9007199254740993, 1.5]}, "w": [1.5, 2]}\n')
    assert "'v' holds numbers that no DOUBLE holds" in told
    assert read(project, '{"v": {"a": [9007199254740993, 1.5]}}\n', schema=schema("JSON")) == []
    assert rows(project, "source.s") == [('{"a":[9007199254740993,1.5]}',)]


ROUNDED = ["0.12345678901234567890", "1234567890123456.78", "123456789012345.6789"]


@pytest.mark.parametrize("number", ROUNDED)
@pytest.mark.parametrize("value", ["{}", '{{"a": [1, {}]}}', '[{}, "x"]'])
def test_fractions_that_a_double_rounds_are_told_and_refused_where_they_are_declared(project, number, value):
    text = lines(*["0.1234567890123456"] * 2000, value.format(number))
    (told,) = read(project, text)
    assert f"'v' holds numbers of more digits than a DOUBLE has, as {number}" in told
    project.source("s", path="a.jsonl", schema=schema("DECIMAL(38,20)" if value == "{}" else "JSON"))
    assert f"which does not hold {number}" in failure(project, "source.s").error_message


@pytest.mark.parametrize(
    "number", ["0.30000000000000004", "0.00012345678901234567", "1.50000000000000000000", "12345678901234567"]
)
def test_fractions_that_a_double_holds_as_they_are_written_are_not_told(project, number):
    assert read(project, lines("0.5" if "." in number else "5", number)) == []


@pytest.mark.parametrize("day", ["01-02-2024", "01-02-24", "01-02-2024 10:00:00"])
def test_days_within_values_are_refused_where_their_order_would_be_guessed(project, day):
    text = f'{{"v": {{"d": ["{day}"]}}}}\n'
    (project.directory / "a.jsonl").write_text(text)
    project.source("s", path="a.jsonl")
    assert "nothing tells whether the day or the month is first" in failure(project, "source.s").error_message
    read(project, text, schema=schema("JSON"))
    assert rows(project, "source.s") == [(f'{{"d":["{day}"]}}',)]


def test_records_that_are_ignored_are_told(project):
    (told,) = read(project, '{"v": 1}\n{"v": \n', params={"ignore_errors": True})
    assert "could not be read" in told


def test_all_files_of_a_glob_tell_the_types(project):
    for at in range(40):
        (project.directory / f"{at:02}.json").write_text('{"v": 7}')
    (project.directory / "z.json").write_text('{"v": 1.5, "w": "x"}')
    project.source("s", path="*.json", params={"sample_size": 1})
    good(project)
    assert rows(project, "source.s")[-1] == (1.5, "x")


DECLARED = {
    "a half as DOUBLE": (["7", "1.5"], "DOUBLE", [7.0, 1.5]),
    "whole as INTEGER": (["7", "2.0"], "INTEGER", [7, 2]),
    "decimals": (["7", "1.25"], "DECIMAL(5,2)", [Decimal("7.00"), Decimal("1.25")]),
    "large decimals": (["1.5", "9007199254740993"], "DECIMAL(20,1)", [Decimal("1.5"), Decimal("9007199254740993.0")]),
    "days": (['"2024-01-01"', "null"], "DATE", [dt.date(2024, 1, 1), None]),
    "words for true": (['"yes"', "false"], "BOOLEAN", [True, False]),
    "objects as text": (['{"a": 1}', "null"], "VARCHAR", ['{"a":1}', None]),
    "lists": (["[1, 2.0]", "[]"], "INTEGER[]", [[1, 2], []]),
}  # fmt: skip


@pytest.mark.parametrize(("values", "kind", "expected"), DECLARED.values(), ids=DECLARED)
def test_a_declared_type_is_taken_exactly(project, values, kind, expected):
    read(project, lines(*values), schema=schema(kind))
    assert arrow(project, "source.s")["v"].to_pylist() == expected


UNFIT = {
    "a half": (["7", "1.5"], "INTEGER", "'1.5'"),
    "a third decimal": (["7", "1.005"], "DECIMAL(5,2)", "'1.005'"),
    "a time of day": (['"2024-01-01 10:00:00"'], "DATE", "10:00:00"),
    "a text": (["7", '"x"'], "BIGINT", "'x'"),
    "a half in a list": (["[1, 2.5]"], "INTEGER[]", "[1.0, 2.5]"),
}  # fmt: skip


@pytest.mark.parametrize(("values", "kind", "part"), UNFIT.values(), ids=UNFIT)
@pytest.mark.parametrize("place", ["schema", "columns"])
def test_a_value_that_does_not_fit_its_declared_type_fails(project, values, kind, part, place):
    if place == "columns" and kind.endswith("]"):
        pytest.skip("the reader itself makes lists")
    (project.directory / "a.jsonl").write_text(lines(*values))
    project.source(
        "s", path="a.jsonl", **({"schema": schema(kind)} if place == "schema" else {"params": {"columns": {"v": kind}}})
    )
    message = failure(project, "source.s").error_message
    assert f"1 of {len(values)} rows in column 'v' is no {kind}" in message
    assert part in message


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("text", ['[{"v": 1}, {"v": 2}]', '[\n{"v": 1},\n{"v": 2}\n]', '{"v": 1}\n{"v": 2}\n'])
def test_lists_lines_and_marks_give_the_same_records(project, name, mark, text):
    if name == "a.jsonl" and not mark and "\n{" in text and text.startswith("["):
        pytest.skip("no lines of records")
    if mark and name == "a.jsonl" and text.startswith("{") and duckdb.__version__ < "2":
        with pytest.raises(AssertionError, match="byte order mark"):  # which DuckDB 1.5 refuses before lines, and says so
            read(project, mark + text, name=name)
        return
    read(project, mark + text, name=name)
    assert rows(project, "source.s") == [(1,), (2,)]


CODED = {
    "UTF-16": (json.dumps({"v": 1}).encode("utf-16"), "the file is UTF-16"),
    "latin-1": ('{"v": "é"}'.encode("latin-1"), "invalid UTF-8"),
    "gzip": (gzip.compress(b'{"v": 1}'), "compression: gzip"),
    "half a record": (b'{"v": 1}\n{"v": ', "the file cannot be read"),
    "a key twice": (b'{"v": 1, "v": 2}', 'duplicate key "v"'),
}  # fmt: skip


@pytest.mark.parametrize(("content", "part"), CODED.values(), ids=CODED)
def test_a_file_that_is_no_json_says_why(project, content, part):
    (project.directory / "a.jsonl").write_bytes(content)
    project.source("s", path="a.jsonl")
    message = failure(project, "source.s").error_message
    assert part in message
    assert "read_json" not in message  # nobody wrote that


def test_a_date_s_form_counts_for_json_too(project):
    read(project, lines('"02/01/2024"'), params={"dateformat": "%d/%m/%Y"})
    read(project, lines('"02/01/2024"'), params={"dateformat": "%d/%m/%Y"}, schema=schema("DATE"))
    assert arrow(project, "source.s")["v"].to_pylist() == [dt.date(2024, 1, 2)]


def test_keys_that_differ_in_case_only_are_told_apart_with_a_word(project):
    (told,) = read(project, '{"v": 1}\n{"V": 2.5}\n')
    assert told == "keys that differ in case only were renamed: V_1"
    assert rows(project, "source.s") == [(1, None), (None, 2.5)]
    read(project, '{"v": 1}\n{"V": 2.5}\n', schema=[{"name": "V_1", "data_type": "DECIMAL(3,1)"}])
    assert rows(project, "source.s") == [(1, None), (None, Decimal("2.5"))]


def test_a_key_with_a_number_behind_it_is_a_key(project):
    assert (
        read(
            project,
            '{"v": 1, "v_1": 9007199254740993}\n{"v": "x", "v_1": 1.5}\n',
            schema=[{"name": "v_1", "data_type": "DECIMAL(20,1)"}],
        )
        == []
    )
    assert rows(project, "source.s") == [("1", Decimal("9007199254740993.0")), ('"x"', Decimal("1.5"))]
