"""The text of a file that nobody vouches for: strict UTF-8 of a bounded size, with the place of every character."""

from __future__ import annotations

import os
import re
import stat
from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path

from seeknal_nb.errors import ManifestError, Place

__all__ = ["MAX_BYTES", "SourceText", "decoded", "read_text"]

MAX_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SourceText:
    """The text of one file; offsets count its characters from 0."""

    text: str
    file: str
    starts: list[int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "starts", [0, *(found.end() for found in re.finditer(r"\r\n?|\n", self.text))])

    def place(self, at: int) -> Place:
        """Line and column of an offset."""
        line = bisect_right(self.starts, at)
        return Place(self.file, line, at - self.starts[line - 1] + 1)

    def error(self, what: str, at: int, *, why: str = "", remedy: str) -> ManifestError:
        """An error that stands at an offset; nothing is raised yet."""
        return ManifestError(what, why=why, remedy=remedy, place=self.place(at))


def read_text(path: str | os.PathLike[str], *, root: str | os.PathLike[str] | None = None) -> str:
    """The text of a regular file, without its byte order mark and with its line ends as they are.

    With ``root``, errors name the file relative to it, and a file outside of it (symlinks followed) is refused.
    """
    file = os.fspath(path)
    try:
        real = Path(os.path.realpath(path, strict=True))
        if root is not None:
            base = Path(os.path.realpath(root, strict=True))
            if not real.is_relative_to(base):
                raise ManifestError("outside the project", remedy=f"move it into {base}", place=Place(file))
            file = real.relative_to(base).as_posix()
        # Opening a pipe would wait for its writer, and a device may have no end.
        if not stat.S_ISREG(real.stat().st_mode):
            raise ManifestError("not a regular file", remedy="give the path of a file", place=Place(file))
        with real.open("rb") as stream:
            return decoded(stream.read(MAX_BYTES + 1), file)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ManifestError("cannot read", why=why, remedy="check the path", place=Place(file)) from error


def decoded(text: str | bytes, file: str) -> str:
    """Strict UTF-8 within the limits; text that somebody else decoded is held to the same rules."""
    raw = text if isinstance(text, bytes) or text.isascii() else text.encode("utf-8", "surrogatepass")
    if len(raw) > MAX_BYTES:
        raise ManifestError("larger than 32 MB", remedy="split the file", place=Place(file))
    try:
        plain = (raw if isinstance(raw, str) else raw.decode("utf-8")).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode("utf-8").removeprefix("\ufeff")
        why = f"byte 0x{error.object[error.start]:02x} at offset {error.start}: {error.reason}"
        raise SourceText(before, file).error("not UTF-8", len(before), why=why, remedy="save as UTF-8") from error
    if (at := plain.find("\0")) >= 0:
        raise SourceText(plain, file).error("NUL byte", at, remedy="remove it, and save as UTF-8 text")
    return plain
