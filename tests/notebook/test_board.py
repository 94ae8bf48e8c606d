"""What the browser is told of a project's nodes: laws over random pipelines whose nodes come out as a table says."""

from __future__ import annotations

import json
import math
import re
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from graphs import TAGS, Works, place, work_manifest, works
from hypothesis import given, settings
from hypothesis import strategies as st
from waiting import MINUTES, Gate, eventually

from seeknal_nb.dag.manifest import Node
from seeknal_nb.draw.scene import snapshot_of
from seeknal_nb.errors import SeeknalError
from seeknal_nb.notebook.project import Project
from seeknal_nb.notebook.widget.board import Board
from seeknal_nb.notebook.widget.estimate import Usual, seconds_left
from seeknal_nb.status import LOOKS, NUMBERS, look_of
from seeknal_nb.workflow.events import Event, ExecutionSummary, NodeStarted, RunFinished, RunStarted
from seeknal_nb.workflow.stores import MemoryState

NAMES = sorted(LOOKS, key=NUMBERS.__getitem__)
RUN = {"mode", "done", "todo", "elapsed", "now", "queued", "cancelling", "text", "notes", "left", "least", "warned"}


def told(snapshot: dict[str, Any]) -> list[tuple[str, float | None, float | None]]:
    """(status, rows, seconds) of each node, as the browser reads them from a snapshot."""
    size = len(snapshot["status"])
    rows, seconds = struct.unpack(f"<{size}d", snapshot["rows"]), struct.unpack(f"<{size}f", snapshot["seconds"])
    plain = [[None if math.isnan(value) else value for value in values] for values in (rows, seconds)]
    return [(NAMES[code], *rest) for code, *rest in zip(snapshot["status"], *plain, strict=True)]


def status_of(look: str) -> str:
    """What has changed is pending: whether there is a build of it makes no difference to a run."""
    return {"changed": "pending"}.get(look, look)


class Browser:
    """A page that was given one snapshot, and knows the rest from deltas alone."""

    def __init__(self, board: Board) -> None:
        self.nodes = told(board.snapshot())
        self.run: dict[str, Any] = {}

    def take(self, delta: dict[str, Any]) -> None:
        assert delta["k"] == "delta"
        json.dumps(delta, allow_nan=False)
        flat = iter(delta["d"])
        for at, code, rows, seconds in zip(flat, flat, flat, flat, strict=True):
            packed = None if seconds is None else struct.unpack("<f", struct.pack("<f", seconds))[0]
            self.nodes[at] = (NAMES[code], rows, packed)
        self.run = delta["run"]


@dataclass
class Table:
    """How the nodes come out, by name: so many rows, or ``"fail"``; those of ``once`` fail the first time, those with a gate wait."""

    outcomes: dict[str, int | str] = field(default_factory=dict)
    once: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    gates: dict[str, Gate] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def gate(self, name: str) -> Gate:
        return self.gates.setdefault(name, Gate())

    def open(self) -> None:
        for gate in self.gates.values():
            gate.opened.set()

    def __call__(self, node: Node) -> dict[str, Any]:
        self.calls.append(node.name)
        if node.name in self.gates:
            self.gates[node.name].wait()
        threading.Event().wait(self.seconds.get(node.name, 0))
        outcome = self.outcomes.get(node.name, 1)
        if node.name in self.once:
            self.once.discard(node.name)
            raise OSError("once")
        if outcome == "fail":
            raise ValueError("as the table says")
        return {"row_count": None if outcome == 0 else outcome, "metadata": {"warnings": ["odd"]} if outcome == 5 else {}}


def made(root: Path, graph: Works, table: Table, **options: Any) -> Project:
    project = Project(root, kinds={"work": table}, state=MemoryState(), **options)
    project.manifest = work_manifest(graph)
    return project


@dataclass(frozen=True)
class Order:
    """One run that is asked for, and what has changed before it."""

    outcomes: dict[str, int | str]
    once: frozenset[str]
    changed: frozenset[int]
    options: dict[str, Any]
    background: bool
    look: bool


