"""What former builds and runs leave on the disk: how much of it stays is said by number, age and size."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from seeknal_nb import Project
from seeknal_nb.cli import main
from seeknal_nb.errors import UsageError
from seeknal_nb.markup import size_text
from seeknal_nb.storage import garbage
from seeknal_nb.workflow import history
from seeknal_nb.workflow.cleaning import clean_up
from seeknal_nb.workflow.history import DAYS, LEAST, MOST, number_of, read_history
from seeknal_nb.workflow.lock import run_lock
from seeknal_nb.workflow.retention import Retention

DAY = 86_400


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A node that was built four times, on each of the last four days, with 1 to 4 thousand rows."""
    made = Project(tmp_path, namespace={})
    for rows in (1, 2, 3, 4):
        build(made, rows, 4 - rows)
    return made


def build(project: Project, rows: int, days: int) -> None:
    project.transform("t", f"SELECT hash(range) AS x FROM range({rows * 1000})")
    project.run(progress=False)
    [folder] = [path for path in folders(project) if path.stat().st_mtime > time.time() - DAY / 2]
    os.utime(folder, (time.time() - days * DAY - 60, time.time() - days * DAY - 60))


def folders(project: Project) -> list[Path]:
    """The builds of the node, the oldest first."""
    return sorted((project.directory / "target/outputs/transform/t").iterdir(), key=lambda path: path.stat().st_mtime)


def size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


@pytest.mark.parametrize(("which", "left"), [
    ({}, 1), ({"keep": 2}, 3), ({"older": "2d"}, 2), ({"older": "36h"}, 2), ({"older": 1.5 * DAY}, 2), ({"older": "1w"}, 4),
    ({"older": "1h", "keep": 1}, 2), ({"max_size": "1GB"}, 4), ({"max_size": 0}, 1), ({"max_size": "0", "keep": 3}, 4),
    ({"older": "2d", "max_size": "1 TB"}, 2), ({"older": "2d", "max_size": 0}, 1),
])  # fmt: skip
def test_what_stays_is_the_newest(project: Project, which: dict[str, object], left: int) -> None:
    """The build that counts always does, and is read; a dry run lists what goes, and touches nothing."""
    before = folders(project)
    listed = project.clean(**which, dry_run=True)  # type: ignore[arg-type]
    assert folders(project) == before
    assert project.clean(**which).rows == listed.rows  # type: ignore[arg-type]
    assert folders(project) == before[-left:]
    assert len(listed.rows) == 4 - left
    assert len(project["t"]) == 4000


def test_the_oldest_go_until_all_builds_fit(project: Project) -> None:
    before = folders(project)
    most = sum(map(size, before[1:]))
    project.clean(max_size=most)
    assert folders(project) == before[1:]
    project.clean(max_size=most - 1)
    assert folders(project) == before[2:]


@pytest.mark.parametrize(("which", "told"), [
    ({"older": "soon"}, "30d, 12h or 2w"), ({"older": -1}, "30d, 12h or 2w"), ({"max_size": "much"}, "10GB, 500MB or 1.5GiB"),
    ({"max_size": -1}, "10GB"), ({"keep": -1}, "keep=3"),
])  # fmt: skip
def test_what_cannot_be_is_refused_and_nothing_goes(project: Project, which: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        project.clean(**which)  # type: ignore[arg-type]
    assert len(folders(project)) == 4


@pytest.mark.parametrize(("text", "most"), [("1000", 1000), ("10 kB", 10_000), ("1.5GiB", 3 << 29), ("2tb", 2 * 10**12), ("7B", 7)])
def test_sizes_are_read_as_people_write_them(text: str, most: int) -> None:
    assert Retention.of(max_size=text).most == most


def test_a_run_obeys_the_setting(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.seeknal_nb.clean]\nkeep = 1\nolder = "1d"\n')
    project = Project(tmp_path, namespace={})
    for rows, days in ((1, 9), (2, 8), (3, 0)):
        build(project, rows, days)
    assert len(folders(project)) == 2
    project.transform("t", "SELECT 1 AS x")
    project.run(progress=False, dry_run=True)
    assert len(folders(project)) == 2
    assert len(project.run(progress=False).results) == 1
    assert len(folders(project)) == 2  # the new one, and the newest of before


@pytest.mark.parametrize(("lines", "told"), [("kep = 1", "did you mean keep"), ('older = "x"', "30d"), ("max_size = -3", "10GB"), ("older = 30", "is not what it must be"), ("max_size = 1.5", "10GB")])
def test_a_setting_that_cannot_be_is_refused_at_once(tmp_path: Path, lines: str, told: str) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.seeknal_nb.clean]\n{lines}\n")
    with pytest.raises(UsageError, match=told):
        Project(tmp_path)


def test_the_shell_has_it(project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (project.directory / "seeknal").mkdir()
    (project.directory / "seeknal/t.yml").write_text("kind: transform\nname: t\nsql: SELECT hash(range) AS x FROM range(4000)\n")
    monkeypatch.chdir(project.directory)
    assert main(["clean", "--older", "2d", "--max-size", "1GB", "--format", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["rows"]) == 2
    assert main(["clean", "--older", "soon"]) == 2


# Records of runs


def records(folder: Path, count: int, days: int = 0) -> Path:
    """Records of an earlier version, which have no numbers, each with the log of a node."""
    runs = folder / "target/runs"
    runs.mkdir(parents=True)
    since = time.time() - days * DAY
    for at in range(count):
        run_id = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(since + at))}-{at:06x}"
        record = {"run_id": run_id, "command": "run", "started": since + at, "totals": {"duration": 1.0}, "results": [], "builds": {}}
        (runs / f"{run_id}.json").write_text(json.dumps(record))
        (runs / run_id).mkdir()
        (runs / run_id / "transform.t.log").write_text("hello")
    return runs


