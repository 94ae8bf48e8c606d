"""Everything that is worth knowing of one node, in one value: what it is, what it gave, what went wrong, what it was."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.columns import column_texts
from seeknal_nb.dag.select import resolve
from seeknal_nb.draw.code import code_lines
from seeknal_nb.engines import Interrupted
from seeknal_nb.errors import SeeknalError
from seeknal_nb.kinds.body import python_of, sql_of
from seeknal_nb.kinds.tables import is_view
from seeknal_nb.markup import cut, plural
from seeknal_nb.sql.names import volatile_in
from seeknal_nb.status import look_of
from seeknal_nb.views.checks import shown_check, shown_value
from seeknal_nb.views.printed import last_printed
from seeknal_nb.workflow.frames import numbers_in
from seeknal_nb.workflow.history import read_history, read_log, runs_by_node, runs_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from seeknal_nb.dag.graph import Graph
    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.storage.builds import Build
    from seeknal_nb.views.reading import Reader
    from seeknal_nb.views.why import Cause, Causes
    from seeknal_nb.workflow.state import NodeState

__all__ = ["Details", "Inspector"]

SEARCHED = 30
"""Runs whose records are searched for those of a node."""
LONGEST_LOG = 20_000
LONGEST_METRICS = 500


@dataclass(frozen=True, slots=True)
class Details:
    """One node, told to a reader; whatever there is not is empty.

    Attributes:
        node_id: ``kind.name``.
        facts: (label, text): description, owner, tags, file, what its columns are.
        language: Of ``body``: ``sql``, ``python``, or ``json`` for a node that is all config.
        body: Its definition, as it was written.
        mark: The line of the body that the last error names, from 1; 0 for none.
        inputs: The ids that it reads, in the order of its edges.
        outputs: The ids that read it.
        schema: (column, SQL type) of its stored table.
        checks: What the checks of its data found, as ``NodeResult.checks`` has it.
        rows: The first stored rows, as text, and None for NULL; empty for a view, which stores none.
        row_count: Rows of the whole table.
        before: Rows of the build before, where it is still there.
        error: The last failure's text.
        log: What it printed in its last run; of a body that runs, the last lines until now.
        history: Its last runs, the newest first, as ``history.runs_by_node`` gives them.
        note: Why something is missing.
        last_run: When it was executed last, in seconds since the epoch; None where it never was.
        types: Types by column, of the tables whose rows its checks show.
        causes: Why it will run, or last ran.
        changed: What was written otherwise when the stored build was made.
    """

    node_id: str
    facts: tuple[tuple[str, str], ...] = ()
    language: str = ""
    body: str = ""
    mark: int = 0
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    schema: tuple[tuple[str, str], ...] = ()
    checks: tuple[dict[str, Any], ...] = ()
    rows: tuple[tuple[str | None, ...], ...] = ()
    row_count: int | None = None
    before: int | None = None
    error: str = ""
    log: str = ""
    history: tuple[dict[str, Any], ...] = field(default=())
    note: str = ""
    last_run: float | None = None
    types: Mapping[str, str] = field(default_factory=dict)
    causes: Causes | None = None
    changed: tuple[Cause, ...] = ()

    def counted(self) -> str:
        """Rows and columns, and the change: ``1,204 rows (+4 since the build before), 3 columns``."""
        if not self.schema:
            return ""
        rows = "" if self.row_count is None else plural(self.row_count, "row")
        change = None if self.before is None or self.row_count is None else self.row_count - self.before
        since = "" if change is None else f" ({change:+,} since the build before)" if change else " (as the build before)"
        return ", ".join(filter(None, (f"{rows}{since}", plural(len(self.schema), "column"))))

    def to_dict(self, numbers: Mapping[str, int]) -> dict[str, Any]:
        """As the graph's panel shows it, with nodes by their numbers in the picture; plain values and text only."""
        shown = len(self.rows)
        return {
            "facts": [list(fact) for fact in self.facts],
            "definition": {
                "language": self.language, "lines": code_lines(self.body, self.language), "mark": self.mark,
            },
            "inputs": [numbers[i] for i in self.inputs if i in numbers],
            "outputs": [numbers[i] for i in self.outputs if i in numbers],
            "schema": [list(column) for column in self.schema],
            "checks": [shown_check(check, self.types) for check in self.checks],
            "columns": [name for name, _ in self.schema] if self.rows else [],
            "rows": [list(row) for row in self.rows],
            "more": f"first {shown} of {self.row_count:,}" if self.row_count and 0 < shown < self.row_count else "",
            "change": self.counted(),
            "error": self.error,
            "log": self.log,
            "history": [
                {
                    "when": run["started"],
                    "status": look_of(run["status"], warned=run["warned"]),
                    "seconds": run["duration"],
                    "rows": run["row_count"],
                    "reason": run["reason"],
                }
                for run in self.history
            ],
            "note": self.note,
            "last_run": self.last_run,
            "why": self._why(),
            "changed": [cause.to_dict() for cause in self.changed],
        }  # fmt: skip

    def _why(self) -> dict[str, Any]:
        if self.causes is None:
            return {"then": "", "causes": [], "note": ""}
        told = [cause.to_dict() for cause in self.causes.causes]
        return {"then": self.causes.then, "causes": told, "note": self.causes.note}


