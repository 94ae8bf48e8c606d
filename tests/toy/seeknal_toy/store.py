"""A store of state that keeps every entry in a file of its own: ``toy:///folder``."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from seeknal_nb.storage.files import io_errors, write_atomic
from seeknal_nb.workflow.lock import FolderLock, fenced
from seeknal_nb.workflow.stores import path_of

__all__ = ["toy_store"]


class ToyState:
    """Entries by node, as ``<folder>/<node id>.json``; who may write them holds a lock of ``<folder>/lock``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self) -> dict[str, Any]:
        return {path.stem: json.loads(path.read_bytes()) for path in self.folder.glob("*.json")}

    def acquire(self, owner: str) -> "ToyLease":
        """The operating system frees the lock when its process dies; ``LockedError`` while that lives."""
        return ToyLease(self.folder, FolderLock(self.folder / "lock", "store", owner))


class ToyLease:
    """Nobody can take it away: it is lost when it is let go."""

    def __init__(self, folder: Path, lock: FolderLock) -> None:
        self.token, self.left = lock.token, lock.left
        self._folder, self._lock, self._released = folder, lock, False

    def put(self, node_id: str, entry: dict[str, Any]) -> None:
        """A reader sees the former entry or this one, also when this process is killed meanwhile."""
        self.renew()
        write_atomic(self._folder / f"{node_id}.json", json.dumps(entry).encode())

    def forget(self, node_ids: Collection[str]) -> None:
        self.renew()
        with io_errors("remove", self._folder):
            for node_id in node_ids:
                (self._folder / f"{node_id}.json").unlink(missing_ok=True)

    def renew(self) -> None:
        if self._released:
            raise fenced(str(self._folder), None)

    def sync(self) -> None:
        """What was put is on the disk already."""

    def release(self) -> None:
        self._released = True
        self._lock.release()


def toy_store(url: str, root: Path, project: str) -> ToyState:
    return ToyState(path_of(url, root) / (project or "unnamed"))
