"""The command ``names``: the bare names of the nodes, a line each."""

import argparse
from collections.abc import Generator
from typing import Any

from seeknal_nb.commands import Command
from seeknal_nb.project import Project
from seeknal_nb.showing import Rows

__all__ = ["NAMES"]


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--upper", action="store_true", help="in capitals")


def _run(project: Project, options: argparse.Namespace) -> Generator[Any]:
    names = [node.name.upper() if options.upper else node.name for node in project.manifest.nodes.values()]
    yield Rows(f"{len(names)} names", ("name",), tuple((name,) for name in names))


NAMES = Command("list the bare names of the nodes", _arguments, _run)
