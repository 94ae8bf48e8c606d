"""A graph cut into layers, with stand-ins where an edge crosses a layer; knows no order and no coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from seeknal_nb.dag.order import find_cycle, kahn

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from seeknal_nb.draw.picture import Edge

__all__ = ["Layers", "components", "followers", "make_layers", "topological"]

# Chains are quadratic at worst: 10,000 nodes in a row that all feed the last one would need 50 million stand-ins.
CHAINS: Final = 5_000
CHAINS_PER_NODE: Final = 2


@dataclass(frozen=True, slots=True)
class Layers:
    """The nodes ``0 .. real - 1`` and after them the stand-ins; ``up`` and ``down`` join neighbouring layers only.

    ``chains`` holds the stand-ins of each edge in its direction; the long edges out of one node share theirs.
    """

    real: int
    rank: list[int]
    up: list[list[int]]
    down: list[list[int]]
    chains: list[list[int]]

    def by_rank(self, nodes: Iterable[int]) -> list[list[int]]:
        """The nodes of each layer, in the order given."""
        layers: list[list[int]] = [[] for _ in range(max(self.rank) + 1)]
        for node in nodes:
            layers[self.rank[node]].append(node)
        return layers


def followers(count: int, edges: Iterable[Edge]) -> list[list[int]]:
    """The ends of the edges out of each node, in the order of the edges."""
    down: list[list[int]] = [[] for _ in range(count)]
    for start, end in edges:
        down[start].append(end)
    return down


def topological(count: int, edges: Sequence[Edge]) -> list[int]:
    """Every node after those that feed it; raises ValueError where the edges form a cycle."""
    up, down = followers(count, [(end, start) for start, end in edges]), followers(count, edges)
    order = kahn(up, down)
    if len(order) < count:
        raise ValueError(f"the edges form a cycle: {' -> '.join(map(str, find_cycle(up, down)))}")
    return order


def components(count: int, edges: Iterable[Edge]) -> list[list[int]]:
    """The nodes that hang together, each group and the list in ascending order."""
    beside: list[list[int]] = [[] for _ in range(count)]
    for start, end in edges:
        beside[start].append(end)
        beside[end].append(start)
    seen = [False] * count
    found = []
    for first in range(count):
        if not seen[first]:
            seen[first] = True
            found.append(sorted(_reach(first, beside, seen)))
    return found


def _reach(first: int, beside: Sequence[Sequence[int]], seen: list[bool]) -> list[int]:
    reached = [first]
    for node in reached:  # grows while it is read
        for other in beside[node]:
            if not seen[other]:
                seen[other] = True
                reached.append(other)
    return reached


def make_layers(edges: Sequence[Edge], rank: list[int]) -> Layers:
    """The layers by rank. An edge that would need too many stand-ins gets none and joins no neighbours."""
    layers = Layers(len(rank), list(rank), [[] for _ in rank], [[] for _ in rank], [])
    longest = _longest_span(rank, edges)
    trunks: dict[int, list[int]] = {}
    for start, end in edges:
        span = rank[end] - rank[start]
        chain = _chain(layers, start, span, trunks.setdefault(start, [])) if span <= longest else []
        layers.chains.append(chain)
        if span <= longest:
            _join(layers, chain[-1] if chain else start, end)
    return layers


def _longest_span(rank: Sequence[int], edges: Iterable[Edge]) -> int:
    """How long an edge may be, so that the chains of all edges together stay within the limit."""
    left = CHAINS + CHAINS_PER_NODE * len(rank)
    longest = 1
    for span in sorted(rank[end] - rank[start] for start, end in edges):
        left -= span - 1
        if left < 0:
            break
        longest = span
    return longest


def _chain(layers: Layers, start: int, span: int, trunk: list[int]) -> list[int]:
    """The first ``span - 1`` stand-ins of the trunk out of ``start``, which grows where it is too short."""
    while len(trunk) < span - 1:
        layers.rank.append(layers.rank[start] + len(trunk) + 1)
        layers.up.append([])
        layers.down.append([])
        _join(layers, trunk[-1] if trunk else start, len(layers.rank) - 1)
        trunk.append(len(layers.rank) - 1)
    return trunk[: span - 1]


def _join(layers: Layers, start: int, end: int) -> None:
    layers.down[start].append(end)
    layers.up[end].append(start)
