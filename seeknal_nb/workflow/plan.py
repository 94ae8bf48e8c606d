"""Decide, from what was observed, which nodes run and why; pure, so a plan, a graph and a run cannot disagree.

The runner asks ``decide`` again with the digests that came out, and nothing else decides (DESIGN.md sections 4 and 5).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from seeknal_nb.dag.fingerprint import build_key, own_digest
from seeknal_nb.dag.select import check_tags, check_types, select
from seeknal_nb.errors import UsageError
from seeknal_nb.markup import esc_html, esc_term, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

    from seeknal_nb.dag.graph import Graph
    from seeknal_nb.workflow.outputs import Build
    from seeknal_nb.workflow.state import NodeState

__all__ = ["Action", "Decision", "Facts", "Plan", "Selection", "Step", "World", "decide", "keys_in_use", "make_plan"]

WORDS = {"sql": "SQL changed", "code": "code changed"}


class Action(StrEnum):
    """What a run does with a node."""

    RUN = "run"
    CACHED = "cached"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Selection:
    """What a run is asked for. Terms are of the selector grammar; empty means no restriction.

    Attributes:
        full: Execute everything.
        nodes: Execute these and what is downstream of them.
        only: With ``nodes``: without what is downstream.
        node_types: Leave out nodes of other types.
        tags: Leave out nodes that have none of these.
        exclude_tags: Leave out nodes that have one of these.
        exclude: Leave out these.
        cutoff: Whether a node whose inputs came out the same is taken from the cache.
    """

    full: bool = False
    nodes: tuple[str, ...] = ()
    only: bool = False
    node_types: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    exclude_tags: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    cutoff: bool = True


@dataclass(frozen=True, slots=True)
class Facts:
    """What was observed of one node.

    Attributes:
        parts: Digests of the parts of its config and code.
        probe: What its kind saw in the world; None where it looks at nothing outside.
        altered: Why what it delivered is not there any more; empty where it is.
        entry: What state remembers of it.
        addressed: Whether an earlier build of today's key may stand for a run; not so for side effects.
        stored: Whether a run leaves data; a view's digest is its key.
    """

    parts: Mapping[str, str]
    probe: str | None = None
    altered: str = ""
    entry: NodeState | None = None
    addressed: bool = True
    stored: bool = True


class World(Protocol):
    """What ``observe`` saw."""

    @property
    def facts(self) -> Mapping[str, Facts]:
        """By node id."""

    def find(self, node_id: str, key: str) -> Build | None:
        """The proven build of that key."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is true of one node: its key, the build that makes it up to date, else why it is not."""

    key: str | None
    build: Build | None
    reason: str
    certain: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a plan.

    Attributes:
        node_id: ``kind.name``.
        action: What is done.
        reason: Why.
        certain: False where the inputs may come out the same ("may run").
        forced: Whether it runs even if it is up to date.
        tags: The node's.
        key: Today's key, where it is known already.
    """

    node_id: str
    action: Action
    reason: str
    certain: bool = True
    forced: bool = False
    tags: tuple[str, ...] = ()
    key: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The step as JSON has it."""
        return {"node_id": self.node_id, "action": str(self.action), "reason": self.reason, "certain": self.certain}


