"""The order of the nodes in each layer, with few crossings; knows no sizes and no coordinates."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from typing import TYPE_CHECKING, Final

from seeknal_nb.draw.spectrum import spectrum

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from seeknal_nb.draw.layers import Layers

__all__ = ["crossings", "make_order"]

# Measured: above 500 nodes and stand-ins the start that has fewer crossings stays ahead; eight sweeps get what 24 do
# but for 1 %; above 5,000 a second sweep makes it worse.
SMALL: Final = 500
LARGE: Final = 5_000
PATIENCE: Final = 3
PASSES: Final = 8


def make_order(layers: Layers) -> list[list[int]]:
    """The nodes of each layer from top to bottom: the best of the orders that the sweeps came to.

    Two starts are tried: depth first, which keeps families together, and from there the spectral order. That has half
    the crossings in the end where the graph is tangled, and more where it is nearly a tree.
    """
    family = _depth_first(layers)
    start = layers.by_rank(family)
    if not crossings(layers, start):
        return start
    value = spectrum(layers, family)
    starts = [layers.by_rank(sorted(family, key=value.__getitem__)), start]
    if len(family) > SMALL:
        starts = [min(starts, key=lambda start: crossings(layers, start))]
    return min((_search(layers, start) for start in starts), key=lambda order: crossings(layers, order))


def crossings(layers: Layers, order: Iterable[Sequence[int]]) -> int:
    """How many pairs of edges cross, counted from layer to layer."""
    rows = list(order)
    place = _places(layers, rows)
    return sum(_inversions([sorted(place[end] for end in layers.down[node]) for node in row]) for row in rows)


def _inversions(rows: Iterable[Sequence[int]]) -> int:
    found = 0
    seen: list[int] = []
    for row in rows:
        for place in row:
            found += len(seen) - bisect_right(seen, place)
        for place in row:
            insort(seen, place)
    return found


def _places(layers: Layers, order: Iterable[Sequence[int]]) -> list[int]:
    place = [0] * len(layers.rank)
    for row in order:
        for index, node in enumerate(row):
            place[node] = index
    return place


def _depth_first(layers: Layers) -> list[int]:
    """Each node is followed by what hangs on it, both ways."""
    seen = [False] * len(layers.rank)
    found = []
    for first in range(len(seen)):
        stack = [first]
        while stack:
            node = stack.pop()
            if not seen[node]:
                seen[node] = True
                found.append(node)
                stack.extend(reversed(layers.up[node]))
                stack.extend(reversed(layers.down[node]))
    return found


def _search(layers: Layers, start: list[list[int]]) -> list[list[int]]:
    """Barycentre sweeps to and fro (Sugiyama 1981), each with a transpose pass (Gansner 1993)."""
    order = [list(row) for row in start]
    best, fewest, idle = start, crossings(layers, start), 0
    for sweep in range(_sweeps(len(layers.rank))):
        if not fewest or idle == PATIENCE:
            break
        _sweep(layers, order, forward=sweep % 2 == 0)
        now = crossings(layers, order)
        idle += 1
        if now < fewest:
            best, fewest, idle = [list(row) for row in order], now, 0
    return best


def _sweeps(size: int) -> int:
    return 1 if size > LARGE else 8


def _sweep(layers: Layers, order: list[list[int]], *, forward: bool) -> None:
    place = _places(layers, order)
    near, far = (layers.up, layers.down) if forward else (layers.down, layers.up)
    for row in order if forward else reversed(order):
        if len(row) > 1:
            _by_mean(row, [[place[other] for other in near[node]] for node in row])
            _transpose(
                row,
                [sorted([place[other] for other in near[node]]) for node in row],
                [sorted([place[other] for other in far[node]]) for node in row],
            )
            for index, node in enumerate(row):
                place[node] = index


def _by_mean(row: list[int], beside: Sequence[Sequence[int]]) -> None:
    """Sort by the mean place of the neighbours; a node without any keeps its place."""
    mean = {node: sum(places) / len(places) for node, places in zip(row, beside, strict=True) if places}
    ranked = iter(sorted(mean, key=mean.__getitem__))
    row[:] = [next(ranked) if node in mean else node for node in row]


def _transpose(row: list[int], above: list[list[int]], below: list[list[int]]) -> None:
    """Swap neighbours while that saves crossings; after the first pass, only those beside a swap."""
    pairs = list(range(len(row) - 1))
    for _ in range(PASSES):
        swapped = set()
        for at in pairs:
            if _saved(above[at], above[at + 1]) + _saved(below[at], below[at + 1]) > 0:
                row[at], row[at + 1] = row[at + 1], row[at]
                above[at], above[at + 1] = above[at + 1], above[at]
                below[at], below[at + 1] = below[at + 1], below[at]
                swapped.add(at)
        if not swapped:
            return
        pairs = [at for at in range(len(row) - 1) if at - 1 in swapped or at + 1 in swapped]


def _saved(first: Sequence[int], second: Sequence[int]) -> int:
    """The crossings that go away when the owner of ``second`` goes before the owner of ``first``."""
    if len(first) == len(second) == 1:
        return (first[0] > second[0]) - (first[0] < second[0])
    if not first or not second:
        return 0
    if first[-1] < second[0]:
        return -len(first) * len(second)
    return sum([bisect_left(second, place) + bisect_right(second, place) for place in first]) - len(first) * len(second)
