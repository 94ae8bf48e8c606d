"""Frames in and out of the engine: every value is what it was, or the frame is refused with its column.

The tables of cases were worked out by hand; the random ones are compared by DuckDB, in both types, before and after.
"""

from __future__ import annotations

import datetime as dt
import enum
import uuid
from collections import Counter, namedtuple
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from seeknal_nb.config import FORMS
from seeknal_nb.engines import Relation, Session
from seeknal_nb.engines.columns import Map
from seeknal_nb.engines.duckdb import DuckDB
from seeknal_nb.errors import NodeError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UTC, INDIA, BERLIN = dt.UTC, dt.timezone(dt.timedelta(hours=5, minutes=30)), ZoneInfo("Europe/Berlin")
DAY, NOON = dt.date(2024, 1, 1), dt.datetime(2024, 1, 1, 12)
STR = str(pd.Series(["a"]).dtype)
"""What pandas calls a column of text: object before 3."""


@pytest.fixture(scope="module")
def database() -> Iterator[DuckDB]:
    made = DuckDB()
    yield made
    made.close()


@pytest.fixture(scope="module")
def engine(database: DuckDB) -> Iterator[Session]:
    with database.session({}) as session:
        yield session


def kept(engine: Session, value: Any, folder: Path) -> tuple[list[tuple[str, str]], list[tuple[Any, ...]]]:
    """(column, SQL type) and rows of what was stored."""
    table = engine.take(value, folder / "a.parquet")
    schema, found = list(table.schema), pq.read_table(folder / "a.parquet").to_pylist()
    return schema, [tuple(_told(row[name], kind) for name, kind in schema) for row in found]


def _told(value: Any, kind: str) -> Any:
    """Arrow 18 reads ids as bytes."""
    return uuid.UUID(bytes=value) if kind == "UUID" and isinstance(value, bytes) else value


# A column of Python's objects

COLUMNS: dict[str, tuple[list[Any], str, list[Any]]] = {
    "a datetime among dates": ([DAY, NOON], "TIMESTAMP", [dt.datetime(2024, 1, 1), NOON]),
    "a date among datetimes": ([NOON, DAY], "TIMESTAMP", [NOON, dt.datetime(2024, 1, 1)]),
    "dates": ([DAY, None], "DATE", [DAY, None]),
    "several zones": ([NOON.replace(tzinfo=INDIA), NOON.replace(tzinfo=UTC)], "TIMESTAMP WITH TIME ZONE",
                      [dt.datetime(2024, 1, 1, 6, 30, tzinfo=UTC), NOON.replace(tzinfo=UTC)]),
    "both hours of a night": (
        [dt.datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN), dt.datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=BERLIN)],
        "TIMESTAMP WITH TIME ZONE",
        [dt.datetime(2024, 10, 27, 0, 30, tzinfo=UTC), dt.datetime(2024, 10, 27, 1, 30, tzinfo=UTC)]),
    "far years": ([dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999)], "TIMESTAMP",
                  [dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999)]),
    "timestamps of pandas": ([pd.Timestamp(NOON), pd.NaT], "TIMESTAMP", [NOON, None]),
    "nanoseconds": ([pd.Timestamp("2024-01-01 00:00:00.000000001"), NOON], "TIMESTAMP_NS",
                    [pd.Timestamp("2024-01-01 00:00:00.000000001"), pd.Timestamp(NOON)]),
    "times of NumPy": ([np.datetime64("2024-01-01T12:00:00.000000")], "TIMESTAMP", [NOON]),
    "times": ([dt.time(1, 2, 3, 4)], "TIME", [dt.time(1, 2, 3, 4)]),
    "integers and floats": ([1, 2.5, None], "DOUBLE", [1.0, 2.5, None]),
    "integers of NumPy": ([np.int8(1), 2**40], "BIGINT", [1, 2**40]),
    "decimals of several scales": ([Decimal("1.5"), Decimal("0.125"), 2], "DECIMAL(4,3)",
                                   [Decimal("1.500"), Decimal("0.125"), Decimal("2.000")]),
    "a decimal that is no number": ([Decimal("1.5"), Decimal("NaN")], "DECIMAL(2,1)", [Decimal("1.5"), None]),
    "what pandas has for nothing": ([pd.NA, "a", float("nan"), None, pd.NaT], "VARCHAR", [None, "a", None, None, None]),
    "words of an enum": ([enum.StrEnum("E", "a")["a"]], "VARCHAR", ["a"]),  # type: ignore[index]
    "text with NUL": (["a\x00b", ""], "VARCHAR", ["a\x00b", ""]),
    "bytes": ([b"\x00", bytearray(b"a"), memoryview(b"b"), np.bytes_(b"c")], "BLOB", [b"\x00", b"a", b"b", b"c"]),
    "ids": ([uuid.UUID(int=7), None], "UUID", [uuid.UUID(int=7), None]),
    "lists": ([[1, None], (), None], "BIGINT[]", [[1, None], [], None]),
    "a datetime among dates of a list": ([[DAY, NOON]], "TIMESTAMP[]", [[dt.datetime(2024, 1, 1), NOON]]),
    "lists of nothing": ([[], [None]], "VARCHAR[]", [[], [None]]),
    "arrays": ([np.array([1.5, 2.5]), np.array([], "float64")], "DOUBLE[]", [[1.5, 2.5], []]),
    "arrays of times": ([np.array(["2024-01-01T12"], "datetime64[us]")], "TIMESTAMP[]", [[NOON]]),
    "arrays of two dimensions": ([np.array([[1.5], [2.5]])], "DOUBLE[][]", [[[1.5], [2.5]]]),
    "masked arrays": ([np.ma.array([1, 2], mask=[False, True])], "BIGINT[]", [[1, None]]),
    "a masked array in a list": ([[np.ma.array([1, 2], mask=[False, True])]], "BIGINT[][]", [[[1, None]]]),
    "series": ([pd.Series([1, 2])], "BIGINT[]", [[1, 2]]),
    "dicts": ([{"a": 1}, {"b": "x"}, float("nan")], "STRUCT(a BIGINT, b VARCHAR)",
              [{"a": 1, "b": None}, {"a": None, "b": "x"}, None]),
    "a datetime among dates of a dict": ([{"a": DAY}, {"a": NOON}], "STRUCT(a TIMESTAMP)",
                                         [{"a": dt.datetime(2024, 1, 1)}, {"a": NOON}]),
    "counters": ([Counter("aab")], "STRUCT(a BIGINT, b BIGINT)", [{"a": 2, "b": 1}]),
    "maps": ([Map({1: "a"}), Map(), None], "MAP(BIGINT, VARCHAR)", [[(1, "a")], [], None]),
    "maps in a list": ([[Map(a=1)]], "MAP(VARCHAR, BIGINT)[]", [[[("a", 1)]]]),
    "spans": ([dt.timedelta(days=1, milliseconds=5)], "INTERVAL", None),
    "spans of months": ([pa.MonthDayNano((1, 2, 3_000_000))], "INTERVAL", None),
}  # fmt: skip

