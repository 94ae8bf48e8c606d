"""A real JupyterLab and a real Chromium, and a host that stands in for JupyterLab where only the graph's module counts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from browser.chromium import Browser
    from browser.host import Host
    from browser.lab import Lab, Server

HERE = "tests/browser/"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.nodeid.startswith(HERE):
            item.add_marker(pytest.mark.browser)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """A failed test leaves a picture of its page, and tells what page and server said."""
    report = yield
    seen = getattr(item, "funcargs", {}).get("lab") or getattr(item, "funcargs", {}).get("host")
    if report.failed and seen is not None:
        try:
            report.sections.append(("browser", seen.report(re.sub(r"\W+", "_", item.name))))
        except Exception as error:  # noqa: BLE001 — the page may be gone; the test's own failure is what counts
            report.sections.append(("browser", f"no report: {error}"))
    return report


# Playwright keeps an event loop running in the thread, which the tests of other files must not meet: hence a module's.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from browser.chromium import launched

    with launched() as started:
        yield started


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    from browser.lab import served

    with served(tmp_path_factory.mktemp("lab")) as started:
        yield started


@pytest.fixture(scope="module")
def lab(browser: Browser, server: Server) -> Iterator[Lab]:
    """One page with JupyterLab for a module; each ``lab.open`` gives a notebook and a kernel of its own."""
    from browser.lab import Lab

    with Lab(browser, server) as opened:
        yield opened


@pytest.fixture
def host(browser: Browser) -> Iterator[Host]:
    """A blank page; ``host.show(traits)`` draws."""
    from browser.host import Host

    with Host(browser) as opened:
        yield opened
