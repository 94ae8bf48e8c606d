"""DAGRunner: plan, run and remember. SPEC.md § API Reference; a run is an iterator of events, ``run`` is its fold."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.graph import Graph
from seeknal_nb.dag.manifest import Manifest
from seeknal_nb.dag.parameters import Given
from seeknal_nb.dag.select import split
from seeknal_nb.engines import OnFirstUse
from seeknal_nb.errors import UsageError
from seeknal_nb.kinds import own_kinds
from seeknal_nb.kinds.task import Surroundings
from seeknal_nb.owner import of_others
from seeknal_nb.storage.files import io_errors
from seeknal_nb.storage.garbage import garbage, size
from seeknal_nb.storage.shared import store_of
from seeknal_nb.uncollected import uncollected
from seeknal_nb.workflow.events import (
    ExecutionStatus,
    ExecutionSummary,
    NodeFinished,
    NodeResult,
    NodeStarted,
    RunFinished,
    RunStarted,
)
from seeknal_nb.workflow.jsonstate import JsonState
from seeknal_nb.workflow.ledger import leased, recall
from seeknal_nb.workflow.listeners import tell
from seeknal_nb.workflow.lock import run_lock, who
from seeknal_nb.workflow.options import RunOptions, Selection, mapping, value_of
from seeknal_nb.workflow.places.pool import places_of
from seeknal_nb.workflow.placing import Placing
from seeknal_nb.workflow.plan import Plan, broken_off
from seeknal_nb.workflow.planner import check_selection, keys_in_use, named
from seeknal_nb.workflow.prepare import Preparation
from seeknal_nb.workflow.proven import Keeper
from seeknal_nb.workflow.report import followed, plan_lines, print_lines, print_summary
from seeknal_nb.workflow.retention import ALL, Retention
from seeknal_nb.workflow.run import Run, RunSettings
from seeknal_nb.workflow.signals import insistently
from seeknal_nb.workflow.slots import Offers
from seeknal_nb.workflow.stores import as_store, folders

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
    from concurrent.futures import Executor

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.dag.partitions import Span
    from seeknal_nb.engines import Engine
    from seeknal_nb.storage.garbage import Garbage
    from seeknal_nb.storage.remote import Remote
    from seeknal_nb.workflow.events import Event
    from seeknal_nb.workflow.observe import Observed
    from seeknal_nb.workflow.places import Place, Places
    from seeknal_nb.workflow.state import NodeState, StateBackend, StateStore

__all__ = [
    "DAGRunner",
    "ExecutionStatus",
    "ExecutionSummary",
    "NodeFinished",
    "NodeResult",
    "NodeStarted",
    "RunFinished",
    "RunStarted",
    "print_summary",
]


class DAGRunner:
    """Runs the nodes of a manifest in topological order: those that changed, and what follows from them.

    Args:
        manifest: What to run; never changed here.
        old_manifest: Narrows a run to what differs from it and what is downstream of that.
        state_dir: Where state lies (default: ``target/state`` below ``root``); builds lie beside it if it is called
            ``state``, else inside it.
        root: Where relative paths start (default: the working directory).
        engine: An engine, or the name of one.
        state: Another store, or the spec's backend: any object with ``load()`` and ``save(state)``.
        outputs: A store that others use, too: what they have built is not built again.
        kinds: By name a `Declaration`, a `Kind`, or a function of a node that gives the spec's dict.
        params: Values of ``{{ name }}``.
        namespace: The notebook's variables, which Python bodies may read.
        listeners: Called with every event.
        workers: How many nodes at a time (default: as many as the place has; here 1); or, with what else they share,
            ``Offers.of(4, "16GB", {"gpu": 1})``.
        executor: Where: ``here`` (the default, in threads where they are several), ``processes``, a ``Place``, or a
            ``concurrent.futures.Executor``, also one of processes, which must not be forks.
        allow_outside: Let exposures write outside ``root``.
    """

    def __init__(
        self,
        manifest: Manifest,
        old_manifest: Manifest | None = None,
        state_dir: Path | str | None = None,
        *,
        root: Path | str | None = None,
        engine: Engine | OnFirstUse | str = "duckdb",
        state: StateStore | StateBackend | None = None,
        outputs: Remote | None = None,
        kinds: Mapping[str, Any] | None = None,
        params: Mapping[str, object] | None = None,
        namespace: Mapping[str, object] | None = None,
        listeners: Sequence[Callable[[Event], None]] = (),
        workers: int | Offers | None = None,
        executor: Executor | Place | Places | str | None = None,
        allow_outside: bool = False,
    ) -> None:
        for name, given in (("manifest", manifest), ("old_manifest", old_manifest or manifest)):
            if not isinstance(given, Manifest):
                raise UsageError(f"{name} must be a Manifest", why=f"it is {given!r:.100}", remedy="Manifest.load(file)")
        self.manifest, self.old_manifest = manifest, old_manifest
        self.root = Path(root or ".").resolve()
        self.state_dir, self.target = folders(self.root, state_dir)
        self._remote = outputs
        self.go_by(Keeper(self.state_dir))
        self.state = as_store(state) if state is not None else JsonState(self.state_dir)
        self.kinds = own_kinds(kinds or {})
        self.listeners = list(listeners)
        self.owner = ""  # the notebook or script whose nodes these are, but for those of files; see ``seeknal_nb.owner``
        self.offers = workers if isinstance(workers, Offers) else Offers.of(workers)
        self.places = places_of(executor)
        self.engine = engine if isinstance(engine, OnFirstUse) else OnFirstUse(engine, self.target / "spill")
        values = params if isinstance(params, Given) else mapping("params", params or {})
        self.around = Surroundings(
            self.root, values, namespace or {}, allow_outside, engine=self.engine.identity, kinds=self.kinds
        )
        self.around.secrets.hide_variables(self.around.params)
        self._active: Run | None = None

    def go_by(self, keeper: Keeper) -> None:
        """Go by what a keeper of this state folder holds, which outlives the runner."""
        self.keeper, self.outputs = keeper, store_of(self.target / "outputs", keeper.proofs, self._remote)

    @property
    def _preparation(self) -> Preparation:
        return Preparation(
            self.manifest, self.old_manifest, self.target, self.outputs, self.state, self.around, self.owner, self.keeper,
            Placing(self.offers, self.places.given, self.kinds),
        )  # fmt: skip

    def run(
        self,
        full: bool = False,  # noqa: FBT001, FBT002 - the spec's signature
        dry_run: bool = False,  # noqa: FBT001, FBT002
        node_types: list[str] | None = None,
        nodes: list[str] | None = None,
        exclude_tags: list[str] | None = None,
        continue_on_error: bool = False,  # noqa: FBT001, FBT002
        retry: int = 0,
        *,
        progress: bool = True,
        command: str = "run",
        cancelled: threading.Event | None = None,
        **more: Any,
    ) -> ExecutionSummary:
        """Run and give the summary, printing progress lines unless ``progress`` is False.

        Args:
            full: Run all nodes.
            dry_run: Execute nothing and write nothing.
            node_types: Only nodes of these types.
            nodes: Only these nodes, by id, bare name or selector, and all that is downstream of them.
            exclude_tags: Leave nodes with one of these tags out.
            continue_on_error: Go on after a failure with what does not depend on it.
            retry: Execute a failed node again, up to so many times.
            progress: Print lines as SPEC.md § Progress Reporting has them.
            command: See ``stream``.
            cancelled: See ``stream``.
            more: The other options of ``RunOptions``.

        Raises:
            UsageError, SelectionError, ManifestError: Nothing was run.
            LockedError: Another run holds the state folder, or the store.
        """
        options = RunOptions.of({
            "full": full, "dry_run": dry_run, "node_types": node_types, "nodes": nodes, "exclude_tags": exclude_tags,
            "continue_on_error": continue_on_error, "retry": retry, **more,
        })  # fmt: skip
        return followed(self.stream(options, command=command, cancelled=cancelled), progress=progress)

    def stream(
        self,
        options: RunOptions | None = None,
        *,
        command: str = "run",
        asked: Mapping[str, Any] | None = None,
        cancelled: threading.Event | None = None,
        **given: Any,
    ) -> Generator[Event]:
        """The events of a run, as it goes on. Closing the iterator stops the run and keeps what is finished.

        Args:
            options: Which nodes, and how.
            command: What the lock's record and the history say was run.
            asked: What the record says of what the run was asked for, as ``asked.recorded`` gives it.
            cancelled: Set it in another thread, and nothing more starts; ``BackgroundRun.cancel`` ends what is in flight.
            given: Options by their names in ``RunOptions``, where there is no value of them.

        Raises:
            UsageError: At once, of an option that there is not, or whose value cannot be.
            KeyboardInterrupt: After the last event, where the run was interrupted.
        """
        return _one_by_one(insistently(self._stream(value_of(options, RunOptions.of, given), command, asked, cancelled)))

    def _stream(
        self, options: RunOptions, command: str, asked: Mapping[str, Any] | None, cancelled: threading.Event | None
    ) -> Generator[list[Event]]:
        if options.dry_run:
            yield from self._told(self._dry(self.plan(options, verify=options.verify)), {})
            return
        self.keeper.readings.open()
        with uncollected():
            document = self.keeper.document(self.manifest, self.kinds)
            check_selection(document.graph, options, self._preparation.known_types(options))
        owner = who(command, self.root)
        with io_errors(), run_lock(self.state_dir, owner) as left, leased(self.state, owner) as lease:
            self.outputs.remove_leftovers()
            with uncollected():
                ready = self._preparation.of_run(document, options, lease, left)
            settings = RunSettings(
                self.manifest, self.target, self.outputs, self.engine, self.around, self.places, options, command, asked
            )  # fmt: skip
            run = self._active = Run(
                settings, ready, execute_node=self._execute_node, execute_by_type=self._execute_by_type,
                cancelled=cancelled,
            )  # fmt: skip
            try:
                yield from self._told(insistently(run.batches()), run.walk.results)
            finally:
                self._active = None
            ready.keep(run.walk)
            self.keeper.readings.save()

    def plan(self, selection: Selection | None = None, *, verify: bool = False, **given: Any) -> Plan:
        """What a run would do and why; changes nothing.

        Args:
            selection: Which nodes.
            verify: Check the digest of every build.
            given: The selection by the names in ``Selection``, where there is no value of it.
        """
        chosen = value_of(selection, Selection.of, given)
        with io_errors(), uncollected():
            graph, known = self.keeper.document(self.manifest, self.kinds).graph, recall(self.state, self.root)
            world = self._preparation.observe(graph, known.states, verify=verify, span=chosen.span)
            plan = self._preparation.plan(graph, world, chosen)
        return replace(plan, warnings=(*known.notes, *world.notes, *plan.warnings))

    def print_plan(
        self,
        full: bool = False,  # noqa: FBT001, FBT002 - the spec's signature
        node_types: list[str] | None = None,
        nodes: list[str] | None = None,
        exclude_tags: list[str] | None = None,
        **more: Any,
    ) -> None:
        """Print the plan, as SPEC.md shows it; takes what ``plan`` takes."""
        plan = self.plan(full=full, node_types=node_types, nodes=nodes, exclude_tags=exclude_tags, **more)
        print_lines(plan_lines(plan))

    def select(self, terms: Iterable[str] | str) -> list[str]:
        """The ids that terms of the selector grammar name now, in topological order; changes nothing."""
        graph = Graph(self.manifest, self.kinds)
        return named(graph, self.look(graph), split(terms))

    def states(self) -> dict[str, NodeState]:
        """What is remembered of each node, by id."""
        return dict(recall(self.state, self.root).states)

    def garbage(self, stay: Retention = ALL, *, others: bool = False, left_out: Collection[str] = ()) -> list[Garbage]:
        """Builds that no node needs now, that need not ``stay``, and are of none ``left_out``; ``others``: of all owners."""
        graph, theirs = Graph(self.manifest, self.kinds), {} if others else self._of_others()
        needed = keys_in_use(graph, self.look(graph))
        for node_id, state in theirs.items():
            needed.setdefault(node_id, set()).add(state.built or "")
        found = [one for one in garbage(self.outputs, needed, keep=stay.keep) if one.node_id not in left_out]
        return stay.chosen(found, partial(size, self.outputs))

    def others(self) -> dict[str, NodeState]:
        """What is remembered of nodes, by id, that another notebook or folder has here, and this one has not."""
        return {node_id: state for node_id, state in self._of_others().items() if node_id not in self.manifest.nodes}

    def _of_others(self) -> dict[str, NodeState]:
        return of_others(self.states(), self.owner, self.root)

    def look(self, graph: Graph, span: Span | None = None) -> Observed:
        """What is true of these nodes now, or of some of their partitions; changes nothing."""
        return self._preparation.observe(graph, self.states(), span=span)

    def on_node_start(self, node_id: str) -> None:
        """For a subclass to override, and to call from its own ``_execute_node``: SPEC.md § Event Hooks. Else uncalled."""

    def on_node_complete(self, node_id: str, result: NodeResult) -> None:
        """Likewise, when a node has come out."""

    def _execute_node(self, node_id: str, dry_run: bool = False) -> NodeResult:  # noqa: FBT001, FBT002
        """Execute one node, with its retries; a subclass may wrap it. Called in a worker.

        Raises:
            RuntimeError: No run is going on.
        """
        if dry_run:
            return NodeResult(node_id, ExecutionStatus.PENDING, metadata={"dry_run": True})
        return self._running().execute(node_id)

    def _execute_by_type(self, node: Node) -> dict[str, Any]:
        """Do a node's work; a subclass may take over types of its own, and gives the spec's dict."""
        return self._running().work(node)

    def _running(self) -> Run:
        if self._active is None:
            raise RuntimeError("no run is going on")
        return self._active

    def _dry(self, plan: Plan) -> Generator[list[Event]]:
        yield [RunStarted("", plan, len(plan))]
        results = [replace(self._execute_node(s.node_id, dry_run=True), reason=s.reason) for s in plan]
        yield [NodeFinished(result) for result in results]
        yield [RunFinished(ExecutionSummary.of(results, runs=plan.runs, duration=0.0))]

    def _told(self, batches: Generator[list[Event]], results: Mapping[str, NodeResult]) -> Generator[list[Event]]:
        """Events, heard by the listeners too; whatever ends this ends the run, at once, and they hear that it is over."""
        plan, event = Plan(()), None
        try:
            with closing(batches):
                for batch in batches:
                    for event in batch if self.listeners else batch[-1:]:
                        tell(self.listeners, event)
                    if isinstance(event, RunStarted):
                        plan = event.plan
                    yield batch
        finally:
            if event is not None and not isinstance(event, RunFinished):
                tell(self.listeners, RunFinished(broken_off(plan, results), interrupted=True))


def _one_by_one(batches: Generator[list[Event]]) -> Generator[Event]:
    with closing(batches):
        yield from chain.from_iterable(batches)
