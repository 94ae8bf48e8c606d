"""What one SQL statement reads, by its tree: tables, files, and what could read more than a key knows. Runs nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from seeknal_nb.sql.parsers import MACROS, Problem, parsed
from seeknal_nb.sql.places import Places
from seeknal_nb.sql.text import NAME, unquoted

__all__ = ["HOLE", "READER", "Named", "Problem", "Reads", "reads_of"]

_CACHED = 8192
READER = re.compile(r"read_\w+|\w+_scan|sniff_csv|glob|parquet_\w+", re.IGNORECASE)
"""Names of functions whose first argument names files."""
_POINTERS = frozenset({"arrow_scan", "arrow_scan_dumb", "pandas_scan", "python_arrow_scan", "seq_scan", "postgres_scan"})
_FREE = frozenset({
    "range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree", "values", "test_all_types",
    "test_vector_types", "icu_calendar_names", "pg_timezone_names", "summary", "ref", "latest",
})  # fmt: skip
"""Table functions whose rows come from their arguments alone; ``ref`` and ``latest`` are this program's own."""
HOLE = "\u00f8"
"""A name of these stands for what no SQL parser reads, ``{{ ref('x') }}``; no node can be called so."""


@dataclass(frozen=True, slots=True)
class Named:
    """A table or a file as a body names it: ``text``, standing from ``start`` to ``end`` (from 0, the end excluded).

    ``aliased`` is False where columns may be qualified by the name itself. ``other`` is a second name that it may mean.
    """

    text: str
    start: int
    end: int
    aliased: bool = True
    other: str = ""


@dataclass(frozen=True, slots=True)
class Reads:
    """What a statement reads and makes.

    Attributes:
        tables: The tables that it names besides its CTEs, in no order.
        files: The files that it names.
        made: The temporary table or view that it makes, in small letters; empty where it makes none.
        macro: The table macro that it makes, likewise.
        late: Whether what it makes is bound when it is used: a view, a macro.
        problems: Why it is refused.
    """

    tables: tuple[Named, ...] = ()
    files: tuple[Named, ...] = ()
    made: str = ""
    macro: str = ""
    late: bool = False
    problems: tuple[Problem, ...] = ()


@lru_cache(maxsize=_CACHED)
def reads_of(statement: str, macros: frozenset[str] = frozenset()) -> Reads:
    """What one statement reads; ``macros`` are table macros that statements before it made, in small letters."""
    text = Places(statement)
    kind, made, at = text.made()
    if kind == "sequence" or (kind == "type" and not text.says("enum", after="as")):
        return Reads()
    found = parsed(text, kind)
    read = Reads(
        made=made if kind in ("table", "view") else "",
        macro=made if kind in MACROS and text.says("table", after="as") else "",
        late=kind in ("view", *MACROS),
    )
    if isinstance(found, Problem):
        return replace(read, problems=(found,))
    tables: list[Named] = []
    files: list[Named] = []
    for parts, start, aliased in found.tables:
        if start == at or (len(parts) > 1 and parts[0].casefold() == "recurring" and text.is_recursive(parts[1])):
            continue
        end = text.end_of_name(start, len(parts))
        one = Named(".".join(parts), start, end, aliased or text.stands_alone(start))
        if text.is_joined(start):
            why = "DuckDB makes one text of two where a line ends between them"
            found.problems.append(Problem("the name of a file is not clear", why, "write it as one text"))
            continue
        is_file = len(parts) == 1 and not NAME.fullmatch(parts[0]) and text.is_quoted(start)
        (files if is_file else tables).append(one)
    for call in found.calls:
        _read_call(text, call, macros, (tables, files, found.problems))
    problems = (*found.problems, *(_far(one.text) for one in files if "://" in one.text))
    return replace(read, tables=tuple(tables), files=tuple(files), problems=problems)


def _read_call(
    text: Places, call: tuple[str, int, bool], macros: frozenset[str], into: tuple[list[Named], list[Named], list[Problem]]
) -> None:
    """Sort what a table function reads: files that it names, a node, nothing, or what is refused."""
    tables, files, problems = into
    function, start, aliased = call
    argument, end = text.first_argument(start)
    if function in macros and not text.is_qualified(start, function):
        return
    if function == "ref":
        if argument and text.sql[argument[0].end : end].strip() == ")":
            tables.append(Named(unquoted(text.of(argument[0])), start, end, aliased))
        else:
            problems.append(Problem("ref() is not given one name", "it names one node", "write ref('kind.name')"))
    elif function == "latest":
        named = "".join(unquoted(text.of(piece)) for piece in argument)
        tables += [Named(named, argument[0].start, argument[-1].end)] if argument else ()
    elif function in _FREE:
        return
    elif READER.fullmatch(function) and function not in _POINTERS:
        names = text.texts_in(argument)
        files += [Named(unquoted(text.of(piece)), piece.start, piece.end) for piece in names]
        problems += [] if names else [_unnamed(function)]
    else:
        problems.append(_hidden(function))


def _unnamed(function: str) -> Problem:
    why = "a name that is computed is known by no key, so a change of the file would go unseen"
    remedy = f"write the name as one text, or a list of texts: {function}('data/x.csv')"
    return Problem(f"{function}() is not given the name of a file", why, remedy)


def _far(address: str) -> Problem:
    why = "no key knows what lies there, so a change would go unseen"
    return Problem(f"{address[:100]} is no file", why, "download it into the project, and read that file")


def _hidden(function: str) -> Problem:
    why = "it may read what no key knows, so a change would go unseen"
    remedy = "name the table: FROM kind.name" if function in ("query", "query_table") else "read data by a source"
    return Problem(f"{function}() is not allowed in a node", why, remedy)
