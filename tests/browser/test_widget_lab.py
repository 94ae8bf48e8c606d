"""The graph in JupyterLab, with a kernel that runs: what is clicked runs, what runs is seen, and a stop stops."""

from __future__ import annotations

import re
from functools import partial

import pytest
from nbconvert import HTMLExporter

from browser.chromium import comes, context, expect
from browser.lab import DARK, LIGHT
from browser.widget import STATUS, Graph

LOAD = "%load_ext seeknal_nb"
DRAW = "%seeknal graph"
PLAIN = """%%seeknal transform {name}
def {name}({inputs}):
    import time
    import pandas
    return pandas.DataFrame({{"x": [1, 2]}})
"""
# Minutes of work; DuckDB looks for an interrupt between its chunks.
ENDLESS = (
    "%%seeknal transform endless\nSELECT sum(a.range * b.range) AS n FROM range(10000000) a, range(1000000) b, {inputs}"
)
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script><a href=javascript:alert(3)>x</a>"


def plain(name: str, *inputs: str) -> str:
    return PLAIN.format(name=name, inputs=", ".join(inputs))


def gated(name: str, *inputs: str) -> str:
    """A node that runs until it is let go."""
    gate = f"    from pathlib import Path\n    while not Path('{name}.go').exists():\n        time.sleep(0.01)\n"
    return plain(name, *inputs).replace("    return", f"{gate}    return")


def let_go(notebook, graph, *names: str) -> None:
    """One after another, each once the page has shown that it runs."""
    for name in names:
        graph.becomes(name, "running")
        (notebook.folder / f"{name}.go").touch()


def diamond(node) -> tuple[str, ...]:
    return node("top"), node("left", "top"), node("right", "top"), node("bottom", "left", "right")


DIAMOND = diamond(plain)


def opened(lab, *cells: str, then: tuple[str, ...] = ()) -> tuple:
    """A notebook whose cells have run, and its graph, which the last of them shows; ``then`` waits below."""
    notebook = lab.open([LOAD, *cells, DRAW, *then])
    for i in range(len(cells) + 2):
        notebook.run(i)
    return notebook, Graph(notebook.output(len(cells) + 1)).painted()


def kept(notebook, i: int):
    """The drawing that is saved with a cell, beside the widget."""
    return notebook.output(i).locator("[class*='sk-kept'] img")


@pytest.fixture(autouse=True)
def nothing_unasked(lab):
    """In no test does the page complain, ask the user, or turn to anybody but its server."""
    yield
    assert not lab.dialogs
    assert not lab.outside
    assert not lab.errors


# It is seen


def test_first_paint(lab):
    notebook, graph = opened(lab, *DIAMOND)
    graph.become(top="pending", left="pending", right="pending", bottom="pending")
    assert graph.legend() == {"pending": 4}
    assert graph.names() == ["top", "left", "right", "bottom"]
    expect(kept(notebook, 5)).to_have_count(1)
    expect(kept(notebook, 5)).to_be_hidden()
    lab.shot("graph", notebook.output(len(DIAMOND) + 1))


def test_colours_follow_the_theme(lab):
    """Also at the first paint, when the widget is in no document yet."""
    _, graph = opened(lab, *DIAMOND)
    expect(graph.root).to_have_attribute("data-dark", "0")
    lab.theme(DARK)
    expect(graph.root).to_have_attribute("data-dark", "1")
    lab.shot("graph_dark", graph.root)
    lab.theme(LIGHT)
    expect(graph.root).to_have_attribute("data-dark", "0")


def test_redefined_and_new_nodes_are_drawn(lab):
    """One graph, drawn once: the cells below it change it."""
    notebook, graph = opened(lab, *DIAMOND, then=(plain("more", "bottom"), plain("less", "top")))
    notebook.run(6)
    expect(graph.node("more")).to_be_visible()
    notebook.run(7)
    expect(graph.node("less")).to_be_visible()
    assert graph.legend() == {"pending": 6}


