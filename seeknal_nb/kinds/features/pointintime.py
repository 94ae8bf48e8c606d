"""Point-in-time retrieval as SQL text: features as they were at each label's time. Pure: it asks no engine.

What holds: ``event time <= label time``, both ends of a TTL included, every row of the spine
once and in its order. ``known`` sees only what had arrived by the label's time: a late row of an older event must not
displace a newer one that was known already.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seeknal_nb.errors import NodeError
from seeknal_nb.sql.text import column, literal, quote, spans

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from seeknal_nb.errors import SeeknalError
    from seeknal_nb.kinds.features.groups import Group

__all__ = [
    "MODES",
    "Part",
    "Spine",
    "age_names",
    "check_latest",
    "entity_sql",
    "has_latest",
    "latest_sql",
    "retrieval_sql",
    "with_latest",
]

MODES = ("event", "known")
LONGEST = 2**63 - 1
_LATEST = re.compile(
    r"(?P<before>\b(?:from|join)\s+)latest\s*\(\s*(?P<table>\"(?:[^\"]|\"\")+\"\s*\.\s*\"(?:[^\"]|\"\")+\"|[\w.]+)\s*\)",
    re.IGNORECASE,
)
_QUOTED_LATEST = re.compile(r"\b(?:from|join)\s+latest\s*\(\s*'([^']*)'\s*\)", re.IGNORECASE)
_MACRO = re.compile(r"\b(?:macro|function)\s+latest\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """What is wanted of one group.

    Attributes:
        group: Which columns are its keys and times.
        source: What stands after FROM.
        columns: (feature, what it is called in the result) in order.
        types: SQL type by column.
    """

    group: Group
    source: str
    columns: tuple[tuple[str, str], ...]
    types: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Spine:
    """The rows that features are wanted for.

    Attributes:
        source: What stands after FROM.
        types: SQL type by column, in order.
        label: The column with the time at which they are wanted; None where no group has an event time.
    """

    source: str
    types: Mapping[str, str]
    label: str | None = None


def retrieval_sql(spine: Spine, parts: Sequence[Part], *, mode: str = "event", ages: bool = False) -> str:
    """One SELECT that gives the spine's columns, then the features of each part.

    Args:
        spine: Whose rows are kept, all of them and each once, in their order.
        parts: The groups; a column of the result must not be named twice.
        mode: ``event`` or ``known``.
        ages: Whether to add what ``age_names`` says: for each part how old its row was, in microseconds, before the TTL
            is looked at; null where there was none, 0 for a group without times.
    """
    row, label = _free("seeknal_row", spine.types), _free("seeknal_label", spine.types)
    time = [f"{_time(spine.label, spine.types)} AS {column(label)}"] if spine.label else []
    numbered = ", ".join(["*", f"row_number() OVER () AS {column(row)}", *time])
    chosen = [f"s.{column(name)}" for name in spine.types]
    for number, part in enumerate(parts):
        chosen += _features(part, number, label)
    if ages:
        told = age_names(spine, parts)
        chosen += [f"{_age(part, at, label)} AS {column(told[at])}" for at, part in enumerate(parts)]
    joins = [_join(part, number, label, mode) for number, part in enumerate(parts)]
    return "\n".join(
        [
            f"WITH s AS (SELECT {numbered} FROM {spine.source} AS t)",
            f"SELECT {', '.join(chosen)}",
            "FROM s",
            *joins,
            f"ORDER BY s.{column(row)}",
        ]
    )


def age_names(spine: Spine, parts: Sequence[Part]) -> list[str]:
    """What the columns of ages are called: a name that no other column of the result has."""
    taken = [*spine.types, *(name for part in parts for _, name in part.columns)]
    return [_free(f"seeknal_age_{number}", taken) for number, _ in enumerate(parts)]


def _features(part: Part, number: int, label: str) -> list[str]:
    ttl = part.group.ttl
    fresh = f"{_age(part, number, label)} <= {ttl}"
    found = [(f"g{number}.f{at}", name) for at, (_, name) in enumerate(part.columns)]
    return [f"{value if ttl is None else f'CASE WHEN {fresh} THEN {value} END'} AS {column(name)}" for value, name in found]


def _age(part: Part, number: int, label: str) -> str:
    """An infinite time has no microseconds: then the row is as old as can be."""
    if part.group.event_time is None:
        return f"CASE WHEN g{number}.k0 IS NOT NULL THEN 0::BIGINT END"
    between = f"epoch_us(s.{column(label)}) - epoch_us(g{number}.e)"
    return f"CASE WHEN g{number}.e IS NOT NULL THEN coalesce({between}, {LONGEST}) END"


def _join(part: Part, number: int, label: str, mode: str) -> str:
    same = [f"s.{column(key)} = g{number}.k{at}" for at, key in enumerate(part.group.keys)]
    how, until = "LEFT JOIN", []
    if part.group.event_time is not None:
        how, until = "ASOF LEFT JOIN", [f"s.{column(label)} >= g{number}.a"]
    return f"{how} ({_rows(part, mode)}) AS g{number} ON {' AND '.join([*same, *until])}"


def _rows(part: Part, mode: str) -> str:
    """The rows of a group that can be the one for some label: one at most for each key and time ``a``."""
    group, filters = part.group, ""
    chosen = [f"t.{column(key)} AS k{at}" for at, key in enumerate(group.keys)]
    if group.event_time is not None:
        event, at = _time(group.event_time, part.types), _known_at(part, mode)
        chosen += [f"{event} AS e", f"{at} AS a"]
        filters = _records(part) if mode == "known" else _last_created(part) if group.ties else ""
    chosen += [f"t.{column(name)} AS f{at}" for at, (name, _) in enumerate(part.columns)]
    return f"SELECT {', '.join(chosen)} FROM {part.source} AS t{filters}"


def _known_at(part: Part, mode: str) -> str:
    event = _time(part.group.event_time, part.types)
    if mode == "event" or part.group.created_time in (None, part.group.event_time):
        return event
    return f"greatest({event}, {_time(part.group.created_time, part.types)})"


def _last_created(part: Part) -> str:
    """Of the rows of a key with one event time, the one created last."""
    group = part.group
    within = ", ".join(f"t.{column(name)}" for name in (*group.keys, str(group.event_time)))
    return f" QUALIFY row_number() OVER (PARTITION BY {within} ORDER BY t.{column(str(group.created_time))} DESC) = 1"


def _records(part: Part) -> str:
    """Rows that were the newest of their key when they became known; no other row is ever the one that is wanted."""
    event, created = (_time(name, part.types) for name in (part.group.event_time, part.group.created_time))
    newest, keys = f"{{'e': {event}, 'c': {created}}}", ", ".join(f"t.{column(key)}" for key in part.group.keys)
    frame = f"PARTITION BY {keys} ORDER BY {_known_at(part, 'known')} RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
    return f" QUALIFY {newest} = max({newest}) OVER ({frame})"


def _time(name: str | None, types: Mapping[str, str]) -> str:
    """A time's column; a DATE is its midnight. Others are compared as they are, for a cast of nanoseconds would round up."""
    found = f"t.{column(str(name))}"
    return f"CAST({found} AS TIMESTAMP)" if types.get(str(name)) == "DATE" else found


