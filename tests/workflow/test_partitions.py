"""Laws of partitions: whatever comes late, is corrected, deleted or fails, tables are those of a run from nothing."""

import multiprocessing
import random
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from types import ModuleType

import duckdb
import pytest

from seeknal_nb import DAGRunner, Manifest, Node, Project
from seeknal_nb.cli import main
from seeknal_nb.errors import ManifestError, SelectionError
from seeknal_nb.kinds.sources import cut, source
from seeknal_nb.kinds.sources.cut import read_slice

DAYS = [f"2024-01-{day:02}" for day in range(1, 13)]


class Life:
    """A folder of files that lives on, and a pipeline that reads it by days."""

    def __init__(self, root, seed, form="csv"):
        self.root, self.rng, self.form = root, random.Random(seed), form
        self.data = root / "data"
        self.data.mkdir(parents=True)
        self.factor, self.named = 1, 0
        for day in DAYS[:5]:
            self.add(day)
        self.dimension()

    def add(self, day, rows=None):
        self.named += 1
        self.write(self.data / f"o{self.named:03}.{self.form}", rows or self.rows(day))

    def empty(self):
        self.named += 1
        (self.data / f"o{self.named:03}.{self.form}").touch()

    def rows(self, day):
        hours = self.rng.randint(1, 4)
        stamps = [f"'{day} {self.rng.randint(0, 23):02}:{self.rng.randint(0, 59):02}:00'" for _ in range(hours)]
        if self.rng.random() < 0.3:
            stamps.append("NULL")
        if self.rng.random() < 0.3:
            stamps.append(f"'{self.rng.choice(DAYS)} 12:00:00'")
        return [(stamp, f"'u{self.rng.randint(0, 3)}'", str(self.rng.choice([0, 1, 2, 5, "NULL"]))) for stamp in stamps]

    def write(self, path, rows, columns="*"):
        values = ", ".join(f"(CAST({ts} AS TIMESTAMP), CAST({user} AS VARCHAR), CAST({amount} AS BIGINT))" for ts, user, amount in rows)
        duckdb.execute(f"COPY (SELECT {columns} FROM (VALUES {values}) t(ts, who, amount)) TO '{path}' (FORMAT {'json' if self.form == 'jsonl' else self.form})")

    def dimension(self):
        lines = [f"u{number},{self.rng.randint(1, 9)}" for number in range(4)]
        (self.root / "users.csv").write_text("who,weight\n" + "\n".join(lines) + "\n")

    def damage(self):
        victim = self.rng.choice(sorted(self.root.glob("target/outputs/*/*/*/data.parquet")))
        data = bytearray(victim.read_bytes())
        data[self.rng.randrange(len(data))] ^= 1 << self.rng.randrange(8)
        victim.write_bytes(data)

    def step(self):
        some = self.rng.choice(sorted(self.data.iterdir()))
        what, do = self.rng.choice([*{
            "add": lambda: self.add(self.rng.choice(DAYS)),
            "late": lambda: self.add("", [(f"'{self.rng.choice(DAYS[:4])} 23:59:59.999999'", "'late'", "7")]),
            "correct": lambda: self.write(some, self.rows(self.rng.choice(DAYS))),
            "narrow": lambda: self.write(some, self.rows(self.rng.choice(DAYS)), "ts, amount"),
            "delete": lambda: len(list(self.data.iterdir())) > 1 and some.unlink(),
            "rename": lambda: some.rename(self.data / f"a{self.rng.randrange(1000):03}.{self.form}"),
            "twice": lambda: shutil.copy(some, self.data / f"z{self.rng.randrange(1000):03}.{self.form}"),
            "null": lambda: self.add("", [("NULL", "'nobody'", "3")]),
            "empty": self.empty,
            "dimension": self.dimension,
            "code": lambda: setattr(self, "factor", self.factor + 1),
            "back": lambda: setattr(self, "factor", 1),
            "damage": self.damage,
            "nothing": lambda: None,
        }.items()])  # fmt: skip
        do()
        return what

    def project(self, root, *, by=True):
        inherit = {"partition_by": "inherit"} if by else {}
        project = Project(root)
        source = {self.form: f"{self.data}/*.{self.form}"}
        project.source("orders", **source, **({"partition_by": "day(ts)"} if by else {}), schema=[{"name": "ts", "data_type": "TIMESTAMP"}, {"name": "who", "data_type": "VARCHAR"}, {"name": "amount", "data_type": "BIGINT"}])
        project.source("users", csv=str(self.root / "users.csv"))
        project.transform("clean", sql=f"SELECT *, amount * {self.factor} AS paid FROM orders WHERE amount IS DISTINCT FROM 0", **inherit)
        project.transform("named", sql="SELECT c.*, u.weight FROM clean c LEFT JOIN users u USING (who)", **inherit)
        project.transform("seen", sql="SELECT * FROM named WHERE paid > 1", materialized="view")
        project.transform("daily", sql="SELECT ts::DATE AS day, who, sum(paid) AS total, count(*) AS n FROM seen GROUP BY ALL", **inherit)
        project.transform("pairs", sql="SELECT d.day, d.who, o.amount FROM daily d JOIN orders o ON d.day = o.ts::DATE AND d.who = o.who", **inherit)
        project.transform("whole", sql="SELECT who, sum(total) AS total, count(*) AS n FROM daily GROUP BY who")
        return project


NODES = ("orders", "clean", "named", "daily", "pairs", "whole")


def tables(project):
    return {name: Counter(map(repr, project[name].astype(object).values.tolist())) for name in NODES}


@pytest.mark.parametrize(("files", "count"), [
    (["a,p\n1,x\n", "p\ny\n", ""], 2),
    (["a,p\n" + "1,x\n" * 19, "a,p\nn/a,y\n"], 1),
    (["a,p\n" + "1,x\n2,z\n" * 10 + "nix,z\n", "a,p\n3,y\n"], 1),
    (["a,p\n1,x\nn/a,x\n", "a,p\n3,y\n"], 0),
], ids=["uneven", "a word in another file", "a word in another partition", "words"])  # fmt: skip
@pytest.mark.parametrize("by", ["p", "file"])
def test_warnings_of_files_are_those_of_one_reading(tmp_path, files, count, by):
    for number, text in enumerate(files):
        (tmp_path / f"{number}.csv").write_text(text)
    told = []
    for given in ({}, {"partition_by": by}):
        project = Project(tmp_path, namespace={})
        project.source("s", csv="*.csv", **given)
        told.append(project.run(progress=False)["source.s"].warnings)
    assert told[0] == told[1]
    assert len(told[0]) == count