class Inspector:
    """One look at a pipeline as the last run left it; computes nothing and writes nothing."""

    def __init__(self, reader: Reader) -> None:
        self._reader, self._runs = reader, reader.runner.target / "runs"

    @cached_property
    def _histories(self) -> dict[str, list[dict[str, Any]]]:
        return runs_by_node(read_history(self._runs, most=SEARCHED))

    def details(self, name: str, *, rows: int = 10, alone: bool = True) -> Details:
        """The details of a node, by its id or bare name, with its first ``rows``; 0 reads no data.

        ``alone`` says that nobody asks for those of the other nodes too.

        Raises:
            SelectionError: There is no such node.
        """
        reader, graph = self._reader, self._reader.graph
        node = graph.nodes[graph.index[resolve(graph, name)]]
        state, build, before = reader.states.get(node.id), reader.build(node.id), reader.build_before(node.id)
        shown, note = _first_rows(reader, node, build, rows)
        error = (state.error if state is not None and not state.good else None) or ""
        other = bool(error) and reader.rewritten(node.id)
        note = "the error is that of an earlier version of this node" if other else note
        note = note or (reader.note(node.id) if reader.elsewhere(node.id) else "")
        language, body = _definition(node)
        history = tuple(runs_of(self._runs, node.id, searched=SEARCHED) if alone else self._histories.get(node.id, ()))
        return Details(
            node.id, _facts(node, state, graph, build, history), language, body, 0 if other else _marked(state, body),
            tuple(graph.inputs(node.id)),
            tuple(graph.consumers(node.id)), build.schema if build else (), tuple(reader.checks(node.id)), shown,
            build.row_count if build else None,
            before.row_count if before else None, error, _log(self._runs, node.id, history), history, note,
            state.last_run if state is not None and state.last_run else None, self._types(node, build),
        )  # fmt: skip

    def _types(self, node: Node, build: Build | None) -> dict[str, str]:
        """Of what a rule checks, else of the node's own table."""
        if node.node_type != "rule":
            return dict(build.schema) if build is not None else {}
        builds = map(self._reader.build, self._reader.graph.inputs(node.id))
        return {name: kind for one in builds if one is not None for name, kind in one.schema}


def _marked(state: NodeState | None, body: str) -> int:
    """The line of the body that its last error is about; 0 where there is none, as in a body that has become shorter."""
    return state.line if state is not None and state.line <= body.count("\n") + 1 else 0


def _definition(node: Node) -> tuple[str, str]:
    sql, python = sql_of(node), python_of(node)
    if sql or python:
        return ("sql", sql) if sql else ("python", python or "")
    return "json", json.dumps(node.config, indent=2, ensure_ascii=False, default=str)


def _facts(
    node: Node, state: Any, graph: Graph, build: Build | None, history: Sequence[Mapping[str, Any]]
) -> tuple[tuple[str, str], ...]:
    volatile = ", ".join(volatile_in(sql_of(node) or ""))
    metrics = build.metadata.get("metrics") if build is not None else None
    told = {
        "description": node.description or "",
        "owner": node.owner or "",
        "tags": ", ".join(node.tags),
        "defined in": str(node.place or ""),
        "waits for": ", ".join(graph.rules(node.id)),
        "volatile": volatile and f"{volatile}: what is stored stands until something changes, or refresh says so",
        "partitions": _partitions(build),
        "metrics": cut(", ".join(f"{name} {value:g}" for name, value in numbers_in(metrics or {})), LONGEST_METRICS),
        "ran in": history[0]["where"] if history and history[0]["where"] != "here" else "",
        "attempts": str(state.attempts) if state is not None and state.attempts > 1 else "",
        **{f"column {name}": text for name, text in column_texts(node.columns).items()},
    }
    return tuple((label, text) for label, text in told.items() if text)


def _partitions(build: Build | None) -> str:
    """How many partitions its table has, by what, and how many of them its last execution built."""
    if build is None or build.by is None:
        return ""
    counts = build.metadata.get("partitions") or {}
    of = f" of {build.by.column}" if build.by.column else ""
    return f"{len(build.parts):,} by {build.by.grain}{of}, {counts.get('built', 0):,} built when it ran last"


def _first_rows(
    reader: Reader, node: Node, build: Build | None, most: int
) -> tuple[tuple[tuple[str | None, ...], ...], str]:
    if is_view(node):
        return (), "a view stores no rows: they are computed where it is read"
    if build is None or build.path is None or not most:
        return (), ""
    try:
        found = reader.query(node.id, limit=most, form="rows")
    except Interrupted:
        return (), "reading its rows was interrupted"
    except SeeknalError as error:
        return (), f"its rows cannot be read: {error}"
    return tuple(tuple(map(shown_value, row)) for row in found), ""


def _log(directory: Path, node_id: str, history: tuple[dict[str, Any], ...]) -> str:
    if going := last_printed(node_id):
        return going
    return cut(read_log(directory, history[0]["run_id"], history[0]["logged"]), LONGEST_LOG) if history else ""
