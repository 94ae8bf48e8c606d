"""Remove builds that no node needs, never while a run goes on."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from seeknal_nb.errors import LockedError
from seeknal_nb.workflow.lock import run_lock, who

if TYPE_CHECKING:
    from seeknal_nb.storage.outputs import Garbage
    from seeknal_nb.workflow.retention import Retention
    from seeknal_nb.workflow.runner import DAGRunner

__all__ = ["clean", "clean_up"]


def clean(runner: DAGRunner, stay: Retention, *, others: bool = False) -> list[Garbage]:
    """Remove what need not ``stay``, ``others``' builds too; raises ``LockedError`` where a run goes on."""
    with run_lock(runner.state_dir, who("clean", runner.root)):
        found = runner.garbage(stay, others=others)
        runner.outputs.remove(found)
    return found


def clean_up(runner: DAGRunner, stay: Retention) -> None:
    """The same behind a run, as a setting asks; where the next one has begun already, that does it."""
    with contextlib.suppress(LockedError):
        clean(runner, stay)
