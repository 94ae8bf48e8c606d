"""Processes of their own: what ends one of them ends its node alone, and none of them outlives its run's process."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cells import cells
from waiting import eventually

from seeknal_nb import Project
from seeknal_nb.kinds.thread_output import printed_so_far
from seeknal_nb.workflow.events import ExecutionSummary
from seeknal_nb.workflow.places.processes import Processes

ENDS = {
    "leaves": ("import os\nos._exit(7)", "exit code 7"),
    "crashes": ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
    "killed": ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
}


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[Project]:
    project = Project(tmp_path, namespace={}, executor="processes", workers=2)
    yield project
    pids = running(project)
    project.close()
    eventually(lambda: not any(map(alive, pids)))


def running(project: Project) -> list[int]:
    """The processes that a project has."""
    found = []
    for places in project.means._opened.values():
        for place in (places.given, places._apart):
            found += [one._child.pid for one in place._all] if isinstance(place, Processes) else []
    return found


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


def ran(project: Project, **options: Any) -> ExecutionSummary:
    return project.run(progress=False, continue_on_error=True, **options)


def test_nodes_run_in_processes_that_are_kept(apart: Project) -> None:
    apart.transform("a", python="import os\nresult = [{'pid': os.getpid()}]")
    apart.transform("b", "SELECT pid FROM a")
    first = ran(apart)
    assert not first.failed
    pid = int(apart["a"].pid[0])
    assert pid != os.getpid()
    assert first["transform.a"].where == f"process {pid}"
    assert [where for where in first.to_frame()["where"] if where.startswith("process ")]
    before = set(running(apart))
    assert not ran(apart, full=True).failed
    assert set(running(apart)) == before


@pytest.mark.parametrize("how", ENDS)
def test_a_body_that_ends_its_process_fails_alone(apart: Project, how: str) -> None:
    body, text = ENDS[how]
    apart.transform("bad", python=body)
    for number in range(4):
        apart.transform(f"good{number}", python=f"import time\ntime.sleep(0.1)\nresult = [{{'x': {number}}}]")
    summary = ran(apart)
    assert [result.node_id for result in summary.failed] == ["transform.bad"]
    assert summary.successful_nodes == 4
    assert "its worker died 3 times" in summary["transform.bad"].error_message
    assert text in summary["transform.bad"].error_message
    assert summary["transform.bad"].attempts == 1  # it was nobody's attempt


def test_a_worker_that_is_killed_has_its_job_done_again(apart: Project, tmp_path: Path) -> None:
    marker = tmp_path / "killed"
    apart.transform("once", python=textwrap.dedent(f"""
        import os, pathlib, signal
        if not os.path.exists({str(marker)!r}):
            pathlib.Path({str(marker)!r}).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        result = [{{"x": 1}}]
    """))
    summary = ran(apart)
    assert not summary.failed
    assert summary["transform.once"].attempts == 1
    assert "SIGKILL" in summary["transform.once"].metadata["lost"][0]


def test_a_body_that_passes_its_memory_is_ended(apart: Project) -> None:
    apart.transform("big", python="held = [bytearray(b'x' * 2**20) for _ in range(3000)]\nresult = [{'x': 1}]", memory="600MB")
    apart.transform("small", python="result = [{'x': 1}]", memory="600MB")
    summary = ran(apart)
    assert [result.node_id for result in summary.failed] == ["transform.big"]
    assert "passed 600 MB of memory" in summary["transform.big"].error_message


def test_a_body_that_takes_too_long_is_ended(apart: Project) -> None:
    apart.transform("slow", python="import time\ntime.sleep(3600)", timeout="0.5s")
    apart.transform("sql", "SELECT sum(hash(i * j)) AS x FROM range(10000000) a(i), range(1000) b(j)", timeout="0.5s")
    summary = ran(apart, retry=1)
    for name in ("slow", "sql"):
        assert summary[f"transform.{name}"].error_message.startswith("timed out after 0.5s")
        assert summary[f"transform.{name}"].attempts == 2


@pytest.mark.parametrize("asked", [{"timeout": "0.5s"}, {"isolation": "process", "timeout": "0.5s"}])
def test_at_home_one_node_may_have_a_process_of_its_own(tmp_path: Path, asked: dict[str, str]) -> None:
    project = Project(tmp_path, namespace={})
    project.transform("slow", python="import time\ntime.sleep(3600)", **asked)
    project.transform("bad", python=ENDS["crashes"][0], isolation="process")
    project.transform("here", python="import os\nresult = [{'pid': os.getpid()}]")
    assert list(project.plan().to_frame()["where"]) == ["processes", "processes", "here"]
    assert "on processes" in str(project.plan())
    summary = ran(project)
    pids = running(project)
    project.close()
    assert "timed out after 0.5s" in summary["transform.slow"].error_message
    assert "SIGSEGV" in summary["transform.bad"].error_message
    assert summary["transform.here"].where == "here"
    eventually(lambda: not any(map(alive, pids)))


def test_a_cancelled_run_ends_a_python_body(apart: Project) -> None:
    apart.transform("slow", python="import time\nprint('begun')\ntime.sleep(3600)")
    apart.transform("sql", "SELECT sum(hash(i * j)) AS x FROM range(10000000) a(i), range(1000) b(j)")
    run = apart.start()
    eventually(lambda: len(running(apart)) == 2)
    pids = running(apart)
    run.cancel()
    eventually(lambda: run.done)
    assert run.summary is None or run.summary.successful_nodes == 0
    eventually(lambda: not all(map(alive, pids)))
    assert not list((apart.directory / "target/outputs").glob(".run*"))


def test_a_body_sees_the_process_that_it_would_see_here(apart: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what has changed since its own process began: environment, folder, where modules are found."""
    apart.transform("seen", python=textwrap.dedent("""
        import os, sys
        seen = os.environ
        result = [{"value": seen.get("SEEN_BY_BODY"), "gone": seen.get("GONE"), "folder": os.getcwd(), "path": sys.path[0]}]
    """))
    monkeypatch.setenv("GONE", "x")
    assert apart.run(progress=False)
    monkeypatch.setenv("SEEN_BY_BODY", "later")
    monkeypatch.delenv("GONE")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("/nowhere")
    apart.run(progress=False, full=True)
    [row] = apart["seen"].astype(object).where(apart["seen"].notna(), None).to_dict("records")
    assert row == {"value": "later", "gone": None, "folder": str(tmp_path), "path": "/nowhere"}


