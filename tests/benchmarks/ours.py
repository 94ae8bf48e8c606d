"""The same works done by seeknal_nb; each function is run in a process of its own, but for the parallel ones."""

import time
from dataclasses import replace
from pathlib import Path

from seeknal_nb.dag.manifest import Manifest, Node
from seeknal_nb.workflow.runner import DAGRunner
from tests.benchmarks.inside import peak, serve
from tests.benchmarks.pipelines import edited, flights, layered, trivial

KINDS = {"work": lambda node: {"row_count": 1}}
NAMESPACE = {"factor": 3}
"""The variables of a notebook."""
SMALL = {
    "data/rows.csv": "a,b\n1,2\n3,4\n",
    "seeknal/rows.yml": "kind: source\nname: rows\npath: data/rows.csv\n",
    "seeknal/doubled.yml": "kind: transform\nname: doubled\nsql: SELECT a * 2 AS a, b FROM source.rows\n",
    "seeknal/total.yml": "kind: aggregation\nname: total\nsql: SELECT sum(a) AS a FROM transform.doubled\n",
}


def works(nodes):
    """A manifest of no-op nodes."""
    manifest = Manifest("work")
    parents = layered(nodes)
    for number in range(nodes):
        manifest.add_node(Node(f"work.n{number}", f"n{number}", "work", config={"step": number}))
    for number, above in enumerate(parents):
        for parent in above:
            manifest.add_edge(f"work.n{parent}", f"work.n{number}")
    return manifest


def statements_of(steps):
    """A manifest of SQL nodes."""
    manifest = Manifest("sql")
    for step in steps:
        kind, _, name = step.id.partition(".")
        config = {"sql": step.sql, **({"materialized": "view"} if step.view else {})}
        manifest.add_node(Node(step.id, name, kind, config=config))
    for step in steps:
        for parent in step.inputs:
            manifest.add_edge(parent, step.id)
    return manifest


def run(manifest, directory, expected=None, **options):
    """One run; what it took inside the process, imports done. Fails where not ``expected`` nodes succeeded."""
    began = time.process_time(), time.monotonic()
    summary = DAGRunner(manifest, root=directory, kinds=KINDS, namespace=NAMESPACE, **options).run(progress=False)
    told = {"inside": time.process_time() - began[0], "wall": time.monotonic() - began[1], "peak": peak()}
    if expected is not None and (summary.successful_nodes != expected or summary.failed_nodes):
        raise RuntimeError(f"{summary.successful_nodes} nodes succeeded instead of {expected}: {str(summary)[:2000]}")
    return told


def loop(directory, nodes):
    """No-op nodes, cold."""
    return run(works(nodes), directory, nodes)


def csv(directory, path):
    """A CSV as a source."""
    import duckdb  # noqa: F401 - the floor's clock starts after it, too

    manifest = Manifest("csv")
    manifest.add_node(Node("source.flights", "flights", "source", config={"path": path, "params": {"nullstr": "NA"}}))
    return run(manifest, directory, 1)


def memory(directory, nodes):
    """Peak memory of a cold run beyond what one node needs, its imports above all."""
    run(works(1), f"{directory}-one", 1)
    before = peak()
    return {"peak": run(works(nodes), directory, nodes)["peak"] - before}


def rerun(directory):
    """A saved manifest of which nothing changed."""
    return run(Manifest.load(f"{directory}/target/manifest.json"), directory, 0)


def leaf(directory, number):
    """A saved manifest of which the last node changed."""
    manifest = Manifest.load(f"{directory}/target/manifest.json")
    change(manifest, number)
    return run(manifest, directory, 1)


def change(manifest, number):
    """Another last node in the place of the last one."""
    node = manifest.nodes[next(reversed(manifest.nodes))]
    if "sql" in node.config:
        config = {**node.config, "sql": f"SELECT *, {number} AS edit{number} FROM ({node.config['sql']})"}
    else:
        config = {**node.config, "step": -1 - number}
    manifest.add_node(replace(node, config=config))


