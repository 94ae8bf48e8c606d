"""What a SQL body reads, and its normal form; nothing is executed."""

from __future__ import annotations

import re
from dataclasses import astuple, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import ManifestError
from seeknal_nb.readings import READINGS
from seeknal_nb.sql.reads import HOLE, READER, Named, Problem, Reads, reads_of
from seeknal_nb.sql.text import column, literal, quote, spans, statements, unquoted, words

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Sequence

    from seeknal_nb.sql.text import Piece

__all__ = [
    "BEFORE", "BEHIND", "Named", "canonical", "check_sql", "files_in", "input_named", "multiplies", "position_of",
    "qualified_in", "reads_nothing", "rewrite", "tables_in", "unordered", "volatile_in",
]  # fmt: skip

BEFORE, BEHIND = "SELECT 1 WHERE (", "\n)"
"""What makes a statement of a condition, so that what it reads can be told."""
_CACHED = 8192
_Found = tuple[tuple[Named, ...], tuple[Named, ...], tuple[Problem, ...]]
_JINJA = re.compile(
    r"\{\{-?\s*(?P<what>ref|source)\s*\(\s*(?P<q>['\"])(?P<first>[\w.]+)(?P=q)"
    r"(?:\s*,\s*(?P<r>['\"])(?P<second>\w+)(?P=r))?\s*\)\s*-?\}\}"
)
"""``{{ ref('x') }}`` and ``{{ source('a', 'b') }}``, as dbt writes them."""
_JINJA_IN_TEXT = re.compile(
    r"\{\{-?\s*[A-Za-z_][\w.]*\s*[(|\[~](?:(?!'')[^{}])*\}\}"
    r"|\{%-?\s*(?:if|elif|else|endif|for|endfor|set|endset|macro|endmacro|call|do|raw|endraw)\s[^{}]*%\}"
)
"""What is Jinja also within quotes: ``'{{ var('day') }}'``, as dbt writes a value; ``{%a%}`` is a pattern of LIKE."""
_VOLATILE = re.compile(
    r"(?<![\w.\"])(?:(now|today|random|uuid|uuidv4|uuidv7|gen_random_uuid|nextval|get_current_time(?:stamp)?|"
    r"transaction_timestamp)\s*\(|(current_date|current_time(?:stamp)?|localtime(?:stamp)?|tablesample|using\s+sample)\b)",
    re.IGNORECASE,
)
"""What gives another result although nothing was changed."""
_LEFT_JOIN = re.compile(r"\bleft\s+(outer\s+)?join\b", re.IGNORECASE)
_KEYWORDS = frozenset({
    "all", "and", "anti", "any", "array", "as", "asc", "asof", "at", "both", "by", "case", "cast", "check", "collate",
    "create", "cross", "desc", "describe", "distinct", "else", "end", "except", "fetch", "for", "from", "full", "glob",
    "group", "having", "ilike", "in", "inner", "intersect", "into", "is", "join", "lambda", "lateral", "leading",
    "left", "like", "limit", "natural", "not", "offset", "on", "only", "or", "order", "outer", "pivot", "positional",
    "qualify", "right", "select", "semi", "show", "similar", "some", "summarize", "table", "tablesample", "then", "to",
    "trailing", "union", "unique", "unpivot", "using", "when", "where", "window", "with",
})  # fmt: skip
"""Words that are never a name in DuckDB, unless they stand after AS or a dot, or before a colon or an arrow."""


@lru_cache(maxsize=_CACHED)
def canonical(sql: str) -> str:
    """The normal form: the text without comments and layout, key words and functions in capitals, names as they are.

    A text of its pieces, not of a tree: sqlglot writes ``j -> 'a.b'`` back as ``j -> '$.a.b'``, which is another statement.
    """
    return "; ".join(_words(statement.text, words(statement.text)) for statement in statements(sql))


def _words(sql: str, found: list[Piece]) -> str:
    texts = [sql[piece.start : piece.end] for piece in found]
    written = []
    for number, (piece, text) in enumerate(zip(found, texts, strict=True)):
        before, after = texts[number - 1] if number else "", texts[number + 1] if number + 1 < len(texts) else ""
        written.append(_between(sql, found[number - 1], piece) if number else "")
        written.append(text.upper() if piece.kind == "word" and _is_no_name(text, before, after) else text)
    return "".join(written)


def _between(sql: str, one: Piece, other: Piece) -> str:
    """What of the layout counts: n'ab' is one thing, n 'ab' another; two texts are one where a line ends between them."""
    if other.kind != "text" or one.kind not in ("word", "text"):
        return " "
    if one.end == other.start:
        return ""
    return "\n" if one.kind == "text" and set(sql[one.end : other.start]) & {"\n", "\r"} else " "


def _is_no_name(word: str, before: str, after: str) -> bool:
    """Whether the letters of a word cannot count: a key word, or a function that is called."""
    if before.casefold() in ("as", "lambda") or before.endswith(".") or after[:1] == ":" or after == "=>":
        return False
    return after == "(" or word.casefold() in _KEYWORDS


