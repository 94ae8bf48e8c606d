"""What a feature group says of its own table, kept beside it, so that whoever joins it need not know its config."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from seeknal_nb.errors import NodeError, near

if TYPE_CHECKING:
    from pathlib import Path

    from seeknal_nb.kinds.task import Input

__all__ = ["FILE", "Group", "group_of", "save_group"]

FILE = "feature_group.json"
"""Its digest is part of the build's, so whoever reads the group runs again when its TTL changes."""


@dataclass(frozen=True, slots=True)
class Group:
    """The columns of a group's table, by what they are for.

    Attributes:
        node_id: Which group.
        keys: Columns of the entity's key; never null.
        features: The others, in order.
        event_time: When a row was true; None where the group has one row a key.
        created_time: When it became known; None where it was known at once.
        ttl: How long a row holds after its event time, in microseconds; None for ever.
        ties: Whether two rows of a key may have one event time, of which the one created last counts.
    """

    node_id: str
    keys: tuple[str, ...]
    features: tuple[str, ...]
    event_time: str | None = None
    created_time: str | None = None
    ttl: int | None = None
    ties: bool = False


def save_group(group: Group, directory: Path) -> None:
    """Keep it among a build's files."""
    told = {key: value for key, value in asdict(group).items() if key != "node_id"}
    (directory / FILE).write_text(json.dumps(told))


def group_of(given: Input) -> Group:
    """What an input says of itself.

    Raises:
        NodeError: It is no feature group, or was built by a program that did not keep this.
    """
    path = given.build.path if given.build is not None else None
    if path is None or not (path / FILE).is_file():
        if given.node_id.startswith("feature_group."):
            raise NodeError(f"{given.node_id} does not say what its keys are", remedy=f"run --nodes {given.node_id}")
        kind = given.node_id.partition(".")[0]
        raise NodeError(
            f"{given.node_id} is no feature group", why=f"it is a {kind}", remedy=near(kind, ["feature_group"], what="kind")
        )
    told = json.loads((path / FILE).read_text())
    return Group(given.node_id, tuple(told.pop("keys")), tuple(told.pop("features")), **told)
