"""A graph that is not live, one that nobody sees, several views of one, and the options of its runs. Without Jupyter."""

from __future__ import annotations

import re
import time

import pytest

from browser.chromium import expect
from browser.host import traits_of
from browser.test_look import DETAILS, detailed, picture
from browser.widget import Graph
from seeknal_nb.status import NUMBERS

FROZEN = {"run": 13, "id": "20261130T155102-12345a", "at": time.time()}


@pytest.fixture(autouse=True)
def nothing_wrong(host):
    yield
    assert not host.errors + host.dialogs + host.outside


def sent(host, *without: str) -> list[str]:
    return [message["do"] for message in host.sent if message["do"] not in without]


def becomes(host, at: int, look: str) -> None:
    host.push({"k": "delta", "d": [at, NUMBERS[look], 8, 0.2], "run": {"mode": ""}})


def ground(graph) -> str:
    return graph.stage.evaluate("stage => getComputedStyle(stage).backgroundImage")


def offers_runs(graph) -> bool:
    return graph.root.locator("[data-do^=run]:visible, [data-do=options]:visible, [data-do=retry]:visible").count() > 0


# An earlier moment


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1180, 800])
def test_an_earlier_run_says_so_and_offers_no_run(host, dark, width):
    body = 'data-jp-theme-light="false"' if dark else ""
    style = "background: #14181d" if dark else ""
    traits = traits_of(picture(clean={"status": "failed", "why": "no column x"}), frozen=FROZEN)
    graph = Graph(host.show(traits, width=width, size=(width + 20, 700), body=body, style=style)).painted()
    expect(graph.root.locator(".sk-strip")).to_contain_text(re.compile(r"^Run 13, today \d\d:\d\d · the graph as that run left it"))
    assert "repeating-linear-gradient" in ground(graph)
    assert not offers_runs(graph)
    host.shot(f"frozen_{'dark' if dark else 'light'}_{width}", graph.root)
    graph.click("clean")
    expect(graph.panel.locator("[data-do^=run]:visible")).to_have_count(0)
    host.shot(f"frozen_panel_{'dark' if dark else 'light'}_{width}", graph.root)


def test_an_output_without_a_run_says_when_it_was(host):
    graph = Graph(host.show(traits_of(picture(), frozen={"run": 0, "id": "", "at": time.time()}))).painted()
    expect(graph.root.locator(".sk-strip")).to_contain_text(re.compile(r"^The graph as it was today \d\d:\d\d"))


def test_an_earlier_moment_asks_for_nothing_but_to_be_live(host):
    """Selecting, keys, a double click, a selector, another window: none of it is a message; and nothing of it is saved."""
    graph = Graph(host.show(traits_of(picture(), frozen=FROZEN))).painted()
    graph.click("clean")
    graph.node("checked").locator(".sk-box").dblclick(force=True)
    graph.stage.press("Enter")
    graph.search.fill("+clean")
    graph.search.press("Enter")
    host.page.evaluate("window.dispatchEvent(new Event('focus'))")
    host.push({"k": "stale"})
    assert (sent(host), host.saved) == ([], [])
    graph.press("Show now")
    host.wait_sent("now")
    assert sent(host) == ["now"]
    host.set(frozen=None)
    expect(graph.stage).to_be_focused()


def test_a_graph_that_freezes_keeps_what_is_open_and_one_that_thaws_runs_again(host):
    graph = Graph(host.show(traits_of(picture()))).painted()
    detailed(host, graph)
    graph.press("Options")
    assert "repeating" not in ground(graph)
    host.set(frozen=FROZEN)
    expect(graph.root.locator(".sk-strip")).to_be_visible()
    expect(graph.root.locator(".sk-options")).to_be_hidden()
    expect(graph.panel.locator(".sk-check").first).to_be_visible()
    assert not offers_runs(graph)
    host.set(frozen=None)
    expect(graph.root.locator(".sk-strip")).to_be_hidden()
    assert offers_runs(graph)
    assert "repeating" not in ground(graph)
    graph.press("Run all")
    host.wait_sent("run")


