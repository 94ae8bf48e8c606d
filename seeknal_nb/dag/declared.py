"""What a decorator was given, as the node that YAML would make of it; reads no file and runs nothing."""

from __future__ import annotations

import difflib
import inspect
from datetime import date, time
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.manifest import Node, node_type
from seeknal_nb.errors import ManifestError, near

if TYPE_CHECKING:
    from collections.abc import Collection

    from seeknal_nb.declare import Declared

__all__ = ["node_of"]

PARAMETRISED = frozenset({"source", "transform", "feature_group", "second_order_aggregation"})
"""Kinds whose decorator takes other arguments as parameters, as the peer's does."""
ALIKE = 0.85
"""An argument that is as near to a key as this is taken for a misspelt one."""


def node_of(declared: Declared, *, keys: Collection[str], body: str | None) -> Node:
    """The node of a function with its decorator's arguments.

    Args:
        declared: Both.
        keys: What may stand in a node's YAML.
        body: The function's Python, where it does anything.

    Raises:
        ManifestError: An argument is unknown, or no plain value.
    """
    kind, name = declared.kind, declared.name
    given = {key: _plain(key, value) for key, value in declared.arguments.items() if not _is_empty(value)}
    config = _config(kind, given, keys)
    if body is not None:
        config["python"] = body
    node = Node(f"{kind}.{name}", name, node_type(kind))
    doc = inspect.getdoc(declared.function) or ""
    node.description = config.pop("description", None) or doc.partition("\n\n")[0].replace("\n", " ").strip() or None
    node.owner, node.tags = config.pop("owner", None), _tags(config.pop("tags", None))
    node.columns = _columns(config.pop("columns", None))
    node.config = config
    return node


def _is_empty(value: object) -> bool:
    return isinstance(value, (str, list, tuple, dict)) and not value


def _config(kind: str, given: dict[str, Any], keys: Collection[str]) -> dict[str, Any]:
    """Keys of the YAML; what is none is a parameter where the kind has such, else refused with the nearest key."""
    config, params = {}, dict(given.pop("params", None) or {})
    for key, value in given.items():
        if key in keys and key not in ("kind", "name"):
            config[key] = value
        elif kind in PARAMETRISED and not difflib.get_close_matches(key, keys, 1, ALIKE):
            params[key] = value
        else:
            other = f"; a parameter of that name: params={{{key!r}: ...}}" if kind in PARAMETRISED else ""
            raise ManifestError(f"@{kind} takes no {key!r}", remedy=near(key, keys, what="argument") + other)
    if isinstance(config.get("entity"), str):
        config["entity"] = {"name": config["entity"], "join_keys": [f"{config['entity']}_id"]}
    return config | ({"params": params} if params else {})


def _tags(value: object) -> list[str]:
    found = [value] if isinstance(value, str) else value or []
    if isinstance(found, list) and all(isinstance(one, str) for one in found):
        return found
    raise ManifestError("tags must be text or a list of text", why=f"it is {value!r:.100}", remedy='tags=["a", "b"]')


def _columns(value: object) -> dict[str, Any]:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return dict.fromkeys(value)
    if value is None or isinstance(value, dict):
        return value or {}
    raise ManifestError("columns must be a mapping or a list", why=f"it is {value!r:.100}", remedy='columns={"id": "..."}')


def _plain(key: str, value: Any) -> Any:
    """The value as JSON has it; objects that stand for mappings say so themselves."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, dict):
        return {str(name): _plain(key, one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(key, one) for one in value]
    if isinstance(value, (set, frozenset)):
        return sorted(map(str, value))
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, PurePath):
        return value.as_posix()
    if hasattr(value, "to_dict"):
        return _plain(key, value.to_dict())
    why = f"it is {value!r:.100}, of type {type(value).__name__}"
    raise ManifestError(f"{key} must be a plain value", why=why, remedy="give text, numbers, lists or mappings")
