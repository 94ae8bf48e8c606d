"""The laws of the page: it loads nothing, runs only its own script, and shows hostile text as text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from texts import ANY_TEXT, HOSTILE, MARKS

from seeknal_nb.draw import Mark, Picture, page
from seeknal_nb.status import LOOKS

DETAILS = {
    **dict.fromkeys(("reason", "more", "change", "error", "log", "note", "cell"), ""),
    **dict.fromkeys(("facts", "inputs", "outputs", "schema", "checks", "columns", "rows", "history"), []),
    "definition": {"language": "sql", "lines": [], "mark": 0},
}
ATTACKS = [
    *HOSTILE,
    "</script><script>window.owned = 1</script>",
    "<!--<script>",
    "</noscript><img src=x onerror='window.owned = 1'>",
    "<img src=x onerror='window.owned = 1'>",
    "</style><svg onload='window.owned = 1'>",
    "{title} {0} %s",
    "\u2028\u2029",
]


class Outline(HTMLParser):
    """The elements and the texts, as a browser without scripts reads them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str | None]] = []
        self.inside: dict[str, str] = {}
        self.last = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements[tag] += 1
        self.last = dict(attrs).get("type") or tag
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag):
        self.last = ""

    def handle_data(self, data):
        self.inside[self.last] = self.inside.get(self.last, "") + data


def plain_page() -> Outline:
    return Outline(page(Picture((Mark("k.n", "k", "n", "success"),), ()), "title", {}))


@settings(max_examples=40)
@given(st.lists(MARKS, min_size=1, max_size=1), st.one_of(st.sampled_from(ATTACKS), ANY_TEXT))
def test_no_text_becomes_markup(marks, text):
    """Whatever the names say, the page has the elements that it has for harmless ones."""
    details = {**DETAILS, "reason": text, "rows": [[text]], "definition": {"language": text, "lines": [[["", text]]], "mark": 0}}
    outline = Outline(page(Picture(tuple(marks), ()), text, {0: details}))
    (mark,) = marks
    tame = replace(mark, id="k.n", kind="k", name="n", tags=(), detail="", why="", kept=("x",) * len(mark.kept))
    harmless = Outline(page(Picture((tame,), ()), "title", {})).elements
    for tag in harmless.keys() | outline.elements.keys() - {"text"}:  # empty lines of a box are not written
        assert outline.elements[tag] == harmless[tag] or tag == "text"
    assert not [name for _, name, _ in outline.attributes if name.startswith("on") or name in ("href", "src", "action")]
    data = json.loads(outline.inside["application/json"])
    assert data["details"]["0"]["rows"] == json.loads(json.dumps([[text]]))


def test_only_its_own_script_may_run_and_nothing_may_be_fetched():
    outline = plain_page()
    script = hashlib.sha256(outline.inside["module"].encode()).digest()
    (policy,) = [value for tag, name, value in outline.attributes if tag == "meta" and name == "content" and "src" in (value or "")]
    assert f"script-src 'sha256-{base64.b64encode(script).decode()}';" in policy
    assert policy.startswith("default-src 'none'; ")
    assert not re.search(r"unsafe-inline|unsafe-eval", policy.replace("style-src 'unsafe-inline'", ""))
    assert "http" not in policy


def test_numbers_that_json_cannot_write_are_null():
    """A browser refuses a page with NaN in its data."""
    details = {**DETAILS, "history": [{"when": "", "status": "", "seconds": float("nan"), "rows": None, "reason": ""}]}
    outline = Outline(page(Picture((Mark("k.n", "k", "n", "success"),), ()), "", {0: details}))
    assert json.loads(outline.inside["application/json"])["details"]["0"]["history"][0]["seconds"] is None


def test_who_has_no_scripts_sees_the_drawing():
    shown = page(Picture((Mark("k.n", "k", "n", "success"),), ()), "flights")
    assert re.search(r"<noscript><svg [^>]*>.*<title>flights</title>.*</svg>\s*</noscript>", shown, re.DOTALL)


@pytest.fixture(scope="module")
def browser():
    from browser.chromium import launched

    with launched() as started:
        yield started


