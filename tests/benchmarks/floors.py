"""The least that does each work: a loop, plain COPY statements, plain threads. Knows nothing of seeknal_nb."""

import json
import os
import sys
import time

from tests.benchmarks.inside import peak, serve
from tests.benchmarks.pipelines import DOMAIN, below, domains, edited, flights, layered, trivial, with_tables

SETTINGS = {
    "python_enable_replacements": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "enable_external_file_cache": "false",
}
"""Those under which seeknal_nb runs DuckDB."""


def loop(nodes):
    """No-op calls in topological order."""
    parents, work = layered(nodes), lambda number: {"row_count": 1}
    children = [[] for _ in parents]
    for number, above in enumerate(parents):
        for parent in above:
            children[parent].append(number)
    began = time.process_time()
    waiting = [len(p) for p in parents]
    ready = [number for number, count in enumerate(waiting) if not count]
    results = {}
    for number in ready:
        results[number] = work(number)
        for child in children[number]:
            waiting[child] -= 1
            if not waiting[child]:
                ready.append(child)
    return {"inside": time.process_time() - began, "peak": peak(), "done": len(results)}


def columns(nodes):
    """The least that gives each node a place: a column by its depth, a row as it comes. And the least that says it all."""
    parents = domains(nodes)
    began = time.process_time()
    depth, filled, places = [], {}, []
    for above in parents:
        column = 1 + max((depth[parent] for parent in above), default=-1)
        depth.append(column)
        filled[column] = filled.get(column, -1) + 1
        places.append((column * 200.0, filled[column] * 80.0))
    took = time.process_time() - began
    names = json.dumps([f"{DOMAIN[number % len(DOMAIN)]}.n{number}" for number in range(nodes)])
    # Two float32 a place, two uint32 an edge.
    return {"inside": took, "bytes": len(names) + 8 * len(places) + 8 * sum(map(len, parents))}


def make_csv(path, rows):
    """A CSV with the columns of New York's flights: numbers, short words, times with an offset, ``NA`` where nothing is known."""
    gaps = {101: 1300, 102: 500, 103: 1400, 104: 570, 105: 500}
    numbers = ", ".join(
        f"CASE WHEN i % {gap} = 0 THEN 'NA' ELSE (hash(i + {gap}) % {many})::VARCHAR END AS n{gap}" for gap, many in gaps.items()
    )
    whole = ", ".join(f"hash(i + {at}) % {many} AS w{at}" for at, many in enumerate((12, 31, 1000, 1160, 3800, 213, 20, 60)))
    words = ", ".join(f"'N' || hash(i + {at}) % {many} AS t{at}" for at, many in enumerate((16, 4000, 3, 105)))
    at = "strftime(TIMESTAMP '2013-01-01' + to_hours(i // 40), '%Y-%m-%dT%H:%M:%SZ') AS time_hour"
    connect().execute(f"COPY (SELECT 2013 AS year, {whole}, {numbers}, {words}, {at} FROM range({rows}) r(i)) TO '{path}' (FORMAT csv)")


def csv(path, to):
    """The reader's own guesses, by its sample; what comes later than that is made to fit, or fails."""
    connection = connect()
    began = time.process_time(), time.monotonic()
    connection.execute(f"COPY (FROM read_csv('{path}', nullstr = ['NA', ''])) TO '{to}' (FORMAT parquet)")
    return {"inside": time.process_time() - began[0], "wall": time.monotonic() - began[1], "peak": peak()}


def reread(directory):
    """Read a saved manifest and what is remembered, and look at every output: all that a run must that finds no change."""
    with open(f"{directory}/target/manifest.json", "rb") as file:
        nodes = json.load(file)["nodes"]
    with open(f"{directory}/target/state/execution_state.json", "rb") as file:
        states = json.load(file)
    outputs = [states[node_id].get("output") for node_id in nodes]
    for output in outputs:
        if output:
            os.stat(f"{directory}/target/outputs/{output}/data.parquet")
    return {"outputs": len([o for o in outputs if o])}