@st.composite
def orders(draw: st.DrawFn, count: int) -> Order:
    """A run in any of the ways in which somebody asks for one."""
    numbers = st.integers(0, count - 1)
    names = numbers.map("n{}".format)
    changed = draw(st.one_of(st.just(frozenset[int]()), st.frozensets(numbers, min_size=1, max_size=3)))
    outcomes = {f"n{n}": draw(st.one_of(st.integers(0, 5), st.just("fail"))) for n in sorted(changed)}
    selection = draw(st.sampled_from(["", "full", "nodes", "only", "only", "tags", "retry"]))
    options: dict[str, Any] = {"continue_on_error": draw(st.booleans()), "retry": draw(st.integers(0, 1))}
    if selection in ("nodes", "only"):
        options |= {"nodes": draw(st.lists(names, min_size=1, max_size=3)), "only": selection == "only"}
    by_selection: dict[str, dict[str, Any]] = {
        "full": {"full": True}, "tags": {"tags": ["red"]}, "retry": {"nodes": ["result:failed"], "force": False},
    }  # fmt: skip
    options |= by_selection.get(selection, {})
    options["dry_run"] = draw(st.integers(0, 5)) == 0
    return Order(
        outcomes, draw(st.frozensets(names, max_size=2)), changed, options,
        background=draw(st.booleans()), look=draw(st.integers(0, 3)) == 0,
    )  # fmt: skip


@st.composite
def histories(draw: st.DrawFn) -> tuple[Works, list[Order]]:
    """Most often all is well at first, so that there is something to lose."""
    graph = draw(works(most=6))
    first = [] if draw(st.integers(0, 3)) == 0 else [Order({"n0": 3}, frozenset(), frozenset(), {"dry_run": False}, False, False)]
    return graph, [*first, *draw(st.lists(orders(graph[0]), min_size=1, max_size=5))]


class Watch:
    """Checks at each event what a page would show at that moment."""

    def __init__(self, project: Project) -> None:
        self.project, self.board, self.browser = project, project.board, Browser(project.board)
        self.mode, self.started, self.ended = "", False, 0
        project.listeners.append(self.hear)

    def hear(self, event: Event) -> None:
        self.browser.take(self.board.changes())
        run = self.browser.run
        assert run.keys() == RUN
        assert 0 <= run["done"] <= run["todo"]
        assert run["mode"] == ("" if isinstance(event, RunFinished) else self.mode)
        assert {str(self.board.results[at].status) for at in run["now"]} <= {"running"}
        assert sum(status == "running" for status, _, _ in self.browser.nodes) == len(run["now"])
        assert len(run["notes"]) <= 20
        if isinstance(event, RunStarted):
            self.started, self._done = True, 0
        assert run["done"] >= self._done
        self._done = run["done"]
        self.ended += isinstance(event, RunFinished)


def ask(project: Project, order: Order) -> ExecutionSummary:
    if order.background:
        return project.start(**order.options).wait()
    return project.run(progress=False, **order.options)


def page_of(project: Project) -> dict[str, tuple[str, float | None, float | None]]:
    """(status, rows, seconds) as a page has them, by id."""
    return dict(zip((mark.id for mark in project.board.picture.marks), told(project.board.snapshot()), strict=True))


@settings(max_examples=150)
@given(history=histories(), workers=st.sampled_from([1, 3]))
def test_a_page_shows_how_the_nodes_came_out_after_every_run(history: tuple[Works, list[Order]], workers: int) -> None:
    """The page is the summary; what nobody asked for stands as before, and what was not executed keeps the rows of its last build."""
    graph, asked = history
    with place() as here:
        table = Table()
        project = made(here.root, graph, table, workers=workers)
        watch = Watch(project)
        built: dict[str, int | None] = {}
        project.board.look()
        for number, order in enumerate(asked):
            table.outcomes, table.once = dict(order.outcomes), set(order.once)
            for n in sorted(order.changed):  # of the manifest, for who follows the project's edits looks when it likes
                inputs = [f"n{a}" for a, b in dict.fromkeys(graph[1]) if b == n]
                config = {"inputs": inputs, "number": number}
                project.manifest.add_node(Node(f"work.n{n}", f"n{n}", "work", tags=[TAGS[n % 3]], config=config))
            if order.look:
                project.board.look()
            watch.browser = Browser(project.board)
            watch.mode = "background" if order.background else "foreground"
            before = page_of(project)
            plan = project.plan(**{n: v for n, v in order.options.items() if n not in ("dry_run", "continue_on_error", "retry")})
            summary = ask(project, order)
            assert watch.ended == number + 1
            shown = page_of(project)
            assert watch.browser.nodes == list(shown.values())
            assert project.board.progress.mode == ""
            assert watch.browser.run["now"] == []
            assert shown.keys() == {r.node_id for r in summary.results}
            if order.options["dry_run"]:
                assert shown == before
                continue
            expected = {r.node_id: look_of(str(r.status), warned=bool(r.warnings)) for r in summary.results}
            built |= {r.node_id: r.row_count for r in summary.results if r.status == "success"}
            if "nodes" in order.options:  # those that nobody asked for stand as before
                left_out = {step.node_id for step in plan.steps if step.action == "skip"}
                blocked = {r.node_id for r in summary.results if r.reason.startswith("upstream failed")}
                expected |= {node_id: before[node_id][0] for node_id in left_out - blocked}
            assert {node_id: status_of(look) for node_id, (look, _, _) in shown.items()} == {i: status_of(s) for i, s in expected.items()}
            for node_id, (status, rows, _) in shown.items():
                assert rows == built.get(node_id) or (rows is None and status == "failed"), node_id
        project.close()


