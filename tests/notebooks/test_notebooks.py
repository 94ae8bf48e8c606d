"""The notebooks, run as a reader runs them: in a kernel, from top to bottom, in a folder of their own; then headless."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import duckdb
import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from waiting import END

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"
NAMES = ("01_quickstart", "02_python_and_yaml", "03_interactive_runner", "04_features_and_models", "05_dirty_data", "06_partitions", "07_trust",
         "08_past_one_machine")  # fmt: skip
KINDS = {"source", "transform", "feature_group", "aggregation", "model", "rule", "exposure"}
FIXTURES = dict(zip(NAMES, ("quickstart", "python_and_yaml", "interactive", "features_and_models", "dirty_data", "partitions", "trust", "machines"), strict=True))

# The kernel and the folders that it writes are shared by the tests of this file.
pytestmark = pytest.mark.xdist_group("notebooks")


@dataclass(frozen=True)
class Executed:
    """A notebook with its outputs, and where it ran."""

    notebook: nbformat.NotebookNode
    folder: Path

    def cell(self, cell_id: str) -> nbformat.NotebookNode:
        return next(cell for cell in self.notebook.cells if cell["id"] == cell_id)

    def text(self, cell_id: str) -> str:
        """All that a cell shows, as text."""
        outputs = self.cell(cell_id).outputs
        return "\n".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs)

    def shown(self, cell_id: str, mime: str) -> str:
        return next(o["data"][mime] for o in self.cell(cell_id).outputs if mime in o.get("data", {}))

    def counts(self, cell_id: str) -> dict[str, int]:
        """The counters of the summary that a cell shows: ``21 nodes in 6.20s: 1 run, 20 up to date; 1 with warnings``."""
        line = re.search(r"^(\d+) nodes in [\d.]+s: (.*)$", self.text(cell_id), re.MULTILINE)
        assert line, self.text(cell_id)
        return {"total": int(line[1])} | {name: int(n) for n, name in re.findall(r"(\d+) (\w+)", line[2])}


def environment(home: Path) -> dict[str, str]:
    """This checkout first, and no history of the user's."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, "IPYTHONDIR": str(home / "ipython")}


def copied(home: Path) -> Path:
    folder = home / "notebooks"
    folder.mkdir()
    for name in NAMES:
        shutil.copy(NOTEBOOKS / f"{name}.ipynb", folder)
    shutil.copytree(NOTEBOOKS / "images", folder / "images")
    return folder


def executed(name: str, home: Path) -> Executed:
    folder = copied(home)
    notebook = nbformat.read(folder / f"{name}.ipynb", as_version=4)
    client = NotebookClient(
        notebook, kernel_name="python3", timeout=None, startup_timeout=END, store_widget_state=False,
        resources={"metadata": {"path": str(folder)}},
    )  # fmt: skip
    client.execute(env=environment(home))
    return Executed(notebook, folder)


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory):
    return executed("01_quickstart", tmp_path_factory.mktemp("quickstart"))


@pytest.fixture(scope="module")
def python_and_yaml(tmp_path_factory):
    return executed("02_python_and_yaml", tmp_path_factory.mktemp("python"))


@pytest.fixture(scope="module")
def interactive(tmp_path_factory):
    return executed("03_interactive_runner", tmp_path_factory.mktemp("interactive"))


@pytest.fixture(scope="module")
def features_and_models(tmp_path_factory):
    return executed("04_features_and_models", tmp_path_factory.mktemp("features"))


@pytest.fixture(scope="module")
def dirty_data(tmp_path_factory):
    return executed("05_dirty_data", tmp_path_factory.mktemp("dirty"))


@pytest.fixture(scope="module")
def partitions(tmp_path_factory):
    return executed("06_partitions", tmp_path_factory.mktemp("partitions"))


@pytest.fixture(scope="module")
def trust(tmp_path_factory):
    return executed("07_trust", tmp_path_factory.mktemp("trust"))


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    if os.environ.get("SEEKNAL_DASK") != "require":
        pytest.importorskip("distributed")
    return executed("08_past_one_machine", tmp_path_factory.mktemp("machines"))


def seeknal(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "seeknal_nb", *words],
        cwd=folder.parent, env=environment(folder.parent), capture_output=True, encoding="utf-8",
    )  # fmt: skip


# As they are kept


