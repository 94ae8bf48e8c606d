"""Source text as coloured words; Pygments knows the languages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CLASSES", "code_lines"]

LONGEST: Final = 20_000
CLASSES: Final = {
    "Token.Keyword": "keyword",
    "Token.Literal.String": "string",
    "Token.Literal.Number": "number",
    "Token.Comment": "comment",
    "Token.Name.Builtin": "name",
    "Token.Name.Function": "name",
    "Token.Name.Tag": "name",
    "Token.Operator": "operator",
}
"""The class of a token by the start of its type's name; a more special one stands for those below it."""


def code_lines(text: str, language: str) -> list[list[tuple[str, str]]]:
    """(class, words) for each line; a class is empty or one of ``CLASSES``. An unknown language or a long text is plain."""
    lines: list[list[tuple[str, str]]] = [[]]
    for kind, words in _tokens(text, language):
        for number, part in enumerate(words.split("\n")):
            if number:
                lines.append([])
            if part:
                lines[-1].append((kind, part))
    return lines[:-1] if len(lines) > 1 and not lines[-1] else lines


def _tokens(text: str, language: str) -> Iterator[tuple[str, str]]:
    from pygments.lexers import get_lexer_by_name  # noqa: PLC0415 - only who shows code needs it
    from pygments.util import ClassNotFound  # noqa: PLC0415

    try:
        lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        lexer = None
    if lexer is None or len(text) > LONGEST:
        yield "", text
        return
    for token, words in lexer.get_tokens(text):
        yield _class(str(token)), words


def _class(token: str) -> str:
    return next((found for start, found in CLASSES.items() if token.startswith(start)), "")
