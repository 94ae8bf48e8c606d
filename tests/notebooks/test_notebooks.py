"""The notebooks, run as a reader runs them: in a kernel, from top to bottom, in a folder of their own; then headless."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import duckdb
import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"
NAMES = ("01_quickstart", "02_python_and_yaml", "03_interactive_runner")
KINDS = {"source", "transform", "feature_group", "aggregation", "model", "rule", "exposure"}
FIXTURES = dict(zip(NAMES, ("quickstart", "python_and_yaml", "interactive"), strict=True))
SECONDS = 90
"""What the quickstart may take; it takes a tenth of that on two idle cores."""

# The kernel and the folders that it writes are shared by the tests of this file.
pytestmark = pytest.mark.xdist_group("notebooks")


@dataclass(frozen=True)
class Executed:
    """A notebook with its outputs, and where it ran."""

    notebook: nbformat.NotebookNode
    folder: Path
    seconds: float

    def cell(self, cell_id: str) -> nbformat.NotebookNode:
        return next(cell for cell in self.notebook.cells if cell["id"] == cell_id)

    def text(self, cell_id: str) -> str:
        """All that a cell shows, as text."""
        outputs = self.cell(cell_id).outputs
        return "\n".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs)

    def shown(self, cell_id: str, mime: str) -> str:
        return next(o["data"][mime] for o in self.cell(cell_id).outputs if mime in o.get("data", {}))

    def counts(self, cell_id: str) -> dict[str, int]:
        """The counters of the summary that a cell shows: ``20 nodes in 6.20s: 7 changed, 19 cached, 1 successful``."""
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
        notebook, kernel_name="python3", timeout=SECONDS, store_widget_state=False,
        resources={"metadata": {"path": str(folder)}},
    )  # fmt: skip
    began = time.monotonic()
    client.execute(env=environment(home))
    return Executed(notebook, folder, time.monotonic() - began)


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory):
    return executed("01_quickstart", tmp_path_factory.mktemp("quickstart"))


@pytest.fixture(scope="module")
def python_and_yaml(tmp_path_factory):
    return executed("02_python_and_yaml", tmp_path_factory.mktemp("python"))


@pytest.fixture(scope="module")
def interactive(tmp_path_factory):
    return executed("03_interactive_runner", tmp_path_factory.mktemp("interactive"))


def seeknal(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "seeknal_nb", *words],
        cwd=folder.parent, env=environment(folder.parent), capture_output=True, encoding="utf-8", timeout=SECONDS * 2,
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
    assert run.seconds < SECONDS


def test_flights_of_new_york(quickstart):
    """The counts that everybody knows who has used these data."""
    rows = {m[1]: int(m[2].replace(",", "")) for m in re.finditer(r"^(\S+) +success +([\d,]+) ", quickstart.text("status"), re.M)}
    assert len(rows) == 20
    assert {node_id.partition(".")[0] for node_id in rows} == KINDS
    known = {"flights": 336_776, "weather": 26_115, "planes": 3_322, "airports": 1_458, "airlines": 16}
    assert {name: rows[f"source.{name}"] for name in known} == known
    assert rows["transform.flown"] == rows["transform.departures"] == 327_346
    assert rows["model.late_arrival"] == rows["model.late_baseline"] == rows["exposure.predictions"] == 327_346 // 8


def test_first_run_executes_all(quickstart):
    counts = quickstart.counts("summary")
    assert counts == {"total": 20, "changed": 20, "successful": 20}
    assert quickstart.text("plan").count("never built") == 20


def test_runs_execute_what_the_text_says(quickstart):
    """One node where the rows come out the same, six where they do not, and only the delivery on the way back."""
    assert quickstart.counts("change-run") == {"total": 20, "changed": 7, "cached": 19, "successful": 1}
    assert quickstart.counts("memory-run") == {"total": 20, "changed": 6, "cached": 14, "successful": 6}
    assert quickstart.counts("back-run") == {"total": 20, "changed": 1, "cached": 19, "successful": 1}
    assert quickstart.counts("repair-run") == {"total": 20, "changed": 6, "cached": 19, "successful": 1}
    assert "20 up to date" in quickstart.text("status")


def test_failure_names_node_line_and_cause(quickstart):
    said = quickstart.text("fail-why")
    assert "feature_group.plane" in said
    assert "line 3" in said
    assert "NA" in said


def test_going_back_gives_the_rows_of_before(quickstart):
    """The predictions that were delivered last are those of the week, not of the fortnight."""
    delivered = quickstart.folder / "exports" / "predictions.parquet"
    query = f"SELECT count(*), sum(probability) FROM '{delivered}' WHERE split = 'test'"
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
    scores = [float(n) for n in re.search(r"^auc +(\S+) +(\S+)$", quickstart.text("metrics"), re.M).groups()]
    assert all(0.68 < score < 0.73 for score in scores)  # seven in ten; more would be a leak
    assert scores[1] - scores[0] < 0.01


def test_exports(quickstart):
    lines = (quickstart.folder / "exports" / "carriers.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "carrier,flights,percent_late"
    assert len(lines) == 17
    assert sum(int(line.rsplit(",", 2)[1]) for line in lines[1:]) == 327_346


def test_graph_is_coloured(quickstart):
    """The graph is an SVG of its own, with a colour for what ran and another for what did not."""
    drawn = ElementTree.fromstring(quickstart.shown("graph", "image/svg+xml"))
    words = " ".join(drawn.itertext())
    assert all(name in words for name in ("departures", "late_arrival", "predictions", "feature_group"))
    live = quickstart.shown("memory-run", "text/html")
    svg = ElementTree.fromstring(base64.b64decode(re.search(r"data:image/svg\+xml;base64,([^\"]+)", live)[1]))
    fills = {el.get("fill") for el in svg.iter() if el.get("fill")}
    styles = {m for el in svg.iter("{http://www.w3.org/2000/svg}style") for m in re.findall(r"fill: ?(#\w+)", el.text or "")}
    assert len((fills | styles) - {"none", "currentColor"}) > 3
    assert "6 success" in " ".join(svg.itertext())
    assert "14 cached" in " ".join(svg.itertext())


def test_page_has_the_graph_and_the_summary(quickstart):
    """The rendered page needs no kernel and no widget state."""
    page, _ = HTMLExporter(embed_images=True).from_notebook_node(quickstart.notebook)
    assert "widgets" not in quickstart.notebook.metadata
    assert page.count("data:image/svg+xml;base64") >= 6
    assert "20 nodes in" in page
    assert page.count("source.flights") > 2
    assert "20 success" in page


def test_python_and_yaml(python_and_yaml):
    run = python_and_yaml
    assert run.text("run").count("[RUNNING]") == 4
    assert "1 rows of 26,111" in run.text("run") or "1 row of 26,111" in run.text("run")
    assert "1048.36" in run.text("run")
    assert re.search(r"Successful: +4\b", run.text("summary"))
    assert "No changes detected. Nothing to run." in run.text("runner")
    assert "excluded by tag checks" in run.text("print-plan")
    assert run.text("listener").strip() == "transform.windy_days: success, 25 rows"
    assert "5 nodes: 5 up to date" in run.text("open")
    assert "Nothing to run" in run.text("shell")
    assert "exit code 0" in run.text("shell")
    days = duckdb.sql(f"SELECT max_by(day::DATE, wind_speed) FROM '{run.folder}/wind/exports/windy_days.csv' GROUP BY origin")
    assert {str(day) for (day,) in days.fetchall()} == {"2013-01-31"}
    gusts = duckdb.sql(f"FROM '{run.folder}/gusts/exports/gusts.csv'")
    assert len(gusts.fetchall()) == 36


def test_interactive_runner(interactive):
    """Without anybody to click, the graphs are drawings; selection, background and cancel work all the same."""
    run = interactive
    assert "9 pending" in run.text("graph")
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
    assert "1,000 pending" in run.text("big")
    assert "112 successful" in run.text("big-run")
    assert "n8" in run.text("mermaid")


def test_pictures_are_there(interactive):
    """What the text shows is beside the notebook."""
    text = "".join(cell.source for cell in interactive.notebook.cells if cell.cell_type == "markdown")
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", text)
    assert len(pictures) == 3
    assert all((interactive.folder / picture).read_bytes().startswith(b"\x89PNG") for picture in pictures)


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
    assert re.search(r"Successful: +20\b", first.stdout)
    assert (folder / "exports" / "carriers.csv").is_file()
    second = seeknal(folder, "run", "notebooks/01_quickstart.ipynb")
    assert second.returncode == 0, second.stderr
    assert "No changes detected. Nothing to run." in second.stdout
    third = seeknal(folder, "run", "notebooks/01_quickstart.ipynb", "--format", "json")
    assert third.returncode == 0, third.stderr
    document = json.loads(third.stdout)
    assert document["cached_nodes"] == document["total_nodes"] == len(document["results"]) == 20
    assert {result["status"] for result in document["results"]} == {"cached"}


def test_headless_with_a_folder_of_its_own(tmp_path):
    """The folder that a cell configures is the one that runs."""
    folder = copied(tmp_path)
    done = seeknal(folder, "run", "notebooks/02_python_and_yaml.ipynb", "--full")
    assert done.returncode == 0, done.stderr
    assert re.search(r"Successful: +5\b", done.stdout)
    assert (folder / "gusts" / "exports" / "gusts.csv").is_file()


def test_headless_without_what_was_clicked(tmp_path):
    """Selecting, waiting and cancelling are left out; the nodes that stand at the end are what runs."""
    folder = copied(tmp_path)
    done = seeknal(folder, "run", "notebooks/03_interactive_runner.ipynb", "--full")
    assert done.returncode == 0, done.stderr
    assert re.search(r"Successful: +9\b", done.stdout)
