"""How far a run is. Knows no board, and no widget."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from seeknal_nb.markup import cut, esc_term, plural
from seeknal_nb.status import ExecutionStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeknal_nb.workflow.events import NodeResult, RunFinished

__all__ = ["Progress"]

COUNTED: Final = (ExecutionStatus.SUCCESS, ExecutionStatus.CACHED, ExecutionStatus.FAILED)
"""The statuses of a node that came out."""
CAME_OUT: Final = (ExecutionStatus.SUCCESS, ExecutionStatus.CACHED)
NOTES: Final = 20
NOTE: Final = 500


class Progress:
    """How far a run is, by ids; ``mode`` is empty when none goes on, and ``str()`` tells it in a line.

    Args:
        mode: ``foreground`` while a cell consumes it, else ``background``.
        dry: Whether it executes nothing.
        todo: The ids that are to be executed.

    Attributes:
        now: The ids of those that run.
        notes: (id, text) of what should be read.
        warned: How many nodes came out with warnings.
        most: How many ran at a time.
    """

    def __init__(self, mode: str = "", *, dry: bool = False, todo: Sequence[str] = ()) -> None:
        self.mode, self.dry = mode, dry
        self.now: list[str] = []
        self.notes: list[tuple[str, str]] = []
        self.warned, self.most = 0, 1
        self._todo, self._done, self._spared = dict.fromkeys(todo), 0, 0
        self._over: set[str] = set()
        self._began, self._text = time.monotonic(), ""
        self._since: dict[str, float] = {}

    def begin(self, node_id: str) -> None:
        """A node runs."""
        self.now.append(node_id)
        self.most = max(self.most, len(self.now))
        self._since[node_id] = time.monotonic()

    def since(self, node_id: str) -> float:
        """The seconds since a node that runs began."""
        return round(time.monotonic() - self._since.get(node_id, self._began), 2)

    def spent(self, node_id: str) -> float:
        """The seconds that a node has run; 0 where it has not begun."""
        return self.since(node_id) if node_id in self._since else 0.0

    def remaining(self) -> list[str]:
        """The nodes that are still to be executed, or are now, in a run that goes on."""
        return [node_id for node_id in self._todo if node_id not in self._over] if self.mode and not self.dry else []

    def waits(self, node_id: str) -> bool:
        """Whether a node is still to be executed, in a run that goes on."""
        return bool(self.mode) and not self.dry and node_id in self._todo

    def finish(self, result: NodeResult) -> None:
        """Count a node that came out, and keep what should be read of it."""
        if result.node_id in self.now:
            self.now.remove(result.node_id)
        self._over.add(result.node_id)
        self.warned += bool(result.warnings) and result.status in CAME_OUT
        counted = result.node_id in self._todo and result.status in COUNTED
        self._done += counted
        self._spared += counted and result.status is ExecutionStatus.CACHED
        if result.status is ExecutionStatus.FAILED:
            self._note(result, result.error_message or "failed")
        for text in result.warnings if result.status is not ExecutionStatus.CACHED else ():
            self._note(result, text)

    def _note(self, result: NodeResult, text: str) -> None:
        if len(self.notes) < NOTES:
            self.notes.append((result.node_id, cut(esc_term(" ".join(text.split())), NOTE)))

    def end(self, event: RunFinished) -> None:
        """The run is over."""
        seconds = event.summary.total_duration
        if self.dry:
            named = cut(", ".join(self._todo), NOTE)
            self._text = f"dry run: {len(self._todo)} would run{f': {named}' if named else ''}"
        else:
            spared = f", {self._spared} not needed: inputs came out the same" if self._spared else ""
            stopped = ", stopped" if event.interrupted else ""
            warned = f", {plural(self.warned, 'warning')}" if self.warned else ""
            ran = f"{self._done - self._spared} of {len(self._todo)} run in {seconds:.1f} s"
            self._text = f"{ran}{warned}{spared}{stopped}"
        self.mode, self.now = "", []

    def __str__(self) -> str:
        if not self.mode:
            return self._text
        told = f"{self._done} of {len(self._todo)} done, {time.monotonic() - self._began:.1f} s"
        return " · ".join(filter(None, (told, ", ".join(self.now))))

    def to_dict(self) -> dict[str, Any]:
        """As the browser has it."""
        return {
            "mode": self.mode,
            "done": self._done,
            "todo": len(self._todo),
            "elapsed": round(time.monotonic() - self._began, 2) if self.mode else 0,
            "text": self._text,
            "warned": self.warned,
        }
