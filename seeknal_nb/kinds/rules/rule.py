"""Rules: what must be true of the data. The node's table has one row a check; a failed error stops what follows."""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import ManifestError, NodeError
from seeknal_nb.kinds.body import python_of, python_value, sql_at, sql_of
from seeknal_nb.kinds.checks.checks import run_specs
from seeknal_nb.kinds.checks.metrics import by_the_clock
from seeknal_nb.kinds.checks.outcome import Check, conclude, judged
from seeknal_nb.kinds.checks.place import SAMPLE
from seeknal_nb.kinds.checks.sql import samples_sql, shortened
from seeknal_nb.kinds.files import files_probe
from seeknal_nb.kinds.pinned import pinned
from seeknal_nb.kinds.rules.can_fail import may_object
from seeknal_nb.kinds.rules.forms import PARAMS, SELECT, own_spec, rule_specs, severity_of
from seeknal_nb.kinds.rules.values import checks_of
from seeknal_nb.kinds.task import Kind, Probe, Task, result_of
from seeknal_nb.python.body import read_body
from seeknal_nb.sql.text import literal, quote, statements
from seeknal_nb.storage.builds import DATA

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.kinds.checks.forms import Spec
    from seeknal_nb.kinds.task import Input, Seen, Surroundings

__all__ = ["RULE"]

COLUMNS = {
    "check": "VARCHAR", "severity": "VARCHAR", "passed": "BOOLEAN", "failed_rows": "BIGINT", "rows": "BIGINT",
    "tolerance": "DOUBLE", "sample": "VARCHAR",
}  # fmt: skip
"""The node's table; a row a check."""


def _check_config(node: Node) -> None:
    _check_keys(node)
    severity_of(node)
    if not (rule_specs(node) or python_of(node)):
        raise ManifestError("nothing to check", remedy="a SELECT of the offending rows, an expression, Python, or checks")
    if sql_of(node) and python_of(node):
        raise ManifestError("two bodies", why="it has SQL and Python both", remedy="keep one of them")


def _check_keys(node: Node) -> None:
    for key in ("checks", "rule"):
        if node.config.get(key) in ([], ()):
            remedy = f"list what must hold, or take {key} away"
            raise ManifestError(f"{key} of a rule is empty", why="nothing would be checked by it", remedy=remedy)
    blocking = node.config.get("blocking")
    if blocking is not None and not isinstance(blocking, bool):
        raise ManifestError(
            f"blocking is {blocking!r}", remedy="true, where what reads the table waits for the rule, or false"
        )
    for name in node.config.get("params") or {}:
        meant = difflib.get_close_matches(str(name), PARAMS, n=1, cutoff=0.8)
        if meant and name not in PARAMS:  # others are parameters of its texts
            raise ManifestError(f"{name} of a rule's params is not read", remedy=f"did you mean {meant[0]}?")


def _probe(node: Node, around: Surroundings, seen: Seen) -> Probe:
    """The files that it reads; and a check against the clock has to be made again each time."""
    found = files_probe(node, around, seen)
    clocked = any(map(by_the_clock, rule_specs(node)))
    return replace(found, due="freshness is a matter of time") if clocked else found


def _execute(task: Task) -> dict[str, Any]:
    node, severity = task.node, severity_of(task.node)
    checks, logged = _from_python(task, severity) if python_of(node) else ([], {})
    checks += _from_specs(task, rule_specs(node), severity)
    message = (node.config.get("params") or {}).get("error_message") or ""
    metadata = conclude(checks, logged, message=str(message))
    return result_of(task.engine.build(_table_of(checks), task.stage / DATA), metadata)


def _table_of(checks: Sequence[Check]) -> str:
    """The rows as SQL, so that every column has its type, whatever it holds."""
    names = ", ".join(f'CAST("{name}" AS {kind}) AS "{name}"' for name, kind in COLUMNS.items())
    rows = ", ".join(f"({', '.join(literal(getattr(check, name)) for name in COLUMNS)})" for check in checks)
    columns = ", ".join(f'"{name}"' for name in COLUMNS)
    return f"SELECT {names} FROM (VALUES {rows}) AS t({columns})"


