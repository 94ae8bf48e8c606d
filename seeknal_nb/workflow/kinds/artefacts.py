"""Estimators as files beside a model's table: skops where it is installed, which loads no code from the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import NodeError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["load", "save"]

SUFFIX = ".skops"
TRUSTED = ("sklearn.", "numpy.", "scipy.")


def save(model: object, directory: Path, name: str) -> str:
    """Write ``<name>.skops``; gives the file's name."""
    if not name.isidentifier():
        raise NodeError(f"{name!r} cannot name an artefact", remedy="use letters, digits and _")
    try:
        _skops().dump(model, directory / f"{name}{SUFFIX}")
    except (TypeError, ValueError, AttributeError) as error:
        raise NodeError("the model cannot be saved", why=str(error)[:500], remedy="save a scikit-learn estimator") from error
    return f"{name}{SUFFIX}"


def load(directory: Path, name: str) -> Any:
    """Read an artefact; raises ``NodeError`` where it holds types that only the user could vouch for."""
    path = directory / f"{name}{SUFFIX}"
    if not name.isidentifier() or not path.is_file():
        raise NodeError(f"no artefact {name!r}", remedy="call ctx.save_model in the model's body")
    skops = _skops()
    unknown = skops.get_untrusted_types(file=path)
    foreign = [kind for kind in unknown if not kind.startswith(TRUSTED)]
    if foreign:
        raise NodeError("the artefact holds types of other packages", why=", ".join(foreign), remedy="keep to scikit-learn")
    return skops.load(path, trusted=unknown)


def _skops() -> Any:
    try:
        import skops.io  # noqa: PLC0415 - of the [ml] extra
    except ImportError as error:
        raise NodeError("skops is not installed", why="it keeps models", remedy="pip install 'seeknal_nb[ml]'") from error
    return skops.io
