"""What a Python body is given as ``ctx``: its inputs, its parameters, and where to leave what is no table."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.sqltext import quote
from seeknal_nb.errors import NodeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal_nb.workflow.kinds.task import Task

__all__ = ["Context"]


class Context:
    """One node's context, for one execution."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._metrics: dict[str, Any] = {}
        self._artefacts: list[str] = []
        self.out = io.StringIO()

    @property
    def params(self) -> Mapping[str, object]:
        """The project's and the run's parameters."""
        return self._task.surroundings.params

    @property
    def node_id(self) -> str:
        """Which node this is."""
        return self._task.node.id

    def ref(self, name: str, *, as_: str | None = None) -> Any:
        """An input as a frame, by its id or bare name; pandas unless ``as_``, or the node's ``as``, says otherwise."""
        found = self._task.input(name)
        form = as_ or self._task.node.config.get("as") or "pandas"
        return self._task.engine.query(f"SELECT * FROM {quote(found.node_id)}", form=str(form))

    def log_metrics(self, **metrics: float) -> None:
        """Keep numbers beside the node's result; the summary shows them."""
        for name, value in metrics.items():
            self._metrics[name] = value.item() if hasattr(value, "item") else value
        json.dumps(self._metrics)

    def save_model(self, model: object, name: str = "model") -> None:
        """Keep an estimator as an artefact of this build, for ``ctx.model`` in later nodes."""
        from seeknal_nb.workflow.kinds.artefacts import save  # noqa: PLC0415 - scikit-learn takes a second

        self._artefacts.append(save(model, self._task.stage, name))

    def model(self, node: str, name: str = "model") -> Any:
        """The estimator that an input saved; its files were proved by digest before."""
        from seeknal_nb.workflow.kinds.artefacts import load  # noqa: PLC0415 - scikit-learn takes a second

        build = self._task.input(node).build
        if build is None or build.path is None:
            raise NodeError(f"{node!r} has no artefacts", remedy="call ctx.save_model in it")
        return load(build.path, name)

    def logged(self) -> dict[str, Any]:
        """What the body left besides its table."""
        found = {"metrics": self._metrics, "artefacts": self._artefacts, "output": self.out.getvalue()[-20_000:]}
        return {name: value for name, value in found.items() if value}
