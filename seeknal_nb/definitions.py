"""The grammar of one node in a notebook: a kind, a name and options on the line, a body below. Options are YAML's keys."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.parser import body_language, is_expression
from seeknal_nb.engines import FORMS
from seeknal_nb.errors import UsageError, near
from seeknal_nb.grammar import Grammar, comma, params_of
from seeknal_nb.markup import article

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Definition", "define", "definition_grammar"]


@dataclass(frozen=True, slots=True)
class Definition:
    """A node as a cell gives it: what ``Project.node`` takes, and whether to run it at once."""

    kind: str
    name: str
    config: dict[str, Any]
    run: bool = False


def define(kind: str, words: Sequence[str], body: str) -> Definition:
    """A node from the words after its kind and the body of its cell.

    Raises:
        UsageError: The words cannot be understood.
        Help: They ask for it.
    """
    options = vars(definition_grammar(kind).parse_args(list(words)))
    name, run, language = options.pop("name"), options.pop("run"), options.pop("lang")
    config = {key: value for key, value in options.items() if value is not None and not key.startswith("_")}
    config |= SHAPES[kind](options) if kind in SHAPES else {}
    if body.strip():
        language = language or ("sql" if kind == "rule" and options["on"] and is_expression(body) else body_language(body))
        if language == "yaml":
            remedy = f"write %%seeknal alone on the first line, then kind: {kind} and name: {name}"
            raise UsageError("a YAML body names kind and name itself", remedy=remedy)
        config["python" if language == "python" else "sql"] = body.strip("\n")
    return Definition(kind, name, config, run)


def definition_grammar(kind: str) -> Grammar:
    """The parser of one kind's line."""
    parser = Grammar(prog=f"%%seeknal {kind}", description=f"Define {article(kind)}; its body is SQL or Python.")
    add = parser.add_argument
    add("name", metavar="NAME", help="letters, digits and _")
    add("--tags", type=comma, metavar="A,B", help="tags, a comma apart")
    add("--inputs", type=comma, metavar="X,Y", help="what it reads, besides what its body names")
    add("--description", "--desc", metavar="TEXT", help="what it is")
    add("--owner", metavar="WHO", help="whom to ask")
    add("--lang", choices=("sql", "python", "yaml"), help="the body's language (default: detected)")
    add("--as", choices=FORMS, help="what a Python body gets its inputs as (default: pandas)")
    add("--materialized", choices=("table", "view"), help="view: inlined into its consumers, never stored")
    add("--run", action="store_true", help="run it at once, and show its first rows")
    if kind in OPTIONS:
        OPTIONS[kind](parser)
    return parser


_FILES = ("csv", "tsv", "parquet", "json", "jsonl", "sqlite", "xlsx")
_BETWEEN = re.compile(r",(?![^(]*\))")
"""Commas outside of brackets: ``a:DECIMAL(9,2),b:DATE`` has one."""


def _source_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("_path", nargs="?", metavar="FILE", help="a file, a glob or a folder; its ending says the format")
    for form in _FILES:
        add(f"--{form}", dest=f"_{form}", metavar="FILE", help=f"read a {form} file")
    add("--postgres", dest="_postgres", metavar="TABLE", help="with --connection: read a table of PostgreSQL")
    add("--connection", metavar="NAME", help="a connection of profiles.yml, or postgresql://user:${PGPASSWORD}@host/db")
    add("--input", metavar="VARIABLE", help="take a DataFrame of the notebook")
    add("--table", dest="_table", metavar="NAME", help="of a database: which table")
    add("--query", dest="_query", metavar="SELECT", help="of a database: which rows")
    add("--watermark", metavar="SELECT", help="of a database: read it again when this query's result changes")
    add("--refresh", metavar="WHEN", help="always, never, or a time: read it again when it is older than 1h")
    add("--sheet", dest="_sheet", metavar="NAME", help="with --xlsx: which sheet (default: the first)")
    add("--null", dest="_nullstr", action="append", metavar="WORD", help="what stands for null, as NA; may be repeated")
    add("--delimiter", dest="_delimiter", metavar="C", help="what stands between columns")
    add("--schema", dest="_schema", metavar="COLUMN:TYPE,...", help="types that columns must have")
    add("--freshness", dest="_freshness", metavar="COLUMN:WARN:ERROR", help="how old the newest row may be, as ts:24h:48h")
    add("--param", dest="_param", action="extend", nargs="+", metavar="K=V", help="other options of the reader")


