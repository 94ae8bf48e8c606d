"""Files that DuckDB's readers read, staged as a node's table: declared types, empty files, rows that were rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import NodeError
from seeknal_nb.workflow.kinds.casts import build_cast, declared, found_in, no_rows
from seeknal_nb.workflow.kinds.sources.readers import options_of, relation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from seeknal_nb.engines import Table
    from seeknal_nb.workflow.kinds.task import Task

__all__ = ["scan"]

REJECTING = ("ignore_errors", "store_rejects")
BY_READER = frozenset({
    *REJECTING, "dateformat", "date_format", "timestampformat", "timestamp_format", "decimal_separator", "thousands",
})  # fmt: skip
"""With these the CSV reader itself must convert; without, columns are read as text, so that 007 stays 007."""
TYPED = frozenset({"columns", "dtypes", "column_types", "all_varchar"})
"""With these the user says himself what the reader takes columns for."""


def scan(task: Task, form: str, paths: Sequence[Path]) -> tuple[Table, dict[str, Any]]:
    """Stage the rows of the files; gives the table with warnings and metrics.

    Raises:
        NodeError: There is nothing to read, a declared column is missing, or a value cannot be cast.
    """
    types, options = declared(task.node), options_of(task.node)
    full = [path for path in paths if path.stat().st_size]
    warned = [f"{len(paths) - len(full)} of {len(paths)} files are empty"] if full and len(full) < len(paths) else []
    named: dict[str, str] = {}
    if types or form in ("json", "jsonl"):
        have = task.engine.describe(f"SELECT * FROM {relation(form, full, options)}") if full else ()
        if _is_hollow(task, form, full, options, have):
            return _no_records(task, types, paths), {}
        if _headless(form, have, types, options):
            options["header"] = True
            have = task.engine.describe(f"SELECT * FROM {relation(form, full, options)}")
        named = found_in(have, types)
        options |= _typed(form, have, named, options)
    elif not full:
        return _no_records(task, types, paths), {}
    table = build_cast(task, relation(form, full, options), named, located=_located(form, full, options, named))
    rejected = _rejected(task, form, full, options)
    if rejected:
        warned.append(f"{rejected:,} rows could not be read, and are left out")
    metrics = {} if rejected is None else {"rejected": rejected}
    return table, {"warnings": warned, "metrics": metrics}


def _no_records(task: Task, types: Mapping[str, str], paths: Sequence[Path]) -> Table:
    if not types:
        why = f"{', '.join(map(str, paths[:3]))} has neither columns nor rows"
        raise NodeError("the source is empty", why=why, remedy="declare its columns under schema, or put rows there")
    return no_rows(task, types)


def _is_hollow(
    task: Task, form: str, paths: Sequence[Path], options: Mapping[str, Any], have: Sequence[tuple[str, str]]
) -> bool:
    """Whether there are no records, so that the reader had to make a column up: ``[]`` gives ``json JSON``."""
    if not paths:
        return True
    if form not in ("json", "jsonl") or tuple(have) != (("json", "JSON"),):
        return False
    return not task.engine.query(f"SELECT 1 FROM {relation(form, paths, options)} LIMIT 1", form="rows")


def _headless(form: str, have: Sequence[tuple[str, str]], types: Mapping[str, str], options: Mapping[str, Any]) -> bool:
    """Whether the CSV reader took the first line for a row, which a file of nothing but text makes it do."""
    known = {name.casefold() for name, _ in have}
    lost = [name for name in types if name.casefold() not in known]
    return form in ("csv", "tsv") and bool(lost) and "column0" in known and not {"header", "columns", "names"} & set(options)


def _typed(
    form: str, have: Sequence[tuple[str, str]], named: Mapping[str, str], options: Mapping[str, Any]
) -> dict[str, Any]:
    """What to tell the reader of declared columns, so that it guesses nothing about them."""
    if not named or TYPED & set(options):
        return {}
    if form in ("csv", "tsv"):
        own = options.get("types")
        if own is not None and not isinstance(own, dict):
            return {}
        return {"types": {**(own or {}), **(named if BY_READER & set(options) else dict.fromkeys(named, "VARCHAR"))}}
    guessed = dict(have)
    texts = {name for name, kind in named.items() if kind.upper() == "VARCHAR" and guessed[name] != "VARCHAR"}
    if form in ("json", "jsonl") and texts and "filename" not in options:
        return {"columns": {name: "VARCHAR" if name in texts else kind for name, kind in have}}
    return {}


def _located(form: str, paths: Sequence[Path], options: Mapping[str, Any], named: Mapping[str, str]) -> str | None:
    """The same rows with the names of their files, for an error's text."""
    if len(paths) < 2 or "filename" in options or "filename" in named:  # noqa: PLR2004 - one file needs no telling
        return None
    return relation(form, paths, {**options, "filename": True})


def _rejected(task: Task, form: str, paths: Sequence[Path], options: Mapping[str, Any]) -> int | None:
    """How many rows the CSV reader left out: a second reading, which keeps them in a table of its session."""
    if form not in ("csv", "tsv") or not any(options.get(name) for name in REJECTING):
        return None
    kept = {name: value for name, value in options.items() if name != "ignore_errors"} | {"store_rejects": True}
    statements = (
        f"CREATE TEMP TABLE seeknal_read AS SELECT * FROM {relation(form, paths, kept)}",
        "SELECT count(DISTINCT (file_id, line)) FROM reject_errors",
    )
    return int(task.engine.query(";\n".join(statements), form="rows")[0][0])
