"""Builds that others have, too: an object store behind the local folder, not instead of it.

A build that is published here is sent there, then its record, by a request that fails where there is one: the first record
counts, and who comes later takes that one. A record that is found there makes a build of this folder, whose directory holds
that record alone, as ``remote.json``, until somebody reads its files: then they are pulled, and proved.
What could not be sent, as the network was gone or the process was killed, is sent at the end of the next run.
"""

from __future__ import annotations

import json
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from seeknal_nb.errors import StateError
from seeknal_nb.storage.builds import OF_SOME, RECORD, Build, read_record
from seeknal_nb.storage.files import Signature, content, digest_file, io_errors, temporary_name
from seeknal_nb.storage.garbage import Garbage
from seeknal_nb.storage.outputs import OutputStore, discard, new_stage

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from seeknal_nb.storage.builds import File, Part
    from seeknal_nb.storage.proofs import Proofs
    from seeknal_nb.storage.remote import Remote

T = TypeVar("T")
__all__ = ["SharedStore", "store_of"]

FAR = "remote.json"
"""In a build's directory: what the store's record says, as long as the files are not here."""
SHARED = ".shared"
"""In the folder of all builds, a line for each that is known to be in the store."""


class SharedStore(OutputStore):
    """See the module.

    Args:
        root: As ``OutputStore`` has it.
        proofs: Likewise.
        remote: The store behind it.
    """

    has_others = True

    def __init__(self, root: Path, proofs: Proofs, remote: Remote) -> None:
        super().__init__(root, proofs)
        self.remote = remote
        self._again: Collection[str] = ()
        self._sent: set[str] = set()
        self._failed = ""
        self._known: dict[str, None] | None = None
        self._lock, self._pulling = threading.Lock(), dict[Path, threading.Lock]()

    def begin(self, again: Collection[str], *, asks: bool) -> None:
        """See ``OutputStore.begin``. What goes wrong with the store is told once a run, which goes on without it.

        Raises:
            StateError: Its library is not there.
        """
        self._again, self._sent, self._failed = again, set(), ""
        if asks:
            self.remote.open()

    def _tried(self, work: Callable[[], T]) -> T | None:
        """What it gives; None where the store fails, or has failed before in this run."""
        if self._failed:
            return None
        try:
            return work()
        except StateError as error:
            self._failed = f"{error.what}: {error.why}"
            return None

    # What is made here

    def send(self, stage: Path, node_id: str, key: str) -> None:
        """See ``OutputStore.send``."""
        if self._tried(lambda: self._send(stage, stage.name, node_id, key)):
            self._sent.add(stage.name)

    def _send(self, folder: Path, stage: str, node_id: str, key: str) -> bool:
        for file in sorted(folder.iterdir()):
            if file.name != RECORD:
                self.remote.send(file, f"{_at(node_id, key)}/{stage}/{file.name}")
        return True

    def publish(
        self, stage: Path, build: Build, staged: Sequence[File], *, seconds: float, former: Callable[[Part], str | None]
    ) -> Build:
        """See ``OutputStore.publish``; where another run was first, the build that it has published."""
        build = super().publish(stage, build, staged, seconds=seconds, former=former)
        return self._first(build, stage.name) if stage.name in self._sent else build

    def publish_list(self, build: Build, *, seconds: float) -> Build:
        """Likewise; what it lists is there before it."""
        build = super().publish_list(build, seconds=seconds)
        return self._first(build, "") if self._parts_are_there(build) else build

    def share(self, builds: Iterable[Build]) -> str:
        """See ``OutputStore.share``."""
        for build in builds:
            if not self._failed:
                self._share(self.whole(build))
        return f"builds are not shared yet, the next run will try again: {self._failed}" if self._failed else ""

    def _share(self, build: Build) -> None:
        """Send a build of this folder; where there is a record already, both are good."""
        if build.lists:
            if self._parts_are_there(build):
                self._tried(lambda: self._counting(build, ""))
            return
        stage = temporary_name(build.key)
        folder = self.directory(build.node_id, build.key)
        if self._tried(lambda: self._send(folder, stage, build.node_id, build.key)):
            self._tried(lambda: self._counting(build, stage))

    def _parts_are_there(self, build: Build) -> bool:
        """Send what a build lists, as far as it is not there; gives whether all of it is. That of some is nobody else's."""
        if self._failed or OF_SOME in build.metadata:
            return False
        for part in build.parts:
            if not self.is_there(build.node_id, part.key) and (found := self.find(build.node_id, part.key)) is not None:
                self._share(found)
        return all(self.is_there(build.node_id, part.key) for part in build.parts)

    def _first(self, build: Build, stage: str) -> Build:
        """The build of this key that was published first."""
        counts = self._tried(lambda: self._counting(build, stage))
        found = None if counts is None else self._told(counts, build.node_id, build.key)
        if counts is None or found is None or found[1].digest == build.digest:
            return build
        self._put_far(build.node_id, build.key, counts)
        return found[1]

    def _counting(self, build: Build, stage: str) -> bytes:
        """Claim that a build, whose files were sent, is the one of its key; gives the record that counts."""
        node_id, key, at = build.node_id, build.key, f"{_at(build.node_id, build.key)}/{RECORD}"
        directory = self.directory(node_id, key)
        with io_errors("read", directory):
            record = content(directory / RECORD).decode()
        own = json.dumps({"stage": stage, "record": record}).encode()
        counts = self.remote.claim(at, own, replace=node_id in self._again)
        if self._told(counts, node_id, key) is None:  # somebody has cut it
            counts = self.remote.claim(at, own, replace=True)
        if counts != own and stage:
            self.remote.remove(f"{_at(node_id, key)}/{stage}")
        self._note_there(node_id, key)
        return counts

    # What others have made

    def fetch(self, node_id: str, key: str) -> Build | None:
        """See ``OutputStore.fetch``."""
        data = self._tried(lambda: self.remote.read(f"{_at(node_id, key)}/{RECORD}"))
        found = None if data is None else self._told(data, node_id, key)
        if data is None or found is None:
            return None
        self._put_far(node_id, key, data)
        self._note_there(node_id, key)
        return found[1]

    def bring(self, files: Iterable[Path]) -> None:
        """See ``OutputStore.bring``."""
        for directory in dict.fromkeys(file.parent for file in files if not file.exists()):
            with self._pulling.setdefault(directory, threading.Lock()):
                if not (directory / RECORD).exists():
                    self._pull(directory)

    def forget_lost(self, builds: Iterable[Build]) -> None:
        """See ``OutputStore.forget_lost``."""
        for build in builds:
            directory = self.directory(build.node_id, build.key)
            told = self._told(content(directory / FAR), build.node_id, build.key) if (directory / FAR).exists() else None
            if told is not None and self._is_lost(build, told[0]):
                self._forget(build.node_id, build.key)

    def _told(self, data: bytes, node_id: str, key: str) -> tuple[str, Build, bytes] | None:
        """What a record of the store's says: where the files lie there, the build, and its own record.

        None where it is not whole, or is that of another build.
        """
        try:
            told = json.loads(data)
            stage, record = str(told["stage"]), str(told["record"]).encode()
            build = read_record(record, self.directory(node_id, key))
        except (ValueError, TypeError, KeyError, RecursionError):
            return None
        whole = build.lists or all(file.name == f"{key}/{_base(file)}" for file in build.files)
        same = whole and (build.node_id, build.key) == (node_id, key) and "/" not in stage
        return (stage, build, record) if same else None

    def _is_lost(self, build: Build, stage: str) -> bool:
        """Whether the store says that something of a build is not there; where it says nothing, it is not lost."""
        at = f"{_at(build.node_id, build.key)}/{stage}"
        records = [f"{_at(build.node_id, part.key)}/{RECORD}" for part in build.parts if part.key != build.key]
        names = records or [f"{at}/{_base(file)}" for file in build.files]
        return any(self._tried(partial(self.remote.has, name)) is False for name in names)

    def _pull(self, directory: Path) -> None:
        node_id, key = f"{directory.parent.parent.name}.{directory.parent.name}", directory.name
        if self._far(node_id, key) is None and self.fetch(node_id, key) is None:
            raise self._lost(node_id, "its files are neither here nor in the shared store")
        told = self._told(content(directory / FAR), node_id, key)
        if told is None:
            raise self._lost(node_id, f"{directory / FAR} is damaged")
        stage, build = new_stage(self.root, node_id, key), told[1]
        try:
            for file in build.files:
                self._pull_file(file, f"{_at(node_id, key)}/{told[0]}", stage)
            with io_errors("write", directory):
                (stage / RECORD).write_bytes(told[2])
                self._swap(stage, directory)
        except FileNotFoundError as error:
            self._forget(node_id, key)
            raise self._lost(node_id, str(error)) from error
        finally:
            discard(stage)
        self._note(build)
        files = (directory.parent / file.name for file in build.files)
        self._to_sync(*files, directory / RECORD, directory, directory.parent)

    def _pull_file(self, file: File, there: str, stage: Path) -> None:
        """Pull one, and prove it; raises ``FileNotFoundError`` where it is not what the record says."""
        name = _base(file)
        here = stage / name
        self.remote.pull(f"{there}/{name}", here)
        if here.stat().st_size != file.size or digest_file(here) != file.xxh3:
            raise FileNotFoundError(f"{self.remote}/{there}/{name} is damaged")

    def _forget(self, node_id: str, key: str) -> None:
        """A record whose files are not there is of no use to anybody."""
        self.remote.remove(f"{_at(node_id, key)}/{RECORD}")
        (self.directory(node_id, key) / FAR).unlink(missing_ok=True)

    def _lost(self, node_id: str, why: str) -> StateError:
        return StateError(f"the build of {node_id} cannot be read", why=why, remedy=f"run again: {node_id} is built anew")

    def _put_far(self, node_id: str, key: str, told: bytes) -> None:
        """Make a record of the store's the build of its key here; its files are there."""
        final, stage = self.directory(node_id, key), new_stage(self.root, node_id, key)
        with io_errors("write", final):
            (stage / FAR).write_bytes(told)
            self._swap(stage, final)
        self.proofs.note(node_id, key, self._signed(final, [FAR]))
        self._to_sync(final / FAR, final, final.parent)

    def _far(self, node_id: str, key: str) -> Build | None:
        """The build of that key whose files are not here."""
        try:
            told = self._told(content(self.directory(node_id, key) / FAR), node_id, key)
        except OSError:
            return None
        return None if told is None else told[1]

    def find(self, node_id: str, key: str, *, verify: bool = False, strict: bool = False) -> Build | None:
        """See ``OutputStore.find``; of a build whose files are not here its record stands for them."""
        if (found := self._far(node_id, key)) is None:
            return super().find(node_id, key, verify=verify, strict=strict)
        self.proofs.note(node_id, key, self._signed(self.directory(node_id, key), [FAR]))
        return found

    def recorded(self, node_id: str, key: str, *, strict: bool = False) -> Build | None:
        """See ``OutputStore.recorded``."""
        found = super().recorded(node_id, key, strict=strict)
        return self._far(node_id, key) if found is None else found

    def _signed(self, directory: Path, names: Collection[str]) -> dict[str, Signature]:
        """A record of the store's stands for the files that are not here."""
        found = super()._signed(directory, names)
        missing = dict.fromkeys(f"{name.rpartition('/')[0]}/{FAR}" for name in names if name not in found and "/" in name)
        return {**found, **super()._signed(directory, missing)}

    def _holds(self, directory: Path, file: File) -> bool:
        """Likewise."""
        if super()._holds(directory, file):
            return True
        far = None if (directory / file.name).exists() else self._far(_node_of(directory), file.name.rpartition("/")[0])
        return far is not None and file in far.files

    # What nobody needs there

    def spare(self, needed: Mapping[str, Collection[str]], since: float) -> list[Garbage]:
        """The store's builds that are none of the ``needed``, by node id and key, nor listed by these, and older.

        Args:
            needed: Keys by node id.
            since: Seconds since the epoch: what was written then or later stays.

        Raises:
            StateError: The store cannot be read.
        """
        keep = {_at(node_id, key) for node_id, keys in needed.items() for key in keys}
        for node_id, key in [(node_id, key) for node_id, keys in needed.items() for key in keys]:
            data = self.remote.read(f"{_at(node_id, key)}/{RECORD}")
            told = None if data is None else self._told(data, node_id, key)
            keep |= {_at(node_id, part.key) for part in told[1].parts} if told is not None else set()
        found: dict[str, tuple[float, int]] = {}
        for name, (written, size) in self.remote.held().items():
            at = "/".join(name.split("/")[:3])
            before = found.get(at, (0.0, 0))
            found[at] = max(before[0], written), before[1] + size
        why = "no entry of the state names it"
        gone = [Garbage(Path(at), size, why, when) for at, (when, size) in found.items() if at not in keep and when < since]
        return sorted(gone, key=lambda one: one.at)

    def remove_spare(self, found: Collection[Garbage]) -> None:
        """Remove from the store what ``spare`` listed, the records first: a build whose record is there is whole."""
        for one in found:
            at = one.path.as_posix()
            self.remote.remove(f"{at}/{RECORD}")
            self.remote.remove(at)
        with self._lock, io_errors("write", self.root / SHARED):
            (self.root / SHARED).unlink(missing_ok=True)
            self._known = None

    # What is known to be there

    def is_there(self, node_id: str, key: str) -> bool:
        """See ``OutputStore.is_there``."""
        with self._lock:
            if self._known is None:
                path = self.root / SHARED
                with io_errors("read", path):
                    self._known = dict.fromkeys(content(path).decode().splitlines()) if path.exists() else {}
            return _at(node_id, key) in self._known

    def _note_there(self, node_id: str, key: str) -> None:
        if not self.is_there(node_id, key) and self._known is not None:
            with self._lock, io_errors("write", self.root / SHARED):
                self._known[_at(node_id, key)] = None
                self.root.mkdir(parents=True, exist_ok=True)
                with (self.root / SHARED).open("a") as file:
                    file.write(f"{_at(node_id, key)}\n")


def store_of(root: Path, proofs: Proofs, remote: Remote | None) -> OutputStore:
    """The builds below a folder, with the store that lies behind it, if one does."""
    return OutputStore(root, proofs) if remote is None else SharedStore(root, proofs, remote)


def _at(node_id: str, key: str) -> str:
    """Where the build of that key lies in the store."""
    kind, _, name = node_id.partition(".")
    return f"{kind}/{name}/{key}"


def _base(file: File) -> str:
    return file.name.rpartition("/")[2]


def _node_of(directory: Path) -> str:
    """Of which node the builds in that folder are."""
    return f"{directory.parent.name}.{directory.name}"
