"""What columns of text mean: the narrowest type that all of a column's texts are written as. Knows no file and no format."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.sqltext import column, literal
from seeknal_nb.workflow.kinds.types import is_integer, is_number, is_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seeknal_nb.workflow.kinds.task import Task

__all__ = ["TIMES", "Spelling", "meanings"]

FIRST = 500
"""Rows that rule out what a column cannot be, before all of them are looked at."""
TEXT = "VARCHAR"
DAY, CLOCK = r"\d{4}[-/]\d{1,2}[-/]\d{1,2}", r"\d{1,2}:\d{2}(:\d{2}(\.\d{1,6}0*)?)?"
ZONE = r"( ?(Z|UTC)|[+-]\d{2}(:?\d{2})?)"
NUMBER = r"-?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"
ODD = "('nan', 'inf', '-inf', 'infinity', '-infinity')"
TURNED = r"\d{1,2}[-/.]\d{1,2}[-/.]\d{4}"
CLOCKS = (" %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
TIMES = ("DATE", "TIMESTAMP", "TIMESTAMPTZ", "TIME")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What texts may be written as.

    Attributes:
        kind: The type of a column of them.
        fits: SQL that is true of such a text; ``$t`` stands for the text, ``$n`` for it as SQL writes numbers.
        value: SQL of the value, where it is not the text's cast.
        told: Why they stay texts although they look like values.
    """

    kind: str
    fits: str
    value: str = ""
    told: str = ""


def _like(pattern: str, also: str = "true", text: str = "$t") -> str:
    return f"CASE WHEN regexp_full_match({text}, '{pattern}') THEN {also} ELSE false END"


def _turned(order: str, clock: str) -> str:
    formats = [f"{order.replace('/', sign)}{time}" for sign in "/.-" for time in (CLOCKS if clock else ("",))]
    return f"try_strptime($t, {literal(formats)})"


WIDE = "DECIMAL(38,0)"
EXACT = (
    "(length($n) < 16 OR NOT regexp_full_match($n, '[+-]?[0-9]+') OR "
    f"TRY_CAST(TRY_CAST(TRY_CAST($n AS DOUBLE) AS VARCHAR) AS {WIDE}) IS NOT DISTINCT FROM TRY_CAST($n AS {WIDE}))"
)
"""Whether a whole number is one that a DOUBLE can hold."""
NUMBERS = (
    Meaning("BIGINT", "TRY_CAST($n AS BIGINT)::VARCHAR = $n"),
    Meaning(WIDE, _like("-?[1-9][0-9]{0,37}", text="$n")),
    Meaning("DOUBLE", f"lower($n) IN {ODD} OR {_like(NUMBER, f'isfinite(TRY_CAST($n AS DOUBLE)) AND {EXACT}', '$n')}"),
    Meaning(TEXT, f"lower($n) IN {ODD} OR {_like(NUMBER, text='$n')}", told="holds numbers too long for a DOUBLE: it is text"),
)  # fmt: skip
MOMENTS = (
    Meaning("DATE", _like(DAY, "TRY_CAST($t AS DATE) IS NOT NULL")),
    Meaning("TIMESTAMP", _like(f"{DAY}([T ]{CLOCK})?", "TRY_CAST($t AS TIMESTAMP) IS NOT NULL")),
    Meaning("TIMESTAMPTZ", _like(f"{DAY}[T ]{CLOCK}{ZONE}", "TRY_CAST($t AS TIMESTAMPTZ) IS NOT NULL")),
    Meaning(
        TEXT,
        _like(rf"{DAY}([T ]\d{{1,2}}:\d{{2}}.*)?", "TRY_CAST($t AS TIMESTAMP) IS NOT NULL"),
        told="holds times with and without an offset, or finer than microseconds: it is text",
    ),
    Meaning("TIME", _like(r"\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?", "TRY_CAST($t AS TIME) IS NOT NULL")),
)  # fmt: skip


def _orders() -> list[Meaning]:
    """Days and months before the year: an order is known where some day is beyond the twelfth."""
    found = []
    for kind, shape, clock in (("DATE", TURNED, ""), ("TIMESTAMP", f"{TURNED} .*", "clock")):
        days, months = _turned("%d/%m/%Y", clock), _turned("%m/%d/%Y", clock)
        option = "timestampformat: '%d/%m/%Y %H:%M:%S'" if clock else "dateformat: '%d/%m/%Y'"
        unclear = f"holds dates of which nothing tells whether the day or the month is first: it is text ({option}, for one)"
        found += [
            Meaning(TEXT, _like(shape, f"{days} IS NOT NULL AND {months} IS NOT NULL"), told=unclear),
            Meaning(kind, _like(shape, f"{days} IS NOT NULL"), f"CAST({days} AS {kind})"),
            Meaning(kind, _like(shape, f"{months} IS NOT NULL"), f"CAST({months} AS {kind})"),
            Meaning(
                TEXT, _like(shape, f"coalesce({days}, {months}) IS NOT NULL"), told="holds dates of two orders: it is text"
            ),
        ]
    return found


MEANINGS = (Meaning("BOOLEAN", "lower($t) IN ('true', 'false')"), *NUMBERS, *MOMENTS, *_orders())
"""Narrowest first; a column is what the first one is that all its texts fit."""