def test_the_text_of_an_earlier_moment_is_text(host):
    hostile = "<img src=x onerror=alert(1)>"
    graph = Graph(host.show(traits_of(picture(), frozen={"run": hostile, "id": hostile, "at": "x"}))).painted()
    expect(graph.root.locator(".sk-strip")).to_contain_text("<img")
    expect(graph.root.locator("img")).to_have_count(0)


# The kernel


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_kernel_that_is_gone_is_told_and_nothing_is_asked(host, dark):
    body = 'data-jp-theme-light="false"' if dark else ""
    graph = Graph(host.show(traits_of(picture()), body=body, style="background: #14181d" if dark else "")).painted()
    host.push({"k": "delta", "d": [0, NUMBERS["running"], None, 1.0], "run": {"mode": "background", "now": [0], "todo": 4}})
    host.tell("comm_live_update")
    expect(graph.root.locator(".sk-strip")).to_have_text("The kernel is gone: run the cells again")
    assert "repeating-linear-gradient" in ground(graph)
    assert not offers_runs(graph)
    expect(graph.root.locator("[data-do=cancel]")).to_be_hidden()
    graph.click("clean")
    assert sent(host) == []
    host.shot(f"gone_{'dark' if dark else 'light'}", graph.root)


def test_an_earlier_run_whose_kernel_is_gone_cannot_be_shown_now(host):
    graph = Graph(host.show(traits_of(picture(), frozen=FROZEN))).painted()
    host.tell("comm_live_update")
    expect(graph.root.locator(".sk-strip")).to_contain_text(re.compile("^Run 13, .* · The kernel is gone"))
    expect(graph.root.locator("[data-do=now]")).to_have_count(0)


def test_a_message_that_cannot_be_sent_says_that_the_kernel_is_gone(host):
    graph = Graph(host.show(traits_of(picture()))).painted()
    host.page.evaluate("() => { seeknalHost.state().send = () => { throw new Error('disposed'); }; }")
    graph.press("Run all")
    expect(graph.root.locator(".sk-strip")).to_contain_text("The kernel is gone")


# What nobody sees


def test_a_view_that_nobody_sees_paints_nothing_and_asks_for_nothing(host):
    host.show(traits_of(picture()), style="padding-bottom: 3000px")
    graph = Graph(host.view()).painted()
    detailed(host, graph, "checked")
    host.page.evaluate("scrollTo(0, 3000)")
    host.page.wait_for_timeout(200)
    before = len(host.sent)
    for at in (0, 1, 2):
        becomes(host, at, "failed")
    host.push({"k": "stale"})
    host.page.evaluate("window.dispatchEvent(new Event('focus'))")
    host.page.wait_for_timeout(200)
    expect(graph.node("clean")).to_have_class(re.compile("sk-cached"))
    assert graph.legend() == {"cached": 4}
    assert len(host.sent) == before
    host.page.evaluate("scrollTo(0, 0)")
    graph.becomes("clean", "failed")
    assert graph.legend() == {"failed": 3, "cached": 1}
    host.wait_sent("look")
    assert sent(host)[before:] == ["details", "look"]


def test_a_hidden_tab_is_not_seen(host):
    graph = Graph(host.show(traits_of(picture()))).painted()
    hide = "hidden => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true }); document.dispatchEvent(new Event('visibilitychange')); }"
    host.page.evaluate(hide, True)
    becomes(host, 0, "failed")
    host.push({"k": "stale"})
    host.frame()
    expect(graph.node("orders")).to_have_class(re.compile("sk-cached"))
    assert sent(host) == []
    host.page.evaluate(hide, False)
    graph.becomes("orders", "failed")
    assert sent(host) == ["look"]


