"""Grammar and commands: what the command line and the magics have in common.

A command is a generator of things worth showing; its last one is its value.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeknal_nb import plugins
from seeknal_nb.arguments import (
    TICK,
    add_format,
    add_manner,
    add_notebook,
    add_pipeline,
    add_places,
    add_selection,
    add_skipping,
    add_span,
    add_values,
    request_of,
    span_of,
    values_of,
)
from seeknal_nb.grammar import whole
from seeknal_nb.markup import plural
from seeknal_nb.views.values import FORMATS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Generator, Mapping

    from seeknal_nb.arguments import Arguments
    from seeknal_nb.project import Project

__all__ = ["COMMANDS", "Command", "read_supported", "with_installed"]


@dataclass(frozen=True, slots=True)
class Command:
    """One row: what it does, in a line; its arguments; and the function that does it."""

    help: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[Project, Arguments], Generator[Any]]
    anywhere: bool = False
    """Whether the folder need not hold a project."""


def _run_arguments(parser: argparse.ArgumentParser) -> None:
    add_pipeline(parser)
    add_selection(parser)
    parser.add_argument("--dry-run", **TICK, help="show the plan, execute nothing")
    add_manner(parser)


def read_supported(project: Project, words: Arguments) -> None:
    """Whoever skips what is not supported, and has no cells, means the nodes of the project's files."""
    if words.skip_unsupported and not project.manifest.nodes and not project.left_out:
        project.load(project.directory, skip_unsupported=True)


def _run(project: Project, words: Arguments) -> Generator[Any]:
    read_supported(project, words)
    project.check_nodes()
    request = request_of(words)
    if request.options.dry_run:
        yield project.plan(request)
    summary = None
    for event in project.stream(request):
        summary = getattr(event, "summary", None)
        yield event
    yield summary


def _retry_arguments(parser: argparse.ArgumentParser) -> None:
    add_pipeline(parser)
    add_values(parser)
    add_manner(parser)


def _plan_arguments(parser: argparse.ArgumentParser) -> None:
    add_pipeline(parser)
    add_selection(parser)
    add_places(parser)
    parser.add_argument("--why", action="store_true", help="below it, what changed of each node that would run")
    add_format(parser)


def _plan(project: Project, options: Arguments) -> Generator[Any]:
    """The plan; a step of SQL that gives another result each time says so behind its reason."""
    from seeknal_nb.kinds.tables import volatile_of  # noqa: PLC0415 - a help text does without the kinds

    read_supported(project, options)
    project.check_nodes()
    plan = project.plan(request_of(options))
    told = {step.node_id: volatile_of(project.manifest.nodes[step.node_id]) for step in plan.steps}
    steps = tuple(replace(step, note=step.note or told[step.node_id]) for step in plan.steps)
    look = project.look(values_of(options))
    whys = tuple(look.why(node_id, plan[node_id]) for node_id in plan.runs) if options.why else ()
    yield replace(plan, steps=steps, whys=whys)


def _parse_arguments(parser: argparse.ArgumentParser) -> None:
    add_skipping(parser)
    add_format(parser)


def _parse(project: Project, options: Arguments) -> Generator[Any]:
    yield project.parse(skip_unsupported=bool(options.skip_unsupported))


def _ls_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("selectors", nargs="*", metavar="SELECTOR", help="names, kinds or selectors (default: all)")
    add_format(parser)


def _ls(project: Project, options: Arguments) -> Generator[Any]:
    kinds, names = project.known_kinds(), {node.name for node in project.manifest.nodes.values()}
    plural_of = {form: kind for kind in kinds for form in (kind, f"{kind}s") if form not in names}
    yield project.ls([f"type:{plural_of[term]}" if term in plural_of else term for term in options.selectors])


def _show_arguments(parser: argparse.ArgumentParser) -> None:
    add_values(parser)
    parser.add_argument("node", metavar="NODE", help="a node's id or name")
    parser.add_argument("--limit", type=whole, default=10, metavar="N", help="how many rows (default: 10)")
    parser.add_argument(
        "--partitions", **TICK, help="its partitions instead: rows, bytes, and which the last build made anew"
    )
    add_span(parser)
    add_format(parser)


def _show(project: Project, options: Arguments) -> Generator[Any]:
    of = {"params": values_of(options), **span_of(options)}
    if options.partitions:
        yield project.partitions(options.node, **of)
    else:
        yield project.show(options.node, limit=options.limit, **of)


def _why_arguments(parser: argparse.ArgumentParser) -> None:
    add_values(parser)
    parser.add_argument("node", metavar="NODE", nargs="?", help="a node's id or name (default: all that would run)")
    parser.add_argument("--partition", metavar="VALUE", help="why this partition of the node was built last")
    add_format(parser)


def _why(project: Project, options: Arguments) -> Generator[Any]:
    yield project.why(options.node, partition=options.partition, params=values_of(options))


def _diff_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("old", nargs="?", metavar="MANIFEST", help="compare with this (default: the last finished run)")
    add_format(parser)


def _diff(project: Project, options: Arguments) -> Generator[Any]:
    yield project.diff(options.old)


def _status_arguments(parser: argparse.ArgumentParser) -> None:
    add_values(parser)
    add_notebook(parser)
    add_format(parser)


def _status(project: Project, options: Arguments) -> Generator[Any]:
    yield project.status(params=values_of(options))


