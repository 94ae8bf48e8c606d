"""Models: what is learned, on which rows it is tested, what the table and the artefact hold, and what is refused.

Metrics are worked out again by scikit-learn from the stored table, and parts by hashlib or by hand.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinds import arrow, build_of, failure, good, rows, run, status
from seeknal_nb import Project
from seeknal_nb.authoring.cell import define
from seeknal_nb.errors import ManifestError, NodeError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

sklearn = pytest.importorskip("sklearn")
pytest.importorskip("skops")

ROWS = """
SELECT i AS id, (i * 37 % 101) / 101.0 AS x, (i * 53 % 97) / 97.0 AS y, ['red', 'blue', NULL][1 + i % 3] AS colour,
       DATE '2024-01-01' + CAST(i % 100 AS INTEGER) AS day, {target} AS label
FROM range({size}) t(i)
"""
SIGNAL = "((i * 37 % 101) / 101.0 + (i * 53 % 97) / 97.0 > 1)"
NUMBER = "3 * (i * 37 % 101) / 101.0 - (i * 53 % 97) / 97.0 + 1"
LEVELS = "CASE WHEN i * 37 % 101 < 33 THEN 'low' WHEN i * 37 % 101 < 66 THEN 'mid' ELSE 'high' END"
LOGISTIC = {"algorithm": "logistic_regression", "target": "label", "key": "id"}


def training_set(project: Project, target: str = SIGNAL, size: int = 300) -> None:
    project.transform("rows", sql=ROWS.format(target=target, size=size))


def model(project: Project, name: str = "m", *, target: str = SIGNAL, size: int = 300, **config: Any) -> Any:
    """A model of the training set; gives its result."""
    training_set(project, target, size)
    project.model(name, inputs=["rows"], training={**LOGISTIC, **config.pop("training", {})}, **config)
    return good(project)[f"model.{name}"]


def table(project: Project, node_id: str = "model.m") -> pd.DataFrame:
    return arrow(project, node_id).to_pandas()


def plain(value: object) -> object:
    """A class as a text, whether it came as a number, a truth value or a word."""
    return str(float(value)) if isinstance(value, (bool, int, float, Decimal)) else str(value)


# Algorithms and targets

CLASSIFIERS = ["logistic_regression", "naive_bayes", "decision_tree", "random_forest", "extra_trees", "gradient_boosting", "knn",
               "svm", "random_forest_classifier", "sklearn.linear_model.SGDClassifier"]  # fmt: skip
REGRESSORS = ["linear_regression", "ridge", "lasso", "elastic_net", "decision_tree", "random_forest", "extra_trees",
              "gradient_boosting", "knn", "svm", "svm_regressor", "sklearn.linear_model.HuberRegressor"]  # fmt: skip
FAST = {"random_forest": {"n_estimators": 5}, "extra_trees": {"n_estimators": 5}, "gradient_boosting": {"max_iter": 10},
        "random_forest_classifier": {"n_estimators": 5}, "lasso": {"alpha": 0.001}, "elastic_net": {"alpha": 0.001}}  # fmt: skip


@pytest.mark.parametrize("algorithm", CLASSIFIERS)
def test_metrics_of_classes_are_those_of_the_stored_test_rows(project: Project, algorithm: str) -> None:
    """KINDS § 1.5: on the test rows only; the peer measures on the rows that it learned from."""
    from sklearn import metrics

    found = model(project, training={"algorithm": algorithm, "params": FAST.get(algorithm, {})}).metadata
    assert found["model"]["task"] == "classification"
    stored = table(project)
    test = stored[stored["split"] == "test"]
    assert stored["id"].tolist() == list(range(300))
    expected = {
        "n_train": (stored["split"] == "train").sum(),
        "n_test": len(test),
        "accuracy": metrics.accuracy_score(test["target"], test["prediction"]),
        "precision": metrics.precision_score(test["target"], test["prediction"]),
        "recall": metrics.recall_score(test["target"], test["prediction"]),
        "f1": metrics.f1_score(test["target"], test["prediction"]),
        "base_rate": test["target"].mean(),
    }
    if "probability" in test:
        expected |= {
            "auc": metrics.roc_auc_score(test["target"], test["probability"]),
            "log_loss": metrics.log_loss(test["target"], test["probability"]),
            "brier": metrics.brier_score_loss(test["target"], test["probability"]),
        }
    given = dict(found["metrics"])
    if "probability" not in test:
        assert given.pop("auc") > 0.8  # by decision_function, which the table does not hold
    assert given == pytest.approx(expected, abs=1e-6)
    assert given["accuracy"] > 0.75


@pytest.mark.parametrize("algorithm", REGRESSORS)
def test_metrics_of_numbers_are_those_of_the_stored_test_rows(project: Project, algorithm: str) -> None:
    from sklearn import metrics

    found = model(project, target=NUMBER, training={"algorithm": algorithm, "params": FAST.get(algorithm, {})}).metadata
    assert found["model"]["task"] == "regression"
    stored = table(project)
    assert stored.columns.tolist() == ["id", "split", "target", "prediction"]
    test = stored[stored["split"] == "test"]
    assert found["metrics"] == pytest.approx({
        "n_train": (stored["split"] == "train").sum(), "n_test": len(test),
        "rmse": metrics.root_mean_squared_error(test["target"], test["prediction"]),
        "mae": metrics.mean_absolute_error(test["target"], test["prediction"]),
        "r2": metrics.r2_score(test["target"], test["prediction"]),
    }, abs=1e-6)  # fmt: skip
    assert found["metrics"]["r2"] > 0.6


def test_more_than_two_classes_have_a_probability_each(project: Project) -> None:
    from sklearn import metrics

    found = model(project, target=LEVELS).metadata["metrics"]
    stored = table(project)
    names = ["probability_high", "probability_low", "probability_mid"]
    assert stored.columns.tolist() == ["id", "split", "target", "prediction", *names]
    assert stored[names].sum(axis=1).tolist() == pytest.approx([1.0] * 300)
    test = stored[stored["split"] == "test"]
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(test["target"], test[names], multi_class="ovr"), abs=1e-6)
    assert found["log_loss"] == pytest.approx(metrics.log_loss(test["target"], test[names]), abs=1e-6)
    assert found["f1"] == pytest.approx(metrics.f1_score(test["target"], test["prediction"], average="macro"), abs=1e-6)
    assert {"brier", "base_rate"}.isdisjoint(found)


TYPES = {
    "booleans": (SIGNAL, pa.bool_()),
    "small integers": (f"CAST({SIGNAL} AS TINYINT)", pa.int8()),
    "decimals": (f"CAST({SIGNAL}::INTEGER AS DECIMAL(4, 1))", pa.decimal128(4, 1)),
    "words": (f"CASE WHEN {SIGNAL} THEN 'yes' ELSE 'no' END", pa.string()),
    "an enum": (f"CAST(CASE WHEN {SIGNAL} THEN 'yes' ELSE 'no' END AS ENUM ('yes', 'no'))", pa.string()),
    "booleans, some unknown": (f"CASE WHEN i % 10 > 0 THEN {SIGNAL} END", pa.bool_()),
    "integers, some unknown": (f"CASE WHEN i % 10 > 0 THEN {SIGNAL}::INTEGER END", pa.int32()),
    "words, some unknown": (f"CASE WHEN i % 10 > 0 THEN CASE WHEN {SIGNAL} THEN 'yes' ELSE 'no' END END", pa.string()),
    "numbers, some not": (f"CASE WHEN i % 10 > 0 THEN {SIGNAL}::DOUBLE ELSE 'NaN'::DOUBLE END", pa.float64()),
}


@pytest.mark.parametrize(("target", "kind"), TYPES.values(), ids=TYPES)
@pytest.mark.parametrize("algorithm", ["random_forest", "logistic_regression"])
def test_classes_come_back_as_they_were_typed(project: Project, target: str, kind: pa.DataType, algorithm: str) -> None:
    found = model(project, target=target, training={"algorithm": algorithm, "params": FAST.get(algorithm, {})}).metadata["metrics"]
    stored = arrow(project, "model.m")
    assert (stored.schema.field("target").type, stored.schema.field("prediction").type) == (kind, kind)
    held = stored.to_pylist()
    assert all((row["split"] == "unlabelled") == (row["target"] is None) for row in held)
    assert all(row["prediction"] is not None for row in held)
    assert sum(row["target"] is None for row in held) == (30 if "some" in next(k for k, v in TYPES.items() if v[0] == target) else 0)
    test = [row for row in held if row["split"] == "test"]
    assert found["accuracy"] == pytest.approx(sum(row["target"] == row["prediction"] for row in test) / len(test), abs=1e-6)
    assert found["accuracy"] > 0.8


AMBIGUOUS = {
    "20 integers": ("i % 20", {}, "classification"),
    "21 integers": ("i % 21", {}, "regression"),
    "21 integers, by task": ("i % 21", {"task": "classification"}, "classification"),
    "2 integers, by task": ("i % 2", {"task": "regression"}, "regression"),
    "zeros and ones as doubles": ("(i % 2)::DOUBLE", {}, "classification"),
    "ones and twos as doubles": ("(1 + i % 2)::DOUBLE", {}, "regression"),
    "21 integers, by name": ("i % 21", {"algorithm": "decision_tree_classifier"}, "classification"),
}


@pytest.mark.parametrize(("target", "training", "task"), AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_what_is_done_goes_by_task_then_name_then_target(project: Project, target: str, training: dict[str, Any], task: str) -> None:
    found = model(project, target=target, training={"algorithm": "decision_tree", **training})
    assert found.metadata["model"]["task"] == task


# Which rows test


def expected_part(*key: object, share: float = 0.2) -> str:
    """By hashlib, from the text that DuckDB makes of integers and words."""
    text = "\x1f".join("\x1e" if part is None else str(part) for part in key)
    return "test" if int(hashlib.md5(text.encode()).hexdigest()[:8], 16) < round(share * 2**32) else "train"


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as made:
        yield made


@settings(max_examples=60)
@given(data=st.data())
def test_a_part_goes_by_the_key_alone(connection: duckdb.DuckDBPyConnection, data: st.DataObject) -> None:
    """The split is stable: other rows, their order and the width of an integer do not count."""
    from seeknal_nb.kinds.models.training import Split, Training
    from seeknal_nb.kinds.models.trainingset import part_sql

    keys = st.tuples(st.integers(-(2**31), 2**31 - 1), st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0")))
    held = data.draw(st.lists(keys, min_size=1, max_size=8, unique=True))
    more = data.draw(st.permutations([*held, *data.draw(st.lists(keys, max_size=4))]))
    share = data.draw(st.floats(0.01, 0.99))
    training = Training("ridge", "y", ("k", "w"), split=Split(test_size=share))
    part = part_sql(training, {"k": "BIGINT", "w": "VARCHAR", "y": "INTEGER"}, None)

    def parts(of: list[tuple[int, str | None]], kind: str) -> dict[tuple[int, str | None], str]:
        frame = pa.table({"k": pa.array([k for k, _ in of], kind), "w": pa.array([w for _, w in of], "string"), "y": [1] * len(of)})
        connection.register("t", frame)
        return {(k, w): p for k, w, p in connection.execute(f"SELECT k, w, {part} FROM t").fetchall()}

    first, second = parts(held, "int32"), parts(more, "int64")
    assert first == {key: expected_part(*key, share=share) for key in held}
    assert all(second[key] == found for key, found in first.items())


def test_no_row_changes_its_part_when_rows_are_added(project: Project) -> None:
    sides = []
    for size in (200, 300):
        model(project, size=size)
        stored = table(project)
        sides.append(dict(zip(stored["id"], stored["split"], strict=True)))
    assert sides[0].items() <= sides[1].items()
    assert sides[1] == {key: expected_part(key) for key in range(300)}


def test_the_order_of_the_rows_does_not_count(project: Project) -> None:
    model(project)
    first = build_of(project, "model.m").read_bytes()
    project.transform("rows", sql=f"SELECT * FROM ({ROWS.format(target=SIGNAL, size=300)}) ORDER BY y, id DESC")
    good(project)
    assert build_of(project, "model.m").read_bytes() == first


@pytest.mark.parametrize("share", [0.053, 0.2, 0.5])
def test_by_time_the_latest_share_tests_and_a_tie_at_the_border_tests_whole(project: Project, share: float) -> None:
    model(project, training={"split": {"time_column": "day"}, "test_size": share, "key": ["id", "day"]})
    stored = table(project)
    times = sorted(stored["day"], reverse=True)
    border = times[round(300 * share) - 1]
    assert ((stored["split"] == "test") == (stored["day"] >= border)).all()
    assert (stored["split"] == "test").sum() >= round(300 * share)


def test_three_months_test_on_the_last_one(project: Project) -> None:
    """A fifth of the rows lies inside the last month: a border after it would leave nothing to test on."""
    training_set(project)
    project.model("m", sql="SELECT *, 1 + id % 3 AS month FROM rows", training={**LOGISTIC, "split": {"time_column": "month"}})
    result = good(project)["model.m"]
    stored = table(project)
    assert stored.loc[stored["split"] == "test", "id"].tolist() == [i for i in range(300) if i % 3 == 2]
    assert result.metadata["model"]["split"] == "tested from 3 on"


@pytest.mark.parametrize(("until", "first"), [("2024-02-01", 32), ("2024-02-01 12:00:00", 32), ("2024-01-31", 31)])
def test_train_until_is_the_last_day_that_trains(project: Project, until: str, first: int) -> None:
    model(project, training={"split": {"time_column": "day", "train_until": until}})
    stored = table(project)
    assert stored.loc[stored["split"] == "test", "id"].tolist() == [i for i in range(300) if i % 100 >= first]


def test_a_row_without_a_time_is_left_out_and_said(project: Project) -> None:
    training_set(project)
    project.model("m", sql="SELECT * REPLACE (CASE WHEN id >= 5 THEN day END AS day) FROM rows",
                  training={**LOGISTIC, "split": {"time_column": "day"}})  # fmt: skip
    result = good(project)["model.m"]
    stored = table(project)
    assert stored.loc[stored["split"] == "left_out", "id"].tolist() == [0, 1, 2, 3, 4]
    assert result.metadata["metrics"]["n_train"] + result.metadata["metrics"]["n_test"] == 295
    assert any("5 rows are left out" in text for text in result.metadata["warnings"])


@pytest.mark.parametrize("column", ["id % 4 = 0", "(id % 4 = 0)::INTEGER", "CASE WHEN id % 4 = 0 THEN 'Test' ELSE 'train' END"])
def test_a_column_may_say_which_rows_test(project: Project, column: str) -> None:
    training_set(project)
    project.model("m", sql=f"SELECT *, {column} AS part FROM rows", training={**LOGISTIC, "split": {"column": "part"}})
    assert good(project)["model.m"].metadata["model"]["features"] == 4
    stored = table(project)
    assert stored.loc[stored["split"] == "test", "id"].tolist() == list(range(0, 300, 4))


def test_without_test_rows_there_is_a_warning_and_no_metric(project: Project) -> None:
    result = model(project, training={"split": {"time_column": "day", "train_until": "2025-01-01"}})
    assert result.metadata["metrics"] == {"n_train": 300, "n_test": 0}
    assert any("no row is of part 'test'" in text for text in result.metadata["warnings"])


# A refit


@pytest.mark.parametrize("algorithm", ["logistic_regression", "random_forest", "gradient_boosting", "knn"])
def test_a_refit_gives_the_same_bytes_in_table_and_artefact(project: Project, algorithm: str) -> None:
    model(project, training={"algorithm": algorithm, "params": FAST.get(algorithm, {})})
    first = {path.name: path.read_bytes() for path in build_of(project, "model.m").parent.iterdir()}
    good(project, full=True)
    again = {path.name: path.read_bytes() for path in build_of(project, "model.m").parent.iterdir()}
    assert sorted(first) == ["build.json", "data.parquet", "model.skops"]
    assert (again["data.parquet"], again["model.skops"]) == (first["data.parquet"], first["model.skops"])


def test_a_refit_in_another_process_has_the_same_digest(project: Project, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from seeknal_nb import Project\n"
        "p = Project(Path(sys.argv[1]), namespace={}); p.transform('rows', sql=sys.argv[2])\n"
        "p.model('m', inputs=['rows'], training={'algorithm': 'random_forest', 'target': 'label', 'key': 'id',"
        " 'params': {'n_estimators': 5}})\n"
        "assert not p.run(progress=False).failed\n"
    )
    (tmp_path / "other").mkdir()
    words = [sys.executable, "-c", program, str(tmp_path / "other"), ROWS.format(target=LEVELS, size=200)]
    subprocess.run(words, check=True)
    model(project, target=LEVELS, size=200, training={"algorithm": "random_forest", "params": {"n_estimators": 5}})
    records = [next(at.glob("target/outputs/model/m/*/build.json")) for at in (tmp_path / "other", tmp_path)]
    first, second = (json.loads(record.read_text()) for record in records)
    assert first["artefacts"] == second["artefacts"]
    assert first["parts"] == second["parts"]
    assert first["digest"] == second["digest"]


def test_n_jobs_does_not_change_what_is_predicted(project: Project) -> None:
    model(project, training={"algorithm": "random_forest", "params": {"n_estimators": 8}})
    first = arrow(project, "model.m")
    project.model("n", inputs=["rows"], training={**LOGISTIC, "algorithm": "random_forest", "params": {"n_estimators": 8, "n_jobs": 2}})
    good(project)
    assert arrow(project, "model.n").equals(first)
    one, other = (build_of(project, f"model.{name}").with_name("model.skops").read_bytes() for name in "mn")
    assert one == other


def test_what_memory_holds_between_the_fields_of_a_record_is_not_saved(tmp_path: Path) -> None:
    import numpy as np

    from seeknal_nb.kinds.models.artefacts import read, save

    kind = np.dtype([("a", "i1"), ("b", "f8")], align=True)
    saved = []
    for junk in (b"\x00", b"\xff"):
        raw = (b"\x05" + junk * 7 + np.float64(1.5).tobytes()) * 3
        save({"nodes": np.frombuffer(raw, kind)}, tmp_path, "m")
        saved.append((tmp_path / "m.skops").read_bytes())
    assert saved[0] == saved[1]
    assert read(saved[0], "skops")["nodes"].tolist() == [(5, 1.5)] * 3


# Features

EPOCH = dt.datetime(1970, 1, 1)
NUMBERS = {
    "integers": (pd.Series([1, None], dtype="Int64"), [1, None]),
    "truth values": (pd.Series([True, None], dtype="boolean"), [1, None]),
    "numbers as objects": (pd.Series([Decimal("1.5"), None], dtype="object"), [1.5, None]),
    "times": (pd.Series([EPOCH + dt.timedelta(days=1), None]), [86400, None]),
    "times with a zone": (pd.Series(pd.to_datetime(["1970-01-01 01:00:00+01:00", "1970-01-02 00:00:00+00:00"], utc=True)), [0, 86400]),
    "nanoseconds": (pd.Series([EPOCH]).astype("datetime64[ns]"), [0]),
    "days as objects": (pd.Series([dt.date(1970, 1, 3), None], dtype="object"), [172800, None]),
    "times of day": (pd.Series([dt.time(1, 0, 1, 500_000), None], dtype="object"), [3601.5, None]),
    "spans": (pd.Series([dt.timedelta(minutes=1), None]), [60, None]),
    "spans as objects": (pd.Series([dt.timedelta(minutes=1), None], dtype="object"), [60, None]),
    "nothing": (pd.Series([None, None], dtype="object"), [None, None]),
    "categories": (pd.Series([1, 2], dtype="category"), [1, 2]),
}


@pytest.mark.parametrize(("values", "expected"), NUMBERS.values(), ids=NUMBERS)
def test_every_kind_of_number_is_a_float(values: pd.Series, expected: list[float | None]) -> None:
    from seeknal_nb.kinds.models.preparing import as_numbers

    found = as_numbers(values.to_frame("x"))["x"]
    assert str(found.dtype) == "float64"
    assert [None if pd.isna(value) else value for value in found] == expected


@pytest.mark.parametrize("values", [
    pd.Series(["a", None], dtype="str"), pd.Series(["a", None], dtype="object"), pd.Series(["a", float("nan")], dtype="object"),
    pd.Series(["a", None], dtype="category"), pd.Series(["a", pd.NA], dtype="string"),
])  # fmt: skip
def test_every_kind_of_missing_word_is_the_same_word(values: pd.Series) -> None:
    from seeknal_nb.kinds.models.preparing import as_words

    assert as_words(values.to_frame("x"))["x"].tolist() == ["a", ""]


def test_features_of_every_kind_are_taken(project: Project) -> None:
    project.transform("rows", sql="""
        SELECT i AS id, i % 2 = 0 AS truth, i::HUGEINT AS wide, (i / 7)::DECIMAL(9, 3) AS price, DATE '2024-01-01' + i::INTEGER AS d,
               TIMESTAMP '2024-01-01' + INTERVAL (i) HOUR AS ts, TIMESTAMPTZ '2024-01-01 00:00:00+00' + INTERVAL (i) HOUR AS tz,
               TIME '00:00:00' + INTERVAL (i) MINUTE AS clock, INTERVAL (i) MINUTE AS span, 'w' || i % 3 AS word,
               (['a', 'b'])[1 + i % 2]::ENUM ('a', 'b') AS choice, NULL::DOUBLE AS nothing, NULL::VARCHAR AS silence,
               CASE WHEN i % 5 > 0 THEN i END AS holes, i % 4 < 2 AS label
        FROM range(80) t(i)""")
    project.model("m", inputs=["rows"], training=LOGISTIC)
    project.transform("again", python="import pandas\nframe = ref('rows')\n"
                      "result = frame[['id']].join(ctx.predict('model.m', frame))")  # fmt: skip
    summary = good(project)
    assert summary["model.m"].metadata["model"]["features"] == 13
    warnings = summary["model.m"].metadata["warnings"]
    assert sum("no values in the training part" in text for text in warnings) == 2
    assert table(project, "transform.again").equals(table(project)[["id", "prediction", "probability"]])


def test_a_word_that_was_not_learned_and_a_null_are_predicted(project: Project) -> None:
    training_set(project)
    project.model("m", inputs=["rows"], training={**LOGISTIC, "features": ["x", "y", "colour"]})
    project.transform("new", python=(
        "import pandas as pd\n"
        "frame = pd.DataFrame({'x': [0.9, None], 'y': [0.9, 0.1], 'colour': ['purple', None], 'other': [1, 2]}, index=[7, 9])\n"
        "found = ctx.predict('m', frame)\nresult = found.reset_index()"
    ))  # fmt: skip
    good(project)
    assert table(project, "transform.new")["index"].tolist() == [7, 9]
    assert table(project, "transform.new")["prediction"].tolist() == [True, False]


def test_many_words_share_a_column_and_it_is_said(project: Project) -> None:
    training_set(project)
    project.model("m", sql="SELECT *, 'w' || id AS word FROM rows", training=LOGISTIC)
    assert any("'word' has" in text and "rarer" in text for text in good(project)["model.m"].metadata["warnings"])


def test_a_feature_that_knows_the_answer_is_named(project: Project) -> None:
    training_set(project)
    project.model("m", sql="SELECT *, label::INTEGER + x / 10 AS leak, CASE WHEN label THEN 'won' ELSE 'lost' END AS outcome FROM rows",
                  training=LOGISTIC)  # fmt: skip
    warnings = good(project)["model.m"].metadata["warnings"]
    assert [text.split("'")[1] for text in warnings if "alone tells" in text] == ["leak", "outcome"]


def test_a_fit_that_warns_says_so_in_the_result(project: Project) -> None:
    found = model(project, training={"params": {"max_iter": 1}}).metadata["warnings"]
    assert any(text.startswith("ConvergenceWarning") for text in found)


def test_parameters_may_stand_for_options(project: Project) -> None:
    training_set(project)
    project.model("m", inputs=["rows"], training={**LOGISTIC, "algorithm": "{{ algorithm }}", "test_size": "{{ share }}",
                                                  "params": {"n_estimators": "{{ trees }}", "max_features": "sqrt"}})  # fmt: skip
    good(project, params={"algorithm": "random_forest", "share": 0.5, "trees": 3})
    assert table(project)["split"].tolist() == [expected_part(i, share=0.5) for i in range(300)]
    project.transform("t", python="result = [{'n': len(ctx.model('m')[-1].estimators_)}]")
    good(project, params={"algorithm": "random_forest", "share": 0.5, "trees": 3})
    assert rows(project, "transform.t") == [(3,)]
    with pytest.raises(ManifestError, match="unknown algorithm 'forest'"):
        run(project, params={"algorithm": "forest", "share": 0.5, "trees": 3})


# Bodies, labels and columns


def test_labels_may_lie_in_another_table(project: Project) -> None:
    """The peer's spelling: label_source and label_column."""
    training_set(project)
    project.transform("features", sql="SELECT * EXCLUDE (label) FROM rows")
    project.transform("labels", sql="SELECT id, label AS churned FROM rows WHERE id >= 20 ORDER BY id DESC")
    project.model("m", inputs=[{"ref": "transform.features"}], output_columns=["prediction", "probability"], training={
        "label_source": "transform.labels", "label_column": "churned", "algorithm": "random_forest",
        "params": {"n_estimators": 5}, "key": "id"})  # fmt: skip
    project.model("all", inputs=["features"], training={"label_source": "labels", "target": "churned", "algorithm": "dummy"})
    good(project)
    assert arrow(project, "model.m").column_names == ["id", "prediction", "probability"]
    assert arrow(project, "model.m").num_rows == 300
    assert table(project, "model.all")["split"].tolist() == ["unlabelled"] * 20 + [expected_part(i) for i in range(20, 300)]
    assert arrow(project, "model.all").column_names[0] == "id"  # what joined the labels names the rows


