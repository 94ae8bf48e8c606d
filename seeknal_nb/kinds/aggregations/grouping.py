"""A declared aggregation as one SELECT that reads its input once. Pure: config and types in, SQL out; it runs nothing.

Each of its three forms says which events count for a row, by their age: the days from the event to the application date.

- *Table*: no application dates. A row for each group; ``basic`` is of all its events.
- *Rows*: ``application_date_col`` and nothing that looks beyond the rows that carry one date; or second order, where the
  peer documents that each event's age is to the date in its own row. ``basic`` counts the ages from 0 up, as documented.
- *Points*: a row for each group and application date; the events of the group are joined by age. Windows count as they
  say; ``basic`` counts the ages from 1 up, or, with ``application_date_col``, the rows of that date as in *Rows*. A group
  has a row for a date when something of it had happened before, for what comes later must not be known; a table of dates
  that has all keys is taken as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from seeknal_nb.kinds.aggregations.windows import DAYS, ROWS, Measure, Span, template_of
from seeknal_nb.sql.text import column
from seeknal_nb.sql.types import is_decimal, is_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seeknal_nb.kinds.aggregations.dates import Moments

__all__ = ["Grouping", "counts_as_number", "exact_or_double", "needs_numbers"]

AS_THEY_ARE = frozenset({"count", "nunique", "count_distinct", "min", "max", "first", "last"})
"""Functions that take any type, and give it back or count it."""
HIDDEN = "seeknal window "
"""Before the names of columns that count the events of a window; no output has them."""
PAST = Span(1)


@dataclass(frozen=True, slots=True)
class Grouping:
    """What is to be computed.

    Attributes:
        keys: ``id_col``, then ``group_by``.
        day: The events' date; None where nothing asks for it.
        moments: The application dates.
        measures: The output columns.
        rollup: Second order: an own application date is the event's, and no column of the output.
    """

    keys: tuple[str, ...]
    day: str | None
    moments: Moments
    measures: tuple[Measure, ...]
    rollup: bool = False

    @property
    def form(self) -> Literal["table", "rows", "points"]:
        """Which of the three."""
        looks_back = any(measure.spans for measure in self.measures)
        if self.moments.own:
            return "points" if looks_back and not self.rollup else "rows"
        return "points" if looks_back or self.moments.given else "table"

    @property
    def dated(self) -> bool:
        """Whether the output has a column of application dates."""
        return self.form == "points" or (self.form == "rows" and not self.rollup)

    @property
    def named(self) -> tuple[str, ...]:
        """The columns before the features, in order."""
        return (self.keys[0], *((self.moments.column,) if self.dated else ()), *self.keys[1:])

    @property
    def windows(self) -> tuple[Span, ...]:
        """The windows that may be empty, each once."""
        return tuple(dict.fromkeys(span for m in self.measures if m.function != DAYS for span in m.spans))

    @property
    def timed(self) -> tuple[str, ...]:
        """The features that go by the time of an event within its day."""
        return tuple(m.name for m in self.measures if m.function in ("first", "last"))

    @property
    def conditions(self) -> tuple[str, ...]:
        """The conditions of the measures, each once."""
        return tuple(dict.fromkeys(m.condition for m in self.measures if m.condition))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that measures are taken of, each once."""
        return tuple(dict.fromkeys(m.column for m in self.measures if m.column != ROWS))

    def sql(self, table: str, types: Mapping[str, str], dates: str = "", shared: tuple[str, ...] = ()) -> str:
        """The SELECT.

        Args:
            table: What to read, as SQL.
            types: The SQL type of each of its columns.
            dates: What lists the application dates, as SQL, where a table does.
            shared: The keys that it has too.
        """
        parts = [f"events AS MATERIALIZED ({self._events(table)})"]
        if self.form == "points":
            parts += self._points(dates, shared)
        names = [*self._group(), *(_named(sql, m.name) for m, sql in self._measured(types)), *self._hidden()]
        order = ", ".join(str(number + 1) for number in range(len(self.named)))
        body = f"SELECT {', '.join(names)} FROM {self._from()} GROUP BY {order} ORDER BY {order}"
        return f"WITH {', '.join(parts)} {body}"

    def _events(self, table: str) -> str:
        """The one scan: keys, day, time, own application date, values and conditions, under short names."""
        names = [f"{column(key)} AS k{number}" for number, key in enumerate(self.keys)]
        if self.day:
            names += [f"CAST({column(self.day)} AS DATE) AS day", f"{column(self.day)} AS moment"]
        if self.moments.own:
            names += [f"CAST({column(self.moments.own)} AS DATE) AS own"]
        names += [f"{column(name)} AS v{number}" for number, name in enumerate(self.columns)]
        names += [f"({text}\n) AS c{number}" for number, text in enumerate(self.conditions)]
        return f"SELECT {', '.join(names)} FROM {table}"

    def _points(self, dates: str, shared: tuple[str, ...]) -> Iterator[str]:
        """The rows of the output: group and date ``d``."""
        keys = [f"k{number}" for number in range(len(self.keys))]
        if self.moments.own:
            yield f"points AS (SELECT DISTINCT {', '.join(keys)}, own AS d FROM events WHERE own IS NOT NULL)"
            return
        yield "bounds AS (SELECT min(day) + 1 AS low, max(day) + 1 AS high FROM events)"
        yield f"days AS ({self._listed(dates, shared) if dates else self.moments.days()})"
        if dates and shared == self.keys:
            yield "points AS (SELECT * FROM days)"
            return
        match = "".join(f" AND {_same('days', 'known', self.keys.index(key))}" for key in shared)
        yield f"known AS (SELECT {', '.join(keys)}, min(day) AS born FROM events GROUP BY ALL)"
        names = ", ".join(f"known.{key}" for key in keys)
        born = f"known.born <= days.d - {self._reach().low}{match}"
        yield f"points AS (SELECT DISTINCT {names}, days.d FROM known JOIN days ON {born})"

    def _listed(self, dates: str, shared: tuple[str, ...]) -> str:
        names = [f"{column(key)} AS k{self.keys.index(key)}" for key in shared]
        day = column(self.moments.column)
        return f"SELECT DISTINCT {', '.join([*names, f'CAST({day} AS DATE) AS d'])} FROM {dates} WHERE {day} IS NOT NULL"

    def _from(self) -> str:
        if self.form == "rows":
            return "events" if self.rollup else "(FROM events WHERE own IS NOT NULL) AS events"
        if self.form == "table":
            return "events"
        keys = " AND ".join(_same("points", "events", number) for number in range(len(self.keys)))
        reach = self._reach()
        within = f"events.day <= points.d - {reach.low}" + (
            "" if reach.high is None else f" AND events.day >= points.d - {reach.high}"
        )
        own = " OR (events.own = points.d AND events.day <= points.d)" if self.moments.own else ""
        return f"points LEFT JOIN events ON {keys} AND (({within}){own})"

    def _reach(self) -> Span:
        """The ages that any measure looks at, but for what ``own`` says."""
        spans = [span for m in self.measures for span in (m.spans or (() if self.moments.own else (PAST,)))]
        highs = [span.high for span in spans if span.high is not None]
        return Span(min(span.low for span in spans), max(highs) if len(highs) == len(spans) else None)

    def _group(self) -> list[str]:
        table = "points" if self.form == "points" else "events"
        keys = [f"{table}.k{number} AS {column(key)}" for number, key in enumerate(self.keys)]
        day = (
            [f"{'points.d' if self.form == 'points' else 'events.own'} AS {column(self.moments.column)}"]
            if self.dated
            else []
        )
        return [keys[0], *day, *keys[1:]]

    def _measured(self, types: Mapping[str, str]) -> Iterator[tuple[Measure, str]]:
        for measure in self.measures:
            terms = [self._aggregate(measure, span, types) for span in measure.spans or (None,)]
            if len(terms) > 1:  # nothing, or zero, below makes no number
                yield measure, f"CAST({terms[0]} AS DOUBLE) / nullif(CAST({terms[1]} AS DOUBLE), 0)"
            else:
                yield measure, terms[0]

    def _aggregate(self, measure: Measure, span: Span | None, types: Mapping[str, str]) -> str:
        conditions = [self._counts(span)]
        if measure.condition:
            conditions.append(f"events.c{self.conditions.index(measure.condition)}")
        if measure.function == DAYS:
            return f"min({self._age()}) FILTER (WHERE {' AND '.join(conditions)})"
        value = "1" if measure.column == ROWS else f"events.v{self.columns.index(measure.column)}"
        if measure.function in ("first", "last"):
            conditions += ["events.moment IS NOT NULL", f"{value} IS NOT NULL"]
        if measure.column != ROWS:
            value = exact_or_double(value, types[measure.column], measure.function)
        where = " AND ".join(one for one in conditions if one)
        called = template_of(measure.function).format(x=value, at="events.moment")
        return f"{called} FILTER (WHERE {where})" if where else called

    def _counts(self, span: Span | None) -> str:
        """Which events count, as SQL; empty for all of them."""
        if span is not None:
            return f"{self._age()} >= {span.low}" + ("" if span.high is None else f" AND {self._age()} <= {span.high}")
        if self.form == "table":
            return ""
        if self.form == "rows":
            return f"{self._age()} >= 0"
        return f"events.own = points.d AND {self._age()} >= 0" if self.moments.own else f"{self._age()} >= {PAST.low}"

    def _age(self) -> str:
        return "(points.d - events.day)" if self.form == "points" else "(events.own - events.day)"

    def _hidden(self) -> list[str]:
        """How many events each window has, to tell how many are empty."""
        return [_named(f"count(*) FILTER (WHERE {self._counts(span)})", f"{HIDDEN}{span}") for span in self.windows]


def needs_numbers(measure: Measure) -> bool:
    """Whether what the measure is taken of must be a number."""
    counts = measure.function in ("count", "nunique", "count_distinct", DAYS)
    return not counts and (len(measure.spans) > 1 or measure.function not in AS_THEY_ARE)


def counts_as_number(kind: str) -> bool:
    """Whether a SQL type is one of numbers; true and false are 1 and 0."""
    return kind == "BOOLEAN" or is_number(kind)


def exact_or_double(value: str, kind: str, function: str) -> str:
    """A value as its function takes it.

    Sums and extremes keep their type. What divides goes by DOUBLE: DuckDB 2 gives the mean of a DECIMAL as a DECIMAL, and
    1.5 as a DOUBLE.
    """
    keeps = function in AS_THEY_ARE or function == "sum"
    return value if keeps or not (kind == "BOOLEAN" or is_decimal(kind)) else f"CAST({value} AS DOUBLE)"


def _same(left: str, right: str, number: int) -> str:
    """Keys match as groups do: a key that is missing is one of its own."""
    return f"{left}.k{number} IS NOT DISTINCT FROM {right}.k{number}"


def _named(sql: str, name: str) -> str:
    return f"{sql} AS {column(name)}"
