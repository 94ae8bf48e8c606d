"""Parts of a Python tree: what each stands in, and what a function binds. Knows no body and no node."""

from __future__ import annotations

import ast

from seeknal_nb.python.scope import bound_by

__all__ = ["bound_within", "parents_in"]


def parents_in(tree: ast.AST) -> dict[int, ast.AST]:
    """What each part of the tree stands in, by the part's ``id``."""
    return {id(child): node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}


def bound_within(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> frozenset[str]:
    """The names that a function has of its own: its arguments, and what its block binds."""
    args = (arg.arg for arg in ast.walk(function.args) if isinstance(arg, ast.arg))
    return bound_by([function.body] if isinstance(function, ast.Lambda) else function.body).union(args)
