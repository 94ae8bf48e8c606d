"""The one lock of a state folder, and who holds it. The operating system frees it when its process dies."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import socket
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import LockedError
from seeknal_nb.files import io_errors, write_atomic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["run_lock"]


@contextlib.contextmanager
def run_lock(directory: Path, command: str) -> Iterator[str | None]:
    """Hold the one lock of a state folder; gives the note of a run that did not finish, where there was one.

    The operating system frees the lock of a process that died, so nobody need break it.

    Raises:
        LockedError: Another run holds it; the error says who, since when and from where.
        StateError: The folder cannot be written.
    """
    from filelock import FileLock, Timeout  # noqa: PLC0415 - looking needs no lock

    owner = directory / "run.owner.json"
    with io_errors("write", directory):
        directory.mkdir(parents=True, exist_ok=True)
    lock = FileLock(directory / "run.lock", timeout=0, fallback_to_soft=False, preserve_lock_file=True)
    with io_errors("lock", directory):
        try:
            lock.acquire()
        except Timeout as error:  # it is an OSError too
            raise LockedError(
                f"another run holds {directory}", why=_owner_text(owner), remedy="wait until it ends, or stop it"
            ) from error
    try:
        left = _owner_text(owner) if owner.exists() else None
        write_atomic(owner, json.dumps(_me(command)).encode())
        yield left
    finally:
        owner.unlink(missing_ok=True)
        lock.release()


def _me(command: str) -> dict[str, Any]:
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = "?"
    since = datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds")
    return {"pid": os.getpid(), "host": socket.gethostname(), "user": user, "since": since, "command": command}


def _owner_text(path: Path) -> str:
    try:
        owner: Mapping[str, Any] = json.loads(path.read_bytes())
        return f"pid {owner['pid']} on {owner['host']}, {owner['user']}, since {owner['since']}: {owner['command']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "it has not written yet who it is"
