"""What Python bodies ask for: ``ctx.features`` of a spine's rows, or of an entity as it is now, and ``ctx.latest``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import ManifestError, NodeError, near
from seeknal_nb.kinds.features.groups import group_of
from seeknal_nb.kinds.features.pointintime import entity_sql, latest_sql, retrieval_sql
from seeknal_nb.kinds.features.retrieval import SPINE, check_mode, check_names, parts_of, prepared
from seeknal_nb.python.wanted import Wanted, wanted_in
from seeknal_nb.sql.text import parquet, quote

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from seeknal_nb.kinds.context import Context
    from seeknal_nb.kinds.features.pointintime import Part
    from seeknal_nb.kinds.task import Task

__all__ = ["features_of", "latest_of"]

EVENT_TIME = "event_time"


def features_of(
    ctx: Context,
    spine: Any,
    features: Any,
    *,
    time: str | None = None,
    mode: str = "event",
    as_of: date | str | None = None,
    as_: str | None = None,
) -> Any:
    """A spine's rows, all of them and in their order, with features as they were at each row's ``time``.

    Where ``spine`` names an entity and no input, the newest features of that entity, a row a key, in the order of the keys.

    Args:
        ctx: The body's.
        spine: A frame, the name of an input, or that of an entity.
        features: ``["user_features", "txn:amount_7d", "txn:amount_7d AS amount", "txn.amount_7d"]``.
        time: The spine's column with the time; none is needed where no group has an event time.
        mode: ``event``: what was true by then; ``known``: what had arrived by then.
        as_of: Of an entity, what was true by then, whatever came later.
        as_: ``pandas`` unless this, or the node's ``as``, says otherwise.

    Raises:
        NodeError: A name, a column, a type or the mode does not fit.
    """
    task, form = ctx.task, ctx.form(as_)
    try:
        check_mode(mode)
        wanted = wanted_in(features)
    except ManifestError as error:
        raise NodeError(error.what, why=error.why, remedy=error.remedy) from None
    if isinstance(spine, str) and task.resolve(spine) is None:
        if time is not None or mode != "event":
            raise NodeError(
                f"{spine!r} has no times of its own", why="time and mode are of a spine", remedy="as_of='2024-01-31'"
            )
        return task.engine.query(_entity(task, spine, wanted, as_of), form=form)
    if as_of is not None:
        raise NodeError("as_of is of an entity", why="a spine has its own times", remedy="time='due', a column of it")
    return _joined(task, spine, wanted, label=time, mode=mode, form=form)


def _joined(task: Task, spine: Any, wanted: Sequence[Wanted], *, label: str | None, mode: str, form: str) -> Any:
    file = task.stage / SPINE
    try:
        if isinstance(spine, str):
            source = quote(task.input(spine).node_id)
        else:
            task.engine.take(spine, file)
            source = parquet(file)
        found, parts = prepared(task, source, wanted, label=label, mode=mode)
        return task.engine.query(retrieval_sql(found, parts, mode=mode), form=form)
    finally:
        file.unlink(missing_ok=True)


def _entity(task: Task, name: str, wanted: Sequence[Wanted], as_of: date | str | None) -> str:
    """The SELECT of an entity's features: its key, when they were true, and each feature.

    One that is written ``group.feature`` is called ``group__feature``, as what was written for the peer expects it.
    """
    parts = parts_of(task, [replace(one, name=_called(one)) for one in wanted])
    until = None if as_of is None else str(as_of)
    for part in parts:
        _describes(task, part, name)
    for part in parts[1:]:
        _same_keys(parts[0], part)
    check_names({key: f"the key {key!r}" for key in parts[0].group.keys}, parts)
    named = {called.casefold() for part in parts for _, called in part.columns} | {*map(str.casefold, parts[0].group.keys)}
    return entity_sql(parts, event_time=None if EVENT_TIME in named else EVENT_TIME, until=until)


def _called(one: Wanted) -> str | None:
    return one.name or (f"{one.group.partition('.')[2]}__{one.feature}" if one.dotted else None)


def _describes(task: Task, part: Part, name: str) -> None:
    """Refuse a group of another entity, or of one without a name."""
    build = task.input(part.group.node_id).build
    entity = build.metadata.get("entity") if build is not None else None
    if entity is None:
        why = f"{part.group.node_id} does not say whom it describes"
        raise NodeError(f"{name!r} is no input of this node", why=why, remedy=f"give it --entity {name}")
    if entity.casefold() != name.casefold():
        why = f"{part.group.node_id} describes {entity}"
        remedy = near(name, [entity, *task.inputs], what="entity or input")
        raise NodeError(f"{name!r} is no input of this node, and not its entity", why=why, remedy=remedy)


def _same_keys(one: Part, other: Part) -> None:
    """Refuse groups that no key joins."""
    keys = [{key: part.types[key] for key in part.group.keys} for part in (one, other)]
    if keys[0] != keys[1]:
        told = [", ".join(f"{key} {kind}" for key, kind in found.items()) for found in keys]
        why = f"{one.group.node_id} has {told[0]}, {other.group.node_id} has {told[1]}"
        raise NodeError("the keys of one entity differ", why=why, remedy="cast them in the groups' bodies, or ask twice")


def latest_of(ctx: Context, group: str, *, as_: str | None = None) -> Any:
    """The newest row of each key of a feature group, in the order of the keys, however old it is."""
    found = group_of(ctx.task.input(group))
    return ctx.task.engine.query(latest_sql(found), form=ctx.form(as_))
