"""In the command's process: count what it does to files of its project, and strike at one of these events.

An event is an open, a write, an fsync, a rename, a link, a mkdir, a truncation or a removal that Python makes below the folder.
Audit hooks see most of them before they happen; they do not see writes and fsyncs, whose functions are wrapped. What DuckDB
writes nobody sees here: ``strace`` does, in the long form.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crash.nest import Blow

AUDITED = frozenset({"open", "os.mkdir", "os.rename", "os.link", "os.remove", "os.rmdir", "os.truncate"})


class Hurt:
    """The events of one process."""

    def __init__(self, root: str, blow: Blow) -> None:
        self.blow, self.count, self._inside = blow, 0, False
        self._top = os.path.realpath(root) + os.sep
        self._log = os.open(f"{root}.events", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        self.write, self.fsync, self.open = os.write, os.fsync, io.open

    def event(self, name: str, path: object, half: Callable[[], object] = lambda: None) -> None:
        """One event, which the blow may turn into an error, or into the end."""
        if self._inside or not self._ours(path):
            return
        self.count += 1
        hit = self.count == self.blow.at or (self.blow.sticky and 0 < self.blow.at < self.count)
        self._inside = True
        try:
            self.write(self._log, f"{self.count} {name} {path}{' HIT' if hit else ''}\n".encode())
            if hit and self.blow.torn:
                half()
        finally:
            self._inside = False
        if hit and self.blow.later:
            signal.setitimer(signal.ITIMER_REAL, self.blow.later)  # whose signal nobody hears: it is the end
        elif hit and not self.blow.error:
            os.kill(os.getpid(), signal.SIGKILL)
        if hit and self.blow.error:
            number = getattr(errno, self.blow.error)
            raise OSError(number, os.strerror(number), *([str(path)] if name in AUDITED else []))

    def _ours(self, path: object) -> bool:
        return isinstance(path, (str, bytes, os.PathLike)) and f"{Path.cwd() / os.fsdecode(path)}{os.sep}".startswith(self._top)

    def audit(self, name: str, args: tuple[Any, ...]) -> None:
        if name in AUDITED and args:
            self.event(name, args[0])

    def told(self, handle: int) -> str | None:
        """The file that a number stands for."""
        link = Path(f"/proc/self/fd/{handle}")
        return str(link.readlink()) if link.is_symlink() else None

    def os_write(self, handle: int, data: Any) -> int:
        self.event("write", self.told(handle), lambda: self.write(handle, bytes(data)[: len(data) // 2]))
        return self.write(handle, data)

    def os_fsync(self, handle: Any) -> None:
        self.event("fsync", self.told(handle if isinstance(handle, int) else handle.fileno()))
        self.fsync(handle)

    def open_file(self, file: Any, mode: str = "r", buffering: int = -1, encoding: Any = None, errors: Any = None, newline: Any = None, closefd: bool = True, opener: Any = None) -> Any:  # fmt: skip
        """``open``, whose files tell of each write that reaches the system."""
        if not set(mode) & set("wax+") or opener is not None:
            return self.open(file, mode, buffering, encoding, errors, newline, closefd, opener)
        raw = _Raw(file, mode.replace("b", "").replace("t", ""), closefd)
        raw.hurt = self
        if buffering == 0:
            return raw
        binary = (io.BufferedRandom if "+" in mode else io.BufferedWriter)(raw)  # type: ignore[operator]
        return binary if "b" in mode else io.TextIOWrapper(binary, encoding, errors, newline, line_buffering=buffering == 1)


class _Raw(io.FileIO):
    hurt: Hurt

    def write(self, data: Any, /) -> int:
        whole = super().write
        self.hurt.event("write", self.hurt.told(self.fileno()), lambda: whole(bytes(data)[: len(data) // 2]))
        return whole(data)


def install(root: str, blow: Blow) -> None:
    """Count, and strike, from now on."""
    hurt = Hurt(root, blow)
    os.write, os.fsync = hurt.os_write, hurt.os_fsync  # type: ignore[assignment]
    io.open = builtins.open = hurt.open_file  # type: ignore[assignment]
    sys.addaudithook(hurt.audit)
