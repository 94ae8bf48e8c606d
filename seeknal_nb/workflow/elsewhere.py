"""A run's jobs in other processes: sent as values, told by a file that goes that nobody waits any more."""

from __future__ import annotations

import contextlib
import os
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from seeknal_nb.engines import Interrupted
from seeknal_nb.errors import NodeError
from seeknal_nb.storage.files import io_errors
from seeknal_nb.storage.stages import running
from seeknal_nb.workflow.job import sent
from seeknal_nb.workflow.outcome import Failure, Outcome
from seeknal_nb.workflow.places import Limits, Lost

if TYPE_CHECKING:
    from pathlib import Path

    from seeknal_nb.kinds.needs import Needs
    from seeknal_nb.workflow.job import Job
    from seeknal_nb.workflow.places import Place

__all__ = ["Elsewhere"]

BEAT = 10.0
"""Seconds between two signs of life."""
LOST = 2
"""How often a job is done again because who did it is gone; that is no attempt of the node."""


class Elsewhere:
    """Places as a run uses them; any thread may ask for a job's outcome, and waits for that.

    Args:
        outputs: The folder of all builds.
        run: Which run it is.
        share: Bytes of memory that a job may take where the machine runs short.
        cancelled: Set when nobody waits for anything any more.
    """

    def __init__(self, outputs: Path, run: str, share: int, cancelled: threading.Event) -> None:
        self._file, self._share, self._cancelled = running(outputs, run), share, cancelled
        self._begun, self._over, self._lock = False, threading.Event(), threading.Lock()

    def outcome(self, place: Place, job: Job, needs: Needs) -> Outcome:
        """What came of the job; raises nothing of it but ``StateError``, where the folder cannot be written."""
        self._begin()
        try:
            return self._performed(place, job, needs)
        except Interrupted:
            return Outcome(interrupted=True)
        except Exception as error:  # noqa: BLE001 - it passed a limit, it cannot be sent, whatever a place says while it goes
            return Outcome(failure=Failure.of(error, job.node))

    def _performed(self, place: Place, job: Job, needs: Needs) -> Outcome:
        packed, lost = sent(job), list[str]()
        limits = Limits(self._wanted, needs.timeout, needs.memory, self._share)
        while True:
            if not self._wanted():
                raise Interrupted
            try:
                outcome = self._tried(place, packed, limits)
            except Lost as error:
                lost.append(str(error))
                if len(lost) > LOST:
                    raise NodeError(
                        f"its worker died {len(lost)} times", why=lost[-1],
                        remedy="see what ends it: memory, a crash in a library, os._exit",
                    ) from error  # fmt: skip
                continue
            return replace(outcome, metadata={**outcome.metadata, "lost": lost}) if lost else outcome

    def _tried(self, place: Place, job: Job, limits: Limits) -> Outcome:
        outcome = place.perform(job, limits)
        if outcome.interrupted and self._wanted():
            self._touch()
            raise Lost("it took the run for gone")
        return outcome

    def _wanted(self) -> bool:
        return not self._over.is_set() and not self._cancelled.is_set()

    def _begin(self) -> None:
        """Say that the run is there, before its first job is sent."""
        with self._lock:
            if not self._begun and not self._over.is_set():
                self._touch()
                self._begun = True
                threading.Thread(target=self._beat, name="seeknal-beat", daemon=True).start()

    def _touch(self) -> None:
        with io_errors("write", self._file):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.touch()

    def _beat(self) -> None:
        """Touch the file as long as the run is there: who works far away cannot see it die."""
        while not self._over.wait(BEAT):
            with contextlib.suppress(OSError):  # it is there again when the disk is
                os.utime(self._file)

    def stop(self) -> None:
        """Nobody waits any more: nothing more begins, SQL is interrupted, and who can ends a Python body."""
        self._over.set()
        with self._lock, contextlib.suppress(OSError):  # the next run takes it away
            if self._begun:
                self._file.unlink(missing_ok=True)
