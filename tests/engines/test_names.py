"""Names of columns: found in any case, refused with the nearest, and doubled whatever their case."""

import pytest

from seeknal_nb.engines.names import doubled, find_column, find_columns
from seeknal_nb.errors import NodeError


def test_columns_are_found_in_any_case_and_called_as_the_table_calls_them() -> None:
    """So DuckDB finds them; SQL that is written with the table's own spelling never makes a second column."""
    assert find_columns(["STRASSE", "id"], ["Id", "straße"]) == ["straße", "Id"]
    assert find_column("AMOUNT", {"amount": "DOUBLE"}) == "amount"


def test_the_first_column_that_is_none_is_refused_with_the_nearest_that_there_is() -> None:
    with pytest.raises(NodeError) as raised:
        find_columns(["id", "amuont", "nope"], ["ID", "Amount"], why="schema declares it")
    assert str(raised.value) == "there is no column 'amuont': schema declares it. Fix: did you mean Amount?"


def test_names_are_doubled_whatever_their_case() -> None:
    assert doubled(["b", "a", "B", "c", "a"]) == ["B", "a", "b"]
    assert doubled(["a", "b", "a_1"]) == []
