"""What stands for ``{{ today(-1) }}``, ``{{ env:NAME }}`` and their like; it is told the time and the environment."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import ManifestError
from seeknal_nb.sql.holes import holes, render

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["Given", "declared", "reaching", "scope", "stand_ins", "texts_of"]

_CALL = re.compile(r"(today|yesterday|month_start|year_start)(?:\((-?\d*)\))?")


class Given(dict[str, object]):
    """Values of ``{{ name }}``, of which ``notebook`` are variables of a notebook that nobody else gave."""

    __slots__ = ("notebook",)

    def __init__(self, values: Mapping[str, object], *, notebook: Iterable[str]) -> None:
        super().__init__(values)
        self.notebook = frozenset(notebook)


def reaching(config: Mapping[str, Any], params: Mapping[str, object]) -> Mapping[str, object]:
    """The given values without the notebook's variables whose names the node declares itself."""
    own = config.get("params")
    if not isinstance(params, Given) or not isinstance(own, dict) or params.notebook.isdisjoint(own):
        return params
    return {name: value for name, value in params.items() if name not in params.notebook or name not in own}


def scope(config: Mapping[str, Any], params: Mapping[str, object]) -> tuple[Mapping[str, object], frozenset[str]]:
    """Values of a node's ``{{ name }}``, and the names that the node declares itself under ``params``.

    A declared value replaces a notebook's variable, and the project's and the run's parameters replace it. In SQL it is a
    piece of the text, as in the peer's projects: ``{{ column }}`` is a name there, and a text has quotes round it.
    """
    own = declared(config, params)
    return ({**own, **reaching(config, params)} if own else params), frozenset(own)


def declared(config: Mapping[str, Any], params: Mapping[str, object]) -> dict[str, object]:
    """A node's own ``params``, with what their texts name put in where it is known."""
    found = config.get("params")
    if not isinstance(found, dict):
        return {}
    return {
        str(name): render(value, params, plain=True, known=False) if isinstance(value, str) else value
        for name, value in found.items()
    }


def texts_of(config: Mapping[str, Any]) -> Iterator[str]:
    """The texts of a config that may hold ``{{ name }}``; a Python body's braces are its own."""
    left: list[Any] = [value for name, value in config.items() if name != "python"]
    while left:
        value = left.pop()
        if isinstance(value, str):
            if "{{" in value:
                yield value
        elif isinstance(value, dict):
            left += value.values()
        elif isinstance(value, list):
            left += value


def stand_ins(
    texts: Iterable[str],
    given: Mapping[str, object],
    *,
    told: Mapping[str, object],
    now: datetime,
    run_id: Callable[[], str],
    environ: Mapping[str, str],
) -> dict[str, object]:
    """Values of what these texts name and nobody gave, and of nothing else: each is part of the keys of who uses it.

    ``run_id`` and ``run_date`` differ from run to run, so that what uses them always runs. The other days are counted from
    ``date`` or ``today`` among what was ``told`` of the project or the run, as ``--date`` does; a notebook's variable of
    that name means something else.

    Raises:
        ManifestError: The given day is none.
    """
    found: dict[str, object] = {}
    for name in dict.fromkeys(name for text in texts for name in holes(text)):
        if name in given:
            continue
        if name.startswith("env:"):
            variable, bar, default = name[4:].partition("|")
            if variable in environ or bar:
                found[name] = environ.get(variable, default)
        elif call := _CALL.fullmatch(name):
            found[name if "(" in name else f"{name}()"] = _moment(call[1], int(call[2] or 0), _day(told, now)).isoformat()
        elif name == "run_id":
            found["run_id()"] = run_id()
        elif name == "run_date":
            found["run_date()"] = str(told.get("date") or now.isoformat())
    return found


def _day(told: Mapping[str, object], now: datetime) -> date:
    for name in ("today", "date"):
        if told.get(name) not in (None, ""):
            try:
                return datetime.fromisoformat(str(told[name])).date()
            except ValueError as error:
                raise ManifestError(f"{name} is no day", why=str(error), remedy=f"{name}=2024-01-31") from error
    return now.date()


def _moment(name: str, offset: int, day: date) -> date:
    """A day, or the first one of a month or a year, so many of them later."""
    try:
        if name == "month_start":
            months = day.year * 12 + day.month - 1 + offset
            return date(months // 12, months % 12 + 1, 1)
        if name == "year_start":
            return date(day.year + offset, 1, 1)
        return day + timedelta(days=offset - (name == "yesterday"))
    except (ValueError, OverflowError) as error:
        raise ManifestError(f"{name}({offset}) is no day", why=str(error), remedy="count fewer of them") from error
