"""How checks are written: entries of a list as values, or what is wrong with them. Asks no engine and sees no data."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from seeknal_nb.config import refuse_unknown_names
from seeknal_nb.durations import seconds_of
from seeknal_nb.errors import ManifestError, about, near
from seeknal_nb.kinds.checks.declared import SEVERITIES
from seeknal_nb.sql.text import spans, statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = [
    "CHECKS", "COMMON", "SEVERITIES", "Spec", "Threshold", "bounds_text", "condition", "number", "share", "specs_of",
    "threshold",
]  # fmt: skip

_COMPARISON = re.compile(r"\s*(>=|<=|!=|<>|==|=|>|<)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*")
_BETWEEN = re.compile(r"\s*between\s+([-+]?\d+(?:\.\d+)?)\s+and\s+([-+]?\d+(?:\.\d+)?)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number is compared with it: ``> 10``, ``!= 0``, ``between 1 and 5``, as dbt and the peer write them."""

    operator: str
    value: float
    high: float = 0.0

    def holds(self, found: float) -> bool:
        """Whether the comparison is true of the number."""
        return {
            ">": found > self.value, ">=": found >= self.value, "<": found < self.value, "<=": found <= self.value,
            "=": found == self.value, "!=": found != self.value, "between": self.value <= found <= self.high,
        }[self.operator]  # fmt: skip

    def __str__(self) -> str:
        text = f"{self.operator} {self.value:g}"
        return f"{text} and {self.high:g}" if self.operator == "between" else text


@dataclass(frozen=True, slots=True)
class Spec:
    """One check to run.

    Attributes:
        kind: A row of ``CHECKS``.
        label: What it is called.
        columns: What it is about: one, or those of a key, or those of which none may be null.
        options: The rest of what its kind reads.
        severity: Its own, else None.
        where: It looks at rows only of which this holds; empty for all.
        tolerance: The share of rows that may break it.
        error_if: Which number of offending rows (or which metric) is an error; None for the default.
        warn_if: Which is a warning.
        path: Where in the node's config it is written.
    """

    kind: str
    label: str
    columns: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    severity: str | None = None
    where: str = ""
    tolerance: float | None = None
    error_if: Threshold | None = None
    warn_if: Threshold | None = None
    path: tuple[str | int, ...] = ()


def _holed(value: object) -> bool:
    """Whether a parameter is still to be put in: then its type is looked at when it is."""
    return isinstance(value, str) and "{{" in value


