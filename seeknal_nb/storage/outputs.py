"""Where builds lie: one directory under its key, published by one rename, proved by its own record.

``<root>/<kind>/<name>/<key>/`` holds data.parquet, build.json and a model's artefacts; what is not whole yet lies in
``<root>/.staging/``. Nothing here knows how data is made or when it is stale.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from seeknal_nb.storage.builds import DATA, RECORD, Build, File, Part, build_digest, read_record, record_of
from seeknal_nb.storage.files import (
    TEMPORARY,
    Signature,
    content,
    digest_file,
    io_errors,
    refused,
    signature,
    sync,
    temporary_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from seeknal_nb.storage.proofs import Proofs

__all__ = ["Garbage", "OutputStore", "discard", "files_in", "new_stage", "running"]

RUNNING = ".run-"
GONE = frozenset({errno.ENOENT, errno.ENOTDIR})
STAGING = ".staging"
"""The folder of all that is staged, so that what a dead run left there is found in one look."""


@dataclass(frozen=True, slots=True)
class Garbage:
    """A directory that no node needs: its path, its bytes, why it may go, and since when it is there (epoch)."""

    path: Path
    size: int
    why: str
    at: float

    @property
    def node_id(self) -> str:
        """Whose build it is, or was."""
        return f"{self.path.parent.parent.name}.{self.path.parent.name}"


class OutputStore:
    """All builds below one directory, and the memory of which files were proved."""

    def __init__(self, root: Path, proofs: Proofs) -> None:
        self.root, self.proofs = root, proofs
        self._unsynced: list[Path] = []

    def prefix(self, node_id: str, key: str) -> str:
        """What the paths of that build's files begin with, as text: a ``Path`` costs more than a stat."""
        kind, _, name = node_id.partition(".")
        return f"{self.root}{os.sep}{kind}{os.sep}{name}{os.sep}{key}{os.sep}"

    def directory(self, node_id: str, key: str) -> Path:
        """Where the build of that key lies, or would."""
        return Path(self.prefix(node_id, key))

    def publish(
        self, stage: Path, build: Build, staged: Sequence[File], *, seconds: float, former: Callable[[Part], str | None]
    ) -> Build:
        """Make the staged files the build of its key; a former build of this key gives way.

        Args:
            stage: A directory that ``new_stage`` made, with data.parquet in it.
            build: What is known of it besides its files.
            staged: Its files, as ``files_in`` gives them.
            seconds: How long it took.
            former: The digest of former rows that equal those of a part, which it takes for its own, or None.

        Raises:
            StateError: The disk refuses.
        """
        final = self.directory(build.node_id, build.key)
        with io_errors("write", final):
            files = {_name(file): file for file in staged}
            build = self._whole(build, final, stage, files, former)
            (stage / RECORD).write_bytes(record_of(build, seconds))
            self._swap(stage, final)
            self._note(build)
        self._unsynced += [*(final / name for name in files), final / RECORD, final, final.parent]
        return build

    def publish_again(self, build: Build, node_id: str, key: str, *, seconds: float) -> Build:
        """Make the files of a proved build another one too, of that node and key; its digest is the same.

        They share the bytes on disks that have links, and nobody ever writes into them.

        Args:
            build: With its files; one that has none is only called otherwise.
            node_id: Whose build it becomes too.
            key: Under which key.
            seconds: How long it took to make.

        Raises:
            StateError: The disk refuses.
        """
        if build.path is None:
            return replace(build, node_id=node_id, key=key)
        final, intact = self.directory(node_id, key), self.intact(build.node_id, build.key)
        parts = tuple(replace(p, key=key, files=tuple(_moved(file, key) for file in p.files)) for p in build.parts)
        moved = tuple(_moved(file, key) for file in build.artefacts)
        made = replace(build, node_id=node_id, key=key, path=final, parts=parts, artefacts=moved)
        stage = new_stage(self.root, node_id, key)
        with io_errors("write", final):
            for file in build.files:
                _shared(build.path / _name(file), stage / _name(file))
            (stage / RECORD).write_bytes(record_of(made, seconds))
            self._swap(stage, final)
        for one in (made, *([build] if intact else ())):  # a link changes the times of what it leads to
            self._note(one)
        self._unsynced += [*(final / _name(file) for file in made.files), final / RECORD, final, final.parent]
        return made

    def _note(self, build: Build) -> None:
        directory = self.directory(build.node_id, build.key)
        self.proofs.note(build.node_id, build.key, _signatures(directory, [*map(_name, build.files), RECORD]))

    def _whole(
        self, build: Build, final: Path, stage: Path, files: Mapping[str, File], former: Callable[[Part], str | None]
    ) -> Build:
        data, others = files[DATA], tuple(file for name, file in files.items() if name != DATA)
        staged = replace(data, name=os.path.relpath(stage / DATA, final.parent))
        part = Part(None, build.key, build.row_count or 0, data.xxh3, build.schema, (staged,))
        part = replace(part, digest=former(part) or data.xxh3, files=(data,))
        found = build_digest(build.schema, [part], others)
        return replace(build, digest=found, row_count=part.rows, path=final, parts=(part,), artefacts=others)

    def _swap(self, stage: Path, final: Path) -> None:
        final.parent.mkdir(parents=True, exist_ok=True)
        try:
            stage.rename(final)
        except OSError:
            if not final.exists():
                raise
            former = stage.with_name(temporary_name(final.name))
            final.rename(former)
            stage.rename(final)
            shutil.rmtree(former, ignore_errors=True)

    def sync(self) -> None:
        """Bring to the disk what was published since the last time, and write down what was proved."""
        paths, self._unsynced = dict.fromkeys(self._unsynced), []
        for path in paths:
            with contextlib.suppress(FileNotFoundError), io_errors("sync", path):
                sync(path)
        self.proofs.write()

    def find(self, node_id: str, key: str, *, verify: bool = False, strict: bool = False) -> Build | None:
        """The build of that key, where its record is whole, names this key, and its files are what the record says.

        Args:
            node_id: ``kind.name``.
            key: The key asked for.
            verify: Hash its files even if nobody has touched them since they were proved.
            strict: Raise ``StateError`` where the disk refuses its record, which is a damage else, and is mended by a run.
        """
        build = self._recorded(node_id, key, strict=strict)
        if build is None or build.node_id != node_id or build.key != key or build.path is None:
            return None
        signatures = _signatures(build.path, [*(_name(file) for file in build.files), RECORD])
        if not verify and self.proofs.of(node_id, key) == signatures:
            return build
        if not _proved(build):
            return None
        self.proofs.note(node_id, key, signatures)
        return build

    def whole(self, build: Build) -> Build:
        """A build of which only the state was asked, with what its record tells besides."""
        if build.path is None or build.parts:
            return build
        return self._recorded(build.node_id, build.key) or build

    def damaged(self, node_id: str, key: str) -> Path:
        """Of a build that is not what it was: its first file that is not, or its record, or the directory where all are."""
        directory, build = self.directory(node_id, key), self._recorded(node_id, key)
        if build is None or build.node_id != node_id or build.key != key:
            return directory / RECORD
        broken = (directory / _name(file) for file in build.files if not _is_whole(directory / _name(file), file))
        return next(broken, directory)

    def _recorded(self, node_id: str, key: str, *, strict: bool = False) -> Build | None:
        directory = self.directory(node_id, key)
        try:
            return read_record(content(directory / RECORD), directory)
        except OSError as error:
            if strict and error.errno not in GONE:
                raise refused(error, "read") from error
        except (ValueError, RecursionError):
            pass
        return None

    def before(self, node_id: str, key: str) -> Build | None:
        """The newest build of the node that is older than the one of that key."""
        this = signature(self.directory(node_id, key) / RECORD)
        found = [(signature(p / RECORD), p.name) for p in self.directory(node_id, key).parent.iterdir() if p.name != key]
        older = sorted((s[1], name) for s, name in found if s and this and s[1] < this[1])
        return self.find(node_id, older[-1][1]) if older else None

    def intact(self, node_id: str, key: str) -> bool:
        """Whether nobody has touched the files of a build since they were proved; a stat a file."""
        prefix, known = self.prefix(node_id, key), self.proofs.of(node_id, key)
        return bool(known) and all(signature(prefix + name) == found for name, found in known.items())

    def remove_leftovers(self) -> None:
        """Take away what dead runs staged; only for the holder of the run's lock."""
        for path in _folders(self.root / STAGING):
            shutil.rmtree(path, ignore_errors=True)
        folders = (self.root.parent / folder for folder in ("", "state", "runs"))
        left = (path for folder in folders for path in folder.glob(f"{TEMPORARY}*"))
        for path in (*self.root.glob(f"{RUNNING}*"), *left):
            with contextlib.suppress(OSError):  # it is in nobody's way
                path.unlink()

    def garbage(self, needed: Mapping[str, Collection[str]], *, keep: int = 0) -> list[Garbage]:
        """Builds that no node needs, oldest last, beyond the newest ``keep`` of each node.

        Args:
            needed: Keys by node id; a node that is not in it is gone from the pipeline.
            keep: How many others to keep a node.
        """
        found = []
        for directory in sorted(self.root.glob("[!.]*/*")) if self.root.is_dir() else ():
            node_id = f"{directory.parent.name}.{directory.name}"
            keys = needed.get(node_id)
            spare = [p for p in _folders(directory) if keys is None or p.name not in keys]
            spare.sort(key=lambda p: p.stat().st_mtime_ns, reverse=True)
            why = "an earlier version" if keys is not None else "its node is gone"
            beyond = spare[keep if keys is not None else 0 :]
            found += [Garbage(p, _size(p), why, p.stat().st_mtime) for p in beyond]
        return found

    def size(self) -> int:
        """The bytes of all builds, while others may write some; what two builds share counts once."""
        held: dict[tuple[int, int], int] = {}
        for folder, _, names in os.walk(self.root):
            for name in names:
                with contextlib.suppress(OSError):
                    found = os.stat(f"{folder}{os.sep}{name}")  # noqa: PTH116 - a Path costs more than the call
                    held[found.st_dev, found.st_ino] = found.st_size
        return sum(held.values())

    def remove(self, garbage: Collection[Garbage]) -> None:
        """Delete directories that ``garbage`` listed, and parents that are empty then; raises ``StateError``."""
        for item in garbage:
            with io_errors("remove", item.path), contextlib.suppress(FileNotFoundError):
                gone = self.root / STAGING / temporary_name(item.path.name)
                gone.parent.mkdir(exist_ok=True)
                item.path.rename(gone)  # first: a build that is there is whole
                shutil.rmtree(gone, ignore_errors=True)
            with contextlib.suppress(OSError):
                item.path.parent.rmdir()
                item.path.parent.parent.rmdir()
        self.proofs.forget((item.node_id, item.path.name) for item in garbage)


