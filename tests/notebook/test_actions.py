"""What clicks do: every message of a page is answered once, does what it says, and can do nothing else."""

from __future__ import annotations

import json
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import comm
import pytest
from comm.base_comm import BaseComm
from graphs import TAGS, place, snapshot, work_below, work_manifest, works
from hypothesis import given, settings
from hypothesis import strategies as st
from ipywidgets.widgets.widget import _put_buffers
from test_board import Browser, Table, node, told
from waiting import Gate, eventually

from seeknal_nb.arguments import parse_words, request_of
from seeknal_nb.dag.manifest import Node
from seeknal_nb.notebook.commands import NOTEBOOK_COMMANDS
from seeknal_nb.notebook.project import Project
from seeknal_nb.notebook.widget.actions import LONGEST, WAITING
from seeknal_nb.notebook.widget.live_log import EVERY
from seeknal_nb.notebook.widget.options import OPTIONS, offered, words_of
from seeknal_nb.workflow.events import Event, NodeStarted, RunFinished, RunStarted
from seeknal_nb.workflow.request import Request
from seeknal_nb.workflow.stores import MemoryState

VERBS = ("details", "run", "cancel", "view", "expand", "select", "look", "now", "leave")


class Page(BaseComm):
    """The other end of a widget's comm, as a front end has it: keeps what it is told, and sends what a click sends."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.state: dict[str, Any] = {}
        self.told: list[dict[str, Any]] = []
        self.sent = 0
        self.late: Callable[[dict[str, Any]], None] = lambda _: None
        super().__init__(*args, **options)

    def publish_msg(self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **_: Any) -> None:
        data = json.loads(json.dumps(data or {}, allow_nan=False))  # as a kernel must
        self.late(data)
        state = data.get("state", {})
        _put_buffers(state, data.get("buffer_paths", []), [bytes(buffer) for buffer in buffers or ()])
        self.state |= state
        if data.get("method") == "custom":
            self.told.append(data["content"])

    def deliver(self, data: dict[str, Any]) -> None:
        self.handle_msg({"content": {"data": json.loads(json.dumps(data))}, "buffers": []})

    def click(self, do: Any, **message: Any) -> int:
        """Send a message; gives its number."""
        self.sent += 1
        self.deliver({"method": "custom", "content": {"do": do, "n": self.sent, **message}})
        return self.sent

    def answers(self, number: int) -> list[dict[str, Any]]:
        return [one for one in list(self.told) if one.get("n") == number and one["k"] != "delta"]

    def answer(self, number: int) -> dict[str, Any]:
        """The one answer, which may take its time."""
        eventually(lambda: self.answers(number))
        (found,) = self.answers(number)
        return found

    def ask(self, do: Any, **message: Any) -> dict[str, Any]:
        return self.answer(self.click(do, **message))


class Seat:
    """A project, its widget, the page that shows it, and what its nodes do."""

    def __init__(self, root: Path, **options: Any) -> None:
        self.table = Table()
        self.project = Project(root, kinds={"work": self.table}, **{"state": MemoryState(), **options})
        self.events: list[Event] = []

    def sit(self) -> Seat:
        self.widget = self.project.widget
        self.page: Page = self.widget.comm
        self.project.listeners.append(self.events.append)
        return self

    def edit(self, *nodes: Node) -> None:
        """Put nodes in, and show them at once: the page would follow when the cells have settled."""
        if nodes:
            self.project.add(*nodes)
        self.project.graph()

    @property
    def index(self) -> dict[str, int]:
        return {node_id.partition(".")[2]: at for node_id, at in self.widget.board.index.items()}

    def settled(self) -> None:
        """The page has followed the last edit: on a busy machine it may do so when a run is over already."""
        eventually(lambda: self.project._follower is None)

    def idle(self) -> None:
        eventually(lambda: not self.project.background.busy)

    def ran(self) -> dict[str, tuple[str, str]]:
        """(status, reason) by node of the one run that a click has started, once it is over."""
        self.idle()
        (finished,) = [e for e in self.events if isinstance(e, RunFinished)]
        return {r.node_id: (str(r.status), r.reason) for r in finished.summary.results}

    def close(self) -> None:
        self.table.open()
        self.project.close()


@contextmanager
def pages() -> Iterator[None]:
    """A front end: whoever opens a comm talks to a ``Page``, as comm's own documentation has it."""
    before, comm.create_comm = comm.create_comm, Page
    try:
        yield
    finally:
        comm.create_comm = before


@pytest.fixture
def seat() -> Iterator[Seat]:
    """a -> b -> c, and d alone; built, and nothing to do."""
    with place() as here, pages():
        made = Seat(here.root)
        made.project.add(node("a"), node("b", 0, "a"), node("c", 0, "b"), node("d"))
        made.project.run(progress=False)
        made.project.board.look()
        made.table.calls.clear()
        yield made.sit()
        made.close()


# Any message

JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=8)
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=4)),
    max_leaves=8,
)
INDEX = st.one_of(st.integers(-2, 6), JSON)
FIELDS = {
    "do": st.one_of(st.sampled_from(VERBS), JSON), "n": st.one_of(st.integers(1, 2**40), JSON),
    "i": st.one_of(INDEX, st.lists(INDEX, max_size=5)),
    "how": st.one_of(st.sampled_from(["downstream", "only", "upstream", "retry", "all", "changed"]), JSON),
    "by": st.one_of(st.sampled_from(["", "kind", "tag", "folder"]), JSON), "focus": INDEX, "unit": INDEX,
    "selector": st.one_of(st.sampled_from(["a", "+b", "tag:red", "a+,d", ""]), JSON), "v": JSON, "view": JSON,
    "options": st.one_of(st.dictionaries(st.sampled_from([option.name for option in OPTIONS]), JSON, max_size=2), JSON),
}  # fmt: skip
MESSAGES = st.one_of(
    JSON, st.fixed_dictionaries({}, optional=FIELDS),
    st.fixed_dictionaries({"do": st.sampled_from(VERBS)}, optional={name: field for name, field in FIELDS.items() if name != "do"}),
)  # fmt: skip


@settings(max_examples=250)
@given(message=MESSAGES)
def test_no_message_raises_and_each_is_answered_once(seat: Seat, message: Any) -> None:
    """WIDGET § 8: messages are untrusted. A handler's exception is shown to nobody, and a click without an answer hangs."""
    page = seat.page
    page.told.clear()
    seat.widget._actions.receive(seat.widget, message, [])
    number = message.get("n") if isinstance(message, dict) and type(message.get("n")) is int else 0
    answer = page.answer(number)
    assert answer["k"] in ("ack", "error", "details")
    seat.idle()
    assert page.answers(number) == [answer]
    assert [one for one in page.told if one["k"] != "delta"] == [answer]
    if not isinstance(message, dict) or message.get("do") not in VERBS:
        assert answer["k"] == "error"
    if answer["k"] == "error":
        assert len(answer["text"]) <= LONGEST
        assert "Error:" not in answer["text"], "a guard was missing"
        assert "Fix: " in answer["text"]


WRONG_INDEX: tuple[Any, ...] = (-1, 4, 2**31, 2**64, 1.0, 0.5, 1e300, True, False, None, "0", "", [0], {"0": 0}, [], {})
WRONG: dict[str, tuple[dict[str, Any], ...]] = {
    "an unknown verb": ({"do": "eval"}, {"do": "__class__"}, {"do": ""}, {"do": None}, {"do": ["run"]}, {"do": 1}, {}, {"do": "Run"}),
    "a node's details": (*({"do": "details", "i": one} for one in WRONG_INDEX), {"do": "details"}),
    "one node in a list": tuple({"do": "run", "how": "downstream", "i": [one]} for one in WRONG_INDEX),
    "one of several nodes": tuple({"do": "run", "how": "only", "i": [0, one]} for one in WRONG_INDEX),
    "nodes of a run of all": tuple({"do": "run", "how": "all", "i": [one]} for one in WRONG_INDEX),
    "no list of nodes": tuple({"do": "run", "how": "upstream", "i": one} for one in (0, "a", None, {}, {"0": 1}, True, 1.5)),
    "no nodes where some are needed": tuple({"do": "run", "how": how, "i": []} for how in ("downstream", "only", "upstream")),
    "huge lists": ({"do": "run", "how": "only", "i": [0] * 1_000_000}, {"do": "run", "how": "all", "i": list(range(100_000))},
                   {"do": "run", "how": "only", "i": [[[[0]]]] * 3}),
    "options": tuple({"do": "run", "how": "changed", "options": one} for one in (
        None, [], "full", 1, {"nodes": ["a"]}, {"command": "x"}, {"full": 1}, {"full": "yes"}, {"full": None, "dry_run": 0},
        {"dry_run": []}, {"retry": -1}, {"retry": 101}, {"retry": True}, {"retry": 1.0}, {"workers": 0}, {"workers": 65},
        {"workers": "2"}, {"workers": 10**30}, {"continue_on_error": {}},
    )),
    "an unknown way": tuple({"do": "run", "how": how, "i": [0]} for how in ("", "full", "Only", None, 1, True, [], {}, ["all"])),
    "a view": tuple({"do": "view", "by": by, "focus": -1} for by in ("status", "Kind", None, 0, True, [], {}, ["kind"]))
              + tuple({"do": "view", "by": "kind", "focus": one} for one in WRONG_INDEX if one != -1)
              + ({"do": "view"}, {"do": "view", "by": "", "focus": -1.0}),
    "a group": (*({"do": "expand", "unit": one} for one in (*WRONG_INDEX, 0)), {"do": "expand"}),
    "a selector": (*({"do": "select", "selector": one} for one in (
        None, 0, [], {}, ["a"], True, "nowhere", "a b nowhere", "tag:nowhere", "+", "a++b", "foo:bar", "'", "\x00", "a" * 1001, "a " * 600,
        "state:nowhere", "result:maybe", "../a", "<script>")), {"do": "select"}),
}  # fmt: skip


@pytest.mark.parametrize("messages", WRONG.values(), ids=WRONG)
def test_a_wrong_message_is_an_error_and_nothing_happens(seat: Seat, messages: tuple[dict[str, Any], ...]) -> None:
    """No run, no file, no other view, no other selection: a page of another graph, or of somebody else, does no harm."""
    seat.widget.selected = [1]
    scene, files = seat.page.state["scene"], snapshot(seat.project.directory)
    for message in messages:
        number = seat.page.sent = seat.page.sent + 1
        seat.page.deliver({"method": "custom", "content": {**message, "n": number}})
        answer = seat.page.answer(number)
        assert answer["k"] == "error", (message, answer)
        assert "Error:" not in answer["text"], (message, answer)
        assert "Fix: " in answer["text"], (message, answer)
    seat.idle()
    assert (seat.events, seat.table.calls) == ([], [])
    assert snapshot(seat.project.directory) == files
    assert seat.page.state["scene"] == scene
    assert seat.widget.selected == [1]


