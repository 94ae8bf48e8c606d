"""What a reader sees of the graph: cards, the legend, the details in the widths that there are. Without Jupyter."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

import pytest

from browser.chromium import expect
from browser.host import traits_of
from browser.widget import Graph
from seeknal_nb.draw import Mark, Picture
from seeknal_nb.draw.icons import ICONS, OTHER
from seeknal_nb.draw.scene import make_scene
from seeknal_nb.status import LOOKS, NUMBERS

NOON = 1_796_040_000
DETAILS = {
    "k": "details", "reason": "ran because: input changed", "error": "", "log": "", "note": "", "cell": "%%seeknal rule checked",
    "facts": [["owner", "ann"]], "inputs": [0], "outputs": [], "change": "8 rows", "more": "",
    "definition": {"language": "sql", "lines": [[["keyword", "SELECT"]]], "mark": 0},
    "checks": [
        {"name": "in order", "severity": "warn", "ok": False, "text": "412 of 327,346 rows", "of": 412, "columns": ["id", "at"],
         "types": ["BIGINT", "VARCHAR"],
         "rows": [["1", "a"], ["22", None], ["3", "b"], ["4", "c"]]},
        {"name": "unique id", "severity": "error", "ok": True, "text": "", "of": 0, "columns": [], "types": [], "rows": []},
    ],
    "schema": [["name", "VARCHAR"], ["share", "DOUBLE"]], "columns": ["name", "share"], "rows": [["x", "0.1"], [None, None]],
    "history": [{"when": NOON, "status": "success", "seconds": 0.2, "rows": 8, "reason": "never built"}],
    "last_run": NOON, "cell_id": "", "changed": [],
    "why": {"then": "never built", "note": "", "causes": []},
}  # fmt: skip
SQL = {"title": "SQL", "values": ["", ""], "lines": ["  FROM a", "- WHERE x > 0", "+ WHERE x >= 0"], "why": ""}
CAUSES = [
    SQL,
    {"title": "notebook helper", "values": ["", ""], "lines": ["  def helper(x):", "-     return x", "+     return x + 1"], "why": ""},
    {"title": "config refresh", "values": ["", "1h"], "lines": [], "why": ""},
    {"title": "file a.csv", "values": ["6 bytes, digest 12345678", "8 bytes, digest abcdef01"], "lines": [], "why": ""},
    {"title": "input transform.b", "values": ["0123abcd", "not known yet"], "lines": [], "why": "SQL changed"},
]


def marks(**more: dict) -> tuple[Mark, ...]:
    kinds = {"orders": "source", "clean": "transform", "checked": "rule", "strange": "toy"}
    known = {name: {"status": "cached", "rows": 336_776, "seconds": 5.2} | more.get(name, {}) for name in kinds}
    return tuple(Mark(f"{kind}.{name}", kind, name, **known[name]) for name, kind in kinds.items())


def picture(**more: dict) -> Picture:
    return Picture(marks(**more), ((0, 1), (0, 2), (1, 3)))


@pytest.fixture(autouse=True)
def nothing_wrong(host):
    yield
    assert not host.errors + host.dialogs + host.outside


def paint(locator, name: str) -> str:
    return locator.evaluate("(e, name) => getComputedStyle(e)[name]", name)


def rgb(colour: str) -> str:
    return f"rgb({', '.join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5))})"


# Cards


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_card_has_the_band_the_edge_and_the_sign_of_its_look(host, look, dark):
    body = 'data-jp-theme-light="false"' if dark else ""
    graph = Graph(host.show(traits_of(picture(clean=STANDS.get(look) or {"status": look})), body=body)).painted()
    card, colours = graph.node("clean"), getattr(LOOKS[look], "dark" if dark else "light")
    assert paint(card.locator(".sk-band"), "fill") == rgb(colours.fill)
    assert paint(card.locator(".sk-box"), "stroke") == rgb(colours.edge)
    assert paint(card.locator(".sk-sign"), "stroke") == rgb(colours.sign)
    assert card.locator(".sk-sign").get_attribute("d") == LOOKS[look].sign.d
    expect(card).to_have_class(re.compile(rf"\bsk-{look}\b"))


def test_a_kind_is_a_picture_and_its_word_stands_in_the_foot(host):
    """Another program's kind has a diamond."""
    graph = Graph(host.show(traits_of(picture()))).painted()
    assert graph.node("orders").locator(".sk-icon").get_attribute("d") == ICONS["source"]
    assert graph.node("strange").locator(".sk-icon").get_attribute("d") == OTHER
    expect(graph.root.locator(".sk-key .sk-kind")).to_have_text(["source", "transform", "rule", "toy"])


