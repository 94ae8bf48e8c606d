"""What a run has proved is proved again by the next one, which decides what it cannot prove; never a stale table."""

from __future__ import annotations

import json
import os
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seeknal_nb.dag.manifest import Manifest, Node
from seeknal_nb.declaration import Declaration
from seeknal_nb.kinds.task import Kind, Probe
from seeknal_nb.project import Project
from seeknal_nb.storage.files import digest
from seeknal_nb.workflow.events import ExecutionStatus as S
from seeknal_nb.workflow.events import RunFinished, RunStarted
from seeknal_nb.workflow.jsonstate import JsonState
from seeknal_nb.workflow.runner import DAGRunner

ROWS = 'a,b\n1,x\n2,y\n'


def shop(root: Path, **options: Any) -> Project:
    """A file, what reads it, what reads nothing of it, a check, a body of Python, and what is delivered."""
    (root / "data").mkdir(exist_ok=True)
    if not (root / "data/in.csv").exists():
        (root / "data/in.csv").write_text(ROWS)
    project = Project(root, **{"namespace": {"factor": 2}, **options})
    project.owner = "shop.ipynb"
    project.source("file", path="data/in.csv")
    project.transform("one", "SELECT 1 AS x")
    project.transform("doubled", "SELECT a * 2 AS a FROM source.file")
    project.transform("seen", "SELECT a FROM transform.doubled", materialized="view")
    project.transform("both", "SELECT a, x FROM transform.seen, transform.one")
    project.transform("globbed", "SELECT count(*) AS n FROM read_csv('data/in*.csv')")
    project.transform("scaled", python="def scaled(both):\n    return both.assign(a=both.a * factor)")
    project.transform("of_day", "SELECT '{{ day }}' AS day")
    project.rule("sound", "SELECT * FROM transform.both WHERE a < 0")
    project.transform("behind", "SELECT max(a) AS most FROM transform.both")
    project.exposure("told", "FROM transform.behind", path="out.csv")
    return project


def fresh(root: Path, **options: Any) -> Project:
    return shop(root, params={"day": "monday"}, **options)


def ran(summary: Any) -> set[str]:
    return {r.node_id.partition(".")[2] for r in summary.results if r.attempts}


def proven(root: Path) -> dict[str, bool]:
    """Of each node, whether it is proved to be up to date."""
    _, *lines, _ = (root / "target/state/proven.json").read_text().split("\n")
    return {node_id: bool(told) for node_id, _, *told in map(json.loads, lines)}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where all is up to date, and the run that made it has proved it."""
    fresh(tmp_path).run(progress=False)
    assert all(proven(tmp_path).values())
    return tmp_path


def put_back(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Change a file's bytes, not its size, and put its time of change back."""
    before = path.stat()
    data = change(path.read_bytes())
    assert len(data) == before.st_size
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def put(mapping: Any, **values: Any) -> None:
    mapping.update(values)


def build_of(root: Path, name: str) -> Path:
    [path] = (root / "target/outputs/transform" / name).iterdir()
    return path


def flip(root: Path, name: str) -> None:
    put_back(build_of(root, name) / "data.parquet", lambda data: data[:40] + bytes([data[40] ^ 1]) + data[41:])


def another_process(root: Path) -> None:
    """It runs one node with other SQL, and says nothing to this one."""
    project = fresh(root)
    project.transform("one", "SELECT 5 AS x")
    project.run(progress=False)


