"""Workers of a Dask cluster. The run owns the graph: only what is ready is sent, and a result is let go when it is here.

Facts that shaped this: futures that are held are computed again when their worker dies; ``Future.result(timeout=)`` polled
from threads fails now and then, callbacks do not; the scheduler gives the work of a dead worker elsewhere by itself; it
waits for ever for workers, where there are none; and one that has stopped never answers.
"""

from __future__ import annotations

import contextlib
import math
import sys
import threading
import time
import uuid
from concurrent.futures import CancelledError, Future
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from seeknal_nb.engines import Interrupted
from seeknal_nb.errors import NodeError, SeeknalError, UsageError, text_of
from seeknal_nb.storage.files import io_errors
from seeknal_nb.storage.stages import running
from seeknal_nb.version import __version__
from seeknal_nb.workflow.executors import where
from seeknal_nb.workflow.job import run_job, timed_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from seeknal_nb.engines import EngineSpec
    from seeknal_nb.workflow.job import Job
    from seeknal_nb.workflow.outcome import Outcome
    from seeknal_nb.workflow.places import Limits
    from seeknal_nb.workflow.slots import Offers

__all__ = ["Dask"]

STEP = 0.1
"""Seconds between two looks at whether a job is still wanted."""
GRACE = 0.5
"""Seconds that SQL gets to hear that nobody waits for it any more; a Python body comes to its end there, unheard."""
AWAY = 10.0
"""Seconds after which a cluster without its scheduler, or without workers, is given up."""
LOOPBACK = ("127.", "localhost", "[::1]", "::1")
_MOST = 80
"""Percent of a worker's memory that its engines take."""