def test_helpers_lambdas_and_classes_of_the_notebook_go_along(tmp_path: Path) -> None:
    namespace = cells("import threading", "RATE = 3", "class Locked:\n    __lock__ = threading.Lock()", "def scaled(x):\n    return x * RATE", "double = lambda x: 2 * x",
                      "class Rule:\n    def __call__(self, x):\n        return scaled(double(x))")  # fmt: skip
    project = Project(tmp_path, namespace=namespace, executor="processes")
    project.transform("t", python="result = [{'x': Rule()(7)}]")
    project.transform("bad", python="result = [{'x': len(Locked.__name__)}]")
    summary = ran(project)
    assert project["t"].x.tolist() == [42]
    assert "'Locked' cannot be sent to another process" in summary["transform.bad"].error_message
    project.close()


def test_what_delivers_and_what_only_the_notebook_has_stays_here(apart: Project) -> None:
    import pandas as pd

    apart.namespace = {"frame": pd.DataFrame({"x": [1, 2]})}
    apart.source("frame", source="dataframe", input="frame")
    apart.transform("t", "SELECT * FROM frame")
    apart.transform("home", "SELECT * FROM t", run_on="home")
    apart.exposure("out", "SELECT * FROM t", params={"path": "out.csv"})
    frame = ran(apart).to_frame().set_index("node_id")["where"]
    assert [frame[f"{one}"].split()[0] for one in ("source.frame", "transform.t", "transform.home", "exposure.out")] == [
        "here", "process", "here", "here",
    ]  # fmt: skip


def script(folder: Path, text: str) -> Path:
    path = folder / "script.py"
    path.write_text(textwrap.dedent(text))
    return path


def test_a_script_needs_no_guard_and_leaves_nothing_behind(tmp_path: Path) -> None:
    path = script(tmp_path, """
        from seeknal_nb import Project
        print("imported")
        project = Project(".", namespace=globals(), executor="processes", workers=2)
        def times(x):
            return 6 * x
        project.transform("t", python="import os\\nresult = [{'x': times(7), 'pid': os.getpid()}]")
        project.run(progress=False)
        print(int(project["t"].x[0]), int(project["t"].pid[0]))
    """)
    done = subprocess.run([sys.executable, str(path)], cwd=tmp_path, capture_output=True, text=True, check=True)
    lines = done.stdout.split()
    assert lines[:2] == ["imported", "42"], done.stderr
    assert done.stdout.count("imported") == 1
    eventually(lambda: not alive(int(lines[2])))


