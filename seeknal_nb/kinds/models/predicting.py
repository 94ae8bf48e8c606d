"""Ask a saved estimator about a frame, in whatever library's form. Knows builds, but no node and no run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from seeknal_nb.engines.frames import is_of, to_arrow
from seeknal_nb.errors import NodeError, near
from seeknal_nb.kinds.models.artefacts import load
from seeknal_nb.kinds.models.estimators import BROKEN, answers

if TYPE_CHECKING:
    from seeknal_nb.storage.builds import Build

__all__ = ["predicted"]


def predicted(build: Build, name: str, frame: Any) -> Any:
    """``prediction`` and, where there are any, ``probability`` or ``probability_<class>``, a row for each row of the frame.

    Args:
        build: Whose artefact.
        name: Which artefact.
        frame: pandas gives pandas with the same index; polars gives polars, and all else Arrow.

    Raises:
        NodeError: The artefact cannot be read, a feature is missing, or the estimator refuses the values.
    """
    estimator = load(build, name)
    if not hasattr(estimator, "predict"):
        raise NodeError(f"{name!r} of {build.node_id} cannot predict", remedy="take it by ctx.model")
    data = frame if is_of(frame, "pandas") else to_arrow(frame).to_pandas()
    needed = [str(one) for one in getattr(estimator, "feature_names_in_", data.columns)]
    missing = next((one for one in needed if one not in data.columns), None)
    if missing is not None:
        raise NodeError(f"the frame has no feature {missing!r}", remedy=near(missing, map(str, data.columns), what="column"))
    try:
        results = answers(estimator, data[needed])
    except BROKEN as error:
        raise NodeError(
            f"{build.node_id} cannot predict from this", why=str(error)[:1000], remedy="mend the frame"
        ) from error
    return _like(frame, results, data)


def _like(frame: Any, results: dict[str, Any], data: Any) -> Any:
    if is_of(frame, "pandas"):
        import pandas as pd  # noqa: PLC0415 - the frame is one already

        return pd.DataFrame(results, index=data.index)
    import pyarrow as pa  # noqa: PLC0415 - 0.2 s, and SQL nodes do without it

    table = pa.table(results)
    if not is_of(frame, "polars"):
        return table
    return sys.modules["polars"].from_arrow(table)  # the frame is one of its own
