"""What a browser is given to draw a picture: names once, geometry as bytes; knows no widget and no run.

All numbers are little endian. A *unit* is what is drawn: a node, or a group of nodes.
"""

from __future__ import annotations

import math
import struct
from dataclasses import asdict, dataclass
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any, Final

from seeknal_nb.draw.collapse import group, grouping, whole
from seeknal_nb.draw.focus import Focused
from seeknal_nb.draw.focus import focus as focus_on
from seeknal_nb.draw.icons import icon_of
from seeknal_nb.draw.layout import layout
from seeknal_nb.draw.measure import sizes
from seeknal_nb.draw.picture import plain
from seeknal_nb.status import LOOKS, NUMBERS, ExecutionStatus, word_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from seeknal_nb.draw.collapse import Collapsed, Key
    from seeknal_nb.draw.picture import Mark, Picture

__all__ = ["HIDDEN", "MOST", "Fact", "Scene", "edges_of", "fact_of", "make_scene", "nodes_of", "packed", "snapshot_of"]

HIDDEN: Final = 0xFFFFFFFF
"""The unit of a node that no unit shows."""
MOST: Final = 1_500
"""A picture of more nodes shows groups, unless somebody opens them."""

SHOWN: Final = ("sign", "many", "border", "dash", "bold", "italic", "unreached", "hollow")
"""What the browser is told of a look."""

# Boxes keep their width during a run, so there is room for how a node will have gone.
DETAIL_TO_COME: Final = "336,776 rows · 10.5 s"


@dataclass(frozen=True, slots=True)
class Scene:
    """What is drawn where.

    Attributes:
        width: Of the whole.
        height: Of the whole.
        boxes: float32 x, y, width, height of each unit.
        edges: uint32 pairs, unit -> unit.
        starts: uint32, one more than edges: where in ``points`` the route of each edge starts.
        points: float32 pairs. A route is level at each of its points.
        unit: The unit that shows each node, by node, or ``HIDDEN``.
        keys: By unit, what ``make_scene`` takes in ``opened`` to open it; None where it is a single node.
        groups: (unit, name, the kind of all its members unless the name says it, how many) of each group.
        note: What is hidden; empty where nothing is.
        by: What the nodes are grouped by; empty where all are shown.
        asked: Likewise, as somebody asked for it; empty where nobody did.
        singly: Whether all of them can be shown one by one.
        focus: The node in focus, or -1.
        opened: Whether some groups are shown node by node.
    """

    width: float
    height: float
    boxes: bytes
    edges: bytes
    starts: bytes
    points: bytes
    unit: tuple[int, ...]
    keys: tuple[Key | None, ...]
    groups: tuple[tuple[int, str, str, int], ...]
    note: str
    by: str
    asked: str
    singly: bool
    focus: int
    opened: bool

    @property
    def count(self) -> int:
        """How many nodes the picture has, shown or not."""
        return len(self.unit)

    def to_dict(self) -> dict[str, Any]:
        """The ``scene`` of the browser."""
        parts = {name: getattr(self, name) for name in self.__slots__ if name != "keys"}
        return {**parts, "unit": _uints(self.unit), "groups": [list(one) for one in self.groups]}


def nodes_of(picture: Picture, title: str) -> dict[str, Any]:
    """What stays the same for all scenes of a picture: names, kinds, tags and the like by node, and the looks.

    ``looks`` stand in the order of their numbers, each with its ``rank``, the worst being 0; ``kept`` has the nodes that are
    kept otherwise than as a table.
    """
    kinds = _numbered(mark.kind for mark in picture.marks)
    tags = _numbered(tag for mark in picture.marks for tag in mark.tags)
    return {
        "title": plain(title),
        "kinds": list(map(plain, kinds)),
        "icons": [icon_of(kind) for kind in kinds],
        "kind": [kinds[mark.kind] for mark in picture.marks],
        "name": [plain(mark.name) for mark in picture.marks],
        "tag_names": list(map(plain, tags)),
        "tags": [[tags[tag] for tag in mark.tags] for mark in picture.marks],
        "kept": {at: list(map(plain, mark.kept)) for at, mark in enumerate(picture.marks) if mark.kept},
        "looks": [_look(name) for name in sorted(LOOKS, key=NUMBERS.__getitem__)],
    }


def _numbered(names: Iterable[str]) -> dict[str, int]:
    return {name: at for at, name in enumerate(dict.fromkeys(names))}


def _look(name: str) -> dict[str, Any]:
    """Without colours, which stand in the style sheet."""
    told = asdict(LOOKS[name])
    return {"name": str(name), "word": word_of(name), "rank": list(LOOKS).index(name), **{one: told[one] for one in SHOWN}}


