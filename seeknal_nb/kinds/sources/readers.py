"""Files that a source reads: their formats, the options of DuckDB's readers, and which files a path means; runs nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import ManifestError, NodeError, near
from seeknal_nb.kinds.paths import matches
from seeknal_nb.sql.text import exactly, literal
from seeknal_nb.storage.files import signature

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeknal_nb.dag.manifest import Node

__all__ = [
    "READERS",
    "check_files",
    "check_options",
    "check_there",
    "ending",
    "files_named",
    "format_of",
    "options_of",
    "path_of",
    "relation",
]  # fmt: skip

_FILES = frozenset({"filename", "hive_partitioning", "hive_types", "hive_types_autocast", "union_by_name", "compression"})
_CSV = _FILES | {
    "all_varchar", "allow_quoted_nulls", "auto_detect", "auto_type_candidates", "buffer_size", "column_names",
    "column_types", "columns", "comment", "date_format", "dateformat", "decimal_separator", "delim", "dtypes", "encoding",
    "escape", "files_to_sniff", "force_not_null", "header", "ignore_errors", "max_line_size", "maximum_line_size", "names",
    "new_line", "normalize_names", "null_padding", "nullstr", "parallel", "quote", "rejects_limit", "sample_size", "sep",
    "skip", "store_rejects", "strict_mode", "thousands", "timestamp_format", "timestampformat", "types",
}  # fmt: skip
_PARQUET = _FILES | {"binary_as_string", "encryption_config", "explicit_cardinality", "file_row_number"}
_JSON = _FILES | {
    "auto_detect", "columns", "convert_strings_to_integers", "date_format", "dateformat", "field_appearance_threshold",
    "format", "ignore_errors", "map_inference_threshold", "maximum_depth", "maximum_object_size", "maximum_sample_files",
    "records", "sample_size", "timestamp_format", "timestampformat",
}  # fmt: skip
SPELLED = {
    "delimiter": "delim",
    "separator": "delim",
    "null": "nullstr",
    "null_str": "nullstr",
    "na": "nullstr",
    "sheet_name": "sheet",
}
"""Spellings of options in projects of the peer and of pandas, as DuckDB's readers call them."""


@dataclass(frozen=True, slots=True)
class Reader:
    """How a format is read.

    Attributes:
        endings: Of its files: the first ending tells the format of a path, all tell what a folder holds of it.
        function: DuckDB's table function; empty where Python reads it.
        options: Names that a node may give among its ``params``.
        fixed: Options that the format itself gives.
    """

    endings: tuple[str, ...]
    function: str = ""
    options: frozenset[str] = frozenset()
    fixed: Mapping[str, object] = field(default_factory=dict)


READERS: Mapping[str, Reader] = {
    "csv": Reader((".csv",), "read_csv", _CSV),
    "tsv": Reader((".tsv", ".tab"), "read_csv", _CSV, {"delim": "\t"}),
    "parquet": Reader((".parquet", ".parq", ".pq"), "read_parquet", _PARQUET),
    "json": Reader((".json",), "read_json", _JSON),
    "jsonl": Reader((".jsonl", ".ndjson"), "read_json", _JSON, {"format": "newline_delimited"}),
    "sqlite": Reader((".sqlite", ".sqlite3", ".db"), options=frozenset({"table", "query"})),
    "xlsx": Reader((".xlsx", ".xlsm"), options=frozenset({"sheet", "header", "skip", "nullstr"})),
}
ALIASES = {"ndjson": "jsonl", "postgresql": "postgres", "excel": "xlsx", "sqlite3": "sqlite"}
PACKED = (".gz", ".zst")
OWN = frozenset({"path", "table", "dateCol", "idCol"})
"""Keys of ``params`` that do not say how a file is read: they name it, or, in the peer's projects, two of its columns."""


def path_of(node: Node) -> str | None:
    """The file that the node names: ``path``, ``params.path``, or the peer's ``table``."""
    config = node.config
    path = config.get("path") or (config.get("params") or {}).get("path") or config.get("table")
    return None if path is None else str(path)


