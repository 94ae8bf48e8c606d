"""Whoever hears a run's events: the user's own code, which must not end the run, nor keep the others from hearing."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from seeknal_nb.errors import text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from seeknal_nb.workflow.events import Event

__all__ = ["tell"]


def tell(listeners: Iterable[Callable[[Event], None]], event: Event) -> None:
    """Tell each of them. What one raises is a ``RuntimeWarning``, and the run goes on; an interrupt is one of the run."""
    for listener in list(listeners):
        try:
            listener(event)
        except Exception as error:  # noqa: BLE001 - a listener is the user's own code
            called = getattr(listener, "__qualname__", type(listener).__name__)
            told = f"the listener {called} raised {type(error).__name__} at {type(event).__name__}: {text_of(error)}"
            warnings.warn(f"{told}; the run goes on", RuntimeWarning, stacklevel=2)
