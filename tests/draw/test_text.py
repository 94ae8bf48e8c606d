"""What DOT, Mermaid and JSON say, and that hostile text stays text in them."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeknal_nb.draw import Mark, Picture, dot, graph_json, mermaid
from seeknal_nb.status import LOOKS

TWO = Picture(
    (Mark("source.a", "source", "a", "success", ("t",), "3 rows"), Mark("model.b", "model", "b", "pending")), ((0, 1),)
)
LABEL = re.compile(r'^\tn\d+ \[label="(?:[^"\\]|\\.)*" color=', re.MULTILINE)
NODE = re.compile(r'^  n\d+\["[^"\[\]{}()`;:%$<>|]*"\]:::[a-z]+$')


def one(name: str) -> Picture:
    return Picture((Mark("id", "k", name, "success"),), ())


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("<<b>x</b>>", "✓ <<b>x</b>>"),
        ("a\\", "✓ a\\\\"),
        ('a" URL="javascript:1', '✓ a\\" URL=\\"javascript:1'),
        ('a\\" b', '✓ a\\\\\\" b'),
        (r"\G \N", r"✓ \\G \\N"),
        ("&lt;", "✓ &amp;lt;"),
        ("a\x00b\x1b", r"✓ a\\x00b\\x1b"),
        ("a\nb", r"✓ a\\nb"),
        ("\u202ea", r"✓ \\u202ea"),
        ("src:orders", "✓ src:orders"),
    ],
)
def test_dot_labels_are_text(name, label):
    """Graphviz takes backslashes, quotes and ``<...>`` of a label for its own."""
    assert f'\tn0 [label="k\\n{label}" color=' in dot(one(name))


def test_dot_takes_a_label_between_angles_as_text():
    """``<...>`` without quotes would be HTML, with links and files."""
    assert 'label="<b>\\n✓ >"' in dot(Picture((Mark("i", "<b>", ">", "success"),), ()))


@given(st.text(st.characters()), st.text(st.characters()))
def test_dot_has_one_quoted_label_for_each_node(kind, name):
    source = dot(Picture((Mark("i", kind, name, "failed", (), name),), ()))
    assert len(LABEL.findall(source)) == 1
    assert len(source.splitlines()) == 6
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", source)


def test_dot_has_opaque_ids_colours_and_edges():
    source = dot(TWO)
    assert "rankdir=LR" in source
    assert "\tn0 -> n1\n" in source
    assert f'fillcolor="{LOOKS["success"].light.fill}"' in source
    assert 'style="rounded,filled,dashed"' in source


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("flights_clean", "flights_clean"),
        ("1,458.5 rows · é 漢", "1,458.5 rows · é 漢"),
        ("__init__", "#95;#95;init#95;#95;"),
        ("1. item", "1#46; item"),
        ('"]; click n0', "#34;#93;#59; click n0"),
        ("<img onerror=1>", "#60;img onerror#61;1#62;"),
        ("`*x*`", "#96;#42;x#42;#96;"),
        ("style a:#b;", "style a#58;#35;b#59;"),
        ("%%{init}%%", "#37;#37;#123;init#125;#37;#37;"),
        ("$$x$$", "#36;\u200b#36;x#36;\u200b#36;"),
        ("fa:fa-car", "fa#58;\u200bfa#45;car"),
        ("a\nb\x00", "a#92;nb#92;x00"),
    ],
)
def test_mermaid_labels_are_text(name, label):
    """Each row was also looked at in Mermaid 11.17.2, where it reads as written."""
    assert f'  n0["k<br/>✓ {label}"]:::success\n' in mermaid(one(name))


@given(st.text(st.characters()), st.text(st.characters()))
def test_mermaid_has_one_line_for_each_node(kind, name):
    source = mermaid(Picture((Mark("i", kind, name, "failed", (), name),), ()))
    first, node, style = source.split("\n")[:3]
    assert (first, style[:18]) == ("flowchart LR", "  classDef failed ")
    assert NODE.match(re.sub(r"#\d+;", "", node).replace("<br/>", ""))


def test_mermaid_has_opaque_ids_classes_and_edges():
    lines = mermaid(TWO).splitlines()
    assert lines[1:4] == [
        '  n0["source<br/>✓ a<br/>3 rows"]:::success',
        '  n1["model<br/>○ b"]:::pending',
        "  n0 --> n1",
    ]
    assert [line.split()[1] for line in lines[4:]] == ["pending", "success"]


@pytest.mark.parametrize("edges", [[(at, at + 1) for at in range(999)], [(a, b) for a in range(40) for b in range(40, 80)]])
def test_mermaid_shows_groups_where_it_would_refuse_the_size(edges):
    """Mermaid's maxEdges is 500, its maxTextSize 50,000."""
    count = max(end for _, end in edges) + 1
    marks = tuple(Mark(f"n{at}", "source" if at < 40 else "model", f"n{at}", "success") for at in range(count))
    source = mermaid(Picture(marks, tuple(edges)))
    assert f"%% {count:,} nodes and {len(edges):,} edges are shown as 2 groups" in source
    assert source.count("-->") == 1


def test_json_has_every_field():
    assert json.loads(graph_json(TWO)) == {
        "directed": True,
        "multigraph": False,
        "nodes": [
            {"id": "source.a", "kind": "source", "name": "a", "status": "success", "look": "success", "tags": ["t"], "detail": "3 rows"},
            {"id": "model.b", "kind": "model", "name": "b", "status": "pending", "look": "pending", "tags": [], "detail": ""},
        ],
        "edges": [{"source": "source.a", "target": "model.b"}],
    }


@given(st.text(st.characters()))
def test_json_gives_every_text_back(name):
    source = graph_json(one(name))
    source.encode("ascii")
    assert json.loads(source)["nodes"][0]["name"] == name
