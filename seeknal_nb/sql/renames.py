"""A SQL body whose table has another name, and which gives the same rows and columns as before. Nothing is executed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from seeknal_nb.sql.names import tables_in
from seeknal_nb.sql.text import masked, unquoted, words

if TYPE_CHECKING:
    from collections.abc import Callable

    from seeknal_nb.sql.names import Named

__all__ = ["renamed"]


def renamed(sql: str, means: Callable[[str], bool], old: str, new: str) -> str:
    """The text with the table's new name.

    Where the body says the old name elsewhere too, as in ``clean.id``, the table keeps it as its alias: the columns of
    ``SELECT clean FROM clean`` would have other names without.

    Args:
        sql: A body, as it is written.
        means: Whether a table's name is that of the node.
        old: The node's bare name.
        new: What it is called now.
    """
    text = masked(sql)
    tables = [table for table in tables_in(text) if means(table.text)]
    called = any(_says(text[piece.start : piece.end], old) and not _within(piece.start, tables) for piece in words(text))
    name = re.compile(rf"(?<!\w){re.escape(old)}(?!\w)", re.IGNORECASE)
    for table in reversed(tables):
        found = list(name.finditer(sql, table.start, table.end))
        if found:
            alias = "" if table.aliased or not called else f" AS {old}"
            sql = f"{sql[: found[-1].start()]}{new}{sql[found[-1].end() : table.end]}{alias}{sql[table.end :]}"
    return sql


def _says(piece: str, name: str) -> bool:
    return unquoted(piece).casefold() == name.casefold()


def _within(at: int, tables: list[Named]) -> bool:
    return any(table.start <= at < table.end for table in tables)
