"""What a notebook shows of a graph and a run, and what goes on while its cells are idle: in a real shell and a real kernel."""

from __future__ import annotations

import ast
import json
import queue
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hostile import inspect_bundle
from ipywidgets.widgets.widget import _put_buffers
from kinds import status
from shells import PIPELINE
from test_board import told
from waiting import END, MINUTES, eventually, ours

from seeknal_nb.cli import main
from seeknal_nb.errors import SelectionError, UsageError
from seeknal_nb.notebook.project import LiveRun, Project
from seeknal_nb.notebook.widget.view import GraphView
from seeknal_nb.workflow import background

VIEW = "application/vnd.jupyter.widget-view+json"
DRAWN = {"text/plain", "text/html", "image/svg+xml", "text/vnd.mermaid"}
WAITS = "import os, time\nwhile not os.path.exists('go'):\n    time.sleep(0.01)\nprint('from the body')\nresult = [{'x': 1}]"
"""A body that goes on until there is a file ``go``."""


@dataclass
class Answer:
    """What came of one cell: its reply, and all messages that were sent to its output."""

    reply: dict[str, Any]
    messages: list[dict[str, Any]]

    @property
    def outputs(self) -> list[dict[str, Any]]:
        """The outputs as the notebook keeps them, updates taken in; each a bundle."""
        kept: dict[str, dict[str, Any]] = {}
        for number, message in enumerate(self.messages):
            content = message["content"]
            if message["msg_type"] in ("display_data", "execute_result", "update_display_data"):
                kept[content.get("transient", {}).get("display_id", str(number))] = content["data"]
        return list(kept.values())

    def count(self, *kinds: str) -> int:
        return sum(message["msg_type"] in kinds for message in self.messages)


@dataclass
class Front:
    """A front end: it runs cells, keeps what comes, holds the widgets' states, and sends what clicks send."""

    manager: Any
    client: Any
    heard: list[dict[str, Any]] = field(default_factory=list)
    states: dict[str, dict[str, Any]] = field(default_factory=dict)
    told: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    clicks: int = 0

    def open(self, folder: Path, *cells: str) -> Front:
        """A fresh session in a folder, with nodes."""
        self.cell(f"import os\nos.chdir({str(folder)!r})\n%load_ext seeknal_nb\n%reload_ext seeknal_nb")
        for cell in cells:
            self.cell(cell)
        return self

    def send(self, code: str, *, somebody: bool = True, expression: str = "None") -> str:
        return self.client.execute(code, allow_stdin=somebody, stop_on_error=False, user_expressions={"value": expression})

    def hear(self, seconds: float) -> bool:
        """Take in one message, if there comes one."""
        try:
            message = self.client.get_iopub_msg(timeout=seconds)
        except queue.Empty:
            return False
        self.heard.append(message)
        content = message["content"]
        if message["msg_type"] in ("comm_open", "comm_msg"):
            data, comm = content["data"], content["comm_id"]
            state = data.get("state", {})
            _put_buffers(data.get("states", state), data.get("buffer_paths", []), [bytes(buffer) for buffer in message["buffers"]])
            self.states.setdefault(comm, {}).update(state)
            if data.get("method") == "custom":
                self.told.setdefault(comm, []).append(data["content"])
        return True

    def until(self, true: Callable[[], Any]) -> Any:
        """Take messages in until something is so; gives it."""
        while not (found := true()):
            self.hear(0.05)
        return found

    def answer(self, sent: str) -> Answer:
        """Wait for a cell's end."""
        while (reply := self.client.get_shell_msg())["parent_header"].get("msg_id") != sent:
            pass
        self.until(lambda: any(m["msg_type"] == "status" and m["content"]["execution_state"] == "idle" for m in self.of(sent)))
        return Answer(reply["content"], self.of(sent))

    def of(self, sent: str) -> list[dict[str, Any]]:
        return [message for message in self.heard if message["parent_header"].get("msg_id") == sent]

    def cell(self, code: str, *, somebody: bool = True) -> Answer:
        """A cell that must work."""
        found = self.answer(self.send(code, somebody=somebody))
        assert found.reply["status"] == "ok", "\n".join(found.reply.get("traceback", []))
        return found

    def value(self, expression: str) -> Any:
        """The value of an expression in the kernel."""
        found = self.answer(self.send("0", expression=expression)).reply["user_expressions"]["value"]
        assert found["status"] == "ok", found
        return ast.literal_eval(found["data"]["text/plain"])

    @property
    def widget(self) -> str:
        """The comm of the newest graph that was opened."""
        return [comm for comm, state in self.states.items() if "snapshot" in state][-1]

    @property
    def page(self) -> dict[str, Any]:
        return self.states[self.widget]

    def deliver(self, data: dict[str, Any], comm: str = "", kind: str = "comm_msg", **more: Any) -> None:
        """Send what a page sends; to the graph, unless another comm is named."""
        message = self.client.session.msg(kind, {"comm_id": comm or self.widget, "data": data, **more}, metadata={"version": "1.0.0"})
        self.client.shell_channel.send(message)

    def ask(self, do: str, **message: Any) -> dict[str, Any]:
        """Click, and wait for the answer."""
        self.clicks += 1
        number, comm = self.clicks, self.widget
        self.deliver({"method": "custom", "content": {"do": do, "n": number, **message}})
        return self.until(lambda: next((m for m in self.told.get(comm, []) if m.get("n") == number and m["k"] != "delta"), None))

    def statuses(self) -> list[str]:
        return [found for found, _, _ in told(self.page["snapshot"])]


