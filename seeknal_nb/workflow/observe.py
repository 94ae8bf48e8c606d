"""Look at the world before a run: files, digests, build records, state. The only reader of the disk; changes nothing."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from seeknal_nb.dag.keys import ENGINE, SPAN, node_parts, written
from seeknal_nb.dag.partitions import KEY
from seeknal_nb.declaration import KINDS, declaration_of
from seeknal_nb.errors import ManifestError, NodeError, SeeknalError, one_or_many
from seeknal_nb.kinds import check_node, kind_of
from seeknal_nb.kinds.body import python_of
from seeknal_nb.kinds.cuts import Cuts
from seeknal_nb.kinds.files import changes, lacking, unsettled
from seeknal_nb.kinds.spans import spans_of
from seeknal_nb.kinds.tables import is_view
from seeknal_nb.kinds.task import UNSEEING
from seeknal_nb.python.body import read_body
from seeknal_nb.python.capture import Captured, captured
from seeknal_nb.python.objects import one_look
from seeknal_nb.storage.builds import Build
from seeknal_nb.storage.files import digest
from seeknal_nb.storage.looks import in_time
from seeknal_nb.workflow.plan import Facts, last_good

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path

    from seeknal_nb.dag.graph import Graph
    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.dag.partitions import Span
    from seeknal_nb.kinds.task import Delivery, Kind, Probe, Seen, Surroundings
    from seeknal_nb.storage.outputs import OutputStore
    from seeknal_nb.workflow.plan import Plan
    from seeknal_nb.workflow.state import NodeState

T = TypeVar("T")
APPENDED = "an earlier version of seeknal_nb appended its rows, which would be there twice; name it to append them again"
__all__ = ["Observed", "Sight", "damaged_inputs", "observe", "prove_unchanged"]


@dataclass(frozen=True, slots=True)
class Sight:
    """What the runner needs of a node besides its facts.

    Attributes:
        node: With its parameters put in.
        kind: Its row of the table.
        raw: Digest of its config as it was written.
        seen: Stat signatures and digests of the files that it looked at.
        captured: What its Python body reads of the notebook.
        outside: Whether it depends on more than itself and its inputs, so that it has to be looked at in each run.
    """

    node: Node
    kind: Kind
    raw: str
    seen: Seen
    captured: Captured
    outside: bool


class _Asked(dict[str, T]):
    """By node id, what ``look`` puts here when somebody asks for it."""

    __slots__ = ("_look",)

    def __init__(self, look: Callable[[str], None]) -> None:
        super().__init__()
        self._look = look

    def __missing__(self, node_id: str) -> T:
        self._look(node_id)
        return self[node_id]


@dataclass(slots=True)
class Observed:
    """A ``plan.World``. Nodes and builds are looked at when asked for, once each, so that one planning sees one world."""

    facts: dict[str, Facts]
    sights: dict[str, Sight]
    outputs: OutputStore
    root: Path
    cuts: Cuts
    verify: bool = False
    alone: bool = True
    notes: list[str] = field(default_factory=list)
    spans: Mapping[str, Span] = field(default_factory=dict)
    _found: dict[tuple[str, str], Build | None] = field(default_factory=dict)

    def find(self, node_id: str, key: str) -> Build | None:
        """The proven build of that key, or None."""
        at = (node_id, key)
        if at not in self._found:
            self._found[at] = self._look(node_id, key)
        return self._found[at]

    def damaged(self, node_id: str, key: str) -> None:
        """Treat a build as missing, and say so: its files are not what its record says."""
        self._found[node_id, key] = None
        self.notes.append(f"the build of {node_id} is damaged ({self.outputs.damaged(node_id, key)}): it is built again")

    def _look(self, node_id: str, key: str) -> Build | None:
        facts = self.facts[node_id]
        entry = facts.entry
        if facts.apart and not facts.stored:  # it stands for what it reads
            return Build(node_id, key, key)
        if facts.apart:
            return self.outputs.find(node_id, key, verify=self.verify)
        if entry is None or facts.altered:
            return None
        if entry.built == key:
            if entry.output is None:
                return Build(node_id, key, entry.digest, entry.row_count)
            if self.alone and not self.verify and self.outputs.intact(node_id, key):
                return Build(node_id, key, entry.digest, entry.row_count, self.outputs.directory(node_id, key))
        if key in entry.earlier:
            return Build(node_id, key, None if facts.stored else key, entry.earlier[key])
        build = self.outputs.find(node_id, key, verify=self.verify)
        if build is None and entry.built == key and self.outputs.directory(node_id, key).exists():
            self.damaged(node_id, key)
        if build is not None and entry.built == key and build.digest != entry.digest:
            return None  # another machine has built it again since
        return build


def observe(
    graph: Graph,
    entries: Mapping[str, NodeState],
    *,
    outputs: OutputStore,
    around: Surroundings,
    verify: bool = False,
    alone: bool = True,
    first: Collection[str] | None = None,
    span: Span | None = None,
) -> Observed:
    """Everything that a plan is made from.

    Args:
        graph: What there is.
        entries: What is remembered.
        outputs: Where builds lie.
        around: What lies round the pipeline.
        verify: Check the digest of every build.
        alone: Whether the entries are of this folder's runs alone: others may have built anew what lies here.
        first: The nodes to look at now, in the graph's order, among them all that depend on more than themselves and their
            inputs; None for all. The others are looked at when somebody asks: nothing can be wrong with them.
        span: Which partitions it is about, where it is not about all; then ``first`` is None.

    Raises:
        SeeknalError: A node cannot be what it says; all such errors of one pass are listed.
    """
    rows = {name: kind_of(name, around.kinds) for name in graph.types}

    def look(node_id: str) -> None:
        number = graph.index[node_id]
        node, names = graph.nodes[number], [graph.nodes[parent].name for parent in graph.parents[number]]
        found = _observe(node, rows[node.node_type], names, entries.get(node_id), around)
        world.facts[node_id], world.sights[node_id] = found

    sights: dict[str, Sight] = _Asked(look)
    cuts = Cuts(graph, lambda node_id: sights[node_id].node)
    world = Observed(_Asked(look), sights, outputs, around.root, cuts, verify, alone)
    problems: list[SeeknalError] = []

    def seen(node_id: str) -> SeeknalError | None:
        try:
            look(node_id)
        except SeeknalError as error:
            return error
        return None

    items = graph.ids if first is None else [*first]
    ours = [node_id for node_id in items if _is_ours(graph.nodes[graph.index[node_id]], around)]
    with one_look():
        errors = dict(zip(ours, in_time(seen, ours), strict=True))
        errors |= {node_id: seen(node_id) for node_id in items if node_id not in errors}
    nodes = {node_id: graph.nodes[graph.index[node_id]] for node_id in items if errors[node_id] is not None}
    problems += [node.blamed(error) for node_id, node in nodes.items() if (error := errors[node_id]) is not None]
    for clashes in in_time(lambda seen: [*_clashes(seen, around)], [world]):
        problems += [clashes] if isinstance(clashes, SeeknalError) else clashes
    if not problems:
        problems += [error for node_id in items if (error := _uncut(graph.nodes[graph.index[node_id]], cuts)) is not None]
    if problems:
        raise one_or_many(problems)
    if span is not None:
        _narrow(graph, world, span)
    return world


def _narrow(graph: Graph, world: Observed, span: Span) -> None:
    """Tell the nodes that are about some partitions, and what reads them, from those of a whole run, by key and state."""
    world.spans = spans_of(graph, world.cuts, span)
    for node_id in {*world.spans, *graph.downstream(set(world.spans))}:
        facts = world.facts[node_id]
        own = {SPAN: str(world.spans[node_id])} if node_id in world.spans else {}
        world.facts[node_id] = replace(facts, parts={**facts.parts, **own}, entry=None, apart=True)


def _uncut(node: Node, cuts: Cuts) -> SeeknalError | None:
    """Why a node cannot be cut as it says."""
    try:
        if KEY in node.config:
            cuts.of(node.id)
    except SeeknalError as error:
        return node.blamed(error)
    return None


def _is_ours(node: Node, around: Surroundings) -> bool:
    """Whether its kind is one of ours; others may mind in which thread they are asked."""
    return node.node_type in KINDS and node.node_type not in around.kinds


def _clashes(world: Observed, around: Surroundings) -> Iterator[SeeknalError]:
    """Nodes whose deliveries would undo one another's, and who would overwrite a file that another one reads."""
    found = {node_id: sight.kind.delivers(sight.node, around) for node_id, sight in world.sights.items()}
    delivered = {node_id: delivery for node_id, delivery in found.items() if delivery}
    places: dict[Path | str, list[str]] = {}
    for node_id, delivery in delivered.items():
        places.setdefault(delivery.place, []).append(node_id)
    read = _read_by(world) if delivered else {}
    for node_id, delivery in delivered.items():
        owner = _owner(node_id, delivered, places)
        if owner:
            yield _clash(world.sights[node_id], f"{owner} delivers there too")
        reader = read.get(str(delivery.place)) or _within(delivery.place, read)
        if reader and reader != node_id:
            yield _clash(world.sights[node_id], f"{reader} reads it")


