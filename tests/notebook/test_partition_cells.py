"""Partitions as a notebook's cells, a decorator and YAML write them."""

from pathlib import Path

import pytest
from test_session import Cells


@pytest.fixture
def cells(nb):
    return Cells(nb.shell)


@pytest.fixture
def data(cells):
    folder = Path("data")
    folder.mkdir()
    for day in (1, 2, 3):
        (folder / f"o{day}.csv").write_text(f"ts,amount\n2024-01-0{day} 10:00:00,{day}\n")
    return folder


def counts(summary):
    return {result.node_id: result.partitions for result in summary.results}


def test_cells(cells, data):
    cells.run("1", "%seeknal source orders data/*.csv --partition-by day(ts)")
    cells.run("2", "%%seeknal transform clean --partition-by inherit\nSELECT * FROM orders WHERE amount > 0")
    cells.run("3", "%%seeknal transform two --partition-by day(ts) --lookback 1\nSELECT max(ts) AS ts, sum(amount) AS s FROM clean")
    cells.run("4", "%%seeknal transform py --lang python --partition-by day(ts)\nctx.ref('orders').assign(day=ctx.partition.value)")
    summary = cells.run("5", "%seeknal run").value
    assert counts(summary) == dict.fromkeys(counts(summary), "3 of 3 partitions")
    (data / "o4.csv").write_text("ts,amount\n2024-01-02 12:00:00,5\n")
    summary = cells.run("6", "%seeknal run").value
    assert counts(summary) == {
        "source.orders": "1 of 3 partitions", "transform.clean": "1 of 3 partitions", "transform.two": "2 of 3 partitions",
        "transform.py": "1 of 3 partitions",
    }  # fmt: skip
    shown = cells.run("7", "%seeknal show two --partitions").value
    assert [row[0] for row in shown.rows] == ["2024-01-01", "2024-01-02", "2024-01-03"]


def test_a_refusal_says_why_and_what_to_do(cells, data):
    cells.run("1", "%seeknal source orders data/*.csv --partition-by day(ts)")
    cells.run("2", "%%seeknal transform sum --partition-by inherit\nSELECT sum(amount) AS s FROM orders")
    error = cells.run("3", "%seeknal run").error
    assert "an aggregate without GROUP BY" in str(error)
    assert "partition_by: day(COLUMN) if each day by itself is meant" in str(error)
