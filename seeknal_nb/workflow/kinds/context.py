"""What a Python body is given as ``ctx``: its inputs, its parameters, and where to leave what is no table."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.parameters import reaching
from seeknal_nb.dag.sqltext import quote
from seeknal_nb.errors import NodeError
from seeknal_nb.workflow.kinds.features.groups import group_of
from seeknal_nb.workflow.kinds.features.pointintime import latest_sql

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal_nb.workflow.builds import Build
    from seeknal_nb.workflow.kinds.task import Task

__all__ = ["Context"]


class Context:
    """One node's context, for one execution."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self.metrics: dict[str, Any] = {}
        self._artefacts: list[dict[str, Any]] = []
        self._connection: Any = None
        self._warnings: list[str] = []
        self.out = io.StringIO()

    @property
    def params(self) -> Mapping[str, object]:
        """The run's parameters, the project's, those that the node declares, and the notebook's variables, in this order."""
        own = self._task.node.config.get("params")
        reached = reaching(self._task.node.config, self._task.surroundings.params)
        given = {name: value for name, value in reached.items() if name.isidentifier()}
        return {**(own if isinstance(own, dict) else {}), **given}

    def get_param(self, name: str, default: Any = None) -> Any:
        """One parameter."""
        return self.params.get(name, default)

    def secret(self, name: str) -> str:
        """A variable of the environment, hidden in every text that is kept; not part of the node's key.

        Raises:
            NodeError: It is not set.
        """
        return self._task.surroundings.secrets.value(name)

    @property
    def node_id(self) -> str:
        """Which node this is."""
        return self._task.node.id

    def ref(self, name: str, *, as_: str | None = None) -> Any:
        """An input as a frame, by its id or bare name; pandas unless ``as_``, or the node's ``as``, says otherwise."""
        found = self._task.input(name)
        return self._task.engine.query(f"SELECT * FROM {quote(found.node_id)}", form=self.form(as_))

    def features(
        self, spine: Any, features: Any, *, time: str | None = None, mode: str = "event", as_: str | None = None
    ) -> Any:
        """A spine's rows, all of them and in their order, with features as they were at each row's ``time``.

        Args:
            spine: A frame, or the name of an input.
            features: ``["user_features", "txn:amount_7d", "txn:amount_7d AS amount"]``.
            time: The spine's column with the time; none is needed where no group has an event time.
            mode: ``event``: what was true by then; ``known``: what had arrived by then.
            as_: ``pandas`` unless this, or the node's ``as``, says otherwise.
        """
        from seeknal_nb.workflow.kinds.features.retrieval import features_for  # noqa: PLC0415 - a cycle: it runs bodies too

        return features_for(self._task, spine, features, time=time, mode=mode, form=self.form(as_))

    def latest(self, group: str, *, as_: str | None = None) -> Any:
        """The newest row of each key of a feature group, in the order of the keys, however old it is."""
        found = group_of(self._task.input(group))
        return self._task.engine.query(latest_sql(found), form=self.form(as_))

    def form(self, as_: str | None = None) -> str:
        """In which form frames come: ``as_``, else what the node says, else ``pandas``."""
        return str(as_ or self._task.node.config.get("as") or "pandas")

    @property
    def duckdb(self) -> Any:
        """A DuckDB connection in memory, of this body alone, which reads the body's own frames by their names."""
        if self._connection is None:
            import duckdb  # noqa: PLC0415 - only a body that asks for it needs one

            # It takes a column of objects for what its first 1,000 rows are: let it look at all.
            self._connection = duckdb.connect(":memory:")
            self._connection.execute("SET pandas_analyze_sample = 1_000_000_000; SET TimeZone = 'UTC'")
        return self._connection

    def log_metrics(self, **metrics: float) -> None:
        """Keep numbers beside the node's result; the summary shows them."""
        for name, value in metrics.items():
            self.metrics[name] = value.item() if hasattr(value, "item") else value
        json.dumps(self.metrics)

    def save_model(self, model: object, name: str = "model") -> None:
        """Keep an estimator as an artefact of this build, for ``ctx.model`` in later nodes."""
        from seeknal_nb.workflow.kinds.models.artefacts import save  # noqa: PLC0415 - it needs the [ml] extra

        told = save(model, self._task.stage, name)
        self._artefacts = [*(one for one in self._artefacts if one["file"] != told["file"]), told]
        if not told["trusted"]:
            what = ", ".join(told["foreign"][:3])
            self._warnings.append(f"{told['file']} holds {what}: reading it runs its code, so it is read only unchanged")

    def model(self, node: str, name: str = "model") -> Any:
        """The estimator that an input saved, its preprocessing included; it takes a frame with the feature columns.

        Raises:
            NodeError: The input has none of that name, or its file is not what was saved.
        """
        from seeknal_nb.workflow.kinds.models.artefacts import load  # noqa: PLC0415 - it needs the [ml] extra

        return load(self._build(node), name)

    def predict(self, node: str, frame: Any, name: str = "model") -> Any:
        """What an input's estimator says of each row: ``prediction``, and probabilities where it gives them.

        Args:
            node: The model, an input of this node.
            frame: Its features, among other columns perhaps; the answer is of the same library, and has its index.
            name: Which of the artefacts.
        """
        from seeknal_nb.workflow.kinds.models.predicting import predicted  # noqa: PLC0415 - it needs the [ml] extra

        return predicted(self._build(node), name, frame)

    def _build(self, node: str) -> Build:
        build = self._task.input(node).build
        if build is None or build.path is None:
            raise NodeError(f"{node!r} has no artefacts", remedy="name a model, or call ctx.save_model in it")
        return build

    def warn(self, *texts: str) -> None:
        """Leave warnings in the node's result."""
        self._warnings.extend(texts)

    def logged(self) -> dict[str, Any]:
        """What the body left besides its table."""
        output = self.out.getvalue()[-20_000:]
        found = {"metrics": self.metrics, "warnings": self._warnings, "artefacts": self._artefacts, "output": output}
        return {name: value for name, value in found.items() if value}