def _owner(node_id: str, delivered: Mapping[str, Delivery], places: Mapping[Path | str, list[str]]) -> str:
    """Who, of those before it, delivers to the same place, or who, of all, to a directory that it lies in."""
    own = delivered[node_id]
    for other in places[own.place]:
        if other == node_id:
            break
        if own.undoes(delivered[other]):
            return other
    above = () if isinstance(own.place, str) else own.place.parents
    return next((places[parent][0] for parent in above if parent in places), "")


def _clash(sight: Sight, why: str) -> SeeknalError:
    return sight.node.blamed(ManifestError("its target is not its own", why=why, remedy="deliver to another place"))


def _read_by(world: Observed) -> dict[str, str]:
    return {os.path.realpath(path): node_id for node_id, sight in world.sights.items() for path in sight.seen}


def _within(place: Path | str, read: Mapping[str, str]) -> str:
    """Who reads a file below that directory."""
    below = "" if isinstance(place, str) else f"{place}{os.sep}"
    return next((node_id for path, node_id in read.items() if below and path.startswith(below)), "")


def _observe(node: Node, kind: Kind, names: list[str], entry: NodeState | None, around: Surroundings) -> tuple[Facts, Sight]:
    declared = declaration_of(node.node_type, around.kinds)
    raw, whole = written(node, declared, around.params)
    python = python_of(node)
    taken = Captured()
    known = entry.parts if entry is not None and entry.raw == raw else None
    if known is None:
        check_node(whole, around.kinds)
    parts: Mapping[str, str] = node_parts(node, declared, around.params) if known is None or python else known
    if python:
        taken = captured(read_body(python, name=node.name), around.namespace, inputs=names)
        parts = {**parts, "code": digest(parts["code"] + taken.digest_text)[:16]}
    if kind.addressed:  # what was delivered is there, whatever engine read it
        parts = {**parts, ENGINE: around.engine}
    probe = kind.probe(whole, around, entry.seen if entry else {})
    altered = kind.altered(entry.seen) if entry and not kind.addressed else ""
    stored = not is_view(whole)
    delivery = kind.delivers(whole, around) if entry is not None and entry.good and entry.outdated else None
    held = APPENDED if delivery is not None and delivery.append else ""
    found = probe_digest(probe)
    facts = Facts(
        parts,
        found,
        altered,
        entry,
        kind.addressed,
        stored,
        probe.due,
        sure=probe.sure,
        dated=probe.dated,
        held=held,
        lacks=lacking(probe.seen, around.root),
        files=changes(entry.seen, probe.seen) if entry is not None and entry.probe != found else "",
    )
    outside = probe != UNSEEING or bool(python) or not kind.addressed
    return facts, Sight(whole, kind, raw, probe.seen, taken, outside)


