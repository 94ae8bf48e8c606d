"""The trials: a project is made anew, struck, judged, and run again; each gives the breaches of one blow."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from crash import judge, pipeline
from crash.nest import Blow, Ended, Nest, text

ERRORS = ("ENOSPC", "EIO", "EACCES", "EROFS", "EMFILE")
LATER = (0.0, 0.0005, 0.002, 0.008, 0.03)
"""Seconds between an event and the end: a statement of this pipeline takes a few milliseconds."""
AT_ONCE = 4
LOOKS = (
    "plan", "status", "show paid", "why", "ls", "diff", "graph", "history", "compare", "clean", "parse", "export exported",
    "run --full --dry-run", "rename paid settled --write",
)  # fmt: skip
"""Commands that run nothing."""


@dataclass(frozen=True)
class Trial:
    """One blow: what it is called, and the function that deals it and gives the breaches."""

    name: str
    deal: Callable[[Nest, Path], Iterator[str]]

    def __call__(self, nest: Nest, at: Path) -> list[str]:
        """The breaches, each with the trial's name; the project stays below ``at`` where there are some."""
        root = at / "".join(c if c.isalnum() else "-" for c in self.name)
        found = [f"{self.name}: {breach}" for breach in self.deal(nest, root)]
        if not found:
            shutil.rmtree(root, ignore_errors=True)
            Path(f"{root}.events").unlink(missing_ok=True)
        return found


@dataclass(frozen=True)
class Base:
    """A project before its blow: what it holds then, what it will hold, and which file events lie between, as ``hurt`` names them."""

    template: Path
    before: judge.Picture
    clean: judge.Picture
    events: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.template.name

    @property
    def after(self) -> Path:
        """The project after a run that nothing befell."""
        return self.template.with_name(f"{self.name}-after")

    @classmethod
    def of(cls, nest: Nest, template: Path) -> Base:
        """Run a copy of it."""
        made = cls(template, judge.Picture.of(template), judge.Picture({}, ""))
        shutil.copytree(template, made.after)
        ended = nest.run(made.after, "run", blow=Blow())
        assert ended.code == 0, ended.said
        return replace(made, clean=judge.Picture.of(made.after), events=judge.events(made.after))

    @property
    def numbers(self) -> range:
        """Of the events."""
        return range(1, len(self.events) + 1)

    @property
    def writes(self) -> dict[int, str]:
        """By its number, the name of the file that an event writes."""
        return {at: judge.final(event).name for at, event in enumerate(self.events, 1) if event.startswith("write ")}


def bases(nest: Nest, at: Path) -> tuple[Base, Base]:
    """A project that has never run, and one that has, and was edited since."""
    new, old = (pipeline.write(at / name, pipeline.FILES) for name in ("new", "old"))
    nest.run(old, "run")
    pipeline.edit(old)
    return Base.of(nest, new), Base.of(nest, old)


