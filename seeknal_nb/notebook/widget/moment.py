"""How the nodes stood at one moment, which an output goes on showing when it is no longer live. Knows no widget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeknal_nb.draw.scene import edges_of, make_scene, nodes_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal_nb.draw import Picture

__all__ = ["Moment"]


@dataclass(frozen=True, slots=True)
class Moment:
    """A picture, and how its nodes stood.

    Attributes:
        run_id: The run that left them so; empty where the moment is not the end of one.
        at: Seconds since the epoch: when that run began, or the moment itself.
        version: The board's.
        picture: The nodes and edges.
        snapshot: The browser's, of then.
    """

    run_id: str
    at: float
    version: int
    picture: Picture
    snapshot: Mapping[str, Any]

    def told(self, title: str, scene: Mapping[str, Any] | None) -> dict[str, Any]:
        """What the browser is given, with this ``scene`` or else one of its own."""
        return {
            "nodes": {**nodes_of(self.picture, title), "version": self.version},
            "edges": edges_of(self.picture),
            "scene": scene or {**make_scene(self.picture).to_dict(), "version": 0},
            "snapshot": self.snapshot,
        }
