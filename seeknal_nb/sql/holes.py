"""``{{ name }}`` in texts: which parameters they ask for, and the texts with the values put in. SQL gets SQL."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from seeknal_nb.errors import ManifestError, near
from seeknal_nb.sql.text import literal, quote, spans

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

__all__ = ["Later", "holes", "known_now", "masked", "render", "value_of", "with_names"]

_HOLE = re.compile(
    r"\{\{\s*(?:(ident)\s*\(\s*(\w+)\s*\)"
    r"|(\w+(?:\.\w+)+|\w+(?:\s*\(\s*-?\d*\s*\))?|env:\w+(?:\|[^{}]*?)?))\s*\}\}"
)
"""``{{ name }}``, ``{{ ident(name) }}``; the peer's ``{{ rules.x }}``, ``{{ today(-1) }}``, ``{{ env:NAME|x }}``."""
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}([ T]\d{2}:[\d:.+\-Z ]+)?|\d{2}:\d{2}(:\d{2}(\.\d+)?)?")


class Later(str):
    """Stands for the value of a parameter that is known later, as a name that nobody else uses; see ``known_now``."""

    __slots__ = ()


def known_now(text: str, values: Mapping[Later, tuple[str, str]]) -> str:
    """SQL with the values of such parameters put in.

    Args:
        text: SQL in which they stand.
        values: Of each its value as SQL, and as it is written in a quoted text.
    """
    quoted, found = spans(text), re.compile("|".join(map(re.escape, values)))

    def value(match: re.Match[str]) -> str:
        sql, plain = values[Later(match[0])]
        opening = next((text[start] for start, end in quoted if start < match.start() < end), "")
        return _inside(plain, opening) if opening else sql

    return found.sub(value, text)


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
        if isinstance(found, Later):
            return found
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


def with_names(text: str, *, plain: bool) -> str:
    """The text with what each parameter is called in its place, told apart from whatever somebody may have written there.

    Args:
        text: SQL, or any text.
        plain: Whether it is no SQL.
    """
    quoted = [] if plain or "{{" not in text else spans(text)

    def called(match: re.Match[str]) -> str:
        name = f"{{{{ {match[1] or ''} {_name(match)} }}}}"
        return name if plain or any(start < match.start() < end for start, end in quoted) else literal(f"\ue000{name}")

    return _HOLE.sub(called, text)


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
    if name.startswith("partition."):
        why = "only the SQL of a node with partitions of its own knows them, and their value, start and end"
        return ManifestError(f"{name!r} is not known here", why=why, remedy="partition_by: day(ts)")
    if "." in name:
        remedy = f"write it into seeknal/common/; {near(name, params, what='name')}"
        return ManifestError(f"{name!r} is not in seeknal/common/", remedy=remedy)
    given = filter(str.isidentifier, params)  # the others stand in for {{ today }} and its like
    remedy = f"give it with --params {name}=...; {near(name, given, what='parameter')}"
    return ManifestError(f"parameter {name!r} is not defined", remedy=remedy)
