"""What the browser is given says what the picture says, byte for byte."""

from __future__ import annotations

import json
import math
import random
import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from waiting import calls

from seeknal_nb.draw import Mark, Picture, edges_of, make_scene, nodes_of, snapshot_of
from seeknal_nb.draw.icons import ICONS, OTHER
from seeknal_nb.draw.scene import HIDDEN, MOST
from seeknal_nb.status import LOOKS, NUMBERS


def uints(data: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(data) // 4}I", data)


def floats(data: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(data) // 4}f", data)


def pairs(values: tuple) -> list[tuple]:
    return list(zip(values[::2], values[1::2], strict=True))


def pipeline(count: int, seed: int = 1) -> Picture:
    """Domains of 40 nodes, sources first, one to three inputs each."""
    chance = random.Random(seed)
    marks, edges = [], []
    for node in range(count):
        first = node - node % 40
        source = node - first < 12
        kind = "source" if source else chance.choice(("transform", "aggregation", "model"))
        marks.append(Mark(f"{kind}.n{node}", kind, f"n{node}", "pending", (f"t{first}",), "", f"f{first % 400}"))
        inputs = set() if source else {chance.randrange(first, node) for _ in range(chance.choice((1, 1, 2, 3)))}
        edges += [(other, node) for other in sorted(inputs)]
    return Picture(tuple(marks), tuple(edges))


@st.composite
def views(draw: st.DrawFn) -> tuple[Picture, dict]:
    picture = pipeline(draw(st.integers(1, 90)), draw(st.integers(0, 9)))
    by = draw(st.sampled_from(["", "kind", "tag", "folder"]))
    node = draw(st.none() | st.integers(0, len(picture.marks) - 1))
    closed = make_scene(picture, by=by, focus=node)
    opened = frozenset(filter(None, draw(st.sets(st.sampled_from(closed.keys)))))
    return picture, {"by": by, "focus": node, "opened": opened}


@given(views())
def test_every_node_is_hidden_or_in_one_unit_and_every_unit_has_its_box(view):
    picture, asked = view
    scene = make_scene(picture, **asked)
    units = len(scene.keys)
    assert scene.count == len(scene.unit) == len(picture.marks)
    assert set(scene.unit) - {HIDDEN} == set(range(units))
    assert len(floats(scene.boxes)) == 4 * units
    assert {unit for unit, *_ in scene.groups} == {unit for unit, key in enumerate(scene.keys) if key}
    for unit, _, _, size in scene.groups:
        assert scene.unit.count(unit) == size > 1
    hidden = HIDDEN in scene.unit or scene.groups
    assert bool(scene.note) == bool(hidden)


@given(views())
def test_every_edge_between_what_is_shown_is_drawn_from_box_to_box(view):
    picture, asked = view
    scene = make_scene(picture, **asked)
    drawn, starts, points = pairs(uints(scene.edges)), uints(scene.starts), pairs(floats(scene.points))
    joined = {(scene.unit[start], scene.unit[end]) for start, end in picture.edges}
    assert set(drawn) == {(start, end) for start, end in joined if start != end and HIDDEN not in (start, end)}
    assert (starts[0], starts[-1], len(starts)) == (0, len(points), len(drawn) + 1)
    for edge, (start, end) in enumerate(drawn):
        route = points[starts[edge] : starts[edge + 1]]
        x, y, width, height = floats(scene.boxes)[4 * start : 4 * start + 4]
        assert route[0] == pytest.approx((x + width, y + height / 2), abs=0.01)
        x, y, width, height = floats(scene.boxes)[4 * end : 4 * end + 4]
        assert route[-1] == pytest.approx((x, y + height / 2), abs=0.01)


@given(views())
def test_the_browser_gets_bytes_and_what_json_can_hold(view):
    picture, asked = view
    scene = make_scene(picture, **asked).to_dict()
    sent = {name: value for name, value in scene.items() if not isinstance(value, bytes)}
    assert json.loads(json.dumps(sent)) == sent
    assert sent.keys() == {"width", "height", "groups", "note", "by", "asked", "singly", "focus", "opened"}
    assert scene.keys() - sent.keys() == {"boxes", "edges", "starts", "points", "unit"}
    assert sent["focus"] == (-1 if asked["focus"] is None else asked["focus"])


def test_a_group_of_the_browser_has_its_name_its_kind_and_its_size():
    picture = pipeline(80)
    assert {tuple(group[1:]) for group in make_scene(picture, by="tag").to_dict()["groups"]} >= {("t0", "", 40)}
    assert {(name, kind) for _, name, kind, _ in make_scene(picture, by="kind").groups} >= {("source", ""), ("model", "")}
    sources = Picture(picture.marks[:12], ())
    assert make_scene(sources, by="tag").groups == ((0, "t0", "source", 12),)


def test_all_boxes_are_equally_wide_with_room_for_what_a_run_will_tell():
    """A scene stays while its nodes get their rows and times."""
    picture = Picture(tuple(Mark(f"k.n{at}", "k", f"n{at}", "pending", (f"t{at // 2}",)) for at in range(3)), ())
    later = Picture((Mark("k.n", "k", "n", "success", detail="336,776 rows · 0.52 s"),), ())
    scene, after = make_scene(picture, by="tag"), make_scene(later)
    boxes = [floats(each)[2:4] for each in (scene.boxes[:16], scene.boxes[16:], after.boxes)]
    assert boxes == [(boxes[0][0], 64), (boxes[0][0], 44), (boxes[0][0], 44)]


def test_a_group_is_opened_by_its_key():
    picture = pipeline(80)
    closed = make_scene(picture, by="tag")
    unit, name, _, size = closed.groups[0]
    scene = make_scene(picture, by="tag", opened=frozenset([closed.keys[unit]]))
    assert len(scene.keys) == len(closed.keys) - 1 + size
    assert name not in {name for _, name, _, _ in scene.groups}


def plain_kinds(count: int) -> Picture:
    """Without tags and folders."""
    picture = pipeline(count)
    return Picture(tuple(replace(mark, tags=(), folder="") for mark in picture.marks), picture.edges)


def test_above_the_limit_it_groups_by_kind_and_says_so():
    assert make_scene(pipeline(MOST)).note == ""
    scene = make_scene(plain_kinds(MOST + 1))
    assert scene.note.startswith("1,501 nodes and ")
    assert "of one kind at one depth" in scene.note
    assert (scene.by, scene.asked, scene.singly) == ("kind", "", False)
    assert (make_scene(pipeline(MOST)).by, make_scene(pipeline(MOST)).singly) == ("", True)


def tagged(tags: int, folders: int, untagged: int = 0) -> Picture:
    """A large picture of some tags and folders; the first nodes have no tag."""
    return Picture(
        tuple(
            Mark(f"k.n{at}", "k", f"n{at}", "pending", () if at < untagged else (f"t{at % tags}",), folder=f"f{at % folders}")
            for at in range(MOST + 1)
        ),
        (),
    )


GROUPINGS = {
    "five tags": (tagged(5, 1), "tag"), "forty": (tagged(40, 1), "tag"), "too few": (tagged(4, 1), "kind"), "too many": (tagged(41, 1), "kind"),
    "folders then": (tagged(41, 5), "folder"), "tags before folders": (tagged(9, 9), "tag"),
    "most nodes have no tag": (tagged(9, 1, MOST), "kind"), "many have none": (tagged(9, 1, MOST // 2), "tag"),
}  # fmt: skip


@pytest.mark.parametrize(("picture", "by"), GROUPINGS.values(), ids=GROUPINGS)
def test_a_large_picture_is_grouped_by_tags_or_folders_where_these_make_five_to_forty_groups(picture, by):
    scene = make_scene(picture)
    assert (scene.by, scene.asked) == (by, "")
    assert f"of one {by} at one depth" in scene.note
    key = next(filter(None, scene.keys))
    assert make_scene(picture, opened=frozenset([key])).by == by
    assert make_scene(picture, by="kind").by == "kind"
    assert make_scene(picture, focus=0).by == ""


def test_a_large_focus_is_grouped_too():
    count = MOST + 10
    picture = Picture(plain_kinds(count).marks, tuple((0, node) for node in range(1, count - 1)))
    scene = make_scene(picture, focus=0)
    assert len(scene.keys) < 10
    assert scene.unit[-1] == HIDDEN
    assert scene.note.startswith("1,509 of 1,510 nodes: what source.n0 reads")
    assert "1,509 nodes and 1,508 edges are shown as" in scene.note


def test_an_empty_pipeline_is_an_empty_scene():
    scene = make_scene(Picture((), ()))
    assert (scene.boxes, uints(scene.starts), scene.note) == (b"", (0,), "")


def test_nodes_are_named_once():
    marks = (Mark("a.x", "a", "x", "success", ("t", "u")), Mark("b.y", "b", "y\u202e", "success", ("u",)))
    nodes = nodes_of(Picture(marks, ((0, 1),)), "title\x00")
    assert [f"{nodes['kinds'][kind]}.{name}" for kind, name in zip(nodes["kind"], nodes["name"], strict=True)] == [
        "a.x",
        r"b.y\u202e",
    ]
    assert [[nodes["tag_names"][tag] for tag in tags] for tags in nodes["tags"]] == [["t", "u"], ["u"]]
    assert nodes["title"] == r"title\x00"
    assert uints(edges_of(Picture(marks, ((0, 1),)))) == (0, 1)


def test_looks_stand_in_the_order_of_their_numbers():
    """The browser has the looks as a list, and how a node stands as a number; colours are the style sheet's."""
    looks = nodes_of(Picture((), ()), "")["looks"]
    assert [NUMBERS[look["name"]] for look in looks] == list(range(len(LOOKS)))
    look = looks[NUMBERS["pending"]]
    assert [look["name"] for look in sorted(looks, key=lambda look: look["rank"])] == list(LOOKS)
    assert look.keys() == {"name", "word", "many", "rank", "border", "dash", "bold", "italic", "unreached", "hollow", "sign"}
    assert look["word"] == "never run"
    assert look["sign"] == {"d": LOOKS["pending"].sign.d, "width": 1.8, "filled": False}


def test_a_snapshot_has_status_rows_and_seconds():
    marks = (Mark("a", "k", "a", "failed"), Mark("b", "k", "b", "cached", rows=2**40, seconds=0.5))
    shot = snapshot_of(Picture(marks, ()))
    rows, seconds = struct.unpack("<2d", shot["rows"]), floats(shot["seconds"])
    assert list(shot["status"]) == [NUMBERS["failed"], NUMBERS["cached"]]
    assert (rows[1], seconds[1]) == (2**40, 0.5)
    assert math.isnan(rows[0])
    assert math.isnan(seconds[0])
    assert shot["run"]["mode"] == ""
    assert shot["more"] == {}


def test_what_few_nodes_have_is_told_of_these_alone():
    marks = (Mark("a", "k", "a", "success"), Mark("b", "k", "b", "cached", checks=(7, 8), warns=1, kept=("view",), why="x\n"))
    shot, nodes = snapshot_of(Picture(marks, ())), nodes_of(Picture(marks, ()), "")
    assert shot["more"] == {"1": {"checks": [7, 8], "warns": 1, "why": "x\\n", "cached": True}}
    assert nodes["kept"] == {1: ["view"]}
    assert list(shot["status"]) == [NUMBERS["success"], NUMBERS["warning"]]


def test_each_kind_has_its_picture():
    marks = (Mark("a", "source", "a", "success"), Mark("b", "toy", "b", "success"))
    assert nodes_of(Picture(marks, ()), "")["icons"] == [ICONS["source"], OTHER]


@pytest.mark.parametrize("count", [1_000, 10_000])
def test_a_scene_is_made_while_one_waits(count):
    """What it costs, whatever the machine: a large graph is drawn in groups, for no more than a middling one."""
    picture = pipeline(count)
    assert calls(lambda: make_scene(picture).to_dict()) < 2_500_000
