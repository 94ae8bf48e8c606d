"""The jobs of a node with partitions: one for each of them, under a key of its own.

A partition's key is ``H(node, code and config, partition, what exactly it reads)``: a whole run and one of what changed are
the same program over one list of keys.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from seeknal_nb.dag.keys import SPAN, build_key, own_digest
from seeknal_nb.dag.partitions import CALENDAR, OF_PARTITION, Slice, containing, earlier, ordered, shown, slice_of
from seeknal_nb.engines import OpenedLater, Relation
from seeknal_nb.errors import NodeError
from seeknal_nb.kinds.body import sql_key, sql_of
from seeknal_nb.kinds.files import unsettled
from seeknal_nb.kinds.paths import as_told
from seeknal_nb.kinds.sources.cut import cut_files
from seeknal_nb.kinds.sources.facts import FileFacts
from seeknal_nb.kinds.sources.readers import READERS
from seeknal_nb.kinds.task import Input, Task
from seeknal_nb.python.capture import Captured
from seeknal_nb.sql.text import statements
from seeknal_nb.sql.types import is_zoned
from seeknal_nb.storage.builds import FACTS
from seeknal_nb.storage.files import content, digest, digest_file, io_errors, signature
from seeknal_nb.storage.stages import discard, new_stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.engines import OnFirstUse, Schema
    from seeknal_nb.kinds.cuts import Cut
    from seeknal_nb.kinds.task import Seen
    from seeknal_nb.storage.builds import Build, Part
    from seeknal_nb.storage.outputs import OutputStore
    from seeknal_nb.workflow.job import Job
    from seeknal_nb.workflow.observe import Observed

    _ByValue = Mapping[str | None, list[Part]]

__all__ = ["PartJob", "PartJobs", "prove_files"]

PLACES = frozenset({"path", "table", *READERS})
"""Keys of a source that say which files there are."""


@dataclass(frozen=True, slots=True)
class PartJob:
    """What builds one partition.

    Attributes:
        piece: Which.
        key: Of its build.
        read: The digests of what it reads, by ``file data/1.csv``, ``input source.a``.
        job: Makes the job, for whoever has not found the build.
    """

    piece: Slice
    key: str
    read: Mapping[str, str]
    job: Callable[[], Job]


class PartJobs:
    """Makes the jobs of partitions, for one run.

    Args:
        outputs: Where builds lie.
        world: What was observed.
        engine: What looks into files.
        build: The build that a node has by now.
    """

    def __init__(
        self, outputs: OutputStore, world: Observed, engine: OnFirstUse, build: Callable[[str], Build | None]
    ) -> None:
        self._outputs, self._world, self._engine, self._build = outputs, world, engine, build
        self._shared: dict[str, Path] = {}

    def done(self, node_id: str) -> None:
        """Take away what was kept for the partitions of a node."""
        if (shared := self._shared.pop(node_id, None)) is not None:
            discard(shared)

    def _own(self, node_id: str) -> str:
        """What the keys of all its partitions hold; which files there are besides does not matter to them."""
        parts = self._world.facts[node_id].parts
        return own_digest({name: found for name, found in parts.items() if name not in PLACES and name != SPAN})

    def of_source(self, job: Job, cut: Cut) -> tuple[Schema, list[str], int, Iterator[PartJob]]:
        """Of a source the columns of all files, warnings, how many partitions are wanted, and what builds each, in order.

        Raises:
            NodeError: The files have no partitions.
        """
        node_id, seen = job.node.id, self._world.sights[job.node.id].seen
        file = self._outputs.directory(node_id, FACTS)
        known, stage = _facts(file), new_stage(self._outputs.root, node_id, "facts")
        try:
            with OpenedLater(self._engine, {}) as session:
                task = Task(job.node, job.key, {}, stage, Captured(), job.around, session, seen=seen)
                self._shared[node_id] = new_stage(self._outputs.root, node_id, "files")
                schema, slices, facts, warnings = cut_files(task, cut.by, known, self._shared[node_id])
            prove_files(seen, seen)
            if facts != known:
                _keep(facts, stage / FACTS, file)
        finally:
            discard(stage)
        wanted = self._wanted(node_id, cut, [one.value for one in slices])
        if slices and not wanted:
            there = [one.shown for one in slices if one.value is not None] or [shown(None)]
            warnings = [*warnings, f"it has no partition there: they are {there[0]} to {there[-1]}"]
        slices = [one for one in slices if one.value in wanted]
        own = self._own(node_id)
        return schema, warnings, len(slices), (self._of_files(job, own, one, seen) for one in slices)

    def _of_files(self, job: Job, own: str, piece: Slice, seen: Seen) -> PartJob:
        files = {f"file {as_told(path, job.around.root)}": seen[path][-1] for path in piece.files}
        read = {"columns": digest(json.dumps([piece.schema, piece.meanings])), **files}
        key = _key(job.node.id, own, piece, read)
        return PartJob(piece, key, read, lambda: replace(job, key=key, slice=piece))

    def _wanted(self, node_id: str, cut: Cut, values: list[str | None]) -> list[str | None]:
        """Those of its partitions that the run is about."""
        span = self._world.spans.get(node_id)
        return values if span is None else span.among(cut.by.grain, values)

    def of_body(self, job: Job, cut: Cut) -> tuple[int, Iterator[PartJob]]:
        """How many partitions of a transform are wanted, and what builds each, in their order.

        Raises:
            NodeError: What it reads was built with other partitions.
        """
        builds = {one: build for one in job.bound if (build := self._build(one)) is not None}
        cuts = {one: build for one, build in builds.items() if build.lists}
        self._check_cuts(job.node.id, cuts)
        self._check_values(cut, cuts)
        held = {one: _by_value(cut, build) for one, build in cuts.items()}
        values = self._wanted(job.node.id, cut, ordered(value for one in held.values() for value in one))
        zoned = self._zoned(job, cut, cuts)
        pieces = (replace(slice_of(cut.by, value, cut.lookback), proved=cut.proved, zoned=zoned) for value in values)
        job, own = replace(job, alike=self._alike(job)), self._own(job.node.id)
        return len(values), (self._slice(job, own, cut, piece, builds, held) for piece in pieces)

    def _alike(self, job: Job) -> str:
        """What the jobs of its partitions share: the columns of one statement over equal columns, where it names no file.

        Those of a PIVOT are values.
        """
        text = sql_of(job.node) or ""
        alone = len(statements(text)) == 1 and "pivot" not in text.casefold()
        return job.key if alone and self._world.facts[job.node.id].probe is None else ""

    def over_nothing(self, job: Job, cut: Cut) -> Job:
        """What runs a body over no rows, for its columns."""
        cuts = self._world.cuts.read(job.node.id)
        nothing = {one: replace(found, groups=()) if one in cuts else found for one, found in job.bound.items()}
        built = {one: build for one in cuts if (build := self._build(one)) is not None}
        piece = replace(slice_of(cut.by, None), proved=True, zoned=self._zoned(job, cut, built))
        return replace(job, node=_asking(job.node, piece), bound=nothing, slice=piece)

    def _zoned(self, job: Job, cut: Cut, cuts: Mapping[str, Build]) -> bool:
        """Whether its SQL asks when its partition begins, and its inputs are cut by a TIMESTAMPTZ: that is an instant then.

        Raises:
            NodeError: Only some of them are.
        """
        if cut.by.grain not in CALENDAR or not _asks(job.node):
            return False
        kinds = {one: kind for one, build in cuts.items() if (kind := _kind_of(build))}
        zoned = {is_zoned(kind) for kind in kinds.values()}
        if len(zoned) > 1:
            told = ", ".join(f"{kind} in {one}" for one, kind in kinds.items())
            raise NodeError("it asks when its partition begins, by two clocks", why=told, remedy="cast the columns alike")
        return True in zoned

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
        kinds = {one: _kind_of(build) for one, build in cuts.items()}
        if len({*kinds.values()}) > 1 or "" in kinds.values():
            told = ", ".join(f"{kind or 'of no one column'} in {one}" for one, kind in kinds.items())
            raise NodeError("the partitions of its inputs are of several types", why=told, remedy="cast the column alike")

    def _slice(
        self, job: Job, own: str, cut: Cut, piece: Slice, builds: Mapping[str, Build], held: Mapping[str, _ByValue]
    ) -> PartJob:
        """The job of one partition: what it reads stands for the partition's rows alone."""
        back = earlier(cut.by.grain, piece.value, cut.lookback) if piece.value is not None and cut.lookback else ()
        values, read, taken = (*back, piece.value), dict[str, str](), dict[str, "tuple[Part, ...]"]()
        for one, relation in job.bound.items():
            if one in held:
                taken[one] = tuple(part for value in values for part in held[one].get(value, ()))
                read[f"columns of {one}"] = digest(str(builds[one].schema))
                read |= {f"input {one} {shown(part.value)}": part.digest for part in taken[one]}
            else:
                read[f"input {one}"] = digest(json.dumps(relation.sql)) if relation.sql else builds[one].identity
        for given in job.inputs:
            if given.node_id not in job.bound:  # it has no table
                read[f"input {given.node_id}"] = given.build.identity if given.build is not None else ""
        read |= {"times of partitions": "instants"} if piece.zoned else {}
        key = _key(job.node.id, own, piece, read, probe=self._world.facts[job.node.id].probe)
        return PartJob(piece, key, read, partial(_sliced, job, piece, key, builds, taken))


