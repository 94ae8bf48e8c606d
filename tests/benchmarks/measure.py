"""How things are measured: whole child processes and clocks in turn, the best of several. Knows nothing of what."""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
WIDTH = 62


@dataclass(frozen=True)
class Sample:
    """One child process: CPU and wall seconds of all of it, and what it said about itself."""

    cpu: float
    wall: float
    told: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One line of the table; ``goal`` holds for ``ours`` where ``on`` says so, else for the ratio."""

    what: str
    ours: float
    floor: float
    unit: str = "s"
    goal: float | None = None
    on: str = "ratio"
    samples: dict = field(default_factory=dict)

    @property
    def ratio(self):
        return self.ours / self.floor if self.floor else float("inf")

    @property
    def met(self):
        return None if self.goal is None else (self.ours if self.on == "ours" else self.ratio) <= self.goal

    def to_dict(self):
        return {**asdict(self), "ratio": self.ratio, "met": self.met}

    def line(self):
        goal = "" if self.goal is None else f"<= {self.goal:g}" + (f" {self.unit}" if self.on == "ours" else "x")
        met = {None: "", True: "yes", False: "NO"}[self.met]
        ratio = f"{self.ratio:.2f}" if self.ratio < 100 else f"{self.ratio:.0f}"
        numbers = f"{_number(self.ours):>9}{_number(self.floor):>9} {self.unit:<8}{ratio:>8}"
        return f"{self.what:<{WIDTH}}{numbers}  {goal:<12}{met}"


HEAD = f"{'what':<{WIDTH}}{'ours':>9}{'floor':>9} {'unit':<8}{'ratio':>8}  {'goal':<12}met"


def _number(value):
    return f"{value:.3f}" if value < 10 else f"{value:.1f}" if value < 1000 else f"{value:,.0f}"


def python(*words):
    """Run the interpreter with these words and measure it; what it prints last may be JSON that tells more.

    Raises:
        RuntimeError: It failed.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # as users run it
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, *words], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
    )
    with process.stdout:
        said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)[:200]} ended with {process.returncode}")
    return Sample(used.ru_utime + used.ru_stime, wall, _told(said))


def _told(said):
    last = said.rstrip().rpartition(b"\n")[2]
    return json.loads(last) if last.startswith(b"{") and last.endswith(b"}") else {}


def child(module, function, **arguments):
    """Run one function of ``ours`` or ``floors`` in a process of its own."""
    return python("-m", f"tests.benchmarks.{module}", function, json.dumps(arguments))


def in_turn(repeat, **works):
    """Call each in turn, several times over, so that a busy moment hits all alike; what each gave, by name."""
    given = {name: [] for name in works}
    for number in range(repeat):
        for name, work in works.items():
            given[name].append(work(number))
    return given


def best(samples, name="cpu"):
    """The least of a measure: what disturbs a process only ever adds."""
    return min(_measures(samples, name))


def _measures(samples, name):
    return [getattr(s, name) if name in ("cpu", "wall") else s.told[name] for s in samples]


def row(what, ours, floor, measure="cpu", *, scale=1.0, **rest):
    """A row out of two lists of samples; all of them go along."""
    samples = {"ours": _measures(ours, measure), "floor": _measures(floor, measure)}
    return Row(what, best(ours, measure) * scale, best(floor, measure) * scale, samples=samples, **rest)

