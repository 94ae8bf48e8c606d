"""What the last run left up to date, kept with what proves that nothing has touched it since. Decides nothing.

The next run proves it again, and decides only what it cannot prove and what follows from that. Proved are the nodes as they
are written, what else the keys are made of, the state, and every file of the builds, by the signatures under which its bytes
were proved. Nodes that depend on more than themselves and their inputs are looked at and decided each time.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from seeknal_nb.errors import StateError
from seeknal_nb.storage.builds import told_of
from seeknal_nb.storage.files import Signature, as_signature, content, digest, signature, write_unsynced
from seeknal_nb.storage.proofs import Proofs
from seeknal_nb.storage.readings import NOT_OURS, ReadingsFile
from seeknal_nb.workflow.document import document_of, written_digests
from seeknal_nb.workflow.events import ExecutionStatus, NodeResult
from seeknal_nb.workflow.plan import Action, Step
from seeknal_nb.workflow.reasons import Reason, Why
from seeknal_nb.workflow.settled import Settled

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, MutableMapping
    from pathlib import Path

    from seeknal_nb.dag.graph import Graph
    from seeknal_nb.dag.manifest import Manifest, Node
    from seeknal_nb.storage.outputs import OutputStore
    from seeknal_nb.workflow.document import Document
    from seeknal_nb.workflow.ledger import Ledger
    from seeknal_nb.workflow.state import NodeState
    from seeknal_nb.workflow.walk import Walk

__all__ = ["Keeper", "Proven", "Setting", "proven_by"]

PROVEN = "proven.json"
"""The name of the file, which may be deleted."""
UP_TO_DATE = Reason(Why.UP_TO_DATE)
_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode


@dataclass(frozen=True, slots=True)
class Setting:
    """What all that is proven holds for.

    Attributes:
        document: Digest of all nodes and edges, as they are written.
        manner: Digest of what else keys and plans are made of.
        stamp: What the store's entries were known by.
    """

    document: str
    manner: str
    stamp: str


class Mark(NamedTuple):  # one of thousands is made in a third of the time that a frozen dataclass takes
    """What is proven of one node that is up to date, as is all that stands before it.

    Attributes:
        step: The next plan's.
        digest: What the keys of its readers hold.
        result: How it comes out of the next run.
        prefix: What the paths of its build's files begin with.
        files: Their signatures, by the rest of the path; empty where it has none.
        outside: Whether it depends, or what is said of it, on more than itself and its inputs.
    """

    step: Step
    digest: str
    result: NodeResult
    prefix: str
    files: Mapping[str, Signature]
    outside: bool

    def told(self) -> list[Any]:
        """It as JSON has it."""
        result = self.result
        return [self.step.key, self.digest, result.row_count, result.metadata, self.files, int(self.outside)]

    @classmethod
    def of(cls, told: list[Any], node: Node, outputs: OutputStore) -> Mark:
        """The mark that somebody has told."""
        key, found, rows, metadata, files, outside = told
        step = Step(node.id, Action.CACHED, UP_TO_DATE, tags=tuple(node.tags), key=key)
        result = NodeResult(node.id, ExecutionStatus.CACHED, row_count=rows, reason=UP_TO_DATE, metadata=metadata)
        signed = {name: as_signature(one) for name, one in files.items()}
        return cls(step, found, result, outputs.prefix(node.id, key) if files else "", signed, bool(outside))


@dataclass(frozen=True, slots=True)
class Proven:
    """What was up to date in a setting.

    Attributes:
        setting: In which.
        written: By node id, the digest of the node, of its inputs and of what it waits for.
        marks: By node id, what is proven of it.
        lines: By node id, all this as JSON.
        copies: The signatures of the manifest's copies.
        settled: The marks, as a plan has them.
    """

    setting: Setting
    written: Mapping[str, str]
    marks: Mapping[str, Mark]
    lines: Mapping[str, str]
    copies: tuple[Signature | None, ...] = ()
    settled: Settled = field(init=False)

    def __post_init__(self) -> None:
        marks = self.marks.items()
        settled = Settled(
            {node_id: mark.step for node_id, mark in marks}, {node_id: mark.digest for node_id, mark in marks},
            {node_id: mark.result for node_id, mark in marks}, [node_id for node_id, mark in marks if mark.outside],
        )  # fmt: skip
        object.__setattr__(self, "settled", settled)

    def holds_in(self, setting: Setting) -> bool:
        """Whether it holds of nodes that are the same."""
        return (setting.manner, setting.stamp) == (self.setting.manner, self.setting.stamp)

    def again(self, written: Mapping[str, str], graph: Graph, foreign: Collection[str]) -> Settled:
        """What is still settled in a setting in which it holds.

        Args:
            written: The digest of each node now.
            graph: The nodes now.
            foreign: Ids of nodes whose kind may look at more now than it did then.
        """
        again = {*self.settled.open, *foreign, *(graph.index.keys() - self.marks.keys())}  # who decides looks at their files
        again |= {i for i, mark in self.marks.items() if mark.files and i not in again and not _untouched(mark)}
        if written is not self.written:
            again |= {node_id for node_id, found in written.items() if self.written.get(node_id) != found}
        return replace(self.settled, open=again & graph.index.keys())

    def written_now(self, setting: Setting, graph: Graph) -> Mapping[str, str]:
        """The digest of each node."""
        return self.written if setting.document == self.setting.document else written_digests(graph)

    def to_text(self) -> str:
        """It as JSON: on the first line what holds for all, then a line a node, and a digest of them on the last."""
        setting = [self.setting.document, self.setting.manner, self.setting.stamp]
        text = "\n".join([_encode([setting, self.copies]), *self.lines.values()])
        return f"{text}\n{digest(text)}"

    @classmethod
    def of_text(cls, text: str, graph: Graph, outputs: OutputStore) -> Proven | None:
        """What somebody wrote, as far as it is of this graph's nodes; None where it is not whole."""
        text, _, proof = text.rpartition("\n")
        if proof != digest(text):
            return None
        head, *lines = text.split("\n")
        (setting, copies), told = json.loads(head), json.loads(f"[{','.join(lines)}]")
        marks = {
            node_id: Mark.of(settled, graph.nodes[graph.index[node_id]], outputs)
            for node_id, _, *settled in told if settled and node_id in graph
        }  # fmt: skip
        signed = tuple(None if one is None else as_signature(one) for one in copies)
        ids = [node_id for node_id, *_ in told]
        written = {node_id: one for node_id, one, *_ in told}
        return cls(Setting(*setting), written, marks, dict(zip(ids, lines, strict=True)), signed)


