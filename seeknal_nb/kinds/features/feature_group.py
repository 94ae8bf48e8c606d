"""The kind feature_group: the time line of an entity's features, proved and stored. Knows nothing of who reads it."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from seeknal_nb.engines.names import no_column
from seeknal_nb.errors import ChecksFailed, NodeError
from seeknal_nb.kinds.body import build_table, python_of, sql_of
from seeknal_nb.kinds.casts import build_cast
from seeknal_nb.kinds.checks.checks import run_checks
from seeknal_nb.kinds.checks.outcome import Check, conclude
from seeknal_nb.kinds.features.groups import Group, save_group
from seeknal_nb.kinds.features.spec import Spec, check_spec, spec_of
from seeknal_nb.kinds.files import files_probe
from seeknal_nb.kinds.metadata import merged
from seeknal_nb.kinds.task import Kind, Task, result_of
from seeknal_nb.markup import cut, plural
from seeknal_nb.sql.text import column, parquet, shown
from seeknal_nb.sql.types import is_time, is_zoned
from seeknal_nb.storage.builds import DATA

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seeknal_nb.engines import Table

__all__ = ["FEATURE_GROUP"]

BODY = "body.parquet"
UNFIT = "values do not fit the dtype of their feature"
SHOWN = 5
"""Offending rows that an error keeps."""
SHOWN_TEXT = 300
"""Characters of the one that its text shows."""
MOST_NULLS = 50
"""Features whose share of nulls is told: those with the most."""


def _feature_group(task: Task) -> dict[str, Any]:
    """The time line of the features: keys and times never null, one row a key and time."""
    spec = spec_of(task.node)
    table, logged = build_table(task) if sql_of(task.node) or python_of(task.node) else (_of_input(task), {})
    types = dict(table.schema)
    _there(spec, types)
    group = _group(task.node.id, spec, types)
    table = _shaped(task, spec, group, table)
    checks = _proved(task, group)
    group = replace(group, ties=_has_ties(task, group))
    metrics, told = _measured(task, group)
    told = merged(told, {"metrics": metrics, "warnings": list(spec.notes)}, logged)
    if spec.tests:
        checks += run_checks(task, spec.tests, parquet(task.stage / DATA), metrics=told["metrics"], key="tests")
    save_group(group, task.stage)
    kept = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(group).items()}
    kept = {key: kept[key] for key in ("keys", "event_time", "created_time", "features")}
    found = {**kept, "entity": spec.entity, "ttl_seconds": spec.ttl_seconds, **told}
    return result_of(table, conclude(checks, {name: value for name, value in found.items() if value is not None}))


def _of_input(task: Task) -> Table:
    """The rows of the one input, where there is no body."""
    return task.engine.build(f"SELECT * FROM {task.only_input()}", task.stage / DATA)


def _there(spec: Spec, types: Mapping[str, str]) -> None:
    """Refuse columns that the body does not give, and times that are none and are not declared to be one."""
    for name in (*spec.keys, *spec.times, *(spec.features or ())):
        if name not in types:
            raise no_column(name, types)
    for name in spec.times:
        if not is_time((spec.features or {}).get(name) or types[name]):
            raise NodeError(f"{name!r} is {types[name]}, not a time", remedy=f"CAST({shown(name)} AS TIMESTAMP)")


def _group(node_id: str, spec: Spec, types: Mapping[str, str]) -> Group:
    """Features stand in the body's order, for that of a mapping in the config is no part of a key."""
    named = {*spec.keys, *spec.times}
    features = tuple(name for name in types if name not in named and (spec.features is None or name in spec.features))
    return Group(node_id, spec.keys, features, spec.event_time, spec.created_time, spec.ttl)


def _shaped(task: Task, spec: Spec, group: Group, table: Table) -> Table:
    """Keys, times, then features, as their declared types; written anew only where the body gave something else."""
    types, wanted = dict(table.schema), spec.features or {}
    columns = [*spec.keys, *spec.times, *group.features]
    casts = {name: kind for name, kind in wanted.items() if kind is not None and kind != types[name]}
    zoned = {name for name in spec.times if is_zoned(types[name])}
    if not casts and not zoned and columns == list(types):
        return table
    body = (task.stage / DATA).rename(task.stage / BODY)
    told = ", ".join(f"{column(n)} AT TIME ZONE 'UTC' AS {column(n)}" if n in zoned else column(n) for n in columns)
    try:
        return build_cast(task, f"(SELECT {told} FROM {parquet(body)})", casts)
    except NodeError as error:
        raise NodeError(UNFIT, why=error.why, remedy="cast or round them in the body, or change dtype") from error
    finally:
        body.unlink()


