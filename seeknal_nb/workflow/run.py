"""One run: executes nodes for the walk, makes their results last, and tells what happened."""

from __future__ import annotations

import itertools
import os
import re
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.partitions import KEY
from seeknal_nb.engines import EngineSpec, Interrupted
from seeknal_nb.engines.interrupts import program_ends
from seeknal_nb.errors import SeeknalError
from seeknal_nb.storage.builds import OF_SOME, Build
from seeknal_nb.storage.stages import discard
from seeknal_nb.workflow.advice import advice
from seeknal_nb.workflow.elsewhere import Elsewhere
from seeknal_nb.workflow.events import ExecutionStatus, ExecutionSummary, NodeResult, RunFinished, RunStarted
from seeknal_nb.workflow.evidence import EvidenceFile
from seeknal_nb.workflow.executors import DaemonExecutor, InlineExecutor, executor_for, works_here
from seeknal_nb.workflow.history import RunRecord
from seeknal_nb.workflow.job import Job, checked, run_job
from seeknal_nb.workflow.observe import prove_unchanged
from seeknal_nb.workflow.options import RunOptions
from seeknal_nb.workflow.outcome import Failure, Outcome
from seeknal_nb.workflow.parted import Again, Parted
from seeknal_nb.workflow.places import process_text
from seeknal_nb.workflow.plan import HERE
from seeknal_nb.workflow.publisher import Publisher
from seeknal_nb.workflow.sharing import Sharing
from seeknal_nb.workflow.signals import interrupted
from seeknal_nb.workflow.slots import Slots
from seeknal_nb.workflow.walk import Walk

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from concurrent.futures import Executor
    from pathlib import Path

    from seeknal_nb.dag.manifest import Manifest, Node
    from seeknal_nb.engines import OnFirstUse
    from seeknal_nb.kinds.cuts import Cut
    from seeknal_nb.kinds.task import Surroundings
    from seeknal_nb.storage.outputs import OutputStore
    from seeknal_nb.workflow.events import Event
    from seeknal_nb.workflow.places import Places
    from seeknal_nb.workflow.plan import Decision
    from seeknal_nb.workflow.prepare import Prepared

__all__ = ["Run", "RunSettings"]

LONGEST_WAIT = 30.0


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What a run is made with, besides its plan.

    Attributes:
        manifest: Kept when the run has finished, for ``diff``.
        target: The folder of what runs leave.
        outputs: Where builds lie.
        engine: What does the data work of this process.
        around: What lies round the pipeline.
        places: Where nodes may run.
        options: How nodes are executed.
        command: What was run, for the record.
        asked: What it was asked for, likewise.
    """

    manifest: Manifest
    target: Path
    outputs: OutputStore
    engine: OnFirstUse
    around: Surroundings
    places: Places
    options: RunOptions = field(default_factory=RunOptions)
    command: str = "run"
    asked: Mapping[str, Any] | None = None


@dataclass(slots=True)
class _InFlight:
    """A job and what came of it last: SPEC.md's seams take an id, or a node, and have no place for these."""

    job: Job
    outcome: Outcome = field(default_factory=Outcome)

    def forget(self) -> None:
        """Take away what was staged."""
        if self.outcome.stage is not None:
            discard(self.outcome.stage)
        self.outcome = Outcome()