def node(name: str, number: int = 0, *inputs: str) -> Node:
    return Node(f"work.{name}", name, "work", config={"number": number, "inputs": list(inputs)})


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def project(table: Table) -> Iterator[Project]:
    """a -> b -> c, of nodes that come out as the table says."""
    with place() as here:
        found = made(here.root, (0, []), table)
        found.add(node("a"), node("b", 0, "a"), node("c", 0, "b"))
        yield found
        table.open()
        found.close()


def shown(project: Project) -> dict[str, str]:
    """The statuses as a page has them, by name."""
    names = [mark.name for mark in project.board.picture.marks]
    return {name: status_of(look) for name, (look, _, _) in zip(names, told(project.board.snapshot()), strict=True)}


# How long it takes

EXPECTED = {
    "nothing before the first build": ([], None),
    "one build": ([4.0], 4.0),
    "the median, not the last": ([9.0, 4.0, 5.0], 5.0),
    "of the last five": ([1.0, 2.0, 3.0, 4.0, 5.0, 900.0, 900.0, 900.0], 3.0),
}


@pytest.mark.parametrize(("seconds", "expected"), EXPECTED.values(), ids=EXPECTED)
def test_a_node_is_expected_to_take_the_median_of_its_last_five_good_builds(seconds: list[float], expected: float | None) -> None:
    usual = Usual({})
    for one in reversed(seconds):
        usual.add("a", one)
    assert usual.of("a") == expected
    assert Usual({"a": seconds[:5]}).of("a") == expected


LEFT = {
    "the longest way": ([(0, 1), (1, 2)], {0: 1.0, 1: 2.0, 2: 3.0, 3: 5.0}, 9, 6.0),
    "all of it, one after the other": ([], {0: 1.0, 1: 2.0, 2: 3.0, 3: 5.0}, 1, 11.0),
    "shared by the workers": ([], {0: 3.0, 1: 3.0, 2: 3.0, 3: 3.0}, 2, 6.0),
    "as far as it is known": ([(0, 1), (1, 2), (2, 3)], {0: 1.0, 3: 2.0}, 1, 3.0),
    "nothing is known": ([(0, 1)], {}, 1, 0.0),
}


@pytest.mark.parametrize(("edges", "seconds", "workers", "left"), LEFT.values(), ids=LEFT)
def test_what_is_left_is_the_longest_way_or_all_of_it_by_the_workers(edges: Any, seconds: dict[int, float], workers: int, left: float) -> None:
    assert seconds_left([0, 1, 2, 3], edges, seconds, workers) == left
    assert seconds_left([], edges, seconds, workers) == 0


def test_a_run_tells_what_is_left_and_each_node_what_it_takes(project: Project, table: Table) -> None:
    """In a new session from the records, as `plan` tells it; a node that was never built makes it "at least"."""
    table.seconds = dict.fromkeys("abc", 0.2)
    took = [result.duration for result in project.run(progress=False).results]
    project.close()
    again = made(project.directory, (0, []), table)
    again.add(node("a", 1), node("b", 0, "a"), node("c", 0, "b"))
    gate = table.gate("a")
    run = again.start()
    gate.reached.wait()
    told = again.board.snapshot()
    assert 0 < told["run"]["left"] <= sum(took) + 0.1
    assert told["run"]["least"] is False
    assert told["more"]["0"]["expect"] == pytest.approx(took[0], abs=0.1)
    gate.opened.set()
    run.wait()
    assert (again.board.run()["left"], again.board.run()["least"]) == (0, False)
    again.add(node("a", 2), node("d", 0, "c"))
    table.gates["a"] = gate = Gate()
    run = again.start()
    gate.reached.wait()
    assert again.board.run()["least"] is True
    gate.opened.set()
    run.wait()
    again.close()


