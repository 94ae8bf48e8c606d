"""The commands of a notebook: those of a command line, a background, and what takes nodes out of it and into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal_nb.arguments import add_format, add_skipping, request_of
from seeknal_nb.commands import COMMANDS, Command, read_supported
from seeknal_nb.errors import UsageError
from seeknal_nb.grammar import comma
from seeknal_nb.markup import plural
from seeknal_nb.views.values import Rows

if TYPE_CHECKING:
    import argparse
    from collections.abc import Generator, Mapping

    from seeknal_nb.arguments import Arguments
    from seeknal_nb.project import Project

__all__ = ["NOTEBOOK_COMMANDS"]


def _background_argument(parser: argparse.ArgumentParser) -> None:
    help_text = "give a handle at once: wait(), cancel(), summary; it shows itself live, and the kernel stays free"
    parser.add_argument("--background", action="store_true", help=help_text)


def _live_run_arguments(parser: argparse.ArgumentParser) -> None:
    COMMANDS["run"].arguments(parser)
    _background_argument(parser)


def _live_retry_arguments(parser: argparse.ArgumentParser) -> None:
    COMMANDS["retry"].arguments(parser)
    _background_argument(parser)


def _live_run(project: Project, options: Arguments) -> Generator[Any]:
    if options.background and options.format != "text":
        raise UsageError("a run in the background gives a handle", remedy="leave --format out; see wait().to_dict()")
    if options.background:
        read_supported(project, options)
        yield project.start(request_of(options))
    else:
        yield from COMMANDS["run"].run(project, options)


def _cancel(project: Project, _options: Arguments) -> Generator[Any]:
    found = project.background.cancel()
    rows = tuple((run.command, run.state) for run in found)
    yield Rows(f"{plural(len(rows), 'run')} told to stop", ("command", "state"), rows)


def _remove_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("nodes", nargs="+", type=comma, metavar="NODE", help="nodes that no other node reads")
    add_format(parser)


def _remove(project: Project, options: Arguments) -> Generator[Any]:
    yield project.remove(*(name for names in options.nodes for name in names))


def _load_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", help="a project's folder, with seeknal/ in it")
    add_skipping(parser)
    add_format(parser)


def _load(project: Project, options: Arguments) -> Generator[Any]:
    yield project.load(options.folder, skip_unsupported=bool(options.skip_unsupported))


NOTEBOOK_COMMANDS: Mapping[str, Command] = {
    **COMMANDS,
    "run": Command(COMMANDS["run"].help, _live_run_arguments, _live_run),
    "retry": Command(COMMANDS["retry"].help, _live_retry_arguments, _live_run),
    "load": Command("take the nodes of a project's folder into this notebook", _load_arguments, _load),
    "cancel": Command("stop what runs in the background, and forget what waits", add_format, _cancel),
    "remove": Command("take nodes out of this notebook's pipeline", _remove_arguments, _remove),
}
"""A command line's nodes stand in files, from which a command takes nothing away, and it has no background."""
