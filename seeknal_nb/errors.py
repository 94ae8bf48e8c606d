"""Every error that this program raises on purpose; each says what, where, which node, why, and the remedy.

SeeknalError                     exit 2: wrong use, nothing was run
├── UsageError                   a command, an option or an argument
├── PluginError                  a kind or engine that cannot be found
├── ManifestError                a document that cannot be a pipeline
│   ├── Unsupported              what another program does and this one does not, and no misspelling
│   ├── CycleError               (also a ValueError, as SPEC.md § Troubleshooting has it)
│   └── ManyErrors               every error of one pass
├── SelectionError               an unknown node, type, tag or selector
├── StateError                   state that cannot be read or written
│   └── LockedError              exit 75: another run holds the state folder, or the store
│       └── Fenced               exit 75: another run has taken over what this one held
├── NodeError                    exit 1: a node that could not do its work
│   ├── ChecksFailed             a rule or a kind's own checks, with what they found
│   └── WorkerError              what went wrong in another process
└── RunFailed                    exit 1: a run in which a node failed; carries the summary
"""

from __future__ import annotations

import difflib
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from seeknal_nb.markup import esc_term

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = [
    "ChecksFailed",
    "CycleError",
    "DiskRefuses",
    "Fenced",
    "LockedError",
    "ManifestError",
    "ManyErrors",
    "NodeError",
    "Place",
    "PluginError",
    "RunFailed",
    "SeeknalError",
    "SelectionError",
    "Spot",
    "StateError",
    "Unsupported",
    "UsageError",
    "WorkerError",
    "about",
    "near",
    "nearest",
    "one_or_many",
    "text_of",
]

LONGEST = 4000
"""Characters of an error's text that are kept."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was written: a file or a cell, with a line and a column that count from 1."""

    file: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)


@dataclass(frozen=True, slots=True)
class Spot:
    """What of a node an error is about, wherever the node was written.

    Attributes:
        path: Keys and positions that lead to a value of its config; empty for all of it.
        line: The line of the text there, from 1; None where no line is to blame.
        column: Likewise the column.
        near: What stands there, from the fault to the end of its line, for who does not know the column.
    """

    path: tuple[str | int, ...] = ()
    line: int | None = None
    column: int | None = None
    near: str = ""


class SeeknalError(Exception):
    """Base of all errors here. ``str()`` is ``<what>: <place>, node "<id>": <why>. Fix: <remedy>``."""

    exit_code: ClassVar[int] = 2

    def __init__(
        self,
        what: str,
        *,
        why: str = "",
        remedy: str = "",
        node: str | None = None,
        place: Place | None = None,
        spot: Spot | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.remedy = remedy
        self.node = node
        self.place = place
        self.spot = spot or Spot()

    def at(self, *, node: str | None = None, place: Place | None = None) -> SeeknalError:
        """Add the node or the place, where they are not known yet; gives the same error back."""
        self.node = self.node or node
        self.place = self.place or place
        return self

    def within(self, *path: str | int) -> SeeknalError:
        """Say where in a node's config that lies which the error's spot is about; gives the same error back."""
        self.spot = replace(self.spot, path=(*path, *self.spot.path))
        return self

    def __str__(self) -> str:
        where = ", ".join(part for part in (str(self.place or ""), f'node "{self.node}"' if self.node else "") if part)
        text = ": ".join(part for part in (self.what, where, self.why) if part)
        return f"{text.rstrip('.')}. Fix: {self.remedy}" if self.remedy else text

    def _render_traceback_(self) -> list[str]:
        """What IPython prints instead of our frames: two or three lines."""
        text = str(self).removesuffix(f". Fix: {self.remedy}")
        lines = [f"{type(self).__name__}: {text}", *([f"Fix: {self.remedy}"] if self.remedy else [])]
        return [esc_term(line) for line in lines]


class UsageError(SeeknalError):
    """A command line, a magic line or an argument that cannot be understood."""


class PluginError(SeeknalError):
    """A kind or an engine that no table and no entry point knows, or that does not import."""


class ManifestError(SeeknalError):
    """A manifest, a YAML file or a cell that does not describe a pipeline."""


class Unsupported(ManifestError):  # noqa: N818 - it reads as what happened
    """A kind, a key or a value of another program that is not done here, and that is near to none which is.

    A project runs without the nodes that are refused so, where somebody asks for that.
    """


class CycleError(ManifestError, ValueError):
    """The edges form a cycle. ``cycle`` lists its nodes, the first one again at the end."""

    SHOWN: ClassVar[int] = 20

    def __init__(self, cycle: Sequence[str], *, place: Place | None = None) -> None:
        shown = list(cycle)
        if len(shown) > self.SHOWN:
            left_out = len(shown) - self.SHOWN
            shown = [*shown[: self.SHOWN - 1], f"... {left_out} more ...", shown[-1]]
        super().__init__(
            f"DAG contains cycle: {' -> '.join(shown)}",
            remedy="remove one of these dependencies",
            place=place,
        )
        self.cycle = tuple(cycle)

    def __str__(self) -> str:
        return self.what


class ManyErrors(ManifestError):  # noqa: N818 - it reads as what happened
    """All that one pass over a project found, in the order in which it stands in the files."""

    def __init__(self, errors: Iterable[SeeknalError]) -> None:
        self.errors = tuple(errors)
        super().__init__(f"{len(self.errors)} errors")

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)

    def _render_traceback_(self) -> list[str]:
        return [line for error in self.errors for line in error._render_traceback_()]