def test_the_line_counts_the_nodes_that_came_out_with_warnings(project: Project, table: Table) -> None:
    table.outcomes = {"a": 5, "c": 5}
    project.board.look()
    project.run(progress=False)
    told = project.board.run()
    assert told["warned"] == 2
    assert re.fullmatch(r"3 of 3 run in \d\.\d s, 2 warnings", told["text"])
    project.run(progress=False)
    assert project.board.run()["text"].endswith(", 2 warnings")
    assert project.board.snapshot()["more"]["0"] == {"warns": 1, "cached": True}


# What it tells


def test_a_page_without_a_kernel_is_told_the_same(project: Project) -> None:
    """One contract: what the saved page shows and what the widget shows cannot disagree."""
    project.run(progress=False)
    saved, live = snapshot_of(project.graph().picture), project.board.snapshot()
    assert live.keys() == saved.keys()
    assert live["run"].keys() == saved["run"].keys() == RUN
    for (status, rows, seconds), one in zip(told(live), told(saved), strict=True):
        assert one == (status, rows, pytest.approx(seconds, abs=0.001))
    assert {status for status, _, _ in told(live)} == {"success"}


def test_a_node_that_is_not_executed_keeps_its_rows_and_seconds(project: Project, table: Table) -> None:
    """In this session's runs, cached, left out, failed and mended, and interrupted alike: the build is still there."""
    table.outcomes = {"a": 3, "b": 4}
    table.seconds = {"b": 0.05}
    project.board.look()
    project.run(progress=False)
    (_, *a), (_, *b), _ = told(project.board.snapshot())
    assert (a[0], b[0]) == (3, 4)
    assert b[1] >= 0.05
    project.run(progress=False)
    assert told(project.board.snapshot())[:2] == [("cached", *a), ("cached", *b)]
    project.run(progress=False, nodes=["c"])
    assert told(project.board.snapshot())[:2] == [("cached", *a), ("cached", *b)]  # nobody asked for them
    project.run(progress=False, full=True, exclude=["a", "b"])
    assert told(project.board.snapshot())[:2] == [("skipped", *a), ("skipped", *b)]


def test_a_new_session_shows_the_rows_and_seconds_of_the_last_one(tmp_path: Path, table: Table) -> None:
    """A kernel was restarted, and the first cell runs: what is cached was built once, with rows and in so many seconds."""
    table.outcomes, table.seconds = {"a": 3}, {"a": 0.05}
    expected: list[tuple[Any, ...]] = []
    for number in (1, 2):
        project = Project(tmp_path, kinds={"work": table})
        project.add(node("a"), node("b", number, "a"))
        before = expected
        assert project.board.progress.mode == ""
        project.run(progress=False, nodes=None if number == 1 else ["b"])
        expected = told(project.board.snapshot())[:1]
        project.close()
    assert [(rows, seconds) for _, rows, seconds in expected] == [(rows, seconds) for _, rows, seconds in before]
    assert before[0][1] == 3
    assert before[0][2] >= 0.05


def test_a_dry_run_leaves_what_is_shown_and_says_how_many_would_run(project: Project, table: Table) -> None:
    """How the nodes stand says already what would run; nothing was executed, so nothing is done."""
    project.board.look()
    project.run(progress=False)
    project.add(node("b", 1, "a"))
    project.board.look()
    calls, before, summary = len(table.calls), told(project.board.snapshot()), project.summary
    project.run(progress=False, dry_run=True)
    assert told(project.board.snapshot()) == before
    assert shown(project) == {"a": "success", "b": "pending", "c": "pending"}
    assert project.board.run()["text"] == str(project.board.progress) == "dry run: 2 would run: work.b, work.c"
    assert len(table.calls) == calls
    assert project.summary is summary
    project.add(node("a", 1))
    project.board.look()
    assert project.board.run()["text"] == ""
    assert shown(project) == {"a": "pending", "b": "pending", "c": "pending"}
    project.add(node("a"))
    assert project.run(progress=False).cached_nodes == 1


