"""Sources: data from outside, always kept as a snapshot, so that what follows reads what was seen."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seeknal_nb.config import COMMON, refuse_unknown, refuse_unknown_names
from seeknal_nb.dag.partitions import INHERIT, partitioning_of
from seeknal_nb.errors import ManifestError, NodeError, Unsupported, near, nearest
from seeknal_nb.kinds.body import build_table, python_of, sql_of, store
from seeknal_nb.kinds.casts import cast_staged, declared
from seeknal_nb.kinds.connections import CONNECTION_KEYS, check_connection, place_of
from seeknal_nb.kinds.files import files_of, look_at
from seeknal_nb.kinds.metadata import merged
from seeknal_nb.kinds.refresh import FETCHED, check_refresh, is_timed, refresh_due
from seeknal_nb.kinds.sources.addresses import check_address, downloaded, is_address, probe_address
from seeknal_nb.kinds.sources.cut import read_slice
from seeknal_nb.kinds.sources.declared import FORMATS
from seeknal_nb.kinds.sources.freshness import freshness_due, freshness_of, look_fresh
from seeknal_nb.kinds.sources.postgres import read_postgres, watermark_of
from seeknal_nb.kinds.sources.readers import (
    READERS,
    check_files,
    check_options,
    check_there,
    files_named,
    format_of,
    options_of,
    path_of,
)
from seeknal_nb.kinds.sources.records import of_workbook, to_table
from seeknal_nb.kinds.sources.scan import REJECTING, scan
from seeknal_nb.kinds.sources.sqlite import of_sqlite
from seeknal_nb.kinds.sources.texts import Spelling, nearly_numbers, numbers_held
from seeknal_nb.kinds.sources.variables import frame_digest, named_apart, variable
from seeknal_nb.kinds.task import Kind, Probe, Seen, Surroundings, Task, result_of
from seeknal_nb.sql.text import parquet
from seeknal_nb.storage.builds import DATA
from seeknal_nb.storage.files import digest, signature

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.engines import Table

__all__ = ["SOURCE"]

POSTGRES, DATAFRAME = "postgres", "dataframe"
ALWAYS = frozenset(key.name for key in COMMON) | {
    "schema", "freshness", "refresh", "source", "format", "materialized", "materialization", "materializations",
}  # fmt: skip
BODY = frozenset({"sql", "transform", "python", "as", "params"})
FILE = frozenset({"path", "table", "params", "query", "partition_by"})
READ: Mapping[str, frozenset[str]] = {
    "body": ALWAYS | BODY,
    DATAFRAME: ALWAYS | {"input"},
    POSTGRES: ALWAYS | CONNECTION_KEYS | {"table", "query", "params", "watermark", "sql", "transform"},
    **dict.fromkeys(READERS, ALWAYS | FILE),
}
"""Keys of a config that are read, by what the source reads from."""
DATABASE_PARAMS = CONNECTION_KEYS | {"table", "query", "schema"}


def _is_database(node: Node) -> bool:
    return format_of(node) == POSTGRES and python_of(node) is None


def _is_far(node: Node) -> bool:
    """Whether its rows come from an address."""
    return is_address(node) and not _has_body(node)


def _has_body(node: Node) -> bool:
    """Whether a body gives the rows; the SQL of a database's source is that database's."""
    return python_of(node) is not None or (sql_of(node) is not None and not _is_database(node))


def _check(node: Node) -> None:
    form = "body" if _has_body(node) else format_of(node)
    if not form and (node.config.get("query") or (node.config.get("params") or {}).get("query")):
        remedy = "name one with --connection or --path, or write the SELECT as the node's body"
        raise ManifestError("a query without a database", remedy=remedy)
    if form != "body" and form not in FORMATS:
        error = Unsupported if form and not nearest(form, FORMATS) else ManifestError
        raise error(f"unknown format {form!r}", remedy=near(form, FORMATS, what="format"))
    _check_keys(node, form)
    declared(node)
    freshness_of(node)
    check_refresh(node.config)
    if form == "body":
        _check_body(node)
    elif form == POSTGRES:
        _check_database(node)
    elif form == DATAFRAME:
        if not node.config.get("input"):
            raise ManifestError("no variable named", remedy="--input df names the notebook's variable")
    else:
        _check_file(node, form)


def _check_body(node: Node) -> None:
    """A body has parameters; they are options of a reader only where it names a file besides."""
    if _is_watched(node, "path") and path_of(node):
        check_options(node, format_of(node))
    if is_address(node):
        why = "what a body opens itself is watched only in files"
        raise ManifestError("a source with a body has no address", why=why, remedy="take the path, or the body, away")
    if sql_of(node) and python_of(node):
        raise ManifestError("two bodies", why="it has SQL and Python both", remedy="keep one of them")
    for name in ("nullstr", "null", "delimiter", "delim"):
        if sql_of(node) and name in (node.config.get("params") or {}):
            raise ManifestError(
                f"{name} of a source with SQL is not read", remedy="write it in the SQL: read_csv('f.csv', nullstr = 'NA')"
            )


def _is_watched(node: Node, key: str) -> bool:
    """Whether a key names the file that a Python body opens itself, as the peer's projects do: its content is in the key."""
    return key in ("path", "table") and python_of(node) is not None and format_of(node) in READERS


