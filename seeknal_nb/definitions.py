"""The grammar of one node in a notebook: a kind, a name and options on the line, a body below. Options are YAML's keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.parser import body_language, is_expression
from seeknal_nb.errors import UsageError, near
from seeknal_nb.grammar import Grammar, comma, params_of

if TYPE_CHECKING:
    import argparse
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
            raise UsageError("a YAML body names kind and name itself", remedy="write %%seeknal alone on the first line")
        config["python" if language == "python" else "sql"] = body.strip("\n")
    return Definition(kind, name, config, run)


def definition_grammar(kind: str) -> Grammar:
    """The parser of one kind's line."""
    parser = Grammar(prog=f"%%seeknal {kind}", description=f"Define a {kind}; its body is SQL or Python.")
    add = parser.add_argument
    add("name", metavar="NAME", help="letters, digits and _")
    add("--tags", type=comma, metavar="A,B", help="tags, a comma apart")
    add("--inputs", type=comma, metavar="X,Y", help="what it reads, besides what its body names")
    add("--description", "--desc", metavar="TEXT", help="what it is")
    add("--owner", metavar="WHO", help="whom to ask")
    add("--lang", choices=("sql", "python", "yaml"), help="the body's language (default: detected)")
    add("--as", choices=("pandas", "polars", "arrow"), help="what a Python body gets its inputs as (default: pandas)")
    add("--materialized", choices=("table", "view"), help="view: inlined into its consumers, never stored")
    add("--run", action="store_true", help="run it at once, and show its first rows")
    if kind in OPTIONS:
        OPTIONS[kind](parser)
    return parser


def _source_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("_path", nargs="?", metavar="FILE", help="a file; its ending says the format")
    for form in ("csv", "tsv", "parquet", "json", "jsonl", "sqlite"):
        add(f"--{form}", dest=f"_{form}", metavar="FILE", help=f"read a {form} file")
    add("--input", metavar="VARIABLE", help="take a DataFrame of the notebook")
    add("--table", dest="_table", metavar="NAME", help="with --sqlite: which table")
    add("--query", dest="_query", metavar="SELECT", help="with --sqlite: which rows")
    add("--null", dest="_nullstr", metavar="WORD", help="what stands for null, as NA")
    add("--delimiter", dest="_delimiter", metavar="C", help="what stands between columns")
    add("--param", dest="_param", action="extend", nargs="+", metavar="K=V", help="other options of the reader")


def _source_shape(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as the YAML of a source has them."""
    forms = {f: options[f"_{f}"] for f in ("csv", "tsv", "parquet", "json", "jsonl", "sqlite") if options[f"_{f}"]}
    if len(forms) + bool(options["_path"]) + bool(options["input"]) > 1:
        raise UsageError("a source reads one thing", remedy="keep one of the files, or --input")
    params = params_of(options["_param"] or ())
    params |= {k: options[f"_{k}"] for k in ("nullstr", "delimiter", "query") if options[f"_{k}"] is not None}
    config: dict[str, Any] = {}
    for form, path in forms.items():
        config |= {"source": form, "path": path}
    if options["_path"]:
        config["path"] = options["_path"]
    if options["input"]:
        config["source"] = "dataframe"
    if options["_table"]:
        params["table"] = options["_table"]
    return config | ({"params": params} if params else {})


def _feature_group_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--entity", dest="_entity", metavar="NAME", help="whom the features describe")
    add("--key", dest="_key", type=comma, metavar="A,B", help="the entity's key columns")
    add("--event-time", dest="_event_time", metavar="COLUMN", help="when the features were true")
    add("--created", dest="_created", metavar="COLUMN", help="when they became known")
    add("--ttl", dest="_ttl", metavar="TIME", help="how long they hold, as 7d")


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


def _model_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--algorithm", dest="_algorithm", metavar="NAME", help="as logistic_regression, random_forest")
    add("--target", dest="_target", metavar="COLUMN", help="what it predicts")
    add("--key", dest="_key", type=comma, metavar="A,B", help="what names a row")
    add("--features", dest="_features", type=comma, metavar="A,B", help="what it predicts from (default: all others)")
    add("--test-size", dest="_test_size", type=float, metavar="SHARE", help="share of rows it is tested on (default: 0.2)")
    add("--split-time", dest="_split_time", metavar="COLUMN", help="test on the latest rows by this column")
    add("--train-until", dest="_train_until", metavar="TIME", help="with --split-time: train on rows up to then")
    add("--param", dest="_param", action="extend", nargs="+", metavar="K=V", help="arguments of the algorithm")


def _model_shape(options: Mapping[str, Any]) -> dict[str, Any]:
    names = ("algorithm", "target", "key", "features", "test_size")
    training = {name: options[f"_{name}"] for name in names if options[f"_{name}"] is not None}
    if options["_split_time"]:
        split = {"time_column": options["_split_time"], "train_until": options["_train_until"]}
        training["split"] = {k: v for k, v in split.items() if v is not None}
    if options["_param"]:
        training["params"] = params_of(options["_param"])
    return {"training": training} if training else {}


def _rule_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--on", metavar="NODE", help="the table that a boolean expression is about")
    parser.add_argument("--severity", choices=("error", "warn", "info"), help="what a failed check does (default: error)")


def _exposure_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--to", metavar="FILE", help="where the rows go; the ending says the format")
    parser.add_argument("--format", metavar="NAME", help="csv, tsv, parquet, json, jsonl; html or text from Python")
    parser.add_argument("--url", metavar="URL", help="where people see it")


OPTIONS: Mapping[str, Callable[[argparse.ArgumentParser], None]] = {
    "source": _source_options,
    "feature_group": _feature_group_options,
    "model": _model_options,
    "rule": _rule_options,
    "exposure": _exposure_options,
}
SHAPES: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "source": _source_shape,
    "feature_group": _feature_group_shape,
    "model": _model_shape,
}


def check_kind(kind: str, kinds: Sequence[str], commands: Sequence[str]) -> None:
    """Refuse a first word that is neither a kind nor a command."""
    if kind not in kinds and kind not in commands:
        raise UsageError(f"unknown command or kind {kind!r}", remedy=near(kind, [*commands, *kinds], what="command"))
