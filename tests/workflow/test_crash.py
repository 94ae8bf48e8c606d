"""The short form of ``python -m crash``: each family of blows, evenly over all points at which it may fall."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from crash import judge, pipeline, strace, trials
from crash.__main__ import SHORT
from crash.nest import CLOSED, CUT, Nest, nest, text
from graphs import MEMORY
from waiting import eventually

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs fork, and Linux's names of open files")
COMMANDS = ("--version", "nonsense", "run", "run --format json", "plan", "show paid", "history", "graph --format svg")


@pytest.fixture(scope="module")
def parent() -> Iterator[Nest]:
    with nest() as made:
        yield made


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where projects are made: what is asked here is what was written, and in which order, not how long a disk takes."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as made:
        yield Path(made)


@pytest.fixture(scope="module")
def of(parent: Nest, at: Path) -> Sequence[trials.Base]:
    return trials.bases(parent, at)


FAMILIES: dict[str, Callable[..., list[trials.Trial]]] = {
    "kills": lambda parent, of, count: trials.kills(of, count),
    "errors": lambda parent, of, count: trials.errors(of, count),
    "looks": lambda parent, of, count: trials.looks(parent, of[1], count),
    "flips": lambda parent, of, count: trials.flips(of, count),
    "starts": lambda parent, of, count: trials.starts(count),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_what_was_promised_holds_after_every_blow(parent: Nest, of: Sequence[trials.Base], at: Path, family: str) -> None:
    """State is readable, what was acknowledged stays, nothing is there by half, and the next run is as if nothing had happened."""
    dealt = FAMILIES[family](parent, of, SHORT[family])
    assert dealt
    assert [breach for trial in dealt for breach in trial(parent, at)] == []


def test_what_has_its_name_is_on_the_disk(of: Sequence[trials.Base]) -> None:
    """No kill takes what the system has; a power cut does, and no test can cut it: the order of the calls must tell."""
    assert [breach for base in of for breach in judge.unsynced(base.after)] == []
    assert sum(event.startswith("fsync ") for base in of for event in base.events) > 40


@pytest.mark.parametrize("streams", [
    {"out": "/dev/full"}, {"out": CLOSED}, {"out": CUT}, {"err": CLOSED}, {"err": CUT}, {"err": "/dev/full"},
    {"out": "/dev/full", "err": "/dev/full"}, {"out": CUT, "err": CUT},
], ids=str)  # fmt: skip
def test_a_stream_that_takes_nothing_is_no_traceback(parent: Nest, of: Sequence[trials.Base], streams: dict[str, str]) -> None:
    """2 where what was to be said is lost, 141 where the reader has seen enough; the exit code of what was refused stays 2."""
    code = {"/dev/full": 2, CUT: 141}.get(streams.get("out", ""), 0)
    for words in COMMANDS:
        ended = parent.run(of[0].after, *words.split(), **streams)
        assert list(judge.seemly(ended)) == []
        assert ended.code == (2 if words == "nonsense" else code), words
        if streams == {"out": "/dev/full"} and words != "nonsense":
            assert ended.err.startswith(f"Error: cannot write to standard output: {os.strerror(28)}. Fix: ")


def test_a_working_directory_that_was_deleted_is_told(parent: Nest, at: Path) -> None:
    """Whatever the command; what needs no folder goes on."""
    for words in (*COMMANDS, "clean", "compare", "parse"):
        (at / "gone").mkdir()
        ended = parent.run(at / "gone", *words.split(), gone=True)
        assert list(judge.seemly(ended)) == []
        assert ended.code == (0 if words == "--version" else 2)
        if words not in ("--version", "nonsense"):
            assert ended.err == f"Error: the working directory is gone: {os.strerror(2)}. Fix: go to one that is there\n"


def test_what_another_run_left_is_no_run_of_now(parent: Nest, at: Path) -> None:
    """Who is refused names who holds the lock, not who had it before and was killed."""
    root = pipeline.write(at / "left", pipeline.HELD)
    first = parent.start(root, "run")
    eventually(lambda: "RUNNING" in text(first.out))
    os.kill(first.process, signal.SIGKILL)
    assert parent.wait(first).code == -signal.SIGKILL
    assert list(trials.held(parent, root)) == []


def test_a_call_that_strace_refuses_is_told(parent: Nest, of: Sequence[trials.Base], at: Path) -> None:
    """One of those that DuckDB makes, which no hook of Python sees."""
    found = [trial for trial in strace.errors(of, 10_000) if trial.name == "new, pwrite64 1+ by ENOSPC"]
    if not found:
        pytest.skip("there is no strace")
    assert found[0](parent, at) == []
