"""Whether a cast keeps what a value says: casts in SQL, and what tells that one would lose something. Knows no column."""

from __future__ import annotations

import re

from seeknal_nb.sql.types import is_decimal, is_float, is_integer, is_number, is_time

__all__ = ["cast", "lost"]

_DECIMAL = re.compile(r"DECIMAL\(\d+,(\d+)\)")
_STAMPS = {"TIMESTAMP_S": 0, "TIMESTAMP_MS": 3, "TIMESTAMP": 6, "TIMESTAMP WITH TIME ZONE": 6, "TIMESTAMP_NS": 9}
"""Digits of a second that each keeps."""
_LIST = re.compile(r"\[\d*\]$")
_TEXTS = ("VARCHAR", "JSON")


def cast(value: str, have: str, kind: str) -> str:
    """SQL of the value as the kind, NULL where it is none.

    Args:
        value: SQL of the value.
        have: Its type, as the engine calls it.
        kind: The type to be, as the engine calls it.
    """
    if have in _TEXTS and kind == "TIMESTAMP":  # DuckDB would drop a text's +02:00
        value = f"TRY_CAST({value} AS TIMESTAMPTZ)"
    return f"TRY_CAST({value} AS {kind})"


def lost(value: str, have: str, kind: str, *, depth: int = 0) -> str:
    """SQL that is true where there is a value, and the cast has none, or less; ``depth`` counts the lists round it."""
    made = cast(value, have, kind)
    if _LIST.search(kind) and (_LIST.search(have) or have in _TEXTS):
        values = value if _LIST.search(have) else f"TRY_CAST({value} AS VARCHAR[])"
        of = _LIST.sub("", have) if _LIST.search(have) else "VARCHAR"
        changed = (
            f"len(list_filter({values}, lambda e{depth}: {lost(f'e{depth}', of, _LIST.sub('', kind), depth=depth + 1)})) > 0"
        )
    else:
        changed = _of_text(value, made, kind) if have in _TEXTS else _of_value(value, made, have, kind)
    return f"({value} IS NOT NULL AND ({made} IS NULL{f' OR coalesce({changed}, false)' if changed else ''}))"


def _of_text(value: str, made: str, kind: str) -> str:
    digits = _DECIMAL.fullmatch(kind)
    if is_integer(kind) or digits:
        return _decimals(value, int(digits[1]) if digits else 0, "[0-9]*\\s*$") + (
            f" OR (regexp_matches({value}, '^[^xX]*[eE]') AND TRY_CAST({value} AS DOUBLE) <> CAST({made} AS DOUBLE))"
        )
    if is_float(kind):
        return f"(isinf({made}) AND NOT contains(lower({value}), 'inf'))"
    if kind == "DATE":
        return f"CAST({made} AS TIMESTAMP) IS DISTINCT FROM CAST(TRY_CAST(trim({value}) AS TIMESTAMPTZ) AS TIMESTAMP)"
    if kind in _STAMPS:
        zoned = f" OR CAST({made} AS TIMESTAMP) IS DISTINCT FROM CAST(TRY_CAST(trim({value}) AS TIMESTAMPTZ) AS TIMESTAMP)"
        return _decimals(value, _STAMPS[kind]) + (zoned if kind in ("TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS") else "")
    if kind == "TIME":
        return rf"NOT regexp_full_match(trim({value}), '\d{{1,2}}:\d{{1,2}}(:\d{{1,2}}(\.\d{{1,6}}0*)?)?')"
    return ""


def _decimals(value: str, kept: int, end: str = "") -> str:
    """Whether a digit that is no zero stands beyond so many decimals; ``end`` is what may follow it."""
    return rf"regexp_matches({value}, '^[^eE.]*\.[0-9]{{{kept}}}[0-9]*[1-9]{end}')"


def _of_value(value: str, made: str, have: str, kind: str) -> str:
    """Whether the cast back is another value; a FLOAT is asked for less, and text and what is nested is as it is shown."""
    if kind == "TIME" and is_time(have):
        return "true"
    numbers = all(one == "BOOLEAN" or is_number(one) for one in (have, kind))
    if not (numbers or (is_time(have) and is_time(kind))) or (have == "DOUBLE" and kind == "FLOAT"):
        return ""
    if is_decimal(kind) and have in ("DOUBLE", "FLOAT"):  # 0.1 is no exact number, but the text 0.1 is what it says
        return _of_text(f"CAST({value} AS VARCHAR)", made, kind)
    return f"TRY_CAST({made} AS {have}) IS DISTINCT FROM {value}"
