"""What is remembered of each node between runs: SPEC.md § State Management, and the lock of a run.

A store takes and gives plain dicts, so that the spec's ``CustomStateBackend`` is one as it stands. Nothing here decides.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import socket
import sqlite3
import time
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from seeknal_nb.errors import LockedError, StateError
from seeknal_nb.files import io_errors, write_atomic
from seeknal_nb.workflow.events import ExecutionStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["JsonState", "MemoryState", "NodeState", "SqliteState", "StateStore", "read_states", "run_lock"]

FORMAT = 1
SNAPSHOT = "execution_state.json"
JOURNAL = "journal.jsonl"
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


@dataclass(frozen=True, slots=True)
class NodeState:
    """One entry: the spec's four fields, then ours.

    Attributes:
        status: ``success`` or ``failed``.
        duration: Seconds of the last execution, all attempts.
        row_count: Rows of the last good build.
        last_run: Seconds since the epoch; shown, never decided by.
        fingerprint: The key of the last execution.
        built: The key of the last good build; other than ``fingerprint`` after a failure.
        digest: Digest of the last good build; None where it has no data.
        output: Its directory, relative to the outputs' root; None where it has no data.
        files: Stat signatures of its files.
        inputs: Digests of what it read.
        parts: Digests of the parts of its config and code, to say what changed.
        raw: Digest of its config as it was written.
        probe: What the kind saw in the world.
        seen: By path, the stat signature and digest of what it saw or delivered.
        earlier: For builds without data: row counts of the former builds by key; going back finds them.
        attempts: Executions of the last run.
        error: The last failure's text.
        version: Form of this entry.
    """

    status: str
    duration: float = 0.0
    row_count: int | None = None
    last_run: float = 0.0
    fingerprint: str | None = None
    built: str | None = None
    digest: str | None = None
    output: str | None = None
    files: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)
    raw: str | None = None
    probe: str | None = None
    seen: dict[str, Any] = field(default_factory=dict)
    earlier: dict[str, int | None] = field(default_factory=dict)
    attempts: int = 0
    error: str | None = None
    version: int = FORMAT

    @property
    def good(self) -> bool:
        """Whether the last execution succeeded."""
        return self.status == ExecutionStatus.SUCCESS

    def to_dict(self) -> dict[str, Any]:
        """The entry as JSON has it; what is empty is left out, but for the spec's four fields."""
        shown = {"status": self.status, "duration": self.duration, "row_count": self.row_count, "last_run": self.last_run}
        for name in _OURS:
            value = getattr(self, name)
            if value not in (None, {}, 0):
                shown[name] = value
        return shown


_OURS = tuple(name for name in NodeState.__dataclass_fields__ if name not in ("status", "duration", "row_count", "last_run"))
_FIELDS = frozenset(NodeState.__dataclass_fields__)


def read_states(entries: object) -> tuple[dict[str, NodeState], list[str]]:
    """The entries of a state that can be trusted, and a line for each that cannot.

    Raises:
        StateError: A newer program wrote it; it is not touched.
    """
    if not isinstance(entries, dict):
        return {}, ["the state is not an object; all nodes count as never built"]
    states, notes = {}, []
    for node_id, entry in entries.items():
        try:
            states[node_id] = _read_entry(entry)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            notes.append(f"the state of {node_id} is broken ({error}); it counts as never built")
    return states, notes


def _read_entry(entry: dict[str, Any]) -> NodeState:
    version = entry.get("version", FORMAT)
    if isinstance(version, int) and version > FORMAT:
        raise StateError(
            "the state was written by a newer seeknal_nb",
            why=f"entries of version {version}, this program reads {FORMAT}",
            remedy="install that version, or use another state folder",
        )
    known = entry if entry.keys() <= _FIELDS else {name: value for name, value in entry.items() if name in _FIELDS}
    for name in ("files", "seen"):  # JSON has no tuples
        if name in known:
            known = {**known, name: {path: tuple(found) for path, found in known[name].items()}}
    state = NodeState(**known)
    _check(state)
    return state


