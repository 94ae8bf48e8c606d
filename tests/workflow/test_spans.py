"""Runs of some partitions: they share parts with the run of the whole, and leave its state, tables and deliveries alone."""

import random
import threading

import duckdb
import pytest

from seeknal_nb import Manifest, Project
from seeknal_nb.cli import main
from seeknal_nb.errors import ManifestError, SelectionError, StateError, UsageError
from seeknal_nb.kinds.task import Kind
from seeknal_nb.storage.outputs import OutputStore
from seeknal_nb.workflow.events import NodeProgress
from seeknal_nb.workflow.options import RunOptions
from seeknal_nb.workflow.request import Request

DAYS = 24


def put(root, day, rows=20, more=0):
    body = f"SELECT TIMESTAMP '2024-01-01' + INTERVAL {day} DAY + to_seconds(i * 3600) AS ts, i % 3 AS who, i + {more} AS amount FROM range({rows}) t(i)"
    duckdb.execute(f"COPY ({body}) TO '{root}/data/{day:03}.parquet'")


@pytest.fixture
def root(tmp_path):
    (tmp_path / "data").mkdir()
    for day in range(DAYS):
        put(tmp_path, day)
    (tmp_path / "users.csv").write_text("who,weight\n0,1\n1,2\n2,3\n")
    return tmp_path


def make(root, *, factor=1, lookback=2):
    project = Project(root, namespace={})
    project.source("orders", parquet="data/*.parquet", partition_by="day(ts)")
    project.source("users", csv="users.csv")
    project.transform("clean", sql=f"SELECT *, amount * {factor} AS paid FROM orders JOIN users USING (who)", partition_by="inherit")
    project.transform("daily", sql="SELECT ts::DATE AS day, who, sum(paid) AS total FROM clean GROUP BY ALL", partition_by="inherit")
    project.transform("rolling", sql="SELECT DISTINCT day, sum(total) OVER (ORDER BY day RANGE BETWEEN INTERVAL 2 DAYS PRECEDING AND CURRENT ROW) AS s FROM daily", partition_by="day(day)", lookback=lookback)
    project.transform("weekly", sql="SELECT date_trunc('week', day) AS week, sum(total) AS s FROM daily GROUP BY 1", partition_by="week(week)")
    project.transform("whole", sql="SELECT count(*) AS n, sum(s) AS s FROM rolling")
    project.exposure("out", inputs=["transform.whole"], to="out.csv")
    return project


def names(project, node, **span):
    return [row[0] for row in project.partitions(node, **span).rows]


def statuses(summary):
    return {result.node_id.partition(".")[2]: str(result.status) for result in summary.results}


def built(summary, name):
    [result] = [one for one in summary.results if one.node_id.endswith(f".{name}")]
    told = result.metadata.get("partitions")
    return (told["built"], told["total"]) if told else str(result.status)