def test_labels_that_are_doubled_are_refused(project: Project) -> None:
    training_set(project)
    project.transform("labels", sql="SELECT id, TRUE AS churned FROM rows UNION ALL SELECT 7, FALSE")
    project.model("m", inputs=["rows"], training={**LOGISTIC, "target": "churned", "label_source": "labels"})
    assert '"id" = 7 has several' in failure(project, "model.m").error_message


def test_a_body_of_several_statements_runs_once(project: Project) -> None:
    training_set(project)
    project.model("m", sql="CREATE TEMP TABLE t AS SELECT * FROM rows WHERE id < 200; SELECT * FROM t", training=LOGISTIC)
    assert good(project)["model.m"].row_count == 200
    assert sorted(path.name for path in build_of(project, "model.m").parent.iterdir()) == ["build.json", "data.parquet", "model.skops"]


OUTPUTS = {
    "a list": (["prediction"], ["id", "prediction"]),
    "a list with names": (["split", {"prediction": "churns"}, {"probability": "p"}], ["id", "split", "churns", "p"]),
    "a mapping": ({"prediction": "churns"}, ["id", "split", "target", "churns", "probability"]),
    "a column of the training set": (["x", "prediction", "colour"], ["id", "x", "prediction", "colour"]),
    "one of the training set besides": ({"x": "score"}, ["id", "split", "target", "prediction", "probability", "score"]),
    "the key too": (["prediction", "id"], ["id", "prediction"]),
    "the key by another name": ({"id": "user"}, ["user", "split", "target", "prediction", "probability"]),
}


