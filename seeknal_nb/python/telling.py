"""Live objects as text: one that changes when anything of them does, and is the same in every process; knows no body."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import enum
import functools
import logging
import numbers
import re
import sys
import types
import typing
import uuid
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import ManifestError
from seeknal_nb.python import live, objects
from seeknal_nb.python.apart import MEMOISED, apart, is_data
from seeknal_nb.python.copies import is_plain_class
from seeknal_nb.python.imported import file_text
from seeknal_nb.python.texts import names_filled, reads_past_names, searches_globals

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = ["Text", "by_module", "unknown", "without_marks", "without_packaged"]

_EXACT = (type(None), bool, int, float, complex, str, bytes, type(...), type(NotImplemented))
_BARE = frozenset({*_EXACT, list, tuple, dict, set, frozenset})
"""Builtins, which no text need say where they come from."""
_SCALARS = (
    *(numbers.Number, dt.date, dt.time, dt.timedelta, dt.tzinfo, uuid.UUID, PurePath, re.Pattern, logging.Logger),
    *(str, bytes, bytearray, range, slice, types.GenericAlias, types.UnionType, typing.TypeVar, type(typing.Optional[int])),  # noqa: UP045
)
"""Values of whatever package, which may be made of objects that only it knows."""
_PLAIN = (
    *_SCALARS,
    *(list, tuple, dict, set, frozenset, collections.deque, enum.Enum, types.MappingProxyType, types.SimpleNamespace),
    *(functools.partial, functools.partialmethod, functools.cached_property, property, staticmethod, classmethod),
    *(types.MethodType, types.BuiltinMethodType, MEMOISED),
)
"""What a body may take as it is, subclasses too; of other objects only those of dataclasses."""
_BEGIN, _END = "\x02", "\x03"
"""Round what a package keeps in an object of its own; no repr has them."""


class _Untold(Exception):  # noqa: N818
    """No text can stand for this object: the name of its type, where it is, and whether it is data."""

    def __init__(self, kind: str, *, data: bool = False, path: str = "") -> None:
        super().__init__(kind)
        self.kind, self.data, self.path = kind, data, path


class Text:
    """Writes objects as text. A function, class or module of the user is written once, and then named by its label."""

    def __init__(self) -> None:
        self.definitions: list[str] = []
        self.past: set[str] = set()
        self.classes = False
        self.warnings: dict[str, None] = {}
        self._labels: dict[int, str] = {}
        self._modules: dict[str, str] = {}
        self._kept: list[object] = []  # an id means nothing once its object is gone
        self._open: dict[int, int] = {}
        self._held = False

    def named(self, name: str, value: object, *, reader: str = "", held: bool = False, loose: bool = False) -> str:
        """One line for a name and its value.

        Args:
            name: The name.
            value: The value.
            reader: The function or class whose name it is; empty for the body's own.
            held: Whether objects of any class are told, by their state; else only plain values are.
            loose: Whether the type may stand for what will not be told, as packages keep it; never for data.
        """
        before, self._held = self._held, held or loose
        try:
            return f"{name} = {self.of(value)}"
        except _Untold as error:
            if error.data or not loose:
                raise _not_plain(name, value, error, reader, held=held) from None
            return f"{name}: {type(value).__qualname__}"
        finally:
            self._held = before

    def of(self, value: object) -> str:
        """The text of one object; raises _Untold."""
        if type(value) in _EXACT:
            return repr(value)
        if id(value) in self._labels:
            return self._labels[id(value)]
        if type(value) in _BARE:
            return self._compound(value)
        if isinstance(value, types.ModuleType):
            return self._module(value)
        if home := objects.home_of(value):
            return self._label(value, f"{self.module(home[0].__name__)} {home[1]}")
        if isinstance(value, type):
            return self._class(value)
        return self._function(value) if isinstance(value, types.FunctionType) else self._compound(value)

    def _compound(self, value: object) -> str:
        kind = type(value)
        if id(value) in self._open:  # it holds itself, or a function that reads it
            return f"<{kind.__qualname__} around, {self._open[id(value)]}>"
        self._open[id(value)] = len(self._open)
        before, self._held = self._held, self._held or isinstance(value, _SCALARS)
        try:
            text = f"{kind.__qualname__ if kind in _BARE else self.of(kind)}({', '.join(self._inside(value))})"
            return text if isinstance(value, _PLAIN) or not objects.home_of(kind) else f"{_BEGIN}{text}{_END}"
        finally:
            self._held = before
            del self._open[id(value)]

    def _inside(self, value: Any) -> Iterable[str]:
        kind = type(value)
        if kind in (list, tuple):
            return (self._at(f"[{n}]", item) for n, item in enumerate(value))
        if kind is dict:
            return ("of a package",) if self._held and _dispatches(value) else self._pairs(value.items())
        wrapped = isinstance(getattr(value, "__wrapped__", None), types.FunctionType)
        if wrapped and objects.home_of(kind) and not isinstance(value, _PLAIN):
            return self._wrapper(value)
        plain = isinstance(value, _PLAIN) or dataclasses.is_dataclass(value) or wrapped
        parts = apart(value) if (plain or self._held) and not is_data(value) else None
        if (parts is None or not plain) and (home := objects.sentinel_of(value)):
            return (self.module(home[0].__name__), home[1])
        if parts is None:
            raise _Untold(kind.__qualname__, data=is_data(value))
        if isinstance(value, (set, frozenset)):
            # Sorted twice: labels are given in the order of the first, which must not be the hash's.
            args = sorted(map(self.of, sorted(value, key=self._rank)))
        else:
            args = [self._at(f"[{n}]", one) for n, one in enumerate(parts.args) if one is not kind]
        attributes = sorted({**parts.attributes, **parts.slots}.items(), key=lambda item: str(item[0]))
        return [
            *args,
            *([f"state {self.of(parts.state)}"] if parts.state is not None else []),
            *(f".{name}={self._at(f'.{name}', one)}" for name, one in attributes),
            *(self._at(f"[{n}]", item) for n, item in enumerate(parts.items)),
            *self._pairs(parts.pairs),
        ]

    def _wrapper(self, value: Any) -> Iterable[str]:
        """What a package made of a function, as ``joblib.Memory`` does: texts name it, and the rest it fills."""
        kind, own = type(value), vars(value).items()
        told = f"'{value.__wrapped__.__name__}' is wrapped in a {kind.__module__}.{kind.__qualname__}"
        self.warnings[f"{told}: if that remembers results, they may be of other values"] = None
        options = [(name, one) for name, one in own if name[0] != "_" and type(one) is not str and _is_atomic(one)]
        return [self.of(value.__wrapped__), *(f".{name}={self.of(one)}" for name, one in _by_name(options))]

    def _rank(self, value: object) -> tuple[str, str]:
        name = getattr(value, "__qualname__", None)
        alone = Text()
        alone._held = self._held
        return type(value).__qualname__, str(name) if name or type(value) in _EXACT else alone.of(value)

    def _pairs(self, pairs: Iterable[tuple[object, object]]) -> Iterable[str]:
        return (f"{self._at(' (a key)', key)}: {self._at(f'[{key!r:.40}]', item)}" for key, item in pairs)

    def _at(self, step: str, value: object) -> str:
        try:
            return self.of(value)
        except _Untold as error:
            error.path = step + error.path
            raise

    def _label(self, value: object, label: str) -> str:
        self._labels[id(value)] = label
        self._kept.append(value)
        return label

    def _define(self, label: str, parts: Collection[str]) -> str:
        self.definitions.append("\n  ".join([label, *parts]))
        return label

    def module(self, name: str) -> str:
        """Its version, or the content of its file with those of the user's other modules that it imports."""
        if name == "__main__":
            self.past.add("__main__")
        if name not in self._modules:
            file = objects.own_file(name)
            if file is None:
                package = name.partition(".")[0]
                self._modules[name] = f"module {name} {objects.version_of(package)}"
            else:
                label = self._modules[name] = f"<module {name}>"
                digest, imports, changed = file_text(name, file)
                told = (self.named(one, value, reader=name, loose=True) for one, value in _by_name(changed.items()))
                self._define(label, [digest, *map(self.module, by_module(imports)), *told])
        return self._modules[name]

    def own_modules(self) -> tuple[str, ...]:
        """The names of the user's modules that it has told of; the program itself is none that another could import."""
        own = (name for name, text in self._modules.items() if text == f"<module {name}>")
        return tuple(sorted(name for name in own if name != "__main__"))

    def _module(self, module: types.ModuleType) -> str:
        """A module object; ``import package.part`` puts the part into the package, whose file need not tell of it."""
        if sys.modules.get(module.__name__) is not module:
            raise _Untold("module")
        held = (value.__name__ for _, value in sorted(vars(module).items()) if isinstance(value, types.ModuleType))
        parts = (name for name in held if name.startswith(f"{module.__name__}.") and objects.own_file(name))
        return ", ".join(map(self.module, (module.__name__, *parts)))

    def _function(self, function: types.FunctionType) -> str:
        """Its canonical source, and everything that it reads; of a package's wrapper its place, and what it wraps."""
        code = function.__code__
        if live.is_generated(code):
            return f"{code.co_name} of a dataclass"
        label = self._label(function, f"<function {function.__name__} {len(self._kept)}>")
        module = objects.module_of(function)
        home = module.__name__ if module else None
        if home is None:
            self._look_for_unknown(function)
        named = partial(self.named, reader=function.__name__, loose=home is not None)
        return self._define(
            label,
            [
                f"{self.module(home)} {code.co_qualname}" if home else live.code_text(function),
                *map(self.module, () if home else by_module(live.imported_by(function))),
                *(named(f"default {n}", default) for n, default in enumerate(function.__defaults__ or ())),
                *(named(name, default) for name, default in sorted((function.__kwdefaults__ or {}).items())),
                *(named(name, value) for name, value in live.closure_of(function)),
                *(named(name, value) for name, value in _by_name(live.globals_of(function) if home is None else ())),
                *(named(name, value, held=True) for name, value in _by_name(vars(function).items())),
            ],
        )

    def _look_for_unknown(self, function: types.FunctionType) -> None:
        for node in live.nodes_of(function):
            if searches_globals(node):
                raise unknown(f"'{function.__name__}'", "globals()", "name what it reads, as K, or globals()['K']")
            self.past |= reads_past_names(node)
            held = dict(live.closure_of(function)) | dict(live.globals_of(function))
            for name in filter(held.get, names_filled(node)):
                told = f"'{function.__name__}' keeps results in '{name}', and some are there, perhaps of other values"
                self.warnings[f"{told}. Fix: empty it, or use functools.cache"] = None

    def _class(self, cls: type) -> str:
        """Its bases, its annotations in order, and its members."""
        label = self._label(cls, f"<class {cls.__name__} {len(self._kept)}>")
        self.classes = True
        parts = [self._all([type(cls), *cls.__bases__])]
        parts += [self.named(f"annotation {name}", note, loose=True) for name, note in live.annotations_of(cls).items()]
        packaged = cls.__module__ in sys.modules and cls.__module__ not in ("__main__", "builtins", "types")
        plain = is_plain_class(cls)
        for name, value in _by_name(live.members_of(cls)):
            # Packages keep in a class what will not be told, and Python; descriptors and private objects are the user's.
            dunder = name.startswith("__") and name.endswith("__")
            if isinstance(value, _SLOTS) or (dunder and not plain and not callable(value)):
                continue
            if not plain and isinstance(getattr(value, "__func__", value), MEMOISED):
                raise _remembers(cls, name)
            loose = packaged or dunder
            held = name.startswith("_") or hasattr(value, "__get__")
            parts.append(self.named(name, value, reader=cls.__name__, held=held, loose=loose))
        return self._define(label, parts)

    def _all(self, values: Iterable[object]) -> str:
        return ", ".join(map(self.of, values))


