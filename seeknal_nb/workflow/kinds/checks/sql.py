"""The SQL of checks: aggregates that count offending rows in one scan, and who they are. Runs nothing."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.sqltext import column, literal, shown
from seeknal_nb.errors import NodeError, near
from seeknal_nb.markup import plural
from seeknal_nb.workflow.kinds.checks.forms import bounds_told
from seeknal_nb.workflow.kinds.durations import duration_text
from seeknal_nb.workflow.kinds.types import is_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from seeknal_nb.workflow.kinds.checks.forms import Spec

__all__ = ["SAMPLE", "Measure", "Place", "measure_of", "plain", "samples_sql", "shortened", "whole_told"]

SAMPLE = 5
"""Offending rows that are shown."""
LONGEST, LONGEST_SAMPLE = 200, 2000
"""Characters of one value and of all of a sample: it goes into records, logs and the graph."""


_NUMBER = re.compile(r"\s*[-+]?\d+(\.\d*)?([eE][-+]?\d+)?\s*")


@dataclass(frozen=True, slots=True)
class Measure:
    """Three SQL texts: how many rows break a check, how many it looked at (aggregates both), and a SELECT of the first."""

    failed: str
    rows: str
    sample: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where checks are run.

    Attributes:
        table: What stands after FROM.
        types: The SQL type of each of its columns.
        sql: A user's condition with its tables written as ids.
        other: Another table by the name a check gives it: what stands after FROM, and its types.
    """

    table: str
    types: Mapping[str, str]
    sql: Callable[[str], str]
    other: Callable[[str], tuple[str, Mapping[str, str]]]


def measure_of(spec: Spec, place: Place) -> Measure:
    """How to count what breaks the check.

    Raises:
        NodeError: A column is missing, or of a type that the check cannot be about.
    """
    for name in spec.columns:
        _present(name, place.types)
    return (WHOLE.get(spec.kind) or _by_row)(spec, place)


def _present(name: str, types: Mapping[str, str]) -> str:
    """The type of a column, found as the engine finds it, in any case."""
    found = {one.casefold(): kind for one, kind in types.items()}.get(name.casefold())
    if found is None:
        raise NodeError(f"there is no column {name!r}", remedy=near(name, types, what="column"))
    return found


def _all(*conditions: str) -> str:
    return " AND ".join(f"({one}\n)" for one in conditions if one)


def _where(spec: Spec, place: Place) -> str:
    return place.sql(spec.where) if spec.where else ""


def _filtered(*conditions: str) -> str:
    """``FILTER`` of an aggregate, empty where nothing is asked."""
    whole = _all(*conditions)
    return f" FILTER (WHERE {whole})" if whole else ""


def _select(what: str, place: Place, *conditions: str) -> str:
    whole = _all(*conditions)
    return f"SELECT {what} FROM {place.table}{f' WHERE {whole}' if whole else ''}"


def _by_row(spec: Spec, place: Place) -> Measure:
    where, bad = _where(spec, place), BAD[spec.kind](spec, place)
    return Measure(
        f"count(*){_filtered(where, bad)}",
        f"count(*){_filtered(where)}",
        f"{_select('*', place, where, bad)} LIMIT {SAMPLE}",
    )


def _unique(spec: Spec, place: Place) -> Measure:
    """Rows beyond the first of each key. Keys with a null are no doubles, as in dbt, but with ``nulls: same``."""
    names = [column(name) for name in spec.columns]
    same = spec.options.get("nulls") == "same"
    keyed = "" if same else " AND ".join(f"{name} IS NOT NULL" for name in names)
    where, listed = _where(spec, place), ", ".join(names)
    kept = _filtered(where, keyed)
    key = names[0] if len(names) == 1 and not same else f"row({listed})"
    count = "n"
    while count in {name.casefold() for name in spec.columns}:
        count += "_"
    groups = f"{_select(f'{listed}, count(*) AS {count}', place, where, keyed)} GROUP BY {listed} HAVING count(*) > 1"
    return Measure(
        f"count(*){kept} - count(DISTINCT {key}){kept}",
        f"count(*){_filtered(where)}",
        f"{groups} ORDER BY {listed} LIMIT {SAMPLE}",
    )