class TestSpan:
    def test_what_is_asked_for_and_what_it_reads(self, root):
        project = make(root)
        summary = project.run(start="2024-01-10", end="2024-01-12", progress=False)
        assert not summary.failed_nodes
        span = {"start": "2024-01-10", "end": "2024-01-12"}
        assert names(project, "rolling", **span) == ["2024-01-10", "2024-01-11"]
        assert names(project, "weekly", **span) == ["2024-W02"]
        assert names(project, "daily", **span) == ["2024-01-10", "2024-01-11"]
        assert built(summary, "daily") == (7, 7)
        assert project.show("daily", **span).row_count == 6

    def test_its_tables_are_those_of_the_whole(self, root):
        project, span = make(root), {"start": "2024-01-10", "end": "2024-01-12"}
        project.run(**span, progress=False)
        some = {row["day"]: row["s"] for _, row in project.show("rolling", limit=100, **span).frame.iterrows()}
        week = project.show("weekly", **span).frame["s"].tolist()
        project.run(progress=False)
        frame = project["rolling"]
        assert some == {row["day"]: row["s"] for _, row in frame[(frame.day >= "2024-01-10") & (frame.day < "2024-01-12")].iterrows()}
        assert week == project["weekly"].sort_values("week")["s"].tolist()[1:2]

    def test_the_whole_takes_the_parts_and_the_other_way_round(self, root):
        project = make(root)
        project.run(start="2024-01-10", end="2024-01-12", progress=False)
        summary = project.run(progress=False)
        assert built(summary, "daily") == (DAYS - 7, DAYS)
        assert built(summary, "rolling") == (DAYS - 2, DAYS)
        summary = project.run(start="2024-01-15", end="2024-01-16", progress=False)
        assert built(summary, "rolling") == (0, 1)

    def test_state_tables_deliveries_and_history_stay(self, root):
        project = make(root)
        project.run(progress=False)
        delivered, before, states = (root / "out.csv").read_bytes(), project["rolling"], project.runner().states()
        put(root, 11, more=100)
        summary = project.run(start="2024-01-11", end="2024-01-13", progress=False)
        assert statuses(summary)["out"] == "skipped"
        assert "nothing is delivered" in str(summary["exposure.out"].reason)
        assert (root / "out.csv").read_bytes() == delivered
        assert project.runner().states() == states
        assert len(project.history().rows) == 1
        assert project["rolling"].equals(before)
        assert project.plan().runs[0] == "source.orders"
        summary = project.run(progress=False)
        assert statuses(summary)["out"] == "success"
        assert built(summary, "orders") == (0, DAYS)

    def test_what_it_does_not_narrow_is_remembered(self, root):
        project = make(root)
        project.run(sample=1, progress=False)
        assert project.runner().states().keys() == {"source.users"}
        assert statuses(project.run(progress=False))["users"] == "cached"

    def test_again_it_does_nothing(self, root):
        for span in ({"sample": 3}, {"start": "2024-01-20"}, {"end": "2024-01-03"}):
            make(root).run(**span, progress=False)
            summary = make(root).run(**span, progress=False)
            assert not summary.successful_nodes, [(r.node_id, r.reason) for r in summary.results]
        assert make(root).plan(sample=3).headline() == "8 nodes: 7 up to date, 1 left out"

    def test_a_sample_is_the_last_ones(self, root):
        project = make(root)
        project.run(sample=3, progress=False)
        for name in ("orders", "daily", "rolling"):
            assert names(project, name, sample=3) == ["2024-01-22", "2024-01-23", "2024-01-24"]
        assert project.show("whole", sample=3).frame["n"].tolist() == [3]
        some = project.show("rolling", sample=3).frame
        project.run(progress=False)
        assert some["s"].tolist() == project["rolling"].sort_values("day")["s"].tolist()[-3:]

    def test_a_sample_reaches_as_far_back_as_all_lookbacks_together(self, root):
        project = make(root)
        project.transform("twice", sql="SELECT DISTINCT day, sum(s) OVER (ORDER BY day RANGE BETWEEN INTERVAL 4 DAYS PRECEDING AND CURRENT ROW) AS s FROM rolling", partition_by="day(day)", lookback=4)
        summary = project.run(sample=2, progress=False)
        assert [built(summary, name) for name in ("orders", "rolling", "twice")] == [(8, 8), (6, 6), (2, 2)]
        some = project.show("twice", sample=2).frame["s"].tolist()
        project.run(progress=False)
        assert some == project["twice"].sort_values("day")["s"].tolist()[-2:]

    def test_what_is_named_is_not_replaced(self, root):
        """Both share builds: what the whole has must not change behind its back."""
        project = make(root)
        project.transform("odd", sql="SELECT ts, random() AS r FROM orders", partition_by="day(ts)")
        project.run(progress=False)
        before = project["odd"]
        project.run(nodes=["odd"], start="2024-01-01", progress=False)
        project.run(nodes=["odd"], sample=DAYS, progress=False)
        assert project["odd"].equals(before)
        assert not project.run(progress=False).successful_nodes

    def test_the_build_before_is_of_the_whole(self, root):
        project = make(root)
        project.run(progress=False)
        put(root, 3, more=1)
        project.run(sample=2, progress=False)
        project.run(progress=False)
        assert [row[3] for row in project.partitions("daily").rows].count("kept") == DAYS - 1
        assert project.show("rolling").before == DAYS

    def test_what_a_named_node_reads_is_not_built_again(self, root):
        project, span = make(root), {"start": "2024-01-10", "end": "2024-01-12"}
        project.run(progress=False)
        summary = project.run(nodes=["daily"], **span, progress=False)
        assert (built(summary, "orders"), built(summary, "clean"), built(summary, "daily")) == ((0, 7), (0, 7), (0, 7))
        assert not project.run(nodes=["daily"], **span, progress=False).successful_nodes

    def test_what_it_does_for_the_whole_is_told_with_the_other_runs(self, root):
        project = make(root)
        project.run(progress=False)
        (root / "users.csv").write_text("who,weight\n0,7\n1,8\n2,9\n")
        project.run(sample=1, progress=False)
        project.run(progress=False)
        assert project.at("last")["users"]["weight"].tolist() == [7, 8, 9]
        assert len(project.history().rows) == 3
        assert "source data changed" in str(project.why("users"))

    def test_a_node_that_is_gone_is_in_nobodys_way(self, root):
        project = make(root)
        project.transform("gone", sql="SELECT 1 AS a")
        project.run(progress=False)
        make(root).run(sample=2, progress=False)
        assert make(root).show("rolling", sample=2).row_count == 2

    def test_who_has_not_run_it_is_told_how(self, root):
        project = make(root)
        project.run(progress=False)
        with pytest.raises(SelectionError, match="no run has built these partitions"):
            project.show("daily", sample=2)

    def test_a_kind_that_delivers_does_not(self, root):
        told = []
        project = Project(root, namespace={}, kinds={"send": Kind(lambda task: told.append(1) or {"row_count": 1}, stages=False, addressed=False)})
        project.source("orders", parquet="data/*.parquet", partition_by="day(ts)")
        project.node("send", "it", inputs=["source.orders"])
        project.run(sample=2, progress=False)
        assert not told
        project.run(progress=False)
        assert told

    def test_to_the_end_of_time(self, root):
        project = make(root)
        project.run(start="2024-01-24", end="9999-12-31", progress=False)
        assert names(project, "rolling", start="2024-01-24", end="9999-12-31") == ["2024-01-24"]

    @pytest.mark.parametrize("given", [{"nodes": ["state:new"]}, {"nodes": ["result:failed"]}, {"old_manifest": Manifest()}])
    def test_what_is_of_the_whole_is_refused(self, root, given):
        with pytest.raises(UsageError, match=r"(has no meaning here|narrows a run of the whole)"):
            make(root).run(Request.of({"sample": 2, **given}), progress=False)

    def test_clean_keeps_builds_of_the_whole_first(self, root):
        project = make(root)
        project.run(progress=False)
        put(root, 3, more=1)
        project.run(progress=False)
        before = project.at("-2")["whole"]
        project.run(sample=2, progress=False)
        project.clean(keep=1)
        assert project.at("-2")["whole"].equals(before)

    def test_views_between_are_no_end(self, root):
        project, span = make(root), {"start": "2024-01-02", "end": "2024-01-04"}
        project.transform("seen", sql="SELECT ts, amount + 1 AS amount FROM orders", materialized="view")
        project.transform("late", sql="SELECT ts::DATE AS day, sum(amount) AS s FROM seen GROUP BY ALL", partition_by="inherit")
        project.run(**span, progress=False)
        assert project.show("late", **span).row_count == 2
        assert not project.run(**span, progress=False).successful_nodes
        project.run(progress=False)
        assert project.show("late").row_count == DAYS

    def test_a_view_is_shown_as_its_readers_have_read_it(self, root):
        project = make(root)
        project.transform("seen", sql="SELECT day, total, lag(total) OVER (ORDER BY day, who) AS before FROM daily", materialized="view")
        project.transform("stored", sql="SELECT * FROM seen")
        project.run(sample=3, progress=False)
        shown, stored = (project.show(name, sample=3, limit=100).frame.sort_values(["day", "total"]) for name in ("seen", "stored"))
        assert shown.astype(str).values.tolist() == stored.astype(str).values.tolist()

    def test_null_lies_in_no_span(self, root):
        duckdb.execute(f"COPY (SELECT NULL::TIMESTAMP AS ts, 1::BIGINT AS who, 5::BIGINT AS amount) TO '{root}/data/null.parquet'")
        project = make(root)
        project.run(sample=1, progress=False)
        assert names(project, "orders", sample=1) == ["2024-01-24"]
        project.run(progress=False)
        assert names(project, "orders")[-1] is None

    def test_where_there_is_nothing(self, root):
        project = make(root)
        summary = project.run(start="2030-01-01", progress=False)
        assert not summary.failed_nodes
        assert built(summary, "orders") == (0, 0)
        assert summary["source.orders"].warnings == ("it has no partition there: they are 2024-01-01 to 2024-01-24",)
        assert project.show("rolling", start="2030-01-01").frame.empty

    @pytest.mark.parametrize(("times", "told"), [(["2024-01-05"], "2024-01-05 to 2024-01-05"), ([""], "null to null"), (["", "2024-01-05"], "2024-01-05 to 2024-01-05")])
    def test_where_there_is_nothing_of_one_day(self, tmp_path, times, told):
        (tmp_path / "days.csv").write_text("ts,n\n" + "".join(f"{time},1\n" for time in times))
        project = Project(tmp_path, namespace={})
        project.source("days", csv="days.csv", partition_by="day(ts)", schema=[{"name": "ts", "data_type": "TIMESTAMP"}])
        summary = project.run(start="2030-01-01", progress=False)
        assert summary["source.days"].warnings == (f"it has no partition there: they are {told}",)

    def test_code_of_other_spans_is_not_taken(self, root):
        make(root).run(start="2024-01-10", end="2024-01-12", progress=False)
        project = make(root, factor=2)
        summary = project.run(start="2024-01-10", end="2024-01-12", progress=False)
        assert built(summary, "daily") == (7, 7)
        wider = make(root, factor=2, lookback=4)
        summary = wider.run(start="2024-01-08", end="2024-01-09", progress=False)
        assert built(summary, "orders")[1] == 11

    def test_nothing_of_it_is_left_out_of_a_rule(self, root):
        project = make(root)
        project.rule("full", inputs=["transform.daily"], rule={"value": "total < 20"})
        summary = project.run(sample=2, progress=False)
        assert statuses(summary)["full"] == "failed"
        assert "rule.full" not in project.runner().states()

    @pytest.mark.parametrize(
        ("given", "what"),
        [
            ({"start": "2024-13-01"}, "is no time"),
            ({"start": "2024-01-02", "end": "2024-01-02"}, "nothing lies"),
            ({"start": "2024-01-02", "sample": 2}, "no start and no end"),
            ({"sample": -1}, "whole number"),
            ({"sample": 0}, "whole number"),
            ({"start": ""}, "start is empty"),
            ({"sample": 2, "full": True}, "full runs all partitions"),
            ({"partitions": ["2024-01-02"]}, "partitions need nodes"),
            ({"partitions": ["2024-01-02"], "nodes": ["daily"], "sample": 1}, "whole table"),
        ],
    )
    def test_what_means_nothing_is_refused(self, root, given, what):
        with pytest.raises(UsageError, match=what):
            make(root).run(**given, progress=False)
        assert not (root / "target" / "outputs").exists()

    @pytest.mark.parametrize("given", [{"sample": 1}, {"start": "2024"}])
    def test_who_has_no_partitions_is_told(self, tmp_path, given):
        project = Project(tmp_path, namespace={})
        project.transform("x", sql="SELECT 1 AS a")
        with pytest.raises(UsageError, match="no node has partitions"):
            project.run(**given, progress=False)

    @pytest.mark.parametrize("text", ["2024-01-10", "2024-01-10T00", "2024-01-10 00:00:00"])
    def test_times_as_people_write_them(self, root, text):
        project = make(root)
        project.run(start=text, end="2024-01-11", progress=False)
        assert names(project, "rolling", start=text, end="2024-01-11") == ["2024-01-10"]

    def test_in_the_shell(self, root, monkeypatch, capsys):
        (root / "seeknal").mkdir()
        (root / "seeknal" / "a.yml").write_text("kind: source\nname: orders\nparams: {}\nparquet: data/*.parquet\npartition_by: day(ts)\n---\nkind: transform\nname: n\ntransform: SELECT count(*) AS n FROM source.orders\n")
        monkeypatch.chdir(root)
        assert main(["run", "--from", "2024-01-03", "--to", "2024-01-05"]) == 0
        assert main(["show", "n", "--from", "2024-01-03", "--to", "2024-01-05"]) == 0
        assert "40" in capsys.readouterr().out
        assert main(["show", "n"]) == 2
        assert main(["plan", "--sample", "1"]) == 0
        assert main(["run", "--sample", "x"]) == 2

    @pytest.mark.parametrize("seed", range(3))
    def test_lives_with_spans_between_are_lives_without(self, root, seed, tmp_path_factory):
        rng = random.Random(seed)
        for number in range(6):
            put(root, rng.randrange(DAYS + 3), rows=rng.randint(1, 30), more=rng.randint(0, 5))
            first = rng.randint(1, 24)
            factor = rng.choice([1, 1, 2])
            dates = {"start": f"2024-01-{first:02}", "end": f"2024-01-{first + rng.randint(1, 5):02}"}
            asked = RunOptions.of(rng.choice([{"sample": rng.randint(1, 5)}, dates]))
            assert not make(root, factor=factor).run(Request(options=asked, workers=rng.randint(1, 3)), progress=False).failed_nodes
            if number % 2:
                assert not make(root, factor=factor).run(progress=False, workers=rng.randint(1, 3)).failed_nodes
        project = make(root, factor=3)
        project.run(progress=False)
        fresh = make(root, factor=3)
        other = Project(root, namespace={}, state_dir=tmp_path_factory.mktemp("fresh") / "state")
        other.manifest = fresh.manifest
        other.run(progress=False)
        for name in ("daily", "rolling", "weekly", "whole"):
            assert sorted(map(repr, project[name].values.tolist())) == sorted(map(repr, other[name].values.tolist()))


