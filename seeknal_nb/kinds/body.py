"""What all kinds with a body share: find its language, run it, keep what it prints, and store its table."""

from __future__ import annotations

import json
import os
import threading
import traceback
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeknal_nb.engines import Interrupted
from seeknal_nb.errors import ManifestError, NodeError, SeeknalError, Spot, text_of
from seeknal_nb.kinds.annotated import arguments
from seeknal_nb.kinds.context import Context
from seeknal_nb.kinds.thread_output import caught
from seeknal_nb.python.body import load, read_body
from seeknal_nb.storage.builds import DATA

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.engines import Table
    from seeknal_nb.kinds.task import Task

__all__ = [
    "body_line",
    "build_table",
    "called",
    "needs_body",
    "python_of",
    "python_value",
    "sql_at",
    "sql_body",
    "sql_key",
    "sql_of",
    "store",
]


METRICS = "metrics.json"
DECIMALS = "a DECIMAL comes exact: df['x'].astype(float) where a float will do, or CAST(x AS DOUBLE) in SQL"


def sql_of(node: Node) -> str | None:
    """The SQL body: ``sql``, or ``transform`` as the peer's YAML spells it."""
    text = node.config.get(sql_key(node))
    return text if isinstance(text, str) and text.strip() else None


def sql_key(node: Node) -> str:
    """The key of the SQL body."""
    return "sql" if node.config.get("sql") else "transform"


def sql_body(node: Node) -> AbstractContextManager[None]:
    """What the engine says inside is about the node's SQL body, where it has one."""
    return sql_at(sql_key(node)) if sql_of(node) else nullcontext()


@contextmanager
def sql_at(*path: str | int) -> Iterator[None]:
    """What the engine says of a line inside is about the SQL there, whose lines it was given as they are."""
    try:
        yield
    except NodeError as error:
        if error.spot.line is not None and not error.spot.path:
            error.why = f"at line {error.spot.line} of its SQL: {error.why}"
        error.within(*path)
        raise


def body_line(error: BaseException | None) -> int:
    """The line of a body, from 1, that an error is about; 0 for none."""
    spot = error.spot if isinstance(error, SeeknalError) else Spot()
    return spot.line or 0 if spot.path in (("sql",), ("transform",), ("python",)) else 0


def python_of(node: Node) -> str | None:
    """The Python body."""
    text = node.config.get("python")
    return text if isinstance(text, str) and text.strip() else None


def needs_body(node: Node) -> None:
    """Check that a node has one body: SQL or Python."""
    sql, python = sql_of(node), python_of(node)
    if sql and python:
        raise ManifestError("two bodies", why="it has SQL and Python both", remedy="keep one of them", node=node.id)
    if not sql and not python:
        raise ManifestError("no body", why="it has neither SQL nor Python", remedy="write a SELECT or Python", node=node.id)


def build_table(task: Task) -> tuple[Table, dict[str, Any]]:
    """Run the body and stage its table; gives it with what the body logged."""
    sql = sql_of(task.node)
    if sql:
        with sql_body(task.node):
            return task.engine.build(task.sql(sql), task.stage / DATA, alike=task.alike), {}
    value, context = python_value(task)
    if context.metrics:  # part of what was built: a rule may read nothing else of it
        (task.stage / METRICS).write_text(json.dumps(context.metrics, sort_keys=True), encoding="utf-8")
    return store(task, value), context.logged()


def store(task: Task, value: object) -> Table:
    """Stage a frame as the node's table."""
    return task.engine.take(value, task.stage / DATA)


def python_value(task: Task) -> tuple[object, Context]:
    """Run a Python body; gives its value and the context that it was given.

    Raises:
        NodeError: The body raised; the user's exception is the cause.
    """
    source = python_of(task.node) or ""
    body = read_body(source, name=task.node.name)
    context = Context(task)
    context.warn(*task.captured.warnings)
    given_to = partial(arguments, task, context, body)
    run = load(body, task.captured.fresh(), filename=f"<seeknal {task.node.id}>", arguments=given_to)
    given: dict[str, object] = {"ctx": context, "ref": context.ref}
    for name in body.reads:
        node_id = task.resolve(name) if name not in given else None
        if node_id is not None and name not in task.captured.values:
            given[name] = context.ref(node_id)
    try:
        return called(lambda: run(given), task, context.out), context
    except NodeError as error:
        error.metadata = {**context.logged(), **error.metadata}
        raise


def called(work: Callable[[], object], task: Task, out: io.StringIO) -> object:
    """Run the user's own code: whatever it raises is the node's failure, but an interrupt that was meant for us.

    A child process that comes back from it goes no further: its parent does.
    """
    node, own = task.node, os.getpid()
    try:
        with caught(out, node.id, task.surroundings.secrets.hide), _standing_here():
            return work()
    except (SeeknalError, Interrupted):
        raise
    except KeyboardInterrupt as error:
        if _raised_by(error, node):
            raise NodeError("the body raised KeyboardInterrupt", remedy="let it return instead") from error
        raise
    except BaseException as error:
        raise _failure(error, node) from error
    finally:
        if os.getpid() != own:
            os._exit(0)


@contextmanager
def _standing_here() -> Iterator[None]:
    """Whoever runs a body stands where he stood: one that goes to another folder does so for itself."""
    try:
        here = Path.cwd()
    except OSError:  # it is gone
        yield
        return
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():  # others would move one another
            with suppress(OSError):
                os.chdir(here)


def _raised_by(error: BaseException, node: Node) -> bool:
    """Whether a ``raise`` of the body itself brought it, rather than a signal."""
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1] if frames else None
    return last is not None and last.filename == f"<seeknal {node.id}>" and "raise" in (last.line or "")


def _failure(error: BaseException, node: Node) -> NodeError:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith("<seeknal ")]
    line = frames[-1].lineno if frames else None
    where = f" at line {line} of its body" if line else ""
    text = text_of(error)
    remedy = DECIMALS if isinstance(error, TypeError) and "decimal.Decimal" in text else "mend the body, then run again"
    return NodeError(f"{type(error).__name__}{where}", why=text, remedy=remedy, node=node.id, spot=Spot(("python",), line))
