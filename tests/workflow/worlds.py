"""Worlds that a plan is made from, as values: what was built, what has changed since, what is gone. No disk, no engine."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from seeknal_nb.dag.graph import Graph
from seeknal_nb.dag.manifest import Manifest, Node
from seeknal_nb.storage.builds import Build
from seeknal_nb.workflow.plan import Facts, Plan, Selection
from seeknal_nb.workflow.planner import decide_all, make_plan
from seeknal_nb.workflow.state import NodeState


def graph_of(edges: dict[str, str]) -> Graph:
    """Nodes by id, each with the ids that it reads, a blank apart; a rule checks the first of them."""
    manifest = Manifest("m")
    for node_id in edges:
        kind, _, name = node_id.partition(".")
        manifest.add_node(Node(node_id, name, kind, tags=[name]))
    for node_id, inputs in edges.items():
        for parent in inputs.split():
            manifest.add_edge(parent, node_id)
    return Graph(manifest)


@dataclass
class World:
    """A ``plan.World`` that is edited."""

    graph: Graph
    facts: dict[str, Facts] = field(default_factory=dict)
    builds: dict[tuple[str, str], Build] = field(default_factory=dict)

    def find(self, node_id: str, key: str) -> Build | None:
        return self.builds.get((node_id, key))

    def change(self, node_id: str, **facts: Any) -> None:
        self.facts[node_id] = replace(self.facts[node_id], **facts)

    def remember(self, node_id: str, **entry: Any) -> None:
        """Change what state holds of a node."""
        self.change(node_id, entry=replace(self.facts[node_id].entry, **entry))

    def lose(self, node_id: str) -> None:
        """Its builds are gone."""
        self.builds = {at: build for at, build in self.builds.items() if at[0] != node_id}

    def plan(self, changed: frozenset[str] | None = None, **selection: Any) -> Plan:
        return make_plan(self.graph, self, Selection(**selection), changed=changed)

    def told(self, changed: frozenset[str] | None = None, **selection: Any) -> dict[str, tuple[str, str]]:
        """What is done to each node, by its bare name, and why."""
        return {step.node_id.partition(".")[2]: (str(step.action), str(step.reason)) for step in self.plan(changed, **selection)}

    def runs(self, changed: frozenset[str] | None = None, **selection: Any) -> set[str]:
        return {node_id.partition(".")[2] for node_id in self.plan(changed, **selection).runs}


def fresh(edges: dict[str, str]) -> World:
    """Nothing was ever built."""
    graph = graph_of(edges)
    return World(graph, {node_id: Facts({"sql": "1"}) for node_id in graph.ids})


def built(edges: dict[str, str]) -> World:
    """All was built, and nothing has changed."""
    world = fresh(edges)
    for node in world.graph:
        build(world, node.id)
    return world


def build(world: World, node_id: str, digest: str = "rows") -> None:
    """Build a node as it is now; its inputs must be there."""
    decision = decide_all(world.graph, world)[node_id]
    assert decision.key is not None, f"an input of {node_id} is not there"
    inputs = {p: str(world.find(p, str(world.facts[p].entry.built)).digest) for p in world.graph.inputs(node_id)}
    made = Build(node_id, decision.key, f"{digest} of {node_id}", 1, inputs=inputs)
    world.builds[node_id, made.key] = made
    facts = world.facts[node_id]
    world.change(node_id, entry=NodeState(
        "success", row_count=1, fingerprint=made.key, built=made.key, digest=made.digest, inputs=inputs,
        parts=dict(facts.parts), probe=facts.probe,
    ))  # fmt: skip
