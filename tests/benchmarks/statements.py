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
    yield row(f"stored SQL node, cold, of {nodes:,} (CPU a node)", ours, floor, "inside", scale=scale, unit="ms", goal=1.6)
    yield row(f"stored SQL node, cold, of {nodes:,} (wall a node)", ours, floor, "wall", scale=scale, unit="ms")
    yield row(f"peak memory, {nodes:,} SQL nodes", ours, floor, "peak", unit="MB", goal=1.15)
    where = f"{directory}/ours-0"
    given = in_turn(
        options.repeat,
        ours=lambda _: child("ours", "rerun", directory=where),
        floor=lambda _: child("floors", "reread", directory=where),
        leaf=lambda at: child("ours", "leaf", directory=where, number=at),
    )
    many = {"goal": 0.9, "on": "ours"} if nodes == 10_000 else {}
    yield row(f"nothing changed of {nodes:,} SQL nodes, fresh process (CPU)", given["ours"], given["floor"])
    yield row(f"one leaf changed of {nodes:,} SQL nodes (CPU)", given["leaf"], given["floor"], **many)
