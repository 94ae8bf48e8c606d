"""Why a node runs: each cue as it was at its last execution against what it is now. Reads what runs kept, and no data."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.graph import Graph
from seeknal_nb.dag.select import resolve
from seeknal_nb.markup import changed_lines, esc_html, esc_term
from seeknal_nb.workflow.evidence import Kept, evidence_of
from seeknal_nb.workflow.history import read_history, runs_by_node, runs_of
from seeknal_nb.workflow.options import Selection
from seeknal_nb.workflow.plan import Action
from seeknal_nb.workflow.planner import decide_all, make_plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from seeknal_nb.workflow.evidence import Evidence
    from seeknal_nb.workflow.observe import Observed
    from seeknal_nb.workflow.plan import Step
    from seeknal_nb.workflow.runner import DAGRunner
    from seeknal_nb.workflow.state import NodeState

__all__ = ["Cause", "Causes", "Explainer", "Whys"]

INPUT, FILE = "input", "file"
BODIES = ("SQL", "code")
"""What is told by its lines, however short it is."""
SEARCHED = 50
"""Runs whose records are searched for what an input ran for."""
NOT_KNOWN = "not known yet"
GONE = "what it was then is not known here: it was built elsewhere, or by an earlier version of seeknal_nb"
COLUMNS = ("what", "name", "before", "now", "why")


@dataclass(frozen=True, slots=True)
class Cause:
    """One cue that is another than before.

    Attributes:
        what: ``SQL``, ``code``, ``config``, ``parameter``, ``notebook``, ``package``, ``file``, ``input`` or ``engine``.
        name: Which one.
        before: As it was; empty for what is new.
        now: As it is; empty for what is gone.
        why: Of an input, why it is another.
    """

    what: str
    name: str
    before: str
    now: str
    why: str = ""

    @property
    def title(self) -> str:
        """What it is, in a word or two."""
        return self.what if self.what in BODIES else f"{self.what} {self.name}".strip()

    def changed(self) -> list[str]:
        """Of a text, the lines that changed, as ``changed_lines`` gives them; nothing of a plain value."""
        is_text = self.what in BODIES or "\n" in self.before + self.now
        return changed_lines(self.before, self.now) if is_text else []

    def lines(self) -> list[str]:
        """For a reader: a line, or the changed lines of a text below its name."""
        if changed := self.changed():
            return [self.title, *(f"  {line}" for line in changed)]
        why = f": {self.why}" if self.why else ""
        return [f"{self.title}: {self.before or '(not there)'} -> {self.now or '(not there)'}{why}"]

    def to_dict(self) -> dict[str, Any]:
        """As the graph's panel shows it: the lines of a text, or the two values."""
        changed = self.changed()
        values = ["", ""] if changed else [self.before, self.now]
        return {"title": self.title, "values": values, "lines": changed, "why": self.why}


@dataclass(frozen=True, slots=True)
class Causes:
    """Why one node runs, or ran.

    Attributes:
        node_id: ``kind.name``.
        headline: One sentence.
        causes: What changed since its last execution; of a node that is up to date, what had changed at that one.
        note: What is not known.
        then: Of a node that is up to date, what its last execution was for.
    """

    node_id: str
    headline: str
    causes: tuple[Cause, ...] = field(default=())
    note: str = ""
    then: str = ""

    def lines(self) -> list[str]:
        """For a reader, the causes below the sentence."""
        below = [f"  {line}" for cause in self.causes for line in cause.lines()]
        return [self.headline, *below, *([f"  {self.note}"] if self.note else [])]

    def to_frame(self) -> pd.DataFrame:
        """A row a cause: what, name, before, now, why; all text."""
        import pandas as pd  # noqa: PLC0415 - half a second, and only a notebook asks

        rows = [(one.what, one.name, one.before, one.now, one.why) for one in self.causes]
        return pd.DataFrame(rows, columns=list(COLUMNS), dtype=str)

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        causes = [{name: getattr(one, name) for name in COLUMNS} for one in self.causes]
        return {"node_id": self.node_id, "headline": self.headline, "causes": causes, "note": self.note}

    def __str__(self) -> str:
        return "\n".join(esc_term(line, one_line=True) for line in self.lines())

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": f"<pre>{esc_html(str(self))}</pre>"}


@dataclass(frozen=True, slots=True)
class Whys:
    """Why each node of a plan runs that does."""

    nodes: tuple[Causes, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"nodes": [one.to_dict() for one in self.nodes]}

    def __str__(self) -> str:
        return "\n".join(map(str, self.nodes)) or "Nothing would run."

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": f"<pre>{esc_html(str(self))}</pre>"}