def test_a_click_on_a_graph_that_has_become_another_one_is_refused(seat: Seat) -> None:
    """Its numbers mean other nodes: never run one that nobody clicked."""
    version = seat.widget.board.version
    assert seat.page.ask("run", how="only", i=[seat.index["c"]], v=version)["k"] == "ack"
    seat.idle()
    seat.project.remove("c")
    seat.edit()
    for do, more in (("run", {"how": "only"}), ("details", {}), ("view", {"by": "", "focus": 2}), ("expand", {"unit": 2})):
        answer = seat.page.ask(do, v=version, **{"i": [2] if do == "run" else 2, **more})
        assert answer["k"] == "error"
        assert "has changed" in answer["text"]
    seat.idle()
    assert seat.table.calls == ["c"]


def test_an_exception_in_a_handler_is_told_in_the_widget(seat: Seat) -> None:
    """WIDGET § 3: the kernel would write it where nobody looks."""

    def broken(_node_id: str) -> str:
        raise LookupError("of the session")

    seat.project.cell_of = broken
    answer = seat.page.ask("details", i=0)
    assert (answer["k"], answer["text"]) == ("error", "LookupError: of the session")
    seat.project.cell_of = lambda _: "a cell"
    assert seat.page.ask("details", i=0)["k"] == "details"


# Runs

HOWS: dict[str, Callable[[list[str]], dict[str, Any]]] = {
    "downstream": lambda ids: {"nodes": ids}, "only": lambda ids: {"nodes": ids, "only": True},
    "upstream": lambda ids: {"nodes": [f"+{node_id}" for node_id in ids], "only": True},
    "retry": lambda _: {"nodes": ["result:failed"], "force": False}, "all": lambda _: {"full": True}, "changed": lambda _: {},
}  # fmt: skip


@st.composite
def clicks(draw: st.DrawFn) -> tuple[Any, str, list[int], set[int], set[int]]:
    """A graph, a way to run, the chosen nodes, those that fail at first, and those that change before the click."""
    graph = draw(works(most=7))
    numbers = st.integers(0, graph[0] - 1)
    how = draw(st.sampled_from(list(HOWS)))
    chosen = draw(st.lists(numbers, min_size=1, max_size=3, unique=True)) if how in ("downstream", "only", "upstream") else []
    return graph, how, chosen, draw(st.sets(numbers, max_size=2)), draw(st.sets(numbers, max_size=2))


@settings(max_examples=80)
@given(click=clicks())
def test_a_click_runs_what_the_same_words_run(click: tuple[Any, str, list[int], set[int], set[int]]) -> None:
    """The contract's six ways, each against ``project.run`` of a twin with the same past; and against the graph itself."""
    graph, how, chosen, failing, changed = click
    with place() as here, place() as there, pages():
        seats = [Seat(here.root), Seat(there.root)]
        for seat in seats:
            seat.project.manifest = work_manifest(graph)
            seat.table.outcomes = {f"n{n}": "fail" for n in failing}
            seat.project.run(progress=False, continue_on_error=True)
            seat.table.outcomes = {}
            for n in sorted(changed):
                inputs = [f"n{a}" for a, b in dict.fromkeys(graph[1]) if b == n]
                seat.project.add(Node(f"work.n{n}", f"n{n}", "work", tags=[TAGS[n % 3]], config={"inputs": inputs, "version": 2}))
            seat.table.calls.clear()
        clicked, twin = seats[0].sit(), seats[1]
        ids = [f"work.n{n}" for n in chosen]
        planned = twin.project.plan(**HOWS[how](ids))
        assert clicked.page.ask("run", how=how, i=[clicked.widget.board.index[i] for i in ids]) == {"k": "ack", "n": 1, "view": 0, "text": ""}
        expected = twin.project.run(progress=False, **HOWS[how](ids))
        assert clicked.ran() == {r.node_id: (str(r.status), r.reason) for r in expected.results}
        started = next(e for e in clicked.events if isinstance(e, RunStarted))
        assert started.plan.to_dict() == planned.to_dict()
        assert clicked.table.calls == twin.table.calls
        ran = {int(name[1:]) for name in clicked.table.calls}
        below = work_below(graph, chosen)
        above = {a for a in range(graph[0]) if work_below(graph, [a]) & set(chosen)}
        if how == "all":
            assert ran == set(range(graph[0]))
        elif how == "retry":
            assert ran >= {n for n in failing if not work_below(graph, failing) & {n}}
        elif how != "changed":
            must = {"downstream": {*chosen} | below, "only": {*chosen}, "upstream": {*chosen} | above}[how]
            assert must <= ran <= must | {a for a in range(graph[0]) if work_below(graph, [a]) & must}
        for seat in seats:
            seat.close()


COMMANDS = {
    ("downstream", ("a", "d")): "run --nodes work.a work.d", ("only", ("b",)): "run --nodes work.b --only",
    ("upstream", ("c",)): "run --nodes +work.c --only", ("retry", ()): "retry", ("all", ()): "run --full", ("changed", ()): "run",
}  # fmt: skip


