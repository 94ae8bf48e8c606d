"""How long nodes usually take, and what is left of a run by that. Knows no clock, no run and no page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeknal_nb.workflow.history import TIMED, usual

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Usual", "seconds_left"]


class Usual:
    """What each node usually takes: the median of its last good executions.

    Args:
        seconds: By node id, those of the records, the newest first.
    """

    def __init__(self, seconds: Mapping[str, Sequence[float]]) -> None:
        self._seconds = {node_id: list(found) for node_id, found in seconds.items()}

    def add(self, node_id: str, seconds: float) -> None:
        """One more good execution."""
        self._seconds[node_id] = [seconds, *self._seconds.get(node_id, ())][:TIMED]

    def of(self, node_id: str) -> float | None:
        """Seconds; None before the first build."""
        found = self._seconds.get(node_id)
        return usual(found) if found else None


def seconds_left(left: Sequence[int], edges: Iterable[tuple[int, int]], seconds: Mapping[int, float], workers: int) -> float:
    """What a run still takes: the longest way through what is left, or all of it, shared by the workers.

    Args:
        left: The nodes that have not come out, in topological order.
        edges: From -> to.
        seconds: What each of them still takes, as far as that is known.
        workers: How many run at a time.
    """
    ways = dict.fromkeys(left, 0.0)
    after: dict[int, list[int]] = {}
    for start, end in edges:
        if start in ways and end in ways:
            after.setdefault(start, []).append(end)
    for node in left:
        ways[node] += seconds.get(node, 0.0)
        for end in after.get(node, ()):
            ways[end] = max(ways[end], ways[node])
    return max([*ways.values(), sum(seconds.get(node, 0.0) for node in left) / workers])
