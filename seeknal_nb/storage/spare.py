"""Builds in a store that others use, too, which nobody needs any more: which, and their removal."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from seeknal_nb.storage.builds import RECORD
from seeknal_nb.storage.far import place_of, read_told
from seeknal_nb.storage.garbage import Garbage

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from seeknal_nb.storage.shared import SharedStore

__all__ = ["remove_spare", "spare"]


def spare(store: SharedStore, needed: Mapping[str, Collection[str]], since: float) -> list[Garbage]:
    """Builds there that are none of the ``needed``, nor listed by these, and are older; the oldest first.

    Args:
        store: The builds.
        needed: Keys by node id.
        since: Seconds since the epoch: what was written then or later stays.

    Raises:
        StateError: The store cannot be read.
    """
    keep = {place_of(node_id, key) for node_id, keys in needed.items() for key in keys}
    for node_id, key in [(node_id, key) for node_id, keys in needed.items() for key in keys]:
        data = store.remote.read(f"{place_of(node_id, key)}/{RECORD}")
        told = None if data is None else read_told(data, store.directory(node_id, key))
        keep |= {place_of(node_id, part.key) for part in told.build.parts} if told is not None else set()
    found: dict[str, tuple[float, int]] = {}
    for name, (written, size) in store.remote.held().items():
        at = "/".join(name.split("/")[:3])
        before = found.get(at, (0.0, 0))
        found[at] = max(before[0], written), before[1] + size
    why = "no entry of the state names it"
    gone = [Garbage(Path(at), size, why, when) for at, (when, size) in found.items() if at not in keep and when < since]
    return sorted(gone, key=lambda one: one.at)


def remove_spare(store: SharedStore, found: Collection[Garbage]) -> None:
    """Remove from the store what ``spare`` listed, the records first: a build whose record is there is whole."""
    for one in found:
        at = one.path.as_posix()
        store.remote.remove(f"{at}/{RECORD}")
        store.remote.remove(at)
        if (store.root / at / store.far).exists():
            shutil.rmtree(store.root / at, ignore_errors=True)
    store.forget_there(one.path.as_posix() for one in found)
