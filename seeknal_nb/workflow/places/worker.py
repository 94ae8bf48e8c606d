"""What a process of ``Processes`` does: one job after another, as they come through its pipe, until that is closed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pickle
import select
import signal
import sys
import threading
import time
from importlib import import_module
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import TYPE_CHECKING

from seeknal_nb.kinds import kind_of
from seeknal_nb.kinds.thread_output import printed_so_far
from seeknal_nb.workflow.job import run_job
from seeknal_nb.workflow.places import BEGUN

if TYPE_CHECKING:
    from collections.abc import Callable

    from seeknal_nb.workflow.job import Job

__all__ = ["main"]

STEP = 0.3
"""Seconds between two looks at what a body has printed."""
LONGEST = 20_000
"""Characters of it that are told while it runs, the last ones."""
EARLY = ("seeknal_nb.engines.duckdb", "pyarrow")
"""What a body may keep from being found later, by what it does to ``sys.path``."""
HIGH = 200
"""A number above those of files that a body closes because it takes them for its own."""


def main(number: int, life: int) -> None:
    """Do the jobs of the pipe with that number; they are the main thread's, and another one hears that the run is gone.

    Args:
        number: Of the pipe.
        life: Of another one, through which nothing ever comes: when it is closed, whatever is in this group ends.
    """
    _end_with(_out_of_the_way(life))
    pipe, jobs = Connection(_out_of_the_way(number)), SimpleQueue[bytes]()
    threading.Thread(target=_listen, args=(pipe, jobs), daemon=True).start()
    for name in EARLY:
        import_module(name)
    while (sent := pickle.loads(jobs.get())) is not None:  # noqa: S301 - the run's own process wrote it
        _do(sent, pipe)


def _out_of_the_way(number: int) -> int:
    """The same file under a number that no child of a body's is given."""
    moved = fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, HIGH)
    os.close(number)
    return moved


def _end_with(life: int) -> None:
    """Have the system end the group when that pipe is closed: also where a body holds the interpreter, or is stopped."""
    if hasattr(fcntl, "F_SETSIG"):
        fcntl.fcntl(life, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(life, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(life, fcntl.F_SETFL, fcntl.fcntl(life, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([life], [], [], 0)[0]:  # it was closed before
        os.killpg(0, signal.SIGKILL)


def _listen(pipe: Connection, jobs: SimpleQueue[bytes]) -> None:
    try:
        while True:
            jobs.put(pipe.recv_bytes())
    except (EOFError, OSError):  # nobody waits for it any more
        os.killpg(0, signal.SIGKILL)


def _do(sent: tuple[int, str, dict[str, str], list[str], Job], pipe: Connection) -> None:
    number, folder, environment, path, job = sent
    said, over = threading.Lock(), threading.Event()

    def say(answer: object) -> None:
        try:
            with said:
                pipe.send_bytes(pickle.dumps((number, answer)))
        except OSError:  # a body has closed it, or the run is gone
            os._exit(1)

    _stand_as_there(folder, environment, path)
    kind_of(job.node.node_type, {})  # which imports what it needs
    say(BEGUN)
    teller = threading.Thread(target=_tell, args=(job.node.id, say, over), daemon=True)
    teller.start()
    outcome = run_job(job)
    over.set()
    teller.join()
    say(outcome)


def _stand_as_there(folder: str, environment: dict[str, str], path: list[str]) -> None:
    """What of a process a body may see, as it is in the run's own."""
    with contextlib.suppress(OSError):  # it is gone, as it is there
        os.chdir(folder or os.curdir)
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    os.environ.update(environment)
    time.tzset()
    sys.path[:] = path


def _tell(node_id: str, say: Callable[[object], None], over: threading.Event) -> None:
    """Say what a body has printed, while it runs."""
    told = ""
    while not over.wait(STEP):
        text = printed_so_far(node_id)[-LONGEST:]
        if text != told:
            say(text)
            told = text
