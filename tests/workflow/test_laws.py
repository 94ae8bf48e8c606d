"""The laws of a run, over random pipelines: what runs, in which order, what is shown afterwards."""

from __future__ import annotations

import collections
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from graphs import (
    ENGINE,
    MEMORY,
    ROWS,
    Model,
    Pipeline,
    Place,
    S,
    Step,
    Works,
    below,
    csv_of,
    executed,
    manifest,
    pipelines,
    place,
    queries,
    snapshot,
    sources,
    tables,
    work_below,
    work_manifest,
    works,
)
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from seeknal_nb.cli import main
from seeknal_nb.dag.graph import Graph
from seeknal_nb.dag.manifest import Node
from seeknal_nb.storage.garbage import remove
from seeknal_nb.workflow.events import NodeFinished, NodeStarted, RunFinished
from seeknal_nb.workflow.runner import DAGRunner
from seeknal_nb.workflow.stores import MemoryState

ROOT = Path(__file__).parents[2]
few = settings(
    max_examples=20, suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)  # fmt: skip
some = settings(few, max_examples=40)
many = settings(few, max_examples=100)


# Order


@many
@given(works())
def test_order_respects_edges_and_breaks_ties_by_registration(graph: Works) -> None:
    """SPEC § Topological Ordering; of what is ready, the node that was registered first comes first."""
    count, edges = graph
    left, expected = set(range(count)), list[int]()
    while left:
        ready = min(n for n in left if not any(b == n and a in left for a, b in edges))
        expected.append(ready)
        left.discard(ready)
    assert [node.id for node in Graph(work_manifest(graph))] == [f"work.n{n}" for n in expected]


@some
@given(works(), st.integers(1, 3))
def test_every_node_starts_after_its_inputs_have_finished(graph: Works, workers: int) -> None:
    """Whatever the number of workers: a node never reads what is not there yet."""
    with place() as here:
        runner = DAGRunner(
            work_manifest(graph), root=here.root, engine=ENGINE, state=MemoryState(), workers=workers,
            kinds={"work": lambda node: {"row_count": 0}},
        )  # fmt: skip
        at: dict[tuple[type, str], int] = {}
        for number, event in enumerate(runner.stream()):
            if isinstance(event, NodeStarted):
                at[NodeStarted, event.node_id] = number
            if isinstance(event, NodeFinished):
                at[NodeFinished, event.result.node_id] = number
    assert len(at) == 2 * graph[0]
    for a, b in graph[1]:
        assert at[NodeFinished, f"work.n{a}"] < at[NodeStarted, f"work.n{b}"]


PROCESS = """
import json, sys
from pathlib import Path
from seeknal_nb import DAGRunner, Manifest, Node

root, newline, backwards = Path(sys.argv[1]), sys.argv[2].replace("n", "\\n").replace("r", "\\r"), sys.argv[3] == "1"
def config(**given):
    return dict(reversed(given.items())) if backwards else given
python = newline.join(["def third(second):", "    # a set of text is in another order in every process",
                       "    kinds = {'a', 'b', 'c', 'd', 'e', 'f'}", "    return second[second.name.isin(list(kinds))]"])
m = Manifest("p")
m.add_node(Node("source.first", "first", "source", config=config(path="in.csv", params={"header": True, "delim": ","})))
m.add_node(Node("transform.second", "second", "transform", tags=sorted({"x", "y", "z"}),
    config=config(sql=newline.join(["SELECT name, v + 1 AS v", "FROM first  -- c", ""]), owner="a", materialized="table")))
m.add_node(Node("transform.third", "third", "transform", config=config(python=python, meta={"b": 1, "a": [1, 2]})))
for n in range(9):
    m.add_node(Node(f"transform.t{n}", f"t{n}", "transform", config={"sql": "SELECT count(*) AS c FROM third"}))
    m.add_edge("transform.third", f"transform.t{n}")
m.add_edge("source.first", "transform.second"); m.add_edge("transform.second", "transform.third")
runner = DAGRunner(m, root=root)
summary = runner.run(progress=False)
assert not summary.failed_nodes, str(summary)
print(json.dumps([[r.node_id for r in summary.results], {i: [s.fingerprint, s.digest] for i, s in runner.states().items()}]))
"""


