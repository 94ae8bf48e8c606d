"""Kinds at work: found by name when a node needs one, in the one table of declarations or by an entry point."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seeknal_nb import plugins
from seeknal_nb.declaration import KINDS, Declaration, check_keys, declaration_of
from seeknal_nb.errors import ManifestError, Unsupported, UsageError
from seeknal_nb.kinds.needs import check_needs
from seeknal_nb.kinds.task import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.kinds.task import Task

__all__ = ["check_node", "is_kind", "kind_names", "kind_of", "own_kinds"]


def kind_of(name: str, custom: Mapping[str, Any]) -> Kind:
    """The kind of that name: the caller's own, else of the table, else of an entry point.

    A function of a node is a custom executor as SPEC.md § Custom Executors writes it. The caller's own stay with the caller.

    Raises:
        PluginError: There is none.
    """
    declared = declaration_of(name, custom)
    work = plugins.find("kinds", name, KINDS) if declared.work is None else declared.work
    found = plugins.loaded("kind", name, work) if isinstance(work, str) else work
    kind = found if isinstance(found, Kind) else Kind(execute=_of_node(found), stages=False)
    return replace(kind, travels=lambda _: False) if name in custom else kind


def check_node(node: Node, custom: Mapping[str, Any]) -> None:
    """Refuse a config that no node of its kind can have; raises ``ManifestError`` with the node's name and file."""
    try:
        check_keys(declaration_of(node.node_type, custom), node.config)
        _check_common(node)
        kind = kind_of(node.node_type, custom)
        kind.check(node)
        check_needs(node, kind, custom)
    except ManifestError as error:
        raise node.blamed(error) from None


def _check_common(node: Node) -> None:
    """Refuse what a kind would pass over: a view that is none, and the peer's places for a node's table."""
    if node.config.get("materialized") == "view" and node.node_type != "transform":
        raise ManifestError("only a transform can be a view", remedy="take materialized away")
    stored = node.config.get("materialization")
    targets = node.config.get("materializations") or ([stored] if stored and node.node_type != "feature_group" else [])
    for target in targets if isinstance(targets, list) else [targets]:
        if not isinstance(target, dict) or str(target.get("enabled")).casefold() != "false":
            raise Unsupported(
                f"materialization of a {node.node_type} is not done",
                why="to deliver a table into a catalog or a database is an exposure's work",
                remedy="write an exposure node for it, and take this away or set enabled: false",
            )


def own_kinds(given: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a caller's own kinds, by name; raises ``UsageError`` for what does no work."""
    for name, work in given.items():
        if not isinstance(name, str) or not (isinstance(work, (Declaration, Kind)) or callable(work)):
            raise UsageError(
                f"kind {name!r:.100} must be a Declaration, a Kind or a function",
                why=f"it is {work!r:.100}", remedy='kinds={"report": Kind(execute=...)}',
            )  # fmt: skip
    return dict(given)


def is_kind(name: str, custom: Mapping[str, object]) -> bool:
    """Whether a node may have that kind; those of other distributions are looked for last, which takes a while."""
    return name in KINDS or name in custom or name in kind_names(custom)


def kind_names(custom: Mapping[str, object]) -> list[str]:
    """All kinds that a node may have."""
    return [*plugins.names("kinds", KINDS), *(name for name in custom if name not in KINDS)]


def _of_node(function: Callable[..., dict[str, Any]]) -> Callable[[Task], dict[str, Any]]:
    return lambda task: function(task.node)
