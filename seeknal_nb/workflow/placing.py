"""Where each node of a plan runs, and that there is enough there for it; plan and run ask the same."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.keys import holes_of
from seeknal_nb.engines import EngineSpec
from seeknal_nb.kinds.needs import NOTHING, Needs, needs_of
from seeknal_nb.workflow.places import place_of
from seeknal_nb.workflow.plan import HERE
from seeknal_nb.workflow.slots import Offers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seeknal_nb.dag.graph import Graph
    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.workflow.observe import Observed
    from seeknal_nb.workflow.places import Place
    from seeknal_nb.workflow.plan import Plan
    from seeknal_nb.workflow.slots import Demand

__all__ = ["Placing"]


@dataclass(frozen=True, slots=True)
class Placing:
    """Where a run's nodes may run.

    Attributes:
        offers: What there is for all of them together.
        given: The run's place, where that is not this process.
        custom: The caller's own kinds, which stay here.
    """

    offers: Offers = Offers()  # noqa: RUF009 - it is frozen
    given: Place | None = None
    custom: Mapping[str, Any] = field(default_factory=dict)

    def needs(self, node: Node) -> Needs:
        """What the node asks for."""
        return needs_of(node, self.custom)

    def engine(self, name: str, needs: Needs) -> EngineSpec:
        """What another process opens for a job, so that together they take no more than one would."""
        cores = os.cpu_count() or 1
        workers = self.offers.workers if self.given is None or self.given.local else cores
        if workers == 1 and not needs.memory and not self.offers.limited:
            return EngineSpec(name)
        memory = (needs.memory or self.offers.memory // workers) // 2**20
        return EngineSpec(name, f"{memory}MiB" if memory else "", max(cores // workers, 1))

    def where(self, node_id: str, graph: Graph, world: Observed) -> str:
        """The name of the place where a node runs."""
        sight = world.sights[node_id]
        needs = self.needs(sight.node)
        if self.given is None and needs is NOTHING:
            return HERE
        written = graph.nodes[graph.index[node_id]]
        holds = any(name.startswith("env:") for name in holes_of(written.config))
        return place_of(sight.node, sight.kind, needs, self.given, holds_environment=holds)

    def placed(self, plan: Plan, graph: Graph, world: Observed) -> Plan:
        """The plan, and where what is not run here runs.

        Raises:
            ManifestError: A node asks for more than there is.
        """
        elsewhere = {}
        for node_id in plan.runs:
            if (name := self.where(node_id, graph, world)) != HERE:
                elsewhere[node_id] = name
        self._check(plan, world, known=self.given is None or self.given.local)
        return replace(plan, elsewhere=elsewhere) if elsewhere != plan.elsewhere else plan

    def _check(self, plan: Plan, world: Observed, *, known: bool) -> None:
        for node_id in plan.runs:
            if (needs := self.needs(node := world.sights[node_id].node)) is not NOTHING:
                self.offers.check(node, needs, known=known)

    def ready(self, plan: Plan, world: Observed) -> tuple[Placing, tuple[str, ...]]:
        """The same with what the run's place has, where something of the plan runs there, and what is odd about it.

        Raises:
            UsageError: It cannot be reached, or cannot do the work.
            ManifestError: A node asks for more than it has, and would wait for ever.
        """
        if self.given is None or self.given.name not in plan.elsewhere.values():
            return self, ()
        warnings = self.given.check(world.outputs.root)
        found = replace(self, offers=self.given.offers(self.offers))
        found._check(plan, world, known=True)  # noqa: SLF001 - its own
        return found, warnings

    def demands(self, plan: Plan, world: Observed) -> Callable[[str], Demand]:
        """What each node of a plan takes, by its id; what does not run takes nothing."""
        usual = self.offers.usual
        found: dict[str, Demand] = dict.fromkeys(plan.runs, usual)
        for node_id in found:
            needs = self.needs(node := world.sights[node_id].node)
            if needs is not NOTHING or self.offers.resources:
                found[node_id] = self.offers.demand(node, needs)
        return lambda node_id: found.get(node_id, ())
