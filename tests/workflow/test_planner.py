"""Which nodes run, and why: a row a rule, over worlds that are values."""

from __future__ import annotations

from typing import Any

import pytest
from worlds import World, build, built, fresh

from seeknal_nb.workflow.planner import keys_in_use

CHAIN = {"source.a": "", "transform.b": "source.a", "transform.c": "transform.b", "transform.d": "transform.c"}
CHECKED = {"source.s": "", "rule.r": "source.s", "transform.t": "source.s", "transform.u": "transform.t", "source.o": ""}
"""r checks s, which t reads, which u reads."""


@pytest.fixture
def chain() -> World:
    return built(CHAIN)


@pytest.fixture
def checked() -> World:
    return built(CHECKED)


def failed(world: World, node_id: str) -> None:
    """Its last execution failed, and nothing has changed since."""
    world.lose(node_id)
    world.remember(node_id, status="failed", built=None)


# One node: is it up to date?

OWN: dict[str, tuple[dict[str, Any], dict[str, Any], str, bool]] = {
    "failed": ({}, {"status": "failed"}, "failed last time", True),
    "failed, and changed": ({"parts": {"sql": "2"}}, {"status": "failed"}, "failed last time", True),
    "due": ({"due": "refresh: 1h"}, {}, "refresh: 1h", True),
    "perhaps due": ({"due": "watermark", "sure": False}, {}, "watermark", False),
    "its SQL changed": ({"parts": {"sql": "2"}}, {}, "SQL changed", True),
    "its code changed": ({"parts": {"sql": "1", "code": "2"}}, {}, "code changed", True),
    "its source changed": ({"probe": "2"}, {}, "source data changed", True),
    "a key of its config came": ({"parts": {"sql": "1", "config.x": "2"}}, {}, "config changed: config.x", True),
    "a key of its config went": ({"parts": {}}, {"parts": {"config.x": "1"}}, "config changed: config.x", True),
    "an entry without parts": ({}, {"parts": {}, "fingerprint": "x"}, "no fingerprint", True),
    "its target is altered": ({"altered": "target missing: x", "addressed": False}, {"fingerprint": None}, "no fingerprint", True),
}


@pytest.mark.parametrize(("facts", "entry", "reason", "certain"), OWN.values(), ids=OWN)
def test_a_node_runs_for_what_is_so_of_itself(facts: dict[str, Any], entry: dict[str, Any], reason: str, certain: bool) -> None:
    world = built({"source.a": ""})
    world.change("source.a", **facts)
    world.remember("source.a", **entry)
    if not entry.get("status") and "due" not in facts:
        world.lose("source.a")
    [step] = world.plan()
    assert (str(step.action), str(step.reason), step.certain) == ("run", reason, certain)


def test_what_was_never_built_runs_and_what_is_as_it_was_does_not(chain: World) -> None:
    assert fresh(CHAIN).told()["a"] == ("run", "never built")
    assert set(chain.told().values()) == {("cached", "up to date")}


def test_a_build_that_is_gone_is_built_again(chain: World) -> None:
    chain.lose("transform.b")
    assert chain.told()["b"] == ("run", "output missing")


def test_what_reads_a_change_may_run(chain: World) -> None:
    """Its inputs may come out the same."""
    chain.change("transform.b", parts={"sql": "2"})
    steps = {step.node_id: step for step in chain.plan()}
    assert (str(steps["transform.c"].reason), steps["transform.c"].certain) == ("input changed: transform.b", False)
    chain.change("transform.c", parts={"sql": "2"})
    steps = {step.node_id: step for step in chain.plan()}
    assert (str(steps["transform.c"].reason), steps["transform.c"].certain) == ("SQL changed", True)


@pytest.mark.parametrize(("now", "reason"), [
    ("source.a source.b source.c", "input changed: source.c"), ("source.a", "input changed: source.b"), ("source.b source.a", "inputs reordered"),
])  # fmt: skip
def test_other_inputs_are_another_node(now: str, reason: str) -> None:
    sources = {"source.a": "", "source.b": "", "source.c": ""}
    before, after = built({**sources, "transform.t": "source.a source.b"}), built({**sources, "transform.t": now})
    after.facts, after.builds = before.facts, before.builds
    assert after.told()["t"] == ("run", reason)


def test_who_goes_back_finds_the_build_of_then_but_not_what_was_delivered() -> None:
    world = built({"source.a": ""})
    world.change("source.a", parts={"sql": "2"})
    build(world, "source.a")
    world.change("source.a", parts={"sql": "1"})
    assert world.runs() == set()
    world.change("source.a", dated=True)
    assert world.told()["a"] == ("run", "the build of this version is an older one")
    world.change("source.a", dated=False, addressed=False)
    assert world.told()["a"] == ("run", "SQL changed")


# What is asked for


