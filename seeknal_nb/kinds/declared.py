"""What transforms, and the peer's declarations of meaning, say of themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal_nb.config import ANYTHING, BODY, LOOSE, TEXT, Key, option
from seeknal_nb.declaration import LAST, Declaration, Reference
from seeknal_nb.python.wanted import wanted_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["DUCKDB", "FIELDS", "METRIC", "REFRESH", "RETRIEVAL", "SEMANTIC_MODEL", "TRANSFORM"]


def _wanted(text: str) -> list[str]:
    """Features, a comma apart; a name may follow AS, so blanks are no mistake here."""
    return [part.strip() for part in text.split(",")]


def _joined(config: Mapping[str, Any]) -> Iterator[Reference]:
    """The spine and the feature groups of a transform that joins them."""
    if config.get("features") is None:
        return
    if isinstance(config.get("spine"), str):
        yield Reference(config["spine"], "spine", rank=LAST)
    for wanted in wanted_in(config["features"]):
        yield Reference(wanted.group, "feature group", rank=LAST)


def _modelled(config: Mapping[str, Any]) -> Iterator[Reference]:
    """What a semantic model or a metric is about, where it is a node here; it may be one of another project."""
    if isinstance(config.get("model"), str):
        yield Reference(config["model"], rank=LAST, needed=False)


REFRESH = Key("refresh", ANYTHING, "always, never, or a time: do it again when it is older than 1h")
"""Of kinds whose work may have to be done again although nothing was seen to change."""
PARTITION_BY = Key(
    "partition_by",
    TEXT,
    "built a partition at a time: inherit, day(ts), month(ts, 'Europe/Berlin'), COLUMN; of files: file",
    option("--partition-by", metavar="WHAT"),
)
LOOKBACK = Key(
    "lookback", ANYTHING, "how many partitions before its own one of them reads too",
    option("--lookback", type=int, metavar="N"),
)  # fmt: skip
DUCKDB = Key("engine", TEXT, "duckdb, which it is anyway", words=("duckdb",))
FIELDS: Mapping[str, str] = {
    "host": "host", "port": "port", "database": "dbname", "dbname": "dbname", "user": "user", "password": "password",
    "sslmode": "sslmode", "sslrootcert": "sslrootcert", "sslcert": "sslcert", "sslkey": "sslkey",
    "connect_timeout": "connect_timeout", "application_name": "application_name", "keepalives": "keepalives",
    "keepalives_idle": "keepalives_idle", "keepalives_interval": "keepalives_interval",
    "keepalives_count": "keepalives_count",
}  # fmt: skip
"""What a connection may say of itself, as a profiles file has it, and as libpq calls it."""

RETRIEVAL = (
    Key(
        "features", LOOSE, "features to join: group, group:feature, group:feature AS name",
        option("--features", type=_wanted, metavar="A,B:x"),
    ),
    Key("spine", TEXT, "for which rows (default: those of the body)", option("--spine", metavar="NODE")),
    Key(
        "label_time", TEXT, "the spine's column with the time as of which they are wanted",
        option("--label-time", metavar="COLUMN"),
    ),
    Key(
        "mode", TEXT, "true by then, or known by then (default: event)", option("--mode", choices=("event", "known")),
    ),
    DUCKDB,
)  # fmt: skip
"""Keys of a transform that joins features to a spine."""

TRANSFORM = Declaration(
    "transform",
    "A table from SQL or Python, or features joined to a spine as they were",
    "seeknal_nb.kinds.tables:TRANSFORM",
    keys=(*BODY, REFRESH, PARTITION_BY, LOOKBACK, *RETRIEVAL),
    arguments=("sql", "inputs", "tags", "materialization"),
    parametrised=True,
    reads=_joined,
)

MEANING = tuple(
    Key(name, ANYTHING, says)
    for name, says in {
        "model": "the node that it is about, as ref('name')",
        "type": "of a metric: simple, ratio, cumulative or derived",
        "measures": "what is summed up, and how",
        "dimensions": "by what it may be grouped",
        "entities": "the keys by which it is joined",
        "metrics": "the metrics that it is made from",
        "measure": "the measure of a simple metric",
        "numerator": "of a ratio",
        "denominator": "of a ratio",
        "grain_to_date": "of a cumulative metric",
        "window": "likewise",
        "expr": "of a derived metric",
        "expression": "likewise",
        "filter": "which rows count",
        "aliases": "other names",
        "joins": "tables that it may be joined to",
        "time_dimension": "the column of its time",
        "default_time_dimension": "likewise",
        "entity": "whom it is about",
        "config": "what the peer reads",
        "params": "likewise",
    }.items()
)
"""Keys of the peer's semantic models and metrics, which are shown and not run."""

SEMANTIC_MODEL = Declaration(
    "semantic_model",
    "What a table means, as the peer declares it: shown, not run",
    "seeknal_nb.kinds.tables:DECLARATION",
    keys=MEANING,
    open=True,
    reads=_modelled,
)
METRIC = Declaration(
    "metric",
    "A number that a semantic model gives, as the peer declares it: shown, not run",
    "seeknal_nb.kinds.tables:DECLARATION",
    keys=MEANING,
    open=True,
    reads=_modelled,
)
