"""Faults that a run must survive or refuse, and the known faults of earlier runners of this spec."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from graphs import ENGINE, S, executed, place, snapshot
from waiting import calls

from seeknal_nb.cli import main
from seeknal_nb.dag.manifest import Manifest, Node
from seeknal_nb.errors import LockedError, SeeknalError, SelectionError, StateError, UsageError
from seeknal_nb.project import Project
from seeknal_nb.storage.outputs import OutputStore
from seeknal_nb.storage.proofs import Proofs
from seeknal_nb.views.reading import Reader
from seeknal_nb.workflow.events import NodeStarted
from seeknal_nb.workflow.lock import FolderLock
from seeknal_nb.workflow.runner import DAGRunner, ExecutionSummary

ROOT = Path(__file__).parents[2]
CHAIN = ("source.a", "transform.b", "transform.c")


@pytest.fixture
def here() -> Iterator[Path]:
    with place() as fresh:
        yield fresh.root


def chain(**sql: str) -> Manifest:
    """a -> b -> c; a body may be given by the node's name."""
    bodies = {
        "a": "SELECT * FROM (VALUES (1, 10), (2, 20), (3, 30)) t(k, v)",
        "b": "SELECT k, v + 1 AS v FROM source.a",
        "c": "SELECT sum(v) AS v FROM transform.b",
    } | sql
    found = Manifest("faults")
    for node_id in CHAIN:
        kind, _, name = node_id.partition(".")
        found.add_node(Node(node_id, name, kind, config={"sql": bodies[name]}))
    found.add_edge("source.a", "transform.b")
    found.add_edge("transform.b", "transform.c")
    return found


def run(root: Path, manifest: Manifest | None = None, **options: Any) -> ExecutionSummary:
    more = {
        name: options.pop(name) for name in ("kinds", "namespace", "workers", "state", "old_manifest") if name in options
    }
    return DAGRunner(manifest or chain(), root=root, engine=ENGINE, **more).run(progress=False, **options)


def value(root: Path, manifest: Manifest | None = None, node: str = "transform.c") -> Any:
    return Reader(DAGRunner(manifest or chain(), root=root, engine=ENGINE)).query(node, form="rows")


def reasons(summary: ExecutionSummary) -> dict[str, str]:
    return {r.node_id: r.reason for r in summary.results if r.attempts}


def state_file(root: Path) -> Path:
    return root / "target/state/execution_state.json"


def child(script: str, *words: str, **options: Any) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]), "PYTHONIOENCODING": "utf-8"}
    return subprocess.Popen(
        [sys.executable, "-c", script, *words], env=env, text=True, encoding="utf-8",
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
    )  # fmt: skip


# Retries


@pytest.mark.parametrize("goes_on", [False, True])
@pytest.mark.parametrize(("failures", "retry"), [(f, n) for f in range(4) for n in range(4)])
def test_retry_executes_again_up_to_so_often(here: Path, failures: int, retry: int, goes_on: bool) -> None:
    """It works without continue_on_error too, and never executes more than retry + 1 times in total."""
    calls = []

    def work(node: Node) -> dict[str, Any]:
        calls.append(node.id)
        if len(calls) <= failures:
            raise OSError(f"attempt {len(calls)}")
        return {"row_count": 7}

    found = Manifest()
    found.add_node(Node("work.a", "a", "work"))
    result = run(here, found, kinds={"work": work}, retry=retry, continue_on_error=goes_on)["work.a"]
    attempts = min(failures, retry) + 1
    assert (result.attempts, len(calls)) == (attempts, attempts)
    assert result.status is (S.SUCCESS if failures <= retry else S.FAILED)
    entry = json.loads(state_file(here).read_text())["work.a"]
    assert (entry["status"], entry["attempts"]) == (str(result.status), attempts)


@pytest.mark.parametrize("retry", [-1, 1.5, "a", "1", True, 10**9])
def test_a_retry_that_is_no_small_number_is_refused(here: Path, retry: Any) -> None:
    """Before anything runs."""
    with pytest.raises(UsageError, match="retry must be a whole number"):
        run(here, retry=retry)
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    "raised", [SystemExit(0), SystemExit("x"), KeyboardInterrupt, GeneratorExit, RecursionError, MemoryError]
)
def test_whatever_a_body_raises_is_its_own_failure(here: Path, raised: Any) -> None:
    """``sys.exit(0)`` in a node never ends the run as if all were well."""
    name = raised.__name__ if isinstance(raised, type) else type(raised).__name__
    argument = "" if isinstance(raised, type) else repr(raised.code)
    found = chain()
    found.nodes["transform.b"].config = {"python": f"def b(a):\n    raise {name}({argument})"}
    summary = run(here, found, continue_on_error=True)
    assert (summary["transform.b"].status, summary["transform.b"].attempts) == (S.FAILED, 1)
    assert name in summary["transform.b"].error_message
    assert summary["transform.c"].reason == "upstream failed: transform.b"


# Sources


def csv_pipeline() -> Manifest:
    found = Manifest()
    found.add_node(Node("source.a", "a", "source", config={"path": "in.csv"}))
    found.add_node(Node("transform.b", "b", "transform", config={"sql": "SELECT sum(v) AS v FROM a"}))
    found.add_edge("source.a", "transform.b")
    return found


def test_a_file_of_same_size_and_mtime_but_other_content_is_seen(here: Path) -> None:
    """Size and time of change are no proof; in-place writes, replaced files and several in one second are all seen."""
    file = here / "in.csv"
    file.write_text("k,v\n1,10\n")
    run(here, csv_pipeline())
    stat = file.stat()
    writes: list[Callable[[str], object]] = [
        file.write_text, lambda text: (here / "x").write_text(text) and (here / "x").replace(file)
    ]  # fmt: skip
    for number, write in enumerate(writes * 3):
        write(f"k,v\n1,{20 + number}\n")
        os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        assert (file.stat().st_size, file.stat().st_mtime_ns) == (stat.st_size, stat.st_mtime_ns)
        summary = run(here, csv_pipeline())
        assert reasons(summary) == {"source.a": "source data changed", "transform.b": "input changed: source.a"}
        assert value(here, csv_pipeline(), "transform.b") == [(20 + number,)]


