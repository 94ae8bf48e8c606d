"""A year and more of daily files: one of them comes, is corrected, or nothing does; against the same pipeline as a whole."""

import os
import shutil
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

from tests.benchmarks.inside import peak, serve
from tests.benchmarks.measure import child, in_turn, row

STEPS = {
    "clean": "SELECT * FROM orders WHERE amount > 3",
    "named": "SELECT c.*, u.weight FROM clean c LEFT JOIN users u USING (user_id)",
    "daily": "SELECT ts::DATE AS day, user_id, sum(amount * weight) AS total FROM named GROUP BY ALL",
}
DAILY = "SELECT ts::DATE AS day, user_id, sum(amount) AS total FROM {} GROUP BY ALL"
MOST_BATCHES = 30
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
    yield row("  all of it, for the first time (floor: 1.2 of the whole and 3 COPYs a part)", parts, whole, "cold_goal", goal=1)
    yield row("  all of it, for the first time (floor: as a whole)", parts, whole, "cold")
    yield row("  peak memory", parts, whole, "peak", unit="MB", goal=0.3)
    if shutil.which("dbt"):
        yield from _beside_dbt(directory, min(files, MOST_BATCHES), each)


def _beside_dbt(directory, files, each):
    """The same table of days by dbt's microbatch, as whole commands; what it has lost after a correction is told."""
    ours = child("partitions", "ours_in_shell", directory=f"{directory}/shell", files=files, rows=each)
    theirs = child("partitions", "dbt_in_shell", directory=f"{directory}/dbt", files=files, rows=each)
    lost = theirs.told["truth"] - theirs.told["found"]
    if ours.told["truth"] != ours.told["found"]:
        raise RuntimeError(f"rows are not those of the files: {ours.told}")
    yield row(f"one file added to {files}, as a command (floor: dbt's microbatch; CPU)", [ours], [theirs], "added")
    yield row(f"  and a correction (dbt's sum is {lost:,} off)", [ours], [theirs], "corrected")
    yield row("  all of it, for the first time", [ours], [theirs], "cold")


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
    copies = 3 * _copy(connection, data, directory) * files * (len(STEPS) + 2)
    told["cold_goal"] = told["cold"] if part else 1.2 * told["cold"] + copies
    put(files)
    told["added"] = _run(directory, part)
    put(files // 2, more=1)
    told["corrected"] = _run(directory, part)
    told["nothing"] = _run(directory, part)
    project = _project(directory, part)
    [(count, total)] = project["all"].values.tolist()
    return {**told, "peak": peak(), "found": f"{count} {total}"}


def _files(directory, files, rows):
    """Daily files, how to write one, and the sum of all of them by now."""
    from tests.benchmarks.floors import connect

    connection, data = connect(), Path(directory, "data")
    data.mkdir(parents=True)

    def put(day, more=0):
        when = f"TIMESTAMP '2023-01-01' + INTERVAL {day} DAY + to_seconds(i * 86399 // {rows})"
        body = f"SELECT {when} AS ts, i % 1000 AS user_id, (i * 7 + {more}) % 100 AS amount FROM range({rows}) r(i)"
        connection.execute(f"COPY ({body}) TO '{data}/{day:05}.parquet' (FORMAT parquet)")

    def truth():
        return connection.execute(f"SELECT sum(amount)::BIGINT FROM read_parquet('{data}/*.parquet')").fetchall()[0][0]

    for day in range(files):
        put(day)
    return put, truth


def _lived(directory, files, rows, command, found):
    """What a command took that is given the day to look at: at first None, then one that came, then again that one."""
    put, truth = _files(directory, files, rows)
    told = {"cold": command(None)}
    put(files)
    told["added"] = command(files)
    put(files // 2, more=1)
    told["corrected"] = command(files)
    return {**told, "truth": truth(), "found": found()}


def _spent(words, directory):
    """The CPU seconds of a command."""
    before = os.times()
    subprocess.run(words, cwd=directory, check=True, stdout=subprocess.DEVNULL)
    now = os.times()
    return now.children_user + now.children_system - before.children_user - before.children_system


def ours_in_shell(directory, files, rows):
    """Three nodes in partitions, as ``seeknal run``."""
    from seeknal_nb import Project

    nodes = [
        "kind: source\nname: orders\nparquet: data/*.parquet\npartition_by: day(ts)",
        "kind: transform\nname: clean\npartition_by: inherit\ntransform: SELECT * FROM source.orders",
        f"kind: transform\nname: daily\npartition_by: inherit\ntransform: {DAILY.format('transform.clean')}",
    ]

    def found():
        return int(Project.open(directory)["daily"]["total"].sum())

    def command(_):
        Path(directory, "seeknal").mkdir(exist_ok=True)
        Path(directory, "seeknal", "all.yml").write_text("\n---\n".join(nodes))
        return _spent([sys.executable, "-m", "seeknal_nb", "run"], directory)

    return _lived(directory, files, rows, command, found)


def dbt_in_shell(directory, files, rows):
    """The same by dbt-duckdb's microbatch, which is told the day that came."""
    import duckdb

    first, root = date(2023, 1, 1), Path(directory)
    (root / "models").mkdir(parents=True)
    batches = "materialized='incremental', incremental_strategy='microbatch', batch_size='day', begin='2023-01-01', lookback=0"
    daily = DAILY.format("{{ ref('clean') }}")
    models = {
        "orders": "{{ config(materialized='view', event_time='ts') }} SELECT * FROM read_parquet('data/*.parquet')",
        "clean": f"{{{{ config({batches}, event_time='ts') }}}} SELECT * FROM {{{{ ref('orders') }}}}",
        "daily": f"{{{{ config({batches}, event_time='day') }}}} {daily}",
    }
    for name, text in models.items():
        (root / "models" / f"{name}.sql").write_text(text)
    (root / "dbt_project.yml").write_text("name: beside\nversion: '1.0.0'\nprofile: beside\nmodel-paths: [models]\n")
    profile = "beside: {target: dev, outputs: {dev: {type: duckdb, path: beside.duckdb, threads: 4}}}\n"
    (root / "profiles.yml").write_text(profile)

    def command(day):
        since, until = (0, files) if day is None else (day, day + 1)
        span = ["--event-time-start", str(first + timedelta(since)), "--event-time-end", str(first + timedelta(until))]
        return _spent(["dbt", "run", "--profiles-dir", ".", *span], directory)

    def found():
        with duckdb.connect(str(root / "beside.duckdb"), read_only=True) as connection:
            return connection.execute("SELECT sum(total)::BIGINT FROM daily").fetchall()[0][0]

    return _lived(directory, files, rows, command, found)


def _copy(connection, data, directory):
    """The CPU seconds of the least work on a part."""
    began, many = time.process_time(), 100
    for _ in range(many):
        connection.execute(f"COPY (SELECT * FROM read_parquet('{data}/00000.parquet')) TO '{directory}/copy.parquet' (FORMAT parquet)")
    return (time.process_time() - began) / many


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
