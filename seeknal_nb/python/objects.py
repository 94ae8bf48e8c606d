"""Where a live Python object comes from: its module, and that one's version or file; knows no body."""

from __future__ import annotations

import operator
import os
import re
import sys
import sysconfig
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import types
    from collections.abc import Iterator

__all__ = ["found_at", "home_of", "module_of", "one_look", "own_file", "sentinel_of", "version_of"]

_INSTALLED = tuple(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib"))
# Only to be quick: to look through all distributions for one that is named otherwise takes half a second.
_DISTRIBUTIONS = {
    "PIL": "pillow",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "dateutil": "python-dateutil",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}
_looked: ContextVar[dict[str, str | None] | None] = ContextVar("looked", default=None)
_MADE = 1 << 9
"""Py_TPFLAGS_HEAPTYPE, among the flags of a class that a ``class`` statement made."""


def home_of(value: object) -> tuple[types.ModuleType, str] | None:
    """The imported module in which the object stands under its own name, or a package's class anyway; never the notebook."""
    if isinstance(value, type) and _is_packaged(value):
        return sys.modules[value.__module__], value.__qualname__
    owner = getattr(value, "__self__", None)
    modules = (getattr(value, "__module__", None), type(value).__module__.partition(".")[0], type(owner).__module__)
    names = (getattr(value, "__qualname__", None), getattr(value, "__name__", None))
    places = [sys.modules.get(name) for name in modules if isinstance(name, str) and name != "__main__"]
    for module in filter(None, places):
        for name in (name for name in names if isinstance(name, str)):
            try:
                if operator.attrgetter(name)(module) is value:
                    return module, name
            except AttributeError:
                continue
    return None


def _is_packaged(cls: type) -> bool:
    """Whether no notebook made the class: it is Python's own, or of an installed module or a function there.

    What ``dataclasses.make_dataclass`` and ``types.new_class`` made says that it is of ``types``.
    """
    name = cls.__module__
    if name not in sys.modules or not cls.__flags__ & _MADE:
        return name in sys.modules
    if name in ("__main__", "builtins") or own_file(name) is not None:
        return False
    try:
        return "<locals>" in cls.__qualname__ or operator.attrgetter(cls.__qualname__)(sys.modules[name]) is cls
    except AttributeError:
        return False


def sentinel_of(value: object) -> tuple[types.ModuleType, str] | None:
    """The package's module in which an object stands that is known by being that one, as ``pandas.NA``; and its name."""
    home = home_of(type(value))
    if home is None or own_file(home[0].__name__) is not None:
        return None
    return next(((home[0], name) for name, one in vars(home[0]).items() if one is value), None)


def module_of(function: types.FunctionType) -> types.ModuleType | None:
    """The imported module in which the function was written; None for the notebook, and for an exec'd namespace."""
    name = function.__globals__.get("__name__", "__main__")
    module = sys.modules.get(name) if name != "__main__" else None
    return module if module is not None and vars(module) is function.__globals__ else None


def own_file(module: str) -> Path | None:
    """The file of a module that the user wrote, imported or not; None for an installed one, or where there is none."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or top == "seeknal_nb":  # ours is no user's
        return None
    file = getattr(sys.modules[module], "__file__", None) if module in sys.modules else found_at(module)
    return _unless_installed(os.path.abspath(file)) if file else None  # noqa: PTH100 - of thousands, a Path costs more


@lru_cache(maxsize=2048)
def _unless_installed(file: str) -> Path | None:
    path = Path(file).resolve()
    installed = any(path.is_relative_to(folder) for folder in _INSTALLED)
    return None if installed or {"site-packages", "dist-packages"} & {*path.parts} else path


@contextmanager
def one_look() -> Iterator[None]:
    """Within it, where a module that is not imported lies is looked up once: one planning sees one world."""
    token = _looked.set({})
    try:
        yield
    finally:
        _looked.reset(token)


def found_at(module: str) -> str | None:
    """Where an import would find the module; imports nothing, and not its packages either."""
    looked = _looked.get()
    if looked is None:
        return _found_at(module)
    if module not in looked:
        looked[module] = _found_at(module)
    return looked[module]


def _found_at(module: str) -> str | None:
    path: list[str] | None = None
    spec = None
    for end in [match.start() for match in re.finditer(r"\.|$", module)]:
        try:
            spec = PathFinder.find_spec(module[:end], path)
            path = list(spec.submodule_search_locations or ()) if spec else []
        except KeyError:  # a namespace package inside one that is not imported
            return None
    return spec.origin if spec else None


@lru_cache(maxsize=256)
def version_of(package: str) -> str:
    """The version of the distribution that holds the package; empty where there is none."""
    if package in sys.stdlib_module_names:
        return f"python {sys.version_info[0]}.{sys.version_info[1]}"
    import importlib.metadata  # noqa: PLC0415 - 15 ms, and only bodies that import packages need it

    try:
        return importlib.metadata.version(_DISTRIBUTIONS.get(package, package))
    except importlib.metadata.PackageNotFoundError:
        found = importlib.metadata.packages_distributions().get(package, ())
    return " ".join(sorted({importlib.metadata.version(name) for name in found}))
