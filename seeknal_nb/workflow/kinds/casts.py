"""Casts that a ``schema`` declares: each fails loudly, naming column, value, rows and file; knows no format."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.sqltext import column, parquet
from seeknal_nb.errors import ManifestError, NodeError, near
from seeknal_nb.workflow.builds import DATA

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.engines import Table
    from seeknal_nb.workflow.kinds.task import Task

__all__ = ["build_cast", "cast_staged", "declared", "found_in", "no_rows"]

RAW = "raw.parquet"
"""What was read, before its casts; taken away afterwards."""
ENTRY = ("name", "data_type", "type", "description")
PEER = {"string": "VARCHAR", "str": "VARCHAR", "text": "VARCHAR", "int": "INTEGER", "long": "BIGINT", "float": "DOUBLE"}
"""Types of the peer's projects, as DuckDB calls them; its ``float`` is Python's."""
TYPES = frozenset({
    "bigint", "bignum", "binary", "bit", "bitstring", "blob", "bool", "boolean", "bpchar", "bytea", "char", "character",
    "date", "datetime", "dec", "decimal", "double", "float", "float4", "float8", "geometry", "guid", "hugeint", "int",
    "int1", "int128", "int16", "int2", "int32", "int4", "int64", "int8", "integer", "integral", "interval", "json",
    "logical", "long", "national", "nchar", "numeric", "nvarchar", "oid", "real", "short", "signed", "smallint",
    "string", "text", "time", "time_ns", "timestamp", "timestamp_ms", "timestamp_ns", "timestamp_s", "timestamp_us",
    "timestamptz", "timestamptz_ns", "timetz", "tinyint", "ubigint", "uhugeint", "uint128", "uint16", "uint32", "uint64",
    "uint8", "uinteger", "usmallint", "utinyint", "uuid", "varbinary", "varchar", "variant", "varint",
})  # fmt: skip
"""First words of the types that a column of a file may be cast to, so that a wrong one is told before anything is read."""
_TYPE = re.compile(r"[A-Za-z_][A-Za-z0-9_ ]*(\(\s*\d+(\s*,\s*\d+)?\s*\))?( [A-Za-z ]+)?(\[\d*\])*")
_INTEGER = re.compile(r"U?(TINYINT|SMALLINT|INTEGER|INT|BIGINT|HUGEINT|LONG|SHORT|INT[1248])", re.IGNORECASE)
_STAMP = re.compile(r"TIMESTAMP|DATETIME", re.IGNORECASE)


def declared(node: Node) -> dict[str, str]:
    """The types that the node's ``schema`` declares, by column; raises ``ManifestError`` where it is no schema."""
    found: dict[str, str] = {}
    for entry in node.config.get("schema") or ():
        strange = [str(key) for key in entry if key not in ENTRY]
        if strange:
            raise ManifestError(f"unknown key {strange[0]!r} in schema", remedy=near(strange[0], ENTRY, what="key"))
        name = entry.get("name")
        if not isinstance(name, str) or not name:
            raise ManifestError("a column of schema without a name", remedy="{name: amount, data_type: DOUBLE}")
        if name.casefold() in map(str.casefold, found):
            raise ManifestError(f"column {name!r} stands twice in schema", remedy="keep one of them (case is ignored)")
        found[name] = _type(entry)
    return found


def _type(entry: Mapping[str, Any]) -> str:
    name = entry.get("data_type") or entry.get("type")
    if not isinstance(name, str) or not _TYPE.fullmatch(name):
        raise ManifestError(
            f"{name!r} is no data type",
            why=f"column {entry['name']!r} of schema has it",
            remedy="write a type of SQL, as DOUBLE, DECIMAL(10, 2) or INTEGER[]",
        )
    word = re.split(r"\W", name.casefold(), maxsplit=1)[0]
    if word not in TYPES and name.casefold() not in PEER:
        raise ManifestError(
            f"there is no data type {name!r}",
            why=f"column {entry['name']!r} of schema has it",
            remedy=near(word.upper(), map(str.upper, TYPES), what="type"),
        )
    return PEER.get(name.casefold(), name)


def found_in(columns: Iterable[tuple[str, str]], types: Mapping[str, str]) -> dict[str, str]:
    """The declared types by the columns' own names, whose case may differ; raises ``NodeError`` where one is missing."""
    known = {name.casefold(): name for name, _ in columns}
    missing = [name for name in types if name.casefold() not in known]
    if missing:
        raise NodeError(
            f"there is no column {missing[0]!r}",
            why=f"schema declares it, and there are {', '.join(known.values())}",
            remedy=near(missing[0], known.values(), what="column"),
        )
    return {known[name.casefold()]: kind for name, kind in types.items()}