@pytest.mark.parametrize(("listed", "expected"), OUTPUTS.values(), ids=OUTPUTS)
def test_output_columns_say_what_is_stored_and_how_it_is_called(project: Project, listed: Any, expected: list[str]) -> None:
    model(project, output_columns=listed)
    found = arrow(project, "model.m")
    assert found.column_names == expected
    source = arrow(project, "transform.rows")
    for name, origin in (("x", "x"), ("score", "x"), ("colour", "colour"), ("user", "id")):
        if name in expected:
            assert found[name].equals(source[origin])


def test_keys_are_stored_as_they_came(project: Project) -> None:
    project.transform("rows", sql="SELECT i::DECIMAL(20, 2) AS a, DATE '2024-01-01' + i::INTEGER AS b, [i, NULL] AS c, i % 9 AS x,"
                      " i % 2 = 0 AS label FROM range(60) t(i)")  # fmt: skip
    project.model("m", inputs=["rows"], training={**LOGISTIC, "key": ["a", "b", "c"]})
    good(project)
    found, source = arrow(project, "model.m"), arrow(project, "transform.rows")
    assert all(found[name].equals(source[name]) for name in "abc")
    assert found.schema.field("a").type == pa.decimal128(20, 2)
    assert rows(project, "model.m")[3][:3] == (Decimal("3.00"), dt.date(2024, 1, 4), [3, None])


