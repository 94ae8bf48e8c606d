"""Names of columns, whose case counts for nothing, as in DuckDB: found, refused where they stand twice, or told apart.

Knows no table and no type.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from seeknal_nb.errors import NodeError, near
from seeknal_nb.markup import some

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

__all__ = ["distinct", "doubled", "find_column", "find_columns", "no_column", "refuse_doubled", "renamed"]


def find_columns(names: Collection[str], columns: Iterable[str], *, why: str = "") -> list[str]:
    """The columns as the table spells them, in the order of ``names``; raises ``no_column`` for the first that is none."""
    known = {one.casefold(): one for one in columns}
    for name in names:
        if name.casefold() not in known:
            raise no_column(name, known.values(), why=why)
    return [known[name.casefold()] for name in names]


def find_column(name: str, columns: Iterable[str], *, why: str = "") -> str:
    """``find_columns`` of one."""
    return find_columns([name], columns, why=why)[0]


def no_column(name: str, columns: Iterable[str], *, within: str = "", why: str = "") -> NodeError:
    """The error of a column that ``within`` (a table, in words) has not, with the nearest of those that it has."""
    where = f" in {within}" if within else ""
    return NodeError(f"there is no column {name!r}{where}", why=why, remedy=near(name, columns, what="column"))


def doubled(names: Collection[str]) -> list[str]:
    """The names that stand there more than once, sorted, each as it is spelled."""
    counts = Counter(name.casefold() for name in names)
    return sorted({name for name in names if counts[name.casefold()] > 1})


def refuse_doubled(names: Sequence[str]) -> None:
    """Raise ``NodeError`` where a result has two columns of one name, of which Parquet would lose one."""
    if found := doubled(names):
        raise NodeError("the result has doubled columns", why=f"{', '.join(found)} (case is ignored)", remedy="rename them")


def distinct(names: Sequence[object]) -> list[str]:
    """The names as texts, none of them twice (case is ignored); None and blank ones are numbered."""
    counts: dict[str, int] = {}
    found = []
    for at, given in enumerate(names):
        name = _text(given) or f"column{at:0{len(str(len(names) - 1))}}"
        while name.casefold() in counts:
            counts[name.casefold()] += 1
            name = f"{name}_{counts[name.casefold()]}"
        counts[name.casefold()] = 0
        found.append(name)
    return found


def _text(name: object) -> str:
    """The name, empty where it is none: pandas has NaN for that, too."""
    missing = name is None or (isinstance(name, float) and math.isnan(name))
    return "" if missing or not str(name).strip() else str(name)


def renamed(names: Sequence[object], found: Sequence[str], where: str = "") -> list[str]:
    """A warning about the columns that ``distinct`` had to call otherwise, where there are any."""
    changed = [
        f"{new} is column {at + 1}, {f'another {given}' if given else 'without a name'}"
        for at, (given, new) in enumerate(zip(map(_text, names), found, strict=True))
        if given != new
    ]
    place = f" in {where}" if where else ""
    return [f"columns of one name, or of none, were renamed{place}: {some(changed, 5)}"] if changed else []
