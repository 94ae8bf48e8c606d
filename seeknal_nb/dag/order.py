"""Kahn's algorithm and cycles over numbered nodes; knows nothing but numbers, and is iterative, so any depth works."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["adjacency", "find_cycle", "kahn"]


def adjacency(
    index: Mapping[str, int], pairs: Iterable[tuple[str, str]]
) -> tuple[list[list[int]], list[list[int]], list[tuple[str, str]]]:
    """Parents and children by number, in the order of the pairs, each pair once; and the pairs that lead nowhere."""
    parents: list[list[int]] = [[] for _ in index]
    children: list[list[int]] = [[] for _ in index]
    dangling = []
    for source, target in dict.fromkeys(pairs):
        a, b = index.get(source), index.get(target)
        if a is None or b is None:
            dangling.append((source, target))
        else:
            parents[b].append(a)
            children[a].append(b)
    return parents, children, dangling


def kahn(parents: Sequence[Sequence[int]], children: Sequence[Sequence[int]]) -> list[int]:
    """The numbers in topological order, ties by number; those on a cycle, and below one, are missing."""
    waiting = [len(p) for p in parents]
    ready = [number for number, count in enumerate(waiting) if not count]
    order: list[int] = []
    while ready:
        number = heapq.heappop(ready)
        order.append(number)
        for child in children[number]:
            waiting[child] -= 1
            if not waiting[child]:
                heapq.heappush(ready, child)
    return order


def find_cycle(parents: Sequence[Sequence[int]], children: Sequence[Sequence[int]]) -> list[int]:
    """One cycle along the edges, from its smallest number back to it; empty where there is none.

    What Kahn's algorithm leaves over has a predecessor each among the rest: walking back from any of them must meet
    a node twice.
    """
    left = set(range(len(parents))) - set(kahn(parents, children))
    if not left:
        return []
    number, seen = min(left), dict[int, int]()
    while number not in seen:
        seen[number] = len(seen)
        number = next(p for p in parents[number] if p in left)
    cycle = [n for n, at in seen.items() if at >= seen[number]][::-1]
    start = cycle.index(min(cycle))
    return [*cycle[start:], *cycle[:start], cycle[start]]