@pytest.mark.parametrize(("selection", "runs"), [
    ({}, ""), ({"full": True}, "a b c d"), ({"nodes": ("b",)}, "b c d"), ({"nodes": ("b",), "only": True}, "b"),
    ({"nodes": ("b",), "force": False}, ""), ({"full": True, "exclude": ("b",)}, "a c d"), ({"full": True, "tags": ("b", "c")}, "b c"),
    ({"full": True, "node_types": ("source",)}, "a"), ({"full": True, "exclude_tags": ("d",)}, "a b c"), ({"nodes": ("result:success",), "only": True}, "a b c d"),
    ({"nodes": ("+c",), "only": True}, "a b c"),
], ids=str)  # fmt: skip
def test_a_selection_of_what_is_up_to_date_runs_what_it_names(chain: World, selection: dict[str, Any], runs: str) -> None:
    assert chain.runs(**selection) == set(runs.split())


def test_an_ancestor_that_was_never_built_is_pulled_in_and_a_stale_one_is_not() -> None:
    world = fresh(CHAIN)
    assert world.told(nodes=("c",), only=True) == {
        "a": ("run", "needed, never built"), "b": ("run", "needed, never built"), "c": ("run", "never built"), "d": ("skip", "not selected"),
    }  # fmt: skip
    world = built(CHAIN)
    world.change("transform.b", parts={"sql": "2"})
    assert world.runs(nodes=("c",), only=True) == {"c"}
    assert [str(warning) for warning in world.plan(nodes=("c",), only=True).warnings] == [
        "transform.b is stale and left out (not selected): transform.c reads its last good output"
    ]


def test_filters_pull_nothing_in() -> None:
    assert fresh(CHAIN).told(exclude=("b",))["c"] == ("skip", "needs transform.b, which is excluded and was never built")


def test_an_old_manifest_narrows_to_what_differs_and_what_is_below() -> None:
    world = fresh(CHAIN)
    assert world.runs(frozenset({"transform.c"})) == {"a", "b", "c", "d"}  # what it needs was never built
    world = built(CHAIN)
    world.facts["transform.d"] = fresh(CHAIN).facts["transform.d"]
    assert world.told(frozenset())["d"] == ("skip", "unchanged since the old manifest")
    assert world.runs(frozenset({"transform.c"})) == {"d"}
    assert world.runs(frozenset(), full=True) == {"a", "b", "c", "d"}


@pytest.mark.parametrize(("changed", "runs"), [("a", "a b c d"), ("b", "b c d"), ("d", "d")])
def test_without_cutoff_all_below_a_change_runs_for_certain(chain: World, changed: str, runs: str) -> None:
    node_id = next(i for i in CHAIN if i.endswith(f".{changed}"))
    chain.change(node_id, parts={"sql": "2"})
    plan = chain.plan(cutoff=False)
    assert {node_id.partition(".")[2] for node_id in plan.runs} == set(runs.split())
    assert all(step.certain for step in plan)


# Rules


def test_who_names_a_rule_runs_what_is_stale_behind_it(checked: World) -> None:
    """What waits for a rule is below it, as what reads it is; but the rule passing changes no data."""
    assert checked.told(nodes=("r",))["t"] == ("cached", "up to date")
    checked.change("transform.t", parts={"sql": "2"})
    assert checked.runs(nodes=("r",)) == {"r", "t", "u"}
    assert checked.runs(nodes=("r",), only=True) == {"r"}


def test_who_names_a_node_runs_a_stale_rule_that_it_waits_for_and_no_other(checked: World) -> None:
    assert checked.runs(nodes=("t",), only=True) == {"t"}
    checked.change("rule.r", parts={"sql": "2"})
    assert checked.runs(nodes=("t",), only=True) == {"r", "t"}


def test_a_rule_that_failed_and_is_left_out_holds_back_all_below_what_it_checks(checked: World) -> None:
    """Else a filter would be the way past it that nobody meant."""
    failed(checked, "rule.r")
    found = checked.told(full=True, node_types=("source", "transform"))
    assert found["t"] == found["u"] == ("skip", "rule.r failed: it checks what this node reads")
    assert found["o"] == ("run", "full run")


def test_who_excludes_the_rule_by_name_goes_past_it_and_is_told(checked: World) -> None:
    failed(checked, "rule.r")
    plan = checked.plan(full=True, exclude=("rule.r",))
    assert {node_id.partition(".")[2] for node_id in plan.runs} == {"s", "t", "u", "o"}
    assert "rule.r is left out (excluded): what transform.t reads is not checked" in [str(warning) for warning in plan.warnings]


# Builds that somebody needs


def test_the_last_good_build_of_a_stale_node_is_in_use(chain: World) -> None:
    """It is what is shown, and what a run that leaves the node out reads."""
    keys = {node_id: str(chain.facts[node_id].entry.built) for node_id in chain.graph.ids}
    assert keys_in_use(chain.graph, chain) == {node_id: {key} for node_id, key in keys.items()}
    chain.change("transform.b", parts={"sql": "2"})
    found = keys_in_use(chain.graph, chain)
    assert keys["transform.b"] in found["transform.b"]
    assert len(found["transform.b"]) == 2
    assert found["transform.c"] == {keys["transform.c"]}
