"""What a node asks of where it runs: ``memory``, ``resources``, ``timeout``, ``isolation``, ``run_on``. Knows no place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seeknal_nb.config import ConfigError
from seeknal_nb.declaration import declaration_of
from seeknal_nb.durations import seconds_of
from seeknal_nb.errors import ManifestError
from seeknal_nb.sizes import bytes_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.kinds.task import Kind

__all__ = ["NOTHING", "Needs", "check_needs", "needs_of"]

MEMORY = "memory"
_LEAST = 1_000_000
_KEYS = (MEMORY, "resources", "timeout", "isolation", "run_on")


@dataclass(frozen=True, slots=True)
class Needs:
    """What one node asks for.

    Attributes:
        memory: Bytes; 0 for its share.
        resources: How many of each named slot, by name.
        timeout: Seconds that one attempt may take; 0 for as many as it takes.
        apart: Whether it runs in a process of its own.
        home: Whether it runs in the run's own process, wherever others do.
    """

    memory: int = 0
    resources: tuple[tuple[str, int], ...] = ()
    timeout: float = 0.0
    apart: bool = False
    home: bool = False


NOTHING = Needs()
"""What most nodes ask for."""


def needs_of(node: Node, custom: Mapping[str, Any]) -> Needs:
    """What a node asks for; a kind that takes any key reads these itself.

    Raises:
        ConfigError: A value cannot be.
    """
    config = node.config
    if not any(name in config for name in _KEYS):
        return NOTHING
    declared = declaration_of(node.node_type, custom)
    if declared.open and not declared.keys:
        return NOTHING
    resources = dict(config.get("resources") or {})
    within = resources.pop(MEMORY, None)
    given = config.get(MEMORY) if within is None else within
    return Needs(
        0 if given is None else _size(given, (MEMORY,) if within is None else ("resources", MEMORY)),
        tuple((name, _count(name, value)) for name, value in sorted(resources.items())),
        0.0 if config.get("timeout") is None else _seconds(config["timeout"]),
        config.get("isolation") == "process", config.get("run_on") == "home",
    )  # fmt: skip


def check_needs(node: Node, kind: Kind, custom: Mapping[str, Any]) -> None:
    """Refuse what cannot be asked for, and what no place could give this node; raises ``ConfigError``."""
    needs, python = needs_of(node, custom), bool(node.config.get("python"))
    name = "timeout" if needs.timeout else "isolation"
    if not needs.timeout and not needs.apart:
        return
    if not kind.addressed:
        _refuse(name, "what delivers runs in the run's own process", "leave it out")
    if needs.apart and needs.home:
        _refuse(name, "run_on: home is this process", "leave one of them out")
    if (needs.apart or python) and not kind.travels(node):
        _refuse(name, "what it reads is only in the run's own process", "leave it out")
    if python and needs.home:
        _refuse(name, "only a process of its own can be ended, and run_on: home is this one", "leave one of them out")


def _refuse(name: str, why: str, remedy: str) -> None:
    raise ConfigError(f"{name} cannot be done here", why=why, remedy=remedy, path=(name,), on_key=True)


def _size(value: object, path: tuple[str, ...]) -> int:
    try:
        size = bytes_of(value)
    except ManifestError as error:
        raise ConfigError(f"memory is no size: {value!r:.100}", remedy=error.remedy, path=path) from None
    if size < _LEAST or isinstance(value, bool):
        raise ConfigError("memory must be at least 1 MB", why=f"it is {value!r}", remedy="write a unit: 8GB", path=path)
    return size


def _count(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        why = f"it is {value!r:.100}"
        raise ConfigError(f"resources.{name} must be a whole number from 1", why=why, remedy=f"resources: {{{name}: 1}}",
                          path=("resources", str(name)))  # fmt: skip
    return value


def _seconds(value: object) -> float:
    try:
        seconds = seconds_of(f"{value}s" if isinstance(value, (int, float)) and not isinstance(value, bool) else value)
    except ManifestError as error:
        raise ConfigError(f"timeout is no length of time: {value!r:.100}", remedy=error.remedy, path=("timeout",)) from None
    if not seconds:
        raise ConfigError("timeout must be more than nothing", remedy="timeout: 30m", path=("timeout",))
    return seconds
