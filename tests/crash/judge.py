"""What must be true after a blow and after the run that follows it. Gives breaches as texts; knows no blow but by what it did."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from crash.nest import Ended, text
from seeknal_nb.errors import SeeknalError
from seeknal_nb.storage.outputs import OutputStore
from seeknal_nb.storage.proofs import Proofs
from seeknal_nb.workflow.jsonstate import JsonState
from seeknal_nb.workflow.ledger import Remembered, recall

DELIVERED = "out/report.csv"
SPARE = ("proven.json", "readings.json")
"""What proves itself, and may be lost: the next run decides, and reads, again."""
TEMPORARY = re.compile(r"\.tmp-(.+?)-\d+-[0-9a-f]{12}")
STAGED = re.compile(r"/\.staging/(\w+)\.(\w+)-([0-9a-f]{32})")
COMPLETED = re.compile(r"^✓ (\w+) completed", re.MULTILINE)
RAN = re.compile(r"^ℹ \d+/\d+: \w+\.(\w+) \[RUNNING\]", re.MULTILINE)
UNSEEMLY = ("Traceback", "Exception ignored", "During handling of", "lost sys.stderr")


@dataclass(frozen=True)
class Picture:
    """What a project holds: by node the digest of its table and how many rows it has; and what was delivered."""

    builds: dict[str, tuple[str | None, int | None]]
    delivered: str

    @classmethod
    def of(cls, root: Path) -> Picture:
        states = remembered(root).states
        return cls({i: (s.digest, s.row_count) for i, s in sorted(states.items()) if s.good}, text(root / DELIVERED))


def remembered(root: Path) -> Remembered:
    """The state as the next run reads it."""
    return recall(JsonState(root / "target/state"), root.resolve())


def after_the_blow(root: Path, before: Picture, clean: Picture) -> Iterator[str]:
    """State is readable, and says of each node what was or what will be; nothing is in part under a final name."""
    try:
        found = remembered(root)
    except (SeeknalError, OSError, ValueError) as error:
        yield f"state cannot be read: {error}"
    else:
        yield from (f"a broken entry: {node_id}" for node_id in found.broken)
        for node_id, state in found.states.items():
            if state.good and (state.digest, state.row_count) not in (before.builds.get(node_id), clean.builds.get(node_id)):
                yield f"the state of {node_id} is neither the old nor the new one"
    yield from in_part(root)
    if text(root / DELIVERED) not in (before.delivered, clean.delivered):
        yield "what was delivered is in part"


def in_use(root: Path) -> Iterator[Path]:
    """What the next run goes by: the state, what was proved, the builds that are up to date, and what was delivered."""
    yield from (root / "target/state/execution_state.json", root / "target/state/proofs", *(root / "target/state" / name for name in SPARE), root / DELIVERED)
    for state in remembered(root).states.values():
        yield from _files(root / "target/outputs" / state.output) if state.output else ()


def _files(build: Path) -> Iterator[Path]:
    """Those of a build, and the tables that it lists."""
    yield from build.iterdir()
    if not (build / "data.parquet").exists():
        for _, key, *_ in json.loads((build / "build.json").read_text())["parts"]:
            yield build.parent / key / "data.parquet"


def in_part(root: Path) -> Iterator[str]:
    """Files under a final name that are not whole: each build is what its record says, each document can be read."""
    store = OutputStore(root / "target/outputs", Proofs(root / "nothing"))
    for path in sorted(store.root.glob("[!.]*/*/[!.]*")):
        if path.is_dir() and store.find(f"{path.parent.parent.name}.{path.parent.name}", path.name, verify=True) is None:
            yield f"a build in part: {path.relative_to(root)}"
    for path in (root / "target").rglob("*.json"):
        if path.name not in SPARE and not any(part.startswith(".tmp-") for part in path.parts) and not _is_json(path):
            yield f"a document in part: {path.relative_to(root)}"


def after_recovery(root: Path, struck: Ended, recovered: Ended, clean: Picture) -> Iterator[str]:
    """The next run comes out as a run that nothing befell, executes nothing that was acknowledged, and leaves no temporary."""
    if recovered.code:
        yield f"the next run ended with {recovered.code}: {recovered.said[-300:]}"
    elif Picture.of(root) != clean:
        yield "the next run comes out otherwise than a clean one"
    again = set(COMPLETED.findall(struck.out)) & set(RAN.findall(recovered.out))
    yield from (f"acknowledged, and run again: {name}" for name in sorted(again))
    yield from (f"left over: {path.relative_to(root)}" for top in ("target", "out") for path in (root / top).rglob(".tmp-*"))
    yield from in_part(root)
    yield from seemly(recovered)


def told(root: Path, ended: Ended, error: str, files: list[str], clean: Picture | None) -> Iterator[str]:
    """An error is a message that names one of the files that were struck, and what the system said; or it did no harm at all."""
    yield from seemly(ended)
    if ended.code == 0 and clean is not None and Picture.of(root) != clean:
        yield "it ended well, and did not do its work"
    if ended.code == 0:
        return
    if ended.code not in (1, 2):
        yield f"it ended with {ended.code}"
    if os.strerror(getattr(errno, error)) not in ended.said:
        yield f"the message does not say what the system said: {ended.said[-300:]}"
    if not any(name in ended.said for path in files for name in _names(root, path)):
        yield f"the message does not name the file: {ended.said[-300:]}"


def events(root: Path) -> tuple[str, ...]:
    """What the last command that was watched did to files, an event a text: its name, and the file."""
    return tuple(line.partition(" ")[2] for line in text(Path(f"{root}.events")).splitlines())


def struck(root: Path) -> list[str]:
    """The files of the events that were hit."""
    return [event.removesuffix(" HIT").partition(" ")[2] for event in events(root) if event.endswith(" HIT")]


def final(event: str) -> Path:
    """The file of an event, by the name that it will have."""
    return Path(STAGED.sub(r"/\1/\2/\3", TEMPORARY.sub(r"\1", event.partition(" ")[2])))


def unsynced(root: Path) -> Iterator[str]:
    """What a power cut could take after the last command: what has its final name before its bytes are on the disk.

    Builds are synced in groups, before the snapshot of the state that names them; who holds a lock need not survive.
    """
    synced, builds = set[Path](), list[Path]()
    for event in events(root):
        name, path = event.partition(" ")[0], final(event)
        if name == "fsync":
            synced.add(path)
        elif name == "write":
            synced.discard(path)
        elif name == "os.rename" and "outputs" in path.parts:
            builds += [path] if path.match("target/outputs/[!.]*/*/*") and path.is_dir() else []
        elif name == "os.rename" and path.name != "delivery" and "owner" not in path.name and path.name not in SPARE and path not in synced:
            yield f"renamed before it was synced: {path.relative_to(root)}"
        if name == "os.rename" and path.name == "execution_state.json":
            late = [one for build in builds for one in (build, *build.iterdir()) if one not in synced]
            yield from (f"not synced before the state was: {one.relative_to(root)}" for one in late)


def _names(root: Path, path: str) -> list[str]:
    """What a message may call a file: it, or the folder that it is part of; by its final name, too."""
    called = [Path(path), final(f"- {path}")]
    below = [one for file in called for one in (file, file.parent) if root in one.parents]
    return [one.relative_to(root).as_posix() for one in below]


def seemly(ended: Ended) -> Iterator[str]:
    """Nothing of Python's own is said."""
    yield from (f"{word} in what it said: {ended.said[-600:]}" for word in UNSEEMLY if word in ended.said)


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True
