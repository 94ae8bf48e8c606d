"""What is remembered of each node between runs, and what keeps it: SPEC.md § State Management. Reads no file.

A store takes and gives plain dicts; what they mean is read here.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from seeknal_nb.errors import StateError
from seeknal_nb.storage.files import digest
from seeknal_nb.workflow.events import ExecutionStatus

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

__all__ = ["WARNINGS", "Lease", "NodeState", "StateBackend", "StateStore", "entry_of", "read_states"]

FORMAT = 2
WARNINGS = 20
_encode, _sorted = json.JSONEncoder().encode, json.JSONEncoder(sort_keys=True).encode
PROOF = "proof"
"""The key of an entry that holds a digest of the others; those of earlier versions have none, and are believed."""
BELOW = "{root}/"
"""Before what lies in the project's folder."""
SIGNED = 5
"""What is remembered of a file: its stat signature and its digest."""


@dataclass(frozen=True, slots=True)
class NodeState:
    """One entry: the spec's four fields, then ours.

    Attributes:
        status: ``success`` or ``failed``.
        duration: Seconds of the last execution, all attempts.
        row_count: Rows of the last good build.
        last_run: Seconds since the epoch; shown, never decided by.
        fingerprint: The key of the last execution.
        built: The key of the last good build; other than ``fingerprint`` after a failure.
        digest: Digest of the last good build; None where it has no data.
        output: Its directory, relative to the outputs' root; None where it has no data.
        inputs: Digests of what it read.
        parts: Digests of the parts of its config and code, to say what changed.
        raw: Digest of its config as it was written.
        probe: Digest of what the kind saw in the world.
        seen: By path, the stat signature and digest of what it saw or delivered. Paths in the project's folder are kept as
            they go on from there, after ``{root}/``.
        earlier: For builds without data: row counts of the former builds by key; going back finds them.
        attempts: Executions of the last run.
        error: The last failure's text.
        remedy: What that text ends in.
        line: The line of the body that it is about, from 1; 0 for none.
        owner: The notebook, the script or the folder whose node it was at the last execution; empty where nobody said.
        users: Others who ran it before, or found it up to date.
        warnings: What the last good build came with and should be looked at; the first ``WARNINGS`` of them.
        version: Form of this entry.
    """

    status: str
    duration: float = 0.0
    row_count: int | None = None
    last_run: float = 0.0
    fingerprint: str | None = None
    built: str | None = None
    digest: str | None = None
    output: str | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)
    raw: str | None = None
    probe: str | None = None
    seen: dict[str, Any] = field(default_factory=dict)
    earlier: dict[str, int | None] = field(default_factory=dict)
    attempts: int = 0
    error: str | None = None
    remedy: str | None = None
    line: int = 0
    owner: str = ""
    users: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    version: int = FORMAT

    @property
    def outdated(self) -> bool:
        """Whether an earlier version of this program wrote it, whose keys are others."""
        return self.version < FORMAT

    @property
    def good(self) -> bool:
        """Whether the last execution succeeded."""
        return self.status == ExecutionStatus.SUCCESS

    def to_dict(self) -> dict[str, Any]:
        """The entry as JSON has it; what is empty is left out, but for the spec's four fields."""
        shown = {"status": self.status, "duration": self.duration, "row_count": self.row_count, "last_run": self.last_run}
        for name in _OURS:
            value = getattr(self, name)
            if value not in (None, {}, [], "", 0):
                shown[name] = value
        return shown


_OURS = tuple(name for name in NodeState.__dataclass_fields__ if name not in ("status", "duration", "row_count", "last_run"))
_FIELDS = frozenset(NodeState.__dataclass_fields__)


def entry_of(node_id: str, state: NodeState, root: Path) -> dict[str, Any]:
    """The entry of a node as a store keeps it: it proves itself, and paths in ``root``, the project's folder, start there.

    So a project that was moved, or copied, finds what lies in its own folder.
    """
    told, top = state.to_dict(), f"{root}{os.sep}"
    if state.seen:
        seen = {_below(top, path): [_below(top, one) for one in found] for path, found in state.seen.items()}
        told["seen"] = json.loads(_encode(seen))  # as every store gives it back
    told[PROOF] = _proof(node_id, _sorted(told))
    return told


def _proof(node_id: str, text: str) -> str:
    """A digest over all that an entry says, and of whom; ``text`` has its keys in their order, whatever a store does."""
    return digest(f"[{_sorted(node_id)}, {text}]")


def _seen_from(root: Path, seen: Mapping[str, Any]) -> dict[str, Any]:
    """What an entry says was ``seen``, with paths of this machine; JSON has no tuples."""
    top = f"{root}{os.sep}"
    return {_from(top, path): tuple(_from(top, one) for one in found) for path, found in seen.items()}


def _from(top: str, one: Any) -> Any:
    return top + one[len(BELOW) :] if isinstance(one, str) and one.startswith(BELOW) else one


def _below(top: str, one: Any) -> Any:
    return BELOW + one[len(top) :] if isinstance(one, str) and one.startswith(top) else one


