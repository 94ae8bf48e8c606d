"""By what a node is cut into partitions, what each of them is called, and from when to when it goes. Pure.

Those of a calendar are called as ISO 8601 has them: ``2024-01-05T13``, ``2024-01-05``, ``2024-W01``, ``2024-01``, ``2024``.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from seeknal_nb.config import ConfigError
from seeknal_nb.errors import ManifestError, NodeError, near
from seeknal_nb.sql.holes import Later, known_now
from seeknal_nb.sql.telling import WITHIN
from seeknal_nb.sql.text import literal
from seeknal_nb.storage.builds import Partitioning

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from seeknal_nb.engines import Schema

__all__ = [
    "CALENDAR",
    "FILE",
    "INHERIT",
    "KEY",
    "OF_PARTITION",
    "Slice",
    "Span",
    "containing",
    "earlier",
    "is_within",
    "lookback_of",
    "ordered",
    "partitioning_of",
    "shown",
    "slice_of",
    "time_of",
    "value_at",
]

CALENDAR = ("hour", "day", "week", "month", "year")
FILE, VALUE, INHERIT = "file", "value", "inherit"
KEY, LOOKBACK, MOST = "partition_by", "lookback", 10_000
_NAME = r"\"(?:[^\"]|\"\")+\"|[^\W\d]\w*"
_ZONE = r"(?P<sign>'?)(?P<zone>[^'()\s]+)(?P=sign)"
"""A shell and a cell take its quotes away."""
_WRITTEN = re.compile(rf"(?P<unit>\w+)\s*\(\s*(?P<column>{_NAME})\s*(?:,\s*{_ZONE})?\s*\)")
_COLUMN = re.compile(_NAME)
_FORMS: Mapping[str, str] = {"hour": "%Y-%m-%dT%H", "day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m", "year": "%Y"}
OF_PARTITION = {f"partition.{name}": Later(f"\ua66e{name}_of_partition\ua66e") for name in ("value", "start", "end")}
"""What the SQL of a declared partition may ask for as ``{{ partition.value }}``; it stays there until the partition runs."""
_HELP = "file, hour(ts), day(ts), week(ts), month(ts), year(ts), or a column"


@dataclass(frozen=True, slots=True)
class Slice:
    """One partition of a node.

    Attributes:
        by: By what the node is cut.
        value: What it is called; None for that of NULL.
        start: When it begins, of a calendar's, without a zone.
        end: When the next one begins, likewise.
        files: Of a source: those that hold rows of it.
        schema: Of a source: what all its files together have.
        meanings: Of a source: what columns of text mean: name in small letters, place among ``Spelling.meanings``, digest.
        alone: Of a source: whether these files hold no other partition.
        plain: Of a source: whether each of these files has these columns as they are.
        shared: Of a source: a folder of this run for its files as they were read, where several partitions need one.
        since: When what its body reads begins, where that is before ``start``: with a lookback.
        proved: Whether its rows are known to lie in it.
        zoned: Whether what its body reads is cut by a TIMESTAMPTZ, of which ``start`` and ``end`` are instants in SQL.
    """

    by: Partitioning
    value: str | None
    start: datetime | None = None
    end: datetime | None = None
    files: tuple[str, ...] = ()
    schema: Schema = ()
    meanings: tuple[tuple[str, int, str], ...] = ()
    alone: bool = False
    plain: bool = False
    shared: str = ""
    since: datetime | None = None
    proved: bool = False
    zoned: bool = False

    @property
    def shown(self) -> str:
        """As people read it."""
        return shown(self.value)

    def filled(self, sql: str) -> str:
        """SQL with what ``OF_PARTITION`` names put in: a text and two times, or NULLs of these types.

        Raises:
            NodeError: It asks for a time, and clocks in the zone come back to the partition after its end.
        """
        value, *times = OF_PARTITION.values()
        known = {value: (f"CAST({literal(self.value)} AS VARCHAR)", self.shown)}
        for name, time in zip(times, (self.start, self.end), strict=True):
            text = None if time is None else str(time)
            known[name] = f"CAST({literal(text)} AS TIMESTAMP)", shown(text)
            if self.zoned and name in sql:
                known[name] = f"CAST({literal(self._instant(time))} AS TIMESTAMPTZ)", shown(text)
        return known_now(sql, known)

    def _instant(self, clock: datetime | None) -> str | None:
        """When clocks in the zone show a time first."""
        from zoneinfo import ZoneInfo  # noqa: PLC0415 - only who writes a zone needs it

        if clock is None or self.end is None:
            return None
        zone = ZoneInfo(self.by.zone or "UTC")
        last = (self.end - timedelta(microseconds=1)).replace(tzinfo=zone)
        end = self.end.replace(tzinfo=zone)
        if all(one.utcoffset() != one.replace(fold=1).utcoffset() for one in (last, end)):
            why = f"clocks in {self.by.zone} come back to it after its end"
            remedy = f"compare clocks: timezone('{self.by.zone}', {self.by.column})"
            raise NodeError(f"{self.shown} has no one begin and end", why=why, remedy=remedy)
        try:
            return str(clock.replace(tzinfo=zone).astimezone(UTC))
        except OverflowError:  # in the first hours that a datetime can hold
            return "-infinity"


@dataclass(frozen=True, slots=True)
class Span:
    """Some of the partitions of a node.

    Attributes:
        start: Those that end after it; None for no limit. Without a zone, as partitions of a calendar are counted.
        end: Those that begin before it, likewise.
        last: Only so many, the last ones, that of NULL not among them; 0 for no limit.
    """

    start: datetime | None = None
    end: datetime | None = None
    last: int = 0

    @property
    def dated(self) -> bool:
        """Whether it says times."""
        return self.start is not None or self.end is not None

    def __str__(self) -> str:
        told = ((f"from {self.start}" if self.start else ""), (f"to {self.end}" if self.end else ""))
        return " ".join(filter(None, (*told, f"the last {self.last}" if self.last else ""))).replace(" 00:00:00", "")

    def among(self, grain: str, values: Iterable[str | None]) -> list[str | None]:
        """Those of these partitions, in their order."""
        found = [value for value in values if not self.dated or (value is not None and self._holds(grain, value))]
        named = [value for value in found if value is not None]
        return list(named[-self.last :]) if self.last else found

    def _holds(self, grain: str, value: str) -> bool:
        start = _start(grain, value)
        return (self.start is None or self.start < _after(grain, start)) and (self.end is None or start < self.end)

    def whole(self, grain: str) -> Span:
        """It, grown to whole partitions of a calendar."""
        start = None if self.start is None else _truncated(grain, self.start)
        end = self.end
        if end is not None and end != _truncated(grain, end):
            try:
                end = _after(grain, _truncated(grain, end))
            except (OverflowError, ValueError):  # no partition begins after it
                end = None
        return replace(self, start=start, end=end)

    def reaching_back(self, grain: str, count: int) -> Span:
        """It, and so many partitions before it."""
        before = earlier(grain, value_at(grain, self.start), count) if self.start is not None else ()
        return replace(self, start=_start(grain, before[0])) if before else self

    def with_other(self, other: Span) -> Span:
        """From where the first of the two begins to where the last one ends."""
        start = None if self.start is None or other.start is None else min(self.start, other.start)
        end = None if self.end is None or other.end is None else max(self.end, other.end)
        return replace(self, start=start, end=end)


def shown(value: str | None) -> str:
    """What a partition is called, as people read it."""
    return "null" if value is None else value


def partitioning_of(config: Mapping[str, Any]) -> Partitioning | None:
    """By what a node is cut, as its config says; ``Partitioning("inherit")`` for as what it reads is.

    Raises:
        ConfigError: Nobody can tell what is meant.
    """
    text = config.get(KEY)
    if text is None:
        return None
    text = str(text).strip()
    if text in (FILE, INHERIT):
        return Partitioning(text)
    if found := _WRITTEN.fullmatch(text):
        unit, zone = found["unit"].casefold(), found["zone"] or ""
        if unit not in CALENDAR:
            raise _refused(f"{unit!r} is no unit of time", near(unit, CALENDAR, what="unit"))
        if zone and not _is_zone(zone):
            raise _refused(f"there is no time zone {zone!r}", "write one as Europe/Berlin")
        return Partitioning(unit, _bare(found["column"]), zone)
    if _COLUMN.fullmatch(text):
        return Partitioning(VALUE, _bare(text))
    raise _refused(f"{text!r:.100} says no partitions", f"write {_HELP}")


def lookback_of(config: Mapping[str, Any]) -> int:
    """How many partitions before its own a partition reads too; raises ``ConfigError``."""
    given, by = config.get(LOOKBACK), partitioning_of(config)
    if given is None:
        return 0
    if type(given) is not int or not 0 <= given <= MOST:
        remedy = f"write how many partitions before, at most {MOST:,}: 6"
        raise ConfigError(f"lookback is {given!r:.100}", remedy=remedy, path=(LOOKBACK,))
    if by is None or by.grain not in CALENDAR:
        why = "what is inherited is proved without one" if by and by.grain == INHERIT else "its partitions are none"
        raise ConfigError("lookback counts units of time", why=why, remedy="partition_by: day(ts)", path=(LOOKBACK,))
    return given


def _refused(what: str, remedy: str) -> ConfigError:
    return ConfigError(f"partition_by: {what}", remedy=remedy, path=(KEY,))


def _bare(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def _is_zone(name: str) -> bool:
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - only who writes a zone needs it

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def value_at(grain: str, time: datetime) -> str:
    """What the partition is called in which a time lies."""
    year, sign, rest = time.strftime(_FORMS[grain]).partition("-")
    return f"{year:0>4}{sign}{rest}"


def time_of(text: str) -> datetime:
    """When what somebody has written begins: a day, a time, or a partition of a calendar by its name.

    Raises:
        ManifestError: It is none of these.
    """
    with contextlib.suppress(ValueError):
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            return found
    for grain in CALENDAR:
        with contextlib.suppress(ManifestError):
            return _start(grain, text)
    raise ManifestError(f"{text!r:.100} is no time", remedy="write it as 2024-01-31, or 2024-01-31T13:00")


def slice_of(by: Partitioning, value: str | None, lookback: int = 0) -> Slice:
    """The partition of that name, of a body that reads so many before it, too."""
    if value is None or by.grain not in CALENDAR:
        return Slice(by, value)
    start = _start(by.grain, value)
    before = earlier(by.grain, value, lookback)
    since = _start(by.grain, before[0]) if before else None
    return Slice(by, value, start, _after(by.grain, start), since=since)


@lru_cache(maxsize=10_000)
def earlier(grain: str, value: str, count: int) -> tuple[str, ...]:
    """The names of the ``count`` partitions before one, the latest last."""
    found, start = list[str](), _start(grain, value)
    for _ in range(count):
        try:
            start = _truncated(grain, start - timedelta(microseconds=1))
        except OverflowError:  # there is no year before the first
            break
        found.append(value_at(grain, start))
    return tuple(found[::-1])


def is_within(fine: str, coarse: str) -> bool:
    """Whether each partition of one unit lies within one of the other."""
    return fine in WITHIN.get(coarse, ())


def containing(coarse: str, fine: str, value: str) -> str:
    """The name of the coarser partition in which a finer one lies."""
    return value_at(coarse, _start(fine, value))


@lru_cache(maxsize=10_000)
def _start(grain: str, value: str) -> datetime:
    try:
        if grain == "week":
            return datetime.strptime(f"{value}-1", "%G-W%V-%u")  # noqa: DTZ007 - partitions are counted without a zone
        return datetime.strptime(value, _FORMS[grain])  # noqa: DTZ007
    except ValueError as error:
        form = datetime(2024, 1, 5, 13).strftime(_FORMS[grain])  # noqa: DTZ001
        raise ManifestError(f"{value!r} is no {grain}", remedy=f"write it as {form}") from error


def _after(grain: str, start: datetime) -> datetime:
    days = {"hour": 0, "day": 1, "week": 7, "month": 31, "year": 366}[grain]
    return _truncated(grain, start + (timedelta(days=days) if days else timedelta(hours=1)))


def _truncated(grain: str, time: datetime) -> datetime:
    if grain == "hour":
        return time.replace(minute=0, second=0, microsecond=0)
    day = time.replace(hour=0, minute=0, second=0, microsecond=0)
    if grain == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1 if grain in ("month", "year") else day.day, month=1 if grain == "year" else day.month)


def ordered(values: Iterable[str | None]) -> list[str | None]:
    """The names in order, each once, that of NULL last."""
    found = set(values)
    return [*sorted(value for value in found if value is not None), *([None] if None in found else [])]
