"""The project as a notebook sees it: its graph is a live widget, and so is the handle of a run in the background."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import ManifestError, SeeknalError
from seeknal_nb.markup import plural
from seeknal_nb.notebook.frontend import shows_more_than_text
from seeknal_nb.notebook.widget.watched import WatchedProject
from seeknal_nb.workflow.background import Background, BackgroundRun

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from IPython.display import DisplayHandle

    from seeknal_nb.dag.manifest import Manifest
    from seeknal_nb.notebook.widget.view import GraphView
    from seeknal_nb.notebook.widget.widget import GraphWidget
    from seeknal_nb.workflow.events import ExecutionSummary, NodeResult
    from seeknal_nb.workflow.request import Request

__all__ = ["LiveRun", "Project"]

KEPT = 3
SETTLED = 0.1
"""Seconds without a new node after which what is shown follows."""


class LiveRun(BackgroundRun):
    """A background run that shows itself as the project's graph, live."""

    def __init__(self, project: Project, request: Request, interrupt: Callable[[], None]) -> None:
        super().__init__(request, interrupt)
        self.project = project
        self._shown: DisplayHandle | None = None

    def _ipython_display_(self) -> None:
        self._shown = self.project.graph_now().show(text=repr(self))
        self.then(lambda _: self._keep())

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
            self._shown.update(self.project.graph_now().kept(text=repr(self)), raw=True)

    def _display_(self) -> object:
        return self.project.widget


class Project(WatchedProject):
    """See ``seeknal_nb.project.Project``; without a notebook it does the same."""

    _widget: GraphWidget | None = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._kept: deque[DisplayHandle] = deque(maxlen=KEPT)
        self._stale, self._following = threading.Event(), threading.Lock()
        self._follower: threading.Thread | None = None
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
        """The one widget of this project; however often it is shown, it shows how the nodes stand now."""
        if self._widget is None:
            from seeknal_nb.notebook.widget.widget import GraphWidget  # noqa: PLC0415 - a quarter of a second

            self._widget = GraphWidget(self, self.renew)
        return self._widget

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
        if self._widget is not None:
            self._widget.selected = self.board.selected
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
                self.board.look()
            self._redraw()
            with self._following:
                if not self._stale.is_set():
                    self._follower = None

    def keep(self, shown: DisplayHandle) -> None:
        """Bring the drawing that a notebook keeps up to date when a run has ended; of the last few that were shown."""
        self._kept.append(shown)

    def renew(self) -> None:
        """Bring them up to date now."""
        kept = self.graph_now().kept() if self._kept else {}
        for shown in list(self._kept):
            shown.update(kept, raw=True)

    def _redraw(self) -> None:
        if self._widget is not None:
            self._widget.redraw()

    def close(self) -> None:
        """Stop what runs in the background, let go of the engine, and of the widget."""
        super().close()
        if self._widget is not None:
            self._widget.close()
            self._widget = None
