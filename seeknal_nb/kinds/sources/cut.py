"""The files of a source in partitions: what each file holds, asked once for its content, and the columns of all of them."""

from __future__ import annotations

import itertools
import json
import re
import threading
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.partitions import CALENDAR, FILE, Slice, ordered, slice_of, value_at
from seeknal_nb.engines.names import find_column
from seeknal_nb.errors import NodeError
from seeknal_nb.kinds.casts import RAW, declared, found_in, no_rows
from seeknal_nb.kinds.files import unsettled
from seeknal_nb.kinds.metadata import merged
from seeknal_nb.kinds.paths import as_told
from seeknal_nb.kinds.slices import inside, partition_sql
from seeknal_nb.kinds.sources.delimited import types_named, uneven
from seeknal_nb.kinds.sources.facts import FileFacts
from seeknal_nb.kinds.sources.folders import folder_keys
from seeknal_nb.kinds.sources.readers import check_files, files_named, format_of, options_of, relation
from seeknal_nb.kinds.sources.scan import NothingThereError, scan
from seeknal_nb.kinds.sources.texts import Spelling, fitting, meant, nearly_numbers, numbers_held
from seeknal_nb.sql.text import column, parquet
from seeknal_nb.sql.types import is_integer, is_time, is_zoned
from seeknal_nb.storage.builds import DATA
from seeknal_nb.storage.files import content, digest, write_atomic
from seeknal_nb.version import program

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seeknal_nb.engines import Schema, Table
    from seeknal_nb.kinds.task import Task
    from seeknal_nb.storage.builds import Partitioning

__all__ = ["cut_files", "read_slice"]

ONE_BY_ONE = "partitions are read one by one, and a value must be the same however many files are read"
_READING = threading.Lock()
"""Held by who reads a file that other partitions need too: these wait, and find what was read."""
FIRST, LAST = 1, 9998
"""The years of a calendar's partitions: those whose ends a ``datetime`` can hold."""


def cut_files(
    task: Task, by: Partitioning, known: Mapping[str, FileFacts], shared: Path
) -> tuple[Schema, list[Slice], dict[str, FileFacts], list[str]]:
    """The columns of all files, the partitions that they hold, in order, their facts by digest, and warnings.

    Args:
        task: The source, with a folder in which files may be staged.
        by: By what it is cut.
        known: Facts from before.
        shared: A folder for files as they were read, which is there as long as partitions are built from them.

    Raises:
        NodeError: A file cannot be read, or what it holds makes no partitions.
    """
    node, root, form = task.node, task.surroundings.root, format_of(task.node)
    paths = _files(task, form)
    spelling = Spelling.of(options_of(node))
    manner = digest(
        json.dumps(
            [program(), task.surroundings.engine, form, options_of(node), declared(node), by.grain, by.column, by.zone],
            default=str,
        )
    )
    keys = {path: f"{task.seen[str(path)][-1]}-{digest(manner + as_told(path, root))}" for path in paths}
    facts = {key: known.get(key) or _looked(task, form, path) for path, key in keys.items()}
    known_files = {path: facts[key] for path, key in keys.items()}
    schema, chosen = _together(task, form, known_files)
    own = find_column(by.column, dict(schema), why="partition_by names it") if by.column else ""
    if by.zone and schema and is_time(dict(schema)[own]) and not is_zoned(dict(schema)[own]):
        why = f"{own!r} is {dict(schema)[own]}: only a TIMESTAMPTZ has other days elsewhere"
        raise NodeError("the zone of partition_by means nothing", why=why, remedy=f"partition_by: {by.grain}({own})")
    kind = f"{dict(schema).get(own, '')} {chosen.get(by.column.casefold(), '')}"
    for path, key in keys.items():
        if by.column and facts[key].rows and facts[key].kind != kind:
            values = _values(task, form, path, by, facts[key], schema, chosen, shared)
            facts[key] = replace(facts[key], kind=kind, values=values)
    holding: dict[str | None, list[Path]] = {}
    for path, key in keys.items():
        for value in (as_told(path, root),) if by.grain == FILE else facts[key].values:
            holding.setdefault(value, []).append(path)
    told = tuple((name, place, digest(repr(spelling.meanings[place]))) for name, place in chosen.items())
    slices = []
    for value in holding if by.grain == FILE else ordered(holding):
        held = [facts[keys[path]] for path in holding[value]]
        slices.append(replace(
            slice_of(by, value), files=tuple(map(str, holding[value])), schema=schema, meanings=told,
            alone=by.grain == FILE or all(len(one.values) == 1 for one in held),
            plain=all(one.schema == schema for one in held), shared=str(shared),
        ))  # fmt: skip
    return schema, slices, facts, _warnings(task, form, schema, known_files)


