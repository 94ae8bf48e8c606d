"""What a SQL text reads, and its normal form; by sqlglot, so nothing is executed and no engine is asked."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.graph import NAME
from seeknal_nb.dag.sqltext import literal, quote, spans, statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

__all__ = ["Named", "canonical", "files_in", "multiplies", "rewrite", "tables_in", "volatile_in"]

_CACHED = 8192
# Where sqlglot cannot parse what DuckDB can, names after these words are still found.
_AFTER_FROM = re.compile(r"\b(?:from|join|pivot|unpivot|summarize)\s+((?:\w+\.)?\w+)(?![\w.(])", re.IGNORECASE)
_MAY_READ_FILES = re.compile(r"read_|_scan|glob|parquet_|(?:from|join)\s*'", re.IGNORECASE)
_REF = re.compile(r"\bref\s*\(\s*['\"]((?:[^'\"]|'')*)['\"]\s*\)", re.IGNORECASE)
_LATEST = re.compile(r"\b(?:from|join)\s+latest\s*\(\s*((?:\w+|\"\w+\")(?:\s*\.\s*(?:\w+|\"\w+\"))?)\s*\)", re.IGNORECASE)
_TOKEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|\w+|\S", re.DOTALL)
_AS_WRITTEN = frozenset(
    {"VAR", "STRING", "IDENTIFIER", "NUMBER", "RAW_STRING", "HEREDOC_STRING", "ESCAPE_STRING", "BYTE_STRING"}
)
"""Tokens whose letters count: names, texts and numbers."""
_VOLATILE = re.compile(
    r"(?<![\w.\"])(?:(now|today|random|uuid|uuidv4|uuidv7|gen_random_uuid|nextval|get_current_time(?:stamp)?|"
    r"transaction_timestamp)\s*\(|(current_date|current_time(?:stamp)?|localtime(?:stamp)?|tablesample|using\s+sample)\b)",
    re.IGNORECASE,
)
"""What gives another result although nothing was changed (KINDS.md section 1.0)."""
_LEFT_JOIN = re.compile(r"\bleft\s+(outer\s+)?join\b", re.IGNORECASE)
_SYSTEM = frozenset({"information_schema", "pg_catalog"})


@dataclass(frozen=True, slots=True)
class Named:
    """A table or a file as a body names it: ``text``, standing from ``start`` to ``end`` (from 0, the end excluded).

    ``aliased`` is False where columns may be qualified by the name itself.
    """

    text: str
    start: int
    end: int
    aliased: bool = True


@lru_cache(maxsize=_CACHED)
def canonical(sql: str) -> str:
    """The normal form: the words without comments and layout, key words and functions in capitals, names as they are.

    Words, not a tree written back: sqlglot writes ``j -> 'a.b'`` back as ``j -> '$.a.b'``, which is another statement.
    """
    from sqlglot import tokenize  # noqa: PLC0415 - 0.14 s, and a saved manifest does without it
    from sqlglot.errors import TokenError  # noqa: PLC0415

    try:
        return "; ".join(_words(statement.text, tokenize(statement.text, read="duckdb")) for statement in statements(sql))
    except TokenError:
        return " ".join(sql.split())


def _words(sql: str, tokens: Sequence[Any]) -> str:
    ends = [token.start for token in tokens[1:]] + [len(sql)]
    words = []
    for token, end in zip(tokens, ends, strict=True):
        kind, text = token.token_type.name, sql[token.start : token.end + 1]
        called = kind == "VAR" and sql[token.end + 1 : end + 1].lstrip().startswith("(")
        words.append(text.upper() if called or kind not in _AS_WRITTEN else text)
    return " ".join(words)


@lru_cache(maxsize=_CACHED)
def tables_in(sql: str) -> tuple[Named, ...]:
    """The tables that a body reads besides its own CTEs and temporary tables, in the order in which it names them.

    ``ref('kind.name')`` counts as the table ``kind.name``, and so does ``latest(kind.name)`` after FROM or JOIN.
    """
    tables = [Named(m[1], m.start(), m.end()) for m in _live(_REF, sql)]
    tables += [Named(re.sub(r'[\s"]', "", m[1]), m.start(1), m.end(1)) for m in _live(_LATEST, sql)]
    own: set[str] = set()
    for statement in statements(_without_refs(sql)):
        found = _read(statement.text)
        own |= found.made
        tables += [
            replace(table, start=table.start + statement.start, end=table.end + statement.start)
            for table in found.tables
            if "." in table.text or table.text.casefold() not in own
        ]
    return _in_order(tables)


@dataclass(frozen=True, slots=True)
class _Read:
    """One statement: the tables that it names besides its CTEs, and the temporary table that it makes."""

    tables: tuple[Named, ...]
    made: frozenset[str] = frozenset()


@lru_cache(maxsize=_CACHED)
def _read(statement: str) -> _Read:
    trees = _parse(statement)
    if trees is None:
        found = (Named(m[1], m.start(1), m.end(1)) for m in _live(_AFTER_FROM, statement))
        return _Read(tuple(table for table in found if not _is_hole(table.text)))
    tables = (_named(table) for tree in trees for table in _tables(tree) if not _is_cte(table))
    return _Read(tuple(table for table in tables if table), frozenset(name for tree in trees for name in _made(tree)))


@lru_cache(maxsize=_CACHED)
def files_in(sql: str) -> tuple[Named, ...]:
    """The files that a body reads itself: in ``read_csv('f')``, ``read_parquet(['f', 'g'])``, ``FROM 'f.parquet'``."""
    return tuple(_file_names(sql)) if _MAY_READ_FILES.search(sql) else ()


def volatile_in(sql: str) -> tuple[str, ...]:
    """What a body calls that gives another result each time, as ``now()``; in order, each once."""
    found = (f"{match[1]}()" if match[1] else " ".join(match[2].split()) for match in _live(_VOLATILE, sql))
    return tuple(dict.fromkeys(name.casefold() for name in found))


def multiplies(sql: str) -> bool:
    """Whether a body has a LEFT JOIN, which is meant to keep rows as they are and multiplies them where keys repeat."""
    return any(True for _ in _live(_LEFT_JOIN, sql))


def rewrite(sql: str, resolve: Callable[[str], str | None], *, root: Path | None = None) -> str:
    """The text with its tables written as quoted ids, and, with ``root``, its files as paths from there.

    Args:
        sql: A body.
        resolve: The id of the node that a name means, or None.
        root: Where relative paths start; DuckDB alone would look in the working directory first.
    """
    pieces, at = [], 0
    files = files_in(sql) if root is not None else ()
    for found in _in_order([*tables_in(sql), *files]):
        new = literal(str(root / found.text)) if root is not None and found in files else _id(found, resolve)
        if new is not None and found.start >= at:
            pieces += [sql[at : found.start], new]
            at = found.end
    return "".join([*pieces, sql[at:]])


def _id(table: Named, resolve: Callable[[str], str | None]) -> str | None:
    node_id = resolve(table.text)
    if node_id is None:
        return None
    same = table.aliased or node_id.partition(".")[2].casefold() == table.text.rpartition(".")[2].casefold()
    return quote(node_id) if same else f"{quote(node_id)} AS {quote(table.text)}"


def _parse(sql: str) -> list[Any] | None:
    import sqlglot  # noqa: PLC0415 - 0.14 s, and a saved manifest does without it
    from sqlglot.errors import SqlglotError  # noqa: PLC0415

    try:
        trees = sqlglot.parse(sql, read="duckdb")
    except (SqlglotError, RecursionError):
        return None
    found = [tree for tree in trees if tree is not None]
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
    dead = spans(sql)
    for match in pattern.finditer(sql):
        if not any(start <= match.start() < end for start, end in dead):
            yield match


def _in_order(tables: Iterable[Named]) -> tuple[Named, ...]:
    return tuple(sorted(tables, key=lambda table: table.start))


def _made(statement: Any) -> Iterator[str]:
    from sqlglot import exp  # noqa: PLC0415

    if isinstance(statement, exp.Create) and isinstance(statement.this, (exp.Table, exp.Schema)):
        yield statement.this.find(exp.Table).name.casefold()


def _is_cte(table: Any) -> bool:
    """Whether the name is one of a WITH round it. ``WITH a AS (SELECT * FROM a)`` reads the table a, unless RECURSIVE."""
    from sqlglot import exp  # noqa: PLC0415

    if table.db:
        return False
    name, within, node = table.name.casefold(), set(), table.parent
    while node is not None:
        if isinstance(node, exp.CTE):
            within.add(id(node))
        for clause in (value for key in ("with", "with_") if isinstance(value := node.args.get(key), exp.With)):
            for cte in clause.expressions:
                if cte.alias.casefold() == name and (id(cte) not in within or clause.args.get("recursive")):
                    return True
        node = node.parent
    return False


def _tables(statement: Any) -> Iterator[Any]:
    from sqlglot import exp  # noqa: PLC0415

    created = statement.this if isinstance(statement, exp.Create) else None
    for table in statement.find_all(exp.Table):
        if table is not created and (created is None or table.parent is not created):
            yield table


def _named(table: Any) -> Named | None:
    """The table's name and place; None for a function, a file, or a table of the engine's own."""
    from sqlglot import exp  # noqa: PLC0415

    name, first = table.name, table.args.get("db") or table.this
    if isinstance(table.this, exp.Func) or _is_hole(name) or table.db.casefold() in _SYSTEM:
        return None
    start, end = first.meta.get("start"), table.this.meta.get("end")
    if start is None or end is None or (not table.db and not NAME.fullmatch(name)):
        return None
    return Named(f"{table.db}.{name}" if table.db else name, start, end + 1, aliased=bool(table.alias))


def _file_names(sql: str) -> Iterator[Named]:
    """Quoted texts after FROM or JOIN, and positional arguments of functions that read files."""
    calls: list[bool] = []
    before = ""
    for match in _TOKEN.finditer(sql):
        word = match[0]
        if word.startswith(("--", "/*")):
            continue
        if word == "(":
            calls.append(_reads_files(before))
        elif word == ")" and calls:
            calls.pop()
        elif word[0] == "'":
            argument = bool(calls) and calls[-1] and before in ("(", "[", ",")
            if argument or before.casefold() in ("from", "join"):
                yield Named(word[1:-1].replace("''", "'"), match.start(), match.end())
        before = word


def _reads_files(function: str) -> bool:
    name = function.casefold()
    return name.startswith("read_") or name.endswith("_scan") or name in ("glob", "parquet_schema", "parquet_metadata")
