"""What must never happen, each once seen: a wrong row from the cache, a lock that stays, finished work that is lost."""

import builtins
import sqlite3
import threading

import pytest
from waiting import END, Gate, eventually, ours

from seeknal_nb import DAGRunner, Manifest, Node, Project
from seeknal_nb.errors import ManifestError, NodeError
from seeknal_nb.sql.names import canonical, tables_in
from seeknal_nb.workflow import walk
from seeknal_nb.workflow.events import NodeFinished, NodeStarted


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path)
    yield made
    made.close()


def run(project, **options):
    return {r.node_id.partition(".")[2]: str(r.status) for r in project.run(progress=False, **options).results}


def test_a_file_that_changes_between_plan_and_read_is_not_kept_under_its_former_content(project, tmp_path):
    """Else going back to the former file would serve the later rows for good."""
    path = tmp_path / "a.csv"
    path.write_text("x\n1\n")
    project.source("s", csv="a.csv")
    for event in project.stream():
        if isinstance(event, NodeStarted):
            path.write_text("x\n2\n")
        if isinstance(event, NodeFinished):
            assert event.result.status == "failed"
            assert "changed while it was read" in event.result.error_message
    path.write_text("x\n1\n")
    assert run(project) == {"s": "success"}
    assert project["s"]["x"].tolist() == [1]


def test_a_parameter_that_python_reads_is_part_of_its_key(project):
    project.transform("t", python='[{"x": ctx.params["n"]}]')
    assert run(project, params={"n": 1}) == {"t": "success"}
    assert run(project, params={"n": 1, "other": 5}) == {"t": "cached"}
    assert run(project, params={"n": 2}) == {"t": "success"}
    assert project["t"]["x"].tolist() == [2]


def test_a_folder_s_name_is_part_of_what_a_source_is(project, tmp_path):
    (tmp_path / "d" / "year=2023").mkdir(parents=True)
    project.transform("w", "SELECT 1 AS a")
    run(project)
    next((tmp_path / "target/outputs/transform/w").glob("*/data.parquet")).rename(tmp_path / "d/year=2023/f.parquet")
    project.source("s", "SELECT * FROM read_parquet('d/*/f.parquet', hive_partitioning = true)")
    assert run(project, nodes=["s"])["s"] == "success"
    (tmp_path / "d/year=2023").rename(tmp_path / "d/year=2024")
    assert run(project, nodes=["s"])["s"] == "success"
    assert project["s"]["year"].tolist() == [2024]


def test_what_sqlite_has_committed_to_its_log_is_seen(project, tmp_path):
    with sqlite3.connect(tmp_path / "a#b.db") as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("CREATE TABLE t (x INTEGER)")
        writer.execute("INSERT INTO t VALUES (1)")
        writer.commit()
        project.source("s", source="sqlite", path="a#b.db", params={"table": "t"})
        assert run(project) == {"s": "success"}
        writer.execute("INSERT INTO t VALUES (2)")
        writer.commit()
        assert run(project) == {"s": "success"}
        assert sorted(project["s"]["x"]) == [1, 2]
    writer.close()


@pytest.mark.parametrize(("one", "other"), [
    ("SELECT j -> 'b.c' FROM t", "SELECT j -> '$.b.c' FROM t"), ("SELECT 1 AS a", "SELECT 1 AS A"), ("SELECT 'a  b'", "SELECT 'a b'"),
    ('SELECT "a" FROM t', 'SELECT "A" FROM t'), ("SELECT $$a$$", "SELECT $$A$$"), ("SELECT e'a'", "SELECT e'A'"),
    ("SELECT 1 -- 2", "SELECT 1 - -2"), ("SELECT a.b FROM t a", "SELECT a, b FROM t a"), ("SELECT 1; SELECT 2", "SELECT 1 SELECT 2"),
])  # fmt: skip
def test_another_statement_has_another_normal_form(one, other):
    assert canonical(one) != canonical(other)


@pytest.mark.parametrize(("one", "other"), [
    ("select a from t", "SELECT a\n  FROM t -- why\n"), ("SELECT SUM(x) FROM t;", "select sum( x ) from t"),
    ("SELECT 1 /* a /* nested? */", "SELECT 1"), ("with c as (select 1) from c", "WITH c AS (SELECT 1)\nFROM c"),
])  # fmt: skip
def test_layout_case_of_words_and_comments_do_not_count(one, other):
    assert canonical(one) == canonical(other)


def test_a_cte_may_have_the_name_of_the_table_that_it_reads(project):
    assert [t.text for t in tables_in("WITH users AS (SELECT * FROM users WHERE x > 1) SELECT * FROM users")] == ["users"]
    assert tables_in("WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) FROM r") == ()
    project.transform("users", "SELECT unnest([1, 2, 3]) AS x")
    project.transform("big", "WITH users AS (SELECT * FROM users WHERE x > 1) SELECT count(*) AS n FROM users")
    assert run(project) == {"users": "success", "big": "success"}
    assert project["big"]["n"].tolist() == [2]


def test_looking_at_a_view_runs_nothing_but_one_select(project, tmp_path):
    with pytest.raises(ManifestError, match="one SELECT"):
        project.transform("v", f"SELECT 1 AS x; COPY (SELECT 1) TO '{tmp_path}/p.csv'", materialized="view")
    engine = project.runner().engine.get()
    from seeknal_nb.engines import Relation

    bound = {"transform.v": Relation(sql=f"SELECT 1; COPY (SELECT 1) TO '{tmp_path}/p.csv'")}
    with pytest.raises(NodeError), engine.session(bound):
        pass
    assert not (tmp_path / "p.csv").exists()


