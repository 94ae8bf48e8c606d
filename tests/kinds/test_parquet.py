"""Parquet says its types itself; what files of several types lose when they are joined is told or refused."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kinds import arrow, failure, good

BIG = 2**53 + 1
MIXED = {
    "truths beside numbers": (pa.array([True]), pa.array([2]), "true stands as 1 or as text"),
    "truths beside text": (pa.array([True]), pa.array(["x"]), "true stands as 1 or as text"),
    "whole numbers beside fractions": (pa.array([BIG]), pa.array([0.5]), "BIGINT in a.parquet and DOUBLE in b.parquet: 1 numbers"),
    "fractions beside whole numbers": (pa.array([0.5]), pa.array([BIG, 1]), "1 numbers are beyond what DOUBLE holds"),
    "unsigned numbers": (pa.array([2**64 - 1], pa.uint64()), pa.array([0.5]), "1 numbers"),
    "small numbers beside fractions": (pa.array([1]), pa.array([0.5, float("inf"), float("nan")]), ""),
    "decimals beside fractions": (pa.array([Decimal("12345678901234567.25")]), pa.array([0.5]), "DECIMAL(19,2) is read as DOUBLE"),
    "short decimals beside fractions": (pa.array([Decimal("1.25")]), pa.array([0.5]), ""),
    "decimals of two scales": (pa.array([Decimal("1.25")]), pa.array([Decimal("1.255")]), ""),
    "wide decimals": (pa.array([Decimal(1)], pa.decimal256(50, 0)), pa.array([Decimal(2)], pa.decimal256(50, 0)), "50 digits is read"),
    "times with and without a zone": (pa.array([0], pa.timestamp("us")), pa.array([0], pa.timestamp("us", "UTC")), "taken for UTC"),
    "two zones": (pa.array([0], pa.timestamp("us", "Asia/Tokyo")), pa.array([0], pa.timestamp("us", "UTC")), ""),
    "days and times": (pa.array([0], pa.date32()), pa.array([0], pa.timestamp("us")), ""),
    "fields of one name within another": (pa.array([{"v": 0.5}]), pa.array([{"v": 0.5}]), ""),
}  # fmt: skip


def write(project, *columns, name="v"):
    for letter, column in zip("abc", columns, strict=False):
        pq.write_table(pa.table({name: column}), project.directory / f"{letter}.parquet")


@pytest.mark.parametrize(("one", "other", "told"), MIXED.values(), ids=MIXED)
def test_what_two_types_of_one_column_lose_is_told(project, one, other, told):
    write(project, one, other)
    project.source("s", path="*.parquet")
    warnings = good(project)["source.s"].metadata.get("warnings", [])
    assert len(warnings) == bool(told)
    assert told in "".join(warnings)


@pytest.mark.parametrize(("one", "other"), [([1], [1.5]), ([1], ["x"])])
def test_files_that_are_not_joined_by_name_must_be_alike(project, one, other):
    write(project, pa.array(one), pa.array(other))
    project.source("s", path="*.parquet", params={"union_by_name": False})
    assert "column 'v' is not the same in all files" in failure(project, "source.s").error_message
    write(project, pa.array(one), pa.array(one))
    good(project)
    assert arrow(project, "source.s")["v"].to_pylist() == one * 2


def test_a_column_that_is_in_some_files_only_is_not_left_out(project):
    write(project, pa.array([1]))
    pq.write_table(pa.table({"V": [2], "w": [3]}), project.directory / "b.parquet")
    project.source("s", path="*.parquet", params={"union_by_name": False})
    assert "column 'w' is not the same" in failure(project, "source.s").error_message
    project.source("s", path="*.parquet")
    good(project)
    assert arrow(project, "source.s").to_pylist() == [{"v": 1, "w": None}, {"v": 2, "w": 3}]
