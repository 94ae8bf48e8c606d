"""Rows to files, and files to where they belong: whole or not at all. Knows the engine, but no node's config."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeknal_nb.engines import Interrupted
from seeknal_nb.engines.names import find_columns
from seeknal_nb.errors import NodeError
from seeknal_nb.sql.text import column, parquet
from seeknal_nb.storage.files import io_errors, link, remove_dead, sync, temporary_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seeknal_nb.engines import Schema
    from seeknal_nb.kinds.exposures.targets import Target
    from seeknal_nb.kinds.task import Surroundings, Task

__all__ = [
    "Rows",
    "alone",
    "batches",
    "check_directory",
    "copy",
    "folders_of",
    "inside",
    "projected",
    "put",
    "put_beside",
    "unlike",
    "write_directory",
    "write_folders",
]

COPY = {
    "csv": "FORMAT csv, HEADER",
    "tsv": "FORMAT csv, HEADER, DELIMITER '\t'",
    "parquet": "FORMAT parquet",
    "json": "FORMAT json, ARRAY true",
    "jsonl": "FORMAT json",
}
BATCH = 10_000
OURS = frozenset({"outputs", "state", "runs", "spill"})
"""Folders of ``target/`` that the program keeps for itself."""
DEFINING = ("profiles.yml", "seeknal_project.yml", "pyproject.toml", "seeknal")
"""What a project is read from, which no node's files list."""
MOST_FOLDERS = 5_000
"""Of one delivery; more is a column that does not partition."""
UNKNOWN = "__HIVE_DEFAULT_PARTITION__"
"""What Hive, Spark, Arrow and DuckDB call the folder of NULL."""
_AT_CWD, _EXCHANGE = -100, 2


@dataclass(frozen=True, slots=True)
class Rows:
    """A table that is to be delivered, as a Parquet file among the stage's: (column, SQL type) in order."""

    file: Path
    count: int
    schema: tuple[tuple[str, str], ...]

    @property
    def sql(self) -> str:
        """The rows as a SELECT, in their order."""
        return f"SELECT * FROM {parquet(self.file)}"


def inside(around: Surroundings, target: str, *, follow: bool = False) -> Path:
    """The path of a target; raises ``NodeError`` where nothing may be delivered.

    Args:
        around: The project.
        target: A path, relative to the project's folder.
        follow: The file is opened, not replaced: a link at its end counts too.
    """
    path = Path(os.path.normpath(around.root / target))
    real = path.resolve() if follow else path.parent.resolve() / path.name
    root = around.root.resolve()
    if not around.allow_outside and not real.is_relative_to(root):
        raise NodeError(f"{target} is outside the project", remedy="--allow-outside, or a path below the project's folder")
    if root.is_relative_to(real):
        raise NodeError(f"{target} is the project's own folder", remedy="deliver to a folder below it, as exports/")
    below = real.relative_to(root / "target").parts if real.is_relative_to(root / "target") else None
    if below is not None and (len(below) < 2 or below[0] in OURS):  # noqa: PLR2004 - target/ itself, or a file in it
        raise NodeError(f"{target} lies among the builds", remedy="deliver to another folder, as exports/")
    if any(real.is_relative_to(own) for name in DEFINING for own in (root / name, (root / name).resolve())):
        raise NodeError(f"{target} is what the project is read from", remedy="deliver to another folder, as exports/")
    return path


def projected(task: Task, rows: Rows, cast: Callable[[str, str], str], *, first: int | None = None) -> Rows:
    """The first rows with their columns as ``cast`` writes them in SQL, by type and name."""
    wanted = [(column(name), cast(kind, column(name))) for name, kind in rows.schema]
    if first is None and all(value == name for name, value in wanted):
        return rows
    values = ", ".join(f"{value} AS {name}" for name, value in wanted)
    file = rows.file.with_name(f"cast-{rows.file.name}")
    limit = "" if first is None else f" LIMIT {first}"
    table = task.engine.build(f"SELECT {values} FROM ({rows.sql}){limit}", file)
    return Rows(file, table.rows, rows.schema)


def batches(task: Task, rows: Rows) -> Iterator[Any]:
    """The rows as Arrow batches, in order; raises ``Interrupted`` where nobody waits for them any more."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - 0.2 s

    with pq.ParquetFile(rows.file) as file:
        for batch in file.iter_batches(BATCH) if file.num_row_groups else ():  # Arrow 18 fails where there are no rows
            if task.cancelled.is_set():
                raise Interrupted
            yield batch


def copy(task: Task, query: str, to: Path, target: Target) -> int:
    """Write the rows of a SELECT in one of DuckDB's formats; gives how many."""
    packed = {"": "", "none": ", COMPRESSION uncompressed"}.get(target.compression, f", COMPRESSION {target.compression}")
    return task.engine.export(query, to, COPY[target.form] + packed)


