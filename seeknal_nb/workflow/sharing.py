"""A run and a store that others use, too: what they have built is not built again, what is built here is sent there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeknal_nb.declaration import KINDS
from seeknal_nb.errors import StateError
from seeknal_nb.storage.builds import told_of
from seeknal_nb.storage.shared import SharedStore
from seeknal_nb.workflow.events import ExecutionStatus, NodeResult
from seeknal_nb.workflow.outcome import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from seeknal_nb.storage.builds import Build, File
    from seeknal_nb.storage.outputs import OutputStore
    from seeknal_nb.workflow.job import Job
    from seeknal_nb.workflow.ledger import Ledger
    from seeknal_nb.workflow.observe import Observed
    from seeknal_nb.workflow.outcome import Outcome
    from seeknal_nb.workflow.plan import Decision, Plan
    from seeknal_nb.workflow.walk import Walk

__all__ = ["Sharing"]


class Sharing:
    """What one run does with the store behind its builds; where there is none, nothing.

    Args:
        outputs: The builds.
        world: What was observed.
        ledger: What remembers.
        own: The caller's own kinds.
    """

    def __init__(self, outputs: OutputStore, world: Observed, ledger: Ledger, own: Mapping[str, Any]) -> None:
        self._store = outputs if isinstance(outputs, SharedStore) else None
        self._world, self._ledger, self._own = world, ledger, own

    def begin(self, plan: Plan) -> None:
        """Before anything runs: raises ``StateError`` where the store's library is not there."""
        if self._store is not None:
            self._store.begin({step.node_id for step in plan.steps if step.forced}, asks=bool(plan.runs))

    def _is_shared(self, node_id: str) -> bool:
        """Whether what others have built under a node's key may stand for it.

        Its kind is ours, its table is all that it does, and its key tells all that it reads: not so of what is due.
        """
        node, facts = self._world.sights[node_id].node, self._world.facts[node_id]
        ours = node.node_type in KINDS and node.node_type not in self._own
        return ours and facts.addressed and facts.stored and not facts.dated and not facts.due

    def part(self, node_id: str, key: str) -> Build | None:
        """The build that others have made of one of its partitions."""
        return self._store.fetch(node_id, key) if self._store is not None and self._is_shared(node_id) else None

    def fetched(self, node_id: str, decision: Decision) -> Build | None:
        """The build that others have made of a node that would be executed; it is remembered as if it was made here."""
        apart = self._store is None or decision.key is None or self._world.facts[node_id].apart
        build = None if apart else self.part(node_id, decision.key or "")
        if build is not None:
            result = NodeResult(node_id, ExecutionStatus.SUCCESS, row_count=build.row_count, metadata=told_of(build))
            self._ledger.note(result, decision, build, self._world, seen=None)
        return build

    def bring(self, job: Job, walk: Walk) -> Failure | None:
        """Have the files here that a job may read; gives why they cannot be.

        What else has gone with them is forgotten, too, so that the next run builds all of it.
        """
        if self._store is None:
            return None
        try:
            self._store.bring(_files(job, walk))
        except StateError as error:
            above = (node_id for node_id in walk.graph.sorted_ids if node_id in walk.results)
            self._store.forget_lost(build for node_id in above if (build := walk.build(node_id)) is not None)
            return Failure.of(error, job.node)
        return None

    def send(self, job: Job, outcome: Outcome) -> None:
        """Send what a job has staged, ahead of its publication."""
        if self._store is None or outcome.stage is None or outcome.failure is not None:
            return
        if self._is_shared(job.node.id):
            self._store.send(outcome.stage, job.node.id, job.key)

    def rest(self, walk: Walk) -> tuple[str, ...]:
        """Send what is up to date here and not there yet; gives what a reader of the summary should know of that."""
        if self._store is None or walk.cancelled.is_set():
            return ()
        try:
            told = self._store.share(self._builds(walk, self._store))
        except StateError as error:  # of this folder's disk, when all is done
            told = str(error)
        return (told,) if told else ()

    def _builds(self, walk: Walk, store: SharedStore) -> Iterator[Build]:
        """The whole builds that the run has made, or found up to date."""
        good = (ExecutionStatus.SUCCESS, ExecutionStatus.CACHED)
        for node_id in [node_id for node_id, result in walk.results.items() if result.status in good]:
            step, decision = walk.first.get(node_id), walk.decisions.get(node_id)
            key = step.key if step is not None else decision and decision.key
            if key and not store.is_there(node_id, key) and self._is_shared(node_id):
                build = walk.build(node_id)
                if build is not None and build.path is not None and not self._world.facts[node_id].apart:
                    yield build


def _files(job: Job, walk: Walk) -> dict[Path, File]:
    """The files of builds that a job may read, and what their records say of them."""
    read = {path for relation in job.bound.values() for _, paths in relation.groups for path in paths}
    given = {one.node_id: one.build for one in job.inputs}
    found: dict[Path, File] = {}
    for node_id in dict.fromkeys((*job.bound, *given)):
        build = given[node_id] if node_id in given else walk.build(node_id)
        if build is not None and build.path is not None:
            above = build.path.parent.absolute()
            rows = (file for part in build.parts for file in part.files if str(above / file.name) in read)
            found |= {above / file.name: file for file in (*rows, *build.artefacts)}
    return found
