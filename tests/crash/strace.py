"""Errors of system calls, injected by strace: those of DuckDB are among them, and those of standard output."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from crash import judge
from crash.nest import TESTS, Ended, Nest, text
from crash.trials import Base, Trial, evenly

CALLS = {"write": 40, "fsync": 30, "rename": 16, "mkdir": 40, "pwrite64": 4, "ftruncate": 6}
"""How many a thread makes in a run of the pipeline."""
ERRORS = ("EIO", "ENOSPC", "EROFS")
INJECTED = re.compile(r'[<"]([^<>"\n]+)[>"].* \(INJECTED\)$', re.MULTILINE)


def errors(of: Sequence[Base], count: int) -> list[Trial]:
    """The ``n``-th call of each thread is refused, or all from there on; none where there is no strace."""
    if shutil.which("strace") is None:
        return []
    return evenly([
        Trial(f"{base.name}, {call} {number}{'+' if sticky else ''} by {error}", partial(_strike, base, call, number, sticky, error))
        for sticky in (True, False) for base in of for call, most in CALLS.items() for number in range(1, most + 1) for error in ERRORS
    ], count)  # fmt: skip


def _strike(base: Base, call: str, number: int, sticky: bool, error: str, nest: Nest, root: Path) -> Iterator[str]:
    shutil.copytree(base.template, root)
    log = Path(f"{root}.strace")
    inject = f"inject={call}:error={error}:when={number}{'+' if sticky else ''}"
    words = ["strace", "-ff", "-qq", "-y", "-s", "4096", "-o", str(log), "-e", f"trace={call}", "-e", inject, sys.executable, "-m", "seeknal_nb", "run"]
    env = {**os.environ, "PYTHONPATH": str(TESTS.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    out, err = (Path(f"{root}.{stream}") for stream in ("out", "err"))
    with out.open("wb") as stdout, err.open("wb") as stderr:
        code = subprocess.run(words, cwd=root, env=env, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, check=False).returncode
    logs = list(root.parent.glob(f"{root.name}.strace.*"))  # one a thread
    ended, files = Ended(code, text(out), text(err)), [file for one in logs for file in INJECTED.findall(text(one))]
    if str(err) in files:  # nobody could be told
        yield from judge.seemly(ended) if code in (1, 2) else [f"it ended with {code}"]
    elif str(out) in files:
        yield from [] if code == 2 and "cannot write to standard output" in ended.err else [f"it ended with {code}: {ended.err}"]
    elif files:
        yield from judge.told(root, ended, error, files, base.clean)
    yield from judge.after_the_blow(root, base.before, base.clean)
    yield from judge.after_recovery(root, ended, nest.run(root, "run"), base.clean)
    for file in (*logs, out, err):
        file.unlink()