BODY = """
from sklearn.linear_model import LogisticRegression
def m(rows, ctx):
    model = LogisticRegression().fit(rows[["x", "y"]], rows["label"])
    ctx.save_model(model)
    ctx.save_model({"of": ["another", "kind"]}, "second")
    ctx.log_metrics(score=model.score(rows[["x", "y"]], rows["label"]), n=3)
    return rows[["id"]].assign(p=model.predict_proba(rows[["x", "y"]])[:, 1])
"""


def test_a_python_body_keeps_models_and_numbers(project: Project) -> None:
    training_set(project)
    project.model("m", python=BODY, tests=[{"metric": "score", "min": 0.9}, {"not_null": "p"}], output_columns=["p"])
    project.transform("t", python="result = [{'a': ctx.model('m').coef_.shape[1], 'b': ctx.model('model.m', 'second')['of'][1]}]")
    result = good(project)["model.m"]
    assert result.metadata["metrics"]["n"] == 3
    assert [check["passed"] for check in result.metadata["checks"]] == [True, True]
    assert [one["file"] for one in result.metadata["artefacts"]] == ["model.skops", "second.skops"]
    assert rows(project, "transform.t") == [(2, "kind")]


def test_naming_a_model_in_a_body_makes_it_an_input(project: Project) -> None:
    model(project, "churn")
    project.transform("a", python="result = [{'n': len(ctx.model('churn').steps)}]")
    project.transform("b", python="result = ctx.predict('model.churn', ref('rows'))")
    assert status(good(project)) == {"transform.rows": "cached", "model.churn": "cached", "transform.a": "success",
                                     "transform.b": "success"}  # fmt: skip
    model(project, "churn", training={"params": {"C": 0.01}})
    assert rows(project, "transform.a") == [(2,)]
    assert rows(project, "transform.b") == [row[3:] for row in rows(project, "model.churn")]


