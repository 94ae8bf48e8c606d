"""The arguments that several commands have, and the request that the words of a run make."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.leftout import OPTION
from seeknal_nb.grammar import comma, day, delay, params_of, whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seeknal_nb.workflow.request import Request

__all__ = [
    "TICK",
    "Arguments",
    "add_format",
    "add_manner",
    "add_notebook",
    "add_selection",
    "add_skipping",
    "add_values",
    "request_of",
    "values_of",
]

Arguments = argparse.Namespace
TICK: Mapping[str, Any] = {"action": "store_const", "const": True}
LISTED: Mapping[str, Any] = {"action": "extend", "type": comma}
OPTIONS = {"node_types": "types"}
"""Options whose words differ from their names."""


def add_notebook(parser: argparse.ArgumentParser) -> None:
    """The notebook that stands for the project."""
    parser.add_argument("where", nargs="?", metavar="NOTEBOOK", help="a notebook whose nodes to take (default: the project)")


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
    add_values(parser)
    add("--verify", **TICK, help="check the digest of every build")
    add("--old-manifest", metavar="FILE", help="narrow to what differs from this manifest")


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
    add("--workers", type=whole, metavar="N", help="how many nodes at a time")
    add("--allow-outside", **TICK, help="let exposures write outside the project")
    add("--no-raise", action="store_true", help="in a notebook: give the summary even if a node failed")
    add_format(parser)


def _told(words: Arguments) -> str:
    """The options that were given, for the lock's record and the history; never their parameters."""
    told: list[str] = []
    for name in ("full", "nodes", "only", "node_types", "tags", "exclude_tags", "exclude", "continue_on_error", "retry"):
        value = getattr(words, name, None)
        if value:
            text = ",".join(value) if isinstance(value, list) else "" if value is True else str(value)
            told.append(f"--{OPTIONS.get(name, name).replace('_', '-')} {text}".strip())
    return " ".join(told)
