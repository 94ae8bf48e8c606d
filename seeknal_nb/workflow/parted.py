"""A node with partitions: which of them have a build already, and the jobs of the others; a memo below the decision.

Each partition is built under a key of its own, ``H(node, code and config, partition, what exactly it reads)``; the node's
build lists them all. So a whole run and one of what changed are the same program over one list of keys.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.keys import build_key, own_digest
from seeknal_nb.dag.partitions import CALENDAR, Slice, containing, earlier, ordered, shown, slice_of
from seeknal_nb.engines import OpenedLater, Relation
from seeknal_nb.errors import NodeError, SeeknalError
from seeknal_nb.kinds.metadata import merged
from seeknal_nb.kinds.paths import as_told
from seeknal_nb.kinds.sources.cut import FileFacts, cut_files
from seeknal_nb.kinds.sources.readers import READERS
from seeknal_nb.kinds.task import Input, Task
from seeknal_nb.python.capture import Captured
from seeknal_nb.storage.builds import FACTS, Build, Part
from seeknal_nb.storage.files import content, digest, digest_file, signature, write_atomic
from seeknal_nb.storage.outputs import discard, new_stage
from seeknal_nb.workflow.job import Failure, Outcome
from seeknal_nb.workflow.observe import prove_unchanged

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping

    from seeknal_nb.engines import Schema
    from seeknal_nb.kinds.cuts import Cut
    from seeknal_nb.kinds.task import Seen
    from seeknal_nb.workflow.job import Job
    from seeknal_nb.workflow.publisher import Publisher

__all__ = ["Parted"]

LONGEST_OUTPUT = 20_000
PLACES = frozenset({"path", "table", *READERS})
"""Keys of a source that say which files there are."""


@dataclass(slots=True)
class _Work:
    """What has come of a node's partitions so far."""

    parts: list[Part] = field(default_factory=list)
    told: list[Mapping[str, Any]] = field(default_factory=list)
    failures: dict[str, Failure] = field(default_factory=dict)
    later: list[tuple[int, Slice, Build, Outcome]] = field(default_factory=list)
    output: str = ""
    built: int = 0
    schema: Schema = ()