def test_a_statement_cannot_hide_behind_a_quoted_text(project, tmp_path):
    """DuckDB and we must split a body at the same places, or one of us looks at the wrong statements."""
    project.transform("t", f"CREATE TEMP TABLE a AS SELECT e'\\''; COPY (SELECT 1) TO '{tmp_path}/p.csv'; SELECT ';' AS x")
    assert run(project) == {"t": "failed"}
    assert not (tmp_path / "p.csv").exists()


def test_a_consumer_that_fails_frees_the_lock_and_loses_nothing(project):
    project.transform("a", "SELECT 1 AS x")
    project.transform("b", "SELECT * FROM a")

    def consume():
        for event in project.runner().stream():
            if isinstance(event, NodeFinished) and event.result.node_id == "transform.a":
                raise RuntimeError("the consumer")

    with pytest.raises(RuntimeError, match="the consumer") as kept:
        consume()
    assert run(project) == {"a": "cached", "b": "success"}
    del kept
    assert run(project) == {"a": "cached", "b": "cached"}


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_closing_a_run_keeps_all_that_has_finished(tmp_path, monkeypatch, stop):
    """In-flight work is interrupted, what is finished is kept."""
    manifest, done = Manifest("m"), []
    for number in range(4):
        manifest.add_node(Node(f"work.n{number}", f"n{number}", "work"))
    monkeypatch.setattr(walk, "GRACE", END)
    ready = threading.Barrier(4)

    def work(node):
        ready.wait()
        done.append(node.id)
        return {"row_count": 1}

    events = DAGRunner(manifest, root=tmp_path, kinds={"work": work}, workers=4).stream()
    finished = (event for event in events if isinstance(event, NodeFinished))
    for _ in range(stop):
        next(finished)
    eventually(lambda: len(done) == 4)
    events.close()
    again = DAGRunner(manifest, root=tmp_path, kinds={"work": lambda node: {"row_count": 2}}).run(progress=False)
    assert again.cached_nodes == 4


def test_a_body_that_was_given_up_delivers_nothing_later(project, tmp_path, monkeypatch):
    project.transform("a", "SELECT 1 AS x")
    gate, foreign = Gate(), ours()
    monkeypatch.setattr(builtins, "gate", gate, raising=False)
    monkeypatch.setattr(walk, "GRACE", 0.1)
    project.exposure("e", python="def e(a):\n    import builtins\n    builtins.gate.wait()\n    return a", to="late.csv")
    project.transform("b", "SELECT x FROM a")
    events = project.stream(workers=2)
    started = (event.node_id for event in events if isinstance(event, NodeStarted))
    assert [next(started) for _ in range(3)] == ["transform.a", "exposure.e", "transform.b"]
    gate.reached.wait()  # the body goes on, and nobody asks for more
    events.close()
    gate.opened.set()
    eventually(lambda: ours() <= foreign)
    assert not (tmp_path / "late.csv").exists()


@pytest.mark.parametrize("found", [None, 7, {"row_count": -1}, {"row_count": "many"}])
def test_what_an_executor_gives_is_looked_at(tmp_path, found):
    manifest = Manifest("m")
    manifest.add_node(Node("work.n", "n", "work"))
    manifest.add_node(Node("work.m", "m", "work"))
    kinds = {"work": lambda node: found if node.name == "n" else {"row_count": 1, "metadata": {(1, 2): float("nan")}}}
    summary = DAGRunner(manifest, root=tmp_path, kinds=kinds).run(progress=False, continue_on_error=True)
    assert (summary["work.n"].status, summary["work.m"].status) == ("failed", "success")


@pytest.mark.parametrize("config", [
    {"checks": [{"range": {"column": "x", "minimum": 0}}]}, {"checks": [{"range": {"min": 0}}]}, {"checks": [{"row_count": {"least": 1}}]},
    {"checks": [{"accepted_values": {"column": "x"}}]}, {"sql": "SELECT 1", "error_if": "often"},
])  # fmt: skip
def test_a_check_that_could_never_fail_is_refused(project, config):
    project.transform("a", "SELECT 1 AS x")
    with pytest.raises(ManifestError):
        project.node("rule", "r", inputs=["a"], **config)


def test_reading_yaml_again_keeps_the_notebook_s_edges(project, tmp_path):
    (tmp_path / "seeknal").mkdir()
    (tmp_path / "seeknal/s.yml").write_text("kind: source\nname: s\nsql: SELECT 1 AS x\n")
    project.load_folder()
    project.transform("t", "SELECT * FROM s")
    (tmp_path / "seeknal/s.yml").write_text("kind: source\nname: s\nsql: SELECT 2 AS x\n")
    project.load_folder()
    assert [(e.from_node, e.to_node) for e in project.manifest.edges] == [("source.s", "transform.t")]
    run(project)
    assert project["t"]["x"].tolist() == [2]


def test_every_attempt_of_a_body_begins_with_what_the_notebook_holds(project):
    project.namespace = {"left": [1, 2]}
    project.transform("t", python="rows = [{'x': v} for v in left]\nleft.clear()\nif len(rows) < 2: raise ValueError\nrows")
    assert run(project, retry=1) == {"t": "success"}
    assert project.namespace["left"] == [1, 2]
    assert project.directory.exists()
