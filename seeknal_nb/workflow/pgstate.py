"""State in PostgreSQL: what it writes otherwise than other databases, and its connections."""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from seeknal_nb.errors import ManifestError, NodeError, StateError, UsageError
from seeknal_nb.kinds.connections import DRIVER, check_string, uri_of
from seeknal_nb.secrets import Secrets
from seeknal_nb.workflow.sqlstate import PATIENCE, TABLES, DatabaseState, named, ttl_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["PostgresDatabase", "postgres_store"]

ALIVE: dict[str, Any] = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 25_000}
"""After some 25 seconds without an answer a connection counts as lost, where the URL says nothing else."""
FORM = "postgresql://${PGUSER}:${PGPASSWORD}@host/database?ttl=60"


def postgres_store(url: str, _root: Path, project: str) -> DatabaseState:
    """The store of ``postgresql://${PGUSER}:${PGPASSWORD}@host/database?ttl=60``; libpq's options may stand there, too.

    Raises:
        UsageError: The password is written out, or ``ttl`` is none; or the project has no name, by which others find it.
    """
    try:
        check_string(url, "state")
    except ManifestError as error:
        why = "settings, and what was typed in a shell, are kept where others can read them"
        raise UsageError(error.what, why=why, remedy=f"write {FORM}") from None
    base, _, query = url.partition("?")
    options = [option for option in query.split("&") if option]
    kept = [option for option in options if not option.startswith("ttl=")]
    ttl = next((option.removeprefix("ttl=") for option in options if option not in kept), None)
    database = PostgresDatabase(f"{base}?{'&'.join(kept)}" if kept else base)
    return DatabaseState(database, named(project, url), ttl=ttl_of(ttl, url))


@dataclass(frozen=True, slots=True)
class PostgresDatabase:
    """A database of a PostgreSQL server; see ``Database``.

    A transaction that is stopped in the middle, as its process may be, holds its lock for ``PATIENCE`` seconds at most.

    Attributes:
        url: As it is written, with ``${NAME}`` for variables, which are put in when a connection is opened.
    """

    url: str
    secrets: Secrets = field(default_factory=Secrets)
    BEGIN: ClassVar[str] = (
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; "
        f"SET LOCAL lock_timeout = '{PATIENCE + 5:.0f}s'; "
        f"SET LOCAL idle_in_transaction_session_timeout = '{PATIENCE:.0f}s'"
    )
    LOCK: ClassVar[str] = "FOR UPDATE"
    NOW: ClassVar[str] = "extract(epoch FROM clock_timestamp())::double precision"
    VERSION: ClassVar[str] = "SELECT 'PostgreSQL ' || current_setting('server_version')"
    HAS_TABLES: ClassVar[str] = "SELECT num_nulls(to_regclass('seeknal_state'), to_regclass('seeknal_lease')) = 0"
    CREATE: ClassVar[tuple[str, ...]] = ("SELECT pg_advisory_xact_lock(7236831072)", *TABLES)
    """Two that make the same table at once would both try, and one fail: the second one waits."""

    def __str__(self) -> str:
        scheme, _, rest = self.url.partition("?")[0].partition("://")
        return f"{scheme}://{rest.rpartition('@')[2]}"

    @property
    def beside(self) -> Path:
        """A name in this user's part of the host's folder for temporary files: there is no file that hosts share."""
        user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
        return Path(tempfile.gettempdir()) / f"seeknal-{user}" / "state"

    def exists(self) -> bool:
        """Nobody knows without asking."""
        return True

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """See ``Database.errors``; no secret is in its text, and none is chained."""
        psycopg = _driver()
        try:
            yield
        except NodeError as error:  # of the URL
            raise StateError(f"cannot use the state in {self}", why=error.what, remedy=error.remedy) from None
        except psycopg.Error as error:
            why = self.secrets.hide(" ".join(str(error).split()))
            remedy = "see that the server runs, and that this user may make tables there, and write"
            raise StateError(f"cannot use the state in {self}", why=why, remedy=remedy) from None

    def connect(self) -> Session:
        """See ``Database.connect``."""
        psycopg = _driver()
        uri = uri_of(self.url, self.secrets)
        said = psycopg.conninfo.conninfo_to_dict(uri)
        own = {name: value for name, value in ALIVE.items() if name not in said}
        return Session(psycopg.connect(uri, autocommit=True, prepare_threshold=None, client_encoding="utf8", **own))

    def is_lost(self, connection: Session) -> bool:
        """Whether the server has ended it, or cannot be reached."""
        return connection.is_lost


class Session:
    """See ``Connection``."""

    def __init__(self, opened: Any) -> None:
        self._opened = opened
        self.commit, self.rollback, self.close = opened.commit, opened.rollback, opened.close

    @property
    def is_lost(self) -> bool:
        """Whether it is closed, by whomever."""
        return bool(self._opened.closed)

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Any:
        """See ``Connection.execute``."""
        return self._opened.execute(sql.replace("?", "%s"), values or None)


def _driver() -> Any:
    try:
        import psycopg  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise StateError("state in PostgreSQL needs a driver", why=str(error), remedy=DRIVER) from error
    return psycopg
