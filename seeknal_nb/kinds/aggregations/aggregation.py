"""Aggregations: a body of the user's own, or features that are declared; second order too. It knows no window's meaning.

A node may have both: then the body gives the events, and the features are taken of them, as the peer's decorator does it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from seeknal_nb.engines.names import doubled
from seeknal_nb.errors import ManifestError, NodeError
from seeknal_nb.kinds.aggregations.dates import read_moments
from seeknal_nb.kinds.aggregations.events import Events, events_of
from seeknal_nb.kinds.aggregations.grouping import HIDDEN, Grouping, counts_as_number, needs_numbers
from seeknal_nb.kinds.aggregations.windows import ROWS, read_measures, texts
from seeknal_nb.kinds.body import build_table, needs_body, python_of, sql_of
from seeknal_nb.kinds.files import files_probe
from seeknal_nb.kinds.task import Kind, Task, result_of
from seeknal_nb.markup import plural
from seeknal_nb.sql.names import BEFORE, BEHIND, reads_nothing
from seeknal_nb.sql.text import column, parquet, quote, shown, statements
from seeknal_nb.storage.builds import DATA

if TYPE_CHECKING:
    from pathlib import Path

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.engines import Table

__all__ = ["AGGREGATION", "grouping_of"]

SECOND = "second_order_aggregation"
DECLARED = ("id_col", "feature_date_col", "application_date_col", "application_dates", "group_by", "source")
"""Keys that say how features are taken."""
JOINED = 0.5
"""Share of events with several application dates from which a table looks joined to its dates already."""


def grouping_of(node: Node) -> Grouping:
    """What the config of a node declares.

    Raises:
        ManifestError: Something that has no meaning, or that nobody reads.
    """
    config = node.config
    rollup = node.node_type == SECOND
    measures = read_measures(config["features"], rollup=rollup)
    moments, day = read_moments(config), config.get("feature_date_col")
    group = texts(config.get("group_by"))
    if not config.get("id_col"):
        raise ManifestError(
            "no id_col", why="features are aggregated for each entity", remedy="--id user_id, in YAML id_col: user_id"
        )
    for name, key in ((day, "feature_date_col"), *((one, "group_by") for one in group)):
        if name is not None and not (isinstance(name, str) and name):
            raise ManifestError(f"{key} must name columns", why=f"it is {name!r:.100}", remedy=f"{key}: country")
    grouping = Grouping((str(config["id_col"]), *group), day, moments, measures, rollup)
    _check_date(grouping)
    _check_names(grouping)
    for condition in grouping.conditions:
        _check_condition(condition)
    return grouping


def _check_date(grouping: Grouping) -> None:
    timed = grouping.timed
    if grouping.day is None and (timed or grouping.form != "table"):
        why = f"{timed[0]} goes by time" if timed else "windows and application dates go by the age of an event"
        raise ManifestError("no feature_date_col", why=why, remedy="--date event_date, in YAML feature_date_col: event_date")


def _check_names(grouping: Grouping) -> None:
    if twice := doubled([*grouping.named, *(m.name for m in grouping.measures)]):
        raise ManifestError(
            f"two columns {twice[0]!r}", why="keys, dates and features stand side by side", remedy="rename one"
        )


def _check_condition(text: str) -> None:
    """Refuse what is no expression over one row; a table that it reads would be no input of the node."""
    if len(statements(text)) != 1 or not reads_nothing(f"{BEFORE}{text}{BEHIND}"):
        raise ManifestError(
            f"condition {text!r:.200} reads more than a row", remedy="join in a transform, and test a column here"
        )


def _check(node: Node) -> None:
    if not node.config.get("features"):
        needs_body(node)
        for key in DECLARED:
            if node.config.get(key) is not None:
                raise ManifestError(
                    f"{key} is not read",
                    why="the body says all",
                    remedy=f"declare features, as by --column, or take {key} away",
                )
        return
    if sql_of(node) and python_of(node):
        needs_body(node)
    if "{{" not in json.dumps([node.config.get(key) for key in (*DECLARED, "features")], default=str):
        grouping_of(node)


def _execute(task: Task) -> dict[str, Any]:
    if not task.node.config.get("features"):
        table, logged = build_table(task)
        return result_of(table, logged)
    grouping = grouping_of(task.node)
    dates = task.input(grouping.moments.ref).node_id if grouping.moments.ref else None
    with events_of(task, dates) as events:
        types = _needed(events, grouping)
        listed = Events.of(task, quote(dates)) if dates else None
        shared = _shared(listed, grouping) if listed else ()
        warnings = [*_left_out(events, listed, grouping), *_joined_already(events, grouping)]
        sql = grouping.sql(events.table, types, quote(dates) if dates else "", shared)
        table, metrics = _build(task, sql, grouping)
    return result_of(table, events.logged, {"metrics": metrics, "warnings": warnings})


def _needed(events: Events, grouping: Grouping) -> dict[str, str]:
    """The types of the columns that measures are taken of, by the names that they are asked for by.

    Raises:
        NodeError: A column or condition is missing, or of no use.
    """
    for number, key in enumerate(grouping.keys):
        events.type_of(key, "group_by (--group-by)" if number else "id_col (--id)")
    dates = {"feature_date_col (--date)": grouping.day, "application_date_col (--application-date)": grouping.moments.own}
    for what, name in dates.items():
        if name:
            events.need_dates(name, what)
    types = {name: events.type_of(name, "a feature") for name in grouping.columns}
    for measure in grouping.measures:
        if measure.column != ROWS and needs_numbers(measure) and not counts_as_number(types[measure.column]):
            why = f"{measure.column!r} is {types[measure.column]}"
            remedy = f"count it, or CAST({column(measure.column)} AS DOUBLE) before"
            raise NodeError(f"{measure.name} needs numbers", why=why, remedy=remedy)
    events.need_conditions(grouping.conditions)
    return types


def _shared(dates: Events, grouping: Grouping) -> tuple[str, ...]:
    """The keys that a table of application dates has too."""
    dates.need_dates(grouping.moments.column, "application_dates (--dates-column)")
    folded = {name.casefold() for name in dates.types}
    return tuple(key for key in grouping.keys if key.casefold() in folded)


def _left_out(events: Events, listed: Events | None, grouping: Grouping) -> list[str]:
    """Warnings of rows that count nowhere, or not everywhere, because a date is null.

    Raises:
        NodeError: A date is infinite.
    """
    day = grouping.day if grouping.form != "table" or grouping.timed else None
    where = f"in {', '.join(grouping.timed)}" if grouping.form == "table" else "for any date"
    told = [_dateless(events, day, f"and do not count {where}")]
    told.append(_dateless(events, grouping.moments.own, "and ask for no features"))
    if listed:
        told.append(_dateless(listed, grouping.moments.column, f"and are no application dates of {grouping.moments.ref}"))
    return [text for text in told if text]


def _dateless(rows: Events, name: str | None, what: str) -> str:
    if not name:
        return ""
    day = f"CAST({column(name)} AS DATE)"
    counts = f"count(*) FILTER (WHERE {day} IS NULL), count(*) FILTER (WHERE NOT isfinite({day})), count(*)"
    [(null, endless, every)] = rows.task.engine.query(f"SELECT {counts} FROM {rows.table}", form="rows")
    if endless:
        remedy = f"CASE WHEN isfinite({shown(name)}) THEN {shown(name)} END before"
        raise NodeError(f"{name!r} holds dates without end", why=f"{endless:,} of {plural(every, 'row')}", remedy=remedy)
    return f"{null:,} of {plural(every, 'row')} have no {name}, {what}" if null else ""


def _joined_already(events: Events, grouping: Grouping) -> list[str]:
    """A warning where most events stand in several rows, one for each date: in windows they would count several times."""
    own = grouping.moments.own
    if grouping.form != "points" or not own or own == grouping.day:
        return []
    names = ", ".join(column(name) for name in dict.fromkeys((*grouping.keys, str(grouping.day), *grouping.columns)))
    each = f"SELECT count(DISTINCT {column(own)}) AS n FROM {events.table} GROUP BY {names}"
    counts = f"SELECT count(*) FILTER (WHERE n > 1), count(*) FROM ({each})"
    [(several, every)] = events.task.engine.query(counts, form="rows")
    if several <= JOINED * every:
        return []
    why = "if the rows were joined to their dates before, windows count them more than once"
    return [f"{several:,} of {every:,} events have several {own}: {why}; leave that join out, and give application_dates"]


def _build(task: Task, sql: str, grouping: Grouping) -> tuple[Table, dict[str, Any]]:
    """Stage the table; where it has windows, by way of a file that counts their events too."""
    if not grouping.windows:
        return task.engine.build(sql, task.stage / DATA), _metrics(task, task.stage / DATA, grouping)
    file = task.stage / "windows.parquet"
    task.engine.build(sql, file)
    metrics = _metrics(task, file, grouping)
    hidden = ", ".join(column(f"{HIDDEN}{span}") for span in grouping.windows)
    table = task.engine.build(f"SELECT * EXCLUDE ({hidden}) FROM {parquet(file)}", task.stage / DATA)
    file.unlink()
    return table, metrics


def _metrics(task: Task, file: Path, grouping: Grouping) -> dict[str, Any]:
    keys = ", ".join(column(key) for key in grouping.keys)
    empty = " + ".join(f"count(*) FILTER (WHERE {column(f'{HIDDEN}{span}')} = 0)" for span in grouping.windows) or "0"
    nulls = " + ".join(f"count(*) - count({column(m.name)})" for m in grouping.measures)
    days = f"count(DISTINCT {column(grouping.moments.column)})" if grouping.dated else "NULL"
    query = f"SELECT count(*), count(DISTINCT row({keys})), {days}, {empty}, {nulls} FROM {parquet(file)}"
    [(rows, groups, dates, no_event, null)] = task.engine.query(query, form="rows")
    metrics: dict[str, Any] = {"groups": groups}
    if grouping.dated:
        metrics["application_dates"] = dates
    if rows and grouping.windows:
        metrics["empty_share"] = round(int(no_event) / (rows * len(grouping.windows)), 6)
    if rows:
        metrics["null_share"] = round(int(null) / (rows * len(grouping.measures)), 6)
    return metrics


AGGREGATION = Kind(execute=_execute, check=_check, probe=files_probe, measures=lambda node: True)
