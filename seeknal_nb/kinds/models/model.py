"""Models: an estimator is fitted and kept as an artefact; the node's table is its predictions, so that others can read them.

With a Python body, the body does it all (``ctx.save_model``, ``ctx.log_metrics``) and gives the predictions. Without one,
``training`` names an algorithm of scikit-learn; the training set is the SQL body, or the one input.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seeknal_nb.engines.names import no_column
from seeknal_nb.errors import ManifestError, NodeError, near
from seeknal_nb.kinds.body import build_table, python_of, store
from seeknal_nb.kinds.checks.checks import check_checks, run_checks
from seeknal_nb.kinds.checks.forms import SEVERITIES
from seeknal_nb.kinds.checks.outcome import Check, conclude
from seeknal_nb.kinds.files import files_probe
from seeknal_nb.kinds.models.artefacts import FORMS, read, save
from seeknal_nb.kinds.models.estimators import answers, fitted, versions
from seeknal_nb.kinds.models.scoring import METRICS, scores, suspects
from seeknal_nb.kinds.models.training import Training, output_columns, tests_of
from seeknal_nb.kinds.models.trainingset import TEST, Rows, rows_of
from seeknal_nb.kinds.task import Kind, Probe, Task, result_of
from seeknal_nb.sql.text import parquet
from seeknal_nb.storage.builds import DATA

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.kinds.models.estimators import Fitted
    from seeknal_nb.kinds.task import Seen, Surroundings

__all__ = ["MODEL"]

SAME = "no_train_serve_skew"
"""The peer's name of the check that the saved estimator predicts what the table holds."""


def _check(node: Node) -> None:
    if node.config.get("params") is not None and not python_of(node):
        why = "training holds what a model is made from"
        raise ManifestError("params of a model is not read", why=why, remedy="training: {params: ...}")
    if python_of(node):
        _check_python(node)
    else:
        Training.of(node)
        output_columns(node)
    _check_tests(node)


def _check_python(node: Node) -> None:
    for key, remedy in (("sql", "keep one of them"), ("transform", "keep one of them"), ("training", "take it away")):
        if node.config.get(key):
            raise ManifestError(f"{key} is not read", why="the Python body makes the model", remedy=remedy)
    if any(new != old for old, new in output_columns(node)[0].items()):
        raise ManifestError("output_columns gives new names", why="a Python body names its columns", remedy="[a, b]")


def _check_tests(node: Node) -> None:
    tests, severity = tests_of(node), node.config.get("severity", "error")
    if severity not in SEVERITIES:
        raise ManifestError(f"unknown severity {severity!r}", remedy=near(str(severity), SEVERITIES, what="severity"))
    if "severity" in node.config and not tests:
        raise ManifestError("severity is not read", why="the model has no tests", remedy="- {metric: auc, min: 0.7}")
    for test in tests:
        if SAME in test and (test.get(SAME) not in (True, False) or len(test) > 1 or python_of(node)):
            raise ManifestError(f"{SAME} is true or false, of a model by its algorithm", remedy=f"- {SAME}: true")
        metric = test.get("metric")
        name = metric.get("name") if isinstance(metric, dict) else metric
        if isinstance(name, str) and not python_of(node) and name not in METRICS:
            raise ManifestError(f"unknown metric {name!r}", remedy=near(name, METRICS, what="metric"))
    check_checks(_listed(tests), node, key="tests")


