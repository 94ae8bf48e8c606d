"""Checks of a table, run in one scan. Knows no kind: rules, feature groups and models ask for it."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import ManifestError, NodeError, Spot
from seeknal_nb.kinds.checks.forms import Spec, specs_of
from seeknal_nb.kinds.checks.metrics import measured
from seeknal_nb.kinds.checks.outcome import Check, judged
from seeknal_nb.kinds.checks.place import Measure, Place, naming
from seeknal_nb.kinds.checks.sql import measure_of, samples_sql, shortened
from seeknal_nb.kinds.checks.whole import whole_text
from seeknal_nb.markup import plural
from seeknal_nb.sql.text import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.kinds.task import Task

__all__ = ["check_checks", "run_checks", "run_specs"]


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
        raise node.blamed(error) from None


def run_checks(
    task: Task,
    listed: Sequence[Mapping[str, Any]],
    table: str,
    *,
    severity: str = "error",
    metrics: Mapping[str, Any] | None = None,
    key: str = "checks",
) -> list[Check]:
    """Run the checks on a table; gives one ``Check`` for each, in their order, and raises for none that fails.

    Args:
        task: Whose engine, and whose inputs (``relationships`` may name them).
        listed: As for ``check_checks``, which they passed.
        table: What stands after FROM: a quoted id, or ``read_parquet('...')`` of a staged file; empty where
            all checks are about ``metrics``.
        severity: That of the checks that have none of their own.
        metrics: Numbers for ``metric`` checks, by name.
        key: Where in the node's config they are written.

    Raises:
        NodeError: A check cannot run: a column is missing, an expression or a pattern is wrong.
    """
    return run_specs(task, specs_of(listed, key=key), table, severity=severity, metrics=metrics)


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
        measured(task, spec, place, severity, metrics or {}) if spec.kind == "metric" else next(counted) for spec in specs
    ]


def _place(task: Task, table: str) -> Place:
    def types(of: str) -> dict[str, str]:
        return dict(task.engine.describe(f"SELECT * FROM {of}"))

    def other(name: str) -> tuple[str, dict[str, str]]:
        found = quote(task.input(name).node_id)
        return found, types(found)

    def takes(sql: str) -> bool:
        with suppress(NodeError):
            return bool(task.engine.describe(sql))
        return False

    return Place(table, types(table) if table else {}, task.condition, other, takes)


def _counted(task: Task, specs: Sequence[Spec], place: Place, severity: str) -> list[Check]:
    """All in one statement; then one more for the samples of those that failed."""
    measures = [_measure(task, spec, place) for spec in specs]
    if not specs:
        return []
    texts = [f"{measure.failed}, {measure.rows}, {measure.doubtful or 'NULL'}" for measure in measures]
    numbers = _asked(task, specs, texts, lambda parts: f"SELECT {', '.join(parts)} FROM {place.table}")
    counts = zip(numbers[::3], numbers[1::3], strict=True)
    checks = [judged(spec, failed, rows, severity) for spec, (failed, rows) in zip(specs, counts, strict=True)]
    for at, (measure, unsure) in enumerate(zip(measures, numbers[2::3], strict=True)):
        if unsure and checks[at].passed:
            checks[at] = replace(checks[at], note=f"{plural(unsure, 'row')} {measure.doubt}")
    failing = [at for at, check in enumerate(checks) if not check.passed]
    if failing:
        selects = [measures[at].sample for at in failing]
        for at, sample in zip(failing, _asked(task, [specs[at] for at in failing], selects, samples_sql), strict=True):
            found = shortened(sample, specs[at])
            told = whole_text(specs[at], found, checks[at].rows) if measures[at].whole else found
            checks[at] = replace(checks[at], sample=told)
    return checks


def _measure(task: Task, spec: Spec, place: Place) -> Measure:
    """What to count, after a look at the conditions of the user's own: an engine would cast what is none."""
    with naming(spec):
        found = measure_of(spec, place)
        for text in filter(None, (spec.where, spec.options.get("sql"))):
            with _in_condition(spec):
                kind = _kind_of(task, place, text)
            if kind != "BOOLEAN" and "NULL" not in kind:
                raise NodeError(f"{text[:200]!r} is no condition", why=f"it is {kind}", remedy="compare it with something")
        return found


@contextmanager
def _in_condition(spec: Spec) -> Iterator[None]:
    """What the engine says inside is about the text of a condition, which stands in a statement of ours."""
    try:
        yield
    except NodeError as error:
        error.spot = Spot(spec.path, near=error.spot.near)
        raise


def _kind_of(task: Task, place: Place, text: str) -> str:
    try:
        ((_, kind),) = task.engine.describe(f"SELECT (\n{place.sql(text)}\n) AS x FROM {place.table}")
    except NodeError as error:
        if "GROUP BY" not in error.why:
            raise
        raise NodeError(
            f"{text[:200]!r} is about each row and about all of them", why="a column stands beside an aggregate",
            remedy="write avg(x) OVER () to compare each row with the mean, or two checks",
        ) from error  # fmt: skip
    return kind


def _asked(task: Task, specs: Sequence[Spec], parts: Sequence[str], whole: Callable[[Sequence[str]], str]) -> list[Any]:
    """The one row of a statement made of a part a check; where it fails, the error of the check that is to blame."""
    try:
        return list(task.engine.query(whole(parts), form="rows")[0])
    except NodeError:
        for spec, part in zip(specs, parts, strict=True):
            with naming(spec):
                task.engine.query(whole([part]), form="rows")
        raise
