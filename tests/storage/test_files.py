"""The one way a file is written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from seeknal_nb.errors import StateError
from seeknal_nb.storage.files import write_atomic


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