@pytest.mark.parametrize(("how", "names"), COMMANDS)
def test_the_history_has_a_click_as_the_command_that_does_the_same(seat: Seat, how: str, names: tuple[str, ...]) -> None:
    seat.page.ask("run", how=how, i=[seat.index[name] for name in names])
    seat.idle()
    assert seat.project.history().rows[0][3] == COMMANDS[how, names]


def test_retry_runs_what_failed_and_what_could_not_run_for_it(seat: Seat) -> None:
    seat.table.outcomes = {"b": "fail"}
    seat.edit(node("a", 1), node("b", 1, "a"))
    seat.project.run(progress=False)
    seat.table.outcomes = {}
    seat.table.calls.clear()
    seat.events.clear()
    seat.page.ask("run", how="retry", i=[])
    assert {i: status for i, (status, _) in seat.ran().items()}["work.b"] == "success"
    assert seat.table.calls == ["b", "c"]


CHOSEN = {
    "full": ({"full": True}, "changed", {"a", "b", "c", "d"}), "full does nothing to named nodes": ({"full": True}, "only", {"b"}),
    "dry_run": ({"dry_run": True}, "all", set()), "none": ({"full": False}, "changed", set()),
}  # fmt: skip


@pytest.mark.parametrize(("options", "how", "executed"), CHOSEN.values(), ids=CHOSEN)
def test_the_options_of_a_click_count_for_its_run(seat: Seat, options: dict[str, Any], how: str, executed: set[str]) -> None:
    answer = seat.page.ask("run", how=how, i=[seat.index["b"]] if how == "only" else [], options=options)
    assert answer["k"] == "ack"
    seat.idle()
    assert set(seat.table.calls) == executed
    assert sum(isinstance(e, RunFinished) for e in seat.events) == 1


@pytest.mark.parametrize(("options", "status"), [
    ({}, {"a": "failed", "b": "skipped", "c": "skipped", "d": "pending"}),
    ({"continue_on_error": True}, {"a": "failed", "b": "skipped", "c": "skipped", "d": "success"}),
    ({"retry": 1}, {"a": "success", "b": "success", "c": "success", "d": "success"}),
])  # fmt: skip
def test_the_options_say_what_happens_after_a_failure(seat: Seat, options: dict[str, Any], status: dict[str, str]) -> None:
    seat.table.once = {"a"}
    seat.page.ask("run", how="all", i=[], options=options)
    assert {i.partition(".")[2]: found for i, (found, _) in seat.ran().items()} == status


def test_the_answer_and_the_history_tell_the_options(seat: Seat) -> None:
    """The popover is closed by then."""
    answer = seat.page.ask("run", how="all", i=[], options={"full": True, "continue_on_error": True, "workers": 3})
    assert answer["text"] == "with --continue-on-error --workers 3"
    seat.idle()
    assert seat.project.history().rows[0][3] == "run --full --continue-on-error --workers 3"


VALUES = {option.name: st.booleans() if option.least is None else st.integers(option.least, option.most) for option in OPTIONS}


@given(options=st.fixed_dictionaries({}, optional=VALUES))
def test_the_command_below_the_options_asks_for_the_same_run(options: dict[str, Any]) -> None:
    """Whoever copies it into a cell gets what the click would have run."""
    words = parse_words(["run", *words_of(options)], NOTEBOOK_COMMANDS, prog="%seeknal")
    asked, clicked = request_of(words), Request.of(options)
    assert (asked.options, asked.workers) == (clicked.options, clicked.workers or None)


def test_what_a_page_offers_has_the_flags_and_what_is_usual() -> None:
    told = {option["name"]: (option["flag"], option["value"]) for option in offered(4)}
    assert told == {
        "full": ("--full", False), "dry_run": ("--dry-run", False), "continue_on_error": ("--continue-on-error", False),
        "workers": ("--workers", 4), "retry": ("--retry", 0),
    }  # fmt: skip


def test_a_click_during_a_run_is_queued_and_says_so(seat: Seat) -> None:
    """Nothing is lost, and nothing runs twice at a time."""
    gate = seat.table.gate("a")
    assert seat.page.ask("run", how="all", i=[], view=7) == {"k": "ack", "n": 1, "view": 7, "text": ""}
    gate.reached.wait()
    assert "1 run" in seat.page.ask("run", how="all", i=[])["text"]
    assert "2 runs" in seat.page.ask("run", how="all", i=[])["text"]
    gate.opened.set()
    seat.idle()
    assert seat.table.calls == ["a", "b", "c", "d"] * 3


def test_too_many_runs_are_refused_until_some_are_over(seat: Seat) -> None:
    """A page that sends without end fills no memory."""
    gate = seat.table.gate("a")
    seat.page.ask("run", how="all", i=[])
    gate.reached.wait()
    answers = [seat.page.ask("run", how="changed", i=[]) for _ in range(WAITING + 5)]
    assert [one["k"] for one in answers] == ["ack"] * WAITING + ["error"] * 5
    assert "too many" in answers[-1]["text"]
    assert seat.page.ask("cancel")["k"] == "ack"
    gate.opened.set()
    seat.idle()
    assert seat.page.ask("run", how="changed", i=[])["k"] == "ack"