TEXTS = {
    "all": ({}, {}, "3 of 3 run in "), "nothing to do": ({}, {"again": True}, "0 of 0 run in "),
    "a failure stops": ({"b": "fail"}, {}, "2 of 3 run in "), "in part": ({}, {"nodes": ["a"], "only": True}, "1 of 1 run in "),
}  # fmt: skip


@pytest.mark.parametrize(("outcomes", "options", "text"), TEXTS.values(), ids=TEXTS)
def test_a_run_is_summed_up_in_a_line(project: Project, table: Table, outcomes: Any, options: Any, text: str) -> None:
    table.outcomes = outcomes
    if options.pop("again", False):
        project.run(progress=False)
    project.board.look()
    project.run(progress=False, **options)
    run = project.board.run()
    assert run["text"].startswith(text)
    assert (run["mode"], run["now"], run["elapsed"], run["cancelling"]) == ("", [], 0, False)


def test_a_node_whose_inputs_came_out_the_same_counts_as_done_and_as_not_needed(tmp_path: Path) -> None:
    """The bar comes to its end, and the line says why less was run than planned."""
    project = Project(tmp_path)
    project.transform("a", sql="SELECT 1 AS x")
    project.transform("b", sql="SELECT x FROM a")
    project.run(progress=False)
    project.board.look()
    project.transform("a", sql="SELECT 2 - 1 AS x")
    project.run(progress=False)
    run = project.board.run()
    assert (run["done"], run["todo"]) == (2, 2)
    assert run["text"].startswith("1 of 2 run in ")
    assert run["text"].endswith(", 1 not needed: inputs came out the same")
    project.close()


def test_notes_are_few_short_and_plain(tmp_path: Path) -> None:
    """The widget shows them below the graph; a thousand failures, or one long text, would bury it."""

    def fail(node: Node) -> dict[str, Any]:
        raise ValueError("x\x1b[31m\u202e" * 1000)

    project = Project(tmp_path, kinds={"work": fail}, state=MemoryState())
    project.add(*(node(f"n{n}") for n in range(30)))
    project.board.look()
    project.run(progress=False, continue_on_error=True)
    notes = project.board.run()["notes"]
    assert [at for at, _ in notes] == list(range(20))
    for _, text in notes:
        assert len(text) <= 500
        assert text.startswith("ValueError: x\\x1b[31m\\u202e")
    project.close()


def test_a_warning_is_a_note_and_the_next_run_begins_without_notes(project: Project, table: Table) -> None:
    table.outcomes = {"b": 5}
    project.board.look()
    project.run(progress=False)
    assert project.board.run()["notes"] == [[1, "odd"]]
    project.run(progress=False)
    assert project.board.run()["notes"] == []


# While a run goes on


def test_a_cancelled_run_says_so_until_it_has_stopped(project: Project, table: Table) -> None:
    """Between the click and the end of a Python body lies time, and nobody should click again."""
    project.board.look()
    gate = table.gate("b")
    first, second = project.start(), project.start()
    gate.reached.wait()
    run = project.board.run()
    assert (run["mode"], run["now"], run["done"], run["todo"], run["queued"]) == ("background", [1], 1, 3, 1)
    assert run["cancelling"] is False
    assert str(project.board.progress).endswith(" · work.b")
    project.background.cancel()
    run = project.board.run()
    assert (run["cancelling"], run["queued"], run["mode"]) == (True, 0, "background")
    gate.opened.set()
    first.wait()
    eventually(lambda: second.done and project.background.current is None)
    assert shown(project) == {"a": "success", "b": "success", "c": "pending"}
    run = project.board.run()
    assert (run["cancelling"], run["mode"]) == (False, "")
    assert run["text"].startswith("2 of 3 run in ")
    assert run["text"].endswith(", stopped")


def test_a_run_that_is_closed_in_the_middle_is_over_for_the_page_too(project: Project) -> None:
    """Whoever breaks off ``project.stream()`` ends the run; the page must not count its seconds for ever."""
    project.board.look()
    for event in project.stream():
        if isinstance(event, NodeStarted) and event.node_id == "work.b":
            break
    eventually(lambda: not project.board.progress.mode)
    assert project.board.run()["now"] == []
    assert shown(project) == {"a": "success", "b": "pending", "c": "pending"}


