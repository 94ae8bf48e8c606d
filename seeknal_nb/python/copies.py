"""Copies of what a body reads of a notebook, with functions and classes of their own: what a cell changes, no body sees.

Nothing of the copies is shared with the notebook but what no cell changes, modules and what stands in them, and what will
not be copied: locks, and classes that a package makes or has an eye on. That is for ``dag.purity`` to tell, and for
whoever runs the body to look at again.
"""

from __future__ import annotations

import abc
import builtins
import contextlib
import datetime as dt
import enum
import inspect
import logging
import numbers
import re
import types
import typing
import uuid
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from seeknal_nb.python import live, objects
from seeknal_nb.python.apart import apart, is_data

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from seeknal_nb.python.apart import Apart

__all__ = ["copies", "is_plain_class"]

_ATOMS = frozenset({type(None), bool, int, float, complex, str, bytes, type(...), type(NotImplemented), types.ModuleType})
_FIXED = (
    *(re.Pattern, logging.Logger, numbers.Number, dt.date, dt.time, dt.timedelta, dt.tzinfo, uuid.UUID, PurePath),
    *(range, slice, typing.TypeVar),
)
"""What nobody changes, where its class is no user's."""
_HEAD = ("__module__", "__qualname__", "__doc__", "__slots__", "__orig_bases__")
_LATE = "__init_subclass__"
_PLAIN_METAS = (type, abc.ABCMeta, type(typing.Protocol), enum.EnumMeta, object)
_SILENT = (object, typing.Generic, typing.Protocol)
"""Classes whose hook looks at the new class alone."""


def copies(values: Mapping[str, object]) -> dict[str, Any]:
    """A copy of each value; what one and the same object stands for in several of them is one object again."""
    made = _Copies()
    found = {name: made.of(value) for name, value in values.items()}
    made.finish()
    return found


