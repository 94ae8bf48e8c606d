"""Files that DuckDB's readers read, staged as a node's table: with types of their own, or as all their texts tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import NodeError
from seeknal_nb.kinds.casts import RAW, Located, build_cast, declared, found_in, no_rows
from seeknal_nb.kinds.sources.columnar import check_alike, mixed, types_of_files
from seeknal_nb.kinds.sources.delimited import FILE, explained, of_delimited, unreadable
from seeknal_nb.kinds.sources.folders import check_folders, folder_keys
from seeknal_nb.kinds.sources.objects import (
    as_texts,
    broken,
    check_days,
    dated,
    declared_texts,
    inexact,
    json_options,
    long_numbers,
    nulls,
    numbered,
)
from seeknal_nb.kinds.sources.readers import options_of, relation
from seeknal_nb.kinds.sources.texts import Spelling, meanings
from seeknal_nb.markup import plural
from seeknal_nb.sql.text import column, exactly, literal, parquet

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from seeknal_nb.engines import Table
    from seeknal_nb.kinds.task import Task

__all__ = ["REJECTING", "NothingThereError", "scan"]

REJECTING = ("ignore_errors", "store_rejects")
Read = tuple["Table", list[str], dict[str, Any]]
"""A staged table, warnings, and metrics."""
Means = Callable[["Task", str, "Sequence[str]", Spelling], tuple[dict[str, str], list[str]]]
"""Gives SQL of the values of columns of text, and what is to be told of them, as ``texts.meanings`` does."""


class NothingThereError(NodeError):
    """The files have neither columns nor rows, and nobody has declared any, or others may have them."""


@dataclass(frozen=True, slots=True)
class _Files:
    """What is read: files of a format, none of them empty, the reader's options, declared types, and names in folders.

    ``some`` of those of the source, where others may have the declared columns that are not in these.
    """

    form: str
    paths: Sequence[Path]
    options: dict[str, Any]
    types: Mapping[str, str]
    keys: tuple[str, ...]
    some: bool

    def declared(self, columns: Iterable[tuple[str, str]], besides: Mapping[str, str] | None = None) -> dict[str, str]:
        """The declared types, and ``besides`` those that options name, by the columns' own names."""
        return found_in(columns, {**(besides or {}), **self.types}, some=self.some)


def scan(
    task: Task, form: str, paths: Sequence[Path], means: Means = meanings, *, some: bool = False
) -> tuple[Table, dict[str, Any]]:
    """Stage the rows of the files; gives the table with warnings and metrics.

    Args:
        task: The source.
        form: Their format.
        paths: Where they are.
        means: Tells what columns of text mean.
        some: Whether these are some of the source's files, of which others may have the declared columns.

    Raises:
        NothingThereError: There is nothing to read.
        NodeError: A line is not as the others, a declared column is missing, or a value cannot
            be cast.
    """
    types, options = declared(task.node), options_of(task.node)
    full = [path for path in paths if path.stat().st_size]
    if not full:
        return _no_records(task, types, paths, some=some), {}
    keys = folder_keys(full, task.surroundings.root, options)
    if not keys:  # folders above the project name nothing of it
        options.setdefault("hive_partitioning", False)
    read = {"csv": _delimited, "tsv": _delimited, "json": _objects, "jsonl": _objects}.get(form, _typed)
    table, warned, metrics = read(task, _Files(form, full, options, types, keys, some), means)
    empty = [f"{len(paths) - len(full)} of {len(paths)} files are empty"] if len(full) < len(paths) else []
    return table, {"warnings": [*empty, *warned], "metrics": metrics}


def _no_records(task: Task, types: Mapping[str, str], paths: Sequence[Path], *, some: bool) -> Table:
    if some or not types:
        why = f"{', '.join(map(str, paths[:3]))} has neither columns nor rows"
        raise NothingThereError("the source is empty", why=why, remedy="declare its columns under schema, or put rows there")
    return no_rows(task, types)


