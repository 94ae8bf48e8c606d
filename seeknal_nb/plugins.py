"""Find a kind or an engine by its name: the table first, then entry points, else "did you mean"."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import PluginError, near

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.metadata import EntryPoint

__all__ = ["find", "loaded", "names"]


def find(group: str, name: str, table: Mapping[str, Any]) -> Any:
    """What ``table[name]`` holds, a ``module:attribute`` text being imported now, or the entry point of that name.

    Args:
        group: The entry point group, ``seeknal_nb.<group>``.
        name: What to look for.
        table: The rows that this program ships.

    Raises:
        PluginError: Nothing has that name, or it does not import.
    """
    if name in table:
        row = table[name]
        return loaded(group.rstrip("s"), name, row) if isinstance(row, str) else row
    for point in _points(group):
        if point.name == name:
            return loaded(group.rstrip("s"), name, point.value)
    raise PluginError(
        f"unknown {group.rstrip('s')} {name!r}", remedy=near(name, names(group, table), what=group.rstrip("s"))
    )


def names(group: str, table: Mapping[str, Any]) -> list[str]:
    """All names of a group, those of the table first."""
    return [*table, *(point.name for point in _points(group) if point.name not in table)]


def _points(group: str) -> tuple[EntryPoint, ...]:
    return tuple(_all_points().select(group=f"seeknal_nb.{group}"))


@cache
def _all_points() -> Any:
    """Looked up once a process: it takes 13 ms, and what is installed does not change meanwhile."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - a third of a help text's time

    return entry_points()


def loaded(what: str, name: str, reference: str) -> Any:
    """What ``module:attribute`` stands for, imported now; an error calls it ``what name``.

    Raises:
        PluginError: It does not import.
    """
    module, _, attribute = reference.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise PluginError(
            f"{what} {name!r} cannot be loaded",
            why=f"{reference}: {error}",
            remedy="install what it needs, or take its entry point away",
        ) from error
