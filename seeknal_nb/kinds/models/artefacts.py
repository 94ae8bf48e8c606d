"""Estimators as files beside a model's table, read only when their bytes are what the build's record says.

skops keeps what consists of scikit-learn, numpy and scipy alone: reading it runs no code of the file. Anything else is
pickled by joblib and marked ``trusted: false``; that it is ours is what its digest proves.
"""

from __future__ import annotations

import io
import json
import pickle
import sys
import zipfile
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import NodeError
from seeknal_nb.kinds.models import preparing
from seeknal_nb.storage.builds import RECORD, build_digest, read_record
from seeknal_nb.storage.files import digest

if TYPE_CHECKING:
    from pathlib import Path

    from seeknal_nb.storage.builds import Build

__all__ = ["load", "read", "save"]

FORMS = {"skops": ".skops", "joblib": ".joblib"}
TRUSTED = ("sklearn.", "numpy.", "scipy.")
FORMER = "seeknal_nb.workflow.kinds.models.preparing"
"""What 0.1.0 called the module; its artefacts name the functions so, and are read as today's."""
OURS = (
    *(f"{module}.{name}" for module in (preparing.__name__, FORMER) for name in preparing.__all__),
    "functools.partial",
)
"""What an artefact may name besides: functions of ours that turn columns into columns; partial, whose function is named."""


def save(model: object, directory: Path, name: str) -> dict[str, Any]:
    """Write ``<name>.skops`` or ``<name>.joblib``, equal bytes for equal models; gives what the metadata tells of it.

    Raises:
        NodeError: Neither can keep it.
    """
    if not name.isidentifier():
        raise NodeError(f"{name!r} cannot name an artefact", remedy="use letters, digits and _")
    data, foreign = _skopsed(model)
    form = "joblib" if data is None else "skops"
    if data is None:
        data = _pickled(model)
    file = directory / f"{name}{FORMS[form]}"
    file.write_bytes(data)
    told: dict[str, Any] = {"file": file.name, "format": form, "bytes": len(data), "trusted": form == "skops"}
    return told | ({"foreign": foreign} if foreign else {})


def load(build: Build, name: str) -> Any:
    """Read an artefact of a build.

    Raises:
        NodeError: There is none of that name, its bytes are not those that were saved, or it holds what it may not.
    """
    if build.path is None or not name.isidentifier():
        raise NodeError(f"no artefact {name!r}", remedy="call ctx.save_model in the model's body")
    files = _files(build)
    for form, suffix in FORMS.items():
        if f"{name}{suffix}" in files:
            data = (build.path / f"{name}{suffix}").read_bytes()
            if digest(data) != files[f"{name}{suffix}"]:
                raise _tampered(f"{name}{suffix} of {build.node_id}")
            return read(data, form)
    saved = ", ".join(one.rpartition(".")[0] for one in files if one.endswith(tuple(FORMS.values())))
    known = f"it has {saved}" if saved else "call ctx.save_model in its body"
    raise NodeError(f"{build.node_id} has no artefact {name!r}", remedy=known)


def _files(build: Build) -> dict[str, str]:
    """Digests of a build's artefacts, where they are those that its digest, which this node's key holds, is about."""
    if build.path is None:
        return {}
    try:
        now = read_record((build.path / RECORD).read_bytes(), build.path)
    except (OSError, ValueError) as error:
        raise _tampered(f"the record of {build.node_id}") from error
    if build_digest(now.schema, now.parts, now.artefacts) != build.digest:
        raise _tampered(f"the record of {build.node_id}")
    return {file.base: file.xxh3 for file in now.artefacts}


def _tampered(what: str) -> NodeError:
    return NodeError(
        f"{what} is not what was saved",
        why="somebody changed it since; nothing of it was loaded",
        remedy="run the model again with full=True",
    )


def read(data: bytes, form: str) -> Any:
    """The model that the bytes hold; raises ``NodeError`` where skops meets types that only the user could vouch for."""
    sys.modules.setdefault(FORMER, preparing)
    if form == "joblib":
        return _joblib().load(io.BytesIO(data))
    skops = _skops()
    unknown = skops.get_untrusted_types(data=data)
    foreign = _foreign(unknown)
    if foreign:
        raise NodeError("the artefact holds types of other packages", why=", ".join(foreign), remedy="keep to scikit-learn")
    return skops.loads(data, trusted=unknown)


def _foreign(types: list[str]) -> list[str]:
    return sorted(kind for kind in types if not kind.startswith(TRUSTED) and kind not in OURS)


def _skopsed(model: object) -> tuple[bytes | None, list[str]]:
    """The model as skops writes it; None where it cannot or may not read it again, with the types that hinder."""
    skops = _skops()
    try:
        data = skops.dumps(model)
        foreign = _foreign(skops.get_untrusted_types(data=data))
    except Exception:  # noqa: BLE001 - the model is the user's object: its own methods are asked for its state
        return None, [f"{type(model).__module__}.{type(model).__qualname__}"]
    return (None, foreign) if foreign else (_normal(data), [])


def _pickled(model: object) -> bytes:
    out = io.BytesIO()
    try:
        _joblib().dump(model, out)
    except (pickle.PicklingError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise NodeError("the model cannot be saved", why=str(error)[:500], remedy="save a scikit-learn estimator") from error
    return out.getvalue()


def _normal(data: bytes) -> bytes:
    """The same archive without what differs from one dump to the next: addresses as names, and the time of day."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(held.pop("schema.json"))
    numbers: dict[int, int] = {}
    files: dict[str, str] = {}
    _renumber(schema, numbers, files)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for old, new in files.items():
            archive.writestr(zipfile.ZipInfo(new), _padded(held[old]) if new.endswith(".npy") else held[old])
        archive.writestr(zipfile.ZipInfo("schema.json"), json.dumps(schema))
    return out.getvalue()


def _renumber(value: Any, numbers: dict[int, int], files: dict[str, str]) -> None:
    """Number objects and files in the order in which they are met."""
    if isinstance(value, list):
        for item in value:
            _renumber(item, numbers, files)
    if not isinstance(value, dict):
        return
    if isinstance(value.get("__id__"), int):
        value["__id__"] = numbers.setdefault(value["__id__"], len(numbers))
    if isinstance(value.get("file"), str):
        old = value["file"]
        value["file"] = files.setdefault(old, f"{len(files)}.{old.rpartition('.')[2]}")
    for item in value.values():
        _renumber(item, numbers, files)


def _padded(data: bytes) -> bytes:
    """An array of records with zeros between its fields, where memory has whatever was there before."""
    import numpy as np  # noqa: PLC0415 - whoever saves a model has it loaded

    array = np.load(io.BytesIO(data), allow_pickle=False)
    if array.dtype.names is None:
        return data
    clean, out = np.zeros(array.shape, array.dtype), io.BytesIO()
    for name in array.dtype.names:
        clean[name] = array[name]
    np.save(out, clean, allow_pickle=False)
    return out.getvalue()


def _skops() -> Any:
    try:
        import skops.io  # noqa: PLC0415 - of the [ml] extra
    except ImportError as error:
        raise NodeError("skops is not installed", why="it keeps models", remedy="pip install 'seeknal_nb[ml]'") from error
    return skops.io


def _joblib() -> Any:
    import joblib  # noqa: PLC0415 - skops brings it

    return joblib
