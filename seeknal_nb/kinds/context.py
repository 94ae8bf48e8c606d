"""What a Python body is given as ``ctx``: its inputs, its parameters, and where to leave what is no table."""

from __future__ import annotations

import io
import json
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from seeknal_nb.dag.parameters import reaching
from seeknal_nb.declaration import verbs
from seeknal_nb.errors import NodeError, near
from seeknal_nb.plugins import loaded
from seeknal_nb.sql.text import quote

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from seeknal_nb.kinds.task import Task
    from seeknal_nb.storage.builds import Build

__all__ = ["Context", "Partition"]


class Partition(NamedTuple):
    """One partition, as a body knows it.

    Attributes:
        value: What it is called, as ``2024-01-05``; None for that of NULL.
        start: When it begins, of a calendar's, without a zone; else None.
        end: When the next one begins, likewise.
    """

    value: str | None
    start: datetime | None
    end: datetime | None


class Context:
    """One node's context, for one execution; ``task`` is that, for what the kinds give to bodies."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.metrics: dict[str, Any] = {}
        self._artefacts: list[dict[str, Any]] = []
        self._connection: Any = None
        self._warnings: list[str] = []
        self.out = io.StringIO()

    @property
    def params(self) -> Mapping[str, object]:
        """The run's parameters, the project's, those that the node declares, and the notebook's variables, in this order."""
        own = self.task.node.config.get("params")
        reached = reaching(self.task.node.config, self.task.surroundings.params)
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
        return self.task.surroundings.secrets.value(name)

    @property
    def partition(self) -> Partition | None:
        """The partition that the body is run for; None for a whole node."""
        piece = self.task.slice
        return None if piece is None else Partition(piece.value, piece.start, piece.end)

    @property
    def node_id(self) -> str:
        """Which node this is."""
        return self.task.node.id

    def ref(self, name: str, *, as_: str | None = None) -> Any:
        """An input as a frame, by its id or bare name; pandas unless ``as_``, or the node's ``as``, says otherwise."""
        found = self.task.input(name)
        return self.task.engine.query(f"SELECT * FROM {quote(found.node_id)}", form=self.form(as_))

    def form(self, as_: str | None = None) -> str:
        """In which form frames come: ``as_``, else what the node says, else ``pandas``."""
        return str(as_ or self.task.node.config.get("as") or "pandas")

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

    def keep(self, artefact: Mapping[str, Any]) -> None:
        """Note an artefact that lies in the stage now: its ``file``, and what else is to be told; the last one of a name."""
        self._artefacts = [*(one for one in self._artefacts if one["file"] != artefact["file"]), dict(artefact)]

    def build(self, node: str) -> Build:
        """The build of an input, with its files.

        Raises:
            NodeError: There is none of that name, or it has no files.
        """
        build = self.task.input(node).build
        if build is None or build.path is None:
            raise NodeError(f"{node!r} has no artefacts", remedy="name a model, or call ctx.save_model in it")
        return build

    def __getattr__(self, name: str) -> Any:
        """What the kinds give to bodies: ``ctx.features``, ``ctx.model`` and their like."""
        reference = verbs().get(name)
        if reference is None:
            known = [*(one for one in dir(self) if one[0] != "_"), *verbs()]
            raise AttributeError(f"ctx has no {name!r}: {near(name, known, what='name')}", name=name, obj=self)
        verb = loaded("verb", name, reference)
        bound = partial(verb, self)
        bound.__doc__ = verb.__doc__
        return bound

    def warn(self, *texts: str) -> None:
        """Leave warnings in the node's result."""
        self._warnings.extend(texts)

    def logged(self) -> dict[str, Any]:
        """What the body left besides its table."""
        output = self.out.getvalue()[-20_000:]
        found = {"metrics": self.metrics, "warnings": self._warnings, "artefacts": self._artefacts, "output": output}
        return {name: value for name, value in found.items() if value}