def _check_keys(node: Node, form: str) -> None:
    for key in FILE if form == "body" else ():
        if key != "params" and node.config.get(key) is not None and not _is_watched(node, key):
            raise ManifestError(f"{key} of a source with a body is not read", remedy="take it, or the body, away")
    refuse_unknown(
        node.config,
        READ[form] | (FILE if form == "body" else frozenset()),
        "a source with a body" if form == "body" else f"a source of {form}",
    )


def _check_database(node: Node) -> None:
    config = node.config
    params = config.get("params") or {}
    refuse_unknown_names(params, DATABASE_PARAMS, POSTGRES, what="option")
    asked = [found for key in ("query", "table") for found in (config.get(key), params.get(key)) if found]
    if len(asked) + (sql_of(node) is not None) != 1 or not all(isinstance(one, str) for one in asked):
        remedy = "--table NAME, --query SELECT, or a SELECT as its body"
        raise ManifestError("a source of a database reads one table or query", remedy=remedy)
    check_connection(config)


def _check_file(node: Node, form: str) -> None:
    config, params = node.config, node.config.get("params") or {}
    if not path_of(node):
        raise ManifestError("no file named", remedy=f"--{form} FILE, or table: FILE in YAML")
    check_options(node, form)
    if is_address(node):
        check_address(node)
    _check_partitions(node, form)
    table, query = _sqlite_table(node), config.get("query") or params.get("query")
    if form == "sqlite" and not table and not query:
        raise ManifestError("no table named", remedy="--table NAME or --query SELECT")
    if form != "sqlite" and query:
        raise ManifestError(f"{form} has no query", remedy="write it as the node's SQL")


def _check_partitions(node: Node, form: str) -> None:
    by = partitioning_of(node.config)
    if by is not None and by.grain == INHERIT:
        raise ManifestError("a source inherits no partitions", remedy="--partition-by file, or day(ts)")
    if by is not None and not READERS[form].function:
        raise ManifestError(f"{form} is read as a whole", why="its rows are read by Python", remedy="take partition_by away")
    options = options_of(node)
    for name in ("filename", "file_row_number", *REJECTING) if by is not None else ():
        if options.get(name):
            raise ManifestError(f"a source with partitions has no {name}", remedy="take one of them away")
    if by is not None and options.get("union_by_name") is False:
        why = "a partition has the columns of all files, by their names"
        raise ManifestError("union_by_name: false", why=why, remedy="take it, or partition_by, away")
    for key in ("freshness", "refresh") if by is not None else ():
        if node.config.get(key):
            why, remedy = "it is about all rows at once", "check it in a rule, or take one of them away"
            raise ManifestError(f"a source with partitions has no {key}", why=why, remedy=remedy)


def _probe(node: Node, around: Surroundings, seen: Seen) -> Probe:
    """What is outside now, and why it may have to be fetched although it looks the same."""
    now, database = time.time(), _is_database(node)
    often = "always" if database and not node.config.get("watermark") else "never"
    due = refresh_due(node.config, seen, now, default=often) or freshness_due(freshness_of(node), seen, now)
    dated = is_timed(node.config) or freshness_of(node) is not None
    if database:
        found = _watermark(node, around, due)
        found = replace(found, text=f"connection {digest(repr(place_of(node.config, around)))} {found.text or ''}")
    elif not _has_body(node) and format_of(node) == DATAFRAME:
        found = Probe(f"frame {frame_digest(variable(node, around))}", due=due)
    elif _is_far(node):
        found = probe_address(node, around, due)
    else:
        found = replace(look_at(_watched(node, around), seen, around.root), due=due)
    return replace(found, dated=dated)


def _watermark(node: Node, around: Surroundings, due: str) -> Probe:
    """What the watermark stands at. Only a run asks: to look at a project sends nothing to a host that it names."""
    if not node.config.get("watermark"):
        return Probe(due=due)
    if not around.asking:
        return Probe(due=due or "a run asks for its watermark", sure=bool(due))
    try:
        return Probe(f"watermark {watermark_of(node.config, around)}", due=due, moving=True)
    except NodeError as error:
        return Probe(due=f"watermark: {error.what}")


