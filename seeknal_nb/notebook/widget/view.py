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

__all__ = ["GraphView"]


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

    def select_nodes(self, selector: str) -> list[str]:
        """Select what a text of the selector grammar names; gives the ids."""

    def keep(self, shown: DisplayHandle) -> None:
        """Bring a drawing up to date when a run has ended."""


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
        """The ipywidget: the graph with the controls of a run's options below, to be put into a layout of your own."""
        return self.project.widget.box

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

    def show(self, *, text: str = "", notes: str = "") -> DisplayHandle:
        """Display the widget, where somebody may click it, and below it what the notebook keeps; gives the latter's handle.

        Two outputs, because JupyterLab shows an error, and nothing else of the output, for a widget whose kernel is gone.
        VS Code shows what else the output has, and an error where that is an empty text alone.
        """
        live = self.live()
        if live:
            display({"text/plain": "", "text/html": NOTHING, **live}, raw=True)
        return display(self.kept(text=text, notes=notes), raw=True, display_id=True)

    def kept(self, *, text: str = "", notes: str = "") -> dict[str, Any]:
        """The drawing, then ``text`` and ``notes``: for who opens the notebook without a kernel. A live widget hides it."""
        told = Drawing._repr_mimebundle_(self)
        lines = "".join(f'<pre style="{WRAPPED}">{esc_html(part)}</pre>' for part in (text, notes) if part)
        told["text/plain"] = "\n".join(filter(None, (told["text/plain"], text, notes)))
        told["text/html"] = f'<div class="{self._hidden_class()}">{told["text/html"]}{lines}</div>'
        return told

    def _hidden_class(self) -> str:
        return f"sk-kept-{self.project.widget.model_id}" if self.live() else "sk-kept"

    def live(self) -> dict[str, Any]:
        """The widget alone; empty where none can be shown."""
        if not (shows_more_than_text() and somebody_is_there()):
            return {}
        return {VIEW: {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}}

    def _ipython_display_(self) -> None:
        self.project.keep(self.show())

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        return {**self.live(), **Drawing._repr_mimebundle_(self)}

    def _display_(self) -> Any:
        """Marimo's protocol; it shows anywidgets, and no boxes of them."""
        return self.project.widget