def _graph_arguments(parser: argparse.ArgumentParser) -> None:
    add_values(parser)
    add_notebook(parser)
    add_format(parser, ("text", *FORMATS))
    parser.add_argument("--save", metavar="FILE", help="write it: .svg, .html, .png, .dot, .mermaid or .json")


def _graph(project: Project, options: Arguments) -> Generator[Any]:
    drawing = project.graph(params=values_of(options))
    if options.save:
        path = drawing.save(options.save)
        yield f"{path}: {plural(path.stat().st_size, 'byte')}"
    else:
        yield drawing


def _history_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--limit", type=whole, default=20, metavar="N", help="how many runs (default: 20)")
    add_format(parser)


def _history(project: Project, options: Arguments) -> Generator[Any]:
    yield project.history(limit=options.limit)


def _compare_arguments(parser: argparse.ArgumentParser) -> None:
    run = "a run's id, or its beginning or end; last, or -2 for the one before"
    parser.add_argument("first", nargs="?", default="-2", metavar="RUN", help=run)
    parser.add_argument("second", nargs="?", default="last", metavar="RUN", help="another one (default: last)")
    add_format(parser)


def _compare(project: Project, options: Arguments) -> Generator[Any]:
    yield project.compare(options.first, options.second)


def _clean_arguments(parser: argparse.ArgumentParser) -> None:
    add_notebook(parser)
    add_values(parser)
    parser.add_argument("--keep", type=whole, default=0, metavar="N", help="keep N earlier builds a node (default: 0)")
    parser.add_argument("--older", metavar="TIME", help="only those that are older, as 30d")
    parser.add_argument("--max-size", metavar="SIZE", help="the oldest, until all builds take no more, as 10GB")
    parser.add_argument("--dry-run", action="store_true", help="only list them, with their sizes")
    parser.add_argument("--all", action="store_true", help="also what other notebooks and folders left here")
    parser.add_argument("--remote", action="store_true", help="old shared builds that no entry of the state names")
    add_format(parser)


def _clean(project: Project, options: Arguments) -> Generator[Any]:
    which = {"keep": options.keep, "older": options.older, "max_size": options.max_size}
    more = {"dry_run": options.dry_run, "others": options.all, "remote": options.remote}
    yield project.clean(**which, **more, params=values_of(options))


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", help="the folder of the project that is written")
    add_notebook(parser)
    parser.add_argument("--force", action="store_true", help="write over files of others that have the same name")
    parser.add_argument("--no-data", action="store_true", help="leave the files that nodes read where they are")
    add_format(parser)


def _export(project: Project, options: Arguments) -> Generator[Any]:
    from seeknal_nb.authoring.export import export  # noqa: PLC0415 - only who exports needs it

    yield export(project, Path(options.folder), force=options.force, data=not options.no_data)


def _rename_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("node", metavar="OLD", help="a node's id or name")
    parser.add_argument("name", metavar="NEW", help="its new name")
    parser.add_argument("--write", action="store_true", help="edit the project's files (default: list the lines)")
    add_format(parser)


def _rename(project: Project, options: Arguments) -> Generator[Any]:
    yield project.rename(options.node, options.name, write=options.write)


def _doctor(project: Project, _options: Arguments) -> Generator[Any]:
    from seeknal_nb.views.doctor import doctor  # noqa: PLC0415 - only who asks needs it

    yield doctor(project)


def _no_arguments(_parser: argparse.ArgumentParser) -> None:
    """It takes none."""


def _schema(project: Project, _options: Arguments) -> Generator[Any]:
    from seeknal_nb.authoring.schema import schema_text  # noqa: PLC0415 - only who asks needs it

    yield schema_text(project.kinds)


COMMANDS: Mapping[str, Command] = {
    "run": Command("run what changed, and what follows from it", _run_arguments, _run),
    "plan": Command("show what a run would do, and why", _plan_arguments, _plan),
    "retry": Command("run what failed last time, and what follows from it", _retry_arguments, _run),
    "parse": Command("read the project's files and write target/manifest.json", _parse_arguments, _parse, anywhere=True),
    "ls": Command("list nodes", _ls_arguments, _ls),
    "show": Command("show a node's stored rows, without computing", _show_arguments, _show),
    "status": Command("show how each node last came out", _status_arguments, _status),
    "why": Command("show what changed since a node last ran, old against new", _why_arguments, _why),
    "diff": Command("show what differs from the last finished run", _diff_arguments, _diff),
    "graph": Command("draw the graph", _graph_arguments, _graph),
    "history": Command("list the last runs", _history_arguments, _history),
    "compare": Command("show how the nodes stood after two runs, side by side", _compare_arguments, _compare),
    "clean": Command("remove builds that no node needs", _clean_arguments, _clean),
    "export": Command("write the nodes as a project's folder", _export_arguments, _export),
    "rename": Command("give a node another name; its builds stay", _rename_arguments, _rename),
    "doctor": Command("tell what runs use, whether it is there, and in which version", add_format, _doctor, anywhere=True),
    "schema": Command("print the JSON Schema of a node's YAML, for editors", _no_arguments, _schema, anywhere=True),
}
"""The one table of commands; other distributions add some by entry points."""


def with_installed(commands: Mapping[str, Command]) -> Mapping[str, Command]:
    """The commands, and those that other distributions bring."""
    more = [name for name in plugins.names("commands", commands) if name not in commands]
    return {**commands, **{name: plugins.find("commands", name, {}) for name in more}}
