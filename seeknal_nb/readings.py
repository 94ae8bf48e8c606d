"""What was read out of texts, so that nobody reads them again; ``storage.readings`` keeps it between processes.

Only what depends on nothing but the text, and on the versions of who reads it, may be kept here.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["READINGS", "Readings"]

T = TypeVar("T")
MOST = 100_000
"""Answers that a process holds; beyond that it begins anew."""


class Readings:
    """A cache of pure functions of a text.

    Attributes:
        known: What JSON has of each answer, by the reader's name and a digest of the text.
        asked: The names of those that this process has asked for, in their order.
    """

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}
        self.asked: dict[str, None] = {}

    def of(
        self, reader: str, text: str, read: Callable[[], T], *, pack: Callable[[T], Any], unpack: Callable[[Any], T]
    ) -> T:
        """The answer that is known, else that of ``read``; what it raises is not kept.

        Args:
            reader: Which function it is.
            text: All that the answer depends on.
            read: Finds the answer.
            pack: Makes of it what JSON holds, or None where it is not to be kept.
            unpack: The opposite.
        """
        import xxhash  # noqa: PLC0415 - not needed to show a help text

        name = f"{reader} {xxhash.xxh3_128_hexdigest(text.encode('utf-8', 'surrogatepass'))}"
        if name in self.known:
            with contextlib.suppress(TypeError, ValueError, AttributeError):  # somebody may have written it
                known = unpack(self.known[name])
                self.asked[name] = None
                return known
        found = read()
        if (told := pack(found)) is not None:
            if len(self.known) >= MOST:
                self.known.clear()
                self.asked.clear()
            self.known[name] = told
            self.asked[name] = None
        return found


READINGS = Readings()
"""Those of this process."""
