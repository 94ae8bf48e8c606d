"""Builds that nobody needs any more: which, how much all of them hold, and their removal."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeknal_nb.storage.builds import DATA, FACTS, OF_SOME
from seeknal_nb.storage.files import io_errors, temporary_name
from seeknal_nb.storage.stages import STAGING, folders

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from seeknal_nb.storage.outputs import OutputStore

__all__ = ["Garbage", "garbage", "remove", "size"]


@dataclass(frozen=True, slots=True)
class Garbage:
    """A directory that no node needs: its path, its bytes, why it may go, and since when it is there (epoch)."""

    path: Path
    size: int
    why: str
    at: float

    @property
    def node_id(self) -> str:
        """Whose build it is, or was."""
        return f"{self.path.parent.parent.name}.{self.path.parent.name}"


def garbage(store: OutputStore, needed: Mapping[str, Collection[str]], *, keep: int = 0) -> list[Garbage]:
    """Builds that no node needs, oldest last, beyond the newest ``keep`` of each node.

    Args:
        store: Where they lie.
        needed: Keys by node id; a node that is not in it is gone from the pipeline.
        keep: How many others to keep a node.
    """
    found = []
    for directory in sorted(store.root.glob("[!.]*/*")) if store.root.is_dir() else ():
        node_id = f"{directory.parent.name}.{directory.name}"
        keys = needed.get(node_id)
        beyond = _beyond(store, directory, node_id, keys, keep) if keys is not None else folders(directory)
        why = "an earlier version" if keys is not None else "its node is gone"
        beyond.sort(key=lambda p: p.stat().st_mtime_ns, reverse=True)
        found += [Garbage(p, _size(p), why, p.stat().st_mtime) for p in beyond]
    return found


def _beyond(store: OutputStore, directory: Path, node_id: str, needed: Collection[str], keep: int) -> list[Path]:
    """The builds that are neither needed nor among the newest ``keep`` of the others, nor listed by one of these."""
    held = folders(directory)
    listing = any(not (path / DATA).exists() for path in held)
    records = {path.name: store.recorded(node_id, path.name) for path in held if listing or path.name not in needed}
    lists = {key: build for key, build in records.items() if build is not None and build.lists}
    parts = {key for key, build in records.items() if build is not None and build.by is not None and key not in lists}
    some = {key for key, build in records.items() if build is not None and OF_SOME in build.metadata}
    spare = [path for path in held if path.name not in needed and path.name not in parts | some]
    spare.sort(key=lambda p: p.stat().st_mtime_ns, reverse=True)
    stay = {*needed, *(path.name for path in spare[:keep])}
    stay |= {part.key for key, build in lists.items() if key in stay for part in build.parts}
    listed = {part.key for build in lists.values() for part in build.parts}
    newest = max((path.stat().st_mtime for path in held if path.name in stay and path.name in lists), default=0.0)
    stay |= {
        path.name for path in held if path.name in parts - listed and path.stat().st_mtime > newest
    }  # of a run that failed
    return [path for path in held if path.name not in stay]


def size(store: OutputStore) -> int:
    """The bytes of all builds, while others may write some; what two builds share counts once."""
    held: dict[tuple[int, int], int] = {}
    for folder, _, names in os.walk(store.root):
        for name in names:
            with contextlib.suppress(OSError):
                found = os.stat(f"{folder}{os.sep}{name}")  # noqa: PTH116 - a Path costs more than the call
                held[found.st_dev, found.st_ino] = found.st_size
    return sum(held.values())


def remove(store: OutputStore, found: Collection[Garbage]) -> None:
    """Delete directories that ``garbage`` listed, and parents that are empty then; raises ``StateError``."""
    for item in found:
        with io_errors("remove", item.path), contextlib.suppress(FileNotFoundError):
            gone = store.root / STAGING / temporary_name(item.path.name)
            gone.parent.mkdir(exist_ok=True)
            item.path.rename(gone)  # first: a build that is there is whole
            shutil.rmtree(gone, ignore_errors=True)
        with contextlib.suppress(OSError):
            if not folders(item.path.parent):
                (item.path.parent / FACTS).unlink(missing_ok=True)
            item.path.parent.rmdir()
            item.path.parent.parent.rmdir()
    store.proofs.forget((item.node_id, item.path.name) for item in found)


def _size(path: Path) -> int:
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file()) if path.is_dir() else path.stat().st_size
