"""Live Python objects of a notebook as the text that defines them again; it knows no node and writes no file.

``captured`` gives the same text for what it finds among the names that this text defines (``dag.purity``): so the keys of
the bodies that read them stay.
"""

from __future__ import annotations

import ast
import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import functools
import inspect
import linecache
import math
import numbers
import re
import textwrap
import types
import uuid
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import ManifestError
from seeknal_nb.python import objects
from seeknal_nb.python.body import BUILTINS, parse
from seeknal_nb.python.imported import file_text
from seeknal_nb.python.scope import Scope
from seeknal_nb.python.texts import names_in_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["Definitions", "own_modules"]

_EXACT = (type(None), bool, int, str, bytes, type(...), type(NotImplemented))
_BY_REPR = {
    dt.date: "datetime", dt.datetime: "datetime", dt.time: "datetime", dt.timedelta: "datetime", dt.timezone: "datetime",
    decimal.Decimal: "decimal", fractions.Fraction: "fractions", uuid.UUID: "uuid", range: "", slice: "", complex: "",
}  # fmt: skip
"""Types whose repr is the call that makes the value, and the module that its name stands in."""


class Definitions:
    """The text that defines names as a namespace has them; what they need of it comes before them.

    Args:
        namespace: The notebook's variables.
    """

    def __init__(self, namespace: Mapping[str, object]) -> None:
        self._namespace = namespace
        self._imports: dict[str, None] = {}
        self._lines: list[str] = []
        self._done: set[str] = set()

    def add(self, names: Iterable[str]) -> None:
        """Define these names too.

        Raises:
            ManifestError: An object of another kind than those that can be written.
        """
        for name in names:
            if name not in self._done:
                self._done.add(name)
                self._define(name, self._namespace[name])

    def need(self, modules: Iterable[str]) -> None:
        """Import these modules too, so that bodies that import them find them."""
        for module in modules:
            self.module(module)

    def text(self) -> str:
        """All of it; empty where there is nothing."""
        parts = ["\n".join(self._imports), *self._lines]
        return "\n\n".join(part for part in parts if part) + "\n" if any(parts) else ""

    def module(self, module: str) -> str:
        """The name under which a module is imported."""
        alias = "_" + module.replace(".", "_")
        self._imports[f"import {module} as {alias}"] = None
        return alias

    def _define(self, name: str, value: object) -> None:
        if isinstance(value, types.ModuleType):
            self._imports[f"import {value.__name__}" + (f" as {name}" if name != value.__name__ else "")] = None
            return
        function = inspect.unwrap(value) if callable(value) and not isinstance(value, type) else None
        if objects.home_of(value) is None and isinstance(function, types.FunctionType):
            self._statement(name, *_statement_of(function, name), function.__name__)
        elif objects.home_of(value) is None and isinstance(value, type):
            self._statement(name, *_class_statement(value), value.__name__)
        else:
            self._lines.append(f"{name} = {self.value(value, name)}")

    def _statement(self, name: str, node: ast.stmt, text: str, own: str) -> None:
        """A definition as it was written, after what it reads; and the other name that it goes by."""
        if isinstance(node, ast.Assign):
            own = name
        elif own != name:
            self._check_same(own, name)
            self._done.add(own)
        scope = Scope([node])
        scope.finish()
        reads = [*scope.reads, *sorted(names_in_texts(ast.Module([node], [])))]
        self.add([read for read in reads if read in self._namespace and read not in BUILTINS])
        self._lines.append(text + ("" if own == name else f"\n\n\n{name} = {own}"))

    def _check_same(self, own: str, name: str) -> None:
        """A function that goes by another name than its own, while its own name means something else, has no text."""
        if own in self._namespace and self._namespace[own] is not self._namespace[name]:
            why = f"'{own}', its own name, means something else now"
            raise ManifestError(
                f"'{name}' cannot be written to a file", why=why, remedy=f"define {name} by a def of its own"
            )

    def value(self, value: Any, name: str) -> str:
        """An expression for a value."""
        kind = type(value)
        if kind in _EXACT:
            return repr(value)
        if kind is float:
            return repr(value) if math.isfinite(value) else f"float({str(value)!r})"
        if home := objects.home_of(value):
            return f"{self.module(home[0].__name__)}.{home[1]}"
        if isinstance(value, type):
            self.add([value.__name__])
            return value.__name__
        if kind in _BY_REPR:
            return f"{self.module(_BY_REPR[kind])}.{_tail(repr(value))}" if _BY_REPR[kind] else repr(value)
        for known, written in _WRITTEN:
            if isinstance(value, known):
                return written(self, value, name)
        return self.call(value, name)

    def call(self, value: Any, name: str) -> str:
        """The call that makes an object again."""
        if dataclasses.is_dataclass(value):
            given = {field.name: getattr(value, field.name) for field in dataclasses.fields(value) if field.init}
            return f"{self.value(type(value), name)}({self.named(given, name)})"
        if isinstance(value, tuple) and hasattr(value, "_asdict"):
            return f"{self.value(type(value), name)}({self.named(value._asdict(), name)})"
        if isinstance(value, numbers.Number) and hasattr(value, "item"):
            return f"{self.value(type(value), name)}({self.value(value.item(), name)})"
        why = f"it is a {type(value).__qualname__}"
        raise ManifestError(f"'{name}' cannot be written to a file", why=why, remedy="make it in the body that uses it")

    def reference(self, function: types.FunctionType, name: str) -> str:
        """The name of a function that stands inside a value."""
        if self._namespace.get(function.__name__) is not function:
            why = f"it holds a function that has no name in the notebook, {function.__name__}"
            raise ManifestError(f"'{name}' cannot be written to a file", why=why, remedy="define that function by a def")
        self.add([function.__name__])
        return function.__name__

    def named(self, values: Mapping[str, object], name: str) -> str:
        """Keyword arguments."""
        return ", ".join(f"{key}={self.value(value, name)}" for key, value in values.items())

    def each(self, values: Iterable[object], name: str) -> str:
        """Expressions, a comma apart."""
        return ", ".join(self.value(value, name) for value in values)

    def pairs(self, value: Mapping[Any, Any], name: str) -> str:
        """A dict's display."""
        return "{" + ", ".join(f"{self.value(k, name)}: {self.value(v, name)}" for k, v in value.items()) + "}"


