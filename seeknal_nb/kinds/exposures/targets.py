"""What an exposure's config says of where it delivers to, checked; knows no engine, driver or disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from seeknal_nb.config import refuse_unknown_names
from seeknal_nb.engines.names import doubled
from seeknal_nb.errors import ManifestError, Unsupported, near
from seeknal_nb.kinds.body import python_of, sql_of
from seeknal_nb.kinds.connections import CONNECTION_KEYS, check_connection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal_nb.dag.manifest import Node

__all__ = ["FORMS", "Target", "target_of"]

ROWS = ("csv", "tsv", "json", "jsonl", "parquet", "xlsx", "html", "sqlite", "postgresql")
FIGURES = ("svg", "png", "pdf", "html")
FORMS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("csv", "tsv", "json", "jsonl"), ("compression",)),
    "parquet": ("compression", "partition_by"),
    "xlsx": ("sheet",),
    "html": ("title",),
    "text": (),
    **dict.fromkeys(("svg", "png", "pdf"), ()),
    "sqlite": ("table",),
    "postgresql": ("table", *sorted(CONNECTION_KEYS)),
}
"""The formats, each with the options of ``params`` that it takes besides ``COMMON``."""
COMMON = ("format", "path", "mode")
SPELLED = {
    "ndjson": "jsonl", "htm": "html", "md": "text", "txt": "text", "db": "sqlite", "sqlite3": "sqlite", "excel": "xlsx",
    "postgres": "postgresql", "markdown": "text", "pq": "parquet",
}  # fmt: skip
"""Endings of files, and other names, of the formats."""
PACKED = {"gz": "gzip", "zst": "zstd"}
COMPRESSIONS = {"parquet": ("snappy", "zstd", "gzip", "brotli", "lz4", "none")}
DELIVERING: Mapping[str, tuple[str, ...]] = {
    "file": tuple(form for form in FORMS if form not in ("sqlite", "postgresql")),
    "database": ("sqlite", "postgresql"),
    "chart": FIGURES,
    "report": ("html",),
}
"""Types that deliver, each with its formats; every other type only documents who uses what."""
DECLARING = (
    "notebook", "dashboard", "analysis", "ml", "application", "api", "notification", "starrocks_mv", "webhook", "email",
)  # fmt: skip
LONGEST_SHEET = 31
MOST_PARTS = 2
"""Of a table's name: a schema and a name."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where and how to deliver.

    Attributes:
        form: One of ``FORMS``.
        path: A file, or a directory of Parquet; empty for PostgreSQL.
        table: Of a database; may be ``schema.table`` for PostgreSQL.
        report: Whether the page is put together from texts, tables and figures.
        append: Whether rows are added to those of earlier deliveries.
        compression: Empty for the format's own default.
        partition_by: Columns whose values name folders.
        sheet: Of a workbook.
        title: Of a page.
    """

    form: str
    path: str = ""
    table: str = ""
    report: bool = False
    append: bool = False
    compression: str = ""
    partition_by: tuple[str, ...] = ()
    sheet: str = ""
    title: str = ""

    @property
    def directory(self) -> bool:
        """Whether it is a directory of Parquet files."""
        return self.form == "parquet" and (self.append or bool(self.partition_by))

    @property
    def database(self) -> bool:
        """Whether it is a table of a database."""
        return self.form in DELIVERING["database"]

    def __str__(self) -> str:
        """As the summary shows it; never holds a credential."""
        if self.form == "postgresql":
            return f"postgresql:{self.table}"
        return f"{self.path}:{self.table}" if self.table else self.path


def target_of(node: Node) -> Target | None:
    """The target; None for an exposure that is only declared. A ``ManifestError`` says what is wrong, or not read."""
    config, params = node.config, _params(node)
    type_ = _type(node)
    if not config.get("to") and not params:
        if sql_of(node) or python_of(node):
            raise ManifestError("no target", why="a body that goes nowhere", remedy="--to exports/x.csv", node=node.id)
        return None
    if type_ in DECLARING:
        raise Unsupported(
            f"an exposure of type {type_} is not delivered",
            why=f"this program delivers {', '.join(DELIVERING)}",
            remedy="take params away to declare it only, or write type: file",
        )
    path = _path(node, params)
    form = _form(config, params, path, type_)
    _check_options(form, params, path)
    target = _target(node, form, path, type_, params)
    _check_body(node, target, type_)
    return target


def _params(node: Node) -> dict[str, Any]:
    found = node.config.get("params") or {}
    return {name: value for name, value in found.items() if value is not None}


def _type(node: Node) -> str:
    found = node.config.get("type")
    if found is None:
        return ""
    known = [*DELIVERING, *DECLARING]
    if not isinstance(found, str) or found.casefold() not in known:
        raise ManifestError(f"unknown type {found!r} of an exposure", remedy=near(str(found), known, what="type"))
    return found.casefold()


def _path(node: Node, params: Mapping[str, Any]) -> str:
    to, path = node.config.get("to"), _text(params, "path")
    if to and path:
        raise ManifestError("two targets", why=f"to is {to}, and params.path is {path}", remedy="keep one of them")
    found = str(to or path or "")
    if "://" in found:
        why = "an exposure delivers to a file, a folder or a database"
        raise ManifestError(f"{found} is no path", why=why, remedy="to: out/rows.db, or params: {connection: ...}")
    return found


def _text(params: Mapping[str, Any], name: str) -> str:
    found = params.get(name, "")
    if not isinstance(found, str) or (name in params and not found.strip()):
        raise ManifestError(f"{name} of params must be text", why=f"it is {found!r}", remedy=f'{name}: "..."')
    return found


def _form(config: Mapping[str, Any], params: Mapping[str, Any], path: str, type_: str) -> str:
    """The format: as it is named, as the path ends, or as the options of a database tell."""
    named, other = config.get("format"), _text(params, "format")
    if named and other and named != other:
        raise ManifestError("two formats", why=f"{named} and {other}", remedy="keep one of them")
    found = str(named or other or _by_path(path) or _by_options(params))
    form = SPELLED.get(found.casefold(), found.casefold())
    known = DELIVERING.get(type_, tuple(FORMS))
    if form not in known:
        what = f"unknown format {found!r}" if form not in FORMS else f"a {type_} is not delivered as {form}"
        raise ManifestError(what, remedy=near(form, known, what="format"))
    return form


def _by_path(path: str) -> str:
    suffixes = [suffix.lstrip(".").casefold() for suffix in PurePosixPath(path).suffixes]
    if suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _by_options(params: Mapping[str, Any]) -> str:
    if "partition_by" in params:
        return "parquet"
    url = params.get("connection_string")
    return "postgresql" if "connection" in params or (isinstance(url, str) and "://" in url) else ""


def _check_options(form: str, params: Mapping[str, Any], path: str) -> None:
    refuse_unknown_names(params, [*COMMON, *FORMS[form]], f"an exposure as {form}", what="option")
    if form == "postgresql":
        check_connection({"params": params})
    if form == "postgresql" and path:
        raise ManifestError("postgresql is no file", why=f"the path is {path}", remedy="take the path away; name a table")
    if form != "postgresql" and not path:
        raise ManifestError("no target", why="params have no path", remedy="--to exports/x.csv, or params: {path: ...}")


def _target(node: Node, form: str, path: str, type_: str, params: Mapping[str, Any]) -> Target:
    return Target(
        form, path, _table(form, params), type_ == "report", _append(form, params), _compression(form, params, path),
        _partition_by(params), _sheet(node, form, params), _text(params, "title") or node.name,
    )  # fmt: skip


def _table(form: str, params: Mapping[str, Any]) -> str:
    if form not in DELIVERING["database"]:
        return ""
    found = _text(params, "table")
    if not found:
        raise ManifestError("no table", why=f"{form} needs one", remedy="params: {table: ...}, or --table NAME")
    parts = found.split(".") if form == "postgresql" else [found]
    if len(parts) > MOST_PARTS or not all(part.strip() for part in parts):
        raise ManifestError(f"{found!r} is no table", remedy="write table, or schema.table")
    if parts[-1].casefold() == "seeknal_deliveries" or found.casefold().startswith("sqlite_"):
        raise ManifestError(f"the table {found!r} is not free", why="it is kept for bookkeeping", remedy="rename it")
    return found


def _append(form: str, params: Mapping[str, Any]) -> bool:
    mode = params.get("mode", "overwrite")
    if mode not in ("overwrite", "append"):
        raise ManifestError(f"unknown mode {mode!r}", remedy=near(str(mode), ("overwrite", "append"), what="mode"))
    if mode == "append" and form not in ("parquet", "sqlite", "postgresql"):
        raise ManifestError(
            f"{form} cannot be appended to",
            why="a file has no place to remember what was delivered, so that a retry would double rows",
            remedy="deliver parquet (a directory with a file a delivery), sqlite or postgresql; or UNION the old rows",
        )
    return bool(mode == "append")


def _compression(form: str, params: Mapping[str, Any], path: str) -> str:
    packed = PACKED.get(PurePosixPath(path).suffix.lstrip(".").casefold(), "")
    named = _text(params, "compression").casefold() or packed
    known = COMPRESSIONS.get(form, ("gzip", "zstd", "none"))
    named = {"uncompressed": "none", "gz": "gzip", "zst": "zstd"}.get(named, named)
    if named and ("compression" not in FORMS[form] or named not in known):
        raise ManifestError(f"{form} is not compressed by {named}", remedy=near(named, known, what="compression"))
    if packed and named != packed:
        raise ManifestError(f"{path} says {packed}, and compression says {named}", remedy="take one of them away")
    return named


def _partition_by(params: Mapping[str, Any]) -> tuple[str, ...]:
    found = params.get("partition_by", [])
    names = [found] if isinstance(found, str) else found
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) and name for name in names):
        raise ManifestError("partition_by must name columns", why=f"it is {found!r}", remedy="partition_by: [year]")
    if doubled(names):
        raise ManifestError("partition_by names a column twice", why=", ".join(names), remedy="name it once")
    return tuple(names)


def _sheet(node: Node, form: str, params: Mapping[str, Any]) -> str:
    """A sheet's name, as Excel allows it."""
    if form != "xlsx":
        return ""
    found = _text(params, "sheet") or node.name[:LONGEST_SHEET]
    if len(found) > LONGEST_SHEET or any(c in found for c in "[]:*?/\\") or found[0] == "'" or found[-1] == "'":
        raise ManifestError(f"{found!r} is no name of a sheet", why="Excel takes 31 characters, none of []:*?/\\",
                            remedy="sheet: Sales")  # fmt: skip
    return found


def _check_body(node: Node, target: Target, type_: str) -> None:
    python = python_of(node)
    if python and sql_of(node):
        raise ManifestError("two bodies", why="it has SQL and Python both", remedy="keep one of them")
    if type_ == "chart" and not python:
        raise ManifestError("a chart without Python", why="SQL gives no figure", remedy="return a figure from Python")
    if target.form not in ROWS and not python:
        raise ManifestError(f"a table cannot be delivered as {target.form}", why="it needs a Python body",
                            remedy=near(target.form, ROWS, what="format"))  # fmt: skip
