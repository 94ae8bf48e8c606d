"""How wide text is, and so how wide the boxes are; knows no markup and no colours."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from functools import cache
from itertools import accumulate
from math import ceil
from typing import TYPE_CHECKING, Final

from seeknal_nb.draw.lines import BETWEEN, second_line
from seeknal_nb.draw.picture import plain
from seeknal_nb.markup import cut

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seeknal_nb.draw.collapse import Collapsed
    from seeknal_nb.draw.picture import Mark

__all__ = [
    "BAND",
    "DETAIL",
    "ICON",
    "NAME",
    "RADIUS",
    "TEXT_LEFT",
    "TEXT_RIGHT",
    "fitted",
    "fitted_name",
    "kept_parts",
    "sizes",
    "text_width",
]

BOX_HEIGHT: Final = 44.0
GROUP_HEIGHT: Final = 64.0
BOX_WIDTHS: Final = (168.0, 216.0)
RADIUS: Final = 7.0
BAND: Final = 26.0
"""How wide the status's band is, at the left of a card."""
ICON: Final = 40.0
"""Where the middle of the kind's picture is."""
TEXT_LEFT: Final = 54.0
TEXT_RIGHT: Final = 10.0
NAME, DETAIL = 13.0, 10.5
SHRUNK: Final = 7 / 8
"""A name that has no room shrinks by an eighth before it loses its middle."""
HEAD: Final = 0.45
"""How much of a name that is cut stands before its middle."""
LONGEST: Final = 400


def sizes(shown: Collapsed, *, least: str = "") -> list[tuple[float, float]]:
    """The width and the height of each unit's box; ``least`` is a detail that must have room."""
    width = _box_width(shown.picture.marks, least)
    return [(width, GROUP_HEIGHT if key else BOX_HEIGHT) for key in shown.keys]


def _box_width(marks: Iterable[Mark], least: str) -> float:
    """One width for all boxes: that of the longest text, within limits."""
    room = TEXT_LEFT + TEXT_RIGHT
    needed = max(text_width(least, DETAIL), BOX_WIDTHS[0] - room)
    for mark in marks:
        for text, size in ((mark.name, NAME), (BETWEEN.join(second_line(mark)), DETAIL)):
            needed = max(needed, text_width(plain(text)[:LONGEST], size))
        if needed + room >= BOX_WIDTHS[1]:
            return BOX_WIDTHS[1]
    return ceil(needed + room)


def text_width(text: str, size: float) -> float:
    """About how wide ``text`` is at this font size."""
    return sum(map(_em, text)) * _scale(size)


def _scale(size: float) -> float:
    """Names and headings are bold, which is wider."""
    return size * (1.1 if size > DETAIL else 1)


@cache
def _em(sign: str) -> float:
    """About the width in DejaVu Sans, the widest of the fonts in use, as a share of the size."""
    if sign in " .,:;'|!()[]/ijltfrI·":
        return 0.4
    if sign in "mwMW@%&" or unicodedata.east_asian_width(sign) in "WF":
        return 1.02
    return 0.76 if sign.isupper() or sign > "\u2fff" else 0.64


def fitted(text: str, room: float, size: float) -> str:
    """As much of ``text`` as there is room for; no room here is so wide that more than ``LONGEST`` signs fit."""
    widths = list(accumulate(_em(sign) * _scale(size) for sign in text[:LONGEST]))
    if len(text) <= LONGEST and (not widths or widths[-1] <= room):
        return text
    kept = bisect_right(widths, room - text_width("…", size))
    return cut(text, min(kept + 1, len(text) - 1))


def _middle(text: str, room: float, size: float) -> str:
    """As much of both ends of ``text`` as there is room for: names that are alike differ at their ends."""
    text = cut(text, LONGEST)
    if text_width(text, size) <= room:
        return text
    low, high = 0, len(text) - 1
    while low < high:
        most = (low + high + 1) // 2
        low, high = (most, high) if text_width(_ends(text, most), size) <= room else (low, most - 1)
    return _ends(text, low)


def _ends(text: str, count: int) -> str:
    head = round(count * HEAD)
    return f"{text[:head]}…{text[len(text) - count + head :]}"


def kept_parts(parts: Iterable[str], room: float, size: float) -> str:
    """Those parts that there is room for, whole, in their order."""
    line = ""
    for part in parts:
        longer = f"{line}{BETWEEN}{part}" if line else part
        line = longer if text_width(longer, size) <= room else line
    return line


def fitted_name(name: str, room: float) -> tuple[str, float]:
    """The name, its middle left out where there is no room, and the size of its letters."""
    size = NAME if text_width(name, NAME) <= room else NAME * SHRUNK
    return _middle(name, room, size), size
