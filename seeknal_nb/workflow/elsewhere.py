"""Jobs in other processes: handed to an executor that pickles, told by a file that goes that nobody waits any more."""

from __future__ import annotations

import contextlib
from concurrent.futures import BrokenExecutor
from typing import TYPE_CHECKING

from seeknal_nb.errors import NodeError, SeeknalError, text_of
from seeknal_nb.storage.files import io_errors
from seeknal_nb.storage.outputs import running
from seeknal_nb.workflow.job import run_job, sent

if TYPE_CHECKING:
    from concurrent.futures import Executor
    from pathlib import Path

    from seeknal_nb.workflow.job import Job, Outcome

__all__ = ["Elsewhere"]


class Elsewhere:
    """An executor as a run uses it; any thread may ask it for a job's outcome, and waits for that.

    Args:
        executor: Whose work is done in other processes.
        outputs: The folder of all builds.
        run: Which run it is.

    Raises:
        StateError: The folder cannot be written.
    """

    def __init__(self, executor: Executor, outputs: Path, run: str) -> None:
        self._executor, self._file = executor, running(outputs, run)
        with io_errors("write", self._file):
            outputs.mkdir(parents=True, exist_ok=True)
            self._file.touch()

    def outcome(self, job: Job) -> Outcome:
        """What came of the job.

        Raises:
            NodeError: It cannot be sent, or its process is gone.
        """
        try:
            return self._executor.submit(run_job, sent(job)).result()
        except SeeknalError:
            raise
        except BrokenExecutor as error:
            raise NodeError(
                "its worker process ended", why=text_of(error),
                remedy="see what ends it (memory, a script without if __name__ == '__main__':), then take a new executor",
            ) from error  # fmt: skip
        except Exception as error:
            name = type(self._executor).__name__
            raise NodeError(
                f"the executor {name} could not do its work", why=f"{type(error).__name__}: {text_of(error)}",
                remedy="take an executor that is open, and whose processes have the same packages",
            ) from error  # fmt: skip

    def stop(self) -> None:
        """Nobody waits any more: nothing more begins, and SQL is interrupted."""
        with contextlib.suppress(OSError):  # the next run takes it away
            self._file.unlink(missing_ok=True)
