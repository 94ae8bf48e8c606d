"""Namespaces as cells leave them, and what a body takes of one; for the tests of what bodies read."""

from __future__ import annotations

import linecache
import textwrap
from typing import Any

from seeknal_nb.python.body import load, read_body
from seeknal_nb.python.capture import Captured, captured

__all__ = ["bare", "cell", "cells", "digest", "made", "taken"]


def cell(space: Any, source: str) -> dict[str, object]:
    """Run one more cell, with its source in linecache as IPython does it."""
    text = textwrap.dedent(source)
    file = f"<cell {hash(text)}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    exec(compile(text, file, "exec", dont_inherit=True), space)
    return space


def cells(*sources: str) -> dict[str, object]:
    """A namespace in which the cells ran."""
    space: dict[str, object] = {"__name__": "__main__"}
    for source in sources:
        cell(space, source)
    return space


def bare(*sources: str) -> dict[str, object]:
    """The same without a source anywhere."""
    space: dict[str, object] = {}
    for source in sources:
        exec(compile(textwrap.dedent(source), "<string>", "exec", dont_inherit=True), space)
    return space


def taken(space: dict[str, object], body: str = "f()") -> Captured:
    return captured(read_body(body, name="node"), space, inputs=())


def digest(space: dict[str, object], body: str = "f()") -> str:
    return taken(space, body).digest_text


def made(found: Captured, body: str) -> Any:
    """What the body gives with what it took."""
    return load(read_body(body, name="node"), found.fresh(), filename="<seeknal transform.node>")({})