EDITS = {
    "a new node": (lambda p: p.add(node("d", 0, "c")), {"a": "success", "b": "success", "c": "success", "d": "pending"}),
    "a new source": (lambda p: p.add(node("z")), {"a": "success", "b": "success", "c": "success", "z": "pending"}),
    "the last node gone": (lambda p: p.remove("c"), {"a": "success", "b": "success"}),
    "the running node gone": (lambda p: p.remove("b", "c"), {"a": "success"}),
    "all gone": (lambda p: p.remove("a", "b", "c"), {}),
    "another edge": (lambda p: p.add(node("c", 0, "a")), {"a": "success", "b": "success", "c": "success"}),
    "a node gone and another come": (lambda p: (p.remove("c"), p.add(node("e", 0, "b"))), {"a": "success", "b": "success", "e": "pending"}),
}  # fmt: skip


@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize(("edit", "expected"), EDITS.values(), ids=EDITS)
def test_an_edit_during_a_run_breaks_nothing(project: Project, table: Table, edit: Any, expected: dict[str, str], background: bool) -> None:
    """The kernel is free, so cells run: the page shows the nodes that there are now, and the run ends as it began."""
    watch = Watch(project)
    watch.mode = "background" if background else "foreground"
    version = project.board.version

    def hear(event: Event) -> None:
        if isinstance(event, NodeStarted) and event.node_id == "work.b":
            edit(project)
            project.board.look()
            watch.browser = Browser(project.board)

    if background:
        gate = table.gate("b")
        run = project.start()
        gate.reached.wait()
        watch.browser = None  # a graph that has become another one is sent whole
        project.listeners.remove(watch.hear)
        edit(project)
        project.board.look()
        watch.browser = Browser(project.board)
        project.listeners.append(watch.hear)
        gate.opened.set()
        summary = run.wait()
    else:
        project.listeners.append(hear)
        summary = project.run(progress=False)
    assert summary.successful_nodes == 3
    assert shown(project) == expected
    assert watch.browser.nodes == told(project.board.snapshot())
    assert project.board.version > version
    assert project.board.progress.mode == ""
    assert sorted(project.board.index.values()) == list(range(len(expected)))
    project.board.look()
    assert shown(project) == {i.partition(".")[2]: str(r.status) for i, r in project.standing().items()}


def test_a_look_that_overlaps_a_run_does_not_forget_how_it_came_out(tmp_path: Path) -> None:
    """To look takes as long as to plan: a cell that registers a node, and one that starts a run, may meet."""

    class Remote(MemoryState):
        """A store that gives the looking thread what it held a moment ago."""

        looks, gate = 0, Gate()

        def load(self) -> dict[str, Any]:
            found = super().load()
            if threading.current_thread() is threading.main_thread():
                self.looks -= 1
                if self.looks == 0:
                    self.gate.wait()
            return found

    state = Remote()
    project = Project(tmp_path, kinds={"work": Table()}, state=state)
    project.add(node("a"))
    project.board.look()
    state.looks = 2  # once for the states, once for the plan

    def meanwhile() -> None:
        state.gate.reached.wait()
        project.start().wait()
        state.gate.opened.set()

    other = threading.Thread(target=meanwhile)
    other.start()
    project.board.look()
    other.join()
    assert state.gate.reached.is_set()
    assert shown(project) == {"a": "success"}
    project.close()


@pytest.mark.parametrize("workers", [1, 4])
def test_whoever_asks_for_changes_misses_none(tmp_path: Path, workers: int) -> None:
    """Two threads send: the one that consumes the run, and the one that keeps the page up to date meanwhile."""
    project = Project(tmp_path, kinds={"work": Table({f"n{n}": n for n in range(300)})}, state=MemoryState(), workers=workers)
    project.manifest = work_manifest((300, [(n, n + 100) for n in range(200)]))
    project.board.look()
    browser, lock, over = Browser(project.board), threading.Lock(), threading.Event()

    def take(_event: object = None) -> None:
        with lock:
            browser.take(project.board.changes())

    def ask() -> None:
        while not over.is_set():
            take()

    asking = threading.Thread(target=ask)
    asking.start()
    project.listeners.append(lambda e: take() if isinstance(e, NodeStarted) else None)
    project.start().wait()
    over.set()
    asking.join()
    take()
    assert browser.nodes == told(project.board.snapshot())
    assert {look for look, _, _ in browser.nodes} == {"success", "warning"}
    assert browser.run["done"] == browser.run["todo"] == 300
    project.close()


