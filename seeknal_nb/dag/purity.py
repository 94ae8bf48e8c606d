"""What a Python body takes from the notebook besides its inputs, and one text for all of it; knows no node, no run."""

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

from seeknal_nb.dag import origin
from seeknal_nb.dag.python import BUILTINS, Body
from seeknal_nb.errors import ManifestError, near

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

__all__ = ["Captured", "captured", "own"]

_EXACT = (type(None), bool, int, float, complex, str, bytes, type(...), type(NotImplemented))
_LISTS = (list, tuple, collections.deque)
_SETS = (set, frozenset)
_MAPPINGS = (dict, collections.OrderedDict, collections.Counter, types.MappingProxyType)
_ALIASES = (types.GenericAlias, types.UnionType, typing.TypeVar, type(typing.Optional[int]))  # noqa: UP045
_BY_REPR = (numbers.Number, dt.date, dt.time, dt.timedelta, dt.tzinfo, uuid.UUID, range, slice, *_ALIASES)

_PARTS: tuple[tuple[Any, Callable[[Any], Iterable[object]]], ...] = (
    (enum.Enum, lambda v: (type(v), v.name, v.value)),
    (PurePath, lambda v: (str(v),)),
    (re.Pattern, lambda v: (v.pattern, v.flags)),
    (logging.Logger, lambda v: (v.name,)),
    (collections.defaultdict, lambda v: (v.default_factory, dict(v))),
    (functools.partial, lambda v: (v.func, v.args, v.keywords)),
    (types.MethodType, lambda v: (v.__func__, v.__self__)),
    (types.BuiltinMethodType, lambda v: (v.__self__, v.__name__)),
    ((staticmethod, classmethod), lambda v: (v.__func__,)),
    (property, lambda v: (v.fget, v.fset, v.fdel)),
    (functools.cached_property, lambda v: (v.func,)),
)
_FIELD = ("name", "type", "default", "default_factory", "init", "repr", "compare", "hash", "kw_only")
# What the packages keep in a class besides the user's values, and tell all about in a repr.
_TOLD_BY_REPR = frozenset({"__attrs_attrs__", "__dataclass_params__"})


@dataclasses.dataclass(frozen=True, slots=True)
class Captured:
    """``values``: what to put into the body's namespace, by name, lists, dicts and sets as copies of their own.

    ``digest_text``: a text that changes when anything of it does, and is the same in every process of one Python.
    """

    values: Mapping[str, object]
    digest_text: str


def captured(body: Body, namespace: Mapping[str, object], *, inputs: Collection[str]) -> Captured:
    """Take what the body reads from the notebook's ``namespace``; names in ``inputs`` are given to it otherwise.

    Modules, functions, classes and plain values are taken (KINDS § 5, Purity), and the files of the user's own modules
    are read. Raises ManifestError for any other object, also one that a helper reads, for a name that is nowhere, and
    for a module whose file changed after it was imported. A name in ``body.perhaps`` that cannot be taken is left out.
    """
    text = _Text()
    lines = list(map(text.module, _by_module(body.imports)))
    values: dict[str, object] = {}
    copies: dict[int, Any] = {}
    for name in sorted(set(body.reads).difference(inputs)):
        if name in namespace and not (name in body.perhaps and _is_refused(name, namespace[name])):
            lines.append(text.named(name, namespace[name]))
            values[name] = own(namespace[name], copies)
        elif name not in body.perhaps:
            raise _undefined(name, [*namespace, *inputs])
    return Captured(values, "\n".join([*text.definitions, *lines]))


def _is_refused(name: str, value: object) -> bool:
    try:
        _Text().named(name, value)
    except ManifestError:
        return True
    return False


def _undefined(name: str, known: Collection[str]) -> ManifestError:
    if name == "__file__":
        why, remedy = "a node's function is taken out of its file", "write the path itself, from the project's folder"
        return ManifestError(f"name '{name}' is not defined", why=why, remedy=remedy)
    names = [other for other in known if not other.startswith("_") and other not in BUILTINS | {"In", "Out"}]
    return ManifestError(
        f"name '{name}' is not defined",
        why="it is no input, no builtin and nothing in the notebook",
        remedy=near(name, names),
    )