def test_a_thousand_nodes(lab):
    """Few elements, whatever the graph; what runs is seen there too."""
    make = """
for level in range(40):
    for at in range(25):
        source = f"transform.n{level - 1}_{at}, transform.n{level - 1}_{(at + 1) % 25} other" if level else "range(3) t(x)"
        column = f"transform.n{level - 1}_{at}.x" if level else "x"
        seeknal.transform(f"n{level}_{at}", sql=f"SELECT {column} FROM {source} LIMIT 3")
"""
    notebook, graph = opened(lab, "%seeknal ls", make, then=("%seeknal run --only --nodes n0_0,n0_1",))
    assert graph.legend() == {"pending": 1000}
    lab.shot("graph_1000", notebook.output(3))
    assert graph.root.evaluate("root => root.querySelectorAll('*').length") < 8_000
    notebook.run(4)
    expect(Graph(notebook.output(4)).painted().root.locator(".sk-chip", has_text="2 success")).to_be_visible()
    assert graph.legend() == {"pending": 1000}


# It runs


def test_colours_of_a_foreground_run(lab):
    """Every node goes from pending by running to success, and none runs before what it reads is there."""
    notebook, before = opened(lab, *diamond(gated), then=("%seeknal run",))
    notebook.record(6, ".sk-node")
    notebook.start(6)
    graph = Graph(notebook.output(6)).painted()
    let_go(notebook, graph, "top", "left", "right", "bottom")
    notebook.wait(6)
    graph.become(top="success", left="success", right="success", bottom="success")
    recorded = notebook.recorded()
    histories = graph.histories(recorded)
    whole = ["pending", "running", "success"]  # the output comes when the run has begun, maybe its first node too
    assert histories in (dict.fromkeys(graph.names(), whole), {name: whole[name == "top" :] for name in graph.names()})
    names, when = graph.names(), dict[tuple[str, str], float]()
    for at, number, classes in recorded:
        when.setdefault((names[int(number)], STATUS.search(classes)[1]), at)
    for reader, read in (("left", "top"), ("right", "top"), ("bottom", "left"), ("bottom", "right")):
        assert when[read, "success"] <= when[reader, "running"]
    expect(graph.progress).to_contain_text("4 of 4 run in")
    expect(graph.detail("top")).to_contain_text("2 rows")
    assert graph.legend() == {"success": 4}
    assert before.legend() == {"pending": 4}


def test_a_click_runs_and_shows_new_rows(lab):
    notebook = lab.open(
        [
            LOAD,
            "%seeknal source users --csv users.csv",
            "%%seeknal transform adults\nSELECT * FROM source.users WHERE age > 17",
            DRAW,
        ]
    )
    (notebook.folder / "users.csv").write_text("name,age\nann,40\nbob,12\n")
    for i in range(4):
        notebook.run(i)
    graph = Graph(notebook.output(3)).painted()
    graph.press("Run all")
    graph.become(users="success", adults="success")
    expect(graph.detail("adults")).to_contain_text("1 row ")
    graph.rests()
    (notebook.folder / "users.csv").write_text("name,age\nann,40\nbob,12\ncecil,50\n")
    graph.click("users")
    graph.press("Run + what follows")
    expect(graph.detail("users")).to_contain_text("3 rows")
    expect(graph.detail("adults")).to_contain_text("2 rows")
    graph.rests()
    graph.click("adults")
    graph.tab("Data")
    expect(graph.panel.locator(".sk-rows td").filter(has_text="cecil")).to_be_visible()
    lab.shot("panel", graph.root)
    assert notebook.evaluate("len(seeknal['adults'])") == "2"


def test_run_only_this(lab):
    """The others stay as they were: what is there stays green, what is not does not look as if it had been left out for good."""
    _, graph = opened(lab, *DIAMOND)
    for name in ("top", "left"):
        graph.click(name)
        graph.press("Only this")
        graph.becomes(name, "success")
        graph.rests()
    graph.becomes("top", "success", "cached")
    graph.become(left="success", right="pending", bottom="pending")


