"""What is told of a build besides its rows, from several sides: no metric and no warning is lost. Knows no kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["counted", "merged"]


def counted(by: str, *, total: int, built: int, kept: int, failed: Sequence[str | None] = ()) -> dict[str, Any]:
    """How many partitions there are, by what, how many of them were built and kept, and which failed."""
    told = {"by": by, "total": total, "built": built, "kept": kept}
    return {"partitions": {**told, "failed": list(failed)} if failed else told}


def merged(*parts: Mapping[str, Any]) -> dict[str, Any]:
    """All of it. Where two tell the same the last one counts, but metrics come together, and warnings follow one another."""
    metrics = {name: value for part in parts for name, value in part.get("metrics", {}).items()}
    warnings = [text for part in parts for text in part.get("warnings", ())]
    both = {name: value for name, value in (("metrics", metrics), ("warnings", warnings)) if value}
    return {name: value for part in parts for name, value in part.items() if name not in ("metrics", "warnings")} | both
