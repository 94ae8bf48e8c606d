"""What runs were asked for, as their records hold it: written without credentials, read for a look and for a retry."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import SeeknalError, UsageError
from seeknal_nb.markup import cut
from seeknal_nb.secrets import names_credential
from seeknal_nb.workflow.history import newest_records
from seeknal_nb.workflow.options import RunOptions
from seeknal_nb.workflow.request import FAILED, HOW, WHAT, Request, same

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from seeknal_nb.secrets import Secrets

__all__ = ["failed_request", "last_request", "recorded"]


def recorded(request: Request, secrets: Secrets) -> dict[str, Any]:
    """As the record of its run holds it: without credentials, and without what would not come back as it is."""
    kept = {name: value for name, value in request.params.items() if _may_be_kept(name, value, secrets)}
    return {
        "params": kept,
        "withheld": [*(name for name in request.params if name not in kept)],
        "options": _options(request),
        "moment": request.moment.isoformat(),
        "run_id": request.run_id,
    }


def _options(request: Request) -> dict[str, Any]:
    """The options that a retry of it has too, and ``force``: whether what it named ran in any case."""
    options, usual = request.options, RunOptions()
    told = {name: value for name in (*HOW, *WHAT) if (value := getattr(options, name)) != getattr(usual, name)}
    told |= {"workers": request.workers, "executor": request.executor, "allow_outside": request.allow_outside or None}
    forced = options.full or (bool(options.nodes) and options.force)
    listed = {n: list(value) if isinstance(value, tuple) else value for n, value in told.items() if value is not None}
    return {**listed, "force": forced}


def last_request(directory: Path) -> Request | None:
    """That of the last run whose record lies there; None where there is none, or it does not tell."""
    return next((_read(record) for record in newest_records(directory)), None)


def failed_request(directory: Path, failed: Collection[str]) -> Request | None:
    """That of the run in which these nodes failed, of the newest of several equal ones; None for no nodes.

    Raises:
        UsageError: They failed in runs of other parameters, or of which nothing is known any more.
    """
    found: dict[str, Request | None] = {}
    records = newest_records(directory)
    while found.keys() != set(failed) and (record := next(records, None)) is not None:
        for node_id in _failed_in(record) & set(failed) - found.keys():
            found[node_id] = _read(record)
    unknown = sorted(node_id for node_id in failed if found.get(node_id) is None)
    if unknown:
        what = f"it is not known with which parameters {', '.join(unknown[:3])} failed"
        raise UsageError(what, why="the record of that run is not there", remedy="run, which runs what failed too")
    known = [request for request in found.values() if request is not None]
    if any(_set_of(one) != _set_of(known[0]) for one in known[1:]):
        why = "; ".join(f"{node_id}: {_set_of(one)}" for node_id, one in found.items() if one is not None)
        remedy = "run them by their names, each with its own: run --nodes x --params ..."
        raise UsageError("the nodes failed in runs that were asked for other things", why=cut(why, 300), remedy=remedy)
    return max(known, key=lambda one: one.moment, default=None)


def _set_of(request: Request) -> str:
    """What must be the same for two runs to be retried as one."""
    what = {name: value for name in WHAT if (value := getattr(request.options, name))}
    told = {**request.params, **dict.fromkeys(request.withheld, "?")}
    return json.dumps({"params": told, **what}, sort_keys=True, default=str)


def _failed_in(record: Mapping[str, Any]) -> set[str]:
    results = record.get("results")
    told = [one for one in results if isinstance(one, dict)] if isinstance(results, list) else []
    return {str(one.get("node_id")) for one in told if one.get("status") == "failed"}


def _read(record: Mapping[str, Any]) -> Request | None:
    """What somebody's record says, where it can be that; it names the nodes that a retry of it would."""
    asked: Any = record.get("asked")
    try:
        request = Request.of({**asked["options"], "nodes": FAILED, "params": dict(asked["params"])})
        moment, withheld = datetime.fromisoformat(asked["moment"]), tuple(map(str, asked["withheld"]))
        return replace(request, moment=moment, run_id=str(asked["run_id"]), withheld=withheld)
    except (TypeError, ValueError, KeyError, SeeknalError):
        return None


def _may_be_kept(name: str, value: object, secrets: Secrets) -> bool:
    text = str(value)
    credential = any(names_credential(variable) and text == held for variable, held in os.environ.items() if held)
    return _comes_back(value) and not credential and not names_credential(name) and secrets.hide(text) == text


def _comes_back(value: object) -> bool:
    """Whether JSON gives the value back as it is: no date, no tuple."""
    try:
        return same(json.loads(json.dumps(value)), value)
    except (TypeError, ValueError, RecursionError):
        return False
