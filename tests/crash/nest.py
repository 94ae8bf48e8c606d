"""Commands in processes of their own, forked from one that has imported all they need and has opened no engine.

``python -m crash.nest`` is that process: it takes a request a line on standard input, and answers each with a line.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
IMPORTED = (
    "seeknal_nb.commands", "seeknal_nb.project", "seeknal_nb.views.look", "seeknal_nb.views.past", "seeknal_nb.authoring.export",
    "seeknal_nb.authoring.renaming", "seeknal_nb.authoring.schema", "seeknal_nb.engines.duckdb", "seeknal_nb.engines.frames",
    "seeknal_nb.kinds.sources.source", "seeknal_nb.kinds.rules.rule", "seeknal_nb.kinds.checks.checks",
    "seeknal_nb.kinds.exposures.exposure", "seeknal_nb.workflow.runner", "sqlglot.dialects.duckdb", "filelock", "pandas",
    "pyarrow.pandas_compat", "pyarrow.parquet",
)  # fmt: skip
CLOSED, CUT = "closed", "cut"
"""What a stream may be besides a file: not there at all, or a pipe whose reader has gone."""


@dataclass(frozen=True)
class Blow:
    """What happens to a command at its ``at``-th file event: see ``hurt``.

    Attributes:
        at: Which event, from 1; 0 for none, so that the events are only counted.
        error: The name of an errno, or "" to be killed.
        sticky: Whether all events from there on are refused.
        torn: Whether a write is done by half before.
        later: Seconds after the event at which it is killed.
    """

    at: int = 0
    error: str = ""
    sticky: bool = False
    torn: bool = False
    later: float = 0.0

    def __str__(self) -> str:
        how = [f"by {self.error}" if self.error else "killed", *(["from then on"] if self.sticky else [])]
        how += [*(["in the middle"] if self.torn else []), *([f"{self.later:g} s later"] if self.later else [])]
        return f"{' '.join(how)} at event {self.at}"


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code, minus the signal that killed it, and what it said."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err


@dataclass(frozen=True)
class Started:
    """A command that goes on: its process, and where its streams lie."""

    process: int
    out: Path
    err: Path


class Nest:
    """The process that forks; a command's folder is the directory of the project, its streams lie beside that."""

    def __init__(self) -> None:
        self._begun = 0
        env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)]), "OPENBLAS_NUM_THREADS": "1"}
        words = [sys.executable, "-m", "crash.nest"]
        self._process = subprocess.Popen(words, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def start(self, root: Path, *words: str, blow: Blow | None = None, out: str = "", err: str = "", gone: bool = False) -> Started:
        """Begin a command in that folder.

        Args:
            root: The project.
            words: The command line.
            blow: What is to happen to it.
            out: Another standard output than a file beside the project: a path, ``CLOSED`` or ``CUT``.
            err: Likewise standard error.
            gone: Whether the folder is deleted before the command looks at it.
        """
        self._begun += 1
        said = [f"{root}.{self._begun}.{stream}" for stream in ("out", "err")]
        told = None if blow is None else asdict(blow)
        process = self._ask(root=str(root), words=words, blow=told, out=out or said[0], err=err or said[1], gone=gone)
        return Started(process, *map(Path, said))

    def wait(self, started: Started) -> Ended:
        """Wait until it has ended."""
        code = self._ask(wait=started.process)
        ended = Ended(code, text(started.out), text(started.err))
        for file in (started.out, started.err):
            file.unlink(missing_ok=True)
        return ended

    def run(self, root: Path, *words: str, **how: Any) -> Ended:
        """Run a command to its end."""
        return self.wait(self.start(root, *words, **how))

    def close(self) -> None:
        """End the process that forks."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _ask(self, **request: Any) -> int:
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextlib.contextmanager
def nest() -> Iterator[Nest]:
    """One, to the end of the block."""
    made = Nest()
    try:
        yield made
    finally:
        made.close()


def text(path: Path) -> str:
    """What a file holds; nothing where there is none."""
    return path.read_text("utf-8", "replace") if path.exists() else ""


def _serve() -> None:
    """Answer requests; in a child, run the command and end as the program does."""
    for name in IMPORTED:
        __import__(name)
    gc.collect()
    gc.freeze()
    for line in iter(sys.stdin.readline, ""):
        request = json.loads(line)
        if "wait" in request:
            answer = os.waitstatus_to_exitcode(os.waitpid(request["wait"], 0)[1])
        elif not (answer := os.fork()):
            raise SystemExit(_command(request))
        os.write(1, b"%d\n" % answer)


def _command(request: dict[str, Any]) -> int:
    from crash import hurt
    from seeknal_nb.cli import main

    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, name in ((1, "out"), (2, "err")):
        _redirect(number, request[name])
    os.chdir(request["root"])
    if request["gone"]:
        Path(request["root"]).rmdir()
    if request["blow"] is not None:
        hurt.install(request["root"], Blow(**request["blow"]))
    return main(request["words"])


def _redirect(number: int, to: str) -> None:
    if to == CLOSED:
        os.close(number)
        setattr(sys, "stdout" if number == 1 else "stderr", None)
        return
    if to == CUT:
        reader, writer = os.pipe()
        os.close(reader)
    else:
        writer = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(writer, number)
    os.close(writer)


if __name__ == "__main__":
    _serve()