@pytest.mark.parametrize("form", ["pandas", "arrow", "polars"])
def test_predict_gives_what_it_was_given(project: Project, form: str) -> None:
    if form == "polars":
        pytest.importorskip("polars")
    model(project, target=LEVELS)
    project.transform("t", **{"as": form}, python=(
        f"found = ctx.predict('m', ref('rows'))\nassert type(found).__module__.startswith(('{form}', 'py{form}')), type(found)\n"
        "result = found"))  # fmt: skip
    good(project)
    assert rows(project, "transform.t") == [row[3:] for row in rows(project, "model.m")]


# Tests of a model

HELD = {
    "a bound": ({"metric": "auc", "min": 0.9}, True),
    "the peer's bound": ({"min_accuracy": 0.8}, True),
    "a bound from above": ({"max_log_loss": 0.5}, True),
    "both sides": ({"metric": "base_rate", "min": 0.3, "max": 0.7}, True),
    "the peer's skew": ({"no_train_serve_skew": True}, True),
    "a column": ({"not_null": ["prediction", "probability"]}, True),
    "a range": ({"range": {"column": "probability", "min": 0, "max": 1}}, True),
    "a bound that is missed": ({"metric": "auc", "max": 0.5}, False),
    "the peer's bound that is missed": ({"min_accuracy": 0.999999}, False),
    "a column that breaks": ({"accepted_values": {"column": "split", "values": ["train"]}}, False),
}


@pytest.mark.parametrize(("test", "held"), HELD.values(), ids=HELD)
@pytest.mark.parametrize("severity", ["error", "warn"])
def test_a_test_that_fails_fails_the_node_unless_it_only_warns(project: Project, test: dict[str, Any], held: bool, severity: str) -> None:
    training_set(project)
    project.model("m", inputs=["rows"], training=LOGISTIC, tests=[test], severity=severity)
    result = run(project)["model.m"]
    assert result.status == ("success" if held or severity == "warn" else "failed"), result.error_message
    assert all(check["passed"] for check in result.metadata["checks"]) is held
    assert "auc" in result.metadata["metrics"]
    if severity == "warn":
        assert bool(result.metadata.get("warnings")) is not held


# Artefacts


def test_metadata_tells_what_was_made(project: Project) -> None:
    import skops

    found = model(project).metadata
    assert found["model"]["estimator"].endswith(".LogisticRegression")
    assert found["model"]["versions"] == {"scikit-learn": sklearn.__version__, "skops": skops.__version__}
    assert found["model"]["positive"] == "True"
    (artefact,) = found["artefacts"]
    size = (build_of(project, "model.m").parent / "model.skops").stat().st_size
    assert artefact == {"file": "model.skops", "format": "skops", "bytes": size, "trusted": True}


