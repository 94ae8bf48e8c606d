"""Decorators that make a node of a function: in a file of a project, in a notebook, or, for a test of it, nowhere.

Each kind has one, made from its declaration. They know no pipeline: a file's reader collects what they declare, and a
notebook's project, which listens, takes it.
"""

from __future__ import annotations

import difflib
import inspect
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from seeknal_nb.authoring.node import make_node
from seeknal_nb.declaration import declaration_of
from seeknal_nb.errors import ManifestError
from seeknal_nb.kinds import kind_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from seeknal_nb.dag.manifest import Node

__all__ = [
    "Declared",
    "FeatureFrame",
    "IcebergTable",
    "Materialization",
    "MaterializationConfig",
    "OfflineConfig",
    "OnlineConfig",
    "PipelineContext",
    "collecting",
    "decorator",
    "given_of",
    "materialize",
    "node_of",
]

_COLLECTED: ContextVar[list[Declared] | None] = ContextVar("seeknal_nb_declared", default=None)
"""Where a file's declarations go while it is read; a thread that reads another file has its own."""
MARK = "seeknal_node"
TARGETS = "seeknal_materializations"
ALIKE = 0.85
"""An argument that is as near to a key as this is taken for a misspelt one."""
LISTENING: list[Callable[[Declared], None]] = []
"""Who is told of what is declared outside of files: the extension, while a notebook has loaded it."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A function with what its decorator says of it, unchecked; ``arguments`` without those that are None."""

    kind: str
    name: str
    function: Callable[..., Any]
    arguments: dict[str, Any]


