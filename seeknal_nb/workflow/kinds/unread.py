"""Refuse keys of a config that a kind would pass over in silence. Knows no kind's keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeknal_nb.dag.fingerprint import DOCUMENTATION
from seeknal_nb.errors import ManifestError, near
from seeknal_nb.markup import article

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from seeknal_nb.dag.manifest import Node

__all__ = ["BODY", "refuse_unknown", "refuse_unread"]

BODY = frozenset({"sql", "transform", "python", "as", "params", "materialized", "materialization", "materializations"})
"""Keys of every node with a body; what they may say is looked at for all kinds alike."""
ALWAYS = DOCUMENTATION | {"meta", "version"}
_CHECKS = "write a rule node with checks"
_FEATURES = "write a transform with features"
ELSEWHERE: Mapping[str, str] = {
    **dict.fromkeys(("audits", "tests", "checks", "error_if", "warn_if", "tolerance", "blocking", "severity"), _CHECKS),
    **dict.fromkeys(("spine", "label_time", "mode"), _FEATURES),
    "aggregation": "write an aggregation node, and name it under inputs",
}
"""Who does what a key asks for, where its kind does not."""


def refuse_unread(node: Node, read: Collection[str], *, what: str = "") -> None:
    """Refuse a key that is none of ``read`` and documents nothing.

    Args:
        node: Whose config.
        read: The keys that its kind reads.
        what: What an error calls the node (default: its kind).

    Raises:
        ManifestError: It names the key, and the nearest of those that are read, or the kind that reads it.
    """
    for key, value in node.config.items():
        if value is not None and key not in read and key not in ALWAYS:
            remedy = ELSEWHERE.get(key) or near(key, read, what="key")
            raise ManifestError(f"{key} of {what or article(node.node_type)} is not read", remedy=remedy)


def refuse_unknown(given: Iterable[object], known: Collection[str], of: str, *, what: str = "key") -> None:
    """Refuse names within a key that nobody reads: ``ManifestError`` ``unknown key 'x' of schema``, with the nearest."""
    for name in given:
        if name not in known:
            raise ManifestError(f"unknown {what} {name!r} of {of}", remedy=near(str(name), known, what=what))
