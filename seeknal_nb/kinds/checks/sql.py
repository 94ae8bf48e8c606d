"""The SQL of checks: aggregates that count offending rows in one scan, and who they are. Runs nothing."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import NodeError
from seeknal_nb.kinds.checks.place import (
    SAMPLE,
    Measure,
    Place,
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
from seeknal_nb.kinds.checks.whole import NAN, doubtful, whole_of
from seeknal_nb.sql.text import column, literal, shown
from seeknal_nb.sql.types import is_float, is_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from seeknal_nb.kinds.checks.forms import Spec

__all__ = ["measure_of", "samples_sql", "shortened"]

LONGEST, LONGEST_SAMPLE = 200, 2000
"""Characters of one value and of all of a sample: it goes into records, logs and the graph."""


def measure_of(spec: Spec, place: Place) -> Measure:
    """How to count what breaks the check.

    Raises:
        NodeError: A column is missing, or of a type that the check cannot be about.
    """
    for name in spec.columns:
        type_of(name, place.types)
    return whole_of(spec, place) or _by_row(spec, place)


def _by_row(spec: Spec, place: Place) -> Measure:
    where, bad = where_of(spec, place), BAD[spec.kind](spec, place)
    text = place.sql(spec.options["sql"]) if spec.kind == "expression" else ""
    return Measure(
        f"count(*){filtered(where, bad)}",
        f"count(*){filtered(where)}",
        f"{select('*', place, where, bad)} LIMIT {SAMPLE}",
        doubtful=doubtful(text, where, place, text),
        doubt=NAN,
    )


def _range(spec: Spec, place: Place) -> str:
    """NULL lies in every range; NaN in none, which the engine would take for the greatest number."""
    name = spec.columns[0]
    kind, options = type_of(name, place.types), spec.options
    bounds = {side: _bound(options[side], name, kind) for side in ("min", "max") if side in options}
    beyond = outside(column(name), bounds, exclusive=bool(options.get("exclusive")))
    return f"{beyond} OR isnan({column(name)})" if is_float(kind) else beyond


def _bound(value: Any, name: str, kind: str) -> str:
    if kind == "VARCHAR" and not isinstance(value, str):
        raise NodeError(
            f"{name!r} is text, and {value!r} a number", remedy=f"CAST({shown(name)} AS DOUBLE) in the node that makes it"
        )
    return _constant(value, kind)


def _constant(value: Any, kind: str) -> str:
    """SQL of a value, so that the engine compares it as it is, and does not cast it to the column's type before."""
    if kind == "DATE" and isinstance(value, str):
        return f"CAST({literal(value)} AS TIMESTAMP)"
    return plain(value) if is_number(kind) else literal(value)


def _accepted(spec: Spec, place: Place) -> str:
    name = spec.columns[0]
    kind = type_of(name, place.types)
    values = [_word(one) if kind == "VARCHAR" else one for one in spec.options["values"] if one is not None]
    listed = ", ".join(_constant(one, kind) for one in values)
    return f"{column(name)} NOT IN ({listed})" if values else f"{column(name)} IS NOT NULL"


def _word(value: Any) -> str:
    """A value as a column of text would hold it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _unlike(spec: Spec, place: Place) -> str:
    name = column(spec.columns[0])
    text = name if type_of(spec.columns[0], place.types) == "VARCHAR" else f"CAST({name} AS VARCHAR)"
    return f"NOT regexp_full_match({text}, {literal(spec.options['pattern'])})"


def _null(spec: Spec, place: Place) -> str:
    """NaN is as missing as NULL."""
    nan = [f"isnan({column(name)})" for name in spec.columns if is_float(type_of(name, place.types))]
    return " OR ".join([*(f"{column(name)} IS NULL" for name in spec.columns), *nan])


def _stale(spec: Spec, place: Place) -> str:
    at = time_of(spec, place)
    return f"{at} < {cutoff(spec)} OR {at} > {tomorrow(spec, place)}"


BAD: Mapping[str, Callable[[Spec, Place], str]] = {
    "not_null": _null,
    "null_rate": _null,
    "accepted_values": _accepted,
    "range": _range,
    "regex": _unlike,
    "expression": lambda spec, place: f"NOT ({place.sql(spec.options['sql'])}\n)",
    "freshness": _stale,
}
"""A condition that the offending rows meet. NULL meets none but that of nulls, as in dbt."""


def samples_sql(selects: Iterable[str]) -> str:
    """One statement that gives, for each SELECT, its rows as JSON."""
    # The alias must be no column's name: list() would take the column.
    parts = [f"(SELECT to_json(list(seeknal_sample)) FROM ({one}\n) seeknal_sample)" for one in selects]
    return f"SELECT {', '.join(parts)}"


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
