"""What the first lines of a text file tell: its packing, its coding, its delimiter, its columns' names. Reads no more."""

from __future__ import annotations

import csv
import gzip
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeknal_nb.engines.names import distinct, renamed
from seeknal_nb.errors import NodeError
from seeknal_nb.markup import plural

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

__all__ = ["Head", "check_bytes", "look", "sample_of", "words_for_null"]

SAMPLE, MOST = 1 << 16, 1 << 24
"""Bytes that are looked at, and how many at most where the first line is longer."""
ROWS = 1000
DELIMITERS = (",", ";", "\t", "|")
NONE = "\x1f"
"""A delimiter that no text holds: the unit separator of ASCII, for a file of one column."""
MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
CODECS = {"utf-8": "utf-8-sig", "utf8": "utf-8-sig"}
_VALUE = re.compile(
    r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ]\S.*)?|\d{1,2}:\d{2}\S*|true|false",
    re.IGNORECASE,
)
"""A number, a date, a time or a truth: a first line of such is no line of names."""


@dataclass(frozen=True, slots=True)
class Head:
    """How a delimited file is to be read.

    Attributes:
        delimiter: Between its fields.
        names: Of its columns, none of them twice.
        header: Whether its first line names them.
        skip: Lines above the first one that is read.
        told: What is not as everybody would expect it.
    """

    delimiter: str
    names: tuple[str, ...]
    header: bool
    skip: int
    told: tuple[str, ...] = ()


Rows = list[tuple[int, list[str]]]
"""Each row that is not blank, with the count of lines above it; the reader counts no comments."""


def look(path: Path, options: Mapping[str, Any], declared: Collection[str] = ()) -> Head:
    """How a file that is not empty is to be read, as its options and its first lines say.

    Args:
        path: The file.
        options: The reader's, as DuckDB spells them.
        declared: Names that its first line has if it has names at all.

    Raises:
        NodeError: It is packed or coded in another way than it says.
    """
    text = _decoded(path, sample_of(path, options), options)
    delimiter, rows = _divided(text, options)
    above = 0 if "skip" in options else _above(rows, delimiter)
    told = []
    if above:
        lost = ", ".join(repr(delimiter.join(fields)) for _, fields in rows[:above][:3])
        told.append(
            f"{plural(above, 'line')} above the table in {path.name} left out: {lost} (skip: {rows[above][0]} says so)"
        )
    skip, rows = rows[above][0] if rows else 0, rows[above:]
    first = rows[0][1] if rows else []
    nulls = words_for_null(options)
    header = _header([row for _, row in rows], options, declared, nulls)
    if rows and options.get("header") is None and header == _named(options):
        what = "names, and others are given" if header else "a row"
        shown = repr(delimiter.join(first))
        told.append(f"the first line of {path.name} is taken for {what}: {shown} (header: true or false says what it is)")
    width = max((len(row) for _, row in rows), default=0) if options.get("null_padding") else len(first)
    given = [*(field.strip() for field in first if header), *[None] * width][:width]
    names = distinct(given)
    if header and not _named(options):
        told += renamed(given, names, path.name)
    return Head(delimiter, tuple(_given_names(names, options)), header, skip, tuple(told))


def sample_of(path: Path, options: Mapping[str, Any]) -> bytes:
    """The file's first bytes, unpacked; whole lines, unless it has none.

    Raises:
        NodeError: It is packed, and neither its name nor its options say so; or it says so, and is not.
    """
    asked = str(options.get("compression") or "auto").casefold()
    ending = {".gz": "gzip", ".zst": "zstd"}.get(path.suffix.casefold(), "none")
    packed = ending if asked in ("auto", "auto_detect") else asked
    try:
        with _opened(path, packed) as file:
            found = _beginning(file)
    except (OSError, EOFError, ValueError) as error:
        remedy = "mend the file, or write compression: none" if packed == ending else "mend compression"
        raise NodeError("the file cannot be unpacked", why=f"{path}: {error}", remedy=remedy) from error
    really = next((name for magic, name in MAGIC.items() if found.startswith(magic)), None)
    if really:
        raise NodeError(f"the file is packed with {really}", why=f"{path} does not say so", remedy=f"compression: {really}")
    if found.startswith(b"PK\x03\x04"):
        raise NodeError(
            "the file is a zip or a workbook", why=str(path), remedy="unpack it, or name its format: source: xlsx"
        )
    return found


def _opened(path: Path, packed: str) -> Any:
    if packed == "gzip":
        return gzip.open(path)
    if packed == "zstd":
        import pyarrow as pa  # noqa: PLC0415 - 0.2 s, and Python 3.11 has no zstd

        return pa.input_stream(str(path), compression="zstd")
    return path.open("rb")


def _beginning(file: Any) -> bytes:
    found, size = bytearray(), SAMPLE
    while len(found) < MOST:
        more = file.read(size)
        found += more
        if not more:
            return bytes(found)
        if found.count(b"\n") + found.count(b"\r") > 1 and len(found) >= SAMPLE:
            break
        size = max(size, len(found))
    return bytes(found[: max(found.rfind(b"\n"), found.rfind(b"\r")) + 1])


def check_bytes(path: Path, data: bytes, encoding: str | None) -> None:
    """Refuse a coding that the reader would read as no rows, or as garbage; raises ``NodeError`` with the option."""
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data[:4]
    if wide and (data.startswith(b"\xfe\xff") or data[:1] == b"\0"):
        raise NodeError("the file is big-endian UTF-16", why=f"{path}: nothing here reads it", remedy="save it as UTF-8")
    if wide and not encoding:
        raise NodeError("the file is UTF-16", why=str(path), remedy="save it as UTF-8, or of a CSV say encoding: utf-16")
    if not wide and str(encoding or "").casefold().startswith("utf-16"):
        raise NodeError("the file is no UTF-16", why=str(path), remedy="take encoding away, or mend it")