def edges_of(picture: Picture) -> bytes:
    """The edges from node to node, as uint32 pairs."""
    return _uints(chain.from_iterable(picture.edges))


@dataclass(frozen=True, slots=True)
class Fact:
    """How one node stands, as the browser is told it.

    Attributes:
        look: Its number.
        rows: None where there are none.
        seconds: Likewise; of a node that runs, since it began.
        more: What few nodes have: ``checks`` (passed, all), ``warns``, ``cached`` where its look says something else,
            ``why``, and ``expect``, the seconds it may take.
    """

    look: int
    rows: int | None
    seconds: float | None
    more: Mapping[str, Any]


def fact_of(mark: Mark) -> Fact:
    """How a mark stands."""
    more: dict[str, Any] = {"checks": mark.checks and list(mark.checks), "warns": mark.warns, "why": plain(mark.why)}
    more["parts"] = mark.parts and list(mark.parts)
    more["cached"] = mark.status == ExecutionStatus.CACHED != mark.look
    told = {name: value for name, value in more.items() if value}
    return Fact(NUMBERS[mark.look], mark.rows, mark.seconds and round(mark.seconds, 3), told)


def snapshot_of(picture: Picture) -> dict[str, Any]:
    """How the nodes stand while nothing runs."""
    run = {"mode": "", "done": 0, "todo": 0, "elapsed": 0.0, "now": [], "queued": 0, "cancelling": False}
    rest = {"left": 0, "least": False, "warned": 0, "text": "", "notes": []}
    return packed(list(map(fact_of, picture.marks)), {**run, **rest})


def packed(facts: Sequence[Fact], run: Mapping[str, Any]) -> dict[str, Any]:
    """The ``snapshot`` of the browser: how each node stands, and the run that goes on."""
    return {
        "status": bytes(fact.look for fact in facts),
        "rows": _packed("d", [math.nan if fact.rows is None else fact.rows for fact in facts]),
        "seconds": _packed("f", [math.nan if fact.seconds is None else fact.seconds for fact in facts]),
        "more": {str(at): fact.more for at, fact in enumerate(facts) if fact.more},
        "run": dict(run),
    }


def make_scene(picture: Picture, *, by: str = "", opened: frozenset[Key] = frozenset(), focus: int | None = None) -> Scene:
    """Lay out the picture, or what leads to and from the node in ``focus``.

    Grouped by kind, tag or folder as ``by`` says, the groups in ``opened`` shown node by node. Without ``by``, what is
    more than ``MOST`` nodes is grouped as ``collapse.grouping`` says.

    Raises:
        ValueError: ``by`` is not known.
        IndexError: ``focus`` is no node.
    """
    part = _all(picture) if focus is None else focus_on(picture, focus)
    singly = len(part.nodes) <= MOST
    chosen = by or ("" if singly else grouping(part.picture))
    shown = group(part.picture, by=chosen, opened=opened, most=MOST) if chosen else whole(part.picture)
    unit = [HIDDEN] * len(picture.marks)
    for node, at in zip(part.nodes, shown.unit, strict=True):
        unit[node] = at
    note = ". ".join(filter(None, (part.note, shown.note)))
    return Scene(
        **_geometry(shown),
        unit=tuple(unit),
        keys=shown.keys,
        groups=tuple(_groups(shown)),
        note=note,
        by=chosen,
        asked=by,
        singly=singly,
        focus=-1 if focus is None else focus,
        opened=bool(opened),
    )


def _all(picture: Picture) -> Focused:
    return Focused(picture, tuple(range(len(picture.marks))), "")


def _geometry(shown: Collapsed) -> dict[str, Any]:
    placed = layout(len(shown.keys), shown.picture.edges, sizes=sizes(shown, least=DETAIL_TO_COME))
    return {
        "width": placed.width,
        "height": placed.height,
        "boxes": _packed("f", [side for box in placed.boxes for side in (box.x, box.y, box.width, box.height)]),
        "edges": edges_of(shown.picture),
        "starts": _uints(accumulate(map(len, placed.routes), initial=0)),
        "points": _packed("f", [side for route in placed.routes for point in route for side in point]),
    }


def _groups(shown: Collapsed) -> Iterable[tuple[int, str, str, int]]:
    for unit, (key, mark, members) in enumerate(zip(shown.keys, shown.picture.marks, shown.members, strict=True)):
        if key:
            kinds = {member.kind for member in members}
            told = kinds == {mark.kind} or len(kinds) > 1
            yield unit, plain(mark.kind), "" if told else plain(members[0].kind), len(members)


def _uints(numbers: Iterable[int]) -> bytes:
    return _packed("I", list(numbers))


def _packed(kind: str, numbers: Sequence[float]) -> bytes:
    return struct.pack(f"<{len(numbers)}{kind}", *numbers)
