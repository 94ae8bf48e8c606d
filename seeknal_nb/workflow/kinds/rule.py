"""Rules: what must be true of the data. The node's table has one row a check; a failed error stops what follows."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.sqltext import column, literal, quote, statements
from seeknal_nb.engines.frames import is_frame
from seeknal_nb.errors import ChecksFailed, ManifestError, NodeError, near
from seeknal_nb.workflow.kinds.body import python_of, python_value, sql_of, store
from seeknal_nb.workflow.kinds.files import files_probe
from seeknal_nb.workflow.kinds.task import Kind, Task, result_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from seeknal_nb.dag.manifest import Node

__all__ = ["RULE"]

SEVERITIES = ("error", "warn", "info")
SAMPLE = 5


@dataclass(frozen=True, slots=True)
class Check:
    """One row: ``rows`` is None where the check does not count them; ``sample`` is JSON of the first offending rows."""

    check: str
    severity: str
    passed: bool
    failed_rows: int | None = None
    rows: int | None = None
    sample: str | None = None


def _listed(node: Node) -> list[tuple[str, Any]]:
    """The checks of the short form: ``checks: [{not_null: [a, b]}, {range: {column: x, min: 0}}]``."""
    checks = [(str(name), what) for item in node.config.get("checks") or () for name, what in item.items()]
    rules = node.config.get("rule") or ()
    return checks + [found for rule in ([rules] if isinstance(rules, dict) else rules) for found in _of_peer(rule, node)]


def _of_peer(rule: dict[str, Any], node: Node) -> list[tuple[str, Any]]:
    if "value" in rule:
        return []
    columns, params = rule.get("columns") or rule.get("column") or [], rule.get("params") or {}
    columns = [columns] if isinstance(columns, str) else list(columns)
    name = TYPES.get(str(rule.get("type")))
    if name is None:
        raise ManifestError(
            f"unknown rule type {rule.get('type')!r}", remedy=near(str(rule.get("type")), TYPES), node=node.id
        )
    if name != "range":
        return [(name, columns)]
    bounds = {side: params.get(side, params.get(f"{side}_val")) for side in ("min", "max")}
    return [(name, {"column": one, **bounds}) for one in columns]


def _check_options(name: str, what: Any, node: Node) -> None:
    needed, optional = CHECKS[name]
    if not isinstance(what, dict):
        if needed:
            raise ManifestError(f"check {name!r} needs options", remedy=f"{name}: {{{needed[0]}: ...}}", node=node.id)
        return
    for option in what:
        if option not in (*needed, *optional):
            remedy = near(str(option), (*needed, *optional), what="option")
            raise ManifestError(f"unknown option {option!r} of {name}", remedy=remedy, node=node.id)
    missing = [option for option in needed if option not in what]
    if missing:
        raise ManifestError(f"check {name!r} needs {missing[0]}", remedy=f"{name}: {{{missing[0]}: ...}}", node=node.id)


def _expressions(node: Node) -> list[str]:
    """Conditions that every row must meet: ``expression``, and the peer's ``rule: {value: ...}``."""
    rules = node.config.get("rule") or ()
    values = [str(rule["value"]) for rule in ([rules] if isinstance(rules, dict) else rules) if "value" in rule]
    return [*([node.config["expression"]] if node.config.get("expression") else []), *values]


def _check_config(node: Node) -> None:
    severity = node.config.get("severity", "error")
    if severity not in SEVERITIES:
        raise ManifestError(f"unknown severity {severity!r}", remedy="error, warn or info", node=node.id)
    for name, what in _listed(node):
        if name not in CHECKS:
            raise ManifestError(f"unknown check {name!r}", remedy=near(name, CHECKS, what="check"), node=node.id)
        _check_options(name, what, node)
    if not (sql_of(node) or python_of(node) or _listed(node) or _expressions(node)):
        raise ManifestError(
            "nothing to check", remedy="a SELECT of the offending rows, an expression, Python, or checks", node=node.id
        )


