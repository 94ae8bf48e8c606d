"""What a Python body takes from the notebook, packed for another process; knows no run.

Values of the notebook go by value, by cloudpickle. So do the user's own modules, as what their files say, so that a worker
that has imported an earlier version does not go on with it. Installed packages go by name.
"""

from __future__ import annotations

import functools
import importlib.abc
import importlib.util
import io
import pickle
import sys
import types
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import NodeError, text_of
from seeknal_nb.python import live, objects
from seeknal_nb.python.apart import MEMOISED, apart
from seeknal_nb.python.capture import Captured
from seeknal_nb.python.imported import file_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from importlib.machinery import ModuleSpec

__all__ = ["Parcel", "packed", "unpacked"]

_TOLD_BY_US = (MEMOISED, functools.cached_property, types.MappingProxyType)
"""What pickle refuses, or finds by name only."""


@dataclass(frozen=True, slots=True)
class OwnModule:
    """A module of the user's: its name, its file, what that says, and whether it is a package."""

    name: str
    file: str
    source: bytes
    package: bool


@dataclass(frozen=True, slots=True)
class Parcel:
    """A ``Captured`` that pickles.

    Attributes:
        modules: What it imports of the user's own, packages before what is in them.
        filled: Pickled, by module and name: containers that hold something else than the file says.
        values: Pickled, by name: what to put into the body's namespace.
        warnings: As ``Captured`` has them.
    """

    modules: tuple[OwnModule, ...]
    filled: bytes
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
        _each_pickled(captured.values),
        captured.warnings,
    )


def unpacked(parcel: Parcel) -> Captured:
    """Import its modules, and make its values."""
    if parcel.modules:
        _Carried.of_this_process().carry(parcel)
    return _Arrived(pickle.loads(parcel.values), warnings=parcel.warnings)  # noqa: S301 - a job is code


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
    """The user's modules of the last job of this process; they stay imported as long as jobs bring the same ones."""

    def __init__(self) -> None:
        self._modules: dict[str, OwnModule] = {}
        self._filled = b""

    @classmethod
    def of_this_process(cls) -> _Carried:
        """The one among the process's finders."""
        found = next((one for one in sys.meta_path if isinstance(one, cls)), None)
        if found is None:
            found = cls()
            sys.meta_path.insert(0, found)
        return found

    def carry(self, parcel: Parcel) -> None:
        """Let imports find these modules; those that are other than the last job's are imported again, with all others."""
        brought = {module.name: module for module in parcel.modules}
        same = all(self._modules.get(name) == module for name, module in brought.items())
        if not same or self._filled != parcel.filled:
            for name in [*self._modules, *brought]:
                sys.modules.pop(name, None)
            self._modules, self._filled = brought, parcel.filled
            self._fill(pickle.loads(parcel.filled))  # noqa: S301 - a job is code

    def _fill(self, filled: Mapping[str, Mapping[str, Any]]) -> None:
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
