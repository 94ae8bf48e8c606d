"""What does the data work: the protocol, and the one table of engines.

An engine reads the Parquet files of a node's inputs and writes the node's own; it knows no graph, state or notebook.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from seeknal_nb import plugins

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["ENGINES", "FORMS", "Engine", "Interrupted", "OnFirstUse", "Relation", "Table"]


FORMS = ("pandas", "pandas_arrow", "polars", "arrow")
"""What a table may be handed over as. ``pandas_arrow`` is pandas with columns of Arrow's types."""


class Interrupted(Exception):  # noqa: N818 - it is no error: somebody asked for it
    """A statement ended because ``interrupt`` was called."""


@dataclass(frozen=True, slots=True)
class Relation:
    """What an input's name stands for: the file of a stored build, or the statement of a view."""

    file: Path | None = None
    sql: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """What was written.

    Attributes:
        rows: How many.
        schema: (column, SQL type) in order.
        warnings: What of a frame its owner may not expect.
    """

    rows: int
    schema: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...] = ()


class Engine(Protocol):
    """The verbs that a kind needs. All may be called from any thread; a statement has a session of its own."""

    name: str

    def bind(self, inputs: Mapping[str, Relation]) -> None:
        """Make ``kind.name`` readable in SQL, for each id."""

    def build(self, sql: str, to: Path) -> Table:
        """Run the statements of a body; the last SELECT becomes the Parquet file ``to``.

        Raises:
            NodeError: The statement is refused or fails.
            Interrupted: ``interrupt`` was called.
        """

    def describe(self, sql: str) -> tuple[tuple[str, str], ...]:
        """The columns that a SELECT would give, without running it."""

    def query(self, sql: str, *, form: str = "pandas") -> Any:
        """The rows of a SELECT in one of ``FORMS``, each value as it is, or as ``rows``, a list of tuples.

        Raises:
            NodeError: A column does not fit that form.
        """

    def take(self, value: object, to: Path) -> Table:
        """Write a frame that a Python body gave as the Parquet file ``to``."""

    def export(self, sql: str, to: Path, options: str) -> int:
        """Write the rows of a SELECT to a file as COPY's ``options`` say; gives how many."""

    def interrupt(self) -> None:
        """Stop the statements that are running; called again until they report."""

    def close(self) -> None:
        """Let go of everything."""


ENGINES = {"duckdb": "seeknal_nb.engines.duckdb:DuckDB"}


class OnFirstUse:
    """An engine that is opened when something first needs it, from whatever thread, and once.

    Args:
        engine: The name of one, of the table or of an entry point; or an engine, which is given as it is.
        spill: Where it may put what memory cannot hold.
    """

    def __init__(self, engine: Engine | str, spill: Path | None = None) -> None:
        self._name, self._spill = (engine, spill) if isinstance(engine, str) else (engine.name, None)
        self.opened: Engine | None = None if isinstance(engine, str) else engine
        self._lock = threading.Lock()

    def get(self) -> Engine:
        """The engine; raises ``PluginError`` where none has that name."""
        with self._lock:
            if self.opened is None:
                self.opened = plugins.find("engines", self._name, ENGINES)(spill=self._spill)
            engine: Engine = self.opened
            return engine

    def turn_to(self, name: str, spill: Path | None = None) -> None:
        """Let go of it; what needs one next opens the engine of that name."""
        self.close()
        self._name, self._spill = name, spill

    def interrupt(self) -> None:
        """Stop what it is doing, where it is open."""
        if self.opened is not None:
            self.opened.interrupt()

    def close(self) -> None:
        """Let go of it; it is opened again when something needs it."""
        with self._lock:
            if self.opened is not None:
                self.opened.close()
                self.opened = None
