"""Nodes side by side, in wall seconds: sleeping ones, uneven chains, and queries that want all cores."""

from seeknal_nb.workflow.places import Places
from seeknal_nb.workflow.places.processes import Processes
from tests.benchmarks import floors, ours
from tests.benchmarks.measure import Row, in_turn

NAPS = [[0.25]] * 16
CHAINS = [[0.2, 0.02] * 5, [0.02, 0.2] * 5]
QUERY = "SELECT i % 1000 AS g, sum(hash(i * {number}) % 1000)::BIGINT AS s FROM range({rows}) t(i) GROUP BY g"


def rows(options, directory):
    """The rows of this family, as they are measured; all in this process, its imports done."""
    ours.sleep(f"{directory}/first", [[0]], 2)
    for what, chains, workers, goal in (
        ("16 nodes of 0.25 s sleep, 8 workers (wall)", NAPS, 8, 1.04),
        ("two uneven chains of naps, 2 workers (wall)", CHAINS, 2, 1.03),
    ):
        given = in_turn(
            options.repeat,
            ours=lambda at: ours.sleep(f"{directory}/sleep-{workers}-{at}", chains, workers),
            floor=lambda _: floors.sleep(chains, workers),
        )
        yield _row(what, given, goal)
    texts = [QUERY.format(number=number, rows=options.query_rows) for number in range(3, 11)]
    given = in_turn(
        options.repeat,
        ours=lambda at: ours.queries(f"{directory}/queries-{at}", texts, 2),
        floor=lambda at: floors.queries(f"{directory}/bare-{at}", texts, 2),
    )
    yield _row("8 CPU-bound queries, 2 workers (wall)", given, 1.05)
    yield from _processes(options, directory)


def _processes(options, directory):
    """In processes that have started: sleep, and what two cores gain, beside what two bare interpreters gain."""
    places = Places(Processes())
    nap, count = "time.sleep(0.25)", floors.COUNT.format(steps=options.steps)
    given = in_turn(
        options.repeat,
        ours=lambda at: ours.python(f"{directory}/naps-{at}", nap, 16, 8, places),
        floor=lambda _: floors.sleep(NAPS, 8),
        one=lambda at: ours.python(f"{directory}/one-{at}", count, 4, 2, "here"),
        two=lambda at: ours.python(f"{directory}/two-{at}", count, 4, 2, places),
        bare=lambda _: floors.interpreters(1, 4, options.steps),
        pair=lambda _: floors.interpreters(2, 4, options.steps),
    )
    places.close()
    yield _row("16 nodes of 0.25 s sleep in 8 processes (wall)", given, 1.3)
    here, apart, bare, pair = (min(given[name]) for name in ("one", "two", "bare", "pair"))
    what = "4 CPU-bound Python nodes: 2 processes of 2 threads (floor: interpreters)"
    yield Row(what, apart / here, pair / bare, unit="", goal=1.25, samples=given)


def _row(what, given, goal):
    return Row(what, min(given["ours"]), min(given["floor"]), goal=goal, samples=given)
