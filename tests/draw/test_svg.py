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
from seeknal_nb.draw.measure import fitted, text_width
from seeknal_nb.status import LOOKS

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
    assert [group.get("class") for group in drawn] == [f"sk-node sk-{mark.status}" for mark in marks]
    for group, mark in zip(drawn, marks, strict=True):
        tip = group.find(f"{NS}title")
        assert tip is not None
        assert mark.status in (tip.text or "")


@given(st.text(st.characters(exclude_categories=["Cs"])), st.floats(30, 300))
def test_a_label_is_no_wider_than_its_room_and_says_what_it_lost(text, room):
    shown = fitted(text, room, 13)
    assert text_width(shown, 13) <= room + 0.01
    assert shown == text or shown.endswith("…")


@given(st.text("0123456789rows ms·,.", min_size=1, max_size=24).filter(lambda text: text == text.strip()))
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


def test_the_looks_of_a_status_are_all_in_the_box():
    drawn = svg(Picture((Mark("a", "source", "a", "skipped"),), ()))
    look = LOOKS["skipped"]
    assert re.search(rf'fill="{look.light.fill}" stroke="{look.light.stroke}" stroke-width="1.5" stroke-dasharray="{look.dash}"', drawn)
    assert 'font-style="italic"' in drawn


@pytest.mark.parametrize("status", LOOKS)
def test_the_sign_of_a_status_is_drawn_not_written(status):
    """The browser draws the same paths."""
    sign = LOOKS[status].sign
    paths = list(ET.fromstring(svg(Picture((Mark("a", "k", "a", status),), ()))).iter(f"{NS}path"))
    assert [path.get("d") for path in paths] == [sign.d, sign.d]  # in the box and in the legend
    assert {path.get("fill") for path in paths} == {"currentColor" if sign.filled else None}
    assert {float(path.get("stroke-width", "")) for path in paths} == {sign.width}
