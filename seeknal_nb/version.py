"""The version, which pyproject.toml repeats, and what tells one program from another, and one machine."""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec

__all__ = ["__version__", "host", "package", "program"]

__version__ = "0.1.0"


@cache
def package(name: str) -> str:
    """Where an installed package lies, its first file's size and time, and what tells of its version. Imports nothing."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        return name
    found = os.stat(spec.origin)  # noqa: PTH116 - it is a text
    beside = os.path.dirname(os.path.dirname(spec.origin))  # noqa: PTH120 - likewise
    told = sorted(one for one in os.listdir(beside) if one.startswith(f"{name}-") and one.endswith(".dist-info"))  # noqa: PTH208
    return f"{spec.origin} {found.st_size} {found.st_mtime_ns} {' '.join(told)}"


@cache
def program() -> str:
    """The version, and size and time of each file of this program: what one has worked out, another one must not believe.

    Of one that is imported from an archive, those of the archive.
    """
    found, folders = [__version__], [os.path.dirname(__file__)]  # noqa: PTH120 - a third of the time
    if archive := getattr(__spec__.loader, "archive", None):
        stat = os.stat(archive)  # noqa: PTH116 - it is a text
        return f"{__version__}\n{archive} {stat.st_size} {stat.st_mtime_ns}"
    for folder in folders:
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda one: one.name):
                if entry.is_dir() and entry.name != "__pycache__":
                    folders.append(entry.path)
                elif entry.name.endswith(".py"):
                    stat = entry.stat()
                    found.append(f"{entry.name} {stat.st_size} {stat.st_mtime_ns}")
    return "\n".join(found)


def host() -> str:
    """What this machine calls itself."""
    if hasattr(os, "uname"):
        return os.uname().nodename
    import socket  # noqa: PLC0415 - where the system does not say; 5 ms

    return socket.gethostname()
