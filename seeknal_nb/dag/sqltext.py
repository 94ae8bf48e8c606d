"""SQL as text: quoting, parameters, and where statements, comments and quoted texts begin and end. Parses nothing."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from seeknal_nb.errors import ManifestError, near

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

__all__ = [
    "Statement", "column", "holes", "literal", "parquet", "quote", "render", "shown", "spans", "statements", "value_of",
]  # fmt: skip

_HOLE = re.compile(
    r"\{\{\s*(?:(ident)\s*\(\s*(\w+)\s*\)"
    r"|(\w+(?:\.\w+)+|\w+(?:\s*\(\s*-?\d*\s*\))?|env:\w+(?:\|[^{}]*?)?))\s*\}\}"
)
"""``{{ name }}``, ``{{ ident(name) }}``; the peer's ``{{ rules.x }}``, ``{{ today(-1) }}``, ``{{ env:NAME|x }}``."""
_QUOTED = re.compile(r"\b[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|(\$\w*\$).*?\1", re.DOTALL)
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_COMMENT_OR_TEXT = re.compile(f"{_COMMENT.pattern}|{_QUOTED.pattern}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a body, without its semicolon and the comments round it.

    ``line`` is where it begins, from 1; ``start`` is its offset in the body.
    """

    text: str
    line: int
    start: int = 0


def spans(sql: str) -> list[tuple[int, int]]:
    """Where comments and quoted texts stand: (start, end), the end excluded."""
    return [match.span() for match in _COMMENT_OR_TEXT.finditer(sql)]


def statements(sql: str) -> list[Statement]:
    """The statements of a body, in order; empty ones are left out."""
    quoted = _COMMENT_OR_TEXT.sub(lambda m: "x" * len(m[0]) if _QUOTED.fullmatch(m[0]) else _blank(m[0]), sql)
    found, start = [], 0
    for end in [*(m.start() for m in re.finditer(";", quoted)), len(sql)]:
        shown = quoted[start:end]
        first, last = len(shown) - len(shown.lstrip()), len(shown.rstrip())
        if first < last:
            line = 1 + sql.count("\n", 0, start + first)
            found.append(Statement(sql[start + first : start + last], line, start + first))
        start = end + 1
    return found


def _blank(comment: str) -> str:
    return "".join(c if c == "\n" else " " for c in comment)


def quote(name: str) -> str:
    """An identifier as SQL writes it; ``kind.name`` gives two."""
    return ".".join(column(part) for part in name.split("."))


def column(name: str) -> str:
    """A column's name as SQL writes it; it may hold a dot."""
    return '"' + name.replace('"', '""') + '"'


def shown(name: str) -> str:
    """A column's name as a text for a reader has it: with quotes only where SQL needs them."""
    return name if re.fullmatch(r"[A-Za-z_]\w*", name) else column(name)


def parquet(file: object) -> str:
    """What stands after FROM to read a Parquet file."""
    return f"read_parquet({literal(str(file))})"


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
        texts: Names whose values are put in as they are, as pieces of SQL.

    Raises:
        ManifestError: A parameter has no value.
    """
    if "{{" not in text:
        return text
    quoted = [] if plain else spans(text)

    def value(match: re.Match[str], offset: int = 0) -> str:
        name, at = _name(match), offset + match.start()
        try:
            found = value_of(name, params)
        except KeyError:
            if known:
                raise _undefined(name, params) from None
            return "NULL"
        if plain:
            return str(found)
        opening = next((text[start] for start, end in quoted if start < at < end), "")
        if opening:
            return _inside(str(found), opening)
        if name in texts:
            return str(found)
        return quote(str(found)) if match[1] else literal(found)

    for start, end in quoted:
        if text[start] == "$":
            _check_dollars(text[start:end], _HOLE.sub(partial(value, offset=start), text[start:end]))
    return _HOLE.sub(value, text)


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
