"""Show what commands give: a run in one output that is updated in place, everything else as it shows itself."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from IPython.display import display

from seeknal_nb.draw import Picture
from seeknal_nb.errors import UsageError
from seeknal_nb.markup import cut, esc_html, esc_term
from seeknal_nb.showing import Drawing
from seeknal_nb.workflow.events import ExecutionSummary, NodeFinished, NodeStarted, RunFinished, RunStarted
from seeknal_nb.workflow.plan import Action

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from seeknal_nb.project import Project

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


def show_run(things: Iterable[Any], project: Project) -> ExecutionSummary | None:
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
        if live is not None:
            live.show()
    return summary


class _Live:
    """One output: the graph in its colours, and a line that tells how far the run is."""

    def __init__(self, started: RunStarted, project: Project) -> None:
        self._steps = {step.node_id: step for step in started.plan.steps}
        self._picture = _picture(project, self._steps)
        self._index = {mark.id: at for at, mark in enumerate(self._picture.marks)}
        self._title = project.manifest.metadata.project
        self._began = self._shown = time.monotonic()
        self._done, self._todo = 0, len(started.plan.runs)
        self._now, self._over = "", False
        self._failures: list[str] = []
        self._handle = display(self._bundle(), raw=True, display_id=True)

    def take(self, event: object) -> None:
        """Note an event; show it now, or with the next ones."""
        if isinstance(event, NodeStarted):
            self._now = event.node_id
            self._mark(event.node_id, "running", "")
        elif isinstance(event, NodeFinished):
            self._finish(event)
        elif isinstance(event, RunFinished):
            self._over = True
        if time.monotonic() - self._shown >= PERIOD:
            self.show()

    def show(self) -> None:
        """Update the output."""
        self._handle.update(self._bundle(), raw=True)
        self._shown = time.monotonic()

    def _finish(self, event: NodeFinished) -> None:
        result = event.result
        rows = [] if result.row_count is None else [f"{result.row_count:,} rows"]
        took = [f"{result.duration:.2f} s"] if result.attempts else []
        self._mark(result.node_id, str(result.status), " · ".join([*rows, *took]))
        step = self._steps[result.node_id]
        self._done += step.action is Action.RUN and result.status in ("success", "cached", "failed")
        if result.status == "failed":
            self._failures.append(f"{result.node_id}: {cut(result.error_message or '', 500)}")
        printed = result.metadata.get("output")
        if printed:
            self._failures.append(f"{result.node_id} printed: {cut(printed.strip(), 500)}")

    def _mark(self, node_id: str, status: str, detail: str) -> None:
        at = self._index[node_id]
        marks = list(self._picture.marks)
        marks[at] = replace(marks[at], status=status, detail=detail or marks[at].detail)
        self._picture = replace(self._picture, marks=tuple(marks))

    def _line(self) -> str:
        seconds = time.monotonic() - self._began
        if self._over:
            return f"{self._done} of {self._todo} done in {seconds:.1f} s"
        return f"{self._done} of {self._todo} done, {seconds:.1f} s · {self._now}"

    def _bundle(self) -> dict[str, str]:
        drawn = self._over or len(self._index) <= DRAWN
        svg = Drawing(self._picture, self._title).to_svg() if drawn else ""
        notes = "".join(f"<pre>{esc_html(text)}</pre>" for text in self._failures)
        text = "\n".join(esc_term(line) for line in (self._line(), *self._failures))
        return {"text/plain": text, "text/html": f"<div>{svg}<div>{esc_html(self._line())}</div>{notes}</div>"}


def _picture(project: Project, steps: dict[str, Any]) -> Picture:
    picture = project.graph().picture
    marks = [replace(mark, status=_before(steps[mark.id]), detail="") for mark in picture.marks]
    return Picture(tuple(marks), picture.edges)


def _before(step: Any) -> str:
    return {Action.CACHED: "cached", Action.SKIP: "skipped"}.get(step.action, "pending")
