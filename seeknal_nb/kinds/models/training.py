"""What ``training`` of a model says: algorithm, target, features, and which rows test. Values only; reads no data."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seeknal_nb.config import refuse_unknown_names
from seeknal_nb.engines.names import doubled
from seeknal_nb.errors import ManifestError, near

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal_nb.dag.manifest import Node

__all__ = ["ALGORITHMS", "KEYS", "Split", "Training", "output_columns", "tests_of"]

_BOTH: Mapping[str, tuple[str, str]] = {
    "decision_tree": ("sklearn.tree.DecisionTreeClassifier", "sklearn.tree.DecisionTreeRegressor"),
    "random_forest": ("sklearn.ensemble.RandomForestClassifier", "sklearn.ensemble.RandomForestRegressor"),
    "extra_trees": ("sklearn.ensemble.ExtraTreesClassifier", "sklearn.ensemble.ExtraTreesRegressor"),
    "gradient_boosting": (
        "sklearn.ensemble.HistGradientBoostingClassifier",
        "sklearn.ensemble.HistGradientBoostingRegressor",
    ),
    "knn": ("sklearn.neighbors.KNeighborsClassifier", "sklearn.neighbors.KNeighborsRegressor"),
    "svm": ("sklearn.svm.SVC", "sklearn.svm.SVR"),
    "dummy": ("sklearn.dummy.DummyClassifier", "sklearn.dummy.DummyRegressor"),
}
ALGORITHMS: Mapping[str, tuple[str | None, str | None]] = {
    "logistic_regression": ("sklearn.linear_model.LogisticRegression", None),
    "naive_bayes": ("sklearn.naive_bayes.GaussianNB", None),
    "linear_regression": (None, "sklearn.linear_model.LinearRegression"),
    "ridge": (None, "sklearn.linear_model.Ridge"),
    "lasso": (None, "sklearn.linear_model.Lasso"),
    "elastic_net": (None, "sklearn.linear_model.ElasticNet"),
    **_BOTH,
    **{f"{name}_classifier": (classifier, None) for name, (classifier, _) in _BOTH.items()},
    **{f"{name}_regressor": (None, regressor) for name, (_, regressor) in _BOTH.items()},
}
"""By name: what predicts classes, and what predicts numbers. A name that has both goes by the target."""
DOTTED = re.compile(r"sklearn(\.[a-z][a-z0-9_]*)+\.[A-Z]\w*")
"""An algorithm by its place in scikit-learn; its private modules do not match."""
ELSEWHERE = ("xgboost", "xgboost_regressor", "xgboost_classifier", "lightgbm", "catboost")
TASKS = ("classification", "regression")
TEST_SHARE = 0.2
KEYS = ("algorithm", "target", "label_column", "label_source", "key", "features", "params", "hyperparameters", "test_size",
        "split", "task")  # fmt: skip
SYNONYMS: Mapping[str, str] = {"label_column": "target", "hyperparameters": "params"}
"""The peer's words, and ours."""


@dataclass(frozen=True, slots=True)
class Split:
    """Which rows test: those that a column names, the latest ones, else a share by a hash of the key.

    Attributes:
        column: A BOOLEAN (true tests), 0 and 1, or the words train and test.
        time_column: By it, the latest rows test.
        train_until: The latest time of the training part; without it, the border is where ``test_size`` puts it.
        test_size: Share of the rows that test.
    """

    column: str | None = None
    time_column: str | None = None
    train_until: str | None = None
    test_size: float = TEST_SHARE

    @classmethod
    def of(cls, options: Mapping[str, Any], test_size: object) -> Split:
        """From ``split`` and ``test_size``; raises ``ManifestError`` for what does not go together."""
        known = ("column", "time_column", "train_until")
        refuse_unknown_names(options, known, "split", what="option")
        for name in known[:2]:
            if options.get(name) is not None and not isinstance(options[name], str):
                raise ManifestError(f"split.{name} must name a column", why=f"it is {options[name]!r}", remedy="day")
        column, time, until = (options.get(name) for name in known)
        if column and (time or until):
            raise ManifestError(
                "two splits", why="column and time_column both say which rows test", remedy="keep one of them"
            )
        if until is not None and not time:
            raise ManifestError("train_until without time_column", remedy="say which column is the time: --split-time day")
        if test_size is not None and (column or until is not None):
            raise ManifestError("test_size is not read", why="split says which rows test", remedy="take test_size away")
        return cls(column, time, None if until is None else str(until), _share(test_size))


def _share(value: object) -> float:
    value = _typed(value)
    if value is None or _open(value):
        return TEST_SHARE
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1:
        raise ManifestError(
            "test_size must be a share between 0 and 1", why=f"it is {value!r}", remedy="--test-size 0.2, in YAML test_size"
        )
    return float(value)


def _open(value: object) -> bool:
    """Whether a parameter is yet to be put in: at definition nobody has its value."""
    return isinstance(value, str) and "{{" in value


def _typed(value: object) -> Any:
    """A parameter comes as text: ``"100"`` is a number."""
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value
    return found if isinstance(found, (bool, int, float)) else value


