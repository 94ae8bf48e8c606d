"""What each SQL type is, for every type that the engine itself names."""

from __future__ import annotations

import duckdb
import pytest

from kinds import here
from seeknal_nb.sql.types import is_decimal, is_integer, is_nested, is_number, is_time, is_word, is_zoned

IS = {
    "integer": is_integer, "decimal": is_decimal, "number": is_number, "time": is_time, "zoned": is_zoned, "word": is_word,
    "nested": is_nested,
}  # fmt: skip
WHOLE = ["TINYINT", "SMALLINT", "INT", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"]
PLAIN: dict[str, set[str]] = {
    **dict.fromkeys(WHOLE, {"integer", "number"}),
    **dict.fromkeys(["FLOAT", "DOUBLE"], {"number"}),
    "DECIMAL(9,2)": {"decimal", "number"},
    **dict.fromkeys(["DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_US", "TIMESTAMP_NS"], {"time"}),
    **dict.fromkeys(["TIMESTAMPTZ", *here("TIMESTAMPTZ_NS")], {"time", "zoned"}),
    **dict.fromkeys(["VARCHAR", "UUID", "JSON", "ENUM('a', 'b')"], {"word"}),
    **dict.fromkeys(["BOOLEAN", "TIME", "TIMETZ", "INTERVAL", "BLOB", "BIT"], set()),
}
NESTED = ["STRUCT(a DATE)", "MAP(INTEGER, TIMESTAMP)", "UNION(a DOUBLE)", "VARIANT"]


def named(kind: str) -> str:
    with duckdb.connect() as connection:
        return str(connection.sql(f"SELECT NULL::{kind} AS x").types[0])


@pytest.mark.parametrize("kind", PLAIN)
def test_a_type_is_what_it_is_and_a_list_of_it_is_nested(kind: str) -> None:
    assert {name for name, told in IS.items() if told(named(kind))} == PLAIN[kind]
    for several in (f"{kind}[]", f"{kind}[2]", f"{kind}[][]"):
        assert {name for name, told in IS.items() if told(named(several))} == {"nested"}


@pytest.mark.parametrize("kind", NESTED)
def test_values_within_values_are_nothing_else(kind: str) -> None:
    assert {name for name, told in IS.items() if told(named(kind))} == {"nested"}


def test_64_bits_hold_no_huge_ones() -> None:
    assert [kind for kind in WHOLE if not is_integer(named(kind), huge=False)] == ["HUGEINT", "UHUGEINT"]
