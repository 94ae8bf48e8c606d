"""SQL as text: quoting, parameters, and where statements, comments and quoted texts begin and end. Parses nothing."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from seeknal_nb.errors import ManifestError, near

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

__all__ = [
    "NAME",
    "Piece",
    "Statement",
    "column",
    "exactly",
    "holes",
    "is_query",
    "literal",
    "masked",
    "parquet",
    "pieces",
    "quote",
    "render",
    "shown",
    "spans",
    "statements",
    "unquoted",
    "value_of",
    "words",
]  # fmt: skip

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
"""What a node may be called: an identifier that no engine quotes."""
_CACHED = 8192

_HOLE = re.compile(
    r"\{\{\s*(?:(ident)\s*\(\s*(\w+)\s*\)"
    r"|(\w+(?:\.\w+)+|\w+(?:\s*\(\s*-?\d*\s*\))?|env:\w+(?:\|[^{}]*?)?))\s*\}\}"
)
"""``{{ name }}``, ``{{ ident(name) }}``; the peer's ``{{ rules.x }}``, ``{{ today(-1) }}``, ``{{ env:NAME|x }}``."""
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
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}([ T]\d{2}:[\d:.+\-Z ]+)?|\d{2}:\d{2}(:\d{2}(\.\d+)?)?")
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


def holes(text: str) -> tuple[str, ...]:
    """The parameters that ``{{ name }}`` and its like ask for, each once, without blanks: ``name``, ``today(-1)``."""
    return tuple(dict.fromkeys(map(_name, _HOLE.finditer(text)))) if "{{" in text else ()


def masked(text: str) -> str:
    """The text with a word as long in place of each parameter, for whoever looks where its names stand."""
    return _HOLE.sub(lambda match: "x" * len(match[0]), text)


def _name(match: re.Match[str]) -> str:
    name = match[2] or match[3]
    return name if name.startswith("env:") else "".join(name.split())


def value_of(name: str, params: Mapping[str, object]) -> object:
    """A parameter's value; raises ``KeyError``. What stands in for one that nobody gave is called ``name()``."""
    return params[name] if name in params else params[f"{name}()"]


def render(
    text: str, params: Mapping[str, object], *, known: bool = True, plain: bool = False, texts: Container[str] = ()
) -> str:
    """The text with its parameters put in, as literals or, by ``ident``, as quoted identifiers.

    In a quoted text or a comment of SQL a value stands as it is, so that ``'{{ day }}'`` is the text of the day.

    Args:
        text: SQL, or any text.
        params: Values by name.
        known: False leaves an unknown parameter as NULL, for whoever only looks at the tables.
        plain: The text is no SQL: a value is put in as it is.
        texts: Names whose texts are put in as they are, as pieces of SQL, but for days and times: ``2024-01-31`` is a
            subtraction in SQL, which nobody means.

    Raises:
        ManifestError: A parameter has no value.
    """
    if "{{" not in text:
        return text
    quoted = [] if plain else spans(text)

    def value(match: re.Match[str], offset: int = 0) -> str:
        name, at = _name(match), offset + match.start()
        opening = next((text[start] for start, end in quoted if start < at < end), "")
        try:
            found = value_of(name, params)
        except KeyError:
            return _missing(match, opening, params, known=known)
        if plain:
            return str(found)
        if opening:
            return _inside(str(found), opening)
        if match[1]:
            return quote(str(found))
        return found if name in texts and isinstance(found, str) and not _DAY.fullmatch(found) else literal(found)

    for start, end in quoted:
        if text[start] == "$":
            _check_dollars(text[start:end], _HOLE.sub(partial(value, offset=start), text[start:end]))
    return _HOLE.sub(value, text)


def _missing(match: re.Match[str], opening: str, params: Mapping[str, object], *, known: bool) -> str:
    """What stands for a parameter that nobody gave; what is commented out needs no value."""
    if opening in ("-", "/"):
        return match[0]
    if known:
        raise _undefined(_name(match), params) from None
    return "NULL"


def _inside(value: str, opening: str) -> str:
    """A value within quotes or a comment, which it must not end; ``$$`` has no way to write itself."""
    if opening in "-/":
        return " ".join(value.replace("*/", "* /").replace("/*", "/ *").splitlines())
    if opening in "eE":
        value = value.replace("\\", "\\\\")
    return value.replace("'", "''") if opening in "'eE" else value.replace('"', '""') if opening == '"' else value


def _check_dollars(text: str, filled: str) -> None:
    """Refuse values that would end the ``$tag$...$tag$`` that they are put into."""
    tag = text[: text.index("$", 1) + 1]
    if filled.index(tag, len(tag)) != len(filled) - len(tag):
        name = _name(next(_HOLE.finditer(text)))
        why = f"the value of {name!r} holds {tag}, or makes one with what stands beside it"
        raise ManifestError(
            f"a value would end the text between {tag}", why=why, remedy=f"write {{{{ {name} }}}} without quotes"
        )


def _undefined(name: str, params: Mapping[str, object]) -> ManifestError:
    if name.startswith("env:"):
        variable = name[4:].partition("|")[0]
        return ManifestError(
            f"the environment has no {variable}", remedy=f"set {variable}, or write {{{{ env:{variable}|default }}}}"
        )
    if "." in name:
        remedy = f"write it into seeknal/common/; {near(name, params, what='name')}"
        return ManifestError(f"{name!r} is not in seeknal/common/", remedy=remedy)
    given = filter(str.isidentifier, params)  # the others stand in for {{ today }} and its like
    remedy = f"give it with --params {name}=...; {near(name, given, what='parameter')}"
    return ManifestError(f"parameter {name!r} is not defined", remedy=remedy)


def is_query(sql: str) -> bool:
    """Whether a body is a SELECT, in any of its spellings, rather than a condition."""
    body = statements(sql)
    return len(body) != 1 or _QUERY.match(body[0].text) is not None