NAN = float("nan")
NANS: dict[str, tuple[Any, list[Any]]] = {
    "rows": ([{"v": 1.5}, {"v": NAN}, {"v": None}], [1.5, NAN, None]),
    "rows of integers": ([{"v": 1}, {"v": NAN}], [1.0, NAN]),
    "rows of NumPy": ([{"v": np.float64("nan")}, {"v": np.float32(1.5)}], [NAN, 1.5]),
    "rows of lists": ([{"v": [1.5, NAN, None]}], [[1.5, NAN, None]]),
    "rows of dicts": ([{"v": {"a": NAN}}, {"v": {"a": None}}], [{"a": NAN}, {"a": None}]),
    "a dict of columns": ({"v": [NAN, None]}, [NAN, None]),
    "an array": ({"v": np.array([NAN])}, [NAN]),
    "Arrow": (pa.table({"v": pa.array([NAN, None])}), [NAN, None]),
    "polars": (pl.DataFrame({"v": [NAN, None]}), [NAN, None]),
    "pandas": (pd.DataFrame({"v": [NAN, 1.5]}), [None, 1.5]),
    "objects of pandas": (pd.DataFrame({"v": pd.Series([NAN, 1.5, None], dtype=object)}), [None, 1.5, None]),
    "lists in pandas": (pd.DataFrame({"v": [[NAN, 1.5]]}), [[None, 1.5]]),
}


@pytest.mark.parametrize(("value", "expected"), NANS.values(), ids=NANS)
def test_nan_is_null_in_pandas_alone(engine, tmp_path, value, expected):
    assert repr([row[0] for row in kept(engine, value, tmp_path)[1]]) == repr(expected)


ODD_COLUMNS: dict[str, tuple[list[Any], str]] = {
    "naive beside zoned": ([NOON, NOON.replace(tzinfo=INDIA)], "would become"),
    "zoned beside naive": ([NOON.replace(tzinfo=INDIA), NOON], "would become"),
    "naive beside zoned in a list": ([[NOON, NOON.replace(tzinfo=INDIA)]], "would become"),
    "a number among dates": ([DAY, 1.5], "1.5"),
    "a number among times": ([NOON, 1000.0], "1000"),
    "a number among spans": ([dt.timedelta(1), 1000.0], "1000"),
    "a truth value among integers": ([1, True], "bool"),
    "an integer among truth values": ([True, 2], "2"),
    "a truth value among floats": ([1.5, True], "True"),
    "a truth value among integers of NumPy": ([np.int64(1), np.True_], ""),
    "an integer that a float cannot be": ([1.5, 2**53 + 1], "9007199254740993"),
    "an integer of 65 bits": ([2**64], "large"),
    "a float among decimals": ([Decimal("1.5"), 0.1], "float"),
    "a decimal among floats": ([0.1, Decimal("1.5")], "Decimal"),
    "decimals of more than 38 digits": ([Decimal("1e30"), Decimal("1e-20")], "38"),
    "an infinite decimal": ([Decimal("Infinity")], ""),
    "text among bytes": ([b"b", "a"], "would become"),
    "a text that is none": (["\ud800"], "surrogates"),
    "a time with a zone": ([dt.time(12, tzinfo=INDIA)], "would become"),
    "nanoseconds of naive and zoned": ([pd.Timestamp("2024-01-01 00:00:00.000000001"), NOON.replace(tzinfo=UTC)], ""),
    "nanoseconds of a far year": ([pd.Timestamp("2024-01-01 00:00:00.000000001"), dt.datetime(1, 1, 1)], ""),
    "a span that Parquet would cut": ([dt.timedelta(microseconds=1)], "would lose data"),
    "a span of months that Parquet would cut": ([pa.MonthDayNano((1, 0, 1_000))], "milliseconds"),
    "periods": ([pd.Period("2024-01")], "Period"),
    "sets, which have no order": ([{1, 2}], "would become"),
    "a set in a list": ([[{1, 2}]], "would become"),
    "named tuples": ([namedtuple("N", "x")(1)], "would become"),  # type: ignore[arg-type]  # noqa: PYI024
    "keys that are numbers": ([{1: 2}], "key"),
    "dicts without keys": ([{}], "keys"),
    "keys that differ in case": ([{"a": 1, "A": 2}], "case"),
    "lists of several types": ([[1, "a"]], "'a'"),
    "a number among lists": ([[1], 1.5], "list"),
    "objects": ([object()], "object"),
}


