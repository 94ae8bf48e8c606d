"""What can be shown where a shell's output goes, and whether anybody is there to click it."""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["shows_more_than_text", "somebody_is_there"]


def shows_more_than_text() -> bool:
    """Whether this shell's front end does; a terminal does not, nor a program without a shell."""
    shell = _shell()
    return shell is not None and "text/html" in shell.display_formatter.active_types


def somebody_is_there() -> bool:
    """Whether a click can be answered: a front end that nobody can be asked by only executes, as nbclient does.

    It would keep the widget's state, for which nbconvert then takes its page's scripts from a CDN, and shows no drawing.
    """
    get_parent: Any = getattr(_shell(), "get_parent", dict)
    return bool((get_parent() or {}).get("content", {}).get("allow_stdin", True))


def _shell() -> Any:
    """IPython's shell; a program that has not imported IPython has none."""
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()
