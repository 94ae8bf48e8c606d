"""Profiles: what each column of a table holds, a row a column and metric, as the peer documents its four columns.

``column_name`` (``_table_`` for the table itself), ``metric``, ``value`` as text, ``detail`` as JSON; in the input's order.
Every column is scanned once, and those with frequent values once more. There is no age of the newest time: it would be
frozen in a build that is cached. Checks of ``freshness_hours`` count it from ``max`` when they run.
"""

from __future__ import annotations

import json
import math
import time
from typing import TYPE_CHECKING, Any

from seeknal_nb.config import refuse_unknown_names
from seeknal_nb.engines.names import no_column
from seeknal_nb.errors import ManifestError
from seeknal_nb.kinds.aggregations.events import events_of
from seeknal_nb.kinds.body import needs_body, python_of, sql_of
from seeknal_nb.kinds.refresh import check_refresh, remembered, timed_probe
from seeknal_nb.kinds.task import Kind, Task, result_of
from seeknal_nb.sql.text import column, literal, parquet
from seeknal_nb.sql.types import is_float, is_number, is_time
from seeknal_nb.storage.builds import DATA

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seeknal_nb.dag.manifest import Node

__all__ = ["EXACT", "PROFILE", "TABLE"]

TABLE = "_table_"
"""The column's name in rows that are about the table."""
TOP = 5
EXACT = 1_000_000
"""Rows up to which quantiles and distinct counts are exact, for both keep all values in memory; then the detail says so."""
AT_ONCE = 25
"""Columns a SELECT: 120 columns are planned in 0.4 s, and in 0.7 s when all are in one or ten are in each."""
METRICS = 500
"""Numbers that are kept as the build's metrics; of wider tables only the share of nulls."""
_ALWAYS = ("count", "null_count", "null_percent", "distinct_count")
_NUMBERS = ("min", "max", "avg", "sum", "stddev", "p25", "p50", "p75")
_APPROXIMATE = ("distinct_count", "p25", "p50", "p75")


def _settings(node: Node) -> tuple[list[str], int]:
    """The columns to profile, none for all, and how many frequent values to keep.

    Raises:
        ManifestError: ``profile`` says something else.
    """
    said = node.config.get("profile") or {}
    if not isinstance(said, dict):
        raise ManifestError("profile must be a mapping", why=f"it is {said!r:.100}", remedy="profile: {columns: [price]}")
    refuse_unknown_names(said, ("columns", "params"), "profile")
    names, params = said.get("columns") or [], said.get("params") or {}
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ManifestError(
            "profile.columns must be a list of names", why=f"it is {names!r:.100}", remedy="columns: [price]"
        )
    if not isinstance(params, dict):
        raise ManifestError(
            "profile.params must be a mapping", why=f"it is {params!r:.100}", remedy="params: {max_top_values: 5}"
        )
    refuse_unknown_names(params, ("max_top_values",), "profile.params")
    top = params.get("max_top_values", TOP)
    if not isinstance(top, int) or isinstance(top, bool) or top < 1:
        raise ManifestError("max_top_values must be a number above 0", why=f"it is {top!r:.100}", remedy="max_top_values: 5")
    return names, top


def _check(node: Node) -> None:
    check_refresh(node.config)
    if sql_of(node) and python_of(node):
        needs_body(node)
    if "{{" not in json.dumps(node.config.get("profile"), default=str):
        _settings(node)


def _execute(task: Task) -> dict[str, Any]:
    (names, top), began = _settings(task.node), time.time()
    with events_of(task) as events:
        types, warnings = _chosen(dict(events.types), names)
        [(rows,)] = task.engine.query(f"SELECT count(*) FROM {events.table}", form="rows")
        made = task.engine.build(_select(events.table, types, top, exact=rows <= EXACT), task.stage / DATA)
    told = {"metrics": _metrics(task, types), "warnings": warnings}
    return result_of(made, events.logged, told) | remembered(task, began)


