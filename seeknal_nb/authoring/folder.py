"""YAML to nodes, and a folder of YAML and Python files to a manifest; it lists every error of one pass, and runs no node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal_nb.authoring.common import filled, read_common
from seeknal_nb.authoring.node import make_node
from seeknal_nb.config import ConfigError
from seeknal_nb.dag.graph import Graph
from seeknal_nb.dag.leftout import advised, readers_of, unsupported
from seeknal_nb.dag.links import Names, inputs_of
from seeknal_nb.dag.manifest import Manifest, Node
from seeknal_nb.dag.written import Written
from seeknal_nb.declaration import declaration_of
from seeknal_nb.errors import ManifestError, ManyErrors, Place, SeeknalError, one_or_many
from seeknal_nb.kinds import check_node
from seeknal_nb.storage.documents import read_yaml
from seeknal_nb.storage.text import read_text

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping
    from pathlib import Path

    from seeknal_nb.storage.documents import Document

__all__ = ["COMMON", "ENDINGS", "FOLDER", "SHARED", "nodes_of_yaml", "parse_folder"]

FOLDER = "seeknal"
ENDINGS = (".yml", ".yaml", ".py")
COMMON = "common"
SHARED = "common/notebook.py"
"""What an exported notebook's bodies take from it, below the project's folder."""
APART = frozenset({COMMON, "templates", "sql_pairs", "skills", "tests"})
"""Folders of a project in which no nodes stand."""


def parse_folder(
    root: Path,
    *,
    kinds: Mapping[str, Any],
    params: Mapping[str, object],
    project: str = "",
    left: dict[str, str] | None = None,
) -> Manifest:
    """The manifest of ``<root>/seeknal/**/*.yml``, ``.yaml`` and ``.py``, in the order of the paths.

    Python files are executed, but for those whose names begin with ``_``. What ``seeknal/common/`` defines is put in.

    Args:
        root: The project's directory.
        kinds: The caller's own kinds by name, as ``DAGRunner`` takes them.
        params: Values that a name of a table may need.
        project: The manifest's name (default: the directory's).
        left: Where nodes go that are not supported here, and what reads them, with the reason; None: they are errors.

    Raises:
        ManifestError: All that is wrong, in the order of the files.
    """
    manifest, problems = Manifest(project or root.resolve().name), list[SeeknalError]()
    common: Mapping[str, str] = {}
    places: dict[str, Place] = {}
    sound: list[Node] = []
    with _collected(problems):
        common = read_common(root / FOLDER / COMMON, root)
    for path in _files(root / FOLDER):
        with _collected(problems):
            for node, place in _nodes_of(path, root, kinds, problems):
                with _collected(problems, node, place):
                    node.config = filled(node.config, common)
                    _add(manifest, node, places.setdefault(node.id, place), place)
                    check_node(node, kinds)
                    sound.append(node)
    refused = {} if left is None else unsupported(problems)
    broken = {one.node for one in problems if one.node}  # they are there: who reads them is not wrong
    problems = [one for one in problems if one.node not in refused]
    names, inputs = Names.of(manifest.nodes, broken), dict[str, list[str]]()
    for node in sound:
        with _collected(problems, node, places[node.id]):
            inputs[node.id] = inputs_of(node, declaration_of(node.node_type, kinds), names, params)
    if problems:
        advised(problems)
        raise one_or_many(problems)
    refused |= readers_of(refused, inputs)
    _link(manifest, inputs, refused)
    if left is not None:
        left |= refused
    Graph(manifest, kinds)
    return manifest


def _link(manifest: Manifest, inputs: Mapping[str, list[str]], refused: Container[str]) -> None:
    """Add the edges, without the nodes that are left out."""
    for node_id in [node_id for node_id in manifest.nodes if node_id in refused]:
        manifest.remove_node(node_id)
    for node_id, read in inputs.items():
        for one in read if node_id not in refused else ():
            manifest.add_edge(one, node_id)


def _files(folder: Path) -> list[Path]:
    """The files that define nodes, sorted; none that is hidden, as Jupyter's checkpoints are."""
    parts = ((path, path.relative_to(folder).parts) for path in folder.rglob("*") if path.suffix in ENDINGS)
    parts = ((path, names) for path, names in parts if path.suffix != ".py" or path.name[0] != "_")
    return sorted(path for path, names in parts if names[0] not in APART and not any(name[0] == "." for name in names))


def _nodes_of(
    path: Path, root: Path, kinds: Mapping[str, Any], problems: list[SeeknalError]
) -> Iterator[tuple[Node, Place]]:
    text = read_text(path, root=root)
    if path.suffix == ".py":
        from seeknal_nb.authoring.pyfiles import nodes_of_python  # noqa: PLC0415 - 40 ms, and many projects have none

        return nodes_of_python(text, path=path, root=root, problems=problems)
    return nodes_of_yaml(text, file=path.relative_to(root).as_posix(), root=root, kinds=kinds, problems=problems)


class _collected:  # noqa: N801 - it reads as a function in a with statement
    """Put a raised error on a list, with the node it came from, and go on."""

    def __init__(self, problems: list[SeeknalError], node: Node | None = None, place: Place | None = None) -> None:
        self.problems, self.node, self.place = problems, node, place

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        """Whether the error was taken."""
        if not isinstance(error, SeeknalError):
            return False
        found = error.errors if isinstance(error, ManyErrors) else (error,)
        for one in found:
            if self.node is not None:
                self.node.blamed(one)
            if self.place is not None and (one.place is None or one.place.line is None):
                one.place = self.place
        self.problems += found
        return True


def _add(manifest: Manifest, node: Node, first: Place, place: Place) -> None:
    if node.id in manifest.nodes:
        why = f"{node.id} stands at {first} already"
        raise ManifestError("the same node twice", why=why, remedy="rename one of them", place=place)
    manifest.add_node(node)


def nodes_of_yaml(
    text: str, *, file: str, root: Path, kinds: Mapping[str, Any], problems: list[SeeknalError] | None = None
) -> Iterator[tuple[Node, Place]]:
    """The nodes of a YAML text, one a document, and where each begins.

    Args:
        text: One or more documents.
        file: What errors call it.
        root: Where ``sql_file`` starts from, and may not leave.
        kinds: The caller's own kinds by name.
        problems: Where errors go; without it the first one is raised.
    """
    for document in read_yaml(text, file=file):
        found: list[SeeknalError] = [] if problems is None else problems
        with _collected(found):
            yield _node(document, file, root, kinds), document.place
        if problems is None and found:
            raise one_or_many(found)


def _node(document: Document, file: str, root: Path, kinds: Mapping[str, Any]) -> Node:
    config = document.value
    if not isinstance(config, dict):
        raise ManifestError("not a node", why="it is no mapping", remedy="kind: source, name: users", place=document.place)
    for key in ("kind", "name"):
        if key not in config:
            raise ManifestError(f"a node without {key}", remedy=f"add {key}: ...", place=document.place)
    given = {key: value for key, value in config.items() if key not in ("kind", "name")}
    try:
        node = make_node(config["kind"], config["name"], given, root=root, kinds=kinds, file=file)
    except ConfigError as error:
        raise error.at(place=_place(document, error)) from None
    node.written = Written(Place(file, document.place.line), document.alone(), str(config.get("sql_file") or ""))
    return node


def _place(document: Document, error: ConfigError) -> Place:
    """Where the key stands that is wrong, or its value; else the nearest one above it."""
    path = error.spot.path
    if error.on_key:
        return document.key_place(path)
    paths = (path[:length] for length in range(len(path), 0, -1))
    return next((document.positions[path] for path in paths if path in document.positions), document.place)
