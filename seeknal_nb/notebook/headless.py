"""A notebook without a front end: its cells run in order in a fresh shell, and only what they define is kept.

Lines that run or draw give an ``Absent``; a cell that fails over one is left out with a note, any other failure is an
error, so that a headless run is never green and wrong.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from seeknal_nb.errors import ManifestError, Place, SeeknalError
from seeknal_nb.notebook.absent import Absent
from seeknal_nb.notebook.magics import load
from seeknal_nb.notebook.project import Project
from seeknal_nb.owner import as_owner
from seeknal_nb.storage.documents import read_json
from seeknal_nb.storage.text import read_text

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["load_notebook"]


def load_notebook(
    path: Path, *, directory: Path | None = None, state_dir: str | None = None, state: str | None = None,
    outputs: str | None = None,
) -> Project:  # fmt: skip
    """The project that a notebook defines.

    Args:
        path: An .ipynb file.
        directory: Where its cells run (default: its own folder, as in Jupyter).
        state_dir: Another place for state.
        state: The URL of another store of state, which needs the name that pyproject.toml gives.
        outputs: The URL of a store in which builds are shared, likewise.

    Raises:
        ManifestError: It is no notebook, or a cell fails.
    """
    cells = _cells(path)
    home = (directory or path.parent).resolve()
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    magics = load(shell)
    magics.headless = True
    os.chdir(home)  # as Jupyter starts a kernel in the notebook's folder
    sys.path.insert(0, str(home))
    magics.make = partial(_Defining, state_dir=state_dir, name=path.stem)
    for number, source in cells:
        _run(shell, number, source, path)
    defined = magics.opened()
    project = Project(
        defined.directory, state_dir=state_dir, state=state or magics.state or None, params=defined.params,
        outputs=outputs or magics.outputs or None, kinds=defined.kinds, workers=defined.means.workers,
        executor=magics.executor or None,
    )  # fmt: skip
    project.manifest, project.shared = defined.manifest, defined.shared
    project.owner = as_owner(path, defined.directory)
    return magics.adopt(project)


def _left_out(_project: Project, *_: Any, **__: Any) -> Any:
    return Absent()


class _Defining(Project):
    """The project that a notebook's cells see while they are registered: it takes nodes, and runs and shows nothing."""

    compare = at = why = _left_out
    __getitem__ = show = status = history = graph = diff = clean = plan = run = stream = start = details = look = _left_out


def _cells(path: Path) -> list[tuple[int, str]]:
    try:
        document = read_json(read_text(path), file=str(path))
        cells = document["cells"]  # type: ignore[index]
        return [(n, "".join(c["source"])) for n, c in enumerate(cells, 1) if c["cell_type"] == "code"]
    except (KeyError, TypeError) as error:
        raise ManifestError(
            "not a notebook", why=f"it lacks {error}", remedy="name an .ipynb file", place=Place(str(path))
        ) from error


def _run(shell: InteractiveShell, number: int, source: str, path: Path) -> None:
    Absent.touched = False
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown):
        result = shell.run_cell(source, store_history=False)
    error = result.error_before_exec or result.error_in_exec
    if error is None:
        return
    place = Place(f"{path.name} cell {number}")
    if isinstance(error, SeeknalError):
        raise error.at(place=place)
    if Absent.touched and "%seeknal" not in source:
        sys.stderr.write(f"note: {place} is left out: it reads the result of a run\n")
        return
    raise ManifestError(f"{type(error).__name__} in a cell", why=str(error), remedy="mend the cell", place=place) from error
