"""What the runs of a project use, whether it is there, and in which version; runs no node."""

from __future__ import annotations

import platform
import shutil
from typing import TYPE_CHECKING

from seeknal_nb.errors import SeeknalError, text_of
from seeknal_nb.markup import esc_term
from seeknal_nb.sizes import size_text
from seeknal_nb.version import __version__
from seeknal_nb.views.values import Rows
from seeknal_nb.workflow.sqlstate import DatabaseState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from seeknal_nb.project import Project
    from seeknal_nb.workflow.runner import DAGRunner

__all__ = ["Diagnosis", "doctor"]

GOOD, BAD = "good", "BAD"


class Diagnosis(Rows):
    """A row for each thing: what it is, how it is configured, whether it is good, and what was found or is to be done."""

    @property
    def bad(self) -> bool:
        """Whether something is to be mended."""
        return any(state == BAD for _, _, state, _ in self.rows)

    def __str__(self) -> str:
        told = (f"{state:<4}  {' '.join(filter(None, of))}: {found}" for *of, state, found in self.rows)
        return "\n".join(esc_term(line, one_line=True) for line in (self.title, *told))


def doctor(project: Project) -> Diagnosis:
    """Look at all of it."""
    rows = tuple(_rows(project))
    bad = sum(row[2] == BAD for row in rows)
    title = f"{bad} of {len(rows)} need mending" if bad else "all is there"
    return Diagnosis(title, ("what", "configured", "state", "found"), rows)


def _rows(project: Project) -> Iterator[tuple[str, str, str, str]]:
    means, runner = project.means, project.runner()
    yield "seeknal_nb", "", GOOD, f"{__version__}, Python {platform.python_version()}"
    yield _asked("engine", runner.engine.name, lambda: runner.engine.identity)
    yield _asked("executor", str(means.executor or "here"), lambda: _executor(project))
    offers = means.offers()
    slots = ", ".join(f"{name} {count}" for name, count in offers.resources.items())
    workers = str(offers.workers) if offers.told or means.place().given is None else "as many as the executor has"
    yield "workers", workers, GOOD, ", ".join(filter(None, [f"{size_text(offers.memory)} of memory", slots]))
    yield _asked("state", runner.around.secrets.hide(project.kept_in), lambda: _state(runner))
    yield _asked("builds", str(runner.outputs.root), lambda: _room(runner.outputs.root))
    if project.remote is not None:
        yield _asked("shared builds", str(project.remote), project.remote.check)


def _asked(what: str, configured: str, look: Callable[[], str]) -> tuple[str, str, str, str]:
    try:
        return what, configured, GOOD, look()
    except SeeknalError as error:
        return what, configured, BAD, str(error)
    except Exception as error:  # noqa: BLE001 - whatever a library says of what is not there
        return what, configured, BAD, f"{type(error).__name__}: {text_of(error)}"


def _state(runner: DAGRunner) -> str:
    remembered = f"{len(runner.states()):,} nodes are remembered"
    version = runner.state.version() if isinstance(runner.state, DatabaseState) else ""
    return f"{version}; {remembered}" if version else remembered


def _executor(project: Project) -> str:
    runner = project.runner()
    place = runner.places.given
    if place is None:
        return "nodes run in this process"
    warnings = place.check(runner.outputs.root)
    offers = place.offers(runner.offers)
    return "; ".join([f"{offers.workers} at a time, {size_text(offers.memory)} of memory", *warnings])


def _room(folder: Path) -> str:
    """How much room there is where builds lie, or will."""
    there = next(one for one in (folder, *folder.parents) if one.exists())
    return f"{size_text(shutil.disk_usage(there).free)} free"