@pytest.mark.parametrize("make", [lambda v: [{"v": one} for one in v], lambda v: pd.DataFrame({"v": pd.Series(v, dtype=object)}),
                                  lambda v: {"v": v}], ids=["rows", "pandas", "dict"])  # fmt: skip
@pytest.mark.parametrize(("values", "kind", "expected"), COLUMNS.values(), ids=COLUMNS)
def test_objects_are_stored_as_they_are(engine, tmp_path, values, kind, expected, make):
    schema, rows = kept(engine, make(values), tmp_path)
    assert schema == [("v", kind)]
    assert expected is None or rows == [(one,) for one in expected]


@pytest.mark.parametrize("make", [lambda v: [{"v": one} for one in v], lambda v: pd.DataFrame({"v": pd.Series(v, dtype=object)})],
                         ids=["rows", "pandas"])  # fmt: skip
@pytest.mark.parametrize(("values", "fragment"), ODD_COLUMNS.values(), ids=ODD_COLUMNS)
def test_objects_that_would_be_changed_are_refused_with_their_column(engine, tmp_path, values, fragment, make):
    with pytest.raises(NodeError, match="column v ") as told:
        engine.take(make(values), tmp_path / "a.parquet")
    assert fragment in str(told.value)
    assert not (tmp_path / "a.parquet").exists()


# Types of pandas, polars and Arrow


def arrow_of(values: list[Any], kind: pa.DataType) -> pa.Table:
    return pa.table({"v": pa.array(values, kind)})


def series(values: Any, dtype: Any = None) -> pl.DataFrame:
    return pl.DataFrame({"v": pl.Series(values, dtype=dtype)})


def column(values: Any) -> pd.DataFrame:
    return pd.DataFrame({"v": values})


TYPED: dict[str, tuple[Any, str, list[Any]]] = {
    "pandas, half floats": (column(np.array([1.5], "float16")), "FLOAT", [1.5]),
    "pandas, sparse": (column(pd.arrays.SparseArray([0, 0, 1])), "BIGINT", [0, 0, 1]),
    "pandas, sparse floats": (column(pd.arrays.SparseArray([float("nan"), 1.5])), "DOUBLE", [None, 1.5]),
    "pandas, categories of numbers": (column(pd.Categorical([3, 1, None])), "BIGINT", [3, 1, None]),
    "pandas, categories of times": (column(pd.Categorical(pd.to_datetime([NOON]).as_unit("us"))), "TIMESTAMP", [NOON]),
    "pandas, categories of dates": (column(pd.Categorical([DAY])), "DATE", [DAY]),
    "pandas, nullable": (column(pd.array([2**53 + 1, None], "Int64")), "BIGINT", [2**53 + 1, None]),
    "pandas, nullable truth": (column(pd.array([True, None], "boolean")), "BOOLEAN", [True, None]),
    "pandas, nullable floats": (column(pd.array([0.1, None], "Float32")), "FLOAT", [0.10000000149011612, None]),
    "pandas, nanoseconds": (column(pd.to_datetime(["2024-01-01 00:00:00.000000001"])), "TIMESTAMP_NS",
                            [pd.Timestamp("2024-01-01 00:00:00.000000001")]),
    "pandas, Arrow's types": (column(pd.array([[1, None]], pd.ArrowDtype(pa.list_(pa.int8())))), "TINYINT[]", [[1, None]]),  # type: ignore[call-overload]
    "pandas, NaN of Arrow": (column(pd.arrays.ArrowExtensionArray(pa.array([float("inf"), None]))), "DOUBLE",
                             [float("inf"), None]),
    "polars, categories": (series(["b", "a"], pl.Categorical), "VARCHAR", ["b", "a"]),
    "polars, an enum": (series(["a", None], pl.Enum(["b", "a"])), "VARCHAR", ["a", None]),
    "polars, decimals": (series([Decimal("1.5")], pl.Decimal(9, 1)), "DECIMAL(9,1)", [Decimal("1.5")]),
    "polars, integers of 128 bits": (series([2**100], pl.Int128), "DECIMAL(38,0)", [Decimal(2**100)]),
    "polars, times": (series([dt.time(1, 2, 3, 4)]), "TIME", [dt.time(1, 2, 3, 4)]),
    "polars, times in a list": (series([[dt.time(1)]]), "TIME[]", [[dt.time(1)]]),
    "polars, half floats": (series([1.5], pl.Float16), "FLOAT", [1.5]),
    "polars, an array": (series([[1, None]], pl.Array(pl.Int64, 2)), "BIGINT[2]", [[1, None]]),
    "polars, nothing": (series([None]), "VARCHAR", [None]),
    "polars, nothing in a struct": (series([{"a": None}]), "STRUCT(a VARCHAR)", [{"a": None}]),
    "polars, a zone": (series([NOON]).with_columns(pl.col("v").dt.replace_time_zone("Asia/Kolkata")),
                       "TIMESTAMP WITH TIME ZONE", [dt.datetime(2024, 1, 1, 6, 30, tzinfo=UTC)]),
    "polars, lazy": (series([1]).lazy(), "BIGINT", [1]),
    "Arrow, a dictionary": (pa.table({"v": pa.array(["a", None]).dictionary_encode()}), "VARCHAR", ["a", None]),
    "Arrow, runs": (pa.table({"v": pa.RunEndEncodedArray.from_arrays(pa.array([2], pa.int32()), pa.array(["a"]))}), "VARCHAR",
                    ["a", "a"]),
    "Arrow, views": (arrow_of(["a", None], pa.string_view()), "VARCHAR", ["a", None]),
    "Arrow, lists of views": (arrow_of([[1, None]], pa.list_view(pa.int64())), "BIGINT[]", [[1, None]]),
    "Arrow, large": (arrow_of([["a"]], pa.large_list(pa.large_string())), "VARCHAR[]", [["a"]]),
    "Arrow, a wide decimal": (arrow_of([Decimal("1.50")], pa.decimal256(50, 2)), "DECIMAL(38,2)", [Decimal("1.50")]),
    "Arrow, a narrow wide decimal": (arrow_of([Decimal("1.50")], pa.decimal256(9, 2)), "DECIMAL(9,2)", [Decimal("1.50")]),
    "Arrow, hundreds": (arrow_of([Decimal("1.2E+3")], pa.decimal128(5, -2)), "DECIMAL(7,0)", [Decimal(1200)]),
    "Arrow, nothing in a list": (arrow_of([[None]], pa.list_(pa.null())), "VARCHAR[]", [[None]]),
    "Arrow, nothing in a map": (arrow_of([[("a", None)]], pa.map_(pa.string(), pa.null())), "MAP(VARCHAR, VARCHAR)",
                                [[("a", None)]]),
    "Arrow, half floats in a list": (pa.table({"v": pa.array([[np.float16(1.5)]], pa.list_(pa.float16()))}), "FLOAT[]", [[1.5]]),
    "Arrow, days in milliseconds": (arrow_of([DAY], pa.date64()), "DATE", [DAY]),
    "Arrow, NaN and null": (arrow_of([1.5, float("inf"), None], pa.float64()), "DOUBLE", [1.5, float("inf"), None]),
    "Arrow, an id": (pa.table({"v": pa.array([uuid.UUID(int=7).bytes], pa.uuid())}), "UUID", [uuid.UUID(int=7)]),
    "DuckDB, a sum": (duckdb.sql("SELECT 9007199254740993::HUGEINT AS v"), "BIGINT", [9007199254740993]),
    "DuckDB, a wide sum": (duckdb.sql(f"SELECT '{2**100 + 1}'::UHUGEINT AS v"),
                           "DECIMAL(38,0)", [Decimal(2**100 + 1)]),
    "DuckDB, bits": (duckdb.sql("SELECT '0101'::BIT AS v"), "VARCHAR", ["0101"]),
    "DuckDB, a time with a zone": (duckdb.sql("SELECT '12:30:45+05:30'::TIMETZ AS v"), "VARCHAR", ["12:30:45+05:30"]),
}  # fmt: skip


