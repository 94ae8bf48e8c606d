"""What the last run left up to date, kept with what proves that nothing has touched it since. Decides nothing.

The next run proves it again, and decides only what it cannot prove and what follows from that. Proved are the nodes as they
are written, what else the keys are made of, the state, and every file of the builds, by the signatures under which its bytes
were proved. Nodes that depend on more than themselves and their inputs are looked at and decided each time.
"""

from __future__ import annotations

import contextlib
import json
import marshal
from dataclasses import dataclass
from operator import is_
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.graph import Graph
from seeknal_nb.errors import StateError
from seeknal_nb.storage.files import Signature, digest, signature, write_unsynced
from seeknal_nb.storage.readings import ReadingsFile
from seeknal_nb.workflow.events import ExecutionStatus, NodeResult
from seeknal_nb.workflow.plan import Action, Settled, Step
from seeknal_nb.workflow.reasons import Reason, Why

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from seeknal_nb.dag.manifest import Edge, Manifest
    from seeknal_nb.storage.outputs import OutputStore
    from seeknal_nb.workflow.state import NodeState
    from seeknal_nb.workflow.walk import Walk

__all__ = ["Keeper", "Proven", "Setting", "document_digest", "proven_by", "written_digests"]

PROVEN = "proven.json"
"""The name of the file, which may be deleted."""
UP_TO_DATE = Reason(Why.UP_TO_DATE)


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


@dataclass(frozen=True, slots=True)
class Proven:
    """What was up to date in a setting.

    Attributes:
        setting: In which.
        written: By node id, the digest of the node, of its inputs and of what it waits for.
        settled: Whose ``open`` are those that depend on more than themselves and their inputs.
        files: By node id, the files of the build: the path's beginning, and the signatures by the rest of it.
        copies: The signatures of the manifest's copies.
    """

    setting: Setting
    written: Mapping[str, str]
    settled: Settled
    files: Mapping[str, tuple[str, Mapping[str, Signature]]]
    copies: tuple[Signature | None, ...] = ()

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
        known = self.settled
        again = {*known.open, *foreign, *(graph.index.keys() - known.steps.keys())}  # whose files the decision looks at
        again |= {i for i, (prefix, files) in self.files.items() if i not in again and not _untouched(prefix, files)}
        if written is not self.written:
            again |= {node_id for node_id, found in written.items() if self.written.get(node_id) != found}
        return Settled(known.steps, known.digests, known.results, again & graph.index.keys())

    def written_now(self, setting: Setting, graph: Graph) -> Mapping[str, str]:
        """The digest of each node."""
        return self.written if setting.document == self.setting.document else written_digests(graph)

    def without(self, graph: Graph, put: Collection[str], stamp: str) -> Proven:
        """What of it holds after a run that wrote these entries, and no others."""
        gone = {*put} & graph.index.keys()
        gone |= {*put} | graph.following(gone)
        setting = Setting(self.setting.document, self.setting.manner, stamp)
        known = self.settled
        settled = Settled(
            _but(known.steps, gone), _but(known.digests, gone), _but(known.results, gone), {*known.open} - gone,
        )  # fmt: skip
        return Proven(setting, self.written, settled, _but(self.files, gone), self.copies)

    def to_text(self) -> str:
        """It as JSON, a digest of it on the last line."""
        known, nodes = self.settled, dict[str, Any]()
        for node_id, written in self.written.items():
            nodes[node_id] = [written]
            if (step := known.steps.get(node_id)) is not None:
                result, (_, files) = known.results[node_id], self.files.get(node_id, ("", {}))
                nodes[node_id] += [step.key, known.digests[node_id], result.row_count, result.metadata, files]
        setting = [self.setting.document, self.setting.manner, self.setting.stamp]
        whole = {"setting": setting, "nodes": nodes, "open": sorted(known.open), "copies": self.copies}
        text = json.dumps(whole, separators=(",", ":"))
        return f"{text}\n{digest(text)}\n"

    @classmethod
    def of_text(cls, text: str, graph: Graph, outputs: OutputStore) -> Proven | None:
        """What somebody wrote, as far as it is of this graph's nodes; None where it is not whole."""
        text, _, proof = text.partition("\n")
        if proof.strip() != digest(text):
            return None
        told, nodes = json.loads(text), graph.nodes
        written, steps, digests, results = dict[str, str](), dict[str, Step](), dict[str, str](), dict[str, NodeResult]()
        files: dict[str, tuple[str, Mapping[str, Signature]]] = {}
        for node_id, (one, *settled) in told["nodes"].items():
            written[node_id] = one
            if settled and node_id in graph:
                key, digests[node_id], rows, metadata, signatures = settled
                tags = tuple(nodes[graph.index[node_id]].tags)
                steps[node_id] = Step(node_id, Action.CACHED, UP_TO_DATE, tags=tags, key=key)
                results[node_id] = NodeResult(
                    node_id, ExecutionStatus.CACHED, row_count=rows, reason=UP_TO_DATE, metadata=metadata
                )
                if signatures:
                    signed = {name: (a, b, c, d) for name, (a, b, c, d) in signatures.items()}
                    files[node_id] = outputs.prefix(node_id, key), signed
        copies = tuple(None if one is None else (one[0], one[1], one[2], one[3]) for one in told["copies"])
        return cls(Setting(*told["setting"]), written, Settled(steps, digests, results, told["open"]), files, copies)


