"""Make a plan: which nodes run, which are up to date, which are left out, each with its reason. Pure."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from seeknal_nb.dag.select import check_tags, check_types, select
from seeknal_nb.errors import UsageError
from seeknal_nb.workflow.options import Selection
from seeknal_nb.workflow.plan import Action, Plan, Step, decide, last_good
from seeknal_nb.workflow.reasons import Reason, Why

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from seeknal_nb.dag.graph import Graph
    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.workflow.plan import Decision, World
    from seeknal_nb.workflow.settled import Settled

__all__ = ["check_selection", "decide_all", "keys_in_use", "make_plan"]


def decide_all(graph: Graph, world: World) -> dict[str, Decision]:
    """What is true of each node now, in topological order: today's key and the build that makes it up to date."""
    decisions: dict[str, Decision] = {}
    digests: dict[str, str | None] = {}
    for node in graph:
        decision = decisions[node.id] = decide(graph, node.id, digests, world)
        digests[node.id] = decision.build.identity if decision.build is not None else None
    return decisions


def keys_in_use(graph: Graph, world: World) -> dict[str, set[str]]:
    """By node, the keys of the builds that a run would read now: today's, else the last good one."""
    keys: dict[str, set[str]] = {}
    for node_id, decision in decide_all(graph, world).items():
        entry = world.facts[node_id].entry
        found = {decision.key, *((entry.built,) if entry and not decision.build else ())}
        keys[node_id] = {key for key in found if key}
    return keys


def make_plan(
    graph: Graph,
    world: World,
    selection: Selection,
    *,
    changed: frozenset[str] | None = None,
    known_types: Iterable[str] = (),
    settled: Settled | None = None,
) -> Plan:
    """The steps of a run.

    Args:
        graph: What there is.
        world: What was observed.
        selection: What is asked for.
        changed: Ids that differ from an old manifest, where one was given: narrows what was never built to these and
            what is downstream of them.
        known_types: Types that may be named although the graph has none of them.
        settled: What need not be decided again; for a selection of all nodes only.

    Raises:
        SelectionError: The selection names something that is not there.
    """
    return _Planner(graph, world, selection, changed, known_types).plan(settled)


def named(graph: Graph, world: World, terms: Sequence[str]) -> list[str]:
    """The ids that terms of the selector grammar name now, in topological order; raises as ``make_plan`` does."""
    if not terms:
        return []
    found = _Planner(graph, world, Selection(nodes=tuple(terms), only=True), None, ()).named
    return [node.id for node in graph if node.id in found]


def check_selection(graph: Graph, selection: Selection, known_types: Iterable[str]) -> None:
    """Refuse what names nothing here, before anything is looked at; raises as ``make_plan`` does."""
    anything = {"state": lambda _: set[str](), "result": lambda _: set[str]()}
    select(graph, [*selection.nodes, *selection.exclude], anything)
    if selection.node_types:
        check_types(selection.node_types, [*graph.types, *known_types])
    check_tags(graph, [*selection.tags, *selection.exclude_tags])


