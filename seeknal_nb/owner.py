"""Whose nodes these are: several notebooks, scripts and a project's files may share one folder, and its builds."""

from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.workflow.state import NodeState as State

__all__ = ["FILES", "as_owner", "is_known", "of_others", "owner_here", "shared"]

FILES = "seeknal/"
"""The owner of nodes that stand in a project's files."""
SESSION = "session "
"""Before what stands for a notebook whose front end does not say which it is."""
_numbers = itertools.count(1)


def owner_here(root: Path, namespace: Mapping[str, object]) -> str:
    """The notebook or the script that runs here, as a path below ``root`` where it is; else a name for this session alone.

    Jupyter's server tells a kernel its notebook in ``JPY_SESSION_NAME``, VS Code in a variable.
    """
    notebooks = (os.environ.get("JPY_SESSION_NAME"), namespace.get("__vsc_ipynb_file__"))
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    found = [Path(str(one)) for one in notebooks if str(one).endswith(".ipynb")]
    found += [Path(script)] if script is not None else []
    path = next((one.resolve() for one in found if one.is_file() and not _is_program(one)), None)
    if path is None:
        return f"{SESSION}{os.getpid()}-{next(_numbers)}"
    return as_owner(path, root)


def _is_program(path: Path) -> bool:
    """Whether it is the launcher of a kernel, of tests or of our own command, and no script of the user's."""
    return "site-packages" in path.parts or path.resolve().parent == Path(sys.executable).resolve().parent


def as_owner(path: Path, root: Path) -> str:
    """What the owner that is this file is called below a project's folder."""
    root, path = root.resolve(), path.resolve()
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


def is_known(owner: str) -> bool:
    """Whether it names something that somebody could open."""
    return bool(owner) and not owner.startswith(SESSION)


def of_others(states: Mapping[str, State], owner: str, nodes: Iterable[Node], root: Path) -> dict[str, State]:
    """Those that somebody else left who may still need their builds; of another session nobody can tell.

    Args:
        states: What is remembered, by node id.
        owner: Who asks; what nobody's name is on, and what stands in files where some of the nodes do, is the asker's too.
        nodes: The asker's nodes.
        root: The project's folder.
    """
    mine = {"", owner, *(FILES for node in nodes if node.file_path)}
    theirs = {node_id: state for node_id, state in states.items() if state.owner not in mine}
    there = {name: not is_known(name) or (root / name).exists() for name in {state.owner for state in theirs.values()}}
    return {node_id: state for node_id, state in theirs.items() if there[state.owner]}


def shared(states: Mapping[str, State], owner: str, nodes: Sequence[Node], root: Path) -> list[str]:
    """A warning for each of the nodes that was last run by another notebook, or by files, under the same id."""
    ids = {node.id for node in nodes}
    found = of_others({i: state for i, state in states.items() if i in ids}, owner, nodes, root)
    here = owner if is_known(owner) else "this session"
    return [
        f"{node_id} is a node of {state.owner} and of {here}: each takes the place of the other's build; rename one"
        for node_id, state in found.items()
        if is_known(state.owner)
    ]
