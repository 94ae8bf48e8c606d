"""What a rule's config says, as checks: its body, expressions, the short form and the peer's. Runs nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seeknal_nb.config import refuse_unknown_names
from seeknal_nb.errors import ManifestError, about, near
from seeknal_nb.kinds.body import sql_key, sql_of
from seeknal_nb.kinds.checks.forms import COMMON, SEVERITIES, Spec, condition, share, specs_of, threshold
from seeknal_nb.sql.text import is_query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.storage.documents import KeyPath

__all__ = ["SELECT", "own_spec", "rule_specs", "severity_of"]

SELECT = "select"
"""The kind of a check that is a SELECT of the offending rows."""
PARAMS = ("severity", "error_message")
"""What a rule reads of ``params`` itself, as the peer does; the others are values of ``{{ name }}``."""
THRESHOLDS: Mapping[str, Callable[[Any], Any]] = {"error_if": threshold, "warn_if": threshold, "tolerance": share}
"""Keys of the node that stand for every check that has none of them."""


def severity_of(node: Node) -> str:
    """The severity of checks that have none; the peer's lies under ``params``. Raises ``ManifestError``."""
    found = node.config.get("severity") or (node.config.get("params") or {}).get("severity") or "error"
    if found not in SEVERITIES:
        raise ManifestError(f"unknown severity {found!r}", remedy="error, warn or info")
    return str(found)


def own_spec(node: Node) -> Spec:
    """The node itself as a check, with its thresholds: what its body finds is judged by it."""
    given = {key: read(node.config[key]) for key, read in THRESHOLDS.items() if node.config.get(key) is not None}
    if given.get("tolerance") is not None and len(given) > 1:
        raise ManifestError("a tolerance and thresholds", remedy="keep one of tolerance and error_if")
    return Spec(SELECT, node.name, **given)


def rule_specs(node: Node) -> list[Spec]:
    """All checks but those of a Python body, in the order of the keys below.

    Raises:
        ManifestError: One of them is not whole.
    """
    own, sql = own_spec(node), sql_of(node)
    said = _conditions(node)
    if sql and not is_query(sql):
        said = {**said, (sql_key(node),): sql}
    found = []
    for at, (path, text) in enumerate(said.items(), 1):
        with about(*path):
            options = {"sql": condition(text)}
        label = own.label if len(said) == 1 else f"{own.label} {at}"
        found.append(replace(own, kind="expression", label=label, options=options, path=path))
    if sql and is_query(sql):
        found.append(replace(own, options={"sql": sql}, path=(sql_key(node),)))
    return found + [_with_defaults(spec, own) for spec in (*specs_of(node.config.get("checks")), *_of_rules(node))]


def _of_rules(node: Node) -> Iterator[Spec]:
    """The checks of the entries of ``rule``, but for ``{value: ...}``, which is a condition."""
    for path, rule in _entries(node).items():
        if "value" not in rule:
            with about(*path):
                found = _of_peer(rule, node.name)
            yield from (replace(spec, path=(*path, *_sql_path(rule)) if spec.kind == SELECT else path) for spec in found)


def _sql_path(rule: Mapping[str, Any]) -> KeyPath:
    return ("params", "sql") if "sql" in (rule.get("params") or {}) else ("sql",)


def _with_defaults(spec: Spec, own: Spec) -> Spec:
    if spec.kind == "metric" or spec.error_if or spec.warn_if or spec.tolerance is not None:
        return spec
    of_rows = spec.kind not in ("null_rate", "row_count", "freshness") or spec.options.get("each")
    return replace(spec, error_if=own.error_if, warn_if=own.warn_if, tolerance=own.tolerance if of_rows else None)


def _entries(node: Node) -> dict[KeyPath, dict[str, Any]]:
    """The entries of ``rule``, by where they stand."""
    rules = node.config.get("rule") or ()
    return {("rule",): rules} if isinstance(rules, dict) else {("rule", at): rule for at, rule in enumerate(rules)}


def _conditions(node: Node) -> dict[KeyPath, str]:
    """Conditions that every row must meet, by where they stand: ``expression``, and the peer's ``rule: {value: ...}``."""
    found: dict[KeyPath, str] = {("expression",): node.config["expression"]} if node.config.get("expression") else {}
    for path, rule in _entries(node).items():
        if "value" in rule:
            with about(*path):
                refuse_unknown_names(rule, ("value",), "rule")
            found[*path, "value"] = rule["value"]
    return found


