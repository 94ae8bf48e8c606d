"""One record a run, and what its nodes printed, below ``target/runs``. Nothing reads it to decide."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from seeknal_nb.markup import esc_term, overwritten
from seeknal_nb.storage.files import io_errors, write_atomic, write_changed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from seeknal_nb.dag.manifest import Manifest
    from seeknal_nb.storage.builds import Build
    from seeknal_nb.workflow.events import ExecutionSummary, NodeResult

__all__ = [
    "LAST",
    "PARTIAL",
    "TIMED",
    "RunRecord",
    "forgotten",
    "good_seconds",
    "keep_rename",
    "newest_records",
    "number_of",
    "read_history",
    "read_log",
    "renames",
    "runs_by_node",
    "runs_of",
    "usual",
    "usual_seconds",
]

LAST = "last_manifest.json"
"""The manifest of the last run that finished: what ``diff`` compares with."""
LEAST, MOST, DAYS = 100, 1000, 365
"""Of how many runs the records stay in any case, and at most; those in between for so long."""
PARTIAL = "partial"
"""The folder of the records of runs of some partitions, which say nothing of the whole."""
TIMED = 5
"""Executions that tell how long a node usually takes."""
AHEAD = 5
"""Records among which the last one is looked for."""
FORGOTTEN = "forgotten.json"
RENAMES = "renames.jsonl"
_NUMBER = re.compile(rb'"number": (\d+)')
LATEST = 1e11
"""Seconds since the epoch that no clock has reached; a record from beyond is broken."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run that has begun: where its record goes, since when (seconds since the epoch), and what it was asked for."""

    directory: Path
    run_id: str
    command: str
    since: float
    asked: Mapping[str, Any] | None = None

    @classmethod
    def begin(cls, directory: Path, command: str, asked: Mapping[str, Any] | None = None) -> RunRecord:
        """Writes nothing yet. Records that are sorted by their names are sorted by time."""
        now = datetime.now(UTC)
        run_id = f"{now:%Y%m%dT%H%M%S}-{now.microsecond:05x}{os.urandom(1).hex()[0]}"
        return cls(directory, run_id, command, now.timestamp(), asked)

    def finish(
        self, summary: ExecutionSummary, *, interrupted: bool, builds: Mapping[str, Build], partly: Collection[str] = ()
    ) -> None:
        """Write the record, with the results of what was executed, and their logs.

        Args:
            summary: What came of it.
            interrupted: Whether somebody stopped it.
            builds: By node id, those that it made, or took up again.
            partly: Ids of nodes of which it was about some partitions: then its record lies apart, and only that of the
                other nodes, if they did anything, beside those of other runs.
        """
        if partly:
            replace(self, directory=self.directory / PARTIAL).finish(summary, interrupted=interrupted, builds=builds)
            done = [result for result in summary.results if result.attempts and result.node_id not in partly]
            if not done:
                return
            summary = summary.of(done, runs=[r.node_id for r in done], duration=sum(r.duration for r in done))
            builds = {node_id: build for node_id, build in builds.items() if node_id not in partly}
        executed = [result for result in summary.results if result.attempts]
        record = {
            "run_id": self.run_id,
            "number": _next_number(self.directory),
            "command": self.command,
            "started": self.since,
            "interrupted": interrupted,
            **({"asked": self.asked} if self.asked is not None else {}),
            "totals": summary.totals(),
            "builds": {node_id: [build.key, build.identity] for node_id, build in builds.items()},
            "results": [_told(result) for result in executed],
        }
        write_atomic(self.directory / f"{self.run_id}.json", json.dumps(record, default=str).encode("utf-8", "replace"))
        for result in executed:
            if result.metadata.get("output"):
                text = esc_term(overwritten(result.metadata["output"]))
                log = self.directory / self.run_id / f"{result.node_id}.log"
                write_atomic(log, text.encode("utf-8", "replace"), within=self.directory)
        _prune(self.directory)

    def keep_manifest(self, manifest: Manifest, target: Path) -> None:
        """``target/manifest.json``, and the copy that ``diff`` compares with."""
        data = manifest.to_bytes()
        write_changed(target / "manifest.json", data, keep_old=True)
        write_changed(self.directory / LAST, data, keep_old=False)


def _told(result: NodeResult) -> dict[str, Any]:
    told = result.to_dict()
    told["metadata"] = {name: value for name, value in result.metadata.items() if name != "output"}
    return told


def keep_rename(directory: Path, at: float, old: str, new: str, keys: Mapping[str, tuple[str, str]]) -> None:
    """Remember that a node has another name since then, and by node the former key and the new one of builds that stayed."""
    text = json.dumps({"at": at, "old": old, "new": new, "keys": keys}) + "\n"
    with io_errors("write", directory / RENAMES):
        directory.mkdir(parents=True, exist_ok=True)
        with (directory / RENAMES).open("a", encoding="utf-8") as file:
            file.write(text)