def test_keys_digests_and_order_are_the_same_in_every_process(tmp_path: Path) -> None:
    """No key holds a hash seed, a clock, a time zone, a locale, a working directory, a key order or a line's end."""
    found = set()
    for number, (seed, zone, locale, newline) in enumerate([
        ("0", "UTC", "C", "n"), ("1", "Asia/Kolkata", "C.UTF-8", "n"), ("4242", "America/St_Johns", "C", "rn"),
        ("random", "Pacific/Apia", "POSIX", "n"),
    ]):  # fmt: skip
        root, cwd = tmp_path / ("p" * (number + 1)), tmp_path / f"cwd{number}"
        root.mkdir(parents=True)
        cwd.mkdir()
        (root / "in.csv").write_text("name,v\na,1\nz,2\nb,3\n")
        env = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": locale, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", PROCESS, str(root), newline, str(number % 2)],
            cwd=cwd, env=env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found.add(done.stdout.splitlines()[-1])
    assert len(found) == 1, found


# What runs


@st.composite
def edited(draw: st.DrawFn) -> tuple[Pipeline, Pipeline, str]:
    """A pipeline, the same with one node's data changed on purpose, and that node."""
    before = draw(pipelines())
    node_id = draw(st.sampled_from(list(before)))
    step = before[node_id]
    if not step.file and draw(st.booleans()):  # another body that gives the same rows
        changed = replace(step, twist=step.twist + 1)
    elif step.kind == "source":
        changed = replace(step, rows=tuple((k, v + 1) for k, v in step.rows))
    else:
        changed = replace(step, number=step.number + draw(st.integers(1, 2)))
    return before, {**before, node_id: changed}, node_id


def meant(before: Pipeline, after: Pipeline) -> set[str]:
    """What must run by content alone: a changed body, file or set of inputs, and what reads an output that differs."""
    model = Model()
    keys, _ = model.keys(before)
    model.built = {i: {key} for i, key in keys.items()}
    return model.due(after)


@some
@given(edited())
def test_an_edit_runs_it_and_exactly_what_really_changes_downstream(change: tuple[Pipeline, Pipeline, str]) -> None:
    """Early cutoff: no node that reads a changed output is left out, none that reads equal ones runs."""
    before, after, node_id = change
    with place() as here:
        here.run(before)
        summary = here.run(after)
        assert executed(summary) == meant(before, after)
        assert here.rows(after) == tables(after)
        for result in summary.results:
            if result.node_id in below(after, [node_id]) and result.status is S.CACHED and not result.attempts:
                assert result.reason in ("inputs came out the same", "up to date")


@few
@given(edited())
def test_what_runs_is_within_the_plan_and_equal_to_it_without_cutoff(change: tuple[Pipeline, Pipeline, str]) -> None:
    """What the plan lists is what the run does, but for what it marked "may run"; SPEC: all downstream are rebuilt."""
    before, after, node_id = change
    with place() as here, place() as there:
        here.run(before)
        there.run(before)
        here.write(after)
        plan = here.runner(after).plan()
        ran = executed(here.run(after))
        sure = {step.node_id for step in plan if step.action == "run" and step.certain}
        assert sure <= ran <= set(plan.runs)
        there.write(after)
        whole = there.runner(after).plan(cutoff=False)
        ran = executed(there.run(after, cutoff=False))
        body_changed = before[node_id].sql != after[node_id].sql
        assert ran == set(whole.runs) == ({node_id} | below(after, [node_id]) if body_changed else set())
        assert there.rows(after) == tables(after)


@few
@given(pipelines(), st.integers(1, 3))
def test_a_second_run_executes_nothing(pipeline: Pipeline, workers: int) -> None:
    """All is CACHED, up to date, and still what it should be; the plan said so before."""
    with place() as here:
        first = here.run(pipeline)
        assert executed(first) == set(pipeline)
        assert all(result.reason == "never built" for result in first.results if not pipeline[result.node_id].inputs)
        plan = here.runner(pipeline).plan()
        assert plan.runs == []
        second = here.run(pipeline, workers=workers)
        assert {(r.status, r.reason, r.attempts) for r in second.results} == {(S.CACHED, "up to date", 0)}
        assert here.rows(pipeline) == tables(pipeline)


