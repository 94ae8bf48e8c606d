"""What the tests of the browser stand on: that a cell's widget lives, and that the watchers see what they watch for."""

from __future__ import annotations

import pytest

from browser.chromium import ROOT, comes, expect
from browser.host import Host, traits_of
from browser.lab import DARK, LIGHT, CellFailed
from browser.widget import Graph
from seeknal_nb.draw.picture import Mark, Picture
from seeknal_nb.status import NUMBERS

WIDGET = '''
import anywidget, traitlets

class Counter(anywidget.AnyWidget):
    _esm = """
    export default { render({ model, el }) {
      const b = document.createElement("button");
      const paint = () => { b.textContent = `count ${model.get("n")}`; b.className = `c${model.get("n")}`; };
      b.onclick = () => model.send({ do: "add" });
      model.on("change:n", paint);
      paint();
      el.append(b);
    } }
    """
    n = traitlets.Int(0).tag(sync=True)

    def __init__(self):
        super().__init__()
        self.on_msg(lambda _, content, buffers: setattr(self, "n", self.n + 1))

counter = Counter()
counter
'''

MODULE = """
export default { render({ model, el }) {
  const bytes = model.get("data");
  const list = el.appendChild(document.createElement("ul"));
  const add = (text) => { list.appendChild(document.createElement("li")).textContent = text; };
  add(`${bytes.getUint32(0, true)} ${bytes.byteLength}`);
  model.on("change:n", () => add(`n ${model.get("n")}`));
  model.on("msg:custom", (m) => { add(`got ${m.k} ${m.b.getUint8(0)}`); model.send({ do: "answer", n: 1 }); });
  list.onclick = () => { model.set("selected", [1, 2]); model.save_changes(); };
} }
"""


@pytest.fixture
def small(browser):
    with Host(browser, esm=MODULE, css="li { color: rgb(1, 2, 3) }") as host:
        yield host


# JupyterLab


def test_cells_run_fail_and_stop(lab):
    notebook = lab.open(
        ["import os; print(os.getcwd())\n6 * 7", "1 / 0", "import time\nprint('on', flush=True)\ntime.sleep(600)"]
    )
    assert notebook.run(0).splitlines() == [str(notebook.folder), "", "42"]
    with pytest.raises(CellFailed, match="division by zero"):
        notebook.run(1)
    notebook.run(1, fails=True)
    notebook.start(2)
    expect(notebook.output(2)).to_contain_text("on")
    assert notebook.status == "busy"
    notebook.interrupt()
    notebook.wait(2, fails=True)
    assert "KeyboardInterrupt" in notebook.error(2)
    assert notebook.evaluate("print('a'); 1 + 1") == "a\n2"
    assert notebook.text(notebook.append("pass")) == ""
    assert not lab.dialogs
    assert not lab.errors


def test_kernels_take_this_checkout(lab):
    notebook = lab.open(["%load_ext seeknal_nb", "%seeknal ls"])
    notebook.run(0)
    notebook.run(1)
    assert notebook.evaluate("import seeknal_nb; print(seeknal_nb.__file__)").strip().startswith(str(ROOT))


def test_widget_lives(lab):
    """Clicks reach Python, and what Python sets is seen; also after F5, and not after a restart."""
    notebook = lab.open([WIDGET])
    notebook.run(0)
    notebook.record(0, "button", key="type")
    button = notebook.output(0).locator("button")
    button.click()
    expect(button).to_have_text("count 1")
    notebook.evaluate("counter.n = 5")
    expect(button).to_have_text("count 5")
    assert [name for _, _, name in notebook.recorded()] == ["c0", "c1", "c5"]
    notebook.save()
    notebook.reload()
    expect(button).to_have_text("count 5")
    button.click()
    expect(button).to_have_text("count 6")
    again = notebook.reopen()
    expect(again.output(0)).to_contain_text("model not found")
    again.run(0)
    expect(again.output(0).locator("button")).to_have_text("count 0")
    again.restart()
    assert again.evaluate("'counter' in globals()") == "False"


def test_themes(lab):
    """One after the other, and JupyterLab does not stumble over its splash."""
    lab.open([])
    for name, light in ((DARK, "false"), (LIGHT, "true")) * 3:
        lab.theme(name)
        assert lab.page.evaluate("document.body.dataset.jpThemeLight") == light
    lab.page.wait_for_timeout(300)
    assert not lab.errors


def test_what_a_page_must_not_do_is_seen(lab):
    """Else the tests that nothing is injected could not fail."""
    notebook = lab.open([
        "from IPython.display import HTML\nHTML('<script>alert(1); console.error(2); fetch(\"http://example.com/x\").catch(() => {}); window.owned = 3</script>')"
    ])  # fmt: skip
    notebook.run(0)
    lab.page.wait_for_function("window.owned === 3")
    comes(lab.page, lambda: lab.outside and any(error.startswith("2 ") for error in lab.errors))
    assert lab.dialogs == ["alert: 1"]
    assert lab.outside == ["http://example.com/x"]


# The host


def test_host_is_a_model(small):
    view = small.show({"data": b"\x01\x00\x00\x00\x07", "n": 1, "selected": []})
    small.set(n=2)
    small.set(n=2)
    small.push({"k": "ack", "b": b"\x09"})
    expect(view.locator("li")).to_have_text(["1 5", "n 2", "got ack 9"])
    assert view.locator("li").first.evaluate("el => getComputedStyle(el).color") == "rgb(1, 2, 3)"
    assert small.wait_sent("answer")["n"] == 1
    view.locator("li").first.click()
    assert small.saved == [{"selected": [1, 2]}]
    assert not small.dialogs + small.outside + small.errors


def test_host_sees_what_a_page_must_not_do(small):
    small.show({"data": b"1234", "n": 1})
    small.page.evaluate("alert(1); console.error(2); fetch('http://example.com/x').catch(() => {})")
    comes(small.page, lambda: small.outside and "2" in small.errors)
    assert small.dialogs == ["alert: 1"]
    assert small.outside == ["http://example.com/x"]


def test_the_graph_draws_hears_and_goes(host):
    """The module as the widget has it: without a complaint, and without a trace once it is closed."""
    marks = [Mark(f"transform.{name}", "transform", name, "pending") for name in ("one", "two")]
    graph = Graph(host.show(traits_of(Picture(tuple(marks), ((0, 1),))))).painted()
    assert graph.names() == ["one", "two"]
    host.push({"k": "delta", "d": [0, NUMBERS["success"], 7, 0.5]})
    graph.become(one="success", two="pending")
    expect(graph.detail("one")).to_have_text("7 rows · 0.50 s")
    graph.click("two")
    assert host.wait_sent("details")["i"] == 1
    assert host.saved == [{"selected": [1]}]
    host.close()
    assert host.listeners == 0
    expect(host.page.locator("body > *")).to_have_count(0)
    assert not host.dialogs + host.outside + host.errors