def _source_shape(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as the YAML of a source has them."""
    forms = {form: options[f"_{form}"] for form in _FILES if options[f"_{form}"]}
    one_of = (options["_path"], options["input"], options["connection"])
    if len(forms) + sum(map(bool, one_of)) > 1:
        raise UsageError("a source reads one thing", remedy="keep one of the files, --connection or --input")
    config: dict[str, Any] = {}
    for form, path in forms.items():
        config |= {"source": form, "path": path}
    if options["_path"]:
        config["path"] = options["_path"]
    if options["input"]:
        config["source"] = "dataframe"
    if options["_postgres"]:
        config |= {"source": "postgres", "table": options["_postgres"]}
    if options["_schema"]:
        config["schema"] = [_typed(text) for text in _BETWEEN.split(options["_schema"])]
    if options["_freshness"]:
        config["freshness"] = _fresh(options["_freshness"])
    params = _source_params(options)
    return config | ({"params": params} if params else {})


def _source_params(options: Mapping[str, Any]) -> dict[str, Any]:
    params = params_of(options["_param"] or ())
    words = options["_nullstr"]
    if words:
        params["nullstr"] = words[0] if len(words) == 1 else words
    return params | {k: options[f"_{k}"] for k in ("delimiter", "query", "table", "sheet") if options[f"_{k}"] is not None}


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


def _transform_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--features", type=_wanted, metavar="A,B:x", help="join features: group, group:feature, group:feature AS name")
    add("--spine", metavar="NODE", help="with --features: for which rows (default: those of the body)")
    add("--label-time", metavar="COLUMN", help="with --features: the column with the time as of which they are wanted")
    add("--mode", choices=("event", "known"), help="with --features: true by then, or known by then (default: event)")


def _wanted(text: str) -> list[str]:
    """Features, a comma apart; a name may follow AS, so blanks are no mistake here."""
    return [part.strip() for part in text.split(",")]


def _feature_group_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--entity", dest="_entity", metavar="NAME", help="whom the features describe")
    add("--key", dest="_key", type=comma, metavar="A,B", help="the entity's key columns")
    add("--event-time", dest="_event_time", metavar="COLUMN", help="when the features were true")
    add("--created", dest="_created", metavar="COLUMN", help="when they became known")
    add("--ttl", dest="_ttl", metavar="TIME", help="how long they hold, as 7d")
    add("--features", type=comma, metavar="A,B", help="the features (default: all other columns)")


def _feature_group_shape(options: Mapping[str, Any]) -> dict[str, Any]:
    entity = {"name": options["_entity"], "join_keys": options["_key"]}
    times = {
        "event_time_col": options["_event_time"],
        "created_time_col": options["_created"],
        "ttl": options["_ttl"],
    }
    parts = {"entity": entity, "materialization": times}
    shaped = {part: {k: v for k, v in values.items() if v is not None} for part, values in parts.items()}
    return {part: values for part, values in shaped.items() if values}


def _aggregation_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--id", dest="_id_col", metavar="COLUMN", help="whose features they are")
    add("--group-by", dest="_group_by", type=comma, metavar="A,B", help="further keys of a row")
    add("--date", dest="_feature_date_col", metavar="COLUMN", help="when an event was")
    add("--column", dest="_column", type=comma, metavar="A,B", help="what is aggregated; * for events")
    add("--agg", dest="_agg", type=comma, metavar="A,B", help="as sum, mean, std, median, p95, last (default: count)")
    add("--window", dest="_window", type=comma, metavar="A,B", help="days before it, as 7d,8-30 (default: all)")
    add("--application-date", dest="_application_date_col", metavar="COLUMN", help="the column with each row's own")
    add("--dates", dest="_dates", type=comma, metavar="A,B", help="application dates, as 2024-01-31")
    add("--dates-of", dest="_ref", metavar="NODE", help="a table of application dates, and of keys where it has them")
    add("--dates-column", dest="_dates_column", metavar="COLUMN", help="with --dates-of (default: application_date)")
    add("--every", dest="_every", choices=("day", "week", "month"), help="an application date every so often")
    add("--on", dest="_on", metavar="DAY", help="with --every: a day of the week, or of the month, or last")
    add("--from", dest="_from", metavar="DATE", help="with --every: the first (default: the day after the first event)")
    add("--until", dest="_until", metavar="DATE", help="with --every: the last (default: the day after the last event)")


def _aggregation_shape(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as the YAML of an aggregation has them."""
    names = ("id_col", "group_by", "feature_date_col", "application_date_col")
    config = {name: options[f"_{name}"] for name in names if options[f"_{name}"] is not None}
    named = [name for name in ("_agg", "_window") if options[name] is not None]
    if named and not options["_column"]:
        raise UsageError(f"--{named[0][1:]} of what?", remedy="--column amount, or --column '*' for events")
    functions, windows = options["_agg"] or ["count"], options["_window"]
    how = {"rolling": [{"window": windows, "functions": functions}]} if windows else {"basic": functions}
    if options["_column"]:
        called = {name: "events" if name == "*" else name for name in options["_column"]}
        config["features"] = [{"name": called[name], "column": name, **how} for name in options["_column"]]
    return config | _application_dates(options)


def _application_dates(options: Mapping[str, Any]) -> dict[str, Any]:
    calendar = {key: options[f"_{key}"] for key in ("every", "on", "from", "until") if options[f"_{key}"] is not None}
    table = {"ref": options["_ref"], "column": options["_dates_column"]}
    table = {key: value for key, value in table.items() if value is not None}
    if bool(calendar) + bool(table) + bool(options["_dates"]) > 1:
        raise UsageError("two kinds of application dates", remedy="keep one of --dates, --dates-of and --every")
    if (calendar and "every" not in calendar) or (table and "ref" not in table):
        raise UsageError("application dates of what?", remedy="add --every week, or --dates-of NODE")
    found = options["_dates"] or calendar or table
    return {"application_dates": found} if found else {}


def _profile_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--columns", dest="_columns", type=comma, metavar="A,B", help="which columns (default: all)")
    parser.add_argument("--top", dest="_top", type=int, metavar="N", help="how many frequent values to keep (default: 5)")


def _profile_shape(options: Mapping[str, Any]) -> dict[str, Any]:
    params = {} if options["_top"] is None else {"max_top_values": options["_top"]}
    parts = {"columns": options["_columns"], "params": params}
    found = {name: value for name, value in parts.items() if value}
    return {"profile": found} if found else {}


def _model_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--algorithm", dest="_algorithm", metavar="NAME", help="as logistic_regression, random_forest, sklearn.svm.SVR")
    add("--target", dest="_target", metavar="COLUMN", help="what it predicts")
    add("--labels", dest="_label_source", metavar="NODE", help="whose table has the target, joined by the key")
    add("--key", dest="_key", type=comma, metavar="A,B", help="what names a row")
    add("--features", dest="_features", type=comma, metavar="A,B", help="what it predicts from (default: all others)")
    add("--task", dest="_task", choices=("classification", "regression"), help="what it does (default: by the target)")
    add("--test-size", dest="_test_size", type=float, metavar="SHARE", help="share of rows it is tested on (default: 0.2)")
    add("--split-time", dest="_time_column", metavar="COLUMN", help="test on the latest rows by this column")
    add("--train-until", dest="_train_until", metavar="TIME", help="with --split-time: train on rows up to then")
    add("--split-column", dest="_column", metavar="COLUMN", help="test on the rows where this column is true")
    add("--param", dest="_param", action="extend", nargs="+", metavar="K=V", help="arguments of the algorithm")
    add("--output-columns", type=comma, metavar="A,B", help="what its table holds besides the key (default: all results)")
    add("--min", dest="_min", action="extend", nargs="+", metavar="METRIC=N", help="fail below, as auc=0.7")
    add("--max", dest="_max", action="extend", nargs="+", metavar="METRIC=N", help="fail above, as rmse=10")
    add("--severity", choices=("error", "warn", "info"), help="what a missed bound does (default: error)")


def _model_shape(options: Mapping[str, Any]) -> dict[str, Any]:
    names = ("algorithm", "target", "label_source", "key", "features", "task", "test_size")
    training = {name: options[f"_{name}"] for name in names if options[f"_{name}"] is not None}
    parts = ("column", "time_column", "train_until")
    split = {name: options[f"_{name}"] for name in parts if options[f"_{name}"] is not None}
    if split:
        training["split"] = split
    if options["_param"]:
        training["params"] = params_of(options["_param"])
    tests = [
        {"metric": name, side: limit}
        for side in ("min", "max")
        for name, limit in params_of(options[f"_{side}"] or ()).items()
    ]
    return {key: value for key, value in (("training", training), ("tests", tests)) if value}


def _rule_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--on", metavar="NODE", help="the table that it is about (default: the first input)")
    add("--severity", choices=("error", "warn", "info"), help="what a failed check does (default: error)")
    add("--error-if", metavar="N", help="which number of offending rows is an error, as '> 10' (default: any)")
    add("--warn-if", metavar="N", help="which number of them is a warning, as '> 0'")
    add("--tolerance", type=float, metavar="SHARE", help="share of rows that may break it (default: 0)")
    waits = "whether readers of the table wait for it (default: if it can fail)"
    add("--blocking", action=argparse.BooleanOptionalAction, help=waits)


def _exposure_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--to", metavar="FILE", help="where it goes; the ending says the format")
    add("--format", metavar="NAME", help="csv, tsv, parquet, json, jsonl, xlsx, html; svg, png, pdf or text from Python")
    add("--type", metavar="NAME", help="file, database, chart, report; or what it only documents, as dashboard")
    add("--sqlite", dest="_sqlite", metavar="FILE", help="with --table: deliver to an SQLite file")
    add("--postgres", dest="_postgres", metavar="TABLE", help="with --connection: deliver to PostgreSQL")
    add("--table", dest="_table", metavar="NAME", help="of the database")
    add("--connection", dest="_connection", metavar="NAME", help="a connection of profiles.yml")
    add("--mode", dest="_mode", choices=("overwrite", "append"), help="what becomes of earlier rows (default: overwrite)")
    add("--partition-by", dest="_partition_by", type=comma, metavar="A,B", help="with Parquet: a folder for each value")
    add("--compression", dest="_compression", metavar="NAME", help="gzip or zstd; of Parquet also snappy, brotli, lz4, none")
    add("--sheet", dest="_sheet", metavar="NAME", help="of a workbook (default: the node's name)")
    add("--title", dest="_title", metavar="TEXT", help="of a page (default: the description)")
    add("--url", metavar="URL", help="where people see it")
    add("--maturity", choices=("low", "medium", "high"), help="how far it may be relied upon")


def _exposure_shape(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as the YAML of an exposure has them."""
    if sum(options[name] is not None for name in ("to", "_sqlite", "_postgres")) > 1:
        raise UsageError("an exposure has one target", remedy="keep one of --to, --sqlite and --postgres")
    params: dict[str, Any] = {}
    if options["_sqlite"] is not None:
        params = {"format": "sqlite", "path": options["_sqlite"]}
    if options["_postgres"] is not None:
        if options["_table"] is not None:
            raise UsageError("two tables", remedy="write --postgres TABLE, without --table")
        params = {"format": "postgresql", "table": options["_postgres"]}
    names = ("table", "connection", "mode", "partition_by", "compression", "sheet", "title")
    params |= {name: options[f"_{name}"] for name in names if options[f"_{name}"] is not None}
    return {"params": params} if params else {}


OPTIONS: Mapping[str, Callable[[argparse.ArgumentParser], None]] = {
    "source": _source_options,
    "transform": _transform_options,
    "feature_group": _feature_group_options,
    "aggregation": _aggregation_options,
    "second_order_aggregation": _aggregation_options,
    "profile": _profile_options,
    "model": _model_options,
    "rule": _rule_options,
    "exposure": _exposure_options,
}
SHAPES: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "source": _source_shape,
    "feature_group": _feature_group_shape,
    "aggregation": _aggregation_shape,
    "second_order_aggregation": _aggregation_shape,
    "profile": _profile_shape,
    "model": _model_shape,
    "exposure": _exposure_shape,
}


def check_kind(kind: str, kinds: Sequence[str], commands: Sequence[str]) -> None:
    """Refuse a first word that is neither a kind nor a command."""
    if kind not in kinds and kind not in commands:
        raise UsageError(f"unknown command or kind {kind!r}", remedy=near(kind, [*commands, *kinds], what="command"))