@few
@given(pipelines())
def test_a_full_run_executes_all(pipeline: Pipeline) -> None:
    """SPEC § Execution Modes: regardless of state, and of early cutoff."""
    with place() as here:
        here.run(pipeline)
        summary = here.run(pipeline, full=True)
        assert executed(summary) == set(pipeline)
        assert {r.reason for r in summary.results} == {"full run"}
        assert executed(here.run(pipeline)) == set()


@few
@given(edited())
def test_going_back_executes_nothing_and_shows_the_former_rows(change: tuple[Pipeline, Pipeline, str]) -> None:
    """Builds of earlier keys are kept: an undone edit costs nothing, and what is shown is what the node says now."""
    before, after, _ = change
    with place() as here:
        here.run(before)
        here.run(after)
        back = here.run(before)
        assert executed(back) == set()
        assert here.rows(before) == tables(before)
        assert executed(here.run(after)) == set()
        assert here.rows(after) == tables(after)


@few
@given(edited())
def test_what_is_left_out_after_going_back_is_read_as_it_is_now(change: tuple[Pipeline, Pipeline, str]) -> None:
    """The last good output of a node that is up to date is the one that it is up to date with, not a later version's."""
    before, after, node_id = change
    with place() as here:
        here.run(before)
        here.run(after)
        here.run(before)
        readers = [i for i, step in before.items() if node_id in step.inputs]
        if readers:
            summary = here.run(before, nodes=readers, exclude=[node_id])
            assert not summary.failed_nodes
            assert here.rows(before) == tables(before)


@few
@given(edited())
def test_documentation_never_runs_anything(change: tuple[Pipeline, Pipeline, str]) -> None:
    """Tags, descriptions and owners are no part of a key."""
    pipeline, _, node_id = change
    step = pipeline[node_id]
    words = {**pipeline, node_id: replace(step, tags=(*step.tags, "new"), description="other words")}
    with place() as here:
        here.run(pipeline)
        assert executed(here.run(words)) == set()


@few
@given(pipelines(), st.data())
def test_an_exposure_is_delivered_again_when_its_key_or_its_target_is_another(
    pipeline: Pipeline, data: st.DataObject
) -> None:
    """Side effects are not content-addressed: going back delivers again, though every table is taken from its build."""
    read = data.draw(st.sampled_from(list(pipeline)))
    with place() as here:

        def run(steps: Pipeline) -> set[str]:
            here.write(steps)
            found = manifest(steps)
            found.add_node(Node("exposure.out", "out", "exposure", config={"to": "out.csv"}))
            found.add_edge(read, "exposure.out")
            runner = DAGRunner(found, root=here.root, engine=ENGINE)
            summary = runner.run(progress=False)
            assert not summary.failed_nodes, str(summary)
            return executed(summary)

        def delivered() -> list[tuple[int, ...]]:
            lines = (here.root / "out.csv").read_text().splitlines()
            return sorted(tuple(map(int, line.split(","))) for line in lines[1:])

        assert "exposure.out" in run(pipeline)
        step = pipeline[read]
        other = {**pipeline, read: replace(step, number=step.number + 1, rows=tuple((k, v + 1) for k, v in step.rows))}
        differs = tables(other)[read] != tables(pipeline)[read] or (step.view and other[read].sql != step.sql)
        run(other)
        assert delivered() == tables(other)[read]
        assert run(pipeline) == ({"exposure.out"} if differs else set())
        assert delivered() == tables(pipeline)[read]
        assert run(pipeline) == set()
        (here.root / "out.csv").write_text("somebody else\n")
        assert run(pipeline) == {"exposure.out"}
        assert delivered() == tables(pipeline)[read]
        (here.root / "out.csv").unlink()
        assert run(pipeline) == {"exposure.out"}


# Failures


@st.composite
def failing(draw: st.DrawFn) -> tuple[Works, set[int]]:
    graph = draw(works())
    return graph, draw(st.sets(st.integers(0, graph[0] - 1), max_size=3))


