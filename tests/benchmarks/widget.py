"""The graph in a notebook: until it is there, until a status is seen, until a click is answered.

Without Chromium only what needs no page is measured.
"""

import gzip
import shutil
from itertools import islice

from seeknal_nb.draw.assets import script
from tests.benchmarks.measure import Row, child, in_turn, row

DRAWN = {100: 5, 1_000: 50, 5_000: None, 10_000: None}
"""Sizes, and the goal for the CPU milliseconds of a scene; above some 1,500 nodes it shows groups."""
WHOLE = 400
"""That for a layout of the largest, none grouped."""
SHOWN = {100: 120, 1_000: 250, 5_000: None}
"""Sizes, and the goal for the milliseconds until a first paint; the goals are meant for an idle machine."""
LIVE = 100, 1_000
"""Sizes at which statuses change and somebody clicks."""
CROSSED = {100: 8, 1_000: 4}
"""Sizes, and how many graphs; ``dot`` takes 9 s for one of 5,000 nodes."""
NAPS = 0.03, 0.2


def rows(options, directory):
    """The rows of this family, as they are measured."""
    yield from _drawn(options)
    try:
        import pytest  # the harness of tests/browser skips what it has no browser for
    except ImportError:
        print("No page is measured: pip install 'seeknal_nb[dev]'")
        return
    try:
        from tests.benchmarks import page

        with page.opened(directory) as lab:
            yield from _shown(options, page, lab)
    except pytest.skip.Exception as missing:
        print(f"No page is measured: {missing}")


def _drawn(options):
    """Without a browser: what a page is sent, what that takes, and its crossings beside those of Graphviz."""
    sent = script("widget").encode()
    zipped = len(gzip.compress(sent))
    yield Row("script, sent with each widget (floor: gzipped)", len(sent) / 1e3, zipped / 1e3, "kB", 20, "ours")
    for nodes, goal in _up_to(options.graph_nodes, DRAWN):
        given = in_turn(
            options.repeat,
            ours=lambda _: child("drawn", "scene", nodes=nodes),
            floor=lambda _: child("floors", "columns", nodes=nodes),
        )
        ours, floor = given["ours"], given["floor"]
        yield row(
            f"scene of {nodes:,} nodes (floor: columns as they come; CPU)", ours, floor, "inside",
            scale=1e3, unit="ms", goal=goal, on="ours",
        )  # fmt: skip
        yield row("  bytes of its traits (floor: ids, ends, places)", ours, floor, "bytes", scale=1e-3, unit="kB")
    given = in_turn(options.repeat, ours=lambda _: child("drawn", "whole", nodes=nodes))
    what = f"layout of {nodes:,} nodes, none grouped (CPU)"
    yield row(what, given["ours"], floor, "inside", scale=1e3, unit="ms", goal=WHOLE, on="ours")
    if shutil.which("dot") is None:
        print("No crossings are counted: there is no Graphviz here")
        return
    for nodes, seeds in _up_to(options.graph_nodes, CROSSED):
        ours, dot = ([child("drawn", name, nodes=nodes, seeds=seeds)] for name in ("crossed", "dot"))
        yield row(f"crossings in {seeds} graphs of {nodes:,} nodes (floor: dot)", ours, dot, "crossings", unit="", goal=1)


def _shown(options, page, lab):
    """In JupyterLab; the floor is the least widget in the same kernel, which comes first and imports what both need."""
    cold = page.Sheet(lab, 100, page.GRAPH).shown
    for nodes, goal in _up_to(options.graph_nodes, SHOWN):
        sheets = [page.Sheet(lab, nodes, page.LEAST, page.LEAST, page.GRAPH) for _ in range(min(options.repeat, 2))]
        first, floor, ours = zip(*(sheet.shown for sheet in sheets), strict=True)
        if cold:
            yield _least("first graph of a kernel, with its imports, 100 nodes (wall)", cold, first, "painted", "ms")
            cold = None
        yield _least(f"graph of {nodes:,} nodes: cell run -> first paint (wall)", ours, floor, "painted", "ms", goal)
        yield _least("  until the cell has ended", ours, floor, "kernel", "ms")
        yield _least("  the page's heap grows by", ours, floor, "heap", "MB", 6)
        yield Row("  elements of the graph", sheets[-1].elements(), 1, "", goal=600, on="ours")
        yield _least("  nodes of the page's DOM grow by", ours, floor, "nodes", "")
        if nodes in LIVE:
            yield from _told(sheets[-1], options.told)
            yield from _clicked(sheets[-1], options.clicks)


def _up_to(most, sizes):
    return [(nodes, of) for nodes, of in sizes.items() if nodes <= most]


def _least(what, ours, floor, name, unit, goal=None):
    samples = {"ours": [one[name] for one in ours], "floor": [one[name] for one in floor]}
    return Row(what, min(samples["ours"]), min(samples["floor"]), unit, goal, "ours", samples)


def _told(sheet, count):
    """From the event to the page, node by node; a graph that has just told something tells the next thing with what follows."""
    numbers = sheet.reachable()[:count]
    for nap in NAPS:
        ours = sheet.told(f"bench.run({numbers}, {nap})", ".sk-node.sk-success", "data-i")
        floor = sheet.told(f"least.tick({len(numbers)}, {nap})", ".least[data-said]", "data-said")
        what = f"  nodes of {nap * 1e3:.0f} ms: finished ->"
        yield from _spread(f"{what} DOM", ours, floor, "changed", (3, 25))
        yield from _spread(f"{what} painted", ours, floor, "painted", (17, 50))


def _clicked(sheet, clicks):
    """From the release of the mouse's button; the floor answers in the handler, and begins nothing."""
    floor = [sheet.click_least() for _ in range(clicks)]
    numbers = sheet.ask(f"bench.listen({sheet.reachable()})")
    for what, click in (("run sign", sheet.click_sign), ("node", sheet.click_node)):
        ours = list(islice(filter(None, map(click, numbers)), clicks))
        yield from _spread(f"  click on a {what} -> feedback painted", ours, floor, "feedback", (17, None))
        yield from _spread(f"  click on a {what} -> handler", ours, floor, "handler", (5, None))
        yield from _spread(f"  click on a {what} -> answer painted", ours, floor, "answer", (50, None))


def _spread(what, ours, floor, name, goals):
    """Two rows: the middle, and what one in twenty exceeds."""
    samples = {"ours": sorted(one[name] for one in ours), "floor": sorted(one[name] for one in floor)}
    for part, goal in zip((0.5, 0.95), goals, strict=True):
        at = {whose: values[round(part * (len(values) - 1))] for whose, values in samples.items()}
        yield Row(f"{what}, p{part * 100:.0f}", at["ours"], at["floor"], "ms", goal, "ours", samples)
