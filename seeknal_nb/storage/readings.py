"""What was read out of texts, in a file: to read the bodies of a small pipeline again is half of what a run of it takes."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import StateError
from seeknal_nb.readings import READINGS
from seeknal_nb.storage.files import content, digest, write_unsynced
from seeknal_nb.version import package, program

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["NOT_OURS", "ReadingsFile"]

MOST = 50_000
"""Answers in a file; beyond that those of former processes go."""
NOT_OURS = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""What JSON that somebody else has written comes to."""
READERS = ("sqlglot", "duckdb")
"""The packages that read for us."""


class ReadingsFile:
    """A file of answers, which may be deleted; one of another program, or that is not whole, is as if it were not there."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "readings.json"
        self._held: dict[str, Any] | None = None
        self._since = 0

    def open(self) -> None:
        """Bring what it holds into this process, once."""
        if self._held is not None:
            return
        self._held, self._since = {}, len(READINGS.asked)
        with contextlib.suppress(OSError, *NOT_OURS):
            text, _, proof = content(self._path).decode().partition("\n")
            if proof.strip() == digest(_versions() + text):
                self._held = dict(json.loads(text))
                READINGS.known.update(self._held)  # in place: another thread may add to it just now

    def save(self) -> None:
        """Add the answers that were asked for since; where that fails, the next process reads the texts again."""
        held, asked = self._held or {}, list(READINGS.asked)
        asked, self._since = asked[min(self._since, len(asked)) :], len(asked)
        new = {name: READINGS.known[name] for name in asked if name not in held}
        if new:
            self._held = {**held, **new} if len(held) + len(new) <= MOST else new
            text = json.dumps(self._held, separators=(",", ":"))
            with contextlib.suppress(StateError):
                write_unsynced(self._path, f"{text}\n{digest(_versions() + text)}\n")


def _versions() -> str:
    """Of all that answers depend on besides the texts."""
    return " ".join([program(), sys.version, *map(package, READERS)])
