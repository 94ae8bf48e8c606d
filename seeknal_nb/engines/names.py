"""Names of columns: doubled ones refused, or told apart as DuckDB does it, another ``a`` as ``a_1``. Knows no table."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from seeknal_nb.errors import NodeError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["distinct", "refuse_doubled", "renamed"]


def refuse_doubled(names: Sequence[str]) -> None:
    """Raise ``NodeError`` where a result has two columns of one name, of which Parquet would lose one."""
    counts = Counter(name.casefold() for name in names)
    doubled = sorted({name for name in names if counts[name.casefold()] > 1})
    if doubled:
        raise NodeError(
            "the result has doubled columns", why=f"{', '.join(doubled)} (case is ignored)", remedy="rename them"
        )


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
    shown = "; ".join(changed[:5]) + (f"; and {len(changed) - 5} more" if len(changed) > 5 else "")  # noqa: PLR2004
    return [f"columns of one name, or of none, were renamed{f' in {where}' if where else ''}: {shown}"] if changed else []