@pytest.fixture
def front(kernel: Any) -> Iterator[Front]:
    manager, client = kernel
    made = Front(manager, client)
    yield made
    made.answer(made.send("%unload_ext seeknal_nb"))


A = "%%seeknal transform a --tags core\nSELECT unnest([1, 2, 3]) AS x"
B = "%%seeknal transform b\nSELECT x + 1 AS x FROM a"
SLOW = f"%%seeknal transform slow --inputs a\n{WAITS}"
LONG = f"%%seeknal transform slow\nSELECT x, n FROM a, ({MINUTES})"
BELOW = "%%seeknal transform below\nSELECT x FROM slow"
PATIENT = f"from seeknal_nb.workflow import background\nbackground.LEAVE = {END}"
"""Who leaves waits until a statement has stopped, on whatever machine."""


def built(folder: Path, name: str) -> bool:
    """Whether a node's build is there; what is being written has a name with a dot."""
    return any(not path.parent.name.startswith(".") for path in folder.glob(f"target/outputs/transform/{name}/*/data.parquet"))


# What is shown


def check_drawing(bundle: dict[str, Any]) -> None:
    """The drawing in all its forms, in which nothing is alive."""
    assert bundle.keys() >= DRAWN
    assert bundle["image/svg+xml"].startswith("<svg")
    assert "<table>" in bundle["text/html"]
    assert bundle["text/vnd.mermaid"].startswith("flowchart")
    assert {"transform.a", "transform.b"} <= set(inspect_bundle(bundle).replace(">", " ").split())
    json.dumps(bundle)


def test_a_graph_is_a_live_widget_and_a_drawing_that_is_kept(front: Front, tmp_path: Path) -> None:
    """Who opens the notebook on GitHub sees the graph with its colours; who has a kernel clicks it."""
    answer = front.open(tmp_path, A, B).cell("%seeknal graph")
    live, kept = answer.outputs
    assert live[VIEW] == {"version_major": 2, "version_minor": 0, "model_id": live[VIEW]["model_id"]}
    assert kept["text/plain"].startswith(f"{tmp_path.name}: 2 nodes, 1 edge")
    assert VIEW not in kept
    assert (live["text/plain"], live["text/html"]) == ("", "<span></span>")  # VS Code shows it where the kernel is gone
    check_drawing(kept)
    assert live[VIEW]["model_id"] == front.widget
    state = front.page
    assert (state["nodes"]["name"], state["nodes"]["kinds"], state["nodes"]["tag_names"]) == (["a", "b"], ["transform"], ["core"])
    assert list(struct.iter_unpack("<II", state["edges"])) == [(0, 1)]
    assert (state["live"], state["selected"], front.statuses()) == (True, [], ["pending", "pending"])
    assert "export default" in state["_esm"]


