"""What a plan is made of, and the one decision whether a node is up to date; pure, so plan and run cannot disagree.

The runner asks ``decide`` again with the digests that came out, and nothing else decides.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from seeknal_nb.dag.keys import ENGINE, PARAMETER, build_key, own_digest
from seeknal_nb.durations import duration_text
from seeknal_nb.markup import esc_html, esc_term, plural, table
from seeknal_nb.workflow.events import ExecutionStatus, ExecutionSummary, NodeResult
from seeknal_nb.workflow.options import Selection
from seeknal_nb.workflow.reasons import Reason, Why

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from seeknal_nb.dag.graph import Graph
    from seeknal_nb.storage.builds import Build
    from seeknal_nb.workflow.state import NodeState

__all__ = [
    "Action",
    "Decision",
    "Facts",
    "Plan",
    "Step",
    "World",
    "broken_off",
    "decide",
    "last_good",
]

HERE = "here"
"""Where a node runs that runs in the run's own process."""
PARTS = {"sql": Why.SQL_CHANGED, "code": Why.CODE_CHANGED, ENGINE: Why.ENGINE_CHANGED}
"""What is said of a part of a node before all others that changed."""


class Action(StrEnum):
    """What a run does with a node."""

    RUN = "run"
    CACHED = "cached"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Facts:
    """What was observed of one node.

    Attributes:
        parts: Digests of the parts of its config and code.
        probe: What its kind saw in the world; None where it looks at nothing outside.
        altered: Why what it delivered is not there any more; empty where it is.
        due: Why it has to run although its key is as it was; empty where it need not.
        sure: Whether ``due`` is certain.
        dated: Whether no earlier build than the last one will do, since it counts how long ago that was.
        entry: What state remembers of it.
        addressed: Whether an earlier build of today's key may stand for a run; not so for side effects.
        stored: Whether a run leaves data; a view's digest is its key.
        held: Why it runs only if it is named; empty where it may run.
        lacks: Which of its files are missing; empty where none is.
        files: How many of its files are others than at the last execution, of several; empty where all are the same.
        apart: Whether it is about some of its partitions only, or reads such: then state does not tell of it.
    """

    parts: Mapping[str, str]
    probe: str | None = None
    altered: str = ""
    entry: NodeState | None = None
    addressed: bool = True
    stored: bool = True
    due: str = ""
    sure: bool = True
    dated: bool = False
    held: str = ""
    lacks: str = ""
    files: str = ""
    apart: bool = False


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
    reason: Reason
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
        note: What a reader should know besides.
    """

    node_id: str
    action: Action
    reason: Reason
    certain: bool = True
    forced: bool = False
    tags: tuple[str, ...] = ()
    key: str | None = None
    note: str = ""

    @property
    def why(self) -> str:
        """The reason and the note, for a reader."""
        return "; ".join(filter(None, (self.reason, self.note)))

    def to_dict(self) -> dict[str, Any]:
        """The step as JSON has it."""
        return {"node_id": self.node_id, "action": str(self.action), "reason": self.why, "certain": self.certain}


@dataclass(frozen=True, slots=True)
class Plan:
    """All nodes in topological order, each with what is done to it and why.

    ``seconds`` is what a run would take, as far as its nodes ran before; None where none did, or nobody looked. ``whys``
    is what changed of each node that runs, where somebody asked. ``elsewhere`` names the place of what runs, but not here.
    """

    steps: tuple[Step, ...]
    warnings: tuple[str, ...] = ()
    selection: Selection = field(default_factory=Selection)
    seconds: float | None = None
    whys: tuple[Any, ...] = ()
    elsewhere: Mapping[str, str] = field(default_factory=dict)

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
        run = Action.RUN  # once: to name a member of an enumeration costs more than to compare it
        return [step.node_id for step in self.steps if step.action is run]

    def where(self, step: Step) -> str:
        """The place where a step runs; empty where it does not."""
        return self.elsewhere.get(step.node_id, HERE) if step.action is Action.RUN else ""

    def to_dict(self) -> dict[str, Any]:
        """``{"steps": [...], "warnings": [...]}``, and ``whys`` where there are."""
        whys = {"whys": [why.to_dict() for why in self.whys]} if self.whys else {}
        steps = [{**step.to_dict(), "where": self.where(step)} for step in self.steps]
        return {"steps": steps, "warnings": list(self.warnings), **whys}

    def to_frame(self) -> pd.DataFrame:
        """One row a node in order: node_id, action, reason, tags (text), certain (bool) and where (text)."""
        import pandas as pd  # noqa: PLC0415 - half a second, and only a notebook asks

        rows = [(s.node_id, str(s.action), s.why, s.certain, ", ".join(s.tags), self.where(s)) for s in self.steps]
        return pd.DataFrame(rows, columns=["node_id", "action", "reason", "certain", "tags", "where"])

    def headline(self) -> str:
        """One sentence: how many run, may run, are up to date, are left out."""
        sure = sum(s.action is Action.RUN and s.certain for s in self.steps)
        counts = {
            "to run": sure,
            "may run": len(self.runs) - sure,
            "up to date": sum(s.action is Action.CACHED for s in self.steps),
            "left out": sum(s.action is Action.SKIP for s in self.steps),
        }
        told = ", ".join(f"{n} {what}" for what, n in counts.items() if n) or "none"
        seconds = self.seconds or 0.0
        about = f"; about {duration_text(seconds)}" if self.runs and seconds >= 1 else ""
        return f"{plural(len(self.steps), 'node')}: {told}{about}"

    def lines(self) -> list[str]:
        """A line a step, as SPEC.md § print_plan() has them: number, what, node, [tags], then (reason)."""
        return [f"{n:4d}. {_what(s)} {s.node_id}{_tags(s.tags)} ({self._told(s)})" for n, s in enumerate(self.steps, 1)]

    def _told(self, step: Step) -> str:
        """Why, and where, unless it is here."""
        place = self.elsewhere.get(step.node_id)
        return f"{step.why}; on {place}" if place else step.why

    def __str__(self) -> str:
        lines = [*self.lines(), *(f"  ! {warning}" for warning in self.warnings), self.headline()]
        return "\n".join([*(esc_term(line, one_line=True) for line in lines), *map(str, self.whys)])

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        rows = [
            (n, _what(s).lower(), s.node_id, self._told(s), ", ".join(s.tags)) for n, s in enumerate(self.steps[:500], 1)
        ]
        notes = "".join(f"<p>{esc_html(text)}</p>" for text in (self.headline(), *self.warnings))
        whys = "".join(f"<pre>{esc_html(str(why))}</pre>" for why in self.whys)
        return {"text/plain": str(self), "text/html": notes + table(["", "action", "node", "why", "tags"], rows) + whys}


def _what(step: Step) -> str:
    return str(step.action).upper() if step.certain else "MAY RUN"


def _tags(tags: Sequence[str]) -> str:
    return f" [{', '.join(tags)}]" if tags else ""


def broken_off(plan: Plan, results: Mapping[str, NodeResult]) -> ExecutionSummary:
    """What is known of a run that nobody followed to its end."""
    pending = ExecutionStatus.PENDING
    known = [results.get(s.node_id) or NodeResult(s.node_id, pending, reason=Reason(Why.INTERRUPTED)) for s in plan]
    return ExecutionSummary.of(known, runs=plan.runs, duration=sum(result.duration for result in known))


def decide(graph: Graph, node_id: str, digests: Mapping[str, str | None], world: World) -> Decision:
    """Whether a node is up to date, given its inputs' digests; None, or none, for one that is not known yet.

    Up to date needs a state entry that succeeded and a proven build of today's key.
    """
    facts = world.facts[node_id]
    inputs = {name: digests.get(name) for name in graph.inputs(node_id)}
    unknown = [name for name, found in inputs.items() if found is None]
    key = None
    if not unknown:
        key = build_key(node_id, own_digest(facts.parts), facts.probe, [(n, found or "") for n, found in inputs.items()])
    if facts.apart:
        known = key is not None and facts.addressed and not facts.due and not facts.dated
        build = world.find(node_id, key or "") if known else None
        return Decision(
            key, build, Reason(Why.SOME_PARTITIONS if build is None else Why.UP_TO_DATE), certain=key is not None
        )
    if facts.entry is None:
        return Decision(key, None, Reason(Why.NEVER_BUILT))
    if not facts.entry.good:
        return Decision(key, None, Reason(Why.FAILED_LAST_TIME))
    if facts.due:
        return Decision(key, None, Reason(Why.DUE, facts.due), certain=facts.sure)
    if key is None:
        own = _own_reason(facts, facts.entry)
        return Decision(None, None, own or Reason(Why.INPUT_CHANGED, unknown[0]), certain=own is not None)
    return _compared(node_id, key, facts, facts.entry, inputs, world)


def _compared(
    node_id: str, key: str, facts: Facts, entry: NodeState, inputs: Mapping[str, str | None], world: World
) -> Decision:
    """The decision where today's key is known, and nothing but it decides."""
    build = world.find(node_id, key) if facts.addressed or entry.fingerprint == key else None
    if build is not None and facts.dated and build.key != entry.built:
        return Decision(key, None, Reason(Why.OLDER_BUILD))
    if build is not None:
        return Decision(key, build, Reason(Why.UP_TO_DATE))
    if entry.fingerprint != key:
        return Decision(key, None, _changed(facts, entry, inputs))
    return Decision(key, None, Reason(Why.TARGET_CHANGED, facts.altered) if facts.altered else Reason(Why.OUTPUT_MISSING))