@dataclass(frozen=True)
class Spelling:
    """How numbers and dates are written where that is no matter of course.

    Attributes:
        decimal: The sign before decimals.
        thousands: The sign between thousands, if any.
        date: ``strptime``'s format of dates, if it is given.
        timestamp: The same of timestamps.
        allowed: The types that a column may be taken for, if they are given.
    """

    decimal: str = "."
    thousands: str = ""
    date: str = ""
    timestamp: str = ""
    allowed: tuple[str, ...] | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Spelling:
        """What the options of a reader say."""
        date, stamp = (options.get(f"{one}format") or options.get(f"{one}_format") or "" for one in ("date", "timestamp"))
        kinds = options.get("auto_type_candidates")
        allowed = (
            None if kinds is None else tuple(str(one).upper() for one in ([kinds] if isinstance(kinds, str) else kinds))
        )
        return cls(options.get("decimal_separator") or ".", options.get("thousands") or "", date, stamp, allowed)

    @cached_property
    def meanings(self) -> tuple[Meaning, ...]:
        """What a column may be, narrowest first."""
        own = [
            Meaning(
                kind, f"try_strptime($t, {literal(form)}) IS NOT NULL", f"CAST(try_strptime($t, {literal(form)}) AS {kind})"
            )
            for kind, form in (("DATE", self.date), ("TIMESTAMP", self.timestamp))
            if form
        ]
        if self.allowed is None:
            return (*own, *MEANINGS)
        narrow = [
            Meaning(kind, f"TRY_CAST($n AS {kind})::VARCHAR = $n")
            for kind in self.allowed
            if is_integer(kind) and kind != "BIGINT"
        ]
        return tuple(one for one in (*own, *narrow, *MEANINGS) if one.kind == TEXT or one.kind in self.allowed)

    def text(self, value: str, kind: str) -> str:
        """SQL of a text as the engine's cast to the kind understands it; what is written otherwise becomes no value."""
        bare = f"nullif(trim({value}), '')"
        if is_number(kind):
            return self._number(bare)
        form = self.date if kind == "DATE" else self.timestamp if is_time(kind) else ""
        spelled = f"CASE WHEN {bare} IS NOT NULL THEN coalesce(try_strptime({bare}, {literal(form)})::VARCHAR, '?') END"
        return value if kind == TEXT else spelled if form else bare

    def _number(self, value: str) -> str:
        if self.decimal == "." and not self.thousands:
            return value
        mark, group = (f"[{sign}]" for sign in (self.decimal, self.thousands or "x"))
        whole = rf"(\d{{1,3}}({group}\d{{3}})+|\d*)" if self.thousands else r"\d*"
        plain = f"replace(replace({value}, {literal(self.thousands)}, ''), {literal(self.decimal)}, '.')"
        pattern = literal(rf"[+-]?{whole}({mark}\d*)?([eE][+-]?\d+)?")
        cases = f"WHEN lower({value}) IN {ODD} THEN {value} WHEN regexp_full_match({value}, {pattern}) THEN {plain}"
        return f"CASE {cases} WHEN {value} IS NOT NULL THEN '?' END"

    def filled(self, sql: str, value: str) -> str:
        """The SQL of a meaning for one column's text."""
        return sql.replace("$n", self._number(value)).replace("$t", value)


def meanings(
    task: Task, relation: str, names: Sequence[str], spelling: Spelling, *, only: Sequence[str] | None = None
) -> tuple[dict[str, tuple[str, str]], list[str]]:
    """What the columns of text that are more than text mean, and what is to be told of others.

    Args:
        task: Whose.
        relation: What stands after FROM.
        names: Of the columns.
        spelling: How they are written.
        only: The types that come into question, if not all.

    Returns:
        Type and SQL of the value, by column; and warnings.
    """
    known = [one for one in spelling.meanings if only is None or one.kind in only or one.kind == TEXT]
    left = _fitting(task, f"(FROM {relation} LIMIT {FIRST})", dict.fromkeys(names, known), spelling, part=True)
    found = _fitting(task, relation, {name: fits[:1] for name, fits in left.items() if fits}, spelling)
    again = {name: left[name][1:] for name, fits in found.items() if not fits and left[name][1:]}
    found |= _fitting(task, relation, again, spelling)
    first = {name: fits[0] for name, fits in found.items() if fits}
    values = {
        name: (
            one.kind,
            spelling.filled(one.value or f"CAST({'$n' if is_number(one.kind) else '$t'} AS {one.kind})", _bare(name)),
        )
        for name, one in first.items()
        if one.kind != TEXT
    }
    return values, [f"column {name!r} {one.told}" for name, one in first.items() if one.told]


def _bare(name: str) -> str:
    return f"nullif(trim({column(name)}), '')"


def _fitting(
    task: Task, relation: str, tried: Mapping[str, Sequence[Meaning]], spelling: Spelling, *, part: bool = False
) -> dict[str, list[Meaning]]:
    """Which meanings all the texts of each column fit; where it has no text, none, or all if a part only was looked at."""
    if not tried:
        return {}
    texts = ", ".join(f"{_bare(name)} AS t{at}" for at, name in enumerate(tried))
    asked = [
        f"bool_and(coalesce({spelling.filled(one.fits, f't{at}')}, false)) FILTER (WHERE t{at} IS NOT NULL)"
        for at, known in enumerate(tried.values())
        for one in known
    ]
    answers = iter(task.engine.query(f"SELECT {', '.join(asked)} FROM (SELECT {texts} FROM {relation})", form="rows")[0])
    fits = (True, None) if part else (True,)
    return {name: [one for one in known if next(answers) in fits] for name, known in tried.items()}
