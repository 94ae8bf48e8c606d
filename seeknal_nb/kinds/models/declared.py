"""What models say of themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal_nb.config import ANYTHING, BODY, MAPPING, TEXT, TEXTS, Key, option
from seeknal_nb.declaration import Declaration, Reference, body_of
from seeknal_nb.grammar import comma, params_of
from seeknal_nb.kinds.checks.declared import SEVERITY, related, statements_of_checks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["MODEL"]


def _reads(config: Mapping[str, Any]) -> Iterator[Reference]:
    """Tables of its checks, and the one that has the target."""
    yield from related(config)
    training = config.get("training")
    if isinstance(training, dict) and training.get("label_source"):
        yield Reference(training["label_source"])


def _of_line(options: Mapping[str, Any]) -> dict[str, Any]:
    """Bounds of metrics, as YAML has them."""
    tests = [
        {"metric": name, side: limit}
        for side in ("min", "max")
        for name, limit in params_of(options[side] or ()).items()
    ]  # fmt: skip
    return {"tests": tests} if tests else {}


_TRAINING = (
    Key(
        "algorithm", TEXT, "as logistic_regression, random_forest, sklearn.svm.SVR",
        option("--algorithm", metavar="NAME"),
    ),
    Key("target", TEXT, "what it predicts", option("--target", metavar="COLUMN")),
    Key("label_column", TEXT, "likewise, as the peer spells it"),
    Key(
        "label_source", TEXT, "whose table has the target, joined by the key",
        option("--labels", metavar="NODE"),
    ),
    Key("key", TEXTS, "what names a row", option("--key", type=comma, metavar="A,B")),
    Key(
        "features", TEXTS, "what it predicts from (default: all others)",
        option("--features", type=comma, metavar="A,B"),
    ),
    Key(
        "task", TEXT, "what it does (default: by the target)",
        option("--task", choices=("classification", "regression")),
    ),
    Key(
        "test_size", ANYTHING, "share of rows it is tested on (default: 0.2)",
        option("--test-size", type=float, metavar="SHARE"),
    ),
    Key(
        "split", MAPPING, "which rows test",
        within=(
            Key(
                "time_column", ANYTHING, "test on the latest rows by this column",
                option("--split-time", metavar="COLUMN"),
            ),
            Key(
                "train_until", ANYTHING, "with --split-time: train on rows up to then",
                option("--train-until", metavar="TIME"),
            ),
            Key(
                "column", ANYTHING, "test on the rows where this column is true",
                option("--split-column", metavar="COLUMN"),
            ),
        ),
    ),
    Key(
        "params", MAPPING, "arguments of the algorithm",
        option("--param", action="extend", nargs="+", metavar="K=V", becomes=params_of),
    ),
    Key("hyperparameters", MAPPING, "likewise, as the peer spells them"),
)  # fmt: skip

MODEL = Declaration(
    "model",
    "An estimator that is fitted, kept, and scored; its table is its predictions",
    "seeknal_nb.kinds.models.model:MODEL",
    keys=(
        *BODY,
        Key("training", MAPPING, "what the model is made from", within=_TRAINING),
        Key(
            "output_columns", ANYTHING, "what its table holds besides the key (default: all results)",
            option("--output-columns", type=comma, metavar="A,B"),
        ),
        Key("tests", ANYTHING, "bounds of its metrics, as {metric: auc, min: 0.7}, and checks of its table"),
        SEVERITY,
    ),
    line=(
        Key("min", ANYTHING, "fail below, as auc=0.7", option("--min", action="extend", nargs="+", metavar="METRIC=N")),
        Key("max", ANYTHING, "fail above, as rmse=10", option("--max", action="extend", nargs="+", metavar="METRIC=N")),
    ),
    of_line=_of_line,
    elsewhere={key.name: f"training holds it: {{{key.name}: ...}}" for key in _TRAINING},
    statements=lambda config: [*body_of(config), *statements_of_checks(config)],
    reads=_reads,
    verbs={
        "save_model": "seeknal_nb.kinds.models.bodies:save_model",
        "model": "seeknal_nb.kinds.models.bodies:model_of",
        "predict": "seeknal_nb.kinds.models.bodies:predict",
    },
)  # fmt: skip
