"""Nodes in other processes: what comes of them is what comes of them here, and no run ends in a traceback."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import pickle
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cells import cell, cells
from clusters import cluster
from waiting import MINUTES, eventually

from seeknal_nb import Project
from seeknal_nb.errors import UsageError, WorkerError
from seeknal_nb.workflow.events import ExecutionStatus, ExecutionSummary, NodeStarted
from seeknal_nb.workflow.executors import where
from seeknal_nb.workflow.job import run_job
from seeknal_nb.workflow.places import Places, open_place
from seeknal_nb.workflow.runner import DAGRunner

S = ExecutionStatus

CELLS = (
    "import dataclasses, functools, logging, warnings, math\nimport pandas as pd",
    "RATE = 1.5\nLEAST = 20\nNAMES = {'a': ['x', 'y']}",
    "def scaled(frame):\n    return frame.assign(amount=frame.amount * RATE)",
    "def large(frame):\n    return frame.query('amount > @LEAST')",
    "@functools.lru_cache\ndef remembered(x):\n    return x + LEAST",
    "double = lambda x: x * 2",
    "class Base:\n    n = 1\n    @functools.cached_property\n    def held(self):\n        return self.n + LEAST",
    "class Rule(Base):\n    def __call__(self, x):\n        return x + self.n + self.held",
    "@dataclasses.dataclass(frozen=True)\nclass Setting:\n    least: int = 3\n    def above(self, x):\n        return x > self.least",
    "SETTING = Setting(5)",
    "def counter():\n    count = 0\n    def next_one():\n        nonlocal count\n        count += 1\n        return count\n    return next_one",
    "one_more = counter()",
)
OWN = "import own_deep\nREGISTRY = {}\nFACTOR = 3\ndef tripled(x):\n    return x * FACTOR * own_deep.ONE + len(REGISTRY)\n"
USES = """
import own_file
kept = large(scaled(orders))
print('rows', len(kept))
logging.getLogger('shop').warning('looked at')
ctx.log_metrics(n=len(kept), pi=math.pi)
ctx.warn('few rows')
result = kept.assign(
    twice=kept.amount.map(double), ruled=kept.amount.map(Rule()), set=kept.amount.map(SETTING.above), names=len(NAMES['a']),
    remembered=kept.id.map(remembered), counted=[one_more() for _ in range(len(kept))], own=kept.id.map(own_file.tripled),
)
"""


@pytest.fixture(scope="module", autouse=True)
def main_module() -> Iterator[None]:
    """Processes that are started look at ``__main__``, in whose place a shell of another test has put what has no file."""
    former, sys.modules["__main__"] = sys.modules["__main__"], ModuleType("__main__")
    yield
    sys.modules["__main__"] = former


@pytest.fixture(scope="module", params=["pool", "processes", "dask"])
def pool(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Each of the places, as ``executor=`` takes it: what is promised of one is promised of all."""
    if request.param == "pool":
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as made:
            yield made
        return
    with contextlib.ExitStack() as stack:
        there = stack.enter_context(cluster(tmp_path_factory.mktemp("dask"))).address if request.param == "dask" else "processes"
        places = Places(open_place(there))
        stack.callback(places.close)
        yield places


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the user's own modules."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "own_file.py").write_text(OWN)
    (folder / "own_deep.py").write_text("ONE = 1\n")
    monkeypatch.syspath_prepend(folder)
    yield folder
    for name in ("own_file", "own_deep"):
        sys.modules.pop(name, None)


