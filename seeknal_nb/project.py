"""Project: one directory's nodes, engine and state. The only object that changes; every face works on one.

The same verbs in plain Python: ``project.transform("clean", sql="...")``, ``project.run(full=True)``,
``project["clean"]``.
"""

from __future__ import annotations

import tomllib
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.diff import ManifestDiff
from seeknal_nb.dag.graph import Graph
from seeknal_nb.dag.manifest import Manifest
from seeknal_nb.dag.parser import FOLDER
from seeknal_nb.dag.select import select
from seeknal_nb.engines import OnFirstUse
from seeknal_nb.errors import ManifestError, Place, UsageError
from seeknal_nb.markup import plural
from seeknal_nb.pipeline import Pipeline, plain_values
from seeknal_nb.showing import Drawing, Preview, Rows
from seeknal_nb.workflow.history import LAST, read_history
from seeknal_nb.workflow.lock import run_lock
from seeknal_nb.workflow.plan import Action
from seeknal_nb.workflow.reading import Reader
from seeknal_nb.workflow.runner import DAGRunner

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping

    import pandas as pd

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.engines import Engine
    from seeknal_nb.workflow.events import Event, ExecutionSummary
    from seeknal_nb.workflow.plan import Plan
    from seeknal_nb.workflow.state import StateStore

__all__ = ["Project"]


class Project(Pipeline):
    """The nodes of one directory, and what has become of them.

    Args:
        directory: Where relative paths start, and where ``target/`` lies.
        name: What the pipeline is called (default: the directory's name).
        params: Values of ``{{ name }}``, on top of ``[tool.seeknal_nb.params]`` in pyproject.toml.
        engine: An engine or the name of one.
        workers: How many nodes run at a time.
        state_dir: Another place for state.
        state: Another state store.
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
        state: StateStore | None = None,
        kinds: Mapping[str, Callable[[Node], dict[str, Any]]] | None = None,
        namespace: Mapping[str, object] | None = None,
    ) -> None:
        folder = Path(directory)
        settings = _settings(folder)
        super().__init__(
            folder,
            Manifest(name or settings.get("name") or folder.resolve().name),
            params={**settings.get("params", {}), **(params or {})},
            kinds=kinds or {},
            namespace=namespace if namespace is not None else {},
        )
        self.summary: ExecutionSummary | None = None
        self._engine = OnFirstUse(engine or settings.get("engine", "duckdb"), folder / "target" / "spill")
        self.workers = workers or settings.get("workers", 1)
        self._state_dir, self._state = state_dir, state

    @classmethod
    def open(cls, directory: str | Path = ".", **options: Any) -> Project:
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
        old_manifest: Manifest | str | Path | None = None,
        **options: Any,
    ) -> DAGRunner:
        """A runner of the nodes as they are now; the engine stays open between runs.

        Args:
            params: Values of ``{{ name }}``, on top of the project's.
            old_manifest: A manifest, or the file of one, that narrows a run to what differs from it.
            options: What else ``DAGRunner`` takes.
        """
        given = {**plain_values(self.namespace), **self.params, **(params or {})}
        options = {"workers": self.workers, **{name: value for name, value in options.items() if value is not None}}
        return DAGRunner(
            self.manifest, None if old_manifest is None else _manifest(old_manifest), self._state_dir,
            state=self._state, root=self.directory, engine=self._engine, kinds=self.kinds, namespace=self.namespace,
            params=given, **options,
        )  # fmt: skip

    def plan(self, *, params: Mapping[str, object] | None = None, **selection: Any) -> Plan:
        """What a run would do, and why; see ``DAGRunner.plan``."""
        return self.runner(params=params).plan(**selection)

    def stream(
        self,
        *,
        params: Mapping[str, object] | None = None,
        workers: int | None = None,
        allow_outside: bool | None = None,
        old_manifest: Manifest | str | Path | None = None,
        **options: Any,
    ) -> Generator[Event]:
        """The events of a run; see ``DAGRunner.stream``."""
        runner = self.runner(params=params, workers=workers, allow_outside=allow_outside, old_manifest=old_manifest)
        with closing(runner.stream(**options)) as events:
            for event in events:
                self.summary = getattr(event, "summary", self.summary)
                yield event

    def run(
        self,
        *,
        progress: bool = True,
        params: Mapping[str, object] | None = None,
        workers: int | None = None,
        allow_outside: bool | None = None,
        old_manifest: Manifest | str | Path | None = None,
        **options: Any,
    ) -> ExecutionSummary:
        """Run and give the summary, printing progress lines unless ``progress`` is False; see ``DAGRunner.run``."""
        runner = self.runner(params=params, workers=workers, allow_outside=allow_outside, old_manifest=old_manifest)
        self.summary = runner.run(progress=progress, **options)
        return self.summary

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

    def __getitem__(self, name: str) -> pd.DataFrame:
        """The stored table of a node as a pandas frame; computes nothing."""
        frame: pd.DataFrame = Reader(self.runner(), name).query()
        return frame

    def show(self, name: str, *, limit: int = 10, params: Mapping[str, object] | None = None) -> Preview:
        """The first rows of a node's stored table, its schema and counts; computes nothing."""
        return Reader(self.runner(params=params), name).preview(limit=limit)

    def diff(self, old: Manifest | str | Path | None = None) -> ManifestDiff:
        """What differs from the last run that finished, or from another manifest."""
        path = self.runner().target / "runs" / LAST
        if old is None:
            old = Manifest.load(path) if path.is_file() else Manifest()
        return ManifestDiff.compare(_manifest(old), self.manifest)

    def status(self, *, params: Mapping[str, object] | None = None) -> Rows:
        """A row a node in topological order: how it last came out, and what a run would do now."""
        runner = self.runner(params=params)
        states, plan = runner.states(), runner.plan()
        rows = []
        for step in plan.steps:
            state = states.get(step.node_id)
            rows.append((
                step.node_id, state.status if state else "never built", state.row_count if state else None,
                round(state.duration, 3) if state else None, _when(state.last_run) if state else None,
                str(step.action), step.reason,
            ))  # fmt: skip
        return Rows(
            plan.headline(), ("node_id", "status", "row_count", "duration", "last_run", "now", "reason"), tuple(rows)
        )

    def ls(self, selectors: Iterable[str] = ()) -> Rows:
        """A row a node in topological order: what it is and what it reads."""
        graph = Graph(self.manifest)
        chosen = select(graph, list(selectors), {}) if selectors else set(graph.ids)
        rows = tuple(
            (n.id, ", ".join(n.tags), ", ".join(graph.inputs(n.id)), n.file_path or "", n.description or "")
            for n in graph
            if n.id in chosen
        )
        return Rows(plural(len(rows), "node"), ("node_id", "tags", "inputs", "file", "description"), rows)

    def history(self, *, limit: int = 20) -> Rows:
        """A row a run, the newest first."""
        names = ("total", "successful", "failed", "cached", "skipped", "pending")
        found = read_history(self.runner().target / "runs", most=limit)
        rows = tuple(
            (
                r["run_id"],
                _when(r["started"]),
                r["command"],
                *(r["totals"].get(n, 0) for n in names),
                r["totals"]["duration"],
            )
            for r in found
        )
        return Rows(plural(len(rows), "run"), ("run_id", "started", "command", *names, "seconds"), rows)

    def graph(self, *, params: Mapping[str, object] | None = None) -> Drawing:
        """The graph, coloured by how each node last came out; what a run would execute is pending."""
        runner = self.runner(params=params)
        states, steps = runner.states(), {step.node_id: step for step in runner.plan().steps}
        last = {r.node_id: r for r in self.summary.results} if self.summary else {}
        return self.drawing({
            node_id: (_status(step, states.get(node_id), last.get(node_id)), _detail(states.get(node_id)))
            for node_id, step in steps.items()
        })  # fmt: skip

    def drawing(self, looks: Mapping[str, tuple[str, str]]) -> Drawing:
        """The graph with a status and a detail for each node."""
        from seeknal_nb.draw import Mark, Picture  # noqa: PLC0415 - only who draws needs it

        graph = Graph(self.manifest)
        marks = [Mark(n.id, str(n.node_type), n.name, looks[n.id][0], tuple(n.tags), looks[n.id][1]) for n in graph.nodes]
        edges = [(parent, child) for child, parents in enumerate(graph.parents) for parent in parents]
        return Drawing(Picture(tuple(marks), tuple(edges)), self.manifest.metadata.project)

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
        runner = self.runner(params=params)
        if dry_run:
            return _garbage_rows(runner.garbage(keep=keep), runner.target, "would be removed")
        with run_lock(runner.state_dir, "clean"):
            found = runner.garbage(keep=keep)
            runner.outputs.remove(found)
        return _garbage_rows(found, runner.target, "removed")

    def close(self) -> None:
        """Let go of the engine."""
        self._engine.close()