def _proved(task: Task, group: Group) -> list[Check]:
    """That keys and times are never null, and that no row stands twice.

    Raises:
        ChecksFailed: They are, or it does.
    """
    file, times = parquet(task.stage / DATA), _times(group)
    nulls = {f"key {', '.join(group.keys)} is never null": " OR ".join(f"{column(key)} IS NULL" for key in group.keys)}
    nulls |= {f"{name} is never null": f"{column(name)} IS NULL" for name in times}
    counts = ", ".join(f"count(*) FILTER (WHERE {condition})" for condition in nulls.values())
    rows, *without = task.engine.query(f"SELECT count(*), {counts} FROM {file}", form="rows")[0]
    names, plain = (", ".join(map(form, (*group.keys, *times))) for form in (column, str))
    found = [
        _check(task, what, count, rows, f"SELECT {names} FROM {file} WHERE {condition}")
        for (what, condition), count in zip(nulls.items(), without, strict=True)
    ]
    keyed = f"FROM {file} WHERE NOT ({' OR '.join(nulls.values())}) GROUP BY {names} HAVING count(*) > 1"
    extra = f"SELECT coalesce(sum(n - 1), 0)::BIGINT FROM (SELECT count(*) AS n {keyed})"
    doubled = task.engine.query(extra, form="rows")[0][0]
    found.append(_check(task, f"one row for each {plain}", doubled, rows, f"SELECT {names} {keyed}"))
    if not all(check.passed for check in found):
        raise _unkeyed(group, found)
    return found


def _unkeyed(group: Group, checks: Sequence[Check]) -> ChecksFailed:
    """Each check that failed with a row that breaks it; a time of creation would make rows of one event time lawful."""
    failed = [check for check in checks if not check.passed]
    why = "; ".join(f"{_broken(check.failed_rows or 0)}: {check.check}, as {_first(check.sample)}" for check in failed)
    lawful = checks[-1] in failed and group.event_time and not group.created_time
    remedy = ", or give --created COLUMN, when each became known: then several are lawful" if lawful else ""
    return ChecksFailed(
        "the features are not keyed",
        why=why,
        remedy=f"filter them in the body{remedy}",
        metadata={"checks": [check.to_dict() for check in checks]},
    )


def _broken(count: int) -> str:
    return f"{plural(count, 'row')} break{'s' if count == 1 else ''}"


def _first(sample: str | None) -> str:
    return cut(json.dumps(json.loads(sample or "[null]")[0], ensure_ascii=False), SHOWN_TEXT)


def _times(group: Group) -> list[str]:
    return list(dict.fromkeys(name for name in (group.event_time, group.created_time) if name))


def _check(task: Task, what: str, failed: int, rows: int, offending: str) -> Check:
    sample = None
    if failed:
        found = task.engine.query(f"SELECT * FROM ({offending}) LIMIT {SHOWN}", form="arrow").to_pylist()
        sample = json.dumps(found, default=str)
    return Check(what, "error", not failed, failed, rows, 0.0, sample)


def _has_ties(task: Task, group: Group) -> bool:
    """Whether rows of a key share an event time, which a created time tells apart."""
    if group.created_time in (None, group.event_time):
        return False
    names = ", ".join(column(name) for name in (*group.keys, str(group.event_time)))
    query = f"SELECT 1 FROM {parquet(task.stage / DATA)} GROUP BY {names} HAVING count(*) > 1 LIMIT 1"
    return bool(task.engine.query(query, form="rows"))


def _measured(task: Task, group: Group) -> tuple[dict[str, Any], dict[str, Any]]:
    """Numbers of the time line, and what is no number: its span, and the share of nulls of each feature."""
    file, keys = parquet(task.stage / DATA), ", ".join(map(column, group.keys))
    time = column(group.event_time or group.keys[0])
    grouped = f"SELECT count(*) AS n, min({time}) AS a, max({time}) AS b FROM {file} GROUP BY {keys}"
    total = f"SELECT count(*), max(n), avg(n), min(a)::VARCHAR, max(b)::VARCHAR FROM ({grouped})"
    entities, most, mean, first, last = task.engine.query(total, form="rows")[0]
    metrics = {"entities": entities, "rows_per_entity_max": most or 0, "rows_per_entity_mean": round(mean or 0, 3)}
    span = {"from": first, "until": last} if group.event_time else {}
    return metrics, span | ({"null_share": shares} if (shares := _nulls(task, file, group.features)) else {})


def _nulls(task: Task, file: str, features: Sequence[str]) -> dict[str, float]:
    """The share of nulls of the features that have some."""
    if not features:
        return {}
    counts = ", ".join(f"1 - count({column(name)}) / nullif(count(*), 0)" for name in features)
    found = task.engine.query(f"SELECT {counts} FROM {file}", form="rows")[0]
    shares = {name: round(share, 6) for name, share in zip(features, found, strict=True) if share}
    return dict(sorted(shares.items(), key=lambda item: -item[1])[:MOST_NULLS])


FEATURE_GROUP = Kind(execute=_feature_group, check=check_spec, probe=files_probe, measures=lambda node: True)
