"""One run: executes nodes for the walk, makes their results last, and tells what happened."""

from __future__ import annotations

import itertools
import math
import operator
import re
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.purity import captured
from seeknal_nb.dag.python import read_body
from seeknal_nb.dag.sql import unordered
from seeknal_nb.engines import Interrupted
from seeknal_nb.errors import LONGEST, NodeError, SeeknalError, UsageError, text_of
from seeknal_nb.markup import json_value
from seeknal_nb.workflow.builds import DATA, Build
from seeknal_nb.workflow.events import ExecutionStatus, ExecutionSummary, NodeResult, RunFinished, RunStarted
from seeknal_nb.workflow.executors import executor_for
from seeknal_nb.workflow.history import RunRecord
from seeknal_nb.workflow.kinds.body import python_of, sql_of
from seeknal_nb.workflow.kinds.task import Task
from seeknal_nb.workflow.observe import probe_digest
from seeknal_nb.workflow.plan import last_good
from seeknal_nb.workflow.walk import Walk

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from seeknal_nb.dag.graph import Graph
    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.workflow.builds import Part
    from seeknal_nb.workflow.events import Event
    from seeknal_nb.workflow.ledger import Ledger
    from seeknal_nb.workflow.observe import Observed, Sight
    from seeknal_nb.workflow.plan import Decision, Plan
    from seeknal_nb.workflow.runner import DAGRunner

__all__ = ["Run", "seconds", "whole"]

LONGEST_WAIT = 30.0
# What pools of threads say before the main thread counts as ended, for they are closed first.
_END = re.compile(r"interpreter (is shutting down|shutdown)")