def _execute(task: Task) -> dict[str, Any]:
    severity = str(task.node.config.get("severity", "error"))
    if python_of(task.node):
        value, logged = _python(task)
        checks = list(_from_value(value, task.node.name, severity))
    else:
        checks, logged = list(_from_sql(task, severity)), {}
    shown = [asdict(check) for check in checks]
    failed = [check for check in checks if not check.passed]
    metadata = {**logged, "checks": shown}
    if any(check.severity == "error" for check in failed):
        raise ChecksFailed(
            f"{len(failed)} of {len(checks)} checks failed",
            why="; ".join(_told(check) for check in failed),
            remedy="mend the data, or set --severity warn",
            metadata=metadata,
        )
    warnings = [_told(check) for check in failed]
    return result_of(store(task, shown), metadata | ({"warnings": warnings} if warnings else {}))


def _told(check: Check) -> str:
    rows = (
        "" if check.failed_rows is None else f": {check.failed_rows:,} rows" + (f" of {check.rows:,}" if check.rows else "")
    )
    detail = ""
    if check.sample:
        detail = f", as {check.sample[:300]}" if check.failed_rows else f": {check.sample[:300]}"
    return f"{check.check}{rows}{detail}"


def _from_sql(task: Task, severity: str) -> Iterator[Check]:
    node, sql = task.node, sql_of(task.node)
    table = quote(_about(task)) if task.inputs else None
    expressions = [*_expressions(node), *([sql] if sql and _is_expression(sql) else [])]
    for number, expression in enumerate(expressions, 1):
        label = node.name if len(expressions) == 1 else f"{node.name} {number}"
        offending = f"SELECT * FROM {_table(table, node)} WHERE NOT (\n{task.sql(expression)}\n)"
        yield _counted(task, label, severity, offending, table)
    if sql and sql not in expressions:
        yield _counted(task, node.name, severity, task.sql(sql), table if len(task.inputs) == 1 else None)
    for name, what in _listed(node):
        for label, offending in _queries(task, name, what, _table(table, node)):
            yield _counted(task, label, severity, offending, table)


def _about(task: Task) -> str:
    """The table that the rule is about: ``on``, else its first input."""
    return task.input(str(task.node.config["on"])).node_id if task.node.config.get("on") else next(iter(task.inputs))


def _table(table: str | None, node: Node) -> str:
    if table is None:
        raise NodeError("no table to check", remedy="--on transform.x, or inputs", node=node.id)
    return table


def _is_expression(sql: str) -> bool:
    body = statements(sql)
    words = body[0].text.split(None, 1) if body else [""]
    return words[0].strip("(").casefold() not in ("select", "with", "from", "values", "create", "pivot", "summarize")


def _counted(task: Task, label: str, severity: str, offending: str, table: str | None) -> Check:
    """Count the offending rows and keep the first few; the statement runs once."""
    *before, select = statements(offending)
    first, last = "".join(f"{one.text}\n;" for one in before), select.text
    text = (
        f"{first}CREATE TEMP TABLE seeknal_bad AS {last}\n;"
        f" SELECT count(*), {f'(SELECT count(*) FROM {table})' if table else 'NULL'},"
        f" (SELECT to_json(list(b)) FROM (FROM seeknal_bad LIMIT {SAMPLE}) b) FROM seeknal_bad"
    )
    failed, rows, sample = task.engine.query(text, form="rows")[0]
    return Check(label, severity, failed == 0, failed, rows, sample if failed else None)


PREDICATES: Mapping[str, Callable[[dict[str, Any]], str]] = {
    "not_null": lambda c: f"{column(c['column'])} IS NULL",
    "accepted_values": lambda c: (
        f"{column(c['column'])} NOT IN ({', '.join(literal(v) for v in c['values'] if v is not None) or 'NULL'})"
    ),
    "range": lambda c: _outside(column(c["column"]), c),
    "regex": lambda c: f"NOT regexp_full_match({column(c['column'])}, {literal(c['pattern'])})",
    "expression": lambda c: f"NOT ({c['sql']})",
}
"""A condition that the offending rows meet. NULL meets none but not_null's, as in dbt."""
CHECKS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "not_null": ((), ("column",)),
    "unique": ((), ()),
    "accepted_values": (("column", "values"), ()),
    "range": (("column",), ("min", "max")),
    "regex": (("column", "pattern"), ()),
    "expression": (("sql",), ("name",)),
    "row_count": ((), ("min", "max")),
    "null_rate": (("column", "max"), ()),
    "freshness": (("column", "max_age"), ()),
    "relationships": (("column", "to", "field"), ()),
}
"""The checks of the short form: options that each needs, and that it may have."""
TYPES = {"null": "not_null", "not_null": "not_null", "uniqueness": "unique", "unique": "unique", "range": "range"}
"""The peer's ``rule: {type, columns, params}``, as the short form calls them."""