@lru_cache(maxsize=_CACHED)
def tables_in(sql: str) -> tuple[Named, ...]:
    """The tables that a body reads besides its own CTEs and temporary tables, in the order in which it names them.

    ``ref('kind.name')`` counts as the table ``kind.name``, and so do ``latest(kind.name)`` and ``{{ ref('kind.name') }}``.
    """
    return _all(sql)[0]


@lru_cache(maxsize=_CACHED)
def files_in(sql: str) -> tuple[Named, ...]:
    """The files that a body reads itself: in ``read_csv('f')``, ``read_parquet(['f', 'g'])``, ``FROM 'f.parquet'``."""
    return _all(sql)[1] if _may_name_files(sql) else ()


def reads_nothing(sql: str) -> bool:
    """Whether a body reads no table and no file, and nothing that no key knows."""
    return not any(_all(sql))


def _may_name_files(sql: str) -> bool:
    """Whether it is worth a parse: a file's name is quoted, and is no plain word unless it is a reader's argument."""
    if not any(sign in sql for sign in "'\"$"):
        return False
    if READER.search(sql):
        return True
    quoted = (sql[piece.start : piece.end] for piece in words(sql) if piece.kind in ("text", "name"))
    return any(sign in text for text in quoted for sign in "./*?[")


def check_sql(sql: str, *, listed: bool) -> None:
    """Refuse a body that could read what no key knows, or whose tables cannot be told.

    Args:
        sql: A body, its parameters put in.
        listed: Whether the node names its tables under ``inputs``: then a text that no parser reads may pass, unless it may
            name files.

    Raises:
        ManifestError: For the first such statement.
    """
    name = _other_jinja(sql)
    if name:
        remedy = "write {{ ref('x') }} or {{ source('a', 'b') }} for a table, {{ name }} for a parameter of this project"
        raise ManifestError(f"Jinja's {name} is not known here", why="a body is SQL with parameters", remedy=remedy)
    for problem in _all(sql)[2]:
        if not (listed and problem.unread and not _may_name_files(sql)):
            raise ManifestError(problem.what, why=problem.why, remedy=problem.remedy, spot=problem.spot)


@lru_cache(maxsize=_CACHED)
def _all(sql: str) -> _Found:
    """The tables, the files and the problems of all statements of a body."""
    return READINGS.of("sql", sql, lambda: _found_in(sql), pack=_packed, unpack=_unpacked)


def _packed(found: _Found) -> list[list[tuple[Any, ...]]] | None:
    """As JSON has it; None for what is refused, which need not be quick."""
    tables, files, problems = found
    return None if problems else [[astuple(one) for one in named] for named in (tables, files)]


def _unpacked(told: list[list[list[Any]]]) -> _Found:
    tables, files = told
    return tuple(Named(*one) for one in tables), tuple(Named(*one) for one in files), ()


def _found_in(sql: str) -> _Found:
    text, jinja = _without_jinja(sql)
    body = statements(text)
    found: list[Reads] = []
    for statement in body:
        found.append(reads_of(statement.text, frozenset(one.macro for one in found if one.macro)))
    made, own = {one.made for one in found if one.made}, set[str]()
    tables: list[Named] = []
    files: list[Named] = []
    problems: list[Problem] = []
    for statement, one in zip(body, found, strict=True):
        hides = made - {one.made} if one.late else own  # a view or a macro looks its tables up when it is used
        for table in _moved(one.tables, statement.start):
            named = jinja.pop(table.start, None)
            if named is not None:
                tables.append(replace(named, aliased=table.aliased))
            elif table.text.casefold().removeprefix("temp.") not in hides:
                tables.append(table)
        files += _moved(one.files, statement.start)
        problems += (problem.within(statement.line) for problem in one.problems)
        own |= {one.made}
    if jinja and not problems:
        why = f"{sql[(left := next(iter(jinja.values()))).start : left.end]} stands where no table is read"
        problems.append(Problem("a reference is not understood", why, "write it after FROM or JOIN, with an alias"))
    return _in_order(tables), _in_order(files), tuple(problems)


def _moved(found: Iterable[Named], by: int) -> Iterator[Named]:
    return (replace(one, start=one.start + by, end=one.end + by) for one in found)


def _without_jinja(sql: str) -> tuple[str, dict[int, Named]]:
    """The text with a name as long in place of each reference as dbt writes it, and what they mean by where they start."""
    found: dict[int, Named] = {}
    pieces, at = [], 0
    for match in _live(_JINJA, sql) if "{{" in sql else ():
        first, second = match["first"], match["second"]
        if (match["what"] == "source") != bool(second):
            continue
        name, other = (f"source.{second}", f"source.{first}_{second}") if second else (first, "")
        found[match.start()] = Named(name, *match.span(), other=other)
        pieces += [sql[at : match.start()], HOLE * len(match[0])]
        at = match.end()
    return "".join([*pieces, sql[at:]]), found


