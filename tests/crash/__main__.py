"""``python -m crash [--long] [--kills N] ...``, from ``tests``: strike, say what breaks, and count; 1 where something does."""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from crash import strace, trials
from crash.nest import Nest, nest

SHORT = {"kills": 18, "errors": 20, "looks": 10, "calls": 0, "flips": 8, "starts": 8}
LONG = {"kills": 500, "errors": 1000, "looks": 200, "calls": 60, "flips": 200, "starts": 40}
JOBS = 2


def main() -> int:
    """Deal all blows of each family; at the end, a line for each."""
    options = _options()
    table = [f"{'blows':<8}{'dealt':>7}{'broken':>8}"]
    broken = 0
    with tempfile.TemporaryDirectory(prefix="seeknal-crash-", dir=options.dir) as made, contextlib.ExitStack() as stack:
        nests = [stack.enter_context(nest()) for _ in range(JOBS)]
        for name, family in families(nests[0], Path(made), options).items():
            bad = [breaches for breaches in dealt(nests, family, Path(made)) if breaches]
            print(*(breach for breaches in bad for breach in breaches), sep="\n", end="\n" if bad else "", flush=True)
            table.append(f"{name:<8}{len(family) * (trials.AT_ONCE if name == 'starts' else 1):>7}{len(bad):>8}")
            broken += len(bad)
    print(*table, sep="\n")
    return 1 if broken else 0


def families(first: Nest, at: Path, options: argparse.Namespace) -> dict[str, list[trials.Trial]]:
    """The trials, by what is done to a command."""
    of = trials.bases(first, at)
    return {
        "kills": trials.kills(of, options.kills), "errors": trials.errors(of, options.errors),
        "looks": trials.looks(first, of[1], options.looks), "calls": strace.errors(of, options.calls),
        "flips": trials.flips(of, options.flips), "starts": trials.starts(options.starts),
    }  # fmt: skip


def dealt(nests: Sequence[Nest], family: Sequence[trials.Trial], at: Path) -> list[list[str]]:
    """The breaches of each trial, as many trials at a time as there are nests."""
    free = SimpleQueue[Nest]()
    for one in nests:
        free.put(one)

    def deal(trial: trials.Trial) -> list[str]:
        own = free.get()
        try:
            return trial(own, at)
        finally:
            free.put(own)

    with ThreadPoolExecutor(len(nests)) as pool:
        return list(pool.map(deal, family))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m crash", description=__doc__)
    parser.add_argument("--long", action="store_true", help="ten times as many and more, which takes a quarter of an hour")
    for name, size in SHORT.items():
        parser.add_argument(f"--{name}", type=int, metavar="N", help=f"how many (default: {size}; long: {LONG[name]})")
    parser.add_argument("--dir", help="where projects are made (default: the system's temporary directory)")
    options = parser.parse_args()
    for name, size in (LONG if options.long else SHORT).items():
        setattr(options, name, size if getattr(options, name) is None else getattr(options, name))
    return options


if __name__ == "__main__":
    raise SystemExit(main())