def format_of(node: Node) -> str:
    """What the node says, else what its file's ending says; empty where neither does."""
    config = node.config
    named = config.get("source") or config.get("format")
    if named is None and (config.get("connection") or config.get("connection_string")):
        named = "postgres"
    if named is None and (path := path_of(node)):
        named = ending(path).removeprefix(".")
        named = next((form for form, reader in READERS.items() if f".{named}" in reader.endings), named)
    named = str(named or "").casefold()
    return ALIASES.get(named, named)


def ending(path: str) -> str:
    """The last ending, but for that of a packer: ``.csv`` of ``flights.2013.csv.gz``; of an address without its query."""
    name = Path(re.split(r"[?#]", path, maxsplit=1)[0] if path.startswith(("http://", "https://")) else path)
    return (Path(name.stem) if name.suffix.casefold() in PACKED else name).suffix.casefold()


def options_of(node: Node) -> dict[str, Any]:
    """The node's options for its reader, as the reader spells them."""
    given = {SPELLED.get(k, k): v for k, v in (node.config.get("params") or {}).items() if k not in OWN}
    return {name: value for name, value in given.items() if value is not None}


def check_options(node: Node, form: str) -> None:
    """Refuse an option that the format's reader does not have; raises ``ManifestError`` with the nearest ones."""
    known, params = READERS[form].options, node.config.get("params") or {}
    if params.get("table") and node.config.get("path") and "table" not in known:
        raise ManifestError(f"{form} has no tables", why=f"{node.config['path']} is the file", remedy="take table away")
    for name in params:
        if name not in OWN and SPELLED.get(name, name) not in known:
            raise ManifestError(f"{form} has no option {name!r}", remedy=near(str(name), known, what="option"))
    options = options_of(node)
    for name in ("skip", "rejects_limit"):
        if not isinstance(options.get(name, 0), int):
            raise ManifestError(f"{name} is no whole number", why=f"it is {options[name]!r}", remedy=f"{name}: 1")


def files_named(node: Node, root: Path, form: str) -> list[Path]:
    """The files that the node's path, glob or folder means; of a folder those of the format, hidden ones left out."""
    path = path_of(node) or ""
    found = matches(root, path)
    if not (root / path).is_dir():
        return [one for one in found if not one.is_dir()]
    return [one for one in found if ending(one.name) in READERS[form].endings and not _hidden(one, root / path)]


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)


def check_files(node: Node, paths: Sequence[Path], root: Path, form: str) -> None:
    """Check that there is something to read; raises ``NodeError``."""
    path = path_of(node) or ""
    if not paths and (root / path).is_dir():
        endings = " or ".join(READERS[form].endings)
        raise NodeError(
            "the folder holds no file of the format", why=f"no {endings} in {path}", remedy="mend path or format"
        )
    if not paths or (any(c in path for c in "*?[") and not all(map(signature, paths))):
        raise NodeError("no file matches", why=f"{path!r} in {root}", remedy="put one there, or mend the pattern")
    check_there(paths)


def check_there(paths: Sequence[Path]) -> None:
    """Refuse a file that is missing; raises ``NodeError``."""
    missing = [str(path) for path in paths if signature(path) is None]
    if missing:
        raise NodeError("the source's file is missing", why=", ".join(missing), remedy="put it there, or mend the path")


def relation(form: str, paths: Sequence[Path], options: Mapping[str, Any]) -> str:
    """What stands after FROM. Several files are joined by their columns' names, unless an option says otherwise."""
    reader = READERS[form]
    joined = {"union_by_name": True} if len(paths) > 1 else {}
    given = {**reader.fixed, **joined, **options}
    files = literal([exactly(str(path)) for path in paths])
    arguments = [files, *(f"{name} = {_value(value)}" for name, value in given.items())]
    return f"{reader.function}({', '.join(arguments)})"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{literal(str(name))}: {_value(one)}" for name, one in value.items()) + "}"
    return literal(value)
