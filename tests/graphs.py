"""Random pipelines for the laws, small enough to read when Hypothesis shows one, and an oracle for what each node holds.

The oracle computes every table anew in a plain DuckDB connection; it asks nothing of seeknal_nb, and neither does
``Model``, which says what a run must execute.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
from hypothesis import strategies as st

from seeknal_nb.dag.manifest import Manifest, Node
from seeknal_nb.engines.duckdb import DuckDB
from seeknal_nb.views.reading import Reader
from seeknal_nb.workflow.options import Selection
from seeknal_nb.workflow.report import followed
from seeknal_nb.workflow.runner import DAGRunner, ExecutionStatus, ExecutionSummary

Rows = tuple[tuple[int, int], ...]
Pipeline = dict[str, "Step"]
"""Steps by id, in the order of registration."""

S = ExecutionStatus
TAGS = ("red", "blue", "slow")
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Where fsync costs nothing: the laws are about decisions, not about disks."""

ENGINE = DuckDB()


@dataclass(frozen=True)
class Step:
    """One node: a source of literal rows or of a CSV file, or a query over ``inputs`` with one number in it.

    Another ``twist`` is another body that gives the same rows.
    """

    kind: str
    name: str
    form: str
    inputs: tuple[str, ...] = ()
    number: int = 0
    twist: int = 0
    rows: Rows = ()
    view: bool = False
    tags: tuple[str, ...] = ()
    description: str = ""
    broken: bool = False

    @property
    def id(self) -> str:
        return f"{self.kind}.{self.name}"

    @property
    def file(self) -> str | None:
        return f"data/{self.name}.csv" if self.form == "csv" else None

    @property
    def sql(self) -> str:
        """The body; every table comes out sorted, so that equal rows are equal bytes."""
        return self._select + (f" LIMIT {1000 + self.twist}" if self.twist else "")

    @property
    def _select(self) -> str:
        broken = ", no_such_column" if self.broken else ""
        if self.form in ("values", "csv"):
            rows = ", ".join(f"({k}::BIGINT, {v}::BIGINT)" for k, v in self.rows)
            return f"SELECT *{broken} FROM (VALUES {rows}) AS t(k, v)"
        if not self.inputs:
            return f"SELECT {self.number}::BIGINT AS k, {self.number}::BIGINT AS v{broken}"
        if self.form == "join" and len(self.inputs) > 1:
            a, b = self.inputs[:2]
            rest = "".join(f" + (SELECT coalesce(max(v), 0) FROM {name})" for name in self.inputs[2:])
            value = f"sum(a.v * {self.number} + b.v){rest}"
            return f"SELECT k, (({value}) % 97)::BIGINT AS v{broken} FROM {a} a JOIN {b} b USING (k) GROUP BY k ORDER BY k"
        both = " UNION ALL ".join(f"SELECT k, v FROM {name}" for name in self.inputs)
        if self.form == "filter":
            both = f"SELECT * FROM ({both}) WHERE v > {self.number * 10}"
        shift = self.number if self.form == "shift" else 0
        return f"SELECT k, ((sum(v) + {shift}) % 97)::BIGINT AS v{broken} FROM ({both}) GROUP BY k ORDER BY k"

    @property
    def node(self) -> Node:
        config: dict[str, Any] = {"path": self.file} if self.file else {"sql": self.sql}
        if self.view:
            config["materialized"] = "view"
        return Node(self.id, self.name, self.kind, self.description or None, tags=list(self.tags), config=config)


def manifest(pipeline: Pipeline) -> Manifest:
    """The document of a pipeline."""
    found = Manifest("laws")
    for step in pipeline.values():
        found.add_node(step.node)
    for step in pipeline.values():
        for name in step.inputs:
            found.add_edge(name, step.id)
    return found


def ordered(pipeline: Pipeline) -> list[Step]:
    """The steps, each after all that it reads; naive, on purpose."""
    left, found = dict(pipeline), list[Step]()
    while left:
        step = next(s for s in left.values() if not set(s.inputs) & left.keys())
        found.append(left.pop(step.id))
    return found


