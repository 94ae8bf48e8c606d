"""JSON: types that all records have, and values that a wider type would round read as they are written."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import NodeError
from seeknal_nb.kinds.sources.heads import check_bytes, sample_of
from seeknal_nb.sql.text import column, exactly, literal
from seeknal_nb.sql.types import is_nested, is_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from seeknal_nb.kinds.task import Task

__all__ = [
    "as_texts",
    "broken",
    "check_days",
    "dated",
    "declared_texts",
    "inexact",
    "json_options",
    "long_numbers",
    "nulls",
    "numbered",
]

WHOLE = {"sample_size": -1, "maximum_sample_files": 2**31 - 1}
"""All records of all files, whatever is asked: after a sample, values that do not fit would be rounded, or end as null."""
MARK = b"\xef\xbb\xbf"
EXACT = 2**53
"""Whole numbers from here on may be no longer what was written, as a DOUBLE."""
LONG = "[\\[:,]\\s*-?(" + "|".join([
    *(rf"[1-9][0-9]{{{whole - 1}}}\.[0-9]{{{15 - whole},}}[1-9]" for whole in range(1, 16)),
    r"[1-9][0-9]{15,}\.[0-9]*[1-9]",
    r"0\.0*[1-9][0-9]{14,}[1-9]",
]) + ")"  # fmt: skip
"""Numbers with a fraction and 16 digits or more: of those a DOUBLE may not hold the last ones."""
TURNED = r'"[0-9]{1,2}-[0-9]{1,2}-([0-9]{2}){1,2}["T ]'
"""Days that begin with no year, which the reader takes in the first order that fits them."""
SEEN = 1000
"""Records that are looked at."""


def json_options(form: str, paths: Iterable[Path], options: Mapping[str, Any]) -> dict[str, Any]:
    """The options, with what the files themselves ask for.

    Raises:
        NodeError: A file is packed or coded in another way than it says.
    """
    arrays, marked = [], False
    for path in paths:
        found = sample_of(path, options)
        check_bytes(path, found, None)
        marked |= found.startswith(MARK)
        arrays.append(re.match(rb"\s*\[\s*\{", found.removeprefix(MARK)) is not None)
    given = {**options, **WHOLE}
    if any(arrays) and "format" not in options and (marked or form == "jsonl"):
        if not all(arrays):
            raise NodeError("some files are lists of records, and others are not", remedy="write them alike")
        given["format"] = "array"  # else DuckDB takes the list for one record
    if isinstance(given.get("columns"), dict):
        given["columns"] = {name: _text_of(str(kind)) for name, kind in given["columns"].items()}
    return given


def _text_of(kind: str) -> str:
    return kind if is_nested(kind.upper()) or kind.upper() == "JSON" else "VARCHAR"


def declared_texts(have: Mapping[str, str], types: Mapping[str, str]) -> dict[str, str]:
    """What declared columns are read as, so that the reader rounds nothing: texts, but for what is nested."""
    return {
        name: "JSON" if kind.upper() == "JSON" else "VARCHAR"
        for name, kind in types.items()
        if kind.upper() in ("JSON", "VARCHAR") or not (kind.endswith("]") or is_nested(have[name]))
    }


def numbered(have: Iterable[str]) -> list[str]:
    """Columns whose names may be the reader's: ``V_1`` beside ``v`` is a key of its own, or the key ``V``."""
    known = {name.casefold() for name in have}
    found = ((name, re.fullmatch(r"(.+?)(_\d+)+", name)) for name in have)
    return [name for name, match in found if match and match[1].casefold() in known]


def as_texts(have: Mapping[str, str], texts: Mapping[str, str], besides: Iterable[str]) -> dict[str, Any]:
    """The option that reads columns as what they are, some as other types; ``besides`` are columns that no file has.

    Told the types, the reader does not look at all records once more to find them. Times it must find itself, in whatever
    order they are written, and nulls that have no type.
    """
    if not texts and (list(have) == ["json"] or any(re.search(r'\b(DATE|TIME)|"NULL"', kind) for kind in have.values())):
        return {}
    left_out = {name.casefold() for name in besides}
    kinds = {name: kind.replace('"NULL"', "VARCHAR") for name, kind in have.items() if name.casefold() not in left_out}
    return {"columns": {**kinds, **texts}}


