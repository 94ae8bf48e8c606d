"""What aggregations and profiles say of themselves."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seeknal_nb.config import ANYTHING, BODY, EITHER, TEXT, TEXTS, Key, option
from seeknal_nb.declaration import Declaration, Reference
from seeknal_nb.errors import UsageError
from seeknal_nb.grammar import comma
from seeknal_nb.kinds.declared import REFRESH

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["AGGREGATION", "PROFILE", "SECOND_ORDER_AGGREGATION"]


def _reads(config: Mapping[str, Any]) -> Iterator[Reference]:
    """``source``, as the peer spells the input, and the node that lists the application dates."""
    dates = config.get("application_dates")
    for name in (config.get("source"), dates.get("ref") if isinstance(dates, dict) else None):
        if isinstance(name, str):
            yield Reference(name)


def _of_line(options: Mapping[str, Any]) -> dict[str, Any]:
    """Features of columns, and application dates, as YAML has them."""
    named = [name for name in ("agg", "window") if options[name] is not None]
    if named and not options["column"]:
        raise UsageError(f"--{named[0]} of what?", remedy="--column amount, or --column '*' for events")
    functions, windows = options["agg"] or ["count"], options["window"]
    how = {"rolling": [{"window": windows, "functions": functions}]} if windows else {"basic": functions}
    called = {name: "events" if name == "*" else name for name in options["column"] or ()}
    features = [{"name": called[name], "column": name, **how} for name in called]
    return ({"features": features} if features else {}) | _application_dates(options)


def _application_dates(options: Mapping[str, Any]) -> dict[str, Any]:
    calendar = {key: options[key] for key in ("every", "on", "from", "until") if options[key] is not None}
    table = {"ref": options["dates_of"], "column": options["dates_column"]}
    table = {key: value for key, value in table.items() if value is not None}
    if bool(calendar) + bool(table) + bool(options["dates"]) > 1:
        raise UsageError("two kinds of application dates", remedy="keep one of --dates, --dates-of and --every")
    if (calendar and "every" not in calendar) or (table and "ref" not in table):
        raise UsageError("application dates of what?", remedy="add --every week, or --dates-of NODE")
    found = options["dates"] or calendar or table
    return {"application_dates": found} if found else {}


def _positive(value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is no whole number") from None


_OF_A_FEATURE = ("window", "functions", "aggs", "basic", "rolling", "ratio", "since", "column", "source_feature")

AGGREGATION = Declaration(
    "aggregation",
    "Features of the events before a date",
    "seeknal_nb.kinds.aggregations.aggregation:AGGREGATION",
    keys=(
        *BODY,
        Key("id_col", TEXT, "whose features they are", option("--id", metavar="COLUMN")),
        Key("group_by", TEXTS, "further keys of a row", option("--group-by", type=comma, metavar="A,B")),
        Key("feature_date_col", TEXT, "when an event was", option("--date", metavar="COLUMN")),
        Key(
            "application_date_col", TEXT, "the column with each row's own application date",
            option("--application-date", metavar="COLUMN"),
        ),
        Key("application_dates", ANYTHING, "a list of dates, a calendar (every, on, from, until), or a table (ref, column)"),
        Key("source", TEXT, "the input, as the peer spells it"),
        Key("features", EITHER, "what is computed: of which column, which functions, in which windows"),
    ),
    line=(
        Key("column", ANYTHING, "what is aggregated; * for events", option("--column", type=comma, metavar="A,B")),
        Key(
            "agg", ANYTHING, "as sum, mean, std, median, p95, last (default: count)",
            option("--agg", type=comma, metavar="A,B"),
        ),
        Key(
            "window", ANYTHING, "days before it, as 7d,8-30 (default: all)",
            option("--window", type=comma, metavar="A,B"),
        ),
        Key("dates", ANYTHING, "application dates, as 2024-01-31", option("--dates", type=comma, metavar="A,B")),
        Key(
            "dates_of", ANYTHING, "a table of application dates, and of keys where it has them",
            option("--dates-of", metavar="NODE"),
        ),
        Key(
            "dates_column", ANYTHING, "with --dates-of (default: application_date)",
            option("--dates-column", metavar="COLUMN"),
        ),
        Key("every", ANYTHING, "an application date every so often", option("--every", choices=("day", "week", "month"))),
        Key(
            "on", ANYTHING, "with --every: a day of the week, or of the month, or last",
            option("--on", metavar="DAY"),
        ),
        Key(
            "from", ANYTHING, "with --every: the first (default: the day after the first event)",
            option("--from", metavar="DATE"),
        ),
        Key(
            "until", ANYTHING, "with --every: the last (default: the day after the last event)",
            option("--until", metavar="DATE"),
        ),
    ),
    of_line=_of_line,
    elsewhere={key: f"write {key} in an entry of features" for key in _OF_A_FEATURE},
    arguments=("id_col", "feature_date_col", "features", "application_date_col", "description", "owner", "tags",
               "materialization"),
    reads=_reads,
)  # fmt: skip

SECOND_ORDER_AGGREGATION = replace(
    AGGREGATION, name="second_order_aggregation", says="Features of aggregates", parametrised=True
)

PROFILE = Declaration(
    "profile",
    "What each column of a table holds, a row a column and metric",
    "seeknal_nb.kinds.aggregations.profile:PROFILE",
    keys=(
        *BODY,
        REFRESH,
        Key(
            "profile", ANYTHING, "which columns, and how many frequent values",
            within=(
                Key("columns", ANYTHING, "which columns (default: all)", option("--columns", type=comma, metavar="A,B")),
                Key(
                    "params", ANYTHING, "max_top_values",
                    within=(
                        Key(
                            "max_top_values", ANYTHING, "how many frequent values to keep (default: 5)",
                            option("--top", type=_positive, metavar="N"),
                        ),
                    ),
                ),
            ),
        ),
    ),
    about=True,
)  # fmt: skip
