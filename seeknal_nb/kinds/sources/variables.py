"""A notebook's variable as a source: found by name, known by its content whatever its memory looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal_nb.engines.names import distinct, renamed
from seeknal_nb.errors import ManifestError, NodeError, near
from seeknal_nb.python.body import BUILTINS

if TYPE_CHECKING:
    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.kinds.task import Surroundings

__all__ = ["frame_digest", "named_apart", "variable"]


def variable(node: Node, around: Surroundings) -> Any:
    """The value of the variable that ``input`` names; raises ``ManifestError`` where there is none."""
    name = str(node.config.get("input"))
    if name not in around.namespace:
        known = [one for one in around.namespace if not one.startswith("_") and one not in BUILTINS | {"In", "Out"}]
        remedy = near(name, known, what="variable")
        raise ManifestError(f"the variable {name!r} is not there", remedy=remedy, node=node.id)
    return around.namespace[name]


def named_apart(frame: Any) -> tuple[Any, list[str]]:
    """The frame with its doubled columns renamed, and a warning about them; anything but a frame as it is."""
    names = getattr(frame, "column_names", None)
    if names is None and getattr(getattr(frame, "columns", None), "nlevels", 1) == 1:
        names = list(getattr(frame, "columns", ()))
    found = distinct(names or ())
    if not names or found == [str(name) for name in names]:
        return frame, []
    told = renamed(names, found)
    if hasattr(frame, "set_axis"):
        return frame.set_axis(found, axis=1), told
    if hasattr(frame, "rename_columns"):
        return frame.rename_columns(found), told
    return (frame.rename(dict(zip(names, found, strict=True))), told) if hasattr(frame, "rename") else (frame, [])


def frame_digest(frame: Any) -> str:
    """xxh3_128 over the frame's Arrow stream: its names, types and values, whatever its memory looks like.

    Of what cannot be stored it is the reason: the node runs, and fails by it.
    """
    import pyarrow as pa  # noqa: PLC0415 - 0.2 s
    import xxhash  # noqa: PLC0415

    from seeknal_nb.engines.frames import to_arrow  # noqa: PLC0415

    hasher = xxhash.xxh3_128()

    class Sink:
        closed = False

        def write(self, data: Any) -> int:
            hasher.update(data)
            return len(data)

        def flush(self) -> None: ...

        def close(self) -> None: ...

    try:
        table = to_arrow(named_apart(frame)[0])
    except NodeError as error:
        return str(error)
    with pa.ipc.new_stream(pa.PythonFile(Sink(), mode="w"), table.schema) as stream:
        stream.write_table(table.combine_chunks())
    return str(hasher.hexdigest())
