"""What columns of text mean: the narrowest type that all of a column's texts are written as. Knows no file and no format."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from seeknal_nb.sql.text import column, literal
from seeknal_nb.sql.types import is_integer, is_number, is_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from seeknal_nb.engines import Schema
    from seeknal_nb.kinds.task import Task

__all__ = ["Spelling", "fitting", "meanings", "meant", "nearly_numbers", "numbers_held"]

FIRST = 200
"""Rows that rule out what a column cannot be, before all of them are looked at."""
TEXT, WIDE = "VARCHAR", "DECIMAL(38,0)"
DAY, CLOCK = r"\d{4}[-/]\d{1,2}[-/]\d{1,2}", r"\d{1,2}:\d{2}(:\d{2}(\.\d{1,6}0*)?)?"
ZONE = r"( ?(Z|UTC)|[+-]\d{2}(:?\d{2})?)"
NUMBER = r"-?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"
ODD = "-?inf(inity)?|nan"
ANY = f"{NUMBER}|{ODD}"
TURNED = r"\d{1,2}[-/.]\d{1,2}[-/.]\d{4}"
CLOCKS = (" %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What texts may be written as.

    Attributes:
        kind: The type of a column of them.
        looks: A regular expression of all such texts (case is ignored), as Python and as DuckDB understand it.
        fits: SQL that is true of those that are such indeed, of which ``$t`` is one, and ``$n`` one as SQL writes numbers.
        value: SQL of the value, where it is not the text's cast.
        told: Why they stay texts although they look like values.
    """

    kind: str
    looks: str
    fits: str = "true"
    value: str = ""
    told: str = ""

    def may_be(self, text: str) -> bool:
        """Whether a text may be written so."""
        return re.fullmatch(self.looks, text, re.IGNORECASE) is not None

    def test(self) -> str:
        """SQL that is true of a text that is written so."""
        if is_integer(self.kind):  # the quickest, as it is done once for each text of a dictionary
            return f"TRY_CAST($n AS {self.kind})::VARCHAR = $n"
        text = "$n" if is_number(self.kind) else "$t"
        return f"CASE WHEN regexp_full_match({text}, {literal(self.looks)}, 'i') THEN {self.fits} ELSE false END"


EXACT = (
    f"isfinite(TRY_CAST($n AS DOUBLE)) AND (length($n) < 16 OR NOT regexp_full_match($n, '-?[0-9]+') OR "
    f"TRY_CAST(TRY_CAST(TRY_CAST($n AS DOUBLE) AS VARCHAR) AS {WIDE}) = TRY_CAST($n AS {WIDE}))"
)
"""Whether a number is one that a DOUBLE can hold: whole ones beyond 2^53 may not be, nor is one of 39 digits."""
SIMPLE = (
    Meaning("BOOLEAN", "true|false"),
    Meaning("BIGINT", "0|-?[1-9][0-9]*"),
    Meaning(WIDE, "-?[1-9][0-9]{0,37}"),
    Meaning("DOUBLE", ANY, f"regexp_full_match($n, '{ODD}', 'i') OR ({EXACT})"),
    Meaning(TEXT, ANY, f"regexp_full_match($n, '{ANY}', 'i')", told="holds numbers beyond DOUBLE: it is text"),
    Meaning("DATE", DAY, "TRY_CAST($t AS DATE) IS NOT NULL"),
    Meaning("TIMESTAMP", f"{DAY}([T ]{CLOCK})?", "TRY_CAST($t AS TIMESTAMP) IS NOT NULL"),
    Meaning("TIMESTAMPTZ", f"{DAY}[T ]{CLOCK}{ZONE}", "TRY_CAST($t AS TIMESTAMPTZ) IS NOT NULL"),
    Meaning(
        TEXT,
        rf"{DAY}([T ]\d{{1,2}}:\d{{2}}.*)?",
        "TRY_CAST($t AS TIMESTAMP) IS NOT NULL",
        told="holds times with and without an offset, or finer than microseconds: it is text (schema says which)",
    ),
    Meaning("TIME", r"\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?", "TRY_CAST($t AS TIME) IS NOT NULL"),
)  # fmt: skip


def _turned(order: str, *, clock: bool) -> str:
    formats = [f"{order.replace('/', sign)}{time}" for sign in "/.-" for time in (CLOCKS if clock else ("",))]
    return f"try_strptime($t, {literal(formats)})"


