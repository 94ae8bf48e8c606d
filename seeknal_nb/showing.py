"""Things worth showing that a command gives: rows, a drawing, a node's table. Each shows itself as text and as HTML."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import UsageError, near
from seeknal_nb.files import write_atomic
from seeknal_nb.markup import cut, esc_html, esc_term, json_value, plural, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from seeknal_nb.draw import Picture

__all__ = ["FORMATS", "Drawing", "Preview", "Rows"]

CELL = 60
COLUMNS = 100
FORMATS = ("svg", "dot", "mermaid", "json")


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
    """The graph of a pipeline, coloured by status; drawn without any program on the machine."""

    picture: Picture
    title: str = ""

    def to_svg(self) -> str:
        """A standalone SVG."""
        from seeknal_nb.draw import svg  # noqa: PLC0415 - only who draws needs it

        return svg(self.picture, title=self.title)

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
        if form not in FORMATS:
            raise UsageError(f"unknown format {form!r}", remedy=near(form, FORMATS, what="format"))
        text: str = getattr(self, f"to_{form}")()
        return text

    def save(self, path: str | Path) -> Path:
        """Write the drawing; the name's ending says how: .svg, .dot, .mermaid (.mmd), .json."""
        path = Path(path)
        form = {"gv": "dot", "mmd": "mermaid"}.get(path.suffix[1:], path.suffix[1:])
        write_atomic(path, self.to(form).encode())
        return path

    def __str__(self) -> str:
        from seeknal_nb.draw import legend  # noqa: PLC0415

        marks, edges = self.picture.marks, self.picture.edges
        return f"{self.title or 'pipeline'}: {plural(len(marks), 'node')}, {plural(len(edges), 'edge')} ({legend(marks)})"

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/plain": str(self), "image/svg+xml": self.to_svg(), "text/vnd.mermaid": self.to_mermaid()}


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
    """

    node_id: str
    frame: pd.DataFrame
    schema: tuple[tuple[str, str], ...]
    row_count: int | None
    before: int | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    def headline(self) -> str:
        """Rows, columns, and the change since the build before."""
        rows = "rows" if self.row_count is None else plural(self.row_count, "row")
        change = None if self.before is None or self.row_count is None else self.row_count - self.before
        since = "" if change is None else f" ({change:+,} since the build before)"
        return f"{self.node_id}: {rows}{since}, {plural(len(self.schema), 'column')}"

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
        import pandas as pd  # noqa: PLC0415 - it is there: it made the frame

        with pd.option_context("display.max_colwidth", CELL):
            rows = esc_term(self.frame.to_html(index=False, border=0, max_cols=COLUMNS, classes="seeknal"))
        types = ", ".join(f"{name} {kind}" for name, kind in self.schema[:COLUMNS])
        head = f"<p>{esc_html(self.headline())}</p><p>{esc_html(types)}</p>"
        return {"text/plain": str(self), "text/html": f'{head}<div style="overflow-x:auto;white-space:nowrap">{rows}</div>'}
