"""What is told of a build besides its rows, from several sides: no metric and no warning is lost. Knows no kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["merged"]


def merged(*parts: Mapping[str, Any]) -> dict[str, Any]:
    """All of it. Where two tell the same the last one counts, but metrics come together, and warnings follow one another."""
    metrics = {name: value for part in parts for name, value in part.get("metrics", {}).items()}
    warnings = [text for part in parts for text in part.get("warnings", ())]
    both = {name: value for name, value in (("metrics", metrics), ("warnings", warnings)) if value}
    return {name: value for part in parts for name, value in part.items() if name not in ("metrics", "warnings")} | both
