"""A real PostgreSQL server on a free port of the loopback, in a directory of its own, for as long as the tests need it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PASSWORD = "s3cret-Pass word'%41"
USER = "owner"


@dataclass(frozen=True)
class Server:
    """Where it listens. ``database`` is empty at the start of each test that asks for it."""

    port: int
    database: str = "postgres"
    password: str = PASSWORD

    @property
    def fields(self) -> dict[str, Any]:
        """As a profiles file has them."""
        return {"host": "127.0.0.1", "port": self.port, "user": USER, "password": self.password, "database": self.database}

    def execute(self, *statements: str) -> None:
        """Run statements, each committed, through the driver itself."""
        with self._connected(autocommit=True) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query, read by the driver itself."""
        with self._connected() as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())

    def _connected(self, *, autocommit: bool = False) -> Any:
        from adbc_driver_postgresql import dbapi

        quoted = self.password.replace("\\", "\\\\").replace("'", "\\'")
        uri = f"host=127.0.0.1 port={self.port} user={USER} password='{quoted}' dbname={self.database}"
        return dbapi.connect(uri, autocommit=autocommit)

    def works(self, on: str) -> bool:
        """Whether it is at a statement that holds a text."""
        asked = "SELECT query FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()"
        return any(on in query for (query,) in self.ask(asked))


def binaries() -> Path | None:
    """Where pg_ctl and initdb lie; Debian keeps them out of the path."""
    found = shutil.which("pg_ctl")
    if found:
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    return versions[-1] if versions else None


def skip_or_fail(why: str) -> None:
    """Skip, unless SEEKNAL_POSTGRES=require says that a server must be there."""
    if os.environ.get("SEEKNAL_POSTGRES") == "require":
        pytest.fail(why)
    pytest.skip(why)


@contextmanager
def server() -> Iterator[Server]:
    """Start one, and stop it."""
    where = binaries()
    if where is None:
        skip_or_fail("there is no PostgreSQL server: apt-get install postgresql")
    pytest.importorskip("adbc_driver_postgresql")
    account = "postgres" if os.geteuid() == 0 else None  # the server refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="seeknal-pg-"))
    if account:
        shutil.chown(folder, account)
    (folder / "password").write_text(PASSWORD)
    (folder / "password").chmod(0o644)
    run = Runner(account)
    run(where / "initdb", "-D", folder / "data", "-U", USER, "-A", "scram-sha-256", "--pwfile", folder / "password", "-N",
        "--encoding=UTF8", "--locale=C.UTF-8")
    port = free_port()
    options = f"-h 127.0.0.1 -p {port} -k {folder} -c fsync=off -c timezone=Asia/Jakarta"
    run(where / "pg_ctl", "-D", folder / "data", "-w", "-l", folder / "log", "-o", options, "start")
    try:
        yield Server(port)
    finally:
        run(where / "pg_ctl", "-D", folder / "data", "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Runner:
    """Commands under an account."""

    account: str | None

    def __call__(self, *words: object) -> None:
        subprocess.run(
            [str(word) for word in words], user=self.account, group=self.account, check=True, cwd="/",
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, extra_groups=[] if self.account else None,
        )


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