class Run:
    """One run of a plan.

    Args:
        settings: What it is made with.
        ready: Its plan, and what that is made from.
        execute_node: SPEC.md's seam: executes a node, by its id, as ``execute`` does. Called in a worker.
        execute_by_type: SPEC.md's seam: does a node's work, as ``work`` does. Called for each attempt.
        cancelled: Set, by anybody, to stop the run.
    """

    def __init__(
        self,
        settings: RunSettings,
        ready: Prepared,
        *,
        execute_node: Callable[[str], NodeResult],
        execute_by_type: Callable[[Node], dict[str, Any]],
        cancelled: threading.Event | None = None,
    ) -> None:
        self.settings, self.ready = settings, ready
        self.graph, self.plan, self.world, self.ledger = ready.graph, ready.plan, ready.world, ready.ledger
        self._execute_node, self._execute_by_type, self._over = execute_node, execute_by_type, False
        self._sharing = Sharing(settings.outputs, self.world, self.ledger, settings.around.kinds)
        self._sharing.begin(self.plan)
        self._record = RunRecord.begin(settings.target / "runs", settings.command, settings.asked)
        self._evidence = EvidenceFile(settings.target, self._record.run_id, ready.graph, ready.world, settings.around)
        offers, executor, cancelled = ready.placing.offers, settings.places.executor, cancelled or threading.Event()
        self._placing, self._places = ready.placing, settings.places
        if executor is not None and ready.plan.runs and works_here(executor):
            self._placing = replace(ready.placing, given=None)
            self.plan = self._placing.placed(self.plan, self.graph, self.world)
        elif ready.placing.given is not None and ready.plan.runs:
            executor = DaemonExecutor(offers.workers)  # whose threads wait for the others
        self._elsewhere = Elsewhere(settings.outputs.root, self._record.run_id, offers.share, cancelled)
        executor = executor or executor_for(offers.workers)
        self._executor, self._aside = executor, None if isinstance(executor, InlineExecutor) else executor
        self._own = [] if executor is settings.places.executor else [executor]
        self.walk = Walk(
            ready.graph, self.plan, ready.world, stop_on_error=not settings.options.continue_on_error,
            executor=self._thread, slots=Slots(offers, self._placing.demands(ready.plan, ready.world)), job=self._job,
            execute=self._attended, commit=self._commit, adopt=lambda build: ready.ledger.adopt(build, ready.world),
            fetch=self._fetched, interrupt=self._interrupt, cancelled=cancelled, settled=ready.settled,
        )  # fmt: skip
        self._above = re.compile(rf"(?<![\w./:-]){re.escape(f'{settings.around.root}{os.sep}')}")
        self._publisher = Publisher(settings.outputs, self.world, settings.engine)
        self._parted = Parted(
            self._publisher, build=self.walk.build, do=self._one, on=settings.options.continue_on_error,
            again=Again({step.node_id for step in self.plan.steps if step.forced}, settings.options.partitions),
            stopped=self.walk.cancelled.is_set, slots=self.walk.slots, tell=self.walk.tell,
            fetch=self._sharing.part,
        )  # fmt: skip
        self._reasons = {step.node_id: step.reason for step in ready.plan.steps}
        self._in_flight: dict[str, _InFlight] = {}

    def batches(self) -> Generator[list[Event]]:
        """All events of the run, those that come at once together; whatever ends it, what is finished is written down.

        Raises:
            KeyboardInterrupt: After the last event, where the run was interrupted.
        """
        record, clock = self._record, time.monotonic()
        stopped: BaseException | None = None
        shared: tuple[str, ...] = ()
        try:
            yield [RunStarted(record.run_id, self.plan, len(self.plan))]
            try:
                yield self.walk.told_first()
                for event in self.walk.events():
                    yield [event]
                    self.ledger.keep_up(self.settings.outputs)
                shared = self._sharing.rest(self.walk)
            except KeyboardInterrupt as error:
                stopped = error
                self.walk.abandon()
            yield list(self.walk.rest())
            results = [self.walk.results[step.node_id] for step in self.plan.steps]
            duration = time.monotonic() - clock
            told = (*advice(self.graph, results, self.walk.made, self.settings.around.kinds), *shared)
            summary = ExecutionSummary.of(results, runs=self.plan.runs, duration=duration, advice=told)
            interrupted = self.walk.cancelled.is_set()
            self.ledger.close(self.settings.outputs)
            narrowed = [step.node_id for step in self.plan.steps] if self.world.spans else []
            partly = {node_id for node_id in narrowed if self.world.facts[node_id].apart}
            record.finish(summary, interrupted=interrupted, builds=self.walk.made, partly=partly)
            if not interrupted and not self.ready.manifest_is_kept:
                record.keep_manifest(self.settings.manifest, self.settings.target)
            yield [RunFinished(summary, interrupted)]
        finally:
            self._let_go()
        if stopped is not None:
            raise stopped

    def _let_go(self) -> None:
        ended, self._over = self.walk.abandon(), True
        self._evidence.close()
        self._elsewhere.stop()
        for one in list(self._in_flight.values()):
            one.forget()
        try:
            self.ledger.close(self.settings.outputs)
        finally:
            for executor in self._own:
                executor.shutdown(wait=ended, cancel_futures=True)

    def _interrupt(self) -> None:
        """Stop the SQL that runs for this run, wherever that is."""
        self.settings.engine.interrupt()
        self._elsewhere.stop()

    def _thread(self, node_id: str) -> Executor:
        """What attends a node; one with partitions never in the thread that tells how far it is."""
        if self._cut(node_id) is None:
            return self._executor
        if self._aside is None:
            self._aside = DaemonExecutor(1)
            self._own.append(self._aside)
        return self._aside

    def _cut(self, node_id: str) -> Cut | None:
        """How a node is cut; None for one that is whole."""
        return self.world.cuts.of(node_id) if KEY in self.world.sights[node_id].node.config else None

    def _job(self, node: Node, **told: Any) -> Job:
        """A job of this run."""
        settings, needs, name = self.settings, self._placing.needs(node), self.settings.engine.name
        engine = self._placing.engine(name, needs) if node.id in self.plan.elsewhere else EngineSpec(name)
        return Job(
            node=node, around=settings.around, outputs=settings.outputs.root, run=self._record.run_id, engine=engine,
            timeout=needs.timeout, **told,
        )  # fmt: skip

    def _attended(self, job: Job) -> tuple[NodeResult, Outcome]:
        """One job from its first attempt to its last, in a worker. Only an interrupt that is meant for the run is raised."""
        one = self._in_flight[job.node.id] = _InFlight(job)
        try:
            result = self._execute_node(job.node.id)
        except Exception as error:  # noqa: BLE001 - a subclass that wraps it is the user's own code
            result = self._hidden(_failure(job.node, error, 0.0, 1, None))
        if self._over:  # nobody waits for it any more
            one.forget()
        return result, one.outcome

    def execute(self, node_id: str) -> NodeResult:
        """All attempts of a node that is in flight."""
        node, began, clock = self._in_flight[node_id].job.node, time.time(), time.monotonic()
        for attempt in itertools.count(1):
            try:
                found = checked(self._execute_by_type(node))
            except Interrupted:
                return self._broken_off(node_id, attempt)
            except (KeyboardInterrupt, GeneratorExit):
                raise
            except BaseException as error:  # noqa: BLE001 - a custom executor is the user's own code
                if self.walk.cancelled.is_set() or interrupted() or program_ends(error):  # the node is not to blame
                    return self._broken_off(node_id, attempt)
                if attempt <= self.settings.options.retry and not self._cancelled_while_waiting(attempt):
                    continue
                failed = _failure(node, error, time.monotonic() - clock, attempt, began)
                return self._hidden(replace(failed, where=self._where(node_id)))
            return self._hidden(NodeResult(
                node_id, ExecutionStatus.SUCCESS, time.monotonic() - clock, found["row_count"],
                metadata=found["metadata"], reason=self._reasons[node_id], attempts=attempt, started=began,
                where=self._where(node_id),
            ))  # fmt: skip
        raise AssertionError  # the loop has no end

    def _where(self, node_id: str) -> str:
        """Where a node's last attempt was made: the process where that is known, else the place."""
        by, name = self._in_flight[node_id].outcome.where, self.plan.elsewhere.get(node_id, HERE)
        return process_text(by, name) if by else name

    def _hidden(self, result: NodeResult) -> NodeResult:
        """The result without credentials: it goes to state, history, the screen and the build's record.

        Files of the project are called as they go on from its folder.
        """
        secrets = self.settings.around.secrets
        message, metadata = secrets.hide(result.error_message), secrets.hide(result.metadata)
        if message:
            message = self._above.sub("", message)
        error = None if secrets.told_by(result.error) else result.error
        if (message, metadata, error) == (result.error_message, result.metadata, result.error):
            return result
        return replace(result, error_message=message, metadata=metadata, error=error)

    def _broken_off(self, node_id: str, attempt: int) -> NodeResult:
        """The node is as it was, and nothing more starts: what reads it would meet an older build of it, or none."""
        self.walk.cancelled.set()
        return NodeResult(node_id, ExecutionStatus.PENDING, attempts=attempt)

    def _cancelled_while_waiting(self, attempt: int) -> bool:
        return self.walk.cancelled.wait(min(self.settings.options.retry_delay * 2 ** (attempt - 1), LONGEST_WAIT))

    def work(self, node: Node) -> dict[str, Any]:
        """Do what the node's kind does, here or elsewhere, and give the spec's dict."""
        one = self._in_flight[node.id]
        one.forget()
        one.outcome = outcome = self._outcome(one.job if node is one.job.node else replace(one.job, node=node))
        if outcome.failure is not None:
            raise outcome.failure.raised()
        if outcome.interrupted or interrupted():  # a body may have gone on with what it had
            raise Interrupted
        return {"row_count": outcome.rows, "metadata": dict(outcome.metadata)}

    def _outcome(self, job: Job) -> Outcome:
        cut = self._cut(job.node.id)
        return self._one(job) if cut is None else self._parted.outcome(job, cut)

    def _one(self, job: Job) -> Outcome:
        """One job, whole or a partition, here or elsewhere."""
        kind = self.world.sights[job.node.id].kind
        if not kind.addressed:  # what is delivered cannot be taken back
            self.ledger.lease.renew()
        if (missing := self._sharing.bring(job, self.walk)) is not None:
            return Outcome(failure=missing)
        if place := self._places.named(self.plan.elsewhere.get(job.node.id, HERE)):
            outcome = self._elsewhere.outcome(place, job, self._placing.needs(job.node))
        else:
            outcome = run_job(job, self.settings.engine, kind=kind, cancelled=self.walk.cancelled)
        self._sharing.send(job, outcome)
        return outcome

    def _fetched(self, node_id: str, decision: Decision) -> Build | None:
        build = self._sharing.fetched(node_id, decision)
        if build is not None:
            self._evidence.add(node_id, build.key, self.walk.digests)
        return build

    def _commit(self, result: NodeResult, outcome: Outcome, decision: Decision) -> tuple[NodeResult, Build | None]:
        """Publish what was staged and remember the result; only then is it told."""
        one = self._in_flight.pop(result.node_id)
        build = None
        try:
            if result.status is ExecutionStatus.SUCCESS:
                build = self._build(result, decision, outcome)
                try:
                    prove_unchanged(self.world, result.node_id, self.settings.around)
                    made, build = build, self._publisher.publish(build, outcome, result.duration)
                    if build.metadata != made.metadata or build.row_count != made.row_count:  # others were first
                        result = replace(result, row_count=build.row_count, metadata=dict(build.metadata))
                except SeeknalError as error:
                    result, build = _failure(one.job.node, error, result.duration, result.attempts, result.started), None
        finally:
            if build is None or build.path is None:
                one.forget()
        result = result if result.reason else replace(result, reason=self._reasons[result.node_id])
        if not self.world.facts[result.node_id].apart:
            self.ledger.note(result, decision, build, self.world, seen=outcome.seen)
            self._evidence.add(result.node_id, decision.key or "", self.walk.digests)
        return result, build

    def _build(self, result: NodeResult, decision: Decision, outcome: Outcome) -> Build:
        inputs = {name: self.walk.digests.get(name) or "" for name in self.graph.inputs(result.node_id)}
        stored, apart = self.world.facts[result.node_id].stored, self.world.facts[result.node_id].apart
        return Build(
            result.node_id, decision.key or "", None if stored else decision.key, result.row_count,
            schema=outcome.schema, inputs=inputs,
            metadata={**result.metadata, OF_SOME: str(self.settings.options.span)} if apart else result.metadata,
        )  # fmt: skip


def _failure(node: Node, error: BaseException, duration: float, attempts: int, started: float | None) -> NodeResult:
    failure = Failure.of(error, node)
    return NodeResult(
        node.id, ExecutionStatus.FAILED, duration, None, failure.text, dict(failure.metadata), attempts=attempts,
        started=started, error=error,
    )  # fmt: skip
