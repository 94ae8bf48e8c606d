"""Models: an estimator is fitted and kept as an artefact; the node's table is its predictions, so that others can read them.

With a Python body, the body does it all (``ctx.save_model``, ``ctx.log_metrics``) and gives the predictions. Without one,
``training`` names an algorithm of scikit-learn; the training set is the SQL body, or the one input.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import ManifestError, NodeError, near
from seeknal_nb.workflow.kinds.artefacts import save
from seeknal_nb.workflow.kinds.body import build_table, python_of, sql_of, store
from seeknal_nb.workflow.kinds.files import files_probe
from seeknal_nb.workflow.kinds.task import Kind, Task, result_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from seeknal_nb.dag.manifest import Node

__all__ = ["MODEL"]

ALGORITHMS: Mapping[str, tuple[str, str]] = {
    "logistic_regression": ("sklearn.linear_model", "LogisticRegression"),
    "linear_regression": ("sklearn.linear_model", "LinearRegression"),
    "random_forest": ("sklearn.ensemble", "RandomForestClassifier"),
    "random_forest_regressor": ("sklearn.ensemble", "RandomForestRegressor"),
    "gradient_boosting": ("sklearn.ensemble", "HistGradientBoostingClassifier"),
    "gradient_boosting_regressor": ("sklearn.ensemble", "HistGradientBoostingRegressor"),
}
DEFAULTS: Mapping[str, dict[str, Any]] = {"LogisticRegression": {"max_iter": 1000}}
TEST_SHARE = 0.2
SMALL = 1_000_000
"""Cells up to which a fit is small."""


@dataclass(frozen=True, slots=True)
class Training:
    """The options of ``training``: which algorithm, what it predicts from what, and which rows it is tested on."""

    algorithm: str
    target: str
    key: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    params: Mapping[str, Any] | None = None
    test_size: float = TEST_SHARE
    split_time: str | None = None
    train_until: str | None = None

    @classmethod
    def of(cls, node: Node) -> Training:
        """From a node's config; raises ``ManifestError`` for what is missing or not known."""
        found = dict(node.config.get("training") or {})
        split = found.pop("split", None) or {}
        names = {**found, "split_time": split.get("time_column"), "train_until": split.get("train_until")}
        unknown = set(names) - set(cls.__dataclass_fields__)
        for name in sorted(unknown):
            raise ManifestError(f"unknown option {name!r}", remedy=near(name, cls.__dataclass_fields__), node=node.id)
        for name in ("algorithm", "target"):
            if not names.get(name):
                raise ManifestError(f"no {name}", remedy=f"--{name} ..., or a Python body", node=node.id)
        for name in ("key", "features"):
            value = names.get(name) or ()
            names[name] = (value,) if isinstance(value, str) else tuple(value)
        if names["algorithm"] not in ALGORITHMS:
            remedy = near(str(names["algorithm"]), ALGORITHMS, what="algorithm")
            raise ManifestError(f"unknown algorithm {names['algorithm']!r}", remedy=remedy, node=node.id)
        return cls(**{name: value for name, value in names.items() if value is not None})


def _check(node: Node) -> None:
    if not python_of(node):
        Training.of(node)


def _execute(task: Task) -> dict[str, Any]:
    if python_of(task.node):
        table, logged = build_table(task)
        return result_of(table, logged)
    training = Training.of(task.node)
    sql = sql_of(task.node)
    frame = task.engine.query(task.sql(sql) if sql else f"SELECT * FROM {task.only_input()}")
    _need(training, frame)
    predictions, estimator, metrics = _fit(training, frame)
    artefact = save(estimator, task.stage, "model")
    return result_of(store(task, predictions), {"metrics": metrics, "artefacts": [artefact]})


def _need(training: Training, frame: pd.DataFrame) -> None:
    named = [training.target, *training.key, *training.features, *([training.split_time] if training.split_time else [])]
    for name in named:
        if name not in frame.columns:
            remedy = near(name, map(str, frame.columns), what="column")
            raise NodeError(f"there is no column {name!r} in the training set", remedy=remedy)
    if frame[training.target].isna().all():
        raise NodeError("the training set has no labels", remedy=f"fill {training.target}, or mend the query")


def _fit(training: Training, frame: pd.DataFrame) -> tuple[pd.DataFrame, Any, dict[str, Any]]:
    """Fit on the training part, in the order of the key, so that a refit gives the same estimator."""
    frame = frame.sort_values(list(training.key), kind="stable", ignore_index=True) if training.key else frame
    left_out = {training.target, *training.key, training.split_time}
    features = list(training.features) or [c for c in frame.columns if c not in left_out]
    test = _test_rows(training, frame)
    labelled = frame[training.target].notna()
    data = _plain(frame[features])
    estimator = _pipeline(training, data)
    target = frame[training.target]
    target = target.astype("int64") if str(target.dtype).lower().startswith("bool") and labelled.all() else target
    with _one_thread(data):
        estimator.fit(data[~test & labelled], target[~test & labelled])
    predictions = frame[[*training.key, training.target]].rename(columns={training.target: "target"})
    predictions.insert(len(training.key), "split", test.map({True: "test", False: "train"}))
    predictions["prediction"] = estimator.predict(data)
    if hasattr(estimator, "predict_proba") and len(estimator.classes_) == 2:  # noqa: PLR2004 - a probability of the other
        predictions["probability"] = estimator.predict_proba(data)[:, 1]
    positive = estimator.classes_[1] if "probability" in predictions else None
    return predictions, estimator, _metrics(predictions[test & labelled], int((~test & labelled).sum()), positive)


