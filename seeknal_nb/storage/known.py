"""What is known of a store that others use, too: a line each in a file, which may be deleted."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from seeknal_nb.storage.files import content, io_errors, write_unsynced

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["Known"]

DAY = 86_400


class Known:
    """Texts without blanks, each with the day on which it was learnt; any thread may use it.

    Args:
        file: It is made when there is something to know.
    """

    def __init__(self, file: Path) -> None:
        self._file, self._lock = file, threading.Lock()
        self._found: dict[str, int] | None = None

    def look_again(self) -> None:
        """Another process may have written the file."""
        with self._lock:
            self._found = None

    def __contains__(self, text: str) -> bool:
        with self._lock:
            return text in self._read()

    def since(self, text: str, *, days: int) -> bool:
        """Whether it was learnt within so many days."""
        with self._lock:
            return self._read().get(text, 0) > _today() - days

    def add(self, text: str) -> None:
        """Know one more, or anew."""
        with self._lock:
            if self._read().get(text) != _today():
                with io_errors("write", self._file):
                    self._file.parent.mkdir(parents=True, exist_ok=True)
                    with self._file.open("a", encoding="utf-8") as file:
                        file.write(f"{text} {_today()}\n")
                self._read()[text] = _today()

    def forget(self, texts: Iterable[str]) -> None:
        """Know of these no more."""
        with self._lock:
            found = self._read()
            gone = [text for text in texts if found.pop(text, None) is not None]
            if gone:
                write_unsynced(self._file, "".join(f"{text} {day}\n" for text, day in found.items()))

    def _read(self) -> dict[str, int]:
        if self._found is None:
            with io_errors("read", self._file):
                text = content(self._file).decode(errors="replace") if self._file.exists() else ""
            parted = (line.rpartition(" ") for line in text.splitlines())
            self._found = {one: int(day) for one, _, day in parted if one and day.isascii() and day.isdigit()}
        return self._found


def _today() -> int:
    return int(time.time()) // DAY
