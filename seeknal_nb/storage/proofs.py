"""Under which stat signatures the files of builds were proved: this machine's own memory, which may be deleted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from seeknal_nb.storage.files import Signature, as_signature, content, io_errors, signature, write_atomic

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["Proofs"]

_SPARE = 1000


class Proofs:
    """One file, a line a proof, appended; the last line of a build counts, and a torn one is none.

    Only who holds the run's lock writes it.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._known: dict[tuple[str, str], Mapping[str, Signature]] | None = None
        self._stamp: Signature | None = None
        self._lines = 0
        self._new: list[tuple[str, str]] = []

    def look_again(self) -> None:
        """Read the file again where somebody else has written it."""
        if self._known is not None and not self._new and signature(self.file) != self._stamp:
            self._known = None

    def of(self, node_id: str, key: str) -> Mapping[str, Signature]:
        """By a file's name, the signature under which it was proved; empty where nothing is known."""
        return self._read().get((node_id, key), {})

    def note(self, node_id: str, key: str, signatures: Mapping[str, Signature]) -> None:
        """Remember, in this process; ``write`` brings it to the file."""
        if self._read().get((node_id, key)) != signatures:
            self._read()[node_id, key] = signatures
            self._new.append((node_id, key))

    def forget(self, builds: Iterable[tuple[str, str]]) -> None:
        """Drop builds that are gone, and write the others anew."""
        known = self._read()
        gone = [build for build in builds if known.pop(build, None) is not None]
        if gone:
            self._rewrite()

    def write(self) -> None:
        """Append what is new; where most lines are of former proofs, write the file anew."""
        taken, self._new = self._new, []  # workers note what they build meanwhile
        known, new = self._read(), dict.fromkeys(taken)
        if not new:
            return
        if not self._lines or self._lines + len(new) > 2 * len(known) + _SPARE:
            self._rewrite()
            return
        text = "".join(_line(build, known[build]) for build in new if build in known)
        with io_errors("write", self.file):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self.file.open("a", encoding="utf-8") as file:
                file.write(text)
        self._lines, self._stamp = self._lines + len(new), signature(self.file)

    def _rewrite(self) -> None:
        known = self._read()
        lines = [_line(build, found) for build, found in list(known.items())]  # others may look meanwhile
        write_atomic(self.file, "".join(lines).encode())
        self._lines, self._new, self._stamp = len(known), [], signature(self.file)

    def _read(self) -> dict[tuple[str, str], Mapping[str, Signature]]:
        if self._known is None:
            stamp = signature(self.file)
            try:
                lines = content(self.file).splitlines()
            except OSError:
                lines = []
            found: dict[tuple[str, str], Mapping[str, Signature]] = dict(filter(None, map(_proof, lines)))
            self._known, self._stamp, self._lines = found, stamp, len(lines)  # whole: another thread may look meanwhile
            return found
        return self._known


def _line(build: tuple[str, str], signatures: Mapping[str, Signature]) -> str:
    return "\n" + json.dumps([*build, signatures], separators=(",", ":"))


def _proof(line: bytes) -> tuple[tuple[str, str], dict[str, Signature]] | None:
    try:
        node_id, key, found = json.loads(line)
        return (node_id, key), {str(name): as_signature(told) for name, told in found.items()}
    except (ValueError, TypeError, AttributeError):
        return None