def shop(folder: Path) -> Project:
    """A pipeline of every kind, in SQL and in Python."""
    folder.mkdir()
    pd.DataFrame({"id": range(60), "k": [i % 3 for i in range(60)], "amount": [float(i) for i in range(60)]}).to_csv(
        folder / "orders.csv", index=False
    )
    pq.write_table(pa.table({"k": [0, 1, 2], "name": ["a", "b", None]}), folder / "names.parquet")
    project = Project(folder, namespace=cells(*CELLS))
    cell(project.namespace, "frame = pd.DataFrame({'k': [1, 2], 'label': ['x', 'y']})")
    project.source("orders", csv="orders.csv")
    project.source("names", parquet="names.parquet")
    project.source("frame", source="dataframe", input="frame")
    project.transform("seen", "SELECT *, source.orders.amount + 1 AS more FROM source.orders", materialized="view")
    project.transform("joined", "SELECT s.*, n.name FROM seen s LEFT JOIN names n USING (k) ORDER BY s.id")
    project.transform("labelled", "SELECT * FROM frame ORDER BY k")
    project.transform("summed", "PIVOT joined ON name USING sum(amount) GROUP BY k ORDER BY k")
    project.transform("told", "SELECT column_name, max FROM (SUMMARIZE joined)")
    project.transform("used", python=USES, inputs=["source.orders"])
    project.feature_group("spent", "SELECT k, sum(amount) AS spent FROM joined GROUP BY k ORDER BY k", key="k")
    project.transform("wide", sql="SELECT DISTINCT k FROM joined ORDER BY k", features=["spent"])
    project.aggregation("sums", id_col="k", inputs=["joined"], features=[{"name": "amount", "basic": ["sum", "count"]}])
    project.profile("looked", inputs=["joined"])
    project.transform("training", "SELECT i AS id, i % 7 AS x, i % 5 AS y, (i % 7 > i % 5) AS good FROM range(200) t(i)")
    project.model("m", inputs=["training"], training={"algorithm": "logistic_regression", "target": "good", "key": "id", "features": ["x", "y"]})
    project.transform("scored", inputs=["m", "training"], python="result = ctx.predict('m', ref('training'))")
    project.rule("small", sql="SELECT * FROM joined WHERE amount > 50", severity="warn")
    project.rule("checked", python="result = joined[joined.amount > 50]", inputs=["joined"], severity="warn")
    project.exposure("out", "SELECT * FROM joined", params={"path": "out.csv"})
    project.transform("bad_sql", "SELECT amount / nothing AS x FROM joined")
    project.transform("bad_python", inputs=["joined"], python="x = 1\nprint('before')\nraise ValueError(f'no {x}')")
    project.transform("behind", "SELECT * FROM bad_sql")
    project.rule("broken", sql="SELECT * FROM labelled")
    return project


def ran(project: Project, **options: Any) -> ExecutionSummary:
    return project.runner(**options).run(progress=False, continue_on_error=True)


def tables(project: Project) -> dict[str, list[Any]]:
    runner, found = project.runner(), {}
    for node_id, state in runner.states().items():
        if state.output:
            data = pq.read_table(Path(runner.outputs.root, state.output, "data.parquet"))
            found[node_id] = [data.schema.to_string(), data.to_pylist()]
    return found


def told(summary: ExecutionSummary, folder: Path) -> dict[str, Any]:
    """What a reader sees of each node, but for times and folders."""
    def plain(metadata: dict[str, Any]) -> str:
        timed = ("delivered_at", "metrics") if "delivered_at" in metadata else ("artefacts",)  # skops writes ids of objects
        text = json.dumps({name: one for name, one in metadata.items() if name not in timed}, sort_keys=True, default=str)
        return text.replace(str(folder), "")

    return {
        r.node_id: (r.status, r.row_count, (r.error_message or "").replace(str(folder), ""), plain(r.metadata), r.attempts)
        for r in summary.results
    }


def test_what_comes_of_nodes_elsewhere_is_what_comes_of_them_here(tmp_path: Path, own: Path, pool: Any) -> None:
    """Rows, types, counts, metrics, warnings, output and failures, of a notebook with helpers of every sort."""
    here, there = shop(tmp_path / "here"), shop(tmp_path / "there")
    expected = ran(here)
    sys.modules.pop("own_file", None)
    found = ran(there, executor=pool, workers=2)
    first, second = told(expected, here.directory), told(found, there.directory)
    assert second == first
    assert {found[i].status for i in ("transform.bad_sql", "transform.bad_python", "rule.broken")} == {S.FAILED}
    assert found["transform.behind"].status is S.SKIPPED
    assert sum(r.status is S.SUCCESS for r in found.results) == 19, str(found)
    assert "rows 46" in found["transform.used"].metadata["output"]
    assert tables(there) == tables(here)
    assert (there.directory / "out.csv").read_text() == (here.directory / "out.csv").read_text()
    assert list((there.directory / "target/outputs").glob("**/.*-*")) == []
    again = ran(there, executor=pool, workers=2)
    assert {r.node_id for r in again.results if r.status is S.SUCCESS} == set()
    here.close()
    there.close()


