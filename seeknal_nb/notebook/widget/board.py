"""How every node of one project stands now, as the browser is told it; hears a run's events. Knows no widget."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from seeknal_nb.draw import Picture
from seeknal_nb.draw.scene import fact_of, packed
from seeknal_nb.errors import SeeknalError
from seeknal_nb.notebook.widget.estimate import Usual, seconds_left
from seeknal_nb.notebook.widget.moment import Moment
from seeknal_nb.notebook.widget.progress import Progress
from seeknal_nb.status import ExecutionStatus
from seeknal_nb.views.drawing import stand
from seeknal_nb.workflow.events import NodeFinished, NodeProgress, NodeResult, NodeStarted, RunFinished, RunStarted
from seeknal_nb.workflow.history import good_seconds, read_history
from seeknal_nb.workflow.plan import Action
from seeknal_nb.workflow.reasons import Reason, Why

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from seeknal_nb.draw.scene import Fact
    from seeknal_nb.project import Project
    from seeknal_nb.workflow.events import Event

__all__ = ["Board"]

ESTIMATED: Final = 1.0
"""Seconds after which it is asked anew how long a run still takes: that goes through all edges."""


class Board:
    """One project's nodes by number, in the picture's order, and the run that goes on.

    Only the thread that consumes a run calls ``take``; any thread may ask for ``changes`` and ``snapshot``.

    Attributes:
        picture: The nodes and edges; its statuses are those of when the graph was last another one.
        index: The number of each node, by id.
        results: How each node stands.
        version: Counts how often the graph became another one.
        selected: The numbers of the nodes that are selected, in order.
        run_id: The run that goes on, or the last one; dry ones do not count.
        before: How the nodes stood when that began.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._lock = threading.RLock()
        self._ids: tuple[str, ...] = ()
        self.picture = Picture((), ())
        self.index: dict[str, int] = {}
        self.results: list[NodeResult] = []
        self._facts: list[Fact] = []
        self.version = 0
        self.selected: list[int] = []
        self._dirty: dict[int, None] = {}
        self._progress = Progress()
        self._usual: Usual | None = None
        self._estimated, self._estimate = 0.0, (0.0, False)
        # What the last good build of each node came to: shown of nodes that a run leaves alone.
        self._built = {i: (state.row_count, state.duration) for i, state in project.runner().states().items()}
        # Nodes that a run was not asked for stand as before, in the page: SKIPPED is said of those that it left out.
        self._beside: set[str] = set()
        self._looked = False
        self.run_id, self._since = "", 0.0
        self._set_picture({})
        self.before = self.stood()

    @property
    def progress(self) -> Progress:
        """The run that goes on, or the last one."""
        return self._progress

    def look(self, *, params: Mapping[str, object] | None = None, again: bool = False) -> None:
        """Look at the project how the nodes stand; where a run goes on, or has begun meanwhile, that tells.

        Looking ``again``, what the last run left out stays so until it is up to date: nobody has asked for more.

        Raises:
            SeeknalError: It cannot be planned; the nodes are shown, and stand as they did.
        """
        progress, found = self._progress, dict[str, NodeResult]()
        try:
            found = self._project.standing(params=params) if not progress.mode else {}
        finally:
            self._take_in(found | self._still_skipped(found) if again else found, progress)

    def _still_skipped(self, found: Mapping[str, NodeResult]) -> dict[str, NodeResult]:
        due = {node_id for node_id, result in found.items() if result.status is ExecutionStatus.PENDING}
        return {r.node_id: r for r in self.results if r.status is ExecutionStatus.SKIPPED and r.node_id in due}

    def _take_in(self, found: Mapping[str, NodeResult], progress: Progress) -> None:
        with self._lock:
            self._built |= {r.node_id: (r.row_count, r.duration) for r in found.values()}
            self._looked = self._looked or bool(found)
            told = {r.node_id: r for r in self.results} if not found or progress is not self._progress else {}
            if progress.dry and progress is self._progress and not progress.mode:
                self._progress = Progress()  # what a dry run said is over
            before, dirty = self.results, self._dirty
            self._set_picture({**found, **told})
            if self.results == before:
                self._dirty = dirty

    def _set_picture(self, results: Mapping[str, NodeResult]) -> None:
        picture = self._project.drawing(results).picture
        ids = tuple(mark.id for mark in picture.marks)
        self.version += ids != self._ids or picture.edges != self.picture.edges or _tags(picture) != _tags(self.picture)
        selected = self.ids(self.selected)
        self.picture, self._ids, self.index = picture, ids, {node_id: at for at, node_id in enumerate(ids)}
        self.selected = sorted(self.index[node_id] for node_id in selected if node_id in self.index)
        self.results = [results.get(i) or NodeResult(i, ExecutionStatus.PENDING) for i in ids]
        self._facts = list(map(fact_of, picture.marks))
        self._dirty = dict.fromkeys(range(len(ids)))

    def take(self, event: Event) -> None:
        """Note an event."""
        with self._lock:
            if isinstance(event, RunStarted):
                self._begin(event)
            elif isinstance(event, NodeStarted):
                self._progress.begin(event.node_id)
                self._show(NodeResult(event.node_id, ExecutionStatus.RUNNING, reason=event.reason))
            elif isinstance(event, NodeProgress):
                counts = {"built": event.done, "total": event.total}
                self._show(NodeResult(event.node_id, ExecutionStatus.RUNNING, metadata={"partitions": counts}))
            elif isinstance(event, NodeFinished):
                self._finish(event.result)
            elif isinstance(event, RunFinished):
                self._progress.end(event)
                for result in [r for r in self.results if r.status is ExecutionStatus.RUNNING]:
                    self._show(self._left_alone(result.node_id, ExecutionStatus.PENDING, Reason(Why.INTERRUPTED)))

    def _begin(self, event: RunStarted) -> None:
        mode = "background" if self._project.background.here else "foreground"
        self._usual = self._usual or Usual(good_seconds(read_history(self._project.runs_folder)))
        self._estimated = 0.0
        if event.run_id:
            self.before = self.stood()
            self.run_id, self._since = event.run_id, self.before.at
        self._progress = Progress(mode, dry=not event.run_id, todo=event.plan.runs)
        if self._progress.dry:
            return
        skipped = [step.node_id for step in event.plan.steps if step.action is Action.SKIP]
        self._beside = set(skipped) if event.plan.selection.nodes else set()
        if self._beside and not self._looked:
            with contextlib.suppress(SeeknalError):  # a parameter of this run alone may be needed to plan the others
                self._set_picture(self._project.standing())
        before = {r.node_id: r for r in self.results if r.node_id in self._beside}
        planned = {Action.CACHED: ExecutionStatus.CACHED, Action.SKIP: ExecutionStatus.SKIPPED}
        self._set_picture({
            step.node_id: self._left_alone(
                step.node_id, planned.get(step.action, ExecutionStatus.PENDING), step.reason
            )
            for step in event.plan.steps
        } | before)  # fmt: skip

    def _finish(self, result: NodeResult) -> None:
        self._progress.finish(result)
        blocked = result.reason.code is Why.UPSTREAM_FAILED
        if self._progress.dry or (result.node_id in self._beside and not blocked):
            return
        if result.status is ExecutionStatus.SUCCESS:
            self._built[result.node_id] = (result.row_count, result.duration)
            if self._usual is not None:
                self._usual.add(result.node_id, result.duration)
        executed = result.status in (ExecutionStatus.SUCCESS, ExecutionStatus.FAILED)
        self._show(result if executed else self._left_alone(result.node_id, result.status, result.reason, result))

    def _left_alone(
        self, node_id: str, status: ExecutionStatus, reason: Reason, told: NodeResult | None = None
    ) -> NodeResult:
        """The result of a node that was not executed, with what is told of the build that counts, its last good one."""
        rows, seconds = self._built.get(node_id, (None, 0.0))
        if told is None:
            return NodeResult(node_id, status, seconds, rows, reason=reason)
        rows = rows if told.row_count is None else told.row_count
        return NodeResult(node_id, status, seconds, rows, metadata=told.metadata, reason=reason)

    def _show(self, result: NodeResult) -> None:
        at = self.index.get(result.node_id)
        if at is not None:  # else a cell has taken it away since the run began
            self.results[at] = result
            self._facts[at] = fact_of(stand(self.picture.marks[at], result))
            self._dirty[at] = None

    def changes(self) -> dict[str, Any]:
        """What has changed since the last time, as the browser's ``delta``: node, look, rows, seconds, and so on."""
        with self._lock:
            dirty, self._dirty = self._dirty, {}
            facts = {at: self._fact(at) for at in dirty}
            found = [value for at, fact in facts.items() for value in (at, fact.look, fact.rows, fact.seconds)]
            more = {str(at): fact.more for at, fact in facts.items() if fact.more}
            return {"k": "delta", "d": found, "more": more, "run": self.run()}

    def snapshot(self) -> dict[str, Any]:
        """How all stand, as the browser's ``snapshot``."""
        with self._lock:
            return packed([self._fact(at) for at in range(len(self.results))], self.run())

    def stood(self, run_id: str = "") -> Moment:
        """How all stand, as a value that stays; ``run_id`` is the run that has left them so, if one has."""
        with self._lock:
            return Moment(run_id, self._since if run_id else time.time(), self.version, self.picture, self.snapshot())

    def _fact(self, at: int) -> Fact:
        """How a node stands, with what only a run that goes on can tell: how long it runs, and that others wait."""
        result, fact = self.results[at], self._facts[at]
        if result.status is ExecutionStatus.RUNNING:
            expected = self._usual.of(result.node_id) if self._usual is not None else None
            told = {"expect": expected, "parts": fact.more.get("parts")}
            more = {name: value for name, value in told.items() if value}
            return replace(fact, seconds=self._progress.since(result.node_id), more=more)
        waits = result.status is ExecutionStatus.PENDING and self._progress.waits(result.node_id)
        return replace(fact, more={**fact.more, "why": "waits"}) if waits else fact

    def run(self) -> dict[str, Any]:
        """The run, as the browser has it."""
        background = self._project.background
        current = background.current
        stopping = current is not None and current.stopping and bool(self._progress.mode)
        notes = [[self.index[i], text] for i, text in self._progress.notes if i in self.index]
        now = [self.index[i] for i in self._progress.now if i in self.index]
        told = {"now": now, "notes": notes, "queued": background.queued, "cancelling": stopping, **self._left()}
        return {**self._progress.to_dict(), **told}

    def _left(self) -> dict[str, Any]:
        """The seconds that are left of a run, and whether some node of it was never built, so that it is more."""
        if not self._progress.mode or self._usual is None:
            return {"left": 0, "least": False}
        since = time.monotonic() - self._estimated
        if since >= ESTIMATED:
            self._estimate = self._estimated_left(self._usual)
            self._estimated, since = time.monotonic(), 0.0
        left, least = self._estimate
        return {"left": round(max(left - since, 0), 1), "least": least}

    def _estimated_left(self, usual: Usual) -> tuple[float, bool]:
        progress = self._progress
        known = {self.index[i]: usual.of(i) for i in progress.remaining() if i in self.index}
        seconds = {at: max(took - progress.spent(self._ids[at]), 0) for at, took in known.items() if took is not None}
        workers = max(self._project.means.workers, progress.most)
        return seconds_left(sorted(known), self.picture.edges, seconds, workers), None in known.values()

    def found(self, node_id: str) -> tuple[int, NodeResult] | None:
        """A node's number, and how it stands; None for one that a cell has taken away."""
        with self._lock:
            at = self.index.get(node_id)
            return None if at is None else (at, self.results[at])

    def ids(self, numbers: Iterable[int]) -> list[str]:
        """The ids of these numbers, which count from 0; raises ``IndexError`` for one that is too large."""
        return [self._ids[number] for number in numbers]


def _tags(picture: Picture) -> list[tuple[str, ...]]:
    return [(mark.folder, *mark.tags) for mark in picture.marks]
