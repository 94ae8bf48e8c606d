"""A column of Python's values, or of Arrow's types, as it can be stored: exact, or an error. Knows no frames and no engine.

Arrow takes a column of objects for what its first value is, and cuts what follows to that: a datetime after a date loses
its hours, a naive time after one with a zone becomes UTC. So what is not of one plain type is compared, value by value,
with what Arrow made of it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from typing import Any

__all__ = ["Map", "array_of", "leaves", "parts_of", "storable"]

PLAIN = frozenset({str, bytes, int, bool, dt.date, dt.timedelta, Decimal})
"""Of one of these, with floats among them or without, Arrow keeps each value or raises; a NaN is a null."""
EXTENSIONS = ("arrow.uuid", "arrow.json", "arrow.bool8", "arrow.opaque")
"""Types beyond Arrow's own that DuckDB reads as what they are."""
WIDEST = 38
"""Digits of DuckDB's DECIMAL."""
MILLISECOND = 1_000_000
"""In nanoseconds: the least that an INTERVAL of Parquet has; DuckDB cuts the rest without a word."""


class Map(dict[Any, Any]):
    """A value of a MAP, which as any other dict would be taken for a STRUCT."""


def array_of(values: Iterable[Any]) -> Any:
    """The values as an Arrow array. NaN, NaT and NA are null, as pandas has it.

    Raises:
        ValueError, TypeError, OverflowError: They have no common type, or one would not be stored as it is.
    """
    import pyarrow as pa  # noqa: PLC0415 - 0.2 s, and SQL nodes do without it

    given = list(values)
    kinds = _kinds(given)
    if any(kind.__name__ == "MaskedArray" for kind in kinds):  # Arrow would read what it masks
        given = [value.tolist() if type(value).__name__ == "MaskedArray" else value for value in given]
    if kinds - {float} == {Map}:
        return _maps(given, pa)
    if dt.date in kinds and any(issubclass(kind, dt.datetime) for kind in kinds):
        given = [dt.datetime.combine(value, dt.time()) if type(value) is dt.date else value for value in given]
    made = pa.array(given, from_pandas=True)
    if not _plain(given):
        _prove(given, made.to_pylist())
    return made


def _kinds(values: Iterable[Any]) -> set[type]:
    return {kind for kind in set(map(type, values)) if kind.__name__ not in ("NoneType", "NAType", "NaTType")}


def _maps(values: Sequence[Any], pa: Any) -> Any:
    offsets, keys, items = [], list[Any](), list[Any]()
    for value in values:
        offsets.append(len(keys) if isinstance(value, Map) else None)
        if isinstance(value, Map):
            keys += value.keys()
            items += value.values()
    return pa.MapArray.from_arrays(pa.array([*offsets, len(keys)], pa.int32()), array_of(keys), array_of(items))


def _plain(values: Iterable[Any]) -> bool:
    """Whether Arrow is sure to keep what is in them, at any depth, or to raise."""
    values = list(values)
    kinds = _kinds(values)
    if len(kinds) > 1:
        kinds.discard(float)
    if not kinds or kinds == {float} or (len(kinds) == 1 and kinds <= PLAIN):
        return True
    if kinds <= {list, tuple}:
        return _plain(chain.from_iterable(value for value in values if isinstance(value, (list, tuple))))
    if kinds == {dict}:
        rows = [value for value in values if isinstance(value, dict)]
        return all(_plain(row.get(name) for row in rows) for name in {name for row in rows for name in row})
    if kinds == {dt.datetime}:
        return len({value.tzinfo is None for value in values if isinstance(value, dt.datetime)}) == 1
    return kinds == {dt.time} and all(value.tzinfo is None for value in values if isinstance(value, dt.time))


def _prove(given: Sequence[Any], stored: Sequence[Any]) -> None:
    for row, (value, made) in enumerate(zip(given, stored, strict=True)):
        if not _same(value, made):
            raise ValueError(f"{value!r:.200} in row {row:,} would become {made!r:.200}")


def _same(given: Any, stored: Any) -> bool:
    if stored is None or _missing(given):
        return stored is None and _missing(given)
    if isinstance(given, Mapping):
        return not isinstance(given, Map) and isinstance(stored, dict) and _same_fields(given, stored)
    if isinstance(given, (list, tuple)) or getattr(given, "ndim", 0) == 1:
        return isinstance(stored, list) and len(given) == len(stored) and all(map(_same, given, stored))
    if _kind_of(given) in "Mm":
        import pandas as pd  # noqa: PLC0415 - 0.5 s, and only times of NumPy need it

        return bool((pd.Timestamp if _kind_of(given) == "M" else pd.Timedelta)(given) == stored)
    plain = given.item() if hasattr(given, "item") else given.as_py() if hasattr(given, "as_py") else given
    return bool(plain == stored)


def _same_fields(given: Mapping[Any, Any], stored: Mapping[str, Any]) -> bool:
    return set(given) <= set(stored) and all(_same(given.get(name), value) for name, value in stored.items())