@many
@given(failing(), st.booleans(), st.integers(1, 3), st.integers(0, 2))
def test_a_failure_reaches_all_that_is_downstream_and_nothing_else(
    case: tuple[Works, set[int]], goes_on: bool, workers: int, retry: int
) -> None:
    """One final status a node, counters that add up, descendants SKIPPED, independents run or, in stop mode, PENDING."""
    graph, bad = case
    calls: collections.Counter[str] = collections.Counter()

    def work(node: Node) -> dict[str, int]:
        calls[node.name] += 1
        if int(node.name[1:]) in bad:
            raise ValueError("on purpose")
        return {"row_count": 1}

    with place() as here:
        runner = DAGRunner(
            work_manifest(graph), root=here.root, engine=ENGINE, state=MemoryState(), kinds={"work": work}, workers=workers
        )
        events, called = list(runner.stream(continue_on_error=goes_on, retry=retry)), calls.copy()
        again = [] if goes_on else list(runner.stream(continue_on_error=True))
    finished = [e.result for e in events if isinstance(e, NodeFinished)]
    summary = events[-1].summary
    assert isinstance(events[-1], RunFinished)
    assert sorted(r.node_id for r in finished) == sorted(f"work.n{n}" for n in range(graph[0]))
    assert sorted(map(repr, finished)) == sorted(map(repr, summary.results))
    counted = (summary.successful_nodes, summary.failed_nodes, summary.cached_nodes, summary.skipped_nodes,
               summary.pending_nodes)  # fmt: skip
    assert summary.total_nodes == sum(counted) == graph[0]
    status = {int(r.node_id[6:]): r.status for r in finished}
    failed = {n for n, s in status.items() if s is S.FAILED}
    ran = {int(name[1:]) for name in called}
    skipped = {n for n, s in status.items() if s is S.SKIPPED}
    assert ran == {n for n, s in status.items() if s in (S.SUCCESS, S.FAILED)}
    assert skipped == work_below(graph, failed), "descendants of a failure are SKIPPED, in either mode"
    for n in skipped:
        reason = summary[f"work.n{n}"].reason
        assert reason.startswith("upstream failed: work.n")
        assert n in work_below(graph, {int(reason.rpartition("n")[2])} & failed)
    for n in failed:
        assert summary[f"work.n{n}"].attempts == called[f"n{n}"] == 1 + retry
        assert "on purpose" in summary[f"work.n{n}"].error_message
    if goes_on:
        assert failed == bad - work_below(graph, bad)
        assert not any(s is S.PENDING for s in status.values())
    else:
        assert bool(failed) == bool(bad)
        assert len(failed) <= workers
        first = next(
            (at for at, e in enumerate(events) if isinstance(e, NodeFinished) and e.result.status is S.FAILED), None
        )
        assert first is None or not any(isinstance(e, NodeStarted) for e in events[first:]), "nothing starts after it"
        retried = {e.result.node_id for e in again if isinstance(e, NodeFinished) and e.result.status is S.FAILED}
        assert {f"work.n{n}" for n in failed} <= retried, "a failed node is never taken for cached"


@some
@given(pipelines(), st.data())
def test_a_failed_node_is_never_taken_for_cached(pipeline: Pipeline, data: st.DataObject) -> None:
    """Nor does anything downstream of it run on old data, whatever builds are left from before."""
    bad = data.draw(st.sampled_from(list(pipeline)))
    pipeline = {
        **pipeline,
        bad: replace(pipeline[bad], form="values" if pipeline[bad].form == "csv" else pipeline[bad].form),
    }
    broken = {**pipeline, bad: replace(pipeline[bad], broken=True)}
    with place() as here:
        if data.draw(st.booleans(), label="built before"):
            here.run(pipeline)
        for _ in range(2):
            summary = here.run(broken, continue_on_error=True)
            assert summary[bad].status is S.FAILED
            for node_id in below(broken, [bad]):
                assert (summary[node_id].status, summary[node_id].reason) == (S.SKIPPED, f"upstream failed: {bad}")
        mended = here.run(pipeline)
        assert bad in executed(mended)
        assert here.rows(pipeline) == tables(pipeline)
        assert executed(here.run(pipeline)) == set()


# Looking