def test_a_failure_elsewhere_has_its_traceback_as_text(tmp_path: Path, pool: Any) -> None:
    project = Project(tmp_path, namespace={})
    project.transform("bad", python="def inner():\n    raise ValueError('no')\ninner()")
    error = ran(project, executor=pool)["transform.bad"].error
    assert isinstance(error, WorkerError)
    assert "ValueError: no" in error.traceback
    assert "in inner" in error.traceback
    assert (error.what, error.node or "transform.bad") == ("ValueError at line 2 of its body", "transform.bad")
    project.close()


def test_a_projects_own_modules_go_along_as_they_are_now(tmp_path: Path, own: Path, pool: Any) -> None:
    """A worker that imported an earlier version must not go on with it, nor with a container that was filled since."""
    project = Project(tmp_path / "p", namespace=cells("import own_file"))
    project.transform("t", python="result = [{'x': own_file.tripled(2)}]")
    ran(project, executor=pool)
    assert project["t"]["x"].tolist() == [6]
    cell(project.namespace, "own_file.REGISTRY['a'] = 1")
    ran(project, executor=pool)
    assert project["t"]["x"].tolist() == [7]
    (own / "own_file.py").write_text(OWN.replace("FACTOR = 3", "FACTOR = 5"))
    cell(project.namespace, "import importlib; importlib.reload(own_file)")
    ran(project, executor=pool)
    assert project["t"]["x"].tolist() == [10]
    (own / "own_deep.py").write_text("ONE = 2\n")
    cell(project.namespace, "import importlib; importlib.reload(own_file.own_deep); importlib.reload(own_file)")
    ran(project, executor=pool)
    assert project["t"]["x"].tolist() == [20]
    project.close()


def test_a_module_that_a_job_changed_is_as_its_file_says_for_the_next(tmp_path: Path, own: Path, pool: Any) -> None:
    """A worker gives what a fresh one gives; the parcels of both nodes are the same."""
    (own / "own_file.py").write_text("SEEN = []\ndef put(x):\n    SEEN.append(x)\n    return len(SEEN)\n")
    project = Project(tmp_path / "p", namespace=cells("import own_file"))
    for name in "abcd":
        project.transform(name, python="result = [{'n': own_file.put(1)}]")
    assert ran(project, executor=pool, workers=2).successful_nodes == 4
    assert [project[name]["n"].tolist() for name in "abcd"] == [[1]] * 4
    project.close()


def test_what_a_cell_registered_in_a_module_is_there_elsewhere_too(tmp_path: Path, own: Path, pool: Any) -> None:
    """A function of the module filled the container, so its file does not tell; what holds no news need not pickle."""
    (own / "own_file.py").write_text(
        "import threading\nRATES, HANDLERS, LOCKS = {}, {}, [threading.Lock()]\n"
        "def register(k, v):\n    RATES[k] = v\ndef handler(f):\n    HANDLERS[f.__name__] = f\n    return f\n"
        "@handler\ndef size():\n    return len(RATES) + len(LOCKS)\n"
        "def same():\n    return HANDLERS['size'] is size\ndef lock():\n    LOCKS.append(threading.Lock())\n"
    )
    project = Project(tmp_path / "p", namespace=cells("import own_file\nown_file.register('eur', 2)"))
    project.transform("t", python="result = [{'n': own_file.HANDLERS['size'](), 'same': own_file.same()}]")
    assert ran(project, executor=pool).successful_nodes == 1
    assert project["t"].values.tolist() == [[2, True]]
    cell(project.namespace, "own_file.lock()")
    project.transform("t", python="result = [{'n': own_file.size()}]")
    project.transform("other", "SELECT 1 AS x")
    found = ran(project, executor=pool)
    assert "'own_file.LOCKS' cannot be sent to another process" in found["transform.t"].error_message
    assert found["transform.other"].status is S.SUCCESS
    project.close()


def test_a_project_of_files_runs_elsewhere(tmp_path: Path, pool: Any) -> None:
    (tmp_path / "seeknal").mkdir()
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/__init__.py").write_text("")
    (tmp_path / "lib/helpers.py").write_text("RATE = 2\ndef scaled(x):\n    return x * RATE\n")
    (tmp_path / "seeknal/a.yml").write_text("kind: transform\nname: a\ntransform: SELECT unnest([1, 2, 3]) AS v\n")
    (tmp_path / "seeknal/b.py").write_text(
        "from seeknal_nb import transform\nfrom lib.helpers import scaled\nMORE = 1\n\ndef added(x):\n    return x + MORE\n\n"
        "@transform()\ndef b(ctx, a):\n    import os\n    ctx.log_metrics(pid=os.getpid())\n    return a.assign(w=a.v.map(scaled).map(added))\n"
    )
    project = Project.open(tmp_path, executor=pool, workers=2)
    assert project.run(progress=False).successful_nodes == 2
    assert project["b"]["w"].tolist() == [3, 5, 7]
    assert project.summary["transform.b"].metadata["metrics"]["pid"] != os.getpid()
    project.close()


