"""A picture as one HTML page that stands alone: it loads nothing, asks nobody, and no text in it becomes markup."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from seeknal_nb.draw.assets import script, style
from seeknal_nb.draw.picture import plain
from seeknal_nb.draw.scene import edges_of, make_scene, nodes_of, snapshot_of
from seeknal_nb.draw.svg import svg
from seeknal_nb.markup import esc_html, json_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seeknal_nb.draw.picture import Picture

__all__ = ["page"]

STYLE: Final = """
:root { color-scheme: light dark; }
body { background: Canvas; color: CanvasText; font-family: system-ui, sans-serif; margin: 12px; }
"""
# In a JSON string these may be written as escapes; as themselves they could end the element or start a comment in it.
ESCAPED: Final = str.maketrans({sign: f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"})


def page(picture: Picture, title: str, details: Mapping[int, Mapping[str, Any]] | None = None) -> str:
    """The graph as the widget shows it, without a kernel, so that nothing can be run.

    Args:
        picture: Above ``scene.MOST`` nodes it shows groups, and says so.
        title: Of the page.
        details: What a click on a node shows, by node; a node that has none shows what it reads and what reads it.
    """
    code = script("page")
    return _TEMPLATE.format(
        policy=_policy(code),
        title=esc_html(plain(title) or "Pipeline graph"),
        style=style() + STYLE,
        drawn=svg(picture, title=title),
        data=_json(_traits(picture, title, details or {})),
        script=code,
    )


_TEMPLATE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main id="graph"></main>
<noscript>{drawn}</noscript>
<script type="application/json" id="data">{data}</script>
<script type="module">{script}</script>
</body>
</html>
"""


def _policy(script: str) -> str:
    """Only this very script runs, and nothing is fetched; styles stand in the elements, as SVG has it."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _traits(picture: Picture, title: str, details: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "nodes": nodes_of(picture, title),
        "edges": edges_of(picture),
        "scene": make_scene(picture).to_dict(),
        "snapshot": snapshot_of(picture),
        "live": False,
        "selected": [],
        "details": json_value(details),
    }


def _json(value: object) -> str:
    return json.dumps(value, default=_bytes, separators=(",", ":"), allow_nan=False).translate(ESCAPED)


def _bytes(value: object) -> dict[str, str]:
    if not isinstance(value, bytes):
        raise TypeError(f"cannot write a {type(value).__name__} as JSON")
    return {"base64": base64.b64encode(value).decode()}
