"""What a run says while it goes on, and what it leaves: the values that every face shows. No clock, no disk."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seeknal_nb.markup import cut, esc_html, esc_term, plural, some, table
from seeknal_nb.status import LOOKS, ExecutionStatus, badge, look_of
from seeknal_nb.workflow.frames import checks_frame, metrics_frame, results_frame
from seeknal_nb.workflow.reasons import Reason, Why

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import pandas as pd

__all__ = [
    "Event",
    "ExecutionStatus",
    "ExecutionSummary",
    "NodeFinished",
    "NodeProgress",
    "NodeResult",
    "NodeStarted",
    "RunFinished",
    "RunStarted",
]


UNSAID = Reason(Why.TOLD)


@dataclass(frozen=True, slots=True)
class NodeResult:
    """How one node came out.

    Attributes:
        node_id: ``kind.name``.
        status: Never RUNNING in a summary.
        duration: Seconds, all attempts together; 0.0 where nothing was executed.
        row_count: Rows of the node's table; None where it has none or was not executed.
        error_message: At most 4,000 characters.
        metadata: What the kind tells besides, as JSON has it.
        reason: Why it ran, or why not, as the plan has it; a plain text becomes a ``Reason`` of its own words.
        attempts: How often it was executed.
        started: Seconds since the epoch; None where nothing was executed.
        where: ``here``, or which process did it; empty where nothing was executed.
        error: The exception itself, with the user's own traceback.
    """

    node_id: str
    status: ExecutionStatus
    duration: float = 0.0
    row_count: int | None = None
    error_message: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    reason: Reason = UNSAID
    attempts: int = 0
    started: float | None = None
    where: str = ""
    error: BaseException | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.reason, Reason):
            object.__setattr__(self, "reason", Reason(Why.TOLD, self.reason))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What went well but should be looked at: a check of severity ``warn``, numbers that arrived as text."""
        return tuple(self.metadata.get("warnings", ()))

    @property
    def checks(self) -> list[dict[str, Any]]:
        """What was checked of its data, a mapping a check; ``ExecutionSummary.checks`` has their columns."""
        return list(self.metadata.get("checks") or ())

    @property
    def partitions(self) -> str:
        """How many of them were built, of a node that has some: ``1 of 1,001 partitions``; else empty."""
        counts = self.counts
        return f"{counts[0]:,} of {plural(counts[1], 'partition')}" if counts is not None else ""

    @property
    def counts(self) -> tuple[int, int] | None:
        """How many of its partitions were built, and how many there are; None of a node that has none."""
        told = self.metadata.get("partitions")
        if not isinstance(told, dict) or not all(type(told.get(name)) is int for name in ("built", "total")):
            return None  # a kind of somebody else's calls something else so
        return told["built"], told["total"]

    def row(self) -> dict[str, Any]:
        """It as ``ExecutionSummary.to_frame`` has it, by column."""
        built, total = self.counts or (None, None)
        return {
            "node_id": self.node_id, "kind": self.node_id.partition(".")[0], "status": str(self.status),
            "reason": str(self.reason), "duration": self.duration, "row_count": self.row_count, "attempts": self.attempts,
            "started": self.started, "warnings": len(self.warnings), "partitions": total, "partitions_built": built,
            "where": self.where, "error": self.error_message,
        }  # fmt: skip

    def detail(self) -> str:
        """Rows, or a rule's checks, and seconds, where there are any: ``336,776 rows · 0.52 s``, ``6 of 7 checks``."""
        checks, is_rule = self.checks, self.node_id.startswith("rule.")
        passed = sum(bool(check.get("passed")) for check in checks)
        counted = [] if self.row_count is None else [plural(self.row_count, "check" if is_rule else "row")]
        if checks and (is_rule or passed < len(checks)):
            counted = [*([] if is_rule else counted), f"{passed} of {plural(len(checks), 'check')}"]
        took = f"{self.duration:.2f} s" if self.attempts or self.duration else ""
        return " · ".join([*counted, *filter(None, [self.partitions, took])])

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON has it: without the exception and the start."""
        return {
            "node_id": self.node_id,
            "status": str(self.status),
            "reason": str(self.reason),
            "duration": round(self.duration, 6),
            "row_count": self.row_count,
            "attempts": self.attempts,
            "where": self.where,
            "error_message": self.error_message,
            "metadata": self.metadata,
        }


@dataclass(frozen=True, slots=True)
class ExecutionSummary:
    """SPEC.md § Execution Summary. ``total = successful + failed + cached + skipped + pending``.

    ``advice`` are lines on what would make such a run cheaper, as it was measured.
    ``changed_nodes`` counts what the plan set out to run and did not find to be up to date after all, whatever came of it;
    ``results`` come in topological order, one a node.
    """

    total_nodes: int = 0
    changed_nodes: int = 0
    cached_nodes: int = 0
    successful_nodes: int = 0
    failed_nodes: int = 0
    skipped_nodes: int = 0
    total_duration: float = 0.0
    results: list[NodeResult] = field(default_factory=list)
    pending_nodes: int = 0
    advice: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, results: Sequence[NodeResult], *, runs: Collection[str], duration: float, advice: tuple[str, ...] = ()
    ) -> ExecutionSummary:
        """Count the results by status; ``runs`` are the ids that the plan set out to run."""
        set_out, counts = frozenset(runs), Counter([result.status for result in results])
        return cls(
            total_nodes=len(results),
            changed_nodes=sum(r.node_id in set_out and r.status is not ExecutionStatus.CACHED for r in results),
            cached_nodes=counts[ExecutionStatus.CACHED],
            successful_nodes=counts[ExecutionStatus.SUCCESS],
            failed_nodes=counts[ExecutionStatus.FAILED],
            skipped_nodes=counts[ExecutionStatus.SKIPPED],
            pending_nodes=counts[ExecutionStatus.PENDING],
            total_duration=duration,
            results=list(results),
            advice=advice,
        )

    def __getitem__(self, node_id: str) -> NodeResult:
        """The result of one node, by its id."""
        for result in self.results:
            if result.node_id == node_id:
                return result
        raise KeyError(node_id)

    @property
    def failed(self) -> list[NodeResult]:
        """The results of the nodes that failed, in topological order."""
        return [r for r in self.results if r.status is ExecutionStatus.FAILED]

    @property
    def warned(self) -> list[NodeResult]:
        """The results of the nodes that have warnings, however they came out, in topological order."""
        return [r for r in self.results if r.metadata and r.warnings]

    @property
    def checks(self) -> pd.DataFrame:
        """One row a check of the run's rules, and of what else checks its data, in topological order.

        Columns: node_id, check, severity (text); passed (bool); failed_rows, rows (Int64, missing where a check counts
        none); tolerance (Float64, the share of rows that may fail); sample (text, JSON of offending rows).
        """
        return checks_frame(self._checks())

    @property
    def metrics(self) -> pd.DataFrame:
        """One row a number that a node of the run told of itself, in topological order.

        Columns: node_id, metric (text; ``null_share.balance`` where a kind tells one a column); value (Float64).
        """
        return metrics_frame({r.node_id: r.metadata.get("metrics") or {} for r in self.results})

    def _checks(self) -> list[dict[str, Any]]:
        return [{"node_id": r.node_id, **check} for r in self.results for check in r.checks]

    def totals(self) -> dict[str, int | float]:
        """The counters, by the names that the spec's summary prints."""
        return {
            "total": self.total_nodes,
            "changed": self.changed_nodes,
            "cached": self.cached_nodes,
            "successful": self.successful_nodes,
            "failed": self.failed_nodes,
            "skipped": self.skipped_nodes,
            "pending": self.pending_nodes,
            "warned": len(self.warned),
            "duration": round(self.total_duration, 6),
        }

    def to_dict(self) -> dict[str, Any]:
        """The spec's eight fields, ``pending_nodes``, then warnings and checks, each with its node, and advice, as JSON."""
        return {
            "total_nodes": self.total_nodes,
            "changed_nodes": self.changed_nodes,
            "cached_nodes": self.cached_nodes,
            "successful_nodes": self.successful_nodes,
            "failed_nodes": self.failed_nodes,
            "skipped_nodes": self.skipped_nodes,
            "pending_nodes": self.pending_nodes,
            "total_duration": round(self.total_duration, 6),
            "warnings": [{"node_id": r.node_id, "text": text} for r in self.results for text in r.warnings],
            "checks": self._checks(),
            "advice": list(self.advice),
            "results": [result.to_dict() for result in self.results],
        }

    def to_frame(self) -> pd.DataFrame:
        """One row a node, in topological order.

        Columns: node_id, kind, status, reason (text); duration (float64, seconds); row_count (Int64); attempts (int64);
        started (datetime64[ns, UTC]); warnings (int64, how many); partitions, partitions_built (Int64, of a node that has
        some); where (text, empty where nothing was executed); error (text, missing where there was none).
        """
        return results_frame([result.row() for result in self.results])

    def headline(self) -> str:
        """One sentence, in which each node is counted once: ``21 nodes in 0.30s: 1 run, 20 up to date; 1 with warnings``."""
        counts = {
            "failed": self.failed_nodes,
            "run": self.successful_nodes,
            "up to date": self.cached_nodes,
            "skipped": self.skipped_nodes,
            "pending": self.pending_nodes,
        }
        counted = ", ".join(f"{n} {word}" for word, n in counts.items() if n) or "none"
        warned = f"; {len(self.warned)} with warnings" if self.warned else ""
        return f"{plural(self.total_nodes, 'node')} in {self.total_duration:.2f}s: {counted}{warned}"

    def left(self) -> str:
        """What a run that stopped at a failure left alone, and how to go on; empty where it left nothing."""
        names = [r.node_id for r in self.results if r.reason.code is Why.RUN_STOPPED]
        if not names:
            return ""
        left = f"{plural(len(names), 'node')} left as they were ({some(names, 5)})"
        return f"stopped at the failure, {left}: --continue-on-error runs what does not depend on it"

    def __str__(self) -> str:
        lines = [self.headline()]
        lines += [f"  ! {r.node_id}: {cut(esc_term(text, one_line=True), 300)}" for r in self.results for text in r.warnings]
        failed = LOOKS[ExecutionStatus.FAILED].icon
        lines += [f"  {failed} {r.node_id}: {cut(esc_term(r.error_message or '', one_line=True), 300)}" for r in self.failed]
        lines += [f"  {line}" for line in (*filter(None, [self.left()]), *self.advice)]
        return "\n".join(lines)

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": self._html()}

    def _html(self, most: int = 200) -> str:
        shown = sorted(self.results, key=lambda r: r.status is not ExecutionStatus.FAILED)[:most]
        rows = [
            [badge(look_of(r.status, warned=bool(r.warnings))), r.node_id, r.reason,
             f"{r.duration:.2f} s" if r.attempts else "", "" if r.row_count is None else f"{r.row_count:,}",
             cut(r.error_message or "", 300)]
            for r in shown
        ]  # fmt: skip
        left = f"<p>{len(self.results) - most} more: summary.to_frame()</p>" if len(self.results) > most else ""
        notes = "".join(f"<p>! {esc_html(r.node_id)}: {esc_html(text)}</p>" for r in self.results for text in r.warnings)
        notes += "".join(f"<p>{esc_html(line)}</p>" for line in (*filter(None, [self.left()]), *self.advice))
        shown_table = table(["status", "node", "why", "time", "rows", "error"], rows)
        return f"<p>{esc_html(self.headline())}</p>{notes}{shown_table}{left}"


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run begins; ``plan`` is a ``workflow.plan.Plan`` and its steps come in topological order."""

    run_id: str
    plan: Any
    total: int


@dataclass(frozen=True, slots=True)
class NodeStarted:
    """A node begins; ``number`` counts from 1 in topological order, of ``total``."""

    node_id: str
    number: int
    total: int
    reason: Reason = UNSAID


@dataclass(frozen=True, slots=True)
class NodeProgress:
    """How far a node with partitions is, ten times a second at most; its last partition comes with ``NodeFinished``."""

    node_id: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class NodeFinished:
    """A node has its final status; also for those that were not executed."""

    result: NodeResult


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The last event of every run, whatever came out; ``interrupted`` says that somebody stopped it."""

    summary: ExecutionSummary
    interrupted: bool = False


Event = RunStarted | NodeStarted | NodeProgress | NodeFinished | RunFinished