FORMS = {
    "csv": ("ts,who\n2024-01-01,ann\n", "ts,who,extra\n2024-01-02,bob,7\n", "ts\n"),
    "jsonl": ('{"ts": "2024-01-01", "who": "ann"}\n', '{"ts": "2024-01-02", "who": "bob", "extra": 7}\n', '{"ts": "2024-01-02"}\n'),
    "parquet": ("SELECT '2024-01-01' AS ts, 'ann' AS who", "SELECT '2024-01-02' AS ts, 'bob' AS who, 7 AS extra", "SELECT '2024-01-02' AS ts"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("by", ["day(ts)", "file", "who"])
@pytest.mark.parametrize("schema", [[("ts", "DATE"), ("extra", "DECIMAL(9, 2)")], [("ts", "DATE"), ("nowhere", "INT")], [("ts", "DATE")]])
def test_a_file_without_a_declared_column_has_null_there(tmp_path, form, by, schema):
    """As in one reading of all files: some file must have it, be they empty besides."""
    for number, text in enumerate((*FORMS[form], "")):
        path = tmp_path / f"{number}.{form}"
        if form == "parquet" and text:
            duckdb.execute(f"COPY ({text}) TO '{path}' (FORMAT parquet)")
        else:
            path.write_text(text)
    found = []
    for given in ({}, {"partition_by": by}):
        project = Project(tmp_path, namespace={})
        project.source("s", **{form: f"*.{form}"}, **given, schema=[{"name": name, "data_type": kind} for name, kind in schema])
        summary = project.run(progress=False)
        result = summary["source.s"]
        rows = [] if summary.failed_nodes else sorted(map(repr, project["s"].astype(object).values.tolist()))
        found.append((result.error_message, result.warnings, rows, summary.failed_nodes or project.show("s").schema))
    assert found[0] == found[1]
    assert bool(found[0][0]) == (("nowhere", "INT") in schema)


@pytest.mark.parametrize(("form", "full", "nothing"), [
    ("csv", "ts,who\n2024-01-01,ann\n", "\n"), ("jsonl", '{"ts": "2024-01-01", "who": "ann"}\n', "\n"), ("json", '[{"ts": "2024-01-01", "who": "ann"}]', "[]"),
])  # fmt: skip
@pytest.mark.parametrize("more", [{}, {"schema": [{"name": "nowhere", "data_type": "INT"}]}, {"schema": [{"name": "who", "data_type": "TEXT"}]}, {"params": {"types": {"nowhere": "INT"}}}])
@pytest.mark.parametrize("by", ["file", "who", "day(ts)"])
def test_a_file_in_which_there_is_nothing_says_nothing(tmp_path, form, full, nothing, more, by):
    (tmp_path / f"0.{form}").write_text(full)
    (tmp_path / f"1.{form}").write_text(nothing)
    found = []
    for given in ({}, {"partition_by": by}):
        project = Project(tmp_path, namespace={})
        if "params" in more and form != "csv":
            return
        project.source("s", **{form: f"*.{form}"}, **given, **more)
        summary = project.run(progress=False)
        rows = [] if summary.failed_nodes else project["s"].astype(str).values.tolist()
        found.append((summary.failed_nodes, message(summary, "s").partition(":")[0], rows))
    assert found[0] == found[1]
    assert found[0][0] == ("nowhere" in str(more))


@pytest.mark.parametrize("declared", [[], [{"name": "ts", "data_type": "DATE"}]])
def test_files_that_are_all_empty(tmp_path, declared):
    for number in range(2):
        (tmp_path / f"{number}.csv").touch()
    for given in ({}, {"partition_by": "day(ts)"}, {"partition_by": "file"}):
        project = Project(tmp_path, namespace={})
        project.source("s", csv="*.csv", **given, **({"schema": declared} if declared else {}))
        summary = project.run(progress=False)
        assert bool(summary.failed_nodes) != bool(declared), given
        if declared:
            assert project.show("s").schema == (("ts", "DATE"),)
            assert project["s"].empty
        else:
            assert "declare" in message(summary, "s")


@pytest.mark.parametrize("form", ["csv", "parquet", "jsonl"])
@pytest.mark.parametrize("seed", range(2))
def test_a_life_in_partitions_is_a_run_of_the_whole_from_nothing(tmp_path, seed, form):
    life = Life(tmp_path / "project", seed, form)
    for number in range(8):
        what = life.step() if number else "start"
        project = life.project(life.root)
        summary = project.run(progress=False)
        assert not summary.failed_nodes, (what, [r.error_message for r in summary.results])
        found = tables(project)
        fresh = life.project(tmp_path / "fresh", by=False)
        assert not fresh.run(progress=False).failed_nodes
        assert found == tables(fresh), what
        again = life.project(life.root).run(progress=False)
        assert not again.successful_nodes, (what, [(r.node_id, r.reason) for r in again.results if r.status == "success"])
        shutil.rmtree(tmp_path / "fresh")


def csv(root, name, *lines, head="ts,who,amount"):
    path = root / "data" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join([head, *lines]) + "\n")


def counts(summary, name):
    [result] = [one for one in summary.results if one.node_id.endswith(f".{name}")]
    told = result.metadata.get("partitions")
    return (told["built"], told["total"]) if told else str(result.status)


def message(summary, name):
    [result] = [one for one in summary.results if one.node_id.endswith(f".{name}")]
    return result.error_message or ""


@pytest.fixture
def root(tmp_path):
    for day in range(1, 5):
        csv(tmp_path, f"o{day}.csv", f"2024-01-0{day} 10:00:00,ann,{day}", f"2024-01-0{day} 23:30:00,bob,{10 * day}")
    return tmp_path


def orders(root, by="day(ts)", **more):
    project = Project(root)
    project.source("orders", csv="data/*.csv", partition_by=by, **more)
    return project


class TestWhatRuns:
    def test_only_what_changed(self, root):
        project = orders(root)
        project.transform("paid", sql="SELECT * FROM orders WHERE amount > 0", partition_by="inherit")
        summary = project.run(progress=False)
        assert counts(summary, "orders") == counts(summary, "paid") == (4, 4)
        csv(root, "o5.csv", "2024-01-02 00:00:01,late,5", "2024-01-05 00:00:00,new,6")
        summary = project.run(progress=False)
        assert counts(summary, "orders") == counts(summary, "paid") == (2, 5)
        assert len(project["paid"]) == 10

    def test_a_pattern_or_a_place_in_the_project_changes_no_part(self, root):
        orders(root).run(progress=False)
        project = Project(root)
        project.source("orders", csv="data/o*.csv", partition_by="day(ts)")
        assert counts(project.run(progress=False), "orders") == (0, 4)

    def test_by_file(self, root):
        project = orders(root, by="file")
        project.transform("paid", sql="SELECT * FROM orders WHERE amount > 1", partition_by="inherit")
        assert counts(project.run(progress=False), "paid") == (4, 4)
        csv(root, "o2.csv", "2024-01-09 00:00:00,ann,7")
        summary = project.run(progress=False)
        assert counts(summary, "orders") == counts(summary, "paid") == (1, 4)
        (root / "data" / "o3.csv").unlink()
        assert counts(project.run(progress=False), "paid") == (0, 3)
        assert sorted(project["paid"]["amount"]) == [4, 7, 10, 40]

    def test_by_a_column_with_nulls_and_the_text_null(self, root):
        csv(root, "o5.csv", "2024-01-05 00:00:00,,1", "2024-01-05 00:00:00,null,2", "2024-01-05 00:00:00,NULL,3")
        project = orders(root, by="who")
        project.transform("by_who", sql="SELECT who, count(*) AS n FROM orders GROUP BY who", partition_by="inherit")
        assert counts(project.run(progress=False), "by_who") == (5, 5)
        assert Counter(project["by_who"]["n"]) == {4: 2, 1: 3}

    def test_a_lookback_reads_days_before_its_own(self, root):
        project = orders(root)
        project.transform("daily", sql="SELECT ts::DATE AS day, sum(amount) AS total FROM orders GROUP BY 1", partition_by="inherit")
        window = "sum(total) OVER (ORDER BY day RANGE BETWEEN INTERVAL 1 DAY PRECEDING AND CURRENT ROW)"
        project.transform("two", sql=f"SELECT day, {window} AS two FROM daily", partition_by="day(day)", lookback=1)
        project.transform("truth", sql=f"SELECT day, {window} AS two FROM daily")
        project.run(progress=False)
        csv(root, "o9.csv", "2024-01-02 12:00:00,late,100")
        assert counts(project.run(progress=False), "two") == (2, 4)
        assert project["two"].sort_values("day").values.tolist() == project["truth"].sort_values("day").values.tolist()

    @pytest.mark.parametrize(("by", "parts"), [("hour(ts)", 8), ("week(ts)", 1), ("month(ts)", 1), ("year(ts)", 1), ("day(ts, UTC)", 4)])
    def test_every_unit(self, root, by, parts):
        project = orders(root, by=by)
        assert counts(project.run(progress=False), "orders") == (parts, parts)
        assert project["orders"]["amount"].sum() == 110

    def test_days_of_a_zone(self, root):
        csv(root, "z.csv", "2024-01-01 23:30:00+00:00,1", "2024-01-02 00:30:00+00:00,2", head="ts,amount")
        project = Project(root)
        project.source("zoned", csv="data/z.csv", partition_by="day(ts, 'Europe/Berlin')")
        assert counts(project.run(progress=False), "zoned") == (1, 1)
        project.source("zoned", csv="data/z.csv", partition_by="day(ts)")
        assert counts(project.run(progress=False), "zoned") == (2, 2)

    def test_a_zone_where_a_time_has_none_is_refused(self, root):
        assert "only a TIMESTAMPTZ has other days elsewhere" in message(orders(root, by="day(ts, 'Asia/Tokyo')").run(progress=False), "orders")

    @pytest.mark.parametrize(("kind", "config", "fix"), [
        ("exposure", {"path": "out.parquet"}, "write it into params: {format: parquet, partition_by: day}"),
        ("rule", {"sql": "SELECT * FROM orders WHERE amount < 0"}, "files and transforms are cut into partitions"),
    ])  # fmt: skip
    def test_who_reads_all_of_them_as_one_table_says_so(self, root, kind, config, fix):
        with pytest.raises(ManifestError, match="unknown key 'partition_by'") as caught:
            orders(root).node(kind, "x", inputs=["source.orders"], partition_by="day", **config)
        assert fix in str(caught.value)

    def test_what_failed_says_so_where_its_partitions_are_asked_for(self, root):
        project = orders(root)
        project.transform("odd", sql="SELECT *, error('oh') AS x FROM orders", partition_by="inherit")
        project.run(progress=False)
        with pytest.raises(SelectionError, match=r"failed last time.*partition 2024-01-01"):
            project.partitions("odd")

    def test_a_time_by_its_values_is_refused(self, root):
        assert "Fix: partition_by: day(ts)" in message(orders(root, by="ts").run(progress=False), "orders")

    @pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Havana", "America/New_York", "Australia/Lord_Howe", "UTC"])
    @pytest.mark.parametrize("unit", ["hour", "day"])
    def test_when_a_partition_begins_and_ends_no_row_is_lost(self, root, zone, unit):
        """On the days, too, on which clocks show an hour twice, or skip one; quotes round a zone may be gone."""
        lines = ["tz,n", *(f"{day} {hour:02}:{minute}:00+00:00,{hour}" for day in ("2024-03-10", "2024-03-31", "2024-10-27", "2024-11-03", "2024-04-06") for hour in range(24) for minute in (15, 45))]
        (root / "times.csv").write_text("\n".join(lines) + "\n")
        project = Project(root, namespace={})
        project.source("t", csv="times.csv", partition_by=f"{unit}(tz, {zone})")
        sql = "SELECT *, '{{ partition.start }}' AS clock FROM t WHERE tz >= {{ partition.start }} AND tz < {{ partition.end }}"
        project.transform("all_of_it", sql=sql, partition_by=f"{unit}(tz, '{zone}')")
        assert not project.run(progress=False).failed_nodes
        assert len(project["all_of_it"]) == len(lines) - 1
        odd = f"SELECT count(*) FROM all_of_it WHERE date_trunc('{unit}', timezone('{zone}', tz)) <> clock::TIMESTAMP"
        project.transform("odd", sql=odd)
        project.run(progress=False)
        assert project["odd"].iloc[0, 0] == 0

    def test_an_hour_to_which_clocks_come_back_has_no_begin_and_end(self, root):
        """Two hours back: what lies between its begin and its end is not what it holds."""
        lines = ["tz,n", *(f"2024-10-27 {hour:02}:30:00+00:00,{hour}" for hour in range(6))]
        (root / "times.csv").write_text("\n".join(lines) + "\n")
        project = Project(root, namespace={})
        project.source("t", csv="times.csv", partition_by="hour(tz, 'Antarctica/Troll')")
        for name, column in (("asks", "{{ partition.start }}"), ("named", "{{ partition.value }}")):
            project.transform(name, sql=f"SELECT *, {column} AS x FROM t", partition_by="hour(tz, 'Antarctica/Troll')")
        summary = project.run(progress=False, continue_on_error=True)
        assert "clocks in Antarctica/Troll come back to it" in message(summary, "asks")
        assert len(project["named"]) == 6

    def test_columns_are_found_whatever_their_case(self, root):
        (root / "times.csv").write_text("Tz,n\n2024-03-01 22:30:00+00:00,1\n2024-03-01 23:30:00+00:00,2\n2024-03-02 12:00:00+00:00,3\n2024-03-02 23:30:00+00:00,4\n")
        project = Project(root, namespace={})
        project.source("t", csv="times.csv", partition_by="day(tz, 'Europe/Berlin')")
        project.transform("i", sql="SELECT * FROM t", partition_by="inherit")
        sql = 'SELECT * FROM {} WHERE "Tz" >= {{{{ partition.start }}}} AND "Tz" < {{{{ partition.end }}}}'
        for name in ("t", "i"):
            project.transform(f"of_{name}", sql=sql.format(name), partition_by="day(TZ, 'Europe/Berlin')")
        project.transform("number", sql="SELECT n FROM t", partition_by="inherit")
        project.transform("joined", sql="SELECT t.*, {{ partition.start }} AS s FROM t JOIN number USING (n)", partition_by="day(Tz, 'Europe/Berlin')")
        assert not project.run(progress=False).failed_nodes
        assert [len(project[name]) for name in ("of_t", "of_i", "joined")] == [4, 4, 4]

    def test_an_input_that_is_cut_by_another_clock_makes_other_partitions(self, root):
        (root / "times.csv").write_text("ts,tz\n2024-03-01 10:00:00,2024-03-01 10:00:00+00:00\n2024-03-02 10:00:00,2024-03-02 10:00:00+00:00\n")
        found = []
        for by in ("ts", "tz"):
            project = Project(root, namespace={})
            project.source("t", csv="times.csv", partition_by=f"day({by})")
            project.transform("a", sql="SELECT *, {{ partition.start }} AS s FROM t", partition_by="day(ts)")
            assert not project.run(progress=False).failed_nodes
            found.append(dict(project.show("a").schema)["s"])
        assert found == ["TIMESTAMP", "TIMESTAMP WITH TIME ZONE"]

    def test_days_of_a_zone_without_a_zone_are_its_clocks(self, root):
        (root / "times.csv").write_text("tz\n2024-03-01 23:30:00+00:00\n2024-03-02 12:00:00+00:00\n2024-03-02 23:30:00+00:00\n")
        project = Project(root, namespace={})
        project.source("t", csv="times.csv", partition_by="day(tz, 'America/New_York')")
        project.transform("d", sql="SELECT timezone('America/New_York', tz)::DATE AS d, count(*) AS n FROM t GROUP BY ALL", partition_by="day(d, 'America/New_York')")
        project.transform("e", sql="SELECT * FROM d WHERE d >= {{ partition.start }} AND d < {{ partition.end }}", partition_by="day(d, 'America/New_York')")
        project.transform("f", sql="SELECT d.* FROM d, t WHERE d = {{ partition.start }}", partition_by="day(d, 'America/New_York')")
        summary = project.run(progress=False, continue_on_error=True)
        assert project["e"].equals(project["d"])
        assert "by two clocks" in message(summary, "f")

    def test_days_into_months(self, root):
        csv(root, "o5.csv", "2024-02-01 00:00:00,ann,5")
        project = orders(root)
        project.transform("monthly", sql="SELECT date_trunc('month', ts)::DATE AS m, sum(amount) AS s, count(*) AS n FROM orders GROUP BY ALL", partition_by="month(m)")
        assert counts(project.run(progress=False), "monthly") == (2, 2)
        csv(root, "o6.csv", "2024-02-09 00:00:00,ann,6")
        assert counts(project.run(progress=False), "monthly") == (1, 2)
        assert sorted(project["monthly"]["s"]) == [11, 110]

    def test_python_a_day_at_a_time(self, root):
        project = orders(root)
        project.transform(
            "days", python="frame = ctx.ref('orders')\nframe['day'] = ctx.partition.start\nframe['value'] = ctx.partition.value\nframe",
            inputs=["source.orders"], partition_by="day(ts)",
        )  # fmt: skip
        assert counts(project.run(progress=False), "days") == (4, 4)
        frame = project["days"]
        assert (frame["ts"].dt.date.astype(str) == frame["value"]).all()
        csv(root, "o5.csv", "2024-01-02 00:00:01,late,5")
        assert counts(project.run(progress=False), "days") == (1, 4)

    def test_full_runs_all_of_them(self, root):
        project = orders(root)
        project.run(progress=False)
        assert counts(project.run(full=True, progress=False), "orders") == (4, 4)

    def test_going_back_runs_nothing(self, root):
        project = orders(root)
        project.run(progress=False)
        before = (root / "data" / "o2.csv").read_bytes()
        csv(root, "o2.csv", "2024-01-02 10:00:00,ann,77")
        project.run(progress=False)
        (root / "data" / "o2.csv").write_bytes(before)
        assert counts(project.run(progress=False), "orders") == "cached"

    def test_a_whole_reader_after_a_partition_sees_all_rows(self, root):
        project = orders(root)
        project.transform("daily", sql="SELECT ts::DATE AS day, count(*) AS n FROM orders GROUP BY 1", partition_by="inherit")
        project.transform("all", sql="SELECT count(*) AS n FROM orders")
        project.run(progress=False)
        assert project["all"]["n"].tolist() == [8]


class TestColumns:
    def test_a_wider_type_runs_all_parts_and_changes_no_value(self, root):
        project = orders(root)
        project.run(progress=False)
        csv(root, "o5.csv", "2024-01-05 00:00:00,eve,007")
        assert counts(project.run(progress=False), "orders") == (5, 5)
        assert sorted(project["orders"]["amount"]) == ["007", "1", "10", "2", "20", "3", "30", "4", "40"]

    def test_a_new_column_is_null_before(self, root):
        project = orders(root)
        project.transform("seen", sql="SELECT * FROM orders", partition_by="inherit")
        project.run(progress=False)
        csv(root, "o5.csv", "2024-01-05 00:00:00,eve,5,x", head="ts,who,amount,note")
        project.run(progress=False)
        assert list(project["seen"].columns) == ["ts", "who", "amount", "note"]
        assert project["seen"]["note"].notna().sum() == 1

    def test_files_without_rows_have_no_say(self, root):
        csv(root, "o5.csv")
        project = orders(root)
        assert counts(project.run(progress=False), "orders") == (4, 4)
        assert project["orders"]["amount"].sum() == 110

    def test_no_rows_at_all(self, tmp_path):
        csv(tmp_path, "o1.csv")
        project = orders(tmp_path, schema=[{"name": "ts", "data_type": "TIMESTAMP"}, {"name": "amount", "data_type": "BIGINT"}])
        project.transform("daily", sql="SELECT ts::DATE AS day, sum(amount) AS s FROM orders GROUP BY 1", partition_by="inherit")
        summary = project.run(progress=False)
        assert counts(summary, "daily") == (0, 0)
        assert list(project["daily"].columns) == ["day", "s"]
        csv(tmp_path, "o2.csv", "2024-01-01 00:00:00,ann,4")
        assert counts(project.run(progress=False), "daily") == (1, 1)

    def test_two_types_of_a_body_fail_and_name_both(self, root):
        project = orders(root)
        project.transform(
            "odd", python="import pandas as pd\npd.DataFrame({'ts': [ctx.partition.start], 'v': [1 if ctx.partition.value < '2024-01-03' else 'x']})",
            inputs=["source.orders"], partition_by="day(ts)",
        )  # fmt: skip
        summary = project.run(progress=False)
        assert "2024-01-01 and 2024-01-03 have other columns" in message(summary, "odd")


class TestFailures:
    def test_a_failing_partition_is_named_and_the_others_stay(self, root):
        project = orders(root)
        body = "SELECT *, CASE WHEN amount = 3 THEN error('three') ELSE 1 END AS one FROM orders"
        project.transform("odd", sql=body, partition_by="inherit")
        summary = project.run(progress=False)
        assert "partition 2024-01-03: " in message(summary, "odd")
        csv(root, "o3.csv", "2024-01-03 00:00:00,ann,33")
        assert counts(project.run(progress=False), "odd") == (2, 4)

    def test_continue_on_error_tries_the_others(self, root):
        project = orders(root)
        body = "SELECT *, CASE WHEN amount IN (2, 3) THEN error('odd') ELSE 1 END AS one FROM orders"
        project.transform("odd", sql=body, partition_by="inherit")
        summary = project.run(progress=False, continue_on_error=True)
        assert "partition 2024-01-02: " in message(summary, "odd")
        assert "1 more failed: 2024-01-03" in message(summary, "odd")

    def test_rows_of_another_partition_fail_the_node(self, root):
        project = orders(root)
        project.transform("shifted", sql="SELECT ts + INTERVAL 1 DAY AS ts FROM orders", partition_by="day(ts)")
        assert "2 rows of its table lie in another partition" in message(project.run(progress=False), "shifted")

    @pytest.mark.parametrize("ts", ["ts + INTERVAL 1 DAY", "ts - INTERVAL 3 DAY", "CASE WHEN amount = 3 THEN NULL ELSE ts END"])
    def test_a_lookback_takes_no_other_rows_away(self, root, ts):
        project = orders(root)
        project.transform("shifted", sql=f"SELECT {ts} AS ts FROM orders", partition_by="day(ts)", lookback=1)
        assert "of its table lie" in message(project.run(progress=False), "shifted")

    def test_a_column_that_is_no_time(self, root):
        project = orders(root, by="day(who)")
        assert "'who' is VARCHAR, not a time" in message(project.run(progress=False), "orders")


REFUSED = [
    ({"sql": "SELECT who, sum(amount) AS s FROM orders GROUP BY who", "partition_by": "inherit"}, "GROUP BY without the day"),
    ({"sql": "SELECT 1 AS one", "partition_by": "inherit"}, "reads nothing that has partitions"),
    ({"sql": "SELECT * FROM orders", "partition_by": "inherit", "materialized": "view"}, "a view has no partitions"),
    ({"sql": "SELECT *, now() AS at FROM orders", "partition_by": "inherit"}, "another result each time"),
    ({"python": "ctx.ref('orders')", "inputs": ["source.orders"], "partition_by": "inherit"}, "nothing can be proved"),
    ({"sql": "SELECT * FROM orders", "partition_by": "hour(ts)"}, "no whole ones"),
    ({"sql": "SELECT * FROM orders", "partition_by": "decade(ts)"}, "no unit of time"),
    ({"sql": "SELECT * FROM orders", "partition_by": "day(ts, 'Mars/Olympus')"}, "no time zone"),
    ({"sql": "SELECT * FROM orders", "partition_by": "day(ts"}, "says no partitions"),
    ({"sql": "SELECT * FROM orders", "partition_by": "day(ts)", "lookback": -1}, "lookback"),
    ({"sql": "SELECT * FROM orders", "partition_by": "inherit", "lookback": 1}, "lookback"),
    ({"sql": "SELECT * FROM orders", "lookback": 1}, "lookback"),
    ({"sql": "SELECT * FROM orders", "partition_by": "day(ts)", "lookback": 100_000_000}, "lookback"),
    ({"sql": "SELECT * FROM last", "partition_by": "day(ts)"}, "a view that is not the same part by part"),
]


@pytest.mark.parametrize(("config", "why"), REFUSED)
def test_what_cannot_be_is_refused_and_nothing_runs(root, config, why):
    project = orders(root)
    project.transform("last", sql="SELECT * FROM orders ORDER BY ts LIMIT 1", materialized="view")
    with pytest.raises(ManifestError, match=why) as caught:
        project.transform("odd", **config)
        project.run(progress=False)
    assert caught.value.remedy
    assert not (root / "target" / "outputs").exists()


KILLED = """
import os
from seeknal_nb import Project
project = Project(os.getcwd())
project.source("orders", csv="data/*.csv", partition_by="day(ts)")
body = "import os, pathlib\\nif ctx.partition.value == '2024-01-03' and pathlib.Path('die').exists():\\n    os._exit(9)\\nctx.ref('orders')"
project.transform("days", python=body, inputs=["source.orders"], partition_by="day(ts)")
summary = project.run(progress=False)
print([result.metadata.get("partitions") for result in summary.results])
"""


class TestBuilds:
    def test_what_a_killed_run_finished_is_kept(self, root):
        (root / "die").touch()
        killed = subprocess.run([sys.executable, "-c", KILLED], cwd=root, capture_output=True, text=True, timeout=100)
        assert killed.returncode == 9
        (root / "die").unlink()
        again = subprocess.run([sys.executable, "-c", KILLED], cwd=root, capture_output=True, text=True, timeout=100)
        assert "'total': 4, 'built': 2, 'kept': 2" in again.stdout, again.stderr

    def test_several_nodes_at_a_time(self, root):
        project = orders(root)
        for number in range(4):
            project.transform(f"n{number}", sql=f"SELECT *, {number} AS n FROM orders", partition_by="inherit")
            project.transform(f"m{number}", sql=f"SELECT * FROM n{number} WHERE amount > {number}", partition_by="inherit")
        summary = project.run(progress=False, workers=3)
        assert not summary.failed_nodes
        assert [len(project[f"n{number}"]) for number in range(4)] == [8] * 4

    def test_clean_keeps_what_is_listed_and_takes_the_others(self, root):
        project = orders(root)
        project.run(progress=False)
        csv(root, "o2.csv", "2024-01-02 10:00:00,ann,77")
        project.run(progress=False)
        folder = root / "target/outputs/source/orders"
        assert len([one for one in folder.iterdir() if one.is_dir()]) == 7
        project.clean()
        assert len([one for one in folder.iterdir() if one.is_dir()]) == 5
        assert not project.run(progress=False).successful_nodes
        assert project["orders"]["amount"].sum() == 110 - 22 + 77
        project.transform("one", sql="SELECT 1 AS one")
        project.remove("orders")
        project.clean()
        assert not folder.exists()

    def test_a_moved_project_is_up_to_date(self, root, tmp_path_factory):
        project = orders(root, by="file")
        project.transform("paid", sql="SELECT * FROM orders", partition_by="inherit")
        project.run(progress=False)
        moved = tmp_path_factory.mktemp("moved") / "project"
        shutil.copytree(root, moved)
        other = orders(moved, by="file")
        other.transform("paid", sql="SELECT * FROM orders", partition_by="inherit")
        assert not other.run(progress=False).successful_nodes
        csv(moved, "o2.csv", "2024-01-02 10:00:00,ann,77")
        assert counts(other.run(progress=False), "paid") == (1, 4)

    def test_a_damaged_part_is_built_again_and_said(self, root):
        project = orders(root)
        project.transform("daily", sql="SELECT ts::DATE AS day, count(*) AS n FROM orders GROUP BY 1", partition_by="inherit")
        project.run(progress=False)
        stored = sorted((root / "target/outputs/transform/daily").glob("*/data.parquet"))
        stored[0].write_bytes(stored[0].read_bytes()[:-9] + b"123456789")
        plan = project.plan()
        assert any("transform.daily" in warning and "damaged" in warning for warning in plan.warnings), plan.warnings
        assert counts(project.run(progress=False), "daily") == (1, 4)
        assert project["daily"]["n"].tolist() == [2, 2, 2, 2]

    def test_records_that_nobody_can_read_are_made_again(self, root):
        project = orders(root)
        project.transform("two", sql="SELECT * FROM orders WHERE amount > 1", partition_by="inherit")
        project.run(progress=False)
        before = project["two"]
        for number, record in enumerate(sorted(root.glob("target/outputs/*/*/*/build.json"))):
            text = record.read_text().replace('"version": 2', '"version": 1') if number % 2 else "{}"
            record.write_text(text)
        assert not project.run(progress=False).failed_nodes
        assert project["two"].equals(before)
        assert not project.run(progress=False).successful_nodes

    def test_cut_and_whole_again(self, root):
        found = []
        for by in ({}, {"partition_by": "day(ts)"}, {"partition_by": "month(ts)"}, {}):
            project = Project(root)
            project.source("orders", csv="data/*.csv", **by)
            summary = project.run(progress=False)
            found.append((str(summary["source.orders"].status), sorted(map(repr, project["orders"].values.tolist()))))
            assert counts(summary, "orders") == ({"day(ts)": (4, 4), "month(ts)": (1, 1)}[by["partition_by"]] if by else found[-1][0])
        assert [status for status, _ in found] == ["success", "success", "success", "cached"]
        assert len({repr(rows) for _, rows in found}) == 1

    def test_compared_and_exported(self, root, tmp_path_factory, monkeypatch, capsys):
        (root / "seeknal").mkdir()
        (root / "seeknal/all.yml").write_text(
            "kind: source\nname: orders\npath: data/*.csv\npartition_by: day(ts)\n---\n"
            "kind: transform\nname: two\npartition_by: inherit\ntransform: SELECT * FROM source.orders WHERE amount > 1\n"
        )
        monkeypatch.chdir(root)
        assert main(["run"]) == 0
        csv(root, "o9.csv", "2024-01-02 12:00:00,late,100", "2024-01-09 12:00:00,late,1")
        assert main(["run"]) == 0
        capsys.readouterr()
        assert main(["compare", "1", "2"]) == 0
        assert [line.split()[3:5] for line in capsys.readouterr().out.splitlines()[2:]] == [["8", "10"], ["7", "8"]]
        there = tmp_path_factory.mktemp("there")
        assert main(["export", str(there / "copy")]) == 0
        monkeypatch.chdir(there / "copy")
        assert main(["run"]) == 0
        capsys.readouterr()
        assert main(["show", "two", "--partitions"]) == 0
        assert capsys.readouterr().out.startswith("transform.two: 5 partitions by day of ts, 8 rows")

    def test_in_other_processes(self, root, monkeypatch):
        monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))  # of a shell of another test it would be without a file
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
            project = orders(root)
            project.transform("paid", sql="SELECT * FROM orders WHERE amount > 1", partition_by="inherit")
            summary = project.runner(executor=pool, workers=2).run(progress=False)
        assert counts(summary, "paid") == (4, 4), message(summary, "orders")
        assert len(project["paid"]) == 7

    def test_rows_of_another_order_keep_their_digest(self, root):
        project = orders(root)
        project.transform("daily", sql="SELECT who, ts::DATE AS day, count(*) AS n FROM orders GROUP BY ALL", partition_by="inherit")
        project.transform("all", sql="SELECT sum(n) AS n FROM daily")
        project.run(progress=False)
        csv(root, "o2.csv", "2024-01-02 23:30:00,bob,20", "2024-01-02 10:00:00,ann,2")
        summary = project.run(progress=False)
        assert counts(summary, "daily") == (1, 4)
        assert counts(summary, "all") == "cached"