def test_looking_changes_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Plan, dry run, diff, graph, status, ls, show, history and a dry clean leave every byte and time."""
    folder = tmp_path / "seeknal"
    folder.mkdir()
    (tmp_path / "in.csv").write_text("k,v\n1,2\n")
    (folder / "a.yml").write_text("kind: source\nname: a\ntable: in.csv\n")
    (folder / "b.yml").write_text("kind: transform\nname: b\ntags: [t]\ntransform: SELECT k, v + 1 AS v FROM source.a\n")
    (folder / "c.yml").write_text("kind: transform\nname: c\ntransform: SELECT error('no') FROM transform.b\n")
    monkeypatch.chdir(tmp_path)
    looks = [
        "plan", "plan --full", "plan --nodes b --verify", "run --dry-run", "run --full --dry-run", "diff", "graph",
        "graph --format svg", "graph --format json", "status", "ls", "ls tag:t", "show b", "show a --format json", "history",
        "clean --dry-run", "clean --dry-run --keep 1", "plan --format json", "status --format json",
    ]  # fmt: skip

    def look(*, built: bool) -> None:
        for words in looks:
            before = snapshot(tmp_path)
            code = main(words.split())
            assert code == 0 or (words.startswith("show") and not built), (words, capsys.readouterr())
            assert snapshot(tmp_path) == before, words

    look(built=False)
    assert not (tmp_path / "target").exists()
    assert main(["run"]) == 1
    look(built=True)
    (folder / "b.yml").write_text("kind: transform\nname: b\ntags: [t]\ntransform: SELECT k, v + 2 AS v FROM source.a\n")
    (tmp_path / "in.csv").write_text("k,v\n1,3\n")
    look(built=True)
    (tmp_path / "target/state/execution_state.json").write_text("{broken")
    next((tmp_path / "target/outputs").rglob("data.parquet")).write_bytes(b"PAR1")
    for words in ("plan", "run --dry-run", "status", "graph", "clean --dry-run", "history", "ls"):
        before = snapshot(tmp_path)
        assert main(words.split()) == 0, (words, capsys.readouterr())
        assert snapshot(tmp_path) == before, words


@few
@given(edited(), st.booleans())
def test_a_dry_run_executes_and_writes_nothing(change: tuple[Pipeline, Pipeline, str], full: bool) -> None:
    """Its results are PENDING with metadata["dry_run"], in the plan's order and with its reasons."""
    before, after, _ = change
    with place() as here:
        here.run(before)
        here.write(after)
        old = snapshot(here.root)
        runner = here.runner(after)
        plan = runner.plan(full=full)
        summary = runner.run(full=full, dry_run=True, progress=False)
        assert snapshot(here.root) == old
    assert [(r.node_id, r.reason) for r in summary.results] == [(step.node_id, step.reason) for step in plan]
    assert all(r.status is S.PENDING and r.metadata["dry_run"] is True and not r.attempts for r in summary.results)
    assert (summary.pending_nodes, summary.changed_nodes) == (len(before), len(plan.runs))


# Parts of a pipeline


@st.composite
def selections(draw: st.DrawFn, pipeline: Pipeline) -> dict[str, Any]:
    kinds = sorted({step.kind for step in pipeline.values()})
    tags = sorted({tag for step in pipeline.values() for tag in step.tags})
    choices: dict[str, list[str]] = {"node_types": kinds, "nodes": list(pipeline), "tags": tags, "exclude_tags": tags}
    name = draw(st.sampled_from([n for n, values in choices.items() if values]))
    return {name: draw(st.lists(st.sampled_from(choices[name]), min_size=1, max_size=2, unique=True))}


@some
@given(edited(), st.data(), st.booleans())
def test_a_partial_run_never_hides_staleness(
    change: tuple[Pipeline, Pipeline, str], data: st.DataObject, built: bool
) -> None:
    """run(partial) and then run() shows what run() alone shows, and no node that was left out counts as done."""
    before, after, _ = change
    chosen = data.draw(selections(after))
    with place() as here:
        if built:
            here.run(before)
        partial = here.run(after, continue_on_error=True, **chosen)
        assert not partial.failed_nodes, str(partial)
        for result in partial.results:
            step = after[result.node_id]
            if chosen.get("node_types") and step.kind not in chosen["node_types"]:
                assert result.status is S.SKIPPED
            if set(chosen.get("exclude_tags", ())) & set(step.tags):
                assert (result.status, result.reason[:15]) == (S.SKIPPED, "excluded by tag")
            if chosen.get("tags") and not set(chosen["tags"]) & set(step.tags):
                assert result.status is S.SKIPPED
        if "nodes" in chosen:
            named = set(chosen["nodes"])
            assert named | below(after, named) <= executed(partial)
        summary = here.run(after)
        assert not summary.failed_nodes
        assert here.rows(after) == tables(after)
        assert executed(here.run(after)) == set()