def test_another_graph_that_came_unseen_is_drawn_when_it_is_seen(host):
    host.show(traits_of(picture()), style="padding-bottom: 3000px")
    graph = Graph(host.view()).painted()
    host.page.evaluate("scrollTo(0, 3000)")
    host.page.wait_for_timeout(200)
    more = traits_of(picture(orders={"status": "failed"}))
    host.set(**{name: more[name] for name in ("nodes", "edges", "scene", "snapshot")})
    becomes(host, 3, "running")
    host.page.evaluate("scrollTo(0, 0)")
    graph.becomes("orders", "failed")
    graph.becomes("strange", "cached")


def test_a_first_paint_asks_for_nothing_where_the_graph_comes_into_sight_later(host):
    host.show(traits_of(picture()), style="padding-top: 3000px")
    host.page.evaluate("scrollTo(0, 3000)")
    Graph(host.view()).painted()
    host.frame()
    assert sent(host) == []


def test_what_may_have_changed_is_asked_for_once(host):
    Graph(host.show(traits_of(picture()))).painted()
    for _ in range(3):
        host.push({"k": "stale"})
    assert sent(host) == ["look"]
    asked = host.wait_sent("look")
    host.push({"k": "ack", "n": asked["n"], "view": asked["view"], "text": ""})
    host.push({"k": "stale"})
    assert sent(host) == ["look"] * 2


# Several views


def test_what_goes_wrong_is_told_to_who_clicked_alone(host):
    one = Graph(host.show(traits_of(picture()), size=(1200, 1600))).painted()
    two = Graph(host.second()).painted()
    two.press("Run all")
    asked = host.wait_sent("run")
    host.push({"k": "error", "n": asked["n"], "view": asked["view"], "text": "too many runs are waiting"})
    expect(two.root.locator(".sk-wrong")).to_contain_text("too many runs")
    host.push({"k": "error", "n": 0, "view": asked["view"], "text": "it could not begin"})
    expect(two.root.locator(".sk-wrong").last).to_contain_text("could not begin")
    expect(one.root.locator(".sk-wrong")).to_have_count(0)


def test_details_that_nobody_clicked_for_fail_in_silence(host):
    """They are asked for anew when a run has changed the node."""
    graph = Graph(host.show(traits_of(picture()))).painted()
    detailed(host, graph)
    becomes(host, 2, "success")
    asked = host.wait_sent("details", 2)
    host.push({"k": "error", "n": asked["n"], "view": asked["view"], "text": "too many clicks are waiting"})
    host.frame()
    expect(graph.root.locator(".sk-wrong")).to_have_count(0)
    graph.click("clean")
    asked = host.wait_sent("details", 3)
    host.push({"k": "error", "n": asked["n"], "view": asked["view"], "text": "too many clicks are waiting"})
    expect(graph.root.locator(".sk-wrong")).to_have_count(1)


def test_a_selection_opens_nothing_in_another_view(host):
    one = Graph(host.show(traits_of(picture()), size=(1200, 1600))).painted()
    two = Graph(host.second()).painted()
    one.click("clean")
    expect(two.node("clean")).to_have_class(re.compile("sk-sel"))
    expect(two.panel).to_be_hidden()
    assert sent(host) == ["details"]


# The options


def options(graph):
    return graph.root.locator(".sk-options")


def tick(graph, label: str) -> None:
    options(graph).locator("label", has_text=label).locator("input").click()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1180, 800])
