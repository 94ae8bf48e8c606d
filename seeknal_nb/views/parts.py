"""Why one partition of a node was built last: what it read then, against what it had read before. Reads records, no data."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from seeknal_nb.dag.partitions import shown
from seeknal_nb.errors import SelectionError, near
from seeknal_nb.markup import plural
from seeknal_nb.storage.builds import AGAIN, RECORD
from seeknal_nb.views.why import Cause, Causes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seeknal_nb.storage.builds import Build, Part
    from seeknal_nb.storage.outputs import OutputStore
    from seeknal_nb.workflow.plan import Step

__all__ = ["partition_causes"]

OWN = "what it read is the same: its code, its config or the engine changed"
ASKED = "since then it was executed again, as somebody asked"
FIRST = "it is the first of this partition that is here"
SHORT, NOT_READ = 8, "not read"


def partition_causes(outputs: OutputStore, build: Build, name: str, step: Step) -> Causes:
    """Why a partition was built last.

    Args:
        outputs: Where builds lie.
        build: The node's, which lists its partitions.
        name: What the partition is called; ``null`` for that of NULL.
        step: What a plan says of the node.

    Raises:
        SelectionError: The build has no such partition.
    """
    known = {shown(part.value): part for part in build.parts}
    part = known.get(name)
    if part is None:
        raise SelectionError(f"{build.node_id} has no partition {name}", remedy=near(name, known, what="partition"))
    record = outputs.directory(build.node_id, part.key) / RECORD
    when = datetime.fromtimestamp(record.stat().st_mtime, UTC) if record.exists() else None
    built = f", built {when:%Y-%m-%d %H:%M:%S} UTC" if when is not None else ""
    headline = f"{build.node_id} {name}: {plural(part.rows, 'row')}{built}; the node is {step.why}"
    now = outputs.recorded(build.node_id, part.key)
    asked = ASKED if now is not None and AGAIN in now.metadata else ""
    former = _former(outputs, build, part)
    if former is None:
        return Causes(build.node_id, headline, note=asked or FIRST)
    before = outputs.recorded(build.node_id, former.key)
    causes = tuple(_causes(before.inputs if before else {}, now.inputs if now else {}))
    return Causes(build.node_id, headline, causes, note=asked or ("" if causes else OWN))


def _former(outputs: OutputStore, build: Build, part: Part) -> Part | None:
    """The same partition as it was before, in the newest of the earlier builds in which it was another."""
    key = build.key
    while (before := outputs.before(build.node_id, key)) is not None:
        key = before.key
        found = next((one for one in before.parts if before.lists and one.value == part.value), None)
        if found is not None and found.key != part.key:
            return found
    return None


def _causes(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Cause]:
    for called in dict.fromkeys([*now, *before]):
        old, new = before.get(called, ""), now.get(called, "")
        if old != new:
            what, _, name = called.partition(" ")
            yield Cause(what, name, old[:SHORT] or NOT_READ, new[:SHORT] or NOT_READ)
