"""Where in a body DuckDB finds fault: the one place that reads its messages."""

from __future__ import annotations

import re
from unicodedata import category, east_asian_width

from seeknal_nb.errors import Spot

__all__ = ["fault_of", "unplaced"]

_PLACE = re.compile(r"\n\nLINE (?P<line>\d+): (?P<shown>.*)\n(?P<mark> *)\^")


def fault_of(message: str, first: int) -> tuple[str, Spot]:
    """The message with the line as the body counts it, and what it is about; the statement begins in line ``first``."""
    text = message.strip()
    found = _PLACE.search(text)
    if not found:
        return text, Spot()
    line = max(int(found["line"]) + first - 1, 1)
    caret = len(found["mark"]) - len(f"LINE {found['line']}: ")
    spot = Spot(line=line, near=_from(found["shown"], caret).removesuffix("..."))
    return f"{text[: found.start('line')]}{line}{text[found.end('line') :]}", spot


def unplaced(message: str) -> str:
    """The message alone, where the statement is none that the user wrote."""
    return message.partition("\n\nLINE ")[0].strip()


def _from(shown: str, caret: int) -> str:
    """What stands from the caret on, which counts columns of a terminal."""
    width = 0
    for at, sign in enumerate(shown):
        wide = 0 if category(sign)[0] in "CM" else 2 if east_asian_width(sign) in "WF" else 1
        if wide and width >= caret:
            return shown[at:]
        width += wide
    return ""
