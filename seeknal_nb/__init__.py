"""Pipelines in a notebook: a DAG of nodes, run in order, only what changed and what follows from it."""

from seeknal_nb.dag.manifest import VERSION as __version__

__all__ = ["__version__"]
