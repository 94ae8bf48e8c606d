"""A pipeline written as a project's folder that loads back with equal keys; it runs no node, and writes all or nothing.

A YAML file a node, as the peer lays them out; what Python bodies take from a notebook in ``seeknal/common/notebook.py``;
parameters in ``seeknal_project.yml``; and the data files that nodes read, where the folder is another one.
"""

from __future__ import annotations

import linecache
import math
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from seeknal_nb.authoring.folder import COMMON, ENDINGS, FOLDER, SHARED
from seeknal_nb.authoring.schema import TITLE, schema_text
from seeknal_nb.authoring.settings import PROJECT_FILE
from seeknal_nb.dag.graph import Graph
from seeknal_nb.dag.keys import PARAMETER
from seeknal_nb.errors import ManifestError, SeeknalError, UsageError, text_of
from seeknal_nb.kinds.body import python_of
from seeknal_nb.markup import plural
from seeknal_nb.python.body import compile_tree, parse, read_body
from seeknal_nb.python.capture import captured
from seeknal_nb.python.render import Definitions, own_modules
from seeknal_nb.secrets import SHORTEST, Secrets, names_credential
from seeknal_nb.storage.files import digest, write_atomic
from seeknal_nb.views.values import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.project import Project
    from seeknal_nb.workflow.observe import Observed

__all__ = ["export"]

SCHEMA = "schema.json"
"""The JSON Schema of the nodes, for editors, beside their folders."""
SIGN = "# written by seeknal_nb export, digest "
_SIGNED = re.compile(rf"{SIGN}([0-9a-f]+)\n".encode())
_WORD = re.compile(r"[A-Za-z_][\w.$/-]*")
_PEER_SQL = ("transform", "feature_group", "aggregation", "second_order_aggregation")
"""Kinds whose SQL stands under ``transform`` in the peer's YAML."""
VERIFIED = "<seeknal export>"
TELLING = 8
"""A shorter value of a credential may stand in a file by chance."""
_BY_NAME = re.compile(r"passw|secret|token|credential|(api|access|private)_?key", re.IGNORECASE)
_IN_ADDRESS = re.compile(r"://[^/\s:@]*:[^/\s@{}$]+@")


def export(project: Project, directory: Path, *, force: bool = False, data: bool = True) -> Rows:
    """Write the project's nodes as a project's folder; gives a row a file.

    Args:
        project: Whose nodes.
        directory: The new project's folder; it may be the project's own.
        force: Write over files that somebody else wrote, or changed since; and variables that are credentials by name.
        data: Copy the files that nodes read, where the folder is another one.

    Raises:
        UsageError: Files of others are in the way.
        ManifestError: A node cannot be written so that it is the same elsewhere, or a credential would be written.
    """
    graph = Graph(project.manifest, project.kinds)
    if not graph.nodes:
        raise UsageError("there are no nodes here", remedy="run the cells that define them first")
    world = project.runner().look(graph)
    signed = {f"{FOLDER}/{node.node_type}s/{node.name}.yml": _document(node, graph.inputs(node.id)) for node in graph.nodes}
    shared, defined, modules = _shared(project, graph)
    used = _used(project, world)
    _refuse_credentials({**defined, **used}, force=force)
    if shared:
        signed[f"{FOLDER}/{SHARED}"] = shared
    signed[PROJECT_FILE] = _settings(project, used)
    files = {name: _signed(text) for name, text in signed.items()}
    files[f"{FOLDER}/{SCHEMA}"] = schema_text(project.kinds).encode()
    files |= {f"{FOLDER}/{COMMON}/{name}": Path(file).read_bytes() for name, file in modules.items()}
    _refuse_values(files)
    copies = _data(project, world, directory) if data else {}
    stale = _check_free(directory, files, copies, force=force)
    for name, content in files.items():
        write_atomic(directory / name, content)
    for name, file in copies.items():
        write_atomic(directory / name, file.read_bytes())
    for path in stale:
        path.unlink()
    rows = [(name, "pipeline" if name.startswith(f"{FOLDER}/") else "settings") for name in files]
    rows += [(name, "data") for name in copies]
    return Rows(f"{plural(len(graph.nodes), 'node')}, written to {directory}", ("file", "what"), tuple(rows))