def test_what_cannot_be_pickled_fails_its_node_alone_and_is_named(tmp_path: Path, pool: Any) -> None:
    """A key can tell of a class in which a lock stands; no other process can have it."""
    project = Project(tmp_path, namespace=cells("import threading\nMORE = 1\nclass Locked:\n    __lock__ = threading.Lock()"))
    project.transform("other", "SELECT 1 AS x")
    project.transform("t", python="result = [{'x': MORE + len(Locked.__name__)}]")
    found = ran(project, executor=pool)
    assert found["transform.other"].status is S.SUCCESS
    assert found["transform.t"].status is S.FAILED
    assert "'Locked' cannot be sent to another process" in found["transform.t"].error_message
    assert "lock" in str(found["transform.t"].error)
    assert ran(project)["transform.t"].status is S.SUCCESS
    project.close()


def test_credentials_are_the_workers_own_and_are_hidden_by_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What travels has none: the environment of the worker says what the name stands for."""
    monkeypatch.setenv("SHOP_TOKEN", "of-the-worker-1234")
    project = Project(tmp_path, namespace={})
    project.transform("t", python="print(ctx.secret('SHOP_TOKEN'))\nresult = [{'n': len(ctx.secret('SHOP_TOKEN'))}]")
    project.transform("bad", python="raise ValueError(ctx.secret('SHOP_TOKEN'))")
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        pool.submit(os.getpid).result()
        monkeypatch.setenv("SHOP_TOKEN", "x")
        found = ran(project, executor=pool)
    assert project["t"]["n"].tolist() == [len("of-the-worker-1234")]
    error = found["transform.bad"].error
    assert isinstance(error, WorkerError)
    everything = f"{found.to_dict()} {error} {error.traceback}"
    assert "of-the-worker" not in everything
    assert "***" in found["transform.t"].metadata["output"]
    project.close()


def test_a_pool_that_forks_is_refused_with_the_remedy(tmp_path: Path) -> None:
    project = Project(tmp_path, namespace={})
    project.transform("t", "SELECT 1 AS x")
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool, pytest.raises(UsageError) as told:
        ran(project, executor=pool)
    assert "ProcessPoolExecutor" in str(told.value)
    assert 'get_context("spawn")' in str(told.value)
    assert not (tmp_path / "target/state/lock").exists() or not project.runner().states()
    project.close()


def test_a_process_that_dies_fails_what_was_in_flight_and_not_the_run(tmp_path: Path) -> None:
    project = Project(tmp_path, namespace={})
    project.transform("first", "SELECT 1 AS x")
    project.transform("dies", python="import os\nos._exit(3)", inputs=["first"])
    project.exposure("home", "SELECT * FROM first", params={"path": "x.csv"})
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        found = ran(project, executor=pool, workers=2)
    assert (found["transform.first"].status, found["transform.dies"].status) == (S.SUCCESS, S.FAILED)
    assert "its worker process ended" in found["transform.dies"].error_message
    assert "transform.dies" in found["transform.dies"].error_message
    assert found["exposure.home"].status is S.SUCCESS
    project.close()


def test_a_closed_executor_is_told_as_the_nodes_failure(tmp_path: Path) -> None:
    project = Project(tmp_path, namespace={})
    project.transform("t", "SELECT 1 AS x")
    pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
    pool.shutdown()
    found = ran(project, executor=pool)
    assert "ProcessPoolExecutor could not do its work" in found["transform.t"].error_message
    project.close()


def test_a_cancelled_run_stops_the_sql_of_its_processes(tmp_path: Path, pool: Any) -> None:
    project = Project(tmp_path, namespace={})
    project.transform("slow", MINUTES)
    stop, seen = threading.Event(), []
    for event in project.runner(executor=pool).stream(cancelled=stop):
        seen.append(event)
        if isinstance(event, NodeStarted):
            threading.Thread(target=lambda: (eventually(lambda: [*(tmp_path / "target/outputs/.staging").glob("*")]), stop.set())).start()
    assert seen[-1].interrupted
    assert seen[-1].summary["transform.slow"].status is S.PENDING
    assert list((tmp_path / "target/outputs").glob("**/.*-*")) == []
    project.transform("then", "SELECT 1 AS x")
    then = project.runner(executor=pool).run(nodes=["then"], progress=False)["transform.then"]
    assert (then.status, then.where != "here") == (S.SUCCESS, True)  # the place is as it was
    project.close()


def test_side_effects_frames_and_the_callers_kinds_stay_here(tmp_path: Path, pool: Any) -> None:
    """An executor by kind closes over what it likes, and so does a subclass."""
    project, seen = Project(tmp_path, namespace={"frame": pd.DataFrame({"x": [1]})}), []

    class Runner(DAGRunner):
        def _execute_node(self, node_id: str, dry_run: bool = False) -> Any:
            seen.append(("node", node_id, os.getpid()))
            return super()._execute_node(node_id, dry_run)

        def _execute_by_type(self, node: Any) -> dict[str, Any]:
            seen.append(("type", node.id, os.getpid()))
            return super()._execute_by_type(node)

    def odd(node: Any) -> dict[str, Any]:
        seen.append(("odd", node.id, os.getpid()))
        return {"row_count": 1}

    project.source("frame", source="dataframe", input="frame")
    project.transform("t", python="import os\nctx.log_metrics(pid=os.getpid())\nresult = frame", inputs=["frame"])
    project.exposure("e", python="import os\nctx.log_metrics(pid=os.getpid())\nresult = frame", inputs=["frame"], params={"path": "x.csv"})
    manifest = project.manifest
    manifest.add_node(type(manifest.nodes["transform.t"])("odd.o", "o", "odd"))
    runner = Runner(manifest, root=tmp_path, namespace=project.namespace, kinds={"odd": odd}, executor=pool, workers=2)
    found = runner.run(progress=False)
    assert found.successful_nodes == 4, str(found)
    assert found["transform.t"].metadata["metrics"]["pid"] != os.getpid()
    assert found["exposure.e"].metadata["metrics"]["pid"] == os.getpid()
    assert {pid for _, _, pid in seen} == {os.getpid()}
    assert {(what, node) for what, node, _ in seen} >= {("odd", "odd.o"), ("node", "transform.t"), ("type", "transform.t")}
    project.close()


class Pickling(Executor):
    """Another process without the wait for one: nothing reaches the work, or comes back, but what pickles."""

    def __init__(self) -> None:
        self.sent: dict[str, bytes] = {}

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if fn is where:
            future.set_result("elsewhere:1")
            return future
        data = self.sent[args[0].node.id] = pickle.dumps((fn, args, kwargs))
        work, given, named = pickle.loads(data)
        future.set_result(pickle.loads(pickle.dumps(work(*given, **named))))
        return future


def test_what_is_sent_has_no_credential_and_no_variable_that_the_body_does_not_read(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "hunter2-hunter2")
    project = Project(tmp_path, namespace={"UNREAD": "unread-unread", "READ": "read-read"})
    project.transform("t", python="print(ctx.secret('SHOP_PASSWORD'))\nresult = [{'x': READ}]")
    project.transform("u", "SELECT '{{ env:SHOP_PASSWORD }}' AS x")
    executor = Pickling()
    found = ran(project, executor=executor)
    assert found.successful_nodes == 2, str(found)
    assert b"read-read" in executor.sent["transform.t"]
    assert b"hunter2" not in executor.sent["transform.t"]
    assert b"unread-unread" not in executor.sent["transform.t"]
    assert "transform.u" not in executor.sent  # its text holds the value: it is done here
    assert found["transform.t"].metadata["output"] == "***\n"
    project.close()


@pytest.mark.parametrize("executor", [None, Pickling()], ids=["here", "elsewhere"])
def test_a_body_is_given_the_parameters_that_it_has_here(tmp_path: Path, executor: Executor | None) -> None:
    """A node's own takes the place of the notebook's variable, and what was given to the run that of both."""
    project = Project(tmp_path, namespace={"a": 1, "b": 1, "c": 1})
    own = {"a": 2, "b": 2}
    project.transform("one", python="result = [{'a': ctx.get_param('a'), 'b': ctx.get_param('b'), 'c': ctx.get_param('c')}]", params=own)
    project.transform("all", python="p = dict(ctx.params)\nresult = [{name: p[name] for name in ('a', 'b', 'c')}]", params=own)
    ran(project, executor=executor, params={"b": 3})
    assert project["one"].values.tolist() == project["all"].values.tolist() == [[2, 3, 1]]
    project.close()


def test_an_outcome_tells_where_it_came_from(tmp_path: Path) -> None:
    """And what it staged, hashed where it was written."""
    project = Project(tmp_path, namespace={})
    project.transform("t", python="print('told')\nresult = [{'x': 1}]")
    outcomes = []

    class Kept(Pickling):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            future = super().submit(fn, *args, **kwargs)
            outcomes.append(future.result())
            return future

    ran(project, executor=Kept())
    found = outcomes[-1]
    assert (found.where, found.output, found.rows, found.failure, found.interrupted) == (where(), "told\n", 1, None, False)
    [file] = found.files
    build = project.runner().outputs.find("transform.t", file.name.partition("/")[0], verify=True)
    assert build is not None
    assert build.files == found.files
    project.close()


@pytest.mark.parametrize(("times", "status"), [(1, S.SUCCESS), (9, S.FAILED)])
def test_work_that_nobody_wants_any_more_does_not_begin(tmp_path: Path, times: int, status: S) -> None:
    """As of a run that was killed: the next one takes its file away, and a worker that wakes up gives up.

    Where the run is there all the same, its file was lost, and the work is tried again.
    """
    project = Project(tmp_path, namespace={})
    project.transform("t", python="from pathlib import Path\nPath(ctx.get_param('mark')).touch()\nresult = [{'x': 1}]",
                      params={"mark": str(tmp_path / "mark")})  # fmt: skip

    class Late(Pickling):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            nonlocal times
            times -= fn is run_job
            if fn is run_job and times >= 0:
                project.runner().outputs.remove_leftovers()
            return super().submit(fn, *args, **kwargs)

    found = ran(project, executor=Late())
    assert found["transform.t"].status is status
    assert (tmp_path / "mark").exists() == (status is S.SUCCESS)
    assert "it took the run for gone" in str(found["transform.t"].error_message or found["transform.t"].metadata["lost"])
    project.transform("t", "SELECT 1 AS x")
    assert project.run(progress=False)["transform.t"].status is S.SUCCESS
    project.close()


class Silent(Executor):
    """An executor that is closed."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        raise RuntimeError("cannot schedule new futures after shutdown")


