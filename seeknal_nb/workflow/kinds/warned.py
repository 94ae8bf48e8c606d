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
    """Stands for ``warnings.showwarning`` meanwhile: a thread's warnings go to its list, others' where they went."""

    def __init__(self) -> None:
        self.filters = warnings.catch_warnings()
        self.lists: dict[int, list[str]] = {}
        self.filters.__enter__()
        self.shown: Any = warnings.showwarning
        warnings.simplefilter("always")
        warnings.showwarning = self

    def __call__(self, message: Any, category: Any, *where: Any, **more: Any) -> None:
        found = self.lists.get(threading.get_ident())
        if found is None:
            self.shown(message, category, *where, **more)
        else:
            found.append(f"{category.__name__}: {str(message).splitlines()[0] if str(message) else ''}"[:500])


_SWAP = threading.Lock()


@contextlib.contextmanager
def warned() -> Iterator[list[str]]:
    """The warnings that this thread's work calls for, each text once, when it is done."""
    found: list[str] = []
    with _SWAP:
        router = warnings.showwarning
        if not isinstance(router, _Router):
            router = _Router()
        router.lists[threading.get_ident()] = found
    try:
        yield found
    finally:
        with _SWAP:
            router.lists.pop(threading.get_ident(), None)
            if not router.lists:
                router.filters.__exit__(None, None, None)
        found[:] = dict.fromkeys(found)
