"""Exposures: deliver rows, a figure or a page, last and atomically. Side effects are never from a cache."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeknal_nb.engines import Interrupted
from seeknal_nb.errors import NodeError
from seeknal_nb.kinds.body import sql_body
from seeknal_nb.kinds.connections import place_of
from seeknal_nb.kinds.exposures.databases import sqlite_state, to_sqlite
from seeknal_nb.kinds.exposures.finite import finite, lost, no_nan
from seeknal_nb.kinds.exposures.pages import page, section
from seeknal_nb.kinds.exposures.parts import NAMED, table_in_parts, write_parts
from seeknal_nb.kinds.exposures.payload import Offer, bytes_of, offer_of, report_of, rows_of
from seeknal_nb.kinds.exposures.postgres import in_words, postgres_changed, to_postgres
from seeknal_nb.kinds.exposures.sheets import write_workbook
from seeknal_nb.kinds.exposures.targets import Target, target_of
from seeknal_nb.kinds.exposures.writers import (
    COPY,
    check_directory,
    copy,
    inside,
    projected,
    put,
    put_beside,
    unlike,
    write_directory,
)
from seeknal_nb.kinds.files import files_of, files_probe
from seeknal_nb.kinds.metadata import merged
from seeknal_nb.kinds.paths import below
from seeknal_nb.kinds.task import Delivery, Kind, Probe, Seen, Surroundings, Task
from seeknal_nb.storage.files import digest, digest_file, io_errors, signature
from seeknal_nb.storage.looks import each, looking

if TYPE_CHECKING:
    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.engines import Schema

__all__ = ["EXPOSURE"]

NOT_DONE = {
    "notebook": "the notebook is not executed",
    **dict.fromkeys(("api", "notification", "webhook", "email"), "nothing is sent"),
}
"""What a reader might expect of a type that is only declared."""
IN_POSTGRES = "postgresql"
"""Under which a delivery to a server is remembered."""
JSON = ("json", "jsonl")


def _check(node: Node) -> None:
    target_of(node)


def _execute(task: Task) -> dict[str, Any]:
    target = target_of(task.node)
    if target is None:
        return {"row_count": None, "metadata": _declared(task)}
    path = None if target.form == "postgresql" else _path(task, target)
    offer = offer_of(task, target)
    if path is None or target.database:
        found, seen = _to_database(task, target, offer, path)
    else:
        told, linked = _write(task, offer, target, task.stage / "delivery", path)
        found, seen = _deliver(task, offer, target, path, linked)
        found |= told
    return {"row_count": offer.delivered, "metadata": _metadata(target, offer, found), "seen": seen}


def _probe(node: Node, around: Surroundings, seen: Seen) -> Probe:
    """What its SQL reads, and which database its connection means now: one that has nothing yet is delivered to.

    Whether a table of a server is as it was delivered is asked in a run only: to look at a project sends nothing there.
    """
    found, target = files_probe(node, around, seen), target_of(node)
    if target is None or target.form != "postgresql":
        return found
    place, remembered = digest(repr(place_of(node.config, around))), seen.get(IN_POSTGRES)
    due = postgres_changed(node.config, around, *remembered[1:]) if around.asking and remembered else ""
    return replace(found, text=f"connection {place} {found.text or ''}", due=due)


def _delivers(node: Node, around: Surroundings) -> Delivery | None:
    """A target belongs to one node, unless rows are added to it."""
    target = target_of(node)
    if target is None:
        return None
    if target.form == "postgresql":
        place, schema = place_of(node.config, around)
        table = target.table if "." in target.table else f"{schema or 'public'}.{target.table}"
        return Delivery(place, table, target.append)
    # SQLite takes two names that differ in their case only for one.
    with looking(around.root / target.path):
        real = os.path.realpath(around.root / target.path)
    return Delivery(Path(real), target.table.casefold(), target.append)


def _declared(task: Task) -> dict[str, Any]:
    config = {**task.node.config, "owner": task.node.owner}
    kept = {name: config[name] for name in ("type", "owner", "url", "maturity") if config.get(name) is not None}
    left = NOT_DONE.get(str(config.get("type")).casefold(), "nothing is delivered")
    return {"note": f"a declaration: {left}", **kept}


def _path(task: Task, target: Target) -> Path:
    """Where it goes, after everything was looked at that can be wrong with it before the body runs."""
    path = inside(task.surroundings, target.path, follow=target.form == "sqlite")
    if target.directory:
        check_directory(path, target, task.node.name)
    elif path.exists() and not path.is_file():
        what = "directory" if path.is_dir() else "pipe, a socket or a device"
        raise NodeError(f"{target.path} is a {what}", remedy="name a file, which is there or will be")
    real = path.resolve()
    for read in files_of(task.node, task.surroundings):
        if read.resolve() == real or (target.directory and read.resolve().is_relative_to(real)):
            raise NodeError(f"{target.path} is what it reads", why="it would be overwritten", remedy="deliver elsewhere")
    return path


def _metadata(target: Target, offer: Offer, written: dict[str, Any]) -> dict[str, Any]:
    """What the summary shows: the numbers under metrics, beside those that the body logged."""
    logged = offer.context.logged() if offer.context else {}
    numbers = {"rows": offer.delivered, "bytes": written.get("bytes"), "files": written.get("files")}
    metrics = {name: value for name, value in numbers.items() if value is not None}
    told = {"target": str(target), "format": target.form, **written, "delivered_at": _now()}
    return merged(logged, told, {"metrics": metrics, "warnings": offer.all_warnings()})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _file_name(task: Task) -> str:
    """What the files of an append are known by; a retry has the same key."""
    return f"{task.node.name}-{task.key[:NAMED]}"


def _to_database(task: Task, target: Target, offer: Offer, path: Path | None) -> tuple[dict[str, Any], Seen]:
    rows = rows_of(task, offer)
    delivery = task.key if target.append else ""
    if path is None:
        offer.warnings += lost(task, rows, in_words, "JSON")
        held, offer.again = to_postgres(task, rows, target, delivery, _before(task, IN_POSTGRES, target.table, ""))
        return {}, {IN_POSTGRES: (IN_POSTGRES, target.table, delivery, *held)}
    offer.warnings += lost(task, rows, no_nan, "SQLite")
    with io_errors("write", path):
        before = _before(task, "sqlite", str(path), target.table, "")
        held, offer.again = to_sqlite(task, rows, path, target, delivery, before)
        size = path.stat().st_size
    return {"bytes": size}, {f"{path}#{target.table}": ("sqlite", str(path), target.table, delivery, *held)}


def _before(task: Task, *named: str) -> tuple[str, ...]:
    """What was remembered of a table that the node filled with all of its rows; empty where it did not."""
    of = len(named)
    return next((tuple(seen[of:]) for seen in task.seen.values() if tuple(seen[:of]) == named), ())


def _write(task: Task, offer: Offer, target: Target, to: Path, path: Path) -> tuple[dict[str, Any], Seen]:
    """Write the delivery among the stage's files, where nobody sees it yet.

    Gives what is to be told of it, and by name what is known of the files that it shares with the last one.
    """
    if (build := table_in_parts(task, target)) is not None:
        offer.rows = build.row_count
        counts, linked = write_parts(task, target, build, to, path)
        return counts, linked
    if target.directory:
        write_directory(task, rows_of(task, offer), to, target, _file_name(task))
    elif target.report:
        _keep(report_of(task, offer, target), to)
    elif not offer.tabular:
        _keep(bytes_of(task, offer, target), to)
    else:
        _write_rows(task, offer, target, to)
    return {}, {}


def _keep(content: bytes, to: Path) -> None:
    with io_errors("write", to):
        to.write_bytes(content)


def _schema_of(task: Task, query: str) -> Schema:
    with sql_body(task.node):
        return task.engine.describe(query)


def _copied(task: Task, offer: Offer, to: Path, target: Target) -> int:
    if not offer.query:
        return copy(task, rows_of(task, offer).sql, to, target)
    with sql_body(task.node):
        return copy(task, offer.query, to, target)


def _write_rows(task: Task, offer: Offer, target: Target, to: Path) -> None:
    if target.form in JSON and not (offer.query and _has_words(_schema_of(task, offer.query))):
        rows = rows_of(task, offer)
        offer.warnings += lost(task, rows, finite, "JSON")
        copy(task, projected(task, rows, finite).sql, to, target)
    elif target.form in COPY:
        offer.rows = _copied(task, offer, to, target)
    elif target.form == "xlsx":
        offer.warnings += write_workbook(task, rows_of(task, offer), to, target.sheet)
    elif target.form == "html":
        html, left = section(task, rows_of(task, offer))
        offer.warnings += left
        _keep(page(target.title, [html]).encode(), to)
    else:
        raise NodeError(f"a table cannot be delivered as {target.form}", remedy="return a figure, text or bytes")


def _has_words(schema: tuple[tuple[str, str], ...]) -> bool:
    """Whether JSON has words for all that such columns may hold, so that the query's rows go there as they are."""
    return all(finite(kind, name) == name for name, kind in schema)


