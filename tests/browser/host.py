"""A host of the graph's module without Jupyter: a blank page, a model whose values the test gives, and what comes back.

Quick (a tenth of a second a view), so that what needs no kernel is tested here, and times mean something.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, Self

from browser.chromium import ROOT, SCREENSHOTS, context
from seeknal_nb.draw.assets import script, style
from seeknal_nb.draw.scene import edges_of, make_scene, nodes_of, snapshot_of
from seeknal_nb.notebook.widget.options import offered

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from playwright.sync_api import Locator, Page, Route

    from browser.chromium import Browser
    from seeknal_nb.draw.picture import Picture

__all__ = ["Host", "traits_of"]

ADDRESS = "http://127.0.0.1/"
SCRIPT = ROOT / "tests" / "browser" / "host.js"
PAGE = """<!doctype html><html><head><meta charset="utf-8"><title>host</title><link rel="icon" href="data:,">
<style>body{{margin:0;{style}}} .view{{width:{width}px}}</style><link rel="stylesheet" href="/graph.css"></head>
<body {body}></body></html>"""


class Host:
    """A page with one model and its views. Nothing leaves the page: what it asks for is answered here.

    Attributes:
        dialogs: What ``alert``, ``confirm`` and ``prompt`` said.
        outside: What the page asked for beside the module and its sheet.
        errors: Exceptions and console errors.
        took: Milliseconds of the last ``show``: import, decode, render, paint.
    """

    def __init__(self, browser: Browser, *, esm: str = "", css: str = "") -> None:
        self.dialogs: list[str] = []
        self.outside: list[str] = []
        self.errors: list[str] = []
        self.took: dict[str, float] = {}
        self.esm, self.css = esm or script("widget"), css or style()
        self._browser = browser
        self._page: Page | None = None
        self._html = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._page is not None:
            self._page.context.close()

    @property
    def page(self) -> Page:
        assert self._page is not None, "show() first"
        return self._page

    def show(
        self, traits: Mapping[str, Any], *, width: int = 1100, size: tuple[int, int] = (1200, 900), body: str = "", style: str = "",
        **options: Any,
    ) -> Locator:  # fmt: skip
        """A new page that draws the traits in a view ``width`` wide; gives the view, once a frame has shown it.

        ``bytes`` come as a DataView. ``body`` are attributes of the body (``data-jp-theme-light="false"``), ``options`` those
        of Playwright's context: ``color_scheme="dark"``, ``forced_colors="active"``, ``has_touch=True``.
        """
        if self._page is not None:
            self._page.context.close()
        self._html = PAGE.format(width=width, body=body, style=style)
        made = context(
            self._browser, viewport={"width": size[0], "height": size[1]},
            **{"reduced_motion": "reduce", "service_workers": "block"} | options,
        )  # fmt: skip
        made.add_init_script(path=SCRIPT)
        self._page = page = made.new_page()
        page.route("**/*", self._answer)
        page.on("dialog", self._dialog)
        page.on("console", lambda seen: self.errors.append(seen.text) if seen.type == "error" else None)
        page.on("pageerror", lambda seen: self.errors.append(str(seen)))
        page.goto(ADDRESS)
        self.took = page.evaluate("text => seeknalHost.show(text)", encoded(traits))
        return self.view()

    def view(self, i: int = 0) -> Locator:
        return self.page.locator(".view").nth(i)

    def second(self) -> Locator:
        """One more view of the same model."""
        self.page.evaluate("seeknalHost.view()")
        return self.page.locator(".view").last

    def close(self) -> None:
        """The host takes the views away, as when a cell is cleared."""
        self.page.evaluate("seeknalHost.close()")

    # Python -> browser

    def push(self, message: Mapping[str, Any]) -> None:
        """A custom message."""
        self.page.evaluate("text => seeknalHost.push(text)", encoded(message))

    def set(self, **traits: Any) -> None:
        """New values, each with its ``change:`` event."""
        self.page.evaluate("text => seeknalHost.set(text)", encoded(traits))

    def timed_push(self, message: Mapping[str, Any]) -> dict[str, float]:
        """The milliseconds of the handlers (``script``), and those to the frame after them (``paint``)."""
        return self.page.evaluate("text => seeknalHost.timed(text, 'push')", encoded(message))

    def timed_set(self, **traits: Any) -> dict[str, float]:
        return self.page.evaluate("text => seeknalHost.timed(text, 'set')", encoded(traits))

    def tell(self, event: str) -> None:
        """An event of the model that brings no value."""
        self.page.evaluate("event => seeknalHost.state().tell(event)", event)

    def frame(self) -> None:
        """Waits until what was done is on the screen."""
        self.page.evaluate("seeknalHost.frame()")

    # Browser -> Python

    @property
    def sent(self) -> list[dict[str, Any]]:
        """The messages so far; ``at`` is when, in milliseconds of the page's."""
        return self.page.evaluate("seeknalHost.state().sent")

    def wait_sent(self, do: str, count: int = 1) -> dict[str, Any]:
        """The ``count``-th message that asks for ``do``, once it is there."""
        self.page.wait_for_function(
            "([what, count]) => seeknalHost.state().sent.filter(m => m.do === what).length >= count", arg=[do, count]
        )
        return [message for message in self.sent if message["do"] == do][count - 1]

    @property
    def saved(self) -> list[dict[str, Any]]:
        """What each ``save_changes()`` brought."""
        return self.page.evaluate("seeknalHost.state().saved")

    @property
    def listeners(self) -> int:
        """How many the views have on the model; none is left after ``close``."""
        return self.page.evaluate("seeknalHost.state().listeners.length")

    # Measures and pictures

    def memory(self) -> dict[str, float]:
        """After a collection: ``heap`` in MB, DOM ``nodes``, event ``listeners``."""
        session = self.page.context.new_cdp_session(self.page)
        session.send("HeapProfiler.collectGarbage")
        session.send("Performance.enable")
        found = {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}
        session.detach()
        return {"heap": found["JSHeapUsedSize"] / 1e6, "nodes": found["Nodes"], "listeners": found["JSEventListeners"]}

    def shot(self, name: str, part: Locator | None = None) -> Path:
        """Writes ``build/screenshots/<name>.png``."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        (part or self.page).screenshot(path=SCREENSHOTS / f"{name}.png", animations="disabled")
        return SCREENSHOTS / f"{name}.png"

    def report(self, name: str) -> str:
        """A picture, and what the page said; for a test that failed."""
        file = self.shot(f"failed_{name}")
        return f"{file}\n{json.dumps({'dialogs': self.dialogs, 'outside': self.outside, 'errors': self.errors}, indent=1)}"

    def _dialog(self, seen: Any) -> None:
        self.dialogs.append(f"{seen.type}: {seen.message}")
        seen.dismiss()

    def _answer(self, route: Route) -> None:
        path = route.request.url.removeprefix(ADDRESS)
        match path:
            case "":
                route.fulfill(body=self._html, content_type="text/html")
            case "graph.js":
                route.fulfill(body=self.esm, content_type="text/javascript")
            case "graph.css":
                route.fulfill(body=self.css, content_type="text/css")
            case _:
                if not route.request.url.startswith(("data:", "blob:")):
                    self.outside.append(route.request.url)
                route.abort()


def traits_of(picture: Picture, **traits: Any) -> dict[str, Any]:
    """What the widget gives the browser of a picture, but for what is given here."""
    scene = {} if "scene" in traits else {"scene": make_scene(picture).to_dict()}
    parts = {"nodes": nodes_of(picture, "pipeline"), "edges": edges_of(picture), "snapshot": snapshot_of(picture), **scene}
    return {"key": "key", "live": True, "frozen": None, "options": offered(2), "selected": [], **parts, **traits}


def encoded(value: object) -> str:
    """As Jupyter sends it: JSON, in which there is no NaN, with the bytes beside it."""
    return json.dumps(value, default=_encoded, allow_nan=False)


def _encoded(value: object) -> dict[str, str]:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"$bytes": base64.b64encode(value).decode("ascii")}
    raise TypeError(f"not JSON: {value!r}")
