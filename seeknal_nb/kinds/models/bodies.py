"""What models give to Python bodies: to keep an estimator, to read one, and to ask one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seeknal_nb.kinds.models.artefacts import load, save
from seeknal_nb.kinds.models.predicting import predicted

if TYPE_CHECKING:
    from seeknal_nb.kinds.context import Context

__all__ = ["model_of", "predict", "save_model"]


def save_model(ctx: Context, model: object, name: str = "model") -> None:
    """Keep an estimator as an artefact of this build, for ``ctx.model`` in later nodes."""
    told = save(model, ctx.task.stage, name)
    ctx.keep(told)
    if not told["trusted"]:
        what = ", ".join(told["foreign"][:3])
        ctx.warn(f"{told['file']} holds {what}: reading it runs its code, so it is read only unchanged")


def model_of(ctx: Context, node: str, name: str = "model") -> Any:
    """The estimator that an input saved, its preprocessing included; it takes a frame with the feature columns.

    Raises:
        NodeError: The input has none of that name, or its file is not what was saved.
    """
    return load(ctx.build(node), name)


def predict(ctx: Context, node: str, frame: Any, name: str = "model") -> Any:
    """What an input's estimator says of each row: ``prediction``, and probabilities where it gives them.

    Args:
        ctx: The body's.
        node: The model, an input of this node.
        frame: Its features, among other columns perhaps; the answer is of the same library, and has its index.
        name: Which of the artefacts.
    """
    return predicted(ctx.build(node), name, frame)
