"""What a Python body may give back, as an Arrow table: exact, or an error that names the column. Knows no engine.

What comes is told by its library's name: none is imported for it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from seeknal_nb.engines.columns import array_of, storable
from seeknal_nb.engines.fetched import arrow_of
from seeknal_nb.engines.names import distinct, refuse_doubled, renamed
from seeknal_nb.errors import NodeError

__all__ = ["decimals", "is_frame", "is_of", "taken", "to_arrow"]

REMEDY = "return a pandas, polars or Arrow table, a DuckDB relation, a list of dicts or a dict of columns"
UNNAMED = "value"
"""What the column of a Series without a name is called."""


def is_frame(value: object) -> bool:
    """Whether ``to_arrow`` would take it, by its looks alone."""
    return hasattr(value, "__arrow_c_stream__") or isinstance(value, (list, Mapping)) or _is_pandas(value)


def to_arrow(value: object) -> Any:
    """The value as a ``pyarrow.Table``; columns that hold nothing but nulls become text.

    Raises:
        NodeError: The value is no table, or a column cannot be stored as it is.
    """
    return taken(value)[0]


def taken(value: object) -> tuple[Any, tuple[str, ...]]:
    """The value as ``to_arrow`` gives it, and warnings of what may be a mistake."""
    import pyarrow as pa  # noqa: PLC0415 - 0.2 s, and SQL nodes do without it

    made = _table(value, pa)
    _check_names(made.column_names)
    names = distinct(made.column_names) if "" in made.column_names else []
    given = table = made.rename_columns(names) if names else made
    for number, field in enumerate(given.schema):
        stored = _column(field.name, lambda: storable(given.column(number)))  # noqa: B023 - called at once
        if stored.type != field.type:
            table = table.set_column(number, field.with_type(stored.type), stored)
    return table.replace_schema_metadata(None), (*(renamed(made.column_names, names) if names else ()), *_notes(given, pa))


def _check_names(names: list[str]) -> None:
    refuse_doubled(names)
    if not names:
        raise NodeError("the result has no columns", remedy=REMEDY)
    cut = next((name for name in names if "\0" in name), None)
    if cut is not None:
        raise NodeError(f"the column {cut!r} cannot be called so", why="its name holds a zero byte", remedy="rename it")


def _notes(table: Any, pa: Any) -> Iterator[str]:
    if table.num_rows and all(column.null_count == table.num_rows for column in table.columns):
        yield f"the result is null in all of its {table.num_rows:,} rows"
    elif untold := [field.name for field in table.schema if table.num_rows and pa.types.is_null(field.type)]:
        yield f"stored as VARCHAR, for nothing tells their type: {', '.join(untold)} (all values are None)"


def _column(name: object, make: Callable[[], Any]) -> Any:
    try:
        return make()
    except (ArithmeticError, TypeError, ValueError, NotImplementedError) as error:  # Arrow's own are among them
        raise NodeError(
            f"the column {name} cannot be stored as it is", why=str(error)[:1000],
            remedy="give it one type that a table has, as df.astype({...}); or text: .astype(str)",
        ) from error  # fmt: skip


def _table(value: Any, pa: Any) -> Any:
    if isinstance(value, pa.Table):
        return value
    if _is_pandas(value):
        return _of_pandas(value, pa)
    if isinstance(value, Mapping):
        return _of_mapping(value, pa)
    if isinstance(value, list) and value and all(isinstance(row, Mapping) for row in value):
        names = dict.fromkeys(name for row in value for name in row)
        return _of_columns([(name, [row.get(name) for row in value]) for name in names], pa)
    if isinstance(value, (pa.Array, pa.ChunkedArray)):
        return pa.table([value], names=[UNNAMED])
    if is_of(value, "polars"):
        return _of_polars(value, pa)
    if is_of(value, "duckdb") and hasattr(value, "to_arrow_table"):
        return _of_relation(value)
    if hasattr(value, "__arrow_c_stream__"):
        return _streamed(value, pa)
    what = "nothing" if value is None else f"a {type(value).__name__}"
    remedy = f"{REMEDY}; a single value is a row: [{{'value': 7}}]" if isinstance(value, (str, int, float)) else REMEDY
    raise NodeError(f"the body gave {what}, not a table", remedy=remedy)


def _streamed(value: Any, pa: Any) -> Any:
    try:
        return pa.RecordBatchReader.from_stream(value).read_all()
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise NodeError("the result cannot be stored", why=str(error)[:1000], remedy=REMEDY) from error


def _of_relation(relation: Any) -> Any:
    import duckdb  # noqa: PLC0415 - the relation is one of its own

    try:
        return arrow_of(relation)
    except duckdb.Error as error:
        raise NodeError("the relation cannot be read", why=str(error)[:1000], remedy="mend its SQL") from error


def _of_columns(columns: Iterable[tuple[object, Any]], pa: Any) -> Any:
    """A table of named columns, of whatever libraries."""
    arrays = [(str(name), _column(name, lambda: _array(values, pa))) for name, values in columns]  # noqa: B023 - called at once
    lengths = {len(array) for _, array in arrays}
    if len(lengths) > 1:
        why = ", ".join(f"{name}: {len(array):,}" for name, array in arrays[:20])
        raise NodeError("the columns are of different lengths", why=why, remedy="give them one")
    return pa.table([array for _, array in arrays], names=[name for name, _ in arrays])


def _array(values: Any, pa: Any) -> Any:
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values
    if is_of(values, "pandas"):
        return _of_series(sys.modules["pandas"].Series(values), pa)
    if is_of(values, "polars"):
        return _of_polars(values, pa).column(0)
    if getattr(getattr(values, "dtype", None), "kind", "O") != "O":  # an array of NumPy
        return pa.array(values)
    return array_of(values)


def _of_mapping(columns: Mapping[Any, Any], pa: Any) -> Any:
    """A dict of columns; or of single values, which are one row."""
    long = [name for name, values in columns.items() if _is_column(values)]
    if not long and columns and not all(isinstance(value, Mapping) for value in columns.values()):
        return _of_columns([(name, [value]) for name, value in columns.items()], pa)
    odd = next((name for name in columns if name not in long), None)
    if odd is not None:
        raise NodeError(
            f"{odd!r} of the dict is a {type(columns[odd]).__name__}, not a column",
            remedy="return lists of one length, single values for one row, or a list of rows",
        )
    _check_labels([values for values in columns.values() if _is_pandas(values)])
    return _of_columns(columns.items(), pa)


def _check_labels(series: Sequence[Any]) -> None:
    """Series are put side by side by place: pandas would do it by their labels."""
    if any(not one.index.equals(series[0].index) for one in series[1:]):
        raise NodeError(
            "the columns of the dict have different indexes",
            why="their rows stand in other orders, or are others",
            remedy="return pd.DataFrame({...}), which goes by the index, or reset_index(drop=True) of each",
        )


def _is_column(values: Any) -> bool:
    if isinstance(values, (str, bytes, bytearray, Mapping)) or getattr(values, "ndim", 1) == 0:
        return False
    return hasattr(values, "__len__") and not isinstance(values, (set, frozenset))


def is_of(value: object, package: str) -> bool:
    """Whether the value's class, or the class that it is, comes from that package; nothing is imported for it."""
    kind = value if isinstance(value, type) else type(value)
    return any(base.__module__.partition(".")[0] in (package, f"_{package}") for base in kind.__mro__)