TOUCHES: dict[str, tuple[Callable[[Path, Project], Any], set[str]]] = {
    "nothing": (lambda root, project: None, set()),
    "a file of the same size and time": (lambda root, project: put_back(root / "data/in.csv", lambda d: d.replace(b"2", b"3")), {"file", "doubled", "seen", "both", "globbed", "scaled", "sound", "behind", "told"}),
    "a file that is only touched": (lambda root, project: os.utime(root / "data/in.csv"), set()),
    "a file that a pattern finds besides": (lambda root, project: (root / "data/in2.csv").write_text(ROWS), {"globbed"}),
    "a config that is changed in place": (lambda root, project: project.manifest.nodes["transform.one"].config.update(sql="SELECT 2 AS x"), {"one", "both", "scaled", "sound", "behind"}),
    "a body that means the same": (lambda root, project: project.transform("one", "SELECT   1 as x -- one"), set()),
    "a description": (lambda root, project: project.transform("one", "SELECT 1 AS x", description="one"), set()),
    "tags": (lambda root, project: project.manifest.nodes["transform.one"].tags.append("red"), set()),
    "a variable of a body": (lambda root, project: put(project.namespace, factor=3), {"scaled"}),
    "a variable that no body reads": (lambda root, project: put(project.namespace, other=3), set()),
    "a parameter": (lambda root, project: project.params.update(day="friday"), {"of_day"}),
    "a bit of a build": (lambda root, project: flip(root, "one"), {"one"}),
    "a bit of a record": (lambda root, project: put_back(build_of(root, "one") / "build.json", lambda d: d.replace(b"1", b"2", 1)), {"one"}),
    "a build that is gone": (lambda root, project: shutil.rmtree(build_of(root, "doubled")), {"doubled"}),
    "all builds": (lambda root, project: shutil.rmtree(root / "target/outputs"), {"file", "one", "doubled", "both", "globbed", "scaled", "of_day", "sound", "behind"}),
    "a delivery that is gone": (lambda root, project: (root / "out.csv").unlink(), {"told"}),
    "the state": (lambda root, project: (root / "target/state/execution_state.json").unlink(), {"file", "one", "doubled", "seen", "both", "globbed", "scaled", "of_day", "sound", "behind", "told"}),
    "what was proved": (lambda root, project: (root / "target/state/proven.json").unlink(), set()),
    "another process": (lambda root, project: another_process(root), set()),  # what this one had is there still
    "a node that is gone": (lambda root, project: project.remove("told"), set()),
    "a node more": (lambda root, project: project.transform("more", "FROM transform.one"), {"more"}),
    "another input": (lambda root, project: project.transform("behind", "SELECT max(a) AS most FROM transform.seen"), {"behind"}),
}


@pytest.mark.parametrize("live", [True, False], ids=["in one process", "in the next process"])
@pytest.mark.parametrize("touch", TOUCHES)
def test_only_what_was_touched_and_what_follows_runs(root: Path, touch: str, live: bool) -> None:
    """The same as where every node is decided anew: that is the plan."""
    act, expected = TOUCHES[touch]
    project = fresh(root)
    if live:
        project.run(progress=False)
    act(root, project)
    plan = project.plan()
    summary = project.run(progress=False)
    at_most = {step.node_id.partition(".")[2] for step in plan if step.action == "run"}
    assert ran(summary) <= at_most
    assert ran(summary) == expected
    assert {r.status for r in summary.results} <= {S.SUCCESS, S.CACHED}
    anew = Project(root / "elsewhere", namespace=project.namespace, params=project.params)
    (root / "elsewhere").mkdir()
    shutil.copytree(root / "data", root / "elsewhere/data")
    anew.manifest = Manifest.from_dict(project.manifest.to_dict())
    anew.run(progress=False)
    for node_id in ("source.file", "transform.both", "transform.scaled", "transform.of_day", "transform.globbed", "transform.behind"):
        assert project[node_id].equals(anew[node_id]), node_id
    assert ran(project.run(progress=False)) == set()