class TestWhileItRuns:
    def test_a_file_that_changes_while_it_is_read_fails_its_part_alone(self, root, monkeypatch):
        before = (root / "data" / "o2.csv").read_bytes()

        def meddled(task, piece):
            found = read_slice(task, piece)
            if piece.value == "2024-01-02":
                csv(root, "o2.csv", "2024-01-02 10:00:00,ann,77")
            return found

        monkeypatch.setattr(source, "read_slice", meddled)
        project = orders(root)
        assert "partition 2024-01-02: " in message(project.run(progress=False, continue_on_error=True), "orders")
        monkeypatch.undo()
        (root / "data" / "o2.csv").write_bytes(before)
        assert counts(project.run(progress=False), "orders") == (1, 4)
        assert project["orders"]["amount"].sum() == 110

    def test_a_file_that_comes_between_look_and_run_fails_the_node(self, root):
        """As without partitions: what wrote it ran before, and its rows are expected."""
        for by in ({}, {"partition_by": "day(ts)"}):
            project = Project(root, namespace={})
            project.transform("written", python=f"import pathlib\npathlib.Path({str(root)!r}, 'data/{len(by)}.csv').write_text('ts,who,amount\\n2024-02-01,x,1\\n')\n[{{'x': 1}}]")
            project.source("orders", csv="data/*.csv", depends_on=["transform.written"], **by)
            assert message(project.run(progress=False), "orders").startswith("a file changed while it was read")
            assert not project.run(progress=False).failed_nodes
            assert "2024-02-01" in project["orders"]["ts"].astype(str).str[:10].tolist()

    def test_a_secret_stays_outside(self, root, monkeypatch):
        monkeypatch.setenv("ORDERS_TOKEN", "s3cr3t-t0k3n-of-orders")
        project = orders(root)
        body = "token = ctx.secret('ORDERS_TOKEN')\nprint(token)\nctx.warn(f'it is {token}')\nctx.ref('orders')"
        project.transform("days", python=body, inputs=["source.orders"], partition_by="day(ts)")
        summary = project.run(progress=False)
        assert counts(summary, "days") == (4, 4)
        texts = b"".join(path.read_bytes() for path in (root / "target").rglob("*") if path.is_file())
        assert b"s3cr3t-t0k3n-of-orders" not in texts
        assert "s3cr3t" not in str(summary.to_dict())

    def test_a_named_node_executes_all_of_its_own(self, root):
        project = orders(root)
        project.transform("paid", sql="SELECT * FROM orders", partition_by="inherit")
        project.run(progress=False)
        assert counts(project.run(nodes=["paid"], progress=False), "paid") == (4, 4)

    def test_a_cancelled_run_keeps_what_is_finished(self, root):
        """The body of the second day says that it runs, and waits until nobody wants it any more."""
        project, stop = orders(root), threading.Event()
        body = (
            "import pathlib, time\nhere = pathlib.Path(PLACE)\nif ctx.partition.value == '2024-01-02' and (here / 'wait').exists():\n"
            "    (here / 'runs').touch()\n    while (here / 'wait').exists():\n        time.sleep(0.05)\nctx.ref('orders')"
        )
        project.transform("days", python=body.replace("PLACE", repr(str(root))), inputs=["source.orders"], partition_by="day(ts)")
        (root / "wait").touch()

        def watch():
            while not ((root / "runs").exists() and [*root.glob("target/outputs/transform/days/*/build.json")]):
                time.sleep(0.05)
            stop.set()
            (root / "wait").unlink()

        threading.Thread(target=watch).start()
        summary = project.runner(workers=2).run(progress=False, cancelled=stop)
        assert counts(summary, "days") == "pending"
        built, total = counts(project.run(progress=False), "days")
        assert total == 4
        assert built < 4

    def test_a_rename_keeps_them(self, root, capsys, monkeypatch):
        monkeypatch.chdir(root)
        (root / "seeknal").mkdir()
        (root / "seeknal/orders.yml").write_text("kind: source\nname: orders\npath: data/*.csv\npartition_by: day(ts)\n")
        (root / "seeknal/paid.yml").write_text("kind: transform\nname: paid\nsql: SELECT * FROM orders WHERE amount > 1\npartition_by: inherit\n")
        assert main(["run"]) == 0
        for old, new in (("paid", "settled"), ("orders", "bought")):
            assert main(["rename", old, new, "--write"]) == 0
            capsys.readouterr()
            assert main(["run"]) == 0
            assert "Nothing to run" in capsys.readouterr().out
        csv(root, "o9.csv", "2024-01-02 12:00:00,late,100")
        assert main(["run"]) == 0
        assert main(["show", "settled", "--format", "json"]) == 0
        assert '"row_count": 8' in capsys.readouterr().out


