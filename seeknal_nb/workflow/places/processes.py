"""Fresh interpreters on this machine, one a job at a time: what ends one of them ends that one's job and no other.

Not ``ProcessPoolExecutor``: there one death breaks all jobs in flight, and a script is imported again by each process.
"""

from __future__ import annotations

import contextlib
import math
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import weakref
from dataclasses import replace
from multiprocessing import Pipe
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeknal_nb.engines import Interrupted
from seeknal_nb.errors import NodeError, UsageError
from seeknal_nb.kinds.thread_output import followed
from seeknal_nb.sizes import size_text
from seeknal_nb.workflow.job import timed_out
from seeknal_nb.workflow.outcome import Outcome
from seeknal_nb.workflow.places import BEGUN, Lost

if TYPE_CHECKING:
    from collections.abc import Callable

    from seeknal_nb.workflow.job import Job
    from seeknal_nb.workflow.places import Limits
    from seeknal_nb.workflow.slots import Offers

__all__ = ["Processes"]

STEP = 0.1
"""Seconds between two looks at a job that goes on."""
GRACE = 0.5
"""Seconds that a job gets to end by itself when nobody waits for it; SQL takes less, and a Python body never hears."""
SHORT = 0.05
"""The share of the machine's memory that is left when it runs short."""
LEAVING = 1.0
"""Seconds that a process gets to end as programs do, once there is no more work."""
_BOOT = (
    "import sys; sys.path[:] = sys.argv[3:]; from seeknal_nb.workflow.places.worker import main; "
    "main(*map(int, sys.argv[1:3]))"
)


