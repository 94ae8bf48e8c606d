"""Things worth showing that a command gives: rows, a drawing, a node's table. Each shows itself as text and as HTML."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import UsageError, near
from seeknal_nb.markup import cut, esc_html, esc_term, json_value, plural, table
from seeknal_nb.storage.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pandas as pd

    from seeknal_nb.draw import Picture

__all__ = ["FORMATS", "Drawing", "Preview", "Rows"]

CELL = 60
COLUMNS = 100
FORMATS = ("svg", "html", "dot", "mermaid", "json")
LISTED = 500
"""Nodes in the table beside a drawing."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A small table: column names, rows of plain values, and a sentence above it."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...] = field(default=())

    def to_frame(self) -> pd.DataFrame:
        """The rows under their column names."""
        import pandas as pd  # noqa: PLC0415 - half a second, and only a notebook asks

        return pd.DataFrame(list(self.rows), columns=list(self.columns))

    def to_dict(self) -> dict[str, Any]:
        """``{"rows": [{column: value}]}``."""
        return {"rows": [dict(zip(self.columns, row, strict=True)) for row in self.rows]}

    def __str__(self) -> str:
        return "\n".join(
            [esc_term(self.title, one_line=True), *_aligned([self.columns, *self.rows])] if self.rows else [self.title]
        )

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        shown = table(self.columns, [[cut(_plain(v), 200) for v in row] for row in self.rows]) if self.rows else ""
        return {"text/plain": str(self), "text/html": f"<p>{esc_html(self.title)}</p>{shown}"}


def _short(value: object) -> object:
    """The value, or the beginning of what is long: text, bytes, a list."""
    if isinstance(value, (str, bytes, bytearray)):
        value = value[: CELL + 1]
    text = str(value)
    return cut(text, CELL) if len(text) > CELL else value


