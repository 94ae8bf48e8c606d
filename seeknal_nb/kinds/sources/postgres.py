"""Rows of a PostgreSQL table or query as an exact Arrow table; connections are another module's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal_nb.engines.names import distinct, renamed
from seeknal_nb.errors import NodeError
from seeknal_nb.kinds.connections import cancellable, connect
from seeknal_nb.sql.text import column

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping, Sequence

    from seeknal_nb.kinds.task import Surroundings

__all__ = ["query_of", "read_postgres", "watermark_of"]

TYPE, TYPMOD = b"POSTGRESQL:type", b"POSTGRESQL:typmod"
CASTS = {b"money": "numeric", b"_money": "numeric[]", b"oid": "bigint"}
"""Types that the driver gives in a way that means something else: money as a count of cents, a high oid below 0."""
WIDEST = 38
ENDS = {
    "int32": ((-2147472692, 2**31 - 1), (-2147472691, 1 - 2**31)),
    "int64": ((-9222425352054775809, 2**63 - 1), (-9222425352054775808, 1 - 2**63)),
}
"""What the driver (1.13) makes of infinity and -infinity in dates and in timestamps: it adds 30 years and lets them
overflow, to years that PostgreSQL does not have. Beside them what DuckDB takes for infinity and -infinity."""


def query_of(config: Mapping[str, Any]) -> str:
    """The SELECT that a source's config asks for: its body, its ``query``, or all of its ``table``."""
    params = config.get("params") or {}
    query = config.get("sql") or config.get("query") or params.get("query")
    if query:
        return str(query).strip().rstrip(";")
    table = str(params.get("table") or config.get("table") or "")
    return f"SELECT * FROM {'.'.join(column(part) for part in table.split('.'))}"


def read_postgres(
    config: Mapping[str, Any], around: Surroundings, cancelled: threading.Event | None = None
) -> tuple[Any, list[str]]:
    """The rows, and which numbers could not be kept exactly.

    Raises:
        NodeError: It cannot be reached, or refuses.
        Interrupted: ``cancelled`` was set.
    """
    sql = query_of(config)
    with connect(config, around) as connection, connection.cursor() as cursor:
        given, table = cancellable(cursor, lambda: _rows(cursor, sql), cancelled)
    rows, warned = _plain(table)
    return rows, [*renamed(given, rows.column_names), *warned]


def _rows(cursor: Any, sql: str) -> tuple[list[str], Any]:
    """The names that the query gives its columns, and its rows, whose columns have names apart."""
    schema = _schema(cursor, sql)
    given = list(schema.names)
    if (names := distinct(given)) != given:
        sql = f"SELECT * FROM (\n{sql}\n) AS seeknal({', '.join(map(column, names))})"
        schema = _schema(cursor, sql)
    spelled = _spelled(sql, schema)
    _flat(cursor, sql, [field.name for field in schema if hasattr(field.type, "value_field")])
    cursor.execute(spelled)
    return given, cursor.fetch_arrow_table()


def _schema(cursor: Any, sql: str) -> Any:
    cursor.execute(f"SELECT * FROM (\n{sql}\n) AS seeknal LIMIT 0")
    return cursor.fetch_arrow_table().schema


def _flat(cursor: Any, sql: str, names: Sequence[str]) -> None:
    """Refuse arrays of arrays, which the driver would give as one list; their type does not tell them."""
    if not names:
        return
    depths = ", ".join(f"max(array_ndims({column(name)}))" for name in names)
    cursor.execute(f"SELECT {depths} FROM (\n{sql}\n) AS seeknal")
    for name, depth in zip(names, cursor.fetchone(), strict=True):
        if (depth or 0) > 1:
            raise NodeError(f"column {name!r} holds arrays of arrays", remedy=f"write to_json({column(name)}) in the query")


def watermark_of(config: Mapping[str, Any], around: Surroundings) -> str:
    """What the ``watermark`` query gives now, as text; raises ``NodeError``."""
    with connect(config, around) as connection, connection.cursor() as cursor:
        sql = str(config["watermark"]).strip().rstrip(";")
        rows = cancellable(cursor, lambda: _rows(cursor, sql))[1].to_pylist()
    return repr([tuple(map(str, row.values())) for row in rows])