def _is_pandas(value: object) -> bool:
    """Whether it is a frame or a Series of pandas, or of a class that is made of one, as geopandas has."""
    named = {base.__name__ for base in type(value).__mro__ if base.__module__.partition(".")[0] == "pandas"}
    return not named.isdisjoint(("DataFrame", "Series"))


def _of_pandas(frame: Any, pa: Any) -> Any:
    if hasattr(frame, "to_frame"):
        frame = frame.to_frame(UNNAMED if frame.name is None else frame.name)
    if frame.columns.nlevels > 1:
        raise NodeError("the result has columns of several levels", remedy="flatten them: df.columns = [...]")
    if _tells(frame.index):
        try:
            frame = frame.reset_index()
        except ValueError as error:
            raise NodeError("the index is called as a column is", why=str(error), remedy="df.rename_axis(...)") from error
    return _of_columns(((name, frame.iloc[:, number]) for number, name in enumerate(frame.columns)), pa)


def decimals(frame: Any) -> list[Any]:
    """The columns of a pandas frame that hold Python's decimals, as those that were DECIMAL do."""
    objects = [name for name, dtype in frame.dtypes.items() if dtype == "object"]
    return [name for name in objects if isinstance(next(iter(frame[name].dropna()), None), Decimal)]


def _tells(index: Any) -> bool:
    """Whether an index is data: with a name, or of anything but whole numbers, which are the places of rows."""
    if index.nlevels > 1 or index.name is not None:
        return True
    return getattr(index.dtype, "kind", "O") not in "iu" and not (len(index) == 0 and index.dtype == "object")


def _of_series(series: Any, pa: Any) -> Any:
    pd, dtype = sys.modules["pandas"], series.dtype
    if isinstance(dtype, pd.SparseDtype):
        series = series.sparse.to_dense()
    if isinstance(dtype, pd.CategoricalDtype) and dtype.categories.dtype == "object":
        series = series.astype("object")
    if series.dtype == "object":
        return array_of(series.array, pandas=True)
    if type(dtype).__module__.partition(".")[0] not in ("pandas", "numpy") and not hasattr(series.array, "__arrow_array__"):
        raise TypeError(f"{dtype} has no type of Arrow")
    return pa.array(series, from_pandas=True)


def _of_polars(value: Any, pa: Any) -> Any:
    frame = value.collect() if hasattr(value, "collect") else value
    if hasattr(frame, "to_frame"):
        frame = frame.to_frame(frame.name or UNNAMED)
    columns = {one.name: _column(one.name, lambda: _of_polars_series(one)) for one in frame.get_columns()}  # noqa: B023 - likewise
    return _streamed(type(frame)(columns), pa)


def _of_polars_series(series: Any) -> Any:
    """A Series whose type Arrow has: polars would hand on the addresses of Python's objects, and has wider integers."""
    kind = str(series.dtype)
    if kind == "Object":
        raise TypeError("it holds objects of Python")
    if kind not in ("Int128", "UInt128"):
        return series
    made = series.cast(sys.modules["polars"].Decimal(38, 0), strict=False)
    if made.null_count() > series.null_count():
        raise OverflowError("an integer has more than 38 digits")
    return made
