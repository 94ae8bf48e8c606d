"""Runs in the background: their handles, their order, and how they are stopped; with real nodes, threads and processes."""

from __future__ import annotations

import contextlib
import contextvars
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import pytest
from graphs import place
from hypothesis import given, settings
from hypothesis import strategies as st
from waiting import END, MINUTES, Gate, eventually, ours

from seeknal_nb.dag.manifest import Manifest, Node
from seeknal_nb.errors import LockedError, SelectionError, UsageError
from seeknal_nb.project import Project
from seeknal_nb.workflow import background
from seeknal_nb.workflow.background import Background, BackgroundRun
from seeknal_nb.workflow.events import Event, NodeFinished, NodeResult, NodeStarted, RunFinished, RunStarted
from seeknal_nb.workflow.request import Request
from seeknal_nb.workflow.runner import DAGRunner
from seeknal_nb.workflow.stores import MemoryState

ROOT = Path(__file__).parents[2]


class Bench:
    """A project of nodes of the kind ``work``: each notes that it was executed, waits at its gate, and comes out as it is told."""

    def __init__(self, root: Path, **options: Any) -> None:
        self.project = Project(root, kinds={"work": self._work}, **{"state": MemoryState(), **options})
        self.calls: list[str] = []
        self.events: list[Event] = []
        self.fails: set[str] = set()
        self._gates: dict[str, Gate] = {}
        self.project.listeners.append(self.events.append)

    def _work(self, node: Node) -> dict[str, Any]:
        self.calls.append(node.name)
        if node.name in self._gates:
            self._gates[node.name].wait()
        if node.name in self.fails:
            raise ValueError(f"{node.name} fails")
        return {"row_count": 1}

    def chain(self, *names: str) -> Bench:
        """Nodes of which each reads the one before."""
        for before, name in zip((None, *names), names, strict=False):
            self.project.node("work", name, inputs=[f"work.{before}"] if before else None)
        return self

    def gate(self, name: str) -> Gate:
        return self._gates.setdefault(name, Gate())

    def open(self) -> None:
        for gate in self._gates.values():
            gate.opened.set()

    def held(self, name: str = "hold") -> BackgroundRun:
        """A run that has come to its node and waits there."""
        self.chain(name)
        gate = self.gate(name)
        run = self.project.start(nodes=[name], command=f"run --nodes {name}")
        gate.reached.wait()
        return run

    def begun(self, node_id: str) -> threading.Event:
        """Set when a node begins."""
        found = threading.Event()
        self.project.listeners.append(lambda e: found.set() if isinstance(e, NodeStarted) and e.node_id == node_id else None)
        return found


@pytest.fixture
def bench() -> Iterator[Bench]:
    with place() as here:
        made = Bench(here.root)
        yield made
        made.open()
        made.project.close()


def statuses(summary: Any) -> dict[str, str]:
    return {r.node_id.partition(".")[2]: str(r.status) for r in summary.results}


# The handle


def test_a_handle_is_there_at_once_and_tells_how_far_its_run_is(bench: Bench) -> None:
    """The cell ends, the run goes on."""
    first = bench.held()
    second = bench.project.start(full=True)
    assert (first.state, first.done, first.summary, first.error) == ("running", False, None, None)
    assert (second.state, second.done, second.summary, second.error) == ("queued", False, None, None)
    assert bench.project.background.queued == 1
    bench.open()
    assert second.wait().successful_nodes == 1
    assert (first.state, first.done, first.error) == (second.state, second.done, second.error) == ("finished", True, None)
    assert first.summary.successful_nodes == 1
    assert bench.project.summary is second.summary


def test_a_failed_node_is_told_by_the_summary_and_does_not_raise(bench: Bench) -> None:
    bench.chain("a", "b", "c").fails.add("b")
    run = bench.project.start(continue_on_error=True)
    summary = run.wait()
    assert statuses(summary) == {"a": "success", "b": "failed", "c": "skipped"}
    assert [r.node_id for r in summary.failed] == ["work.b"]
    assert (run.state, run.error) == ("failed", None)


