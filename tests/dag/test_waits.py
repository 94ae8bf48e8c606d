"""A rule that stops the pipeline comes before the other readers of what it checks, and never closes a cycle."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeknal_nb.dag.graph import Graph
from seeknal_nb.dag.manifest import Manifest, Node


def manifest(nodes: dict[str, list[str]], configs: dict[str, dict[str, Any]] | None = None) -> Manifest:
    made = Manifest("gates")
    for node_id in nodes:
        kind, _, name = node_id.partition(".")
        made.add_node(Node(node_id, name, kind, config=(configs or {}).get(node_id, {})))
    for node_id, inputs in nodes.items():
        for one in inputs:
            made.add_edge(one, node_id)
    return made


CHAIN = {"source.a": [], "transform.b": ["source.a"], "exposure.c": ["transform.b"], "rule.r": ["source.a"]}


def test_readers_wait_for_the_rule_and_what_is_below_them_need_not() -> None:
    graph = Graph(manifest(CHAIN))
    assert graph.rules("transform.b") == ("rule.r",)
    assert graph.rules("exposure.c") == graph.rules("source.a") == ()
    assert graph.before("transform.b") == ("source.a", "rule.r")
    assert [node.id for node in graph] == ["source.a", "rule.r", "transform.b", "exposure.c"]


@pytest.mark.parametrize(
    ("config", "waits"),
    [
        ({}, True),
        ({"severity": "error"}, True),
        ({"severity": "warn"}, False),
        ({"severity": "info"}, False),
        ({"severity": "warn", "checks": [{"range": {"column": "x", "min": 0, "severity": "error"}}]}, True),
        ({"severity": "warn", "checks": [{"not_null": ["x"], "severity": "error"}]}, True),
        ({"severity": "warn", "checks": [{"not_null": ["x"], "severity": "info"}, {"unique": "x"}, 3]}, False),
        ({"severity": "warn", "rule": {"type": "null", "params": {"severity": "error"}}}, True),
        ({"severity": "warn", "rule": [{"type": "null", "severity": "warn"}, {"value": "x > 0", "severity": "error"}]}, True),
        ({"severity": "warn", "blocking": True}, True),
        ({"blocking": False}, False),
        ({"params": {"severity": "warn"}}, False),
    ],
)
def test_who_can_fail_stops_others_unless_it_is_told(config: dict[str, Any], waits: bool) -> None:
    assert Graph(manifest(CHAIN, {"rule.r": config})).rules("transform.b") == (("rule.r",) if waits else ())


def test_what_a_rule_needs_does_not_wait_for_it() -> None:
    """It compares ``a`` with ``b``, which is made from ``a``: it cannot come before ``b``, but before ``d``."""
    nodes = {"source.a": [], "transform.b": ["source.a"], "transform.d": ["source.a"], "rule.r": ["source.a", "transform.b"]}
    graph = Graph(manifest(nodes))
    assert graph.rules("transform.b") == ()
    assert graph.rules("transform.d") == ("rule.r",)


def test_a_rule_on_a_profile_is_about_the_table_that_it_tells_about() -> None:
    nodes = {"source.a": [], "profile.p": ["source.a"], "rule.r": ["profile.p"], "transform.b": ["source.a"]}
    graph = Graph(manifest(nodes))
    assert graph.rules("transform.b") == ("rule.r",)
    assert graph.rules("profile.p") == ()


def test_rules_do_not_wait_for_rules() -> None:
    nodes = {"source.a": [], "rule.r": ["source.a"], "rule.s": ["source.a"]}
    assert Graph(manifest(nodes)).rules("rule.s") == ()


def test_two_rules_that_read_each_others_readers_close_no_cycle() -> None:
    nodes = {
        "source.a": [], "source.b": [], "transform.of_a": ["source.a"], "transform.of_b": ["source.b"],
        "rule.on_a": ["source.a", "transform.of_b"], "rule.on_b": ["source.b", "transform.of_a"],
    }  # fmt: skip
    graph = Graph(manifest(nodes))
    assert graph.rules("transform.of_a") == ("rule.on_a",)
    assert graph.rules("transform.of_b") == ()
    assert len(graph.order) == len(nodes)


@given(st.lists(st.tuples(st.booleans(), st.lists(st.integers(0, 30), max_size=4)), min_size=1, max_size=25))
def test_the_order_respects_inputs_and_gates_of_any_graph(drawn: list[tuple[bool, list[int]]]) -> None:
    ids = [f"{'rule' if is_rule else 'transform'}.n{number}" for number, (is_rule, _) in enumerate(drawn)]
    nodes = {node_id: [ids[p] for p in inputs if p < n] for n, (node_id, (_, inputs)) in enumerate(zip(ids, drawn, strict=True))}
    graph = Graph(manifest(nodes))
    at = {node.id: n for n, node in enumerate(graph)}
    assert len(at) == len(nodes)
    for node_id in nodes:
        assert all(at[one] < at[node_id] for one in graph.before(node_id))
        for rule in graph.rules(node_id):
            assert graph.inputs(rule)[0] in graph.inputs(node_id)
