"""Show what commands give: a run in one output that is updated in place, everything else as it shows itself."""

from __future__ import annotations

import contextvars
import threading
import time
from typing import TYPE_CHECKING, Any

from IPython import get_ipython
from IPython.display import display

from seeknal_nb.errors import UsageError
from seeknal_nb.markup import cut, esc_html, esc_term, plural
from seeknal_nb.showing import Drawing
from seeknal_nb.workflow.events import ExecutionSummary, NodeFinished, NodeStarted, RunStarted
from seeknal_nb.workflow.plan import Action

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Generator, Iterable

    from seeknal_nb.project import Project
    from seeknal_nb.workflow.events import NodeResult
    from seeknal_nb.workflow.plan import Step

__all__ = ["show_run", "show_text", "value_of"]

PERIOD = 0.1
"""Seconds between two updates: an update costs a kernel 0.4 ms, a reader sees ten a second as live."""
DRAWN = 150
"""Above this many nodes the graph is drawn at the end only."""


def show_text(text: str) -> None:
    """A help text, as it is."""
    display({"text/plain": text, "text/html": f"<pre>{esc_html(text)}</pre>"}, raw=True)


def value_of(things: Iterable[Any], options: argparse.Namespace) -> Any:
    """The last thing of a command, which the notebook shows where the line stands alone."""
    last = next(reversed(list(things)), None)
    form = getattr(options, "format", "text")
    if form == "text" or last is None:
        return last
    if form == "json" and hasattr(last, "to_dict"):
        return last.to_dict()
    if not isinstance(last, Drawing):
        raise UsageError(f"no format {form!r} here", remedy="--format text or json")
    return last.to(form)


def show_run(things: Generator[Any], project: Project) -> ExecutionSummary | None:
    """Follow a run in one output; gives its summary, which the caller's notebook shows."""
    live, summary = None, None
    try:
        for thing in things:
            if isinstance(thing, RunStarted):
                live = _Live(thing, project)
            elif isinstance(thing, ExecutionSummary):
                summary = thing
            elif live is not None:
                live.take(thing)
            else:
                display(thing)
    finally:
        things.close()
        if live is not None:
            live.end()
    return summary


class _Live:
    """One output: the graph in its colours, and a line that tells how far the run is."""

    def __init__(self, started: RunStarted, project: Project) -> None:
        self._project = project
        self._steps = {step.node_id: step for step in started.plan.steps}
        self._looks = {node_id: (_before(step), "") for node_id, step in self._steps.items()}
        self._began = self._shown = time.monotonic()
        self._done, self._todo, self._spared = 0, len(started.plan.runs), 0
        self._now: list[str] = []
        self._over = threading.Event()
        self._notes: list[str] = []
        self._lock = threading.Lock()
        self._handle = display(self._bundle(), raw=True, display_id=True)
        self._ticker = _ticker(self._tick)

    def take(self, event: object) -> None:
        """Note an event; it is shown with the next update."""
        with self._lock:
            if isinstance(event, NodeStarted):
                self._now.append(event.node_id)
                self._looks[event.node_id] = ("running", "")
            elif isinstance(event, NodeFinished):
                self._finish(event.result)
        if self._ticker is None and time.monotonic() - self._shown >= PERIOD:
            self._show()

    def end(self) -> None:
        """Show how it came out, for good."""
        self._over.set()
        if self._ticker is not None:
            self._ticker.join()
        self._show()

    def _tick(self) -> None:
        """Updates of a kernel come from a thread of their own: a node that runs for minutes still shows the time."""
        while not self._over.wait(2 * PERIOD):
            self._show()

    def _show(self) -> None:
        with self._lock:
            bundle = self._bundle()
        self._handle.update(bundle, raw=True)
        self._shown = time.monotonic()

    def _finish(self, result: NodeResult) -> None:
        if result.node_id in self._now:
            self._now.remove(result.node_id)
        rows = [] if result.row_count is None else [plural(result.row_count, "row")]
        took = [f"{result.duration:.2f} s"] if result.attempts else []
        self._looks[result.node_id] = (str(result.status), " · ".join([*rows, *took]))
        step = self._steps[result.node_id]
        self._done += step.action is Action.RUN and result.status in ("success", "cached", "failed")
        self._spared += step.action is Action.RUN and result.status == "cached"
        if result.status == "failed":
            self._notes.append(f"{result.node_id}: {cut(result.error_message or '', 500)}")
        self._notes += [f"! {result.node_id}: {cut(text, 500)}" for text in result.warnings]
        printed = result.metadata.get("output")
        if printed:
            self._notes.append(f"{result.node_id} printed: {cut(printed.strip(), 500)}")

    def _line(self) -> str:
        seconds = time.monotonic() - self._began
        if not self._over.is_set():
            return f"{self._done} of {self._todo} done, {seconds:.1f} s · {', '.join(self._now)}".rstrip(" ·")
        spared = f", {self._spared} not needed: inputs came out the same" if self._spared else ""
        return f"{self._done - self._spared} of {self._todo} run in {seconds:.1f} s{spared}"

    def _bundle(self) -> dict[str, str]:
        drawn = self._over.is_set() or len(self._looks) <= DRAWN
        svg = self._project.drawing(self._looks).to_svg() if drawn else ""
        notes = "".join(f"<pre>{esc_html(text)}</pre>" for text in self._notes)
        text = "\n".join(esc_term(line) for line in (self._line(), *self._notes))
        return {"text/plain": text, "text/html": f"<div>{svg}<div>{esc_html(self._line())}</div>{notes}</div>"}


def _ticker(tick: Callable[[], None]) -> threading.Thread | None:
    """A thread that updates a kernel's output, in this cell's context; a terminal would print each update anew."""
    shell = get_ipython()
    if not hasattr(shell, "kernel"):
        return None
    thread = threading.Thread(target=contextvars.copy_context().run, args=(tick,), name="seeknal-display")
    thread.start()
    return thread


def _before(step: Step) -> str:
    return {Action.CACHED: "cached", Action.SKIP: "skipped"}.get(step.action, "pending")
