"""The root is resolved once, and what is remembered starts there: a project may be moved, copied, and called from anywhere."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seeknal_nb import Project
from seeknal_nb.errors import StateError
from seeknal_nb.workflow.events import ExecutionSummary
from seeknal_nb.workflow.state import NodeState, entry_of, read_states

NODES = """
{kind: source, name: u, source: csv, path: u.csv}
---
{kind: transform, name: t, sql: SELECT * FROM u}
---
{kind: transform, name: f, sql: SELECT count(*) AS n FROM 'u.csv'}
---
{kind: exposure, name: file, inputs: [t], to: exports/t.csv}
---
{kind: exposure, name: folder, inputs: [t], to: exports/parts, params: {partition_by: x}}
---
{kind: exposure, name: table, inputs: [t], to: exports/t.db, params: {table: t}}
"""
DELIVERED = ("exports/t.csv", "exports/parts", "exports/t.db")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "a"
    (made / "seeknal").mkdir(parents=True)
    (made / "u.csv").write_text("x,y\n1,2\n2,3\n")
    (made / "seeknal/a.yml").write_text(NODES)
    assert not run(made).failed
    return made


def run(folder: Path | str) -> ExecutionSummary:
    return Project.open(folder, namespace={}).run(progress=False)


def ran(folder: Path | str) -> list[str]:
    return [r.node_id for r in run(folder).results if r.status == "success"]


def test_a_project_that_was_moved_runs_nothing(folder: Path) -> None:
    moved = folder.rename(folder.with_name("b"))
    assert ran(moved) == []


@pytest.mark.parametrize("lost", DELIVERED)
def test_a_copy_delivers_what_its_own_folder_lacks(folder: Path, lost: str) -> None:
    copied = Path(shutil.copytree(folder, folder.with_name("b")))
    shutil.rmtree(copied / lost) if (copied / lost).is_dir() else (copied / lost).unlink()
    assert len(ran(copied)) == 1
    assert (copied / lost).exists()
    assert ran(copied) == ran(folder) == []


@pytest.mark.parametrize("name", ["a", "./a", "b/../a", "link", "link/../a"])
def test_the_name_by_which_it_is_called_changes_nothing(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder.parent / "b").mkdir()
    (folder.parent / "link").symlink_to(folder)
    monkeypatch.chdir(folder.parent)
    assert ran(name) == []
    monkeypatch.chdir(folder)
    assert ran(".") == ran(folder) == []


def test_the_working_directory_may_change_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "u.csv").write_text("x\n1\n")
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.chdir(tmp_path)
    project = Project(namespace={}, state_dir="kept/state")
    project.node("source", "u", source="csv", path="u.csv")
    project.node("transform", "moves", python=f"def moves(u):\n    import os\n    os.chdir({str(other)!r})\n    return u")
    project.transform("t", "SELECT x + 1 AS x FROM moves")
    project.node("exposure", "out", inputs=["t"], to="out.csv")
    assert not project.run(progress=False).failed
    assert Path.cwd() == tmp_path  # a body goes for itself
    assert not [*other.iterdir()]
    assert not project.plan().runs
    assert project["t"].x.tolist() == [2]
    assert (tmp_path / "out.csv").read_text() == "x\n2\n"
    assert (tmp_path / "kept/state/execution_state.json").exists()


def test_files_of_the_project_are_called_as_they_go_on_from_its_folder(tmp_path: Path) -> None:
    """And nothing that only has its name in it."""
    project = Project(tmp_path, namespace={})
    told = f"{tmp_path}/u.csv, /srv{tmp_path}/u.csv, https://example.com{tmp_path}/u.csv, {tmp_path}2/u.csv"
    project.node("transform", "t", python=f"def t():\n    raise ValueError({told!r})")
    message = project.run(progress=False).failed[0].error_message
    assert message is not None
    assert f": {told.removeprefix(f'{tmp_path}/')}. Fix" in message


STATE = NodeState(
    "success", 0.5, 3, 1.7e9, "k" * 32, "k" * 32, "d" * 32, "transform/t/k", {"source.u": "e" * 32}, {"sql": "f" * 16},
    seen={"/p/u.csv": (1, 2, 3, 4, "g" * 32), "/q/v.csv": (1, 2, 3, 4, "h" * 32)}, warnings=["late"], owner="a.ipynb",
)  # fmt: skip


def test_an_entry_has_paths_from_the_root_and_reads_as_it_was_elsewhere_too() -> None:
    entry = json.loads(json.dumps(entry_of("transform.t", STATE, Path("/p"))))
    assert set(entry["seen"]) == {"{root}/u.csv", "/q/v.csv"}
    assert read_states({"transform.t": entry}, Path("/p")) == ({"transform.t": STATE}, [])
    there, _ = read_states({"transform.t": entry}, Path("/z"))
    assert set(there["transform.t"].seen) == {"/z/u.csv", "/q/v.csv"}


def test_no_flipped_bit_of_an_entry_is_believed() -> None:
    """Each is noticed, or says the same; an entry of an earlier version, which proves nothing, is read."""
    text = json.dumps({"transform.t": entry_of("transform.t", STATE, Path("/p"))}).encode()
    noticed = 0
    for at in range(len(text)):
        for bit in range(7):
            flipped = bytearray(text)
            flipped[at] ^= 1 << bit
            try:
                entries = json.loads(flipped)
            except ValueError:
                continue
            try:
                states, notes = read_states(entries, Path("/p"))
            except StateError:  # a version that is not there yet
                continue
            noticed += bool(notes)
            assert notes or states == {"transform.t": STATE}, flipped
    assert noticed > 1000
    entry = STATE.to_dict()
    assert read_states({"transform.t": entry}, Path("/p")) == ({"transform.t": STATE}, [])


@pytest.mark.parametrize("order", [False, True], ids=["as written", "by name"])
def test_what_was_written_is_believed_in_whatever_way_a_store_keeps_it(order: bool) -> None:
    seen = {"a": ("x", (1, 2)), "b": ({"k": (1,)},), "c": (np.float64(0.1), -0.0, 1e16, 10**30)}
    state = replace(STATE, seen=seen, status="failed", error="\ud83d\ude00 \udc80", warnings=["é\0"])
    kept = json.loads(json.dumps(entry_of("transform.t", state, Path("/p")), sort_keys=order))
    states, notes = read_states({"transform.t": kept}, Path("/p"))
    assert not notes
    assert states["transform.t"].seen["a"] == ("x", [1, 2])


def test_a_store_of_the_users_own_may_sort_its_keys(tmp_path: Path) -> None:
    class Sorted:
        def load(self) -> dict[str, object]:
            file = tmp_path / "state.json"
            return json.loads(file.read_text()) if file.exists() else {}

        def save(self, state: dict[str, object]) -> None:
            (tmp_path / "state.json").write_text(json.dumps(state, sort_keys=True))

    for _ in range(2):
        project = Project(tmp_path, namespace={}, state=Sorted())
        project.transform("t", "SELECT 1 AS x")
        project.node("exposure", "e", inputs=["t"], to="e.csv")
        project.run(progress=False)
    assert not project.plan().runs
    assert project.summary is not None
    assert project.summary.cached_nodes == 2


def test_paths_of_an_earlier_version_start_in_the_projects_folder() -> None:
    told = {
        "u.csv": [1, 2, 3, 4, "g"], "gone.csv": ["missing"], "/q/v.csv": [1, 2, 3, 4, "h"], "out/": ["files", "out", 3],
        "out.db#t": ["sqlite", "out.db", "t", "", "x"], "fetched": [1.5], "postgresql": ["postgresql", "t", ""], "newest": [1.5, "x"],
    }  # fmt: skip
    entry = {name: value for name, value in STATE.to_dict().items() if name != "seen"} | {"seen": told}
    states, _ = read_states({"transform.t": entry}, Path("/p"))
    found = states["transform.t"].seen
    assert list(found) == ["/p/u.csv", "/p/gone.csv", "/q/v.csv", "/p/out/", "/p/out.db#t", "fetched", "postgresql", "newest"]
    assert found["/p/out/"] == ("files", "/p/out", 3)
    assert found["/p/out.db#t"][1] == "/p/out.db"


@pytest.mark.parametrize("seen", [{"u.csv": []}, {"u.csv": 3}, {"u.csv": None}, [], 3, {"u.csv": ["files"]}, {"u.csv": ["sqlite", 3]}])
def test_what_nobody_wrote_so_is_a_note(seen: object) -> None:
    entry = {name: value for name, value in STATE.to_dict().items() if name != "seen"} | {"seen": seen}
    states, notes = read_states({"transform.t": entry, "transform.u": STATE.to_dict()}, Path("/p"))
    assert "transform.u" in states
    assert len(states) + len(notes) == 2


def test_a_key_that_stands_twice_is_not_believed() -> None:
    entry = json.dumps(entry_of("transform.t", STATE, Path("/p")))
    states, [note] = read_states({"transform.t": json.loads(entry[:-1] + ', "row_count": 999}')}, Path("/p"))
    assert not states
    assert note == "the state of transform.t is broken (it is not what was written); it counts as never built"