def _document(node: Node, inputs: tuple[str, ...] | list[str]) -> str:
    """A node's YAML, as the peer writes it where it can."""
    if node.config.get("input") is not None and node.node_type == "source":
        raise ManifestError(
            "a variable of the notebook cannot be written",
            why=f"it reads {node.config['input']!r}",
            remedy="save it with to_parquet in the project's folder, and make that file the source",
            node=node.id,
        )
    config = {key: value for key, value in node.config.items() if key not in ("inputs", "depends_on")}
    document: dict[str, Any] = {"kind": str(node.node_type), "name": node.name}
    about = {"description": node.description, "owner": node.owner, "tags": node.tags, "columns": node.columns}
    document |= {key: value for key, value in about.items() if value}
    if inputs:
        document["depends_on" if node.node_type == "exposure" else "inputs"] = [{"ref": name} for name in inputs]
    for key, value in config.items():
        document["transform" if key == "sql" and node.node_type in _PEER_SQL else key] = value
    try:
        text = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    except yaml.YAMLError as error:
        remedy = "keep text, numbers, true, false, lists and mappings in it"
        raise ManifestError("it cannot be written as YAML", why=text_of(error), remedy=remedy, node=node.id) from error
    return f"# yaml-language-server: $schema=../{SCHEMA}\n{text}"


class _Dumper(yaml.SafeDumper):
    """Texts that a reader could take for something else are quoted, those of several lines stand as they are."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the base's signature
        return True


def _number(dumper: yaml.SafeDumper, value: float) -> yaml.ScalarNode:
    if not math.isfinite(value):
        raise yaml.YAMLError(f"{value} is not a finite number")
    return dumper.represent_float(value)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None if _WORD.fullmatch(value) else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(float, _number)


def _used(project: Project, world: Observed) -> dict[str, object]:
    """The project's parameters that a node uses."""
    parts = {name for facts in world.facts.values() for name in facts.parts}
    given = project.given()
    return {name: given[name] for name in sorted(given) if name.isidentifier() and f"{PARAMETER}{name}" in parts}


