"""What does the data work: the protocol, and the one table of engines.

An engine reads the Parquet files of a node's inputs and writes the node's own; it knows no graph, state or notebook.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, Self

from seeknal_nb import plugins
from seeknal_nb.readings import READINGS
from seeknal_nb.version import package

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

__all__ = [
    "ENGINES",
    "Engine",
    "EngineSpec",
    "Interrupted",
    "OnFirstUse",
    "OpenedLater",
    "Relation",
    "Schema",
    "Session",
    "Table",
    "another",
]


class Interrupted(Exception):  # noqa: N818 - it is no error: somebody asked for it
    """A statement ended because ``interrupt`` was called."""


Schema = tuple[tuple[str, str], ...]
"""(column, SQL type) in order."""


@dataclass(frozen=True, slots=True)
class Relation:
    """What an input's name stands for: the files of a stored build, the statement of a view, or, empty, nothing.

    Attributes:
        schema: Of the whole.
        groups: Files by their own schema, as absolute paths; a column that a group lacks is NULL in its rows.
        sql: The statement of a view.
    """

    schema: Schema = ()
    groups: tuple[tuple[Schema, tuple[str, ...]], ...] = ()
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
    schema: Schema
    warnings: tuple[str, ...] = ()


class Session(Protocol):
    """What one job does its data work in: it knows the job's inputs, and no other job's.

    All verbs may be called from any thread; temporary objects of one statement are not there for the next.
    """

    def build(self, sql: str, to: Path, *, alike: str = "") -> Table:
        """Run the statements of a body; the last SELECT becomes the Parquet file ``to``.

        Args:
            sql: The statements.
            to: A file that is not there.
            alike: Under a name that was given before, the same statement has the same columns: nobody need ask for them.

        Raises:
            NodeError: The statement is refused or fails.
            Interrupted: ``interrupt`` was called.
        """

    def describe(self, sql: str) -> Schema:
        """The columns that a SELECT would give, without running it."""

    def query(self, sql: str, *, form: str = "pandas") -> Any:
        """The rows of a SELECT in one of ``config.FORMS``, each value as it is, or as ``rows``, a list of tuples.

        Raises:
            NodeError: A column does not fit that form.
        """

    def take(self, value: object, to: Path) -> Table:
        """Write a frame that a Python body gave as the Parquet file ``to``; only Ctrl-C stops it, not ``interrupt``."""

    def export(self, sql: str, to: Path, options: str) -> int:
        """Write the rows of a SELECT to a file as COPY's ``options`` say; gives how many."""

    def interrupt(self) -> None:
        """Stop its statements that are running; called again until they report."""


class Engine(Protocol):
    """What opens sessions, from any thread, and as many at once as there are jobs."""

    name: str
    version: str

    def session(self, inputs: Mapping[str, Relation]) -> AbstractContextManager[Session]:
        """A session in which SQL reads each of these ids as ``kind.name``, and nothing that others bind.

        Raises:
            NodeError: The statement of a view is no SELECT, or fails.
        """

    def same_rows(self, one: Relation, other: Relation) -> bool:
        """Whether two stored tables of one schema hold the same rows, each as often, in whatever order.

        False where that cannot be told exactly; and where it is interrupted.
        """

    def interrupt(self) -> None:
        """Stop the statements of all its sessions; called again until they report."""

    def close(self) -> None:
        """Let go of everything."""


ENGINES = {"duckdb": "seeknal_nb.engines.duckdb:DuckDB"}


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """Which engine another process opens for its jobs, and how much of the machine it may take.

    Attributes:
        name: Of the table, or of an entry point.
        memory: How much, as ``4096MiB``; empty for the engine's own choice.
        threads: How many; 0 for the engine's own choice.
    """

    name: str
    memory: str = ""
    threads: int = 0

    def opened_in(self, spill: Path) -> OnFirstUse:
        """The engine, which may put into that folder what memory cannot hold."""
        share = {"memory": self.memory, "threads": self.threads}
        return OnFirstUse(self.name, spill, **{name: value for name, value in share.items() if value})


class OnFirstUse:
    """An engine that is opened when something first needs it, from whatever thread, and once.

    Args:
        engine: The name of one, of the table or of an entry point; or an engine, which is given as it is.
        spill: Where it may put what memory cannot hold.
        share: Its ``memory`` and ``threads``, where they are not all that there is.
    """

    def __init__(self, engine: Engine | str, spill: Path | None = None, **share: Any) -> None:
        self._name, self._spill, self._share = (engine, spill, share) if isinstance(engine, str) else (engine.name, None, {})
        self.opened: Engine | None = None if isinstance(engine, str) else engine
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """By which another process finds it."""
        return self._name

    @property
    def identity(self) -> str:
        """Name and major version, which stand in the keys of what it builds; nothing is opened to tell them."""
        version = getattr(self.opened, "version", None) or _version(self._name)
        return f"{self._name} {version.partition('.')[0]}".strip()

    def get(self) -> Engine:
        """The engine; raises ``PluginError`` where none has that name."""
        with self._lock:
            if self.opened is None:
                self.opened = plugins.find("engines", self._name, ENGINES)(spill=self._spill, **self._share)
            engine: Engine = self.opened
            return engine

    def turn_to(self, name: str, spill: Path | None = None, **share: Any) -> None:
        """Let go of it; what needs one next opens the engine of that name."""
        self.close()
        self._name, self._spill, self._share = name, spill, share

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


def another(engine: Engine | str) -> Engine | str:
    """The name of the engine, to open one more of it; the engine itself, where no table knows its name."""
    return engine if isinstance(engine, str) or engine.name not in ENGINES else engine.name


class OpenedLater:
    """The session of one job, which is opened when something first needs it; leaving its ``with`` closes it.

    Args:
        engine: Whose.
        inputs: What it binds.
    """

    def __init__(self, engine: OnFirstUse, inputs: Mapping[str, Relation]) -> None:
        self._engine, self._inputs = engine, inputs
        self._session: Session | None = None
        self._lock, self._closing = threading.Lock(), ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def get(self) -> Session:
        """The session; raises what ``Engine.session`` does."""
        with self._lock:
            if self._session is None:
                self._session = self._closing.enter_context(self._engine.get().session(self._inputs))
            return self._session

    def interrupt(self) -> None:
        """Stop what runs in it, where it is open."""
        if self._session is not None:
            self._session.interrupt()


def _distribution(name: str) -> str:
    from importlib.metadata import version  # noqa: PLC0415 - 15 ms, and nearly always it is known

    return version(name)


@cache
def _version(name: str) -> str:
    """The version of an engine that is not open: of the distribution that brings it, else what its class says."""
    if name in ENGINES:
        return READINGS.of("version", package(name), lambda: _distribution(name), pack=str, unpack=str)
    return str(getattr(plugins.find("engines", name, ENGINES), "version", ""))
