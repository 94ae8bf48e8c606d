"""The outputs that show one project's graph: the newest is live, each one before it shows what its last run left."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from seeknal_nb.notebook.widget.watched import WatchedProject
    from seeknal_nb.notebook.widget.widget import GraphWidget

__all__ = ["Outputs"]

MOST: Final = 20
"""Outputs that show an earlier moment. Of those before them the drawing stays, which the notebook keeps: a cell that is run
a hundred times would else hold a hundred graphs in the page."""


class Outputs:
    """Makes the widgets of one project, one an output, and says which of them is live.

    A run that has an output of its own, as ``%seeknal run`` has, freezes the one that was live. Clicks, ``project.run()``
    and handles that nobody displays run in the one that is live.

    Args:
        project: Has the nodes and their board.
        renew: Brings the drawing that the notebook keeps of the live one up to date.
    """

    def __init__(self, project: WatchedProject, renew: Callable[[], None]) -> None:
        self._project, self._renew = project, renew
        self._lock = threading.RLock()
        self._past: deque[GraphWidget] = deque()
        self.live: GraphWidget | None = None

    @property
    def widget(self) -> GraphWidget:
        """The live one; made where there is none yet."""
        return self.live or self.new()

    def new(self, run_id: str = "") -> GraphWidget:
        """Another one, which is live from now on; ``run_id`` is the run whose output it is, where that has begun."""
        from seeknal_nb.notebook.widget.widget import GraphWidget  # noqa: PLC0415 - a quarter of a second

        with self._lock:
            before = self.live
            self._retire(run_id)
            if run_id:  # what was selected before would stand out in it, and all that runs be pale
                self._project.board.selected = []
            self.live = GraphWidget(self._project, self, like=before)
            return self.live

    def show_now(self, widget: GraphWidget) -> None:
        """Make one that shows an earlier moment the live one; the other way round for that which was."""
        with self._lock:
            if widget in self._past:
                self._retire("")
                self._past.remove(widget)
                self.live = widget
                widget.thaw()

    def renew(self, widget: GraphWidget) -> None:
        """Bring what the notebook keeps up to date, where this is the live one."""
        if widget is self.live:
            self._renew()

    def close(self) -> None:
        """Take all of them away."""
        with self._lock:
            for widget in [*self._past, *([self.live] if self.live else [])]:
                widget.close()
            self._past.clear()
            self.live = None

    def _retire(self, run_id: str) -> None:
        """The live one is so no longer: at once, or when the run that it shows has ended."""
        if self.live is None:
            return
        board = self._project.board
        its_own = bool(run_id) and run_id == board.run_id
        if board.progress.mode and not its_own:
            self.live.retire()
        else:
            self.live.freeze(run_id)
        self._past.append(self.live)
        while len(self._past) > MOST:
            self._past.popleft().close()
