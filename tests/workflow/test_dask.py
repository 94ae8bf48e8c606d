"""A Dask cluster that loses workers, or itself: no finished node runs again, nothing hangs, and the rows are the same."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clusters import Cluster, cluster
from waiting import MINUTES, eventually

from seeknal_nb import Project
from seeknal_nb.errors import ManifestError, UsageError
from seeknal_nb.version import __version__
from seeknal_nb.workflow.events import ExecutionStatus, NodeFinished
from seeknal_nb.workflow.executors import where
from seeknal_nb.workflow.places import dask
from seeknal_nb.workflow.slots import Offers

S = ExecutionStatus
NODES = 60


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("dask")) as made:
        yield made


@pytest.fixture
def project(tmp_path: Path, there: Cluster) -> Iterator[Project]:
    made = Project(tmp_path, namespace={}, executor=there.address)
    yield made
    made.close()


def layered(project: Project, log: Path, nap: float = 0.02) -> None:
    """Nodes in SQL and in Python, each of which reads two; a Python one notes each of its executions."""
    for number in range(NODES):
        reads = [f"transform.n{n}" for n in {number // 2, number - 1} if 0 <= n < number]
        if number % 3:
            sql = f"SELECT {number} + coalesce((SELECT sum(x) FROM ({' UNION ALL '.join(f'SELECT x FROM {one}' for one in reads)})), 0) % 97 AS x"
            project.transform(f"n{number}", sql if reads else f"SELECT {number} AS x")
        else:
            names = [f"n{one.rpartition('n')[2]}" for one in reads]
            body = (
                f"import os, pathlib, time\ntime.sleep({nap})\npathlib.Path({str(log)!r}, f'{number}-{{os.getpid()}}-{{time.time_ns()}}').touch()\n"
                f"result = [{{'x': int({number} + sum(int(t.x.sum()) for t in [{', '.join(names)}]) % 97)}}]"
            )
            project.transform(f"n{number}", python=body, inputs=reads)


def test_a_killed_worker_costs_no_finished_node(project: Project, there: Cluster, tmp_path: Path) -> None:
    log, plain = tmp_path / "log", tmp_path / "plain"
    for folder in (log, plain):
        folder.mkdir()
    layered(project, log)
    finished = 0
    for event in project.stream():
        if isinstance(event, NodeFinished):
            finished += 1
            if finished == NODES // 3:
                os.kill(there.pids()[0], signal.SIGKILL)
            assert event.result.status is S.SUCCESS, event.result.error_message
    assert finished == NODES
    runs = [path.name.partition("-")[0] for path in log.iterdir()]
    assert len(set(runs)) == NODES // 3
    assert len(runs) <= NODES // 3 + 2  # what was in flight on the killed one, at most
    alone = Project(tmp_path / "alone", namespace={})
    layered(alone, plain)
    assert not alone.run(progress=False).failed
    for number in range(NODES):
        assert project[f"n{number}"].x.tolist() == alone[f"n{number}"].x.tolist()
    assert project.run(progress=False).cached_nodes == NODES
    alone.close()
    eventually(lambda: len(there.pids()) == 2)  # its nanny has started another one


def test_a_body_that_ends_its_worker_fails_alone(project: Project, there: Cluster) -> None:
    project.transform("bad", python="import os\nos._exit(3)")
    project.transform("good", "SELECT 1 AS x")
    summary = project.run(progress=False, continue_on_error=True, workers=1)
    assert summary["transform.bad"].error_message.startswith("its Dask workers died")
    assert summary["transform.good"].status is S.SUCCESS
    eventually(lambda: len(there.pids()) == 2)


def test_a_python_body_that_takes_too_long_is_given_up(project: Project, tmp_path: Path) -> None:
    """It comes to its end there, and what it gave is nobody's."""
    go, ended = tmp_path / "go", tmp_path / "ended"
    body = f"import os, pathlib, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.05)\npathlib.Path({str(ended)!r}).touch()\nresult = [{{'x': 1}}]"
    project.transform("slow", python=body, timeout="0.3s")
    summary = project.run(progress=False, continue_on_error=True)
    assert summary["transform.slow"].error_message.startswith("timed out after 0.3s")
    go.touch()
    eventually(ended.exists)
    assert not list((tmp_path / "target/outputs/transform.slow").glob("*/build.json"))


def test_a_demand_that_the_cluster_does_not_offer_is_an_error_before_anything_runs(project: Project) -> None:
    """What it has is known when it has been asked; a node that nothing could ever give enough would wait for ever."""
    project.transform("big", "SELECT 1 AS x", memory="900 TB")
    project.transform("small", "SELECT 1 AS x", memory="1 GB")
    with pytest.raises(ManifestError, match="it needs 900 TB of memory") as told:
        project.run(progress=False)
    assert told.value.node == "transform.big"
    assert not project.run(progress=False, exclude=["big"]).failed


def test_a_client_is_taken_as_it_is(tmp_path: Path, there: Cluster) -> None:
    from distributed import Client

    with Client(there.address.replace("dask://", "tcp://"), set_as_default=False) as client:
        project = Project(tmp_path, namespace={}, executor=client)
        project.transform("t", "SELECT 1 AS x")
        summary = project.run(progress=False)
        assert summary["transform.t"].where.startswith("dask ")
        project.close()
        assert client.status == "running"