def _about(task: Task) -> str:
    """The table that the rule is about, quoted; empty where there is none."""
    checked = _checked(task)
    return quote(checked.node_id) if checked else ""


def _checked(task: Task) -> Input | None:
    """The input that the rule is about: ``on``, else the first one."""
    on = task.node.config.get("on")
    return task.input(str(on)) if on else next(iter(task.inputs.values()), None)


def _from_specs(task: Task, specs: Sequence[Spec], severity: str) -> list[Check]:
    """Each by its kind, in their order: those of rows in one scan, each SELECT by itself."""
    found = iter(_of_table(task, [spec for spec in specs if spec.kind != SELECT], severity))
    return [_selected(task, spec, severity) if spec.kind == SELECT else next(found) for spec in specs]


def _of_table(task: Task, specs: Sequence[Spec], severity: str) -> list[Check]:
    """Counts and samples are of one reading, also of a view that is another table each time."""
    if not specs:
        return []
    checked = _checked(task)
    if checked is None:
        raise NodeError("no table to check", remedy="--on transform.x, or inputs")
    with pinned(task, checked.node_id, only_volatile=True) as table:
        return run_specs(task, specs, table, severity=severity, metrics=_metrics(checked))


def _metrics(checked: Input) -> Mapping[str, Any]:
    """The numbers that the checked node left beside its table."""
    found = checked.build.metadata.get("metrics") if checked.build else None
    return found if isinstance(found, dict) else {}


def _selected(task: Task, spec: Spec, severity: str) -> Check:
    """Count the offending rows and keep the first few; the statement runs once."""
    sql = task.sql(spec.options["sql"])
    select = statements(sql)[-1]  # what stands before keeps its lines, which an error counts
    table = _about(task) if len(task.inputs) == 1 or task.node.config.get("on") else ""
    rows = f"(SELECT count(*) FROM {table})" if table else "NULL"
    samples = samples_sql([f"FROM seeknal_bad LIMIT {SAMPLE}"]).removeprefix("SELECT ")
    bad = f"{sql[: select.start]}CREATE TEMP TABLE seeknal_bad AS {select.text}"
    with sql_at(*spec.path):
        failed, rows_of, sample = task.engine.query(
            f"{bad}\n; SELECT count(*), {rows}, {samples} FROM seeknal_bad", form="rows"
        )[0]
    check = judged(spec, failed, rows_of, severity)
    return check if check.passed else replace(check, sample=shortened(sample, spec))


def _from_python(task: Task, severity: str) -> tuple[list[Check], dict[str, Any]]:
    """What the body's value tells, and what it logged; an assertion that does not hold is a check that fails."""
    own = own_spec(task.node)
    try:
        value, context = python_value(task)
    except NodeError as error:
        if not isinstance(error.__cause__, AssertionError):
            raise
        said = str(error.__cause__) or task.node.name
        return [Check(said[:2000], severity, passed=False)], dict(error.metadata)
    source, name = python_of(task.node) or "", task.node.name
    function = read_body(source, name=name).function or name
    if value is None and not may_object(source, function, task.captured.values):
        why = "nothing in it asserts or raises: whatever the data is, it would pass"
        raise NodeError("the body gives nothing", why=why, remedy="return it, or assert it", metadata=context.logged())
    return list(_of_value(task, value, own, severity)), context.logged()


def _of_value(task: Task, value: object, own: Spec, severity: str) -> Iterator[Check]:
    def frame(form: str) -> Any:
        if not task.inputs:
            raise NodeError("no table to check", remedy="--on transform.x, or inputs")
        return task.engine.query(f"SELECT * FROM {_about(task)}", form=form)

    return checks_of(value, own, severity, frame, lambda: _rows(task))


def _rows(task: Task) -> int | None:
    """How many rows the checked table has, where it is plain which one that is."""
    if len(task.inputs) != 1 and not task.node.config.get("on"):
        return None
    return int(task.engine.query(f"SELECT count(*) FROM {_about(task)}", form="rows")[0][0])


RULE = Kind(execute=_execute, check=_check_config, probe=_probe, measures=lambda node: True)