def _queries(task: Task, name: str, what: Any, table: str) -> Iterator[tuple[str, str]]:
    if name == "unique":
        keys = [what] if isinstance(what, str) else list(what)
        names, whole = ", ".join(map(column, keys)), " AND ".join(f"{column(key)} IS NOT NULL" for key in keys)
        yield (
            f"unique {', '.join(keys)}",
            f"SELECT {names}, count(*) AS n FROM {table} WHERE {whole} GROUP BY {names} HAVING count(*) > 1",
        )
    elif name == "relationships":
        to, mine = quote(task.input(what["to"]).node_id), column(what["column"])
        there = f"SELECT 1 FROM {to} AS there WHERE there.{column(what['field'])} = here.{mine}"
        offending = f"SELECT * FROM {table} AS here WHERE {mine} IS NOT NULL AND NOT EXISTS ({there})"
        yield f"relationships {what['column']}", offending
    elif name == "row_count":
        yield "row_count", f"SELECT * FROM (SELECT count(*) AS n FROM {table}) WHERE {_outside('n', what)}"
    elif name == "null_rate":
        share = f"count(*) FILTER (WHERE {column(what['column'])} IS NULL) / greatest(count(*), 1)"
        yield (
            f"null_rate {what['column']}",
            f"SELECT * FROM (SELECT {share} AS share FROM {table}) WHERE share > {literal(what['max'])}",
        )
    elif name == "freshness":
        newest = f"SELECT max({column(what['column'])}) AS newest FROM {table}"
        late = f"newest IS NULL OR newest < now()::TIMESTAMP - INTERVAL {literal(str(what['max_age']))}"
        yield f"freshness {what['column']}", f"SELECT * FROM ({newest}) WHERE {late}"
    else:
        for options in _options(name, what):
            label = " ".join([name, str(options.get("column") or options.get("name") or "")]).strip()
            yield label, f"SELECT * FROM {table} WHERE {PREDICATES[name](options)}"


def _outside(value: str, bounds: dict[str, Any]) -> str:
    low = [f"{value} < {literal(bounds['min'])}"] if bounds.get("min") is not None else []
    high = [f"{value} > {literal(bounds['max'])}"] if bounds.get("max") is not None else []
    return " OR ".join([*low, *high]) or "false"


def _options(name: str, what: Any) -> list[dict[str, Any]]:
    if isinstance(what, dict):
        return [what]
    if name == "not_null":
        return [{"column": one} for one in ([what] if isinstance(what, str) else what)]
    raise NodeError(f"check {name!r} needs options", remedy=f"{name}: {{column: x, ...}}")


def _python(task: Task) -> tuple[object, dict[str, Any]]:
    """The body's value and what it logged; an assertion that does not hold is a check that fails."""
    try:
        value, context = python_value(task)
        return value, context.logged()
    except NodeError as error:
        if isinstance(error.__cause__, AssertionError):
            return [(str(error.__cause__) or task.node.name, False, "")], {}
        raise


def _from_value(value: object, name: str, severity: str) -> Iterator[Check]:
    """A bool; (check, passed, detail) rows; or a frame of the offending rows."""
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        value = value.item()
    if isinstance(value, bool) or value is None or (isinstance(value, list) and not value):
        yield Check(name, severity, value is not False)
    elif isinstance(value, list) and all(isinstance(row, tuple) for row in value):
        for row in value:
            yield Check(str(row[0]), severity, bool(row[1]), sample=str(row[2]) if row[2:] and row[2] else None)
    elif is_frame(value):
        rows = len(value)  # type: ignore[arg-type]
        sample = value.head(SAMPLE).to_dict("records") if hasattr(value, "head") else value[:SAMPLE]  # type: ignore[index]
        yield Check(name, severity, rows == 0, rows, sample=json.dumps(sample, default=str) if rows else None)
    else:
        raise NodeError(f"a rule gave {type(value).__name__}", remedy="return a bool, offending rows, or a list of tuples")


RULE = Kind(execute=_execute, check=_check_config, probe=files_probe)
