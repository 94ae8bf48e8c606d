"""How wide text is, and so how wide the boxes are; knows no markup and no colours."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from functools import cache
from itertools import accumulate
from math import ceil
from typing import TYPE_CHECKING, Final

from seeknal_nb.draw.picture import plain
from seeknal_nb.markup import cut

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seeknal_nb.draw.collapse import Collapsed
    from seeknal_nb.draw.picture import Mark

__all__ = ["DETAIL", "KIND", "NAME", "TEXT_LEFT", "TEXT_RIGHT", "fitted", "sizes", "text_width"]

BOX_HEIGHT: Final = 58.0
GROUP_HEIGHT: Final = 72.0
BOX_WIDTHS: Final = (128.0, 236.0)
# Left of a box's text stands its icon.
TEXT_LEFT: Final = 34.0
TEXT_RIGHT: Final = 12.0
KIND, NAME, DETAIL = 10.0, 13.0, 10.5
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
        for text, size in ((mark.kind, KIND), (mark.name, NAME), (mark.detail, DETAIL)):
            needed = max(needed, text_width(plain(text)[:LONGEST], size))
        if needed + room >= BOX_WIDTHS[1]:
            return BOX_WIDTHS[1]
    return ceil(needed + room)


def text_width(text: str, size: float) -> float:
    """About how wide ``text`` is at this font size."""
    return sum(map(_em, text)) * _scale(size)


def _scale(size: float) -> float:
    """Names and headings are bold, which is wider."""
    return size * (1.1 if size >= NAME else 1)


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