def below(pipeline: Pipeline, ids: Iterable[str]) -> set[str]:
    """All that reads these, directly or not, without themselves."""
    ids, found = set(ids), set[str]()
    for step in ordered(pipeline):
        if set(step.inputs) & (ids | found):
            found.add(step.id)
    return found - ids


def tables(pipeline: Pipeline) -> dict[str, list[tuple[int, int]]]:
    """What every node must hold: its rows, sorted. A broken step has none, and neither has what reads it."""
    found: dict[str, list[tuple[int, int]]] = {}
    with duckdb.connect() as plain:
        for kind in {step.kind for step in pipeline.values()}:
            plain.execute(f'CREATE SCHEMA "{kind}"')
        for step in ordered(pipeline):
            if not step.broken and all(name in found for name in step.inputs):
                plain.execute(f"CREATE TABLE {step.kind}.{step.name} AS {step.sql}")
                found[step.id] = sorted(plain.execute(f"FROM {step.kind}.{step.name}").fetchall())
    return found


@dataclass
class Model:
    """What must run next: a key that was never built, or a failure that was not mended."""

    built: dict[str, set[Any]] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)

    def keys(self, pipeline: Pipeline) -> tuple[dict[str, Any], dict[str, Any]]:
        """Keys and digests of all nodes whose inputs can be built."""
        rows = tables(pipeline)
        keys: dict[str, Any] = {}
        digests: dict[str, Any] = {}
        for step in ordered(pipeline):
            if all(name in digests for name in step.inputs):
                own = step.rows if step.file else step.sql
                keys[step.id] = (step.id, step.file, own, step.view, tuple((i, digests[i]) for i in step.inputs))
                if not step.broken:
                    digests[step.id] = keys[step.id] if step.view else tuple(rows[step.id])
        return keys, digests

    def due(self, pipeline: Pipeline) -> set[str]:
        """What a run must execute, no more and no less."""
        keys, _ = self.keys(pipeline)
        return {i for i, key in keys.items() if i in self.failed or key not in self.built.get(i, ())}

    def note(self, pipeline: Pipeline, summary: ExecutionSummary) -> None:
        """Take in what a run that read nothing stale has executed."""
        keys, _ = self.keys(pipeline)
        for node_id in executed(summary):
            if summary[node_id].status is S.SUCCESS:
                self.built.setdefault(node_id, set()).add(keys[node_id])
                self.failed.discard(node_id)
            else:
                self.failed.add(node_id)


def executed(summary: ExecutionSummary) -> set[str]:
    """The ids that a run executed, whatever came out."""
    return {r.node_id for r in summary.results if r.attempts}


class Place:
    """One project directory; every other run is one of the same process as the one before it."""

    def __init__(self, root: Path) -> None:
        self.root, self.runs = root, 0
        self.live = self.runner({})

    def write(self, pipeline: Pipeline) -> None:
        """Write the CSV files whose content is not what it should be."""
        for step in pipeline.values():
            if step.file:
                path = self.root / step.file
                text = csv_of(step.rows)
                if not path.exists() or path.read_text() != text:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(text)

    def runner(self, pipeline: Pipeline, **options: Any) -> DAGRunner:
        return DAGRunner(manifest(pipeline), root=self.root, engine=ENGINE, **options)

    def run(self, pipeline: Pipeline, *, workers: int = 1, **options: Any) -> ExecutionSummary:
        """Run quietly, with the files as the pipeline has them; its plan is that of who decides every node anew."""
        self.write(pipeline)
        self.runs += 1
        runner = self.runner(pipeline, workers=workers)
        if self.runs % 2:
            runner.go_by(self.live.keeper)
            runner.manifest.nodes = {i: _as_before(node, self.live.manifest) for i, node in runner.manifest.nodes.items()}
        self.live = runner
        anew = runner.plan(**{name: value for name, value in options.items() if name in Selection.names()})
        events = runner.stream(**options)
        started = next(events)
        assert [_told(step) for step in started.plan] == [_told(step) for step in anew]
        return followed(events, progress=False)

    def rows(self, pipeline: Pipeline, ids: Iterable[str] | None = None) -> dict[str, list[tuple[int, int]]]:
        """What a user sees of each node, sorted."""
        reader = Reader(self.runner(pipeline))
        return {i: sorted(reader.query(i, form="rows")) for i in (pipeline if ids is None else ids)}


