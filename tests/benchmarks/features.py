"""Features at a point in time for many labels: the transform that retrieves them, against merge_asof and a bare ASOF JOIN."""

import time

from tests.benchmarks.inside import peak, serve
from tests.benchmarks.measure import child, in_turn, row

KEYS, TTL = 50_000, 3_600_000_000
JOIN = "ASOF LEFT JOIN (SELECT {of} FROM read_parquet('{data}/features.parquet')) f ON s.k = f.k AND s.ts >= f.ts"


def rows(options, directory):
    """The rows of this family, as they are measured."""
    data, count = f"{directory}/data", options.feature_rows
    child("features", "make", data=data, rows=count)

    def ours(**config):
        return lambda _: child("features", "node", directory=f"{directory}/ours-{'-'.join(config)}", data=data, config=config)

    given = in_turn(
        options.repeat,
        asof=lambda _: child("features", "asof", data=data), merge=lambda _: child("features", "merge", data=data),
        known=lambda _: child("features", "asof", data=data, known=True), event=ours(mode="event"),
        ttl=ours(ttl="1h"), arrived=ours(created="made"),
    )  # fmt: skip
    found = {name: {one.told["found"] for one in samples} for name, samples in given.items()}
    if len(found["asof"] | found["merge"] | found["event"]) != 1:
        raise RuntimeError(f"they do not find the same: {found}")
    yield row(f"{count:,} labels and feature rows (floor: ASOF JOIN; CPU)", given["event"], given["asof"], "inside")
    yield row("  (floor: COPY of the bare ASOF JOIN; wall)", given["event"], given["asof"], "wall_inside")
    yield row("  (floor: pandas.merge_asof, from file to file; CPU)", given["event"], given["merge"], "inside")
    yield row("  (floor: pandas.merge_asof, from file to file; wall)", given["event"], given["merge"], "wall_inside")
    yield row("  peak memory (floor: pandas)", given["event"], given["merge"], "peak", unit="MB")
    yield row("  with a TTL (floor: ASOF JOIN without; CPU)", given["ttl"], given["asof"], "inside")
    yield row("  by known time (floor: ASOF JOIN; CPU)", given["arrived"], given["asof"], "inside")
    yield row("  by known time (floor: ASOF JOIN by arrival; CPU)", given["arrived"], given["known"], "inside")


def make(data, rows):
    """Labels and feature rows of random keys and times, none twice."""
    import os

    from tests.benchmarks.floors import connect

    os.makedirs(data)
    second = "TIMESTAMP '2024-01-01' + to_microseconds(({seed} * i) % {rows} * 31_000_000 + i)"
    times = {name: second.format(seed=seed, rows=rows) for name, seed in (("labels", 7_919), ("features", 104_729))}
    key = f"(hash(i, '{{name}}') % {KEYS})::INTEGER AS k"
    more = {"labels": "i AS n", "features": "i AS a, i * 0.5 AS b, i % 7 AS c, ts + to_minutes((i % 90)::BIGINT) AS made"}
    for name, moment in times.items():
        body = f"SELECT {key.format(name=name)}, {moment} AS ts, i FROM range({rows}) r(i)"
        connect().execute(f"COPY (SELECT k, ts, {more[name]} FROM ({body})) TO '{data}/{name}.parquet' (FORMAT parquet)")


def node(directory, data, config):
    """Only the transform runs; its spine and its feature group were built by the first process."""
    from seeknal_nb import Project

    project = Project(directory, namespace={})
    project.source("labels", sql=f"SELECT * FROM read_parquet('{data}/labels.parquet')")
    project.feature_group(
        "line", sql=f"SELECT k, ts, made, a, b, c FROM read_parquet('{data}/features.parquet')", key="k", event_time="ts",
        features=["a", "b", "c"], ttl=config.get("ttl"), created_time=config.get("created"),
    )  # fmt: skip
    project.run(progress=False)
    mode = "known" if config.get("created") else "event"
    project.transform("joined", spine="labels", label_time="ts", features=["line"], mode=mode)
    began = time.process_time(), time.monotonic()
    summary = project.run(nodes=["joined"], progress=False)
    took = _took(*began)
    assert summary.successful_nodes == 1, str(summary)
    return {**took, "found": _found(next(project.directory.glob("target/outputs/transform/joined/*/data.parquet")))}


def asof(data, known=False):
    """One COPY of one ASOF JOIN, in the order of the labels."""
    from tests.benchmarks.floors import connect

    connection, to = connect(), f"{data}/asof.parquet"
    of = "k, greatest(ts, made) AS ts, a, b, c" if known else "k, ts, a, b, c"
    began = time.process_time(), time.monotonic()
    numbered = f"(SELECT *, row_number() OVER () AS o FROM read_parquet('{data}/labels.parquet'))"
    sql = f"SELECT s.k, s.ts, s.n, f.a, f.b, f.c FROM {numbered} s {JOIN.format(of=of, data=data)} ORDER BY s.o"
    connection.execute(f"COPY ({sql}) TO '{to}' (FORMAT parquet)").fetchall()
    return {**_took(*began), "found": _found(to)}


def merge(data):
    """pandas from Parquet to Parquet, the labels in their order again."""
    import pandas as pd
    import pyarrow.parquet  # noqa: F401 - the clock starts after it

    to = f"{data}/merged.parquet"
    began = time.process_time(), time.monotonic()
    labels = pd.read_parquet(f"{data}/labels.parquet").reset_index(names="o").sort_values("ts")
    line = pd.read_parquet(f"{data}/features.parquet", columns=["k", "ts", "a", "b", "c"]).sort_values("ts")
    found = pd.merge_asof(labels, line, on="ts", by="k").sort_values("o").drop(columns="o")
    found.to_parquet(to, compression="snappy", index=False)
    return {**_took(*began), "found": _found(to)}


def _took(cpu, wall):
    return {"inside": time.process_time() - cpu, "wall_inside": time.monotonic() - wall, "peak": peak()}


def _found(file):
    """What all must agree on: how many labels found features, and their sum."""
    from tests.benchmarks.floors import connect

    count, total = connect().execute(f"SELECT count(a), sum(a)::BIGINT FROM read_parquet('{file}')").fetchall()[0]
    return f"{count} {total}"


if __name__ == "__main__":
    serve(globals())