def test_failure_is_told_and_retried(lab):
    """The failed node says why, what follows is skipped, and a retry runs these and no others."""
    broken = "%%seeknal transform broken\ndef broken(top):\n    from pathlib import Path\n    if not Path('mended').exists():\n        raise ValueError('not mended yet')\n    return top"
    notebook, graph = opened(lab, DIAMOND[0], broken, plain("after", "broken"))
    graph.press("Run all")
    graph.become(top="success", broken="failed", after="skipped")
    graph.rests()
    expect(graph.root.locator(".sk-notes")).to_contain_text("not mended yet")
    graph.click("broken")
    expect(graph.panel.locator(".sk-error")).to_contain_text("not mended yet")
    expect(graph.panel.locator(".sk-marked")).to_contain_text("raise ValueError")
    lab.shot("failure", graph.root)
    (notebook.folder / "mended").touch()
    notebook.record(4, ".sk-node")
    graph.press("Retry failed")
    graph.become(broken="success", after="success")
    graph.rests()
    assert "running" not in graph.histories(notebook.recorded())["top"]
    expect(graph.panel.locator(".sk-error")).to_have_count(0)


def test_a_failed_cell_ends_in_an_error(lab):
    """In the foreground a failure stops "run all"; the graph shows it."""
    notebook, graph = opened(lab, "%%seeknal transform broken\nSELECT error('no luck') AS x", then=("%seeknal run", "1"))
    notebook.run(3, fails=True)
    Graph(notebook.output(3)).painted().becomes("broken", "failed")
    graph.becomes("broken", "pending")
    assert "no luck" in notebook.error(3)


# It stops


def test_cancel_stops_a_query(lab):
    """What is finished stays, what ran and what waited is pending, and the kernel is free for the next run."""
    notebook, graph = opened(lab, DIAMOND[0], ENDLESS.format(inputs="transform.top"), plain("after", "endless"))
    graph.press("Run all")
    graph.become(top="success", endless="running")
    graph.press("Cancel")
    graph.becomes("endless", "pending", "skipped")
    graph.rests()
    graph.become(top="success", endless="pending", after="pending")
    expect(graph.progress).to_contain_text("stopped")
    graph.click("top")
    graph.press("Only this")
    expect(graph.progress).to_contain_text("1 of 1 run")
    assert notebook.evaluate("1 + 1") == "2"


def test_interrupt_stops_a_foreground_run(lab):
    notebook, graph = opened(
        lab, DIAMOND[0], ENDLESS.format(inputs="transform.top"), plain("after", "endless"), then=("%seeknal run",)
    )
    notebook.start(5)
    graph = Graph(notebook.output(5)).painted()
    graph.becomes("endless", "running")
    notebook.interrupt()
    notebook.wait(5, fails=True)
    graph.become(top="success", endless="pending", after="pending")
    graph.rests()
    graph.click("top")
    graph.press("Only this")
    expect(graph.progress).to_contain_text("1 of 1 run")


def test_a_cell_that_runs_is_not_cancelled_by_a_button(lab):
    """Clicks wait while a cell runs, so there is no button that could not work, and the graph says what stops it."""
    notebook, graph = opened(lab, gated("slow"), then=("%seeknal run",))
    notebook.start(3)
    graph = Graph(notebook.output(3)).painted()
    graph.becomes("slow", "running")
    expect(graph.progress).to_contain_text("Interrupt")
    expect(graph.root.locator("[data-do='cancel']")).to_be_hidden()
    let_go(notebook, graph, "slow")
    notebook.wait(3)
    graph.becomes("slow", "success")


# Meanwhile


