"""What a click does. A message from the browser is untrusted: a verb of one table, numbers that are checked, a selector."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from seeknal_nb.errors import SeeknalError, UsageError, text_of
from seeknal_nb.markup import cut, plural
from seeknal_nb.notebook.widget.options import given_options, words_of
from seeknal_nb.views.printed import last_printed
from seeknal_nb.workflow.events import ExecutionStatus
from seeknal_nb.workflow.executors import DaemonExecutor
from seeknal_nb.workflow.reasons import Why
from seeknal_nb.workflow.request import Request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seeknal_nb.draw.scene import Scene
    from seeknal_nb.notebook.widget.board import Board
    from seeknal_nb.notebook.widget.live_log import LiveLog
    from seeknal_nb.notebook.widget.watched import WatchedProject
    from seeknal_nb.workflow.background import BackgroundRun
    from seeknal_nb.workflow.events import NodeResult

__all__ = ["Actions"]

WAITING: Final = 20
"""Clicks that may wait for their details, and runs that may wait for their turn."""
LONGEST: Final = 1000
ROWS: Final = 10
GROUPS: Final = ("", "kind", "tag", "folder")
UNNUMBERED: Final = ("cancel", "now", "look")
"""Verbs that name no node, so that it does not matter of which graph their page knows."""
Message = dict[str, Any]
Verb = Callable[[Message], str | None]


class Screen(Protocol):
    """The widget, as far as a click reaches."""

    board: Board
    live_log: LiveLog
    stage: Scene
    staged: int
    past: Message | None

    def show_now(self) -> None:
        """Be live again."""

    def send(self, content: Message) -> None:
        """Tell the page something."""

    def arrange(self, *, by: str, focus: int | None) -> None:
        """Show groups, or what is up- and downstream of one node."""

    def expand(self, key: Any) -> None:
        """Show the nodes of a group."""


class Actions:
    """The verbs of one widget. A handler may be called in any thread of the kernel, and only starts what takes time."""

    def __init__(self, project: WatchedProject, widget: Screen) -> None:
        self._project, self._widget = project, widget
        self._free = threading.Semaphore(WAITING)
        # Those of the second table take time: they read, plan or lay out, and wait for each other in a thread of their own.
        self._quick: Mapping[str, Verb] = {
            "run": self._run,
            "cancel": self._cancel,
            "now": self._now,
            "leave": self._leave,
        }
        self._slow: Mapping[str, Verb] = {
            "details": self._details,
            "view": self._view,
            "expand": self._expand,
            "select": self._select,
            "look": self._look,
        }

    @cached_property
    def _worker(self) -> DaemonExecutor:
        """Of most outputs nobody asks anything."""
        return DaemonExecutor(1)

    def receive(self, _widget: object, content: object, _buffers: object) -> None:
        """Do what a message asks for, and answer it; what goes wrong is told in the widget."""
        message = content if isinstance(content, dict) else {}
        self._answer(message, self._begin)

    def close(self) -> None:
        """Take no further clicks."""
        if "_worker" in self.__dict__:
            self._worker.shutdown(wait=False, cancel_futures=True)

    def _answer(self, message: Message, act: Verb) -> None:
        try:
            text = act(message)
        except SeeknalError as error:
            self._tell("error", message, str(error))
        except Exception as error:  # noqa: BLE001 - a kernel shows a handler's exception to nobody
            self._tell("error", message, f"{type(error).__name__}: {text_of(error)}")
        else:
            if text is not None:
                self._tell("ack", message, text)

    def _tell(self, what: str, message: Message, text: str) -> None:
        self._widget.send({"k": what, **_whose(message), "text": cut(text, LONGEST)})

    def _begin(self, message: Message) -> str | None:
        verb = message.get("do")
        if not isinstance(verb, str) or verb not in {**self._quick, **self._slow}:
            raise UsageError("the page asked for something unknown", remedy="reload the page")
        if self._widget.past is not None and verb != "now":
            raise UsageError("this graph shows an earlier moment", remedy="press Show now")
        if verb not in UNNUMBERED and message.get("v", self._widget.board.version) != self._widget.board.version:
            raise UsageError("the graph has changed since the click", remedy="click again")
        if verb in self._quick:
            return self._quick[verb](message)
        if not self._free.acquire(blocking=False):
            raise UsageError("too many clicks are waiting", remedy="wait for the kernel")
        # Numbers are looked up now: the graph may be another one when the thread comes to it.
        known = message
        if verb == "details":
            known = {**message, "ids": self._ids([message.get("i")])}
            self._widget.live_log.follow(known["ids"][0])
        self._worker.submit(contextvars.copy_context().run, self._answer, known, self._later)
        return None

    def _later(self, message: Message) -> str | None:
        self._free.release()
        return self._slow[message["do"]](message)

    def _number(self, value: object) -> int:
        """A node's number."""
        if type(value) is not int or not 0 <= value < len(self._widget.board.picture.marks):
            raise UsageError("the page asked for a node that is not there", remedy="reload the page")
        return value

    def _ids(self, value: object) -> list[str]:
        if not isinstance(value, list) or len(value) > len(self._widget.board.picture.marks):
            raise UsageError("the page asked for nodes that are not there", remedy="reload the page")
        return self._widget.board.ids(self._number(number) for number in value)

    def _details(self, message: Message) -> None:
        (node_id,), board = message["ids"], self._widget.board
        found = self._project.details(node_id, rows=ROWS)
        stands = board.found(node_id)
        if stands is None:
            raise UsageError("the graph has changed since the click", remedy="click again")
        at, result = stands
        told = {"k": "details", **_whose(message), "i": at, "reason": _why(result)}
        cell = self._project.cell_of(found.node_id) or ""
        cell_id = self._project.cell_id_of(found.node_id) or ""
        if result.status is ExecutionStatus.RUNNING:
            found = replace(found, log=last_printed(node_id))  # not that of the run before
        self._widget.send({**told, **found.to_dict(board.index), "cell": cell, "cell_id": cell_id})

    def _leave(self, _message: Message) -> str:
        """The details are closed."""
        self._widget.live_log.follow("")
        return ""

    def _run(self, message: Message) -> str:
        if self._widget.board.progress.mode == "foreground":
            raise UsageError("a cell is running the pipeline", remedy="wait for it, or interrupt the kernel")
        if self._project.background.queued >= WAITING:
            raise UsageError("too many runs are waiting", remedy="cancel them")
        chosen = _chosen(message.get("how"), self._ids(message.get("i", [])))
        options = given_options(message.get("options", {}))
        if not chosen.keys().isdisjoint({"nodes", "again"}):  # these run anyway
            options.pop("full", None)
        told = " ".join(words_of({name: value for name, value in options.items() if name not in chosen}))
        request = Request.of({**options, **chosen, "command": f"{_command(chosen)} {told}".strip()})
        busy = self._project.background.busy
        self._project.start(request).then(partial(self._ended, message))
        queued = f"queued: {plural(self._project.background.queued, 'run')} to come after this one" if busy else ""
        return "; ".join(filter(None, (queued, f"with {told}" if told else "")))

    def _ended(self, message: Message, run: BackgroundRun) -> None:
        """Nobody waits for the run of a click; whoever clicked is told why it could not begin."""
        if run.error is not None:
            self._tell("error", {**message, "n": 0}, text_of(run.error))

    def _cancel(self, _message: Message) -> str:
        waiting = self._project.background.queued
        self._project.background.cancel()
        forgotten = f"; {plural(waiting, 'run')} that waited will not begin" if waiting else ""
        return f"stopping: SQL at once, a Python body when it ends{forgotten}"

    def _view(self, message: Message) -> str:
        by, focus = message.get("by"), message.get("focus", -1)
        if not isinstance(by, str) or by not in GROUPS:
            raise UsageError("the page asked for an unknown grouping", remedy="reload the page")
        self._widget.arrange(by=by, focus=None if type(focus) is int and focus == -1 else self._number(focus))
        return ""

    def _expand(self, message: Message) -> str:
        unit = message.get("unit")
        if message.get("s", self._widget.staged) != self._widget.staged:
            raise UsageError("the graph has changed since the click", remedy="click again")
        keys = self._widget.stage.keys
        key = keys[unit] if type(unit) is int and 0 <= unit < len(keys) else None
        if key is None:
            raise UsageError("the page asked for a group that is not there", remedy="reload the page")
        self._widget.expand(key)
        return ""

    def _select(self, message: Message) -> str:
        selector = message.get("selector")
        if not isinstance(selector, str) or len(selector) > LONGEST:
            raise UsageError("the selector is no text, or too long", remedy=f"at most {LONGEST:,} characters")
        found = self._project.select_nodes(selector)
        return f"{plural(len(found), 'node')} selected"

    def _now(self, _message: Message) -> str:
        self._widget.show_now()
        return ""

    def _look(self, _message: Message) -> str:
        self._project.look_again()
        return ""


