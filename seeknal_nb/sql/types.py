"""What the engine's SQL types are: numbers, times, words or values within values. Knows type names only, no column."""

from __future__ import annotations

__all__ = ["is_decimal", "is_float", "is_integer", "is_nested", "is_number", "is_time", "is_word", "is_zoned"]

_SIZES = ("TINY", "SMALL", "BIG", "HUGE")
_INTEGERS = frozenset({"INTEGER", "UINTEGER", *(f"{sign}{size}INT" for sign in ("", "U") for size in _SIZES)})
_HUGE = frozenset({"HUGEINT", "UHUGEINT"})
_ZONED = frozenset({"TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS"})
_TIMES = _ZONED | {"DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"}


def is_integer(kind: str, *, huge: bool = True) -> bool:
    """Whether it holds whole numbers; without ``huge``, such as 64 bits can hold."""
    return kind in _INTEGERS and (huge or kind not in _HUGE)


def is_decimal(kind: str) -> bool:
    """Whether it is ``DECIMAL(p,s)``."""
    return kind.startswith("DECIMAL") and not kind.endswith("]")


def is_float(kind: str) -> bool:
    """Whether it holds binary fractions, and so NaN and infinities too."""
    return kind in ("FLOAT", "DOUBLE")


def is_number(kind: str) -> bool:
    """Whether it holds numbers. True and false are none."""
    return is_integer(kind) or is_float(kind) or is_decimal(kind)


def is_time(kind: str) -> bool:
    """Whether it holds points of time, of whatever precision: days too, but no hours of a day."""
    return kind in _TIMES


def is_zoned(kind: str) -> bool:
    """Whether it holds points of time that know what they are in UTC."""
    return kind in _ZONED


def is_word(kind: str) -> bool:
    """Whether it holds texts: any, those of an ENUM, UUIDs or JSON."""
    return kind in ("VARCHAR", "UUID", "JSON") or (kind.startswith("ENUM") and not kind.endswith("]"))


def is_nested(kind: str) -> bool:
    """Whether it holds values within values."""
    return kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION", "VARIANT"))
