"""What there is to see of a pipeline: its nodes, their tables, its runs. All of it was left by runs; nothing is computed."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from seeknal_nb.dag.diff import ManifestDiff
from seeknal_nb.dag.graph import Graph
from seeknal_nb.dag.manifest import Manifest
from seeknal_nb.errors import UsageError
from seeknal_nb.pipeline import Pipeline
from seeknal_nb.views.drawing import drawing_of
from seeknal_nb.views.listing import history_rows
from seeknal_nb.views.past import Past, after, compare_rows, run_named
from seeknal_nb.workflow.history import LAST, forgotten, newest_records, read_history, renames
from seeknal_nb.workflow.options import Selection

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import pandas as pd

    from seeknal_nb.dag.partitions import Span
    from seeknal_nb.views.details import Details
    from seeknal_nb.views.look import Look
    from seeknal_nb.views.values import Drawing, Preview, Rows
    from seeknal_nb.views.why import Causes, Whys
    from seeknal_nb.workflow.events import ExecutionSummary, NodeResult

__all__ = ["Shown", "manifest_of"]


class Shown(Pipeline):
    """A pipeline that can be looked at; what it was run with, and where its records lie, its subclass knows."""

    summary: ExecutionSummary | None = None

    @property
    @abstractmethod
    def runs_folder(self) -> Path:
        """Where the records of runs lie."""

    @abstractmethod
    def look(self, params: Mapping[str, object] | None = None, *, span: Span | None = None) -> Look:
        """A look at how the nodes stand, or at what a run of some partitions left."""

    def __getitem__(self, name: str) -> pd.DataFrame:
        """The stored table of a node as a pandas frame; computes nothing."""
        return self.look().table(name)

    def show(
        self, name: str, *, limit: int = 10, params: Mapping[str, object] | None = None, start: str | None = None,
        end: str | None = None, sample: int | None = None,
    ) -> Preview:  # fmt: skip
        """The first rows of a node's stored table, its schema and counts; computes nothing.

        Args:
            name: Which node, by its id or bare name.
            limit: How many rows.
            params: Values of ``{{ name }}``.
            start: As a run of some partitions was given it: what that left is shown, instead of the table of the whole.
            end: Likewise.
            sample: Likewise.
        """
        return self.look(params, span=Selection.of({"start": start, "end": end, "sample": sample}).span).preview(
            name, limit=limit
        )

    def status(self, *, params: Mapping[str, object] | None = None) -> Rows:
        """A row a node in topological order: how it last came out, and what a run would do now."""
        return self.look(params).status()

    def ls(self, selectors: Iterable[str] = ()) -> Rows:
        """A row a node in topological order: what it is and what it reads."""
        return self.look().nodes(selectors)

    def partitions(
        self, name: str, *, params: Mapping[str, object] | None = None, start: str | None = None, end: str | None = None,
        sample: int | None = None,
    ) -> Rows:  # fmt: skip
        """A row a partition of a node: what it is called, rows, bytes, and what the last build did with it; as ``show``.

        Raises:
            SelectionError: The node has none, or was never built.
        """
        return self.look(params, span=Selection.of({"start": start, "end": end, "sample": sample}).span).partitions(name)

    def details(self, name: str, *, rows: int = 10) -> Details:
        """All that is worth knowing of one node: definition, first rows, last error, log, history; computes nothing."""
        return self.look().details(name, rows=rows)

    def standing(self, *, params: Mapping[str, object] | None = None) -> dict[str, NodeResult]:
        """How each node stands now, by id in topological order: as it came out; PENDING, or FAILED, where it would run."""
        return self.look(params).standing(self.summary.results if self.summary else ())

    def graph(self, *, params: Mapping[str, object] | None = None) -> Drawing:
        """The graph, coloured by how each node stands now."""
        return self.drawing(self.standing(params=params))

    def drawing(self, results: Mapping[str, NodeResult]) -> Drawing:
        """The graph with these results in it, its nodes in topological order; a node that has none is pending."""
        return drawing_of(Graph(self.manifest, self.kinds), self.manifest.metadata.project, results, self.look)

    def compare(self, first: str | int = "-2", second: str | int = "last") -> Rows:
        """How the nodes stood after one run and after another, side by side: status, rows, seconds, checks, build, metrics.

        A run is named by its number, its id, a part of it, ``last`` or ``-2``; raises ``SelectionError`` where no one run is
        called so.
        """
        records, rest = read_history(self.runs_folder, most=None), forgotten(self.runs_folder)
        before, now = (after([*records, *rest], run_named(records, str(name))) for name in (first, second))
        return compare_rows(before, now, {one["old"] for one in renames(self.runs_folder)} - self.manifest.nodes.keys())

    def at(self, run: str | int) -> Past:
        """The tables as a run left them: ``project.at("-2")["clean"]`` is a frame of the build of then, if it is kept."""
        records, rest = read_history(self.runs_folder, most=None), forgotten(self.runs_folder)
        return Past(self.look().runner, after([*records, *rest], run_named(records, str(run)), renames(self.runs_folder)))

    def why(
        self, name: str | None = None, *, partition: str | None = None, params: Mapping[str, object] | None = None
    ) -> Causes | Whys:
        """Why a node runs, or last ran: what changed, old against new; without a name, of each node that would run.

        With a ``partition``, by its name as ``partitions`` has it: why that one was built last.
        """
        look = self.look(params)
        if partition is not None:
            if name is None:
                raise UsageError("a partition needs its node", remedy=f"why NODE --partition {partition}")
            return look.why_partition(name, partition)
        return look.why(name) if name is not None else look.whys()

    def history(self, *, limit: int = 20) -> Rows:
        """A row a run, the newest first."""
        return history_rows(read_history(self.runs_folder, most=limit))

    def diff(self, old: Manifest | str | Path | None = None) -> ManifestDiff:
        """What differs from the last run that finished, or from another manifest."""
        path = self.runs_folder / LAST
        if old is None:
            old = Manifest.load(path) if path.is_file() else Manifest()
        return ManifestDiff.compare(manifest_of(old), self.manifest)

    def nodes_before(self) -> int:
        """How many nodes the last run in this folder had; 0 where there was none."""
        last = next(newest_records(self.runs_folder), None)
        return int(last["totals"].get("total", 0)) if last is not None else 0


def manifest_of(given: Manifest | str | Path) -> Manifest:
    """The manifest itself, or that of the file."""
    return given if isinstance(given, Manifest) else Manifest.load(given)
