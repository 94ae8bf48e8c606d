"""After a rename: the builds that are up to date become builds of the new keys, too. Executes nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.graph import Graph
from seeknal_nb.markup import whole_word
from seeknal_nb.workflow.evidence import EvidenceFile
from seeknal_nb.workflow.history import keep_rename
from seeknal_nb.workflow.jsonstate import is_alone
from seeknal_nb.workflow.ledger import Ledger, leased
from seeknal_nb.workflow.lock import run_lock, who
from seeknal_nb.workflow.observe import observe
from seeknal_nb.workflow.plan import decide
from seeknal_nb.workflow.planner import decide_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from seeknal_nb.dag.rename import Renaming
    from seeknal_nb.storage.builds import Build
    from seeknal_nb.workflow.runner import DAGRunner

__all__ = ["take_over"]


def take_over(runner: DAGRunner, renaming: Renaming, *, before: Callable[[], None] = lambda: None) -> dict[str, str]:
    """Give the nodes of a rename, and what follows from them, the builds that they have now under their new keys.

    A node that has no build that counts keeps none, and so does one that may give something else under the new names.

    Args:
        runner: Of the pipeline as it is.
        renaming: What it will be.
        before: Done first, while nobody else can run; what it raises ends this.

    Returns:
        By new id, in topological order, what became of each node that was up to date and whose key is another, and of the
        node itself: empty where it still is, else why it will run.

    Raises:
        LockedError: A run goes on.
    """
    owner = who("rename", runner.root)
    with run_lock(runner.state_dir, owner) as left, leased(runner.state, owner) as lease:
        before()
        ledger = Ledger(runner.state, runner.root, lease, left, runner.owner)
        taken = _Taken(runner, renaming, ledger)
        found = taken.all()
        ledger.close(runner.outputs)
        keep_rename(runner.target / "runs", time.time(), renaming.old, renaming.new, taken.keys)
    return found


class _Taken:
    """The two worlds, before and after."""

    def __init__(self, runner: DAGRunner, renaming: Renaming, ledger: Ledger) -> None:
        self.outputs, self.renaming, self.ledger = runner.outputs, renaming, ledger
        alone = is_alone(runner.state, runner.state_dir)
        before, self.graph = Graph(runner.manifest, runner.kinds), Graph(renaming.manifest, runner.kinds)
        world = observe(before, ledger.states, outputs=runner.outputs, around=runner.around, alone=alone)
        self.was = world.sights[renaming.old].node
        self.former = {i: one.build for i, one in decide_all(before, world).items()}
        if renaming.old in ledger.states:
            ledger.states[renaming.new] = ledger.states[renaming.old]
        self.world = observe(self.graph, ledger.states, outputs=runner.outputs, around=runner.around, alone=alone)
        self.keys: dict[str, tuple[str, str]] = {}
        run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-rename"
        self.evidence = EvidenceFile(runner.target, run_id, self.graph, self.world, runner.around)
        self.other = renaming.old.casefold() != renaming.new.casefold()
        self.word = whole_word(renaming.old.partition(".")[2])

    def all(self) -> dict[str, str]:
        """See ``take_over``."""
        digests: dict[str, str | None] = {}
        found: dict[str, str] = {}
        for node in self.graph:
            former = self.former[self.renaming.old if node.id == self.renaming.new else node.id]
            decision = decide(self.graph, node.id, digests, self.world)
            build = decision.build
            if build is None and former is not None:
                found[node.id] = why = self._refused(node.id, former, decision.key)
                build = None if why or decision.key is None else self._taken(node.id, former, decision.key)
                if build is not None:
                    self.evidence.add(node.id, build.key, digests)
            if former is None and node.id == self.renaming.new and node.id in self.ledger.states:
                found[node.id] = "it was not up to date before"
            if build is not None and former is not None and build.key != former.key:
                found[node.id], self.keys[node.id] = "", (former.key, build.key)
            digests[node.id] = build.identity if build is not None else None
        self.evidence.close()
        return found

    def _refused(self, node_id: str, former: Build, key: str | None) -> str:
        if key is None:
            return "something that it reads will run"
        if node_id in self.renaming.unsure:
            return self.renaming.unsure[node_id]
        whole = self.outputs.whole(former)
        name = self.renaming.old.partition(".")[2].casefold()
        prefixed = any(column.casefold().startswith((f"{name}:", f"{name}__")) for column, _ in whole.schema)
        told = json.dumps(_under_ids(whole.metadata, self.renaming), default=str)
        sight, own = self.world.sights[node_id], node_id == self.renaming.new
        signed = own and sight.kind.signed(self.was) != sight.kind.signed(sight.node)
        said = self.other and (prefixed or self.word.search(told))
        return "its result has the old name in it" if said or signed else ""

    def _taken(self, node_id: str, former: Build, key: str) -> Build:
        whole = self.outputs.whole(former)
        inputs, told = _under_ids(whole.inputs, self.renaming), _under_ids(whole.metadata, self.renaming)
        build = replace(whole, inputs=inputs, metadata=told)
        build = self.outputs.publish_again(build, node_id, key, seconds=self.ledger.states[node_id].duration)
        self.ledger.adopt(build, self.world)
        return build


def _under_ids(told: Any, renaming: Renaming) -> Any:
    """The same with the new id wherever something stands under the old one."""
    if not isinstance(told, Mapping):
        return told
    return {renaming.new if name == renaming.old else name: _under_ids(one, renaming) for name, one in told.items()}