def _folders(directory: Path) -> list[Path]:
    """The folders in it; what is none, as a file of a desktop or a link to nowhere, is nobody's build."""
    return [path for path in directory.iterdir() if path.is_dir()] if directory.is_dir() else []


def running(root: Path, run: str) -> Path:
    """The file that is there as long as a run wants the work of other processes."""
    return root / f"{RUNNING}{run}"


def new_stage(root: Path, node_id: str, key: str) -> Path:
    """A fresh directory on the disk of the build to come; to be published, or discarded. Raises ``StateError``."""
    stage = root / STAGING / temporary_name(f"{node_id}-{key}")
    with io_errors("write", stage):
        try:
            stage.mkdir()
        except FileNotFoundError:
            stage.parent.mkdir(parents=True, exist_ok=True)
            stage.mkdir()
    return stage


def discard(stage: Path) -> None:
    """Take a staged directory away."""
    shutil.rmtree(stage, ignore_errors=True)


def files_in(stage: Path, key: str) -> tuple[File, ...]:
    """The staged files as the build of that key will list them, hashed where they are. Raises ``StateError``."""
    with io_errors("read", stage):
        return tuple(File(f"{key}/{p.name}", p.stat().st_size, digest_file(p)) for p in sorted(stage.iterdir()))


def _signatures(directory: Path, names: Collection[str]) -> dict[str, Signature]:
    found = {name: signature(directory / name) for name in names}
    return {name: one for name, one in found.items() if one is not None}


def _name(file: File) -> str:
    return file.name.rpartition("/")[2]


def _moved(file: File, key: str) -> File:
    return replace(file, name=f"{key}/{_name(file)}")


def _shared(file: Path, place: Path) -> None:
    """Put a file at another place too, by a link where the disk has links."""
    try:
        place.hardlink_to(file)
    except OSError:
        shutil.copyfile(file, place)


def _proved(build: Build) -> bool:
    """Whether all files of a build are there, and hold the bytes that its record is about."""
    return all(_is_whole(build.path / _name(file), file) for file in build.files) if build.path else False


def _is_whole(path: Path, file: File) -> bool:
    try:
        named = file.name == f"{path.parent.name}/{path.name}"
        return named and path.stat().st_size == file.size and digest_file(path) == file.xxh3
    except OSError:
        return False


def _size(path: Path) -> int:
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file()) if path.is_dir() else path.stat().st_size