@dataclass(frozen=True, slots=True)
class Plan:
    """All nodes in topological order, each with what is done to it and why."""

    steps: tuple[Step, ...]
    warnings: tuple[str, ...] = ()
    selection: Selection = field(default_factory=Selection)

    def __iter__(self) -> Any:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, node_id: str) -> Step:
        """The step of one node, by its id."""
        for step in self.steps:
            if step.node_id == node_id:
                return step
        raise KeyError(node_id)

    @property
    def runs(self) -> list[str]:
        """The ids that run, or may run, in order."""
        return [step.node_id for step in self.steps if step.action is Action.RUN]

    def to_dict(self) -> dict[str, Any]:
        """``{"steps": [...], "warnings": [...]}``."""
        return {"steps": [step.to_dict() for step in self.steps], "warnings": list(self.warnings)}

    def to_frame(self) -> pd.DataFrame:
        """One row a node in order: node_id, action, reason, tags (text) and certain (bool)."""
        import pandas as pd  # noqa: PLC0415 - half a second, and only a notebook asks

        rows = [(s.node_id, str(s.action), s.reason, s.certain, ", ".join(s.tags)) for s in self.steps]
        return pd.DataFrame(rows, columns=["node_id", "action", "reason", "certain", "tags"])

    def headline(self) -> str:
        """One sentence: how many run, may run, are up to date, are left out."""
        sure = sum(s.action is Action.RUN and s.certain for s in self.steps)
        counts = {
            "to run": sure,
            "may run": len(self.runs) - sure,
            "up to date": sum(s.action is Action.CACHED for s in self.steps),
            "left out": sum(s.action is Action.SKIP for s in self.steps),
        }
        return f"{len(self.steps)} nodes: " + (", ".join(f"{n} {what}" for what, n in counts.items() if n) or "none")

    def lines(self) -> list[str]:
        """A line a step, as SPEC.md § print_plan() has them: number, what, node, [tags], then (reason)."""
        return [f"{n:4d}. {_what(s)} {s.node_id}{_tags(s.tags)} ({s.reason})" for n, s in enumerate(self.steps, 1)]

    def __str__(self) -> str:
        lines = [*self.lines(), *(f"  ! {warning}" for warning in self.warnings), self.headline()]
        return "\n".join(esc_term(line, one_line=True) for line in lines)

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        rows = [(n, _what(s).lower(), s.node_id, s.reason, ", ".join(s.tags)) for n, s in enumerate(self.steps[:500], 1)]
        notes = "".join(f"<p>{esc_html(text)}</p>" for text in (self.headline(), *self.warnings))
        return {"text/plain": str(self), "text/html": notes + table(["", "action", "node", "why", "tags"], rows)}


def _what(step: Step) -> str:
    return str(step.action).upper() if step.certain else "MAY RUN"


def _tags(tags: Sequence[str]) -> str:
    return f" [{', '.join(tags)}]" if tags else ""


def decide(node_id: str, facts: Facts, inputs: Iterable[tuple[str, str | None]], world: World) -> Decision:
    """Whether a node is up to date, given its inputs' digests; None for one that is not known yet.

    Up to date needs a state entry that succeeded and a proven build of today's key (DESIGN.md section 4).
    """
    entry, inputs = facts.entry, list(inputs)
    unknown = [name for name, found in inputs if found is None]
    key = None
    if not unknown:
        known = [(name, found or "") for name, found in inputs]
        key = build_key(node_id, own_digest(facts.parts), facts.probe, known)
    if entry is None:
        return Decision(key, None, "never built")
    if not entry.good:
        return Decision(key, None, "failed last time")
    if key is None:
        own = _own_reason(facts, entry)
        return Decision(None, None, own or f"input changed: {unknown[0]}", certain=bool(own))
    build = world.find(node_id, key) if facts.addressed or entry.fingerprint == key else None
    if build is not None:
        return Decision(key, build, "up to date")
    return Decision(key, None, facts.altered or "output missing" if entry.fingerprint == key else _why(facts, entry, inputs))


def _own_reason(facts: Facts, entry: NodeState) -> str:
    changed = [name for name in {**entry.parts, **facts.parts} if entry.parts.get(name) != facts.parts.get(name)]
    if changed and not entry.parts:
        return "no fingerprint"
    for name, word in WORDS.items():
        if name in changed:
            return word
    if changed:
        return f"config changed: {', '.join(sorted(changed))}"
    return "source data changed" if entry.probe != facts.probe else ""


def _why(facts: Facts, entry: NodeState, inputs: Sequence[tuple[str, str | None]]) -> str:
    if entry.fingerprint is None:
        return "no fingerprint"
    own = _own_reason(facts, entry)
    if own:
        return own
    for name, found in inputs:
        if entry.inputs.get(name) != found:
            return f"input changed: {name}"
    gone = [name for name in entry.inputs if name not in dict(inputs)]
    return f"input changed: {gone[0]}" if gone else "inputs reordered"


