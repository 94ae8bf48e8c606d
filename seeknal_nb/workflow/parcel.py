"""What a Python body takes from the notebook, packed for another process; knows no run.

Values of the notebook go by value, by cloudpickle. So do the user's own modules, as what their files say, so that a worker
that has imported an earlier version does not go on with it; they are imported anew for each job, as a job may change them.
Installed packages go by name.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.abc
import importlib.util
import io
import pickle
import re
import sys
import threading
import types
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeknal_nb.engines import Interrupted
from seeknal_nb.errors import NodeError, text_of
from seeknal_nb.python import live, objects
from seeknal_nb.python.apart import MEMOISED, apart
from seeknal_nb.python.capture import Captured
from seeknal_nb.python.constants import assigned_in, containers_in
from seeknal_nb.python.imported import file_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from importlib.machinery import ModuleSpec

__all__ = ["Parcel", "packed", "unpacked"]

_TOLD_BY_US = (MEMOISED, functools.cached_property, types.MappingProxyType)
"""What pickle refuses, or finds by name only."""
_ALONE = threading.RLock()
"""Who has modules works alone: a worker may run several jobs in threads, and ``sys.modules`` is the whole process's."""
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_STEP = 0.2
"""Seconds between two looks at whether a job that waits for another is still wanted."""


@dataclass(frozen=True, slots=True)
class OwnModule:
    """A module of the user's: its name, its file, what that says, and whether it is a package."""

    name: str
    file: str
    source: bytes
    package: bool


@dataclass(frozen=True, slots=True)
class Held:
    """A list, dict or set of a module of the user's, as it is here; only an import elsewhere tells whether that is news.

    Attributes:
        module: Whose it is.
        name: Its name there.
        data: Pickled; empty where it cannot be.
        text: What it is then, without addresses.
        why: Why it cannot be pickled.
    """

    module: str
    name: str
    data: bytes
    text: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A ``Captured`` that pickles.

    Attributes:
        modules: What it imports of the user's own, packages before what is in them.
        filled: Pickled, by module and name: containers that hold something else than the file says.
        held: The containers of which the file does not tell what they hold.
        values: Pickled, by name: what to put into the body's namespace.
        warnings: As ``Captured`` has them.
    """

    modules: tuple[OwnModule, ...]
    filled: bytes
    held: tuple[Held, ...]
    values: bytes
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Arrived(Captured):
    """Values that were made for this one execution."""

    def fresh(self) -> dict[str, object]:
        return dict(self.values)


def packed(captured: Captured) -> Parcel:
    """Pack it; raises ``NodeError`` that names the value that cannot be pickled."""
    modules = tuple(_own_modules(captured.modules))
    filled = {module.name: _filled(module) for module in modules if module.name in sys.modules}
    return Parcel(
        modules,
        _each_pickled({name: values for name, values in filled.items() if values}),
        tuple(held for module in modules for held in _held_by(module)),
        _each_pickled(captured.values),
        captured.warnings,
    )


@contextlib.contextmanager
def unpacked(parcel: Parcel, cancelled: threading.Event | None = None) -> Iterator[Captured]:
    """Make its values; its modules are the process's, and no other parcel's are, until the block ends.

    Raises:
        Interrupted: ``cancelled`` was set while another parcel's modules were there.
    """
    with _imported(parcel, cancelled) if parcel.modules else contextlib.nullcontext():
        yield _Arrived(pickle.loads(parcel.values), warnings=parcel.warnings)  # noqa: S301 - a job is code


@contextlib.contextmanager
def _imported(parcel: Parcel, cancelled: threading.Event | None) -> Iterator[None]:
    while not _ALONE.acquire(timeout=_STEP):
        if cancelled is not None and cancelled.is_set():
            raise Interrupted
    try:
        former, finder = _taken_out(parcel.modules), _Carried(parcel.modules)
        sys.meta_path.insert(0, finder)
        try:
            _fill(pickle.loads(parcel.filled))  # noqa: S301 - a job is code
            _fill(_news(parcel.held))
            yield
        finally:
            sys.meta_path.remove(finder)
            _taken_out(parcel.modules)
            sys.modules.update(former)
    finally:
        _ALONE.release()


def _taken_out(modules: Iterable[OwnModule]) -> Mapping[str, types.ModuleType]:
    """Take them out of ``sys.modules``, with all that is in their packages; but a package without a file has others' too."""
    names = {module.name for module in modules}
    within = tuple(f"{module.name}." for module in modules if module.package and module.file)
    return {name: sys.modules.pop(name) for name in [*sys.modules] if name in names or name.startswith(within)}


