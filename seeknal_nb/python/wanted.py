"""Which features somebody asks for, as text: ``group``, ``group:feature``, ``group:feature AS name``. Knows no node."""

from __future__ import annotations

import re
from dataclasses import dataclass

from seeknal_nb.errors import ManifestError, near

__all__ = ["GROUP", "Wanted", "group_id", "read_wanted", "wanted_in"]

GROUP = "feature_group"
FORM = "write group, group:feature, or group:feature AS name"
_TEXT = re.compile(r"\s*(?P<group>[\w.]+)\s*(?::\s*(?P<feature>.*?)(?:\s+as\s+(?P<name>\S.*?))?)?\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A feature of a group, and what it shall be called; all of them where ``feature`` is None."""

    group: str
    feature: str | None = None
    name: str | None = None


def group_id(name: str) -> str:
    """The id that a group's name means; raises ``ManifestError`` where it is one of another kind."""
    kind, dot, bare = name.rpartition(".")
    if dot and kind.casefold() != GROUP:
        raise ManifestError(
            f"{name!r} is no feature group", why=f"it is a {kind}", remedy=near(f"{GROUP}.{bare}", [GROUP], what="kind")
        )
    return f"{GROUP}.{bare}"


def read_wanted(text: object) -> Wanted:
    """One text.

    Raises:
        ManifestError: It has another form.
    """
    found = _TEXT.fullmatch(text) if isinstance(text, str) else None
    if found is None or found["feature"] == "":
        raise ManifestError(f"{text!r} names no feature", remedy=FORM)
    return Wanted(group_id(found["group"]), found["feature"], found["name"])


def wanted_in(features: object) -> list[Wanted]:
    """What a list of texts, or one text, asks for; raises ``ManifestError``."""
    listed = [features] if isinstance(features, str) else features
    if not isinstance(listed, (list, tuple)) or not listed:
        raise ManifestError("features must be a list of text", why=f"it is {features!r:.200}", remedy=FORM)
    return [read_wanted(text) for text in listed]
