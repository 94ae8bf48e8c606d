"""Which cell defines which node, so that a renamed or deleted cell leaves no ghost behind. Knows no front end by name.

A front end that sends no cell ids, as nbclient, loses nothing: there a node's name is its identity.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from IPython.display import display

from seeknal_nb.dag.graph import Graph
from seeknal_nb.markup import cut

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult, InteractiveShell

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.pipeline import Pipeline

__all__ = ["Session"]

_FIRST_WORD = re.compile(r"^[ \t]*(?:[^%=#\n]+=[ \t]*)?%seeknal[ \t]+(\w+)", re.MULTILINE)
DELETED = "its cell was deleted"
_CELL_MAGIC = re.compile(r"^%%seeknal\b", re.MULTILINE)


@dataclass(eq=False, slots=True)
class _Cell:
    """One execution of a cell: two executions are two cells of one id."""

    id: str | None
    text: str
    number: int = 0
    definitions: int = 0

    def announced(self, kinds: Iterable[str]) -> int:
        """How many definitions its text holds; a loop may make more of them, a condition fewer."""
        if _CELL_MAGIC.search(self.text):
            return 1
        known = set(kinds)
        return sum(word in known for word in _FIRST_WORD.findall(self.text))


@dataclass(frozen=True, slots=True)
class _Owner:
    """Who defined a node last; it counts as long as the pipeline holds this very node."""

    cell: _Cell
    node: Node


class Session:
    """The cells of one shell, by the ids that its front end sends, and the nodes that they define.

    Args:
        shell: Runs the cells.
        ended: Is called when one has ended.
    """

    def __init__(self, shell: InteractiveShell, ended: Callable[[], None]) -> None:
        self._shell, self._ended = shell, ended
        self._project: Pipeline | None = None
        self._cell: _Cell | None = None
        self._owners: dict[str, _Owner] = {}
        self._deleted: set[str] = set()
        self._read: set[str] = set()  # what no cell defines any more, and stays because it is read
        self._notes: dict[str, str] = {}

    def open(self) -> None:
        """Watch the cells, beginning with the one that is running now."""
        request = _request(self._shell)
        text = request.get("content", {}).get("code")
        self._cell = _Cell(request.get("metadata", {}).get("cellId"), text, self._shell.execution_count) if text else None
        self._shell.events.register("pre_run_cell", self._begin)
        self._shell.events.register("post_run_cell", self._end)

    def close(self) -> None:
        """Watch no longer."""
        self._shell.events.unregister("pre_run_cell", self._begin)
        self._shell.events.unregister("post_run_cell", self._end)

    def defined(self, project: Pipeline, node_ids: Iterable[str]) -> None:
        """Note that the running cell has defined these nodes; with its last definition, what it defined before goes."""
        if project is not self._project:
            self._project, self._owners = project, {}
        cell = self._cell or _Cell(None, "")
        cell.definitions += 1
        for node_id in node_ids:
            self._owners[node_id] = _Owner(cell, project.manifest.nodes[node_id])
            self._read.discard(node_id)
            self._notes.pop(node_id, None)  # a loop below a line of ours may define again what seemed to be gone
        if cell.definitions == cell.announced(project.known_kinds()):  # now, for a run may follow in this cell
            self._settle(cell)

    def notes(self) -> tuple[str, ...]:
        """What there is to say of nodes that went or stayed, until a cell has shown it."""
        return tuple(self._notes.values())

    def cell_of(self, node_id: str) -> str | None:
        """The text of the cell that defines the node, with its ``%%seeknal`` line; None where no cell does."""
        owner = self._owners.get(node_id)
        return owner.cell.text if owner is not None and self._holds(node_id, owner) and owner.cell.text else None

    def cell_id_of(self, node_id: str) -> str | None:
        """The id of that cell; None where the front end sends none."""
        owner = self._owners.get(node_id)
        return owner.cell.id if owner is not None and self._holds(node_id, owner) else None

    def _holds(self, node_id: str, owner: _Owner) -> bool:
        return self._project is not None and self._project.manifest.nodes.get(node_id) is owner.node

    def _begin(self, info: ExecutionInfo) -> None:
        if self._cell is not None and info.cell_id is None:
            return  # a cell that another one runs, as %run does, is part of that one
        cell = self._cell = _Cell(info.cell_id, info.raw_cell, self._shell.execution_count)
        deleted = _request(self._shell).get("metadata", {}).get("deletedCells")
        if isinstance(deleted, list):
            self._deleted |= {one for one in deleted if isinstance(one, str)}
        self._deleted.discard(cell.id or "")
        if self._deleted and self._project is not None and not cell.announced(self._project.known_kinds()):
            self._take_away(cell, self._deleted)  # else later: the lines of a deleted cell may stand in this one now

    def _end(self, result: ExecutionResult | None) -> None:
        cell = self._cell
        if cell is None or (result is not None and result.info.raw_cell != cell.text):
            return
        self._cell = None
        if result is not None and result.success:
            self._settle(cell)
        if self._notes and "seeknal" in cell.text:
            self._show_notes(result)
        self._ended()

    def _show_notes(self, result: ExecutionResult | None) -> None:
        """Show what no answer has shown: one that was assigned, or followed by another line, has not been seen."""
        from seeknal_nb.notebook.registered import Registered  # noqa: PLC0415 - loading the extension stays quick

        answer = result.result if result is not None else None
        seen = answer.lines if isinstance(answer, Registered) else ()
        notes, self._notes = [note for note in self._notes.values() if note not in seen], {}
        if notes:
            display(Registered((), tuple(notes)))

    def _settle(self, cell: _Cell) -> None:
        self._take_away(cell, self._deleted if cell.id is None else {cell.id, *self._deleted})
        self._deleted.clear()

    def _take_away(self, cell: _Cell, cell_ids: set[str]) -> None:
        """Remove what these cells defined and ``cell`` did not define now, but for what a node that stays reads."""
        former = {
            node_id: owner
            for node_id, owner in self._owners.items()
            if owner.cell is not cell
            and (owner.cell.id in cell_ids or node_id in self._read)
            and self._holds(node_id, owner)
        }
        if not former or self._project is None:
            return
        graph = Graph(self._project.manifest, self._project.kinds)
        staying = {node_id for node_id in former if graph.downstream([node_id]) - former.keys()}
        leaving = [node_id for node_id in former if node_id not in staying]
        new = ", ".join(node_id for node_id, owner in self._owners.items() if owner.cell is cell)
        for node_id, owner in former.items():
            readers = [reader for reader in graph.consumers(node_id) if reader not in leaving]
            found = owner.cell.id in cell_ids
            if found or not readers:
                why = _now(new) if owner.cell.id == cell.id else DELETED if found else "nothing reads it any more"
                self._notes[node_id] = _of_read(node_id, why, self._cells(readers)) if readers else _of_gone(node_id, why)
            if found and owner.cell.id != cell.id:
                self._owners[node_id] = _Owner(_Cell(None, owner.cell.text), owner.node)
        self._read = (self._read - former.keys()) | staying
        if leaving:
            self._project.remove(*leaving)

    def _cells(self, readers: Iterable[str]) -> str:
        """The nodes, each with the number of the cell that defined it."""
        numbers = {node_id: self._owners[node_id].cell.number for node_id in readers if node_id in self._owners}
        return ", ".join(f"{i} (cell [{numbers[i]}])" if numbers.get(i) else i for i in readers)


def _now(new: str) -> str:
    return f"this cell now defines {cut(new, 200)}" if new else "this cell defines it no longer"


def _of_gone(node_id: str, why: str) -> str:
    # JupyterLab calls a cell deleted that was cut, even where it has been pasted under the same id
    moved = "; if it was only moved, run it again" if why == DELETED else ""
    return f"{node_id} is gone: {why}{moved}"


def _of_read(node_id: str, why: str, readers: str) -> str:
    remedy = f"change what reads it and run that: {node_id} goes when nothing reads it"
    return f"! {node_id} stays: {readers} reads it, but {why}. Fix: {remedy}"


def _request(shell: InteractiveShell) -> Mapping[str, Any]:
    """The message that a kernel's shell is answering; empty in other shells."""
    get_parent = getattr(shell, "get_parent", None)
    return get_parent() or {} if get_parent else {}