def test_a_click_during_a_foreground_run_is_refused_with_the_way_out(seat: Seat) -> None:
    """It could only wait behind the cell, and then run unasked."""
    answers: list[dict[str, Any]] = []
    seat.project.listeners.append(
        lambda e: answers.append(seat.page.ask("run", how="all", i=[])) if isinstance(e, NodeStarted) and not answers else None
    )
    seat.project.run(progress=False, full=True)
    assert answers[0]["k"] == "error"
    assert "interrupt the kernel" in answers[0]["text"]
    seat.idle()
    assert sum(isinstance(e, RunStarted) for e in seat.events) == 1


def test_a_run_that_cannot_begin_is_told_in_the_widget(seat: Seat) -> None:
    """Nobody waits for a click's run; its error must be seen."""
    seat.project.transform("p", sql="SELECT {{ nowhere }} AS x")
    assert seat.page.ask("run", how="all", i=[], view=7)["k"] == "ack"
    told = seat.page.answer(0)
    assert (told["k"], told["view"]) == ("error", 7)
    assert "nowhere" in told["text"]


def test_a_click_cancels(seat: Seat) -> None:
    gate = seat.table.gate("b")
    for _ in range(3):
        seat.page.ask("run", how="all", i=[])
    gate.reached.wait()
    answer = seat.page.ask("cancel")  # while the body goes on
    assert answer["k"] == "ack"
    assert "a Python body when it ends; 2 runs that waited will not begin" in answer["text"]
    gate.opened.set()
    assert [status for status, _ in seat.ran().values()] == ["success", "success", "pending", "pending"]
    assert seat.page.ask("cancel")["k"] == "ack"  # there is nothing to stop


# Details


def test_details_of_a_node_come_with_how_it_stands_and_the_cell(seat: Seat) -> None:
    seat.project.cell_of = lambda node_id: f"the cell of {node_id}"
    seat.project.cell_id_of = lambda node_id: f"id of {node_id}"
    found = seat.page.ask("details", i=1)
    assert (found["k"], found["i"], found["cell"], found["cell_id"]) == ("details", 1, "the cell of work.b", "id of work.b")
    assert (found["inputs"], found["outputs"]) == ([0], [2])
    assert found["reason"] == "up to date"
    assert found.keys() == {
        "k", "n", "view", "i", "reason", "facts", "checks", "definition", "inputs", "outputs", "schema", "columns", "rows", "more", "change",
        "error", "log", "history", "note", "last_run", "why", "changed", "cell", "cell_id",
    }  # fmt: skip
    assert found["definition"].keys() == {"language", "lines", "mark"}


def test_details_say_why_a_node_ran_or_did_not(seat: Seat) -> None:
    """Of the last run, if it did; else what a run would do now."""
    seat.page.ask("run", how="only", i=[seat.index["b"]])
    seat.idle()
    assert [seat.page.ask("details", i=seat.index[name])["reason"] for name in "bd"] == ["ran because: it was asked for", "up to date"]
    seat.table.outcomes = {"d": "fail"}
    seat.edit(node("d", 1))
    seat.settled()
    assert "ran because" not in seat.page.ask("details", i=seat.index["d"])["reason"]
    seat.page.ask("run", how="changed", i=[])
    seat.idle()
    assert seat.page.ask("details", i=seat.index["d"])["reason"].startswith("ran because: ")
    seat.project.board.look()
    assert seat.page.ask("details", i=seat.index["d"])["reason"] == "failed last time"


def test_details_are_given_while_a_run_goes_on(seat: Seat) -> None:
    """The kernel is free then: that is what the background is for."""
    gate = seat.table.gate("b")
    seat.page.ask("run", how="all", i=[])
    gate.reached.wait()
    assert seat.page.ask("details", i=1)["k"] == "details"
    gate.opened.set()


def test_too_many_clicks_are_refused_and_the_others_answered_in_order(seat: Seat) -> None:
    """Whoever holds an arrow key down asks for a hundred nodes; the newest counts, and the kernel must keep up."""
    gate = Gate()

    def slow(_node_id: str) -> str:
        gate.wait()
        return ""

    seat.project.cell_of = slow
    first = seat.page.click("details", i=0)
    gate.reached.wait()
    waiting = [seat.page.click("details", i=n % 4) for n in range(WAITING)]
    refused = [seat.page.answer(seat.page.click("details", i=0)) for _ in range(3)]
    assert [one["k"] for one in refused] == ["error"] * 3
    assert "too many clicks" in refused[0]["text"]
    assert seat.page.ask("cancel")["k"] == "ack"  # what takes no time is not behind them
    gate.opened.set()
    assert [seat.page.answer(n)["k"] for n in (first, *waiting)] == ["details"] * (WAITING + 1)
    answered = [one["n"] for one in seat.page.told if one["k"] == "details"]
    assert answered == [first, *waiting]
    assert seat.page.ask("details", i=0)["k"] == "details"


def test_a_node_that_went_while_the_click_waited_is_an_error_or_the_node_that_was_clicked(seat: Seat) -> None:
    """The page's numbers are of the graph that it saw: never the details of another node under this one's number."""
    gate = Gate()

    def slow(node_id: str) -> str:
        gate.wait()
        return node_id

    seat.project.cell_of = slow
    seat.page.click("details", i=0)
    gate.reached.wait()
    gone, moved = seat.page.click("details", i=seat.index["c"]), seat.page.click("details", i=seat.index["d"])
    seat.project.remove("c")
    seat.edit()
    gate.opened.set()
    assert seat.page.answer(gone)["k"] == "error"
    found = seat.page.answer(moved)
    assert found["k"] == "error" or (found["cell"], found["i"]) == ("work.d", seat.index["d"])


