"""Builds in an object store: what others have built is found, proved and not built again; what is built here is found there."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import pytest

from seeknal_nb import Project
from seeknal_nb.cli import main
from seeknal_nb.errors import StateError, UsageError
from seeknal_nb.storage.builds import Build
from seeknal_nb.storage.proofs import Proofs
from seeknal_nb.storage.remote import Remote
from seeknal_nb.storage.shared import SharedStore
from seeknal_nb.storage.stages import files_in, new_stage
from seeknal_nb.workflow.events import ExecutionSummary

ROOT = Path(__file__).parents[2]
AWAY = "http://127.0.0.1:9"
"""Where nobody listens."""


@pytest.fixture
def opened(bucket, tmp_path) -> Iterator[Callable[..., Project]]:
    """A project in a folder of its own, as on another machine, with the same nodes."""
    made: list[Project] = []

    def of(folder: str, *, rows: str = "1,2\n3,4\n", **options: Any) -> Project:
        home = tmp_path / folder
        home.mkdir(exist_ok=True)
        (home / "a.csv").write_text(f"x,y\n{rows}")
        project = Project(home, name="p", **{"outputs": bucket.url, **options})
        project.source("a", path="a.csv")
        project.transform("t", "SELECT x, sum(y) AS y FROM a GROUP BY x")
        project.transform("u", "SELECT count(*) AS n FROM t")
        made.append(project)
        return project

    yield of
    for project in made:
        project.close()


def run(project: Project, **options: Any) -> dict[str, str]:
    """How each node came out and why, by its bare name."""
    return told(project.run(progress=False, **options))


def told(summary: ExecutionSummary) -> dict[str, str]:
    return {one.node_id.partition(".")[2]: f"{one.status}: {one.reason}" for one in summary.results}


def kept(project: Project, name: str = "data.parquet") -> list[str]:
    """The nodes whose files are here."""
    return sorted({path.parts[-3] for path in (project.directory / "target/outputs").rglob(name) if ".staging" not in path.parts})


FOUND = dict.fromkeys("atu", "cached: built elsewhere")


# Another machine


def test_a_colleague_s_run_finds_what_was_built_says_so_and_pulls_no_rows(opened):
    first, second = opened("one"), opened("two")
    assert set(run(first).values()) == {"success: never built"}
    assert run(second) == FOUND
    assert kept(second) == []
    assert [s.action for s in second.plan()] == ["cached"] * 3
    digests = [{i: state.digest for i, state in one.runner().states().items()} for one in (first, second)]
    assert digests[0] == digests[1]
    assert second.summary.results[1].row_count == 2


def test_what_is_up_to_date_asks_no_network(opened, monkeypatch, bucket):
    run(opened("one"))
    second = opened("two")
    run(second)
    monkeypatch.setattr(Remote, "_errors", lambda *_: pytest.fail("it asked"))
    assert set(run(second).values()) == {"cached: up to date"}
    again = opened("two")
    again.plan()
    again.status()
    assert set(run(again).values()) == {"cached: up to date"}


def test_a_plan_and_a_look_ask_no_network(opened, monkeypatch):
    run(opened("one"))
    second = opened("two")
    monkeypatch.setattr(Remote, "_errors", lambda *_: pytest.fail("it asked"))
    assert [s.action for s in second.plan()] == ["run"] * 3
    second.status()


def test_only_what_is_read_is_pulled(opened):
    run(opened("one"))
    second = opened("two")
    second.transform("v", "SELECT * FROM t WHERE y > 2")
    assert run(second) == {**FOUND, "v": "success: never built"}
    assert kept(second) == ["t", "v"]
    assert kept(second, "remote-*.json") == ["a", "u"]
    assert set(run(second).values()) == {"cached: up to date"}


def test_what_lies_below_a_view_is_pulled_for_its_reader(opened):
    def with_view(folder: str) -> Project:
        project = opened(folder)
        project.transform("w", "SELECT x + 1 AS x FROM t", materialized="view")
        return project

    run(with_view("one"))
    second = with_view("two")
    second.transform("v", "SELECT sum(x) AS s FROM w")
    assert run(second)["v"] == "success: never built"
    assert second["v"].s.tolist() == [6]
    assert kept(second) == ["t", "v"]


def test_to_show_a_node_pulls_it(opened):
    run(opened("one"))
    second = opened("two")
    run(second)
    assert second["t"].sort_values("x").y.tolist() == [2, 4]
    assert kept(second) == ["t"]
    assert second.show("u").row_count == 1


@pytest.mark.parametrize("options", [{"workers": 3}, {"executor": "processes", "workers": 2}])
def test_workers_and_processes_share_as_one_thread_does(opened, options):
    first, second = opened("one", **options), opened("two", **options)
    run(first)
    second.transform("v", "SELECT t.x, n FROM t, u")
    assert run(second) == {**FOUND, "v": "success: never built"}
    assert len(second["v"]) == 2


def test_a_change_builds_what_follows_from_it_and_finds_the_rest(opened):
    run(opened("one"))
    second = opened("two", rows="1,2\n5,6\n")
    assert run(second) == {"a": "success: never built", "t": "success: never built", "u": "success: never built"}
    third = opened("three", rows="1,2\n5,6\n")
    assert run(third) == FOUND
    assert third["t"].x.sort_values().tolist() == [1, 5]


def test_a_node_that_failed_here_is_taken_from_who_built_it(opened, monkeypatch):
    first, second = opened("one"), opened("two")
    run(first)
    with monkeypatch.context() as patched:
        patched.setattr(SharedStore, "fetch", lambda *_: None)
        patched.setattr(SharedStore, "publish", refused)
        assert run(second)["a"] == "failed: never built"
    assert set(run(second).values()) == {"cached: built elsewhere"}


def refused(*_args: Any, **_options: Any) -> Any:
    raise StateError("the disk is full")


def test_the_earlier_builds_of_a_project_are_shared_by_the_next_run(opened, bucket):
    first = opened("one", outputs="")
    run(first)
    assert bucket.held() == []
    again = opened("one")
    assert set(run(again).values()) == {"cached: up to date"}
    assert run(opened("two")) == FOUND
    before = bucket.held()
    run(again)
    assert bucket.held() == before


def test_what_clean_took_away_is_found_again(opened):
    run(opened("one"))
    second = opened("two")
    run(second)
    shutil.rmtree(second.directory / "target/outputs")
    assert run(second) == FOUND


def test_one_state_and_one_store_serve_two_folders(opened, tmp_path):
    """The entries say what was built; its files come from the store."""
    options = {"state": f"sqlite:///{tmp_path}/state.db"}
    first, second = opened("one", **options), opened("two", **options)
    run(first)
    assert run(second) == FOUND
    first.transform("v", "SELECT 1 AS one")
    second.transform("v", "SELECT 1 AS one")
    run(second)
    assert run(first)["v"] == "cached: built elsewhere"


# What is never taken from others


def test_full_executes_all_and_its_builds_take_the_place_of_those_that_were(opened, bucket):
    run(opened("one"))
    second = opened("two")
    before = bucket.held()
    assert set(run(second, full=True).values()) == {"success: full run"}
    assert len(bucket.held()) > len(before)
    stages = {json.loads(body)["stage"] for body in read(bucket, "build.json")}
    assert not any(stage in name for stage in stages for name in before)
    third = opened("three")
    assert run(third) == FOUND
    assert len(third["t"]) == 2


def read(bucket: Any, name: str) -> list[bytes]:
    found: list[bytes] = []
    bucket.change(name, lambda body: found.append(body) or body)
    return found


def test_what_is_delivered_is_delivered_by_each(opened):
    for folder in ("one", "two"):
        project = opened(folder)
        project.exposure("e", "SELECT * FROM u", to="out.csv")
        assert run(project)["e"] == "success: never built"
        assert (project.directory / "out.csv").read_text() == "n\n2\n"


def test_kinds_of_one_s_own_and_what_counts_the_days_stay_here(opened, bucket):
    for folder in ("one", "two"):
        project = opened(folder, kinds={"aggregation": lambda _node: {"row_count": 1}})
        project.aggregation("own", "SELECT 1 AS x")
        project.transform("daily", "SELECT 1 AS one", refresh="1d")
        project.transform("view", "SELECT * FROM a", materialized="view")
        found = run(project)
        assert found["daily"] == "success: never built"
        assert found["view"].startswith("success")
        assert found["own"].startswith("success")
    assert not [name for name in bucket.held() if "/daily/" in name or "/view/" in name or "/own/" in name]


# What goes wrong


def test_a_store_that_is_away_holds_nobody_up_is_told_and_gets_all_by_the_next_run(opened, bucket, monkeypatch):
    first = opened("one")
    with monkeypatch.context() as patched:
        patched.setenv("AWS_ENDPOINT_URL", AWAY)
        assert set(run(first).values()) == {"success: never built"}
        [line] = [line for line in first.summary.advice if "shared" in line]
        assert "the next run will try again" in line
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    assert bucket.held() == []
    assert set(run(opened("one")).values()) == {"cached: up to date"}
    assert run(opened("two")) == FOUND


def test_a_bucket_that_is_not_there_is_told(opened):
    first = opened("one", outputs="s3://nobody-made-this/x")
    assert set(run(first).values()) == {"success: never built"}
    assert "nobody-made-this" in " ".join(first.summary.advice)


def test_a_run_that_was_killed_between_the_files_and_the_record_has_left_nothing_that_counts(opened, monkeypatch):
    first = opened("one")
    with monkeypatch.context() as patched:
        patched.setattr(Remote, "claim", lambda *_args, **_more: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            first.run(progress=False)
    assert set(run(opened("two")).values()) == {"success: never built"}
    assert run(opened("three")) == FOUND


@pytest.mark.parametrize("how", [lambda body: body[:-1], lambda body: bytes([body[0] ^ 1]) + body[1:], lambda _body: None], ids=["cut", "flipped", "gone"])
def test_files_that_are_damaged_there_are_not_read_and_the_next_run_builds_them_anew(opened, bucket, how):
    run(opened("one"))
    second = opened("two")
    run(second)
    bucket.change("data.parquet", how, within="/t/")
    second.transform("v", "SELECT count(*) AS n FROM t")
    summary = second.run(progress=False)
    [failed] = summary.failed
    assert failed.node_id == "transform.v"
    assert "the build of transform.t cannot be read" in failed.error_message
    assert "run again" in failed.error_message
    assert run(second)["v"].startswith("success")
    assert second["v"].n.tolist() == [2]
    third = opened("three")
    assert run(third) == FOUND
    assert third["t"].y.sort_values().tolist() == [2, 4]


def test_what_a_rule_of_the_bucket_took_away_is_built_anew_all_at_once(opened, bucket):
    """As of objects that expire: the second run builds all that it needs."""
    run(opened("one"))
    second = opened("two")
    run(second)
    bucket.change("", lambda _body: None)
    second.transform("v", "SELECT count(*) AS n FROM u")
    assert run(second)["v"] == "failed: never built"
    assert {name: how.split(":")[0] for name, how in run(second).items()} == dict.fromkeys("atuv", "success")
    assert run(opened("three")) == FOUND


@pytest.mark.parametrize("how", [lambda body: body[:-1], lambda body: body.replace(b"digest", b"dogest"), lambda _body: b"", lambda _body: b"[]", lambda body: body.replace(b'"stage": "', b'"stage": "../')], ids=["cut", "changed", "empty", "other", "path"])
def test_a_record_that_is_damaged_there_counts_for_nothing_and_is_replaced(opened, bucket, how):
    run(opened("one"))
    bucket.change("build.json", how)
    second = opened("two")
    assert set(run(second).values()) == {"success: never built"}
    third = opened("three")
    assert run(third) == FOUND
    assert len(third["t"]) == 2


def test_a_record_of_another_node_is_not_taken(opened, bucket):
    run(opened("one"))
    bodies = {name: bucket.client.get_object(Bucket=bucket.name, Key=name)["Body"].read() for name in bucket.held() if name.endswith("build.json")}
    names = [*bodies]
    for name, other in zip(names, reversed(names), strict=True):
        bucket.client.put_object(Bucket=bucket.name, Key=name, Body=bodies[other])
    found = run(opened("two"))
    assert found["a"] == found["u"] == "success: never built"


def test_a_local_record_of_a_far_build_that_somebody_changed_is_noticed(opened):
    run(opened("one"))
    second = opened("two")
    run(second)
    for file in (second.directory / "target/outputs").rglob("remote-*.json"):
        file.write_bytes(file.read_bytes().replace(b"data.parquet", b"date.parquet"))
    assert run(second) == FOUND
    assert len(second["t"]) == 2


# Two at once


def published(folder: Path, url: str, rows: int) -> tuple[str | None, str]:
    """Publish a build of one key; gives the digest that it has then, and of the file."""
    store = SharedStore(folder / "outputs", Proofs(folder / "proofs"), Remote(url, "p"))
    store.begin((), asks=True)
    stage = new_stage(store.root, "source.s", "k" * 32)
    (stage / "data.parquet").write_bytes(b"x" * rows)
    files = files_in(stage, "k" * 32)
    store.send(stage, "source.s", "k" * 32)
    build = store.publish(stage, Build("source.s", "k" * 32, row_count=rows, schema=(("x", "BIGINT"),)), files, seconds=1.0, former=lambda _: None)
    file = build.path.parent / build.files[0].name
    store.bring({file: build.files[0]})
    return build.digest, file.read_bytes().decode()


def test_of_eight_that_publish_at_once_one_is_first_and_all_have_its_build(bucket, tmp_path):
    with ThreadPoolExecutor(8) as pool:
        found = [*pool.map(lambda n: published(tmp_path / str(n), bucket.url, n + 1), range(8))]
    assert len({*found}) == 1
    assert len([name for name in bucket.held() if name.endswith("build.json")]) == 1
    assert len([name for name in bucket.held() if name.endswith("data.parquet")]) == 1


def test_an_answer_that_was_lost_is_no_loss(bucket, monkeypatch):
    """The request is made again, and finds its own record."""
    remote = Remote(bucket.url, "p")
    assert remote.claim("k/build.json", b"mine") == b"mine"
    assert remote.claim("k/build.json", b"mine") == b"mine"
    assert remote.claim("k/build.json", b"yours") == b"mine"
    assert remote.claim("k/build.json", b"yours", replace=True) == b"yours"


# Partitions


def days(opened: Any, folder: str, *, odd: str = "", **options: Any) -> Project:
    project = opened(folder, **options)
    (project.directory / "d").mkdir(exist_ok=True)
    for day in range(1, 6):
        (project.directory / f"d/2024-01-0{day}.csv").write_text(f"day,v\n2024-01-0{day},{day}\n" + (odd if day == 3 else ""))
    project.source("days", path="d/*.csv", partition_by="file")
    project.transform("sums", "SELECT day, v FROM days WHERE v > 0", partition_by="inherit")
    project.transform("twice", "SELECT day, 2 * v AS v FROM sums", partition_by="inherit")
    return project


def test_partitions_are_found_one_by_one(opened):
    run(days(opened, "one"))
    second = days(opened, "two")
    found = run(second)
    assert (found["days"], found["sums"]) == ("cached: built elsewhere",) * 2
    third = days(opened, "three", odd="2024-01-03,100\n")
    summary = third.run(progress=False)
    counts = {one.node_id: one.counts for one in summary.results if one.counts}
    assert counts == dict.fromkeys(("source.days", "transform.sums", "transform.twice"), (1, 5))
    assert third["sums"].v.sort_values().tolist() == [1, 2, 3, 4, 5, 100]
    assert set(run(third).values()) == {"cached: up to date"}
    fourth = days(opened, "four", odd="2024-01-03,100\n")
    assert run(fourth)["sums"] == "cached: built elsewhere"
    assert fourth["sums"].v.sum() == 115


def test_a_reader_of_all_partitions_pulls_all_and_one_of_one_pulls_one(opened):
    run(days(opened, "one"))
    second = days(opened, "two", odd="2024-01-03,100\n")
    run(second)
    held = second.directory / "target/outputs/source/days"
    assert len([*held.rglob("data.parquet")]) == 1
    second.transform("all", "SELECT sum(v) AS v FROM days")
    run(second)
    assert second["all"].v.tolist() == [115]
    assert len([*held.rglob("data.parquet")]) == 5


def test_partitions_that_were_built_before_are_shared_before_a_list_that_names_them(opened):
    first = days(opened, "one")
    first.remote, remote = None, first.remote
    run(first)
    first.remote = remote
    (first.directory / "d/2024-01-03.csv").write_text("day,v\n2024-01-03,7\n")
    run(first)
    second = days(opened, "two")
    (second.directory / "d/2024-01-03.csv").write_text("day,v\n2024-01-03,7\n")
    assert run(second)["sums"] == "cached: built elsewhere"
    assert second["sums"].v.sum() == 19


# Models, renames


def test_a_model_travels_with_its_artefacts(opened):
    pytest.importorskip("sklearn")
    rows = "SELECT i AS id, i % 7 AS x, (i % 7 > 3)::INT AS label FROM range(200) r(i)"

    def with_model(folder: str) -> Project:
        project = opened(folder)
        project.source("rows", sql=rows)
        project.model("m", inputs=["rows"], training={"algorithm": "logistic_regression", "target": "label", "key": "id", "features": ["x"]})
        return project

    run(with_model("one"))
    second = with_model("two")

    second.transform("scored", python="result = ctx.predict('model.m', ref('rows'))")
    found = run(second)
    assert (found["m"], found["scored"]) == ("cached: built elsewhere", "success: never built")
    assert len(second["scored"]) == 200


def test_a_renamed_node_s_builds_are_shared_under_the_new_name(opened):
    home = opened("one")
    (home.directory / "seeknal").mkdir()
    (home.directory / "seeknal/n.yml").write_text("kind: transform\nname: old\ntransform: SELECT 1 AS x\n")
    (home.directory / "pyproject.toml").write_text(f'[tool.seeknal_nb]\nname = "p"\noutputs = "{home.remote.url.rpartition("/")[0]}"\n')
    project = Project.open(home.directory)
    run(project)
    project.rename("old", "new", write=True)
    assert set(run(project).values()) == {"cached: up to date"}
    assert [name for name in Remote(home.remote.url.rpartition("/")[0], "p").held() if name.startswith("transform/new/")]
    project.close()


# What is said


WRONG = [
    ("bucket", "is no URL of a store"),
    ("s3://", "is no URL of a store"),
    ("nosuch://bucket/x", "is no store that is known"),
]


@pytest.mark.parametrize(("url", "said"), WRONG)
def test_a_url_that_names_no_store_is_refused_before_anything_runs(opened, url, said):
    with pytest.raises(UsageError, match=said) as caught:
        opened("one", outputs=url).run(progress=False)
    assert caught.value.remedy


def test_a_store_whose_library_is_missing_names_the_extra_and_nothing_runs(opened, monkeypatch):
    project = opened("one")
    monkeypatch.setattr("fsspec.core.url_to_fs", lambda *_args, **_options: (_ for _ in ()).throw(ImportError("Install s3fs to access S3")))
    with pytest.raises(StateError, match=r"seeknal_nb\[s3\]"):
        project.run(progress=False)
    assert kept(project) == []


def test_builds_are_shared_under_the_project_s_name(tmp_path, bucket, capsys):
    (tmp_path / "seeknal").mkdir()
    (tmp_path / "seeknal/n.yml").write_text("kind: transform\nname: t\ntransform: SELECT 1 AS x\n")
    assert main(["run", "--project", str(tmp_path), "--outputs", bucket.url]) == 2
    assert "needs a name to share its builds" in capsys.readouterr().err
    (tmp_path / "pyproject.toml").write_text(f'[tool.seeknal_nb]\nname = "orders"\noutputs = "{bucket.url}"\n')
    assert main(["run", "--project", str(tmp_path)]) == 0
    assert all(name.startswith("builds/orders/") for name in bucket.held())
    assert main(["doctor", "--project", str(tmp_path)]) == 0
    assert "s3fs" in capsys.readouterr().out
    assert not [name for name in bucket.held() if "check" in name]


def test_the_doctor_tells_that_a_store_is_away(tmp_path, bucket, monkeypatch, capsys):
    (tmp_path / "pyproject.toml").write_text(f'[tool.seeknal_nb]\nname = "orders"\noutputs = "{bucket.url}"\n')
    monkeypatch.setenv("AWS_ENDPOINT_URL", AWAY)
    assert main(["doctor", "--project", str(tmp_path)]) == 1
    assert "cannot write" in capsys.readouterr().out


def test_a_process_of_its_own_finds_what_this_one_built(opened, bucket, tmp_path):
    run(opened("one"))
    code = (
        "from seeknal_nb import Project; p = Project('.', name='p', outputs=" + repr(bucket.url) + ")\n"
        "p.source('a', path='a.csv')\np.transform('t', 'SELECT x, sum(y) AS y FROM a GROUP BY x')\n"
        "print(p.run(progress=False).cached_nodes, len(p['t']))"
    )
    home = tmp_path / "three"
    home.mkdir()
    (home / "a.csv").write_text("x,y\n1,2\n3,4\n")
    ran = subprocess.run([sys.executable, "-c", code], cwd=home, text=True, capture_output=True, check=False, env={**__import__("os").environ, "PYTHONPATH": str(ROOT)})
    assert ran.stdout.strip() == "2 2", ran.stderr


# What nobody needs


def test_clean_removes_there_what_no_entry_of_the_shared_state_names_and_is_old(opened, bucket, tmp_path):
    options = {"state": f"sqlite:///{tmp_path}/state.db"}
    first = days(opened, "one", **options)
    run(first)
    (first.directory / "a.csv").write_text("x,y\n7,8\n")
    (first.directory / "d/2024-01-03.csv").write_text("day,v\n2024-01-03,9\n")
    run(first)
    before = bucket.held()
    assert first.clean(remote=True).rows == ()
    assert bucket.held() == before
    listed = first.clean(remote=True, older="0s", dry_run=True)
    assert bucket.held() == before
    gone = first.clean(remote=True, older="0s")
    assert listed.rows == gone.rows
    # a, t and u of before; of the days the list and one partition of three nodes
    assert sorted({path.split("/")[1] for path, _, _ in gone.rows}) == ["a", "days", "sums", "t", "twice", "u"]
    assert len([path for path, _, _ in gone.rows if "/days/" in path]) == 2
    shutil.rmtree(first.directory / "target/outputs")
    assert set(run(first).values()) == {"cached: built elsewhere"}
    assert first["sums"].v.sum() == 21


def test_clean_asks_for_a_state_and_a_store_that_all_share(opened, tmp_path):
    with pytest.raises(UsageError, match="the state is not shared"):
        opened("one").clean(remote=True)
    with pytest.raises(UsageError, match="no store of shared builds"):
        opened("two", outputs="").clean(remote=True)
    with pytest.raises(UsageError, match="by age alone"):
        opened("three").clean(remote=True, keep=2)


# What was here, and is not what it was


@pytest.mark.parametrize("state", ["sqlite:///../state.db", "json:///../state"])
@pytest.mark.parametrize("shared", [True, False])
def test_a_build_that_another_machine_has_made_anew_is_no_longer_the_one_that_lies_here(opened, bucket, shared, state):
    """One state, one key, other rows: whoever has the former ones takes or makes what the entry tells of."""
    options = {"state": state, "outputs": bucket.url if shared else ""}
    one, two = opened("one", **options), opened("two", **options)
    for project in (one, two):
        project.source("r", sql="SELECT random() AS r")
        project.transform("s", "SELECT r FROM r")
    run(one)
    run(two, full=True)
    for project in (one, two):
        project.transform("v", "SELECT r FROM s")
    found = run(one)
    assert found["r"] == ("cached: built elsewhere" if shared else "success: output missing")
    assert one["r"].r.tolist() == one["s"].r.tolist() == one["v"].r.tolist()
    run(two)
    assert two["r"].r.tolist() == two["s"].r.tolist() == two["v"].r.tolist()
    if shared:
        assert two["v"].r.tolist() == one["v"].r.tolist()


@pytest.mark.parametrize("how", ["other rows", "gone", "cut"])
def test_a_partition_that_is_damaged_here_is_pulled_again(opened, how):
    run(days(opened, "one"))
    second = days(opened, "two")
    run(second)
    assert second["sums"].v.sum() == 15
    file = min((second.directory / "target/outputs/transform/sums").rglob("data.parquet"))
    if how == "other rows":
        duckdb.sql(f"COPY (SELECT DATE '2024-01-01' AS day, 1000 AS v) TO '{file}' (FORMAT parquet)")
    elif how == "cut":
        file.write_bytes(file.read_bytes()[:-4])
    else:
        file.unlink()
    second.transform("reader", "SELECT sum(v) AS v FROM sums")
    found = run(second)
    assert (found["sums"].split(":")[0], found["reader"]) == ("cached", "success: never built")
    assert second["reader"].v.tolist() == [15]
    assert second["sums"].v.sum() == 15


def test_a_partition_that_was_built_here_and_is_damaged_is_not_served(opened):
    first = days(opened, "one")
    run(first)
    file = min((first.directory / "target/outputs/transform/sums").rglob("data.parquet"))
    duckdb.sql(f"COPY (SELECT DATE '2024-01-01' AS day, 1000 AS v) TO '{file}' (FORMAT parquet)")
    first.transform("reader", "SELECT sum(v) AS v FROM sums")
    run(first)
    assert first["reader"].v.tolist() == [15]


LOST = {
    "all": ("", lambda _body: None),
    "rows": ("data.parquet", lambda _body: None),
    "cut rows": ("data.parquet", lambda body: body[:-3]),
    "records": ("build.json", lambda _body: None),
    "cut records": ("build.json", lambda body: body[:-3]),
}


@pytest.mark.parametrize("what", LOST)
def test_partitions_that_are_lost_there_are_built_anew_by_the_second_run(opened, bucket, what):
    run(days(opened, "one"))
    second = days(opened, "two")
    run(second)
    name, how = LOST[what]
    bucket.change(name, how, within="/sums/")
    second.transform("reader", "SELECT sum(v) AS v FROM sums")
    if what not in ("records", "cut records"):
        with pytest.raises(StateError, match="run again"):
            second["sums"]
    else:
        assert run(second)["reader"].startswith("failed")
    assert run(second)["reader"].startswith("success")
    assert second["reader"].v.tolist() == [15]
    assert second["sums"].v.sum() == 15
    third = days(opened, "three")
    run(third)
    assert third["sums"].v.sum() == 15


@pytest.mark.parametrize("text", [None, b"\xff\xfe", b""])
def test_what_is_known_to_be_there_may_be_lost(opened, bucket, text):
    run(days(opened, "one"))
    second = days(opened, "two")
    run(second)
    before = bucket.held()
    [known] = (second.directory / "target/outputs").glob(".shared-*")
    known.unlink() if text is None else known.write_bytes(text)
    second = days(opened, "two")
    assert set(run(second).values()) == {"cached: up to date"}
    assert not [line for line in second.summary.advice if "shared" in line]
    assert bucket.held() == before


def test_without_the_store_what_lies_there_is_missing_here(opened):
    run(days(opened, "one"))
    run(days(opened, "two"))
    alone = days(opened, "two", outputs="")
    assert {how.split(":")[0] for how in run(alone).values()} == {"success"}
    assert alone["sums"].v.sum() == 15


def test_a_rename_brings_the_files_that_are_not_here(opened, tmp_path, bucket):
    def at(folder: str) -> Project:
        home = tmp_path / folder
        (home / "seeknal").mkdir(parents=True)
        (home / "seeknal/n.yml").write_text("kind: transform\nname: old\ntransform: SELECT 1 AS x\n")
        (home / "pyproject.toml").write_text(f'[tool.seeknal_nb]\nname = "q"\noutputs = "{bucket.url}"\n')
        return Project.open(home)

    first, second = at("first"), at("second")
    run(first)
    assert run(second) == {"old": "cached: built elsewhere"}
    second.rename("old", "new", write=True)
    assert run(second) == {"new": "cached: up to date"}
    assert second["new"].x.tolist() == [1]
    first.close()
    second.close()


@pytest.mark.parametrize("name", ["a/b", "../a", "..", "."])
def test_a_name_that_is_no_folder_is_refused(tmp_path, bucket, name):
    with pytest.raises(UsageError, match="no name of a folder"):
        Project(tmp_path, name=name, outputs=bucket.url)


ANEW = "result = ref('log').assign(v=__import__('os').urandom(6).hex())"
"""Other rows each time."""


def test_partitions_that_were_built_anew_elsewhere_are_not_read_under_the_list_of_before(opened):
    """What reads them must not stand under the digest of the former ones."""
    def at(folder: str) -> Project:
        project = days(opened, folder)
        project.source("log", path="d/*.csv", partition_by="day(day)")
        project.transform("n", python=ANEW, partition_by="day(day)")
        return project

    one, two = at("one"), at("two")
    run(one)
    assert run(two)["n"] == "cached: built elsewhere"
    run(one, full=True)
    for project in (one, two):
        project.transform("k", "SELECT string_agg(v, ',' ORDER BY day) AS k FROM n")
    run(one)
    first = run(two)
    if first["k"].startswith("failed"):
        run(two)
    assert two["k"].k.tolist() == [",".join(two["n"].sort_values("day").v)]
    assert one["k"].k.tolist() == [",".join(one["n"].sort_values("day").v)]


def test_another_store_is_sent_all_of_it(opened, bucket):
    first = days(opened, "one")
    run(first)
    other = f"s3://{bucket.name}/other"
    again = days(opened, "one", odd="2024-01-03,100\n", outputs=other)
    run(again)
    third = days(opened, "two", odd="2024-01-03,100\n", outputs=other)
    assert run(third)["twice"] == "cached: built elsewhere"
    assert third["twice"].v.sum() == 230


def test_who_may_not_delete_builds_anew_what_is_lost_all_the_same(opened, bucket, monkeypatch):
    run(opened("one"))
    second = opened("two")
    run(second)
    bucket.change("data.parquet", lambda _body: None)
    monkeypatch.setattr(Remote, "remove", lambda *_: None)
    second.transform("v", "SELECT count(*) AS n FROM u")
    assert run(second)["v"].startswith("failed")
    assert run(second)["v"].startswith("success")
    third = opened("three")
    assert run(third) == FOUND
    assert len(third["t"]) == 2


def test_a_source_of_one_s_own_takes_no_partition_of_others(opened, bucket):
    run(days(opened, "one"))
    before = bucket.held()
    own = opened("two", kinds={"transform": lambda _node: {"row_count": 7}})
    found = run(own)
    assert (found["a"], found["t"]) == ("cached: built elsewhere", "success: never built")
    assert [name for name in bucket.held() if name not in before] == []


def test_who_was_second_tells_of_the_rows_that_count(opened, monkeypatch, tmp_path):
    """Both have asked before either has published, and their rows differ."""
    first, second = opened("one"), opened("two")
    for project, rows in ((first, 3), (second, 5)):
        project.transform("r", python=f"import pandas as pd, pathlib\nresult = pd.DataFrame({{'x': range(int(pathlib.Path('{tmp_path}/n').read_text()))}})")
        (tmp_path / "n").write_text(str(rows))
        with monkeypatch.context() as patched:
            patched.setattr(SharedStore, "fetch", lambda *_: None)
            summary = project.run(progress=False)
        assert {one.node_id: one.row_count for one in summary.results}["transform.r"] == 3
    assert second.runner().states()["transform.r"].row_count == 3
    assert len(second["r"]) == 3


@pytest.mark.parametrize("how", [lambda _body: None, lambda body: body + b"more"], ids=["gone", "longer"])
def test_a_chain_of_partitions_that_is_lost_there_is_built_anew_by_the_second_run(opened, bucket, how):
    run(days(opened, "one"))
    second = days(opened, "two")
    run(second)
    bucket.change("data.parquet", how)
    second.transform("reader", "SELECT sum(v) AS v FROM twice")
    assert run(second)["reader"].startswith("failed")
    assert not [line for line in second.summary.advice if "shared" in line]
    assert run(second)["reader"].startswith("success")
    assert second["reader"].v.tolist() == [30]


def test_what_lies_in_another_store_is_missing_here(opened, bucket):
    def with_more(folder: str, **options: Any) -> Project:
        project = days(opened, folder, **options)
        project.transform("alone", "SELECT 1 AS x")
        return project

    run(with_more("one"))
    run(with_more("two"))
    run(with_more("two"))
    again = with_more("two", outputs=f"s3://{bucket.name}/other")
    assert {how.split(":")[0] for how in run(again).values()} == {"success"}
    assert again["sums"].v.sum() == 15
    assert again["alone"].x.tolist() == [1]
    assert run(days(opened, "three", outputs=f"s3://{bucket.name}/other"))["sums"] == "cached: built elsewhere"


def test_former_rows_that_are_lost_there_hold_no_new_ones_up(opened, bucket):
    """They would be compared, so that what follows need not run."""
    run(opened("one"))
    second = opened("two")
    run(second)
    bucket.change("data.parquet", lambda _body: None)
    assert {how.split(":")[0] for how in run(second, full=True).values()} == {"success"}
    assert len(second["t"]) == 2


def test_a_partition_is_asked_for_again_when_it_was_learnt_of_long_ago(opened, bucket):
    """A rule of the bucket may have taken it away: a list that names it would be of no use to a fresh clone."""
    first = days(opened, "one")
    run(first)
    [known] = (first.directory / "target/outputs").glob(".shared-*")
    known.write_text("".join(f"{line.rpartition(' ')[0]} 10\n" for line in known.read_text().splitlines()))
    bucket.change("", lambda _body: None)
    again = days(opened, "one", odd="2024-01-03,100\n")
    run(again)
    second = days(opened, "two", odd="2024-01-03,100\n")
    assert run(second)["twice"] == "cached: built elsewhere"
    assert second["twice"].v.sum() == 230
