"""What a target has no word for: JSON neither NaN nor infinity, at any depth; others no nanoseconds. Knows types only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal_nb.sql.text import column, literal
from seeknal_nb.sql.types import is_float, is_nested

if TYPE_CHECKING:
    from collections.abc import Callable

    from seeknal_nb.kinds.exposures.writers import Rows
    from seeknal_nb.kinds.task import Task

__all__ = ["as_json", "finite", "lost", "microseconds", "no_nan", "within"]

_STRINGS = r"""'"(\\.|[^"\\])*"', '', 'g'"""
"""Of ``regexp_replace``: takes the texts out of JSON, whose words mean nothing."""


def finite(kind: str, value: str) -> str:
    """A value with NULL in place of each NaN and infinity in it; the value itself where its type has none."""
    import duckdb  # noqa: PLC0415 - the engine has loaded it, but a help text does without

    return _finite(duckdb.sqltype(kind), value, 0)


def no_nan(kind: str, value: str) -> str:
    """As ``within``; but a number is NULL where it is NaN."""
    return f"CASE WHEN NOT isnan({value}) THEN {value} END" if is_float(kind) else within(kind, value)


def microseconds(kind: str, value: str, *, to: str = "TIMESTAMP") -> str:
    """A time, in UTC where it knows its zone and ``to`` does not; fails where that would round it."""
    cast = f"CAST({value} AS {to})"
    if not kind.endswith("_NS"):
        return cast
    told = literal(f"{value} is {kind}, and holds fractions of a microsecond, which would be lost: CAST it to TIMESTAMP")
    return f"CASE WHEN epoch_ns({value}) % 1000 <> 0 THEN error({told}) ELSE {cast} END"


def as_json(kind: str, value: str) -> str:
    """A value as a text of JSON that every reader takes."""
    return f"CAST(to_json({finite(kind, value)}) AS VARCHAR)"


def _finite(kind: Any, value: str, depth: int) -> str:
    if kind.id in ("float", "double"):
        return f"CASE WHEN isfinite({value}) THEN {value} END"
    if str(kind) == "VARIANT":  # DuckDB 1.5 takes its own text of one for JSON, and its null for the JSON null
        return _refused(kind, value, f"CASE WHEN {value} IS NOT NULL THEN CAST({value} AS JSON) END")
    if kind.id in ("union", "tuple") or str(kind) == "JSON":
        return _refused(kind, value, value)
    within = {"list": _of_list, "array": _of_list, "map": _of_map, "struct": _of_struct}.get(kind.id)
    return within(kind, value, depth) if within else value


def _refused(kind: Any, value: str, held: str) -> str:
    """``held``, which no NULL can be put into; fails at one of the words: Python's json writes them into a text."""
    left = f"regexp_replace(CAST(to_json({held}) AS VARCHAR), {_STRINGS})"
    told = literal(f"{value} is {kind}, and holds NaN or Infinity, which JSON has no word for: CAST it to VARCHAR")
    return f"CASE WHEN regexp_matches({left}, 'NaN|Infinity') THEN error({told}) ELSE {held} END"


def _of_list(kind: Any, value: str, depth: int) -> str:
    one = f"e{depth}"
    held = _finite(kind.children[0][1], one, depth + 1)
    return value if held == one else f"list_transform({value}, lambda {one}: {held})"


def _of_map(kind: Any, value: str, depth: int) -> str:
    one = f"e{depth}"
    held = _finite(kind.children[1][1], f"{one}.value", depth + 1)
    entry = f"lambda {one}: struct_pack(k := {one}.key, v := {held})"
    return value if held == f"{one}.value" else f"map_from_entries(list_transform(map_entries({value}), {entry}))"


def _of_struct(kind: Any, value: str, depth: int) -> str:
    fields = [(name, one, f"struct_extract({value}, {literal(name)})") for name, one in kind.children]
    held = [(name, _finite(one, field, depth), field) for name, one, field in fields]
    if all(new == field for _, new, field in held):
        return value
    packed = ", ".join(f"{column(name)} := {new}" for name, new, _ in held)
    return f"CASE WHEN {value} IS NOT NULL THEN struct_pack({packed}) END"


def within(kind: str, value: str) -> str:
    """As ``finite``, of values that hold others only: a column of numbers stays as it is."""
    return finite(kind, value) if is_nested(kind) else value


def lost(task: Task, rows: Rows, cast: Callable[[str, str], str], form: str) -> list[str]:
    """A warning for each column of what ``cast`` makes NULL of, because the form has no word for it."""
    changed = [(name, cast(kind, column(name))) for name, kind in rows.schema]
    changed = [(name, value) for name, value in changed if value != column(name)]
    if not changed:
        return []
    counts = ", ".join(f"count(*) FILTER (WHERE {value} IS DISTINCT FROM {column(name)})" for name, value in changed)
    [found] = task.engine.query(f"SELECT {counts} FROM ({rows.sql})", form="rows")
    return [
        f"{count:,} of {rows.count:,} rows hold{'s' if count == 1 else ''} a NaN or an infinity in column {name!r} "
        f"that {form} has no word for: null stands there"
        for (name, _), count in zip(changed, found, strict=True)
        if count
    ]
