"""Profiles against pandas, in the four columns that the peer documents."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinds import arrow, build_of, failure, good, status
from seeknal_nb import Project
from seeknal_nb.authoring.cell import define
from seeknal_nb.errors import ManifestError
from seeknal_nb.kinds.aggregations import profile as module
from seeknal_nb.views.reading import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

PRODUCTS = pd.DataFrame({
    "price": [19.99, 199.95, None, 75.0, 75.0, 10.5], "stock": [1, 2, 3, 4, 5, 2**53 + 1], "category": ["z", "b", "z", None, "a", "b"],
    "sold": [True, False, True, True, None, None], "launched": pd.to_datetime(["2024-01-01", "2024-03-01 12:00", None, "2024-02-01", "2024-01-05", "2024-01-09"], format="ISO8601"),
}).convert_dtypes()  # fmt: skip


def profiled(project: Project, frame: pd.DataFrame | None = None, sql: str = "", materialized: str = "table", **config: Any) -> dict[tuple[str, str], tuple[str | None, str | None]]:
    """(column, metric) -> (value, detail) of a profile of a table."""
    if sql:
        project.transform("t", sql=sql, materialized=materialized)
    else:
        project.namespace = {"frame": PRODUCTS if frame is None else frame}
        project.source("frame", input="frame", source="dataframe")
    project.node("profile", "p", inputs=["t" if sql else "frame"], **config)
    good(project)
    table = Reader(project.runner()).query("profile.p", form="arrow")  # the newest on the disk may not be that of today's key
    return {(row["column_name"], row["metric"]): (row["value"], row["detail"]) for row in table.to_pylist()}


def numbers(found: dict[tuple[str, str], tuple[str | None, str | None]], name: str) -> dict[str, float]:
    return {metric: float(value) for (one, metric), (value, _) in found.items() if one == name and value is not None and metric != "type"}


def test_a_profile_has_the_four_documented_columns_in_the_order_of_the_table(project: Project) -> None:
    found = profiled(project)
    table = arrow(project, "profile.p")
    assert [(field.name, str(field.type)) for field in table.schema] == [(name, "string") for name in ("column_name", "metric", "value", "detail")]
    assert list(dict.fromkeys(name for name, _ in found)) == ["_table_", *PRODUCTS.columns]
    assert found["_table_", "row_count"] == ("6", None)


def test_a_column_of_numbers_equals_pandas(project: Project) -> None:
    found, prices = profiled(project), PRODUCTS["price"].dropna().astype(float)
    assert numbers(found, "price") == pytest.approx({
        "count": 5, "null_count": 1, "null_percent": 100 / 6, "distinct_count": 4, "min": 10.5, "max": 199.95, "avg": prices.mean(),
        "sum": prices.sum(), "stddev": prices.std(), "p25": prices.quantile(0.25), "p50": 75.0, "p75": prices.quantile(0.75), "non_finite_count": 0,
    })  # fmt: skip
    assert found["stock", "sum"] == (str(2**53 + 16), None)  # exact, where a double is not
    assert found["price", "type"] == ("DOUBLE", None)


def test_a_column_of_text_has_its_frequent_values(project: Project) -> None:
    found = profiled(project, profile={"params": {"max_top_values": 2}})
    value, detail = found["category", "top_values"]
    assert value is None
    assert json.loads(detail or "") == [{"value": "b", "count": 2, "percent": 40.0}, {"value": "z", "count": 2, "percent": 40.0}]
    assert json.loads(found["sold", "top_values"][1] or "") == [{"value": "true", "count": 3, "percent": 75.0}, {"value": "false", "count": 1, "percent": 25.0}]
    assert (found["category", "min"], found["category", "max_length"]) == (("a", None), ("1", None))


def test_only_the_columns_that_were_asked_for(project: Project) -> None:
    """The peer's documents: one that is not there is left out with a warning."""
    found = profiled(project, profile={"columns": ["price", "categry"]})
    assert {name for name, _ in found} == {"_table_", "price"}
    [warning] = good(project, full=True)["profile.p"].metadata["warnings"]
    assert "did you mean category" in warning
    project.node("profile", "p", inputs=["frame"], profile={"columns": ["prise"]})
    assert "did you mean price" in (failure(project, "profile.p").error_message or "")


def test_the_metrics_are_kept_for_rules(project: Project) -> None:
    profiled(project)
    metrics = good(project, full=True)["profile.p"].metadata["metrics"]
    assert metrics["row_count"] == 6
    assert metrics["price.avg"] == pytest.approx(76.088)
    assert (metrics["stock.sum"], metrics["category.distinct_count"]) == (2**53 + 16, 3)
    assert not [name for name in metrics if name.endswith(("type", "top_values")) or name == "category.min"]