class TestNamedAgain:
    def test_only_these_are_executed(self, root):
        project = make(root)
        project.run(progress=False)
        summary = project.run(nodes=["daily"], partitions=["2024-01-05", "2024-01-07"], progress=False)
        assert built(summary, "daily") == (2, DAYS)
        assert statuses(summary)["rolling"] == "cached"

    def test_any_text_is_a_name(self, root):
        (root / "texts.csv").write_text('t,n\n"a,b",1\n"",2\nc d,3\n')
        project = make(root)
        project.source("texts", csv="texts.csv", partition_by="t", params={"nullstr": "NULL"})
        project.transform("texts_again", sql="SELECT * FROM texts", partition_by="t")
        project.run(progress=False)
        for given in (["a,b"], ["", "c d"], "a,b"):
            summary = project.run(nodes=["texts_again"], partitions=given, progress=False)
            assert built(summary, "texts_again")[0] == (1 if isinstance(given, str) else len(given))

    def test_a_retry_is_of_the_same_ones(self, root):
        project = make(root)
        project.transform("odd", python="import pathlib\nif pathlib.Path(PLACE).exists():\n    raise ValueError\nctx.ref('orders')".replace("PLACE", repr(str(root / "no"))), inputs=["source.orders"], partition_by="day(ts)")
        project.run(progress=False)
        (root / "no").touch()
        assert project.run(nodes=["odd"], partitions=["2024-01-05"], progress=False).failed_nodes
        (root / "no").unlink()
        assert built(project.run(again=True, progress=False), "odd") == (1, DAYS)

    def test_what_is_not_there_is_refused_and_nothing_is_lost(self, root):
        project = make(root)
        project.run(progress=False)
        states = project.runner().states()
        with pytest.raises(UsageError, match=r"transform\.daily has no partition 2024-02-05"):
            project.run(nodes=["daily"], partitions=["2024-02-05"], progress=False)
        with pytest.raises(UsageError, match=r"transform\.whole has no partitions"):
            project.run(nodes=["whole"], partitions=["2024-01-05"], progress=False)
        assert project.runner().states() == states


