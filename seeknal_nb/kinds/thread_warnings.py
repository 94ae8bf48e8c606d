"""Keep the warnings of a thread's own work with its node, also where several work at once. Knows no node."""

from __future__ import annotations

import contextlib
import threading
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["warned"]


class _Router:
    """Stands for ``warnings.showwarning`` meanwhile: a thread's warnings go to its list, others' where they went.

    Filters and ``showwarning`` are the process's, and libraries swap them too, for a while, in any thread. So it counts
    whom it works for by itself, and puts back what was there only where nobody else's swap lies on its own.
    """

    def __init__(self) -> None:
        self._lists: dict[int, list[str]] = {}
        self._swap = threading.Lock()
        self._shown: Any = None
        self._filters = warnings.catch_warnings()

    def enter(self, found: list[str]) -> None:
        """This thread's warnings go to that list from now on."""
        with self._swap:
            if not self._lists and warnings.showwarning is not self:  # it is where another's block has put us back
                self._shown, self._filters = warnings.showwarning, warnings.catch_warnings()
                self._filters.__enter__()
                warnings.simplefilter("always")
                warnings.showwarning = self
            self._lists[threading.get_ident()] = found

    def leave(self) -> None:
        """They go where they went; the last one to leave puts everything back."""
        with self._swap:
            self._lists.pop(threading.get_ident(), None)
            if not self._lists and warnings.showwarning is self:
                self._filters.__exit__(None, None, None)

    def __call__(self, message: Any, category: Any, *where: Any, **more: Any) -> None:
        found = self._lists.get(threading.get_ident())
        if found is None:
            self._shown(message, category, *where, **more)
        else:
            found.append(f"{category.__name__}: {str(message).splitlines()[0] if str(message) else ''}"[:500])


_ROUTER = _Router()
"""One a process, as what it stands for: another thread's block may hide it, but it is still at work."""


@contextlib.contextmanager
def warned() -> Iterator[list[str]]:
    """The warnings that this thread's work calls for, each text once, when it is done."""
    found: list[str] = []
    _ROUTER.enter(found)
    try:
        yield found
    finally:
        _ROUTER.leave()
        found[:] = dict.fromkeys(found)