def _of_peer(rule: Mapping[str, Any], name: str) -> list[Spec]:
    """The checks of one ``rule: {type, columns, params}``."""
    # YAML reads an unquoted `type: null` as nothing, and whoever writes it means the check.
    kind = "null" if "type" in rule and rule["type"] is None else rule.get("type")
    if kind == "custom":
        raise ManifestError("a rule of type custom has no function here", remedy="write its Python as the node's body")
    if not isinstance(kind, str) or kind not in TYPES:
        raise ManifestError(f"unknown rule type {kind!r}", remedy=near(str(kind), TYPES, what="type"))
    columns = rule.get("columns") or rule.get("column") or []
    given = {key: value for key, value in rule.items() if key not in ("type", "column", "columns", "params")}
    params = rule.get("params") or {}
    if not isinstance(params, dict):
        raise ManifestError(
            f"params of the {kind} rule must be a mapping", why=f"it is {params!r}", remedy="params: {min_val: 0}"
        )
    common = {key: given.pop(key) for key in COMMON if key in given}
    options = {**given, **params}
    if kind in SELECTS:
        return [_select(options, common, name, kind)]
    if kind == "profile_check":
        return _profile(options, common)
    check, fixed, names = TYPES[kind]
    refuse_unknown_names(options, tuple(names), f"a {kind} rule")
    about = {} if check == "row_count" else {"columns" if check == "unique" else "column": columns}
    read = {names.get(key, key): value for key, value in options.items()}
    return _together(specs_of([{check: {**about, **fixed, **read, **common}}], key="rule"))


def _together(specs: list[Spec]) -> list[Spec]:
    """The peer's null rule counts rows in which any of its columns is null: one check, not one a column."""
    if specs[0].kind != "not_null" or len(specs) == 1:
        return specs
    columns = tuple(name for spec in specs for name in spec.columns)
    return [replace(specs[0], columns=columns, label=f"not_null {', '.join(columns)}")]


def _select(options: Mapping[str, Any], common: Mapping[str, Any], name: str, kind: str) -> Spec:
    refuse_unknown_names(options, ("sql",), f"a {kind} rule")
    sql = options.get("sql")
    if not isinstance(sql, str) or not sql.strip():
        raise ManifestError(f"a {kind} rule needs sql", remedy="sql: SELECT * FROM ... WHERE ...")
    if "where" in common:
        raise ManifestError(f"where of a {kind} rule is not read", remedy="write it in the SELECT")
    read = {key: COMMON[key](value) for key, value in common.items() if value is not None}
    return Spec(SELECT, read.pop("name", name), options={"sql": sql}, **read)


def _profile(options: Mapping[str, Any], common: Mapping[str, Any]) -> list[Spec]:
    """The peer's thresholds on a profile: ``fail`` and ``warn`` say when it is wrong."""
    refuse_unknown_names(options, ("checks",), "a profile_check rule")
    listed = options.get("checks")
    if not isinstance(listed, list) or not listed or not all(isinstance(one, dict) for one in listed):
        raise ManifestError("a profile_check rule needs checks", remedy='checks: [{metric: row_count, fail: "< 1"}]')
    found = []
    for one in listed:
        refuse_unknown_names(one, ("metric", "column", "warn", "fail"), "a profile check")
        limits = {"error_if": one.get("fail"), "warn_if": one.get("warn")}
        column = {"column": one["column"]} if one.get("column") else {}
        found += specs_of([{"metric": {"metric": one.get("metric"), **column, **limits, **common}}], key="rule")
    return found


SELECTS = ("sql_assertion", "custom_sql")
TYPES: Mapping[str, tuple[str, Mapping[str, Any], Mapping[str, str]]] = {
    "null": ("not_null", {}, {"max_null_percentage": "tolerance"}),
    "not_null": ("not_null", {}, {"max_null_percentage": "tolerance"}),
    # Two nulls are a double to the peer, and below, every row has to be fresh.
    "uniqueness": ("unique", {"nulls": "same"}, {"max_duplicate_percentage": "tolerance"}),
    "unique": ("unique", {"nulls": "same"}, {"max_duplicate_percentage": "tolerance"}),
    "range": ("range", {}, {"min_val": "min", "max_val": "max", "min": "min", "max": "max"}),
    "freshness": ("freshness", {"each": True}, {"max_age": "max_age", "reference_time": "now"}),
    "accepted_values": ("accepted_values", {}, {"values": "values"}),
    "row_count": ("row_count", {}, {"min": "min", "max": "max"}),
    "profile_check": ("metric", {}, {}),
    **dict.fromkeys(SELECTS, (SELECT, {}, {})),
}
"""The peer's types of rules and audits: our check, the options that make it mean the same, and its names of ours."""