def number(value: Any) -> float:
    """A finite number, which a parameter may give as text."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ManifestError(f"{value!r} is no number")
    try:
        found = float(value)
    except (ValueError, OverflowError):
        raise ManifestError(f"{value!r:.100} is no number") from None
    if not math.isfinite(found):
        raise ManifestError(f"{value!r} is not finite")
    return found


def share(value: Any) -> float:
    """A number from 0 to 1; raises ``ManifestError``."""
    found = number(value)
    if not 0 <= found <= 1:
        raise ManifestError(f"{value!r} is no share", why="a share lies between 0 and 1")
    return found


def _count(value: Any) -> int:
    found = number(value)
    if found < 0 or found != int(found):
        raise ManifestError(f"{value!r} is no whole number from 0")
    return int(found)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ManifestError(f"{value!r} is neither true nor false")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ManifestError(f"{value!r} is no text")
    return value


def _bound(value: Any) -> Any:
    """A number, or text for dates and words."""
    if not isinstance(value, str):
        number(value)
        return value
    return _text(value)


def _names(value: Any) -> tuple[str, ...]:
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, (list, tuple)) or not found or not all(isinstance(one, str) and one.strip() for one in found):
        raise ManifestError(f"{value!r} names no column")
    return tuple(found)


def _values(value: Any) -> list[Any]:
    if not isinstance(value, (list, tuple)) or not value:
        raise ManifestError(f"{value!r} lists no values")
    if any(isinstance(one, (dict, list, tuple)) for one in value):
        raise ManifestError(f"{value!r} holds what is no plain value")
    return list(value)


def _age(value: Any) -> float:
    """Seconds: a number is seconds, as the peer reads it."""
    try:
        return number(value)
    except ManifestError:
        return seconds_of(_text(value))


def _severity(value: Any) -> str:
    if value not in SEVERITIES:
        raise ManifestError(f"unknown severity {value!r}", remedy=near(str(value), SEVERITIES, what="severity"))
    return str(value)


def threshold(value: Any) -> Threshold:
    """A comparison with a number; raises ``ManifestError``."""
    text = _text(value)
    found = _BETWEEN.fullmatch(text)
    if found:
        return Threshold("between", float(found[1]), float(found[2]))
    found = _COMPARISON.fullmatch(text)
    if not found:
        raise ManifestError(f"{value!r} compares with nothing", remedy='write "> 10", "!= 0" or "between 1 and 5"')
    return Threshold({"==": "=", "<>": "!="}.get(found[1], found[1]), float(found[2]))


def condition(value: Any) -> str:
    """One SQL condition whose brackets close, so that it stays one wherever it is put."""
    found = statements(_text(value))
    if len(found) != 1 or not _closed(found[0].text):
        raise ManifestError(f"{value[:200]!r} is no one condition", remedy="write one SQL condition, as amount > 0")
    return found[0].text


def _closed(sql: str) -> bool:
    dead = {at for start, end in spans(sql) for at in range(start, end)}
    depth = 0
    for at, letter in enumerate(sql):
        if at not in dead:
            depth += (letter == "(") - (letter == ")")
        if depth < 0:
            return False
    return depth == 0


_BOUNDS: Mapping[str, Any] = {"min": _bound, "max": _bound}
COMMON: Mapping[str, Callable[[Any], Any]] = {
    "name": _text, "severity": _severity, "where": condition, "tolerance": share,
    "error_if": threshold, "warn_if": threshold,
}  # fmt: skip
"""What any check may have, beside its name or among its options."""
CHECKS: Mapping[str, tuple[str, tuple[str, ...], Mapping[str, Callable[[Any], Any]]]] = {
    "not_null": ("column", ("column",), {"column": _names}),
    "unique": ("columns", ("columns",), {"columns": _names, "nulls": _text}),
    "accepted_values": ("column", ("column", "values"), {"column": _names, "values": _values}),
    "range": ("column", ("column",), {"column": _names, **_BOUNDS, "exclusive": _flag}),
    "regex": ("column", ("column", "pattern"), {"column": _names, "pattern": _text}),
    "null_rate": ("column", ("column", "max"), {"column": _names, "max": share}),
    "row_count": ("", (), {"min": _count, "max": _count}),
    "freshness": ("column", ("column", "max_age"), {"column": _names, "max_age": _age, "each": _flag, "now": _text}),
    "relationships": ("column", ("column", "to", "field"), {"column": _text, "to": _text, "field": _text}),
    "metric": ("metric", ("metric",), {"metric": _text, "column": _text, "min": number, "max": number}),
    "expression": ("sql", ("sql",), {"sql": condition}),
}
"""By name: the option that a bare value stands for, those that it needs, and how each is read."""


def specs_of(listed: object, *, key: str = "checks") -> list[Spec]:
    """The checks of a list of entries, each column of its own where a check is about columns.

    An entry is ``{not_null: [a, b]}``, ``{range: {column: x, min: 0}}`` or ``{range: x, min: 0, severity: warn}``.

    Raises:
        ManifestError: A check or an option that there is not, one that is missing, or a value of another type.
    """
    if listed is None:
        return []
    if not isinstance(listed, (list, tuple)) or not all(isinstance(entry, dict) for entry in listed):
        raise ManifestError(
            f"{key} must be a list of mappings", why=f"it is {listed!r:.200}", remedy=f"{key}: [{{not_null: [id]}}]"
        )
    return [spec for number, entry in enumerate(listed) for spec in _of_entry(entry, key, number)]


def _of_entry(entry: Mapping[str, Any], key: str, number: int) -> list[Spec]:
    with about(key, number):
        named = _named(entry, key)
        return [replace(spec, path=(key, number, name)) for name, what in named for spec in _specs(name, what)]


def _named(entry: Mapping[str, Any], key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The checks of one entry, each with all of its options; what stands beside them belongs to each."""
    found = [name for name in entry if name in CHECKS]
    beside = {name: value for name, value in entry.items() if name not in CHECKS}
    known = {*COMMON, *(option for name in found for option in CHECKS[name][2])}
    unknown = [name for name in beside if name not in known]
    if unknown or not found:
        odd = str(next(iter([*unknown, *beside]), ""))
        what = "option" if found else "check"
        names = known if found else CHECKS
        raise ManifestError(f"unknown {what} {odd!r} in {key}", remedy=near(odd, names, what=what))
    for name in found:
        yield name, {**beside, **_options(name, entry[name])}