@pytest.mark.parametrize(("value", "kind", "expected"), TYPED.values(), ids=TYPED)
def test_types_of_other_libraries_are_stored_as_they_are(engine, tmp_path, value, kind, expected):
    schema, rows = kept(engine, value, tmp_path)
    assert (schema, rows) == ([("v", kind)], [(one,) for one in expected])


class Plain(pd.api.extensions.ExtensionArray):
    """An array of a library that tells nobody what its values mean."""

    class Type(pd.api.extensions.ExtensionDtype):
        name = "degrees"
        type = float

        @classmethod
        def construct_array_type(cls) -> type:  # type: ignore[valid-type]
            return Plain

    def __init__(self, values: Any) -> None:
        self._values = np.asarray(values)

    dtype = Type()

    @classmethod
    def _from_sequence(cls, scalars: Any, *, dtype: Any = None, copy: bool = False) -> Plain:
        return cls(scalars)

    def __getitem__(self, item: Any) -> Any:
        found = self._values[item]
        return type(self)(found) if isinstance(found, np.ndarray) else found

    def __len__(self) -> int:
        return len(self._values)

    def copy(self) -> Plain:
        return type(self)(self._values.copy())

    def isna(self) -> Any:
        return np.isnan(self._values)

    def take(self, indices: Any, *, allow_fill: bool = False, fill_value: Any = None) -> Plain:
        return type(self)(self._values.take(indices))


ODD_TYPES: dict[str, tuple[Any, str]] = {
    "pandas, periods": (column(pd.period_range("2024-01", periods=2, freq="M")), "period"),
    "pandas, intervals": (column(pd.interval_range(0, 2)), "interval"),
    "pandas, categories of intervals": (column(pd.cut([1, 2], 2)), "interval"),
    "pandas, categories of periods": (column(pd.Categorical(pd.period_range("2024", periods=1, freq="M"))), "eriod"),
    "pandas, categories of several types": (column(pd.Categorical([1, "a"])), "'a'"),
    "pandas, complex numbers": (column(np.array([1j])), "numpy type"),
    "pandas, long doubles": (column(np.array([1.5], "longdouble")), "numpy type"),
    "pandas, spans that Parquet would cut": (column(pd.to_timedelta(["1us"])), "would lose data"),
    "pandas, an array of its own kind": (column(Plain([1.5])), "degrees"),
    "polars, objects": (pl.DataFrame({"v": pl.Series([object()], dtype=pl.Object)}), "objects"),
    "polars, integers of 39 digits": (series([2**127 - 1], pl.Int128), "38 digits"),
    "polars, spans that Parquet would cut": (series([1], pl.Duration("ns")), "would lose data"),
    "Arrow, a decimal of 50 digits": (arrow_of([Decimal("1" * 50)], pa.decimal256(50, 0)), "38"),
    "Arrow, a union": (pa.table({"v": pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])])}), "union"),
    "Arrow, tensors": (pa.table({"v": pa.FixedShapeTensorArray.from_numpy_ndarray(np.zeros((1, 2, 2)))}), "tensor"),
    "Arrow, a struct without fields": (arrow_of([{}], pa.struct([])), "without fields"),
    "Arrow, fields that differ in case": (arrow_of([{"a": 1, "A": 2}], pa.struct([("a", "int8"), ("A", "int8")])), "case"),
}


