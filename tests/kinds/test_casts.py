"""Types that a ``schema`` may name: those that DuckDB has, and no others."""

from __future__ import annotations

import duckdb
import pytest

from seeknal_nb.errors import ManifestError
from seeknal_nb.workflow.kinds.casts import PEER, TYPES

NESTED = {"array", "enum", "list", "map", "null", "row", "struct", "tuple", "type", "union", "parquet_variant"}
"""Types that need arguments of their own, or that no column of a file has."""


def test_the_types_are_those_that_the_engine_has():
    names = {name.split()[0].casefold() for (name,) in duckdb.sql("SELECT DISTINCT type_name FROM duckdb_types()").fetchall()}
    assert names - NESTED == TYPES - {"character", "national", "nchar"}
    for name in ["CHARACTER VARYING", "NATIONAL CHARACTER", "NCHAR", *(TYPES - {"national"})]:
        duckdb.sql(f"SELECT CAST(NULL AS {name})")


@pytest.mark.parametrize(("kind", "remedy"), [("FLOOAT", "did you mean FLOAT"), ("timestmp(3)", "did you mean TIMESTAMP")])
def test_a_type_that_does_not_exist_is_refused_when_the_source_is_defined(project, kind, remedy):
    with pytest.raises(ManifestError, match="there is no data type") as error:
        project.source("s", path="a.csv", schema=[{"name": "amount", "data_type": kind}])
    assert "'amount'" in error.value.why
    assert remedy in error.value.remedy
    assert error.value.node == "source.s"


@pytest.mark.parametrize("kind", [*PEER, "DECIMAL(9, 2)", "timestamp with time zone", "double precision", "INTEGER[]", "VARCHAR(3)"])
def test_a_type_that_exists_is_taken(project, kind):
    project.source("s", path="a.csv", schema=[{"name": "amount", "data_type": kind}])
