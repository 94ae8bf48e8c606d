"""The laws of the SVG: well-formed, inert, complete, and legible."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from texts import ANY_TEXT, MARKS

from seeknal_nb.draw import Mark, Picture, svg
from seeknal_nb.draw.collapse import LIMIT, collapse
from seeknal_nb.draw.icons import ICONS, OTHER
from seeknal_nb.draw.measure import fitted, fitted_name, kept_parts, text_width
from seeknal_nb.status import LOOKS, word_of

NS = "{http://www.w3.org/2000/svg}"
ELEMENTS = {"svg", "title", "desc", "g", "rect", "path", "circle", "text"}
ATTRIBUTES = {
    *("role", "width", "height", "viewBox", "style", "class", "transform", "x", "y", "r", "rx", "d", "color", "fill"),
    *("stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin"),
    *("font-family", "font-size", "font-weight", "font-style"),
}


def large(count: int, kinds: int) -> Picture:
    marks = tuple(Mark(f"n{at}", f"kind{at % kinds}", f"n{at}", "success" if at else "failed") for at in range(count))
    return Picture(marks, tuple((at, at + 1) for at in range(count - 1)))


def texts(drawn: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(drawn).iter(f"{NS}text")]


@given(st.lists(MARKS, max_size=6), ANY_TEXT)
def test_hostile_text_stays_text(marks, title):
    """Nothing but the elements and attributes that this program writes, none of which loads, links or runs."""
    picture = Picture(tuple(marks), tuple((at, at + 1) for at in range(len(marks) - 1)))
    drawn = svg(picture, title=title)
    drawn.encode()
    for element in ET.fromstring(drawn).iter():
        assert element.tag.removeprefix(NS) in ELEMENTS
        assert set(element.attrib) <= ATTRIBUTES
        assert all(
            "url(" not in value and ":" not in value.replace("max-width:100%;height:auto", "")
            for value in element.attrib.values()
        )


@given(st.lists(MARKS, min_size=1, max_size=6))
def test_every_node_is_drawn_with_its_tooltip(marks):
    root = ET.fromstring(svg(Picture(tuple(marks), ())))
    drawn = [group for group in root.iter(f"{NS}g") if "sk-node" in group.get("class", "")]
    assert [group.get("class") for group in drawn] == [f"sk-node sk-{mark.look}" for mark in marks]
    for group, mark in zip(drawn, marks, strict=True):
        tip = group.find(f"{NS}title")
        assert tip is not None
        assert word_of(mark.look) in (tip.text or "")


@given(st.text(st.characters(exclude_categories=["Cs"])), st.floats(30, 300))
def test_a_label_is_no_wider_than_its_room_and_says_what_it_lost(text, room):
    shown = fitted(text, room, 13)
    assert text_width(shown, 13) <= room + 0.01
    assert shown == text or shown.endswith("…")


@given(st.text("0123456789rows ms,.", min_size=1, max_size=20).filter(lambda text: text == text.strip()))
def test_the_longest_text_of_all_boxes_is_shown_whole(detail):
    """Up to the widest box, the boxes are as wide as it is."""
    assert detail in texts(svg(Picture((Mark("a", "source", "a", "success", detail=detail),), ())))


def test_it_has_a_text_for_who_cannot_see_it():
    root = ET.fromstring(svg(Picture((Mark("a", "source", "a", "failed"),), ()), title="flights"))
    assert root.get("role") == "img"
    assert [child.tag for child in root][:2] == [f"{NS}title", f"{NS}desc"]
    assert [child.text for child in root][:2] == ["flights", "1 nodes, 0 edges. 1 failed"]


def test_the_legend_has_the_statuses_that_occur_and_no_others():
    marks = (Mark("a", "source", "a", "cached"), Mark("b", "source", "b", "cached"), Mark("c", "model", "c", "failed"))
    shown = texts(svg(Picture(marks, ())))
    assert "2 cached" in shown
    assert "1 failed" in shown
    assert not any("pending" in text for text in shown)


def test_an_edge_to_a_node_that_was_not_reached_is_dashed():
    marks = (Mark("a", "k", "a", "success"), Mark("b", "k", "b", "cached"), Mark("c", "k", "c", "skipped"))
    drawn = svg(Picture(marks, ((0, 1), (1, 2))))
    assert drawn.count('stroke-dasharray="5 4"') == 1


def test_an_empty_picture_says_so():
    assert texts(svg(Picture((), ()))) == ["nothing to draw"]


def test_up_to_the_limit_every_node_is_drawn():
    picture = large(LIMIT, 3)
    assert collapse(picture).picture is picture
    assert svg(picture).count("sk-node") == LIMIT


@pytest.mark.parametrize(("kinds", "groups"), [(1, 1), (2, 40)])
def test_a_large_picture_is_collapsed_and_says_what_is_hidden(kinds, groups):
    """One kind makes one group; where kinds alternate all the way, there are slices instead."""
    drawn = svg(large(10_000, kinds))
    assert drawn.count("sk-node") == groups
    assert f"10,000 nodes and 9,999 edges are shown as {groups} group" in drawn
    assert "1 failed" in texts(drawn)


def mark(status, **more):
    return Mark("source.orders", "source", "orders", status, **more)


def drawn_lines(*marks):
    """The texts within the cards."""
    groups = [group for group in ET.fromstring(svg(Picture(marks, ()))).iter(f"{NS}g") if "sk-node" in group.get("class", "")]
    return [[text.text for text in group.iter(f"{NS}text")] for group in groups]


def test_the_looks_of_a_status_are_all_in_the_card():
    """Paper with a tint and an edge, a band in the status's colour, a slanted name."""
    drawn, look = svg(Picture((mark("skipped"),), ())), LOOKS["skipped"]
    edge = f'stroke="{look.light.edge}" stroke-width="1.3" stroke-dasharray="{look.dash}"'
    assert re.search(rf'height="44" rx="7" fill="#F3F4F5" {edge}', drawn)
    assert re.search(rf'<path d="M[^"]+Z" fill="{look.light.fill}"/>', drawn)
    assert 'font-style="italic"' in drawn


