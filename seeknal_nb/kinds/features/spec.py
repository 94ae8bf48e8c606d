"""What a feature group's config says, as one value: the cell's options, our YAML and the peer's. Sees no data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeknal_nb.durations import seconds_of
from seeknal_nb.errors import ManifestError, near
from seeknal_nb.kinds.body import needs_body, python_of, sql_of
from seeknal_nb.kinds.checks.checks import check_checks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from seeknal_nb.dag.manifest import Node

__all__ = ["Spec", "check_spec", "spec_of"]

INSIDE: Mapping[str, tuple[str, ...]] = {
    "entity": ("name", "join_keys", "description"),
    "materialization": ("event_time_col", "created_time_col", "ttl", "offline", "online"),
    "offline": ("enabled", "format", "partition_by"),
    "online": ("enabled", "ttl"),
}
ONLINE = "there is no online store: an exposure of latest(...) serves the newest features elsewhere"
PARTITIONED = "offline.partition_by is not done: the table is one file, and an exposure delivers a folder of Parquet"
ONLY: Mapping[str, str] = {"materialized": "table", "engine": "duckdb"}
"""Options that may say what is so anyway."""
DTYPES: Mapping[str, str] = {
    **dict.fromkeys(("int", "int64", "long", "bigint"), "BIGINT"),
    **dict.fromkeys(("int32", "integer"), "INTEGER"),
    **dict.fromkeys(("int16", "smallint"), "SMALLINT"),
    **dict.fromkeys(("int8", "tinyint"), "TINYINT"),
    **dict.fromkeys(("float", "float64", "double", "number"), "DOUBLE"),
    **dict.fromkeys(("float32", "real"), "FLOAT"),
    **dict.fromkeys(("str", "string", "text", "varchar", "object"), "VARCHAR"),
    **dict.fromkeys(("bool", "boolean"), "BOOLEAN"),
    **dict.fromkeys(("datetime", "timestamp"), "TIMESTAMP"),
    **dict.fromkeys(("bytes", "binary", "blob"), "BLOB"),
    "date": "DATE",
}
"""What a declared dtype is in the table. ``float`` is Python's: eight bytes."""
TIMES = ("DATE", "TIMESTAMP")
"""Of these, what a time may be."""
_DECIMAL = re.compile(r"(?:decimal|numeric)\(\s*(\d+)\s*,\s*(\d+)\s*\)", re.IGNORECASE)
_LIST = re.compile(r"(?P<item>.+?)\s*\[\]")


@dataclass(frozen=True, slots=True)
class Spec:
    """A feature group as it is declared.

    Attributes:
        keys: Columns of the entity's key.
        event_time: When a row was true.
        created_time: When it became known.
        ttl_seconds: How long it holds after its event time; None for ever.
        features: SQL type, or None for the body's own, by name; a key or a time among them is no feature, but has its type.
            None where all other columns are features.
        tests: Checks of the table, as a rule writes them.
        entity: Whom the features describe.
        notes: What it asks for of the peer's stores that is not done here.
    """

    keys: tuple[str, ...]
    event_time: str | None = None
    created_time: str | None = None
    ttl_seconds: float | None = None
    features: Mapping[str, str | None] | None = None
    tests: tuple[Mapping[str, Any], ...] = ()
    entity: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def times(self) -> tuple[str, ...]:
        """Columns that hold a time, each once."""
        return tuple(dict.fromkeys(name for name in (self.event_time, self.created_time) if name))

    @property
    def ttl(self) -> int | None:
        """The TTL in microseconds, which is what a timestamp counts."""
        return None if self.ttl_seconds is None else round(self.ttl_seconds * 1_000_000)


def check_spec(node: Node) -> None:
    """Refuse a config that is no feature group: raises ``ManifestError``."""
    if sql_of(node) or python_of(node) or not (node.config.get("inputs") and node.config.get("features")):
        needs_body(node)  # else the declared features are taken of its input
    spec = spec_of(node)
    if spec.tests:
        check_checks(list(spec.tests), node, key="tests")


def spec_of(node: Node) -> Spec:
    """What the config says.

    Raises:
        ManifestError: It has no key, or an option that nobody reads, or says two things at once.
    """
    config = {key: value for key, value in node.config.items() if value is not None}
    for name, only in ONLY.items():
        if config.get(name, only) != only:
            what = f"{name} {config[name]!r} of a feature group is not read"
            raise ManifestError(what, remedy=f"leave it out: it is {only}")
    entity, stored = _part(config, "entity"), _part(config, "materialization")
    spec = Spec(
        keys=_keys(_one("key", config.get("key"), "entity.join_keys", entity.get("join_keys"))),
        event_time=_one("event_time", config.get("event_time"), "event_time_col", stored.get("event_time_col")),
        created_time=_one("created_time", config.get("created_time"), "created_time_col", stored.get("created_time_col")),
        ttl_seconds=_ttl(_one("ttl", config.get("ttl"), "materialization.ttl", stored.get("ttl"))),
        features=None if config.get("features") is None else _features(config["features"]),
        tests=tuple(_tests(config.get("tests"))),
        entity=entity.get("name"),
        notes=tuple(dict.fromkeys(note for place in (config, stored) for note in _peer_stores(place))),
    )
    return _consistent(spec)


def _known(where: str, given: Mapping[str, Any], options: Iterable[str]) -> None:
    for key in given:
        if key not in options:
            raise ManifestError(f"{where}.{key} of a feature group is not read", remedy=near(key, options, what="option"))


