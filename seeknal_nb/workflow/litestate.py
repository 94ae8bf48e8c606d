"""State in a file of SQLite's: what it writes otherwise than other databases, and its connections.

It has no clock of its own but that of the host of whoever asks it: hosts that share a file should agree on the time to a
fraction of the time to live. A clock that is further ahead takes the lease of a run that lives, which is fenced then; one
that is behind waits for longer.
"""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from seeknal_nb.errors import StateError
from seeknal_nb.storage.files import io_errors
from seeknal_nb.workflow.sqlstate import PATIENCE, TABLES, DatabaseState, named, ttl_of
from seeknal_nb.workflow.stores import options_of, path_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["SqliteFile", "sqlite_store"]


def sqlite_store(url: str, root: Path, project: str) -> DatabaseState:
    """The store of ``sqlite:///path?ttl=60``.

    Raises:
        UsageError: The URL has no path or another option; or the project has no name, by which others would find it.
    """
    ttl = ttl_of(options_of(url, "ttl").get("ttl"), url)
    return DatabaseState(SqliteFile(path_of(url, root)), named(project, url), ttl=ttl)


@dataclass(frozen=True, slots=True)
class SqliteFile:
    """A file of SQLite's; see ``Database``. Its clock is that of the host where this process runs."""

    path: Path
    BEGIN: ClassVar[str] = "BEGIN IMMEDIATE"
    LOCK: ClassVar[str] = ""
    NOW: ClassVar[str] = "((julianday('now') - 2440587.5) * 86400.0)"
    VERSION: ClassVar[str] = "SELECT 'SQLite ' || sqlite_version()"
    HAS_TABLES: ClassVar[str] = "SELECT count(*) FROM sqlite_master WHERE name = 'seeknal_state'"
    CREATE: ClassVar[tuple[str, ...]] = TABLES

    def __str__(self) -> str:
        return str(self.path)

    @property
    def beside(self) -> Path:
        """The file itself."""
        return self.path

    def exists(self) -> bool:
        """Whether the file does; to look makes none."""
        return self.path.exists()

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """The database's error becomes a ``StateError``."""
        try:
            yield
        except sqlite3.Error as error:
            raise StateError(
                f"cannot use the state in {self.path}",
                why=str(error),
                remedy="see that it is a database's file, which this user may write and nobody else has open",
            ) from error

    def connect(self) -> sqlite3.Connection:
        """A connection; makes the file."""
        with io_errors("write", self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
        return sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)

    def is_lost(self, _connection: sqlite3.Connection) -> bool:
        """Never: a file that cannot be used is no better from another connection."""
        return False
