"""What a project's own files say of it: its name, its parameters, its engine. Reads two small files, and knows no node."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.documents import read_yaml
from seeknal_nb.dag.text import read_text
from seeknal_nb.errors import ManifestError, Place, UsageError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["PROJECT_FILE", "settings_of"]

PROJECT_FILE = "seeknal_project.yml"
"""The peer's name for a project's settings."""


def settings_of(directory: Path) -> dict[str, Any]:
    """``[tool.seeknal_nb]`` of the directory's pyproject.toml, on top of name and params of its seeknal_project.yml."""
    path = directory / "pyproject.toml"
    named = _peer_settings(directory)
    if not path.is_file():
        return named
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("seeknal_nb", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            "pyproject.toml cannot be read", why=str(error), remedy="mend it", place=Place(path.name)
        ) from error
    return {**named, **found, "params": {**named["params"], **found.get("params", {})}} if named else dict(found)


def _peer_settings(directory: Path) -> dict[str, Any]:
    """The name of a project as the peer writes it, and ``params``, which are ours; its other settings are the peer's own."""
    path = directory / PROJECT_FILE
    if not path.is_file():
        return {}
    documents = read_yaml(read_text(path, root=directory), file=path.name, empty_ok=True)
    found = documents[0].value if documents else {}
    params = found.get("params") or {} if isinstance(found, dict) else None
    if not isinstance(params, dict):
        remedy = "write name: ..., and below params: a name and a value a line"
        raise ManifestError("not a project's settings", remedy=remedy, place=Place(path.name))
    return {"name": str(found.get("name") or ""), "params": params}
