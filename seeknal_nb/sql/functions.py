"""What DuckDB knows of its functions: which are of one row and steady, and which are not. Asked once a process."""

from __future__ import annotations

import re
from functools import cache

__all__ = ["is_aggregate", "is_steady", "is_unsteady"]


def is_aggregate(name: str) -> bool:
    """Whether a function may be of many rows: an aggregate, or a macro in which one is named."""
    return name.casefold() in _functions()[1]


def is_steady(name: str) -> bool:
    """Whether a function of that name is of one row, and gives the same for the same."""
    return name.casefold() in _functions()[0]


def is_unsteady(name: str) -> bool:
    """Whether a function of that name may give something else each time, or tells of where it runs."""
    return name.casefold() in _functions()[2]


WORDS = {"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"}
"""What is written without brackets."""
_OF_NOW = re.compile(
    r"age|current_\w+|get_current\w+|getvariable|in_search_path|now|today|transaction_timestamp|txid_current"
)
"""What tells of the moment or of the session, among functions of which others tell of the time zone alone: it is UTC."""


@cache
def _functions() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Those of one row that are steady, those that may be of many, and those that are not steady."""
    import duckdb  # noqa: PLC0415 - only where a statement is looked at

    with duckdb.connect(":memory:") as connection:
        asked = "SELECT function_name, function_type, macro_definition, stability FROM duckdb_functions()"
        rows = connection.execute(asked).fetchall()
    macros = {name: frozenset(re.findall(r"\w+", made or "")) for name, kind, made, _ in rows if kind == "macro"}
    many = _named_in(macros, {name for name, kind, _, _ in rows if kind == "aggregate"})
    odd = _named_in(macros, {name for name, kind, _, how in rows if kind == "scalar" and _is_odd(name, how)} | WORDS)
    steady = {name for name, kind, _, _ in rows if kind in ("scalar", "macro")} - many - odd
    return frozenset(steady), frozenset(many), frozenset(odd)


def _is_odd(name: str, stability: str) -> bool:
    if stability == "CONSISTENT_WITHIN_QUERY":
        return _OF_NOW.fullmatch(name) is not None
    return stability != "CONSISTENT" and name != "error"


def _named_in(macros: dict[str, frozenset[str]], names: set[str]) -> set[str]:
    """These, and the macros that name one of them, or such a macro."""
    while found := {name for name, words in macros.items() if name not in names and words & names}:
        names = names | found
    return names
