"""What the features of an aggregation mean: each as measures over days before an application date. Pure; it knows no engine.

The keys are the peer's. A window ``[a, b]`` keeps the events that are ``a`` to ``b`` days older than
the application date, both included; ``7d`` is ``[1, 7]``, so nothing of the day itself counts unless ``[0, b]`` asks for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeknal_nb.config import refuse_unknown_names
from seeknal_nb.errors import ManifestError, near

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

__all__ = ["DAYS", "FUNCTIONS", "ROWS", "Measure", "Span", "read_measures", "template_of", "texts"]

FUNCTIONS: Mapping[str, str] = {
    "count": "count({x})",
    "sum": "sum({x})",
    "mean": "avg({x})",
    "avg": "avg({x})",
    "min": "min({x})",
    "max": "max({x})",
    "std": "stddev_samp({x})",
    "stddev": "stddev_samp({x})",
    "var": "var_samp({x})",
    "variance": "var_samp({x})",
    "median": "median({x})",
    "nunique": "count(DISTINCT {x})",
    "count_distinct": "count(DISTINCT {x})",
    "first": "arg_min({x}, {{'at': {at}, 'value': {x}}})",
    "last": "arg_max({x}, {{'at': {at}, 'value': {x}}})",
}
"""By name, as SQL. ``first`` and ``last`` go by the whole time, and of equal times take the least and the greatest value."""
DAYS = "days"
"""What ``since`` gives without ``aggs``: days since the last event that meets its condition."""
ROWS = "*"
"""The column that stands for the event itself: ``count`` of it counts events."""
_QUANTILE = re.compile(r"p([1-9]\d?)")
_WINDOW = re.compile(r"(\d+)\s*([dw]?)|(\d+)\s*-\s*(\d+)\s*d?", re.IGNORECASE)
_LISTS = ("functions", "aggs")
"""What lists of functions are called: in the peer's reference, and in its templates."""
_FEATURE = ("name", "column", "source_feature", "description", "basic", "rolling", "window", *_LISTS, "ratio", "since")


@dataclass(frozen=True, slots=True)
class Span:
    """Ages in days, both ends included; ``high`` None reaches back to the beginning."""

    low: int
    high: int | None = None

    def __str__(self) -> str:
        return f"{self.low}_{self.high}"


@dataclass(frozen=True, slots=True)
class Measure:
    """One output column.

    Attributes:
        name: What it is called.
        function: A name of ``FUNCTIONS``, ``p1`` to ``p99``, or ``DAYS``.
        column: What it is taken of; ``ROWS`` for events.
        spans: None: all events that count for the row; one: a window; two: the first divided by the second.
        condition: SQL that an event must meet.
    """

    name: str
    function: str
    column: str
    spans: tuple[Span, ...] = ()
    condition: str | None = None


@dataclass(frozen=True, slots=True)
class _Feature:
    """One entry of ``features``: how its columns are called, and what of."""

    name: str
    column: str
    rollup: bool

    @property
    def source(self) -> str:
        """What second order names its columns after: the column, where it is one."""
        return self.name if self.column == ROWS else self.column

    def basic(self, function: str) -> Measure:
        name = f"{self.source}_{function.upper()}" if self.rollup else f"{self.name}_{function}"
        return Measure(name, function, self.column)

    def window(self, function: str, span: Span, label: str) -> Measure:
        name = f"{self.source}_{function.upper()}_{span}" if self.rollup else f"{self.name}_{function}_{label}"
        return Measure(name, function, self.column, (span,))

    def ratio(self, function: str, over: Span, under: Span) -> Measure:
        upper = function.upper()
        name = f"{self.name}_{function}_ratio_{over}__{under}"
        name = f"{self.source}_{upper}{over}_{upper}{under}" if self.rollup else name
        return Measure(name, function, self.column, (over, under))

    def since(self, function: str, condition: str, called: str | None) -> Measure:
        if function == DAYS:
            return Measure(f"{called or self.name}_days_since", DAYS, ROWS, (Span(1),), condition)
        name = f"{called or self.name}_{function}_if"
        name = f"SINCE_{function.upper()}_{called or self.source}_GEO_D" if self.rollup else name
        return Measure(name, function, self.column, (), condition)


