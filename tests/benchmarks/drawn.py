"""The graph before any browser sees it: where everything stands, how many bytes say so, and how many edges cross."""

import json
import time

from seeknal_nb.draw import Mark, Picture, edges_of, layout, make_scene, nodes_of, snapshot_of
from tests.benchmarks.inside import serve
from tests.benchmarks.pipelines import DOMAIN, domains


def picture(nodes, **seed):
    """The domains as they are drawn."""
    marks, edges = [], []
    for number, parents in enumerate(domains(nodes, **seed)):
        kind = DOMAIN[number % len(DOMAIN)]
        marks.append(Mark(f"{kind}.n{number}", kind, f"n{number}", "pending"))
        edges += [(parent, number) for parent in parents]
    return Picture(tuple(marks), tuple(edges))


def scene(nodes):
    """CPU seconds of the scene, numpy's import not counted, and the bytes of all that a page is given."""
    import numpy as np  # noqa: F401 - of use from some 150 nodes on

    drawn = picture(nodes)
    began = time.process_time()
    made = make_scene(drawn)
    took = time.process_time() - began
    traits = [nodes_of(drawn, "domains"), edges_of(drawn), made.to_dict(), snapshot_of(drawn)]
    return {"inside": took, "bytes": sum(map(_size, traits))}


def _size(trait):
    """As Jupyter sends it: JSON, and the bytes beside it."""
    raw = []

    def beside(value):
        raw.append(len(value))

    return len(json.dumps(trait, default=beside, separators=(",", ":"))) + sum(raw)


def whole(nodes):
    """CPU seconds of a layout that groups nothing, which a page never asks for above some 1,500 nodes."""
    import numpy as np  # noqa: F401

    edges = picture(nodes).edges
    began = time.process_time()
    layout(nodes, edges)
    return {"inside": time.process_time() - began}


def crossed(nodes, seeds):
    """Straight lines between nodes that cross, in all of some graphs."""
    from tests.draw.test_crossings import ours

    return {"crossings": sum(ours(nodes, picture(nodes, seed=seed).edges) for seed in range(seeds))}


def dot(nodes, seeds):
    """Likewise where Graphviz places the nodes."""
    from tests.draw.test_crossings import theirs

    return {"crossings": sum(theirs(nodes, picture(nodes, seed=seed).edges) for seed in range(seeds))}


if __name__ == "__main__":
    serve(globals())