def test_as_many_nodes_run_as_there_are_threads(project: Project) -> None:
    project.transform("t", "SELECT 1 AS x")
    assert not project.run(progress=False).failed
    place = project.runner().places.given
    assert place is not None
    assert place.offers(Offers.of()).workers == 2
    assert place.offers(Offers.of(5, "2GB")).workers == 5


@pytest.mark.parametrize("address", ["dask://", "dask://nowhere", "dask://host:port", "tls://:1"])
def test_what_is_no_address_is_refused_at_once(tmp_path: Path, address: str) -> None:
    with pytest.raises(UsageError, match="is no address"):
        Project(tmp_path, namespace={}, executor=address)


def test_where_nobody_answers_nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(dask, "AWAY", 0.5)
    project = Project(tmp_path, namespace={}, executor="dask://127.0.0.1:9")
    project.transform("t", "SELECT 1 AS x")
    with pytest.raises(UsageError, match="no Dask scheduler at") as told:
        project.run(progress=False)
    assert "dask scheduler" in told.value.remedy
    assert not (tmp_path / "target/outputs/transform.t").exists()
    assert project.run(progress=False, executor="here").successful_nodes == 1  # the lock is free


@pytest.mark.parametrize(("told", "text"), [
    (ModuleNotFoundError("seeknal_nb"), "does no work"), (((3, 9), __version__, True, "a:1"), "other versions"),
    ((dask.sys.version_info[:2], "0.0.1", True, "a:1"), "other versions"),
    ((dask.sys.version_info[:2], __version__, False, "a:1"), "does not see"),
    ((dask.sys.version_info[:2], __version__, True, where()), "a thread of this process"),
])  # fmt: skip
def test_a_worker_that_cannot_do_it_is_named_with_the_remedy(told: Any, text: str) -> None:
    with pytest.raises(UsageError, match=text) as error:
        dask._check("tcp://there:1", told, Path("/outputs"))
    assert "tcp://there:1" in str(error.value)
    assert error.value.remedy


def when_it_has_begun(project: Project, name: str, do: Any) -> None:
    """Do something when a node's work has begun, in a thread of its own."""
    staging = project.directory / "target/outputs/.staging"
    threading.Thread(target=lambda: (eventually(lambda: [*staging.glob(f"*{name}*")]), do()), daemon=True).start()


def test_a_cluster_that_goes_is_told_and_what_was_finished_stays(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with cluster(tmp_path_factory.mktemp("going")) as there:
        project = Project(tmp_path, namespace={}, executor=there.address)
        project.transform("first", "SELECT 1 AS x")
        project.transform("slow", f"SELECT n FROM ({MINUTES}), first")
        when_it_has_begun(project, "slow", there.close)
        summary = project.run(progress=False, continue_on_error=True)
        assert summary["transform.slow"].status is S.FAILED
        assert "the Dask cluster at" in str(summary["transform.slow"].error_message)
        assert summary["transform.first"].status is S.SUCCESS
        project.close()


def test_a_cluster_without_workers_is_given_up(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cluster(tmp_path_factory.mktemp("emptied")) as there:
        project, pids = Project(tmp_path, namespace={}, executor=there.address), there.pids()
        project.transform("slow", MINUTES)

        def empty() -> None:
            monkeypatch.setattr(dask, "AWAY", 1.0)
            for pid in (there.nannies.pid, *pids):
                os.kill(pid, signal.SIGKILL)

        when_it_has_begun(project, "slow", empty)
        summary = project.run(progress=False, continue_on_error=True)
        assert "no worker is left" in str(summary["transform.slow"].error_message)
        project.close()


def test_a_cluster_that_comes_back_is_found_again(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A notebook keeps its place from run to run: "start one, then run again" must be true."""
    with cluster(tmp_path_factory.mktemp("leaving")) as there:
        project = Project(tmp_path, namespace={}, executor=there.address)
        project.transform("t", "SELECT 1 AS x")
        assert not project.run(progress=False).failed
        there.close()
        place = project.runner().places.given
        assert isinstance(place, dask.Dask)
        eventually(lambda: place._connected.status == "closed")
        with pytest.raises(UsageError, match="no Dask scheduler at"):
            project.run(progress=False, full=True)
        there.start()
        eventually(lambda: len(there.pids()) == 2)
        assert not project.run(progress=False, full=True).failed
        project.close()


def test_time_in_the_queue_is_nobodys(project: Project, tmp_path: Path) -> None:
    """Two workers, three nodes at a time: the third one waits longer there than it may take."""
    for number in range(3):
        project.transform(f"n{number}", python="import time\ntime.sleep(2.5)\nresult = [{'x': 1}]", timeout="4s")
    assert not project.run(progress=False, workers=3).failed


def test_a_stopped_scheduler_holds_nobody_up(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    with cluster(tmp_path_factory.mktemp("stopped")) as there:
        project = Project(tmp_path, namespace={}, executor=there.address, workers=2)
        for name in "ab":
            project.transform(name, MINUTES)

        def stop() -> None:
            monkeypatch.setattr(dask, "AWAY", 1.0)
            os.killpg(there.scheduler.pid, signal.SIGSTOP)

        when_it_has_begun(project, "b", stop)
        summary = project.run(progress=False, continue_on_error=True)
        assert [one.node_id for one in summary.failed] == ["transform.a", "transform.b"]
        os.killpg(there.scheduler.pid, signal.SIGCONT)
        project.close()