def read_measures(features: Any, *, rollup: bool) -> tuple[Measure, ...]:
    """The columns that ``features`` asks for, in order.

    Args:
        features: A list of mappings with ``name``, or a mapping by name.
        rollup: Whether they are called as the peer documents it for second order: ``{column}_{FUNCTION}``.

    Raises:
        ManifestError: A key, a function or a window that is not known, or two columns of one name.
    """
    found: dict[str, Measure] = {}
    for entry in _entries(features):
        feature = _feature(entry, rollup=rollup)
        measures = list(_measures(entry, feature))
        if not measures:
            raise ManifestError(
                f"feature {feature.name!r} asks for nothing", remedy="give it basic, rolling, ratio or since"
            )
        for measure in measures:
            if found.setdefault(measure.name.casefold(), measure) != measure:
                raise ManifestError(
                    f"two columns {measure.name!r}",
                    why="two features, or two conditions, would give them",
                    remedy="name the features otherwise, and a since by its own name",
                )
    return tuple(found.values())


def template_of(function: str) -> str:
    """The SQL of a function, with ``{x}`` for what it is taken of and ``{at}`` for the time."""
    quantile = _QUANTILE.fullmatch(function)
    return f"quantile_cont({{x}}, 0.{quantile[1]:0>2})" if quantile else FUNCTIONS[function]