def _with_roots(seen: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What earlier versions wrote, whose paths started in the working directory: the project's folder, as a rule."""
    for path, found in seen.items():
        named = found[0] in ("files", "sqlite")
        told = [found[0], _rooted(found[1]), *found[2:]] if named else found
        yield _rooted(path) if named or len(found) == SIGNED or list(found) == ["missing"] else path, told


def _rooted(path: str) -> str:
    return path if os.path.isabs(path) or path.startswith(BELOW) else BELOW + path  # noqa: PTH117 - a text


def read_states(entries: object, root: Path) -> tuple[dict[str, NodeState], list[str]]:
    """The entries of a state that can be trusted, and a line for each that cannot; ``root`` is the project's folder.

    Raises:
        StateError: A newer program wrote it; it is not touched.
    """
    if not isinstance(entries, dict):
        return {}, ["the state is not an object; all nodes count as never built"]
    states, notes = {}, []
    for node_id, entry in entries.items():
        try:
            states[node_id] = _read_entry(node_id, entry, root)
        except (TypeError, ValueError, LookupError, AttributeError) as error:
            notes.append(f"the state of {node_id} is broken ({error}); it counts as never built")
    return states, notes


def _read_entry(node_id: str, entry: dict[str, Any], root: Path) -> NodeState:
    version = entry.get("version", FORMAT)
    if isinstance(version, int) and version > FORMAT:
        raise StateError(
            "the state was written by a newer seeknal_nb",
            why=f"entries of version {version}, this program reads {FORMAT}",
            remedy="install that version, or use another state folder",
        )
    if PROOF in entry:
        entry = {**entry}
        if entry.pop(PROOF) != _proof(node_id, _sorted(entry)):
            raise ValueError("it is not what was written")
    elif "seen" in entry:
        entry = {**entry, "seen": dict(_with_roots(entry["seen"]))}
    known = entry if entry.keys() <= _FIELDS else {name: value for name, value in entry.items() if name in _FIELDS}
    if "seen" in known:
        known = {**known, "seen": _seen_from(root, known["seen"])}
    state = NodeState(**known)
    _check(state)
    return state


def _check(state: NodeState) -> None:
    if state.status not in (ExecutionStatus.SUCCESS, ExecutionStatus.FAILED):
        raise ValueError(f"status {state.status!r}")
    if not isinstance(state.duration, (int, float)) or not 0 <= state.duration < float("inf"):
        raise ValueError(f"duration {state.duration!r}")
    if not isinstance(state.last_run, (int, float)) or not abs(state.last_run) < float("inf"):
        raise ValueError(f"last_run {state.last_run!r}")
    if state.row_count is not None and (type(state.row_count) is not int or state.row_count < 0):
        raise ValueError(f"row_count {state.row_count!r}")
    if not (type(state.version) is type(state.line) is int):
        raise TypeError(f"version {state.version!r}, line {state.line!r}")
    texts = (state.fingerprint, state.built, state.digest, state.output, state.raw, state.probe, state.error, state.remedy)
    for value in (*texts, *state.warnings, *state.users, state.owner):
        if value is not None and type(value) is not str:
            raise ValueError(f"{value!r} should be text")
    for held in (state.inputs, state.parts, state.seen, state.earlier):
        if not isinstance(held, dict):
            raise TypeError(f"{held!r} should be an object")


@runtime_checkable
class StateStore(Protocol):
    """Where entries are kept. Anybody may look; who writes holds the one lease.

    A store may have ``notes`` too: lines about what the last ``load`` met, for the reader of a plan; and ``stamp()``, which
    gives what JSON can hold and is equal as long as nobody has written: then a run need not read all entries again.
    """

    def load(self) -> dict[str, Any]:
        """All entries by node id; ``{}`` where there are none yet. Changes nothing."""

    def acquire(self, owner: str) -> Lease:
        """Take the lease of these entries; ``owner`` says to others who has it.

        Raises:
            LockedError: Another run has it; the error says who, where, and since when.
        """


class Lease(Protocol):
    """The right to write a store's entries. A lease that was taken over, or let go, raises ``Fenced`` and writes nothing.

    Attributes:
        token: Greater than that of every lease before.
        left: Who had it before and did not let go, as a run that was killed; else None.
    """

    token: int
    left: str | None

    def put(self, node_id: str, entry: dict[str, Any]) -> None:
        """Keep an entry; it outlives this process from now on. Entries of other nodes stay as they are."""

    def forget(self, node_ids: Collection[str]) -> None:
        """Keep no entry of these nodes any more."""

    def renew(self) -> None:
        """Prove that this is still the lease: before something is done that cannot be taken back."""

    def sync(self) -> None:
        """Bring what was put to the disk: it outlives a power cut from now on."""

    def release(self) -> None:
        """Let go; a second time it does nothing."""


@runtime_checkable
class StateBackend(Protocol):
    """What SPEC.md § State Backends has for a store: it is saved whole."""

    def load(self) -> Any:
        """All entries by node id; None or ``{}`` where there are none yet."""

    def save(self, state: dict[str, Any]) -> None:
        """Keep these entries, and no others."""
