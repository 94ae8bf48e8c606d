"""``python -m tests.benchmarks [NAME ...] [--json FILE]``: measure, and print one table."""

import argparse
import json
import os
import platform
import tempfile
import time
from importlib import import_module, metadata

from tests.benchmarks.measure import HEAD

FAMILIES = ("orchestration", "start", "statements", "data", "parallel", "features", "checks", "partitions", "widget")
SIZES = 10_000, 1_000, 5_000_000
"""Nodes, SQL nodes and rows: those that the goals are meant for."""


def main():
    options = _options()
    print(_machine())
    print(HEAD, flush=True)
    began, measured = time.monotonic(), []
    for name in options.names or FAMILIES:
        module = import_module(f"tests.benchmarks.{name}")
        with tempfile.TemporaryDirectory(prefix="seeknal-bench-", dir=options.dir) as directory:
            for row in module.rows(options, directory):
                measured.append({"family": name, **row.to_dict()})
                print(row.line(), flush=True)
    judged = [row["met"] for row in measured if row["met"] is not None]
    print(f"{sum(judged)} of {len(judged)} goals met; {time.monotonic() - began:.0f} s; load now {os.getloadavg()[0]:.1f}")
    if (options.nodes, options.sql_nodes, options.rows) != SIZES:
        print("The goals are meant for the default sizes.")
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"machine": _machine(), "rows": measured}, file, indent=1)


def _options():
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of: {', '.join(FAMILIES)} (default: all)")
    parser.add_argument("--json", metavar="FILE", help="write every sample, too")
    parser.add_argument("--dir", help="where files are made (default: the system's temporary directory)")
    parser.add_argument("--repeat", type=int, default=3, help="repetitions, of which the best counts (default: 3)")
    parser.add_argument("--nodes", type=int, default=SIZES[0], help="no-op nodes; also a tenth and ten times as many")
    parser.add_argument("--sql-nodes", type=int, default=SIZES[1], help="trivial SQL nodes")
    parser.add_argument("--rows", type=int, default=SIZES[2], help="rows of the 16-node pipeline")
    parser.add_argument("--data-repeat", type=int, default=2, help="repetitions of that pipeline")
    parser.add_argument("--query-rows", type=int, default=5_000_000, help="rows of each CPU-bound query")
    parser.add_argument("--steps", type=int, default=8_000_000, help="steps of each CPU-bound Python node")
    parser.add_argument("--feature-rows", type=int, default=1_000_000, help="labels, and feature rows, of a retrieval")
    parser.add_argument("--files", type=int, default=400, help="daily files of the pipeline in partitions")
    parser.add_argument("--file-rows", type=int, default=20_000, help="rows of each")
    parser.add_argument("--graph-nodes", type=int, default=10_000, help="nodes of the largest graph")
    parser.add_argument("--told", type=int, default=40, help="nodes whose status a page is told, at each pace")
    parser.add_argument("--clicks", type=int, default=12, help="clicks on each thing that can be clicked")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in FAMILIES]
    if unknown:
        parser.error(f"no such measurement: {', '.join(unknown)}; there are {', '.join(FAMILIES)}")
    return options


def _machine():
    """What the numbers were taken on; the time of an empty call says how busy it was (36 ns when idle)."""
    work, began = lambda: None, time.process_time()
    for _ in range(1_000_000):
        work()
    call = (time.process_time() - began) * 1e3
    return (
        f"Python {platform.python_version()}, DuckDB {metadata.version('duckdb')}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f}, an empty call {call:.0f} ns; best of several runs in turn with the floor"
    )


if __name__ == "__main__":
    main()
