"""Rows to a table of PostgreSQL, in one transaction: readers see the former table or the new one.

A table that has the columns already is filled anew, so that what belongs to it and what depends on it stays.
"""

from __future__ import annotations

import secrets as random_text
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import NodeError
from seeknal_nb.kinds.connections import connect, driver_errors
from seeknal_nb.kinds.exposures.databases import DELIVERIES, KEPT, decimal_digits, go_on, not_ours, would_change
from seeknal_nb.kinds.exposures.finite import as_json, microseconds, within
from seeknal_nb.kinds.exposures.writers import Rows, batches, projected
from seeknal_nb.markup import plural
from seeknal_nb.sql.text import column, shown
from seeknal_nb.sql.types import is_nested, is_time, is_zoned

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seeknal_nb.kinds.exposures.targets import Target
    from seeknal_nb.kinds.task import Surroundings, Task

__all__ = ["in_words", "postgres_changed", "to_postgres"]

SMALL = {
    "TINYINT": "SMALLINT", "UTINYINT": "SMALLINT", "USMALLINT": "INTEGER", "UINTEGER": "BIGINT", "UBIGINT": "DECIMAL(20,0)",
}  # fmt: skip
"""What PostgreSQL has in place of integers without a sign, and of the smallest."""
PLAIN = frozenset(
    {"BOOLEAN", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "VARCHAR", "BLOB", "DATE", "TIME", "TIMESTAMP",
     "TIMESTAMP WITH TIME ZONE"}
)  # fmt: skip
"""What ADBC gives PostgreSQL as it is."""
ORDINARY = "r"
"""The kind of a table without partitions, as pg_class has it."""


def to_postgres(
    task: Task, rows: Rows, target: Target, delivery: str, before: tuple[str, ...]
) -> tuple[tuple[str, ...], bool]:
    """Deliver to a table of a server, whose schema must be there.

    Gives what ``postgres_changed`` is to hold against the table later, and whether the rows were added there before.
    ``before`` is what that was at the node's last delivery.

    Raises:
        NodeError: It cannot be reached, or refuses; without a secret in its text.
    """
    _refuse_endless(task, rows)
    rows = projected(task, rows, _as_postgres)
    schema, _, name = target.table.rpartition(".")
    temporary = f"{name[:40]}__new_{random_text.token_hex(4)}"
    held: tuple[str, ...] = ()
    again = False
    with connect(task.node.config, task.surroundings, write=True) as opened:
        with opened.cursor() as cursor:
            schema = schema or _current_schema(cursor)
            prefix = f"{column(schema)}."
            _ingest(task, cursor, rows, schema, temporary)
            _convert(cursor, rows, prefix + column(temporary))
            if target.append:
                again = not _append(task, cursor, rows, prefix, name, temporary, delivery)
            else:
                _replace(task, cursor, prefix, name, temporary, before)
                held = _writer(cursor), str(rows.count)
        go_on(task)
        opened.commit()
    return held, again


def _refuse_endless(task: Task, rows: Rows) -> None:
    """Refuse times that are infinite: the driver would make a year of them."""
    times = [(name, kind) for name, kind in rows.schema if is_time(kind.removesuffix("[]"))]
    ends = {name: _ends(kind, column(name)) for name, kind in times}
    if not ends:
        return
    endless = ", ".join(f"count(*) FILTER (WHERE NOT ({finite}))" for finite in ends.values())
    [counts] = task.engine.query(f"SELECT {endless} FROM ({rows.sql})", form="rows")
    for name, count in zip(ends, counts, strict=True):
        if count:
            raise NodeError(
                f"column {name!r} holds times without end", why=f"{plural(count, 'row')} of infinity",
                remedy=f"CASE WHEN isfinite({shown(name)}) THEN {shown(name)} END, or CAST it to VARCHAR",
            )  # fmt: skip


def _ends(kind: str, value: str) -> str:
    if kind.endswith("[]"):
        return f"len(list_filter({value}, lambda one: NOT {_ends(kind[:-2], 'one')})) = 0"
    return f"isfinite({f'{value}::TIMESTAMPTZ' if is_zoned(kind) else value})"  # there is none of TIMESTAMPTZ_NS


def _current_schema(cursor: Any) -> str:
    """Where a table without a schema is made: its bare name could mean another one's further on in the search path."""
    cursor.execute("SELECT current_schema()")
    (found,) = cursor.fetchone()
    if not found:
        raise NodeError(
            "no schema of the search path is there", remedy="create the connection's schema, or write schema.table"
        )
    return str(found)


def _ingest(task: Task, cursor: Any, rows: Rows, schema: str, table: str) -> None:
    import pyarrow as pa  # noqa: PLC0415 - 0.2 s
    from pyarrow import parquet  # noqa: PLC0415 - likewise

    reader = pa.RecordBatchReader.from_batches(parquet.read_schema(rows.file).remove_metadata(), _bare(task, rows))
    cursor.adbc_ingest(table, reader, mode="create", db_schema_name=schema)


