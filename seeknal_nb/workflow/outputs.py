"""Where builds lie: one directory under its key, published by one rename, proved by its own record.

``<root>/<kind>/<name>/<key>/`` holds data.parquet, build.json and a model's artefacts (DESIGN.md section 7). Nothing
here knows how data is made or when it is stale.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.fingerprint import digest
from seeknal_nb.files import TEMPORARY, Signature, digest_file, io_errors, signature, sync, temporary_name

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["DATA", "RECORD", "Build", "Garbage", "OutputStore"]

DATA = "data.parquet"
RECORD = "build.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Build:
    """One proven build of a node.

    Attributes:
        node_id: ``kind.name``.
        key: What it was built under.
        digest: xxh3_128 of its data, which its consumers' keys hold; None where it has no data of its own.
        row_count: Rows of data.parquet.
        path: Its directory; None where it has no data of its own.
        schema: (column, SQL type) in order.
        inputs: Digest of each input that it read.
        metadata: What the kind tells besides.
        signatures: Stat signature of each of its files, to be compared next time.
    """

    node_id: str
    key: str
    digest: str | None = None
    row_count: int | None = None
    path: Path | None = None
    schema: tuple[tuple[str, str], ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    signatures: Mapping[str, Signature] = field(default_factory=dict)

    @property
    def data(self) -> Path | None:
        """The Parquet file."""
        return self.path / DATA if self.path else None


@dataclass(frozen=True, slots=True)
class Garbage:
    """A directory that no node needs: its path, what it holds in bytes, and why it may go."""

    path: Path
    size: int
    why: str


class OutputStore:
    """All builds below one directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._unsynced: list[Path] = []
        self._made: set[Path] = set()

    def directory(self, node_id: str, key: str) -> Path:
        """Where the build of that key lies, or would."""
        kind, _, name = node_id.partition(".")
        return self.root / kind / name / key

    def stage(self, node_id: str, key: str) -> Path:
        """A fresh directory beside the build to come; to be published, or discarded."""
        final = self.directory(node_id, key)
        stage = final.with_name(temporary_name(key))
        with io_errors("write", stage):
            if final.parent not in self._made:
                final.parent.mkdir(parents=True, exist_ok=True)
                self._made.add(final.parent)
            stage.mkdir()
        return stage

    def discard(self, stage: Path) -> None:
        """Take a staged directory away."""
        shutil.rmtree(stage, ignore_errors=True)

    def publish(self, stage: Path, build: Build, *, seconds: float) -> Build:
        """Make the staged files the build of its key; a former build of this key gives way.

        Raises:
            StateError: The disk refuses.
        """
        final = self.directory(build.node_id, build.key)
        with io_errors("write", final):
            files = {p.name: (p.stat().st_size, digest_file(p)) for p in sorted(stage.iterdir())}
            found = files[DATA][1] if list(files) == [DATA] else digest(json.dumps(files))
            record = _record(build, found, files, seconds)
            (stage / RECORD).write_bytes(record)
            self._swap(stage, final)
            signatures = _signatures(final, [*files, RECORD])
        self._unsynced += [*(final / name for name in files), final / RECORD, final, final.parent]
        return Build(
            build.node_id, build.key, found, build.row_count, final, build.schema, build.inputs, build.metadata, signatures
        )

    def _swap(self, stage: Path, final: Path) -> None:
        try:
            stage.rename(final)
        except OSError:
            if not final.exists():
                raise
            former = final.with_name(temporary_name(final.name))
            final.rename(former)
            stage.rename(final)
            shutil.rmtree(former, ignore_errors=True)

    def sync(self) -> None:
        """Bring to the disk what was published since the last time."""
        paths, self._unsynced = dict.fromkeys(self._unsynced), []
        for path in paths:
            with contextlib.suppress(FileNotFoundError), io_errors("sync", path):
                sync(path)

    def find(
        self, node_id: str, key: str, known: Mapping[str, Signature] | None = None, *, verify: bool = False
    ) -> Build | None:
        """The build of that key, where its record is whole, names this key, and its files are what the record says.

        Args:
            node_id: ``kind.name``.
            key: The key asked for.
            known: Stat signatures under which the files were proved; equal ones are not hashed again.
            verify: Hash them all the same.
        """
        directory = self.directory(node_id, key)
        try:
            record = json.loads((directory / RECORD).read_bytes())
            build = _from_record(record, directory, _signatures(directory, [*record["files"], RECORD]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        if build.node_id != node_id or build.key != key:
            return None
        if not verify and known and dict(build.signatures) == known:
            return build
        return build if _proved(record, directory) else None

    def whole(self, build: Build) -> Build:
        """A build that was proved by its files' stats alone, with what its record tells besides."""
        if build.path is None or build.schema or build.metadata:
            return build
        try:
            return _from_record(json.loads((build.path / RECORD).read_bytes()), build.path, build.signatures)
        except (OSError, ValueError, KeyError, TypeError):
            return build

    def before(self, node_id: str, key: str) -> Build | None:
        """The newest build of the node that is older than the one of that key."""
        this = signature(self.directory(node_id, key) / RECORD)
        found = [(signature(p / RECORD), p.name) for p in self.directory(node_id, key).parent.iterdir() if p.name != key]
        older = sorted((s[1], name) for s, name in found if s and this and s[1] < this[1])
        return self.find(node_id, older[-1][1]) if older else None

    def intact(self, node_id: str, key: str, known: Mapping[str, Signature]) -> bool:
        """Whether nobody has touched the files of a build since they were proved; a stat a file."""
        prefix = f"{self.directory(node_id, key)}{os.sep}"
        return bool(known) and all(signature(prefix + name) == found for name, found in known.items())

    def remove_leftovers(self) -> None:
        """Take away what dead runs staged; only for the holder of the run's lock."""
        for path in self.root.glob(f"*/*/{TEMPORARY}*"):
            shutil.rmtree(path, ignore_errors=True)
        for folder in ("", "state", "runs"):
            for path in (self.root.parent / folder).glob(f"{TEMPORARY}*"):
                path.unlink(missing_ok=True)

    def garbage(self, needed: Mapping[str, Collection[str]], *, keep: int = 0) -> list[Garbage]:
        """Builds that no node needs, oldest last, beyond the newest ``keep`` of each node.

        Args:
            needed: Keys by node id; a node that is not in it is gone from the pipeline.
            keep: How many others to keep a node.
        """
        found = []
        for directory in sorted(self.root.glob("*/*")) if self.root.is_dir() else ():
            node_id = f"{directory.parent.name}.{directory.name}"
            keys = needed.get(node_id)
            spare = [
                p for p in directory.iterdir() if (keys is None or p.name not in keys) and not p.name.startswith(TEMPORARY)
            ]
            spare.sort(key=lambda p: p.stat().st_mtime_ns, reverse=True)
            why = "an earlier version" if keys is not None else "its node is gone"
            found += [Garbage(p, _size(p), why) for p in spare[keep if keys is not None else 0 :]]
        return found

    def remove(self, garbage: Collection[Garbage]) -> None:
        """Delete directories that ``garbage`` listed, and parents that are empty then."""
        self._made.clear()
        for item in garbage:
            shutil.rmtree(item.path, ignore_errors=True)
            with contextlib.suppress(OSError):
                item.path.parent.rmdir()
                item.path.parent.parent.rmdir()


def _record(build: Build, found: str, files: Mapping[str, tuple[int, str]], seconds: float) -> bytes:
    return json.dumps(
        {
            "version": FORMAT,
            "node_id": build.node_id,
            "key": build.key,
            "digest": found,
            "row_count": build.row_count,
            "schema": build.schema,
            "inputs": dict(build.inputs),
            "seconds": round(seconds, 6),
            "files": files,
            "metadata": dict(build.metadata),
        },
        default=str,
    ).encode("utf-8", "replace")


def _from_record(record: dict[str, Any], directory: Path, signatures: Mapping[str, Signature]) -> Build:
    return Build(
        record["node_id"],
        record["key"],
        record["digest"],
        record["row_count"],
        directory,
        tuple((name, kind) for name, kind in record["schema"]),
        record["inputs"],
        record["metadata"],
        signatures,
    )


def _signatures(directory: Path, names: Collection[str]) -> dict[str, Signature]:
    found = {name: signature(directory / name) for name in names}
    return {name: one for name, one in found.items() if one is not None}


def _proved(record: dict[str, Any], directory: Path) -> bool:
    try:
        return all(
            name == Path(name).name and (directory / name).stat().st_size == size and digest_file(directory / name) == found
            for name, (size, found) in record["files"].items()
        )
    except OSError:
        return False


def _size(path: Path) -> int:
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file()) if path.is_dir() else path.stat().st_size
