"""A graph as a notebook shows it: the live widget where there is one, and a drawing for everywhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from IPython.display import DisplayHandle, display

from seeknal_nb.markup import esc_html
from seeknal_nb.notebook.frontend import shows_more_than_text, somebody_is_there
from seeknal_nb.views.values import Drawing

if TYPE_CHECKING:
    from seeknal_nb.notebook.widget.board import Board
    from seeknal_nb.notebook.widget.widget import GraphWidget

__all__ = ["GraphView", "Output"]


VIEW = "application/vnd.jupyter.widget-view+json"
NOTHING = "<span></span>"
WRAPPED = "white-space:pre-wrap;word-break:normal;overflow-wrap:anywhere"
"""A page of nbconvert would break a line within a word."""


class Shown(Protocol):
    """The project, as far as a view of its graph needs it."""

    @property
    def board(self) -> Board:
        """How the nodes stand."""

    @property
    def widget(self) -> GraphWidget:
        """The live graph."""

    def new_widget(self, run_id: str) -> GraphWidget:
        """Another graph for an output of its own, which is live from now on."""

    def select_nodes(self, selector: str) -> list[str]:
        """Select what a text of the selector grammar names; gives the ids."""

    def keep(self, output: Output) -> None:
        """Bring the drawing of an output up to date when a run has ended, as long as it is live."""


class GraphView(Drawing):
    """A drawing of how the nodes stood, which a notebook shows as the project's widget, live."""

    __slots__ = ("project",)
    project: Shown

    def __init__(self, drawing: Drawing, project: Shown) -> None:
        super().__init__(drawing.picture, drawing.title, drawing.details)
        object.__setattr__(self, "project", project)

    def __setattr__(self, name: str, value: Any) -> None:
        if name != "selected":
            raise AttributeError(f"{name!r} of a graph cannot be set; only what is selected can")
        self.select(*([value] if isinstance(value, str) else value))

    @property
    def widget(self) -> Any:
        """The live graph as an ipywidget, to be put into a layout of your own; where a newer one is shown, that is live."""
        return self.project.widget

    @property
    def selected(self) -> tuple[str, ...]:
        """The ids of what is selected in the widget, in topological order: ``project.run(nodes=graph.selected)``."""
        return tuple(self.project.board.ids(self.project.board.selected))

    @property
    def selector(self) -> str:
        """The selection as one text of the selector grammar, for ``%seeknal run --nodes ...``."""
        return " ".join(self.selected)

    def select(self, *terms: str) -> tuple[str, ...]:
        """Select in the widget what terms of the selector grammar name, as ``+clean`` or ``tag:core``; gives the ids.

        Raises:
            SelectionError: A term names nothing here; the selection stays as it was.
        """
        self.project.select_nodes(" ".join(terms))
        return self.selected

    def show(self, *, text: str = "", notes: str = "", run_id: str = "") -> Output:
        """Display a widget of its own, where somebody may click it, and below it what the notebook keeps.

        Two outputs, because JupyterLab shows an error, and nothing else of the output, for a widget whose kernel is gone.
        VS Code shows what else the output has, and an error where that is an empty text alone.

        Args:
            text: Said below the drawing.
            notes: Said below that.
            run_id: The run whose output it is, where that has begun.
        """
        widget = self.project.new_widget(run_id) if _is_clicked() else None
        if widget is not None:
            display({"text/plain": "", "text/html": NOTHING, **_bundle(widget)}, raw=True)
        return Output(display(self.kept(widget, text=text, notes=notes), raw=True, display_id=True), widget)

    def kept(self, widget: GraphWidget | None = None, *, text: str = "", notes: str = "") -> dict[str, Any]:
        """The drawing, then ``text`` and ``notes``: for who opens the notebook without a kernel. ``widget`` hides it."""
        told = Drawing._repr_mimebundle_(self)
        lines = "".join(f'<pre style="{WRAPPED}">{esc_html(part)}</pre>' for part in (text, notes) if part)
        told["text/plain"] = "\n".join(filter(None, (told["text/plain"], text, notes)))
        hidden = f"sk-kept-{widget.model_id}" if widget is not None else "sk-kept"
        told["text/html"] = f'<div class="{hidden}">{told["text/html"]}{lines}</div>'
        return told

    def _ipython_display_(self) -> None:
        self.project.keep(self.show())

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        return {**(_bundle(self.widget) if _is_clicked() else {}), **Drawing._repr_mimebundle_(self)}

    def _display_(self) -> Any:
        """Marimo's protocol."""
        return self.project.widget


class Output:
    """One output: a widget where somebody may click it, and the drawing that the notebook keeps."""

    def __init__(self, handle: DisplayHandle, widget: GraphWidget | None) -> None:
        self._handle, self.widget = handle, widget

    def keep(self, view: GraphView, *, text: str = "", notes: str = "") -> None:
        """Keep another drawing, and what is said below it."""
        self._handle.update(view.kept(self.widget, text=text, notes=notes), raw=True)


def _is_clicked() -> bool:
    """Whether a widget can be shown, to somebody."""
    return shows_more_than_text() and somebody_is_there()


def _bundle(widget: GraphWidget) -> dict[str, Any]:
    return {VIEW: {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}}