def test_the_options_are_a_popover_that_says_the_command(host, dark, width):
    body = 'data-jp-theme-light="false"' if dark else ""
    style = "background: #14181d" if dark else ""
    graph = Graph(host.show(traits_of(picture()), width=width, size=(width + 20, 700), body=body, style=style)).painted()
    graph.press("Options")
    expect(options(graph).locator("input").first).to_be_focused()
    expect(options(graph).locator(".sk-command")).to_have_text("%seeknal run")
    tick(graph, "Full")
    tick(graph, "Continue on error")
    options(graph).locator("[data-option=workers]").fill("4")
    expect(options(graph).locator(".sk-command")).to_have_text("%seeknal run --full --continue-on-error --workers 4")
    host.shot(f"options_{'dark' if dark else 'light'}_{width}", graph.root)
    expect(graph.root.locator("[data-do=options]")).to_have_text("Options (3)")
    box, root = options(graph).bounding_box(), graph.root.bounding_box()
    assert root["x"] <= box["x"]
    assert box["x"] + box["width"] <= root["x"] + root["width"]
    graph.press("Run changed")
    assert host.wait_sent("run")["options"] == {"full": True, "continue_on_error": True, "workers": 4}


def test_escape_closes_the_options_first_and_gives_the_focus_back(host):
    graph = Graph(host.show(traits_of(picture()))).painted()
    graph.click("clean")
    graph.press("Options")
    host.page.keyboard.press("Escape")
    expect(options(graph)).to_be_hidden()
    expect(graph.root.locator("[data-do=options]")).to_be_focused()
    expect(graph.panel).to_be_visible()
    host.page.keyboard.press("Escape")
    expect(graph.panel).to_be_hidden()
    expect(graph.root.locator(".sk-sel")).to_have_count(0)


def test_a_click_elsewhere_closes_the_options(host):
    graph = Graph(host.show(traits_of(picture()))).painted()
    graph.press("Options")
    graph.root.locator(".sk-title").click()
    expect(options(graph)).to_be_hidden()
    graph.press("Options")
    graph.press("Options")
    expect(options(graph)).to_be_hidden()


def test_a_number_out_of_its_range_counts_as_what_is_usual(host):
    graph = Graph(host.show(traits_of(picture()))).painted()
    graph.press("Options")
    number = options(graph).locator("[data-option=retry]")
    number.fill("3")
    expect(options(graph).locator(".sk-command")).to_have_text("%seeknal run --retry 3")
    for wrong in ("1000", "-1", "", "2.5"):
        number.fill(wrong)
        expect(options(graph).locator(".sk-command")).to_have_text("%seeknal run")
    number.press("/")
    expect(number).to_be_focused()


def test_a_dry_run_marks_no_node_as_asked_for(host):
    graph = Graph(host.show(traits_of(picture()))).painted()
    graph.press("Options")
    tick(graph, "Dry run")
    graph.press("Run all")
    assert host.wait_sent("run")["options"] == {"dry_run": True}
    host.frame()
    expect(graph.root.locator(".sk-asked")).to_have_count(0)


def test_the_command_is_copied(host):
    graph = Graph(host.show(traits_of(picture()), permissions=["clipboard-read", "clipboard-write"])).painted()
    graph.press("Options")
    tick(graph, "Full")
    graph.press("Copy")
    expect(graph.root.locator(".sk-ack")).to_have_text("Copied.")
    assert host.page.evaluate("navigator.clipboard.readText()") == "%seeknal run --full"


def test_where_a_page_may_not_copy_the_command_is_selected(host):
    graph = Graph(host.show(traits_of(picture()))).painted()
    host.page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('not allowed')); }")
    graph.press("Options")
    graph.press("Copy")
    expect(graph.root.locator(".sk-ack")).to_contain_text("selected")
    assert host.page.evaluate("String(getSelection())") == "%seeknal run"


def test_details_still_come(host):
    """The answer names the view; one that names none is for whoever asked for that number."""
    graph = Graph(host.show(traits_of(picture()))).painted()
    graph.click("checked")
    asked = host.wait_sent("details")
    host.push({**DETAILS, "n": asked["n"], "view": asked["view"] + 1, "i": 2})
    host.frame()
    expect(graph.panel.locator("[role=tab]:visible")).to_have_count(0)
    host.push({**DETAILS, "n": asked["n"], "view": asked["view"], "i": 2})
    expect(graph.panel.locator("[role=tab]:visible")).to_have_count(4)