# What a node prints while it runs

PRINTS = """
import seeknal_nb
for number, gate in enumerate(seeknal_nb.gates):
    print("line", number)
    gate.wait()
result = [{"x": 1}]
"""


def logs(seat: Seat) -> list[str]:
    return [one["text"] for one in list(seat.page.told) if one["k"] == "log"]


def are_last(seat: Seat, text: str) -> bool:
    return logs(seat)[-1:] == [text]


@pytest.fixture
def printing(seat: Seat, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Gate]]:
    """A node that prints a line and waits, three times."""
    gates = [Gate() for _ in range(3)]
    monkeypatch.setattr("seeknal_nb.gates", gates, raising=False)
    seat.project.transform("talks", python=PRINTS)
    seat.project.transform("silent", sql="SELECT 1 AS x")
    seat.edit()
    yield gates
    for gate in gates:
        gate.opened.set()


def test_what_a_node_prints_is_told_while_it_runs_to_who_has_its_details_open(seat: Seat, printing: list[Gate]) -> None:
    at = seat.index["talks"]
    seat.page.ask("details", i=at)
    seat.page.ask("run", how="only", i=[at])
    for number, gate in enumerate(printing):
        gate.reached.wait()
        eventually(partial(are_last, seat, "".join(f"line {n}\n" for n in range(number + 1))))
        gate.opened.set()
    seat.idle()
    assert all(one["i"] == at for one in seat.page.told if one["k"] == "log")
    assert seat.page.ask("details", i=at)["log"] == "line 0\nline 1\nline 2\n"


@pytest.mark.parametrize("leave", ["another node", "closed", "never open"])
def test_who_has_not_its_details_open_is_told_nothing_of_what_it_prints(seat: Seat, printing: list[Gate], leave: str) -> None:
    at = seat.index["talks"]
    if leave != "never open":
        seat.page.ask("details", i=at)
    if leave == "closed":
        seat.page.click("leave")
    if leave == "another node":
        seat.page.ask("details", i=seat.index["silent"])
    seat.page.ask("run", how="only", i=[at])
    printing[0].reached.wait()
    printing[0].opened.set()
    printing[1].reached.wait()
    threading.Event().wait(3 * EVERY)
    assert logs(seat) == []
    assert seat.page.ask("details", i=at)["log"] == "line 0\nline 1\n"  # whoever comes later has it at once
    for gate in printing:
        gate.opened.set()
    seat.idle()


def test_a_node_that_prints_all_the_time_is_told_of_twice_a_second(seat: Seat) -> None:
    body = "import time\nfor _ in range(600):\n    print('x')\n    time.sleep(0.005)\nresult = [{'x': 1}]"
    seat.project.transform("loud", python=body)
    seat.edit()
    seat.page.ask("details", i=seat.index["loud"])
    seat.page.ask("run", how="only", i=[seat.index["loud"]])
    while seat.project.background.busy:
        seat.widget.hear(NodeStarted("work.a", 1, 1))  # whatever else happens in the run
        threading.Event().wait(0.01)
    assert 1 <= len(logs(seat)) <= 25  # of 600; without a limit they would be as many as other messages


def test_the_log_of_the_run_before_is_not_that_of_a_node_that_runs(
    seat: Seat, printing: list[Gate], monkeypatch: pytest.MonkeyPatch
) -> None:
    at, body = seat.index["talks"], seat.project.manifest.nodes["transform.talks"].config["python"]
    for gate in printing:
        gate.opened.set()
    seat.page.ask("run", how="only", i=[at])
    seat.idle()
    waits = Gate()
    monkeypatch.setattr("seeknal_nb.waits", waits, raising=False)
    seat.project.transform("talks", python=f"import seeknal_nb\nseeknal_nb.waits.wait(){body}")
    seat.edit()
    seat.page.ask("run", how="only", i=[at])
    waits.reached.wait()
    assert seat.page.ask("details", i=at)["log"] == ""
    waits.opened.set()
    seat.idle()


# Views and selections


def groups(seat: Seat) -> list[str]:
    return [name for _, name, _, _ in seat.page.state["scene"]["groups"]]


def units(seat: Seat) -> list[int]:
    data = seat.page.state["scene"]["unit"]
    return [found for (found,) in struct.iter_unpack("<I", data)]


@pytest.fixture
def grouped(seat: Seat) -> Seat:
    """Two kinds, tags and folders of two nodes each, besides those without."""
    seat.edit(
        Node("work.e", "e", "work", tags=["red"], file_path="seeknal/x/e.yml", config={"inputs": ["a"]}),
        Node("work.h", "h", "work", tags=["red"], file_path="seeknal/x/h.yml", config={"inputs": ["e"]}),
        Node("transform.f", "f", "transform", tags=["blue"], file_path="seeknal/y/f.yml", config={"sql": "SELECT 1 AS x"}),
        Node("transform.g", "g", "transform", tags=["blue"], file_path="seeknal/y/g.yml", config={"sql": "SELECT 1 AS x FROM f"}),
    )  # fmt: skip
    return seat