def _row_count(spec: Spec, place: Place) -> Measure:
    where = _where(spec, place)
    total = f"count(*){_filtered(where)}"
    bounds = {side: plain(spec.options[side]) for side in ("min", "max") if side in spec.options}
    return Measure(f"CAST({_outside(total, bounds)} AS INTEGER)", total, _select('count(*) AS "rows"', place, where))


def _freshness(spec: Spec, place: Place) -> Measure:
    """The newest row must be young enough; with ``each``, every row. A table without times is stale, an empty one is not."""
    if spec.options.get("each"):
        return _by_row(spec, place)
    where, newest = _where(spec, place), f"max({_time(spec, place)})"
    total, kept = f"count(*){_filtered(where)}", f"{newest}{_filtered(where)}"
    late = f"{total} > 0 AND coalesce({kept} < {_cutoff(spec)}, true)"
    return Measure(f"CAST({late} AS INTEGER)", total, _select(f"{newest} AS newest", place, where))


def _relationships(spec: Spec, place: Place) -> Measure:
    """Rows whose value the other table has not; a scan of its own in the same statement."""
    other, types = place.other(spec.options["to"])
    field = spec.options["field"]
    _present(field, types)
    mine = column(spec.columns[0])
    there = f"SELECT 1 FROM {other} AS seeknal_there WHERE seeknal_there.{column(field)} = seeknal_here.{mine}"
    where = _where(spec, place)
    orphans = f"FROM {place.table} AS seeknal_here WHERE {_all(where, f'{mine} IS NOT NULL', f'NOT EXISTS ({there})')}"
    return Measure(
        f"(SELECT count(*) {orphans})",
        f"count(*){_filtered(where)}",
        # A join keeps no order, and a build whose sample moved would look changed.
        f"SELECT * {orphans} ORDER BY ALL LIMIT {SAMPLE}",
    )


def _time(spec: Spec, place: Place) -> str:
    name = spec.columns[0]
    kind = _present(name, place.types)
    if not (is_time(kind) or kind == "VARCHAR"):
        raise NodeError(
            f"{name!r} is {kind}, not a time", remedy=f"CAST({shown(name)} AS TIMESTAMP) in the node that makes it"
        )
    return f"CAST({column(name)} AS TIMESTAMP)"


def _cutoff(spec: Spec) -> str:
    now = spec.options.get("now")
    return f"(CAST({literal(now) if now else 'now()'} AS TIMESTAMP) - to_seconds({plain(spec.options['max_age'])}))"


def _outside(value: str, bounds: Mapping[str, str], *, exclusive: bool = False) -> str:
    below, above = ("<=", ">=") if exclusive else ("<", ">")
    parts = [f"{value} {sign} {bounds[side]}" for side, sign in (("min", below), ("max", above)) if side in bounds]
    return "(" + " OR ".join(parts) + ")"


def _range(spec: Spec, place: Place) -> str:
    """NULL lies in every range; NaN in none, which the engine would take for the greatest number."""
    name = spec.columns[0]
    kind, options = _present(name, place.types), spec.options
    bounds = {side: _bound(options[side], name, kind) for side in ("min", "max") if side in options}
    outside = _outside(column(name), bounds, exclusive=bool(options.get("exclusive")))
    return f"{outside} OR isnan({column(name)})" if kind in ("DOUBLE", "FLOAT") else outside


def _bound(value: Any, name: str, kind: str) -> str:
    if kind == "VARCHAR" and not isinstance(value, str):
        raise NodeError(
            f"{name!r} is text, and {value!r} a number", remedy=f"CAST({shown(name)} AS DOUBLE) in the node that makes it"
        )
    return plain(value) if kind != "VARCHAR" else literal(value)


