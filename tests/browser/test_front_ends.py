"""What front ends beside JupyterLab ask of the graph, VS Code above all: its page is imitated as it was found to be.

Each output of VS Code's notebooks lies in one web view, whose body says the theme and whose root has the theme's colours; for
ipywidgets it has JupyterLab's light colours too, in every theme, and a white ground. Colab's page has neither.
"""

from __future__ import annotations

import json
import re

import pytest

from browser.chromium import expect
from browser.host import traits_of
from browser.widget import Graph
from seeknal_nb.draw import Mark, Picture
from seeknal_nb.draw.assets import script, style
from seeknal_nb.notebook.project import Project
from seeknal_nb.status import NUMBERS

LIGHT_FOR_WIDGETS = (
    "} :root { --jp-layout-color0: white; --jp-layout-color1: white; --jp-layout-color2: #eee; --jp-border-color2: #e0e0e0;"
    " --jp-ui-font-color1: rgba(0, 0, 0, 0.87); --jp-ui-font-color2: rgba(0, 0, 0, 0.54); --jp-brand-color1: #2196f3;"
    " --jp-widgets-label-color: black; } .cell-output-ipywidget-background { background: white !important; } body {"
)
THEMES = {
    "vscode-dark": ("#1f1f1f", "#cccccc", "1"),
    "vscode-light": ("#ffffff", "#3b3b3b", "0"),
    "vscode-high-contrast": ("#000000", "#ffffff", "1"),
    "vscode-high-contrast-light vscode-high-contrast": ("#ffffff", "#292929", "0"),
}
"""By the classes of the body: the ground and the ink as VS Code 1.139 has them, and whether it is dark."""

REACHES_OUT = (
    r"\bimport\b|\bfrom\s*[\"']|\bfetch\(|XMLHttpRequest|WebSocket|EventSource|sendBeacon|new Worker|https?://(?!www\.w3\.org/)"
)
STOPS_IN_A_WEB_VIEW = r"(?<![.\w])(?:alert|confirm|prompt)\(|window\.open\(|localStorage|sessionStorage|\beval\(|new Function"
PICTURE = Picture(
    (Mark("source.orders", "source", "orders", "cached", rows=3), Mark("transform.clean", "transform", "clean", "pending")), ((0, 1),)
)


@pytest.fixture(autouse=True)
def nothing_wrong(host):
    yield
    assert not host.errors + host.dialogs + host.outside


def rgb(colour: str) -> str:
    return f"rgb({', '.join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5))})"


def paint(locator, name: str) -> str:
    return locator.evaluate("(e, name) => getComputedStyle(e)[name]", name)


def body_of(classes: str) -> str:
    ground, ink, _ = THEMES[classes]
    colours = f"--vscode-editor-background: {ground}; --vscode-editor-foreground: {ink}; --vscode-foreground: {ink}"
    return f'class="{classes}" style="{colours}"'


def looks_like(graph: Graph, classes: str) -> None:
    """The graph has the ground and the ink of a theme of VS Code, and the looks for such a ground."""
    ground, ink, dark = THEMES[classes]
    expect(graph.root).to_have_attribute("data-dark", dark)
    assert (paint(graph.root, "backgroundColor"), paint(graph.root, "color")) == (rgb(ground), rgb(ink))
    assert paint(graph.node("orders").locator(".sk-name"), "fill") == rgb(ink)


@pytest.mark.parametrize("classes", THEMES)
def test_in_vs_code_its_theme_counts_and_not_the_colours_for_ipywidgets(host, classes):
    graph = Graph(host.show(traits_of(PICTURE), body=body_of(classes), style=LIGHT_FOR_WIDGETS)).painted()
    looks_like(graph, classes)
    host.shot(f"vscode_{classes.split()[0]}", graph.root)


