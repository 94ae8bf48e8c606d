"""What sources say of themselves: the formats that they read, and how a line and Python spell them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seeknal_nb.config import ANYTHING, BODY, MAPPING, MAPPINGS, TEXT, ConfigError, Key, option
from seeknal_nb.declaration import Declaration, body_of
from seeknal_nb.errors import ManifestError, UsageError
from seeknal_nb.grammar import params_of
from seeknal_nb.kinds.declared import FIELDS, PARTITION_BY, REFRESH

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FORMATS", "SOURCE"]

FORMATS = ("csv", "tsv", "parquet", "json", "jsonl", "sqlite", "xlsx", "postgres", "dataframe")
"""What a source may read."""
_PLACES = {"postgres": "table", "dataframe": "input"}
"""The key of what a source reads, by its format, where that is no ``path``."""
_BETWEEN = re.compile(r",(?![^(]*\))")
"""Commas outside of brackets: ``a:DECIMAL(9,2),b:DATE`` has one."""


def _columns(text: str) -> list[dict[str, str]]:
    return [_typed(part) for part in _BETWEEN.split(text)]


def _typed(text: str) -> dict[str, str]:
    name, colon, kind = text.rpartition(":")
    if not colon or not name.strip() or not kind.strip():
        raise UsageError(f"cannot read {text!r} of --schema", remedy="--schema amount:DOUBLE,day:DATE")
    return {"name": name.strip(), "data_type": kind.strip()}


def _fresh(text: str) -> dict[str, str]:
    name, *limits = text.split(":")
    if not name or len(limits) > 2:  # noqa: PLR2004 - warn and error
        raise UsageError(f"cannot read --freshness {text!r}", remedy="--freshness ts:24h:48h, or ts::48h without a warning")
    found = dict(zip(("warn_after", "error_after"), limits, strict=False))
    return {"column": name, **{key: value for key, value in found.items() if value}}


def _words(given: list[str]) -> str | list[str]:
    return given[0] if len(given) == 1 else given


def _spelled(config: dict[str, Any]) -> dict[str, Any]:
    """``csv: f.csv`` names a file and its format at once; what a source reads is one thing."""
    forms = [form for form in FORMATS if config.get(form) is not None]
    for form in forms:
        place = _PLACES.get(form, "path")
        twice = [*(other for other in forms if other != form), *(key for key in ("source", place) if key in config)]
        if twice:
            why = f"{form} names what it reads, and so does {twice[0]}"
            raise ManifestError("a source reads one thing", why=why, remedy="keep one of them")
        if not isinstance(config[form], str):
            why = f"it is {config[form]!r:.100}"
            raise ConfigError(f"{form} must be text", why=why, remedy=f"{form}: data/users.{form}", path=(form,))
        config |= {"source": form, place: config.pop(form)}
    return config


def _of_line(options: Mapping[str, Any]) -> dict[str, Any]:
    """A source of a line reads one thing, and ``--input`` says that it is a variable."""
    given = [*(form for form in FORMATS if options.get(form)), *(key for key in _ONE if options.get(key))]
    if len(given) > 1 and given != ["postgres", "connection"]:
        raise UsageError("a source reads one thing", remedy="keep one of the files, --connection or --input")
    return {"source": "dataframe"} if options["input"] else {}


_ONE = ("path", "input", "connection")


def is_elsewhere(config: Mapping[str, Any]) -> bool:
    """Whether the SQL of a source is a database's own, whose tables are no nodes."""
    form = config.get("source") or config.get("format")
    return form in ("postgres", "postgresql") if form else bool(config.get("connection") or config.get("connection_string"))


def _statements(config: Mapping[str, Any]) -> list[str]:
    return [] if is_elsewhere(config) else body_of(config)


_PARAMS = (
    Key(
        "nullstr", ANYTHING, "what stands for null, as NA; may be repeated",
        option("--null", action="append", metavar="WORD", becomes=_words),
    ),
    Key("delimiter", ANYTHING, "what stands between columns", option("--delimiter", metavar="C")),
    Key("table", ANYTHING, "of a database: which table", option("--table", metavar="NAME")),
    Key("query", ANYTHING, "of a database: which rows", option("--query", metavar="SELECT")),
    Key("sheet", ANYTHING, "of a workbook: which sheet (default: the first)", option("--sheet", metavar="NAME")),
)  # fmt: skip
_FILES = tuple(
    Key(form, ANYTHING, f"the {form} file that it reads", option(f"--{form}", metavar="FILE"))
    for form in FORMATS
    if form not in _PLACES
)
_OWN = (
    Key(
        "path", TEXT, "a file, a glob or a folder; its ending says the format",
        option(nargs="?", metavar="FILE"),
    ),
    *_FILES,
    Key(
        "postgres", ANYTHING, "a table of PostgreSQL, with a connection",
        option("--postgres", metavar="TABLE"),
    ),
    Key("dataframe", ANYTHING, "a variable of the notebook that holds a table"),
    Key("source", TEXT, f"the format: {', '.join(FORMATS)}"),
    Key("format", TEXT, "likewise, as the peer spells it"),
    Key("table", ANYTHING, "of a database: which table; in the peer's projects the file"),
    Key(
        "connection", TEXT, "a connection of profiles.yml, or postgresql://user:${PGPASSWORD}@host/db",
        option("--connection", metavar="NAME"),
    ),
    Key("connection_string", TEXT, "likewise, as an address"),
    Key("input", TEXT, "a DataFrame of the notebook", option("--input", metavar="VARIABLE")),
    Key("query", TEXT, "of a database: which rows", sql=True),
    Key(
        "watermark", TEXT, "of a database: read it again when this query's result changes",
        option("--watermark", metavar="SELECT"), sql=True,
    ),
    replace(REFRESH, option=option("--refresh", metavar="WHEN")),
    PARTITION_BY,
    Key("params", MAPPING, "options of the reader", within=_PARAMS),
    Key(
        "schema", MAPPINGS, "types that columns must have: name and data_type of each",
        option("--schema", metavar="COLUMN:TYPE,...", becomes=_columns),
    ),
    Key(
        "freshness", MAPPING, "how old the newest row may be: column, warn_after, error_after",
        option("--freshness", metavar="COLUMN:WARN:ERROR", becomes=_fresh),
    ),
)  # fmt: skip

SOURCE = Declaration(
    "source",
    "Data from outside, kept as a snapshot",
    "seeknal_nb.kinds.sources.source:SOURCE",
    keys=(
        *(key for key in BODY if key.name not in ("params", "materialization", "materializations")),
        *_OWN,
        *(Key(name, ANYTHING, "of a connection") for name in FIELDS),
        Key("materialization", ANYTHING, "the peer's catalog of tables: only where it is switched off"),
        Key("materializations", ANYTHING, "likewise, several of them"),
    ),
    line=(
        Key(
            "param", ANYTHING, "other options of the reader",
            option("--param", action="extend", nargs="+", metavar="K=V"),
        ),
    ),
    of_line=lambda options: _of_line(options) | _more(options),
    arguments=("source", "table", "columns", "tags", "materialization", "query", "connection"),
    parametrised=True,
    spelled=_spelled,
    statements=_statements,
)  # fmt: skip


def _more(options: Mapping[str, Any]) -> dict[str, Any]:
    found = params_of(options["param"] or ())
    return {"params": found} if found else {}
