"""Models: what they predict, what their numbers are of, and what cannot be trained."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from kinds import arrow, build_of, failure, good, rows
from seeknal_nb import Project
from seeknal_nb.errors import ManifestError

SET = """
SELECT i AS id, (i * 37 % 101) / 101.0 AS x, (i * 53 % 97) / 97.0 AS y, ['red', 'blue', NULL][1 + i % 3] AS colour,
       DATE '2024-01-01' + CAST(i % 100 AS INTEGER) AS day, {target} AS churned
FROM range({rows}) t(i)
"""
SIGNAL = "((i * 37 % 101) / 101.0 + (i * 53 % 97) / 97.0 > 1)"


def training_set(project: Project, target: str = SIGNAL, size: int = 400) -> None:
    project.transform("training_set", sql=SET.format(target=target, rows=size))


def test_a_model_by_name_predicts_every_row_and_its_metrics_are_of_the_test_part(project):
    """KINDS § 1.5: the peer ignores test_size and measures on the training rows."""
    from sklearn import metrics

    training_set(project)
    project.model("churn", inputs=["training_set"], training={"algorithm": "logistic_regression", "target": "churned", "key": "id"})
    result = good(project)["model.churn"]
    table = arrow(project, "model.churn").to_pandas()
    assert table.columns.tolist() == ["id", "split", "target", "prediction", "probability"]
    assert table["id"].tolist() == list(range(400))
    test = table[table["split"] == "test"]
    found = result.metadata["metrics"]
    assert (found["n_test"], found["n_train"]) == (len(test), 400 - len(test))
    assert 40 < len(test) < 120  # 0.2 of 400, by a hash
    truth = test["target"].astype(int)
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(truth, test["prediction"]), abs=1e-6)
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(truth, test["probability"]), abs=1e-6)
    assert found["auc"] != pytest.approx(metrics.roc_auc_score(table["target"].astype(int), table["probability"]), abs=1e-9)
    assert found["auc"] > 0.95


@pytest.mark.parametrize("algorithm", ["logistic_regression", "random_forest", "gradient_boosting"])
def test_a_refit_gives_the_same_bytes(project, algorithm):
    training_set(project)
    project.model("m", inputs=["training_set"], training={"algorithm": algorithm, "target": "churned", "key": ["id"]})
    good(project)
    first = build_of(project, "model.m").read_bytes()
    good(project, full=True)
    assert build_of(project, "model.m").read_bytes() == first
    other = Project(project.directory, state_dir=project.directory / "elsewhere" / "state")
    training_set(other)
    other.model("m", inputs=["training_set"], training={"algorithm": algorithm, "target": "churned", "key": ["id"]})
    good(other)
    (again,) = (project.directory / "elsewhere" / "outputs" / "model" / "m").glob("*/data.parquet")
    assert again.read_bytes() == first
    other.close()


TARGETS = {
    "booleans": SIGNAL,
    "0 and 1": f"CASE WHEN {SIGNAL} THEN 1 ELSE 0 END",
    "words": f"CASE WHEN {SIGNAL} THEN 'yes' ELSE 'no' END",
    "three classes": "CASE WHEN i * 37 % 101 < 33 THEN 'low' WHEN i * 37 % 101 < 66 THEN 'mid' ELSE 'high' END",
    "three numbers": "CAST(floor((i * 37 % 101) / 34) AS INTEGER)",
    "booleans, some unknown": f"CASE WHEN i % 10 = 0 THEN NULL ELSE {SIGNAL} END",
    "0 and 1, some unknown": f"CASE WHEN i % 10 = 0 THEN NULL WHEN {SIGNAL} THEN 1 ELSE 0 END",
    "words, some unknown": f"CASE WHEN i % 10 = 0 THEN NULL WHEN {SIGNAL} THEN 'yes' ELSE 'no' END",
}


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_a_classifier_takes_labels_of_any_kind(project, target):
    training_set(project, target)
    project.model("m", inputs=["training_set"], training={"algorithm": "random_forest", "target": "churned", "key": "id"})
    found = good(project)["model.m"].metadata["metrics"]
    table = arrow(project, "model.m").to_pandas()
    known = table["target"].notna()
    test = table[known & (table["split"] == "test")]
    assert (found["n_test"], found["n_train"]) == (len(test), int(known.sum()) - len(test))
    same = [str(int(t) if isinstance(t, (bool, float, int)) else t) == str(int(p) if isinstance(p, (bool, float, int)) else p)
            for t, p in zip(test["target"].tolist(), test["prediction"].tolist(), strict=True)]  # fmt: skip
    assert found["accuracy"] == pytest.approx(sum(same) / len(same), abs=1e-6)
    assert found["accuracy"] > 0.8


def test_a_regressor_is_measured_by_its_errors(project):
    training_set(project, "3 * (i * 37 % 101) / 101.0 - (i * 53 % 97) / 97.0 + 1")
    project.model("m", inputs=["training_set"], training={"algorithm": "linear_regression", "target": "churned", "key": "id",
                                                          "features": ["x", "y"]})  # fmt: skip
    found = good(project)["model.m"].metadata["metrics"]
    assert found["rmse"] < 1e-6
    assert found["r2"] == pytest.approx(1)
    assert "accuracy" not in found


def test_a_split_by_time_tests_on_the_latest_rows(project):
    training_set(project)
    project.model("m", inputs=["training_set"], training={
        "algorithm": "logistic_regression", "target": "churned", "key": ["id", "day"],
        "split": {"time_column": "day", "train_until": "2024-03-15"},
    })  # fmt: skip
    good(project)
    table = arrow(project, "model.m").to_pandas()
    late = pd.to_datetime(table["day"]) > pd.Timestamp("2024-03-15")
    assert (table["split"] == "test").tolist() == late.tolist()
    assert late.any()


def test_a_row_stays_on_its_side_when_rows_are_added(project):
    """KINDS § 1.5: the split is stable under new rows."""
    sides = []
    for size in (300, 400):
        training_set(project, size=size)
        project.model("m", inputs=["training_set"], training={"algorithm": "logistic_regression", "target": "churned", "key": "id"})
        good(project)
        table = arrow(project, "model.m").to_pandas()
        sides.append(dict(zip(table["id"], table["split"], strict=True)))
    assert all(sides[1][key] == side for key, side in sides[0].items())


def test_a_model_in_sql_trains_on_its_own_query(project):
    training_set(project)
    project.model("m", sql="SELECT id, x, y, churned FROM training_set WHERE id < 200",
                  training={"algorithm": "logistic_regression", "target": "churned", "key": "id"})  # fmt: skip
    assert good(project)["model.m"].row_count == 200


def test_a_later_node_loads_the_artefact(project):
    training_set(project)
    project.model("churn", inputs=["training_set"], training={"algorithm": "logistic_regression", "target": "churned",
                                                              "key": "id", "features": ["x", "y"]})  # fmt: skip
    project.transform("scored", inputs=["churn", "training_set"], python=(
        "model = ctx.model('churn')\nframe = ref('training_set')\n"
        "result = frame[['id']].assign(again=model.predict(frame[['x', 'y']]))"
    ))  # fmt: skip
    good(project)
    predicted = arrow(project, "model.churn").to_pandas().set_index("id")["prediction"]
    again = arrow(project, "transform.scored").to_pandas().set_index("id")["again"]
    assert predicted.tolist() == again.loc[predicted.index].tolist()


def test_a_model_in_python_keeps_its_estimator_and_its_numbers(project):
    training_set(project)
    project.model("m", python=(
        "from sklearn.linear_model import LogisticRegression\n"
        "def m(training_set, ctx):\n"
        "    model = LogisticRegression().fit(training_set[['x', 'y']], training_set['churned'])\n"
        "    ctx.save_model(model)\n    ctx.save_model(model, 'second')\n"
        "    ctx.log_metrics(score=model.score(training_set[['x', 'y']], training_set['churned']), n=3)\n"
        "    return training_set[['id']].assign(p=model.predict_proba(training_set[['x', 'y']])[:, 1])\n"
    ))  # fmt: skip
    project.transform("t", inputs=["m"], python="result = [{'a': float(ctx.model('m', 'second').coef_[0][0])}]")
    result = good(project)["model.m"]
    assert result.metadata["metrics"]["n"] == 3
    assert 0.9 < result.metadata["metrics"]["score"] <= 1
    assert rows(project, "transform.t")[0][0] > 0


BAD_MODELS: dict[str, tuple[dict[str, Any], str]] = {
    "a target that is not there": ({"algorithm": "logistic_regression", "target": "churnd"}, "did you mean churned"),
    "a key that is not there": ({"algorithm": "logistic_regression", "target": "churned", "key": "idd"}, "did you mean id"),
    "a feature that is not there": ({"algorithm": "logistic_regression", "target": "churned", "features": ["z"]}, "'z'"),
    "a parameter that it does not know": (
        {"algorithm": "logistic_regression", "target": "churned", "params": {"depth": 3}}, "depth"),
}  # fmt: skip


@pytest.mark.parametrize(("training", "fragment"), BAD_MODELS.values(), ids=BAD_MODELS)
def test_a_model_that_cannot_be_trained_says_why(project, training, fragment):
    training_set(project)
    project.model("m", inputs=["training_set"], training=training)
    assert fragment in failure(project, "model.m").error_message


@pytest.mark.parametrize(("training", "fragment"), [
    ({"target": "y"}, "no algorithm"), ({"algorithm": "logistic_regression"}, "no target"),
    ({"algorithm": "logistic_regresion", "target": "y"}, "did you mean logistic_regression"),
    ({"algorithm": "random_forest", "target": "y", "test_sise": 0.5}, "did you mean test_size"),
])  # fmt: skip
def test_a_model_that_is_not_whole_is_refused_at_definition(project, training, fragment):
    with pytest.raises(ManifestError, match=fragment):
        project.node("model", "m", training=training)


def test_a_training_set_without_labels_says_so(project):
    training_set(project, "NULL::INTEGER")
    project.model("m", inputs=["training_set"], training={"algorithm": "logistic_regression", "target": "churned"})
    assert "no labels" in failure(project, "model.m").error_message