def test_a_name_loses_its_middle_and_a_line_its_last_parts(host):
    long = Mark("transform.a", "transform", "a_name_that_is_much_too_long_for_any_card_at_all_and_ends_so", "cached", rows=10**12, seconds=12_345)
    graph = Graph(host.show(traits_of(Picture((long,), ())))).painted()
    shown = graph.root.locator(".sk-name").text_content()
    assert re.fullmatch(r"a_name.*….*ends_so", shown)
    assert graph.root.locator(".sk-detail").text_content() == "1,000,000,000,000 rows"


def test_badges_say_warnings_and_how_a_node_is_kept(host):
    graph = Graph(host.show(traits_of(picture(clean={"warns": 2, "kept": ("view",)})))).painted()
    expect(graph.node("clean").locator(".sk-badge-text")).to_have_text(["! 2", "view"])


def test_a_delta_brings_why_and_what_a_node_has(host):
    graph = Graph(host.show(traits_of(picture()))).painted()
    host.push({"k": "delta", "d": [1, NUMBERS["failed"], None, 0.2], "more": {"1": {"why": "no column x"}}})
    expect(graph.detail("clean")).to_contain_text("no column x")
    host.push({"k": "delta", "d": [1, NUMBERS["running"], None, 2.0], "more": {"1": {"expect": 10}}, "run": {"mode": "background"}})
    expect(graph.detail("clean")).to_have_text(re.compile(r"[2-9]\.\d s of ~10.0 s"))
    expect(graph.node("clean").locator(".sk-done")).to_have_count(1)
    host.push({"k": "delta", "d": [1, NUMBERS["warning"], 8, 0.2], "more": {"1": {"checks": [7, 8], "warns": 1}}, "run": {"mode": ""}})
    expect(graph.detail("clean")).to_have_text("7 of 8 checks · 0.20 s")
    expect(graph.node("clean").locator(".sk-done")).to_have_count(0)


def test_text_keeps_its_size_on_the_screen_while_the_card_shrinks(host):
    """Laid anew when zooming pauses; below 0.54 there is a name alone."""
    graph = Graph(host.show(traits_of(picture()))).painted()
    for _ in range(3):
        graph.root.locator("[data-do=zoom-out]").click()
    expect(graph.detail("clean")).to_have_text("")
    assert graph.node("clean").locator(".sk-name").bounding_box()["height"] >= 11


def test_each_look_has_a_chip_that_filters(host):
    graph = Graph(host.show(traits_of(picture(clean={"warns": 1}, checked={"status": "pending"})))).painted()
    assert graph.legend() == {"warning": 1, "pending": 1, "cached": 2}
    graph.root.locator(".sk-chip", has_text="1 never run").click()
    expect(graph.root.locator(".sk-node.sk-dim")).to_have_count(3)


def test_what_a_selected_node_has_up_and_down_stands_out(host):
    graph = Graph(host.show(traits_of(picture(strange={"status": "failed"})))).painted()
    graph.click("checked")
    expect(graph.node("clean")).to_have_class(re.compile("sk-aside"))
    expect(graph.node("orders")).not_to_have_class(re.compile("sk-aside"))
    assert (paint(graph.node("clean"), "opacity"), paint(graph.node("strange"), "opacity")) == ("0.4", "0.75")


