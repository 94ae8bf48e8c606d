"""What a build is, and the record that proves it: values and their bytes. Knows no node, no engine and no clock.

A build is a list of parts. A whole build has one part, whose key is the build's, and so has the build of one partition;
that of a node with partitions lists the parts of those. Files are named below the node's own directory: builds share them.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from seeknal_nb.engines import Relation, Schema
from seeknal_nb.storage.files import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

__all__ = [
    "AGAIN",
    "DATA",
    "FACTS",
    "OF_SOME",
    "RECORD",
    "Build",
    "File",
    "Part",
    "Partitioning",
    "build_digest",
    "read_record",
    "record_of",
]

DATA = "data.parquet"
RECORD = "build.json"
FACTS = "facts.json"
"""What the files of a source with partitions hold, by their content, beside its builds; it may be deleted."""
AGAIN = "again"
"""In the metadata of a partition's build: it was asked for again, though there was one."""
OF_SOME = "of_some"
"""Among the metadata of a build that a run of some partitions made: which these were."""
FORMAT = 2
_END = '{}, "checksum": "{}"}}'
_TAIL = len(_END.format("", "0" * 32))


@dataclass(frozen=True, slots=True)
class File:
    """A file of a build: its name below ``<outputs>/<kind>/<name>/``, its bytes' count, and their xxh3_128."""

    name: str
    size: int
    xxh3: str

    @property
    def base(self) -> str:
        """Its name in its build's directory."""
        return self.name.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Part:
    """The stored rows of one partition of a node, or all of them.

    Attributes:
        value: The partition; None where there is only one part, and for the partition of NULL.
        key: Under which it was built.
        rows: How many.
        digest: What readers' keys hold of it: the xxh3_128 of its bytes, or of former bytes with equal rows.
        schema: (column, SQL type) in order.
        files: Where the rows are, in order.
    """

    value: str | None
    key: str
    rows: int
    digest: str
    schema: Schema
    files: tuple[File, ...]


@dataclass(frozen=True, slots=True)
class Partitioning:
    """By what a node is cut: ``file``, ``hour`` to ``year`` of a column in a zone (of UTC it is empty), or a ``value``."""

    grain: str
    column: str = ""
    zone: str = ""

    def __post_init__(self) -> None:
        if self.zone.upper() == "UTC":
            object.__setattr__(self, "zone", "")


@dataclass(frozen=True, slots=True)
class Build:
    """One build of a node.

    Attributes:
        node_id: ``kind.name``.
        key: What it was built under.
        digest: ``build_digest`` of its parts; None where it has no data of its own.
        row_count: Rows of all parts; where there are none, what an executor told.
        path: Its directory; None where it has no data of its own.
        schema: (column, SQL type) in order.
        inputs: Digest of each input that it read.
        metadata: What the kind tells besides.
        parts: Its rows. Empty too where only the state was asked, which knows no more than the fields above.
        artefacts: Files besides, as a model.
        by: By what it is cut into parts; None for a whole build.
    """

    node_id: str
    key: str
    digest: str | None = None
    row_count: int | None = None
    path: Path | None = None
    schema: Schema = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    artefacts: tuple[File, ...] = ()
    by: Partitioning | None = None

    @property
    def identity(self) -> str:
        """What the keys of its readers hold: its digest, or its key where it has no data of its own."""
        return self.digest or self.key

    @property
    def files(self) -> tuple[File, ...]:
        """All of them, the parts' first."""
        return (*(file for part in self.parts for file in part.files), *self.artefacts)

    @property
    def lists(self) -> bool:
        """Whether its parts are builds of their own, each of one partition."""
        return self.by is not None and all(part.key != self.key for part in self.parts[:1])

    def relation(self, parts: Sequence[Part] | None = None) -> Relation:
        """The rows of its parts, or of some, as an engine reads them: files by equal schema, in the order of the parts."""
        if self.path is None:
            return Relation()
        groups: dict[Schema, list[str]] = {}
        directory = self.path.parent.absolute()
        for part in self.parts if parts is None else parts:
            groups.setdefault(part.schema, []).extend(str(directory / file.name) for file in part.files)
        return Relation(self.schema, tuple((schema, tuple(paths)) for schema, paths in groups.items()))


