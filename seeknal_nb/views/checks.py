"""What the checks of a node found, told to a reader: in words, and with the rows that break them. Knows no node."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from seeknal_nb.markup import cut, plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["shown_check", "shown_value"]

CELL: Final = 120
DIGITS: Final = 12
"""Of a float; what is behind them is mostly how it was computed."""


def shown_check(check: Mapping[str, Any], types: Mapping[str, str]) -> dict[str, Any]:
    """``name``, ``severity``, ``ok``, ``text``, and of the offending rows ``of``, how many there are, and the first of them.

    These are ``columns``, their ``types`` as the checked table has them, and ``rows``, NULL as None.
    """
    columns, rows = _sample(check.get("sample"))
    failed = check.get("failed_rows")
    told = {
        "name": str(check.get("check") or ""),
        "severity": str(check.get("severity") or ""),
        "ok": bool(check.get("passed")),
        "of": failed if isinstance(failed, int) else len(rows),
    }
    kinds = [types.get(name, "") for name in columns]
    return {**told, "text": _text(check, rows), "columns": columns, "types": kinds, "rows": rows}


def shown_value(value: object) -> str | None:
    """A value of a table as short text; None for NULL."""
    return None if value is None else cut(str(_rounded(value)), CELL)


def _rounded(value: object) -> object:
    """With no float that is longer than its digits, in lists and structs too."""
    match value:
        case float():
            return _Written(f"{value:.{DIGITS}g}")
        case list():
            return [_rounded(one) for one in value]
        case dict():
            return {name: _rounded(one) for name, one in value.items()}
    return value


class _Written(str):
    """A number as it is to be written, without quotes in a list."""

    __slots__ = ()
    __repr__ = str.__str__


def _text(check: Mapping[str, Any], rows: Sequence[object]) -> str:
    """``412 of 327,346 rows``; of a check of the table as a whole, what was found instead."""
    failed, count, sample = check.get("failed_rows"), check.get("rows"), check.get("sample")
    if check.get("passed"):
        return ""
    if sample and not rows:
        return cut(str(sample), CELL)
    if not isinstance(failed, int):
        return "does not hold"
    return f"{failed:,} of {plural(count, 'row')}" if isinstance(count, int) else plural(failed, "row")


def _sample(sample: object) -> tuple[list[str], list[list[str | None]]]:
    """The columns and rows of JSON like ``[{"id": 1}]``; nothing where it is a text of its own."""
    try:
        found = json.loads(sample) if isinstance(sample, str) else None
    except ValueError:
        found = None
    rows = [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return columns, [[shown_value(row.get(name)) for name in columns] for row in rows]