@few
@given(edited())
def test_three_workers_give_what_one_gives(change: tuple[Pipeline, Pipeline, str]) -> None:
    """Statuses, reasons, row counts, tables and what is remembered do not depend on how many nodes run at a time."""
    found = []
    for workers in (1, 3):
        with place() as here:
            runs = [here.run(pipeline, workers=workers) for pipeline in change[:2]]
            told = [[(r.node_id, r.status, r.reason, r.row_count) for r in summary.results] for summary in runs]
            states = {i: (s.status, s.fingerprint, s.digest) for i, s in here.runner(change[1]).states().items()}
            found.append((told, states, here.rows(change[1])))
    assert found[0] == found[1]


@few
@given(edited())
def test_an_old_manifest_only_narrows_and_never_declares_fresh(change: tuple[Pipeline, Pipeline, str]) -> None:
    """SPEC Example 1: what differs runs; what state shows as stale runs too, even if the old manifest holds it unchanged."""
    before, after, _ = change
    with place() as here:
        here.run(before)
        here.write(after)
        summary = here.runner(after, old_manifest=manifest(after)).run(progress=False)
        assert executed(summary) == meant(before, after)
        assert here.rows(after) == tables(after)


# Histories: SEEKNAL_HISTORIES=2000 is the long form

pick, soon = st.data(), st.sampled_from([True, True, False])


