"""What an exposure has to deliver: the rows of a query, or what a body of Python gave, as rows, bytes or a report."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from seeknal_nb.engines.frames import is_frame
from seeknal_nb.errors import NodeError
from seeknal_nb.kinds.body import called, python_of, python_value, sql_body, sql_of
from seeknal_nb.kinds.exposures.charts import close, drawn, embedded, is_figure
from seeknal_nb.kinds.exposures.pages import page, section, text_of
from seeknal_nb.kinds.exposures.writers import Rows
from seeknal_nb.markup import esc_html
from seeknal_nb.sql.text import quote

if TYPE_CHECKING:
    from seeknal_nb.kinds.context import Context
    from seeknal_nb.kinds.exposures.targets import Target
    from seeknal_nb.kinds.task import Task

__all__ = ["Offer", "bytes_of", "offer_of", "report_of", "rows_of"]

WORDS = ("text", "html", "csv", "tsv", "json", "jsonl", "svg")
"""Formats that a text may be."""
AGAIN = (
    "this delivery is there already, and no rows were added: a delivery is known by its inputs and its definition; "
    "a column, as the day, tells two apart"
)
_TAG = re.compile(r"\s*<(?!\w[\w.+-]*:|[^\s<>]+@)[a-z/!?]", re.IGNORECASE)
"""What begins with a tag, not with an address that Markdown makes a link of."""
TAGGED = "a text that begins with a tag is shown as text: IPython.display.HTML(...) is HTML of your own"


@dataclass(slots=True)
class Offer:
    """A query, or a value and the context of the body that gave it; and what is told of the delivery."""

    query: str = ""
    value: object = None
    context: Context | None = None
    rows: int | None = None
    warnings: list[str] = field(default_factory=list)
    again: bool = False
    """Whether the same rows were added there before, so that none were added now."""

    @property
    def tabular(self) -> bool:
        """Whether it is rows."""
        return bool(self.query) or is_frame(self.value)

    @property
    def delivered(self) -> int | None:
        """How many rows there are more, or anew, at the target."""
        return 0 if self.again else self.rows

    def all_warnings(self) -> list[str]:
        """The warnings, with what the number of rows leaves open."""
        if self.again:
            return [*self.warnings, AGAIN]
        return [*self.warnings, *(["no rows: what was delivered has a header only"] if self.rows == 0 else [])]


def offer_of(task: Task, target: Target) -> Offer:
    """What is to be delivered; a body of Python runs now. Without a body it is the input, or a report's inputs."""
    if python_of(task.node):
        value, context = python_value(task)
        return Offer(value=value, context=context)
    text = sql_of(task.node)
    if text:
        return Offer(task.sql(text))
    if target.report and task.inputs:
        return Offer()
    return Offer(f"SELECT * FROM {task.only_input()}")


def rows_of(task: Task, offer: Offer, name: str = "rows") -> Rows:
    """The rows as a Parquet file of the stage; raises ``NodeError`` where a body of Python gave no table."""
    file = task.stage / f"{name}.parquet"
    if offer.query:
        with sql_body(task.node):
            table = task.engine.build(offer.query, file)
    elif is_frame(offer.value):
        table = task.engine.take(offer.value, file)
    else:
        raise NodeError(f"the body gave {_given(offer.value)}, not a table", remedy="return a frame")
    offer.rows = table.rows
    offer.warnings += table.warnings
    return Rows(file, table.rows, table.schema)


def bytes_of(task: Task, offer: Offer, target: Target) -> bytes:
    """What a body gave that is no table: bytes, a text or a figure."""
    value = offer.value
    if target.compression:
        raise NodeError("only rows are compressed", why=f"the body gave {_given(value)}", remedy="return a frame")
    if isinstance(value, bytes):
        return value
    if isinstance(value, str) and target.form in WORDS:
        return value.encode()
    if is_figure(value):
        return _drawn(task, offer, value, target.form, target.title)
    raise NodeError(
        f"the body gave {_given(value)}, which cannot be delivered as {target.form}",
        remedy="return a frame, text, bytes or a figure",
    )


def _given(value: object) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"


def _drawn(task: Task, offer: Offer, value: object, form: str, title: str) -> bytes:
    """A figure as bytes. What its library raises is the body's failure: it was the body that put the figure together."""
    assert offer.context is not None  # noqa: S101 - only Python gives a figure
    try:
        return cast(bytes, called(lambda: drawn(value, form, title), task, offer.context.out))
    finally:
        close(value)


def report_of(task: Task, offer: Offer, target: Target) -> bytes:
    """A page of texts, tables and figures in their order; without a body, of the inputs' tables."""
    if offer.query:
        parts = [_section(task, offer, Offer(offer.query), 0)]
    elif offer.context is None:
        parts = [
            f"<h2>{esc_html(name)}</h2>\n{_section(task, offer, Offer(f'SELECT * FROM {quote(name)}'), number)}"
            for number, name in enumerate(task.inputs)
        ]
    else:
        parts = [_part(task, offer, value, number) for number, value in enumerate(_listed(offer.value))]
    return page(target.title, parts).encode()


def _listed(value: object) -> list[object]:
    """The parts of a report: a list or tuple of them; but a list of records is one table."""
    if isinstance(value, tuple) or (isinstance(value, list) and not all(isinstance(one, dict) for one in value)):
        return list(value)
    return [value]


def _part(task: Task, offer: Offer, value: object, number: int) -> str:
    if isinstance(value, str):
        offer.warnings += [TAGGED] if _TAG.match(value) else []
        return text_of(value)
    if is_frame(value):
        return _section(task, offer, Offer(value=value), number)
    if is_figure(value):
        return embedded(value, lambda form: _drawn(task, offer, value, form, ""))
    raise NodeError(
        f"a report cannot show {_given(value)}", remedy="return Markdown, frames, figures or IPython.display.HTML, or a list"
    )


def _section(task: Task, offer: Offer, one: Offer, number: int) -> str:
    """A table of the report, whose rows and warnings are the report's."""
    html, left = section(task, rows_of(task, one, f"rows-{number}"))
    offer.warnings += left
    offer.rows = (offer.rows or 0) + (one.rows or 0)
    return html