def test_a_run_in_the_background_leaves_cells_alone(lab):
    """The kernel takes cells meanwhile; what the nodes print does not get into their outputs."""
    talking = [cell.replace("import time\n", "import time\n    print('from a node')\n") for cell in DIAMOND]
    other = "import time\nfrom pathlib import Path\nwhile not Path('enough').exists():\n    print('from the cell', flush=True)\n    time.sleep(0.1)"
    notebook, graph = opened(lab, *talking, then=(other,))
    graph.press("Run all")
    graph.becomes("top", "running", "success")
    notebook.start(6)
    expect(notebook.output(6)).to_contain_text("from the cell")
    graph.become(top="success", left="success", right="success", bottom="success")
    assert notebook.status == "busy"
    (notebook.folder / "enough").touch()
    assert set(notebook.wait(6).split("\n")) == {"from the cell", ""}
    graph.click("top")
    graph.tab("Log")
    expect(graph.panel).to_contain_text("from a node")


def test_background_magic(lab):
    notebook, graph = opened(lab, *DIAMOND, then=("handle = %seeknal run --background\nhandle.state", "handle.wait()"))
    assert notebook.run(6).strip().strip("'") in ("running", "queued")
    graph.becomes("top", "running", "success")
    assert "4 run" in notebook.run(7)
    graph.become(top="success", left="success", right="success", bottom="success")
    assert notebook.evaluate("handle.state").strip("'") == "finished"


def test_a_second_click_waits_for_the_first_run(lab):
    notebook, graph = opened(lab, gated("slow"), plain("quick"))
    notebook.record(3, ".sk-node")
    graph.click("slow")
    graph.press("Only this")
    graph.becomes("slow", "running")
    graph.click("quick")
    graph.press("Only this")
    expect(graph.root.locator(".sk-ack")).to_contain_text("queued")
    expect(graph.progress).to_contain_text("1 queued")
    let_go(notebook, graph, "slow")
    graph.becomes("quick", "success")
    graph.rests()
    assert "success" in graph.histories(notebook.recorded())["slow"]


def test_a_click_while_a_cell_runs_waits_and_says_so(lab):
    """With ipykernel 7.4; where a kernel takes it at once, it runs at once."""
    wait = "import time\nfrom pathlib import Path\nwhile not Path('enough').exists(): time.sleep(0.1)"
    notebook, graph = opened(lab, *DIAMOND, then=(wait,))
    notebook.start(6)
    notebook.until("busy")
    graph.click("top")
    graph.press("Only this")
    at_once = graph.node("top").and_(lab.page.locator(".sk-success"))
    expect(graph.root.locator(".sk-ack", has_text="busy").or_(at_once)).to_be_visible()
    (notebook.folder / "enough").touch()
    notebook.wait(6)
    graph.become(top="success")


# Details


def alike(name: str, number: int) -> str:
    """Cells that begin alike, as those of one hand do."""
    return f"# a step of the pipeline\n%%seeknal transform {name}\nSELECT {number} AS x"


def is_active(notebook, i: int) -> bool:
    """Whether that cell is the one that is selected."""
    return "jp-mod-active" in notebook.cell(i).get_attribute("class")


def test_from_the_details_one_comes_to_the_very_cell_that_defines_a_node(lab):
    """Also where others begin alike, and where it says something else by now; where it is gone, its code is shown."""
    notebook, graph = opened(lab, alike("one", 1), alike("two", 2), alike("three", 3))
    for name, at in (("two", 2), ("one", 1), ("three", 3)):
        graph.click(name)
        graph.press("Go to the cell")
        comes(lab.page, partial(is_active, notebook, at))
    notebook.rewrite(1, alike("three", 3))
    notebook.rewrite(3, "# something else")
    graph.click("three")
    graph.press("Go to the cell")
    comes(lab.page, partial(is_active, notebook, 3))
    notebook.remove(3)
    notebook.rewrite(1, "# something else")
    graph = Graph(notebook.output(3))
    graph.press("Go to the cell")
    expect(graph.panel.locator("[aria-selected=true]")).to_contain_text("Code")
    expect(graph.panel.locator(".sk-log")).to_contain_text("%%seeknal transform three")


