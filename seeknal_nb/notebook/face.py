"""Show what commands give: a run as its live graph, in one output; everything else as it shows itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.display import display

from seeknal_nb.errors import UsageError
from seeknal_nb.markup import cut, esc_html, esc_term
from seeknal_nb.notebook.frontend import shows_more_than_text
from seeknal_nb.views.values import Drawing
from seeknal_nb.workflow.events import ExecutionSummary, NodeFinished, RunFinished, RunStarted
from seeknal_nb.workflow.plan import Plan
from seeknal_nb.workflow.report import event_lines, print_lines

if TYPE_CHECKING:
    import argparse
    from collections.abc import Generator, Iterable

    from seeknal_nb.notebook.project import Project
    from seeknal_nb.workflow.events import NodeResult

__all__ = ["show_run", "show_text", "value_of"]

STOPPED = "KeyboardInterrupt: the run was stopped; what is finished is kept"
NOTE = 500
"""Characters of an error, a warning or an output that stand below the graph; the panel has the whole."""


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
    output, summary = None, None
    project.board  # noqa: B018 - from now on it hears
    try:
        for thing in things:
            if isinstance(thing, RunStarted) and shows_more_than_text():
                output = _Output(project, thing.run_id)
            elif isinstance(thing, ExecutionSummary):
                summary = thing
            elif output is not None:
                output.take(thing)
            elif isinstance(thing, Plan):
                display(thing)
            elif not isinstance(thing, RunFinished):  # its summary is the value of the line
                print_lines(event_lines(thing))
    except KeyboardInterrupt as interrupt:
        interrupt._render_traceback_ = lambda: [STOPPED]  # type: ignore[attr-defined]
        raise
    finally:
        things.close()
        if output is not None:
            output.end()
    return summary


class _Output:
    """The live graph, and below it, for who opens the notebook later, how the run came out."""

    def __init__(self, project: Project, run_id: str) -> None:
        self._project = project
        self._notes: list[str] = []
        self._output = project.graph_now().show(text="running", run_id=run_id)

    def take(self, event: object) -> None:
        """Keep what should be read of a node; the graph hears of it by itself."""
        if isinstance(event, NodeFinished):
            self._notes += _notes(event.result)

    def end(self) -> None:
        """Keep how it came out."""
        notes = "\n".join(map(esc_term, self._notes))
        self._output.keep(self._project.graph_now(), text=str(self._project.board.progress), notes=notes)


def _notes(result: NodeResult) -> list[str]:
    failed = [f"{result.node_id}: {cut(result.error_message or '', NOTE)}"] if result.status == "failed" else []
    warned = [f"! {result.node_id}: {cut(text, NOTE)}" for text in result.warnings]
    printed = str(result.metadata.get("output") or "").strip()
    return [*failed, *warned, *([f"{result.node_id} printed: {cut(printed, NOTE)}"] if printed else [])]
