"""Which features somebody asks for, as text: ``group``, ``group:feature``, ``group:feature AS name``; ``.`` is as ``:``.

Knows no node.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from seeknal_nb import plugins
from seeknal_nb.declaration import KINDS
from seeknal_nb.errors import ManifestError, near

__all__ = ["GROUP", "Wanted", "group_id", "read_wanted", "wanted_in"]

GROUP = "feature_group"
FORM = "write group, group:feature, or group:feature AS name"
_TEXT = re.compile(r"\s*(?P<group>[\w.]+)\s*(?::\s*(?P<feature>.*?)(?:\s+as\s+(?P<name>\S.*?))?)?\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A feature of a group, and what it shall be called; all of them where ``feature`` is None.

    ``dotted``: it is written ``group.feature``, as the peer has it, who calls it ``group__feature``.
    """

    group: str
    feature: str | None = None
    name: str | None = None
    dotted: bool = False


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
    dotted = _with_colon(text) if isinstance(text, str) else None
    found = _TEXT.fullmatch(dotted or text) if isinstance(text, str) else None
    if found is None or found["feature"] == "":
        raise ManifestError(f"{text!r} names no feature", remedy=FORM)
    return Wanted(group_id(found["group"]), found["feature"], found["name"], dotted is not None)


def _with_colon(text: str) -> str | None:
    """``group.feature`` as ``group:feature``; None where no feature stands behind a dot, as in ``kind.name``."""
    first, *others = text.strip().split(".", 2)
    if ":" in text or not others:
        return None
    if first.casefold() not in plugins.names("kinds", KINDS):
        return f"{first}:{'.'.join(others)}"
    return f"{first}.{others[0]}:{others[1]}" if others[1:] else None


def wanted_in(features: object) -> list[Wanted]:
    """What a list of texts, or one text, asks for; raises ``ManifestError``."""
    listed = [features] if isinstance(features, str) else features
    if not isinstance(listed, (list, tuple)) or not listed:
        raise ManifestError("features must be a list of text", why=f"it is {features!r:.200}", remedy=FORM)
    return [read_wanted(text) for text in listed]
