"""Sources: data from outside, always kept as a snapshot, so that what follows reads what was seen."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.sqltext import column, literal
from seeknal_nb.errors import ManifestError, NodeError, near
from seeknal_nb.files import signature
from seeknal_nb.workflow.kinds.body import build_table, python_of, sql_of, store
from seeknal_nb.workflow.kinds.files import files_of, look_at, matches
from seeknal_nb.workflow.kinds.task import Kind, Probe, Seen, Surroundings, Task, result_of
from seeknal_nb.workflow.outputs import DATA

if TYPE_CHECKING:
    from seeknal_nb.dag.manifest import Node

__all__ = ["FORMATS", "SOURCE"]

READERS = {
    "csv": ("read_csv", {}),
    "tsv": ("read_csv", {"delim": "\t"}),
    "parquet": ("read_parquet", {}),
    "json": ("read_json", {}),
    "jsonl": ("read_json", {"format": "newline_delimited"}),
}
TYPE = re.compile(r"[A-Za-z_][A-Za-z0-9_ ]*(\(\s*\d+(\s*,\s*\d+)?\s*\))?( [A-Za-z ]+)?(\[\d*\])*")
FORMATS = (*READERS, "sqlite", "dataframe")
OPTIONS = {"delimiter": "delim", "nullstr": "nullstr", "null": "nullstr"}
"""Spellings of the peer's projects, as DuckDB's readers call them."""


def path_of(node: Node) -> str | None:
    """The file that the node names: ``path``, ``params.path``, or the peer's ``table``."""
    config = node.config
    path = config.get("path") or (config.get("params") or {}).get("path") or config.get("table")
    return None if path is None else str(path)


def _format(node: Node) -> str:
    named = node.config.get("source") or node.config.get("format")
    if named is None and (path := path_of(node)):
        named = Path(path).name.partition(".")[2].partition(".")[0].casefold()
    return "jsonl" if named == "ndjson" else str(named or "")


def _check(node: Node) -> None:
    if sql_of(node) or python_of(node):
        return
    form = _format(node)
    if form not in FORMATS:
        raise ManifestError(f"unknown format {form!r}", remedy=near(form, FORMATS, what="format"), node=node.id)
    if form == "dataframe":
        if not node.config.get("input"):
            raise ManifestError("no variable named", remedy="--input df names the notebook's variable", node=node.id)
    elif not path_of(node):
        raise ManifestError("no file named", remedy=f"--{form} FILE, or table: FILE in YAML", node=node.id)


def _probe(node: Node, around: Surroundings, seen: Seen) -> Probe:
    """The content of the files, by digest; a file whose stat signature is as it was is not read again."""
    if _format(node) == "dataframe":
        return Probe(f"frame {_frame_digest(_variable(node, around), node)}")
    files = _files(node, around)
    if _format(node) == "sqlite":  # what was committed may still lie in the log beside it
        files += [log for log in (path.with_name(f"{path.name}-wal") for path in files) if log.exists()]
    return look_at(files, seen, around.root)


def _files(node: Node, around: Surroundings) -> list[Path]:
    path = path_of(node)
    if sql_of(node) or python_of(node) or path is None:
        return files_of(node, around)
    return matches(around.root, path)


def _variable(node: Node, around: Surroundings) -> Any:
    name = str(node.config.get("input"))
    if name not in around.namespace:
        raise ManifestError(
            f"the variable {name!r} is not there",
            remedy=near(name, [n for n in around.namespace if not n.startswith("_")], what="variable"),
            node=node.id,
        )
    return around.namespace[name]


def _frame_digest(frame: Any, node: Node) -> str:
    """xxh3_128 over the frame's Arrow stream: its names, types and values, whatever its memory looks like."""
    import pyarrow as pa  # noqa: PLC0415 - 0.2 s
    import xxhash  # noqa: PLC0415

    from seeknal_nb.engines.frames import to_arrow  # noqa: PLC0415

    hasher = xxhash.xxh3_128()

    class Sink:
        closed = False

        def write(self, data: Any) -> int:
            hasher.update(data)
            return len(data)

        def flush(self) -> None: ...

        def close(self) -> None: ...

    try:
        table = to_arrow(frame)
    except NodeError as error:
        raise error.at(node=node.id) from None
    with pa.ipc.new_stream(pa.PythonFile(Sink(), mode="w"), table.schema) as stream:
        stream.write_table(table.combine_chunks())
    return str(hasher.hexdigest())