def _held_by(module: OwnModule) -> Iterator[Held]:
    """Its own lists, dicts and sets, not those that it imports, which are others'."""
    if module.source and module.name in sys.modules:
        source = importlib.util.decode_source(module.source)
        space, told = vars(sys.modules[module.name]), containers_in(source)
        for name in sorted(assigned_in(source) - told.keys()):
            if type(space.get(name)) in (list, dict, set) and not name.startswith("__"):
                yield _held(module.name, name, space[name])


def _held(module: str, name: str, value: object) -> Held:
    try:
        return Held(module, name, _pickled(value))
    except Exception as error:  # noqa: BLE001 - whatever the user's own class raises
        return Held(module, name, b"", _ADDRESS.sub("", repr(value)), f"{type(error).__name__}: {text_of(error)}")


def _news(helds: Iterable[Held]) -> Mapping[str, Mapping[str, object]]:
    """By module and name, what an import here does not give; raises ``NodeError`` for what could not be pickled."""
    found: dict[str, dict[str, object]] = {}
    for held in helds:
        here = _held(held.module, held.name, vars(importlib.import_module(held.module)).get(held.name))
        if (here.data, here.text) == (held.data, held.text):
            continue
        name = f"{held.module}.{held.name}"
        if not held.data:
            remedy = f"fill {name} in the body, or as its module is imported, or run without executor="
            raise NodeError(f"{name!r} cannot be sent to another process", why=held.why, remedy=remedy)
        found.setdefault(held.module, {})[held.name] = pickle.loads(held.data)  # noqa: S301 - a job is code
    return found


def _fill(filled: Mapping[str, Mapping[str, Any]]) -> None:
    """Put into containers what they held, in place, for other modules have them too."""
    for name, values in filled.items():
        space = vars(importlib.import_module(name))
        for one, value in values.items():
            held: Any = space.get(one)
            if type(held) is type(value) and hasattr(held, "clear"):
                held.clear()
                (held.extend if isinstance(held, list) else held.update)(value)
            else:
                space[one] = value


def _each_pickled(values: Mapping[str, object]) -> bytes:
    try:
        return _pickled(values)
    except Exception as error:
        name, why = next(_refused(values), ("what it reads", error))
        raise NodeError(
            f"{name!r} cannot be sent to another process",
            why=f"{type(why).__name__}: {text_of(why)}",
            remedy=f"make {name} in the body, or run without executor=",
        ) from error


def _refused(values: Mapping[str, object]) -> Iterator[tuple[str, Exception]]:
    for name, value in values.items():
        try:
            _pickled(value)
        except Exception as error:  # noqa: BLE001 - whatever the user's own class raises
            yield name, error


def _pickled(value: object) -> bytes:
    import cloudpickle  # noqa: PLC0415 - 20 ms, and only other processes need it

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        def reducer_override(self, obj: Any) -> Any:
            if isinstance(obj, _TOLD_BY_US) and objects.home_of(obj) is None and (parts := apart(obj)):
                return parts.make, parts.args, dict(parts.attributes) or None
            reduced = super().reducer_override(obj)
            if isinstance(obj, types.FunctionType) and reduced is not NotImplemented:
                # Names that stand in texts only, query("v == @K"), are no names of its code.
                reduced[2][1]["__globals__"].update(live.globals_of(obj))
            return reduced

    file = io.BytesIO()
    Pickler(file).dump(value)
    return file.getvalue()


def _own_modules(names: Iterable[str]) -> Iterator[OwnModule]:
    """The modules with the packages that they are in, which may have no file."""
    wanted = {name[:end] for name in names for end in (*(n for n, sign in enumerate(name) if sign == "."), len(name))}
    for name in sorted(wanted):
        file = objects.own_file(name)
        if file is None:
            yield OwnModule(name, "", b"", package=True)
        elif file.suffix == ".py":  # a compiled one is found where it lies
            yield OwnModule(name, str(file), file.read_bytes(), package=file.name == "__init__.py")


def _filled(module: OwnModule) -> Mapping[str, object]:
    return file_text(module.name, Path(module.file))[2] if module.file else {}


class _Carried(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds the user's modules of one job, and loads them as they were sent."""

    def __init__(self, modules: Iterable[OwnModule]) -> None:
        self._modules = {module.name: module for module in modules}

    def find_spec(self, fullname: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        """Where one of these modules is; None for all others."""
        module = self._modules.get(fullname)
        if module is None:
            return None
        spec = importlib.util.spec_from_loader(fullname, self, origin=module.file or None, is_package=module.package)
        if spec is not None and module.file:
            spec.has_location = True
            if module.package:
                spec.submodule_search_locations = [str(Path(module.file).parent)]
        return spec

    def get_source(self, fullname: str) -> str:
        """What its file says."""
        return importlib.util.decode_source(self._modules[fullname].source)

    def get_code(self, fullname: str) -> types.CodeType:
        """Its code, whose tracebacks name the file."""
        return self.source_to_code(self.get_source(fullname), self._modules[fullname].file or f"<{fullname}>")
