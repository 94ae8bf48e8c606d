"""How good a model is, measured on its test part; and which feature knows the answer too well. Fits and stores nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal_nb.kinds.models.preparing import as_numbers, as_words
from seeknal_nb.kinds.models.trainingset import TEST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np

    from seeknal_nb.kinds.models.estimators import Fitted
    from seeknal_nb.kinds.models.trainingset import Rows

    Array = np.ndarray[Any, Any]

__all__ = ["METRICS", "scores", "suspects"]

METRICS = (
    *("n_train", "n_test", "accuracy", "precision", "recall", "f1", "base_rate", "auc", "log_loss", "brier"),
    *("rmse", "mae", "r2"),
)
"""What ``scores`` may give."""
TOO_GOOD = 0.99
ENOUGH, LOOKED_AT = 20, 20_000
"""Rows from which a single feature is judged, and how many at most are looked at."""


def scores(fit: Fitted, rows: Rows, results: Mapping[str, Array]) -> dict[str, float]:
    """Metrics by name, of the test rows only.

    Two classes: ``precision``, ``recall``, ``f1``, ``auc``, ``log_loss``, ``brier`` and ``base_rate`` are about the second
    one of them. More classes: the unweighted mean over the classes; ``auc`` is each class against the rest.

    Args:
        fit: The estimator, and the truth.
        rows: Which rows test.
        results: What ``answers`` gave for all rows.
    """
    import numpy as np  # noqa: PLC0415 - whoever scores has it loaded

    test = np.asarray(rows.kept["split"].to_pylist()) == TEST
    counts = {"n_train": float(fit.trained.sum()), "n_test": float(test.sum())}
    if not test.any():
        return counts
    truth, part = fit.truth[test], {name: values[test] for name, values in results.items()}
    if fit.classes is None:
        return counts | _of_numbers(truth, part["prediction"])
    if len(fit.classes) == 2:  # noqa: PLR2004 - one class, or the other
        return counts | _of_two(truth, part, fit, rows, test)
    return counts | _of_many(truth, part, fit)


def _of_numbers(truth: Array, guess: Array) -> dict[str, float]:
    from sklearn import metrics  # noqa: PLC0415 - of the [ml] extra

    found = {"rmse": metrics.root_mean_squared_error(truth, guess), "mae": metrics.mean_absolute_error(truth, guess)}
    return found | ({"r2": metrics.r2_score(truth, guess)} if len(set(truth.tolist())) > 1 else {})


def _of_two(truth: Array, part: Mapping[str, Array], fit: Fitted, rows: Rows, test: Array) -> dict[str, float]:
    from sklearn import metrics  # noqa: PLC0415 - likewise

    positive = fit.classes[1] if fit.classes is not None else None
    is_so, said_so = truth == positive, part["prediction"] == positive
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(is_so, said_so, average="binary", zero_division=0)
    found = {
        "accuracy": metrics.accuracy_score(truth, part["prediction"]),
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "base_rate": is_so.mean(),
    }
    share = part.get("probability")
    if share is not None:
        found |= {
            "log_loss": metrics.log_loss(is_so, share, labels=[False, True]),
            "brier": metrics.brier_score_loss(is_so, share),
        }
    elif hasattr(fit.estimator, "decision_function"):
        share = fit.estimator.decision_function(rows.data[test])
    if share is not None and 0 < is_so.sum() < len(is_so):
        found["auc"] = metrics.roc_auc_score(is_so, share)
    return found


def _of_many(truth: Array, part: Mapping[str, Array], fit: Fitted) -> dict[str, float]:
    import numpy as np  # noqa: PLC0415 - whoever scores has it loaded
    from sklearn import metrics  # noqa: PLC0415 - of the [ml] extra

    averages = metrics.precision_recall_fscore_support(truth, part["prediction"], average="macro", zero_division=0)
    found = {"accuracy": metrics.accuracy_score(truth, part["prediction"])}
    found |= dict(zip(("precision", "recall", "f1"), averages[:3], strict=True))
    shares = [values for name, values in part.items() if name.startswith("probability_")]
    if not shares or fit.classes is None or not set(truth.tolist()) <= set(fit.classes.tolist()):
        return found
    table, labels = np.column_stack(shares), fit.classes
    found["log_loss"] = metrics.log_loss(truth, table, labels=labels)
    if len(set(truth.tolist())) == len(labels):  # a class without a row has no curve
        found["auc"] = metrics.roc_auc_score(truth, table, labels=labels, multi_class="ovr")
    return found


def suspects(fit: Fitted, rows: Rows) -> Iterator[str]:
    """Warnings of features that alone tell two classes apart: often they were known only after the answer was."""
    if fit.classes is None or len(fit.classes) != 2 or fit.trained.sum() < ENOUGH:  # noqa: PLR2004 - of two
        return
    step = -(-int(fit.trained.sum()) // LOOKED_AT)
    data, answer = rows.data[fit.trained][::step], (fit.truth == fit.classes[1])[fit.trained][::step]
    for name in rows.data.columns:
        values = as_numbers(data[[name]])[name].to_numpy() if name in rows.numbers else _rates(data[[name]], answer)
        alone = _alone(values, answer)
        if alone > TOO_GOOD:
            yield f"the feature {name!r} alone tells the target (AUC {alone:.3f}): is it known only after the answer?"


def _rates(data: Any, answer: Array) -> Array:
    """A word as the share of its rows that are positive; words that are nearly as many as rows tell nothing."""
    import numpy as np  # noqa: PLC0415 - whoever scores has it loaded
    import pandas as pd  # noqa: PLC0415 - likewise

    words = as_words(data).iloc[:, 0].to_numpy()
    if len(set(words)) > len(words) / 10:
        return np.full(len(words), np.nan)
    known = pd.Series(answer.astype("float64"))
    return known.groupby(words).transform("mean").to_numpy()


def _alone(values: Array, answer: Array) -> float:
    import numpy as np  # noqa: PLC0415 - whoever scores has it loaded
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415 - of the [ml] extra

    known = ~np.isnan(values)
    if known.sum() < ENOUGH or len(set(answer[known].tolist())) == 1:
        return 0.0
    found = float(roc_auc_score(answer[known], values[known]))
    return max(found, 1 - found)