def prove_unchanged(world: Observed, node_id: str, around: Surroundings) -> None:
    """What the node read must be what its key says: it is hashed before and after.

    Raises:
        NodeError: It is not.
    """
    sight, before = world.sights[node_id], world.facts[node_id].probe
    if sight.captured.digest_text and not _reads_the_same(sight):
        raise NodeError("a module or a class that it reads changed while it ran", remedy="run again")
    if before is None:
        return

    def look(seen: Seen) -> Probe:
        return sight.kind.probe(sight.node, replace(around, asking=True), seen)

    [now] = in_time(look, [sight.seen]) if _is_ours(sight.node, around) else [look(sight.seen)]
    if isinstance(now, NodeError):
        raise now
    if probe_digest(now) != before and not now.moving:
        raise unsettled()


def _reads_the_same(sight: Sight) -> bool:
    """Whether the body's own copies, and what they share with all, modules above all, tell what the key says."""
    body, taken = read_body(python_of(sight.node) or "", name=sight.node.name), sight.captured
    inputs = {*body.reads}.difference(taken.values)
    return captured(body, taken.values, inputs=inputs).proof == taken.proof


def probe_digest(probe: Probe) -> str | None:
    """What keys and state hold of a probe: a text that does not grow with what was seen."""
    return None if probe.text is None else digest(probe.text)


def damaged_inputs(graph: Graph, plan: Plan, world: Observed) -> list[tuple[str, str]]:
    """Builds, as id and key, that a running node will read and whose bytes are not what their record says."""
    runs, keys = set(plan.runs), {step.node_id: step.key or "" for step in plan.steps}
    damaged = []
    for node_id in dict.fromkeys(p for i in runs for p in graph.inputs(i) if p not in runs):
        build = world.find(node_id, keys[node_id]) if world.facts[node_id].apart else last_good(node_id, world)
        if build is not None and build.path is not None and world.outputs.find(node_id, build.key, verify=True) is None:
            damaged.append((node_id, build.key))
    return damaged
