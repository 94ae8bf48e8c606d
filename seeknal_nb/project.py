"""Project: one directory's nodes, engine and state. The only object that changes; every face works on one.

The same verbs in plain Python: ``project.transform("clean", sql="...")``, ``project.run(full=True)``,
``project["clean"]``.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from seeknal_nb.authoring.folder import FOLDER
from seeknal_nb.authoring.settings import settings_of
from seeknal_nb.dag.graph import Graph
from seeknal_nb.dag.manifest import Manifest
from seeknal_nb.engines import OnFirstUse, another
from seeknal_nb.errors import ManifestError, UsageError
from seeknal_nb.markup import plural
from seeknal_nb.owner import FILES, moved, owner_here
from seeknal_nb.pipeline import BEFORE_READING
from seeknal_nb.shown import Shown, manifest_of
from seeknal_nb.storage.remote import Remote
from seeknal_nb.views.listing import garbage_rows
from seeknal_nb.views.values import Rows
from seeknal_nb.workflow.asked import failed_request, last_request, recorded
from seeknal_nb.workflow.background import Background
from seeknal_nb.workflow.cleaning import clean, clean_shared, clean_up
from seeknal_nb.workflow.events import RunFinished
from seeknal_nb.workflow.history import read_history, usual_seconds
from seeknal_nb.workflow.jsonstate import JsonState
from seeknal_nb.workflow.listeners import tell
from seeknal_nb.workflow.means import Means
from seeknal_nb.workflow.options import value_of
from seeknal_nb.workflow.proven import Keeper
from seeknal_nb.workflow.report import followed
from seeknal_nb.workflow.request import Request
from seeknal_nb.workflow.retention import Retention
from seeknal_nb.workflow.runner import DAGRunner
from seeknal_nb.workflow.stores import as_store, folders, open_store
from seeknal_nb.workflow.unsupported import event_with, plan_with
from seeknal_nb.workflow.ways import with_seconds

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Generator, Mapping, Sequence
    from concurrent.futures import Executor

    from seeknal_nb.dag.partitions import Span
    from seeknal_nb.engines import Engine
    from seeknal_nb.views.look import Look
    from seeknal_nb.workflow.background import BackgroundRun
    from seeknal_nb.workflow.events import Event, ExecutionSummary
    from seeknal_nb.workflow.places import Place
    from seeknal_nb.workflow.plan import Plan
    from seeknal_nb.workflow.state import StateBackend, StateStore

__all__ = ["Project"]

ENGINE = "duckdb"
GO_THERE = "go to the project's folder, or use --project DIR"
BEFORE_RUNNING = "wait() for its handle or cancel() it; or start this one with --background, which queues it"


class Project(Shown):
    """The nodes of one directory, and what has become of them.

    Args:
        directory: Where relative paths start, and where ``target/`` lies.
        name: What the pipeline is called (default: the directory's name).
        params: Values of ``{{ name }}``, on top of ``[tool.seeknal_nb.params]`` in pyproject.toml.
        engine: An engine or the name of one.
        workers: How many nodes run at a time.
        executor: Where they run, as ``DAGRunner`` takes it; by its name it is kept open from run to run.
        memory: How much all of them may take together, as ``16GB`` (default: four fifths of the machine's).
        slots: What else they share: ``{"gpu": 1}``.
        state_dir: Another place for state.
        state: Another state store, as ``DAGRunner`` takes it, or the URL of one; a shared one needs the project's name.
        outputs: Where builds are shared, as ``s3://bucket/prefix``; it needs the project's name.
        kinds: Executors by kind, as ``DAGRunner`` takes them.
        namespace: The notebook's variables.

    Attributes:
        cell_of: Gives the text of the cell that defines a node, where it is known.
    """

    cell_of: Callable[[str], str | None] = staticmethod(lambda _node_id: None)

    def __init__(
        self,
        directory: str | Path = ".",
        *,
        name: str = "",
        params: Mapping[str, object] | None = None,
        engine: Engine | str | None = None,
        workers: int | None = None,
        executor: Executor | Place | str | None = None,
        memory: str | int | None = None,
        slots: Mapping[str, int] | None = None,
        state_dir: str | Path | None = None,
        state: StateStore | StateBackend | str | None = None,
        outputs: str | None = None,
        kinds: Mapping[str, Any] | None = None,
        namespace: Mapping[str, object] | None = None,
    ) -> None:
        folder = Path(directory).resolve()
        settings = settings_of(folder)
        super().__init__(
            folder,
            Manifest(name or settings.get("name") or folder.name),
            params={**settings.get("params", {}), **(params or {})},
            kinds=kinds or {},
            namespace=namespace if namespace is not None else {},
        )
        self.summary: ExecutionSummary | None = None
        self.listeners: list[Callable[[Event], None]] = []
        self._told, self._told_engine, self._settings = frozenset(params or ()), engine, settings
        self.means = Means({"workers": workers, "executor": executor, "memory": memory, "slots": slots}, settings)
        self._engine = OnFirstUse(engine or settings.get("engine", ENGINE), folder / "target" / "spill", **self.means.share)
        self._reading = OnFirstUse(another(engine or settings.get("engine", ENGINE)))
        self.background, self.owner = Background(self.stream, self._engine.interrupt), owner_here(folder, self.namespace)
        self._state_dir, self._told_name = state_dir and Path(state_dir).absolute(), name
        self._told_state, self._told_outputs = state, outputs
        self._remember()

    @classmethod
    def open(cls, directory: str | Path = ".", *, skip_unsupported: bool = False, **options: Any) -> Self:
        """The project of a directory: its ``seeknal/`` folder is parsed, else ``target/manifest.json`` is loaded.

        ``skip_unsupported`` as in ``load_folder``.

        Raises:
            ManifestError: What stands there is broken, or there is neither.
        """
        project = cls(directory, **options)
        saved = project.directory / "target" / "manifest.json"
        if (project.directory / FOLDER).is_dir():
            project.load_folder(skip_unsupported=skip_unsupported)
            project.owner = FILES
        elif saved.is_file():
            project.manifest = Manifest.load(saved)
        else:
            raise ManifestError(
                f"no pipeline in {project.directory.name}/",
                why=f"it has neither a {FOLDER}/ folder nor target/manifest.json",
                remedy=GO_THERE,
            )
        return project

    def runner(
        self,
        request: Request | None = None,
        *,
        engine: OnFirstUse | None = None,
        executor: Executor | Place | str | None = None,
        listeners: Sequence[Callable[[Event], None]] = (),
        **given: Any,
    ) -> DAGRunner:
        """A runner of the nodes as they are now; the engine stays open between runs.

        Args:
            request: Of which run the day and ``{{ run_id }}`` are; its parameters come on top of the project's.
            engine: Another engine than the project's.
            executor: As ``DAGRunner`` has it.
            listeners: Likewise.
            given: The request by the names in ``Request``: ``params=``, ``workers=``, and so on.
        """
        asked = value_of(request, Request.of, given)
        namespace = {**self.shared, **self.namespace} if self.shared else self.namespace
        old = None if asked.old_manifest is None else manifest_of(asked.old_manifest)
        runner = DAGRunner(
            self.manifest, old, self._state_dir, state=self._state, outputs=self.remote, root=self.directory,
            kinds=self.kinds, namespace=namespace, params=self.given(asked.params, asked), engine=engine or self._engine,
            workers=self.means.offers(asked.workers), executor=self.means.place(executor or asked.executor),
            allow_outside=bool(asked.allow_outside), listeners=listeners,
        )  # fmt: skip
        runner.owner = self.owner
        runner.go_by(self._keeper)
        return runner

    def plan(self, request: Request | None = None, **given: Any) -> Plan:
        """What a run would do, and why; takes what ``stream`` takes."""
        request = self._complete(value_of(request, Request.of, given))
        plan = plan_with(self.runner(request).plan(request.options, verify=request.options.verify), self.left_out)
        usual = usual_seconds(read_history(self.runs_folder))
        return with_seconds(plan, Graph(self.manifest, self.kinds), usual, self.means.at_a_time(request))

    def stream(
        self, request: Request | None = None, *, cancelled: threading.Event | None = None, **given: Any
    ) -> Generator[Event]:
        """The events of a run, which ``listeners`` hear too; see ``DAGRunner.stream``.

        Args:
            request: What it is asked for.
            cancelled: See ``DAGRunner.stream``.
            given: The same by the names in ``Request`` and ``RunOptions``: ``full=``, ``nodes=``, ``params=``, and so on.

        Raises:
            UsageError: At once, of an option that there is not, or whose value cannot be.
        """
        return self._stream(value_of(request, Request.of, given), cancelled)

    def run(self, request: Request | None = None, *, progress: bool = True, **given: Any) -> ExecutionSummary:
        """Run and give the summary, printing lines for ``progress``; ``given``: ``start=`` and so on, as for ``stream``."""
        return followed(self.stream(request, **given), progress=progress)

    def start(self, request: Request | None = None, **given: Any) -> BackgroundRun:
        """Run in the background, after what was started before; gives a handle at once. Takes what ``stream`` takes."""
        return self.background.start(value_of(request, Request.of, given))

    def _stream(self, request: Request, cancelled: threading.Event | None) -> Generator[Event]:
        self._refuse_while_running(BEFORE_RUNNING)
        request = self._complete(request)
        runner = self.runner(request, listeners=[lambda event: tell(self.listeners, event)])
        asked, ran = recorded(request, runner.around.secrets), False
        with closing(runner.stream(request.options, command=request.command, asked=asked, cancelled=cancelled)) as events:
            for happened in events:
                event = event_with(happened, self.left_out)
                if isinstance(event, RunFinished) and not request.options.dry_run:
                    self.summary, ran = event.summary, True
                yield event
        if ran and "clean" in self._settings and request.options.span is None:
            clean_up(runner, self._settings["clean"])

    def _complete(self, request: Request) -> Request:
        """A retry's, with what the run that failed was asked for; any other as it is."""
        if not request.again:
            return request
        failed = [i for i, state in self.runner().states().items() if not state.good and i in self.manifest.nodes]
        return request.after(failed_request(self.runs_folder, failed) or Request())

    @property
    def runs_folder(self) -> Path:
        """Where the records of runs lie."""
        return folders(self.directory, self._state_dir)[1] / "runs"

    @property
    def state_folder(self) -> Path:
        """Where state lies, unless it is kept elsewhere."""
        return folders(self.directory, self._state_dir)[0]

    def look(self, params: Mapping[str, object] | None = None, *, span: Span | None = None) -> Look:
        """A look at how the nodes stand, with the parameters of the last run, whose tables it shows, and with these."""
        from seeknal_nb.views.look import Look  # noqa: PLC0415 - a tenth of what a command that only runs imports

        last, own = last_request(self.runs_folder), params or {}
        left = {name: value for name, value in (last.params if last else {}).items() if name not in own}
        return Look(self.runner(params={**left, **own}, engine=self._reading), left, span)

    def parse(self, *, skip_unsupported: bool = False) -> Rows:
        """Add the nodes of ``seeknal/**/*.yml`` and write ``target/manifest.json``; gives a row a node."""
        ids = self.load_folder(skip_unsupported=skip_unsupported)
        self.check_nodes()
        path = self.runner().target / "manifest.json"
        self.manifest.save(path)
        rows = tuple((node_id, ", ".join(sorted(self.manifest.get_upstream_nodes(node_id)))) for node_id in ids)
        return Rows(f"{plural(len(ids), 'node')}, written to {'/'.join(path.parts[-2:])}", ("node_id", "inputs"), rows)

    def check_nodes(self) -> None:
        """Refuse to go on where there is no node; the error says where nodes are written."""
        if not self.manifest.nodes:
            why = f"all are left out: {'; '.join(map(': '.join, self.left_out.items()))}" if self.left_out else ""
            raise ManifestError(f"no nodes in {self.directory.name}/{FOLDER}/", why=why, remedy=GO_THERE)

    def load(self, directory: str | Path, *, skip_unsupported: bool = False) -> Rows:
        """Take the nodes of a project's folder in, which is this project's folder from then on; gives a row a node.

        ``skip_unsupported`` as in ``load_folder``; what is left out has a row too, with the reason.

        Raises:
            UsageError: There are nodes of another folder already, whose paths start there.
        """
        self._refuse_while_running(BEFORE_READING)
        folder = Path(directory).resolve()
        if not (folder / FOLDER).is_dir():
            raise UsageError(f"no {FOLDER}/ in {str(directory)!r}", remedy="name the folder of a project")
        if folder != self.directory:
            if self.manifest.nodes:
                raise UsageError(
                    "there are nodes of another folder", why="paths of a project start in its own folder",
                    remedy="load it before the first node, in a notebook of its own",
                )  # fmt: skip
            self._move(folder)
        ids, graph = set(self.load_folder(skip_unsupported=skip_unsupported)), Graph(self.manifest, self.kinds)
        rows = tuple((node.id, ", ".join(graph.inputs(node.id))) for node in graph if node.id in ids)
        rows += tuple((node_id, f"left out: {why}") for node_id, why in self.left_out.items())
        return Rows(f"{plural(len(ids), 'node')} of {self.manifest.metadata.project}", ("node_id", "inputs"), rows)

    def rename(self, old: str, new: str, *, write: bool = False) -> Rows:
        """The lines that name a node, each as it is to be; its builds count under the new name. See ``rename_node``."""
        from seeknal_nb.authoring.renaming import rename_node  # noqa: PLC0415 - only who renames needs it

        self._refuse_while_running(BEFORE_READING)
        rows, found = rename_node(self.runner(), old, new, cell_of=self.cell_of, write=write)
        if write:
            self._become(found.manifest)
            self.load_folder()
        return rows

    def _move(self, folder: Path) -> None:
        """Take the settings of another folder for those of the one that is left; what the user said himself stays."""
        left, settings = self._settings, settings_of(folder)
        self.owner = moved(self.owner, self.directory, folder)
        self.directory, self._settings, self.shared, self.summary = folder, settings, {}, None
        self.manifest, old = Manifest(settings.get("name") or folder.name), left.get("params", {})
        own = {n: v for n, v in self.params.items() if n in self._told or n not in old or old[n] != v}
        self.params = {**settings.get("params", {}), **own}
        self.means.turn_to(settings)
        self._remember()
        if not self._told_engine:
            self._engine.turn_to(settings.get("engine", ENGINE), folder / "target" / "spill", **self.means.share)
            self._reading.turn_to(settings.get("engine", ENGINE))

    def _remember(self) -> None:
        """Where state is kept, as the user said, or else the settings, or else in its folder; and what runs have proved."""
        state = self._settings.get("state") if self._told_state is None else self._told_state
        outputs = self._settings.get("outputs", "") if self._told_outputs is None else self._told_outputs
        name = self._told_name or self._settings.get("name", "")
        self.kept_in = str(self.state_folder if state is None else state)
        self.remote = Remote(outputs, name) if outputs else None
        if isinstance(state, str):
            state = open_store(state, root=self.directory, project=name)
        self._state = JsonState(self.state_folder) if state is None else as_store(state)
        self._keeper = Keeper(self.state_folder)
        self._keeper.readings.open()

    def clean(
        self, *, keep: int = 0, older: str | float | None = None, max_size: str | int | None = None,
        dry_run: bool = False, others: bool = False, remote: bool = False, params: Mapping[str, object] | None = None,
    ) -> Rows:  # fmt: skip
        """Remove builds that no node needs; never what is in use.

        Args:
            keep: How many earlier builds to keep a node.
            older: Only those that are older, as ``30d``.
            max_size: The oldest, until all builds take no more than this, as ``10GB``.
            dry_run: Only list them, with their sizes.
            others: Also those of other notebooks and folders that share this one, as their last runs left them.
            remote: Of the store of shared builds instead: what no entry of the shared state names, older than 30 days.
            params: Values of ``{{ name }}`` that the project does not have.

        Raises:
            UsageError: There are no nodes here, so that everything would go.
        """
        if not self.manifest.nodes:
            raise UsageError("there are no nodes here", why="all builds would go", remedy="run the cells that define them")
        runner, stay = self.look(params).runner, Retention.of(keep=keep, older=older, max_size=max_size)
        if remote:
            return garbage_rows(clean_shared(runner, stay, dry_run=dry_run), Path(), dry_run=dry_run, theirs={})
        found = clean(runner, stay, others=others, left_out=self.left_out, dry_run=dry_run)
        return garbage_rows(found, runner.target, dry_run=dry_run, theirs={} if others else runner.others())

    def close(self) -> None:
        """Stop what runs in the background, and let go of the engine."""
        if (left := self.background.close()) is not None:  # a Python body, which has to come to its end
            left.then(lambda _: self._engine.close())
        else:
            self._engine.close()
        self._reading.close()
        self.means.close()
