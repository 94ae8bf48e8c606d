"""Kinds whose work is a table from a body: transform, feature_group, aggregation, profile; and declarations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.sql import multiplies, rewrite, volatile_in
from seeknal_nb.dag.sqltext import column, literal, statements
from seeknal_nb.errors import ChecksFailed, ManifestError, NodeError, near
from seeknal_nb.workflow.kinds.body import build_table, needs_body, python_of, sql_of
from seeknal_nb.workflow.kinds.files import files_probe
from seeknal_nb.workflow.kinds.task import Kind, Task, result_of
from seeknal_nb.workflow.outputs import DATA

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from seeknal_nb.dag.manifest import Node

__all__ = ["AGGREGATION", "DECLARATION", "FEATURE_GROUP", "PROFILE", "TRANSFORM", "is_view", "view_sql"]

BASIC = {"count": "count", "sum": "sum", "mean": "avg", "avg": "avg", "min": "min", "max": "max", "std": "stddev_samp"}
"""The peer's names of basic aggregations, as DuckDB calls them."""


def is_view(node: Node) -> bool:
    """Whether the node is inlined into its consumers instead of being stored: ``materialized: view``."""
    return node.node_type == "transform" and node.config.get("materialized") == "view" and sql_of(node) is not None


def view_sql(node: Node, inputs: Sequence[str], root: Path) -> str:
    """The statement that stands for a view, with its tables written as ids and its files as paths from ``root``."""
    names = {node_id.partition(".")[2].casefold(): node_id for node_id in inputs}
    names |= {node_id.casefold(): node_id for node_id in inputs}
    return rewrite(sql_of(node) or "", lambda name: names.get(name.casefold()), root=root.absolute())


def _check_transform(node: Node) -> None:
    needs_body(node)
    stored = node.config.get("materialized", "table")
    if stored not in ("table", "view"):
        raise ManifestError(f"unknown materialized {stored!r}", remedy="table or view", node=node.id)
    if stored == "view" and python_of(node):
        raise ManifestError("Python cannot be a view", remedy="leave materialized out", node=node.id)
    if stored == "view" and len(statements(sql_of(node) or "")) != 1:
        raise ManifestError("a view is one SELECT", remedy="leave materialized out", node=node.id)


def _transform(task: Task) -> dict[str, Any]:
    if is_view(task.node):
        schema = task.engine.describe(task.sql(sql_of(task.node) or ""))
        return {"row_count": None, "metadata": {"view": True}, "schema": schema}
    table, logged = build_table(task)
    told = _told(task, table.rows)
    metrics = {**told.pop("metrics"), **logged.get("metrics", {})}
    return result_of(table, {**logged, **told, **({"metrics": metrics} if metrics else {})})


def _told(task: Task, rows: int) -> dict[str, Any]:
    """Rows for each row of each input, what of the SQL is volatile, and whether a join multiplied the rows."""
    sql = sql_of(task.node) or ""
    counts = {name: one.build.row_count for name, one in task.inputs.items() if one.build and one.build.row_count}
    ratios = {name: round(rows / count, 6) for name, count in counts.items()}
    told: dict[str, Any] = {"metrics": {"rows_per_row": ratios} if ratios else {}}
    first = next(iter(task.inputs), "")
    if ratios.get(first, 0) > 1 and multiplies(sql):
        why = f"{counts[first]:,} rows of {first} became {rows:,}: a LEFT JOIN finds several rows for one"
        told["warnings"] = [f"{why}; is its key unique?"]
    return told | ({"volatile": list(found)} if (found := volatile_in(sql)) else {})


def _keys(node: Node) -> list[str]:
    """Entity keys of a feature group: ``entity.join_keys``, or ``key``."""
    entity = node.config.get("entity")
    found = entity.get("join_keys") if isinstance(entity, dict) else None
    found = found or node.config.get("key") or []
    return [found] if isinstance(found, str) else [str(name) for name in found]


def _event_time(node: Node) -> str | None:
    stored = node.config.get("materialization")
    found = stored.get("event_time_col") if isinstance(stored, dict) else None
    found = found or node.config.get("event_time")
    return None if found is None else str(found)


def _check_feature_group(node: Node) -> None:
    needs_body(node)
    if not _keys(node):
        raise ManifestError("no key", why="features belong to an entity", remedy="--key user_id", node=node.id)