def test_an_output_belongs_to_its_run(front: Front, tmp_path: Path) -> None:
    """The newest is live; the one before it shows what its run left, and is sent nothing more."""
    front.open(tmp_path, A, B)
    models = [front.cell(line).outputs[0][VIEW]["model_id"] for line in ("%seeknal graph", "%seeknal run", "%seeknal run --full")]
    assert len(set(models)) == 3
    graph, first, second = (front.states[model] for model in models)
    assert second["frozen"] is None
    assert [state["frozen"]["run"] for state in (graph, first)] == [0, 1]
    assert [look for look, _, _ in told(graph["snapshot"])] == ["pending", "pending"]
    assert [look for look, _, _ in told(first["snapshot"])] == ["success", "success"]
    assert (first["snapshot"]["run"]["mode"], first["snapshot"]["run"]["text"][:11]) == ("", "2 of 2 run ")
    before = len(front.heard)
    front.cell(B.replace("x + 1", "x + 2"))
    front.until(lambda: front.statuses() == ["success", "changed"])
    assert not [m for m in front.heard[before:] if m["content"].get("comm_id") in models[:2]]


def test_nobody_is_there_to_click_in_a_batch(front: Front, tmp_path: Path) -> None:
    """A saved page would load a widget manager from the web for nothing; nbclient allows no input."""
    front.open(tmp_path, A, B)
    for line in ("%seeknal graph", "summary = %seeknal run", "%seeknal run --full"):
        answer = front.cell(line, somebody=False)
        assert answer.count("comm_open", "comm_msg") == 0, line
        assert all(VIEW not in bundle for bundle in answer.outputs), line
        check_drawing(answer.outputs[0])
    answer = front.cell("run = %seeknal run --background --full\nrun.wait()", somebody=False)
    assert answer.count("comm_open", "comm_msg") == 0


def test_a_run_has_one_output_that_is_kept_and_brought_up_to_date(front: Front, tmp_path: Path) -> None:
    """Never an output a node. What is kept at the end is how it came out."""
    answer = front.open(tmp_path, A, B).cell("summary = %seeknal run")
    live, kept = answer.outputs
    assert VIEW in live
    assert answer.count("display_data") == 2
    assert answer.count("update_display_data") >= 1
    assert answer.count("stream") == answer.count("execute_result") == 0
    check_drawing(kept)
    assert "2 of 2 run in " in kept["text/plain"]
    assert "2 success" in kept["text/plain"]
    assert front.cell("%seeknal run").outputs[-1]["text/plain"].startswith("2 nodes in ")  # alone, the line shows its summary


def test_what_failed_and_what_was_printed_is_kept_with_the_run(front: Front, tmp_path: Path) -> None:
    front.open(tmp_path, A, B, "%%seeknal transform bad\nprint('<b>on the way</b>')\nresult = a['nothing']",
               "%%seeknal transform loud\nprint('<i>hello</i>')\nresult = [{'x': 1}]")  # fmt: skip
    answer = front.answer(front.send("%seeknal run --continue-on-error"))
    assert (answer.reply["status"], answer.reply["ename"]) == ("error", "RunFailed")
    kept = answer.outputs[1]
    check_drawing(kept)
    for kind in ("text/plain", "text/html"):
        assert "KeyError" in kept[kind]
    assert "<i>hello</i>" in kept["text/plain"]
    assert "&lt;i&gt;hello" in kept["text/html"]
    assert "1 failed" in kept["text/plain"]


