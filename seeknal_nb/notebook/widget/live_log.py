"""What a node prints while it runs: told to the page for the one node whose details are open. Knows no widget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from seeknal_nb.status import ExecutionStatus
from seeknal_nb.views.printed import last_printed

if TYPE_CHECKING:
    from collections.abc import Callable

    from seeknal_nb.notebook.widget.board import Board

__all__ = ["EVERY", "LiveLog"]

EVERY: Final = 0.5
"""Seconds between two messages: nobody reads faster."""


class LiveLog:
    """The log that a reader follows.

    Args:
        board: Knows which nodes run.
        send: Tells the page something.
    """

    def __init__(self, board: Board, send: Callable[[dict[str, Any]], None]) -> None:
        self._board, self._send = board, send
        self._node_id, self._told = "", ""

    def follow(self, node_id: str) -> None:
        """From now on this node's; empty for none."""
        self._node_id, self._told = node_id, ""

    def tell(self) -> None:
        """Send what has come since, if the node runs."""
        node_id = self._node_id
        at, result = self._board.found(node_id) or (-1, None)
        if result is None or result.status is not ExecutionStatus.RUNNING:
            return
        text = last_printed(node_id)
        if text and text != self._told:
            self._told = text
            self._send({"k": "log", "i": at, "text": text})
