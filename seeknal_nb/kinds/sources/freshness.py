"""How old a source's newest row is, and whether that is too old; knows no format and keeps no state."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeknal_nb.config import refuse_unknown_names
from seeknal_nb.durations import duration_text, seconds_of
from seeknal_nb.engines.names import find_column
from seeknal_nb.errors import ChecksFailed, ManifestError, NodeError
from seeknal_nb.kinds.checks.outcome import Check
from seeknal_nb.kinds.checks.place import ahead
from seeknal_nb.markup import plural
from seeknal_nb.sql.text import column, parquet
from seeknal_nb.sql.types import is_time
from seeknal_nb.storage.builds import DATA

if TYPE_CHECKING:
    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.engines import Table
    from seeknal_nb.kinds.task import Seen, Task

__all__ = ["freshness_due", "freshness_of", "look_fresh"]

NAMES = ("column", "time_column", "loaded_at_field")
"""Where the time stands: ours, the peer's and dbt's word."""
LIMITS = ("warn_after", "error_after")
SEEN = "freshness"


@dataclass(frozen=True, slots=True)
class Freshness:
    """What a node asks: the column, and the ages in seconds from which it is told, and fails."""

    column: str
    warn_after: float | None
    error_after: float | None

    def level(self, age: float | None) -> int:
        """0 fresh, 1 warn, 2 error; no row at all is older than anything."""
        limits = ((2, self.error_after), (1, self.warn_after))
        return next((level for level, limit in limits if limit is not None and (age is None or age > limit)), 0)


def freshness_of(node: Node) -> Freshness | None:
    """What the node asks, or None; raises ``ManifestError`` where it cannot be read."""
    config = node.config.get("freshness")
    if not config:
        return None
    refuse_unknown_names(config, (*NAMES, *LIMITS), "freshness")
    named = [config[key] for key in NAMES if config.get(key)]
    if len(named) != 1 or not isinstance(named[0], str):
        raise ManifestError("freshness needs one column", remedy="{column: updated_at, warn_after: 24h, error_after: 48h}")
    warn, error = (None if config.get(key) is None else _limit(config[key], key) for key in LIMITS)
    if warn is not None and error is not None and warn > error:
        raise ManifestError("warn_after is longer than error_after", remedy="warn first, or leave one of them out")
    return Freshness(named[0], warn, error)


def _limit(value: Any, key: str) -> float:
    """Seconds of a limit: a length of time, or dbt's ``{count: 12, period: hour}``."""
    if isinstance(value, dict):
        if set(value) != {"count", "period"}:
            raise ManifestError(f"{key} cannot be read", why=f"it is {value!r}", remedy=f"{key}: 24h")
        value = f"{value['count']} {value['period']}"
    return seconds_of(value)


def look_fresh(task: Task, table: Table, asked: Freshness) -> tuple[dict[str, Any], dict[str, tuple[Any, ...]]]:
    """Metadata of the staged table, and what to remember.

    Raises:
        NodeError: The column is not there, or is no time.
        ChecksFailed: It is older than ``error_after``.
    """
    now = time.time()
    newest, later = _newest(task, table, asked.column, now)
    age = None if newest is None else now - newest
    level = asked.level(age)
    what = _age_text(asked.column, age, table.rows, later)
    checks = [check.to_dict() for check in _checks(asked, age, table.rows, what)]
    metrics = {} if newest is None or age is None else {"newest": round(newest, 3), "age_seconds": round(age, 1)}
    metadata: dict[str, Any] = {"metrics": metrics, "checks": checks}
    if level == 2:  # noqa: PLR2004 - Freshness.level
        why = _beyond(what, age, asked.error_after)
        raise ChecksFailed("the data is stale", why=why, remedy="load newer data", metadata=metadata)
    stale = [_beyond(what, age, asked.warn_after)] if level else []
    lies = "lies" if later == 1 else "lie"
    early = [f"{plural(later, 'row')} {lies} in the future, by {asked.column}, and count for nothing"] if later else []
    if stale or early:
        metadata["warnings"] = [*stale, *early]
    return metadata, {SEEN: (newest, level)}


def _beyond(what: str, age: float | None, limit: float | None) -> str:
    return what if age is None else f"{what}, more than {duration_text(limit or 0)}"


def _age_text(name: str, age: float | None, rows: int, later: int) -> str:
    if age is not None:
        return f"the newest {name} is {duration_text(age)} old"
    if later:
        return f"every {name} lies in the future"
    return f"no row has a {name}" if rows else "there are no rows"


def _newest(task: Task, table: Table, name: str, now: float) -> tuple[float | None, int]:
    """The newest time, in seconds, that is not ahead of the clock; and how many are."""
    types = dict(table.schema)
    own = find_column(name, types, why="freshness names it")
    kind = types[own]
    if not is_time(kind):
        raise NodeError(f"{own!r} is {kind}, not a time", remedy=f"schema: [{{name: {own}, data_type: TIMESTAMP}}]")
    # A DATE counts from its beginning, a TIMESTAMP without a zone as UTC: the engine's sessions are in UTC.
    at, limit = f"TRY_CAST({column(own)} AS TIMESTAMP)", f"make_timestamp({int((now + ahead(kind)) * 1e6)})"
    known = f"FROM {parquet(task.stage / DATA)} WHERE isfinite({at})"  # infinity is no time that anything happened
    query = f"SELECT epoch(max({at}) FILTER (WHERE {at} <= {limit})), count(*) FILTER (WHERE {at} > {limit}) {known}"
    [(newest, later)] = task.engine.query(query, form="rows")
    return None if newest is None else float(newest), int(later)


def _checks(asked: Freshness, age: float | None, rows: int, what: str) -> list[Check]:
    limits = (("warn", asked.warn_after), ("error", asked.error_after))
    told = what if age is None else f"{duration_text(age)} old"
    return [
        Check(
            f"freshness of {asked.column}: at most {duration_text(limit)}", severity, passed,
            failed_rows=0 if passed else 1, rows=rows, sample=told,
        )
        for severity, limit in limits
        if limit is not None
        for passed in [age is not None and age <= limit]
    ]  # fmt: skip


def freshness_due(asked: Freshness | None, seen: Seen, now: float) -> str:
    """Why a source must be looked at although its data is as it was: what was fresh then is stale now."""
    if asked is None or not (asked.warn_after or asked.error_after):
        return ""
    if SEEN not in seen:
        return "freshness: not looked at yet"
    newest, told = seen[SEEN]
    if newest is None or asked.level(now - newest) <= told:
        return ""
    return f"freshness: data is {duration_text(now - newest)} old"