def _watched(node: Node, around: Surroundings) -> list[Path]:
    """The files whose content counts."""
    files = [] if _is_far(node) else _files(node, around)
    if format_of(node) == "sqlite":  # what was committed may still lie in the log beside it
        files += [log for log in (path.with_name(f"{path.name}-wal") for path in files) if signature(log)]
    return files


def _files(node: Node, around: Surroundings) -> list[Path]:
    form = format_of(node)
    if _has_body(node):
        named = files_named(node, around.root, form) if _is_watched(node, "path") and path_of(node) else []
        return [*files_of(node, around), *named]
    return files_named(node, around.root, form) if form in READERS else []


def _execute(task: Task) -> dict[str, Any]:
    node, began, asked = task.node, time.time(), freshness_of(task.node)
    table, metadata = _read(task)
    told = [metadata, {"warnings": _numbers_as_text(task, table.schema) if task.slice is None else []}]
    seen: dict[str, tuple[Any, ...]] = {FETCHED: (began,)} if is_timed(node.config) else {}
    if asked:
        fresh, newest = look_fresh(task, table, asked)
        told, seen = [*told, fresh], {**seen, **newest}
    if seen:  # it takes the place of what the probe saw
        seen = {**look_at(_watched(node, task.surroundings), {}, task.surroundings.root).seen, **seen}
    return result_of(table, *told) | ({"seen": seen} if seen else {})


def _read(task: Task) -> tuple[Table, dict[str, Any]]:
    """Stage the rows, with the casts that ``schema`` declares; gives them with what is to be told."""
    node, around = task.node, task.surroundings
    types = declared(node)
    if _has_body(node):
        check_there(files_of(node, around))
        table, logged = build_table(task)
        return cast_staged(task, table, types), logged
    form = format_of(node)
    if task.slice is not None:
        return read_slice(task, task.slice)
    if form == DATAFRAME:
        frame, warned = named_apart(variable(node, around))
        return cast_staged(task, store(task, frame), types), {"warnings": warned}
    if form == POSTGRES:
        rows, warned = read_postgres(node.config, around, task.cancelled)
        return cast_staged(task, store(task, rows), types), {"warnings": warned}
    if is_address(node):
        with downloaded(task) as paths:
            return _read_files(task, form, paths)
    paths = files_named(node, around.root, form)
    check_files(node, paths, around.root, form)
    return _read_files(task, form, paths)


def _read_files(task: Task, form: str, paths: list[Path]) -> tuple[Table, dict[str, Any]]:
    metrics = {"files": len(paths), "bytes_read": sum(path.stat().st_size for path in paths)}
    table, metadata = _records(task, form, paths) if not READERS[form].function else scan(task, form, paths)
    return table, merged({"metrics": metrics}, metadata)


def _records(task: Task, form: str, paths: list[Path]) -> tuple[Table, dict[str, Any]]:
    """Formats that Python reads."""
    config, params = task.node.config, task.node.config.get("params") or {}
    if form == "sqlite":
        query = config.get("query") or params.get("query")
        parts = [of_sqlite(path, table=_sqlite_table(task.node), query=query) for path in paths]
    else:
        parts = [of_workbook(path, params) for path in paths]
    rows, warned = to_table(parts)
    return cast_staged(task, store(task, rows), declared(task.node)), {"warnings": warned}


def _sqlite_table(node: Node) -> str | None:
    """The table in the file; the config's own ``table`` is the file, where nothing else names it."""
    config, params = node.config, node.config.get("params") or {}
    return params.get("table") or (config.get("table") if params.get("path") or config.get("path") else None)


def _numbers_as_text(task: Task, schema: tuple[tuple[str, str], ...]) -> list[str]:
    """See ``nearly_numbers``; of partitions all together are told of."""
    own = {name.casefold() for name in declared(task.node)}
    text = [name for name, kind in schema if kind == "VARCHAR" and name.casefold() not in own]
    if not text or python_of(task.node) or format_of(task.node) == "parquet":  # which knows its types
        return []
    some = f"(FROM {parquet(task.stage / DATA)} LIMIT 10000)"
    held = numbers_held(task, some, tuple((name, "VARCHAR") for name in text), Spelling.of(options_of(task.node)))
    return nearly_numbers((name, *held[name.casefold()]) for name in text)


SOURCE = Kind(
    execute=_execute,
    check=_check,
    probe=_probe,
    measures=lambda node: bool(node.config.get("freshness")),
    travels=lambda node: _has_body(node) or format_of(node) != DATAFRAME,
)