class Explainer:
    """One look at a pipeline, for as many nodes as somebody asks for.

    Args:
        runner: Has the nodes, and what runs kept of them.
        world: What was observed of them, where somebody looked already.

    Raises:
        SeeknalError: It cannot be planned.
    """

    def __init__(self, runner: DAGRunner, world: Observed | None = None) -> None:
        self._runner, self._graph = runner, Graph(runner.manifest, runner.kinds)
        self._world = world or runner.look(self._graph)
        self._plan = make_plan(self._graph, self._world, Selection())
        self._every: Kept | None = None
        self._known: dict[str, Kept] = {}
        self._runs: dict[str, list[dict[str, Any]]] | None = None
        decisions = decide_all(self._graph, self._world)
        self._digests = {i: one.build.identity if one.build else None for i, one in decisions.items()}

    def all(self) -> Whys:
        """Of each node that runs, or may run."""
        target = self._runner.target
        self._every, self._runs = Kept.read(target), runs_by_node(read_history(target / "runs", most=SEARCHED))
        return Whys(tuple(map(self.of, self._plan.runs)))

    def _kept(self, node_id: str) -> Kept:
        if self._every is not None:
            return self._every
        if node_id not in self._known:
            self._known[node_id] = Kept.read(self._runner.target, node_id)
        return self._known[node_id]

    def _reason(self, node_id: str) -> str:
        """What the last execution of a node was for; empty where nobody knows."""
        if self._runs is not None:
            found = self._runs.get(node_id, ())
        else:
            found = runs_of(self._runner.target / "runs", node_id, most=1, searched=SEARCHED)
        return str(found[0]["reason"]) if found else ""

    def step(self, name: str) -> Step:
        """What a plan says of a node, by its id or bare name."""
        found: Step = self._plan[resolve(self._graph, name)]
        return found

    def since(self, name: str, key: str) -> tuple[Cause, ...]:
        """What of a node that would run was written otherwise when the build with this key was made: body and config.

        Raises:
            SelectionError: There is no such node.
        """
        node_id = resolve(self._graph, name)
        before = self._kept(node_id).of(node_id, key) if self._plan[node_id].action is Action.RUN else None
        if before is None:
            return ()
        return tuple(one for one in self._causes(before, self._now(node_id)) if one.what in (*BODIES, "config"))

    def of(self, name: str, step: Step | None = None) -> Causes:
        """Of one node, by its id or bare name, and where a plan was made, by its step.

        Raises:
            SelectionError: There is no such node.
        """
        node_id = resolve(self._graph, name)
        step, entry = step or self._plan[node_id], self._world.facts[node_id].entry
        if step.action is Action.RUN:
            verb = "will run" if step.certain else "may run"
            before = self._kept(node_id).of(node_id, entry.fingerprint) if entry is not None else None
            now, missing = self._now(node_id), GONE if entry is not None else ""
            return self._compared(node_id, f"{node_id} {verb}: {step.why}", before, now, missing)
        if step.action is Action.SKIP or entry is None:
            return Causes(node_id, f"{node_id} is left out: {step.why}")
        return self._last(node_id, step, entry)

    def _last(self, node_id: str, step: Step, entry: NodeState) -> Causes:
        """Of a node that is up to date: what had changed when it was executed last."""
        then = self._reason(node_id)
        told = f"{node_id} is {step.why}{f'; it last ran because of this: {then}' if then else ''}"
        key, kept = entry.fingerprint or "", self._kept(node_id)
        before = kept.of(node_id, kept.before.get((node_id, key)))
        return replace(self._compared(node_id, told, before, kept.of(node_id, key), ""), then=then)

    def _now(self, node_id: str) -> Evidence:
        return evidence_of(self._graph, self._world, node_id, self._runner.around, self._digests)

    def _compared(self, node_id: str, headline: str, before: Evidence | None, now: Evidence | None, missing: str) -> Causes:
        if before is None or now is None:
            return Causes(node_id, headline, note=missing)
        return Causes(node_id, headline, tuple(self._causes(before, now)))

    def _causes(self, before: Evidence, now: Evidence) -> Iterator[Cause]:
        for what in dict.fromkeys([*now, *before]):
            old, new = before.get(what, {}), now.get(what, {})
            for name in dict.fromkeys([*new, *old]):
                if _of_content(what, old.get(name)) != _of_content(what, new.get(name)):
                    yield self._cause(what, name, old.get(name, ""), new.get(name, ""))

    def _cause(self, what: str, name: str, before: str, now: str) -> Cause:
        if what != INPUT:
            return Cause(what, name, before, now)
        step = self._plan[name] if name in self._graph.index else None
        why = step.why if step is not None and step.action is Action.RUN else self._reason(name)
        return Cause(what, name, before[:8], now[:8] or NOT_KNOWN, why)


def _of_content(what: str, text: str | None) -> str | None:
    """What counts of a cue: of a file not its time."""
    return text.rpartition(" ")[2] if what == FILE and text is not None else text
