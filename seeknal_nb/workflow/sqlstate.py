"""State in a database, which several projects, processes and machines share: entries, and one lease a project.

Every verb is one transaction. A token, not the time, decides who may write: it is compared in the transaction that writes.
The time, by the database's clock, decides only who is waited for. What a database writes otherwise than others stands in
one class, in a module of its own.
"""

from __future__ import annotations

import contextlib
import json
import math
import threading
import time
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from seeknal_nb.errors import Fenced, StateError, UsageError
from seeknal_nb.version import host
from seeknal_nb.workflow.lock import SignOfLife, fenced, held

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

__all__ = ["PATIENCE", "TABLES", "Connection", "Database", "DatabaseState", "named", "ttl_of"]

TTL = 60.0
"""Seconds that a lease lasts from its last renewal, where the URL does not say otherwise."""
RENEWALS = 4
"""How often a lease is renewed in its time."""
PATIENCE = 30.0
"""Seconds that a transaction waits for another one that writes."""
AGAIN = 0.5
"""Seconds until a database that cannot be reached is asked again."""

TABLES = (
    """CREATE TABLE IF NOT EXISTS seeknal_state (
        project TEXT NOT NULL, node_id TEXT NOT NULL, entry TEXT NOT NULL, token BIGINT NOT NULL,
        PRIMARY KEY (project, node_id))""",
    """CREATE TABLE IF NOT EXISTS seeknal_lease (
        project TEXT PRIMARY KEY, owner TEXT NOT NULL, token BIGINT NOT NULL, until DOUBLE PRECISION NOT NULL)""",
)


def named(project: str, url: str) -> str:
    """The project's name; raises ``UsageError`` where it has none, by which others would find it."""
    if not project:
        raise UsageError(
            "a project needs a name to share its state", why=f"state is {url}",
            remedy='write name = "orders" below [tool.seeknal_nb] in pyproject.toml, or Project(name="orders")',
        )  # fmt: skip
    return project


def ttl_of(text: str | None, url: str) -> float:
    """The seconds that a URL says in ``?ttl=60``, or the default; raises ``UsageError`` for what is no such number."""
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


class Connection(Protocol):
    """What is used of a connection, in which only ``BEGIN`` begins a transaction; any thread may, one at a time."""

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Any:
        """A cursor with the statement's rows; ``?`` stands for a value."""

    def commit(self) -> None:
        """End the transaction."""

    def rollback(self) -> None:
        """Undo it."""

    def close(self) -> None:
        """Let go of the connection, and undo what is not committed."""


class Database(Protocol):
    """A database, and what it writes otherwise than others.

    Attributes:
        BEGIN: Begins a transaction that writes.
        LOCK: Ends a query whose row nobody else is to read so, or to write, until the transaction ends; a transaction
            that writes may have it to itself already.
        NOW: Its clock, in seconds since the epoch.
        VERSION: Asks what it is called, and its version.
        HAS_TABLES: Asks whether anything was ever kept here.
        CREATE: The statements that make the tables, where there are none.
    """

    BEGIN: ClassVar[str]
    LOCK: ClassVar[str]
    NOW: ClassVar[str]
    VERSION: ClassVar[str]
    HAS_TABLES: ClassVar[str]
    CREATE: ClassVar[tuple[str, ...]]

    @property
    def beside(self) -> Path:
        """The file beside which runs of this host leave signs of life."""

    def exists(self) -> bool:
        """Whether there is something to read, as far as nobody need be asked."""

    def errors(self) -> AbstractContextManager[None]:
        """The database's error becomes a ``StateError``."""

    def connect(self) -> Connection:
        """A connection of its own."""

    def is_lost(self, connection: Any) -> bool:
        """Whether the connection is of no use any more, and another one may be."""


