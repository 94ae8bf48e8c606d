"""What parsers tell of one SQL statement: which tables and functions it names, and where these stand. Runs nothing.

sqlglot parses; where it cannot, DuckDB's own parser is asked (``json_serialize_sql``), which knows SELECTs only. Both tell
names and where they stand; how far a name or an argument goes is told by the pieces of the text from there.
"""

from __future__ import annotations

import itertools
import json
import os
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import Spot
from seeknal_nb.sql.faults import fault_of
from seeknal_nb.sql.text import unquoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seeknal_nb.sql.places import Places

__all__ = ["MACROS", "Found", "Problem", "parsed"]

MACROS = ("macro", "function")
"""The two words by which CREATE makes a macro."""
_PARSED = frozenset({
    "select", "from", "with", "values", "table", "pivot", "unpivot", "summarize", "describe", "desc", "create", "(",
})  # fmt: skip
"""How statements begin that sqlglot has a tree for; of others it says aloud that it has none."""
_NOWHERE = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a statement is refused, and what to write instead. ``unread`` where it could not be parsed."""

    what: str
    why: str
    remedy: str
    unread: bool = False
    spot: Spot = field(default_factory=Spot)

    def within(self, first: int) -> Problem:
        """The problem of a body in which the statement begins in line ``first``."""
        if self.spot.line is None:
            return replace(self, spot=Spot(line=first))
        line = self.spot.line + first - 1
        why = self.why.replace(f"LINE {self.spot.line}: ", f"LINE {line}: ", 1)
        return replace(self, why=why, spot=replace(self.spot, line=line))


@dataclass(slots=True)
class Found:
    """What a parser tells: tables as (parts of the name, where it starts, aliased), calls as (function, where, aliased)."""

    tables: list[tuple[tuple[str, ...], int, bool]] = field(default_factory=list)
    calls: list[tuple[str, int, bool]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def parsed(text: Places, kind: str) -> Found | Problem:
    """What the first parser tells that can read the statement; ``kind`` is that of what it creates."""
    found = _by_sqlglot(text) if text.word(0) in _PARSED and kind != "type" else None
    return found or _by_duckdb(text)


def _by_sqlglot(text: Places) -> Found | None:
    """What sqlglot tells; None where it cannot parse the statement, or takes its letters for others than DuckDB does."""
    import sqlglot  # noqa: PLC0415 - 0.14 s, and a saved manifest does without it
    from sqlglot import exp  # noqa: PLC0415
    from sqlglot.errors import SqlglotError  # noqa: PLC0415

    statement = text.sql.replace("\r", "\n")  # which ends a comment too
    try:
        trees = [tree for tree in sqlglot.parse(statement, read="duckdb") if tree is not None]
    except (SqlglotError, RecursionError):
        return None
    if len(trees) != 1 or isinstance(trees[0], exp.Command):
        return None
    found = Found()
    for node in trees[0].walk():
        if isinstance(node, exp.Table) and not isinstance(node.this, exp.Func):
            _take_table(node, found)
        elif isinstance(node, (exp.Table, exp.Lateral)) and isinstance(node.this, exp.Func):
            at = node.this.meta.get("start", -1)
            function = unquoted(statement[at : node.this.meta.get("end", -1) + 1]).casefold()
            found.calls.append((function, at, bool(node.alias)))
        elif isinstance(node, (exp.Summarize, exp.Describe)) and isinstance(node.this, exp.Literal):
            at = text.place_alone([node.this.name])
            found.tables.append(((node.this.name,), -1 if at is None else at, False))
    places = [(one[0] if isinstance(one[0], str) else one[0][0], one[1]) for one in (*found.calls, *found.tables)]
    return found if all(text.stands(name, start) for name, start in places) else None


def _take_table(table: Any, found: Found) -> None:
    identifiers = [part for part in (table.args.get("catalog"), table.args.get("db"), table.this) if part]
    start = identifiers[0].meta.get("start")
    parts = tuple(part.name for part in identifiers)
    if start is not None and not (len(parts) == 1 and _is_cte(table)):
        found.tables.append((parts, start, bool(table.alias)))


def _is_cte(table: Any) -> bool:
    """Whether the name is one of a WITH round it: known from its own place on, and by RECURSIVE in its own second half."""
    from sqlglot import exp  # noqa: PLC0415

    name, node, within, half = table.name.casefold(), table, None, None
    while node.parent is not None:
        child, node = node, node.parent
        if isinstance(node, exp.CTE):
            within = node
        elif isinstance(node, exp.Union) and not node.args.get("by_name") and node.args.get("expression") is child:
            half = node
        elif isinstance(node, exp.With):
            names = [cte.alias.casefold() for cte in node.expressions]
            own = next(number for number, cte in enumerate(node.expressions) if cte is within)
            if name in names[:own]:
                return True
            if name == names[own] and node.args.get("recursive") and half is not None and half is _body(within):
                return True
        clauses = [one for one in (node.args.get("with_"), node.args.get("with")) if isinstance(one, exp.With)]
        if any(cte.alias.casefold() == name for one in clauses if one is not child for cte in one.expressions):
            return True
    return False


def _body(cte: Any) -> Any:
    body = cte.this
    while type(body).__name__ in ("Subquery", "Paren"):
        body = body.this
    return body


def _by_duckdb(text: Places) -> Found | Problem:
    """What DuckDB's parser tells of a statement that sqlglot cannot read."""
    import duckdb  # noqa: PLC0415 - 0.13 s, for the few statements that need it

    with _parser(os.getpid()).cursor() as connection:
        for before, start in _queries(text):
            added = [(at, more) for at, more in text.pivots() if at > start]
            query = before + _with(text.sql, start, added)
            told = json.loads(connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [query]).fetchall()[0][0])
            if not told.get("error"):
                return _Walk(text, query, len(before) - start, added).of(told["statements"])
    try:
        kinds = [one.type.name for one in duckdb.extract_statements(text.sql)]
    except duckdb.Error as error:
        why, spot = fault_of(str(error), 1)
        return Problem("the SQL cannot be parsed", why, "mend the SQL", unread=True, spot=spot)
    if kinds and kinds[0] not in ("SELECT", "CREATE", "MULTI"):  # the engine refuses it by its own name
        return Found()
    why, remedy = "no parser tells the tables of this statement", "list its tables under inputs, or write it plainer"
    return Problem("what the SQL reads cannot be told", why, remedy, unread=True)


