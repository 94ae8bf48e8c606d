"""``Kind`` and what it is given, under the name that kinds of other distributions know; they stand in ``kinds.task``."""

from __future__ import annotations

from seeknal_nb.kinds.task import Delivery, Input, Kind, Probe, Surroundings, Task, result_of

__all__ = ["Delivery", "Input", "Kind", "Probe", "Surroundings", "Task", "result_of"]
