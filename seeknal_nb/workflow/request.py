"""What a run is asked for, whole: its options, its parameters, and what its runner is made with. Reads no file."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.manifest import Manifest
from seeknal_nb.errors import UsageError
from seeknal_nb.markup import cut
from seeknal_nb.workflow.options import RunOptions, flag, mapping, refuse_unknown, whole

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FAILED", "HOW", "WHAT", "Request", "same", "told"]

LONGEST = 200
HOW = ("cutoff", "verify", "continue_on_error", "retry", "retry_delay")
WHAT = ("only", "node_types", "tags", "exclude_tags", "exclude", "partitions")
"""Options of a run that a retry of it has too: how it runs, and what it leaves alone."""
FAILED = ("result:failed",)
"""The nodes that a retry names."""
OWN = ("params", "old_manifest", "workers", "executor", "allow_outside", "again", "command")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One run's, as the command line, a magic, a click or ``project.run()`` makes it, and as it comes to the runner.

    Attributes:
        options: Which nodes, and how.
        params: The parameters that it was given itself, besides those of the project and the notebook.
        old_manifest: A manifest, or the file of one, that narrows a run to what differs from it.
        workers: How many nodes at a time; None for the project's number.
        executor: Where they run, by its name; None for where the project's nodes run.
        allow_outside: Whether exposures may write outside the project; None where nobody said.
        again: Run what failed, with the parameters, the day and the options of the run that failed; options that are given
            count more, and other parameters are refused.
        command: What the lock's record and the history say was run.
        moment: When it was asked for: the day that ``{{ today }}`` counts from.
        run_id: What stands for ``{{ run_id }}``.
        withheld: Of a run that is over, parameters whose values its record must not or cannot hold.
    """

    options: RunOptions = field(default_factory=RunOptions)
    params: Mapping[str, object] = field(default_factory=dict)
    old_manifest: Manifest | str | Path | None = None
    workers: int | None = None
    executor: str | None = None
    allow_outside: bool | None = None
    again: bool = False
    command: str = "run"
    moment: datetime = field(default_factory=datetime.now)  # where the user is, as the peer counts its days
    run_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    withheld: tuple[str, ...] = ()

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Request:
        """From what somebody gave by name: ``OWN``, and the options of a run; None stands for what was not given.

        Raises:
            UsageError: There is no such option, a value is not what it must be, or a retry names nodes.
        """
        refuse_unknown(given, cls.names())
        own = {name: value for name, value in given.items() if name in OWN and value is not None}
        options = {name: value for name, value in given.items() if name not in OWN}
        if own.get("again") and not options.get("full"):
            options["nodes"] = options.get("nodes") or FAILED
        return cls(options=RunOptions.of(options), **own)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Of all that can be asked for."""
        return (*RunOptions.names(), *OWN)

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "params", mapping("params", self.params)
        )  # it may wait for its turn, and is then what was asked for
        flag("again", self.again)
        flag("allow_outside", self.allow_outside or False)
        if not isinstance(self.old_manifest, (Manifest, str, Path, type(None))):
            why = f"it is {self.old_manifest!r:.100}"
            raise UsageError("old_manifest must be a Manifest, or the file of one", why=why, remedy="Manifest.load(file)")
        whole("workers", 1 if self.workers is None else self.workers, least=1)
        if self.again and (self.options.full or self.options.nodes not in ((), FAILED)):
            raise UsageError("a retry runs what failed, and no other nodes", remedy="run them: --nodes, or --full")
        if self.again:
            object.__setattr__(self, "options", replace(self.options, nodes=FAILED))

    def after(self, failed: Request) -> Request:
        """This request for a retry, with all that it leaves open from the run that failed.

        Raises:
            UsageError: A parameter is another one: the inputs were built with the former one; or one is not known.
        """
        failed.check_params(self.params)
        kept = {name: getattr(failed.options, name) for name in (*HOW, *WHAT) if name not in self.options.given}
        return replace(
            failed,
            params={**failed.params, **self.params},
            options=replace(self.options, **kept, force=failed.options.force),
            workers=failed.workers if self.workers is None else self.workers,
            executor=failed.executor if self.executor is None else self.executor,
            allow_outside=failed.allow_outside if self.allow_outside is None else self.allow_outside,
            old_manifest=self.old_manifest,
            command=self.command,
            withheld=(),
        )

    def check_params(self, given: Mapping[str, object]) -> None:
        """Refuse other parameters than those of this run, and the lack of one that its record does not hold."""
        known = given.keys() - set(self.withheld)
        other = {name for name in known if name not in self.params or not same(self.params[name], given[name])}
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


def told(params: Mapping[str, object]) -> str:
    """Parameters as a reader has them, in one line."""
    return cut(", ".join(f"{name}={value}" for name, value in params.items()), LONGEST)


def same(one: object, other: object) -> bool:
    """Whether a value came back from JSON as it was, or was given again; True is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)