class Bomb:
    """Unpickled, it leaves a file behind."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.path}",)


OTHER = "from fractions import Fraction\nctx.save_model({'x': Fraction(1, 2)})\nresult = [{'a': 1}]"


def test_what_skops_cannot_keep_is_pickled_and_marked(project: Project) -> None:
    project.model("m", python=OTHER)
    project.transform("t", python="result = [{'a': str(ctx.model('m')['x'])}]")
    result = good(project)["model.m"]
    assert result.metadata["artefacts"][0] | {"bytes": 0} == {
        "file": "model.joblib", "format": "joblib", "bytes": 0, "trusted": False, "foreign": ["fractions.Fraction"]}  # fmt: skip
    assert "fractions.Fraction" in result.metadata["warnings"][0]
    assert rows(project, "transform.t") == [("1/2",)]


TAMPER = """
from pathlib import Path
import dataclasses, pickle, xxhash
from seeknal_nb.storage.builds import File, read_record, record_of
(found,) = Path({root!r}).glob("target/outputs/model/m/*/model.joblib")
found.write_bytes(bytes.fromhex({data!r}))
record = found.parent / "build.json"
now = [File(f"{{found.parent.name}}/{{found.name}}", found.stat().st_size, xxhash.xxh3_128_hexdigest(found.read_bytes()))]
if {too!r}:
    build = dataclasses.replace(read_record(record.read_bytes(), found.parent), artefacts=tuple(now))
    record.write_bytes(record_of(build, 1.0))