def _options(name: str, what: Any) -> dict[str, Any]:
    """The mapping that a check is given; a bare value is its main option."""
    main = CHECKS[name][0]
    if isinstance(what, dict):
        # Whoever writes {unique: {column: x}} or {metric: {name: auc}} means the main option.
        other = {"columns": "column", "metric": "name"}.get(main)
        return {main if one == other and main not in what else one: value for one, value in what.items()}
    if not main:
        raise ManifestError(f"check {name!r} needs options", why=f"it has {what!r}", remedy=f"{name}: {{min: 1}}")
    return {main: what}


def _specs(name: str, options: Mapping[str, Any]) -> list[Spec]:
    _, needed, readers = CHECKS[name]
    refuse_unknown_names(options, [*readers, *COMMON], name, what="option")
    missing = [option for option in needed if options.get(option) is None]
    if missing:
        raise ManifestError(f"check {name!r} needs {missing[0]}", remedy=f"{name}: {{{missing[0]}: ...}}")
    read = {option: _read(name, option, value) for option, value in options.items() if value is not None}
    _whole(name, read)
    return _spread(name, read)


def _read(name: str, option: str, value: Any) -> Any:
    if _holed(value):
        return value
    try:
        return (CHECKS[name][2].get(option) or COMMON[option])(value)
    except ManifestError as error:
        raise ManifestError(f"{option} of {name}: {error.what}", why=error.why, remedy=error.remedy) from None


def _whole(name: str, options: Mapping[str, Any]) -> None:
    """Refuse options that do not go together."""
    low, high = options.get("min"), options.get("max")
    compared = name == "metric" and (options.get("error_if") or options.get("warn_if"))
    if name in ("range", "row_count", "metric") and low is None and high is None and not compared:
        raise ManifestError(f"check {name!r} needs min or max", remedy=f"{name}: {{..., min: 0}}")
    if isinstance(low, (int, float)) and isinstance(high, (int, float)) and low > high:
        raise ManifestError(f"check {name!r} can never hold", why=f"min {low} is above max {high}", remedy="swap them")
    if options.get("tolerance") is not None and (options.get("error_if") or options.get("warn_if")):
        raise ManifestError(f"check {name!r} has a tolerance and thresholds", remedy="keep one of tolerance and error_if")
    if name == "unique" and options.get("nulls", "distinct") not in ("distinct", "same"):
        raise ManifestError(
            f"nulls of unique is {options['nulls']!r}", remedy="distinct, or same where two nulls are a double"
        )
    useless = {"metric": ("where", "tolerance"), "null_rate": ("tolerance",), "row_count": ("tolerance",)}.get(name, ())
    if name == "freshness" and not options.get("each"):
        useless = ("tolerance",)
    for option in useless:
        if options.get(option) is not None:
            raise ManifestError(f"{option} of {name} is not read", remedy=f"take {option} away")


def _spread(name: str, read: dict[str, Any]) -> list[Spec]:
    """One check a column, but for those that are about several together."""
    common = {
        option: read.pop(option) for option in ("severity", "where", "tolerance", "error_if", "warn_if") if option in read
    }
    label, given = read.pop("name", None), read.pop("columns" if name == "unique" else "column", ())
    columns = (given,) if isinstance(given, str) else tuple(given)
    spec = Spec(name, _label(name, columns, read, label), columns, read, **common)
    if name in ("unique", "metric", "relationships", "expression") or len(columns) < 2:  # noqa: PLR2004 - nothing to spread
        return [spec]
    return [
        replace(spec, columns=(one,), label=f"{label} {one}" if label else _label(name, (one,), read, None))
        for one in columns
    ]


def bounds_text(options: Mapping[str, Any]) -> str:
    """``at least 10``, ``at most 20``, or both."""
    sides = (("min", "at least"), ("max", "at most"))
    return " and ".join(f"{word} {options[side]}" for side, word in sides if options.get(side) is not None)


def _label(name: str, columns: Sequence[str], options: Mapping[str, Any], given: str | None) -> str:
    about = [str(options["metric"])] if name == "metric" else []
    return given or " ".join([name, *about, ", ".join(columns)]).strip()
