"""Builds that others have, too: an object store behind the local folder, not instead of it.

A build that is published here is sent there, then its record, by a request that fails where there is one: the first record
counts, and who comes later takes that one. A record that is found there makes a build of this folder, whose directory holds
that record alone, as ``remote-....json``, until somebody reads its files: then they are pulled, and proved.
What could not be sent, as the network was gone or the process was killed, is sent at the end of the next run.
"""

from __future__ import annotations

import shutil
import threading
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from seeknal_nb.errors import StateError, UsageError
from seeknal_nb.storage.builds import OF_SOME, RECORD, Build
from seeknal_nb.storage.far import LostError, Told, far_name, lost, node_of, place_of, read_told, told_bytes
from seeknal_nb.storage.files import Signature, content, digest, digest_file, io_errors, temporary_name
from seeknal_nb.storage.known import Known
from seeknal_nb.storage.outputs import OutputStore
from seeknal_nb.storage.proofs import Proofs
from seeknal_nb.storage.stages import discard, folders, new_stage

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from seeknal_nb.storage.builds import File, Part
    from seeknal_nb.storage.remote import Remote

T = TypeVar("T")
WEEK = 7
"""Days for which a partition is believed to be in the store, whose bucket may have a rule by which objects expire: a list
that names it would be of no use."""
__all__ = ["SharedStore", "store_of"]