class Parted:
    """Does the work of nodes that have partitions, for one run.

    Args:
        publisher: Makes the outcome of a job the build of its key.
        build: The build that a node has by now.
        do: Does one job, and raises nothing.
        again: The ids of the nodes whose partitions are executed though they have a build.
        on: Whether to go on with the others where one fails.
        stopped: Whether nothing more is to start.
    """

    def __init__(
        self,
        publisher: Publisher,
        *,
        build: Callable[[str], Build | None],
        do: Callable[[Job], Outcome],
        again: Container[str],
        on: bool,
        stopped: Callable[[], bool],
    ) -> None:
        self._outputs, self._world, self._engine = publisher.outputs, publisher.world, publisher.engine
        self._publisher, self._build, self._do, self._again, self._on = publisher, build, do, again, on
        self._stopped = stopped
        self._made: dict[str, set[str]] = {}

    def outcome(self, job: Job, cut: Cut) -> Outcome:
        """Execute the partitions of a node that have no build, and list all of them; raises nothing of a node's own."""
        work = _Work()
        try:
            source = job.node.node_type == "source"
            work.schema, jobs = self._of_source(job, cut) if source else ((), self._of_body(job, cut))
            for piece, one in jobs:
                if self._stopped():
                    return Outcome(interrupted=True)
                if (stopped := self._take(one, piece, work)) is not None:
                    return stopped
                if work.failures and not self._on:
                    break
            if work.failures:
                return Outcome(failure=_failed(work.failures))
            self._end(work, well=True)
            if not work.parts and not source and (stopped := self._empty(job, cut, work)) is not None:
                return stopped
            return _folded(cut, work)
        except SeeknalError as error:
            return Outcome(failure=Failure.of(error, job.node))
        finally:
            self._end(work, well=False)

    def _take(self, job: Job, piece: Slice, work: _Work) -> Outcome | None:
        """Take the build of one partition, or make it; gives the outcome where it was interrupted."""
        node_id, made = job.node.id, self._made.setdefault(job.node.id, set())
        again = node_id in self._again and job.key not in made
        known = None if again else self._outputs.find(node_id, job.key, verify=self._world.verify)
        if known is None:
            outcome = self._do(job)
            stopped = outcome.interrupted or self._stopped()
            failure = None if stopped else outcome.failure or self._changed(job, piece)
            if stopped or failure is not None:
                if outcome.stage is not None:
                    discard(outcome.stage)
                if failure is not None:
                    work.failures[piece.shown] = failure
                return Outcome(interrupted=True) if stopped else None
            told = job.around.secrets.hide(dict(outcome.metadata))
            build = Build(node_id, job.key, row_count=outcome.rows, schema=outcome.schema, metadata=told, by=piece.by)
            work.output += str(told.get("output") or "")
            work.built += 1
            if again:  # the former one gives way when all are there
                work.later.append((len(work.parts), piece, build, outcome))
            else:
                known = self._published(build, outcome, piece)
        part = Part(None, job.key, 0, "", (), ()) if known is None else known.parts[0]
        work.parts.append(replace(part, value=piece.value))
        work.told.append({} if known is None else known.metadata)
        return None

    def _published(self, build: Build, outcome: Outcome, piece: Slice) -> Build:
        known = self._publisher.publish(build, outcome, outcome.seconds, piece=piece)
        self._made[build.node_id].add(build.key)
        return known

    def _end(self, work: _Work, *, well: bool) -> None:
        """Publish what was executed again, or take it away."""
        for at, piece, build, outcome in work.later:
            if well:
                known = self._published(build, outcome, piece)
                work.parts[at], work.told[at] = replace(known.parts[0], value=piece.value), known.metadata
            elif outcome.stage is not None:
                discard(outcome.stage)
        work.later.clear()

    def _changed(self, job: Job, piece: Slice) -> Failure | None:
        """Why what was read is not what the key tells of: it changed meanwhile."""
        try:
            if piece.files:
                _prove_files(piece.files, self._world.sights[job.node.id].seen)
            else:
                prove_unchanged(self._world, job.node.id, job.around)
        except SeeknalError as error:
            return Failure.of(error, job.node)
        return None

    def _empty(self, job: Job, cut: Cut, work: _Work) -> Outcome | None:
        """Run a body over nothing, for its columns; gives the outcome where it gives none."""
        cuts = self._world.cuts.read(job.node.id)
        nothing = {one: replace(found, groups=()) if one in cuts else found for one, found in job.bound.items()}
        outcome = self._do(replace(job, bound=nothing, slice=replace(slice_of(cut.by, None), proved=True)))
        if outcome.interrupted or outcome.failure is not None:
            return outcome
        if outcome.stage is not None:
            discard(outcome.stage)
        work.schema = outcome.schema
        return None

    def _key(self, node_id: str, piece: Slice, read: list[Any], *, probe: str | None = None) -> str:
        """What makes one build of a partition the same as another; which files there are besides does not matter to it."""
        parts = self._world.facts[node_id].parts
        own = own_digest({name: found for name, found in parts.items() if name not in PLACES})
        return build_key(node_id, own, probe, [(json.dumps(piece.value), digest(json.dumps(read)))])

    def _of_source(self, job: Job, cut: Cut) -> tuple[Schema, Iterator[tuple[Slice, Job]]]:
        node_id, seen = job.node.id, self._world.sights[job.node.id].seen
        file = self._outputs.directory(node_id, FACTS)
        known, stage = _facts(file), new_stage(self._outputs.root, node_id, "facts")
        try:
            with OpenedLater(self._engine, {}) as session:
                task = Task(job.node, job.key, {}, stage, Captured(), job.around, session, seen=seen)
                schema, slices, facts = cut_files(task, cut.by, known)
        finally:
            discard(stage)
        _prove_files(seen, seen)
        if facts != known:
            write_atomic(file, json.dumps({key: one.told() for key, one in facts.items()}).encode())
        read = (
            (one, [one.schema, one.meanings, [[seen[path][-1], as_told(Path(path), job.around.root)] for path in one.files]])
            for one in slices
        )
        return schema, ((one, replace(job, key=self._key(node_id, one, what), slice=one)) for one, what in read)

    def _of_body(self, job: Job, cut: Cut) -> Iterator[tuple[Slice, Job]]:
        builds = {one: build for one in job.bound if (build := self._build(one)) is not None}
        cuts = {one: build for one, build in builds.items() if build.lists}
        self._check_cuts(job.node.id, cuts)
        self._check_values(cut, cuts)
        values = ordered(_within(cut, build, part.value) for build in cuts.values() for part in build.parts)
        for value in values:
            piece = replace(slice_of(cut.by, value, cut.lookback), proved=cut.proved)
            yield piece, self._slice(job, cut, piece, builds, cuts)

    def _check_cuts(self, node_id: str, cuts: Mapping[str, Build]) -> None:
        """What it reads must have been built as it is cut now: a run may have been asked for this node alone."""
        for one, its in self._world.cuts.read(node_id).items():
            by = cuts[one].by if one in cuts else None
            if by is None or (by.grain, by.zone) != (its.by.grain, its.by.zone):
                why = "its last build is older than its partition_by"
                raise NodeError(f"{one} was built with other partitions than it has now", why=why, remedy=f"run {one} too")

    def _check_values(self, cut: Cut, cuts: Mapping[str, Build]) -> None:
        """Values of several tables must be of one type: '007' and 7 may be equal, and have two names."""
        if cut.by.grain in CALENDAR or cut.proved or len(cuts) < 2:  # noqa: PLR2004 - what is one cannot differ
            return
        kinds = {one: dict(build.schema).get(build.by.column if build.by else "", "") for one, build in cuts.items()}
        if len({*kinds.values()}) > 1 or "" in kinds.values():
            told = ", ".join(f"{kind or 'of no one column'} in {one}" for one, kind in kinds.items())
            raise NodeError("the partitions of its inputs are of several types", why=told, remedy="cast the column alike")

    def _slice(self, job: Job, cut: Cut, piece: Slice, builds: Mapping[str, Build], cuts: Mapping[str, Build]) -> Job:
        """The job of one partition: what it reads stands for the partition's rows alone."""
        wanted = {piece.value}
        if piece.value is not None and cut.lookback:
            wanted.update(earlier(cut.by.grain, piece.value, cut.lookback))
        bound, read, taken = dict(job.bound), list[Any](), dict[str, Build]()
        for one, relation in job.bound.items():
            if one in cuts:
                parts = tuple(part for part in cuts[one].parts if _within(cut, cuts[one], part.value) in wanted)
                bound[one] = cuts[one].relation(parts)
                taken[one] = replace(cuts[one], parts=parts, row_count=sum(part.rows for part in parts))
                read.append([one, cuts[one].schema, [part.digest for part in parts]])
            else:
                read.append([one, relation.sql or builds[one].identity])
        for given in job.inputs:
            if given.node_id not in bound:  # it has no table
                read.append([given.node_id, given.build.identity if given.build is not None else ""])
        inputs = tuple(
            Input(one.node_id, bound.get(one.node_id, Relation()), taken.get(one.node_id, one.build)) for one in job.inputs
        )
        key = self._key(job.node.id, piece, read, probe=self._world.facts[job.node.id].probe)
        return replace(job, key=key, slice=piece, bound=bound, inputs=inputs)


