"""The options of a run as one frozen value: which nodes, and how. Whoever makes one has it checked; nothing is looked up."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sized
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Self, TypeVar

from seeknal_nb.dag.partitions import Span, time_of
from seeknal_nb.dag.select import split
from seeknal_nb.errors import ManifestError, UsageError, near

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RunOptions", "Selection", "flag", "mapping", "refuse_unknown", "seconds", "value_of", "whole"]

MOST = 10_000
_CHOOSING = frozenset({"nodes", "node_types", "tags"})
"""What narrows a run: with none of them it is the whole pipeline's, and with an empty one it would be too."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a run is asked for. Empty means no restriction.

    ``nodes`` and ``exclude`` are texts of the selector grammar, the other names may stand a comma apart; each is kept as a
    tuple.

    Attributes:
        full: Execute everything.
        nodes: Execute these and what is downstream of them.
        only: With ``nodes``: without what is downstream.
        force: With ``nodes``: execute them even if they are up to date; else only what is stale among them.
        node_types: Leave out nodes of other types.
        tags: Leave out nodes that have none of these.
        exclude_tags: Leave out nodes that have one of these.
        exclude: Leave out these.
        cutoff: Whether a node whose inputs came out the same is taken from the cache.
        start: Build only partitions of a calendar that end after this time, and what reads them; see ``Span``.
        end: Only those that begin before it.
        sample: Only so many partitions of each source, the last ones, and those before them that lookbacks read.
        partitions: With ``nodes``: execute again, of their partitions that are there, only these, by their names.
        given: The names of the options that somebody gave, be it with the value that they have anyway: a retry has the
            others from the run that failed.

    Raises:
        UsageError: A value is not what it must be, or two of them contradict each other.
        SelectionError: A name is empty.
    """

    full: bool = False
    nodes: tuple[str, ...] = ()
    only: bool = False
    force: bool = True
    node_types: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    exclude_tags: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    cutoff: bool = True
    start: str = ""
    end: str = ""
    sample: int = 0
    partitions: tuple[str, ...] = ()
    given: frozenset[str] = field(default=frozenset(), compare=False, repr=False)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """From what somebody gave by name; None stands for an option that was not given.

        Raises:
            UsageError: There is no such option; the nearest is named. Or a selection is empty.
        """
        refuse_unknown(given, cls.names())
        told = {name: value for name, value in given.items() if value is not None}
        for name in _CHOOSING & told.keys():
            if isinstance(told[name], Sized) and not told[name]:
                why = "an empty selection would run nothing"
                raise UsageError(f"{name} is empty", why=why, remedy=f"name some, or leave {name} out to run what changed")
        for name in ("start", "end"):
            if name in told and not str(told[name]).strip():
                why = "an empty time would run the whole"
                raise UsageError(f"{name} is empty", why=why, remedy="write it as 2024-01-31, or leave it out")
        if "sample" in told:
            whole("sample", told["sample"], least=1)
        return cls(**told, given=frozenset(told))

    @property
    def plain(self) -> bool:
        """Whether it restricts nothing and forces nothing."""
        chosen = self.full or self.nodes or self.exclude or self.node_types or self.tags or self.exclude_tags
        return not chosen and self.span is None

    @property
    def span(self) -> Span | None:
        """The partitions to which it is narrowed; None where it is not.

        Such a run leaves the state, the deliveries and the tables of the whole as they are.
        """
        if not (self.start or self.end or self.sample):
            return None
        start, end = (time_of(text) if text else None for text in (self.start, self.end))
        return Span(start, end, self.sample)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Of all options that there are."""
        return tuple(option.name for option in fields(cls) if option.name != "given")

    def __post_init__(self) -> None:
        for name in ("nodes", "exclude"):
            object.__setattr__(self, name, _terms(name, getattr(self, name)))
        for name in ("node_types", "tags", "exclude_tags"):
            terms = _terms(name, getattr(self, name))
            object.__setattr__(self, name, tuple(part for term in terms for part in term.split(",")))
        object.__setattr__(self, "partitions", _values("partitions", self.partitions))
        for name in ("full", "only", "force", "cutoff"):
            flag(name, getattr(self, name))
        if self.full and self.nodes:
            raise UsageError("full and nodes exclude each other", remedy="leave one of them out")
        if self.only and not self.nodes:
            raise UsageError("only needs nodes", remedy="name the nodes to run: --nodes x --only")
        self._check_partitions()
        told = {o.name for o in fields(self) if o.name != "given" and getattr(self, o.name) != o.default}
        object.__setattr__(self, "given", self.given | told)

    def _check_partitions(self) -> None:
        whole("sample", self.sample)
        for name in ("start", "end"):
            if not isinstance(getattr(self, name), str):
                object.__setattr__(self, name, str(getattr(self, name)))  # a date, or a datetime
        try:
            span = self.span
        except ManifestError as error:
            raise UsageError(error.what, remedy=error.remedy) from None
        if span is not None and span.start is not None and span.end is not None and span.start >= span.end:
            remedy = "the end is the first moment that is not wanted any more"
            raise UsageError(f"nothing lies from {span.start} to {span.end}", remedy=remedy)
        if span is not None and self.full:
            why = "a run of some partitions shares what it builds with the run of the whole"
            raise UsageError("full runs all partitions", why=why, remedy="leave one of them out")
        if span is not None and span.dated and span.last:
            raise UsageError("a sample has no start and no end", remedy="leave one of them out")
        if self.partitions and not self.nodes:
            raise UsageError("partitions need nodes", remedy="name whose they are: --nodes x --partition 2024-01-31")
        if self.partitions and not self.force:
            raise UsageError("partitions by name are executed again", why="force is off", remedy="leave one of them out")
        if self.partitions and span is not None:
            raise UsageError("partitions by name are executed in the whole table", remedy="leave one of them out")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions(Selection):
    """A selection, and how it is run.

    Attributes:
        dry_run: Execute nothing and write nothing; all results are PENDING.
        continue_on_error: Go on after a failure with what does not depend on it.
        retry: Execute a failed node again, up to so many times.
        retry_delay: Seconds before the first retry; doubled for each further one, at most 30.
        verify: Check the digest of every build, not only of those whose files were touched.
    """

    dry_run: bool = False
    continue_on_error: bool = False
    retry: int = 0
    retry_delay: float = 0.0
    verify: bool = False

    def __post_init__(self) -> None:
        Selection.__post_init__(self)  # no super(): a dataclass with slots is another class than the one written here
        for name in ("dry_run", "continue_on_error", "verify"):
            flag(name, getattr(self, name))
        whole("retry", self.retry)
        seconds("retry_delay", self.retry_delay)


