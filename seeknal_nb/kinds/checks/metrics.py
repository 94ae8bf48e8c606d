"""Checks of numbers: those that a node logged, and those that a profile holds."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from seeknal_nb.engines.names import no_column
from seeknal_nb.errors import NodeError, near
from seeknal_nb.kinds.checks.forms import bounds_text
from seeknal_nb.kinds.checks.outcome import Check, hit
from seeknal_nb.kinds.checks.place import ahead, naming
from seeknal_nb.sql.text import literal
from seeknal_nb.sql.types import is_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal_nb.kinds.checks.forms import Spec
    from seeknal_nb.kinds.checks.place import Place
    from seeknal_nb.kinds.task import Task

__all__ = ["by_the_clock", "measured"]

PROFILE = ("column_name", "metric", "value")
"""The columns of a profile's table, which holds numbers by column and metric."""
AGE = "freshness_hours"
"""The metric of a time in a profile that goes by the clock: no profile holds it, it is counted from ``max``."""
TABLE = "_table_"
"""What a profile writes as the column of what is true of the whole table."""


def measured(task: Task, spec: Spec, place: Place, severity: str, metrics: Mapping[str, Any]) -> Check:
    """A number that was logged, or that a profile holds, by its thresholds or between its bounds; NaN and NULL fail."""
    own = spec.severity or severity
    with naming(spec):
        value = _metric(task, spec, place, metrics)
    if spec.error_if or spec.warn_if:
        bad = _unknown(spec, own) if value is None else hit(spec, value, own, None)
    else:
        bad = None if _between(value, spec.options) else own
    missed = _missed(spec, value) if bad else None
    return Check(spec.label, bad or own, bad is None, int(bad is not None), _tested(spec, metrics), None, missed)


def _tested(spec: Spec, metrics: Mapping[str, Any]) -> int | None:
    """Over how many rows a model's metric was taken: those of its test part. None of what is no model's."""
    rows = None if spec.columns else metrics.get("n_test")
    return int(rows) if isinstance(rows, (int, float)) and not isinstance(rows, bool) and rows == rows // 1 else None


def _missed(spec: Spec, value: float | None) -> str:
    found = "null or NaN" if value is None else f"{value:.6g}" if value % 1 else f"{value:.0f}"
    limits = [f"{name} if {limit}" for name, limit in (("error", spec.error_if), ("warn", spec.warn_if)) if limit]
    return f"{found}, {'; '.join(limits) or bounds_text(spec.options)}"


def _unknown(spec: Spec, severity: str) -> str:
    """How bad it is that nothing can be compared."""
    return "warn" if severity == "error" and not spec.error_if else severity


def _between(value: float | None, bounds: Mapping[str, Any]) -> bool:
    low, high = bounds.get("min", -math.inf), bounds.get("max", math.inf)
    return value is not None and low <= value <= high


def _metric(task: Task, spec: Spec, place: Place, metrics: Mapping[str, Any]) -> float | None:
    name, held = spec.options["metric"], {one.casefold() for one in place.types}
    if not spec.columns and name in metrics:
        return _number(metrics[name], name)
    if not held.issuperset(PROFILE):
        raise NodeError(f"there is no metric {name!r}", remedy=near(name, metrics, what="metric"))
    about, name = _about(spec)
    found = task.engine.query(f"SELECT column_name, metric, value FROM {place.table}", form="rows")
    told = {metric: value for of, metric, value in found if of == about}
    if not told:
        raise no_column(about, {of for of, *_ in found}, within="the profile")
    if name == AGE and is_time(told.get("type") or ""):
        return _age(task, told["max"], told["type"])
    if name not in told:
        raise NodeError(f"there is no metric {name!r} of {about!r}", remedy=near(name, told, what="metric"))
    return _number(told[name], name)


def by_the_clock(spec: Spec) -> bool:
    """Whether the check finds something else when the same data is older."""
    return (spec.kind == "freshness" and "now" not in spec.options) or (spec.kind == "metric" and _about(spec)[1] == AGE)


def _about(spec: Spec) -> tuple[str, str]:
    """The column and the metric that a check reads in a profile; of ages, also as ``column.freshness_hours``."""
    name = str(spec.options["metric"])
    if not spec.columns and name.endswith(f".{AGE}"):
        return name.removesuffix(f".{AGE}"), AGE
    return (spec.columns[0] if spec.columns else TABLE), name


def _age(task: Task, newest: str | None, kind: str) -> float | None:
    """Hours since a time that a profile wrote as text; None where it has none, one without end, or one in the future."""
    text = f"SELECT TRY_CAST({literal(newest)} AS TIMESTAMPTZ) AS t"
    [(at,)] = task.engine.query(f"SELECT CASE WHEN isfinite(t) THEN epoch(t) END FROM ({text})", form="rows")
    seconds = None if at is None else time.time() - float(at)
    return None if seconds is None or seconds < -ahead(kind) else seconds / 3600


def _number(value: Any, name: str) -> float | None:
    """The metric as a number; NaN, of which nothing is known, as None."""
    try:
        found = None if value is None else float(value)
    except (TypeError, ValueError):
        raise NodeError(f"metric {name!r} is {value!r:.100}, no number", remedy="check another metric") from None
    return None if found is None or math.isnan(found) else found