def keys_in_use(graph: Graph, world: World) -> dict[str, set[str]]:
    """By node, the keys of the builds that a run would read now: today's, and those that state remembers."""
    keys: dict[str, set[str]] = {}
    digests: dict[str, str | None] = {}
    for node in graph:
        facts = world.facts[node.id]
        decision = decide(node.id, facts, [(p, digests.get(p)) for p in graph.inputs(node.id)], world)
        digests[node.id] = (decision.build.digest or decision.key) if decision.build else None
        found = {decision.key, *((facts.entry.built, facts.entry.fingerprint) if facts.entry else ())}
        keys[node.id] = {key for key in found if key}
    return keys


def make_plan(
    graph: Graph,
    world: World,
    selection: Selection,
    *,
    changed: frozenset[str] | None = None,
    known_types: Iterable[str] = (),
) -> Plan:
    """The steps of a run.

    Args:
        graph: What there is.
        world: What was observed.
        selection: What is asked for.
        changed: Ids that differ from an old manifest, where one was given: narrows what was never built to these and
            what is downstream of them.
        known_types: Types that may be named although the graph has none of them.

    Raises:
        SelectionError: The selection names something that is not there.
        UsageError: It contradicts itself.
    """
    return _Planner(graph, world, selection, changed, known_types).plan()


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
        if selection.full and selection.nodes:
            raise UsageError("full and nodes exclude each other", remedy="leave one of them out")
        self.graph, self.world, self.selection = graph, world, selection
        self.steps: dict[str, Step] = {}
        self.digests: dict[str, str | None] = {}
        self.warnings: list[str] = []
        self.decisions: dict[str, Decision] = {}
        methods = {"state": self._in_state, "result": self._with_result}
        self.excluded = select(graph, selection.exclude, methods)
        self.named = select(graph, selection.nodes, methods)
        below = set() if selection.only else graph.downstream(self.named)
        self.forced = dict.fromkeys(below - self.named, "") | dict.fromkeys(self.named, "named")
        check_types(selection.node_types, [*{str(n.node_type) for n in graph.nodes}, *known_types])
        check_tags(graph, [*selection.tags, *selection.exclude_tags])
        reach = None if changed is None else changed | graph.downstream(changed & graph.index.keys())
        self.reach = reach
        self.left_out = {node.id: self._filtered(node) for node in graph.nodes}
        self.pulled = self._pulled()

    def plan(self) -> Plan:
        for node in self.graph:
            step = self._step(node.id)
            self.steps[node.id] = step
        return Plan(tuple(self.steps.values()), tuple(dict.fromkeys(self.warnings)), self.selection)

    def _filtered(self, node: Any) -> str:
        """Why a filter leaves the node out; empty where none does."""
        chosen = self.selection
        if chosen.node_types and node.node_type not in chosen.node_types:
            return f"not of type {' or '.join(chosen.node_types)}"
        for tag in chosen.exclude_tags:
            if tag in node.tags:
                return f"excluded by tag {tag}"
        if chosen.tags and not set(chosen.tags) & set(node.tags):
            return f"not tagged {' or '.join(chosen.tags)}"
        return "excluded" if node.id in self.excluded else ""

    def _pulled(self) -> set[str]:
        """Ancestors that were never built and that a chosen node needs; filters pull nothing in."""
        narrow = bool(self.selection.nodes) or self.reach is not None
        if not narrow:
            return set()
        pulled: set[str] = set()
        front = [i for i in self.graph.ids if self._chosen(i) and not self.left_out[i]]
        while front:
            parents = {p for i in front for p in self.graph.inputs(i)} - pulled
            front = [p for p in parents if not self._chosen(p) and not self.left_out[p] and self._last_good(p) is None]
            pulled.update(front)
        return pulled

    def _chosen(self, node_id: str) -> bool:
        if self.selection.nodes:
            return node_id in self.forced
        return self.reach is None or node_id in self.reach or self.world.facts[node_id].entry is not None

    def _last_good(self, node_id: str) -> str | None:
        """The digest (or, without data, the key) of the node's last good output, where it is still there."""
        entry = self.world.facts[node_id].entry
        if entry is None or entry.built is None or self.world.find(node_id, entry.built) is None:
            return None
        return entry.digest or entry.built

    def _step(self, node_id: str) -> Step:
        node = self.graph.nodes[self.graph.index[node_id]]
        tags = tuple(node.tags)
        decision = self.decisions[node_id] = self._decide(node_id)
        skip = self.left_out[node_id] or self._outside(node_id) or self._blocked(node_id)
        if skip:
            self.digests[node_id] = self._last_good(node_id)
            return Step(node_id, Action.SKIP, skip, tags=tags)
        reason = self._forced_reason(node_id)
        if not reason and decision.build is not None and not self._no_cutoff(node_id):
            self.digests[node_id] = decision.build.digest or decision.key
            return Step(node_id, Action.CACHED, decision.reason, tags=tags, key=decision.key)
        self.digests[node_id] = None
        self._warn(node_id)
        certain = bool(reason or decision.certain or self._no_cutoff(node_id))
        reason = reason or (decision.reason if decision.build is None else self._no_cutoff(node_id))
        return Step(node_id, Action.RUN, reason, certain, bool(self._forced_reason(node_id)), tags)

    def _decide(self, node_id: str) -> Decision:
        inputs = [(p, self.digests.get(p)) for p in self.graph.inputs(node_id)]
        return decide(node_id, self.world.facts[node_id], inputs, self.world)

    def _forced_reason(self, node_id: str) -> str:
        if self.selection.full:
            return "full run"
        if node_id in self.pulled and self.selection.nodes:
            return "needed, never built"
        if node_id not in self.forced:
            return ""
        return self.forced[node_id] or f"downstream of {self._nearest_named(node_id)}"

    def _nearest_named(self, node_id: str) -> str:
        front = [node_id]
        while front:
            front = [p for i in front for p in self.graph.inputs(i) if p in self.forced]
            for parent in front:
                if parent in self.named:
                    return parent
        return node_id

    def _outside(self, node_id: str) -> str:
        if self._chosen(node_id) or node_id in self.pulled:
            return ""
        return "not selected" if self.selection.nodes else "unchanged since the old manifest"

    def _blocked(self, node_id: str) -> str:
        """An input that is left out and has no output to stand in for a run."""
        for parent in self.graph.inputs(node_id):
            step = self.steps[parent]
            if step.action is Action.SKIP and self.digests[parent] is None:
                return f"needs {parent}, which is excluded and was never built"
        return ""

    def _no_cutoff(self, node_id: str) -> str:
        """Without early cutoff, why a node whose own key is as it was runs: something upstream does."""
        if self.selection.cutoff:
            return ""
        running = [p for p in self.graph.inputs(node_id) if self.steps[p].action is Action.RUN]
        return f"downstream of {running[0]}" if running else ""

    def _warn(self, node_id: str) -> None:
        for parent in self.graph.inputs(node_id):
            step = self.steps[parent]
            if step.action is Action.SKIP and self.decisions[parent].build is None:
                self.warnings.append(f"{parent} is stale and left out ({step.reason}): {node_id} reads its last good output")

    def _in_state(self, value: str) -> set[str]:
        if value not in ("changed", "new", "modified"):
            raise UsageError(f"unknown state {value!r}", remedy="state:changed, state:new or state:modified")
        never = {i for i, facts in self.world.facts.items() if facts.entry is None}
        stale = set(make_plan(self.graph, self.world, Selection()).runs)
        return {"changed": stale, "new": never, "modified": stale - never}[value]

    def _with_result(self, value: str) -> set[str]:
        if value not in ("failed", "success"):
            raise UsageError(f"unknown result {value!r}", remedy="result:failed or result:success")
        return {i for i, facts in self.world.facts.items() if facts.entry is not None and facts.entry.status == value}
