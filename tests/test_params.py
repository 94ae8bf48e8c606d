"""Which value of a ``{{ name }}`` wins: the notebook's, then what a node declares, then the project's, then the run's."""

from __future__ import annotations

import itertools

import pytest

from seeknal_nb import Project

LAYERS = ("notebook", "declared", "project", "run")


def given_by(path, layers: tuple[str, ...]) -> Project:
    project = Project(
        path, params={"n": 3} if "project" in layers else {}, namespace={"n": 1} if "notebook" in layers else {}
    )
    declared = {"params": {"n": 2}} if "declared" in layers else {}
    project.transform("sql", "SELECT {{ n }} AS x", **declared)
    project.transform("python", python="import pandas as pd\npd.DataFrame({'x': [ctx.get_param('n')]})", **declared)
    return project


@pytest.mark.parametrize("layers", [c for size in range(1, 5) for c in itertools.combinations(LAYERS, size)])
def test_the_nearest_to_the_run_wins(tmp_path, layers):
    project, params = given_by(tmp_path, layers), {"n": 4} if "run" in layers else {}
    summary = project.run(progress=False, params=params)
    assert summary.failed == []
    expected = 1 + LAYERS.index(layers[-1])
    assert (project["sql"].x[0], project["python"].x[0]) == (expected, expected)


def test_a_notebooks_variable_that_a_declared_one_hides_makes_nothing_run_again(tmp_path):
    project = given_by(tmp_path, ("notebook", "declared"))
    project.run(progress=False)
    project.namespace["n"] = 7  # type: ignore[index]
    assert project.run(progress=False).cached_nodes == 2
    project.params["n"] = 9
    assert project.run(progress=False).successful_nodes == 2
    assert project["sql"].x[0] == 9


def test_a_declared_text_may_name_the_notebooks_variable_of_its_own_name(tmp_path):
    space = {"n": 5}
    project = Project(tmp_path, namespace=space)
    project.transform("t", "SELECT {{ n }} AS x", params={"n": "{{ n }}"})
    project.run(progress=False)
    assert project["t"].x[0] == 5
    space["n"] = 6
    assert project.run(progress=False).successful_nodes == 1
    assert project["t"].x[0] == 6


def test_a_table_is_named_by_the_value_that_wins(tmp_path):
    project = Project(tmp_path, namespace={"t": "source.b"}, params={"u": "source.a"})
    for name in ("a", "b", "c"):
        project.source(name, sql=f"SELECT '{name}' AS x")
    project.transform("one", "SELECT * FROM {{ t }}", params={"t": "source.c"})
    assert project.manifest.get_upstream_nodes("transform.one") == {"source.c"}


SWAPPED = [
    ("SELECT {{ a }} AS p, {{ b }} AS q", "SELECT {{ b }} AS p, {{ a }} AS q"),
    ("SELECT {{ a }} AS p, NULL AS q", "SELECT NULL AS p, {{ a }} AS q"),
    ("SELECT '{{ a }}' AS p, '{{ b }}' AS q", "SELECT '{{ b }}' AS p, '{{ a }}' AS q"),
    ("SELECT {{ a }} AS p, {{ b }} AS q", "SELECT '{{ a }}' AS p, '{{ b }}' AS q"),
    ("SELECT 1 AS {{ ident(a) }}, 2 AS {{ ident(b) }}", "SELECT 1 AS {{ ident(b) }}, 2 AS {{ ident(a) }}"),
    ("SELECT '{{ ident(a) }}' AS p", "SELECT '{{ a }}' AS p"),
    ("SELECT x FROM range(9) t(x) WHERE x > {{ a }} LIMIT {{ b }}", "SELECT x FROM range(9) t(x) WHERE x > {{ b }} LIMIT {{ a }}"),
    ("SELECT '{{ a }}-{{ b }}' AS p", "SELECT '{{ b }}-{{ a }}' AS p"),
]


@pytest.mark.parametrize(("before", "now"), SWAPPED)
def test_parameters_that_change_places_make_another_table(tmp_path, before, now):
    project = Project(tmp_path, params={"a": 1, "b": 2}, namespace={})
    project.transform("x", sql=before)
    project.run(progress=False)
    project.transform("x", sql=now)
    summary = project.run(progress=False)
    fresh = Project(tmp_path / "fresh", params={"a": 1, "b": 2}, namespace={})
    fresh.transform("x", sql=now)
    fresh.run(progress=False)
    assert summary.successful_nodes == 1
    assert project["x"].equals(fresh["x"])


def test_in_other_texts_too(tmp_path):
    for name, rows in (("1-2", "7"), ("2-1", "8")):
        (tmp_path / f"{name}.csv").write_text(f"n\n{rows}\n")
    project = Project(tmp_path, params={"a": 1, "b": 2}, namespace={})
    project.source("x", csv="{{ a }}-{{ b }}.csv")
    project.run(progress=False)
    project.source("x", csv="{{ b }}-{{ a }}.csv")
    project.run(progress=False)
    assert project["x"]["n"].tolist() == [8]


@pytest.mark.parametrize(("before", "now"), [("SELECT {{ a }} AS p", "SELECT  {{a}}  AS p -- {{ a }}"), ("SELECT '{{ a }}' AS p", "SELECT '{{a}}' AS p")])
def test_layout_changes_nothing(tmp_path, before, now):
    project = Project(tmp_path, params={"a": 1}, namespace={})
    project.transform("x", sql=before)
    project.run(progress=False)
    project.transform("x", sql=now)
    assert not project.run(progress=False).successful_nodes
