"""Positions of inputs: one that is listed twice has two, in every kind of body, and the edges stay single."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from kinds import failure, good, rows, run

from seeknal_nb.dag.positions import by_position, repeats
from seeknal_nb.declaration import declaration_of
from seeknal_nb.errors import ManifestError

if TYPE_CHECKING:
    from seeknal_nb import Project

PLACES: dict[str, tuple[str, dict[str, Any], list[str], list[str]]] = {
    "nothing listed": ("transform", {}, ["source.a", "source.b"], ["source.a", "source.b"]),
    "each once": ("transform", {"inputs": ["source.b", "a"]}, ["source.b", "source.a"], ["source.b", "source.a"]),
    "one twice": ("transform", {"inputs": ["source.a", "source.a"]}, ["source.a"], ["source.a", "source.a"]),
    "one twice, spelled otherwise": ("transform", {"inputs": ["a", {"ref": "SOURCE.A"}, "ref('a')"]}, ["source.a"], ["source.a"] * 3),
    "one before and behind another": ("transform", {"inputs": ["a", "b", "a"]}, ["source.a", "source.b"], ["source.a", "source.b", "source.a"]),
    "under both keys": ("transform", {"inputs": ["a"], "depends_on": ["b", "a"]}, ["source.a", "source.b"], ["source.a", "source.b", "source.a"]),
    "what the body names comes behind": ("transform", {"inputs": ["a", "a"]}, ["source.a", "source.b"], ["source.a", "source.a", "source.b"]),
    "two of one bare name": ("transform", {"inputs": ["source.a", "transform.a"]}, ["source.a", "transform.a"], ["source.a", "transform.a"]),
    "what a rule is about": ("rule", {"on": "a", "inputs": ["a", "a"]}, ["source.a"], ["source.a", "source.a"]),
    "what a rule is about, and others": ("rule", {"on": "b", "inputs": ["a", "a", "b"]}, ["source.b", "source.a"], ["source.b", "source.a", "source.a"]),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "config", "edges", "expected"), PLACES.values(), ids=PLACES)
def test_what_is_listed_has_the_place_at_which_it_is_listed(kind: str, config: dict[str, Any], edges: list[str], expected: list[str]) -> None:
    assert list(by_position(config, declaration_of(kind), edges)) == expected


def test_lists_without_a_repetition_say_no_more_than_the_edges() -> None:
    assert repeats({"inputs": ["source.a", "b"]}) == []
    assert repeats({"inputs": ["source.a", "A"]}) == ["source.a", "A"]


@pytest.fixture
def tree(project: Project) -> Project:
    """Parents and children in one table, and another of two rows."""
    project.transform("a", sql="SELECT * FROM (VALUES (1, NULL), (2, 1), (3, 1)) t(id, parent)")
    project.transform("b", sql="SELECT unnest([1, 2]) AS id")
    return project


JOIN = "SELECT r.id FROM input_0 l JOIN input_1 r ON r.parent = l.id ORDER BY 1"
PYTHON = "(left := {0}).merge({1}, left_on='id', right_on='parent')[['id_y']].sort_values('id_y')"
BODIES: dict[str, dict[str, Any]] = {
    "SQL": {"sql": JOIN},
    "SQL without aliases": {"sql": "SELECT input_1.id FROM INPUT_0 JOIN input_1 ON input_1.parent = input_0.id ORDER BY 1"},
    "this and the second": {"sql": "SELECT r.id FROM __THIS__ l JOIN input_1 r ON r.parent = l.id ORDER BY 1"},
    "a view": {"sql": JOIN, "materialized": "view"},
    "the peer's key": {"transform": JOIN},
    "Python's ref": {"python": PYTHON.format("ref('input_0')", "ctx.ref('input_1')")},
    "Python's parameters": {"python": f"def t(input_0, input_1):\n    return {PYTHON.format('input_0', 'input_1')}"},
}


@pytest.mark.parametrize("listed", [["a", "a"], ["a", "transform.a"], "a, a"], ids=["twice", "by id", "as a text"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_table_joins_itself_by_two_positions(tree: Project, body: dict[str, Any], listed: Any) -> None:
    tree.transform("t", **body, inputs=listed)
    tree.transform("n", sql="SELECT * FROM t ORDER BY 1")
    good(tree)
    assert rows(tree, "transform.n") == [(2,), (3,)]
    assert [(edge.from_node, edge.to_node) for edge in tree.manifest.edges if edge.to_node == "transform.t"] == [("transform.a", "transform.t")]


def test_a_view_of_a_view_is_joined_with_itself(tree: Project) -> None:
    tree.transform("v", sql="SELECT * FROM a", materialized="view")
    tree.transform("w", sql=JOIN, inputs=["v", "v"], materialized="view")
    tree.transform("n", sql="SELECT * FROM w ORDER BY 1")
    good(tree)
    assert rows(tree, "transform.n") == [(2,), (3,)]


def test_a_third_input_keeps_its_place(tree: Project) -> None:
    tree.transform("t", sql="SELECT r.id FROM input_0 l JOIN input_2 r ON r.parent = l.id JOIN input_1 b ON b.id = r.id", inputs=["a", "b", "a"])
    good(tree)
    assert rows(tree, "transform.t") == [(2,)]


RULES: dict[str, tuple[dict[str, Any], str]] = {
    "that holds": ({"sql": "SELECT l.id FROM input_0 l ANTI JOIN input_1 r ON l.id = r.id"}, "success"),
    "that fails": ({"sql": "SELECT r.id FROM input_0 l JOIN input_1 r ON r.parent = l.id"}, "failed"),
    "an expression": ({"expression": "id IN (SELECT id FROM input_1)"}, "success"),
}


@pytest.mark.parametrize(("body", "expected"), RULES.values(), ids=RULES)
def test_a_rule_has_both_positions(tree: Project, body: dict[str, Any], expected: str) -> None:
    tree.rule("r", **body, inputs=["a", "a"])
    assert run(tree)["rule.r"].status == expected


@pytest.mark.parametrize(("sql", "inputs"), [("SELECT * FROM input_2", ["a", "a"]), ("SELECT * FROM input_1", ["a"])])
def test_a_position_that_is_not_there_is_refused(tree: Project, sql: str, inputs: list[str]) -> None:
    with pytest.raises(ManifestError, match="is not there"):
        tree.transform("t", sql=sql, inputs=inputs)
    with pytest.raises(ManifestError, match="input_2"):
        tree.transform("t", python="ref('input_2')", inputs=inputs)


def test_a_place_that_comes_to_mean_another_input_runs_the_node_again(tree: Project) -> None:
    tree.transform("t", sql="SELECT count(*) AS n FROM input_2", inputs=["a", "b", "a"])
    good(tree)
    assert rows(tree, "transform.t") == [(3,)]
    tree.transform("t", sql="SELECT count(*) AS n FROM input_2", inputs=["a", "b", "b"])
    good(tree)
    assert rows(tree, "transform.t") == [(2,)]
    assert run(tree).cached_nodes == 3


def test_a_position_that_only_the_run_sees_fails_by_its_name(tree: Project) -> None:
    tree.transform("t", python="name = 'input_' + '7'\nctx.ref(name)", inputs=["a", "a"])
    assert "'input_7' is no input" in str(failure(tree, "transform.t").error_message)