def _orders() -> list[Meaning]:
    """Days and months before the year: an order is known where some day is beyond the twelfth."""
    found = []
    for kind, looks, option in (
        ("DATE", TURNED, "dateformat: '%d/%m/%Y'"),
        ("TIMESTAMP", f"{TURNED} .*", "timestampformat: '%d/%m/%Y %H:%M:%S'"),
    ):
        days, months = (_turned(order, clock=kind != "DATE") for order in ("%d/%m/%Y", "%m/%d/%Y"))
        unclear = f"holds dates of which nothing tells whether the day or the month is first: it is text ({option}, for one)"
        found += [
            Meaning(TEXT, looks, f"{days} IS NOT NULL AND {months} IS NOT NULL", told=unclear),
            Meaning(kind, looks, f"{days} IS NOT NULL", f"CAST({days} AS {kind})"),
            Meaning(kind, looks, f"{months} IS NOT NULL", f"CAST({months} AS {kind})"),
            Meaning(TEXT, looks, f"coalesce({days}, {months}) IS NOT NULL", told="holds dates of two orders: it is text"),
        ]
    return found


MEANINGS = (*SIMPLE, *_orders())
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
            Meaning(kind, ".+", f"{parsed} IS NOT NULL", f"CAST({parsed} AS {kind})")
            for kind, form in (("DATE", self.date), ("TIMESTAMP", self.timestamp))
            if form
            for parsed in [f"try_strptime($t, {literal(form)})"]
        ]
        if self.allowed is None:
            return (*own, *MEANINGS)
        integers = [one for one in self.allowed if is_integer(one) and one != "BIGINT"]
        narrow = [Meaning(kind, "0|-?[1-9][0-9]*") for kind in integers]
        return tuple(one for one in (*own, *narrow, *MEANINGS) if one.kind in self.allowed)

    @property
    def local(self) -> bool:
        """Whether numbers are written otherwise than SQL does."""
        return self.decimal != "." or bool(self.thousands)

    def may_be(self, meaning: Meaning, text: str) -> bool:
        """Whether a text may be written so, as far as its looks tell."""
        return (self.local and is_number(meaning.kind)) or meaning.may_be(text)

    def text(self, value: str, kind: str) -> str:
        """SQL of a text as the engine's cast to the kind understands it; what is written otherwise becomes no value."""
        bare = f"nullif(trim({value}), '')"
        if is_number(kind):
            return self._number(bare)
        form = self.date if kind == "DATE" else self.timestamp if is_time(kind) else ""
        spelled = f"CASE WHEN {bare} IS NOT NULL THEN coalesce(try_strptime({bare}, {literal(form)})::VARCHAR, '?') END"
        return value if kind == TEXT else spelled if form else bare

    def _number(self, value: str) -> str:
        if not self.local:
            return value
        mark, group = (f"[{sign}]" for sign in (self.decimal, self.thousands or "x"))
        whole = rf"(\d{{1,3}}({group}\d{{3}})+|\d*)" if self.thousands else r"\d*"
        plain = f"replace(replace({value}, {literal(self.thousands)}, ''), {literal(self.decimal)}, '.')"
        pattern = literal(rf"[+-]?{whole}({mark}\d*)?([eE][+-]?\d+)?")
        known = f"WHEN regexp_full_match({value}, {pattern}) THEN {plain}"
        return (
            f"CASE {known} WHEN regexp_full_match({value}, '{ODD}', 'i') THEN {value} WHEN {value} IS NOT NULL THEN '?' END"
        )

    def filled(self, sql: str, value: str) -> str:
        """The SQL of a meaning for one column's text."""
        return sql.replace("$n", self._number(value)).replace("$t", value)


def meanings(task: Task, relation: str, names: Sequence[str], spelling: Spelling) -> tuple[dict[str, str], list[str]]:
    """SQL of the values of the columns of text that mean more than text, and what is to be told of others.

    Args:
        task: Whose.
        relation: What stands after FROM.
        names: Of the columns.
        spelling: How they are written.
    """
    left, found = _first(task, relation, names, spelling), dict[str, Meaning]()
    while left:
        misfits = _misfits(task, relation, {name: known[0] for name, known in left.items()}, spelling)
        for name, (count, misfit) in misfits.items():
            first, *others = left.pop(name)
            if count and misfit is None:
                found[name] = first
            others = [one for one in others if count and misfit is not None and spelling.may_be(one, misfit)]
            if others:
                left[name] = others
    return _written(found, spelling)


