"""YAML to nodes, and a folder of YAML and Python files to a manifest; it lists every error of one pass, and runs no node."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.common import filled, read_common
from seeknal_nb.dag.documents import read_yaml
from seeknal_nb.dag.graph import Graph
from seeknal_nb.dag.link import Names, checked_name, inputs_of
from seeknal_nb.dag.manifest import Manifest, Node, node_type
from seeknal_nb.dag.modules import nodes_of_python
from seeknal_nb.dag.text import read_text
from seeknal_nb.errors import ManifestError, ManyErrors, Place, SeeknalError, near, one_or_many

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from seeknal_nb.dag.documents import Document

__all__ = ["FOLDER", "body_language", "is_expression", "nodes_of_yaml", "parse_folder"]

FOLDER = "seeknal"
ENDINGS = (".yml", ".yaml", ".py")
COMMON = "common"
APART = frozenset({COMMON, "templates", "sql_pairs", "skills", "tests"})
"""Folders of a project in which no nodes stand."""
FIELDS = frozenset({"description", "owner", "tags", "columns"})
KEYS = frozenset({
    "kind", "name", "description", "owner", "tags", "columns", "inputs", "depends_on", "on", "sql", "sql_file",
    "python", "transform", "as", "materialized", "materialization", "materializations", "params", "param", "source",
    "table", "path", "format", "schema", "freshness", "refresh", "watermark", "connection", "connection_string",
    "input", "query", "entity", "key", "event_time", "created_time", "ttl", "features", "tests", "id_col",
    "feature_date_col", "application_date_col", "application_dates", "group_by", "aggregation", "aggregations",
    "window", "aggs", "model", "training", "algorithm", "target", "output_columns", "severity", "rule", "rules",
    "checks", "expression", "error_if", "warn_if", "audits", "type", "url", "maturity", "to", "mode", "profile",
    "profile_path", "source_feature", "meta", "version", "schedule", "engine", "transformations", "measures",
    "dimensions", "entities", "metrics", "time_dimension", "offline", "online", "enabled", "config",
    "feature_start_time", "feature_end_time", "restatement_intervals", "spine", "label_time", "output", "numerator",
    "denominator", "measure", "grain_to_date", "expr", "filter", "aliases", "joins", "default_time_dimension",
    "blocking", "tolerance",
})  # fmt: skip
"""What may stand in a node's YAML: ours, and the peer's."""


def parse_folder(
    root: Path, *, kinds: Iterable[str], check: Callable[[Node], None], params: Mapping[str, object], project: str = ""
) -> Manifest:
    """The manifest of ``<root>/seeknal/**/*.yml``, ``.yaml`` and ``.py``, in the order of the paths.

    Python files are executed, but for those whose names begin with ``_``. What ``seeknal/common/`` defines is put in.

    Args:
        root: The project's directory.
        kinds: Kinds that a node may have.
        check: What a kind has to say of a node's config: raises ``ManifestError``.
        params: Values that a name of a table may need.
        project: The manifest's name (default: the directory's).

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
            for node, place in _nodes_of(path, root, list(kinds), problems):
                with _collected(problems, node, place):
                    node.config = filled(node.config, common)
                    _add(manifest, node, places.setdefault(node.id, place), place)
                    check(node)
                    sound.append(node)
    names = Names(manifest.nodes)
    for node in sound:
        with _collected(problems, node, places[node.id]):
            for found in inputs_of(node, names, params):
                manifest.add_edge(found, node.id)
    if problems:
        raise one_or_many(problems)
    Graph(manifest)
    return manifest


def _files(folder: Path) -> list[Path]:
    """The files that define nodes, sorted; none that is hidden, as Jupyter's checkpoints are."""
    parts = ((path, path.relative_to(folder).parts) for path in folder.rglob("*") if path.suffix in ENDINGS)
    parts = ((path, names) for path, names in parts if path.suffix != ".py" or path.name[0] != "_")
    return sorted(path for path, names in parts if names[0] not in APART and not any(name[0] == "." for name in names))


def _nodes_of(path: Path, root: Path, kinds: list[str], problems: list[SeeknalError]) -> Iterator[tuple[Node, Place]]:
    text = read_text(path, root=root)
    if path.suffix == ".py":
        return nodes_of_python(text, path=path, root=root, kinds=kinds, keys=KEYS, problems=problems)
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
            one.at(node=self.node.id if self.node else None)
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
    text: str, *, file: str, root: Path, kinds: Iterable[str], problems: list[SeeknalError] | None = None
) -> Iterator[tuple[Node, Place]]:
    """The nodes of a YAML text, one a document, and where each begins.

    Args:
        text: One or more documents.
        file: What errors call it.
        root: Where ``sql_file`` starts from, and may not leave.
        kinds: Kinds that a node may have.
        problems: Where errors go; without it the first one is raised.
    """
    known = list(kinds)
    for document in read_yaml(text, file=file):
        found: list[SeeknalError] = [] if problems is None else problems
        with _collected(found):
            yield _node(document, file, root, known), document.place
        if problems is None and found:
            raise one_or_many(found)


