"""One walk through a plan: the ready queue, what is known of each node so far, and its events. Writes no file itself.

Only the thread that consumes the events touches what is here, but for ``tell``, ``slots`` and ``build``, which any may call;
a worker is given a job, and gives its outcome.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from seeknal_nb.engines import Relation
from seeknal_nb.engines.interrupts import STEP, in_steps
from seeknal_nb.kinds.tables import relations
from seeknal_nb.kinds.task import Input
from seeknal_nb.storage.builds import told_of
from seeknal_nb.workflow.events import ExecutionStatus, NodeFinished, NodeProgress, NodeResult, NodeStarted
from seeknal_nb.workflow.plan import Action, Decision, decide, last_good
from seeknal_nb.workflow.reasons import Reason, Why
from seeknal_nb.workflow.settled import Settled, first_and_left
from seeknal_nb.workflow.signals import heard
from seeknal_nb.workflow.slots import Ready, Slots
from seeknal_nb.workflow.ways import longest_ways

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor

    from seeknal_nb.dag.graph import Graph
    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.storage.builds import Build
    from seeknal_nb.workflow.events import Event
    from seeknal_nb.workflow.job import Job
    from seeknal_nb.workflow.observe import Observed
    from seeknal_nb.workflow.outcome import Outcome
    from seeknal_nb.workflow.plan import Plan, Step

    _Told = Future[tuple[NodeResult, Outcome]] | NodeProgress | type[Slots]

__all__ = ["Walk"]

GRACE = 0.7
"""Seconds that work gets to end, once it was told to: DuckDB takes 0.4, and who waits has the prompt back within one."""
S = ExecutionStatus


class Walk:
    """The state of one run.

    Args:
        graph: What there is.
        plan: What to do; its steps are in the graph's topological order.
        world: What was observed.
        stop_on_error: Start nothing after the first failure.
        executor: Where a node runs, by its id.
        slots: What nodes take as long as they run.
        job: Makes a job of what is told of the node; it knows what all jobs of the run share.
        execute: Does a job, in a worker; never raises but to be interrupted.
        commit: Makes what came of it last, in this thread; gives the final result and the build.
        adopt: Remembers that a build is a node's build again, or still; gives whether it was another one.
        fetch: Gives, and remembers, the build that others have made of a node that is to be executed, where there is one.
        interrupt: Stops what the engine is doing.
        cancelled: Set, by anybody, to start nothing more and to interrupt what is in flight.
        settled: How nodes come out whose steps in the plan are those of it.

    Attributes:
        known: What need not have been decided again.
        first: By id, the steps that are certain to be up to date, in their order; they come out before anything starts.
    """

    def __init__(
        self,
        graph: Graph,
        plan: Plan,
        world: Observed,
        *,
        stop_on_error: bool,
        executor: Callable[[str], Executor],
        slots: Slots,
        job: Callable[..., Job],
        execute: Callable[[Job], tuple[NodeResult, Outcome]],
        commit: Callable[[NodeResult, Outcome, Decision], tuple[NodeResult, Build | None]],
        adopt: Callable[[Build], bool],
        fetch: Callable[[str, Decision], Build | None],
        interrupt: Callable[[], None],
        cancelled: threading.Event,
        settled: Settled | None = None,
    ) -> None:
        self.graph, self.plan, self.world = graph, plan, world
        self.stop_on_error, self.cutoff = stop_on_error, plan.selection.cutoff
        self.executor, self.slots, slots.given = executor, slots, partial(self.tell, Slots)
        self._job, self._execute, self._commit, self._adopt, self._interrupt = job, execute, commit, adopt, interrupt
        self._fetch = fetch
        self.steps: list[Step] = list(plan.steps)
        self.results: dict[str, NodeResult] = {}
        self.decisions: dict[str, Decision] = {}
        self.builds: dict[str, Build | None] = {}
        self.digests: dict[str, str | None] = {}
        self.ran: set[str] = set()
        self.made: dict[str, Build] = {}
        self.cancelled = cancelled
        self._in_flight: dict[Future[tuple[NodeResult, Outcome]], str] = {}
        self._done: queue.SimpleQueue[_Told] = queue.SimpleQueue()
        self._quiet, self._behind = threading.Lock(), dict[str, str]()
        self._quiet.acquire()
        self._failed = self._left_behind = False
        self.known, (self.first, left) = settled or Settled({}, {}, {}, ()), first_and_left(graph, self.steps)
        self._waiting = {node_id: sum(one not in self.first for one in graph.before(node_id)) for node_id in left}
        ways = longest_ways(graph, plan, world) if slots.offers.workers > 1 else {}
        first = (graph.place(node_id) for node_id, waits in self._waiting.items() if not waits)
        self._ready = Ready(slots, graph.sorted_ids, ways, first)

    def events(self) -> Iterator[Event]:
        """What comes after ``told_first``, in an order that respects the edges. Closing it stops the walk."""
        try:
            while (self._ready and not self._stopped()) or self._in_flight:
                while not self._stopped() and (place := self._ready.take()) is not None:
                    yield from self._start(self.steps[place])
                    yield from self._receive(block=False)
                self.slots.wanted = bool(self._ready) and not self._stopped()
                yield from self._receive(block=True)
        except BaseException:
            self.abandon()
            raise

    def told_first(self) -> list[Event]:
        """What nothing can change any more: it waits for nothing that runs."""
        steps, digests, known = self.known.steps, self.known.digests, self.known.results
        for node_id, step in self.first.items():
            if step is steps.get(node_id):
                self.digests[node_id], self.results[node_id] = digests[node_id], _anew(known[node_id])
            else:
                self._keep(self._cached(step, self.world.find(node_id, step.key or ""), step.reason))
        return [NodeFinished(result) for result in self.results.values()]

    def _stopped(self) -> bool:
        return self.cancelled.is_set() or (self._failed and self.stop_on_error)

    def rest(self) -> Iterator[Event]:
        """Results of what was never reached: SKIPPED below a failure, else PENDING."""
        for step in self.steps:
            if step.node_id in self.results:
                continue
            failed = self._failed_ancestor(step.node_id)
            if step.action is Action.SKIP:
                yield self._keep(self._left_out(step))
            elif failed:
                yield self._keep(_blocked(step.node_id, failed))
            elif step.action is Action.CACHED and step.key is not None:
                yield self._keep(self._cached(step, self.world.find(step.node_id, step.key), step.reason))
            else:
                why = Why.INTERRUPTED if self.cancelled.is_set() else Why.RUN_STOPPED
                yield self._keep(NodeResult(step.node_id, S.PENDING, reason=Reason(why)))

    def _job_of(self, node_id: str) -> Job:
        """The node's work: what it reads is known by now."""
        ids, sight, before = self.graph.inputs(node_id), self.world.sights[node_id], self.world.facts[node_id].entry
        found = relations(self.graph, ids, self._view, self.build, self.world.root)
        return self._job(
            node=sight.node, key=self.decisions[node_id].key or "", captured=sight.captured,
            inputs=tuple(Input(one, found.get(one, Relation()), self.build(one)) for one in ids),
            bound={one: relation for one, relation in found.items() if relation != Relation()},
            seen=before.seen if before else {}, probe=self.world.facts[node_id].probe,
        )  # fmt: skip

    def _view(self, node_id: str) -> Node | None:
        return None if self.world.facts[node_id].stored else self.world.sights[node_id].node

    def _start(self, step: Step) -> Iterator[Event]:
        if (event := self._without_work(step)) is not None:
            self.slots.give_back(step.node_id)
            yield event
            return
        node_id = step.node_id
        yield NodeStarted(node_id, self.graph.place(node_id) + 1, len(self.steps), step.reason)
        future = self.executor(node_id).submit(self._execute, self._job_of(node_id))
        self._in_flight[future] = node_id
        future.add_done_callback(self.tell)

    def _without_work(self, step: Step) -> Event | None:
        """How a node comes out that need not be executed; None for one that must be."""
        node_id = step.node_id
        if step.action is Action.CACHED and step.key is not None and not self._failed:
            return self._finish(self._cached(step, self.world.find(node_id, step.key), step.reason))
        decision = self.decisions[node_id] = decide(self.graph, node_id, self.digests, self.world)
        failed = self._failed_ancestor(node_id)
        if step.action is Action.SKIP:
            self._take(node_id, last_good(node_id, self.world, decision))
            return self._finish(self._left_out(step))
        if failed:
            return self._finish(_blocked(node_id, failed))
        if decision.build is not None and not self._must_run(step):
            reason = step.reason if step.action is Action.CACHED else self._cut_off(step)
            return self._finish(self._cached(step, decision.build, reason))
        if not self._must_run(step) and (build := self._fetch(node_id, decision)) is not None:
            self.made[node_id] = build
            return self._finish(self._cached(step, build, Reason(Why.BUILT_ELSEWHERE)))
        return None

    def _left_out(self, step: Step) -> NodeResult:
        """A node that this run was not asked for; the warnings of its last good build stand."""
        entry = self.world.facts[step.node_id].entry
        warnings = entry.warnings if entry is not None and entry.good else []
        return NodeResult(step.node_id, S.SKIPPED, reason=step.reason, metadata={"warnings": warnings} if warnings else {})

    def _cached(self, step: Step, build: Build | None, reason: Reason) -> NodeResult:
        self._take(step.node_id, build)
        entry = self.world.facts[step.node_id].entry
        if build is not None and entry is not None and self._adopt(build):
            self.made[step.node_id] = build
        rows = build.row_count if build else None
        return NodeResult(step.node_id, S.CACHED, row_count=rows, reason=reason, metadata=self._told(build))

    def _told(self, build: Build | None) -> dict[str, Any]:
        """What was checked, measured and warned of when this build was made; its record is read where that is not known."""
        if build is None:
            return {}
        sight, entry = self.world.sights[build.node_id], self.world.facts[build.node_id].entry
        if entry is None or entry.built != build.key or sight.kind.measures(sight.node):
            return told_of(self.world.outputs.whole(build))
        return {"warnings": entry.warnings} if entry.warnings else {}

    def build(self, node_id: str) -> Build | None:
        """The build that a node has by now, with all that its record tells; None where it has none."""
        build = self.builds.get(node_id)
        if node_id not in self.builds and node_id in self.first:
            build = self.world.find(node_id, self.first[node_id].key or "")
        if build is not None:
            build = self.builds[node_id] = self.world.outputs.whole(build)
        return build

    def _cut_off(self, step: Step) -> Reason:
        return Reason(Why.UP_TO_DATE if step.certain else Why.SAME_INPUTS)

    def _must_run(self, step: Step) -> bool:
        if step.forced:
            return True
        ran = [p for p in self.graph.inputs(step.node_id) if p in self.ran]
        if step.action is not Action.RUN or not ran:
            return False
        return not self.cutoff or any(self._blind(p) for p in ran)

    def _blind(self, node_id: str) -> bool:
        """Whether a node that ran left nothing to compare: no data, and no statement that stands for it."""
        build = self.builds.get(node_id)
        return (build is None or build.digest is None) and self.world.facts[node_id].stored

    def _take(self, node_id: str, build: Build | None) -> None:
        self.builds[node_id] = build
        self.digests[node_id] = None if build is None else build.identity

    def _failed_ancestor(self, node_id: str) -> str | None:
        """The node whose failure reaches this one, through skipped ones too; a rule's reaches who waits for it."""
        for parent in self.graph.before(node_id):
            result = self.results.get(parent)
            failed = parent if result is not None and result.status is S.FAILED else self._behind.get(parent)
            if failed is not None:
                self._behind[node_id] = failed
                return failed
        return None

    def _receive(self, *, block: bool) -> Iterator[Event]:
        """Take in the work that is finished, and how far other work is; ``block`` waits for something to do at least."""
        while self._in_flight:
            told = in_steps(self._next, self._interrupt_if_cancelled) if block else self._next(0)
            if isinstance(told, Future):
                yield self._finish(self._settled(told))
                block = False
            elif isinstance(told, NodeProgress):
                yield told
            else:
                return

    def tell(self, told: _Told) -> None:
        """Hear, from any thread, that work is finished, how far it is, or that one of the slots is free again."""
        self._done.put(told)
        with contextlib.suppress(RuntimeError):  # another one has told
            self._quiet.release()

    def _next(self, seconds: float) -> _Told | None:
        """What was told, or will be in that time; now and then None too early.

        The queue's own ``get(timeout=)`` waits for ever where a signal that raises nothing comes at its end (Python 3.11).
        """
        if self._done.empty():
            self._quiet.acquire(timeout=seconds)
        with contextlib.suppress(queue.Empty):
            return self._done.get_nowait()
        return None

    def _interrupt_if_cancelled(self) -> None:
        if self.cancelled.is_set():
            self._interrupt()

    def _settled(self, future: Future[tuple[NodeResult, Outcome]]) -> NodeResult:
        node_id = self._in_flight.pop(future)
        self.slots.give_back(node_id)
        result, outcome = future.result()
        if result.status is S.PENDING:
            return replace(result, reason=Reason(Why.INTERRUPTED))
        result, build = self._commit(result, outcome, self.decisions[node_id])
        if result.status is S.SUCCESS:
            self.ran.add(node_id)
            key = self.decisions[node_id].key
            self.builds[node_id], self.digests[node_id] = build, build.identity if build else key
            if build is not None:
                self.made[node_id] = build
        return result

    def _finish(self, result: NodeResult) -> Event:
        """Note the final status, and free what waited for the node."""
        self._failed = self._failed or result.status is S.FAILED
        for one in self.graph.after(result.node_id):
            self._waiting[one] -= 1
            if not self._waiting[one]:
                self._ready.add(self.graph.place(one))
        return self._keep(result)

    def _keep(self, result: NodeResult) -> Event:
        self.results[result.node_id] = result
        return NodeFinished(result)

    def abandon(self) -> bool:
        """Stop what is in flight; what has finished meanwhile is kept. Does nothing after a whole walk.

        A Python body in a thread cannot be stopped: after ``GRACE`` seconds it is left to itself, and its result counts for
        nothing. Gives whether all work has ended.
        """
        heard()
        if self._in_flight or len(self.results) < len(self.steps):
            self.cancelled.set()
        until = time.monotonic() + GRACE
        try:
            while self._in_flight and time.monotonic() < until:
                self._interrupt()
                if isinstance(told := self._next(STEP), Future):
                    self._keep(self._settled(told))
        finally:  # a result that cannot be kept ends this
            self._left_behind = self._left_behind or bool(self._in_flight)
            self._in_flight.clear()
        return not self._left_behind


def _blocked(node_id: str, failed: str) -> NodeResult:
    return NodeResult(node_id, S.SKIPPED, reason=Reason(Why.UPSTREAM_FAILED, failed))


def _anew(result: NodeResult) -> NodeResult:
    """The result of a former run, with a mapping of its own, which a reader may change."""
    return replace(result, metadata={**result.metadata}) if result.metadata else result