class Run:
    """The run that a runner is in."""

    def __init__(
        self,
        runner: DAGRunner,
        graph: Graph,
        plan: Plan,
        world: Observed,
        ledger: Ledger,
        *,
        retry: int,
        retry_delay: float,
        stop_on_error: bool,
        cancelled: threading.Event | None = None,
    ) -> None:
        self.runner, self.graph, self.plan, self.world, self.ledger = runner, graph, plan, world, ledger
        self.retry, self.retry_delay = retry, retry_delay
        self.executor = runner.executor or executor_for(runner.workers)
        self.walk = Walk(
            graph, plan, world, stop_on_error=stop_on_error, cutoff=plan.selection.cutoff, executor=self.executor,
            workers=runner.workers, execute=runner._execute_node,  # noqa: SLF001 - SPEC.md's seam has this name
            commit=self._commit, adopt=lambda build: ledger.adopt(build, world), interrupt=runner.engine.interrupt,
            cancelled=cancelled,
        )  # fmt: skip
        self._over = False
        self._reasons = {step.node_id: step.reason for step in plan.steps}
        self._staged: dict[str, tuple[Path | None, dict[str, Any]]] = {}

    def events(self, command: str, asked: Mapping[str, Any] | None = None) -> Generator[Event]:
        """All events of the run; whatever ends it, what is finished is written down, with what it was ``asked`` for.

        Raises:
            KeyboardInterrupt: After the last event, where the run was interrupted.
        """
        record, clock = RunRecord.begin(self.runner.target / "runs", command, asked), time.monotonic()
        stopped: BaseException | None = None
        try:
            yield RunStarted(record.run_id, self.plan, len(self.plan))
            try:
                for event in self.walk.events():
                    yield event
                    self.ledger.keep_up(self.runner.outputs)
            except KeyboardInterrupt as error:
                stopped = error
                self.walk.abandon()
            yield from list(self.walk.rest())
            results = [self.walk.results[step.node_id] for step in self.plan.steps]
            summary = ExecutionSummary.of(results, changed=len(self.plan.runs), duration=time.monotonic() - clock)
            interrupted = self.walk.cancelled.is_set()
            self.ledger.close(self.runner.outputs)
            record.finish(summary, interrupted=interrupted)
            if not interrupted:
                record.keep_manifest(self.runner.manifest, self.runner.target)
            yield RunFinished(summary, interrupted)
        finally:
            self._let_go()
        if stopped is not None:
            raise stopped

    def _let_go(self) -> None:
        ended, self._over = self.walk.abandon(), True
        for stage, _ in self._staged.values():
            if stage is not None:
                self.runner.outputs.discard(stage)
        try:
            self.ledger.close(self.runner.outputs)
        finally:
            if self.runner.executor is None:
                self.executor.shutdown(wait=ended, cancel_futures=True)

    def execute(self, node_id: str) -> NodeResult:
        """All attempts of one node, in a worker. Only an interrupt that is meant for the run is raised."""
        node, began, clock = self.world.sights[node_id].node, time.time(), time.monotonic()
        for attempt in itertools.count(1):
            try:
                found = _checked(self.runner._execute_by_type(node))  # noqa: SLF001 - SPEC.md's seam has this name
            except Interrupted:
                return self._broken_off(node_id, attempt)
            except (KeyboardInterrupt, GeneratorExit):
                raise
            except BaseException as error:  # noqa: BLE001 - a custom executor is the user's own code
                if self.walk.cancelled.is_set() or _program_ends(error):  # the node is not to blame
                    return self._broken_off(node_id, attempt)
                if attempt <= self.retry and not self._cancelled_while_waiting(attempt):
                    continue
                return self._hidden(_failure(node, error, time.monotonic() - clock, attempt, began))
            return self._hidden(NodeResult(
                node_id, ExecutionStatus.SUCCESS, time.monotonic() - clock, found.get("row_count"),
                metadata=found.get("metadata") or {}, reason=self._reasons[node_id], attempts=attempt, started=began,
            ))  # fmt: skip
        raise AssertionError  # the loop has no end

    def _hidden(self, result: NodeResult) -> NodeResult:
        """The result without credentials: it goes to state, history, the screen and the build's record."""
        secrets = self.runner.around.secrets
        message, metadata = secrets.hide(result.error_message), secrets.hide(result.metadata)
        error = None if secrets.told_by(result.error) else result.error
        if (message, metadata, error) == (result.error_message, result.metadata, result.error):
            return result
        return replace(result, error_message=message, metadata=metadata, error=error)

    def _broken_off(self, node_id: str, attempt: int) -> NodeResult:
        """The node is as it was, and nothing more starts: what reads it would meet an older build of it, or none."""
        self.walk.cancelled.set()
        return NodeResult(node_id, ExecutionStatus.PENDING, attempts=attempt)

    def _cancelled_while_waiting(self, attempt: int) -> bool:
        return self.walk.cancelled.wait(min(self.retry_delay * 2 ** (attempt - 1), LONGEST_WAIT))

    def work(self, node: Node) -> dict[str, Any]:
        """Do what the node's kind does: stage files, and give the spec's dict."""
        kind = self.world.sights[node.id].kind
        if not kind.addressed:  # what is delivered cannot be taken back
            self.ledger.lease.renew()
        if not kind.stages:
            return kind.execute(self._task(node, Path()))
        stage = self.runner.outputs.stage(node.id, self.walk.decisions[node.id].key or "")
        try:
            if relations := self.walk.relations(node.id):
                self.runner.engine.get().bind(relations)
            found = kind.execute(self._task(node, stage))
        except BaseException:
            self.runner.outputs.discard(stage)
            raise
        if self._over:  # nobody waits for it any more
            self.runner.outputs.discard(stage)
        self._staged[node.id] = stage, found
        return found

    def _task(self, node: Node, stage: Path) -> Task:
        captured, cancelled = self.world.sights[node.id].captured, self.walk.cancelled
        key, inputs = self.walk.decisions[node.id].key or "", self.walk.inputs(node.id)
        before = self.world.facts[node.id].entry
        seen = before.seen if before else {}
        return Task(node, key, inputs, stage, captured, self.runner.around, self.runner.engine, cancelled, seen)

    def _commit(self, result: NodeResult, decision: Decision) -> tuple[NodeResult, Build | None]:
        """Publish what was staged and remember the result; only then is it told."""
        stage, found = self._staged.pop(result.node_id, (None, {}))
        build = None
        if result.status is ExecutionStatus.SUCCESS:
            build = self._build(result, decision, found)
            try:
                self._prove_unchanged(result.node_id)
                build = self._publish(stage, build, result.duration)
            except SeeknalError as error:
                node = self.world.sights[result.node_id].node
                result, build = _failure(node, error, result.duration, result.attempts, result.started), None
            except BaseException:
                if stage is not None:
                    self.runner.outputs.discard(stage)
                raise
        if stage is not None and (build is None or build.path is None):
            self.runner.outputs.discard(stage)
        if not result.reason:
            result = replace(result, reason=self._reasons[result.node_id])
        self.ledger.note(result, decision, build, self.world, seen=found.get("seen"))
        return result, build

    def _prove_unchanged(self, node_id: str) -> None:
        """What the node read must be what its key says: it is hashed before and after."""
        sight, before = self.world.sights[node_id], self.world.facts[node_id].probe
        if sight.captured.digest_text and not self._reads_the_same(sight):
            raise NodeError("a module or a class that it reads changed while it ran", remedy="run again")
        if before is None:
            return
        now = sight.kind.probe(sight.node, replace(self.runner.around, asking=True), sight.seen)
        if probe_digest(now) != before and not now.moving:
            raise NodeError("a file changed while it was read", remedy="run again when it is complete")

    def _reads_the_same(self, sight: Sight) -> bool:
        """Whether the body's own copies, and what they share with all, modules above all, tell what the key says."""
        body, taken = read_body(python_of(sight.node) or "", name=sight.node.name), sight.captured
        inputs = {*body.reads}.difference(taken.values)
        return captured(body, taken.values, inputs=inputs).proof == taken.proof

    def _publish(self, stage: Path | None, build: Build, seconds: float) -> Build:
        if stage is None or not (stage / DATA).exists():
            return build
        return self.runner.outputs.publish(stage, build, seconds=seconds, former=partial(self._former, build))

    def _former(self, build: Build, part: Part) -> str | None:
        """The digest of the part that a node's last good build has in this place, where its rows are the same.

        DuckDB's threads write equal rows in other orders, and what reads them must not run for that. Asked only where the
        order can mean nothing: the node ran again under the same key, or its SQL groups, and does not order.
        """
        before = self._built_before(build.node_id)
        if before is None or len(before.parts) != 1 or (before.schema, before.parts[0].rows) != (part.schema, part.rows):
            return None
        [former] = before.parts
        if [file.xxh3 for file in former.files] == [file.xxh3 for file in part.files]:
            return former.digest
        if before.key != build.key and not unordered(sql_of(self.world.sights[build.node_id].node) or ""):
            return None
        this = replace(before, parts=(part,), artefacts=())
        return former.digest if self.runner.engine.get().same_rows(before.relation(), this.relation()) else None

    def _built_before(self, node_id: str) -> Build | None:
        found = last_good(node_id, self.world)
        return self.runner.outputs.whole(found) if found is not None and found.path is not None else None

    def _build(self, result: NodeResult, decision: Decision, found: dict[str, Any]) -> Build:
        inputs = {name: self.walk.digests.get(name) or "" for name in self.graph.inputs(result.node_id)}
        stored = self.world.facts[result.node_id].stored
        return Build(
            result.node_id, decision.key or "", None if stored else decision.key, result.row_count,
            schema=tuple(found.get("schema") or ()), inputs=inputs, metadata=result.metadata,
        )  # fmt: skip


