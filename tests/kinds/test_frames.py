"""What nodes, notebooks and reports do with frames: the forms that a body may ask for, and what relies on their types."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from kinds import arrow, failure, good, rows, run, status
from seeknal_nb.errors import ManifestError

PANDAS = f"{pd.DataFrame.__module__}.DataFrame"
FORMS = {"pandas": PANDAS, "pandas_arrow": PANDAS, "polars": "polars.dataframe.frame.DataFrame",
         "arrow": "pyarrow.lib.Table"}  # fmt: skip
PRICES = "SELECT range AS id, (range / 4)::DECIMAL(10,2) AS price, range % 2 AS odd FROM range(40)"


@pytest.mark.parametrize(("form", "kind"), FORMS.items())
def test_a_body_gets_its_inputs_in_the_form_that_it_asks_for(project, form, kind):
    project.transform("a", sql="SELECT MAP {'k': 1.50::DECIMAL(9,2)} AS m, [NULL, 1] AS l, 1::SMALLINT AS i")
    project.transform("t", python="return [{'v': f'{type(a).__module__}.{type(a).__name__}'}]", inputs=["a"], **{"as": form})
    project.transform("same", python="return ref('a')", inputs=["a"], **{"as": form})
    project.transform("asked", python=f"return ctx.ref('a', as_='{form}')", inputs=["a"])
    good(project)
    assert rows(project, "transform.t") == [(kind,)]
    expected = [([("k", Decimal("1.50"))], [None, 1], 1)]
    assert rows(project, "transform.same") == rows(project, "transform.asked") == expected


def test_a_form_that_is_none_is_refused_where_it_is_said(project):
    with pytest.raises(ManifestError, match=r"pandas_arow.*did you mean pandas_arrow"):
        project.transform("t", python="return []", **{"as": "pandas_arow"})
        run(project)
    project.transform("a", sql="SELECT 1 AS x")
    project.transform("t", python="return ctx.ref('a', as_='pandas_arow')", inputs=["a"])
    assert "did you mean pandas_arrow" in failure(project, "transform.t").error_message


def test_ids_of_twenty_digits_stay_apart(project):
    project.transform("a", sql="SELECT 12345678901234567890 + range AS id FROM range(3)")
    project.transform("t", python="return a.groupby('id', as_index=False).size()", inputs=["a"])
    good(project)
    assert [row[0] for row in rows(project, "transform.t")] == [12345678901234567890 + n for n in range(3)]
    assert project["a"]["id"].tolist() == [12345678901234567890 + n for n in range(3)]


def test_a_view_hands_on_what_a_table_would(project):
    sql = "SELECT sum(x) AS total, '01'::BIT AS bits FROM (VALUES (9007199254740993), (2)) t(x)"
    for name, stored in (("a", "table"), ("b", "view")):
        project.transform(name, sql=sql, materialized=stored)
        project.transform(f"of_{name}", python=f"return ref('{name}')", inputs=[name])
    good(project)
    assert rows(project, "transform.of_a") == rows(project, "transform.of_b") == [(9007199254740995, "01")]
    assert str(project["b"].dtypes["total"]) == "int64"


def test_a_frame_that_cannot_be_stored_fails_its_source_alone(project):
    project.namespace = {"df": pd.DataFrame({"ok": [1], "odd": [object()]})}
    project.source("s", input="df", source="dataframe")
    project.transform("below", sql="SELECT * FROM source.s")
    project.transform("other", sql="SELECT 1 AS x")
    summary = run(project, continue_on_error=True)
    assert status(summary) == {"source.s": "failed", "transform.below": "skipped", "transform.other": "success"}
    assert "odd" in summary["source.s"].error_message
    project.namespace["df"] = pd.DataFrame({"ok": [1]})
    assert status(run(project)) == {"source.s": "success", "transform.below": "success", "transform.other": "cached"}


@pytest.mark.parametrize(("kind", "config"), [
    ("transform", {}), ("aggregation", {}), ("source", {}), ("source", {"schema": [{"name": "v", "data_type": "INTEGER"}]}),
])  # fmt: skip
def test_a_result_of_nulls_is_told_of(project, kind, config):
    project.node(kind, "n", python="return [{'v': None}]", **config)
    assert "null in all" in good(project)[f"{kind}.n"].metadata["warnings"][0]


def test_decimals_beside_floats_fail_with_the_way_out(project):
    project.transform("a", sql=PRICES)
    project.transform("t", python="return a.assign(more=a.price * 1.1)", inputs=["a"])
    assert "astype(float)" in failure(project, "transform.t").error_message


def test_models_learn_from_decimals_and_spans_and_answer_in_every_form(project):
    """Python's decimals and Arrow's types are numbers to scikit-learn only after they were made such."""
    spans = "to_months((range % 3)::INT) AS span, CASE WHEN range % 5 > 0 THEN range END AS n, DATE '2024-01-01' + range::INT AS day"
    project.transform("a", sql=f"SELECT *, {spans} FROM ({PRICES}) t(range, price, odd)")
    project.model("m", inputs=["a"], training={"algorithm": "logistic_regression", "target": "odd", "key": "range"})
    for form in ("pandas", "pandas_arrow", "arrow"):
        project.transform(form, python="return ctx.predict('m', ref('a'))", inputs=["a", "m"], **{"as": form})
    good(project)
    expected = arrow(project, "model.m").select(["prediction", "probability"]).to_pylist()
    for form in ("pandas", "pandas_arrow", "arrow"):
        assert arrow(project, f"transform.{form}").to_pylist() == expected


def test_a_schema_of_pandera_may_ask_a_decimal_to_be_a_float(project):
    project.transform("a", sql=PRICES)
    schema = "import pandera.pandas as pa\nreturn pa.DataFrameSchema({'price': pa.Column(float, pa.Check.ge(0)), 'id': pa.Column(int)})"
    project.rule("r", on="transform.a", python=schema)
    good(project)


def test_altair_draws_decimals_as_numbers(project, tmp_path):
    project.transform("a", sql=PRICES)
    body = "import altair as alt\none = alt.Chart(a).mark_point().encode(x='price', y='id')\nreturn (one + one) & one"
    project.exposure("c", type="chart", to="c.html", python=body, inputs=["a"])
    good(project)
    text = (tmp_path / "c.html").read_text()
    assert '"price": 9.75' in text
    assert '"field": "price", "type": "quantitative"' in text


ODD: dict[str, tuple[str, Any]] = {
    "an infinite time": ("'infinity'::TIMESTAMP", "infinity"), "24:00": ("TIME '24:00:00'", "24:00:00"),
    "a wide decimal": ("'12345678901234567890.12'::DECIMAL(38,2)", "12345678901234567890.12"), "a decimal": ("1.50::DECIMAL(5,2)", 1.5),
}  # fmt: skip


@pytest.mark.parametrize(("sql", "expected"), ODD.values(), ids=ODD)
def test_what_pandas_cannot_hold_is_shown(project, sql, expected):
    project.transform("a", sql=f"SELECT {sql} AS v")
    good(project)
    shown = project.show("a")
    assert shown.to_dict()["rows"] == [{"v": expected}]
    assert str(expected) in str(shown)


def test_arrow_keeps_what_pandas_has_one_value_for(project):
    """NaN and NULL are one in a float column of pandas, and come back as NULL."""
    project.transform("a", sql="SELECT unnest(['nan'::DOUBLE, NULL, 1.5]) AS v")
    for form in FORMS:
        project.transform(form, python="return ref('a')", inputs=["a"], **{"as": form})
    good(project)
    assert [str(v) for (v,) in rows(project, "transform.pandas")] == ["None", "None", "1.5"]
    for form in ("pandas_arrow", "polars", "arrow"):
        assert [str(v) for (v,) in rows(project, f"transform.{form}")] == ["nan", "None", "1.5"]


def test_a_frame_from_duckdb_in_a_body_keeps_its_nulls(project):
    """DuckDB's own frames have masked arrays in them."""
    project.transform("t", python="return ctx.duckdb.sql('SELECT [NULL, 1] AS v').df()")
    good(project)
    assert rows(project, "transform.t") == [([None, 1],)]
