"""Rows of Python values, of SQLite and workbooks, as an Arrow table: as declared, exact, or text with a warning."""

from __future__ import annotations

import datetime as dt
import re
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, ZipFile

from seeknal_nb.engines.names import distinct, renamed
from seeknal_nb.errors import NodeError, near
from seeknal_nb.kinds.sources.heads import words_for_null

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

__all__ = ["Records", "of_workbook", "to_table"]

KINDS: Mapping[str, tuple[tuple[type, ...], str]] = {
    "BIGINT": ((int,), "int64"),
    "DOUBLE": ((int, float), "float64"),
    "VARCHAR": ((str,), "string"),
    "BLOB": ((bytes,), "binary"),
    "BOOLEAN": ((int,), "bool"),
    "DATE": ((str,), "date32"),
    "TIMESTAMP": ((str,), "timestamp[us]"),
}
"""What the values of a declared column must be, and Arrow's name of the type."""
UNCALCULATED = re.compile(rb'<c (?![^>]*t="str")[^>]*>\s*<f\b[^>]*(/>|>[^<]*</f>)\s*(<v\s*/>|<v>\s*</v>)?\s*</c>')
"""A cell with a formula and no value; an empty text is one."""
EXACT = 2**53
"""Whole numbers up to here are exact as a float."""


@dataclass(frozen=True, slots=True)
class Records:
    """Names, none twice; rows, which may be shorter; declared types, one of ``KINDS``, by name; and what is to be told."""

    names: Sequence[str]
    rows: Sequence[Sequence[Any]]
    types: Mapping[str, str] = field(default_factory=dict)
    told: Sequence[str] = ()


def to_table(parts: Sequence[Records]) -> tuple[Any, list[str]]:
    """One Arrow table of all files' rows, joined by name (case is ignored), and what was not as it should be."""
    import pyarrow as pa  # noqa: PLC0415 - 0.2 s

    names = {name.casefold(): name for part in reversed(parts) for name in reversed(part.names)}
    columns, warned = {}, [text for part in parts for text in part.told]
    for folded, name in reversed(names.items()):
        values = [value for part in parts for value in _values(part, folded)]
        declared = {kind for part in parts for own, kind in part.types.items() if own.casefold() == folded}
        columns[name], told = _column(name, values, declared.pop() if len(declared) == 1 else "", pa)
        warned += told
    return pa.table(columns), warned


def _values(part: Records, folded: str) -> list[Any]:
    at = next((at for at, name in enumerate(part.names) if name.casefold() == folded), None)
    return [None if at is None or at >= len(row) else row[at] for row in part.rows]


def _column(name: str, values: list[Any], declared: str, pa: Any) -> tuple[Any, list[str]]:
    kinds = {type(value) for value in values if value is not None}
    if declared and (found := _declared(values, kinds, declared, pa)) is not None:
        return found, []
    unlike = f"column {name!r} is declared as {declared}, but not all of its values are: it is as it is stored"
    told = [unlike] if declared else []
    if not _alike(kinds, values):
        held = " and ".join(sorted(f"{kind.__name__} ({_first(values, kind)})" for kind in kinds))
        told = [f"column {name!r} holds {held}: all of it is taken as text"]
        values, kinds = [_text(value) for value in values], {str}
    return pa.array(values, pa.float64() if kinds == {int, float} else None), told


def _first(values: Iterable[Any], kind: type) -> str:
    """One of the values of a column's types, so that it can be looked for."""
    text = repr(_text(next(value for value in values if type(value) is kind)))
    return text if kind in (str, bytes) else text.strip("'")


def _declared(values: list[Any], kinds: set[type], declared: str, pa: Any) -> Any:
    """The values as the declared type, None where one of them is another."""
    known, name = KINDS[declared]
    if not kinds <= set(known) or (declared == "BOOLEAN" and not set(values) <= {0, 1, None}):
        return None
    try:
        return pa.array(values, None if kinds else pa.null()).cast(name)
    except (pa.ArrowInvalid, OverflowError):
        return None


