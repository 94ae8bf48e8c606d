"""The options of the runs that clicks start: what a page offers, and the check of what it sends. Knows no widget."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from seeknal_nb.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["OPTIONS", "Option", "given_options", "offered", "words_of"]


@dataclass(frozen=True, slots=True)
class Option:
    """One option of ``run``, by its name in ``Request``: a tick, or a whole number of a range.

    Attributes:
        name: In ``Request``.
        text: What it does, below its box.
        label: What stands beside its box.
        least: Of the range; None for a tick.
        most: Likewise.
    """

    name: str
    label: str
    text: str
    least: int | None = None
    most: int | None = None

    @property
    def flag(self) -> str:
        """As the command line has it."""
        return f"--{self.name.replace('_', '-')}"


OPTIONS: Final = (
    Option("full", "Full", "run all nodes, whatever their state"),
    Option("dry_run", "Dry run", "only say what would run"),
    Option("continue_on_error", "Continue on error", "go on with the rest after a failure"),
    Option("workers", "Workers", "nodes at a time", 1, 64),
    Option("retry", "Retries", "of a node that fails", 0, 100),
)


def offered(workers: int) -> list[dict[str, Any]]:
    """The options as the browser has them, each with its flag and its usual ``value``."""
    usual: dict[str, Any] = {"workers": workers, "retry": 0}
    return [{**asdict(option), "flag": option.flag, "value": usual.get(option.name, False)} for option in OPTIONS]


def given_options(given: object) -> dict[str, Any]:
    """What a page sent, by the names in ``Request``, which checks the types of the values.

    Raises:
        UsageError: It is no mapping of these options, or a number is out of its range.
    """
    known = {option.name: option for option in OPTIONS}
    if not isinstance(given, dict) or not given.keys() <= known.keys():
        raise UsageError("the page sent unknown options", remedy="reload the page")
    for name, value in given.items():
        most = known[name].most
        if most is not None and type(value) is int and value > most:
            raise UsageError(f"{name} is at most {most}", why=f"it is {value}", remedy=f"{name}={most}")
    return {**given}


def words_of(options: Mapping[str, Any]) -> list[str]:
    """The options as a command line has them, without those that change nothing."""
    set_to = [(option, options[option.name]) for option in OPTIONS if options.get(option.name)]
    return [word for option, value in set_to for word in ([option.flag] if value is True else [option.flag, str(value)])]