def test_an_executor_that_does_no_work_is_refused_by_name(tmp_path: Path) -> None:
    project = Project(tmp_path, namespace={}, executor=Silent())
    project.transform("t", "SELECT 1 AS x")
    with pytest.raises(UsageError, match="the executor Silent does no work"):
        project.run(progress=False)
    project.close()


class Unlike(Executor):
    """An executor of somebody else's: it runs a call where it is."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@pytest.mark.parametrize("make", [lambda: ThreadPoolExecutor(2), Unlike], ids=["threads", "another"])
def test_an_executor_of_this_process_works_with_the_runs_own_engine(tmp_path: Path, make: Any) -> None:
    lock = threading.Lock()
    project = Project(tmp_path, namespace=cells("import os\ndef pid():\n    return os.getpid()"))
    project.transform("a", "SELECT 1 AS x")
    project.transform("b", python="result = a.assign(pid=pid())", inputs=["a"])
    with make() as executor, lock:
        assert ran(project, executor=executor, workers=2).successful_nodes == 2
    assert project["b"]["pid"].tolist() == [os.getpid()]
    project.close()


def test_a_retry_is_a_job_again(tmp_path: Path, pool: Any) -> None:
    project = Project(tmp_path, namespace={})
    mark = tmp_path / "mark"
    project.transform("t", python=f"from pathlib import Path\nmark = Path({str(mark)!r})\nif not mark.exists():\n    mark.touch()\n    raise ValueError('once')\nresult = [{{'x': 1}}]")
    found = project.runner(executor=pool).run(progress=False, retry=1)
    assert (found["transform.t"].status, found["transform.t"].attempts) == (S.SUCCESS, 2)
    assert list((tmp_path / "target/outputs").glob("**/.*-*")) == []
    project.close()