def own(value: Any, copies: dict[int, Any]) -> Any:
    """A copy of the plain containers, so that a body that changes them changes nothing outside."""
    if id(value) in copies:
        return copies[id(value)]
    kind = type(value)
    if kind is list:
        made: Any = copies.setdefault(id(value), [])
        made.extend(own(item, copies) for item in value)
        return made
    if kind is dict:
        made = copies.setdefault(id(value), {})
        made.update((key, own(item, copies)) for key, item in value.items())
        return made
    if kind is tuple:
        return tuple(own(item, copies) for item in value)
    return set(value) if kind is set else value


class _Unplain(Exception):  # noqa: N818
    """No text can stand for this object; ``args[0]`` is the name of its type."""


class _Text:
    """Writes objects as text. A function, class or module of the user is written once, and then named by its label."""

    def __init__(self) -> None:
        self.definitions: list[str] = []
        self._labels: dict[int, str] = {}
        self._modules: dict[str, str] = {}
        self._kept: list[object] = []  # an id means nothing once its object is gone
        self._open: dict[int, int] = {}

    def named(self, name: str, value: object, *, reader: str = "", strict: bool = True) -> str:
        """One line for a name and its value; where that is not ``strict``, the type stands for what has no text."""
        try:
            return f"{name} = {self.of(value)}"
        except _Unplain as error:
            if strict:
                raise _not_plain(name, value, str(error), reader) from None
            told = name in _TOLD_BY_REPR and _is_stable(repr(value))
            return f"{name}: {repr(value) if told else type(value).__qualname__}"

    def of(self, value: object) -> str:
        """The text of one object; raises _Unplain."""
        if type(value) in _EXACT:
            return repr(value)
        if id(value) in self._labels:
            return self._labels[id(value)]
        if isinstance(value, types.ModuleType):
            return self._module(value)
        if home := origin.home_of(value):
            return f"{self.module(home[0].__name__)} {home[1]}"
        if isinstance(value, type):
            return self._class(value)
        return self._function(value) if isinstance(value, types.FunctionType) else self._compound(value)

    def _compound(self, value: object) -> str:
        kind = type(value).__qualname__
        if id(value) in self._open:  # it holds itself, or a function that reads it
            return f"<{kind} around, {self._open[id(value)]}>"
        self._open[id(value)] = len(self._open)
        try:
            return f"{kind}({self._inside(value)})"
        finally:
            del self._open[id(value)]

    def _inside(self, value: Any) -> str:
        if type(value) in _MAPPINGS:
            return ", ".join(f"{self.of(key)}: {self.of(item)}" for key, item in value.items())
        if type(value) in _SETS:
            # Sorted twice: labels are given in the order of the first, which must not be the hash's.
            return ", ".join(sorted(map(self.of, sorted(value, key=_rank))))
        if isinstance(value, dataclasses.Field):
            return "; ".join(self.named(name, getattr(value, name), strict=False) for name in _FIELD)
        parts = _parts(value)
        if parts is not None:
            return self._all(parts)
        if isinstance(value, _BY_REPR) and _is_stable(repr(value)):
            return repr(value)
        raise _Unplain(type(value).__qualname__)

    def _all(self, values: Iterable[object]) -> str:
        return ", ".join(map(self.of, values))

    def _label(self, value: object, what: str) -> str:
        label = f"<{what} {len(self._labels)}>"
        self._labels[id(value)] = label
        self._kept.append(value)
        return label

    def _define(self, label: str, parts: Collection[str]) -> str:
        self.definitions.append("\n  ".join([label, *parts]))
        return label

    def module(self, name: str) -> str:
        """Its version, or the content of its file with those of the user's other modules that it imports."""
        if name not in self._modules:
            file = origin.own_file(name)
            if file is None:
                package = name.partition(".")[0]
                self._modules[name] = f"module {name} {origin.version_of(package)}"
            else:
                label = self._modules[name] = f"<module {name}>"
                digest, imports = origin.file_text(name, file)
                self._define(label, [digest, *map(self.module, _by_module(imports))])
        return self._modules[name]

    def _module(self, module: types.ModuleType) -> str:
        """A module object; ``import package.part`` puts the part into the package, whose file need not tell of it."""
        if sys.modules.get(module.__name__) is not module:
            raise _Unplain("module")
        held = (value.__name__ for _, value in sorted(vars(module).items()) if isinstance(value, types.ModuleType))
        parts = (name for name in held if name.startswith(f"{module.__name__}.") and origin.own_file(name))
        return ", ".join(map(self.module, (module.__name__, *parts)))

    def _function(self, function: types.FunctionType) -> str:
        """Its canonical source, and everything that it reads; of a package's wrapper its place, and what it wraps."""
        code = function.__code__
        if origin.is_generated(code):
            return f"{code.co_name} of a dataclass"
        label = self._label(function, f"function {function.__name__}")
        module = origin.module_of(function)
        home = module.__name__ if module else None
        named = partial(self.named, reader=function.__name__, strict=home is None)
        return self._define(
            label,
            [
                f"{self.module(home)} {code.co_qualname}" if home else origin.code_text(code, function.__globals__),
                *map(self.module, () if home else _by_module(origin.imported_by(code))),
                *(named(f"default {n}", default) for n, default in enumerate(function.__defaults__ or ())),
                *(named(name, default) for name, default in sorted((function.__kwdefaults__ or {}).items())),
                *(named(name, value) for name, value in origin.closure_of(function)),
                *(named(name, value) for name, value in sorted(origin.globals_of(function) if home is None else ())),
                *(named(name, value, strict=False) for name, value in sorted(vars(function).items())),
            ],
        )

    def _class(self, cls: type) -> str:
        """Its bases, its annotations in order, and its members."""
        label = self._label(cls, f"class {cls.__name__}")
        parts = [self._all([type(cls), *cls.__bases__])]
        parts += [self.named(name, note, strict=False) for name, note in origin.annotations_of(cls)]
        for name, value in sorted(origin.members_of(cls)):
            # What a package keeps in a class, and descriptors such as slots, need no text; the user's values do.
            plain = not name.startswith("_") and not hasattr(value, "__get__")
            parts.append(self.named(name, value, reader=cls.__name__, strict=plain))
        return self._define(label, parts)