SLOW = """
    from seeknal_nb import Project
    project = Project(".", namespace=globals(), executor="processes")
    project.transform("t", python="import os, pathlib, signal, time\\npathlib.Path('pid').write_text(str(os.getpid()))\\n{body}")
    project.run(progress=False)
"""


@pytest.mark.parametrize("body", ["time.sleep(3600)", "sum(range(10**12))", "os.kill(os.getpid(), signal.SIGSTOP)", "os.system('sleep 3600')"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_body_ends_with_its_run(tmp_path: Path, number: int, body: str) -> None:
    """Whether the run's process is killed, or interrupted as Ctrl-C does it; also one that hears nothing, or has stopped."""
    if sys.platform != "linux" and body != "time.sleep(3600)":
        pytest.skip("only Linux ends what does not hear")
    path = script(tmp_path, SLOW.format(body=body))
    with subprocess.Popen([sys.executable, str(path)], cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        eventually(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert number == signal.SIGKILL or "KeyboardInterrupt" in errors
    pid = int((tmp_path / "pid").read_text())
    eventually(lambda: not alive(pid))


def test_one_document_stays_one(tmp_path: Path) -> None:
    """What a library in C writes to standard output of a process stands in no JSON."""
    (tmp_path / "seeknal").mkdir()
    (tmp_path / "seeknal/t.yml").write_text("kind: transform\nname: t\npython: |\n  import os\n  os.write(1, b'loud')\n  result = [{'x': 1}]\n")
    command = [sys.executable, "-m", "seeknal_nb", "run", "--executor", "processes", "--workers", "2", "--format", "json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    import json

    [result] = json.loads(done.stdout)["results"]
    assert result["where"].startswith("process ")
    assert "loud" in done.stderr


def test_a_child_that_comes_back_from_a_body_answers_for_nobody(apart: Project) -> None:
    """A fork goes on where its parent does: what it would say stands for no other node."""
    apart.transform("a", python="import os\nif os.fork() == 0:\n    import time\n    time.sleep(0.5)\n    raise SystemExit\nresult = [{'who': 'a'}]")
    for name in "bcd":
        apart.transform(name, python=f"import time\ntime.sleep(0.4)\nresult = [{{'who': '{name}'}}]")
    assert not ran(apart, workers=1).failed
    assert [apart[name].who.tolist() for name in "abcd"] == [["a"], ["b"], ["c"], ["d"]]


def test_a_death_is_seen_while_a_child_of_the_body_lives(apart: Project) -> None:
    apart.transform("bad", python="import os\nos.system('sleep 300 &')\nif os.fork() == 0:\n    import time\n    time.sleep(300)\nos.kill(os.getpid(), 9)")
    assert "its worker died 3 times" in str(ran(apart)["transform.bad"].error_message)


@pytest.mark.parametrize("body", [
    "import os\nos.closerange(3, 100)", "import os, sys\nos.chdir('/')\nos.environ.clear()\nsys.path.clear()",
    "import builtins, os\nos.closerange(3, 100)\nbuiltins.kept = [open(f'f{i}', 'wb') for i in range(30)]",
    "import signal\nfor one in (signal.SIGINT, signal.SIGTERM): signal.signal(one, signal.SIG_IGN)",
    "import sys\nsys.stdout.close()\nsys.stderr = None",
])  # fmt: skip
def test_what_a_body_does_to_its_process_harms_nobody(
    apart: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    monkeypatch.chdir(tmp_path)
    apart.transform("odd", python=f"{body}\nresult = [{{'x': 1}}]")
    apart.transform("then", "SELECT x + 1 AS x FROM odd")
    summary = ran(apart, workers=1)
    assert not summary.failed, summary
    assert apart["then"].x.tolist() == [2]


def test_a_body_that_closes_all_files_fails_alone(apart: Project, capfd: pytest.CaptureFixture[str]) -> None:
    apart.transform("bad", python="import os\nos.closerange(3, 10_000)\nresult = [{'x': 1}]")
    apart.transform("good", python="result = [{'x': 1}]")
    assert [one.node_id for one in ran(apart).failed] == ["transform.bad"]
    assert "Traceback" not in capfd.readouterr().err


def test_a_process_follows_the_time_zone(apart: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    apart.transform("hour", python="import time\nresult = [{'hour': time.localtime(0).tm_hour}]")
    for zone, hour in (("UTC0", 0), ("XXX-9", 9)):
        monkeypatch.setenv("TZ", zone)
        apart.run(progress=False, full=True)
        assert apart["hour"].hour.tolist() == [hour]


def test_time_counts_from_when_the_work_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not from when its interpreter is started, which takes longer here than the node may."""
    (tmp_path / "sitecustomize.py").write_text("import time\ntime.sleep(6)\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    project = Project(tmp_path, namespace={}, executor="processes", workers=2)
    project.transform("quick", python="result = [{'x': 1}]", timeout="5s")
    project.transform("sql", "SELECT 1 AS x", timeout="5s")
    assert not ran(project).failed
    project.close()


def test_a_partition_that_dies_is_named_and_the_others_stay(apart: Project, tmp_path: Path) -> None:
    rows = "".join(f"{n},2024-01-0{1 + n % 5} 10:00:00\n" for n in range(10))
    (tmp_path / "e.csv").write_text("id,ts\n" + rows)
    apart.source("e", csv="e.csv", partition_by="day(ts)")
    apart.transform("die", python="import os\nif (e.id % 5 == 3).any():\n    os._exit(3)\nresult = e", inputs=["e"], partition_by="day(ts)")
    result = ran(apart)["transform.die"]
    assert "partition 2024-01-04" in str(result.error_message)
    told = result.metadata["partitions"]
    assert (told["total"], told["built"], told["failed"]) == (5, 4, ["2024-01-04"])


def test_an_exception_that_cannot_be_printed_is_told(apart: Project) -> None:
    apart.transform("bad", python="error = SyntaxError('odd')\nerror.text, error.lineno = 5, 'a'\nraise error")
    result = ran(apart)["transform.bad"]
    assert "SyntaxError" in str(result.error_message)
    assert "died" not in str(result.error_message)


def test_an_idle_process_ends_as_programs_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    project = Project(tmp_path, namespace={}, executor="processes")
    project.transform("t", python="import atexit, pathlib\natexit.register(pathlib.Path('left').touch)\nresult = [{'x': 1}]")
    assert not ran(project).failed
    project.close()
    assert (tmp_path / "left").exists()


def test_what_a_body_prints_is_seen_while_it_runs_and_holds_no_credential(
    apart: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = tmp_path / "go"
    monkeypatch.setenv("SEEKNAL_TEST_PASSWORD", "s3cr3t-word")
    apart.transform("t", python=textwrap.dedent(f"""
        import os, time
        secret = ctx.secret("SEEKNAL_TEST_PASSWORD")
        print("begun", secret[:5], end="")
        time.sleep(0.5)
        print(secret[5:], "and", secret)
        while not os.path.exists({str(go)!r}):
            time.sleep(0.02)
        result = [{{"x": 1}}]
    """))
    run = apart.start()
    told = eventually(lambda: (text := printed_so_far("transform.t")) and "and" in text and text)
    go.touch()
    run.wait()
    assert "s3cr3t-word" not in told
    assert told.startswith("begun")


def test_processes_are_kept_whatever_else_runs_nodes(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        project = Project(tmp_path, namespace={}, executor=pool, workers=2)
        project.transform("t", python="result = [{'x': 1}]", isolation="process")
        for _ in range(3):
            assert not ran(project, full=True).failed
        pids = running(project)
        assert len(pids) == 1
        project.close()
    eventually(lambda: not any(map(alive, pids)))


def test_a_pool_that_cannot_end_a_body_is_not_asked_to(tmp_path: Path) -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        project = Project(tmp_path, namespace={}, executor=pool)
        project.transform("slow", python="import time\ntime.sleep(3600)", timeout="0.3s")
        assert list(project.plan().to_frame()["where"]) == ["processes"]
        assert "timed out after 0.3s" in str(ran(project)["transform.slow"].error_message)
        project.close()
