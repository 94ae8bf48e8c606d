"""The one way a file is written."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from seeknal_nb.errors import StateError
from seeknal_nb.storage.files import io_errors, remove_dead, temporary_name, write_atomic


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is brought to the disk, by inode, and what is renamed, in order: no power is cut in a test, so the calls must tell."""
    found: list[Any] = []
    sync, replace = os.fsync, os.replace

    def synced(handle: int) -> None:
        found.append(("sync", os.fstat(handle).st_ino))
        sync(handle)

    def replaced(source: Any, target: Any) -> None:
        found.append(("replace", Path(source).stat().st_ino, Path(source).stat().st_size))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    return found


@pytest.mark.parametrize("before", [None, b"old"])
def test_the_bytes_are_on_the_disk_before_the_name_and_the_name_before_it_returns(tmp_path: Path, done: list[Any], before: bytes | None) -> None:
    """Else a power cut leaves an empty file under the name, which both would have survived."""
    path = tmp_path / "f"
    if before is not None:
        path.write_bytes(before)
    write_atomic(path, b"new one")
    file, folder = path.stat().st_ino, tmp_path.stat().st_ino
    assert done == [("sync", file), ("replace", file, 7), *([("sync", folder)] if os.name != "nt" else [])]
    assert path.read_bytes() == b"new one"


def test_what_cannot_be_synced_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full may say so only then."""
    path = tmp_path / "f"
    path.write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StateError, match="No space left"):
        write_atomic(path, b"new one")
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"old"]


def test_a_file_may_be_written_first_in_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where leftovers are looked for; else each folder of a run's logs would have to be searched."""
    seen = []
    sync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (seen.append([p.name for p in tmp_path.iterdir()]), sync(handle)))
    write_atomic(tmp_path / "run" / "a.log", b"said", within=tmp_path)
    assert [name for name in seen[0] if name.startswith(".tmp-a.log-")]
    assert [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.*")] == ["run/a.log"]


def test_only_what_the_dead_left_is_taken_away(tmp_path: Path) -> None:
    """Another process may be about to deliver the same file, and one of another machine may have a dead one's number."""
    path = tmp_path / "re[port].csv"
    ours, theirs = tmp_path / temporary_name(path.name), tmp_path / temporary_name("port.csv")
    program = f"from seeknal_nb.storage.files import temporary_name as name; print(*[name({path.name!r}) for _ in range(3)])"
    dead = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    *left, far = (tmp_path / name for name in dead)
    far = far.with_name(f"{far.name[:-12]}zzzz{far.name[-8:]}")  # of another machine
    for file in (ours, theirs, far, left[0], left[1] / "part.parquet"):
        file.parent.mkdir(exist_ok=True)
        file.write_text("x")
    remove_dead(path)
    assert {p.name for p in tmp_path.iterdir()} == {ours.name, theirs.name, far.name}


@pytest.mark.parametrize(("number", "remedy"), [
    (errno.ENOSPC, "free the disk or mend the permissions, then run again"), (errno.EACCES, "free the disk or mend the permissions"),
    (errno.EMFILE, "ulimit -n"), (errno.EIO, "see whether the disk is sound"), (errno.EISDIR, "take /nowhere/file away"),
])  # fmt: skip
def test_an_error_of_the_system_says_which_file_and_what_to_do(number: int, remedy: str) -> None:
    """Where nobody has said what was being done, the system's own name of the file is all that is known."""
    with pytest.raises(StateError) as caught, io_errors():
        raise OSError(number, os.strerror(number), "/nowhere/file")
    assert str(caught.value).startswith(f"cannot read or write /nowhere/file: {os.strerror(number)}. Fix: ")
    assert remedy in str(caught.value)