def _entries(features: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(features, dict):
        if not isinstance(features, (list, tuple)) or not all(isinstance(entry, dict) for entry in features):
            why = f"it is {features!r:.100}"
            raise ManifestError("features must be mappings", why=why, remedy="features: [{name: amount, basic: [sum]}]")
        yield from features
        return
    for name, entry in features.items():
        if not isinstance(entry, dict):
            raise ManifestError(
                f"feature {name!r} must be a mapping", why=f"it is {entry!r:.100}", remedy="x: {basic: [sum]}"
            )
        yield {"name": name, **entry}


def _feature(entry: Mapping[str, Any], *, rollup: bool) -> _Feature:
    name = entry.get("name")
    if not isinstance(name, str) or not name:
        raise ManifestError("a feature without a name", why=f"it is {dict(entry)!r:.100}", remedy="name: amount")
    refuse_unknown_names(entry, _FEATURE, f"feature {name!r}")
    if entry.get("column") and entry.get("source_feature"):
        raise ManifestError(
            f"feature {name!r} has two columns", why="column and source_feature mean the same", remedy="keep one"
        )
    column = entry.get("column") or entry.get("source_feature") or name
    if not isinstance(column, str):
        raise ManifestError(
            f"column of feature {name!r} must be text", why=f"it is {column!r:.100}", remedy="column: amount"
        )
    return _Feature(name, column, rollup)


def _measures(entry: Mapping[str, Any], feature: _Feature) -> Iterator[Measure]:
    where, window = f"feature {feature.name!r}", entry.get("window")
    if window is None or isinstance(window, dict):
        if any(entry.get(key) for key in _LISTS):
            remedy = "basic: [sum], or rolling: [{window: 7d, functions: [sum]}]"
            raise ManifestError(f"{where} has no window for its functions", remedy=remedy)
        yield from (feature.basic(function) for function in _functions(entry.get("basic"), feature, where))
    else:  # documented for second order: the functions of basic, in this window only
        yield from _windows(window, _listed(entry, where, ("basic", *_LISTS)), feature, where)
    if isinstance(window, dict):  # the peer's template: {windows: [7, 30], functions: [sum]}
        refuse_unknown_names(window, ("windows", *_LISTS), f"window of {where}")
        days = [f"{one}d" if _is_number(one) else one for one in texts(window.get("windows"))]
        yield from _windows(days, _listed(window, where), feature, f"window of {where}")
    for item in _items(entry.get("rolling"), f"rolling of {where}", ("window", *_LISTS)):
        yield from _windows(item.get("window"), _listed(item, f"rolling of {where}"), feature, f"rolling of {where}")
    yield from _ratios(entry, feature, where)
    yield from _sinces(entry, feature, where)


def _listed(item: Mapping[str, Any], where: str, keys: Iterable[str] = _LISTS, *, default: str = "") -> Any:
    """The functions that an entry names, under one of these keys."""
    named = [key for key in keys if item.get(key)]
    if len(named) > 1 or not (named or default):
        why = f"it has {' and '.join(named)}" if named else "it names no function"
        raise ManifestError(f"{where} needs one list of functions", why=why, remedy="functions: [sum, mean]")
    return item[named[0]] if named else default


def _windows(window: Any, functions: Any, feature: _Feature, where: str) -> Iterator[Measure]:
    if window is None or window == []:
        raise ManifestError(f"{where} has no window", remedy="window: 7d, or window: [8, 30]")
    for span, label in _spans(window, where):
        for function in _functions(functions, feature, where):
            yield feature.window(function, span, label)


def _ratios(entry: Mapping[str, Any], feature: _Feature, where: str) -> Iterator[Measure]:
    where = f"ratio of {where}"
    for item in _items(entry.get("ratio"), where, ("numerator", "denominator", *_LISTS)):
        for key in ("numerator", "denominator"):
            if item.get(key) is None:
                raise ManifestError(f"{where} has no {key}", remedy=f"{key}: [1, 7]")
        [(over, _)], [(under, _)] = (_one_span(item[key], where) for key in ("numerator", "denominator"))
        for function in _functions(_listed(item, where, default="sum"), feature, where):
            yield feature.ratio(function, over, under)


def _sinces(entry: Mapping[str, Any], feature: _Feature, where: str) -> Iterator[Measure]:
    where = f"since of {where}"
    for item in _items(entry.get("since"), where, ("condition", "name", *_LISTS)):
        condition, called = item.get("condition"), item.get("name")
        if not isinstance(condition, str) or not condition.strip():
            raise ManifestError(f"{where} has no condition", remedy="condition: amount > 100")
        if called is not None and not isinstance(called, str):
            raise ManifestError(f"name in {where} must be text", why=f"it is {called!r:.100}", remedy="name: large")
        for function in _functions(_listed(item, where, default=DAYS), feature, where, also=(DAYS,)):
            yield feature.since(function, condition.strip(), called)


def _items(value: Any, where: str, keys: Collection[str]) -> Iterator[Mapping[str, Any]]:
    """The mappings of a list, or the one that stands alone."""
    listed = [value] if isinstance(value, dict) else value or []
    if not isinstance(listed, (list, tuple)) or not all(isinstance(item, dict) for item in listed):
        raise ManifestError(
            f"{where} must be a list of mappings", why=f"it is {value!r:.100}", remedy="write {key: value, ...}"
        )
    for item in listed:
        refuse_unknown_names(item, keys, where)
        yield item


def texts(value: Any) -> list[Any]:
    """One value or a list of them, as a list; None is none."""
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _functions(value: Any, feature: _Feature, where: str, *, also: tuple[str, ...] = ()) -> Iterator[str]:
    for one in texts(value):
        function = str(one).lower()
        if function not in (*FUNCTIONS, *also) and not _QUANTILE.fullmatch(function):
            raise ManifestError(
                f"unknown aggregate {one!r} in {where}", remedy=near(function, (*FUNCTIONS, "p95", *also), what="aggregate")
            )
        if feature.column == ROWS and function not in ("count", DAYS):
            raise ManifestError(
                f"{function} of * in {where}", why="* stands for events: they can be counted", remedy="name a column"
            )
        yield function


def _spans(value: Any, where: str) -> list[tuple[Span, str]]:
    """The windows of a value, each with its label: ``7d``, ``7``, ``8-30``, ``[8, 30]``, or a list of these."""
    if isinstance(value, (list, tuple)) and not (len(value) == 2 and all(_is_number(end) for end in value)):  # noqa: PLR2004
        return [span for one in value for span in _one_span(one, where)]
    return _one_span(value, where)


def _one_span(value: Any, where: str) -> list[tuple[Span, str]]:
    if isinstance(value, (list, tuple)) and len(value) == 2 and all(_is_number(end) for end in value):  # noqa: PLR2004
        return [_checked(Span(value[0], value[1]), f"{value[0]}_{value[1]}", where)]
    match = _WINDOW.fullmatch(str(value).strip()) if isinstance(value, str) or _is_number(value) else None
    if match is None:
        raise ManifestError(f"{value!r} in {where} is no window", remedy="7d, 2w, or [8, 30] for days 8 to 30")
    if match[3]:
        return [_checked(Span(int(match[3]), int(match[4])), f"{match[3]}_{match[4]}", where)]
    weeks = match[2].casefold() == "w"
    return [_checked(Span(1, int(match[1]) * (7 if weeks else 1)), f"{match[1]}{'w' if weeks else 'd'}", where)]


def _checked(span: Span, label: str, where: str) -> tuple[Span, str]:
    if span.high is None or not 0 <= span.low <= span.high:
        why = "its days count backwards from the application date, the nearer first, and none lies after it"
        raise ManifestError(
            f"[{span.low}, {span.high}] in {where} is no window",
            why=why,
            remedy="write [1, 7], or [0, 7] with the day itself",
        )
    return span, label


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
