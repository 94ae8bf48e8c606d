"""The text of plans, events and summaries, as SPEC.md prints them. The only module here that prints."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from typing import TYPE_CHECKING, TextIO

from seeknal_nb.markup import cut, esc_term
from seeknal_nb.status import LOOKS, ExecutionStatus
from seeknal_nb.workflow.events import ExecutionSummary, NodeFinished, NodeStarted, RunFinished, RunStarted
from seeknal_nb.workflow.reasons import Why

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from seeknal_nb.workflow.events import Event, NodeResult
    from seeknal_nb.workflow.plan import Plan

__all__ = ["event_lines", "followed", "plan_lines", "print_lines", "print_summary", "summary_lines"]

RULE = "=" * 60
SHORT = 200
"""A failure was told whole when it happened; the summary names it."""
COLOURS = {"ℹ": "36", "!": "33", **{look.icon: look.ansi for look in LOOKS.values() if look.ansi}}
PLAIN = {"ℹ": "i", "…": "...", **{look.icon: look.ascii for look in LOOKS.values()}}


def followed(events: Generator[Event], *, progress: bool = True) -> ExecutionSummary:
    """Follow a run to its end, printing its lines unless ``progress`` is False; gives its summary."""
    summary = ExecutionSummary()
    with closing(events):
        for event in events:
            if progress:
                print_lines(event_lines(event))
            if isinstance(event, RunFinished):
                summary = event.summary
    return summary


def plan_lines(plan: Plan) -> Iterator[str]:
    """SPEC.md § print_plan(), with each step's reason in parentheses."""
    yield from ("ℹ Execution Plan:", f"ℹ {RULE}")
    yield from plan.lines()
    yield f"ℹ {RULE}"
    yield from (f"! {warning}" for warning in plan.warnings)
    yield f"ℹ {plan.headline()}"
    yield from (str(why) for why in plan.whys)


def event_lines(event: Event) -> Iterator[str]:
    """SPEC.md § Progress Reporting; of nodes that were not executed, warnings and what a failure blocked."""
    if isinstance(event, RunStarted) and not event.plan.runs:
        yield "ℹ No changes detected. Nothing to run."
    elif isinstance(event, RunStarted):
        yield from (f"! {warning}" for warning in event.plan.warnings)
    elif isinstance(event, NodeStarted):
        yield f"ℹ {event.number}/{event.total}: {event.node_id} [RUNNING]"
    elif isinstance(event, NodeFinished):
        yield from _result_lines(event.result)
    elif isinstance(event, RunFinished) and event.interrupted:
        yield "! interrupted: what is finished is kept, and the next run goes on from there"


def _result_lines(result: NodeResult) -> Iterator[str]:
    name, sign = result.node_id.partition(".")[2], LOOKS[result.status].icon
    notes = [*filter(None, [result.partitions]), *([f"{result.attempts} attempts"] if result.attempts > 1 else [])]
    tries = f" ({', '.join(notes)})" if notes else ""
    if result.status is ExecutionStatus.SUCCESS:
        yield f"{sign} {name} completed in {result.duration:.2f}s{tries}"
        yield from (f"! {name}: {warning}" for warning in result.warnings)
    elif result.status is ExecutionStatus.CACHED:
        yield from (f"! {name}: {warning}" for warning in result.warnings)
    elif result.status is ExecutionStatus.FAILED:
        yield f"{sign} {name} failed after {result.duration:.2f}s{tries}: {result.error_message}"
    elif result.reason.code is Why.UPSTREAM_FAILED:
        yield f"{sign} {name} skipped: {result.reason}"


def summary_lines(summary: ExecutionSummary) -> Iterator[str]:
    """SPEC.md § Example Summary Output; other counts where there are some, then the failures."""
    yield from (f"ℹ {RULE}", "ℹ Execution Summary", f"ℹ {RULE}")
    rows = {
        "Total nodes:": summary.total_nodes,
        "Changed nodes:": summary.changed_nodes,
        "Cached nodes:": summary.cached_nodes,
        "Successful:": summary.successful_nodes,
        "Failed:": summary.failed_nodes,
        **({"Skipped:": summary.skipped_nodes} if summary.skipped_nodes else {}),
        **({"Pending:": summary.pending_nodes} if summary.pending_nodes else {}),
        **({"With warnings:": len(summary.warned)} if summary.warned else {}),
    }
    yield from (f"  {name:<17}{count}" for name, count in rows.items())
    yield f"  {'Duration:':<17}{summary.total_duration:.2f}s"
    yield f"ℹ {RULE}"
    for result in summary.failed:
        first = (result.error_message or "").partition("\n")[0]
        yield f"{LOOKS[result.status].icon} {result.node_id}: {cut(first, SHORT)}"
    yield from (f"ℹ {line}" for line in (*filter(None, [summary.left()]), *summary.advice))


def print_summary(summary: ExecutionSummary) -> None:
    """Print a summary to standard output."""
    print_lines(summary_lines(summary))


def print_lines(lines: Iterator[str], stream: TextIO | None = None) -> None:
    """Print lines whose text came from outside: escaped, coloured only on a terminal, in ASCII where it must be."""
    stream = stream or sys.stdout
    coloured = stream.isatty() and "NO_COLOR" not in os.environ
    for line in lines:
        shown = [_coloured(part) if coloured else esc_term(part, one_line=True) for part in line.split("\n")]
        stream.write(_fit("\n    ".join(shown), stream) + "\n")
    stream.flush()


def _coloured(line: str) -> str:
    mark, text = line[:1], esc_term(line[1:], one_line=True)
    return f"\x1b[{COLOURS[mark]}m{mark}\x1b[0m{text}" if mark in COLOURS else esc_term(line, one_line=True)


def _fit(text: str, stream: TextIO) -> str:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        plain = "".join(PLAIN.get(c, c) for c in text)
        return plain.encode("ascii", "backslashreplace").decode()
    return text