def _chosen(types: dict[str, str], names: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The columns to profile, with types; one that is not there is left out with a warning, as the peer documents it."""
    if not names:
        return types, []
    asked, known = ({one.casefold() for one in several} for several in (names, types))
    found = {name: kind for name, kind in types.items() if name.casefold() in asked}
    missing = [no_column(name, types) for name in names if name.casefold() not in known]
    if not found:
        raise missing[0]
    return found, [f"{error.what} to profile: {error.remedy}" for error in missing]


def _select(table: str, types: dict[str, str], top: int, *, exact: bool) -> str:
    columns = list(enumerate(types.items()))
    parts = [f"SELECT 0 AS place, * FROM ({_rows(table, [(TABLE, 'row_count', 'count(*)', None)])})"]
    for start in range(0, len(columns), AT_ONCE):
        several = [row for number, (name, kind) in columns[start : start + AT_ONCE] for row in _of(name, kind, exact=exact)]
        parts.append(f"SELECT {start + 1} AS place, * FROM ({_rows(table, several)})")
    frequent = [
        (number, name)
        for number, (name, kind) in columns
        if kind in ("VARCHAR", "BOOLEAN", "UUID") or kind.startswith("ENUM")
    ]
    parts += [
        f"SELECT {number // AT_ONCE * AT_ONCE + 1} AS place, {_frequent(table, name, top)}" for number, name in frequent
    ]
    order = ", ".join([literal(TABLE), *(literal(name) for name in types)])
    every = " UNION ALL ".join(parts)
    return (
        f"SELECT column_name, metric, value, detail FROM ({every}) "
        f"ORDER BY place, list_position([{order}], column_name), number, metric"
    )


def _rows(table: str, wanted: Sequence[tuple[str, str, str, str | None]]) -> str:
    """One scan for many (column, metric, aggregate, detail), each then a row of its own."""
    scan = ", ".join(f"CAST({sql} AS VARCHAR) AS a{number}" for number, (_, _, sql, _) in enumerate(wanted))
    rows = ", ".join(
        f"{{'column_name': {literal(name)}, 'metric': {literal(metric)}, 'value': a{number}, "
        f"'detail': CAST({literal(detail)} AS VARCHAR), 'number': {number}}}"
        for number, (name, metric, _, detail) in enumerate(wanted)
    )
    return f"SELECT unnest([{rows}], recursive := true) FROM (SELECT {scan} FROM {table})"


def _of(name: str, kind: str, *, exact: bool) -> Iterator[tuple[str, str, str, str | None]]:
    """The metrics of one column, by its type."""
    x = column(name)
    yield name, "type", literal(kind), None
    found = {
        "count": f"count({x})",
        "null_count": f"count(*) - count({x})",
        "null_percent": f"CASE WHEN count(*) = 0 THEN 0.0 ELSE 100.0::DOUBLE * (count(*) - count({x})) / count(*) END",
        "distinct_count": f"count(DISTINCT {x})" if exact else f"approx_count_distinct({x})",
    }
    for metric, sql in (found | _special(x, kind, exact=exact)).items():
        yield name, metric, sql, None if exact or metric not in _APPROXIMATE else json.dumps("approximate")


def _special(x: str, kind: str, *, exact: bool) -> dict[str, str]:
    if kind == "BOOLEAN":
        return {}
    if is_number(kind):
        return _of_numbers(x, kind, exact=exact)
    if kind == "VARCHAR":
        lengths = {"min_length": f"min(length({x}))", "max_length": f"max(length({x}))"}
        return {"min": f"min({x})", "max": f"max({x})", **lengths}
    return {"min": f"min({x})", "max": f"max({x})"} if is_time(kind) or kind in ("TIME", "INTERVAL", "UUID") else {}


def _of_numbers(x: str, kind: str, *, exact: bool) -> dict[str, str]:
    """NaN and infinities are counted, and left out of the rest: one of them would be every mean's answer."""
    wild = is_float(kind)
    only = f" FILTER (WHERE isfinite({x}))" if wild else ""
    of = f"CAST({x} AS DOUBLE)"  # DuckDB 2 gives the mean of a DECIMAL as a DECIMAL, 1.5 as a DOUBLE
    quantile = "quantile_cont" if exact else "approx_quantile"
    found = {"min": f"min({x})", "max": f"max({x})", "avg": f"avg({of})", "sum": f"sum({x})", "stddev": f"stddev_samp({of})"}
    found |= {f"p{percent}": f"{quantile}({of}, 0.{percent})" for percent in (25, 50, 75)}
    counted = {"non_finite_count": f"count(*) FILTER (WHERE NOT isfinite({x}))"} if wild else {}
    return {metric: sql + only for metric, sql in found.items()} | counted


def _frequent(table: str, name: str, top: int) -> str:
    """The most frequent values of a column with count and percent; of equal counts the first by text."""
    x = column(name)
    counted = f"SELECT CAST({x} AS VARCHAR) AS value, count(*) AS count FROM {table} WHERE {x} IS NOT NULL GROUP BY ALL"
    shares = f"SELECT *, round(100.0 * count / sum(count) OVER (), 2)::DOUBLE AS percent FROM ({counted})"
    first = f"SELECT * FROM ({shares}) ORDER BY count DESC, value LIMIT {top}"
    entry = "{'value': value, 'count': count, 'percent': percent}"
    listed = f"SELECT to_json(list({entry} ORDER BY count DESC, value)) FROM ({first})"
    detail = f"coalesce(CAST(({listed}) AS VARCHAR), '[]')"
    last = 2**31 - 1
    return f"{literal(name)} AS column_name, 'top_values' AS metric, NULL AS value, {detail} AS detail, {last} AS number"


def _metrics(task: Task, types: dict[str, str]) -> dict[str, float]:
    """The numbers of the profile as ``row_count`` and ``column.metric``, for rules that check them."""
    wide = len(types) * (len(_ALWAYS) + len(_NUMBERS)) > METRICS
    metrics: dict[str, float] = {}
    for name, metric, value in task.engine.query(
        f"SELECT column_name, metric, value FROM {parquet(task.stage / DATA)}", form="rows"
    ):
        if name == TABLE:
            metrics[metric] = int(value)
        elif value is None or metric == "type" or (wide and metric != "null_percent"):
            continue
        elif metric not in ("min", "max") or is_number(types[name]):
            metrics[f"{name}.{metric}"] = _number(value)
    return {name: value for name, value in metrics.items() if math.isfinite(value)}


def _number(text: str) -> float:
    return int(text) if text.lstrip("-").isdigit() else float(text)


PROFILE = Kind(execute=_execute, check=_check, probe=timed_probe, measures=lambda node: True)