class TestTraps:
    def test_an_input_that_was_built_otherwise_is_no_empty_table(self, root):
        project = Project(root)
        project.source("orders", csv="data/*.csv")
        project.transform("paid", sql="SELECT * FROM orders", partition_by="inherit")
        project.remove("paid")
        project.run(progress=False)
        for by in ("day(ts)", "month(ts)"):
            project = orders(root, by=by)
            project.transform("paid", sql="SELECT * FROM orders", partition_by="inherit")
            told = message(project.run(nodes=["paid"], only=True, progress=False), "paid")
            assert "was built with other partitions than it has now" in told
            assert counts(project.run(progress=False), "paid")[0] > 0
            assert len(project["paid"]) == 8

    def test_days_that_turn_out_to_be_months(self, tmp_path):
        csv(tmp_path, "a.csv", "13/02/2024,1")
        (tmp_path / "data/a.csv").write_text("ts,x\n13/02/2024,1\n")
        (tmp_path / "data/b.csv").write_text("ts,x\n02/03/2024,2\n")
        project = orders(tmp_path)
        project.transform("daily", sql="SELECT ts, count(*) AS n FROM orders GROUP BY ts", partition_by="inherit")
        project.run(progress=False)
        assert sorted(str(day)[:10] for day in project["daily"]["ts"]) == ["2024-02-13", "2024-03-02"]
        (tmp_path / "data/a.csv").write_text("ts,x\n02/13/2024,1\n02/03/2024,3\n")
        project.run(progress=False)
        assert sorted((str(day)[:10], n) for day, n in project["daily"].values.tolist()) == [("2024-02-03", 2), ("2024-02-13", 1)]

    def test_a_long_chain(self, root):
        project, before = orders(root), "orders"
        for number in range(300):
            project.transform(f"n{number}", sql=f"SELECT *, {number} AS n{number} FROM (SELECT ts, amount FROM {before})", partition_by="inherit")
            before = f"n{number}"
        assert not project.plan().warnings

    def test_a_full_run_that_fails_leaves_what_there_was(self, root):
        project = orders(root)
        body = "import pathlib, random\nif ctx.partition.value == '2024-01-03' and pathlib.Path(PLACE).exists():\n    raise ValueError('no')\nctx.ref('orders').assign(r=random.random())"
        project.transform("days", python=body.replace("PLACE", repr(str(root / "no"))), inputs=["source.orders"], partition_by="day(ts)")
        project.run(progress=False)
        before = project["days"]
        (root / "no").touch()
        assert "partition 2024-01-03" in message(project.run(full=True, progress=False), "days")
        again = orders(root)
        again.transform("all", sql="SELECT 1 AS one")
        assert project["days"].equals(before)
        (root / "no").unlink()
        assert counts(project.run(full=True, progress=False), "days") == (4, 4)
        assert not project["days"].equals(before)

    def test_clean_leaves_what_a_failed_run_has_finished(self, root):
        project = orders(root)
        project.transform("odd", sql="SELECT *, CASE WHEN amount = 3 THEN error('three') ELSE 1 END AS one FROM orders", partition_by="inherit")
        project.run(progress=False)
        project.clean()
        csv(root, "o3.csv", "2024-01-03 00:00:00,ann,33")
        assert counts(project.run(progress=False), "odd") == (2, 4)

    def test_an_order_by_a_value_is_not_proved(self, root):
        project = orders(root, by="amount")
        project.transform("odd", sql="SELECT * FROM orders ORDER BY amount", partition_by="inherit")
        with pytest.raises(ManifestError, match="ORDER BY") as caught:
            project.plan()
        assert caught.value.node == "transform.odd"

    def test_a_rename_keeps_the_names_of_partitions(self, root, monkeypatch, capsys):
        monkeypatch.chdir(root)
        (root / "seeknal").mkdir()
        (root / "seeknal/orders.yml").write_text("kind: source\nname: orders\npath: data/*.csv\npartition_by: day(ts)\n")
        assert main(["run"]) == 0
        assert main(["rename", "orders", "bought", "--write"]) == 0
        capsys.readouterr()
        assert main(["show", "bought", "--partitions"]) == 0
        assert "2024-01-03" in capsys.readouterr().out

    def test_only_what_ran_is_printed(self, root):
        project = orders(root)
        project.transform("days", python="print('ran', ctx.partition.value)\nctx.ref('orders')", inputs=["source.orders"], partition_by="day(ts)")
        project.run(progress=False)
        csv(root, "o9.csv", "2024-01-02 12:00:00,late,100")
        [result] = [one for one in project.run(progress=False).results if one.node_id == "transform.days"]
        assert result.metadata["output"] == "ran 2024-01-02\n"


    def test_an_input_without_a_table_counts(self, root):
        project = Project(root)
        manifest = Manifest("p")
        manifest.add_node(Node("source.orders", "orders", "source", config={"path": "data/*.csv", "partition_by": "day(ts)"}))
        body = "ctx.ref('orders')"
        manifest.add_node(Node("transform.days", "days", "transform", config={"python": body, "partition_by": "day(ts)"}))
        manifest.add_edge("source.orders", "transform.days")
        manifest.add_edge("mark.m", "transform.days")
        for step, built in ((1, 4), (1, None), (2, 4)):
            manifest.add_node(Node("mark.m", "m", "mark", config={"step": step}))
            summary = DAGRunner(manifest, root=project.directory, kinds={"mark": lambda node: {"row_count": None}}).run(progress=False)
            assert counts(summary, "days") == ("cached" if built is None else (built, 4))

    def test_what_a_file_holds_is_asked_once(self, root, monkeypatch):
        project = orders(root)
        project.run(progress=False)
        csv(root, "o2.csv", "2024-01-02 10:00:00,ann,77")
        asked, look = [], cut._looked
        monkeypatch.setattr(cut, "_looked", lambda *given: asked.append(given[2].name) or look(*given))
        project.run(progress=False)
        assert asked == ["o2.csv"]


