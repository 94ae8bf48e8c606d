"""What a SQL text reads, and its normal form; by sqlglot, so nothing is executed and no engine is asked."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.graph import NAME
from seeknal_nb.errors import ManifestError, near

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["References", "TableName", "canonical", "column", "holes", "literal", "quote", "render", "rewrite", "tables_in"]

_CACHED = 8192
# Where sqlglot cannot parse what DuckDB can, names after FROM and JOIN are still found.
_AFTER_FROM = re.compile(r"\b(?:from|join)\s+((?:\w+\.)?\w+)(?![\w.(])", re.IGNORECASE)
_REF = re.compile(r"\bref\s*\(\s*'((?:[^']|'')*)'\s*\)", re.IGNORECASE)
_HOLE = re.compile(r"\{\{\s*(?:(ident)\s*\(\s*(\w+)\s*\)|(\w+))\s*\}\}")
_COMMENT_OR_TEXT = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)
_SYSTEM = frozenset({"information_schema", "pg_catalog"})


@dataclass(frozen=True, slots=True)
class TableName:
    """A table as it is written in a body: ``text`` from ``start`` to ``end`` (0-based, end excluded)."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class References:
    """The tables that a body reads, in the order in which it names them, and the files that it reads itself."""

    tables: tuple[TableName, ...]
    files: tuple[str, ...] = ()


def quote(name: str) -> str:
    """An identifier as SQL writes it; ``kind.name`` gives two."""
    return ".".join(column(part) for part in name.split("."))


def column(name: str) -> str:
    """A column's name as SQL writes it; it may hold a dot."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: object) -> str:
    """A value as a SQL literal: text quoted, lists as lists, None as NULL."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (int, float)):
        return repr(value) if math.isfinite(value) else f"'{value}'::DOUBLE"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(literal(item) for item in value) + "]"
    return "'" + str(value).replace("'", "''") + "'"


def holes(text: str) -> tuple[str, ...]:
    """The parameters that ``{{ name }}`` and ``{{ ident(name) }}`` ask for, each once."""
    return tuple(dict.fromkeys(m[2] or m[3] for m in _HOLE.finditer(text))) if "{{" in text else ()


def render(text: str, params: Mapping[str, object], *, known: bool = True, plain: bool = False) -> str:
    """The text with its parameters put in, as literals or, by ``ident``, as quoted identifiers.

    Args:
        text: SQL, or any text.
        params: Values by name.
        known: False leaves an unknown parameter as NULL, for whoever only looks at the tables.
        plain: The text is no SQL: a value is put in as it is.

    Raises:
        ManifestError: A parameter has no value.
    """
    if "{{" not in text:
        return text

    def value(match: re.Match[str]) -> str:
        name = match[2] or match[3]
        if name not in params:
            if not known:
                return "NULL"
            raise ManifestError(
                f"parameter {name!r} is not defined",
                remedy=f"give it with --params {name}=...; {near(name, params, what='parameter')}",
            )
        if plain:
            return str(params[name])
        return quote(str(params[name])) if match[1] else literal(params[name])

    return _HOLE.sub(value, text)


@lru_cache(maxsize=_CACHED)
def canonical(sql: str) -> str:
    """The normal form: comments and layout go, key words and functions are in capitals, names keep their case.

    A text that sqlglot cannot parse is its own words, one space apart.
    """
    statements = _parse(sql)
    if statements is None:
        return " ".join(sql.split())
    return "; ".join(s.sql("duckdb", comments=False, normalize_functions="upper") for s in statements)


@lru_cache(maxsize=_CACHED)
def tables_in(sql: str) -> References:
    """What the body reads besides its own CTEs and temporary tables.

    ``ref('kind.name')`` counts as the table ``kind.name``; ``read_csv('f')`` and ``FROM 'f.parquet'`` as files.
    """
    plain = _without_refs(sql)
    statements = _parse(plain)
    refs = [TableName(m[1], m.start(), m.end()) for m in _live(_REF, sql)]
    if statements is None:
        found = [TableName(m[1], m.start(1), m.end(1)) for m in _live(_AFTER_FROM, plain)]
        return References(_in_order([*refs, *(t for t in found if not _is_hole(t.text))]))
    own: set[str] = set()
    tables: list[TableName] = list(refs)
    files: list[str] = []
    for statement in statements:
        own |= _own_names(statement)
        for table in _tables(statement):
            _sort_table(table, own, tables, files)
    return References(_in_order(tables), tuple(dict.fromkeys(files)))


