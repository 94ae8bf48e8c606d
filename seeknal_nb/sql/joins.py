"""Which joins of tables in partitions are local: rows meet in their own partition, and none is there twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal_nb.sql.telling import WITHIN, NotLocalError, Scope, only

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seeknal_nb.sql.telling import Source, Telling

__all__ = ["Joins"]

HALF = ("SEMI", "ANTI")
"""Joins that give the rows of their first table alone."""


class Joins:
    """The joins of one statement, of whose columns ``telling`` knows which tell."""

    def __init__(self, telling: Telling) -> None:
        self.exp, self.telling = telling.exp, telling

    def take(
        self, join: Any, left: list[Source], right: Source, merged: dict[str, str | None], conditions: list[Any]
    ) -> None:
        """Take the join's right side to the sources, where the join is local; ``conditions`` are those of the WHERE."""
        only(join, "this", "side", "kind", "method", "on", "using")
        side, kind, method = ((join.args.get(one) or "").upper() for one in ("side", "kind", "method"))
        half, cut, other = kind in HALF, Scope(left).cut, right.columns.cut
        if (cut or other) and (method not in ("", "ASOF") or kind not in ("", "INNER", "OUTER", "CROSS", *HALF)):
            raise NotLocalError(f"{method or kind} JOIN")
        if cut and other:
            self._check_meeting(join, left, right, [] if side or half or method else conditions)
        elif cut and side in ("RIGHT", "FULL"):
            raise NotLocalError(f"{side} JOIN with a table that has no partitions: its rows would be in each of them")
        elif other and (side in ("LEFT", "FULL") or half or method):
            raise NotLocalError(f"{side or kind or method} JOIN whose first table has no partitions")
        self._merge(join, left, right, merged)
        for one in left:
            one.filled = one.filled or side in ("RIGHT", "FULL")
        right.filled = side in ("LEFT", "FULL")
        if not half:
            left.append(right)

    def _merge(self, join: Any, left: list[Source], right: Source, merged: dict[str, str | None]) -> None:
        """Note the columns of a USING: the only name that both sides have for one is that of the side that is kept."""
        side = (join.args.get("side") or "").upper()
        kept = Scope([right]) if side == "RIGHT" else Scope(left, merged=dict(merged))
        found = {one.name.casefold(): kept.type_of(one.name.casefold(), "") for one in join.args.get("using") or ()}
        if side in ("RIGHT", "FULL"):
            merged.update(dict.fromkeys(merged))
        merged.update({name: None if side == "FULL" else kind for name, kind in found.items()})

    def _check_meeting(self, join: Any, left: list[Source], right: Source, conditions: list[Any]) -> None:
        """Two tables with partitions must meet by equal columns that tell: then rows meet within one partition."""
        scopes = Scope(left), Scope([right])
        equal = [] if join.args.get("method") else join.args.get("using") or ()  # the last one of ASOF is at or before
        for name in (one.name.casefold() for one in equal):
            types = [scope.type_of(name, "") for scope in scopes]
            if None not in types and self.same(*types):
                return
        on = join.args.get("on")
        for one in [*(self.conjuncts(on) if on is not None else ()), *conditions]:
            if isinstance(one, self.exp.EQ):
                for here, there in ((one.this, one.expression), (one.expression, one.this)):
                    types = [self._plain(here, scopes[0]), self._plain(there, scopes[1])]
                    if None not in types and self.same(*types):
                        return
        raise NotLocalError("a join of two tables with partitions that does not say that they are the same")

    def same(self, here: str | None, there: str | None) -> bool:
        """Whether equal values of these types are of equal partitions: '01' = 1, where one is a text and one a number."""
        if self.telling.grain in WITHIN and not self.telling.zone:
            return True
        return bool(here) and here == there

    def _plain(self, node: Any, scope: Scope) -> str | None:
        """The type of an expression that tells, qualified: an unqualified name may be of the other side."""
        columns = list(node.find_all(self.exp.Column))
        if len(columns) != 1 or (not columns[0].table and len(scope.sources) != 1):
            return None
        if not columns[0].table and columns[0].name.casefold() not in scope.sources[0].columns.tells:
            return None
        return self.telling.type_of(node, scope)

    def conjuncts(self, node: Any) -> Iterator[Any]:
        """The conditions that must all be true."""
        if isinstance(node, self.exp.Paren):
            yield from self.conjuncts(node.this)
        elif isinstance(node, self.exp.And):
            yield from self.conjuncts(node.left)
            yield from self.conjuncts(node.right)
        else:
            yield node
