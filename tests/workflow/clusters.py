"""A Dask cluster for tests: a scheduler and two workers with their nannies, each a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from waiting import eventually


class Cluster:
    """One that runs.

    Attributes:
        address: As ``executor=`` takes it.
    """

    def __init__(self, folder: Path, workers: int = 2) -> None:
        self._file, self._folder, self._workers, self._port = folder / "scheduler.json", folder, workers, "0"
        self.start()

    def start(self) -> None:
        """Where it was, if it was there before."""
        self._file.unlink(missing_ok=True)
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", self._port)
        eventually(self._file.exists)
        self.address = json.loads(eventually(self._file.read_text))["address"].replace("tcp://", "dask://")
        self._port = self.address.rpartition(":")[2]
        local = str(self._folder / "local")
        self.nannies = self._start("worker", "--nworkers", str(self._workers), "--nthreads", "1", "--local-directory", local)

    def _start(self, what: str, *words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "distributed.cli.dask_" + what, "--scheduler-file", str(self._file), "--no-dashboard", *words]
        with (self._folder / f"{what}.log").open("wb") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)

    def pids(self) -> list[int]:
        """Of the workers that are there."""
        from distributed import Client  # not everybody has it

        with Client(self.address.replace("dask://", "tcp://"), set_as_default=False) as client:
            return list(client.run(os.getpid).values())

    def close(self) -> None:
        for one in (self.nannies, self.scheduler):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(one.pid, signal.SIGKILL)
            one.wait()


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Started, with its two workers; the test is skipped where nobody has installed Dask, unless it must be there."""
    if os.environ.get("SEEKNAL_DASK") != "require":
        pytest.importorskip("distributed")
    made = Cluster(folder)
    try:
        eventually(lambda: len(made.pids()) == 2)
        yield made
    finally:
        made.close()