def one_or_many(errors: Sequence[SeeknalError]) -> SeeknalError:
    """The error itself where there is one, else all of them as one."""
    return errors[0] if len(errors) == 1 else ManyErrors(errors)


class SelectionError(SeeknalError):
    """A node, a type, a tag or a selector that names nothing here, or too much."""


class StateError(SeeknalError):
    """State or outputs that cannot be read or written."""


class LockedError(StateError):
    """Another run holds this state folder, or this store."""

    exit_code: ClassVar[int] = 75


class Fenced(LockedError):  # noqa: N818 - it reads as what happened
    """This run held a store, and another one has taken it over: nothing of this one is written any more."""


class NodeError(SeeknalError):
    """One node could not do its work; the run goes on or stops by its own rule. ``metadata`` is what it told before."""

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, metadata: dict[str, Any] | None = None, **details: Any) -> None:
        super().__init__(what, **details)
        self.metadata = metadata or {}


class DiskRefuses(NodeError):  # noqa: N818 - it reads as what happened
    """A disk does not take what a node writes; no fault of its body, nor of what it reads."""


class ChecksFailed(NodeError):  # noqa: N818 - it reads as what happened
    """Checks of severity ``error`` did not pass; ``metadata`` holds what each of them found."""


class WorkerError(NodeError):
    """A failure of a node in another process, whose exception stayed there; ``traceback`` is its text."""

    def __init__(self, text: str, *, traceback: str = "", **details: Any) -> None:
        super().__init__(**details)
        self.text, self.traceback = text, traceback

    def __str__(self) -> str:
        return self.text


class RunFailed(SeeknalError):  # noqa: N818 - it reads as what happened
    """At least one node of a run failed; ``summary`` tells about all of them."""

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, summary: Any, **details: Any) -> None:
        super().__init__(what, **details)
        self.summary = summary


def text_of(error: BaseException) -> str:
    """What an exception of the user's own code says, at most 4,000 characters; its class may be broken too."""
    try:
        return str(error)[:LONGEST]
    except BaseException:  # noqa: BLE001 - a broken __str__ of the user's own class
        return "its text cannot be read"


@contextmanager
def about(*path: str | int) -> Iterator[None]:
    """What is raised inside is about this part of a node's config."""
    try:
        yield
    except SeeknalError as error:
        error.within(*path)
        raise


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """The known names of which one may have been meant, at most three; empty where none is near."""
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    if not close:
        folded = {candidate.rpartition(".")[2].casefold(): candidate for candidate in names}
        close = [folded[m] for m in difflib.get_close_matches(name.rpartition(".")[2].casefold(), folded, n=3)]
    return close


def near(name: str, known: Iterable[str], *, what: str = "name") -> str:
    """A remedy that names the nearest known names, or lists them where none is near."""
    names = sorted(set(known))
    close = nearest(name, names)
    if close:
        return f"did you mean {' or '.join(close)}?"
    listed = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")  # noqa: PLR2004
    return f"known {what}s: {listed}" if names else f"there is no {what} here yet"
