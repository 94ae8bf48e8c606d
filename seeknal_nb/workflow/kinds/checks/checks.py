"""Checks of a table: what they found, run in one scan. Knows no kind: rules, feature groups and models ask for it."""

from __future__ import annotations

import json
import math
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.sqltext import literal, quote
from seeknal_nb.errors import ChecksFailed, ManifestError, NodeError, near
from seeknal_nb.markup import cut, plural
from seeknal_nb.workflow.kinds.checks.forms import Spec, Threshold, bounds_told, number, specs_of
from seeknal_nb.workflow.kinds.checks.sql import Measure, Place, measure_of, samples_sql, shortened, whole_told
from seeknal_nb.workflow.kinds.types import is_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.workflow.kinds.task import Task

__all__ = ["Check", "by_the_clock", "check_checks", "conclude", "judged", "run_checks", "run_specs"]

ANY = Threshold("!=", 0)
"""dbt's default of ``error_if`` and ``warn_if``: any offending row."""
PROFILE = ("column_name", "metric", "value")
"""The columns of a profile's table, which holds numbers by column and metric."""
EXAMPLE = 300
"""Characters of an offending row that a message shows."""
AGE = "freshness_hours"
"""The metric of a time in a profile that goes by the clock: no profile holds it, it is counted from ``max``."""
TABLE = "_table_"
"""What a profile writes as the column of what is true of the whole table."""


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found: a row of a rule's table, an entry of ``metadata["checks"]`` (by ``asdict``).

    Attributes:
        check: What it is called.
        severity: ``error``, ``warn`` or ``info``; what its failure does.
        passed: Whether it held.
        failed_rows: How many rows break it; 1 where the table as a whole does. None: it does not count.
        rows: How many rows it looked at.
        tolerance: The share of them that may break it.
        sample: JSON of the first offending rows, or text of its own.
    """

    check: str
    severity: str
    passed: bool
    failed_rows: int | None = None
    rows: int | None = None
    tolerance: float | None = None
    sample: str | None = None


def check_checks(listed: object, node: Node, *, key: str = "checks") -> None:
    """Refuse, at definition, what ``run_checks`` could not run: unknown checks or options, wrong types.

    Args:
        listed: The value of ``node.config[key]``: a list of mappings as ``{not_null: [a, b]}``,
            ``{range: {column: x, min: 0}, severity: warn, where: "y > 0", tolerance: 0.01}``, ``{metric: auc, min: 0.6}``.
        node: Whose.
        key: What errors call it.

    Raises:
        ManifestError: It names the check and the nearest that there is.
    """
    try:
        specs_of(listed, key=key)
    except ManifestError as error:
        raise error.at(node=node.id, place=node.place) from None


def run_checks(
    task: Task,
    listed: Sequence[Mapping[str, Any]],
    table: str,
    *,
    severity: str = "error",
    metrics: Mapping[str, Any] | None = None,
) -> list[Check]:
    """Run the checks on a table; gives one ``Check`` for each, in their order, and raises for none that fails.

    Args:
        task: Whose engine, and whose inputs (``relationships`` may name them).
        listed: As for ``check_checks``, which they passed.
        table: What stands after FROM: a quoted id, or ``read_parquet('...')`` of a staged file; empty where
            all checks are about ``metrics``.
        severity: That of the checks that have none of their own.
        metrics: Numbers for ``metric`` checks, by name.

    Raises:
        NodeError: A check cannot run: a column is missing, an expression or a pattern is wrong.
    """
    return run_specs(task, specs_of(listed), table, severity=severity, metrics=metrics)


def run_specs(
    task: Task,
    specs: Sequence[Spec],
    table: str,
    *,
    severity: str = "error",
    metrics: Mapping[str, Any] | None = None,
) -> list[Check]:
    """As ``run_checks``, of checks that are read already."""
    place = _place(task, table)
    counted = iter(_counted(task, [spec for spec in specs if spec.kind != "metric"], place, severity))
    return [
        _measured(task, spec, place, severity, metrics or {}) if spec.kind == "metric" else next(counted) for spec in specs
    ]


def _place(task: Task, table: str) -> Place:
    def types(of: str) -> dict[str, str]:
        return dict(task.engine.describe(f"SELECT * FROM {of}"))

    def other(name: str) -> tuple[str, dict[str, str]]:
        found = quote(task.input(name).node_id)
        return found, types(found)

    return Place(table, types(table) if table else {}, task.condition, other)


def conclude(checks: Sequence[Check], metadata: Mapping[str, Any], *, message: str = "") -> dict[str, Any]:
    """The metadata with ``checks``, ``warnings`` of what failed as ``warn``, and the counts among ``metrics``.

    Args:
        checks: All of them.
        metadata: What else the node has to tell.
        message: What to say first of a failure.

    Raises:
        ChecksFailed: One of severity ``error`` failed; it carries that metadata.
    """
    failed = [check for check in checks if not check.passed]
    errors, warned = ([check for check in failed if check.severity == one] for one in ("error", "warn"))
    counts = {"passed": len(checks) - len(failed), "failed": len(errors), "warned": len(warned)}
    counts["failed_rows"] = sum(check.failed_rows or 0 for check in failed)
    logged, said = metadata.get("metrics", {}), f"{message}: " if message else ""
    told = {**metadata, "metrics": {**counts, **logged}, "checks": [asdict(check) for check in checks]}
    warnings = [*_doubled(counts, logged), *([f"{said}{_all_told(warned)}"] if message and warned else map(_told, warned))]
    if warnings:
        told["warnings"] = [*metadata.get("warnings", ()), *warnings]
    if not errors:
        return told
    of_rows = any(check.failed_rows is not None and _row(check.sample) for check in errors)
    raise ChecksFailed(
        f"{len(errors)} of {len(checks)} checks failed",
        why=f"{said}{_all_told(errors)}",
        remedy=f"mend the data, or give the check severity: warn{' or a tolerance' if of_rows else ''}",
        metadata=told,
    )


def _doubled(counts: Mapping[str, int], logged: Mapping[str, Any]) -> list[str]:
    """A warning where a metric of the user's own is called as a count of checks: his is kept."""
    names = ", ".join(name for name in counts if name in logged)
    return [f"metrics called {names} are what was logged, not the count of the checks; log another name"] if names else []