class Keeper:
    """Holds what was proven last, for all runs of one project, and in files for the next process.

    Attributes:
        readings: What was read out of the nodes' texts.
        known: What the store's entries are known by, and those that were read; None where some were written since.
    """

    def __init__(self, directory: Path) -> None:
        self.file, self.readings = directory / PROVEN, ReadingsFile(directory)
        self.known: tuple[str, dict[str, NodeState]] | None = None
        self._last: Proven | None = None
        self._read = False
        self._graph: tuple[Graph, list[Edge], Mapping[str, Any], str] | None = None

    def graph(self, manifest: Manifest, kinds: Mapping[str, Any]) -> Graph:
        """The graph of a manifest: that of the last run, where all of it is as it was."""
        edges, known = manifest.edges, self._graph
        if known is not None and (known[1], known[2]) == (edges, kinds) and _same(known[0].nodes, manifest.nodes.values()):
            with contextlib.suppress(ValueError):
                if document_digest(known[0]) == known[3]:
                    return known[0]
        graph = Graph(manifest, kinds)
        with contextlib.suppress(ValueError):
            self._graph = graph, edges, kinds, document_digest(graph)
        return graph

    def document(self, graph: Graph) -> str:
        """``document_digest`` of a graph, as it was when it was asked for here."""
        known = self._graph
        return known[3] if known is not None and known[0] is graph else document_digest(graph)

    def last(self, graph: Graph, outputs: OutputStore) -> Proven | None:
        """What was proven last, here or, at first, by another process."""
        if not self._read:
            self._read = True
            with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
                self._last = Proven.of_text(self.file.read_text(encoding="utf-8"), graph, outputs)
        return self._last

    def states(self, stamp: str) -> dict[str, NodeState] | None:
        """The states of the store that has this stamp, as far as they were read here."""
        return self.known[1] if self.known is not None and self.known[0] == stamp else None

    def keep(self, proven: Proven) -> None:
        """Take it for what was proven last; where it cannot be written, the next process decides for itself."""
        if proven is not self._last:
            self._last, self._read = proven, True
            with contextlib.suppress(StateError, TypeError, ValueError):
                write_unsynced(self.file, proven.to_text())


def proven_by(
    walk: Walk,
    setting: Setting,
    former: Proven | None,
    written: Mapping[str, str],
    outputs: OutputStore,
    copies: Iterable[Path],
) -> Proven:
    """What a run of all nodes has shown to be up to date.

    Args:
        walk: The run.
        setting: The setting of its plan, with the stamp of what it has left.
        former: What was proven when it began, in the same setting but for the document.
        written: The digest of each node then.
        outputs: Where builds lie.
        copies: The manifest's copies.
    """
    known, had = (former.settled, former.files) if former else (Settled({}, {}, {}, ()), {})
    steps, before = walk.first, known.steps
    fresh = [node_id for node_id, step in steps.items() if step is not before.get(node_id)]
    signed = tuple(map(signature, copies))
    if former and former.setting == setting and not fresh and len(steps) == len(known.steps) and former.copies == signed:
        return former
    files = {node_id: had[node_id] for node_id in steps if node_id in had}
    outside = {node_id for node_id in known.open if node_id in steps}
    for node_id in fresh:
        key = steps[node_id].key or ""
        files.pop(node_id, None)
        if signatures := outputs.proofs.of(node_id, key):
            files[node_id] = outputs.prefix(node_id, key), signatures
        (outside.add if walk.world.sights[node_id].outside else outside.discard)(node_id)
    digests = {node_id: walk.digests[node_id] or "" for node_id in steps}
    results = {node_id: walk.results[node_id] for node_id in steps}
    return Proven(setting, written, Settled(steps, digests, results, outside), files, signed)


def document_digest(graph: Graph) -> str:
    """A digest of all nodes and what they read: equal digests mean equal texts and values.

    Raises:
        ValueError: A config holds a value of which nothing can be told.
    """
    n = graph.nodes
    return digest(_bytes([
        [one.id for one in n], [one.name for one in n], [str(one.node_type) for one in n], [one.description for one in n],
        [one.owner for one in n], [one.tags for one in n], [one.columns for one in n], [one.config for one in n],
        [one.file_path for one in n], [graph.inputs(node_id) for node_id in graph.ids],
    ]))  # fmt: skip


def written_digests(graph: Graph) -> dict[str, str]:
    """By id, the digest of each node; raises as ``document_digest`` does."""
    return {node_id: _written_digest(graph, node_id) for node_id in graph.ids}


def _written_digest(graph: Graph, node_id: str) -> str:
    """A digest of one node, of what it reads and of what it waits for."""
    one = graph.nodes[graph.index[node_id]]
    return digest(_bytes([
        one.id, one.name, str(one.node_type), one.description, one.owner, one.tags, one.columns, one.config, one.file_path,
        graph.inputs(node_id), graph.rules(node_id),
    ]))  # fmt: skip


def _same(some: Collection[object], others: Collection[object]) -> bool:
    return len(some) == len(others) and all(map(is_, some, others))


def _bytes(value: Any) -> bytes:
    """Of equal values equal bytes, in every process: version 2 knows no references and no interned texts."""
    return marshal.dumps(value, 2)


def _untouched(prefix: str, files: Mapping[str, Signature]) -> bool:
    return all(signature(prefix + name) == found for name, found in files.items())


def _but(mapping: Mapping[str, Any], gone: Collection[str]) -> dict[str, Any]:
    return {node_id: value for node_id, value in mapping.items() if node_id not in gone}
