"""How a pipeline stood after a run: out of the records of that run and of those before it, and of builds that are kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import dropwhile
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.graph import Graph
from seeknal_nb.dag.select import resolve
from seeknal_nb.errors import SelectionError, near
from seeknal_nb.kinds.tables import is_view
from seeknal_nb.sql.text import quote
from seeknal_nb.views.values import Rows
from seeknal_nb.workflow.frames import numbers_in

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    import pandas as pd

    from seeknal_nb.workflow.runner import DAGRunner

__all__ = ["After", "Past", "after", "compare_rows", "run_named"]

LAST = "last"
PART = 4
"""Letters of an id by which a run may be called: of fewer one may be meant that is not there, as run 9 of three."""
COLUMNS = (
    "node_id", "status", "status_now", "rows", "rows_now", "seconds", "seconds_now", "checks", "checks_now", "build",
    "metrics",
)  # fmt: skip
CACHED = "cached"
Made = tuple[str, str]


@dataclass(frozen=True, slots=True)
class After:
    """What is known of a run.

    Attributes:
        run_id: Its id.
        results: By node id, the result of its last execution up to this run, as the records have them; one of an earlier
            run is ``cached`` here.
        builds: By node id, key and identity of the build that it had then: under one key another one may have been made.
        renamed: By former id, what a node was called by then.
    """

    run_id: str
    results: Mapping[str, Mapping[str, Any]]
    builds: Mapping[str, Made]
    renamed: Mapping[str, str] = field(default_factory=dict)


def run_named(records: Sequence[Mapping[str, Any]], name: str) -> str:
    """The id of a run: itself, a beginning or an end that no other has, its number, ``last``, or ``-2``.

    Args:
        records: The newest first.
        name: What somebody wrote.

    Raises:
        SelectionError: No run is called so, or several are.
    """
    ids = [record["run_id"] for record in records]
    back = 1 if name == LAST else int(name[1:]) if name[:1] == "-" and name[1:].isdecimal() else 0
    numbered = [record["run_id"] for record in records if str(record["number"]) == name]
    parts = [i for i in ids if len(name) >= PART and (i.startswith(name) or i.endswith(name))]
    found = numbered or [i for i in ids if i == name] or parts
    if 0 < back <= len(ids):
        return str(ids[back - 1])
    if len(found) == 1:
        return str(found[0])
    why = f"{len(found)} are: {', '.join(found[:5])}" if found else f"there are {len(ids)}"
    raise SelectionError(
        f"no one run is called {name!r}", why=why, remedy=f"history lists them; {near(name, ids, what='run')}"
    )


def after(records: Sequence[Mapping[str, Any]], run_id: str, renames: Iterable[Mapping[str, Any]] = ()) -> After:
    """How the nodes stood after that run; ``records`` come the newest first, ``renames`` the first one first."""
    until = list(dropwhile(lambda one: one["run_id"] != run_id, records))
    builds: dict[str, Made] = {}
    for record in until:
        for node_id, made in _builds(record).items():
            builds.setdefault(node_id, made)
    results: dict[str, Mapping[str, Any]] = {}
    for record in until:
        for result in _mappings(record.get("results")):
            node_id = str(result.get("node_id"))
            if record is until[0]:
                results[node_id] = result
            elif result.get("status") == "success" and _builds(record).get(node_id) == builds.get(node_id):
                results.setdefault(node_id, {**result, "status": CACHED})
    return After(run_id, results, builds, {one["old"]: one["new"] for one in renames if one["at"] <= until[0]["started"]})


def _builds(record: Mapping[str, Any]) -> dict[str, Made]:
    """Key and identity of the builds that a run made or took up again, by node id."""
    found, builds = record.get("builds"), dict[str, Made]()
    for node_id, made in found.items() if isinstance(found, dict) else ():
        match made:
            case [str(key), str(identity)]:
                builds[node_id] = key, identity
    return builds


def _mappings(found: object) -> Iterable[Mapping[str, Any]]:
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def compare_rows(before: After, now: After, former: Container[str] = ()) -> Rows:
    """A row a node: how it stood after the one run and after the other, and which of its metrics differ.

    Args:
        before: The one.
        now: The other.
        former: Ids of nodes that have other names now, and stand under these.
    """
    ids = [node_id for node_id in dict.fromkeys([*now.results, *before.results]) if node_id not in former]
    rows = tuple((node_id, *_row(before.results.get(node_id), now.results.get(node_id), before, now)) for node_id in ids)
    different = sum(row[COLUMNS.index("build")] == "another" for row in rows)
    title = f"{before.run_id} -> {now.run_id}: {different} of {len(rows)} nodes with another build"
    return Rows(title, COLUMNS, rows)


def _row(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, before: After, now: After) -> tuple[Any, ...]:
    old, new = old or {}, new or {}
    node_id = str(new.get("node_id") or old.get("node_id"))
    pairs = [(side.get("status", ""), side.get("row_count"), side.get("duration"), _passed(side)) for side in (old, new)]
    (status, rows, seconds, checks), (status_now, rows_now, seconds_now, checks_now) = pairs
    return (
        status, status_now, rows, rows_now, seconds, seconds_now, checks, checks_now,
        _build(before.builds.get(node_id), now.builds.get(node_id)), _metrics(old, new),
    )  # fmt: skip


def _passed(result: Mapping[str, Any]) -> str:
    checks = list(_mappings(_metadata(result).get("checks")))
    return f"{sum(bool(check.get('passed')) for check in checks)} of {len(checks)}" if checks else ""


def _metadata(result: Mapping[str, Any]) -> Mapping[str, Any]:
    found = result.get("metadata")
    return found if isinstance(found, dict) else {}


def _build(before: Made | None, now: Made | None) -> str:
    if before is None or now is None:
        return "new" if now is not None else ""
    return "same" if before == now else "another"


def _metrics(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """The metrics that differ: ``accuracy 0.91 -> 0.93``."""
    before, now = (dict(numbers_in(_metadata(side).get("metrics") or {})) for side in (old, new))
    return "; ".join(
        f"{name} {_number(before.get(name))} -> {_number(now.get(name))}"
        for name in dict.fromkeys([*now, *before])
        if before.get(name) != now.get(name)
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


class Past:
    """The tables of a pipeline as a run left them, as far as their builds are still kept.

    Args:
        runner: Knows the nodes, and reads.
        found: What is known of the run.
    """

    def __init__(self, runner: DAGRunner, found: After) -> None:
        self.runner, self.after = runner, found

    @property
    def run_id(self) -> str:
        """Of which run."""
        return self.after.run_id

    def __repr__(self) -> str:
        return f"the pipeline after the run {self.run_id}: {', '.join(self.after.builds)}"

    def __getitem__(self, name: str) -> pd.DataFrame:
        """The table that the node had after that run, as a pandas frame.

        Raises:
            SelectionError: It had none, or its build is not kept any more.
        """
        graph = Graph(self.runner.manifest, self.runner.kinds)
        bare = [node_id for node_id in self.after.builds if name in (node_id, node_id.partition(".")[2])]
        node_id = bare[0] if len(bare) == 1 else resolve(graph, name)
        if node_id in graph.index and is_view(graph.nodes[graph.index[node_id]]):
            raise SelectionError(f"{node_id} is a view", why="it keeps no rows", remedy="read what it reads")
        if node_id not in graph.index and (now := self.after.renamed.get(node_id)):
            raise SelectionError(f"{node_id} was called {now} by then", remedy=f"read {now}")
        made = self.after.builds.get(node_id)
        if made is None:
            raise SelectionError(f"{node_id} had no build after the run {self.run_id}", remedy=f"one of {self!r}")
        build = self.runner.outputs.find(node_id, made[0])
        if build is None or build.path is None or build.identity != made[1]:
            why = "it has no table, or it was made once more under the same key, or clean took it away"
            raise SelectionError(
                f"the build of {node_id} of then is not kept", why=why, remedy="clean --keep N keeps N a node"
            )
        self.runner.outputs.bring({build.path.parent / file.name: file for file in build.files})
        with self.runner.engine.get().session({node_id: build.relation()}) as session:
            frame: pd.DataFrame = session.query(f"SELECT * FROM {quote(node_id)}")
        return frame