def _manifest(given: Manifest | str | Path) -> Manifest:
    return given if isinstance(given, Manifest) else Manifest.load(given)


def _settings(directory: Path) -> dict[str, Any]:
    """``[tool.seeknal_nb]`` of the directory's pyproject.toml."""
    path = directory / "pyproject.toml"
    if not path.is_file():
        return {}
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("seeknal_nb", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            "pyproject.toml cannot be read", why=str(error), remedy="mend it", place=Place(path.name)
        ) from error
    return dict(found)


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(sep=" ", timespec="seconds")


def _detail(state: Any) -> str:
    if state is None:
        return ""
    rows = [] if state.row_count is None else [f"{state.row_count:,} rows"]
    return " · ".join([*rows, f"{state.duration:.2f} s"])


def _status(step: Any, state: Any, last: Any) -> str:
    if step.action is Action.RUN:
        return "failed" if state is not None and not state.good else "pending"
    return str(last.status) if last is not None and last.status in ("success", "cached") else "cached"


def _garbage_rows(found: list[Any], root: Path, what: str) -> Rows:
    size = sum(item.size for item in found)
    rows = tuple((item.path.relative_to(root).as_posix(), item.size, item.why) for item in found)
    return Rows(f"{plural(len(rows), 'build')}, {plural(size, 'byte')} {what}", ("path", "bytes", "why"), rows)
