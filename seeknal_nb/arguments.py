"""The grammar of commands, the arguments that several of them have, and the request that the words of a run make."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from seeknal_nb import plugins
from seeknal_nb.dag.leftout import OPTION
from seeknal_nb.declaration import KINDS, declaration_of
from seeknal_nb.errors import UsageError, near
from seeknal_nb.grammar import Grammar, comma, day, delay, params_of, whole
from seeknal_nb.words import COMMANDS_ELSEWHERE, FIRST_CELLS, FIRST_FILES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seeknal_nb.workflow.request import Request

__all__ = [
    "TICK",
    "Arguments",
    "add_format",
    "add_manner",
    "add_notebook",
    "add_pipeline",
    "add_places",
    "add_selection",
    "add_skipping",
    "add_span",
    "add_values",
    "grammar",
    "parse_words",
    "request_of",
    "span_of",
    "values_of",
]

Arguments = argparse.Namespace
TICK: Mapping[str, Any] = {"action": "store_const", "const": True}
LISTED: Mapping[str, Any] = {"action": "extend", "type": comma}
OPTIONS = {"node_types": "types", "start": "from", "end": "to", "partitions": "partition"}
"""Options whose words differ from their names."""

READING = ("run", "plan", "retry", "load", "parse")
"""Commands that read a project's files in a notebook too; on a command line all do."""


def add_notebook(parser: argparse.ArgumentParser) -> None:
    """The notebook that stands for the project."""
    parser.add_argument("where", nargs="?", metavar="NOTEBOOK", help="a notebook whose nodes to take (default: the project)")


def add_pipeline(parser: argparse.ArgumentParser) -> None:
    """Whose nodes: a notebook's or the project's, and whether those go that are not supported."""
    add_notebook(parser)
    add_skipping(parser)


def add_skipping(parser: argparse.ArgumentParser) -> None:
    """Whether the project's files are read without the nodes that are not supported here."""
    parser.add_argument(OPTION, **TICK, help="go without nodes that are not supported here, and what reads them")


def add_values(parser: argparse.ArgumentParser) -> None:
    """What ``values_of`` reads."""
    help_text = "values of {{ name }}; or one JSON object"
    parser.add_argument("--params", action="extend", nargs="+", metavar="NAME=VALUE", help=help_text)
    parser.add_argument("--date", type=day, metavar="YYYY-MM-DD", help="the day that {{ today }} and its like count from")
    for name in ("run-id", "start-date", "end-date"):
        kind = str if name == "run-id" else day
        parser.add_argument(f"--{name}", type=kind, metavar="VALUE", help=f"value of {{{{ {name.replace('-', '_')} }}}}")


def values_of(options: Arguments) -> dict[str, Any]:
    """Values of ``{{ name }}``; an option of its own comes before what ``--params`` says."""
    named = {name: getattr(options, name, None) for name in ("date", "run_id", "start_date", "end_date")}
    return {**params_of(options.params or ()), **{name: value for name, value in named.items() if value is not None}}


