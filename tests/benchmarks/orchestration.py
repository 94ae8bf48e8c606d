"""What a node costs that does nothing: cold, again, with one leaf changed, and ten times as many."""

from tests.benchmarks.measure import child, in_turn, row


def rows(options, directory):
    """The rows of this family, as they are measured."""
    nodes = options.nodes
    for count in (nodes // 10, nodes):
        given = in_turn(
            options.repeat,
            ours=lambda at: child("ours", "loop", directory=f"{directory}/cold-{count}-{at}", nodes=count),
            floor=lambda _: child("floors", "loop", nodes=count),
        )
        yield row(
            f"no-op node, cold, of {count:,} (CPU a node)", given["ours"], given["floor"], "inside",
            scale=1e6 / count, unit="us", goal=120, on="ours",
        )  # fmt: skip
    where = f"{directory}/cold-{nodes}-0"
    given = in_turn(
        options.repeat,
        ours=lambda _: child("ours", "rerun", directory=where),
        floor=lambda _: child("floors", "reread", directory=where),
        live=lambda _: child("ours", "live", directory=where, repeat=5),
        identity=lambda _: child("floors", "identity", nodes=nodes),
        leaf=lambda at: child("ours", "leaf", directory=where, number=at),
        edited=lambda _: child("ours", "live", directory=where, repeat=3, changes=True),
    )
    yield row(f"nothing changed of {nodes:,}, fresh process (CPU)", given["ours"], given["floor"], goal=0.5, on="ours")
    yield row(f"one leaf changed of {nodes:,}, fresh process (CPU)", given["leaf"], given["floor"], goal=0.8, on="ours")
    live = {"scale": 1e3, "unit": "ms", "on": "ours"}
    what = "{} of {:,}, live process (CPU; floor: the nodes compared)"
    yield row(what.format("nothing changed", nodes), given["live"], given["identity"], "inside", goal=25, **live)
    yield row(what.format("one leaf changed", nodes), given["edited"], given["identity"], "inside", goal=100, **live)
    given = in_turn(
        2,
        ours=lambda at: child("ours", "memory", directory=f"{directory}/memory-{at}", nodes=nodes),
        floor=lambda _: child("floors", "loop", nodes=nodes),
    )
    yield row(
        f"peak memory of {nodes:,} beyond imports (floor: all of it)", given["ours"], given["floor"], "peak",
        unit="MB", goal=70, on="ours",
    )  # fmt: skip
    yield _linear(options, directory)


def _linear(options, directory):
    """Ten times the nodes beside the nodes: the floor is ours, too."""
    given = in_turn(
        2,
        ours=lambda at: child("ours", "loop", directory=f"{directory}/many-{at}", nodes=options.nodes * 10),
        floor=lambda at: child("ours", "loop", directory=f"{directory}/few-{at}", nodes=options.nodes),
    )
    what = f"{options.nodes * 10:,} no-op nodes, cold, against {options.nodes:,} (CPU)"
    return row(what, given["ours"], given["floor"], "inside", goal=12)
