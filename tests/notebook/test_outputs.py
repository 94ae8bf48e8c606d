"""The outputs of one project's graph: the newest is live and follows what happens, those before it show what their runs left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from graphs import place
from shells import PIPELINE
from test_actions import VERBS, Page, Seat, pages
from test_board import node, told
from waiting import calls, eventually

from seeknal_nb import Project as Plain
from seeknal_nb.dag.manifest import Node
from seeknal_nb.notebook.widget.outputs import MOST
from seeknal_nb.notebook.widget.widget import GraphWidget
from seeknal_nb.workflow.events import NodeStarted


@contextmanager
def seated(*nodes: Node) -> Iterator[Seat]:
    with place() as here, pages():
        made = Seat(here.root)
        made.project.add(*nodes)
        yield made.sit()
        made.close()


@pytest.fixture
def seat() -> Iterator[Seat]:
    """a -> b, whose graph is shown; nothing has run yet."""
    with seated(node("a"), node("b", 0, "a")) as made:
        yield made


@pytest.fixture
def front(nb: Any) -> Iterator[Any]:
    """A shell whose widgets have pages."""
    with pages():
        nb(PIPELINE)
        yield nb
        nb("%unload_ext seeknal_nb")
        nb("%load_ext seeknal_nb")


def looks(widget: GraphWidget) -> list[str]:
    """How the nodes stand in the page of a graph."""
    page: Any = widget.comm
    return [look for look, _, _ in told(page.state["snapshot"])]


def shown(nb: Any) -> list[Any]:
    """The graphs in the order in which they were shown."""
    outputs = nb("seeknal").outputs
    return [*outputs._past, outputs.live]


def run_of(widget: GraphWidget) -> int | None:
    """The run that an output belongs to; None of the one that is live."""
    return widget.frozen["run"] if widget.frozen else None


def heard(page: Page) -> tuple[int, dict[str, Any]]:
    return len(page.told), dict(page.state)


def test_cells_just_before_a_run_make_nobody_forget_how_it_came_out(nb: Any) -> None:
    """The graph follows them a moment later: when the run is over, and has left a node out."""
    nb("%seeknal graph")
    nb("%%seeknal transform bad\nSELECT nope FROM range(3)")
    nb("%%seeknal transform after\nFROM bad")
    nb("%seeknal run --no-raise")
    project = nb("seeknal")
    eventually(lambda: project._follower is None)
    assert [result.status for result in project.board.results] == ["failed", "skipped"]
    nb("%%seeknal transform bad\nSELECT 1 AS x")
    eventually(lambda: [result.status for result in project.board.results] == ["failed", "pending"])


# What an earlier output shows


def test_an_earlier_output_shows_what_its_run_left(seat: Seat) -> None:
    """Not what an edit made of it afterwards, and nothing of the run whose output is another one."""
    seat.project.run(progress=False)
    first = seat.widget
    seat.edit(node("b", 1, "a"))
    assert looks(first) == ["success", "changed"]
    second = seat.project.new_widget()
    assert looks(first) == ["success", "success"]
    assert (run_of(first), second.frozen) == (1, None)
    assert looks(second) == ["success", "changed"]
    before = heard(seat.page)
    seat.project.run(progress=False, full=True)
    assert heard(seat.page) == before
    assert looks(second) == ["success", "success"]
    seat.project.new_widget()
    assert run_of(second) == 2
    assert first.frozen["at"] <= second.frozen["at"]


def test_another_graph_of_then_is_shown_whole(seat: Seat) -> None:
    """A node that came later is not in it, nor is one that went gone."""
    seat.project.run(progress=False)
    seat.edit(node("c", 0, "b"))
    assert seat.page.state["nodes"]["name"] == ["a", "b", "c"]
    seat.project.new_widget()
    state = seat.page.state
    assert state["nodes"]["name"] == ["a", "b"]
    assert len(state["snapshot"]["status"]) == len(state["scene"]["unit"]) // 4 == 2


def test_an_output_without_a_run_shows_how_the_nodes_stood_before_the_next_one_began(front: Any) -> None:
    front("%seeknal run")
    front("%seeknal graph")
    front("%seeknal run --full")
    first, graph, second = shown(front)
    assert looks(graph) == ["success", "success"]
    assert [run_of(one) for one in (first, graph, second)] == [1, 0, None]
    assert first.frozen["id"] == front("seeknal").history().rows[1][1]


def test_a_click_runs_in_the_output_that_is_live(front: Any) -> None:
    """It makes no output, so it freezes none; what it leaves belongs to where it was clicked."""
    front("%seeknal graph")
    (graph,) = shown(front)
    page: Any = graph.comm
    assert page.ask("run", how="only", i=[0])["k"] == "ack"
    eventually(lambda: not front("seeknal").background.busy)
    assert run_of(graph) is None
    front("%seeknal run --full")
    assert (run_of(graph), looks(graph)) == (1, ["success", "pending"])


def test_a_handle_that_is_displayed_has_an_output_of_its_own(front: Any) -> None:
    """Be the run over already or not yet begun: the output before it shows nothing of it."""
    front("%seeknal run")
    front("run = %seeknal run --background --full")
    front("run.wait()")
    (first,) = shown(front)
    assert run_of(first) is None
    front("run._ipython_display_()")
    assert shown(front) == [first, front("seeknal").widget]
    assert run_of(first) == 1


def test_an_output_stays_live_until_the_run_that_it_shows_has_ended(seat: Seat) -> None:
    gate = seat.table.gate("b")
    run = seat.project.start()
    gate.reached.wait()
    second: Any = seat.project.new_widget()
    assert run_of(seat.widget) is None
    gate.opened.set()
    run.wait()
    eventually(lambda: seat.widget.frozen)
    assert (run_of(seat.widget), looks(seat.widget)) == (1, ["success", "success"])
    assert seat.page.state["snapshot"]["run"]["mode"] == ""
    eventually(lambda: looks(second) == ["success", "success"])
    deltas = [message["d"] for message in second.comm.told if message["k"] == "delta"]
    assert any(delta[:1] == [1] for delta in deltas), "the changes went to the one that is no longer the newest"


def test_a_dry_run_leaves_the_output_before_it_as_it_was(front: Any) -> None:
    front("%seeknal run")
    front("%seeknal run --dry-run --full")
    first, dry = shown(front)
    assert (run_of(first), looks(first)) == (1, ["success", "success"])
    assert first.comm.state["snapshot"]["run"]["text"].startswith("2 of 2 run")
    assert dry.comm.state["snapshot"]["run"]["text"].startswith("dry run: 2 would run")


def test_a_dry_run_before_all_others_freezes_the_graph_at_rest(front: Any) -> None:
    front("%seeknal graph")
    front("%seeknal run --dry-run")
    graph, _ = shown(front)
    assert (run_of(graph), looks(graph)) == (0, ["pending", "pending"])
    assert graph.comm.state["snapshot"]["run"]["mode"] == ""


def test_a_new_output_has_the_groups_of_the_one_before(seat: Seat) -> None:
    seat.page.ask("view", by="kind", focus=-1)
    second: Any = seat.project.new_widget()
    assert second.comm.state["scene"]["by"] == "kind"
    assert second.comm.state["scene"]["groups"] == seat.page.state["scene"]["groups"]


def test_a_selection_is_the_live_ones(seat: Seat) -> None:
    """``graph.selected`` says what is selected where one can run it."""
    seat.project.new_widget()
    seat.project.select_nodes("a")
    seat.page.deliver({"method": "update", "state": {"selected": [1]}, "buffer_paths": []})
    assert seat.project.graph_now().selected == ("work.a",)


def test_nothing_is_selected_in_the_output_of_a_run(seat: Seat) -> None:
    """What stands out in it would make pale what runs."""
    seat.project.select_nodes("a")
    seat.project.run(progress=False)
    second = seat.project.new_widget(seat.project.board.run_id)
    assert (second.selected, seat.project.graph_now().selected) == ([], ())


def test_a_page_that_is_loaded_again_is_given_the_moment_again(seat: Seat) -> None:
    seat.project.run(progress=False)
    seat.project.new_widget()
    seat.edit(node("c", 0, "b"))
    before = {name: seat.page.state[name] for name in ("nodes", "edges", "scene", "frozen", "snapshot")}
    seat.page.state.clear()
    seat.page.deliver({"method": "request_state"})
    assert {name: seat.page.state[name] for name in before} == before


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "now"])
def test_an_earlier_output_answers_for_nothing(seat: Seat, verb: str) -> None:
    """Its numbers are of its moment; and nobody runs nodes in the graph of a run that is over."""
    seat.project.new_widget()
    answer = seat.page.ask(verb, i=0, how="all", by="", focus=-1, unit=0, selector="a")
    assert answer["k"] == "error"
    assert "Fix: press Show now" in answer["text"]
    assert seat.events == []


def test_only_so_many_outputs_are_kept(seat: Seat) -> None:
    for _ in range(MOST + 1):
        seat.project.new_widget()
    assert seat.widget.comm is None
    assert len(seat.project.outputs._past) == MOST


# Show now


def test_show_now_makes_an_output_live_and_freezes_the_one_that_was(seat: Seat) -> None:
    seat.project.run(progress=False)
    first, second = seat.widget, seat.project.new_widget()
    seat.project.run(progress=False, full=True)
    seat.edit(node("c", 0, "b"))
    assert seat.page.ask("now")["k"] == "ack"
    assert (first.frozen, run_of(second)) == (None, 2)
    assert seat.project.widget is first
    assert seat.page.state["nodes"]["name"] == ["a", "b", "c"]
    assert looks(first) == ["success", "success", "pending"]
    seat.project.run(progress=False)
    assert looks(first) == ["cached", "cached", "success"]
    assert seat.page.ask("details", i=2)["k"] == "details"


def test_an_output_that_was_live_again_returns_to_its_own_run(seat: Seat) -> None:
    """Unless another one has run in it since."""
    seat.project.run(progress=False)
    first, second = seat.widget, seat.project.new_widget()
    other: Any = second.comm
    seat.page.ask("now")
    other.ask("now")
    assert (run_of(first), second.frozen) == (1, None)
    seat.page.ask("now")
    seat.project.run(progress=False, full=True)
    other.ask("now")
    assert run_of(first) == 2


def test_show_now_during_a_run_shows_it(seat: Seat) -> None:
    second = seat.project.new_widget()
    gate = seat.table.gate("b")
    run = seat.project.start()
    gate.reached.wait()
    assert seat.page.ask("now")["k"] == "ack"
    eventually(lambda: looks(seat.widget) == ["success", "running"])
    assert run_of(second) is None
    gate.opened.set()
    run.wait()
    eventually(lambda: second.frozen)
    eventually(lambda: looks(seat.widget) == ["success", "success"])


# Renewal


BODY = "%%seeknal transform counted\nresult = [{'x': helper(ONE)}]"
CHANGES = {
    "a variable": "ONE = 2",
    "a list that a variable holds": "ONE.append(3)",
    "a helper": "def helper(value):\n    return [value]",
    "a file": "from pathlib import Path\n_ = Path('people.csv').write_text('name\\nann\\nbob\\n')",
}


@pytest.fixture
def watched(front: Any) -> Any:
    """A pipeline that reads a variable, a helper and a file; built, and shown."""
    Path("people.csv").write_text("name\nann\n")
    front("ONE = [1]\ndef helper(value):\n    return value")
    front(BODY)
    front("%seeknal source people --csv people.csv")
    front("%seeknal run")
    return front


def called(page: Page) -> int:
    return sum(message["k"] == "stale" for message in page.told)


@pytest.mark.parametrize("cell", CHANGES.values(), ids=CHANGES)
def test_what_a_cell_changes_is_seen(watched: Any, cell: str) -> None:
    """The page is told once a cell, and asks where somebody sees it."""
    page: Any = watched("seeknal").widget.comm
    before = called(page)
    watched(cell)
    assert called(page) == before + 1
    assert set(looks(watched("seeknal").widget)) == {"success"}
    assert page.ask("look") == {"k": "ack", "n": page.sent, "view": 0, "text": ""}
    found = {result.node_id: str(result.status) for result in watched("seeknal").board.results}
    assert sorted(found.values()) == ["pending", "success", "success", "success"]
    assert [message for message in page.told if message["k"] == "delta"][-1]["d"]


def test_a_cell_that_changes_nothing_sends_no_statuses(watched: Any) -> None:
    page: Any = watched("seeknal").widget.comm
    for line in ("%seeknal plan", "%seeknal status", "1 + 1"):
        watched(line)
        page.ask("look")
    before, told_before = page.state["snapshot"], [one for one in page.told if one["k"] == "delta"]
    watched("1 + 1")
    page.ask("look")
    assert page.state["snapshot"] is before
    assert [one for one in page.told if one["k"] == "delta"] == told_before


def test_looking_again_without_a_cause_costs_nothing(watched: Any) -> None:
    """Whoever goes from window to window asks each time."""
    project = watched("seeknal")
    project.look_again()
    assert 20 * calls(project.look_again) < calls(project.board.look)


def test_what_another_program_has_run_is_seen(watched: Any) -> None:
    """A command line in a shell beside it; no cell has run since."""
    watched("ONE = 2")
    project = watched("seeknal")
    page: Any = project.widget.comm
    page.ask("look")
    assert [str(r.status) for r in project.board.results].count("pending") == 1
    other = Plain(project.directory, namespace=project.namespace)
    other.manifest = project.manifest
    other.run(progress=False)
    other.close()
    page.ask("look")
    assert "pending" not in [str(r.status) for r in project.board.results]


def test_what_a_run_left_out_stays_so(front: Any) -> None:
    """Nobody has asked for more: a look after the next cell says what it is, not what would be."""
    front("%%seeknal transform bad\nSELECT error('no') AS x FROM users")
    front("%%seeknal transform after\nSELECT x FROM bad")
    front("%seeknal run --no-raise")
    page: Any = front("seeknal").widget.comm
    before = looks(front("seeknal").widget)
    assert {"failed", "skipped"} <= set(before)
    front("1 + 1")
    page.ask("look")
    assert [str(r.status) for r in front("seeknal").board.results] == [str(look) for look in before]


def test_a_cell_that_ends_during_a_run_is_told_of_when_that_has_ended(seat: Seat) -> None:
    gate = seat.table.gate("b")
    run = seat.project.start()
    gate.reached.wait()
    seat.project.cell_ended()
    assert called(seat.page) == 0
    gate.opened.set()
    run.wait()
    eventually(lambda: called(seat.page) == 1)


def test_a_run_hears_no_look(seat: Seat) -> None:
    """A page that is seen again in the middle of a run leaves its statuses alone."""
    seen: list[list[str]] = []

    def looked(event: object) -> None:
        if isinstance(event, NodeStarted) and event.node_id == "work.b":
            seat.project.cell_ended()
            seat.project.look_again()
            seen.append([str(r.status) for r in seat.project.board.results])

    seat.project.listeners.append(looked)
    seat.project.run(progress=False)
    assert seen == [["success", "running"]]
    assert called(seat.page) == 1, "what the cell has changed was forgotten"


def test_traces_of_a_folder_that_is_not_there_are_none(tmp_path: Path) -> None:
    from seeknal_nb.notebook.project import Project

    project = Project(tmp_path / "nowhere")
    assert project._traces() == (0, 0)
    assert not list(tmp_path.iterdir())
    project.close()
