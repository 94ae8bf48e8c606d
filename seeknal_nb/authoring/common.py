"""Pieces of SQL and names that a project's nodes share: ``seeknal/common/*.yml``, as the peer has them; knows no node.

``sources.yml`` gives ``{{ id.param }}`` and ``{{ id.ref }}``, ``rules.yml`` ``{{ rules.id }}``, ``transformations.yml``
``{{ transforms.id }}``. They are put in when the project is read: what a node uses of them is its own text then.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.partitions import OF_PARTITION
from seeknal_nb.errors import ManifestError, Place, near
from seeknal_nb.storage.documents import read_yaml
from seeknal_nb.storage.text import read_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["filled", "read_common"]

_NAMED = re.compile(r"\{\{\s*(\w+\.\w+)\s*\}\}")


def read_common(folder: Path, root: Path) -> dict[str, str]:
    """What the folder defines, by its dotted names; nothing where there is no folder.

    Raises:
        ManifestError: A file of it is broken.
    """
    found: dict[str, str] = {}
    for name, entries in FILES.items():
        paths = [path for path in (folder / f"{name}.yml", folder / f"{name}.yaml") if path.is_file()]
        for path in paths:
            found |= _entries(read_text(path, root=root), path.relative_to(root).as_posix(), name, entries)
    return found


def _entries(text: str, file: str, name: str, entries: Callable[[dict[str, Any]], dict[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for document in read_yaml(text, file=file, empty_ok=True):
        listed = document.value.get(name) if isinstance(document.value, dict) else None
        if not isinstance(listed, list):
            raise ManifestError(f"no list of {name}", remedy=f"write {name}: and below it - id: ...", place=document.place)
        for number, entry in enumerate(listed):
            place = document.positions.get((name, number), document.place)
            found |= _entry(entry, entries, place)
    return found


def _entry(entry: Any, entries: Callable[[dict[str, Any]], dict[str, str]], place: Place) -> dict[str, str]:
    try:
        return {name.strip(): value.strip() for name, value in entries(entry).items()}
    except (KeyError, TypeError, AttributeError) as error:
        why = f"it lacks {error}" if isinstance(error, KeyError) else "it is no mapping of texts"
        raise ManifestError("broken entry", why=why, remedy="an entry has an id and its text", place=place) from error


def _source(entry: dict[str, Any]) -> dict[str, str]:
    values = {str(name): str(value) for name, value in (entry.get("params") or {}).items()}
    return {f"{entry['id']}.{name}": value for name, value in {**values, "ref": entry["ref"]}.items()}


FILES: Mapping[str, Callable[[dict[str, Any]], dict[str, str]]] = {
    "sources": _source,
    "rules": lambda entry: {f"rules.{entry['id']}": entry["value"]},
    "transformations": lambda entry: {f"transforms.{entry['id']}": entry["sql"]},
}


def filled(config: Mapping[str, Any], common: Mapping[str, str]) -> dict[str, Any]:
    """The config with the dotted names in its texts put in; a Python body is left as it is.

    Raises:
        ManifestError: A name is not there.
    """
    return {name: value if name == "python" else _filled(value, common) for name, value in config.items()}


def _filled(value: Any, common: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _NAMED.sub(lambda match: _value(match, common), value) if "{{" in value else value
    if isinstance(value, dict):
        return {name: _filled(one, common) for name, one in value.items()}
    return [_filled(one, common) for one in value] if isinstance(value, list) else value


def _value(match: re.Match[str], common: Mapping[str, str]) -> str:
    name = match[1]
    if name in OF_PARTITION:  # known when one runs
        return match[0]
    if name not in common:
        remedy = (
            f"write it into seeknal/common/; {near(name, common, what='name')}" if common else "write seeknal/common/*.yml"
        )
        raise ManifestError(f"{name!r} is not in seeknal/common/", remedy=remedy)
    return common[name]
