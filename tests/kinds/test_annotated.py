"""What a body's function is given: its input in the form that the annotation says, or an error that says why not."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from kinds import failure, good, rows, status
from seeknal_nb import Project
from seeknal_nb.errors import ManifestError

IMPORTS = """
import datetime as dt, decimal, duckdb, typing
from datetime import date
from typing import Annotated, Any, NewType, Optional, Union
import pandas as pd, pandas as p, polars as pl, pyarrow as pa, pandera.typing as pt
from pandas import DataFrame
"""
FORMS = {
    "no word of it": ("", pd.DataFrame), "pandas": (": pd.DataFrame", pd.DataFrame), "an alias": (": p.DataFrame", pd.DataFrame),
    "a name": (": DataFrame", pd.DataFrame), "quoted": (": 'pl.DataFrame'", pl.DataFrame), "polars": (": pl.DataFrame", pl.DataFrame),
    "lazy": (": pl.LazyFrame", pl.LazyFrame), "arrow": (": pa.Table", pa.Table),
    "a relation": (": duckdb.DuckDBPyRelation", duckdb.DuckDBPyRelation), "a column": (": pd.Series", pd.Series),
    "a column of polars": (": pl.Series", pl.Series), "a column of arrow": (": pa.ChunkedArray", pa.ChunkedArray),
    "with a type of its values, as the stubs have it": (": 'pd.Series[int]'", pd.Series),
    "optional": (": Optional[pl.DataFrame]", pl.DataFrame), "or none": (": pa.Table | None", pa.Table),
    "quoted within": (": Optional['pl.Series']", pl.Series), "none or": (": None | pl.DataFrame", pl.DataFrame),
    "several": (": Union[pl.DataFrame, pd.DataFrame]", pd.DataFrame), "several others": (": pl.DataFrame | pa.Table", pl.DataFrame),
    "with words": (": Annotated[pl.DataFrame, 'orders']", pl.DataFrame), "a schema": (": pt.DataFrame", pd.DataFrame),
    "a new type": (": NewType('Orders', pl.DataFrame)", pl.DataFrame), "anything": (": Any", pd.DataFrame),
    "any object": (": object", pd.DataFrame),
}  # fmt: skip


@pytest.mark.parametrize("future", ["", "from __future__ import annotations\n"], ids=["evaluated", "as strings"])
def test_an_input_comes_in_the_form_that_the_annotation_says(project: Project, future: str) -> None:
    """All of them are one node's, whose function is told apart by what it was given."""
    project.source("base", "SELECT 7 AS x")
    params = ", ".join(f"a{n}{note}" for n, (note, _) in enumerate(FORMS.values()))
    for number in range(len(FORMS)):
        project.transform(f"a{number}", "SELECT x FROM base")
    given = f"[type(one).__module__.partition('.')[0] + '.' + type(one).__name__ for one in [{', '.join(f'a{n}' for n in range(len(FORMS)))}]]"
    project.transform("t", python=f"{future}{IMPORTS}\ndef t({params}):\n    return [{{'got': got}} for got in {given}]")
    good(project)
    right = [f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for _, kind in FORMS.values()]
    assert dict(zip(FORMS, (got for (got,) in rows(project, "transform.t")), strict=True)) == dict(zip(FORMS, right, strict=True))


@pytest.mark.parametrize(
    ("form", "note", "kind"),
    [("polars", "pd.DataFrame", "pandas"), ("polars", "pd.DataFrame | pl.DataFrame", "polars"), ("arrow", "object", "pyarrow")],
)
def test_an_annotation_counts_more_than_what_the_node_says_of_all_its_inputs(project: Project, form: str, note: str, kind: str) -> None:
    project.source("base", "SELECT 7 AS x")
    text = f"import pandas as pd, polars as pl\ndef t(base: {note}):\n    return [{{'of': type(base).__module__.partition('.')[0]}}]"
    project.transform("t", python=text, **{"as": form})
    good(project)
    assert rows(project, "transform.t") == [(kind,)]


