"""What checks found, and what follows from it: passed or not, how bad, and what is told. Runs nothing."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import ChecksFailed
from seeknal_nb.kinds.checks.forms import Spec, Threshold, number
from seeknal_nb.markup import cut, plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Check", "conclude", "hit", "judged"]

ANY = Threshold("!=", 0)
"""dbt's default of ``error_if`` and ``warn_if``: any offending row."""
EXAMPLE = 300
"""Characters of an offending row that a message shows."""


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found: a row of a rule's table, an entry of ``metadata["checks"]``.

    Attributes:
        check: What it is called.
        severity: ``error``, ``warn`` or ``info``; what its failure does.
        passed: Whether it held.
        failed_rows: How many rows break it; 1 where the table as a whole does. None: it does not count.
        rows: How many rows it looked at.
        tolerance: The share of them that may break it.
        sample: JSON of the first offending rows, or text of its own.
        note: What is to be told although it held.
    """

    check: str
    severity: str
    passed: bool
    failed_rows: int | None = None
    rows: int | None = None
    tolerance: float | None = None
    sample: str | None = None
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """An entry of ``metadata["checks"]``; the note is a warning."""
        return {name: value for name, value in asdict(self).items() if name != "note"}


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
    told = {**metadata, "metrics": {**counts, **logged}, "checks": [check.to_dict() for check in checks]}
    warnings = _doubled(counts, logged)
    warnings += [f"{said}{_failures_text(warned)}"] if message and warned else map(_failure_text, warned)
    warnings += [f"{check.check}: {check.note}" for check in checks if check.note]
    if warnings:
        told["warnings"] = [*metadata.get("warnings", ()), *warnings]
    if not errors:
        return told
    of_rows = any(check.failed_rows is not None and _row(check.sample) for check in errors)
    raise ChecksFailed(
        f"{len(errors)} of {len(checks)} checks failed",
        why=f"{said}{_failures_text(errors)}",
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
        found = hit(spec, failed, own)
        return Check(spec.label, found or own, found is None, failed, rows, None, sample)
    allowed = number(spec.options["max"]) if spec.kind == "null_rate" else spec.tolerance or 0.0
    passed = failed == 0 or (rows is not None and failed <= allowed * rows)
    return Check(spec.label, own, passed, failed, rows, allowed, sample)


def hit(spec: Spec, found: float, severity: str, default: Threshold | None = ANY) -> str | None:
    """The severity of the threshold that holds. A check that is no error has no ``error_if``, as in dbt."""
    error_if, warn_if = spec.error_if or default, spec.warn_if or default
    if severity == "error" and error_if and error_if.holds(found):
        return "error"
    if warn_if and warn_if.holds(found):
        return "info" if severity == "info" else "warn"
    return None


def _failures_text(checks: Sequence[Check]) -> str:
    return "; ".join(map(_failure_text, checks))


def _failure_text(check: Check) -> str:
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
