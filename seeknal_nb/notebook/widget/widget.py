"""The widget: what the browser is told of one project's graph, and when. What a click does stands in ``actions``."""

from __future__ import annotations

import contextvars
import threading
import time
from typing import TYPE_CHECKING, Any, Final

import anywidget
import ipywidgets
import traitlets

from seeknal_nb.draw.assets import script, style
from seeknal_nb.draw.scene import edges_of, make_scene, nodes_of
from seeknal_nb.notebook.widget.actions import Actions
from seeknal_nb.notebook.widget.controls import Controls
from seeknal_nb.notebook.widget.live_log import EVERY, LiveLog
from seeknal_nb.workflow.events import RunFinished, RunStarted

if TYPE_CHECKING:
    from collections.abc import Callable

    from seeknal_nb.draw.scene import Scene
    from seeknal_nb.notebook.widget.watched import WatchedProject
    from seeknal_nb.workflow.events import Event

__all__ = ["GraphWidget"]

PERIOD: Final = 0.05
"""Seconds between two messages: a message costs a kernel 0.4 ms, and a screen shows twenty a second as live."""
LAST: Final = 2.0
WHOLE: Final = 1.0
"""Seconds after which all statuses are sent again: a page that was not ready yet has missed what came before."""


def _computed(give: Callable[[Any], Any]) -> traitlets.Any:
    """A trait for the browser whose value is computed whenever it is sent, as it is when a page is loaded again."""
    return traitlets.Any(None, allow_none=True).tag(sync=True, to_json=lambda _, widget: give(widget))