def _deliver(task: Task, offer: Offer, target: Target, path: Path, linked: Seen) -> tuple[dict[str, Any], Seen]:
    """Put the finished delivery where it belongs, and remember it as it was put there; ``linked`` is of the last one."""
    if task.cancelled.is_set():
        raise Interrupted
    staged = task.stage / "delivery"
    if target.directory:  # once more: the body, or somebody else, may have written there meanwhile
        check_directory(path, target, task.node.name)
    if target.append:
        offer.warnings += unlike(staged, path)
        offer.again = put_beside(staged, path, _file_name(task))
    else:
        put(staged, path)
    files = sorted(file for file in path.rglob("*") if file.is_file()) if target.directory else [path]
    ours = [file for file in files if not target.append or file.name.startswith(_file_name(task))]
    seen = {str(file): _seen(file, linked.get(file.relative_to(path).as_posix(), ())) for file in ours}
    if target.directory and not target.append:
        seen[f"{path}/"] = ("files", str(path), len(files))
    size = sum(file.stat().st_size for file in ours)
    return {"bytes": size, **({"files": len(ours)} if target.directory else {"sha256": _sha256(path)})}, seen


def _seen(file: Path, before: tuple[Any, ...]) -> tuple[Any, ...]:
    """A file as it is remembered; one that was linked has the digest of before, if nobody has written into it meanwhile."""
    now = signature(file) or ()
    same = before and now[:2] == before[:2] and now[3:] == before[3:-1]  # a link changes the ctime
    return (*now, before[-1] if same else digest_file(file))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _altered(seen: Seen) -> str:
    for name, before in seen.items():
        why = _changed(name, before)
        if why:
            return why
    return ""