def plain(value: Any) -> str:
    """A literal; text that is a number, as a parameter gives it, is one."""
    return value.strip() if isinstance(value, str) and _NUMBER.fullmatch(value) else literal(value)


def _accepted(spec: Spec, place: Place) -> str:
    name = spec.columns[0]
    text = _present(name, place.types) == "VARCHAR"
    values = [_word(one) if text else one for one in spec.options["values"] if one is not None]
    listed = ", ".join(map(literal, values))
    return f"{column(name)} NOT IN ({listed})" if values else f"{column(name)} IS NOT NULL"


def _word(value: Any) -> str:
    """A value as a column of text would hold it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _unlike(spec: Spec, place: Place) -> str:
    name = column(spec.columns[0])
    text = name if _present(spec.columns[0], place.types) == "VARCHAR" else f"CAST({name} AS VARCHAR)"
    return f"NOT regexp_full_match({text}, {literal(spec.options['pattern'])})"


def _null(spec: Spec, _place: Place) -> str:
    return " OR ".join(f"{column(name)} IS NULL" for name in spec.columns)


WHOLE: Mapping[str, Callable[[Spec, Place], Measure]] = {
    "unique": _unique, "row_count": _row_count, "freshness": _freshness, "relationships": _relationships,
}  # fmt: skip
"""Checks that no condition on one row can tell."""
BAD: Mapping[str, Callable[[Spec, Place], str]] = {
    "not_null": _null,
    "null_rate": _null,
    "accepted_values": _accepted,
    "range": _range,
    "regex": _unlike,
    "expression": lambda spec, place: f"NOT ({place.sql(spec.options['sql'])}\n)",
    "freshness": lambda spec, place: f"{_time(spec, place)} < {_cutoff(spec)}",
}
"""A condition that the offending rows meet. NULL meets none but that of nulls, as in dbt."""


def samples_sql(selects: Iterable[str]) -> str:
    """One statement that gives, for each SELECT, its rows as JSON."""
    # The alias must be no column's name: list() would take the column.
    parts = [f"(SELECT to_json(list(seeknal_sample)) FROM ({one}\n) seeknal_sample)" for one in selects]
    return f"SELECT {', '.join(parts)}"


def whole_told(spec: Spec, sample: str | None, rows: int | None) -> str:
    """What a check of the table as a whole found, in words; empty for a check of rows."""
    if spec.kind == "row_count":
        return f"{plural(rows or 0, 'row')}, {bounds_told(spec.options)}"
    if spec.kind != "freshness" or spec.options.get("each"):
        return ""
    newest = json.loads(sample or "[{}]")[0].get("newest")
    at = f" at {spec.options['now']}" if spec.options.get("now") else ""
    age = duration_text(float(spec.options["max_age"]))
    return f"the newest is {newest}, older than {age}{at}" if newest else "no row has a time"


def shortened(sample: str | None, spec: Spec | None = None) -> str | None:
    """Rows as JSON, long values cut, and the last rows left out where they are long all the same.

    The columns that the check is about come first, for a message shows the beginning of a row.
    """
    if not sample:
        return None
    rows, about = json.loads(sample, parse_constant=str), _named_in(spec) if spec else frozenset()
    rows = [{name: _cut(row[name]) for name in sorted(row, key=lambda one: one.casefold() not in about)} for row in rows]
    while len(rows) > 1 and len(json.dumps(rows)) > LONGEST_SAMPLE:
        rows.pop()
    return json.dumps(rows, default=str, ensure_ascii=False)


def _named_in(spec: Spec) -> frozenset[str]:
    """The columns of a check, and every word of its conditions."""
    texts = " ".join([spec.where, str(spec.options.get("sql", ""))])
    return frozenset(name.casefold() for name in (*spec.columns, *re.findall(r"\w+", texts)))


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= LONGEST else f"{value[:LONGEST]}..."
    text = json.dumps(value, default=str)
    return value if len(text) <= LONGEST else f"{text[:LONGEST]}..."