def _check(state: NodeState) -> None:
    if state.status not in (ExecutionStatus.SUCCESS, ExecutionStatus.FAILED):
        raise ValueError(f"status {state.status!r}")
    if not isinstance(state.duration, (int, float)) or not 0 <= state.duration < float("inf"):
        raise ValueError(f"duration {state.duration!r}")
    if not isinstance(state.last_run, (int, float)) or not abs(state.last_run) < float("inf"):
        raise ValueError(f"last_run {state.last_run!r}")
    if state.row_count is not None and (type(state.row_count) is not int or state.row_count < 0):
        raise ValueError(f"row_count {state.row_count!r}")
    for value in (state.fingerprint, state.built, state.digest, state.output, state.raw, state.probe, state.error):
        if value is not None and type(value) is not str:
            raise ValueError(f"{value!r} should be text")
    for held in (state.files, state.inputs, state.parts, state.seen, state.earlier):
        if not isinstance(held, dict):
            raise TypeError(f"{held!r} should be an object")


@runtime_checkable
class StateStore(Protocol):
    """Where entries are kept: SPEC.md § State Backends.

    A store may have ``append(node_id, entry)`` too: then an entry is safe as soon as its node finished, without the
    whole state being written; and ``sync()``, to bring such entries to the disk.
    """

    def load(self) -> dict[str, Any]:
        """All entries by node id; ``{}`` where there are none yet."""

    def save(self, state: dict[str, Any]) -> None:
        """Keep these entries, and no others."""


class MemoryState:
    """Entries that live as long as the process."""

    def __init__(self) -> None:
        self._entries: dict[str, Any] = {}

    def load(self) -> dict[str, Any]:
        """A copy of the entries."""
        return dict(self._entries)

    def save(self, state: dict[str, Any]) -> None:
        """Keep a copy."""
        self._entries = dict(state)


