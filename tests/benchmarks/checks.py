"""Seven checks of one table: the rule node, against one statement written by hand and against pandas."""

import time
from pathlib import Path

from tests.benchmarks.inside import peak, serve
from tests.benchmarks.measure import child, in_turn, row

CHECKS = [
    {"not_null": "id"}, {"unique": "id"}, {"accepted_values": "code", "values": ["a", "b", "c"]},
    {"range": "amount", "min": 1, "max": 990}, {"regex": "name", "pattern": "n[0-9]+"},
    {"freshness": "made", "max_age": "1d", "now": "2024-03-01"}, {"expression": "amount > -1 OR code = 'a'"},
]  # fmt: skip
HAND = """SELECT count(*), count(*) FILTER (WHERE id IS NULL), count(id) - count(DISTINCT id),
count(*) FILTER (WHERE code NOT IN ('a', 'b', 'c')), count(*) FILTER (WHERE amount < 1 OR amount > 990),
count(*) FILTER (WHERE NOT regexp_full_match(name, 'n[0-9]+')),
(max(made) < TIMESTAMP '2024-03-01' - INTERVAL 1 DAY)::INTEGER, count(*) FILTER (WHERE NOT (amount > -1 OR code = 'a'))
FROM read_parquet('{data}')"""


def rows(options, directory):
    """The rows of this family, as they are measured; all of them must find the same."""
    count, whole, broken = options.rows, f"{directory}/whole.parquet", f"{directory}/broken.parquet"
    child("checks", "make", data=whole, rows=count, broken=False)
    child("checks", "make", data=broken, rows=count, broken=True)
    given = _measured(options, directory, whole)
    ours = given["ours"]
    yield row(f"7 checks of {count:,} rows that hold (floor: one SELECT; CPU)", ours, given["hand"], "inside", goal=1.2)
    yield row("  (floor: one SELECT by hand; wall)", ours, given["hand"], "wall")
    yield row("  (floor: pandas, from the file; CPU)", ours, given["pandas"], "inside")
    yield row("  (floor: pandas, from the file; wall)", ours, given["pandas"], "wall")
    yield row("  peak memory (floor: pandas)", ours, given["pandas"], "peak", unit="MB")
    given = _measured(options, directory, broken)
    yield row("  5 of them fail, with samples (floor: counts only; CPU)", given["ours"], given["hand"], "inside")
    yield row("  5 of them fail, with samples (floor: pandas; CPU)", given["ours"], given["pandas"], "inside")


def _measured(options, directory, data):
    given = in_turn(
        options.repeat,
        ours=lambda at: child("checks", "node", directory=f"{directory}/{Path(data).stem}-{at}", data=data),
        hand=lambda _: child("checks", "hand", data=data),
        pandas=lambda _: child("checks", "frame", data=data),
    )
    found = {name: {str(one.told["found"]) for one in samples} for name, samples in given.items()}
    if len(set.union(*found.values())) != 1:
        raise RuntimeError(f"they do not find the same: {found}")
    return given


def make(data, rows, broken):
    """A table; a broken one breaks five of the checks in some rows, spread over all of it."""
    import duckdb

    odd = {
        "id": "CASE WHEN i % 100_000 = 7 THEN NULL WHEN i % 99_999 = 1 THEN i - 1 ELSE i END",
        "code": "CASE WHEN i % 5_000 = 9 THEN 'z' ELSE chr((97 + i % 3)::INTEGER) END",
        "amount": "CASE WHEN i % 50 = 0 THEN NULL ELSE (hash(i) % 1000)::DOUBLE END",
        "name": "'n' || i % 1000", "made": "TIMESTAMP '2024-02-01' + to_seconds(i % 1_500_000)",
    }  # fmt: skip
    even = {
        "id": "i", "code": "chr((97 + i % 3)::INTEGER)", "amount": "CASE WHEN i % 50 = 0 THEN NULL ELSE 1 + (hash(i) % 980)::DOUBLE END",
        "name": odd["name"], "made": "TIMESTAMP '2024-03-01' - to_seconds(i % 1_500_000)",
    }  # fmt: skip
    columns = ", ".join(f"{text} AS {name}" for name, text in (odd if broken else even).items())
    duckdb.connect().execute(f"COPY (SELECT {columns} FROM range({rows}) r(i)) TO '{data}' (FORMAT parquet)")


def node(directory, data):
    """The rule runs on a view of the file, and stores its table; imports are done before."""
    import duckdb  # noqa: F401 - the floors' clocks start after it, too
    import sqlglot  # noqa: F401

    from seeknal_nb import Project

    project = Project(directory, namespace={})
    project.transform("t", sql=f"SELECT * FROM read_parquet('{data}')", materialized="view")
    project.node("rule", "r", inputs=["t"], checks=CHECKS, severity="warn")
    began = time.process_time(), time.monotonic()
    summary = project.run(progress=False)
    found = [check["failed_rows"] for check in summary["rule.r"].metadata["checks"]]
    return _told(began, found)


def hand(data):
    """What somebody would write who knows what to ask."""
    import duckdb

    connection = duckdb.connect()
    began = time.process_time(), time.monotonic()
    _, *found = connection.execute(HAND.format(data=data)).fetchall()[0]
    return _told(began, found)


def frame(data):
    """The same in pandas, of the columns of the file."""
    import pandas as pd

    began = time.process_time(), time.monotonic()
    t = pd.read_parquet(data)
    bad = (
        t.id.isna(), t.id.notna() & t.id.duplicated(), t.code.notna() & ~t.code.isin(["a", "b", "c"]),
        (t.amount < 1) | (t.amount > 990), t.name.notna() & ~t.name.str.fullmatch("n[0-9]+"),
        pd.Series(t.made.max() < pd.Timestamp("2024-02-29")), (t.amount <= -1) & (t.code != "a"),
    )  # fmt: skip
    return _told(began, [int(one.sum()) for one in bad])


def _told(began, found):
    return {
        "inside": time.process_time() - began[0], "wall": time.monotonic() - began[1], "peak": peak(), "found": found,
    }  # fmt: skip


if __name__ == "__main__":
    serve(globals())
