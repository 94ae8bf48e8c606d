"""A column of Python's values, or of Arrow's types, as it can be stored: exact, or an error. Knows no frames and no engine.

Arrow takes a column of objects for what its first value is, and cuts what follows to that: a datetime after a date loses
its hours, a naive time after one with a zone becomes UTC. So what is not of one plain type is compared, value by value,
with what Arrow made of it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from numbers import Real
from typing import Any
from uuid import UUID

from seeknal_nb.engines.names import doubled

__all__ = ["Map", "array_of", "leaves", "parts_of", "storable", "within"]

PLAIN = frozenset({str, bytes, int, float, bool, dt.date, dt.timedelta, Decimal})
"""Of one of these Arrow keeps each value, or raises; so it does of int and float together."""
EXTENSIONS = ("arrow.uuid", "arrow.json", "arrow.bool8", "arrow.opaque")
"""Types beyond Arrow's own that DuckDB reads as what they are."""
WIDEST = 38
"""Digits of DuckDB's DECIMAL."""
MILLISECOND = 1_000_000
"""In nanoseconds: the least that an INTERVAL of Parquet has; DuckDB cuts the rest without a word."""


class Map(dict[Any, Any]):
    """A value of a MAP, which as any other dict would be taken for a STRUCT."""


def array_of(values: Iterable[Any], *, pandas: bool = False) -> Any:
    """The values as an Arrow array; a datetime makes dates midnights.

    Args:
        values: Of Python, at any depth.
        pandas: Whether NaN is null everywhere; else it is only where it stands among what are no numbers.

    Raises:
        ValueError, TypeError, OverflowError: They have no common type, or one would not be stored as it is.
    """
    import pyarrow as pa  # noqa: PLC0415 - 0.2 s, and SQL nodes do without it

    given = list(values)
    pandas = pandas or not all(issubclass(kind, (Real, list, tuple, Mapping)) or _is_array(kind) for kind in _types(given))
    kinds = _kinds(given)
    if kinds == {Map}:
        return _maps(given, pa, pandas=pandas)
    if (pandas or kinds <= {int, float}) and _plain(given):
        return pa.array(given, from_pandas=pandas)
    if all(issubclass(kind, Mapping) for kind in kinds):
        return _structs(given, pa, pandas=pandas)
    if all(kind in (list, tuple) or _is_array(kind) for kind in kinds):
        return _lists(given, pa, pandas=pandas)
    return _scalars(given, kinds, pa, pandas=pandas)


def _is_array(kind: type) -> bool:
    return hasattr(kind, "tolist") and hasattr(kind, "__iter__") and not issubclass(kind, (str, bytes, memoryview))


def _types(values: Sequence[Any]) -> set[type]:
    return {kind for kind in set(map(type, values)) if kind.__name__ not in ("NoneType", "NAType", "NaTType")}


def _kinds(values: Sequence[Any]) -> set[type]:
    """The types of what is not missing."""
    kinds = _types(values)
    if len(kinds) > 1 and float in kinds and all(value != value for value in values if type(value) is float):  # noqa: PLR0124
        kinds.remove(float)  # NaN alone
    return kinds


def _plain(values: Iterable[Any]) -> bool:
    """Whether Arrow is sure to keep what is in them, at any depth, or to raise."""
    values = list(values)
    kinds = _kinds(values)
    if not kinds or kinds == {int, float} or (len(kinds) == 1 and kinds <= PLAIN):
        return True
    if kinds <= {list, tuple}:
        return _plain(chain.from_iterable(value for value in values if isinstance(value, (list, tuple))))
    if kinds == {dict}:
        rows = [value for value in values if isinstance(value, dict)]
        return all(_plain(row.get(name) for row in rows) for name in {name for row in rows for name in row})
    if kinds in ({dt.datetime}, {dt.time}):
        return all(value.tzinfo is None for value in values if isinstance(value, (dt.datetime, dt.time)))
    types = {(value.dtype, value.ndim) for value in values if hasattr(value, "dtype")}
    if len(types) != 1 or {kind.__name__ for kind in kinds} != {"ndarray"}:
        return False
    dtype, dimensions = types.pop()
    return dimensions == 1 and dtype.kind in "iufb"


def _maps(values: Sequence[Any], pa: Any, *, pandas: bool) -> Any:
    offsets, pairs = _flat([value.items() if isinstance(value, Map) else value for value in values], pa)
    items = array_of((one for _, one in pairs), pandas=pandas)
    return pa.MapArray.from_arrays(offsets, array_of(name for name, _ in pairs), items)


def _lists(values: Sequence[Any], pa: Any, *, pandas: bool) -> Any:
    offsets, flat = _flat([_elements(value) for value in values], pa)
    return pa.ListArray.from_arrays(offsets, array_of(flat, pandas=pandas))


def _elements(value: Any) -> Any:
    """Those of an array as Python has them, and None where it is masked; times stay NumPy's, whose own may be numbers."""
    return value.tolist() if hasattr(value, "tolist") and _letter(value) not in "mM" else value