STANDS = {"warning": {"status": "cached", "warns": 1}, "changed": {"status": "pending", "built": True}}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_forced_colours_keep_bands_and_chips_with_their_signs(host, look, scheme):
    """What carries a status keeps its colours; all else is the system's."""
    shown = picture(clean=STANDS.get(look) or {"status": look})
    graph = Graph(host.show(traits_of(shown), forced_colors="active", color_scheme=scheme)).painted()
    colours = getattr(LOOKS[look], "dark" if graph.root.get_attribute("data-dark") == "1" else "light")
    card, chip = graph.node("clean"), graph.root.locator(f".sk-chip[data-status={look}] .sk-swatch")
    assert paint(card.locator(".sk-band"), "fill") == rgb(colours.fill)
    assert paint(chip.locator("rect"), "fill") == rgb(colours.fill)
    for sign in (card.locator(".sk-sign"), chip.locator(".sk-sign")):
        assert paint(sign, "stroke") == rgb(colours.sign)
        assert paint(sign, "forcedColorAdjust") == "none"
    if look == "warning":
        assert paint(card.locator(".sk-badge"), "fill") == rgb(colours.fill)
        assert paint(card.locator(".sk-badge-text"), "fill") == rgb(colours.sign)
        assert paint(card.locator(".sk-badge-text"), "forcedColorAdjust") == "none"
    system = "rgb(255, 255, 255)" if scheme == "light" else "rgb(0, 0, 0)"
    assert paint(card.locator(".sk-box"), "fill") == system
    host.shot(f"forced_{scheme}_{look}", graph.root)


# Details


def detailed(host, graph, name: str = "checked", **more: object) -> None:
    graph.click(name)
    host.push({**DETAILS, "n": host.wait_sent("details")["n"], "i": 2, **more})


def test_the_details_have_tabs_and_none_that_is_empty(host):
    graph = Graph(host.show(traits_of(picture(checked={"warns": 1, "checks": (1, 2)})))).painted()
    detailed(host, graph)
    expect(graph.panel.locator("[role=tab]")).to_have_text(["Overview", "Code", re.compile("^Data.*! 1"), re.compile("^History.*1")])
    expect(graph.panel.locator(".sk-check tbody tr")).to_have_count(3)
    expect(graph.panel.locator(".sk-check")).to_contain_text("412 of 327,346 rows")
    host.shot("details", graph.root)


def test_offending_rows_are_a_table_with_numbers_to_the_right_and_null_told_apart(host):
    graph = Graph(host.show(traits_of(picture()))).painted()
    detailed(host, graph)
    graph.tab("Data")
    first = graph.panel.locator(".sk-check").first
    expect(first.locator("tbody tr")).to_have_count(4)
    assert [paint(cell, "textAlign") for cell in first.locator("tbody tr:first-child td").all()] == ["right", "left"]
    expect(first.locator(".sk-null")).to_have_text(["NULL"])
    expect(first.locator("th")).to_have_text([re.compile("id.*BIGINT"), re.compile("at.*VARCHAR")])
    expect(first).to_contain_text("4 of 412")
    stored = graph.panel.locator(".sk-rows").last
    expect(stored.locator("th")).to_have_text([re.compile("name.*VARCHAR"), re.compile("share.*DOUBLE")])


def test_why_has_a_line_a_cause_old_against_new(host):
    graph = Graph(host.show(traits_of(picture()))).painted()
    detailed(host, graph, reason="up to date", why={"then": "SQL changed", "note": "not all is known", "causes": CAUSES})
    why = graph.panel.locator(".sk-part", has_text="Why")
    expect(why.locator(".sk-reason")).to_have_text(["up to date", "last ran because: SQL changed"])
    causes = why.locator("li")
    expect(causes).to_have_count(5)
    expect(causes.nth(2)).to_have_text("config refresh none → 1h")
    expect(causes.nth(3)).to_have_text("file a.csv 6 bytes, digest 12345678 → 8 bytes, digest abcdef01")
    expect(causes.nth(4)).to_have_text("input transform.b 0123abcd → not known yet · SQL changed")
    expect(why).to_contain_text("not all is known")
    lines = causes.first.locator(".sk-diff-line")
    assert [line.text_content() for line in lines.all()] == ["  FROM a\n", "- WHERE x > 0\n", "+ WHERE x >= 0\n"]
    grounds = [paint(line, "backgroundColor") for line in lines.all()]
    assert len(set(grounds)) == 3  # and each has its sign, so that colour is not alone


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_lines_that_changed_are_legible_and_come_before_the_code(host, dark):
    graph = Graph(host.show(traits_of(picture()), body='data-jp-theme-light="false"' if dark else "")).painted()
    detailed(host, graph, changed=[SQL])
    expect(graph.panel.locator("[data-tab=code] .sk-count")).to_have_text("changed")
    graph.tab("Code")
    order = graph.panel.locator(".sk-body pre").evaluate_all("all => all.map(each => each.className)")
    assert order[:2] == ["sk-diff", "sk-code"]
    for line in graph.panel.locator(".sk-diff-line").all():
        assert contrast(paint(line, "color"), line.evaluate(GROUND)) >= 4.5
    host.shot(f"diff_{'dark' if dark else 'light'}", graph.root)


