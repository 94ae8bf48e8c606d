"""The nodes of a pipeline while somebody writes them: add, replace, remove; all or none of an edit. Runs nothing."""

from __future__ import annotations

import ast
import os
import textwrap
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seeknal_nb.authoring.common import filled, read_common
from seeknal_nb.authoring.decorators import node_of
from seeknal_nb.authoring.folder import COMMON, FOLDER, SHARED, nodes_of_yaml, parse_folder
from seeknal_nb.authoring.node import make_node
from seeknal_nb.dag.graph import Graph
from seeknal_nb.dag.links import Names, inputs_of
from seeknal_nb.dag.manifest import Manifest, Node
from seeknal_nb.dag.parameters import Given, stand_ins, texts_of
from seeknal_nb.dag.select import resolve
from seeknal_nb.declaration import declaration_of
from seeknal_nb.errors import LockedError, ManifestError, SelectionError
from seeknal_nb.kinds import check_node, kind_names, own_kinds
from seeknal_nb.markup import article, plural
from seeknal_nb.views.values import Rows
from seeknal_nb.workflow.options import mapping
from seeknal_nb.workflow.request import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from seeknal_nb.authoring.decorators import Declared
    from seeknal_nb.workflow.background import Background

__all__ = ["Pipeline", "plain_values"]


BEFORE_READING = "wait() for its handle or cancel() it before the folder is read again"


