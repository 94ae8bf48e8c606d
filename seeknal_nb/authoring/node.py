"""The one way to make a node of what somebody wrote, whichever door it came through. Runs nothing."""

from __future__ import annotations

import json
import math
from datetime import date, time
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from seeknal_nb.config import ConfigError, refused
from seeknal_nb.dag.graph import check_name
from seeknal_nb.dag.manifest import Node, node_type
from seeknal_nb.declaration import check_keys, declaration_of
from seeknal_nb.errors import ManifestError, near
from seeknal_nb.kinds import is_kind, kind_names
from seeknal_nb.storage.text import read_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal_nb.declaration import Declaration

__all__ = ["check_id", "make_node"]

MOST_BITS = 14_000
"""Of a whole number: Python reads no more than 4,300 digits back."""


def make_node(
    kind: object,
    name: object,
    given: Mapping[str, Any],
    *,
    root: Path,
    kinds: Mapping[str, Any] | None = None,
    file: str | None = None,
) -> Node:
    """The node of a kind, a name and the keys that somebody gave, each with its value in the form that JSON has.

    Dates are ISO 8601 text, paths have forward slashes, tuples and sets are lists (sets sorted). ``tags`` and ``inputs`` may
    be a text with commas, ``columns`` a list. None is as if the key were not there. What the kind itself has to say of the
    config is asked by ``check_node``.

    Args:
        kind: One of the kinds.
        name: The node's, unique within the kind.
        given: YAML's keys, or arguments of their names (``as_`` for ``as``, which is a word of Python).
        root: The project's folder, where ``sql_file`` starts from, and which it may not leave.
        kinds: The caller's own kinds by name, as ``DAGRunner`` takes them.
        file: What errors call the place, relative to the root.

    Raises:
        ManifestError: There is no such kind, or the name cannot be a table's, or a key or its value cannot be
            (``ConfigError``, with the path to it).
    """
    check_id(kind, name, kinds or {})
    try:
        config = _config(declaration_of(str(kind), kinds), given, root)
    except ManifestError as error:
        raise error.at(node=f"{kind}.{name}") from None
    fields = {key: config.pop(key, None) for key in ("description", "owner", "tags", "columns")}
    node = Node(f"{kind}.{name}", str(name), node_type(str(kind)), config=config, file_path=file)
    node.description, node.owner = fields["description"], fields["owner"]
    node.tags, node.columns = fields["tags"] or [], fields["columns"] or {}
    return node