class Processes:
    """See ``Place``. A process is started when there is none for a job, and kept for the next one."""

    name = "processes"
    local = timed = True

    def __init__(self, text: str = "processes") -> None:
        if text != self.name:
            raise UsageError(f"unknown executor {text!r}", remedy=f"write {self.name}; --workers N says how many")
        if os.name != "posix":
            raise UsageError("processes need a POSIX system", remedy="run there, or leave executor out")
        self._idle: list[_Process] = []
        self._all: set[_Process] = set()
        self._lock = threading.Lock()
        weakref.finalize(self, _end_all, self._all, os.getpid())

    def offers(self, own: Offers) -> Offers:
        """See ``Place.offers``."""
        return own if own.told else replace(own, workers=os.cpu_count() or 1)

    def check(self, outputs: Path) -> tuple[str, ...]:  # noqa: ARG002 - as a place has it
        """See ``Place.check``."""
        return ()

    def perform(self, job: Job, limits: Limits) -> Outcome:
        """See ``Place.perform``."""
        process = self._taken(limits.memory)
        try:
            outcome = process.perform(job, limits)
        except BaseException:
            self._all.discard(process)
            process.end()
            raise
        with self._lock:
            self._idle.append(process)
        return outcome

    def _taken(self, memory: int) -> _Process:
        """A process that waits for work, or a new one; none that holds much of what the next job may take already."""
        with self._lock:
            process = self._idle.pop() if self._idle else None
        if process is not None and process.sound and not (memory and process.held() > memory // 2):
            return process
        if process is not None:
            self._all.discard(process)
            process.end()
        process = _Process()
        self._all.add(process)
        return process

    def close(self) -> None:
        """See ``Place.close``."""
        with self._lock:
            idle, self._idle = self._idle, []
        for process in idle:
            self._all.discard(process)
        threads = [threading.Thread(target=process.leave) for process in idle]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        _end_all(self._all, os.getpid())


def _end_all(processes: set[_Process], pid: int) -> None:
    if os.getpid() != pid:  # a fork of the run's process
        return
    for process in [*processes]:
        process.end()
    processes.clear()


class _Process:
    """One interpreter, in a group of its own, so that Ctrl-C reaches the run alone; it ends when the run's process does."""

    def __init__(self) -> None:
        self._pipe, theirs = Pipe()
        life, held = os.pipe()
        self._life: int | None = held
        self._jobs, self._ending = 0, threading.Lock()
        self._sender: threading.Thread | None = None
        try:
            with theirs:
                numbers = (theirs.fileno(), life)
                command = [sys.executable, "-P", "-c", _BOOT, *map(str, numbers), *sys.path]
                self._child = subprocess.Popen(  # noqa: S603 - this very interpreter
                    command, stdin=subprocess.DEVNULL, stdout=2, pass_fds=numbers, start_new_session=True
                )
        except BaseException:
            os.close(held)
            raise
        finally:
            os.close(life)

    @property
    def sound(self) -> bool:
        """Whether it has not ended meanwhile."""
        return self._child.poll() is None

    def held(self) -> int:
        """Bytes of memory that it holds; 0 where nobody knows."""
        return _resident(self._child.pid)

    def perform(self, job: Job, limits: Limits) -> Outcome:
        """See ``Place.perform``."""
        self._jobs += 1
        data = pickle.dumps((self._jobs, _folder(), dict(os.environ), sys.path, job))
        self._sender = threading.Thread(target=self._send, args=(data,), name="seeknal-sends", daemon=True)
        self._sender.start()
        with followed(job.node.id, job.around.secrets.hide) as hear:
            return self._outcome(limits, hear, python=bool(job.node.config.get("python")))

    def _send(self, data: bytes) -> None:
        """In a thread of its own: one that has stopped takes nothing."""
        with contextlib.suppress(OSError):  # it has ended: who waits is told
            self._pipe.send_bytes(data)

    def _outcome(self, limits: Limits, hear: Callable[[str], object], *, python: bool) -> Outcome:
        """Wait for it; what is printed meanwhile is heard."""
        until, unwanted = math.inf, 0.0
        while not isinstance(answer := self._answer(), Outcome):
            now = time.monotonic()
            if answer is BEGUN and limits.seconds:
                until = now + limits.seconds + (0 if python else GRACE)
            elif isinstance(answer, str):
                hear(answer)
            if now > until:
                raise timed_out(limits.seconds)
            if python:
                self._check_memory(limits)
            if not limits.wanted():
                unwanted = unwanted or now
                if now - unwanted > GRACE:
                    raise Interrupted
        return answer

    def _answer(self) -> Outcome | str | bool | None:
        """What came of the job, that it has begun, or all that its body has printed; None where it says nothing now."""
        with self._or_lost():
            if not self._pipe.poll(STEP):
                if not self.sound and not self._pipe.poll(0):  # a child of its body's may hold the other end
                    raise EOFError
                return None
            number, answer = pickle.loads(self._pipe.recv_bytes())  # noqa: S301 - a process of our own wrote it
        if number != self._jobs:
            raise Lost("it answered for another job")
        found: Outcome | str | bool = answer
        return found

    @contextlib.contextmanager
    def _or_lost(self) -> Any:
        try:
            yield
        except (EOFError, OSError) as error:
            raise Lost(self._how()) from error

    def _how(self) -> str:
        """How it ended."""
        try:
            code = self._child.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return "it does not answer"
        if code >= 0:
            return f"it left with exit code {code}"
        with contextlib.suppress(ValueError):
            return f"it was ended by {signal.Signals(-code).name}"
        return f"it was ended by signal {-code}"

    def _check_memory(self, limits: Limits) -> None:
        if not limits.memory and not limits.share:
            return
        held = self.held()
        if limits.memory and held > limits.memory:
            why = f"its process held {size_text(held)}"
            raise NodeError(
                f"passed {size_text(limits.memory)} of memory", why=why, remedy="give it more: memory, or read less"
            )
        if limits.share and held > limits.share and _runs_short():
            why = f"its process held {size_text(held)}, more than its share of {size_text(limits.share)}"
            raise NodeError(
                "the machine ran short of memory", why=why, remedy="run fewer at a time: --workers, or read less"
            )

    def leave(self) -> None:
        """Let it end as programs do, soon; it has nothing to do."""
        self._send(pickle.dumps(None))
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(timeout=LEAVING)
        self.end()

    def end(self) -> None:
        """Let it end now, with all that its bodies have started; any thread may, and several."""
        with self._ending:
            life, self._life = self._life, None
            if life is None:
                return
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()
            if self._sender is not None:
                self._sender.join()
            self._pipe.close()
            os.close(life)


def _folder() -> str:
    try:
        return str(Path.cwd())
    except OSError:  # it is gone
        return ""


def _resident(pid: int) -> int:
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):  # another system, or it has ended
        return 0


def _runs_short() -> bool:
    """Whether the machine has hardly any memory left, as Linux tells."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        told = {name: int(value.split()[0]) for name, _, value in (line.partition(":") for line in lines)}
        return told["MemAvailable"] < SHORT * told["MemTotal"]
    except (OSError, ValueError, KeyError, IndexError):
        return False
