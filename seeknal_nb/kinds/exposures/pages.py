"""Pages that need nothing but themselves: rows, texts and drawings as one HTML file, everything in it escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeknal_nb.kinds.exposures.writers import Rows, batches, projected
from seeknal_nb.markup import Markup, esc_html, table
from seeknal_nb.sql.types import is_nested, is_number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seeknal_nb.kinds.task import Task

__all__ = ["MOST_ROWS", "is_page", "page", "section", "text_of"]

MOST_ROWS = 10_000
"""Of one table on a page: a browser takes seconds for more."""
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 75em; margin: 2em auto; padding: 0 1em }
table { border-collapse: collapse; margin: 1em 0; font-variant-numeric: tabular-nums }
th, td { border: 1px solid #ddd; padding: .25em .6em; vertical-align: top }
th { background: #f4f4f4; position: sticky; top: 0 }
pre, code { background: #f6f6f6 } pre { padding: .8em; overflow: auto }
img, svg { max-width: 100%; height: auto }
.note { color: #666 }
"""


def page(title: str, parts: Iterable[str]) -> str:
    """A whole page; the parts are HTML already."""
    body = "\n".join(parts)
    return (
        f'<!DOCTYPE html>\n<html>\n<head>\n<meta charset="utf-8">\n<title>{esc_html(title)}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{esc_html(title)}</h1>\n{body}\n</body>\n</html>\n"
    )


def is_page(text: str) -> bool:
    """Whether a text is a whole HTML page by itself."""
    return text.lstrip()[:15].casefold().startswith(("<!doctype html", "<html"))


def text_of(text: str) -> str:
    """A text as HTML, from Markdown, whose own HTML is escaped: it may be a cell of somebody's data."""
    from markdown_it import MarkdownIt  # noqa: PLC0415 - only a report needs it

    return str(MarkdownIt("commonmark", {"html": False}).enable("table").render(text))


def section(task: Task, rows: Rows) -> tuple[str, list[str]]:
    """A table for a page, and a warning where not all of its rows are there."""
    shown = [[_shown(value) for value in row] for row in _rows(task, rows)]
    left = f"the page shows the first {MOST_ROWS:,} of {rows.count:,} rows" if rows.count > MOST_ROWS else ""
    note = left or f"{rows.count:,} row{'' if rows.count == 1 else 's'}"
    html = table([name for name, _ in rows.schema], shown, numbers=[name for name, kind in rows.schema if is_number(kind)])
    return f'{html}\n<p class="note">{note}</p>', [left] if left else []


def _rows(task: Task, rows: Rows) -> Iterable[tuple[str | None, ...]]:
    for batch in batches(task, projected(task, rows, _as_text, first=MOST_ROWS)):
        yield from zip(*(values.to_pylist() for values in batch.columns), strict=True)


def _as_text(kind: str, value: str) -> str:
    return f"CAST({f'to_json({value})' if is_nested(kind) else value} AS VARCHAR)"


def _shown(value: str | None) -> object:
    return Markup('<span class="note">NULL</span>') if value is None else value
