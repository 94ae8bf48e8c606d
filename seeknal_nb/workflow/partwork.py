"""What has come of a node's partitions: the state that the threads of its work share, and what it is all together."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.partitions import shown
from seeknal_nb.errors import NodeError
from seeknal_nb.kinds.metadata import counted, merged
from seeknal_nb.workflow.events import NodeProgress
from seeknal_nb.workflow.outcome import Failure, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from seeknal_nb.engines import Schema
    from seeknal_nb.kinds.cuts import Cut
    from seeknal_nb.storage.builds import Build, Part
    from seeknal_nb.workflow.partjobs import PartJob

__all__ = ["Taken", "Work", "failed", "folded"]

LONGEST_OUTPUT, MOST = 20_000, 5
NARROW, WIDE = "BIGINT", "DECIMAL(38,0)"
"""As what a HUGEINT is stored, by its values."""
PERIOD = 0.1
"""Seconds between two events that tell how far a node is."""


@dataclass(slots=True)
class Taken:
    """One partition as it is listed, what its build tells, and where it was executed again, what gives way to it later."""

    part: Part
    told: Mapping[str, Any]
    built: bool
    later: tuple[PartJob, Build, Outcome] | None = None


@dataclass(slots=True)
class Work:
    """What has come of a node's partitions so far; several threads share it."""

    node_id: str
    total: int
    jobs: Iterator[PartJob]
    goes_on: bool
    stopped: Callable[[], bool]
    warnings: list[str]
    taken: dict[int, Taken] = field(default_factory=dict)
    failures: dict[int, tuple[str | None, Failure]] = field(default_factory=dict)
    error: BaseException | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    helpers: list[threading.Thread] = field(default_factory=list)
    begun: int = 0
    told_at: float = 0.0

    def next(self) -> tuple[int, PartJob] | None:
        """The next job and its place; None where there is none, or none is to begin."""
        with self.lock:
            if self.is_over():
                return None
            job = next(self.jobs, None)
            self.begun += 1
            return None if job is None else (self.begun - 1, job)

    def is_over(self) -> bool:
        """Whether no partition is to begin any more, be there some or not."""
        return self.error is not None or self.stopped() or bool(self.failures and not self.goes_on)

    def progress(self) -> NodeProgress | None:
        """How far it is, unless that was told just now."""
        with self.lock:
            done, now = len(self.taken) + len(self.failures), time.monotonic()
            if now - self.told_at < PERIOD or done == self.total:
                return None
            self.told_at = now
            return NodeProgress(self.node_id, done, self.total)

    def lacks_helpers(self) -> bool:
        """Whether partitions are left that none of the threads would begin with."""
        return not self.is_over() and self.begun + sum(helper.is_alive() for helper in self.helpers) < self.total

    @property
    def parts(self) -> list[Part]:
        """Those that are there, in their order."""
        return [self.taken[number].part for number in sorted(self.taken)]

    def counts(self, cut: Cut) -> dict[str, Any]:
        """How many there are, and which failed, as it is told."""
        built, names = sum(one.built for one in self.taken.values()), [self.failures[at][0] for at in sorted(self.failures)]
        return counted(cut.by.grain, total=self.total, built=built, kept=len(self.taken) - built, failed=names)


def folded(cut: Cut, work: Work, schema: Schema) -> Outcome:
    """What came of all partitions together."""
    parts = tuple(work.parts)
    output = "".join(str(one.told.get("output") or "") for _, one in sorted(work.taken.items()) if one.built)
    output = output[-LONGEST_OUTPUT:]
    told = merged(work.counts(cut), {"warnings": _warnings(work)}, {"output": output} if output else {})
    schema = schema or _schema_of(work.parts)
    return Outcome(rows=sum(part.rows for part in parts), schema=schema, metadata=told, parts=parts, by=cut.by)


def _schema_of(parts: list[Part]) -> Schema:
    """The columns of all parts; those without rows have no say.

    Raises:
        NodeError: Two parts have other columns or types; both are named.
    """
    known = [part for part in parts if part.rows] or parts[:1]
    schema = known[0].schema if known else ()
    for part in known:
        if (wider := _wider(schema, part.schema)) is None:
            moved = {*part.schema} == {*schema}
            odd = "they stand in another order" if moved else "a column is missing"
            odd = next((f"{n} is {k}" for n, k in part.schema if (n, k) not in schema), odd)
            raise NodeError(
                f"the partitions {shown(known[0].value)} and {shown(part.value)} have other columns",
                why=f"{odd} in {shown(part.value)}",
                remedy="cast it in the body",
            )
        schema = wider
    return schema


def _wider(one: Schema, other: Schema) -> Schema | None:
    """The columns of two parts together; None where they differ otherwise than a HUGEINT does by its values."""
    if one == other:
        return one
    found = []
    for (name, kind), (named, also) in zip(one, other, strict=False):
        if name != named or (kind != also and {kind, also} != {NARROW, WIDE}):
            return None
        found.append((name, kind if kind == also else WIDE))
    return tuple(found) if len(one) == len(other) else None


def _warnings(work: Work) -> list[str]:
    """The warnings of the whole, and those of partitions, each once, with the first that has it."""
    found: dict[str, str] = {}
    for _, one in sorted(work.taken.items()):
        for text in one.told.get("warnings") or ():
            found.setdefault(text, f"partition {shown(one.part.value)}: {text}")
    return [*work.warnings, *found.values()]


def failed(work: Work, cut: Cut) -> Failure:
    """The first failure, which names its partition, and the others that failed."""
    [(value, first), *others] = (work.failures[number] for number in sorted(work.failures))
    named = ", ".join([*(shown(name) for name, _ in others[:MOST]), *(["..."] if len(others) > MOST else [])])
    more = f" ({len(others)} more failed: {named})" if others else ""
    what = f"partition {shown(value)}: {first.what or first.text}{more}"
    metadata = {**first.metadata, **work.counts(cut)}
    return replace(first, text=f"partition {shown(value)}: {first.text}{more}", what=what, error=None, metadata=metadata)
