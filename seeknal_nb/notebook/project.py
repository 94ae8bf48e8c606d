"""The project as a notebook sees it: its graph is a live widget, and so is the handle of a run in the background."""

from __future__ import annotations

import contextlib
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import ManifestError, SeeknalError
from seeknal_nb.markup import plural
from seeknal_nb.notebook.frontend import shows_more_than_text
from seeknal_nb.notebook.widget.outputs import Outputs
from seeknal_nb.notebook.widget.watched import WatchedProject
from seeknal_nb.workflow.background import Background, BackgroundRun

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seeknal_nb.dag.manifest import Manifest
    from seeknal_nb.notebook.widget.progress import Progress
    from seeknal_nb.notebook.widget.view import GraphView, Output
    from seeknal_nb.notebook.widget.widget import GraphWidget
    from seeknal_nb.workflow.events import ExecutionSummary, NodeResult
    from seeknal_nb.workflow.request import Request

__all__ = ["LiveRun", "Project"]

SETTLED = 0.1
"""Seconds without a new node after which what is shown follows."""


class LiveRun(BackgroundRun):
    """A background run that shows itself as the project's graph, live."""

    def __init__(self, project: Project, request: Request, interrupt: Callable[[], None]) -> None:
        super().__init__(request, interrupt)
        self.project = project
        self._shown: Output | None = None

    def _ipython_display_(self) -> None:
        self._shown = self.project.graph_now().show(text=repr(self), run_id=self._begun())
        self.then(lambda _: self._keep())

    def _begun(self) -> str:
        """The run's id, as soon as the board has heard of it."""
        board = self.project.board
        goes_on = self.project.background.current is self and board.progress.mode and not board.progress.dry
        return self.run_id or (board.run_id if goes_on else "")

    def wait(self, timeout: float | None = None) -> ExecutionSummary | None:
        """See ``BackgroundRun.wait``; it also tells the notebook how the run came out.

        A front end that only executes, as nbclient, takes no update but from a cell that is running.
        """
        try:
            return super().wait(timeout)
        finally:
            self._keep()

    def _keep(self) -> None:
        if self._shown is not None and self.done and shows_more_than_text():
            self._shown.keep(self.project.graph_now(), text=repr(self))

    def _display_(self) -> object:
        return self.project.widget


class Project(WatchedProject):
    """See ``seeknal_nb.project.Project``; without a notebook it does the same."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.outputs = Outputs(self, self._renew)
        self._kept: Output | None = None
        self._due, self._seen = threading.Event(), self._traces()
        self._stale, self._following = threading.Event(), threading.Lock()
        self._follower: threading.Thread | None = None
        self._before: Progress | None = None
        self.background = Background(self.stream, self._engine.interrupt, partial(LiveRun, self))

    def check_nodes(self) -> None:
        """See ``seeknal_nb.project.Project.check_nodes``: in a notebook, cells define them."""
        if not self.manifest.nodes:
            before = self.nodes_before()
            raise ManifestError(
                "this notebook has defined no nodes yet",
                why=f"the last run here had {plural(before, 'node')}" if before else "",
                remedy="run the cells that define them, as %%seeknal transform NAME",
            )

    @property
    def widget(self) -> GraphWidget:
        """The live graph: that of the newest output, which shows how the nodes stand now."""
        return self.outputs.widget

    def new_widget(self, run_id: str = "") -> GraphWidget:
        """Another graph for an output of its own; the one that was live shows from now on what its last run left."""
        self._kept = None
        return self.outputs.new(run_id)

    def graph(self, *, params: Mapping[str, object] | None = None) -> GraphView:
        """The graph, coloured by how each node stands now; a notebook shows it live, and runs what is clicked."""
        self.board.look(params=params)
        self._redraw()
        return self.graph_now()

    def select_nodes(self, selector: str) -> list[str]:
        """See ``WatchedProject.select_nodes``; the graph shows it."""
        version = self.board.version
        found = super().select_nodes(selector)
        if self.board.version != version:
            self._redraw()
        if self.outputs.live is not None:
            self.outputs.live.selected = self.board.selected
        return found

    def graph_now(self) -> GraphView:
        """The graph as the widget shows it, without looking at the project again."""
        return self.drawing({result.node_id: result for result in self.board.results})

    def drawing(self, results: Mapping[str, NodeResult]) -> GraphView:
        """The graph with these results in it: a drawing that a notebook shows as the widget."""
        from seeknal_nb.notebook.widget.view import GraphView  # noqa: PLC0415 - only who draws needs it

        drawing = super().drawing(results)
        return GraphView(drawing, self)

    def _become(self, manifest: Manifest) -> None:
        super()._become(manifest)
        self._changed()

    def _changed(self) -> None:
        if self._board is not None:
            with self._following:
                self._before = self._board.progress
                self._stale.set()
                if self._follower is None:
                    self._follower = threading.Thread(target=self._follow, name="seeknal-follow", daemon=True)
                    self._follower.start()

    def _follow(self) -> None:
        """Look again once the cells have settled: a plan and a layout for each of many nodes would take minutes."""
        while self._follower is not None:
            self._stale.clear()
            if self._stale.wait(SETTLED):
                continue
            with contextlib.suppress(SeeknalError):  # what a node needs may come in a later cell
                self.board.look(again=self.board.progress is not self._before)  # a run has begun since
            self._redraw()
            with self._following:
                if not self._stale.is_set():
                    self._follower = None

    def cell_ended(self) -> None:
        """A cell may have changed a variable, a helper or a file: where somebody sees the graph, it is looked at again."""
        self._due.set()
        self._call()

    def _call(self) -> None:
        if self.outputs.live is not None and not self.board.progress.mode:
            self.outputs.live.call()

    def look_again(self) -> None:
        """Look how the nodes stand, if a cell has ended since the last time, or somebody else has run nodes here."""
        traces = self._traces()
        if self.board.progress.mode or not (self._due.is_set() or traces != self._seen):
            return
        self._seen = traces
        self._due.clear()
        with contextlib.suppress(SeeknalError):  # what a node needs may come in a later cell
            self.board.look(again=True)
        self._redraw(whole=False)

    def _traces(self) -> tuple[int, ...]:
        """When somebody last wrote state, or the record of a run, in this folder."""
        return tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in (self.runs_folder, self.state_folder))

    def keep(self, output: Output) -> None:
        """Bring the drawing that a notebook keeps up to date when a run has ended, as long as this output is the newest."""
        self._kept = output

    def _renew(self) -> None:
        if self._kept is not None:
            self._kept.keep(self.graph_now())
        if self._due.is_set():  # a cell has ended while it ran
            self._call()

    def _redraw(self, *, whole: bool = True) -> None:
        if self.outputs.live is not None:
            self.outputs.live.redraw(whole=whole)

    def close(self) -> None:
        """Stop what runs in the background, let go of the engine, and of the graphs."""
        super().close()
        self.outputs.close()
