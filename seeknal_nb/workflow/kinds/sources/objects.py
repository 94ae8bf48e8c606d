"""JSON: types that all records have, and values that a wider type would round read as they are written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.sqltext import column
from seeknal_nb.errors import NodeError
from seeknal_nb.workflow.kinds.sources.heads import check_bytes, sample_of
from seeknal_nb.workflow.kinds.types import is_nested, is_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from seeknal_nb.workflow.kinds.task import Task

__all__ = ["as_texts", "declared_texts", "inexact", "json_options", "nulls", "numbered", "unsure"]

WHOLE = {"sample_size": -1, "maximum_sample_files": 2**31 - 1}
"""All records of all files, whatever is asked: after a sample, values that do not fit would be rounded, or end as null."""
MARK = b"\xef\xbb\xbf"
EXACT = 2**53
"""Whole numbers from here on may be no longer what was written, as a DOUBLE."""


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


def unsure(have: Mapping[str, str]) -> set[str]:
    """Columns to read as texts where the reader fails on what it found itself: it does where days and times are mixed."""
    return {name for name, kind in have.items() if is_time(kind) or kind in ("TIME", "DOUBLE")}


def nulls(have: Mapping[str, str]) -> dict[str, str]:
    """SQL of the columns that hold nothing but nulls, which are no type yet."""
    return {name: "CAST(NULL AS VARCHAR)" for name, kind in have.items() if kind == '"NULL"'}


def inexact(task: Task, relation: str, schema: Sequence[tuple[str, str]]) -> tuple[set[str], list[str]]:
    """Columns of DOUBLE that hold numbers too large for it, and warnings where such are nested."""
    plain = [name for name, kind in schema if kind == "DOUBLE"]
    nested = [name for name, kind in schema if is_nested(kind) and "DOUBLE" in kind]
    asked = [f"count(*) FILTER (WHERE isfinite({column(n)}) AND abs({column(n)}) >= {EXACT})" for n in plain]
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
