"""A node's work as a value, and the one function that does it, in this process or in another; knows no run."""

from __future__ import annotations

import contextlib
import operator
import os
import threading
import time
import uuid
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.parameters import reaching
from seeknal_nb.durations import duration_text
from seeknal_nb.engines import Interrupted, OpenedLater
from seeknal_nb.errors import NodeError
from seeknal_nb.kinds import kind_of
from seeknal_nb.kinds.body import python_of
from seeknal_nb.kinds.promised import as_promised
from seeknal_nb.kinds.task import Task
from seeknal_nb.markup import json_value
from seeknal_nb.python.body import params_read
from seeknal_nb.python.capture import Captured
from seeknal_nb.storage.builds import DATA
from seeknal_nb.storage.files import refused
from seeknal_nb.storage.stages import SPILL, discard, files_in, new_stage, running
from seeknal_nb.version import host
from seeknal_nb.workflow.executors import where
from seeknal_nb.workflow.outcome import Failure, Outcome
from seeknal_nb.workflow.parcel import Parcel, packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.dag.partitions import Slice
    from seeknal_nb.engines import EngineSpec, OnFirstUse, Relation
    from seeknal_nb.kinds.task import Input, Kind, Seen, Surroundings
    from seeknal_nb.secrets import Secrets

__all__ = ["Job", "checked", "run_job", "sent", "timed_out"]

STEP = 0.2
"""Seconds between two looks at whether the run still wants the work."""
SILENT = 60.0
"""Seconds after which a run that does not touch its file any more is taken for dead."""
_OWN = threading.local()


@dataclass(frozen=True, slots=True)
class Job:
    """All that is needed to do a node's work; it pickles once ``sent`` has packed it.

    Attributes:
        node: What to do, with its parameters put in.
        key: Under which its build will lie.
        inputs: In the order of the edges.
        bound: What its SQL may read, by id, inputs first; views among the inputs read more than these.
        captured: What a Python body reads of the notebook.
        seen: What the node saw or delivered last.
        probe: The digest of what it saw when it was looked at for this run; None where it looks at nothing.
        around: Where; without the notebook's variables, and without credentials, where it is sent.
        outputs: The folder of all builds.
        engine: What another process opens for it.
        run: Of which run.
        slice: The partition that it is about; None for the whole node.
        alike: What jobs share whose statements have the same columns; empty where nobody knows.
        timeout: Seconds that it may take; 0 for as many as it takes.
    """

    node: Node
    key: str
    inputs: tuple[Input, ...]
    bound: Mapping[str, Relation]
    captured: Captured | Parcel
    seen: Seen
    around: Surroundings
    outputs: Path
    engine: EngineSpec
    run: str
    slice: Slice | None = None
    alike: str = ""
    timeout: float = 0.0
    probe: str | None = None


def run_job(
    job: Job,
    engine: OnFirstUse | None = None,
    *,
    kind: Kind | None = None,
    cancelled: threading.Event | None = None,
) -> Outcome:
    """Do the work, and raise nothing. Another process is given the job alone.

    Args:
        job: What to do.
        engine: The run's own, where it does the work itself.
        kind: Likewise; else it is found by the node's.
        cancelled: Likewise: set when nobody waits for it any more.
    """
    clock = time.monotonic()
    if engine is not None:
        outcome = _attempted(job, partial(_here, job, engine, kind, cancelled or threading.Event()))
    else:
        outcome = _told(_attempted(job, partial(_elsewhere, job)), job.around.secrets)
    return replace(outcome, where=where(), seconds=time.monotonic() - clock)


def _attempted(job: Job, work: Callable[[], Outcome]) -> Outcome:
    try:
        return work()
    except Interrupted:
        return Outcome(interrupted=True)
    except (KeyboardInterrupt, GeneratorExit) as error:
        return Outcome(failure=Failure.of(error, job.node), interrupted=True)
    except BaseException as error:  # noqa: BLE001 - whatever happens to a node is its outcome
        return Outcome(failure=Failure.of(error, job.node))


def _here(job: Job, engine: OnFirstUse, kind: Kind | None, cancelled: threading.Event) -> Outcome:
    with OpenedLater(engine, job.bound) as session, _in_time(job, session):
        return _done(job, session, kind or kind_of(job.node.node_type, {}), cancelled)


def _elsewhere(job: Job) -> Outcome:
    """In a process that keeps an engine of its own; an interrupt reaches this job's session alone."""
    engine = _engine_of_this_thread(job.engine, job.outputs)
    with (
        OpenedLater(engine, job.bound) as session,
        _as_long_as_wanted(job, session) as cancelled,
        _in_time(job, session),
    ):
        return _done(job, session, kind_of(job.node.node_type, {}), cancelled)


def _engine_of_this_thread(spec: EngineSpec, outputs: Path) -> OnFirstUse:
    """Kept for the next job, unless that wants another one. Its folder is nobody else's: hosts may share the disk."""
    of, engine = getattr(_OWN, "engine", (None, None))
    if engine is None or of != (spec, outputs):
        if engine is not None:
            engine.close()
        spill = outputs.with_name(SPILL) / f"{host()}-{os.getpid()}-{uuid.uuid4().hex}"
        engine = spec.opened_in(spill)
        _OWN.engine = (spec, outputs), engine
    return engine


