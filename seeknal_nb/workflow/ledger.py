"""Between a run and its store: what each node is remembered by, put as it finishes, synced in groups."""

from __future__ import annotations

import time
from collections.abc import MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from seeknal_nb.kinds.body import body_line
from seeknal_nb.markup import cut
from seeknal_nb.owner import is_known, owner_of
from seeknal_nb.storage.builds import told_of
from seeknal_nb.storage.files import io_errors
from seeknal_nb.workflow.events import ExecutionStatus
from seeknal_nb.workflow.state import FORMAT, WARNINGS, NodeState, entry_of, read_states

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.storage.builds import Build
    from seeknal_nb.storage.outputs import OutputStore
    from seeknal_nb.workflow.events import NodeResult
    from seeknal_nb.workflow.observe import Observed
    from seeknal_nb.workflow.plan import Decision
    from seeknal_nb.workflow.state import Lease, StateStore

__all__ = ["Ledger", "Remembered", "Trusted", "leased", "recall"]

PERIOD = 1.0
"""Seconds between two groups: a power cut costs no more than this."""
SHARE = 20
"""The next group is synced only when this many times the cost of the last one has passed."""
EARLIER = 50
LONGEST_WARNING = 500


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a store knows: states by node id, notes for the reader of a plan, and the ids of entries that are broken."""

    states: MutableMapping[str, NodeState]
    notes: tuple[str, ...]
    broken: tuple[str, ...]


class Trusted(MutableMapping[str, NodeState]):
    """The states of a store whose entries are sound, each read when it is asked for."""

    def __init__(self, store: StateStore, root: Path) -> None:
        self._store, self._root = store, root
        self._states: dict[str, NodeState] = {}

    @cached_property
    def _entries(self) -> dict[str, Any]:
        return self._store.load()

    def __contains__(self, node_id: object) -> bool:
        return node_id in self._states or node_id in self._entries

    def __getitem__(self, node_id: str) -> NodeState:
        if node_id not in self._states:
            states, _ = read_states({node_id: self._entries[node_id]}, self._root)
            self._states[node_id] = states[node_id]
        return self._states[node_id]

    def __setitem__(self, node_id: str, state: NodeState) -> None:
        self._states[node_id] = state

    def __delitem__(self, node_id: str) -> None:
        if node_id not in self:
            raise KeyError(node_id)
        self._states.pop(node_id, None)
        self._entries.pop(node_id, None)

    def __iter__(self) -> Iterator[str]:
        return iter({**self._entries, **self._states})

    def __len__(self) -> int:
        return len({**self._entries, **self._states})


def recall(store: StateStore, root: Path) -> Remembered:
    """Read the store of the project in that folder; changes nothing.

    Raises:
        StateError: A newer program wrote it, or it cannot be read.
    """
    with io_errors("read"):
        entries = store.load()
    states, notes = read_states(entries, root)
    broken = tuple(node_id for node_id in entries if node_id not in states) if isinstance(entries, dict) else ()
    return Remembered(states, (*getattr(store, "notes", ()), *notes), broken)


@contextmanager
def leased(store: StateStore, owner: str) -> Iterator[Lease]:
    """The store's lease, let go whatever happens; raises ``LockedError`` where another run has it."""
    lease = store.acquire(owner)
    try:
        yield lease
    finally:
        lease.release()


