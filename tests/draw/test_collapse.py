"""The laws of groups and of a focus: every node is in one place, nothing goes back, and what is hidden is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeknal_nb.draw import BY, Mark, Picture, focus
from seeknal_nb.draw.collapse import SLICES, collapse, group
from seeknal_nb.draw.layers import topological

WORDS = st.sampled_from("abc")


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    marks = draw(
        st.lists(
            st.builds(
                Mark,
                st.just("i"),
                WORDS,
                st.just("n"),
                st.just("success"),
                st.lists(WORDS, max_size=2).map(tuple),
                st.just(""),
                WORDS,
            ),
            min_size=1,
            max_size=30,
        )
    )
    ends = st.integers(0, len(marks) - 1)
    pairs = draw(st.lists(st.tuples(ends, ends).filter(lambda pair: pair[0] < pair[1]), max_size=60, unique=True))
    return Picture(
        tuple(Mark(f"n{at}", m.kind, f"n{at}", m.status, m.tags, "", m.folder) for at, m in enumerate(marks)), tuple(pairs)
    )


def chain(count: int, kinds: int) -> Picture:
    marks = tuple(Mark(f"n{at}", f"kind{at % kinds}", f"n{at}", "success") for at in range(count))
    return Picture(marks, tuple((at, at + 1) for at in range(count - 1)))


@given(pictures(), st.sampled_from([*BY]), st.integers(1, 30), st.data())
def test_groups_hold_every_node_once_and_form_no_cycle_whichever_are_open(picture, by, most, data):
    closed = group(picture, by=by, most=most)
    opened = data.draw(st.sets(st.sampled_from(closed.keys)))
    shown = group(picture, by=by, most=most, opened=frozenset(filter(None, opened)))
    for node, unit in enumerate(shown.unit):
        assert picture.marks[node] in shown.members[unit]
    assert sum(map(len, shown.members)) == len(picture.marks)
    assert topological(len(shown.keys), shown.picture.edges)
    between = {(shown.unit[start], shown.unit[end]) for start, end in picture.edges}
    assert set(shown.picture.edges) == {(start, end) for start, end in between if start != end}


@given(pictures(), st.sampled_from([*BY]))
def test_a_group_is_of_one_kind_tag_or_folder(picture, by):
    shown = group(picture, by=by)
    for key, mark, members in zip(shown.keys, shown.picture.marks, shown.members, strict=True):
        names = {BY[by](member) for member in members}
        assert names == {key[1]} == {mark.kind} if key else len(members) == 1


@given(pictures(), st.sampled_from([*BY]))
def test_a_group_that_is_opened_shows_its_members_singly_and_the_others_stay(picture, by):
    closed = group(picture, by=by)
    for key in filter(None, closed.keys):
        shown = group(picture, by=by, opened=frozenset([key]))
        assert set(shown.keys) == set(closed.keys) - {key} | {None}
        inside = [node for node, unit in enumerate(closed.unit) if closed.keys[unit] == key]
        assert all(shown.members[shown.unit[node]] == (picture.marks[node],) for node in inside)


@given(pictures())
def test_with_every_group_open_nothing_is_hidden(picture):
    keys = frozenset(filter(None, group(picture, by="kind").keys))
    shown = group(picture, by="kind", opened=keys)
    assert (shown.note, shown.picture) == ("", picture)


def test_the_note_says_what_is_hidden():
    picture = Picture((*chain(3, 1).marks, Mark("x.y", "x", "y", "failed")), ((0, 1), (1, 2), (2, 3)))
    assert group(picture, by="kind").note == (
        "4 nodes and 3 edges are shown as 1 group of one kind at one depth and 1 single node: "
        "nodes and edges within a group are hidden"
    )


def test_tags_and_folders_have_a_name_where_there_is_none():
    picture = chain(3, 3)
    assert group(picture, by="tag").keys == ((0, "untagged"),)
    assert group(picture, by="folder").keys == ((0, "no folder"),)


def test_what_makes_too_many_groups_is_sliced():
    shown = group(chain(1_000, 2), by="kind", most=100)
    assert len(shown.keys) == SLICES
    assert {mark.kind for mark in shown.picture.marks} == {"2 kinds"}


def test_an_unknown_grouping_is_an_error_that_names_the_known_ones():
    with pytest.raises(ValueError, match="'colour': expected one of kind, tag, folder"):
        group(chain(3, 1), by="colour")


@given(pictures(), st.integers(0, 29))
def test_up_to_the_limit_the_picture_stays(picture, limit):
    shown = collapse(picture, limit=limit)
    assert (shown.picture is picture) == (len(picture.marks) <= limit)


def reachable(picture: Picture, node: int, hops: int) -> set[int]:
    """By definition: one edge after the other."""
    found = {0: {node}, 1: {node}}
    for _ in range(hops):
        for side, nodes in found.items():
            nodes |= {edge[1 - side] for edge in picture.edges if edge[side] in nodes}
    return found[0] | found[1]


@given(pictures(), st.integers(0, 29), st.none() | st.integers(0, 4))
def test_a_focus_shows_what_leads_to_a_node_and_what_follows_from_it(picture, node, hops):
    node %= len(picture.marks)
    part = focus(picture, node, hops=hops)
    assert set(part.nodes) == reachable(picture, node, len(picture.marks) if hops is None else hops)
    assert [picture.marks[at] for at in part.nodes] == list(part.picture.marks)
    inner = [(part.nodes[start], part.nodes[end]) for start, end in part.picture.edges]
    assert inner == [edge for edge in picture.edges if set(edge) <= set(part.nodes)]
    assert bool(part.note) == (len(part.nodes) < len(picture.marks))


def test_a_focus_says_what_is_hidden():
    note = "2 of 1,000 nodes: what n0 reads and what follows from it, within 1 edge; 998 are hidden"
    assert focus(chain(1_000, 1), 0, hops=1).note == note
    assert "from it; 1 is hidden" in focus(Picture(chain(3, 1).marks, ((0, 1),)), 0).note


@pytest.mark.parametrize("node", [-1, 3])
def test_a_focus_on_no_node_is_an_error(node):
    with pytest.raises(IndexError, match=rf"no node {node}: expected 0 \.\. 2"):
        focus(chain(3, 1), node)