def test_a_handle_shows_the_run_and_at_the_end_how_it_came_out(front: Front, tmp_path: Path) -> None:
    sent = front.open(tmp_path, A, SLOW).send("%seeknal run --background")
    live, kept = front.answer(sent).outputs
    assert VIEW in live
    assert "run in the background, " in kept["text/plain"]
    (tmp_path / "go").touch()
    front.until(lambda: "finished: 2 nodes in " in Answer({}, front.of(sent)).outputs[1]["text/plain"])


# What goes on while the kernel is idle


def test_a_run_in_the_background_leaves_the_kernel_to_other_cells(front: Front, tmp_path: Path) -> None:
    """The cell ends at once, others run, and the page follows all along without anybody's asking."""
    front.open(tmp_path, A, SLOW, BELOW, "%seeknal graph")
    answer = front.cell("run = %seeknal run --background")  # which ends before its node does
    assert answer.count("display_data", "stream", "execute_result", "update_display_data") == 0
    front.until(lambda: any(m["k"] == "delta" and m["run"]["now"] == [1] for m in front.told[front.widget]))
    assert front.value("(run.state, 6 * 7)") == ("running", 42)
    front.cell("%%seeknal transform later\nSELECT 1 AS x")
    front.until(lambda: front.page["nodes"]["name"] == ["a", "slow", "below", "later"])
    sent = front.send("print('mine')")
    other = front.answer(sent)
    (tmp_path / "go").touch()
    front.until(lambda: front.page["snapshot"]["run"]["mode"] == "" and front.statuses()[:3] == ["success"] * 3)
    assert [m["content"]["text"] for m in front.of(sent) if m["msg_type"] == "stream"] == ["mine\n"]
    assert not [m for m in front.heard if m["msg_type"] == "stream" and "from the body" in m["content"]["text"]]
    assert other.count("comm_msg") == 0
    assert front.value("(run.wait().successful_nodes, run.state)") == (3, "finished")


def test_a_cell_that_would_run_beside_it_ends_in_a_short_error(front: Front, tmp_path: Path) -> None:
    front.open(tmp_path, A, SLOW, "run = %seeknal run --background")
    found = front.answer(front.send("%seeknal run"))
    assert (found.reply["status"], found.reply["ename"]) == ("error", "LockedError")
    shown = "\n".join(m["content"]["traceback"][-1] for m in found.messages if m["msg_type"] == "error")
    assert "--background" in shown
    assert len(shown.splitlines()) <= 3
    (tmp_path / "go").touch()
    assert front.value("run.wait().successful_nodes") == 2


def test_cancel_stops_the_background_and_says_what(front: Front, tmp_path: Path) -> None:
    front.open(tmp_path, A, LONG, BELOW, "run = %seeknal run --background", "again = %seeknal run --background --full")
    eventually(lambda: built(tmp_path, "a"))
    (shown,) = front.cell("%seeknal cancel").outputs
    assert "2 runs told to stop" in shown["text/plain"]
    assert "run --full" in shown["text/plain"]
    found = front.value("{r.node_id: str(r.status) for r in run.wait().results}")
    assert found == {"transform.a": "success", "transform.slow": "pending", "transform.below": "pending"}
    assert front.value("(run.state, again.state, seeknal['a']['x'].tolist())") == ("cancelled", "cancelled", [1, 2, 3])
    (shown,) = front.cell("%seeknal cancel").outputs
    assert "0 runs told to stop" in shown["text/plain"]