class TestWhatIsShown:
    def test_partitions_of_a_node(self, root):
        project = orders(root)
        project.run(progress=False)
        csv(root, "o5.csv", "2024-01-02 00:00:01,late,5", ",nobody,6")
        (root / "data" / "o1.csv").unlink()
        project.run(progress=False)
        shown = project.partitions("orders")
        assert shown.title.startswith("source.orders: 4 partitions by day of ts, 8 rows, ")
        assert "1 partition of the build before is gone" in shown.title
        assert [(row[0], row[1], row[3]) for row in shown.rows] == [
            ("2024-01-02", 3, "changed"), ("2024-01-03", 2, "kept"), ("2024-01-04", 2, "kept"), (None, 1, "new"),
        ]  # fmt: skip

    def test_a_node_without_any(self, root):
        project = Project(root)
        project.source("orders", csv="data/*.csv")
        with pytest.raises(SelectionError, match="has no partitions to show"):
            project.partitions("orders")
        project.run(progress=False)
        with pytest.raises(SelectionError, match="built as a whole"):
            project.partitions("orders")

    def test_the_plan_says_how_many_files_changed(self, root):
        project = orders(root)
        project.run(progress=False)
        csv(root, "o5.csv", "2024-01-02 00:00:01,late,5")
        csv(root, "o2.csv", "2024-01-02 00:00:01,ann,6")
        assert "source data changed: 1 added, 1 changed of 5 files" in str(project.plan())

    def test_a_run_counts_them(self, root, capsys):
        project = orders(root)
        project.run()
        assert "(4 of 4 partitions)" in capsys.readouterr().out
        csv(root, "o5.csv", "2024-01-02 00:00:01,late,5")
        summary = project.run()
        assert "(1 of 4 partitions)" in capsys.readouterr().out
        assert summary.results[0].detail().startswith("9 rows · 1 of 4 partitions")

    def test_on_the_command_line(self, root, capsys, monkeypatch):
        monkeypatch.chdir(root)
        (root / "seeknal").mkdir()
        (root / "seeknal/orders.yml").write_text("kind: source\nname: orders\npath: data/*.csv\npartition_by: day(ts)\n")
        (root / "seeknal/two.yml").write_text("kind: transform\nname: two\nsql: SELECT ts, amount FROM orders\npartition_by: day(ts)\nlookback: 1\n")
        (root / "seeknal/bad.yml").write_text("kind: transform\nname: bad\nsql: SELECT sum(amount) AS s FROM orders\npartition_by: inherit\n")
        assert main(["plan"]) == 2
        assert "an aggregate without GROUP BY" in capsys.readouterr().err
        (root / "seeknal/bad.yml").unlink()
        assert main(["run"]) == 0
        capsys.readouterr()
        assert main(["show", "two", "--partitions"]) == 0
        assert "2024-01-04" in capsys.readouterr().out


