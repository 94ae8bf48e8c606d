"""Sixteen SQL nodes over millions of rows: what remembering costs where the work is large; and what a CSV costs to read."""

import shutil

from tests.benchmarks.measure import child, in_turn, python, row

FLIGHTS = 336_776
EDITS = {
    "one leaf changed": ("transform.summary", "SELECT *, {number} AS edit FROM {sql}"),
    "one root changed": ("source.flights", "SELECT * FROM {sql} WHERE id <> {number}"),
}


def rows(options, directory):
    """The rows of this family, as they are measured."""
    data = f"{directory}/data"
    child("floors", "make", data=data, rows=options.rows)

    def cold(module, views):
        name = f"{module}-{'views' if views else 'tables'}"
        return lambda at: child(module, "pipeline", directory=_fresh(directory, name), data=data, views=views)

    given = in_turn(
        options.data_repeat,
        floor=cold("floors", False), ours=cold("ours", False), hybrid=cold("floors", True), views=cold("ours", True),
    )  # fmt: skip
    yield row(f"16 nodes, {options.rows:,} rows, cold (CPU)", given["ours"], given["floor"], goal=1.05)
    yield row("  with views (floor: views where one consumer)", given["views"], given["hybrid"], goal=1.15)
    yield row("  with views (floor: COPY of every node)", given["views"], given["floor"], goal=0.55)
    yield row("  peak memory", given["ours"], given["floor"], "peak", unit="MB", goal=1.1)
    yield row("  peak memory, with views", given["views"], given["hybrid"], "peak", unit="MB", goal=1.1)
    yield from _warm(options, data, f"{directory}/ours-tables", f"{directory}/floors-tables")
    yield from _csv(options, directory)


def _csv(options, directory):
    """A CSV like that of New York's flights of 2013: every text of it looked at, against a reading that guesses by a sample."""
    path = f"{directory}/flights.csv"
    child("floors", "make_csv", path=path, rows=FLIGHTS)
    given = in_turn(
        options.repeat,
        ours=lambda at: child("ours", "csv", directory=f"{directory}/csv-{at}", path=path),
        floor=lambda _: child("floors", "csv", path=path, to=f"{directory}/csv.parquet"),
    )
    yield row(f"a CSV of {FLIGHTS:,} rows and 19 columns, as a source (CPU)", given["ours"], given["floor"], "inside", goal=3)
    yield row("  (wall)", given["ours"], given["floor"], "wall")


def _warm(options, data, ours, floor):
    """Runs of what was built: nothing changed, by the command line; a leaf changed, then a root (once: it is a cold run)."""
    given = in_turn(
        options.repeat,
        ours=lambda _: python("-m", "seeknal_nb", "run", "--project", ours),
        floor=lambda _: child("floors", "reread", directory=ours),
    )
    yield row("  nothing changed, `seeknal-nb run` (CPU)", given["ours"], given["floor"], goal=0.25, on="ours")
    for what, (node_id, form) in EDITS.items():

        def again(module, directory, node_id=node_id, form=form):
            return lambda at: child(
                module, "again", directory=directory, data=data, node_id=node_id, form=form.replace("{number}", str(at))
            )

        given = in_turn(options.data_repeat if what != "one root changed" else 1, floor=again("floors", floor), ours=again("ours", ours))
        yield row(f"  {what} (floor: COPY of what follows; CPU)", given["ours"], given["floor"])


def _fresh(directory, name):
    path = f"{directory}/{name}"
    shutil.rmtree(path, ignore_errors=True)
    return path
