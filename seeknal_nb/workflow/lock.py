"""Locks that the operating system frees when their process dies, and who holds them."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import Fenced, LockedError, StateError
from seeknal_nb.storage.files import content, io_errors, write_unsynced
from seeknal_nb.version import host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from filelock import BaseFileLock

__all__ = ["FolderLock", "SignOfLife", "fenced", "held", "run_lock", "who"]

STEP, LOOKS = 0.05, 20
"""Seconds before each look at who holds a lock, and the most of these."""


class FolderLock:
    """A lock of a folder, and beside it a record of who holds it.

    Nobody need break it: that of a process that died is free, and its record tells who it was.

    Attributes:
        token: How many have held it until now, this holder included.
        left: Who held it before and did not let go; None where that one did.
    """

    def __init__(self, directory: Path, name: str, owner: str) -> None:
        """Take it.

        Raises:
            LockedError: Somebody holds it; the error says who, where, and since when.
            StateError: The folder cannot be written.
        """
        self._record, self._path, self._owner = directory / f"{name}.owner.json", directory / f"{name}.lock", owner
        with io_errors("write", directory):
            directory.mkdir(parents=True, exist_ok=True)
        with io_errors("lock", directory):
            lock = _locked(self._path)
        before = _read(self._record)
        if lock is None:
            raise held(str(directory), _owner_soon(self._record) or "it has not written yet who it is")
        self._lock, self.left, self.token = lock, before.get("owner"), before.get("token", 0) + 1
        try:
            self._write({"token": self.token, "owner": owner})
            self._stamp = _inode(self._path)
        except BaseException:
            lock.release()
            raise

    def renew(self) -> None:
        """Prove that it is held: a file that somebody has deleted locks nobody out, and is taken again.

        Raises:
            Fenced: Another run has it by now.
        """
        if _inode(self._path) == self._stamp:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        lock = _locked(self._path)
        if lock is None:
            raise fenced(str(self._path.parent), _owner_soon(self._record) or "a run that began after its lock was deleted")
        self._lock.release()
        self._lock, self._stamp = lock, _inode(self._path)
        self._write({"token": self.token, "owner": self._owner})

    def release(self) -> None:
        """Let go; a second time it does nothing. Where that cannot be written, the next holder takes this one for dead."""
        if self._lock.is_locked:
            try:
                with contextlib.suppress(StateError):  # what was done is done, or what went wrong is told already
                    self._write({"token": self.token})
            finally:
                self._lock.release()

    def _write(self, record: dict[str, Any]) -> None:
        write_unsynced(self._record, json.dumps(record))


@contextlib.contextmanager
def run_lock(directory: Path, owner: str) -> Iterator[str | None]:
    """Hold the one lock of a state folder; gives who did not finish there, where there was one. See ``FolderLock``."""
    lock = FolderLock(directory, "run", owner)
    try:
        yield lock.left
    finally:
        lock.release()


def _owner_soon(record: Path) -> str:
    """Who holds a lock: just after it was taken that is written, over who had it before."""
    for _ in range(LOOKS):
        time.sleep(STEP)
        owner = _read(record).get("owner")
        if owner:
            return str(owner)
    return ""


class SignOfLife:
    """A new file that stays locked as long as this process lives: who can lock it knows that the process is dead.

    It proves more than the number of a process does, which another one may have by then, here or in a container.
    """

    def __init__(self, beside: Path) -> None:
        """Make it beside a file, under a name that nobody else uses."""
        self._path = beside.with_name(f"{beside.name}-run-{os.urandom(8).hex()}")
        with io_errors("write", beside):
            beside.parent.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(self._path)
        self.name = self._path.name

    def end(self, *, left: bool = False) -> None:
        """Take it away; ``left``: leave it there, for whoever asks whether its lease is over."""
        if self._lock is not None:
            self._lock.release()
            if not left:
                self._path.unlink(missing_ok=True)

    @staticmethod
    def is_over(beside: Path, name: str) -> bool:
        """Whether the process that made it is certainly dead; then it is taken away. False where nobody can tell."""
        path = beside.with_name(name)
        try:
            lock = _locked(path) if path.exists() else None
        except OSError:
            return False
        if lock is not None:
            lock.release()
            path.unlink(missing_ok=True)
        return lock is not None


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - a Path costs more than the call
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _locked(path: Path) -> BaseFileLock | None:
    """The lock of a file, taken; None where somebody else has it."""
    from filelock import FileLock, Timeout  # noqa: PLC0415 - looking needs no lock

    lock = FileLock(path, timeout=0, fallback_to_soft=False, preserve_lock_file=True)
    try:
        lock.acquire()
    except Timeout:  # it is an OSError too
        return None
    return lock


def who(command: str, directory: Path) -> str:
    """Who this is, for a reader: process, host, user, folder, since when, and what it does."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = "?"
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return f"pid {os.getpid()} on {host()}, {user}, in {directory.resolve()}, since {since}: {command}"


def held(what: str, owner: str) -> LockedError:
    """The error of who wants what another run has."""
    return LockedError(f"another run holds {what}", why=owner, remedy="wait until it ends, or stop it")


def fenced(what: str, owner: str | None) -> Fenced:
    """The error of a run that has lost what it held; ``owner`` has it now, None where nobody has."""
    why = f"it was taken over by {owner}" if owner else "its time ran out, or it was let go"
    return Fenced(f"this run no longer holds {what}", why=why, remedy="run again when no other run goes on")


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(content(path))
    except (OSError, ValueError):
        return {}
    sound = isinstance(found, dict) and isinstance(found.get("token"), int) and isinstance(found.get("owner", ""), str)
    return found if sound else {}
