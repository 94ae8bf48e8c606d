"""What was up to date when somebody decided last, and need not be decided again; what is certain to come out before all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeknal_nb.workflow.plan import Action

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from seeknal_nb.dag.graph import Graph
    from seeknal_nb.workflow.events import NodeResult
    from seeknal_nb.workflow.plan import Step

__all__ = ["Settled", "first_and_left"]


@dataclass(frozen=True, slots=True)
class Settled:
    """What was up to date when somebody decided last, as was all that stands before it, and need not be decided again.

    Attributes:
        steps: By id, the step of each, which is CACHED and has a key.
        digests: By id, what the keys of its readers hold.
        results: By id, how it comes out.
        open: The ids that have to be decided, also those among ``steps`` that have to be decided again.
    """

    steps: Mapping[str, Step]
    digests: Mapping[str, str]
    results: Mapping[str, NodeResult]
    open: Collection[str]


def first_and_left(graph: Graph, steps: Iterable[Step]) -> tuple[dict[str, Step], list[str]]:
    """The steps that are certain to be up to date, as is all that stands before them, by id, and the ids of the others."""
    known, cached = {step.node_id: step for step in steps}, Action.CACHED
    left = {node_id for node_id, step in known.items() if step.action is not cached or step.key is None}
    left |= graph.following(left)
    return {i: step for i, step in known.items() if i not in left} if left else known, graph.ordered(left)