def _delimited(task: Task, files: _Files, means: Means) -> Read:
    """CSV and its like."""
    form, paths, options, types = files.form, files.paths, files.options, files.types
    if form == "tsv" and "sep" not in options:
        options.setdefault("delim", "\t")
    found = of_delimited(task, paths, options, types)
    if not found.sql:
        return _no_records(task, types, paths, some=files.some), [], {}
    check_folders(files.keys, found.names)
    rejecting = any(options.get(name) for name in REJECTING)
    texts = () if options.get("all_varchar") else found.names
    try:
        staged = task.engine.build(found.sql, task.stage / RAW)
    except NodeError as error:
        raise explained(error, options) from error
    named = files.declared(_inside(staged), found.types)
    table, told, left_out = _of_texts(task, staged, texts, named, Spelling.of(options), means, rejecting=rejecting)
    if not rejecting:
        return table, [*found.told, *told], {}
    rejected, first = _rejected(task, paths, {**options, "store_rejects": True}, types)
    left_out += rejected
    are = "is" if left_out == 1 else "are"
    lost = [f"{plural(left_out, 'row')} could not be read, and {are} left out{first}"] if left_out else []
    return table, [*found.told, *lost, *told], {"rejected": left_out}


def _inside(staged: Table) -> list[tuple[str, str]]:
    """The columns that the files themselves have."""
    return [one for one in staged.schema if one[0] != FILE]


def _of_texts(
    task: Task,
    staged: Table,
    texts: Collection[str],
    named: Mapping[str, str],
    spelling: Spelling,
    means: Means,
    *,
    rejecting: bool = False,
) -> tuple[Table, list[str], int]:
    """Stage the values of the texts that were read; gives the table, warnings, and how many rows were left out."""
    raw = task.stage / RAW
    schema = _inside(staged)
    known = {name.casefold() for name in texts}
    names = [name for name, kind in schema if kind == "VARCHAR" and name.casefold() in known and name not in named]
    stored = f"read_parquet({literal(exactly(str(raw)))}, hive_partitioning = false"
    read, told = means(task, f"{stored})", names, spelling)
    several = len(schema) < len(staged.schema)
    rows = f"(SELECT * EXCLUDE ({column(FILE)}) FROM {stored}))" if several else f"{stored})"
    located = (
        Located(f"{stored})", file=FILE) if several else Located(f"{stored}, file_row_number = true)", row="file_row_number")
    )
    table = build_cast(task, rows, named, read=read, text=spelling.text, located=located, rejecting=rejecting)
    raw.unlink()
    return table, told, staged.rows - table.rows


def _rejected(task: Task, paths: Sequence[Path], options: Mapping[str, Any], types: Mapping[str, str]) -> tuple[int, str]:
    """How many lines the CSV reader left out, and the first: a second reading, which keeps them in a table."""
    kept = {name: value for name, value in options.items() if name != "ignore_errors"}
    statements = (
        f"CREATE TEMP TABLE seeknal_read AS {of_delimited(task, paths, kept, types).sql}",
        """SELECT count(DISTINCT (file_id, line)) OVER (), line, parse_filename(file_path), coalesce(csv_line, '')
        FROM reject_errors JOIN reject_scans USING (scan_id, file_id) ORDER BY file_id, line LIMIT 1""",
    )
    found = task.engine.query(";\n".join(statements), form="rows")
    if not found:
        return 0, ""
    [(count, line, file, text)] = found
    return int(count), f", as line {line} of {file}: {text[:200]!r}"


def _objects(task: Task, files: _Files, means: Means) -> Read:
    """JSON and JSON lines: as the reader finds it, or where that would round or mix, some columns as texts."""
    form, paths, options, keys = files.form, files.paths, files.options, files.keys
    own = {name: str(kind) for name, kind in (options.get("columns") or {}).items()}
    given = json_options(form, paths, options)
    try:
        have = dict(task.engine.describe(f"SELECT * FROM {relation(form, paths, given)}"))
    except NodeError as error:
        raise unreadable(error) from error
    if tuple(have.items()) == (("json", "JSON"),) and not _any(task, relation(form, paths, given)):
        return _no_records(task, {**own, **files.types}, paths, some=files.some), [], {}
    inside = _own(task, form, paths, given) if keys or options.get("hive_partitioning") else list(have)
    check_folders(keys, inside)
    named, besides = files.declared(have.items(), own), [*(set(have) - set(inside)), *_file_column(options)]
    capitals = _capitals(task, form, paths, given, have)
    fixed = bool(own or capitals)  # no option could name the columns, or one does
    texts = {} if fixed else declared_texts(have, named)
    days = set() if fixed else dated(have) - {*named, *besides}
    told = _doubts(task, paths, given, {name: kind for name, kind in have.items() if name not in besides}, named)
    check_days(task, paths, given, {name: kind for name, kind in have.items() if name not in {*texts, *days, *besides}})
    if len(paths) > 1 and "filename" not in options:
        given, besides = {**given, "filename": FILE}, [*besides, FILE]

    def staged(names: set[str]) -> Table:
        read = given if fixed else {**given, **as_texts(have, {**texts, **dict.fromkeys(names, "VARCHAR")}, besides)}
        return _staged(task, relation(form, paths, read), {name: kind for name, kind in have.items() if name not in texts})

    table = staged(days)
    odd, nested = inexact(task, parquet(task.stage / RAW), [one for one in table.schema if one[0] not in named])
    if capitals:  # no option could name the columns
        told += [f"keys that differ in case only were renamed: {', '.join(capitals)}"]
        nested += [f"column {name!r} holds numbers that no DOUBLE holds exactly" for name in sorted(odd)]
    elif odd:
        table = staged(days | odd)
    table, known, _ = _of_texts(task, table, days | odd, named, Spelling.of(options), means)
    return table, [*told, *nested, *known], {}


