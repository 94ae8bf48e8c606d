"""Results of a run as pandas frames, which are imported when somebody asks for one; and the numbers that nodes tell."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd

__all__ = ["checks_frame", "metrics_frame", "numbers_in", "results_frame"]

RESULT_COLUMNS = {
    **dict.fromkeys(("node_id", "kind", "status", "reason"), "str"), "duration": "float64", "row_count": "Int64",
    "attempts": "int64", "started": "float64", "warnings": "int64", "partitions": "Int64", "partitions_built": "Int64",
    "where": "str", "error": "str",
}  # fmt: skip
CHECK_COLUMNS = {
    **dict.fromkeys(("node_id", "check", "severity"), "str"), "passed": "bool", "failed_rows": "Int64", "rows": "Int64",
    "tolerance": "Float64", "sample": "str",
}  # fmt: skip


def results_frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """A row a result, as ``NodeResult.row`` gives it; see ``ExecutionSummary.to_frame``."""
    import pandas as pd  # noqa: PLC0415 - half a second, and only a notebook asks

    found = _frame({name: (kind, [row[name] for row in rows]) for name, kind in RESULT_COLUMNS.items()})
    found["started"] = pd.to_datetime(found["started"], unit="s", utc=True).astype("datetime64[ns, UTC]")
    return found


def checks_frame(checks: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """A row a check; see ``ExecutionSummary.checks``."""
    return _frame({name: (kind, [one.get(name) for one in checks]) for name, kind in CHECK_COLUMNS.items()})


def metrics_frame(metrics: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """A row a number of the metrics by node; see ``ExecutionSummary.metrics``."""
    found = [(node_id, *one) for node_id, told in metrics.items() for one in numbers_in(told)]
    columns = {"node_id": "str", "metric": "str", "value": "Float64"}
    return _frame({name: (kind, [one[at] for one in found]) for at, (name, kind) in enumerate(columns.items())})


def _frame(columns: Mapping[str, tuple[str, list[Any]]]) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415 - likewise

    return pd.DataFrame({name: pd.Series(values, dtype=kind) for name, (kind, values) in columns.items()})


def numbers_in(metrics: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """The numbers of a node's metrics, by name; those of a mapping by both names, a dot between."""
    for name, value in metrics.items():
        if isinstance(value, dict):
            yield from numbers_in(value, f"{prefix}{name}.")
        elif isinstance(value, (int, float)):
            with contextlib.suppress(OverflowError):  # an integer of hundreds of digits, in somebody's record
                yield f"{prefix}{name}", float(value)