def test_of_a_wide_table_only_the_share_of_nulls_is_kept(project: Project) -> None:
    """The metadata stays small; the table has it all, in order, however many SELECTs it took."""
    found = profiled(project, sql="SELECT " + ", ".join(f"{n} AS c{n}" for n in range(60)))
    metrics = good(project, full=True)["profile.p"].metadata["metrics"]
    assert metrics == {"row_count": 1, **{f"c{n}.null_percent": 0.0 for n in range(60)}}
    assert list(dict.fromkeys(name for name, _ in found)) == ["_table_", *(f"c{n}" for n in range(60))]
    assert [found[f"c{n}", "max"][0] for n in range(60)] == [str(n) for n in range(60)]


def test_every_type_can_be_profiled(project: Project) -> None:
    found = profiled(project, sql="""SELECT 1::UTINYINT AS u, 2::HUGEINT AS h, 1.50::DECIMAL(9,2) AS c, 'x'::BLOB AS b, [1, 2] AS l, {'a': 1} AS s,
        MAP {'k': 1} AS m, TIME '10:00' AS t, INTERVAL 1 DAY AS i, TIMESTAMPTZ '2024-01-01 00:00:00+00' AS z, uuid() AS id, 'é'::VARCHAR AS "it's q, "" r" """)
    assert found["c", "avg"] == ("1.5", None)
    assert found["u", "p50"] == ("1.0", None)
    assert (found["l", "distinct_count"], found["s", "null_count"]) == (("1", None), ("0", None))
    assert found["it's q, \" r", "max_length"] == ("1", None)
    assert found["t", "min"] == ("10:00:00", None)


def test_no_rows_have_a_profile(project: Project) -> None:
    found = profiled(project, sql="SELECT 1 AS n, 'x' AS s, DATE '2024-01-01' AS d WHERE FALSE")
    assert found["_table_", "row_count"] == ("0", None)
    assert (found["n", "avg"], found["n", "null_percent"], found["n", "distinct_count"]) == ((None, None), ("0.0", None), ("0", None))
    assert found["s", "top_values"] == (None, "[]")
    assert found["d", "max"] == (None, None)


def test_what_is_no_finite_number_is_counted_and_left_out(project: Project) -> None:
    found = profiled(project, sql="SELECT unnest([1.0, 3.0, 'nan'::DOUBLE, 'inf'::DOUBLE, NULL]) AS x")
    told = numbers(found, "x")
    assert (told["avg"], told["max"], told["sum"], told["p50"], told["count"], told["non_finite_count"]) == (2.0, 3.0, 4.0, 2.0, 4, 2)


def test_a_body_gives_the_rows_to_profile(project: Project) -> None:
    project.transform("t", sql="SELECT unnest([1, 2, 3]) AS x")
    project.node("profile", "p", "SELECT x * 10 AS y FROM t WHERE x > 1")
    good(project)
    found = {(r["column_name"], r["metric"]): r["value"] for r in arrow(project, "profile.p").to_pylist()}
    assert (found["_table_", "row_count"], found["y", "avg"]) == ("2", "25.0")


