"""How people write the engine's SQL types, and those of the peer's projects. It asks no engine, and knows no column."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from seeknal_nb.errors import near

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PEER", "TYPES", "is_alone", "is_named", "is_spelled", "near_type", "spelled"]

PEER: Mapping[str, str] = {
    "string": "VARCHAR",
    "str": "VARCHAR",
    "text": "VARCHAR",
    "int": "INTEGER",
    "long": "BIGINT",
    "float": "DOUBLE",
}
"""Types of the peer's projects, as DuckDB calls them; its ``float`` is Python's."""
TYPES = frozenset({
    "bigint", "bignum", "binary", "bit", "bitstring", "blob", "bool", "boolean", "bpchar", "bytea", "char", "character",
    "date", "datetime", "dec", "decimal", "double", "float", "float4", "float8", "geometry", "guid", "hugeint", "int",
    "int1", "int128", "int16", "int2", "int32", "int4", "int64", "int8", "integer", "integral", "interval", "json",
    "logical", "long", "national", "nchar", "numeric", "nvarchar", "oid", "real", "short", "signed", "smallint",
    "string", "text", "time", "time_ns", "timestamp", "timestamp_ms", "timestamp_ns", "timestamp_s", "timestamp_us",
    "timestamptz", "timestamptz_ns", "timetz", "tinyint", "ubigint", "uhugeint", "uint128", "uint16", "uint32", "uint64",
    "uint8", "uinteger", "usmallint", "utinyint", "uuid", "varbinary", "varchar", "variant", "varint",
})  # fmt: skip
"""First words of the types that a column of a file may be cast to, so that a wrong one is told before anything is read."""
WORDS = frozenset({"character varying", "double precision", "time with time zone", "timestamp with time zone"})
"""Types of several words."""
_TYPE = re.compile(r"[A-Za-z_][A-Za-z0-9_ ]*(\(\s*\d+(\s*,\s*\d+)?\s*\))?( [A-Za-z ]+)?(\[\d*\])*")


def is_spelled(text: str) -> bool:
    """Whether a text has the form of a type, whatever its words are."""
    return _TYPE.fullmatch(text) is not None


def is_alone(text: str) -> bool:
    """Whether a text is the name of a type and surely nothing else: ``date``, ``DECIMAL(9, 2)[]``, not ``date of birth``."""
    return is_named(text) and (" " not in text.partition("(")[0] or text.casefold() in WORDS)


def is_named(text: str) -> bool:
    """Whether a text names a type that is known."""
    return is_spelled(text) and (_word(text) in TYPES or text.casefold() in PEER)


def spelled(text: str) -> str:
    """A type as the engine calls it, where the peer's projects have a word of their own."""
    return PEER.get(text.casefold(), text)


def near_type(text: str) -> str:
    """A remedy that names the nearest types."""
    return near(_word(text).upper(), map(str.upper, TYPES), what="type")


def _word(text: str) -> str:
    return re.split(r"\W", text.casefold(), maxsplit=1)[0]
