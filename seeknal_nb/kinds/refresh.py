"""When a node has to run although nothing that it names has changed: ``refresh: always``, ``never``, or a length of time."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seeknal_nb.durations import seconds_of
from seeknal_nb.errors import ManifestError
from seeknal_nb.kinds.files import files_probe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.kinds.task import Probe, Seen, Surroundings, Task

__all__ = ["FETCHED", "check_refresh", "is_timed", "refresh_due", "remembered", "timed_probe"]

FETCHED = "fetched"
"""What an execution remembers: the seconds of the epoch at which it began."""


def check_refresh(config: Mapping[str, Any]) -> None:
    """Refuse what is neither a word nor a length of time; raises ``ManifestError``."""
    value = config.get("refresh")
    if value is None or value in ("always", "never"):
        return
    try:
        seconds_of(value)
    except ManifestError:
        raise ManifestError(f"unknown refresh {value!r}", remedy="always, never, or a time such as 30m, 1h or 7d") from None


def is_timed(config: Mapping[str, Any]) -> bool:
    """Whether the time of the last execution counts."""
    return config.get("refresh") not in (None, "always", "never")


def refresh_due(config: Mapping[str, Any], seen: Seen, now: float, *, default: str = "never") -> str:
    """Why it has to be fetched again, or nothing."""
    value = config.get("refresh") or default
    if value == "never":
        return ""
    if value == "always":
        return "refresh: always"
    fetched = seen.get(FETCHED)
    # A clock that was set back makes the future of the past: then it is due as well.
    fresh = fetched is not None and 0 <= now - float(fetched[0]) < seconds_of(value)
    return "" if fresh else f"refresh: {value}"


def timed_probe(node: Node, around: Surroundings, seen: Seen) -> Probe:
    """The files that a body reads, and whether it is due."""
    found, due = files_probe(node, around, seen), refresh_due(node.config, seen, time.time())
    return replace(found, due=due, dated=is_timed(node.config))


def remembered(task: Task, began: float) -> dict[str, Any]:
    """What an execution that began then adds to its result, where the time counts."""
    if not is_timed(task.node.config):
        return {}
    around = task.surroundings  # what is remembered takes the place of what the probe saw
    return {"seen": {**files_probe(task.node, around, {}).seen, FETCHED: (began,)}}
