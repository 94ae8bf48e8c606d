"""Where checks are run, and the SQL that all of them are put together from. Runs nothing."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeknal_nb.engines.names import find_column
from seeknal_nb.errors import NodeError, Spot
from seeknal_nb.sql.text import column, literal, shown
from seeknal_nb.sql.types import is_time, is_zoned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from seeknal_nb.kinds.checks.forms import Spec

__all__ = [
    "SAMPLE",
    "Measure",
    "Place",
    "ahead",
    "cutoff",
    "filtered",
    "naming",
    "outside",
    "plain",
    "select",
    "time_of",
    "tomorrow",
    "type_of",
    "where_of",
]  # fmt: skip

SAMPLE = 5
"""Offending rows that are shown."""
SKEW = 300
"""Seconds by which the clocks of two machines may differ."""
HALF_A_DAY = 24 * 3600
"""Seconds that a time without a zone may lie ahead: it is read as UTC, and some are written half a day ahead of that."""
_NUMBER = re.compile(r"\s*[-+]?\d+(\.\d*)?([eE][-+]?\d+)?\s*")


@dataclass(frozen=True, slots=True)
class Measure:
    """What a check asks, as SQL.

    Attributes:
        failed: How many rows break it, an aggregate.
        rows: How many it looked at, an aggregate.
        sample: A SELECT of the first offending rows, or, for a check of the whole table, of what was found instead.
        whole: Whether it is about the table, not its rows.
        doubtful: How many rows are to be told of although they break nothing, an aggregate; empty for none.
        doubt: What is to be told of them.
    """

    failed: str
    rows: str
    sample: str
    whole: bool = False
    doubtful: str = ""
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where checks are run.

    Attributes:
        table: What stands after FROM.
        types: The SQL type of each of its columns.
        sql: A user's condition with its tables written as ids.
        other: Another table by the name a check gives it: what stands after FROM, and its types.
        takes: Whether the engine understands a SELECT; it is not run.
    """

    table: str
    types: Mapping[str, str]
    sql: Callable[[str], str]
    other: Callable[[str], tuple[str, Mapping[str, str]]]
    takes: Callable[[str], bool]


def type_of(name: str, types: Mapping[str, str]) -> str:
    """The type of a column; raises ``NodeError`` where there is none."""
    return types[find_column(name, types)]


def where_of(spec: Spec, place: Place) -> str:
    """Which rows are looked at, as SQL; empty for all."""
    return place.sql(spec.where) if spec.where else ""


def _all(*conditions: str) -> str:
    return " AND ".join(f"({one}\n)" for one in conditions if one)


def filtered(*conditions: str) -> str:
    """``FILTER`` of an aggregate, empty where nothing is asked."""
    whole = _all(*conditions)
    return f" FILTER (WHERE {whole})" if whole else ""


def select(what: str, place: Place, *conditions: str) -> str:
    """A SELECT from the table, of the rows that meet all conditions."""
    whole = _all(*conditions)
    return f"SELECT {what} FROM {place.table}{f' WHERE {whole}' if whole else ''}"


def outside(value: str, bounds: Mapping[str, str], *, exclusive: bool = False) -> str:
    """A condition that the value lies beyond a bound."""
    below, above = ("<=", ">=") if exclusive else ("<", ">")
    parts = [f"{value} {sign} {bounds[side]}" for side, sign in (("min", below), ("max", above)) if side in bounds]
    return "(" + " OR ".join(parts) + ")"


def plain(value: Any) -> str:
    """A literal; text that is a number, as a parameter gives it, is one."""
    return value.strip() if isinstance(value, str) and _NUMBER.fullmatch(value) else literal(value)


def time_of(spec: Spec, place: Place) -> str:
    """The check's column as a TIMESTAMP in UTC; a text's offset counts. Raises ``NodeError`` where it is no time."""
    name = spec.columns[0]
    kind = type_of(name, place.types)
    if not (is_time(kind) or kind == "VARCHAR"):
        raise NodeError(
            f"{name!r} is {kind}, not a time", remedy=f"CAST({shown(name)} AS TIMESTAMP) in the node that makes it"
        )
    return f"CAST({f'CAST({column(name)} AS TIMESTAMPTZ)' if kind == 'VARCHAR' else column(name)} AS TIMESTAMP)"


def ahead(kind: str) -> int:
    """Seconds that a time of the type may lie ahead of the clock and still count as now."""
    return SKEW if is_zoned(kind) else HALF_A_DAY


def _now(spec: Spec) -> str:
    now = spec.options.get("now")
    return f"CAST({literal(now) if now else 'now()'} AS TIMESTAMP)"


def cutoff(spec: Spec) -> str:
    """The time before which a row is too old."""
    return f"({_now(spec)} - to_seconds({plain(spec.options['max_age'])}))"


def tomorrow(spec: Spec, place: Place) -> str:
    """The time after which a row lies in the future."""
    return f"({_now(spec)} + to_seconds({ahead(type_of(spec.columns[0], place.types))}))"


@contextmanager
def naming(spec: Spec) -> Iterator[None]:
    """An error inside names the check."""
    try:
        yield
    except NodeError as error:
        told, spot = f"check {spec.label!r}: {error.what}", error.spot if error.spot.path else Spot(spec.path)
        raise NodeError(told, why=error.why, remedy=error.remedy, metadata=error.metadata, spot=spot) from error
