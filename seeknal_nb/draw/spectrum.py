"""One number for each node, so that nodes that hang together have near numbers; knows no crossings."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeknal_nb.draw.layers import Layers

__all__ = ["spectrum"]

# On fewer nodes the import of numpy takes longer than the loop, which is kept to about 2 ms.
WITHOUT_NUMPY: Final = 200
BUDGET: Final = 6_000
ROUNDS: Final = 200
# Momentum (De Sa and others, "Accelerated stochastic power iteration", 2018) amplifies the eigenvalues above this one
# alone; 200 rounds of it do what 2,000 plain rounds did.
ABOVE: Final = 0.999
BETA: Final = ABOVE**2 / 4


def spectrum(layers: Layers, family: Sequence[int]) -> list[float]:
    """An approximate Fiedler vector by power iteration on the lazy random walk, from the places in ``family``.

    Those places themselves where a node has no neighbour, as the walk would have nowhere to go.
    """
    value = [0.0] * len(family)
    for place, node in enumerate(family):
        value[node] = float(place)
    beside = [[*up, *down] for up, down in zip(layers.up, layers.down, strict=True)]
    if not all(beside):
        return value
    return _in_python(beside, value) if len(beside) <= WITHOUT_NUMPY else _in_numpy(beside, value)


def _in_python(beside: Sequence[Sequence[int]], value: list[float]) -> list[float]:
    ends = sum(map(len, beside))
    before = [0.0] * len(value)
    for _ in range(min(ROUNDS, BUDGET // ends)):
        mean = sum([v * len(near) for v, near in zip(value, beside, strict=True)]) / ends
        value = [v - mean for v in value]
        walked = [
            0.5 * own + 0.5 * sum([value[other] for other in near]) / len(near) - BETA * old
            for own, near, old in zip(value, beside, before, strict=True)
        ]
        before, value = value, walked
    return value


def _in_numpy(beside: Sequence[Sequence[int]], start: Sequence[float]) -> list[float]:
    import numpy as np  # noqa: PLC0415  heavy, and of use for large pictures only

    degree = np.array([len(near) for near in beside])
    ends = np.fromiter(chain.from_iterable(beside), dtype=np.int64, count=int(degree.sum()))
    starts = np.concatenate(([0], np.cumsum(degree)[:-1]))
    share = degree / degree.sum()
    value, before = np.array(start), np.zeros(len(start))
    for _ in range(ROUNDS):
        # Not value @ share: that starts the threads of the BLAS, which took 1.6 s of CPU at 10,000 nodes.
        value = value - (value * share).sum()
        value, before = 0.5 * value + 0.5 * np.add.reduceat(value[ends], starts) / degree - BETA * before, value
    return [float(v) for v in value]
