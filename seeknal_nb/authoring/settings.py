"""What a project's own files say of it: its name, parameters, engine and state. Reads two small files, and knows no node."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import ManifestError, Place, UsageError, near
from seeknal_nb.storage.documents import read_yaml
from seeknal_nb.storage.text import read_text
from seeknal_nb.workflow.retention import Retention

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["PROJECT_FILE", "settings_of"]

PROJECT_FILE = "seeknal_project.yml"
"""The peer's name for a project's settings."""
SETTINGS: Mapping[str, tuple[type, str]] = {
    "name": (str, 'write name = "orders"'),
    "params": (dict, "write [tool.seeknal_nb.params] and below it: day = ..."),
    "engine": (str, 'write engine = "duckdb"'),
    "workers": (int, "write a whole number from 1: workers = 2"),
    "executor": (str, 'write executor = "processes"'),
    "memory": (str, 'write memory = "16GB"'),
    "slots": (dict, "write [tool.seeknal_nb.slots] and below it: gpu = 1"),
    "state": (str, 'write state = "sqlite:///shared/state.db"'),
    "outputs": (str, 'write outputs = "s3://bucket/prefix"'),
    "clean": (dict, 'write [tool.seeknal_nb.clean] and below it: keep = 1, older = "30d", max_size = "10GB"'),
}
"""What may stand in ``[tool.seeknal_nb]``, its type, and how it is written."""
CLEAN: Mapping[str, tuple[type, str]] = {
    "keep": (int, "write a whole number: keep = 1"),
    "older": (str, 'write older = "30d"'),
    "max_size": (str, 'write max_size = "10GB"'),
}
"""The same of ``[tool.seeknal_nb.clean]``."""


def settings_of(directory: Path) -> dict[str, Any]:
    """``[tool.seeknal_nb]`` of the directory's pyproject.toml, on top of name and params of its seeknal_project.yml."""
    named, found = _peer_settings(directory), _own_settings(directory / "pyproject.toml")
    return {**named, **found, "params": {**named["params"], **found.get("params", {})}} if named else found


def _own_settings(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _broken("pyproject.toml cannot be read", str(error), "mend it") from error
    tools = _table(document.get("tool", {}), "tool")
    found = _table(tools.get("seeknal_nb", {}), "tool.seeknal_nb")
    _check(found, SETTINGS, "tool.seeknal_nb", least=1)
    return {**found, "clean": _retention(found["clean"])} if "clean" in found else found


def _check(found: Mapping[str, Any], known: Mapping[str, tuple[type, str]], name: str, *, least: int) -> None:
    """Refuse a key that is not known, a value of another type, and a number below the least."""
    for key, value in found.items():
        if key not in known:
            raise _broken(f"unknown setting {key!r} in [{name}]", "", near(key, known, what="setting"))
        kind, remedy = known[key]
        if type(value) is not kind or (isinstance(value, int) and value < least):
            raise _broken(f"{key} in [{name}] is not what it must be", f"it is {value!r:.100}", remedy)


def _retention(asked: Mapping[str, Any]) -> Retention:
    """What every run is to leave."""
    _check(asked, CLEAN, "tool.seeknal_nb.clean", least=0)
    if not asked:
        raise _broken("[tool.seeknal_nb.clean] says nothing", "", SETTINGS["clean"][1])
    try:
        return Retention.of(**asked)
    except UsageError as error:
        raise _broken(f"{error.what}, in [tool.seeknal_nb.clean]", error.why, error.remedy) from error


def _table(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _broken(f"{name} is no table", f"it is {value!r:.100}", "write [tool.seeknal_nb] and below it: name = ...")
    return dict(value)


def _broken(what: str, why: str, remedy: str) -> UsageError:
    return UsageError(what, why=why, remedy=remedy, place=Place("pyproject.toml"))


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