def _as_before(node: Node, manifest: Manifest) -> Node:
    """The object of before, where it says the same."""
    before = manifest.nodes.get(node.id)
    return before if before is not None and before == node else node


def _told(step: Any) -> tuple[Any, ...]:
    return step.node_id, step.action, step.reason, step.certain, step.forced, step.tags, step.key, step.note


def csv_of(rows: Rows) -> str:
    """The text of a CSV file; keys have one digit and values two, so that an edit need not change its size."""
    return "k,v\n" + "".join(f"{k},{v}\n" for k, v in rows)


@contextlib.contextmanager
def place() -> Iterator[Place]:
    """A fresh directory, gone afterwards."""
    with tempfile.TemporaryDirectory(dir=MEMORY, prefix="seeknal-") as name:
        yield Place(Path(name))


def snapshot(root: Path) -> dict[str, tuple[int, bytes]]:
    """Every file and directory below, with its time of change and its bytes."""
    paths = sorted(root.rglob("*"))
    return {str(p.relative_to(root)): (p.lstat().st_mtime_ns, p.read_bytes() if p.is_file() else b"") for p in paths}


ROWS = st.lists(st.tuples(st.integers(1, 4), st.integers(10, 40)), min_size=1, max_size=4).map(lambda r: tuple(sorted(r)))


@st.composite
def sources(draw: st.DrawFn, name: str) -> Step:
    return Step("source", name, draw(st.sampled_from(["values", "csv"])), rows=draw(ROWS), tags=draw(tag_sets()))


@st.composite
def queries(draw: st.DrawFn, name: str, known: list[str]) -> Step:
    """A query over one to three of the nodes that are there already."""
    inputs = tuple(draw(st.lists(st.sampled_from(known), min_size=1, max_size=3, unique=True)))
    return Step(
        draw(st.sampled_from(["transform", "transform", "aggregation"])), name,
        draw(st.sampled_from(["shift", "filter", "join"])), inputs, draw(st.integers(0, 3)), tags=draw(tag_sets()),
    )  # fmt: skip


def tag_sets() -> st.SearchStrategy[tuple[str, ...]]:
    return st.sampled_from([(), (), ("red",), ("blue",), ("red", "slow")])


@st.composite
def pipelines(draw: st.DrawFn, most: int = 8, least: int = 1) -> Pipeline:
    """A random DAG of real nodes, registered in any order."""
    count = draw(st.integers(least, most))
    steps: dict[str, Step] = {}
    for number in range(count):
        known = list(steps)
        is_source = not known or draw(st.integers(0, 3)) == 0
        step = draw(sources(f"n{number}") if is_source else queries(f"n{number}", known))
        if step.kind == "transform" and draw(st.integers(0, 4)) == 0:
            step = replace(step, view=True)
        steps[step.id] = step
    return {i: steps[i] for i in draw(st.permutations(list(steps)))}


Works = tuple[int, list[tuple[int, int]]]


@st.composite
def works(draw: st.DrawFn, most: int = 12) -> Works:
    """A count and acyclic edges between numbers of any order, some of them twice: for laws of scheduling alone."""
    count = draw(st.integers(1, most))
    ends = st.integers(0, count - 1)
    pairs = draw(st.lists(st.tuples(ends, ends).filter(lambda p: p[0] != p[1]), max_size=2 * most))
    names = draw(st.permutations(range(count)))
    return count, [(names[min(p)], names[max(p)]) for p in pairs]


def work_manifest(graph: Works) -> Manifest:
    """Nodes ``work.n0`` and so on, of a custom kind."""
    found = Manifest("work")
    count, edges = graph
    for number in range(count):
        found.add_node(Node(f"work.n{number}", f"n{number}", "work", tags=[TAGS[number % 3]]))
    for a, b in edges:
        found.add_edge(f"work.n{a}", f"work.n{b}")
    return found


def work_below(graph: Works, numbers: Iterable[int]) -> set[int]:
    """All numbers that one of these leads to."""
    found, front = set[int](), set(numbers)
    while front:
        front = {b for a, b in graph[1] if a in front} - found
        found |= front
    return found