class DatabaseState:
    """The entries of one project in a database; see ``StateStore``.

    Args:
        database: The database.
        project: The name of the pipeline; those of other names are apart.
        ttl: Seconds that a lease lasts from its last renewal. A holder that died on this host is not waited for.
    """

    def __init__(self, database: Database, project: str, *, ttl: float = TTL) -> None:
        self.database, self.project, self.ttl = database, project, ttl

    def __str__(self) -> str:
        return f"the state of {self.project} in {self.database}"

    def load(self) -> dict[str, Any]:
        """The project's entries; makes no file and no table."""
        if not self.database.exists():
            return {}
        with self.database.errors(), contextlib.closing(self.database.connect()) as connection:
            if not connection.execute(self.database.HAS_TABLES).fetchone()[0]:
                return {}
            select = "SELECT node_id, entry FROM seeknal_state WHERE project = ?"
            rows = connection.execute(select, (self.project,)).fetchall()
        return {node_id: _entry(text) for node_id, text in rows}

    def version(self) -> str:
        """What the database is, and in which version, as it says itself; empty where there is none yet."""
        if not self.database.exists():
            return ""
        with self.database.errors(), contextlib.closing(self.database.connect()) as connection:
            return str(connection.execute(self.database.VERSION).fetchone()[0])

    def acquire(self, owner: str) -> DatabaseLease:
        """Take the project's lease; see ``StateStore.acquire``."""
        with contextlib.ExitStack() as undo:
            sign = SignOfLife(self.database.beside)
            undo.callback(sign.end)
            with self.database.errors():
                connection = undo.enter_context(contextlib.closing(self.database.connect()))
                with self.transaction(connection):
                    if not connection.execute(self.database.HAS_TABLES).fetchone()[0]:
                        for statement in self.database.CREATE:
                            connection.execute(statement)
                    token, left = self._take(connection, {"who": owner, "host": host(), "sign": sign.name})
            undo.pop_all()
            return DatabaseLease(self, connection, sign, token, left)

    @contextlib.contextmanager
    def transaction(self, connection: Connection) -> Iterator[None]:
        """All that is written within it, or nothing."""
        connection.execute(self.database.BEGIN)
        try:
            yield
        except BaseException:
            if not self.database.is_lost(connection):
                connection.rollback()
            raise
        connection.commit()

    def holder(self, connection: Connection) -> tuple[int, dict[str, str], bool]:
        """The lease's token; who has it, as ``{"who", "host", "sign"}``, ``{}`` where nobody; whether its time is over.

        That stays so until the transaction ends.
        """
        is_over = f"until <= {self.database.NOW}"
        query = f"SELECT token, owner, {is_over} FROM seeknal_lease WHERE project = ? {self.database.LOCK}"
        token, owner, over = connection.execute(query, (self.project,)).fetchone() or (0, "{}", True)
        if not isinstance(token, int):
            raise StateError(
                f"{self} has a lease of token {token!r}, which is no number",
                why="somebody has edited the table seeknal_lease",
                remedy=f"stop the runs of this project, then delete its row: {self.project!r}",
            )
        return token, _owner(owner), bool(over)

    def _take(self, connection: Connection, owner: dict[str, str]) -> tuple[int, str | None]:
        """Write the lease's row; gives its token, and who had it before and did not let go."""
        row = "INSERT INTO seeknal_lease VALUES (?, '{}', 0, 0) ON CONFLICT (project) DO NOTHING"
        connection.execute(row, (self.project,))  # there is one to lock
        token, before, over = self.holder(connection)
        dead = bool(before) and self._is_dead(before)  # whether or not its time is over: this takes its sign of life away
        if before and not over and not dead:
            raise held(str(self), before["who"])
        connection.execute(
            f"UPDATE seeknal_lease SET owner = ?, token = ?, until = {self.database.NOW} + ? WHERE project = ?",
            (json.dumps(owner), token + 1, self.ttl, self.project),
        )
        return token + 1, before.get("who")

    def _is_dead(self, owner: dict[str, str]) -> bool:
        return owner["host"] == host() and SignOfLife.is_over(self.database.beside, owner["sign"])


