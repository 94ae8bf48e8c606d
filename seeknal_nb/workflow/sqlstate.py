"""State in a database, which several projects, processes and machines share: entries, and one lease a project.

Every verb is one transaction. A token, not the time, decides who may write: it is compared in the transaction that writes.
The time decides only who is waited for. SQLite has no clock of its own but that of the host of whoever asks it: hosts that
share a file should agree on the time to a fraction of the time to live. A clock that is further ahead takes the lease of
a run that lives, which is fenced then; one that is behind waits for longer.
What a database writes otherwise than others stands in one class.
"""

from __future__ import annotations

import contextlib
import json
import math
import sqlite3
import threading
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, ClassVar

from seeknal_nb.errors import Fenced, StateError, UsageError
from seeknal_nb.storage.files import io_errors
from seeknal_nb.version import host
from seeknal_nb.workflow.lock import SignOfLife, fenced, held
from seeknal_nb.workflow.stores import options_of, path_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

__all__ = ["DatabaseState", "SqliteFile", "sqlite_store"]

TTL = 60.0
"""Seconds that a lease lasts from its last renewal, where the URL does not say otherwise."""
RENEWALS = 4
"""How often a lease is renewed in its time."""

TABLES = (
    """CREATE TABLE IF NOT EXISTS seeknal_state (
        project TEXT NOT NULL, node_id TEXT NOT NULL, entry TEXT NOT NULL, token BIGINT NOT NULL,
        PRIMARY KEY (project, node_id))""",
    """CREATE TABLE IF NOT EXISTS seeknal_lease (
        project TEXT PRIMARY KEY, owner TEXT NOT NULL, token BIGINT NOT NULL, until DOUBLE PRECISION NOT NULL)""",
)


def sqlite_store(url: str, root: Path, project: str) -> DatabaseState:
    """The store of ``sqlite:///path?ttl=60``.

    Raises:
        UsageError: The URL has no path or another option; or the project has no name, by which others would find it.
    """
    options = options_of(url, "ttl")
    if not project:
        raise UsageError(
            "a project needs a name to share its state", why=f"state is {url}",
            remedy='write name = "orders" below [tool.seeknal_nb] in pyproject.toml, or Project(name="orders")',
        )  # fmt: skip
    return DatabaseState(SqliteFile(path_of(url, root)), project, ttl=_seconds(options.get("ttl"), url))


def _seconds(text: str | None, url: str) -> float:
    try:
        ttl = TTL if text is None else float(text)
    except ValueError:
        ttl = math.nan
    if not 1 <= ttl < math.inf:
        raise UsageError(f"ttl in state {url!r} is no number of seconds from 1", remedy="write ?ttl=60")
    return ttl


def _owner(text: Any) -> dict[str, str]:
    """Who holds a lease; what is no record of that counts as nobody's, so that it holds up no run."""
    with contextlib.suppress(ValueError, TypeError, KeyError):
        owner: dict[str, str] = json.loads(text)
        named = all(isinstance(owner[part], str) for part in ("who", "host", "sign"))
        if named and PurePath(owner["sign"]).name == owner["sign"]:
            return owner
    return {}


def _entry(text: Any) -> Any:
    """An entry; what is no JSON stays as it is, and whoever reads it says that it is broken."""
    try:
        return json.loads(text)
    except (ValueError, TypeError):
        return text