ctx.model("m")
result = [{{"a": 1}}]
"""


@pytest.mark.parametrize("too", [False, True], ids=["the file", "the file and its record"])
def test_a_file_that_was_changed_is_not_loaded(project: Project, tmp_path: Path, too: bool) -> None:
    """It is changed after the run has proved it, right before it is read."""
    trace = tmp_path / "trace"
    project.model("m", python=OTHER)
    project.transform("t", inputs=["m"], python=TAMPER.format(root=str(tmp_path), data=pickle.dumps(Bomb(str(trace))).hex(), too=too))
    message = failure(project, "transform.t").error_message
    assert "is not what was saved" in message
    assert "nothing of it was loaded" in message
    assert not trace.exists()


def test_a_changed_file_is_made_again_by_the_next_run(project: Project, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    project.model("m", python=OTHER)
    project.transform("t", python="result = [{'a': str(ctx.model('m')['x'])}]")
    good(project)
    (build_of(project, "model.m").parent / "model.joblib").write_bytes(pickle.dumps(Bomb(str(trace))))
    (build_of(project, "transform.t")).unlink()
    good(project)
    assert rows(project, "transform.t") == [("1/2",)]
    assert not trace.exists()


def test_a_skops_file_with_types_of_others_is_not_loaded() -> None:
    from fractions import Fraction

    import skops.io

    from seeknal_nb.kinds.models.artefacts import read

    with pytest.raises(NodeError, match=r"fractions\.Fraction"):
        read(skops.io.dumps({"x": Fraction(1, 2)}), "skops")


@pytest.mark.parametrize(("body", "fragment"), [
    ("ctx.model('m', 'modle')", "it has model"), ("ctx.model('rows')", "has no artefact"), ("ctx.model('m', '../m')", "no artefact"),
    ("ctx.predict('m', ref('rows')[['x']])", "no feature 'y'"), ("ctx.predict('m', 3)", "not a table"),
    ("ctx.predict('m', ref('rows').assign(x='far'))", "could not convert"),
])  # fmt: skip
def test_a_model_that_cannot_be_asked_says_why(project: Project, body: str, fragment: str) -> None:
    training_set(project)
    project.model("m", inputs=["rows"], training={**LOGISTIC, "features": ["x", "y"]})
    project.transform("t", inputs=["rows"], python=f"found = {body}\nresult = [{{'a': 1}}]")
    assert fragment in failure(project, "transform.t").error_message


def test_without_the_extra_the_error_names_it(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules.update(sklearn=None, skops=None); from pathlib import Path; from seeknal_nb import Project\n"
        "p = Project(Path(sys.argv[1]), namespace={})\n"
        "p.transform('rows', sql='SELECT i AS id, i % 7 AS x, i % 2 = 0 AS label FROM range(40) t(i)')\n"
        "p.model('m', inputs=['rows'], training={'algorithm': 'random_forest', 'target': 'label', 'key': 'id'})\n"
        "print(p.run(progress=False)['model.m'].error_message)"
    )
    found = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, capture_output=True, text=True)
    assert "scikit-learn is not installed" in found.stdout
    assert "pip install 'seeknal_nb[ml]'" in found.stdout


def test_defining_a_model_does_not_import_scikit_learn(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from seeknal_nb import Project\n"
        "p = Project(Path(sys.argv[1]), namespace={}); p.transform('rows', sql='SELECT 1 AS id')\n"
        "p.model('m', inputs=['rows'], training={'algorithm': 'random_forest', 'target': 'label'}, tests=[{'min_auc': 0.5}])\n"
        "p.plan(); print('sklearn' in sys.modules, 'skops' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, capture_output=True, text=True)
    assert found.stdout.split() == ["False", "False"]


# What is refused

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no target": ({"training": {"target": None}}, "no target"),
    "no algorithm": ({"training": {"algorithm": None}}, "no algorithm"),
    "an algorithm that is misspelt": ({"training": {"algorithm": "logistic_regresion"}}, "did you mean logistic_regression"),
    "an algorithm of another package": ({"training": {"algorithm": "os.system"}}, "unknown algorithm"),
    "a private algorithm": ({"training": {"algorithm": "sklearn._loss.HalfLoss"}}, "unknown algorithm"),
    "the peer's algorithm": ({"training": {"algorithm": "xgboost"}}, "gradient_boosting"),
    "an option that is misspelt": ({"training": {"test_sise": 0.5}}, "did you mean test_size"),
    "two words for one": ({"training": {"params": {}, "hyperparameters": {}}}, "both"),
    "a test part of none": ({"training": {"test_size": 0}}, "between 0 and 1"),
    "a test part of all": ({"training": {"test_size": 1.0}}, "between 0 and 1"),
    "a test part in per cent": ({"training": {"test_size": 20}}, "between 0 and 1"),
    "a test part that is true": ({"training": {"test_size": True}}, "between 0 and 1"),
    "a border without a time": ({"training": {"split": {"train_until": "2024-01-01"}}}, "train_until without time_column"),
    "two splits": ({"training": {"split": {"time_column": "a", "column": "b"}}}, "two splits"),
    "a share beside a border": ({"training": {"test_size": 0.5, "split": {"column": "a"}}}, "test_size is not read"),
    "an option of split": ({"training": {"split": {"time_colum": "a"}}}, "did you mean time_column"),
    "a split that is a number": ({"training": {"split": {"column": 3}}}, "must name a column"),
    "a target that is a feature": ({"training": {"features": ["label"]}}, "would tell the answer"),
    "a target that is the key": ({"training": {"key": ["label"]}}, "is in key or split too"),
    "a key twice": ({"training": {"key": ["a", "a"]}}, "twice"),
    "a key that is a number": ({"training": {"key": [3]}}, "must name columns"),
    "a task that is not known": ({"training": {"task": "regresion"}}, "did you mean regression"),
    "a task that it does not do": ({"training": {"task": "regression"}}, "does no regression"),
    "params that are a list": ({"training": {"params": [1]}}, "must be a mapping"),
    "an algorithm beside training": ({"algorithm": "ridge"}, "training holds"),
    "a key of another kind": ({"entity": {"name": "user"}}, "unknown key 'entity' of a model"),
    "a table that is a view": ({"materialized": "view"}, "only a transform"),
    "a metric that is not known": ({"tests": [{"metric": "acuracy", "min": 1}]}, "did you mean accuracy"),
    "the peer's bound of none": ({"tests": [{"min_acuracy": 1}]}, "did you mean accuracy"),
    "a bound that is text": ({"tests": [{"min_accuracy": "high"}]}, "must be a number"),
    "a check that is not known": ({"tests": [{"not_nul": "a"}]}, "did you mean not_null"),
    "tests that are text": ({"tests": "auc"}, "list of mappings"),
    "a column twice": ({"output_columns": ["prediction", {"split": "prediction"}]}, "twice"),
    "columns that are text": ({"output_columns": "prediction"}, "a list or a mapping"),
    "columns that are numbers": ({"output_columns": [1]}, "must name columns"),
    "severity of nothing": ({"severity": "warn"}, "severity is not read"),
    "a severity that is not known": ({"severity": "wran", "tests": [{"min_auc": 0}]}, "did you mean warn"),
    "params beside training": ({"params": {"C": 1}}, "params of a model"),
    "the peer's aggregation": ({"aggregation": {"id_col": "id"}}, "unknown key 'aggregation' of a model"),
    "training of a body": ({"python": "result = []"}, "training is not read"),
}


@pytest.mark.parametrize(("config", "fragment"), REFUSED.values(), ids=REFUSED)
def test_a_model_that_makes_no_sense_is_refused_at_definition(project: Project, config: dict[str, Any], fragment: str) -> None:
    with pytest.raises(ManifestError) as caught:
        project.node("model", "m", **{**config, "training": {**LOGISTIC, **config.get("training", {})}})
    assert fragment in str(caught.value)
    assert caught.value.remedy


FAILS: dict[str, tuple[str, dict[str, Any], str]] = {
    "a target that is not there": (SIGNAL, {"target": "lable"}, "did you mean label"),
    "a key that is not there": (SIGNAL, {"key": "idd"}, "did you mean id"),
    "a feature that is not there": (SIGNAL, {"features": ["z"]}, "'z'"),
    "a time that is not there": (SIGNAL, {"split": {"time_column": "dya"}}, "did you mean day"),
    "a time that is a word": (SIGNAL, {"split": {"time_column": "colour"}}, "is VARCHAR"),
    "a border that is no time": (SIGNAL, {"split": {"time_column": "day", "train_until": "soon"}}, "'soon' is no DATE"),
    "a border before all": (SIGNAL, {"split": {"time_column": "day", "train_until": "2020-01-01"}}, "the training part is empty"),
    "a split column of odd words": (SIGNAL, {"split": {"column": "colour"}}, "holds '"),
    "a split column of numbers": (SIGNAL, {"split": {"column": "x"}}, "make it a BOOLEAN"),
    "a parameter that it does not have": (SIGNAL, {"params": {"max_itr": 3}}, "did you mean max_iter"),
    "a parameter that it refuses": (SIGNAL, {"params": {"C": -1}}, "cannot be fitted"),
    "one class": ("TRUE", {}, "only one class"),
    "no labels": ("NULL::INTEGER", {}, "no labels"),
    "numbers for a classifier": (NUMBER, {}, "predicts classes"),
    "words for a regressor": (LEVELS, {"algorithm": "ridge"}, "predicts numbers"),
    "truth values for a regressor": (SIGNAL, {"algorithm": "linear_regression"}, "predicts numbers"),
    "days to predict": ("DATE '2024-01-01'", {}, "is DATE"),
    "a class that is not there": (SIGNAL, {"algorithm": "sklearn.linear_model.Rigde"}, "did you mean Ridge"),
    "a module that is not there": (SIGNAL, {"algorithm": "sklearn.linearmodel.Ridge"}, "no module sklearn.linearmodel"),
    "a transformer": (SIGNAL, {"algorithm": "sklearn.preprocessing.StandardScaler"}, "neither classifier nor regressor"),
    "a function's module": (SIGNAL, {"algorithm": "sklearn.linear_model.Any"}, "there is no Any"),
    "a task that it does not do": (SIGNAL, {"algorithm": "sklearn.linear_model.Ridge", "task": "classification"}, "does no classification"),
    "one that needs another": (SIGNAL, {"algorithm": "sklearn.ensemble.VotingClassifier"}, "refuses its params"),
}


@pytest.mark.parametrize(("target", "training", "fragment"), FAILS.values(), ids=FAILS)
def test_a_model_that_cannot_be_trained_says_why(project: Project, target: str, training: dict[str, Any], fragment: str) -> None:
    training_set(project, target)
    project.model("m", inputs=["rows"], training={**LOGISTIC, **training})
    result = failure(project, "model.m")
    assert fragment in result.error_message
    assert "Fix: " in result.error_message
    assert not (project.directory / "target" / "outputs" / "model" / "m").exists() or not any(
        (project.directory / "target" / "outputs" / "model" / "m").iterdir()
    )


@pytest.mark.parametrize(("sql", "fragment"), [
    ("SELECT * FROM rows WHERE FALSE", "is empty"),
    ("SELECT id, label FROM rows", "no features"),
    ("SELECT id, label, [x] AS many FROM rows", "the feature 'many' is "),
    ("SELECT id, label, {'a': x} AS deep FROM rows", "the feature 'deep' is "),
    ("SELECT id, label, x, CASE WHEN id = 3 THEN 'inf'::DOUBLE ELSE y END AS far FROM rows", "'far' has infinite values"),
])  # fmt: skip
def test_a_training_set_that_cannot_be_learned_from_says_why(project: Project, sql: str, fragment: str) -> None:
    training_set(project)
    project.model("m", sql=sql, training=LOGISTIC)
    assert fragment in failure(project, "model.m").error_message


def test_a_feature_may_have_the_name_of_a_result(project: Project) -> None:
    training_set(project)
    project.model("m", sql="SELECT id, label, x AS split, y AS key_0, colour AS extra_0 FROM rows", training=LOGISTIC,
                  output_columns=["prediction", "extra_0"])  # fmt: skip
    good(project)
    assert arrow(project, "model.m")["extra_0"].equals(arrow(project, "transform.rows")["colour"])


def test_a_key_with_the_name_of_a_result_is_refused(project: Project) -> None:
    training_set(project)
    project.model("m", sql="SELECT *, id AS split FROM rows", training={**LOGISTIC, "key": "split"})
    assert "the key 'split' is the name of a result too" in failure(project, "model.m").error_message


def test_two_inputs_without_a_body_are_refused(project: Project) -> None:
    training_set(project)
    project.transform("more", sql="SELECT 1 AS a")
    project.model("m", inputs=["rows", "more"], training=LOGISTIC)
    assert "exactly one input" in failure(project, "model.m").error_message


def test_options_on_the_line_are_those_of_the_yaml() -> None:
    found = define("model", [
        "churn", "--algorithm", "random_forest", "--target", "churned", "--labels", "labels", "--key", "a,b", "--features", "x,y",
        "--task", "classification", "--split-time", "d", "--train-until", "2024-06-01", "--param", "n_estimators=5", "max_depth=3",
        "--output-columns", "prediction,probability", "--min", "auc=0.7", "accuracy=0.6", "--max", "brier=0.2"], "")  # fmt: skip
    assert {k: v for k, v in found.config.items() if k in ("training", "output_columns", "tests")} == {
        "training": {"algorithm": "random_forest", "target": "churned", "label_source": "labels", "key": ["a", "b"],
                     "features": ["x", "y"], "task": "classification", "split": {"time_column": "d", "train_until": "2024-06-01"},
                     "params": {"n_estimators": 5, "max_depth": 3}},
        "output_columns": ["prediction", "probability"],
        "tests": [{"metric": "auc", "min": 0.7}, {"metric": "accuracy", "min": 0.6}, {"metric": "brier", "max": 0.2}],
    }  # fmt: skip


def test_the_peers_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "seeknal").mkdir()
    (tmp_path / "users.csv").write_text("user_id,age,plan\n" + "".join(f"{i},{20 + i % 40},{'ab'[i % 2]}\n" for i in range(200)))
    (tmp_path / "labels.csv").write_text("user_id,churned\n" + "".join(f"{i},{int(i % 40 > 20)}\n" for i in range(200)))
    (tmp_path / "seeknal" / "all.yml").write_text("""