def _kind_of(build: Build) -> str:
    """The type of the column by which a build is cut; empty where there is none."""
    own = build.by.column.casefold() if build.by is not None else ""
    return next((kind for name, kind in build.schema if name.casefold() == own), "")


def _key(node_id: str, own: str, piece: Slice, read: Mapping[str, str], *, probe: str | None = None) -> str:
    """What makes one build of a partition the same as another."""
    return build_key(node_id, own, probe, [(json.dumps(piece.value), digest(json.dumps([*read.items()])))])


def _sliced(job: Job, piece: Slice, key: str, builds: Mapping[str, Build], taken: Mapping[str, tuple[Part, ...]]) -> Job:
    """The job of a node, for one partition, which reads these parts of its inputs."""
    bound = {**job.bound, **{one: builds[one].relation(parts) for one, parts in taken.items()}}
    read = {one: replace(builds[one], parts=parts, row_count=sum(p.rows for p in parts)) for one, parts in taken.items()}
    inputs = tuple(Input(i.node_id, bound.get(i.node_id, Relation()), read.get(i.node_id, i.build)) for i in job.inputs)
    return replace(job, node=_asking(job.node, piece), key=key, slice=piece, bound=bound, inputs=inputs)


def _asking(node: Node, piece: Slice) -> Node:
    """The node with its SQL told which partition it is, where it asks for that."""
    sql = sql_of(node) or ""
    return replace(node, config={**node.config, sql_key(node): piece.filled(sql)}) if _asks(node) else node


