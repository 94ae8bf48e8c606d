"""Remove builds that no node needs, never while a run goes on."""

from __future__ import annotations

import contextlib
import shutil
import time
from typing import TYPE_CHECKING

from seeknal_nb.errors import StateError, UsageError
from seeknal_nb.kinds.sources.addresses import DOWNLOADS
from seeknal_nb.storage.garbage import remove
from seeknal_nb.storage.shared import SharedStore
from seeknal_nb.storage.spare import remove_spare, spare
from seeknal_nb.storage.stages import folders
from seeknal_nb.workflow.ledger import leased
from seeknal_nb.workflow.lock import run_lock, who
from seeknal_nb.workflow.sqlstate import DatabaseState

if TYPE_CHECKING:
    from collections.abc import Collection

    from seeknal_nb.storage.garbage import Garbage
    from seeknal_nb.workflow.retention import Retention
    from seeknal_nb.workflow.runner import DAGRunner

__all__ = ["clean", "clean_shared", "clean_up"]

MONTH = 30 * 24 * 3600.0
"""Seconds that a shared build stays in any case, where nothing else is said."""


def clean(
    runner: DAGRunner, stay: Retention, *, others: bool = False, left_out: Collection[str] = (), dry_run: bool = False
) -> list[Garbage]:
    """Remove what ``DAGRunner.garbage`` gives, or only list it; raises ``LockedError`` where a run goes on.

    What was downloaded for sources that are gone goes, too.
    """
    if dry_run:
        return runner.garbage(stay, others=others, left_out=left_out)
    with run_lock(runner.state_dir, who("clean", runner.root)):
        found = runner.garbage(stay, others=others, left_out=left_out)
        remove(runner.outputs, found)
        for folder in folders(runner.target / DOWNLOADS):
            if folder.name not in {*runner.manifest.nodes, *left_out, *(() if others else runner.others())}:
                shutil.rmtree(folder, ignore_errors=True)
    return found


def clean_shared(runner: DAGRunner, stay: Retention, *, dry_run: bool = False) -> list[Garbage]:
    """Remove, from the store of shared builds, what no entry of a state that all share names, and is older.

    Args:
        runner: Of the project.
        stay: How old it must be; 30 days where that is not said.
        dry_run: Only list it.

    Raises:
        UsageError: There is no such store, or its state is this folder's own: nobody knows what others need.
        LockedError: A run goes on, wherever.
    """
    outputs, state = runner.outputs, runner.state
    if stay.keep or stay.most is not None:
        raise UsageError("clean --remote goes by age alone", remedy="clean --remote --older 30d")
    if not isinstance(outputs, SharedStore):
        raise UsageError(
            "there is no store of shared builds", remedy='write outputs = "s3://bucket/prefix" in pyproject.toml'
        )
    if not isinstance(state, DatabaseState):
        why = "the state of this folder does not tell what others need"
        raise UsageError("the state is not shared", why=why, remedy='write state = "postgresql://..." in pyproject.toml')
    owner = who("clean --remote", runner.root)
    with run_lock(runner.state_dir, owner), leased(state, owner):
        needed = {node_id: {one.built} for node_id, one in runner.states().items() if one.built}
        found = spare(outputs, needed, time.time() - (MONTH if stay.older is None else stay.older))
        if not dry_run:
            remove_spare(outputs, found)
    return found


def clean_up(runner: DAGRunner, stay: Retention) -> None:
    """Remove, behind a run, former builds of the nodes that there are; those of others may only not be defined yet.

    Where the next run has begun already, or the disk refuses, that one does it, or tells.
    """
    with contextlib.suppress(StateError), run_lock(runner.state_dir, who("clean", runner.root)):
        remove(runner.outputs, [one for one in runner.garbage(stay) if one.node_id in runner.manifest.nodes])
