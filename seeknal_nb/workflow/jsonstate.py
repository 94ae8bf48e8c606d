"""State in a folder: the spec's ``execution_state.json``, and a journal of what finished since it was written."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import threading
import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from seeknal_nb.storage.files import Signature, content, io_errors, signature, write_atomic
from seeknal_nb.workflow.lock import FolderLock, fenced
from seeknal_nb.workflow.stores import options_of, path_of

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

__all__ = ["JsonState", "is_alone", "json_store"]

SNAPSHOT = "execution_state.json"
JOURNAL = "journal.jsonl"
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_encode_read = json.JSONEncoder(separators=(",", ":")).encode
"""What somebody else has written need not be JSON to the letter."""
Stamp = tuple[Signature | None, Signature | None]


def json_store(url: str, root: Path, _project: str) -> JsonState:
    """The store of ``json:///folder``."""
    options_of(url)
    return JsonState(path_of(url, root))


def is_alone(store: object, folder: Path) -> bool:
    """Whether a store is that of the state folder itself, so that no other folder's runs write its entries."""
    return isinstance(store, JsonState) and store.directory == folder


class JsonState:
    """A snapshot with a journal on top; who writes them holds a lock of their folder.

    One line of the journal is ``<crc32> {"node_id": ..., ...}`` or ``<crc32> {"forget": [...]}``; a torn last line is
    ignored, a broken one in the middle ends what is read. A snapshot that cannot be read is moved aside, never deleted.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.snapshot = directory / SNAPSHOT
        self.journal = directory / JOURNAL
        self.notes: list[str] = []
        self.corrupt = False
        self._reading = threading.Lock()  # who looks while a run goes on reads it, too
        self._read: tuple[Stamp | None, dict[str, Any]] = None, {}
        self.texts: dict[str, str] | None = None
        """The entries as JSON by node id, as far as somebody who wrote them has left them here."""

    def load(self) -> dict[str, Any]:
        """The snapshot with the journal's entries on top, read again where somebody has written; changes no file."""
        with self._reading:
            if self._read[0] != (stamp := self.stamp()):
                self.notes, self.corrupt, self.texts = [], False, None
                entries = self._snapshot() if stamp[0] else {}
                if stamp[1]:
                    self._replay(entries)
                self._read = stamp, entries
            return dict(self._read[1])

    def acquire(self, owner: str) -> JsonLease:
        """Lock the folder; see ``StateStore.acquire``."""
        return JsonLease(self, FolderLock(self.directory, "store", owner))

    def stamp(self) -> Stamp:
        """Equal as long as nobody has written."""
        return signature(self.snapshot), signature(self.journal)

    def wrote(self, entries: dict[str, Any], texts: dict[str, str]) -> None:
        """Take over what its lease has just written, instead of reading it again."""
        with self._reading:
            self._read, self.texts, self.notes = (self.stamp(), entries), texts, []

    def base(self) -> int | None:
        """Which snapshot the journal continues: without that one it counts for nothing, so deleting it is enough."""
        found = _content(self.snapshot)
        return None if found is None else zlib.crc32(found)

    def _snapshot(self) -> dict[str, Any]:
        found = _content(self.snapshot)
        if found is None:
            return {}
        try:
            entries = json.loads(found)
        except (ValueError, RecursionError):
            note = "is corrupt; it is moved aside at the next run, and its nodes are built again"
        else:
            note = "does not hold an object; all nodes count as never built"
            if isinstance(entries, dict):
                return entries
        self.corrupt = True
        self.notes.append(f"{self.snapshot} {note}")
        return {}

    def _replay(self, entries: dict[str, Any]) -> None:
        """Bring the journal into the entries of the snapshot."""
        lines = (_content(self.journal) or b"").split(b"\n")
        if _read_line(lines[0]) != {"base": self.base()}:
            return
        for number, line in enumerate(lines[1:], 2):
            record = _read_line(line)
            if record is None and line:
                self.notes.append(f"{self.journal}:{number} is torn; what follows it counts as never finished")
                break
            _apply(record or {}, entries)


