"""What the record of a build says in a store that others use, too: the build's own record, and where its files lie there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from seeknal_nb.errors import StateError
from seeknal_nb.storage.builds import read_record

if TYPE_CHECKING:
    from pathlib import Path

    from seeknal_nb.storage.builds import Build

__all__ = ["LostError", "Told", "far_name", "lost", "node_of", "place_of", "read_told", "told_bytes"]


class LostError(StateError):
    """What is neither here nor there, as opposed to what cannot be reached."""


def lost(node_id: str, why: str) -> LostError:
    """The error of a build that is."""
    return LostError(f"the build of {node_id} cannot be read", why=why, remedy=f"run again: {node_id} is built anew")


class Told(NamedTuple):
    """What such a record says.

    Attributes:
        stage: The folder of the files, in the build's own.
        build: The build.
        record: Its own record.
    """

    stage: str
    build: Build
    record: bytes


def far_name(store: str) -> str:
    """Of the file in a build's directory that holds the record of that store, as long as the build's files are not here."""
    return f"remote-{store}.json"


def place_of(node_id: str, key: str) -> str:
    """Where the build of that key lies in a store."""
    kind, _, name = node_id.partition(".")
    return f"{kind}/{name}/{key}"


def node_of(directory: Path) -> str:
    """Whose builds lie in that folder."""
    return f"{directory.parent.name}.{directory.name}"


def told_bytes(stage: str, record: bytes) -> bytes:
    """The bytes of the record."""
    return json.dumps({"stage": stage, "record": record.decode()}).encode()


def read_told(data: bytes, directory: Path) -> Told | None:
    """What the record of the build in that directory says; None where it is not whole, or is that of another build."""
    try:
        told = json.loads(data)
        stage, record = str(told["stage"]), str(told["record"]).encode()
        build = read_record(record, directory)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    same = (build.node_id, build.key) == (node_of(directory.parent), directory.name)
    above = {file.name.removesuffix(f"/{file.base}") for file in build.files}
    listed = {part.key for part in build.parts} if build.lists else {build.key}
    own = above <= listed and not any("/" in key or not key.strip(".") for key in listed)
    return Told(stage, build, record) if own and same and "/" not in stage else None
