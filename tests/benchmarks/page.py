"""JupyterLab in Chromium, by the harness of tests/browser: what is displayed, told and clicked, by the clocks of both ends."""

import ast
import sys
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.measure import ROOT

sys.path.insert(0, str(ROOT / "tests"))  # whose modules know one another as pytest finds them
from browser.chromium import launched
from browser.lab import Lab, served

WATCH = Path(__file__).with_name("watch.js")
DRIFT = 5
"""Milliseconds by which the page's two clocks may differ, before nothing that is measured means anything."""
REST = 100
"""Milliseconds between two looks at a part that may be moving."""
SETUP = """%load_ext seeknal_nb
from tests.benchmarks.kernel import Bench
bench = Bench({nodes})"""
LEAST = """from tests.benchmarks.least import Least
least = Least()
least"""
GRAPH = "%seeknal graph"
SHOWS = {LEAST: ".least", GRAPH: ".sk-root .sk-node, .sk-root .sk-group"}
"""What is there once the output of a cell has content."""


@contextmanager
def opened(directory):
    """A page whose JupyterLab has shown a widget before, which loads what all widgets need."""
    with launched() as browser, served(Path(directory)) as server:
        lab = Lab(browser, server)
        lab.page.context.add_init_script(path=WATCH)
        with lab:
            Sheet(lab, 1, LEAST)
            yield lab


class Sheet:
    """A notebook with a fresh kernel, whose cells have been run one after another.

    Attributes:
        shown: Of each cell, milliseconds from its begin: ``painted`` is the first frame with its content, ``kernel`` when
            the cell had ended; and what the page has grown by: ``heap`` in MB, DOM ``nodes``.
    """

    def __init__(self, lab, nodes, *cells):
        self.page = lab.page
        self._notebook = lab.open([SETUP.format(nodes=nodes), *cells])
        self._notebook.run(0)
        self.shown = [self._show(at, SHOWS[cell]) for at, cell in enumerate(cells, 1)]

    def _show(self, at, selector):
        before = self._memory()
        self._watch(shown=[selector])
        self._notebook.start(at)
        found = self._seen()
        self._notebook.wait(at)
        began, ended = self.ask("bench.cell")
        after = self._memory()
        grown = {name: after[name] - before[name] for name in after}
        return {"painted": found["shown"][0]["painted"] - began, "kernel": ended - began, **grown}

    def ask(self, code):
        """The value of an expression in the kernel."""
        self._notebook._call("evaluate", code)
        # A question a frame, as Playwright would ask, would keep the page busy.
        self.page.wait_for_function("seeknalLab.evaluated()", polling=100)
        told = self.page.evaluate("seeknalLab.evaluated()")
        if told["error"]:
            raise RuntimeError(told["error"])
        return ast.literal_eval(told["text"]) if told["text"] else None

    def elements(self):
        """How many elements the graph has."""
        return self.page.locator(".sk-root").last.evaluate("root => root.querySelectorAll('*').length")

    def reachable(self):
        """The numbers of the nodes that a mouse can click."""
        return self.page.evaluate("seeknalWatch.reachable()")

    def told(self, code, selector, key):
        """Of all [key, time] that an expression gives, milliseconds until the page has changed, and until it is painted."""
        self._watch(seen=[selector, key])
        sent = self.ask(code)
        seen = {entry["key"]: entry for entry in self._seen(len(sent))["seen"]}
        return [{name: seen[str(what)][name] - at for name in ("changed", "painted")} for what, at in sent]

    def click_sign(self, number):
        """Run a node with what follows from it; the answer is that it runs. Like ``click_node`` None where it is out of reach."""
        node, card = f'.sk-node[data-i="{number}"]', self._card(number)
        if card is None:
            return None
        x, y, width, height = card
        spots = (x + width / 2, y + height / 2), (x + width - 4, y + height / 2)
        marks = {"feedback": [f"{node}.sk-asked"], "answer": [f"{node}.sk-running"]}
        found = self._clicked(spots, "bench.handled['run']", **marks)
        self.ask("bench.rest()")
        return found

    def click_node(self, number):
        """Select a node; the answer is its details. The graph moves so far that what they are about is seen."""
        card = self._card(number)
        if card is None:
            return None
        x, y, width, height = card
        marks = {"feedback": [".sk-panel:not([hidden])"], "answer": [".sk-panel:not([hidden]) .sk-part"]}
        found = self._clicked([(x + width / 2, y + height / 2)], "bench.handled['details']", **marks)
        self.page.keyboard.press("Escape")
        self.page.wait_for_function("() => document.querySelector('.sk-panel').hidden", polling=50)
        return found

    def click_least(self):
        """Press the least widget's button."""
        x, y, width, height = self._box(".least")
        marks = {"feedback": [".least[data-asked]", "data-asked"], "answer": [".least[data-said]", "data-said"]}
        return self._clicked([(x + width / 2, y + height / 2)], "least.handled[-1]", **marks)

    def _card(self, number):
        """Where a node's card is, once it rests; None where it is out of reach then."""
        if number not in self.reachable():
            return None
        box = self._box(f'.sk-node[data-i="{number}"] .sk-box')
        return box if number in self.reachable() else None

    def _box(self, selector):
        """Where a part is, once it rests: details that open or close move the graph, and a click would miss it."""
        part = self.page.locator(selector).last
        part.scroll_into_view_if_needed()
        box, before = part.bounding_box(), None
        while box is None or box != before:
            self.page.wait_for_timeout(REST)
            box, before = part.bounding_box(), box
        return box["x"], box["y"], box["width"], box["height"]

    def _clicked(self, spots, came, **marks):
        """Milliseconds from the mouse button's release until the handler, as ``came`` tells, and until each mark is painted.

        The mouse goes from spot to spot, and clicks on the last one.
        """
        for spot in spots:
            self.page.mouse.move(*spot)
        self._watch(**marks)
        self.page.mouse.down()
        self.page.mouse.up()
        found = self._seen()
        released = self.page.evaluate("seeknalWatch.told().released")
        painted = {name: entries[0]["painted"] - released for name, entries in found.items()}
        return {"handler": self.ask(came) - released, **painted}

    def _watch(self, **marks):
        self.page.evaluate("marks => seeknalWatch.start(marks)", marks)

    def _seen(self, count=1):
        self.page.wait_for_function("count => seeknalWatch.over(count)", arg=count, polling=50)
        told = self.page.evaluate("seeknalWatch.told()")
        if abs(told["drift"]) > DRIFT:
            raise RuntimeError(f"the page's clocks differ by {told['drift']:.0f} ms: the machine's was set; measure again")
        return told["seen"]

    def _memory(self):
        session = self.page.context.new_cdp_session(self.page)
        session.send("HeapProfiler.collectGarbage")
        session.send("Performance.enable")
        found = {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}
        session.detach()
        return {"heap": found["JSHeapUsedSize"] / 1e6, "nodes": found["Nodes"]}
