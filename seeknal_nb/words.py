"""What a newcomer meets first: an example, and for words that other tools have what is written here instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["COMMANDS_ELSEWHERE", "FIRST_CELLS", "FIRST_FILES", "OPTIONS_ELSEWHERE"]

FIRST_CELLS = """\
  %seeknal source users --csv data/users.csv

  %%seeknal transform active
  SELECT * FROM users WHERE active

  {prog} run"""
FIRST_FILES = """\
  seeknal/users.yml:      {{kind: source, name: users, csv: data/users.csv}}
  seeknal/active.yml:     {{kind: transform, name: active, sql: SELECT * FROM users WHERE active}}

  {prog} run
  {prog} show active"""
"""What help texts begin with, in a notebook and in a shell; ``{prog}`` is what the command is called."""

_NODES, _WORKERS, _PARAMS = "--nodes NAME", "--workers N", "--params name=value"
_RULES = "rules are nodes: run runs them with all others, run --types rule them alone"

COMMANDS_ELSEWHERE: Final[Mapping[str, str]] = {
    "build": "run: it builds and checks",
    "apply": "run",
    "execute": "run",
    "materialize": "run",
    "test": _RULES,
    "audit": _RULES,
    "validate": "parse checks the files; " + _RULES,
    "compile": "parse checks the files, plan says what would run",
    "docs": "graph --format html --save graph.html: one page, with the nodes' details",
    "viz": "graph",
    "lineage": "graph",
    "dag": "graph",
    "list": "ls",
    "seed": "a CSV file is a source node; run reads it",
    "snapshot": "a source is read again when its file changed; run",
    "preview": "show NODE",
    "query": "show NODE",
    "inspect": "show NODE",
    "info": "show NODE, or status",
    "debug": "run --debug shows tracebacks",
    "init": "write a node into seeknal/NAME.yml, then run",
    "draft": "write a node into seeknal/NAME.yml; schema helps an editor with its keys",
    "ui": "%seeknal graph in a notebook, or graph --format html --save graph.html",
    "clone": "export DIR",
    "backfill": "run --full",
}
"""Commands of dbt, SQLMesh, Kedro, Dagster and Seeknal."""

OPTIONS_ELSEWHERE: Final[Mapping[str, str]] = {
    **dict.fromkeys(("--select", "-s", "--models", "--model", "-m", "--node", "-n", "--to-nodes", "--from-nodes"), _NODES),
    **dict.fromkeys(("--threads", "-t", "--parallel", "-p", "--max-workers", "--jobs", "-j", "--concurrency"), _WORKERS),
    **dict.fromkeys(("--vars", "--var", "--param"), _PARAMS),
    **dict.fromkeys(("--full-refresh", "-f", "--force", "--no-cache"), "--full"),
    **dict.fromkeys(("--fail-fast", "-x"), "a run stops at the first failure; --continue-on-error goes on"),
    **dict.fromkeys(("--keep-going", "-k"), "--continue-on-error"),
    **dict.fromkeys(("--env", "--environment", "-e", "--target"), "--project DIR, or --state-dir DIR for state of its own"),
    **dict.fromkeys(("--path", "--project-dir", "--dir", "-C"), "--project DIR"),
    **dict.fromkeys(("--output", "-o", "--out"), "--format json; graph has --save FILE"),
    **dict.fromkeys(("--dataframe", "--df", "--frame"), "to_frame() of what the line gives: seeknal.status().to_frame()"),
    **dict.fromkeys(("--type", "--resource-type", "--kind"), "--types KIND"),
    **dict.fromkeys(("--tag", "-T"), "--tags TAG, or --nodes tag:NAME"),
    **dict.fromkeys(("--retries", "--max-retries"), "--retry N"),
    **dict.fromkeys(("--dry", "--empty"), "--dry-run"),
    **dict.fromkeys(("--verbose", "-v", "--log-level"), "--debug shows tracebacks"),
    **dict.fromkeys(("--state", "--state-dir"), '%config SeeknalMagics.state = "sqlite:///FILE", before the first node'),
    "--outputs": '%config SeeknalMagics.outputs = "s3://BUCKET/PREFIX", before the first node',
    "--project": '%config SeeknalMagics.project = "DIR", before the first node',
    "--defer": "--old-manifest FILE narrows a run to what differs",
    **dict.fromkeys(("--start", "--end"), "--start-date DAY, --end-date DAY"),
}
"""Their options; what a command has itself is never looked up here."""
