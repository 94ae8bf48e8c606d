"""Read a length of time such as `24h` or `3 days` as seconds; knows no node and no clock."""

from __future__ import annotations

import re
from typing import Any

from seeknal_nb.errors import ManifestError

_SECONDS = {
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "w": 604800.0,
}
_WORDS = {
    "s": ("s", "sec", "secs", "second", "seconds"),
    "m": ("m", "min", "mins", "minute", "minutes"),
    "h": ("h", "hr", "hrs", "hour", "hours"),
    "d": ("d", "day", "days"),
    "w": ("w", "week", "weeks"),
}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)")


def seconds_of(text: Any) -> float:
    """Return the seconds of `90s`, `30m`, `24h`, `7d`, `1w`, `3 days` or `1h 30m`."""
    rest = str(text).strip().lower()
    parts = _PART.findall(rest)
    if not parts or _PART.sub("", rest).strip():
        raise _unreadable(text)
    return sum(float(number) * _SECONDS[_unit(word, text)] for number, word in parts)


def duration_text(seconds: float) -> str:
    """Write seconds for a reader: `90s`, `45m`, `50h`, `12d`."""
    for unit, above in (("d", 3 * 86400.0), ("h", 2 * 3600.0), ("m", 120.0)):
        if abs(seconds) >= above:
            return f"{seconds / _SECONDS[unit]:.0f}{unit}"
    return f"{seconds:.0f}s"


def _unit(word: str, text: Any) -> str:
    for unit, words in _WORDS.items():
        if word in words:
            return unit
    raise _unreadable(text)


def _unreadable(text: Any) -> ManifestError:
    remedy = "write a number and s, m, h, d or w, as 90s, 30m, 24h, 7d, 1w or '3 days'"
    return ManifestError(f"{text!r} is no length of time", remedy=remedy)
