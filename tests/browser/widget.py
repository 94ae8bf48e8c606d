"""The graph as a reader sees it, in JupyterLab or in the host: nodes by their names, statuses by their words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from browser.chromium import expect
from seeknal_nb.status import LOOKS

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from browser.chromium import Page

__all__ = ["STATUS", "Graph"]

STATUS = re.compile(rf"\bsk-({'|'.join(LOOKS)})\b")


class Graph:
    """One view of the graph.

    Attributes:
        root: The whole of it.
        stage: The drawing, which takes the keys.
        panel: The details of what is selected.
    """

    def __init__(self, within: Locator) -> None:
        self.root = within.locator(".sk-root")
        self.page: Page = within.page
        self.stage = self.root.locator(".sk-stage")
        self.panel = self.root.locator(".sk-panel")
        self.progress = self.root.locator(".sk-progress")
        self.search = self.root.locator(".sk-search")

    def painted(self) -> Graph:
        """Brings it into sight, for one that nobody sees paints nothing."""
        expect(self.root).to_have_count(1)
        self.root.scroll_into_view_if_needed()
        expect(self.root.locator(".sk-node, .sk-group").first).to_be_visible()
        return self

    def node(self, name: str) -> Locator:
        named = self.page.locator(".sk-name", has_text=re.compile(f"^{re.escape(name)}$"))
        return self.root.locator(".sk-node").filter(has=named)

    def names(self) -> list[str]:
        """Of the nodes that are drawn, in the order of their numbers."""
        found = self.root.locator(".sk-node").evaluate_all(
            "all => all.map(e => [+e.dataset.i, e.querySelector('.sk-name').textContent])"
        )
        return [name for _, name in sorted(found)]

    def becomes(self, name: str, *statuses: str) -> None:
        """Waits until a node has one of these statuses."""
        expect(self.node(name)).to_have_class(re.compile(rf"\bsk-({'|'.join(statuses)})\b"))

    def become(self, **statuses: str) -> None:
        for name, status in statuses.items():
            self.becomes(name, status)

    def legend(self) -> dict[str, int]:
        """How many nodes have which look."""
        chips = self.root.locator(".sk-chip:visible").evaluate_all("all => all.map(e => [e.dataset.status, e.textContent])")
        return {look: int(text.split()[0].replace(",", "")) for look, text in chips}

    def click(self, name: str) -> None:
        self.node(name).locator(".sk-box").click(force=True)
        expect(self.panel.locator(".sk-id")).to_contain_text(name)

    def press(self, text: str) -> None:
        """Presses a button, of the bar or of the panel."""
        self.root.locator("button", has_text=re.compile(f"^{re.escape(text)}$")).click()

    def tab(self, title: str) -> None:
        """Shows a tab of the details."""
        self.panel.locator("[role=tab]", has_text=title).click()

    def detail(self, name: str) -> Locator:
        """A node's rows and seconds."""
        return self.node(name).locator(".sk-detail")

    def rests(self) -> None:
        """Waits until nothing runs."""
        expect(self.root.locator("[data-do='cancel']")).to_be_hidden()
        expect(self.progress).not_to_contain_text(re.compile(r"^\d+ of \d+ ·"))

    def histories(self, recorded: list[tuple[float, str, str]]) -> dict[str, list[str]]:
        """Of ``Notebook.recorded()``: each node's statuses, one after another."""
        names, found = self.names(), dict[str, list[str]]()
        for _, number, classes in recorded:
            status = STATUS.search(classes)[1]
            past = found.setdefault(names[int(number)], [])
            if past[-1:] != [status]:
                past.append(status)
        return found