def test_interrupting_who_waits_leaves_the_run_alone(front: Front, tmp_path: Path) -> None:
    """The stop button ends the cell; the run has its own."""
    front.open(tmp_path, A, SLOW, "run = %seeknal run --background")
    eventually(lambda: built(tmp_path, "a"))
    sent = front.send("open('waiting', 'w').close()\nrun.wait()")
    eventually((tmp_path / "waiting").exists)
    front.manager.interrupt_kernel()
    assert front.answer(sent).reply["ename"] == "KeyboardInterrupt"
    assert front.value("run.state") == "running"
    (tmp_path / "go").touch()
    assert front.value("run.wait().successful_nodes") == 2


def test_clicks_run_and_tell_while_no_cell_runs(front: Front, tmp_path: Path) -> None:
    """Click a node in a notebook's output to run it."""
    front.open(tmp_path, A, B, "%seeknal graph")
    assert front.ask("run", how="upstream", i=[1]) == {"k": "ack", "n": 1, "view": 0, "text": ""}
    front.until(lambda: front.statuses() == ["success", "success"])
    found = front.ask("details", i=0)
    assert (found["rows"], found["columns"], found["cell"].splitlines()[0]) == ([["1"], ["2"], ["3"]], ["x"], A.splitlines()[0])
    assert front.ask("run", how="only", i=[7])["k"] == "error"
    assert front.value("seeknal.history().rows[0][3]") == "run --nodes +transform.b --only"


def test_a_selection_is_shared_by_the_page_and_the_cells(front: Front, tmp_path: Path) -> None:
    front.open(tmp_path, A, B, "graph = seeknal.graph()\ngraph")
    front.deliver({"method": "update", "state": {"selected": [1, 0]}, "buffer_paths": []})
    assert front.value("(graph.selected, graph.selector)") == (("transform.a", "transform.b"), "transform.a transform.b")
    assert front.value("graph.select('b')") == ("transform.b",)
    assert front.page["selected"] == [1]
    assert front.ask("select", selector="tag:core")["text"] == "1 node selected"
    assert front.value("graph.selected") == ("transform.a",)
    front.cell("summary = %seeknal run --nodes transform.a --only")
    assert front.value("[r.node_id for r in summary.results if r.attempts]") == ["transform.a"]


def test_a_page_that_is_loaded_again_is_given_how_things_are_now(front: Front, tmp_path: Path) -> None:
    """Both ways in which a front end asks: a widget for its state, and all widgets for theirs."""
    front.open(tmp_path, A, "%seeknal graph", B, "summary = %seeknal run")
    comm = front.widget
    front.states[comm] = {}
    front.deliver({"method": "request_state"}, comm)
    state = front.until(lambda: front.states[comm] if {"nodes", "snapshot"} <= front.states[comm].keys() else None)
    assert state["nodes"]["name"] == ["a", "b"]
    assert [status for status, _, _ in told(state["snapshot"])] == ["success", "success"]
    assert [rows for _, rows, _ in told(state["snapshot"])] == [3, 3]
    front.deliver({}, "control", "comm_open", target_name="jupyter.widget.control")
    front.deliver({"method": "request_states"}, "control")
    found = front.until(lambda: [m for m in front.heard if m["msg_type"] == "comm_msg" and "states" in m["content"]["data"]])
    states = found[-1]["content"]["data"]["states"]
    assert states[comm]["state"]["nodes"]["name"] == ["a", "b"]
    assert states[comm]["state"]["scene"]["by"] == ""


def test_a_foreground_run_that_is_interrupted_keeps_what_finished_and_is_over_for_the_page(front: Front, tmp_path: Path) -> None:
    """The page counts no seconds of a run that is gone, nor refuses clicks for it."""
    front.open(tmp_path, A, LONG, BELOW, "%seeknal graph")
    sent = front.send("%seeknal run")
    front.until(lambda: any(m["k"] == "delta" and m["run"]["now"] == [1] for m in front.told.get(front.widget, [])))
    assert front.page["snapshot"]["run"]["mode"] == "foreground"
    front.manager.interrupt_kernel()
    found = front.answer(sent)
    assert (found.reply["status"], found.reply["ename"]) == ("error", "KeyboardInterrupt")
    assert "1 of 3 run in " in found.outputs[1]["text/plain"]
    assert ", stopped" in found.outputs[1]["text/plain"]
    assert front.page["snapshot"]["run"]["mode"] == ""
    assert front.statuses() == ["success", "pending", "pending"]
    front.cell("%%seeknal transform slow\nSELECT x FROM a")
    assert front.ask("run", how="changed", i=[])["k"] == "ack"
    front.until(lambda: front.statuses() == ["cached", "success", "success"])


