"""What a ``snapshot`` does when it runs."""

from typing import Any

from seeknal_nb.dag.manifest import Node
from seeknal_nb.dag.sqltext import column, quote
from seeknal_nb.errors import ManifestError
from seeknal_nb.workflow.builds import DATA
from seeknal_nb.workflow.kinds.context import Context
from seeknal_nb.workflow.kinds.task import Kind, Task, result_of

__all__ = ["SNAPSHOT", "newest"]


def _check(node: Node) -> None:
    for key in ("of", "unique_key"):
        if not node.config.get(key):
            raise ManifestError(f"a snapshot without {key}", remedy=f"add {key}: ...")


def _execute(task: Task) -> dict[str, Any]:
    key, by = column(task.node.config["unique_key"]), task.node.config.get("newest_by")
    order = f" ORDER BY {column(by)} DESC" if by else ""
    select = f"SELECT DISTINCT ON ({key}) * FROM {task.only_input()}{order}"
    return result_of(task.engine.build(select, task.stage / DATA), {"metrics": {"keys": 1}})


def newest(ctx: Context, node: str) -> list[tuple[Any, ...]]:
    """The rows of a snapshot, as ``ctx.newest("snapshot.x")`` gives them to a Python body."""
    return list(ctx.task.engine.query(f"SELECT * FROM {quote(ctx.task.input(node).node_id)}", form="rows"))


SNAPSHOT = Kind(execute=_execute, check=_check)