def _flat(values: Sequence[Any], pa: Any) -> tuple[Any, list[Any]]:
    """Where each value begins among all of their elements; null where one is missing."""
    offsets, flat = [], list[Any]()
    for value in values:
        if not (missing := _missing(value)) and not hasattr(value, "__iter__"):
            raise ValueError(f"{value!r:.200} stands among {type(values[0]).__name__}s")
        offsets.append(None if missing else len(flat))
        flat.extend(() if missing else value)
    return pa.array([*offsets, len(flat)], pa.int32()), flat


def _structs(values: Sequence[Any], pa: Any, *, pandas: bool) -> Any:
    rows = [{} if _missing(value) else value for value in values]
    names = list(dict.fromkeys(name for row in rows for name in row))
    odd = next((name for name in names if not isinstance(name, str)), None)
    if odd is not None or not names:
        raise ValueError(
            "a dict without keys has no place in Parquet" if odd is None else f"the key {odd!r} of a dict is no text"
        )
    arrays = [array_of((row.get(name) for row in rows), pandas=pandas) for name in names]
    return pa.StructArray.from_arrays(arrays, names=names, mask=pa.array([_missing(value) for value in values]))


def _scalars(values: Sequence[Any], kinds: set[type], pa: Any, *, pandas: bool) -> Any:
    if dt.date in kinds and any(issubclass(kind, dt.datetime) for kind in kinds):
        values = [dt.datetime.combine(value, dt.time()) if type(value) is dt.date else value for value in values]
    nulls = _missing if pandas else _nothing
    values = [None if nulls(value) else _of_utc(value) for value in values]
    made = _made(values, kinds, pa)
    for row, (value, stored) in enumerate(zip(values, made.to_pylist(), strict=True)):
        if not _same(value, stored):
            raise ValueError(f"{value!r:.200} (row {row:,}) would become {stored!r:.200}")
    return made


def _of_utc(value: Any) -> Any:
    """A time with a zone in UTC: once pandera is imported, Arrow takes the hour of any other zone for one of UTC."""
    return value.astimezone(dt.UTC) if isinstance(value, dt.datetime) and value.tzinfo is not None else value


def _made(values: Sequence[Any], kinds: set[type], pa: Any) -> Any:
    """What Arrow makes of them; ids it knows of itself only from 19 on, and of pandas' timestamps it takes microseconds."""
    if kinds == {UUID}:
        return pa.ExtensionArray.from_storage(pa.uuid(), pa.array([one and one.bytes for one in values], pa.binary(16)))
    if any(getattr(value, "nanosecond", 0) for value in values):
        import pandas as pd  # noqa: PLC0415 - it is there: they are its own

        return pa.array(pd.Series(pd.DatetimeIndex(list(values))))
    return pa.array(values)


def _same(given: Any, stored: Any) -> bool:
    if given is None:
        return stored is None
    if _letter(given) in "Mm":
        import pandas as pd  # noqa: PLC0415 - 0.5 s, and only times of NumPy need it

        return bool((pd.Timestamp if _letter(given) == "M" else pd.Timedelta)(given) == stored)
    plain = given.item() if hasattr(given, "item") else given.as_py() if hasattr(given, "as_py") else given
    same = bool(plain == stored) or (_missing(plain) and _missing(stored))
    return same and isinstance(plain, bool) == isinstance(stored, bool)


def _nothing(value: Any) -> bool:
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def _missing(value: Any) -> bool:
    if _nothing(value):
        return True
    number = isinstance(value, (float, Decimal)) or (_letter(value) in "fMm" and getattr(value, "ndim", 1) == 0)
    return number and bool(value != value)  # noqa: PLR0124 - what NaN is known by


def _letter(value: Any) -> str:
    """The kind of NumPy's type; a blank for what is not its own."""
    return str(getattr(getattr(value, "dtype", None), "kind", " "))


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
        raise ValueError(
            f"{kind.extension_name} is no type of a table: without it, what is stored would mean something else"
        )
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
    """The fields of a struct: of those that differ in case only DuckDB would rename one, and those without a name."""
    fields = [kind.field(number) for number in range(kind.num_fields)]
    if not fields:
        raise ValueError("a dict without keys, a struct without fields, has no place in Parquet")
    if doubled([one.name for one in fields]):
        raise ValueError(f"the fields {', '.join(one.name for one in fields)} of a struct are doubled (case is ignored)")
    if any(not one.name or "\0" in one.name for one in fields):
        raise ValueError("a field of a struct has no name, or one with a zero byte")
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


def within(kind: Any, wanted: Callable[[Any], bool]) -> bool:
    """Whether a type, or one that it is made of, is wanted."""
    return wanted(kind) or any(within(kind.field(number).type, wanted) for number in range(kind.num_fields))


def parts_of(intervals: Any) -> Any:
    """Months, days and nanoseconds of an array of intervals, as a structured array of NumPy; 0 where one is null."""
    import numpy as np  # noqa: PLC0415 - Arrow has loaded it

    parts = np.dtype([("months", "<i4"), ("days", "<i4"), ("nanoseconds", "<i8")])
    data = intervals.buffers()[1]
    found = np.frombuffer(data, parts, len(intervals), intervals.offset * parts.itemsize) if data else np.zeros(0, parts)
    return np.where(intervals.is_valid().to_numpy(zero_copy_only=False), found, np.zeros(1, parts)) if len(found) else found
