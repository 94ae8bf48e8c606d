"""Read a number of bytes such as `8GB` or `1.5 GiB`, and write one; knows no node and no disk."""

from __future__ import annotations

import re
from typing import Any

from seeknal_nb.errors import ManifestError

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([kmgt])(i)?)?b?")


def bytes_of(text: Any) -> int:
    """The bytes of ``10GB``, ``500 MB``, ``1.5GiB`` or ``1000``; raises ``ManifestError`` for what is none."""
    found = _SIZE.fullmatch(str(text).strip().lower())
    if found is None:
        raise ManifestError(f"{text!r:.100} is no size", remedy="write 10GB, 500MB or 1.5GiB")
    number, letter, binary = found.groups()
    return int(float(number) * (1024 if binary else 1000) ** (" kmgt".index(letter) if letter else 0))


def size_text(size: float) -> str:
    """Write bytes for a reader: ``8 GB``, ``1.5 GB``, ``500 MB``."""
    for unit, above in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= above:
            return f"{round(size / above, 1):g} {unit}"
    return f"{size:.0f} bytes"
