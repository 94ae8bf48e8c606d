"""What each node kind does, by tables of real cases; expected values are worked out by hand or by pandas."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from pathlib import Path

    from seeknal_nb import Project
    from seeknal_nb.workflow.events import ExecutionSummary, NodeResult

USERS = "SELECT * FROM (VALUES (1, 'ann', 10), (2, 'bob', NULL), (3, 'cyd', 30)) t(id, name, amount)"
"""Three users, one without an amount."""


def here(*kinds: str) -> list[str]:
    """Of these types of SQL, those that the installed DuckDB has: TIMESTAMPTZ_NS came with version 2."""
    names = {name.casefold() for (name,) in duckdb.sql("SELECT type_name FROM duckdb_types()").fetchall()}
    return [kind for kind in kinds if kind.casefold() in names]


def run(project: Project, **options: Any) -> ExecutionSummary:
    """A run without progress lines."""
    return project.run(progress=False, **options)


def good(project: Project, **options: Any) -> ExecutionSummary:
    """A run in which nothing fails."""
    summary = run(project, **options)
    assert not summary.failed, [f"{r.node_id}: {r.error_message}" for r in summary.failed]
    return summary


def failure(project: Project, node_id: str, **options: Any) -> NodeResult:
    """How a node failed."""
    result = run(project, **options)[node_id]
    assert result.status == "failed", result
    assert result.error_message
    return result


def build_of(project: Project, node_id: str) -> Path:
    """The newest build's Parquet file, found on the disk without the program's help."""
    kind, _, name = node_id.partition(".")
    found = sorted((project.directory / "target" / "outputs" / kind / name).glob("*/data.parquet"), key=os.path.getmtime)
    assert found, f"no build of {node_id}"
    return found[-1]


def arrow(project: Project, node_id: str) -> pa.Table:
    """A node's stored table."""
    return pq.read_table(build_of(project, node_id), partitioning=None)  # folders above are none of its columns


def rows(project: Project, node_id: str) -> list[tuple[Any, ...]]:
    """A node's stored rows, in order."""
    return [tuple(row.values()) for row in arrow(project, node_id).to_pylist()]


def status(summary: ExecutionSummary) -> dict[str, str]:
    """Each node's status."""
    return {r.node_id: str(r.status) for r in summary.results}


def types(project: Project, node_id: str) -> list[str]:
    """The types of a node's stored columns, by DuckDB's names."""
    with duckdb.connect() as con:
        return [row[1] for row in con.execute(f"DESCRIBE SELECT * FROM read_parquet('{build_of(project, node_id)}')").fetchall()]