def _free(name: str, taken: Mapping[str, str] | Sequence[str]) -> str:
    folded = {one.casefold() for one in taken}
    while name in folded:
        name += "_"
    return name


def latest_sql(group: Group, *, until: str | None = None) -> str:
    """The newest row of each key, in the order of the keys; what a TTL says is for who asks, not looked at here.

    Args:
        group: Whose rows.
        until: The time after which no row counts; None for all.
    """
    if group.event_time is None:
        return f"SELECT * FROM {quote(group.node_id)}"
    keys = ", ".join(map(column, group.keys))
    newest = ", ".join(f"{column(name)} DESC" for name in (group.event_time, group.created_time) if name)
    rank = f"row_number() OVER (PARTITION BY {keys} ORDER BY {newest})"
    then = f" WHERE {column(group.event_time)} <= CAST({literal(until)} AS TIMESTAMP)" if until else ""
    return f"SELECT * FROM {quote(group.node_id)}{then} QUALIFY {rank} = 1 ORDER BY {keys}"


def entity_sql(parts: Sequence[Part], *, event_time: str | None = None, until: str | None = None) -> str:
    """The newest features of all keys that some part has, in the order of the keys.

    Args:
        parts: Groups of the same keys.
        event_time: What the column is called that tells when the newest of them were true; None for none.
        until: The time after which no row counts; None for all.
    """
    groups = [part.group for part in parts]
    keys = {key: f"k{at}" for at, key in enumerate(sorted(groups[0].keys))}
    chosen = [f"{keys[key]} AS {column(key)}" for key in groups[0].keys]
    times = [f"g{number}.e" for number, group in enumerate(groups) if group.event_time]
    chosen += [f"greatest({', '.join(times)}) AS {column(event_time)}"] if event_time and times else []
    chosen += [
        f"g{number}.f{at} AS {column(name)}"
        for number, part in enumerate(parts)
        for at, (_, name) in enumerate(part.columns)
    ]
    tables = [f"({_newest(part, keys, until)}) AS g{number}" for number, part in enumerate(parts)]
    using = f" USING ({', '.join(keys.values())})"
    joined = "".join(f"\nFULL JOIN {table}{using}" for table in tables[1:])
    return f"SELECT {', '.join(chosen)}\nFROM {tables[0]}{joined}\nORDER BY {', '.join(keys[key] for key in groups[0].keys)}"


