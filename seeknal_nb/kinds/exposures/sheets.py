"""Rows to an Excel workbook, a row at a time; knows neither node nor target."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import NodeError
from seeknal_nb.kinds.exposures.finite import as_json, lost, microseconds, within
from seeknal_nb.kinds.exposures.writers import Rows, batches, projected
from seeknal_nb.sql.types import is_decimal, is_integer, is_nested, is_time

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from seeknal_nb.kinds.task import Task

__all__ = ["write_workbook"]

MOST_ROWS, MOST_COLUMNS = 1_048_576, 16_384
LONGEST_TEXT = 32_767
DIGITS = 15
"""What Excel keeps of a number; a longer one is written as text, so that it stays what it is."""
FIRST_YEAR = 1900
MADE = datetime(2000, 1, 1, tzinfo=UTC)
"""When every workbook says it was made, so that the same rows give the same bytes."""


def write_workbook(task: Task, rows: Rows, to: Path, sheet: str) -> list[str]:
    """Write the rows below a header that stays in sight; gives warnings.

    Raises:
        NodeError: XlsxWriter is missing, or Excel cannot hold the rows.
    """
    try:
        import xlsxwriter  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise NodeError("a workbook needs xlsxwriter", why=str(error), remedy="pip install 'seeknal_nb[xlsx]'") from error
    if rows.count + 1 > MOST_ROWS or len(rows.schema) > MOST_COLUMNS:
        raise NodeError(
            "Excel cannot hold the table",
            why=f"it has {rows.count:,} rows and {len(rows.schema):,} columns; a sheet {MOST_ROWS:,} and {MOST_COLUMNS:,}",
            remedy="deliver csv or parquet, or fewer rows",
        )
    options = {"constant_memory": True, "tmpdir": str(to.parent)}
    with xlsxwriter.Workbook(str(to), options) as book:
        book.set_properties({"created": MADE.replace(tzinfo=None)})
        return [*_Sheet(book, sheet).write(task, projected(task, rows, _as_excel)), *lost(task, rows, within, "JSON")]


def _as_excel(kind: str, value: str) -> str:
    """Excel has numbers, truth, texts and times without a zone."""
    as_it_is = is_integer(kind, huge=False) or is_decimal(kind)
    if as_it_is or kind in ("FLOAT", "DOUBLE", "BOOLEAN", "VARCHAR", "DATE", "TIMESTAMP"):
        return value
    if is_time(kind):
        return microseconds(kind, value)
    return as_json(kind, value) if is_nested(kind) else f"CAST({value} AS VARCHAR)"


class _Sheet:
    """One sheet that is being written."""

    def __init__(self, book: Any, name: str) -> None:
        self._sheet = book.add_worksheet(name)
        self._bold = book.add_format({"bold": True})
        self._date = book.add_format({"num_format": "yyyy-mm-dd"})
        self._time = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._as_text = self._rounded = 0
        self._cells: dict[type, Callable[[int, int, Any], None]] = {
            bool: self._truth, int: self._number, float: self._float, Decimal: self._number, str: self._text,
            datetime: self._moment, date: self._day,
        }  # fmt: skip

    def write(self, task: Task, rows: Rows) -> list[str]:
        for number, (name, kind) in enumerate(rows.schema):
            self._sheet.set_column(number, number, 20 if is_time(kind) and kind != "DATE" else 12)
            self._sheet.write_string(0, number, name, self._bold)
        self._sheet.freeze_panes(1, 0)
        at = 1
        for batch in batches(task, rows):
            for row in zip(*(_python(values) for values in batch.columns), strict=True):
                for number, value in enumerate(row):
                    if value is not None:
                        self._cells[type(value)](at, number, value)
                at += 1
        left = f"{self._as_text:,} values that Excel cannot hold exactly were written as text"
        fine = f"{self._rounded:,} times have digits below a millisecond, which Excel does not keep"
        return [*([left] if self._as_text else []), *([fine] if self._rounded else [])]

    def _truth(self, at: int, number: int, value: bool) -> None:  # noqa: FBT001 - a cell's value
        self._sheet.write_boolean(at, number, value)

    def _number(self, at: int, number: int, value: int | Decimal) -> None:
        digits = Decimal(value).normalize().as_tuple().digits
        if len(digits) > DIGITS:
            self._inexact(at, number, value)
        else:
            self._sheet.write_number(at, number, value)

    def _float(self, at: int, number: int, value: float) -> None:
        if math.isfinite(value):
            self._sheet.write_number(at, number, value)
        else:
            self._inexact(at, number, value)

    def _text(self, at: int, number: int, value: str) -> None:
        if len(value) > LONGEST_TEXT:
            raise NodeError(
                "Excel cannot hold a text", why=f"it has {len(value):,} characters; a cell has {LONGEST_TEXT:,}",
                remedy="cut it, or deliver csv or parquet",
            )  # fmt: skip
        self._sheet.write_string(at, number, value)

    def _moment(self, at: int, number: int, value: datetime) -> None:
        if value.year < FIRST_YEAR:
            self._inexact(at, number, value)
        else:
            self._rounded += bool(value.microsecond % 1000)
            self._sheet.write_datetime(at, number, value, self._time)

    def _day(self, at: int, number: int, value: date) -> None:
        if value.year < FIRST_YEAR:
            self._inexact(at, number, value)
        else:
            self._sheet.write_datetime(at, number, value, self._date)

    def _inexact(self, at: int, number: int, value: object) -> None:
        self._as_text += 1
        self._sheet.write_string(at, number, str(value))


def _python(values: Any) -> list[Any]:
    try:
        return list(values.to_pylist())
    except (ValueError, OverflowError) as error:
        raise NodeError("Excel cannot hold a date", why=str(error), remedy="CAST(... AS VARCHAR)") from error