def _decoded(path: Path, data: bytes, options: Mapping[str, Any]) -> str:
    encoding = str(options["encoding"]).casefold() if options.get("encoding") else None
    check_bytes(path, data, encoding)
    if encoding and encoding.startswith("utf-16"):
        data = data[: len(data) // 2 * 2]
    try:
        return data.decode(CODECS.get(encoding or "utf-8", encoding or ""), "strict" if encoding is None else "replace")
    except UnicodeDecodeError as error:
        if options.get("ignore_errors"):
            return data.decode("utf-8-sig", "replace")
        line = data.count(b"\n", 0, error.start) + 1
        raise NodeError(
            "the file is not UTF-8", why=f"line {line} of {path}", remedy="encoding: latin-1, or save it as UTF-8"
        ) from error
    except LookupError as error:
        raise NodeError(f"unknown encoding {encoding!r}", remedy="encoding: utf-8, latin-1 or utf-16") from error


def _divided(text: str, options: Mapping[str, Any]) -> tuple[str, Rows]:
    """The delimiter, and the rows that it gives; among several that give even rows that which gives the most columns."""
    own = options.get("delim", options.get("sep"))
    if own is not None:
        return str(own), _rows(text, str(own), options)
    tried = {one: _rows(text, one, options) for one in DELIMITERS}
    even = {one: len(rows[0][1]) for one, rows in tried.items() if rows and _even(rows)}
    wide = [one for one, width in even.items() if width > 1]
    if not wide:
        wide = [one for one, rows in tried.items() if "skip" not in options and _above(rows, one)]
    if not wide:
        wide = [one for one, rows in tried.items() if rows and len(rows[0][1]) > 1]
    if not wide:
        return NONE, _rows(text, NONE, options)
    best = max(wide, key=lambda one: (sum(len(row) == len(tried[one][-1][1]) for _, row in tried[one]), even.get(one, 0)))
    return best, tried[best]


def _rows(text: str, delimiter: str, options: Mapping[str, Any]) -> Rows:
    quote, comment = str(options.get("quote", '"')), str(options.get("comment") or "")
    escape = str(options.get("escape", quote) or "")
    if len(delimiter) > 1:
        text, delimiter = text.replace(delimiter, NONE), NONE
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        escapechar=escape if escape not in ("", quote) else None,
        doublequote=escape == quote,
        skipinitialspace=True,
    )
    found: Rows = []
    above = line = 0
    try:
        for fields in reader:
            commented = bool(comment and fields and fields[0].startswith(comment))
            if fields and not commented and above >= int(options.get("skip") or 0):
                found.append((above, fields))
            above += 0 if commented else reader.line_num - line
            line = reader.line_num
            if len(found) == ROWS:
                break
    except csv.Error:
        return found
    return found


def _even(rows: Rows) -> bool:
    """Whether all rows are as wide as the first; empty fields beyond it hold nothing."""
    width = len(rows[0][1])
    return all(len(row) == width or (len(row) > width and not any(row[width:])) for _, row in rows)


def _above(rows: Rows, delimiter: str) -> int:
    """How many rows stand above a table: half as wide at most, and fewer than those below, which are even."""
    if delimiter == NONE or not rows or _even(rows):
        return 0
    width = len(rows[-1][1])
    below = next((n for n, (_, row) in enumerate(reversed(rows)) if len(row) != width), len(rows))
    count = len(rows) - below
    return count if width > 1 and below > max(count, 1) and all(2 * len(row) <= width for _, row in rows[:count]) else 0


def _header(
    rows: Sequence[Sequence[str]], options: Mapping[str, Any], declared: Collection[str], nulls: Collection[str]
) -> bool:
    """Whether the first row names the columns: not where its fields are values, as those below them are."""
    if options.get("header") is not None:
        return str(options["header"]).casefold() not in ("false", "0")
    if not rows:
        return False
    first = [field.strip() for field in rows[0]]
    if declared and {name.casefold() for name in declared} <= {field.casefold() for field in first}:
        return True
    kinds = [_are_values([row[at] for row in rows[1:] if at < len(row)], nulls) for at in range(len(first))]
    there = [(field, valued) for field, valued in zip(first, kinds, strict=True) if field and field not in nulls]
    if any(valued and not _VALUE.fullmatch(field) for field, valued in there):
        return True
    if any(valued for _, valued in there):
        return False
    return any(not _VALUE.fullmatch(field) for field, _ in there)


def _are_values(fields: Sequence[str], nulls: Collection[str]) -> bool:
    known = [field.strip() for field in fields if field.strip() and field.strip() not in nulls]
    return bool(known) and all(_VALUE.fullmatch(field) for field in known)


def words_for_null(options: Mapping[str, Any]) -> list[str]:
    """The words that ``nullstr`` gives."""
    given = options.get("nullstr")
    return [] if given is None else [str(word) for word in (given if isinstance(given, (list, tuple)) else [given])]


def _named(options: Mapping[str, Any]) -> bool:
    return any(options.get(key) is not None for key in ("names", "column_names", "columns"))


def _given_names(names: Sequence[str], options: Mapping[str, Any]) -> list[str]:
    """The names with those that the options give instead, by place."""
    own = list(options.get("columns") or options.get("names") or options.get("column_names") or ())
    if len(own) > len(names) or (options.get("columns") and len(own) != len(names)):
        raise NodeError(
            f"{len(own)} columns are named, and the file has {len(names)}", why=", ".join(names), remedy="name as many"
        )
    return [*map(str, own), *names[len(own) :]]