@pytest.mark.parametrize(("count", "days", "left"), [(MOST + 20, 3, MOST), (LEAST + 20, DAYS + 9, LEAST), (LEAST + 20, 9, LEAST + 21), (3, 9999, 4)])
def test_records_of_runs_go_by_number_and_age(tmp_path: Path, count: int, days: int, left: int) -> None:
    """With their logs; and the numbers of those that stay are what they were."""
    runs = records(tmp_path, count, days)
    project = Project(tmp_path, namespace={})
    project.transform("t", "SELECT 1 AS x")
    project.run(progress=False)
    assert len(list(runs.glob("*T*.json"))) == left
    assert len([path for path in runs.iterdir() if path.is_dir()]) == left - 1  # nothing was printed in the last one
    [last, *_] = read_history(runs)
    assert last["number"] == number_of(runs, last["run_id"]) == count + 1
    project.transform("t", "SELECT 2 AS x")
    project.run(progress=False)
    assert [row[0] for row in project.history(limit=2).rows] == [count + 2, count + 1]
    assert project.at(str(count + 1))["t"].x.tolist() == [1]


def test_who_cleans_behind_a_run_waits_for_nobody(project: Project) -> None:
    """Another run has begun: it will clean up itself."""
    runner = project.runner()
    with run_lock(runner.state_dir, "another"):
        clean_up(runner, Retention())
    assert len(folders(project)) == 4
    clean_up(runner, Retention())
    assert len(folders(project)) == 1


def test_status_says_what_the_builds_hold(project: Project) -> None:
    held = sum(map(size, folders(project)))
    assert f"builds hold {held / 1000:.1f} kB" in project.status().title


def test_what_is_only_not_defined_yet_stays_behind_a_run(tmp_path: Path) -> None:
    """A kernel that was started anew has run its first cells; what is left out may come back too."""
    (tmp_path / "pyproject.toml").write_text("[tool.seeknal_nb.clean]\nkeep = 0\n")
    for names in (("a", "dear"), ("a",)):
        project = Project(tmp_path, namespace={})
        for name in names:
            project.transform(name, f"SELECT {len(names)} AS x")
        project.run(progress=False)
    assert len(list((tmp_path / "target/outputs/transform/a").iterdir())) == 1
    assert len(list((tmp_path / "target/outputs/transform/dear").iterdir())) == 1
    project.left_out = {"transform.dear": "its key is not known"}
    assert project.clean(others=True).rows == ()
    project.left_out = {}
    assert len(project.clean(others=True).rows) == 1


def test_a_setting_that_says_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.seeknal_nb.clean]\n# keep = 1\n")
    with pytest.raises(UsageError, match="says nothing"):
        Project(tmp_path)


def test_what_two_builds_share_counts_once_and_what_is_gone_meanwhile_not_at_all(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs, [first, *_] = project.runner().outputs, folders(project)
    before = garbage.size(outputs)
    (first.with_name("f" * 32)).mkdir()
    os.link(first / "data.parquet", first.with_name("f" * 32) / "data.parquet")
    assert garbage.size(outputs) == before
    real, records = os.stat, sum(path.stat().st_size for path in outputs.root.rglob("build.json"))

    def gone(path: object, *args: object, **more: object) -> os.stat_result:
        if str(path).endswith("build.json"):
            raise FileNotFoundError(path)
        return real(path, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "stat", gone)
    assert garbage.size(outputs) == before - records


def test_what_the_last_runs_stand_on_is_known_when_the_records_of_it_are_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "LEAST", 3)
    monkeypatch.setattr(history, "MOST", 3)
    project = Project(tmp_path, namespace={})
    project.transform("base", "SELECT 7 AS x")
    for at in range(6):
        project.transform("often", f"SELECT {at} AS x FROM base")
        project.run(progress=False)
    assert [row[0] for row in project.history().rows] == [6, 5, 4]
    assert project.at("last")["base"].x.tolist() == project.at("4")["base"].x.tolist() == [7]
    found = {row["node_id"]: row for row in project.compare("4", "6").to_dict()["rows"]}
    assert (found["transform.base"]["build"], found["transform.base"]["status_now"]) == ("same", "cached")
    assert found["transform.often"]["build"] == "another"


def test_a_clock_that_was_ahead_gives_no_number_twice(tmp_path: Path) -> None:
    project = Project(tmp_path, namespace={})
    for at in range(4):
        project.transform("t", f"SELECT {at} AS x")
        project.run(progress=False)
        if at == 1:
            [last, *_] = sorted(project.runs_folder.glob("*T*.json"), reverse=True)
            ahead = f"29991231T000000{last.stem[15:]}"
            last.with_name(f"{ahead}.json").write_text(last.read_text().replace(last.stem, ahead))
            last.unlink()
    assert sorted(row[0] for row in project.history().rows) == [1, 2, 3, 4]


@pytest.mark.parametrize(("size", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (999_999, "1.0 MB"), (2 * 10**15, "2000.0 TB")])
def test_sizes_are_said_as_people_say_them(size: int, text: str) -> None:
    assert size_text(size) == text