def test_what_changed_stands_in_the_details(lab):
    """Old against new, as the cells have it now; after the run, what that was for."""
    notebook, graph = opened(lab, alike("first", 1), "%%seeknal transform second\nSELECT x + 1 AS y\nFROM transform.first", then=("%seeknal run",))
    notebook.run(4)
    graph = Graph(notebook.output(4))
    notebook.rewrite(2, "%%seeknal transform second\nSELECT x + 2 AS y\nFROM transform.first")
    notebook.run(2)
    graph.becomes("second", "changed")
    graph.click("second")
    why = graph.panel.locator(".sk-part", has_text="Why")
    expect(why.locator(".sk-removed")).to_have_text(["- SELECT x + 1 AS y\n"])
    expect(why.locator(".sk-added")).to_have_text(["+ SELECT x + 2 AS y\n"])
    graph.tab("Code")
    expect(graph.panel.locator(".sk-diff .sk-added")).to_have_text(["+ SELECT x + 2 AS y\n"])
    graph.press("Only this")
    graph.becomes("second", "success")
    expect(graph.panel.locator("[data-tab=code] .sk-count")).to_have_count(0)
    graph.tab("Overview")
    expect(why.locator(".sk-added")).to_have_text(["+ SELECT x + 2 AS y\n"])


TALKS = gated("talks").replace("    return", "    print('it ends')\n    return").replace("    from pathlib", "    print('it begins')\n    from pathlib")


def test_what_a_node_prints_is_seen_while_it_runs(lab):
    notebook, graph = opened(lab, TALKS)
    graph.click("talks")
    expect(graph.panel).to_contain_text("never built")
    graph.press("Only this")
    graph.tab("Log")
    expect(graph.panel.locator(".sk-log")).to_have_text("it begins\n")
    let_go(notebook, graph, "talks")
    graph.becomes("talks", "success")
    expect(graph.panel.locator(".sk-log")).to_have_text("it begins\nit ends\n")
    graph.rests()


CHECKED = r"""
rows = "SELECT range AS id, CASE WHEN range % 100 = 0 THEN NULL ELSE range / 3.0 END AS share FROM range(412)"
seeknal.transform("rows", sql=rows)
seeknal.rule("ruled", on="transform.rows", checks=[{"not_null": "share"}, {"unique": "id"}])
seeknal.feature_group("declared", sql=rows, entity={"name": "user", "join_keys": ["id"]}, tests=[{"not_null": "share"}])
seeknal.transform("model", python="ctx.log_metrics(auc=0.8)\nresult = [{'x': 1}]")
seeknal.rule("metric", on="transform.model", checks=[{"metric": "auc", "min": 0.9}])
"""


def test_what_breaks_a_check_is_seen_in_the_details(lab):
    """Of a rule, of checks that a node declares, and of a metric, which has no rows."""
    notebook, _ = opened(lab, "%seeknal ls", CHECKED, then=("%seeknal run --continue-on-error",))
    notebook.run(4, fails=True)
    graph = Graph(notebook.output(4))
    graph.become(ruled="failed", metric="failed")
    graph.click("ruled")
    check = graph.panel.locator(".sk-check")
    expect(check).to_have_count(1)
    expect(check).to_contain_text("5 of 412 rows")
    expect(check.locator("tbody tr")).to_have_count(3)
    expect(check).to_contain_text("3 of 5")
    expect(check.locator("th")).to_have_text(["shareDOUBLE", "idBIGINT"])
    expect(check.locator(".sk-null").first).to_have_text("NULL")
    graph.tab("Data")
    expect(graph.panel.locator(".sk-check")).to_have_count(2)
    expect(check.first.locator("tbody tr")).to_have_count(5)
    lab.shot("rule", graph.root)
    graph.click("metric")
    expect(graph.panel.locator(".sk-check")).to_contain_text("0.8")
    lab.shot("metric", graph.root)
    graph.click("declared")
    expect(graph.panel.locator(".sk-check", has_text="5 of 412 rows").locator("tbody tr")).to_have_count(5)
    lab.shot("declared", graph.root)


