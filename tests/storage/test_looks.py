"""A file system that does not answer: what looks there is given up, and the rest is looked at; nothing hangs."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from waiting import calls

from seeknal_nb.cli import main
from seeknal_nb.errors import NodeError, SeeknalError
from seeknal_nb.project import Project
from seeknal_nb.storage import looks
from seeknal_nb.storage.files import signature
from seeknal_nb.storage.looks import each, in_time, looking


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "LIMIT", 0.3)


@pytest.fixture
def gone(tmp_path: Path) -> Iterator[Path]:
    """A file system whose server never answers, as that of a network that is gone: FUSE, and nobody reads its requests."""
    place, c = tmp_path / "gone", ctypes.CDLL(None, use_errno=True)
    place.mkdir()
    try:
        device = os.open("/dev/fuse", os.O_RDWR)
    except OSError:
        pytest.skip("no FUSE here")
    options = f"fd={device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
    if not hasattr(c, "mount") or c.mount(b"gone", os.fsencode(place), b"fuse", 0, options.encode()):
        os.close(device)
        pytest.skip("may not mount here")
    yield place
    os.close(device)  # who waits gets an error
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.usefixtures("soon")
def test_a_look_without_an_answer_is_an_error_and_all_others_are_looked_at() -> None:
    never = threading.Event()

    def look(number: int) -> int:
        with looking(f"file {number}"):
            if number % 3 == 1:
                never.wait()
        return number

    found = in_time(look, range(7))
    assert [n if isinstance(n, int) else n.what for n in found] == [
        0, "file 1 cannot be read", 2, 3, "file 4 cannot be read", 5, 6,
    ]  # fmt: skip
    never.set()
    assert len(found) == 7, "an answer that comes late counts for nothing"


@pytest.mark.usefixtures("soon")
def test_what_goes_on_is_never_given_up_however_long_it_takes() -> None:
    """Neither a file of many blocks on a slow disk, nor work that asks no file system."""
    pause = threading.Event()

    def many(_: int) -> int:
        with looking("a folder"):
            return sum(not pause.wait(looks.LIMIT / 3) for _ in each([Path("a file")] * 9))

    assert in_time(many, [0]) == [9]
    assert in_time(lambda _: pause.wait(4 * looks.LIMIT), [0]) == [False]


def test_what_a_look_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        in_time(lambda number: 1 // number, [1, 0])


def test_looks_cost_what_they_cost(tmp_path: Path) -> None:
    """One thread a pass, and next to nothing a file."""
    before = set(threading.enumerate())
    threads = in_time(lambda _: {*threading.enumerate()} - before, range(100))
    assert len(set.union(*(one for one in threads if isinstance(one, set)))) == 1
    assert calls(lambda: signature(str(tmp_path))) - calls(lambda: os.stat(tmp_path)) < 4  # noqa: PTH116


NODES: dict[str, tuple[str, dict[str, Any]]] = {
    "a source": ("source", {"csv": "gone/x.csv"}),
    "a pattern": ("source", {"csv": "gone/*.csv"}),
    "a folder": ("source", {"csv": "gone"}),
    "a link": ("source", {"csv": "link.csv"}),
    "a file of a SQL text": ("transform", {"sql": "FROM read_csv('gone/x.csv')"}),
    "a target": ("exposure", {"inputs": ["before"], "to": "gone/x.csv"}),
}


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("look", ["run", "plan", "status", "graph"])
@pytest.mark.parametrize(("kind", "config"), NODES.values(), ids=NODES)
def test_nothing_hangs_where_a_mount_is_gone_and_the_node_and_the_path_are_told(
    gone: Path, project: Project, kind: str, config: dict[str, Any], look: str
) -> None:
    (project.directory / "link.csv").symlink_to(gone / "x.csv")
    project.transform("before", "SELECT 1 AS x")
    project.node(kind, "n", **config) if "csv" not in config else project.source("n", **config)
    with pytest.raises(SeeknalError, match=r"(gone|link\.csv).*has not answered for 0.3 seconds"):
        str({"run": lambda: project.run(progress=False), "graph": lambda: project.graph().to_svg()}.get(look, getattr(project, look))())


LEAVE = """
import sys
from seeknal_nb.storage import looks
looks.LIMIT = 0.2
from seeknal_nb.cli import main
sys.exit(main(["run"]))
"""


def test_a_process_ends_though_one_of_its_threads_still_waits_for_an_answer(gone: Path, tmp_path: Path) -> None:
    (tmp_path / "seeknal").mkdir()
    (tmp_path / "seeknal" / "a.yml").write_text("kind: source\nname: a\nsource: csv\ntable: gone/x.csv\n")
    found = subprocess.run([sys.executable, "-c", LEAVE], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert found.returncode in (1, 2)
    assert 'node "source.a": its file system has not answered for 0.2 seconds' in found.stderr
    assert "Traceback" not in found.stderr


FILES = ["execution_state.json", "journal.jsonl", "proofs", "run.owner.json", "../manifest.json"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no pipes")
@pytest.mark.parametrize("words", ["plan", "run"])
@pytest.mark.parametrize("name", FILES)
def test_a_pipe_in_the_place_of_a_file_of_ours_never_hangs(tmp_path: Path, name: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it is taken for a damaged file, or is in the way, nobody waits for who would write there."""
    monkeypatch.chdir(tmp_path)
    for folder in ("seeknal", "target/state"):
        Path(folder).mkdir(parents=True)
    Path("seeknal/a.yml").write_text("kind: transform\nname: a\nsql: SELECT 1 AS x\n")
    os.mkfifo(tmp_path / "target/state" / name)
    assert main([words]) in (0, 1, 2)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no pipes")
def test_a_target_that_is_a_pipe_is_refused_and_stays(project: Project) -> None:
    os.mkfifo(project.directory / "out.csv")
    project.transform("a", "SELECT 1 AS x")
    project.exposure("e", inputs=["a"], to="out.csv")
    (failed,) = project.run(progress=False).failed
    assert "out.csv is a pipe" in str(failed.error_message)
    assert not (project.directory / "out.csv").is_file()


def test_an_error_of_the_system_is_the_node_s(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that may be seen and not be read; root may read all, so the system is asked to refuse."""
    (project.directory / "f.csv").write_text("x\n1\n")
    project.source("a", csv="f.csv")

    def refused(path: Any, *_: Any) -> int:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(NodeError, match=r"f\.csv cannot be read.*Permission denied") as error:
        project.plan()
    assert error.value.node == "source.a"