def identity(nodes):
    """Seconds to see that every node object is the one of before."""
    before, now = list(range(nodes)), list(range(nodes))
    began = time.process_time()
    same = all(a is b or a == b for a, b in zip(before, now, strict=True))
    return {"inside": time.process_time() - began, "same": same}


def connect():
    import duckdb

    connection = duckdb.connect(":memory:", config=SETTINGS)
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    return connection


def copy(steps, directory, only=None):
    """One COPY a step, or of those only that are named; a view is put into the statements that read it."""
    connection, tables = connect(), {}
    began = time.process_time(), time.monotonic()
    for step in steps:
        sql = with_tables(step.sql, tables.__getitem__)
        file = f"{directory}/{step.id}.parquet"
        tables[step.id] = f"(\n{sql}\n)" if step.view else f"read_parquet('{file}')"
        if not step.view and (only is None or step.id in only):
            connection.execute(f"COPY (\n{sql}\n) TO '{file}' (FORMAT parquet)").fetchall()
    return {"inside": time.process_time() - began[0], "wall": time.monotonic() - began[1], "peak": peak()}


def statements(directory, nodes):
    """The trivial SQL nodes, bare."""
    os.makedirs(directory)
    return copy(trivial(nodes), directory)


def pipeline(directory, data, views=False):
    """The flights, bare."""
    os.makedirs(directory)
    return copy(flights(data, views=views), directory)


def again(directory, data, node_id, form):
    """One step of the flights changed, in a directory that holds them: that one and what reads it."""
    steps = edited(flights(data), node_id, form)
    return copy(steps, directory, below(steps, node_id))


def make(data, rows):
    """The files that the flights' pipeline reads."""
    from pathlib import Path

    os.makedirs(data)
    text = Path(__file__).with_name("flights_data.sql").read_text()
    connect().execute(text.replace("{data}", data).replace("{rows}", str(rows)))


def started(extension):
    """CPU milliseconds that an extension takes beyond IPython, and which heavy modules it pulls in."""
    import sys

    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    shell.history_manager.enabled = False
    before, began = set(sys.modules), time.process_time()
    if extension:
        shell.run_line_magic("load_ext", extension)
    took = time.process_time() - began
    heavy = [m for m in ("duckdb", "pandas", "sqlglot", "pyarrow") if m in set(sys.modules) - before]
    return {"inside": took * 1e3, "whole": time.process_time() * 1e3, "heavy": heavy}


def sleep(chains, workers):
    """Seconds that threads take to sleep through chains of naps, a chain a task."""
    from concurrent.futures import ThreadPoolExecutor

    began = time.monotonic()
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(lambda naps: [time.sleep(nap) for nap in naps], chains))
    return time.monotonic() - began


def queries(directory, texts, workers):
    """Seconds that threads take to COPY queries, each on a cursor of its own."""
    from concurrent.futures import ThreadPoolExecutor

    connection = connect()
    os.makedirs(directory)

    def one(at):
        cursor = connection.cursor()
        cursor.execute(f"COPY (\n{texts[at]}\n) TO '{directory}/{at}.parquet' (FORMAT parquet)").fetchall()

    one(0)
    began = time.monotonic()
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(one, range(len(texts))))
    return time.monotonic() - began


COUNT = "s = 0\nfor i in range({steps}):\n    s += i * i % 7\n"
"""Work for one core, in Python."""


def interpreters(count, tasks, steps):
    """Seconds that so many bare interpreters take for tasks of counting, each its part of them, after they have started."""
    from subprocess import PIPE, Popen

    code = "import sys\nsys.stdin.readline()\nfor _ in range(int(sys.argv[1])):\n" + "".join(
        f"    {line}\n" for line in COUNT.format(steps=steps).splitlines()
    )
    started = [Popen([sys.executable, "-c", code, str(tasks // count)], stdin=PIPE) for _ in range(count)]
    time.sleep(0.3)
    began = time.monotonic()
    for one in started:
        one.communicate(b"\n")
    return time.monotonic() - began


if __name__ == "__main__":
    serve(globals())
