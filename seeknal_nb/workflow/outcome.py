"""What came of a job, as a value; or why nothing did."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import LONGEST, NodeError, SeeknalError, Spot, WorkerError, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.engines import Schema
    from seeknal_nb.errors import Place
    from seeknal_nb.kinds.task import Seen
    from seeknal_nb.secrets import Secrets
    from seeknal_nb.storage.builds import File, Part, Partitioning

__all__ = ["Failure", "Outcome"]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a node has no result.

    Attributes:
        type: Name of the exception's class.
        text: All of it, as an error message has it, at most 4,000 characters.
        what: As ``SeeknalError`` has it, and so ``why``, ``remedy`` and ``place``; empty for another exception.
        traceback: As Python prints it; empty where the exception itself is there.
        metadata: What the node told before.
        spot: Where in the node's config it is about, and at which line.
        error: The exception itself; it stays in its process.
    """

    type: str
    text: str
    what: str = ""
    why: str = ""
    remedy: str = ""
    place: Place | None = None
    traceback: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    spot: Spot = Spot()  # noqa: RUF009 - it is frozen
    error: BaseException | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of(cls, error: BaseException, node: Node) -> Failure:
        """What an exception tells of a node."""
        name, metadata = type(error).__name__, error.metadata if isinstance(error, NodeError) else {}
        if not isinstance(error, SeeknalError):
            return cls(name, f"{name}: {text_of(error)}"[:LONGEST], metadata=metadata, error=error)
        text = str(node.blamed(error))[:LONGEST]
        return cls(
            name, text, error.what, error.why, error.remedy, error.place, metadata=metadata, spot=error.spot, error=error
        )

    def told(self, secrets: Secrets) -> Failure:
        """As it may leave its process: as texts, without credentials."""
        lines = _lines(self.error) if self.error is not None else self.traceback
        hide = secrets.hide
        return Failure(
            self.type, hide(self.text), hide(self.what), hide(self.why), hide(self.remedy), self.place, hide(lines),
            hide(dict(self.metadata)), self.spot,
        )  # fmt: skip

    def raised(self) -> BaseException:
        """The exception, or what stands for it in a process that it did not reach."""
        if self.error is not None:
            return self.error
        return WorkerError(
            self.text, what=self.what or self.text, why=self.why, remedy=self.remedy, place=self.place, spot=self.spot,
            traceback=self.traceback, metadata=dict(self.metadata),
        )  # fmt: skip


def _lines(error: BaseException) -> str:
    """As Python prints it, where it can be: an exception is the user's own object."""
    try:
        return "".join(traceback.format_exception(error))
    except Exception:  # noqa: BLE001 - whatever it does to who prints it
        return f"{type(error).__name__}: {text_of(error)}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a job.

    Attributes:
        stage: The directory with what was staged; None where the node has no table.
        files: What is in it, hashed where it was written, as the build's record will list it.
        rows: Of the table, or what an executor told.
        schema: (column, SQL type) in order.
        metadata: What the kind tells besides.
        seen: What to remember; None for what the probe saw.
        where: Host and process.
        seconds: How long it took there.
        failure: Why there is no result.
        interrupted: Whether nobody waited for it any more.
        parts: Of a node with partitions: those that are built, which are all.
        by: By what it is cut into them.
    """

    stage: Path | None = None
    files: tuple[File, ...] = ()
    rows: int | None = None
    schema: Schema = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    seen: Seen | None = None
    where: str = ""
    seconds: float = 0.0
    failure: Failure | None = None
    interrupted: bool = False
    parts: tuple[Part, ...] = ()
    by: Partitioning | None = None

    @property
    def output(self) -> str:
        """What was printed."""
        return str(self.metadata.get("output", ""))