GROUND = """element => {
  for (let at = element; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor;
    if (colour !== "rgba(0, 0, 0, 0)") return colour;
  }
}"""


def contrast(one: str, other: str) -> float:
    """As WCAG 2 has it."""

    def light(colour: str) -> float:
        parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, bright = sorted((light(one), light(other)))
    return (bright + 0.05) / (dark + 0.05)


def test_times_are_said_as_people_say_them_in_the_readers_zone(host):
    """The exact one is in the tooltip."""
    graph = Graph(host.show(traits_of(picture()), timezone_id="Asia/Jakarta")).painted()
    host.page.clock.set_fixed_time(datetime.fromtimestamp(NOON + 3600, UTC))
    detailed(host, graph)
    fact = graph.panel.locator(".sk-facts tr", has_text="last run").locator("time")
    clock = time.strftime("%H:%M", time.gmtime(NOON + 7 * 3600))
    expect(fact).to_have_text(f"today {clock}")
    assert fact.get_attribute("title") == time.strftime("%Y-%m-%d %H:%M:%S UTC+07:00", time.gmtime(NOON + 7 * 3600))
    graph.tab("History")
    expect(graph.panel.locator(".sk-history time")).to_have_text([f"today {clock}"])


# What runs


def test_the_log_of_a_node_that_runs_grows_and_stays_at_its_end(host):
    """Unless the reader has gone back in it; and it is told to who has the details open, who says so when he closes them."""
    graph = Graph(host.show(traits_of(picture()))).painted()
    detailed(host, graph)
    host.push({"k": "log", "i": 2, "text": "before it runs"})
    host.push({"k": "delta", "d": [2, NUMBERS["running"], None, 0.1], "run": {"mode": "background", "todo": 1, "now": [2]}})
    expect(graph.panel.locator("[data-tab=log]")).to_have_count(0)  # what it printed before is of another run
    lines = [f"line {number}" for number in range(100)]
    host.push({"k": "log", "i": 2, "text": "\n".join(lines[:50])})
    graph.tab("Log")
    log = graph.panel.locator(".sk-log")
    expect(log).to_contain_text("line 49")
    low = "each => each.scrollHeight - each.scrollTop - each.clientHeight"
    host.push({"k": "log", "i": 2, "text": "\n".join(lines)})
    expect(log).to_contain_text("line 99")
    assert abs(log.evaluate(low)) <= 4
    bottoms = [each.bounding_box()["y"] + each.bounding_box()["height"] for each in (log, graph.panel)]
    assert bottoms[0] <= bottoms[1]
    host.shot("log", graph.root)
    log.evaluate("each => { each.scrollTop = 100; }")
    host.push({"k": "log", "i": 2, "text": "\n".join([*lines, "more"])})
    expect(log).to_contain_text("more")
    assert log.evaluate("each => each.scrollTop") == 100
    host.push({"k": "log", "i": 1, "text": "of another node"})
    host.frame()
    expect(log).to_contain_text("more")
    assert not [message for message in host.sent if message["do"] == "leave"]
    graph.panel.locator("[data-do=close]").click()
    host.wait_sent("leave")
    host.push({"k": "log", "i": 2, "text": "too late"})
    expect(graph.panel).to_be_hidden()


RUNS = {
    "what is left": ({"left": 40.2}, r"3 of 12 · 4\.\d s · about 40 s left"),
    "a node was never built": ({"left": 170, "least": True}, r"3 of 12 · 4\.\d s · at least 3 min left"),
    "nothing is known": ({"left": 0, "least": True}, r"3 of 12 · 4\.\d s"),
    "warnings": ({"left": 8.0, "warned": 1}, r"3 of 12 · 4\.\d s · about 8 s left · 1 warning"),
}