def evenly(whole: Sequence[Trial], count: int) -> list[Trial]:
    """So many of them, as far from each other as can be."""
    count = min(count, len(whole))
    return [whole[number * len(whole) // count] for number in range(count)]


def kills(of: Sequence[Base], count: int) -> list[Trial]:
    """Killed in the middle of a write, of each sort of file once in any case; at any event, or some time after it.

    Of every fifth the next run is killed, too.
    """
    sorts = {name: at for at, name in reversed(of[-1].writes.items())}.values() if count else ()
    torn = [_struck(base, Blow(at, torn=True), twice=not at % 5) for base in of for at in base.writes if base != of[-1] or at not in sorts]
    whole = [_struck(base, Blow(at, later=later), twice=not at % 5) for later in LATER for base in of for at in base.numbers]
    left = max(count - len(sorts), 0)
    torn = evenly(torn, left // 4)
    return [*(_struck(of[-1], Blow(at, torn=True)) for at in sorts), *torn, *evenly(whole, left - len(torn))]


def errors(of: Sequence[Base], count: int) -> list[Trial]:
    """Refused at every event, once or from then on, by each error."""
    return evenly([
        _struck(base, Blow(at, error, sticky, torn=not at % 2))
        for sticky in (True, False) for error in ERRORS for base in of for at in base.numbers
    ], count)  # fmt: skip


def _struck(base: Base, blow: Blow, *, twice: bool = False) -> Trial:
    return Trial(f"{base.name}, {blow}{', twice' if twice else ''}", partial(_strike, base, blow, twice))


def _strike(base: Base, blow: Blow, twice: bool, nest: Nest, root: Path) -> Iterator[str]:
    shutil.copytree(base.template, root)
    ended = nest.run(root, "run", blow=blow)
    if blow.error:
        yield from judge.told(root, ended, blow.error, judge.struck(root), base.clean)
    elif not blow.later and ended.code >= 0:
        yield f"it was to be killed, and ended with {ended.code}: {ended.said[-300:]}"
    yield from judge.after_the_blow(root, base.before, base.clean)
    if twice:
        again = nest.run(root, "run", blow=Blow(1 + blow.at * 7 % len(base.events)))
        yield from judge.after_the_blow(root, base.before, base.clean)
        ended = Ended(again.code, ended.out + again.out, "")
    yield from judge.after_recovery(root, ended, nest.run(root, "run"), base.clean)


def looks(nest: Nest, base: Base, count: int) -> list[Trial]:
    """Other commands, refused as a run is."""
    found = []
    for words in LOOKS:
        root = base.after.with_name("looked-at")
        shutil.copytree(base.after, root)
        nest.run(root, *words.split(), blow=Blow())
        events = len(judge.events(root))
        found += [(words, Blow(at, error, sticky)) for at in range(1, events + 1) for sticky in (True, False) for error in ERRORS]
        shutil.rmtree(root)
    return evenly([Trial(f"{words}, {blow}", partial(_look, base, words, blow)) for words, blow in found], count)


def _look(base: Base, words: str, blow: Blow, nest: Nest, root: Path) -> Iterator[str]:
    shutil.copytree(base.after, root)
    ended = nest.run(root, *words.split(), blow=blow)
    files, edits = judge.struck(root), "rename" in words
    if all("/target/runs/" in file for file in files):  # records are for readers, and what cannot be read of them is left out
        yield from judge.seemly(ended)
    else:
        yield from judge.told(root, ended, blow.error, files, None if edits else base.clean)
    if not edits:
        yield from judge.after_recovery(root, ended, nest.run(root, "run"), base.clean)


def flips(of: Sequence[Base], count: int) -> list[Trial]:
    """One bit of a file that a run left is another one, with the file's times put back."""
    return [Trial(f"flip {number}", partial(_flip, of[number % len(of)], random.Random(number))) for number in range(count)]


def _flip(base: Base, chance: random.Random, nest: Nest, root: Path) -> Iterator[str]:
    shutil.copytree(base.after, root)
    file = chance.choice([*judge.in_use(root)])
    told, content, stat = file.relative_to(root).as_posix(), bytearray(file.read_bytes()), file.stat()
    at = chance.randrange(len(content))
    content[at] ^= 1 << chance.randrange(8)
    file.write_bytes(content)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    ended = nest.run(root, "run")
    yield from (f"{told}, byte {at}: {breach}" for breach in judge.after_recovery(root, Ended(0, "", ""), ended, base.clean))
    warned = [line for line in ended.out.splitlines() if line.startswith("! ")]
    of_whom = ".".join(told.split("/")[2:4]) if "outputs" in told else "state"
    if told.endswith((".parquet", "execution_state.json", "build.json")) and not any(of_whom in line and (told in line or of_whom == "state") for line in warned):
        yield f"{told}, byte {at}: no warning names it, and whose it is: {ended.out[:600]}"


def starts(count: int) -> list[Trial]:
    """Several runs at once, of one project: each trial is ``AT_ONCE`` of them."""
    return [Trial(f"start {number}", _start) for number in range(-(-count // AT_ONCE))]


def _start(nest: Nest, root: Path) -> Iterator[str]:
    yield from held(nest, pipeline.write(root, pipeline.HELD))


def held(nest: Nest, root: Path) -> Iterator[str]:
    """One of the runs that begin at once does its work; the others end before that, and name it."""
    begun = [nest.start(root, "run") for _ in range(AT_ONCE)]
    while len(runs := [one for one in begun if "RUNNING" in text(one.out)]) + len([one for one in begun if text(one.err)]) < AT_ONCE:
        time.sleep(0.002)  # each runs, or has said why it does not, while the first one works
    (root / "hold").unlink()
    for one in begun:
        ended = nest.wait(one)
        yield from judge.seemly(ended)
        if one not in runs and (ended.code != 75 or f"pid {runs[0].process} " not in ended.err):
            yield f"it ended with {ended.code}: {ended.err}"
        if one in runs and ended.code:
            yield f"the one that ran ended with {ended.code}: {ended.said}"
    if len(runs) != 1:
        yield f"{len(runs)} ran at once"
