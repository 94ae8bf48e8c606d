"""What a model does to its features before it learns or predicts: times and truth values as numbers, the rest as words.

These functions are part of every saved estimator by their names: an artefact may name them, and nothing else from here.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

__all__ = ["as_numbers", "as_words"]


def as_numbers(frame: Any) -> Any:
    """Every column as float64: times as seconds since 1970 UTC, spans as seconds, nulls as NaN."""
    return frame.apply(_number)


def as_words(frame: Any) -> Any:
    """Every column as text; a null is the empty text."""
    return frame.apply(lambda values: values.astype("object").where(values.notna(), "").map(str))


def _number(values: Any) -> Any:
    import pandas as pd  # noqa: PLC0415 - whoever has a frame has loaded it already

    kinds = pd.api.types
    if isinstance(values.dtype, pd.ArrowDtype):
        values = values.array.__arrow_array__().to_pandas().set_axis(values.index)
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype("object")
    if kinds.is_object_dtype(values.dtype):
        values = _plain(values)
    if kinds.is_datetime64_any_dtype(values.dtype):
        return (values - pd.Timestamp(0, tz=values.dt.tz)).dt.total_seconds()
    if kinds.is_timedelta64_dtype(values.dtype):
        return values.dt.total_seconds()
    return pd.Series(values.to_numpy("float64", na_value=float("nan")), index=values.index)


def _plain(values: Any) -> Any:
    """A column of Python's own dates, times or numbers, as its first value says."""
    import pandas as pd  # noqa: PLC0415 - likewise

    known = values.dropna()
    first = known.iloc[0] if len(known) else None
    if isinstance(first, dt.time):
        return values.map(lambda t: None if pd.isna(t) else (t.hour * 60 + t.minute) * 60 + t.second + t.microsecond / 1e6)
    if isinstance(first, dt.date):
        return pd.to_datetime(values)
    if isinstance(first, dt.timedelta):
        return pd.to_timedelta(values)
    if hasattr(first, "nanoseconds"):  # an INTERVAL of months, which are of 30 days here
        return values.map(_seconds).astype("float64")
    return values.astype("float64")


def _seconds(span: Any) -> float | None:
    return None if span is None else (span.months * 30 + span.days) * 86_400 + span.nanoseconds / 1e9