@pytest.mark.parametrize(("value", "fragment"), ODD_TYPES.values(), ids=ODD_TYPES)
def test_types_that_would_mean_something_else_are_refused_with_their_column(engine, tmp_path, value, fragment):
    with pytest.raises(NodeError, match="column v ") as told:
        engine.take(value, tmp_path / "a.parquet")
    assert fragment in str(told.value)


@pytest.mark.filterwarnings("ignore:Passing a BlockManager:DeprecationWarning")  # pandas 2, of a class that says no more
def test_a_frame_of_a_class_that_is_made_of_pandas_is_one(engine, tmp_path):
    """As geopandas has: by Arrow's protocol alone it would lose what its index says."""
    kind = type("GeoDataFrame", (pd.DataFrame,), {"__module__": "geopandas.geodataframe"})
    assert kept(engine, kind({"v": [1]}, index=["a"]), tmp_path)[1] == [("a", 1)]


# Names, indexes, and what is no frame

SHAPED: dict[str, tuple[Any, list[str], list[tuple[Any, ...]]]] = {
    "describe": (pd.DataFrame({"v": [1.0, 1.0]}).describe().loc[["count", "max"]], ["index", "v"], [("count", 2.0), ("max", 1.0)]),
    "transposed": (pd.DataFrame({"a": [1], "b": [2]}).T, ["index", "0"], [("a", 1), ("b", 2)]),
    "counted": (pd.Series(["x", "y", "x"], name="k").value_counts(), ["k", "count"], [("x", 2), ("y", 1)]),
    "counted without a name": (pd.Series(["x", "x"]).value_counts(), ["index", "count"], [("x", 2)]),
    "grouped": (pd.DataFrame({"k": ["a", "a"], "v": [1, 2]}).groupby("k").sum(), ["k", "v"], [("a", 3)]),
    "grouped by two": (pd.DataFrame({"k": ["a"], "l": [1], "v": [2]}).groupby(["k", "l"]).v.sum(), ["k", "l", "v"], [("a", 1, 2)]),
    "levels without names": (pd.DataFrame({"v": [1]}, index=pd.MultiIndex.from_tuples([("a", 1)])), ["level_0", "level_1", "v"],
                             [("a", 1, 1)]),
    "by time": (pd.DataFrame({"v": [1]}, index=pd.DatetimeIndex([NOON])), ["index", "v"], [(NOON, 1)]),
    "an index beside a column of its name": (pd.DataFrame({"index": [1]}, index=["a"]), ["level_0", "index"], [("a", 1)]),
    "filtered": (pd.DataFrame({"v": [1, 2, 3]}).loc[[0, 2]], ["v"], [(1,), (3,)]),
    "sorted": (pd.DataFrame({"v": [2, 1]}).sort_values("v"), ["v"], [(1,), (2,)]),
    "put one below the other": (pd.concat([pd.DataFrame({"v": [1]})] * 2), ["v"], [(1,), (1,)]),
    "a series without a name": (pd.Series([1, 2]), ["value"], [(1,), (2,)]),
    "a series of polars": (pl.Series("v", [1]), ["v"], [(1,)]),
    "a series of polars without a name": (pl.Series([1]), ["value"], [(1,)]),
    "an array of Arrow": (pa.array([1]), ["value"], [(1,)]),
    "a dict of single values": ({"a": 1, "b": "xy", "c": None, "d": {"e": 1}}, ["a", "b", "c", "d"], [(1, "xy", None, {"e": 1})]),
    "a dict of arrays": ({"a": np.array([1]), "b": pd.Series(["x"]), "c": pl.Series([2]), "d": pa.array([3])},
                         ["a", "b", "c", "d"], [(1, "x", 2, 3)]),
    "a dict of series side by side": ({"a": pd.Series([1, 2], index=[7, 8]), "b": pd.Series([3, 4], index=[7, 8])}, ["a", "b"],
                                      [(1, 3), (2, 4)]),
}  # fmt: skip


@pytest.mark.parametrize(("value", "names", "expected"), SHAPED.values(), ids=SHAPED)
def test_what_an_index_says_is_kept_and_places_of_rows_are_not(engine, tmp_path, value, names, expected):
    schema, rows = kept(engine, value, tmp_path)
    assert ([name for name, _ in schema], rows) == (names, expected)


ODD_SHAPES: dict[str, tuple[Any, str]] = {
    "a single value": (7, "[{'value': 7}]"),
    "a single text": ("abc", "[{'value': 7}]"),
    "a dict of dicts": ({"ann": {"v": 1}, "bob": {"v": 2}}, "'ann' of the dict is a dict"),
    "a dict of lists and values": ({"a": [1], "b": 2}, "'b' of the dict is a int"),
    "a dict of other lengths": ({"a": [1], "b": [1, 2]}, "lengths"),
    "a dict of series of other orders": ({"a": pd.Series([1, 2]), "b": pd.Series([1, 2])[::-1]}, "indexes"),
    "keys that are one as text": ([{1: "a", "1": "b"}], "doubled"),
    "columns of several levels": (pd.DataFrame({"k": ["a"], "v": [1]}).groupby("k").agg({"v": ["sum"]}), "levels"),
    "an index called as a column": (pd.DataFrame({"k": [1]}, index=pd.Index([2], name="k")), "k"),
    "a name with a zero byte": (pd.DataFrame({"a\0b": [1]}), "zero byte"),
    "a field without a name": ([{"a": {"": 1}}], "no name"),
    "a field with a zero byte": ([{"a": [{"x\0": 1}]}], "no name"),
    "a relation that fails": (duckdb.sql("SELECT CAST(x AS INTEGER) AS v FROM (VALUES ('a')) t(x)"), "relation"),
}