class TestTypes:
    def test_a_sum_that_is_large_on_one_day_is_wide_on_all(self, root):
        """A HUGEINT is stored by its values, and partitions have other ones."""
        duckdb.execute(f"COPY (SELECT TIMESTAMP '2024-01-05' AS ts, 1::BIGINT AS who, 9223372036854775807 AS amount FROM range(2)) TO '{root}/data/large.parquet'")
        project = Project(root, namespace={})
        project.source("orders", parquet="data/*.parquet", partition_by="day(ts)")
        project.transform("daily", sql="SELECT ts::DATE AS day, sum(amount) AS total FROM orders GROUP BY ALL", partition_by="inherit")
        project.transform("twice", sql="SELECT day, total * 2 AS more FROM daily", partition_by="inherit")
        project.transform("whole", sql="SELECT ts::DATE AS day, sum(amount) AS total FROM orders GROUP BY ALL")
        summary = project.run(progress=False)
        assert not summary.failed_nodes, str(summary)
        assert project.show("daily").schema == project.show("whole").schema
        assert sorted(map(str, project["daily"]["total"])) == sorted(map(str, project["whole"]["total"]))


class TestOfWhich:
    def test_sql_is_told_which_partition_it_is(self, root):
        project = make(root)
        project.transform("told", sql="SELECT DISTINCT ts::DATE AS day, '{{ partition.value }}' AS name, {{ partition.value }} AS again, count(*) FILTER (WHERE ts >= {{ partition.start }} AND ts < {{ partition.end }}) OVER () AS n FROM orders", partition_by="day(day)")
        assert not project.run(progress=False).failed_nodes
        frame = project["told"]
        assert frame["name"].tolist() == frame["again"].tolist() == [f"2024-01-{day:02}" for day in range(1, DAYS + 1)]
        assert set(frame["n"]) == {20}

    def test_it_has_types_also_where_it_is_null(self, root):
        duckdb.execute(f"COPY (SELECT NULL::TIMESTAMP AS ts, 1::BIGINT AS who, 5::BIGINT AS amount) TO '{root}/data/null.parquet'")
        project = make(root)
        project.transform("told", sql="SELECT ts, {{ partition.value }} AS name, {{ partition.start }} - INTERVAL 1 DAY AS before, '<{{ partition.value }}>' AS quoted FROM orders", partition_by="day(ts)")
        assert not project.run(progress=False).failed_nodes
        assert project.show("told").schema[1:] == (("name", "VARCHAR"), ("before", "TIMESTAMP"), ("quoted", "VARCHAR"))
        assert project["told"]["quoted"].iloc[-1] == "<null>"

    def test_values_with_braces_are_values(self, root):
        project = make(root)
        note = "use {{ day }}, {{ partition.value }}"
        for by in ("day(ts)", "inherit"):
            project.transform("told", sql="SELECT ts, {{ note }} AS note FROM orders -- {{ partition.value }}", partition_by=by)
            assert not project.run(params={"note": note}, progress=False).failed_nodes
            assert set(project["told"]["note"]) == {note}

    def test_who_asks_where_there_is_none_is_told(self, root):
        project = make(root)
        project.transform("told", sql="SELECT {{ partition.value }} AS name FROM orders")
        with pytest.raises(ManifestError, match=r"partition\.value"):
            project.run(progress=False)
        project.transform("told", sql="SELECT ts, {{ partition.value }} AS name FROM orders", partition_by="inherit")
        with pytest.raises(ManifestError, match="asks which partition it is"):
            project.run(progress=False)

    def test_why_a_partition_was_built(self, root):
        project = make(root)
        project.run(progress=False)
        assert "the first of this partition" in str(project.why("rolling", partition="2024-01-12"))
        put(root, 10, more=7)
        project.run(progress=False)
        assert [(one.what, one.name) for one in project.why("orders", partition="2024-01-11").causes] == [("file", "data/010.parquet")]
        assert [(one.what, one.name) for one in project.why("rolling", partition="2024-01-13").causes] == [("input", "transform.daily 2024-01-11")]
        project.run(progress=False, nodes=["rolling"], partitions=["2024-01-13"])
        again = project.why("rolling", partition="2024-01-13")
        assert again.causes
        assert "executed again, as somebody asked" in str(again)
        assert project.why("rolling", partition="2024-01-12").causes
        make(root, lookback=1).run(progress=False)
        assert make(root, lookback=1).why("rolling", partition="2024-01-20").causes
        with pytest.raises(SelectionError, match="no partition 2025"):
            project.why("rolling", partition="2025-01-01")