def _staged(task: Task, read: str, have: Mapping[str, str]) -> Table:
    filled = ", ".join(f"{sql} AS {column(name)}" for name, sql in nulls(have).items())
    try:
        return task.engine.build(f"SELECT *{f' REPLACE ({filled})' if filled else ''} FROM {read}", task.stage / RAW)
    except NodeError as error:
        raise unreadable(error) from error


def _doubts(
    task: Task, paths: Sequence[Path], options: Mapping[str, Any], have: Mapping[str, str], types: Mapping[str, str]
) -> list[str]:
    """What is to be told of records that are not what they say; ``NodeError`` where a declared type would be rounded."""
    told = []
    if options.get("ignore_errors") and broken(task, paths, options):
        told = ["records that could not be read are rows of nulls"]
    if not (options.get("columns") or any("DOUBLE" in kind or "JSON" in kind for kind in have.values())):
        return told
    found = long_numbers(task, paths, options)
    floats = {name.casefold() for name, kind in types.items() if kind.casefold() in ("double", "float")}
    exact = [name for name in found if name.casefold() in {one.casefold() for one in types} - floats]
    if exact:
        why = f"JSON numbers with fractions are read as DOUBLE, which does not hold {found[exact[0]]}"
        remedy = "write such numbers as texts, or declare DOUBLE"
        raise NodeError(f"column {exact[0]!r} would be rounded", why=why, remedy=remedy)
    return told + [
        f"column {name!r} holds numbers of more digits than a DOUBLE has, as {text}: they are rounded"
        for name, text in found.items()
        if name.casefold() not in floats
    ]


def _capitals(
    task: Task, form: str, paths: Sequence[Path], options: Mapping[str, Any], have: Mapping[str, str]
) -> list[str]:
    """Columns that are called as no key is: the reader tells keys apart that differ in case only."""
    names = numbered(have)
    if not names or "columns" in options:
        return []
    counts = ", ".join(f"count({column(name)})" for name in names)
    read = relation(form, paths, {**options, "columns": dict.fromkeys(names, "JSON")})
    found = task.engine.query(f"SELECT {counts} FROM {read}", form="rows")[0]
    return [name for name, count in zip(names, found, strict=True) if not count]


def _any(task: Task, read: str) -> bool:
    return bool(task.engine.query(f"SELECT 1 FROM {read} LIMIT 1", form="rows"))


def _typed(task: Task, files: _Files, _means: Means) -> Read:
    """Parquet, which says its types itself."""
    form, paths, options, types = files.form, files.paths, files.options, files.types
    check_folders(files.keys, () if not files.keys else _own(task, form, paths, options))
    read = relation(form, paths, options)
    have = task.engine.describe(f"SELECT * FROM {read}") if types else ()
    told = types_of_files(task, paths, options)
    if options.get("union_by_name") is False:
        check_alike(told)
    table = build_cast(task, read, files.declared(have), located=_located(form, paths, options))
    return table, mixed(task, told, table.schema), {}


def _own(task: Task, form: str, paths: Sequence[Path], options: Mapping[str, Any]) -> list[str]:
    """The columns that the files themselves have."""
    read = relation(form, paths, {**options, "hive_partitioning": False})
    return [name for name, _ in task.engine.describe(f"SELECT * FROM {read}")]


def _file_column(options: Mapping[str, Any]) -> list[str]:
    named = options.get("filename")
    return [] if not named else ["filename" if named is True else str(named)]


def _located(form: str, paths: Sequence[Path], options: Mapping[str, Any]) -> Located | None:
    """The same rows with the names of their files, for an error's text."""
    if len(paths) < 2 or "filename" in options:  # noqa: PLR2004 - one file needs no telling
        return None
    return Located(relation(form, paths, {**options, "filename": FILE}), file=FILE)
