"""What is on its way to become a build, and what tells of work that goes on, below the folder of all builds."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from seeknal_nb.storage.builds import File
from seeknal_nb.storage.files import digest_file, io_errors, temporary_name
from seeknal_nb.version import host

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["RUNNING", "SPILL", "STAGING", "discard", "files_in", "folders", "is_dead", "new_stage", "running"]

RUNNING = ".run-"
STAGING = ".staging"
SPILL = "spill"
"""The folder of all that is staged, so that what a dead run left there is found in one look."""


def folders(directory: Path) -> list[Path]:
    """The folders in it; what is none, as a file of a desktop or a link to nowhere, is nobody's build."""
    return [path for path in directory.iterdir() if path.is_dir()] if directory.is_dir() else []


def is_dead(folder: Path) -> bool:
    """Whether the process of this host is gone that put there what memory could not hold: ``host-4242-...``."""
    machine, _, number = folder.name.rpartition("-")[0].rpartition("-")
    if machine != host() or not number.isdecimal():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def running(root: Path, run: str) -> Path:
    """The file that is there as long as a run wants the work of other processes."""
    return root / f"{RUNNING}{run}"


def new_stage(root: Path, node_id: str, key: str) -> Path:
    """A fresh directory on the disk of the build to come; to be published, or discarded. Raises ``StateError``."""
    stage = root / STAGING / temporary_name(f"{node_id}-{key}")
    with io_errors("write", stage):
        try:
            stage.mkdir()
        except FileNotFoundError:
            stage.parent.mkdir(parents=True, exist_ok=True)
            stage.mkdir()
    return stage


def discard(stage: Path) -> None:
    """Take a staged directory away."""
    shutil.rmtree(stage, ignore_errors=True)


def files_in(stage: Path, key: str) -> tuple[File, ...]:
    """The staged files as the build of that key will list them, hashed where they are. Raises ``StateError``."""
    with io_errors("read", stage):
        return tuple(File(f"{key}/{p.name}", p.stat().st_size, digest_file(p)) for p in sorted(stage.iterdir()))
