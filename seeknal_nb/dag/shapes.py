"""What a key of a node's config may hold: text, a list, a mapping. One table, so that no kind meets another shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import ManifestError, Spot

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["check_shapes"]

TEXT, TEXTS, MAPPING, MAPPINGS, EITHER = "text", "text or a list", "a mapping", "a list of mappings", "a list or a mapping"
ANY = "text, a list or a mapping"
SHAPES: Mapping[str, str] = {
    **dict.fromkeys(("sql", "transform", "python", "path", "source", "format", "input", "as", "to", "severity"), TEXT),
    **dict.fromkeys(("materialized", "event_time", "created_time", "id_col", "expression", "on", "url"), TEXT),
    **dict.fromkeys(("watermark", "connection", "connection_string", "query"), TEXT),
    **dict.fromkeys(("inputs", "depends_on", "key", "group_by"), TEXTS),
    **dict.fromkeys(("entity", "materialization", "training", "params", "freshness"), MAPPING),
    **dict.fromkeys(("schema", "checks"), MAPPINGS),
    **dict.fromkeys(("feature_date_col", "application_date_col"), TEXT),
    **dict.fromkeys(("spine", "label_time", "mode", "ttl"), TEXT),
    "rule": EITHER,
    "features": ANY,
}
INSIDE: Mapping[str, Mapping[str, str]] = {
    "training": {
        **dict.fromkeys(("params", "hyperparameters", "split"), MAPPING),
        **dict.fromkeys(("key", "features"), TEXTS),
        **dict.fromkeys(("algorithm", "target", "label_column", "label_source", "task"), TEXT),
    },
    "entity": {"join_keys": TEXTS},
    "materialization": {"event_time_col": TEXT, "created_time_col": TEXT, "ttl": TEXT},
}
"""Keys one level further down."""


def check_shapes(config: Mapping[str, Any]) -> None:
    """Refuse a value of another shape; None is as if the key were not there.

    Raises:
        ManifestError: It names the key and the shape that was expected.
    """
    for key, value in config.items():
        if value is None or key not in SHAPES:
            continue
        if not _fits(value, SHAPES[key]):
            raise _wrong(key, SHAPES[key], value)
        for name, shape in INSIDE.get(key, {}).items():
            inner = value.get(name)
            if inner is not None and not _fits(inner, shape):
                raise _wrong(f"{key}.{name}", shape, inner)


def _fits(value: object, shape: str) -> bool:
    if shape == TEXT:
        return isinstance(value, str)
    if shape == TEXTS:
        return isinstance(value, (str, list, tuple)) or (isinstance(value, dict) and "ref" in value)
    if shape == MAPPING:
        return isinstance(value, dict)
    if shape == ANY:
        return isinstance(value, (str, list, tuple, dict))
    listed = isinstance(value, (list, tuple)) and all(isinstance(item, dict) for item in value)
    return listed or (shape == EITHER and isinstance(value, dict))


def _wrong(key: str, shape: str, value: object) -> ManifestError:
    spot = Spot(tuple(key.split(".")))
    return ManifestError(f"{key} must be {shape}", why=f"it is {value!r:.200}", remedy=f"write {key} as {shape}", spot=spot)