@dataclass(frozen=True, slots=True)
class Training:
    """How a model is trained.

    Attributes:
        algorithm: A name of ``ALGORITHMS``, or the dotted name of a class of scikit-learn.
        target: The column that it predicts.
        key: The columns that name a row; () where nothing does.
        features: The columns that it predicts from; () for all others.
        params: Arguments of the algorithm.
        split: Which rows test.
        task: ``classification`` or ``regression``; None goes by the algorithm, then by the target.
        label_source: The node whose table has the target, joined by the key; None where the training set has it.
    """

    algorithm: str
    target: str
    key: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    split: Split = field(default_factory=Split)
    task: str | None = None
    label_source: str | None = None

    @classmethod
    def of(cls, node: Node) -> Training:
        """From a node's config; raises ``ManifestError`` for what is missing, not known, or makes no sense together."""
        found = _own_words({k: v for k, v in (node.config.get("training") or {}).items() if v is not None})
        for name in ("algorithm", "target"):
            if not found.get(name):
                raise ManifestError(f"no {name}", remedy=f"--{name} ..., or a Python body")
        made = cls(
            found["algorithm"], found["target"], _names(found, "key"), _names(found, "features"), _params(found),
            Split.of(found.get("split") or {}, found.get("test_size")), found.get("task"), found.get("label_source"),
        )  # fmt: skip
        made._check()
        return made

    def _check(self) -> None:
        if self.algorithm not in ALGORITHMS and not DOTTED.fullmatch(self.algorithm) and not _open(self.algorithm):
            raise _unknown(self.algorithm)
        if self.task is not None and self.task not in TASKS:
            raise ManifestError(f"unknown task {self.task!r}", remedy=near(str(self.task), TASKS, what="task"))
        if self.task and self.algorithm in ALGORITHMS and not ALGORITHMS[self.algorithm][TASKS.index(self.task)]:
            raise ManifestError(f"{self.algorithm} does no {self.task}", remedy="take task away, or another algorithm")
        for name in {self.target, self.split.column} & set(self.features):
            raise ManifestError(
                f"{name!r} is a feature", why="it would tell the answer", remedy="take it away from features"
            )
        if self.target in (*self.key, *self.split_columns):
            raise ManifestError(f"the target {self.target!r} is in key or split too", remedy="name another column")

    @property
    def split_columns(self) -> tuple[str, ...]:
        """The columns that say which rows test, besides the key."""
        return tuple(name for name in (self.split.column, self.split.time_column) if name)


def _own_words(options: Mapping[str, Any]) -> dict[str, Any]:
    """The peer's words as ours."""
    refuse_unknown_names(options, KEYS, "training", what="option")
    for theirs, ours in SYNONYMS.items():
        if theirs in options and ours in options:
            raise ManifestError(f"{theirs} and {ours} both", why="they mean the same", remedy=f"keep {ours}")
    return {SYNONYMS.get(name, name): value for name, value in options.items()}


def _params(options: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name): _typed(value) for name, value in (options.get("params") or {}).items()}


def _names(options: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = options.get(key) or ()
    names = (value,) if isinstance(value, str) else tuple(value)
    wrong = [value] if isinstance(value, dict) else [name for name in names if not isinstance(name, str) or not name]
    if wrong or len(set(names)) < len(names):
        why = f"it has {wrong[0]!r}" if wrong else "it names a column twice"
        raise ManifestError(f"training.{key} must name columns", why=why, remedy=f"{key}: [a, b]")
    return names


def _unknown(name: str) -> ManifestError:
    if name in ELSEWHERE:
        return ManifestError(
            f"{name} is no algorithm here",
            why="training knows scikit-learn only",
            remedy=f"gradient_boosting is its like there; or train with {name.partition('_')[0]} in a Python body",
        )
    dotted = "; or write a class of scikit-learn, as sklearn.linear_model.Ridge" if "." in name else ""
    return ManifestError(f"unknown algorithm {name!r}", remedy=near(name, ALGORITHMS, what="algorithm") + dotted)


def output_columns(node: Node) -> tuple[dict[str, str], bool]:
    """``output_columns``: what each is called in the table; and whether they are all that is stored, as those of a list."""
    value = node.config.get("output_columns")
    if value is not None and not isinstance(value, (list, dict)):
        raise ManifestError("output_columns must be a list or a mapping", why=f"it is {value!r:.200}", remedy="[prediction]")
    if isinstance(value, dict):
        pairs = list(value.items())
    else:
        pairs = [p for item in value or () for p in (item.items() if isinstance(item, dict) else [(item, item)])]
    names = [name for _, name in pairs]
    if not all(isinstance(one, str) and one for pair in pairs for one in pair):
        raise ManifestError("output_columns must name columns", remedy="[prediction], or {prediction: churn_predicted}")
    if doubled(names) or len({old for old, _ in pairs}) < len(names):
        raise ManifestError("output_columns names a column twice", remedy="keep one of them")
    return dict(pairs), bool(pairs) and not isinstance(value, dict)


def tests_of(node: Node) -> list[dict[str, Any]]:
    """``tests`` as checks, with the peer's ``{min_accuracy: 0.8}`` as ``{metric: accuracy, min: 0.8}``."""
    tests, found = node.config.get("tests") or [], []
    if not isinstance(tests, list) or not all(isinstance(test, dict) for test in tests):
        raise ManifestError(
            "tests must be a list of mappings", why=f"it is {tests!r:.200}", remedy="- {metric: auc, min: 0.7}"
        )
    for test in tests:
        limits = [name for name in test if isinstance(name, str) and name[:4] in ("min_", "max_")]
        one = {name: value for name, value in test.items() if name not in limits}
        bounds = [{"metric": name[4:], name[:3]: _limit(name, test[name]), **one} for name in limits]
        found += bounds or [one]
    return found


def _limit(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ManifestError(f"{name} must be a number", why=f"it is {value!r}", remedy=f"{name}: 0.8")
    return value
