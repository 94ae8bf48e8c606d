"""An input of which several readings are one: the rows of a view may be others each time. Knows no kind."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from seeknal_nb.sql.names import volatile_in
from seeknal_nb.sql.text import parquet, quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seeknal_nb.kinds.task import Task

__all__ = ["pinned"]


@contextmanager
def pinned(task: Task, node_id: str, *, only_volatile: bool = False) -> Iterator[str]:
    """What stands after FROM for an input; the rows of a view lie in a file until the block ends.

    Args:
        task: Whose input.
        node_id: Which one.
        only_volatile: Whether a view stays as it is unless its own SQL says that it differs each time: for who reads a
            view once as a rule, a file of all its rows is dear.
    """
    view = task.inputs[node_id].relation.sql
    if view is None or (only_volatile and not volatile_in(view)):
        yield quote(node_id)
        return
    file = task.stage / f"pinned_{node_id}.parquet"
    try:
        task.engine.build(f"SELECT * FROM {quote(node_id)}", file)
        yield parquet(file)
    finally:
        file.unlink(missing_ok=True)