@pytest.mark.parametrize("by", ["kind", "tag", "folder"])
def test_a_view_groups_and_a_click_opens_one_group(grouped: Seat, by: str) -> None:
    assert grouped.page.ask("view", by=by, focus=-1)["k"] == "ack"
    scene = grouped.page.state["scene"]
    assert scene["by"] == by
    found = groups(grouped)
    assert len(found) > 1
    unit, name, _, count = scene["groups"][0]
    members = [node for node, at in enumerate(units(grouped)) if at == unit]
    assert len(members) == count
    assert grouped.page.ask("expand", unit=unit)["k"] == "ack"
    assert groups(grouped) == [other for other in found if other != name]
    assert len({units(grouped)[node] for node in members}) == count
    assert grouped.page.ask("view", by=by, focus=-1)["k"] == "ack"
    assert groups(grouped) == found  # asking for the view again closes what was opened
    assert grouped.page.ask("view", by="", focus=-1)["k"] == "ack"
    assert (groups(grouped), len(set(units(grouped)))) == ([], 8)


def test_a_group_of_another_arrangement_is_not_opened(grouped: Seat) -> None:
    """Its number means another group since; the page says of which scene it is."""
    grouped.page.ask("view", by="kind", focus=-1)
    staged = grouped.page.state["scene"]["version"]
    unit = grouped.page.state["scene"]["groups"][0][0]
    grouped.page.ask("view", by="tag", focus=-1)
    before = groups(grouped)
    assert "has changed" in grouped.page.ask("expand", unit=unit, s=staged)["text"]
    assert groups(grouped) == before
    now = grouped.page.state["scene"]
    assert grouped.page.ask("expand", unit=now["groups"][0][0], s=now["version"])["k"] == "ack"


def test_a_focus_shows_what_leads_to_and_from_a_node_and_stays_when_a_group_is_opened(grouped: Seat) -> None:
    at = grouped.index["b"]
    assert grouped.page.ask("view", by="kind", focus=at)["k"] == "ack"
    scene = grouped.page.state["scene"]
    assert scene["focus"] == at
    hidden = [node for node, unit in enumerate(units(grouped)) if unit == 0xFFFFFFFF]
    assert set(hidden) == {grouped.index[name] for name in "defgh"}
    assert grouped.page.ask("expand", unit=scene["groups"][0][0])["k"] == "ack"
    assert grouped.page.state["scene"]["focus"] == at
    assert [node for node, unit in enumerate(units(grouped)) if unit == 0xFFFFFFFF] == hidden


def test_a_view_outlives_a_run_and_not_another_graph(grouped: Seat) -> None:
    """Nobody's groups fold because a run began; numbers of another graph mean other nodes."""
    grouped.page.ask("view", by="kind", focus=-1)
    grouped.page.ask("expand", unit=grouped.page.state["scene"]["groups"][0][0])
    before = grouped.page.state["scene"]
    grouped.page.ask("run", how="all", i=[])
    grouped.idle()
    assert grouped.page.state["scene"] == before
    grouped.page.ask("view", by="kind", focus=grouped.index["b"])
    grouped.project.remove("g")
    grouped.edit()
    assert grouped.page.state["scene"]["focus"] == -1
    assert len(units(grouped)) == 7


@pytest.mark.parametrize(("selector", "names"), [
    ("a", "a"), ("a+", "abc"), ("+c", "abc"), ("b d", "bd"), ("b,d", "bd"), ("", ""), ("   ", ""), ("type:work", "abcd"),
    ("state:changed", ""), ("result:success", "abcd"),
])  # fmt: skip
def test_a_selector_selects_what_it_names(seat: Seat, selector: str, names: str) -> None:
    answer = seat.page.ask("select", selector=selector)
    assert answer == {"k": "ack", "n": 1, "view": 0, "text": f"{len(names)} node{'' if len(names) == 1 else 's'} selected"}
    assert seat.widget.selected == seat.page.state["selected"] == [seat.index[name] for name in names]


def test_a_wrong_selector_says_what_would_be_right(seat: Seat) -> None:
    seat.edit(Node("work.orders", "orders", "work"))
    assert "did you mean" in seat.page.ask("select", selector="ordres")["text"]


@pytest.mark.parametrize("state", [[9], [-1], [0, 0], [2**60]])
def test_a_selection_that_a_page_sends_is_of_nodes_that_are_there(seat: Seat, state: list[int]) -> None:
    """``graph.selected`` gives ids; a page of another graph may send anything."""
    seat.page.deliver({"method": "update", "state": {"selected": state}, "buffer_paths": []})
    assert seat.widget.selected == [number for number in dict.fromkeys(state) if 0 <= number < 4]
    assert set(seat.project.graph_now().selected) <= set(seat.project.manifest.nodes)


# What a page sees of a run


def test_a_page_that_follows_the_messages_knows_how_a_run_came_out(seat: Seat) -> None:
    """Snapshots and deltas in the order in which they came, and nothing else."""
    seat.table.outcomes = {"b": "fail"}
    seat.page.told.clear()
    browser = Browser(seat.widget.board)
    seat.page.ask("run", how="all", i=[])
    seat.idle()
    eventually(lambda: seat.page.state["snapshot"]["run"]["mode"] == "")
    for message in seat.page.told:
        if message["k"] == "delta":
            browser.take(message)
    assert browser.nodes == told(seat.page.state["snapshot"]) == told(seat.widget.board.snapshot())
    assert {look for look, _, _ in browser.nodes} == {"success", "failed", "skipped", "changed"}
    assert seat.page.state["snapshot"]["run"]["notes"] == [[1, "ValueError: as the table says"]]


