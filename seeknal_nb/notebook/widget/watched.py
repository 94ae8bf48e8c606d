"""A project whose nodes a board watches: what a widget needs of it. Knows no widget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal_nb import project

if TYPE_CHECKING:
    from collections.abc import Callable

    from seeknal_nb.notebook.widget.board import Board
    from seeknal_nb.workflow.background import BackgroundRun
    from seeknal_nb.workflow.request import Request

__all__ = ["WatchedProject"]


class WatchedProject(project.Project):
    """See ``seeknal_nb.project.Project``.

    Attributes:
        cell_id_of: Gives the id that the front end has for the cell that defines a node, where it is known.
    """

    cell_id_of: Callable[[str], str | None] = staticmethod(lambda _node_id: None)
    _board: Board | None = None

    @property
    def board(self) -> Board:
        """How the nodes stand, as runs and looks at the graph tell it from now on."""
        if self._board is None:
            from seeknal_nb.notebook.widget.board import Board  # noqa: PLC0415 - only who looks needs it

            self._board = Board(self)
            self.listeners.insert(0, self._board.take)  # before who tells of it
        return self._board

    def start(self, request: Request | None = None, **given: Any) -> BackgroundRun:
        """See ``seeknal_nb.project.Project.start``; the board hears the run from the beginning."""
        self.board  # noqa: B018 - it is made, and hears
        return super().start(request, **given)

    def look_again(self) -> None:
        """Look how the nodes stand, where something may have changed since the last look."""

    def select_nodes(self, selector: str) -> list[str]:
        """Select on the board what a text of the selector grammar names now; gives the ids. An empty one selects nothing."""
        found = self.look().select(selector) if selector.strip() else []
        if not self.board.index.keys() >= set(found):  # a node of a moment ago, which the board has not followed yet
            self.board.look()
        self.board.selected = [self.board.index[node_id] for node_id in found]
        return found
