"""What the body of a node prints while it runs, as a reader follows it."""

from __future__ import annotations

from typing import Final

from seeknal_nb.kinds.thread_output import printed_so_far
from seeknal_nb.markup import overwritten

__all__ = ["LONGEST", "last_printed"]

LONGEST: Final = 8_000
"""Characters of the last lines."""
MOST: Final = 1_000_000
"""Characters that are looked at, in which a progress bar may have written one line again and again."""


def last_printed(node_id: str) -> str:
    """The last lines that the body which runs in this process has printed until now; empty where none does."""
    text = overwritten(printed_so_far(node_id)[-MOST:])
    start = text.find("\n", len(text) - LONGEST) + 1 if len(text) > LONGEST else 0
    return text[start:][-LONGEST:]
