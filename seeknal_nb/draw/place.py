"""Where the nodes of ordered layers stand along their layer; knows no picture and moves no node past another."""

from __future__ import annotations

import math
from itertools import islice, pairwise
from operator import le
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeknal_nb.draw.layers import Layers

__all__ = ["fit", "place"]

# Between two boxes, and beside a line that passes.
GAP: Final = 14.0
LANE: Final = 10.0
# Above LARGE nodes and stand-ins, one turn: nobody sees the difference, and three take half a second more.
TURNS: Final = 3
LARGE: Final = 5_000


def place(layers: Layers, order: Sequence[Sequence[int]], heights: Sequence[float]) -> list[float]:
    """The centre of each node along its layer, the least one being above 0 by half its height.

    Each layer is moved to the means of its neighbours, as near as order and gaps allow, to and fro and then from both
    sides at once.
    """
    rows = [(row, _offsets(layers, row, heights)) for row in order]
    centre = [0.0] * len(layers.rank)
    for row, offset in rows:
        for node, at in zip(row, offset, strict=True):
            centre[node] = at - offset[-1] / 2
    turns = TURNS if len(centre) <= LARGE else 1
    for beside in (layers.up, layers.down) * turns:
        for row, offset in reversed(rows) if beside is layers.down else rows:
            _settle(row, offset, beside, centre)
    both = [near + far for near, far in zip(layers.up, layers.down, strict=True)]
    room, chains = _Room(rows, centre), _chains(layers)
    for _ in range(turns):
        for row, offset in rows:
            _settle(row, offset, both, centre)
        for chain in chains:
            _straighten(chain, room)
    top = min(at - height / 2 for at, height in zip(centre, heights, strict=True))
    return [round(at - top, 1) for at in centre]


def _offsets(layers: Layers, row: Sequence[int], heights: Sequence[float]) -> list[float]:
    """The least distance of each centre from the first one."""
    offsets = [0.0]
    for above, below in pairwise(row):
        gap = LANE if max(above, below) >= layers.real else GAP
        offsets.append(offsets[-1] + (heights[above] + heights[below]) / 2 + gap)
    return offsets


def _settle(row: Sequence[int], offset: Sequence[float], beside: Sequence[list[int]], centre: list[float]) -> None:
    """Move a layer to the means of its neighbours; a node that has none stays, and yields to the others."""
    wanted, weights = [], []
    for node, least in zip(row, offset, strict=True):
        others = beside[node]
        mean = sum([centre[other] for other in others]) / len(others) if others else centre[node]
        wanted.append(mean - least)
        weights.append(len(others) or 0.01)
    for node, least, at in zip(row, offset, fit(wanted, weights), strict=True):
        centre[node] = at + least


def fit(wanted: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The ascending sequence nearest to ``wanted`` by weighted squares (pool adjacent violators, Ayer 1955)."""
    if all(map(le, wanted, islice(wanted, 1, None))):
        return list(wanted)
    pools: list[tuple[float, float, int]] = []
    for value, weight in zip(wanted, weights, strict=True):
        mean, heft, size = value, weight, 1
        while pools and pools[-1][0] > mean:
            before, more, members = pools.pop()
            mean = (mean * heft + before * more) / (heft + more)
            heft, size = heft + more, size + members
        pools.append((mean, heft, size))
    return [mean for mean, _, size in pools for _ in range(size)]


def _straighten(chain: Sequence[int], room: _Room) -> None:
    """Bring a chain to one height, or to as few as the nodes beside it leave room for.

    The means before bend a long edge a little at each layer, which looks unsteady.
    """
    run: list[int] = []
    least, most = -math.inf, math.inf
    for node in chain:
        low, high = room.of(node)
        if max(least, low) > min(most, high):
            room.level(run, least, most)
            run, least, most = [], low, high
        run.append(node)
        least, most = max(least, low), min(most, high)
    room.level(run, least, most)


class _Room:
    """How far each node may move between those beside it, wherever these are by now."""

    def __init__(self, rows: Sequence[tuple[Sequence[int], Sequence[float]]], centre: list[float]) -> None:
        self.centre = centre
        self.before: dict[int, tuple[int, float]] = {}
        self.after: dict[int, tuple[int, float]] = {}
        for row, offset in rows:
            for (first, start), (second, end) in pairwise(zip(row, offset, strict=True)):
                self.before[second] = first, end - start
                self.after[first] = second, end - start

    def of(self, node: int) -> tuple[float, float]:
        low, high = -math.inf, math.inf
        if node in self.before:
            other, gap = self.before[node]
            low = self.centre[other] + gap
        if node in self.after:
            other, gap = self.after[node]
            high = self.centre[other] - gap
        return min(low, self.centre[node]), max(high, self.centre[node])

    def level(self, run: Sequence[int], least: float, most: float) -> None:
        mean = sum(self.centre[node] for node in run) / len(run)
        for node in run:
            self.centre[node] = min(max(mean, least), most)


def _chains(layers: Layers) -> list[list[int]]:
    """The stand-ins of one edge, with what hangs on nothing else; and nodes that follow each other alone."""
    real = layers.real
    after = {
        node: end
        for node, ends in enumerate(layers.down)
        for end in ends
        if min(node, end) >= real or len(ends) == len(layers.up[end]) == 1
    }
    chains = []
    for node in sorted(after.keys() - after.values()):
        chain = [node]
        while chain[-1] in after:
            chain.append(after[chain[-1]])
        chains.append(chain)
    return chains