class SharedStore(OutputStore):
    """See the module.

    Args:
        root: As ``OutputStore`` has it.
        proofs: Likewise.
        remote: The store behind it.
    """

    def __init__(self, root: Path, proofs: Proofs, remote: Remote) -> None:
        super().__init__(root, proofs)
        self.remote = remote
        self._again: Collection[str] = ()
        self._sent: set[str] = set()
        self._failed, own = "", digest(str(remote))[:8]
        self.far = far_name(own)
        self._there, self._lost = Known(root / f".shared-{own}"), Known(root / f".lost-{own}")
        self._pulling: dict[Path, threading.Lock] = {}

    def begin(self, again: Collection[str], *, asks: bool) -> None:
        """A run begins that will execute the nodes ``again``, though they have builds; ``asks``: it may execute any.

        What goes wrong with the store from now on is told once, by ``share``, and the run goes on without it.

        Raises:
            StateError, UsageError: The store's library is not there.
        """
        self._again, self._sent, self._failed = again, set(), ""
        self._there.look_again()
        self._lost.look_again()
        if asks:
            self.remote.open()

    def _tried(self, work: Callable[[], T]) -> T | None:
        """What it gives; None where the store fails, or has failed before in this run."""
        if self._failed:
            return None
        try:
            return work()
        except (StateError, UsageError) as error:
            self._failed = f"{error.what}: {error.why}"
            return None

    # What is made here

    def send(self, stage: Path, node_id: str, key: str) -> None:
        """Send what is staged ahead of its publication, from the thread that made it; never raises."""
        if sent := self._tried(lambda: self._send(stage, stage.name, node_id, key)):
            self._sent.add(sent)

    def _send(self, folder: Path, stage: str, node_id: str, key: str) -> str:
        """Send the files in a folder; gives the name of that, there."""
        for file in sorted(folder.iterdir()):
            if file.name != RECORD:
                self.remote.send(file, f"{place_of(node_id, key)}/{stage}/{file.name}")
        return stage

    def publish(
        self, stage: Path, build: Build, staged: Sequence[File], *, seconds: float, former: Callable[[Part], str | None]
    ) -> Build:
        """See ``OutputStore.publish``; where another run was first, the build that it has published."""
        build = super().publish(stage, build, staged, seconds=seconds, former=former)
        return self._winner(build, stage.name) if stage.name in self._sent else build

    def publish_again(self, build: Build, node_id: str, key: str, *, seconds: float) -> Build:
        """See ``OutputStore.publish_again``; its files are brought here first."""
        if build.path is not None and not build.lists:
            self.bring({build.path.parent / file.name: file for file in build.files})
        return super().publish_again(build, node_id, key, seconds=seconds)

    def publish_list(self, build: Build, *, seconds: float) -> Build:
        """Likewise; what it lists is there before it."""
        build = super().publish_list(build, seconds=seconds)
        return self._winner(build, "") if self._parts_are_there(build) else build

    def is_there(self, node_id: str, key: str) -> bool:
        """Whether the store is known to have the build of that key."""
        return place_of(node_id, key) in self._there

    def forget_there(self, places: Iterable[str]) -> None:
        """Know no more that these places of the store have builds."""
        self._there.forget(places)

    def share(self, builds: Iterable[Build]) -> str:
        """Send builds that lie here and are not there yet; gives what a reader of the run should know, or nothing."""
        for build in builds:
            if not self._failed:
                self._share(self.whole(build))
        return f"builds are not shared yet, the next run will try again: {self._failed}" if self._failed else ""

    def _share(self, build: Build) -> None:
        """Send a build of this folder; where there is a record already, both are good."""
        place = place_of(build.node_id, build.key)
        far = self._far(build.node_id, build.key) is not None
        if far or (self._tried(lambda: self.remote.size(f"{place}/{RECORD}")) or 0) > 0:
            self._there.add(place)
            return
        if not (self.directory(build.node_id, build.key) / RECORD).exists():  # it was lost since
            return
        if build.lists:
            if self._parts_are_there(build):
                self._tried(lambda: self._claim(build, ""))
            return
        stage = temporary_name(build.key)
        folder = self.directory(build.node_id, build.key)
        if self._tried(lambda: self._send(folder, stage, build.node_id, build.key)):
            self._tried(lambda: self._claim(build, stage))

    def _parts_are_there(self, build: Build) -> bool:
        """Send what a build lists, as far as it is not there; gives whether all of it is. That of some is nobody else's."""
        if self._failed or OF_SOME in build.metadata:
            return False
        places = {part.key: place_of(build.node_id, part.key) for part in build.parts}
        for key, place in places.items():
            if not self._there.since(place, days=WEEK) and (found := self.find(build.node_id, key)) is not None:
                self._share(found)
        return all(self._there.since(place, days=WEEK) for place in places.values())

    def _winner(self, build: Build, stage: str) -> Build:
        """The build of this key that was published first."""
        counts = self._tried(lambda: self._claim(build, stage))
        found = None if counts is None else read_told(counts, self.directory(build.node_id, build.key))
        if counts is None or found is None or found.build.digest == build.digest:
            return build
        self._put_far(found.build, counts)
        return found.build

    def _claim(self, build: Build, stage: str) -> bytes:
        """Claim that a build, whose files were sent, is the one of its key; gives the record that counts."""
        node_id, key, at = build.node_id, build.key, f"{place_of(build.node_id, build.key)}/{RECORD}"
        directory = self.directory(node_id, key)
        with io_errors("read", directory):
            record = content(directory / RECORD)
        own = told_bytes(stage, record)
        counts = self.remote.claim(at, own, replace=node_id in self._again)
        if read_told(counts, directory) is None or digest(counts) in self._lost:  # somebody has cut it, or its files
            counts = self.remote.claim(at, own, replace=True)
        if counts != own and stage:
            self.remote.remove(f"{place_of(node_id, key)}/{stage}")
        self._there.add(place_of(node_id, key))
        return counts

    # What others have made

    def fetch(self, node_id: str, key: str) -> Build | None:
        """The build of that key that others have made, whose files may not be here; None where there is none."""
        return self._tried(partial(self._fetched, node_id, key))

    def _fetched(self, node_id: str, key: str) -> Build | None:
        data = self.remote.read(f"{place_of(node_id, key)}/{RECORD}")
        found = None if data is None else read_told(data, self.directory(node_id, key))
        if data is None or found is None or digest(data) in self._lost:
            return None
        self._put_far(found.build, data)
        self._there.add(place_of(node_id, key))
        return found.build

    def bring(self, files: Mapping[Path, File]) -> None:
        """See ``OutputStore.bring``. What is lost is forgotten with all else of its node that is: it will be built anew."""
        missing: dict[Path, list[Path]] = {}
        for path in files:
            if not path.exists():
                missing.setdefault(path.parent, []).append(path)
        gone: dict[Path, StateError] = {}
        for directory, wanted in missing.items():
            with self._pulling.setdefault(directory, threading.Lock()):
                if not all(path.exists() for path in wanted):
                    try:
                        self._pull(directory, [files[path] for path in wanted])
                    except LostError as error:
                        gone[directory] = error
        for node in dict.fromkeys(directory.parent for directory in gone):
            self._forget_lists(node, {directory.name for directory in gone})
            self.forget_lost(found for path in folders(node) if (found := self._far(node_of(node), path.name)))
        if gone:
            raise next(iter(gone.values()))

    def _forget_lists(self, node: Path, keys: Collection[str]) -> None:
        """Forget the lists of a node that list a part which is lost, or is another one by now."""
        for path in folders(node):
            found = self._far(node_of(node), path.name)
            if found is not None and found.lists and any(part.key in keys for part in found.parts):
                self._forget(node_of(node), path.name)

    def forget_lost(self, builds: Iterable[Build]) -> None:
        """Forget those of these builds whose files are neither here nor there any more."""
        for build in builds:
            told = self._far_told(build.node_id, build.key)
            if told is not None and self._is_lost(build, told.stage):
                self._forget(build.node_id, build.key)

    def _is_lost(self, build: Build, stage: str) -> bool:
        """Whether the store says that something of a build is not there; where it says nothing, it is not lost."""
        if build.lists:
            gone = [part.key for part in build.parts if self._is_lost_part(build.node_id, part.key)]
            return bool(gone)  # all of them are forgotten
        above = f"{place_of(build.node_id, build.key)}/{stage}"
        sizes = ((file.size, self._tried(partial(self.remote.size, f"{above}/{file.base}"))) for file in build.files)
        return any(found is not None and found != size for size, found in sizes)

    def _is_lost_part(self, node_id: str, key: str) -> bool:
        """Whether a part that a list of the store's lists is neither here nor there; then its record is forgotten, too."""
        if (self.directory(node_id, key) / RECORD).exists():
            return False
        far = self.directory(node_id, key) / self.far
        data = content(far) if far.exists() else self._tried(partial(self.remote.read, f"{place_of(node_id, key)}/{RECORD}"))
        told = None if data is None else read_told(data, far.parent)
        gone = not self._failed and (told is None or self._is_lost(told.build, told.stage))
        if gone:
            self._forget(node_id, key, data)
        return gone

    def _pull(self, directory: Path, wanted: Sequence[File]) -> None:
        """Pull the files of a build, among them those that are wanted; raises ``LostError`` where they are not there."""
        node_id, key = node_of(directory.parent), directory.name
        if self._far(node_id, key) is None and self._fetched(node_id, key) is None:
            raise lost(node_id, "its files are neither here nor in the shared store")
        told = self._far_told(node_id, key)
        if told is None or not {*told.build.files}.issuperset(wanted):
            raise lost(node_id, "it was built anew since, or is damaged")
        stage, build = new_stage(self.root, node_id, key), told.build
        try:
            for file in build.files:
                self._pull_file(file, f"{place_of(node_id, key)}/{told.stage}", stage)
            with io_errors("write", directory):
                (stage / RECORD).write_bytes(told.record)
                self._swap(stage, directory)
        except FileNotFoundError as error:
            self._forget(node_id, key)
            raise lost(node_id, str(error)) from error
        finally:
            discard(stage)
        self._note(build)
        files = (directory.parent / file.name for file in build.files)
        self._to_sync(*files, directory / RECORD, directory, directory.parent)

    def _pull_file(self, file: File, there: str, stage: Path) -> None:
        """Pull one, and prove it; raises ``FileNotFoundError`` where it is not what the record says, twice."""
        name = file.base
        here = stage / name
        for _ in range(2):
            self.remote.pull(f"{there}/{name}", here)
            if here.stat().st_size == file.size and digest_file(here) == file.xxh3:
                return
        raise FileNotFoundError(f"{self.remote}/{there}/{name} is damaged")

    def _forget(self, node_id: str, key: str, record: bytes | None = None) -> None:
        """A record whose files are not there is of no use to anybody; one that has taken its place stays."""
        at, far = f"{place_of(node_id, key)}/{RECORD}", self.directory(node_id, key) / self.far
        if record is None and far.exists():
            record = content(far)
        there = self._tried(partial(self.remote.read, at))
        if there is not None and (there == record or read_told(there, far.parent) is None):
            self._lost.add(digest(there))
            self.remote.remove(at)
        far.unlink(missing_ok=True)
        self._there.forget([place_of(node_id, key)])

    def _put_far(self, build: Build, told: bytes) -> None:
        """Make a record of the store's the build of its key here; its files are there."""
        node_id, key = build.node_id, build.key
        final, stage = self.directory(node_id, key), new_stage(self.root, node_id, key)
        with io_errors("write", final):
            (stage / self.far).write_bytes(told)
            self._swap(stage, final)
        for part in build.parts if build.lists else ():
            self._prove_part(node_id, part, verify=False)
        self.proofs.note(node_id, key, self._signed(final, self._far_names(build)))
        self._to_sync(final / self.far, final, final.parent)

    def _far_names(self, build: Build) -> list[str]:
        """The names of what stands for a build whose record is the store's: of a list its parts, too, which may be here."""
        return [self.far, *(f"../{file.name}" for file in build.files if build.lists)]

    def _far_told(self, node_id: str, key: str) -> Told | None:
        """What the store's record says of the build of that key, whose files are not here."""
        directory = self.directory(node_id, key)
        try:
            return read_told(content(directory / self.far), directory)
        except OSError:
            return None

    def _far(self, node_id: str, key: str) -> Build | None:
        told = self._far_told(node_id, key)
        return None if told is None else told.build

    def find(self, node_id: str, key: str, *, verify: bool = False, strict: bool = False) -> Build | None:
        """See ``OutputStore.find``; of files that are not here the store's record stands for them."""
        if (found := self._far(node_id, key)) is None:
            return super().find(node_id, key, verify=verify, strict=strict)
        directory, names = self.directory(node_id, key), self._far_names(found)
        if verify or self.proofs.of(node_id, key) != self._signed(directory, names):
            for part in found.parts if found.lists else ():
                self._prove_part(node_id, part, verify=verify)
            self.proofs.note(node_id, key, self._signed(directory, names))
        return found

    def _prove_part(self, node_id: str, part: Part, *, verify: bool) -> None:
        """A part that lies here and is not what the store's list says is pulled again by who reads it."""
        directory = self.directory(node_id, part.key)
        if (directory / RECORD).exists():
            found = super().find(node_id, part.key, verify=verify)
            if found is None or [one.digest for one in found.parts] != [part.digest]:
                with io_errors("remove", directory):
                    shutil.rmtree(directory)

    def recorded(self, node_id: str, key: str, *, strict: bool = False) -> Build | None:
        """See ``OutputStore.recorded``."""
        found = super().recorded(node_id, key, strict=strict)
        return self._far(node_id, key) if found is None else found

    def _signed(self, directory: Path, names: Collection[str]) -> dict[str, Signature]:
        """A record of the store's stands for the files that are not here."""
        found = super()._signed(directory, names)
        missing = dict.fromkeys(
            f"{name.rpartition('/')[0]}/{self.far}" for name in names if name not in found and "/" in name
        )
        return {**found, **super()._signed(directory, missing)}

    def _holds(self, directory: Path, file: File) -> bool:
        """Likewise."""
        if super()._holds(directory, file):
            return True
        far = None if (directory / file.name).exists() else self._far(node_of(directory), file.name.rpartition("/")[0])
        return far is not None and file in far.files


def store_of(root: Path, proofs: Proofs, remote: Remote | None) -> OutputStore:
    """The builds below a folder, with the store that lies behind it, if one does."""
    if remote is None:
        return OutputStore(root, proofs)
    own = digest(str(remote))[:8]  # other files stand for builds there
    return SharedStore(root, Proofs(proofs.file.with_name(f"{proofs.file.name}.{own}")), remote)