VALUES: dict[str, tuple[str, str, Any]] = {
    "a float": ("0.25::DOUBLE", "float", 0.25), "a float of a decimal": ("0.1::DECIMAL(5, 2)", "float", 0.1),
    "a float of an integer": ("3", "float", 3.0), "an int": ("3", "int", 3), "an int of a sum": ("sum(3)", "int", 3),
    "an int of a float": ("3.0::DOUBLE", "int", 3), "a large int": ("170141183460469231731687303715884105::HUGEINT", "int",
        170141183460469231731687303715884105), "a text": ("'3'", "str", "3"), "a bool": ("true", "bool", True),
    "a day": ("DATE '2024-02-29'", "date", dt.date(2024, 2, 29)),
    "a time": ("TIMESTAMP '2024-02-29 01:02:03'", "dt.datetime", dt.datetime(2024, 2, 29, 1, 2, 3)),
    "a time with a zone": ("TIMESTAMPTZ '2024-02-29 01:02:03+00'", "dt.datetime", dt.datetime(2024, 2, 29, 1, 2, 3, tzinfo=pa.lib.string_to_tzinfo('UTC'))),
    "a span": ("INTERVAL 90 SECOND", "dt.timedelta", dt.timedelta(seconds=90)),
    "a decimal": ("0.1::DECIMAL(5, 2)", "decimal.Decimal", decimal.Decimal("0.10")),
    "a decimal of an integer": ("3", "decimal.Decimal", decimal.Decimal(3)), "bytes": ("'a'::BLOB", "bytes", b"a"),
    "none": ("NULL", "float | None", None), "an optional": ("2.5", "Optional[float]", 2.5),
    "of several the nearest": ("2.5::DOUBLE", "int | float", 2.5), "of several the first": ("2", "int | float", 2),
}  # fmt: skip


@pytest.mark.parametrize(("sql", "note", "value"), VALUES.values(), ids=VALUES)
def test_the_value_of_a_table_of_one_is_handed_over_as_it_is(project: Project, sql: str, note: str, value: Any) -> None:
    project.source("base", f"SELECT {sql} AS x")
    project.transform("t", python=f"{IMPORTS}\ndef t(base: {note}):\n    return [{{'got': repr(base)}}]")
    good(project)
    assert rows(project, "transform.t") == [(repr(value),)]


REFUSED = {
    "several columns": ("pd.Series", "1 AS x, 2 AS y", "base is annotated pd.Series: | source.base has 2 columns: x, y"),
    "several rows": ("float", "unnest([1, 2, 3]) AS x", "base is annotated float: | 3 rows and 1 column"),
    "several values": ("float", "1 AS x, 2 AS y", "1 row and 2 columns"),
    "no row": ("float", "1 AS x WHERE false", "0 rows and 1 column"),
    "no value": ("float", "NULL AS x", "holds NULL | float | None"),
    "another value": ("int", "'3' AS x", "holds '3', of type str | CAST"),
    "a fraction": ("int", "2.5 AS x", "holds Decimal('2.5')"),
    "an endless number": ("int", "'inf'::DOUBLE AS x", "holds inf"),
    "digits that a float has not": ("float", "9007199254740993 AS x", "holds 9007199254740993"),
    "a time for a day": ("date", "TIMESTAMP '2024-02-29 00:00:00' AS x", "of type datetime"),
    "a number for a bool": ("bool", "1 AS x", "holds 1"),
    "a class of the body": ("Row", "1 AS x", "base is annotated Row: | a table, a column or a value | pd.DataFrame"),
    "a list": ("list[dict]", "1 AS x", "base is annotated list[dict]"),
    "a package": ("pd", "1 AS x", "base is annotated pd"),
    "text": ("'the orders'", "1 AS x", "base is annotated the orders: | SyntaxError"),
    "what is not there": ("'Nowhere'", "1 AS x", "base is annotated Nowhere: | 'Nowhere' is not defined | import or define"),
    "what a library has not": ("'pd.Frame'", "1 AS x", "base is annotated pd.Frame: | Frame"),
    "a frame or text": ("str | Row", "1 AS x", "base is annotated str | Row"),
}


@pytest.mark.parametrize(("note", "sql", "words"), REFUSED.values(), ids=REFUSED)
def test_what_an_input_cannot_be_is_refused_with_a_remedy(project: Project, note: str, sql: str, words: str) -> None:
    project.source("base", f"SELECT {sql}")
    project.transform("t", python=f"{IMPORTS}\nclass Row:\n    pass\ndef t(base: {note}):\n    return base")
    said = failure(project, "transform.t").error_message or ""
    assert all(word.strip() in said for word in words.split(" | ")), said
    assert "Fix: " in said
    assert 'node "transform.t"' in said


