"""Nodes that a project goes without, because they are not supported here, and what reads them. Reads no file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeknal_nb.errors import SeeknalError, Unsupported

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["OPTION", "advised", "readers_of", "unsupported"]

OPTION = "--skip-unsupported"


def unsupported(problems: Iterable[SeeknalError]) -> dict[str, str]:
    """Why each node is left out, by id: those whose error says that they are not supported."""
    return {one.node: told(one) for one in problems if isinstance(one, Unsupported) and one.node}


def told(error: SeeknalError) -> str:
    """What an error says, in one line and without its place."""
    said = ": ".join(part for part in (error.what, error.why) if part)
    return f"not supported here: {said} ({error.remedy})" if error.remedy else f"not supported here: {said}"


def readers_of(left: Mapping[str, str], inputs: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Why others are left out with them: each reads one of them, or one that does.

    Args:
        left: Why the first ones are.
        inputs: What each of the other nodes reads.
    """
    readers: dict[str, list[str]] = {}
    for node_id, read in inputs.items():
        for one in read:
            readers.setdefault(one, []).append(node_id)
    found, front = dict[str, str](), list(left)
    while front:
        gone = front.pop(0)
        for node_id in readers.get(gone, ()):
            if node_id not in found and node_id not in left:
                found[node_id] = f"it reads {gone}, which is left out"
                front.append(node_id)
    return found


def advised(problems: Iterable[SeeknalError]) -> None:
    """Name the way to go on without them in the errors of nodes that are not supported."""
    for one in problems:
        if isinstance(one, Unsupported) and one.node:
            one.remedy = f"{one.remedy}; or run {OPTION}, which leaves this node out"