class TestProgress:
    @pytest.mark.parametrize("workers", [1, 2, 4])
    def test_it_is_told_while_the_node_runs(self, root, workers):
        project = make(root)
        project.transform("slow", python="import time\ntime.sleep(0.03)\nctx.ref('orders')", inputs=["source.orders"], partition_by="day(ts)")
        events = list(project.stream(workers=workers))
        told = [event for event in events if isinstance(event, NodeProgress) and event.node_id == "transform.slow"]
        assert told
        assert all(0 < one.done < one.total == DAYS for one in told)
        assert [one.done for one in told] == sorted(one.done for one in told)

    def test_the_frame_counts_them(self, root):
        frame = make(root).run(progress=False).to_frame().set_index("node_id")
        assert frame.loc["transform.daily", ["partitions", "partitions_built"]].tolist() == [DAYS, DAYS]
        assert frame.loc["transform.whole", ["partitions", "partitions_built"]].isna().all()


class TestInParallel:
    def body(self, root):
        return f"""
import pathlib, time, threading
here = pathlib.Path({str(root)!r}) / "now"
here.mkdir(exist_ok=True)
mark = here / f"{{ctx.node_id}} {{ctx.partition.value}}"
mark.touch()
time.sleep(0.05)
with (here.parent / "most").open("a") as file:
    file.write(f"{{len(list(here.iterdir()))}} ")
mark.unlink()
ctx.ref('orders')
"""

    @pytest.mark.parametrize("workers", [1, 2, 3])
    def test_parts_take_the_free_slots_and_no_more(self, root, workers):
        project = make(root)
        for name in ("one", "two"):
            project.transform(name, python=self.body(root), inputs=["source.orders"], partition_by="day(ts)")
        summary = project.run(workers=workers, progress=False)
        assert not summary.failed_nodes, str(summary)
        assert built(summary, "one") == (DAYS, DAYS)
        most = max(map(int, (root / "most").read_text().split()))
        assert most <= workers
        assert most > 1 or workers == 1

    def test_they_are_as_one_after_the_other(self, root, tmp_path_factory):
        one, other = make(root), Project(root, namespace={}, state_dir=tmp_path_factory.mktemp("other") / "state")
        other.manifest = make(root).manifest
        one.run(workers=1, progress=False)
        other.run(workers=4, progress=False)
        for name in ("orders", "daily", "rolling", "weekly"):
            assert one[name].equals(other[name])

    def test_no_thread_goes_on_when_one_has_failed(self, root, monkeypatch):
        """A disk that refuses is no failure of a body: the node ends, and nobody publishes behind it."""
        publish, count = OutputStore.publish, []

        def refused(self, *args, **options):
            count.append(1)
            if len(count) == 3:
                raise StateError("the disk is full")
            return publish(self, *args, **options)

        monkeypatch.setattr(OutputStore, "publish", refused)
        summary = make(root).run(workers=4, progress=False)
        assert summary.failed[0].error_message.startswith("the disk is full")
        assert not [thread for thread in threading.enumerate() if thread.name == "seeknal_part" and thread.is_alive()]
        monkeypatch.undo()
        assert not make(root).run(workers=4, progress=False).failed_nodes

    def test_failures_of_several_are_told_in_order(self, root):
        project = make(root)
        body = "import time\nif ctx.partition.value in ('2024-01-03', '2024-01-05'):\n    raise ValueError('no')\nctx.ref('orders')"
        project.transform("odd", python=body, inputs=["source.orders"], partition_by="day(ts)")
        summary = project.run(workers=3, continue_on_error=True, progress=False)
        [failed] = summary.failed
        assert failed.error_message.startswith('partition 2024-01-03')
        assert "(1 more failed: 2024-01-05)" in failed.error_message
        assert failed.metadata["partitions"]["failed"] == ["2024-01-03", "2024-01-05"]
        assert failed.metadata["partitions"]["built"] == DAYS - 2

    def test_what_several_attempts_have_built_counts(self, root):
        project = make(root)
        body = f"import pathlib\nmark = pathlib.Path({str(root)!r}) / ctx.partition.value\nif ctx.partition.value.endswith('5') and not mark.exists():\n    mark.touch()\n    raise ValueError\nprint('done', ctx.partition.value)\nctx.ref('orders')"
        project.transform("odd", python=body, inputs=["source.orders"], partition_by="day(ts)")
        summary = project.run(retry=4, progress=False)
        assert built(summary, "odd") == (DAYS, DAYS)
        assert summary["transform.odd"].metadata["output"].count("done") == DAYS

    def test_who_cancels_has_the_rest_later(self, root):
        project, stop = make(root), threading.Event()
        project.transform("slow", python="import time\ntime.sleep(0.1)\nctx.ref('orders')", inputs=["source.orders"], partition_by="day(ts)")
        stream = project.stream(workers=3, cancelled=stop)
        for event in stream:
            if isinstance(event, NodeProgress) and event.node_id == "transform.slow" and event.done > 4:
                stop.set()
        assert statuses(project.summary)["slow"] == "pending"
        total = built(project.run(workers=2, progress=False), "slow")
        assert 0 < total[0] < total[1] == DAYS