def _listed(tests: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [test for test in tests if SAME not in test]


def _probe(node: Node, around: Surroundings, seen: Seen) -> Probe:
    """Files of the body; and which scikit-learn fits, as another one may fit another model."""
    probe = files_probe(node, around, seen)
    if python_of(node):
        return probe
    using = versions().get("scikit-learn", "none")
    return Probe(f"{probe.text or ''}\nscikit-learn {'.'.join(using.split('.')[:2])}", probe.seen, probe.due)


def _execute(task: Task) -> dict[str, Any]:
    if python_of(task.node):
        return _of_body(task)
    training, (names, only) = Training.of(task.node), output_columns(task.node)
    own = ("split", "target", "prediction")
    rows = rows_of(task, training, [name for name in names if name not in own and name[:11] != "probability"])
    training = replace(training, key=rows.key)
    fit = fitted(training, rows)
    results = answers(fit.estimator, rows.data)
    artefact = save(fit.estimator, task.stage, "model")
    shown = _columns(training, rows, fit, results)
    table = store(task, _named(shown, training, names, only=only))
    metrics = {name: float(value) for name, value in scores(fit, rows, results).items()}
    metadata = {
        "metrics": {name: int(value) if name[:2] == "n_" else round(value, 6) for name, value in metrics.items()},
        "warnings": [*fit.warnings, *suspects(fit, rows), *_of_parts(training, rows, metrics)],
        "artefacts": [artefact],
        "model": _description(training, rows, fit),
    }
    more = [_same(task, artefact, rows, results)] if any(test.get(SAME) for test in tests_of(task.node)) else []
    return result_of(table, _tested(task, metadata, metrics, more))


def _of_body(task: Task) -> dict[str, Any]:
    table, logged = build_table(task)
    types = dict(table.schema)
    for name in output_columns(task.node)[0]:
        if name not in types:
            raise no_column(name, types, within="what the body gives")
    return result_of(table, _tested(task, logged, logged.get("metrics") or {}, []))


def _tested(task: Task, metadata: dict[str, Any], metrics: Mapping[str, Any], more: list[Check]) -> dict[str, Any]:
    """The metadata with what the node's tests found; raises ``ChecksFailed`` where one of severity error did not hold."""
    listed, severity = _listed(tests_of(task.node)), str(task.node.config.get("severity") or "error")
    metadata = {name: value for name, value in metadata.items() if value}
    if not listed and not more:
        return metadata
    file = parquet(task.stage / DATA)
    found = run_checks(task, listed, file, severity=severity, metrics=metrics, key="tests") if listed else []
    return conclude([*found, *more], metadata)


def _columns(training: Training, rows: Rows, fit: Fitted, results: Mapping[str, Any]) -> dict[str, pa.ChunkedArray]:
    """All that the table may hold, by its own name: key and target as they came, and classes as they were typed."""
    import numpy as np  # noqa: PLC0415 - whoever fits has it loaded
    import pyarrow as pa  # noqa: PLC0415 - 0.2 s, and SQL nodes do without it

    columns = {name: rows.kept[f"key_{number}"] for number, name in enumerate(training.key)}
    for name in ("split", "target", *results):
        if name in columns:
            raise NodeError(f"the key {name!r} is the name of a result too", remedy="rename the key's column in SQL")
    columns |= {"split": rows.kept["split"], "target": rows.kept["target"]}
    columns |= {name: pa.array(values) for name, values in results.items() if name != "prediction"}
    guess = pa.array(results["prediction"])
    if fit.classes is not None:
        _, first = np.unique(fit.truth[fit.trained], return_index=True)
        known = rows.kept["target"].filter(fit.trained).take(first)
        guess = known.take(np.searchsorted(fit.classes, results["prediction"]))
    order = [*training.key, "split", "target", "prediction", *(name for name in columns if name.startswith("probability"))]
    columns = {name: (columns | {"prediction": guess})[name] for name in dict.fromkeys(order)}
    return columns | {name: rows.kept[f"extra_{number}"] for number, name in enumerate(rows.extras)}


def _named(columns: Mapping[str, Any], training: Training, names: Mapping[str, str], *, only: bool) -> pa.Table:
    """The table: the key, then what ``output_columns`` lists, or all, each under its name there."""
    import pyarrow as pa  # noqa: PLC0415 - likewise

    for name in names:
        if name not in columns:
            why = f"{training.algorithm} does not give it for this target"
            raise NodeError(f"there is no result {name!r}", why=why, remedy=near(name, columns, what="result"))
    shown = {name: names.get(name, name) for name in dict.fromkeys([*training.key, *(names if only else columns)])}
    return pa.Table.from_arrays([columns[name] for name in shown], names=list(shown.values()))


def _of_parts(training: Training, rows: Rows, metrics: Mapping[str, float]) -> list[str]:
    """Warnings about which rows test."""
    parts = rows.kept["split"].to_pylist()
    found = [] if training.key else ["no key: nothing tells the rows apart; --key names what does, in YAML training.key"]
    if rows.doubled:
        found.append(f"the key {', '.join(training.key)} is not unique: {rows.doubled:,} rows have that of another")
    if not metrics["n_test"]:
        found.append(f"no row is of part {TEST!r}: there are no metrics")
    if left := parts.count("left_out"):
        found.append(f"{left:,} rows are left out: the split's column is null there")
    return found


def _description(training: Training, rows: Rows, fit: Fitted) -> dict[str, Any]:
    """What the model is, for whoever looks at it later."""
    found = {
        "algorithm": training.algorithm,
        "estimator": fit.name,
        "task": fit.task,
        "target": training.target,
        "features": len(rows.data.columns),
        "split": rows.border or (f"by {training.split.column}" if training.split.column else "by a hash of the key"),
        "versions": versions(),
    }
    two = fit.classes is not None and len(fit.classes) == 2  # noqa: PLR2004 - probability is about the second
    return found | ({"positive": str(fit.classes[1])} if two and fit.classes is not None else {})


def _same(task: Task, artefact: Mapping[str, Any], rows: Rows, results: Mapping[str, Any]) -> Check:
    """Whether the estimator that later nodes load predicts what the table holds."""
    form = str(artefact["format"])
    again = answers(read((task.stage / f"model{FORMS[form]}").read_bytes(), form), rows.data)
    failed = int(sum((again[name] != values).any() for name, values in results.items()))
    return Check(SAME, "error", not failed, failed, len(rows.data))


MODEL = Kind(execute=_execute, check=_check, probe=_probe, measures=lambda node: True)
