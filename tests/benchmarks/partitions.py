"""A year and more of daily files: one of them comes, is corrected, or nothing does; against the same pipeline as a whole."""

import time
from pathlib import Path

from tests.benchmarks.inside import peak, serve
from tests.benchmarks.measure import child, in_turn, row

STEPS = {
    "clean": "SELECT * FROM orders WHERE amount > 3",
    "named": "SELECT c.*, u.weight FROM clean c LEFT JOIN users u USING (user_id)",
    "daily": "SELECT ts::DATE AS day, user_id, sum(amount * weight) AS total FROM named GROUP BY ALL",
}
WEEK = "SELECT day, user_id, sum(total) OVER (PARTITION BY user_id ORDER BY day RANGE BETWEEN INTERVAL 6 DAYS PRECEDING AND CURRENT ROW) AS s7 FROM daily"


def rows(options, directory):
    """The rows of this family, as they are measured."""
    files, each = options.files, options.file_rows

    def measured(part):
        def once(at):
            return child("partitions", "life", directory=f"{directory}/{'parts' if part else 'whole'}-{at}", files=files, rows=each, part=part)

        return once

    given = in_turn(options.data_repeat, parts=measured(part=True), whole=measured(part=False))
    found = {name: {one.told["found"] for one in samples} for name, samples in given.items()}
    if len(found["parts"] | found["whole"]) != 1:
        raise RuntimeError(f"they do not have the same rows: {found}")
    parts, whole = given["parts"], given["whole"]
    yield row(f"one file added to {files:,} of {each:,} rows (floor: as a whole; CPU)", parts, whole, "added", goal=0.05)
    yield row("  one file corrected", parts, whole, "corrected", goal=0.05)
    yield row("  nothing changed", parts, whole, "nothing", goal=2.5)
    yield row("  all of it, for the first time", parts, whole, "cold")
    yield row("  peak memory", parts, whole, "peak", unit="MB")


def life(directory, files, rows, part):
    """The CPU seconds of a cold run, of one after a file came, after one was corrected, and of one in which nothing changed."""
    from tests.benchmarks.floors import connect

    connection, data = connect(), Path(directory, "data")
    data.mkdir(parents=True)

    def put(day, more=0):
        values = f"(i * 7 + {more}) % 100 AS amount, 'order ' || i % 50 AS name"
        when = f"TIMESTAMP '2023-01-01' + INTERVAL {day} DAY + to_seconds(i * 86399 // {rows})"
        body = f"SELECT {when} AS ts, i % 1000 AS user_id, {values} FROM range({rows}) r(i)"
        connection.execute(f"COPY ({body}) TO '{data}/{day:05}.parquet' (FORMAT parquet)")

    for day in range(files):
        put(day)
    connection.execute(f"COPY (SELECT i AS user_id, i % 5 AS weight FROM range(1000) r(i)) TO '{directory}/users.csv' (FORMAT csv)")
    told = {"cold": _run(directory, part)}
    put(files)
    told["added"] = _run(directory, part)
    put(files // 2, more=1)
    told["corrected"] = _run(directory, part)
    told["nothing"] = _run(directory, part)
    project = _project(directory, part)
    [(count, total)] = project["all"].values.tolist()
    return {**told, "peak": peak(), "found": f"{count} {total}"}


def _run(directory, part):
    project = _project(directory, part)
    began = time.process_time()
    summary = project.run(progress=False)
    took = time.process_time() - began
    assert not summary.failed_nodes, str(summary)
    return took


def _project(directory, part):
    from seeknal_nb import Project

    def by(what):
        return {"partition_by": what} if part else {}

    project = Project(directory, namespace={})
    project.source("orders", parquet="data/*.parquet", **by("day(ts)"))
    project.source("users", csv="users.csv")
    for name, sql in STEPS.items():
        project.transform(name, sql=sql, **by("inherit"))
    project.transform("week", sql=WEEK, **by("day(day)"), **({"lookback": 6} if part else {}))
    project.transform("all", sql="SELECT count(*) AS n, sum(s7) AS s FROM week")
    return project


if __name__ == "__main__":
    serve(globals())
