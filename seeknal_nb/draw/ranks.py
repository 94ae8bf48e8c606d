"""The layer of each node, so that all edges together are as short as they can be; knows no order and no coordinates."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from seeknal_nb.draw.layers import followers, topological

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeknal_nb.draw.picture import Edge

__all__ = ["make_ranks"]

# Nodes looked at, about a microsecond each: enough for 1,000 nodes; 10,000 would take up to 5 s.
BUDGET: Final = 80_000


def make_ranks(count: int, edges: Sequence[Edge]) -> list[int]:
    """The layers from 0 on without a gap, each edge to a later one; of the shortest solutions that furthest to the left.

    The linear program of Gansner and others ("A technique for drawing directed graphs", 1993, section 2), by the
    primal-dual method instead of their network simplex: from the longest paths on, whatever would rather be further
    right, with what it pushes before it, moves there. For too large a graph it stops on the way.
    """
    pull = _Pull(_longest(count, edges), edges)
    while moving := pull.movers():
        pull.move(moving)
    layer = {rank: at for at, rank in enumerate(sorted(set(pull.rank)))}
    return [layer[rank] for rank in pull.rank]


def _longest(count: int, edges: Sequence[Edge]) -> list[int]:
    after = followers(count, edges)
    rank = [0] * count
    for node in topological(count, edges):
        for end in after[node]:
            rank[end] = max(rank[end], rank[node] + 1)
    return rank


class _Pull:
    """Each edge pulls its start to the right and its end to the left; ``rank`` has the layers so far."""

    def __init__(self, rank: list[int], edges: Sequence[Edge]) -> None:
        self.rank = rank
        self._budget = BUDGET
        self._after = followers(len(rank), edges)
        # The pull to the right that is left of a node when that of others is set against it, over edges of length 1.
        self._left = [len(ends) for ends in self._after]
        for _, end in edges:
            self._left[end] -= 1
        self._from: defaultdict[int, dict[int, int]] = defaultdict(dict)

    def movers(self) -> list[int]:
        """The nodes that are pulled to the right more than to the left, with all that they push; empty at the end."""
        while self._budget > 0:
            reached, come_from = self._search()
            against = [node for node in reached if self._left[node] < 0]
            if not against:
                return reached
            for node in against:
                if self._budget > 0:
                    self._offset(node, come_from)
        return []

    def _search(self) -> tuple[list[int], dict[int, int]]:
        """All that the pull to the right reaches, and from where: over the edges of length 1, and back where it went."""
        queue = [node for node, left in enumerate(self._left) if left > 0]
        come_from = dict.fromkeys(queue, -1)
        for node in queue:  # grows while it is read
            next_rank = self.rank[node] + 1
            near = [end for end in self._after[node] if self.rank[end] == next_rank]
            if node in self._from:
                near += [start for start, pull in self._from[node].items() if pull]
            for other in near:
                if other not in come_from:
                    come_from[other] = node
                    queue.append(other)
        self._budget -= len(queue)
        return queue, come_from

    def _offset(self, node: int, come_from: dict[int, int]) -> None:
        """Set the pull that came here against that of the node to the left."""
        way = [node]
        while come_from[way[-1]] >= 0:
            way.append(come_from[way[-1]])
        self._budget -= len(way)
        back = [self._from[start][end] for end, start in pairwise(way) if self._backward(start, end)]
        pull = min(self._left[way[-1]], -self._left[node], *back)
        for end, start in pairwise(way):
            if self._backward(start, end):
                self._from[start][end] -= pull
            else:
                self._from[end][start] = self._from[end].get(start, 0) + pull
        self._left[way[-1]] -= pull
        self._left[node] += pull

    def _backward(self, start: int, end: int) -> bool:
        return self.rank[end] < self.rank[start]

    def move(self, nodes: Sequence[int]) -> None:
        """As far to the right as no edge hinders."""
        moving = set(nodes)
        step = min(self.rank[end] - self.rank[node] - 1 for node in nodes for end in self._after[node] if end not in moving)
        for node in nodes:
            self.rank[node] += step
