"""Which builds that no node needs may stay: by number, age and size. Knows no node, and removes nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeknal_nb.durations import seconds_of
from seeknal_nb.errors import ManifestError, UsageError
from seeknal_nb.sizes import bytes_of
from seeknal_nb.workflow.options import whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seeknal_nb.storage.garbage import Garbage

__all__ = ["ALL", "Retention"]


@dataclass(frozen=True, slots=True)
class Retention:
    """What is asked of former builds; without ``older`` and ``most`` all of them go that ``keep`` does not hold.

    Attributes:
        keep: How many of each node of the pipeline stay in any case, the newest.
        older: Seconds: only what is older goes; None if age does not count.
        most: Bytes that all builds may take together, with those that nodes need: the oldest go until they do; None for
            as many as there are.
    """

    keep: int = 0
    older: float | None = None
    most: int | None = None

    def chosen(self, spare: Sequence[Garbage], size: Callable[[], int]) -> list[Garbage]:
        """Those that go, of what may; ``size`` gives the bytes of all builds."""
        if self.older is None and self.most is None:
            return [*spare]
        since = time.time() - self.older if self.older is not None else 0.0
        gone = [one for one in spare if one.at < since]
        left = sorted((one for one in spare if one.at >= since), key=lambda one: one.at)
        total = 0 if self.most is None else size() - sum(one.size for one in gone)
        for one in left:
            if self.most is None or total <= self.most:
                break
            gone.append(one)
            total -= one.size
        return gone

    @classmethod
    def of(cls, *, keep: object = 0, older: object = None, max_size: object = None) -> Retention:
        """As somebody writes it: ``older="30d"``, ``max_size="10GB"``, or numbers of seconds and bytes.

        Raises:
            UsageError: A value cannot be.
        """
        seconds = None if older is None else _seconds(older)
        return cls(whole("keep", keep), seconds, None if max_size is None else _bytes(max_size))


ALL = Retention()
"""No former build need stay."""


def _seconds(text: object) -> float:
    try:
        return seconds_of(f"{text}s" if isinstance(text, int | float) else text)
    except ManifestError as error:
        raise UsageError("older is no length of time", why=f"it is {text!r:.100}", remedy="30d, 12h or 2w") from error


def _bytes(text: object) -> int:
    try:
        return bytes_of(text)
    except ManifestError as error:
        raise UsageError("max_size is no size", why=f"it is {text!r:.100}", remedy="10GB, 500MB or 1.5GiB") from error
