"""The pipelines that are measured, as plain values; knows neither seeknal_nb nor the floors."""

import re
from collections import namedtuple
from math import isqrt
from pathlib import Path

SEED = 2013
DOMAIN = ("load",) * 14 + ("clean",) * 10 + ("join",) * 8 + ("sum",) * 5 + ("report",) * 3
"""The kinds of forty nodes that belong together, a layer each; they are custom ones, and do next to nothing."""
_NAME = re.compile(r"\b(?:source|transform)\.\w+")
_HEAD = re.compile(r"^-- node: (\S+)( view)?\n", re.MULTILINE)

Step = namedtuple("Step", "id sql inputs view")  # noqa: PYI024
"""One SQL node; its inputs in the order in which its statement names them."""


def layered(count):
    """Parents by number: layers as wide as they are many, one to three parents in the layer before."""
    import random

    choose, width = random.Random(SEED), max(10, isqrt(count))
    parents = [()] * min(width, count)
    for number in range(width, count):
        first = (number // width - 1) * width
        parents.append(tuple(choose.sample(range(first, first + width), choose.choice((1, 2, 2, 3)))))
    return parents


def domains(count, seed=SEED):
    """Parents by number, as projects of teams have them: one to four, mostly of the layer before, some of any earlier
    layer or of the domain before; each domain reads one hub."""
    import random

    choose, layers = random.Random(seed), list(dict.fromkeys(DOMAIN))
    starts = [DOMAIN.index(kind) for kind in layers]
    parents = []
    for number in range(count):
        first, layer = number - number % len(DOMAIN), layers.index(DOMAIN[number % len(DOMAIN)])
        found = {0} if number - first == starts[1] else set()
        if layer:
            before, start = (first + starts[at] for at in (layer - 1, layer))
            found |= {choose.randrange(before, start) for _ in range(choose.choice((1, 2, 2, 3, 4)))}
            found |= {choose.randrange(first, start)} if choose.random() < 0.15 else set()
            found |= {choose.randrange(first - len(DOMAIN), first)} if first and choose.random() < 0.1 else set()
        parents.append(tuple(sorted(found)))
    return parents


def trivial(count):
    """One-row queries over the layered graph."""
    steps = []
    for number, parents in enumerate(layered(count)):
        tables = [f"transform.n{p}" for p in parents]
        names = [f"t{at}" for at, _ in enumerate(tables)]
        value = " + ".join(f"{name}.v" for name in names) or "0"
        read = ", ".join(f"{table} {name}" for table, name in zip(tables, names, strict=True))
        sql = f"SELECT ({value} + {number}) % 97 AS v" + (f" FROM {read}" if read else "")
        steps.append(Step(f"transform.n{number}", sql, tables, False))
    return steps


def flights(data, *, views=False):
    """The 16 nodes of flights.sql, in topological order, over the files in a directory."""
    text = Path(__file__).with_name("flights.sql").read_text().replace("{data}", str(data))
    parts = _HEAD.split(text)[1:]
    return [
        Step(node_id, sql.strip(), list(dict.fromkeys(_NAME.findall(sql))), views and bool(view))
        for node_id, view, sql in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    ]


def edited(steps, node_id, form):
    """The same steps, one of them with its statement put into ``form``, which makes other rows of it."""
    return [s._replace(sql=form.replace("{sql}", f"(\n{s.sql}\n)")) if s.id == node_id else s for s in steps]


def below(steps, node_id):
    """The ids of a step and of all that reads it, directly or not."""
    found = {node_id}
    for step in steps:
        if found & set(step.inputs):
            found.add(step.id)
    return found


def with_tables(sql, table):
    """The statement with each node's name put through ``table``."""
    return _NAME.sub(lambda match: table(match[0]), sql)