def _files(task: Task, form: str) -> list[Path]:
    """The files, which are those that were looked at; raises ``NodeError``."""
    node, root = task.node, task.surroundings.root
    paths = files_named(node, root, form)
    check_files(node, paths, root, form)
    if odd := {*map(str, paths)} ^ task.seen.keys():
        raise unsettled(min(odd))
    if named := folder_keys([path for path in paths if path.stat().st_size], root, options_of(node)):
        why = f"their folders say {named[0]}=, whose type all of them tell together"
        raise NodeError("files whose folders name values have no partitions", why=why, remedy="hive_partitioning: false")
    return paths


def _warnings(task: Task, form: str, schema: Schema, files: Mapping[Path, FileFacts]) -> list[str]:
    """What to know of the files together."""
    count = sum(not one.schema for one in files.values())
    empty = [f"{count} of {len(files)} files are empty"] if count else []
    names = dict.fromkeys(name for one in files.values() for name, _ in one.schema)
    columns = [(path.name, [name for name, _ in one.schema]) for path, one in files.items()]
    odd = uneven(columns, names, options_of(task.node)) if form in ("csv", "tsv") else []
    own = {name.casefold() for name in declared(task.node)}
    text = [name for name, kind in schema if kind == "VARCHAR" and name.casefold() not in own]
    held = {name: [one.held.get(name.casefold(), (0, 0)) for one in files.values()] for name in text}
    numbers = nearly_numbers((name, sum(v for v, _ in counts), sum(n for _, n in counts)) for name, counts in held.items())
    return [*empty, *odd, *numbers]


def _looked(task: Task, form: str, path: Path) -> FileFacts:
    """What one file holds, but for its partitions: for these all files must have told which type their column is of."""
    if not path.stat().st_size:
        return FileFacts((), 0)
    if read := _direct(task, form, [path]):
        schema = task.engine.describe(f"SELECT * FROM {read}")
        [(rows,)] = task.engine.query(f"SELECT count(*) FROM {read}", form="rows")
        return FileFacts(schema, rows)
    fits: dict[str, tuple[int, ...]] = {}
    try:
        table, _ = scan(task, form, [path], partial(_noted, fits), some=True)
    except NothingThereError:
        return FileFacts((), 0)
    spelling = Spelling.of(options_of(task.node))
    held = {} if form == "parquet" else numbers_held(task, parquet(task.stage / DATA), table.schema, spelling)
    (task.stage / DATA).unlink()
    text = [name.casefold() for name, kind in table.schema if kind in ("VARCHAR", "JSON")]
    silent = tuple(name for name in text if name not in fits and held.get(name, (1, 0))[0] == 0)
    return FileFacts(table.schema, table.rows, fits, silent, held)


def _noted(
    into: dict[str, tuple[int, ...]], task: Task, relation: str, names: Sequence[str], spelling: Spelling
) -> tuple[dict[str, str], list[str]]:
    """What columns of text mean in one file; all that they may mean is noted."""
    fits = fitting(task, relation, names, spelling)
    into.update({name.casefold(): places for name, places in fits.items()})
    return meant({name: places[0] for name, places in fits.items() if places}, spelling)


def _values(
    task: Task,
    form: str,
    path: Path,
    by: Partitioning,
    facts: FileFacts,
    schema: Schema,
    chosen: Mapping[str, int],
    shared: Path,
) -> tuple[str | None, ...]:
    """The partitions that a file holds, its column taken for what it is in all files together."""
    if by.column.casefold() not in facts.types:  # it has none, or there is nothing in it
        return (None,)
    if not (read := _direct(task, form, [path])):
        file, _ = _read_once(task, form, path, schema, chosen, shared)
        read = parquet(file)
    elif facts.schema != schema:
        kinds = {name.casefold(): kind for name, kind in facts.schema}
        read = f"(SELECT {', '.join(_as_whole(name, kind, kinds) for name, kind in schema)} FROM {read})"
    asked = f"SELECT DISTINCT CAST({partition_sql(by, schema)} AS VARCHAR) FROM {read}"
    return tuple(_called(by, value) for (value,) in task.engine.query(asked, form="rows"))


