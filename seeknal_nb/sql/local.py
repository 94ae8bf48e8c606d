"""Whether a SELECT over tables that are cut into partitions may be answered part by part: Q(R1 + R2) = Q(R1) + Q(R2).

It is a proof by the form of the statement: what is not listed here is not proved. A column *tells* where its value alone
says in which partition a row lies; by such columns rows may be grouped, numbered and joined, for they meet within one part.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seeknal_nb.sql.functions import is_aggregate, is_steady, is_unsteady
from seeknal_nb.sql.joins import Joins
from seeknal_nb.sql.telling import WITHIN, Columns, NotLocalError, Scope, Source, Telling, only

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["Verdict", "local"]

VIRTUAL = frozenset({"rowid", "filename", "file_row_number", "file_index"})
"""Columns that DuckDB adds by the files that it reads, of which a part has its own."""
_SELECT = frozenset({
    "expressions", "from_", "joins", "where", "group", "having", "qualify", "windows", "distinct", "order", "with_",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a statement is local, why not, and the columns of its result that tell the partition, with their types."""

    local: bool
    why: str = ""
    tells: Mapping[str, str] = field(default_factory=dict)


WHOLE = Columns()


def local(sql: str, grain: str, table: Callable[[str], Columns], *, zone: str = "") -> Verdict:
    """What can be proved of one SELECT.

    Args:
        sql: The statement, its parameters put in.
        grain: By what the tables are cut: a calendar unit, ``file``, or ``value``.
        table: What a table is, by its name as it is written, parts a dot apart; ``Columns()`` for one that is whole.
        zone: The time zone in which the calendar counts, where it is not UTC.
    """
    import sqlglot  # noqa: PLC0415 - 0.14 s, and only partitions need it
    from sqlglot.errors import SqlglotError  # noqa: PLC0415

    try:
        trees = [tree for tree in sqlglot.parse(sql, read="duckdb") if tree is not None]
        if len(trees) != 1:
            return Verdict(local=False, why="it is several statements")
        found = _Proof(Telling(grain, zone, units=_has_literal_units(sql, trees[0])), table).query(trees[0], {}, top=True)
    except NotLocalError as error:
        return Verdict(local=False, why=str(error))
    except (SqlglotError, RecursionError):
        return Verdict(local=False, why="it cannot be parsed")
    if not found.cut:
        return Verdict(local=False, why="it reads nothing that has partitions")
    return Verdict(local=True, tells=found.tells)