def _one_thread(data: pd.DataFrame) -> contextlib.AbstractContextManager[object]:
    """Small fits in one thread: on a busy machine, threads that wait for each other took 20 to 110 s instead of 0.6."""
    if data.size > SMALL:
        return contextlib.nullcontext()
    from threadpoolctl import threadpool_limits  # noqa: PLC0415 - scikit-learn brings it

    limits: contextlib.AbstractContextManager[object] = threadpool_limits(1)
    return limits


def _test_rows(training: Training, frame: pd.DataFrame) -> pd.Series:
    """By time where one is given, else by a hash of the key: the same row is always on the same side."""
    import pandas as pd  # noqa: PLC0415 - half a second

    if training.split_time:
        times = frame[training.split_time]
        until = pd.Timestamp(training.train_until) if training.train_until else times.quantile(1 - training.test_size)
        return times > until
    columns = list(training.key) or list(frame.columns)
    hashed = pd.util.hash_pandas_object(frame[columns], index=False)
    return (hashed % 1000) < round(training.test_size * 1000)


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Numbers as float64, times as seconds, the rest as text: what scikit-learn takes."""
    import pandas as pd  # noqa: PLC0415 - half a second

    def one(values: pd.Series) -> pd.Series:
        if pd.api.types.is_datetime64_any_dtype(values):
            return (values - pd.Timestamp(0, tz=values.dt.tz)).dt.total_seconds()
        if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
            return values.astype("float64")
        return values.astype("object").where(values.notna(), "")

    return frame.apply(one)


def _pipeline(training: Training, data: pd.DataFrame) -> Any:
    """Median for missing numbers and one scale; a column for each word that the training part had."""
    try:
        from importlib import import_module  # noqa: PLC0415

        from sklearn.compose import ColumnTransformer  # noqa: PLC0415 - of the [ml] extra, a second to import
        from sklearn.impute import SimpleImputer  # noqa: PLC0415
        from sklearn.pipeline import make_pipeline  # noqa: PLC0415
        from sklearn.preprocessing import OneHotEncoder, StandardScaler  # noqa: PLC0415

        module, name = ALGORITHMS[training.algorithm]
        algorithm = getattr(import_module(module), name)
    except ImportError as error:
        raise NodeError("scikit-learn is not installed", remedy="pip install 'seeknal_nb[ml]'") from error
    numbers = [c for c in data.columns if data[c].dtype == "float64"]
    words = [c for c in data.columns if c not in numbers]
    prepare = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
            ("words", OneHotEncoder(handle_unknown="ignore", sparse_output=False), words),
        ]
    )
    params = {**DEFAULTS.get(name, {}), **(training.params or {})}
    if "random_state" in algorithm().get_params():
        params.setdefault("random_state", 0)
    try:
        return make_pipeline(prepare, algorithm(**params))
    except TypeError as error:
        raise NodeError(f"{training.algorithm} refuses its params", why=str(error), remedy="mend training.params") from error


def _metrics(test: pd.DataFrame, trained: int, positive: object) -> dict[str, Any]:
    """On the test rows only; ``positive`` is the class that ``probability`` is about."""
    from sklearn import metrics  # noqa: PLC0415 - of the [ml] extra

    found: dict[str, Any] = {"n_train": trained, "n_test": len(test)}
    if test.empty:
        return found
    truth, guess = test["target"], test["prediction"]
    if "probability" in test and truth.nunique() == 2:  # noqa: PLR2004 - both classes
        is_positive = (truth.astype(guess.dtype) == positive).astype("int64")
        found |= {
            "auc": metrics.roc_auc_score(is_positive, test["probability"]),
            "log_loss": metrics.log_loss(is_positive, test["probability"]),
            "base_rate": is_positive.mean(),
        }
    if guess.dtype.kind == "f" and truth.nunique() > 2:  # noqa: PLR2004 - numbers, not classes
        found |= {
            "rmse": metrics.root_mean_squared_error(truth, guess),
            "mae": metrics.mean_absolute_error(truth, guess),
            "r2": metrics.r2_score(truth, guess),
        }
    else:
        found["accuracy"] = metrics.accuracy_score(truth.astype(guess.dtype), guess)
    return {name: round(float(value), 6) if isinstance(value, float) else int(value) for name, value in found.items()}


MODEL = Kind(execute=_execute, check=_check, probe=files_probe)