def _bare(task: Task, rows: Rows) -> Iterator[Any]:
    for batch in batches(task, rows):
        yield batch.replace_schema_metadata(None)


def _convert(cursor: Any, rows: Rows, table: str) -> None:
    """Give columns that travelled as text the type that PostgreSQL has for them."""
    changes = [
        f"ALTER COLUMN {column(name)} TYPE {kind} USING {column(name)}::{kind}"
        for name, kind in ((name, _converted(kind)) for name, kind in rows.schema)
        if kind
    ]
    if changes:
        cursor.execute(f"ALTER TABLE {table} {', '.join(changes)}")


def _converted(kind: str) -> str:
    if is_nested(kind) and not _is_plain_list(kind):
        return "jsonb"
    if decimal_digits(kind):
        return f"numeric{kind.removeprefix('DECIMAL')}"
    return {"UUID": "uuid", "INTERVAL": "interval", "JSON": "jsonb", "TIME WITH TIME ZONE": "timetz"}.get(kind, "")


def _as_postgres(kind: str, value: str) -> str:
    if kind in SMALL:
        return f"CAST({value} AS {SMALL[kind]})"
    if kind in PLAIN or decimal_digits(kind) or _is_plain_list(kind):
        return value
    if is_time(kind):
        return microseconds(kind, value, to="TIMESTAMPTZ" if is_zoned(kind) else "TIMESTAMP")
    return as_json(kind, value) if is_nested(kind) else f"CAST({value} AS VARCHAR)"


def in_words(kind: str, value: str) -> str:
    """A value with NULL for what PostgreSQL has no word for: it has NaN and infinity, but not in JSON."""
    return value if _is_plain_list(kind) else within(kind, value)


def _is_plain_list(kind: str) -> bool:
    return kind.endswith("[]") and kind[:-2] in PLAIN - {"TIME"}


def _replace(task: Task, cursor: Any, prefix: str, name: str, temporary: str, before: tuple[str, ...]) -> None:
    """Other rows in the table that is there, where it has the same columns; else another table."""
    table, new = prefix + column(name), prefix + column(temporary)
    kind = _fillable(cursor, table)
    if kind and _columns(cursor, table) == _columns(cursor, new):
        _refill(cursor, table, new, only="ONLY " if kind == ORDINARY else "")
    else:
        _swap(task, cursor, table, new, name, before)
    if _there(cursor, prefix + DELIVERIES):
        cursor.execute(f'DELETE FROM {prefix}{DELIVERIES} WHERE "table" = {_text(name)}')


def _fillable(cursor: Any, table: str) -> str:
    """The kind of a table whose rows may be deleted with no harm; empty where a rule, a policy or a reference forbids it.

    A reference from another table may take that one's rows along: ON DELETE CASCADE.
    """
    cursor.execute(
        f"SELECT relkind::TEXT FROM pg_class AS own WHERE oid = to_regclass({_text(table)}) AND relkind IN ('r', 'p') "
        "AND NOT relhasrules AND NOT row_security_active(oid) AND NOT EXISTS "
        "(SELECT 1 FROM pg_constraint WHERE contype = 'f' AND confrelid = own.oid AND conrelid <> own.oid)"
    )
    found = cursor.fetchall()
    return str(found[0][0]) if found else ""


def _columns(cursor: Any, table: str) -> list[tuple[Any, ...]]:
    """Names and types in order, and which ones PostgreSQL fills itself."""
    cursor.execute(
        "SELECT attname::TEXT, format_type(atttypid, atttypmod), attgenerated::TEXT, (attidentity = 'a')::TEXT "
        f"FROM pg_attribute WHERE attrelid = to_regclass({_text(table)}) AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
    )
    return list(cursor.fetchall())


def _refill(cursor: Any, table: str, new: str, *, only: str) -> None:
    """Keeps indexes, grants, and the views that read it; who writes there too waits, who reads does not."""
    cursor.execute(f"LOCK TABLE {only}{table} IN SHARE ROW EXCLUSIVE MODE")
    cursor.execute(f"DELETE FROM {only}{table}")
    cursor.execute(f"INSERT INTO {table} SELECT * FROM {new}")
    cursor.execute(f"DROP TABLE {new}")


def _swap(task: Task, cursor: Any, table: str, new: str, name: str, before: tuple[str, ...]) -> None:
    """Another table in place of one whose rows are the node's own."""
    remedy = "deliver the columns that it has: then it stays, with what depends on it; or to another table"
    with driver_errors(task.surroundings.secrets, f"PostgreSQL keeps the table {name}", remedy=remedy):
        ours = not _there(cursor, table)
        if before and not ours:
            cursor.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            ours = _own(cursor, table, *before)
        cursor.execute(f"DROP TABLE IF EXISTS {table}")  # where it cannot be dropped at all, PostgreSQL knows why
    if not ours:
        raise not_ours(name, f"DROP TABLE {table}")
    cursor.execute(f"ALTER TABLE {new} RENAME TO {column(name)}")


