"""SQL as text: quoting, and where statements, comments and quoted texts begin and end. Parses nothing."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache

__all__ = [
    "NAME",
    "Piece",
    "Statement",
    "column",
    "exactly",
    "is_query",
    "literal",
    "parquet",
    "pieces",
    "quote",
    "shown",
    "spans",
    "statements",
    "unquoted",
    "words",
]  # fmt: skip

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
"""What a node may be called: an identifier that no engine quotes."""
_CACHED = 8192

_PIECE = re.compile(
    r"(?P<blank>\s+)"
    r"|(?P<comment>--[^\n\r]*|/\*)"
    r"|(?P<text>\b[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z)|(?:\b[xXbB])?'(?:[^']|'')*(?:'|\Z)|(?P<tag>\$(?:[^\W\d]\w*)?\$).*?(?:(?P=tag)|\Z))"
    r"|(?P<name>\"(?:[^\"]|\"\")*(?:\"|\Z))"
    r"|(?P<number>(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<word>(?![0-9$])(?:[\w$]|[^\x00-\x7f\s])+)"
    r"|(?P<sign>[(),;\[\]{}]|(?:(?!--|/\*)[^\s\w(),;\[\]{}'\"\x80-\U0010ffff])+)",
    re.DOTALL,
)
"""To DuckDB a letter is whatever is no ASCII, and a comment ends at either sign of a line's end."""
_SPECIAL = re.compile(r"[~!@#%^&|`?]")
_SIGNS = re.compile(r"[*?\[]")
_QUERY = re.compile(r"[(\s]*(select|with|from|values|create|pivot|unpivot|summarize|describe|table)\b", re.IGNORECASE)
_BLOCK = re.compile(r"/\*|\*/")
_ESCAPED = re.compile(rb"\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|(.))", re.DOTALL)
_LETTERS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a SQL text, from ``start`` to ``end`` (from 0, the end excluded).

    ``kind`` is comment, text (quoted), name (in double quotes), number, word or sign: a bracket, a comma, a semicolon, or
    several characters of an operator that stand together.
    """

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a body, without its semicolon and the comments round it.

    ``line`` is where it begins, from 1; ``start`` is its offset in the body.
    """

    text: str
    line: int
    start: int = 0


@lru_cache(maxsize=_CACHED)
def pieces(sql: str) -> tuple[Piece, ...]:
    """The pieces of a text, comments among them, as DuckDB's scanner takes them apart; blanks are left out."""
    found, at = [], 0
    while at < len(sql):
        match = _PIECE.match(sql, at)
        kind, end = (match.lastgroup or "sign", match.end()) if match else ("sign", at + 1)
        if kind == "comment" and sql.startswith("/*", at):
            end = _end_of_comment(sql, at)
        elif kind == "sign":  # an operator does not end with plus or minus, unless it holds one of these
            while end > at + 1 and sql[end - 1] in "+-" and not _SPECIAL.search(sql, at, end):
                end -= 1
        if kind != "blank":
            found.append(Piece("text" if kind == "tag" else kind, at, end))
        at = end
    return tuple(found)


def _end_of_comment(sql: str, start: int) -> int:
    """Where a comment ends that began there; comments may lie in one another."""
    depth = 0
    for match in _BLOCK.finditer(sql, start):
        depth += 1 if match[0] == "/*" else -1
        if not depth:
            return match.end()
    return len(sql)


def words(sql: str) -> list[Piece]:
    """The pieces of a text without its comments."""
    return [piece for piece in pieces(sql) if piece.kind != "comment"]


def spans(sql: str) -> list[tuple[int, int]]:
    """Where comments and quoted texts and names stand: (start, end), the end excluded."""
    return [(piece.start, piece.end) for piece in pieces(sql) if piece.kind in ("comment", "text", "name")]


def statements(sql: str) -> list[Statement]:
    """The statements of a body, in order; empty ones are left out."""
    found: list[Statement] = []
    of: list[Piece] = []
    for piece in [*words(sql), None]:
        if piece is not None and sql[piece.start : piece.end] != ";":
            of.append(piece)
        elif of:
            start = of[0].start
            found.append(Statement(sql[start : of[-1].end], 1 + sql.count("\n", 0, start), start))
            of = []
    return found


def unquoted(text: str) -> str:
    r"""What a quoted text or name says: ``'it''s'``, ``e'a\n'``, ``$$f$$``, ``"a b"``; a bare word says itself."""
    if text[:1] == "$":
        tag = text[: text.index("$", 1) + 1]
        return text[len(tag) : -len(tag)]
    if text[:1] in ("'", '"'):
        return text[1:-1].replace(text[0] * 2, text[0])
    if text[:2] not in ("e'", "E'"):
        return text
    return _ESCAPED.sub(_unescaped, text[2:-1].replace("''", "'").encode()).decode(errors="replace")


def _unescaped(match: re.Match[bytes]) -> bytes:
    """What a backslash and what follows it say: numbers are those of bytes, of UTF-8."""
    octal, hexadecimal, letter = match.groups()
    if letter is not None:
        return _LETTERS.get(letter, letter)
    return bytes([int(octal, 8) % 256 if octal else int(hexadecimal, 16)])


def quote(name: str) -> str:
    """An identifier as SQL writes it; ``kind.name`` gives two."""
    return ".".join(column(part) for part in name.split("."))


def column(name: str) -> str:
    """A column's name as SQL writes it; it may hold a dot."""
    return '"' + name.replace('"', '""') + '"'


def shown(name: str) -> str:
    """A column's name as a text for a reader has it: with quotes only where SQL needs them."""
    return name if re.fullmatch(r"[A-Za-z_]\w*", name) else column(name)


def exactly(path: str) -> str:
    """A path as DuckDB has to be given it, so that none of its letters is a sign of a pattern."""
    return _SIGNS.sub(lambda sign: f"[{sign[0]}]", path)


def parquet(*files: object) -> str:
    """What stands after FROM to read Parquet files of one schema; folders above them name nothing of theirs."""
    names = [exactly(str(file)) for file in files]
    return f"read_parquet({literal(names if len(names) > 1 else names[0])}, hive_partitioning = false)"


def literal(value: object) -> str:
    """A value as a SQL literal: text quoted, lists as lists, None as NULL."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (int, float)):
        return repr(value) if math.isfinite(value) else f"'{value}'::DOUBLE"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(literal(item) for item in value) + "]"
    return "'" + str(value).replace("'", "''") + "'"


def is_query(sql: str) -> bool:
    """Whether a body is a SELECT, in any of its spellings, rather than a condition."""
    body = statements(sql)
    return len(body) != 1 or _QUERY.match(body[0].text) is not None
