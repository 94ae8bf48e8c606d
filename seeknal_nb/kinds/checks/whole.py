"""Checks that no condition on one row can tell: of a table as a whole, or of a row among the others. Runs nothing."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from seeknal_nb.durations import duration_text
from seeknal_nb.errors import NodeError
from seeknal_nb.kinds.checks.forms import bounds_text
from seeknal_nb.kinds.checks.place import (
    SAMPLE,
    Measure,
    cutoff,
    filtered,
    outside,
    plain,
    select,
    time_of,
    tomorrow,
    type_of,
    where_of,
)
from seeknal_nb.markup import plural
from seeknal_nb.sql.text import column
from seeknal_nb.sql.types import is_decimal, is_float, is_integer, is_time, is_word, is_zoned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seeknal_nb.kinds.checks.forms import Spec
    from seeknal_nb.kinds.checks.place import Place

__all__ = ["NAN", "doubtful", "whole_of", "whole_text"]

ASKING = frozenset({"isnan", "isfinite", "isinf", "nan"})
"""Words of a condition that knows of NaN."""
NAN = "with NaN among what holds: the engine takes it for greater than every number; write isfinite(...) too"


def _unique(spec: Spec, place: Place) -> Measure:
    """Rows beyond the first of each key. Keys with a null or NaN are no doubles, but with ``nulls: same``."""
    names = [column(name) for name in spec.columns]
    same = spec.options.get("nulls") == "same"
    nan = [f"NOT isnan({column(name)})" for name in spec.columns if is_float(type_of(name, place.types))]
    keyed = "" if same else " AND ".join([*(f"{name} IS NOT NULL" for name in names), *nan])
    where, listed = where_of(spec, place), ", ".join(names)
    kept = filtered(where, keyed)
    key = names[0] if len(names) == 1 and not same else f"row({listed})"
    count = "n"
    while count in {name.casefold() for name in spec.columns}:
        count += "_"
    groups = f"{select(f'{listed}, count(*) AS {count}', place, where, keyed)} GROUP BY {listed} HAVING count(*) > 1"
    return Measure(
        f"count(*){kept} - count(DISTINCT {key}){kept}",
        f"count(*){filtered(where)}",
        f"{groups} ORDER BY {listed} LIMIT {SAMPLE}",
    )


def _row_count(spec: Spec, place: Place) -> Measure:
    where = where_of(spec, place)
    total = f"count(*){filtered(where)}"
    bounds = {side: plain(spec.options[side]) for side in ("min", "max") if side in spec.options}
    failed = f"CAST({outside(total, bounds)} AS INTEGER)"
    return Measure(failed, total, select('count(*) AS "rows"', place, where), whole=True)


def _freshness(spec: Spec, place: Place) -> Measure | None:
    """The newest row that does not lie in the future must be young enough; with ``each``, every row.

    Without a row that has such a time nothing is fresh.
    """
    if spec.options.get("each"):
        return None
    where, at, end = where_of(spec, place), time_of(spec, place), tomorrow(spec, place)
    newest, later = f"max({at})", f"count(*){filtered(where, f'{at} > {end}')}"
    late = f"coalesce({newest}{filtered(where, f'{at} <= {end}')} < {cutoff(spec)}, true)"
    ahead = f"count(*){filtered(f'{at} > {end}')} AS ahead"
    told = select(f"{newest}{filtered(f'{at} <= {end}')} AS newest, {ahead}", place, where)
    doubt = f"in the future by {spec.columns[0]}, not counted"
    return Measure(f"CAST({late} AS INTEGER)", f"count(*){filtered(where)}", told, whole=True, doubtful=later, doubt=doubt)


def _relationships(spec: Spec, place: Place) -> Measure:
    """Rows whose value the other table has not; a scan of its own in the same statement. NaN is in no table."""
    other, types = place.other(spec.options["to"])
    name, field = spec.columns[0], spec.options["field"]
    kinds = type_of(name, place.types), type_of(field, types)
    mine, theirs = _compared(kinds, f"seeknal_here.{column(name)}", f"seeknal_there.{column(field)}") or (None, None)
    if mine is None:
        raise NodeError(
            f"{name!r} is {kinds[0]}, and {field!r} of {spec.options['to']} is {kinds[1]}",
            why="values would have to be changed to compare them, as '02' to 2",
            remedy="CAST one of them in the node that makes it",
        )
    known = f" AND NOT isnan(seeknal_here.{column(name)})" if is_float(kinds[0]) else ""
    there = f"SELECT 1 FROM {other} AS seeknal_there WHERE {theirs} = {mine}{known}"
    where = where_of(spec, place)
    asked = f"({where}\n) AND " if where else ""
    orphans = f"FROM {place.table} AS seeknal_here WHERE {asked}{column(name)} IS NOT NULL AND NOT EXISTS ({there})"
    return Measure(
        f"(SELECT count(*) {orphans})",
        f"count(*){filtered(where)}",
        # A join keeps no order, and a build whose sample moved would look changed.
        f"SELECT * {orphans} ORDER BY ALL LIMIT {SAMPLE}",
    )


def _compared(kinds: tuple[str, str], mine: str, theirs: str) -> tuple[str, str] | None:
    """Two values as they are compared where that changes neither; None where it would, as with a text and a number.

    The engine itself compares a large integer and a DOUBLE as DOUBLE, which does not tell it from the next one.
    """
    one, two = kinds
    exact = is_integer(one) or is_decimal(one), is_integer(two) or is_decimal(two)
    if one == two or all(exact) or (is_float(one) and is_float(two)):
        return mine, theirs
    if is_word(one) and is_word(two):
        return f"CAST({mine} AS VARCHAR)", f"CAST({theirs} AS VARCHAR)"
    if is_time(one) and is_time(two) and is_zoned(one) == is_zoned(two):
        return mine, theirs
    if _whole(one) and is_float(two):
        return mine, _as_whole(theirs)
    if _whole(two) and is_float(one):
        return _as_whole(mine), theirs
    return None


def _whole(kind: str) -> bool:
    return is_integer(kind) or (is_decimal(kind) and kind.endswith(",0)"))


def _as_whole(value: str) -> str:
    return f"CASE WHEN {value} = trunc({value}) THEN TRY_CAST({value} AS HUGEINT) END"


def _expression(spec: Spec, place: Place) -> Measure | None:
    """A condition on the table (``avg(x) < 5``), or on a row among the others (``x > lag(x) OVER (ORDER BY t)``).

    The engine says which one it is, by the clause that takes it. None where that is WHERE: then it is about a row alone; and
    where none does, for its error says what is wrong.
    """
    text, where = place.sql(spec.options["sql"]), where_of(spec, place)
    if place.takes(select("1", place, text)):
        return None
    if place.takes(f"SELECT 1 FROM {place.table} HAVING ({text}\n)"):
        return _of_table(spec, place, text)
    if not place.takes(f"SELECT 1 FROM {place.table} QUALIFY ({text}\n)"):
        return None
    broken = f"{select('*', place, where)} QUALIFY NOT ({text}\n)"
    failed, rows = f"(SELECT count(*) FROM ({broken}))", f"count(*){filtered(where)}"
    unsure = doubtful(text, where, place)
    return Measure(failed, rows, f"{broken} ORDER BY ALL LIMIT {SAMPLE}", doubtful=unsure, doubt=NAN)


def _of_table(spec: Spec, place: Place, text: str) -> Measure:
    """A condition on all rows together; where it is NULL nothing is known, and it fails."""
    if spec.tolerance is not None:
        raise NodeError(
            "a tolerance of a condition on the whole table", why="it has no offending rows, and so no share of them",
            remedy="take the tolerance away, or write avg(x) OVER () for a condition on rows",
        )  # fmt: skip
    where = where_of(spec, place)
    broken = f"CAST(NOT coalesce(({text}\n), false) AS INTEGER)"
    told, rows = select(f"({text}\n) AS holds", place, where), f"count(*){filtered(where)}"
    unsure = doubtful(text, where, place)
    return Measure(f"({select(broken, place, where)})", rows, told, whole=True, doubtful=unsure, doubt=NAN)


def doubtful(text: str, where: str, place: Place, *more: str) -> str:
    """How many rows hold NaN in a column that a condition names; empty where it has none, or asks for it itself."""
    words = {word.casefold() for word in re.findall(r"\w+", text)}
    named = [name for name, kind in place.types.items() if is_float(kind) and name.casefold() in words]
    if not named or words & ASKING:
        return ""
    return f"count(*){filtered(where, *more, ' OR '.join(f'isnan({column(name)})' for name in named))}"


_WHOLE: Mapping[str, Callable[[Spec, Place], Measure | None]] = {
    "unique": _unique, "row_count": _row_count, "freshness": _freshness, "relationships": _relationships,
    "expression": _expression,
}  # fmt: skip


def whole_of(spec: Spec, place: Place) -> Measure | None:
    """How to count what breaks a check that goes beyond a row; None where a condition on a row tells it."""
    measure = _WHOLE.get(spec.kind)
    return measure(spec, place) if measure else None


def whole_text(spec: Spec, sample: str | None, rows: int | None) -> str:
    """What a check of the table as a whole found, in words."""
    [found] = json.loads(sample or "[{}]")
    if spec.kind == "row_count":
        return f"{plural(rows or 0, 'row')}, {bounds_text(spec.options)}"
    if spec.kind == "expression":
        what = "is null" if found.get("holds") is None else "does not hold"
        return f"{spec.options['sql'].strip()[:200]} {what} of {plural(rows or 0, 'row')}"
    if found.get("newest"):
        at = f" at {spec.options['now']}" if spec.options.get("now") else ""
        return f"the newest is {found['newest']}, older than {duration_text(float(spec.options['max_age']))}{at}"
    if found.get("ahead"):
        return f"every {spec.columns[0]} lies in the future"
    return "no row has a time" if rows else "there are no rows"
