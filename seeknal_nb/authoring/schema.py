"""The JSON Schema of a node's YAML, for editors: what the kinds declare. It refuses nothing that the program takes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from seeknal_nb.config import COMMON, EITHER, LOOSE, MAPPING, MAPPINGS, NAMED, TEXT, TEXTS, Key
from seeknal_nb.declaration import declaration_of
from seeknal_nb.kinds import kind_names
from seeknal_nb.sql.text import NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["TITLE", "node_schema", "schema_text"]

TITLE = "A node of a seeknal_nb project"
_LIST: Mapping[str, Any] = {"type": "array"}
_OBJECTS: Mapping[str, Any] = {"type": "array", "items": {"type": "object"}}
SHAPES: Mapping[str, Mapping[str, Any]] = {
    TEXT: {"type": "string"},
    TEXTS: {"anyOf": [{"type": "string"}, _LIST, {"type": "object", "required": ["ref"]}]},
    MAPPING: {"type": "object"},
    NAMED: {"anyOf": [{"type": "string"}, {"type": "object"}]},
    MAPPINGS: _OBJECTS,
    EITHER: {"anyOf": [_OBJECTS, {"type": "object"}]},
    LOOSE: {"anyOf": [{"type": "string"}, _LIST, {"type": "object"}]},
}
"""What each shape of a value is; one that is not here may be anything."""


def schema_text(kinds: Mapping[str, Any] | None = None) -> str:
    """``node_schema`` as JSON text."""
    return json.dumps(node_schema(kinds), indent=1)


def node_schema(kinds: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The schema (draft 7, which editors know) of one YAML document; ``kinds`` are the caller's own by name."""
    names = kind_names(kinds or {})
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": TITLE,
        "type": "object",
        "required": ["kind", "name"],
        "properties": {
            "kind": {"enum": names, "description": "what it does"},
            "name": {"type": "string", "pattern": f"^{NAME.pattern}$", "description": "its name, unique within the kind"},
        },
        "allOf": [_of_kind(name, kinds) for name in names],
    }


def _of_kind(name: str, kinds: Mapping[str, Any] | None) -> dict[str, Any]:
    declared = declaration_of(name, kinds)
    keys = {"kind": {}, "name": {}, **_properties((*COMMON, *declared.keys))}
    closed = {} if declared.open else {"additionalProperties": False}
    of_kind = {"properties": {"kind": {"const": name}}, "required": ["kind"]}
    return {"if": of_kind, "then": {"description": declared.says, "properties": keys, **closed}}


def _properties(keys: Iterable[Key]) -> dict[str, Any]:
    return {key.name: _property(key) for key in keys}


def _property(key: Key) -> dict[str, Any]:
    """None is as if the key were not there, whatever it holds."""
    shape = {"enum": [*key.words, None]} if key.words else _or_null(SHAPES.get(key.holds, {}))
    within = {"properties": _properties(key.within)} if key.within else {}
    return {"description": key.says, **shape, **within}


def _or_null(shape: Mapping[str, Any]) -> dict[str, Any]:
    if "anyOf" in shape:
        return {"anyOf": [*shape["anyOf"], {"type": "null"}]}
    return {**shape, "type": [shape["type"], "null"]} if shape else {}
