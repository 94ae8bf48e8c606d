"""The widget: what the browser is told of one project's graph, and when. What a click does stands in ``actions``."""

from __future__ import annotations

import contextvars
import threading
import time
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

import anywidget
import traitlets

from seeknal_nb.draw.assets import script, style
from seeknal_nb.draw.scene import edges_of, make_scene, nodes_of
from seeknal_nb.notebook.widget.actions import Actions
from seeknal_nb.notebook.widget.live_log import EVERY, LiveLog
from seeknal_nb.notebook.widget.options import offered
from seeknal_nb.workflow.events import RunFinished, RunStarted
from seeknal_nb.workflow.history import number_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from seeknal_nb.draw.scene import Scene
    from seeknal_nb.notebook.widget.moment import Moment
    from seeknal_nb.notebook.widget.watched import WatchedProject
    from seeknal_nb.workflow.events import Event

__all__ = ["GraphWidget"]

PERIOD: Final = 0.05
"""Seconds between two messages: a message costs a kernel 0.4 ms, and a screen shows twenty a second as live."""
LAST: Final = 2.0
WHOLE: Final = 1.0
"""Seconds after which all statuses are sent again: a page that was not ready yet has missed what came before."""
GRAPH: Final = ("nodes", "edges", "scene", "snapshot")


def _computed(name: str, give: Callable[[Any], Any]) -> traitlets.Any:
    """A trait for the browser whose value is computed whenever it is sent, as it is when a page is loaded again."""

    def told(_: object, widget: GraphWidget) -> Any:
        return give(widget) if widget.past is None else widget.past[name]

    return traitlets.Any(None, allow_none=True).tag(sync=True, to_json=told)


@dataclass(frozen=True, slots=True)
class _Arrangement:
    """Groups by ``by``, of which some are opened, or what is up- and downstream of the node in ``focus``."""

    by: str = ""
    opened: frozenset[Any] = frozenset()
    focus: int | None = None


class Siblings(Protocol):
    """All graphs of one project, as far as one of them needs to know of the others."""

    def show_now(self, widget: GraphWidget) -> None:
        """Make this one the live one."""

    def renew(self, widget: GraphWidget) -> None:
        """Bring the drawing that the notebook keeps up to date, where this is the live one."""


