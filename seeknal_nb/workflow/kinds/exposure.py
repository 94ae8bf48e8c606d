"""Exposures: deliver a table, a page or bytes to a file, last and atomically. Side effects are never from a cache."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.sqltext import literal
from seeknal_nb.engines import Interrupted
from seeknal_nb.engines.frames import is_frame
from seeknal_nb.errors import ManifestError, NodeError, near
from seeknal_nb.files import digest_file, io_errors, signature, sync, temporary_name
from seeknal_nb.workflow.kinds.body import python_of, python_value, sql_of, store
from seeknal_nb.workflow.kinds.files import files_probe
from seeknal_nb.workflow.kinds.task import Kind, Seen, Surroundings, Task
from seeknal_nb.workflow.outputs import DATA

if TYPE_CHECKING:
    from seeknal_nb.dag.manifest import Node

__all__ = ["EXPOSURE"]

COPY = {
    "csv": "FORMAT csv, HEADER",
    "tsv": "FORMAT csv, HEADER, DELIMITER '\t'",
    "parquet": "FORMAT parquet",
    "json": "FORMAT json, ARRAY true",
    "jsonl": "FORMAT json",
}
SUFFIXES = {"ndjson": "jsonl", "htm": "html", "md": "text", "txt": "text", "html": "html"}
TEXTS = ("html", "text")


def _target(node: Node) -> str | None:
    """Where it goes: ``to``, or ``params.path`` as the peer has it."""
    found = node.config.get("to") or (node.config.get("params") or {}).get("path")
    return None if found is None else str(found)


def _format(node: Node, path: Path) -> str:
    named = (node.config.get("params") or {}).get("format") or node.config.get("format")
    suffix = path.suffix.lstrip(".").casefold()
    return str(named or SUFFIXES.get(suffix, suffix))


def _check(node: Node) -> None:
    target = _target(node)
    if target is None:
        if sql_of(node) or python_of(node):
            raise ManifestError("no target", why="a body that goes nowhere", remedy="--to exports/x.csv", node=node.id)
        return
    form = _format(node, Path(target))
    if form not in COPY and not (python_of(node) and form in (*TEXTS, "svg", "png", "pdf", "xlsx")):
        raise ManifestError(f"unknown format {form!r}", remedy=near(form, [*COPY, *TEXTS], what="format"), node=node.id)


def _execute(task: Task) -> dict[str, Any]:
    target = _target(task.node)
    if target is None:
        return {"row_count": None, "metadata": {"note": "a declaration: nothing is delivered"}}
    path = _inside(task.surroundings, target)
    with io_errors("write", path):
        path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(temporary_name(path.name))
    try:
        rows, logged = _write(task, temporary, _format(task.node, path))
        if task.cancelled.is_set():
            raise Interrupted
        with io_errors("deliver", path):
            sync(temporary)
            temporary.replace(path)
            sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)
    stat = signature(path) or ()
    seen = {str(path): (*stat, digest_file(path))}
    return {"row_count": rows, "metadata": {**logged, "target": target, "bytes": path.stat().st_size}, "seen": seen}


def _inside(around: Surroundings, target: str) -> Path:
    path = Path(os.path.normpath(around.root / target))
    real = path.parent.resolve() / path.name
    if not around.allow_outside and not real.is_relative_to(around.root.resolve()):
        raise NodeError(f"{target} is outside the project", remedy="--allow-outside, or a path below the project's folder")
    if real.is_relative_to((around.root / "target").resolve()):
        raise NodeError(f"{target} lies among the builds", remedy="deliver to another folder, as exports/")
    return path


def _write(task: Task, to: Path, form: str) -> tuple[int | None, dict[str, Any]]:
    if not python_of(task.node):
        text = sql_of(task.node)
        query = task.sql(text) if text else f"SELECT * FROM {task.only_input()}"
        return _copy(task, query, to, form), {}
    value, context = python_value(task)
    if is_frame(value):
        store(task, value)
        rows = _copy(task, f"SELECT * FROM read_parquet({literal(str(task.stage / DATA))})", to, form)
        (task.stage / DATA).unlink()
        return rows, context.logged()
    with io_errors("write", to):
        to.write_bytes(_bytes(value, form))
    return None, context.logged()


def _copy(task: Task, query: str, to: Path, form: str) -> int:
    if form not in COPY:
        raise NodeError(f"a table cannot be delivered as {form}", remedy=near(form, COPY, what="format"))
    return task.engine.export(query, to, COPY[form])


def _bytes(value: object, form: str) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    if hasattr(value, "savefig"):
        import io  # noqa: PLC0415

        out = io.BytesIO()
        value.savefig(out, format=form)
        return out.getvalue()
    if hasattr(value, "to_html") and form == "html":
        return str(value.to_html()).encode()
    raise NodeError(f"an exposure gave {type(value).__name__}", remedy="return a frame, text, bytes or a figure")


def _altered(seen: Seen) -> str:
    for path, before in seen.items():
        stat = signature(path)
        if stat is None:
            return f"target missing: {Path(path).name}"
        if stat != before[:-1] and digest_file(Path(path)) != before[-1]:
            return f"target altered: {Path(path).name}"
    return ""


EXPOSURE = Kind(execute=_execute, check=_check, probe=files_probe, addressed=False, altered=_altered)