def test_a_touched_file_is_not_read_into_a_new_build(here: Path) -> None:
    """Only content counts: touch, a copy in its place, and a copy of the whole project run nothing."""
    file = here / "in.csv"
    file.write_text("k,v\n1,10\n")
    run(here, csv_pipeline())
    file.touch()
    assert executed(run(here, csv_pipeline())) == set()
    shutil.copy(file, here / "copy")
    (here / "copy").replace(file)
    assert executed(run(here, csv_pipeline())) == set()
    with place() as there:
        shutil.copytree(here, there.root / "moved")
        assert executed(run(there.root / "moved", csv_pipeline())) == set()


def test_a_deleted_source_file_fails_its_node_and_names_it(here: Path) -> None:
    """The former output is not passed off as fresh, and is not lost either."""
    file = here / "in.csv"
    file.write_text("k,v\n1,10\n")
    run(here, csv_pipeline())
    file.unlink()
    summary = run(here, csv_pipeline(), continue_on_error=True)
    assert summary["source.a"].status is S.FAILED
    assert "in.csv" in summary["source.a"].error_message
    assert summary["transform.b"].reason == "upstream failed: source.a"
    file.write_text("k,v\n1,10\n")
    assert executed(run(here, csv_pipeline())) == {"source.a"}
    assert value(here, csv_pipeline(), "transform.b") == [(10,)]


def test_random_sql_is_executed_once(here: Path) -> None:
    """A node is as its key; a second run is CACHED."""
    found = chain(a="SELECT random() AS k, now() AS v", b="SELECT * FROM source.a", c="SELECT * FROM transform.b")
    run(here, found)
    before = value(here, found)
    assert executed(run(here, found)) == set()
    assert value(here, found) == before


# Edges, names, selections


def test_an_edge_that_came_or_went_is_a_change_of_the_node_it_leads_to(here: Path) -> None:
    """With the same SQL; what lies downstream runs only if the rows differ."""
    found = chain(c="SELECT 1 AS one")
    found.edges = [e for e in found.edges if e.to_node != "transform.c"]
    run(here, found)
    found.add_edge("transform.b", "transform.c")
    assert reasons(run(here, found)) == {"transform.c": "input changed: transform.b"}
    assert executed(run(here, found)) == set()
    found.add_edge("source.a", "transform.c")
    assert reasons(run(here, found)) == {"transform.c": "input changed: source.a"}
    found.edges = found.edges[:-1]
    found.add_node(Node("transform.d", "d", "transform", config={"sql": "SELECT 1 AS x"}))
    found.add_edge("transform.d", "transform.c")
    assert set(reasons(run(here, found))) == {"transform.d", "transform.c"}
    found.remove_node("transform.d")
    found.edges = [e for e in found.edges if e.to_node != "transform.c"]
    summary = run(here, found)
    assert (executed(summary), summary["transform.c"].status) == (set(), S.CACHED)


def test_an_edge_that_went_and_was_never_built_so_is_a_change(here: Path) -> None:
    """The same, where no earlier build can stand in."""
    found = chain(c="SELECT 1 AS one")
    run(here, found)
    found.edges = [e for e in found.edges if e.to_node != "transform.c"]
    assert reasons(run(here, found)) == {"transform.c": "input changed: transform.b"}


def test_a_renamed_node_is_another_node(here: Path) -> None:
    """Nothing is known of it, though its body is the same."""
    run(here)
    found = chain()
    found.remove_node("transform.c")
    found.add_node(Node("transform.d", "d", "transform", config={"sql": "SELECT sum(v) AS v FROM transform.b"}))
    found.add_edge("transform.b", "transform.d")
    assert reasons(run(here, found)) == {"transform.d": "never built"}


def test_a_node_that_was_removed_is_no_other_s_past(here: Path) -> None:
    """Re-added with other SQL, its entry makes nothing CACHED."""
    run(here)
    without = chain()
    without.remove_node("transform.c")
    assert executed(run(here, without)) == set()
    other = chain(c="SELECT max(v) AS v FROM transform.b")
    assert executed(run(here, other)) == {"transform.c"}
    assert value(here, other) == [(31,)]


def twins() -> Manifest:
    found = chain()
    found.add_node(
        Node("aggregation.b", "b", "aggregation", tags=["nightly"], config={"sql": "SELECT count(*) AS n FROM source.a"})
    )
    found.add_edge("source.a", "aggregation.b")
    return found


def test_a_bare_name_of_two_nodes_is_refused_and_both_are_listed(here: Path) -> None:
    """Which one is meant would be a guess; their ids work, and each has its own table."""
    for bad in (["b"], ["c", "b"], ["b+"]):
        with pytest.raises(SelectionError, match="ambiguous") as caught:
            run(here, twins(), nodes=bad)
        assert "transform.b" in str(caught.value)
        assert "aggregation.b" in str(caught.value)
    assert not (here / "target").exists() or not (here / "target/outputs").exists()
    assert executed(run(here, twins(), nodes=["aggregation.b"])) == {"source.a", "aggregation.b"}
    assert executed(run(here, twins(), nodes=["transform.b"])) == {"transform.b", "transform.c"}
    assert value(here, twins(), "aggregation.b") == [(3,)]
    assert value(here, twins(), "transform.b") == [(1, 11), (2, 21), (3, 31)]


@pytest.mark.parametrize(
    ("options", "near"),
    [
        ({"nodes": ["transform.bb"]}, "transform.b"),
        ({"nodes": ["transfrom.c"]}, "transform.c"),
        ({"nodes": ["c", "nowhere"]}, "transform.c"),
        ({"nodes": ["b,zz"]}, ""),
        ({"nodes": ["x*"]}, ""),
        ({"nodes": [""]}, ""),
        ({"nodes": ["a,,b"]}, ""),
        ({"node_types": ["transfrom"]}, "transform"),
        ({"node_types": ["feature-group"]}, "feature_group"),
        ({"exclude_tags": ["nightyl"]}, "nightly"),
        ({"tags": ["nightlly"]}, "nightly"),
        ({"exclude": ["sorce.a"]}, "source.a"),
    ],
)
def test_what_is_not_there_is_refused_with_the_nearest_names(here: Path, options: dict[str, Any], near: str) -> None:
    """Unknown node, type or tag; nothing runs, nothing is written but the lock."""
    calls: list[object] = []
    with pytest.raises(SeeknalError) as caught:
        DAGRunner(twins(), root=here, engine=ENGINE, listeners=[calls.append]).run(progress=False, **options)
    assert caught.value.exit_code == 2
    assert near in str(caught.value)
    assert calls == []
    assert not (here / "target/outputs").exists()
    assert not state_file(here).exists()
    with pytest.raises(SeeknalError):
        DAGRunner(twins(), root=here, engine=ENGINE).plan(**options)


