"""The options of the runs that clicks start, as ipywidgets controls; made when somebody first opens them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets as ipw

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Controls"]


class Controls:
    """A box that is empty until ``toggle``.

    Args:
        kinds: Gives the kinds of the nodes that there are.
        tags: Gives their tags.
        workers: How many nodes run at a time, unless somebody says otherwise.
    """

    def __init__(self, kinds: Callable[[], Sequence[str]], tags: Callable[[], Sequence[str]], workers: int) -> None:
        self._kinds, self._tags, self._workers = kinds, tags, workers
        self._made: dict[str, Any] = {}
        self.box = ipw.VBox([], layout=ipw.Layout(display="none"))

    def toggle(self) -> None:
        """Show the controls, or hide them; what was chosen counts in either case."""
        self._made = self._made or self._make()
        self._made["types"].options, self._made["tags"].options = tuple(self._kinds()), tuple(self._tags())
        if not self.box.children:
            made = self._made
            ticks = ipw.HBox([made[name] for name in ("full", "dry_run", "continue_on_error")])
            numbers = ipw.HBox([made["retry"], made["workers"]])
            self.box.children = (ticks, numbers, ipw.HBox([made["types"], made["tags"]]))
        self.box.layout.display = "none" if self.box.layout.display == "flex" else "flex"

    def chosen(self, *, named: bool) -> dict[str, Any]:
        """What was chosen, by the names in ``Request``; ``named`` nodes run anyway, so there is no "full"."""
        made = self._made
        if not made:
            return {}
        plain = {name: made[name].value for name in ("dry_run", "continue_on_error", "retry", "workers")}
        filters = {"node_types": list(made["types"].value) or None, "tags": list(made["tags"].value) or None}
        return {**plain, **filters, **({} if named else {"full": made["full"].value})}

    def told(self) -> str:
        """What was chosen, in words, for the controls may be hidden; empty where that is nothing."""
        made = self._made
        if not made:
            return ""
        ticks = [name.replace("_", " ") for name in ("full", "dry_run", "continue_on_error") if made[name].value]
        counts = [f"{made['retry'].value} retries"] if made["retry"].value else []
        filters = [f"{name}: {', '.join(made[name].value)}" for name in ("types", "tags") if made[name].value]
        chosen = [*ticks, *counts, *filters]
        return f"with the options {', '.join(chosen)}" if chosen else ""

    def close(self) -> None:
        """Take the controls, and all that ipywidgets made for them, away."""
        for widget in (*self.box.children, *self._made.values(), self.box):
            for part in (widget.layout, getattr(widget, "style", None), widget):
                if part is not None:
                    part.close()

    def _make(self) -> dict[str, Any]:
        wide = {"layout": ipw.Layout(width="max-content"), "indent": False}
        number = {"layout": ipw.Layout(width="180px")}
        several = {"rows": 4, "layout": ipw.Layout(width="260px")}
        return {
            "full": ipw.Checkbox(description="full: run all nodes, whatever their state", **wide),
            "dry_run": ipw.Checkbox(description="dry run: only show what would run", **wide),
            "continue_on_error": ipw.Checkbox(description="continue on error", **wide),
            "retry": ipw.BoundedIntText(0, min=0, max=100, description="retries", **number),
            "workers": ipw.BoundedIntText(self._workers, min=1, max=64, description="workers", **number),
            "types": ipw.SelectMultiple(description="types", **several),
            "tags": ipw.SelectMultiple(description="tags", **several),
        }