# When the graph is another one

SAME = {
    "a look": lambda p: p.board.look(), "a run": lambda p: p.run(progress=False),
    "a dry run": lambda p: p.run(progress=False, dry_run=True),
    "the same node again": lambda p: p.add(node("b", 0, "a")), "another body": lambda p: p.add(node("b", 7, "a")),
}  # fmt: skip
OTHER = {
    "a new node": lambda p: p.add(node("d")), "a node gone": lambda p: p.remove("c"), "another edge": lambda p: p.add(node("c", 0, "a")),
    "a tag": lambda p: p.add(Node("work.c", "c", "work", tags=["red"], config={"inputs": ["b"]})),
    "a folder": lambda p: p.add(Node("work.c", "c", "work", file_path="seeknal/x/c.yml", config={"inputs": ["b"]})),
}  # fmt: skip


@pytest.mark.parametrize("act", SAME.values(), ids=SAME)
def test_the_graph_is_sent_again_only_when_it_is_another_one(project: Project, act: Any) -> None:
    """A page keeps its zoom, its selection and its groups as long as it is the same graph."""
    project.board.look()
    version, picture = project.board.version, project.board.picture
    act(project)
    project.board.look()
    assert project.board.version == version
    assert [(m.id, m.tags, m.folder) for m in project.board.picture.marks] == [(m.id, m.tags, m.folder) for m in picture.marks]
    assert project.board.picture.edges == picture.edges


@pytest.mark.parametrize("act", OTHER.values(), ids=OTHER)
def test_a_graph_that_is_another_one_is_counted(project: Project, act: Any) -> None:
    project.board.look()
    version = project.board.version
    act(project)
    eventually(lambda: project.board.version > version)  # once the cells have settled, without anybody's asking


def test_looking_shows_how_the_nodes_stand_now(project: Project, table: Table) -> None:
    """Built and up to date, stale, failed, never built: as ``plan`` would say it."""
    project.board.look()
    table.outcomes = {"c": "fail"}
    project.run(progress=False)
    project.add(node("d"))
    project.board.look()
    assert shown(project) == {"a": "success", "b": "success", "c": "failed", "d": "pending"}
    project.add(node("b", 1, "a"))
    project.board.look()
    assert shown(project) == {"a": "success", "b": "pending", "c": "failed", "d": "pending"}


def test_a_run_of_some_nodes_may_have_parameters_that_the_project_has_not(tmp_path: Path) -> None:
    """A board that nobody looked at looks when the run begins; what it cannot see yet must not end the run."""
    project = Project(tmp_path)
    project.transform("a", sql="SELECT {{ n }} AS x")
    project.transform("b", sql="SELECT 1 AS x")
    assert project.board.progress.mode == ""
    assert project.run(progress=False, nodes=["a"], params={"n": 3}).successful_nodes == 1
    assert shown(project)["a"] == "success"
    project.close()


def test_a_pipeline_that_cannot_be_planned_yet_is_shown_all_the_same(tmp_path: Path) -> None:
    """A cell that sets a parameter, or registers a file's source, may still come."""
    project = Project(tmp_path)
    project.transform("a", sql="SELECT 1 AS x")
    project.run(progress=False)
    project.board.look()
    project.transform("b", sql="SELECT {{ later }} AS y, x FROM a")
    with pytest.raises(SeeknalError, match="later"):
        project.board.look()
    assert shown(project) == {"a": "success", "b": "pending"}
    project.namespace = {"later": 3}
    project.run(progress=False)
    assert shown(project) == {"a": "cached", "b": "success"}
    project.close()


def test_an_interrupted_statement_is_pending_and_keeps_the_rows_of_its_build(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.transform("a", sql="SELECT unnest([1, 2, 3]) AS x")
    project.board.look()
    project.run(progress=False)
    project.transform("a", sql=MINUTES)
    begun = threading.Event()
    project.listeners.append(lambda e: begun.set() if isinstance(e, NodeStarted) else None)
    run = project.start()
    begun.wait()
    run.cancel()
    run.wait()
    assert [(status, rows) for status, rows, _ in told(project.board.snapshot())] == [("changed", 3)]
    project.close()
