"""Credentials: ``${NAME}`` stands for a variable of the environment, and its value is hidden wherever a text comes back."""

from __future__ import annotations

import base64
import difflib
import json
import os
import re
import traceback
import warnings
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from seeknal_nb.errors import NodeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Secrets", "names_credential"]

_NAMED = re.compile(r"\$\{(\w+)\}")
_CREDENTIAL = re.compile(r"key|secret|token|passw|pwd|credential|auth", re.IGNORECASE)
HIDDEN = "***"
SHORTEST = 4
_PLAIN = re.compile(r"[A-Za-z]{,7}")
"""Values below that length, or of so few letters only, hide nothing: ``1`` would turn every count into stars."""
SURE = 6
"""Characters of a coded value that stand in no other text."""


def names_credential(variable: str) -> bool:
    """Whether a variable's name says that its value is a credential."""
    return _CREDENTIAL.search(variable) is not None


class Secrets:
    """The values that were put in so far, of one runner; safe to share between threads, for it only grows.

    Args:
        environment: Variables by name (default: the process's).
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        self._known: dict[str, None] = {}

    def __reduce__(self) -> tuple[type[Secrets], tuple[()]]:
        """No value travels: in another process it is of that one's environment."""
        return Secrets, ()

    def expand(self, text: str) -> str:
        """The text with the values put in, which must never be stored; raises ``NodeError`` where one is not set."""
        return _NAMED.sub(lambda match: self.value(match[1]), text)

    def value(self, name: str) -> str:
        """One variable's value, hidden from then on; raises ``NodeError`` where it is not set."""
        found = self._environment.get(name)
        if found is None:
            like = difflib.get_close_matches(name, list(self._environment), n=1)  # the others are nobody's business
            meant = f"; did you mean {like[0]}?" if like else ""
            raise NodeError(f"the environment has no {name}", remedy=f"set {name} before the run{meant}")
        self.hide_value(found, name)
        return found

    def hide_value(self, value: str, name: str, *, plain: bool = False) -> None:
        """Hide this text too, as a password of a profiles file, in every way in which a message may write it.

        It cannot be hidden where it is so short, or so plain a word, that other texts would go with it: that is a
        ``RuntimeWarning``, if ``name``, which is what it is called, says that it is a credential.

        Args:
            value: The text.
            name: What it is called.
            plain: Hide a plain word, too.
        """
        lines = value.splitlines() if "\n" in value else []
        written = (repr(value)[1:-1], json.dumps(value)[1:-1], quote(value, safe=""), quote(value), quote_plus(value))
        for one in (value, *written, *map(str.strip, lines)):
            if len(one) >= SHORTEST and (plain or not _PLAIN.fullmatch(one)):
                self._known[one] = None
        self._known |= dict.fromkeys(one for one in _coded(value) if len(one) >= SURE)
        if value and value not in self._known and names_credential(name):
            told = f"the value of {name} is too short or too plain to be hidden, and stands wherever somebody writes it"
            warnings.warn(told, RuntimeWarning, stacklevel=3)

    def told_by(self, error: BaseException | None) -> bool:
        """Whether a traceback of the error, or of those behind it, would show a secret."""
        if error is None or not self._known:
            return False
        text = "".join(traceback.format_exception(error))
        return bool(self.hide(text) != text)

    def hide_variables(self, params: Mapping[str, object]) -> None:
        """Hide what ``{{ env:NAME }}`` stands for, where the name says that it is a credential."""
        for name, value in params.items():
            if name.startswith("env:") and names_credential(name):
                self.hide_value(str(value), name)

    def hide(self, found: Any) -> Any:
        """The value with every known secret in its texts as stars; lists, and what mappings hold, are gone through."""
        if not self._known:
            return found
        if isinstance(found, str):
            return self._pattern().sub(HIDDEN, found)
        if isinstance(found, dict):
            return {name: self.hide(value) for name, value in found.items()}
        return [self.hide(one) for one in found] if isinstance(found, (list, tuple)) else found

    def _pattern(self) -> re.Pattern[str]:
        """The longest first; a value that is a plain word is hidden where it stands as a word."""
        secrets = sorted(self._known, key=len, reverse=True)
        parts = (rf"(?<!\w){re.escape(one)}(?!\w)" if re.fullmatch(r"[a-z]+", one) else re.escape(one) for one in secrets)
        return re.compile("|".join(parts))


def _coded(value: str) -> Iterator[str]:
    """What is the same in Base64 whatever stands before and behind, as in ``user:password`` of a header: three ways."""
    data = value.encode("utf-8", "surrogatepass")
    for before in range(3):
        text = base64.b64encode(b"0" * before + data).decode().rstrip("=")
        whole = text[-(-before * 4 // 3) : (before + len(data)) * 4 // 3]
        yield whole
        yield whole.replace("+", "-").replace("/", "_")
