"""Casts that a ``schema`` declares: what would lose something fails, with column, value, rows, file. Knows no format."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from seeknal_nb.config import refuse_unknown_names
from seeknal_nb.engines.names import find_columns
from seeknal_nb.errors import ManifestError, NodeError
from seeknal_nb.kinds.exact import cast, lost
from seeknal_nb.sql.text import column, parquet
from seeknal_nb.sql.typenames import is_named, is_spelled, near_type, spelled
from seeknal_nb.storage.builds import DATA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.engines import Table
    from seeknal_nb.kinds.task import Task

__all__ = ["RAW", "Located", "build_cast", "cast_staged", "declared", "found_in", "no_rows"]

RAW = "raw.parquet"
"""What was read, before its casts; taken away afterwards."""
ENTRY = ("name", "data_type", "type", "description")


@dataclass(frozen=True, slots=True)
class Located:
    """The same rows, for an error's text: what stands after FROM, and its columns of files and of numbers from 0."""

    relation: str
    file: str = ""
    row: str = ""


def declared(node: Node) -> dict[str, str]:
    """The types that the node's ``schema`` declares, by column; raises ``ManifestError`` where it is no schema."""
    found: dict[str, str] = {}
    for entry in node.config.get("schema") or ():
        refuse_unknown_names(entry, ENTRY, "schema")
        name = entry.get("name")
        if not isinstance(name, str) or not name:
            raise ManifestError("a column of schema without a name", remedy="{name: amount, data_type: DOUBLE}")
        if name.casefold() in map(str.casefold, found):
            raise ManifestError(f"column {name!r} stands twice in schema", remedy="keep one of them (case is ignored)")
        found[name] = _type(entry)
    return found


def _type(entry: Mapping[str, Any]) -> str:
    name = entry.get("data_type") or entry.get("type")
    if not isinstance(name, str) or not is_spelled(name):
        raise ManifestError(
            f"{name!r} is no data type",
            why=f"column {entry['name']!r} of schema has it",
            remedy="write a type of SQL, as DOUBLE, DECIMAL(10, 2) or INTEGER[]",
        )
    if not is_named(name):
        raise ManifestError(
            f"there is no data type {name!r}",
            why=f"column {entry['name']!r} of schema has it",
            remedy=near_type(name),
        )
    return spelled(name)


def found_in(columns: Iterable[tuple[str, str]], types: Mapping[str, str], *, some: bool = False) -> dict[str, str]:
    """The declared types by the columns' own names, whose case may differ.

    Args:
        columns: Those that are there, with the types that they have.
        types: Those that are declared.
        some: Whether a declared column may be missing: others stand elsewhere.

    Raises:
        NodeError: One is missing.
    """
    known = dict(columns)
    if some:
        own = {name.casefold() for name in known}
        types = {name: kind for name, kind in types.items() if name.casefold() in own}
    why = f"schema declares it, and there are {', '.join(known)}"
    return dict(zip(find_columns(types, known, why=why), types.values(), strict=True))


def build_cast(
    task: Task,
    relation: str,
    types: Mapping[str, str],
    *,
    read: Mapping[str, str] | None = None,
    text: Callable[[str, str], str] | None = None,
    located: Located | None = None,
    rejecting: bool = False,
) -> Table:
    """Stage the rows of a relation with its declared columns cast.

    Args:
        task: Whose.
        relation: What stands after FROM.
        types: By column, as the relation has it.
        read: SQL of what other columns are to be, which cannot fail.
        text: Gives SQL of which a text's cast is taken, by the column's SQL and the type.
        located: The same rows, for an error's text.
        rejecting: Leave rows out whose values cannot be cast.

    Raises:
        NodeError: A value cannot be cast, or would lose something.
    """
    casts = _casts(task, relation, types, text or (lambda value, _: value))
    made = {name: f"CASE WHEN {one.lost} THEN error('lost') ELSE {one.made} END" for name, one in casts.items()}
    replaced = ", ".join(f"{sql} AS {column(name)}" for name, sql in {**(read or {}), **made}.items())
    kept = " AND ".join(f"NOT {one.lost}" for one in casts.values()) if rejecting else ""
    where = f" WHERE {kept}" if kept else ""
    try:
        return task.engine.build(
            f"SELECT *{f' REPLACE ({replaced})' if replaced else ''} FROM {relation}{where}", task.stage / DATA
        )
    except NodeError as error:
        found = _culprit(task, located or Located(relation), casts)
        if found is None:
            raise
        raise found from error


def cast_staged(task: Task, table: Table, types: Mapping[str, str]) -> Table:
    """The staged table with its declared columns cast: for what came as a frame, or from a body."""
    if not types:
        return table
    named = found_in(table.schema, types)
    raw = (task.stage / DATA).rename(task.stage / RAW)
    made = build_cast(task, parquet(raw), named)
    raw.unlink()
    return replace(made, warnings=table.warnings)


def no_rows(task: Task, types: Mapping[str, str]) -> Table:
    """Stage a table of no rows with the declared columns."""
    return task.engine.build(f"SELECT {_nulls(types)} WHERE false", task.stage / DATA)


def _nulls(types: Mapping[str, str]) -> str:
    return ", ".join(f"CAST(NULL AS {kind}) AS {column(name)}" for name, kind in types.items())


@dataclass(frozen=True, slots=True)
class _Cast:
    """One column's: the type as it was written, SQL of the value, and SQL that is true where it would lose something."""

    kind: str
    made: str
    lost: str


def _casts(task: Task, relation: str, types: Mapping[str, str], text: Callable[[str, str], str]) -> dict[str, _Cast]:
    if not types:
        return {}
    have = dict(task.engine.describe(f"SELECT * FROM {relation}"))
    called = dict(task.engine.describe(f"SELECT {_nulls(types)}"))
    found = {}
    for name, kind in types.items():
        value = text(column(name), called[name]) if have[name] == "VARCHAR" else column(name)
        found[name] = _Cast(kind, cast(value, have[name], called[name]), lost(value, have[name], called[name]))
    return found


def _culprit(task: Task, located: Located, casts: Mapping[str, _Cast]) -> NodeError | None:
    """Which value broke the casts; None where it was something else."""
    parts = ["count(*)"]
    for name, one in casts.items():
        bad = f"FILTER (WHERE {one.lost})"
        file = f"first({column(located.file)}) {bad}" if located.file else "NULL"
        row = f"first({column(located.row)}) {bad}" if located.row else "NULL"
        parts += [f"count(*) {bad}", f"first({column(name)}::VARCHAR) {bad}", file, row]
    try:
        rows, *found = task.engine.query(f"SELECT {', '.join(parts)} FROM {located.relation}", form="rows")[0]
    except NodeError:
        return None
    texts = [
        _loss_text(name, one.kind, rows, *found[4 * at : 4 * at + 4])
        for at, (name, one) in enumerate(casts.items())
        if found[4 * at]
    ]
    remedy = "mend the data or the type, or name nullstr"
    if any(one.kind.startswith(("DATE", "TIMESTAMP")) and found[4 * at] for at, one in enumerate(casts.values())):
        remedy += ", or how it is written, as dateformat: '%d/%m/%Y'"
    return NodeError("schema does not fit", why="; ".join(texts), remedy=remedy) if texts else None


def _loss_text(name: str, kind: str, rows: int, count: int, value: str, file: str | None, row: int | None) -> str:
    where = f" in {file}" if file else f" in row {row + 1:,}" if row is not None else ""
    return f"{count:,} of {rows:,} rows in column {name!r} {'is' if count == 1 else 'are'} no {kind}, as {value!r}{where}"
