"""Delimited text: every field of every line as a text, by one strict reading in which nothing is guessed or left out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import DiskRefuses, NodeError
from seeknal_nb.kinds.sources.heads import Head, look, words_for_null
from seeknal_nb.markup import cut, plural, some
from seeknal_nb.sql.faults import unplaced
from seeknal_nb.sql.text import column, exactly, literal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from seeknal_nb.kinds.task import Task

__all__ = ["FILE", "Delimited", "explained", "of_delimited", "uneven", "unreadable"]

FILE = "seeknal_file"
"""A column of the files' names, for errors' texts; it is not stored."""
OURS = frozenset({
    "all_varchar", "auto_detect", "auto_type_candidates", "column_names", "column_types", "columns", "comment",
    "date_format", "dateformat", "decimal_separator", "delim", "dtypes", "escape", "files_to_sniff", "header", "names",
    "new_line", "normalize_names", "nullstr", "quote", "sample_size", "sep", "skip", "thousands", "timestamp_format",
    "timestampformat", "types", "union_by_name",
})  # fmt: skip
"""Options that are answered here. The reader finds line ends itself; told of others than there are, 2.0 gives no rows."""
FIXED = {"strict_mode": True, "null_padding": False, "allow_quoted_nulls": False}
"""What the reader must not pass over, unless an option asks for it. ``""`` is an empty text, nothing at all is a null."""
UNEVEN = (
    "delimiter and quote say how it is written, skip: N what stands above the table, comment: '#' which lines are no rows; "
    "null_padding: true fills short rows up, ignore_errors: true leaves bad ones out"
)
REMEDIES = (
    (
        "unterminated quote",
        "a quoted field does not end as it must",
        "quote: '' where quotes mean nothing, or escape: '\\' where it stands before them",
    ),
    (
        "invalid state",
        "the file mixes line ends",
        "write it with one kind; strict_mode: false reads all kinds, but drops fields beyond the last column",
    ),
    ("Maximum line size", "a line is longer than the reader takes", "max_line_size: N, in bytes"),
    ("not utf-8 encoded", "the file is not UTF-8", "encoding: latin-1, or save it as UTF-8"),
)
"""What DuckDB says of a file, what that is, and the options that read it."""


@dataclass(frozen=True, slots=True)
class Delimited:
    """A SELECT of all fields as texts, the columns of the files, types that options name, and what is to be told."""

    sql: str
    names: tuple[str, ...]
    types: Mapping[str, str]
    told: tuple[str, ...]


def of_delimited(task: Task, paths: Sequence[Path], options: Mapping[str, Any], declared: Collection[str]) -> Delimited:
    """How the files are read: those that are written alike by one reader, all joined by the names of their columns.

    Raises:
        NodeError: A file is packed or coded in another way than it says.
    """
    looked = [(path, _named(task, path, look(path, options, declared), options)) for path in paths]
    heads = [head for _, head in looked]
    alike = groupby(
        (one for one in looked if one[1].names), key=lambda one: (one[1].delimiter, one[1].names, one[1].header, one[1].skip)
    )
    selects = []
    for _, group in alike:
        files, (head, *_) = zip(*group, strict=True)
        selects.append(_select(files, head, options, located=len(paths) > 1))
    by_place = options.get("union_by_name") is False
    names = tuple(dict.fromkeys(name for head in heads[: 1 if by_place else None] for name in head.names))
    strangers = [] if by_place else _strangers(looked)
    told = [*(text for head in heads for text in head.told), *strangers]
    shown = [*told[:3], *([f"{len(told) - 3} more of this kind"] if len(told) > 3 else [])]  # noqa: PLR2004
    shown += uneven([(path.name, head.names) for path, head in looked], names, options) if not strangers else []
    return Delimited(
        f" UNION ALL {'' if by_place else 'BY NAME '}".join(selects), names, types_named(names, options), tuple(shown)
    )


def uneven(files: Iterable[tuple[str, Sequence[str]]], names: Iterable[str], options: Mapping[str, Any]) -> list[str]:
    """A warning of columns that not all files have: one that is spelled in two ways is half empty twice.

    Args:
        files: Each with its columns; one that has none counts for nothing.
        names: All columns.
        options: Where ``union_by_name`` is said, somebody knows.
    """
    if "union_by_name" in options:
        return []
    have = [(file, {name.casefold() for name in columns}) for file, columns in files if columns]
    without = {name: [file for file, own in have if name.casefold() not in own] for name in names}
    odd = [f"{name!r} not in {cut(', '.join(files), 60)}" for name, files in without.items() if files]
    told = f"not all files have all columns, and null stands there: {some(odd, 3)} (union_by_name: true says so)"
    return [told] if odd else []


def _strangers(looked: Sequence[tuple[Path, Head]]) -> list[str]:
    """A warning of each file that has none of the first one's columns, as one has whose first row was taken for names."""
    (first, known), *others = [one for one in looked if one[1].names] or looked
    own = {name.casefold() for name in known.names}
    return [
        f"{path.name} has none of the columns of {first.name}, but {', '.join(head.names[:5])}"
        for path, head in others
        if head.header and head.names and own.isdisjoint(map(str.casefold, head.names))
    ]