class Keeper:
    """Holds what was proven last, for all runs of one project, and in files for the next process.

    Attributes:
        readings: What was read out of the nodes' texts.
        proofs: Under which signatures the files of builds were proved.
        known: What the store's entries are known by, and those that were read; None where some were written since.
    """

    def __init__(self, directory: Path) -> None:
        self.file, self.readings, self.proofs = directory / PROVEN, ReadingsFile(directory), Proofs(directory / "proofs")
        self.known: tuple[str, MutableMapping[str, NodeState]] | None = None
        self._last: Proven | None = None
        self._stamp: Signature | None = None
        self._document: Document | None = None

    def document(self, manifest: Manifest, kinds: Mapping[str, Any]) -> Document:
        """The document of a manifest, which is the one of before where nothing of it has changed."""
        self._document = document_of(manifest, kinds, self._document)
        return self._document

    def last(self, graph: Graph, outputs: OutputStore) -> Proven | None:
        """What was proven last, here or by another process."""
        if (stamp := signature(self.file)) != self._stamp or self._stamp is None:
            self._last, self._stamp = None, stamp
            with contextlib.suppress(OSError, *NOT_OURS):
                self._last = Proven.of_text(content(self.file).decode(), graph, outputs)
        return self._last

    def states(self, stamp: str) -> MutableMapping[str, NodeState] | None:
        """The states of the store that has this stamp, as far as they were read here; they are the caller's from now on."""
        known, self.known = self.known, None
        return known[1] if known is not None and known[0] == stamp else None

    def keep(self, proven: Proven) -> None:
        """Take it for what was proven last; where it cannot be written, the next process decides for itself."""
        if proven is not self._last:
            with contextlib.suppress(StateError, TypeError, ValueError):
                write_unsynced(self.file, proven.to_text())
                self._last, self._stamp = proven, signature(self.file)