def fitting(task: Task, relation: str, names: Sequence[str], spelling: Spelling) -> dict[str, tuple[int, ...]]:
    """By column, the places of all meanings among ``spelling.meanings`` that its texts fit; without one that has no text.

    What fits several tables fits all of them together.
    """
    tried = {name: _first(task, relation, [name], spelling).get(name, []) for name in names}
    texts = ", ".join(f"{_bare(name)} AS t{at}" for at, name in enumerate(names))
    asked = [
        sql
        for at, known in enumerate(tried.values())
        for sql in (
            f"count(t{at})",
            *(f"bool_and(({spelling.filled(m.test(), f't{at}')}) IS TRUE OR t{at} IS NULL)" for m in known),
        )
    ]
    answers = iter(
        task.engine.query(f"SELECT {', '.join(asked)} FROM (SELECT {texts} FROM {relation})", form="rows")[0]
        if names
        else ()
    )
    found = {}
    for name, known in tried.items():
        count, fits = next(answers), [spelling.meanings.index(one) for one in known if next(answers)]
        if count:
            found[name] = tuple(fits)
    return found


def meant(chosen: Mapping[str, int], spelling: Spelling) -> tuple[dict[str, str], list[str]]:
    """As ``meanings``, of columns of which somebody knows it: the places among ``spelling.meanings``."""
    return _written({name: spelling.meanings[place] for name, place in chosen.items()}, spelling)


def _written(found: Mapping[str, Meaning], spelling: Spelling) -> tuple[dict[str, str], list[str]]:
    values = {name: _value(name, one, spelling) for name, one in found.items() if one.kind != TEXT}
    return values, [f"column {name!r} {one.told}" for name, one in found.items() if one.told]


def _bare(name: str) -> str:
    return f"nullif(trim({column(name)}), '')"


def _value(name: str, meaning: Meaning, spelling: Spelling) -> str:
    if is_number(meaning.kind) and not spelling.local:  # blanks round a number do not matter to its cast
        return f"TRY_CAST({column(name)} AS {meaning.kind})"
    return spelling.filled(
        meaning.value or f"CAST({'$n' if is_number(meaning.kind) else '$t'} AS {meaning.kind})", _bare(name)
    )


def _first(task: Task, relation: str, names: Sequence[str], spelling: Spelling) -> dict[str, list[Meaning]]:
    """What the columns may mean by their first rows."""
    if not names:
        return {}
    shown = ", ".join(map(column, names))
    rows = task.engine.query(f"SELECT {shown} FROM {relation} LIMIT {FIRST}", form="rows")
    left = {}
    for name, cells in zip(names, zip(*rows, strict=True) if rows else [()] * len(names), strict=True):
        texts = {cell.strip(" ") for cell in cells if cell} - {""}
        left[name] = [one for one in spelling.meanings if all(spelling.may_be(one, text) for text in texts)]
    return {name: known for name, known in left.items() if known}


def _misfits(
    task: Task, relation: str, tried: Mapping[str, Meaning], spelling: Spelling
) -> dict[str, tuple[int, str | None]]:
    """How many texts each column has, and one of them that does not fit."""
    texts = ", ".join(f"{_bare(name)} AS t{at}" for at, name in enumerate(tried))
    asked = [
        f"count(t{at}), any_value(t{at}) FILTER (WHERE ({spelling.filled(one.test(), f't{at}')}) IS NOT TRUE)"
        for at, one in enumerate(tried.values())
    ]
    sql = f"SELECT {', '.join(asked)} FROM (SELECT {texts} FROM {relation})"
    answers = iter(task.engine.query(sql, form="rows")[0])
    return {name: (next(answers), next(answers)) for name in tried}


def numbers_held(task: Task, relation: str, schema: Schema, spelling: Spelling) -> dict[str, tuple[int, int]]:
    """How many values columns of a relation hold, and how many of these are numbers, by their names in small letters."""
    if not schema:
        return {}
    numbers = {name: _as_number(name, kind, spelling) for name, kind in schema}
    counts = ", ".join(f"count({column(name)}), count({number})" for name, number in numbers.items())
    [found] = task.engine.query(f"SELECT {counts} FROM {relation}", form="rows")
    return {name.casefold(): (found[2 * at], found[2 * at + 1]) for at, name in enumerate(numbers)}


def _as_number(name: str, kind: str, spelling: Spelling) -> str:
    text = f"try_cast({spelling.text(column(name), 'DOUBLE')} AS DOUBLE)" if kind == "VARCHAR" else "NULL"
    return column(name) if is_number(kind) else text


def nearly_numbers(held: Iterable[tuple[str, int, int]]) -> list[str]:
    """A warning of each column of text whose values are numbers but for few: a word for null that the reader did not know.

    Args:
        held: Columns with how many values they hold, and how many of these are numbers.
    """
    return [
        f"{name} is text, but {100 * numbers // values}% of it are numbers: is there a word for null? --null NA"
        for name, values, numbers in held
        if 0.9 < numbers / max(values, 1) < 1  # noqa: PLR2004 - one odd word among numbers is no chance
    ]
