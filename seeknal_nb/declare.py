"""Decorators that make a node of a function: in a file of a project, in a notebook, or, for a test of it, nowhere.

Their arguments are the keys of a node's YAML, and those of the peer's decorators. They know no pipeline: a file's reader
collects what they declare, and a notebook's project takes it.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import ManifestError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = [
    "Declared",
    "FeatureFrame",
    "IcebergTable",
    "Materialization",
    "MaterializationConfig",
    "OfflineConfig",
    "OnlineConfig",
    "PipelineContext",
    "aggregation",
    "collecting",
    "exposure",
    "feature_group",
    "given_of",
    "materialize",
    "model",
    "profile",
    "rule",
    "second_order_aggregation",
    "source",
    "transform",
]

_COLLECTED: ContextVar[list[Declared] | None] = ContextVar("seeknal_nb_declared", default=None)
"""Where a file's declarations go while it is read; a thread that reads another file has its own."""
MARK = "seeknal_node"
TARGETS = "seeknal_materializations"


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
    if collected is not None:
        collected.append(declared)
    else:
        _into_notebook(declared)
    return function


def _into_notebook(declared: Declared) -> None:
    """Give it to the project of the notebook, where this is one that has loaded the extension."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    magics = shell.magics_manager.registry.get("SeeknalMagics") if shell is not None else None
    if magics is not None and getattr(declared.function, "__module__", None) == "__main__":
        project = magics.opened()
        magics.session.defined(project, [project.declare(declared)])


def source(
    name: Any = None,
    source: str | None = None,
    table: str | None = None,
    columns: Any = None,
    tags: Any = None,
    materialization: Any = None,
    query: str | None = None,
    connection: str | None = None,
    **more: Any,
) -> Any:
    """A source: ``@source(name="users", source="csv", table="data/users.csv")``.

    Other arguments are keys of its YAML, or options of its reader.
    """
    given = {"source": source, "table": table, "columns": columns, "tags": tags, "query": query, "connection": connection}
    return _decorator("source", name, {**given, "materialization": materialization, **more})


def transform(
    name: Any = None,
    sql: str | None = None,
    inputs: Any = None,
    tags: Any = None,
    materialization: Any = None,
    **more: Any,
) -> Any:
    """A transform: ``@transform(inputs=["source.users"])`` above ``def clean(ctx)``, or above ``def clean(users)``.

    Other arguments are keys of its YAML, or parameters of its own, which ``ctx.params`` gives.
    """
    given = {"sql": sql, "inputs": inputs, "tags": tags, "materialization": materialization}
    return _decorator("transform", name, {**given, **more})


def feature_group(
    name: Any = None,
    entity: Any = None,
    features: Any = None,
    inputs: Any = None,
    materialization: Any = None,
    tags: Any = None,
    **more: Any,
) -> Any:
    """A feature group; ``entity="user"`` stands for an entity whose key is ``user_id``."""
    given = {"entity": entity, "features": features, "inputs": inputs, "materialization": materialization, "tags": tags}
    return _decorator("feature_group", name, {**given, **more})


def second_order_aggregation(
    name: Any = None,
    id_col: str | None = None,
    feature_date_col: str | None = None,
    features: Any = None,
    application_date_col: str | None = None,
    description: str | None = None,
    owner: str | None = None,
    tags: Any = None,
    materialization: Any = None,
    **more: Any,
) -> Any:
    """An aggregation of aggregates, of the one input that its function gives back."""
    given = {
        "id_col": id_col, "feature_date_col": feature_date_col, "application_date_col": application_date_col,
        "features": features, "description": description, "owner": owner, "tags": tags, "materialization": materialization,
    }  # fmt: skip
    return _decorator("second_order_aggregation", name, {**given, **more})


def aggregation(name: Any = None, **more: Any) -> Any:
    """An aggregation; its arguments are the keys of its YAML."""
    return _decorator("aggregation", name, more)


def model(name: Any = None, **more: Any) -> Any:
    """A model; its arguments are the keys of its YAML."""
    return _decorator("model", name, more)


def rule(name: Any = None, **more: Any) -> Any:
    """A rule; its arguments are the keys of its YAML."""
    return _decorator("rule", name, more)


def exposure(name: Any = None, **more: Any) -> Any:
    """An exposure; its arguments are the keys of its YAML."""
    return _decorator("exposure", name, more)


def profile(name: Any = None, **more: Any) -> Any:
    """A profile; its arguments are the keys of its YAML."""
    return _decorator("profile", name, more)


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