def _execute(task: Task) -> dict[str, Any]:
    node, around = task.node, task.surroundings
    missing = [str(p) for p in _files(node, around) if signature(p) is None]
    if missing:
        raise NodeError("the source's file is missing", why=", ".join(missing), remedy="put it there, or mend the path")
    if sql_of(node) or python_of(node):
        table, logged = build_table(task)
    else:
        table, logged = _read(task), {}
    wrong = _numbers_as_text(task, table.schema)
    return result_of(table, logged | ({"warnings": wrong} if wrong else {}))


def _read(task: Task) -> Any:
    node, around = task.node, task.surroundings
    form = _format(node)
    if form == "dataframe":
        return store(task, _variable(node, around))
    if form == "sqlite":
        return store(task, _sqlite(node, around))
    return task.engine.build(_select(node, around, form), task.stage / DATA)


def _select(node: Node, around: Surroundings, form: str) -> str:
    reader, fixed = READERS[form]
    params = {k: v for k, v in (node.config.get("params") or {}).items() if k != "path"}
    options = {**fixed, **{OPTIONS.get(name, name): value for name, value in params.items()}}
    strange = [name for name in options if not str(name).isidentifier()]
    if strange:
        raise NodeError(f"{strange[0]!r} is no option of a reader", remedy="name an option of DuckDB's reader, as nullstr")
    paths = [str(p) for p in _files(node, around)]
    arguments = ", ".join([literal(paths), *(f"{name} = {literal(value)}" for name, value in options.items())])
    schema = node.config.get("schema") or []
    casts = ", ".join(f"CAST({column(c['name'])} AS {_type(c)}) AS {column(c['name'])}" for c in schema)
    return f"SELECT *{f' REPLACE ({casts})' if casts else ''} FROM {reader}({arguments})"


def _type(entry: dict[str, Any]) -> str:
    name = str(entry.get("data_type") or entry.get("type") or "VARCHAR")
    if not TYPE.fullmatch(name):
        raise NodeError(f"{name!r} is no data type", remedy="write a type of SQL, as DOUBLE, DECIMAL(10, 2) or INTEGER[]")
    return {"string": "VARCHAR", "text": "VARCHAR", "int": "INTEGER", "float": "DOUBLE"}.get(name.casefold(), name)


def _sqlite(node: Node, around: Surroundings) -> Any:
    """A table or a query of a SQLite file, read by the standard library: DuckDB's reader is a download."""
    import pyarrow as pa  # noqa: PLC0415 - 0.2 s

    params = node.config.get("params") or {}
    table = params.get("table") or (node.config.get("table") if params.get("path") or node.config.get("path") else None)
    query = params.get("query") or (f"SELECT * FROM {column(str(table))}" if table else None)
    if query is None:
        raise NodeError("no table named", remedy="--table NAME or --query SELECT")
    path = matches(around.root, str(path_of(node)))[0]
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            connection.set_authorizer(_reading_only)
            cursor = connection.execute(query)
            names = [d[0] for d in cursor.description]
            rows = cursor.fetchall()
    except sqlite3.Error as error:
        raise NodeError("SQLite refuses", why=f"{error} in {path}", remedy="mend the table's name or the query") from error
    return pa.Table.from_arrays([pa.array([row[i] for row in rows]) for i in range(len(names))], names=names)


def _reading_only(action: int, *_: object) -> int:
    reads = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)
    return sqlite3.SQLITE_OK if action in reads else sqlite3.SQLITE_DENY


def _numbers_as_text(task: Task, schema: tuple[tuple[str, str], ...]) -> list[str]:
    """Columns that arrived as text although they hold numbers but for one word: a null that the reader did not know."""
    text = [name for name, kind in schema if kind == "VARCHAR"]
    if not text or python_of(task.node):
        return []
    counts = ", ".join(
        f"count({column(n)}) FILTER (WHERE try_cast({column(n)} AS DOUBLE) IS NOT NULL) / greatest(count({column(n)}), 1)"
        for n in text
    )
    file = literal(str(task.stage / DATA))
    shares = task.engine.query(f"SELECT {counts} FROM (FROM read_parquet({file}) LIMIT 10000)", form="rows")[0]
    return [
        f"{name} is text, but {share:.0%} of it are numbers: is there a word for null? --null NA"
        for name, share in zip(text, shares, strict=True)
        if share > 0.9 and share < 1  # noqa: PLR2004 - KINDS.md section 1.1
    ]


SOURCE = Kind(execute=_execute, check=_check, probe=_probe)