def _spelled(sql: str, schema: Any) -> str:
    """The query, with the columns that the driver gives as bytes or as something else cast by PostgreSQL."""
    names = [field.name for field in schema]
    casts = {field.name: kind for field in schema if (kind := _cast_of(field))}
    if not casts:
        return sql
    columns = (f"{column(n)}{f'::{casts[n]} AS {column(n)}' if n in casts else ''}" for n in names)
    return f"SELECT {', '.join(columns)} FROM (\n{sql}\n) AS seeknal"


def _cast_of(field: Any) -> str | None:
    kind = (field.metadata or {}).get(TYPE, b"")
    opaque = getattr(field.type, "extension_name", "") == "arrow.opaque"
    if (opaque and kind != b"numeric") or kind == b"record":  # the driver cannot read a row without a type
        return "text"
    return CASTS.get(kind)


def _plain(table: Any) -> tuple[Any, list[str]]:
    """Numbers as DECIMAL, JSON as text, endless dates as DuckDB has them."""
    import pyarrow as pa  # noqa: PLC0415 - the driver has it already

    warned: list[str] = []
    columns = []
    for field, values in zip(table.schema, table.columns, strict=True):
        new, lossy = _column(field, values, pa)
        columns.append(new)
        if lossy:
            warned.append(f"column {field.name!r} is numeric, but holds what no DECIMAL({WIDEST}) can: it became DOUBLE")
    return pa.Table.from_arrays(columns, names=[field.name for field in table.schema]), warned


def _column(field: Any, values: Any, pa: Any) -> tuple[Any, bool]:
    kind = (field.metadata or {}).get(TYPE, b"")
    if kind == b"numeric":
        return _decimal(_storage(values, pa), int(field.metadata.get(TYPMOD, b"-1")), pa)
    if kind == b"_numeric":
        return _decimal_lists(values.combine_chunks(), pa)
    if kind in (b"date", b"timestamp", b"timestamptz"):
        return _endless(values, pa), False
    return (_storage(values, pa) if kind in (b"json", b"jsonb") else values), False


def _storage(values: Any, pa: Any) -> Any:
    return pa.chunked_array([chunk.storage for chunk in values.chunks], pa.string())


def _decimal(texts: Any, typmod: int, pa: Any) -> tuple[Any, bool]:
    """As DECIMAL of the declared width, else of the widest with the scale that the values need; else as DOUBLE."""
    precision, scale = _declared(typmod) if typmod >= 0 else (WIDEST, _scale(texts))
    try:
        return texts.cast(pa.decimal128(precision, scale)), False
    except (pa.ArrowInvalid, ValueError):  # NaN, infinity, or more than 38 digits
        return texts.cast(pa.float64()), True


def _declared(typmod: int) -> tuple[int, int]:
    """Precision and scale, as PostgreSQL packs them; a scale below 0 (numeric(5, -2)) rounds before the point."""
    precision, scale = (typmod - 4) >> 16, ((((typmod - 4) & 0x7FF) ^ 1024) - 1024)
    return (precision - scale, 0) if scale < 0 else (max(precision, scale), scale)


def _scale(texts: Any) -> int:
    """Digits behind the point, at most; PostgreSQL never writes an exponent."""
    import pyarrow.compute as pc  # noqa: PLC0415 - the driver has it already

    return int(pc.max(pc.utf8_length(pc.replace_substring_regex(texts, r"^[^.]*\.?", ""))).as_py() or 0)


def _decimal_lists(lists: Any, pa: Any) -> tuple[Any, bool]:
    values, lossy = _decimal(_storage(pa.chunked_array([lists.values]), pa), -1, pa)
    return pa.ListArray.from_arrays(lists.offsets, values.combine_chunks(), mask=_mask(lists)), lossy


def _mask(lists: Any) -> Any:
    return lists.is_null() if lists.null_count else None


def _endless(values: Any, pa: Any) -> Any:
    import pyarrow.compute as pc  # noqa: PLC0415 - the driver has it already

    width = "int32" if pa.types.is_date(values.type) else "int64"
    numbers = values.cast(width)
    for given, meant in ENDS[width]:
        numbers = pc.if_else(pc.equal(numbers, given), pa.scalar(meant, width), numbers)
    return numbers.cast(values.type)