def _changed(name: str, before: tuple[Any, ...]) -> str:
    if before[0] == IN_POSTGRES:  # the probe asks the server, in a run
        return ""
    if before[0] == "sqlite":
        return _table_changed(*before[1:4], held=tuple(before[4:]))
    if before[0] == "files":
        with looking(before[1]):
            count = sum(file.is_file() for file in each(below(Path(before[1]))))
        return f"target altered: {Path(before[1]).name}" if count != before[2] else ""
    stat = signature(name)
    if stat is None:
        return f"target missing: {Path(name).name}"
    if stat != before[:-1] and digest_file(Path(name)) != before[-1]:
        return f"target altered: {Path(name).name}"
    return ""


def _table_changed(path: str, table: str, delivery: str, *, held: tuple[str, ...]) -> str:
    """By what the table holds: others may write other tables of the file."""
    try:
        now = sqlite_state(Path(path), table, delivery)
    except NodeError:
        return f"target unreadable: {Path(path).name}"
    if now is None:
        return f"target missing: {Path(path).name}, table {table}"
    return "" if now == held else f"target altered: {Path(path).name}, table {table}"


def _signed(node: Node) -> str:
    """A sheet and a page are called as the node, where nobody named them."""
    target = target_of(node)
    return "" if target is None else target.sheet or (target.title if target.report or target.form == "html" else "")


EXPOSURE = Kind(
    execute=_execute,
    check=_check,
    probe=_probe,
    addressed=False,
    altered=_altered,
    delivers=_delivers,
    signed=_signed,
)