def _other_jinja(sql: str) -> str:
    """What of Jinja the text has besides references to tables; empty where there is nothing."""
    if "{%" not in sql and "{#" not in sql and "{{" not in sql:
        return ""
    text = _without_jinja(sql)[0]
    found = words(text)
    for piece in found:
        match = _JINJA_IN_TEXT.search(text, piece.start) if piece.kind in ("text", "name") else None
        if match and match.start() < piece.end:
            return match[0][:60]
    for brace, second, third, fourth in zip(found, found[1:], found[2:], [*found[3:], None], strict=False):
        opening = text[brace.start : third.start]
        if brace.end != second.start or opening[:1] != "{":
            continue
        if opening[1:2] in ("%", "#"):
            return text[brace.start : text.find("}", brace.start) + 1 or len(text)][:60]
        if opening[1:2] == "{" and third.kind == "word" and (fourth is None or text[fourth.start] != ":"):
            return text[brace.start : text.find("}}", brace.start) + 2][:60] if "}}" in text[brace.start :] else "{{"
    return ""


def volatile_in(sql: str) -> tuple[str, ...]:
    """What a body calls that gives another result each time, as ``now()``; in order, each once."""
    found = (f"{match[1]}()" if match[1] else " ".join(match[2].split()) for match in _live(_VOLATILE, sql))
    return tuple(dict.fromkeys(name.casefold() for name in found))


def multiplies(sql: str) -> bool:
    """Whether a body has a LEFT JOIN, which is meant to keep rows as they are and multiplies them where keys repeat."""
    return any(True for _ in _live(_LEFT_JOIN, sql))


@lru_cache(maxsize=_CACHED)
def unordered(sql: str) -> bool:
    """Whether the rows of a body have no order: it groups, is DISTINCT or joins sets, and does not say ORDER BY."""
    import sqlglot  # noqa: PLC0415 - 0.14 s, and only a node that runs again asks
    from sqlglot import exp  # noqa: PLC0415
    from sqlglot.errors import SqlglotError  # noqa: PLC0415

    body = statements(sql)
    try:
        tree = sqlglot.parse_one(body[-1].text, read="duckdb") if body else None
    except (SqlglotError, RecursionError):
        return False
    if isinstance(tree, exp.Select):
        return bool(tree.args.get("group") or tree.args.get("distinct")) and not tree.args.get("order")
    return isinstance(tree, exp.SetOperation) and not tree.args.get("order")


def rewrite(
    sql: str,
    resolve: Callable[[str], str | None],
    *,
    place: Callable[[str], str] | None = None,
    within: Container[str] = frozenset(),
) -> str:
    """The text with its tables written as quoted ids, and, with ``place``, its files as paths.

    Args:
        sql: A body.
        resolve: The id of the node that a name means, or None.
        place: The path of a file, as the engine is to be given it.
        within: Ids that a WITH round the text defines, each as one name, ``"kind.name"``.
    """
    pieces, at = [], 0
    files = files_in(sql) if place is not None else ()
    for found in _in_order([*tables_in(sql), *files]):
        new = literal(place(found.text)) if place is not None and found in files else _id(found, resolve, within)
        if new is not None and found.start >= at:
            pieces += [sql[at : found.start], new, "\n" * sql.count("\n", found.start, found.end)]
            at = found.end
    return "".join([*pieces, sql[at:]])


def _id(table: Named, resolve: Callable[[str], str | None], within: Container[str]) -> str | None:
    node_id = resolve(table.text) or (resolve(table.other) if table.other else None)
    if node_id is None:
        return None
    name, called = node_id.rpartition(".")[2], table.text.rpartition(".")[2]
    if node_id in within:
        return column(node_id) if table.aliased else f"{column(node_id)} AS {column(called)}"
    same = table.aliased or table.other or name.casefold() == called.casefold()
    return quote(node_id) if same else f"{quote(node_id)} AS {quote(table.text)}"


def position_of(name: str) -> int | None:
    """Which input ``__THIS__`` (the first) or ``input_1`` (the second) means; None for any other name."""
    folded = name.casefold()
    number = "0" if folded == "__this__" else folded.removeprefix("input_")
    return int(number) if number != folded and number.isdecimal() else None


def input_named(name: str, inputs: Sequence[str], places: Sequence[str] | None = None) -> str | None:
    """The input that a body calls ``name``: by id, by position, or by the bare name that one of them has alone.

    ``places`` are the inputs by position, where they are not ``inputs`` themselves.
    """
    if name in inputs:
        return name
    at, placed = position_of(name), inputs if places is None else places
    if at is not None and at < len(placed):
        return placed[at]
    folded = name.casefold()
    found = [i for i in inputs if folded in (i.casefold(), i.partition(".")[2].casefold())]
    return found[0] if len(found) == 1 else None


def qualified_in(sql: str) -> frozenset[str]:
    """What may be an id besides those of tables, in small letters: in ``kind.name.column``, and names with a dot."""
    found = words(sql)
    texts = [unquoted(sql[piece.start : piece.end]) for piece in found]
    qualified = (
        f"{texts[n]}.{texts[n + 2]}"
        for n in range(len(found) - 3)
        if texts[n + 1] == texts[n + 3] == "." and found[n].kind in ("word", "name")
    )
    dotted = (text for piece, text in zip(found, texts, strict=True) if piece.kind == "name" and "." in text)
    return frozenset(text.casefold() for text in (*qualified, *dotted))


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