def test_what_was_proved_is_not_decided_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor looked at, but for what looks at files, at the notebook and at what was delivered."""
    from seeknal_nb.workflow import observe, planner

    seen, decide, looked, look = [], planner.decide, list[str](), observe._observe
    monkeypatch.setattr(observe, "_observe", lambda node, *rest: (looked.append(node.id), look(node, *rest))[1])
    monkeypatch.setattr(planner, "decide", lambda graph, node_id, *rest: (seen.append(node_id), decide(graph, node_id, *rest))[1])
    summary = fresh(root).run(progress=False)
    assert sorted(seen) == ["exposure.told", "source.file", "transform.globbed", "transform.scaled"]
    assert sorted(looked) == sorted([*seen, "rule.sound"])
    assert {r.status for r in summary.results} == {S.CACHED}
    assert summary["transform.both"].row_count == 2
    assert summary["rule.sound"].checks


def test_the_file_of_what_was_proved_need_not_be_whole(root: Path) -> None:
    """Cut anywhere, or with any byte changed, it is as if it were not there."""
    path = root / "target/state/proven.json"
    whole = path.read_bytes()
    for at in range(0, len(whole), max(len(whole) // 25, 1)):
        for data in (whole[:at], whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :]):
            path.write_bytes(data)
            assert ran(fresh(root).run(progress=False)) == set()
    path.unlink()
    path.mkdir()  # nor need it be one
    assert ran(fresh(root).run(progress=False)) == set()


def test_a_node_that_failed_is_not_proved(root: Path) -> None:
    """It runs again each time, and what comes after it is told as after any failure."""
    project = fresh(root)
    project.transform("one", "SELECT no_such AS x")
    for _ in range(3):
        summary = project.run(progress=False, continue_on_error=True)
        assert summary["transform.one"].status is S.FAILED
        assert summary["transform.both"].status is S.SKIPPED
    project.transform("one", "SELECT 1 AS x")
    assert ran(project.run(progress=False)) == {"one"}


def test_a_run_of_some_nodes_keeps_what_is_proved_of_the_others(root: Path) -> None:
    """Named nodes run; of those that neither ran nor follow from one that did, all that was proved stands."""
    project = fresh(root)
    project.run(progress=False)
    before = proven(root)
    project.run(nodes=["of_day"], progress=False)
    after = proven(root)
    assert after == before
    assert all(before.values())
    assert ran(project.run(progress=False)) == set()


def test_a_filter_does_not_hide_a_change(root: Path) -> None:
    """A config changed, a run that leaves the node out, then a run of all."""
    project = fresh(root)
    project.run(progress=False)
    project.transform("one", "SELECT 7 AS x")
    assert ran(project.run(node_types=["source"], progress=False)) == set()
    assert "one" in ran(project.run(progress=False))
    assert project["both"].x.tolist() == [7, 7]


def test_a_kind_of_somebody_else_is_asked_each_time(tmp_path: Path) -> None:
    """What it looks at, only it knows."""
    world = {"x": 1}

    def execute(_task: Any) -> dict[str, Any]:
        return {"row_count": world["x"]}

    kinds = {"odd": Kind(execute=execute, stages=False, probe=lambda node, around, seen: Probe(str(world["x"])))}
    for _ in range(3):
        project = Project(tmp_path, kinds=kinds, namespace={})
        project.node("odd", "n")
        summary = project.run(progress=False)
    assert summary.cached_nodes == 1
    world["x"] = 2
    assert project.run(progress=False)["odd.n"].row_count == 2


def test_a_clock_is_asked_each_time(tmp_path: Path) -> None:
    """``refresh: always`` is due in each run."""
    project = Project(tmp_path, namespace={})
    project.transform("now", "SELECT 1 AS x", refresh="always")
    project.transform("then", "SELECT x FROM transform.now")
    for _ in range(3):
        assert ran(project.run(progress=False)) >= {"now"}


def test_runs_of_a_bare_runner_prove_too(tmp_path: Path) -> None:
    """SPEC's own class, with a backend of its own, which cannot tell whether somebody has written."""
    class Backend:
        def __init__(self) -> None:
            self.held: dict[str, Any] = {}

        def load(self) -> dict[str, Any]:
            return self.held

        def save(self, state: dict[str, Any]) -> None:
            self.held = state

    project = fresh(tmp_path)
    runner = DAGRunner(project.manifest, root=tmp_path, state=Backend(), params={"day": "monday"}, namespace={"factor": 2})
    assert len(ran(runner.run(progress=False))) == 11
    for _ in range(2):
        assert ran(runner.run(progress=False)) == set()
    project.manifest.nodes["transform.one"].config["sql"] = "SELECT 3 AS x"
    assert "one" in ran(runner.run(progress=False))


def test_what_no_proof_is_known_of_is_not_proved(tmp_path: Path) -> None:
    """Its files would be looked at by nobody: a build that is gone would count as up to date."""
    project = fresh(tmp_path)
    for event in project.stream():
        if isinstance(event, RunFinished):
            project.runner().outputs.proofs.note("transform.one", key_of(tmp_path, "one"), {})
    assert not proven(tmp_path)["transform.one"]
    shutil.rmtree(tmp_path / "target/outputs/transform/one")
    assert "one" in ran(fresh(tmp_path).run(progress=False))


def test_a_node_of_two_notebooks_is_told_of_by_each_run(tmp_path: Path) -> None:
    """Each takes the place of the other's build, whether or not this one has proved it."""
    for owner in ("mine.ipynb", "theirs.ipynb"):
        (tmp_path / owner).write_text("{}")
        project = Project(tmp_path, namespace={})
        project.owner = owner
        project.transform("one", "SELECT 1 AS x")
        for _ in range(3):
            begun, *_ = project.stream()
            assert isinstance(begun, RunStarted)
            assert len(begun.plan.warnings) == (owner == "theirs.ipynb")


def key_of(root: Path, name: str) -> str:
    [build] = (root / "target/outputs/transform" / name).iterdir()
    return build.name


@pytest.mark.parametrize("value", [10**5000, {1: 2, "b": 3}, {(1, 2): 3}, [float("nan")]], ids=["long", "mixed keys", "tuples", "nan"])
def test_a_value_that_nobody_reads_is_no_matter(tmp_path: Path, value: Any) -> None:
    """A notebook is full of them; and as one changes, nothing is decided anew."""
    for _ in range(2):
        project = fresh(tmp_path, namespace={"factor": 2, "fact": value})
        project.params = {**project.params, "other": value}
        summary = project.run(progress=False)
    assert ran(summary) == set()
    assert all(proven(tmp_path).values())


