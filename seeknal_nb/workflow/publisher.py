"""What came of a job becomes a build; one with the rows of a former build keeps that one's digest."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from seeknal_nb.errors import StateError
from seeknal_nb.kinds.body import sql_of
from seeknal_nb.sql.names import unordered
from seeknal_nb.workflow.plan import last_good

if TYPE_CHECKING:
    from seeknal_nb.dag.partitions import Slice
    from seeknal_nb.engines import OnFirstUse
    from seeknal_nb.storage.builds import Build, Part
    from seeknal_nb.storage.outputs import OutputStore
    from seeknal_nb.workflow.observe import Observed
    from seeknal_nb.workflow.outcome import Outcome

__all__ = ["Publisher"]


class Publisher:
    """Publishes what the jobs of one run have staged.

    Args:
        outputs: Where builds lie.
        world: What was observed.
        engine: What compares rows.
    """

    def __init__(self, outputs: OutputStore, world: Observed, engine: OnFirstUse) -> None:
        self.outputs, self.world, self.engine = outputs, world, engine
        self._before: dict[str, Build | None] = {}

    def publish(self, build: Build, outcome: Outcome, seconds: float, *, piece: Slice | None = None) -> Build:
        """The build with its files, as its record tells; as it was where nothing was staged. Raises ``StateError``.

        Args:
            build: What is known of it besides.
            outcome: What was staged.
            seconds: How long that took.
            piece: The partition whose build it is; None for a node's.
        """
        if outcome.by is not None:
            return self.outputs.publish_list(replace(build, parts=outcome.parts, by=outcome.by), seconds=seconds)
        if outcome.stage is None:
            return build
        former = partial(self._former, build, piece)
        return self.outputs.publish(outcome.stage, build, outcome.files, seconds=seconds, former=former)

    def _former(self, build: Build, piece: Slice | None, part: Part) -> str | None:
        """The digest of the part that a node's last good build has in this place, where its rows are the same.

        DuckDB's threads write equal rows in other orders, and what reads them must not run for that. Asked only where the
        order can mean nothing: the node ran again under the same key, or its SQL groups, and does not order.
        """
        before = self.built_before(build.node_id)
        former = None if before is None else _in_place(before, piece)
        if before is None or former is None or (former.schema, former.rows) != (part.schema, part.rows):
            return None
        if [file.xxh3 for file in former.files] == [file.xxh3 for file in part.files]:
            return former.digest
        if former.key != build.key and not unordered(sql_of(self.world.sights[build.node_id].node) or ""):
            return None
        this = replace(before, schema=part.schema, parts=(part,), artefacts=())
        try:
            self.outputs.bring({before.path.parent / file.name: file for file in former.files} if before.path else {})
        except StateError:  # nobody can compare them any more
            return None
        same = self.engine.get().same_rows(replace(this, parts=(former,)).relation(), this.relation())
        return former.digest if same else None

    def built_before(self, node_id: str) -> Build | None:
        """The node's last good build as the run found it, with its parts; None where it has none."""
        if node_id not in self._before:
            found = last_good(node_id, self.world)
            self._before[node_id] = self.outputs.whole(found) if found is not None and found.path is not None else None
        return self._before[node_id]


def _in_place(before: Build, piece: Slice | None) -> Part | None:
    """The one part of a whole build; of one with partitions, that of the same one."""
    if piece is None:
        return before.parts[0] if len(before.parts) == 1 and before.by is None else None
    return next((part for part in before.parts if before.lists and part.value == piece.value), None)