def write_directory(task: Task, rows: Rows, to: Path, target: Target, name: str) -> None:
    """Write Parquet files called ``name``, in a folder a value of ``partition_by``."""
    to.mkdir()
    if folders := folders_of(task, rows.sql, rows.schema, target):
        write_folders(task, rows, to, folders, name, target)
    else:
        copy(task, rows.sql, to / f"{name}.parquet", target)


def folders_of(task: Task, sql: str, schema: Schema, target: Target) -> list[str]:
    """The columns that name folders, of a SELECT with these columns.

    Raises:
        NodeError: They leave none for the files, or make more folders than anybody lists.
    """
    folders = find_columns(target.partition_by, dict(schema))
    if len(folders) == len(schema):
        raise NodeError("partition_by names every column", remedy="leave one for the files")
    if folders:
        _check_folders(task, sql, folders)
    return folders


def write_folders(task: Task, rows: Rows, to: Path, folders: list[str], name: str, target: Target) -> None:
    """Write rows by Arrow, a file a folder, where they keep their order; folders are called as Hive calls them.

    Args:
        task: Has the engine.
        rows: What is written; a file is made beside theirs.
        to: The directory, which is there.
        folders: The columns whose values name folders.
        name: What the files are called by.
        target: How they are compressed.
    """
    import pyarrow as pa  # noqa: PLC0415 - 0.2 s
    from pyarrow import dataset, parquet  # noqa: PLC0415 - likewise

    file = rows.file.with_name("folders.parquet")
    table = task.engine.build(_by_folder(rows, folders), file)
    schema = parquet.read_schema(file)
    options = dataset.ParquetFileFormat().make_write_options(compression=target.compression or "snappy")
    batched = batches(task, Rows(file, table.rows, rows.schema))
    try:
        dataset.write_dataset(
            pa.RecordBatchReader.from_batches(schema, batched), to, format="parquet", file_options=options,
            partitioning=dataset.partitioning(pa.schema([schema.field(one) for one in folders]), flavor="hive"),
            basename_template=f"{name}-{{i}}.parquet", max_partitions=MOST_FOLDERS, use_threads=False,
            existing_data_behavior="overwrite_or_ignore",
        )  # fmt: skip
    except pa.ArrowException as error:
        raise NodeError("the folders cannot be written", why=str(error)[:500], remedy="partition by fewer values") from error
    if not table.rows:
        empty = to.joinpath(*(f"{one}={UNKNOWN}" for one in folders))
        empty.mkdir(parents=True, exist_ok=True)
        kept = [field for field in schema if field.name not in folders]
        parquet.write_table(pa.schema(kept).empty_table(), empty / f"{name}-0.parquet")


def _check_folders(task: Task, sql: str, folders: list[str]) -> None:
    names = ", ".join(column(one) for one in folders)
    [(count,)] = task.engine.query(f"SELECT count(*) FROM (SELECT DISTINCT {names} FROM ({sql}))", form="rows")
    if count > MOST_FOLDERS:
        raise NodeError(
            f"{', '.join(folders)} would make {count:,} folders",
            why=f"more than {MOST_FOLDERS:,} take longer to list than to read",
            remedy="partition by a column of fewer values, as date_trunc('month', day)",
        )


def _by_folder(rows: Rows, folders: list[str]) -> str:
    """Rows of one folder stand together, else Arrow, which has 1,000 files open, would begin files anew for each batch."""
    values = ", ".join(_foldered(column(one), kind, folder=one in folders) for one, kind in rows.schema)
    numbered = f'SELECT *, row_number() OVER () AS "seeknal row" FROM ({rows.sql})'
    order = ", ".join(f"rows.{column(one)}" for one in folders)
    return f'SELECT {values} FROM ({numbered}) AS rows ORDER BY {order}, "seeknal row"'


def _foldered(name: str, kind: str, *, folder: bool) -> str:
    """A column for Arrow: it cannot write an INTERVAL again, and a folder is called by a text."""
    return f"CAST({name} AS VARCHAR) AS {name}" if folder or kind == "INTERVAL" else name


