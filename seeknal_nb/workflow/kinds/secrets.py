"""Credentials: ``${NAME}`` stands for a variable of the environment, and its value is hidden wherever a text comes back."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import NodeError, near

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Secrets"]

_NAMED = re.compile(r"\$\{(\w+)\}")
HIDDEN = "***"
SHORTEST = 4
"""Values below this length hide nothing: ``1`` would turn every count into stars."""


class Secrets:
    """The values that were put in so far, of one runner; safe to share between threads, for it only grows.

    Args:
        environment: Variables by name (default: the process's).
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        self._known: dict[str, None] = {}

    def expand(self, text: str) -> str:
        """The text with the values put in, which must never be stored; raises ``NodeError`` where one is not set."""
        return _NAMED.sub(lambda match: self.value(match[1]), text)

    def value(self, name: str) -> str:
        """One variable's value, hidden from then on; raises ``NodeError`` where it is not set."""
        found = self._environment.get(name)
        if found is None:
            raise NodeError(
                f"the environment has no {name}",
                remedy=f"set {name} before the run; {near(name, self._environment, what='variable')}",
            )
        self.hide_value(found)
        return found

    def hide_value(self, value: str) -> None:
        """Hide this text too, as a password of a profiles file."""
        if len(value) >= SHORTEST:
            self._known[value] = None

    def hide(self, found: Any) -> Any:
        """The value with every known secret in its texts written as stars; lists and mappings are gone through."""
        if not self._known:
            return found
        if isinstance(found, str):
            for secret in sorted(self._known, key=len, reverse=True):
                found = found.replace(secret, HIDDEN)
            return found
        if isinstance(found, dict):
            return {self.hide(name): self.hide(value) for name, value in found.items()}
        return [self.hide(one) for one in found] if isinstance(found, (list, tuple)) else found