def test_a_node_that_takes_long_is_shown_as_running_before_it_ends(seat: Seat) -> None:
    """The thread that runs it has no time to send."""
    gate = seat.table.gate("a")
    seat.page.ask("run", how="all", i=[])
    gate.reached.wait()
    eventually(lambda: any(m["k"] == "delta" and m["run"]["now"] == [0] for m in list(seat.page.told)))
    gate.opened.set()


def test_a_graph_that_is_first_shown_during_a_run_shows_it() -> None:
    """Whoever starts a run and then wants to see it has missed its beginning."""
    with place() as here, pages():
        seat = Seat(here.root)
        seat.project.add(node("a"), node("b", 0, "a"))
        gate = seat.table.gate("a")
        run = seat.project.start()
        gate.reached.wait()
        page = seat.sit().page
        assert page.state["snapshot"]["run"]["mode"] == "background"
        gate = seat.table.gate("b")
        seat.table.gate("a").opened.set()
        gate.reached.wait()
        eventually(lambda: any(m["k"] == "delta" and m["run"]["now"] == [1] for m in list(page.told)))
        gate.opened.set()
        run.wait()
        eventually(lambda: page.state["snapshot"]["run"]["mode"] == "")
        seat.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_page_that_cannot_be_told_fails_no_run(seat: Seat) -> None:
    """A front end that is gone, or a comm that breaks, is no reason to throw work away."""

    def late(_data: dict[str, Any]) -> None:
        raise OSError("the front end is gone")

    seat.page.late = late
    assert seat.project.start(full=True).wait().successful_nodes == 4
    assert seat.project.run(progress=False, full=True).successful_nodes == 4
    seat.page.late = lambda _: None


def test_a_page_that_is_loaded_again_is_given_how_things_are_now(seat: Seat) -> None:
    """It asks for the state; what was set when the widget was made is long past."""
    gate = seat.table.gate("b")
    seat.page.ask("run", how="all", i=[])
    gate.reached.wait()
    seat.page.state.clear()
    seat.page.deliver({"method": "request_state"})
    assert told(seat.page.state["snapshot"])[1][0] == "running"
    assert seat.page.state["snapshot"]["run"]["mode"] == "background"
    gate.opened.set()
    seat.idle()
    seat.edit(node("e"))
    seat.page.state.clear()
    seat.page.deliver({"method": "request_state"})
    state = seat.page.state
    assert state["nodes"]["name"] == ["a", "b", "c", "d", "e"]
    assert len(state["snapshot"]["status"]) == len(state["scene"]["unit"]) // 4 == 5
    assert state["live"] is True


def test_the_last_word_on_a_run_is_that_it_is_over(seat: Seat) -> None:
    """Two threads send: what one of them read before the end must not arrive after it, and stay."""
    gate, met = seat.table.gate("a"), threading.Event()

    def late(data: dict[str, Any]) -> None:
        if threading.current_thread().name == "seeknal-display" and "snapshot" in data.get("state", {}):
            met.set()
            threading.Event().wait(0.3)  # so long this thread is not scheduled

    seat.page.late = late
    seat.page.ask("run", how="all", i=[])
    met.wait()
    gate.opened.set()
    seat.idle()
    eventually(lambda: "seeknal-display" not in [thread.name for thread in threading.enumerate()])
    assert seat.page.state["snapshot"]["run"]["mode"] == ""
    assert {status for status, _, _ in told(seat.page.state["snapshot"])} == {"success"}


@pytest.mark.parametrize("background", [False, True])
def test_a_run_that_breaks_off_is_over_for_the_page(seat: Seat, background: bool) -> None:
    """Without its last event; clicks work again, and nothing goes on sending."""

    def broken(event: Event) -> None:
        if isinstance(event, NodeStarted):
            seat.project.listeners.remove(broken)
            raise SystemExit

    seat.project.listeners.append(broken)
    with pytest.raises(SystemExit):
        seat.project.start(full=True).wait() if background else seat.project.run(progress=False, full=True)
    eventually(lambda: "seeknal-display" not in [thread.name for thread in threading.enumerate()])
    assert seat.page.state["snapshot"]["run"]["mode"] == ""
    assert "running" not in {status for status, _, _ in told(seat.page.state["snapshot"])}
    assert seat.page.ask("run", how="changed", i=[])["k"] == "ack"


@pytest.fixture
def foreign() -> set[threading.Thread]:
    """The threads of other tests' projects, which nobody closed."""
    return set(threading.enumerate())


def test_closing_the_project_ends_the_widget_and_all_its_threads(foreign: set[threading.Thread], seat: Seat) -> None:
    seat.page.ask("details", i=0)
    seat.page.ask("run", how="all", i=[])
    seat.idle()
    seat.project.close()
    assert seat.widget.comm is None
    assert seat.widget.hear not in seat.project.listeners
    eventually(lambda: not [t for t in {*threading.enumerate()} - foreign if t.name.startswith("seeknal")])
    assert seat.project.run(progress=False).cached_nodes == 4