HEAD = "ts,a,b"
ODD = {
    "days first": ["2024-01-01,01/02/2024,1", "2024-01-02,13/02/2024,2"],
    "days of no order": ["2024-01-01,01/02/2024,1", "2024-01-02,02/03/2024,2"],
    "nothing in one file": ["2024-01-01,,1", "2024-01-02,5,2"],
    "nothing at all": ["2024-01-01,,1", "2024-01-02,,2"],
    "whole and broken": ["2024-01-01,1,1", "2024-01-02,1.50,2"],
    "leading zeros": ["2024-01-01,1,1", "2024-01-02,007,2"],
    "numbers and words": ["2024-01-01,1.50,1", "2024-01-02,x,2"],
    "days and times": ["2024-01-01,2024-01-01,1", "2024-01-02,2024-01-01 10:00:00,2"],
    "with and without a zone": ["2024-01-01,2024-01-01 10:00:00,1", "2024-01-02,2024-01-01 10:00:00+02:00,2"],
    "truths": ["2024-01-01,true,1", "2024-01-02,FALSE,2"],
    "truths and numbers": ["2024-01-01,true,1", "2024-01-02,1,2"],
    "wide numbers": ["2024-01-01,1,1", "2024-01-02,99999999999999999999,2"],
    "wide and broken": ["2024-01-01,0.5,1", "2024-01-02,9007199254740993,2"],
    "empty texts": ['2024-01-01,"",1', "2024-01-02,x,2"],
    "clocks": ["2024-01-01,10:00:00,1", "2024-01-02,11:00:00.5,2"],
    "time": ["2024-01-01,1,1", "2024-01-02 10:00:00,1,2"],
    "time of days first": ["01/02/2024,1,1", "13/02/2024,1,2"],
    "no time in one file": [",1,1", "2024-01-02,1,2"],
}


@pytest.mark.parametrize("what", ODD)
@pytest.mark.parametrize("by", ["file", "day(ts)", "a"])
def test_columns_are_those_of_one_reading(tmp_path, what, by):
    for number, line in enumerate(ODD[what]):
        csv(tmp_path, f"o{number}.csv", line, head=HEAD)
    project, found = Project(tmp_path), {}
    for name, partition_by in (("whole", {}), ("parts", {"partition_by": by})):
        project.source(name, csv="data/*.csv", **partition_by)
        summary = project.run(progress=False, nodes=[name])
        if partition_by and summary.failed_nodes:
            assert by != "file", message(summary, name)
            assert "not a time" in message(summary, name) or "no partitions" in message(summary, name) or "a values make" in message(summary, name)
            return
        shown = project.show(name)
        found[name] = shown.schema, Counter(map(repr, project[name].astype(object).values.tolist()))
    assert found["parts"] == found["whole"]
