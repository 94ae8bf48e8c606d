"""A node's work as a value, and the one function that does it, in this process or in another; knows no run."""

from __future__ import annotations

import contextlib
import operator
import os
import threading
import time
import traceback
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.parameters import reaching
from seeknal_nb.engines import Interrupted, OpenedLater
from seeknal_nb.errors import LONGEST, NodeError, SeeknalError, Spot, WorkerError, text_of
from seeknal_nb.kinds import kind_of
from seeknal_nb.kinds.body import python_of
from seeknal_nb.kinds.promised import as_promised
from seeknal_nb.kinds.task import Task
from seeknal_nb.markup import json_value
from seeknal_nb.python.body import params_read
from seeknal_nb.python.capture import Captured
from seeknal_nb.storage.builds import DATA
from seeknal_nb.storage.files import refused
from seeknal_nb.storage.outputs import discard, files_in, new_stage, running
from seeknal_nb.workflow.executors import where
from seeknal_nb.workflow.parcel import Parcel, packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.dag.partitions import Slice
    from seeknal_nb.engines import EngineSpec, OnFirstUse, Relation, Schema
    from seeknal_nb.errors import Place
    from seeknal_nb.kinds.task import Input, Kind, Seen, Surroundings
    from seeknal_nb.secrets import Secrets
    from seeknal_nb.storage.builds import File, Part, Partitioning

__all__ = ["Failure", "Job", "Outcome", "checked", "run_job", "sent"]

STEP = 0.2
"""Seconds between two looks at whether the run still wants the work."""


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
        around: Where; without the notebook's variables, and without credentials, where it is sent.
        outputs: The folder of all builds.
        engine: What another process opens for it.
        run: Of which run.
        slice: The partition that it is about; None for the whole node.
        alike: What jobs share whose statements have the same columns; empty where nobody knows.
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


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a node has no result.

    Attributes:
        type: Name of the exception's class.
        text: All of it, as an error message has it, at most 4,000 characters.
        what: As ``SeeknalError`` has it, and so ``why``, ``remedy`` and ``place``; empty for another exception.
        traceback: As Python prints it; empty where the exception itself is there.
        metadata: What the node told before.
        spot: Where in the node's config it is about, and at which line.
        error: The exception itself; it stays in its process.
    """

    type: str
    text: str
    what: str = ""
    why: str = ""
    remedy: str = ""
    place: Place | None = None
    traceback: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    spot: Spot = Spot()  # noqa: RUF009 - it is frozen
    error: BaseException | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of(cls, error: BaseException, node: Node) -> Failure:
        """What an exception tells of a node."""
        name, metadata = type(error).__name__, error.metadata if isinstance(error, NodeError) else {}
        if not isinstance(error, SeeknalError):
            return cls(name, f"{name}: {text_of(error)}"[:LONGEST], metadata=metadata, error=error)
        text = str(node.blamed(error))[:LONGEST]
        return cls(
            name, text, error.what, error.why, error.remedy, error.place, metadata=metadata, spot=error.spot, error=error
        )

    def told(self, secrets: Secrets) -> Failure:
        """As it may leave its process: as texts, without credentials."""
        lines = "".join(traceback.format_exception(self.error)) if self.error is not None else self.traceback
        hide = secrets.hide
        return Failure(
            self.type, hide(self.text), hide(self.what), hide(self.why), hide(self.remedy), self.place, hide(lines),
            hide(dict(self.metadata)), self.spot,
        )  # fmt: skip

    def raised(self) -> BaseException:
        """The exception, or what stands for it in a process that it did not reach."""
        if self.error is not None:
            return self.error
        return WorkerError(
            self.text, what=self.what or self.text, why=self.why, remedy=self.remedy, place=self.place, spot=self.spot,
            traceback=self.traceback, metadata=dict(self.metadata),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a job.

    Attributes:
        stage: The directory with what was staged; None where the node has no table.
        files: What is in it, hashed where it was written, as the build's record will list it.
        rows: Of the table, or what an executor told.
        schema: (column, SQL type) in order.
        metadata: What the kind tells besides.
        seen: What to remember; None for what the probe saw.
        where: Host and process.
        seconds: How long it took there.
        failure: Why there is no result.
        interrupted: Whether nobody waited for it any more.
        parts: Of a node with partitions: those that are built, which are all.
        by: By what it is cut into them.
    """

    stage: Path | None = None
    files: tuple[File, ...] = ()
    rows: int | None = None
    schema: Schema = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    seen: Seen | None = None
    where: str = ""
    seconds: float = 0.0
    failure: Failure | None = None
    interrupted: bool = False
    parts: tuple[Part, ...] = ()
    by: Partitioning | None = None

    @property
    def output(self) -> str:
        """What was printed."""
        return str(self.metadata.get("output", ""))


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
    with OpenedLater(engine, job.bound) as session:
        return _done(job, session, kind or kind_of(job.node.node_type, {}), cancelled)


def _elsewhere(job: Job) -> Outcome:
    """In a process that keeps an engine of its own; an interrupt reaches this job's session alone."""
    engine = _engine_of_this_process(job.engine, job.outputs)
    with OpenedLater(engine, job.bound) as session, _as_long_as_wanted(job, session) as cancelled:
        return _done(job, session, kind_of(job.node.node_type, {}), cancelled)


@cache
def _engine_of_this_process(spec: EngineSpec, outputs: Path) -> OnFirstUse:
    return spec.opened_in(outputs.with_name(f"spill-{os.getpid()}"))


@contextlib.contextmanager
def _as_long_as_wanted(job: Job, session: OpenedLater) -> Iterator[threading.Event]:
    """An event that is set when the run's file goes; then SQL is interrupted, again and again.

    Raises:
        Interrupted: It has gone already.
    """
    file, cancelled, over = running(job.outputs, job.run), threading.Event(), threading.Event()
    if not file.exists():
        raise Interrupted

    def watch() -> None:
        while not over.wait(STEP):
            if not file.exists():
                cancelled.set()
                session.interrupt()

    threading.Thread(target=watch, name="seeknal-wanted", daemon=True).start()
    try:
        yield cancelled
    finally:
        over.set()


def _done(job: Job, session: OpenedLater, kind: Kind, cancelled: threading.Event) -> Outcome:
    """Do what the node's kind does; what it staged stays only where that is a table."""
    captured = job.captured
    with unpacked(captured, cancelled) if isinstance(captured, Parcel) else contextlib.nullcontext(captured) as taken:
        return _done_with(taken, job, session, kind, cancelled)


def _done_with(taken: Captured, job: Job, session: OpenedLater, kind: Kind, cancelled: threading.Event) -> Outcome:
    inputs = {one.node_id: one for one in job.inputs}
    stage = new_stage(job.outputs, job.node.id, job.key) if kind.stages else Path()
    task = Task(job.node, job.key, inputs, stage, taken, job.around, session, cancelled, job.seen, job.slice, job.alike)
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
