"""Which stores of state there are, by the scheme of a URL; that in memory, and the spec's own shape of one.

Those in a folder and in a database have modules of their own.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from seeknal_nb.errors import UsageError, near
from seeknal_nb.plugins import find
from seeknal_nb.workflow.lock import fenced, held
from seeknal_nb.workflow.state import StateBackend, StateStore

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = [
    "STORES",
    "MemoryState",
    "WholeState",
    "as_store",
    "folders",
    "leads_away",
    "open_store",
    "options_of",
    "path_of",
]

STORES: Mapping[str, str] = {
    "json": "seeknal_nb.workflow.jsonstate:json_store",
    "memory": "seeknal_nb.workflow.stores:memory_store",
    "postgresql": "seeknal_nb.workflow.pgstate:postgres_store",
    "sqlite": "seeknal_nb.workflow.litestate:sqlite_store",
}
"""``module:function(url, root, project)`` by scheme; ``project`` is empty where nobody has given the pipeline a name."""
FORM = "scheme:///path, as in sqlite:///shared/state.db (below the project) or sqlite:////srv/state.db"


def open_store(url: str, *, root: Path, project: str) -> StateStore:
    """The store that a URL names; relative paths start at ``root``, and ``project`` is the pipeline's own name, if any.

    Raises:
        UsageError: It is no URL of a store.
        PluginError: Nothing has that scheme, or it does not import.
    """
    scheme, colon, _ = url.partition("://")
    if not colon:
        raise UsageError(f"state {url!r} is no URL", remedy=f"write {FORM}")
    store: StateStore = find("stores", scheme, STORES)(url, root.resolve(), project)
    return store


def as_store(state: StateStore | StateBackend) -> StateStore:
    """The store itself, or the spec's backend as one; raises ``UsageError`` for what is neither."""
    if isinstance(state, StateStore):
        return state
    if not isinstance(state, StateBackend):
        why = "it has no load() with acquire(owner), or with save(state)"
        raise UsageError(f"{state!r:.100} is no store of state", why=why, remedy=f"give an object that has, or {FORM}")
    return WholeState(state)


def folders(root: Path, state_dir: Path | str | None) -> tuple[Path, Path]:
    """Where state lies, and where the rest of what runs leave."""
    state = Path(state_dir).absolute() if state_dir is not None else root / "target" / "state"
    return state, state.parent if state.name == "state" else state


def leads_away(root: Path, target: Path) -> list[str]:
    """A warning where the project's ``target`` is a link out of it: what runs leave lies there, and may be another's."""
    if target.parent != root or Path(os.path.realpath(target)).is_relative_to(os.path.realpath(root)):
        return []
    return [f"{target.name}/ is a link out of the project: all that runs leave lies in {os.path.realpath(target)}"]


def path_of(url: str, root: Path) -> Path:
    """The path in ``scheme:///path?options``; one that is relative starts at ``root``.

    Raises:
        UsageError: There is none, or a host, or something that only a shell replaces.
    """
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("?")[0].partition("/")
    path = unquote(path)
    if host or not path.strip("/"):
        raise UsageError(f"state {url!r} has no path, or a host", remedy=f"write {FORM.replace('sqlite', scheme)}")
    if path.startswith("~") or "$" in path:
        raise UsageError(
            f"state {url!r} holds ~ or $", why="nothing replaces them here", remedy="write the whole path itself"
        )
    return root / path


def options_of(url: str, *known: str) -> dict[str, str]:
    """What stands behind the ``?`` of a URL.

    Raises:
        UsageError: It is none of the ``known`` options.
    """
    options = dict(parse_qsl(url.partition("?")[2], keep_blank_values=True))
    for name in options.keys() - set(known):
        raise UsageError(f"unknown option {name!r} in state {url!r}", remedy=near(name, known, what="option"))
    return options


def memory_store(url: str, _root: Path, _project: str) -> MemoryState:
    """The store of ``memory://``."""
    options_of(url)
    if url != "memory://":
        raise UsageError(f"state {url!r} has a path, or a host", remedy="write memory://")
    return MemoryState()


class MemoryState:
    """Entries that live as long as the process."""

    def __init__(self) -> None:
        self._entries: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._lease: MemoryLease | None = None
        self._leases = 0

    def load(self) -> dict[str, Any]:
        """A copy of the entries."""
        return dict(self._entries)

    def acquire(self, owner: str) -> MemoryLease:
        """See ``StateStore.acquire``."""
        with self._lock:
            if self._lease is not None:
                raise held("this store in memory", self._lease.owner)
            self._leases += 1
            self._lease = MemoryLease(self, self._entries, self._leases, owner)
            return self._lease

    def holds(self, lease: MemoryLease) -> bool:
        """Whether this is the lease now."""
        return self._lease is lease

    def let_go(self, lease: MemoryLease) -> None:
        """Forget the lease, where it still is the one."""
        with self._lock:
            if self._lease is lease:
                self._lease = None


class MemoryLease:
    """See ``Lease``."""

    left: str | None = None

    def __init__(self, store: MemoryState, entries: dict[str, Any], token: int, owner: str) -> None:
        self._store, self._entries, self.token, self.owner = store, entries, token, owner

    def put(self, node_id: str, entry: dict[str, Any]) -> None:
        """See ``Lease.put``; here it lives as long as the process."""
        self.renew()
        self._entries[node_id] = entry

    def forget(self, node_ids: Collection[str]) -> None:
        """See ``Lease.forget``."""
        self.renew()
        for node_id in node_ids:
            self._entries.pop(node_id, None)

    def renew(self) -> None:
        """See ``Lease.renew``."""
        if not self._store.holds(self):
            raise fenced("its store in memory", None)

    def sync(self) -> None:
        """There is no disk."""

    def release(self) -> None:
        """See ``Lease.release``."""
        self._store.let_go(self)


class WholeState:
    """The spec's backend, which is saved whole, as a store: what it holds of other nodes when it is saved stays.

    It excludes nobody: the lock of the state folder, which every run has, is all that keeps two runs apart. So it is not
    for sharing between folders.
    """

    def __init__(self, backend: StateBackend) -> None:
        self.backend = backend

    def load(self) -> Any:
        """What the backend gives."""
        return self.backend.load()

    def acquire(self, owner: str) -> WholeLease:  # noqa: ARG002 - the protocol's signature
        """Always given."""
        return WholeLease(self.backend)


class WholeLease:
    """See ``Lease``; what is put is kept by ``sync``."""

    token = 1
    left: str | None = None

    def __init__(self, backend: StateBackend) -> None:
        self._backend = backend
        self._put: dict[str, Any] = {}
        self._forgotten: set[str] = set()
        self._changed = False

    def put(self, node_id: str, entry: dict[str, Any]) -> None:
        """Remember it until ``sync``."""
        self._put[node_id] = entry
        self._changed = True

    def forget(self, node_ids: Collection[str]) -> None:
        """Likewise."""
        for node_id in node_ids:
            self._put.pop(node_id, None)
        self._forgotten.update(node_ids)
        self._changed = True

    def renew(self) -> None:
        """Nobody can have taken it."""

    def sync(self) -> None:
        """Save what the backend holds now with what was put here on top."""
        if self._changed:
            found = self._backend.load()
            others = {i: e for i, e in found.items() if i not in self._forgotten} if isinstance(found, dict) else {}
            self._backend.save({**others, **self._put})
            self._changed = False

    def release(self) -> None:
        """There is nothing to let go."""