class DatabaseLease:
    """See ``Lease``. A thread of its own renews it, for a statement of hours must not lose it.

    There is one connection, for one verb at a time: who delivers an exposure may be another thread than who puts entries.
    Where it is lost, a verb is tried on others for as long as the lease lasts.
    """

    def __init__(self, store: DatabaseState, connection: Connection, sign: SignOfLife, token: int, left: str | None) -> None:
        self.token, self.left = token, left
        self._store, self._connection, self._sign = store, connection, sign
        self._one_verb, self._over = threading.Lock(), threading.Event()
        self._lasts_until = time.monotonic() + store.ttl
        self._keeper = threading.Thread(target=self._keep, name="seeknal-lease", daemon=True)
        self._keeper.start()

    def put(self, node_id: str, entry: dict[str, Any]) -> None:
        """See ``Lease.put``."""
        upsert = (
            "INSERT INTO seeknal_state VALUES (?, ?, ?, ?) ON CONFLICT (project, node_id) "
            "DO UPDATE SET entry = excluded.entry, token = excluded.token"
        )
        values = self._store.project, node_id, json.dumps(entry, allow_nan=False), self.token
        self._write(lambda connection: connection.execute(upsert, values))

    def forget(self, node_ids: Collection[str]) -> None:
        """See ``Lease.forget``."""

        def delete(connection: Connection) -> None:
            for node_id in node_ids:
                row = self._store.project, node_id
                connection.execute("DELETE FROM seeknal_state WHERE project = ? AND node_id = ?", row)

        self._write(delete)

    def renew(self) -> None:
        """See ``Lease.renew``; it lasts for its whole time again."""
        began = time.monotonic()
        update = f"UPDATE seeknal_lease SET until = {self._store.database.NOW} + ? WHERE project = ?"
        values = self._store.ttl, self._store.project
        self._write(lambda connection: connection.execute(update, values))
        self._lasts_until = began + self._store.ttl

    def sync(self) -> None:
        """What was put is on the disk already."""

    def release(self) -> None:
        """See ``Lease.release``; where the database refuses, the lease ends with its time, and for this host at once."""
        if self._over.is_set():
            return
        self._over.set()
        self._keeper.join()
        with self._one_verb:  # to close a connection that another thread is using ends the process
            let_go = False
            try:
                with contextlib.suppress(StateError), self._store.database.errors():
                    with self._store.transaction(self._connection):
                        self._connection.execute(
                            "UPDATE seeknal_lease SET owner = '{}', until = 0 WHERE project = ? AND token = ?",
                            (self._store.project, self.token),
                        )
                    let_go = True
            finally:
                self._connection.close()
                self._sign.end(left=not let_go)

    def _write(self, work: Callable[[Connection], object]) -> None:
        """Do it in a transaction in which the lease is this one.

        Raises:
            Fenced: It is not, or the database could not be reached until its time was over.
            StateError: The database refuses.
        """
        while True:
            try:
                with self._one_verb:
                    self._in_transaction(work)
            except StateError as error:
                if not self._store.database.is_lost(self._connection):
                    raise
                if time.monotonic() >= self._lasts_until:
                    raise Fenced(
                        f"this run no longer holds {self._store}",
                        why=f"it could not be reached for as long as the lease lasts: {error.why}",
                        remedy="run again when it can be; what was finished is kept",
                    ) from error
                self._over.wait(AGAIN)
            else:
                return

    def _in_transaction(self, work: Callable[[Connection], object]) -> None:
        store = self._store
        if self._over.is_set():
            raise fenced(str(store), None)
        with store.database.errors():
            if store.database.is_lost(self._connection):
                self._connection = store.database.connect()
            with store.transaction(self._connection):
                token, owner, _ = store.holder(self._connection)
                if token != self.token:
                    raise fenced(str(store), owner.get("who"))
                work(self._connection)

    def _keep(self) -> None:
        while not self._over.wait(self._store.ttl / RENEWALS):
            try:
                self.renew()
            except Fenced:  # the next verb tells the run
                return
            except StateError:  # the database may be there again before the lease ends; if not, the next verb tells
                continue