class GraphWidget(anywidget.AnyWidget):  # type: ignore[misc]
    """One project's graph, live. All who show it see the same widget; ``Project.widget`` makes it.

    Args:
        project: Has the nodes and their board.
        renew: Brings what the notebook keeps up to date.

    Attributes:
        stage: What is drawn where; ``staged`` counts how often that was another scene.
        selected: The numbers of the selected nodes, from the browser or from Python.
    """

    _esm = script("widget")
    _css = style()

    key = traitlets.Unicode().tag(sync=True)
    live = traitlets.Bool(default_value=True).tag(sync=True)
    selected = traitlets.List(traitlets.Int()).tag(sync=True)
    nodes = _computed(lambda widget: widget.told_nodes())
    edges = _computed(lambda widget: edges_of(widget.board.picture))
    scene = _computed(lambda widget: {**widget.stage.to_dict(), "version": widget.staged})
    snapshot = _computed(lambda widget: widget.board.snapshot())

    def __init__(self, project: WatchedProject, renew: Callable[[], None]) -> None:
        self.title = project.manifest.metadata.project
        self.board = project.board
        self._by, self._opened = "", frozenset[Any]()
        self._focus: int | None = None
        self._version, self.staged = self.board.version, 0
        self.stage: Scene = self._arranged()
        self._actions, self.live_log = Actions(project, self), LiveLog(self.board, self.send)
        self._box: ipywidgets.VBox | None = None
        self._project, self._ticker, self._sending = project, _Ticker(self), threading.RLock()
        self._renew = renew
        self._run: dict[str, Any] = {}
        super().__init__()
        self.controls = Controls(self._kinds, self._tags, project.workers)
        self.key, self.selected = self.model_id or "", self.board.selected
        self.on_msg(self._actions.receive)
        project.listeners.append(self.hear)
        if self.board.progress.mode:
            self._ticker.start()
        else:
            self.flush(whole=True)  # a run may have ended while the page was given the widget

    @traitlets.validate("selected")  # type: ignore[untyped-decorator]
    def _only_nodes(self, proposal: dict[str, Any]) -> list[int]:
        size = len(self.board.picture.marks)
        self.board.selected = [number for number in sorted(set(proposal["value"])) if 0 <= number < size]
        return self.board.selected

    @property
    def box(self) -> ipywidgets.VBox:
        """The graph, and below it the controls of a run's options."""
        if self._box is None:
            self._box = ipywidgets.VBox([self, self.controls.box])
        return self._box

    def told_nodes(self) -> dict[str, Any]:
        """The ``nodes`` of the browser, with the version of the graph, which its messages repeat."""
        return {**nodes_of(self.board.picture, self.title), "version": self.board.version}

    @property
    def boxed(self) -> bool:
        """Whether it is shown with its controls; marimo shows no boxes."""
        return self._box is not None

    def _kinds(self) -> list[str]:
        return sorted({mark.kind for mark in self.board.picture.marks})

    def _tags(self) -> list[str]:
        return sorted({tag for mark in self.board.picture.marks for tag in mark.tags})

    def hear(self, event: Event) -> None:
        """Tell of an event that the board has taken in. The display's own thread sends: what fails there fails no run."""
        if isinstance(event, RunStarted):
            self._ticker = _Ticker(self)
            self._ticker.start()
        self._ticker.wake.set()
        if isinstance(event, RunFinished):
            self._ticker.finish()

    def flush(self, *, whole: bool = False) -> None:
        """Send what has changed, or how all nodes stand; one message after the other, so that none is overtaken."""
        with self._sending:
            changes = self.board.changes()
            run = {**changes["run"], "elapsed": 0, "left": 0}
            if changes["d"] or run != self._run:
                self.send(changes)
                self._run = run
            if whole:
                self.send_state("snapshot")

    def redraw(self) -> None:
        """Send how all nodes stand, and the graph too where it has become another one."""
        with self._sending:
            if self._version == self.board.version:
                self.flush(whole=True)
                return
            self._version = self.board.version
            self._opened, self._focus = frozenset(), None
            self.stage = self._arranged()
            self.staged += 1
            self.selected = self.board.selected
            self.send_state(["nodes", "edges", "scene", "snapshot"])

    def renew(self) -> None:
        """Bring what the notebook keeps up to date, unless the widget was closed meanwhile."""
        if self.comm is not None:
            self._renew()

    def arrange(self, *, by: str, focus: int | None) -> None:
        """Show groups by ``kind``, ``tag`` or ``folder``, or all nodes; or only what is up- and downstream of one."""
        with self._sending:
            self._by, self._focus, self._opened = by, focus, frozenset()
            self._send_scene()

    def expand(self, key: Any) -> None:
        """Show the nodes of a group, by its key in the scene, one by one."""
        with self._sending:
            self._opened |= {key}
            self._send_scene()

    def _send_scene(self) -> None:
        self.stage = self._arranged()
        self.staged += 1
        self.send_state("scene")

    def _arranged(self) -> Scene:
        return make_scene(self.board.picture, by=self._by, opened=self._opened, focus=self._focus)

    def close(self) -> None:
        """Hear nothing more, and take the graph away wherever it is shown."""
        self._ticker.over.set()
        self._ticker.wake.set()
        if self.hear in self._project.listeners:
            self._project.listeners.remove(self.hear)
        self._actions.close()
        self.controls.close()
        if self._box is not None:
            _close(self._box)
        super().close()


def _close(widget: ipywidgets.DOMWidget) -> None:
    """With its layout: a box that still holds a closed widget breaks the page that asks for the state of all of them."""
    widget.layout.close()
    widget.close()


class _Ticker(threading.Thread):
    """Sends what the consumer's thread had no time to send: while a run goes on, in the context of its cell."""

    def __init__(self, widget: GraphWidget) -> None:
        super().__init__(name="seeknal-display", daemon=True)
        self.over, self.wake = threading.Event(), threading.Event()
        self._widget, self._context = widget, contextvars.copy_context()

    def run(self) -> None:
        """Until the run is over."""
        self._context.run(self._tick)

    def _tick(self) -> None:
        self._widget.redraw()
        whole = told = time.monotonic()
        while not self.over.is_set():
            self.wake.wait(EVERY)
            self.wake.clear()
            due = time.monotonic() - whole >= WHOLE
            whole = time.monotonic() if due else whole
            self._widget.flush(whole=due)
            if time.monotonic() - told >= EVERY:
                self._widget.live_log.tell()
                told = time.monotonic()
            self.over.wait(PERIOD)
        self._widget.flush(whole=True)
        self._widget.renew()

    def finish(self) -> None:
        """Send how it came out, and end; waits for it, so that a cell's last message is sent before the cell is done."""
        self.over.set()
        self.wake.set()
        self.join(LAST)