def _plain(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _aligned(rows: Sequence[Sequence[object]]) -> list[str]:
    cells = [[cut(esc_term(_plain(value), one_line=True), CELL) for value in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


@dataclass(frozen=True, slots=True)
class Drawing:
    """The graph of a pipeline, coloured by status; drawn without any program on the machine, but as PNG.

    Attributes:
        picture: Nodes and edges.
        title: Stands above it.
        details: Gives what the page shows of a node on a click, by the node's number; asked only when a page is made.
    """

    picture: Picture
    title: str = ""
    details: Callable[[], Mapping[int, dict[str, Any]]] | None = field(default=None, compare=False, repr=False)

    def to_svg(self) -> str:
        """A standalone SVG."""
        from seeknal_nb.draw import svg  # noqa: PLC0415 - only who draws needs it

        return svg(self.picture, title=self.title)

    def to_html(self) -> str:
        """One page to look around in, with the nodes' details; it loads nothing, and needs no kernel."""
        from seeknal_nb.draw import page  # noqa: PLC0415

        return page(self.picture, self.title, self.details() if self.details else None)

    def to_png(self) -> bytes:
        """A PNG.

        Raises:
            UsageError: Graphviz, which draws it, is not on this machine.
        """
        from seeknal_nb.draw import png  # noqa: PLC0415

        return png(self.picture)

    def to_dot(self) -> str:
        """The source that Graphviz reads."""
        from seeknal_nb.draw import dot  # noqa: PLC0415

        return dot(self.picture)

    def to_mermaid(self) -> str:
        """A Mermaid flowchart."""
        from seeknal_nb.draw import mermaid  # noqa: PLC0415

        return mermaid(self.picture)

    def to_json(self) -> str:
        """Nodes and edges as JSON."""
        from seeknal_nb.draw import graph_json  # noqa: PLC0415

        return graph_json(self.picture)

    def to(self, form: str) -> str:
        """The text of one of ``FORMATS``."""
        _check_form(form, FORMATS)
        text: str = getattr(self, f"to_{form}")()
        return text

    def save(self, path: str | Path) -> Path:
        """Write the drawing; the name's ending says how: .svg, .html, .png, .dot (.gv), .mermaid (.mmd), .json."""
        path = Path(path)
        form = {"gv": "dot", "mmd": "mermaid", "htm": "html"}.get(path.suffix[1:], path.suffix[1:])
        _check_form(form, (*FORMATS, "png"))
        write_atomic(path, self.to_png() if form == "png" else self.to(form).encode())
        return path

    def to_frame(self) -> pd.DataFrame:
        """A row for each node, in the picture's order: what a screen reader or a script wants of the drawing.

        Columns, all text: ``node_id``, ``kind``, ``status``, ``look``, which tells a warning from a success, and what has
        changed from what was never run, ``tags``, joined by commas, and ``detail``, rows and time.
        """
        import pandas as pd  # noqa: PLC0415 - half a second, and only a notebook asks

        return pd.DataFrame(list(self._rows()), columns=list(_NODE_COLUMNS), dtype=str)

    def _rows(self) -> Iterator[tuple[str, ...]]:
        return ((m.id, m.kind, m.status, m.look, ", ".join(m.tags), m.detail) for m in self.picture.marks)

    def __str__(self) -> str:
        from seeknal_nb.draw import legend  # noqa: PLC0415

        marks, edges = self.picture.marks, self.picture.edges
        return f"{self.title or 'pipeline'}: {plural(len(marks), 'node')}, {plural(len(edges), 'edge')} ({legend(marks)})"

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        drawn = self.to_svg()
        return {
            "text/plain": str(self),
            "text/html": self._html(drawn),
            "image/svg+xml": drawn,
            "text/vnd.mermaid": self.to_mermaid(),
        }

    def _html(self, drawn: str) -> str:
        """The SVG with a table of the nodes, for nbconvert and GitHub, which prefer HTML.

        As an image, for JupyterLab strips ``<svg>`` from the HTML of a notebook that it does not trust, but not its texts.
        """
        marks = self.picture.marks
        data = base64.b64encode(drawn.encode()).decode()
        image = f'<img alt="{esc_html(str(self))}" style="max-width:100%" src="data:image/svg+xml;base64,{data}">'
        rows = table(_NODE_COLUMNS, islice(self._rows(), LISTED))
        more = f"<p>{len(marks) - LISTED:,} more are left out here; to_frame() has them.</p>" if len(marks) > LISTED else ""
        return f"{image}<details><summary>{plural(len(marks), 'node')} as a table</summary>{rows}{more}</details>"


_NODE_COLUMNS = ("node_id", "kind", "status", "look", "tags", "detail")


def _check_form(form: str, forms: Sequence[str]) -> None:
    if form not in forms:
        raise UsageError(f"unknown format {form!r}", remedy=near(form, forms, what="format"))


@dataclass(frozen=True, slots=True)
class Preview:
    """The first rows of a node's stored table.

    Attributes:
        node_id: ``kind.name``.
        frame: The first rows.
        schema: (column, SQL type) in order.
        row_count: Rows of the whole table.
        before: Rows of the build before this one, where it is still there.
        metadata: What the kind told besides.
        note: What to know before reading it, as that the node failed since.
    """

    node_id: str
    frame: pd.DataFrame
    schema: tuple[tuple[str, str], ...]
    row_count: int | None
    before: int | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    note: str = ""

    def headline(self) -> str:
        """Rows, columns, the change since the build before, and the note."""
        rows = "a view" if self.row_count is None else plural(self.row_count, "row")  # all else is counted as it is built
        change = None if self.before is None or self.row_count is None else self.row_count - self.before
        since = "" if not change else f" ({change:+,} since the build before)"
        note = f" \u00b7 {self.note}" if self.note else ""
        return f"{self.node_id}: {rows}{since}, {plural(len(self.schema), 'column')}{note}"

    def to_dict(self) -> dict[str, Any]:
        """Schema, counts and rows as JSON has them."""
        rows = [json_value(row) for row in self.frame.to_dict("records")]
        schema = [{"name": name, "type": kind} for name, kind in self.schema]
        return {"node_id": self.node_id, "row_count": self.row_count, "schema": schema, "rows": rows}

    def to_frame(self) -> pd.DataFrame:
        """The first rows."""
        return self.frame

    def __str__(self) -> str:
        shown = self.frame.to_string(index=False, max_colwidth=CELL, max_cols=COLUMNS) if len(self.schema) else ""
        return f"{esc_term(self.headline(), one_line=True)}\n{esc_term(shown)}"

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        shown = self.frame.map(_short)  # to_html cuts nothing
        rows = esc_term(shown.to_html(index=False, border=0, max_cols=COLUMNS, classes="seeknal"))
        types = ", ".join(f"{name} {kind}" for name, kind in self.schema[:COLUMNS])
        head = f"<p>{esc_html(self.headline())}</p><p>{esc_html(types)}</p>"
        return {"text/plain": str(self), "text/html": f'{head}<div style="overflow-x:auto;white-space:nowrap">{rows}</div>'}
