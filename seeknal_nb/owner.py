"""Whose nodes these are: several notebooks, scripts and a project's files may share one folder, and its builds."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.workflow.state import NodeState as State

__all__ = ["FILES", "as_owner", "is_known", "moved", "of_others", "owner_here", "owner_of", "shared"]

FILES = "seeknal/"
"""The owner of nodes that stand in a project's files."""
SESSION = "session "
"""Before what stands for a notebook whose front end does not say which it is."""


def owner_here(root: Path, namespace: Mapping[str, object]) -> str:
    """The notebook or the script that runs here, as a path below ``root`` where it is; else a name for this session alone.

    Jupyter's server tells a kernel its notebook in ``JPY_SESSION_NAME``, which programs that a cell starts inherit; VS Code
    in a variable.
    """
    in_kernel = "ipykernel.kernelapp" in sys.modules and sys.modules["ipykernel.kernelapp"].IPKernelApp.initialized()
    notebooks = (os.environ.get("JPY_SESSION_NAME") if in_kernel else None, namespace.get("__vsc_ipynb_file__"))
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    found = [Path(str(one)) for one in notebooks if str(one).endswith(".ipynb")]
    found += [Path(script)] if script is not None else []
    path = next((one.resolve() for one in found if one.is_file() and not _is_program(one)), None)
    if path is None:
        return f"{SESSION}{os.urandom(4).hex()}"
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


def owner_of(node: Node, owner: str) -> str:
    """Whose node it is: of the files where it stands in one, else of ``owner``."""
    return FILES if node.file_path else owner


def of_others(states: Mapping[str, State], owner: str, root: Path) -> dict[str, State]:
    """Those that somebody else left or uses who may still need their builds; of another session nobody can tell.

    Args:
        states: What is remembered, by node id.
        owner: Who asks; what nobody's name is on is anybody's.
        root: The project's folder.
    """
    names = {name for state in states.values() for name in (state.owner, *state.users)} - {"", owner}
    there = {name for name in names if not is_known(name) or (root / name).exists()}
    return {node_id: state for node_id, state in states.items() if not there.isdisjoint((state.owner, *state.users))}


def shared(states: Mapping[str, State], owner: str, nodes: Iterable[Node], root: Path) -> list[str]:
    """A warning for each of the nodes that was last run by another notebook, or by files, under the same id."""
    warnings = []
    for node in nodes:
        here, there = owner_of(node, owner), states[node.id].owner if node.id in states else ""
        if is_known(there) and there != here and here and (root / there).exists():
            both = f"{there} and of {here if is_known(here) else 'this session'}"
            warnings.append(f"{node.id} is a node of {both}: each takes the place of the other's build; rename one")
    return warnings


def moved(owner: str, old: Path, new: Path) -> str:
    """What an owner is called below another folder."""
    return as_owner(old / owner, new) if is_known(owner) and owner != FILES else owner