def judged(spec: Spec, failed: int, rows: int | None, severity: str, sample: str | None = None) -> Check:
    """Whether so many offending rows are a failure, and how bad: by ``error_if``, ``warn_if``, or the tolerance."""
    own = spec.severity or severity
    if spec.error_if or spec.warn_if:
        hit = _hit(spec, failed, own)
        return Check(spec.label, hit or own, hit is None, failed, rows, None, sample)
    allowed = number(spec.options["max"]) if spec.kind == "null_rate" else spec.tolerance or 0.0
    passed = failed == 0 or (rows is not None and failed <= allowed * rows)
    return Check(spec.label, own, passed, failed, rows, allowed, sample)


def _hit(spec: Spec, found: float, severity: str, default: Threshold | None = ANY) -> str | None:
    """The severity of the threshold that holds. A check that is no error has no ``error_if``, as in dbt."""
    error_if, warn_if = spec.error_if or default, spec.warn_if or default
    if severity == "error" and error_if and error_if.holds(found):
        return "error"
    if warn_if and warn_if.holds(found):
        return "info" if severity == "info" else "warn"
    return None


def _all_told(checks: Sequence[Check]) -> str:
    return "; ".join(map(_told, checks))


def _told(check: Check) -> str:
    """``not_null id: 3 rows of 10, as {...}``; where no rows are counted, what was found instead."""
    row = _row(check.sample)
    if check.sample and not row:
        return f"{check.check}: {cut(check.sample, EXAMPLE)}"
    counted = "" if check.failed_rows is None or check.rows is None else f": {plural(check.failed_rows, 'row')}"
    counted += f" of {check.rows:,}" if counted and check.rows else ""
    return f"{check.check}{counted}{', as' if counted else ':'} {cut(row, EXAMPLE)}" if row else f"{check.check}{counted}"


def _row(sample: str | None) -> str:
    """The first offending row, which is enough to know what is meant; empty where the sample is a text of its own."""
    try:
        found = json.loads(sample or "")
    except ValueError:
        return ""
    listed = isinstance(found, list) and bool(found) and isinstance(found[0], dict)
    return json.dumps(found[0], ensure_ascii=False) if listed else ""


