"""Project: one directory's nodes, engine and state. The only object that changes; every face works on one.

The same verbs in plain Python: ``project.transform("clean", sql="...")``, ``project.run(full=True)``,
``project["clean"]``.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from seeknal_nb.authoring.folder import FOLDER
from seeknal_nb.dag.diff import ManifestDiff
from seeknal_nb.dag.graph import Graph
from seeknal_nb.dag.manifest import Manifest
from seeknal_nb.dag.sql import volatile_in
from seeknal_nb.engines import ENGINES, OnFirstUse
from seeknal_nb.errors import ManifestError, UsageError
from seeknal_nb.markup import plural
from seeknal_nb.pipeline import BEFORE_READING, Pipeline
from seeknal_nb.settings import settings_of
from seeknal_nb.showing import Drawing, Preview, Rows
from seeknal_nb.workflow.background import Background
from seeknal_nb.workflow.details import Inspector
from seeknal_nb.workflow.events import ExecutionStatus, NodeResult, RunFinished
from seeknal_nb.workflow.history import LAST, read_history
from seeknal_nb.workflow.kinds.body import sql_of
from seeknal_nb.workflow.listing import garbage_rows, history_rows, node_rows, result_of, status_rows
from seeknal_nb.workflow.lock import run_lock, who
from seeknal_nb.workflow.reading import Reader, as_shown
from seeknal_nb.workflow.request import Request, last_request, retried
from seeknal_nb.workflow.runner import DAGRunner, folders
from seeknal_nb.workflow.stores import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping

    import pandas as pd

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.engines import Engine
    from seeknal_nb.workflow.background import BackgroundRun
    from seeknal_nb.workflow.details import Details
    from seeknal_nb.workflow.events import Event, ExecutionSummary
    from seeknal_nb.workflow.plan import Plan
    from seeknal_nb.workflow.state import StateBackend, StateStore

__all__ = ["Project"]

ENGINE = "duckdb"


class Project(Pipeline):
    """The nodes of one directory, and what has become of them.

    Args:
        directory: Where relative paths start, and where ``target/`` lies.
        name: What the pipeline is called (default: the directory's name).
        params: Values of ``{{ name }}``, on top of ``[tool.seeknal_nb.params]`` in pyproject.toml.
        engine: An engine or the name of one.
        workers: How many nodes run at a time.
        state_dir: Another place for state.
        state: Another state store, as ``DAGRunner`` takes it, or the URL of one; a shared one needs the project's name.
        kinds: Executors by kind, as ``DAGRunner`` takes them.
        namespace: The notebook's variables.
    """

    def __init__(
        self,
        directory: str | Path = ".",
        *,
        name: str = "",
        params: Mapping[str, object] | None = None,
        engine: Engine | str | None = None,
        workers: int | None = None,
        state_dir: str | Path | None = None,
        state: StateStore | StateBackend | str | None = None,
        kinds: Mapping[str, Callable[[Node], dict[str, Any]]] | None = None,
        namespace: Mapping[str, object] | None = None,
    ) -> None:
        folder = Path(directory)
        settings = settings_of(folder)
        super().__init__(
            folder,
            Manifest(name or settings.get("name") or folder.resolve().name),
            params={**settings.get("params", {}), **(params or {})},
            kinds=kinds or {},
            namespace=namespace if namespace is not None else {},
        )
        self.summary: ExecutionSummary | None = None
        self.listeners: list[Callable[[Event], None]] = []
        self._told, self._told_engine, self._told_workers = frozenset(params or ()), engine, workers
        self._settings = settings
        self._engine = OnFirstUse(engine or settings.get("engine", ENGINE), folder / "target" / "spill")
        self._reading = OnFirstUse(_another(engine or settings.get("engine", ENGINE)))
        self.background = Background(self.stream, self._engine.interrupt)
        self.workers = workers or settings.get("workers", 1)
        self._state_dir, self._told_name, self._told_state = state_dir, name, state
        self._state = self._store()

    @classmethod
    def open(cls, directory: str | Path = ".", **options: Any) -> Self:
        """The project of a directory: its ``seeknal/`` folder is parsed, else ``target/manifest.json`` is loaded.

        Raises:
            ManifestError: What stands there is broken, or there is neither.
        """
        project = cls(directory, **options)
        saved = project.directory / "target" / "manifest.json"
        if (project.directory / FOLDER).is_dir():
            project.load_folder()
        elif saved.is_file():
            project.manifest = Manifest.load(saved)
        else:
            raise ManifestError(
                f"no pipeline in {project.directory.resolve().name}/",
                why=f"it has neither a {FOLDER}/ folder nor target/manifest.json",
                remedy="go to the project's folder, or use --project DIR",
            )
        return project

    def runner(
        self,
        *,
        params: Mapping[str, object] | None = None,
        then: Request | None = None,
        old_manifest: Manifest | str | Path | None = None,
        **options: Any,
    ) -> DAGRunner:
        """A runner of the nodes as they are now; the engine stays open between runs.

        Args:
            params: Values of ``{{ name }}``, on top of the project's.
            then: Of which run the day is, and ``{{ run_id }}``.
            old_manifest: A manifest, or the file of one, that narrows a run to what differs from it.
            options: What else ``DAGRunner`` takes.
        """
        given = self.given(params, then)
        namespace = {**self.shared, **self.namespace} if self.shared else self.namespace
        options = {"workers": self.workers, **{name: value for name, value in options.items() if value is not None}}
        return DAGRunner(
            self.manifest, None if old_manifest is None else _manifest(old_manifest), self._state_dir,
            state=self._state, root=self.directory, kinds=self.kinds, namespace=namespace, params=given,
            **{"engine": self._engine, **options},
        )  # fmt: skip

    def plan(self, *, params: Mapping[str, object] | None = None, **selection: Any) -> Plan:
        """What a run would do, and why; see ``DAGRunner.plan``."""
        return self.runner(params=params).plan(**selection)

    def stream(
        self,
        *,
        params: Mapping[str, object] | None = None,
        old_manifest: Manifest | str | Path | None = None,
        again: bool = False,
        **options: Any,
    ) -> Generator[Event]:
        """The events of a run, which ``listeners`` hear too; see ``DAGRunner.stream``.

        Args:
            params: Values of ``{{ name }}``, on top of the project's.
            old_manifest: See ``runner``.
            again: Run what failed, with the parameters, the day and the options of the run that failed; options that are
                given count more, and other parameters are refused.
            options: What ``DAGRunner.stream`` takes; and ``workers`` and ``allow_outside``, as ``DAGRunner`` takes them.
        """
        runner, options = self._begin(params, old_manifest, options, again=again)
        with closing(runner.stream(**options)) as events:
            for event in events:
                if isinstance(event, RunFinished) and not options.get("dry_run"):
                    self.summary = event.summary
                yield event

    def run(
        self,
        *,
        progress: bool = True,
        params: Mapping[str, object] | None = None,
        old_manifest: Manifest | str | Path | None = None,
        again: bool = False,
        **options: Any,
    ) -> ExecutionSummary:
        """Run and give the summary, printing progress lines unless ``progress`` is False; see ``stream``."""
        runner, options = self._begin(params, old_manifest, options, again=again)
        summary = runner.run(progress=progress, **options)
        self.summary = self.summary if options.get("dry_run") else summary
        return summary

    def start(self, **options: Any) -> BackgroundRun:
        """Run in the background, after what was started before; gives a handle at once. Takes what ``stream`` takes."""
        return self.background.start(**options)

    def _begin(
        self,
        params: Mapping[str, object] | None,
        old_manifest: Manifest | str | Path | None,
        options: Mapping[str, Any],
        *,
        again: bool,
    ) -> tuple[DAGRunner, dict[str, Any]]:
        """The runner of a run, and what its ``stream`` is given."""
        self._refuse_while_running(
            "wait() for its handle or cancel() it; or start this one with --background, which queues it"
        )
        request = Request.of(params, options)
        if again:
            failed = [i for i, state in self.runner().states().items() if not state.good and i in self.manifest.nodes]
            request, options = retried(self._runs, failed, params or {}, options)
        rest = dict(options)
        own = {name: rest.pop(name, None) for name in ("workers", "allow_outside")}
        runner = self.runner(params=request.params, then=request, old_manifest=old_manifest, listeners=[self._tell], **own)
        return runner, {**rest, "asked": request.recorded(runner.around.secrets)}

    @property
    def _runs(self) -> Path:
        """Where the records of runs lie."""
        return folders(self.directory, self._state_dir)[1] / "runs"

    def _as_left(self, params: Mapping[str, object] | None) -> dict[str, object]:
        """The parameters of a look: those of the last run, whose tables it shows, and what it is given itself."""
        last = last_request(self._runs)
        return {**(last.params if last else {}), **(params or {})}

    def _looking(self, params: Mapping[str, object] | None = None, **options: Any) -> DAGRunner:
        """A runner to read with, on an engine of its own: a run's bodies must not meet what looking binds."""
        return self.runner(engine=self._reading, params=self._as_left(params), **options)

    def _tell(self, event: Event) -> None:
        for listener in list(self.listeners):
            listener(event)

    def parse(self) -> Rows:
        """Add the nodes of ``seeknal/**/*.yml`` and write ``target/manifest.json``; gives a row a node."""
        ids = self.load_folder()
        if not ids:
            raise ManifestError(
                f"no nodes in {self.directory.resolve().name}/{FOLDER}/",
                remedy="go to the project's folder, or use --project DIR",
            )
        path = self.runner().target / "manifest.json"
        self.manifest.save(path)
        rows = tuple((node_id, ", ".join(sorted(self.manifest.get_upstream_nodes(node_id)))) for node_id in ids)
        return Rows(f"{plural(len(ids), 'node')}, written to {path.as_posix()}", ("node_id", "inputs"), rows)

    def load(self, directory: str | Path) -> Rows:
        """Take the nodes of a project's folder in, which is this project's folder from then on; gives a row a node.

        Raises:
            UsageError: There are nodes of another folder already, whose paths start there.
        """
        self._refuse_while_running(BEFORE_READING)
        folder = Path(directory)
        if not (folder / FOLDER).is_dir():
            raise UsageError(f"no {FOLDER}/ in {str(directory)!r}", remedy="name the folder of a project")
        same = folder.resolve() == self.directory.resolve()
        if self.manifest.nodes and not same:
            raise UsageError(
                "there are nodes of another folder", why="paths of a project start in its own folder",
                remedy="load it before the first node, in a notebook of its own",
            )  # fmt: skip
        if not same:
            self._move(folder)
        ids, graph = set(self.load_folder()), Graph(self.manifest, self.kinds)
        rows = tuple((node.id, ", ".join(graph.inputs(node.id))) for node in graph if node.id in ids)
        return Rows(f"{plural(len(ids), 'node')} of {self.manifest.metadata.project}", ("node_id", "inputs"), rows)

    def _move(self, folder: Path) -> None:
        """Take the settings of another folder for those of the one that is left; what the user said himself stays."""
        left, settings = self._settings, settings_of(folder)
        self.directory, self._settings, self.shared, self.summary = folder, settings, {}, None
        self.manifest = Manifest(settings.get("name") or folder.resolve().name)
        old = left.get("params", {})
        own = {n: v for n, v in self.params.items() if n in self._told or n not in old or old[n] != v}
        self.params = {**settings.get("params", {}), **own}
        if not self._told_workers and self.workers == left.get("workers", 1):
            self.workers = settings.get("workers", 1)
        self._state = self._store()
        if not self._told_engine:
            self._engine.turn_to(settings.get("engine", ENGINE), folder / "target" / "spill")
            self._reading.turn_to(settings.get("engine", ENGINE))

    def _store(self) -> StateStore | StateBackend | None:
        """Where state is kept, as the user said or else the settings; None for the state folder."""
        state = self._told_state if self._told_state is not None else self._settings.get("state")
        name = self._told_name or self._settings.get("name", "")
        return open_store(state, root=self.directory, project=name) if isinstance(state, str) else state

    def __getitem__(self, name: str) -> pd.DataFrame:
        """The stored table of a node as a pandas frame; computes nothing."""
        frame: pd.DataFrame = Reader(self._looking()).query(name)
        return frame

    def show(self, name: str, *, limit: int = 10, params: Mapping[str, object] | None = None) -> Preview:
        """The first rows of a node's stored table, its schema and counts; computes nothing."""
        return Reader(self._looking(params)).preview(name, limit=limit)

    def diff(self, old: Manifest | str | Path | None = None) -> ManifestDiff:
        """What differs from the last run that finished, or from another manifest."""
        path = self._runs / LAST
        if old is None:
            old = Manifest.load(path) if path.is_file() else Manifest()
        return ManifestDiff.compare(_manifest(old), self.manifest)

    def status(self, *, params: Mapping[str, object] | None = None) -> Rows:
        """A row a node in topological order: how it last came out, and what a run would do now."""
        runner = self._looking(params)
        plan = runner.plan()
        left = {name: value for name, value in self._as_left(None).items() if name not in (params or {})}
        return status_rows(plan, as_shown(runner, plan), left)

    def ls(self, selectors: Iterable[str] = ()) -> Rows:
        """A row a node in topological order: what it is and what it reads."""
        terms = list(selectors)
        graph = Graph(self.manifest, self.kinds)
        return node_rows(graph, self._looking().select(terms) if terms else graph.ids)

    def history(self, *, limit: int = 20) -> Rows:
        """A row a run, the newest first."""
        return history_rows(read_history(self._runs, most=limit))

    def details(self, name: str, *, rows: int = 10) -> Details:
        """All that is worth knowing of one node: definition, first rows, last error, log, history; computes nothing."""
        return Inspector(self._looking()).details(name, rows=rows)

    def standing(self, *, params: Mapping[str, object] | None = None) -> dict[str, NodeResult]:
        """How each node stands now, by id in topological order: as it came out; PENDING, or FAILED, where it would run."""
        runner, last = self._looking(params), {r.node_id: r for r in self.summary.results} if self.summary else {}
        plan = runner.plan()
        states = as_shown(runner, plan)
        return {s.node_id: result_of(s, states.get(s.node_id), last.get(s.node_id)) for s in plan.steps}

    def graph(self, *, params: Mapping[str, object] | None = None) -> Drawing:
        """The graph, coloured by how each node stands now."""
        return self.drawing(self.standing(params=params))

    def _panels(self, numbers: Mapping[str, int], results: Mapping[str, NodeResult]) -> dict[int, dict[str, Any]]:
        """What a page shows of each node, by number; no rows and no output, for pages are passed on."""
        look = Inspector(self._looking())
        return {
            number: {
                **look.details(node_id, rows=0).to_dict(numbers),
                "reason": results[node_id].reason if node_id in results else "",
                "log": "",
            }
            for node_id, number in numbers.items()
        }

    def drawing(self, results: Mapping[str, NodeResult]) -> Drawing:
        """The graph with these results in it, its nodes in topological order; a node that has none is pending."""
        from seeknal_nb.draw import Mark, Picture  # noqa: PLC0415 - only who draws needs it

        graph = Graph(self.manifest, self.kinds)
        marks, numbers = [], {node.id: number for number, node in enumerate(graph)}
        for node in graph:
            result = results.get(node.id) or NodeResult(node.id, ExecutionStatus.PENDING)
            folder = Path(node.file_path).parent.as_posix() if node.file_path else ""
            marks.append(Mark(
                node.id, str(node.node_type), node.name, str(result.status), tuple(node.tags), _detail(node, result), folder,
                result.row_count, result.duration or None,
            ))  # fmt: skip
        edges = [(numbers[parent], child) for child, node in enumerate(graph) for parent in graph.inputs(node.id)]
        return Drawing(
            Picture(tuple(marks), tuple(edges)),
            self.manifest.metadata.project,
            lambda: self._panels(numbers, results),
        )

    def clean(self, *, keep: int = 0, dry_run: bool = False, params: Mapping[str, object] | None = None) -> Rows:
        """Remove builds that no node needs; never what is in use.

        Args:
            keep: How many earlier builds to keep a node.
            dry_run: Only list them, with their sizes.
            params: Values of ``{{ name }}`` that the project does not have.

        Raises:
            UsageError: There are no nodes here, so that everything would go.
        """
        if not self.manifest.nodes:
            raise UsageError(
                "there are no nodes here", why="all builds would go", remedy="run the cells that define them first"
            )
        runner = self._looking(params)
        if dry_run:
            return garbage_rows(runner.garbage(keep=keep), runner.target, "would be removed")
        with run_lock(runner.state_dir, who("clean", self.directory)):
            found = runner.garbage(keep=keep)
            runner.outputs.remove(found)
        return garbage_rows(found, runner.target, "removed")

    def close(self) -> None:
        """Stop what runs in the background, and let go of the engine."""
        left = self.background.close()
        if left is not None:  # a Python body, which has to come to its end
            left.then(lambda _: self._engine.close())
        else:
            self._engine.close()
        self._reading.close()


def _another(engine: Engine | str) -> Engine | str:
    """The name of the engine, to open one more of it; the engine itself, where no table knows its name."""
    return engine if isinstance(engine, str) or engine.name not in ENGINES else engine.name


def _manifest(given: Manifest | str | Path) -> Manifest:
    return given if isinstance(given, Manifest) else Manifest.load(given)


def _detail(node: Node, result: NodeResult) -> str:
    """What stands below the name of a node; SQL that gives another result each time is marked."""
    return " · ".join(filter(None, (result.detail(), "volatile" if volatile_in(sql_of(node) or "") else "")))
