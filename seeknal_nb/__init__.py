"""Pipelines in a notebook: a DAG of nodes, run in order, only what changed and what follows from it."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from seeknal_nb.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from seeknal_nb.dag.diff import ManifestDiff
    from seeknal_nb.dag.manifest import Edge, Manifest, Node, NodeType
    from seeknal_nb.errors import SeeknalError
    from seeknal_nb.notebook.project import Project
    from seeknal_nb.workflow.runner import (
        DAGRunner,
        ExecutionStatus,
        ExecutionSummary,
        NodeResult,
        print_summary,
    )

    # The decorators of the kinds, which are made from their declarations.
    aggregation: Callable[..., Any]
    exposure: Callable[..., Any]
    feature_group: Callable[..., Any]
    model: Callable[..., Any]
    profile: Callable[..., Any]
    rule: Callable[..., Any]
    second_order_aggregation: Callable[..., Any]
    source: Callable[..., Any]
    transform: Callable[..., Any]


__all__ = [
    "DAGRunner",
    "Edge",
    "ExecutionStatus",
    "ExecutionSummary",
    "Manifest",
    "ManifestDiff",
    "Node",
    "NodeResult",
    "NodeType",
    "Project",
    "SeeknalError",
    "__version__",
    "aggregation",
    "exposure",
    "feature_group",
    "load_ipython_extension",
    "model",
    "print_summary",
    "profile",
    "rule",
    "second_order_aggregation",
    "source",
    "transform",
    "unload_ipython_extension",
]

_HOMES = {
    "DAGRunner": "workflow.runner",
    "Edge": "dag.manifest",
    "ExecutionStatus": "workflow.events",
    "ExecutionSummary": "workflow.events",
    "Manifest": "dag.manifest",
    "ManifestDiff": "dag.diff",
    "Node": "dag.manifest",
    "NodeResult": "workflow.events",
    "NodeType": "dag.manifest",
    "Project": "notebook.project",
    "SeeknalError": "errors",
    "print_summary": "workflow.report",
}


def __getattr__(name: str) -> Any:
    """Public names are imported when they are asked for, so that loading the extension stays quick."""
    if name in _HOMES:
        return getattr(import_module(f"seeknal_nb.{_HOMES[name]}"), name)
    if not name.startswith("_") and find_spec(f"seeknal_nb.{name}") is None:  # a kind's decorator, and no module of ours
        found = getattr(import_module("seeknal_nb.authoring.decorators"), name, None)
        if found is not None:
            return found
    raise AttributeError(f"module 'seeknal_nb' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__


def load_ipython_extension(shell: InteractiveShell) -> None:
    """``%load_ext seeknal_nb``: register the magics."""
    from seeknal_nb.notebook.magics import load  # noqa: PLC0415 - IPython is there already

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """``%unload_ext seeknal_nb``: take them away."""
    from seeknal_nb.notebook.magics import unload  # noqa: PLC0415

    unload(shell)