def _node(document: Document, file: str, root: Path, kinds: list[str]) -> Node:
    config = document.value
    if not isinstance(config, dict):
        raise ManifestError("not a node", why="it is no mapping", remedy="kind: source, name: users", place=document.place)
    for key in config:
        if key not in KEYS:
            raise ManifestError(f"unknown key {key!r}", remedy=near(key, KEYS, what="key"), place=document.key_place((key,)))
    for key in ("kind", "name"):
        if key not in config:
            raise ManifestError(f"a node without {key}", remedy=f"add {key}: ...", place=document.place)
    try:
        checked_name(config["kind"], config["name"], kinds)
    except ManifestError as error:
        key = "kind" if "kind" in error.what else "name"
        raise error.at(place=document.positions.get((key,), document.place)) from None
    return _of_config(dict(config), file, root, document)


def _of_config(config: dict[str, Any], file: str, root: Path, document: Document) -> Node:
    kind, name = config["kind"], config["name"]
    if "sql_file" in config:
        config["sql"] = _sql_file(str(config.pop("sql_file")), root, document)
    output = config.pop("output", None)  # the peer's other place for the documentation of columns
    if isinstance(output, dict) and not config.get("columns"):
        config["columns"] = output.get("columns")
    tags, columns = _listed(config, "tags", document), _columns(config, document)
    node = Node(f"{kind}.{name}", name, node_type(kind))
    node.description, node.owner = _text(config, "description", document), _text(config, "owner", document)
    node.tags, node.columns = tags, columns
    node.config = {key: value for key, value in config.items() if key not in FIELDS | {"kind", "name"}}
    node.file_path = file
    return node


def _listed(config: dict[str, Any], key: str, document: Document) -> list[str]:
    """Tags: a text, or a list of texts."""
    value = config.get(key) or []
    found = [value] if isinstance(value, str) else value
    if isinstance(found, list) and all(isinstance(one, str) for one in found):
        return found
    raise ManifestError(f"{key} must be text or a list of text", why=f"it is {value!r}", remedy=f"{key}: [a, b]",
                        place=document.positions.get((key,)))  # fmt: skip


def _columns(config: dict[str, Any], document: Document) -> dict[str, Any]:
    """Documentation of columns: a mapping, or a list of names or of mappings with a name."""
    value = config.get("columns") or {}
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and all(isinstance(one, str) or (isinstance(one, dict) and "name" in one) for one in value):
        return {str(one["name"]) if isinstance(one, dict) else one: one for one in value}
    raise ManifestError("columns must be a mapping or a list", why=f"it is {value!r}", remedy="columns: {id: what it is}",
                        place=document.positions.get(("columns",)))  # fmt: skip


def _text(config: dict[str, Any], key: str, document: Document) -> str | None:
    value = config.get(key)
    if value is None or isinstance(value, str):
        return value
    raise ManifestError(
        f"{key} must be text", why=f"it is {value!r}", remedy="quote it", place=document.positions.get((key,))
    )


def _sql_file(name: str, root: Path, document: Document) -> str:
    place = document.positions.get(("sql_file",), document.place)
    path = (root / name).resolve()
    if not path.is_relative_to(root.resolve()):
        raise ManifestError(f"sql_file {name!r} is outside the project", remedy="keep it below the project", place=place)
    try:
        return read_text(path, root=root)
    except ManifestError as error:
        raise error.at(place=place) from None


def body_language(text: str) -> str:
    """``yaml``, ``python`` or ``sql``; the first that fits, in this order."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(("#", "--"))]
    first = lines[0].split("#")[0] if lines else ""
    if first.replace(" ", "").startswith("kind:") or first.strip() == "---":
        return "yaml"
    word = (_FIRST_WORD.match(first.strip()) or [""])[0].casefold()
    if _YAML.fullmatch(first.strip()) and word not in _PYTHON_WORDS:
        return "yaml"
    if word in ("select", "values"):
        return "sql"
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return "python" if word in _PYTHON_WORDS else "sql"
    return "python"


def is_expression(text: str) -> bool:
    """Whether the text is one expression, which SQL and Python may write alike: ``y > 3``."""
    try:
        ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True


_YAML = re.compile(r"- +\w+:.*|\w+:|\w+: +(?:\[[^=]*\]|\{[^=]*\})")
"""A first line of neither SQL nor Python: ``checks:``, ``not_null: [id]``, ``- unique: [id]``."""
_FIRST_WORD = re.compile(r"[%!@]|\w+")
_PYTHON_WORDS = frozenset({"def", "import", "class", "return", "for", "if", "try", "async", "%", "!", "@"})
"""A body that begins so is Python with a mistake in it, and its error should say so."""