def proven_by(
    walk: Walk, setting: Setting, former: Proven | None, written: Mapping[str, str], ledger: Ledger, copies: Iterable[Path]
) -> Proven:
    """What is up to date after a run, as far as the run, or one before it, has shown that.

    Args:
        walk: The run, whatever it was asked for.
        setting: The setting of its plan, with the stamp of what it has left.
        former: What was proven when it began, in the same setting but for the document.
        written: The digest of each node then.
        ledger: What it has left.
        copies: The manifest's copies.
    """
    signed, known, outputs = tuple(map(signature, copies)), former.marks if former else {}, walk.world.outputs
    moved = {i for i in walk.known.open if i in known and known[i].files != outputs.proofs.of(i, known[i].step.key or "")}
    if former and former.setting == setting and former.copies == signed and not moved and _are_those(walk.first, known):
        return former
    gone = ledger.put | walk.graph.following(ledger.put & walk.graph.index.keys()) | moved
    if former and former.written is not written:
        gone |= {node_id for node_id, one in former.written.items() if written.get(node_id) != one}
    marks = dict[str, Mark]()
    for node_id in walk.graph.sorted_ids:
        if all(one in marks for one in walk.graph.before(node_id)):
            before, step = known.get(node_id), _settled_by(walk, node_id)
            if before is not None and node_id not in gone and (step is None or step == before.step):
                marks[node_id] = before
            elif step is not None and (mark := _mark(walk, step, ledger)) is not None:
                marks[node_id] = mark
    had = former.lines if former else {}
    lines = {
        node_id: had[node_id] if node_id in marks and marks[node_id] is known.get(node_id) and node_id not in gone
        else _encode([node_id, one, *(marks[node_id].told() if node_id in marks else ())])
        for node_id, one in written.items()
    }  # fmt: skip
    return Proven(setting, written, marks, lines, signed)


def _are_those(steps: Mapping[str, Step], marks: Mapping[str, Mark]) -> bool:
    return len(steps) == len(marks) and all(i in marks and marks[i].step is step for i, step in steps.items())


def _settled_by(walk: Walk, node_id: str) -> Step | None:
    """The step that the next plan has for a node that is up to date now; None where the run has not shown that it is."""
    if (step := walk.first.get(node_id)) is not None:
        return step
    decision, result = walk.decisions.get(node_id), walk.results[node_id]
    if decision is None or not decision.key or result.status not in (ExecutionStatus.SUCCESS, ExecutionStatus.CACHED):
        return None
    tags = tuple(walk.graph.nodes[walk.graph.index[node_id]].tags)
    return Step(node_id, Action.CACHED, UP_TO_DATE, tags=tags, key=decision.key)


def _mark(walk: Walk, step: Step, ledger: Ledger) -> Mark | None:
    """Its result has its checks and metrics where its kind measures, else its warnings, as that of any node up to date.

    None where nobody knows its digest, or the files of its build: nobody would see that they are gone.
    """
    node_id, outputs, sight = step.node_id, walk.world.outputs, walk.world.sights[step.node_id]
    build, key, state = walk.build(node_id), step.key or "", ledger.states[node_id]
    warned = {"warnings": state.warnings} if state.warnings else {}
    told = told_of(build) if sight.kind.measures(sight.node) else warned
    rows = None if build is None else build.row_count
    result = NodeResult(node_id, ExecutionStatus.CACHED, row_count=rows, reason=UP_TO_DATE, metadata=told)
    files, found = outputs.proofs.of(node_id, key), walk.digests.get(node_id)
    if found is None or (not files and build is not None and build.path is not None):
        return None
    outside = sight.outside or ledger.is_of_another(sight.node)  # as long as that one is there, each plan warns
    return Mark(step, found, result, outputs.prefix(node_id, key) if files else "", files, outside)


def _untouched(mark: Mark) -> bool:
    return all(signature(mark.prefix + name) == found for name, found in mark.files.items())