def renames(directory: Path) -> list[dict[str, Any]]:
    """The renames in this folder, the first one first, as ``keep_rename`` had them; a line that is broken is left out."""
    found: list[dict[str, Any]] = []
    with contextlib.suppress(OSError, UnicodeDecodeError):
        for line in (directory / RENAMES).read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(ValueError):
                one = json.loads(line)
                if isinstance(one, dict) and {"at", "old", "new", "keys"} <= one.keys() and isinstance(one["keys"], dict):
                    found.append(one)
    return found


def _as_called_now(record: dict[str, Any], later: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """A record in which a node that was renamed since stands under its new name, too, and its build under its new key.

    Builds do so after the rename, too: what reads the node may have been run before it was edited.
    """
    results, builds = record.get("results"), record.get("builds")
    for one in later:
        old, new = one["old"], one["new"]
        results = [*(results if isinstance(results, list) else ())]
        named = {r.get("node_id"): r for r in results if isinstance(r, dict)}
        before = record["started"] < one["at"]
        if before and old in named and new not in named:  # it may have been renamed twice, first to see the lines
            results.append({"logged": old, **named[old], "node_id": new})
        builds = {**(builds if isinstance(builds, dict) else {})}
        if before and old in builds:
            builds.setdefault(new, builds[old])
        for node_id, (former, key) in one["keys"].items():
            made = builds.get(node_id)
            if isinstance(made, list) and made[:1] == [former]:
                builds[node_id] = [key, *made[1:]]
    return {**record, "results": results, "builds": builds}


def read_history(directory: Path, *, most: int | None = 50) -> list[dict[str, Any]]:
    """The records of the last runs, or of all, the newest first, each with its ``number``, which counts from 1.

    One that cannot be read is left out.
    """
    paths, later = sorted(directory.glob("*T*.json"), reverse=True), renames(directory)
    known, number = list[dict[str, Any]](), len(paths) + 1
    for path in paths if most is None else paths[: 2 * most]:
        record, number = _record(path), number - 1  # records of earlier versions have none
        if record is not None:
            number = _number_in(record, number)
            known.append({**_as_called_now(record, later), "number": number})
    return sorted(known, key=lambda record: float(record["started"]), reverse=True)[:most]


def newest_records(directory: Path) -> Iterator[dict[str, Any]]:
    """The records of all runs, the newest first, each read when it is asked for."""
    found = map(_record, sorted(directory.glob("*T*.json"), reverse=True))
    return (record for record in found if record is not None)


def number_of(directory: Path, run_id: str) -> int:
    """Which of the runs in this folder it was, counted from 1; of one that has no record, which it would be."""
    before = sum(path.stem < run_id for path in directory.glob("*T*.json"))
    return _number_at_head(directory / f"{run_id}.json") or before + 1


def _next_number(directory: Path) -> int:
    """One more than that of the last run; a clock that was ahead makes a few records the newest ones for ever."""
    paths = sorted(directory.glob("*T*.json"), reverse=True)
    last = [_number_at_head(path) for path in paths[:AHEAD]]
    return max([*last, _number_at_head(directory / FORGOTTEN)]) + 1 if any(last) else len(paths) + 1


def _number_at_head(path: Path) -> int:
    """The number in a record, of which the rest need not be read: it may be megabytes; 0 where it has none."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        found = _NUMBER.search(file.read(200))
        return int(found[1]) if found else 0
    return 0


def _number_in(record: Mapping[str, Any] | None, otherwise: int) -> int:
    """The number that a record has, which somebody else may have written; those of earlier versions have none."""
    number = (record or {}).get("number")
    return number if type(number) is int else otherwise


def _prune(directory: Path) -> None:
    """Forget the runs before the last ``MOST``, and those of more than ``DAYS`` ago before the last ``LEAST``."""
    paths = sorted(directory.glob("*T*.json"))[:-LEAST]
    since = f"{datetime.now(UTC) - timedelta(days=DAYS):%Y%m%d}"
    beyond = len(paths) + LEAST - MOST
    gone = [path for at, path in enumerate(paths) if at < beyond or path.stem < since]
    if gone:
        write_atomic(directory / FORGOTTEN, json.dumps(_together(directory, gone)).encode())
    for path in gone:
        with contextlib.suppress(OSError):
            shutil.rmtree(path.with_suffix(""), ignore_errors=True)
            path.unlink()


def _together(directory: Path, gone: Iterable[Path]) -> dict[str, Any]:
    """What stays of these runs, the first one first: by node, the last build, and the last good result."""
    found = _forgotten(directory)
    number, builds = found.get("number", 0), dict(found.get("builds") or {})
    results = {str(result.get("node_id")): result for result in found.get("results") or ()}
    for record in filter(None, map(_record, gone)):
        number = _number_in(record, number + 1)
        builds |= record["builds"] if isinstance(record.get("builds"), dict) else {}
        told = record.get("results")
        good = [r for r in told if isinstance(r, dict) and r.get("status") == "success"] if isinstance(told, list) else []
        results |= {str(result.get("node_id")): result for result in good}
    return {"run_id": "", "started": 0.0, "number": number, "builds": builds, "results": list(results.values())}


def _forgotten(directory: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        found = json.loads((directory / FORGOTTEN).read_bytes())
        return found if isinstance(found, dict) else {}
    return {}


def forgotten(directory: Path) -> list[dict[str, Any]]:
    """One record for all runs that have none any more, with the last that they made; none where there are no such runs."""
    found = _forgotten(directory)
    return [_as_called_now(found, renames(directory))] if found else []


def runs_by_node(records: Iterable[Mapping[str, Any]], *, most: int = 10) -> dict[str, list[dict[str, Any]]]:
    """The first ``most`` executions of each node in records that ``read_history`` gave, by the node's id.

    Keys: run_id, started (epoch seconds, of the run), status, duration (seconds), row_count, reason, warned, where, and the
    id under which its log is kept (logged).
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        results = record.get("results")
        for result in results if isinstance(results, list) else ():
            runs = found.setdefault(str(result.get("node_id")), []) if isinstance(result, dict) else []
            if isinstance(result, dict) and len(runs) < most:
                runs.append({"run_id": record["run_id"], "started": float(record["started"]), **_execution(result)})
    return found


def runs_of(directory: Path, node_id: str, *, most: int = 10, searched: int = 50) -> list[dict[str, Any]]:
    """The last executions of one node, the newest first, as ``runs_by_node`` has them; reads no further than it must."""
    later, found, called = renames(directory), list[dict[str, Any]](), {node_id}
    for one in reversed(later):
        called |= {one["old"]} if one["new"] in called else set()
    names = [json.dumps(name)[1:-1].encode() for name in called]
    for path in sorted(directory.glob("*T*.json"), reverse=True)[:searched]:
        with contextlib.suppress(OSError):
            data = path.read_bytes()
            record = _record(path) if any(name in data for name in names) else None
            found += runs_by_node([_as_called_now(record, later)] if record is not None else []).get(node_id, ())
        if len(found) >= most:
            break
    return found[:most]


def usual_seconds(records: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """By node id, the median of what its last ``TIMED`` good executions took; the newest record comes first."""
    return {node_id: usual(seconds) for node_id, seconds in good_seconds(records).items()}


def usual(seconds: Sequence[float]) -> float:
    """What an execution usually takes, by the last ones, the newest first: one that was odd counts for nothing."""
    from statistics import median  # noqa: PLC0415 - 3 ms, and a run needs none

    return median(seconds[:TIMED])


def good_seconds(records: Iterable[Mapping[str, Any]]) -> dict[str, list[float]]:
    """By node id, what its last ``TIMED`` good executions took, the newest first; the newest record comes first."""
    found: dict[str, list[float]] = {}
    for node_id, runs in runs_by_node(records, most=5 * TIMED).items():
        good = [run["duration"] for run in runs if run["status"] == "success" and run["duration"] is not None]
        if good:
            found[node_id] = good[:TIMED]
    return found


def _execution(result: Mapping[str, Any]) -> dict[str, Any]:
    """One result of a record, which somebody else may have written."""
    return {
        "status": str(result.get("status") or ""),
        "reason": str(result.get("reason") or ""),
        "duration": _number(result.get("duration")),
        "row_count": _number(result.get("row_count")),
        "warned": bool(isinstance(told := result.get("metadata"), dict) and told.get("warnings")),
        "logged": str(result.get("logged") or result.get("node_id")),
        "where": str(result.get("where") or ""),
    }


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and math.isfinite(value) else None


def read_log(directory: Path, run_id: str, node_id: str) -> str:
    """What a node printed in a run; empty where it printed nothing."""
    path = directory / run_id / f"{node_id}.log"
    with contextlib.suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace") if path.parent.parent == directory else ""
    return ""


def _record(path: Path) -> dict[str, Any] | None:
    try:
        record: dict[str, Any] = json.loads(path.read_bytes())
        whole = isinstance(record["run_id"], str) and 0 <= record["started"] < LATEST and "command" in record
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    totals = record.get("totals")
    return record if whole and isinstance(totals, dict) and _number(totals.get("duration")) is not None else None