def value_of(made: T | None, make: Callable[[Mapping[str, Any]], T], given: Mapping[str, Any]) -> T:
    """The value that a caller made, or that ``make`` makes of what it gave by name; a ``UsageError`` where it did both."""
    if made is None:
        return make(given)
    if given:
        raise UsageError("options are given twice", why=f"as a value and as {', '.join(given)}=", remedy="keep one of them")
    return made


def refuse_unknown(given: Iterable[str], known: Iterable[str]) -> None:
    """Raise a ``UsageError`` for the first name that is no known option's, with the nearest."""
    for name in given:
        if name not in known:
            raise UsageError(f"unknown option {name!r}", remedy=near(name, known, what="option"))


def flag(name: str, value: object) -> None:
    """Refuse what is neither true nor false: of a text that says no, a run would hear yes."""
    if not isinstance(value, bool):
        raise UsageError(f"{name} must be True or False", why=f"it is {value!r:.100}", remedy=f"{name}=True")


def whole(name: str, value: object, *, least: int = 0) -> int:
    """The value, where it is a whole number from ``least`` to 10,000; else a ``UsageError``."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= MOST:
        raise UsageError(f"{name} must be a whole number from {least} to 10,000", why=f"it is {value!r}", remedy=f"{name}=3")
    return value


def mapping(name: str, value: object) -> dict[str, Any]:
    """A copy of a mapping whose keys are names; else a ``UsageError``."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise UsageError(f"{name} must be names and values", why=f"it is {value!r:.99}", remedy=f'{name}={{"day": ...}}')
    return dict(value)


def seconds(name: str, value: object) -> float:
    """The value, where it is a finite number of seconds from 0; else a ``UsageError``."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise UsageError(f"{name} must be a number of seconds from 0", why=f"it is {value!r}", remedy=f"{name}=1.5")
    return float(value)


def _terms(name: str, value: object) -> tuple[str, ...]:
    """The terms of an option that holds names: one text, or any number of them."""
    return tuple(split(_values(name, value)))


def _values(name: str, value: object) -> tuple[str, ...]:
    """One text, or any number of them, as they are: a partition may be called anything."""
    if not isinstance(value, Iterable):
        raise UsageError(f"{name} must be names", why=f"it is {value!r:.100}", remedy=f'{name}=["a", "b"]')
    return (value,) if isinstance(value, str) else tuple(map(str, value))
