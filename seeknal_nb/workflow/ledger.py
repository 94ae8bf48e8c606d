"""Between a run and its store: what each node is remembered by, written as it finishes, synced in groups."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seeknal_nb.workflow.events import ExecutionStatus
from seeknal_nb.workflow.state import FORMAT, NodeState, read_states

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal_nb.workflow.builds import Build
    from seeknal_nb.workflow.events import NodeResult
    from seeknal_nb.workflow.observe import Observed
    from seeknal_nb.workflow.outputs import OutputStore
    from seeknal_nb.workflow.plan import Decision
    from seeknal_nb.workflow.state import StateStore

__all__ = ["Ledger"]

PERIOD = 1.0
"""Seconds between two groups: a power cut costs no more than this (DESIGN.md section 7)."""
SHARE = 20
"""A snapshot of the whole state is written only when this many times its own cost has passed since the last one."""
EARLIER = 50


class Ledger:
    """The states of one store, by node id, and notes for the reader of a plan.

    Raises:
        StateError: A newer program wrote the state.
    """

    def __init__(self, store: StateStore, left: str | None = None) -> None:
        self.store = store
        entries = store.load()
        self.states, broken = read_states(entries)
        self._entries = {node_id: entries[node_id] for node_id in self.states}
        self.notes = [*getattr(store, "notes", ()), *broken]
        if left is not None:
            self.notes.append(f"the previous run did not finish ({left}); what it finished is kept")
        self._changed = False
        self._due = time.monotonic() + PERIOD

    def note(
        self, result: NodeResult, decision: Decision, build: Build | None, world: Observed, *, seen: Mapping[str, Any] | None
    ) -> None:
        """Remember how a node came out; a store with a journal has it at once."""
        node_id, now = result.node_id, time.time()
        facts, sight = world.facts[node_id], world.sights[node_id]
        common: dict[str, Any] = {
            "duration": round(result.duration, 6), "last_run": now, "fingerprint": decision.key, "parts": dict(facts.parts),
            "raw": sight.raw, "probe": facts.probe, "attempts": result.attempts,
        }  # fmt: skip
        before = self.states.get(node_id)
        if result.status is ExecutionStatus.SUCCESS and build is not None:
            state = NodeState(
                "success", row_count=result.row_count, built=build.key, digest=build.digest,
                output=_output(build, world), inputs=dict(build.inputs), seen=dict(seen or sight.seen),
                earlier=_earlier(before, build), **common,
            )  # fmt: skip
        else:
            former = before or NodeState("failed")
            state = replace(former, status="failed", error=result.error_message, version=FORMAT, **common)
        self._put(node_id, state)

    def adopt(self, build: Build, world: Observed) -> None:
        """Remember that an earlier build is the node's build again: somebody went back. When it last ran stays."""
        facts, sight, before = world.facts[build.node_id], world.sights[build.node_id], self.states[build.node_id]
        state = replace(
            before, row_count=build.row_count, fingerprint=build.key, built=build.key, digest=build.digest,
            output=_output(build, world), inputs=dict(build.inputs), version=FORMAT,
            parts=dict(facts.parts), raw=sight.raw, probe=facts.probe, seen=dict(sight.seen),
            earlier=_earlier(before, build),
        )  # fmt: skip
        self._put(build.node_id, state)

    def _put(self, node_id: str, state: NodeState) -> None:
        self.states[node_id] = state
        self._entries[node_id] = entry = state.to_dict()
        self._changed = True
        if hasattr(self.store, "append"):
            self.store.append(node_id, entry)

    def keep_up(self, outputs: OutputStore) -> None:
        """Bring what is finished to the disk, at most once a second."""
        now = time.monotonic()
        if not self._changed or now < self._due:
            return
        self._sync(outputs)
        self._save()
        self._due = time.monotonic() + max(PERIOD, SHARE * (time.monotonic() - now))

    def close(self, outputs: OutputStore) -> None:
        """Write all of it; does nothing where nothing was noted since."""
        if self._changed:
            self._sync(outputs)
            self._save()
            self._changed = False

    def _sync(self, outputs: OutputStore) -> None:
        outputs.sync()
        if hasattr(self.store, "sync"):
            self.store.sync()

    def _save(self) -> None:
        self.store.save(self._entries)


def _output(build: Build, world: Observed) -> str | None:
    return build.path.relative_to(world.outputs.root).as_posix() if build.path else None


def _earlier(before: NodeState | None, build: Build) -> dict[str, int | None]:
    """Keys under which a node without data was built before."""
    if build.path is not None or before is None or before.built is None or before.output is not None:
        return {}
    found = {**before.earlier, before.built: before.row_count}
    found.pop(build.key, None)
    return dict(list(found.items())[-EARLIER:])