def _collection(made: Definitions, value: Any, name: str) -> str:
    text = made.each(value, name)
    if type(value) is list:
        return f"[{text}]"
    if type(value) is tuple:
        return f"({text},)" if len(value) == 1 else f"({text})"
    known = "set" if type(value) is set else "frozenset" if type(value) is frozenset else None
    if known is None:
        return made.call(value, name)
    return f"{known}([{', '.join(sorted(made.value(one, name) for one in value))}])"


def _mapping(made: Definitions, value: Any, name: str) -> str:
    pairs = made.pairs(value, name)
    if type(value) is dict:
        return pairs
    home = made.value(type(value), name)
    if isinstance(value, collections.defaultdict):
        return f"{home}({made.value(value.default_factory, name)}, {pairs})"
    return f"{home}({pairs})"


def _call(of: Callable[[Any], tuple[object, ...]]) -> Callable[[Definitions, Any, str], str]:
    return lambda made, value, name: f"{made.value(type(value), name)}({made.each(of(value), name)})"


_WRITTEN: tuple[tuple[Any, Callable[[Definitions, Any, str], str]], ...] = (
    (enum.Enum, lambda made, value, name: f"{made.value(type(value), name)}.{value.name}"),
    (dict, _mapping),
    (types.MappingProxyType, lambda made, v, name: f"{made.module('types')}.MappingProxyType({made.pairs(v, name)})"),
    (collections.deque, _call(lambda v: (list(v), v.maxlen))),
    ((list, tuple, set, frozenset), _collection),
    (Path, lambda made, v, name: f"{made.module('pathlib')}.Path({str(v)!r})"),
    (PurePath, _call(lambda v: (str(v),))),
    (re.Pattern, lambda made, v, name: f"{made.module('re')}.compile({v.pattern!r}, {v.flags})"),
    (functools.partial, lambda made, v, name: (
        f"{made.module('functools')}.partial({made.each((v.func, *v.args), name)}"
        + (f", {made.named(v.keywords, name)})" if v.keywords else ")")
    )),
    (types.FunctionType, lambda made, v, name: made.reference(v, name)),
)  # fmt: skip


def _tail(text: str) -> str:
    """A repr without the module that it begins with: ``datetime.date(...)``, ``Decimal(...)``."""
    return text.removeprefix("datetime.").replace("datetime.", "_datetime.")


def _statement_of(function: types.FunctionType, name: str) -> tuple[ast.stmt, str]:
    """The ``def`` of a function, or the assignment of a lambda; and its text."""
    wrapped = function.__closure__ and not hasattr(function, "__wrapped__")
    try:
        text = textwrap.dedent(inspect.getsource(function)).rstrip()
        found = parse(text).body
    except (OSError, TypeError, SyntaxError):
        found = []
    node = found[0] if len(found) == 1 else None
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == function.__name__ and not wrapped:
        return node, text
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda) and not wrapped:
        return node, f"{name} = {ast.unparse(node.value)}"
    why = "it was made by another function" if wrapped else "its source is not to be found"
    raise ManifestError(f"'{name}' cannot be written to a file", why=why, remedy="define it by a def in a cell")


def _class_statement(cls: type) -> tuple[ast.stmt, str]:
    """The ``class`` statement: where one of its functions stands, else in the newest cell that has one; and its text."""
    files = [value.__code__.co_filename for value in vars(cls).values() if isinstance(value, types.FunctionType)]
    for file in [*dict.fromkeys(files), *reversed(list(linecache.cache))]:
        lines = linecache.getlines(file)
        try:
            body = parse("".join(lines)).body
        except (SyntaxError, ValueError):
            continue
        for node in reversed(body):
            if isinstance(node, ast.ClassDef) and node.name == cls.__name__ == cls.__qualname__:
                first = min([node.lineno, *(mark.lineno for mark in node.decorator_list)])
                return node, "".join(lines[first - 1 : node.end_lineno]).rstrip()
    raise ManifestError(
        f"the class '{cls.__name__}' cannot be written to a file", why="its source is not to be found",
        remedy="define it at the top level of a cell",
    )  # fmt: skip


def own_modules(names: Iterable[str]) -> dict[str, Any]:
    """The files of those modules that the user wrote, with what they import of such, by the path of an import."""
    found: dict[str, Any] = {}
    left = list(names)
    while left:
        name = left.pop()
        file = objects.own_file(name)
        if file is None:
            continue
        path = name.replace(".", "/") + ("/__init__.py" if file.stem == "__init__" else ".py")
        if path not in found:
            found[path] = file
            left += file_text(name, file)[1]
            left += [name.rpartition(".")[0]] if "." in name else []
    return found