def _feature_group(task: Task) -> dict[str, Any]:
    """The time line of the features: keys never null, one row a key (and event time)."""
    table, logged = build_table(task)
    keys, time = _keys(task.node), _event_time(task.node)
    types = dict(table.schema)
    for name in [*keys, *([time] if time else [])]:
        if name not in types:
            raise NodeError(f"there is no column {name!r}", remedy=near(name, types, what="column"))
    if time and not types[time].startswith(("TIMESTAMP", "DATE")):
        raise NodeError(f"{time!r} is {types[time]}, not a time", remedy=f"CAST({time} AS TIMESTAMP)")
    _unique(task, keys, time)
    named = {*keys, *([time] if time else [])}
    return result_of(table, {**logged, "keys": keys, "event_time": time, "features": [c for c in types if c not in named]})


def _unique(task: Task, keys: Sequence[str], time: str | None) -> None:
    names = ", ".join(column(name) for name in [*keys, *([time] if time else [])])
    nulls = " OR ".join(f"{column(name)} IS NULL" for name in keys)
    file = f"read_parquet({literal(str(task.stage / DATA))})"
    keyed = f"FILTER (WHERE NOT ({nulls}))"
    counts = f"count(*) FILTER (WHERE {nulls}), count(*) {keyed} - count(DISTINCT row({names})) {keyed}"
    query = f"SELECT {counts} FROM {file}"
    without, doubled = task.engine.query(query, form="rows")[0]
    checks = {f"key {', '.join(keys)} is never null": without, f"one row for each {names}": doubled}
    failed = [f"{count:,} rows break: {check}" for check, count in checks.items() if count]
    if failed:
        raise ChecksFailed("the features are not keyed", why="; ".join(failed), remedy="filter them in the body",
                           metadata={"checks": checks})  # fmt: skip


def _check_aggregation(node: Node) -> None:
    if not node.config.get("features"):
        needs_body(node)
    elif not node.config.get("id_col"):
        raise ManifestError(
            "no id_col", why="features are aggregated for each entity", remedy="id_col: user_id", node=node.id
        )


def _aggregation(task: Task) -> dict[str, Any]:
    if sql_of(task.node) or python_of(task.node):
        table, logged = build_table(task)
        return result_of(table, logged)
    return result_of(task.engine.build(_aggregate(task), task.stage / DATA), {})


def _aggregate(task: Task) -> str:
    """The peer's declarative form: for each ``id_col`` (and ``group_by``) the ``basic`` aggregates of each feature."""
    config = task.node.config
    group = config.get("group_by") or []
    keys = [str(config["id_col"]), *([group] if isinstance(group, str) else group)]
    values = []
    for feature in config["features"]:
        name, of = str(feature["name"]), column(str(feature.get("column") or feature["name"]))
        for function in feature.get("basic") or ():
            if function not in BASIC:
                raise NodeError(f"unknown aggregate {function!r}", remedy=near(str(function), BASIC, what="aggregate"))
            values.append(f"{BASIC[function]}({of}) AS {column(f'{name}_{function}')}")
        left = set(feature) - {"name", "column", "basic"}
        if left:
            raise NodeError(f"{', '.join(sorted(left))} of feature {name!r}: not yet", remedy="write it as the node's SQL")
    names = ", ".join(column(key) for key in keys)
    return f"SELECT {', '.join([names, *values])} FROM {task.only_input()} GROUP BY {names} ORDER BY {names}"


def _profile(task: Task) -> dict[str, Any]:
    """One row a column of the input: what SUMMARIZE tells."""
    return result_of(task.engine.build(f"SELECT * FROM (SUMMARIZE FROM {task.only_input()})", task.stage / DATA), {})


def _declaration(_task: Task) -> dict[str, Any]:
    return {"row_count": None, "metadata": {"note": "a declaration: it is shown, and does not run"}}


TRANSFORM = Kind(execute=_transform, check=_check_transform, probe=files_probe)
FEATURE_GROUP = Kind(execute=_feature_group, check=_check_feature_group, probe=files_probe)
AGGREGATION = Kind(execute=_aggregation, check=_check_aggregation, probe=files_probe)
PROFILE = Kind(execute=_profile)
DECLARATION = Kind(execute=_declaration)
