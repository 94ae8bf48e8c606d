"""Kinds whose work is a table from a body: transform; and declarations."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.partitions import lookback_of, partitioning_of
from seeknal_nb.dag.positions import by_position
from seeknal_nb.declaration import declaration_of
from seeknal_nb.engines import Relation
from seeknal_nb.errors import ManifestError
from seeknal_nb.kinds.body import build_table, needs_body, python_of, sql_body, sql_of
from seeknal_nb.kinds.features.pointintime import check_latest, has_latest
from seeknal_nb.kinds.features.retrieval import check_retrieval, retrieve, retrieves
from seeknal_nb.kinds.paths import as_engines_write
from seeknal_nb.kinds.promised import check_promise
from seeknal_nb.kinds.refresh import check_refresh, remembered, timed_probe
from seeknal_nb.kinds.slices import kept_inside
from seeknal_nb.kinds.task import Kind, Task, result_of
from seeknal_nb.sql.names import input_named, multiplies, qualified_in, rewrite, volatile_in
from seeknal_nb.sql.text import column, statements

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence
    from pathlib import Path

    from seeknal_nb.dag.graph import Graph
    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.storage.builds import Build

__all__ = ["DECLARATION", "TRANSFORM", "is_view", "relations", "volatile_of"]


def is_view(node: Node) -> bool:
    """Whether the node is inlined into its consumers instead of being stored: ``materialized: view``."""
    return node.node_type == "transform" and node.config.get("materialized") == "view" and sql_of(node) is not None


def relations(
    graph: Graph, read: Iterable[str], view: Callable[[str], Node | None], build: Callable[[str], Build | None], root: Path
) -> dict[str, Relation]:
    """What must be bound so that these nodes can be read: they, and what is below the views among them, inputs first.

    A view is one statement, with the views that it reads as its WITH: DuckDB looks a WITH up once, and a view at each
    mention, which doubles at every floor of views over views. A node without a table is left out.

    Args:
        graph: What there is.
        read: The ids.
        view: The node, its parameters put in, where it is a view.
        build: What any other node left, with its files.
        root: Where relative paths start.
    """
    views: dict[str, Node] = {}
    reached, front = set[str](), list(read)
    while front:
        node_id = front.pop()
        if node_id not in reached:
            reached.add(node_id)
            found = view(node_id)
            if found is not None:
                views[node_id] = found
                front += graph.inputs(node_id)
    order = graph.ordered(reached)
    texts = {node_id: _view_sql(views[node_id], graph.inputs(node_id), views, root) for node_id in order if node_id in views}
    return {
        node_id: relation
        for node_id in order
        for relation in [Relation(sql=_as_one(graph, node_id, texts)) if node_id in views else _of_build(build(node_id))]
        if relation != Relation()
    }


def _of_build(build: Build | None) -> Relation:
    return Relation() if build is None else build.relation()


def _view_sql(node: Node, inputs: Sequence[str], views: Container[str], root: Path) -> str:
    """A view's statement, its tables written as ids, or, where they are views too, as names of the WITH round it."""
    sql = sql_of(node) or ""
    taken = qualified_in(sql)
    within = {node_id for node_id in inputs if node_id in views and node_id.casefold() not in taken}
    places = by_position(node.config, declaration_of(node.node_type), inputs)
    return rewrite(sql, lambda name: input_named(name, inputs, places), place=as_engines_write(root), within=within)


def _as_one(graph: Graph, node_id: str, texts: Mapping[str, str]) -> str:
    """The statement of a view with all views below it; as a subquery, since DuckDB passes over a WITH behind another."""
    below = {node_id}
    front = [node_id]
    while front:
        front = [i for i in dict.fromkeys(i for name in front for i in graph.inputs(name)) if i in texts and i not in below]
        below.update(front)
    last = statements(texts[node_id])[0].text
    parts = [f"{column(i)} AS (\n{statements(text)[0].text}\n)" for i, text in texts.items() if i in below - {node_id}]
    return f"WITH {', '.join(parts)} SELECT * FROM (\n{last}\n)" if parts else last


def volatile_of(node: Node) -> str:
    """What of the node's SQL gives another result each time, as ``volatile: now()``; empty where nothing does."""
    found = ", ".join(volatile_in(sql_of(node) or ""))
    return f"volatile: {found}" if found else ""


def _check_transform(node: Node) -> None:
    if retrieves(node):
        check_retrieval(node)
        return
    check_latest(sql_of(node) or "", ManifestError)
    check_refresh(node.config)
    lookback_of(node.config)
    if node.config.get("refresh") and partitioning_of(node.config) is not None:
        why, remedy = "what is due runs as a whole", "take one of them away"
        raise ManifestError("a transform with partitions has no refresh", why=why, remedy=remedy)
    needs_body(node)
    stored = node.config.get("materialized", "table")
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
        with sql_body(task.node):
            schema = task.engine.describe(task.sql(sql_of(task.node) or ""))
        return {"row_count": None, "metadata": {"view": True}, "schema": schema}
    check_promise(task)
    began = time.time()
    table, logged = build_table(task)
    if task.slice is not None:
        table = kept_inside(task, table, task.slice)
    return result_of(table, _row_metadata(task, table.rows), logged) | remembered(task, began)


def _row_metadata(task: Task, rows: int) -> dict[str, Any]:
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
