"""``columns``: what they say of a table is shown, compared with it, and held to under ``contract``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kinds import failure, good, run, status
from seeknal_nb.errors import ManifestError

if TYPE_CHECKING:
    from seeknal_nb import Project

BODY = "SELECT 1::BIGINT AS id, 'a' AS name, 1.50::DECIMAL(9, 2) AS price, DATE '2024-01-31' AS day, [1.5::DOUBLE] AS shares"
KEPT: dict[str, Any] = {
    "a mapping with data_type": {"id": {"data_type": "BIGINT"}, "name": {"data_type": "varchar"}},
    "with type, and dtype": {"id": {"type": "bigint"}, "day": {"dtype": "date"}},
    "a mapping of types": {"id": "BIGINT", "name": "VARCHAR", "price": "DECIMAL(9,2)", "day": "DATE", "shares": "DOUBLE[]"},
    "a list of mappings": [{"name": "id", "data_type": "INT8"}, {"name": "name", "data_type": "TEXT", "description": "who"}],
    "other words": {"id": "int", "name": "string", "price": "decimal", "shares": "double[]"},
    "numbers": {"id": "number", "price": {"type": "number"}},
    "with blanks": {"price": "decimal( 9, 2 )"},
    "names of another case": {"ID": "BIGINT", "Name": "the name"},
    "names alone": ["id", "name"],
    "descriptions": {"id": "the number on the card", "day": "date of birth", "name": {"description": "DATE"}, "price": None},
}


@pytest.mark.parametrize("columns", KEPT.values(), ids=KEPT)
def test_columns_that_are_as_declared_are_told_nothing_of(project: Project, columns: Any) -> None:
    project.transform("t", sql=BODY, columns=columns, contract=True)
    assert good(project)["transform.t"].warnings == ()


BROKEN: dict[str, tuple[Any, list[str]]] = {
    "another type": ({"name": {"data_type": "DATE"}}, ["column name is VARCHAR, declared DATE"]),
    "a text that is a type": ({"name": "date"}, ["column name is VARCHAR, declared date"]),
    "another size": ({"id": {"data_type": "INTEGER"}}, ["column id is BIGINT, declared INTEGER"]),
    "a word that means no size": ({"name": "int", "price": "float"}, ["column name is VARCHAR, declared int", "column price is DECIMAL(9,2), declared float"]),
    "other decimals": ({"price": {"type": "DECIMAL(9,3)"}}, ["column price is DECIMAL(9,2), declared DECIMAL(9,3)"]),
    "a list": ({"shares": {"type": "DOUBLE"}}, ["column shares is DOUBLE[], declared DOUBLE"]),
    "no type": ({"day": {"type": "dat"}}, ["column day is DATE, and 'dat' is no type: did you mean DATE"]),
    "no type, and more": ({"day": {"type": "DATE); DROP TABLE x"}}, ["is no type"]),
    "not there": ({"nam": "who it is", "id": "BIGINT"}, ["column nam is declared and not there: did you mean name?"]),
    "a name alone that is not there": (["id", "dya"], ["column dya is declared and not there: did you mean day?"]),
}


@pytest.mark.parametrize(("columns", "expected"), BROKEN.values(), ids=BROKEN)
def test_what_a_table_is_not_is_a_warning_and_an_error_under_contract(project: Project, columns: Any, expected: list[str]) -> None:
    project.transform("t", sql=BODY, columns=columns)
    warnings = good(project)["transform.t"].warnings
    assert len(warnings) == len(expected)
    assert all(text in warning for text, warning in zip(expected, warnings, strict=True))
    assert run(project)["transform.t"].warnings == warnings
    project.transform("t", sql=BODY, columns=columns, contract=True)
    told = str(failure(project, "transform.t").error_message)
    assert "breaks its contract" in told
    assert all(text in told for text in expected)


@pytest.mark.parametrize("materialized", ["table", "view"])
def test_views_and_tables_are_held_alike(project: Project, materialized: str) -> None:
    project.transform("t", sql="SELECT 1 AS x", columns={"x": "DATE"}, materialized=materialized)
    assert good(project)["transform.t"].warnings == ("column x is INTEGER, declared DATE",)


def test_every_kind_with_a_table_is_held(project: Project) -> None:
    (project.directory / "f.csv").write_text("id,ts,v\n1,2024-01-01,5\n")
    wrong = {"nosuch": "DATE"}
    project.source("s", csv="f.csv", columns=wrong)
    project.transform("p", python="s", columns=wrong)
    project.feature_group("g", sql="SELECT id, v FROM s", key="id", columns=wrong)
    project.aggregation("a", inputs=["s"], id_col="id", feature_date_col="ts", features=[{"name": "v", "basic": ["sum"]}], columns=wrong)
    summary = good(project)
    for node_id in ("source.s", "transform.p", "feature_group.g", "aggregation.a"):
        assert any("nosuch is declared and not there" in text for text in summary[node_id].warnings), node_id


def test_the_columns_of_a_rule_or_a_profile_are_those_of_the_table_that_it_is_about(project: Project) -> None:
    project.transform("t", sql="SELECT 1 AS x")
    project.rule("r", on="t", expression="x > 0", columns=["x"])
    project.node("profile", "p", inputs=["t"], columns={"x": "DATE"})
    assert not good(project).warned
    project.rule("r", on="t", expression="x > 0", columns=["x"], contract=True)
    assert "column x is declared and not there" in str(failure(project, "rule.r").error_message)


def test_another_promise_runs_the_node_again_and_other_words_do_not(project: Project) -> None:
    def ran(**config: Any) -> str:
        project.transform("t", sql="SELECT 1 AS x", **config)
        return status(run(project))["transform.t"]

    assert ran() == "success"
    assert ran(columns={"x": "what it is", "y": "and what is not there"}) == "cached"
    assert ran(columns={"x": "INTEGER"}) == "success"
    assert ran(columns={"x": {"type": "INTEGER", "description": "what it is"}}) == "cached"
    assert ran(columns={"x": "DATE"}, contract=True) == "failed"
    assert ran(columns=["x"], contract=True) == "success"
    assert ran(columns=["y"], contract={"enforced": True}) == "failed"
    assert ran(columns=["y"], contract={"enforced": False}) == "success"


def test_a_contract_of_nothing_is_refused(project: Project) -> None:
    for config in ({}, {"columns": {}}):
        with pytest.raises(ManifestError, match="contract without columns"):
            project.transform("t", sql="SELECT 1 AS x", contract=True, **config)
    for contract in ("yes", {"enforce": True}, {"enforced": "no"}, 1):
        with pytest.raises(ManifestError, match="contract must be true or false"):
            project.transform("t", sql="SELECT 1 AS x", columns=["x"], contract=contract)


def test_what_columns_are_stands_in_the_details_and_in_the_page(project: Project) -> None:
    columns = {"x": {"type": "INTEGER", "description": "the number on the card"}, "y": "<b>bold</b>"}
    project.transform("t", sql="SELECT 1 AS x, 2 AS y", columns=columns)
    good(project)
    facts = dict(project.details("t").facts)
    assert (facts["column x"], facts["column y"]) == ("the number on the card", "<b>bold</b>")
    project.graph().save(project.directory / "graph.html")
    page = (project.directory / "graph.html").read_text()
    assert "the number on the card" in page
    assert "<b>bold</b>" not in page


def test_a_contract_that_the_sql_cannot_keep_is_told_before_it_runs(project: Project) -> None:
    project.transform("t", sql="SELECT 'a' AS id, error('it ran') AS x", columns={"id": "BIGINT"}, contract=True)
    told = str(failure(project, "transform.t").error_message)
    assert "column id is VARCHAR, declared BIGINT" in told
    assert "it ran" not in told


@pytest.mark.parametrize("body", [
    "SELECT sum(x) AS n FROM range(3) t(x)", "CREATE TEMP TABLE t AS SELECT 1::BIGINT AS n; SELECT * FROM t",
])  # fmt: skip
def test_a_type_that_only_the_rows_tell_is_compared_as_it_is_stored(project: Project, body: str) -> None:
    project.transform("t", sql=body, columns={"n": "BIGINT"}, contract=True)
    assert good(project)["transform.t"].warnings == ()