class Pipeline:
    """A manifest that is edited.

    Args:
        directory: Where relative paths start.
        manifest: The nodes to begin with.
        params: Values of ``{{ name }}``.
        kinds: Executors by kind, as ``DAGRunner`` takes them.
        namespace: The notebook's variables.
    """

    background: Background
    """The runs that may be reading what the nodes use; ``Project`` has them."""

    def __init__(
        self,
        directory: Path,
        manifest: Manifest,
        *,
        params: Mapping[str, object],
        kinds: Mapping[str, Any],
        namespace: Mapping[str, object],
    ) -> None:
        self.directory, self.manifest = directory, manifest
        self.params, self.kinds, self.namespace = mapping("params", params), own_kinds(kinds), namespace
        self.shared: dict[str, object] = {}
        self.common: dict[str, str] = {}
        self.left_out: dict[str, str] = {}

    def load_folder(self, *, skip_unsupported: bool = False) -> list[str]:
        """Add the nodes of ``seeknal/**/*.yml`` and ``.py``; gives their ids. All errors of the pass are raised at once.

        What ``seeknal/common/notebook.py`` defines, its Python bodies find as they find a notebook's variables.

        With ``skip_unsupported``, nodes that are refused because their kind, or a key, is not supported here, are no errors:
        they, and what reads them, stand in ``left_out`` with the reason.

        Raises:
            ManifestError: What stands there is broken.
            LockedError: A run goes on in the background, whose bodies use the modules that would be imported again.
        """
        self._refuse_while_running(BEFORE_READING)
        shared = dict[str, object]()
        if (path := self.directory / FOLDER / SHARED).is_file():
            from seeknal_nb.authoring.pyfiles import definitions_of  # noqa: PLC0415 - 40 ms, and many projects have none

            shared = definitions_of(path, root=self.directory)
        left: dict[str, str] = {}
        found = parse_folder(
            self.directory,
            kinds=self.kinds,
            params=self.params,
            project=self.manifest.metadata.project,
            left=left if skip_unsupported else None,
        )
        self.left_out = left
        self.shared |= shared
        self.common = read_common(self.directory / FOLDER / COMMON, self.directory)
        return self._put(*found.nodes.values())

    def _refuse_while_running(self, remedy: str) -> None:
        if self.background.busy and not self.background.here:
            going = self.background.current
            raise LockedError(
                "a run goes on in the background", why=going.command if going else "", remedy=remedy
            )  # fmt: skip

    def declare(self, declared: Declared) -> str:
        """Add the node of a decorated function; gives its id."""
        from seeknal_nb.python.extract import has_work  # noqa: PLC0415 - files of YAML need none of it

        source = self._source_of(declared.function, declared.name)
        body = source if has_work(ast.parse(source).body[0]) else None  # type: ignore[arg-type]
        return self._checked(node_of(declared, root=self.directory, body=body))[0]

    def given(self, params: Mapping[str, object] | None = None, then: Request | None = None) -> Given:
        """Values of ``{{ name }}``: the run's, the project's, the notebook's, and what stands for the day and the run.

        The day is that of ``then``, and so is the run; else they are today, and nobody's.
        """
        told = {**self.params, **(params or {})}
        given = self._values(told)
        texts = (text for node in list(self.manifest.nodes.values()) for text in texts_of(node.config))
        then = then or Request()
        given.update(stand_ins(texts, given, told=told, now=then.moment, run_id=lambda: then.run_id, environ=os.environ))
        return given

    def _values(self, told: Mapping[str, object]) -> Given:
        """What was told of the project or the run, and the notebook's variables of other names."""
        found = plain_values({**self.shared, **self.namespace})
        return Given({**found, **told}, notebook=found.keys() - told.keys())

    def add(self, *nodes: Node) -> list[str]:
        """Put nodes in, or in the place of those with their ids, with edges from what they read; all or none.

        What ``seeknal/common/`` defined when the folder was read is put in.

        Raises:
            ManifestError: One is no node, or reads what is not there, or would close a cycle.
        """
        made = (self._made(str(node.node_type), node.name, _mapping(node), file=node.file_path) for node in nodes)
        return self._checked(*made)

    def _made(self, kind: str, name: str, config: Mapping[str, Any], *, file: str | None = None) -> Node:
        return make_node(kind, name, config, root=self.directory, kinds=self.kinds, file=file)

    def _checked(self, *nodes: Node) -> list[str]:
        nodes = tuple(self._filled(node) for node in nodes)
        for node in nodes:
            check_node(node, self.kinds)
        return self._put(*nodes)

    def _put(self, *nodes: Node) -> list[str]:
        """Put sound nodes in, with their edges."""
        trial = self._copy()
        for node in nodes:
            trial.add_node(node)
        names = Names.of(trial.nodes)
        for node in nodes:
            trial.edges = (edge for edge in trial.edges if edge.to_node != node.id)
            for found in inputs_of(node, declaration_of(node.node_type, self.kinds), names, self._values(self.params)):
                trial.add_edge(found, node.id)
        Graph(trial, self.kinds)
        self._become(trial)
        return [node.id for node in nodes]

    def _become(self, manifest: Manifest) -> None:
        """Take an edit; whoever shows the nodes may follow it."""
        self.manifest = manifest

    def _filled(self, node: Node) -> Node:
        try:
            return replace(node, config=filled(node.config, self.common))
        except ManifestError as error:
            raise node.blamed(error) from None

    def add_yaml(self, text: str, *, file: str = "cell") -> list[str]:
        """Add the nodes of a YAML text, one a document."""
        found = nodes_of_yaml(text, file=file, root=self.directory, kinds=self.kinds)
        return self._checked(*(node for node, _ in found))

    def remove(self, *names: str) -> Rows:
        """Take nodes out; gives a row a node.

        Raises:
            SelectionError: There is no such node, or another one reads it.
        """
        graph = Graph(self.manifest, self.kinds)
        ids = [resolve(graph, name) for name in names]
        for node_id in ids:
            left = [c for c in graph.consumers(node_id) if c not in ids]
            if left:
                raise SelectionError(f"{node_id} is needed", why=f"{', '.join(left)} read it", remedy="remove these too")
        trial = self._copy()  # a run in another thread may be reading the manifest
        for node_id in ids:
            trial.remove_node(node_id)
        self._become(trial)
        return Rows(f"{plural(len(ids), 'node')} removed", ("node_id",), tuple((node_id,) for node_id in ids))

    def node(self, kind: str, /, name: str, body: str | Callable[..., Any] | None = None, **config: Any) -> str:
        """Add one node; gives its id.

        Args:
            kind: One of the kinds; ``project.transform(...)`` and its like stand for it. Without a body that it needs,
                they give a decorator for its function.
            name: Its name, unique within the kind.
            body: SQL, or a Python function whose parameters are node names.
            config: ``sql=``, ``python=``, ``inputs=``, ``tags=``, ``description=``, ``owner=`` and the kind's own keys.
        """
        if callable(body):
            config["python"] = self._source_of(body, name)
        elif body is not None:
            config["sql"] = textwrap.dedent(body).strip()
        return self._checked(self._made(kind, name, config))[0]

    def __getattr__(self, kind: str) -> Callable[..., Any]:
        """``project.transform(name, body, ...)``, and its like for every kind: ``node`` with the kind put in."""
        kinds = self.__dict__.get("kinds")
        if kinds is None or kind not in kind_names(kinds):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {kind!r}")
        declared = declaration_of(kind, kinds)

        def define(name: str, body: Any = None, **config: Any) -> Any:
            return self._define(kind, name, body, config)

        define.__name__ = define.__qualname__ = kind
        keys = ", ".join(sorted(declared.known))
        define.__doc__ = f"Add {article(kind)}: {declared.says}. See ``node``.\n\nIts keys: {keys}."
        return define

    def __dir__(self) -> list[str]:
        """What there is, a method for each kind too."""
        return sorted({*super().__dir__(), *self.known_kinds()})

    def _define(self, kind: str, name: str, body: Any, config: dict[str, Any]) -> Any:
        """Add the node at once where that can be; else give a decorator for its function."""
        if body is not None or any(key in config for key in ("sql", "python")) or not self._wants_body(kind, name, config):
            return self.node(kind, name, body, **config)

        def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
            self.node(kind, name, function, **config)
            return function

        return decorate

    def _wants_body(self, kind: str, name: str, config: dict[str, Any]) -> bool:
        """Whether a body is all that the node lacks; any other error is for ``node`` to raise."""
        return not self._is_sound(kind, name, config) and self._is_sound(kind, name, config | {"python": "0"})

    def _is_sound(self, kind: str, name: str, config: dict[str, Any]) -> bool:
        try:
            check_node(self._made(kind, name, config), self.kinds)
        except ManifestError:
            return False
        return True

    def _source_of(self, function: Callable[..., Any], name: str) -> str:
        """The function's own lines without our decorators, under the node's name."""
        from seeknal_nb.python.source import HOME, source_of  # noqa: PLC0415 - likewise

        return source_of(function, name, homes=(HOME, __name__), methods=self.known_kinds())

    def _copy(self) -> Manifest:
        trial = Manifest(self.manifest.metadata.project)
        trial.nodes, trial.edges = dict(self.manifest.nodes), self.manifest.edges
        return trial

    def known_kinds(self) -> list[str]:
        """The kinds that a node may have here."""
        return kind_names(self.kinds)


def plain_values(namespace: Mapping[str, object]) -> dict[str, object]:
    """The notebook's settings: variables that a ``{{ name }}`` may name."""
    plain = (str, int, float, bool)
    # A copy, for another thread's cells may add to it meanwhile.
    return {n: v for n, v in dict(namespace).items() if isinstance(v, plain) and not n.startswith("_")}


def _mapping(node: Node) -> dict[str, Any]:
    """A node as somebody would write it, but for its kind and name."""
    fields = {key: getattr(node, key) for key in ("description", "owner", "tags", "columns")}
    return {**node.config, **{key: value for key, value in fields.items() if value}}