def live(directory, repeat, changes=False):
    """Runs that find no change, or one leaf changed, in the process that ran the nodes before: the best of them."""
    manifest = Manifest.load(f"{directory}/target/manifest.json")
    runner = DAGRunner(manifest, root=directory, kinds=KINDS, namespace=NAMESPACE)
    runner.run(progress=False)
    taken = []
    for _ in range(repeat):
        if changes:
            change(manifest, time.time_ns())
        began = time.process_time()
        summary = runner.run(progress=False)
        taken.append(time.process_time() - began)
        assert summary.successful_nodes == changes, str(summary)[:2000]
    return {"inside": min(taken)}


def bodies(directory, nodes):
    """A chain of Python nodes, each with an import, a helper and a variable of the notebook, cold."""
    manifest = Manifest("bodies")
    for number in range(nodes):
        above = f"n{number - 1}" if number else ""
        body = f"import json\n\ndef helper(x):\n    return x + {number}\n\ndef n{number}({above}):\n"
        body += "    return [{'x': helper(json.loads('1')) * factor}]\n"
        manifest.add_node(Node(f"transform.n{number}", f"n{number}", "transform", config={"python": body}))
        if number:
            manifest.add_edge(f"transform.{above}", f"transform.n{number}")
    return run(manifest, directory, nodes)


def small(directory):
    """The files of a project of three nodes."""
    for path, text in SMALL.items():
        Path(directory, path).parent.mkdir(parents=True, exist_ok=True)
        Path(directory, path).write_text(text)


def statements(directory, nodes):
    """The trivial SQL nodes, stored, cold."""
    import duckdb  # noqa: F401 - the floor's clock starts after it, too
    import sqlglot  # noqa: F401

    return run(statements_of(trivial(nodes)), directory, nodes)


def pipeline(directory, data, views=False):
    """The flights, cold."""
    return run(statements_of(flights(data, views=views)), directory, 16)


def again(directory, data, node_id, form):
    """One node of the flights changed."""
    return run(statements_of(edited(flights(data), node_id, form)), directory)


def python(directory, body, nodes, workers, places):
    """Seconds for Python nodes, side by side, after their processes have started."""
    took = {}
    for what, text, number in (("first", "time.sleep(0.2)", workers), ("then", body, nodes)):
        manifest = Manifest("python")
        for at in range(number):
            code = f"import time\n{text}\nresult = [{{'x': 1}}]"
            manifest.add_node(Node(f"transform.{what}{at}", f"{what}{at}", "transform", config={"python": code}))
        began = time.monotonic()
        summary = DAGRunner(manifest, root=directory, workers=workers, executor=places).run(progress=False)
        took[what] = time.monotonic() - began
        assert summary.successful_nodes == number, str(summary)
    return took["then"]


def sleep(directory, chains, workers):
    """Seconds for chains of sleeping nodes."""
    manifest = Manifest("sleep")
    naps = {}
    for at, chain in enumerate(chains):
        for step, nap in enumerate(chain):
            name = f"c{at}_{step}"
            naps[name] = nap
            manifest.add_node(Node(f"nap.{name}", name, "nap"))
            if step:
                manifest.add_edge(f"nap.c{at}_{step - 1}", f"nap.{name}")

    def nap(node):
        time.sleep(naps[node.name])
        return {"row_count": 1}

    began = time.monotonic()
    summary = DAGRunner(manifest, root=directory, kinds={"nap": nap}, workers=workers).run(progress=False)
    took = time.monotonic() - began
    assert summary.successful_nodes == len(naps), str(summary)
    return took


def queries(directory, texts, workers):
    """Seconds for independent SQL nodes, with an engine that is open already, as in a kernel."""
    manifest = Manifest("queries")
    for at, text in enumerate(texts):
        manifest.add_node(Node(f"transform.q{at}", f"q{at}", "transform", config={"sql": text}))
    runner = DAGRunner(manifest, root=directory, workers=workers)
    with runner.engine.get().session({}) as session:
        session.build(texts[0], Path(directory).with_name(f"{Path(directory).name}-warm.parquet"))
    began = time.monotonic()
    summary = runner.run(progress=False)
    took = time.monotonic() - began
    runner.engine.close()
    assert summary.successful_nodes == len(texts), str(summary)
    return took


if __name__ == "__main__":
    serve(globals())