class Ledger:
    """The states of one store, by node id, and how they are kept; what is broken there is forgotten.

    Args:
        store: The store.
        root: The project's folder.
        lease: Its lease.
        left: Who did not finish before, where the state folder knows it.
        owner: Whose the nodes are that stand in no file.
        trusted: The states, where nobody has touched the store since all of its entries were found to be sound.

    Attributes:
        states: What is remembered, by node id.
        notes: For the reader of a plan.
        put: The ids whose entries were written, or forgotten.
        sound: Whether the store had nothing to tell of what it met.

    Raises:
        StateError: A newer program wrote the state.
    """

    def __init__(
        self,
        store: StateStore,
        root: Path,
        lease: Lease,
        left: str | None = None,
        owner: str = "",
        *,
        trusted: MutableMapping[str, NodeState] | None = None,
    ) -> None:
        self.lease, self._root, self._owner = lease, root, owner
        found = recall(store, root) if trusted is None else Remembered(trusted, (), ())
        self.states, self.notes = found.states, list(found.notes)
        self.put, self.sound = {*found.broken}, not found.notes
        left = left or lease.left
        if left is not None:
            self.notes.append(f"the previous run did not finish ({left}); what it finished is kept")
        if found.broken:
            lease.forget(found.broken)
        self._changed = bool(found.broken)
        self._due = time.monotonic() + PERIOD

    def note(
        self, result: NodeResult, decision: Decision, build: Build | None, world: Observed, *, seen: Mapping[str, Any] | None
    ) -> None:
        """Remember how a node came out."""
        node_id, now = result.node_id, time.time()
        facts, sight = world.facts[node_id], world.sights[node_id]
        common: dict[str, Any] = {
            "duration": round(result.duration, 6), "last_run": now, "fingerprint": decision.key, "parts": facts.parts,
            "raw": sight.raw, "probe": facts.probe, "attempts": result.attempts,
            "owner": self._owner_of(sight.node),
        }  # fmt: skip
        before = self.states.get(node_id)
        common["users"] = [
            user for user in ((before.owner, *before.users) if before else ()) if user not in ("", common["owner"])
        ]
        if result.status is ExecutionStatus.SUCCESS and build is not None:
            state = NodeState(
                "success", row_count=result.row_count, built=build.key, digest=build.digest,
                output=_output(build, world), inputs=build.inputs, seen=dict(seen or sight.seen),
                earlier=_earlier(before, build), warnings=_kept(result.warnings), **common,
            )  # fmt: skip
        else:
            former = before or NodeState("failed")
            remedy = getattr(result.error, "remedy", None) or None
            state = replace(
                former, status="failed", error=result.error_message, remedy=remedy, line=body_line(result.error),
                version=FORMAT, **common,
            )  # fmt: skip
        self._put(node_id, state)

    def adopt(self, build: Build, world: Observed) -> bool:
        """Remember who has the node's build too, and that an earlier one is it again; gives whether it was another.

        When it last ran stays, and what it delivered.
        """
        facts, sight, before = world.facts[build.node_id], world.sights[build.node_id], self.states[build.node_id]
        owner = self._owner_of(sight.node)
        if owner not in ("", before.owner, *before.users):
            before = replace(before, users=[*before.users, owner])
        if before.built == build.key:
            if before is not self.states[build.node_id]:
                self._put(build.node_id, before)
            return False
        state = replace(
            before, row_count=build.row_count, fingerprint=build.key, built=build.key, digest=build.digest,
            output=_output(build, world), inputs=build.inputs, version=FORMAT,
            parts=facts.parts, raw=sight.raw, probe=facts.probe,
            seen=dict(sight.seen if facts.addressed else before.seen),
            earlier=_earlier(before, build), warnings=_kept(told_of(world.outputs.whole(build)).get("warnings", ())),
        )  # fmt: skip
        self._put(build.node_id, state)
        return True

    def is_of_another(self, node: Node) -> bool:
        """Whether its last execution was somebody else's, who may be there still; of another session nobody can tell."""
        owner = self.states[node.id].owner
        return is_known(owner) and owner != self._owner_of(node)

    def _owner_of(self, node: Node) -> str:
        return owner_of(node, self._owner)

    def _put(self, node_id: str, state: NodeState) -> None:
        self.states[node_id] = state
        self.put.add(node_id)
        self._changed = True
        self.lease.put(node_id, entry_of(node_id, state, self._root))

    def keep_up(self, outputs: OutputStore) -> None:
        """Bring what is finished to the disk, at most once a second."""
        now = time.monotonic()
        if self._changed and now >= self._due:
            self.close(outputs)
            self._due = time.monotonic() + max(PERIOD, SHARE * (time.monotonic() - now))

    def close(self, outputs: OutputStore) -> None:
        """Bring all of it to the disk, builds first; does nothing where nothing was noted since."""
        if self._changed:
            outputs.sync()
            self.lease.sync()
            self._changed = False


def _kept(warnings: Sequence[str]) -> list[str]:
    return [cut(text, LONGEST_WARNING) for text in warnings[:WARNINGS]]


def _output(build: Build, world: Observed) -> str | None:
    return build.path.relative_to(world.outputs.root).as_posix() if build.path else None


def _earlier(before: NodeState | None, build: Build) -> dict[str, int | None]:
    """Keys under which a node without data was built before."""
    if build.path is not None or before is None or before.built is None or before.output is not None:
        return {}
    found = {**before.earlier, before.built: before.row_count}
    found.pop(build.key, None)
    return dict(list(found.items())[-EARLIER:])
