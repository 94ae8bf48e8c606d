"""Text that means harm, and what of a display would be alive."""

from __future__ import annotations

import base64
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree as ET

PAYLOADS = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", '"><svg onload=alert(1)>', "javascript:alert(1)", "</script>",
    "]]>", "-->", "{{7*7}}", "&lt;b&gt;", "\u2028", "<a id=MathJax>", "'><b>x</b>", "</pre></td></table><iframe src=x>",
    "\x1b[31mred\x07", "\u202eevil", "<<b>x</b>>", "\\", "\\N\\G", '"', "a" * 5000,
]  # fmt: skip
HTML = {"div", "code", "p", "table", "caption", "thead", "tbody", "tr", "th", "td", "span", "pre", "b", "br", "details", "summary"}
SVG = {"svg", "title", "desc", "g", "rect", "path", "circle", "text", "style"}
IMAGE = "data:image/svg+xml;base64,"


class Inspector(HTMLParser):
    """Collects what of a page is alive, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.alive: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in HTML | SVG | {"img", "details", "summary"}:
            self.alive.append(f"<{tag}>")
        for name, value in attrs:
            if tag == "img" and name == "src" and (value or "").startswith(IMAGE):  # a drawing of ours: scripts are inert in it
                self.words.append(inspect_bundle({"image/svg+xml": base64.b64decode(value.removeprefix(IMAGE)).decode()}))
                continue
            if name.startswith("on") or name in ("href", "src", "id", "name", "xlink:href") or "alert" in (value or ""):
                self.alive.append(f"{tag} {name}={value}")

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_comment(self, data: str) -> None:
        self.alive.append(f"comment {data}")

    handle_decl = handle_pi = unknown_decl = handle_comment  # type: ignore[assignment]


def inspect_bundle(data: dict[str, Any]) -> str:
    """The text of a bundle, after making sure that nothing in it is alive."""
    found = Inspector()
    for kind in ("text/html", "image/svg+xml"):
        found.feed(data.get(kind) or "")
    found.close()
    assert not found.alive, found.alive
    if "image/svg+xml" in data:
        ET.fromstring(data["image/svg+xml"])
    for kind in ("text/plain", "text/html", "image/svg+xml", "text/vnd.mermaid"):
        raw = data.get(kind) or ""
        bad = [c for c in raw if (ord(c) < 32 and c not in "\n\t") or c in "\u2028\u2029\u202e\u200b" or 0x7F <= ord(c) < 0xA0]
        assert not bad, (kind, bad)
    return "".join(found.words)