def rewrite(sql: str, resolve: Callable[[str], str | None]) -> str:
    """The text with every table for which ``resolve`` knows a node written as that node's quoted id."""
    pieces, at = [], 0
    for table in tables_in(sql).tables:
        node_id = resolve(table.text)
        if node_id is not None:
            pieces += [sql[at : table.start], quote(node_id)]
            at = table.end
    return "".join([*pieces, sql[at:]])


def _parse(sql: str) -> list[Any] | None:
    import sqlglot  # noqa: PLC0415 - 0.14 s, and a saved manifest does without it
    from sqlglot.errors import SqlglotError  # noqa: PLC0415

    try:
        statements = sqlglot.parse(sql, read="duckdb")
    except (SqlglotError, RecursionError):
        return None
    found = [s for s in statements if s is not None]
    return None if any(type(s).__name__ == "Command" for s in found) else found


def _hole_name(length: int) -> str:
    """A name as long as what it stands for, so that positions stay; no node can be called so."""
    return "\u00f8" * length


def _is_hole(name: str) -> bool:
    return name.startswith("\u00f8")


def _without_refs(sql: str) -> str:
    if not any(True for _ in _live(_REF, sql)):
        return sql
    pieces, at = [], 0
    for match in _live(_REF, sql):
        pieces += [sql[at : match.start()], _hole_name(len(match[0]))]
        at = match.end()
    return "".join([*pieces, sql[at:]])


def _live(pattern: re.Pattern[str], sql: str) -> Iterator[re.Match[str]]:
    """Matches that do not begin inside a comment or a quoted text."""
    if not pattern.search(sql):
        return
    dead = [m.span() for m in _COMMENT_OR_TEXT.finditer(sql)]
    for match in pattern.finditer(sql):
        if not any(start <= match.start() < end for start, end in dead):
            yield match


def _in_order(tables: list[TableName]) -> tuple[TableName, ...]:
    return tuple(sorted(tables, key=lambda table: table.start))


def _own_names(statement: Any) -> set[str]:
    from sqlglot import exp  # noqa: PLC0415

    names = {cte.alias.casefold() for cte in statement.find_all(exp.CTE)}
    if isinstance(statement, exp.Create) and isinstance(statement.this, (exp.Table, exp.Schema)):
        names.add(statement.this.find(exp.Table).name.casefold())
    return names


def _tables(statement: Any) -> Iterator[Any]:
    from sqlglot import exp  # noqa: PLC0415

    created = statement.this if isinstance(statement, exp.Create) else None
    for table in statement.find_all(exp.Table):
        if table is not created and (created is None or table.parent is not created):
            yield table


def _sort_table(table: Any, own: set[str], tables: list[TableName], files: list[str]) -> None:
    from sqlglot import exp  # noqa: PLC0415

    if isinstance(table.this, exp.Func):
        if _reads_files(table.this):
            files += [x.this for x in table.this.find_all(exp.Literal) if x.is_string and _is_argument(x, table.this)]
        return
    name, first = table.name, table.args.get("db") or table.this
    if _is_hole(name) or table.db.casefold() in _SYSTEM:
        return
    if not NAME.fullmatch(name) and not table.db:
        files.append(name)
        return
    if not table.db and name.casefold() in own:
        return
    start, end = first.meta.get("start"), table.this.meta.get("end")
    if start is not None and end is not None:
        tables.append(TableName(f"{table.db}.{name}" if table.db else name, start, end + 1))


def _is_argument(value: Any, function: Any) -> bool:
    """A positional argument, or an item of a list that is one; not an option's value."""
    holder = value.parent if type(value.parent).__name__ == "Array" else value
    return holder.parent is function


def _reads_files(function: Any) -> bool:
    name = (function.name if type(function).__name__ == "Anonymous" else function.sql_name()).casefold()
    return "read_" in name or name.endswith("_scan") or name in {"glob", "parquet_schema", "parquet_metadata"}