class _Copies:
    """Containers are listed at once before they are copied: a cell may change them meanwhile."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[Any, Any]] = {}  # with the original: an id means nothing once its object is gone
        self._last: list[Callable[[], None]] = []

    def finish(self) -> None:
        for do in self._last:
            do()

    def _note(self, value: object, made: Any) -> Any:
        self._made[id(value)] = value, made
        return made

    def of(self, value: Any) -> Any:
        kind = type(value)
        if kind in _ATOMS:
            return value
        if id(value) in self._made:
            return self._made[id(value)][1]
        if kind is list:
            made: Any = self._note(value, [])
            made.extend(map(self.of, list(value)))
            return made
        if kind is dict:
            made = self._note(value, {})
            made.update((self.of(key), self.of(item)) for key, item in list(value.items()))
            return made
        if kind is tuple:
            made = tuple(map(self.of, value))
            return self._made[id(value)][1] if id(value) in self._made else self._note(value, made)
        return self._other(value)

    def _other(self, value: Any) -> Any:
        if isinstance(value, types.ModuleType) or objects.home_of(value):
            return self._note(value, value)
        if isinstance(value, types.FunctionType):
            return self._function(value)
        before = len(self._made)
        try:
            if isinstance(value, type):
                return self._class(value) if is_plain_class(value) else self._note(value, value)
            if isinstance(value, enum.Enum):
                return self._member(self.of(type(value)), value)
            fixed = isinstance(value, _FIXED) and objects.home_of(type(value))
            return value if fixed or is_data(value) or objects.sentinel_of(value) else self._object(value)
        except Exception:  # noqa: BLE001 - whatever the user's own code raises: it is handed over as it is
            while len(self._made) > before:  # with all that was made for it alone
                self._made.popitem()
            return self._note(value, value)

    def _each(self, values: Iterable[Any]) -> list[Any]:
        return list(map(self.of, values))

    def _named(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self.of(value) for name, value in list(values.items())}

    def _function(self, function: types.FunctionType) -> types.FunctionType:
        """The same code over globals that hold what it reads, and over cells of its own."""
        own = objects.module_of(function) is None
        space = self._space(function.__globals__) if own else function.__globals__
        cells = function.__closure__ or ()
        new = [cell for cell in cells if id(cell) not in self._made]
        closure = tuple(self._note(cell, types.CellType()) if cell in new else self.of(cell) for cell in cells)
        made = types.FunctionType(function.__code__, space, function.__name__, None, closure)
        self._note(function, made)
        for cell in new:
            self._fill(cell, self.of(cell))
        made.__defaults__, made.__kwdefaults__ = map(self.of, live.defaults_of(function))
        made.__module__, made.__qualname__, made.__doc__ = function.__module__, function.__qualname__, function.__doc__
        made.__annotations__ = self._named(live.annotations_of(function))
        vars(made).update(self._named(vars(function)))
        for name, value in live.globals_of(function) if own else ():
            if name not in space:
                space[name] = None  # it is being copied
                space[name] = self.of(value)
        return made

    def _space(self, known: dict[str, Any]) -> dict[str, Any]:
        if id(known) not in self._made:
            builtin = known.get("__builtins__", builtins)
            self._note(known, {"__name__": known.get("__name__", "__main__"), "__builtins__": builtin})
        space: dict[str, Any] = self._made[id(known)][1]
        return space

    def _fill(self, cell: types.CellType, made: types.CellType) -> None:
        with contextlib.suppress(ValueError):  # a name that the outer function has not bound yet
            made.cell_contents = self.of(cell.cell_contents)

    def _class(self, cls: type) -> type:
        """Made without the hooks that making a class calls: its first making called them."""
        make = abc.ABCMeta.__new__ if issubclass(type(cls), abc.ABCMeta) else type.__new__
        head = {name: vars(cls)[name] for name in _HEAD if name in vars(cls)}
        made: type = make(self.of(type(cls)), cls.__name__, tuple(self._each(cls.__bases__)), head)
        self._note(cls, made)
        members: dict[str, enum.Enum] = getattr(cls, "__members__", {}) if isinstance(cls, enum.EnumMeta) else {}
        for member in members.values():
            self._member(made, member)
        for name, value in list(vars(cls).items()):
            if name in head or name in live.OF_CLASSES or isinstance(value, types.MemberDescriptorType):
                continue
            copy = self.of(value)
            if name == _LATE:
                self._last.append(lambda made=made, copy=copy: type.__setattr__(made, _LATE, copy))  # type: ignore[misc]
            else:
                type.__setattr__(made, name, copy)
        for one in live.registered_of(cls) if isinstance(cls, abc.ABCMeta) else ():
            made.register(self.of(one))  # type: ignore[attr-defined]
        return made

    def _member(self, cls: Any, member: enum.Enum) -> Any:
        kind: Any = type(member)
        if cls is kind or id(member) in self._made:
            return member if cls is kind else self._made[id(member)][1]
        base = kind._member_type_
        made = self._note(member, base.__new__(cls, *(() if base is object else base.__getnewargs__(member))))
        vars(made).update(self._named(vars(member)))
        return made

    def _object(self, value: Any) -> Any:
        found = apart(value)
        if found is None:
            return self._note(value, value)
        make, args = self.of(found.make), self._each(found.args)
        if id(value) in self._made:  # its parts led back to it
            return self._made[id(value)][1]
        made = self._note(value, make(*args))
        self._restore(made, found)
        return made

    def _restore(self, made: Any, found: Apart) -> None:
        """Put in what pickle puts in, in its order; past what the class says to that, as a frozen one does."""
        if found.state is not None:
            made.__setstate__(self.of(found.state))
        if found.attributes:
            vars(made).update(self._named(found.attributes))
        for name, value in found.slots.items():
            object.__setattr__(made, name, self.of(value))
        for item in found.items:
            made.append(self.of(item))
        for key, item in found.pairs:
            made[self.of(key)] = self.of(item)


def is_plain_class(cls: type) -> bool:
    """Whether nothing but Python made it: a package may keep the class that it made, and know no other."""
    metas = all(meta in _PLAIN_METAS or not objects.home_of(meta) for meta in inspect.getmro(type(cls)))
    bases = (base for base in cls.__mro__ if base not in _SILENT and base.__module__ != "enum")
    return metas and not any(_LATE in vars(base) and objects.home_of(base) for base in bases)
