"""What a run was asked for, kept in its record: a look has its parameters, and a retry runs with all of it again."""

from __future__ import annotations

import json
import os
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import UsageError
from seeknal_nb.markup import cut
from seeknal_nb.workflow.history import newest_records
from seeknal_nb.workflow.kinds.secrets import names_credential

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from seeknal_nb.workflow.kinds.secrets import Secrets

__all__ = ["Request", "last_request", "retried", "told"]

LONGEST = 200
HOW = ("cutoff", "verify", "continue_on_error", "retry", "retry_delay", "workers", "allow_outside")
WHAT = ("only", "node_types", "tags", "exclude_tags", "exclude")
"""Options of a run that a retry of it has too: how it runs, and what it leaves alone."""


@dataclass(frozen=True, slots=True)
class Request:
    """One run's.

    Attributes:
        params: The parameters that it was given itself, besides those of the project and the notebook.
        options: Of its options those of ``HOW`` and ``WHAT`` that were given, and whether what it named ran in any case.
        moment: When it was asked for: the day that ``{{ today }}`` counts from.
        run_id: What stands for ``{{ run_id }}``.
        withheld: Parameters whose values its record must not or cannot hold.
    """

    params: Mapping[str, object] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    moment: datetime = field(default_factory=datetime.now)  # where the user is, as the peer counts its days
    run_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    withheld: tuple[str, ...] = ()

    @classmethod
    def of(cls, params: Mapping[str, object] | None, options: Mapping[str, Any]) -> Request:
        """Of what a run is being asked for."""
        kept = {name: _plain(options[name]) for name in (*HOW, *WHAT) if options.get(name)}
        kept |= {} if options.get("cutoff", True) else {"cutoff": False}
        kept["force"] = bool(options.get("full") or (options.get("nodes") and options.get("force", True)))
        return cls(params or {}, kept)

    def recorded(self, secrets: Secrets) -> dict[str, Any]:
        """As its record holds it: without credentials, and without what would not come back as it is."""
        kept = {name: value for name, value in self.params.items() if _may_be_kept(name, value, secrets)}
        return {
            "params": kept,
            "withheld": [*(name for name in self.params if name not in kept)],
            "options": {name: value for name, value in self.options.items() if _comes_back(value)},
            "moment": self.moment.isoformat(),
            "run_id": self.run_id,
        }

    def again(self, given: Mapping[str, object], options: Mapping[str, Any]) -> Request:
        """The same once more, with other options where they are given.

        Raises:
            UsageError: A parameter is another one: the inputs were built with the former one, or one is not known; or nodes
                are named.
        """
        if options.get("full") or options.get("nodes"):
            raise UsageError("a retry runs what failed, and no other nodes", remedy="run them: --nodes, or --full")
        known = given.keys() - set(self.withheld)
        other = {name for name in known if name not in self.params or not _same(self.params[name], given[name])}
        if other:
            had = told(self.params) or "none"
            raise UsageError(
                f"a retry has the parameters of the run that failed, and {', '.join(sorted(other))} is another",
                why=f"it had {had}", remedy="leave --params out, or give them to run",
            )  # fmt: skip
        missing = [name for name in self.withheld if name not in given]
        if missing:
            why = "the record of the run that failed does not hold credentials, nor what JSON cannot"
            raise UsageError(f"the value of {', '.join(missing)} is not known", why=why, remedy="give it again: --params")
        own = {name: options[name] for name in (*HOW, *WHAT) if options.get(name) is not None}
        return Request({**self.params, **given}, {**self.options, **own}, self.moment, self.run_id)


def retried(
    directory: Path, failed: Collection[str], params: Mapping[str, object], options: Mapping[str, Any]
) -> tuple[Request, dict[str, Any]]:
    """What the retry of these nodes is asked for, and all options of its run; raises as ``again`` and ``failed_request``."""
    request = (failed_request(directory, failed) or Request()).again(params, options)
    forced = bool(request.options.get("force"))
    return request, {**options, **request.options, "nodes": ["result:failed"], "force": forced}


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


def told(params: Mapping[str, object]) -> str:
    """Parameters as a reader has them, in one line."""
    return cut(", ".join(f"{name}={value}" for name, value in params.items()), LONGEST)


def _set_of(request: Request) -> str:
    """What must be the same for two runs to be retried as one."""
    what = {name: request.options[name] for name in WHAT if request.options.get(name)}
    told = {**request.params, **dict.fromkeys(request.withheld, "?")}
    return json.dumps({"params": told, **what}, sort_keys=True, default=str)


def _failed_in(record: Mapping[str, Any]) -> set[str]:
    results = record.get("results")
    told = [one for one in results if isinstance(one, dict)] if isinstance(results, list) else []
    return {str(one.get("node_id")) for one in told if one.get("status") == "failed"}


def _read(record: Mapping[str, Any]) -> Request | None:
    """What somebody's record says, where it can be that."""
    asked: Any = record.get("asked")
    try:
        moment, withheld = datetime.fromisoformat(asked["moment"]), tuple(map(str, asked["withheld"]))
        return Request(dict(asked["params"]), dict(asked["options"]), moment, str(asked["run_id"]), withheld)
    except (TypeError, ValueError, KeyError):
        return None


def _plain(value: Any) -> Any:
    """An option as JSON gives it back: of several names a list."""
    return value if isinstance(value, (bool, int, float, str)) else list(value)


def _may_be_kept(name: str, value: object, secrets: Secrets) -> bool:
    text = str(value)
    credential = any(names_credential(variable) and text == held for variable, held in os.environ.items() if held)
    return _comes_back(value) and not credential and not names_credential(name) and secrets.hide(text) == text


def _comes_back(value: object) -> bool:
    """Whether JSON gives the value back as it is: no date, no tuple."""
    try:
        return _same(json.loads(json.dumps(value)), value)
    except (TypeError, ValueError, RecursionError):
        return False


def _same(one: object, other: object) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)