@cache
def _parser(_process: int) -> Any:
    """An empty database, which only parses: opening one takes fifty times as long. A child process has its own."""
    import duckdb  # noqa: PLC0415

    return duckdb.connect(":memory:")


def _queries(text: Places) -> Iterator[tuple[str, int]]:
    """The statement; of a CREATE what comes after AS. Each as what to put before it, and where it starts in the text."""
    if text.word(0) != "create":
        yield "", 0
        return
    kind, after = text.made()[0], next((n + 1 for n in range(len(text.pieces)) if text.word(n) == "as"), len(text.pieces))
    more = (kind, text.word(after)) in (("macro", "table"), ("function", "table"), ("type", "enum"))
    if after + more < len(text.pieces):
        start = text.pieces[after + more].start
        yield from [] if kind in MACROS and not more else [("", start)]
        yield from [("SELECT ", start)] if kind == "type" or (kind in MACROS and not more) else []


def _with(sql: str, start: int, added: Sequence[tuple[int, str]]) -> str:
    """The text from ``start`` on, with more at some places."""
    bounds = [(start, ""), *added, (len(sql), "")]
    return "".join(more + sql[at:end] for (at, more), (end, _) in itertools.pairwise(bounds))


class _Walk:
    """Goes through the tree that DuckDB's parser gives, with the names of the WITHs round each place.

    Args:
        text: The statement.
        query: What was parsed of it, with something inserted.
        moved: How much later than in the statement the query's letters stand before the first insertion.
        added: What was inserted at which places of the statement.
    """

    def __init__(self, text: Places, query: str, moved: int, added: Sequence[tuple[int, str]]) -> None:
        self.text, self._bytes, self._moved, self._added, self.found = text, query.encode(), moved, added, Found()

    def of(self, tree: Any) -> Found:
        self._visit(tree, frozenset())
        return self.found

    def _visit(self, node: Any, known: frozenset[str]) -> None:
        if isinstance(node, list):
            for one in node:
                self._visit(one, known)
        if not isinstance(node, dict):
            return
        known = self._ctes(node, known)
        if node.get("type") == "BASE_TABLE":
            self._table(node, known)
        elif node.get("type") == "TABLE_FUNCTION":
            called = node["function"]
            start = self._place(node, [called[part] for part in ("catalog", "schema", "function_name") if called.get(part)])
            if start is not None:
                self.found.calls.append((called["function_name"].casefold(), start, bool(node.get("alias"))))
        elif node.get("type") == "SHOW_REF" and not node.get("query"):
            why = "it lists what a run has bound, which no key knows"
            self.found.problems.append(Problem("SHOW is not allowed in a node", why, "write DESCRIBE kind.name for columns"))
        for key, value in node.items():
            if key != "cte_map":
                self._visit(value, known | _itself(node, key))

    def _ctes(self, node: dict[str, Any], known: frozenset[str]) -> frozenset[str]:
        for entry in (node.get("cte_map") or {}).get("map") or ():
            self._visit(entry["value"], known)
            known |= {entry["key"].casefold()}
        return known

    def _table(self, node: dict[str, Any], known: frozenset[str]) -> None:
        parts = tuple(node[name] for name in ("catalog_name", "schema_name", "table_name") if node.get(name))
        if len(parts) == 1 and parts[0].casefold() in known:
            return
        start = self._place(node, parts)
        if start is not None:
            self.found.tables.append((parts, start, bool(node.get("alias"))))

    def _place(self, node: dict[str, Any], parts: Sequence[str]) -> int | None:
        """Where a name begins; DuckDB counts bytes, and does not tell of TABLE and SUMMARIZE."""
        at = node.get("query_location", _NOWHERE)
        start = self.text.behind_alias(self._in_text(at)) if at != _NOWHERE else self.text.place_alone(parts)
        if start is not None and self.text.stands(parts[0], start):
            return start
        why = f"it is not clear where {'.'.join(parts)} stands in it"
        self.found.problems.append(Problem("what the SQL reads cannot be told", why, "write FROM before each table"))
        return None

    def _in_text(self, at: int) -> int:
        start = len(self._bytes[:at].decode(errors="ignore")) - self._moved
        for place, more in self._added:
            start -= len(more) if start >= place + len(more) else 0
        return start


def _itself(node: dict[str, Any], key: str) -> frozenset[str]:
    """The name of a recursive CTE, within its second half."""
    within = node.get("type") == "RECURSIVE_CTE_NODE" and key == "right"
    return frozenset({str(node.get("cte_name") or node.get("ctename")).casefold()} if within else ())