def build_cast(task: Task, relation: str, types: Mapping[str, str], *, located: str | None = None) -> Table:
    """Stage the rows of a relation with its declared columns cast.

    Args:
        task: Whose.
        relation: What stands after FROM.
        types: By column, as the relation has it.
        located: The same with a column ``filename``, for an error's text.

    Raises:
        NodeError: A value cannot be cast.
    """
    have = dict(task.engine.describe(f"SELECT * FROM {relation}"))
    casts = ", ".join(f"{_cast(name, have[name], kind)} AS {column(name)}" for name, kind in types.items())
    sql = f"SELECT *{f' REPLACE ({casts})' if casts else ''} FROM {relation}"
    try:
        return task.engine.build(sql, task.stage / DATA)
    except NodeError as error:
        found = _culprit(task, located or relation, {n: (have[n], kind) for n, kind in types.items()}, bool(located))
        if found is None:
            raise
        raise found from error


def cast_staged(task: Task, table: Table, types: Mapping[str, str]) -> Table:
    """The staged table with its declared columns cast: for what came as a frame, or from a body."""
    if not types:
        return table
    named = found_in(table.schema, types)
    raw = (task.stage / DATA).rename(task.stage / RAW)
    cast = build_cast(task, parquet(raw), named)
    raw.unlink()
    return replace(cast, warnings=table.warnings)


def no_rows(task: Task, types: Mapping[str, str]) -> Table:
    """Stage a table of no rows with the declared columns."""
    columns = ", ".join(f"CAST(NULL AS {kind}) AS {column(name)}" for name, kind in types.items())
    return task.engine.build(f"SELECT {columns} WHERE false", task.stage / DATA)


def _cast(name: str, have: str, kind: str) -> str:
    """One column's cast. DuckDB would round 1.5 to 2 for an integer, and drop a text's ``+02:00`` for a TIMESTAMP."""
    value = column(name)
    if _rounds(have, kind):
        value = f"CASE WHEN {_fraction(value)} THEN error('no whole number') ELSE {value} END"
    return f"CAST({_zoned(value, have, kind, 'CAST')} AS {kind})"


def _zoned(value: str, have: str, kind: str, cast: str) -> str:
    return f"{cast}({value} AS TIMESTAMPTZ)" if have == "VARCHAR" and _STAMP.fullmatch(kind) else value


def _rounds(have: str, kind: str) -> bool:
    return bool(_INTEGER.fullmatch(kind)) and (have in ("VARCHAR", "DOUBLE", "FLOAT", "JSON") or have.startswith("DECIMAL"))


def _fraction(value: str) -> str:
    number = f"try_cast({value} AS DOUBLE)"
    return f"coalesce({number} <> trunc({number}), false)"


def _bad(name: str, have: str, kind: str) -> str:
    value = column(name)
    fails = f"try_cast({_zoned(value, have, kind, 'try_cast')} AS {kind}) IS NULL"
    return f"{value} IS NOT NULL AND ({fails}{f' OR {_fraction(value)}' if _rounds(have, kind) else ''})"


def _culprit(task: Task, relation: str, types: Mapping[str, tuple[str, str]], named: bool) -> NodeError | None:  # noqa: FBT001
    """Which value broke the casts; None where it was something else."""
    parts = ["count(*)"]
    for name, (have, kind) in types.items():
        bad = _bad(name, have, kind)
        where = f"arg_min(filename, filename) FILTER (WHERE {bad})" if named else "NULL"
        parts += [f"count(*) FILTER (WHERE {bad})", f"first({column(name)}::VARCHAR) FILTER (WHERE {bad})", where]
    try:
        rows, *found = task.engine.query(f"SELECT {', '.join(parts)} FROM {relation}", form="rows")[0]
    except NodeError:
        return None
    wrong = [(name, kind, *found[3 * at : 3 * at + 3]) for at, (name, (_, kind)) in enumerate(types.items())]
    return _told([one for one in wrong if one[2]], rows)


def _told(wrong: Sequence[tuple[str, str, int, str, str | None]], rows: int) -> NodeError | None:
    if not wrong:
        return None
    texts = [
        f"{count:,} of {rows:,} rows in column {name!r} are no {kind}, as {value!r}{f' in {file}' if file else ''}"
        for name, kind, count, value, file in wrong
    ]
    return NodeError("schema does not fit", why="; ".join(texts), remedy="mend the data or the type, or name nullstr")