def _read_once(
    task: Task, form: str, path: Path, schema: Schema, chosen: Mapping[str, int], shared: Path
) -> tuple[Path, dict[str, Any]]:
    """A file's rows with the columns of all files, as Parquet, and what is to be told; the first who asks reads the file."""
    file = _once(shared, path)
    beside = file.with_suffix(".json")
    with _READING:
        if not file.exists():
            _, told = _stage(task, form, [path], schema, chosen)
            write_atomic(beside, json.dumps(told, default=str).encode())
            (task.stage / DATA).replace(file)
    return file, json.loads(content(beside))


def _once(shared: Path, path: Path) -> Path:
    """Where the rows of a file lie once somebody has read it."""
    return shared / f"{digest(str(path))}.parquet"


def _called(by: Partitioning, value: str | None) -> str | None:
    if value is None or by.grain not in CALENDAR:
        return value
    found = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)(?: (\d\d):\d\d:\d\d)?", value)
    year, month, day, hour = (int(part or 0) for part in found.groups()) if found else (0, 0, 0, 0)
    if not FIRST <= year <= LAST:
        remedy = "leave such rows out, or write them with another time"
        raise NodeError(f"{by.column} holds {value}", why=f"a {by.grain} lies in the years {FIRST} to {LAST}", remedy=remedy)
    return value_at(by.grain, datetime(year, month, day, hour))  # noqa: DTZ001 - partitions are counted without a zone


def _together(task: Task, form: str, files: Mapping[Path, FileFacts]) -> tuple[Schema, dict[str, int]]:
    """The columns of all files, and what those of text mean, by their names in small letters.

    They are as one reading of all files has them: what all texts of all files fit is what they mean; else all that hold
    something have them of one type, or of integers. A column that holds nothing in a file has no say there.

    Raises:
        NodeError: There are no columns, no file has a declared one, or files have one of two types.
    """
    held, own = list(files.values()), declared(task.node)
    names = dict[str, str]()
    for name, _ in itertools.chain(*(one.schema for one in held)):
        names.setdefault(name.casefold(), name)
    if not names and not own:
        raise NodeError(
            "the source is empty", why="no file has columns", remedy="declare them under schema, or put rows there"
        )
    if not names:
        return no_rows(task, own).schema, {}
    found_in([(name, "") for name in names.values()], {**types_named([*names.values()], options_of(task.node)), **own})
    spelling, chosen, kinds = Spelling.of(options_of(task.node)), dict[str, int](), dict[str, str]()
    for name, spelled in names.items():
        saying = {path: one for path, one in files.items() if one.rows and name in one.types}
        types = {path: one.types[name] for path, one in saying.items()}
        if form in ("json", "jsonl"):  # whose reader knows each record's types, and tells names apart by their case
            _one_type(spelled, types)
            _one_spelling(name, held)
        if saying and all(name in one.fits for one in saying.values()):
            fits = [one.fits[name] for one in saying.values()]
            common = [place for place in fits[0] if all(place in places for places in fits)]
            kinds[name] = spelling.meanings[common[0]].kind if common else "VARCHAR"
            chosen.update({name: common[0]} if common else {})
        else:
            kinds[name] = _one_type(spelled, types)
            kinds[name] = kinds[name] or next(kind for one in held for n, kind in one.schema if n.casefold() == name)
    if read := _direct(task, form, [path for path, one in files.items() if one.schema]):
        schema = task.engine.describe(f"SELECT * FROM {read}")
        for name, kind in schema:
            if "HUGEINT" in kind:  # which is stored as another type, by its values
                raise NodeError(
                    f"column {name!r} is {kind} in all files together", why=ONE_BY_ONE, remedy=_declare(name, "BIGINT")
                )
        return schema, {}
    nothing = ", ".join(f"CAST(NULL AS {kind}) AS {column(names[name])}" for name, kind in kinds.items())
    return task.engine.describe(f"SELECT {nothing}"), chosen