LINES = {
    "never run": (mark("pending"), "never run"),
    "waits": (mark("pending", why="waits"), "waits"),
    "changed": (mark("pending", built=True, rows=54), "changed · was 54 rows"),
    "warning": (mark("success", warns=1, checks=(7, 8), seconds=0.2), "7 of 8 checks · 0.20 s"),
    "success": (mark("success", rows=336_776, seconds=5.23), "336,776 rows · 5.2 s"),
    "cached": (mark("cached", rows=1, seconds=200), "1 row · 3 min 20 s"),
    "failed": (mark("failed", why="no column arr_dely", seconds=1), "no column arr_dely"),
    "failed somehow": (mark("failed", seconds=4.2), "after 4.2 s"),
    "failed at length": (mark("failed", seconds=4.2, why="a cause that no card has room for, whatever it says of this"), "after 4.2 s"),
    "skipped": (mark("skipped", why="input failed"), "input failed"),
    "left out": (mark("skipped", rows=16), "left out · was 16 rows"),
    "told in words": (mark("success", detail="3 rows · 0.10 s"), "3 rows · 0.10 s"),
}


@pytest.mark.parametrize(("one", "line"), LINES.values(), ids=LINES)
def test_a_card_says_how_its_node_came_out(one, line):
    assert drawn_lines(one)[0][:2] == ["orders", line]


def test_a_line_drops_its_last_parts_and_cuts_none():
    assert kept_parts(("a cause that is too long", "5.2 s"), 60, 9) == "5.2 s"
    assert kept_parts(("336,776 rows", "5.2 s"), 90, 9) == "336,776 rows"


@given(st.text("abcdefgh_W", min_size=1, max_size=60), st.floats(60, 300))
def test_a_name_loses_its_middle_and_never_its_end(name, room):
    """It shrinks by an eighth first; of what is kept, 45 of 100 letters are its head."""
    shown, size = fitted_name(name, room)
    assert text_width(shown, size) <= room + 0.01 or len(shown) == 1
    if shown == name:
        assert size == 13 or text_width(name, 13) > room
        return
    head, end = shown.split("…")
    assert size == pytest.approx(13 * 7 / 8)
    assert name.startswith(head)
    assert name.endswith(end)
    assert abs(len(head) - 0.45 * len(head + end)) <= 0.5


def test_badges_stand_on_the_upper_edge():
    (texts_of_it,) = drawn_lines(mark("cached", warns=2, kept=("view",)))
    assert texts_of_it[-2:] == ["! 2", "view"]


def test_a_kind_is_a_picture_and_one_that_nobody_knows_is_a_diamond():
    """Of another program's kind too; the words stand in the foot."""
    drawn = svg(Picture((mark("success"), Mark("toy.b", "toy", "b", "success")), ()))
    assert drawn.count(f'd="{ICONS["source"]}"') == drawn.count(f'd="{OTHER}"') == 2
    assert {"source", "toy"} <= set(texts(drawn))


def test_a_group_has_no_status_and_names_what_is_urgent():
    """Coloured by its worst member, 5,000 nodes would be a wall of red."""
    marks = [Mark(f"n{at}", "kind", f"n{at}", "success", warns=at % 2) for at in range(LIMIT)]
    drawn = svg(Picture((*marks, Mark("b", "kind", "b" * 30, "failed")), ()))
    assert "401 nodes · 1 failed" in texts(drawn)
    assert f'fill="{LOOKS["success"].light.fill}"' in drawn  # in its bar


@pytest.mark.parametrize("look", LOOKS)
def test_the_sign_of_a_look_is_drawn_not_written(look):
    """The browser draws the same paths."""
    sign = LOOKS[look].sign
    one = {"warning": mark("success", warns=1), "changed": mark("pending", built=True)}.get(look) or mark(look)
    paths = [path for path in ET.fromstring(svg(Picture((one,), ()))).iter(f"{NS}path") if path.get("d") == sign.d]
    assert len(paths) == 2  # in the card and in the legend
    assert {path.get("fill") for path in paths} == {"currentColor" if sign.filled else None}
    assert {float(path.get("stroke-width", "")) for path in paths} == {sign.width}