@pytest.mark.parametrize(("value", "fragment"), ODD_SHAPES.values(), ids=ODD_SHAPES)
def test_what_would_have_to_be_guessed_is_refused(engine, tmp_path, value, fragment):
    with pytest.raises(NodeError) as told:
        engine.take(value, tmp_path / "a.parquet")
    assert fragment in str(told.value)
    assert told.value.remedy


@pytest.mark.parametrize(("value", "fragment"), [
    ([{"a": None}, {"a": None}], "null in all of its 2 rows"), (pd.DataFrame({"a": [float("nan")], "b": [None]}), "1 rows"),
    ([{"a": 1, "b": None}], "VARCHAR"), (pl.DataFrame({"": [1], "column0": [2]}), "column0 is column 1, without a name; column0_1"),
    (pd.DataFrame({" ": [1]}), ""), ([{"a": 1}], ""), (pa.table({"a": pa.array([], pa.null())}), ""),
])  # fmt: skip
def test_a_result_that_says_nothing_is_pointed_out(engine, tmp_path, value, fragment):
    warnings = engine.take(value, tmp_path / "a.parquet").warnings
    assert len(warnings) == bool(fragment)
    assert fragment in "".join(warnings)


# Tables as frames

OUT: dict[str, tuple[str, str, Any]] = {
    "integers": ("1::INTEGER", "int32", 1),
    "integers beyond a float": (f"{2**53 + 1}", "int64", 2**53 + 1),
    "a narrow decimal": ("1.50::DECIMAL(5,2)", "object", Decimal("1.50")),
    "a wide decimal": ("'12345678901234567890.123'::DECIMAL(38,3)", "object", Decimal("12345678901234567890.123")),
    "a sum": (f"{2**53 + 1}::HUGEINT", "int64", 2**53 + 1),
    "a wide sum": (f"'{2**100}'::HUGEINT", "object", Decimal(2**100)),
    "a wide unsigned sum": (f"'{2**100}'::UHUGEINT", "object", Decimal(2**100)),
    "a sum in a list": (f"[{2**53 + 1}::HUGEINT]", "object", [Decimal(2**53 + 1)]),
    "truth": ("true", "bool", True),
    "a list": ("[NULL, 1]", "object", [None, 1]),
    "an array": ("[NULL, 1]::INTEGER[2]", "object", [None, 1]),
    "a list of truth": ("[NULL, true]", "object", [None, True]),
    "a list of floats": ("[NULL, 'nan'::DOUBLE]", "object", None),
    "a list of lists": ("[[1], NULL]", "object", [[1], None]),
    "a list of times": ("[TIMESTAMPTZ '2024-01-01 12:00:00+02', NULL]", "object", [dt.datetime(2024, 1, 1, 10, tzinfo=UTC), None]),
    "a struct": ("{'a': 1, 'b': [NULL, 1]}", "object", {"a": 1, "b": [None, 1]}),
    "a map": ("MAP {1: 'a', 2: NULL}", "object", {1: "a", 2: None}),
    "a map in a struct": ("{'m': MAP {'a': [1]}}", "object", {"m": {"a": [1]}}),
    "a day": ("DATE '9999-12-31'", "datetime64[us]", pd.Timestamp("9999-12-31")),
    "the first day": ("DATE '0001-01-01'", "datetime64[us]", pd.Timestamp("0001-01-01")),
    "a time": ("TIMESTAMP '9999-12-31 23:59:59.999999'", "datetime64[us]", pd.Timestamp("9999-12-31 23:59:59.999999")),
    "nanoseconds": ("'2024-01-01 00:00:00.000000001'::TIMESTAMP_NS", "datetime64[ns]", pd.Timestamp("2024-01-01 00:00:00.000000001")),
    "a time with a zone": ("TIMESTAMPTZ '2024-01-01 12:00:00+02'", "datetime64[us, UTC]", pd.Timestamp("2024-01-01 10:00", tz="UTC")),
    "a time of day": ("TIME '12:30:45.000001'", "object", dt.time(12, 30, 45, 1)),
    "a time of day with a zone": ("'12:30:45+05:30'::TIMETZ", STR, "12:30:45+05:30"),
    "a span": ("INTERVAL '2 days 3 seconds'", "timedelta64[us]", pd.Timedelta(days=2, seconds=3)),
    "a span back": ("INTERVAL '-2 hours'", "timedelta64[us]", pd.Timedelta(hours=-2)),
    "a span of months": ("INTERVAL '1 month 2 days'", "object", pa.MonthDayNano((1, 2, 0))),
    "text with NUL": ("chr(0) || 'a'", STR, "\x00a"),
    "bytes": (r"'\x00\xFF'::BLOB", "object", b"\x00\xff"),
    "bits": ("'0101'::BIT", STR, "0101"),
    "an id": ("'00000000-0000-0000-0000-000000000007'::UUID", "object", uuid.UUID(int=7)),
    "an enum": ("'x'::ENUM('x', 'y')", "category", "x"),
    "a union": ("union_value(a := 1)", "object", 1),
    "a variant": ("[1]::VARIANT", STR, "[1]"),
    "a number of many digits": (f"'{10**50}'::BIGNUM", STR, str(10**50)),
}  # fmt: skip