def dated(have: Mapping[str, str]) -> set[str]:
    """Columns of which their texts are to tell what they are: the reader takes ``01-02-24`` for a day of its own choice."""
    return {name for name, kind in have.items() if is_time(kind) or kind == "TIME"}


def nulls(have: Mapping[str, str]) -> dict[str, str]:
    """SQL of the columns that hold nothing but nulls, which are no type yet."""
    return {name: "CAST(NULL AS VARCHAR)" for name, kind in have.items() if kind == '"NULL"'}


def inexact(task: Task, relation: str, schema: Sequence[tuple[str, str]]) -> tuple[set[str], list[str]]:
    """Columns of DOUBLE that hold numbers too large for it, and warnings where such are nested."""
    plain = [name for name, kind in schema if kind == "DOUBLE"]
    nested = [name for name, kind in schema if is_nested(kind) and "DOUBLE" in kind]
    asked = [f"count(*) FILTER (WHERE NOT isnan({column(n)}) AND abs({column(n)}) >= {EXACT})" for n in plain]
    asked += [rf"count(*) FILTER (WHERE regexp_matches({column(n)}::VARCHAR, '[0-9]{{16,}}\.0|e\+'))" for n in nested]
    if not asked:
        return set(), []
    found = task.engine.query(f"SELECT {', '.join(asked)} FROM {relation}", form="rows")[0]
    told = [
        f"column {name!r} holds numbers that no DOUBLE holds exactly (declared as JSON it stays as it is written)"
        for name, count in zip(nested, found[len(plain) :], strict=True)
        if count
    ]
    return {name for name, count in zip(plain, found, strict=False) if count}, told


def check_days(task: Task, paths: Sequence[Path], options: Mapping[str, Any], have: Mapping[str, str]) -> None:
    """Refuse days within values that begin with no year: in which order they stand the reader would guess.

    Raises:
        NodeError: There are some.
    """
    names = [name for name, kind in have.items() if "DATE" in kind or "TIMESTAMP" in kind]
    if names and not {"dateformat", "date_format", "timestampformat", "timestamp_format"} & options.keys():
        found = _records_like(task, paths, options, f"regexp_matches(json, {literal(TURNED)})")
        if found:
            raise NodeError(
                f"column {names[0]!r} may hold days of which nothing tells whether the day or the month is first",
                why=found[0][:200],
                remedy="dateformat: '%d-%m-%Y', for one, or declare the column as JSON under schema",
            )


def long_numbers(task: Task, paths: Sequence[Path], options: Mapping[str, Any]) -> dict[str, str]:
    """Keys of numbers with fractions that no DOUBLE holds as they are written, each with one of them.

    The reader itself takes such for a DOUBLE first, whatever type is asked of it.
    """
    lost = f"list_filter(regexp_extract_all(json, {literal(LONG)}, 1), lambda x: x::DOUBLE::VARCHAR <> x)"
    found: dict[str, str] = {}
    for text in _records_like(task, paths, options, f"len({lost}) > 0"):
        record = json.loads(text, parse_float=_kept)
        for key, value in record.items() if isinstance(record, dict) else [("json", record)]:
            for number in _decimals(value):
                found.setdefault(key, str(number))
    return found


def broken(task: Task, paths: Sequence[Path], options: Mapping[str, Any]) -> bool:
    """Whether there are records that ``ignore_errors`` makes rows of nulls."""
    return bool(_records_like(task, paths, options, "json IS NULL"))


def _records_like(task: Task, paths: Sequence[Path], options: Mapping[str, Any], condition: str) -> list[str]:
    """Some records that meet a condition, as they are written."""
    known = ("format", "compression", "ignore_errors", "maximum_object_size")
    arguments = "".join(f", {name} = {literal(options[name])}" for name in known if name in options)
    read = f"read_json_objects({literal([exactly(str(path)) for path in paths])}{arguments})"
    return [text for (text,) in task.engine.query(f"SELECT json FROM {read} WHERE {condition} LIMIT {SEEN}", form="rows")]


def _kept(text: str) -> Any:
    value = float(text)
    return value if Decimal(repr(value)) == Decimal(text) else Decimal(text)


def _decimals(value: Any) -> Iterator[Decimal]:
    if isinstance(value, Decimal):
        yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _decimals(one)
