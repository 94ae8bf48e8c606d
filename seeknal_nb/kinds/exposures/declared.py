"""What exposures say of themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal_nb.config import ANYTHING, BODY, MAPPING, TEXT, ConfigError, Key, option
from seeknal_nb.declaration import Declaration
from seeknal_nb.errors import UsageError
from seeknal_nb.grammar import comma

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EXPOSURE"]


def _spelled(config: dict[str, Any]) -> dict[str, Any]:
    """``path`` beside ``params``, as the peer's examples have it, is the one within."""
    path, params = config.get("path"), config.get("params") or {}
    if isinstance(path, str) and isinstance(params, dict):
        if params.get("path") not in (None, path):
            why = f"{path!r} and {params['path']!r}"
            raise ConfigError("path and params.path differ", why=why, remedy="keep one of them", path=("path",))
        del config["path"]
        config["params"] = {**params, "path": path}
    return config


def _of_line(options: Mapping[str, Any]) -> dict[str, Any]:
    """A target that is a database, as YAML has it."""
    if sum(options[name] is not None for name in ("to", "sqlite", "postgres")) > 1:
        raise UsageError("an exposure has one target", remedy="keep one of --to, --sqlite and --postgres")
    if options["sqlite"] is not None:
        return {"params": {"format": "sqlite", "path": options["sqlite"]}}
    if options["postgres"] is None:
        return {}
    if options["table"] is not None:
        raise UsageError("two tables", remedy="write --postgres TABLE, without --table")
    return {"params": {"format": "postgresql", "table": options["postgres"]}}


_MODES = ("overwrite", "append")
_PARAMS = (
    Key("format", ANYTHING, "the format, where to does not tell it"),
    Key("path", ANYTHING, "the file"),
    Key("table", ANYTHING, "of the database", option("--table", metavar="NAME")),
    Key("connection", ANYTHING, "a connection of profiles.yml", option("--connection", metavar="NAME")),
    Key(
        "mode", ANYTHING, "what becomes of earlier rows (default: overwrite)",
        option("--mode", choices=_MODES),
    ),
    Key(
        "partition_by", ANYTHING, "with Parquet: a folder for each value",
        option("--partition-by", type=comma, metavar="A,B"),
    ),
    Key(
        "compression", ANYTHING, "gzip or zstd; of Parquet also snappy, brotli, lz4, none",
        option("--compression", metavar="NAME"),
    ),
    Key("sheet", ANYTHING, "of a workbook (default: the node's name)", option("--sheet", metavar="NAME")),
    Key("title", ANYTHING, "of a page (default: the description)", option("--title", metavar="TEXT")),
)  # fmt: skip

EXPOSURE = Declaration(
    "exposure",
    "Where data are delivered, or who uses them",
    "seeknal_nb.kinds.exposures.exposure:EXPOSURE",
    keys=(
        *(key for key in BODY if key.name not in ("params", "materialized")),
        Key("to", TEXT, "where it goes; the ending says the format", option("--to", metavar="FILE")),
        Key(
            "format", TEXT, "csv, tsv, parquet, json, jsonl, xlsx, html; svg, png, pdf or text from Python",
            option("--format", metavar="NAME"),
        ),
        Key(
            "type", ANYTHING, "file, database, chart, report; or what it only documents, as dashboard",
            option("--type", metavar="NAME"),
        ),
        Key("params", MAPPING, "of the target, where to does not say all of it", within=_PARAMS),
        Key("url", TEXT, "where people see it", option("--url", metavar="URL"), documents=True),
        Key(
            "maturity", TEXT, "how far it may be relied upon",
            option("--maturity", choices=("low", "medium", "high")), documents=True,
        ),
    ),
    line=(
        Key(
            "sqlite", ANYTHING, "with --table: deliver to an SQLite file",
            option("--sqlite", metavar="FILE"),
        ),
        Key(
            "postgres", ANYTHING, "with --connection: deliver to PostgreSQL",
            option("--postgres", metavar="TABLE"),
        ),
    ),
    of_line=_of_line,
    spelled=_spelled,
    elsewhere={
        "partition_by": "write it into params: {format: parquet, partition_by: day}, a folder for each value of the column",
        **{key: f"write it below params: {{{key}: ...}}" for key in ("table", "mode", "connection")},
        **dict.fromkeys(("sections", "prompt"), "no model writes reports here: a Python body gives texts and tables"),
        "materialized": "take it away: an exposure stores no table",
    },
)  # fmt: skip