def told_of(build: Build | None) -> dict[str, Any]:
    """What was checked, measured and warned of, where there was any: it is told whenever the build is up to date."""
    metadata = {} if build is None else build.metadata
    return {name: metadata[name] for name in ("checks", "metrics", "warnings") if metadata.get(name)}


def build_digest(schema: Schema, parts: Iterable[Part], artefacts: Iterable[File], by: Partitioning | None = None) -> str:
    """One digest of a build's schema, of its parts in order, of its other files, and of what it is cut by."""
    told = [schema, [(part.value, part.digest) for part in parts], [(file.base, file.xxh3) for file in artefacts]]
    return digest(json.dumps(told if by is None else [*told, asdict(by)]))


def record_of(build: Build, seconds: float) -> bytes:
    """The bytes of the record: JSON, with a checksum of all that stands before it."""
    schemas = list(dict.fromkeys(part.schema for part in build.parts))
    told = {
        "version": FORMAT,
        "node_id": build.node_id,
        "key": build.key,
        "digest": build.digest,
        "row_count": build.row_count,
        "schema": build.schema,
        "by": None if build.by is None else asdict(build.by),
        "inputs": dict(build.inputs),
        "seconds": round(seconds, 6),
        "schemas": schemas,
        "parts": [[p.value, p.key, p.rows, p.digest, schemas.index(p.schema), _listed(p.files)] for p in build.parts],
        "artefacts": _listed(build.artefacts),
        "metadata": dict(build.metadata),
    }
    text = json.dumps(told, default=str).removesuffix("}")
    return _END.format(text, digest(text)).encode()


def _listed(files: Sequence[File]) -> list[tuple[str, int, str]]:
    return [(file.name, file.size, file.xxh3) for file in files]


def read_record(data: bytes, path: Path) -> Build:
    """The build that lies in a directory, as its record tells; raises ``ValueError`` for a record that is not whole."""
    try:
        record = json.loads(data)
        if record["version"] == 1:
            return _of_version_1(record, path)
        text = data[:-_TAIL].decode("ascii")
        if record["version"] != FORMAT or _END.format(text, digest(text)).encode() != data:
            raise ValueError("its checksum is another")
        schemas = [_schema(one) for one in record["schemas"]]
        parts = tuple(
            Part(value, key, rows, found, schemas[number], _files(files))
            for value, key, rows, found, number, files in record["parts"]
        )
        by = None if record["by"] is None else Partitioning(**record["by"])
        return Build(
            record["node_id"], record["key"], record["digest"], record["row_count"], path, _schema(record["schema"]),
            record["inputs"], record["metadata"], parts, _files(record["artefacts"]), by,
        )  # fmt: skip
    except (KeyError, TypeError, AttributeError, IndexError, UnicodeDecodeError) as error:
        raise ValueError(str(error)) from error


def _of_version_1(record: Mapping[str, Any], path: Path) -> Build:
    """A record without parts, whose digest is of bytes."""
    schema = _schema(record["schema"])
    files = {name: File(f"{path.name}/{name}", size, found) for name, (size, found) in record["files"].items()}
    data = files.pop(DATA)
    part = Part(None, record["key"], record["row_count"], data.xxh3, schema, (data,))
    return Build(
        record["node_id"], record["key"], record["digest"], record["row_count"], path, schema,
        record["inputs"], record["metadata"], (part,), tuple(files.values()),
    )  # fmt: skip


def _schema(found: Iterable[Any]) -> Schema:
    return tuple((name, kind) for name, kind in found)


def _files(found: Iterable[Any]) -> tuple[File, ...]:
    return tuple(File(name, size, xxh3) for name, size, xxh3 in found)
