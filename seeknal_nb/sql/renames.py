"""A SQL body whose table has another name, and which is the same query. Nothing is executed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeknal_nb.markup import whole_word
from seeknal_nb.sql.holes import masked
from seeknal_nb.sql.names import tables_in
from seeknal_nb.sql.text import unquoted, words

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["renamed"]


def renamed(sql: str, means: Callable[[str], bool], node_id: str, new: str) -> str | None:
    """The text with the table's new name; None where a column is called by the whole id, as in ``transform.clean.id``.

    Where the body says the old name elsewhere, as in ``clean.id``, or the new one, the table keeps the old one as its
    alias: else columns would have other names, or the new name would stand for something else than before. It does so too
    where parameters are put in, which may say either.

    Args:
        sql: A body, as it is written.
        means: Whether a table's name is that of the node.
        node_id: The node's id.
        new: What its bare name becomes.
    """
    text, (kind, _, old) = masked(sql), node_id.casefold().partition(".")
    tables = [table for table in tables_in(text) if means(table.text)]
    others = [piece for piece in words(text) if not any(t.start <= piece.start < t.end for t in tables)]
    said = [unquoted(text[piece.start : piece.end]).casefold() for piece in others]
    if (kind, ".", old) in zip(said, said[1:], said[2:], strict=False):
        return None
    kept, name = bool({old, new.casefold()}.intersection(said)) or text != sql, whole_word(old)
    for table in reversed(tables):
        found = list(name.finditer(sql, table.start, table.end))
        if found:
            alias = f" AS {found[-1][0]}" if kept and not table.aliased else ""
            sql = f"{sql[: found[-1].start()]}{new}{sql[found[-1].end() : table.end]}{alias}{sql[table.end :]}"
    return sql
