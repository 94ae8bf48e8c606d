"""From a manifest to a plan: what is true of the nodes now, what a run does, and the proof of what it will read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from seeknal_nb.dag.diff import ManifestDiff
from seeknal_nb.dag.keys import json_of, used_values
from seeknal_nb.dag.manifest import NodeType
from seeknal_nb.dag.partitions import KEY, shown
from seeknal_nb.declaration import KINDS
from seeknal_nb.errors import UsageError, near
from seeknal_nb.kinds import kind_names, kind_of
from seeknal_nb.kinds.task import measures_nothing, unseeing
from seeknal_nb.owner import shared
from seeknal_nb.storage.files import digest, signature
from seeknal_nb.version import program
from seeknal_nb.workflow.document import written_digests
from seeknal_nb.workflow.history import LAST
from seeknal_nb.workflow.jsonstate import is_alone
from seeknal_nb.workflow.ledger import Ledger, Trusted
from seeknal_nb.workflow.observe import Observed, damaged_inputs, observe
from seeknal_nb.workflow.placing import Placing
from seeknal_nb.workflow.plan import last_good
from seeknal_nb.workflow.planner import make_plan
from seeknal_nb.workflow.proven import Setting, proven_by
from seeknal_nb.workflow.stores import leads_away

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from seeknal_nb.dag.graph import Graph
    from seeknal_nb.dag.manifest import Manifest
    from seeknal_nb.dag.partitions import Span
    from seeknal_nb.kinds.task import Kind, Surroundings
    from seeknal_nb.storage.outputs import OutputStore
    from seeknal_nb.workflow.document import Document
    from seeknal_nb.workflow.options import RunOptions, Selection
    from seeknal_nb.workflow.plan import Plan
    from seeknal_nb.workflow.proven import Keeper, Proven
    from seeknal_nb.workflow.settled import Settled
    from seeknal_nb.workflow.state import Lease, NodeState, StateStore
    from seeknal_nb.workflow.walk import Walk

__all__ = ["Preparation", "Prepared"]

PROGRAM = program()
"""As it was imported: after an upgrade, a process that goes on is still the former one."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """What a runner looks at and plans with.

    Attributes:
        manifest: What to run.
        old_manifest: What narrows a run to what differs from it.
        target: The folder of what runs leave.
        outputs: Where builds lie.
        store: Where state is kept.
        around: What lies round the pipeline.
        owner: Whose the nodes are that stand in no file.
        keeper: Has what earlier runs have proved.
        placing: Where nodes run.
    """

    manifest: Manifest
    old_manifest: Manifest | None
    target: Path
    outputs: OutputStore
    store: StateStore
    around: Surroundings
    owner: str
    keeper: Keeper
    placing: Placing = Placing()  # noqa: RUF009 - it is frozen

    def known_types(self, chosen: Selection) -> list[str]:
        """The types that a selection may name, where it names one: those of other distributions take a while to find."""
        return [*NodeType, *kind_names(self.around.kinds)] if chosen.node_types else []

    def observe(
        self, graph: Graph, states: Mapping[str, NodeState], *, verify: bool = False, asking: bool = False,
        settled: Settled | None = None, span: Span | None = None,
    ) -> Observed:  # fmt: skip
        """What is true of the nodes now; at first of those that are not settled. Changes nothing."""
        self.outputs.proofs.look_again()
        around, first = replace(self.around, asking=asking), None if settled is None else graph.ordered(settled.open)
        alone = is_alone(self.store, self.keeper.file.parent)
        return observe(
            graph, states, outputs=self.outputs, around=around, verify=verify, alone=alone, first=first, span=span
        )

    def plan(self, graph: Graph, world: Observed, chosen: Selection, settled: Settled | None = None) -> Plan:
        """What a run would do, with warnings of what is odd about where it runs."""
        old = self.old_manifest
        if old is not None and chosen.span is not None:
            raise UsageError("an old manifest narrows a run of the whole", remedy="leave it out, or the partitions")
        changed = None if old is None else frozenset(ManifestDiff.compare(old, self.manifest).changed_ids())
        plan = make_plan(graph, world, chosen, changed=changed, known_types=self.known_types(chosen), settled=settled)
        plan = self.placing.placed(plan, graph, world)
        for step in plan.steps if chosen.partitions else ():
            if step.forced:
                self._check_named(step.node_id, world, chosen.partitions)
        states = {node_id: facts.entry for node_id, facts in world.facts.items() if facts.entry is not None}
        root, nodes = self.around.root, [graph.nodes[graph.index[node_id]] for node_id in states]
        told = (*leads_away(root, self.target), *shared(states, self.owner, nodes, root))
        return replace(plan, warnings=(*plan.warnings, *told))

    def _check_named(self, node_id: str, world: Observed, names: Collection[str]) -> None:
        """Refuse partitions that a node's last build has not."""
        if KEY not in world.sights[node_id].node.config:
            raise UsageError(f"{node_id} has no partitions", remedy="leave --partition out: it is built as a whole")
        last = last_good(node_id, world)
        known = [] if last is None else [shown(part.value) for part in self.outputs.whole(last).parts]
        unknown = next((name for name in names if name not in known), None)
        if unknown is not None:
            raise UsageError(f"{node_id} has no partition {unknown}", remedy=near(unknown, known, what="partition"))

    def of_run(self, document: Document, options: RunOptions, lease: Lease, left: str | None) -> Prepared:
        """All that a run begins with; what it will read is proved: a damaged input is a step of the plan.

        Args:
            document: What is run.
            options: What is asked for.
            lease: The store's.
            left: Who did not finish before, where the state folder knows it.
        """
        graph, setting = document.graph, self._setting(document)
        last = self.keeper.last(graph, self.outputs) if options.span is None else None
        former = last if last is not None and setting is not None and last.holds_in(setting) else None
        trusted = None
        if former is not None:
            trusted = self.keeper.states(former.setting.stamp)
            trusted = Trusted(self.store, self.around.root) if trusted is None else trusted
        ledger = Ledger(self.store, self.around.root, lease, left, self.owner, trusted=trusted)
        written = None if setting is None else former.written_now(setting, graph) if former else written_digests(graph)
        settled = None
        if former is not None and written is not None and self.old_manifest is None and options.plain and not options.verify:
            settled = former.again(written, graph, self._foreign(graph))
        world = self.observe(graph, ledger.states, verify=options.verify, asking=True, settled=settled, span=options.span)
        while True:
            plan = self.plan(graph, world, options, settled)
            damaged = [] if options.verify else damaged_inputs(graph, plan, world)
            if not damaged:
                break
            for node_id, key in damaged:
                world.damaged(node_id, key)
            settled = settled and replace(settled, open={*settled.open, *(node_id for node_id, _ in damaged)})
        placing, told = self.placing.ready(plan, world)
        plan = replace(plan, warnings=(*ledger.notes, *world.notes, *told, *plan.warnings))
        return Prepared(graph, plan, world, ledger, settled, placing, self, setting, former, written)

    def _setting(self, document: Document) -> Setting | None:
        """What is proven of a run holds as long as this is the same; None where nobody can tell."""
        around, stamp = self.around, self.stamp()
        if stamp is None or not document.digest:
            return None
        try:
            params = [used_values(node, around.params) for node in document.asking]
            own = sorted(around.kinds)
            where = [str(around.root), self.outputs.proofs.file.name]  # which is another one for each store
            manner = json_of([PROGRAM, *where, self.owner, around.engine, around.allow_outside, own, params])
        except (ValueError, TypeError, RecursionError):  # a value of which nothing can be told
            return None
        return Setting(document.digest, digest(manner), stamp)

    def stamp(self) -> str | None:
        """What the store's entries are known by; None where it cannot tell whether somebody has written."""
        stamp = getattr(self.store, "stamp", None)
        return None if stamp is None else json_of(stamp())

    def copies(self) -> list[Path]:
        """Where the manifest of the last run is kept."""
        return [self.target / "manifest.json", self.target / "runs" / LAST]

    def _foreign(self, graph: Graph) -> list[str]:
        """The ids of nodes of kinds that are not of this program, and may look at more, or tell more, than they did."""
        own = self.around.kinds
        found = {name: kind_of(name, own) for name in graph.types if name in own or name not in KINDS}
        looking = {name for name, kind in found.items() if not _is_plain(kind)}
        return [node.id for node in graph.nodes if node.node_type in looking] if looking else []


