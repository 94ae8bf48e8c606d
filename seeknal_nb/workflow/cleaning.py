"""Remove builds that no node needs, never while a run goes on."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from seeknal_nb.errors import StateError
from seeknal_nb.storage.garbage import remove
from seeknal_nb.workflow.lock import run_lock, who

if TYPE_CHECKING:
    from collections.abc import Collection

    from seeknal_nb.storage.garbage import Garbage
    from seeknal_nb.workflow.retention import Retention
    from seeknal_nb.workflow.runner import DAGRunner

__all__ = ["clean", "clean_up"]


def clean(
    runner: DAGRunner, stay: Retention, *, others: bool = False, left_out: Collection[str] = (), dry_run: bool = False
) -> list[Garbage]:
    """Remove what ``DAGRunner.garbage`` gives, or only list it; raises ``LockedError`` where a run goes on."""
    if dry_run:
        return runner.garbage(stay, others=others, left_out=left_out)
    with run_lock(runner.state_dir, who("clean", runner.root)):
        found = runner.garbage(stay, others=others, left_out=left_out)
        remove(runner.outputs, found)
    return found


def clean_up(runner: DAGRunner, stay: Retention) -> None:
    """Remove, behind a run, former builds of the nodes that there are; those of others may only not be defined yet.

    Where the next run has begun already, or the disk refuses, that one does it, or tells.
    """
    with contextlib.suppress(StateError), run_lock(runner.state_dir, who("clean", runner.root)):
        remove(runner.outputs, [one for one in runner.garbage(stay) if one.node_id in runner.manifest.nodes])
