"""What a run has for its nodes, and who has it now: slots, memory, and what somebody counts by name, as graphics cards."""

from __future__ import annotations

import heapq
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seeknal_nb.errors import ManifestError, UsageError, near
from seeknal_nb.sizes import bytes_of, size_text
from seeknal_nb.workflow.executors import machine_memory
from seeknal_nb.workflow.options import mapping, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.kinds.needs import Needs

__all__ = ["Demand", "Offers", "Ready", "Slots"]

SLOT, MEMORY = "slot", "memory"
_MOST_MEMORY = 80
"""Percent of the machine that a run takes: as much as DuckDB takes by itself."""
_LEAST = 64_000_000
"""Bytes, with less of which no engine works."""
Demand = tuple[tuple[str, int], ...]
"""How much a job takes of what there is, by name: one slot, bytes of memory, and so on."""


@dataclass(frozen=True, slots=True)
class Offers:
    """What there is for all jobs of a run together.

    Attributes:
        workers: How many go on at a time.
        told: Whether somebody has said how many; else there are as many as the place has.
        limited: Whether somebody has said how much memory.
        memory: Bytes; 0 where nobody knows.
        resources: How many of each named slot.
    """

    workers: int = 1
    memory: int = 0
    resources: Mapping[str, int] = field(default_factory=dict)
    told: bool = True
    limited: bool = False

    @classmethod
    def of(cls, workers: object = None, memory: object = None, slots: object = None) -> Offers:
        """As somebody writes them: ``4``, ``"16GB"``, ``{"gpu": 1}``; without memory four fifths of the machine's.

        Raises:
            UsageError: A value cannot be.
        """
        resources = mapping("slots", {} if slots is None else slots)
        for name, count in resources.items():
            if name in (SLOT, MEMORY):
                raise UsageError(f"a slot cannot be called {name}", remedy=f"{name}_of_mine = {count}")
            if not isinstance(count, int) or isinstance(count, bool) or count < 1:
                why = f"it is {count!r:.100}"
                raise UsageError(f"slots.{name} must be a whole number from 1", why=why, remedy=f"write {name} = 1")
        try:
            size = machine_memory() * _MOST_MEMORY // 100 if memory is None else bytes_of(memory)
        except ManifestError as error:
            raise UsageError(f"memory is no size: {memory!r:.100}", remedy=error.remedy) from None
        if memory is not None and size < _LEAST:
            raise UsageError(f"{memory!r:.100} of memory is too little", remedy='write memory = "16GB"')
        told = workers is not None
        return cls(whole("workers", workers if told else 1, least=1), size, resources, told, memory is not None)

    @property
    def share(self) -> int:
        """The memory of a job that asks for none."""
        return self.memory // self.workers

    @property
    def usual(self) -> Demand:
        """What a job takes that asks for nothing."""
        return ((SLOT, 1), (MEMORY, self.share))

    def demand(self, node: Node, needs: Needs) -> Demand:
        """What a job of that node takes; a tag that is called as a named slot takes one of it."""
        named = {tag: 1 for tag in node.tags if tag in self.resources} | dict(needs.resources)
        memory = needs.memory or self.share if self.memory else 0
        return ((SLOT, 1), (MEMORY, memory), *sorted(named.items()))

    def check(self, node: Node, needs: Needs, *, known: bool) -> None:
        """Refuse a node that asks for more than there is; raises ``ManifestError`` with its name and file.

        Unless it is ``known``, or somebody has said it, how much memory there is is left open.
        """
        if self.memory and needs.memory > self.memory and (known or self.limited):
            what, why = f"it needs {size_text(needs.memory)} of memory", f"there are {size_text(self.memory)} for all nodes"
            remedy = 'ask for less, or write memory = "..." into [tool.seeknal_nb]'
            raise node.blamed(ManifestError(what, why=why, remedy=remedy))
        for name, count in needs.resources:
            have = self.resources.get(name, 0)
            if count > have:
                hint = f"[tool.seeknal_nb.slots] and below it: {name} = {count}"
                remedy = (
                    hint if have or not self.resources else f"{near(name, self.resources, what='slot')}; or write {hint}"
                )
                raise node.blamed(ManifestError(f"it needs {count} of {name}", why=f"there are {have}", remedy=remedy))


class Slots:
    """What of it is free; any thread may ask. A node's partitions take further slots that no node waits for.

    Args:
        offers: What there is.
        demand: What a job of a node takes, by its id.

    Attributes:
        given: Called when what a partition had is free again.
        wanted: Whether a node waits for a slot.
    """

    def __init__(self, offers: Offers, demand: Callable[[str], Demand]) -> None:
        self.offers, self.demand, self.wanted = offers, demand, False
        self.given: Callable[[], None] = lambda: None
        self._free = {SLOT: offers.workers, MEMORY: offers.memory, **offers.resources}
        self._lock = threading.Lock()

    @property
    def any_free(self) -> bool:
        """Whether a slot is free."""
        return self._free[SLOT] > 0

    def take(self, demand: Demand) -> frozenset[str]:
        """Take all of it, or nothing; gives the names of what there is too little of."""
        with self._lock:
            lacking = frozenset(name for name, count in demand if self._free[name] < count)
            if not lacking:
                for name, count in demand:
                    self._free[name] -= count
            return lacking

    def take_spare(self, node_id: str) -> bool:
        """Take what one more partition of a node needs, where no node waits for it."""
        return not self.wanted and not self.take(self.demand(node_id))

    def give_back(self, node_id: str) -> None:
        """Give back what a job of the node had."""
        demand = self.demand(node_id)
        with self._lock:
            for name, count in demand:
                self._free[name] += count

    def give_spare_back(self, node_id: str) -> None:
        """Give back what a partition had."""
        self.give_back(node_id)
        self.given()


class Ready:
    """The nodes that wait for no other, by their place in the topological order; those start first on which most depends.

    What does not fit waits, and holds back later ones of what it lacks.

    Args:
        slots: What there is for them.
        ids: Of all nodes, in topological order.
        ways: By id, how long a node and what follows from it take; ties start in topological order.
        first: The places of those that wait for no other from the beginning.
    """

    def __init__(self, slots: Slots, ids: Sequence[str], ways: Mapping[str, float], first: Iterable[int]) -> None:
        self._slots, self._ids, self._ways = slots, ids, ways
        self._heaps: dict[Demand, list[tuple[float, int]]] = {}
        for place in first:
            self.add(place)

    def __bool__(self) -> bool:
        return bool(self._heaps)

    def add(self, place: int) -> None:
        """A node waits for no other any more."""
        node_id = self._ids[place]
        heap = self._heaps.setdefault(self._slots.demand(node_id), [])
        heapq.heappush(heap, (-self._ways.get(node_id, 0.0), place))

    def take(self) -> int | None:
        """The next node, whose slots are taken then; None where nothing fits."""
        if not self._slots.any_free:
            return None
        held: frozenset[str] = frozenset()
        for demand, heap in sorted(self._heaps.items(), key=lambda one: one[1][0]):
            if held.isdisjoint(name for name, count in demand if count):
                lacking = self._slots.take(demand)
                if not lacking:
                    _, place = heapq.heappop(heap)
                    if not heap:
                        del self._heaps[demand]
                    return place
                held |= lacking
        return None