class JsonLease:
    """See ``Lease``. What is put goes to the journal with one write; ``sync`` brings all of it into the snapshot."""

    def __init__(self, store: JsonState, lock: FolderLock) -> None:
        self.token, self.left = lock.token, lock.left
        self._store, self._lock = store, lock
        self._entries: dict[str, Any] = {}
        self._texts: dict[str, str] = {}
        self._handle: int | None = None
        self._changed = self._released = False

    def put(self, node_id: str, entry: dict[str, Any]) -> None:
        """See ``Lease.put``."""
        text = _encode(entry)
        self._write(f'{{"node_id":{_encode(node_id)}{"," if entry else ""}{text[1:]}')
        self._entries[node_id], self._texts[node_id] = entry, text

    def forget(self, node_ids: Collection[str]) -> None:
        """See ``Lease.forget``."""
        self._write(_encode({"forget": list(node_ids)}))
        for node_id in node_ids:
            self._entries.pop(node_id, None)
            self._texts.pop(node_id, None)

    def renew(self) -> None:
        """The operating system holds the lock as long as this process lives, and its file is there."""
        if self._released:
            raise fenced(str(self._store.directory), None)
        with io_errors("lock", self._store.directory):
            self._lock.renew()

    def sync(self) -> None:
        """Write the snapshot, atomically; the journal begins anew."""
        if not self._changed:
            return
        entries = ",\n".join([f"{_encode(node_id)}:{text}" for node_id, text in self._texts.items()])
        write_atomic(self._store.snapshot, f"{{{entries}}}\n".encode())
        self._close()
        with io_errors("remove", self._store.journal):
            self._store.journal.unlink(missing_ok=True)
        self._store.wrote(dict(self._entries), self._texts)
        self._changed = False

    def release(self) -> None:
        """See ``Lease.release``."""
        self._released = True
        self._close()
        self._lock.release()

    def _write(self, text: str) -> None:
        self.renew()
        with io_errors("write", self._store.journal):
            if self._handle is None:
                self._begin()
            self._append(text)
        self._changed = True

    def _begin(self) -> None:
        """Open a new journal.

        One that is there, whose last line may be torn, goes into the snapshot first: a killed run left it, or a write that
        failed. Where that fails, the next put begins here again.
        """
        self._entries = self._store.load()
        texts = self._store.texts
        self._texts = {i: _encode_read(entry) for i, entry in self._entries.items()} if texts is None else texts
        self._move_aside()
        self._changed = self._changed or self._store.journal.exists()
        self.sync()
        self._store.directory.mkdir(parents=True, exist_ok=True)
        self._handle = os.open(self._store.journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._append(_encode({"base": self._store.base()}))

    def _append(self, text: str) -> None:
        """Write one line; where not all of it was written, nothing is appended behind it."""
        line = _line(text.encode())
        with contextlib.ExitStack() as undo:
            undo.callback(self._close)
            if os.write(self._handle, line) < len(line):  # type: ignore[arg-type]
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            undo.pop_all()

    def _move_aside(self) -> None:
        """Keep a snapshot that cannot be read under another name."""
        if self._store.corrupt:
            name = f"{SNAPSHOT}.corrupt-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
            self._store.snapshot.rename(self._store.snapshot.with_name(name))
            self._store.corrupt = False

    def _close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _line(text: bytes) -> bytes:
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _content(path: Path) -> bytes | None:
    """What a file of ours holds; None where it is not there; raises ``StateError`` where it cannot be read."""
    with io_errors("read", path), contextlib.suppress(FileNotFoundError):
        return content(path)
    return None


def _read_line(line: bytes) -> dict[str, Any] | None:
    crc, _, text = line.partition(b" ")
    try:
        record = json.loads(text) if int(crc, 16) == zlib.crc32(text) else None
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _apply(record: dict[str, Any], entries: dict[str, Any]) -> None:
    for node_id in record.get("forget", ()):
        entries.pop(node_id, None)
    if "node_id" in record:
        entries[record.pop("node_id")] = record