@pytest.mark.parametrize(
    "words",
    ["--nodes nowhere", "--types sauce", "--exclude-tags nothing", "--nodes a,,c", "--retry -1", "--retry abc", "--ful"],
)
def test_the_command_line_ends_with_2_and_runs_nothing(
    here: Path, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One error with a remedy, no traceback."""
    chain().save(here / "target/manifest.json")
    monkeypatch.chdir(here)
    assert main(["run", *words.split()]) == 2
    out, err = capsys.readouterr()
    assert err.startswith("Error: ")
    assert "Fix: " in err
    assert "Traceback" not in err
    assert out == ""
    assert not (here / "target/outputs").exists()


@pytest.mark.parametrize(("options", "code"), [((), 1), (("--continue-on-error",), 1), (("--nodes", "d"), 0)])
def test_the_command_line_tells_failure_by_its_exit_code(
    here: Path, options: tuple[str, ...], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1 where a node failed, 0 where all that ran came out well."""
    found = chain(b="SELECT nothing FROM source.a")
    found.add_node(Node("transform.d", "d", "transform", config={"sql": "SELECT 1 AS x"}))
    found.save(here / "target/manifest.json")
    monkeypatch.chdir(here)
    assert main(["run", *options]) == code


# Helpers of Python bodies


def test_a_helper_that_changed_rebuilds_what_uses_it(here: Path) -> None:
    """Python takes in the helpers, their helpers, and the plain values that they read; nothing else."""
    found = chain(c="SELECT sum(v) AS v FROM transform.b")
    found.nodes["transform.b"].config = {"python": "def b(a):\n    a['v'] = outer(a['v'])\n    return a"}

    def space(inner: str = "x * FACTOR", factor: int = 2, *, comment: str = "") -> dict[str, Any]:
        names: dict[str, Any] = {"FACTOR": factor, "unused": object()}
        source = f"def inner(x):\n    {comment}\n    return {inner}\ndef outer(x):\n    return inner(x)\n"
        file = here / f"helpers{len(source)}{factor}.py"
        file.write_text(source)
        exec(compile(source, str(file), "exec"), names)
        return names

    assert run(here, found, namespace=space()).successful_nodes == 3
    assert executed(run(here, found, namespace=space())) == set()
    assert executed(run(here, found, namespace={**space(), "another": 5})) == set()
    assert executed(run(here, found, namespace=space(comment="# words"))) == set()
    changed = run(here, found, namespace=space("x * FACTOR + 1"))
    assert reasons(changed) == {"transform.b": "code changed", "transform.c": "input changed: transform.b"}
    changed = run(here, found, namespace=space("x * FACTOR + 1", 3))
    assert reasons(changed)["transform.b"] == "code changed"
    rows = Reader(DAGRunner(found, root=here, engine=ENGINE, namespace=space("x * FACTOR + 1", 3)))
    assert rows.query("transform.c", form="rows") == [(183,)]


# Killed, and two at once


SLEEPER = """
import sys, time
from pathlib import Path
from seeknal_nb import DAGRunner, Manifest, Node
root, slow = Path(sys.argv[1]), sys.argv[2] == "slow"
m = Manifest("p")
body = "def {0}({1}):\\n    import time\\n    {2}\\n    return [{{'k': 1, 'n': '{0}'}}]"
for n in range(5):
    work = "time.sleep(100_000) if ctx.params['slow'] else None" if n == 3 else "pass"
    m.add_node(Node(f"transform.n{n}", f"n{n}", "transform", config={"python": body.format(f"n{n}", "ctx" if not n else f"ctx, n{n-1}", work)}))
    if n:
        m.add_edge(f"transform.n{n - 1}", f"transform.n{n}")
summary = DAGRunner(m, root=root, params={"slow": slow}).run()
print(",".join(r.node_id for r in summary.results if r.attempts), flush=True)
"""


def started(process: subprocess.Popen[str], text: str) -> None:
    """Wait until the process has said this."""
    assert process.stdout is not None
    for line in process.stdout:
        if text in line:
            return
    raise AssertionError(process.communicate()[1])


@contextlib.contextmanager
def sleeper(root: Path) -> Iterator[subprocess.Popen[str]]:
    process = child(SLEEPER, str(root), "slow")
    try:
        started(process, "transform.n3 [RUNNING]")
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_killed_run_loses_only_the_node_in_flight(tmp_path: Path) -> None:
    """``kill -9`` in the fourth of five nodes; the next run executes that one and the last, and says what happened."""
    with sleeper(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
    states = DAGRunner(chain(), root=tmp_path, engine=ENGINE).states()
    assert sorted(states) == ["transform.n0", "transform.n1", "transform.n2"]
    done = child(SLEEPER, str(tmp_path), "quick")
    out, err = done.communicate()
    assert done.returncode == 0, err
    assert out.splitlines()[-1] == "transform.n3,transform.n4"
    assert f"pid {process.pid}" in out, "the run that did not finish is named"
    assert not list(tmp_path.rglob("*.tmp*")), "what the dead run staged is gone"


def test_a_second_run_is_refused_at_once_and_names_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """LockedError, and exit code 75, while the first goes on, with pid, host, start and command; looking needs no lock."""
    chain().save(tmp_path / "target/manifest.json")
    with sleeper(tmp_path) as process:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(LockedError, match=f"pid {process.pid} ") as caught:
            run(tmp_path)
        assert caught.value.exit_code == 75
        assert os.uname().nodename in str(caught.value)
        words = [sys.executable, "-m", "seeknal_nb", "run"]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(words, env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (75, "")
        assert f"pid {process.pid} " in done.stderr
        assert main(["clean"]) == 75, "clean while a run is on is refused"
        for words in (["plan"], ["status"], ["ls"], ["run", "--dry-run"], ["clean", "--dry-run"]):
            assert main(words) == 0, capsys.readouterr().err
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert run(tmp_path).successful_nodes == 3, "the lock of a dead run is free"


def test_a_run_in_a_second_thread_is_refused(here: Path) -> None:
    """One run at a time, in one process too."""
    inside, leave = threading.Event(), threading.Event()

    def work(_: Node) -> dict[str, Any]:
        inside.set()
        leave.wait()
        return {"row_count": 0}

    found = Manifest()
    found.add_node(Node("work.a", "a", "work"))
    first = threading.Thread(target=run, args=(here, found), kwargs={"kinds": {"work": work}})
    first.start()
    try:
        inside.wait()
        with pytest.raises(LockedError, match=f"pid {os.getpid()} "):
            run(here)
    finally:
        leave.set()
        first.join()
    assert run(here).successful_nodes == 3


def test_closing_the_events_keeps_what_is_finished(here: Path) -> None:
    """An abandoned iterator frees the lock; finished nodes are not executed again."""
    events = DAGRunner(chain(), root=here, engine=ENGINE).stream()
    for event in events:
        if isinstance(event, NodeStarted) and event.node_id == "transform.c":
            break
    events.close()
    assert executed(run(here)) == {"transform.c"}


# State, broken in every way (3.3)


def entries(root: Path) -> dict[str, Any]:
    return json.loads(state_file(root).read_text())


def unproved(entry: dict[str, Any]) -> dict[str, Any]:
    """As earlier versions wrote it, so that a test may say something else."""
    return {name: value for name, value in entry.items() if name != "proof"}


BROKEN: list[tuple[str, Callable[[dict[str, Any]], bytes]]] = [
    ("empty", lambda s: b""),
    ("NULs", lambda s: b"\0" * 500),
    ("random bytes", lambda s: random.Random(1).randbytes(700)),
    ("not UTF-8", lambda s: b'{"source.a": "\xff"}'),
    ("UTF-16", lambda s: json.dumps(s).encode("utf-16")[:-3]),
    ("deep", lambda s: b"[" * 200_000),
    ("list", lambda s: b"[]"),
    ("null", lambda s: b"null"),
    ("number", lambda s: b"7"),
    ("text", lambda s: b'"state"'),
    ("many digits", lambda s: b'{"source.a": ' + b"9" * 5000 + b"}"),
    ("entries null", lambda s: json.dumps(dict.fromkeys(s)).encode()),
    ("entries lists", lambda s: json.dumps({i: [] for i in s}).encode()),
    ("entries texts", lambda s: json.dumps(dict.fromkeys(s, "success")).encode()),
    ("entries empty", lambda s: json.dumps({i: {} for i in s}).encode()),
    *(
        (
            f"{name} {bad!r:.20}",
            lambda s, name=name, bad=bad: json.dumps({i: e | {name: bad} for i, e in s.items()}).encode(),
        )
        for name, values in {
            "status": ["succes", 7, None, [], "running", "cached", "SUCCESS", {}],
            "duration": ["x", -1, None, float("nan"), float("inf"), []],
            "row_count": ["1", -5, 1.5, [], True],
            "last_run": ["x", float("nan"), None, {}],
            "fingerprint": [7, [], {}, True],
            "built": [7, {}],
            "digest": [7, []],
            "output": [7, []],
            "inputs": [7, "x", [], {"source.a": 7}],
            "parts": [7, "x", []],
            "probe": [7, []],
            "seen": [7, "x", [], {"x": 7}],
            "earlier": [7, [], "x"],
            "version": ["x", None, -1, [], 1.5],
        }.items()
        for bad in values
    ),
]


@pytest.mark.parametrize("broken", [b for _, b in BROKEN], ids=[name for name, _ in BROKEN])
def test_broken_state_never_stops_a_run_and_never_makes_a_node_cached(here: Path, broken: Callable[..., bytes]) -> None:
    """What cannot be trusted is set aside and rebuilt; outputs are right; looking does not fail either.

    An entry whose ``version`` or whose description of inputs is odd may be dropped or kept; its build is proved by digest.
    """
    run(here)
    whole = entries(here)
    state_file(here).write_bytes(broken(whole))
    runner = DAGRunner(chain(), root=here, engine=ENGINE)
    assert len(runner.plan()) == 3
    summary = runner.run(progress=False)
    assert summary.successful_nodes + summary.cached_nodes == 3
    assert value(here) == [(63,)]
    assert executed(run(here)) == set()
    assert {i: e["status"] for i, e in entries(here).items()} == dict.fromkeys(CHAIN, "success")
    text = broken(whole)
    if text.startswith(b'{"source.a": {"status": ') and b'"status": "success"' not in text:
        assert summary.successful_nodes == 3, "never CACHED from an entry without its success"


def test_state_cut_at_every_byte_is_set_aside_and_rebuilt(here: Path) -> None:
    """Each cut is corrupt, the file is kept beside, one note names it, and all nodes are built again."""
    found = Manifest()
    found.add_node(Node("work.a", "a", "work"))
    kinds = {"work": lambda node: {"row_count": 1}}
    run(here, found, kinds=kinds)
    whole = state_file(here).read_bytes()
    for length in range(len(whole.rstrip())):
        state_file(here).write_bytes(whole[:length])
        runner = DAGRunner(found, root=here, engine=ENGINE, kinds=kinds)
        events = list(runner.stream())
        assert events[-1].summary.successful_nodes == 1, length
        assert any("execution_state.json" in note for note in events[0].plan.warnings), length
        aside = list(state_file(here).parent.glob("execution_state.json.corrupt-*"))
        assert [p.read_bytes() for p in aside] == [whole[:length]], length
        aside[0].unlink()


def test_a_state_of_a_newer_program_is_refused_untouched(here: Path) -> None:
    """Exit 2, not one byte changed, nothing run."""

    def untouched() -> dict[str, Any]:
        """All but who held the locks."""
        locks = ("run.lock", "run.owner.json", "store.lock", "store.owner.json")
        return {name: found for name, found in snapshot(here).items() if not name.endswith(("target/state", *locks))}

    run(here)
    state_file(here).write_text(json.dumps({i: unproved(e) | {"version": 99} for i, e in entries(here).items()}))
    before = untouched()
    for act in (lambda: run(here, full=True), lambda: DAGRunner(chain(), root=here, engine=ENGINE).plan()):
        with pytest.raises(StateError, match="newer seeknal_nb") as caught:
            act()
        assert caught.value.exit_code == 2
    assert untouched() == before


def test_a_state_of_the_spec_s_four_fields_loads_and_is_built_once(here: Path) -> None:
    """Another program's state, without builds of ours: nothing proves the node; the reason says so, once."""
    run(here)
    shutil.rmtree(here / "target/outputs")
    four = ("status", "duration", "row_count", "last_run")
    state_file(here).write_text(json.dumps({i: {name: e[name] for name in four} for i, e in entries(here).items()}))
    plan = DAGRunner(chain(), root=here, engine=ENGINE).plan()
    assert [(step.action, step.reason) for step in plan] == [("run", "no fingerprint")] * 3
    assert reasons(run(here)) == dict.fromkeys(CHAIN, "no fingerprint")
    assert executed(run(here)) == set()


@pytest.mark.parametrize("last_run", [0, 4e9, -5.0])
def test_no_decision_asks_a_clock(here: Path, last_run: float) -> None:
    """An entry of the future or of 1970 is as good as any; durations are never negative."""
    run(here)
    state_file(here).write_text(json.dumps({i: unproved(e) | {"last_run": last_run} for i, e in entries(here).items()}))
    assert executed(run(here)) == set()
    assert all(r.duration >= 0 for r in run(here, full=True).results)


def test_a_state_of_ten_thousand_nodes_costs_ten_times_that_of_one_thousand(here: Path) -> None:
    """It is written once a node, or so: what grew with the whole would make runs of many nodes slow."""
    run(here)
    entry = unproved(entries(here)["transform.c"])
    runner, costs = DAGRunner(chain(), root=here, engine=ENGINE), []
    for count in (1_000, 10_000):
        state_file(here).write_text(json.dumps({f"transform.n{n}": entry for n in range(count)}))
        costs.append(calls(runner.states))
        assert len(runner.states()) == count
    assert costs[1] < 11 * costs[0]
    assert costs[1] < 60 * 10_000, "calls a node"


@pytest.fixture
def journalled(here: Path) -> tuple[Path, bytes]:
    """A project whose run died after three nodes: a journal of three records, and no snapshot."""
    events = DAGRunner(chain(), root=here, engine=ENGINE).stream()
    journal = here / "target/state/journal.jsonl"
    for event in events:
        if getattr(event, "result", None) is not None and event.result.node_id == "transform.c":
            break
    whole = journal.read_bytes()
    events.close()
    state_file(here).unlink()
    assert whole.count(b"\n") == 4
    return here, whole


def test_a_journal_cut_at_every_byte_keeps_every_whole_record_before(journalled: tuple[Path, bytes]) -> None:
    """Never a crash, never a false CACHED; one more run repairs."""
    here, whole = journalled
    journal = here / "target/state/journal.jsonl"
    ends = [n + 1 for n, byte in enumerate(whole) if byte == 10]
    for length in range(len(whole) + 1):
        journal.write_bytes(whole[:length])
        states = DAGRunner(chain(), root=here, engine=ENGINE).states()
        kept = sum(end <= length for end in ends) - 1
        complete = any(end - 1 == length for end in ends)  # the last line but for its newline is whole too
        assert len(states) in {max(0, kept), max(0, kept + complete)}, length
        assert all(state.good for state in states.values())
        if length % 97 == 0:
            assert executed(run(here)) == set(CHAIN[len(states) :])
            assert value(here) == [(63,)]
            state_file(here).unlink(missing_ok=True)


def test_a_flipped_bit_in_a_journal_is_seen(journalled: tuple[Path, bytes]) -> None:
    """Every record has its checksum: what is read is what was written, and what follows a broken record is not read."""
    here, whole = journalled
    journal, chance = here / "target/state/journal.jsonl", random.Random(3)
    journal.write_bytes(whole)
    written = DAGRunner(chain(), root=here, engine=ENGINE).states()
    assert len(written) == 3
    for _ in range(150):
        at = chance.randrange(len(whole))
        broken = bytearray(whole)
        broken[at] ^= 1 << chance.randrange(8)
        journal.write_bytes(broken)
        states = DAGRunner(chain(), root=here, engine=ENGINE).states()
        before = max(0, whole[:at].count(b"\n") - 1)
        assert list(states)[:before] == list(CHAIN[:before]), at
        assert all(written[node_id] == state for node_id, state in states.items()), at


def test_a_running_entry_of_a_dead_run_is_no_success(here: Path) -> None:
    """Whether it did its work nobody knows."""
    run(here)
    state_file(here).write_text(json.dumps({i: unproved(e) | {"status": "running"} for i, e in entries(here).items()}))
    assert executed(run(here)) == set(CHAIN)


# Outputs


def build_of(root: Path, node_id: str) -> Path:
    return root / "target/outputs" / entries(root)[node_id]["output"]


@pytest.mark.parametrize("node_id", CHAIN)
@pytest.mark.parametrize("what", ["data.parquet", "build.json", "."])
def test_a_deleted_output_is_rebuilt(here: Path, node_id: str, what: str) -> None:
    """With the reason "output missing"; what reads it is as it was."""
    run(here)
    path = build_of(here, node_id) / what
    path.unlink() if path.is_file() else shutil.rmtree(path)
    step = DAGRunner(chain(), root=here, engine=ENGINE).plan()[node_id]
    assert (step.action, step.reason) == ("run", "output missing")
    assert reasons(run(here)) == {node_id: "output missing"}
    assert value(here) == [(63,)]
    assert executed(run(here)) == set()


@pytest.mark.parametrize("what", ["target/outputs", "target/state", "target/runs", "target"])
def test_everything_below_target_can_be_deleted(here: Path, what: str) -> None:
    """The next run rebuilds it; only history is lost with the history."""
    run(here)
    shutil.rmtree(here / what)
    assert executed(run(here)) == (set() if what == "target/runs" else set(CHAIN))
    assert value(here) == [(63,)]


def test_every_flipped_bit_and_every_cut_of_an_output_is_seen(here: Path) -> None:
    """150 flips and 20 cuts, where the readers themselves notice a third; time of change and size are put back."""
    run(here)
    chance = random.Random(5)
    for trial in range(170):
        node_id = chance.choice(CHAIN)
        path = build_of(here, node_id) / chance.choice(["data.parquet", "data.parquet", "build.json"])
        if trial >= 150:
            path = path.with_name("data.parquet")
        whole, stat = path.read_bytes(), path.stat()
        broken = bytearray(whole)
        if trial < 150:
            broken[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        else:
            del broken[chance.randrange(len(whole)) :]
        path.write_bytes(broken)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        summary = run(here)
        if path.name == "data.parquet":
            assert reasons(summary) == {node_id: "output missing"}, trial
        assert summary.failed_nodes == 0
        assert value(here) == [(63,)]
        if path.exists() and path.name == "data.parquet":
            assert path.read_bytes() == whole, trial


def test_swapped_outputs_are_seen(here: Path) -> None:
    """The files of two builds of one node in each other's place, records included."""
    run(here)
    first = build_of(here, "transform.b")
    other = chain(b="SELECT k, v + 2 AS v FROM source.a")
    run(here, other)
    second = build_of(here, "transform.b")
    first.rename(first.with_name("x"))
    second.rename(first)
    first.with_name("x").rename(second)
    assert "transform.b" in executed(run(here, other))
    assert value(here, other) == [(66,)]
    assert "transform.b" in executed(run(here))
    assert value(here) == [(63,)]


def break_unseen(here: Path, node_id: str) -> None:
    """One bit of a build is another, and it is remembered as proved with the stat signature that it has now."""
    path = build_of(here, node_id) / "data.parquet"
    store = OutputStore(here / "target/outputs", Proofs(here / "target/state/proofs"))
    before, known = path.stat(), store.proofs.of(node_id, path.parent.name)
    assert known["data.parquet"] == (before.st_size, before.st_mtime_ns, before.st_ctime_ns, before.st_ino)
    broken = bytearray(path.read_bytes())
    broken[len(broken) // 2] ^= 4
    path.write_bytes(broken)
    now = path.stat()
    signature = (now.st_size, now.st_mtime_ns, now.st_ctime_ns, now.st_ino)
    store.proofs.note(node_id, path.parent.name, {**known, "data.parquet": signature})
    store.proofs.write()


def test_a_damaged_input_is_built_again_before_a_node_reads_it(here: Path) -> None:
    """Digests are checked before a running node reads the file, even if stat says that nobody touched it."""
    run(here)
    break_unseen(here, "source.a")
    other = chain(b="SELECT k, v + 2 AS v FROM source.a")
    events = list(DAGRunner(other, root=here, engine=ENGINE).stream())
    assert any("source.a is damaged" in warning for warning in events[0].plan.warnings)
    assert executed(events[-1].summary) == set(CHAIN)
    assert value(here, other) == [(66,)]


def test_verify_reads_every_build_again(here: Path) -> None:
    """What stat cannot see ``--verify`` does, though nothing reads the file in this run."""
    run(here)
    break_unseen(here, "transform.c")
    assert executed(run(here)) == set()
    assert reasons(run(here, verify=True)) == {"transform.c": "output missing"}
    assert value(here) == [(63,)]


HOSTILE = """
import sys
events = []
sys.addaudithook(lambda name, args: events.append((name, args)) if name in ("pickle.find_class", "os.system", "marshal.loads_hostile") else None)
sys.path.insert(0, sys.argv[2])
from pathlib import Path
import test_faults
root = Path(sys.argv[1])
before = len(events)
print(test_faults.DAGRunner(test_faults.chain(), root=root).plan().runs)
print(sorted(test_faults.executed(test_faults.run(root))), test_faults.value(root))
print([e for e in events[before:] if "touch" in str(e) or "posix" in str(e) or "os.system" in str(e)])
"""


class Bomb:
    """Unpickled, it leaves a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.path}",)


def test_a_pickle_in_the_cache_is_never_unpickled(tmp_path: Path) -> None:
    """Outputs, records and state replaced by pickles are rebuilt; no class is looked up in one."""
    run(tmp_path)
    trace = tmp_path / "pwned"
    for node_id in CHAIN:
        for name in ("data.parquet", "build.json", "model.skops", "model.pkl"):
            (build_of(tmp_path, node_id) / name).write_bytes(pickle.dumps(Bomb(trace)))
    process = child(HOSTILE, str(tmp_path), str(Path(__file__).parent), cwd=ROOT)
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert out.splitlines() == [str(list(CHAIN)), f"{sorted(CHAIN)} [(63,)]", "[]"]
    assert not trace.exists()
    state_file(tmp_path).write_bytes(pickle.dumps(Bomb(trace)))
    assert executed(run(tmp_path)) == set(CHAIN)
    assert not trace.exists()


# A disk that refuses


@contextlib.contextmanager
def small_disk(at: Path, size: str, *more: str) -> Iterator[Path]:
    """A tmpfs of its own."""
    at.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", ",".join([f"size={size}", *more]), "tmpfs", str(at)]
    if shutil.which("mount") is None or subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("cannot mount a tmpfs here")
    try:
        yield at
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True)


def test_a_full_disk_fails_the_node_and_keeps_what_was(tmp_path: Path) -> None:
    """FAILED, naming the cause; temporaries removed, the old output and state as they were; then all is well again."""
    with small_disk(tmp_path / "disk", "3m") as root:
        assert run(root).successful_nodes == 3
        old = build_of(root, "transform.b") / "data.parquet"
        kept = old.read_bytes()
        big = chain(b="SELECT k, random() AS v FROM source.a, range(2_000_000)")
        summary = run(root, big, continue_on_error=True)
        assert summary["transform.b"].status is S.FAILED
        assert "space" in summary["transform.b"].error_message.casefold()
        assert summary["transform.c"].reason == "upstream failed: transform.b"
        assert old.read_bytes() == kept
        assert not [p for p in root.rglob("*") if ".tmp" in p.name]
        assert run(root)["transform.b"].status is S.SUCCESS
        assert value(root) == [(63,)]


def test_a_disk_without_room_for_state_says_so(tmp_path: Path) -> None:
    """An error that names the file and the cause; the old state is whole; room again, and all is well."""
    with small_disk(tmp_path / "disk", "400k") as root:
        run(root)
        before = entries(root)
        left = os.statvfs(root)
        (root / "ballast").write_bytes(b"x" * (left.f_bavail * left.f_frsize))
        with pytest.raises(StateError) as caught:
            run(root, chain(b="SELECT k, v + 5 AS v FROM source.a"))
        assert os.strerror(errno.ENOSPC).casefold() in str(caught.value).casefold()
        assert str(root) in str(caught.value)
        assert entries(root) == before
        assert not [p for p in root.rglob("*") if ".tmp" in p.name]
        (root / "ballast").unlink()
        assert executed(run(root)) <= {"transform.b", "transform.c"}
        assert value(root) == [(63,)]


def test_a_read_only_disk_is_refused_before_the_first_node(tmp_path: Path) -> None:
    """A StateError that names the place; nothing was run; looking works."""
    with small_disk(tmp_path / "disk", "3m") as root:
        run(root)
        subprocess.run(["mount", "-o", "remount,ro", str(root)], check=True)
        assert DAGRunner(chain(), root=root, engine=ENGINE).plan().runs == []
        assert value(root) == [(63,)]
        calls: list[Any] = []
        with pytest.raises(StateError) as caught:
            DAGRunner(chain(), root=root, engine=ENGINE, listeners=[calls.append]).run(full=True, progress=False)
        assert str(root) in str(caught.value)
        assert calls == []


NOBODY = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import test_faults
with test_faults.ENGINE.session({}) as session:
    session.query("SELECT 1")
import filelock
os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    test_faults.run(Path(sys.argv[2]))
except test_faults.StateError as error:
    print(error)
"""


def test_a_folder_that_is_not_ours_is_refused_before_the_first_node() -> None:
    """EACCES, as another user; root's rights would make chmod vacuous."""
    if os.getuid() != 0:
        pytest.skip("needs to become another user")
    with place() as fresh:
        fresh.root.chmod(0o755)
        process = child(NOBODY, str(Path(__file__).parent), str(fresh.root), cwd="/")
        out, err = process.communicate()
        assert process.returncode == 0, err
        assert os.strerror(errno.EACCES) in out
        assert str(fresh.root) in out
        assert list(fresh.root.iterdir()) == []


@pytest.mark.parametrize("what", ["target", "target/state", "target/outputs"])
def test_a_file_where_a_folder_should_be_is_told(here: Path, what: str) -> None:
    """An error of ours that names the path, or a failed node; no traceback of the operating system's."""
    (here / what).parent.mkdir(parents=True, exist_ok=True)
    (here / what).write_text("in the way")
    try:
        summary = run(here)
    except SeeknalError as error:
        assert what in str(error)
    else:
        assert summary.failed_nodes == 1
        assert what in str(summary.failed[0].error_message)
    assert (here / what).read_text() == "in the way"


def test_a_plan_of_a_state_that_is_refused_is_an_error_of_ours(here: Path) -> None:
    """For who calls a runner, too; there is no door of a command line between."""
    run(here)
    state_file(here).unlink()
    state_file(here).mkdir()
    runner = DAGRunner(chain(), root=here, engine=ENGINE)
    for act in (runner.plan, runner.states, lambda: runner.run(progress=False)):
        with pytest.raises(StateError, match=r"cannot read .*execution_state\.json"):
            act()


def test_a_lock_is_let_go_even_if_that_cannot_be_written_down(here: Path) -> None:
    """In a notebook the process lives on; the next holder takes this one for dead, which harms nobody."""
    lock = FolderLock(here, "run", "first")
    (here / "run.owner.json").unlink()
    (here / "run.owner.json").mkdir()
    lock.release()
    (here / "run.owner.json").rmdir()
    FolderLock(here, "run", "second").release()


# Cleaning


def versions(root: Path, *numbers: int) -> Project:
    """A project whose b was built in these versions, the last one being today's."""
    project = Project(root, engine=ENGINE)
    project.source("a", "SELECT * FROM (VALUES (1, 10), (2, 20), (3, 30)) t(k, v)")
    for number in numbers:
        project.transform("b", f"SELECT k, v + {number} AS v FROM source.a")
        project.transform("c", "SELECT sum(v)::BIGINT AS v FROM transform.b")
        assert not project.run(progress=False).failed_nodes
    return project


def builds(root: Path, name: str) -> int:
    return len([p for p in (root / "target/outputs/transform" / name).iterdir() if p.is_dir()])


@pytest.mark.parametrize("keep", [0, 1, 2, 9])
def test_clean_keeps_what_is_in_use_and_so_many_more(here: Path, keep: int) -> None:
    """Nothing in use is ever removed, so that a run after it executes nothing; a dry run lists the same and removes none."""
    project = versions(here, 1, 2, 3, 4)
    assert builds(here, "b") == 4
    before = snapshot(here / "target/outputs")
    listed = project.clean(keep=keep, dry_run=True)
    assert snapshot(here / "target/outputs") == before
    removed = project.clean(keep=keep)
    assert len(listed.rows) == len(removed.rows) == 2 * max(0, 3 - keep)
    assert builds(here, "b") == builds(here, "c") == min(4, 1 + keep)
    assert executed(project.run(progress=False)) == set()
    assert project["c"]["v"].tolist() == [72]
    assert project.clean(keep=keep).rows == ()


@pytest.mark.parametrize(("number", "runs"), [(3, False), (2, True), (1, True)])
def test_clean_keeps_the_newest_of_what_is_not_in_use(here: Path, number: int, runs: bool) -> None:
    """Who goes back goes back to what was there before, rarely to the beginning."""
    project = versions(here, 1, 2, 3, 4)
    project.clean(keep=1)
    project.transform("b", f"SELECT k, v + {number} AS v FROM source.a")
    assert ("transform.b" in executed(project.run(progress=False))) is runs


def test_going_back_after_clean_rebuilds(here: Path) -> None:
    """A cache, not an archive: the rows are right whether the build was kept or not."""
    project = versions(here, 1, 2)
    project.clean()
    project.transform("b", "SELECT k, v + 1 AS v FROM source.a")
    assert executed(project.run(progress=False)) == {"transform.b", "transform.c"}
    assert project["c"]["v"].tolist() == [63]


def test_clean_after_going_back_keeps_the_build_that_is_up_to_date(here: Path) -> None:
    """In use is what a run would read now: of the version that is there, not of the one that ran last."""
    project = versions(here, 1, 2, 1)
    project.clean()
    assert executed(project.run(progress=False)) == set()
    assert project["c"]["v"].tolist() == [63]


def test_clean_while_a_node_is_stale_keeps_its_last_good_output(here: Path) -> None:
    """A node that failed, or whose body was edited and not run, still has the output that is shown and read."""
    project = versions(here, 1, 2)
    project.transform("b", "SELECT nothing FROM source.a")
    assert project.run(progress=False, continue_on_error=True).failed_nodes == 1
    project.clean()
    assert project["b"]["v"].tolist() == [12, 22, 32]
    project.transform("b", "SELECT k, v + 2 AS v FROM source.a")
    project.run(progress=False)
    assert project["c"]["v"].tolist() == [66]


def test_a_build_that_cannot_be_removed_is_told_and_stays_whole(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No part of one lies under a key, and nobody is told of room that there is not."""
    project = versions(here, 1, 2)
    before = snapshot(here / "target/outputs")

    def refuses(path: Path, *_: Any) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", refuses)
        with pytest.raises(StateError, match=r"cannot remove .*/transform/b/\w+: Read-only"):
            project.clean()
    assert snapshot(here / "target/outputs") == before
    assert len(project.clean().rows) == 2


def test_clean_removes_what_belongs_to_no_node(here: Path) -> None:
    """Builds of nodes that are gone, whatever ``keep`` says."""
    project = versions(here, 1, 2)
    project.remove("c")
    removed = project.clean(keep=5)
    assert len(removed.rows) == 2
    assert not (here / "target/outputs/transform/c").exists()
    assert builds(here, "b") == 2


def test_leftovers_of_a_dead_run_are_removed_and_never_served(here: Path) -> None:
    """What lies under a temporary name is no build."""
    run(here)
    stage = build_of(here, "transform.c")
    stage = here / "target/outputs/.staging" / f".tmp-{stage.name}-99999-abcd"
    shutil.copytree(build_of(here, "transform.c"), stage)
    assert executed(run(here)) == set()
    assert not stage.exists()


def in_the_way(root: Path, what: str, place: str) -> None:
    path = root / place
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    if what == "folder":
        path.mkdir()
    elif what == "file":
        path.write_text("x")
    else:
        path.symlink_to("nowhere" if what == "link" else path.name)


@pytest.mark.parametrize(("what", "place"), [
    ("folder", "target/manifest.json"), ("file", "target"), ("link", "target"), ("file", "target/outputs"),
    ("file", "target/outputs/transform"), ("file", "target/outputs/transform/a"), ("link", "target/outputs/transform/a"),
    ("loop", "target/outputs/transform/a"), ("file", "target/state"), ("folder", "target/state/execution_state.json"),
])  # fmt: skip
def test_what_stands_where_a_run_must_write_is_named_and_the_run_goes_on_when_it_is_gone(tmp_path: Path, what: str, place: str) -> None:
    project = Project(tmp_path)
    project.transform("a", "SELECT 1 AS x")
    project.run(progress=False)
    in_the_way(tmp_path, what, place)
    project.close()
    project = Project(tmp_path)
    project.transform("a", "SELECT 1 AS x")
    try:
        told = project.run(progress=False, full=True)["transform.a"].error_message or ""
    except StateError as error:
        told = str(error)
    assert f"{place} away" in told
    (tmp_path / place).rmdir() if what == "folder" else (tmp_path / place).unlink()
    assert project.run(progress=False).failed_nodes == 0
    assert project["a"].x.tolist() == [1]


@pytest.mark.parametrize(("what", "name"), [("file", ".DS_Store"), ("link", "zz"), ("loop", "zz"), ("file", "zz")])
@pytest.mark.parametrize("place", ["", "transform/", "transform/a/"])
def test_clean_passes_over_what_is_no_build(tmp_path: Path, what: str, name: str, place: str) -> None:
    project = Project(tmp_path)
    project.transform("a", "SELECT 1 AS x")
    project.run(progress=False)
    in_the_way(tmp_path, what, f"target/outputs/{place}{name}")
    assert project.clean().rows == ()
    assert os.path.lexists(tmp_path / f"target/outputs/{place}{name}")


@pytest.mark.parametrize("given", ["spawn", ProcessPoolExecutor, 3])
def test_what_is_no_executor_is_refused_where_it_is_given(tmp_path: Path, given: Any) -> None:
    with pytest.raises(UsageError, match=r"is no executor|unknown executor 'spawn'"):
        DAGRunner(Manifest("p"), root=tmp_path, executor=given)


def test_a_target_that_is_a_link_out_of_the_project_is_told_of(tmp_path):
    """What runs leave may be another project's there; a link within the project, or to it, is nobody's business."""
    root, outside = tmp_path / "p", tmp_path / "outside"
    (root / "inside").mkdir(parents=True)
    outside.mkdir()
    (root / "target").symlink_to(outside)
    runner = DAGRunner(chain(), root=root, engine=ENGINE)
    runner.run(progress=False)
    (told,) = runner.plan().warnings
    assert told == f"target/ is a link out of the project: all that runs leave lies in {outside}"
    (root / "target").unlink()
    (root / "target").symlink_to(root / "inside")
    (tmp_path / "link").symlink_to(root)
    for folder in (root, tmp_path / "link"):
        assert DAGRunner(chain(), root=folder, engine=ENGINE).plan().warnings == ()
