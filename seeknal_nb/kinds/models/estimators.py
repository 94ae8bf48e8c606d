"""Estimators of scikit-learn by name: prepared, fitted so that a refit is the same, and asked. Knows no node and no SQL."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import NodeError, near
from seeknal_nb.kinds.models.preparing import as_numbers, as_words
from seeknal_nb.kinds.models.training import ALGORITHMS
from seeknal_nb.kinds.models.trainingset import TRAIN
from seeknal_nb.kinds.thread_warnings import warned

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np
    import pandas as pd
    import pyarrow as pa

    from seeknal_nb.kinds.models.training import Training
    from seeknal_nb.kinds.models.trainingset import Rows

__all__ = ["Fitted", "answers", "fitted", "versions"]

DEFAULTS: Mapping[str, dict[str, Any]] = {"LogisticRegression": {"max_iter": 1000}, "DummyClassifier": {"strategy": "prior"}}
SMALL = 20_000_000
"""Cells up to which a fit has one thread."""
FEW = 20
"""Whole numbers up to which a target is classes, where the algorithm does not say."""
MOST_WORDS = 100
"""Columns that the words of one feature become; rarer words share one."""
MOST_CLASSES = 100
"""Classes up to which each has a column for its probability."""
BROKEN = (ValueError, TypeError, ArithmeticError, AttributeError)
"""What scikit-learn raises for data or parameters that it cannot take."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """An estimator, and what it was fitted on.

    Attributes:
        estimator: A pipeline from a frame with the feature columns to predictions.
        task: ``classification`` or ``regression``.
        name: The dotted name of the algorithm's class.
        truth: The target of every row as the estimator knows it; anything where there is none.
        trained: Which rows it was fitted on.
        classes: Sorted classes; None for a regression.
        warnings: What it warned of.
    """

    estimator: Any
    task: str
    name: str
    truth: np.ndarray[Any, Any]
    trained: np.ndarray[Any, Any]
    classes: np.ndarray[Any, Any] | None
    warnings: tuple[str, ...] = ()


def fitted(training: Training, rows: Rows) -> Fitted:
    """Fit on the training part.

    Raises:
        NodeError: The target does not suit the algorithm, the training part teaches nothing, or it refuses its params.
    """
    import numpy as np  # noqa: PLC0415 - whoever fits has it loaded

    trained = np.asarray(rows.kept["split"].to_pylist()) == TRAIN
    if not trained.any():
        raise _no_rows(rows)
    labels = rows.kept["target"].filter(trained)
    algorithm, task = _algorithm(training, labels)
    truth = _truth(rows.kept["target"], task)
    if task == "classification" and len(set(truth[trained].tolist())) == 1:
        why = f"all {trained.sum():,} training rows have {training.target} = {truth[trained][0]}"
        raise NodeError("there is only one class to learn", why=why, remedy="mend the query, or the split")
    estimator = _pipeline(rows, _configured(training, algorithm))
    _finite(rows)
    with _one_thread(rows.data.size), warned() as said:
        try:
            estimator.fit(rows.data[trained], truth[trained])
        except BROKEN as error:
            raise NodeError(f"{training.algorithm} cannot be fitted", why=str(error)[:1000], remedy="mend its params or the "
                            "training set") from error  # fmt: skip
    if "n_jobs" in estimator[-1].get_params():  # sums of several threads differ in their last bits
        estimator[-1].set_params(n_jobs=None)
    classes = estimator.classes_ if task == "classification" else None
    name = f"{algorithm.__module__}.{algorithm.__name__}"
    return Fitted(estimator, task, name, truth, trained, classes, (*said, *_notes(rows, trained)))


def _no_rows(rows: Rows) -> NodeError:
    if rows.kept["target"].null_count == rows.kept.num_rows:
        return NodeError("the training set has no labels", remedy="fill the target, or mend the query")
    why = rows.border or "its split puts all labelled rows elsewhere"
    return NodeError("the training part is empty", why=why, remedy="choose another split, or give it more rows")


def _algorithm(training: Training, labels: pa.ChunkedArray) -> tuple[Any, str]:
    """The class that fits, and what it does."""
    if training.algorithm not in ALGORITHMS:
        algorithm = _dotted(training.algorithm)
        task = _task_of(algorithm)
        if training.task not in (None, task):
            raise NodeError(f"{training.algorithm} does no {training.task}", remedy="take task away")
    else:
        classifier, regressor = ALGORITHMS[training.algorithm]
        task = training.task or (
            "classification" if regressor is None or (classifier and _is_classes(labels)) else "regression"
        )
        algorithm = _dotted((classifier if task == "classification" else regressor) or "")
    _suits(training, labels, task)
    return algorithm, task


def _is_classes(labels: pa.ChunkedArray) -> bool:
    """Words and truth values, up to 20 different integers, and other numbers that are all 0 or 1."""
    import pyarrow as pa  # noqa: PLC0415 - 0.2 s, and SQL nodes do without it

    if not _is_numeric(labels.type, pa):
        return True
    different = set(labels.unique().to_pylist())
    return len(different) <= FEW if pa.types.is_integer(labels.type) else different <= {0, 1}


def _is_numeric(kind: Any, pa: Any) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _suits(training: Training, labels: pa.ChunkedArray, task: str) -> None:
    import pyarrow as pa  # noqa: PLC0415 - likewise

    numeric = _is_numeric(labels.type, pa)
    if task == "regression" and not numeric:
        why = f"{training.target} is {labels.type}"
        raise NodeError(f"{training.algorithm} predicts numbers", why=why, remedy="take logistic_regression or its like")
    if task == "classification" and numeric and not pa.types.is_integer(labels.type):
        odd = next((value for value in labels.unique().to_pylist() if value != int(value)), None)
        if odd is not None:
            why = f"{training.target} is {odd} in places"
            raise NodeError(f"{training.algorithm} predicts classes", why=why, remedy="take linear_regression or its like")


def _truth(target: pa.ChunkedArray, task: str) -> np.ndarray[Any, Any]:
    """The target as the estimator gets it; where there is none, a value of the same type."""
    import numpy as np  # noqa: PLC0415 - likewise
    import pyarrow as pa  # noqa: PLC0415 - likewise

    kind = target.type
    if task == "regression" or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return np.asarray([float("nan") if v is None else float(v) for v in target.to_pylist()], dtype="float64")
    if pa.types.is_integer(kind):
        return np.asarray([0 if v is None else v for v in target.to_pylist()], dtype="int64")
    if pa.types.is_boolean(kind):
        return np.asarray([bool(v) for v in target.to_pylist()])
    return np.asarray(["" if v is None else str(v) for v in target.to_pylist()], dtype=str)


def _dotted(name: str) -> Any:
    """A class by its place in scikit-learn."""
    try:
        import sklearn.utils  # noqa: F401, PLC0415 - of the [ml] extra, a second to import
    except ImportError as error:
        raise NodeError("scikit-learn is not installed", remedy="pip install 'seeknal_nb[ml]'") from error
    from importlib import import_module  # noqa: PLC0415

    place, _, last = name.rpartition(".")
    try:
        module = import_module(place)
    except ImportError as error:
        raise NodeError(f"there is no module {place}", why=str(error), remedy="as sklearn.linear_model.Ridge") from error
    known = [one for one in getattr(module, "__all__", dir(module)) if one[:1].isupper()]
    if last not in known:
        raise NodeError(f"there is no {last} in {place}", remedy=near(last, known, what="class"))
    return getattr(module, last)


def _task_of(algorithm: Any) -> str:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin  # noqa: PLC0415 - of the [ml] extra

    for mixin, task in ((ClassifierMixin, "classification"), (RegressorMixin, "regression")):
        if isinstance(algorithm, type) and issubclass(algorithm, mixin) and issubclass(algorithm, BaseEstimator):
            return task
    name = getattr(algorithm, "__name__", str(algorithm))
    raise NodeError(f"{name} is neither classifier nor regressor", remedy="use it in a Python body")


def _configured(training: Training, algorithm: Any) -> Any:
    """The algorithm with its params; what is left to chance has a fixed seed."""
    try:
        known = list(algorithm._get_param_names())  # noqa: SLF001 - get_params needs an instance, and some take no defaults
        for name in training.params:
            if name not in known:
                raise NodeError(
                    f"{training.algorithm} has no parameter {name!r}", remedy=near(name, known, what="parameter")
                )
        seed = {"random_state": 0} if "random_state" in known else {}
        return algorithm(**{**DEFAULTS.get(algorithm.__name__, {}), **seed, **training.params})
    except TypeError as error:
        raise NodeError(f"{training.algorithm} refuses its params", why=str(error), remedy="mend training.params") from error


def _pipeline(rows: Rows, algorithm: Any) -> Any:
    """Median for missing numbers and one scale; a column for each word that the training part had."""
    from sklearn.compose import ColumnTransformer  # noqa: PLC0415 - of the [ml] extra
    from sklearn.impute import SimpleImputer  # noqa: PLC0415
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler  # noqa: PLC0415

    def through(function: Any) -> Any:
        return FunctionTransformer(function, feature_names_out="one-to-one")

    encoder = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=MOST_WORDS, sparse_output=False)
    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    prepare = ColumnTransformer(
        [
            ("numbers", make_pipeline(through(as_numbers), imputer, StandardScaler()), list(rows.numbers)),
            ("words", make_pipeline(through(as_words), encoder), list(rows.words)),
        ]
    )
    return make_pipeline(prepare, algorithm)


def _finite(rows: Rows) -> None:
    """scikit-learn refuses infinite numbers without a word about where they are."""
    import numpy as np  # noqa: PLC0415 - likewise

    for name in rows.numbers:
        if np.isinf(as_numbers(rows.data[[name]]).to_numpy()).any():
            raise NodeError(
                f"the feature {name!r} has infinite values", remedy=f"CASE WHEN isfinite({name}) THEN {name} END"
            )


def _notes(rows: Rows, trained: np.ndarray[Any, Any]) -> Iterable[str]:
    """What was done to features that their owner may not expect."""
    part = rows.data[trained]
    for name in rows.data.columns:
        if part[name].isna().all():
            yield f"the feature {name!r} has no values in the training part: it tells nothing"
        elif name in rows.words and part[name].nunique() > MOST_WORDS:
            yield f"the feature {name!r} has {part[name].nunique():,} words: the rarer ones count as one"


def answers(estimator: Any, data: pd.DataFrame) -> dict[str, Any]:
    """``prediction``; and ``probability`` of the second of two classes, or ``probability_<class>`` of each."""
    classes = getattr(estimator, "classes_", None)
    with _one_thread(data.size):
        found = {"prediction": estimator.predict(data)}
        if classes is None or not hasattr(estimator, "predict_proba") or len(classes) > MOST_CLASSES:
            return found
        shares = estimator.predict_proba(data)
    if len(classes) == 2:  # noqa: PLR2004 - the probability of the other is what is missing to one
        return {**found, "probability": shares[:, 1]}
    return found | {f"probability_{name}": shares[:, number] for number, name in enumerate(classes.tolist())}


def _one_thread(cells: int) -> contextlib.AbstractContextManager[object]:
    """One thread, unless the fit is large: on a busy machine, threads wait for each other.

    300,000 rows x 6 of gradient boosting, at a load of 9 on 2 cores: 24 s in one thread, 142 s in two.
    """
    if cells > SMALL:
        return contextlib.nullcontext()
    from threadpoolctl import threadpool_limits  # noqa: PLC0415 - scikit-learn brings it

    limits: contextlib.AbstractContextManager[object] = threadpool_limits(1)
    return limits


def versions() -> dict[str, str]:
    """The versions of what fits and keeps models, of those that are installed; imports none of them."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - 20 ms

    found = {}
    for name in ("scikit-learn", "skops"):
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
