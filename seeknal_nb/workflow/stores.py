"""Where the entries of state are kept: in memory, in the spec's JSON with a journal, in a SQLite file."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import StateError
from seeknal_nb.files import io_errors, write_atomic

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["JsonState", "MemoryState", "SqliteState"]

SNAPSHOT = "execution_state.json"
JOURNAL = "journal.jsonl"
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


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
        except (sqlite3.Error, json.JSONDecodeError) as error:
            raise StateError(
                f"cannot use the state in {self.path}", why=str(error), remedy="mend or remove the file, then run again"
            ) from error
