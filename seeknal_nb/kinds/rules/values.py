"""What a rule's Python may give, as checks: a bool, offending rows, tuples, pandera's and pointblank's objects."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seeknal_nb.engines.frames import decimals, is_frame, is_of, to_arrow
from seeknal_nb.errors import NodeError
from seeknal_nb.kinds.checks.outcome import Check, judged
from seeknal_nb.kinds.checks.place import SAMPLE
from seeknal_nb.kinds.checks.sql import shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from seeknal_nb.kinds.checks.forms import Spec

__all__ = ["checks_of"]

REMEDY = "return a bool, a bool a row, the offending rows, or a list of (check, passed, detail)"


def checks_of(
    value: object, spec: Spec, severity: str, frame: Callable[[str], Any], rows: Callable[[], int | None]
) -> Iterator[Check]:
    """The checks that a value tells.

    Args:
        value: What the body gave; None where it asserts, and all of that held.
        spec: The node as a check: its name and its thresholds.
        severity: The node's.
        frame: The checked table as ``pandas`` or ``polars``.
        rows: How many rows it has, where that is known.

    Raises:
        NodeError: It tells none.
    """
    value = _plain(value)
    if value is None or isinstance(value, bool):
        yield Check(spec.label, severity, value is not False, sample="its body gave False" if value is False else None)
    elif is_of(value, "pandera"):
        yield from _pandera(value, severity, frame)
    elif is_of(value, "pointblank"):
        yield from _pointblank(value, severity)
    elif isinstance(value, list) and value and all(isinstance(row, tuple) for row in value):
        yield from (_of_tuple(row, severity) for row in value)
    elif _of_rows(value):
        yield _held(value, spec, severity)
    elif is_frame(value) and not _type_of(value):
        yield _offending(value, spec, severity, rows())
    else:
        raise NodeError(f"a rule gave {type(value).__name__}", why=_odd(value), remedy=REMEDY)


def _odd(value: object) -> str:
    return f"its values are {_type_of(value)}, not bool" if _type_of(value) else ""


def _plain(value: Any) -> Any:
    """A scalar of numpy or Arrow as Python has it."""
    if isinstance(value, type):
        return value
    return value.item() if getattr(value, "ndim", None) == 0 else value.as_py() if hasattr(value, "as_py") else value


def _type_of(value: object) -> str:
    """The type of the values of a single column, of pandas, numpy, polars or Arrow; empty for what is none."""
    found = getattr(value, "dtype", None) if hasattr(value, "dtype") else getattr(value, "type", None)
    return "" if found is None or isinstance(value, type) else str(found).casefold()


def _of_tuple(row: tuple[Any, ...], severity: str) -> Check:
    check, passed, *detail = row if len(row) in (2, 3) else (None, None)
    passed = _plain(passed)
    if not isinstance(check, str) or not isinstance(passed, bool):
        raise NodeError(f"{row!r:.200} is no check", remedy="write (check, passed, detail): a text, a bool, a text")
    return Check(check, severity, passed, sample=str(detail[0])[:2000] if detail and detail[0] else None)


def _of_rows(value: object) -> bool:
    return getattr(value, "ndim", 1) == 1 and _type_of(value) in ("bool", "boolean", "bool[pyarrow]")


def _held(value: Any, spec: Spec, severity: str) -> Check:
    """A bool a row says of which rows the rule holds; what is missing holds, as NULL does. A sample has their numbers."""
    held = [_plain(one) is not False for one in value]
    check = judged(spec, held.count(False), len(held), severity)
    if check.passed:
        return check
    return replace(check, sample=_json([{"row": at} for at, one in enumerate(held) if not one][:SAMPLE]))


def _offending(value: Any, spec: Spec, severity: str, rows: int | None) -> Check:
    if hasattr(value, "__len__") and len(value) == 0:  # it may have no columns then, as [] has none
        return judged(spec, 0, rows, severity)
    table = to_arrow(value)
    check = judged(spec, table.num_rows, rows, severity)
    return check if check.passed else replace(check, sample=_json(table.slice(0, SAMPLE).to_pylist()))


def _json(rows: list[Any]) -> str | None:
    return shortened(json.dumps(rows, default=str))


def _pandera(schema: Any, severity: str, frame: Callable[[str], Any]) -> Iterator[Check]:
    """A row a column that holds, and a row a broken check of one; the checked table is validated lazily."""
    schema = schema.to_schema() if hasattr(schema, "to_schema") else schema
    polars = any(".polars" in base.__module__ for base in type(schema).__mro__)
    table = frame("polars") if polars else _floats(frame("pandas"), schema.columns)
    broken: dict[tuple[str, str], list[dict[str, Any]]] = {}
    try:
        schema.validate(table, lazy=True)
    except Exception as error:
        if not hasattr(error, "failure_cases"):
            raise
        for case in _records(error.failure_cases):
            about = case["column"] if case.get("schema_context") == "Column" else None
            broken.setdefault((str(about or schema.name or "table"), str(case["check"])), []).append(case)
    rows = len(table)
    for (about, check), cases in broken.items():
        yield _broken(f"{about}: {check}", cases, rows, severity, table)
    named = {about for about, _ in broken}
    yield from (
        Check(str(name), severity, passed=True, failed_rows=0, rows=rows)
        for name in schema.columns
        if str(name) not in named
    )
    if not schema.columns and not broken:
        yield Check(str(schema.name or "schema"), severity, passed=True, failed_rows=0, rows=rows)


def _floats(table: Any, columns: Mapping[Any, Any]) -> Any:
    """The table with a DECIMAL as a float where the schema asks for one."""
    asked = [name for name, one in columns.items() if str(one.dtype).startswith("float")]
    return table.astype(dict.fromkeys((name for name in decimals(table) if name in asked), "float64"))


def _records(cases: Any) -> list[dict[str, Any]]:
    return cases.to_dicts() if hasattr(cases, "to_dicts") else list(cases.to_dict("records"))


def _broken(label: str, cases: list[dict[str, Any]], rows: int, severity: str, table: Any) -> Check:
    """The rows of the cases; a check of the table as a whole has none, and says what it found."""
    places = list(dict.fromkeys(int(case["index"]) for case in cases if isinstance(case.get("index"), (int, float))))
    if not places:
        return Check(
            label, severity, passed=False, failed_rows=1, rows=rows, sample=str(cases[0].get("failure_case"))[:2000]
        )
    picked = table[places[:SAMPLE]] if hasattr(table, "to_dicts") else table.iloc[places[:SAMPLE]]
    return Check(label, severity, passed=False, failed_rows=len(places), rows=rows, sample=_json(_records(picked)))


def _pointblank(validate: Any, severity: str) -> Iterator[Check]:
    """A row a step. Where a step has thresholds, the worst that was reached says how bad it is; else any failure counts."""
    if not hasattr(validate, "validation_info"):
        raise NodeError(f"pointblank's {type(validate).__name__} is no plan", remedy="return a pointblank.Validate")
    done = validate if validate.time_start is not None else validate.interrogate()
    for step in done.validation_info:
        if step.eval_error:
            raise NodeError(f"step {step.i}, {step.assertion_type}, cannot run", why=_about(step), remedy="mend the step")
        if step.active is not False:
            yield _step(done, step, severity)


def _about(step: Any) -> str:
    names = [step.column] if isinstance(step.column, str) else list(step.column or ())
    return " ".join([step.assertion_type, ", ".join(map(str, names))]).strip()


def _step(done: Any, step: Any, severity: str) -> Check:
    """Its ``error`` and ``critical`` are errors, its ``warning`` is a warning."""
    reached = {name: getattr(step, name) for name in ("warning", "error", "critical")}
    limited = any(one is not None for one in reached.values())
    worst = "error" if reached["error"] or reached["critical"] else "warn" if reached["warning"] else None
    passed = worst is None if limited else bool(step.all_passed)
    extract = None if passed else done.get_data_extracts(i=step.i, frame=True)
    sample = None if extract is None else _json(_records(extract.head(SAMPLE)))
    return Check(_about(step), (worst or severity) if limited else severity, passed, step.n_failed, step.n, None, sample)
