"""A picture as PNG, which only the program ``dot`` of Graphviz can draw; knows no run and no notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seeknal_nb.draw.collapse import collapse
from seeknal_nb.draw.text import dot
from seeknal_nb.errors import UsageError

if TYPE_CHECKING:
    from seeknal_nb.draw.picture import Picture

__all__ = ["png"]

WITHOUT = "save as .svg or .html, which need no program"


def png(picture: Picture) -> bytes:
    """Above ``collapse.LIMIT`` nodes it shows groups and says so, as ``dot`` would take minutes.

    Raises:
        UsageError: There is no ``dot``, or it cannot write PNG.
    """
    import graphviz  # noqa: PLC0415  of use to exports only

    shown = collapse(picture)
    try:
        drawn: bytes = graphviz.Source(dot(shown.picture, note=shown.note)).pipe(format="png", quiet=True)
    except graphviz.ExecutableNotFound as error:
        raise UsageError(
            "cannot draw a PNG",
            why="the program dot of Graphviz is not on this machine's PATH",
            remedy=f"apt-get, brew or conda install graphviz, or {WITHOUT}",
        ) from error
    except graphviz.CalledProcessError as error:
        raise UsageError(
            "cannot draw a PNG",
            why=f"dot said: {error.stderr.decode(errors='replace').strip()}",
            remedy=f"install a Graphviz that can write PNG, or {WITHOUT}",
        ) from error
    return drawn
