"""What the grammar of commands and of nodes is made from: argparse that raises, and the words of a line."""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import re
import shlex
import sys
from datetime import date
from typing import TYPE_CHECKING, Any, NoReturn

from seeknal_nb.errors import UsageError, near
from seeknal_nb.words import OPTIONS_ELSEWHERE

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Grammar", "Help", "comma", "counts", "day", "delay", "params_of", "split_line", "whole"]

_COMMENT = re.compile(r"(?<!\S)#")


class Help(Exception):  # noqa: N818 - it is no error: somebody asked
    """``-h`` was given; ``str()`` is the text."""


class Grammar(argparse.ArgumentParser):
    """argparse that raises instead of printing and leaving the process."""

    def __init__(self, **options: Any) -> None:
        more: dict[str, Any] = {"color": False} if sys.version_info >= (3, 14) else {}
        super().__init__(**options, **more, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter)

    def print_help(self, file: Any = None) -> NoReturn:  # noqa: ARG002 - argparse's signature
        """Raise ``Help`` instead."""
        raise Help(self.format_help())

    def error(self, message: str) -> NoReturn:
        """Raise a ``UsageError`` instead."""
        raise UsageError(message, remedy=f"{self.prog} -h")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse has it, but a parser of one command refuses what it does not know itself, with the nearest option."""
        found, rest = super().parse_known_args(args, namespace)
        if rest and self._subparsers is None:
            known = [option for action in self._actions for option in action.option_strings]
            what = "option" if rest[0].startswith("-") else "argument"
            word = rest[0].partition("=")[0]
            remedy = OPTIONS_ELSEWHERE.get(word) or near(word, known, what="option")
            if what == "option" and "--param" in known:
                remedy += "; an option of the reader is written --param NAME=VALUE"
            raise UsageError(f"unknown {what} {word!r}", remedy=remedy)
        return found, rest


def split_line(line: str) -> list[str]:
    """The words of a magic's line, as a POSIX shell takes them apart; a ``#`` behind a blank begins a comment."""
    for sign in _COMMENT.finditer(line):
        with contextlib.suppress(ValueError):  # within quotes
            return shlex.split(line[: sign.start()])
    try:
        return shlex.split(line)
    except ValueError as error:
        raise UsageError(f"unbalanced quote in {line!r}", why=str(error), remedy="close the quote") from error


def comma(value: str) -> list[str]:
    """The names of a comma list, without the blanks round them; for argparse, so its error is argparse's."""
    parts = [part.strip() for part in value.split(",")]
    if not all(parts):
        raise argparse.ArgumentTypeError(f"an empty name in {value!r}: write a,b")
    return parts


def counts(value: str) -> dict[str, int]:
    """How many of each name, as ``gpu=1,tape=2``; a name alone is one of it. Likewise."""
    found = {}
    for part in comma(value):
        name, equals, count = part.partition("=")
        found[name.strip()] = whole(count.strip()) if equals else 1
    return found


def whole(value: str) -> int:
    """A whole number from 0; likewise."""
    if not value.isascii() or not value.isdigit():
        raise argparse.ArgumentTypeError(f"{value!r} is no whole number from 0")
    return int(value)


def delay(value: str) -> float:
    """A finite number of seconds from 0; likewise."""
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{value!r} is no number of seconds from 0")
    return seconds


def day(value: str) -> str:
    """A day as ISO 8601 writes it; likewise."""
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is no day: write YYYY-MM-DD") from None


def params_of(values: Sequence[str]) -> dict[str, Any]:
    """``name=value``, the value as JSON where it is; or one JSON object."""
    found: dict[str, Any] = {}
    for text in values:
        name, equals, value = text.partition("=")
        if text.lstrip().startswith("{"):
            found.update(_json_object(text))
        elif equals and name.isidentifier():
            found[name] = _json_or_text(value)
        else:
            raise UsageError(f"cannot read the parameter {text!r}", remedy="""--params name=value, or '{"name": 1}'""")
    return found


def _json_object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise UsageError(f"the parameters are no JSON: {error}", remedy="""--params '{"name": 1}'""") from error
    return dict(found)


def _json_or_text(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value
