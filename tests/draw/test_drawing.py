"""A drawing shows itself in every notebook, and saves itself in every form."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
from xml.etree import ElementTree as ET

import pytest
from test_page import Outline
from texts import HOSTILE

from seeknal_nb.draw import Mark, Picture
from seeknal_nb.errors import UsageError
from seeknal_nb.views.values import FORMATS, LISTED, Drawing

PICTURE = Picture(
    (
        Mark("source.a", "source", "a", "success", ("raw", "daily"), "3 rows · 0.10 s"),
        Mark("model.b", "model", "b", "failed"),
    ),
    ((0, 1),),
)
DOT = pytest.mark.skipif(shutil.which("dot") is None, reason="there is no Graphviz here")


@pytest.mark.parametrize("form", FORMATS)
def test_each_format_can_be_asked_for_and_saved_by_the_name_s_ending(form, tmp_path):
    drawing = Drawing(PICTURE, "flights")
    assert drawing.save(tmp_path / f"graph.{form}").read_text() == drawing.to(form)


@pytest.mark.parametrize(("ending", "form"), [("mmd", "mermaid"), ("gv", "dot"), ("htm", "html")])
def test_the_usual_endings_are_known(ending, form, tmp_path):
    drawing = Drawing(PICTURE)
    assert drawing.save(tmp_path / f"graph.{ending}").read_text() == drawing.to(form)


def test_an_unknown_ending_is_an_error_that_names_the_nearest(tmp_path):
    with pytest.raises(UsageError, match=r"unknown format 'pgn'.*png"):
        Drawing(PICTURE).save(tmp_path / "graph.pgn")
    with pytest.raises(UsageError, match="unknown format 'png'"):
        Drawing(PICTURE).to("png")
    assert not list(tmp_path.iterdir())


@DOT
def test_a_png_is_as_large_as_it_says(tmp_path):
    data = Drawing(PICTURE).save(tmp_path / "graph.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert data[12:16] == b"IHDR"
    assert int.from_bytes(data[16:20]) > int.from_bytes(data[20:24]) > 20


@DOT
def test_any_name_can_be_in_a_png():
    marks = tuple(Mark(text, text, text, "failed", (), text) for text in HOSTILE)
    assert Drawing(Picture(marks, ())).to_png().startswith(b"\x89PNG")


def test_without_graphviz_a_png_is_an_error_with_a_remedy(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match=r"PATH.*\. Fix: .*install graphviz, or save as \.svg or \.html"):
        Drawing(PICTURE).to_png()


@pytest.fixture
def dot_that(monkeypatch, tmp_path):
    """Puts a program of this name and these lines before all others."""

    def install(*lines: str) -> None:
        program = tmp_path / "dot"
        program.write_text("\n".join(["#!/bin/sh", *lines, ""]))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")

    return install


def test_a_png_of_many_nodes_shows_groups_and_says_so(dot_that, tmp_path):
    dot_that(f"cat > {tmp_path}/source")
    marks = tuple(Mark(f"k.n{at}", "k", f"n{at}", "success") for at in range(401))
    Drawing(Picture(marks, ())).to_png()
    source = (tmp_path / "source").read_text()
    assert 'label="401 nodes and 0 edges are shown as 1 group of one kind at one depth: ' in source
    assert "n1 " not in source


def test_a_dot_that_cannot_draw_is_an_error_that_says_why(dot_that):
    dot_that("cat > /dev/null", "echo no png here >&2", "exit 1")
    with pytest.raises(UsageError, match="no png here"):
        Drawing(PICTURE).to_png()


def test_the_page_has_the_details_and_asks_for_them_only_then():
    asked = []
    drawing = Drawing(PICTURE, "", lambda: asked.append(1) or {1: {"reason": "why it failed"}})
    drawing._repr_mimebundle_()
    assert (str(drawing), asked) == ("pipeline: 2 nodes, 1 edge (1 failed · 1 success)", [])
    data = json.loads(Outline(drawing.to_html()).inside["application/json"])
    assert (data["details"], asked) == ({"1": {"reason": "why it failed"}}, [1])


def test_two_drawings_of_the_same_are_equal_whoever_tells_their_details():
    assert Drawing(PICTURE, "t", dict) == Drawing(PICTURE, "t")
    assert "details" not in repr(Drawing(PICTURE, "t", dict))


def test_a_frame_has_a_row_for_each_node():
    frame = Drawing(PICTURE).to_frame()
    assert frame.to_dict("records") == [
        {"node_id": "source.a", "kind": "source", "status": "success", "look": "success", "tags": "raw, daily", "detail": "3 rows · 0.10 s"},
        {"node_id": "model.b", "kind": "model", "status": "failed", "look": "failed", "tags": "", "detail": ""},
    ]
    assert list(Drawing(Picture((), ())).to_frame()) == ["node_id", "kind", "status", "look", "tags", "detail"]


def test_html_has_the_drawing_and_a_table_that_is_closed():
    shown = Drawing(PICTURE, "flights")._repr_mimebundle_()
    outline = Outline(shown["text/html"])
    (source,) = [value for tag, name, value in outline.attributes if (tag, name) == ("img", "src")]
    kind, _, data = source.partition(",")
    assert kind == "data:image/svg+xml;base64"
    assert base64.b64decode(data).decode() == shown["image/svg+xml"]
    assert ("img", "alt", "flights: 2 nodes, 1 edge (1 failed · 1 success)") in outline.attributes
    assert ("details", "open") not in {(tag, name) for tag, name, _ in outline.attributes}
    assert outline.elements["tr"] == 3


def test_the_table_says_what_it_leaves_out():
    marks = tuple(Mark(f"k.n{at}", "k", f"n{at}", "success") for at in range(LISTED + 20))
    shown = Drawing(Picture(marks, ()))._repr_mimebundle_()["text/html"]
    assert shown.count("<tr>") == LISTED + 1
    assert "20 more are left out here; to_frame() has them." in shown


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text_in_a_notebook(text):
    shown = Drawing(Picture((Mark(text, text, text, "failed", (text,), text),), ()), text)._repr_mimebundle_()
    outline = Outline(shown["text/html"])
    assert outline.elements.keys() == {"img", "details", "summary", "table", "thead", "tbody", "tr", "th", "td"}
    assert {name for _, name, _ in outline.attributes} == {"alt", "style", "src", "scope"}
    ET.fromstring(shown["image/svg+xml"])
    assert not re.search(r"[\x00-\x08\x1b\u202e]", shown["text/html"])