def _missing(value: Any) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return (isinstance(value, (float, Decimal)) or _kind_of(value) in "fMm") and bool(value != value)  # noqa: PLR0124 - NaN


def _kind_of(value: Any) -> str:
    """The letter of a scalar of NumPy; a blank for all else."""
    return str(value.dtype.kind) if hasattr(value, "dtype") and getattr(value, "ndim", 1) == 0 else " "


def storable(column: Any) -> Any:
    """The Arrow column in types that DuckDB reads and Parquet keeps; where there is nothing but nulls, text.

    Raises:
        ValueError: A type, or a value, has no place there.
    """
    import pyarrow as pa  # noqa: PLC0415 - 0.2 s, and SQL nodes do without it

    wanted = _kept(column.type, pa)
    for inner in chain.from_iterable(leaves(chunk, pa) for chunk in column.chunks):
        if pa.types.is_interval(inner.type) and (parts_of(inner)["nanoseconds"] % MILLISECOND).any():
            raise ValueError("an INTERVAL is stored in milliseconds, and it has a fraction of one")
    with_times = _kept(column.type, pa, time=pa.time64("us"))
    if with_times != wanted:
        try:  # polars has no other times than of nanoseconds, and DuckDB's TIME is of microseconds
            return column.cast(with_times)
        except pa.ArrowInvalid:
            pass
    return column if wanted == column.type else column.cast(wanted)


def _kept(kind: Any, pa: Any, *, time: Any = None) -> Any:
    """The type in whose place a type is stored; raises ``ValueError`` for what has none."""
    types = pa.types

    def inner(one: Any) -> Any:
        return one.with_type(_kept(one.type, pa, time=time))

    if isinstance(kind, pa.BaseExtensionType) and kind.extension_name not in EXTENSIONS:
        raise ValueError(f"{kind.extension_name} is no type of a table: without it, what is stored would mean something else")
    if types.is_union(kind):
        raise ValueError("a union would be stored as a struct of all its members")
    if types.is_struct(kind):
        return pa.struct([inner(one) for one in _fields(kind)])
    if types.is_map(kind):
        return pa.map_(_kept(kind.key_type, pa, time=time), inner(kind.item_field))
    if types.is_fixed_size_list(kind):
        return pa.list_(inner(kind.value_field), kind.list_size)
    if types.is_list(kind) or types.is_large_list(kind):
        return (pa.list_ if types.is_list(kind) else pa.large_list)(inner(kind.value_field))
    if types.is_dictionary(kind):
        return kind if _kept(kind.value_type, pa, time=time) == kind.value_type else _kept(kind.value_type, pa, time=time)
    if time is not None and kind == pa.time64("ns"):
        return time
    return _single(kind, pa)


def _single(kind: Any, pa: Any) -> Any:
    types = pa.types
    if types.is_null(kind):
        return pa.string()
    if types.is_float16(kind):
        return pa.float32()
    if types.is_duration(kind):
        return pa.duration("ms")
    if types.is_decimal(kind) and (kind.scale < 0 or kind.precision > WIDEST):
        return pa.decimal128(min(kind.precision - min(kind.scale, 0), WIDEST), max(kind.scale, 0))
    if types.is_decimal256(kind):
        return pa.decimal128(kind.precision, kind.scale)
    return kind


def _fields(kind: Any) -> list[Any]:
    """The fields of a struct: of those that differ in case only, DuckDB would rename one."""
    fields = [kind.field(number) for number in range(kind.num_fields)]
    if not fields:
        raise ValueError("a struct without fields is none")
    if len({one.name.casefold() for one in fields}) < len(fields):
        raise ValueError(f"the fields {', '.join(one.name for one in fields)} of a struct are doubled (case is ignored)")
    return fields


def leaves(array: Any, pa: Any) -> Iterator[Any]:
    """The arrays that a nested one is made of, at any depth; of another, itself."""
    kind = array.type
    if pa.types.is_struct(kind):
        yield from chain.from_iterable(leaves(one, pa) for one in array.flatten())
    elif pa.types.is_map(kind):
        yield from chain.from_iterable(leaves(one, pa) for one in (array.keys, array.items))
    elif hasattr(kind, "value_field"):
        yield from leaves(array.flatten(), pa)
    else:
        yield array


def parts_of(intervals: Any) -> Any:
    """Months, days and nanoseconds of an array of intervals, as a structured array of NumPy; 0 where one is null."""
    import numpy as np  # noqa: PLC0415 - Arrow has loaded it

    parts = np.dtype([("months", "<i4"), ("days", "<i4"), ("nanoseconds", "<i8")])
    data = intervals.buffers()[1]
    found = np.frombuffer(data, parts, len(intervals), intervals.offset * parts.itemsize) if data else np.zeros(0, parts)
    return np.where(intervals.is_valid().to_numpy(zero_copy_only=False), found, np.zeros(1, parts)) if len(found) else found
