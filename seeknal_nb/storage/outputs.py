"""Where builds lie: one directory under its key, published by one rename, proved by its own record.

``<root>/<kind>/<name>/<key>/`` holds data.parquet, build.json and a model's artefacts, or, of a node with partitions, a
build.json that lists the builds of its partitions, which lie beside it. What is not whole yet lies in ``<root>/.staging/``.
Nothing here knows how data is made or when it is stale.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from seeknal_nb.errors import StateError
from seeknal_nb.storage.builds import DATA, OF_SOME, RECORD, Build, File, Part, build_digest, read_record, record_of
from seeknal_nb.storage.files import (
    TEMPORARY,
    Signature,
    content,
    digest_file,
    io_errors,
    link,
    refused,
    signature,
    sync,
    temporary_name,
)
from seeknal_nb.storage.stages import RUNNING, SPILL, STAGING, folders, is_dead, new_stage

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from seeknal_nb.storage.proofs import Proofs

__all__ = ["OutputStore"]

GONE = frozenset({errno.ENOENT, errno.ENOTDIR})


class OutputStore:
    """All builds below one directory, and the memory of which files were proved."""

    def __init__(self, root: Path, proofs: Proofs) -> None:
        self.root, self.proofs = root, proofs
        self._unsynced: list[Path] = []
        self._changing = threading.Lock()  # the partitions of a node are published where they are built

    def prefix(self, node_id: str, key: str) -> str:
        """What the paths of that build's files begin with, as text: a ``Path`` costs more than a stat."""
        kind, _, name = node_id.partition(".")
        return f"{self.root}{os.sep}{kind}{os.sep}{name}{os.sep}{key}{os.sep}"

    def directory(self, node_id: str, key: str) -> Path:
        """Where the build of that key lies, or would."""
        return Path(self.prefix(node_id, key))

    def bring(self, files: Mapping[Path, File]) -> None:
        """Have files of builds here, which somebody is to read: those that may lie elsewhere. Raises ``StateError``."""

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
            files = {file.base: file for file in staged}
            build = self._whole(build, final, stage, files, former)
            (stage / RECORD).write_bytes(record_of(build, seconds))
            self._swap(stage, final)
            self._note(build)
        self._to_sync(*(final / name for name in files), final / RECORD, final, final.parent)
        return build

    def publish_list(self, build: Build, *, seconds: float) -> Build:
        """Make a record the build of its key whose parts are published builds of the same node; raises ``StateError``."""
        final, stage = self.directory(build.node_id, build.key), new_stage(self.root, build.node_id, build.key)
        rows = sum(part.rows for part in build.parts)
        build = replace(build, digest=build_digest(build.schema, build.parts, (), build.by), row_count=rows, path=final)
        with io_errors("write", final):
            (stage / RECORD).write_bytes(record_of(build, seconds))
            self._swap(stage, final)
            self._note(build)
        self._to_sync(final / RECORD, final, final.parent)
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
        if build.lists:
            same = node_id == build.node_id
            parts = build.parts if same else tuple(self._part_again(build.node_id, one, node_id) for one in build.parts)
            return self.publish_list(replace(build, node_id=node_id, key=key, parts=parts), seconds=seconds)
        parts = tuple(replace(p, key=key, files=tuple(_moved(file, key) for file in p.files)) for p in build.parts)
        moved = tuple(_moved(file, key) for file in build.artefacts)
        made = replace(build, node_id=node_id, key=key, path=final, parts=parts, artefacts=moved)
        stage = new_stage(self.root, node_id, key)
        with io_errors("write", final):
            for file in build.files:
                link(build.path / file.base, stage / file.base)
            (stage / RECORD).write_bytes(record_of(made, seconds))
            self._swap(stage, final)
        for one in (made, *([build] if intact else ())):  # a link changes the times of what it leads to
            self._note(one)
        self._to_sync(*(final / file.base for file in made.files), final / RECORD, final, final.parent)
        return made

    def _part_again(self, node_id: str, part: Part, new: str) -> Part:
        found = self.find(node_id, part.key)
        if found is None:
            why, remedy = f"the partition {part.value} of {node_id} is not what it was", f"run {node_id} first"
            raise StateError("a partition is damaged", why=why, remedy=remedy)
        return replace(self.publish_again(found, new, part.key, seconds=0.0).parts[0], value=part.value)

    def _note(self, build: Build) -> None:
        directory = self.directory(build.node_id, build.key)
        if not build.lists:
            self.proofs.note(build.node_id, build.key, self._signed(directory, _names(build)))
            return
        signed = self._signed(directory, [RECORD])  # of the others those under which they were proved
        for part in build.parts:
            known = self.proofs.of(build.node_id, part.key).items()
            found = {f"../{part.key}/{name}": one for name, one in known if name != RECORD}
            if not found:
                return
            signed |= found
        self.proofs.note(build.node_id, build.key, signed)

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

    def _to_sync(self, *paths: Path) -> None:
        with self._changing:
            self._unsynced += paths

    def sync(self) -> None:
        """Bring to the disk what was published since the last time, and write down what was proved."""
        with self._changing:
            paths, self._unsynced = dict.fromkeys(self._unsynced), []
        for path in paths:
            with io_errors("sync", path), contextlib.suppress(FileNotFoundError):  # another build has taken its place
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
        build = self.recorded(node_id, key, strict=strict)
        if build is None or build.node_id != node_id or build.key != key or build.path is None:
            return None
        signatures = self._signed(build.path, _names(build))
        if not verify and self.proofs.of(node_id, key) == signatures:
            return build
        if not all(self._holds(build.path.parent, file) for file in build.files):
            return None
        self.proofs.note(node_id, key, signatures)
        return build

    def _signed(self, directory: Path, names: Collection[str]) -> dict[str, Signature]:
        """By name, the signatures of files as they are now; those that are not there are left out."""
        found = {name: signature(directory / name) for name in names}
        return {name: one for name, one in found.items() if one is not None}

    def _holds(self, directory: Path, file: File) -> bool:
        """Whether a file of a node, whose builds lie in that directory, is there and holds what its record tells."""
        path = directory / file.name
        try:
            named = path.parent.parent == directory and ".." not in path.parts[-2:]
            return named and path.stat().st_size == file.size and digest_file(path) == file.xxh3
        except OSError:
            return False

    def whole(self, build: Build) -> Build:
        """A build of which only the state was asked, with what its record tells besides."""
        if build.path is None or build.parts:
            return build
        return self.recorded(build.node_id, build.key) or build

    def damaged(self, node_id: str, key: str) -> Path:
        """Of a build that is not what it was: its first file that is not, or its record, or the directory where all are."""
        directory, build = self.directory(node_id, key), self.recorded(node_id, key)
        if build is None or build.node_id != node_id or build.key != key:
            return directory / RECORD
        broken = (directory.parent / file.name for file in build.files if not self._holds(directory.parent, file))
        return next(broken, directory)

    def recorded(self, node_id: str, key: str, *, strict: bool = False) -> Build | None:
        """What the record of that build says, unproved; None where there is none that is whole."""
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
        """The newest build of all of the node that is older than the one of that key."""
        this = signature(self.directory(node_id, key) / RECORD)
        found = [(signature(p / RECORD), p.name) for p in self.directory(node_id, key).parent.iterdir() if p.name != key]
        older = sorted(((s[1], name) for s, name in found if s and this and s[1] < this[1]), reverse=True)
        builds = (self.find(node_id, name) for _, name in older)
        whole = (one for one in builds if one is not None and OF_SOME not in one.metadata)
        return next((one for one in whole if one.by is None or one.lists), None)

    def intact(self, node_id: str, key: str) -> bool:
        """Whether nobody has touched the files of a build since they were proved; a stat a file."""
        prefix, known = self.prefix(node_id, key), self.proofs.of(node_id, key)
        return bool(known) and all(signature(prefix + name) == found for name, found in known.items())

    def intact_part(self, build: Build, part: Part) -> bool:
        """The same of one of the partitions that a build lists, as that was proved."""
        prefix, known = self.prefix(build.node_id, build.key), self.proofs.of(build.node_id, build.key)
        names = [f"../{file.name}" for file in part.files]
        return bool(names) and all(name in known and known[name] == signature(prefix + name) for name in names)

    def remove_leftovers(self) -> None:
        """Take away what dead runs staged; only for the holder of the run's lock."""
        spilled = (path for path in folders(self.root.with_name(SPILL)) if is_dead(path))
        for path in (*folders(self.root / STAGING), *spilled):
            shutil.rmtree(path, ignore_errors=True)
        places = (self.root.parent / folder for folder in ("", "state", "runs", "runs/partial"))
        left = (path for folder in places for path in folder.glob(f"{TEMPORARY}*"))
        for path in (*self.root.glob(f"{RUNNING}*"), *left):
            with contextlib.suppress(OSError):  # it is in nobody's way
                path.unlink()


def _moved(file: File, key: str) -> File:
    return replace(file, name=f"{key}/{file.base}")


def _names(build: Build) -> list[str]:
    """The names of its files and of its record, as they go on from its directory."""
    own = f"{build.key}/"
    return [*(f.name.removeprefix(own) if f.name.startswith(own) else f"../{f.name}" for f in build.files), RECORD]