class TestDeliveredByPartition:
    def project(self, root, **params):
        project = Project(root, namespace={})
        project.source("orders", parquet="data/*.parquet", partition_by="day(ts)")
        project.transform("daily", sql="SELECT ts::DATE AS day, who, sum(amount) AS total FROM orders GROUP BY ALL", partition_by="inherit")
        project.exposure("out", inputs=["transform.daily"], params={"format": "parquet", "path": "exports/daily", "partition_by": ["day"], **params})
        return project

    def files(self, root):
        return {str(file.relative_to(root)): (file.stat().st_ino, file.read_bytes()) for file in (root / "exports").rglob("*.parquet")}

    def rows(self, root):
        return sorted(duckdb.sql(f"SELECT day::VARCHAR, who, total FROM read_parquet('{root}/exports/daily/**/*.parquet', hive_partitioning = true)").fetchall())

    def truth(self, root):
        return sorted(duckdb.sql(f"SELECT ts::DATE::VARCHAR, who, sum(amount) FROM read_parquet('{root}/data/*.parquet') GROUP BY ALL").fetchall())

    def test_only_what_changed_is_written(self, root):
        project = self.project(root)
        assert built(project.run(progress=False), "out") == (DAYS, DAYS)
        before = self.files(root)
        put(root, 5, more=3)
        put(root, DAYS)
        summary = project.run(progress=False)
        assert built(summary, "out") == (2, DAYS + 1)
        now = self.files(root)
        assert self.rows(root) == self.truth(root)
        assert sum(now.get(name) == found for name, found in before.items()) == DAYS - 1
        assert not project.run(progress=False).successful_nodes
        (root / "data" / "003.parquet").unlink()
        assert built(project.run(progress=False), "out") == (0, DAYS)
        assert self.rows(root) == self.truth(root)

    def test_what_somebody_touched_is_written_again(self, root):
        project = self.project(root)
        project.run(progress=False)
        one, two, *_ = sorted((root / "exports").rglob("*.parquet"))
        one.write_bytes(b"odd")
        two.unlink()
        assert built(project.run(progress=False), "out") == (2, DAYS)
        assert self.rows(root) == self.truth(root)
        assert not project.run(progress=False).successful_nodes

    def test_other_options_write_all_of_it(self, root):
        self.project(root).run(progress=False)
        assert built(self.project(root, compression="zstd").run(progress=False), "out") == (DAYS, DAYS)
        assert built(self.project(root, partition_by=["day", "who"]).run(progress=False), "out") == (DAYS, DAYS)

    def test_what_a_whole_delivery_refuses_is_refused(self, root):
        summary = self.project(root, partition_by=["day", "who", "total"]).run(progress=False)
        assert "names every column" in summary.failed[0].error_message

    def test_folders_of_another_column_are_written_as_a_whole(self, root):
        summary = self.project(root, partition_by=["who"]).run(progress=False)
        assert built(summary, "out") == "success"

    def test_it_is_what_a_whole_delivery_is(self, root, tmp_path_factory):
        duckdb.execute(f"COPY (SELECT NULL::TIMESTAMP AS ts, 1::BIGINT AS who, 5::BIGINT AS amount) TO '{root}/data/null.parquet'")
        self.project(root).run(progress=False)
        other = Project(root, namespace={}, state_dir=tmp_path_factory.mktemp("other") / "state")
        other.manifest = self.project(root).manifest
        for node in other.manifest.nodes.values():
            node.config.pop("partition_by", None)
        parts = {name.rpartition("/")[0]: sorted(map(repr, duckdb.sql(f"FROM '{root}/{name}'").fetchall())) for name in self.files(root)}
        other.run(progress=False)
        whole = {name.rpartition("/")[0]: sorted(map(repr, duckdb.sql(f"FROM '{root}/{name}'").fetchall())) for name in self.files(root)}
        assert parts == whole