def put_beside(staged: Path, path: Path, name: str) -> bool:
    """Move a finished directory to where it belongs, with what is there already; raises as ``put`` does.

    Files that are called ``name`` are the same delivery's, made before: these are not kept. Others that deliver to the
    same directory wait meanwhile. Gives whether each of its files was there already.
    """
    with io_errors("write", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with alone(path.parent):
            again = all((path / file.relative_to(staged)).is_file() for file in staged.rglob("*.parquet"))
            if path.is_dir():
                _link(path, staged, without=name)
            put(staged, path)
    return again


def unlike(staged: Path, path: Path) -> list[str]:
    """A warning where the Parquet that is there has other columns or types: who goes by the first file changes values."""
    there, new = _types(path), _types(staged)
    other = [name for name in {**there, **new} if there.get(name) != new.get(name)] if there and new else []
    told = ", ".join(f"{name} is {there.get(name, 'not')} there and {new.get(name, 'not')} here" for name in other[:5])
    read = "read the files by the union of their columns, or deliver the same types"
    return [f"the files of {path.name} differ: {told}; {read}"] if other else []


def _types(folder: Path) -> dict[str, str]:
    """Of the first Parquet file, which is what readers of a folder begin with; nothing where it cannot be read."""
    import pyarrow as pa  # noqa: PLC0415 - 0.2 s
    from pyarrow import parquet  # noqa: PLC0415 - likewise

    first = min(folder.rglob("*.parquet"), default=None)
    if first is not None:
        with contextlib.suppress(pa.ArrowException, OSError):
            return {field.name: str(field.type) for field in parquet.read_schema(first)}
    return {}


@contextlib.contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Hold a directory against other threads and processes; Windows cannot."""
    if os.name == "nt":
        yield
        return
    import fcntl  # noqa: PLC0415 - Windows has none

    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _link(before: Path, to: Path, *, without: str) -> None:
    """Have the files of a directory in another one too, without their bytes being copied where that can be."""
    ours = re.compile(re.escape(without) + r"(-\d+)?\.parquet")
    shutil.copytree(
        before, to, copy_function=link, dirs_exist_ok=True, ignore=lambda _, names: [n for n in names if ours.fullmatch(n)]
    )


def put(staged: Path, path: Path) -> None:
    """Move a finished file, or a directory, to where it belongs; who reads sees the old one or the new one.

    Raises:
        StateError: It cannot be moved; the old one is as it was, and nothing is left beside it.
    """
    beside = path.with_name(temporary_name(path.name))
    try:
        with io_errors("write", path):
            path.parent.mkdir(parents=True, exist_ok=True)
            remove_dead(path)
            shutil.move(staged, beside)
            for file in [*beside.rglob("*"), beside] if beside.is_dir() else [beside]:
                sync(file)
        with io_errors("deliver", path):
            if beside.is_dir() and path.exists():
                _exchange(beside, path)
            else:
                beside.replace(path)
            sync(path.parent)
    finally:
        _remove(beside)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _exchange(new: Path, old: Path) -> None:
    """Swap two directories at once where Linux can; else by two renames, between which the old one is away."""
    with contextlib.suppress(OSError, AttributeError, ValueError):
        swap = ctypes.CDLL(None, use_errno=True).renameat2
        if swap(_AT_CWD, os.fsencode(new), _AT_CWD, os.fsencode(old), _EXCHANGE) == 0:
            return
    aside = old.with_name(temporary_name(old.name))
    old.rename(aside)
    try:
        new.rename(old)
    except BaseException:
        aside.rename(old)
        raise
    aside.rename(new)


def check_directory(path: Path, target: Target, name: str) -> None:
    """Refuse to replace a directory that holds anything but what a node delivered; raises ``NodeError``.

    What the node delivered is known by its name and a key: anybody's Parquet may lie in a folder ``day=1``. Beside what is
    appended Parquet of others may stand, which stays.

    Args:
        path: The directory, which need not be there.
        target: What it is called, and whether it is appended to.
        name: The node's.
    """
    if path.is_symlink():
        raise NodeError(f"{target} is a link", why="it would be replaced, not what it leads to", remedy="name that itself")
    if path.exists() and not path.is_dir():
        raise NodeError(f"{target} is a file", why="Parquet in folders needs a directory", remedy="deliver to another path")
    ours = re.compile(r".+\.parquet" if target.append else re.escape(name) + r"-[0-9a-f]{16}(-\d+)?\.parquet")
    for found in path.rglob("*"):
        if found.is_symlink() or not ("=" in found.name if found.is_dir() else ours.fullmatch(found.name)):
            raise NodeError(
                f"{target} holds what was not delivered",
                why=f"{found.relative_to(path)} is there, and the directory would be replaced",
                remedy="take it away, or deliver to a folder of its own, as exports/sales",
            )
