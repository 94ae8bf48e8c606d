"""What an object is made of, as pickle sees it, with what pickle leaves out; knows no notebook and writes no text."""

from __future__ import annotations

import copyreg
import enum
import functools
import logging
import numbers
import sys
import types
import typing
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["MEMOISED", "Apart", "apart", "is_data"]

MEMOISED = type(functools.cache(len))
_DATA = ("__array__", "__dataframe__", "__arrow_c_stream__", "__arrow_c_array__")


@dataclass(frozen=True, slots=True)
class Apart:
    """``make(*args)`` with the other parts is the object again.

    ``state`` is for the class's own ``__setstate__``; ``attributes`` are those of ``__dict__``, and ``slots`` the others.
    """

    make: Callable[..., Any]
    args: tuple[Any, ...] = ()
    state: Any = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    slots: Mapping[str, Any] = field(default_factory=dict)
    items: tuple[Any, ...] = ()
    pairs: tuple[tuple[Any, Any], ...] = ()


def is_data(value: object) -> bool:
    """Whether it holds a table or an array, in whatever library: what only an input brings into a body."""
    return not isinstance(value, (numbers.Number, type)) and any(hasattr(type(value), name) for name in _DATA)


def apart(value: Any) -> Apart | None:
    """The parts of an object; None where it will not tell them, as files, locks and generators do not."""
    for kind, told in _TOLD:
        if isinstance(value, kind):
            return told(value)
    try:
        reduced = copyreg.dispatch_table.get(type(value))
        found: Any = reduced(value) if reduced else value.__reduce_ex__(4)
        if isinstance(found, str):
            return _named(value, found)
        make, args, state, items, pairs, setter = (*found, None, None, None, None)[:6]
        if setter is not None:
            return None
        own, slots = state if isinstance(state, tuple) and len(state) == 2 else (state, None)  # noqa: PLR2004 - as pickle does
        if state is not None and hasattr(value, "__setstate__"):
            own, slots = None, None
        else:
            state = None
        attributes = _unless_cached(value, {**_attributes(value), **(own or {})})
        return Apart(make, args, state, attributes, slots or {}, tuple(items or ()), tuple(pairs or ()))
    except Exception:  # noqa: BLE001 - whatever the user's own code raises, it told nothing
        return None


def _named(value: Any, name: str) -> Apart | None:
    """What stands in its module under a name, as ``pandas.NA``."""
    module = sys.modules.get(getattr(value, "__module__", None) or type(value).__module__)
    return Apart(getattr, (module, name)) if getattr(module, name, None) is value else None


def _attributes(value: Any) -> dict[str, Any]:
    """Its ``__dict__``, of which the state of a subclass of ``date`` says nothing."""
    found = getattr(value, "__dict__", None)
    return _unless_cached(value, found) if isinstance(found, dict) else {}


def _unless_cached(value: object, attributes: dict[str, Any]) -> dict[str, Any]:
    """The attributes without what a ``cached_property`` remembers."""
    classes = [vars(cls) for cls in type(value).__mro__]
    cached = {name for name in attributes if any(isinstance(cls.get(name), functools.cached_property) for cls in classes)}
    return {name: one for name, one in attributes.items() if name not in cached}


def _of_member(member: enum.Enum) -> Apart:
    more = {name: one for name, one in vars(member).items() if not (name[0] == name[-1] == "_")}
    return Apart(type(member), (member.name, member.value), attributes=more)


def _memoised(wrapped: Callable[..., Any], maxsize: int | None, typed: bool) -> Any:  # noqa: FBT001 - as it is made again
    return functools.lru_cache(maxsize, typed)(wrapped)


def _of_memoised(value: Any) -> Apart:
    options = value.cache_parameters()
    known = {*functools.WRAPPER_ASSIGNMENTS, "__wrapped__", "cache_parameters"}
    more = {name: one for name, one in vars(value).items() if name not in known}
    return Apart(_memoised, (value.__wrapped__, options["maxsize"], options["typed"]), attributes=more)


def _partial(kind: Any, function: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    return kind(function, *args, **keywords)


_TOLD: tuple[tuple[Any, Callable[[Any], Apart]], ...] = (
    ((set, frozenset), lambda v: Apart(type(v), (list(v),), attributes=_attributes(v))),
    (enum.Enum, _of_member),
    (MEMOISED, _of_memoised),
    # Its own way tells of a __dict__ only once somebody has looked at that.
    (functools.partial, lambda v: Apart(_partial, (type(v), v.func, v.args, v.keywords), attributes=_attributes(v))),
    (logging.Logger, lambda v: Apart(logging.getLogger, (v.name,))),
    (types.MappingProxyType, lambda v: Apart(types.MappingProxyType, (dict(v),))),
    (types.MethodType, lambda v: Apart(types.MethodType, (v.__func__, v.__self__))),
    (types.BuiltinMethodType, lambda v: Apart(getattr, (v.__self__, v.__name__))),
    ((staticmethod, classmethod), lambda v: Apart(type(v), (v.__func__,))),
    (property, lambda v: Apart(type(v), (v.fget, v.fset, v.fdel))),
    (functools.cached_property, lambda v: Apart(type(v), (v.func,), attributes={"attrname": v.attrname})),  # it has a lock
    (typing.TypeVar, lambda v: Apart(typing.TypeVar, (v.__name__, *v.__constraints__), attributes={"bound": v.__bound__})),
    # They are memories of objects that may go: no value is in them for good.
    ((weakref.WeakKeyDictionary, weakref.WeakValueDictionary, weakref.WeakSet), lambda v: Apart(type(v))),
)
