"""Features joined to a spine, by event or by known time, as the transform with ``features`` does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal_nb.config import COMMON, refuse_unknown
from seeknal_nb.engines.names import no_column
from seeknal_nb.errors import ManifestError, NodeError, near
from seeknal_nb.kinds.body import needs_body, python_of, python_value, sql_body, sql_of
from seeknal_nb.kinds.declared import RETRIEVAL
from seeknal_nb.kinds.features.groups import Group, group_of
from seeknal_nb.kinds.features.pointintime import (
    MODES,
    Part,
    Spine,
    age_names,
    retrieval_sql,
    with_latest,
)
from seeknal_nb.kinds.task import Task, result_of
from seeknal_nb.python.wanted import Wanted, wanted_in
from seeknal_nb.sql.text import column, parquet, quote, shown
from seeknal_nb.sql.types import is_integer, is_time, is_zoned
from seeknal_nb.storage.builds import DATA

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.engines import Table

__all__ = [
    "SPINE", "check_mode", "check_names", "check_retrieval", "parts_of", "prepared", "retrieve", "retrieves", "with_groups",
]  # fmt: skip

SPINE = "spine.parquet"
JOINED = "joined.parquet"
OPTIONS = tuple(key.name for key in RETRIEVAL if key.name != "engine")
KNOWN = frozenset(
    {*(key.name for key in (*COMMON, *RETRIEVAL)), "sql", "transform", "python", "as", "materialized"}
)  # fmt: skip
AGE = 1_000_000
"""Microseconds in a second."""


def retrieves(node: Node) -> bool:
    """Whether a transform joins features to a spine."""
    return any(node.config.get(name) is not None for name in OPTIONS)


def check_retrieval(node: Node) -> None:
    """Refuse a retrieval without features or with two spines: raises ``ManifestError``."""
    config = node.config
    refuse_unknown(config, KNOWN, "a transform with features")
    spine, body = config.get("spine"), sql_of(node) or python_of(node)
    if config.get("features") is None:
        given = next(name for name in OPTIONS if config.get(name) is not None)
        remedy = "--features group,group:feature, in YAML features: [group, group:feature]"
        raise ManifestError(f"{given} without features", remedy=remedy)
    wanted_in(config["features"])
    check_mode(config.get("mode"))
    if spine and body:
        raise ManifestError("two spines", why=f"spine is {spine!r}, and the body's rows are one", remedy="keep one of them")
    if not spine and not body:
        raise ManifestError("no spine", why="for which rows?", remedy="--spine labels, or a SELECT as its body")
    if body:
        needs_body(node)
    if (config.get("materialized") or "table") != "table":
        raise ManifestError(f"a retrieval cannot be a {config['materialized']}", remedy="leave materialized out")


def check_mode(mode: object) -> None:
    """Refuse what is neither by event nor by known time."""
    if mode is not None and mode not in MODES:
        raise ManifestError(f"unknown mode {mode!r}", remedy=near(str(mode), MODES, what="mode"))


def retrieve(task: Task) -> dict[str, Any]:
    """The spine's rows with their features, as they were known at each row's label time."""
    config = task.node.config
    source, logged = _spine_of(task)
    wanted, mode = wanted_in(config["features"]), config.get("mode") or "event"
    spine, parts = prepared(task, source, wanted, label=config.get("label_time"), mode=mode)
    joined = task.stage / JOINED
    wide = task.engine.build(retrieval_sql(spine, parts, mode=mode, ages=True), joined)
    ages = age_names(spine, parts)
    left_out = ", ".join(map(column, ages))
    table = task.engine.build(f"SELECT * EXCLUDE ({left_out}) FROM {parquet(joined)}", task.stage / DATA)
    told = _match_metadata(task, wide, parts, ages)
    joined.unlink()
    (task.stage / SPINE).unlink(missing_ok=True)
    return result_of(table, told, {"mode": mode}, logged)


def _spine_of(task: Task) -> tuple[str, dict[str, Any]]:
    """What stands after FROM, and what a body logged."""
    named, sql = task.node.config.get("spine"), sql_of(task.node)
    if named:
        return quote(task.input(str(named)).node_id), {}
    if sql:
        with sql_body(task.node):
            task.engine.build(task.sql(sql), task.stage / SPINE)
        return parquet(task.stage / SPINE), {}
    value, context = python_value(task)
    task.engine.take(value, task.stage / SPINE)
    return parquet(task.stage / SPINE), context.logged()


def prepared(
    task: Task, source: str, wanted: Sequence[Wanted], *, label: str | None, mode: str
) -> tuple[Spine, tuple[Part, ...]]:
    """The spine and the parts of a retrieval, proved to fit each other.

    Raises:
        NodeError: A column is missing or named twice, types differ, or a time is.
    """
    spine = Spine(source, dict(task.engine.describe(f"SELECT * FROM {source}")), label)
    if label is not None:
        _need(spine, label)
    parts = parts_of(task, wanted)
    if any(part.group.event_time for part in parts):
        _check_label(spine)
    else:
        spine = Spine(source, spine.types)
    for part in parts:
        _check_keys(spine, part)
        _check_known(part, mode)
    check_names({name: f"the spine's {name!r}" for name in spine.types}, parts)
    return spine, parts


def parts_of(task: Task, wanted: Sequence[Wanted]) -> tuple[Part, ...]:
    """What is wanted of each group; raises ``NodeError`` where one is no input, or has no such feature."""
    return tuple(_part(task, group, chosen) for group, chosen in _by_group(task, wanted).items())


def _by_group(task: Task, wanted: Sequence[Wanted]) -> dict[Group, list[Wanted]]:
    """What is wanted of each group, each group once."""
    found: dict[Group, list[Wanted]] = {}
    for one in wanted:
        if task.resolve(one.group) is None:
            raise NodeError(
                f"{one.group!r} is no input of this node",
                why="only groups that stand as text in the call are found by themselves",
                remedy=f"--inputs {one.group}, in YAML inputs: [{one.group}]; {near(one.group, task.inputs, what='input')}",
            )
        found.setdefault(group_of(task.input(one.group)), []).append(one)
    return found


def _part(task: Task, group: Group, wanted: Sequence[Wanted]) -> Part:
    source = quote(group.node_id)
    return Part(group, source, tuple(_columns(group, wanted)), dict(task.engine.describe(f"SELECT * FROM {source}")))


def _columns(group: Group, wanted: Sequence[Wanted]) -> Iterator[tuple[str, str]]:
    for one in wanted:
        if one.feature is None:
            yield from ((name, name) for name in group.features)
        elif one.feature in group.features:
            yield one.feature, one.name or one.feature
        else:
            raise NodeError(
                f"{group.node_id} has no feature {one.feature!r}", remedy=near(one.feature, group.features, what="feature")
            )


def _check_label(spine: Spine) -> None:
    if spine.label is None:
        remedy = "name a column of the spine: --label-time due, in YAML label_time: due, in Python time='due'"
        raise NodeError("no label time", why="features change with time", remedy=remedy)
    kind = spine.types[spine.label]
    if is_zoned(kind):
        raise NodeError(
            f"{spine.label!r} has a time zone", why="event times have none: they are UTC",
            remedy=f"{shown(spine.label)} AT TIME ZONE 'UTC' in the spine",
        )  # fmt: skip
    if not is_time(kind):
        raise NodeError(
            f"{spine.label!r} is {kind}, not a time", remedy=f"CAST({shown(spine.label)} AS TIMESTAMP) in the spine"
        )


def _check_keys(spine: Spine, part: Part) -> None:
    for key in part.group.keys:
        _need(spine, key, why=f"it is the key of {part.group.node_id}")
        ours, theirs = spine.types[key], part.types[key]
        if ours != theirs and not (is_integer(ours) and is_integer(theirs)) and not _is_text(ours, theirs):
            raise NodeError(
                f"the key {key!r} has two types", why=f"{ours} in the spine, {theirs} in {part.group.node_id}",
                remedy=f"CAST({shown(key)} AS {theirs}) in the spine",
            )  # fmt: skip


def _is_text(*types: str) -> bool:
    return all(kind == "VARCHAR" or kind.startswith("ENUM") for kind in types)


def _need(spine: Spine, name: str, *, why: str = "") -> None:
    if name not in spine.types:
        raise no_column(name, spine.types, within="the spine", why=why)


def _check_known(part: Part, mode: str) -> None:
    if mode == "known" and part.group.event_time and not part.group.created_time:
        raise NodeError(
            f"{part.group.node_id} does not say when its features became known",
            why="mode known asks for that",
            remedy="give it --created COLUMN (its event time, where they are known at once), or use mode event",
        )


def check_names(others: Mapping[str, str], parts: Sequence[Part]) -> None:
    """Refuse two columns of one name, whatever their case; ``others`` are those besides, and what an error calls them."""
    taken = {name.casefold(): called for name, called in others.items()}
    for part in parts:
        for feature, name in part.columns:
            full = f"{part.group.node_id.partition('.')[2]}:{feature}"
            if name.casefold() in taken:
                raise NodeError(
                    f"two columns are called {name!r}", why=f"{taken[name.casefold()]} and {full}",
                    remedy=f"{full} AS another_name",
                )  # fmt: skip
            taken[name.casefold()] = full


def _match_metadata(task: Task, joined: Table, parts: Sequence[Part], ages: Sequence[str]) -> dict[str, Any]:
    """For each group the share of rows that found features, of those whose features had expired, and their median age."""
    asked = ", ".join(_counts(part, age) for part, age in zip(parts, ages, strict=True))
    found = list(task.engine.query(f"SELECT {asked} FROM {parquet(task.stage / JOINED)}", form="rows")[0])
    metrics, warnings = dict[str, float](), list[str]()
    for number, part in enumerate(parts):
        matched, expired, age = found[3 * number : 3 * number + 3]
        name = part.group.node_id.partition(".")[2]
        metrics |= _shares(name, part, joined.rows, {"matched": matched, "expired": expired, "age": age})
        if joined.rows and not matched:
            reason = f"{expired:,} had expired" if expired else "no key and time fits"
            warnings.append(f"no row found features of {name}: {reason}")
    return {"metrics": metrics, "warnings": warnings}


def _counts(part: Part, age: str) -> str:
    ttl = "TRUE" if part.group.ttl is None else f"{column(age)} <= {part.group.ttl}"
    fresh = f"FILTER (WHERE {column(age)} IS NOT NULL AND {ttl})"
    return f"count(*) {fresh}, count({column(age)}) - count(*) {fresh}, median({column(age)}) {fresh}"


def _shares(name: str, part: Part, rows: int, counts: Mapping[str, Any]) -> dict[str, float]:
    told = {f"{name}_matched": round(counts["matched"] / rows, 6) if rows else 0.0}
    if part.group.ttl is not None:
        told[f"{name}_expired"] = round(counts["expired"] / rows, 6) if rows else 0.0
    if part.group.event_time and counts["age"] is not None:
        told[f"{name}_age_seconds_median"] = counts["age"] / AGE
    return told


def with_groups(sql: str, task: Task) -> str:
    """A body's SQL with each ``latest(group)`` written as the SELECT that it means."""
    return with_latest(sql, lambda name: group_of(task.input(name)))