@pytest.mark.parametrize(("told", "line"), RUNS.values(), ids=RUNS)
def test_the_line_of_a_run_says_what_is_left_and_counts_warnings(host, told, line):
    graph = Graph(host.show(traits_of(picture()))).painted()
    host.push({"k": "delta", "d": [], "run": {"mode": "background", "done": 3, "todo": 12, "elapsed": 4.1, **told}})
    expect(graph.progress).to_have_text(re.compile(line))


def test_a_warning_that_was_not_built_anew_is_said_to_be_cached(host):
    graph = Graph(host.show(traits_of(picture(clean={"status": "cached", "warns": 1})))).painted()
    graph.node("clean").locator(".sk-box").hover(force=True)
    tip = graph.node("clean").locator("title").text_content()
    assert tip.splitlines()[1] == "warning · cached · 336,776 rows · 5.2 s"
    graph.click("clean")
    expect(graph.panel.locator(".sk-went")).to_contain_text("warning · cached")


# Large graphs


def large(count: int) -> Picture:
    """Twelve tags in three layers."""
    return Picture(
        tuple(Mark(f"k{at % 3}.n{at}", f"k{at % 3}", f"n{at}", "cached", (f"team_{at % 12}",), rows=at) for at in range(count)),
        tuple((at - 12, at) for at in range(12, count, 2)),
    )


def test_a_large_graph_says_what_it_shows(host):
    """Above the limit never "All nodes", and nobody can ask for them."""
    graph = Graph(host.show(traits_of(large(1000)))).painted()
    by = graph.root.locator(".sk-by")
    assert by.evaluate("e => e.selectedOptions[0].textContent") == "All 1,000 nodes"
    graph = Graph(host.show(traits_of(large(5000)))).painted()
    by = graph.root.locator(".sk-by")
    assert by.evaluate("e => e.selectedOptions[0].textContent") == "By tag"
    assert by.evaluate("e => e.options[0].disabled && e.options[0].hidden")
    expect(graph.root.locator(".sk-note")).to_contain_text("5,000 nodes and")
    expect(graph.root.locator(".sk-group")).to_have_count(12)
    host.shot("large", graph.root)


def test_who_did_not_choose_the_groups_does_not_ask_for_them_with_a_focus(host):
    """What is up- and downstream of one node is few: it is shown node by node."""
    focused = make_scene(large(5000), focus=4999)
    assert (focused.by, focused.groups) == ("", ())
    graph = Graph(host.show(traits_of(large(5000)))).painted()
    graph.search.fill("n4999")
    graph.search.press("Enter")
    graph.panel.locator("[data-do=focus]").click()
    asked = host.wait_sent("view")
    assert (asked["by"], asked["focus"]) == ("", 4999)


# Tabs


def test_a_tab_stays_from_node_to_node_and_keys_go_from_tab_to_tab(host):
    graph = Graph(host.show(traits_of(picture()))).painted()
    detailed(host, graph)
    graph.tab("Code")
    host.page.keyboard.press("ArrowRight")
    expect(graph.panel.locator("[aria-selected=true]")).to_contain_text("Data")
    graph.click("clean")
    host.push({**DETAILS, "n": host.wait_sent("details", 2)["n"], "i": 1})
    expect(graph.panel.locator("[aria-selected=true]")).to_contain_text("Data")


def test_the_details_stand_beside_where_the_graph_stays_legible_else_below(host):
    small = Graph(host.show(traits_of(picture()), width=1100))
    small.painted().click("clean")
    expect(small.root).not_to_have_class(re.compile("sk-below"))
    assert 320 <= small.panel.bounding_box()["width"] <= 420
    small.panel.locator("[data-do=move]").click()
    expect(small.root).to_have_class(re.compile("sk-below"))
    assert small.stage.bounding_box()["height"] <= 380
    row = Picture(tuple(Mark(f"k.n{at}", "k", f"n{at}", "cached") for at in range(8)), tuple((at, at + 1) for at in range(7)))
    wide = Graph(host.show(traits_of(row), width=1100)).painted()
    wide.click("n0")
    expect(wide.root).to_have_class(re.compile("sk-below"))


