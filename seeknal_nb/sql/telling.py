"""Which columns of a SELECT tell in which partition a row lies, by their names and by what is made of them. Runs nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["WITHIN", "Columns", "NotLocalError", "Scope", "Source", "Telling", "only"]

WITHIN: Mapping[str, tuple[str, ...]] = {
    "hour": ("microsecond", "millisecond", "second", "minute", "hour"),
    "day": ("microsecond", "millisecond", "second", "minute", "hour", "day"),
    "week": ("microsecond", "millisecond", "second", "minute", "hour", "day", "week"),
    "month": ("microsecond", "millisecond", "second", "minute", "hour", "day", "month"),
    "year": ("microsecond", "millisecond", "second", "minute", "hour", "day", "month", "quarter", "year"),
}
"""By calendar unit, the units that lie within one of it: a week may begin in another month."""

_SAYS = {
    "limit": "LIMIT",
    "offset": "OFFSET",
    "sample": "SAMPLE",
    "fetch": "FETCH",
    "pivots": "PIVOT",
    "laterals": "LATERAL",
}


class NotLocalError(Exception):
    """Why a statement is not proved to be local, in a few words."""


def only(node: Any, *allowed: str) -> None:
    """Refuse a clause that is not among those that the proof knows; raises ``NotLocalError``."""
    for name, value in node.args.items():
        if value and name not in allowed:
            raise NotLocalError(_SAYS.get(name, name.strip("_").upper()))


@dataclass(frozen=True, slots=True)
class Columns:
    """A table as the proof knows it.

    Attributes:
        cut: Whether it is cut into partitions.
        tells: Its columns, in small letters, that tell in which one a row lies, each with its type where that is known.
    """

    cut: bool = False
    tells: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Source:
    """A table of a FROM: the name by which its columns are called, and whether an outer join may fill it with NULLs."""

    name: str
    columns: Columns
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Scope:
    """What the names of one SELECT mean.

    Attributes:
        sources: Its tables, in order.
        shadowed: Names that its own columns have, and may stand for them.
        merged: Columns of a USING, by the only name that both sides have for it: their types where they tell, else None.
    """

    sources: list[Source]
    shadowed: frozenset[str] = frozenset()
    merged: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def cut(self) -> bool:
        """Whether any of its tables is."""
        return any(one.columns.cut for one in self.sources)

    def type_of(self, name: str, table: str) -> str | None:
        """The type of a column that tells, empty where it is not known; None of any other."""
        if table:
            found = [one for one in self.sources if one.name == table]
        elif name in self.shadowed:
            return None
        elif name in self.merged:
            return self.merged[name]
        else:
            found = [one for one in self.sources if name in one.columns.tells]
        if len(found) != 1 or found[0].filled:
            return None
        return found[0].columns.tells.get(name)


class Telling:
    """What tells, where tables are cut by a calendar unit in a zone (empty: UTC), by ``file`` or by ``value``.

    ``units``: whether all units of ``date_trunc`` are texts; one may be a column, which the tree does not tell.
    """

    def __init__(self, grain: str, zone: str, *, units: bool) -> None:
        from sqlglot import exp  # noqa: PLC0415 - 0.14 s, and only partitions need it

        self.exp, self.grain, self.zone, self.units = exp, grain, zone, units

    def type_of(self, node: Any, scope: Scope) -> str | None:
        """The type of an expression that tells in which partition a row lies, empty where it is not known; else None."""
        exp = self.exp
        if isinstance(node, (exp.Alias, exp.Paren)):
            return self.type_of(node.this, scope)
        if isinstance(node, exp.Column) and not isinstance(node.this, exp.Star) and not node.db:
            return scope.type_of(node.name.casefold(), node.table.casefold())
        if self.grain not in WITHIN or self.zone:
            return None
        if isinstance(node, exp.Cast) and node.to.this is exp.DType.DATE and self.grain != "hour":
            return self.type_of(node.this, scope) if isinstance(node.this, (exp.Column, exp.Paren)) else None
        if isinstance(node, (exp.TimestampTrunc, exp.DateTrunc)) and not node.args.get("zone"):
            unit = node.args.get("unit")
            if self.units and isinstance(unit, exp.Var) and unit.name.casefold() in WITHIN[self.grain]:
                return self.type_of(node.this, scope)
        return None

    def called(self, scope: Scope) -> str:
        """How an error calls what would tell."""
        names = [name for one in scope.sources if not one.filled for name in one.columns.tells]
        what = {"file": "what tells the file", "value": "the column of the partition"}.get(self.grain, f"the {self.grain}")
        return f"{what} of the partition ({', '.join(names)})" if names and self.grain in WITHIN else what

    def is_star(self, node: Any) -> bool:
        """Whether it stands for columns that are not named."""
        return isinstance(node, self.exp.Star) or (
            isinstance(node, self.exp.Column) and isinstance(node.this, self.exp.Star)
        )

    def shadowed(self, node: Any, *, alone: bool) -> frozenset[str]:
        """Names that the SELECT gives to something else than a column of that name; ``alone``: it reads one table."""
        found = set()
        for one in node.expressions:
            star = one if isinstance(one, self.exp.Star) else one.this if self.is_star(one) else None
            for part in () if star is None else (*(star.args.get("replace") or ()), *(star.args.get("rename") or ())):
                found.add(part.alias.casefold())
            if isinstance(one, self.exp.Alias):
                plain = isinstance(one.this, self.exp.Column) and one.this.name.casefold() == one.alias.casefold()
                if not plain or (one.this.table and not alone):
                    found.add(one.alias.casefold())
        return frozenset(found)

    def result(self, node: Any, scope: Scope, *, top: bool) -> dict[str, str]:
        """The columns of the result that tell: none that two columns are called.

        Further down columns of one name are allowed, and what stands for columns that are not named may have any.
        """
        names, tells = Counter[str](), dict[str, str]()
        stars = [one for one in node.expressions if self.is_star(one) or self._spreads(one)]
        for one in node.expressions:
            kind = None if one in stars else self.type_of(one, scope)
            if self.is_star(one):
                found = self._of_star(one, scope) if top or len(stars) == 1 else {}
            elif kind is None or (stars and not top):
                names[one.alias_or_name.casefold()] += 1
                found = {}
            else:
                found = {one.alias_or_name.casefold(): kind}
            names.update(found.keys())
            tells.update(found)
        return {name: kind for name, kind in tells.items() if names[name] == 1}

    def _spreads(self, node: Any) -> bool:
        """Whether it may become several columns, as ``unnest`` of a struct does."""
        return not node.alias and any(True for _ in node.find_all(self.exp.Explode, self.exp.Unnest, self.exp.Columns))

    def _of_star(self, node: Any, scope: Scope) -> dict[str, str]:
        """The columns of a star that tell: of its first table, since those of others may be called otherwise then."""
        star, table = (node, "") if isinstance(node, self.exp.Star) else (node.this, node.table.casefold())
        sources = [one for one in scope.sources if not table or one.name == table][:1]
        if not table and len(scope.sources) > 1 and not sources[0].columns.cut:
            return {}
        lost = {one.name.casefold() for one in star.args.get("except_") or ()}
        for part in (*(star.args.get("replace") or ()), *(star.args.get("rename") or ())):
            lost.update((part.alias.casefold(), part.this.name.casefold()))
        shown = {name: kind for one in sources if not one.filled for name, kind in one.columns.tells.items()}
        return {name: kind for name, kind in shown.items() if name not in lost}