@pytest.mark.parametrize(("sql", "dtype", "expected"), OUT.values(), ids=OUT)
def test_pandas_has_each_value_as_it_is(engine, sql, dtype, expected):
    found = engine.query(f"SELECT {sql} AS v")["v"]
    assert (str(found.dtype), found.tolist()) == (dtype, [expected]) or expected is None
    nulls = engine.query(f"SELECT {sql} AS v UNION ALL SELECT NULL")["v"]
    assert nulls.isna().tolist() == [False, True]
    assert [type(nulls[0]), nulls[0]] == [type(found[0]), found[0]] or expected is None


NULLS = {
    "TINYINT": "Int8",
    "UBIGINT": "UInt64",
    "BIGINT": "Int64",
    "BOOLEAN": "boolean",
    "DOUBLE": "float64",
    "FLOAT": "float32",
}


@pytest.mark.parametrize(("kind", "dtype"), NULLS.items())
def test_a_null_makes_no_number_another(engine, kind, dtype):
    assert str(engine.query(f"SELECT 1::{kind} AS v UNION ALL SELECT NULL")["v"].dtype) == dtype


ODD_OUT: dict[str, tuple[str, tuple[str, ...], str]] = {
    "an infinite time": ("'infinity'::TIMESTAMP", ("pandas", "pandas_arrow", "polars"), "infinite"),
    "an infinite day": ("'-infinity'::DATE", ("pandas", "pandas_arrow", "polars"), "infinite"),
    "an infinite time in a list": ("['infinity'::TIMESTAMP]", ("pandas", "pandas_arrow", "polars"), "infinite"),
    "24:00": ("TIME '24:00:00'", ("pandas", "pandas_arrow", "polars"), "24:00"),
    "24:00 in a struct": ("{'t': TIME '24:00:00'}", ("pandas", "pandas_arrow", "polars"), "24:00"),
    "nanoseconds of a time": ("'12:00:00.000000001'::TIME_NS", ("pandas",), "nanoseconds"),
    "nanoseconds of a time in a list": ("['12:00:00.000000001'::TIME_NS]", ("pandas",), "would lose data"),
    "a span of months": ("INTERVAL 1 MONTH", ("polars",), "months"),
    "a span in a list": ("[INTERVAL 1 DAY]", ("polars",), "within"),
    "a union": ("union_value(a := 1)", ("polars",), "UNION"),
    "a wide unsigned integer in a list": ("[1::UHUGEINT]", FORMS, "UHUGEINT"),
    "bits in a struct": ("{'b': '01'::BIT}", FORMS, "BIT"),
    "a time with a zone in a map": ("MAP {'a': '12:00+02'::TIMETZ}", FORMS, "TIME WITH TIME ZONE"),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("sql", "refusing", "fragment"), ODD_OUT.values(), ids=ODD_OUT)
def test_what_a_form_has_no_value_for_is_refused_with_its_column(engine, sql, refusing, fragment, form):
    if form not in refusing:
        assert len(engine.query(f"SELECT {sql} AS v", form=form)) == 1
        return
    with pytest.raises(NodeError, match="column v ") as told:
        engine.query(f"SELECT {sql} AS v", form=form)
    assert fragment in str(told.value)


def test_a_sum_that_no_decimal_holds_fails(engine):
    with pytest.raises(NodeError, match="DECIMAL"):
        engine.query(f"SELECT '{2**128 - 1}'::UHUGEINT AS v", form="arrow")


def test_a_form_that_is_none_is_refused_with_the_nearest(engine):
    with pytest.raises(NodeError, match=r"polar'.*did you mean polars"):
        engine.query("SELECT 1 AS v", form="polar")


@pytest.mark.parametrize("form", FORMS)
def test_a_table_without_rows_has_its_columns_in_every_form(engine, form):
    found = engine.query("SELECT 1 AS a, [INTERVAL 1 DAY][1] AS b, MAP {'a': 1} AS c, uuid() AS d WHERE false", form=form)
    assert (len(found), list(found.column_names if form == "arrow" else found.columns)) == (0, list("abcd"))


def test_a_frame_is_the_callers_own(engine):
    other = engine.query("SELECT range AS v FROM range(3)")
    other.loc[:, "v"] = 0
    found = engine.query("SELECT range AS v FROM range(3)")
    found.loc[0, "v"] = 7
    assert found["v"].tolist() == [7, 1, 2]


# Random tables there and back