def _counted(task: Task, specs: Sequence[Spec], place: Place, severity: str) -> list[Check]:
    """All in one statement; then one more for the samples of those that failed."""
    measures = [_measure(task, spec, place) for spec in specs]
    if not specs:
        return []
    texts = [f"{measure.failed}, {measure.rows}" for measure in measures]
    numbers = _asked(task, specs, texts, lambda parts: f"SELECT {', '.join(parts)} FROM {place.table}")
    counts = zip(numbers[::2], numbers[1::2], strict=True)
    checks = [judged(spec, failed, rows, severity) for spec, (failed, rows) in zip(specs, counts, strict=True)]
    failing = [at for at, check in enumerate(checks) if not check.passed]
    if failing:
        selects = [measures[at].sample for at in failing]
        for at, sample in zip(failing, _asked(task, [specs[at] for at in failing], selects, samples_sql), strict=True):
            found = shortened(sample, specs[at])
            checks[at] = replace(checks[at], sample=whole_told(specs[at], found, checks[at].rows) or found)
    return checks


def _measure(task: Task, spec: Spec, place: Place) -> Measure:
    """What to count, after a look at the conditions of the user's own: an engine would cast what is none."""
    with _naming(spec):
        found = measure_of(spec, place)
        for text in filter(None, (spec.where, spec.options.get("sql"))):
            ((_, kind),) = task.engine.describe(f"SELECT (\n{place.sql(text)}\n) AS x FROM {place.table}")
            if kind != "BOOLEAN" and "NULL" not in kind:
                raise NodeError(f"{text[:200]!r} is no condition", why=f"it is {kind}", remedy="compare it with something")
        return found


@contextmanager
def _naming(spec: Spec) -> Iterator[None]:
    """An error inside names the check."""
    try:
        yield
    except NodeError as error:
        told = f"check {spec.label!r}: {error.what}"
        raise NodeError(told, why=error.why, remedy=error.remedy, metadata=error.metadata) from error


def _asked(task: Task, specs: Sequence[Spec], parts: Sequence[str], whole: Callable[[Sequence[str]], str]) -> list[Any]:
    """The one row of a statement made of a part a check; where it fails, the error of the check that is to blame."""
    try:
        return list(task.engine.query(whole(parts), form="rows")[0])
    except NodeError:
        for spec, part in zip(specs, parts, strict=True):
            with _naming(spec):
                task.engine.query(whole([part]), form="rows")
        raise


def _measured(task: Task, spec: Spec, place: Place, severity: str, metrics: Mapping[str, Any]) -> Check:
    """A number that was logged, or that a profile holds, by its thresholds or between its bounds; NaN and NULL fail."""
    own = spec.severity or severity
    with _naming(spec):
        value = _metric(task, spec, place, metrics)
    if spec.error_if or spec.warn_if:
        hit = _unknown(spec, own) if value is None else _hit(spec, value, own, None)
    else:
        hit = None if _between(value, spec.options) else own
    return Check(
        spec.label, hit or own, hit is None, int(hit is not None), None, None, _missed(spec, value) if hit else None
    )


def _missed(spec: Spec, value: float | None) -> str:
    found = "null or NaN" if value is None else f"{value:.6g}" if value % 1 else f"{value:.0f}"
    limits = [f"{name} if {limit}" for name, limit in (("error", spec.error_if), ("warn", spec.warn_if)) if limit]
    return f"{found}, {'; '.join(limits) or bounds_told(spec.options)}"


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
        raise NodeError(f"the profile has no column {about!r}", remedy=near(about, {of for of, *_ in found}, what="column"))
    if name == AGE and is_time(told.get("type") or ""):
        return _age(task, told["max"])
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


def _age(task: Task, newest: str | None) -> float | None:
    """Hours since a time that a profile wrote as text; None where it has none, or one without end."""
    text = f"SELECT TRY_CAST({literal(newest)} AS TIMESTAMPTZ) AS t"
    [(at,)] = task.engine.query(f"SELECT CASE WHEN isfinite(t) THEN epoch(t) END FROM ({text})", form="rows")
    return None if at is None else (time.time() - float(at)) / 3600


def _number(value: Any, name: str) -> float | None:
    """The metric as a number; NaN, of which nothing is known, as None."""
    try:
        found = None if value is None else float(value)
    except (TypeError, ValueError):
        raise NodeError(f"metric {name!r} is {value!r:.100}, no number", remedy="check another metric") from None
    return None if found is None or math.isnan(found) else found