class _Planner:
    """The state of one planning: digests known so far, and steps."""

    def __init__(
        self,
        graph: Graph,
        world: World,
        selection: Selection,
        changed: frozenset[str] | None,
        known_types: Iterable[str],
    ) -> None:
        check_selection(graph, selection, known_types)
        self.graph, self.world, self.selection = graph, world, selection
        self.steps: dict[str, Step] = {}
        self.digests: dict[str, str | None] = {}
        self.warnings: list[str] = []
        self.decisions: dict[str, Decision] = {}
        methods = {"state": self._in_state, "result": self._with_result}
        self.excluded = select(graph, selection.exclude, methods)
        self.named = select(graph, selection.nodes, methods)
        below = set() if selection.only else graph.downstream(self.named)
        waiting = set() if selection.only else {i for rule in below | self.named for i in graph.waiting(rule)}
        self.chosen = below | self.named | waiting | graph.downstream(waiting)
        again = self.named if selection.partitions else below | self.named
        # A run of some partitions shares builds with that of the whole, which are not replaced behind its back.
        self.forced = again if selection.force and selection.span is None else set()
        narrowed = changed is not None and not selection.full and not selection.nodes
        self.reach = changed | graph.downstream(changed & graph.index.keys()) if changed is not None and narrowed else None
        filters = selection.node_types or selection.tags or selection.exclude_tags or self.excluded
        narrow = filters or selection.span is not None
        self.left_out = {n.id: self._filtered(n) for n in graph.nodes} if narrow else dict.fromkeys(graph.ids)
        self.behind: dict[str, str] = {}
        self.asked: set[str] = set()
        self.pulled = self._pulled()

    def plan(self, settled: Settled | None = None) -> Plan:
        if settled is None:
            for node_id in self.graph.sorted_ids:
                self.steps[node_id] = self._step(node_id)
        else:
            self._go_through(settled)
        steps = tuple(map(self.steps.__getitem__, self.graph.sorted_ids))
        return Plan(steps, tuple(dict.fromkeys(self.warnings)), self.selection)

    def _go_through(self, settled: Settled) -> None:
        """Decide what is open, in topological order, and what follows from a node that came out otherwise than before."""
        self.steps, self.digests = dict(settled.steps), dict(settled.digests)
        asked = set(settled.open)
        heap = [(self.graph.place(node_id), node_id) for node_id in asked]
        heapq.heapify(heap)
        while heap:
            _, node_id = heapq.heappop(heap)
            before, digest = settled.steps.get(node_id), settled.digests.get(node_id)
            step = self._step(node_id)
            same = step == before and self.digests[node_id] == digest
            self.steps[node_id] = before if same and before is not None else step
            for other in () if same else set(self.graph.after(node_id)) - asked:
                asked.add(other)
                heapq.heappush(heap, (self.graph.place(other), other))

    def _filtered(self, node: Node) -> Reason | None:
        """Why a filter leaves the node out; None where none does."""
        chosen = self.selection
        if chosen.span is not None and not self.world.facts[node.id].addressed:
            return Reason(Why.DELIVERS_WHOLE)
        if chosen.node_types and node.node_type not in chosen.node_types:
            return Reason(Why.OTHER_TYPE, *chosen.node_types)
        for tag in chosen.exclude_tags:
            if tag in node.tags:
                return Reason(Why.EXCLUDED_TAG, tag)
        if chosen.tags and not set(chosen.tags) & set(node.tags):
            return Reason(Why.NOT_TAGGED, *chosen.tags)
        return Reason(Why.EXCLUDED) if node.id in self.excluded else None

    def _pulled(self) -> set[str]:
        """What a chosen node needs besides: ancestors that were never built, and the rules that it waits for.

        Such a rule runs only if it is stale (``asked``); filters pull nothing in.
        """
        narrow = bool(self.selection.nodes) or self.reach is not None
        if not narrow:
            return set()
        pulled: set[str] = set()
        front = [i for i in self.graph.ids if self._chosen(i) and not self.left_out[i]]
        while front:
            self.asked.update(r for i in front for r in self.graph.rules(i) if not self._chosen(r) and not self.left_out[r])
            parents = {p for i in front for p in self.graph.before(i)} - pulled
            front = [p for p in parents if not self._chosen(p) and not self.left_out[p] and self._needed(p)]
            pulled.update(front)
        return pulled

    def _needed(self, node_id: str) -> bool:
        return node_id in self.asked or last_good(node_id, self.world) is None

    def _chosen(self, node_id: str) -> bool:
        if self.selection.nodes:
            return node_id in self.chosen
        return self.reach is None or node_id in self.reach or self.world.facts[node_id].entry is not None

    def _step(self, node_id: str) -> Step:
        node = self.graph.nodes[self.graph.index[node_id]]
        tags = tuple(node.tags)
        decision = self.decisions[node_id] = decide(self.graph, node_id, self.digests, self.world)
        skip = self._skipped(node_id)
        if skip is not None:
            build = last_good(node_id, self.world, decision)
            self.digests[node_id] = build.identity if build is not None else None
            return Step(node_id, Action.SKIP, skip, tags=tags)
        forced, follows = self._forced_reason(node_id), self._no_cutoff(node_id)
        if decision.build is not None and not forced and not follows:
            self.digests[node_id] = decision.build.identity
            return Step(node_id, Action.CACHED, decision.reason, tags=tags, key=decision.key)
        self.digests[node_id] = None
        self._warn(node_id)
        due = decision.reason if forced and forced.code is Why.NAMED and decision.build is None else None
        reason = due or forced or (decision.build and follows) or decision.reason
        certain, lacks = bool(forced or decision.certain or follows), self.world.facts[node_id].lacks
        again = forced is not None and forced.code is not Why.NEEDED
        return Step(node_id, Action.RUN, reason, certain, again, tags, note=lacks)

    def _skipped(self, node_id: str) -> Reason | None:
        """Why it is left out; of a node that could have run, a warning says so."""
        behind = self._behind_rule(node_id)  # before all others, for what reads the node asks for it
        skip = self.left_out[node_id] or self._outside(node_id) or self._blocked(node_id) or behind or self._held(node_id)
        if skip is not None and skip.code in (Why.RULE_FAILED, Why.HELD_BACK):
            self.warnings.append(f"{node_id} is held back: {skip}")
        return skip

    def _forced_reason(self, node_id: str) -> Reason | None:
        if self.selection.full:
            return Reason(Why.FULL_RUN)
        if node_id in self.pulled - self.asked and self.selection.nodes:
            return None if self.world.facts[node_id].apart else Reason(Why.NEEDED)
        if node_id not in self.forced:
            return None
        return Reason(Why.NAMED) if node_id in self.named else Reason(Why.DOWNSTREAM, self._nearest_named(node_id))

    def _nearest_named(self, node_id: str) -> str:
        front = [node_id]
        while front:
            front = [p for i in front for p in self.graph.inputs(i) if p in self.forced]
            for parent in front:
                if parent in self.named:
                    return parent
        return node_id

    def _outside(self, node_id: str) -> Reason | None:
        if self._chosen(node_id) or node_id in self.pulled:
            return None
        return Reason(Why.NOT_SELECTED if self.selection.nodes else Why.UNCHANGED)

    def _blocked(self, node_id: str) -> Reason | None:
        """An input that is left out and has no output to stand in for a run."""
        for parent in self.graph.inputs(node_id):
            step = self.steps[parent]
            if step.action is Action.SKIP and self.digests[parent] is None:
                return Reason(Why.INPUT_MISSING, parent)
        return None

    def _held(self, node_id: str) -> Reason | None:
        """Why its kind lets it run only if it is named."""
        held = "" if node_id in self.named else self.world.facts[node_id].held
        return Reason(Why.HELD_BACK, held) if held else None

    def _behind_rule(self, node_id: str) -> Reason | None:
        """A rule that failed on what the node reads, itself or further up, and that a filter leaves out of this run.

        Who names the rule to be excluded goes past it.
        """
        for parent in self.graph.inputs(node_id):
            if parent in self.behind and self.steps[parent].action is not Action.RUN:
                self.behind.setdefault(node_id, self.behind[parent])
        for rule in self.graph.rules(node_id):
            entry = self.world.facts[rule].entry
            unproven = self.steps[rule].action is Action.SKIP and self.decisions[rule].build is None
            if unproven and rule not in self.excluded and entry is not None and not entry.good:
                self.behind[node_id] = rule
        return Reason(Why.RULE_FAILED, self.behind[node_id]) if node_id in self.behind else None

    def _no_cutoff(self, node_id: str) -> Reason | None:
        """Without early cutoff, why a node whose own key is as it was runs: something upstream does."""
        if self.selection.cutoff:
            return None
        running = [p for p in self.graph.inputs(node_id) if self.steps[p].action is Action.RUN]
        return Reason(Why.DOWNSTREAM, running[0]) if running else None

    def _warn(self, node_id: str) -> None:
        for parent in self.graph.inputs(node_id):
            step = self.steps[parent]
            if step.action is Action.SKIP and self.decisions[parent].build is None:
                self.warnings.append(f"{parent} is stale and left out ({step.reason}): {node_id} reads its last good output")
        for rule in self.graph.rules(node_id):
            if self.steps[rule].action is Action.SKIP and self.decisions[rule].build is None:
                self.warnings.append(f"{rule} is left out ({self.steps[rule].reason}): what {node_id} reads is not checked")

    def _of_the_whole(self, term: str) -> None:
        """Refuse a selector of what state remembers in a run of some partitions, of which it remembers nothing."""
        if self.selection.span is not None:
            why = "state tells of whole tables, and the run is of some partitions"
            raise UsageError(f"{term} has no meaning here", why=why, remedy="name the nodes")

    def _in_state(self, value: str) -> set[str]:
        self._of_the_whole(f"state:{value}")
        if value not in ("changed", "new", "modified"):
            raise UsageError(f"unknown state {value!r}", remedy="state:changed, state:new or state:modified")
        never = {i for i, facts in self.world.facts.items() if facts.entry is None}
        stale = set(make_plan(self.graph, self.world, Selection()).runs)
        return {"changed": stale, "new": never, "modified": stale - never}[value]

    def _with_result(self, value: str) -> set[str]:
        self._of_the_whole(f"result:{value}")
        if value not in ("failed", "success"):
            raise UsageError(f"unknown result {value!r}", remedy="result:failed or result:success")
        return {i for i, facts in self.world.facts.items() if facts.entry is not None and facts.entry.status == value}