def _remembers(cls: type, name: str) -> ManifestError:
    why = f"a class of {type(cls).__name__} cannot be copied, so that no run would begin without them"
    remedy = "let it call a function that does"
    return ManifestError(f"'{cls.__name__}.{name}' remembers its results", why=why, remedy=remedy)


_SLOTS = (types.MemberDescriptorType, types.GetSetDescriptorType)


def _by_name(pairs: Iterable[tuple[str, object]]) -> list[Any]:
    return sorted(pairs, key=lambda pair: pair[0])


def unknown(reader: str, written: str, remedy: str) -> ManifestError:
    """What finds things that no name says."""
    return ManifestError(f"what {reader} finds by {written} nobody can tell", remedy=remedy)


def _not_plain(name: str, value: object, found: _Untold, reader: str, *, held: bool) -> ManifestError:
    kind = type(value).__qualname__
    why = [f"'{reader}' reads it"] if reader else []
    why += [f"it holds an object of type {found.kind} at {name}{found.path}"] if found.path else []
    remedy = f"pass it in with --input {name} (data) or --param {name} (setting)"
    return ManifestError(
        f"'{name}' is a notebook variable of type {kind}",
        why=" and ".join(why) or "a body takes only modules, functions, classes and plain values from the notebook",
        remedy=f"make it in the function that uses {name}" if held and not found.data else remedy,
    )


def without_marks(text: str) -> str:
    """The text for a reader, who knows nothing of the marks."""
    return text.replace(_BEGIN, "").replace(_END, "")


def without_packaged(text: str) -> str:
    """The text without what stands between the marks, which may do so within others."""
    depth, kept = 0, []
    for part in re.split(f"([{_BEGIN}{_END}])", text):
        depth += {_BEGIN: 1, _END: -1}.get(part, 0)
        kept.append(part if depth == 0 else "")
    return "".join(kept)


def _is_atomic(value: Any) -> bool:
    if type(value) is dict:
        return all(map(_is_atomic, (*value, *value.values())))
    return all(map(_is_atomic, value)) if type(value) in _BARE.difference(_EXACT) else type(value) in _EXACT


def _dispatches(value: dict[object, object]) -> bool:
    """Whether it says which function of a package is for which type, as it does when somebody first needs it."""
    return bool(value) and all(
        isinstance(key, type) and isinstance(one, types.FunctionType) and objects.home_of(one) for key, one in value.items()
    )


def by_module(imports: Iterable[str]) -> list[str]:
    """Of the names that an import may mean the user's modules, and for the others the package."""
    return sorted({name if objects.own_file(name) else name.partition(".")[0] for name in imports})