class _Proof:
    """The proof of one statement; raises ``NotLocalError`` where it finds none."""

    def __init__(self, telling: Telling, table: Callable[[str], Columns]) -> None:
        self.exp, self.telling, self.table = telling.exp, telling, table
        self.joins = Joins(self.telling)

    def query(self, node: Any, known: Mapping[str, Columns], *, top: bool = False) -> Columns:
        """What the rows of a query are.

        Args:
            node: It.
            known: The WITHs round it, by name in small letters.
            top: Whether it gives the statement's own result, in which no two columns have one name.
        """
        exp = self.exp
        if isinstance(node, exp.Subquery):
            only(node, "this", "alias")
            return self.query(node.this, known, top=top)
        known = self._with(node, known)
        if not self._reads_cut(node, known):
            return WHOLE
        if isinstance(node, exp.Union) and node.args.get("distinct") is False:
            return self._union(node, known)
        if not isinstance(node, exp.Select):
            raise NotLocalError(f"{node.key.upper()} of partitions")
        return self._select(node, known, top=top)

    def _with(self, node: Any, known: Mapping[str, Columns]) -> Mapping[str, Columns]:
        clause = node.args.get("with_")
        if clause is None:
            return known
        for cte in clause.expressions:
            name = cte.alias.casefold()
            if clause.recursive and self._names(cte, name):
                if self._reads_cut(cte, {**known, name: WHOLE}):
                    raise NotLocalError("recursion over partitions")
                known = {**known, name: WHOLE}
            else:
                found = self.query(cte.this, known)
                known = {**known, name: Columns(found.cut) if cte.args["alias"].columns else found}
        return known

    def _names(self, node: Any, name: str) -> bool:
        return any(not one.db and one.name.casefold() == name for one in node.find_all(self.exp.Table))

    def _reads_cut(self, node: Any, known: Mapping[str, Columns]) -> bool:
        """Whether anything within reads what is cut; a WITH within may shadow a name, and then it counts all the same."""
        return any(self._columns(one, known).cut for one in node.find_all(self.exp.Table))

    def _columns(self, table: Any, known: Mapping[str, Columns]) -> Columns:
        if isinstance(table.this, self.exp.Func):
            return WHOLE
        if not table.db and table.name.casefold() in known:
            return known[table.name.casefold()]
        return self.table(".".join(part.name for part in table.parts))

    def _union(self, node: Any, known: Mapping[str, Columns]) -> Columns:
        only(node, "this", "expression", "distinct", "by_name", "with_")
        sides = [self.query(one, known) for one in (node.this, node.expression)]
        if not all(one.cut for one in sides):
            raise NotLocalError("UNION ALL with a table that has no partitions, whose rows would be in each of them")
        names = [self._listed(one) for one in (node.this, node.expression)]
        if None in names or (not node.args.get("by_name") and names[0] != names[1]):
            return Columns(cut=True)
        first, second = (one.tells for one in sides)
        both = (name for name in first if name in second and self.joins.same(first[name], second[name]))
        return Columns(cut=True, tells={name: first[name] for name in both})

    def _listed(self, node: Any) -> list[str] | None:
        """The names of a query's columns; None where a star, or something else, stands for some of them."""
        while isinstance(node, (self.exp.Subquery, self.exp.Union)):
            node = node.this
        if not isinstance(node, self.exp.Select) or any(map(self.telling.is_star, node.expressions)):
            return None
        return [one.alias_or_name.casefold() for one in node.expressions]

    def _select(self, node: Any, known: Mapping[str, Columns], *, top: bool) -> Columns:
        only(node, *_SELECT)
        scope = self._from(node, known)
        self._check_expressions(node, scope, known)
        if not scope.cut:
            raise NotLocalError("a subquery of partitions")
        self._check_windows(node, scope)
        self._check_groups(node, scope)
        tells = self.telling.result(node, scope, top=top)
        self._check_distinct(node, scope, tells)
        self._check_order(node, scope)
        return Columns(cut=True, tells=tells)

    # What is read

    def _from(self, node: Any, known: Mapping[str, Columns]) -> Scope:
        first, exp = node.args.get("from_"), self.exp
        items = [first.this] if first is not None else []
        sources = [self._source(one, known) for one in items]
        nested = [join for one in items for join in one.args.get("joins") or ()]
        merged: dict[str, str | None] = {}
        where = node.args.get("where")
        conditions = list(self.joins.conjuncts(where.this)) if where is not None else []
        listed = False
        for join in [*nested, *(node.args.get("joins") or ())]:
            comma = not any(join.args.get(one) for one in ("side", "kind", "method", "on", "using"))
            if listed and not comma:
                raise NotLocalError("a JOIN behind a comma, which binds it to what stands behind the comma")
            listed = listed or comma
            if isinstance(join.this, exp.Lateral):
                raise NotLocalError("LATERAL")
            if join.this.args.get("joins"):
                raise NotLocalError("joins in brackets")
            right = self._source(join.this, known)
            self.joins.take(join, sources, right, merged, conditions)
        names = Counter(one.name for one in sources)
        if any(count > 1 for name, count in names.items() if name):
            raise NotLocalError("two tables of one name")
        return Scope(sources, self.telling.shadowed(node, alone=len(sources) == 1), merged)

    def _source(self, item: Any, known: Mapping[str, Columns]) -> Source:
        exp = self.exp
        alias = item.alias.casefold() if item.alias else ""
        renamed = bool(getattr(item.args.get("alias"), "columns", None))
        if isinstance(item, exp.Table) and isinstance(item.this, exp.Func) and self._reads_cut(item, known):
            raise NotLocalError("a table function over partitions")
        if isinstance(item, exp.Table):
            only(item, "this", "db", "catalog", "alias", "joins")
            found, name = self._columns(item, known), alias or item.name.casefold()
        elif isinstance(item, exp.Subquery):
            only(item, "this", "alias", "joins")
            found, name = self.query(item.this, known), alias
        elif isinstance(item, (exp.Unnest, exp.Values)) and not self._reads_cut(item, known):
            found, name = WHOLE, alias
        else:
            raise NotLocalError(f"{item.key.upper()} in FROM")
        return Source(name, Columns(found.cut) if renamed else found)

    # What is done with it

    def _own(self, node: Any) -> Iterator[Any]:
        """What stands in a SELECT itself, without its tables and without the SELECTs in it."""
        tables = [node.args.get("from_"), node.args.get("with_"), *(one.this for one in node.args.get("joins") or ())]
        front = [child for child in node.iter_expressions() if child not in tables]
        while front:
            one = front.pop()
            yield one
            if not isinstance(one, (self.exp.Query, self.exp.Subquery)):
                front.extend(child for child in one.iter_expressions() if not any(child is table for table in tables))

    def _check_expressions(self, node: Any, scope: Scope, known: Mapping[str, Columns]) -> None:
        exp = self.exp
        for one in self._own(node):
            if isinstance(one, (exp.Query, exp.Subquery)):
                self._check_subquery(one, known)
            if isinstance(one, exp.Star):
                only(one, "except_", "replace", "rename")
            if isinstance(one, exp.Columns):
                raise NotLocalError("COLUMNS()")
            if isinstance(one, exp.Column) and one.name.casefold() in VIRTUAL:
                raise NotLocalError(f"the column {one.name}, which may count within a file")
            self._check_function(one)
        many = node.args.get("having") is not None or any(map(self._aggregates, self._own(node)))
        if scope.cut and node.args.get("group") is None and many:
            raise NotLocalError("an aggregate without GROUP BY")

    def _check_function(self, node: Any) -> None:
        if isinstance(node, self.exp.Anonymous) and not (is_steady(node.name) or is_aggregate(node.name)):
            raise NotLocalError(f"{node.name}(), of which nothing is known, or which is not steady")
        if isinstance(node, self.exp.Func) and any(map(is_unsteady, (_name(node), _in_duckdb(node)))):
            raise NotLocalError(f"{_in_duckdb(node)}(), which is not steady")

    def _check_subquery(self, node: Any, known: Mapping[str, Columns]) -> None:
        """A subquery in an expression: over whole tables only, and without an aggregate of the query round it."""
        exp = self.exp
        if self._reads_cut(node, known):
            raise NotLocalError("a subquery over a table with partitions")
        inner = {one.alias_or_name.casefold() for one in node.find_all(exp.Table, exp.Subquery) if one.alias_or_name}
        for one in node.walk():
            self._check_function(one)
            if isinstance(one, exp.AggFunc) or (isinstance(one, exp.Func) and is_aggregate(_name(one))):
                for column in one.find_all(exp.Column):
                    if column.table.casefold() not in inner:
                        why = f"an aggregate of {column.name} in a subquery: write which table's it is"
                        raise NotLocalError(why)

    def _aggregates(self, node: Any) -> bool:
        """Whether it is an aggregate, and not one of a window."""
        exp = self.exp
        if not (isinstance(node, exp.AggFunc) or (isinstance(node, exp.Func) and is_aggregate(_name(node)))):
            return False
        above = node.parent
        while isinstance(above, (exp.Filter, exp.IgnoreNulls, exp.RespectNulls, exp.WithinGroup, exp.Order)):
            above, node = above.parent, above
        return not (isinstance(above, exp.Window) and above.this is node)

    def _check_windows(self, node: Any, scope: Scope) -> None:
        named = {one.this.name.casefold(): one for one in node.args.get("windows") or ()}
        for one in self._own(node):
            if isinstance(one, self.exp.Window) and not any(one is window for window in named.values()):
                keys = list(one.args.get("partition_by") or ())
                base = named.get((one.alias or "").casefold()) if one.alias else None
                keys += (base.args.get("partition_by") or ()) if base is not None else ()
                if not any(self.telling.type_of(key, scope) is not None for key in keys):
                    raise NotLocalError(f"a window whose PARTITION BY has not {self.telling.called(scope)}")

    def _check_groups(self, node: Any, scope: Scope) -> None:
        group = node.args.get("group")
        if group is None:
            return
        only(group, "expressions", "all")
        keys = self._keys(group.expressions, node)
        if group.args.get("all"):
            keys = [one for one in node.expressions if not any(map(self._aggregates, one.walk()))]
        if any(isinstance(one, (self.exp.Rollup, self.exp.Cube, self.exp.GroupingSets)) for one in keys):
            raise NotLocalError("ROLLUP, CUBE or GROUPING SETS")
        if not any(self.telling.type_of(one, scope) is not None for one in keys):
            raise NotLocalError(
                f"GROUP BY without {self.telling.called(scope)} (an alias may be a column's name: write the expression)"
            )

    def _keys(self, given: Iterable[Any], node: Any) -> list[Any]:
        """The expressions, those that are called by number looked up."""
        keys = []
        for one in given:
            if isinstance(one, self.exp.Literal) and not one.is_string:
                at = int(one.name) - 1 if one.name.isdigit() else -1
                if any(map(self.telling.is_star, node.expressions)) or not 0 <= at < len(node.expressions):
                    raise NotLocalError("a column called by number")
                one = node.expressions[at]  # noqa: PLW2901
            keys.append(one)
        return keys

    def _check_distinct(self, node: Any, scope: Scope, tells: Mapping[str, str]) -> None:
        distinct = node.args.get("distinct")
        if distinct is None:
            return
        on = distinct.args.get("on")
        if on is None:
            told = bool(tells)
        else:
            keys = self._keys(on.expressions if isinstance(on, self.exp.Tuple) else [on], node)
            if len(scope.sources) > 1 and any(not column.table for key in keys for column in key.find_all(self.exp.Column)):
                raise NotLocalError("DISTINCT ON a column that may be of two tables: write whose it is")
            told = any(self.telling.type_of(one, scope) is not None for one in keys)
        if not told:
            raise NotLocalError(f"DISTINCT without {self.telling.called(scope)}")

    def _check_order(self, node: Any, scope: Scope) -> None:
        order = node.args.get("order")
        if order is None:
            return
        if self.telling.grain not in WITHIN:  # their partitions come in the order of their names
            raise NotLocalError("ORDER BY")
        first = order.expressions[0]
        [key] = self._keys([first.this], node) if isinstance(first, self.exp.Ordered) else [None]
        told = key is not None and self.telling.type_of(key, scope) is not None
        if not told or first.args.get("desc") or first.args.get("nulls_first"):
            raise NotLocalError(f"ORDER BY whose first key is not {self.telling.called(scope)}, ascending")


def _has_literal_units(sql: str, tree: Any) -> bool:
    """Whether each ``date_trunc`` is given a text."""
    calls = [one for one in tree.walk() if one.key in ("timestamptrunc", "datetrunc")]
    return len(calls) == len(re.findall(r"\bdate_?trunc\s*\(\s*'", sql, re.IGNORECASE))


def _name(function: Any) -> str:
    return str(function.name if function.key == "anonymous" else function.sql_name())


def _in_duckdb(function: Any) -> str:
    """The name by which DuckDB knows it."""
    found = re.match(r"\w+", function.sql(dialect="duckdb"))
    return found[0].casefold() if found else ""
