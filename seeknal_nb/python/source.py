"""The source of a function that becomes a node, and which of its decorators are ours; it runs nothing, and knows no node."""

from __future__ import annotations

import ast
import inspect
import textwrap
import tokenize
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import ManifestError, text_of
from seeknal_nb.python.body import parse
from seeknal_nb.python.extract import SourceFile
from seeknal_nb.python.scope import DEFS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

__all__ = ["HOME", "Ours", "source_of"]

HOME = "seeknal_nb.authoring.decorators"
"""Where the decorators are."""


@dataclass(frozen=True, slots=True)
class Ours:
    """Whether a decorator, as it is written, is one of those that make a node.

    ``names`` are what it may read, ``homes`` the modules of such decorators, and ``methods`` those of a project, which may
    be a variable of a function, that is not among the names.
    """

    names: Mapping[str, object]
    homes: Collection[str] = (HOME,)
    methods: Collection[str] = ()

    def __call__(self, mark: ast.expr) -> bool:
        """Whether this one is."""
        attributes = []
        node = mark.func if isinstance(mark, ast.Call) else mark
        while isinstance(node, ast.Attribute):
            attributes.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return False
        if node.id not in self.names:
            return bool(attributes) and attributes[0] in self.methods
        found: Any = self.names[node.id]
        for name in reversed(attributes):
            found = getattr(found, name, None)
        found = getattr(found, "func", found)  # a decorator that was kept is a partial
        return getattr(found, "__module__", None) in self.homes


def source_of(function: Callable[..., Any], name: str, *, homes: Collection[str], methods: Collection[str]) -> str:
    """The function's own lines without our decorators, under the node's name; other decorators are part of what it does.

    Args:
        function: What stands in a cell or a file.
        name: The node's.
        homes: Modules of decorators that are ours.
        methods: Methods of a project that are decorators.

    Raises:
        ManifestError: It is no ``def``, or there is no text of it.
    """
    try:
        text = textwrap.dedent(inspect.getsource(function))
        tree = parse(text)
    except (OSError, TypeError) as error:
        remedy = "define it in a file or a cell, or give python=..."
        raise ManifestError(f"the source of {name!r} cannot be read", why=str(error), remedy=remedy) from error
    except (SyntaxError, ValueError, tokenize.TokenError) as error:
        raise _no_function(name, text_of(error)) from error
    found = tree.body[0] if tree.body else None
    if not isinstance(found, DEFS):
        raise _no_function(name, f"it is {text.strip().splitlines()[0]!r:.100}")
    names = getattr(inspect.unwrap(function), "__globals__", {})
    ours = Ours(names, homes=homes, methods=methods)
    return SourceFile(text, tree, ours=ours, modules={}, values={}).slice_of(found, name=name).lstrip("\n")


def _no_function(name: str, why: str) -> ManifestError:
    remedy = "write it with def, in lines of its own"
    return ManifestError(f"{name!r} is no function that stands by itself", why=why, remedy=remedy)