class Dask:
    """See ``Place``.

    Args:
        address: ``dask://host:port`` or ``tls://host:port``, or a ``distributed.Client``, which stays its owner's.
    """

    name = "dask"
    local, timed = False, True

    def __init__(self, address: Any) -> None:
        self._given = None if isinstance(address, str) else address
        self._address = _address(address) if isinstance(address, str) else _address_of(address)
        self._connected: Any = self._given
        self._lock, self._closed = threading.Lock(), threading.Event()
        self._workers: Mapping[str, Mapping[str, Any]] = {}
        self._answered = 0.0

    def _client(self) -> Any:
        """Connected; anew where it was closed, as it is some time after its scheduler has gone."""
        with self._lock:
            gone = self._connected is not None and self._connected.status in ("closed", "closing")
            if self._connected is None or (gone and self._given is None):
                self._connected = _connected(self._address)
                self._workers = {}
            if not self._workers:
                self._look(self._connected)
                self._closed.set()  # whoever watched another one
                self._closed = threading.Event()
                watched = (self._connected, self._closed)
                threading.Thread(target=self._watch, args=watched, name="seeknal-dask", daemon=True).start()
            return self._connected

    def _look(self, client: Any) -> None:
        """Ask the scheduler for its workers; one that has stopped never answers."""
        found = dict(_answered(lambda: client.scheduler_info(n_workers=-1)["workers"], AWAY))
        self._workers = found
        if found:
            self._answered = time.monotonic()

    def _watch(self, client: Any, over: threading.Event) -> None:
        """Look again and again, so that who waits for a job need not."""
        while not over.wait(AWAY / 5):
            with contextlib.suppress(Exception):  # whatever it says while it goes: it is not there
                if client.status == "running":
                    self._look(client)

    def offers(self, own: Offers) -> Offers:
        """See ``Place.offers``: the threads of all workers, and their memory, where each of them says that."""
        threads = sum(int(one["nthreads"]) for one in self._workers.values())
        limits = [int(one.get("memory_limit") or 0) for one in self._workers.values()]
        memory = sum(limits) if all(limits) else 0
        workers = own.workers if own.told else max(threads, 1)
        return replace(own, workers=workers, memory=own.memory if own.limited else memory)

    def check(self, outputs: Path) -> tuple[str, ...]:
        """See ``Place.check``: each worker has this Python, this program, and the folder of the builds."""
        token = outputs / f".seen-{uuid.uuid4().hex}"
        with io_errors("write", token):
            outputs.mkdir(parents=True, exist_ok=True)
            token.touch()
        try:
            client = self._client()
            found = _answered(lambda: client.run(_facts, token, on_error="return"), 3 * AWAY)
        except SeeknalError:
            raise
        except Exception as error:
            raise _unreachable(self._address, error) from error
        finally:
            token.unlink(missing_ok=True)
        if not found:
            raise UsageError(f"no workers at {self._address}", remedy=f"start some: dask worker {self._address}")
        for worker, told in found.items():
            _check(worker, told, outputs)
        host = self._address.partition("://")[2]
        open_wire = self._address.startswith("tcp") and not host.startswith(LOOPBACK)
        return ("what goes to the Dask cluster is read by whoever listens: use tls://",) if open_wire else ()

    def perform(self, job: Job, limits: Limits) -> Outcome:
        """See ``Place.perform``."""
        begun = running(job.outputs, f"{job.run}-{uuid.uuid4().hex}") if limits.seconds else None
        with self._sent(replace(job, engine=self._share(job.engine, limits)), begun) as done:
            until, unwanted, sent = math.inf, 0.0, time.monotonic()
            while not _ended(done):
                now = time.monotonic()
                if begun is not None and until == math.inf and begun.exists():
                    until = now + limits.seconds + GRACE
                if now > until:
                    raise timed_out(limits.seconds)
                if not limits.wanted():
                    unwanted = unwanted or now
                    if now - unwanted > GRACE:
                        raise Interrupted
                if now - max(self._answered, sent) > AWAY:
                    raise NodeError(f"no worker is left at {self._address}", remedy="start workers, then run again")
            return self._result(done)

    @contextlib.contextmanager
    def _sent(self, job: Job, begun: Path | None) -> Iterator[Future[Any]]:
        """What will come of the work; it is let go behind the block, done or not."""
        done: Future[Any] = Future()
        client = self._connected
        if client is None or client.status != "running":
            raise self._gone("closed" if client is None else client.status)
        try:
            future = client.submit(_run, job, begun, pure=False, key=f"seeknal-{job.node.id}-{uuid.uuid4().hex}")
        except Exception as error:
            remedy = "see whether it is there"
            raise NodeError("it cannot be sent to the Dask cluster", why=_told(error), remedy=remedy) from error
        future.add_done_callback(partial(_tell, done))
        try:
            yield done
        finally:
            with contextlib.suppress(Exception):  # the cluster is gone
                if done.done():
                    future.release()
                else:
                    future.cancel()
            if begun is not None:
                begun.unlink(missing_ok=True)

    def _result(self, done: Future[Any]) -> Outcome:
        from distributed.scheduler import KilledWorker  # noqa: PLC0415 - half a second, and it is imported by now

        try:
            outcome: Outcome = done.result()
        except KilledWorker as error:
            why, remedy = _told(error), "see what ends them: memory, a crash in a library, os._exit"
            raise NodeError("its Dask workers died", why=why, remedy=remedy) from error
        except CancelledError as error:
            raise self._gone(_told(error)) from error
        except Exception as error:
            why, remedy = _told(error), "see that all workers have the packages of this process"
            raise NodeError("a Dask worker could not do it", why=why, remedy=remedy) from error
        return outcome

    def _gone(self, why: str) -> NodeError:
        remedy = "see whether its scheduler runs, then run again; what was finished is kept"
        return NodeError(f"the Dask cluster at {self._address} is gone", why=why, remedy=remedy)

    def _share(self, engine: EngineSpec, limits: Limits) -> EngineSpec:
        """What a job's engine may take: as the node says, else where each worker's thread has least."""
        shares = [one["memory_limit"] // one["nthreads"] for one in self._workers.values() if one.get("memory_limit")]
        memory = limits.memory or (min(shares) * _MOST // 100 if shares else 0)
        return replace(engine, memory=f"{memory // 2**20}MiB" if memory else "", threads=1)

    def close(self) -> None:
        """See ``Place.close``; the cluster is others'."""
        with self._lock:
            self._closed.set()
            client, self._connected = self._connected, self._given
        if client is not None and self._given is None:
            client.close()


T = TypeVar("T")


def _answered(ask: Callable[[], T], seconds: float) -> T:
    """What it gives; raises ``TimeoutError`` where nobody answers."""
    found: Future[T] = Future()

    def work() -> None:
        try:
            found.set_result(ask())
        except BaseException as error:  # noqa: BLE001 - who waits is told
            found.set_exception(error)

    threading.Thread(target=work, name="seeknal-asks-dask", daemon=True).start()
    return found.result(seconds)


def _ended(done: Future[Any]) -> bool:
    try:
        done.exception(STEP)
    except TimeoutError:
        return False
    except CancelledError:
        return True
    return True


def _tell(done: Future[Any], future: Any) -> None:
    """Give on what came of it; in a thread of Dask's."""
    try:
        done.set_result(future.result())
    except BaseException as error:  # noqa: BLE001 - who waits is told
        done.set_exception(error)


def _address(text: str) -> str:
    scheme, _, rest = text.partition("://")
    host, _, port = rest.rpartition(":")
    if not host or not port.isdecimal():
        raise UsageError(
            f"executor {text!r} is no address", remedy=f"write {scheme}://host:port, as in {scheme}://127.0.0.1:8786"
        )
    return f"tls://{rest}" if scheme == "tls" else f"tcp://{rest}"


def _address_of(client: Any) -> str:
    address = getattr(client.scheduler, "address", "")
    if not address:
        raise UsageError("the Dask client is closed", remedy="give one that is open")
    return str(address)


def _connected(address: str) -> Any:
    try:
        from distributed import Client  # noqa: PLC0415 - half a second, and only who has a cluster needs it
    except ImportError as error:
        why, remedy = str(error), "pip install 'seeknal_nb[dask]'"
        raise UsageError("a Dask cluster needs the package distributed", why=why, remedy=remedy) from error
    try:
        return Client(address, timeout=AWAY, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise _unreachable(address, error) from error


def _unreachable(address: str, error: BaseException) -> UsageError:
    remedy = "start one: dask scheduler, or correct the address"
    return UsageError(f"no Dask scheduler at {address}", why=_told(error), remedy=remedy)


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {text_of(error)}"


def _run(job: Job, begun: Path | None) -> Outcome:
    """Do a job, in a worker; the file says that its time counts."""
    if begun is not None:
        with contextlib.suppress(OSError):
            begun.touch()
    return run_job(job)


def _facts(token: Path) -> tuple[tuple[int, int], str, bool, str]:
    """What a worker is: its Python, its version of this program, whether it sees a file, and which process."""
    return sys.version_info[:2], __version__, token.exists(), where()


def _check(worker: str, told: Any, outputs: Path) -> None:
    if isinstance(told, BaseException):
        remedy = "install seeknal_nb of this version there, with the same packages"
        raise UsageError(f"the Dask worker {worker} does no work", why=_told(told), remedy=remedy)
    python, version, sees, process = told
    here = sys.version_info[:2]
    if (python, version) != (here, __version__):
        why = f"it has Python {python[0]}.{python[1]} and seeknal_nb {version}, not {here[0]}.{here[1]} and {__version__}"
        raise UsageError(f"the Dask worker {worker} has other versions", why=why, remedy="install the same ones there")
    if process == where():
        remedy = "start workers that are processes, or leave executor out"
        raise UsageError(f"the Dask worker {worker} is a thread of this process", remedy=remedy)
    if not sees:
        remedy = "put the project where all workers have it under the same path"
        raise UsageError(f"the Dask worker {worker} does not see {outputs}", remedy=remedy)