def _one_type(name: str, types: Mapping[Path, str]) -> str:
    """The type that all files have; empty where none says. Integers may be of several widths: Parquet's reader widens."""
    first, *others = types.items() or [(Path(), "")]
    odd = next(((p, k) for p, k in others if k != first[1] and not (is_integer(k) and is_integer(first[1]))), None)
    if odd is not None:
        raise NodeError(
            f"column {name!r} is {first[1]} in {first[0].name}, and {odd[1]} in {odd[0].name}",
            why=ONE_BY_ONE,
            remedy=_declare(name, first[1]),
        )
    return first[1]


def _one_spelling(name: str, facts: Sequence[FileFacts]) -> None:
    spelled = list(dict.fromkeys(own for one in facts for own, _ in one.schema if own.casefold() == name))
    if len(spelled) > 1:
        what = f"the keys {spelled[0]!r} and {spelled[1]!r} differ in case only"
        raise NodeError(what, why=ONE_BY_ONE, remedy="write them alike, or take partition_by away")


def _declare(name: str, kind: str) -> str:
    return f"declare it: schema: [{{name: {name}, data_type: {kind}}}], or take partition_by away"


def _direct(task: Task, form: str, paths: Sequence[Path]) -> str:
    """What stands after FROM where the files tell their types, and nothing else does; else empty."""
    options = options_of(task.node)
    named = folder_keys(paths, task.surroundings.root, options)
    if form != "parquet" or declared(task.node) or named or "hive_partitioning" in options or not paths:
        return ""
    return relation(form, paths, {**options, "hive_partitioning": False})


def read_slice(task: Task, piece: Slice) -> tuple[Table, dict[str, Any]]:
    """Stage the rows of a partition, with the types that all files have together; and what is to be told."""
    form, paths = format_of(task.node), [Path(file) for file in piece.files]
    where = f" WHERE {inside(piece.by, piece, piece.schema)}" if piece.by.column and not piece.alone else ""
    if piece.plain and (read := _direct(task, form, paths)):
        return task.engine.build(f"SELECT * FROM {read}{where}", task.stage / DATA), {}
    chosen = {name: place for name, place, _ in piece.meanings}
    known = piece.by.column and all(_once(Path(piece.shared), path).exists() for path in paths)
    if (piece.alone and not known) or _direct(task, form, paths):
        return _stage(task, form, paths, piece.schema, chosen, where=where)
    once = [_read_once(task, form, path, piece.schema, chosen, Path(piece.shared)) for path in paths]
    files = [file for file, _ in once]
    made = task.engine.build(f"SELECT * FROM {parquet(*files)}{where}", task.stage / DATA)
    for file in files if piece.alone else ():  # no other partition reads it
        file.unlink()
    return made, merged(*(told for _, told in once))


def _stage(
    task: Task, form: str, paths: Sequence[Path], schema: Schema, chosen: Mapping[str, int], *, where: str = ""
) -> tuple[Table, dict[str, Any]]:
    """Stage the rows of some files, or those of them ``where`` something is true, with the columns of all."""
    raw, read, told = None, _direct(task, form, paths), dict[str, Any]()
    if read:
        have = task.engine.describe(f"SELECT * FROM {read}")
    else:
        try:
            table, told = scan(task, form, paths, partial(_known, chosen), some=True)
        except NothingThereError:
            return no_rows(task, dict(schema)), told
        if table.schema == schema and not where:
            return table, told
        raw = (task.stage / DATA).rename(task.stage / RAW)
        read, have = parquet(raw), table.schema
    kinds = {name.casefold(): kind for name, kind in have}
    shown = ", ".join(_as_whole(name, kind, kinds) for name, kind in schema)
    made = task.engine.build(f"SELECT * FROM (SELECT {shown} FROM {read}){where}", task.stage / DATA)
    if raw is not None:
        raw.unlink()
    return made, told


def _known(
    chosen: Mapping[str, int], _task: Task, _relation: str, names: Sequence[str], spelling: Spelling
) -> tuple[dict[str, str], list[str]]:
    return meant({name: chosen[name.casefold()] for name in names if name.casefold() in chosen}, spelling)


def _as_whole(name: str, kind: str, have: Mapping[str, str]) -> str:
    """A column as all files together have it; NULL where these have none of the name."""
    folded = name.casefold()
    if have.get(folded) == kind:
        return f"{column(name)} AS {column(name)}"
    return f"CAST({column(name) if folded in have else 'NULL'} AS {kind}) AS {column(name)}"
