"""What a kind is, and what it is given for one node: values only, so that an executor may carry them elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.positions import by_position
from seeknal_nb.declaration import declaration_of, rewrites
from seeknal_nb.errors import NodeError, near
from seeknal_nb.kinds.metadata import merged
from seeknal_nb.kinds.paths import as_engines_write
from seeknal_nb.markup import article
from seeknal_nb.plugins import loaded
from seeknal_nb.secrets import Secrets
from seeknal_nb.sql.names import BEFORE, BEHIND, input_named, position_of, rewrite
from seeknal_nb.sql.text import quote

if TYPE_CHECKING:
    from pathlib import Path

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.dag.partitions import Slice
    from seeknal_nb.engines import OpenedLater, Relation, Session, Table
    from seeknal_nb.python.capture import Captured
    from seeknal_nb.storage.builds import Build

__all__ = [
    "UNSEEING",
    "Delivery",
    "Input",
    "Kind",
    "Probe",
    "Seen",
    "Surroundings",
    "Task",
    "measures_nothing",
    "result_of",
    "unseeing",
]


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a node: what it is bound to in SQL, and its build, where it has one."""

    node_id: str
    relation: Relation
    build: Build | None = None

    @property
    def name(self) -> str:
        """The bare name."""
        return self.node_id.partition(".")[2]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What lies round a pipeline.

    Attributes:
        root: The directory that relative paths start from.
        params: Values of ``{{ name }}``.
        namespace: The notebook's variables; empty elsewhere.
        allow_outside: Whether an exposure may write outside ``root``.
        secrets: What ``${NAME}`` stands for, and how to hide it.
        asking: Whether databases may be asked: in a run, not while somebody only looks.
        engine: Name and major version of the engine, which keys hold.
        kinds: The caller's own kinds by name, as ``DAGRunner`` takes them; empty elsewhere.
    """

    root: Path
    params: Mapping[str, object] = field(default_factory=dict)
    namespace: Mapping[str, object] = field(default_factory=dict)
    allow_outside: bool = False
    secrets: Secrets = field(default_factory=Secrets)
    asking: bool = False
    engine: str = ""
    kinds: Mapping[str, Any] = field(default_factory=dict)


Seen = Mapping[str, tuple[Any, ...]]
"""By path: a file's stat signature, then its digest, so that an untouched file is not hashed again."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What a kind saw outside.

    Attributes:
        text: Part of the key: it changes when what is outside changes.
        seen: What to remember, so that the next look is cheap.
        due: Why the node has to run although its key is as it was, as ``refresh: 1h``; empty where it need not.
        sure: Whether ``due`` is certain: not where only a run asks.
        dated: Whether it counts how long ago the node ran: then no earlier build than the last one will do.
        moving: Whether the text may change while the node reads, as a database's: then the next look tells.
        looked: Whether there was anything to look at; ``UNSEEING`` stands as long as the node is the same.
    """

    text: str | None = None
    seen: Seen = field(default_factory=dict)
    due: str = ""
    sure: bool = True
    dated: bool = False
    moving: bool = False
    looked: bool = True


UNSEEING = Probe(looked=False)
"""What a node sees that looks at nothing outside."""


def unseeing(_node: Node, _around: Surroundings, _seen: Seen) -> Probe:
    """The probe of a kind that looks at nothing outside."""
    return UNSEEING


def measures_nothing(_node: Node) -> bool:
    """Of a kind whose builds tell of no checks and no metrics."""
    return False


@dataclass(frozen=True, slots=True)
class Task:
    """One execution of one node.

    Attributes:
        node: What to do, with its parameters put in.
        key: Under which its build will lie; a retry has the same one.
        inputs: By id, in the order of the edges.
        stage: A fresh directory; what is in it afterwards becomes the build.
        captured: What a Python body reads of the notebook.
        surroundings: Where.
        opener: With what, opened when something first needs it.
        cancelled: Set when nobody waits for it any more: nothing may be delivered then.
        seen: What the node saw or delivered last.
        slice: The partition that it is about; None for the whole node.
        alike: As ``Session.build`` has it.
        probe: The digest of the probe's text in this run; None where it has none.
    """

    node: Node
    key: str
    inputs: Mapping[str, Input]
    stage: Path
    captured: Captured
    surroundings: Surroundings
    opener: OpenedLater
    cancelled: threading.Event = field(default_factory=threading.Event)
    seen: Seen = field(default_factory=dict)
    slice: Slice | None = None
    alike: str = ""
    probe: str | None = None

    @property
    def engine(self) -> Session:
        """The session in which its inputs are bound."""
        return self.opener.get()

    def resolve(self, name: str) -> str | None:
        """The id of the input that a body calls ``name``: by id, bare name, position, or as its kind does."""
        inputs, declared = list(self.inputs), declaration_of(self.node.node_type, self.surroundings.kinds)
        places = by_position(self.node.config, declared, inputs) if position_of(name) is not None else inputs
        return input_named(name, inputs, places) or declared.aliases(inputs).get(name.casefold())

    def input(self, name: str) -> Input:
        """The input that a body calls ``name``; raises ``NodeError`` where there is none."""
        node_id = self.resolve(name)
        if node_id is None:
            raise NodeError(f"{name!r} is no input of this node", remedy=near(name, self.inputs, what="input"))
        return self.inputs[node_id]

    def sql(self, text: str) -> str:
        """A body's SQL with its tables written as ids, and what is a kind's own, as ``latest(group)``, as what it means."""
        written = rewrite(text, self.resolve, place=as_engines_write(self.surroundings.root))
        for reference in rewrites():
            written = loaded("kind", "rewrites", reference)(written, self)
        return written

    def condition(self, text: str) -> str:
        """A condition with its tables and files written as in ``sql``."""
        return self.sql(f"{BEFORE}{text}{BEHIND}")[len(BEFORE) : -len(BEHIND)]

    def only_input(self) -> str:
        """The quoted id of the one input; raises ``NodeError`` where there are several or none."""
        if len(self.inputs) != 1:
            raise NodeError(
                f"{article(self.node.node_type)} without a body needs exactly one input",
                why=f"it has {len(self.inputs)}",
                remedy="write a SELECT as its body, or name one input",
            )
        return quote(next(iter(self.inputs)))


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where a side effect goes.

    Attributes:
        place: The real path of a file or directory, or what else there is one of.
        part: What of it, as a table; empty where it is all of it.
        append: Whether what others append there stays.
    """

    place: Path | str
    part: str = ""
    append: bool = False

    def undoes(self, other: Delivery) -> bool:
        """Whether two deliveries to one place take something from each other."""
        if self.part != other.part:
            return not self.part or not other.part
        return not self.append or not other.append