def _not_plain(name: str, value: object, found: str, reader: str) -> ManifestError:
    kind = type(value).__qualname__
    why = [f"'{reader}' reads it"] if reader else []
    why += [f"it holds an object of type {found}"] if found != kind else []
    return ManifestError(
        f"'{name}' is a notebook variable of type {kind}",
        why=" and ".join(why) or "a body takes only modules, functions, classes and plain values from the notebook",
        remedy=f"pass it in with --input {name} (data) or --param {name} (setting)",
    )


def _rank(value: object) -> tuple[str, str]:
    return type(value).__qualname__, str(getattr(value, "__qualname__", ""))


def _by_module(imports: Iterable[str]) -> list[str]:
    """Of the names that an import may mean the user's modules, and for the others the package."""
    return sorted({name if origin.own_file(name) else name.partition(".")[0] for name in imports})


def _parts(value: Any) -> Iterable[object] | None:
    """The objects of which this one consists."""
    kind = type(value)
    if kind in _LISTS:
        return list(value)
    for known, parts in _PARTS:
        if isinstance(value, known):
            return parts(value)
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return (kind, *value)
    if dataclasses.is_dataclass(value):
        return (kind, *(getattr(value, field.name) for field in dataclasses.fields(value)))
    wrapped = getattr(value, "__wrapped__", None)  # functools.cache and its like
    return (wrapped,) if isinstance(wrapped, types.FunctionType) else None


def _is_stable(text: str) -> bool:
    return " at 0x" not in text
