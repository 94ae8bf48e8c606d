"""What a trivial SQL node costs beyond its bare COPY."""

from tests.benchmarks.measure import child, in_turn, row


def rows(options, directory):
    """The rows of this family, as they are measured."""
    nodes = options.sql_nodes
    given = in_turn(
        options.repeat,
        ours=lambda at: child("ours", "statements", directory=f"{directory}/ours-{at}", nodes=nodes),
        floor=lambda at: child("floors", "statements", directory=f"{directory}/floor-{at}", nodes=nodes),
    )
    ours, floor, scale = given["ours"], given["floor"], 1e3 / nodes
    yield row(f"stored SQL node, cold, of {nodes:,} (CPU a node)", ours, floor, "inside", scale=scale, unit="ms", goal=2.5)
    yield row(f"stored SQL node, cold, of {nodes:,} (wall a node)", ours, floor, "wall", scale=scale, unit="ms")
    yield row(f"peak memory, {nodes:,} SQL nodes", ours, floor, "peak", unit="MB", goal=1.15)
    where = f"{directory}/ours-0"
    given = in_turn(
        options.repeat,
        ours=lambda _: child("ours", "rerun", directory=where),
        floor=lambda _: child("floors", "reread", directory=where),
        live=lambda _: child("ours", "live", directory=where, repeat=5),
        leaf=lambda at: child("ours", "leaf", directory=where, number=at),
    )
    yield row(f"nothing changed of {nodes:,} SQL nodes, fresh process (CPU)", given["ours"], given["floor"], goal=0.22, on="ours")
    yield row("  live process (floor: a fresh one; CPU)", given["live"], given["ours"], "inside", scale=1e3, unit="ms", goal=10, on="ours")
    yield row(f"one leaf changed of {nodes:,} SQL nodes (CPU)", given["leaf"], given["floor"])
    yield from _bodies(options, f"{directory}/bodies")


def _bodies(options, directory):
    """Python nodes of which nothing changed."""
    nodes = options.sql_nodes
    child("ours", "bodies", directory=directory, nodes=nodes)
    given = in_turn(
        options.repeat,
        ours=lambda _: child("ours", "rerun", directory=directory),
        live=lambda _: child("ours", "live", directory=directory, repeat=5),
    )
    told = {"scale": 1e3 / nodes, "unit": "ms", "on": "ours"}
    what = f"nothing changed of {nodes:,} Python nodes, fresh process (floor: a live one; CPU a node)"
    yield row(what, given["ours"], given["live"], "inside", goal=0.3, **told)
    yield row("  live process (floor: a fresh one; CPU a node)", given["live"], given["ours"], "inside", goal=0.1, **told)