def _folded(cut: Cut, work: _Work) -> Outcome:
    """What came of all partitions together."""
    parts = tuple(work.parts)
    counts = {"by": cut.by.grain, "total": len(parts), "built": work.built, "kept": len(parts) - work.built}
    output = work.output[-LONGEST_OUTPUT:]
    told = merged({"partitions": counts}, {"warnings": _warnings(work)}, {"output": output} if output else {})
    schema = work.schema or _schema_of(work.parts)
    return Outcome(rows=sum(part.rows for part in parts), schema=schema, metadata=told, parts=parts, by=cut.by)


def _prove_files(paths: Iterable[str], seen: Seen) -> None:
    """Files must be what they were when they were looked at: their stat signatures, or their bytes; raises ``NodeError``."""
    for path in paths:
        if seen[path][:-1] != signature(path) and seen[path][-1] != digest_file(Path(path)):
            raise NodeError("a file changed while it was read", why=path, remedy="run again when it is complete")


def _within(cut: Cut, build: Build, value: str | None) -> str | None:
    """The partition of a node in which one of its input's lies."""
    grain = build.by.grain if build.by is not None else cut.by.grain
    if value is None or grain == cut.by.grain or grain not in CALENDAR:
        return value
    return containing(cut.by.grain, grain, value)


def _schema_of(parts: list[Part]) -> Schema:
    """The columns of all parts; those without rows have no say.

    Raises:
        NodeError: Two parts have other columns or types; both are named.
    """
    known = [part for part in parts if part.rows] or parts[:1]
    for part in known:
        if part.schema != known[0].schema:
            moved = {*part.schema} == {*known[0].schema}
            odd = "they stand in another order" if moved else "a column is missing"
            odd = next((f"{n} is {k}" for n, k in part.schema if (n, k) not in known[0].schema), odd)
            raise NodeError(
                f"the partitions {shown(known[0].value)} and {shown(part.value)} have other columns",
                why=f"{odd} in {shown(part.value)}",
                remedy="cast it in the body",
            )
    return known[0].schema if known else ()


def _warnings(work: _Work) -> list[str]:
    """The warnings of all partitions, each once, with the first that has it."""
    found: dict[str, str] = {}
    for part, told in zip(work.parts, work.told, strict=True):
        for text in told.get("warnings") or ():
            found.setdefault(text, f"partition {shown(part.value)}: {text}")
    return list(found.values())


def _failed(failures: Mapping[str, Failure]) -> Failure:
    """The first failure, which names its partition, and the others that failed."""
    [(value, first), *others] = failures.items()
    named = ", ".join([*(name for name, _ in others[:5]), *(["..."] if len(others) > 5 else [])])  # noqa: PLR2004
    more = f" ({len(others)} more failed: {named})" if others else ""
    what = f"partition {value}: {first.what or first.text}{more}"
    return replace(first, text=f"partition {value}: {first.text}{more}", what=what, error=None)


def _facts(file: Path) -> dict[str, FileFacts]:
    with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
        return {key: FileFacts.of(told) for key, told in json.loads(content(file)).items()}
    return {}
