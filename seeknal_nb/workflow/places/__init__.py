"""Where jobs run besides the run's own process: the protocol, the one table of places, and which nodes go there."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from seeknal_nb import plugins
from seeknal_nb.errors import PluginError, UsageError, nearest
from seeknal_nb.workflow.executors import where
from seeknal_nb.workflow.plan import HERE

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor
    from pathlib import Path

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.kinds.needs import Needs
    from seeknal_nb.kinds.task import Kind
    from seeknal_nb.workflow.job import Job
    from seeknal_nb.workflow.outcome import Outcome
    from seeknal_nb.workflow.slots import Offers

__all__ = ["APART", "BEGUN", "PLACES", "Limits", "Lost", "Place", "Places", "open_place", "place_of", "process_text"]

BEGUN = True
"""What a process says first of a job: from now on its time counts."""
APART = "processes"
"""The place of a node that has a process of its own."""
PLACES = {
    APART: "seeknal_nb.workflow.places.processes:Processes",
    **dict.fromkeys(("dask", "tls"), "seeknal_nb.workflow.places.dask:Dask"),
}
"""What makes a place of the text that names it, by its scheme."""
FORM = f"{HERE}, {APART} or dask://host:port"


class Lost(Exception):  # noqa: N818 - it reads as what happened
    """Whoever did the work is gone, which need not be the work's fault; the text says how."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a job may go on, and with how much.

    Attributes:
        wanted: Whether the run still waits for it; asked again and again.
        seconds: After which it is ended; 0 for as many as it takes.
        memory: Bytes, likewise.
        share: Bytes that it may take where the machine itself runs short.
    """

    wanted: Callable[[], bool]
    seconds: float = 0.0
    memory: int = 0
    share: int = 0


class Place(Protocol):
    """Does jobs in other processes; several threads may ask at once, and each waits for its own.

    Attributes:
        name: What a plan calls it.
        local: Whether what is sent there stays with this user on this machine.
        timed: Whether it ends, or gives up, what passes its time.
    """

    name: str
    local: bool
    timed: bool

    def offers(self, own: Offers) -> Offers:
        """What there is for jobs, once it was checked: what somebody has said, else what it has.

        Args:
            own: What there is here, or what somebody has said.
        """

    def check(self, outputs: Path) -> tuple[str, ...]:
        """See that it can work, before anything is sent; gives warnings.

        Args:
            outputs: The folder of all builds, in which it stages its own.

        Raises:
            UsageError: It cannot be reached, or cannot do the work.
        """

    def perform(self, job: Job, limits: Limits) -> Outcome:
        """What came of a job that ``sent`` has packed.

        Raises:
            Lost: Who did it is gone; it may be tried again.
            Interrupted: Nobody wanted it any more.
            NodeError: It passed a limit, or the place does no work.
        """

    def close(self) -> None:
        """Let go of everything; nothing that it started is left."""


def open_place(text: str) -> Place | None:
    """The place that a text names; None for this process. Nothing is started yet.

    Raises:
        UsageError: There is no such place.
    """
    scheme = text.partition("://")[0]
    if text == HERE:
        return None
    try:
        place: Place = plugins.find("places", scheme, PLACES)(text)
    except PluginError as error:
        close = nearest(text, [HERE, APART])
        meant = f"did you mean {close[0]}?" if close else f"write {FORM}"
        remedy = f"write dask://{text.partition('://')[2]}" if scheme == "tcp" else meant
        raise UsageError(f"unknown executor {text!r}", remedy=remedy) from error
    return place


def process_text(process: str, place: str) -> str:
    """What ``where`` gave in a process of a place, as a reader has it: ``here``, ``process 4242``, ``dask node7:4242``."""
    if process == where():
        return HERE
    return f"process {process.rpartition(':')[2]}" if place == APART else f"{place} {process}"


class Places:
    """The places of a run: the one that it was given, and one for nodes that have a process of their own.

    Args:
        given: Where nodes run that may run elsewhere; None for here.
        executor: What has the threads that do, or attend, the work, where somebody has given one.
        owned: Whether the first one is closed with these.
    """

    def __init__(self, given: Place | None = None, executor: Executor | None = None, *, owned: bool = True) -> None:
        self.given, self.executor, self._owned, self._lock = given, executor, owned, threading.Lock()
        self._apart: Place | None = None

    def named(self, name: str) -> Place | None:
        """That of the name which ``place_of`` gives; None for this process."""
        if name == HERE:
            return None
        if self.given is not None and self.given.name == name:
            return self.given
        with self._lock:
            self._apart = self._apart or open_place(APART)
            return self._apart

    def close(self) -> None:
        """Let go of what runs there, but for what is its caller's; it is started anew when something needs it."""
        for place in (self.given if self._owned else None, self._apart):
            if place is not None:
                place.close()


def place_of(node: Node, kind: Kind, needs: Needs, given: Place | None, *, holds_environment: bool) -> str:
    """The name of the place where a node runs: that of the run, or a process of its own, or here.

    Args:
        node: Which.
        kind: Its kind.
        needs: What it asks for.
        given: The run's place, where it is not this process.
        holds_environment: Whether a variable of the environment stands in its texts, which then stay on this machine.
    """
    if needs.home or not kind.addressed or not kind.travels(node):
        return HERE
    if needs.apart:
        return APART
    ended = bool(needs.timeout and node.config.get("python"))  # which only some can
    if given is not None and (given.local or not holds_environment) and (given.timed or not ended):
        return given.name
    return APART if ended else HERE