TEXTS = {
    "BOOLEAN": st.sampled_from(["true", "false"]),
    **{kind: st.integers(least, most).map(str) for kind, least, most in [
        ("TINYINT", -(2**7), 2**7 - 1), ("UTINYINT", 0, 2**8 - 1), ("SMALLINT", -(2**15), 2**15 - 1), ("USMALLINT", 0, 2**16 - 1),
        ("INTEGER", -(2**31), 2**31 - 1), ("UINTEGER", 0, 2**32 - 1), ("BIGINT", -(2**63), 2**63 - 1), ("UBIGINT", 0, 2**64 - 1),
        ("HUGEINT", -(10**38) + 1, 10**38 - 1), ("UHUGEINT", 0, 10**38 - 1), ("BIGNUM", -(10**60), 10**60),
    ]},
    "FLOAT": st.floats(width=32).map(repr),
    "DOUBLE": st.floats().map(repr),
    "DECIMAL(4,1)": st.decimals(-999, 999, places=1).map(str),
    "DECIMAL(18,4)": st.decimals(-(10**13), 10**13, places=4).map(str),
    "DECIMAL(38,10)": st.decimals(-(10**27), 10**27, places=10).map(str),
    "VARCHAR": st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    "JSON": st.sampled_from(['{"a": 1}', "[1, null]", '"x"', "null"]),
    "BLOB": st.sampled_from(["", r"\x00", r"\xFFa"]),
    "BIT": st.sampled_from(["0", "0101", "111111111"]),
    "UUID": st.uuids().map(str),
    "ENUM('x', 'y z')": st.sampled_from(["x", "y z"]),
    "DATE": st.dates().map(str) | st.sampled_from(["infinity", "0044-03-15 (BC)"]),
    "TIME": st.times().map(str) | st.just("24:00:00"),
    "TIME_NS": st.times().map(lambda t: f"{t:%H:%M:%S}.000000001"),
    "TIMETZ": st.times().map(lambda t: f"{t}+05:30"),
    "TIMESTAMP": st.datetimes().map(str) | st.just("-infinity"),
    "TIMESTAMP_S": st.datetimes().map(lambda t: str(t.replace(microsecond=0))),
    "TIMESTAMP_MS": st.datetimes().map(lambda t: str(t.replace(microsecond=0))),
    "TIMESTAMP_NS": st.datetimes(dt.datetime(1800, 1, 1), dt.datetime(2200, 1, 1)).map(lambda t: f"{t:%Y-%m-%d %H:%M:%S}.000000001"),
    "TIMESTAMPTZ": st.datetimes().map(lambda t: f"{t}+05:30"),
    "INTERVAL": st.tuples(st.sampled_from([0, 0, 1]), st.integers(0, 99), st.integers(0, 10**8)).map(
        lambda parts: "{} months {} days {} milliseconds".format(*parts)),
}  # fmt: skip
"""Of each type of DuckDB, texts that it casts."""

SCALARS = st.sampled_from(sorted(TEXTS)).map(lambda kind: (kind, TEXTS[kind].map(lambda t: f"CAST({quoted(t)} AS {kind})")))


def quoted(text: str) -> str:
    """A literal; DuckDB's parser takes no NUL."""
    return " || chr(0) || ".join("'" + part.replace("'", "''") + "'" for part in text.split("\0")).join("()")


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    def lists(part: Any) -> Any:
        kind, values = part
        return f"{kind}[]", st.lists(values | st.just("NULL"), max_size=3).map(lambda v: f"[{', '.join(v)}]::{kind}[]")

    def structs(part: Any) -> Any:
        kind, values = part
        return f"STRUCT(k {kind}, n INTEGER)", (values | st.just("NULL")).map(lambda v: f"{{'k': {v}, 'n': 1}}")

    def maps(part: Any) -> Any:
        kind, values = part
        return f"MAP(VARCHAR, {kind})", values.map(lambda v: f"MAP {{'a': {v}, 'b': NULL}}")

    return inner.map(lists) | inner.map(structs) | inner.map(maps)


COLUMN = st.recursive(SCALARS, nested, max_leaves=2).flatmap(
    lambda part: st.tuples(st.just(part[0]), st.lists(part[1] | st.just("NULL"), min_size=1, max_size=4))
)
REFUSALS = (
    "infinite time",
    "has no 24:00:00",
    "nanoseconds",
    "no INTERVAL of months",
    "cannot be handed on",
    "would lose data",
    "out of range",
    "Empty STRUCT",
    "must have magnitude",
    "does not fit",
)


def select(columns: list[tuple[str, list[str]]]) -> str:
    """A SELECT of columns a, b, ... of those values; the shorter ones end in NULLs."""
    rows = range(max(len(values) for _, values in columns))
    cells = [[f"CAST({values[row] if row < len(values) else 'NULL'} AS {kind})" for kind, values in columns] for row in rows]
    return " UNION ALL ".join(f"SELECT {', '.join(f'{cell} AS {name}' for name, cell in zip('abc', row, strict=False))}" for row in cells)


def differs(engine: Session, before: str, after: str, *, form: str) -> list[Any]:
    """Columns whose values differ in one type or the other; to pandas, NaN is NULL."""
    types, now = (dict(engine.describe(f"SELECT * FROM {one}")) for one in (before, after))
    found = []
    for name, kind in types.items():
        was = f"x.{name}"
        if form == "pandas" and kind in ("FLOAT", "DOUBLE"):
            was = f"CASE WHEN NOT isnan({was}) THEN {was} END"
        same = f"CAST(y.{name} AS {kind}) IS NOT DISTINCT FROM {was} AND CAST({was} AS {now[name]}) IS NOT DISTINCT FROM y.{name}"
        rows = engine.query(
            f"SELECT {was}, y.{name} FROM {before} x POSITIONAL JOIN {after} y WHERE NOT ({same})", form="rows"
        )
        found += [(name, kind, now[name], rows)] if rows else []
    return found


@settings(max_examples=100)
@given(columns=st.lists(COLUMN, min_size=1, max_size=3), form=st.sampled_from(FORMS))
def test_a_table_comes_back_from_every_form_equal_or_is_refused(database, engine, tmp_path_factory, columns, form):
    folder = tmp_path_factory.mktemp("there")
    before, after = folder / "before.parquet", folder / "after.parquet"
    try:
        schema = engine.build(select(columns), before).schema
    except NodeError:  # as of a negative INTERVAL: what cannot be stored at all
        assume(False)
    try:
        with database.session({"t.x": Relation(schema, ((schema, (str(before),)),))}) as session:
            session.take(session.query('SELECT * FROM "t"."x"', form=form), after)
    except NodeError as error:
        assert any(text in str(error) for text in REFUSALS), error
        return
    assert not differs(engine, f"read_parquet('{before}')", f"read_parquet('{after}')", form=form)