def _config(declared: Declaration, given: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """What was given, spelled as the kind reads it, and sound as far as keys and shapes go."""
    try:
        config = {_key(key): plain(value, (_key(key),)) for key, value in given.items() if value is not None}
    except RecursionError:
        raise ManifestError("a key holds itself", remedy="give text, numbers, lists or mappings") from None
    config = declared.spelled(_common(config, root))
    check_keys(declared, config)
    return config


def check_id(kind: object, name: object, custom: Mapping[str, Any]) -> None:
    """Refuse a kind that is not known, nor the caller's own, and a name that no table can have."""
    if not isinstance(kind, str) or not is_kind(kind, custom):
        kinds = kind_names(custom)
        error = refused(str(kind), kinds)
        raise error(f"unknown kind {kind!r}", remedy=near(str(kind), kinds, what="kind"), path=("kind",)).at(
            node=f"{kind}.{name}"
        )
    why = check_name(name)
    if why:
        raise ConfigError("bad name", why=why, remedy="rename the node", path=("name",))


def _key(key: object) -> str:
    return "as" if key == "as_" else str(key)


def _common(config: dict[str, Any], root: Path) -> dict[str, Any]:
    """Spellings that all kinds share: comma lists, a file for the SQL, and the peer's place for the columns."""
    for key in ("tags", "inputs", "depends_on"):
        if isinstance(config.get(key), str):
            config[key] = _listed(key, config[key])
    tags = config.get("tags", [])
    if not isinstance(tags, list) or any(not isinstance(tag, str) for tag in tags):
        raise _wrong("tags", tags, "text or a list of text")
    bodies = [key for key in ("sql", "sql_file", "transform") if config.get(key) is not None]
    if len(bodies) > 1:
        why = f"{bodies[0]} and {bodies[1]} both say what it does"
        raise ConfigError("two bodies", why=why, remedy="keep one of them", path=(bodies[1],))
    if "sql_file" in config:
        config["sql"] = _sql_of(config.pop("sql_file"), root)
    output = config.get("output")
    if isinstance(output, dict) and output.keys() <= {"columns"} and not config.get("columns"):
        config["columns"] = config.pop("output").get("columns")
    if config.get("columns") is not None:
        config["columns"] = _columns(config["columns"])
    _check_contract(config)
    return {key: value for key, value in config.items() if value is not None}


def _check_contract(config: dict[str, Any]) -> None:
    """``contract`` is true or false, or dbt's mapping of it, and there are columns to hold to."""
    contract = config.get("contract")
    held = contract.get("enforced") if isinstance(contract, dict) and contract.keys() == {"enforced"} else contract
    if held is not None and not isinstance(held, bool):
        raise _wrong("contract", contract, "true or false", remedy="contract: true")
    if held and not config.get("columns"):
        raise ConfigError("contract without columns", remedy="columns: {id: BIGINT}", path=("contract",))


def _listed(key: str, text: str) -> list[str]:
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise _wrong(key, text, "names, a comma apart", remedy=f"{key}: [a, b]")
    return parts


def _columns(value: Any) -> dict[str, Any]:
    """What the columns are, by name: from a mapping, or a list of names or of mappings with a name."""
    if isinstance(value, dict):
        return value
    listed = value if isinstance(value, list) else [value] if value else []
    named = [one if isinstance(one, dict) else {"name": one} for one in listed]
    if isinstance(value, str) or not all(isinstance(one.get("name"), str) for one in named):
        raise _wrong("columns", value, "a mapping, or a list of names", remedy="columns: {id: what it is}")
    if len({one["name"] for one in named}) < len(named):
        raise _wrong("columns", value, "a mapping, or a list of names, each once", remedy="columns: {id: what it is}")
    return {one["name"]: given if isinstance(given, dict) else None for one, given in zip(named, listed, strict=True)}


def _sql_of(name: Any, root: Path) -> str:
    if not isinstance(name, str) or not name.strip():
        raise _wrong("sql_file", name, "a path", remedy="sql_file: sql/clean.sql")
    path = (root / name).resolve()
    if not path.is_relative_to(root.resolve()):
        why = f"it is {name!r}"
        raise ConfigError("sql_file is outside the project", why=why, remedy="keep it below the project", path=("sql_file",))
    try:
        return read_text(path, root=root)
    except ManifestError as error:
        raise ConfigError(error.what, why=f"{name}: {error.why}", remedy=error.remedy, path=("sql_file",)) from error


def _wrong(key: str, value: object, form: str, *, remedy: str = "") -> ConfigError:
    return ConfigError(f"{key} must be {form}", why=f"it is {value!r:.200}", remedy=remedy or f"{key}: [a, b]", path=(key,))


def plain(value: Any, path: tuple[str, ...]) -> Any:
    """The value as JSON has it; objects that stand for mappings say so themselves, by ``to_dict``."""
    if isinstance(value, dict):
        strange = next((name for name in value if not isinstance(name, str)), None)
        if strange is not None:
            raise ConfigError(f"key {strange!r:.40} is not text", remedy=f"quote it, in {'.'.join(path)}", path=path)
        return {name: plain(one, (*path, name)) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one, path) for one in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(one, path) for one in value), key=lambda one: json.dumps(one, sort_keys=True))
    if hasattr(value, "to_dict") and not _is_table(value):
        return plain(value.to_dict(), path)
    return _scalar(value, path)


def _is_table(value: object) -> bool:
    return hasattr(value, "__arrow_c_stream__") or hasattr(value, "dtype")


def _scalar(value: Any, path: tuple[str, ...]) -> Any:
    if isinstance(value, str):
        return str.__str__(value)  # an enum's member is its text, not its name
    if isinstance(value, (bool, int)) and value.bit_length() < MOST_BITS:
        return bool(value) if isinstance(value, bool) else int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if isinstance(value, (date, time)) and value == value:  # noqa: PLR0124 - pandas's NaT is a datetime, and is not
        return str(value)  # a blank between day and time, as YAML's files have it
    if isinstance(value, PurePath):
        return value.as_posix()
    if value is None:
        return None
    if getattr(value, "ndim", None) == 0 and hasattr(value, "dtype") and value.dtype.kind in "biufUM":
        return str(value).replace("T", " ") if value.dtype.kind == "M" and str(value) != "NaT" else _of_numpy(value, path)
    raise _no_plain(value, path)


def _of_numpy(value: Any, path: tuple[str, ...]) -> Any:
    found = value.item()
    if type(found) not in (bool, int, float, str):
        raise _no_plain(value, path)
    return plain(found, path)


def _no_plain(value: object, path: tuple[str, ...]) -> ConfigError:
    what = "a finite number" if isinstance(value, float) else "a plain value"
    why = f"it is {'a number of too many digits' if isinstance(value, int) else repr(value)[:100]}"
    why += f", of type {type(value).__name__}"
    remedy = "give text, numbers, lists or mappings"
    return ConfigError(f"{'.'.join(path)} must be {what}", why=why, remedy=remedy, path=path)