@pytest.mark.parametrize("name", ["proven.json", "readings.json"])
def test_what_is_no_file_of_ours_is_as_if_it_were_not_there(root: Path, name: str) -> None:
    """A pipe, a folder, JSON of another form under a digest that is right."""
    path = root / "target/state" / name
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    assert ran(fresh(root).run(progress=False)) == set()
    for text in ("[]", '"x"', "[" * 100_000, '[["a","b","c"],[]]\n["transform.one","w",1]', '[["a","b","c"],[]]\n["transform.one","w","k","d",1,{},[],0]'):
        path.unlink(missing_ok=True)
        path.write_text(f"{text}\n{digest(text)}")
        assert ran(fresh(root).run(progress=False)) == set()


def test_what_another_process_has_proved_counts_here(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook and a command line in turn."""
    from seeknal_nb.workflow import planner

    here, there, seen, decide = fresh(root), fresh(root), list[str](), planner.decide
    here.run(progress=False)
    there.transform("one", "SELECT 4 AS x")
    there.run(progress=False)
    here.transform("one", "SELECT 4 AS x")
    monkeypatch.setattr(planner, "decide", lambda graph, node_id, *rest: (seen.append(node_id), decide(graph, node_id, *rest))[1])
    assert ran(here.run(progress=False)) == set()
    assert "transform.doubled" not in seen


def test_a_build_that_was_only_touched_is_looked_at_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its bytes are proved again, and the next run goes by that."""
    from seeknal_nb.workflow import planner

    os.utime(build_of(root, "one") / "data.parquet")
    assert ran(fresh(root).run(progress=False)) == set()
    seen, decide = list[str](), planner.decide
    monkeypatch.setattr(planner, "decide", lambda graph, node_id, *rest: (seen.append(node_id), decide(graph, node_id, *rest))[1])
    fresh(root).run(progress=False)
    assert "transform.one" not in seen


def test_a_result_belongs_to_its_summary(root: Path) -> None:
    """Who writes into it does not write into the next one."""
    project = fresh(root)
    project.run(progress=False)["rule.sound"].metadata["checks"] = []
    assert project.run(progress=False)["rule.sound"].checks


def test_what_the_store_has_to_tell_is_told_until_it_is_mended(root: Path) -> None:
    """A journal that is torn says so in each run that writes nothing."""
    store = JsonState(root / "target/state")
    line = b'{"base":%d}' % store.base()
    (root / "target/state/journal.jsonl").write_bytes(b"%08x %s\n%s" % (zlib.crc32(line), line, b"00000000 torn\n"))
    for _ in range(3):
        events = fresh(root).stream()
        assert any("is torn" in warning for warning in next(events).plan.warnings)
        assert len(list(events)) == 12


def test_the_manifest_that_is_kept_says_what_the_edges_say(tmp_path: Path) -> None:
    """Also where no node can tell one edge from another."""
    manifest = Manifest("m")
    for name in ("a", "b"):
        manifest.add_node(Node(f"transform.{name}", name, "transform", config={"sql": "SELECT 1 AS x"}))
    manifest.add_edge("transform.a", "transform.b")
    DAGRunner(manifest, root=tmp_path).run(progress=False)
    manifest.edges = [edge._replace(edge_type="other") for edge in manifest.edges]
    for _ in range(2):
        DAGRunner(manifest, root=tmp_path).run(progress=False)
    assert Manifest.load(tmp_path / "target/manifest.json").edges == manifest.edges


def test_a_kind_that_changes_in_place_is_another_one(tmp_path: Path) -> None:
    """A gate that holds others back from now on."""
    manifest = Manifest("m")
    for name, kind in (("a", "work"), ("g", "gate"), ("b", "work")):
        manifest.add_node(Node(f"{kind}.{name}", name, kind, config={}))
    manifest.add_edge("work.a", "gate.g")
    manifest.add_edge("work.a", "work.b")

    def gate(work: Callable[[Any], dict[str, Any]], *, blocks: bool) -> Declaration:
        return Declaration("gate", "", work, open=True, blocks=(lambda config: True) if blocks else None)

    def fails(node: Any) -> dict[str, Any]:
        raise ValueError(node.id)

    kinds = {"work": lambda node: {"row_count": 1}, "gate": gate(lambda node: {"row_count": 1}, blocks=False)}
    runner = DAGRunner(manifest, root=tmp_path, kinds=kinds)
    runner.run(progress=False)
    runner.kinds["gate"] = gate(fails, blocks=True)
    summary = runner.run(progress=False, full=True, continue_on_error=True)
    assert [summary[i].status for i in ("work.a", "gate.g", "work.b")] == [S.SUCCESS, S.FAILED, S.SKIPPED]
