"""One record a run, and what its nodes printed, below ``target/runs``. Nothing reads it to decide."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.manifest import write_changed
from seeknal_nb.files import write_atomic
from seeknal_nb.markup import esc_term

if TYPE_CHECKING:
    from pathlib import Path

    from seeknal_nb.dag.manifest import Manifest
    from seeknal_nb.workflow.events import ExecutionSummary, NodeResult

__all__ = ["LAST", "RunRecord", "read_history"]

LAST = "last_manifest.json"
"""The manifest of the last run that finished: what ``diff`` compares with."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run that has begun: where its record goes, and since when (seconds since the epoch)."""

    directory: Path
    run_id: str
    command: str
    since: float

    @classmethod
    def begin(cls, directory: Path, command: str) -> RunRecord:
        """Writes nothing yet."""
        now = time.time()
        stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%S")
        return cls(directory, f"{stamp}-{secrets.token_hex(3)}", command, now)

    def finish(self, summary: ExecutionSummary, *, interrupted: bool) -> None:
        """Write the record, with the results of what was executed, and their logs."""
        executed = [result for result in summary.results if result.attempts]
        record = {
            "run_id": self.run_id,
            "command": self.command,
            "started": self.since,
            "interrupted": interrupted,
            "totals": summary.totals(),
            "results": [_told(result) for result in executed],
        }
        write_atomic(self.directory / f"{self.run_id}.json", json.dumps(record, default=str).encode("utf-8", "replace"))
        for result in executed:
            if result.metadata.get("output"):
                text = esc_term(result.metadata["output"])
                write_atomic(self.directory / self.run_id / f"{result.node_id}.log", text.encode("utf-8", "replace"))

    def keep_manifest(self, manifest: Manifest, target: Path) -> None:
        """``target/manifest.json``, and the copy that ``diff`` compares with."""
        data = manifest.to_bytes()
        write_changed(target / "manifest.json", data, keep_old=True)
        write_changed(self.directory / LAST, data, keep_old=False)


def _told(result: NodeResult) -> dict[str, Any]:
    told = result.to_dict()
    told["metadata"] = {name: value for name, value in result.metadata.items() if name != "output"}
    return told


def read_history(directory: Path, *, most: int = 50) -> list[dict[str, Any]]:
    """The records of the last runs, the newest first; one that cannot be read is left out."""
    records = [_record(path) for path in sorted(directory.glob("*T*.json"), reverse=True)[: 2 * most]]
    known = [record for record in records if record is not None]
    return sorted(known, key=lambda record: float(record["started"]), reverse=True)[:most]


def _record(path: Path) -> dict[str, Any] | None:
    try:
        record: dict[str, Any] = json.loads(path.read_bytes())
        whole = isinstance(record["started"], (int, float)) and {"run_id", "command"} <= record.keys()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return record if whole and "duration" in record.get("totals", ()) else None