@contextlib.contextmanager
def _as_long_as_wanted(job: Job, session: OpenedLater) -> Iterator[threading.Event]:
    """An event that is set when the run's file goes, or is touched no more; then SQL is interrupted, again and again.

    Raises:
        Interrupted: It has gone already.
    """
    file, cancelled, over = running(job.outputs, job.run), threading.Event(), threading.Event()
    if not file.exists():
        raise Interrupted

    def watch() -> None:
        touched, since = 0, time.monotonic()  # by this clock alone: those of hosts differ
        while not over.wait(STEP):
            with contextlib.suppress(OSError):
                if (now := file.stat().st_mtime_ns) != touched:
                    touched, since = now, time.monotonic()
                if time.monotonic() - since < SILENT:
                    continue
            cancelled.set()
            session.interrupt()

    threading.Thread(target=watch, name="seeknal-wanted", daemon=True).start()
    try:
        yield cancelled
    finally:
        over.set()


@contextlib.contextmanager
def _in_time(job: Job, session: OpenedLater) -> Iterator[None]:
    """Interrupt the SQL of a job that takes longer than it may; raises ``NodeError`` then."""
    if not job.timeout:
        yield
        return
    late, over = threading.Event(), threading.Event()

    def watch() -> None:
        wait = job.timeout
        while not over.wait(wait):
            late.set()
            session.interrupt()
            wait = STEP

    threading.Thread(target=watch, name="seeknal-in-time", daemon=True).start()
    try:
        yield
    except Interrupted:
        if not late.is_set():
            raise
    finally:
        over.set()
    if late.is_set():
        raise timed_out(job.timeout)


def timed_out(seconds: float) -> NodeError:
    """The failure of a node that took longer than it may."""
    told = f"{seconds:g}s" if seconds < 10 else duration_text(seconds)  # noqa: PLR2004 - tenths are lost in larger ones
    return NodeError(f"timed out after {told}", remedy="give it more time: timeout, or make it do less")


def _done(job: Job, session: OpenedLater, kind: Kind, cancelled: threading.Event) -> Outcome:
    """Do what the node's kind does; what it staged stays only where that is a table."""
    captured = job.captured
    with unpacked(captured, cancelled) if isinstance(captured, Parcel) else contextlib.nullcontext(captured) as taken:
        return _done_with(taken, job, session, kind, cancelled)


def _done_with(taken: Captured, job: Job, session: OpenedLater, kind: Kind, cancelled: threading.Event) -> Outcome:
    inputs = {one.node_id: one for one in job.inputs}
    stage = new_stage(job.outputs, job.node.id, job.key) if kind.stages else Path()
    task = Task(
        job.node, job.key, inputs, stage, taken, job.around, session, cancelled, job.seen, job.slice, job.alike, job.probe
    )
    try:
        found = as_promised(task, checked(kind.execute(task)))
        files = files_in(stage, job.key) if kind.stages else ()
    except BaseException as error:
        if kind.stages:
            discard(stage)
            if isinstance(error, OSError) and stage.name in str(error.filename):  # the disk's, and not a body's
                raise refused(error) from error
        raise
    if not kind.stages:
        return Outcome(None, (), found["row_count"], metadata=found["metadata"])
    kept = any(file.name == f"{job.key}/{DATA}" for file in files)
    if not kept:
        discard(stage)
    return Outcome(
        stage if kept else None, files if kept else (), found["row_count"], tuple(found.get("schema") or ()),
        found["metadata"], found.get("seen"),
    )  # fmt: skip


def checked(found: object) -> dict[str, Any]:
    """The spec's dict with values that state and history can keep; raises ``NodeError`` for anything else."""
    if not isinstance(found, dict):
        raise NodeError(f"the executor gave {type(found).__name__}", remedy='return {"row_count": ..., "metadata": {...}}')
    rows = found.get("row_count")
    try:
        rows = None if rows is None else operator.index(rows)
    except TypeError:
        rows = -1
    if rows is not None and rows < 0:
        raise NodeError("row_count is no count", why=f"it is {found['row_count']!r}", remedy="give a whole number or None")
    return {**found, "row_count": rows, "metadata": json_value(found.get("metadata") or {})}


def _told(outcome: Outcome, secrets: Secrets) -> Outcome:
    """As it may leave the process; an interrupt of this one is no failure of the node."""
    failure = None if outcome.failure is None or outcome.interrupted else outcome.failure.told(secrets)
    return replace(outcome, failure=failure, metadata=secrets.hide(dict(outcome.metadata)))


def sent(job: Job) -> Job:
    """The job as another process may have it: of the notebook only what its body reads, and no credentials.

    Raises:
        NodeError: What it reads cannot be pickled.
    """
    taken = job.captured
    if isinstance(taken, Captured):
        taken = packed(taken) if taken.values or taken.modules else Captured(warnings=taken.warnings)
    return replace(
        job, captured=taken, inputs=tuple(map(_from_anywhere, job.inputs)), outputs=job.outputs.absolute(),
        around=replace(job.around, root=job.around.root.absolute(), namespace={}, kinds={}, params=_asked_for(job)),
    )  # fmt: skip


def _asked_for(job: Job) -> dict[str, object]:
    """The parameters that the body asks ``ctx`` for; all but the environment's where that cannot be told."""
    names, reached = params_read(python_of(job.node) or ""), reaching(job.node.config, job.around.params)
    return {name: one for name, one in reached.items() if (name in names if names is not None else name.isidentifier())}


def _from_anywhere(one: Input) -> Input:
    build = one.build
    return one if build is None or build.path is None else replace(one, build=replace(build, path=build.path.absolute()))
