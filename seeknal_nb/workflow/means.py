"""With what a project's nodes run: how many at a time, where, and what they share; as somebody said, or the settings do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal_nb.workflow.options import whole
from seeknal_nb.workflow.places import Places
from seeknal_nb.workflow.places.pool import places_of
from seeknal_nb.workflow.slots import Offers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal_nb.workflow.request import Request

__all__ = ["Means"]

SETTINGS = ("workers", "executor", "memory", "slots")


class Means:
    """See the module; processes and connections are kept from run to run.

    Args:
        told: What somebody said, by name; None for what the settings say.
        settings: ``[tool.seeknal_nb]``.

    Raises:
        UsageError: A value cannot be.
    """

    def __init__(self, told: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        self._told = {name: value for name, value in told.items() if value is not None}
        self._opened: dict[str | int, Places] = {}
        self.turn_to(settings)

    def turn_to(self, settings: Mapping[str, Any]) -> None:
        """Go by other settings; what somebody said stays."""
        found = {**{name: settings[name] for name in SETTINGS if name in settings}, **self._told}
        self.memory, self.slots = found.get("memory"), found.get("slots")
        self._workers = found.get("workers")
        self.workers: int = whole("workers", 1 if self._workers is None else self._workers, least=1)
        self.executor: Any = found.get("executor")
        self.place()  # which refuses what is none
        self.offers()

    def offers(self, workers: int | None = None) -> Offers:
        """What there is for the nodes of a run."""
        return Offers.of(workers or self._workers, self.memory, self.slots)

    def at_a_time(self, request: Request) -> int:
        """How many nodes of a run will go on at a time, as far as this machine knows."""
        place, offers = self.place(request.executor).given, self.offers(request.workers)
        return (place.offers(offers) if place is not None and place.local else offers).workers

    @property
    def share(self) -> dict[str, str]:
        """What the engine of this process may take, where somebody has said that."""
        return {} if self.memory is None else {"memory": f"{self.offers().memory // 2**20}MiB"}

    def place(self, asked: Any = None) -> Places:
        """Where nodes run: as it was ``asked`` for, or as ever; what is opened is kept open from run to run."""
        chosen = self.executor if asked is None else asked
        if isinstance(chosen, Places):
            return chosen
        name = chosen if isinstance(chosen, str) else id(chosen)  # which lives as long as the project
        if name not in self._opened:
            self._opened[name] = places_of(chosen)
        return self._opened[name]

    def close(self) -> None:
        """Let go of what was opened."""
        for places in self._opened.values():
            places.close()