def test_beyond_a_million_rows_quantiles_are_said_to_be_approximate(project: Project) -> None:
    found = profiled(project, sql=f"SELECT range AS x FROM range({module.EXACT + 1})")
    assert json.loads(found["x", "p50"][1] or "") == "approximate"
    assert float(found["x", "p50"][0] or 0) == pytest.approx(module.EXACT / 2, rel=0.02)
    assert float(found["x", "distinct_count"][0] or 0) == pytest.approx(module.EXACT, rel=0.05)
    assert found["x", "sum"] == (str(module.EXACT * (module.EXACT + 1) // 2), None)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    made = Project(tmp_path_factory.mktemp("shared"), namespace={})
    yield made
    made.close()


@settings(max_examples=15)
@given(values=st.lists(st.one_of(st.none(), st.integers(-50, 50)), max_size=20), words=st.lists(st.sampled_from(["a", "b", "it's", '"', None]), min_size=20, max_size=20))
def test_any_column_equals_pandas(shared: Project, values: list[int | None], words: list[str | None]) -> None:
    frame = pd.DataFrame({"n": pd.array(values, dtype="Int64"), "s": pd.array(words[: len(values)], dtype="string")})
    found, column = profiled(shared, frame), frame["n"].dropna().astype(float)
    expected: dict[str, Any] = {"count": len(column), "null_count": len(values) - len(column), "distinct_count": column.nunique(),
                "null_percent": 100 * (len(values) - len(column)) / len(values) if values else 0}  # fmt: skip
    if len(column):
        expected |= {"min": column.min(), "max": column.max(), "avg": column.mean(), "sum": column.sum()}
        expected |= {f"p{q}": column.quantile(q / 100) for q in (25, 50, 75)}
    if len(column) > 1:
        expected["stddev"] = column.std()
    assert numbers(found, "n") == pytest.approx(expected)
    counts = frame["s"].dropna().value_counts()
    top = sorted(((word, int(count)) for word, count in counts.items()), key=lambda pair: (-pair[1], pair[0]))[:5]
    assert [(one["value"], one["count"]) for one in json.loads(found["s", "top_values"][1] or "")] == top


def test_a_profile_is_taken_again_when_refresh_says_so(project: Project) -> None:
    """The age of the newest row grows although nothing changes."""
    project.transform("t", sql="SELECT TIMESTAMP '2024-01-01' AS at")
    for refresh, again in (("always", "success"), ("1h", "cached"), (None, "cached")):
        project.node("profile", "p", inputs=["t"], **({"refresh": refresh} if refresh else {}))
        good(project)
        assert status(good(project))["profile.p"] == again, refresh


BAD = {
    "a key of another kind": ({"id_col": "x"}, "unknown key 'id_col' of a profile"),
    "a refresh that is none": ({"refresh": "soon"}, "unknown refresh"),
    "profile that is text": ({"profile": "price"}, "a mapping"),
    "an unknown key": ({"profile": {"colums": ["price"]}}, "did you mean columns"),
    "columns that are text": ({"profile": {"columns": "price"}}, "list of names"),
    "an unknown parameter": ({"profile": {"params": {"max_top_value": 3}}}, "did you mean max_top_values"),
    "no values": ({"profile": {"params": {"max_top_values": 0}}}, "above 0"),
    "two bodies": ({"sql": "SELECT 1 AS x", "python": "result = 1"}, "two bodies"),
}  # fmt: skip


@pytest.mark.parametrize(("config", "fragment"), BAD.values(), ids=BAD)
def test_what_has_no_meaning_is_refused_at_definition(project: Project, config: dict[str, Any], fragment: str) -> None:
    project.transform("t", sql="SELECT 1 AS x")
    with pytest.raises(ManifestError, match=fragment):
        project.node("profile", "p", inputs=["t"], **config)


def test_a_profile_has_one_input(project: Project) -> None:
    project.node("profile", "p")
    assert "exactly one input" in (failure(project, "profile.p").error_message or "")


def test_a_line_says_what_yaml_says() -> None:
    made = define("profile", "p --inputs t --columns price,stock --top 3".split(), "")
    assert made.config == {"inputs": ["t"], "profile": {"columns": ["price", "stock"], "params": {"max_top_values": 3}}}
    assert define("profile", ["p", "--inputs", "t"], "").config == {"inputs": ["t"]}


def test_all_of_a_profile_is_of_one_reading(project: Project) -> None:
    """A view that draws its values anew for each scan."""
    found = profiled(project, sql="SELECT CASE WHEN random() < 0.5 THEN 'a' END AS w FROM range(1001)", materialized="view")
    [top] = json.loads(found["w", "top_values"][1] or "")
    assert top["count"] == int(found["w", "count"][0] or 0)
    assert int(found["w", "count"][0] or 0) + int(found["w", "null_count"][0] or 0) == 1001
    assert not list((project.directory / "target" / "outputs").glob("profile/*/*/held*"))


def test_a_profile_of_the_same_rows_is_the_same(project: Project) -> None:
    """An age would be another one each time."""
    found = profiled(project, sql="SELECT TIMESTAMP '2024-03-01 12:00' AS at")
    assert {metric for _, metric in found} == {"row_count", "type", "count", "null_count", "null_percent", "distinct_count", "min", "max"}
    before = build_of(project, "profile.p").read_bytes()
    good(project, full=True)
    assert build_of(project, "profile.p").read_bytes() == before


def test_lists_of_times_have_no_times(project: Project) -> None:
    found = profiled(project, sql="SELECT [DATE '2024-01-01'] AS d, [now()] AS z")
    assert (found["d", "count"], found["z", "distinct_count"]) == (("1", None), ("1", None))
    assert ("d", "max") not in found
