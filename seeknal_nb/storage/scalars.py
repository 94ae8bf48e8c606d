"""Where a character of a YAML text's value stands in the file, however the file spells it. Pure; it reads no YAML."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seeknal_nb.errors import Spot

__all__ = ["offset_in_file", "offset_of"]

# What may precede a scalar: an anchor, blanks and comments; then the head of a block scalar, to the end of its line.
_BEFORE = re.compile(r"(?:&\S++(?:\s|#[^\r\n]*)*+)?(?P<block>[|>][^\r\n]*)?")
_VISIBLE = re.compile(r"\S")
_IN_QUOTES = {"'": re.compile(r"''|\S"), '"': re.compile(r"\\(?:x..|u.{4}|U.{8}|.)|\S", re.DOTALL)}
_BLANKS = frozenset(" \t\r\nntrvf_NLP")
"""What stands behind the backslash of a blank in double quotes, besides numbers."""


def offset_in_file(text: str, at: int, value: str, offset: int) -> int:
    """Where in a file stands what a scalar's value has at an offset, or the first thing behind it that is no blank.

    Folding, indenting and quoting change blanks alone: the n-th character that is none is the n-th one in the file too.

    Args:
        text: The file's.
        at: The offset at which the scalar, or its anchor, begins.
        value: What it says.
        offset: In the value.
    """
    count = min(len(_VISIBLE.findall(value, 0, offset)), len(_VISIBLE.findall(value)) - 1)
    head = _BEFORE.match(text, at)
    begin, block = (head.end(), head["block"]) if head else (at, None)
    quote = "" if block or text[begin : begin + 1] not in _IN_QUOTES else text[begin]
    pieces = _IN_QUOTES.get(quote, _VISIBLE).finditer(text, begin + len(quote))
    visible = (piece.start() for piece in pieces if not _is_blank(piece[0]))
    return next(islice(visible, max(count, 0), None), begin)


def offset_of(spot: Spot, value: str) -> int | None:
    """Where in a text the fault is, or the line with the fault begins; None where that is not plain."""
    lines = value.split("\n")
    first = spot.line - 1 if spot.line is not None else 0
    start = len("\n".join(lines[:first])) + bool(first)
    if spot.column is not None:
        return start + spot.column - 1
    found = _only(spot.near, lines[first] if spot.line is not None and first < len(lines) else value)
    return start + found if found is not None else start if spot.line is not None else None


def _only(near: str, text: str) -> int | None:
    """Where a text has a piece just once, or its first word: an engine was given the tables that follow in other words."""
    word = re.match(r"\w+|\S", near)
    pieces = (re.escape(near), rf"(?<!\w){re.escape(word[0])}(?!\w)") if word else ()
    places = ([found.start() for found in re.finditer(piece, text)] for piece in pieces)
    return next((found[0] for found in places if len(found) == 1), None)


def _is_blank(piece: str) -> bool:
    """Whether a piece in quotes says a blank, or nothing, as a backslash at the end of a line."""
    if len(piece) > 2 and piece[1] in "xuU":  # noqa: PLR2004 - a backslash, a letter and digits
        return chr(int(piece[2:], 16)).isspace()  # noqa: FURB166 - no prefix: YAML's x and u are digits' kinds
    return len(piece) == 2 and piece[0] == "\\" and piece[1] in _BLANKS  # noqa: PLR2004 - a backslash and a letter
