"""Where the boxes and the edges of a graph go, in layers from left to right; knows no names, statuses or colours."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from seeknal_nb.draw.layers import Layers, components, make_layers
from seeknal_nb.draw.order import make_order
from seeknal_nb.draw.place import GAP, place
from seeknal_nb.draw.ranks import make_ranks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from seeknal_nb.draw.picture import Edge

__all__ = ["Box", "Layout", "Point", "layout"]

Point: TypeAlias = tuple[float, float]
Route: TypeAlias = tuple[Point, ...]

SIZE: Final = (168.0, 44.0)
# Between columns: wide enough for an arrow, and wider where edges climb far, so that they stay apart.
COLUMN_GAP: Final = (40.0, 96.0)
CLIMB: Final = 0.15
# Between pieces that no edge joins.
PIECE_GAP: Final = 2 * GAP
ASPECT: Final = 1.8


@dataclass(frozen=True, slots=True)
class Box:
    """Where a node stands; ``x`` and ``y`` are its top left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Layout:
    """A box for each node and a route for each edge, in the order given, within ``width`` x ``height``.

    A route goes from the middle of the right side of a box to the middle of the left side of another. Its points
    never go back to the left; it climbs between columns only, so that a curve that is level at each point meets no box.
    """

    boxes: tuple[Box, ...]
    routes: tuple[Route, ...]
    width: float
    height: float


def layout(count: int, edges: Sequence[Edge], *, sizes: Sequence[tuple[float, float]] | None = None) -> Layout:
    """Lay out ``count`` nodes of these widths and heights; the same graph always gives the same layout.

    Edges by index; a cycle or an index out of range is a ValueError. Pieces that no edge joins stand below and beside
    each other, large ones first. An edge over so many layers that the layout would grow quadratic goes straight.
    """
    if any(not (0 <= start < count and 0 <= end < count) for start, end in edges):
        what = f"an edge names a node outside 0 .. {count - 1}"
        raise ValueError(what)
    sizes = [SIZE] * count if sizes is None else sizes
    pieces = [_piece(nodes, own, edges, sizes) for nodes, own in _parts(count, edges)]
    joined = [piece for piece in pieces if piece.edges]
    alone = [piece for piece in pieces if not piece.edges]
    widest = max((piece.width for piece in joined), default=0.0)
    block = [_shelves(alone, GAP, widest)] if alone else []
    whole = _shelves([*joined, *block], PIECE_GAP, widest)
    boxes, routes = dict(zip(whole.nodes, whole.boxes, strict=True)), dict(zip(whole.edges, whole.routes, strict=True))
    return Layout(
        tuple([boxes[node] for node in range(count)]),
        tuple([routes[edge] for edge in range(len(edges))]),
        whole.width,
        whole.height,
    )


@dataclass(frozen=True, slots=True)
class _Piece:
    """A layout of some nodes and edges, by their indexes in the whole, from its own corner on."""

    nodes: Sequence[int]
    edges: Sequence[int]
    boxes: Sequence[Box]
    routes: Sequence[Route]
    width: float
    height: float


def _parts(count: int, edges: Sequence[Edge]) -> list[tuple[list[int], list[int]]]:
    """The nodes and the edges, by index, of each piece; the largest first."""
    groups = components(count, edges)
    part = [0] * count
    for index, nodes in enumerate(groups):
        for node in nodes:
            part[node] = index
    own: list[list[int]] = [[] for _ in groups]
    for index, (start, _) in enumerate(edges):
        own[part[start]].append(index)
    return sorted(zip(groups, own, strict=True), key=lambda both: -len(both[0]))


def _piece(nodes: list[int], own: list[int], edges: Sequence[Edge], sizes: Sequence[tuple[float, float]]) -> _Piece:
    widths, heights = [sizes[node][0] for node in nodes], [sizes[node][1] for node in nodes]
    if not own:
        return _Piece(nodes, own, [Box(0, 0, widths[0], heights[0])], [], widths[0], heights[0])
    index = {node: at for at, node in enumerate(nodes)}
    inner = [(index[edges[at][0]], index[edges[at][1]]) for at in own]
    layers = make_layers(inner, make_ranks(len(nodes), inner))
    heights += [0.0] * (len(layers.rank) - len(nodes))
    centre = place(layers, make_order(layers), heights)
    columns = _columns(layers, widths, centre)
    sides = zip(layers.rank, centre, widths, heights, strict=False)
    boxes = [Box(columns[rank][0], at - high / 2, wide, high) for rank, at, wide, high in sides]
    routes = [
        _route(
            boxes[start],
            boxes[end],
            columns[layers.rank[start]][1],
            [(*columns[layers.rank[at]], centre[at]) for at in chain],
        )
        for (start, end), chain in zip(inner, layers.chains, strict=True)
    ]
    return _Piece(nodes, own, boxes, routes, columns[-1][1], max(box.y + box.height for box in boxes))


def _columns(layers: Layers, widths: Sequence[float], centre: Sequence[float]) -> list[tuple[float, float]]:
    """The left and the right side of each layer."""
    wide, climb = [0.0] * (max(layers.rank) + 1), [0.0] * (max(layers.rank) + 1)
    for width, rank in zip(widths, layers.rank, strict=False):
        wide[rank] = max(wide[rank], width)
    for start, ends in enumerate(layers.down):
        for end in ends:
            rank = layers.rank[start]
            climb[rank] = max(climb[rank], abs(centre[end] - centre[start]))
    columns, left = [], 0.0
    for width, most in zip(wide, climb, strict=True):
        columns.append((left, left + width))
        left += width + round(min(max(COLUMN_GAP[0], CLIMB * most), COLUMN_GAP[1]))
    return columns


def _route(start: Box, end: Box, side: float, lanes: Iterable[tuple[float, float, float]]) -> Route:
    """From the box ``start`` to the side of its column, level through each lane, to the box ``end``."""
    out, into = start.y + start.height / 2, end.y + end.height / 2
    points = [(start.x + start.width, out), (side, out)]
    for left, right, at in lanes:
        points += [(left, at), (right, at)]
    points.append((end.x, into))
    inner = zip(points, points[1:], points[2:], strict=False)
    turns = [here for before, here, after in inner if not before[1] == here[1] == after[1]]
    return tuple(dict.fromkeys((points[0], *turns, points[-1])))


def _shelves(pieces: Sequence[_Piece], gap: float, least: float) -> _Piece:
    """Pieces side by side on shelves, ``least`` wide or, where that is more, ``ASPECT`` times as wide as high."""
    area = sum((piece.width + gap) * (piece.height + gap) for piece in pieces)
    limit = max(least, math.sqrt(area * ASPECT))
    boxes: list[Box] = []
    routes: list[Route] = []
    x = y = shelf = width = 0.0
    for piece in pieces:
        if x and x + piece.width > limit:
            x, y, shelf = 0.0, y + shelf + gap, 0.0
        boxes += [Box(box.x + x, box.y + y, box.width, box.height) for box in piece.boxes]
        routes += [tuple([(across + x, down + y) for across, down in route]) for route in piece.routes]
        width, shelf = max(width, x + piece.width), max(shelf, piece.height)
        x += piece.width + gap
    nodes = [node for piece in pieces for node in piece.nodes]
    edges = [edge for piece in pieces for edge in piece.edges]
    return _Piece(nodes, edges, boxes, routes, width, y + shelf)
