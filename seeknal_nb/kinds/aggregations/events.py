"""The table that features or a profile are taken of: which one, and whether it has what is asked for. It groups nothing."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seeknal_nb.engines.names import find_column
from seeknal_nb.errors import NodeError
from seeknal_nb.kinds.body import build_table, python_of, sql_of
from seeknal_nb.kinds.pinned import pinned
from seeknal_nb.sql.text import column, parquet
from seeknal_nb.sql.types import is_time
from seeknal_nb.storage.builds import DATA

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from seeknal_nb.kinds.task import Task

__all__ = ["Events", "events_of"]


@dataclass(frozen=True, slots=True)
class Events:
    """A table that can be read.

    Attributes:
        task: For whom.
        table: What to read, as SQL.
        types: The SQL type of each column.
        logged: What a body left besides the table.
    """

    task: Task
    table: str
    types: Mapping[str, str]
    logged: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, task: Task, table: str, logged: Mapping[str, Any] | None = None) -> Events:
        """The table with its types, which nothing is read for."""
        return cls(task, table, dict(task.engine.describe(f"SELECT * FROM {table}")), logged or {})

    def type_of(self, name: str, what: str) -> str:
        """The type of a column; raises ``NodeError`` where there is none, which tells ``what`` asked for it."""
        return self.types[find_column(name, self.types, why=f"{what} names it")]

    def need_dates(self, name: str, what: str) -> None:
        """Refuse a column that holds no dates; text must be dates as ISO 8601 writes them.

        Raises:
            NodeError: It has another type, or a text that is no date.
        """
        kind, quoted = self.type_of(name, what), column(name)
        if is_time(kind):
            return
        if kind != "VARCHAR":
            raise NodeError(
                f"{name!r} is {kind}, not a date", why=f"{what} names it", remedy=f"CAST({quoted} AS DATE) before"
            )
        wrong = f"{quoted} IS NOT NULL AND TRY_CAST({quoted} AS DATE) IS NULL"
        found = self.task.engine.query(f"SELECT {quoted} FROM {self.table} WHERE {wrong} LIMIT 1", form="rows")
        if found:
            remedy = f"write 2024-01-31, or strptime({quoted}, '%d/%m/%Y') before"
            raise NodeError(f"{found[0][0]!r} in {name!r} is no date", why=f"{what} names it", remedy=remedy)

    def need_conditions(self, texts: Iterable[str]) -> None:
        """Refuse conditions that are neither true nor false of a row; raises ``NodeError``."""
        for text in texts:
            [(_, kind)] = self.task.engine.describe(f"SELECT ({text}\n) AS c FROM {self.table}")
            if kind != "BOOLEAN":
                remedy = f"write {text} = 1, or another comparison"
                raise NodeError(f"condition {text!r} is {kind}, not true or false", remedy=remedy)


@contextmanager
def events_of(task: Task, besides: str | None = None) -> Iterator[Events]:
    """What to read: the table of the node's body, ``source``, or the one input ``besides`` that one.

    A body's table, and that of a view, lie in a file of their own until the block ends.
    """
    if sql_of(task.node) or python_of(task.node):
        _, logged = build_table(task)
        file = (task.stage / DATA).rename(task.stage / "body.parquet")
        yield Events.of(task, parquet(file), logged)
        file.unlink()
        return
    source = task.node.config.get("source")
    others = [name for name in task.inputs if name != besides]
    if source:
        others = [task.input(str(source)).node_id]
    if len(others) != 1:
        task.only_input()  # refuses all but one
        others = list(task.inputs)
    with pinned(task, others[0]) as table:
        yield Events.of(task, table)
