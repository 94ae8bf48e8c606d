"""Under which stat signatures the files of builds were proved: this machine's own memory, which may be deleted."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING

from seeknal_nb.storage.files import Signature, as_signature, content, io_errors, signature, write_atomic

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["Proofs"]

_SPARE = 1000
_END = b'",{'
"""What ends the head of a line, which names the build."""


class Proofs:
    """One file, a line a proof, appended; the last line of a build counts, and a torn one is none.

    Only who holds the run's lock writes it. A line is parsed when somebody asks: there is one for each partition.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._known: dict[bytes, bytes | Mapping[str, Signature]] | None = None
        self._stamp: Signature | None = None
        self._lines = 0
        self._new: list[bytes] = []

    def look_again(self) -> None:
        """Read the file again where somebody else has written it."""
        if self._known is not None and not self._new and signature(self.file) != self._stamp:
            self._known = None

    def of(self, node_id: str, key: str) -> Mapping[str, Signature]:
        """By a file's name, the signature under which it was proved; empty where nothing is known."""
        known, head = self._read(), _head(node_id, key)
        found = known.get(head, {})
        if isinstance(found, bytes):
            found = known[head] = _signatures(found)
        return found

    def note(self, node_id: str, key: str, signatures: Mapping[str, Signature]) -> None:
        """Remember, in this process; ``write`` brings it to the file."""
        if self.of(node_id, key) != signatures:
            head = _head(node_id, key)
            self._read()[head] = signatures
            self._new.append(head)

    def forget(self, builds: Iterable[tuple[str, str]]) -> None:
        """Drop builds that are gone, and write the others anew."""
        known = self._read()
        gone = [build for build in builds if known.pop(_head(*build), None) is not None]
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
        text = b"".join(_line(head, known[head]) for head in new if head in known)
        with io_errors("write", self.file):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self.file.open("ab") as file:
                file.write(text)
        self._lines, self._stamp = self._lines + len(new), signature(self.file)

    def _rewrite(self) -> None:
        known = self._read()
        lines = [_line(head, found) for head, found in list(known.items())]  # others may look meanwhile
        write_atomic(self.file, b"".join(lines))
        self._lines, self._new, self._stamp = len(known), [], signature(self.file)

    def _read(self) -> dict[bytes, bytes | Mapping[str, Signature]]:
        if self._known is None:
            stamp = signature(self.file)
            try:
                lines = content(self.file).splitlines()
            except OSError:
                lines = []
            parted = (line.partition(_END) for line in lines if line.endswith(b"}]"))
            found: dict[bytes, bytes | Mapping[str, Signature]] = {head: rest for head, _, rest in parted}
            self._known, self._stamp, self._lines = found, stamp, len(lines)  # whole: another thread may look meanwhile
            return found
        return self._known


def _head(node_id: str, key: str) -> bytes:
    """How the line of a build begins."""
    return _name(node_id) + key.encode()


@lru_cache(maxsize=10_000)
def _name(node_id: str) -> bytes:
    return f'[{json.dumps(node_id)},"'.encode()


def _line(head: bytes, proved: bytes | Mapping[str, Signature]) -> bytes:
    if not isinstance(proved, bytes):
        proved = json.dumps(proved, separators=(",", ":"))[1:].encode() + b"]"
    return b"\n" + head + _END + proved


def _signatures(told: bytes) -> dict[str, Signature]:
    """What a line says behind its head; nothing where it is damaged."""
    try:
        return {str(name): as_signature(found) for name, found in json.loads(b"{" + told[:-1]).items()}
    except (ValueError, TypeError, AttributeError):
        return {}