class JsonState:
    """``execution_state.json`` as the spec has it, with a journal of what finished since it was written.

    One line of the journal is ``<crc32> {"node_id": ..., ...}``; a torn last line is ignored, a broken one in the middle
    ends what is read. A snapshot that cannot be read is moved aside, never deleted.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.snapshot = directory / SNAPSHOT
        self.journal = directory / JOURNAL
        self.notes: list[str] = []
        self._handle: int | None = None
        self._texts: dict[str, tuple[dict[str, Any], str]] = {}

    def load(self) -> dict[str, Any]:
        """The snapshot with the journal's entries on top; changes no file."""
        self.notes = []
        if not self.snapshot.exists() and not self.journal.exists():
            return {}
        entries = self._snapshot()
        if self.journal.exists():
            entries.update(self._journal())
        return entries

    def save(self, state: dict[str, Any]) -> None:
        """Write the snapshot, atomically, and begin the journal anew."""
        if self.snapshot.exists() and not _parses(self.snapshot):
            aside = self.snapshot.with_name(f"{SNAPSHOT}.corrupt-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
            with io_errors("move", self.snapshot):
                self.snapshot.rename(aside)
        entries = ",\n".join(f"{_encode(node_id)}:{self._text(node_id, entry)}" for node_id, entry in state.items())
        write_atomic(self.snapshot, f"{{{entries}}}\n".encode())
        self.close()
        with io_errors("remove", self.journal):
            self.journal.unlink(missing_ok=True)

    def append(self, node_id: str, entry: dict[str, Any]) -> None:
        """Add one entry to the journal, with one write."""
        written = _encode(entry)
        self._texts[node_id] = entry, written
        text = f'{{"node_id":{_encode(node_id)},{written[1:]}'.encode()
        with io_errors("write", self.journal):
            if self._handle is None:
                self._begin()
            os.write(self._handle, _line(text))  # type: ignore[arg-type]

    def _text(self, node_id: str, entry: dict[str, Any]) -> str:
        """The entry as JSON; what was appended has been written once already."""
        appended = self._texts.get(node_id)
        return appended[1] if appended is not None and appended[0] is entry else _encode(entry)

    def sync(self) -> None:
        """Bring the journal to the disk."""
        if self._handle is not None:
            with io_errors("sync", self.journal):
                os.fsync(self._handle)

    def close(self) -> None:
        """Let go of the journal."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _snapshot(self) -> dict[str, Any]:
        try:
            entries = json.loads(self.snapshot.read_bytes())
        except FileNotFoundError:
            return {}
        except (ValueError, RecursionError):
            self.notes.append(
                f"{self.snapshot} is corrupt; it is moved aside at the next run, and its nodes are built again"
            )
            return {}
        if isinstance(entries, dict):
            return entries
        self.notes.append(f"{self.snapshot} does not hold an object; all nodes count as never built")
        return {}

    def _begin(self) -> None:
        if self.journal.exists():  # of a run that died: its last line may be torn
            self.save(self.load())
        self.directory.mkdir(parents=True, exist_ok=True)
        self._handle = os.open(self.journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.write(self._handle, _line(json.dumps({"base": self._base()}).encode()))

    def _base(self) -> int | None:
        """Which snapshot the journal continues: without that one it counts for nothing, so deleting it is enough."""
        try:
            return zlib.crc32(self.snapshot.read_bytes())
        except FileNotFoundError:
            return None

    def _journal(self) -> dict[str, Any]:
        lines = self.journal.read_bytes().split(b"\n")
        if _read_line(lines[0]) != {"base": self._base()}:
            return {}
        entries: dict[str, Any] = {}
        for number, line in enumerate(lines[1:], 2):
            entry = _read_line(line)
            if entry is None and line:
                self.notes.append(f"{self.journal}:{number} is torn; what follows it counts as never finished")
                break
            if entry is not None and "node_id" in entry:
                entries[entry.pop("node_id")] = entry
        return entries


def _line(text: bytes) -> bytes:
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _read_line(line: bytes) -> dict[str, Any] | None:
    crc, _, text = line.partition(b" ")
    try:
        entry = json.loads(text) if int(crc, 16) == zlib.crc32(text) else None
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _parses(path: Path) -> bool:
    try:
        return isinstance(json.loads(path.read_bytes()), dict)
    except (ValueError, RecursionError):
        return False


class SqliteState:
    """Entries in one table of a SQLite file: an entry a row, kept as JSON."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> dict[str, Any]:
        """All rows; ``{}`` where the file is not there, which it is not after this either."""
        if not self.path.exists():
            return {}
        with self._open() as connection:
            return {node_id: json.loads(text) for node_id, text in connection.execute("SELECT node_id, entry FROM state")}

    def save(self, state: dict[str, Any]) -> None:
        """Replace all rows in one transaction."""
        with self._open() as connection:
            connection.execute("DELETE FROM state")
            connection.executemany("INSERT INTO state VALUES (?, ?)", [(i, json.dumps(e)) for i, e in state.items()])

    def append(self, node_id: str, entry: dict[str, Any]) -> None:
        """Replace one row."""
        with self._open() as connection:
            connection.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (node_id, json.dumps(entry)))

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with io_errors("write", self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with contextlib.closing(sqlite3.connect(self.path)) as connection, connection:
                connection.execute("CREATE TABLE IF NOT EXISTS state (node_id TEXT PRIMARY KEY, entry TEXT NOT NULL)")
                yield connection
        except sqlite3.Error as error:
            raise StateError(
                f"cannot use the state in {self.path}", why=str(error), remedy="mend or remove the file, then run again"
            ) from error


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
    try:
        with io_errors("lock", directory):
            lock.acquire()
    except Timeout as error:
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
