"""The engine ``toy``: DuckDB under another name, which keys then tell apart."""

from pathlib import Path
from typing import Any

from seeknal_nb.engines.duckdb import DuckDB

__all__ = ["ToyEngine"]


class ToyEngine(DuckDB):
    """An engine has ``session(inputs)``, ``same_rows``, ``interrupt`` and ``close``; this one takes DuckDB's."""

    name = "toy"

    def __init__(self, *, spill: Path | None = None, **share: Any) -> None:
        super().__init__(spill=spill, **share)