def _settings(project: Project, used: Mapping[str, object]) -> str:
    """The project's name and parameters."""
    name = project.manifest.metadata.project or "pipeline"
    head = {"name": name, "version": "1.0.0", "profile": "default", "config-version": 1}
    params = {"params": used} if used else {}
    return yaml.dump(head | params, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def _refuse_credentials(values: Mapping[str, object], *, force: bool) -> None:
    """Refuse a variable that holds a credential: of the environment, in an address, or, unless forced, by its name."""
    for name, value in values.items():
        text = value if isinstance(value, str) else repr(value) if isinstance(value, (list, tuple, dict, set, bytes)) else ""
        if variable := _variable_in(text):
            raise _credential(name, f"it holds the value of the environment's {variable}", variable)
        if _IN_ADDRESS.search(text):
            raise _credential(name, "there is a password in its address", name.upper())
        if not force and isinstance(value, str) and len(text) >= SHORTEST and _BY_NAME.search(name):
            raise _credential(name, "its name says that it is a credential", name, "; --force writes it as it is")


def _refuse_values(files: Mapping[str, bytes]) -> None:
    """Refuse a file that holds the value of a credential of the environment, whatever wrote it there."""
    for file, content in files.items():
        if variable := _variable_in(content.decode("utf-8", "replace"), shortest=TELLING):
            raise _credential(file, f"the value of the environment's {variable} stands in it", variable)


def _variable_in(text: str, *, shortest: int = SHORTEST) -> str:
    """The credential of the environment whose value stands in the text, in any way of writing it; "" where none does."""
    for name, value in os.environ.items():
        if text and len(value) >= shortest and names_credential(name):
            secrets = Secrets()
            secrets.hide_value(value, name, plain=True)
            if secrets.hide(text) != text:
                return name
    return ""


def _credential(what: str, why: str, variable: str, more: str = "") -> ManifestError:
    remedy = f'take it from the environment: ctx.secret("{variable}") in Python, {{{{ env:{variable} }}}} elsewhere{more}'
    return ManifestError(f"{what} would hold a credential as plain text", why=why, remedy=remedy)


def _shared(project: Project, graph: Graph) -> tuple[str, dict[str, object], dict[str, Any]]:
    """What Python bodies take from the notebook: as Python, as it is, and the files of the user's own modules among it."""
    namespace = {**project.shared, **project.namespace}
    made = Definitions(namespace)
    texts = [(node, python_of(node)) for node in graph.nodes]
    bodies = [(node, read_body(text, name=node.name), _names(graph, node)) for node, text in texts if text]
    before, modules = dict[str, str](), dict[str, Any]()
    for node, body, names in bodies:
        found = captured(body, namespace, inputs=names)
        before[node.id] = found.digest_text
        try:
            made.add(found.values)
        except SeeknalError as error:
            raise error.at(node=node.id) from None
        modules |= own_modules([*body.imports, *_modules_of(found.digest_text)])
    made.need(path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in modules)
    text = made.text()
    defined = _executed(text)
    for node, body, names in bodies:
        _verify(node, before[node.id], lambda b=body, n=names: captured(b, defined, inputs=n).digest_text)
    return text, {name: value for name, value in defined.items() if not name.startswith("__")}, modules


def _names(graph: Graph, node: Node) -> list[str]:
    return [name.partition(".")[2] for name in graph.inputs(node.id)]


def _modules_of(digest_text: str) -> list[str]:
    """Names in a text of what was captured that are modules here."""
    return sorted(name for name in set(re.findall(r"\b[A-Za-z_][\w.]*", digest_text)) if name in sys.modules)


def _executed(text: str) -> dict[str, object]:
    linecache.cache[VERIFIED] = (len(text), None, text.splitlines(keepends=True), VERIFIED)
    namespace: dict[str, object] = {"__name__": "__main__"}
    try:
        exec(compile_tree(parse(text), VERIFIED), namespace)  # noqa: S102 - the notebook's own definitions
    except Exception as error:
        remedy = "make what is named there in the bodies that use it"
        why = f"{type(error).__name__}: {text_of(error)}"
        raise ManifestError("what the bodies read cannot be written to a file", why=why, remedy=remedy) from error
    return namespace


def _verify(node: Node, before: str, again: Any) -> None:
    """Refuse a body that would not find the same again: its key would change, and perhaps its rows."""
    try:
        same = again() == before
    except ManifestError:
        same = False
    if not same:
        why = "what its body reads of the notebook would be something else there"
        remedy = "write the functions, classes and values that it uses into its body"
        raise ManifestError("it cannot be written as it is", why=why, remedy=remedy, node=node.id)


def _data(project: Project, world: Observed, directory: Path) -> dict[str, Path]:
    """The files below the project's folder that nodes read, by their path; none where they lie there already."""
    home = project.directory.resolve()
    found: dict[str, Path] = {}
    if directory.resolve() == home:
        return found
    for node_id, sight in world.sights.items():
        if sight.node.node_type == "exposure":
            continue
        for path in (Path(name).resolve() for name in sight.seen):
            if path.is_file() and path.is_relative_to(home):
                found[path.relative_to(home).as_posix()] = path
            elif path.is_file() and str(path) not in str(sight.node.config):
                remedy = "move it below the project's folder, or name its whole path"
                raise ManifestError("a file lies outside of the project", why=str(path), remedy=remedy, node=node_id)
    return found


def _signed(text: str) -> bytes:
    return f"{SIGN}{digest(text)[:16]}\n{text}".encode()


def _is_ours(content: bytes) -> bool:
    """Whether an export wrote it, and nobody has changed it since."""
    found = _SIGNED.match(content)
    signed = found is not None and digest(content[found.end() :])[:16] == found[1].decode()
    return signed or f'"title": "{TITLE}"'.encode() in content[:200]


def _check_free(directory: Path, files: Mapping[str, bytes], copies: Mapping[str, Path], *, force: bool) -> list[Path]:
    """Refuse to write over what others wrote, and beside nodes of others; gives our files of nodes that are gone."""
    taken = [name for name, content in files.items() if _is_taken(directory / name, content)]
    taken += [name for name, file in copies.items() if _is_taken(directory / name, file.read_bytes())]
    others = {path for path in _written(directory / FOLDER) if path.relative_to(directory).as_posix() not in files}
    stale = [path for path in others if _is_ours(path.read_bytes())]
    foreign = sorted(path.relative_to(directory).as_posix() for path in others.difference(stale))
    if (taken or foreign) and not force:
        named = ", ".join([*taken, *foreign][:5])
        raise UsageError(
            f"{plural(len(taken) + len(foreign), 'file')} of others in {directory}", why=named,
            remedy="name another folder, or --force to write over those that have the same name",
        )  # fmt: skip
    return stale


def _is_taken(path: Path, content: bytes) -> bool:
    if not path.exists():
        return False
    there = path.read_bytes() if path.is_file() else b""
    return there != content and not _is_ours(there)


def _written(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.suffix in ENDINGS and path.is_file())