kind: source
name: users
source: csv
table: users.csv
---
kind: source
name: labels
source: csv
table: labels.csv
---
kind: model
name: churn
description: who leaves
owner: ml@example.com
tags: [ml]
output_columns: [prediction, probability]
inputs:
  - ref: source.users
training:
  label_source: source.labels
  label_column: churned
  algorithm: random_forest
  params: {n_estimators: 5, max_depth: 3}
tests:
  - min_accuracy: 0.8
  - no_train_serve_skew: true
""")
    with contextlib.closing(Project.open(tmp_path)) as project:
        result = good(project)["model.churn"]
    assert result.metadata["metrics"]["accuracy"] >= 0.8
    assert [check["passed"] for check in result.metadata["checks"]] == [True, True]
    assert pa.parquet.read_table(next(tmp_path.glob("target/outputs/model/churn/*/data.parquet"))).column_names == ["user_id", "prediction", "probability"]


def test_trees_with_categories_are_kept_by_skops_and_a_partial_of_others_is_not(project: Project) -> None:
    body = """
import functools, os
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.preprocessing import FunctionTransformer
frame = pd.DataFrame({"a": pd.Categorical(["x", "y"] * 20), "b": range(40)})
trees = HistGradientBoostingClassifier(categorical_features="from_dtype", max_iter=2).fit(frame, [0, 1] * 20)
ctx.save_model(trees, "trees")
ctx.save_model(FunctionTransformer(functools.partial(os.system)), "other")
result = frame.head(1)
"""
    project.model("m", python=body)
    artefacts = {a["file"]: a["trusted"] for a in good(project)["model.m"].metadata["artefacts"]}
    assert artefacts == {"trees.skops": True, "other.joblib": False}


# One reading

DRAWN = """WITH q AS MATERIALIZED (SELECT range AS id, random() AS a FROM range(600))
SELECT id, a, CAST(a > 0.5 AS INTEGER) AS y FROM q"""


@pytest.mark.parametrize("labels", [False, True])
def test_labels_and_features_of_a_view_are_of_one_reading(project: Project, labels: bool) -> None:
    """A view that draws: of two draws, nothing could be learned."""
    project.transform("v", sql=DRAWN, materialized="view")
    training = {"algorithm": "decision_tree", "target": "y", "features": ["a"], "key": ["id"]}
    if labels:
        training |= {"label_source": "transform.v"}
    project.model("m", inputs=["transform.v"], training=training)
    assert good(project)["model.m"].metadata["metrics"]["accuracy"] > 0.97
    assert sorted(file.name for file in build_of(project, "model.m").parent.iterdir() if file.suffix == ".parquet") == ["data.parquet"]


def test_labels_of_a_view_are_counted_and_joined_in_one_reading(project: Project) -> None:
    """A view that draws which of two labels each key has: never both, and the one that was looked at."""
    project.transform("rows", sql="SELECT range AS id, range % 7 AS x FROM range(200)")
    doubled = "SELECT range % 200 AS id, range % 2 AS y FROM range(400) WHERE range < 200 OR random() < 0.002"
    project.transform("labels", sql=doubled, materialized="view")
    training = {"algorithm": "decision_tree", "target": "y", "key": ["id"], "label_source": "transform.labels"}
    for number in range(8):
        project.model(f"m{number}", inputs=["transform.rows", "transform.labels"], training=training)
    summary = run(project, continue_on_error=True)
    for number in range(8):
        result = summary[f"model.m{number}"]
        assert result.row_count == 200 if result.status == "success" else "doubled" in (result.error_message or "")


# What a metric was measured on


def test_a_check_of_a_metric_looked_at_the_rows_of_the_test_part(project: Project) -> None:
    result = model(project, tests=[{"metric": "auc", "min": 0.5}, {"metric": "auc", "max": 0.1, "severity": "warn"}, {"not_null": "prediction"}])
    tested = int((table(project).split == "test").sum())
    assert 0 < tested < 300
    assert [(check["passed"], check["rows"]) for check in result.checks] == [(True, tested), (False, tested), (True, 300)]
    project.node("rule", "r", on="model.m", checks=[{"metric": "accuracy", "min": 0}])
    good(project)
    assert arrow(project, "rule.r").to_pylist()[0]["rows"] == tested


def test_a_metric_of_a_body_is_of_rows_that_it_may_tell(project: Project) -> None:
    for logged, tested in (("score=1.0", None), ("score=1.0, n_test=7", 7)):
        project.model("m", python=f"ctx.log_metrics({logged})\nreturn [{{'p': 1}}]", tests=[{"metric": "score", "min": 0.9}])
        assert [check["rows"] for check in good(project)["model.m"].checks] == [tested]


def test_an_artefact_of_the_first_version_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """It names our functions as their module was called then."""
    import sys

    from sklearn.preprocessing import FunctionTransformer

    from seeknal_nb.kinds.models import artefacts, preparing

    monkeypatch.setitem(sys.modules, artefacts.FORMER, preparing)
    monkeypatch.setattr(preparing.as_numbers, "__module__", artefacts.FORMER)
    data, _ = artefacts._skopsed(FunctionTransformer(preparing.as_numbers))
    assert data is not None
    assert artefacts.FORMER.encode() in zipfile.ZipFile(io.BytesIO(data)).read("schema.json")
    monkeypatch.undo()
    sys.modules.pop(artefacts.FORMER, None)
    assert artefacts.read(data, "skops").func is preparing.as_numbers
