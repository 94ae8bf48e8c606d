"""A node with partitions: which of them have a build already, and the jobs of the others; a memo below the decision.

Each partition is built under a key of its own; the node's build lists them all.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.partitions import shown
from seeknal_nb.errors import SeeknalError
from seeknal_nb.storage.builds import AGAIN, Build, Part
from seeknal_nb.storage.stages import discard
from seeknal_nb.workflow.observe import prove_unchanged
from seeknal_nb.workflow.outcome import Failure, Outcome
from seeknal_nb.workflow.partjobs import PartJobs, prove_files
from seeknal_nb.workflow.partwork import Taken, Work, failed, folded

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from seeknal_nb.dag.partitions import Slice
    from seeknal_nb.kinds.cuts import Cut
    from seeknal_nb.workflow.events import NodeProgress
    from seeknal_nb.workflow.job import Job
    from seeknal_nb.workflow.partjobs import PartJob
    from seeknal_nb.workflow.publisher import Publisher
    from seeknal_nb.workflow.slots import Slots

__all__ = ["Again", "Parted"]


@dataclass(frozen=True, slots=True)
class Again:
    """Which partitions are executed though they have a build: those of the nodes that are forced, or of them the named."""

    nodes: Collection[str]
    named: Collection[str] = ()

    def holds(self, node_id: str, value: str | None) -> bool:
        """Whether that one is."""
        return node_id in self.nodes and (not self.named or shown(value) in self.named)


class Parted:
    """Does the work of nodes that have partitions, for one run.

    Args:
        publisher: Makes the outcome of a job the build of its key.
        build: The build that a node has by now.
        do: Does one job, and raises nothing.
        again: Which are executed though they have a build.
        on: Whether to go on with the others where one fails.
        stopped: Whether nothing more is to start.
        slots: How many jobs of the run go on at a time; a node's partitions take those that no node waits for.
        tell: Hears how far a node is.
        fetch: Gives the build that others have made of a partition, by its key, where there is one.
    """

    def __init__(
        self,
        publisher: Publisher,
        *,
        build: Callable[[str], Build | None],
        do: Callable[[Job], Outcome],
        again: Again,
        on: bool,
        stopped: Callable[[], bool],
        slots: Slots,
        tell: Callable[[NodeProgress], None],
        fetch: Callable[[str, str], Build | None],
    ) -> None:
        self._outputs, self._world = publisher.outputs, publisher.world
        self._jobs = PartJobs(publisher.outputs, publisher.world, publisher.engine, build)
        self._publisher, self._do, self._again, self._on = publisher, do, again, on
        self._stopped, self._slots, self._tell, self._fetch = stopped, slots, tell, fetch
        self._made: dict[str, set[str]] = {}
        self._listed: dict[str, dict[str, Part]] = {}

    def outcome(self, job: Job, cut: Cut) -> Outcome:
        """Execute the partitions of a node that have no build, and list all of them; raises nothing of a node's own."""
        work = None
        try:
            if job.node.node_type == "source":
                schema, warnings, total, jobs = self._jobs.of_source(job, cut)
            else:
                schema, warnings, (total, jobs) = (), [], self._jobs.of_body(job, cut)
            work = Work(job.node.id, total, jobs, self._on, self._stopped, warnings)
            self._take_all(work)
            if self._stopped():
                return Outcome(interrupted=True)
            if work.failures:
                return Outcome(failure=failed(work, cut))
            self._end(work, well=True)
            if not work.taken and not schema:
                nothing = self._empty(job, cut)
                if nothing.interrupted or nothing.failure is not None:
                    return nothing
                schema = nothing.schema
            return folded(cut, work, schema)
        except SeeknalError as error:
            return Outcome(failure=Failure.of(error, job.node))
        finally:
            if work is not None:
                self._end(work, well=False)
            self._jobs.done(job.node.id)

    def _take_all(self, work: Work) -> None:
        """Take all partitions, in this thread and in others as long as there are slots for them; these have ended then."""
        try:
            while (one := work.next()) is not None:
                self._recruit(work)
                self._take(*one, work)
        except BaseException as error:  # noqa: BLE001 - it is raised when no other thread takes any more
            work.error = work.error or error
        for helper in work.helpers:  # which may start others meanwhile
            helper.join()
        if work.error is not None:
            raise work.error

    def _recruit(self, work: Work) -> None:
        """Start a thread for each slot that is free, and for each partition that is left at most."""
        while work.lacks_helpers() and self._slots.take_spare(work.node_id):
            helper = threading.Thread(target=self._help, args=(work,), name="seeknal_part", daemon=True)
            try:
                helper.start()
            except BaseException:
                self._slots.give_spare_back(work.node_id)
                raise
            work.helpers.append(helper)

    def _help(self, work: Work) -> None:
        """Take partitions until there is none, or a node waits for the slot."""
        try:
            while not self._slots.wanted and (one := work.next()) is not None:
                self._recruit(work)
                self._take(*one, work)
        except BaseException as error:  # noqa: BLE001 - the node's own thread raises it
            work.error = work.error or error
        finally:
            self._slots.give_spare_back(work.node_id)

    def _take(self, number: int, one: PartJob, work: Work) -> None:
        """Take the build of one partition, or make it."""
        piece, node_id = one.piece, work.node_id
        made = self._made.setdefault(node_id, set())
        again = self._again.holds(node_id, piece.value) and one.key not in made
        found = self._found(node_id, one.key, again=again)
        part, told = (None, {}) if again else found
        later = None
        built = part is None or one.key in made  # by an attempt before this one, too
        if part is None:
            job = one.job()
            outcome = self._do(job)
            stopped = outcome.interrupted or self._stopped()
            failure = None if stopped else outcome.failure or self._changed(job, piece)
            if stopped or failure is not None:
                if outcome.stage is not None:
                    discard(outcome.stage)
                if failure is not None:
                    work.failures[number] = (piece.value, failure)
                return
            told = job.around.secrets.hide(dict(outcome.metadata)) | ({AGAIN: True} if found[0] is not None else {})
            build = Build(
                node_id, one.key, row_count=outcome.rows, schema=outcome.schema, inputs=one.read, metadata=told, by=piece.by
            )
            if again:  # the former one gives way when all are there
                part, later = Part(None, one.key, 0, "", (), ()), (one, build, outcome)
            else:
                known = self._published(one, build, outcome)
                part, told = known.parts[0], known.metadata
        work.taken[number] = Taken(replace(part, value=piece.value), told, built, later)
        if progress := work.progress():
            self._tell(progress)

    def _found(self, node_id: str, key: str, *, again: bool) -> tuple[Part | None, Mapping[str, Any]]:
        """A partition that is built, and what its build tells; one that the node's last build lists needs no record.

        That one tells of its partitions' warnings: where it has none, they have none.
        """
        last = None if self._world.verify else self._publisher.built_before(node_id)
        if node_id not in self._listed:
            silent = last is not None and last.lists and not last.metadata.get("warnings")
            self._listed[node_id] = {part.key: part for part in last.parts} if last is not None and silent else {}
        part = self._listed[node_id].get(key)
        if last is not None and part is not None and self._outputs.intact_part(last, part):
            return part, {}
        known = self._outputs.find(node_id, key, verify=self._world.verify)
        if known is None and not again:
            known = self._fetch(node_id, key)
        return (None, {}) if known is None else (known.parts[0], known.metadata)

    def _published(self, one: PartJob, build: Build, outcome: Outcome) -> Build:
        known = self._publisher.publish(build, outcome, outcome.seconds, piece=one.piece)
        self._made[build.node_id].add(build.key)
        return known

    def _end(self, work: Work, *, well: bool) -> None:
        """Publish what was executed again, or take it away."""
        for taken in work.taken.values():
            if taken.later is None:
                continue
            one, build, outcome = taken.later
            if well:
                known = self._published(one, build, outcome)
                taken.part, taken.told = replace(known.parts[0], value=one.piece.value), known.metadata
            elif outcome.stage is not None:
                discard(outcome.stage)
            taken.later = None

    def _changed(self, job: Job, piece: Slice) -> Failure | None:
        """Why what was read is not what the key tells of: it changed meanwhile."""
        try:
            if piece.files:
                prove_files(piece.files, self._world.sights[job.node.id].seen)
            else:
                prove_unchanged(self._world, job.node.id, job.around)
        except SeeknalError as error:
            return Failure.of(error, job.node)
        return None

    def _empty(self, job: Job, cut: Cut) -> Outcome:
        """Run a body over nothing, for its columns."""
        outcome = self._do(self._jobs.over_nothing(job, cut))
        if outcome.stage is not None:
            discard(outcome.stage)
        return outcome