def _newest(part: Part, keys: Mapping[str, str], until: str | None) -> str:
    chosen = [f"t.{column(key)} AS {name}" for key, name in keys.items()]
    chosen += [f"{_time(part.group.event_time, part.types)} AS e"] if part.group.event_time else []
    chosen += [f"t.{column(name)} AS f{at}" for at, (name, _) in enumerate(part.columns)]
    return f"SELECT {', '.join(chosen)} FROM ({latest_sql(part.group, until=until)}) AS t"


def has_latest(sql: str) -> bool:
    """Whether a body reads ``latest(group)``."""
    return bool(_live(sql))


def check_latest(sql: str, error: type[SeeknalError]) -> None:
    """Refuse ``latest('group')``, which names a text and no table, unless a macro of the body's own is called so."""
    found = [] if _MACRO.search(sql) else _alive(_QUOTED_LATEST, sql)
    if found:
        name = found[0][1] if "." in found[0][1] else f"feature_group.{found[0][1]}"
        why = "a group stands there as a table does, without quotes"
        raise error(f"latest({literal(found[0][1])}) is no table", why=why, remedy=f"write latest({name})")


def with_latest(sql: str, group: Callable[[str], Group]) -> str:
    """The text with each ``FROM latest("feature_group"."x")`` written as the SELECT that it means; raises ``NodeError``."""
    check_latest(sql, NodeError)
    pieces, at = [], 0
    for match in _live(sql):
        select = latest_sql(group(match["table"].replace('"', "")))
        lines = "\n" * sql.count("\n", match.end("before"), match.end())  # an error's line is that of the body
        pieces += [sql[at : match.end("before")], f"({select}{lines})"]
        at = match.end()
    return "".join([*pieces, sql[at:]])


def _live(sql: str) -> list[re.Match[str]]:
    return _alive(_LATEST, sql)


def _alive(pattern: re.Pattern[str], sql: str) -> list[re.Match[str]]:
    """Where a pattern begins outside of comments and quoted texts."""
    found = list(pattern.finditer(sql))
    dead = spans(sql) if found else []
    return [match for match in found if not any(start <= match.start() < end for start, end in dead)]