def test_a_parameter_with_a_default_and_the_context_are_what_they_were(project: Project) -> None:
    project.source("base", "SELECT 7 AS x")
    text = "def t(base, ctx: 'Context', least: float = 0.5):\n    return [{'got': f'{type(ctx).__name__} {least}'}]"
    project.transform("t", python=text)
    good(project)
    assert rows(project, "transform.t") == [("Context 0.5",)]


def test_a_relation_is_one_of_the_bodys_own_connection(project: Project) -> None:
    project.source("base", "SELECT range AS x FROM range(5)")
    text = "import duckdb\ndef t(base: duckdb.DuckDBPyRelation, ctx):\n    return ctx.duckdb.sql('SELECT sum(x) AS s FROM base')"
    project.transform("t", python=text)
    good(project)
    assert rows(project, "transform.t") == [(10,)]


def test_an_alias_that_becomes_another_librarys_runs_the_node_again(project: Project) -> None:
    project.source("base", "SELECT 7 AS x")
    space: dict[str, Any] = {"Frame": pd.DataFrame}
    project.namespace = space
    project.transform("t", python="def t(base: 'Frame'):\n    return [{'of': type(base).__module__.partition('.')[0]}]")
    good(project)
    assert rows(project, "transform.t") == [("pandas",)]
    space["Frame"] = pl.DataFrame
    assert status(good(project))["transform.t"] == "success"
    assert rows(project, "transform.t") == [("polars",)]


def test_the_names_of_other_kinds_of_body_are_their_functions_too(project: Project, tmp_path: Any) -> None:
    project.source("base", "SELECT 7 AS x")
    project.rule("r", python="def positive(base):\n    assert (base.x > 0).all()")
    project.exposure("e", python="def text(base):\n    return str(base.x[0])", to="out.txt")
    good(project)
    assert (tmp_path / "out.txt").read_text() == "7"
    project.rule("r", python="def positive(base):\n    assert (base.x > 8).all()")
    failure(project, "rule.r")
    project.rule("r", python="def positive(base):\n    base.x > 8")
    assert "nothing in it asserts" in (failure(project, "rule.r").error_message or "")


def test_the_only_function_of_a_body_reads_what_its_parameters_name(project: Project) -> None:
    project.source("base", "SELECT 7 AS x")
    project.transform("clean", python="K = 2\ndef clean_it(base):\n    return base * K")
    good(project)
    assert rows(project, "transform.clean") == [(14,)]
    with pytest.raises(ManifestError, match="unknown input 'nothing'"):
        project.transform("clean", python="def clean_it(nothing):\n    return nothing")
    with pytest.raises(ManifestError, match="helper, clean_it"):
        project.transform("clean", python="def helper(x):\n    return x\ndef clean_it(base):\n    return helper(base)")


# A function and a node of one name.


def test_a_body_that_calls_a_name_means_the_function(project: Project) -> None:
    project.namespace = {"clean": _doubled}
    project.source("raw", "SELECT 1 AS x")
    project.transform("clean", "SELECT 5 AS x")
    project.transform("m", python="def m(raw):\n    return clean(raw)")
    assert project.manifest.get_upstream_nodes("transform.m") == {"source.raw"}
    project.transform("n", python="clean.assign(y=1)")
    assert project.manifest.get_upstream_nodes("transform.n") == {"transform.clean"}
    good(project)
    assert rows(project, "transform.m") == [(2,)]
    assert rows(project, "transform.n") == [(5, 1)]


def _doubled(frame: Any) -> Any:
    return frame * 2


@pytest.mark.parametrize(
    "body", ["clean(ref('transform.clean'))", "def m(raw):\n    return clean(raw)"], ids=["of a ref", "of a listed input"]
)
def test_a_call_of_what_is_an_input_is_refused_and_says_which(project: Project, body: str) -> None:
    project.source("raw", "SELECT 1 AS x")
    project.transform("clean", "SELECT 5 AS x")
    listed = {} if "ref" in body else {"inputs": ["clean"]}
    with pytest.raises(ManifestError, match=r"the body calls clean.*transform.clean.*another name"):
        project.transform("m", python=body, **listed)
