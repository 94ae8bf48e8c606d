"""What stands for the result of a line that a notebook without a front end leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Absent"]


class Absent:
    """Stands for the result of a line that was left out; whatever is asked of it is absent too."""

    touched = False

    def _absent(self, *_: Any, **__: Any) -> Absent:
        Absent.touched = True
        return self

    __call__ = __getitem__ = __add__ = __radd__ = __sub__ = __mul__ = __truediv__ = _absent
    __lt__ = __le__ = __gt__ = __ge__ = _absent

    def __getattr__(self, name: str) -> Absent:
        if name.startswith(("__", "_repr_", "_ipython_")):
            raise AttributeError(name)
        return self._absent()

    def __iter__(self) -> Iterator[Any]:
        Absent.touched = True
        return iter(())

    def __format__(self, _spec: str) -> str:
        return "(left out)"

    def __repr__(self) -> str:
        return ""