class GraphWidget(anywidget.AnyWidget):  # type: ignore[misc]
    """One project's graph in one output: live, or as the last run in this output left it. ``Outputs`` makes it.

    Args:
        project: Has the nodes and their board.
        siblings: Know which graph is live.
        like: The one that was live before: this one shows the same groups.

    Attributes:
        stage: What is drawn where; ``staged`` counts how often that was another scene.
        selected: The numbers of the selected nodes, from the browser or from Python.
        frozen: Of one that is not live, the ``run`` that left it so (its number, 0 where none did), its ``id``, and when
            that was (``at``, in seconds since the epoch).
        past: What the browser is given of such a one; None of a live one.
    """

    _esm = script("widget")
    _css = style()

    key = traitlets.Unicode().tag(sync=True)
    live = traitlets.Bool(default_value=True).tag(sync=True)
    frozen = traitlets.Dict(default_value=None, allow_none=True).tag(sync=True)
    options = traitlets.List(traitlets.Dict()).tag(sync=True)
    selected = traitlets.List(traitlets.Int()).tag(sync=True)
    nodes = _computed("nodes", lambda widget: widget.told_nodes())
    edges = _computed("edges", lambda widget: edges_of(widget.board.picture))
    scene = _computed("scene", lambda widget: widget.told_scene())
    snapshot = _computed("snapshot", lambda widget: widget.board.snapshot())

    past: dict[str, Any] | None = None

    def __init__(self, project: WatchedProject, siblings: Siblings, like: GraphWidget | None = None) -> None:
        self.title = project.manifest.metadata.project
        self.board = project.board
        self.version, self.staged = self.board.version, 0
        same = like is not None and like.version == self.version
        self.arrangement: _Arrangement = like.arrangement if like is not None and same else _Arrangement()
        self.stage: Scene = like.stage if like is not None and same else self._arranged()
        self._actions, self.live_log = Actions(project, self), LiveLog(self.board, self.send)
        self._project, self._siblings = project, siblings
        self._ticker, self._sending = _Ticker(self), threading.RLock()
        self._run: dict[str, Any] = {}
        self._retiring = False
        self._left: deque[Moment] = deque(maxlen=2)
        super().__init__()
        self.options = offered(project.means.workers)
        self.key, self.selected = self.model_id or "", self.board.selected
        self.on_msg(self._actions.receive)
        self._follow()

    def _follow(self) -> None:
        """Hear what runs from now on, and tell what may have happened while the page was given the widget."""
        self._project.listeners.append(self.hear)
        if not self.board.progress.mode:
            self.flush(whole=True)
        elif not self._ticker.is_alive():
            self._ticker = _Ticker(self)
            self._ticker.start()

    @traitlets.validate("selected")  # type: ignore[untyped-decorator]
    def _only_nodes(self, proposal: dict[str, Any]) -> list[int]:
        if self.past is not None:  # it is of that page alone
            return [*proposal["value"]]
        size = len(self.board.picture.marks)
        self.board.selected = [number for number in sorted(set(proposal["value"])) if 0 <= number < size]
        return self.board.selected

    def told_nodes(self) -> dict[str, Any]:
        """The ``nodes`` of the browser, with the version of the graph, which its messages repeat."""
        return {**nodes_of(self.board.picture, self.title), "version": self.board.version}

    def told_scene(self) -> dict[str, Any]:
        """The ``scene`` of the browser, with its version, which messages about groups repeat."""
        return {**self.stage.to_dict(), "version": self.staged}

    def hear(self, event: Event) -> None:
        """Tell of an event that the board has taken in. The display's own thread sends: what fails there fails no run."""
        if self.past is not None:  # it was frozen while all were told
            return
        if isinstance(event, RunStarted):
            self._ticker = _Ticker(self)
            self._ticker.start()
        self._ticker.wake.set()
        if isinstance(event, RunFinished):
            if not self.board.progress.dry:
                self._left.append(self.board.stood(self.board.run_id))
            self._ticker.finish()
            if self._retiring:
                self.freeze()

    def retire(self) -> None:
        """Freeze when the run that goes on has ended; until then this is told once a second how all nodes stand."""
        self._retiring = True
        if not self.board.progress.mode:  # it has ended meanwhile
            self.freeze()

    def freeze(self, run_id: str = "") -> None:
        """Show from now on what the last run in this output left, but for ``run_id``, which has another output.

        Without such a run it is how the nodes stand, or stood before ``run_id`` began.
        """
        if self.past is not None:
            return
        begun = bool(run_id) and run_id == self.board.run_id
        left = [moment for moment in self._left if moment.run_id != run_id]
        moment = left[-1] if left else self.board.before if begun else self.board.stood()
        with self._sending:
            self._deafen()
            same = moment.version == self.version
            self.past = moment.told(self.title, self.told_scene() if same else None)
            number = number_of(self._project.runs_folder, moment.run_id) if moment.run_id else 0
            self.send_state("snapshot" if same else list(GRAPH))
            self.frozen = {"run": number, "id": moment.run_id, "at": moment.at}

    def thaw(self) -> None:
        """Be live again."""
        with self._sending:
            self._deafen()
            self._ticker = _Ticker(self)
            self._retiring, self.past = False, None
            self._arrange_anew()
            self.send_state(list(GRAPH))
            self.frozen, self.selected = None, self.board.selected
        self._follow()

    def show_now(self) -> None:
        """Be the live graph, instead of the one that is."""
        self._siblings.show_now(self)

    def _deafen(self) -> None:
        self._ticker.over.set()
        self._ticker.wake.set()
        if self.hear in self._project.listeners:
            self._project.listeners.remove(self.hear)

    def call(self) -> None:
        """Tell that something may have changed: a page that somebody sees asks for it."""
        self.send({"k": "stale"})

    def flush(self, *, whole: bool = False) -> None:
        """Send what has changed, or how all nodes stand; one message after the other, so that none is overtaken."""
        with self._sending:
            if self.past is not None:
                return
            if not self._retiring:  # else the changes are for the live one
                changes = self.board.changes()
                run = {**changes["run"], "elapsed": 0, "left": 0}
                if changes["d"] or run != self._run:
                    self.send(changes)
                    self._run = run
            if whole:
                self.send_state("snapshot")

    def redraw(self, *, whole: bool = True) -> None:
        """Send how all nodes stand, or what has changed; and the graph too where it has become another one."""
        with self._sending:
            if self.past is not None:
                return
            if self.version == self.board.version:
                self.flush(whole=whole)
                return
            self._arrange_anew()
            self.selected = self.board.selected
            self.send_state(list(GRAPH))

    def renew(self) -> None:
        """Bring what the notebook keeps up to date, unless the widget was closed meanwhile."""
        if self.comm is not None:
            self._siblings.renew(self)

    def arrange(self, *, by: str, focus: int | None) -> None:
        """Show groups by ``kind``, ``tag`` or ``folder``, or all nodes; or only what is up- and downstream of one."""
        self._send_scene(_Arrangement(by, focus=focus))

    def expand(self, key: Any) -> None:
        """Show the nodes of a group, by its key in the scene, one by one."""
        self._send_scene(replace(self.arrangement, opened=self.arrangement.opened | {key}))

    def _send_scene(self, arrangement: _Arrangement) -> None:
        with self._sending:
            self.arrangement = arrangement
            self.stage = self._arranged()
            self.staged += 1
            self.send_state("scene")

    def _arrange_anew(self) -> None:
        """Another graph: groups that were opened, and the focus, mean other nodes."""
        self.version = self.board.version
        self.arrangement = _Arrangement(self.arrangement.by)
        self.stage = self._arranged()
        self.staged += 1

    def _arranged(self) -> Scene:
        by, opened, focus = self.arrangement.by, self.arrangement.opened, self.arrangement.focus
        return make_scene(self.board.picture, by=by, opened=opened, focus=focus)

    def close(self) -> None:
        """Hear nothing more, and take the graph away wherever it is shown."""
        self._deafen()
        self._actions.close()
        self.layout.close()
        super().close()


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
        while not self.over.is_set() and self._widget.past is None:
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
        if self.ident is not None:
            self.join(LAST)