@pytest.mark.parametrize(("options", "kind"), [({"nodes": ["nowhere"]}, SelectionError), ({"node_types": ["b"]}, SelectionError)])
def test_what_a_run_cannot_begin_with_is_raised_by_wait(bench: Bench, options: dict[str, Any], kind: type[Exception]) -> None:
    """Nobody sees an exception of another thread; whoever waits for the run does, and the next one is not touched by it."""
    bench.chain("a")
    run = bench.project.start(**options)
    with pytest.raises(kind):
        run.wait()
    assert isinstance(run.error, kind)
    assert (run.state, run.summary, bench.calls) == ("failed", None, [])
    assert bench.project.start().wait().successful_nodes == 1


def test_waiting_ends_in_time_and_leaves_the_run_alone(bench: Bench) -> None:
    run = bench.held()
    with pytest.raises(TimeoutError):
        run.wait(0.05)
    assert run.state == "running"
    bench.open()
    assert run.wait().successful_nodes == 1


def test_who_asked_is_called_once_a_run_has_ended_however_that_was(bench: Bench) -> None:
    """The widget tells of a run that could not begin; nobody waits for it there."""
    told: list[tuple[BackgroundRun, str]] = []
    runs = [bench.held(), bench.project.start(nodes=["nowhere"]), bench.project.start()]
    for run in runs:
        run.then(lambda ended: told.append((ended, ended.state)))
    runs[2].cancel()
    bench.open()
    eventually(lambda: len(told) == 3)
    assert sorted(told, key=lambda one: runs.index(one[0])) == list(zip(runs, ["finished", "failed", "cancelled"], strict=True))
    runs[0].then(lambda ended: told.append((ended, "late")))
    assert told[-1] == (runs[0], "late")


REPRS = {
    "queued": "run in the background, queued", "running": "run --nodes hold in the background, running",
    "finished": "run --nodes hold in the background, finished: 1 node in", "cancelled": "run in the background, cancelled",
    "failed": "run in the background, failed: ",
}  # fmt: skip


def test_a_handle_shows_itself_in_a_line(bench: Bench) -> None:
    runs = [bench.held(), bench.project.start(), bench.project.start(nodes=["nowhere"])]
    seen = {run.state: repr(run) for run in runs[:2]}
    runs[1].cancel()
    bench.open()
    eventually(lambda: all(run.done for run in runs))
    seen |= {run.state: repr(run) for run in runs}
    assert seen.keys() == REPRS.keys()
    for state, text in seen.items():
        assert text.startswith(REPRS[state]), text


# Their order


def test_runs_go_one_after_another_in_the_order_of_their_starts(bench: Bench) -> None:
    """One run a state folder; a click while one goes on waits, and none overtakes another."""
    bench.held()
    names = ["c", "a", "b", "c2", "a2"]
    for name in names:
        bench.chain(name)
    runs = [bench.project.start(nodes=[name], only=True) for name in names]
    assert [run.state for run in runs] == ["queued"] * 5
    bench.open()
    for run in runs:
        run.wait()
    assert bench.calls == ["hold", *names]
    inside = 0
    for event in bench.events:
        inside += isinstance(event, RunStarted) - isinstance(event, RunFinished)
        assert inside in (0, 1)


