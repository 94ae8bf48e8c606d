"""How many jobs of a run go on at a time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Slots"]


class Slots:
    """The places that a run's jobs take: one a node; a node's partitions take further ones that no node waits for.

    Args:
        count: How many there are.
        given: Called when one that partitions had is free again.

    Attributes:
        wanted: Whether a node waits for one.
    """

    def __init__(self, count: int, given: Callable[[], None]) -> None:
        self._free, self._given, self.wanted = threading.Semaphore(count), given, False

    def take(self) -> bool:
        """Take one, where one is free."""
        return self._free.acquire(blocking=False)

    def take_spare(self) -> bool:
        """Take one for a partition, where one is free that no node waits for."""
        return not self.wanted and self.take()

    def give_back(self) -> None:
        """Give that of a node back."""
        self._free.release()

    def give_spare_back(self) -> None:
        """Give that of a partition back."""
        self._free.release()
        self._given()