def _is_plain(kind: Kind) -> bool:
    """Whether it says nothing of the world, and its results tell of nothing but their rows."""
    return kind.probe is unseeing and kind.addressed and kind.measures is measures_nothing


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a run begins with.

    Attributes:
        graph: The nodes.
        plan: What to do.
        world: What was observed.
        ledger: What remembers.
        settled: What need not be decided again.
        placing: Where nodes run, which is there and can work.
    """

    graph: Graph
    plan: Plan
    world: Observed
    ledger: Ledger
    settled: Settled | None
    placing: Placing
    _of: Preparation
    _setting: Setting | None
    _former: Proven | None
    _written: Mapping[str, str] | None

    @property
    def manifest_is_kept(self) -> bool:
        """Whether the copies of the manifest say what it says, or need not: a run of some partitions leaves them."""
        if self.plan.selection.span is not None:
            return True
        former, setting = self._former, self._setting
        if former is None or setting is None or former.setting.document != setting.document:
            return False
        return former.copies == tuple(map(signature, self._of.copies()))

    def keep(self, walk: Walk) -> None:
        """Keep what the run has proved; to be called when all is written, and nobody else can have written."""
        if self.plan.selection.span is not None:
            return
        stamp, keeper = self._of.stamp(), self._of.keeper
        keeper.known = (stamp, self.ledger.states) if stamp is not None and not self.ledger.put else None
        if self._setting is None or self._written is None or stamp is None or not self.ledger.sound:
            return
        copies = [] if walk.cancelled.is_set() else self._of.copies()  # which an interrupted run has not written
        setting = replace(self._setting, stamp=stamp)
        keeper.keep(proven_by(walk, setting, self._former, self._written, self.ledger, copies))