def test_unloading_stops_what_runs_and_takes_the_graph_away(front: Front, tmp_path: Path) -> None:
    front.open(tmp_path, A, LONG, "%seeknal graph", PATIENT, "run = %seeknal run --background")
    comm = front.widget
    eventually(lambda: built(tmp_path, "a"))
    front.cell("%unload_ext seeknal_nb")
    assert front.value("(run.state, 'seeknal' in globals())") == ("cancelled", False)
    front.until(lambda: any(m["msg_type"] == "comm_close" and m["content"]["comm_id"] == comm for m in front.heard))
    threads = "[t.name for t in __import__('threading').enumerate() if t.name.startswith('seeknal')]"
    front.until(lambda: front.value(threads) == [])


def test_a_kernel_restarts_while_a_run_goes_on(front: Front, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jupyter would kill it after five seconds; it leaves by itself, and the next finds all that was finished."""
    monkeypatch.setattr(front.manager, "shutdown_wait_time", END)
    cells = (A, LONG, BELOW)
    front.open(tmp_path, *cells, PATIENT, "run = %seeknal run --background")
    eventually(lambda: built(tmp_path, "a"))
    front.manager.restart_kernel()
    front.client.wait_for_ready()
    (record,) = (tmp_path / "target" / "runs").glob("*T*.json")
    assert json.loads(record.read_text())["interrupted"] is True
    front.open(tmp_path, *cells, "%%seeknal transform slow\nSELECT x FROM a", "summary = %seeknal run")
    assert front.value("{r.node_id: str(r.status) for r in summary.results}") == {
        "transform.a": "cached", "transform.slow": "success", "transform.below": "success",
    }  # fmt: skip


# In a shell


def test_a_graph_selects_by_the_grammar_and_a_wrong_term_leaves_the_selection(nb: Any) -> None:
    nb(PIPELINE)
    graph = nb("%seeknal graph\nseeknal.graph()")
    assert isinstance(graph, GraphView)
    assert graph.selected == ()
    assert graph.selector == ""
    assert graph.select("users+") == graph.selected == ("transform.users", "transform.names")
    assert graph.select("tag:core") == ("transform.users",)
    for wrong in ("nowhere", "tag:nowhere", "foo:bar"):
        with pytest.raises((SelectionError, UsageError)):
            graph.select(wrong)
        assert graph.selected == ("transform.users",)
    assert graph.select() == ()
    graph.select("names", "users")
    assert graph.selector == "transform.users transform.names"
    assert status(nb("seeknal.run(nodes=seeknal.graph().selected, only=True, progress=False)")) == {
        "transform.users": "success", "transform.names": "success",
    }  # fmt: skip


def test_a_selection_is_of_nodes_and_goes_with_them(nb: Any) -> None:
    """In another graph their numbers are others; whoever has selected a node still means this one."""
    nb(PIPELINE)
    graph = nb("seeknal.graph()")
    graph.select("names", "users")
    nb("%%seeknal source first\nSELECT 1 AS x")
    nb("graph = seeknal.graph()")
    assert graph.selected == ("transform.users", "transform.names")
    assert [nb("seeknal").board.picture.marks[at].id for at in graph.widget.selected] == list(graph.selected)
    nb("%seeknal remove names")
    nb("graph = seeknal.graph()")
    assert graph.selected == ("transform.users",)


def test_a_view_is_a_drawing_of_how_the_nodes_stood(nb: Any) -> None:
    """A graph that was assigned is a value; only its widget goes on."""
    nb(PIPELINE)
    before = nb("seeknal.graph()")
    drawn = before.to_svg()
    nb("%seeknal run")
    assert before.to_svg() == drawn
    assert nb("seeknal.graph()").to_svg() != drawn
    last = nb("seeknal.graph()")
    assert before.widget is last.widget is before._display_() is nb("seeknal").widget


def test_a_terminal_shows_text_and_makes_no_widget(nb: Any) -> None:
    types = nb.shell.display_formatter.active_types
    nb.shell.display_formatter.active_types = ["text/plain"]
    try:
        nb(PIPELINE)
        cell = nb.cell("%seeknal graph")
        assert cell.error is None
        assert all(VIEW not in one["data"] for one in cell.shown)
        cell = nb.cell("%seeknal run")
        assert "transform.users" in cell.out
        assert cell.shown == []
        assert nb("seeknal").outputs.live is None
    finally:
        nb.shell.display_formatter.active_types = types


def test_background_gives_a_handle_of_the_run_and_of_a_retry(nb: Any) -> None:
    nb(PIPELINE)
    nb("%%seeknal transform bad\nSELECT error('x') AS x FROM users")
    run = nb("run = %seeknal run --background --continue-on-error --tags core\nrun")
    assert isinstance(run, LiveRun)
    assert status(run.wait()) == {"transform.users": "success", "transform.names": "skipped", "transform.bad": "skipped"}
    run = nb("run = %seeknal run --background --continue-on-error\nrun")
    assert run.wait().failed_nodes == 1  # and no cell ends in an error for it
    assert run.state == "failed"
    nb("%%seeknal transform bad\nSELECT id FROM users")
    retry = nb("run = %seeknal retry --background\nrun")
    assert {i for i, found in status(retry.wait()).items() if found == "success"} == {"transform.bad"}
    assert [row[3].split()[0] for row in nb("%seeknal history").rows] == ["retry", "run", "run"]


def test_what_background_cannot_begin_with_is_told_by_the_handle(nb: Any) -> None:
    nb(PIPELINE)
    run = nb("run = %seeknal run --background --nodes nowhere\nrun")
    with pytest.raises(SelectionError, match="nowhere"):
        run.wait()
    assert run.state == "failed"
    assert "nowhere" in repr(run)


def test_cancel_as_json_and_without_a_run(nb: Any) -> None:
    nb(PIPELINE)
    assert nb("%seeknal cancel --format json") == {"rows": []}
    assert str(nb("%seeknal cancel")) == "0 runs told to stop"


def test_the_command_line_knows_no_background() -> None:
    """A process that ends has none."""
    assert main(["run", "--background"]) == 2
    assert main(["cancel"]) == 2


def test_unloading_stops_a_run_and_leaves_nothing(nb: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "LEAVE", END)
    foreign = ours()  # of other tests' projects, which nobody closed
    nb(PIPELINE)
    nb(f"%%seeknal transform slow\nSELECT id, n FROM users, ({MINUTES})")
    run = nb("%seeknal graph\nrun = %seeknal run --background\nrun")
    eventually(lambda: run.state == "running")
    nb("%unload_ext seeknal_nb")
    assert run.state == "cancelled"
    eventually(lambda: ours() <= foreign)
    nb("%load_ext seeknal_nb")
    assert nb("%seeknal ls").rows == ()


def test_a_node_can_be_selected_in_the_moment_that_it_is_there(tmp_path: Path) -> None:
    """The graph follows new nodes a tenth of a second later; a cell that adds one and selects it does not wait."""
    project = Project(tmp_path)
    project.transform("a", sql="SELECT 1 AS x")
    graph = project.graph()
    project.transform("b", sql="SELECT x FROM a")
    assert graph.select("+b") == ("transform.a", "transform.b")
    project.close()
