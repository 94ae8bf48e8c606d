"""The one table of node kinds: a row a kind, found by name when a node needs it. Entry points extend it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seeknal_nb import plugins
from seeknal_nb.dag.shapes import check_shapes
from seeknal_nb.engines import FORMS
from seeknal_nb.errors import ManifestError, near
from seeknal_nb.workflow.kinds.task import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.workflow.kinds.task import Task

__all__ = ["KINDS", "check_node", "kind_names", "kind_of"]

KINDS: Mapping[str, str] = {
    "source": "seeknal_nb.workflow.kinds.sources.source:SOURCE",
    "transform": "seeknal_nb.workflow.kinds.tables:TRANSFORM",
    "feature_group": "seeknal_nb.workflow.kinds.features.feature_group:FEATURE_GROUP",
    "model": "seeknal_nb.workflow.kinds.models.model:MODEL",
    "aggregation": "seeknal_nb.workflow.kinds.aggregations.aggregation:AGGREGATION",
    "rule": "seeknal_nb.workflow.kinds.rules.rule:RULE",
    "exposure": "seeknal_nb.workflow.kinds.exposures.exposure:EXPOSURE",
    "profile": "seeknal_nb.workflow.kinds.aggregations.profile:PROFILE",
    "second_order_aggregation": "seeknal_nb.workflow.kinds.aggregations.aggregation:AGGREGATION",
    "semantic_model": "seeknal_nb.workflow.kinds.tables:DECLARATION",
    "metric": "seeknal_nb.workflow.kinds.tables:DECLARATION",
}


def kind_of(name: str, custom: Mapping[str, Callable[..., dict[str, Any]] | Kind]) -> Kind:
    """The kind of that name: the caller's own, else of the table, else of an entry point.

    A function of a node is a custom executor as SPEC.md § Custom Executors writes it. The caller's own stay with the caller.

    Raises:
        PluginError: There is none.
    """
    found = custom.get(name) or plugins.find("kinds", name, KINDS)
    kind = found if isinstance(found, Kind) else Kind(execute=_of_node(found), stages=False)
    return replace(kind, travels=lambda _: False) if name in custom else kind


def check_node(node: Node, kind: Kind) -> None:
    """Refuse a config that no node of this kind can have; raises ``ManifestError`` with the node's name and file."""
    try:
        check_shapes(node.config)
        _check_common(node)
        kind.check(node)
    except ManifestError as error:
        raise error.at(node=node.id, place=node.place) from None


def _check_common(node: Node) -> None:
    """What would be passed over in silence by a kind that does not read it."""
    form = node.config.get("as")
    if form is not None and form not in FORMS:
        raise ManifestError(f"unknown frame {form!r}", remedy=near(form, FORMS, what="frame"))
    if node.config.get("materialized") == "view" and node.node_type != "transform":
        raise ManifestError("only a transform can be a view", remedy="take materialized away")
    _check_features(node)
    _check_targets(node)


def _check_targets(node: Node) -> None:
    """Refuse the peer's places for a node's table besides its own build, unless they are switched off."""
    stored = node.config.get("materialization")
    targets = node.config.get("materializations") or ([stored] if stored and node.node_type != "feature_group" else [])
    for target in targets if isinstance(targets, list) else [targets]:
        if not isinstance(target, dict) or str(target.get("enabled")).casefold() != "false":
            raise ManifestError(
                f"materialization of a {node.node_type} is not done",
                why="to deliver a table into a catalog or a database is an exposure's work",
                remedy="write an exposure node for it, and take this away or set enabled: false",
            )


def _check_features(node: Node) -> None:
    """Kinds that compute features have a mapping of each; a transform joins them by name, and a feature group lists them."""
    features = node.config.get("features") or ()
    plain = isinstance(features, str) or not all(isinstance(one, dict) for one in features)
    if plain and not isinstance(features, dict) and node.node_type not in ("transform", "feature_group"):
        raise ManifestError(
            "features must be a list or a mapping", why=f"it is {features!r:.200}", remedy="features: [{name: amount, ...}]"
        )


def kind_names(custom: Mapping[str, object]) -> list[str]:
    """All kinds that a node may have."""
    return [*plugins.names("kinds", KINDS), *(name for name in custom if name not in KINDS)]


def _of_node(function: Callable[..., dict[str, Any]]) -> Callable[[Task], dict[str, Any]]:
    return lambda task: function(task.node)