@dataclass(frozen=True, slots=True)
class SqliteFile:
    """A SQLite file, and what is its own of SQL.

    Attributes:
        path: The file.
        BEGIN: Begins a transaction that writes; another one that would waits from here on, for ``WAIT`` seconds at most.
        NOW: The clock of the host where this process runs, in seconds since the epoch.
        HAS_TABLES: Asks whether anything was ever kept here.
    """

    path: Path
    BEGIN: ClassVar[str] = "BEGIN IMMEDIATE"
    NOW: ClassVar[str] = "((julianday('now') - 2440587.5) * 86400.0)"
    HAS_TABLES: ClassVar[str] = "SELECT count(*) FROM sqlite_master WHERE name = 'seeknal_state'"
    WAIT: ClassVar[float] = 30.0

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
        """A connection, for any thread, in which only ``BEGIN`` begins a transaction; makes the file."""
        with io_errors("write", self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
        return sqlite3.connect(self.path, timeout=self.WAIT, isolation_level=None, check_same_thread=False)


class DatabaseState:
    """The entries of one project in a database; see ``StateStore``.

    Args:
        database: The database.
        project: The name of the pipeline; those of other names are apart.
        ttl: Seconds that a lease lasts from its last renewal. A holder that died on this host is not waited for.
    """

    def __init__(self, database: SqliteFile, project: str, *, ttl: float = TTL) -> None:
        self.database, self.project, self.ttl = database, project, ttl

    def __str__(self) -> str:
        return f"the state of {self.project} in {self.database.path}"

    def load(self) -> dict[str, Any]:
        """The project's entries; makes no file and no table."""
        if not self.database.path.exists():
            return {}
        with self.database.errors(), contextlib.closing(self.database.connect()) as connection:
            if not connection.execute(self.database.HAS_TABLES).fetchone()[0]:
                return {}
            select = "SELECT node_id, entry FROM seeknal_state WHERE project = ?"
            rows = connection.execute(select, (self.project,)).fetchall()
        return {node_id: _entry(text) for node_id, text in rows}

    def acquire(self, owner: str) -> DatabaseLease:
        """Take the project's lease; see ``StateStore.acquire``."""
        with contextlib.ExitStack() as undo:
            sign = SignOfLife(self.database.path)
            undo.callback(sign.end)
            with self.database.errors():
                connection = undo.enter_context(contextlib.closing(self.database.connect()))
                with self.transaction(connection):
                    for table in TABLES:
                        connection.execute(table)
                    token, left = self._take(connection, {"who": owner, "host": host(), "sign": sign.name})
            undo.pop_all()
            return DatabaseLease(self, connection, sign, token, left)

    @contextlib.contextmanager
    def transaction(self, connection: sqlite3.Connection) -> Iterator[None]:
        """All that is written within it, or nothing."""
        connection.execute(self.database.BEGIN)
        try:
            yield
        except BaseException:
            connection.rollback()
            raise
        connection.commit()

    def holder(self, connection: sqlite3.Connection) -> tuple[int, dict[str, str], bool]:
        """The lease's token; who has it, as ``{"who", "host", "sign"}``, ``{}`` where nobody; whether its time is over."""
        query = f"SELECT token, owner, until <= {self.database.NOW} FROM seeknal_lease WHERE project = ?"
        token, owner, over = connection.execute(query, (self.project,)).fetchone() or (0, "{}", True)
        if not isinstance(token, int):
            raise StateError(
                f"{self} has a lease of token {token!r}, which is no number",
                why="somebody has edited the table seeknal_lease",
                remedy=f"stop the runs of this project, then delete its row: {self.project!r}",
            )
        return token, _owner(owner), bool(over)

    def _take(self, connection: sqlite3.Connection, owner: dict[str, str]) -> tuple[int, str | None]:
        """Write the lease's row; gives its token, and who had it before and did not let go."""
        token, before, over = self.holder(connection)
        dead = bool(before) and self._is_dead(before)  # whether or not its time is over: this takes its sign of life away
        if before and not over and not dead:
            raise held(str(self), before["who"])
        connection.execute(
            f"INSERT INTO seeknal_lease VALUES (?, ?, ?, {self.database.NOW} + ?) ON CONFLICT (project) "
            "DO UPDATE SET owner = excluded.owner, token = excluded.token, until = excluded.until",
            (self.project, json.dumps(owner), token + 1, self.ttl),
        )
        return token + 1, before.get("who")

    def _is_dead(self, owner: dict[str, str]) -> bool:
        return owner["host"] == host() and SignOfLife.is_over(self.database.path, owner["sign"])


class DatabaseLease:
    """See ``Lease``. A thread of its own renews it, for a statement of hours must not lose it.

    There is one connection, for one verb at a time: who delivers an exposure may be another thread than who puts entries.
    """

    def __init__(
        self, store: DatabaseState, connection: sqlite3.Connection, sign: SignOfLife, token: int, left: str | None
    ) -> None:
        self.token, self.left = token, left
        self._store, self._connection, self._sign = store, connection, sign
        self._one_verb, self._over = threading.Lock(), threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="seeknal-lease", daemon=True)
        self._keeper.start()

    def put(self, node_id: str, entry: dict[str, Any]) -> None:
        """See ``Lease.put``."""
        with self._holding() as connection:
            connection.execute(
                "INSERT INTO seeknal_state VALUES (?, ?, ?, ?) ON CONFLICT (project, node_id) "
                "DO UPDATE SET entry = excluded.entry, token = excluded.token",
                (self._store.project, node_id, json.dumps(entry, allow_nan=False), self.token),
            )

    def forget(self, node_ids: Collection[str]) -> None:
        """See ``Lease.forget``."""
        with self._holding() as connection:
            rows = [(self._store.project, node_id) for node_id in node_ids]
            connection.executemany("DELETE FROM seeknal_state WHERE project = ? AND node_id = ?", rows)

    def renew(self) -> None:
        """See ``Lease.renew``; it lasts for its whole time again."""
        with self._holding() as connection:
            until = f"{self._store.database.NOW} + ?"
            values = self._store.ttl, self._store.project
            connection.execute(f"UPDATE seeknal_lease SET until = {until} WHERE project = ?", values)

    def sync(self) -> None:
        """What was put is on the disk already."""

    def release(self) -> None:
        """See ``Lease.release``."""
        if self._over.is_set():
            return
        self._over.set()
        self._keeper.join()
        with self._one_verb:  # to close a connection that another thread is using ends the process
            try:
                with self._store.database.errors(), self._store.transaction(self._connection):
                    self._connection.execute(
                        "UPDATE seeknal_lease SET owner = '{}', until = 0 WHERE project = ? AND token = ?",
                        (self._store.project, self.token),
                    )
            finally:
                self._connection.close()
                self._sign.end()

    @contextlib.contextmanager
    def _holding(self) -> Iterator[sqlite3.Connection]:
        """A transaction in which the lease is this one.

        Raises:
            Fenced: It is not.
        """
        with self._one_verb:
            if self._over.is_set():
                raise fenced(str(self._store), None)
            with self._store.database.errors(), self._store.transaction(self._connection):
                token, owner, _ = self._store.holder(self._connection)
                if token != self.token:
                    raise fenced(str(self._store), owner.get("who"))
                yield self._connection

    def _keep(self) -> None:
        while not self._over.wait(self._store.ttl / RENEWALS):
            try:
                self.renew()
            except Fenced:  # the next verb tells the run
                return
            except StateError:  # the database may be there again before the lease ends; if not, the next verb tells
                continue