class Histories(RuleBasedStateMachine):
    """Whatever is edited, damaged, broken, stopped or run in part, a run shows what a fresh computation would, and
    does no more. A pipeline, its directory, and the model that says which nodes a run must execute.

    After a partial run a node may have been built under today's key or not: ``maybe`` are these. After ``clean`` an
    earlier build may be there or not: ``perhaps`` are those keys.
    """

    def __init__(self) -> None:
        super().__init__()
        self.here = Place(Path(tempfile.mkdtemp(dir=MEMORY, prefix="seeknal-")))
        self.pipeline: Pipeline = {}
        self.model = Model()
        self.maybe: set[str] = set()
        self.perhaps: dict[str, set[Any]] = {}

    def teardown(self) -> None:
        shutil.rmtree(self.here.root)

    @initialize(pipeline=pipelines(most=6, least=3))
    def begin(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self._all_is_well(self.here.run(pipeline))

    def _choose(self, data: st.DataObject, among: list[str]) -> Step:
        return self.pipeline[data.draw(st.sampled_from(sorted(among)), label="node")]

    def _put(self, step: Step) -> None:
        self.pipeline = {**self.pipeline, step.id: step}

    def _of(self, *, csv: bool | None = None, source: bool | None = None, built: bool = False) -> list[str]:
        return [
            i for i, s in self.pipeline.items()
            if (csv is None or bool(s.file) is csv) and (source is None or (s.kind == "source") is source)
            and (not built or (self.here.root / "target/outputs" / s.kind / s.name).is_dir())
            and (csv is not True or (self.here.root / str(s.file)).exists())
        ]  # fmt: skip

    # Edits

    @precondition(lambda self: self._of(source=False))
    @rule(data=pick, number=st.integers(0, 4), twist=st.integers(0, 2), go=soon)
    def edit_sql(self, data: st.DataObject, number: int, twist: int, go: bool) -> None:
        """Often a former number: going back; or another body of the same rows."""
        step = self._choose(data, self._of(source=False))
        self._put(replace(step, twist=twist) if twist else replace(step, number=number))
        self._go(go)

    @precondition(lambda self: self._of(csv=False, source=True))
    @rule(data=pick, rows=ROWS, go=soon)
    def edit_rows(self, data: st.DataObject, rows: tuple[tuple[int, int], ...], go: bool) -> None:
        self._put(replace(self._choose(data, self._of(csv=False, source=True)), rows=rows))
        self._go(go)

    @rule(data=pick, words=st.sampled_from(["", "one", "two"]), go=soon)
    def edit_words(self, data: st.DataObject, words: str, go: bool) -> None:
        step = self._choose(data, list(self.pipeline))
        self._put(replace(step, description=words, tags=(words,) if words else ()))
        self._go(go)

    @precondition(lambda self: self._of(csv=True))
    @rule(data=pick, touch=st.booleans(), go=soon)
    def edit_or_touch_a_file(self, data: st.DataObject, touch: bool, go: bool) -> None:
        """The edit keeps the file's size and puts its time of change back."""
        step = self._choose(data, self._of(csv=True))
        path = self.here.root / str(step.file)
        if touch:
            path.touch()
            self._go(go)
            return
        stat, rows = path.stat(), tuple((k, 10 + (v + 1) % 40) for k, v in step.rows)
        path.write_text(csv_of(rows))
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        self._put(replace(step, rows=rows))
        self._go(go)

    @precondition(lambda self: len(self.pipeline) < 9)
    @rule(data=pick, number=st.integers(0, 9), go=soon)
    def add_node(self, data: st.DataObject, number: int, go: bool) -> None:
        """Some names come back, with another body."""
        name = f"n{number}"
        if all(step.name != name for step in self.pipeline.values()):
            known = sorted(self.pipeline)
            reads: bool = bool(known) and data.draw(st.booleans(), label="query")
            new = queries(name, known) if reads else sources(name)
            self._put(data.draw(new, label="step"))
        self._go(go)

    @precondition(lambda self: len(self.pipeline) > 1)
    @rule(data=pick, go=soon)
    def remove_node(self, data: st.DataObject, go: bool) -> None:
        gone = self._choose(data, list(self.pipeline)).id
        self.pipeline = {
            i: replace(s, inputs=tuple(n for n in s.inputs if n != gone)) for i, s in self.pipeline.items() if i != gone
        }
        self._go(go)

    @precondition(lambda self: self._of(source=False))
    @rule(data=pick, go=soon)
    def add_or_remove_an_edge(self, data: st.DataObject, go: bool) -> None:
        step = self._choose(data, self._of(source=False))
        other = data.draw(st.sampled_from(sorted(self.pipeline)), label="other end")
        if other in step.inputs:
            self._put(replace(step, inputs=tuple(i for i in step.inputs if i != other)))
        elif other != step.id and other not in below(self.pipeline, [step.id]):
            self._put(replace(step, inputs=(*step.inputs, other)))
        self._go(go)

    @precondition(lambda self: self._of(csv=False))
    @rule(data=pick, go=soon)
    def break_or_mend(self, data: st.DataObject, go: bool) -> None:
        step = self._choose(data, self._of(csv=False))
        self._put(replace(step, broken=not step.broken))
        self._go(go)

    # Damage

    @precondition(lambda self: self._of(built=True))
    @rule(data=pick, delete=st.booleans(), at=st.floats(0, 0.999), bit=st.integers(0, 7), go=soon)
    def delete_or_damage_outputs(self, data: st.DataObject, delete: bool, at: float, bit: int, go: bool) -> None:
        """All builds of one node; times of change are put back."""
        step = self._choose(data, self._of(built=True))
        for path in (self.here.root / "target/outputs" / step.kind / step.name).glob("*/data.parquet"):
            if delete:
                shutil.rmtree(path.parent)
                continue
            stat, whole = path.stat(), bytearray(path.read_bytes())
            whole[int(at * len(whole))] ^= 1 << bit
            path.write_bytes(whole)
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        if not step.view:
            self.model.built.pop(step.id, None)
            self.perhaps.pop(step.id, None)
        self._go(go)

    @rule(lose=st.integers(0, 5), go=soon)
    def clean_or_lose_the_state(self, lose: int, go: bool) -> None:
        """``clean`` never takes what a run would read now; deleting the state forces a rebuild of all."""
        if lose == 0:
            (self.here.root / "target/state/execution_state.json").unlink(missing_ok=True)
            self.model, self.perhaps, self.maybe = Model(), {}, set()
            self._go(go)
            return
        self.here.write(self.pipeline)
        runner = self.here.runner(self.pipeline)
        remove(runner.outputs, runner.garbage())
        keys, _ = self.model.keys(self.pipeline)
        for node_id, built in self.model.built.items():
            kept = {key for key in built if key == keys.get(node_id)}
            self.perhaps.setdefault(node_id, set()).update(built - kept)
            self.model.built[node_id] = kept
        self._go(go)

    # Runs

    def _bounds(self) -> tuple[set[str], set[str]]:
        """What a run of all must execute at least, and at most."""
        loose = Model({i: keys | self.perhaps.get(i, set()) for i, keys in self.model.built.items()}, self.model.failed)
        for node_id, keys in self.perhaps.items():
            loose.built.setdefault(node_id, set()).update(keys)
        return loose.due(self.pipeline) - self.maybe, self.model.due(self.pipeline)

    def _go(self, go: bool) -> None:
        if go:
            self._run(1)

    @rule(workers=st.sampled_from([1, 3]))
    def run(self, workers: int) -> None:
        self._run(workers)

    def _run(self, workers: int) -> None:
        least, most = self._bounds()
        summary = self.here.run(self.pipeline, workers=workers, continue_on_error=True)
        # Equal rows may have other bytes: DuckDB writes a column in another way where its vector had a mask of nulls.
        assert least <= executed(summary) <= most | below(self.pipeline, sorted(most))
        self._all_is_well(summary)

    @rule(workers=st.sampled_from([1, 3]))
    def run_full(self, workers: int) -> None:
        summary = self.here.run(self.pipeline, workers=workers, continue_on_error=True, full=True)
        reached, _ = self.model.keys(self.pipeline)
        assert executed(summary) == reached.keys()
        self._all_is_well(summary)

    def _all_is_well(self, summary: Any) -> None:
        rows = tables(self.pipeline)
        keys, _ = self.model.keys(self.pipeline)
        for result in summary.results:
            expected = {S.SUCCESS, S.CACHED} if result.node_id in rows else {S.FAILED, S.SKIPPED}
            assert result.status in expected, result
        self.model.failed -= rows.keys()
        self.model.failed |= {r.node_id for r in summary.failed}
        for node_id in rows:
            self.model.built.setdefault(node_id, set()).add(keys[node_id])
        self.maybe -= rows.keys()  # what a failure kept from being reached is as a partial run left it
        assert self.here.rows(self.pipeline, rows) == rows
        again = self.here.run(self.pipeline, continue_on_error=True)
        assert executed(again) == {r.node_id for r in summary.failed}
        assert self.here.rows(self.pipeline, rows) == rows

    @rule(data=pick)
    def run_nodes(self, data: st.DataObject) -> None:
        chosen = data.draw(
            st.lists(st.sampled_from(sorted(self.pipeline)), min_size=1, max_size=2, unique=True), label="nodes"
        )
        self._run_in_part(nodes=chosen)

    @rule(data=pick)
    def run_types(self, data: st.DataObject) -> None:
        kinds = sorted({step.kind for step in self.pipeline.values()})
        self._run_in_part(node_types=[data.draw(st.sampled_from(kinds), label="type")])

    def _run_in_part(self, **selection: Any) -> None:
        summary = self.here.run(self.pipeline, continue_on_error=True, **selection)
        self.maybe |= {r.node_id for r in summary.results if r.status is S.SUCCESS}
        failed = {r.node_id for r in summary.failed}
        self.model.failed |= failed
        self.maybe -= failed

    @rule(stop=st.integers(1, 12))
    def run_and_stop(self, stop: int) -> None:
        """As a crash does: what has finished is kept, the rest runs next time."""
        self.here.write(self.pipeline)
        keys, _ = self.model.keys(self.pipeline)
        events = self.here.runner(self.pipeline).stream(continue_on_error=True)
        for number, event in enumerate(events, 1):
            if isinstance(event, NodeFinished) and event.result.attempts:
                node_id = event.result.node_id
                if event.result.status is S.SUCCESS:
                    self.model.built.setdefault(node_id, set()).add(keys[node_id])
                    self.model.failed.discard(node_id)
                else:
                    self.model.failed.add(node_id)
                self.maybe.discard(node_id)
            if number == stop:
                break
        events.close()


TestHistories = Histories.TestCase
TestHistories.settings = settings(few, max_examples=int(os.environ.get("SEEKNAL_HISTORIES", "12")), stateful_step_count=25)