def last_good(node_id: str, world: World, decision: Decision | None = None) -> Build | None:
    """The build that makes the node up to date, as decided; else that of its last good run, if it is still there."""
    if decision is not None and decision.build is not None:
        return decision.build
    entry = world.facts[node_id].entry
    return world.find(node_id, entry.built) if entry is not None and entry.built is not None else None


def _own_reason(facts: Facts, entry: NodeState) -> Reason | None:
    """What changed of the node itself, rather than of what it reads."""
    changed = sorted(name for name in {**entry.parts, **facts.parts} if entry.parts.get(name) != facts.parts.get(name))
    if changed and not entry.parts:
        return Reason(Why.NO_FINGERPRINT)
    if entry.outdated:
        return Reason(Why.EARLIER_VERSION)
    for name, why in PARTS.items():
        if name in changed:
            return Reason(why)
    values = [name.removeprefix(PARAMETER) for name in changed if name.startswith(PARAMETER)]
    if values:
        return Reason(Why.PARAMETER_CHANGED, *values)
    if changed:
        return Reason(Why.CONFIG_CHANGED, *changed)
    if entry.probe == facts.probe:
        return None
    return Reason(Why.SOURCE_CHANGED, facts.files) if facts.files else Reason(Why.SOURCE_CHANGED)


def _changed(facts: Facts, entry: NodeState, inputs: Mapping[str, str | None]) -> Reason:
    """Why the key is another than at the last execution."""
    if entry.fingerprint is None:
        return Reason(Why.NO_FINGERPRINT)
    if own := _own_reason(facts, entry):
        return own
    others = [name for name, found in inputs.items() if entry.inputs.get(name) != found]
    gone = [name for name in entry.inputs if name not in inputs]
    return Reason(Why.INPUT_CHANGED, (others or gone)[0]) if others or gone else Reason(Why.INPUTS_REORDERED)
