"""A result of DuckDB as a frame: each value as it is, or an error that names the column. Reads, and stores nothing.

pandas is made from Arrow here, for both ways that lead there lose something: DuckDB's own makes DECIMAL and HUGEINT
floats, and Arrow's makes floats of integers with NULLs, in a list as well. Arrow, in turn, has no place for some of
DuckDB's types, and DuckDB hands on wrong values for them: -1 for a UHUGEINT, a TIMETZ without its offset.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from seeknal_nb.config import FORMS
from seeknal_nb.engines.columns import Map, leaves, parts_of, within
from seeknal_nb.errors import NodeError, near
from seeknal_nb.sql.text import column

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["arrow_of", "fetched"]

INSTEAD: Mapping[str, str] = {
    "HUGEINT": "DECIMAL(38,0)",
    "UHUGEINT": "DECIMAL(38,0)",
    "TIME WITH TIME ZONE": "VARCHAR",
    "BIT": "VARCHAR",
    "BIGNUM": "VARCHAR",
    "VARIANT": "JSON",
}
"""What a type comes as that Arrow has no place for. HUGEINT is then BIGINT where all values fit, as in a stored table."""
HOMELESS = frozenset({"uhugeint", "time with time zone", "bit", "bignum", "variant"})
"""Of these, those that cannot be handed on within another type."""
NESTED = frozenset({"list", "array", "struct", "map", "union"})
DAY = 24 * 60 * 60 * 1_000_000
"""In microseconds."""
FARTHEST = 2**63 // (2 * DAY)
"""Days that fit microseconds, and leave room for a time of day."""


def fetched(relation: Any, form: str) -> Any:
    """The rows in that form; ``rows`` is a list of tuples.

    Raises:
        NodeError: There is no such form, or a column does not fit it.
    """
    if form == "rows":
        return relation.fetchall()
    if form not in FORMS:
        raise NodeError(f"unknown frame {form!r}", remedy=near(form, FORMS, what="frame"))
    table = arrow_of(relation)
    if form == "arrow":
        return table
    uuids = {name for name, kind in zip(relation.columns, relation.types, strict=True) if str(kind) == "UUID"}
    return {"pandas": _pandas, "pandas_arrow": _pandas_arrow, "polars": _polars}[form](table, uuids)


def arrow_of(relation: Any) -> Any:
    """The relation as an Arrow table.

    Raises:
        NodeError: A type within another one has no place in Arrow.
    """
    types = dict(zip(relation.columns, relation.types, strict=True))
    for name, kind in types.items():
        if kind.id in NESTED and _homeless(kind):
            raise NodeError(
                f"the column {name} cannot be handed on", why=f"Arrow has no {kind}", remedy=f"CAST({column(name)} AS JSON)"
            )
    casts = {column(name): INSTEAD[str(kind)] for name, kind in types.items() if str(kind) in INSTEAD}
    if casts:
        # The null of a VARIANT is the JSON null to DuckDB 1.5.
        values = (f"CASE WHEN {c} IS NOT NULL THEN CAST({c} AS {kind}) END AS {c}" for c, kind in casts.items())
        relation = relation.project(f"* REPLACE ({', '.join(values)})")
    table = relation.to_arrow_table()
    for name in (name for name, kind in types.items() if str(kind) in ("HUGEINT", "UHUGEINT")):
        table = _narrowed(table, table.column_names.index(name))
    return table


def _homeless(kind: Any) -> bool:
    if kind.id in NESTED:
        return any(_homeless(child) for name, child in kind.children if name != "size")
    return kind.id in HOMELESS


def _narrowed(table: Any, number: int) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - it is there: the table is one of its own

    try:
        return table.set_column(number, table.column_names[number], table.column(number).cast(pa.int64()))
    except pa.ArrowInvalid:
        return table


def _each(table: Any, form: str, make: Callable[[Any, str], Any]) -> list[Any]:
    """What is made of each column; an error names the column."""
    import pyarrow as pa  # noqa: PLC0415 - likewise

    made = []
    for name, values in zip(table.column_names, table.columns, strict=True):
        try:
            _check(values, form, pa)
            made.append(make(values, name))
        except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
            raise NodeError(
                f"the column {name} cannot be a column of {form}", why=str(error)[:1000],
                remedy=f"CAST({column(name)} AS VARCHAR) in SQL, or as: arrow",
            ) from error  # fmt: skip
    return made


def _check(values: Any, form: str, pa: Any) -> None:
    """Refuse what Python, pandas and polars would take for another value: infinite times, and 24:00."""
    import pyarrow.compute as pc  # noqa: PLC0415 - likewise

    for leaf in (leaf for chunk in values.chunks for leaf in leaves(chunk, pa)):
        kind = leaf.type
        if not (pa.types.is_timestamp(kind) or pa.types.is_date32(kind) or pa.types.is_time64(kind)):
            continue
        whole = pa.int32() if pa.types.is_date32(kind) else pa.int64()
        least, most = pc.min_max(leaf.cast(whole)).as_py().values()
        if most is None:
            continue
        if pa.types.is_time64(kind):
            if most >= DAY * (1_000 if kind.unit == "ns" else 1):
                raise ValueError(f"{form} has no 24:00:00")
        elif max(most, -least) == 2 ** (whole.bit_width - 1) - 1:
            raise ValueError(f"{form} has no infinite time")


def _pandas(table: Any, uuids: set[str]) -> Any:
    """NumPy's types where they hold each value; nullable ones for integers and truth with NULLs; else Python's objects."""
    import pandas as pd  # noqa: PLC0415 - half a second, and SQL nodes do without it

    series = _each(table, "pandas", lambda values, name: _series(values, uuid=name in uuids))
    frame = pd.DataFrame(dict(enumerate(series)), index=pd.RangeIndex(table.num_rows))
    return frame.set_axis(table.column_names, axis=1)


def _series(values: Any, *, uuid: bool) -> Any:
    import pandas as pd  # noqa: PLC0415 - likewise
    import pyarrow as pa  # noqa: PLC0415 - likewise

    kind, types = values.type, pa.types
    if uuid:
        return _objects(None if one is None else UUID(one) for one in values.to_pylist())
    if types.is_nested(kind):
        return _nested(values, pa)
    if types.is_interval(kind):
        spans = _spans(values, pa)
        return _objects(values.to_pylist()) if spans is None else spans.to_pandas()
    if types.is_date32(kind):
        return values.cast(pa.timestamp("us")).to_pandas()
    if types.is_dictionary(kind):  # an ENUM counts from 0, and Arrow 18 gives pandas no such counts
        return values.cast(pa.dictionary(pa.int32(), kind.value_type, kind.ordered)).to_pandas()
    if values.null_count and (types.is_integer(kind) or types.is_boolean(kind)):
        name = "boolean" if types.is_boolean(kind) else str(kind).replace("int", "Int").replace("uI", "UI")
        return values.to_pandas(types_mapper=lambda _: pd.api.types.pandas_dtype(name))
    return values.to_pandas()


def _objects(values: Iterable[Any]) -> Any:
    import pandas as pd  # noqa: PLC0415 - likewise

    return pd.Series(list(values), dtype="object")


def _nested(values: Any, pa: Any) -> Any:
    """Lists, dicts and None, not arrays of NumPy, which have no NULL."""
    for leaf in (leaf for chunk in values.chunks for leaf in leaves(chunk, pa)):
        if leaf.type == pa.time64("ns"):
            leaf.cast(pa.time64("us"))  # raises where Python would cut it
    return _objects(_value(one, values.type, pa) for one in values.to_pylist())


def _value(value: Any, kind: Any, pa: Any) -> Any:
    """A value of that type with its maps as such; Arrow has lists of pairs for them."""
    if value is None:
        return None
    if pa.types.is_map(kind):
        return Map((name, _value(one, kind.item_type, pa)) for name, one in value)
    if pa.types.is_struct(kind):
        return {name: _value(one, kind.field(name).type, pa) for name, one in value.items()}
    if hasattr(kind, "value_field"):
        return [_value(one, kind.value_type, pa) for one in value]
    return value


def _spans(values: Any, pa: Any) -> Any:
    """Intervals as durations of microseconds; None where one has months, which are of no one length."""
    made = []
    for chunk in values.chunks:
        parts = parts_of(chunk)
        days = parts["days"].astype("int64")
        if parts["months"].any() or (abs(days) > FARTHEST).any():
            return None
        spans = pa.array(days * DAY + parts["nanoseconds"] // 1_000, mask=chunk.is_null().to_numpy(zero_copy_only=False))
        made.append(spans.cast(pa.duration("us")))
    return pa.chunked_array(made, pa.duration("us"))


def _with_spans(values: Any) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - likewise

    spans = _spans(values, pa) if pa.types.is_interval(values.type) else None
    return values if spans is None else spans


def _pandas_arrow(table: Any, _: set[str]) -> Any:
    import pandas as pd  # noqa: PLC0415 - likewise
    import pyarrow as pa  # noqa: PLC0415 - likewise

    def make(values: Any, _: str) -> Any:
        values = _with_spans(values)  # with months, pandas has no dtype for them
        return _objects(values.to_pylist()) if pa.types.is_interval(values.type) else pd.arrays.ArrowExtensionArray(values)

    frame = pd.DataFrame(dict(enumerate(_each(table, "pandas", make))), index=pd.RangeIndex(table.num_rows))
    return frame.set_axis(table.column_names, axis=1)


def _polars(table: Any, _: set[str]) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - likewise

    try:
        import polars as pl  # noqa: PLC0415 - only who asks for it needs it
    except ImportError as error:
        raise NodeError("polars is not installed", remedy="pip install polars") from error

    def make(values: Any, _: str) -> Any:
        values = _with_spans(values)
        for odd, name in (
            (pa.types.is_interval, "INTERVAL of months, or within another type"),
            (pa.types.is_union, "UNION"),
        ):
            if within(values.type, odd):
                raise ValueError(f"polars has no {name}")
        return values

    made = _each(table, "polars", make)
    fields = [field.with_type(values.type) for field, values in zip(table.schema, made, strict=True)]
    return pl.from_arrow(pa.Table.from_arrays(made, schema=pa.schema(fields)))