def _checked(found: object) -> dict[str, Any]:
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


def _program_ends(error: BaseException) -> bool:
    """Whether the end of the program may have brought the error, whatever it says.

    The main thread counts as ended before anything registered with ``atexit`` is called. DuckDB registers later than
    ``Background`` does, so it is called first: its connections say that they are busy before anybody has cancelled the run.
    """
    return not threading.main_thread().is_alive() or bool(_END.search(text_of(error)))


def _failure(node: Node, error: BaseException, duration: float, attempts: int, started: float | None) -> NodeResult:
    text = str(node.blamed(error)) if isinstance(error, SeeknalError) else f"{type(error).__name__}: {text_of(error)}"
    return NodeResult(
        node.id, ExecutionStatus.FAILED, duration, None, text[:LONGEST], getattr(error, "metadata", None) or {},
        attempts=attempts, started=started, error=error,
    )  # fmt: skip


def whole(name: str, value: object, *, least: int = 0) -> int:
    """The value, where it is a whole number from ``least`` to 10,000; else a ``UsageError``."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= 10_000:  # noqa: PLR2004
        raise UsageError(f"{name} must be a whole number from {least} to 10,000", why=f"it is {value!r}", remedy=f"{name}=3")
    return value


def seconds(name: str, value: object) -> float:
    """The value, where it is a finite number of seconds from 0; else a ``UsageError``."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise UsageError(f"{name} must be a number of seconds from 0", why=f"it is {value!r}", remedy=f"{name}=1.5")
    return float(value)