def _select(files: Sequence[Path], head: Head, options: Mapping[str, Any], *, located: bool) -> str:
    quote = options.get("quote", '"')
    given: dict[str, Any] = {
        **FIXED,
        "auto_detect": False,
        "header": head.header,
        "skip": head.skip,
        "delim": head.delimiter,
        "quote": quote,
        "escape": options.get("escape", quote),
        "comment": options.get("comment") or "",
        **({"filename": FILE} if located and not options.get("filename") else {}),
        **{name: value for name, value in options.items() if name not in OURS},
    }
    words = words_for_null(options)
    if "allow_quoted_nulls" in options and words:
        given["nullstr"] = [*words, ""]
        words = []
    columns = "{" + ", ".join(f"{literal(name)}: 'VARCHAR'" for name in head.names) + "}"
    arguments = ", ".join(f"{name} = {literal(value)}" for name, value in given.items())
    nulls = ", ".join(
        f"CASE WHEN {column(name)} IN ({', '.join(map(literal, words))}) THEN NULL ELSE {column(name)} END AS {column(name)}"
        for name in head.names
    )
    shown = f"* REPLACE ({nulls})" if words else "*"
    paths = literal([exactly(str(file)) for file in files])
    return f"SELECT {shown} FROM read_csv({paths}, {arguments}, columns = {columns})"


def _named(task: Task, path: Path, head: Head, options: Mapping[str, Any]) -> Head:
    """The head with the names that DuckDB makes of its own, where ``normalize_names`` asks for that."""
    if not options.get("normalize_names") or not head.header:
        return head
    arguments = {"delim": head.delimiter, "skip": head.skip, "header": True, "all_varchar": True, "normalize_names": True}
    told = ", ".join(f"{name} = {literal(value)}" for name, value in arguments.items())
    found = task.engine.describe(f"SELECT * FROM read_csv({literal(exactly(str(path)))}, {told}, hive_partitioning = false)")
    return Head(head.delimiter, tuple(name for name, _ in found), head.header, head.skip, head.told)


def types_named(names: Sequence[str], options: Mapping[str, Any]) -> dict[str, str]:
    """The types that the options name, by column."""
    given: Any = next((options[key] for key in ("columns", "types", "dtypes", "column_types") if options.get(key)), {})
    if isinstance(given, dict):
        return {str(name): str(kind) for name, kind in given.items()}
    return dict(zip(names, map(str, given), strict=False))


def explained(error: NodeError, options: Mapping[str, Any]) -> NodeError:
    """DuckDB's error about a file, with the option that reads it."""
    if isinstance(error, DiskRefuses):
        return error
    line = re.search(r"CSV Error on Line: (\d+)\n(?:Original Line: ?(.*)\n)?", error.why)
    file = re.search(r"^\s*file = (.*)$", error.why, re.MULTILINE)
    width = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", error.why)
    where = file[1] if file else ""
    where = f"line {line[1]} of {where}: {(line[2] or '')[:200]!r}" if line else where
    if width:
        what = f"a row has {plural(int(width[2]), 'field')}, and the table {width[1]}"
        return NodeError(what, why=where, remedy=UNEVEN)
    found = next(((what, remedy) for part, what, remedy in REMEDIES if part in error.why), None)
    if found and options.get("strict_mode") is not False:
        return NodeError(found[0], why=where, remedy=found[1])
    return unreadable(error)


def unreadable(error: NodeError) -> NodeError:
    """DuckDB's error about a file, as an error about a file."""
    if isinstance(error, DiskRefuses):
        return error
    return NodeError("the file cannot be read", why=unplaced(error.why)[:600], remedy="mend it, or the options under params")