def _append(task: Task, cursor: Any, rows: Rows, prefix: str, name: str, temporary: str, delivery: str) -> bool:
    """Whether the rows were added: not where the same delivery was before."""
    cursor.execute(f"CREATE TABLE IF NOT EXISTS {prefix}{DELIVERIES} {KEPT}")
    if not _there(cursor, prefix + column(name)):
        cursor.execute(f'DELETE FROM {prefix}{DELIVERIES} WHERE "table" = {_text(name)}')
        cursor.execute(f"CREATE TABLE {prefix}{column(name)} (LIKE {prefix}{column(temporary)})")
    names = ", ".join(column(one) for one, _ in rows.schema)
    noted = f"INSERT INTO {prefix}{DELIVERIES} VALUES ({_text(name)}, {_text(delivery)}, {rows.count})"
    cursor.execute(f"WITH noted AS ({noted} ON CONFLICT DO NOTHING RETURNING 1) SELECT count(*) FROM noted")
    [(new,)] = cursor.fetchall()
    if new:
        _prove_kept(task, cursor, prefix, name, temporary)
        cursor.execute(f"INSERT INTO {prefix}{column(name)} ({names}) SELECT {names} FROM {prefix}{column(temporary)}")
    cursor.execute(f"DROP TABLE {prefix}{column(temporary)}")
    return bool(new)


def _prove_kept(task: Task, cursor: Any, prefix: str, name: str, temporary: str) -> None:
    """Refuse rows that columns of other types would change, as 1.5 is 2 among integers: there and back must be the same."""
    held = {one: kind for one, kind, *_ in _columns(cursor, prefix + column(name))}
    sent = [(one, kind) for one, kind, *_ in _columns(cursor, prefix + column(temporary))]
    others = [(one, ours, held[one]) for one, ours in sent if held.get(one, ours) != ours]
    for one, ours, theirs in others:
        if _is_moment(ours) and _is_moment(theirs) and ("with time zone" in ours) != ("with time zone" in theirs):
            zone = f"CAST({shown(one)} AT TIME ZONE 'UTC' AS ...)"
            raise NodeError(f"the zone of column {one!r} would be guessed", why=f"{ours} into {theirs}", remedy=zone)
        value, there = column(one), f"{column(one)}::{theirs}"
        changed = f"FILTER (WHERE {there}::{ours} IS DISTINCT FROM {value})"
        with driver_errors(task.surroundings.secrets, f"the table {name} has no place for column {one!r}", remedy="CAST it"):
            cursor.execute(
                f"SELECT count(*) {changed}, min({value}::text || ' to ' || {there}::text) {changed} "
                f"FROM {prefix}{column(temporary)}"
            )
            [(count, example)] = cursor.fetchall()
        if count:
            raise would_change(name, one, count, f"{ours} into {theirs}, as {example}")


def _is_moment(kind: str) -> bool:
    return kind.startswith(("timestamp", "date", "time"))


def _writer(cursor: Any) -> str:
    """What every row that this transaction wrote has as its ``xmin``."""
    cursor.execute("SELECT (txid_current() % 4294967296)::TEXT")
    return str(cursor.fetchone()[0])


def postgres_changed(config: Mapping[str, Any], around: Surroundings, table: str, delivery: str, *held: str) -> str:
    """Asks the server why a table is no longer as it was delivered; empty where it is.

    Args:
        config: The node's, which says where the server is.
        around: The project.
        table: As the target names it.
        delivery: Of an append, what has to be noted; others may add rows too. Else empty.
        held: Else which transaction wrote the rows, and how many: all of them still have to be its own.
    """
    schema, _, name = table.rpartition(".")
    try:
        with connect(config, around) as opened, opened.cursor() as cursor:
            prefix = f"{column(schema or _current_schema(cursor))}."
            if not _there(cursor, prefix + column(name)):
                return f"target missing: {table}"
            same = _noted(cursor, prefix, name, delivery) if delivery else _own(cursor, prefix + column(name), *held)
    except NodeError:
        return f"target unreadable: {table}"
    return "" if same else f"target altered: {table}"


def _noted(cursor: Any, prefix: str, name: str, delivery: str) -> bool:
    if not _there(cursor, prefix + DELIVERIES):
        return False
    where = f'"table" = {_text(name)} AND "delivery" = {_text(delivery)}'
    cursor.execute(f"SELECT count(*) FROM {prefix}{DELIVERIES} WHERE {where}")
    return bool(cursor.fetchone()[0])


def _own(cursor: Any, table: str, writer: str, count: str) -> bool:
    only = "ONLY " if _fillable(cursor, table) == ORDINARY else ""
    cursor.execute(f"SELECT count(*), count(*) FILTER (WHERE xmin = {_text(writer)}::xid) FROM {only}{table}")
    return set(cursor.fetchone()) == {int(count)}


def _there(cursor: Any, table: str) -> bool:
    cursor.execute(f"SELECT to_regclass({_text(table)}) IS NOT NULL")
    return bool(cursor.fetchone()[0])


def _text(value: str) -> str:
    """A text as PostgreSQL writes it, whatever ``standard_conforming_strings`` is."""
    return "E'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
