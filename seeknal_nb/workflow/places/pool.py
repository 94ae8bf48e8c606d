"""Any ``concurrent.futures.Executor`` whose work is done in other processes, as a place; it belongs to who has made it."""

from __future__ import annotations

from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from typing import TYPE_CHECKING, cast

from seeknal_nb.errors import NodeError, SeeknalError, text_of
from seeknal_nb.plugins import loaded
from seeknal_nb.workflow.executors import checked
from seeknal_nb.workflow.job import run_job
from seeknal_nb.workflow.places import PLACES, Places, open_place

if TYPE_CHECKING:
    from concurrent.futures import Executor
    from pathlib import Path

    from seeknal_nb.workflow.job import Job
    from seeknal_nb.workflow.outcome import Outcome
    from seeknal_nb.workflow.places import Limits, Place
    from seeknal_nb.workflow.slots import Offers

__all__ = ["Pool", "places_of"]


def places_of(executor: Executor | Place | Places | str | None) -> Places:
    """What somebody gave as ``executor``, as places.

    Raises:
        UsageError: It is neither a place nor an executor, or one that forks.
    """
    if isinstance(executor, Places):
        return executor
    if isinstance(executor, str):
        return Places(open_place(executor))
    if type(executor).__module__.partition(".")[0] == "distributed" and hasattr(executor, "scheduler"):
        return Places(cast("Place", loaded("place", "dask", PLACES["dask"])(executor)), owned=False)
    if hasattr(executor, "perform") and not isinstance(executor, type):
        return Places(cast("Place", executor), owned=False)
    given = checked(executor)
    return Places(None if given is None or isinstance(given, ThreadPoolExecutor) else Pool(given), given)


class Pool:
    """See ``Place``; it ends no Python body, and by a process that ends the whole pool is broken."""

    local = timed = False

    def __init__(self, executor: Executor) -> None:
        self._executor, self.name = executor, type(executor).__name__

    def offers(self, own: Offers) -> Offers:
        """See ``Place.offers``; an executor does not say."""
        return own

    def check(self, outputs: Path) -> tuple[str, ...]:  # noqa: ARG002 - as a place has it
        """See ``Place.check``."""
        return ()

    def perform(self, job: Job, limits: Limits) -> Outcome:  # noqa: ARG002 - as a place has it
        """See ``Place.perform``."""
        try:
            return self._executor.submit(run_job, job).result()
        except SeeknalError:
            raise
        except BrokenExecutor as error:
            raise NodeError(
                "its worker process ended", why=text_of(error),
                remedy="see what ends it (memory, a script without if __name__ == '__main__':), then take a new executor",
            ) from error  # fmt: skip
        except Exception as error:
            raise NodeError(
                f"the executor {self.name} could not do its work", why=f"{type(error).__name__}: {text_of(error)}",
                remedy="take an executor that is open, and whose processes have the same packages",
            ) from error  # fmt: skip

    def close(self) -> None:
        """Nothing: who has made it closes it."""