@dataclass(frozen=True, slots=True)
class Kind:
    """One row of the table of kinds.

    Attributes:
        execute: Does the work. It gives the spec's dict: ``row_count``, ``metadata``, and ``schema`` where it staged data.
        check: What is wrong with a node's config: raises ``ManifestError``.
        probe: What it sees in the world, given what it saw at the last execution.
        stages: Whether it needs a directory for its files.
        addressed: Whether a build of today's key stands for a run. Side effects do not.
        altered: Why a side effect's target is no longer what was delivered; empty where it is.
        measures: Whether a build of the node tells about checks or metrics, which the summary of a later run has too.
        delivers: Where a side effect goes; None where it goes nowhere.
        signed: What stands in a node's result of its own name, as the title of a page; empty where nothing does.
        travels: Whether another process can do a node's work: not where it reads what only the notebook has.
    """

    execute: Callable[[Task], dict[str, Any]]
    check: Callable[[Node], None] = lambda node: None
    probe: Callable[[Node, Surroundings, Seen], Probe] = unseeing
    stages: bool = True
    addressed: bool = True
    altered: Callable[[Seen], str] = lambda seen: ""
    measures: Callable[[Node], bool] = measures_nothing
    delivers: Callable[[Node, Surroundings], Delivery | None] = lambda node, around: None
    signed: Callable[[Node], str] = lambda node: ""
    travels: Callable[[Node], bool] = lambda node: True


def result_of(table: Table, *metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The spec's dict for a node that staged a table, with its columns, and all that is to be told of it."""
    told = merged(*metadata, {"warnings": table.warnings})
    return {"row_count": table.rows, "schema": table.schema, "metadata": told}
