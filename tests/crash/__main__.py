"""``python -m crash [--kills N] [--errors N] [--traced N] [--flips N] [--starts N] [--dir DIR]``: strike, and count."""

from __future__ import annotations

import argparse
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from crash import strace, trials
from crash.nest import nest

SHORT = {"kills": 18, "errors": 24, "looks": 12, "traced": 0, "flips": 8, "starts": 8}
LONG = {"kills": 500, "errors": 1000, "looks": 200, "traced": 60, "flips": 200, "starts": 40}
JOBS = 2


def main() -> int:
    """Deal all blows of each family, print a line for each, and give 1 where something does not hold."""
    options = _options()
    sizes = {name: getattr(options, name) if getattr(options, name) is not None else size for name, size in (LONG if options.long else SHORT).items()}
    print(f"{'blows':<10}{'dealt':>7}{'broken':>8}", flush=True)
    broken = 0
    with tempfile.TemporaryDirectory(prefix="seeknal-crash-", dir=options.dir) as made, nest() as first:
        of = trials.bases(first, Path(made))
        families = {
            "kills": trials.kills(of, sizes["kills"]), "errors": trials.errors(of, sizes["errors"]),
            "looks": trials.looks(first, of[1], sizes["looks"]), "traced": strace.errors(of, sizes["traced"]), "flips": trials.flips(of, sizes["flips"]),
            "starts": trials.starts(sizes["starts"]),
        }  # fmt: skip
        for name, family in families.items():
            found = dealt(family, Path(made))
            bad = [breaches for breaches in found if breaches]
            print(f"{name:<10}{len(found) * (trials.AT_ONCE if name == 'starts' else 1):>7}{len(bad):>8}", flush=True)
            for breaches in bad:
                print(*(f"  {breach}" for breach in breaches), sep="\n", flush=True)
            broken += len(bad)
    return 1 if broken else 0


def dealt(family: Sequence[trials.Trial], at: Path) -> list[list[str]]:
    """The breaches of each trial, two trials at a time."""
    left, found = list(reversed(family)), list[list[str]]()

    def work() -> None:
        with nest() as own:
            while left:
                found.append(left.pop()(own, at))

    threads = [threading.Thread(target=work) for _ in range(JOBS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m crash", description=__doc__)
    parser.add_argument("--long", action="store_true", help=f"{LONG} instead of {SHORT}")
    for name in SHORT:
        parser.add_argument(f"--{name}", type=int, metavar="N", help=f"how many {name}")
    parser.add_argument("--dir", help="where projects are made (default: the system's temporary directory)")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
