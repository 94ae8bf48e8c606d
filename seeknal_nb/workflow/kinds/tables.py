"""Kinds whose work is a table from a body: transform; and declarations."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.sql import multiplies, rewrite, volatile_in
from seeknal_nb.dag.sqltext import statements
from seeknal_nb.errors import ManifestError
from seeknal_nb.workflow.kinds.body import build_table, needs_body, python_of, sql_of
from seeknal_nb.workflow.kinds.features.pointintime import check_latest, has_latest
from seeknal_nb.workflow.kinds.features.retrieval import check_retrieval, retrieve, retrieves
from seeknal_nb.workflow.kinds.refresh import check_refresh, remembered, timed_probe
from seeknal_nb.workflow.kinds.task import Kind, Task, result_of
from seeknal_nb.workflow.kinds.unread import BODY, refuse_unread

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from seeknal_nb.dag.manifest import Node

__all__ = ["DECLARATION", "TRANSFORM", "is_view", "view_sql", "volatile_of"]


def is_view(node: Node) -> bool:
    """Whether the node is inlined into its consumers instead of being stored: ``materialized: view``."""
    return node.node_type == "transform" and node.config.get("materialized") == "view" and sql_of(node) is not None


def view_sql(node: Node, inputs: Sequence[str], root: Path) -> str:
    """The statement that stands for a view, with its tables written as ids and its files as paths from ``root``."""
    names = {node_id.partition(".")[2].casefold(): node_id for node_id in inputs}
    names |= {node_id.casefold(): node_id for node_id in inputs}
    return rewrite(sql_of(node) or "", lambda name: names.get(name.casefold()), root=root.absolute())


def volatile_of(node: Node) -> str:
    """What of the node's SQL gives another result each time, as ``volatile: now()``; empty where nothing does."""
    found = ", ".join(volatile_in(sql_of(node) or ""))
    return f"volatile: {found}" if found else ""


def _check_transform(node: Node) -> None:
    if retrieves(node):
        check_retrieval(node)
        return
    refuse_unread(node, BODY | {"refresh"})
    check_latest(sql_of(node) or "", ManifestError)
    check_refresh(node.config)
    needs_body(node)
    stored = node.config.get("materialized", "table")
    if stored not in ("table", "view"):
        raise ManifestError(f"unknown materialized {stored!r}", remedy="table or view", node=node.id)
    if stored == "view" and node.config.get("refresh"):
        raise ManifestError("a view has no refresh", why="it is computed where it is read", remedy="leave one of them out")
    if stored == "view" and python_of(node):
        raise ManifestError("Python cannot be a view", remedy="leave materialized out", node=node.id)
    if stored == "view" and len(statements(sql_of(node) or "")) != 1:
        raise ManifestError("a view is one SELECT", remedy="leave materialized out", node=node.id)
    if stored == "view" and has_latest(sql_of(node) or ""):
        raise ManifestError("a view cannot read latest(...)", remedy="leave materialized out", node=node.id)


def _transform(task: Task) -> dict[str, Any]:
    if retrieves(task.node):
        return retrieve(task)
    if is_view(task.node):
        schema = task.engine.describe(task.sql(sql_of(task.node) or ""))
        return {"row_count": None, "metadata": {"view": True}, "schema": schema}
    began = time.time()
    table, logged = build_table(task)
    told = _told(task, table.rows)
    metrics = {**told.pop("metrics"), **logged.get("metrics", {})}
    result = result_of(table, {**logged, **told, **({"metrics": metrics} if metrics else {})})
    return result | remembered(task, began)


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


def _declaration(_task: Task) -> dict[str, Any]:
    return {"row_count": None, "metadata": {"note": "a declaration: it is shown, and does not run"}}


TRANSFORM = Kind(execute=_transform, check=_check_transform, probe=timed_probe)
DECLARATION = Kind(execute=_declaration)