def test_in_a_narrow_view_the_graph_is_low_and_the_details_are_in_sight(host):
    graph = Graph(host.show(traits_of(picture()), width=700, size=(720, 760))).painted()
    graph.click("clean")
    assert graph.stage.bounding_box()["height"] <= 236
    assert graph.panel.bounding_box()["y"] <= 420
    expect(graph.panel.locator("[data-do=move]")).to_be_hidden()
    host.shot("narrow", graph.root)


def test_keys_and_the_mouse_move_the_edge_of_the_details(host):
    graph = Graph(host.show(traits_of(picture()), width=1100)).painted()
    graph.click("clean")
    before, edge = graph.panel.bounding_box(), graph.root.locator(".sk-edge")
    edge.press("ArrowLeft")
    assert graph.panel.bounding_box()["width"] == pytest.approx(before["width"] + 24, abs=1)
    box = edge.bounding_box()
    host.page.mouse.move(box["x"] + 2, box["y"] + 50)
    host.page.mouse.down()
    host.page.mouse.move(box["x"] - 1000, box["y"] + 50)
    host.page.mouse.up()
    assert graph.panel.bounding_box()["width"] == pytest.approx(660, abs=2)


# Clicks


def test_a_click_shows_a_node_and_another_runs_it(host):
    """A click puts the focus on Run; a second one within a moment, Enter, or the button on the card run it."""
    graph = Graph(host.show(traits_of(picture()))).painted()
    graph.click("clean")
    expect(graph.panel.locator("[data-do=run-downstream]")).to_be_focused()
    assert not [message for message in host.sent if message["do"] == "run"]
    graph.node("checked").locator(".sk-box").dblclick(force=True)
    assert host.wait_sent("run")["i"] == [2]
    host.page.wait_for_timeout(500)
    graph.node("orders").locator(".sk-box").hover(force=True)
    graph.node("orders").locator(".sk-run").click()
    assert host.wait_sent("run", 2)["i"] == [0]


def test_the_wheel_scrolls_the_page_unless_the_graph_has_the_focus(host):
    graph = Graph(host.show(traits_of(picture()), size=(1200, 200))).painted()
    graph.stage.hover()
    host.page.mouse.wheel(0, 100)
    host.page.wait_for_function("scrollY > 30")


def test_the_toolbar_counts_what_is_due_and_retries_what_failed(host):
    graph = Graph(host.show(traits_of(picture(clean={"status": "pending"})))).painted()
    expect(graph.root.locator("[data-do=run-changed]")).to_have_text("Run changed (1)")
    expect(graph.root.locator("[data-do=retry]")).to_be_hidden()
    host.push({"k": "delta", "d": [0, NUMBERS["failed"], None, 0.2], "run": {"mode": ""}})
    expect(graph.root.locator("[data-do=retry]")).to_be_visible()
    expect(graph.root.locator("[data-do=run-changed]")).to_have_text("Run changed (2)")


# The overview


def test_the_overview_stands_where_it_covers_the_fewest_boxes(host):
    """And of few units it covers none: it folds."""
    tall = Picture(tuple(Mark(f"k.n{at}", "k", f"n{at}", "cached") for at in range(30)), tuple((at, 29) for at in range(29)))
    graph = Graph(host.show(traits_of(tall))).painted()
    overview = graph.root.locator(".sk-map")
    expect(overview).to_be_visible()
    box, boxes = overview.bounding_box(), [one.bounding_box() for one in graph.root.locator(".sk-node .sk-box").all()]
    apart = [
        box["x"] > one["x"] + one["width"] or box["x"] + box["width"] < one["x"]
        or box["y"] > one["y"] + one["height"] or box["y"] + box["height"] < one["y"]
        for one in boxes
    ]  # fmt: skip
    assert all(apart)
    host.shot("overview", graph.root)


def test_without_nodes_the_graph_says_what_to_do(host):
    view = host.show(traits_of(Picture((), ())))
    expect(view).to_contain_text("No nodes yet")
    expect(view).to_contain_text("%%seeknal transform")
    expect(view.locator("[data-do=run-all]")).to_be_disabled()