def _alike(kinds: set[type], values: Iterable[Any]) -> bool:
    """Whether the values fit one column as they are."""
    if len(kinds) < 2:  # noqa: PLR2004 - one kind, or none
        return kinds != {int} or all(value is None or -(2**63) <= value < 2**63 for value in values)
    return kinds == {int, float} and all(abs(value) <= EXACT for value in values if isinstance(value, int))


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if isinstance(value, (dt.date, dt.time)) else str(value)


def of_workbook(path: Path, options: Mapping[str, Any]) -> Records:
    """The rows of one sheet (``sheet``: a name or a number from 1; default the first), its values as last calculated."""
    rows = _sheet_rows(path, options.get("sheet"))[int(options.get("skip") or 0) :]
    while rows and all(value is None for value in rows[-1]):
        rows.pop()
    if not rows:
        raise NodeError("the sheet is empty", why=str(path), remedy="name another one: sheet: NAME")
    width = max(_filled(row) for row in rows)
    named = options.get("header", True)
    first = rows[0] if named else ()
    given = [str(first[at]).strip() if at < len(first) and first[at] is not None else None for at in range(width)]
    names, told = distinct(given), []
    if named and len([name for name in given if name]) * 2 <= width:
        told = [f"the first row of {path.name} names few of {width} columns (skip: N leaves out what is above the table)"]
    words = words_for_null(options)
    body: list[Sequence[Any]] = [
        [None if value in words else value for value in row[:width]] for row in rows[1 if named else 0 :]
    ]
    told += renamed(given, names, path.name) if named else []
    return Records(names, body, told=[*told, *_uncalculated(path, options.get("sheet"))])


def _uncalculated(path: Path, sheet: Any) -> list[str]:
    """A warning of formulas without a value, which programs leave that only write workbooks; Excel keeps the last one."""
    with ZipFile(path) as packed:
        parts = [name for name in packed.namelist() if name.startswith("xl/worksheets/")]
        if not any(UNCALCULATED.search(packed.read(name)) for name in parts):
            return []
    kept, told = (_sheet_rows(path, sheet, values=values) for values in (True, False))
    empty = sum(
        value is None and other is not None
        for row, others in zip(kept, told, strict=False)
        for value, other in zip(row, others, strict=False)
    )
    remedy = "open it in a spreadsheet program and save it"
    return [f"{empty:,} formulas of {path.name} have no value and are null: {remedy}"] if empty else []


def _sheet_rows(path: Path, sheet: Any, *, values: bool = True) -> list[Sequence[Any]]:
    try:
        from openpyxl import load_workbook  # noqa: PLC0415 - an extra, and 0.2 s
        from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415
    except ImportError as error:
        raise NodeError("workbooks need a reader", why=str(error), remedy="pip install 'seeknal_nb[xlsx]'") from error
    try:
        book = load_workbook(path, read_only=True, data_only=values)
    except (BadZipFile, InvalidFileException, KeyError, OSError, ValueError) as error:
        raise NodeError("the workbook cannot be read", why=f"{path}: {error}", remedy="save it as .xlsx") from error
    with closing(book):
        found = book[_sheet_name(book.sheetnames, sheet)]
        if not hasattr(found, "iter_rows"):
            raise NodeError(f"{found.title!r} is a chart, not a table", remedy=near("", book.sheetnames, what="sheet"))
        found.reset_dimensions()  # writers leave wrong ones, and rows beyond them would be lost
        return list(found.iter_rows(values_only=True))


def _sheet_name(names: Sequence[str], sheet: Any) -> str:
    if sheet is None:
        return names[0]
    if str(sheet) in names:
        return str(sheet)
    if isinstance(sheet, int) and 1 <= sheet <= len(names):
        return names[sheet - 1]
    raise NodeError(f"there is no sheet {sheet!r}", remedy=near(str(sheet), names, what="sheet"))


def _filled(row: Sequence[Any]) -> int:
    return max((at + 1 for at, value in enumerate(row) if value is not None), default=0)
