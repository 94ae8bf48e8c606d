"""Application dates: the days as of which features are wanted, as a config says it and as SQL. Pure; it reads no data."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeknal_nb.config import refuse_unknown_names
from seeknal_nb.errors import ManifestError, near
from seeknal_nb.kinds.aggregations.windows import texts
from seeknal_nb.sql.text import literal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DEFAULT", "Moments", "read_moments"]

DEFAULT = "application_date"
"""What the column of application dates is called where nothing else names it."""
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
EVERY = ("day", "week", "month")
MONTH = 28
"""The last day that every month has."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Which days; at most one of ``own``, ``dates``, ``every`` and ``ref``. None of them: the day after the last event.

    Attributes:
        own: A column of the input: each row says for which day it is.
        dates: The days themselves.
        every: ``day``, ``week`` or ``month``.
        on: SQL that the day ``d`` must meet.
        first: The first day that may be one; None: the first with a past.
        until: The last; None: the day after the last event.
        ref: The node whose table lists them.
        column: What the output calls them, and the column of that table.
    """

    own: str | None = None
    dates: tuple[dt.date, ...] = ()
    every: str | None = None
    on: str = "TRUE"
    first: dt.date | None = None
    until: dt.date | None = None
    ref: str | None = None
    column: str = DEFAULT

    @property
    def given(self) -> bool:
        """Whether the config says which days."""
        return bool(self.own or self.dates or self.every or self.ref)

    def days(self) -> str:
        """A SELECT of the days as ``d``, for those that no table lists; it may read ``bounds(low, high)``."""
        if self.dates:
            return f"SELECT DISTINCT unnest([{', '.join(map(_day, self.dates))}]) AS d"
        if self.every is None:
            return "SELECT high AS d FROM bounds WHERE high IS NOT NULL"
        low = _day(self.first) if self.first else "low"
        high = _day(self.until) if self.until else "high"
        series = f"SELECT CAST(unnest(generate_series({low}, {high}, INTERVAL 1 DAY)) AS DATE) AS d FROM bounds"
        return f"SELECT d FROM ({series}) WHERE {self.on}"


def read_moments(config: Mapping[str, Any]) -> Moments:
    """What ``application_date_col`` or ``application_dates`` says.

    Raises:
        ManifestError: Both, or something that is no date.
    """
    own, dates = config.get("application_date_col"), config.get("application_dates")
    if own and dates:
        raise ManifestError(
            "two kinds of application dates", why="it has application_date_col and application_dates", remedy="keep one"
        )
    if own:
        return Moments(own=str(own), column=str(own))
    if dates is None:
        return Moments()
    if isinstance(dates, dict):
        return _of_table(dates) if "ref" in dates else _of_calendar(dates)
    listed = tuple(_date(one, "application_dates") for one in texts(dates))
    if not listed:
        raise ManifestError("application_dates is empty", remedy="application_dates: [2024-01-01], or {every: week}")
    return Moments(dates=listed)


def _of_table(config: Mapping[str, Any]) -> Moments:
    refuse_unknown_names(config, ("ref", "column"), "application_dates")
    ref, column = config["ref"], config.get("column", DEFAULT)
    if not isinstance(ref, str) or not isinstance(column, str):
        raise ManifestError(
            "application_dates must name a node and a column", remedy="{ref: transform.labels, column: label_date}"
        )
    return Moments(ref=ref.strip().removeprefix("ref('").removesuffix("')"), column=column)


def _of_calendar(config: Mapping[str, Any]) -> Moments:
    refuse_unknown_names(config, ("every", "on", "from", "until"), "application_dates")
    every = str(config.get("every", "")).casefold()
    if every not in EVERY:
        raise ManifestError(f"application_dates every {config.get('every')!r}", remedy=near(every, EVERY, what="interval"))
    first, until = (_date(config[key], key) if config.get(key) is not None else None for key in ("from", "until"))
    if first and until and until < first:
        raise ManifestError(
            "application_dates end before they begin", why=f"from {first} until {until}", remedy="turn them round"
        )
    return Moments(every=every, on=_condition(every, config.get("on")), first=first, until=until)


def _condition(every: str, on: Any) -> str:
    if every == "day":
        if on is not None:
            raise ManifestError(
                f"on: {on!r} of every day",
                why="every day is one",
                remedy="take on away (--on), or every: week (--every week)",
            )
        return "TRUE"
    if every == "week":
        day = str(on or WEEKDAYS[0]).casefold()
        if day not in WEEKDAYS:
            raise ManifestError(f"{on!r} is no day of the week", remedy=near(day, WEEKDAYS, what="day"))
        return f"isodow(d) = {WEEKDAYS.index(day) + 1}"
    if str(on).casefold() == "last":
        return "d = last_day(d)"
    number = 1 if on is None else int(on) if str(on).isdigit() else 0
    if not 1 <= number <= MONTH:
        raise ManifestError(f"{on!r} is no day of every month", remedy=f"on: 1 to {MONTH}, or on: last (--on last)")
    return f"day(d) = {number}"


def _date(value: Any, where: str) -> dt.date:
    try:
        return dt.date.fromisoformat(value.strip() if isinstance(value, str) else "")
    except ValueError:
        raise ManifestError(f"{value!r} in {where} is no date", remedy="write it as text, as 2024-01-31") from None


def _day(value: dt.date) -> str:
    return f"DATE {literal(value.isoformat())}"