def _why(result: NodeResult) -> str:
    """The plan's words; of a node that was executed they are about the time before."""
    executed = result.started is not None or result.status is ExecutionStatus.RUNNING
    reason = "it was asked for" if result.reason.code is Why.NAMED else str(result.reason)
    return f"ran because: {reason}" if executed and reason else reason


def _whose(message: Message) -> dict[str, int]:
    """What an answer repeats: the page's number of the message, and that of the view which sent it; 0 where it is none."""
    told = {name: message.get(name) for name in ("n", "view")}
    return {name: number if type(number) is int else 0 for name, number in told.items()}


def _chosen(how: object, ids: Sequence[str]) -> dict[str, Any]:
    """The selection of a run, by the names in ``Request``."""
    whole: dict[str, dict[str, Any]] = {
        "all": {"full": True},
        "changed": {},
        "retry": {"again": True},
    }
    named: dict[str, dict[str, Any]] = {
        "downstream": {"nodes": [*ids]},
        "only": {"nodes": [*ids], "only": True},
        "upstream": {"nodes": [f"+{node_id}" for node_id in ids], "only": True},
    }
    chosen = {**whole, **(named if ids else {})}
    if not isinstance(how, str) or how not in chosen:
        raise UsageError("the page asked for an unknown run", remedy="reload the page")
    return chosen[how]


def _command(chosen: Mapping[str, Any]) -> str:
    """The command line that would do the same, for the history."""
    if "again" in chosen:
        return "retry"
    nodes = f"--nodes {' '.join(chosen['nodes'])}" if "nodes" in chosen else ""
    flags = [f"--{name}" for name in ("full", "only") if chosen.get(name)]
    return " ".join(filter(None, ("run", nodes, *flags)))