def _asks(node: Node) -> bool:
    return any(one in (sql_of(node) or "") for one in OF_PARTITION.values())


def prove_files(paths: Iterable[str], seen: Seen) -> None:
    """Files must be what they were when they were looked at: their stat signatures, or their bytes; raises ``NodeError``."""
    for path in paths:
        if seen[path][:-1] != signature(path) and seen[path][-1] != digest_file(Path(path)):
            raise unsettled(path)


def _by_value(cut: Cut, build: Build) -> _ByValue:
    """The parts of an input by the partition of the node in which they lie, in their order."""
    found: dict[str | None, list[Part]] = {}
    for part in build.parts:
        found.setdefault(_within(cut, build, part.value), []).append(part)
    return found


def _within(cut: Cut, build: Build, value: str | None) -> str | None:
    """The partition of a node in which one of its input's lies."""
    grain = build.by.grain if build.by is not None else cut.by.grain
    if value is None or grain == cut.by.grain or grain not in CALENDAR:
        return value
    return containing(cut.by.grain, grain, value)


def _keep(facts: Mapping[str, FileFacts], staged: Path, file: Path) -> None:
    """Write what files hold; a kill leaves it as it was, and a power cut may lose it."""
    with io_errors("write", file):
        staged.write_bytes(json.dumps({key: one.told() for key, one in facts.items()}).encode())
        file.parent.mkdir(parents=True, exist_ok=True)
        staged.replace(file)


def _facts(file: Path) -> dict[str, FileFacts]:
    with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
        return {key: FileFacts.of(told) for key, told in json.loads(content(file)).items()}
    return {}