def given_of(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What was given: those that are not None, with ``as_`` for the key ``as``, which is a word of Python."""
    return {"as" if key == "as_" else key: value for key, value in arguments.items() if value is not None}


@contextmanager
def collecting() -> Iterator[list[Declared]]:
    """Collect what is declared meanwhile, in its order."""
    found: list[Declared] = []
    token = _COLLECTED.set(found)
    try:
        yield found
    finally:
        _COLLECTED.reset(token)


def _decorator(kind: str, name: Any, arguments: dict[str, Any]) -> Any:
    """The decorator; without parentheses it is given the function itself in the place of a name."""
    if callable(name):
        return _declare(name, kind, None, arguments)
    if name is not None and not isinstance(name, str):
        raise ManifestError(f"the name of a {kind} must be text", why=f"it is {name!r:.100}", remedy=f'@{kind}(name="...")')
    return partial(_declare, kind=kind, name=name, arguments=arguments)


def _declare(function: Callable[..., Any], kind: str, name: str | None, arguments: dict[str, Any]) -> Callable[..., Any]:
    if not callable(function) or not hasattr(function, "__name__"):
        why = f"this is {function!r:.100}"
        raise ManifestError(f"@{kind} stands above a function", why=why, remedy="write def below it")
    given = given_of(arguments)
    targets = getattr(function, TARGETS, None)
    if targets:
        given["materializations"] = [*given.get("materializations", ()), *targets]
    declared = Declared(kind, name or function.__name__, function, given)
    setattr(function, MARK, declared)
    collected = _COLLECTED.get()
    for take in [collected.append] if collected is not None else list(LISTENING):
        take(declared)
    return function


def decorator(kind: str) -> Callable[..., Any]:
    """The decorator of a kind: ``@transform``, or ``@transform(inputs=["source.users"])`` above a function.

    Its arguments are a name (default: the function's), then those that the kind declares, by position; all others are keys
    of its YAML by name, or, where the kind takes such, parameters of its own, which ``ctx.params`` gives.
    """
    declared = declaration_of(kind)

    def mark(name: Any = None, *values: Any, **arguments: Any) -> Any:
        if len(values) > len(declared.arguments):
            known = ", ".join(("name", *declared.arguments))
            raise TypeError(f"@{kind} takes {known} by position, not {len(values) + 1} values")
        return _decorator(kind, name, {**dict(zip(declared.arguments, values, strict=False)), **arguments})

    mark.__name__ = mark.__qualname__ = kind
    mark.__doc__ = f"{declared.says}. {(decorator.__doc__ or '').replace('transform', kind)}"
    return mark


def __getattr__(name: str) -> Any:
    """``decorators.transform``: a decorator for each kind that there is, those of other distributions too."""
    if name.startswith("_") or name not in kind_names({}):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return globals().setdefault(name, decorator(name))


def node_of(declared: Declared, *, root: Path, body: str | None, file: str | None = None) -> Node:
    """The node of a decorated function.

    Args:
        declared: The function, with what its decorator says.
        root: The project's folder.
        body: The function's Python, where it does anything.
        file: Where it stands, relative to the root.

    Raises:
        ManifestError: An argument is unknown, or no plain value.
    """
    config = _config(declared)
    if body is not None:
        config["python"] = body
    doc = inspect.getdoc(declared.function) or ""
    config.setdefault("description", doc.partition("\n\n")[0].replace("\n", " ").strip() or None)
    return make_node(declared.kind, declared.name, config, root=root, file=file)


def _config(declared: Declared) -> dict[str, Any]:
    """Keys of the YAML; what is none is a parameter where the kind has such, but for what is nearly a key of any kind."""
    given = dict(declared.arguments)
    if not declaration_of(declared.kind).parametrised:
        return given
    known = {key for kind in kind_names({}) for key in declaration_of(kind).known}
    free = [key for key in given if not difflib.get_close_matches(key, known, 1, ALIKE)]
    if free:
        given["params"] = {**(given.get("params") or {}), **{key: given.pop(key) for key in free}}
    return given


def materialize(type: str = "iceberg", connection: str | None = None, table: str = "", **more: Any) -> Any:  # noqa: A002
    """The peer's: one more place where the table of the node below goes. It stands below the kind's decorator."""
    target = {"type": type, "connection": connection, "table": table, **more}

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        found = [*getattr(function, TARGETS, ()), {name: value for name, value in target.items() if value is not None}]
        setattr(function, TARGETS, found)
        return function

    return decorate


class _Options:
    """Named options; those that are None are as if they were not there."""

    _names: tuple[str, ...] = ()

    def __init__(self, *values: Any, **named: Any) -> None:
        given = {**dict(zip(self._names, values, strict=False)), **named}
        strange = [name for name in given if name not in self._names]
        if strange or len(values) > len(self._names):
            known = ", ".join(self._names)
            raise TypeError(f"{type(self).__name__} takes {known}; not {', '.join(strange) or f'{len(values)} values'}")
        self._given = given

    def to_dict(self) -> dict[str, Any]:
        """As YAML has them."""
        given = {name: value for name, value in self._given.items() if value is not None}
        return {name: value.to_dict() if isinstance(value, _Options) else value for name, value in given.items()}


class OfflineConfig(_Options):
    """The peer's: how features are stored for training."""

    _names = ("format", "partition_by")


class OnlineConfig(_Options):
    """The peer's: how features are served."""

    _names = ("enabled", "ttl_seconds")


class IcebergTable(_Options):
    """The peer's: a table of a catalog."""

    _names = ("namespace", "name", "catalog")


class Materialization(_Options):
    """The peer's: where features go; and the columns of their time."""

    _names = ("offline", "online", "table", "event_time_col", "created_time_col", "ttl")


class MaterializationConfig(_Options):
    """The peer's: the table of a catalog where a node's rows go."""

    _names = (
        "enabled", "table", "mode", "create_table", "unique_keys", "partition_by", "max_batch_bytes",
        "when_matched_update_if", "compare_columns", "when_not_matched",
    )  # fmt: skip


class PipelineContext:
    """The type of ``ctx``, for annotations."""


class FeatureFrame:
    """The type of a feature group's table in the peer's functions, for annotations; here it is a pandas frame."""
