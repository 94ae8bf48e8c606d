"""The one way a file is written, synced, signed and hashed; knows nothing of what the bytes mean."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import shutil
import stat
import threading
from functools import cache
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

from seeknal_nb.errors import StateError
from seeknal_nb.storage.looks import AT, looking, said
from seeknal_nb.version import host

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "Signature",
    "as_signature",
    "content",
    "digest",
    "digest_file",
    "io_errors",
    "link",
    "opened",
    "refused",
    "remove_dead",
    "signature",
    "sync",
    "temporary_name",
    "write_atomic",
    "write_changed",
    "write_unsynced",
]

Signature = tuple[int, int, int, int]
"""(size, mtime_ns, ctime_ns, inode): equal means that nobody has touched the file since."""

TEMPORARY = ".tmp-"
IN_THE_WAY = frozenset({errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ELOOP})
"""What the system says where something else stands than a path needs."""
OTHERWISE = "free the disk or mend the permissions"
REMEDIES = {
    errno.EMFILE: "let a process open more files (ulimit -n)",
    errno.EIO: "see whether the disk is sound",
    errno.ENOENT: "leave the folders there while a command works",
}


def temporary_name(name: str) -> str:
    """A name beside ``name`` that nobody else uses; it never ends in a data format's suffix."""
    return f"{TEMPORARY}{name}-{os.getpid()}-{_here()}{os.urandom(4).hex()}"


@cache
def _here() -> str:
    """Letters that stand for this machine: a share may have those of others."""
    return digest(host())[:4]


def refused(error: OSError, doing: str = "read or write", path: Path | None = None) -> StateError:
    """What the operating system said, as an error of ours that names the file, or what stands in its way."""
    file = path if path is not None else error.filename and Path(os.fsdecode(error.filename))
    why = error.strerror or str(error)
    if not file and _is_nowhere():
        return StateError("the working directory is gone", why=why, remedy="go to one that is there")
    remedy = f"{REMEDIES.get(error.errno or 0, OTHERWISE)}, then run again; what was finished is kept"
    if file and error.errno in IN_THE_WAY:
        remedy = f"take {_in_the_way(file)} away, which stands where a folder or a file of ours belongs; then run again"
    return StateError(f"cannot {doing} {file or 'a file'}", why=why, remedy=remedy)


def _is_nowhere() -> bool:
    """Whether this process stands in a folder that somebody has deleted."""
    try:
        Path.cwd()
    except OSError:
        return True
    return False


@contextlib.contextmanager
def io_errors(doing: str = "read or write", path: Path | None = None) -> Iterator[None]:
    """An operating system's error becomes a ``StateError``; without a path it names the file that the system named."""
    try:
        yield
    except OSError as error:
        raise refused(error, doing, path) from error


def _in_the_way(path: Path) -> Path:
    """The part of a path that is something else than it has to be: above it no folder, or itself one."""
    above = [one for one in reversed(path.parents) if one.is_symlink() or one.exists()]
    return next((one for one in above if not one.is_dir()), path)


def remove_dead(path: Path) -> None:
    """Take away what processes of this machine that are dead by now have left beside a file, or a folder, on their way."""
    for left in path.parent.glob(f"{TEMPORARY}{glob.escape(path.name)}-*-*") if os.name != "nt" else ():
        number, made = left.name.split("-")[-2:]
        if made.startswith(_here()) and number.isdigit() and not _lives(int(number)):
            shutil.rmtree(left, ignore_errors=True)
            with contextlib.suppress(OSError):
                left.unlink(missing_ok=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def write_atomic(path: Path, data: bytes, *, within: Path | None = None) -> None:
    """Readers see the old file or the new one, never a part; the new one is on the disk when this returns.

    Args:
        path: The file.
        data: All of it.
        within: A folder of the same disk where it is written first (default: the file's own).

    Raises:
        StateError: The file cannot be written; the old one is as it was and nothing is left beside it.
    """
    temporary = (within or path.parent) / temporary_name(path.name)
    with io_errors("write", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(  # noqa: PTH123 - O_EXCL: nobody else's file
                os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "wb"
            ) as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync(path.parent)


def write_unsynced(path: Path, text: str) -> None:
    """Replace a file that is for a reader, and need not survive a power cut; raises ``StateError``."""
    new = path.with_name(temporary_name(path.name))
    with io_errors("write", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            new.write_text(text, encoding="utf-8", errors="replace")
            new.replace(path)
        except BaseException:
            new.unlink(missing_ok=True)
            raise


def sync(path: Path) -> None:
    """Bring a file, or a directory's list of names, to the disk."""
    if os.name == "nt" and path.is_dir():
        return  # Windows cannot open a directory, and its rename is journalled
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def as_signature(told: Iterable[int]) -> Signature:
    """A signature that JSON gives back; raises ``ValueError`` or ``TypeError`` for what is none."""
    size, mtime, ctime, inode = map(int, told)
    return size, mtime, ctime, inode


def signature(path: str | Path) -> Signature | None:
    """The stat signature of a file; None where it cannot be seen."""
    thread = threading.get_ident()
    AT[thread] = (path,)
    try:
        found = os.stat(path)  # noqa: PTH116 - of a text: a Path costs more than the call, and there are thousands
    except OSError:
        return None
    finally:
        del AT[thread]
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def digest(data: bytes | str) -> str:
    """xxh3_128 in hexadecimal."""
    import xxhash  # noqa: PLC0415 - not needed to show a help text

    return str(xxhash.xxh3_128_hexdigest(data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data))


def digest_file(path: Path) -> str:
    """xxh3_128 over a file's bytes, in hexadecimal."""
    import xxhash  # noqa: PLC0415 - not needed to show a help text

    hasher = xxhash.xxh3_128()
    with looking(path), opened(path) as file:
        while chunk := file.read(1 << 20):
            hasher.update(chunk)
            said(path)
    return str(hasher.hexdigest())


def opened(path: str | Path) -> FileIO:
    """A regular file, to be read; raises ``OSError`` for anything else, and waits for nobody, as a pipe's reader would."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EEXIST, "it is no regular file", str(path))
    return FileIO(handle)


def link(file: str | Path, place: str | Path) -> None:
    """Put a file at another place too, by a link where the disk has links, which changes the file's ctime; else a copy."""
    try:
        os.link(file, place)
    except OSError:
        shutil.copy2(file, place)


def content(path: str | Path) -> bytes:
    """All bytes of a regular file; raises as ``opened`` does."""
    with opened(path) as file:
        return file.readall()


def write_changed(path: Path, data: bytes, *, keep_old: bool) -> None:
    """Write a text whose first line says when it was written, unless the file says the same below that line.

    ``keep_old`` leaves the former one as ``<name>.old``.
    """
    with io_errors("read", path):
        former = content(path) if path.exists() else None
    if former is not None and former.partition(b"\n")[2] == data.partition(b"\n")[2]:
        return
    if former is not None and keep_old:
        write_atomic(path.with_name(path.name + ".old"), former)
    write_atomic(path, data)