@pytest.mark.parametrize("threads", [1, 5])
def test_fifty_runs_that_are_started_in_a_row_all_run_once(bench: Bench, threads: int) -> None:
    """However quickly somebody clicks, and from wherever: the thread that works may be ending just then."""
    bench.chain("a")
    runs: list[BackgroundRun] = []

    def start() -> None:
        runs.extend(bench.project.start(full=True) for _ in range(50 // threads))

    starters = [threading.Thread(target=start) for _ in range(threads)]
    for thread in starters:
        thread.start()
    for thread in starters:
        thread.join()
    assert [run.wait().successful_nodes for run in runs] == [1] * 50
    assert bench.calls == ["a"] * 50
    assert len(bench.project.history(limit=100).rows) == 50


def test_runs_that_are_started_and_waited_for_in_a_row_all_run_once(bench: Bench) -> None:
    bench.chain("a")
    for number in range(50):
        assert bench.project.start(full=True).wait().successful_nodes == 1
        assert len(bench.calls) == number + 1


def test_a_listener_hears_all_events_in_order_in_one_thread(bench: Bench) -> None:
    """What the widget shows is what came, and nobody else need look."""
    threads: list[threading.Thread] = []
    bench.project.listeners.append(lambda _: threads.append(threading.current_thread()))
    bench.chain("a", "b", "c").fails.add("b")
    first, second = bench.project.start(), bench.project.start(full=True, nodes=None)
    second.wait()
    for run, begin in ((first, 0), (second, len(bench.events) // 2)):
        heard = bench.events[begin : begin + len(bench.events) // 2]
        assert [type(e) for e in heard] == [
            RunStarted, NodeStarted, NodeFinished, NodeStarted, NodeFinished, NodeFinished, RunFinished,
        ]  # fmt: skip
        assert [e.node_id for e in heard if isinstance(e, NodeStarted)] == ["work.a", "work.b"]
        assert [e.result for e in heard if isinstance(e, NodeFinished)] == run.summary.results
        assert heard[-1].summary is run.summary
    assert {thread.name for thread in threads} == {"seeknal-background"}
    assert threading.main_thread() not in threads


def test_a_listener_that_raises_ends_no_run(bench: Bench) -> None:
    """A broken display stops nothing, loses nothing, and keeps no other listener from hearing."""
    bench.chain("a", "b")
    heard: list[Event] = []

    def broken(event: Event) -> None:
        if isinstance(event, NodeFinished):
            raise ZeroDivisionError

    bench.project.listeners += [broken, heard.append]
    with pytest.warns(RuntimeWarning, match="broken raised ZeroDivisionError at NodeFinished.*the run goes on"):
        first = bench.project.start().wait()
    assert statuses(first) == {"a": "success", "b": "success"}
    assert sum(isinstance(event, NodeFinished) for event in heard) == 2
    bench.project.listeners.remove(broken)
    assert statuses(bench.project.start().wait()) == {"a": "cached", "b": "cached"}


def test_a_hook_of_a_subclass_that_raises_fails_its_node(bench: Bench) -> None:
    """SPEC's hooks are called within ``_execute_node``; an error there is the node's, with its text."""

    class Hooked(DAGRunner):
        def _execute_node(self, node_id: str, dry_run: bool = False) -> NodeResult:
            result = super()._execute_node(node_id, dry_run)
            if node_id.endswith(".a"):
                raise RuntimeError("from a hook")
            return result

    bench.chain("a", "b")
    kinds = bench.project.kinds
    summary = Hooked(bench.project.manifest, root=bench.project.directory, kinds=kinds).run(progress=False)
    assert statuses(summary) == {"a": "failed", "b": "skipped"}
    assert "from a hook" in str(summary.failed[0].error_message)


def test_a_listener_of_a_run_can_start_the_next_one(bench: Bench) -> None:
    """As a page does that always wants the newest numbers; the lock must not wait for its own thread."""
    bench.chain("a")
    started: list[BackgroundRun] = []

    def again(event: Event) -> None:
        if isinstance(event, RunFinished) and len(started) < 3:
            started.append(bench.project.start(full=True))

    bench.project.listeners.append(again)
    first = bench.project.start(full=True)
    first.wait()
    eventually(lambda: len(started) == 3 and started[-1].done)
    first.then(lambda _: started.append(bench.project.start(full=True)))
    started[-1].wait()
    assert bench.calls == ["a"] * 5


def test_a_run_has_the_context_of_whoever_started_it(bench: Bench) -> None:
    """WIDGET 3: a kernel finds a thread's cell by its context, and on some versions a send without it raises."""
    cell = contextvars.ContextVar[str]("cell", default="none")
    bench.chain("a")
    heard: list[str] = []
    bench.project.listeners.append(lambda e: heard.append(cell.get()) if isinstance(e, RunStarted) else None)
    cell.set("first")
    one = bench.project.start()
    cell.set("second")
    two = bench.project.start()
    cell.set("third")
    one.wait(), two.wait()
    assert heard == ["first", "second"]


def test_a_dry_run_in_the_background_executes_nothing(bench: Bench) -> None:
    bench.chain("a")
    assert statuses(bench.project.start(dry_run=True).wait()) == {"a": "pending"}
    assert bench.calls == []


STARTS = st.sampled_from(["good", "bad", "nowhere"])
CANCEL = st.tuples(st.just("cancel"), st.integers(0, 9))
OPERATIONS = st.lists(st.one_of(STARTS, CANCEL, st.just("cancel all"), st.just("wait")), max_size=12)


@settings(max_examples=40)
@given(operations=OPERATIONS, workers=st.sampled_from([1, 3]))
def test_every_run_that_is_started_ends_once_and_in_its_turn(operations: list[Any], workers: int) -> None:
    """Whatever is started, cancelled and waited for: none is lost, none runs twice, and none that was cancelled in time begins."""
    with place() as here:
        bench = Bench(here.root, workers=workers).chain("good").chain("bad")
        bench.fails.add("bad")
        runs: list[tuple[str, BackgroundRun]] = []
        idle: set[int] = set()
        for operation in operations:
            if operation in ("good", "bad", "nowhere"):
                runs.append((operation, bench.project.start(nodes=[operation], only=True, command=str(len(runs)))))
            elif operation == "cancel all":
                idle |= {at for at, (_, run) in enumerate(runs) if run.state == "queued"}
                bench.project.background.cancel()
            elif operation == "wait":
                with contextlib.suppress(CancelledError, SelectionError):
                    runs and runs[-1][1].wait()
            elif operation[1] < len(runs):
                runs[operation[1]][1].cancel()
        for kind, run in runs:
            with contextlib.suppress(CancelledError, SelectionError):
                run.wait()
            assert run.done
            expected = {"good": "finished", "bad": "failed", "nowhere": "failed"}[kind]
            assert run.state in (expected, "cancelled")
        begun = [int(row[3]) for row in reversed(bench.project.history(limit=100).rows)]
        assert sorted(begun) == sorted(set(begun))
        for at, (kind, run) in enumerate(runs):
            if run.state != "cancelled":
                assert (at in begun) == (kind != "nowhere")
        bench.project.close()
        assert sum(isinstance(e, RunStarted) for e in bench.events) == sum(isinstance(e, RunFinished) for e in bench.events)
        order = [e.plan.selection.nodes[0] for e in bench.events if isinstance(e, RunStarted)]
        wanted = [kind for at, (kind, _) in enumerate(runs) if at in begun]
        assert order == wanted


# Beside a foreground run


def test_a_foreground_run_is_refused_while_one_goes_on_in_the_background(bench: Bench) -> None:
    """It says which, and what to do; the one that goes on is not touched."""
    run = bench.held()
    for begin in (bench.project.run, lambda: list(bench.project.stream())):
        with pytest.raises(LockedError) as caught:
            begin()
        assert "run --nodes hold" in str(caught.value)
        assert "wait()" in caught.value.remedy
        assert "--background" in caught.value.remedy
    with pytest.raises(LockedError, match="another run holds"):  # whoever knows nothing of the project meets the lock
        DAGRunner(bench.project.manifest, root=bench.project.directory, kinds=bench.project.kinds).run(progress=False)
    bench.open()
    assert run.wait().successful_nodes == 1


def test_a_foreground_run_may_begin_as_soon_as_wait_has_returned(bench: Bench) -> None:
    """``project.start().wait(); project.run()`` is what a script does; who is told of the end besides does not matter."""
    bench.chain("a")
    gate = Gate()
    run = bench.project.start()
    run.then(lambda _: gate.wait())
    run.wait()
    try:
        assert statuses(bench.project.run(progress=False)) == {"a": "cached"}
    finally:
        gate.opened.set()


def test_a_background_run_that_meets_a_foreground_run_is_told_so(bench: Bench) -> None:
    """One state folder has one run; the foreground one goes on."""
    bench.chain("a", "b")
    with contextlib.closing(bench.project.stream()) as events:
        next(events)
        run = bench.project.start()
        with pytest.raises(LockedError):
            run.wait()
        assert bench.project.background.current is None or run.done
        rest = list(events)
    assert statuses(rest[-1].summary) == {"a": "success", "b": "success"}


# What goes on beside it


def test_looking_at_a_view_with_other_parameters_does_not_change_what_a_run_reads(tmp_path: Path) -> None:
    """The kernel is free: a cell may show a node while a body, later, reads it. A build is what its key says."""
    project = Project(tmp_path)
    project.transform("v", sql="SELECT {{ n }} AS x", materialized="view")
    project.transform("b", inputs=["v"], python=(
        f"import os, time\nopen({str(tmp_path / 'in')!r}, 'w').close()\nwhile not os.path.exists({str(tmp_path / 'go')!r}):\n"
        "    time.sleep(0.01)\nresult = ref('v')"
    ))  # fmt: skip
    run = project.start(params={"n": 1})
    eventually((tmp_path / "in").exists)
    assert project.show("v", params={"n": 2}).frame["x"].tolist() == [2]
    (tmp_path / "go").touch()
    run.wait()
    assert project["b"]["x"].tolist() == [1]
    project.close()


def test_cells_may_add_variables_while_a_run_begins(bench: Bench) -> None:
    """The notebook's variables are its to change, also while a run in another thread reads them."""
    bench.chain("a")
    bench.project.namespace = space = {f"v{n}": n for n in range(2000)}
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # else it takes luck to meet
    try:
        runs = [bench.project.start() for _ in range(20)]
        while not runs[-1].done:
            if len(space) > 20_000:  # without end, each run would have more to read than the last
                space.clear()
            space[f"w{len(space)}"] = 1
    finally:
        sys.setswitchinterval(before)
    assert [run.error for run in runs] == [None] * 20


def test_nodes_may_be_added_and_removed_while_a_run_begins(bench: Bench) -> None:
    """A run is of the nodes that there were when it began."""
    nodes = [Node(f"work.n{n}", f"n{n}", "work") for n in range(200)]
    bench.project.add(*nodes)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        runs = [bench.project.start(nodes=["n199"]) for _ in range(20)]
        for node in nodes[:150]:
            bench.project.remove(node.name)
    finally:
        sys.setswitchinterval(before)
    for run in runs:
        run.wait()
    assert [run.error for run in runs] == [None] * 20


def test_a_node_that_is_removed_meanwhile_is_in_the_manifest_of_the_run(bench: Bench) -> None:
    """``diff`` compares with what the last run ran."""
    bench.chain("a")
    run = bench.held()
    bench.project.remove("a")
    bench.open()
    run.wait()
    assert set(Manifest.load(bench.project.directory / "target/runs/last_manifest.json").nodes) == {"work.a", "work.hold"}
    assert set(bench.project.diff().removed_nodes) == {"work.a"}


# Cancel


def test_a_queued_run_that_is_cancelled_never_begins(bench: Bench) -> None:
    bench.chain("a", "b")
    bench.held()
    first, second = bench.project.start(nodes=["a"], only=True), bench.project.start(nodes=["b"], only=True)
    first.cancel()
    assert (first.state, first.done, first.summary, first.error) == ("cancelled", True, None, None)
    assert bench.project.background.queued == 1
    with pytest.raises(CancelledError):
        first.wait()
    bench.open()
    second.wait()
    assert bench.calls == ["hold", "a", "b"]  # b needs a, which was never built
    assert sum(isinstance(e, RunStarted) for e in bench.events) == 2


@pytest.mark.parametrize("settled", [False, True], ids=["as it begins", "while it runs"])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_running_statement_is_stopped_and_the_next_run_goes_on_from_there(tmp_path: Path, workers: int, settled: bool) -> None:
    """Finished nodes stay, the rest is PENDING, the engine works, and nothing runs twice."""
    bench = Bench(tmp_path, workers=workers, state=None)
    project = bench.project
    project.transform("before", sql="SELECT 7 AS x")
    project.transform("slow", sql=f"SELECT x, n FROM before, ({MINUTES})")
    project.transform("below", sql="SELECT x FROM slow")
    begun = bench.begun("transform.slow")
    run = project.start()
    begun.wait()
    if settled:
        with pytest.raises(TimeoutError):
            run.wait(0.3)
    run.cancel()
    assert run.stopping or run.done
    summary = run.wait()
    assert (run.state, run.stopping, run.error) == ("cancelled", False, None)
    assert statuses(summary) == {"before": "success", "slow": "pending", "below": "pending"}
    assert [r.reason for r in summary.results[1:]] == ["interrupted", "interrupted"]
    assert bench.events[-1].interrupted
    assert project["before"]["x"].tolist() == [7]
    project.transform("slow", sql="SELECT x, 1 AS n FROM before")
    assert statuses(project.start().wait()) == {"before": "cached", "slow": "success", "below": "success"}
    assert project["below"]["x"].tolist() == [7]
    project.close()


def test_nothing_starts_once_a_run_was_cancelled_while_it_planned(tmp_path: Path) -> None:
    """A plan of many nodes takes seconds, and somebody who sees the wrong one begin stops it at once."""

    class Slow(MemoryState):
        """A store that takes its time, as a remote one does."""

        gate = Gate()

        def load(self) -> dict[str, Any]:
            self.gate.wait()
            return super().load()

    bench = Bench(tmp_path, state=Slow()).chain("a", "b")
    run = bench.project.start()
    Slow.gate.reached.wait()
    run.cancel()
    assert (run.state, run.stopping) == ("running", True)
    Slow.gate.opened.set()
    summary = run.wait()
    assert bench.calls == []
    assert run.state == "cancelled"
    assert summary is None or statuses(summary) == {"a": "pending", "b": "pending"}
    assert bench.project.start().wait().successful_nodes == 2
    bench.project.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_body_that_cannot_be_stopped_is_waited_for_and_nothing_starts_after_it(tmp_path: Path, workers: int) -> None:
    """A Python body is cancelled when it ends; its work is not thrown away."""
    bench = Bench(tmp_path, workers=workers).chain("a", "b", "c")
    gate = bench.gate("b")
    run = bench.project.start()
    gate.reached.wait()
    run.cancel()
    assert (run.state, run.stopping, run.done) == ("running", True, False)
    with pytest.raises(TimeoutError):
        run.wait(0.2)
    gate.opened.set()
    assert statuses(run.wait()) == {"a": "success", "b": "success", "c": "pending"}
    assert run.state == "cancelled"
    assert bench.calls == ["a", "b"]
    assert statuses(bench.project.start().wait()) == {"a": "cached", "b": "cached", "c": "success"}
    bench.project.close()


def test_cancelling_twice_is_cancelling_once_and_a_run_that_ended_stays_as_it_is(bench: Bench) -> None:
    run = bench.held()
    for _ in range(3):
        run.cancel()
    bench.open()
    run.wait()
    finished = bench.project.start(full=True)
    summary = finished.wait()
    finished.cancel()
    finished.cancel()
    assert (finished.state, finished.summary, finished.stopping) == ("finished", summary, False)
    assert bench.project.background.cancel() == []
    assert bench.project.start(full=True).wait().successful_nodes == 1


def test_whoever_stops_a_run_never_stops_the_next_one(bench: Bench) -> None:
    """The thread that interrupts may be late: its run has ended, and what goes on then would be another one."""
    bench.chain("a").chain("b")
    first, second, late = bench.gate("a"), bench.gate("b"), Gate()
    met: list[bool] = []

    def interrupt() -> None:
        late.reached.set()
        met.append(second.reached.wait(0.5))  # so long this thread is not scheduled

    made = bench.project.background = Background(bench.project.stream, interrupt)
    runs = [made.start(Request.of({"nodes": [name]})) for name in "ab"]
    first.reached.wait()
    runs[0].cancel()
    late.reached.wait()
    bench.open()
    runs[1].wait()
    assert [run.state for run in runs] == ["cancelled", "finished"]
    assert set(met) == {False}


def test_who_is_told_of_a_cancelled_run_may_cancel_the_others(tmp_path: Path) -> None:
    """Who waits for its turn may be part of a whole that makes no sense without it."""
    bench = Bench(tmp_path)
    bench.held()
    runs = [bench.project.start() for _ in range(3)]
    runs[0].then(lambda _: bench.project.background.cancel())  # type: ignore[arg-type]
    other = threading.Thread(target=runs[0].cancel, daemon=True)
    other.start()
    other.join()  # it does not wait for itself
    bench.open()
    assert [run.state for run in runs] == ["cancelled"] * 3
    bench.project.close()


def test_cancel_stops_the_run_that_goes_on_and_forgets_those_that_wait(bench: Bench) -> None:
    first = bench.held()
    waiting = [bench.project.start() for _ in range(3)]
    assert set(bench.project.background.cancel()) == {first, *waiting}
    assert [run.state for run in waiting] == ["cancelled"] * 3
    bench.open()
    eventually(lambda: first.done)
    assert bench.calls == ["hold"]


# The end


@pytest.mark.parametrize("workers", [1, 2])
def test_closing_stops_everything_and_leaves_no_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    """Unloading leaves nothing behind."""
    monkeypatch.setattr(background, "LEAVE", END)
    foreign = ours()
    bench = Bench(tmp_path, workers=workers)
    bench.project.transform("slow", sql=MINUTES)
    begun = bench.begun("transform.slow")
    runs = [bench.project.start() for _ in range(3)]
    begun.wait()
    bench.project.close()
    assert [run.state for run in runs] == ["cancelled"] * 3
    eventually(lambda: ours() <= foreign)
    with pytest.raises(UsageError, match="the project is closed"):
        bench.project.start()
    bench.project.close()


def test_closing_gives_the_run_that_goes_on_even_then(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python body cannot be stopped; whoever closes does not wait for it for ever, and its engine is there until it ends."""
    monkeypatch.setattr(background, "LEAVE", 0.2)
    run = bench.held()
    assert bench.project.background.close() is run
    assert run.stopping
    bench.open()
    assert run.wait().successful_nodes == 1
    assert bench.project.background.close() is None


def test_no_thread_waits_for_a_run_that_nobody_has_started(bench: Bench) -> None:
    foreign = ours()
    bench.chain("a").project.start().wait()
    eventually(lambda: ours() <= foreign)


LEAVING = """
import atexit
import sys
import threading
import time
from seeknal_nb.project import Project
from seeknal_nb.workflow import background
from waiting import END

if sys.argv[3] == "sql":  # a body is left to itself; a statement is waited for, on whatever machine
    background.LEAVE = END
project = Project(sys.argv[1], workers=int(sys.argv[2]))
project.transform("before", sql="SELECT 7 AS x")
project.transform("slow", inputs=["before"], **{sys.argv[3]: sys.argv[4]})
project.transform("below", inputs=["slow"], sql="SELECT 1 AS x FROM slow")
waiting = project.start(), project.start(full=True)
if "ends" in sys.argv[4]:  # as DuckDB does: what was registered last is called first, and breaks what goes on
    ends = threading.Event()
    atexit.register(lambda: (ends.set(), time.sleep(0.5)))
while "transform.before" not in project.runner().states():
    time.sleep(0.01)
print("leaving", flush=True)
"""
SLEEP = "import time\ntime.sleep(100_000)\nresult = [{'x': 1}]"
BREAK = "import __main__\n__main__.ends.wait()\nraise OSError('the connection is busy with another call')"
LEFT = {
    "SQL": ("1", "sql", MINUTES), "SQL of two workers": ("2", "sql", MINUTES),
    "a Python body": ("1", "python", SLEEP), "a Python body of two workers": ("2", "python", SLEEP),
    "a body that the end breaks": ("1", "python", BREAK), "one of two workers that the end breaks": ("2", "python", BREAK),
}  # fmt: skip


class Leaver(threading.Thread):
    """An interpreter that ends while a run goes on in its background, and whoever waits for its end."""

    def __init__(self, root: Path, words: tuple[str, ...]) -> None:
        super().__init__(daemon=True)
        env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
        command = [sys.executable, "-c", LEAVING, str(root), *words]
        self.root, self.told = root, ("", "")
        self.process = subprocess.Popen(command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self) -> None:
        self.told = self.process.communicate()


@pytest.fixture(scope="module")
def leavers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Leaver]]:
    """All of them at once, for most of the time they wait."""
    started = {name: Leaver(tmp_path_factory.mktemp("left"), words) for name, words in LEFT.items()}
    for leaver in started.values():
        leaver.start()
    yield started
    for leaver in started.values():
        leaver.process.kill()


@pytest.mark.parametrize("name", LEFT)
def test_an_interpreter_ends_while_a_run_goes_on(leavers: dict[str, Leaver], name: str) -> None:
    """It waits for nothing that goes on without end. What was finished is kept, and the next session reads it."""
    leaver = leavers[name]
    leaver.join()
    assert (leaver.process.returncode, leaver.told) == (0, ("leaving\n", ""))
    project = Project(leaver.root)
    assert {node_id: state.status for node_id, state in project.runner().states().items()} == {"transform.before": "success"}
    project.transform("before", sql="SELECT 7 AS x")
    project.transform("slow", sql="SELECT x + 1 AS x FROM before")
    assert statuses(project.run(progress=False)) == {"before": "cached", "slow": "success"}
    assert project["slow"]["x"].tolist() == [8]
    project.close()


# What a node prints while it runs


def test_what_a_body_prints_is_there_before_it_ends_and_credentials_are_not(tmp_path, monkeypatch):
    monkeypatch.setenv("DB_PASSWORD", "hush-hush")
    gate = Gate()
    monkeypatch.setattr("seeknal_nb.gate", gate, raising=False)
    with contextlib.closing(Project(tmp_path)) as project:
        project.transform("p", python="import seeknal_nb\n\ndef p(ctx):\n    print('begun', ctx.secret('DB_PASSWORD'))\n    seeknal_nb.gate.wait()\n    print('done')\n    return [{'x': 1}]")
        going = project.start()
        assert gate.reached.wait(END)
        assert project.details("p").log == "begun ***\n"
        gate.opened.set()
        going.wait()
        assert project.details("p").log == "begun ***\ndone\n"