@pytest.mark.parametrize("name", NAMES)
def test_is_kept_without_outputs_and_without_a_machine(name):
    """What is committed is what was written: nothing of a run, and nothing of the writer's machine."""
    text = (NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert notebook.metadata.kernelspec.name == "python3"
    assert not re.search(r"/(?:home|Users|tmp|work|root)/|[A-Z]:\\\\", text)


@pytest.mark.parametrize("name", NAMES)
def test_cells_have_names(name):
    """Ids are written by hand, so that a diff shows which cell changed, and a link to one stays good."""
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    ids = [cell["id"] for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z][a-z-]*", cell_id) for cell_id in ids)


def test_data_are_written_once(tmp_path, monkeypatch):
    """The first cell leaves a right file alone, and puts a wrong one right."""
    monkeypatch.chdir(tmp_path)
    notebook = nbformat.read(NOTEBOOKS / "01_quickstart.ipynb", as_version=4)
    code = next(cell.source for cell in notebook.cells if cell["id"] == "data")
    exec(code, {})
    files = sorted(Path("data").iterdir())
    assert [path.stem for path in files] == ["airlines", "airports", "flights", "planes", "weather"]
    Path("data/weather.csv").write_text("origin\n")
    before = {path: path.stat().st_mtime_ns for path in files}
    exec(code, {})
    changed = [path.stem for path in files if path.stat().st_mtime_ns != before[path]]
    assert changed == ["weather"]
    assert Path("data/weather.csv").read_bytes().count(b"\n") == 26_116


# In a kernel


@pytest.mark.parametrize("name", NAMES)
def test_runs_from_top_to_bottom(name, request):
    run = request.getfixturevalue(FIXTURES[name])
    code = [cell for cell in run.notebook.cells if cell.cell_type == "code"]
    errors = [output for cell in code for output in cell.outputs if output.output_type == "error"]
    streams = [output.text for cell in code for output in cell.outputs if output.get("name") == "stderr"]
    assert not errors
    assert not streams


def test_flights_of_new_york(quickstart):
    """The counts that everybody knows who has used these data."""
    rows = {m[1]: int(m[2].replace(",", "")) for m in re.finditer(r"^(\S+) +success +([\d,]+) ", quickstart.text("status"), re.MULTILINE)}
    assert len(rows) == 21
    assert {node_id.partition(".")[0] for node_id in rows} == KINDS
    known = {"flights": 336_776, "weather": 26_115, "planes": 3_322, "airports": 1_458, "airlines": 16}
    assert {name: rows[f"source.{name}"] for name in known} == known
    assert rows["transform.flown"] == rows["transform.departures"] == 327_346
    assert rows["model.late_arrival"] == rows["model.late_baseline"] == rows["exposure.predictions"] == 327_346 // 8


def test_first_run_executes_all(quickstart):
    counts = quickstart.counts("summary")
    assert counts == {"total": 21, "run": 21, "with": 1}
    assert quickstart.text("plan").count("never built") == 21


def test_runs_execute_what_the_text_says(quickstart):
    """One node where the rows come out the same, six where they do not, and only the delivery on the way back."""
    assert quickstart.counts("change-run") == {"total": 21, "run": 1, "up": 20, "with": 1}
    assert quickstart.counts("memory-run") == {"total": 21, "run": 6, "up": 15, "with": 1}
    assert quickstart.counts("back-run") == {"total": 21, "run": 1, "up": 20, "with": 1}
    assert quickstart.counts("repair-run") == {"total": 21, "run": 1, "up": 20, "with": 1}
    assert "21 up to date" in quickstart.text("status")


def test_a_setting_is_named_and_the_runs_stand_side_by_side(quickstart):
    assert "parameter memory: 7 -> 14" in quickstart.text("why")
    assert "6 of 21 nodes with another build" in quickstart.text("compare")


def test_failure_names_node_line_and_cause(quickstart):
    said = quickstart.text("fail-why")
    assert "feature_group.plane" in said
    assert "line 3" in said
    assert "NA" in said


def test_going_back_gives_the_rows_of_before(quickstart):
    """The predictions that were delivered last are those of the week, not of the fortnight."""
    delivered = quickstart.folder / "exports" / "predictions" / "*" / "*.parquet"
    query = f"SELECT count(*), sum(probability::DECIMAL(18, 12)) FROM '{delivered}' WHERE split = 'test'"
    builds = (quickstart.folder / "target" / "outputs" / "model" / "late_arrival").glob("*/data.parquet")
    by_age = sorted(builds, key=lambda path: path.stat().st_mtime_ns)
    assert len(by_age) == 2
    first, second = (duckdb.sql(query.replace(str(delivered), str(path))).fetchall() for path in by_age)
    assert first != second
    assert duckdb.sql(query).fetchall() == first


def test_claims_of_the_text(quickstart):
    """What the prose says in numbers is what the data say."""
    departures = next((quickstart.folder / "target/outputs/transform/departures").glob("*/data.parquet"))
    early, evening = (
        duckdb.sql(f"SELECT avg(late::INT) FROM '{departures}' WHERE hour IN ({hours})").fetchall()[0][0]
        for hours in ("6, 7", "21")
    )
    assert 1 / 9.5 < early < 1 / 8.5  # one in nine
    assert evening > 1 / 3
    weather = quickstart.folder / "data" / "weather.csv"
    wind, rain = duckdb.sql(
        f"SELECT max(wind_speed), count(*) FILTER (precip IS NULL) FROM read_csv('{weather}', nullstr='NA')"
    ).fetchall()[0]
    assert int(wind) == 1_048
    assert rain == 0
    scores = [float(n) for n in re.search(r"^auc +(\S+) +(\S+)$", quickstart.text("metrics"), re.MULTILINE).groups()]
    assert all(0.68 < score < 0.73 for score in scores)  # seven in ten; more would be a leak
    assert scores[1] - scores[0] < 0.01
    # Airports that are not in the list keep New York's summer time or an hour more.
    data = quickstart.folder / "data"
    known = duckdb.sql(f"""
        SELECT max(CASE WHEN hour * 60 + minute > arrival THEN arrival + 1440 ELSE arrival END) + 15
        FROM (
            SELECT *, sched_arr_time // 100 * 60 + sched_arr_time % 100 + coalesce(-5 - tz, 0) * 60 AS arrival
            FROM read_csv('{data}/flights.csv', nullstr='NA') LEFT JOIN read_csv('{data}/airports.csv') ON faa = dest
        ) WHERE arr_delay IS NOT NULL
    """).fetchall()
    assert known == [(29 * 60,)]  # five o'clock in the morning


def test_features_are_those_of_the_morning(quickstart):
    """Every flight has its carrier's row of the day and its route's row of the Monday before, where there is one."""
    outputs = quickstart.folder / "target" / "outputs"
    flown = next((outputs / "transform" / "flown").glob("*/data.parquet"))
    builds = (outputs / "transform" / "training_set").glob("*/data.parquet")
    training = min(builds, key=lambda path: path.stat().st_mtime_ns)  # with a week, not a fortnight
    wrong = duckdb.sql(f"""
        WITH daily AS (SELECT carrier, origin, dest, day, count(*) AS n, sum(late::INT) AS late FROM '{flown}' GROUP BY ALL),
        carriers AS (
            SELECT t.carrier, t.day, sum(late) / sum(n) AS late FROM (SELECT DISTINCT carrier, day FROM '{training}') t
            JOIN daily d ON d.carrier = t.carrier AND d.day BETWEEN t.day - 7 AND t.day - 1 GROUP BY ALL
        ), routes AS (
            SELECT t.origin, t.dest, t.day, sum(late) / sum(n) AS late
            FROM (SELECT DISTINCT origin, dest, day FROM '{training}') t
            JOIN daily d ON d.origin = t.origin AND d.dest = t.dest
                AND date_trunc('week', t.day)::DATE - d.day BETWEEN 1 AND 28 GROUP BY ALL
        )
        SELECT count(*) FILTER (abs(coalesce(carrier_late, -1) - coalesce(c.late, -1)) > 1e-9),
               count(*) FILTER (abs(coalesce(route_late, -1) - coalesce(r.late, -1)) > 1e-9), count(*)
        FROM '{training}' LEFT JOIN carriers c USING (carrier, day) LEFT JOIN routes r USING (origin, dest, day)
    """).fetchall()
    assert wrong == [(0, 0, 327_346 // 8)]


def test_checks(quickstart):
    """Those of the rules, of the features and of a model; one of them did not hold."""
    checks = re.findall(r"<td>(error|warn)</td>\s*<td>(True|False)</td>", quickstart.shown("checks", "text/html"))
    assert len(checks) == 19
    assert [check for check in checks if check != ("error", "True")] == [("warn", "False")]


def test_exports(quickstart):
    assert len(re.findall(r"^exports/predictions/split=(?:train|test)/", quickstart.text("exports"), re.MULTILINE)) == 2
    lines = (quickstart.folder / "exports" / "carriers.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "carrier,flights,percent_late"
    assert len(lines) == 17
    assert sum(int(line.rsplit(",", 2)[1]) for line in lines[1:]) == 327_346


def test_graph_is_coloured(quickstart):
    """The graph is an SVG of its own, with a colour for what ran and another for what did not."""
    drawn = ET.fromstring(quickstart.shown("graph", "image/svg+xml"))
    words = " ".join(drawn.itertext())
    assert all(name in words for name in ("departures", "late_arrival", "predictions", "feature_group"))
    live = quickstart.shown("memory-run", "text/html")
    svg = ET.fromstring(base64.b64decode(re.search(r"data:image/svg\+xml;base64,([^\"]+)", live)[1]))
    fills = {el.get("fill") for el in svg.iter() if el.get("fill")}
    styles = {m for el in svg.iter("{http://www.w3.org/2000/svg}style") for m in re.findall(r"fill: ?(#\w+)", el.text or "")}
    assert len((fills | styles) - {"none", "currentColor"}) > 3
    assert "1 warning · 5 success · 15 cached" in " ".join(svg.itertext())


def test_page_has_the_graph_and_the_summary(quickstart):
    """The rendered page needs no kernel and no widget state."""
    page, _ = HTMLExporter(embed_images=True).from_notebook_node(quickstart.notebook)
    assert "widgets" not in quickstart.notebook.metadata
    assert page.count("data:image/svg+xml;base64") >= 6
    assert "21 nodes in" in page
    assert page.count("source.flights") > 2
    assert "1 warning · 20 success" in page


def test_python_and_yaml(python_and_yaml):
    run = python_and_yaml
    assert run.text("run").count("[RUNNING]") == 3
    assert run.text("run").count("skipped: upstream failed: rule.possible_speeds") == 2
    assert "1 rows of 26,111" in run.text("run") or "1 row of 26,111" in run.text("run")
    assert "1048.36" in run.text("run")
    assert re.search(r"Successful: +4\b", run.text("summary"))
    assert "No changes detected. Nothing to run." in run.text("runner")
    assert "excluded by tag checks" in run.text("print-plan")
    assert run.text("listener").strip() == "transform.windy_days: success, 25 rows"
    assert "3 nodes: 3 up to date" in run.text("open")
    assert "Nothing to run" in run.text("shell")
    assert re.search(r"Total nodes: +7\b", run.text("shell"))
    assert "exit code 0" in run.text("shell")
    days = duckdb.sql(f"SELECT max_by(day::DATE, wind_speed) FROM '{run.folder}/wind/exports/windy_days.csv' GROUP BY origin")
    assert {str(day) for (day,) in days.fetchall()} == {"2013-01-31"}
    gusts = duckdb.sql(f"FROM '{run.folder}/gusts/exports/gusts.csv'")
    assert len(gusts.fetchall()) == 36


def test_python_and_yaml_in_folders(python_and_yaml):
    """Decorators, an export that needs no other run, and a folder of the peer's: its table by another query."""
    run = python_and_yaml
    assert "2 success · 5 cached" in run.text("decorators-run")
    assert len(re.findall(r"^\d+ +rule\.\w+ .* True\b", run.text("decorators-run"), re.MULTILINE)) == 4
    assert run.text("export").startswith("7 nodes, written to gusts")
    assert "gale = 39" in run.text("exported")
    assert (run.folder / "gusts" / "seeknal" / "common" / "notebook.py").is_file()
    assert "3 nodes of gales" in run.text("peer-load")
    found = {
        (season, origin): int(hours)
        for season, *row in re.findall(r"^(autumn|spring|summer|winter) +(\d+) +(\d+) +(\d+) *$", run.text("peer-table"), re.MULTILINE)
        for origin, hours in zip(("EWR", "JFK", "LGA"), row, strict=True)
    }
    counted = duckdb.sql(f"""
        SELECT ['winter', 'spring', 'summer', 'autumn'][month % 12 // 3 + 1], origin, count(*)
        FROM read_csv('{run.folder}/gales/data/weather.csv', nullstr='NA') WHERE wind_gust >= 39 GROUP BY ALL
    """).fetchall()
    assert {key: hours for key, hours in found.items() if hours} == {(season, origin): hours for season, origin, hours in counted}
    assert sum(hours for (season, _), hours in found.items() if season == "winter") > sum(found.values()) * 0.45


def test_interactive_runner(interactive):
    """Without anybody to click, the graphs are drawings; selection, background and cancel work all the same."""
    run = interactive
    assert "9 never run" in run.text("graph")
    assert "9 success" in run.text("run")
    assert "9 of 9 run" in run.text("run")
    shown = [output.get("data", {}) for cell in run.notebook.cells for output in cell.get("outputs", ())]
    assert not any("application/vnd.jupyter.widget-view+json" in data for data in shown)
    assert run.text("selected").count("feature_group.carrier_day") == 2
    assert run.text("selected-run").count("success") == 5
    assert run.text("wait").splitlines()[-1] == "'finished'"
    assert "1 pending" in run.text("cancel")
    assert run.text("cancel").splitlines()[-1] == "'cancelled'"
    assert {path.suffix for path in (run.folder / "exports").glob("graph.*")} == {".svg", ".html", ".dot", ".mermaid"}
    assert "1,000 never run" in run.text("big")
    assert "112 run" in run.text("big-run")
    assert "n8" in run.text("mermaid")


def test_pictures_are_there(interactive):
    """What the text shows is beside the notebook."""
    text = "".join(cell.source for cell in interactive.notebook.cells if cell.cell_type == "markdown")
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", text)
    assert len(pictures) == 3
    assert all((interactive.folder / picture).read_bytes().startswith(b"\x89PNG") for picture in pictures)


def of_one_build(run: Executed, node: str, query: str) -> list[tuple[Any, ...]]:
    """A query over the one build of a node, which it calls ``t``."""
    [data] = (run.folder / "target" / "outputs" / node).glob("*/data.parquet")
    return duckdb.sql(f"WITH t AS (FROM '{data}') {query}").fetchall()


def test_features_and_models_leak_until_they_are_known(features_and_models):
    """The mistakes look far better than what was known allows, one of them is told of, and a rule holds it back."""
    run = features_and_models
    said = {m[1]: float(m[2]) for m in re.finditer(r"^(model\.[\w, ]+?) +([\d.]+)$", run.text("second-auc"), re.MULTILINE)}
    plain, by_day, by_event, honest = said.values()
    assert 0.6 < plain < honest - 0.03
    assert honest < 0.72
    assert by_day > honest + 0.05
    assert by_event > 0.99
    first = run.text("first-run")
    assert "1 failed · 1 warning · 1 skipped · 12 success" in first
    assert "! model.late: the feature 'plane_delay' alone tells the target" in first
    assert first.count("alone tells") == 1
    assert re.search(r"exposure\.predictions +skipped +upstream failed: rule\.believable$", run.text("first-status"), re.MULTILINE)
    assert "4 success · 11 cached" in run.text("second-run")
    assert "1 warning · 6 success · 15 cached" in run.text("third-run")


def test_features_and_models_of_one_flight(features_and_models):
    """By event time a label gets itself, by known time the flight before."""
    run = features_and_models
    shown = re.findall(r"^2013-12-3\d \S+ +2013-12-3\d \S+ +(-?\d+) +(True|False)", run.text("one"), re.MULTILINE)
    assert shown == [("-19", "True"), ("40", "True"), ("107", "True"), ("101", "False")]
    known = re.findall(r"^2013-12-3\d \S+ +(True|False) *$", run.text("one"), re.MULTILINE)
    assert known == ["True", "True", "False", "False"]
    assert re.search(r"^326296 .* 107 +True$", run.text("one-event"), re.MULTILINE)
    assert re.search(r"^326296 .* 40 +True$", run.text("one-known"), re.MULTILINE)


def test_features_and_models_keep_the_spine(features_and_models):
    """Every label once and in order, and each with the newest delay of its plane that had become known: by brute force."""
    run = features_and_models
    [flown] = (run.folder / "target/outputs/transform/flown").glob("*/data.parquet")
    [labels] = (run.folder / "target/outputs/transform/labels").glob("*/data.parquet")
    builds = (run.folder / "target/outputs/transform/training").glob("*/data.parquet")
    builds = sorted(builds, key=lambda path: path.stat().st_mtime_ns)
    assert len(builds) == 2
    spine = duckdb.sql(f"SELECT flight_id FROM '{labels}'").fetchall()
    assert len(spine) == 327_346 // 8
    assert all(duckdb.sql(f"SELECT flight_id FROM '{build}'").fetchall() == spine for build in builds)
    own = f"FROM '{builds[0]}' t JOIN '{flown}' f USING (flight_id) WHERE t.plane_delay = f.arr_delay"
    assert duckdb.sql(f"SELECT count(*) {own}").fetchall()[0][0] > 0.999 * len(spine)
    wrong = duckdb.sql(f"""
        WITH past AS (
            SELECT t.flight_id, max_by(f.arr_delay, (f.scheduled, f.landed)) AS delay, max(f.scheduled) AS at
            FROM '{builds[1]}' t JOIN '{flown}' f
                ON f.tailnum = t.tailnum AND f.landed <= t.scheduled AND f.scheduled <= t.scheduled
            GROUP BY t.flight_id
        )
        SELECT count(*) FROM '{builds[1]}' t LEFT JOIN past USING (flight_id)
        WHERE t.plane_delay IS DISTINCT FROM CASE WHEN t.scheduled - past.at <= INTERVAL 12 HOURS THEN past.delay END
    """).fetchall()
    assert wrong == [(0,)]


def test_features_and_models_checks_and_claims(features_and_models):
    """The numbers of the prose are those that come out."""
    run = features_and_models
    row = r"^\d+ +(.+?) +(?:error|warn|info) +(?:True|False) +(\d+) +327346$"
    failed = {m[1]: int(m[2]) for m in re.finditer(row, run.text("checks"), re.MULTILINE)}
    assert len(failed) == 10
    broken = {"range arr_delay": 29, "regex tailnum": 4, "relationships dest": 7_537}
    assert {name: rows for name, rows in failed.items() if rows} == broken
    assert run.text("sample").count("D942DN") == 4
    assert len(re.findall(r"^\d{6} .*True$", run.text("risks"), re.MULTILINE)) == 5
    evening = of_one_build(run, "transform/evening_risks", "SELECT count(*) FROM t")
    assert evening == [(189,)]
    [flown] = (run.folder / "target/outputs/transform/flown").glob("*/data.parquet")
    late = of_one_build(run, "transform/evening_risks", f"SELECT avg(late::INT) FROM t JOIN '{flown}' USING (flight_id)")
    assert 0.24 < late[0][0] < 0.26
    retrieval = run.text("retrieval")
    assert re.search(r"plane_matched +0\.25", retrieval)
    assert re.search(r"plane_expired +0\.73", retrieval)
    assert re.search(r"plane_age_seconds_median +23400\.0", retrieval)


def test_features_and_models_deliver(features_and_models):
    """A folder a month, a page, a file and a table."""
    exports = features_and_models.folder / "exports"
    files = f"{exports}/predictions/*/*.parquet"
    months = dict(duckdb.sql(f"SELECT month, count(*) FROM '{files}' GROUP BY month").fetchall())
    assert set(months) == {10, 11, 12}
    assert sum(months.values()) == 10_326
    assert len((exports / "airlines.csv").read_text(encoding="utf-8").splitlines()) == 14
    page = (exports / "evening.html").read_text(encoding="utf-8")
    assert page.count("<tr>") == 11
    assert "Flights at risk" in page
    with contextlib.closing(sqlite3.connect(exports / "now.db")) as database:
        rows, planes = database.execute("SELECT count(*), count(DISTINCT tailnum) FROM plane").fetchone()
    assert rows == planes > 4_000
    assert "N12900" in features_and_models.text("lookup")


def test_dirty_data_is_refused_or_told_of(dirty_data):
    """Each oddity of a file is an error that names it, or a warning; with the remedy the values are those of the file."""
    run = dirty_data
    assert "a row has 1 field, and the table 6" in run.text("orders")
    assert "line 30004 of orders.csv: '30002 orders'" in run.text("orders")
    assert run.text("orders-lenient").count("! source.orders") == 3
    assert run.text("orders-told").count("! source.orders") == 2
    rows = re.findall(r"^\d+ +(30\d+) +(\S+) +(\S+) +(\S+) +(\S+) +(\S+) *$", run.text("orders-told"), re.MULTILINE)
    assert rows == [
        ("30000", "01237", "1.5", "12.50", "12.0", "2024-04-03"),
        ("30001", "01237", "NaN", "7.25", "7.0", "2024-04-05"),
    ]  # fmt: skip
    assert "1 of 4,001 rows in column 'pieces' is no INTEGER, as '1.5'" in run.text("returns")
    assert re.search(r"^4000 +28001 +1\.5$", run.text("returns-read"), re.MULTILINE)
    assert "avg(kg) < 5 does not hold of 30,002 rows; not_null kg: 1 row of 30,002" in run.text("rule")
    assert "6 skipped" in run.text("rule")
    assert "2 warnings · 1 success · 6 cached" in run.text("rule-again")


def test_dirty_data_and_what_runs_again(dirty_data):
    """A file in a query is watched by its content, a helper by its text; on the way back nothing is computed."""
    run = dirty_data
    assert '{"id":30001,"zip":"01237","kg":null,"postage":null}' in run.text("parcels-run")
    assert "! exposure.newest: 1 of 2 rows holds a NaN" in run.text("parcels-run")
    reasons = dict(re.findall(r"^\d+ +(\S+) +(?:cached|success) +(.+)$", run.text("postage-dearer"), re.MULTILINE))
    assert reasons == {
        "source.orders": "up to date",
        "source.returns": "up to date",
        "transform.parcels": "source data changed",
        "exposure.newest": "input changed: transform.parcels",
    }
    assert "would go unseen" in run.text("computed")
    assert "'decimal.Decimal' and 'float'" in run.text("invoices")
    assert re.search(r"^30001 +30001 +8\.6275$", run.text("invoices-exact"), re.MULTILINE)
    assert re.search(r"transform\.invoices +code changed$", run.text("rate"), re.MULTILINE)
    assert "transform.prices has 2 columns: id, price" in run.text("dear")
    assert re.findall(r"^\d +(\S+) +750$", run.text("dear-again"), re.MULTILINE) == ["37.90", "38.90", "39.90"]
    executed = re.findall(r"^\d+ +(\S+) +\w+ +success ", run.text("frame"), re.MULTILINE)
    assert executed == ["exposure.newest"]


def test_dirty_data_leave_nothing_behind(dirty_data):
    """The files that the notebook writes are in a folder that went away with its kernel."""
    found = {path.name for path in dirty_data.folder.iterdir()}
    assert found == {"images", *(f"{name}.ipynb" for name in NAMES)}


# Headless


def test_nothing_to_run_after_the_notebook(quickstart):
    """In the shell, the notebook's folder is as the kernel left it."""
    done = seeknal(quickstart.folder, "run", f"{quickstart.folder.name}/01_quickstart.ipynb")
    assert done.returncode == 0, done.stderr
    assert "No changes detected. Nothing to run." in done.stdout


def test_headless(tmp_path):
    """The same pipeline, from the file alone: all, then nothing, then one JSON document."""
    folder = copied(tmp_path)
    first = seeknal(folder, "run", "notebooks/01_quickstart.ipynb", "--full")
    assert first.returncode == 0, first.stderr
    assert re.search(r"Successful: +21\b", first.stdout)
    assert (folder / "exports" / "carriers.csv").is_file()
    second = seeknal(folder, "run", "notebooks/01_quickstart.ipynb")
    assert second.returncode == 0, second.stderr
    assert "No changes detected. Nothing to run." in second.stdout
    third = seeknal(folder, "run", "notebooks/01_quickstart.ipynb", "--format", "json")
    assert third.returncode == 0, third.stderr
    document = json.loads(third.stdout)
    assert document["cached_nodes"] == document["total_nodes"] == len(document["results"]) == 21
    assert {result["status"] for result in document["results"]} == {"cached"}


def test_headless_with_a_folder_of_its_own(tmp_path):
    """The folder that a cell configures last is the one that runs."""
    folder = copied(tmp_path)
    done = seeknal(folder, "run", "notebooks/02_python_and_yaml.ipynb", "--full")
    assert done.returncode == 0, done.stderr
    assert re.search(r"Successful: +3\b", done.stdout)
    assert list((folder / "gales" / "target" / "outputs" / "transform" / "seasons").glob("*/data.parquet"))


def test_headless_without_what_was_clicked(tmp_path):
    """Selecting, waiting and cancelling are left out; the nodes that stand at the end are what runs."""
    folder = copied(tmp_path)
    done = seeknal(folder, "run", "notebooks/03_interactive_runner.ipynb", "--full")
    assert done.returncode == 0, done.stderr
    assert re.search(r"Successful: +9\b", done.stdout)


def test_headless_features_and_models(tmp_path):
    """The mistakes are made where cells are run one after the other; the file alone has the repair, and its rules hold."""
    folder = copied(tmp_path)
    done = seeknal(folder, "run", "notebooks/04_features_and_models.ipynb", "--full")
    assert done.returncode == 0, done.stderr
    assert re.search(r"Successful: +22\b", done.stdout)
    assert "alone tells" not in done.stdout
    assert (folder / "exports" / "evening.html").is_file()
    again = seeknal(folder, "run", "notebooks/04_features_and_models.ipynb")
    assert "No changes detected. Nothing to run." in again.stdout


def test_headless_dirty_data(tmp_path):
    """What is refused in a kernel is repaired further down; the file alone has the repairs."""
    folder = copied(tmp_path)
    done = seeknal(folder, "run", "notebooks/05_dirty_data.ipynb")
    assert done.returncode == 0, done.stderr
    assert re.search(r"Successful: +9\b", done.stdout)
    assert "1 row could not be read, and is left out, as line 30004 of orders.csv" in done.stdout


# Trust


def test_why_names_the_helper_s_lines_what_they_read_and_the_setting(trust):
    told = trust.text("why-priced")
    for line in ("-     return prices - discount + 0 * countries", "-   discount = 0", "+   rates = dict(0: 0.19, 1: 0.07, 2: 0.0)"):
        assert line in told
    told = trust.text("why-revenue")
    assert "parameter days: 9 -> 8" in told
    assert "input transform.priced: " in told
    assert "not known yet: code changed" in told


def test_a_warning_stands_until_the_numbers_are_other_ones(trust):
    assert trust.counts("tuesday-run") == {"total": 4, "run": 3, "up": 1, "with": 1}
    assert "1 with warnings" in trust.text("status")
    assert trust.counts("back-run") == {"total": 4, "up": 4}


def test_runs_stand_side_by_side_and_their_tables_can_be_read(trust):
    assert trust.text("compare").count("another") == 4
    assert "13800" in trust.text("at")
    assert (trust.text("monday"), trust.text("monday-again")) == ("41400", "41400")


def test_a_rename_lists_the_lines_and_runs_nothing(trust):
    told = trust.text("rename")
    assert "transform.priced becomes transform.net_prices: 3 lines to edit" in told
    assert "FROM transform.net_prices" in told
    assert "will run: " not in told


def test_of_a_file_the_content_counts(trust):
    assert "4 nodes: 4 up to date" in trust.text("file")
    assert "file orders.csv: " in trust.text("file")


def test_headless_trust(tmp_path):
    """Looking back is left out; the nodes that stand at the end are what runs."""
    folder = copied(tmp_path)
    done = seeknal(folder, "run", "notebooks/07_trust.ipynb")
    assert done.returncode == 0, done.stderr
    assert re.search(r"Successful: +4\b", done.stdout)


# 08_past_one_machine


def test_wherever_nodes_ran_the_rows_are_the_same(machines):
    assert len(re.findall(r"\d +here$", machines.text("here"), re.MULTILINE)) == 9
    assert len(re.findall(r"success +process \d+", machines.text("processes"))) == 9
    assert "the same rows" in machines.text("same")
    assert "the same rows" in machines.text("killed")


def test_three_ways_not_to_come_back_fail_alone(machines):
    told = machines.text("fail")
    for line in ("it left with exit code 3", "timed out after 1s", "passed 700 MB of memory"):
        assert line in told
    assert "it needs 1 of gpu" in machines.text("refused")


def test_a_killed_worker_costs_no_finished_node(machines):
    assert machines.counts("kill") == {"total": 9, "run": 9}
    assert "9 nodes were started, 9 different ones" in machines.text("killed")
    assert machines.counts("again") == {"total": 9, "up": 9}


# 06_partitions


def partition_counts(notebook, cell_id):
    """By node, how many partitions were built, and how many there are, as a cell's frame shows them."""
    rows = re.findall(r"(?:source|transform)\.(\w+) +(\d+) +(\d+)", notebook.text(cell_id))
    return {name: (int(built), int(total)) for name, built, total in rows}


def test_the_first_run_takes_the_sample_over(partitions):
    assert partition_counts(partitions, "counts")["orders"] == (352, 365)
    assert partition_counts(partitions, "counts")["month"] == (12, 12)


@pytest.mark.parametrize(
    ("cell_id", "built"),
    [
        ("late-run", {"orders": 2, "sales": 2, "daily": 2, "week": 4, "month": 1}),
        ("correction", {"orders": 2, "sales": 2, "daily": 2, "week": 8, "month": 2}),
        ("dimension", {"sales": 367, "daily": 2, "week": 5, "month": 2}),
    ],
)
def test_a_run_builds_what_changed(partitions, cell_id, built):
    assert {name: found for name, (found, _) in partition_counts(partitions, cell_id).items()} == built


def test_the_refusal_says_what_to_do(partitions):
    assert "Fix: partition_by: day(COLUMN)" in partitions.text("refused")


def test_the_bookmark_loses_what_partitions_do_not(partitions):
    rows = {line.split("  ")[0]: line.split()[-3:] for line in partitions.text("merge").splitlines()[1:]}
    assert all(files == ours for files, ours, _ in rows.values()), rows
    assert {name for name, (files, _, bookmark) in rows.items() if files != bookmark} == {"rows", "amount", "amount of March 10", "late", "without a time"}


def test_another_definition_is_seen_beside_the_one_that_is(partitions):
    assert "as it would be" in partitions.text("backfill-show")
    assert partition_counts(partitions, "rest")["daily"][0] < 367