def add_format(parser: argparse.ArgumentParser, forms: Sequence[str] = ("text", "json")) -> None:
    """How the answer is written."""
    parser.add_argument("--format", choices=forms, default=forms[0], help=f"{', '.join(forms)} (default: {forms[0]})")


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Which nodes run, by the names that options have in ``Request``; one that was not given is None."""
    add = parser.add_argument
    add("--full", **TICK, help="run all nodes, whatever their state")
    add(
        "--nodes",
        action="extend",
        nargs="+",
        metavar="NODE",
        help="these and all downstream: names, a comma apart; selectors as +x, x+, tag:t",
    )
    add("--only", **TICK, help="with --nodes: without what is downstream")
    add("--types", dest="node_types", **LISTED, metavar="TYPE", help="only nodes of these types, a comma apart")
    add("--tags", **LISTED, metavar="TAG", help="only nodes that have one of these tags")
    add("--exclude-tags", **LISTED, metavar="TAG", help="no nodes that have one of these tags")
    add("--exclude", action="extend", nargs="+", metavar="NODE", help="not these: names or selectors")
    no_cutoff = "run all that is downstream of a change, even if its inputs come out the same"
    add("--no-cutoff", dest="cutoff", action="store_const", const=False, help=no_cutoff)
    add(
        "--partition", dest="partitions", **LISTED, metavar="VALUE",
        help="with --nodes: again, of the partitions that are there only these, a comma apart",
    )  # fmt: skip
    add_span(parser)
    add_values(parser)
    add("--verify", **TICK, help="check the digest of every build")
    add("--old-manifest", metavar="FILE", help="narrow to what differs from this manifest")


def add_span(parser: argparse.ArgumentParser) -> None:
    """Which partitions, by the names that options have in ``Selection``."""
    add, beside = parser.add_argument, "and what reads them, beside the tables of the whole"
    add("--from", dest="start", metavar="TIME", help=f"only partitions since then, as 2024-01-31, {beside}")
    add("--to", dest="end", metavar="TIME", help="only those before, likewise")
    add("--sample", type=whole, metavar="N", help=f"only the last N partitions of each source, {beside}")


def span_of(words: Arguments) -> dict[str, Any]:
    """What ``add_span`` reads, where it was given."""
    return {name: value for name in ("start", "end", "sample") if (value := getattr(words, name)) is not None}


def request_of(words: Arguments) -> Request:
    """What a plan, a run or a retry is asked for."""
    from seeknal_nb.workflow.request import Request  # noqa: PLC0415 - not for a help text

    given = {name: getattr(words, name, None) for name in Request.names()}
    command = f"{words.command} {_told(words)}".strip()
    return Request.of({**given, "params": values_of(words), "again": words.command == "retry", "command": command})


def add_manner(parser: argparse.ArgumentParser) -> None:
    """How a run goes; likewise."""
    add = parser.add_argument
    add("--continue-on-error", **TICK, help="go on after a failure with what does not depend on it")
    add("--retry", type=whole, metavar="N", help="execute a failed node again, up to N times")
    add(
        "--retry-delay",
        type=delay,
        metavar="S",
        help="seconds before the first retry, then doubled (at most 30)",
    )
    add_places(parser)
    add("--allow-outside", **TICK, help="let exposures write outside the project")
    add("--no-raise", action="store_true", help="in a notebook: give the summary even if a node failed")
    add_format(parser)


def add_places(parser: argparse.ArgumentParser) -> None:
    """Where nodes run, and how many at a time."""
    parser.add_argument("--workers", type=whole, metavar="N", help="how many nodes at a time")
    parser.add_argument("--executor", metavar="WHERE", help="here (default), processes or dask://host:port")


def _told(words: Arguments) -> str:
    """The options that were given, for the lock's record and the history; never their parameters."""
    told: list[str] = []
    for name in ("full", "nodes", "only", "node_types", "tags", "exclude_tags", "exclude", "continue_on_error", "retry",
                 "partitions", "start", "end", "sample"):  # fmt: skip
        value = getattr(words, name, None)
        if value:
            text = ",".join(value) if isinstance(value, list) else "" if value is True else str(value)
            told.append(f"--{OPTIONS.get(name, name).replace('_', '-')} {text}".strip())
    return " ".join(told)


def grammar(prog: str, commands: Mapping[str, Any], *, about: str = "", shell: bool = False) -> Grammar:
    """The parser of these commands of ``seeknal_nb.commands``; ``shell`` adds what only a command line needs."""
    parser = Grammar(prog=prog, description=about)
    names = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in commands.items():
        sub = names.add_parser(name, help=command.help, description=command.help, prog=f"{prog} {name}")
        command.arguments(sub)
        if shell and name not in READING:
            add_skipping(sub)
        if shell:
            sub.add_argument("--project", metavar="DIR", help="the project's folder (default: the working directory)")
            state = "where state is kept: sqlite:///FILE, postgresql://HOST/DB (default: target/state)"
            sub.add_argument("--state", metavar="URL", help=state)
            sub.add_argument("--outputs", metavar="URL", help="where builds are shared: s3://BUCKET/PREFIX")
            sub.add_argument("--debug", action="store_true", help="show tracebacks")
            sub.add_argument("--state-dir", metavar="DIR", help="a folder for state and builds (default: target/state)")
    return parser


def _about(prog: str, *, shell: bool) -> str:
    """What a help text begins with: an example, and the kinds of nodes."""
    example = FIRST_FILES if shell else FIRST_CELLS
    kinds = "\n".join(f"  {name:<26}{declaration_of(name).says}" for name in plugins.names("kinds", KINDS))
    more = "" if shell else ", each with %seeknal KIND -h"
    what = "Run pipelines: only what changed, and what follows from it."
    return f"{what}\n\n{example.format(prog=prog)}\n\nkinds of nodes{more}:\n{kinds}"


def parse_words(words: Sequence[str], commands: Mapping[str, Any], *, prog: str, shell: bool = False) -> Arguments:
    """The arguments of a command; raises ``UsageError``, with the nearest command or option, or ``Help``."""
    first, *_ = words = [*words] or ["-h"]
    if first.startswith("-"):
        parser = grammar(prog, commands, about=_about(prog, shell=shell), shell=shell)
    elif first in commands:
        parser = grammar(prog, {first: commands[first]}, shell=shell)
    else:
        remedy = COMMANDS_ELSEWHERE.get(first) or near(first, commands, what="command")
        raise UsageError(f"unknown command {first!r}", remedy=remedy)
    found = parser.parse_args(words)
    if getattr(found, "save", None):  # the file is the answer, and its name says its form
        found.format = "text"
    return found
