"""A manifest that is edited: a node comes in with its edges, or nothing changes."""

from __future__ import annotations

import pytest

from seeknal_nb.errors import CycleError


@pytest.mark.parametrize("body", ["SELECT * FROM b", "SELECT * FROM c", "SELECT * FROM b JOIN c USING (x)"])
def test_a_node_that_would_close_a_cycle_is_refused_where_it_is_defined(project, body):
    """Else the cell that did it says nothing, and every later one fails."""
    project.transform("a", "SELECT 1 AS x")
    project.transform("b", "SELECT x FROM a")
    project.transform("c", "SELECT x FROM b")
    before = project.manifest.to_dict()["edges"]
    with pytest.raises(CycleError, match=r"transform\.a -> transform\.b"):
        project.transform("a", body)
    assert project.manifest.to_dict()["edges"] == before
    assert project.manifest.nodes["transform.a"].config["sql"] == "SELECT 1 AS x"


def test_nodes_that_come_together_may_not_read_one_another(project):
    with pytest.raises(CycleError):
        project.add_yaml("kind: transform\nname: a\nsql: SELECT * FROM b\n---\nkind: transform\nname: b\nsql: SELECT * FROM a\n")
    assert not project.manifest.nodes
