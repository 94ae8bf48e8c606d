"""What a Python body may give back, as an Arrow table: exact, or an error that names the column. Knows no engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seeknal_nb.errors import NodeError

__all__ = ["is_frame", "to_arrow"]

REMEDY = "return a pandas, polars or Arrow table, a DuckDB relation, a list of dicts or a dict of columns"


def is_frame(value: object) -> bool:
    """Whether ``to_arrow`` would take it, by its looks alone."""
    return hasattr(value, "__arrow_c_stream__") or isinstance(value, (list, Mapping)) or _is_pandas(value)


def to_arrow(value: object) -> Any:
    """The value as a ``pyarrow.Table``; columns that hold nothing but nulls become text.

    Raises:
        NodeError: The value is no table, or a column cannot be stored as it is.
    """
    import pyarrow as pa  # noqa: PLC0415 - 0.2 s, and SQL nodes do without it

    try:
        table = _table(value, pa)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise NodeError("the result cannot be stored", why=str(error)[:1000], remedy=_remedy(error)) from error
    names = table.column_names
    doubled = sorted({name for name in names if sum(n.casefold() == name.casefold() for n in names) > 1})
    if doubled:
        raise NodeError(
            "the result has doubled columns", why=f"{', '.join(doubled)} (case is ignored)", remedy="rename them"
        )
    if not names:
        raise NodeError("the result has no columns", remedy=REMEDY)
    return _without_null_types(table, pa)


def _table(value: object, pa: Any) -> Any:
    if isinstance(value, pa.Table):
        return value
    if _is_pandas(value):
        return _of_pandas(_flat(value), pa)
    if isinstance(value, Mapping):
        return pa.table(dict(value))
    if isinstance(value, list) and value and all(isinstance(row, Mapping) for row in value):
        names = list(dict.fromkeys(name for row in value for name in row))
        return pa.table({str(name): [row.get(name) for row in value] for name in names})
    if hasattr(value, "collect_schema") and hasattr(value, "collect"):
        value = value.collect()
    if hasattr(value, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(value).read_all()
    what = "nothing" if value is None else f"a {type(value).__name__}"
    raise NodeError(f"the body gave {what}, not a table", remedy=REMEDY)


def _of_pandas(frame: Any, pa: Any) -> Any:
    try:
        return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    except OverflowError:  # the one error of Arrow that does not say which column it is about
        for number, name in enumerate(frame.columns):
            try:
                pa.Array.from_pandas(frame.iloc[:, number])
            except OverflowError as error:
                raise OverflowError(f"column {name}: {error}") from error
        raise


def _is_pandas(value: object) -> bool:
    return type(value).__module__.partition(".")[0] == "pandas" and type(value).__name__ in ("DataFrame", "Series")


def _flat(frame: Any) -> Any:
    if type(frame).__name__ == "Series":
        frame = frame.to_frame()
    if frame.columns.nlevels > 1:
        raise NodeError("the result has columns of several levels", remedy="flatten them: df.columns = [...]")
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    return frame.set_axis([str(name) for name in frame.columns], axis=1)


def _without_null_types(table: Any, pa: Any) -> Any:
    for number, field in enumerate(table.schema):
        if pa.types.is_null(field.type):
            table = table.set_column(number, field.name, table.column(number).cast(pa.string()))
    return table


def _remedy(error: Exception) -> str:
    return "give the column one type: df.astype({...})" if "column" in str(error) else REMEDY
