"""The picture of each kind of node: one stroke before its name. Knows no node; a kind without a picture has a diamond."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ICONS", "OTHER", "WIDTH", "icon_of"]

WIDTH: Final = 1.4
"""Of the stroke."""
OTHER: Final = "M0-6L6 0L0 6L-6 0Z"

ICONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "source": "M-5.5-4A5.5 2 0 1 0 5.5-4A5.5 2 0 1 0-5.5-4V4A5.5 2 0 0 0 5.5 4V-4M-5.5 0A5.5 2 0 0 0 5.5 0",
        "transform": (
            "M-6.5-3.5H-3.8L2.2 3.5H6M-6.5 3.5H-3.8L-1.8 1.2M.6-1.6L2.2-3.5H6"
            "M4.2-5.5L6.2-3.5L4.2-1.5M4.2 1.5L6.2 3.5L4.2 5.5"
        ),
        "feature_group": "M-6-5H6V5H-6ZM-6-1.7H6M-6 1.7H6M-2-5V5",
        "model": (
            "M-6.2 0A2 2 0 1 0-2.2 0A2 2 0 1 0-6.2 0M2.4-4A1.9 1.9 0 1 0 6.2-4A1.9 1.9 0 1 0 2.4-4"
            "M2.4 4A1.9 1.9 0 1 0 6.2 4A1.9 1.9 0 1 0 2.4 4M-2.4-.9L2.6-3.1M-2.4 .9L2.6 3.1"
        ),
        "aggregation": "M4.5-3.6V-5.5H-4.5L.6 0L-4.5 5.5H4.5V3.6",
        "rule": "M0-6.5L5.5-4.5V0C5.5 3.2 3 5.4 0 6.5C-3 5.4-5.5 3.2-5.5 0V-4.5ZM-2.4 0L-.6 1.9L2.6-1.7",
        "exposure": "M-3-1.5H-5.5V6H5.5V-1.5H3M0 2.5V-6M-2.8-3.2L0-6L2.8-3.2",
        "profile": "M-6 5.5H6M-4 5.5V1M0 5.5V-5.5M4 5.5V-1.5",
        "second_order_aggregation": "M1-4V-5.5H-6.5L-2.2 0L-6.5 5.5H1V4M3-3H6.5L3 3H6.5",
        "semantic_model": "M-5-6H2L5-3V6H-5ZM-2.4-.8H2.4M-2.4 2.6H2.4",
        "metric": "M-6 4A6 6 0 1 1 6 4M0 4L3-1.5",
    }
)
"""SVG path data, about 13 x 13 round 0, by the kind's name."""


def icon_of(kind: str) -> str:
    """The path of a kind, another program's too."""
    return ICONS.get(kind, OTHER)