@pytest.fixture
def visit(browser, tmp_path):
    """Opens a page and gives it; afterwards nothing must have been fetched, refused or thrown."""
    from browser.chromium import context

    contexts, wrong = [], []

    def visit(text: str, **options):
        contexts.append(context(browser, **options))
        tab = contexts[-1].new_page()
        file = tmp_path / f"{len(contexts)}.html"
        file.write_bytes(text.encode())
        tab.on("request", lambda request: request.url == file.as_uri() or wrong.append(request.url))  # type: ignore[call-overload]
        tab.on("console", lambda message: message.type in ("error", "warning") and wrong.append(message.text))  # type: ignore[call-overload]
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        tab.goto(file.as_uri())
        return tab

    yield visit
    for opened in contexts:
        opened.close()
    assert wrong == []


def two() -> Picture:
    marks = (
        Mark("source.flights", "source", "flights", "success", ("raw",), "12 rows · 0.50 s", rows=12, seconds=0.5),
        Mark("model.delays", "model", "delays", "failed"),
    )
    return Picture(marks, ((0, 1),))


@pytest.mark.browser
def test_a_browser_shows_the_nodes_and_what_is_known_of_one(visit):
    tab = visit(page(two(), "flights", {0: {**DETAILS, "reason": "its file has changed", "outputs": [1]}}))
    tab.locator("#graph text", has_text="12 rows · 0.50 s").wait_for()
    assert not tab.locator("noscript svg").count()
    tab.locator("#graph text", has_text="flights").click()
    tab.get_by_text("its file has changed").wait_for()
    assert tab.get_by_text("Outputs").count() == 1


@pytest.mark.browser
def test_a_browser_shows_a_node_without_details(visit):
    tab = visit(page(two(), "flights"))
    tab.locator("#graph text", has_text="delays").click()
    tab.get_by_text("Inputs", exact=True).wait_for()
    assert "no kernel" not in tab.content().split("<script")[0]


@pytest.mark.browser
def test_nothing_can_be_run_without_a_kernel(visit):
    tab = visit(page(two(), "flights"))
    tab.locator("#graph text", has_text="delays").click()
    tab.get_by_text("Inputs", exact=True).wait_for()
    assert not tab.get_by_role("button", name=re.compile("run|cancel|retry", re.IGNORECASE)).count()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_takes_the_theme_of_the_system(visit, scheme):
    tab = visit(page(two(), "flights"), color_scheme=scheme)
    tab.locator("#graph text", has_text="12 rows · 0.50 s").wait_for()
    fill = getattr(LOOKS["failed"], scheme).fill
    red, green, blue = (int(fill[at : at + 2], 16) for at in (1, 3, 5))
    fills = tab.eval_on_selector_all("#graph rect", "all => all.map(each => getComputedStyle(each).fill)")
    assert f"rgb({red}, {green}, {blue})" in fills


@pytest.mark.browser
def test_without_scripts_a_browser_shows_the_drawing(visit):
    tab = visit(page(two(), "flights"), java_script_enabled=False)
    tab.locator("noscript svg text", has_text="delays").wait_for()


@pytest.mark.browser
def test_hostile_text_is_text_in_a_browser(visit):
    marks = tuple(Mark(text, text, text, "failed", (text,), text) for text in ATTACKS)
    details = {**DETAILS, **dict.fromkeys(("reason", "error", "log", "note", "cell", "change"), "".join(ATTACKS))}
    tab = visit(page(Picture(marks, ()), "".join(ATTACKS), dict.fromkeys(range(len(marks)), details)))
    tab.locator("#graph text", has_text="{title}").first.click()
    tab.locator("#graph pre", has_text="]]>").first.wait_for()
    assert tab.evaluate("window.owned") is None
    assert tab.locator("#graph").locator("script, img, a, iframe, object, [onload], [onerror]").count() == 0


@pytest.mark.browser
def test_a_large_pipeline_is_a_page_of_groups_that_says_so(visit):
    marks = tuple(Mark(f"k.n{at}", f"kind{at // 1_000}", f"n{at}", "success") for at in range(3_000))
    tab = visit(page(Picture(marks, tuple((at, at + 1) for at in range(2_999))), "large"))
    tab.get_by_text("3,000 nodes and 2,999 edges are shown as 3 groups").wait_for()