# Finding


def test_search_and_legend_dim_the_rest(lab):
    _, graph = opened(lab, *DIAMOND)
    graph.search.fill("bot")
    expect(graph.root.locator(".sk-node.sk-dim")).to_have_count(3)
    expect(graph.root.locator(".sk-found")).to_have_text("1 of 4")
    graph.search.fill("")
    expect(graph.root.locator(".sk-dim")).to_have_count(0)
    graph.click("top")
    graph.press("Only this")
    graph.becomes("top", "success")
    graph.rests()
    graph.root.locator(".sk-chip", has_text="success").click()
    expect(graph.root.locator(".sk-node.sk-dim")).to_have_count(3)


def test_a_selector_selects(lab):
    """The grammar is the command line's, and Python reads the selection."""
    notebook, graph = opened(lab, *DIAMOND, then=("g = %seeknal graph", "g.selected"))
    graph.search.fill("+left")
    graph.search.press("Enter")
    expect(graph.root.locator(".sk-node.sk-sel")).to_have_count(2)
    expect(graph.panel).to_contain_text("2 nodes")
    notebook.run(6)
    assert eval(notebook.run(7)) == ("transform.top", "transform.left")


def test_keys_alone(lab):
    """Tab comes to the graph, arrows follow its edges, Enter runs; JupyterLab's own keys stay away."""
    _, graph = opened(lab, *DIAMOND)
    graph.search.focus()
    for _ in range(20):
        lab.page.keyboard.press("Tab")
        if graph.stage.evaluate("stage => stage === document.activeElement"):
            break
    expect(graph.stage).to_be_focused()
    for key in "ddaabxz00":
        lab.page.keyboard.press(key)
    expect(lab.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook-cell")).to_have_count(6)
    for _ in range(3):
        lab.page.keyboard.press("ArrowLeft")
    expect(graph.node("top")).to_have_class(re.compile("sk-at"))
    lab.page.keyboard.press("ArrowRight")
    lab.page.keyboard.press("ArrowRight")
    expect(graph.node("bottom")).to_have_class(re.compile("sk-at"))
    lab.page.keyboard.press("ArrowLeft")
    lab.page.keyboard.press("ArrowLeft")
    lab.page.keyboard.press("Enter")
    graph.become(top="success", left="success", right="success", bottom="success")


# It stays


def test_reload_of_the_page(lab):
    """The kernel lives, so the graph shows how the nodes stand, and goes on."""
    notebook, graph = opened(lab, *DIAMOND)
    graph.click("top")
    graph.press("Only this")
    graph.becomes("top", "success")
    graph.rests()
    notebook.save()
    notebook.reload()
    graph.painted().becomes("top", "success")
    graph.press("Run all")
    graph.become(top="success", left="success", right="success", bottom="success")
    notebook.save()


def test_reload_during_a_run(lab):
    notebook, graph = opened(lab, plain("first"), gated("second", "first"), plain("third", "second"))
    notebook.save()
    graph.press("Run all")
    graph.becomes("second", "running")
    notebook.reload()
    graph.painted()
    let_go(notebook, graph, "second")
    graph.become(first="success", second="success", third="success")
    notebook.save()


def test_a_saved_notebook_with_a_new_kernel(lab):
    """It opens, tells how the run came out, and is live again once its cells have run."""
    notebook, _ = opened(lab, *DIAMOND, then=("%seeknal run",))
    notebook.run(6)
    notebook.save()
    again = notebook.reopen()
    expect(again.output(6)).to_contain_text("4 run")
    expect(kept(again, 6)).to_be_visible()
    expect(kept(again, 6)).to_have_attribute("alt", re.compile("4 success"))
    for i in range(6):
        again.run(i)
    Graph(again.output(5)).painted().become(top="cached", bottom="cached")
    again.save()


def test_a_page_of_it_shows_the_drawing(lab, browser, tmp_path):
    """What JupyterLab saved, as nbconvert renders it, without a kernel, a widget's state or a network."""
    notebook, _ = opened(lab, *DIAMOND, then=("%seeknal run",))
    notebook.run(6)
    saved = notebook.save()
    assert "widgets" not in saved.metadata
    (tmp_path / "page.html").write_text(HTMLExporter().from_notebook_node(saved)[0], encoding="utf-8")
    own = context(browser)
    page = own.new_page()
    page.goto((tmp_path / "page.html").as_uri())
    drawings = page.locator("[class*='sk-kept'] img")
    expect(drawings).to_have_count(2)
    expect(drawings.last).to_be_visible()
    expect(drawings.last).to_have_attribute("alt", re.compile("4 success"))
    assert drawings.last.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
    expect(page.locator("summary", has_text="4 nodes as a table")).to_have_count(2)
    expect(page.locator("body")).to_contain_text("4 run")
    expect(page.locator("body")).not_to_contain_text("Error displaying")
    own.close()


# It is safe


def test_hostile_texts_stay_texts(lab, browser, tmp_path):
    """In data, column names, errors, logs and tags; in the widget, in the summary, and in a rendered page."""
    quoted = HOSTILE.replace("'", "''")
    cells = (
        f"%%seeknal transform data\nSELECT '{quoted}' AS \"{HOSTILE}\"",
        f"%%seeknal transform talk\ndef talk(data):\n    print({HOSTILE!r})\n    return data",
        f"%%seeknal transform broken\nSELECT error('{quoted}') AS x FROM transform.talk",
    )
    notebook, graph = opened(lab, *cells, then=("%seeknal run", "%seeknal show data", "%seeknal status"))
    notebook.run(5, fails=True)
    notebook.run(6)
    notebook.run(7)
    graph = Graph(notebook.output(5)).painted()
    graph.become(data="success", talk="success", broken="failed")
    for name, tab, where in (("data", "Data", ".sk-rows"), ("talk", "Log", ".sk-log"), ("broken", "Overview", ".sk-error")):
        graph.click(name)
        graph.tab(tab)
        expect(graph.panel.locator(where).first).to_contain_text("<img src=x onerror=alert(1)>")
        for live in ("img", "script", "a", "iframe", "object", "foreignObject"):
            expect(graph.root.locator(live)).to_have_count(0)
    expect(lab.page.locator(".jp-OutputArea [onerror], .jp-OutputArea a[href^='javascript']")).to_have_count(0)
    (tmp_path / "page.html").write_text(HTMLExporter().from_notebook_node(notebook.save())[0], encoding="utf-8")
    own, dialogs = context(browser), []
    page = own.new_page()
    page.on("dialog", lambda seen: (dialogs.append(seen.message), seen.dismiss()))  # type: ignore[call-overload]
    page.goto((tmp_path / "page.html").as_uri())
    expect(page.locator("body")).to_contain_text("<img src=x onerror=alert(1)>")
    assert not dialogs
    own.close()


def test_the_page_asks_for_nothing_by_itself(lab):
    """Opening, drawing and running in a cell send no command but to look: a saved notebook cannot start anything."""
    notebook, graph = opened(lab, *DIAMOND, then=("%seeknal run",))
    watch = (
        "from seeknal_nb.notebook.widget.actions import Actions\nheard, receive = [], Actions.receive\n"
        "def hear(self, widget, content, buffers):\n    heard.append(content['do'])\n    receive(self, widget, content, buffers)\n"
        "Actions.receive = hear\nseeknal.widget.on_msg(lambda _, content, __: heard.append(content['do']))"
    )
    notebook.evaluate(watch)
    notebook.save()
    notebook.reload()
    graph.painted()
    notebook.run(6)
    graph = Graph(notebook.output(6)).painted()
    graph.become(bottom="success")
    assert set(eval(notebook.evaluate("heard"))) <= {"look"}
    graph.click("top")
    expect(graph.panel).to_contain_text("top")
    assert "details" in notebook.evaluate("heard")
    notebook.save()


# An output belongs to its run


def test_the_newest_output_is_live_and_the_one_before_shows_its_run(lab):
    """Show now makes an output live again, and the other one shows its own run."""
    notebook, graph = opened(lab, *DIAMOND, then=("%seeknal run", "%seeknal run --full"))
    notebook.run(6)
    expect(graph.root.locator(".sk-strip")).to_contain_text("The graph as it was today")
    first = Graph(notebook.output(6)).painted()
    first.click("top")
    expect(graph.panel).to_be_hidden()
    expect(graph.root.locator(".sk-sel")).to_have_count(0)
    notebook.run(7)
    second = Graph(notebook.output(7)).painted()
    expect(first.root.locator(".sk-strip")).to_contain_text(re.compile(r"^Run 1, today \d\d:\d\d · the graph as that run left it"))
    expect(second.root.locator(".sk-strip")).to_be_hidden()
    expect(second.panel).to_be_hidden()
    lab.shot("frozen_lab", first.root)
    first.press("Show now")
    expect(first.root.locator(".sk-strip")).to_be_hidden()
    expect(second.root.locator(".sk-strip")).to_contain_text("Run 2, today")
    first.press("Run all")
    expect(first.progress).to_contain_text("4 of 4 run")


def test_a_kernel_that_was_restarted_is_gone_for_its_graphs(lab):
    notebook, graph = opened(lab, *DIAMOND)
    notebook.restart()
    expect(graph.root.locator(".sk-strip")).to_have_text("The kernel is gone: run the cells again")
    expect(graph.root.locator("[data-do^=run]:visible")).to_have_count(0)
    lab.shot("gone_lab", graph.root)
    for i in range(6):
        notebook.run(i)
    expect(Graph(notebook.output(5)).painted().root.locator(".sk-strip")).to_be_hidden()


def test_a_kernel_that_died_is_gone_too(lab):
    notebook, graph = opened(lab, *DIAMOND)
    notebook.evaluate("import os, signal, threading\nthreading.Timer(0.2, os.kill, (os.getpid(), signal.SIGKILL)).start()")
    expect(graph.root.locator(".sk-strip")).to_contain_text("The kernel is gone")
    lab.page.locator(".jp-Dialog button").first.click()
    notebook.connected()  # to the kernel that JupyterLab has started instead


def test_a_helper_that_a_cell_changes_is_seen_in_the_graph(lab):
    """Nobody asked for the graph again."""
    body = "%%seeknal transform uses\nresult = [{'x': helper(1)}]"
    helper = "def helper(value):\n    return value"
    notebook, graph = opened(lab, helper, body, then=("%seeknal run", f"{helper} + 1", "1 + 1"))
    notebook.run(4)
    graph = Graph(notebook.output(4)).painted()
    graph.becomes("uses", "success")
    notebook.run(5)
    graph.becomes("uses", "changed")
    expect(graph.root.locator("[data-do=run-changed]")).to_have_text("Run changed (1)")


def test_options_in_the_laboratory(lab):
    """The keys of the popover stay in it; the run has the options."""
    notebook, graph = opened(lab, *DIAMOND)
    graph.press("Run all")
    graph.become(top="success", bottom="success")
    graph.rests()
    graph.press("Options")
    lab.page.keyboard.press("Space")
    expect(graph.root.locator(".sk-command")).to_have_text("%seeknal run --full")
    lab.shot("options_lab", notebook.output(5))
    lab.page.keyboard.press("Escape")
    expect(graph.root.locator(".sk-options")).to_be_hidden()
    graph.press("Run changed")
    expect(graph.progress).to_contain_text("4 of 4 run")
    assert "run --full" in notebook.evaluate("seeknal.history().rows[0][3]")