def _part(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = {key: one for key, one in (config.get(name) or {}).items() if one is not None}
    _known(name, value, INSIDE[name])
    return value


def _peer_stores(place: Mapping[str, Any]) -> list[str]:
    """The peer's stores: the table is always kept, as one Parquet file. Gives what else is asked for."""
    enabled, notes = {}, []
    for name, usual in (("offline", True), ("online", False)):
        value = place.get(name)
        value = {"enabled": value} if isinstance(value, (bool, str)) else value or {}
        if not isinstance(value, dict):
            raise ManifestError(
                f"{name} must be true, false or a mapping", why=f"it is {value!r}", remedy=f"{name}: {usual}"
            )
        _known(name, value, INSIDE[name])
        enabled[name] = str(value.get("enabled", usual)).casefold() == "true"
        if value.get("format", "parquet") != "parquet":
            raise ManifestError(f"{name}.format {value['format']!r} is not read", remedy="leave it out: it is parquet")
        notes += [PARTITIONED] if value.get("partition_by") else []
    if not enabled["offline"]:
        raise ManifestError("offline: false is not read", why="a feature group is always stored", remedy="take it away")
    return [*notes, *([ONLINE] if enabled["online"] else [])]


def _one(first: str, value: Any, second: str, other: Any) -> Any:
    """The value of an option that two places may hold."""
    if value is not None and other is not None and value != other:
        raise ManifestError(f"{first} and {second} differ", why=f"{value!r} and {other!r}", remedy="keep one of them")
    return other if value is None else value


def _keys(value: Any) -> tuple[str, ...]:
    keys = (value,) if isinstance(value, str) else tuple(value or ())
    if not keys or not all(isinstance(key, str) and key for key in keys):
        raise ManifestError("no key", why="features belong to an entity", remedy="--key user_id")
    return keys


def _ttl(value: Any) -> float | None:
    if value is None or "{{" in str(value):
        return None
    try:
        seconds = seconds_of(value)
    except ManifestError as error:
        raise ManifestError(f"ttl: {error.what}", remedy=error.remedy) from None
    if seconds <= 0:
        raise ManifestError(f"a ttl of {value!r} would hide every feature", remedy="leave it out where they hold for ever")
    return seconds


def _features(declared: Any) -> dict[str, str | None]:
    """SQL type by name; one that is listed twice has the type that one of its places tells."""
    found: dict[str, str | None] = {}
    for name, dtype in _listed(declared):
        if dtype and found.get(name) not in (None, dtype):
            remedy = "keep one of them"
            raise ManifestError(f"{name!r} has two dtypes", why=f"{found[name]} and {dtype}", remedy=remedy)
        found[name] = dtype or found.get(name)
    return found


def _listed(declared: Any) -> Iterable[tuple[str, str | None]]:
    """Name and SQL type of each: from a mapping by name, or a list of names or of mappings with a name."""
    if isinstance(declared, dict):
        parts = {name: told if isinstance(told, dict) else {"dtype": told} for name, told in declared.items()}
        declared = [{"name": name, **told} for name, told in parts.items()]
    for told in [declared] if isinstance(declared, str) else declared:
        one = {"name": told} if isinstance(told, str) else told
        if not isinstance(one, dict) or not isinstance(one.get("name"), str):
            raise ManifestError("a feature without a name", why=f"it is {one!r:.200}", remedy="features: [balance, visits]")
        _known(f"features.{one['name']}", one, ("name", "dtype", "description"))
        yield one["name"], None if one.get("dtype") is None else _dtype(one["name"], str(one["dtype"]))


def _dtype(feature: str, text: str) -> str:
    listed, decimal = _LIST.fullmatch(text.strip()), _DECIMAL.fullmatch(text.strip())
    if listed:
        return f"{_dtype(feature, listed['item'])}[]"
    if decimal:
        return f"DECIMAL({decimal[1]},{decimal[2]})"
    found = DTYPES.get(text.strip().casefold())
    if found is None:
        raise ManifestError(
            f"unknown dtype {text!r} of feature {feature!r}", remedy=near(text, [*DTYPES, "decimal(18,2)"], what="dtype")
        )
    return found


def _tests(listed: Any) -> list[Mapping[str, Any]]:
    found = listed or []
    if not isinstance(found, (list, tuple)) or not all(isinstance(one, dict) for one in found):
        why = f"it is {found!r:.200}"
        raise ManifestError("tests must be a list of mappings", why=why, remedy="tests: [{not_null: [user_id]}]")
    return list(found)


def _consistent(spec: Spec) -> Spec:
    for name, value in (("created_time", spec.created_time), ("ttl", spec.ttl_seconds)):
        if value is not None and spec.event_time is None:
            raise ManifestError(f"{name} without event_time", why="it counts from there", remedy="--event-time ts")
    doubled = [name for name in spec.keys if spec.keys.count(name) > 1 or name in spec.times]
    timeless = [name for name in spec.times if (spec.features or {}).get(name) not in (None, *TIMES)]
    if timeless:
        why = f"its dtype is {(spec.features or {})[timeless[0]]}"
        raise ManifestError(f"{timeless[0]!r} is no time", why=why, remedy="dtype: timestamp")
    if doubled:
        raise ManifestError(
            f"{doubled[0]!r} is named twice", why="a column is a key once, or a time", remedy="take one of them away"
        )
    return spec