def test_the_theme_of_vs_code_changes_under_the_graph(host):
    graph = Graph(host.show(traits_of(PICTURE), body=body_of("vscode-dark"), style=LIGHT_FOR_WIDGETS)).painted()
    for classes in ("vscode-light", "vscode-high-contrast", "vscode-dark"):
        ground, ink, _ = THEMES[classes]
        host.page.evaluate(
            """([classes, ground, ink]) => {
              const { style } = document.body;
              for (const name of ["editor-foreground", "foreground"]) style.setProperty(`--vscode-${name}`, ink);
              style.setProperty("--vscode-editor-background", ground);
              document.body.className = classes;
            }""",
            [classes, ground, ink],
        )
        looks_like(graph, classes)


def test_in_vs_code_the_graph_has_no_white_frame_and_its_options_can_be_read(host):
    """What other ipywidgets lie on stays as VS Code has it."""
    graph = Graph(host.show(traits_of(PICTURE), body=body_of("vscode-dark"), style=LIGHT_FOR_WIDGETS)).painted()
    view = host.view()
    view.evaluate("e => e.classList.add('cell-output-ipywidget-background')")
    host.page.evaluate("document.body.append(Object.assign(document.createElement('p'), {className: 'cell-output-ipywidget-background'}))")
    assert paint(view, "backgroundColor") == "rgba(0, 0, 0, 0)"
    assert view.evaluate("e => getComputedStyle(e).getPropertyValue('--jp-widgets-label-color')") == THEMES["vscode-dark"][1]
    assert paint(host.page.locator("body > p"), "backgroundColor") == rgb("#ffffff")
    expect(graph.root).to_be_visible()


@pytest.mark.parametrize(("ground", "dark"), [("#ffffff", "0"), ("#1a1a1a", "1")], ids=["light", "dark"])
def test_a_page_that_says_nothing_of_its_theme_is_judged_by_its_ground(host, ground, dark):
    graph = Graph(host.show(traits_of(PICTURE), style=f"background: {ground};")).painted()
    expect(graph.root).to_have_attribute("data-dark", dark)
    inks = [sum(map(int, re.findall(r"\d+", paint(graph.root, name))[:3])) for name in ("color", "backgroundColor")]
    assert abs(inks[0] - inks[1]) > 450


def test_a_click_says_plain_json_and_what_comes_back_is(host):
    """Neither bytes nor anything that a front end would have to send apart."""
    graph = Graph(host.show(traits_of(PICTURE), body=body_of("vscode-dark"), style=LIGHT_FOR_WIDGETS)).painted()
    graph.click("clean")
    graph.panel.locator("[data-do=run-downstream]").click()
    asked = host.wait_sent("run")
    assert asked["i"] == [1]
    assert json.loads(json.dumps(host.sent, allow_nan=False)) == host.sent
    host.push({"k": "delta", "d": [1, NUMBERS["success"], 8, 0.2], "run": {"mode": ""}})
    graph.becomes("clean", "success")


def test_the_module_and_its_sheet_stand_alone():
    """A web view may forbid all that is not in the module, and VS Code's answers ``alert`` with an exception."""
    for text in (script("widget"), style()):
        assert not re.findall(REACHES_OUT, text)
        assert not re.findall(STOPS_IN_A_WEB_VIEW, text)
    assert not re.findall(r"@import|url\((?!data:)", style())


def test_what_a_front_end_is_given_is_json_and_bytes(tmp_path):
    """The state of the widget, as a notebook may keep it: its bytes lie apart, at places that are told."""
    from ipywidgets.widgets.widget import _remove_buffers

    project = Project(tmp_path)
    project.transform("a", sql="SELECT 1 AS x")
    state, paths, buffers = _remove_buffers(project.widget.get_state())
    told = json.loads(json.dumps(state, allow_nan=False))
    assert (told["nodes"]["name"], told["_anywidget_id"].split(".")[-1]) == (["a"], "GraphWidget")
    assert len(paths) == len(buffers) > 0
    assert all(isinstance(buffer, (bytes, memoryview)) for buffer in buffers)
    project.widget.close()
